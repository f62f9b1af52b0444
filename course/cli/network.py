"""A network that is kept, resumed, interrupted, asked about pictures: --predict, --model, --save.

The lesson's page trains and measures; what the flags and Ctrl-C add to that stands here.
"""

import numpy as np

from course.errors import InputError, Interrupted, reason_of


def measure(page, options):
    """What the lesson measures, or with --predict what its network says of pictures.

    Args:
        page: the lesson's module. Its `run(options)` has a section "network" with the
            `course.training.History` of its training; other sections may have one as well.

    Raises:
        InputError: flags that do not go together.
        Interrupted: Ctrl-C, with the sections that were measured until then.
    """
    require(options)
    if options.predict:
        return {"pictures": read_pictures(page, options)}
    measured = page.run(options)
    history = measured["network"]["history"]
    if history.interrupted:
        stop(history, options, measured)
    whole = {name: section for name, section in measured.items() if not _interrupted(section)}
    if len(whole) < len(measured):
        (name,) = measured.keys() - whole.keys()
        raise Interrupted(
            f"interrupted in the section {name!r}; the network itself was trained", whole
        )
    return measured


def _interrupted(section):
    return "history" in section and section["history"].interrupted


def require(options):
    """Refuse flags that do not go together, before an hour of training is spent."""
    if options.model is not None and not options.predict:
        raise InputError("--model is for --predict IMAGE; leave it out to train a new model")
    others = (options.save, options.resume, options.data)
    if options.model is not None and any(other is not None for other in others):
        raise InputError("--model is trained already; leave out --data, --resume and --save")
    if options.save is not None:
        from course import training

        training.require_model_name(options.save)


def stop(history, options, measured=None):
    """Raise `Interrupted`: what Ctrl-C kept of a training.

    Args:
        measured: what there is to report on where --save has not kept the model.
    """
    kept = (
        f"interrupted in epoch {history.epochs + 1}; the best weights so far,"
        f" of epoch {history.best_epoch}, are "
    )
    if options.save is not None:
        raise Interrupted(f"{kept}in {options.save}")
    if measured is None:
        raise Interrupted(f"{kept}lost (--save keeps them)")
    raise Interrupted(f"{kept}reported on (--save keeps them)", measured)


def read_pictures(page, options):
    """What the pictures of --predict show, by the model of --model or by one trained for it."""
    from course import data, training
    from course.data import pictures

    X = np.array([pictures.read_digit(path) for path in options.predict])[..., None]
    if options.model is not None:
        model = training.load_model(options.model, X.shape[1:])
    else:
        digits = data.load_images(options.data)
        model = page.build_model(n_classes=digits.n_classes, seed=options.seed)
        history = page.train(
            model, digits, options.epochs or page.QUICK_EPOCHS, options.seed,
            patience=options.patience, resume=options.resume, save=options.save,
        )  # fmt: skip
        if history.interrupted:
            stop(history, options)
    p = page.predict(model, X) if options.model is None else asked(page, model, X, options.model)
    return dict(paths=options.predict, X=X, p=p)


def asked(page, model, X, path):
    """The probabilities that a user's model gives: shape (n, classes).

    Raises:
        InputError: it fails, or gives something else; that is seen only as it is asked.
    """
    try:
        p = np.asarray(page.predict(model, X), dtype="float64")
    except Exception as error:  # of any kind, from Keras and its backend
        raise InputError(f"--model {path} cannot read a picture ({reason_of(error)})") from None
    if p.ndim != 2 or len(p) != len(X) or not np.isfinite(p).all():
        raise InputError(f"--model {path} does not give finite probabilities for each picture")
    return p


def results(measured):
    """Of each picture its digit and the probabilities: {what: number}."""
    pictures, shown = measured["pictures"], {}
    for path, row in zip(pictures["paths"], pictures["p"]):
        shown[f"{path} shows a"] = int(row.argmax())
        shown.update({f"{path}: probability of {k}": float(p_k) for k, p_k in enumerate(row)})
    return shown

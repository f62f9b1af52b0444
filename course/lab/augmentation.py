"""The augmentation bench: a digit moved as lesson 12 moves it, and two networks that read it."""

import numpy as np

from course.data import SIDE, load_images
from course.lab.digit import packed

SHOWN = {"plain": "none", "augmented": "rotation, shifts"}  # recipes of lesson 12


def data(measured=None):
    """Two networks, trained on digits as they are and on moved ones; two test digits of each class.

    Args:
        measured: what lesson 12's run measured; it keeps no weights, so that both networks are
            trained here, quickly, on its digits.
    """
    from course import lesson12

    digits = measured["standardised"]["digits"] if measured else load_images()
    networks, models = {}, {}
    for name, recipe in SHOWN.items():
        model = models[name] = lesson12.build_model(digits.X_train, digits.n_classes)
        how = dict(augment=lesson12.RECIPES[recipe], verbose=0)
        lesson12.train(model, digits, lesson12.QUICK_EPOCHS, **how)
        (mean,), (variance,), _, *weights = model.get_weights()  # Normalization's come first
        networks[name] = {
            "weights": [packed(w) for w in weights],
            "mean": float(mean),
            "deviation": float(np.sqrt(variance)),
        }
    y = digits.y_test
    classes = [np.flatnonzero(y == k)[:2] for k in range(digits.n_classes)]
    rows = np.transpose(classes).ravel()
    return {
        "networks": networks,
        "samples": packed(digits.X_test[rows, :, :, 0]),
        "classes": y[rows].tolist(),
        "rows": rows.tolist(),  # of X_test
        "all": {
            "angle": accuracies(models, digits, [(a, (0, 0)) for a in range(-180, 181, 10)]),
            "right": accuracies(models, digits, [(0, (s, 0)) for s in range(-14, 15)]),
            "count": len(y),
        },
        "rotation": lesson12.ROTATION,
        "shift": lesson12.SHIFT * SIDE,
    }


def accuracies(models, digits, moves):
    """The fraction of the test digits that each model reads rightly after each move.

    Args:
        models: {name: model}.
        moves: pairs of an angle and a shift; one of the two changes.

    Returns:
        {name: a fraction for each move}, and `values`: what changes.
    """
    from course import lesson12

    X, y = digits.X_test, digits.y_test
    moved = [lesson12.move(X, angle, shift) for angle, shift in moves]
    found = {
        name: [round(float(lesson12.accuracy(model, X, y)), 4) for X in moved]
        for name, model in models.items()
    }
    changes = [angle or shift[0] for angle, shift in moves]
    return {"values": changes, **found}


def read_moved(X, network, angles=0, shifts=(0, 0), mirrored=False, upside_down=False):
    """What a network says of pictures that are moved first.

    Args:
        X: shape (n, 28, 28, 1).
        network: one of the page's: weights, and mean and deviation of all training pixels.
        angles: degrees, anticlockwise: one, or one for each picture.
        shifts: pixels to the right and down, (2,) or (n, 2).

    Returns:
        Probabilities, shape (n, 10).

    >>> from course import lesson11
    >>> shapes = [w.shape for w in lesson11.build_model().weights]
    >>> network = {"weights": [np.zeros(s) for s in shapes], "mean": 0.1, "deviation": 0.3}
    >>> read_moved(np.ones((1, 28, 28, 1)), network, 30, (2, 0)).tolist() == [[0.1] * 10]
    True
    """
    from course import lesson11, lesson12

    moved = lesson12.move(X, angles, shifts, mirrored, upside_down)
    Z = (moved.astype("float64") - network["mean"]) / network["deviation"]
    return lesson11.forward(Z, network["weights"])[-1]

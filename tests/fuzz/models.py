"""Saved models of Keras, edited by hand or damaged, that are to read a picture."""

import functools
import io
import json
import re
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import h5py
import keras
import law
import numpy as np
from hypothesis import strategies as st
from pictures import Picture, written as written_picture
from tables import CHANGES, DAMAGE, damaged

from course.cli import main, network

SHAPE = 28, 28, 1
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
DENSE = "layers/dense/vars/0"
ODD = st.sampled_from([None, "", "x", "relu", "Dense", "keras.saving", "string", "int32", "float16",
                       "float64", 0, -1, 2, 7, 1.5, 10**400, float("nan"), True, [], [1], [None],
                       [None, 28, 28, 1], [None, 28, 28, 3], [1, 28, 28, 1], [None] * 4, {},
                       {"class_name": "Dense", "config": {}}])  # fmt: skip
CONTENTS = st.sampled_from([None, b"", b"no", b"null", b"{}", b"[]", b"1", b'"x"', b"\xff\xfe",
                            b"[" * 100_000, b'{"a":' * 100_000, b'{"config": 1}', b"{}" * 2,
                            b'{"keras_version": 3, "date_saved": null}'])  # fmt: skip
FILLS = {
    "NaN": lambda a: np.full_like(a, np.nan),
    "one NaN": lambda a: np.where(np.arange(a.size).reshape(a.shape) == 1, np.nan, a),
    "infinite": lambda a: np.full_like(a, -np.inf),
    "huge": lambda a: np.full_like(a, 3e38),
    "too huge": lambda a: np.full(a.shape, 1e300),
    "words": lambda a: np.full(a.shape, b"one"),
    "whole": lambda a: np.ones(a.shape, "int8"),
    "complex": lambda a: np.full(a.shape, np.nan * 1j),
    "half": lambda a: a[: len(a) // 2],
    "turned": lambda a: a.T,
    "one axis more": lambda a: a[None],
    "a number": lambda a: np.float32(1),
    "none": lambda a: a[:0],
}
LAYERS = {
    "a program": lambda: program(module="keras.layers"),
    "a program, as before Keras 3": lambda: program(),
    "a saved graph": lambda: layer("TFSMLayer", filepath="p.png"),
    "a pickle": lambda: layer("TorchModuleWrapper", module="p.png"),
    "a file": lambda: layer("StringLookup", vocabulary="p.png"),
    "load_model": lambda: calling("load_model", "saving"),
    "unsafe": lambda: calling("enable_unsafe_deserialization", "config"),
    "sum": lambda: calling("sum", "ops"),
    "shape": lambda: calling("shape", "ops"),
    "log": lambda: calling("log", "ops"),
    "large": lambda: layer("Rescaling", scale=1e38),
    "no number": lambda: layer("Rescaling", scale=float("nan")),
    "noise": lambda: layer("GaussianNoise", stddev=0.1),
    "no rows": lambda: layer("MaxPooling2D", pool_size=29),
    "turned": lambda: layer("Permute", dims=[3, 1, 2]),
    "a table": lambda: layer("Embedding", input_dim=3, output_dim=2),
    "more weights": lambda: layer("BatchNormalization"),
    "other pictures": lambda: layer("Resizing", height=5, width=5),
    "other units": lambda: layer("Dense", units=300, name="dense"),
    "too many units": lambda: layer("Dense", units=10**17),
    "words": lambda: layer("Dense", units="x"),
    "no layer": lambda: layer("SGD", "keras.optimizers", learning_rate=0.1),
    "of another's": lambda: layer("Popen", "subprocess", args=["touch", "ran"]),
    "deep": lambda: functools.reduce(
        lambda inner, _: layer("Sequential", "keras", layers=[inner]), range(60), layer("Flatten")),
}  # fmt: skip
FILES = {
    "empty": lambda: b"",
    "text": lambda: b"a,y\n1,2\n",
    "weights only": lambda: members()[WEIGHTS],
    "a picture": lambda: members()["p.png"],
    "many disks": lambda: b"PK\x06\x07" + b"\1" * 16 + b"PK\x05\x06" + b"\0" * 18,
    "no members": lambda: b"PK\x05\x06" + b"\0" * 18,
    "a folder": lambda: None,
}
RARELY = st.integers(0, 9).flatmap(lambda k: st.just([]) if k else CHANGES)
PROGRAM = st.just("a program")
NAMES = st.sampled_from(["../ran", "../../ran", "assets/../../ran", "assets/ran", "assets/layers/0",
                         "ä 面", "a" * 300, "assets/", ".", "C:\\ran", WEIGHTS, CONFIG,
                         "model.weights.npz"])  # fmt: skip


class Model(NamedTuple):
    """Edits of a saved model, (what, where, its new value), and changes of its bytes."""

    edits: list
    changes: list
    file: str | None = None  # another file in its place


def layer(kind, module="keras.layers", **config):
    """A layer as config.json has it."""
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def calling(name, module):
    """A layer whose activation is any function of Keras."""
    function = {"class_name": "function", "config": name, "registered_name": name}
    return layer("Activation", activation={"module": f"keras.{module}", **function})


def program(**names):
    """A layer whose function, saved with it, writes a file as it is called."""
    run = keras.layers.Lambda(lambda x: open("ran", "w").close() or x)
    return {**names, "class_name": "Lambda", "config": run.get_config()}


@functools.cache
def members():
    """The files in a saved model, and a picture: {name: bytes}."""
    rng = np.random.default_rng(0)
    model = keras.Sequential([
        keras.Input(SHAPE), keras.layers.AveragePooling2D(7, name="pool"),
        keras.layers.Flatten(name="flat"), keras.layers.Dense(4, "tanh", name="dense"),
        keras.layers.Dense(3, "softmax", name="last"),
    ])  # fmt: skip
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    with law.fresh_folder({}):
        model.save("m.keras")
        content = Path("m.keras").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    found[CONFIG] = re.sub(rb'("shared_object_id": )\d+', rb"\g<1>1", found[CONFIG])
    return {**found, "p.png": written_picture(Picture("PNG", "L", (28, 28), "stroke", 1, []))}


@functools.cache
def nodes():
    """Paths of all values in config.json: tuples of keys."""

    def below(value, path):
        yield path
        items = enumerate(value) if isinstance(value, list) else getattr(value, "items", tuple)()
        for key, inner in items:
            yield from below(inner, (*path, key))

    return sorted(below(json.loads(members()[CONFIG]), ()), key=repr)


@st.composite
def edits(draw):
    what = draw(st.sampled_from(["config", "layer", "array", "member", "name"]))
    if what == "config":
        where, value = draw(st.integers(0, 999)), draw(ODD)
    elif what == "layer":
        where, value = draw(st.integers(0, 4)), draw(st.sampled_from(sorted(LAYERS)) | PROGRAM)
    elif what == "array":
        where = draw(st.sampled_from([DENSE, DENSE, "layers/last/vars/1"]))
        value = draw(st.sampled_from(["missing", *sorted(FILLS)]))
    elif what == "member":
        where, value = draw(st.sampled_from([CONFIG, METADATA, WEIGHTS])), draw(CONTENTS)
    else:
        where, value = draw(NAMES), draw(st.sampled_from([b"", b"x" * 50]))
    return what, where, value


def models():
    edited = st.builds(Model, st.lists(edits(), min_size=1, max_size=2), RARELY, st.none())
    others = st.builds(Model, st.just([]), DAMAGE, st.sampled_from(sorted(FILES)))
    changed = st.builds(Model, st.just([]), CHANGES, st.none())
    return st.integers(0, 9).flatmap(lambda k: [others, changed][k] if k < 2 else edited)


def edited_config(text, path, value):
    """config.json with another value at a path, if an edit before has left that."""
    if not path:
        return json.dumps(value).encode()
    try:
        config = part = json.loads(text)
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
    except (LookupError, TypeError, ValueError, RecursionError):
        return text
    return json.dumps(config).encode()


def edited_weights(content, where, value):
    """model.weights.h5 with another array, if edits before have left numbers."""
    if content is None or not content.startswith(b"\x89HDF"):
        return content
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        if where in file and file[where].dtype.kind == "f":
            array = file.pop(where)[()]
            if value != "missing":
                file[where] = FILLS[value](array)
    return stream.getvalue()


def written(model):
    """The file's bytes, or None for a folder."""
    if model.file is not None:
        content = FILES[model.file]()
        return content if content is None else damaged(content, model.changes)
    found, more = {name: members()[name] for name in (METADATA, CONFIG, WEIGHTS)}, []
    for what, where, value in model.edits:
        if what == "config":
            path = nodes()[where * len(nodes()) // 1000]
            found[CONFIG] = edited_config(found[CONFIG], path, value)
        elif what == "layer":
            path = "config", "layers", where
            found[CONFIG] = edited_config(found[CONFIG], path, LAYERS[value]())
        elif what == "array":
            found[WEIGHTS] = edited_weights(found[WEIGHTS], where, value)
        elif what == "member":
            found[where] = value
        else:
            more += [(where, value), ("assets/x", b"x")]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, warnings.catch_warnings(action="ignore"):
        for name, content in [*found.items(), *more]:
            if content is not None:
                archive.writestr(zipfile.ZipInfo(name), content)
    return damaged(stream.getvalue(), model.changes)


def at_once(model, X):
    """`lesson11.predict` without compiling."""
    return keras.ops.convert_to_numpy(model(X, training=False))


def hold(model):
    """A model that is accepted says numbers of a picture; nothing is run or left beside it."""
    with law.fresh_folder({"p.png": members()["p.png"]}) as folder:
        content = written(model)
        if content is None:
            Path("m.keras").mkdir()
        else:
            Path("m.keras").write_bytes(content)
        Path("tmp").mkdir()
        options = SimpleNamespace(predict=("p.png",), model="m.keras")
        with law.environment_of({"TMPDIR": str(folder / "tmp")}):
            found = law.read(network.read_pictures, SimpleNamespace(predict=at_once), options)
        law.promise(not list(folder.rglob("ran")), "a program in a model was run")
        left = {str(path.relative_to(folder)) for path in folder.rglob("*")}
        law.promise(left == {"p.png", "m.keras", "tmp"}, "something is left beside a model", left)
    if found is not None:
        law.promise(found["p"].ndim == 2 and len(found["p"]) == 1, "no row for a picture")
        law.promise(np.isfinite(found["p"]).all(), "probabilities that are not finite")


def hold_command(model):
    """As `hold`, by the command."""
    content = written(model)
    found = {"p.png": members()["p.png"]} | ({} if content is None else {"m.keras": content})
    argv = ["--predict", "p.png", "--model", "m.keras", "--json"]
    ran = law.run(lambda argv: main("lesson11", argv), argv, found)
    if ran.status in (0, 1):
        results = json.loads(ran.out)["results"]
        law.promise(np.isfinite(list(results.values())).all(), "results that are not finite")

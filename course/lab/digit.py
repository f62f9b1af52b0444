"""The digit bench: a drawing, the picture made of it, and lesson 11's network on that."""

import base64
import json
import urllib.request

import numpy as np

from course.data import load_images
from course.errors import InputError

PAPER, PEN = 280, 28  # pixels of the paper that is drawn on, and of the pen, at first


def data(measured=None):
    """The trained network, and two test digits of each class: the first, and the hardest other.

    Args:
        measured: what lesson 11's run measured; none: its network is trained, quickly.
    """
    from course import lesson11

    if measured is None:
        digits = load_images()
        model = lesson11.build_model(n_classes=digits.n_classes)
        lesson11.train(model, digits, lesson11.QUICK_EPOCHS, verbose=0)
        weights, p = model.get_weights(), lesson11.predict(model, digits.X_test)
    else:
        network = measured["network"]
        digits, weights, p = network["digits"], network["weights"], network["p"]
    y = digits.y_test
    right = p[np.arange(len(y)), y]
    classes = [np.flatnonzero(y == k) for k in range(digits.n_classes)]
    rows = [of_class[0] for of_class in classes]
    rows += [others[right[others].argmin()] for _, *others in classes]
    return {
        "weights": [packed(w) for w in weights],
        "samples": packed(digits.X_test[rows, :, :, 0]),
        "classes": y[rows].tolist(),
        "rows": np.array(rows).tolist(),  # of X_test
    }


def packed(array):
    """An array as {shape, float32}: base64 of the bytes, the lowest of each number first.

    >>> packed(np.array([[1.0, 0.5]]))
    {'shape': [1, 2], 'float32': 'AACAPwAAAD8='}
    """
    numbers = np.asarray(array, "<f4")
    return {"shape": list(numbers.shape), "float32": base64.b64encode(numbers.tobytes()).decode()}


def unpacked(value):
    """What `packed` made of an array, anywhere in a bench's data.

    >>> unpacked({"bias": [{"shape": [1, 2], "float32": "AACAPwAAAD8="}]})["bias"][0].tolist()
    [[1.0, 0.5]]
    """
    if isinstance(value, list):
        return [unpacked(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"shape", "float32"}:
        numbers = np.frombuffer(base64.b64decode(value["float32"]), "<f4")
        return numbers.reshape(value["shape"])
    return {key: unpacked(inner) for key, inner in value.items()}


def read_page(address):
    """The data of a bench's page, as the page itself loads them; its arrays as NumPy's.

    Args:
        address: of the page's data, https://….js or file://….js.

    Raises:
        InputError: one line: they cannot be read.
    """
    try:
        with urllib.request.urlopen(address) as file:
            text = file.read().decode()
        return unpacked(json.loads(text.partition(" = ")[2].rstrip(";\n")))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the bench's data at {address}: {error}") from None


def draw_strokes(strokes, pen=PEN):
    """The ink of a drawing: shape (280, 280), float32, from 0, paper, to 1, ink.

    A pixel's ink falls from 1 to 0 over one pixel at the edge of the round pen.

    Args:
        strokes: lists of (x, y), whole numbers from 0 to 279, x to the right and y down; straight
            pieces join the points, and a stroke of one point is a dot.
        pen: pixels, its width.

    >>> ink = draw_strokes([[(20, 10), (20, 50)], [(100, 100)]], pen=5)
    >>> ink[30, 16:25].tolist(), ink[100, 96:105].tolist()
    ([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    """
    ink, reach = np.zeros((PAPER, PAPER), "float32"), pen / 2 + 0.5
    for points in strokes:
        for start, end in zip(points, [*points[1:], *points[-1:]]):
            low, high = np.minimum(start, end) - reach, np.maximum(start, end) + reach
            low = np.ceil(low).clip(0).astype(int)
            high = np.floor(high).clip(max=PAPER - 1).astype(int)
            x, y = np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1)[:, None]
            (x0, y0), (dx, dy) = start, np.subtract(end, start)
            along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy or 1)
            along = along.clip(0, 1)
            aside, below = x - x0 - along * dx, y - y0 - along * dy
            distance = np.sqrt(aside * aside + below * below)
            part = ink[low[1] : high[1] + 1, low[0] : high[0] + 1]
            np.maximum(part, (reach - distance).clip(0, 1).astype("float32"), out=part)
    return ink

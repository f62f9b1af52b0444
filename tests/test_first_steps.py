"""What somebody tries in the first hour, in Python: the lines of README, lists, the builders."""

import re

import numpy as np
import pytest
from conftest import ROOT

from course import lesson01, lesson02, lesson03, lesson04, lesson07, lesson13, training

READMES = ("README.md", "README.zh.md")


def python_lines(page):
    """The lines of Python that a README shows, without the comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (block,) = re.findall(r"(?:^    (?:from|import) .*\n)(?:(?:^    .*)?\n)*", text, re.MULTILINE)
    lines = [line[4:].partition("#")[0].rstrip() for line in block.splitlines()]
    return "\n".join(lines).strip()


def test_the_first_lines_of_python_do_what_they_say():
    names = {}
    exec(python_lines("README.md"), names)
    assert names["path"].dtype == "float64"
    expected = lesson03.descend(*lesson03.load_data(), 0.1, 50)
    # Keras averages "mse" in float32 on JAX and PyTorch.
    np.testing.assert_allclose(names["path"], expected, rtol=0, atol=2e-7 * np.abs(expected).max())
    assert names["digits"].X_train.shape == (1200, 28, 28, 1)
    assert python_lines("README.zh.md") == python_lines("README.md")


@pytest.mark.parametrize("page", READMES)
def test_course_comes_before_keras(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for word in ("`course`", 'precision("float64")', "data.load_digits28()"):
        assert word in text
    assert "before Keras" in text or "在 Keras 之前" in text


X, Y = [[0], [1], [2], [3]], [5, 7, 9, 11]
COLUMN = [[y] for y in Y]
ORDER = [[0, 2, 1, 3], [3, 1, 0, 2]]
TRAINED = {
    "lesson01": lambda c: lesson01.train(lesson01.build_model([1, 2]), c([1, 2]), c([2, 4]))[1],
    "lesson02": lambda c: lesson02.train(lesson02.build_model(), c([1, 2]), c([2, 4]), 3),
    "lesson03": lambda c: lesson03.train(lesson03.build_model(), c(X), c(Y), 3),
    "lesson04": lambda c: lesson04.train(lesson04.build_model(), c(X), c(Y), c(ORDER), 2),
    "lesson07": lambda c: lesson07.train(two_layers(), c(X), c(COLUMN), 3).costs,
    "training": lambda c: training.train(
        lesson03.build_model(), c(X), c(COLUMN), epochs=2, batch_size=2, seed=0,
        validation_data=(c(X), c(COLUMN)), verbose=0,
    ).logs["loss"],
}  # fmt: skip


def two_layers():
    model = lesson07.build_model(1)
    model.set_weights([np.full(w.shape, 0.5) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("name", TRAINED)
def test_train_takes_lists(name):
    np.testing.assert_array_equal(TRAINED[name](list), TRAINED[name](np.array))


def test_a_network_does_not_start_at_zero():
    """Where all units are the same they stay so, whatever is learnt."""
    (rows, labels), *_ = lesson13.load_data()
    model = lesson13.build_model()
    start = model.get_weights()
    for weights, drawn in zip(start, training.draw_weights([w.shape for w in start], seed=0)):
        np.testing.assert_array_equal(weights, drawn.astype("float32"))
    assert not np.array_equal(lesson13.build_model(seed=1).get_weights()[0], start[0])
    lesson13.train(model, rows, labels, np.arange(len(rows)))
    W1 = model.get_weights()[0]
    assert np.abs(W1 - W1[:, :1]).max() > 0.1

import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import child_environment
from keras import ops
from scipy import optimize

from course import optimizers, prox  # noqa: F401  optimizers tells Keras of ElasticNet
from course.prox import ElasticNet, soft_threshold

RNG = np.random.default_rng(0)
PAIRS = RNG.normal(size=(12, 2, 6)) * 10.0 ** RNG.uniform(-2, 2, (12, 1, 1))
THRESHOLD = RNG.uniform(0, 1, 6)
PROXES = {
    "soft_threshold": lambda w: soft_threshold(w, 0.7),
    "soft_threshold, one each": lambda w: soft_threshold(w, THRESHOLD),
    "prox_elastic_net": lambda w: prox.prox_elastic_net(w, np.float64(0.5), 1.2, 0.4),
    "ElasticNet": lambda w: ElasticNet(0.3, 0.5)(w, 2.0),
    "project_nonnegative": prox.project_nonnegative,
    "project_l1_ball": lambda w: prox.project_l1_ball(w, np.float64(1.5)),
    "project_l2_ball": lambda w: prox.project_l2_ball(w, 1.5),
}
PROJECTIONS = [name for name in PROXES if "project" in name]


def as_given(w):
    return w


@pytest.fixture(params=["NumPy", "Keras"], autouse=True)
def _side(request, monkeypatch):
    """Every test twice: on NumPy arrays, and on tensors of the Keras backend."""
    if request.param == "Keras":
        monkeypatch.setattr(sys.modules[__name__], "as_given", ops.convert_to_tensor)


def apply(name, w):
    found = PROXES[name](as_given(w))
    assert isinstance(found, np.ndarray) == isinstance(as_given(w), np.ndarray)
    return ops.convert_to_numpy(found)


def test_numpy_arrays_need_no_keras():
    code = """
import sys
import numpy as np
from course import prox
w = np.array([3.0, -0.5])
prox.ElasticNet(0.3).penalty(prox.ElasticNet(0.3)(w, 0.1))
for project in (prox.project_l1_ball, prox.project_l2_ball):
    prox.project_nonnegative(project(w, 1.0))
sys.exit("keras" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], env=child_environment(), check=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PROXES)
def test_shape_and_dtype_are_kept_and_the_argument_is_not_changed(name, dtype):
    for w in (PAIRS[0].astype(dtype), np.zeros(6, dtype)):
        before = w.copy()
        found = apply(name, w)
        assert (found.dtype, found.shape) == (dtype, w.shape)
        np.testing.assert_array_equal(w, before)
        digits = {"float64": 1e-14, "float32": 1e-6}[dtype]
        np.testing.assert_allclose(
            found, apply(name, w.astype("float64")), rtol=digits, atol=digits
        )


def minimum(cost, v):
    """The argmin of ½(u − v)² + cost(u) by search."""
    found = optimize.minimize_scalar(
        lambda u: (u - v) ** 2 / 2 + cost(u), bounds=(-abs(v) - 1, abs(v) + 1),
        method="bounded", options={"xatol": 1e-12},
    )  # fmt: skip
    return found.x


@pytest.mark.parametrize("v", [-3.0, -0.71, -0.3, 0.0, 0.5, 0.69, 2.0, 40.0])
def test_weight_by_weight_it_is_the_minimum_of_the_cost(v):
    w = np.array([v])
    costs = {
        "soft_threshold": lambda u: 0.7 * abs(u),
        "prox_elastic_net": lambda u: 0.5 * 1.2 * (0.4 * abs(u) + 0.3 * u * u),
        "ElasticNet": lambda u: 2 * float(ElasticNet(0.3, 0.5).penalty(as_given(np.array([u])))),
        "project_nonnegative": lambda u: 0 if u >= 0 else 1e6 * u * u + 1e3 * abs(u),
    }
    for name, cost in costs.items():
        assert apply(name, w)[0] == pytest.approx(minimum(cost, v), abs=1e-6)


@pytest.mark.parametrize(("name", "order"), [("project_l1_ball", 1), ("project_l2_ball", 2)])
def test_a_projection_is_the_nearest_point_of_the_ball(name, order):
    for v in PAIRS[:, 0]:
        found = apply(name, v)
        assert np.linalg.norm(found, order) <= 1.5 * (1 + 1e-14)
        # Of a convex set, p is nearest to v if no direction into the set leads towards v.
        for corner in [1.5 * sign * unit for sign in (1, -1) for unit in np.eye(6)]:
            assert (corner - found) @ (v - found) <= 1e-13 * (1 + v @ v)
        if order == 1:
            split = optimize.minimize(
                lambda u, v=v: np.sum((u[:6] - u[6:] - v) ** 2), np.full(12, 0.01),
                jac=lambda u, v=v: 2 * np.tile(u[:6] - u[6:] - v, 2) * np.repeat([1, -1], 6),
                bounds=[(0, None)] * 12, method="SLSQP", options={"ftol": 1e-14, "maxiter": 500},
                constraints={"type": "ineq", "fun": lambda u: 1.5 - u.sum()},
            )  # fmt: skip
            near = split.x[:6] - split.x[6:]
            assert np.linalg.norm(found - v) <= np.linalg.norm(near - v) + 1e-6
        elif np.linalg.norm(v) > 1.5:
            np.testing.assert_allclose(found, 1.5 * v / np.linalg.norm(v), rtol=1e-14)


@pytest.mark.parametrize("name", PROXES)
def test_firmly_non_expansive(name):
    """‖p(u) − p(v)‖² ≤ (p(u) − p(v))·(u − v), so that no step can diverge."""
    for u, v in PAIRS:
        moved = apply(name, u) - apply(name, v)
        assert moved @ moved <= moved @ (u - v) + 1e-12 * (u @ u + v @ v)


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_projection_twice_is_one(name):
    for v in PAIRS[:, 0]:
        once = apply(name, v)
        np.testing.assert_allclose(apply(name, once), once, rtol=1e-14, atol=1e-15)


def test_inside_nothing_moves():
    for w in (np.array([0.5, -0.5, 0.25]), np.array([1.5, 0.0, 0.0]), np.zeros(3)):
        np.testing.assert_array_equal(apply("project_l1_ball", w), w)
        np.testing.assert_array_equal(apply("project_l2_ball", w), w)
    found = soft_threshold(as_given(PAIRS), 0.0)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), PAIRS)


@pytest.mark.parametrize("radius", [0.0, 1e-300, 1e-17])
@pytest.mark.parametrize("project", [prox.project_l1_ball, prox.project_l2_ball])
def test_onto_a_ball_of_next_to_no_radius(project, radius):
    for w in (*PAIRS[:, 0], np.zeros(6)):
        found = ops.convert_to_numpy(project(as_given(w), radius))
        assert np.abs(found).max() <= radius + np.spacing(np.abs(w).max())


@pytest.mark.parametrize("name", PROXES)
def test_lists_and_whole_numbers_are_taken_for_floating_point(name):
    w = [3, 0, -2, 1, -1, 4]
    for given in (w, tuple(w), np.array(w), np.array(w, "int32")):
        found = PROXES[name](given)
        assert found.dtype == "float64"
        np.testing.assert_array_equal(found, PROXES[name](np.array(w, "float64")))
    assert PROXES[name](np.float32([0.25] * 6)).dtype == "float32"


def test_a_number_is_an_array_without_axes():
    assert (soft_threshold(3, 0.5), soft_threshold(-0.25, 0.5)) == (2.5, 0.0)
    assert prox.project_nonnegative(-1) == 0


def test_a_threshold_broadcasts():
    w, threshold = PAIRS[:4, 0], np.array([[0.0], [0.5], [1.0], [np.inf]])
    expected = np.sign(w) * np.maximum(np.abs(w) - threshold, 0)
    found = ops.convert_to_numpy(soft_threshold(as_given(w), threshold))
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert not found[3].any()


def test_an_elastic_net_is_saved_and_loaded():
    # That a whole model is, with its optimizer and this, is shown in test_optimizers.
    kind = keras.saving.get_registered_object("course>ElasticNet")
    copy = kind.from_config(ElasticNet(0.3, 0.25).get_config())
    assert isinstance(copy, ElasticNet)
    assert copy.get_config() == {"alpha": 0.3, "l1_ratio": 0.25}
    penalty = 0.3 * (0.25 * np.abs(PAIRS).sum() + 0.375 * np.sum(PAIRS**2))
    assert float(copy.penalty(as_given(PAIRS))) == pytest.approx(penalty, rel=1e-14)


@pytest.mark.parametrize(("alpha", "l1_ratio", "message"), [
    (-1, 1, "alpha must be a finite number of at least 0, got -1"),
    (np.nan, 1, "at least 0, got nan"),
    (np.inf, 1, "at least 0, got inf"),
    (1, 1.5, "l1_ratio must lie in [0, 1], got 1.5"),
    (1, np.nan, "l1_ratio must lie in [0, 1], got nan"),
])  # fmt: skip
def test_numbers_out_of_range_are_refused(alpha, l1_ratio, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ElasticNet(alpha, l1_ratio)


FAULTS = {
    "soft_threshold": lambda w: soft_threshold(w, 0.35),
    "prox_elastic_net": lambda w: soft_threshold(w, 0.5 * 1.2 * 0.4),
    "project_nonnegative": abs,
}


@pytest.mark.parametrize("name", FAULTS)
def test_injected_faults_are_caught(name, monkeypatch):
    monkeypatch.setitem(PROXES, name, FAULTS[name])
    with pytest.raises(AssertionError):
        test_weight_by_weight_it_is_the_minimum_of_the_cost(-3.0)


def test_a_projection_along_the_wrong_line_is_caught(monkeypatch):
    shrunk = lambda w: w * min(1, 1.5 / np.abs(ops.convert_to_numpy(w)).sum())  # noqa: E731
    monkeypatch.setitem(PROXES, "project_l1_ball", shrunk)
    with pytest.raises(AssertionError):
        test_a_projection_is_the_nearest_point_of_the_ball("project_l1_ball", 1)

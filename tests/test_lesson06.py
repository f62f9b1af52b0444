import numpy as np
import pytest
from mistakes import Mistake, assert_caught
from scipy import optimize, special
from sklearn import datasets
from sklearn.linear_model import LogisticRegression

from course import lesson06 as lesson
from course.cli.report import Options


@pytest.mark.parametrize(
    ("options", "checks"),
    [(Options(), 35), (Options(quick=True, seed=5), 35), (Options(steps=3), 29)],
)
def test_every_check_holds(options, checks):
    report = lesson.run(options)
    assert len(report.checks) == checks
    assert [check.name for check in report.checks if not check.passed] == []


def test_float32_holds_its_own_tolerance():
    assert lesson.run(Options(dtype="float32")).passed


def test_the_fixed_values():
    results = lesson.run(Options(quick=True)).results
    assert results["cost of p = 0, by hand"] == np.inf
    assert results["cost of p = 1e-12, by hand"] == pytest.approx(27.631, abs=1e-3)
    assert results["both in Keras, clipped at 1e-7"] == pytest.approx([16.118] * 2, abs=1e-3)
    assert results["labels all on, all off: cost under softmax"] == pytest.approx(
        [1.0986, 0.4055], abs=1e-4
    )


def test_mse_is_the_mean_over_rows_and_targets():
    y, y_hat = np.zeros((2, 3)), np.array([[1.0, 2, 3], [0, 0, 2]])
    assert lesson.mean_squared_error(y, y_hat) == 18 / 6


def test_the_objective_is_scikit_learns():
    """The lesson's sum, minimised by SciPy with a penalty written out here, meets its weights."""
    X, species = datasets.load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rows = np.arange(150)

    def J(flat):
        W, b = flat[:12].reshape(4, 3), flat[12:]
        log_p = special.log_softmax(X @ W + b, axis=1)
        return -log_p[rows, species].mean() + np.sum(W**2) / (2 * lesson.C * 150)

    found = optimize.minimize(J, np.zeros(15), tol=1e-10).x
    fitted = LogisticRegression(C=lesson.C, **lesson.EXACT).fit(X, species)
    # SciPy's own finite differences: no better than the root of rounding, along a flat valley.
    np.testing.assert_allclose(found[:12].reshape(4, 3), fitted.coef_.T, atol=1e-3)
    np.testing.assert_allclose(found[12:], fitted.intercept_, atol=1e-3)


def test_the_softmax_floor_is_the_one_scipy_finds():
    def cost(z, y):
        p = special.softmax(z)
        return -np.mean(special.xlogy(y, p) + special.xlog1py(1 - y, -p))

    for y, floor in ((np.ones(3), np.log(3)), (np.zeros(3), np.log(1.5))):
        found = optimize.minimize(cost, [0.3, -0.2, 0.1], args=(y,))
        assert found.fun == pytest.approx(floor, abs=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_the_softmax_floor_is_reached_from_any_start(seed):
    assert lesson.softmax_for_labels(Options(seed=seed)).passed


@pytest.mark.parametrize("seed", range(10))
def test_labels_meet_scikit_learn_for_any_seed(seed, monkeypatch):
    # By hand only: the compiled twin gets the same X and y whatever the seed.
    monkeypatch.setattr(
        lesson, "train", lambda model, X, y, steps: np.zeros((steps + 1, X.shape[1] + 1, 3))
    )
    checks = lesson.three_labels(Options(seed=seed))[0].checks
    assert [check.name for check in checks if not check.passed and "Keras" not in check.name] == []


def test_the_figures_draw():
    figures = lesson.run(Options(quick=True)).figures
    assert set(figures) == {"curves", "saturated", "fitted"}
    for draw in figures.values():
        assert draw().axes


DEFAULT, QUICK = Options(), Options(quick=True)


def forget(name):
    """A cost function that ignores one of its keyword arguments."""
    return lambda right: lambda *a, **how: right(*a, **{k: v for k, v in how.items() if k != name})


MISTAKES = [
    Mistake("MSE averaged over rows only", "mean_squared_error",
            lambda right: lambda y, y_hat, weights=None: np.shape(y)[1] * right(y, y_hat, weights),
            lambda: lesson.three_ways(DEFAULT),
            ["costs by hand = scikit-learn", "weighted costs by hand = scikit-learn",
             "sigmoid + MSE: 2 (p − y) p (1 − p)/(mn), = by differences"]),
    Mistake("binary cross entropy without the labels that are off", "binary_cross_entropy",
            lambda right: lambda y, p, from_logits=False, **how:
                -np.mean(y * np.log(special.expit(p) if from_logits else p)),
            lambda: lesson.three_ways(DEFAULT),
            ["costs by hand = scikit-learn",
             "sigmoid + cross entropy: (p − y)/(mn), = by differences"]),
    Mistake("weights forgotten", "cross_entropy", forget("weights"),
            lambda: lesson.three_ways(DEFAULT), ["weighted costs by hand = scikit-learn"]),
    Mistake("the clip forgotten", "cross_entropy", forget("clip"), lesson.clip,
            ["clipped by hand = 7 ln 10"]),
    Mistake("a clip at 1e-8", "EPSILON", lambda right: 1e-8, lesson.clip,
            ["ε = Keras's epsilon", "clipped by hand = 7 ln 10"]),
    Mistake("logits turned into probabilities first", "cross_entropy",
            lambda right: lambda y, p, from_logits=False, **how:
                right(y, special.softmax(p, axis=1) if from_logits else p, **how),
            lesson.clip, ["z = −800 costs 800 from logits"]),
    Mistake("a slope without the sigmoid's own", "slope_squared",
            lambda right: lambda y, p, terms: 2 * (p - y) / terms,
            lambda: lesson.three_ways(DEFAULT),
            ["sigmoid + MSE: 2 (p − y) p (1 − p)/(mn), = by differences",
             "sigmoid + MSE: 2 (p − y) p (1 − p)/(mn), = autodiff"]),
    Mistake("a slope without its 2", "slope_squared", lambda right: lambda *a: right(*a) / 2,
            lambda: lesson.saturated(DEFAULT),
            ["saturated: w, b at every step, Keras = by hand", "steps until p = ½, MSE"]),
    Mistake("y − p", "slope_of_its_own", lambda right: lambda *a: -right(*a),
            lambda: lesson.three_ways(DEFAULT),
            ["softmax + cross entropy: (p − y)/n, = by differences",
             "softmax + cross entropy: (p − y)/n, = autodiff",
             "sigmoid + cross entropy: (p − y)/(mn), = autodiff"]),
    Mistake("the same cost for both units", "sigmoid_squared_error",
            lambda right: lesson.sigmoid_cross_entropy, lambda: lesson.saturated(DEFAULT),
            ["saturated: first slopes, Keras = formula",
             "saturated: w, b at every step, Keras = by hand"]),
    Mistake("probabilities that sum to 0.9", "softmax",
            lambda right: lambda z: 0.9 * right(z), lambda: lesson.softmax_for_labels(DEFAULT),
            ["best softmax for all on, all off = ln m, −ln(1 − 1/m)"]),
    Mistake("a penalised intercept", "descend",
            lambda right: lambda X, slope, theta, rate, steps, momentum, penalty:
                right(np.column_stack([X, np.ones(len(X))]), slope,
                      np.vstack([theta, theta[:1]]), rate, steps, momentum, penalty)[:, :-1],
            lambda: lesson.iris(DEFAULT)[0],
            ["iris: W, b by hand = scikit-learn", "iris: every step, Keras = by hand"]),
    Mistake("a penalty without its ½", "build_model",
            lambda right: lambda *a: right(*a[:-1], 2 * a[-1]),
            lambda: lesson.iris(DEFAULT)[0],
            ["iris: W, b in Keras = scikit-learn", "iris: every step, Keras = by hand"]),
    Mistake("labels averaged over rows only", "sigmoid_cross_entropy",
            lambda right: lambda y, z: 3 * right(y, z), lambda: lesson.three_labels(DEFAULT)[0],
            ["labels: W, b in Keras = scikit-learn", "labels: every step, Keras = by hand"]),
    Mistake("plain descent for Nesterov's", "descend",
            lambda right: lambda *a: right(*a[:5], 0.0, *a[6:]),
            lambda: lesson.iris(DEFAULT)[0],
            ["iris: W, b by hand = scikit-learn", "iris: log-loss = scikit-learn"]),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_caught(monkeypatch, mistake):
    assert_caught(monkeypatch, lesson, mistake)

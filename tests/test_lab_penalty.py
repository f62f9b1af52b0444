"""The penalty bench's numbers are Python's: lessons 8, 9 and 10, and scikit-learn."""

import functools

import numpy as np
import pytest
from bench_pages import assert_near, caught, no_nonsense, page, spoilt
from conftest import ROOT
from sklearn.linear_model import Lasso, Ridge, lars_path
from website import in_browser, on_the_site

from course import data, lab, lesson09, lesson10

pytestmark = [
    *on_the_site,
    in_browser,
    pytest.mark.filterwarnings("ignore:Objective did not converge"),  # to 1e-16 it cannot
    pytest.mark.filterwarnings("ignore:With alpha=0"),
]
OWN = [[1, 2, 3], [2, 1, 5.5], [4, -1, 3], [3, 3, 7], [0.5, 8, -2]]
MOVED = {"moved": True, "w1": 3.0, "w2": 2.4}
SETTINGS = [
    {},
    {"l1": 0.0},
    {"l1": 0.6},
    {"l1": 1.0},
    {"penalty": "ridge", "l2": 0.2},
    {"penalty": "ridge", "l2": 30.0, "standardise": True},
    {"l1": 0.4, "standardise": True},
    {"l1": 0.02, "correlate": True, "rho": 0.9},
    {"l1": 0.3, "correlate": True, "rho": -0.99, **MOVED},
    {"penalty": "ridge", "correlate": True, "rho": 0.9},
    {"l1": 0.1, **MOVED, "w1": -0.3},
    {"l1": 0.05, "rows": OWN},
    {"l1": 0.5, "rows": OWN, "standardise": True},
    {"penalty": "ridge", "rows": OWN, "l2": 0.05, **MOVED},
]
EXACT = {"tol": 1e-16, "max_iter": 100_000, "fit_intercept": False}


def solution(G, c, alpha, penalty, n):
    """scikit-learn's, on the two rows that have these G and c."""
    X = np.sqrt(2) * np.linalg.cholesky(G).T
    y = 2 * np.linalg.solve(X.T, c)
    if penalty == "lasso":
        return Lasso(alpha, **EXACT).fit(X, y).coef_
    return Ridge(2 * alpha / n, fit_intercept=False, solver="svd").fit(X, y).coef_


def two(bench):
    """Two weights in every setting, and along the whole path."""
    for changes in SETTINGS:
        bench.run("bench.state = bench.first();")
        bench.set(**changes)
        state, model = bench.state, bench.run("return bench.model;")
        rows = np.array(state["rows"], "float64")
        X = rows[:, :2] / (rows[:, :2].std(axis=0) if state["standardise"] else 1)
        G, c = lesson09.moments(X, rows[:, 2])
        if state["correlate"]:
            assert_near(model["G"][0][1] / np.sqrt(G[0, 0] * G[1, 1]), state["rho"], 1e-14)
            assert_near(np.diag(model["G"]), np.diag(G), 1e-13)
        else:
            assert_near(model["G"], G, 1e-13)
        if state["moved"]:
            assert model["minimum"] == [state["w1"], state["w2"]]
        else:
            assert_near(model["minimum"], np.linalg.solve(G, c), 1e-13)
        G, c = np.array(model["G"]), np.array(model["c"])
        assert_near(G @ model["minimum"], c, 1e-13)
        assert_near(model["top"], np.abs(c).max(), 0)
        w, largest = model["w"], np.abs(model["minimum"]).max()

        def near(expected, w=w, largest=largest):  # no digits of w are certain below these
            assert np.abs(np.subtract(w, expected)).max() <= 1e-12 * largest

        if not state["correlate"] and not state["moved"]:
            y = rows[:, 2]
            fit = (
                Lasso(model["alpha"], **EXACT | {"fit_intercept": True})
                if state["penalty"] == "lasso"
                else Ridge(model["alpha"], solver="svd")
            )
            near(fit.fit(X, y).coef_)
        near(solution(G, c, model["alpha"], state["penalty"], len(rows)))
        copied = bench.python()["w"]
        near(copied)
        assert np.array_equal(np.equal(w, 0), copied == 0)
        size = np.sum(np.abs(w)) if state["penalty"] == "lasso" else np.linalg.norm(w)
        assert_near(model["radius"], size, 1e-15)
        least = np.array(model["minimum"])
        assert_near(model["above"], (w - least) @ G @ (w - least) / 2, 1e-12)
        follow(bench, model, G, c)


def follow(bench, model, G, c):
    """The lasso's path of the two weights: straight between its kinks, and nowhere else."""
    kinks, weights = np.array(model["path"]["alphas"]), np.array(model["path"]["weights"])
    X = np.sqrt(2) * np.linalg.cholesky(G).T
    found, _, coefs = lars_path(X, 2 * np.linalg.solve(X.T, c), method="lasso")
    assert_near(kinks, found, 1e-12)
    assert_near(weights, coefs.T, 1e-12)
    alphas = np.linspace(1e-3, 1.1, 23) * kinks[0]
    script = "return arguments[0].map((a) => lab.penalty.lasso(bench.model.G, bench.model.c, a));"
    given = [solution(G, c, alpha, "lasso", 2) for alpha in alphas]
    assert_near(bench.run(script, alphas.tolist()), given, 1e-12)
    for zero in model["zeros"]:
        at = list(kinks).index(zero["alpha"])
        assert weights[at, zero["j"]] == 0 != weights[at + 1, zero["j"]]


@functools.cache
def ten_expected():
    """200 α and scikit-learn's weights there; the lesson's grid of α and its errors."""
    X, y = lesson10.load_data()
    grid = lesson10.alpha_grid(X, y)
    alphas = np.exp(np.random.default_rng(0).uniform(*np.log([grid[-1], 1.25 * grid[0]]), 200))
    exact = EXACT | {"fit_intercept": True}
    coefs = np.array([Lasso(alpha, **exact).fit(X, y).coef_ for alpha in alphas])
    mse = lesson10.cross_validate(X, y, grid, lesson10.lasso_path)
    return alphas, coefs, grid, mse


def ten(bench):
    """Ten weights at 200 α, and the errors on the folds left out."""
    alphas, coefs, grid, mse = ten_expected()
    script = "return arguments[0].map((a) => lab.penalty.between(bench.data.path, a));"
    found = np.array(bench.run(script, alphas.tolist()), "float64")
    for at, weights in zip(found, coefs):
        assert_near(at, weights, 1e-12)
    assert np.array_equal(found == 0, coefs == 0)
    curve = bench.model("curve")
    assert_near([point["errors"] for point in curve], mse, 1e-12)
    assert_near([point["mean"] for point in curve], mse.mean(axis=1), 1e-12)
    error = mse.std(axis=1, ddof=1) / np.sqrt(5)
    assert_near([point["standardError"] for point in curve], error, 1e-12)
    chosen = [np.argmin(mse.mean(axis=1)), lesson10.one_standard_error(mse)]
    assert bench.model("chosen") == chosen
    for alpha in (0.5, 2.5, *grid[chosen]):
        bench.set(alpha=float(alpha))
        scope = bench.python()
        assert_near(bench.model("ten"), scope["coefs"][:, 0], 1e-12)
        assert_near(bench.model("seen.mean"), scope["mse"].mean(), 1e-12)


def test_two_weights_are_pythons(site, browser):
    two(page(site, browser, "penalty"))


def test_ten_weights_are_pythons(site, browser):
    ten(page(site, browser, "penalty"))


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (two, "Math.max(v - t, 0)", "Math.max(v - 2 * t, 0)"),
        (two, "c[0] - alpha * s", "c[0] + alpha * s"),
        (two, "? alpha / n : 0", "? alpha : 0"),
        (two, "c[k] - share * c[j]", "c[k] + share * c[j]"),
        (two, "v - centre);", "v);"),
        (ten, "kink <= alpha); // the next", "kink < alpha / 2); // the next"),
        (ten, "(1 - share) * weights[right - 1][j]", "(1 - share) * weights[right][j]"),
        (ten, "errors.length - 1", "errors.length"),
        (ten, "v <= limit", "v < means[least] + 1e-9"),
    ],
)
def test_a_mistake_is_caught(site, tmp_path, browser, check, right, wrong):
    with spoilt(site, tmp_path, browser, "penalty", "penalty.js", right, wrong) as bench:
        assert caught(check, bench)


def test_the_buttons_jump_to_the_lessons_choices(site, browser):
    *_, grid, mse = ten_expected()
    bench = page(site, browser, "penalty")
    chosen = [np.argmin(mse.mean(axis=1)), lesson10.one_standard_error(mse)]
    X, y = lesson10.load_data()
    w = lesson10.lasso_path(X, y, grid[chosen])[0]
    for i, words in enumerate(["α with the least error", "α by one standard error"]):
        press(bench, words)
        assert bench.state["alpha"] == grid[chosen[i]]
        assert f"{np.count_nonzero(w[:, i])} of 10" in bench.text


def test_the_star_is_dragged_and_put_back(site, browser):
    bench = page(site, browser, "penalty")
    own = bench.model("minimum")
    bench.run(
        "const star = document.querySelector('.penalty-handle:not(.wide)').parentNode;"
        "star.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft'})); bench.update();"
    )
    assert bench.state["moved"]
    assert bench.model("minimum")[0] < own[0]
    assert_near(bench.model("minimum")[1], own[1], 1e-3)
    press(bench, "As in the rows")
    assert bench.model("minimum") == own
    slide = "const slider = document.querySelector(`input[type=range][min='-0.99']`);"
    slide += "slider.value = 0.5; slider.dispatchEvent(new Event('input')); bench.update();"
    bench.run(slide)
    assert bench.state["correlate"]
    assert bench.state["rho"] == 0.5


def moved(bench):
    """The lasso's α stays while the star or the correlation moves."""
    bench.run("bench.reset(); bench.update();")
    alpha = bench.model("alpha")
    for w1, w2 in ((1.0, -3.0), (0.3, 0.2), (0.0, 0.0), (1e-3, 0.0), (4.0, 2.0)):
        bench.set(moved=True, w1=w1, w2=w2)
        if bench.model("top") > alpha / 1.2:
            assert_near(bench.model("alpha"), alpha, 1e-5)
        else:  # the slider's end: both weights are zero, as they would be at α
            assert bench.model("w") == [0, 0]
    for rho in (0.5, -0.9, 0.99):
        bench.set(rho=rho)
        assert bench.state["correlate"]
        if bench.model("top") > alpha / 1.2:
            assert_near(bench.model("alpha"), alpha, 1e-5)
    bench.set(moved=False, correlate=False)
    assert_near(bench.model("alpha"), alpha, 1e-5)
    assert_near(bench.state["l1"], 0.3, 1e-5)
    bench.set(l1=0.6)
    alpha = bench.model("alpha")
    bench.set(moved=True, w1=3.0, w2=3.0)
    assert_near(bench.model("alpha"), alpha, 1e-5)
    bench.set(standardise=True)  # a new scale
    alpha = bench.model("alpha")
    bench.set(moved=True, w1=3.0, w2=2.0)
    assert_near(bench.model("alpha"), alpha, 1e-5)
    bench.set(penalty="ridge")
    alpha = bench.model("alpha")
    bench.set(moved=True, w1=1.0, w2=3.0)
    assert bench.model("alpha") == alpha


def test_alpha_stays_while_the_star_moves(site, browser):
    moved(page(site, browser, "penalty"))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("l1 === kept.l1 ? kept.alpha : ", ""),
        ("return set.call(bench, { ...next, l1: share });", "return set.call(bench, next);"),
        ("        kept = {};\n", ""),
    ],
)
def test_an_alpha_that_moves_is_caught(site, tmp_path, browser, right, wrong):
    with spoilt(site, tmp_path, browser, "penalty", "penalty.view.js", right, wrong) as bench:
        assert caught(moved, bench)


def test_the_numbers_of_its_page(site, browser):
    text = (ROOT / "tutorials" / "lab" / "penalty.md").read_text(encoding="utf-8")
    bench = page(site, browser, "penalty")
    (zero,) = (zero for zero in bench.model("zeros") if zero["j"] == 0)
    assert f"w1, at α = {zero['alpha']:.3f}" in text
    for l1, end in ((0.1, 0.38), (0.2, 0.76)):
        assert str(end) in text
        link = f"#penalty:v=1&moved=1&w1=0.3&w2=-3.4&l1={l1}"
        bench = page(site, browser, "penalty", fragment=link)
        alpha, found = bench.model("alpha"), {}
        for step in (-0.01, 0.01):
            bench.set(moved=True, w1=end + step, w2=-3.4)
            assert_near(bench.model("alpha"), alpha, 1e-5)
            found[step] = bench.model("w")[0]
        assert found[-0.01] == 0 < found[0.01]


def test_weights_that_are_the_same_have_one_name(site, browser):
    bench = page(site, browser, "penalty")
    names = """return [...bench.place.querySelectorAll("svg")].slice(1, 3).map((svg) =>
        [...svg.querySelectorAll("text.fill-blue, text.fill-orange")].map((e) => e.textContent));"""
    bench.set(penalty="ridge")
    assert bench.run(names)[1] == ["w1", "w2"]
    bench.set(rows=[[1, 1, 2], [2, 2, 3], [3, 3, 5], [4, 4, 4]])
    assert bench.run(names)[1] == ["", "w1 = w2"]
    bench.set(penalty="lasso")
    assert bench.run(names)[0] == ["w1", "w2"]


def press(bench, words):
    script = "[...document.querySelectorAll('button')].find((b) => b.textContent === arguments[0])"
    bench.run(f"{script}.click(); bench.update();", words)


def paste(bench, text):
    bench.run("document.querySelector('textarea').value = arguments[0];", text)
    press(bench, "Use these")


def lines(rows):
    return "\n".join(", ".join(map(str, row)) for row in rows)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1, 2, 3\n4, x, 6", "Row 2, “4, x, 6”: 3 numbers are needed"),
        ("1, 2\n3, 4", "Row 1, “1, 2”: 3 numbers are needed"),
        (lines([[1, 2, 3]] * 201), "201 rows were pasted; this bench takes 200 at most"),
        ("1, 2, 3", "there are fewer than 2 points"),
        ("", "there are fewer than 2 points"),
        ("1, 2, 3\n1e300, 2, 4", "a number between −1,000,000,000 and 1,000,000,000"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(site, browser, text, said):
    bench = page(site, browser, "penalty")
    before = bench.state
    paste(bench, text)
    assert said in bench.message
    assert bench.state == before


@pytest.mark.parametrize("penalty", ["lasso", "ridge"])
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[2, 1, 3], [2, 2, 5], [2, 4, 4]], "x1 is the same in every row"),
        ([[0.1, 3, 3], [0.1, 3, 5], [0.1, 3, 4]], "x1, x2 is the same in every row"),
        ([[1, 2, 0.1], [2, 4.5, 0.1], [3, 1, 0.1]], "y is the same in every row"),
        ([[1, 1, 2], [2, 2, 3], [3, 3, 5], [4, 4, 4]], "collinear"),
        ([[1, -2, 2], [2, -4, 3], [3, -6, 5], [4, -8, 4]], "collinear"),
        ([[1, 5, 2], [2, 4, 3]], "collinear"),
        ([[2100, 3, 410], [1600, 3, 330], [1416, 2, 232], [3000, 4, 540]], "scales"),
    ],
)
def test_rows_with_which_not_all_is_well(site, browser, rows, said, penalty):
    """One line says what is the matter; the weights shown have the least cost there is."""
    bench = page(site, browser, "penalty")
    paste(bench, "x1, x2, y\n" + lines(rows))
    X, y = np.hsplit(np.array(rows, "float64"), [2])
    y = y[:, 0]
    for standardise in (False, True):
        bench.set(penalty=penalty, standardise=standardise)
        assert (said in bench.message) == (said != "scales" or not standardise)
        no_nonsense(bench.text)
        assert np.isfinite(bench.run("return bench.model.minimum;")).all()
        w, alpha = np.array(bench.model("w")), bench.model("alpha")
        assert_near(w, bench.python()["w"], 1e-12)
        Z = X / np.where(X.std(axis=0) > 1e-9, X.std(axis=0), 1) if standardise else X
        fit = {"lasso": Lasso(alpha, **EXACT), "ridge": Ridge(alpha)}[penalty]
        fit.set_params(fit_intercept=True)
        best = fit.fit(Z, y).coef_ if alpha > 0 else np.zeros(2)

        def cost(w, Z=Z, alpha=alpha):
            G, c = lesson09.moments(Z, y)
            price = alpha * np.abs(w).sum() if penalty == "lasso" else alpha / len(y) * w @ w / 2
            return w @ G @ w / 2 - c @ w + price

        assert abs(cost(w) - cost(best)) <= 1e-12 * max(1, abs(cost(best)))


def test_no_nonsense_on_the_screen(site, browser):
    bench = page(site, browser, "penalty")
    for changes in [*SETTINGS, {"l1": 1.2}, {"moved": True, "w1": 0.0, "w2": 0.0}]:
        for penalty in ("lasso", "ridge"):
            bench.run("bench.state = bench.first();")
            bench.set(**changes | {"penalty": penalty})
            no_nonsense(bench.text)
            drawn = bench.run("return bench.place.innerHTML;")
            assert "NaN" not in drawn
            assert "Infinity" not in drawn
            assert bench.message == ""


def test_kinks_are_those_of_least_angle_regression():
    X, y = lesson10.load_data()
    alphas, coefs = lab.lasso_kinks(X, y)
    found, _, expected = lars_path(X - X.mean(axis=0), y - y.mean(), method="lasso")
    assert_near(alphas, found, 1e-13)
    assert_near(coefs, expected, 1e-12)


def test_lesson_9_has_the_same_two_weights():
    X, y = data.load_two_features()
    G, c = lesson09.moments(X, y)
    for alpha in (0, 0.3, 1, 2.4, 5):
        by_descent = lesson09.coordinate_descent(G, c, alpha)
        assert_near(lab.two_weights(X, y, alpha), by_descent, 1e-13)

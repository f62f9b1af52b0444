"""Why lesson 9's numbers must be what they are.

A convex cost is at its minimum exactly where 0 is among its slopes. The slopes of |w| at 0 are
all numbers from −1 to 1, so with the residual r = y − Xw − b and pull = Xᵀr/n − α(1 − ρ)w
the elastic net is at its minimum (the Karush-Kuhn-Tucker or KKT conditions) exactly where

    |pullⱼ| ≤ αρ  where wⱼ = 0,        pullⱼ = αρ sign(wⱼ)  elsewhere.

At w = 0 the pull is c, so all weights are zero from α = max |cⱼ| on. Inside a ball of the same
norm the minimum is that of the penalty whose α balances the pull at the edge. The duality gap
bounds how far a cost is above the minimum, from the data alone.

ISTA with η < 2/λmax of G converges to that minimum; on the diabetes data 2/λmax = 0.497, and it
moves by less than 1e-14 after 250 steps.
"""

import numpy as np

from course import linear
from course.checks import Check, by_section, references
from course.checks.constants import ABOVE_0, ANYTHING, NUMBER, whole
from course.checks.tolerance import NUMPY
from course.errors import InputError
from course.lesson09 import LAMBDAS, NETS, STEPS, TRUE

# With references.EXACT scikit-learn's weights are within some 1e-12 of the exact ones, where y
# has deviation 1.
SCIKIT_LEARN, LEFT = 1e-9, "what scikit-learn's tol=1e-14 may leave"
# Of coordinate descent on a table of one's own: the largest KKT violation, and the condition
# number of G from which it may need more sweeps than it has.
SOLVED, SLOW = 1e-11, 1000


CONSTANTS = {  # what the page's constants may be
    "LAMBDAS": ANYTHING,
    "LEARNING_RATE": ABOVE_0,
    "STEPS": whole(1),
    "ALPHA": NUMBER,
    "NETS": ANYTHING,
    "TRUE": ANYTHING,
    "COVARIANCE": NUMBER,
    "NOISES": ANYTHING,
    "SAMPLES": whole(1),
    "ONE_ALPHA": NUMBER,
    "DATA_SETS": whole(1),
    "QUICK_DATA_SETS": whole(1),
    "TABLE_ALPHA": NUMBER,
    "MAX_CONDITION": NUMBER,
}


def checks(measured, options):
    """All checks of the lesson on what `lesson09.run` measured."""
    sections = {
        "corner": check_corner, "balls": check_balls, "diabetes": check_diabetes,
        "alphas": check_alphas, "selection": check_selection, "table": check_table,
    }  # fmt: skip
    return by_section(sections, measured, options)


def is_zero(w):
    """1 where w = 0, 0 where it is not, NaN where it is NaN: that is neither."""
    return np.where(np.isnan(w), np.nan, np.equal(w, 0))


def check_corner(options, lambdas, minima):
    from scipy.optimize import minimize_scalar

    def F(x, lam):
        return (x - 1) ** 2 / 2 + lam * np.abs(x)

    x = np.arange(-1000, 2001) / 1000
    on_grid = [x[np.argmin(F(x, lam))] for lam in lambdas]
    fixed = [minima[lambdas == lam][0] for lam in LAMBDAS]
    by_scipy = [minimize_scalar(F, bounds=(-1, 2), args=(lam,), options={"xatol": 1e-10}).x
                for lam in LAMBDAS]  # fmt: skip
    slope = -1  # of ½ (x − 1)² at 0
    return [
        Check.close("minimum-grid", "minimum of F: S(1, λ) = lowest on a grid", minima, on_grid,
                    atol=NUMPY),
        Check.close("minimum-scipy", "minimum of F: S(1, λ) = by SciPy", fixed, by_scipy, atol=1e-7,
                    reason="SciPy compares values of F, flat within √1e-16 of its minimum"),
        Check.close("minimum-at-zero", "minimum of F at 0 where |f′(0)| ≤ λ", is_zero(minima),
                    abs(slope) <= lambdas),
    ]  # fmt: skip


def check_balls(options, X, y, diamond, circle):
    from sklearn.linear_model import Ridge

    n = len(y)
    Z, u = X - X.mean(axis=0), y - y.mean()
    # 4000 directions, four of them to the diamond's corners
    angle = np.linspace(0, 2 * np.pi, 4001)
    round_edge = np.column_stack([np.cos(angle), np.sin(angle)])
    straight_edge = round_edge / np.abs(round_edge).sum(axis=1, keepdims=True)
    tried = [edge[np.argmin(((u - edge @ Z.T) ** 2).mean(axis=1))]
             for edge in (straight_edge, round_edge)]  # fmt: skip
    pull_l1 = np.abs(Z.T @ (u - Z @ diamond)).max() / n
    pull_l2 = np.linalg.norm(Z.T @ (u - Z @ circle)) / np.linalg.norm(circle)
    return [
        Check.close("balls-tried", "diamond, circle: minimum = best of 4000 points",
                    [diamond, circle], tried, atol=angle[1], reason="the points' distance"),
        Check.close("diamond-lasso", "diamond: minimum = Lasso with the same pull", diamond,
                    references.elastic_net(X, y, pull_l1)[:-1], atol=SCIKIT_LEARN, reason=LEFT),
        Check.close("circle-ridge", "circle: minimum = Ridge with the same pull", circle,
                    Ridge(pull_l2).fit(X, y).coef_, atol=NUMPY),
        Check.close("balls-zeros", "zeros: one on the diamond, none on the circle",
                    [is_zero(diamond).sum(), is_zero(circle).sum()], [1, 0]),
    ]  # fmt: skip


def check_diabetes(options, X, y, names, by_hand, in_keras, under_sgd):
    found = []
    for net, penalty in NETS.items():
        path, slug = by_hand[net], net.replace(" ", "-")
        name = f"{net}: θ at every step, Keras = NumPy"
        found.append(
            Check.keras(f"{slug}-keras", name, in_keras[net], path, options.dtype, own_loss=True)
        )
        if len(path) > STEPS:  # fewer steps do not arrive
            found += check_end(X, y, net, slug, penalty, path[-1], in_keras[net][-1])
    zeros = is_zero(under_sgd[1:, :-1]).sum()
    return [
        *found,
        Check.close("sgd-zeros", "L1 under SGD: weights that are 0, all steps", zeros, 0),
    ]


def check_end(X, y, net, slug, penalty, by_hand, in_keras):
    exact = references.elastic_net(X, y, *penalty)
    w, zero = by_hand[:-1], exact[:-1] == 0
    violation = references.kkt_violation(X, y, w, *penalty).max()
    return [
        Check.close(f"{slug}-scikit-learn", f"{net}: θ = scikit-learn's", by_hand, exact,
                    atol=SCIKIT_LEARN, reason=LEFT),
        Check.close(f"{slug}-zeros", f"{net}: zeros, NumPy and Keras = scikit-learn's",
                    [is_zero(w), is_zero(in_keras[:-1])], [zero, zero]),
        Check.close(f"{slug}-optimal", f"{net}: KKT violation, duality gap = 0",
                    [violation, linear.duality_gap(X, y, w, by_hand[-1], *penalty)], [0, 0],
                    atol=NUMPY),
    ]  # fmt: skip


def check_alphas(options, X, y, alphas, w, twice):
    from sklearn.linear_model import lasso_path

    exact = lasso_path(X, y - y.mean(), alphas=alphas, **references.EXACT)[1].T
    copied = np.column_stack([X, X[:, 2]])
    alpha_max = np.sum(alphas[:2]) / 2
    return [
        Check.close("alpha-max-zeros", "weights not zero at 1.001 and 0.999 of α_max",
                    len(X.T) - is_zero(w[:2]).sum(axis=1), [0, 1]),
        Check.close("alpha-max", "α_max = first α of scikit-learn's path", alpha_max,
                    lasso_path(X, y - y.mean())[0][0], atol=NUMPY),
        Check.close("alphas-weights", f"weights at {len(alphas)} α = lasso_path", w, exact,
                    atol=SCIKIT_LEARN, reason=LEFT),
        Check.close("alphas-zeros", f"zeros at {len(alphas)} α = lasso_path", is_zero(w),
                    exact == 0),
        Check.close("twice-lasso", "one feature twice: the lasso's sum = its one weight",
                    twice[0].sum(), references.elastic_net(X, y, *NETS["lasso"])[2],
                    atol=SCIKIT_LEARN, reason=LEFT),
        Check.close("twice-elastic-net", "one feature twice: elastic net = scikit-learn's",
                    twice[1], references.elastic_net(copied, y, *NETS["elastic net"])[[2, 10]],
                    atol=SCIKIT_LEARN, reason=LEFT),
    ]  # fmt: skip


def check_selection(options, X, y, alphas, w, precision, recall):
    """scikit-learn solves the first data set again; the optimality conditions hold in all."""
    from sklearn.metrics import precision_score, recall_score

    first = np.array([[references.elastic_net(X[0], targets[0], alpha)[:-1]
                       for targets, alpha in zip(y, row)] for row in alphas])  # fmt: skip
    violation = references.kkt_violation(X, y, w, alphas[..., None]).max(axis=(-2, -1))
    true = np.broadcast_to(TRUE != 0, w.shape[-2:]).ravel()
    found = (w != 0).reshape(-1, true.size)
    scores = [[score(true, row, zero_division=0) for row in found]
              for score in (precision_score, recall_score)]  # fmt: skip
    return [
        Check.close("selection-weights", "true weights known: first data set = Lasso",
                    w[:, :, 0], first, atol=SCIKIT_LEARN, reason=LEFT),
        Check.close("selection-zeros", "true weights known: zeros, first data set = Lasso",
                    is_zero(w[:, :, 0]), first == 0),
        Check.close("selection-optimal", "true weights known: KKT violation of every lasso = 0",
                    violation, np.zeros(violation.shape), atol=NUMPY),
        Check.close("selection-scores", "precision, recall = scikit-learn's",
                    [precision.ravel(), recall.ravel()], scores, atol=NUMPY),
        Check.close("selection-found", "low noise: precision, recall = 1",
                    [precision[0, 0], recall[0, 0]], [1, 1],
                    reason="a feature without a weight is out while its pull ÷ α is below 1; the"
                    " largest pull has mean 0.5 and deviations 0.08 and 0.04: 5 sigma"),
    ]  # fmt: skip


def check_table(options, table, X, y, alpha, w, by_hand, in_keras):
    violation = references.kkt_violation(X, y, w, alpha).max()
    condition = np.linalg.cond(X) ** 2
    if violation > SOLVED and condition > SLOW:
        raise InputError(
            "the columns of the table nearly repeat each other, so that one weight at a time does"
            " not arrive in 10,000 sweeps: leave a column out"
        )
    Z, u = ((v - v.mean(axis=0)) / v.std(axis=0) for v in (table.X, table.y))
    exact = references.elastic_net(Z, u, alpha)[:-1]
    lowest = np.linalg.svd(Z, compute_uv=False)[-1] ** 2 / len(u)  # λmin of G
    in_units, b = table.in_units(w)
    gap = "what the gap of 1e-14 that scikit-learn promises may leave: "
    return [
        Check.close("table-weights", "weights, standardised = Lasso", w, exact,
                    atol=np.sqrt(4e-14 / lowest), reason=f"{gap}√(2e-14/λmin)"),
        Check.close("table-zeros", "zeros = Lasso", is_zero(w), exact == 0),
        Check.close("table-predictions", "predictions, standardised = Lasso's",
                    (table.X @ in_units + b - table.y.mean()) / table.y.std(), Z @ exact,
                    atol=np.sqrt(4e-14 * len(u)), reason=f"{gap}√(2e-14), root mean square"),
        Check.close("table-optimal", "KKT violation, duality gap = 0",
                    [violation, linear.duality_gap(X, y, w, 0.0, alpha)], [0, 0], atol=SOLVED,
                    reason="what up to 10,000 sweeps leave"),
        Check.keras("table-keras", "θ at every step, Keras = NumPy", in_keras, by_hand,
                    options.dtype, own_loss=True, size=5,
                    reason="roundings of sums as large as y, 5 times as large as the weights"),
    ]  # fmt: skip

"""Why lesson 9's numbers must be what they are.

A convex cost is at its minimum exactly where 0 is among its slopes. The slopes of |w| at 0 are
all numbers from −1 to 1, so with the residual r = y − Xw − b and pull = Xᵀr/n − α(1 − ρ)w
the elastic net is at its minimum (the Karush-Kuhn-Tucker or KKT conditions) exactly where

    |pullⱼ| ≤ αρ  where wⱼ = 0,        pullⱼ = αρ sign(wⱼ)  elsewhere.

At w = 0 the pull is c, so all weights are zero from α = max |cⱼ| on. Inside a ball of the same
norm the minimum is that of the penalty whose α balances the pull at the edge. The duality gap
bounds how far a cost is above the minimum, from the data alone.

ISTA with η < 2/λmax of G converges to that minimum; on the diabetes data 2/λmax = 0.497, and it
moves by less than 1e-14 after 250 steps. Whether other steps and rates arrive, or diverge, is
foreseen by `proximal`: ISTA once more, on H and g, all that the cost depends on.

The lasso finds the true features where the pulls of the others stay below α (the irrepresentable
condition: P. Zhao, B. Yu, Journal of Machine Learning Research 7, 2006) and the true weights are
not shrunk to 0: with Σ the features' covariance, S the true ones, s their signs,

    |Σⱼₛ Σₛₛ⁻¹ s| < 1 for j not in S,        |βⱼ| > α |Σₛₛ⁻¹ s|ⱼ for j in S.
"""

import numpy as np

from course import linear
from course.checks import Check, by_section, references, tolerance
from course.checks.constants import (
    ABOVE_0,
    FROM_0,
    Kind,
    between,
    is_number,
    several,
    whole,
)
from course.checks.models import unlike_linear
from course.checks.tolerance import NUMPY
from course.errors import InputError
from course.lesson09 import (
    ALPHA,
    CORNER_ALPHAS,
    CORRELATION,
    LEARNING_RATE,
    NETS,
    NOISES,
    ONE_ALPHA,
    SAMPLES,
    TRUE,
    build_model,
)

# With references.EXACT scikit-learn's weights are within some 1e-12 of the exact ones, where y
# has deviation 1.
SCIKIT_LEARN, LEFT = 1e-9, "what scikit-learn's tol=1e-14 may leave"
LARGE = 1e30  # a diverging path is compared up to here: float32 ends at 3e38
EPS = np.finfo("float64").eps
# Of coordinate descent on a table of one's own: the largest KKT violation, and the condition
# number of G from which it may need more sweeps than it has.
SOLVED, SLOW = 1e-11, 1000


def are_nets(value):
    """Whether these are names with α above 0 and ρ above 0, at most 1."""
    return (
        isinstance(value, dict)
        and len(value) > 0
        and all(
            isinstance(net, tuple)
            and len(net) == 2
            and all(map(is_number, net))
            and net[0] > 0
            and 0 < net[1] <= 1
            for net in value.values()
        )
    )


def are_weights(value):
    """Whether this is an array of two or more numbers, not all 0."""
    two = isinstance(value, np.ndarray) and value.ndim == 1 and len(value) >= 2
    return two and bool(np.isfinite(value).all() and np.any(value != 0))


CONSTANTS = {  # what the page's constants may be
    "CORNER_ALPHAS": several(FROM_0),
    "LEARNING_RATE": ABOVE_0,
    "STEPS": whole(1),
    "ALPHA": ABOVE_0,
    "NETS": Kind("a dict of names with (α, ρ): α above 0, ρ above 0 and at most 1", are_nets),
    "TRUE": Kind("an array of two numbers or more, not all 0", are_weights),
    "CORRELATION": between(-1, 1, "a number above -1 and below 1"),
    "NOISES": several(ABOVE_0),
    "SAMPLES": whole(2),
    "ONE_ALPHA": ABOVE_0,
    "DATA_SETS": whole(1),
    "QUICK_DATA_SETS": whole(1),
    "TABLE_ALPHA": ABOVE_0,
    "MAX_CONDITION": between(1, np.inf, "a number above 1"),
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


def check_corner(options, alphas, minima):
    from scipy.optimize import minimize_scalar

    def F(x, alpha):
        return (x - 1) ** 2 / 2 + alpha * np.abs(x)

    x = np.arange(-1000, 2001) / 1000
    on_grid = [x[np.argmin(F(x, alpha))] for alpha in alphas]
    fixed = [minima[alphas == alpha][0] for alpha in CORNER_ALPHAS]
    by_scipy = [minimize_scalar(F, bounds=(-1, 2), args=(alpha,), options={"xatol": 1e-10}).x
                for alpha in CORNER_ALPHAS]  # fmt: skip
    between_points = np.abs(alphas - alphas.round(3)) > NUMPY  # there the minimum is too
    slope = -1  # of ½ (x − 1)² at 0
    return [
        Check.close("minimum-grid", "minimum of F: S(1, α) = lowest on a grid", minima, on_grid,
                    atol=np.where(between_points, 0.000_5, 0) + NUMPY, reason="the grid's spacing"),
        Check.close("minimum-scipy", "minimum of F: S(1, α) = by SciPy", fixed, by_scipy, atol=1e-7,
                    reason="SciPy compares values of F, flat within √1e-16 of its minimum"),
        Check.close("minimum-at-zero", "minimum of F at 0 where |f′(0)| ≤ α", is_zero(minima),
                    abs(slope) <= alphas),
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


def not_proximal(model, optimizer="ProximalSGD"):
    """Why what is predicted for ŷ = Xw + b does not hold for a model, or ""."""
    return unlike_linear(model, optimizer=optimizer)


def hessian(X):
    """H = AᵀA/n, A = [X 1]: the second derivatives of f."""
    A = references.with_ones(X)
    return A.T @ A / len(X)


def proximal(X, y, rate, alpha, l1_ratio, steps):
    """θ at every step of ISTA, up to LARGE."""
    H, g = hessian(X), references.with_ones(X).T @ y / len(y)
    penalised = np.append(np.ones(X.shape[1]), 0)
    l1, l2 = rate * alpha * l1_ratio * penalised, rate * alpha * (1 - l1_ratio) * penalised
    path = [np.zeros(len(g))]
    while len(path) <= steps and np.abs(path[-1]).max() <= LARGE:
        v = path[-1] - rate * (H @ path[-1] - g)
        path.append(np.sign(v) * np.maximum(np.abs(v) - l1, 0) / (1 + l2))
    return np.array(path)


def roundings(path, X, y, rate, allowed):
    """How many times a tolerance of `course.checks.tolerance` each step is allowed, (t, 1).

    A step adds roundings of the largest number so far, be it a weight or a prediction of y's
    size. The weights that are not 0 at the end multiply those before by r, the largest |1 − ηλ| of
    their H: 1 + r + … + r^(t−1) steps' are there; the table's tolerance is that of 60 (4e-6 /
    6e-8). Where r > 1 each step's factor is off by six roundings at most (of X twice, w,
    the errors and two products), and they add up.
    """
    t, on = np.arange(len(path)), path[-1] != 0
    largest = np.maximum.accumulate(np.abs(path).max(axis=1))
    size = np.maximum(largest, np.sqrt(np.mean(y**2)))
    r = np.abs(1 - rate * np.linalg.eigvalsh(hessian(X)[np.ix_(on, on)])).max(initial=0)
    if r > 1:
        return (size * (1 + 6 * t * (6e-8 if allowed > 1e-7 else EPS) / allowed))[:, None]
    return (size * (1 + (t if r == 1 else (1 - r**t) / (1 - r)) / 60))[:, None]


def subgradient_descent(X, y, rate, alpha, steps):
    """θ at every step of SGD on f + α Σ|wⱼ|, the slope of |w| at 0 being 0; up to LARGE."""
    H, g = hessian(X), references.with_ones(X).T @ y / len(y)
    penalised = np.append(np.ones(X.shape[1]), 0)
    path = [np.zeros(len(g))]
    while len(path) <= steps and np.abs(path[-1]).max() <= LARGE:
        slopes = H @ path[-1] - g + alpha * np.sign(path[-1]) * penalised
        path.append(path[-1] - rate * slopes)
    return np.array(path)


def with_nan(path, n):
    """The first n steps of a path, NaN for those that it has not."""
    missing = np.full((max(0, n - len(path)), *path.shape[1:]), np.nan)
    return np.concatenate([path[:n], missing])


def check_diabetes(options, X, y, names, by_hand, in_keras, under_sgd):
    allowed, why = tolerance.keras(options.dtype, own_loss=True)
    found, steps = [], len(under_sgd) - 1
    for name, penalty in NETS.items():
        not_for = not_proximal(build_model(X.shape[1], *penalty))
        foreseen = proximal(X, y, LEARNING_RATE, *penalty, steps)
        n = np.count_nonzero(np.abs(foreseen).max(axis=1) <= LARGE)
        times = roundings(foreseen[:n], X, y, LEARNING_RATE, allowed)
        ours = with_nan(by_hand[name], n)
        theirs = ours if not_for else with_nan(in_keras[name], n)
        slug, net = name.lower().replace(" ", "-"), name[:13]
        found += [
            Check.close(f"{slug}-keras", f"{net}: θ at every step, Keras = NumPy", theirs, ours,
                        atol=allowed * times, agreement=max(1e-9, allowed * times.max()),
                        reason=why).unless(not_for),
            *check_end(X, y, net, slug, penalty, foreseen, ours[-1], theirs[-1], n <= steps),
        ]  # fmt: skip
    foreseen = subgradient_descent(X, y, LEARNING_RATE, ALPHA, steps)
    n = np.count_nonzero(np.abs(foreseen).max(axis=1) <= LARGE)
    zeros = is_zero(under_sgd[1:n, : X.shape[1]]).sum()
    not_for = not_proximal(build_model(X.shape[1], ALPHA, proximal=False), "SGD")
    if np.any(foreseen[1:n, :-1] == 0):
        not_for = not_for or "not for such round numbers"
    return [
        *found,
        Check.close("sgd-zeros", "L1 under SGD: weights that are 0, all steps", zeros, 0,
                    ).unless(not_for or ("" if n > 1 else "not at this rate")),
    ]  # fmt: skip


def check_end(X, y, net, slug, penalty, foreseen, by_hand, in_keras, lost):
    """ISTA ends at the minimum; or it is on the way there; or it diverges."""
    exact = references.elastic_net(X, y, *penalty)
    w, zero = by_hand[:-1], exact[:-1] == 0
    curvatures = np.linalg.eigvalsh(hessian(X))
    size, y_size = np.abs(exact).max(), np.sqrt(np.mean(y**2))
    allowed = size * max(SCIKIT_LEARN, 2e-14 * curvatures[-1] / curvatures[0])
    distance = np.abs(foreseen[-1] - exact).max()
    arrives = distance <= allowed / 2 and np.array_equal(foreseen[-1, :-1] == 0, zero)
    late = "" if arrives else f"not at step {len(foreseen) - 1}"
    limit = 2 / curvatures[-1]
    if lost or (LEARNING_RATE > limit and not arrives):
        # Keras and NumPy are compared above: here the growth is what was foreseen.
        step = min(len(foreseen) - 1, np.argmax(np.abs(foreseen).max(axis=1) > LARGE) - 1)
        end = Check.at_least(
            f"{slug}-scikit-learn", f"{net}: η > 2/λmax = {limit:.3g}: diverges",
            np.linalg.norm(by_hand - exact), np.linalg.norm(foreseen[step] - exact) * (1 - 1e-6),
            reason="a step multiplies the distance by ηλmax − 1 > 1")  # fmt: skip
    else:
        end = Check.close(f"{slug}-scikit-learn", f"{net}: θ = scikit-learn's",
                          by_hand if arrives else exact, exact, atol=allowed, reason=LEFT,
                          ).unless(late)  # fmt: skip
    if not arrives:
        w, by_hand, in_keras = exact[:-1], exact, exact
    violation = references.kkt_violation(X, y, w, *penalty).max()
    gap = linear.duality_gap(X, y, w, by_hand[-1], *penalty)
    scale = max(1.0, y_size) * max(1.0, np.abs(X).max())
    return [
        end,
        Check.close(f"{slug}-zeros", f"{net}: zeros of both = scikit-learn's",
                    [is_zero(w), is_zero(in_keras[: len(zero)])], [zero, zero]).unless(late),
        Check.close(f"{slug}-optimal", f"{net}: KKT violation, duality gap = 0", [violation, gap],
                    [0, 0], atol=NUMPY * scale * np.array([1, y_size])).unless(late),
    ]  # fmt: skip


def check_alphas(options, X, y, alphas, w, twice):
    from sklearn.linear_model import lasso_path

    Z, u = X - X.mean(axis=0), y - y.mean()
    pulls, p = np.abs(Z.T @ u) / len(u), X.shape[1]
    j = np.argmax(pulls)
    exact = lasso_path(Z, u, alphas=alphas, **references.EXACT)[1].T
    copied = np.column_stack([X, X[:, j]])
    alpha_max = np.sum(alphas[:2]) / 2
    size = max(1e-300, np.abs(exact).max())
    ties = "" if np.sum(pulls > 0.998 * pulls[j]) == 1 else "not for such equal columns"
    both = []
    for (name, penalty), weights in zip(NETS.items(), twice):
        slug, net = name.lower().replace(" ", "-"), name[:13]
        atol, why = SCIKIT_LEARN * size, LEFT
        if penalty[1] == 1:  # only the sum is determined
            measured, reference = weights.sum(), references.elastic_net(X, y, *penalty)[j]
            text = f"column twice, {net}: sum = one weight"
        else:
            measured, reference = weights, references.elastic_net(copied, y, *penalty)[[j, p]]
            text = f"column twice, {net}: = scikit-learn's"
            atol = max(atol, u.std() * np.sqrt(4e-14 / (penalty[0] * (1 - penalty[1]))))
            why = "what scikit-learn's gap of 1e-14 leaves where only α(1 − ρ) tells them apart"
        both.append(Check.close(f"twice-{slug}", text, measured, reference, atol=atol,
                                reason=why))  # fmt: skip
    return [
        Check.close("alpha-max-zeros", "weights not zero at 1.001 and 0.999 of α_max",
                    p - is_zero(w[:2]).sum(axis=1), [0, 1]).unless(ties),
        Check.close("alpha-max", "α_max = first α of scikit-learn's path", alpha_max,
                    lasso_path(Z, u)[0][0], rtol=NUMPY),
        Check.close("alphas-weights", f"weights at {len(alphas)} α = lasso_path", w, exact,
                    atol=SCIKIT_LEARN * size, reason=LEFT),
        Check.close("alphas-zeros", f"zeros at {len(alphas)} α = lasso_path", is_zero(w),
                    exact == 0),
        *both,
    ]  # fmt: skip


def found_for_sure():
    """Whether theory is sure that the lasso with ONE_ALPHA finds the true features, all of them
    and no others, at the lowest noise: with a margin of 5 standard deviations."""
    k, sigma = np.arange(len(TRUE)), min(NOISES)
    on, signs = TRUE != 0, np.sign(TRUE[TRUE != 0])
    covariance = np.array([[float(CORRELATION) ** abs(i - j) for i in k] for j in k])
    inverse = np.linalg.inv(covariance[np.ix_(on, on)])
    beside = covariance[np.ix_(~on, on)] @ inverse
    left = 1 - np.sum(beside * covariance[np.ix_(~on, on)], axis=1)  # variance not in S's span
    push, n = signs @ inverse @ signs, SAMPLES
    pulls = np.abs(beside @ signs) + 5 * np.sqrt(left * (push + (sigma / ONE_ALPHA) ** 2) / n)
    spread = np.sqrt(np.diag(inverse) * (sigma**2 + ONE_ALPHA**2 * push) / n)
    kept = np.abs(TRUE[on]) - ONE_ALPHA * signs * (inverse @ signs) - 5 * spread
    return n > 2 * len(TRUE) and bool(np.all(pulls < 1) and np.all(kept > 0))


def check_selection(options, X, y, alphas, w, precision, recall):
    """scikit-learn solves the first data set again; the optimality conditions hold in all."""
    from sklearn.metrics import precision_score, recall_score

    first = np.array([[references.elastic_net(X[0], targets[0], alpha)[:-1]
                       for targets, alpha in zip(y, row)] for row in alphas])  # fmt: skip
    violation = references.kkt_violation(X, y, w, alphas[..., None]).max(axis=(-2, -1))
    size = np.sqrt(np.mean(y**2, axis=(-2, -1)))  # of y, for each σ
    true = np.broadcast_to(TRUE != 0, w.shape[-2:]).ravel()
    found = (w != 0).reshape(-1, true.size)
    scores = [[score(true, row, zero_division=0) for row in found]
              for score in (precision_score, recall_score)]  # fmt: skip
    lowest = np.argmin(NOISES)
    return [
        Check.close("selection-weights", "true weights known: first data set = Lasso",
                    w[:, :, 0], first, atol=SCIKIT_LEARN * max(1, np.abs(first).max()),
                    reason=LEFT),
        Check.close("selection-zeros", "true weights known: its zeros = Lasso's",
                    is_zero(w[:, :, 0]), first == 0),
        Check.close("selection-optimal", "true weights known: KKT violation of all = 0",
                    violation, np.zeros(violation.shape), atol=NUMPY * np.maximum(1, size)),
        Check.close("selection-scores", "precision, recall = scikit-learn's",
                    [precision.ravel(), recall.ravel()], scores, atol=NUMPY),
        Check.close("selection-found", "lowest noise: precision, recall = 1",
                    [precision[0, lowest], recall[0, lowest]], [1, 1],
                    reason="the irrepresentable condition, with a margin of 5 sigma",
                    ).unless("" if found_for_sure() else "not with this noise and α"),
    ]  # fmt: skip


def check_table(options, table, X, y, alpha, w, by_hand, in_keras):
    violation = references.kkt_violation(X, y, w, alpha).max()
    condition = np.linalg.cond(X) ** 2
    if violation > SOLVED and condition > SLOW:
        raise InputError(
            "the columns of the table nearly repeat each other, so that one weight at a time does"
            " not arrive in 10,000 sweeps: leave a column out"
        )
    Z, u = references.standardised(table.X), references.standardised(table.y)
    exact = references.elastic_net(Z, u, alpha)[:-1]
    lowest = np.linalg.svd(Z, compute_uv=False)[-1] ** 2 / len(u)  # λmin of G
    y_hat, of_units = references.predictions_in_units(table, *table.in_units(w))
    # The weights may be smaller than y, or all of them 0; six roundings of y, 6e-8 each in float32,
    # are twice the table's 2e-7.
    rounding = tolerance.keras(options.dtype, own_loss=True)[0] * max(2, 5 * np.abs(by_hand).max())
    gap = "what the gap of 1e-14 that scikit-learn promises may leave: "
    return [
        Check.close("table-weights", "weights, standardised = Lasso", w, exact,
                    atol=np.sqrt(4e-14 / lowest), reason=f"{gap}√(2e-14/λmin)"),
        Check.close("table-zeros", "zeros = Lasso", is_zero(w), exact == 0),
        Check.close("table-predictions", "predictions, standardised = Lasso's", y_hat, Z @ exact,
                    atol=np.sqrt(4e-14 * len(u)) + of_units,
                    reason=f"{gap}√(2e-14), root mean square"),
        Check.close("table-optimal", "KKT violation, duality gap = 0",
                    [violation, linear.duality_gap(X, y, w, 0.0, alpha)], [0, 0], atol=SOLVED,
                    reason="what up to 10,000 sweeps leave"),
        Check.close("table-keras", "θ at every step, Keras = NumPy", in_keras, by_hand,
                    atol=rounding, agreement=max(1e-9, rounding),
                    reason="roundings of sums as large as y, which has deviation 1"),
    ]  # fmt: skip

"""Lesson 9: L1: the lasso and sparsity.

The penalty that sets weights to exactly zero: why it does, and which step gets there.

    cost        J(w, b) = 1/(2n) Σ (ŷᵢ − yᵢ)² + α Σ |wⱼ|            ŷ = Xw + b, b is free
    elastic net the same with α (ρ Σ |wⱼ| + ½ (1 − ρ) Σ wⱼ²)        ρ: l1_ratio; 1 is the lasso
    threshold   S(v, t) = the number t nearer to 0 than v, or 0 where |v| ≤ t
    ISTA        v = w − η ∇f(w)      w ← S(v, ηαρ) / (1 + ηα(1 − ρ))      f: J without penalty
    one weight  w_j ← S(pull_j, αρ) / (G_jj + α(1 − ρ))    pull_j = c_j − Σ_k≠j G_jk w_k
    optimal     |∂f/∂w_j| ≤ αρ where w_j = 0;  ∂f/∂w_j + α(1 − ρ)w_j = −αρ sign w_j elsewhere

|w| has a corner at 0. To leave 0, a weight must lower f by more than α per unit: as long as
|∂f/∂w_j| ≤ α it stays. w² is flat at 0, so the smallest slope of f moves the weight. Hence all
weights are zero from α_max = max |c_j| on. A gradient step jumps over the corner, again and
again; the proximal step S stops there. That is why Keras's L1 penalty under SGD leaves no zeros.

G = XᵀX/n and c = Xᵀy/n, for columns of mean 0, are all that w needs to know of the data.

    X: shape (n, p)    y: shape (n,)    w, c: shape (p,)    G: shape (p, p)    θ = (w, b)

Run it:     python -m course.lesson09
Your data:  python -m course.lesson09 --data FILE.csv --target COLUMN
Read more:  T. Hastie, R. Tibshirani, M. Wainwright, Statistical Learning with Sparsity,
            2015, chapters 2, 5 and 11.
"""

import warnings

import keras
import numpy as np

from course import data, linear, prox
from course.checks.tolerance import BY_HAND
from course.cli import command
from course.cli.report import Check, Options, Report, with_precision
from course.errors import InputError
from course.figures import lesson09 as drawings
from course.lesson03 import gradient, half_squared_error, train
from course.lesson08 import load_data
from course.optimizers import ProximalSGD

LAMBDAS = (0.5, 2.0)  # of F(x) = f(x) + λ|x|, fixed by the course
RADIUS = 1.0  # of the diamond |w1| + |w2| ≤ 1 and the circle w1² + w2² ≤ 1
ALPHA = 1 / 16  # α of the lasso on the diabetes data
MIXED = 1 / 8, 1 / 2  # α and ρ of the elastic net there: the same αρ, and an L2 part
LEARNING_RATE = 1 / 4  # η; must be below 2/λmax of G, which is 0.497 there
STEPS = 400  # ISTA moves by less than 1e-14 after 250
ALPHAS = 30  # α from α_max down to 1/100 of it
SAMPLES = 500  # n, of the data with planted weights
PLANTED = {2: 2.0, 7: -1.5, 12: 1.0, 17: -1.0}  # w_j; the other 16 of 20 are zero
CORRELATION = 0.5  # of neighbouring features; of the k-th neighbours its k-th power
NOISES = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0)  # σ
ONE_ALPHA = 0.1  # at every σ
DATA_SETS, QUICK_DATA_SETS = 50, 20
MOST_STRETCHED = 1e8  # λmax/λmin of your own table
SHARE = 0.1  # α on a table of your own, as a share of α_max
SOLVED, NO_PULL = 1e-11, 1e-12  # there: the largest KKT residual; an α_max that is rounding
EXACT = {"tol": 1e-14, "max_iter": 1_000_000}  # scikit-learn stops at 1e-4 otherwise
# With it scikit-learn's weights are within some 1e-12 of the exact ones, where y has deviation 1.
LIKE_EXACT = 1e-9


def soft_threshold(v, t):
    """S(v, t): t nearer to zero, at most to zero itself.

    >>> soft_threshold(np.array([3.0, -0.5, -2.0]), 1.0).tolist()
    [2.0, 0.0, -1.0]
    """
    return np.maximum(v - t, 0) - np.maximum(-v - t, 0)


def onto_diamond(w, radius):
    """The nearest point with Σ|wⱼ| ≤ radius: S(w, t) with the t that leaves the radius.

    >>> onto_diamond(np.array([3.0, -0.5]), 1.0).tolist()
    [1.0, 0.0]
    """
    size = np.sort(np.abs(w))[::-1]
    # Were only the k largest to stay, each would have to give this much.
    t = np.max((np.cumsum(size) - radius) / np.arange(1, len(w) + 1))
    return soft_threshold(w, max(t, 0))


def onto_circle(w, radius):
    """The nearest point with √Σwⱼ² ≤ radius.

    >>> onto_circle(np.array([3.0, 4.0]), 1.0).round(12).tolist()
    [0.6, 0.8]
    """
    return w * min(1, radius / np.linalg.norm(w))


def ista(X, y, alpha, learning_rate, steps, l1_ratio=1.0):
    """Proximal descent from θ = 0; return θ = (w, b) at every step, (steps + 1, p + 1).

    >>> ista(np.array([[-1.0], [1.0]]), np.array([0.0, 4.0]), 0.5, 1.0, 1).tolist()
    [[0.0, 0.0], [1.5, 2.0]]
    """
    path = np.zeros((steps + 1, X.shape[1] + 1))
    for t in range(steps):
        path[t + 1] = path[t] - learning_rate * gradient(X, y, path[t]) / 2
        w = soft_threshold(path[t + 1, :-1], learning_rate * alpha * l1_ratio)
        path[t + 1, :-1] = w / (1 + learning_rate * alpha * (1 - l1_ratio))
    return path


def coordinate_descent(G, c, alpha, l1_ratio=1.0, sweeps=10_000):
    """Solve for one weight after the other, until they stand still; return w, (..., p).

    Args:
        G, c, alpha: shapes (..., p, p), (..., p) and (...): many problems at once.

    >>> coordinate_descent(np.eye(2), np.array([3.0, 0.5]), 1.0).tolist()
    [2.0, 0.0]
    """
    alpha = np.asarray(alpha)
    w = np.zeros(np.broadcast_shapes(c.shape, (*alpha.shape, 1)))
    for _ in range(sweeps):
        before = w.copy()
        for j in range(c.shape[-1]):
            own = G[..., j, j]
            pull = c[..., j] - np.sum(w * G[..., j, :], axis=-1) + own * w[..., j]
            w[..., j] = soft_threshold(pull, alpha * l1_ratio) / (own + alpha * (1 - l1_ratio))
        if np.abs(w - before).max() <= 1e-14 * np.abs(w).max():
            break
    return w


def off_optimum(G, c, alpha, w):
    """By how much each weight misses the lasso's optimality condition; shape (..., p).

    >>> off_optimum(np.eye(2), np.array([3.0, 0.5]), 1.0, np.array([2.0, 0.0])).tolist()
    [0.0, 0.0]
    """
    pull, alpha = c - np.sum(G * w[..., None, :], axis=-1), np.asarray(alpha)[..., None]
    return np.where(w == 0, np.maximum(np.abs(pull) - alpha, 0), np.abs(pull - alpha * np.sign(w)))


def moments(X, y):
    """G = XᵀX/n and c = Xᵀy/n of the centred columns."""
    X, y = X - X.mean(axis=0), y - y.mean()
    return X.T @ X / len(y), X.T @ y / len(y)


def build_model(n_features, alpha, l1_ratio=1.0, learning_rate=LEARNING_RATE, proximal=True):
    """ŷ = Xw + b as one Dense unit from θ = 0, with the penalty in the optimizer's proximal step.

    Args:
        proximal: False puts Keras's own L1 penalty into the cost instead, under plain SGD.
    """
    optimizer, penalty = keras.optimizers.SGD(learning_rate), keras.regularizers.L1(alpha)
    if proximal:
        optimizer = ProximalSGD(learning_rate, prox=prox.ElasticNet(alpha, l1_ratio))
        penalty = None
    dense = keras.layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((n_features,)), dense])
    model.compile(optimizer=optimizer, loss=half_squared_error)
    return model


def sparse_solution(X, y, alpha, l1_ratio=1.0):
    """(w, b) from scikit-learn, shape (p + 1,)."""
    from sklearn.linear_model import ElasticNet, Lasso

    if l1_ratio == 1:
        fitted = Lasso(alpha, **EXACT).fit(X, y)
    else:
        fitted = ElasticNet(alpha, l1_ratio=l1_ratio, **EXACT).fit(X, y)
    return np.append(fitted.coef_, fitted.intercept_)


def kept_names(names, w):
    """The names of the features whose weight is not zero."""
    return ", ".join(name for name, weight in zip(names, w) if weight != 0) or "none"


@with_precision
def run(options=Options()) -> Report:
    if options.data:
        return your_table(options)
    if options.target:
        raise InputError("--target needs --data FILE.csv")
    return Report.join(corner(), diamond_and_circle(), diabetes(options), selection(options))


def f(x):
    """A smooth cost with its bottom at x = 1 and the slope −1 at x = 0."""
    return (x - 1) ** 2 / 2


def corner():
    """One weight: F(x) = f(x) + λ|x| is lowest at the corner, or beside it."""
    from scipy.optimize import minimize_scalar

    x = np.arange(-1000, 2001) / 1000
    lambdas = np.arange(13) / 4  # 0, 0.25, … 3
    on_grid = np.array([x[np.argmin(f(x) + lam * np.abs(x))] for lam in lambdas])
    by_scipy = [
        minimize_scalar(
            lambda x, lam=lam: f(x) + lam * abs(x), bounds=(-1, 2), options={"xatol": 1e-10}
        ).x
        for lam in LAMBDAS
    ]
    h = 2.0**-10  # a power of two: f(h) and f(−h) are then free of rounding
    slope = (f(h) - f(-h)) / (2 * h)
    lowest = soft_threshold(1.0, np.array(LAMBDAS))
    return Report(
        results={f"λ = {lam:g}: F is lowest at": x for lam, x in zip(LAMBDAS, lowest)},
        checks=[
            Check("F: lowest on a grid = S(1, λ)", on_grid, soft_threshold(1.0, lambdas), BY_HAND),
            # SciPy compares values of F, which is flat within the root of rounding, 1.5e-8.
            Check("F: lowest by SciPy = S(1, λ)", by_scipy, lowest, 1e-7),
            Check("F: lowest at 0 where |f′(0)| ≤ λ", on_grid == 0, abs(slope) <= lambdas, 0),
        ],
    )


def projected_descent(G, c, onto, steps=40):
    """w ← the point of the ball nearest to w − ∇f(w), from w = 0."""
    w = np.zeros(len(c))
    for _ in range(steps):
        w = onto(w - (G @ w - c), RADIUS)
    return w


def diamond_and_circle():
    """Two weights: the lowest cost inside the diamond, and inside the circle."""
    from sklearn.linear_model import Ridge

    X, y = data.load_two_features()
    G, c = moments(X, y)
    on_diamond, on_circle = (projected_descent(G, c, onto) for onto in (onto_diamond, onto_circle))

    # Every point of the edges tried: 4000 directions, four of them to the diamond's corners.
    angle = np.linspace(0, 2 * np.pi, 4001)
    circle = RADIUS * np.column_stack([np.cos(angle), np.sin(angle)])
    diamond = RADIUS * circle / np.abs(circle).sum(axis=1, keepdims=True)

    def cost(w):
        """f at w, (..., 2), with the best b."""
        return np.mean((y - y.mean() - w @ (X - X.mean(axis=0)).T) ** 2, axis=-1) / 2

    tried = [edge[np.argmin(cost(edge))] for edge in (diamond, circle)]
    # At the edge f pulls outwards as hard as a penalty of this α would pull back.
    l1 = np.abs(c - G @ on_diamond).max()
    l2 = np.linalg.norm(c - G @ on_circle) / np.linalg.norm(on_circle)
    ridge = Ridge(l2 * len(y)).fit(X, y).coef_
    zeros = np.sum(on_diamond == 0), np.sum(on_circle == 0)
    return Report(
        results={"diamond: lowest at w1, w2": on_diamond, "circle: lowest at w1, w2": on_circle},
        checks=[
            Check("diamond, circle: lowest = best of 4000 points", [on_diamond, on_circle], tried,
                  RADIUS * angle[1]),
            Check("diamond = Lasso that pulls as hard", on_diamond,
                  sparse_solution(X, y, l1)[:-1], LIKE_EXACT),
            Check("circle = Ridge that pulls as hard", on_circle, ridge, BY_HAND),
            Check("zeros: one on the diamond, none on the circle", zeros, [1, 0], 0),
        ],
        figures={"corner": lambda: drawings.corner(
            f, LAMBDAS, soft_threshold(1.0, np.array(LAMBDAS)), cost, np.linalg.solve(G, c),
            [(diamond, on_diamond), (circle, on_circle)])},
    )  # fmt: skip


def diabetes(options):
    """Which features are dropped: by hand, in Keras, and what Keras's own L1 penalty does."""
    X, y, names = load_data()
    steps = options.steps or STEPS
    results, checks, keras_paths = {}, [], []
    for name, (alpha, l1_ratio) in {"lasso": (ALPHA, 1.0), "elastic net": MIXED}.items():
        path = ista(X, y, alpha, LEARNING_RATE, steps, l1_ratio)
        keras_path = train(build_model(len(names), alpha, l1_ratio), X, y, steps)
        keras_paths.append(keras_path)
        results[f"features the {name} keeps"] = kept_names(names, path[-1, :-1])
        checks.append(Check.twin(f"{name}: θ at every step, Keras = by hand", keras_path, path,
                                 options.dtype, 5))  # fmt: skip
        if steps < STEPS:
            continue  # some of the way is left
        exact = sparse_solution(X, y, alpha, l1_ratio)
        data_and_theta = X, y, path[-1, :-1], path[-1, -1]
        off = linear.kkt_residual(*data_and_theta, alpha, l1_ratio)
        gap = linear.duality_gap(*data_and_theta, alpha, l1_ratio)
        results[f"{name}: KKT residual, duality gap"] = off, gap
        found = [path[-1, :-1] == 0, keras_path[-1, :-1] == 0]
        checks += [
            Check(f"{name}: θ by hand = scikit-learn", path[-1], exact, LIKE_EXACT),
            Check(f"{name}: zeros, by hand and Keras, = scikit-learn", found,
                  [exact[:-1] == 0] * 2, 0),
            Check(f"{name}: KKT residual, duality gap = 0", [off, gap], [0, 0], BY_HAND),
        ]  # fmt: skip

    jumping = train(build_model(len(names), ALPHA, proximal=False), X, y, steps)[:, :-1]
    dropped = sparse_solution(X, y, ALPHA)[:-1] == 0
    results["L1 under SGD: mean |w| where it should be 0"] = np.abs(jumping[1:, dropped]).mean()
    checks.append(Check("L1 under SGD: zeros at any step", np.sum(jumping[1:] == 0), 0, 0))
    alphas, zeros, report = every_alpha(X, y)
    figure = {"zeros": lambda: drawings.zeros(
        jumping[:, dropped], keras_paths[0][:, :-1][:, dropped], alphas, zeros)}  # fmt: skip
    return Report.join(Report(results, checks, figure), report)


def every_alpha(X, y):
    """Zeros against α; and what lasso and elastic net do with the same feature twice.

    Returns:
        α (A,), the number of zeros of lasso and ridge there, by name, and the `Report`.
    """
    from sklearn.linear_model import lasso_path

    G, c = moments(X, y)
    top = np.abs(c).max()
    alphas = top * np.array([1.001, 0.999, *np.geomspace(0.9, 1e-2, ALPHAS - 2)])
    w = coordinate_descent(G, c, alphas)
    exact = lasso_path(X, y - y.mean(), alphas=alphas, **EXACT)[1].T
    ridge = np.linalg.solve(G + alphas[:, None, None] * np.eye(len(c)), c[:, None])[..., 0]
    zeros = {"lasso": np.sum(w == 0, axis=1), "ridge": np.sum(ridge == 0, axis=1)}

    X2 = np.column_stack([X, X[:, 2]])  # body mass index once more
    twice = coordinate_descent(*moments(X2, y), ALPHA)[[2, -1]]
    shared = coordinate_descent(*moments(X2, y), *MIXED)[[2, -1]]
    return alphas, zeros, Report(
        results={
            "smallest α at which all weights are zero": top,
            "same feature twice: the lasso may choose": twice,
            "same feature twice: the elastic net shares equally": shared,
        },
        checks=[
            Check("weights that stay at 1.001, 0.999 of α_max", len(c) - zeros["lasso"][:2],
                  [0, 1], 0),
            Check("α_max = first α of scikit-learn's path", top, lasso_path(X, y - y.mean())[0][0],
                  BY_HAND),
            Check(f"weights at {ALPHAS} α = lasso_path", w, exact, LIKE_EXACT),
            Check(f"zeros at {ALPHAS} α = lasso_path", w == 0, exact == 0, 0),
            Check("same feature twice: the lasso's sum = its one", twice.sum(),
                  sparse_solution(X, y, ALPHA)[2], LIKE_EXACT),
            Check("same feature twice: the elastic net's = scikit-learn", shared,
                  sparse_solution(X2, y, *MIXED)[[2, 10]], LIKE_EXACT),
        ],
    )  # fmt: skip


def planted_data(rng, data_sets):
    """Data sets with correlated features, few true weights, and noise still to be scaled.

    Returns:
        X (sets, n, p), noise of deviation 1 (sets, n), w (p,).
    """
    w = np.zeros(20)
    w[list(PLANTED)] = list(PLANTED.values())
    apart = np.abs(np.subtract.outer(np.arange(20), np.arange(20)))
    mix = np.linalg.cholesky(CORRELATION**apart)
    X = rng.normal(size=(data_sets, SAMPLES, 20)) @ mix.T
    return X - X.mean(axis=1, keepdims=True), rng.normal(size=(data_sets, SAMPLES)), w


def selection(options):
    """Does the lasso find the planted features? With one α, and with an α for each noise."""
    rng = np.random.default_rng(options.seed)
    data_sets = QUICK_DATA_SETS if options.quick else DATA_SETS
    X, noise, planted = planted_data(rng, data_sets)
    sigma = np.array(NOISES)[:, None]  # (levels, 1), beside (levels, data sets)
    G = X.mT @ X / SAMPLES
    c = G @ planted + sigma[..., None] * np.einsum("snp,sn->sp", X, noise) / SAMPLES
    # Noise pulls a feature by σ/√n, the hardest of p by some √(2 ln p) of that; twice it is safe.
    rule = 2 * sigma * np.sqrt(2 * np.log(len(planted)) / SAMPLES)
    alphas = np.stack([np.full_like(sigma, ONE_ALPHA), rule]) + np.zeros(data_sets)
    w = coordinate_descent(G, c, alphas)  # (2, levels, data sets, p)
    off = off_optimum(G, c, alphas, w).max(axis=(-2, -1))

    found, true = w != 0, planted != 0
    hits = np.sum(found & true, axis=(-2, -1))
    precision = hits / np.maximum(found.sum(axis=(-2, -1)), 1)
    recall = hits / (data_sets * true.sum())
    as_planted = np.all(np.sign(w) == np.sign(planted), axis=-1)
    y = X[0] @ planted + sigma * noise[0]  # (levels, n), the first data set
    first = np.array([[sparse_solution(X[0], targets, alpha)[:-1]
                       for targets, alpha in zip(y, row)] for row in alphas[..., 0]])  # fmt: skip
    levels = f"from σ = {NOISES[0]:g} to {NOISES[-1]:g}"
    return Report(
        results={
            f"precision, α = {ONE_ALPHA:g}, {levels}": precision[0],
            f"recall, α = {ONE_ALPHA:g}, {levels}": recall[0],
            f"precision, α for each σ, {levels}": precision[1],
            f"recall, α for each σ, {levels}": recall[1],
        },
        checks=[
            Check("planted: weights, first data set, = Lasso", w[:, :, 0], first, LIKE_EXACT),
            Check("planted: zeros, first data set, = Lasso", ~found[:, :, 0], first == 0, 0),
            Check("planted: every lasso meets its optimality conditions", off,
                  np.zeros_like(off), BY_HAND),
            # A feature stays out while its pull ÷ α is at most 1. Beside a planted one it is 0.5,
            # with deviation 0.08 from the features' sampling and 0.04 from the noise: 5 sigma.
            Check("low noise: precision, recall = 1, 5 sigma", [precision[0, 0], recall[0, 0]],
                  [1, 1], 0),
        ],
        figures={"selection": lambda: drawings.selection(
            NOISES, precision, recall, as_planted.mean(axis=-1))},
    )  # fmt: skip


def your_table(options):
    """The lasso on a table of your own, every column scaled to mean 0 and deviation 1."""
    from sklearn.preprocessing import scale

    table = data.load_table(options.data, options.target)
    X, y = table.scaled()
    G, c = moments(X, y)
    if np.abs(c).max() < NO_PULL:
        raise InputError(f"{options.data}: no column is correlated with {options.target!r}")
    eigenvalues = np.linalg.eigvalsh(G)
    if eigenvalues[-1] > MOST_STRETCHED * eigenvalues[0]:
        raise InputError(
            f"{options.data}: its columns nearly repeat each other (condition number"
            f" {eigenvalues[-1] / eigenvalues[0]:.1e}); which of them a lasso keeps hangs"
            " on roundings: leave a column out"
        )
    alpha = SHARE * np.abs(c).max()
    w = coordinate_descent(G, c, alpha)
    if off_optimum(G, c, alpha, w).max() > SOLVED:
        raise InputError(
            f"{options.data}: its columns nearly repeat each other, so that one weight at a time"
            " does not arrive in 10,000 sweeps: leave a column out"
        )
    exact = lasso_of_table(scale(table.X), scale(table.y), alpha, options.data)
    steps, learning_rate = options.steps or STEPS, 1 / eigenvalues[-1]
    path = ista(X, y, alpha, learning_rate, steps)
    keras_path = train(build_model(X.shape[1], alpha, 1.0, learning_rate), X, y, steps)

    off = linear.kkt_residual(X, y, w, 0.0, alpha)
    gap = linear.duality_gap(X, y, w, 0.0, alpha)
    gap_keras = linear.duality_gap(X, y, keras_path[-1, :-1], 0.0, alpha)
    in_units, b = table.in_units(w)
    return Report(
        results={
            **table.described(in_units, b),
            f"α, {SHARE:g} of α_max, columns scaled": alpha,
            "columns the lasso keeps": kept_names(table.columns, w),
            "KKT residual, duality gap": (off, gap),
            f"duality gap of Keras after {steps:,} steps": gap_keras,
        },
        checks=[
            # Within a gap of 1e-14, scikit-learn's promise, a weight may be off by √(2e-14/λmin).
            Check("scaled weights = Lasso", w, exact, np.sqrt(4e-14 / eigenvalues[0])),
            Check("zeros = Lasso", w == 0, exact == 0, 0),
            # Such a gap leaves √(2e-14) in the predictions, root mean square.
            Check("predictions in the table's units, scaled, = Lasso",
                  (table.X @ in_units + b - table.y.mean()) / table.y.std(),
                  scale(table.X) @ exact, np.sqrt(4e-14 * len(y))),
            Check("KKT residual, duality gap = 0", [off, gap], [0, 0], SOLVED),
            Check.twin("θ at every step, Keras = by hand", keras_path, path, options.dtype, 5),
        ],
        figures={"table": lambda: drawings.table(
            table.columns, table.target, w, np.linalg.solve(G, c))},
    )  # fmt: skip


def lasso_of_table(X, y, alpha, name):
    """scikit-learn's weights, or a line that says why there are none."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return sparse_solution(X, y, alpha)[:-1]
        except ConvergenceWarning:
            raise InputError(
                f"{name}: its columns nearly repeat each other, so that scikit-learn's Lasso does"
                " not converge: leave a column out"
            ) from None


def main(argv=None) -> int:
    return command.main(run, argv, __doc__, budget="steps", own_data=True)


if __name__ == "__main__":
    raise SystemExit(main())

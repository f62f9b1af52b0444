"""Ridge, lasso and elastic net against scikit-learn, and against celer, skglm and adelie.

    pip install -e ".[bench]" -c constraints.txt
    pip install adelie --no-deps
    python tests/bench/bench_linear.py [--work diabetes …] [--dtype float32] [--rounds 5] [--slow]

(adelie runs with NumPy 2, but asks for NumPy 1: hence --no-deps. celer's LassoCV does not run with
scikit-learn 1.9. What is not installed is left out.)

Each task is solved by this course and by each of the other libraries in turn (A B C A B C …), in
one process, with one thread for BLAS. The program prints the median time,
the median of the ratios other / ours (above 1: ours is faster), the duality gap reached relative to
mean (y − ȳ)², and by how much the memory of the process grew at its peak. "first" is ours in the
first call.
"""

import argparse
import contextlib
import importlib.util
import resource
import statistics
import threading
import time
import warnings

import numpy as np
import threadpoolctl
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNetCV, Lasso, LassoCV, LassoLarsCV, Ridge, lasso_path

from course import linear
from course.linear.duality import duality_gap


def with_true_weights(n, p, seed=0):
    """Columns with correlation 0.5^|i−j|, p/20 nonzero true weights (50 at most), noise a third."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    for j in range(1, p):
        X[:, j] = 0.5 * X[:, j - 1] + np.sqrt(0.75) * X[:, j]
    w = np.zeros(p)
    count = min(50, max(5, p // 20))
    w[rng.choice(p, count, replace=False)] = rng.normal(size=count)
    signal = X @ w
    return np.asfortranarray(X), signal + signal.std() / 3 * rng.normal(size=n) + 1.0


def data(name, dtype):
    if name == "diabetes":
        made = load_diabetes(return_X_y=True)
    elif name.startswith("sparse"):
        made = sparse_table(*map(int, name.removeprefix("sparse").split("x")))
    else:
        made = with_true_weights(*map(int, name.split("x")))
    return [array.astype(dtype) for array in made]


def sparse_table(n, p, filled=0.01, seed=0):
    """One number in a hundred is not zero; 50 nonzero true weights, noise a third."""
    rng = np.random.default_rng(seed)
    X = sparse.random_array((n, p), density=filled, rng=rng, format="csc",
                            data_sampler=rng.standard_normal)  # fmt: skip
    w = np.zeros(p)
    w[rng.choice(p, 50, replace=False)] = rng.normal(size=50)
    signal = X @ w
    return X, signal + signal.std() / 3 * rng.normal(size=n) + 1.0


def cross_validation(X, y, eps=1e-3, lars=False, tols=(1e-4, 1e-12)):
    """5 folds × 100 alphas, ours and the other libraries'."""
    works = {"ours": lambda: at(linear.lasso_cv(X, y, eps=eps))}
    for tol in tols:
        works[f"LassoCV {tol:g}"] = lambda tol=tol: of(
            LassoCV(cv=5, eps=eps, tol=tol, max_iter=100_000).fit(X, y)
        )
    if lars:
        works["LassoLarsCV"] = lambda: of(LassoLarsCV(cv=5).fit(X, y))
    if (adelie := installed("adelie")) and not sparse.issparse(X):
        works["adelie cv_grpnet"] = lambda: adelie_cv(adelie, X, y, eps)
    return works


def installed(name):
    """The library, or None."""
    return importlib.util.find_spec(name) and importlib.import_module(name)


def adelie_cv(adelie, X, y, eps):
    """5 folds × 100 alphas by adelie, which draws the folds."""
    glm = adelie.glm.gaussian(y)
    given = dict(lmda_path_size=100, min_ratio=eps, progress_bar=False)
    found = adelie.cv_grpnet(X, glm, n_folds=5, seed=0, early_exit=False, **given)
    fit = found.fit(X, glm, **given)
    return fit.lmdas[-1], fit.betas[-1].toarray()[0], fit.intercepts[-1]


def elastic_net_cv(X, y):
    """5 folds × 100 alphas × 3 l1_ratios; the gap is that of the pair that was chosen."""
    ratios = [0.1, 0.5, 0.9]

    def ours():
        found = linear.lasso_cv(X, y, l1_ratio=ratios)
        return found.alpha, found.fit.coef, found.fit.intercept, found.l1_ratio

    works = {"ours": ours}
    for tol in (1e-4, 1e-12):

        def theirs(tol=tol):
            model = ElasticNetCV(l1_ratio=ratios, tol=tol, max_iter=100_000).fit(X, y)
            return *of(model), model.l1_ratio_

        works[f"ElasticNetCV {tol:g}"] = theirs
    return works


def one_lasso(X, y, fraction=0.1):
    """One lasso at a fraction of α_max."""
    alpha = fraction * linear.alpha_max(X, y)
    works = {"ours": lambda: (alpha, *linear.lasso(X, y, alpha)[:2])}
    for tol in (1e-4, 1e-12):
        works[f"Lasso {tol:g}"] = lambda tol=tol: (
            alpha, *both(Lasso(alpha, tol=tol, max_iter=100_000).fit(X, y)),
        )  # fmt: skip
    if celer := installed("celer"):
        works["celer 1e-12"] = lambda: (alpha, *both(celer.Lasso(alpha, tol=1e-12).fit(X, y)))
    if skglm := installed("skglm"):
        works["skglm 1e-12"] = lambda: (alpha, *both(skglm.Lasso(alpha, tol=1e-12).fit(X, y)))
    if (adelie := installed("adelie")) and not sparse.issparse(X):
        works["adelie 1e-12"] = lambda: adelie_at(adelie, X, y, alpha)
    return works


def adelie_at(adelie, X, y, alpha):
    """One lasso by adelie: it begins at the α where all weights are zero."""
    found = adelie.grpnet(X, adelie.glm.gaussian(y), lmda_path=[alpha], tol=1e-12,
                          early_exit=False, progress_bar=False)  # fmt: skip
    return alpha, found.betas[0].toarray()[0], found.intercepts[0]


def path(X, y):
    """100 alphas on all rows; the gap is that of the last one."""

    def ours():
        found = linear.lasso_path(X, y)
        return found.alphas[-1], found.coefs[:, -1], found.intercepts[-1]

    def theirs():
        Z, e = X - X.mean(axis=0), y - y.mean()
        alphas, coefs, _ = lasso_path(Z, e, alphas=100, tol=1e-12, max_iter=100_000)
        return alphas[-1], coefs[:, -1], y.mean() - X.mean(axis=0) @ coefs[:, -1]

    return {"ours": ours, "lasso_path 1e-12": theirs}


def ridges(X, y):
    """Ridge at 100 alphas; there is no gap to speak of."""
    alphas = np.geomspace(1e-3, 1e3, 100)
    return {
        "ours": lambda: linear.ridge_path(X, y, alphas) and None,
        "100 Ridge": lambda: [Ridge(alpha).fit(X, y) for alpha in alphas] and None,
    }


def both(model):
    return model.coef_, model.intercept_


def of(model):
    return model.alpha_, model.coef_, model.intercept_


def at(found):
    return found.alpha, found.fit.coef, found.fit.intercept


WORKS = {
    "diabetes cv": lambda X, y: cross_validation(X, y, lars=True),
    "diabetes lasso": lambda X, y: one_lasso(X, y),
    "diabetes path": lambda X, y: path(X, y),
    "diabetes ridge": lambda X, y: ridges(X, y),
    "1000x100 cv": lambda X, y: cross_validation(X, y, lars=True),
    "1000x100 lasso": lambda X, y: one_lasso(X, y),
    "1000x100 path": lambda X, y: path(X, y),
    "1000x100 ridge": lambda X, y: ridges(X, y),
    "diabetes nets": elastic_net_cv,
    "1000x100 nets": elastic_net_cv,
    "sparse10000x2000 lasso": lambda X, y: one_lasso(X, y),
    "sparse10000x2000 cv": lambda X, y: cross_validation(X, y, 1e-2),
    "20000x200 cv": lambda X, y: cross_validation(X, y),
    "20000x200 lasso": lambda X, y: one_lasso(X, y),
    "2000x5000 lasso": lambda X, y: one_lasso(X, y),
}
SLOW = {
    "2000x5000 cv 1e-2": lambda X, y: cross_validation(X, y, 1e-2, tols=(1e-4, 1e-10)),
    "2000x5000 cv 1e-3": lambda X, y: cross_validation(X, y, 1e-3, tols=(1e-4, 1e-10)),
}


@contextlib.contextmanager
def peak_memory(found):
    """Append by how many MiB the process grew at its peak, measured every millisecond."""
    page = resource.getpagesize() / 2**20
    done = threading.Event()

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * page

    before = peak = resident()

    def watch():
        nonlocal peak
        while not done.wait(0.001):
            peak = max(peak, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        found.append(max(peak, resident()) - before)


def relative_gap(X, y, answer):
    if answer is None:
        return float("nan")
    alpha, coef, b, *l1_ratio = answer
    return duality_gap(X, y, coef, b, alpha, *l1_ratio) / np.mean((y - y.mean()) ** 2)


def measure(name, works, X, y, rounds):
    start = time.perf_counter()
    answers = {"ours": works["ours"]()}
    first = time.perf_counter() - start
    times, memory = {key: [] for key in works}, {key: [] for key in works}
    for key, work in works.items():  # apart, as who watches the memory takes time
        with peak_memory(memory[key]):
            answers[key] = work()
    for _ in range(rounds):
        for key, work in works.items():
            start = time.perf_counter()
            work()
            times[key].append(time.perf_counter() - start)
    print(f"{name}: ours first {1e3 * first:.0f} ms")
    for key in works:
        ratio = statistics.median(b / a for a, b in zip(times["ours"], times[key]))
        beside = "" if key == "ours" else f"  {ratio:8.2f} × ours"
        gap = relative_gap(X, y, answers[key])
        chosen = (
            answers[key] and f"  α {answers[key][0]:.4g}, {np.sum(answers[key][1] != 0)} weights"
        )
        print(
            f"    {key:16} {1e3 * statistics.median(times[key]):10.2f} ms  gap {gap:8.1e}"
            f"  +{max(memory[key]):6.1f} MiB{chosen or ''}{beside}",
            flush=True,
        )


def main():
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    flags.add_argument("--work", nargs="*", help="words of the works to do, such as diabetes or cv")
    flags.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument(
        "--slow", action="store_true", help="the wide cross-validations too: minutes"
    )
    chosen = flags.parse_args()
    warnings.simplefilter("ignore")

    threadpoolctl.threadpool_limits(1)

    print(f"{chosen.dtype}, median of {chosen.rounds} rounds")
    for name, make in (WORKS | (SLOW if chosen.slow else {})).items():
        if not chosen.work or all(word in name for word in chosen.work):
            X, y = data(name.split()[0], chosen.dtype)
            measure(name, make(X, y), X, y, 1 if name in SLOW else chosen.rounds)


if __name__ == "__main__":
    main()

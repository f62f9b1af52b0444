"""What seeds do to results: reruns, the variance of one draw, how many seeds are enough.

A run's result f, its cost for example, depends on random draws, so it has a distribution. Two
settings have two mean results. n runs of each give a 95 % confidence interval of the difference
of the means; it tells the settings apart when 0 is not in it.
"""

import hashlib

import numpy as np

MAX_SEEDS = 400  # that `seeds_needed` thinks of


def fingerprint(arrays):
    """SHA-256 of all the bits, so that runs in two processes or on two computers can be compared.

    >>> fingerprint([np.zeros(2)]) == fingerprint([np.array([0.0, 1e-300])])
    False
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def draw_in_keras(seed, shape=(64, 16)):
    """Weights of Keras's initialiser: its own seed fixes them, `np.random.seed` does not.

    Returns:
        seeded: drawn twice by an initialiser with this seed, shape (2, *shape).
        unseeded: drawn twice by one without, each time after `np.random.seed`.
    """
    from keras import initializers, ops

    def weights(seed=None):
        return ops.convert_to_numpy(initializers.GlorotUniform(seed)(shape))

    state, unseeded = np.random.get_state(), []
    for _ in range(2):
        np.random.seed(seed)
        unseeded.append(weights())
    np.random.set_state(state)  # of whoever else draws from it
    return {"seeded": np.array([weights(seed), weights(seed)]), "unseeded": np.array(unseeded)}


def judge(model, trained, X, y):
    """The cost and the accuracy of a Keras model with the weights of each run, (s,) and (s,).

    Args:
        trained: the runs' weights, each array (s, …).
        X, y: inputs, and classes as whole numbers.
    """
    import keras

    outputs = []
    for weights in zip(*trained):
        model.set_weights(weights)
        outputs.append(keras.ops.convert_to_numpy(model(X)))
    P = np.array(outputs, "float64")  # (s, n, k)
    right = P[:, np.arange(len(y)), y].clip(np.finfo("float64").tiny)  # the log of 0 is −∞
    return -np.log(right).mean(axis=1), (P.argmax(axis=2) == y).mean(axis=1)


def spread(f):
    """The standard deviation of results, or "diverged".

    >>> spread(np.array([1.0, 2.0, 3.0])), spread(np.array([1.0, 1e300]))
    (1.0, 'diverged')
    """
    return float(f.std(ddof=1)) if np.abs(f).max() < 1e9 else "diverged"


def half_squared_change(f, replaced):
    """½ mean((f − f′)²) of pairs of runs that differ in one draw: what this draw does.

    Args:
        f, replaced: results of the runs, and of the same runs with one draw replaced, (s, …).

    >>> float(half_squared_change(np.array([1.0, 2, 3]), np.array([1.0, 2, 6])))
    1.5
    """
    return np.mean((f - replaced) ** 2, axis=0) / 2


def variance_ratio(f, replaced):
    """var f ÷ Σ ½ mean((f − f′)²), summed over the draws: at most 1, but for chance.

    It is 1 where the effects of the draws add up.

    Args:
        f: results of runs, shape (n,).
        replaced: for each draw, results of the first s runs with this draw replaced, (k, s).

    Reference:
        B. Efron, C. Stein, The jackknife estimate of variance, Annals of Statistics 9, 1981,
        doi:10.1214/aos/1176345462.
    """
    f = f[: replaced.shape[1]]
    return f.var(ddof=1) / np.sum([half_squared_change(f, other) for other in replaced])


def t_interval(a, b=None):
    """The 95 % confidence interval of mean(a), or of mean(a) − mean(b), along the last axis.

    mean ± t s / √n, with the 97.5 % quantile t of Student's distribution. Where run i of both
    had the same seed, the interval of their differences, `t_interval(a - b)`, is narrower.

    Args:
        a, b: results of runs, shape (..., n), as many in both.

    Returns:
        The lower and the upper end, shape (...).

    >>> [round(float(end), 3) for end in t_interval(np.array([1.0, 2.0, 3.0]))]  # 2 ± 4.30 / √3
    [-0.484, 4.484]
    """
    from scipy import stats

    n = a.shape[-1]
    middle, variance, freedom = a.mean(axis=-1), a.var(axis=-1, ddof=1), n - 1
    if b is not None:
        middle, variance = middle - b.mean(axis=-1), variance + b.var(axis=-1, ddof=1)
        freedom = 2 * n - 2
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance / n)
    return middle - half, middle + half


def power(n, effect, samples):
    """How often the interval of n seeds will not contain 0, for normal results.

    Args:
        n: seeds of each setting.
        effect: the true mean, or difference of means, in standard deviations.
        samples: 1, the differences of pairs, or 2, other seeds for each setting.

    >>> round(float(power(17, 1.0, 2)), 2)
    0.81
    """
    from scipy import stats

    # The mean over its standard error follows the noncentral t distribution, its square the
    # noncentral F: both ends of the interval at once.
    freedom = samples * (n - 1)
    return stats.ncf.sf(stats.f.ppf(0.95, 1, freedom), 1, freedom, n * effect**2 / samples)


def seeds_needed(effect, samples, wanted=0.8):
    """The fewest seeds whose `power` is as wanted; MAX_SEEDS where no fewer are enough.

    >>> seeds_needed(1.0, 2)
    17
    """
    enough = (n for n in range(2, MAX_SEEDS) if power(n, effect, samples) >= wanted)
    return next(enough, MAX_SEEDS)


def tell_apart(a, b):
    """How many seeds tell two settings apart, where run i of both had the same seed.

    Args:
        a, b: results of many runs, shape (s,); they stand for all there could be.

    Returns:
        gap: mean(b) − mean(a).
        deviations: of b − a with other seeds for each, and with the same seeds.
        needed: seeds of each setting, so that four trials of five tell them apart; in both ways.
        intervals: of the gap from all these runs, in both ways, shape (2, 2).
    """
    change = b - a
    s, paired = np.sqrt((a.var() + b.var()) / 2), change.std()
    gap, both = change.mean(), ((s, 2), (paired, 1))
    return {
        "gap": gap,
        "deviations": np.array([np.sqrt(2) * s, paired]),
        # Of two equal settings, 0/0, the effect is 0.
        "needed": np.array([seeds_needed(gap / d if gap else 0.0, n) for d, n in both]),
        "intervals": np.array([t_interval(b, a), t_interval(change)]),
    }


def best_of_many(validation, test, size, groups, seed):
    """Pick the run that is best by its validation results, in each of many groups of runs.

    Args:
        validation, test: accuracies of all runs, shape (s,).
        size: runs in a group, drawn without replacement.
        groups: how many groups.

    Returns:
        winners: the numbers of the runs picked, shape (groups,).
        lead: by how much the winners are better than the mean of all runs, on the
            validation set, where they were picked, and on the test set.
    """
    rng = np.random.default_rng(seed)
    runs = rng.permuted(np.tile(np.arange(len(validation)), (groups, 1)), axis=1)[:, :size]
    winners = runs[np.arange(groups), validation[runs].argmax(axis=1)]
    lead = [f[winners].mean() - f.mean() for f in (validation, test)]
    return {"winners": winners, "lead": np.array(lead)}

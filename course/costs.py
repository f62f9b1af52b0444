"""Cost functions by hand, in NumPy: the errors of a model, summed up in one number.

    mean_squared_error    1/(mn) ΣΣ (yᵢⱼ − ŷᵢⱼ)²                               numbers
    cross_entropy         −1/n ΣΣ yᵢⱼ ln pᵢⱼ                                   one of k classes
    binary_cross_entropy  −1/(mn) ΣΣ [yᵢⱼ ln pᵢⱼ + (1 − yᵢⱼ) ln(1 − pᵢⱼ)]        m labels, on or off

NumPy broadcasts (n,) beside (n, 1) without a warning, and takes the logarithm of numbers that
are no probabilities. So every cost checks its arrays first, and an error says what it expected.
"""

import numpy as np

ROW_SUM = 1e-5  # how far from 1 the sum of a row of float32 probabilities may be


def log_sum_exp(z):
    """ln Σⱼ exp zⱼ along the last axis, for z of any size.

    The largest z is taken out first, ln Σ exp z = max z + ln Σ exp(z − max z), so that
    no exponential overflows and at least one is 1.

    Args:
        z: shape (..., k).

    Returns:
        Shape (...).

    Example:
        >>> float(log_sum_exp([1000.0, 1000.0])) == 1000 + float(np.log(2))
        True
    """
    z = _finite("z", z)
    largest = z.max(axis=-1, keepdims=True)
    return np.log(np.sum(np.exp(z - largest), axis=-1)) + largest[..., 0]


def log_softmax(z):
    """ln of the softmax, zⱼ − ln Σ exp z: finite even where the softmax itself is 0.

    Args:
        z: logits, shape (..., k).

    Returns:
        Shape (..., k).

    Example:
        >>> log_softmax([-800.0, 0.0])
        array([-800.,    0.])
    """
    z = _finite("z", z)
    z = z - z.max(axis=-1, keepdims=True)  # changes nothing but the rounding
    return z - log_sum_exp(z)[..., None]


def softmax(z):
    """k logits turned into k probabilities that sum to 1: exp zⱼ / Σ exp z.

    Args:
        z: logits, shape (..., k).

    Returns:
        Shape (..., k).

    Example:
        >>> softmax([0.0, 0.0, 1000.0])
        array([0., 0., 1.])
    """
    return np.exp(log_softmax(z))


def sigmoid(z):
    """Each logit turned into a probability of its own: 1 / (1 + exp(−z)).

    Args:
        z: logits, any shape.

    Returns:
        The same shape.

    Example:
        >>> sigmoid([-1000.0, 0.0, 1000.0])
        array([0. , 0.5, 1. ])
    """
    z = _finite("z", z)
    e = np.exp(-np.abs(z))  # never overflows
    return np.where(z >= 0, 1, e) / (1 + e)


def mean_squared_error(y, y_hat, weights=None):
    """1/(mn) ΣΣ (yᵢⱼ − ŷᵢⱼ)², the mean over n rows and m targets.

    Args:
        y: targets, shape (n,) or (n, m).
        y_hat: predictions, the same shape.
        weights: of the rows, shape (n,); None weighs all alike. The rows' costs cᵢ are
            averaged as Σ wᵢcᵢ / Σ wᵢ.

    Returns:
        float.

    Raises:
        ValueError: shapes that differ, or what is not a finite number.

    Example:
        >>> mean_squared_error([[1, 2], [3, 4]], [[1, 2], [3, 8]])
        4.0
    """
    y, y_hat = _pair("y", y, "y_hat", y_hat)
    return _average(_row_means((y - y_hat) ** 2), weights)


def cross_entropy(y, p, from_logits=False, clip=0.0, weights=None):
    """−1/n ΣΣ yᵢⱼ ln pᵢⱼ, for exclusive classes.

    Args:
        y: one-hot rows, or probabilities; each row sums to 1; shape (n, k).
        p: predicted probabilities, each row sums to 1; or logits; shape (n, k).
        from_logits: p holds logits, the numbers before the softmax.
        clip: ε; probabilities are moved into [ε, 1 − ε] first. Keras's ε is 1e-7.
        weights: see `mean_squared_error`.

    Returns:
        float; infinite where a class that occurs has probability 0.

    Raises:
        ValueError: shapes that differ, numbers outside [0, 1], rows that do not sum to 1.

    Example:
        >>> cross_entropy([[0, 1]], [[0.5, 0.5]]) == float(np.log(2))
        True
    """
    y, p = _pair("y", y, "p", p, dimensions=(2,))
    _require_rows_sum_to_one("y", _unit("y", y))
    return _average(-np.sum(_times(y, _log_probabilities(p, from_logits, clip)), axis=1), weights)


def sparse_cross_entropy(labels, p, from_logits=False, clip=0.0, weights=None):
    """−1/n Σ ln pᵢ at the row's own class: `cross_entropy` with class numbers for one-hot rows.

    Args:
        labels: whole numbers from 0 to k − 1, shape (n,).
        p, from_logits, clip, weights: see `cross_entropy`.

    Returns:
        float.

    Raises:
        ValueError: labels out of range or no whole numbers; otherwise as `cross_entropy`.

    Example:
        >>> sparse_cross_entropy([1, 0], [[0.5, 0.5], [1, 0]]) == float(np.log(2) / 2)
        True
    """
    labels, p = np.asarray(labels), _finite("p", p)
    if p.ndim != 2 or labels.shape != p.shape[:1]:
        raise ValueError(
            f"labels have shape {labels.shape} and p has shape {p.shape};"
            " expected (n,) and (n, k): one class number a row, one probability a class"
        )
    k = p.shape[1]
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= k:
        raise ValueError(
            f"labels must be whole numbers from 0 to {k - 1}, one of the {k} classes that p has;"
            f" got {labels.dtype} from {labels.min()} to {labels.max()}"
        )
    log_p = _log_probabilities(p, from_logits, clip)
    return _average(-log_p[np.arange(len(labels)), labels], weights)


def binary_cross_entropy(y, p, from_logits=False, clip=0.0, weights=None):
    """−1/(mn) ΣΣ [yᵢⱼ ln pᵢⱼ + (1 − yᵢⱼ) ln(1 − pᵢⱼ)], for labels that are each on or off.

    Args:
        y: 0 or 1 (or a probability), shape (n,) or (n, m); a row may have no label on, or all.
        p: predicted probabilities, or logits; the same shape.
        from_logits: p holds logits, the numbers before the sigmoid.
        clip, weights: see `cross_entropy`.

    Returns:
        float.

    Raises:
        ValueError: shapes that differ, numbers outside [0, 1].

    Example:
        >>> binary_cross_entropy([[1, 0]], [[0.5, 0.5]]) == float(np.log(2))
        True
    """
    y, p = _pair("y", y, "p", p)
    _unit("y", y)
    if from_logits:
        return _average(_row_means(_softplus(p) - y * p), weights)
    p = np.clip(_unit("p", p), clip, 1 - clip)
    with np.errstate(divide="ignore"):  # ln 0 is minus infinity, and is meant
        log_p, log_rest = np.log(p), np.log1p(-p)
    return _average(-_row_means(_times(y, log_p) + _times(1 - y, log_rest)), weights)


def _softplus(z):
    """ln(1 + exp z) without overflow: the log-sum-exp of 0 and z."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def _log_probabilities(p, from_logits, clip):
    if from_logits:
        return log_softmax(p)
    _require_rows_sum_to_one("p", _unit("p", p))
    with np.errstate(divide="ignore"):  # ln 0 is minus infinity, and is meant
        return np.log(np.clip(p, clip, 1 - clip))


def _times(y, log_p):
    """y ln p, which is 0 where y is 0, even for p = 0."""
    return y * np.where(y > 0, log_p, 0)


def _row_means(terms):
    return terms.reshape(len(terms), -1).mean(axis=1)


def _average(costs, weights):
    """Σ wᵢcᵢ / Σ wᵢ."""
    if weights is None:
        return float(costs.mean())
    weights = _finite("weights", weights)
    if weights.shape != costs.shape:
        raise ValueError(
            f"weights have shape {weights.shape}; expected {costs.shape}, one for each row"
        )
    if weights.min() < 0 or weights.sum() == 0:
        raise ValueError("weights must be 0 or more, and not all 0")
    return float(np.sum(weights * costs) / weights.sum())


def _finite(name, values):
    """As a float64 array, not empty, all finite."""
    values = np.asarray(values, dtype="float64")
    if values.size == 0:
        raise ValueError(f"{name} has shape {values.shape}: there is nothing in it")
    bad = np.size(values) - np.isfinite(values).sum()
    if bad:
        raise ValueError(f"{name}: expected finite numbers; {bad} of {values.size} are NaN or ±inf")
    return values


def _pair(name, values, other_name, others, dimensions=(1, 2)):
    """Two float64 arrays of one shape: no broadcasting."""
    values, others = _finite(name, values), _finite(other_name, others)
    if values.shape != others.shape or values.ndim not in dimensions:
        shapes = " or ".join({1: "(n,)", 2: "(n, m)"}[d] for d in dimensions)
        raise ValueError(
            f"{name} has shape {values.shape} and {other_name} has shape {others.shape};"
            f" expected one shape for both, {shapes}: reshape one of them"
        )
    return values, others


def _unit(name, values):
    if values.min() < 0 or values.max() > 1:
        raise ValueError(
            f"{name}: expected numbers from 0 to 1, got {values.min():g} to {values.max():g}"
            + ("; logits need from_logits=True" if name == "p" else "")
        )
    return values


def _require_rows_sum_to_one(name, values):
    sums = values.sum(axis=1)
    row = np.argmax(np.abs(sums - 1))
    if abs(sums[row] - 1) > ROW_SUM:
        raise ValueError(
            f"{name}: expected rows that sum to 1, but row {row} sums to {sums[row]:g};"
            " labels that are each on or off need binary_cross_entropy"
        )

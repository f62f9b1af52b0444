"""The penalties' weights α: checked, and in a grid below the largest that matters."""

import numbers

import numpy as np

HUGE = 1e100  # in place of an infinite α


def checked_alphas(alphas, l1_ratio, largest=np.inf):
    alphas = np.asarray(alphas, dtype="float64")
    if alphas.ndim != 1 or alphas.size == 0:
        raise ValueError(f"alphas must be one or more numbers in a row, got shape {alphas.shape}")
    wrong = alphas[~((alphas >= 0) & (alphas <= largest))]
    if wrong.size:
        raise ValueError(f"alpha must be a finite number of at least 0, got {wrong[0]}")
    if np.ndim(l1_ratio) > 0 or not 0 <= l1_ratio <= 1:
        raise ValueError(f"l1_ratio must lie in [0, 1], got {l1_ratio}")
    return np.sort(alphas)[::-1]


def alpha_grid(problem, alphas, eps, l1_ratio):
    if np.ndim(alphas) > 0:
        return checked_alphas(alphas, l1_ratio)
    checked_alphas([1.0], l1_ratio)
    if l1_ratio == 0:
        raise ValueError(
            "Automatic alpha grid generation is not supported for l1_ratio=0. Please supply a grid"
            " by providing your estimator with the appropriate `alphas=` argument."
        )
    if not isinstance(alphas, numbers.Real) or int(alphas) != alphas or alphas < 1:
        raise ValueError(f"alphas must be a whole number of at least 1, or values; got {alphas}")
    if not 0 < eps:
        raise ValueError(f"eps must be above 0, got {eps}")
    top = problem.alpha_max(l1_ratio)
    smallest = np.finfo(float).resolution
    if top <= smallest:
        return np.full(int(alphas), smallest)
    return np.sort(top * eps ** (np.arange(int(alphas)) / max(1, alphas - 1)))[::-1]


def finite(alphas, problem, l1_ratio):
    """An infinite α as a large one: all weights are zero there as well."""
    if alphas[0] < np.inf:
        return alphas
    return np.minimum(alphas, HUGE * max(1, problem.alpha_max(l1_ratio or 1)))

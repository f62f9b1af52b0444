"""The answers that the lessons must find, each obtained without the lessons' own code."""

import numpy as np
from scipy import optimize
from sklearn.linear_model import LinearRegression


def least_squares(X, y):
    """(w, b) by scikit-learn, shape (p + 1,)."""
    fitted = LinearRegression().fit(X, y)
    return np.append(fitted.coef_, fitted.intercept_)


def normal_equations(X, y):
    """(w, b) from AᵀA θ = Aᵀy with A = [X 1]."""
    A = np.column_stack([X, np.ones(len(X))])
    return np.linalg.solve(A.T @ A, A.T @ y)


def one_weight(x, y):
    """The w of least squares without intercept: x·y / x·x."""
    return float(np.dot(x, y) / np.dot(x, x))


def one_weight_trajectory(x, y, start, learning_rate, epochs):
    """w_t of gradient descent on the mean squared error, in closed form."""
    bottom = one_weight(x, y)
    factor = 1 - learning_rate * 2 * np.dot(x, x) / len(x)
    return bottom + factor ** np.arange(epochs + 1) * (start - bottom)


def bottoms_of_two_valleys(tilt):
    """The two local minima of (w² − 1)² + tilt·w, by SciPy, left one first."""

    def lowest(low, high):
        found = optimize.minimize_scalar(
            lambda w: (w**2 - 1) ** 2 + tilt * w,
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-12},
        )
        return found.x

    return lowest(-1.5, -0.5), lowest(0.5, 1.5)

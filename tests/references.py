"""The answers that the lessons must find, each obtained without the lessons' own code."""

import numpy as np
from scipy import optimize
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression


def least_squares(X, y):
    """(w, b) by scikit-learn, shape (p + 1,)."""
    fitted = LinearRegression().fit(X, y)
    return np.append(fitted.coef_, fitted.intercept_)


def normal_equations(X, y):
    """(w, b) from AᵀA θ = Aᵀy with A = [X 1]."""
    A = np.column_stack([X, np.ones(len(X))])
    return np.linalg.solve(A.T @ A, A.T @ y)


def diabetes_csv(path, rows=442):
    """Scikit-learn's diabetes data in its own units, with a column of words, as a file."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    names = load_diabetes().feature_names
    lines = [",".join(["patient", *names, "progression"])]
    for i, (features, target) in enumerate(zip(X[:rows], y[:rows])):
        lines.append(",".join([f"patient no. {i}", *map(str, features), str(target)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return X[:rows], y[:rows], names


def table_csv(path, X, y):
    """Columns c0, c1, … and the target y as a file; return its name."""
    header = ",".join([*(f"c{j}" for j in range(X.shape[1])), "y"])
    np.savetxt(path, np.column_stack([X, y]), "%.17g", delimiter=",", header=header, comments="")
    return str(path)


def kelvin():
    """A target of mean 290 and deviation 5, as temperatures have, and columns far from 0."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) * [1, 10, 0.1] + [1000, -5000, 20]
    y = 290 + 4 * (X[:, 0] - 1000) + 0.2 * (X[:, 1] + 5000) + 2 * rng.normal(size=60)
    return X, y


def one_weight(x, y):
    """The w of least squares without intercept: x·y / x·x."""
    return float(np.dot(x, y) / np.dot(x, x))


def one_weight_trajectory(x, y, start, learning_rate, epochs):
    """w_t of gradient descent on the mean squared error, in closed form."""
    minimum = one_weight(x, y)
    factor = 1 - learning_rate * 2 * np.dot(x, x) / len(x)
    return minimum + factor ** np.arange(epochs + 1) * (start - minimum)


def minima_of_the_double_well(tilt):
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

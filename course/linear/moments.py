"""Means and second moments of all rows, and of the training rows of each fold."""

import copy
from typing import NamedTuple

import numpy as np

from course.linear.problem import TOO_LARGE, as_slice, by_rows, dense, means, times_rows

BLOCK = 2**19  # numbers of X that are centred and squared at a time
THIN = 0.1  # of a sparse X: up to so many numbers that are not zero, products take only those
LOST = 0.01  # a difference so small beside what it is the difference of has lost two digits
CANCELLED = 1e-5  # the same for squared errors
LARGEST = 1000  # exponent of 2, so that the factor is a number
SMALL = 1e-280  # squares below it have few digits, or none


class Equations(NamedTuple):
    """What m problems come down to, each column in units in which its mean square is 1.

    Attributes:
        G, c: shapes (m, p, p) and (m, p): XᵀX/n and Xᵀy/n about the means; 0 for what is constant.
        ee: shape (m,), the mean of (y − ȳ)².
        q: shape (m, p), one over a column's root mean square: what a weight for the column in its
            new unit is to be multiplied with, for the column as it was.
        u: shape (m, p), q times the column's penalty weight: its factor in the L1 penalty.
        mean: shape (m, p + 1), of X's columns and y, counted from the origin of the `Moments`.

    Several targets are so many problems, which share one G: an array whose first stride is 0.
    """

    G: np.ndarray
    c: np.ndarray
    ee: np.ndarray
    q: np.ndarray
    u: np.ndarray
    mean: np.ndarray


class Moments:
    """Weighted sums over the rows of A = [X − x₀, y − y₀, 1]: all are entries of AᵀA.

    The origin x₀, y₀ is the mean of all rows, or 0 where there is no intercept: a mean that is
    large beside the spread takes no digits from the squares. (Where few numbers of X are not
    zero, x₀ is 0, so that they stay few.) A row of A is multiplied by the root of its weight.

    Args:
        X, y: shapes (n, p) and (n,), finite, float64 or float32; never changed. X may be a
            `scipy.sparse.csr_array` or `csc_array`; and y of shape (n, k) are k targets.
        folds: list of (training rows, test rows), row numbers; may be empty, and is for k targets.
        fit_intercept: whether the moments are about the means.
        sample_weight: None, or shape (n,).

    Raises:
        ValueError: a number is too large to be squared.
    """

    def __init__(self, X, y, folds, fit_intercept, sample_weight=None):
        self.X, self.y = by_rows(X), y.reshape(len(y), -1)
        self.fit_intercept, self.weights = fit_intercept, sample_weight
        self.exponent = self.A = None
        self.sparse = not isinstance(X, np.ndarray)
        self.thin = self.sparse and X.nnz < THIN * X.shape[0] * X.shape[1]
        self.root = None if sample_weight is None else np.sqrt(sample_weight)
        with np.errstate(over="ignore", invalid="ignore"):
            self.origin = np.append(*means(X, self.y, fit_intercept, sample_weight))
            if self.thin:
                self.origin[: X.shape[1]] = 0
            self._add_up(folds)
            small = np.flatnonzero(self.whole.diagonal()[: X.shape[1]] < SMALL)
            if len(small) and (size := self._largest(small)).any():
                # In units of a power of 2 nothing is rounded.
                self.exponent = np.zeros(X.shape[1], dtype=int)
                self.exponent[small] = np.minimum(-np.frexp(size)[1], LARGEST)
                self.X = _times_powers_of_2(self.X, self.exponent)
                self.origin[: X.shape[1]] = np.ldexp(self.origin[: X.shape[1]], self.exponent)
                self._add_up(folds)
        if not np.isfinite(self.whole.trace()):
            raise ValueError(TOO_LARGE)
        mean, moments = self._centred(self.whole)
        self.constant = self._constant(slice(None), mean, moments)

    def _largest(self, columns):
        """The largest distance from the origin in each of these columns."""
        if self.thin:
            return abs(self.X[:, columns]).max(axis=0).toarray().reshape(-1)
        return np.abs(dense(self.X[:, columns]) - self.origin[columns]).max(axis=0)

    def _add_up(self, folds):
        """The sums over each fold's test rows, and over all rows."""
        rows = np.arange(len(self.y))
        if not self.sparse and self.X.size <= BLOCK:
            self.A = self._rows(rows, self.origin)
        self._leave_out(folds)
        # Each row in one test set: their sums add up to the whole, without another look at X.
        parted = folds and _are_all(len(rows), *(test for _, test in folds))
        self.whole = self.left_out.sum(axis=0) if parted else self._products(rows)

    def _leave_out(self, folds):
        self.folds, width = folds, len(self.origin) + 1
        self.left_out = np.array([self._products(test) for _, test in folds])
        self.left_out.shape = len(folds), width, width

    def of_folds(self, folds):
        """The same for other folds of the same rows."""
        other = copy.copy(self)
        other._leave_out(folds)
        return other

    def _products(self, rows, origin=None):
        """AᵀA over some rows, about another origin if there is one: shape (p + 2, p + 2)."""
        if self.A is not None and origin is None:
            A = self.A[as_slice(rows)]
            return A.T @ A
        if self.thin and origin is None:
            return self._few_products(rows)
        total, step = 0.0, max(256, BLOCK // (len(self.origin) + 1))
        for i in range(0, len(rows), step):
            A = self._rows(rows[i : i + step], self.origin if origin is None else origin)
            total += A.T @ A
        return total

    def _few_products(self, rows):
        """AᵀA over some rows, of which few numbers are not zero."""
        rows = as_slice(rows)
        X, p = self.X[rows].astype("float64"), self.X.shape[1]
        tail = np.column_stack([self.y[rows] - self.origin[p:], np.ones(X.shape[0])])
        if self.root is not None:
            X, tail = times_rows(X, self.root[rows]), tail * self.root[rows, None]
        total = np.empty((len(self.origin) + 1,) * 2)
        total[:p, :p] = (X.T @ X).toarray()
        total[:p, p:] = X.T @ tail
        total[p:, :p] = total[:p, p:].T
        total[p:, p:] = tail.T @ tail
        return total

    def _rows(self, rows, origin):
        """Those of A."""
        rows = as_slice(rows)
        X, y = dense(self.X[rows]), self.y[rows]
        p = X.shape[1]
        A = np.empty((len(y), len(origin) + 1), order="F" if X.flags.f_contiguous else "C")
        np.subtract(X, origin[:p], out=A[:, :p])
        np.subtract(y, origin[p:], out=A[:, p:-1])
        A[:, -1] = 1
        if self.root is not None:
            A *= self.root[rows, None]
        return A

    def _centred(self, products):
        """The means of [X y] and the second moments about them, of one AᵀA or of several."""
        n = products[..., -1:, -1]
        mean = products[..., -1, :-1] / n if self.fit_intercept else 0 * products[..., -1, :-1]
        moments = products[..., :-1, :-1] / n[..., None]
        moments -= mean[..., :, None] * mean[..., None, :]
        return mean, moments

    @np.errstate(over="ignore")
    def _constant(self, rows, mean, moments):
        """Which columns of X are constant on these rows, or zero where there is no intercept."""
        p = self.X.shape[1]
        squares = moments.diagonal()[:p]
        constant = ~(squares > 1e-16 * (self.origin + mean)[:p] ** 2)
        doubtful = np.flatnonzero(constant & ~(squares <= 0))
        if len(doubtful):
            X = dense(self.X[rows][:, doubtful])
            if self.weights is not None:
                X = X[self.weights[rows] > 0]
            constant[doubtful] = (X == X[0]).all(axis=0)
        return constant

    def equations(self, whole=True, penalty_weights=None):
        """Those of all rows, if wanted, and of the training rows of each fold: `Equations`."""
        count, p = len(self.folds) + whole, self.X.shape[1]
        products = np.empty((count, *self.whole.shape))
        products[:whole] = self.whole
        np.subtract(self.whole, self.left_out, out=products[whole:])
        source = np.empty((count, len(self.origin)))  # of the differences
        source[:] = self.whole.diagonal()[:-1]
        for i, (train, test) in enumerate(self.folds, whole):
            if not _are_all(len(self.y), train, test):
                products[i] = self._products(train)
                source[i] = products[i].diagonal()[:-1]
        mean, moments = self._centred(products)
        constant = np.repeat(self.constant[None], count, axis=0)
        lost = products[:, -1:, -1] * _diagonals(moments) <= LOST * source
        lost[:, :p] &= ~constant
        if not self.thin:
            lost[:whole] = False  # they were centred from the start
        for i in np.flatnonzero(lost.any(axis=1)):  # then once more, from the rows themselves
            rows = np.arange(len(self.y)) if i < whole else self.folds[i - whole][0]
            weights = None if self.weights is None else self.weights[rows]
            origin = np.append(*means(self.X[rows], self.y[rows], self.fit_intercept, weights))
            mean[i], moments[i] = self._centred(self._products(rows, origin))
            mean[i] += origin - self.origin
            constant[i] = self._constant(rows, mean[i], moments[i])
        return self._scaled(mean, moments, constant, penalty_weights)

    def _scaled(self, mean, moments, constant, penalty_weights):
        p, targets = self.X.shape[1], self.y.shape[1]
        squares = _diagonals(moments)
        scale = np.sqrt(np.maximum(squares[:, :p], 0))
        scale[constant] = 1
        G, c = moments[:, :p, :p] / scale[:, :, None], moments[:, p:, :p] / scale[:, None]
        G /= scale[:, None]
        if constant.any():
            G[constant[:, :, None] | constant[:, None]] = 0
            c[np.broadcast_to(constant[:, None], c.shape)] = 0
        _diagonals(G)[:] = 1
        with np.errstate(over="ignore"):  # such numbers are refused, where they are used
            q = 1 / scale if self.exponent is None else np.ldexp(1 / scale, self.exponent)
        u = q if penalty_weights is None else q * penalty_weights
        if targets == 1:
            return Equations(G, c[:, 0], squares[:, -1], q, u, mean)
        G, q, u = (np.broadcast_to(part, (targets, *part.shape[1:])) for part in (G, q, u))
        return Equations(G, c[0], squares[0, p:], q, u, self._for_each(mean[0]))

    def _for_each(self, means):
        """Of X's columns and k targets, shape (p + k,), those of each target: shape (k, p + 1)."""
        x, y = np.split(means, [self.X.shape[1]])
        return np.column_stack([np.broadcast_to(x, (len(y), len(x))), y])

    def original(self, w, equations, i):
        """For the columns as they were, and with the intercepts, what w is in the i-th equations.

        Args:
            w: shape (A, p).
            i: a number; or, where each row of w is for a target of its own, slice(None).

        Returns:
            `(coefs, intercepts)`: shapes (A, p) and (A,).
        """
        mean, w = equations.mean[i] + self._for_each(self.origin), w * equations.q[i] + 0.0  # no −0
        return w, mean[:, -1] - np.sum(self._in_unit(w) * mean[:, :-1], axis=1)

    def errors(self, w, equations, first=0):
        """The mean squared error on each fold's test rows.

        Args:
            w: shape (folds, A, p), the solutions of the equations from number `first` on.

        Returns:
            Array of shape (A, folds).
        """
        mean, n = equations.mean[first:], self.left_out[:, -1:, -1]
        w = self._in_unit(w * equations.q[first:, None])
        b = mean[:, -1:] - np.matmul(w, mean[:, :-1, None])[..., 0]
        v = np.concatenate([-w, np.ones((*b.shape, 1)), -b[..., None]], axis=2)
        squares = np.sum(v @ self.left_out * v, axis=2)  # of A v, the residuals
        sizes = np.sqrt(_diagonals(self.left_out))
        terms = np.matmul(np.abs(v), sizes[..., None])[..., 0]
        for i in np.flatnonzero((squares < CANCELLED * terms**2).any(axis=1)):
            test = self.folds[i][1]
            squares[i] = np.sum((self._rows(test, self.origin) @ v[i].T) ** 2, axis=0)
        return (squares / n).T

    def _in_unit(self, w):
        """For the columns as they are in `X` here."""
        return w if self.exponent is None else np.ldexp(w, -self.exponent)


def _times_powers_of_2(X, exponent):
    if isinstance(X, np.ndarray):
        return np.ldexp(X, exponent)
    X = X.copy()
    X.data = np.ldexp(X.data, exponent[X.indices])
    return X


def _diagonals(matrices):
    """Those of m matrices, shape (m, p, p): a view of shape (m, p)."""
    m, p, _ = matrices.shape
    return matrices.reshape(m, p * p)[:, :: p + 1]


def _are_all(n, *parts):
    """Whether the parts have all n rows, each once."""
    if sum(map(len, parts)) != n:
        return False
    return bool((np.bincount(np.concatenate(parts), minlength=n) == 1).all())

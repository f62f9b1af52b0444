"""Rows with classes or labels, for lesson 6; every column of X standardised."""

import numpy as np


def load_iris():
    """Three species of iris, exclusive: X (150, 4), y (150, 3) with a 1 at the row's species."""
    from sklearn import datasets

    X, species = datasets.load_iris(return_X_y=True)
    return _standardised(X), np.eye(3)[species]


def make_labels(seed):
    """Three made-up labels, each on (1) or off (0): X (200, 5), y (200, 3)."""
    from sklearn import datasets

    X, y = datasets.make_multilabel_classification(
        200, n_features=5, n_classes=3, random_state=seed
    )
    return _standardised(X), y.astype(float)


def make_logits(seed):
    """A few rows to compute costs of.

    Returns:
        Logits z, shape (8, 3); class numbers, (8,); labels 0 or 1, (8, 3), none, one and all of
        them on in the first three rows; a weight for each row, (8,).
    """
    rng = np.random.default_rng(seed)
    z = rng.normal(scale=2, size=(8, 3))
    classes = rng.integers(0, 3, 8)
    labels = rng.integers(0, 2, (8, 3)).astype(float)
    labels[:3] = [[0, 0, 0], [0, 1, 0], [1, 1, 1]]
    return z, classes, labels, rng.uniform(0.5, 2, 8)


def _standardised(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)

"""A two-layer network by hand, that tells classes apart: sigmoid units, then softmax.

    H = σ(X W₁ + b₁)        P = softmax(H W₂ + b₂)        J = −mean log P of the right class

    X: shape (n, p)    W₁: shape (p, q)    H: shape (n, q)    W₂: shape (q, k)    P: shape (n, k)

`forward`, `cost` and `accuracy` take s networks at once where each of the weights has shape
(s, …).
"""

import numpy as np
from scipy import special


def forward(X, weights):
    """The hidden units' outputs H and the classes' probabilities P.

    Args:
        weights: W₁, b₁, W₂, b₂.

    >>> P = forward(np.ones((1, 2)), [np.zeros((2, 3)), np.zeros(3), np.zeros((3, 4)), np.zeros(4)])
    >>> P[1]
    array([[0.25, 0.25, 0.25, 0.25]])
    """
    H, Z = hidden_and_logits(X, weights)
    P = np.exp(Z - Z.max(axis=-1, keepdims=True))  # the largest is 1
    return H, P / P.sum(axis=-1, keepdims=True)


def hidden_and_logits(X, weights):
    """H and Z, the softmax's input; nothing overflows, whatever the weights."""
    W1, b1, W2, b2 = weights
    H = special.expit(X @ W1 + b1[..., None, :])
    return H, H @ W2 + b2[..., None, :]


def backward(X, Y, weights):
    """The gradients of J by backpropagation, one for each of the weights.

    Args:
        Y: a row of 0 and 1 for each row of X, shape (n, k).
        weights: W₁, b₁, W₂, b₂ of one network.
    """
    H, P = forward(X, weights)
    D2 = (P - Y) / len(Y)
    D1 = D2 @ weights[2].T * H * (1 - H)
    return [X.T @ D1, D1.sum(axis=0), H.T @ D2, D2.sum(axis=0)]


def cost(X, y, weights):
    """J, the mean cross entropy; y: the classes, whole numbers, shape (n,)."""
    log_P = special.log_softmax(hidden_and_logits(X, weights)[1], axis=-1)  # finite where P is 0
    return -np.mean(log_P[..., np.arange(len(y)), y], axis=-1)


def accuracy(X, y, weights):
    """The fraction of the rows whose most probable class is the right one."""
    return np.mean(forward(X, weights)[1].argmax(axis=-1) == y, axis=-1)

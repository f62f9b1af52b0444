import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from course import costs


@pytest.fixture
def case():
    rng = np.random.default_rng(3)
    z = rng.normal(scale=3, size=(50, 4))
    return z, rng.integers(0, 4, 50), rng.integers(0, 2, (50, 4)), rng.uniform(0, 3, 50)


def test_output_functions_are_scipys_also_far_out(case):
    for z in (case[0], 1000 * case[0], np.array([[-1e300, 1e300], [0, 0]])):
        np.testing.assert_allclose(costs.softmax(z), special.softmax(z, axis=1), atol=1e-15)
        log_p = special.log_softmax(z, axis=1)
        np.testing.assert_allclose(costs.log_softmax(z), log_p, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(costs.log_sum_exp(z), special.logsumexp(z, axis=1), rtol=1e-14)
        np.testing.assert_allclose(costs.sigmoid(z), special.expit(z), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("weighted", [False, True])
def test_costs_are_scikit_learns(case, weighted):
    z, classes, on, w = case
    w = w if weighted else None
    how = {"weights": w}
    y, p, q = np.eye(4)[classes], special.softmax(z, axis=1), special.expit(z)
    mse = metrics.mean_squared_error(on, z, sample_weight=w)
    assert costs.mean_squared_error(on, z, **how) == pytest.approx(mse, rel=1e-14)
    loss = pytest.approx(metrics.log_loss(classes, p, sample_weight=w), rel=1e-13)
    assert costs.cross_entropy(y, p, **how) == loss
    assert costs.cross_entropy(y, z, from_logits=True, **how) == loss
    assert costs.sparse_cross_entropy(classes, p, **how) == loss
    assert costs.sparse_cross_entropy(classes, z, from_logits=True, **how) == loss
    each = [metrics.log_loss(on[:, j], q[:, j], sample_weight=w) for j in range(4)]
    loss = pytest.approx(np.mean(each), rel=1e-13)
    assert costs.binary_cross_entropy(on, q, **how) == loss
    assert costs.binary_cross_entropy(on, z, from_logits=True, **how) == loss


def test_certainty_costs_nothing_or_everything():
    y = [[1, 0]]
    assert costs.cross_entropy(y, [[1, 0]]) == 0
    assert costs.cross_entropy(y, [[0, 1]]) == np.inf
    assert costs.binary_cross_entropy([1, 0], [1, 0]) == 0
    assert costs.binary_cross_entropy([1, 0], [0, 0]) == np.inf
    assert costs.binary_cross_entropy([1], [0], clip=1e-7) == pytest.approx(7 * np.log(10))
    assert costs.binary_cross_entropy([1.0], [-1e5], from_logits=True) == 1e5


HALF, NAN = [[0.5, 0.5]], float("nan")
BAD = [
    ("mean_squared_error", ([1, 2, 3], [[1], [2], [3]]), r"\(3,\).*\(3, 1\).*expected one shape"),
    ("mean_squared_error", ([[1, 2]], [[1], [2]]), "expected one shape"),
    ("mean_squared_error", ([[[1]]], [[[1]]]), r"\(n,\) or \(n, m\)"),
    ("mean_squared_error", ([1, NAN], [1, 2]), "y: expected finite numbers; 1 of 2"),
    ("mean_squared_error", ([1], [np.inf]), "y_hat: expected finite"),
    ("mean_squared_error", ([], []), "nothing in it"),
    ("mean_squared_error", ([1, 2], [1, 2], [1]), r"weights have shape \(1,\); expected \(2,\)"),
    ("mean_squared_error", ([1, 2], [1, 2], [1, -1]), "weights must be 0 or more"),
    ("mean_squared_error", ([1, 2], [1, 2], [0, 0]), "not all 0"),
    ("mean_squared_error", ([1, 2], [1, 2], [1, NAN]), "weights: expected finite"),
    ("cross_entropy", ([1, 0], [0.5, 0.5]), r"expected one shape for both, \(n, m\)"),
    ("cross_entropy", ([[1], [0]], HALF), "expected one shape"),
    ("cross_entropy", ([[1, 1]], HALF), "y: expected rows that sum to 1, but row 0 sums to 2"),
    ("cross_entropy", ([[0, 0]], HALF), "row 0 sums to 0"),
    ("cross_entropy", ([[2, -1]], HALF), "y: expected numbers from 0 to 1, got -1 to 2"),
    ("cross_entropy", ([[1, 0]], [[0.5, 0.4]]), "p: expected rows that sum to 1"),
    ("cross_entropy", ([[1, 0]], [[3.0, -2.0]]), "p: expected numbers from 0 to 1.*from_logits"),
    ("cross_entropy", ([[1, 0]], [[NAN, 0.5]]), "p: expected finite"),
    ("sparse_cross_entropy", ([2], HALF), "whole numbers from 0 to 1.*from 2 to 2"),
    ("sparse_cross_entropy", ([-1], HALF), "whole numbers from 0 to 1"),
    ("sparse_cross_entropy", ([1.0], HALF), "whole numbers from 0 to 1"),
    ("sparse_cross_entropy", ([[1]], HALF), r"expected \(n,\) and \(n, k\)"),
    ("sparse_cross_entropy", ([1, 0], HALF), r"expected \(n,\) and \(n, k\)"),
    ("sparse_cross_entropy", ([1], [[0.7, 0.7]]), "p: expected rows that sum to 1"),
    ("binary_cross_entropy", ([1, 0], [[0.5], [0.5]]), r"\(2,\).*\(2, 1\)"),
    ("binary_cross_entropy", ([[2, 0]], HALF), "y: expected numbers from 0 to 1"),
    ("binary_cross_entropy", ([[1, 0]], [[1.5, 0]]), "p: expected numbers from 0 to 1"),
    ("binary_cross_entropy", ([[NAN, 0]], HALF), "y: expected finite"),
    ("softmax", ([[NAN, 0]],), "z: expected finite"),
    ("sigmoid", ([np.inf],), "z: expected finite"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), BAD)
def test_bad_input_is_refused_in_words(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(costs, name)(*arguments)

import numpy as np
import pytest
from keras import ops

from course.autodiff import value_and_grad


def test_the_gradient_has_the_structure_of_the_parameters():
    params = {"w": np.array([1.0, 2.0]), "rest": [np.array(3.0), np.array([[4.0]])]}
    cost = lambda p: ops.sum(p["w"] ** 3) + p["rest"][0] ** 2  # noqa: E731
    value, gradient = value_and_grad(cost)(params)
    assert float(value) == 18
    assert ops.convert_to_numpy(gradient["w"]).tolist() == [3, 12]
    assert float(gradient["rest"][0]) == 6
    assert ops.convert_to_numpy(gradient["rest"][1]).tolist() == [[0]]  # not used: zero


def test_float64_stays_float64():
    value, slope = value_and_grad(lambda w: ops.exp(w) * w)(np.array(0.3))
    assert float(value) == pytest.approx(0.3 * np.exp(0.3), rel=1e-15)
    assert float(slope) == pytest.approx(1.3 * np.exp(0.3), rel=1e-15)


def test_further_arguments_and_what_else_the_function_returns():
    def cost(w, factor):
        return factor * w**2, w + 1

    (value, aux), slope = value_and_grad(cost, has_aux=True)(np.array(2.0), 5)
    assert (float(value), float(aux), float(slope)) == (20, 3, 20)


def test_whole_numbers_have_no_gradient():
    with pytest.raises(ValueError, match=r"not int.*; write 3\.0 for 3"):
        value_and_grad(lambda w: w**2)(np.array(3))


def test_a_cost_that_is_not_a_scalar_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\).*sum it or average it"):
        value_and_grad(lambda w: w**2)(np.array([1.0, 2.0]))

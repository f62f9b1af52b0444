import keras
import numpy as np
import pytest
from keras import ops

from course.autodiff import model_gradient, value_and_grad


def test_the_gradient_has_the_structure_of_the_parameters():
    params = {"w": np.array([1.0, 2.0]), "rest": [np.array(3.0), np.array([[4.0]])]}
    cost = lambda p: ops.sum(p["w"] ** 3) + p["rest"][0] ** 2  # noqa: E731
    value, gradient = value_and_grad(cost)(params)
    assert float(value) == 18
    assert ops.convert_to_numpy(gradient["w"]).tolist() == [3, 12]
    assert float(gradient["rest"][0]) == 6
    assert ops.convert_to_numpy(gradient["rest"][1]).tolist() == [[0]]  # not used: zero


def test_float64_stays_float64():
    value, gradient = value_and_grad(lambda w: ops.exp(w) * w)(np.array(0.3))
    assert float(value) == pytest.approx(0.3 * np.exp(0.3), rel=1e-15)
    assert float(gradient) == pytest.approx(1.3 * np.exp(0.3), rel=1e-15)


def test_further_arguments_and_what_else_the_function_returns():
    def cost(w, factor):
        return factor * w**2, w + 1

    (value, aux), gradient = value_and_grad(cost, has_aux=True)(np.array(2.0), 5)
    assert (float(value), float(aux), float(gradient)) == (20, 3, 20)


def test_whole_numbers_have_no_gradient():
    with pytest.raises(ValueError, match=r"not int.*; write 3\.0 for 3"):
        value_and_grad(lambda w: w**2)(np.array(3))


def test_a_cost_that_is_not_a_scalar_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\).*sum it or average it"):
        value_and_grad(lambda w: w**2)(np.array([1.0, 2.0]))


def test_the_gradient_of_a_model_is_that_of_its_loss_and_its_penalties():
    rng = np.random.default_rng(0)
    X, y, w, b = rng.normal(size=(5, 2)), rng.normal(size=(5, 1)), np.array([[0.5], [-2.0]]), [1.0]
    dense = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.25))
    model = keras.Sequential([keras.Input((2,)), dense])
    model.compile(loss="mse")
    own = [v.copy() for v in model.get_weights()]
    of_w, of_b = model_gradient(model, [w, b], X, y)
    error = X @ w + b - y
    np.testing.assert_allclose(of_w, 2 / 5 * X.T @ error + 0.5 * w, rtol=1e-5)
    np.testing.assert_allclose(of_b, 2 / 5 * error.sum(axis=0), rtol=1e-5)
    assert all(np.array_equal(v, w) for v, w in zip(model.get_weights(), own))

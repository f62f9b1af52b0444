"""Proximal descent as a Keras optimizer: weights that training sets to zero exactly."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from course.prox import Array, ElasticNet

Prox = Callable[[Array, Array], Array]  # prox(w, step)

# Here, because course.prox does without Keras: a model is saved whose optimizer carries it.
keras.saving.register_keras_serializable(package="course")(ElasticNet)


def _require(holds, otherwise):
    if not holds:
        raise ValueError(otherwise)


@keras.saving.register_keras_serializable(package="course")
def is_kernel(variable: keras.Variable) -> bool:
    """Whether a penalty is usually meant for the variable: two axes or more, and no bias.

    A layer's kernel is; its bias, and a normalisation layer's gamma and beta, are not.

    Example:
        >>> dense = keras.layers.Dense(1)
        >>> dense.build((None, 3))
        >>> is_kernel(dense.kernel), is_kernel(dense.bias)
        (True, False)
    """
    return len(variable.shape) > 1 and "bias" not in variable.name


@keras.saving.register_keras_serializable(package="course")
class ProximalSGD(keras.optimizers.Optimizer):
    """Gradient descent with a proximal operator after every gradient step.

    Update rule for parameter `w` with gradient `g` (ISTA):

    ```python
    w = prox(w - learning_rate * g, learning_rate)
    ```

    Update rule when `momentum` is larger than 0 (iPiano); without a prox it is SGD's:

    ```python
    velocity = momentum * velocity - learning_rate * g
    w_next = prox(w + velocity, learning_rate)
    velocity = w_next - w
    w = w_next
    ```

    Update rule when `accelerated=True` (FISTA with restart). The gradient is taken not at
    `w` but at `v`, which runs ahead of it; at the start `v = w` and `t = 1`:

    ```python
    w_next = prox(v - learning_rate * g, learning_rate)
    if sum((v - w_next) * (w_next - w)) > 0:  # over all variables: the momentum led uphill
        t = 1
    t_next = (1 + sqrt(1 + 4 * t**2)) / 2
    velocity = (t - 1) / t_next * (w_next - w)
    v = w_next + velocity
    w, t = w_next, t_next
    ```

    A variable that is not penalised takes the same steps without the prox.

    With `accelerated=True` the model's variables hold `v` while it trains, and that is what
    metrics and callbacks see. The weights with the exact zeros are `w`:

    - `fit` hands them back at its end; the next `fit` starts there with `t = 1`;
    - after `train_on_batch` or a loop of your own, call
      `optimizer.finalize_variable_values(model.trainable_variables)`;
    - `optimizer.proximal_values()` shows them while training goes on.

    A callback that keeps weights, such as `EarlyStopping(restore_best_weights=True)`,
    would keep `v`; with `momentum` instead, the model's variables are always `w`.

    For a convex loss whose gradient has the Lipschitz constant L, `learning_rate` < 2/L
    converges, ≤ 1/L when accelerated, < 2(1 − momentum)/L with momentum.

    Choosing α: where every penalised weight is 0 and the others are trained, the largest size of
    the cost's gradient in a penalised weight, over l1_ratio, is α_max; from there on all of them
    stay at 0. Train for values of α from α_max down to α_max/1000, each time from the weights of
    the last, and keep the one with the smallest cost on new data. In a network penalise the first
    layer alone: with two layers at 0 neither has a gradient. The page "Ridge and lasso to
    take home" (tutorials/solvers.md) has the lines.

    Loading: import `course.optimizers` before `keras.saving.load_model`, or Keras "could not
    locate class 'ProximalSGD'"; `load_model(path, compile=False)`, to predict, needs no course.

    Args:
        learning_rate: a number, a `keras.optimizers.schedules.LearningRateSchedule`, or a
            callable without arguments; also the step that `prox` is given. Default 0.01.
        prox: `prox(w, step)` returns an array of the shape of `w`, such as
            `course.prox.ElasticNet(alpha=0.1)`. A function must be registered with Keras
            before the model can be saved. Default None: no prox at all.
        penalised: `penalised(variable)` is True where prox applies; asked once, in `build`.
            Default `is_kernel`.
        momentum: in [0, 1), default 0.
        accelerated: default False; not together with `momentum`.
        name: name of the optimizer.
        **kwargs: Keras's `clipnorm`, `clipvalue`, `global_clipnorm` (the clipped gradient
            takes the step, prox follows), `gradient_accumulation_steps` (prox follows the
            accumulated step only) and `loss_scale_factor`.

    Raises:
        ValueError: an argument out of its range; `weight_decay` or `use_ema`; in `build`,
            a prox that applies to no variable or, when accelerated, a variable with a
            constraint or several replicas; in `get_config`, a prox that Keras could not load again.

    Example:
        >>> w = keras.Variable([[3.0], [-0.5]])
        >>> optimizer = ProximalSGD(learning_rate=1.0, prox=ElasticNet(alpha=1.0))
        >>> optimizer.apply([ops.array([[1.0], [0.0]])], [w])
        >>> ops.convert_to_numpy(w).ravel().tolist()
        [1.0, 0.0]

    Reference:
        A. Beck and M. Teboulle, A Fast Iterative Shrinkage-Thresholding Algorithm, SIAM J.
        Imaging Sciences 2(1), 2009, sections 2 and 4, doi:10.1137/080716542.
        B. O'Donoghue and E. Candès, Adaptive Restart for Accelerated Gradient Schemes,
        Found. Comput. Math. 15, 2015, section 3.2, doi:10.1007/s10208-013-9150-3.
        P. Ochs, Y. Chen, T. Brox and T. Pock, iPiano, SIAM J. Imaging Sciences 7(2), 2014,
        doi:10.1137/130942954.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.01,
        prox: Prox | None = None,
        penalised: Callable[[keras.Variable], bool] = is_kernel,
        momentum: float = 0.0,
        accelerated: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        if isinstance(learning_rate, numbers.Real):
            learning_rate = float(learning_rate)
            _require(
                0 <= learning_rate < math.inf,
                f"learning_rate must be finite and at least 0, got {learning_rate}",
            )
        wrong_kind = isinstance(prox, (type, keras.regularizers.Regularizer))
        _require(
            prox is None or (callable(prox) and not wrong_kind),
            "prox must be a function prox(w, step), such as course.prox.ElasticNet(alpha=0.1),"
            f" got {prox!r}",
        )
        _require(callable(penalised), f"penalised must be a function, got {penalised!r}")
        _require(0 <= momentum < 1, f"momentum must lie in [0, 1), got {momentum}")
        both = momentum and accelerated
        _require(not both, "accelerated=True brings its own momentum: leave momentum out")
        _require(
            not kwargs.get("weight_decay"),
            "ProximalSGD has no weight_decay: write prox=course.prox.ElasticNet(alpha, l1_ratio=0)",
        )
        _require(
            not kwargs.get("use_ema"),
            "ProximalSGD has no use_ema: an average of sparse weights is not sparse",
        )
        super().__init__(learning_rate, name=name, **kwargs)
        self.prox = prox
        self.penalised = penalised
        self.momentum = float(momentum)
        self.accelerated = bool(accelerated)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Decide which variables are penalised, and make the velocities, zero at first."""
        if self.built:
            return
        # Here and not in update_step, where TensorFlow's variables have lost their Keras names.
        has_prox = [self.prox is not None and bool(self.penalised(v)) for v in variables]
        _require(
            self.prox is None or any(has_prox),
            "prox applies to none of the variables"
            f" ({', '.join(getattr(v, 'path', v.name) for v in variables)}): give penalised=",
        )
        if self.accelerated:
            _require(
                all(getattr(v, "constraint", None) is None for v in variables),
                "accelerated=True would have Keras constrain v, not w: write the constraint as"
                " a prox, such as course.prox.project_nonnegative",
            )
            strategy = getattr(self, "_distribution_strategy", None)  # on TensorFlow
            _require(
                strategy is None or strategy.num_replicas_in_sync == 1,
                "accelerated=True does not train on several replicas: use momentum",
            )
        super().build(variables)
        self._has_prox = has_prox
        if self.momentum or self.accelerated:
            # When accelerated the velocity is v - w: no copy of w that set_weights would outdate.
            self.velocities = self.add_optimizer_variables(variables, "velocity")
        if self.accelerated:
            self.t = self.add_variable((), "ones", dtype=variables[0].dtype, name="t")

    def update_step(self, gradient: Array, variable: Array, learning_rate: Array) -> None:
        """ISTA's step, or iPiano's, of one variable."""
        index = self._get_variable_index(variable)
        w = ops.convert_to_tensor(variable)
        start = w + self.momentum * self.velocities[index] if self.momentum else w
        w_next = self._proximal_step(start, gradient, learning_rate, index)
        if self.momentum:
            self.assign(self.velocities[index], w_next - w)
        self.assign(variable, w_next)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        """FISTA's step: only here does Keras pass all variables, which have one restart."""
        if not self.accelerated:
            super()._backend_update_step(grads, trainable_variables, learning_rate)
            return
        steps, uphill = [], 0.0
        for gradient, variable in zip(grads, trainable_variables):
            index = self._get_variable_index(variable)
            v = ops.convert_to_tensor(variable)
            w_next = self._proximal_step(v, gradient, learning_rate, index)
            change = w_next - (v - self.velocities[index])
            uphill = uphill + ops.cast(ops.sum((v - w_next) * change), self.t.dtype)
            steps.append((variable, self.velocities[index], w_next, change))
        t = ops.convert_to_tensor(self.t)
        t = ops.where(uphill > 0, ops.ones_like(t), t)
        t_next = (1 + ops.sqrt(1 + 4 * t * t)) / 2
        for variable, velocity, w_next, change in steps:
            ahead = ops.cast((t - 1) / t_next, change.dtype) * change
            self.assign(velocity, ahead)
            self.assign(variable, w_next + ahead)
        self.assign(self.t, t_next)

    def _proximal_step(self, start, gradient, learning_rate, index):
        # convert_to_tensor keeps a Python number's float64, where cast would not on TensorFlow.
        step = ops.convert_to_tensor(learning_rate, dtype=start.dtype)
        end = start - step * ops.convert_to_tensor(gradient, dtype=start.dtype)
        if self.prox is None or not self._has_prox[index]:
            return end
        end = ops.convert_to_tensor(self.prox(end, step), dtype=start.dtype)
        shapes = tuple(end.shape), tuple(start.shape)
        _require(shapes[0] == shapes[1], "prox made shape {} of shape {}".format(*shapes))
        return end

    def proximal_values(self) -> list[Array]:
        """`w` of every variable, in the order of `build`; the model's variables do not change.

        Example:
            >>> v = keras.Variable([[1.0], [1.0]])
            >>> optimizer = ProximalSGD(0.25, prox=ElasticNet(alpha=2.0), accelerated=True)
            >>> for _ in range(2):
            ...     optimizer.apply([ops.ones((2, 1))], [v])
            >>> [ops.convert_to_numpy(w).ravel().tolist() for w in optimizer.proximal_values()]
            [[0.0, 0.0]]
        """
        variables = [ops.convert_to_tensor(v) for v in self._trainable_variables]
        if not self.accelerated:
            return [ops.copy(v) for v in variables]
        return [v - velocity for v, velocity in zip(variables, self.velocities)]

    def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
        """Give the model the weights `w`; `fit` calls this at its end, your own loop must.

        Example:
            >>> v = keras.Variable([[1.0], [1.0]])
            >>> optimizer = ProximalSGD(0.25, prox=ElasticNet(alpha=2.0), accelerated=True)
            >>> for _ in range(2):
            ...     optimizer.apply([ops.ones((2, 1))], [v])
            >>> optimizer.finalize_variable_values([v])
            >>> ops.convert_to_numpy(v).ravel().tolist()
            [0.0, 0.0]
        """
        super().finalize_variable_values(var_list)
        if not (self.accelerated and self.built):
            return
        # While JAX's fit runs, the variables are empty; an error in its first step leaves them so.
        if any(getattr(v, "_value", v) is None for v in self._trainable_variables):
            return
        for variable, w in zip(self._trainable_variables, self.proximal_values()):
            variable.assign(w)
        for velocity in self.velocities:
            velocity.assign(ops.zeros(velocity.shape, dtype=velocity.dtype))
        self.t.assign(1.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments, serialised; ValueError for a prox that Keras could not load again."""
        return {
            **super().get_config(),
            "prox": None if self.prox is None else _serialised("prox", self.prox),
            "penalised": _serialised("penalised", self.penalised),
            "momentum": self.momentum,
            "accelerated": self.accelerated,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> ProximalSGD:
        """The optimizer of a `get_config`, without its state.

        Example:
            >>> config = ProximalSGD(0.5, prox=ElasticNet(alpha=2.0)).get_config()
            >>> ProximalSGD.from_config(config).prox.alpha
            2.0
        """
        config = dict(config)
        for argument in {"prox", "penalised"} & config.keys():
            config[argument] = keras.saving.deserialize_keras_object(
                config[argument], custom_objects=custom_objects
            )
        return super().from_config(config, custom_objects=custom_objects)


def _serialised(argument, function):
    definition = function if hasattr(function, "__name__") else type(function)
    name = keras.saving.get_registered_name(definition)
    loadable = definition is function or hasattr(definition, "from_config")
    _require(
        loadable and keras.saving.get_registered_object(name) is definition,
        f"{argument}={definition.__name__} cannot be saved: define a function by name, or a class"
        " with get_config and from_config, under @keras.saving.register_keras_serializable()",
    )
    return keras.saving.serialize_keras_object(function)

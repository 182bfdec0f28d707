"""Momentum and Adam as they are published, exact in double precision.

Stock Keras momentum and Adam turn their constants into float32 first (0.9 becomes 0.8999999761
even in float64), and stock Adam adds epsilon before its bias correction, not after it.

Each rule here is a pure function, so that the same one serves `Trainer`, which keeps weights and
moments in variables, and `SeedsTrainer`, which hands on those of many seeds as arrays.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class PureOptimizer(keras.optimizers.Optimizer):
    """An optimizer that is defined by what it does with single numbers: see `step`."""

    moments = 0  # arrays of a weight's shape that the rule keeps from update to update

    def step(
        self, weight: Any, gradient: Any, moments: Sequence[Any], learning_rate: Any, updates: Any
    ) -> tuple[Any, list[Any]]:
        """Return a weight and its moments after one update, element by element.

        Args:
            weight: an array of any shape.
            gradient: the loss's derivative by it.
            moments: as the last update left them; zeros before the first.
            learning_rate: a scalar of the weight's type.
            updates: how many there were before this one, an integer.
        """
        raise NotImplementedError

    def build(self, variables: list[Any]) -> None:
        """Create the moments of each variable."""
        if self.built:
            return
        super().build(variables)
        self.kept = [
            [self.add_variable_from_reference(v, name="moment") for _ in range(self.moments)]
            for v in variables
        ]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Apply one update to one variable."""
        kept = self.kept[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype)
        updates = ops.convert_to_tensor(self.iterations)
        weight, moments = self.step(variable, gradient, kept, rate, updates)
        for moment, value in zip(kept, moments, strict=True):
            self.assign(moment, value)
        self.assign(variable, weight)


class GradientDescent(PureOptimizer):
    """w = w - eta g: what `keras.optimizers.SGD` does without its options, as a pure function."""

    def step(
        self, weight: Any, gradient: Any, moments: Sequence[Any], learning_rate: Any, updates: Any
    ) -> tuple[Any, list[Any]]:
        """Return the weight one step down its gradient."""
        return weight - learning_rate * gradient, []


class Momentum(PureOptimizer):
    """Gradient descent with momentum: v = beta v + eta g, w = w - v (the paper's library)."""

    moments = 1

    def __init__(self, learning_rate: float, beta: float = 0.9) -> None:
        """`beta` is the share of the velocity kept at every update."""
        super().__init__(learning_rate=learning_rate, name="momentum")
        self.beta = beta

    def step(
        self, weight: Any, gradient: Any, moments: Sequence[Any], learning_rate: Any, updates: Any
    ) -> tuple[Any, list[Any]]:
        """Return the weight and its velocity after one update."""
        (velocity,) = moments
        kept = ops.multiply(velocity, _constant(self.beta, weight))
        velocity = kept + learning_rate * gradient
        return weight - velocity, [velocity]


class Adam(PureOptimizer):
    """Adam as Kingma and Ba print it and PyTorch computes it: w -= eta m' / (sqrt(v') + epsilon).

    m' and v' are the moments divided by 1 - beta^t, where t counts updates from 1.
    """

    moments = 2

    def __init__(
        self,
        learning_rate: float,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        """All arguments have PyTorch's names and defaults."""
        super().__init__(learning_rate=learning_rate, name="adam")
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def time(self, updates: Any) -> Any:
        """Return t of the bias correction after so many updates, an integer."""
        return updates + 1

    def step(
        self, weight: Any, gradient: Any, moments: Sequence[Any], learning_rate: Any, updates: Any
    ) -> tuple[Any, list[Any]]:
        """Return the weight and its mean and mean square gradient after one update."""
        mean, square = moments
        beta_1, beta_2 = _constant(self.beta_1, weight), _constant(self.beta_2, weight)
        time = ops.cast(self.time(updates), weight.dtype)
        mean = beta_1 * mean + (1 - beta_1) * gradient
        square = beta_2 * square + (1 - beta_2) * ops.square(gradient)
        corrected_mean = mean / (1 - ops.power(beta_1, time))
        corrected_square = square / (1 - ops.power(beta_2, time))
        step = corrected_mean / (ops.sqrt(corrected_square) + _constant(self.epsilon, weight))
        return weight - learning_rate * step, [mean, square]


def pure(optimizer: keras.optimizers.Optimizer) -> PureOptimizer:
    """Return an optimizer with a pure rule: the same one, or plain gradient descent for Keras's.

    Raises:
        TypeError: it is another of Keras's, or `SGD` with one of its options.
    """
    if isinstance(optimizer, PureOptimizer):
        return optimizer
    rate = float(optimizer.learning_rate)
    plain = keras.optimizers.SGD(rate, name=optimizer.name)
    if type(optimizer) is keras.optimizers.SGD and optimizer.get_config() == plain.get_config():
        return GradientDescent(rate)
    raise TypeError(f"{optimizer.name} has no pure rule: take one of `common.optimizers`")


def _constant(value: float, like: Any) -> Any:
    return ops.convert_to_tensor(value, dtype=like.dtype)

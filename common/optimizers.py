"""Momentum and Adam as they are published, exact in double precision.

Stock Keras momentum and Adam turn their constants into float32 first (0.9 becomes 0.8999999761
even in float64), and stock Adam adds epsilon before its bias correction, not after it.
"""

from typing import Any

import keras
from keras import ops


def _constant(value: float, like: Any) -> Any:
    return ops.convert_to_tensor(value, dtype=like.dtype)


class Momentum(keras.optimizers.Optimizer):
    """Gradient descent with momentum: v = beta v + eta g, w = w - v (the paper's library)."""

    def __init__(self, learning_rate: float, beta: float = 0.9) -> None:
        """`beta` is the share of the velocity kept at every update."""
        super().__init__(learning_rate=learning_rate, name="momentum")
        self.beta = beta

    def build(self, variables: list[Any]) -> None:
        """Create one velocity for each variable."""
        if self.built:
            return
        super().build(variables)
        self.velocities = [self.add_variable_from_reference(v, name="velocity") for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Apply one update to one variable."""
        velocity = self.velocities[self._get_variable_index(variable)]
        kept = ops.multiply(velocity, _constant(self.beta, variable))
        self.assign(velocity, kept + ops.cast(learning_rate, variable.dtype) * gradient)
        self.assign_sub(variable, velocity)


class Adam(keras.optimizers.Optimizer):
    """Adam as Kingma and Ba print it and PyTorch computes it: w -= eta m' / (sqrt(v') + epsilon).

    m' and v' are the moments divided by 1 - beta^t, where t counts updates from 1.
    """

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

    def build(self, variables: list[Any]) -> None:
        """Create both moments for each variable."""
        if self.built:
            return
        super().build(variables)
        self.means = [self.add_variable_from_reference(v, name="mean") for v in variables]
        self.squares = [self.add_variable_from_reference(v, name="square") for v in variables]

    def time(self) -> Any:
        """Return t of the bias correction, an integer: 1 at the first update."""
        return ops.convert_to_tensor(self.iterations) + 1

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Apply one update to one variable."""
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        beta_1, beta_2 = _constant(self.beta_1, variable), _constant(self.beta_2, variable)
        time = ops.cast(self.time(), variable.dtype)
        self.assign(mean, beta_1 * mean + (1 - beta_1) * gradient)
        self.assign(square, beta_2 * square + (1 - beta_2) * ops.square(gradient))
        corrected_mean = mean / (1 - ops.power(beta_1, time))
        corrected_square = square / (1 - ops.power(beta_2, time))
        step = corrected_mean / (ops.sqrt(corrected_square) + _constant(self.epsilon, variable))
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)

"""How the paper's own NumPy library trains, on the suite's engine.

All of the paper's experiments run through one small library (paper-code), so what it does is what
every one of them did: weights and biases from N(0, 1); the training set cut again, 80/20 by
position; one sample at a time in the same order every epoch; a constant rate; a log line wherever
`epoch % 10 == 0`, after that epoch's pass, whose "Loss" is that of the last training sample alone.

Source: paper, sections 4.2 and 5, algorithms 1 to 3; paper-code for what they leave open.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from common import losses, optimizers, training
from common.training import start

INITIALISATION = "normal_with_biases"  # a key of `SCHEMES`
TRAINED_SHARE = 0.8  # of the rows that an optimizer is given; it validates on the others


def build_network(
    sizes: Sequence[int], *, hidden: str = "sigmoid", output: str | None = None
) -> keras.Model:
    """Stack dense layers: `sizes` counts inputs, hidden neurons and outputs, in order.

    Without `output` the network returns z of its last layer: softmax then belongs to the loss, and
    a regression's identity needs nothing.
    """
    activations = [hidden] * (len(sizes) - 2) + [output]
    layers = [
        keras.layers.Dense(units, activation=activation)
        for units, activation in zip(sizes[1:], activations, strict=True)
    ]
    return keras.Sequential([keras.Input((sizes[0],)), *layers])


def cross_entropy(y: Any, z: Any) -> Any:
    """Equation (6) of the paper: softmax, then minus the logarithm of the true class's share.

    Its gradient by z is A - Y, the library's starting point.
    """
    return losses.softmax_cross_entropy(y, z)


def squared_error(y: Any, prediction: Any) -> Any:
    """Sum of squares over the outputs of one sample; its gradient is the library's 2 (A - Y)."""
    return losses.squared_error(y, prediction)


class Adam(optimizers.Adam):
    """The library's Adam: the t of its bias correction is epoch + 1, where it should count updates.

    So through the whole first epoch the moments are divided by 1 - beta, as if each were the first.
    """

    def __init__(self, learning_rate: float, updates_per_epoch: int) -> None:
        """The rest is as published: 0.9, 0.999 and 1e-8."""
        super().__init__(learning_rate)
        self.updates_per_epoch = updates_per_epoch

    def time(self, updates: Any) -> Any:
        """Return t: 1 through the first epoch, 2 through the second."""
        return updates // self.updates_per_epoch + 1


def build_optimizer(name: str, learning_rate: float, updates: int) -> keras.optimizers.Optimizer:
    """One of the library's three, or Adam as published.

    Args:
        name: "gd", "momentum", "adam" (the library's, whose bias correction counts epochs) or
            "textbook_adam" (which counts updates, as Kingma and Ba do).
        learning_rate: constant.
        updates: how many an epoch has, which is the number of samples trained on.

    Raises:
        ValueError: there is no such optimizer.
    """
    match name:
        case "gd":
            return keras.optimizers.SGD(learning_rate)
        case "momentum":
            return optimizers.Momentum(learning_rate)
        case "adam":
            return Adam(learning_rate, updates_per_epoch=updates)
        case "textbook_adam":
            return optimizers.Adam(learning_rate)
    raise ValueError(f"no optimizer {name!r}")


def normal_with_biases(
    rng: start.RandomNumbers, shape: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw kernel and bias from N(0, 1), unscaled: `np.random.randn` in the library."""
    return rng.normal(0.0, 1.0, shape), rng.normal(0.0, 1.0, shape[-1:])


# What an experiment's `Config` may name: the library's start, and one that fits the layers' widths.
SCHEMES = {"normal_with_biases": normal_with_biases, "glorot": training.glorot}


def initial_weights(
    model: keras.Model, rng: start.RandomNumbers, scheme: str = INITIALISATION
) -> list[np.ndarray]:
    """Draw the weights that the paper's networks start from; `scheme` is a key of `SCHEMES`."""
    return training.initial_weights(model, rng, SCHEMES[scheme])


def trained_rows(rows: int) -> int:
    """How many of `rows` an optimizer trains on: the first 80 %; it validates on the others."""
    return int(rows * TRAINED_SHARE)


def logged_epochs(epochs: int, every: int = 10) -> range:
    """Epochs completed at each log line: 1, 11, 21, ... for a line every ten."""
    return range(1, epochs + 1, every)


def broadcast_squared_error(y: np.ndarray, prediction: np.ndarray) -> float:
    """The library's printed "Loss" of an image, whose shapes do not match.

    It takes `mean((y - prediction)**2)` of y with shape (784,) and a prediction of shape (784, 1).
    NumPy broadcasts them: every pixel is compared with every other, 784 x 784 differences.

    Args:
        y: shape (pixels,).
        prediction: shape (pixels,).
    """
    return float(np.mean((y - prediction[:, np.newaxis]) ** 2))

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
from keras import ops

from common import training

INITIALISATION = "normal_with_biases"  # a key of `training.SCHEMES`
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
    return ops.mean(ops.categorical_crossentropy(y, z, from_logits=True))


def squared_error(y: Any, prediction: Any) -> Any:
    """Sum of squares over the outputs of one sample; its gradient is the library's 2 (A - Y)."""
    return ops.sum(ops.square(prediction - y))


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
            return training.Momentum(learning_rate)
        case "adam":
            return training.Adam(learning_rate, updates_per_epoch=updates)
        case "textbook_adam":
            return training.Adam(learning_rate)
    raise ValueError(f"no optimizer {name!r}")


def initial_weights(model: keras.Model, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw every weight and bias from N(0, 1), unscaled: `np.random.randn` in the library."""
    return training.initial_weights(model, rng, INITIALISATION)


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

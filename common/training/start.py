"""The weights that a run starts from, drawn from one generator.

A scheme is a function (generator, kernel's shape) -> (kernel, bias). The documents' own schemes
stand in `common.protocols`; here are those that belong to none of them.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import keras
import numpy as np

from common.training import layers


class RandomNumbers(Protocol):
    """What the schemes need of a generator; NumPy's `Generator` and `RandomState` have it."""

    def normal(self, loc: float, scale: float, size: Any) -> np.ndarray:
        """Draw from a normal distribution."""

    def uniform(self, low: float, high: float, size: Any) -> np.ndarray:
        """Draw from a uniform distribution over [low, high)."""


Scheme = Callable[[RandomNumbers, Sequence[int]], tuple[np.ndarray, np.ndarray]]


def fans(kernel_shape: Sequence[int]) -> tuple[int, int]:
    """Return fan in and fan out: a kernel's rows and columns, times the field of a filter."""
    field = math.prod(kernel_shape[:-2])
    return field * kernel_shape[-2], field * kernel_shape[-1]


def glorot(rng: RandomNumbers, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw a kernel uniform in +-sqrt(6 / (fan in + fan out)), as Keras does; biases are 0."""
    bound = math.sqrt(6 / sum(fans(shape)))
    return rng.uniform(-bound, bound, shape), np.zeros(shape[-1:])


def normal(rng: RandomNumbers, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw a kernel from N(0, 1); biases are 0."""
    return rng.normal(0.0, 1.0, shape), np.zeros(shape[-1:])


def initial_weights(model: keras.Model, rng: RandomNumbers, scheme: Scheme) -> list[np.ndarray]:
    """Draw the starting weights of every layer, in order: kernel, then bias.

    All of them come from one generator, so a seed fixes the whole start. (A Keras initializer keeps
    the seed it was made with: called again it would give every "seed" the same weights.) Batch
    normalisation starts as it always does, with gamma 1 and beta 0, and draws nothing.

    Args:
        model: a built model of layers that have a `kernel`, a `bias` or none, or normalise.
        rng: `numpy.random.default_rng(seed)`, or a legacy `numpy.random.RandomState(seed)` where
            the document's own draw is to be repeated.
        scheme: `glorot`, `normal`, or one of a document's own.

    Returns:
        Arrays in the order and shapes of `model.trainable_weights`.

    Raises:
        TypeError: a layer has weights that are neither kernel nor bias.
    """
    drawn: dict[int, np.ndarray] = {}
    for layer in layers.walk(model):
        if layer.trainable_weights:
            drawn |= _start_of(layer, rng, scheme)
    return [drawn[id(variable)] for variable in model.trainable_weights]


def _start_of(
    layer: keras.layers.Layer, rng: RandomNumbers, scheme: Scheme
) -> dict[int, np.ndarray]:
    """Draw one layer's weights, by the identity of its variables."""
    if isinstance(layer, keras.layers.BatchNormalization):
        ones, zeros = np.ones, np.zeros
        return {
            id(variable): (ones if variable is layer.gamma else zeros)(variable.shape)
            for variable in layer.trainable_weights
        }
    if not hasattr(layer, "kernel"):
        raise TypeError(f"no way to start layer {layer.name!r}: it has no kernel")
    kernel, bias = scheme(rng, layer.kernel.shape)
    if layer.bias is None:
        return {id(layer.kernel): kernel}
    return {id(layer.kernel): kernel, id(layer.bias): bias}

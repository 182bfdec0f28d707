"""The notes' formulas for their MNIST network, its listing and its optimizer, against autodiff.

The notes write examples as rows, Z = X W + b with W of shape (inputs, outputs), as Keras does.

Source: notes-2, sections 3 (listing), 3.3 (shapes, delta 1) and 3.4 (log-softmax, Glorot, Adam).
Stated: 784-128-10 in section 3, 784-128-64-10 from 3.3 on; delta 1; Adam 0.003.
Silent about: any numbers to try the formulas on (we draw weights, pictures and labels).
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
from keras import ops

from common import losses, optimizers, training
from common.data import mnist
from common.protocols import notes

CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Config:
    """784-128-64-10, and how many examples the formulas are tried on."""

    hidden: tuple[int, ...] = (128, 64)
    learning_rate: float = 0.003

    # assumed: few, as sums over examples do not get truer with more
    batch_size: int = 16


VARIANTS = {"derivation": Config()}


def build_model(hidden: Sequence[int]) -> keras.Model:
    """Flattened images in, logarithms of ten probabilities out."""
    layers = [keras.layers.Dense(width, activation="relu") for width in hidden]
    answer = keras.layers.Dense(CLASSES, activation="log_softmax")
    return keras.Sequential([keras.Input((mnist.PIXELS,)), *layers, answer])


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Hold the formulas against autodiff on random networks, images and labels, seed by seed."""
    training.set_precision("float64")
    model = build_model(config.hidden)
    listed = build_model((128,))
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for each in (model, listed):
            each.set_weights(training.initial_weights(each, rng, notes.pytorch))
        x = rng.uniform(size=(config.batch_size, mnist.PIXELS))
        labels = rng.integers(CLASSES, size=config.batch_size)
        yield {
            **counts(model),
            **forward_and_back(model, x, labels),
            **listing(listed, x, labels),
            **log_softmax(model, x, labels, rng),
            **adam(config.learning_rate, rng),
            **spread(model.get_weights()[0::2]),
        }


def gap(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """Return the largest absolute difference between two lists of arrays."""
    pairs = zip(some, others, strict=True)
    return rounded(max(np.abs(one - other).max() for one, other in pairs))


def rounded(value: float) -> float:
    """Return seven significant digits."""
    return float(f"{value:.7g}")


# --- Shapes and counts --------------------------------------------------------------------------


def counts(model: keras.Model) -> dict:
    """Return the shapes of the weights, and how an image becomes a row."""
    kernels = model.get_weights()[0::2]
    xor = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    image = np.arange(mnist.PIXELS, dtype="uint8").reshape(1, mnist.SIDE, mnist.SIDE)
    row_after_row = np.concatenate(list(image[0])) / 255
    return {
        "kernel_shapes": [size for kernel in kernels for size in kernel.shape],
        "first_layer_weights": kernels[0].size,
        "xor_first_layer_weights": int(np.size(xor.layers[0].kernel)),
        "flattening_gap": gap(list(mnist.rows(image, "float64")), [row_after_row]),
    }


# --- Forward and back ---------------------------------------------------------------------------


def relu(z: np.ndarray) -> np.ndarray:
    """Return x if x > 0, else 0."""
    return np.where(z > 0, z, 0.0)


def relu_slope(z: np.ndarray) -> np.ndarray:
    """Return 1 if x > 0, else 0."""
    return np.where(z > 0, 1.0, 0.0)


def softmax(z: np.ndarray) -> np.ndarray:
    """Return the exponentials over their sum, a row per example."""
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def forward(weights: Sequence[np.ndarray], x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return Z1, Z2 and A3 of section 3.3, for weights W1, b1, W2, b2, W3, b3."""
    W1, b1, W2, b2, W3, b3 = weights
    Z1 = x @ W1 + b1
    Z2 = relu(Z1) @ W2 + b2
    return Z1, Z2, softmax(relu(Z2) @ W3 + b3)


def delta_1(
    weights: Sequence[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    slope: Callable[[np.ndarray], np.ndarray] = relu_slope,
) -> np.ndarray:
    """Return section 3.3's delta 1, read from left to right (else the shapes clash).

    Args:
        weights: W1, b1, W2, b2, W3, b3.
        x: shape (m, 784).
        y: one-hot targets, shape (m, 10).
        slope: of the hidden layers' activation.
    """
    _, _, W2, _, W3, _ = weights
    Z1, Z2, A3 = forward(weights, x)
    return (((A3 - y) @ W3.T) * slope(Z2)) @ W2.T * slope(Z1)


def forward_and_back(model: keras.Model, x: np.ndarray, labels: np.ndarray) -> dict:
    """Return how far the forward pass and delta 1 are from Keras's and from autodiff's."""
    weights, y = model.get_weights(), np.eye(CLASSES)[labels]
    exact = training.gradients(model, losses.negative_log_likelihood, x, labels)
    A3 = forward(weights, x)[-1]
    return {
        "forward_gap": gap([np.log(A3)], [np.asarray(model(x))]),
        "softmax_sum_gap": rounded(np.abs(A3.sum(axis=1) - 1).max()),
        "delta_1_gap": gap([x.T @ delta_1(weights, x, y) / len(x)], exact[:1]),
    }


def listing(model: keras.Model, x: np.ndarray, labels: np.ndarray) -> dict:
    """Return how far section 3's listing for 784-128-10 is from the summed loss's gradients."""

    def summed(labels: np.ndarray, log_probabilities: keras.KerasTensor) -> keras.KerasTensor:
        return len(x) * losses.negative_log_likelihood(labels, log_probabilities)

    dW1, db1, dW2, db2 = training.gradients(model, summed, x, labels)
    steps = listing_steps(model.get_weights(), x, np.eye(CLASSES)[labels])
    return {
        "listing_gap": gap(steps, [dW1, dW2]),
        "bias_gradient": rounded(max(np.abs(db1).max(), np.abs(db2).max())),
    }


def listing_steps(weights: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Return what the listing subtracts (times the rate) from W1 and from W2."""
    W1, b1, W2, b2 = weights
    z1 = x @ W1 + b1
    a1 = relu(z1)
    d_output = softmax(a1 @ W2 + b2) - y
    d_hidden = (d_output @ W2.T) * relu_slope(z1)
    return [x.T @ d_hidden, a1.T @ d_output]


# --- PyTorch's parts ----------------------------------------------------------------------------


def log_softmax(
    model: keras.Model, x: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> dict:
    """Return what becomes of a tiny probability, and how far log-softmax with NLL is from Keras's.

    exp(-103.3) is the smallest number of float32: a logit further behind looks impossible.
    """
    logits = np.zeros((1, CLASSES), dtype="float32")
    logits[0, rng.integers(CLASSES)] = rng.uniform(120, 1000)
    in_two_steps = np.asarray(ops.log(ops.softmax(logits)))
    in_one_step = np.asarray(ops.log_softmax(logits))
    log_probabilities = model(x)
    library = ops.mean(
        ops.sparse_categorical_crossentropy(labels, log_probabilities, from_logits=True)
    )
    ours = losses.negative_log_likelihood(labels, log_probabilities)
    return {
        "zeros_in_two_steps": int(np.isneginf(in_two_steps).sum()),
        "zeros_in_one_step": int((~np.isfinite(in_one_step)).sum()),
        "likelihood_gap": rounded(abs(float(ours) - float(library))),
    }


def adam(rate: float, rng: np.random.Generator, steps: int = 30) -> dict:
    """Return Adam's steps where gradients agree, where they alternate, and by their size."""
    size = rng.uniform(0.01, 10)
    gradients = [
        np.full(steps, size),
        size * (-1.0) ** np.arange(steps),
        rng.normal(scale=10.0, size=steps),
        rng.normal(scale=0.001, size=steps),
    ]
    same, alternating, wild, calm = step_sizes(rate, np.transpose(gradients)).T
    return {
        "step_where_gradients_agree": rounded(same[-1]),
        "step_where_gradients_alternate": rounded(alternating[-1]),
        "step_growth": rounded(same[-1] / same[0]),
        "rate_for_wild_gradients": rounded(wild.sum() / np.abs(gradients[2]).sum()),
        "rate_for_calm_gradients": rounded(calm.sum() / np.abs(gradients[3]).sum()),
    }


def step_sizes(rate: float, gradients: np.ndarray) -> np.ndarray:
    """Return the lengths of Adam's steps; gradients and steps have shape (steps, weights)."""
    optimizer, variable = optimizers.Adam(rate), keras.Variable(np.zeros(gradients.shape[1]))
    positions = [np.array(variable)]
    for gradient in gradients:
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
        positions.append(np.array(variable))
    return np.abs(np.diff(positions, axis=0))


def spread(kernels: Sequence[np.ndarray]) -> dict:
    """Return how wide PyTorch's initial weights spread, against Glorot's uniform distribution."""
    bounds = [math.sqrt(6 / sum(kernel.shape)) for kernel in kernels]
    shares = [
        kernel.std() * math.sqrt(3) / bound for kernel, bound in zip(kernels, bounds, strict=True)
    ]
    histogram, _ = np.histogram(kernels[0], bins=40, range=(-bounds[0], bounds[0]))
    return {
        "glorot_gap": rounded(np.abs(np.subtract(shares, 1)).max()),
        "glorot_bound": rounded(bounds[0]),
        "first_weights": histogram.tolist(),
    }

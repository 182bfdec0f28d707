"""Every formula, shape and count of the handwritten pages, held against automatic differentiation.

The pages write examples as columns, z = W a + b with W of shape (outputs, inputs).

Source: handwritten, sections 1 to 3 and 5.
Stated: 784-128-64-10; ReLU, softmax, cross-entropy; the L2 penalty and its gradient; lambda
    "típicamente 0.001 a 0.1"; shapes and counts of everything.
Silent about: any numbers to try the formulas on (we draw weights, pictures and labels); which
    weights' impact (a sample of all layers).
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import scipy.stats
from keras import ops

from common import losses, training

CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Config:
    """784-128-64-10, and how many examples and weights the formulas are tried on."""

    layer_sizes: tuple[int, ...] = (784, 128, 64, 10)

    # assumed: as in the training of the same network
    spread: float = 0.05
    # assumed
    batch_size: int = 8
    # assumed: weights whose impact is measured, of each layer; directions that are walked
    sampled: int = 10
    # assumed: how far a weight is moved to see its impact: as far as weights lie apart
    move: float = 0.05


VARIANTS = {"derivation": Config()}


def build_model(config: Config) -> keras.Model:
    """Flattened images in, logarithms of ten probabilities out."""
    inputs, *hidden, outputs = config.layer_sizes
    layers = [keras.layers.Dense(width, activation="relu") for width in hidden]
    answer = keras.layers.Dense(outputs, activation="log_softmax")
    return keras.Sequential([keras.Input((inputs,)), *layers, answer])


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Hold the formulas against autodiff on random networks, images and labels, seed by seed."""
    training.set_precision("float64")
    model = build_model(config)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        drawn = training.initial_weights(model, rng, training.normal)
        # Biases are drawn too: formulas that lost them would not be seen at 0.
        model.set_weights([rng.normal(scale=config.spread, size=array.shape) for array in drawn])
        x = rng.uniform(size=(config.batch_size, config.layer_sizes[0]))
        labels = rng.integers(CLASSES, size=config.batch_size)
        net = forward_in_columns(model.get_weights(), x.T)
        yield {
            **counts(model),
            **shapes(model, x.T[:, :1]),
            **forward_pass(model, net, x, rng),
            **cost(model, net, x, labels, rng),
            **backward_pass(model, net, x, labels),
            **gradient_as_slope(model, x, labels, rng, config),
        }


def gap(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """Return the largest absolute difference between two lists of arrays."""
    pairs = zip(some, others, strict=True)
    return rounded(max(np.abs(one - other).max() for one, other in pairs))


def rounded(value: float) -> float:
    """Return seven significant digits."""
    return float(f"{value:.7g}")


# --- The network as the pages write it ----------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Columns:
    """A network and its forward pass in the handwritten notation; lists start at layer 1.

    Attributes:
        W: weights, shapes (outputs, inputs).
        b: biases, shapes (outputs, 1).
        z: pre-activations, shapes (outputs, m).
        a: activations, shapes (outputs, m); a[0] is the input, so this list is one longer.
    """

    W: list[np.ndarray]
    b: list[np.ndarray]
    z: list[np.ndarray]
    a: list[np.ndarray]


def relu(z: np.ndarray) -> np.ndarray:
    """Return z if z > 0, else 0."""
    return np.where(z > 0, z, 0.0)


def relu_slope(z: np.ndarray) -> np.ndarray:
    """Return 1 if z > 0, else 0."""
    return np.where(z > 0, 1.0, 0.0)


def softmax(z: np.ndarray) -> np.ndarray:
    """Return the exponentials over their sum, a column per example."""
    return np.exp(z) / np.exp(z).sum(axis=0)


def forward_in_columns(weights: Sequence[np.ndarray], x: np.ndarray) -> Columns:
    """Run the handwritten forward pass: z = W a + b, ReLU, softmax at the end.

    Args:
        weights: kernel, bias, kernel, ... as Keras has them.
        x: shape (784, m), a column per example.
    """
    W = [kernel.T for kernel in weights[0::2]]
    b = [bias[:, None] for bias in weights[1::2]]
    z: list[np.ndarray] = []
    a = [x]
    for layer, (W_l, b_l) in enumerate(zip(W, b, strict=True), start=1):
        z.append(W_l @ a[-1] + b_l)
        a.append(softmax(z[-1]) if layer == len(W) else relu(z[-1]))
    return Columns(W, b, z, a)


def backward_in_columns(
    net: Columns, y: np.ndarray, slope: Callable[[np.ndarray], np.ndarray] = relu_slope
) -> dict[str, list[np.ndarray]]:
    """Run the handwritten backward pass over a batch of m columns.

    Args:
        net: the forward pass.
        y: one-hot targets, shape (10, m).
        slope: what dA is multiplied by: g' in section 3, g in the printed algorithm.

    Returns:
        dZ, dW and db of layers 1 to 3, and dA of layers 1 and 2. dZ and dA are per example; dW and
        db are divided by m.
    """
    m = y.shape[1]
    dz = [net.a[-1] - y]
    da: list[np.ndarray] = []
    for W_above, z in zip(net.W[:0:-1], net.z[-2::-1], strict=True):
        da.insert(0, W_above.T @ dz[0])
        dz.insert(0, da[0] * slope(z))
    return {
        "dz": dz,
        "dw": [dz_l @ a.T / m for dz_l, a in zip(dz, net.a[:-1], strict=True)],
        "db": [dz_l.sum(axis=1, keepdims=True) / m for dz_l in dz],
        "da": da,
    }


# --- What is measured ---------------------------------------------------------------------------


def counts(model: keras.Model) -> dict:
    """Return how many layers, weights and biases the model has."""
    kernels, biases = model.get_weights()[0::2], model.get_weights()[1::2]
    return {
        "layer_weights": [kernel.size for kernel in kernels],
        "layer_biases": [bias.size for bias in biases],
        "weight_count": sum(kernel.size for kernel in kernels),
        "bias_count": sum(bias.size for bias in biases),
        "parameter_count": model.count_params(),
    }


def shapes(model: keras.Model, x: np.ndarray) -> dict:
    """Return the shapes of everything for one example, those of all layers laid end to end."""
    net, y = forward_in_columns(model.get_weights(), x), np.eye(CLASSES)[:, :1]
    arrays = {"w": net.W, "b": net.b, "z": net.z, "a": net.a[1:], **backward_in_columns(net, y)}
    return {
        f"{name}_shapes": [size for part in parts for size in part.shape]
        for name, parts in arrays.items()
    }


def forward_pass(model: keras.Model, net: Columns, x: np.ndarray, rng: np.random.Generator) -> dict:
    """Return how far the forward pass is from Keras's, and what softmax does."""
    alone = forward_in_columns(model.get_weights(), x[:1].T)
    z = rng.uniform(0.1, 5, size=(CLASSES, 200))
    by_softmax, by_share = softmax(z).max(axis=0), (z / z.sum(axis=0)).max(axis=0)
    probabilities = softmax(rng.normal(scale=3.0, size=(CLASSES, 1000)))
    return {
        "forward_gap": gap([np.log(net.a[-1].T)], [np.asarray(model(x))]),
        "columns_gap": gap([net.a[-1][:, :1]], [alone.a[-1]]),
        "batch_shape": [*net.z[1].shape],
        "softmax_sum_gap": rounded(np.abs(probabilities.sum(axis=0) - 1).max()),
        "softmax_range": [rounded(probabilities.min()), rounded(probabilities.max())],
        "softmax_amplifies": int((by_softmax > by_share).all()),
        "example_class": int(np.argmax([0.01, 0.02, 0.90, 0.03])),
    }


def cost(
    model: keras.Model, net: Columns, x: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> dict:
    """Return how far the batch cost in its printed forms, and its L2 gradient, are from Keras's."""
    m, y = len(labels), np.eye(CLASSES)[labels].T
    losses_alone = [-np.log(net.a[-1][label, j]) for j, label in enumerate(labels)]
    double_sum = (y * np.log(net.a[-1])).sum()
    library = float(
        ops.mean(ops.sparse_categorical_crossentropy(labels, net.z[-1].T, from_logits=True))
    )
    strength = rng.uniform(0.001, 0.1)

    def regularised(labels: Any, log_probabilities: Any) -> Any:
        squares = [ops.sum(ops.square(layer.kernel)) for layer in model.layers]
        plain = losses.negative_log_likelihood(labels, log_probabilities)
        return plain + strength / (2 * m) * sum(squares)

    exact = training.gradients(model, regularised, x, labels)[0::2]
    dw = backward_in_columns(net, y)["dw"]
    printed = [part + strength / m * W for part, W in zip(dw, net.W, strict=True)]
    return {
        "cost_gap": rounded(abs(np.mean(losses_alone) - library)),
        "algorithm_cost_gap": rounded(abs(-double_sum / m - library)),
        "halved_cost_gap": rounded(abs(-double_sum / (2 * m) - library)),
        "l2_gradient_gap": gap([part.T for part in printed], exact),
        "loss_at": [float(-np.log(share)) for share in (0.9, 0.1, 1 - 1e-12, 1e-300)],
        "loss_if_sure_and_wrong": float(-np.log(0.01)),
        "loss_if_unsure_and_wrong": float(-np.log(0.4)),
    }


def backward_pass(model: keras.Model, net: Columns, x: np.ndarray, labels: np.ndarray) -> dict:
    """Return how far the printed gradients are from autodiff's, for a batch and for one example."""
    y = np.eye(CLASSES)[labels].T

    def against(gradients: dict, exact: list[np.ndarray]) -> float:
        kernels, biases = [part.T for part in gradients["dw"]], [b[:, 0] for b in gradients["db"]]
        return max(gap(kernels, exact[0::2]), gap(biases, exact[1::2]))

    loss = losses.negative_log_likelihood
    exact = training.gradients(model, loss, x, labels)
    first = training.gradients(model, loss, x[:1], labels[:1])
    alone = forward_in_columns(model.get_weights(), x[:1].T)
    return {
        "backward_gap": against(backward_in_columns(net, y), exact),
        "single_example_gap": against(backward_in_columns(alone, y[:, :1]), first),
        "printed_algorithm_gap": against(backward_in_columns(net, y, slope=relu), exact),
        "relu_slope_at_zero": relu_slope_at_zero(),
    }


def relu_slope_at_zero() -> float:
    """Return what automatic differentiation takes for the derivative of ReLU at exactly 0."""
    unit = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, activation="relu", kernel_initializer="zeros")]
    )
    _, slope = training.gradients(unit, lambda _, a: ops.sum(a), np.zeros((1, 1)), None)
    return float(slope[0])


def gradient_as_slope(
    model: keras.Model,
    x: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
    config: Config,
) -> dict:
    """Walk a little from the weights: along the gradient, other ways, and one weight at a time."""
    weights = model.get_weights()
    exact = training.gradients(model, losses.negative_log_likelihood, x, labels)
    length = float(np.sqrt(sum((part**2).sum() for part in exact)))

    def cost_at(moved: Sequence[np.ndarray]) -> float:
        answer = forward_in_columns(moved, x.T).a[-1]
        return float(-np.log(answer[labels, np.arange(len(x))]).mean())

    def slope(direction: Sequence[np.ndarray], step: float = 1e-6) -> float:
        ends = [
            cost_at([w + way * step * part for w, part in zip(weights, direction, strict=True)])
            for way in (1, -1)
        ]
        return (ends[0] - ends[1]) / (2 * step)

    here = cost_at(weights)
    others = []
    for _ in range(config.sampled):
        direction = [rng.normal(size=part.shape) for part in exact]
        norm = np.sqrt(sum((part**2).sum() for part in direction))
        others.append(abs(slope([part / norm for part in direction])))

    sizes, impacts, slopes = [], [], []
    for layer in (0, 2, 4):
        for index in rng.integers(weights[layer].size, size=config.sampled):
            one_weight = [np.zeros_like(part) for part in exact]
            one_weight[layer].reshape(-1)[index] = 1.0
            moved = [w + config.move * part for w, part in zip(weights, one_weight, strict=True)]
            gradient = exact[layer].reshape(-1)[index]
            slopes.append(slope(one_weight) - gradient)
            impacts.append(abs(cost_at(moved) - here))
            sizes.append(abs(gradient))
    uphill = slope([part / length for part in exact])
    return {
        "steepest_slope_gap": rounded(abs(uphill - length)),
        "slope_along_gradient": rounded(uphill),
        "steepest_other_slope": rounded(max(others)),
        "one_weight_slope_gap": rounded(np.abs(slopes).max()),
        "impact_correlation": rounded(scipy.stats.spearmanr(sizes, impacts).statistic),
    }

"""The paper's algorithm 3: any optimizer may use the derivatives that algorithm 1 computes.

A small network is trained with the derivatives of the repaired algorithm 1, with the paper's three
optimizers and with ten of Keras's, and held against the same training by autodiff.

Source: paper, section 4.2; section 5.1, algorithm 3.
Stated: epoch by epoch and sample by sample; any method based on gradient descent may be used;
    back-propagation computes derivatives and leaves the network as it is.
Silent about: the problem (we take 4-5-3 and random samples); how the rate is updated (we keep it
    constant, as the library does).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import ops

from common import training
from common.protocols import paper
from reproductions.backpropagation import formulas


@dataclasses.dataclass(frozen=True)
class Config:
    """A small classifier and a few samples."""

    # assumed: small, as every optimizer trains it twice
    sizes: tuple[int, ...] = (4, 5, 3)
    # assumed: four updates, so that what an optimizer remembers counts
    samples: int = 2
    epochs: int = 2
    # assumed
    learning_rate: float = 0.1
    precision: str = "float64"


VARIANTS = {"optimizers": Config()}
SHORTENED: dict[str, dict] = {}

# The paper's three, and ten of Keras's.
OPTIMIZERS = (
    "gd",
    "momentum",
    "adam",
    keras.optimizers.RMSprop,
    keras.optimizers.Adagrad,
    keras.optimizers.Adadelta,
    keras.optimizers.Adam,
    keras.optimizers.AdamW,
    keras.optimizers.Adamax,
    keras.optimizers.Nadam,
    keras.optimizers.Ftrl,
    keras.optimizers.Lion,
    keras.optimizers.Adafactor,
)


def build_optimizer(
    config: Config, kind: str | type[keras.optimizers.Optimizer]
) -> keras.optimizers.Optimizer:
    """Make one of `OPTIMIZERS` anew."""
    if isinstance(kind, str):
        return paper.build_optimizer(kind, config.learning_rate, config.samples)
    return kind(learning_rate=config.learning_rate)


def build_model(config: Config) -> keras.Model:
    """Build the network that the optimizers train; it returns z of its outputs."""
    return paper.build_network(config.sizes)


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed: how far the weights are from those by autodiff."""
    training.set_precision(config.precision)
    model = build_model(config)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        start, samples = paper.initial_weights(model, rng), draw_samples(config, rng)
        gaps = {}
        for kind in OPTIMIZERS:
            model.set_weights(start)
            found = train_by_hand(config, start, samples, build_optimizer(config, kind))
            exact = train_by_autodiff(config, model, samples, build_optimizer(config, kind))
            gaps[kind] = formulas.gap(list(zip(found, exact, strict=True)))
        yield {
            "algorithm_3_gap": gaps["gd"],
            "any_optimizer_gap": max(gaps.values()),
            "weights_moved": weights_moved(start, samples),
        }


def derivatives_by_hand(
    weights: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray
) -> list[np.ndarray]:
    """Algorithm 1 as meant, on a sigmoid and softmax network; in Keras's order and shapes.

    Args:
        weights: kernel (inputs, outputs), bias, kernel, ...
        x: one sample, shape (inputs,).
        y: its one-hot label.
    """
    activations = [x]
    kernels, biases = weights[0::2], weights[1::2]
    for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
        activations.append(formulas.sigmoid(activations[-1] @ kernel + bias))
    dz = formulas.softmax(activations[-1] @ kernels[-1] + biases[-1]) - y
    found: list[np.ndarray] = []
    for k in range(len(kernels) - 1, -1, -1):
        A = activations[k]
        found = [np.outer(A, dz), dz, *found]
        dz = (kernels[k] @ dz) * A * (1 - A)
    return found


def weights_moved(start: Sequence[np.ndarray], samples: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the largest change of any weight while algorithm 1 computes the derivatives."""
    weights = [weight.copy() for weight in start]
    derivatives_by_hand(weights, samples[0][0], samples[1][0])
    return formulas.gap(list(zip(weights, start, strict=True)))


def draw_samples(config: Config, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw random inputs, shape (samples, inputs), and one-hot labels, (samples, classes)."""
    x = rng.normal(size=(config.samples, config.sizes[0]))
    return x, np.eye(config.sizes[-1])[rng.integers(config.sizes[-1], size=config.samples)]


def train_by_hand(
    config: Config,
    start: Sequence[np.ndarray],
    samples: tuple[np.ndarray, np.ndarray],
    optimizer: keras.optimizers.Optimizer,
) -> list[np.ndarray]:
    """Run algorithm 3 with a constant rate and algorithm 1's derivatives; return the weights."""
    variables = [keras.Variable(weight) for weight in start]
    for _ in range(config.epochs):
        for x, y in zip(*samples, strict=True):
            steps = derivatives_by_hand([np.asarray(each) for each in variables], x, y)
            optimizer.apply([ops.convert_to_tensor(step) for step in steps], variables)
    return [np.asarray(variable) for variable in variables]


def train_by_autodiff(
    config: Config,
    model: keras.Model,
    samples: tuple[np.ndarray, np.ndarray],
    optimizer: keras.optimizers.Optimizer,
) -> list[np.ndarray]:
    """The same with stock Keras and autodiff, from the weights that the model has."""
    for _ in range(config.epochs):
        for x, y in zip(*samples, strict=True):
            steps = training.gradients(model, paper.cross_entropy, x[None], y[None])
            optimizer.apply(
                [ops.convert_to_tensor(step) for step in steps], model.trainable_variables
            )
    return model.get_weights()

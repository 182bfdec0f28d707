"""The MATLAB script that prints 100 % on Iris: what it trains, and what it counts.

A companion of the paper, written in MATLAB, trains a 4-5-3 network on Iris and prints an accuracy
of 100 % on the test flowers. Here it is emulated step by step, in float64 as MATLAB computes. Four
of its steps matter:

1. The targets are made as matrices of zeros, to be filled in by hand, and never are.
2. Each step moves the output layer first and then passes the error back through its new weights.
   The output's error is A - y, so with y = 0 every step pushes all three outputs down, for ever.
3. Softmax is exp(z) / sum(exp(z)), without subtracting the largest z. Where all three z are below
   -745 every exponential is 0, and 0/0 is NaN. The next step makes every weight NaN.
4. The accuracy takes the index of the largest value along the first dimension: of the outputs
   (3 x n) each flower's class, but of the targets (n x 3) each column's first row, three numbers,
   all 1 since all rows are zero. It then cuts the longer list to the length of the shorter, so it
   compares three flowers. MATLAB's index of the largest of three NaN is 1 too.

Source: paper-matlab (network_performance.mlx, NeuralNetwork.m, SequentialLayer.m).
Stated: the inputs standardised over all 150 flowers (deviation with N - 1); 120 flowers to train
    and 30 to test, shuffled; 4-5-3, sigmoid and softmax, weights and biases from N(0, 1); rate
    0.01; 10,000 iterations, each a new random order of the 120 flowers and a pass over them all;
    and the above.
Silent about: which way the targets are handed to the accuracy: as they are made (`printed`) or
    turned to 3 x n (`turned`); both are measured. The script's stream of random numbers, rng(42),
    is MATLAB's own: seeds of ours stand for it.

The engine (XLA) takes exponentials below 2.2e-308 for 0, so here softmax breaks at z = -708: some
15 passes sooner than MATLAB's, of 10,000.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from common import training
from common.data import iris
from common.protocols import paper

SPECIES = 3
SEEDS_AT_ONCE = 50


@dataclasses.dataclass(frozen=True)
class Config:
    """The script as it is published, or mended in one place or two."""

    labels_filled: bool = False  # the script leaves the targets at zero
    stable_softmax: bool = False  # the script does not subtract the largest z
    hidden: int = 5
    learning_rate: float = 0.01
    passes: int = 10_000
    trained_flowers: int = 120
    precision: str = "float64"


VARIANTS = {
    "as_written": Config(),
    "stable_softmax": Config(stable_softmax=True),
    "labels_filled": Config(labels_filled=True),
}

# Softmax breaks after some 300 passes, and what is broken stays so.
SHORTENED = {"smoke": {"passes": 20}, "standard": {"passes": 1_000}}


def build_model(config: Config) -> keras.Model:
    """4-5-3. It returns z of the last layer, then the hidden outputs."""
    return build_network(4, config.hidden, SPECIES)


def build_network(inputs: int, hidden: int, classes: int) -> keras.Model:
    """One hidden layer of sigmoids. It returns z of the last layer, then the hidden outputs."""
    features = keras.Input((inputs,))
    sigmoids = keras.layers.Dense(hidden, activation="sigmoid")(features)
    z = keras.layers.Dense(classes)(sigmoids)
    return keras.Model(features, keras.layers.Concatenate()([z, sigmoids]))


def build_loss(
    classes: int, learning_rate: float, *, stable_softmax: bool = False
) -> Callable[[Any, Any], Any]:
    """A loss whose gradient step is the script's step.

    By z its gradient is the script's error A - y. The script passes that error back through output
    weights W that it has already moved, to W - rate h error: the second term, whose gradient by the
    hidden outputs h is -rate |error|^2 h, makes up for that.
    """

    def script_loss(y: Any, outputs: Any) -> Any:
        z, hidden = outputs[:, :classes], outputs[:, classes:]
        shifted = z - ops.max(z, axis=-1, keepdims=True) if stable_softmax else z
        exponentials = ops.exp(shifted)
        shares = exponentials / ops.sum(exponentials, axis=-1, keepdims=True)
        error = ops.stop_gradient(shares - y)
        moved = learning_rate / 2 * ops.sum(error * error) * ops.sum(hidden * hidden)
        return ops.sum(error * z) - moved

    return script_loss


# --- What the script computes beside its steps ----------------------------------------------------


def softmax(z: np.ndarray, stable: bool) -> np.ndarray:
    """The script's softmax, each flower a column: shape (..., species, flowers)."""
    with np.errstate(over="ignore", invalid="ignore"):
        exponentials = np.exp(z - z.max(axis=-2, keepdims=True) if stable else z)
        return exponentials / exponentials.sum(axis=-2, keepdims=True)


def standardise(features: np.ndarray) -> np.ndarray:
    """Mean 0 and deviation 1 (with N - 1) over all flowers, shape (flowers, 4)."""
    return (features - features.mean(axis=0)) / features.std(axis=0, ddof=1)


def largest_index(values: np.ndarray) -> np.ndarray:
    """Index of the first largest value along the first dimension, as MATLAB has it.

    MATLAB passes over NaN, and where all are NaN the first is taken; NumPy would stop at a NaN.
    """
    return np.where(np.isnan(values), -np.inf, values).argmax(axis=0)


def script_accuracy(outputs: np.ndarray, targets: np.ndarray) -> tuple[float, int]:
    """The script's accuracy, and how many labels it compared.

    Args:
        outputs: the network's, shape (species, flowers).
        targets: shape (flowers, species) as the script makes them.
    """
    predicted, wanted = largest_index(outputs), largest_index(targets)
    compared = min(len(predicted), len(wanted))
    return float((predicted[:compared] == wanted[:compared]).mean()), compared


# --- The run --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Starts:
    """What a block of seeds trains on, and from which weights; seeds are the arrays' first axis.

    `features` has shape (seeds, flowers, 4), `targets` (seeds, flowers, species), `labels`
    (seeds, flowers), all in the seed's order.
    """

    features: np.ndarray
    targets: np.ndarray
    labels: np.ndarray
    weights: list[list[np.ndarray]]


def draw(config: Config, model: keras.Model, seeds: Sequence[int]) -> Starts:
    """Shuffle the flowers and draw the weights of every seed, both from its own generator."""
    flowers = iris.load()
    standardised = standardise(flowers.features)
    orders, weights = [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        orders.append(rng.permutation(len(flowers.labels)))
        weights.append(paper.initial_weights(model, rng))
    labels = flowers.labels[np.stack(orders)]
    targets = np.eye(SPECIES)[labels] * config.labels_filled
    return Starts(standardised[np.stack(orders)], targets, labels, weights)


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train the script's network from one start per seed, and let its accuracy judge it."""
    training.set_precision(config.precision)
    model = build_model(config)
    trainer = training.SeedsTrainer(
        model,
        keras.optimizers.SGD(config.learning_rate),
        build_loss(SPECIES, config.learning_rate, stable_softmax=config.stable_softmax),
        epochs=config.passes,
        batch_size=1,
        shuffle=True,
    )
    for first in range(0, len(seeds), SEEDS_AT_ONCE):
        block = seeds[first : first + SEEDS_AT_ONCE]
        starts = draw(config, model, block)
        z = follow(config, trainer, starts, block)
        for place, labels in enumerate(starts.labels):
            yield measure(config, z[place], starts.targets[place], labels)


def follow(
    config: Config, trainer: training.SeedsTrainer, starts: Starts, seeds: Sequence[int]
) -> np.ndarray:
    """Train every seed; return z of all flowers at the watched passes.

    The shape is (seeds, watched, species, flowers).
    """
    train = slice(config.trained_flowers)
    watched = watched_passes(config.passes)
    history = trainer.train(
        starts.features[:, train],
        starts.targets[:, train],
        weights=starts.weights,
        seeds=seeds,
        evaluate=lambda _: trainer.predict(starts.features, own_data=True)[..., :SPECIES],
        at=watched,
        own_data=True,
    )
    z = np.stack([history.evaluations[epoch] for epoch in watched], axis=1)
    return np.swapaxes(z, -1, -2)


def watched_passes(passes: int) -> list[int]:
    """Completed passes to look at: every tenth up to 600, then fewer, and the last."""
    return sorted({*range(0, min(passes, 600), 10), *range(600, passes, 400), passes})


def measure(config: Config, z: np.ndarray, targets: np.ndarray, labels: np.ndarray) -> dict:
    """What one seed's z, (watched, species, flowers), come to: the truth, and what is printed.

    Every accuracy is a list: that of the training flowers, that of the test flowers.
    """
    watched = watched_passes(config.passes)
    shares = softmax(z, config.stable_softmax)
    finite = np.isfinite(shares).all(axis=(1, 2))
    measured: dict[str, Any] = {
        "watched_passes": watched,
        "mean_z": [float(f"{value:.5g}") for value in z.mean(axis=(1, 2))],
        "always_finite": bool(finite.all()),
        "broken_after": np.inf if finite.all() else float(watched[int(finite.argmin())]),
    }
    parts = (slice(config.trained_flowers), slice(config.trained_flowers, None))
    for name, outputs in (("", shares[-1]), ("untrained_", shares[0])):
        hits = largest_index(outputs) == labels
        measured[f"{name}true"] = [float(hits[part].mean()) for part in parts]
        judged = [script_accuracy(outputs[:, part], targets[part]) for part in parts]
        measured[f"{name}printed"] = [accuracy for accuracy, _ in judged]
        if not name:
            turned, _ = script_accuracy(outputs[:, parts[1]], targets[parts[1]].T)
            measured["compared"] = [compared for _, compared in judged]
            measured["test_all_right"] = bool(hits[parts[1]].all())
            measured["prints_100"] = judged[1][0] == 1
            measured["prints_100_turned"] = turned == 1
    return measured

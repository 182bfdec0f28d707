"""Adam against plain gradient descent, each at many rates, on several of the notes' networks.

"Converge mucho más rápido" is measured as the passes over the images until the network has learnt
the digits roughly, "sin romperse la cabeza ajustando la tasa" as whether that happens at whatever
rate. Both optimizers start from the same weights and see the same batches.

Source: notes-2, section 3.4 (the paragraph on Adam).
Stated: Adam against "una tasa de aprendizaje fija"; batches of 64; Adam 0.003 in the listing.
Silent about: which networks ("casi cualquier red": those of section 3); which rates; when a network
    has converged (here: at a mean batch loss below 0.3, about nine digits of ten right). We take
    3,200 images for 20 passes: as many updates as one epoch of all images, looked at 20 times.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from common import losses, optimizers, training
from common.data import mnist
from common.protocols import notes


@dataclasses.dataclass(frozen=True)
class Config:
    """The exercise's network; the other variants are other networks of the notes."""

    hidden: tuple[int, ...] = (128, 64, 32)
    batch_size: int = 64

    # assumed: from a third of Adam's usual 0.001 to a hundred times as much; the listing's third
    rates: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
    # assumed: the first ones, 50 batches
    images: int = 3200
    # assumed: passes over them
    epochs: int = 20
    # assumed: the mean batch loss of one pass at which a network has learnt the digits roughly
    level: float = 0.3


LISTING = 0.003  # the listing's rate
USUAL = (0.0003, 0.001, 0.003, 0.01)  # rates that Adam is used with: 0.001, three and ten times off

VARIANTS = {
    "rates": Config(),
    "rates_linear": Config(hidden=(), rates=(0.001, 0.003, 0.03, 0.1)),
    "rates_one_hidden": Config(hidden=(128,), rates=(0.001, 0.003, 0.03, 0.1)),
}

SHORTENED = {"smoke": {"images": 640, "epochs": 2}}


def build_model(config: Config) -> keras.Model:
    """Flattened images in, logarithms of ten probabilities out."""
    hidden = [keras.layers.Dense(width, activation="relu") for width in config.hidden]
    answer = keras.layers.Dense(10, activation="log_softmax")
    return keras.Sequential([keras.Input((mnist.PIXELS,)), *hidden, answer])


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed: how many passes each optimizer needs at each rate."""
    training.set_precision("float32")
    digits = mnist.load()
    inputs = 2 * mnist.rows(digits.train_images[: config.images], "float32") - 1
    labels = digits.train_labels[: config.images]
    model = build_model(config)
    trainers = {
        name: training.Trainer(
            model,
            optimizer(LISTING),
            losses.negative_log_likelihood,
            epochs=config.epochs,
            batch_size=config.batch_size,
            shuffle=True,
        )
        for name, optimizer in (("adam", optimizers.Adam), ("sgd", keras.optimizers.SGD))
    }
    for seed in seeds:
        weights = training.initial_weights(model, np.random.default_rng(seed), notes.pytorch)
        passes: dict[str, list[int]] = {"adam": [], "sgd": []}
        for name, trainer in trainers.items():
            for rate in config.rates:
                trainer.optimizer.learning_rate = rate
                history = trainer.train(inputs, labels, weights=weights, seed=seed)
                passes[name].append(passes_needed(history.losses, config.level))
        yield measured(passes["adam"], passes["sgd"], config)


def passes_needed(history: np.ndarray, level: float) -> int:
    """Return the first pass whose mean batch loss is below the level; one more than all if none."""
    below = np.flatnonzero(history < level)
    return int(below[0]) + 1 if len(below) else len(history) + 1


def measured(adam: list[int], sgd: list[int], config: Config) -> dict[str, Any]:
    """Return one record: what each needs, at all rates, at the listing's and at the best."""
    listing = config.rates.index(LISTING)
    usual = [passes for rate, passes in zip(config.rates, adam, strict=True) if rate in USUAL]
    return {
        "rates": list(config.rates),
        "adam_passes": adam,
        "sgd_passes": sgd,
        "adam_passes_at_listing": adam[listing],
        "sgd_passes_at_listing": sgd[listing],
        "sgd_passes_tuned": min(sgd),
        "learns_at_usual_rates": int(max(usual) <= config.epochs),
        "adam_rates_that_learn": sum(passes <= config.epochs for passes in adam),
        "sgd_rates_that_learn": sum(passes <= config.epochs for passes in sgd),
    }

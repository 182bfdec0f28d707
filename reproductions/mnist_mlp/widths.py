"""Is a layer of 128 faster than its neighbours because 128 is a power of two? A stopwatch.

Source: notes-2, section 3.3.
Stated: powers of two (2^7 = 128, and 64), because "GPUs y CPUs gestionan mucho más rápido la
    memoria en bloques de este tamaño".
Silent about: how much faster, and than what. We time one step of training of 784-W-64-10 on a
    batch of 64 for W = 128 and for the widths on both sides of it, on the processor that runs the
    suite, in turn, so that other work on the machine falls on all of them.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from common import losses, optimizers, training
from common.data import mnist
from common.protocols import notes


@dataclasses.dataclass(frozen=True)
class Config:
    """784-W-64-10 and batches of 64, as in the notes; the pictures are noise."""

    widths: tuple[int, ...] = (128, 127, 129)  # the notes' first; assumed: its neighbours
    batch_size: int = 64

    # assumed: steps that are timed together
    steps: int = 100
    # assumed: how often they are timed; the fastest counts
    repetitions: int = 5


VARIANTS = {"power_of_two": Config()}

SHORTENED = {"smoke": {"steps": 5, "repetitions": 1}}


def build_model(width: int) -> keras.Model:
    """784-W-64-10, ReLU twice, logarithms of ten probabilities out."""
    return keras.Sequential(
        [
            keras.Input((mnist.PIXELS,)),
            keras.layers.Dense(width, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="log_softmax"),
        ]
    )


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed: seconds of a training step for each width."""
    training.set_precision("float32")
    trainers = {
        width: training.Trainer(
            build_model(width),
            optimizers.Adam(0.003),
            losses.negative_log_likelihood,
            epochs=1,
            batch_size=config.batch_size,
        )
        for width in config.widths
    }
    for seed in seeds:
        rng = np.random.default_rng(seed)
        images = rng.uniform(-1, 1, (config.steps * config.batch_size, mnist.PIXELS))
        images = images.astype("float32")
        labels = rng.integers(10, size=len(images))
        seconds = fastest(trainers, images, labels, seed, config)
        yield {
            "power_of_two_seconds": seconds[config.widths[0]],
            "neighbours_seconds": float(np.mean([seconds[width] for width in config.widths[1:]])),
        }


def fastest(
    trainers: dict[int, training.Trainer],
    images: np.ndarray,
    labels: np.ndarray,
    seed: int,
    config: Config,
) -> dict[int, float]:
    """Return the fastest time of a step, in seconds, by width; a first round is for compiling."""
    seconds = dict.fromkeys(trainers, np.inf)
    for repetition in range(1 + config.repetitions):
        for width, trainer in trainers.items():
            weights = training.initial_weights(
                trainer.model, np.random.default_rng(seed), notes.pytorch
            )
            began = time.perf_counter()
            trainer.train(images, labels, weights=weights, seed=seed)
            taken = (time.perf_counter() - began) / config.steps
            if repetition:
                seconds[width] = min(seconds[width], taken)
    return seconds

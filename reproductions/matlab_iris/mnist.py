"""The MATLAB class on MNIST, which its own script never reads.

The paper's summary gives one figure for both of its implementations, "en Python y Matlab": over
92 % on MNIST with ten hidden neurons. The MATLAB script that is published reads Iris only. Here its
class is trained on MNIST, with the targets filled in.

Source: paper, Resumen; paper-matlab (NeuralNetwork.m, SequentialLayer.m) for the steps.
Stated: one hidden layer of ten neurons; the class's step, its start from N(0, 1), its softmax.
Silent about: all else. From the paper's Python runs: sigmoid, inputs in [0, 1], the first 48,000
    images, 200 passes. From the MATLAB script: rate 0.01, a new order at every pass.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from common import training
from common.data import mnist
from common.protocols import paper
from reproductions.matlab_iris import experiment

DIGITS = 10


@dataclasses.dataclass(frozen=True)
class Config:
    """The script's class and rate, on the paper's Python runs' data."""

    hidden: int = 10
    learning_rate: float = 0.01
    images: int = 48_000
    passes: int = 200

    # assumed: half the memory of MATLAB's float64
    precision: str = "float32"


VARIANTS = {"mnist": Config()}

SHORTENED = {"smoke": {"passes": 1, "images": 500}, "standard": {"passes": 40}}


def build_model(config: Config) -> keras.Model:
    """784-10-10. It returns z of the last layer, then the hidden outputs."""
    return experiment.build_network(mnist.PIXELS, config.hidden, DIGITS)


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train the class from one start per seed, and test it after every pass."""
    training.set_precision(config.precision)
    digits = mnist.load()
    model = build_model(config)
    trainer = training.Trainer(
        model,
        keras.optimizers.SGD(config.learning_rate),
        experiment.build_loss(DIGITS, config.learning_rate),
        epochs=config.passes,
        batch_size=1,
        shuffle=True,
    )
    images = mnist.rows(digits.train_images[: config.images], config.precision)
    targets = np.eye(DIGITS, dtype=config.precision)[digits.train_labels[: config.images]]
    tested = mnist.rows(digits.test_images, config.precision)
    passes = range(config.passes + 1)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        history = trainer.train(
            images,
            targets,
            weights=paper.initial_weights(model, rng),
            seed=seed,
            evaluate=lambda _: trainer.predict(tested)[:, :DIGITS].argmax(axis=1),
            at=passes,
        )
        accuracy = [
            float((history.evaluations[done] == digits.test_labels).mean()) for done in passes
        ]
        yield {"mnist_test_accuracy": accuracy, "mnist_over_92": accuracy[-1] > 0.92}

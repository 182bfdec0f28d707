"""Gradient descent on Iris: one to five hidden neurons, and the runs that the notebook records.

Source: paper, section 6.2, figures 3 and 4; the authors' library and its notebook (paper-code) for
    what these leave open, and for the runs whose logs it prints.
Stated: 4-H-3, H = 1 to 5, sigmoid hidden neurons, cross-entropy.
Silent about: the optimizer and the rate of figures 3 and 4 (gradient descent at 0.01, the library's
    default); what "Error" is (the library logs the loss of the last training flower alone); start,
    split, order and log, as in experiment.py. The notebook's first network (4-5-3, 300 epochs; its
    text says four hidden neurons) is given squared error's derivative through a sigmoid, though its
    output is softmax (`notebook`; with cross-entropy's, `notebook_cross_entropy`); its second is
    4-20-10-6-3 (`notebook_deep`).
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import sklearn.metrics
from keras import ops

from common import training, variants
from common.data import iris
from common.protocols import paper
from reproductions.iris_mlp import experiment


@dataclasses.dataclass(frozen=True)
class Config:
    """The protocol of figures 3 and 4."""

    hidden: int = 5
    deeper: tuple[int, ...] = ()  # neurons of the hidden layers after the first
    loss: str = "cross_entropy"  # a key of LOSSES
    learning_rate: float = 0.01
    epochs: int = 100
    log_every: int = 10
    held_out: float = 0.2  # of all flowers to test

    # assumed: NumPy's default
    precision: str = "float64"


VARIANTS = {
    **variants.sweep("hidden_{hidden}", Config(), hidden=[1, 2, 3, 4, 5]),
    "notebook": Config(epochs=300, loss="notebook"),
    "notebook_cross_entropy": Config(epochs=300),
    "notebook_deep": Config(hidden=20, deeper=(10, 6)),
}

SHORTENED = {"smoke": {"epochs": 12}}


def build_model(config: Config) -> keras.Model:
    """Sigmoid hidden layers. It returns z of the last layer: softmax is in the loss."""
    return paper.build_network((4, config.hidden, *config.deeper, 3))


def notebook_loss(y: Any, z: Any) -> Any:
    """A loss whose gradient by z is 2 (A - Y) A (1 - A), as in the notebook's first model.

    That is squared error's gradient through a sigmoid; through softmax it lacks all products of one
    species' share with another's.
    """
    shares = ops.softmax(z)
    gradient = 2 * (shares - y) * shares * (1 - shares)
    return ops.sum(ops.stop_gradient(gradient) * z)


LOSSES = {"cross_entropy": paper.cross_entropy, "notebook": notebook_loss}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train one network per seed; watch it at the lines of the log, and at the end."""
    training.set_precision(config.precision)
    rows = experiment.split(len(iris.load().labels), config.held_out)
    model = build_model(config)
    trainer = training.SeedsTrainer(
        model,
        paper.build_optimizer("gd", config.learning_rate, rows.train.stop),
        LOSSES[config.loss],
        epochs=config.epochs,
        batch_size=1,
    )
    logged = list(paper.logged_epochs(config.epochs, config.log_every))
    for block in experiment.blocks(seeds):
        starts = experiment.draw(model, block, rows)
        seen = experiment.follow(trainer, starts, rows, [*logged, config.epochs])
        for log_shares, labels in zip(seen, starts.labels, strict=True):
            yield {"logged_epochs": logged} | measure(log_shares, labels, rows)


def measure(log_shares: np.ndarray, labels: np.ndarray, rows: experiment.Split) -> dict:
    """Turn one seed's class shares, (lines of the log + 1, flowers, 3), into measurements.

    The last of them are those at the end, which the log leaves out.
    """
    losses = -log_shares[:-1, np.arange(len(labels)), labels]
    last_flower, training_mean = losses[:, rows.train.stop - 1], losses[:, rows.train].mean(axis=1)
    accuracy = experiment.right(log_shares[:-1], labels, rows.validation).mean(axis=-1)
    tested = experiment.right(log_shares[-1], labels, rows.test)
    return {
        "validation_accuracy": experiment.short(accuracy),
        "last_flower_loss": experiment.short(last_flower),
        "training_loss": experiment.short(training_mean),
        "loss_gap": float(np.abs(last_flower - training_mean).max()),
        "test_accuracy": float(tested.mean()),
        "test_precision": precision(labels[rows.test], log_shares[-1, rows.test].argmax(axis=-1)),
        "test_all_right": bool(tested.all()),
    }


def precision(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Mean over the species of how many of the flowers called so are so (none called so: 0)."""
    return float(
        sklearn.metrics.precision_score(
            labels, predicted, labels=[0, 1, 2], average="macro", zero_division=0
        )
    )

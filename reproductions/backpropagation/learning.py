"""What a network learns with equation (19) to the letter, and with A - Y: Iris by 4-10-3.

The product that (19) multiplies for each output, dL/dA_n dA_n/dz_n, leaves out the paths through
the other outputs of a softmax. The authors put A - Y in its place before they program anything;
here a network learns with either, from the same weights.

Source: paper, (12) and (19); section 6.2 for the network.
Stated: 4 inputs, 10 sigmoid neurons, softmax of 3; 100 epochs; the rate is that of the code.
Silent about: which flowers (we take 120 to train and 30 to test, at random).
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import scipy.special
from keras import ops

from common import training
from common.data import iris
from common.protocols import paper


@dataclasses.dataclass(frozen=True)
class Config:
    """The paper's network for Iris."""

    sizes: tuple[int, ...] = (4, 10, 3)
    learning_rate: float = 0.01
    epochs: int = 100

    # assumed: flowers to train on; the other 30 are unseen
    trained: int = 120
    # assumed
    precision: str = "float64"


VARIANTS = {"learning": Config()}
SHORTENED = {"smoke": {"epochs": 10}}


def build_model(config: Config) -> keras.Model:
    """Build the network; it returns z of its outputs, softmax belongs to the losses."""
    return paper.build_network(config.sizes)


def loss_of_own_path(y: Any, z: Any) -> Any:
    """A loss whose derivative by z_n is what (19) multiplies there: -y_n (1 - A_n).

    It is the cross-entropy in which each share depends on its own z alone.
    """
    powers = ops.exp(z - ops.stop_gradient(ops.max(z)))
    others = ops.stop_gradient(ops.sum(powers, axis=-1, keepdims=True) - powers)
    return -ops.mean(ops.sum(y * ops.log(powers / (powers + others)), axis=-1))


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train with both losses from the same weights; yield one record per seed."""
    training.set_precision(config.precision)
    flowers = iris.load()
    model = build_model(config)
    trainers = {
        name: training.Trainer(
            model,
            keras.optimizers.SGD(config.learning_rate),
            loss,
            epochs=config.epochs,
            batch_size=1,
        )
        for name, loss in (("meant", paper.cross_entropy), ("own_path", loss_of_own_path))
    }
    for seed in seeds:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(flowers.labels))
        x, labels = flowers.features[order], flowers.labels[order]
        start = paper.initial_weights(model, rng)
        measured: dict[str, float] = {}
        for name, trainer in trainers.items():
            trained = slice(config.trained)
            trainer.train(x[trained], np.eye(3)[labels[trained]], weights=start, seed=seed)
            for metric, value in look(config, trainer.predict(x), labels).items():
                measured[f"{name}_{metric}"] = float(f"{value:.7g}")
        yield measured


def look(config: Config, z: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the cross-entropy on either part and the accuracy on unseen flowers."""
    shares = scipy.special.softmax(z, axis=1)
    own = shares[np.arange(len(labels)), labels]
    hits = shares.argmax(axis=1) == labels
    return {
        "training_loss": -np.log(own[: config.trained]).mean(),
        "test_loss": -np.log(own[config.trained :]).mean(),
        "test_accuracy": hits[config.trained :].mean(),
    }

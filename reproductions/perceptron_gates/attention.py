"""Which inputs a trained neuron listens to: one that tells the classes apart, and one of noise.

Source: thesis, section 2.1.2, after equation 2.4 ("priorizar entradas relevantes [...] suprimir
    ruido").
Stated: weights and bias are adjusted iteratively; relevant inputs get high weights, irrelevant ones
    weights close to zero.
Silent about: data, neuron and training (we take two inputs of the same spread, one of which has
    another mean in each class, and a sigmoid neuron trained by gradient descent on cross-entropy).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import ops

from common import training


@dataclasses.dataclass(frozen=True)
class Config:
    """Nothing here is the thesis's: it only says what training does."""

    # assumed: enough samples and steps for the weights to settle
    samples: int = 400
    learning_rate: float = 0.5
    epochs: int = 300
    # assumed: distance of a class's mean from zero, in standard deviations
    distance: float = 1.5
    # assumed: "cercanos a cero", as a share of the discriminating input's weight
    near_zero: float = 0.2
    precision: str = "float64"


VARIANTS = {"noisy_input": Config()}


def build_model() -> keras.Model:
    """One sigmoid neuron on two inputs; its output is z, the sigmoid belongs to the loss."""
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


def cross_entropy(y: keras.KerasTensor, z: keras.KerasTensor) -> keras.KerasTensor:
    """Mean of the binary cross-entropy of sigmoid(z)."""
    return ops.mean(ops.binary_crossentropy(y, z, from_logits=True))


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train from N(0, 1) weights on new data for each seed; compare both weights."""
    training.set_precision(config.precision)
    trainer = training.Trainer(
        build_model(),
        keras.optimizers.SGD(config.learning_rate),
        cross_entropy,
        epochs=config.epochs,
        batch_size=config.samples,
    )
    for seed in seeds:
        rng = np.random.default_rng(seed)
        y = rng.integers(2, size=(config.samples, 1)).astype("float64")
        inputs = rng.normal(size=(config.samples, 2))
        inputs[:, 0] += config.distance * (2 * y[:, 0] - 1)
        weights = training.initial_weights(trainer.model, rng, training.normal)
        trainer.train(inputs, y, weights=weights, seed=seed)
        telling, noise = np.abs(trainer.model.get_weights()[0][:, 0])
        yield {
            "noise_is_suppressed": bool(noise < config.near_zero * telling),
            "weights_before": np.abs(weights[0][:, 0]).tolist(),
            "weights_after": [float(telling), float(noise)],
        }

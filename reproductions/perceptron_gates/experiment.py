"""Rosenblatt's perceptron on AND, OR and XOR.

One neuron with a step activation learns AND and OR with a rule that only ever acts on mistakes. On
XOR the same rule never stops: no straight line separates the two classes.

Source: notes-2, sections 1 and 2 (first two paragraphs), listing `src/perceptron.py`.
Stated: two inputs, weights from N(0, 1), bias 0, learning rate 0.1, 100 epochs, one sample at a
    time in the order 00, 01, 10, 11, output 1 where z > 0.
Silent about: the seed (we use many); whether OR is learnt by a new perceptron or by the one that
    has just learnt AND (we do both); how long "for ever" is on XOR (we run ten times the listing's
    epochs and look for an exact cycle, which does last for ever).
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import ops

from common import training
from reproductions.perceptron_gates import points


@dataclasses.dataclass(frozen=True)
class Config:
    """The listing's protocol; `gates` are learnt one after the other by the same perceptron."""

    gates: tuple[str, ...] = ("AND",)
    learning_rate: float = 0.1
    epochs: int = 100
    precision: str = "float64"

    # assumed: how many last epochs are looked at one by one, to see whether they repeat
    watched_epochs: int = 10


VARIANTS = {
    "as_written": Config(),
    "or_gate": Config(gates=("OR",)),
    "and_then_or": Config(gates=("AND", "OR")),
    "xor_gate": Config(gates=("XOR",), epochs=1000),
}


def build_model() -> keras.Model:
    """One neuron on two inputs. Its output is z = w x + b; `step` turns it into the prediction."""
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


def step(z: keras.KerasTensor) -> keras.KerasTensor:
    """Return 1 where z > 0, else 0 (notes-2, listing; thesis, equation 2.5)."""
    return ops.cast(z > 0, z.dtype)


def rosenblatt_loss(y: keras.KerasTensor, z: keras.KerasTensor) -> keras.KerasTensor:
    """The loss whose gradient step is Rosenblatt's rule: dL/dw = -(y - f(z)) x.

    Plain gradient descent on it is `weights += error * lr * x` and `bias += error * lr`.
    """
    error = ops.stop_gradient(y - step(z))
    return -ops.sum(error * z)


def mistakes(y: keras.KerasTensor, z: keras.KerasTensor) -> keras.KerasTensor:
    """Share of wrong predictions."""
    return ops.mean(ops.abs(y - step(z)))


def build_trainer(learning_rate: float, epochs: int) -> training.Trainer:
    """One sample at a time, in order, reporting the share of mistakes of every epoch."""
    return training.Trainer(
        build_model(),
        keras.optimizers.SGD(learning_rate),
        rosenblatt_loss,
        epochs=epochs,
        batch_size=1,
        report=mistakes,
    )


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Let one perceptron learn the gates, one after the other; measure the last one."""
    training.set_precision(config.precision)
    trainer = build_trainer(config.learning_rate, config.epochs)
    for seed in seeds:
        weights = training.initial_weights(
            trainer.model, np.random.default_rng(seed), training.normal
        )
        for gate in config.gates:
            y = points.GATES[gate]
            start = as_state(weights)
            errors, states = learn(trainer, weights, y, seed, config.watched_epochs)
            weights = trainer.model.get_weights()
        _, moves = replay(start, y, config.learning_rate, passes=20)
        yield describe(y, errors, states, config.learning_rate) | {
            "moves_the_right_way": all(move > 0 for move in moves)
        }


def as_state(weights: Sequence[np.ndarray]) -> np.ndarray:
    """Return (w1, w2, b), shape (3,), of a kernel and a bias."""
    return np.concatenate([np.ravel(part) for part in weights])


def learn(
    trainer: training.Trainer, weights: list[np.ndarray], y: np.ndarray, seed: int, watched: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train on the four points with targets `y`.

    Returns:
        The share of mistakes in each epoch, and (w1, w2, b) after each of the last epochs.
    """
    last = range(trainer.epochs + 1)[-watched - 1 :]
    history = trainer.train(
        points.POINTS,
        y[:, None],
        weights=weights,
        seed=seed,
        evaluate=lambda epoch: as_state(trainer.model.get_weights()),
        at=last,
    )
    return history.losses, np.stack([history.evaluations[epoch] for epoch in last])


def describe(y: np.ndarray, errors: np.ndarray, states: np.ndarray, eta: float) -> dict:
    """Turn one run's mistakes per epoch and its last states into measurements."""
    predictions = points.predict(states[-1], points.POINTS)
    learnt = bool((predictions == y).all())
    clean = np.flatnonzero(errors == 0)
    path, _ = replay(states[-1], y, eta, passes=3)
    return {
        "learnt": learnt,
        "settled": bool(learnt and (states[-1] == states[-2]).all()),
        "epochs_needed": float(clean[0]) if clean.size else np.inf,
        "oscillates": bool(not learnt and np.isfinite(cycle_length(states, eta))),
        "path": np.round(path, 7).tolist(),
    }


def cycle_length(states: np.ndarray, learning_rate: float) -> float:
    """Epochs after which weights and bias are back at the very same values, or infinity.

    Every update moves them by whole multiples of the learning rate, so positions are compared as
    integers: rounding can neither fake nor hide a return. A return makes the run periodic for ever,
    because the rule has no memory beside the weights and the order of the samples is fixed.
    """
    steps = (states - states[-1]) / learning_rate
    on_the_grid = np.abs(steps - np.rint(steps)).max() < 1e-6
    returns = np.flatnonzero((np.rint(steps[:-1]) == 0).all(axis=1))
    return float(len(states) - 1 - returns[-1]) if on_the_grid and returns.size else np.inf


def replay(
    state: np.ndarray, y: np.ndarray, eta: float, passes: int
) -> tuple[np.ndarray, list[float]]:
    """Go on with the listing's own loop.

    Returns:
        One row (w1, w2, b) per sample shown; and for each update, how far it moved the sample's z
        towards the side where the sample belongs.
    """
    path, moves = [state], []
    samples = itertools.cycle(zip(points.POINTS, y, strict=True))
    for x, target in itertools.islice(samples, passes * len(y)):
        error = target - float(x @ path[-1][:2] + path[-1][2] > 0)
        path.append(path[-1] + eta * error * np.append(x, 1.0))
        if error:
            moves.append(float(error * ((path[-1] - path[-2]) @ np.append(x, 1.0))))
    return np.stack(path), moves

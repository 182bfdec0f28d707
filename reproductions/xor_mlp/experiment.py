"""XOR learnt by a 2-2-1 sigmoid network.

The smallest network that needs its hidden layer. The notes train it by hand-written matrix
back-propagation, study three learning rates and explain what happens when it does not learn.

Source: notes-2, section 2 (listing `src/multicapa.py`, figure 2), section 2.3, section 3.5
    exercise 1 (`src/multicapa-ptorch.py`); notes-code.
Stated: 2-2-1, sigmoids, full batch, rates 0.5, 10 and "very low", gradient of half the sum of
    squares; what figure 2 plots is the mean of the squares, before each update.
Silent about: the start (NumPy's legacy seed 42, W1 then W2 uniform in [0, 1), biases 0, says the
    companion code), the epochs (10,000, same place), the low rate (0.0001, same place), what other
    "random" starts there are (we add N(0, 1) and Glorot), when an error has come "towards zero"
    (we note when it is half-way down, below 0.01 and below 0.005).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from common import training
from reproductions.xor_mlp import epochs, network

BLOCK = 250  # starts that are trained side by side
PLATEAU = 0.25  # the error of a network that says 0.5 to everything


@dataclasses.dataclass(frozen=True)
class Config:
    """One protocol. The defaults are the notes' own."""

    hidden: int = 2
    hidden_activation: str = "sigmoid"
    scheme: str = "uniform"
    learning_rate: float = 0.5
    epochs: int = 10_000
    start: int | None = None  # the authors' NumPy seed, where only their run is wanted
    mean_loss: bool = False  # PyTorch's MSELoss in place of half the sum of squares
    precision: str = "float64"

    # assumed: a final error above this is a run that did not learn
    stuck: float = 0.05
    # assumed: what "near zero" is, and what "zero" is on a plot whose axis reaches 0.25
    near_zero: float = 0.01
    at_zero: float = 0.005
    # assumed: well inside the flat part of figure 2; where outputs so close to 0.5 "say 0.5"
    plateau_epoch: int = 100
    near_half: float = 0.1
    # assumed: moves by less than this in the last tenth of a run are flat in a plot
    still: float = 0.001
    # assumed: a swing upwards that nobody can miss in figure 2, and how many are wild
    swing: float = 0.05
    wild_swings: int = 2


VARIANTS = {
    "as_written": Config(),
    "rate_2": Config(learning_rate=2.0),
    "rate_10": Config(learning_rate=10.0),
    "rate_20": Config(learning_rate=20.0),
    "authors_run": Config(start=42),
    "authors_run_rate_10": Config(start=42, learning_rate=10.0),
    "authors_run_rate_tiny": Config(start=42, learning_rate=0.0001),
    "authors_run_to_the_end": Config(start=42, learning_rate=0.0001, epochs=7_000_000),
    "normal_start": Config(scheme="normal"),
    "glorot_start": Config(scheme="glorot"),
    "three_hidden": Config(hidden=3),
    "linear_hidden": Config(hidden_activation="linear"),
    "pytorch_exercise": Config(hidden=4, scheme="pytorch", epochs=5000, mean_loss=True),
}
SHORTENED = {"smoke": {"epochs": 500}}


def build_model(config: Config) -> keras.Model:
    """The network of 2.1, or a variant's."""
    return network.build(config.hidden, config.hidden_activation)


def build_trainer(config: Config) -> training.SeedsTrainer:
    """Full-batch gradient descent, reporting the mean of squares before each update."""
    return training.SeedsTrainer(
        build_model(config),
        keras.optimizers.SGD(config.learning_rate),
        network.mean_of_squares if config.mean_loss else network.half_sum_of_squares,
        epochs=config.epochs,
        batch_size=len(network.X),
        report=network.mean_of_squares,
    )


def draw_starts(config: Config, model: keras.Model, seeds: Sequence[int]) -> list[list[np.ndarray]]:
    """One start a seed; the authors' own where only their run is wanted."""
    chosen = seeds if config.start is None else [config.start] * len(seeds)
    return [network.draw_start(model, config.scheme, seed) for seed in chosen]


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train all starts and describe each one's curve: see the metrics for what is measured."""
    training.set_precision(config.precision)
    trainer = build_trainer(config)
    for first in range(0, len(seeds), BLOCK):
        block = seeds[first : first + BLOCK]
        history = trainer.train(
            network.X,
            network.Y,
            weights=draw_starts(config, trainer.model, block),
            seeds=block,
            evaluate=lambda epoch: look_at_plateau(trainer),
            at=[config.plateau_epoch],
        )
        outputs = trainer.predict(network.X)[..., 0]
        plateau = history.evaluations[config.plateau_epoch]
        for errors, ends, at_plateau, curvature in zip(
            history.losses, outputs, *plateau, strict=True
        ):
            yield describe(config, errors, ends) | {
                "plateau_says_half": says_half(at_plateau, config.near_half),
                "plateau_curvature": curvature,
            }


def look_at_plateau(trainer: training.SeedsTrainer) -> tuple[np.ndarray, list[float]]:
    """Return every seed's outputs, shape (seeds, 4), and its smallest curvature."""
    curvatures = []
    for weights in zip(*trainer.weights, strict=True):
        trainer.model.set_weights(weights)
        curvatures.append(network.smallest_curvature(trainer.model))
    return trainer.predict(network.X)[..., 0], curvatures


def says_half(outputs: np.ndarray, near: float) -> bool:
    """Whether all four outputs are as near as that to 0.5."""
    return bool((np.abs(outputs - 0.5) < near).all())


def describe(config: Config, errors: np.ndarray, outputs: np.ndarray) -> dict:
    """Turn the error of every epoch (before its update) and the last outputs into measurements."""
    final_error = float(np.mean((network.Y[:, 0] - outputs) ** 2))
    rises = np.diff(errors)
    stored = epochs.stored(config.epochs, finely=config.start is not None)
    return describe_phases(config, errors) | {
        "final_error": final_error,
        "final_outputs": outputs.tolist(),
        "learnt": final_error < config.stuck,
        "stuck": final_error >= config.stuck,
        "stops_part_way": config.stuck <= final_error < 0.8 * PLATEAU,
        "learnt_by_1500": bool(errors[:1501][-1] < config.stuck),
        "halfway_epoch": first_below(errors, PLATEAU / 2),
        "near_zero_epoch": first_below(errors, config.near_zero),
        "at_zero_epoch": first_below(errors, config.at_zero),
        "first_error": float(errors[0]),
        "last_error": float(errors[-1]),
        "largest_error": float(errors.max()),
        "oscillates_wildly": swings(errors, config.swing) >= config.wild_swings,
        "rough_end": bool(rises[-len(rises) // 10 :].max() > 0),
        "error_at_300": float(errors[300]),
        "error_at_2000": float(errors[:2001][-1]),
        "error_curve": [float(f"{error:.5g}") for error in errors[stored]],
    }


def describe_phases(config: Config, errors: np.ndarray) -> dict:
    """Whether the curve has the three phases of 2.3, none of which a straight line has.

    "Baja muy poco": in the first half of its way to half the plateau the error loses less than a
    tenth of it. "Caída vertical pronunciada": it loses three fifths of it (0.2 to 0.05) sooner than
    the first fifth; a line would take three times as long, an exponential decay six times.
    "Se estabiliza cerca de cero": it ends near zero, and moves no more that a plot would show.
    """
    halfway = first_below(errors, PLATEAU / 2)
    leaves, arrives = (first_below(errors, PLATEAU * share) for share in (0.8, 0.2))
    learns = np.isfinite(arrives)
    last_tenth = errors[-len(errors) // 10 :]
    phases = {
        "starts_flat": bool(learns and errors[int(halfway) // 2] > 0.9 * PLATEAU),
        "falls_steeply": bool(learns and arrives - leaves < leaves),
        "settles": bool(errors[-1] < config.near_zero and np.ptp(last_tenth) < config.still),
    }
    return phases | {"three_phases": all(phases.values())}


def first_below(errors: np.ndarray, level: float) -> float:
    """First epoch with an error below the level; infinite if none."""
    below = errors < level
    return float(below.argmax()) if below.any() else np.inf


def swings(errors: np.ndarray, least: float) -> int:
    """How often the error climbs by more than `least` between a trough and the next peak."""
    turns = np.flatnonzero(np.diff(np.sign(np.diff(errors)))) + 1
    stations = errors[np.concatenate([[0], turns, [len(errors) - 1]])]
    return int((np.diff(stations) > least).sum())

"""Runs of the XOR network that have not learnt: what they answer, where they stand, where they go.

Every record is a run that got stuck: starts are tried until one does. What share of starts gets
stuck is measured in `experiment.py`.

Source: notes-2, section 2.3 ("Si el error se queda plano en un valor alto ...").
Stated: the error stays flat at a high value, 0.25 for example; the network is caught in a local
    minimum and says 0.5 to everything; another start may be needed.
Silent about: the start (the companion's, uniform in [0, 1); we add N(0, 1), which gets stuck far
    more often), after how many epochs a run counts as stuck (we take the companion's 10,000), how
    long "caught" is (we watch on for a hundred times as long, and look at the Hessian).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from common import training
from reproductions.xor_mlp import network

TRIED = 100  # starts that are tried side by side
WATCHED = 50  # stuck runs that are watched side by side
PASSES = 100  # passes over the four points that make an epoch of the watcher: fewer to keep


@dataclasses.dataclass(frozen=True)
class Config:
    """One start, and how long its stuck runs are watched."""

    scheme: str = "uniform"
    learning_rate: float = 0.5
    epochs: int = 10_000
    precision: str = "float64"

    # assumed: a final error above this is a run that did not learn
    stuck: float = 0.05
    # assumed: a stuck run, watched on; multiples of PASSES
    watched_epochs: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    # assumed: an error this close to 0.25 stands there, an output this close to 0.5 "says 0.5"
    near_quarter: float = 0.01
    near_half: float = 0.1


VARIANTS = {
    "stuck_points": Config(),
    "stuck_normal": Config(scheme="normal"),
}
SHORTENED = {"smoke": {"epochs": 500, "watched_epochs": (500, 600, 700)}}


def build_model(config: Config) -> keras.Model:
    """The network of 2.1."""
    return network.build()


def build_trainer(config: Config, epochs: int) -> training.SeedsTrainer:
    """Full-batch gradient descent, as the listing does it."""
    return training.SeedsTrainer(
        build_model(config),
        keras.optimizers.SGD(config.learning_rate),
        network.half_sum_of_squares,
        epochs=epochs,
        batch_size=len(network.X),
    )


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """For each seed find a start that gets stuck, then see where it is, and where it goes."""
    training.set_precision(config.precision)
    finder = build_trainer(config, config.epochs)
    watcher = build_trainer(config, config.watched_epochs[-1] // PASSES)
    for first in range(0, len(seeds), WATCHED):
        found = [find_stuck(config, finder, seed) for seed in seeds[first : first + WATCHED]]
        weights = [network.draw_start(finder.model, config.scheme, start) for start, _ in found]
        watched = watch(config, watcher, weights)
        for (_, next_learns), stations in zip(found, watched, strict=True):
            yield describe(config, stations) | {"restart_learns": next_learns}


def find_stuck(config: Config, finder: training.SeedsTrainer, seed: int) -> tuple[int, bool]:
    """Return the first stuck start of a seed, and whether the start after it learns.

    A seed has a thousand starts of its own. The last of each block is tried again as the first of
    the next, so that every start has one after it.
    """
    first = 1000 * seed
    while True:
        tried = range(first, first + TRIED)
        weights = [network.draw_start(finder.model, config.scheme, start) for start in tried]
        finder.train(network.X, network.Y, weights=weights, seeds=tried)
        learnt = errors_of(finder) < config.stuck
        if not learnt[:-1].all():
            place = int(np.argmin(learnt[:-1]))
            return tried[place], bool(learnt[place + 1])
        first += TRIED - 1


def errors_of(trainer: training.SeedsTrainer) -> np.ndarray:
    """Each seed's mean of squares over the four points, shape (seeds,)."""
    return np.mean((network.Y - trainer.predict(network.X)) ** 2, axis=(1, 2))


def watch(
    config: Config, watcher: training.SeedsTrainer, weights: list[list[np.ndarray]]
) -> list[list[dict]]:
    """Train stuck starts for as long as they are watched; where each stood at each stop."""

    def look(epoch: int) -> list[dict]:
        each_run = zip(*watcher.weights, strict=True)
        return [stand(watcher.model, weights) for weights in each_run]

    history = watcher.train(
        np.tile(network.X, (PASSES, 1)),
        np.tile(network.Y, (PASSES, 1)),
        weights=weights,
        seeds=range(len(weights)),
        evaluate=look,
        at=[epoch // PASSES for epoch in config.watched_epochs],
    )
    return [list(stations) for stations in zip(*history.evaluations.values(), strict=True)]


def stand(model: keras.Model, weights: Sequence[np.ndarray]) -> dict:
    """Error, slope, curvature and distance from the origin at a point in weight space.

    A valley's floor has positive curvature in every direction; where one curves downwards, the
    point is a saddle or a slope, and gradient descent leaves it in time.
    """
    model.set_weights(weights)
    slopes = training.gradients(model, network.half_sum_of_squares, network.X, network.Y)
    outputs = np.asarray(model(network.X))
    return {
        "error": float(np.mean((network.Y - outputs) ** 2)),
        "outputs": outputs[:, 0],
        "slope": float(np.linalg.norm(network.flat(slopes))),
        "curvature": network.smallest_curvature(model),
        "norm": float(np.linalg.norm(network.flat(model.get_weights()))),
    }


def describe(config: Config, stations: Sequence[dict]) -> dict:
    """Turn where a stuck run stood into measurements."""
    first, last = stations[0], stations[-1]
    stays, curved = last["error"] >= config.stuck, last["curvature"] > 0
    return {
        "stuck_error": first["error"],
        "stands_at_quarter": abs(first["error"] - 0.25) < config.near_quarter,
        "always_says_half": bool((np.abs(first["outputs"] - 0.5) < config.near_half).all()),
        "trapped": bool(stays and curved),
        "on_a_slope": bool(stays and not curved),
        "escaped": not stays,
        "watched_error": [at["error"] for at in stations],
        "watched_slope": [at["slope"] for at in stations],
        "watched_norm": [at["norm"] for at in stations],
    }

"""The same networks, done soundly: standardised, another start and rate, tested on unseen rows.

Source: paper, section 7.2, figures 6 to 8; paper-code, cells 104 to 125 of the notebook.
Stated: 19 inputs, one hidden layer, or three ("decreasing").
Silent about: what a sound run is: the choices marked `# assumed`. Rows, split, order and number of
    epochs are the notebook's, but for `by_rows` and `by_countries`, which hold out rows or whole
    countries anew for each seed, and train a wider network on as many rows as every split leaves.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from common import training
from common.protocols import paper
from reproductions.life_expectancy import rows as data

SEEDS_AT_ONCE = 48


@dataclasses.dataclass(frozen=True)
class Config:
    """19-10-1 on the notebook's rows; inputs and target standardised by those trained on."""

    hidden: tuple[int, ...] = (10,)
    epochs: int = 200
    log_every: int = 10
    split: data.SplitName = "notebook"  # the others are made anew for each seed
    train_rows: int = 988
    precision: str = "float64"

    # assumed: weights that fit the layers' widths
    initialisation: str = "glorot"
    # assumed
    learning_rate: float = 0.01


VARIANTS = {
    "corrected": Config(),
    "corrected_three": Config(hidden=(20, 15, 10)),
    "by_rows": Config(hidden=(30, 30), split="rows", train_rows=850),
    "by_countries": Config(hidden=(30, 30), split="countries", train_rows=850),
}

SHORTENED = {"smoke": {"epochs": 31}}


def build_model(config: Config, inputs: int) -> keras.Model:
    """19-10-1, and so on: sigmoid but for its output, which is the bare weighted sum."""
    return paper.build_network([inputs, *config.hidden, 1])


def looks(config: Config) -> list[int]:
    """Epochs completed where we look: before training, at each log line."""
    return [0, *paper.logged_epochs(config.epochs, config.log_every)]


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train one network per seed, many at a time, on each seed's own split."""
    training.set_precision(config.precision)
    model = build_model(config, data.load("notebook", config.train_rows, 0).inputs.shape[1])
    trainer = training.SeedsTrainer(
        model,
        paper.build_optimizer("gd", config.learning_rate, updates=config.train_rows),
        paper.squared_error,
        epochs=config.epochs,
        batch_size=1,
    )
    for first in range(0, len(seeds), SEEDS_AT_ONCE):
        block = seeds[first : first + SEEDS_AT_ONCE]
        split = [data.load(config.split, config.train_rows, seed) for seed in block]
        scaled = [data.Scaled(rows) for rows in split]
        answers = follow(config, trainer, scaled, block)
        for place, (rows, scale) in enumerate(zip(split, scaled, strict=True)):
            in_years = np.stack([scale.in_years(each) for each in answers[place]])
            yield {"looks": looks(config)} | data.baselines(rows) | measure(rows, in_years)


def follow(
    config: Config,
    trainer: training.SeedsTrainer,
    scaled: Sequence[data.Scaled],
    seeds: Sequence[int],
) -> np.ndarray:
    """Train a block of seeds; return answers at the looks and at the end, [seeds, ..., rows, 1]."""
    inputs, targets = (
        np.stack(parts) for parts in zip(*(each.lessons for each in scaled), strict=True)
    )
    everything = np.stack([each.inputs for each in scaled])
    weights = [
        paper.initial_weights(trainer.model, np.random.default_rng(seed), config.initialisation)
        for seed in seeds
    ]
    history = trainer.train(
        inputs,
        targets,
        weights=weights,
        seeds=seeds,
        own_data=True,
        evaluate=lambda epoch: trainer.predict(everything, own_data=True),
        at={*looks(config), config.epochs},
    )
    epochs = [*looks(config), config.epochs]
    return np.stack([history.evaluations[epoch] for epoch in epochs], axis=1)


def measure(rows: data.Rows, answers: np.ndarray) -> dict:
    """Turn one seed's answers in years, [looks + 1, rows] with those at the end last, into errors.

    Best is the look at which the validation rows are predicted best.
    """
    curves = data.errors(rows, answers[:-1])
    best = int(np.argmin(curves["validation_mse"]))
    return curves | {
        "test_mse_at_best_validation": curves["test_mse"][best],
        "final_train_mse": data.short(data.mse(rows, rows.train, answers[-1])),
        "final_test_mse": data.short(data.mse(rows, rows.test, answers[-1])),
        "final_test_r2": data.r_squared(rows, answers[-1]),
    }

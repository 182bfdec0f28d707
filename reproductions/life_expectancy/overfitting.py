"""What overfitting looks like: a narrow and a wide network learn 50 rows by heart.

Source: paper, section 7.2 ("incrementar excesivamente su complejidad daría lugar a over-fitting").
Stated: too complex a model overfits, and is practically useless.
Silent about: how complex is too complex, and for how many rows. Our own choices: 50 rows, in the
    notebook's order, the paper's 19-10-1 (211 weights and biases) and 19-100-100-1 (12,201),
    trained soundly (see sound.py) for 2,000 epochs. So many weights do not fit the processor's
    cache for many seeds at once, so here they are trained one after the other.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from common import training
from common.protocols import paper
from reproductions.life_expectancy import rows as data
from reproductions.life_expectancy import sound


@dataclasses.dataclass(frozen=True)
class Config:
    """19-10-1 on 50 rows; inputs and target standardised by those."""

    hidden: tuple[int, ...] = (10,)

    # assumed: few rows, and patience
    train_rows: int = 50
    epochs: int = 2000
    log_every: int = 100
    # assumed: weights that fit the layers' widths
    initialisation: str = "glorot"
    # assumed
    learning_rate: float = 0.01
    # assumed: NumPy's default
    precision: str = "float64"


VARIANTS = {"few_rows": Config(), "wide": Config(hidden=(100, 100))}

SHORTENED = {"smoke": {"epochs": 301}}


def build_model(config: Config, inputs: int) -> keras.Model:
    """19-10-1 or 19-100-100-1, sigmoid but for its output."""
    return paper.build_network([inputs, *config.hidden, 1])


def looks(config: Config) -> list[int]:
    """Epochs completed where we look: before training, then every hundredth."""
    return [0, *paper.logged_epochs(config.epochs, config.log_every)]


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train one network per seed on the same 50 rows; look at its answers for all rows."""
    training.set_precision(config.precision)
    rows = data.load("notebook", config.train_rows, seed=0)
    scaled = data.Scaled(rows)
    model = build_model(config, rows.inputs.shape[1])
    trainer = training.Trainer(
        model,
        paper.build_optimizer("gd", config.learning_rate, updates=config.train_rows),
        paper.squared_error,
        epochs=config.epochs,
        batch_size=1,
    )
    once = {"looks": looks(config)} | data.baselines(rows)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        history = trainer.train(
            *scaled.lessons,
            weights=paper.initial_weights(model, rng, config.initialisation),
            seed=seed,
            evaluate=lambda epoch: scaled.in_years(trainer.predict(scaled.inputs)),
            at={*looks(config), config.epochs},
        )
        epochs = [*looks(config), config.epochs]
        answers = np.stack([history.evaluations[epoch] for epoch in epochs])
        yield once | sound.measure(rows, answers)

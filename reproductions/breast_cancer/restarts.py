"""Ten restarts of the sigmoid network on one split, and the best of them.

Source: paper-code, cells 34 and 35 of the notebook.
Stated: as in `experiment`; ten networks from ten starts on one split, of which the table shows the
    best.
Silent about: the split and the starts (each seed draws one split and ten starts).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from common import training
from common.data import breast_cancer
from common.protocols import paper
from reproductions.breast_cancer import experiment


@dataclasses.dataclass(frozen=True)
class Config(experiment.Config):
    """Model 1 at the notebook's first rate."""

    models: tuple[str, ...] = ("sigmoid_gd",)
    learning_rates: tuple[float, ...] = (0.01,)
    restarts: int = 10


VARIANTS = {"restarts": Config()}
SHORTENED = {"smoke": {"epochs": 3}}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train ten networks on one split per seed."""
    training.set_precision(config.precision)
    tumours = breast_cancer.load()
    trainer = experiment.build_trainer(config, tumours, config.models[0])
    for seed in seeds:
        parts = experiment.split(config, tumours, seed)
        rng = np.random.default_rng(seed)
        scored = []
        for _ in range(config.restarts):
            weights = paper.initial_weights(trainer.model, rng, config.initialisation)
            (z,) = experiment.outputs(trainer, parts, weights, config.learning_rates)
            scored.append(experiment.scores(z, parts.test_labels))
        best = max(scored, key=lambda each: each["accuracy"])
        yield {
            "restart_accuracies": sorted(each["accuracy"] for each in scored),
            "best_accuracy": best["accuracy"],
            "best_precision": best["precision"],
            "best_auc_labels": best["auc_labels"],
        }

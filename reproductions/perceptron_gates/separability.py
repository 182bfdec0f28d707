"""Which truth tables a line can separate, and which of them a perceptron learns.

A linear programme proves for each of the 16 functions of two inputs whether a straight line
separates its ones from its zeros; the perceptron then tries to learn all of them.

Source: notes-2, section 1 ("clasificador lineal binario", the hyperplane), 1.2 and 2 (AND, OR, XOR,
    one line, two lines, a curve).
Stated: the four points and the tables of AND, OR and XOR; rate 0.1, weights N(0, 1), bias 0.
Silent about: the other 13 functions of two inputs (all are tried here); how long to try (three
    times the listing's epochs); which curve (a conic, through the product of the inputs).
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.optimize

from common import training
from reproductions.perceptron_gates import experiment, points


@dataclasses.dataclass(frozen=True)
class Config:
    """The listing's rate and start."""

    learning_rate: float = 0.1
    precision: str = "float64"

    # assumed: a table that a line separates is learnt long before
    epochs: int = 300
    watched_epochs: int = 10


VARIANTS = {"tables": Config()}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Let a new perceptron try each of the 16 tables, from the same start."""
    training.set_precision(config.precision)
    trainer = experiment.build_trainer(config.learning_rate, config.epochs)
    by_line = np.array([separable(table) for table in points.TABLES])
    facts = plane_facts(by_line)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        weights = training.initial_weights(trainer.model, rng, training.normal)
        tried = []
        for table in points.TABLES:
            errors, states = experiment.learn(trainer, weights, table, seed, config.watched_epochs)
            tried.append(experiment.describe(table, errors, states, config.learning_rate))
        learnt = np.array([each["learnt"] for each in tried])
        yield facts | {
            "tables_learnt": int(learnt.sum()),
            "learns_just_the_separable": bool((learnt == by_line).all()),
            "others_oscillate": all(
                each["oscillates"] for each, line in zip(tried, by_line, strict=True) if not line
            ),
            "final_states": [each["path"][0] for each in tried],
        }


def separable(y: np.ndarray, at: np.ndarray = points.POINTS) -> bool:
    """Whether a hyperplane separates the classes: a linear programme, so a proof either way."""
    signs = np.where(y > 0, 1.0, -1.0)[:, None]
    rows = -signs * np.column_stack([at, np.ones(len(at))])
    solution = scipy.optimize.linprog(
        np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(at)), bounds=(None, None)
    )
    return solution.status == 0  # 2 is "infeasible"


def plane_facts(by_line: np.ndarray) -> dict:
    """What one line, two lines and a curve can do; `by_line` says of each table whether one can."""
    xor = points.GATES["XOR"]
    with_product = np.column_stack([points.POINTS, points.POINTS.prod(axis=1)])
    return {
        "tables_separable": int(by_line.sum()),
        "and_separable": separable(points.GATES["AND"]),
        "or_separable": separable(points.GATES["OR"]),
        "xor_separable": separable(xor),
        "xor_separable_by_curve": separable(xor, with_product),
        "xor_lines_needed": lines_needed(xor, points.TABLES[by_line]),
        "and_table": points.GATES["AND"].tolist(),
        "or_table": points.GATES["OR"].tolist(),
        "xor_table": xor.tolist(),
    }


def lines_needed(y: np.ndarray, one_line: np.ndarray) -> float:
    """Fewest lines whose regions meet in just the ones of `y`; one line does each `one_line`."""
    for lines in (1, 2, 3):
        for tables in itertools.product(one_line, repeat=lines):
            if (np.logical_and.reduce(tables) == y).all():
                return lines
    return np.inf

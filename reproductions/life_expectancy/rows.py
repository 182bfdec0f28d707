"""The rows without gaps, split and scaled, and what it costs to predict them without a network."""

import dataclasses
import itertools
from typing import Literal

import numpy as np
import sklearn.dummy
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
import sklearn.pipeline
import sklearn.preprocessing

from common.data import life_expectancy
from common.protocols import paper

SplitName = Literal["notebook", "rows", "countries"]


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """The rows without gaps, in the order of a split: trained on, validation, test, left out."""

    inputs: np.ndarray  # [rows, 19]
    years: np.ndarray  # [rows], life expectancy
    countries: np.ndarray  # [rows]
    train: slice
    validation: slice
    test: slice


def load(split: SplitName, train_rows: int, seed: int) -> Rows:
    """Drop the rows with gaps and split the others.

    Args:
        split: "notebook": always as it does. Anew for each seed: any "rows", or whole "countries".
        train_rows: how many of the library's first 80 % are trained on.
        seed: of the split, where it is made anew.

    Raises:
        ValueError: there are fewer rows to train on.
    """
    life = life_expectancy.load()
    whole = without_gaps(life)
    inputs, years, countries = life.inputs[whole], life.years[whole], life.countries[whole]
    rest, test = parted(split, countries, seed)
    trained = paper.trained_rows(len(rest))
    if trained < train_rows:
        raise ValueError(f"only {trained} rows to train on where {train_rows} are wanted")
    parts = [rest[:train_rows], rest[trained:], test, rest[train_rows:trained]]
    ends = np.cumsum([0, *map(len, parts)])
    order = np.concatenate(parts)
    return Rows(
        inputs[order],
        years[order],
        countries[order],
        *(slice(*pair) for pair in itertools.pairwise(ends[:4])),
    )


def without_gaps(life: life_expectancy.LifeExpectancy) -> np.ndarray:
    """Which rows have a number in every numeric column, shape (2938,)."""
    return ~np.isnan(np.column_stack([life.inputs, life.years])).any(axis=1)


def parted(split: SplitName, countries: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hold out a quarter to test: any rows, or all rows of a quarter of the countries."""
    numbers = np.arange(len(countries))
    if split == "countries":
        splitter = sklearn.model_selection.GroupShuffleSplit(
            n_splits=1, test_size=0.25, random_state=seed
        )
        rest, test = next(splitter.split(numbers, groups=countries))
        return np.random.default_rng(seed).permutation(rest), test  # they come by country
    state = seed if split == "rows" else 0
    rest, test = sklearn.model_selection.train_test_split(numbers, random_state=state)
    return rest, test


class Scaled:
    """Rows standardised by those trained on, the target too; and how to read answers in years."""

    def __init__(self, rows: Rows) -> None:
        """Learn means and deviations from the rows trained on alone."""
        inputs = sklearn.preprocessing.StandardScaler().fit(rows.inputs[rows.train])
        column = rows.years[:, np.newaxis]
        self._target = sklearn.preprocessing.StandardScaler().fit(column[rows.train])
        self.inputs = inputs.transform(rows.inputs)
        self.lessons = self.inputs[rows.train], self._target.transform(column[rows.train])

    def in_years(self, answers: np.ndarray) -> np.ndarray:
        """Turn answers [rows, 1] to scaled targets into years [rows]."""
        return self._target.inverse_transform(answers)[:, 0]


def baselines(rows: Rows) -> dict[str, float]:
    """Errors of predictors that are no network, fitted to the same rows."""
    regressors = {
        "mean": sklearn.dummy.DummyRegressor(),
        # Without a scaler, scikit-learn 1.9 takes the small columns beside Population for zero.
        "linear": sklearn.pipeline.make_pipeline(
            sklearn.preprocessing.StandardScaler(), sklearn.linear_model.LinearRegression()
        ),
    }
    measured = {}
    for name, regressor in regressors.items():
        regressor.fit(rows.inputs[rows.train], rows.years[rows.train])
        answers = regressor.predict(rows.inputs)
        measured[f"{name}_train_mse"] = short(mse(rows, rows.train, answers))
        measured[f"{name}_test_mse"] = short(mse(rows, rows.test, answers))
        if name == "linear":
            measured["linear_test_r2"] = r_squared(rows, answers)
    return measured


def mse(rows: Rows, part: slice, answers: np.ndarray) -> np.ndarray:
    """Mean squared error over some rows of answers [..., rows], shape [...]."""
    return np.mean((answers[..., part] - rows.years[part]) ** 2, axis=-1)


def r_squared(rows: Rows, answers: np.ndarray) -> float:
    """Share of the test rows' variance that answers [rows] explain."""
    return short(sklearn.metrics.r2_score(rows.years[rows.test], answers[rows.test]))


def errors(rows: Rows, answers: np.ndarray) -> dict[str, list[float]]:
    """Mean squared errors over all rows of each part, from answers [looks, rows]."""
    parts = {"train": rows.train, "validation": rows.validation, "test": rows.test}
    return {
        f"{name}_mse": [short(value) for value in mse(rows, part, answers)]
        for name, part in parts.items()
    }


def short(value: float | np.ndarray) -> float:
    """Six significant digits: as many as the notebook prints, and short in a record."""
    return float(f"{float(value):.6g}")

"""The wines as the notebook splits them, and what it costs to predict them without a network."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import sklearn.ensemble
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
import sklearn.preprocessing

from common.data import wine_quality
from common.protocols import paper


@dataclasses.dataclass(frozen=True, eq=False)
class Wines:
    """The rows in the order of the notebook's split: trained on, validation, test."""

    features: np.ndarray  # [wines, 11]
    quality: np.ndarray  # float64 [wines]
    red: np.ndarray  # bool [wines]
    columns: tuple[str, ...]
    train: slice
    test: slice


def load(colours: Sequence[str], split_state: int, *, standardised: bool) -> Wines:
    """Read the wines, a colour after the other, and split them as the notebook and its library.

    Args:
        colours: "red", "white" or both.
        split_state: of scikit-learn's split; the library trains on the first 80 % of its rest.
        standardised: by mean and deviation of the wines trained on.
    """
    by_colour = [wine_quality.load(colour) for colour in colours]
    features = np.concatenate([wine.features for wine in by_colour])
    quality = np.concatenate([wine.quality for wine in by_colour]).astype(float)
    numbers = [len(wine.quality) for wine in by_colour]
    red = np.repeat([colour == "red" for colour in colours], numbers)
    rest, test = sklearn.model_selection.train_test_split(
        np.arange(len(quality)), random_state=split_state
    )
    trained, order = paper.trained_rows(len(rest)), np.concatenate([rest, test])
    features = features[order]
    if standardised:
        scaler = sklearn.preprocessing.StandardScaler().fit(features[:trained])
        features = scaler.transform(features)
    return Wines(
        features,
        quality[order],
        red[order],
        by_colour[0].columns,
        train=slice(trained),
        test=slice(len(rest), len(order)),
    )


def mean_squared_error(wines: Wines, predictions: np.ndarray, part: slice) -> np.ndarray:
    """Average over some wines of predictions [..., wines], shape [...]."""
    return np.mean((predictions[..., part] - wines.quality[part]) ** 2, axis=-1)


def r_squared(wines: Wines, predictions: np.ndarray, part: slice) -> np.ndarray:
    """Share of these wines' variance that is explained, shape [...]; below 0 it adds to it."""
    return 1 - mean_squared_error(wines, predictions, part) / wines.quality[part].var()


def hits(wines: Wines, predictions: np.ndarray, part: slice) -> np.ndarray:
    """Share of some wines whose rounded prediction is right, shape [...]."""
    return np.mean(np.rint(predictions[..., part]) == wines.quality[part], axis=-1)


def baselines(wines: Wines) -> dict[str, float]:
    """Errors of predictors that are no network, fitted to the same wines."""
    trained = wines.quality[wines.train]
    predictions = {"mean": np.full(len(wines.quality), trained.mean())}
    for name, regressor in {
        "linear": sklearn.linear_model.LinearRegression(),
        "forest": sklearn.ensemble.RandomForestRegressor(random_state=0),
    }.items():
        regressor.fit(wines.features[wines.train], trained)
        predictions[name] = regressor.predict(wines.features)
    measured: dict[str, float] = {}
    for name, prediction in predictions.items():
        measured[f"{name}_test_mse"] = short(mean_squared_error(wines, prediction, wines.test))
        measured[f"{name}_test_r2"] = short(r_squared(wines, prediction, wines.test))
    for name in ("mean", "linear"):
        error = mean_squared_error(wines, predictions[name], wines.train)
        measured[f"{name}_train_mse"] = short(error)
    measured["mean_test_hits"] = short(hits(wines, predictions["mean"], wines.test))
    return measured


def short(value: float | np.ndarray) -> float:
    """Six significant digits: as many as the notebook prints, and short in a record."""
    return float(f"{float(value):.6g}")

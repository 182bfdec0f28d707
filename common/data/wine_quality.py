"""The quality of Portuguese wines, from tensorflow-datasets."""

import dataclasses
import fractions
import functools
from typing import Literal

import numpy as np

from common.data import arrays, copies, origins

COPIES = {
    "red": copies.Copy(
        "wine_quality/red:1.0.0",
        {"train": 1_599},
        "bb91eab6deef70f31e334c1951db0d5211e5c77f8094612f46b674c9b6e0db83",
    ),
    "white": copies.Copy(
        "wine_quality/white:1.0.0",
        {"train": 4_898},
        "1d0ebf564a9ae0dd64fb79d86a6db5d76ba558f265d7b6d9af829201aad4ffe9",
    ),
}
ORIGIN = origins.Download(tuple(COPIES.values()))

COLUMNS = (
    "fixed acidity",  # g/l
    "volatile acidity",  # g/l
    "citric acid",  # g/l
    "residual sugar",  # g/l
    "chlorides",  # g/l
    "free sulfur dioxide",  # mg/l
    "total sulfur dioxide",  # mg/l
    "density",  # g/ml
    "pH",
    "sulphates",  # g/l
    "alcohol",  # % by volume
)


@dataclasses.dataclass(frozen=True, eq=False)
class Wine:
    """Vinho Verde of one colour: laboratory measurements and the tasters' verdict, in CSV order.

    P. Cortez et al., "Modeling wine preferences by data mining from physicochemical properties",
    Decision Support Systems 47 (2009); UCI repository, CC BY 4.0. Not scikit-learn's `load_wine`.
    """

    features: np.ndarray  # float64 [n, 11], the decimals of the CSV; n is 1599 red, 4898 white
    quality: np.ndarray  # int64 [n], median of at least three tasters, 0 (bad) to 10 (excellent)
    columns: tuple[str, ...]  # the 11 features' names, in CSV order


@functools.cache
def load(colour: Literal["red", "white"]) -> Wine:
    """Load the wines of one colour. Cached; the arrays are read-only.

    Raises:
        errors.UserError: the prepared copy is missing or damaged.
    """
    copy = COPIES[colour]
    with copies.damage_reported(copy):
        rows = copies.published_rows(copy, "train")
        columns = [rows["features"][column].astype(np.float32) for column in COLUMNS]
        decimals = np.array([[_published_decimal(x) for x in column] for column in columns])
        features, quality = arrays.checked(
            copy.sha256, decimals.T, rows["quality"].astype(np.int64)
        )
    return Wine(features, quality, COLUMNS)


def _published_decimal(value: np.float32) -> float:
    """The number that the CSV printed, from the float32 that was made of it.

    That is the shortest decimal that gives this float32: 7.4. A few alcohols are repeating decimals
    that were printed with 15 digits (9.56666666666667). They need more than six digits in float32
    too, and are the 15 digits of the simplest fraction close by (287/30).
    """
    shortest = str(value)
    if len(shortest.replace(".", "").lstrip("0")) <= 6:
        return float(shortest)
    return float(f"{float(fractions.Fraction(shortest).limit_denominator(1000)):.15g}")

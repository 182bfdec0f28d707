"""Fisher's irises, from scikit-learn."""

import dataclasses
import functools

import numpy as np

from common.data import arrays, origins

ORIGIN = origins.ScikitLearn("iris")


@dataclasses.dataclass(frozen=True, eq=False)
class Iris:
    """Fisher's iris flowers, as scikit-learn ships them.

    R. A. Fisher, "The use of multiple measurements in taxonomic problems" (1936); UCI, CC BY 4.0.
    """

    features: np.ndarray  # float64 [150, 4], cm: sepal length and width, petal length and width
    labels: np.ndarray  # int64 [150], an index into names; 50 of each, in that order
    names: tuple[str, ...]  # setosa, versicolor, virginica


@functools.cache
def load() -> Iris:
    """Load Fisher's irises. Cached; the arrays are read-only."""
    import sklearn.datasets

    flowers = sklearn.datasets.load_iris()
    features, labels = arrays.read_only(flowers.data, flowers.target.astype(np.int64))
    return Iris(features, labels, names=tuple(str(name) for name in flowers.target_names))

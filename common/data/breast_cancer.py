"""Wisconsin's breast cancers, from scikit-learn."""

import dataclasses
import functools

import numpy as np

from common.data import arrays, origins

ORIGIN = origins.ScikitLearn("breast_cancer")


@dataclasses.dataclass(frozen=True, eq=False)
class BreastCancer:
    """Measurements of cell nuclei and the diagnosis, as scikit-learn ships them.

    W. H. Wolberg, W. N. Street, O. L. Mangasarian, "Breast Cancer Wisconsin (Diagnostic)" (1995);
    UCI, CC BY 4.0.
    """

    features: np.ndarray  # float64 [569, 30]
    labels: np.ndarray  # int64 [569], an index into names; 212 malignant, 357 benign
    names: tuple[str, ...]  # malignant, benign


@functools.cache
def load() -> BreastCancer:
    """Load Wisconsin's breast cancers. Cached; the arrays are read-only."""
    import sklearn.datasets

    tumours = sklearn.datasets.load_breast_cancer()
    features, labels = arrays.read_only(tumours.data, tumours.target.astype(np.int64))
    return BreastCancer(features, labels, names=tuple(str(name) for name in tumours.target_names))

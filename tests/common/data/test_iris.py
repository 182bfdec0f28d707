import numpy as np
import pytest

from common.data import iris


def test_it_is_fishers():
    flowers = iris.load()
    assert flowers.features.shape == (150, 4)
    assert flowers.features[0].tolist() == [5.1, 3.5, 1.4, 0.2]
    assert np.bincount(flowers.labels).tolist() == [50, 50, 50]
    assert flowers.labels.dtype == np.int64
    assert flowers.names == ("setosa", "versicolor", "virginica")
    assert iris.load() is flowers
    with pytest.raises(ValueError, match="read-only"):
        flowers.labels[0] = 2

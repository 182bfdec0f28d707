import numpy as np
import pytest

from common.data import breast_cancer


def test_it_is_wisconsins():
    tumours = breast_cancer.load()
    assert tumours.features.shape == (569, 30)
    assert tumours.features[0, :4].tolist() == [17.99, 10.38, 122.8, 1001.0]
    assert tumours.names == ("malignant", "benign")
    assert np.bincount(tumours.labels).tolist() == [212, 357]
    assert tumours.labels.dtype == np.int64
    assert breast_cancer.load() is tumours
    with pytest.raises(ValueError, match="read-only"):
        tumours.features[0, 0] = 0

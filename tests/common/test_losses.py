"""The shared losses, held against NumPy, scikit-learn and each other."""

import numpy as np
import pytest
import scipy.special
import sklearn.metrics

from common import losses, training


@pytest.fixture(autouse=True)
def _double_precision():
    training.set_precision("float64")
    yield
    training.set_precision("float32")


@pytest.fixture
def answers():
    """Labels and z of 30 samples and 4 classes."""
    rng = np.random.default_rng(0)
    return np.concatenate([np.arange(4), rng.integers(4, size=26)]), rng.normal(0, 5, (30, 4))


def test_cross_entropies_are_the_librarys(answers):
    labels, z = answers
    expected = sklearn.metrics.log_loss(labels, scipy.special.softmax(z, axis=1))
    from_z = losses.softmax_cross_entropy(np.eye(4)[labels], z)
    from_logs = losses.negative_log_likelihood(labels, scipy.special.log_softmax(z, axis=1))
    assert float(from_z) == pytest.approx(expected, rel=1e-12)
    assert float(from_logs) == pytest.approx(expected, rel=1e-12)


def test_squared_errors_differ_by_their_factors(answers):
    _, z = answers
    y = np.random.default_rng(1).normal(size=z.shape)
    total = ((z - y) ** 2).sum()
    assert float(losses.squared_error(y, z)) == pytest.approx(total)
    assert float(losses.half_squared_error(y, z)) == pytest.approx(total / 2)
    assert float(losses.mean_squared_error(y, z)) == pytest.approx(
        sklearn.metrics.mean_squared_error(y, z)
    )

"""Precision: a test names the one that it needs, and single precision comes back after it."""

import pytest

from common import training


@pytest.fixture(autouse=True)
def _single_precision_afterwards():
    yield
    training.set_precision("float32")


@pytest.fixture(params=["float32", "float64"])
def precision(request):
    training.set_precision(request.param)
    return request.param


@pytest.fixture
def double():
    training.set_precision("float64")

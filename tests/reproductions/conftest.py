"""What the contract is checked on: every reproduction, and one smoke run of each."""

import os
import types

import pytest

from common import claims, data, runner
from tests import contract
from tests.conftest import SHARED


@pytest.fixture(params=contract.HEADS, scope="session")
def head(request: pytest.FixtureRequest) -> claims.Reproduction:
    """One reproduction after the other."""
    return contract.HEADS[request.param]


@pytest.fixture(scope="session")
def figures(head: claims.Reproduction) -> types.ModuleType:
    """The reproduction's figures.py."""
    return runner.load_module(head, "figures")


@pytest.fixture(scope="session")
def smoke(
    head: claims.Reproduction, request: pytest.FixtureRequest, _copies, tmp_path_factory
) -> dict[str, list[dict]]:
    """The records of a smoke run, by variant; measured once for all tests."""
    if "life_expectancy" in head.data:
        request.getfixturevalue("life_expectancy_csv")
    folder = tmp_path_factory.mktemp(head.name)
    data.prepare(head.data, _copies, os.environ.get("TFDS_MANUAL_DIR") or SHARED / "raw")
    return contract.smoke_records(head, folder)

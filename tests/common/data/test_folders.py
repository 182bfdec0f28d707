import os
import pathlib

import pytest

from common import data
from common.data import folders

BOTH = (folders.DATA, folders.MANUAL)


@pytest.fixture(autouse=True)
def _only_known_variables(monkeypatch):
    for name in [name for name in os.environ if name.upper().startswith("TFDS")]:
        monkeypatch.delenv(name)


def test_without_variables_it_is_the_librarys_own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.data_dir() == tmp_path / "tensorflow_datasets"
    assert folders.manual_dirs() == [tmp_path / "tensorflow_datasets/downloads/manual"]
    monkeypatch.setenv("TFDS_DATA_DIR", "")
    assert folders.data_dir() == tmp_path / "tensorflow_datasets"
    monkeypatch.setenv("TFDS_DATA_DIR", "~/here")
    monkeypatch.setenv("TFDS_MANUAL_DIR", "~/there")
    assert folders.data_dir() == tmp_path / "here"
    assert folders.manual_dirs() == [tmp_path / "there"]


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_the_given_folder_has_to_be_one(tmp_path, refusal, name):
    (tmp_path / "file").touch()
    message = refusal(data.prepare, ["iris"], tmp_path / name)
    assert f"--data-dir '{tmp_path / name}'" in message
    message = refusal(data.prepare, ["iris"], manual_dir=tmp_path / name)
    assert f"--manual-dir '{tmp_path / name}'" in message


@pytest.mark.parametrize(
    "address", ["gs://bucket/x", "s3://bucket/x", "https://host/x", "file:///x", "hdfs:/x"]
)
def test_addresses_are_refused(monkeypatch, refusal, address):
    monkeypatch.setenv("TFDS_DATA_DIR", address)
    monkeypatch.setenv("TFDS_MANUAL_DIR", address)
    for function in (folders.data_dir, folders.manual_dirs, folders.writable_data_dirs):
        assert f"'{address}' is an address" in refusal(function)
    assert "_DIR 'gs" in refusal(folders.doubts, BOTH) or not address.startswith("gs")
    # The command line makes a path of what it is given.
    option = pathlib.Path(address)
    assert f"--data-dir '{option}' is an address" in refusal(folders.choose, folders.DATA, option)
    assert os.environ["TFDS_DATA_DIR"] == address


def test_a_windows_drive_is_no_address(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", "C:/data")
    assert folders.data_dir() == pathlib.Path("C:/data")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TFDS_DATADIR", "TFDS_DATA_DIR"),
        ("TFDS_DATA_PATH", "TFDS_DATA_DIR"),
        ("TFDS_DATA", "TFDS_DATA_DIR"),
        ("TFDS_DIR", "TFDS_DATA_DIR"),
        ("TFDS_DATA_DIRS", "TFDS_DATA_DIR"),
        ("tfds_data_dir", "TFDS_DATA_DIR"),
        ("TDFS_DATA_DIR", "TFDS_DATA_DIR"),
        ("TFDS_MANUALDIR", "TFDS_MANUAL_DIR"),
        ("TFDS_MANUAL_DATA", "TFDS_MANUAL_DIR"),
        ("TFDS_MANUAL", "TFDS_MANUAL_DIR"),
    ],
)
def test_mistyped_variables_are_told(monkeypatch, tmp_path, name, meant):
    monkeypatch.setenv(name, str(tmp_path))
    told = f"the environment variable {name} is unknown and not used; is {meant} meant?"
    assert folders.doubts(BOTH) == [told]
    assert folders.doubts([]) == []


def test_the_librarys_other_variables_are_known(monkeypatch):
    for name in ("TFDS_CACHE_DIR", "TFDS_DEBUG_VERBOSE", "TFDS_RETRY_TRIES", "MY_TFDS_DATA_DIR"):
        monkeypatch.setenv(name, "x")
    assert folders.doubts(BOTH) == []


@pytest.mark.parametrize("variable", BOTH)
@pytest.mark.parametrize("folder", ["nowhere", "~nobody-is-called-so/data"])
def test_a_folder_that_does_not_exist_is_told(monkeypatch, tmp_path, variable, folder):
    named = folder if folder.startswith("~") else str(tmp_path / folder)
    monkeypatch.setenv(variable, named)
    assert folders.doubts(BOTH) == [f"{variable} names {named}, which does not exist"]


@pytest.mark.parametrize("variable", BOTH)
def test_a_file_in_its_place_is_refused(monkeypatch, tmp_path, refusal, variable):
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, str(tmp_path / "file"))
    message = refusal(folders.doubts, BOTH)
    assert message.startswith(f"{variable} '{tmp_path / 'file'}' is not a folder")
    assert message.endswith("or unset it")

"""What the package itself offers: `prepare`, `versions`, the names."""

import os
import shlex

import pytest

from common import claims, data, errors
from common.data import copies, downloads, wine_quality


@pytest.mark.usefixtures("copies_dir")
def test_nothing_is_printed_and_the_parent_never_imports_tensorflow(run_python):
    code = """if True:
        import sys
        from common import data
        from common.data import downloads, iris, wine_quality
        assert data.prepare(["mnist", "wine_quality", "iris"]) == []
        data.versions(["mnist", "wine_quality", "iris"])
        iris.load()
        downloads.url("mnist"), downloads.url("wine_quality")
        assert "tensorflow" not in sys.modules
        wine_quality.load("red")
        assert "tensorflow" in sys.modules
    """
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_names_are_those_that_claims_may_use():
    assert set(data.NAMES) == set(claims.DATA)


def test_versions():
    assert data.versions(["mnist", "wine_quality"]) == {"mnist": "3.0.1", "wine_quality": "1.0.0"}
    assert data.versions(["iris"])["iris"].startswith("scikit-learn 1.")
    assert not data.is_stand_in(data.versions(["mnist"])["mnist"])
    os.environ["REPRODUCTION_STAND_IN"] = "mnist"
    assert data.versions(["mnist"])["mnist"] == "stand-in: scikit-learn digits scaled to 28x28"
    assert data.is_stand_in(data.versions(["mnist"])["mnist"])


@pytest.mark.parametrize("function", [data.prepare, data.versions])
def test_unknown_data_set(refusal, function):
    message = refusal(function, ["iris", "mnits"])
    assert "'mnits'" in message
    assert "breast_cancer, iris, life_expectancy, mnist, wine_quality" in message


@pytest.mark.usefixtures("offline")
def test_the_given_folder_wins_over_the_environment(copies_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    os.environ["REPRODUCTION_STAND_IN"] = "mnist"  # left over from an earlier decision
    assert data.prepare(["mnist", "wine_quality"], copies_dir) == []
    assert os.environ["TFDS_DATA_DIR"] == str(copies_dir.absolute())
    assert data.versions(["mnist"]) == {"mnist": "3.0.1"}


@pytest.mark.usefixtures("offline")
def test_offline_nothing_stands_in_for_wine(elsewhere, refusal):
    message = refusal(data.prepare, ["iris", "wine_quality"])
    assert "'wine_quality' is missing" in message
    assert str(elsewhere / "wine_quality/red/1.0.0") in message
    assert "no answer from http://127.0.0.1" in message
    both = list(wine_quality.COPIES.values())
    assert shlex.split(message)[-3:] == copies.download_command(both)


@pytest.mark.usefixtures("offline", "elsewhere")
def test_a_mistyped_variable_is_told_beside_what_it_leads_to(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATADIR", str(tmp_path))
    told, stand_in = data.prepare(["mnist"])
    assert told.startswith("the environment variable TFDS_DATADIR is unknown")
    assert stand_in.startswith("NO MNIST")
    with pytest.raises(errors.MissingDataError, match="is TFDS_DATA_DIR meant") as raised:
        data.prepare(["wine_quality"])
    assert raised.value.data_set == "wine_quality"
    assert "\n" not in str(raised.value)
    assert data.prepare(["iris"]) == []  # which reads no folder


def test_an_address_is_refused_and_never_becomes_a_folder(monkeypatch, tmp_path, refusal):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", "gs://bucket/x")
    monkeypatch.setattr(downloads, "run_library", None)  # nothing is to be started
    for function in (data.prepare, lambda names: wine_quality.load("white")):
        message = refusal(function, ["wine_quality", "mnist"])
        assert message.startswith("TFDS_DATA_DIR 'gs://bucket/x' is an address, and no folder")
    assert list(tmp_path.iterdir()) == []

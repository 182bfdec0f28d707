import os
import pathlib
import sys
import time
from unittest import mock

import pytest

from common import data
from common.data import copies, downloads, life_expectancy, life_expectancy_file, mnist, origins


def download_by(monkeypatch, code):
    monkeypatch.setattr(copies, "download_command", lambda _: [sys.executable, "-c", code])


@pytest.fixture
def any_file_will_do(monkeypatch):
    """Take any file of that name for the published one."""
    monkeypatch.setattr(life_expectancy_file, "read", mock.Mock())


@pytest.mark.usefixtures("online")
def test_download(elsewhere, monkeypatch, capsys):
    folder = str(elsewhere / "mnist/3.0.1")
    download_by(monkeypatch, f"print('progress'); import os; os.makedirs({folder!r})")
    assert data.prepare(["mnist"]) == [f"downloaded data set 'mnist' to {elsewhere}"]
    assert "REPRODUCTION_STAND_IN" not in os.environ
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"downloading data set 'mnist' to {elsewhere} ...\n"


@pytest.mark.usefixtures("online", "elsewhere")
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise OSError('No space left on device')", "OSError: No space left on device"),
        ("import time; time.sleep(60)", "did not end within 1 s"),
        ("pass", "left no copy"),
    ],
)
def test_failed_download(monkeypatch, refusal, code, says):
    monkeypatch.setattr(downloads, "LIMIT_SECONDS", 1)
    download_by(monkeypatch, code)
    assert says in refusal(data.prepare, ["wine_quality"])
    (message,) = data.prepare(["mnist"])
    assert message.startswith("NO MNIST")
    assert says in message


@pytest.mark.usefixtures("offline")
def test_offline_the_stand_in_comes_soon(elsewhere):
    start = time.monotonic()
    (message,) = data.prepare(["mnist", "mnist", "iris"])
    assert time.monotonic() - start < 10
    assert "\n" not in message
    assert "NOT_RUN" in message
    assert str(elsewhere) in message
    assert data.versions(["mnist"])["mnist"] == mnist.STAND_IN


@pytest.mark.usefixtures("any_file_will_do")
@pytest.mark.parametrize("where", ["downloads/manual", "named"])
def test_what_is_prepared_goes_where_it_may_and_is_found_there(elsewhere, monkeypatch, where):
    manual = elsewhere / where
    manual.mkdir(parents=True)
    (manual / "Life Expectancy Data.csv").touch()
    if where == "named":
        monkeypatch.setenv("TFDS_MANUAL_DIR", str(manual))
    elsewhere.chmod(0o555)  # nor may the administrator write here, who could
    commands = []

    def library(command, cwd):
        commands.append(command)
        (pathlib.Path(command[3]) / "life_expectancy/1.0.0").mkdir(parents=True)
        return ""

    monkeypatch.setattr(downloads, "run_library", library)
    (message,) = data.prepare(["life_expectancy"])
    home = str(pathlib.Path("~/tensorflow_datasets").expanduser())
    assert commands[0][3:] == [home, str(manual / "Life Expectancy Data.csv")]
    assert home in message
    assert not life_expectancy.ORIGIN.is_missing()
    elsewhere.chmod(0o755)


@pytest.mark.usefixtures("any_file_will_do")
def test_a_copy_that_cannot_be_written_is_told_in_one_line(elsewhere, monkeypatch, refusal):
    (elsewhere / "life_exp.csv").touch()
    library = mock.Mock(return_value="failed (OSError: No space left)")
    monkeypatch.setattr(downloads, "run_library", library)
    message = refusal(data.prepare, ["life_expectancy"], manual_dir=elsewhere)
    assert "No space left" in message
    assert f"in {elsewhere}" in message


def test_what_comes_with_scikit_learn_is_never_missing():
    origin = origins.ScikitLearn("iris")
    assert (origin.is_missing(), origin.url(), origin.variables) == (False, None, ())

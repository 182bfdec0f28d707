import socket
import sys
import time

import pytest

from common.data import downloads


def test_the_probe_asks_for_the_librarys_own_files():
    assert downloads.url("mnist").endswith("-ubyte.gz")
    assert downloads.url("wine_quality").endswith(".csv")


@pytest.mark.usefixtures("online")
def test_a_server_that_answers_is_online():
    assert downloads.online({"mnist": downloads.url("mnist")}) == {"mnist"}


@pytest.mark.usefixtures("offline")
def test_a_server_that_is_not_there_is_offline():
    assert downloads.online({"mnist": downloads.url("mnist")}) == set()


def test_a_server_that_says_nothing_counts_as_offline(monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(downloads, "PROBE_SECONDS", 0.3)
        start = time.monotonic()
        assert downloads.online({"mnist": url, "wine_quality": url}) == set()
        assert time.monotonic() - start < 2


def test_a_name_server_that_says_nothing_counts_as_offline(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(5))
    monkeypatch.setattr(downloads, "PROBE_SECONDS", 0.3)
    start = time.monotonic()
    assert downloads.online({"mnist": "https://data.invalid/mnist"}) == set()
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise OSError('No space left on device')", "failed (OSError: No space left on device)"),
        ("raise SystemExit(3)", "failed (no message)"),
        ("import time; time.sleep(60)", "did not end within 1 s"),
        ("print('progress')", ""),
    ],
)
def test_what_went_wrong_is_told(monkeypatch, code, says):
    monkeypatch.setattr(downloads, "LIMIT_SECONDS", 1)
    assert downloads.run_library([sys.executable, "-c", code]) == says

"""Copies to be damaged, servers that answer or do not, and how a refusal has to look."""

import http.server
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading

import pytest

from common import errors
from common.data import downloads, life_expectancy, mnist, wine_quality

ROOT = pathlib.Path(__file__).parents[3]
RED = "wine_quality/red/1.0.0"


@pytest.fixture
def copies_dir(data_dir):
    """The folder of the prepared copies, which must be there."""
    if not (data_dir / "mnist/3.0.1").is_dir() or not (data_dir / RED).is_dir():
        pytest.skip(f"no prepared copies of MNIST and wine quality in {data_dir} (TFDS_DATA_DIR)")
    return data_dir


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Point TFDS_DATA_DIR to an empty folder, and forget what was loaded from another."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TFDS_MANUAL_DIR", raising=False)
    for module in (mnist, wine_quality, life_expectancy):
        module.load.cache_clear()
    yield folder
    for module in (mnist, wine_quality, life_expectancy):
        module.load.cache_clear()


@pytest.fixture
def red_copy(copies_dir, elsewhere):
    """A writable copy of the red wines, to be damaged."""
    shutil.copytree(copies_dir / RED, elsewhere / RED)
    for path in (elsewhere / RED).iterdir():
        path.chmod(0o644)
    return elsewhere / RED


@pytest.fixture
def offline(monkeypatch):
    """Have the data sets come from a local port that nobody listens on."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloads, "url", lambda name: f"http://127.0.0.1:{port}/{name}")


@pytest.fixture
def online(monkeypatch):
    """Have the data sets come from a local server, which only has to answer the probe."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.RequestHandlerClass.do_GET = lambda self: self.send_response(200) or self.end_headers()
    server.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    port = server.server_port
    monkeypatch.setattr(downloads, "url", lambda name: f"http://127.0.0.1:{port}/{name}")
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def refusal():
    """Call something that has to refuse, in one line; return the line."""

    def call(function, *arguments, **options):
        with pytest.raises(errors.UserError) as raised:
            function(*arguments, **options)
        message = str(raised.value)
        assert "\n" not in message
        return message

    return call


@pytest.fixture
def run_python():
    """Run code in a process of its own."""

    def run(code):
        command = [sys.executable, "-c", code]
        return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)

    return run


@pytest.fixture
def records():
    """Split a tfrecord file: 8 bytes of length, 4 of checksum, the content, 4 of checksum."""

    def split(path):
        content, found = path.read_bytes(), []
        while content:
            length = struct.unpack("<Q", content[:8])[0] + 16
            found.append(content[:length])
            content = content[length:]
        return found

    return split

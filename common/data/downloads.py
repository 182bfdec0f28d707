"""Downloads, each after a probe of the server and within a time limit.

The library runs in a process of its own: here TensorFlow is not imported.
"""

import contextlib
import pathlib
import subprocess
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence

PROBE_SECONDS = 5.0  # how long to wait for a server's answer before saying "offline"
LIMIT_SECONDS = 900  # MNIST is 11 MB; its prepared copy is written in about 10 s


def url(data_set: str) -> str:
    """Name one of the files that the library downloads. Importing it imports no TensorFlow."""
    import tensorflow_datasets as tfds

    builder = tfds.builder_cls(data_set)
    return next(iter([config.dl_url for config in builder.BUILDER_CONFIGS] or builder.url_infos))


def online(urls: Mapping[str, str]) -> set[str]:
    """Ask for every data set's file at once, and say which answered; none in time means no.

    The threads are daemons: a name server that does not answer holds them for longer than that.
    """
    answered: set[str] = set()

    def ask(name: str, url: str) -> None:
        # Whatever goes wrong here would go wrong in the library too, after minutes of retries.
        with contextlib.suppress(Exception), urllib.request.urlopen(url, timeout=PROBE_SECONDS):
            answered.add(name)

    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in urls.items()]
    deadline = time.monotonic() + PROBE_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return set(answered)


def run_library(command: Sequence[str], cwd: pathlib.Path | None = None) -> str:
    """Run a command of the library.

    Returns:
        What went wrong ("failed (...)"), or an empty text.
    """
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            cwd=cwd,
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {LIMIT_SECONDS} s"
    except subprocess.CalledProcessError as error:
        return f"failed ({(error.stderr.splitlines() or ['no message'])[-1][:160]})"
    return ""

"""What a measurement depends on beside its code: packages, machine, threads, commit and time."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import subprocess
import typing

PACKAGES = (
    "keras",
    "numpy",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "tensorflow",
    "tensorflow-datasets",
)


def of_run(device: str, threads: int) -> dict[str, typing.Any]:
    """What the records of a run share beside what it runs.

    Args:
        device: "cpu" or "gpu".
        threads: How many each worker process has.
    """
    packages = {"python": platform.python_version()}
    packages |= {name: _version(name) for name in PACKAGES}
    commit, dirty = _commit(pathlib.Path(__file__).resolve().parents[1])
    return {
        "packages": packages,
        "host": _machine(),
        "device": device,
        "threads": threads,
        "commit": commit,
        "dirty": dirty,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # such as tensorflow from tensorflow-cpu
        return "unknown"


def _machine() -> str:
    """The kind of machine, such as "Linux x86_64, Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz"."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor() or "unknown processor"
    return f"{platform.system()} {platform.machine()}, {model}"


def _commit(root: pathlib.Path) -> tuple[str | None, bool | None]:
    """A checkout's commit, and whether files differ from it; None where git does not say."""
    answer = _git(root, "rev-parse", "--show-toplevel", "HEAD")
    top, _, commit = (answer or "").partition("\n")
    if not commit or pathlib.Path(top).resolve() != root:  # a copy inside another repository
        return None, None
    ours = ("--", ":/", ":(top,exclude)results")
    changes = _git(root, "status", "--porcelain", "--untracked-files=normal", *ours)
    return commit, None if changes is None else bool(changes)


def _git(folder: pathlib.Path, *arguments: str) -> str | None:
    """What git answers about a checkout; None without git or where it refuses.

    It may belong to another user, as in a container. What the environment says of repositories
    (GIT_DIR, ...) is about another one.
    """
    command = ["git", "--no-optional-locks", "-c", f"safe.directory={folder}", *arguments]
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    try:
        answer = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()

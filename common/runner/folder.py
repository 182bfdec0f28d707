"""A run's folder: which one a command goes on with, who may write there, and run.json."""

import contextlib
import datetime
import fcntl
import json
import os
import pathlib
import typing
from collections.abc import Iterator

from common import errors, files, records

Manifest = dict[str, typing.Any]
Seeds = dict[str, dict[str, int]]  # reproduction -> variant -> how many seeds, 0 to n - 1

NAME = "run.json"


def choose_folder(
    runs: pathlib.Path, profile: str, seeds: int | None, device: str, fresh: bool
) -> pathlib.Path:
    """The newest run in `runs` that this command goes on with, else the name of a new one."""
    asked = {"profile": profile, "seeds": seeds, "device": device}
    if not fresh:
        for folder in stored_runs(runs):
            manifest = read_manifest(folder)
            if {part: manifest.get(part) for part in asked} == asked:
                return folder
    return runs / f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{device}"


def stored_runs(runs: pathlib.Path) -> list[pathlib.Path]:
    """The folders in `runs` that hold a run, newest first."""
    found = {path.parent for path in runs.glob(f"*/{NAME}")}
    found |= {path.parents[1] for path in runs.glob("*/*/*.jsonl")}
    return sorted((folder for folder in found if read_manifest(folder)), reverse=True)


def read_manifest(folder: pathlib.Path) -> Manifest:
    """The content of run.json; what the records say of it where it is damaged or not there."""
    try:
        return _whole(folder / NAME)
    except (OSError, ValueError, RecursionError):
        return _from_records(folder)


def manifest_damage(folder: pathlib.Path) -> str | None:
    """What to tell of a run.json that is damaged; None if there is nothing to tell."""
    path = folder / NAME
    try:
        _whole(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        return (
            f"{path}: damaged ({error}); made anew from the records: what was asked of this folder "
            "and never measured is forgotten"
        )
    return None


def write_manifest(folder: pathlib.Path, head: Manifest, wanted: Seeds) -> None:
    """Write run.json; what earlier commands asked of this folder stays expected of it.

    Args:
        folder: The run's folder.
        head: What was asked for, and the provenance. Where nothing is to be measured, `head` has
            none: that of the records stays.
        wanted: The seeds that this command asks for.
    """
    earlier, profile = read_manifest(folder), head["profile"]
    expected = earlier.get("reproductions", {})
    for name, seeds in wanted.items():
        before = expected.get(name, {})
        kept = before.get("seeds", {}) if before.get("profile") == profile else {}
        expected[name] = {"profile": profile, "seeds": {**kept, **seeds}}
    manifest = {**earlier, "schema": records.SCHEMA, **head, "reproductions": expected}
    files.write(folder / NAME, json.dumps(manifest, indent=1) + "\n")


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Iterator[None]:
    """Create the run folder and keep every other command out of it, until this one ends or dies."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)  # workers do not inherit it
    except OSError as error:
        raise errors.UserError(
            f"{folder}: no folder to write to ({error.strerror}); choose another with --out"
        ) from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: pathlib.Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise errors.UserError(
            f"{folder}: another run is writing there; wait for it, or choose another with --out"
        ) from error


def _whole(path: pathlib.Path) -> Manifest:
    """The content of a run.json.

    Raises:
        FileNotFoundError: there is none.
        OSError, ValueError, RecursionError: it is damaged.
    """
    content = path.read_bytes()
    if not content.strip():
        raise ValueError("empty")
    manifest = json.loads(content)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("profile"), str):
        raise ValueError("it does not say what was run")
    expected = manifest.get("reproductions", {})
    if not isinstance(expected, dict) or not all(map(_is_expectation, expected.values())):
        raise ValueError("it does not say which seeds")
    return manifest


def _is_expectation(value: typing.Any) -> bool:
    """Whether a value says which profile and how many seeds of which variants are expected."""
    if not isinstance(value, dict) or not isinstance(value.get("profile"), str):
        return False
    seeds = value.get("seeds")
    return isinstance(seeds, dict) and all(isinstance(each, int) for each in seeds.values())


def _from_records(folder: pathlib.Path) -> Manifest:
    """As much of a run.json as the records tell; nothing where there are none."""
    newest: records.Record = {}
    expected: dict[str, typing.Any] = {}
    for path in sorted(folder.glob("*/*.jsonl")):
        found: list[records.Record] = []
        if len(path.suffixes) == 1:  # and not what was set aside
            with contextlib.suppress(errors.UserError):
                found = records.current(records.read(path))
        for last in found[-1:]:
            each = expected.setdefault(path.parent.name, {"profile": "", "seeds": {}})
            each["profile"] = last["asked"]["profile"]
            each["seeds"][path.stem] = last["seed"] + 1
            newest = max(newest, last, key=lambda record: record.get("time", ""))
    if not newest:
        return {}
    head = {name: newest[name] for name in records.PROVENANCE}
    return {"schema": records.SCHEMA, **head, **newest["asked"], "reproductions": expected}

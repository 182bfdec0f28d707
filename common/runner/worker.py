"""The worker: a process of its own, which may die; it measures seeds and writes their records."""

import dataclasses
import importlib
import io
import itertools
import multiprocessing
import os
import pathlib
import signal
import sys
import threading
import time
import traceback
import types
import typing
from collections.abc import Iterator

import reproductions
from common import claims, errors, files, records
from common.runner import plan

Failure = tuple[str, str]  # in one line, and in full


def start() -> None:
    """The first thing that every worker process does."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # dies at once, even in a compiled program
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """An orphan would measure on for nobody, beside the run that goes on in its place."""
    _parent().join()
    os._exit(1)


def _parent() -> multiprocessing.process.BaseProcess:
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("only a worker process has a parent")
    return parent


def measure(task: plan.Task) -> Failure | None:
    """Measure the task's seeds and append their records; the headline and traceback of a crash."""
    try:
        redirect_output(task.file(".log"))
        for record in measured(task):
            if not _parent().is_alive():
                os._exit(1)
            records.append(task.file(".jsonl"), record)
    except errors.UserError:
        raise
    except Exception as error:
        return failure(error)
    return None


def failure(error: Exception) -> Failure:
    """An exception in one line, and its traceback."""
    lines = f"{type(error).__name__}: {error}".splitlines()
    return lines[0].strip(), traceback.format_exc()


def redirect_output(log: pathlib.Path) -> None:
    """Send stdout and stderr to a file, also what C++ code writes: the terminal is not ours."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
    except OSError as error:
        raise files.cannot_write(log, error) from error
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what it prints may be in any language
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def load_module(reproduction: claims.Reproduction, name: str) -> types.ModuleType:
    """Import one of a reproduction's files, such as "figures", once per process."""
    suite = str(reproduction.path.parents[1])
    if suite not in reproductions.__path__:
        reproductions.__path__ = [suite]  # of the suite that runs, and of no other
    return importlib.import_module(f"reproductions.{reproduction.name}.{name}")


def measured(task: plan.Task) -> Iterator[records.Record]:
    """Yield the task's records as `run` yields their measurements; arrays are on the disk by then.

    Raises:
        ValueError: `run` yields too few or too many, or what the TOML does not name.
        TypeError: a measurement is nothing that a record can hold.
    """
    module = load_module(task.reproduction, task.experiment.name)
    config = module.VARIANTS[task.variant]
    changed = {
        field: value for field, value in task.shortened.items() if getattr(config, field) != value
    }
    config = dataclasses.replace(config, **changed)
    started = time.perf_counter()
    for seed, values in itertools.zip_longest(task.seeds, module.run(config, list(task.seeds))):
        if seed is None or values is None:
            raise ValueError(f"run must yield one dict for each of its {len(task.seeds)} seeds")
        seconds = time.perf_counter() - started
        yield _record(task, seed, values, config=config, shortened=changed, seconds=seconds)
        started = time.perf_counter()


def _record(
    task: plan.Task,
    seed: int,
    values: dict[str, typing.Any],
    *,
    config: typing.Any,
    shortened: dict[str, typing.Any],
    seconds: float,
) -> records.Record:
    reproduction = task.reproduction
    unknown = values.keys() - {*reproduction.metrics, *reproduction.arrays}
    if unknown:
        raise ValueError(
            f"run yielded {sorted(unknown)}, which the TOML's metrics and arrays do not name"
        )
    arrays = {name: values[name] for name in reproduction.arrays if name in values}
    measurements = {name: _plain(name, values[name]) for name in values if name not in arrays}
    return {
        "schema": records.SCHEMA,
        "reproduction": reproduction.name,
        "variant": task.variant,
        "seed": seed,
        "config": dataclasses.asdict(config),
        "shortened": shortened,
        "measurements": measurements,
        "arrays": _save_arrays(task.file(f"-{seed}.npz"), arrays) if arrays else None,
        "seconds": round(seconds, 3),
        **task.stamp,
    }


def _plain(name: str, value: typing.Any) -> typing.Any:
    try:
        return records.plain(value)
    except TypeError as error:
        raise TypeError(f"metric '{name}': {error}; yield numbers, texts and lists") from None


def _save_arrays(path: pathlib.Path, arrays: dict[str, typing.Any]) -> str:
    """Write the arrays whole or not at all, before the record that names them."""
    import numpy as np

    content = io.BytesIO()
    for name, value in arrays.items():
        if np.asarray(value).dtype.hasobject:
            raise TypeError(f"array '{name}': {type(value).__qualname__} is no array of numbers")
    np.savez_compressed(content, **arrays)
    files.write(path, content.getvalue())
    return path.name

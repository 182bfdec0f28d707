"""The runner: measures what is missing, one seed at a time, in worker processes that may die.

A run lives in one folder, which this process locks while it works:

    run.json                    what was asked for, and where and with what it ran
    NAME/VARIANT.jsonl          the records, one line per seed (see `records`)
    NAME/VARIANT-SEED.npz       arrays of one seed
    NAME/VARIANT.error.txt      why a variant crashed: the traceback, the worker's last words
    NAME/plots/                 the figures, and captions.json

From top to bottom: the folder, the plan (which seeds are missing), the parent (which hands tasks to
pebble's pool and watches the record files grow), the worker (which measures and writes), the plots,
and what the folder holds in the end. The parent never imports TensorFlow.
"""

import ast
import concurrent.futures.process
import contextlib
import dataclasses
import datetime
import fcntl
import importlib.util
import itertools
import json
import math
import multiprocessing
import multiprocessing.resource_tracker
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import traceback
import types
import typing
from collections.abc import Iterable, Iterator, Sequence

import pebble
import rich.console
import rich.progress

from common import claims, data, errors, records

FIRST_RECORD_SECONDS = 120  # what a task's first record may take beyond a seed's own limit: imports
PLOT_SECONDS = 600
TICK_SECONDS = 0.2
LOG_LINES = 20
GPU_JOBS = 4  # each process claims part of the GPU's memory

Manifest = dict[str, typing.Any]
Seeds = dict[str, dict[str, int]]  # reproduction -> variant -> how many seeds, 0 to n - 1


# ---- The folder ----------------------------------------------------------------------------------


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
    """The run folders in `runs`, newest first."""
    return sorted((path.parent for path in runs.glob("*/run.json")), reverse=True)


def read_manifest(folder: pathlib.Path) -> Manifest:
    """The content of run.json; empty where there is none."""
    path = folder / "run.json"
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise errors.UserError(f"{path}: damaged ({error}); delete it to start anew") from error


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


def write_text(path: pathlib.Path, text: str) -> None:
    """Write a text file whole or not at all."""
    draft = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, "utf-8")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()  # half a file takes room, too
        raise records.cannot_write(path, error) from error


# ---- The plan ------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """One worker's share: some seeds of one variant, and all that goes into their records."""

    reproduction: claims.Reproduction
    variant: str
    seeds: tuple[int, ...]
    folder: pathlib.Path
    shortened: dict[str, typing.Any]
    stamp: dict[str, typing.Any]  # code, data and provenance
    seed_minutes: float  # a rough guess, for the order of tasks and the time left

    def file(self, ending: str) -> pathlib.Path:
        """A file of this variant, such as the records in "as_written.jsonl"."""
        return self.folder / f"{self.variant}{ending}"

    def __str__(self) -> str:
        """How the log names the task: "xor_mlp/as_written seeds 0-24"."""
        first, last = self.seeds[0], self.seeds[-1]
        seeds = f"seed {first}" if first == last else f"seeds {first}-{last}"
        return f"{self.reproduction.name}/{self.variant} {seeds}"


def wanted_seeds(
    reproductions: Iterable[claims.Reproduction],
    profile: str,
    seeds: int | None = None,
    variant: str | None = None,
) -> Seeds:
    """How many seeds of which variants. What has no randomness stays at its one seed."""
    return {
        reproduction.name: {
            name: declared.seeds[profile] if seeds is None or declared.seeds["full"] == 1 else seeds
            for name, declared in reproduction.variants.items()
            if variant in (None, name)
        }
        for reproduction in reproductions
    }


def plan(
    reproductions: Sequence[claims.Reproduction],
    folder: pathlib.Path,
    wanted: Seeds,
    *,
    profile: str,
    jobs: int,
    fresh: bool,
    provenance: dict[str, typing.Any],
) -> list[Task]:
    """One task for each variant with missing seeds, the longest first, the very long ones split.

    Records that cannot be used are set aside, but for those of real data that only a stand-in would
    replace.

    Raises:
        errors.UserError: there are such records.
    """
    tasks = []
    for reproduction in reproductions:
        module = reproduction.path.with_suffix(".py")
        shortened = shortened_fields(module, profile)
        code = records.code_hash(module)
        for variant, seeds in wanted[reproduction.name].items():
            versions = data.versions(reproduction.variants[variant].data)
            task = Task(
                reproduction=reproduction,
                variant=variant,
                seeds=tuple(range(seeds)),
                folder=folder / reproduction.name,
                shortened=shortened,
                stamp={"code": code, "data": versions, **provenance},
                seed_minutes=_seed_minutes(reproduction, profile),
            )
            tasks.append(task)
    for task in tasks:
        _spare_real_data(task)  # all, before the first file is renamed
    tasks = [dataclasses.replace(task, seeds=_missing(task, fresh)) for task in tasks]
    return _split([task for task in tasks if task.seeds], jobs)


def shortened_fields(module: pathlib.Path, profile: str) -> dict[str, typing.Any]:
    """The reproduction's SHORTENED[profile], read without importing it (and so TensorFlow).

    Raises:
        errors.UserError: no such module, or it is no Python, or SHORTENED is no plain literal.
    """
    try:
        for node in ast.parse(module.read_text("utf-8")).body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if [name.id for name in targets if isinstance(name, ast.Name)] == ["SHORTENED"]:
                    return ast.literal_eval(node.value).get(profile, {})
    except (OSError, SyntaxError, ValueError, AttributeError) as error:
        raise errors.UserError(f"{module}: {error}; mend it, or leave it out") from error
    return {}


def _seed_minutes(reproduction: claims.Reproduction, profile: str) -> float:
    profile = "standard" if profile == "smoke" else profile
    seeds = sum(variant.seeds[profile] for variant in reproduction.variants.values())
    return reproduction.minutes[profile] / seeds


def _missing(task: Task, fresh: bool) -> tuple[int, ...]:
    """The task's seeds that have no usable record yet; a file of unusable ones is set aside."""
    path = task.file(".jsonl")
    stored = records.read(path)
    if stored and (fresh or not _usable(task, stored[-1])):
        _set_aside(path)
        stored = []
    measured = {record["seed"] for record in stored}
    missing = tuple(seed for seed in task.seeds if seed not in measured)
    if missing:
        task.file(".error.txt").unlink(missing_ok=True)  # it gets another chance
    return missing


def _spare_real_data(task: Task) -> None:
    """Refuse to replace records of a real data set by records of its stand-in."""
    stored = records.read(task.file(".jsonl"))
    for name, version in task.stamp["data"].items():
        before = stored[-1]["data"].get(name, version) if stored else version
        if data.is_stand_in(version) and not data.is_stand_in(before):
            raise errors.UserError(
                f"{task.folder}: its records were measured on {name} {before}, which is not here "
                f"now ({version}); name the folder that has it (--data-dir, or TFDS_DATA_DIR), or "
                "choose another folder for this run: --out"
            )


def _set_aside(path: pathlib.Path) -> None:
    """Rename "as_written.jsonl" to "as_written.old1.jsonl", or the next number that is free."""
    names = (path.with_suffix(f".old{number}.jsonl") for number in itertools.count(1))
    path.replace(next(name for name in names if not name.exists()))


def _usable(task: Task, record: records.Record) -> bool:
    """Whether a stored record is what the task would measure: same code, data and config.

    The code fixes the config, but for the fields that the profile cuts short.
    """
    shortened = records.plain(task.shortened)
    return (
        record["code"] == task.stamp["code"]
        and record["data"] == task.stamp["data"]
        and record["shortened"].keys() <= shortened.keys()
        and all(record["config"].get(field) == value for field, value in shortened.items())
    )


def _split(tasks: Sequence[Task], jobs: int) -> list[Task]:
    """Split tasks over half a worker's fair share, so that none is left waiting for the last."""
    minutes = {task: task.seed_minutes * len(task.seeds) for task in tasks}
    share = sum(minutes.values()) / jobs / 2
    parts = []
    for task in sorted(tasks, key=minutes.__getitem__, reverse=True):
        pieces = min(jobs, len(task.seeds), math.ceil(minutes[task] / share))
        size = math.ceil(len(task.seeds) / pieces)
        for start in range(0, len(task.seeds), size):
            parts.append(dataclasses.replace(task, seeds=task.seeds[start : start + size]))
    return parts


# ---- The parent ----------------------------------------------------------------------------------


def cores() -> int:
    """How many processor cores this process may use, a container's limit included."""
    import joblib

    return joblib.cpu_count()


def resolve_device(asked: str) -> str:
    """ "cpu" or "gpu" for "auto", "cpu" or "gpu"; asks TensorFlow only where there is a GPU at all.

    Raises:
        errors.UserError: a GPU was asked for, and there is none that TensorFlow can use.
    """
    if asked == "cpu":
        return "cpu"
    present = _gpu_present()
    if present and _tensorflow_sees_gpu():
        return "gpu"
    if asked == "auto":
        return "cpu"
    cause = "TensorFlow cannot use the one that is here" if present else "no /dev/nvidia* here"
    raise errors.UserError(
        f"--device gpu: no GPU found ({cause}); choose cpu or auto, or pip install -e '.[gpu]'"
    )


def _gpu_present() -> bool:
    return any(pathlib.Path("/dev").glob("nvidia[0-9]*"))


def _tensorflow_sees_gpu() -> bool:
    code = "import sys, tensorflow as tf; sys.exit(not tf.config.list_physical_devices('GPU'))"
    try:
        return not subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=120, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return False


def default_jobs(device: str) -> int:
    """One process per core; on a GPU at most four."""
    return cores() if device == "cpu" else min(cores(), GPU_JOBS)


def run(
    reproductions: Sequence[claims.Reproduction],
    folder: pathlib.Path,
    *,
    profile: str,
    console: rich.console.Console,
    seeds: int | None = None,
    variant: str | None = None,
    jobs: int = 1,
    device: str = "cpu",
    fresh: bool = False,
    data_dir: pathlib.Path | None = None,
    manual_dir: pathlib.Path | None = None,
    skip_missing: bool = False,
) -> dict[str, "Stored"]:
    """Measure what is missing, redraw the plots, and return all that `folder` then holds.

    The caller holds the folder's lock. A crashed reproduction is told in its `Stored.errors`. With
    `skip_missing` a data set that cannot be had is told, and what needs it is left out.

    Raises:
        errors.UserError: bad input, here or in a worker; what was measured by then is kept.
    """
    threads = max(1, cores() // jobs)
    wanted = wanted_seeds(reproductions, profile, seeds, variant)
    while True:
        try:
            messages = data.prepare(_data_needed(reproductions, wanted), data_dir, manual_dir)
            break
        except errors.MissingDataError as missing:
            if not skip_missing:
                raise
            wanted = _without(missing.data_set, reproductions, wanted)
            left_out = f"LEFT OUT is all that needs '{missing.data_set}': {missing}"
            console.print(left_out, highlight=False, markup=False, soft_wrap=True)
    for message in messages:
        console.print(message, highlight=False, markup=False)
    provenance = records.provenance(device, threads)
    tasks = plan(
        reproductions,
        folder,
        wanted,
        profile=profile,
        jobs=jobs,
        fresh=fresh,
        provenance=provenance,
    )
    asked = {"profile": profile, "seeds": seeds, "device": device, "jobs": jobs}
    _write_manifest(folder, {**provenance, **asked} if tasks else asked, wanted)
    workers = min(jobs, max(len(tasks), len(reproductions)))
    with _pool(workers, device, threads) as pool:
        with Display(console, tasks, wanted) as display:
            _measure_all(pool, tasks, display)
        with console.status("drawing the plots"):
            _draw_all(pool, reproductions, folder)
    return {each.name: stored(each, folder) for each in reproductions}


def redraw(
    reproductions: Sequence[claims.Reproduction],
    folder: pathlib.Path,
    jobs: int,
    console: rich.console.Console,
) -> None:
    """Draw the plots again from the records in `folder`, without measuring."""
    with _pool(jobs, "cpu", threads=1) as pool, console.status("drawing the plots"):
        _draw_all(pool, reproductions, folder)


def _data_needed(reproductions: Iterable[claims.Reproduction], wanted: Seeds) -> set[str]:
    """The data sets of all variants that are wanted."""
    return {
        name
        for reproduction in reproductions
        for variant in wanted[reproduction.name]
        for name in reproduction.variants[variant].data
    }


def _without(data_set: str, reproductions: Iterable[claims.Reproduction], wanted: Seeds) -> Seeds:
    """What is left where a data set is missing; verdicts on the rest will be NOT_RUN."""
    return {
        reproduction.name: {
            variant: seeds
            for variant, seeds in wanted[reproduction.name].items()
            if data_set not in reproduction.variants[variant].data
        }
        for reproduction in reproductions
    }


def _write_manifest(folder: pathlib.Path, head: Manifest, wanted: Seeds) -> None:
    """Write run.json; what earlier commands asked of this folder stays expected of it.

    Where nothing is to be measured, `head` has no provenance: that of the records stays.
    """
    earlier, profile = read_manifest(folder), head["profile"]
    expected = earlier.get("reproductions", {})
    for name, seeds in wanted.items():
        before = expected.get(name, {})
        kept = before.get("seeds", {}) if before.get("profile") == profile else {}
        expected[name] = {"profile": profile, "seeds": {**kept, **seeds}}
    manifest = {"schema": records.SCHEMA, **earlier, **head, "reproductions": expected}
    write_text(folder / "run.json", json.dumps(manifest, indent=1) + "\n")


@contextlib.contextmanager
def _pool(jobs: int, device: str, threads: int) -> Iterator[pebble.ProcessPool]:
    """Worker processes that are gone, whatever they are doing, when the block ends."""
    pool = pebble.ProcessPool(
        max_workers=jobs,
        initializer=start_worker,
        initargs=[worker_environment(device, threads)],
        context=_QuietContext(),
    )
    try:
        with _interrupts_held_back():
            pool.active  # noqa: B018  (asking starts it)
        yield pool
    finally:
        pool.stop()
        pool.join()


class _QuietProcess(multiprocessing.context.SpawnProcess):
    """A process that is born with no terminal to write to; each task gives it a log.

    One that is stopped while it starts would greet the user with a traceback.
    """

    @staticmethod
    def _Popen(process: multiprocessing.process.BaseProcess) -> typing.Any:  # noqa: N802
        terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        try:
            return multiprocessing.context.SpawnProcess._Popen(process)
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            os.close(nowhere)


class _QuietContext(multiprocessing.context.SpawnContext):
    Process = _QuietProcess


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Deliver Ctrl-C after the block; threads and processes started in it never get one.

    So Ctrl-C reaches the parent alone, which then stops the workers, also those started later on.
    """
    multiprocessing.resource_tracker.ensure_running()  # it lets Ctrl-C through again as it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Watch:
    """What the parent knows of one task: the records it has written, and when the last one came."""

    def __init__(self, task: Task) -> None:
        """Watch the task's record file; no earlier record in it has one of the task's seeds."""
        self.task = task
        self.done = 0
        self.started: float | None = None
        self.last = 0.0
        self._tail = records.Tail(task.file(".jsonl"))

    @property
    def seed(self) -> int:
        """The seed in flight."""
        return self.task.seeds[min(self.done, len(self.task.seeds) - 1)]

    @property
    def limit(self) -> int:
        """How many seconds the seed in flight may take."""
        return self.task.reproduction.seed_seconds + (0 if self.done else FIRST_RECORD_SECONDS)

    def look(self) -> int:
        """How many records the task has written since the last look."""
        new = sum(record["seed"] in self.task.seeds for record in self._tail.read())
        if new or self.started is None:
            self.last = time.monotonic()
        if self.started is None:
            self.started = self.last
        self.done += new
        return new

    def overdue(self) -> bool:
        """Whether the seed in flight takes longer than it may."""
        return self.started is not None and time.monotonic() - self.last > self.limit


def _measure_all(pool: pebble.ProcessPool, tasks: Sequence[Task], display: "Display") -> None:
    """Run the tasks, each in a process of its own; a failed one leaves an error file."""
    running = {pool.schedule(measure, args=[task]): Watch(task) for task in tasks}
    while running:
        done, _ = concurrent.futures.wait(
            running, TICK_SECONDS, return_when=concurrent.futures.FIRST_COMPLETED
        )
        for future, watch in list(running.items()):
            failure = None
            if future.running() or future in done:
                display.show(watch, watch.look())
            if future in done:
                failure = _failure(future, watch)
            elif watch.overdue():
                future.cancel()  # kills the worker; the pool starts another
                failure = f"no record for {watch.limit} s (seed {watch.seed})", ""
            else:
                continue
            del running[future]
            if failure:
                _write_error(watch.task, *failure)
            display.end(watch, failure[0] if failure else None)
    for task in tasks:
        if not task.file(".error.txt").exists():
            task.file(".log").unlink(missing_ok=True)


def _failure(future: concurrent.futures.Future, watch: Watch) -> tuple[str, str] | None:
    """What went wrong in a finished task, in one line and in full; None if all went well."""
    error = future.exception()
    if isinstance(error, errors.UserError):
        raise error
    if isinstance(error, concurrent.futures.process.BrokenProcessPool):
        raise _broken_pool() from error
    if isinstance(error, pebble.ProcessExpired):
        return f"the process died of {_cause(error.exitcode)} (seed {watch.seed})", ""
    if error is not None:
        return f"{type(error).__name__}: {error} (seed {watch.seed})", ""
    if future.result() is not None:
        headline, details = future.result()
        return f"{headline} (seed {watch.seed})", details
    return None


def _broken_pool() -> errors.UserError:
    return errors.UserError(
        "the worker processes died without a task (out of memory?); what was measured is kept, "
        "and the same command goes on from there, perhaps with fewer --jobs"
    )


def _cause(exit_code: int) -> str:
    return f"signal {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit {exit_code}"


def _write_error(task: Task, headline: str, details: str) -> None:
    """Append to the variant's error file: the headline, the traceback, the worker's last lines."""
    path, log = task.file(".error.txt"), task.file(".log")
    earlier = path.read_text("utf-8") if path.exists() else ""
    lines = log.read_text("utf-8", errors="replace").splitlines() if log.exists() else []
    last_words = "\n".join(["The worker's last lines:", *lines[-LOG_LINES:]]) if lines else ""
    parts = [headline, details.strip(), last_words]
    write_text(path, earlier + "\n\n".join(part for part in parts if part) + "\n")


class Display:
    """A live display on a terminal; elsewhere one log line as a task starts and one as it ends."""

    def __init__(self, console: rich.console.Console, tasks: Sequence[Task], wanted: Seeds) -> None:
        """Count the work in minutes, so that the time left allows for slow reproductions."""
        self._console = console
        self._wanted = wanted
        self._started = time.monotonic()
        self._progress = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("left"),
            rich.progress.TimeRemainingColumn(),
            console=console,
            transient=True,
            speed_estimate_period=300,
            disable=not (console.is_terminal and tasks),
        )
        minutes = sum(task.seed_minutes * len(task.seeds) for task in tasks)
        self._overall = self._progress.add_task(f"{len(tasks)} tasks", total=minutes)
        self._bars: dict[Watch, rich.progress.TaskID] = {}
        if not tasks:
            self._log("nothing to measure: every record is there already (--fresh measures anew)")

    def __enter__(self) -> "Display":
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the display away; the log lines stay."""
        self._progress.stop()

    def show(self, watch: Watch, new: int) -> None:
        """Show a running task, which has written `new` more records."""
        task = watch.task
        if watch not in self._bars:
            self._bars[watch] = self._progress.add_task("", total=len(task.seeds))
            if not self._console.is_terminal:
                self._log(f"start {task}")
        self._progress.update(
            self._bars[watch],
            completed=watch.done,
            description=f"{task.reproduction.name}/{task.variant} seed {watch.seed + 1} "
            f"of {self._wanted[task.reproduction.name][task.variant]}",
        )
        self._progress.advance(self._overall, new * task.seed_minutes)

    def end(self, watch: Watch, failure: str | None) -> None:
        """Take a finished task away."""
        task = watch.task
        self._progress.remove_task(self._bars.pop(watch))
        lost = len(task.seeds) - watch.done
        self._progress.advance(self._overall, lost * task.seed_minutes)
        if failure:
            self._log(f"ERROR {task}: {failure}")
        elif not self._console.is_terminal:
            seconds = time.monotonic() - (watch.started or 0)
            self._log(f"done  {task}: {watch.done} records in {seconds:.0f} s")

    def _log(self, text: str) -> None:
        elapsed = datetime.timedelta(seconds=round(time.monotonic() - self._started))
        self._console.print(f"{elapsed} {text}", highlight=False, markup=False, soft_wrap=True)


# ---- The worker ----------------------------------------------------------------------------------


def worker_environment(device: str, threads: int) -> dict[str, str]:
    """What must be set before TensorFlow is imported."""
    environment = {
        "KERAS_BACKEND": "tensorflow",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several processes share the GPU
        "TF_NUM_INTEROP_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
    }
    return environment if device == "gpu" else {**environment, "CUDA_VISIBLE_DEVICES": "-1"}


def start_worker(environment: dict[str, str]) -> None:
    """The first thing that every worker process does."""
    os.environ.update(environment)
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


def measure(task: Task) -> tuple[str, str] | None:
    """Measure the task's seeds and append their records; the headline and traceback of a crash."""
    try:
        _redirect_output(task.file(".log"))
        for record in _measured(task):
            if not _parent().is_alive():
                os._exit(1)
            records.append(task.file(".jsonl"), record)
    except errors.UserError:
        raise
    except Exception as error:
        return _headline(error), traceback.format_exc()
    return None


def _headline(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _redirect_output(log: pathlib.Path) -> None:
    """Send stdout and stderr to a file, also what C++ code writes: the terminal is not ours."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
    except OSError as error:
        raise records.cannot_write(log, error) from error


def load_module(reproduction: claims.Reproduction) -> types.ModuleType:
    """Import the reproduction's Python file, once per process."""
    name, path = f"reproductions.{reproduction.name}", reproduction.path.with_suffix(".py")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up there
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]  # or the next task would get half a module
            raise
    return sys.modules[name]


def _measured(task: Task) -> Iterator[records.Record]:
    """The task's records, as `run` yields their measurements."""
    module = load_module(task.reproduction)
    declared, present = list(task.reproduction.variants), list(module.VARIANTS)
    if set(declared) != set(present):
        raise ValueError(f"VARIANTS has {present}, but the TOML declares {declared}")
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
    task: Task,
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
    return {
        "schema": records.SCHEMA,
        "reproduction": reproduction.name,
        "variant": task.variant,
        "seed": seed,
        "config": dataclasses.asdict(config),
        "shortened": shortened,
        "measurements": {name: values[name] for name in values if name not in arrays},
        "arrays": _save_arrays(task.file(f"-{seed}.npz"), arrays) if arrays else None,
        "seconds": round(seconds, 3),
        **task.stamp,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _save_arrays(path: pathlib.Path, arrays: dict[str, typing.Any]) -> str:
    """Write the arrays whole or not at all, before the record that names them."""
    import numpy as np

    draft = path.with_name(path.name + ".tmp")
    try:
        with draft.open("wb") as file:
            np.savez_compressed(file, **arrays)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise records.cannot_write(path, error) from error
    return path.name


# ---- The plots -----------------------------------------------------------------------------------


def _draw_all(
    pool: pebble.ProcessPool, reproductions: Sequence[claims.Reproduction], folder: pathlib.Path
) -> None:
    """Redraw the plots of all reproductions; one that fails leaves plots.error.txt."""
    if not pool.active:
        raise _broken_pool()
    drawings = {
        reproduction.name: pool.schedule(draw, args=[reproduction, folder], timeout=PLOT_SECONDS)
        for reproduction in reproductions
    }
    for name, future in drawings.items():
        error = future.exception()
        if isinstance(error, errors.UserError):
            raise error
        failure = repr(error) if error is not None else future.result()
        path = folder / name / "plots.error.txt"
        path.unlink(missing_ok=True)
        if failure:
            write_text(path, failure)
        else:
            (folder / name / "plots.log").unlink(missing_ok=True)


def draw(reproduction: claims.Reproduction, folder: pathlib.Path) -> str | None:
    """In a worker: draw a reproduction's plots from its records; the traceback of a crash."""
    home = folder / reproduction.name
    try:
        by_variant = {
            variant: [{**record, "folder": home} for record in some]
            for variant, some in stored(reproduction, folder).records.items()
        }
        if by_variant:
            _redirect_output(home / "plots.log")
            (home / "plots").mkdir(exist_ok=True)
            captions = load_module(reproduction).plot(by_variant, home / "plots")
            write_text(home / "plots" / "captions.json", json.dumps(captions, indent=1))
    except errors.UserError:
        raise
    except Exception as error:
        return f"{_headline(error)}\n\n{traceback.format_exc()}"
    return None


# ---- What the folder holds -----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Stored:
    """All that a run folder holds of one reproduction: what `judge` and `report` need."""

    records: dict[str, list[records.Record]]  # variant -> its records, by seed
    seeds: dict[str, int]  # variant -> how many there should be
    errors: dict[str, str]  # variant -> why it crashed
    plot_error: str | None
    captions: dict[str, str]  # file name of a plot -> its caption
    seconds: float
    withheld: str | None  # why there are to be no verdicts


def stored(reproduction: claims.Reproduction, folder: pathlib.Path) -> Stored:
    """Read one reproduction's part of a run folder."""
    home = folder / reproduction.name
    expected = read_manifest(folder).get("reproductions", {}).get(reproduction.name, {})
    seeds = {
        variant: number
        for variant, number in expected.get("seeds", {}).items()
        if variant in reproduction.variants
    }
    found = {
        variant: [
            record
            for record in records.current(records.read(home / f"{variant}.jsonl"))
            if record["seed"] < number
        ]
        for variant, number in seeds.items()
    }
    failures = {variant: _first_line(home / f"{variant}.error.txt") for variant in seeds}
    captions = home / "plots" / "captions.json"
    return Stored(
        records={variant: some for variant, some in found.items() if some},
        seeds=seeds,
        errors={variant: line for variant, line in failures.items() if line},
        plot_error=_first_line(home / "plots.error.txt"),
        captions=json.loads(captions.read_text("utf-8")) if captions.exists() else {},
        seconds=sum(record["seconds"] for some in found.values() for record in some),
        withheld="smoke profile: verdicts withheld" if expected.get("profile") == "smoke" else None,
    )


def _first_line(path: pathlib.Path) -> str | None:
    try:
        return path.read_text("utf-8").partition("\n")[0]
    except FileNotFoundError:
        return None

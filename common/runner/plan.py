"""The plan: which seeds are missing, and how they are shared out as tasks."""

import contextlib
import dataclasses
import importlib.util
import itertools
import math
import pathlib
import typing
from collections.abc import Iterable, Sequence

from common import claims, code_hash, data, errors, records, variants
from common.runner import folder as folders


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """One worker's share: some seeds of one variant, and all that goes into their records."""

    reproduction: claims.Reproduction
    variant: str
    seeds: tuple[int, ...]
    folder: pathlib.Path
    shortened: dict[str, typing.Any]
    stamp: dict[str, typing.Any]  # code, data, what was asked for and provenance
    seed_minutes: float  # a rough guess, for the order of tasks and the time left

    @property
    def experiment(self) -> claims.Experiment:
        """The experiment file that has the variant."""
        return self.reproduction.experiments[self.reproduction.variants[self.variant].experiment]

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
) -> folders.Seeds:
    """How many seeds of which variants. What has no randomness stays at its one seed."""
    return {
        reproduction.name: {
            name: declared.seeds[profile] if seeds is None or declared.seeds["full"] == 1 else seeds
            for name, declared in reproduction.variants.items()
            if variant in (None, name)
        }
        for reproduction in reproductions
    }


def data_needed(reproductions: Iterable[claims.Reproduction], wanted: folders.Seeds) -> set[str]:
    """The data sets of all variants that are wanted."""
    return {
        name
        for reproduction in reproductions
        for variant in wanted[reproduction.name]
        for name in reproduction.variants[variant].data
    }


def without(
    data_set: str, reproductions: Iterable[claims.Reproduction], wanted: folders.Seeds
) -> folders.Seeds:
    """What is left where a data set is missing; verdicts on the rest will be NOT_RUN."""
    return {
        reproduction.name: {
            variant: seeds
            for variant, seeds in wanted[reproduction.name].items()
            if data_set not in reproduction.variants[variant].data
        }
        for reproduction in reproductions
    }


def missing_packages(
    reproductions: Iterable[claims.Reproduction], wanted: folders.Seeds
) -> dict[tuple[str, str], list[str]]:
    """The optional packages that are not installed, by the reproduction and variant they serve."""
    missing = {
        (reproduction.name, variant): [
            package
            for package in reproduction.variants[variant].packages
            if importlib.util.find_spec(package) is None
        ]
        for reproduction in reproductions
        for variant in wanted[reproduction.name]
    }
    return {place: packages for place, packages in missing.items() if packages}


def tasks(
    reproductions: Sequence[claims.Reproduction],
    folder: pathlib.Path,
    wanted: folders.Seeds,
    *,
    asked: dict[str, typing.Any],
    jobs: int,
    fresh: bool,
    provenance: dict[str, typing.Any],
) -> tuple[list[Task], list[str]]:
    """One task for each variant with missing seeds, the longest first, the very long ones split.

    Records that cannot be used are set aside, but for those of real data that only a stand-in would
    replace.

    Args:
        reproductions: Those that are to be run.
        folder: The run's folder.
        wanted: How many seeds of which variants.
        asked: The profile and the number of seeds that the command asks for.
        jobs: The number of worker processes.
        fresh: Whether to measure everything anew.
        provenance: What `common.provenance` tells.

    Returns:
        The tasks, and what is to be told about damaged records, a line each.

    Raises:
        errors.UserError: there are such records, or an experiment file is no Python.
    """
    planned = []
    for reproduction in reproductions:
        codes: dict[str, str] = {}
        for experiment in reproduction.experiments.values():
            if wanted[reproduction.name].keys() & experiment.variants.keys():
                codes |= code_hash.of_variants(experiment.path)
        for variant, seeds in wanted[reproduction.name].items():
            declared = reproduction.variants[variant]
            path = reproduction.experiments[declared.experiment].path
            task = Task(
                reproduction=reproduction,
                variant=variant,
                seeds=tuple(range(seeds)),
                folder=folder / reproduction.name,
                shortened=variants.shortened(path, asked["profile"], variant),
                stamp={
                    "code": codes[variant],
                    "data": data.versions(declared.data),
                    "asked": asked,
                    **provenance,
                },
                seed_minutes=_seed_minutes(reproduction, asked["profile"]),
            )
            planned.append(task)
    for task in planned:
        _spare_real_data(task)  # all, before the first file is touched
    messages = []
    for task in planned:
        if not fresh:
            messages += records.set_damage_aside(task.file(".jsonl"))
    planned = [dataclasses.replace(task, seeds=_missing(task, fresh)) for task in planned]
    return _split([task for task in planned if task.seeds], jobs), messages


def _seed_minutes(reproduction: claims.Reproduction, profile: str) -> float:
    profile = "standard" if profile == "smoke" else profile
    seeds = sum(variant.seeds[profile] for variant in reproduction.variants.values())
    return reproduction.minutes[profile] / seeds


def _missing(task: Task, fresh: bool) -> tuple[int, ...]:
    """The task's seeds that have no usable record yet; a file of unusable ones is set aside."""
    path = task.file(".jsonl")
    stored = [] if fresh else records.current(records.read(path))
    if (fresh and path.exists()) or (stored and not _usable(task, stored[-1])):
        _set_aside(path)
        stored = []
    measured = {record["seed"] for record in stored}
    missing = tuple(seed for seed in task.seeds if seed not in measured)
    if missing:
        task.file(".error.txt").unlink(missing_ok=True)  # it gets another chance
    return missing


def _spare_real_data(task: Task) -> None:
    """Refuse to replace records of a real data set by records of its stand-in."""
    stored: list[records.Record] = []
    with contextlib.suppress(errors.UserError):  # there is nothing to spare in what is no file
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


def _split(planned: Sequence[Task], jobs: int) -> list[Task]:
    """Split tasks over half a worker's fair share, so that none is left waiting for the last."""
    minutes = {task: task.seed_minutes * len(task.seeds) for task in planned}
    share = sum(minutes.values()) / jobs / 2
    parts = []
    for task in sorted(planned, key=minutes.__getitem__, reverse=True):
        pieces = min(jobs, len(task.seeds), math.ceil(minutes[task] / share))
        size = math.ceil(len(task.seeds) / pieces)
        for start in range(0, len(task.seeds), size):
            parts.append(dataclasses.replace(task, seeds=task.seeds[start : start + size]))
    return parts

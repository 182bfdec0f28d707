"""A small suite of quick, fake reproductions, for the tests of what runs them."""

import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time
from unittest import mock

import pytest
import rich.console

from common import claims, records, runner

RUN_ALL = pathlib.Path(__file__).parents[1] / "run_all.py"
SHARED = RUN_ALL.parents[1] / "shared"

TOML = """
[reproduction]
title = "A fake"
sources = ["notes-2"]
minutes = {{ standard = 1, full = 2 }}
seed_seconds = {seed_seconds}

[experiments.experiment]
seeds = {{ smoke = 2, standard = {seeds}, full = {full} }}
{data}

[experiments.experiment.variants]
{variants}

[metrics]
value = "A tenth of the seed."
other = "Anything else."
[arrays]
weights = "The weights."

[[passage]]
source = "notes-2"
where = "1"
quote = "pequeño"
[[passage.claim]]
id = "small"
says = "The value is small."
kind = "bound"
variant = "{variant}"
metric = "value"
op = "<"
cited = "1000"
holds_for = "the mean"
"""

EXPERIMENT = """
import dataclasses, os, pathlib, signal, sys, time
import numpy as np
from common import errors

@dataclasses.dataclass(frozen=True)
class Config:
    name: str
    epochs: int = 3

VARIANTS = {{{variants}}}
SHORTENED = {{"smoke": {{"epochs": 1}}}}

def run(config, seeds):
    for seed in seeds:
        with pathlib.Path(__file__).with_suffix(".log").open("a") as log:
            log.write(f"{{config.name}} {{seed}} {{os.getpid()}}\\n")
{body}
        yield {values}
"""

FIGURES = """
from common import plots

@plots.drawing(needs=["{variant}"], caption="A caption.")
def values(runs, curves):
    figure, axes = plots.figure(title="The values")
    axes.plot([run["measurements"]["value"] for run in runs["{variant}"]], label="value")
    return figure
"""


@pytest.fixture(autouse=True)
def _environment():
    """Give back every environment variable that a test, or `data.prepare`, has changed."""
    with mock.patch.dict(os.environ):
        os.environ.pop("REPRODUCTION_STAND_IN", None)
        yield


@pytest.fixture(scope="session")
def _copies(tmp_path_factory):
    """A folder to prepare more data sets in, with links to the prepared copies that are here."""
    named, folder = os.environ.get("TFDS_DATA_DIR"), tmp_path_factory.mktemp("data")
    beside = pathlib.Path(named) if named else SHARED / "tfds"
    for copy in beside.iterdir() if beside.is_dir() else ():
        if copy.name != "downloads":  # the library writes there
            (folder / copy.name).symlink_to(copy.absolute())
    return folder


@pytest.fixture
def data_dir(request, module_data_dir):
    """Where prepared copies of the data sets are, if they are anywhere; TFDS_DATA_DIR names it.

    A test of a reproduction ("head") whose data cannot be had here is skipped.
    """
    head = request.getfixturevalue("head") if "head" in request.fixturenames else None
    if head and "life_expectancy" in head.data:
        request.getfixturevalue("life_expectancy_csv")
    return module_data_dir


@pytest.fixture(scope="module")
def module_data_dir(_copies):
    """The same, for the fixtures that serve a whole module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(_copies))
        patch.setenv("TFDS_MANUAL_DIR", os.environ.get("TFDS_MANUAL_DIR") or str(SHARED / "raw"))
        yield _copies


@pytest.fixture(scope="session")
def life_expectancy_csv():
    """The published file of the life expectancy data, which must be there."""
    folder = pathlib.Path(os.environ.get("TFDS_MANUAL_DIR") or SHARED / "raw")
    if not (folder / "life_exp.csv").is_file():
        pytest.skip(f"no life_exp.csv in {folder} (TFDS_MANUAL_DIR)")
    return folder / "life_exp.csv"


@pytest.fixture(autouse=True, scope="session")
def _listen_to_interrupts():
    """A job in the background ignores Ctrl-C, and so would the commands that the tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Suite:
    """A root folder with fake reproductions, and the command that runs them."""

    def __init__(self, root):
        self.root = root
        self.folder = root / "out"
        self.told = []  # by the last run_here
        (root / "reproductions").mkdir(parents=True)

    def add(
        self,
        name="fake",
        *,
        body="pass",
        values='{"value": seed / 10}',
        variants=("as_written",),
        seeds=4,
        full=20,
        seed_seconds=60,
        data=(),
        figures=False,  # drawing imports what takes seconds
    ):
        """Write one reproduction; `body` and `values` are code that runs for each seed."""
        folder = self.root / "reproductions" / name
        folder.mkdir()
        (folder / "claims.toml").write_text(
            TOML.format(
                seeds=seeds,
                full=full,
                seed_seconds=seed_seconds,
                data=f"data = {json.dumps(data)}" if data else "",
                variants="\n".join(f'{variant} = "{variant}"' for variant in variants),
                variant=variants[0],
            )
        )
        body = textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
        declared = ", ".join(f'"{variant}": Config("{variant}")' for variant in variants)
        (folder / "experiment.py").write_text(
            EXPERIMENT.format(variants=declared, body=body, values=values)
        )
        if figures:
            (folder / "figures.py").write_text(FIGURES.format(variant=variants[0]))
        return folder

    def reproduction(self, name="fake"):
        """What the claims say of a reproduction."""
        return claims.load(self.root / "reproductions" / name / "claims.toml")

    def start(self, *arguments, out=True, **environment):
        """Start the command in a process group of its own."""
        options = ["--out", self.folder] if out else []
        return subprocess.Popen(
            [sys.executable, RUN_ALL, *map(str, arguments), *map(str, options)],
            env={**os.environ, "REPRODUCTION_ROOT": str(self.root), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def run(self, *arguments, out=True, **environment):
        """Run the command: exit code, stdout, stderr."""
        process = self.start(*arguments, out=out, **environment)
        output, complaints = process.communicate(timeout=60)
        return process.returncode, output, complaints

    def run_here(self, **options):
        """Run it in this process, its workers aside: what the folder then holds, by name."""
        console = rich.console.Console(file=io.StringIO(), width=1000)
        reproductions = options.pop("reproductions", None) or list(
            claims.load_all(self.root / "reproductions").values()
        )
        options = {"profile": "standard", "jobs": 2, **options}
        with runner.locked(self.folder):
            stored = runner.run(reproductions, self.folder, console=console, **options)
        self.told = console.file.getvalue().splitlines()
        return stored

    @staticmethod
    def kill(process, how=signal.SIGKILL):
        """Send a signal to the whole process group, as a terminal does, or a machine going down."""
        os.killpg(process.pid, how)

    def records(self, name="fake", variant="as_written"):
        """The whole records of a file."""
        return records.read(self.folder / name / f"{variant}.jsonl")

    def seeds(self, name="fake", variant="as_written"):
        """The seeds that are on record, sorted, repetitions and all."""
        path = self.folder / name / f"{variant}.jsonl"
        whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
        lines = map(json.loads, whole.splitlines())  # by plain json
        return sorted(line["seed"] for line in lines if "seed" in line)

    def measured(self, name="fake"):
        """What was measured, including in vain: (variant, seed, process) in order of time."""
        path = self.root / "reproductions" / name / "experiment.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(v, int(seed), int(process)) for v, seed, process in map(str.split, lines)]

    def wait_for_records(self, number, name="fake", variant="as_written"):
        """Wait until so many records are there."""
        deadline = time.monotonic() + 30
        while len(self.seeds(name, variant)) < number:
            assert time.monotonic() < deadline, "no records came"
            time.sleep(0.01)


@pytest.fixture
def suite(tmp_path):
    """An empty suite in a folder of its own."""
    return Suite(tmp_path)

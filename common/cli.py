"""The command line. What takes long to import is imported where it is needed: --list is quick."""

import difflib
import enum
import importlib.util
import os
import pathlib
import signal
import sys
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence

import rich.console
import typer

from common import claims, errors, terminal

if typing.TYPE_CHECKING:
    from common import judge, runner

ROOT = pathlib.Path(os.environ.get("REPRODUCTION_ROOT", pathlib.Path(__file__).parents[1]))
REPRODUCTIONS = ROOT / "reproductions"  # the tests set REPRODUCTION_ROOT to a small suite of theirs
RUNS = ROOT / "results" / "runs"
REFERENCE = ROOT / "results" / "reference"
NEEDED_TO_JUDGE = ("jinja2", "numpy", "pebble", "scipy", "statsmodels")
NEEDED_TO_DRAW = (*NEEDED_TO_JUDGE, "joblib", "matplotlib", "PIL")
NEEDED = (*NEEDED_TO_DRAW, "keras", "sklearn", "tensorflow")

RAN, CRASHED, BAD_INPUT = 0, 1, 2  # exit codes

Reproductions = dict[str, claims.Reproduction]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


class Profile(enum.StrEnum):
    """How much is measured."""

    smoke = "smoke"
    standard = "standard"
    full = "full"


class Device(enum.StrEnum):
    """Where it is measured."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"


HELP = """
Run the reproductions NAME... (all, if none is named), and judge what the documents say.

Every seed's record is kept as soon as it is measured: a command that was stopped goes on where it
was, and only what its code, data or protocol changed is measured anew.

\b
Examples:
  python run_all.py --list                            what there is
  python run_all.py xor_mlp                           one reproduction
  python run_all.py --profile smoke                   does all of it work?
  python run_all.py --profile full --jobs 8           every protocol to the letter
  python run_all.py xor_mlp --variant as_written --seeds 10
  python run_all.py --check --out results/reference   judge committed records again

\b
Exit codes:
  0  it ran; refuted claims are results, not failures
  1  a reproduction crashed: its claims get the verdict ERROR
  2  bad usage or input (unknown name, damaged data, full disk), or interrupted
"""


@app.command(help=HELP)
def command(
    names: typing.Annotated[
        list[str] | None, typer.Argument(metavar="NAME", show_default=False)
    ] = None,
    *,
    profile: typing.Annotated[
        Profile,
        typer.Option(help="smoke: seconds, no verdicts; standard: minutes; full: hours."),
    ] = Profile.standard,
    seeds: typing.Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Seeds per variant instead of the profile's number (variants without "
            "randomness keep their one).",
        ),
    ] = None,
    variant: typing.Annotated[
        str | None, typer.Option(metavar="VARIANT", help="Only this variant of each.")
    ] = None,
    jobs: typing.Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Worker processes; each has cores / N of TensorFlow's threads.",
            show_default="the cores; on a GPU 4 at most",
        ),
    ] = None,
    device: typing.Annotated[Device, typer.Option(help="auto: the GPU if there is one.")] = (
        Device.auto
    ),
    data_dir: typing.Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="DIR",
            help="Prepared copies of tensorflow-datasets.",
            show_default="TFDS_DATA_DIR, else ~/tensorflow_datasets",
        ),
    ] = None,
    manual_dir: typing.Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="DIR",
            help="Files downloaded by hand: life_exp.csv.",
            show_default="TFDS_MANUAL_DIR, else downloads/manual in the data folder",
        ),
    ] = None,
    out: typing.Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="DIR",
            help="The run's folder.",
            show_default="the newest in results/runs with this profile, seeds and device, "
            "else a new one",
        ),
    ] = None,
    fresh: typing.Annotated[
        bool, typer.Option("--fresh", help="Ignore stored records: measure everything anew.")
    ] = False,
    list_: typing.Annotated[
        bool, typer.Option("--list", help="List the reproductions and end.")
    ] = False,
    check: typing.Annotated[
        bool,
        typer.Option(
            "--check",
            help="Judge stored records again, without training: those in --out, else the newest "
            "run, else results/reference.",
        ),
    ] = False,
    report: typing.Annotated[
        bool, typer.Option("--report", help="As --check, and draw the plots again.")
    ] = False,
) -> None:
    """Turn the command line into one of three actions, and its outcome into an exit code."""

    def action() -> int:
        console = terminal.console()
        _check_options(seeds, jobs, list_ + check + report)
        reproductions = _load(names or [], console)
        selected = _select(reproductions, names or [], variant)
        if list_:
            terminal.listing(console, selected.values())
            return RAN
        _check_installation(NEEDED_TO_JUDGE if check else NEEDED_TO_DRAW if report else NEEDED)
        if check or report:
            return _judge_stored(reproductions, selected, out, report, console)
        return _run(
            reproductions,
            selected,
            out,
            console,
            profile=profile.value,
            seeds=seeds,
            variant=variant,
            jobs=jobs,
            device=device.value,
            data_dir=data_dir,
            manual_dir=manual_dir,
            fresh=fresh,
            skip_missing=not names,  # who names a reproduction wants it, or to know why not
        )

    raise typer.Exit(_exit_code(action))


def main() -> None:
    """Run the command line of `run_all.py`."""
    terminal.accept_any_text()
    try:
        app(prog_name="run_all.py")
    except SystemExit as end:  # typer ends with 130 where Ctrl-C comes before our own code
        sys.exit(BAD_INPUT if end.code == 130 else end.code)


def _exit_code(action: Callable[[], int]) -> int:
    """The action's exit code; what the user can mend is told in one line, without a traceback."""
    try:
        return action()
    except errors.UserError as error:
        message = str(error)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # we are leaving already
        message = "interrupted"
    except ImportError as error:
        message = f"{error}: run `make reproduce`, or `pip install -e .`"
    print(message, file=sys.stderr)
    return BAD_INPUT


# ---- What the user asked for ---------------------------------------------------------------------


def _check_options(seeds: int | None, jobs: int | None, actions: int) -> None:
    if seeds is not None and seeds < 1:
        raise errors.UserError(
            f"--seeds {seeds}: at least 1 is needed; leave it out for the profile's own number"
        )
    if jobs is not None and jobs < 1:
        raise errors.UserError(f"--jobs {jobs}: at least 1 is needed; leave it out for all cores")
    if actions > 1:
        raise errors.UserError("--list, --check and --report: choose one of them")


def _check_installation(needed: Iterable[str]) -> None:
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise errors.UserError(
            f"not installed: {', '.join(missing)}; run `make reproduce`, or `pip install -e .`"
        )


def _load(names: Sequence[str], console: rich.console.Console) -> Reproductions:
    """All reproductions; where one of the others is broken, those that are named."""
    try:
        return claims.load_all(REPRODUCTIONS)
    except errors.UserError as error:
        paths = {name: REPRODUCTIONS / name / claims.FILE for name in names}
        if not paths or not all(path.is_file() for path in paths.values()):
            raise
        loaded = {name: claims.load(path) for name, path in paths.items()}
        terminal.tell(console, f"LEFT OUT is all but {', '.join(names)}: {error}")
        return loaded


def _select(
    reproductions: Reproductions, names: Sequence[str], variant: str | None
) -> Reproductions:
    """The reproductions named (all, if none is) that have the variant."""
    for name in names:
        if name not in reproductions:
            raise errors.UserError(_unknown_name(name, list(reproductions)))
    selected = {name: reproductions[name] for name in names or reproductions}
    having = {
        name: reproduction
        for name, reproduction in selected.items()
        if variant is None or variant in reproduction.variants
    }
    if not having or (names and len(having) < len(selected)):
        choices = "; ".join(
            f"{name} has {', '.join(reproduction.variants)}"
            for name, reproduction in selected.items()
            if name not in having
        )
        raise errors.UserError(f"--variant {variant}: unknown; {choices or 'nothing to run'}")
    return having


def _unknown_name(name: str, choices: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, choices)
    if nearest:
        return f"unknown reproduction '{name}'; did you mean {' or '.join(nearest)}?"
    return f"unknown reproduction '{name}'; choose from {', '.join(choices)}"


# ---- What is done --------------------------------------------------------------------------------


def _run(
    reproductions: Reproductions,
    selected: Reproductions,
    out: pathlib.Path | None,
    console: rich.console.Console,
    *,
    profile: str,
    seeds: int | None,
    device: str,
    jobs: int | None,
    fresh: bool,
    **options: typing.Any,
) -> int:
    """Measure, then judge and report."""
    from common import runner

    device = runner.resolve_device(device)
    folder = out or runner.choose_folder(RUNS, profile, seeds, device, fresh)
    with runner.locked(folder):
        try:
            runner.run(
                list(selected.values()),
                folder,
                profile=profile,
                seeds=seeds,
                device=device,
                jobs=jobs or runner.default_jobs(device),
                fresh=fresh,
                console=console,
                **options,
            )
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # we are leaving already
            again = "the same command without --fresh" if fresh else "the same command"
            raise errors.UserError(
                f"interrupted; what was measured is kept in {folder}, "
                f"and {again} goes on from there"
            ) from None
        return _conclude(reproductions, selected, folder, console)


def _judge_stored(
    reproductions: Reproductions,
    selected: Reproductions,
    out: pathlib.Path | None,
    redraw: bool,
    console: rich.console.Console,
) -> int:
    """Judge stored records again, and report; without training."""
    from common import runner

    folder = out or next(iter(runner.stored_runs(RUNS)), REFERENCE)
    if not selected.keys() & runner.read_manifest(folder).get("reproductions", {}).keys():
        raise errors.UserError(
            f"{folder}: no run of {', '.join(selected)} is stored there; "
            f"`python run_all.py {' '.join(selected)}` makes one"
        )
    with runner.locked(folder):
        if damage := runner.manifest_damage(folder):
            terminal.tell(console, damage)
        if redraw:
            jobs = runner.default_jobs("cpu")
            runner.redraw(list(selected.values()), folder, jobs, console)
        return _conclude(reproductions, selected, folder, console)


def _conclude(
    reproductions: Reproductions,
    selected: Reproductions,
    folder: pathlib.Path,
    console: rich.console.Console,
) -> int:
    """Judge all that the folder holds, write the report, show the table of what was selected."""
    from common import report, runner

    manifest = runner.read_manifest(folder)
    held = [reproductions[name] for name in manifest["reproductions"] if name in reproductions]
    stored = {each.name: runner.stored(each, folder) for each in held}
    verdicts, faults = _judge_each(held, stored)
    seconds = {name: each.seconds for name, each in stored.items()}
    page = None
    try:
        page = report.write(
            folder,
            held,
            verdicts,
            captions={name: each.captions for name, each in stored.items()},
            stored={name: each.records for name, each in stored.items()},
            manifest={**manifest, "seconds": seconds},
        )
    except errors.UserError:
        raise
    except Exception as error:  # a fault of ours; the table is shown all the same
        faults["report"] = f"{type(error).__name__}: {error}"
    shown = [each for each in held if each.name in selected and each.name in verdicts]
    terminal.summary(console, report.summary(shown, verdicts, seconds))
    for name, each in stored.items():
        for damage in each.damage:
            terminal.tell(console, damage)
        if name in selected and each.withheld:
            terminal.tell(console, f"{name}: {each.withheld}")
    faults |= _crashes(stored)
    for place, fault in faults.items():
        terminal.tell(console, f"ERROR {place}: {fault}")
    if page:
        terminal.tell(console, f"report: {page}")
    return CRASHED if faults or _any_error(verdicts) else RAN


def _judge_each(
    held: Iterable[claims.Reproduction], stored: Mapping[str, "runner.Stored"]
) -> tuple[dict[str, "list[judge.Verdict]"], dict[str, str]]:
    """Verdicts per reproduction, and what went wrong where judging itself failed."""
    from common import judge

    verdicts, faults = {}, {}
    for reproduction in held:
        name, each = reproduction.name, stored[reproduction.name]
        try:
            verdicts[name] = judge.judge(
                reproduction,
                each.records,
                seeds=each.seeds,
                errors=each.errors,
                withheld=each.withheld,
            )
        except Exception as error:  # a fault of ours; the others still get their verdicts
            faults[f"{name}, judging"] = f"{type(error).__name__}: {error}"
    return verdicts, faults


def _crashes(stored: Mapping[str, "runner.Stored"]) -> dict[str, str]:
    crashes: dict[str, str] = {}
    for name, each in stored.items():
        crashes |= {f"{name}/{variant}": line for variant, line in each.errors.items()}
        crashes |= {f"{name}, {figure}": line for figure, line in each.figure_errors.items()}
    return crashes


def _any_error(verdicts: Mapping[str, "list[judge.Verdict]"]) -> bool:
    from common import judge

    return any(each.verdict == judge.ERROR for judged in verdicts.values() for each in judged)

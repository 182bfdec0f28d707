import fcntl
import itertools
import json
import os
import pathlib
import pty
import re
import resource
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest
import typer.testing

from common import cli, judge

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def command(suite, monkeypatch):
    """The command line in this process: quick, for what starts no workers."""
    monkeypatch.setattr(cli, "REPRODUCTIONS", suite.root / "reproductions")
    monkeypatch.setattr(cli, "RUNS", suite.root / "results" / "runs")
    monkeypatch.setattr(cli, "REFERENCE", suite.root / "results" / "reference")
    runner = typer.testing.CliRunner()
    return lambda *arguments: runner.invoke(cli.app, [str(argument) for argument in arguments])


def poisoned(folder, module):
    """A PYTHONPATH where importing `module` fails."""
    (folder / "poison" / module).mkdir(parents=True)
    text = f"raise ImportError('{module} is poisoned')"
    (folder / "poison" / module / "__init__.py").write_text(text)
    return str(folder / "poison")


# ---- What the user asks for ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["xor_mpl"], "unknown reproduction 'xor_mpl'; did you mean xor_mlp?"),
        (["qqq"], "unknown reproduction 'qqq'; choose from iris_mlp, xor_mlp"),
        (["xor_mlp", "nothing"], "unknown reproduction 'nothing'"),
        (["--variant", "wrong"], "iris_mlp has as_written; xor_mlp has as_written, corrected"),
        (["iris_mlp", "--variant", "corrected"], "iris_mlp has as_written"),
        (["--seeds", "0"], "--seeds 0: at least 1"),
        (["--seeds", "-3"], "--seeds -3: at least 1"),
        (["--jobs", "0"], "--jobs 0: at least 1"),
        (["--list", "--check"], "choose one of them"),
        (["--check"], "no run of iris_mlp, xor_mlp is stored there"),
        (["--report", "xor_mlp"], "no run of xor_mlp is stored there; `python run_all.py xor_mlp`"),
        (["--data-dir", "/no/such/folder"], "/no/such/folder"),
    ],
)
def test_bad_usage_is_told_in_one_line(suite, command, arguments, complaint):
    suite.add("xor_mlp", variants=("as_written", "corrected"))
    suite.add("iris_mlp")
    result = command(*arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert result.stderr.count("\n") == 1
    assert not suite.measured("xor_mlp")


@pytest.mark.parametrize("option", ["--profile", "--device", "--seeds", "--jobs"])
def test_values_that_are_none_are_refused(suite, command, option):
    result = command(option, "nonsense")
    assert result.exit_code == 2
    assert option in result.stderr
    assert "Traceback" not in result.stderr


def test_a_gpu_that_is_not_there_is_missed(suite, command, monkeypatch):
    suite.add()
    monkeypatch.setattr("common.runner.devices._gpu_present", lambda: False)
    result = command("--device", "gpu")
    assert result.exit_code == 2
    assert "--device gpu: no GPU found" in result.stderr


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/none"])
def test_a_folder_that_cannot_be_written_to_is_named(suite, command, out):
    suite.add()
    (suite.root / "file").touch()
    result = command("--out", suite.root / out)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{suite.root / out}: no folder to write to")
    assert result.stderr.count("\n") == 1


def test_a_broken_toml_is_named(suite, command):
    (suite.add() / "claims.toml").write_text("[reproduction")
    suite.add("good")
    result = command("--list")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "fake/claims.toml" in result.stderr
    result = command("--list", "good")  # which is whole
    assert result.exit_code == 0
    assert "LEFT OUT is all but good: reproductions/fake/claims.toml: " in result.stdout
    assert command("--list", "good", "fake").exit_code == 2


def test_a_missing_package_is_named(suite, command, monkeypatch):
    suite.add()
    monkeypatch.setattr(cli, "NEEDED", ("numpy", "no_such_package"))
    result = command()
    assert result.exit_code == 2
    assert result.stderr.startswith("not installed: no_such_package; run `make reproduce`")
    assert "no run of fake is stored there" in command("--check").stderr  # which needs less


def test_a_bare_python_is_told_what_to_install(tmp_path):
    process = subprocess.run(
        [sys.executable, ROOT / "run_all.py"],
        env={**os.environ, "PYTHONPATH": poisoned(tmp_path, "typer")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert process.stderr == "typer is poisoned: run `make reproduce`, or `pip install -e .`\n"


def test_help_teaches(command):
    result = command("--help")
    assert result.exit_code == 0
    for part in ("Examples:", "Exit codes:", "python run_all.py xor_mlp", "--fresh"):
        assert part in result.stdout


def test_the_list_shows_what_there_is(suite, command):
    suite.add("xor_mlp")
    suite.add("iris_mlp")
    result = command("--list")
    assert result.exit_code == 0
    line = next(line for line in result.stdout.splitlines() if "xor_mlp" in line)
    assert line.split() == ["xor_mlp", "A", "fake", "notes-2", "1", "1", "-", "1", "/", "2"]
    assert "iris_mlp" not in command("--list", "xor_mlp").stdout


def test_the_list_takes_less_than_a_second():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, ROOT / "run_all.py", "--list"], check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of the processor, since the machine may be busy with something else.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_the_list_imports_nothing_slow():
    code = (
        "import sys; from common import cli; sys.argv = ['run_all.py', '--list']\n"
        "try: cli.main()\n"
        "except SystemExit: print(sorted({'numpy', 'scipy', 'pebble', 'keras'} & {*sys.modules}))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert process.stdout.endswith("[]\n")


# ---- What it does --------------------------------------------------------------------------------


def test_a_run_ends_with_the_table_and_where_the_report_lies(suite):
    suite.add("xor_mlp")
    suite.add("iris_mlp")
    code, output, complaints = suite.run("--jobs", 1)
    assert (code, complaints) == (0, "")
    lines = output.splitlines()
    assert [line.split()[1] for line in lines[:4]] == ["start", "done", "start", "done"]
    assert "xor_mlp/as_written seeds 0-3: 4 records in 0 s" in output
    assert "OPEN" in output
    assert lines[-1] == f"report: {suite.folder / 'report.md'}"
    assert (suite.folder / "report.md").exists()
    verdicts = json.loads((suite.folder / "verdicts.json").read_text())
    assert [each["reproduction"] for each in verdicts] == ["iris_mlp", "xor_mlp"]
    verdicts = suite.folder / "verdicts.json"
    before = verdicts.read_text()
    verdicts.unlink()
    poison = poisoned(suite.root, "tensorflow")
    code, output, complaints = suite.run("--check", "iris_mlp", PYTHONPATH=poison)
    assert (code, complaints) == (0, "")
    assert "iris_mlp" in output
    assert "xor_mlp" not in output
    assert verdicts.read_text() == before


def test_a_crash_is_told_and_ends_with_1(suite):
    suite.add("bad", body="1 / 0")
    suite.add("good")
    code, output, complaints = suite.run()
    assert (code, complaints) == (1, "")
    assert "ERROR bad/as_written: ZeroDivisionError: division by zero (seed 0)" in output
    verdicts = json.loads((suite.folder / "verdicts.json").read_text())
    assert [each["verdict"] for each in verdicts] == ["ERROR", "UNRESOLVED"]
    code, output, complaints = suite.run("--check")
    assert (code, complaints) == (1, "")
    assert "ERROR bad/as_written: ZeroDivisionError: division by zero (seed 0)" in output


def test_the_report_alone_draws_the_figures_again(suite):
    path = suite.add(figures=True) / "figures.py"
    assert suite.run("--profile", "smoke")[0] == 0
    path.write_text(path.read_text().replace("A caption.", "Another one."))
    code, output, complaints = suite.run("--report")
    assert (code, complaints) == (0, "")
    assert "smoke profile: verdicts withheld" in output
    assert "Another one." in (suite.folder / "report.md").read_text()
    assert len(suite.measured()) == 2


def test_a_judge_that_fails_on_one_spares_the_others(suite, command, monkeypatch):
    for name in ("bad", "good"):
        suite.add(name)
    assert suite.run()[0] == 0
    real = judge.judge

    def failing(reproduction, *arguments, **options):
        if reproduction.name == "bad":
            raise ZeroDivisionError("in the judge")
        return real(reproduction, *arguments, **options)

    monkeypatch.setattr(judge, "judge", failing)
    result = command("--check", "--out", suite.folder)
    assert result.exit_code == 1
    assert "ERROR bad, judging: ZeroDivisionError: in the judge" in result.stdout
    verdicts = json.loads((suite.folder / "verdicts.json").read_text())
    assert [each["reproduction"] for each in verdicts] == ["good"]


def test_check_without_out_takes_the_newest_run_or_the_reference(suite, command):
    suite.add()
    suite.folder = suite.root / "results" / "reference"
    assert suite.run()[0] == 0
    assert f"report: {suite.folder}" in command("--check").stdout
    code, output, _ = suite.run("--seeds", 2, out=False)
    assert code == 0
    (folder,) = (suite.root / "results" / "runs").iterdir()
    assert f"report: {folder}" in output
    assert f"report: {folder}" in command("--check").stdout
    assert "nothing to measure" in suite.run("--seeds", 2, out=False)[1]


def test_the_package_runs_as_well(suite):
    suite.add("xor_mlp")
    process = subprocess.run(
        [sys.executable, "-m", "reproductions", "xor_mlp", "--out", suite.folder, "--jobs", "2"],
        cwd=ROOT,
        env={**os.environ, "REPRODUCTION_ROOT": str(suite.root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.endswith(f"report: {suite.folder / 'report.md'}\n")
    assert suite.seeds("xor_mlp") == [0, 1, 2, 3]


# ---- The terminal --------------------------------------------------------------------------------

ODD = "Añadir [bold]x[/bold] [a, b] :smile: ∂C/∂w [/red]"


def shown_in(columns, arguments, suite, **environment):
    """What the command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, ROOT / "run_all.py", *map(str, arguments)],
        env={**os.environ, "REPRODUCTION_ROOT": str(suite.root), "TERM": "xterm", **environment},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    assert process.wait() == 0
    return shown.decode()


def titled(suite, title=ODD, name="fake", **options):
    path = suite.add(name, **options) / "claims.toml"
    path.write_text(path.read_text().replace("A fake", title))
    return path


def test_nothing_that_is_told_controls_the_terminal(suite):
    suite.add(seeds=1, body=r"raise ValueError('\x1b[2J\x9b1A\x07 [a]')")
    code, output, complaints = suite.run()
    assert (code, complaints) == (1, "")
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", output) == []
    assert "ERROR fake/as_written: ValueError:  [2J 1A  [a] (seed 0)" in output


def test_a_title_is_shown_as_it_is_written(suite, command):
    titled(suite)
    words = command("--list").stdout.split()
    assert [word for word in ODD.split() if word not in words] == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_no_encoding_stops_the_command(suite, encoding):
    titled(suite, seeds=2, body="raise ValueError('∂ [a]')", variants=("as_written",))
    code, output, complaints = suite.run("--list", out=False, PYTHONIOENCODING=encoding)
    assert (code, complaints) == (0, "")
    assert "[a, b]" in output
    if encoding != "ascii":
        return
    code, output, complaints = suite.run(PYTHONIOENCODING=encoding)
    assert (code, complaints) == (1, "")
    assert "ERROR fake/as_written: ValueError: ? [a] (seed 0)" in output


def test_no_width_folds_a_name_or_cuts_a_number(suite):
    names = ["denoising_autoencoder", "a_name_that_is_longer_than_any_that_there_is_today"]
    for name in names:
        titled(suite, name=name, seeds=1)
    assert suite.run()[0] == 0
    for action, columns in itertools.product(["--list", "--check"], [60, 100]):
        text = shown_in(columns, [action, "--out", suite.folder], suite)
        text = re.sub(r"\x1b\[[0-9;]*m|\r", "", text)
        assert [name for name in names if name not in text] == []
        assert "…" not in text
        wide = [line for line in text.splitlines() if len(line) > columns and "report:" not in line]
        assert wide == []
        assert "sentences" in text
        assert "1 / 2" in text or action != "--list"


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE", "CLICOLOR_FORCE"])
def test_a_log_has_no_control_sequences(suite, variable):
    suite.add(seeds=1)
    code, output, complaints = suite.run("--profile", "smoke", **{variable: "1", "TERM": "xterm"})
    assert (code, complaints) == (0, "")
    assert (
        re.findall(r"\x1b\[[0-9;?]*[A-LN-Za-ln-z]", output) == []
    )  # all but colours, which end in m
    assert "\r" not in output
    assert "start fake/as_written" in output


def test_a_terminal_gets_a_live_display(suite):
    suite.add(seeds=5, body="time.sleep(0.3)")
    text = shown_in(100, ["--jobs", "1", "--out", suite.folder], suite)
    assert "fake/as_written seed 3 of 5" in text
    assert "left" in text
    assert "start" not in text
    assert "report: " in text


def test_a_dumb_terminal_gets_log_lines(suite):
    suite.add(seeds=1)
    text = shown_in(100, ["--out", suite.folder, "--jobs", "1"], suite, TERM="dumb")
    assert "start fake/as_written seed 0" in text
    assert "\x1b" not in text


# ---- Ctrl-C --------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [[], [0.05], [0.01] * 500])
def test_ctrl_c_ends_the_run_with_one_line_and_keeps_the_records(suite, again):
    suite.add(seeds=200, body="time.sleep(0.05)")
    process = suite.start("--jobs", 2)
    suite.wait_for_records(4)
    suite.kill(process, signal.SIGINT)
    for pause in again:
        time.sleep(pause)
        if process.poll() is None:
            suite.kill(process, signal.SIGINT)
    started = time.monotonic()
    output, complaints = process.communicate(timeout=30)
    assert time.monotonic() - started < 5
    assert process.returncode == 2
    assert complaints == (
        f"interrupted; what was measured is kept in {suite.folder}, "
        "and the same command goes on from there\n"
    )
    assert "Traceback" not in output
    seeds = suite.seeds()
    assert len(seeds) == len(set(seeds)) >= 4


def test_ctrl_c_while_the_workers_start_is_as_quiet(suite):
    suite.add()
    for pause in (0.3, 0.5, 0.7):
        process = suite.start("--jobs", 2)
        time.sleep(pause)
        suite.kill(process, signal.SIGINT)
        complaints = process.communicate(timeout=30)[1]
        assert process.returncode in (0, 2, -signal.SIGINT)
        if process.returncode == 2:
            assert "Traceback" not in complaints

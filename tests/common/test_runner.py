import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest
import rich.console

from common import claims, data, errors, records, runner


def run(suite, **options):
    """Run the suite in this process; its workers are processes all the same."""
    console = rich.console.Console(file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    reproductions = list(claims.load_all(suite.root / "reproductions").values())
    options = {"profile": "standard", "jobs": 2, **options}
    with runner.locked(suite.folder):
        return runner.run(reproductions, suite.folder, console=console, **options)


# ---- Measuring -----------------------------------------------------------------------------------


def test_every_seed_of_every_variant_is_measured_once(suite):
    suite.add(variants=("as_written", "corrected"), seeds=5)
    stored = run(suite)["fake"]
    assert list(stored.records) == ["as_written", "corrected"]
    assert stored.seeds == {"as_written": 5, "corrected": 5}
    assert (stored.errors, stored.plot_error, stored.withheld) == ({}, None, None)
    for variant in stored.records:
        assert suite.seeds(variant=variant) == [0, 1, 2, 3, 4]
        assert [r["measurements"]["value"] for r in stored.records[variant]] == [
            0.0,
            0.1,
            0.2,
            0.3,
            0.4,
        ]
    assert len(suite.measured()) == 10


def test_a_record_has_all_its_parts(suite):
    suite.add(seeds=1)
    run(suite, jobs=1)
    (record,) = suite.lines()
    assert list(record) == [
        *("schema", "reproduction", "variant", "seed", "config", "shortened", "measurements"),
        *("arrays", "seconds", "code", "data", "packages", "host", "device", "threads"),
        *("commit", "dirty", "time"),
    ]
    assert record["config"] == {"name": "as_written", "epochs": 3}
    assert (record["schema"], record["shortened"], record["device"]) == (1, {}, "cpu")
    assert record["threads"] == runner.cores()


def test_the_manifest_says_what_was_asked_for_and_adds_up(suite):
    suite.add(variants=("as_written", "corrected"))
    run(suite, variant="as_written")
    run(suite, variant="corrected", seeds=2)
    manifest = runner.read_manifest(suite.folder)
    assert (manifest["profile"], manifest["seeds"], manifest["device"]) == ("standard", 2, "cpu")
    assert manifest["reproductions"]["fake"]["seeds"] == {"as_written": 4, "corrected": 2}


def test_the_plots_are_drawn_from_the_records(suite):
    suite.add(variants=("as_written", "corrected"))
    stored = run(suite)["fake"]
    drawn = (suite.folder / "fake" / "plots" / "figure.png").read_text()
    assert drawn == "['as_written', 'corrected']"
    assert stored.captions == {"figure.png": "A caption."}
    assert not list((suite.folder / "fake").glob("*.log"))


def test_arrays_lie_beside_the_record(suite):
    suite.add(values='{"value": 1, "weights": np.full(3, seed)}', seeds=2)
    stored = run(suite)["fake"]
    for seed, record in enumerate(stored.records["as_written"]):
        assert record["arrays"] == f"as_written-{seed}.npz"
        assert record["measurements"] == {"value": 1}
        weights = records.arrays(record, suite.folder / "fake")["weights"]
        assert weights.tolist() == [seed] * 3


def test_the_smoke_profile_shortens_says_so_and_withholds_verdicts(suite):
    suite.add()
    stored = run(suite, profile="smoke")["fake"]
    (first, _) = stored.records["as_written"]
    assert first["shortened"] == {"epochs": 1}
    assert first["config"]["epochs"] == 1
    assert stored.withheld == "smoke profile: verdicts withheld"


def test_workers_are_set_up_before_the_reproduction_is_imported(suite):
    path = suite.add(seeds=1).with_suffix(".py")
    names = ["CUDA_VISIBLE_DEVICES", "TF_NUM_INTRAOP_THREADS", "KERAS_BACKEND", "MPLBACKEND"]
    code = (
        f"import json, os, pathlib, signal\nfound = [os.environ.get(name) for name in {names}]\n"
        "found.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
        "pathlib.Path(__file__).with_suffix('.json').write_text(json.dumps(found))\n"
    )
    path.write_text(code + path.read_text())
    run(suite, jobs=1)
    found = json.loads(path.with_suffix(".json").read_text())
    assert found == ["-1", str(runner.cores()), "tensorflow", "Agg", True]


# ---- Going on ------------------------------------------------------------------------------------


def test_only_missing_seeds_are_measured(suite):
    suite.add(seeds=4)
    run(suite)
    run(suite)
    assert len(suite.measured()) == 4
    run(suite, seeds=6)
    assert suite.seeds() == [0, 1, 2, 3, 4, 5]
    assert len(suite.measured()) == 6


def test_more_seeds_on_record_than_asked_for_are_left_out(suite):
    suite.add(seeds=4)
    run(suite)
    stored = run(suite, seeds=2)["fake"]
    assert [record["seed"] for record in stored.records["as_written"]] == [0, 1]
    assert suite.seeds() == [0, 1, 2, 3]


def test_comments_and_plots_may_change(suite):
    path = suite.add().with_suffix(".py")
    run(suite)
    path.write_text(path.read_text().replace("A caption.", "Another one.") + "\n# the end\n")
    stored = run(suite)["fake"]
    assert len(suite.measured()) == 4
    assert stored.captions == {"figure.png": "Another one."}


def test_changed_code_is_measured_anew_and_the_old_records_set_aside(suite):
    path = suite.add().with_suffix(".py")
    run(suite)
    path.write_text(path.read_text().replace("seed / 10", "seed / 5"))
    stored = run(suite)["fake"]
    assert [r["measurements"]["value"] for r in stored.records["as_written"]] == [0, 0.2, 0.4, 0.6]
    assert suite.seeds() == [0, 1, 2, 3]
    assert len(records.read(suite.folder / "fake" / "as_written.old1.jsonl")) == 4


def test_other_data_are_measured_anew(suite, monkeypatch):
    suite.add()
    run(suite)
    monkeypatch.setattr(data, "versions", lambda names: {"mnist": "4.0.0"})
    run(suite)
    assert {line["data"]["mnist"] for line in suite.lines()} == {"4.0.0"}
    assert len(suite.measured()) == 8


@pytest.mark.parametrize("fresh", [False, True])
def test_a_stand_in_never_replaces_records_of_the_real_data(suite, monkeypatch, fresh):
    suite.add("aaa", variants=("as_written", "corrected"))
    suite.add()
    versions = {"mnist": "3.0.1"}
    monkeypatch.setattr(data, "versions", lambda names: versions)
    run(suite)
    before = {path: path.read_bytes() for path in suite.folder.rglob("*") if path.is_file()}
    versions = {"mnist": "stand-in: scikit-learn digits"}
    (suite.folder / "aaa" / "as_written.jsonl").unlink()  # nothing to spare there
    del before[suite.folder / "aaa" / "as_written.jsonl"]
    with pytest.raises(errors.UserError) as raised:
        run(suite, fresh=fresh)
    message = str(raised.value)
    assert "\n" not in message
    for part in (str(suite.folder / "aaa"), "mnist 3.0.1", "TFDS_DATA_DIR", "--data-dir", "--out"):
        assert part in message
    after = {path: path.read_bytes() for path in suite.folder.rglob("*") if path.is_file()}
    assert after == before


def test_the_real_data_replace_a_stand_in(suite, monkeypatch):
    suite.add()
    versions = {"mnist": "stand-in: scikit-learn digits"}
    monkeypatch.setattr(data, "versions", lambda names: versions)
    run(suite)
    run(suite)  # a stand-in goes on where it was
    assert len(suite.measured()) == 4
    versions = {"mnist": "3.0.1"}
    run(suite)
    assert {line["data"]["mnist"] for line in suite.lines()} == {"3.0.1"}


def test_another_config_is_measured_anew(suite):
    suite.add(full=4)
    run(suite, profile="smoke")
    run(suite)  # standard: not shortened
    assert {line["config"]["epochs"] for line in suite.lines()} == {3}
    assert len(suite.measured()) == 6
    run(suite, profile="full")  # the same protocol, as many seeds
    assert len(suite.measured()) == 6


def test_fresh_measures_all_anew(suite):
    suite.add()
    run(suite)
    run(suite, fresh=True)
    run(suite, fresh=True)
    assert suite.seeds() == [0, 1, 2, 3]
    assert len(suite.measured()) == 12
    aside = [path.name for path in (suite.folder / "fake").glob("*.old*")]
    assert sorted(aside) == ["as_written.old1.jsonl", "as_written.old2.jsonl"]


def test_the_manifest_keeps_the_provenance_of_what_was_measured(suite, monkeypatch):
    suite.add()
    run(suite)
    before = runner.read_manifest(suite.folder)
    provenance = {**records.provenance("cpu", 1), "commit": "another"}
    monkeypatch.setattr(records, "provenance", lambda device, threads: provenance)
    run(suite)
    assert runner.read_manifest(suite.folder) == before
    run(suite, seeds=5)
    assert runner.read_manifest(suite.folder)["commit"] == "another"


# ---- What goes wrong -----------------------------------------------------------------------------


def test_a_crash_leaves_its_traceback_and_last_words_and_the_others_go_on(suite):
    body = "if seed == 2:\n    os.write(2, b'last words')\n    raise ValueError('two\\nlines')"
    suite.add("bad", body=body)
    suite.add("good")
    stored = run(suite, jobs=1)
    assert stored["bad"].errors == {"as_written": "ValueError: two (seed 2)"}
    assert suite.seeds("bad") == [0, 1]
    assert (stored["good"].errors, suite.seeds("good")) == ({}, [0, 1, 2, 3])
    error = (suite.folder / "bad" / "as_written.error.txt").read_text()
    assert "Traceback" in error
    assert "raise ValueError" in error
    assert "last words" in error


def test_a_mended_crash_loses_its_error(suite):
    body = "if seed == 2 and not pathlib.Path(__file__).with_suffix('.ok').exists(): 1 / 0"
    path = suite.add(body=body)
    assert run(suite, jobs=1)["fake"].errors
    path.with_suffix(".ok").touch()
    assert run(suite, jobs=1)["fake"].errors == {}
    assert suite.seeds() == [0, 1, 2, 3]


def test_a_worker_that_dies_takes_no_other_along(suite):
    dies = "if seed == 1: os.kill(os.getpid(), signal.SIGKILL)"
    suite.add("dies", body=dies, variants=("as_written", "again"))
    suite.add("good", body="time.sleep(0.05)", seeds=20)
    stored = run(suite)
    assert stored["good"].errors == {}
    assert suite.seeds("good") == list(range(20))
    expected = "the process died of signal SIGKILL (seed 1)"
    assert stored["dies"].errors == {"as_written": expected, "again": expected}
    assert 0 in suite.seeds("dies")


def test_a_seed_that_hangs_is_stopped_and_slow_ones_are_not(suite, monkeypatch):
    monkeypatch.setattr(runner, "FIRST_RECORD_SECONDS", 2)
    suite.add("hangs", body="if seed == 1: time.sleep(60)", seed_seconds=1, seeds=2)
    suite.add("slow", body="time.sleep(0.5)", seed_seconds=1, seeds=8)
    suite.add("late", body="if seed == 0: time.sleep(2)", seed_seconds=1, seeds=2)
    started = time.monotonic()
    stored = run(suite, jobs=1)
    assert time.monotonic() - started < 30
    (error,) = stored["hangs"].errors.values()
    assert error.startswith("no record for")
    assert "(seed 1)" in error
    assert (stored["slow"].errors, suite.seeds("slow")) == ({}, list(range(8)))
    assert (stored["late"].errors, suite.seeds("late")) == ({}, [0, 1])


def test_what_breaks_the_contract_is_an_error(suite):
    suite.add("metric", values='{"values": 1}')
    suite.add("array", values='{"value": 1, "picture": np.eye(2)}')
    suite.add("few", body="if seed == 1: return")
    suite.add("many", values='{"value": 1}; yield {"value": 2}')
    suite.add("none", values="None")
    suite.add("plots").with_suffix(".py").open("a").write("\ndef plot(records, folder): 1 / 0\n")
    path = suite.add("variants").with_suffix(".py")
    path.write_text(path.read_text().replace("['as_written']", "['as_writen']"))
    stored = run(suite, jobs=1)
    found = {name: each.errors.get("as_written") for name, each in stored.items()}
    assert found == {
        "metric": "ValueError: run yielded ['values'], which the TOML's metrics and arrays do not "
        "name (seed 0)",
        "array": "ValueError: run yielded ['picture'], which the TOML's metrics and arrays do not "
        "name (seed 0)",
        "few": "ValueError: run must yield one dict for each of its 4 seeds (seed 1)",
        "many": "ValueError: run must yield one dict for each of its 4 seeds (seed 3)",
        "none": "ValueError: run must yield one dict for each of its 4 seeds (seed 0)",
        "plots": None,
        "variants": "ValueError: VARIANTS has ['as_writen'], but the TOML declares ['as_written'] "
        "(seed 0)",
    }
    assert stored["plots"].plot_error == "ZeroDivisionError: division by zero"


def test_bad_input_met_by_a_worker_stops_the_run_and_keeps_what_was_measured(suite):
    body = "if seed == 2: raise errors.UserError('mnist: the copy is damaged; delete it')"
    suite.add("damaged", body=body, variants=("as_written",))
    suite.add("later", body="time.sleep(0.2)", seeds=200)
    with pytest.raises(errors.UserError, match="the copy is damaged"):
        run(suite, jobs=1)
    assert suite.seeds("damaged") == [0, 1]
    assert len(suite.seeds("later")) < 200


@pytest.mark.parametrize("code", ["def run(:", "SHORTENED = {'smoke': dict(epochs=1)}", None])
def test_a_module_that_cannot_be_read_is_named(suite, code):
    path = suite.add().with_suffix(".py")
    path.unlink()
    if code:
        path.write_text(code)
    with pytest.raises(errors.UserError, match=r"fake\.py"):
        run(suite)


def test_a_damaged_manifest_is_named(suite):
    suite.add()
    suite.folder.mkdir()
    (suite.folder / "run.json").write_text('{"profile": "stan')
    with pytest.raises(errors.UserError, match=r"run\.json: damaged"):
        run(suite)


def test_a_full_disk_stops_the_run_which_goes_on_when_there_is_room(suite):
    suite.folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(suite.folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small tmpfs")
    try:
        suite.add(values='{"value": 0, "other": [0.123456789] * 1000}', seeds=40)
        code, output, complaints = suite.run("--jobs", 2)
        assert code == 2
        assert complaints.count("\n") == 1
        assert "No space left on device" in complaints
        assert "Traceback" not in output
        kept = suite.seeds()
        assert 0 < len(kept) < 40
        measured = len(suite.measured())
        subprocess.run(["mount", "-o", "remount,size=4m", str(suite.folder)], check=True)
        code, _, complaints = suite.run()
        assert (code, complaints) == (0, "")
        assert suite.seeds() == list(range(40))
        assert len(suite.measured()) == measured + 40 - len(kept)
    finally:
        subprocess.run(["umount", "--lazy", str(suite.folder)], check=True)


# ---- Missing data --------------------------------------------------------------------------------


def test_what_needs_a_missing_data_set_is_left_out_unless_it_is_named(suite, tmp_path):
    suite.add("fake")
    path = suite.add("needy")
    path.write_text(path.read_text().replace("minutes", 'data = ["life_expectancy"]\nminutes', 1))
    (tmp_path / "empty").mkdir()
    nowhere = dict.fromkeys(("TFDS_DATA_DIR", "TFDS_MANUAL_DIR", "HOME"), str(tmp_path / "empty"))

    code, output, complaints = suite.run(**nowhere)
    assert (code, complaints) == (0, "")
    assert output.count("LEFT OUT is all that needs 'life_expectancy': ") == 1
    assert suite.seeds() == [0, 1, 2, 3]
    assert suite.measured("needy") == []
    verdicts = json.loads((suite.folder / "verdicts.json").read_text())
    assert [(each["reproduction"], each["verdict"]) for each in verdicts] == [
        ("fake", "UNRESOLVED"),  # four seeds
        ("needy", "NOT_RUN"),
    ]

    code, _, complaints = suite.run("needy", **nowhere)
    assert code == 2
    assert complaints.count("\n") == 1
    assert "life_expectancy" in complaints


# ---- Killed --------------------------------------------------------------------------------------


def test_a_run_killed_again_and_again_measures_no_seed_twice_but_those_in_flight(suite):
    variants = [f"v{number}" for number in range(6)]
    suite.add(variants=variants, seeds=20, body="time.sleep(0.03)")
    moments = random.Random(1)
    kept = [0]
    for _ in range(10):
        before = len(suite.measured())
        process = suite.start("--jobs", 2)
        while len(suite.measured()) == before:  # starting may take long on a busy machine
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.2))
        suite.kill(process)
        process.communicate()
        kept.append(sum(len(suite.seeds(variant=variant)) for variant in variants))
    assert kept == sorted(kept)
    assert kept[-1] < 120, "the machine was too quick for this test"
    code, _, complaints = suite.run("--jobs", 2)
    assert (code, complaints) == (0, "")
    for variant in variants:
        assert suite.seeds(variant=variant) == list(range(20))
    times = collections.Counter((variant, seed) for variant, seed, _ in suite.measured())
    assert len(times) == 120
    assert 0 < sum(times.values()) - 120 <= 2 * 10  # two workers had one seed each in flight


def test_a_run_killed_as_it_starts_leaves_nothing_in_the_way(suite):
    suite.add()
    for seconds in (0.2, 0.4, 0.6, 0.8):
        process = suite.start()
        time.sleep(seconds)
        suite.kill(process)
        process.communicate()
    assert suite.run()[0] == 0
    assert suite.seeds() == [0, 1, 2, 3]


def test_orphaned_workers_die_and_write_nothing_beside_the_next_run(suite):
    body = "slow = pathlib.Path(__file__).with_suffix('.slow').exists() and seed % 10 == 9"
    path = suite.add(seeds=200, body=f"{body}\ntime.sleep(60 if slow else 0.05)")
    path.with_suffix(".slow").touch()
    process = suite.start("--jobs", 2)
    suite.wait_for_records(18)  # both workers are in a slow seed, 9 and 109
    process.send_signal(signal.SIGKILL)  # the parent alone
    process.wait()
    workers = {pid for _, _, pid in suite.measured()}
    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "orphans are at work"
        time.sleep(0.05)
    process.communicate()
    path.with_suffix(".slow").unlink()
    assert suite.run("--seeds", 20)[0] == 0
    seeds = suite.seeds()
    assert len(seeds) == len(set(seeds))
    assert set(range(20)) <= set(seeds)


def _alive(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def test_one_folder_serves_one_command_at_a_time(suite):
    suite.add()
    with (
        runner.locked(suite.folder),
        pytest.raises(errors.UserError, match="another run is writing there"),
    ):
        run(suite)
    run(suite)
    assert suite.seeds() == [0, 1, 2, 3]


# ---- The plan and the folder ---------------------------------------------------------------------


def test_seeds_leave_what_has_no_randomness_alone(suite):
    path = suite.add(variants=("as_written", "shapes"), seeds=4)
    text = path.read_text().replace(
        'about = "shapes"', 'about = "s"\nseeds = {smoke=1, standard=1, full=1}'
    )
    path.write_text(text)
    fake = claims.load(path)
    assert runner.wanted_seeds([fake], "standard") == {"fake": {"as_written": 4, "shapes": 1}}
    assert runner.wanted_seeds([fake], "full", 7) == {"fake": {"as_written": 7, "shapes": 1}}
    assert runner.wanted_seeds([fake], "smoke", None, "as_written") == {"fake": {"as_written": 2}}


@pytest.mark.parametrize("jobs", [1, 2, 16])
def test_long_tasks_come_first_and_are_split_over_the_workers(suite, jobs):
    long, short = (claims.load(suite.add(name, seeds=50)) for name in ("long", "short"))
    tasks = [
        runner.Task(reproduction, "as_written", tuple(range(50)), suite.folder, {}, {}, minutes)
        for reproduction, minutes in ((short, 0.01), (long, 1))
    ]
    parts = runner._split(tasks, jobs)
    assert [part.reproduction.name for part in parts] == sorted(
        part.reproduction.name for part in parts
    )
    for reproduction in (long, short):
        chunks = [part.seeds for part in parts if part.reproduction is reproduction]
        assert [seed for chunk in chunks for seed in chunk] == list(range(50))
        assert len(chunks) <= jobs
    assert sum(part.reproduction is long for part in parts) == min(jobs, 13 if jobs == 16 else jobs)


def test_without_out_the_newest_run_like_this_one_goes_on(tmp_path):
    def store(name, **asked):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps(asked))

    alike = {"profile": "standard", "seeds": None, "device": "cpu"}
    store("20250101-000000-cpu", **alike)
    store("20250102-000000-cpu", **alike)
    store("20250103-000000-cpu", **{**alike, "seeds": 3})
    store("20250104-000000-cpu", **{**alike, "profile": "smoke"})
    store("20250105-000000-gpu", **{**alike, "device": "gpu"})
    chosen = runner.choose_folder(tmp_path, "standard", None, "cpu", fresh=False)
    assert chosen.name == "20250102-000000-cpu"
    new = runner.choose_folder(tmp_path, "standard", None, "cpu", fresh=True)
    assert not new.exists()
    assert new.name.endswith("-cpu")
    assert not runner.choose_folder(tmp_path, "full", None, "cpu", fresh=False).exists()
    assert runner.stored_runs(tmp_path)[0].name == "20250105-000000-gpu"


@pytest.mark.parametrize(
    ("asked", "present", "seen", "device"),
    [
        ("auto", True, True, "gpu"),
        ("auto", True, False, "cpu"),
        ("auto", False, True, "cpu"),
        ("cpu", True, True, "cpu"),
        ("gpu", True, True, "gpu"),
        ("gpu", True, False, None),
        ("gpu", False, True, None),
    ],
)
def test_the_device(monkeypatch, asked, present, seen, device):
    monkeypatch.setattr(runner, "_gpu_present", lambda: present)
    monkeypatch.setattr(runner, "_tensorflow_sees_gpu", lambda: seen)
    if device:
        assert runner.resolve_device(asked) == device
    else:
        with pytest.raises(errors.UserError, match="--device gpu: no GPU"):
            runner.resolve_device(asked)


def test_only_the_cpu_environment_hides_the_gpu():
    assert runner.worker_environment("cpu", 2)["CUDA_VISIBLE_DEVICES"] == "-1"
    assert "CUDA_VISIBLE_DEVICES" not in runner.worker_environment("gpu", 2)

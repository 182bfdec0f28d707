import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from common import claims, data, errors, provenance, records, runner
from common.runner import watch

# ---- Measuring -----------------------------------------------------------------------------------


def test_every_seed_of_every_variant_is_measured_once(suite):
    suite.add(variants=("as_written", "corrected"), seeds=5)
    stored = suite.run_here()["fake"]
    assert list(stored.records) == ["as_written", "corrected"]
    assert stored.seeds == {"as_written": 5, "corrected": 5}
    assert (stored.errors, stored.figure_errors, stored.withheld) == ({}, {}, None)
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
    suite.run_here(jobs=1)
    (record,) = suite.records()
    assert set(record) == {
        *("schema", "reproduction", "variant", "seed", "config", "shortened", "measurements"),
        *("arrays", "seconds", "code", "data", "asked", "packages", "host", "device", "threads"),
        *("commit", "dirty", "time"),
    }
    assert record["config"] == {"name": "as_written", "epochs": 3}
    assert (record["schema"], record["shortened"], record["device"]) == (2, {}, "cpu")
    assert record["threads"] == runner.cores()
    assert record["asked"] == {"profile": "standard", "seeds": None}


def test_what_the_seeds_of_a_run_share_stands_once(suite):
    suite.add(seeds=6)
    suite.run_here()  # two workers, which write to one file
    text = (suite.folder / "fake" / "as_written.jsonl").read_text()
    assert len(text.splitlines()) == 1 + 6
    assert text.count('"packages"') == text.count('"config"') == 1
    suite.run_here(seeds=8)
    text = (suite.folder / "fake" / "as_written.jsonl").read_text()
    assert len(text.splitlines()) == 2 + 8


def test_the_manifest_says_what_was_asked_for_and_adds_up(suite):
    suite.add(variants=("as_written", "corrected"))
    suite.run_here(variant="as_written")
    suite.run_here(variant="corrected", seeds=2)
    manifest = runner.read_manifest(suite.folder)
    assert (manifest["profile"], manifest["seeds"], manifest["device"]) == ("standard", 2, "cpu")
    assert manifest["reproductions"]["fake"]["seeds"] == {"as_written": 4, "corrected": 2}


def test_arrays_lie_beside_the_record(suite):
    suite.add(values='{"value": 1, "weights": np.full(3, seed)}', seeds=2)
    stored = suite.run_here()["fake"]
    for seed, record in enumerate(stored.records["as_written"]):
        assert record["arrays"] == f"as_written-{seed}.npz"
        assert record["measurements"] == {"value": 1}
        weights = records.arrays(record, suite.folder / "fake")["weights"]
        assert weights.tolist() == [seed] * 3


def test_the_smoke_profile_shortens_says_so_and_withholds_verdicts(suite):
    suite.add()
    stored = suite.run_here(profile="smoke")["fake"]
    (first, _) = stored.records["as_written"]
    assert first["shortened"] == {"epochs": 1}
    assert first["config"]["epochs"] == 1
    assert stored.withheld == "smoke profile: verdicts withheld"


def test_workers_are_born_set_up(suite):
    path = suite.add(seeds=1) / "experiment.py"
    code = """
import json, os, pathlib, signal
import threadpoolctl
masked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
threads = [each["num_threads"] for each in threadpoolctl.threadpool_info()]
found = [__name__, masked, *threads, dict(os.environ)]
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(found))
"""
    text = path.read_text()
    path.write_text(text.replace("from common import errors", f"from common import errors{code}"))
    before = dict(os.environ)
    suite.run_here(jobs=2 * runner.cores())
    assert {name: os.environ.get(name) for name in before} == before
    assert "OMP_NUM_THREADS" in before or "OMP_NUM_THREADS" not in os.environ
    name, masked, *threads, environment = json.loads(path.with_suffix(".json").read_text())
    assert (name, masked) == ("reproductions.fake.experiment", True)
    assert set(threads) == {1}  # NumPy's, which counts them as it is imported
    expected = {"CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow", "MPLBACKEND": "Agg"}
    assert expected.items() <= environment.items()
    assert environment["TF_NUM_INTRAOP_THREADS"] == environment["OMP_NUM_THREADS"] == "1"


def test_each_experiment_file_measures_its_own_variants(suite):
    folder = suite.add(seeds=2)
    other = (folder / "experiment.py").read_text().replace("as_written", "derivation")
    (folder / "derivation.py").write_text(other.replace("seed / 10", "config.epochs + seed"))
    with (folder / "claims.toml").open("a") as file:
        file.write(
            "[experiments.derivation]\nseeds = { smoke = 1, standard = 3, full = 3 }\n"
            '[experiments.derivation.variants]\nderivation = "Another one."\n'
        )
    stored = suite.run_here()["fake"]
    assert stored.seeds == {"as_written": 2, "derivation": 3}
    values = [record["measurements"]["value"] for record in stored.records["derivation"]]
    assert values == [3, 4, 5]


def test_a_profile_may_shorten_one_variant_more_than_the_others(suite):
    path = suite.add(variants=("as_written", "slow"), seeds=1) / "experiment.py"
    path.write_text(
        path.read_text().replace(
            '"epochs": 1}}', '"epochs": 2}, "standard": {"slow": {"epochs": 1}}}'
        )
    )
    stored = suite.run_here()["fake"]
    (as_written,), (slow,) = stored.records["as_written"], stored.records["slow"]
    assert (as_written["shortened"], as_written["config"]["epochs"]) == ({}, 3)
    assert (slow["shortened"], slow["config"]["epochs"]) == ({"epochs": 1}, 1)
    suite.run_here()
    assert len(suite.measured()) == 2


# ---- Going on ------------------------------------------------------------------------------------


def test_only_missing_seeds_are_measured(suite):
    suite.add(seeds=4)
    suite.run_here()
    suite.run_here()
    assert len(suite.measured()) == 4
    suite.run_here(seeds=6)
    assert suite.seeds() == [0, 1, 2, 3, 4, 5]
    assert len(suite.measured()) == 6


def test_more_seeds_on_record_than_asked_for_are_left_out(suite):
    suite.add(seeds=4)
    suite.run_here()
    stored = suite.run_here(seeds=2)["fake"]
    assert [record["seed"] for record in stored.records["as_written"]] == [0, 1]
    assert suite.seeds() == [0, 1, 2, 3]


def test_comments_may_change(suite):
    path = suite.add() / "experiment.py"
    suite.run_here()
    path.write_text(path.read_text() + "\n# the end\n")
    suite.run_here()
    assert len(suite.measured()) == 4


def test_one_more_variant_leaves_the_others_alone(suite):
    folder = suite.add()
    suite.run_here()
    path = folder / "experiment.py"
    path.write_text(
        path.read_text().replace("VARIANTS = {", 'VARIANTS = {"more": Config("more"), ')
    )
    toml = folder / "claims.toml"
    toml.write_text(toml.read_text().replace("[metrics]", 'more = "One more."\n[metrics]'))
    suite.run_here()
    assert [variant for variant, _, _ in suite.measured()] == ["as_written"] * 4 + ["more"] * 4


def test_changed_code_is_measured_anew_and_the_old_records_set_aside(suite):
    path = suite.add() / "experiment.py"
    suite.run_here()
    path.write_text(path.read_text().replace("seed / 10", "seed / 5"))
    stored = suite.run_here()["fake"]
    assert [r["measurements"]["value"] for r in stored.records["as_written"]] == [0, 0.2, 0.4, 0.6]
    assert suite.seeds() == [0, 1, 2, 3]
    assert len(records.read(suite.folder / "fake" / "as_written.old1.jsonl")) == 4


def test_other_data_are_measured_anew(suite, monkeypatch):
    suite.add()
    suite.run_here()
    monkeypatch.setattr(data, "versions", lambda names: {"mnist": "4.0.0"})
    suite.run_here()
    assert {record["data"]["mnist"] for record in suite.records()} == {"4.0.0"}
    assert len(suite.measured()) == 8


@pytest.mark.parametrize("fresh", [False, True])
def test_a_stand_in_never_replaces_records_of_the_real_data(suite, monkeypatch, fresh):
    suite.add("aaa", variants=("as_written", "corrected"))
    suite.add()
    versions = {"mnist": "3.0.1"}
    monkeypatch.setattr(data, "versions", lambda names: versions)
    suite.run_here()
    before = {path: path.read_bytes() for path in suite.folder.rglob("*") if path.is_file()}
    versions = {"mnist": "stand-in: scikit-learn digits"}
    (suite.folder / "aaa" / "as_written.jsonl").unlink()  # nothing to spare there
    del before[suite.folder / "aaa" / "as_written.jsonl"]
    with pytest.raises(errors.UserError) as raised:
        suite.run_here(fresh=fresh)
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
    suite.run_here()
    suite.run_here()  # a stand-in goes on where it was
    assert len(suite.measured()) == 4
    versions = {"mnist": "3.0.1"}
    suite.run_here()
    assert {record["data"]["mnist"] for record in suite.records()} == {"3.0.1"}


def test_another_config_is_measured_anew(suite):
    suite.add(full=4)
    suite.run_here(profile="smoke")
    suite.run_here()  # standard: not shortened
    assert {record["config"]["epochs"] for record in suite.records()} == {3}
    assert len(suite.measured()) == 6
    suite.run_here(profile="full")  # the same protocol, as many seeds
    assert len(suite.measured()) == 6


def test_fresh_measures_all_anew(suite):
    suite.add()
    suite.run_here()
    suite.run_here(fresh=True)
    suite.run_here(fresh=True)
    assert suite.seeds() == [0, 1, 2, 3]
    assert len(suite.measured()) == 12
    aside = [path.name for path in (suite.folder / "fake").glob("*.old*")]
    assert sorted(aside) == ["as_written.old1.jsonl", "as_written.old2.jsonl"]


def test_the_manifest_keeps_the_provenance_of_what_was_measured(suite, monkeypatch):
    suite.add()
    suite.run_here()
    before = runner.read_manifest(suite.folder)
    another = {**provenance.of_run("cpu", 1), "commit": "another"}
    monkeypatch.setattr(provenance, "of_run", lambda device, threads: another)
    suite.run_here()
    assert runner.read_manifest(suite.folder) == before
    suite.run_here(seeds=5)
    assert runner.read_manifest(suite.folder)["commit"] == "another"


# ---- What goes wrong -----------------------------------------------------------------------------


def test_a_crash_leaves_its_traceback_and_last_words_and_the_others_go_on(suite):
    body = "if seed == 2:\n    os.write(2, b'last words')\n    raise ValueError('two\\nlines')"
    suite.add("bad", body=body)
    suite.add("good")
    stored = suite.run_here(jobs=1)
    assert stored["bad"].errors == {"as_written": "ValueError: two (seed 2)"}
    assert suite.seeds("bad") == [0, 1]
    assert (stored["good"].errors, suite.seeds("good")) == ({}, [0, 1, 2, 3])
    error = (suite.folder / "bad" / "as_written.error.txt").read_text()
    assert "Traceback" in error
    assert "raise ValueError" in error
    assert "last words" in error


def test_a_mended_crash_loses_its_error(suite):
    body = "if seed == 2 and not pathlib.Path(__file__).with_suffix('.ok').exists(): 1 / 0"
    folder = suite.add(body=body)
    assert suite.run_here(jobs=1)["fake"].errors
    (folder / "experiment.ok").touch()
    assert suite.run_here(jobs=1)["fake"].errors == {}
    assert suite.seeds() == [0, 1, 2, 3]


def test_a_worker_that_dies_takes_no_other_along(suite):
    dies = "if seed == 1: os.kill(os.getpid(), signal.SIGKILL)"
    suite.add("dies", body=dies, variants=("as_written", "again"))
    suite.add("good", body="time.sleep(0.05)", seeds=20)
    stored = suite.run_here()
    assert stored["good"].errors == {}
    assert suite.seeds("good") == list(range(20))
    expected = "the process died of signal SIGKILL (seed 1)"
    assert stored["dies"].errors == {"as_written": expected, "again": expected}
    assert 0 in suite.seeds("dies")


def test_a_seed_that_hangs_is_stopped_and_slow_ones_are_not(suite, monkeypatch):
    monkeypatch.setattr(watch, "FIRST_RECORD_SECONDS", 2)
    suite.add("hangs", body="if seed == 1: time.sleep(60)", seed_seconds=1, seeds=2)
    suite.add("slow", body="time.sleep(0.5)", seed_seconds=1, seeds=8)
    suite.add("late", body="if seed == 0: time.sleep(2)", seed_seconds=1, seeds=2)
    started = time.monotonic()
    stored = suite.run_here(jobs=1)
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
    suite.add("tensor", values='{"value": [np.float32(1), keras.ops.ones(2)]}')
    path = suite.root / "reproductions" / "tensor" / "experiment.py"
    path.write_text("import keras\n" + path.read_text())
    suite.add("thing", values='{"value": 1, "other": {"a": {1, 2}}}')
    suite.add("keys", values='{"value": {1: 2}}')
    suite.add("objects", values='{"weights": [object()]}')
    stored = suite.run_here(jobs=1)
    found = {name: each.errors.get("as_written") for name, each in stored.items()}
    assert found == {
        "metric": "ValueError: run yielded ['values'], which the TOML's metrics and arrays do not "
        "name (seed 0)",
        "array": "ValueError: run yielded ['picture'], which the TOML's metrics and arrays do not "
        "name (seed 0)",
        "few": "ValueError: run must yield one dict for each of its 4 seeds (seed 1)",
        "many": "ValueError: run must yield one dict for each of its 4 seeds (seed 3)",
        "none": "ValueError: run must yield one dict for each of its 4 seeds (seed 0)",
        "tensor": "TypeError: metric 'value': tensorflow.python.framework.ops.EagerTensor is no "
        "plain value; yield numbers, texts and lists (seed 0)",
        "thing": "TypeError: metric 'other': builtins.set is no plain value; yield numbers, texts "
        "and lists (seed 0)",
        "keys": "TypeError: metric 'value': the key 1 is no text; yield numbers, texts "
        "and lists (seed 0)",
        "objects": "TypeError: array 'weights': list is no array of numbers (seed 0)",
    }


def test_bad_input_met_by_a_worker_stops_the_run_and_keeps_what_was_measured(suite):
    body = "if seed == 2: raise errors.UserError('mnist: the copy is damaged; delete it')"
    suite.add("damaged", body=body, variants=("as_written",))
    suite.add("later", body="time.sleep(0.2)", seeds=200)
    with pytest.raises(errors.UserError, match="the copy is damaged"):
        suite.run_here(jobs=1)
    assert suite.seeds("damaged") == [0, 1]
    assert len(suite.seeds("later")) < 200


@pytest.mark.parametrize("code", ["def run(:", "VARIANTS = {}"])
def test_a_module_that_cannot_be_read_is_named(suite, code):
    folder = suite.add()
    reproductions = list(claims.load_all(suite.root / "reproductions").values())
    (folder / "experiment.py").write_text(code)
    with pytest.raises(errors.UserError, match=r"experiment\.py"):
        suite.run_here(reproductions=reproductions)


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
    suite.add("needy", data=["life_expectancy"])
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


def test_what_needs_a_package_that_is_not_installed_is_left_out_unless_it_is_named(suite):
    path = suite.add(variants=("as_written", "needy")) / "claims.toml"
    one = '{ about = "Needy.", packages = ["json", "no_such_package"] }'
    path.write_text(path.read_text().replace('needy = "needy"', f"needy = {one}"))
    stored = suite.run_here()["fake"]
    assert list(stored.records) == ["as_written"]
    assert stored.errors == {}
    lacking = "it needs no_such_package, not installed; pip install no_such_package"
    assert f"LEFT OUT is fake/needy: {lacking}" in suite.told
    with pytest.raises(errors.UserError, match=r"^fake/needy: it needs no_such_package, not inst"):
        suite.run_here(variant="needy")


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
    slow = (
        suite.add(seeds=200, body=f"{body}\ntime.sleep(60 if slow else 0.05)") / "experiment.slow"
    )
    slow.touch()
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
    slow.unlink()
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

import ast
import json
import math
import multiprocessing
import os
import resource
import subprocess

import numpy as np
import pytest

from common import errors, records


def make(seed, *, code="c", config=None, **measurements):
    return {
        "seed": seed,
        "config": config or {"rate": 0.5},
        "data": {},
        "code": code,
        "measurements": measurements,
        "arrays": None,
    }


def test_a_record_comes_back_as_it_was(tmp_path):
    path = tmp_path / "a.jsonl"
    exact = [0.1 + 0.2, 1e-320, 2**60, True, "año"]
    records.append(path, make(0, value=exact, nested=[[1, 2.5], [3, 4]]))
    assert records.read(path) == [make(0, value=exact, nested=[[1, 2.5], [3, 4]])]


def test_non_finite_floats_come_back_and_the_file_is_strict_json(tmp_path):
    path = tmp_path / "a.jsonl"
    records.append(path, make(0, values=[math.nan, math.inf, -math.inf], epoch=math.inf))

    def refuse(constant):
        raise AssertionError(f"{constant} is not strict JSON")

    line = json.loads(path.read_text(), parse_constant=refuse)
    assert line["measurements"] == {"values": ["NaN", "Infinity", "-Infinity"], "epoch": "Infinity"}
    values = records.read(path)[0]["measurements"]["values"]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


def test_numpy_values_and_tuples_are_stored_as_plain_ones():
    value = {
        "scalar": np.float32(0.5),
        "count": np.int64(3),
        "flag": np.bool_(True),
        "matrix": np.array([[1.0, np.nan]]),
        "shape": (2, 3),
    }
    assert records.plain(value) == {
        "scalar": 0.5,
        "count": 3,
        "flag": True,
        "matrix": [[1.0, "NaN"]],
        "shape": [2, 3],
    }
    assert type(records.plain(value)["flag"]) is bool


def test_what_json_does_not_know_is_refused(tmp_path):
    with pytest.raises(TypeError):
        records.append(tmp_path / "a.jsonl", make(0, value=object()))
    assert records.read(tmp_path / "a.jsonl") == []


@pytest.mark.parametrize("cut", [1, 2, 40, 10_000])
def test_a_torn_last_line_is_dropped_and_then_cut_off(tmp_path, cut):
    path = tmp_path / "a.jsonl"
    for seed in range(2):
        records.append(path, make(seed, curve=[0.1] * 5000))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert [record["seed"] for record in records.read(path)] == [0]
    records.append(path, make(7, value=1.0))
    assert [record["seed"] for record in records.read(path)] == [0, 7]
    assert len(path.read_text().splitlines()) == 2


def test_a_file_with_nothing_but_a_torn_line_is_empty(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"seed": 0, "meas')
    assert records.read(path) == []
    records.append(path, make(1))
    assert [record["seed"] for record in records.read(path)] == [1]


def test_no_file_has_no_records(tmp_path):
    assert records.read(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize("line", ["garbage", "[1]", "{}", '"text"', "\0\0\0"])
def test_a_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "a.jsonl"
    records.append(path, make(0))
    with path.open("a") as file:
        file.write(line + "\n")
    records.append(path, make(1))
    with pytest.raises(errors.UserError, match=r"a\.jsonl: damaged") as caught:
        records.read(path)
    assert "\n" not in str(caught.value)


def test_a_tail_reads_each_whole_line_once(tmp_path):
    path = tmp_path / "a.jsonl"
    tail = records.Tail(path)
    assert tail.read() == []
    records.append(path, make(0))
    assert [record["seed"] for record in tail.read()] == [0]
    line = json.dumps(make(1)) + "\n"
    with path.open("a") as file:
        file.write(line[:30])
        file.flush()
        assert tail.read() == []
        file.write(line[30:])
    records.append(path, make(2))
    assert [record["seed"] for record in tail.read()] == [1, 2]
    assert tail.read() == []


def _append_many(path, seeds):
    for seed in seeds:
        records.append(path, make(seed, curve=[seed] * 2000))


def test_two_processes_append_whole_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    spawn = multiprocessing.get_context("spawn")
    writers = [
        spawn.Process(target=_append_many, args=(path, range(start, start + 50)))
        for start in (0, 50)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(record["seed"] for record in records.read(path)) == list(range(100))


def test_a_record_that_cannot_be_written_whole_leaves_no_trace(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    records.append(path, make(0))
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(errors.UserError, match=r"a\.jsonl: cannot be written: No space left.*room"):
        records.append(path, make(1))
    assert path.read_bytes() == before


def test_a_record_that_fits_only_in_part_leaves_no_trace(tmp_path):
    path = tmp_path / "a.jsonl"
    records.append(path, make(0))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, limits[1]))
    try:
        with pytest.raises(errors.UserError, match="No space left"):
            records.append(path, make(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(errors.UserError, match=r"none/a\.jsonl: cannot be written"):
        records.append(tmp_path / "none" / "a.jsonl", make(0))


def test_current_records_share_the_key_of_the_last_and_are_sorted_by_seed():
    old = [make(seed, code="old") for seed in (0, 1, 2)]
    new = [make(1, code="new"), make(0, code="new")]
    assert records.current(old + new) == [new[1], new[0]]
    other = make(5, config={"rate": 10}, code="new")
    assert records.current([*old, *new, other]) == [other]
    assert records.current([]) == []
    assert records.matching(old + new, records.key(old[0])) == old


CODE = '''
"""What it reproduces."""
import keras
import matplotlib
keras.config.set_floatx("float64")

class Config:
    """The protocol."""
    rate = 0.5

STEPS = [1, 2]
STEPS += [3]
VARIANTS = {"as_written": Config()}

def run(config, seeds):
    """Yield measurements."""
    return _measure(seeds)  # all of them

def _measure(seeds):
    return [keras.ops.sum(STEPS) for seed in seeds]

COLOURS = ["blue"]

def plot(records, folder):
    return _draw(records)

def _draw(records):
    return {}

if __name__ == "__main__":
    print("run")
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("What it reproduces.", "What this file reproduces."),
        ("The protocol.", "Another word."),
        ("Yield measurements.", "Give measurements."),
        ("# all of them", "# every one"),
        ("rate = 0.5", "rate   =   0.5"),
        ("return {}", "return {'a.png': 'A caption.'}"),
        ('["blue"]', '["red"]'),
        ("import matplotlib", "import scipy"),
        ("import keras", "import keras, pandas"),
        ('print("run")', "pass"),
    ],
)
def test_the_code_hash_ignores_what_changes_no_measurement(tmp_path, old, new):
    assert old in CODE
    assert _hash(tmp_path, CODE.replace(old, new)) == _hash(tmp_path, CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate = 0.5", "rate = 0.25"),
        ("_measure(seeds)  #", "_measure(seeds[:1])  #"),
        ("keras.ops.sum(STEPS)", "keras.ops.max(STEPS)"),
        ("STEPS = [1, 2]", "STEPS = [0, 2]"),
        ("STEPS += [3]", "STEPS += [4]"),
        ('"as_written"', '"corrected"'),
        ("import keras", "import my_keras as keras"),
        ('set_floatx("float64")', 'set_floatx("float32")'),
        ("VARIANTS =", 'SHORTENED = {"smoke": {"rate": 1}}\nVARIANTS ='),
    ],
)
def test_the_code_hash_sees_what_may(tmp_path, old, new):
    assert old in CODE
    assert _hash(tmp_path, CODE.replace(old, new)) != _hash(tmp_path, CODE)


def test_the_code_hash_covers_the_measuring_modules_that_are_imported(tmp_path, monkeypatch):
    training = CODE.replace("import keras", "import keras\nfrom common import training")
    through_another = training.replace("import training", "import paper_library")
    before = [_hash(tmp_path, code) for code in (CODE, training, through_another)]
    monkeypatch.setattr(records, "_bare", _with_one_more_line(records._bare, "training.py"))
    after = [_hash(tmp_path, code) for code in (CODE, training, through_another)]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, False]


def _with_one_more_line(bare, name):
    def changed(path):
        tree = bare(path)
        if path.name == name:
            tree.body += ast.parse("changed = True").body
        return tree

    return changed


def _hash(folder, code):
    path = folder / "example.py"
    path.write_text(code)
    return records.code_hash(path)


def test_provenance_says_what_measured_it():
    provenance = records.provenance("cpu", 2)
    assert provenance["device"] == "cpu"
    assert provenance["threads"] == 2
    assert provenance["packages"]["numpy"] == np.__version__
    assert provenance["host"].count(", ") >= 1
    assert provenance["time"].endswith("+00:00")
    json.dumps(provenance)


def test_provenance_does_without_git_and_without_a_package(monkeypatch):
    def no_git(*arguments, **options):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", no_git)
    monkeypatch.setattr(records, "PACKAGES", ("no-such-package",))
    provenance = records.provenance("cpu", 1)
    assert provenance["commit"] is None
    assert provenance["dirty"] is False
    assert provenance["packages"]["no-such-package"] == "unknown"


def test_stack_keeps_the_order_of_the_records():
    stacked = records.stack([make(1, loss=[1.0, 2.0]), make(0, loss=[3.0, math.inf])], "loss")
    assert stacked.tolist() == [[1.0, 2.0], [3.0, math.inf]]


def test_arrays_are_read_from_beside_the_record(tmp_path):
    np.savez(tmp_path / "v-0.npz", weights=np.eye(2))
    record = {**make(0), "arrays": "v-0.npz"}
    assert records.arrays(record, tmp_path)["weights"].tolist() == [[1, 0], [0, 1]]
    assert records.arrays({**record, "folder": tmp_path})["weights"].shape == (2, 2)
    assert records.arrays(make(0), tmp_path) == {}


def test_first_arrays_are_those_of_the_first_run_that_has_some(tmp_path):
    np.savez(tmp_path / "v-1.npz", weights=np.ones(2))
    runs = [{"arrays": None, "folder": tmp_path}, {"arrays": "v-1.npz", "folder": tmp_path}]
    assert records.first_arrays(runs)["weights"].tolist() == [1, 1]
    assert records.first_arrays(runs[:1]) == records.first_arrays([]) == {}

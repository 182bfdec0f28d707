import json
import math
import multiprocessing
import os
import resource

import numpy as np
import pytest

from common import errors, records


def make(seed, *, code="c", config=None, **measurements):
    return {
        "schema": records.SCHEMA,
        "reproduction": "fake",
        "variant": "a",
        "config": config or {"rate": 0.5},
        "shortened": {},
        "code": code,
        "data": {},
        "asked": {"profile": "full", "seeds": None},
        "packages": {},
        "host": "here",
        "device": "cpu",
        "threads": 1,
        "commit": None,
        "dirty": None,
        "time": "2026-01-01T00:00:00+00:00",
        "seed": seed,
        "measurements": measurements,
        "arrays": None,
        "seconds": 0.5,
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

    line = json.loads(path.read_text().splitlines()[1], parse_constant=refuse)
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


class Tensor:
    def tolist(self):
        return [1.0]


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, 1j, np.complex64(1), b"text", Tensor(), {1: 2}]
)
def test_what_json_does_not_know_is_refused(tmp_path, value):
    with pytest.raises(TypeError, match=r"no plain value|the key 1 is no text"):
        records.append(tmp_path / "a.jsonl", make(0, value=[{"a": value}]))
    assert records.read(tmp_path / "a.jsonl") == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"seed": "0"}, "'seed' is a str"),
        ({"seed": True}, "'seed' is a bool"),
        ({"measurements": [1]}, "'measurements' is a list"),
        ({"arrays": 3}, "'arrays' is a int"),
        ({"dirty": "no"}, "'dirty' is a str"),
        ({"threads": None}, "'threads' is a NoneType"),
        ({"extra": 1}, "has extra, which no record has"),
    ],
)
def test_what_is_no_record_is_neither_written_nor_read(tmp_path, changes, fault):
    path = tmp_path / "a.jsonl"
    record = {**make(0), **changes}
    with pytest.raises(ValueError, match=fault):
        records.append(path, record)
    shared = {"run": "r", **{key: record[key] for key in record if key not in records.OWN}}
    own = {"run": "r", **{key: record[key] for key in records.OWN}}
    path.write_text(json.dumps(shared) + "\n" + json.dumps(own) + "\n")
    assert records.read(path) == []
    assert records.damage(path)[0].fault == fault


@pytest.mark.parametrize("key", [*records.OWN, *records.SHARED])
def test_a_record_without_one_of_its_keys_is_none(tmp_path, key):
    record = make(0)
    del record[key]
    with pytest.raises(ValueError, match=f"has no '{key}'"):
        records.append(tmp_path / "a.jsonl", record)
    assert not (tmp_path / "a.jsonl").exists()


def test_what_seeds_share_stands_once(tmp_path):
    path = tmp_path / "a.jsonl"
    made = [*map(make, range(3)), *(make(seed, code="new") for seed in range(3)), make(3)]
    for record in made:
        records.append(path, record)
    assert len(path.read_text().splitlines()) == 2 + len(made)
    assert records.read(path) == made


def test_a_repeated_seed_is_damage(tmp_path):
    path = tmp_path / "a.jsonl"
    for record in (make(0), make(1), make(0, code="new")):
        records.append(path, record)
    path.write_text(path.read_text() + path.read_text())
    assert [each.fault for each in records.damage(path)] == [
        "repeats seed 0 of line 2",
        "repeats seed 1 of line 3",
        "repeats seed 0 of line 5",
    ]
    assert records.read(path) == [make(0), make(1), make(0, code="new")]


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
    assert len(path.read_text().splitlines()) == 3


def test_a_file_with_nothing_but_a_torn_line_is_empty(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"seed": 0, "meas')
    assert records.read(path) == []
    records.append(path, make(1))
    assert [record["seed"] for record in records.read(path)] == [1]


def test_no_file_has_no_records(tmp_path):
    assert records.read(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize("line", ["garbage", "[1]", "{}", '"text"', "\0\0\0"])
def test_a_damaged_line_spares_the_others(tmp_path, line):
    path = tmp_path / "a.jsonl"
    records.append(path, make(0))
    with path.open("a") as file:
        file.write(line + "\n")
    records.append(path, make(1))
    assert records.read(path) == [make(0), make(1)]
    (damage,) = records.damage(path)
    assert (damage.number, damage.beginning) == (3, repr(line))
    (message,) = records.set_damage_aside(path)
    assert "\n" not in message
    assert records.set_damage_aside(path) == []
    assert records.read(path) == [make(0), make(1)]
    assert (tmp_path / "a.damaged.txt").read_text() == line + "\n"


def test_what_is_set_aside_twice_is_kept_twice(tmp_path):
    path = tmp_path / "a.jsonl"
    for line in ("one", "two"):
        records.append(path, make(0))
        with path.open("a") as file:
            file.write(line + "\r\n")
        records.set_damage_aside(path)
    assert (tmp_path / "a.damaged.txt").read_text().split()[0::1][0] == "one"
    assert "two" in (tmp_path / "a.damaged.txt").read_text()


def test_blank_lines_and_windows_line_ends_do_no_harm(tmp_path):
    path = tmp_path / "a.jsonl"
    records.append(path, make(0))
    path.write_text("\ufeff" + path.read_text().replace("\n", "\r\n") + "\n\n")
    records.append(path, make(1))
    assert records.read(path) == [make(0), make(1)]
    assert records.damage(path) == []


def test_a_tail_reads_each_whole_line_once(tmp_path):
    path = tmp_path / "a.jsonl"
    tail = records.Tail(path)
    assert tail.read() == []
    records.append(path, make(0))
    assert [record["seed"] for record in tail.read()] == [0]
    whole = path.read_text()
    records.append(path, make(1))
    line = path.read_text().removeprefix(whole)
    path.write_text(whole)
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

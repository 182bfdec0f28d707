"""What a power cut or a hand leaves behind: the same command heals it, and tells what it costs."""

import json

import pytest

from common import records, runner

ARRAYS = '{"value": seed / 10, "weights": np.full(3, seed)}'


def cut(path, *, to=0.5):
    """Leave a part of a file: nothing, half of it, or as many bytes of nothing."""
    content = path.read_bytes()
    path.write_bytes(b"\0" * len(content) if to is None else content[: int(len(content) * to)])


def replace_line(path, number, line):
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = line
    path.write_bytes(b"\n".join(lines))


def values(stored):
    return [record["measurements"]["value"] for record in stored.records["as_written"]]


def stored(suite):
    """What the folder holds, as --check sees it."""
    return runner.stored(suite.reproduction(), suite.folder)


def test_figures_and_captions_that_are_damaged_are_drawn_anew(suite):
    suite.add(figures=True)
    suite.run_here()
    plots = suite.folder / "fake" / "plots"
    whole = {path.name: path.read_bytes() for path in plots.iterdir()}
    for name in ("captions.json", "values.png"):
        for to in (0, 0.5, None):
            cut(plots / name, to=to)
            (damage,) = stored(suite).damage
            assert str(plots / name) in damage
            assert stored(suite).captions == {}
            (plots / name).write_bytes(whole[name])
    for name in ("captions.json", "values.png"):
        cut(plots / name, to=0)
    code, output, complaints = suite.run("--check")  # which neither measures nor draws
    assert (code, complaints) == (0, "")
    assert f"{plots / 'captions.json'}: damaged" in output
    assert "A caption." not in (suite.folder / "report.md").read_text()
    assert suite.run_here()["fake"].damage == []
    (message,) = (line for line in suite.told if "plots" in line)
    assert message == f"{plots / 'captions.json'}: damaged; the figures are drawn anew"
    assert {path.name: path.read_bytes() for path in plots.iterdir()} == whole
    assert len(suite.measured()) == 4


def test_a_damaged_manifest_is_made_anew_from_the_records(suite):
    suite.add("fake")
    suite.add("other")
    suite.folder = suite.root / "results" / "runs" / "20250101-000000-cpu"
    suite.run_here()
    path = suite.folder / "run.json"
    before, content = runner.read_manifest(suite.folder), path.read_bytes()
    for to in (0.5, None, 0):
        path.write_bytes(content)
        cut(path, to=to)
        folder = runner.choose_folder(suite.folder.parent, "standard", None, "cpu", fresh=False)
        assert folder == suite.folder
        assert {**runner.read_manifest(folder), "jobs": 2} == before
    code, output, complaints = suite.run("--check", out=False)
    assert (code, complaints) == (0, "")
    assert f"{path}: damaged" in output
    suite.run_here(reproductions=[suite.reproduction()])
    (message,) = (line for line in suite.told if "run.json" in line)
    assert "made anew from the records" in message
    assert json.loads(path.read_bytes()) == before  # with `other`, too
    assert len(suite.measured()) == 4


def test_a_manifest_that_is_gone_is_made_anew_as_well(suite):
    suite.add()
    suite.folder = suite.root / "20250101-000000-cpu"
    suite.run_here(profile="smoke")
    (suite.folder / "run.json").unlink()
    folder = runner.choose_folder(suite.root, "smoke", None, "cpu", fresh=False)
    assert folder == suite.folder
    assert runner.read_manifest(folder)["reproductions"] == {
        "fake": {"profile": "smoke", "seeds": {"as_written": 2}}
    }


def test_seeds_whose_arrays_are_damaged_are_measured_again(suite):
    suite.add(values=ARRAYS, seeds=6)
    suite.run_here(jobs=1)
    for seed, to in ((1, 0), (2, 0.5), (3, None)):
        cut(suite.folder / "fake" / f"as_written-{seed}.npz", to=to)
    (suite.folder / "fake" / "as_written-4.npz").unlink()
    healed = suite.run_here()["fake"]
    told = [line for line in suite.told if "npz" in line]
    assert "as_written.jsonl, line 3: its arrays in as_written-1.npz are damaged: seed 1" in told[0]
    assert "its arrays in as_written-4.npz are not there" in told[3]
    assert all("its seed is measured again" in line for line in told)
    assert values(healed) == [seed / 10 for seed in range(6)]
    for record in healed.records["as_written"]:
        weights = records.arrays(record, suite.folder / "fake")["weights"]
        assert weights.tolist() == [record["seed"]] * 3
    assert len(suite.measured()) == 10


DAMAGED = {
    "cut": (b'{"run": "c0ffee", "seed": 1, "measurem', "no JSON"),
    "null bytes": (b"\0" * 300, "no JSON"),
    "no UTF-8": (b"\xff\xfe{}", "no JSON"),
    "nested": (b"[" * 100_000, "no JSON"),
    "list": (b"[1, 2]", "no record"),
    "number": (b"1", "no record"),
    "null": (b"null", "no record"),
    "empty": (b"{}", "names no run"),
    "old schema": (b'{"schema": 1, "seed": 1, "measurements": {}}', "of schema 1, and not 2"),
    "new schema": (b'{"run": "c0ffee", "schema": 3}', "of schema 3, and not 2"),
    "lost": (
        b'{"run": "c0ffee", "seed": 1, "measurements": {}, "arrays": null, "seconds": 1}',
        "the line that its run shares is not there",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_line_is_told_by_its_number_and_beginning(tmp_path, kind):
    line, fault = DAMAGED[kind]
    path = tmp_path / "as_written.jsonl"
    path.write_bytes(b"\n\n" + line + b"\n")
    (damage,) = records.damage(path)
    beginning = repr(line[:60].decode(errors="backslashreplace"))
    assert str(damage) == f"{path}, line 3: {fault}: {beginning}"
    assert "\n" not in str(damage)


def test_damaged_lines_are_set_aside_and_their_seeds_measured_again(suite):
    seeds = len(DAMAGED) + 1
    suite.add(seeds=seeds)
    suite.run_here(jobs=1)
    path = suite.folder / "fake" / "as_written.jsonl"
    for number, (line, _) in enumerate(DAMAGED.values(), start=2):
        replace_line(path, number, line)
    content = path.read_bytes()
    code, output, complaints = suite.run("--check")
    assert (code, complaints) == (1, "")  # seeds are missing
    assert f"{path}, line 2: no JSON: " in output
    assert path.read_bytes() == content
    healed = suite.run_here()["fake"]
    told = [line for line in suite.told if str(path) in line]
    aside = "(kept in as_written.damaged.txt; its seed is measured again)"
    assert [line.endswith(aside) for line in told] == [True] * 5 + [False]
    assert told[5] == f"{path}: {len(DAMAGED) - 5} more lines like these"
    assert values(healed) == [seed / 10 for seed in range(seeds)]
    kept = path.with_suffix(".damaged.txt").read_bytes()
    assert kept == b"".join(line + b"\n" for line, _ in DAMAGED.values())
    assert len(suite.measured()) == seeds + len(DAMAGED)
    suite.run_here()
    assert not [line for line in suite.told if str(path) in line]
    assert len(suite.measured()) == seeds + len(DAMAGED)


def test_a_damaged_description_of_a_run_costs_its_seeds(suite):
    suite.add()
    suite.run_here(jobs=1)
    path = suite.folder / "fake" / "as_written.jsonl"
    replace_line(path, 1, b"{")
    assert values(suite.run_here()["fake"]) == [0, 0.1, 0.2, 0.3]
    assert len(path.with_suffix(".damaged.txt").read_text().splitlines()) == 5


def test_fresh_always_works(suite):
    suite.add("lines")
    suite.add("folder")
    suite.add("arrays", values=ARRAYS)
    suite.run_here()
    cut(suite.folder / "lines" / "as_written.jsonl", to=None)
    (suite.folder / "folder" / "as_written.jsonl").unlink()
    (suite.folder / "folder" / "as_written.jsonl").mkdir()
    cut(suite.folder / "arrays" / "as_written-0.npz", to=0)
    cut(suite.folder / "run.json", to=0)
    code, _, complaints = suite.run("--fresh")
    assert (code, complaints) == (0, "")
    for name in ("lines", "folder", "arrays"):
        assert suite.seeds(name) == [0, 1, 2, 3]


def test_a_damaged_error_file_hides_no_crash_and_heals(suite):
    folder = suite.add(body="if not pathlib.Path(__file__).with_suffix('.ok').exists(): 1 / 0")
    suite.run_here()
    path = suite.folder / "fake" / "as_written.error.txt"
    content = path.read_bytes()
    for damaged in (b"", b"\0\0\0", b"\xff\xfe", content[: len(content) // 2]):
        path.write_bytes(damaged)
        assert stored(suite).errors["as_written"]
    (folder / "experiment.ok").touch()
    assert suite.run_here()["fake"].errors == {}
    assert suite.seeds() == [0, 1, 2, 3]


def test_drafts_that_a_kill_has_left_are_cleared_away(suite):
    suite.add()
    suite.run_here()
    (suite.folder / "fake" / "as_written-7.npz.tmp").write_bytes(b"half")
    suite.run_here()
    assert not list(suite.folder.rglob("*.tmp"))

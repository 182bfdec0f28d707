import json

import pytest

from common import errors, runner

ALIKE = {"profile": "standard", "seeds": None, "device": "cpu"}


def store(runs, name, **asked):
    (runs / name).mkdir()
    (runs / name / "run.json").write_text(json.dumps(asked))


def test_without_out_the_newest_run_like_this_one_goes_on(tmp_path):
    store(tmp_path, "20250101-000000-cpu", **ALIKE)
    store(tmp_path, "20250102-000000-cpu", **ALIKE)
    store(tmp_path, "20250103-000000-cpu", **{**ALIKE, "seeds": 3})
    store(tmp_path, "20250104-000000-cpu", **{**ALIKE, "profile": "smoke"})
    store(tmp_path, "20250105-000000-gpu", **{**ALIKE, "device": "gpu"})
    chosen = runner.choose_folder(tmp_path, "standard", None, "cpu", fresh=False)
    assert chosen.name == "20250102-000000-cpu"
    new = runner.choose_folder(tmp_path, "standard", None, "cpu", fresh=True)
    assert not new.exists()
    assert new.name.endswith("-cpu")
    assert not runner.choose_folder(tmp_path, "full", None, "cpu", fresh=False).exists()
    assert runner.stored_runs(tmp_path)[0].name == "20250105-000000-gpu"


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\0" * 400, b'{"profile": "stan', b"[1]", b"{}", b"\xff\xfe", b"[" * 100_000),
        *(b'{"profile": 3}', b'{"profile": "full", "reproductions": [1]}'),
        *(b'{"profile": "full", "reproductions": {"fake": {}}}', None),
        b'{"profile": "full", "reproductions": {"a": {"profile": "full", "seeds": {"b": null}}}}',
    ],
)
def test_damage_in_another_runs_folder_stops_nobody(tmp_path, content):
    store(tmp_path, "20250101-000000-cpu", **ALIKE)
    damaged = tmp_path / "20250102-000000-cpu" / "run.json"
    damaged.parent.mkdir()
    if content is None:
        damaged.mkdir()
    else:
        damaged.write_bytes(content)
    chosen = runner.choose_folder(tmp_path, "standard", None, "cpu", fresh=False)
    assert chosen.name == "20250101-000000-cpu"
    assert [folder.name for folder in runner.stored_runs(tmp_path)] == ["20250101-000000-cpu"]
    message = runner.manifest_damage(damaged.parent)
    assert str(damaged) in message
    assert "\n" not in message


def test_one_folder_serves_one_command_at_a_time(tmp_path):
    with (
        runner.locked(tmp_path),
        pytest.raises(errors.UserError, match="another run is writing there"),
        runner.locked(tmp_path),
    ):
        pass
    with runner.locked(tmp_path):
        pass

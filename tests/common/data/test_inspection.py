"""A copy's damage is told without TensorFlow: which file, and what is wrong with it."""

import json
import os
import re
import shutil

import pytest

from common import data
from common.data import inspection, wine_quality

RECORDS = "wine_quality-train.tfrecord-00000-of-00001"


@pytest.fixture
def is_damaged(red_copy, refusal, monkeypatch):
    """Have the parent and a worker refuse the copy, in the same words; return what is wrong."""
    monkeypatch.setattr("common.data.copies._tensorflow", None)

    def check():
        message = refusal(wine_quality.load, "red")
        assert message == refusal(data.prepare, ["iris", "wine_quality"])
        pattern = (
            rf"data set 'wine_quality/red:1\.0\.0': the prepared copy in {red_copy} is damaged: "
            r"(.*); delete that folder and run again to download it anew, or name a folder with a "
            "good copy: --data-dir FOLDER"
        )
        return re.fullmatch(pattern, message)[1]

    return check


def test_a_sound_copy_has_no_faults(red_copy):
    inspection.check(red_copy, "wine_quality/red:1.0.0", {"train": 1599})
    assert inspection.record_files(red_copy, "train") == {red_copy / RECORDS: 1599}


@pytest.mark.parametrize(
    ("length", "says"),
    [
        (0, " is empty"),
        (5, " breaks off, or is damaged, in record 1 of 1,599 (5 bytes)"),
        (12, " breaks off, or is damaged, in record 1 of 1,599 (12 bytes)"),
        (200, " breaks off, or is damaged, in record 1 of 1,599 (200 bytes)"),
        (417, " holds 1 records where 1,599 were written"),  # the cut is between two
        (500_000, " breaks off, or is damaged, in record 1,200 of 1,599 (500,000 bytes)"),
        (666_780, " breaks off, or is damaged, in record 1,599 of 1,599 (666,780 bytes)"),
        (666_782, " breaks off, or is damaged, in record 1,599 of 1,599 (666,782 bytes)"),
    ],
)
def test_truncated_records(red_copy, records, is_damaged, length, says):
    assert len(records(red_copy / RECORDS)[0]) == 417
    os.truncate(red_copy / RECORDS, length)
    assert is_damaged() == RECORDS + says


@pytest.mark.parametrize("position", [0, 3, 417])
def test_a_record_of_a_wrong_length(red_copy, is_damaged, position):
    content = bytearray((red_copy / RECORDS).read_bytes())
    content[position] ^= 4
    (red_copy / RECORDS).write_bytes(content)
    assert is_damaged().startswith(RECORDS)


def test_bytes_after_the_last_record(red_copy, is_damaged):
    with (red_copy / RECORDS).open("ab") as file:
        file.write(b"\x00" * 100)
    assert is_damaged().startswith(RECORDS)


@pytest.mark.parametrize("name", [RECORDS, "dataset_info.json", "features.json"])
def test_missing_file(red_copy, is_damaged, name):
    (red_copy / name).unlink()
    assert is_damaged() == f"{name} is missing"


@pytest.mark.parametrize("name", [RECORDS, "dataset_info.json", "features.json"])
def test_a_folder_in_a_files_place(red_copy, is_damaged, name):
    (red_copy / name).unlink()
    (red_copy / name).mkdir()
    assert is_damaged().startswith(f"{name} cannot be read (Is a directory)")


def test_empty_folder(red_copy, is_damaged):
    shutil.rmtree(red_copy)
    red_copy.mkdir()
    assert is_damaged() == "the folder is empty"


def test_a_file_in_the_folders_place(red_copy, is_damaged):
    shutil.rmtree(red_copy)
    red_copy.touch()
    assert is_damaged() == "it cannot be read (Not a directory)"


def test_a_link_to_nowhere(red_copy, is_damaged):
    shutil.rmtree(red_copy)
    red_copy.symlink_to(red_copy.parent / "gone")
    assert is_damaged() == "it cannot be read (No such file or directory)"


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"{}", ""),
        (b"[1]", "holds no JSON object"),
        (b'{"splits": [', "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
    ],
)
def test_damaged_description(red_copy, is_damaged, name, content, says):
    (red_copy / name).write_bytes(content)
    assert is_damaged().startswith(f"{name} {says}")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "mnist", "configName": ""}, " describes another data set, 'mnist:1.0.0'"),
        ({"configName": "white"}, " describes another data set, 'wine_quality/white:1.0.0'"),
        ({"version": "2.0.0"}, " describes another data set, 'wine_quality/red:2.0.0'"),
        ({"fileFormat": "riegeli"}, ": its records are in the format 'riegeli', not 'tfrecord'"),
        ({"splits": []}, " describes no split 'train'"),
        ({"splits": [{"name": "train"}]}, " describes no split 'train'"),
        ({"splits": [{"name": "train", "shardLengths": ["x"]}]}, " describes no split 'train'"),
        (
            {"splits": [{"name": "train", "shardLengths": ["1598"]}]},
            ": 1,598 rows in split 'train' where 1,599 were published",
        ),
    ],
)
def test_a_description_of_something_else(red_copy, is_damaged, change, says):
    path = red_copy / "dataset_info.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert is_damaged() == f"dataset_info.json{says}"


def test_a_copy_of_another_data_set(copies_dir, red_copy, is_damaged):
    for path in red_copy.iterdir():
        path.unlink()
    for path in (copies_dir / "mnist/3.0.1").iterdir():
        (red_copy / path.name).symlink_to(path)
    assert is_damaged() == "dataset_info.json describes another data set, 'mnist:3.0.1'"


def test_two_files_of_records(red_copy, records):
    whole = records(red_copy / RECORDS)
    (red_copy / RECORDS).unlink()
    for number, part in enumerate((whole[:1000], whole[1000:])):
        path = red_copy / f"wine_quality-train.tfrecord-{number:05d}-of-00002"
        path.write_bytes(b"".join(part))
    path = red_copy / "dataset_info.json"
    path.write_text(path.read_text().replace('"1599"', '"1000", "599"'))
    inspection.check(red_copy, "wine_quality/red:1.0.0", {"train": 1599})
    assert wine_quality.load("red").quality[:5].tolist() == [5, 5, 5, 6, 5]

"""What only shows when a copy is read: records that are not what was written, or published."""

import json
import sys
from unittest import mock

import pytest

from common.data import copies, mnist, wine_quality

RECORDS = "wine_quality-train.tfrecord-00000-of-00001"


@pytest.fixture
def red_is_damaged(red_copy, refusal):
    def check():
        message = refusal(wine_quality.load, "red")
        assert "data set 'wine_quality/red:1.0.0'" in message
        assert f"{red_copy} is damaged: " in message
        assert "delete that folder and run again to download it anew" in message
        assert "--data-dir" in message
        assert "{{" not in message
        return message

    return check


@pytest.mark.parametrize(
    ("position", "record"), [(10, "1"), (300, "1"), (400_000, "960"), (666_782, "1,599")]
)
def test_flipped_bit(red_copy, red_is_damaged, position, record):
    content = bytearray((red_copy / RECORDS).read_bytes())
    content[position] ^= 4
    (red_copy / RECORDS).write_bytes(content)
    assert f"{RECORDS}: record {record} does not match its checksum; " in red_is_damaged()


def test_renamed_feature(red_copy, red_is_damaged):
    features = (red_copy / "features.json").read_text()
    (red_copy / "features.json").write_text(features.replace('"pH"', '"pI"'))
    assert "features.json does not fit (" in red_is_damaged()


def test_other_features(red_copy, red_is_damaged):
    (red_copy / "features.json").write_text(json.dumps({"featuresDict": {"features": {}}}))
    assert "features.json does not fit (" in red_is_damaged()


def test_fewer_rows_that_the_description_agrees_with(red_copy, records, red_is_damaged):
    (red_copy / RECORDS).write_bytes(b"".join(records(red_copy / RECORDS)[:-1]))
    description = json.loads((red_copy / "dataset_info.json").read_text())
    description["splits"][0]["shardLengths"] = ["1598"]
    (red_copy / "dataset_info.json").write_text(json.dumps(description))
    assert "1,598 rows" in red_is_damaged()


def test_rows_in_another_order(red_copy, records, red_is_damaged):
    first, second, *others = records(red_copy / RECORDS)
    (red_copy / RECORDS).write_bytes(b"".join([second, first, *others]))
    assert f"{RECORDS}: the numbers are not the published ones" in red_is_damaged()


def test_a_bug_of_ours_is_no_damage(red_copy, monkeypatch):
    bug = mock.Mock(side_effect=ImportError("no tensorflow"))
    monkeypatch.setattr(copies, "_tensorflow", bug)
    with pytest.raises(ImportError, match="no tensorflow"):
        wine_quality.load("red")
    assert bug.called
    assert red_copy.is_dir()


def test_the_command_calls_the_library(elsewhere, monkeypatch):
    library = mock.MagicMock()
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", library)
    exec(copies.download_command(list(wine_quality.COPIES.values()))[2], {})
    assert library.builder.call_args_list == [
        mock.call("wine_quality/red:1.0.0", data_dir=str(elsewhere)),
        mock.call("wine_quality/white:1.0.0", data_dir=str(elsewhere)),
    ]
    assert library.builder().download_and_prepare.call_count == 2


def test_only_what_is_missing_is_asked_for(red_copy):
    both = list(wine_quality.COPIES.values())
    message = copies.missing(both, "it rains")
    assert str(red_copy) not in message
    assert "white/1.0.0, and it rains" in message
    assert '["wine_quality/white:1.0.0"]' in message
    assert mnist.COPY.version == "3.0.1"

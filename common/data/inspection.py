"""What is wrong with a prepared copy, and in which of its files, told without TensorFlow.

tensorflow-datasets writes a description (dataset_info.json), the types of the columns
(features.json) and, for each split, files of records. A copy that was cut short, or half copied, or
is another data set's, shows there.
"""

import json
import pathlib
import typing
from collections.abc import Iterator, Mapping

DESCRIPTION = "dataset_info.json"
FEATURES = "features.json"
_FRAME = 16  # bytes of a record beside its content: 8 of length, 4 of checksum, 4 of checksum


class FaultError(Exception):
    """What is wrong, in words that begin with the file's name."""


def check(folder: pathlib.Path, name: str, rows: Mapping[str, int]) -> None:
    """Look through the files of a copy; only the records' content is left to its readers.

    Args:
        folder: where it lies.
        name: as the library spells it: data set[/configuration]:version.
        rows: split -> number of rows.

    Raises:
        FaultError: there is something wrong.
    """
    if not any(folder.iterdir()):
        raise FaultError("the folder is empty")
    description = _read(folder / DESCRIPTION)
    if (found := _name(description)) != name:
        raise FaultError(f"{DESCRIPTION} describes another data set, '{found}'")
    if (kind := description.get("fileFormat", "tfrecord")) != "tfrecord":
        raise FaultError(f"{DESCRIPTION}: its records are in the format '{kind}', not 'tfrecord'")
    if "featuresDict" not in _read(folder / FEATURES):
        raise FaultError(f"{FEATURES} names no columns")
    for split, expected in rows.items():
        files = record_files(folder, split)
        counted = sum(files.values())
        if counted != expected:
            raise FaultError(
                f"{DESCRIPTION}: {counted:,} rows in split '{split}' where {expected:,} were "
                "published"
            )
        for path, count in files.items():
            _check_records(path, count)


def record_files(folder: pathlib.Path, split: str) -> dict[pathlib.Path, int]:
    """List a split's files of records, as the description has them, and how many are in each.

    Raises:
        FaultError: the description cannot be read.
    """
    description = _read(folder / DESCRIPTION)
    try:
        lengths = next(
            [int(length) for length in part["shardLengths"]]
            for part in description["splits"]
            if part["name"] == split
        )
    except (StopIteration, KeyError, TypeError, ValueError) as error:
        raise FaultError(f"{DESCRIPTION} describes no split '{split}'") from error
    beginning = f"{description['name']}-{split}.tfrecord"
    return {
        folder / f"{beginning}-{number:05d}-of-{len(lengths):05d}": length
        for number, length in enumerate(lengths)
    }


def _read(path: pathlib.Path) -> dict[str, typing.Any]:
    """Read one of the JSON files."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise FaultError(f"{path.name} is missing") from error
    except OSError as error:
        raise FaultError(f"{path.name} cannot be read ({error.strerror})") from error
    except ValueError as error:
        what = "is no JSON" if path.stat().st_size else "is empty"
        raise FaultError(f"{path.name} {what} ({error})") from error
    if not isinstance(content, dict):
        raise FaultError(f"{path.name} holds no JSON object")
    return content


def _name(description: Mapping[str, typing.Any]) -> str:
    """Spell the name as the library does."""
    parts = [description.get("name"), description.get("configName")]
    data_set = "/".join(str(part) for part in parts if part)
    return f"{data_set or 'nameless'}:{description.get('version', 'no version')}"


def _check_records(path: pathlib.Path, expected: int) -> None:
    """Follow a file of records from one to the next up to its end."""
    try:
        size = path.stat().st_size
        ends = list(_ends(path))
    except FileNotFoundError as error:
        raise FaultError(f"{path.name} is missing") from error
    except OSError as error:
        raise FaultError(f"{path.name} cannot be read ({error.strerror})") from error
    if not size:
        raise FaultError(f"{path.name} is empty")
    if ends and ends[-1] > size:
        raise FaultError(
            f"{path.name} breaks off, or is damaged, in record {len(ends):,} of {expected:,} "
            f"({size:,} bytes)"
        )
    if len(ends) != expected:
        raise FaultError(f"{path.name} holds {len(ends):,} records where {expected:,} were written")


def _ends(path: pathlib.Path) -> Iterator[int]:
    """Say where each record ends; the last may end after the file does."""
    size = path.stat().st_size
    with path.open("rb") as file:
        end = 0
        while end < size:
            length = int.from_bytes(file.read(8), "little")
            end += length + _FRAME
            file.seek(min(end, size))
            yield end

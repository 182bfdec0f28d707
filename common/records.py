"""Records: what one seed of one variant measured, one line of strict JSON each.

A record is a dict: its `OWN` keys (seed, measurements, arrays, seconds), and what the seeds of one
command share, its `SHARED` keys (what was run, and with which config, code, data, packages and
machine). The shared part stands once, in a line before the first record that names it:

    {"run": "1f0c5e2a9b44", "schema": 2, "reproduction": "xor_mlp", "config": {...}, ...}
    {"run": "1f0c5e2a9b44", "seed": 0, "measurements": {...}, "arrays": null, "seconds": 0.5}

`read` puts them together. A line is written whole or not at all, so a run may be killed at any
moment. A kill in the middle of a write leaves a torn last line, which is no record and is cut off
before the next one is appended. Any other line that is no whole record is `Damage`.

JSON knows no infinity: non-finite floats are stored as "NaN", "Infinity" and "-Infinity", and come
back from `read` as floats.
"""

import dataclasses
import errno
import fcntl
import hashlib
import io
import json
import math
import os
import pathlib
import types
import typing
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence

from common import errors, files

if typing.TYPE_CHECKING:  # --list and --check start without NumPy
    import numpy as np

SCHEMA = 2
OWN: dict[str, typing.Any] = {
    "seed": int,
    "measurements": dict,
    "arrays": str | None,  # the file beside this one that holds them
    "seconds": int | float,
}
PROVENANCE: dict[str, typing.Any] = {
    "packages": dict,
    "host": str,
    "device": str,
    "threads": int,
    "commit": str | None,
    "dirty": bool | None,
    "time": str,
}
SHARED: dict[str, typing.Any] = {
    "schema": int,
    "reproduction": str,
    "variant": str,
    "config": dict,
    "shortened": dict,  # the fields of config that the profile cuts short
    "code": str,
    "data": dict,
    "asked": dict,  # the profile and the number of seeds that the command asked for
    **PROVENANCE,
}
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
SHOWN = 60  # characters of a damaged line that are told
TOLD = 5  # damaged lines of a file that are told one by one

Record = dict[str, typing.Any]


# ---- Writing -------------------------------------------------------------------------------------


def append(path: pathlib.Path, record: Record) -> None:
    """Append one record, whole or not at all, and wait until it is on the disk.

    Raises:
        errors.UserError: the line cannot be written (no space left, no permission).
        TypeError: it holds something that JSON does not know.
        ValueError: it lacks a key, or has one of the wrong type.
    """
    shared = plain({name: value for name, value in record.items() if name not in OWN})
    own = plain({name: record[name] for name in OWN if name in record})
    _check(shared, SHARED)
    _check(own, OWN)
    run = hashlib.sha256(_line(shared)).hexdigest()[:12]
    head, line = _line({"run": run, **shared}), _line({"run": run, **own})
    try:
        with path.open("ab+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another worker may append to the same variant
            before = _without_torn_tail(file)
            if head not in before:
                line = head + line
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
                if not before:
                    files.sync_folder(path.parent)
            except OSError:
                file.truncate(len(before))
                raise
    except OSError as error:
        raise files.cannot_write(path, error) from error


def _line(value: Record) -> bytes:
    return (json.dumps(value, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _without_torn_tail(file: io.FileIO) -> bytes:
    """Cut off what follows the last newline; what is left."""
    file.seek(0)
    content = file.readall()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        file.truncate(len(whole))
    return whole


def plain(value: typing.Any) -> typing.Any:
    """`value` as strict JSON: NumPy values as lists and numbers, non-finite ones as strings.

    Raises:
        TypeError: it is, or holds, something else; the message names the type.
    """
    if isinstance(value, dict):
        return {_text(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if type(value).__module__ == "numpy":  # its scalars and arrays
        return plain(value.tolist())
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} is no plain value")


def _text(key: typing.Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} is no text")
    return key


# ---- Reading -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Damage:
    """A line of a file of records that is no whole record, or whose arrays are not whole."""

    path: pathlib.Path
    number: int
    fault: str
    beginning: str

    def __str__(self) -> str:
        """One line: where it is, what is wrong with it, how it begins."""
        return f"{self.path}, line {self.number}: {self.fault}: {self.beginning}"


def read(path: pathlib.Path) -> list[Record]:
    """All whole records of a file in the order written; none where there is no file.

    Raises:
        errors.UserError: the file cannot be read at all.
    """
    return Tail(path).read()


def damage(path: pathlib.Path) -> list[Damage]:
    """The lines of a file that are no whole records, and the records whose arrays are not whole."""
    tail = Tail(path)
    found = [
        Damage(path, number, fault, f"seed {record['seed']}")
        for number, record in tail.read_numbered()
        if (fault := _arrays_fault(record, path.parent))
    ]
    return sorted([*tail.damaged, *found], key=lambda each: each.number)


def set_damage_aside(path: pathlib.Path) -> list[str]:
    """Move the damaged lines of a file to a file beside it; what to tell about them."""
    damaged = damage(path)
    if not damaged:
        return []
    aside = path.with_suffix(".damaged.txt")
    numbers = {each.number for each in damaged}
    whole: list[bytes] = []
    broken: list[bytes] = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        (broken if number in numbers else whole).append(line)
    earlier = aside.read_bytes() if aside.exists() else b""
    files.write(aside, earlier + b"".join(line + b"\n" for line in broken))
    files.write(path, b"\n".join(whole))
    return told(damaged, f"kept in {aside.name}; its seed is measured again")


def told(damaged: Sequence[Damage], mend: str) -> list[str]:
    """One line for each damage, and what is done about it; of many, the first few."""
    lines = [f"{each} ({mend})" for each in damaged[:TOLD]]
    if more := damaged[TOLD:]:
        lines.append(f"{more[0].path}: {len(more)} more lines like these")
    return lines


class Tail:
    """Reads a file that others append to: each `read` gives what came since the last.

    `damaged` collects the lines that are no whole records.
    """

    def __init__(self, path: pathlib.Path) -> None:
        """Start at the beginning of `path`, which need not exist yet."""
        self.path = path
        self.damaged: list[Damage] = []
        self._offset = 0
        self._number = 0
        self._heads: dict[str, Record] = {}  # what the records of a run share, by its name
        self._seen: dict[tuple[str, int], int] = {}  # key and seed -> line

    def read(self) -> list[Record]:
        """The records of the whole lines added since the last call."""
        return [record for _, record in self.read_numbered()]

    def read_numbered(self) -> list[tuple[int, Record]]:
        """The same, each with the number of its line."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                whole = file.read().rpartition(b"\n")[0]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise errors.UserError(f"{self.path}: cannot be read: {error.strerror}") from error
        if not whole:
            return []
        self._offset += len(whole) + 1
        return list(self._records(whole.split(b"\n")))

    def _records(self, lines: Iterable[bytes]) -> Iterator[tuple[int, Record]]:
        for line in lines:
            self._number += 1
            try:
                record = self._decoded(line) if line.strip() else None
            except (ValueError, RecursionError) as error:
                shown = line[:SHOWN].decode(errors="backslashreplace")
                self.damaged.append(Damage(self.path, self._number, _reason(error), repr(shown)))
            else:
                if record is not None:
                    yield self._number, record

    def _decoded(self, line: bytes) -> Record | None:
        """The record that a line holds; None for a line of what the next ones share."""
        value = json.loads(line)
        if not isinstance(value, dict):
            raise ValueError("no record")
        if value.get("schema", SCHEMA) != SCHEMA:
            raise ValueError(f"of schema {value['schema']!r}, and not {SCHEMA}")
        run = value.pop("run", None)
        if not isinstance(run, str):
            raise ValueError("names no run")
        if "schema" in value:
            _check(value, SHARED)
            self._heads[run] = value
            return None
        _check(value, OWN)
        if run not in self._heads:
            raise ValueError("the line that its run shares is not there")
        record = {**self._heads[run], **value}
        self._check_new(record)
        return {**record, "measurements": _with_real_floats(value["measurements"])}

    def _check_new(self, record: Record) -> None:
        place = json.dumps(key(record)), record["seed"]
        if self._seen.setdefault(place, self._number) != self._number:
            raise ValueError(f"repeats seed {record['seed']} of line {self._seen[place]}")


def _check(value: Record, keys: dict[str, typing.Any]) -> None:
    """Refuse what lacks a key, or has one too many, or one of the wrong type."""
    for name, kind in keys.items():
        if name not in value:
            raise ValueError(f"has no '{name}'")
        is_flag = isinstance(value[name], bool)
        takes_flags = isinstance(kind, types.UnionType) and bool in kind.__args__
        if not isinstance(value[name], kind) or is_flag != (takes_flags and is_flag):
            raise ValueError(f"'{name}' is a {type(value[name]).__name__}")
    if unknown := value.keys() - keys.keys():
        raise ValueError(f"has {', '.join(sorted(unknown))}, which no record has")


def _reason(error: Exception) -> str:
    """What is wrong with a line, in a few words."""
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError, RecursionError)):
        return "no JSON"
    return str(error)


def _with_real_floats(value: typing.Any) -> typing.Any:
    if isinstance(value, dict):
        return {key: _with_real_floats(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_real_floats(part) for part in value]
    return NON_FINITE.get(value, value) if isinstance(value, str) else value


def _arrays_fault(record: Record, folder: pathlib.Path) -> str | None:
    """What is wrong with the file of a record's arrays; None if it is whole, or there is none."""
    if record["arrays"] is None:
        return None
    path = folder / record["arrays"]
    try:
        with zipfile.ZipFile(path) as archive:  # which an .npz is
            broken = archive.testzip()
    except FileNotFoundError:
        return f"its arrays in {path.name} are not there"
    except (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        broken = path.name
    return f"its arrays in {path.name} are damaged" if broken else None


# ---- What belongs together -----------------------------------------------------------------------


def key(record: Record) -> tuple[typing.Any, typing.Any, typing.Any]:
    """What two records must share to be measurements of the same thing: config, data and code."""
    return record["config"], record["data"], record["code"]


def matching(records: Iterable[Record], wanted: tuple) -> list[Record]:
    """The records with the key `wanted`."""
    return [record for record in records if key(record) == wanted]


def current(records: Sequence[Record]) -> list[Record]:
    """The records that share the key of the last one, by seed: what a file stands for today."""
    if not records:
        return []
    return sorted(matching(records, key(records[-1])), key=lambda record: record["seed"])


# ---- Arrays --------------------------------------------------------------------------------------


def stack(records: Sequence[Record], metric: str) -> "np.ndarray":
    """One metric of all records, shape [records, ...], in the order of the records."""
    import numpy as np

    return np.array([record["measurements"][metric] for record in records])


def arrays(record: Record, folder: pathlib.Path | None = None) -> "dict[str, np.ndarray]":
    """The NumPy arrays stored beside a record, by name; none where it has none.

    `folder` is where the record's file lies; records handed to a reproduction's figures know it.
    """
    import numpy as np

    if record["arrays"] is None:
        return {}
    with np.load((folder or record["folder"]) / record["arrays"]) as content:
        return dict(content)


def first_arrays(runs: Sequence[Record]) -> "dict[str, np.ndarray]":
    """The arrays of the first of a variant's runs that has some; none where none has.

    `runs` are records handed to a reproduction's figures, or nothing where a variant was not run.
    """
    return next((arrays(run) for run in runs if run.get("arrays")), {})

"""Records: what one seed of one variant measured, one line of strict JSON each.

A record is a dict with the keys schema, reproduction, variant, seed, config, shortened,
measurements, arrays, seconds, code, data, packages, host, device, threads, commit, dirty and time.
A line is written whole or not at all, so a run may be killed at any moment. Only the last line can
ever be torn, by a kill in the middle of a write; it is dropped on reading, and cut off before the
next one is appended.

JSON knows no infinity: non-finite floats are stored as "NaN", "Infinity" and "-Infinity", and come
back from `read` as floats.
"""

import ast
import datetime
import errno
import fcntl
import hashlib
import importlib.metadata
import io
import json
import math
import os
import pathlib
import platform
import subprocess
import typing
from collections.abc import Iterable, Sequence

from common import errors

if typing.TYPE_CHECKING:  # --list and --check start without NumPy
    import numpy as np

SCHEMA = 1
PACKAGES = (
    "keras",
    "numpy",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "tensorflow",
    "tensorflow-datasets",
)
# What measuring imports from common/, but for data: what data.py returns is held against published
# checksums or named by a package's version, so its code cannot change a measurement.
MEASURING = ("images", "paper_library", "training")  # each before what it imports itself
MEASURED_FROM = ("run", "VARIANTS", "SHORTENED")  # what the runner takes from a reproduction
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Record = dict[str, typing.Any]


def append(path: pathlib.Path, record: Record) -> None:
    """Append one record, whole or not at all, and wait until it is on the disk.

    Raises:
        errors.UserError: the line cannot be written (no space left, no permission).
    """
    line = (json.dumps(plain(record), allow_nan=False, ensure_ascii=False) + "\n").encode()
    try:
        with path.open("ab+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another worker may append to the same variant
            size = _cut_torn_tail(file)
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: pathlib.Path, error: OSError) -> errors.UserError:
    """The one line that says why `path` cannot be written, and what to do."""
    cause = error.strerror or str(error)
    mend = "make room" if error.errno == errno.ENOSPC else "choose another folder with --out"
    return errors.UserError(f"{path}: cannot be written: {cause}; {mend}, then run it again")


def _cut_torn_tail(file: io.FileIO) -> int:
    """Cut off what follows the last newline; the size that is left."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return 0
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return size
    file.seek(0)
    whole = file.readall().rfind(b"\n") + 1
    file.truncate(whole)
    return whole


def read(path: pathlib.Path) -> list[Record]:
    """All records of a file in the order written; none where there is no file.

    Raises:
        errors.UserError: a line is no record (and is not merely torn off at the end).
    """
    return Tail(path).read()


class Tail:
    """Reads a file that others append to: each `read` gives what came since the last."""

    def __init__(self, path: pathlib.Path) -> None:
        """Start at the beginning of `path`, which need not exist yet."""
        self.path = path
        self.offset = 0

    def read(self) -> list[Record]:
        """The records of the whole lines added since the last call."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                whole = file.read().rpartition(b"\n")[0]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise errors.UserError(f"{self.path}: cannot be read: {error.strerror}") from error
        if not whole:
            return []
        self.offset += len(whole) + 1
        return [self._decoded(line) for line in whole.split(b"\n")]

    def _decoded(self, line: bytes) -> Record:
        try:
            record = json.loads(line)
            record["measurements"] = _with_real_floats(record["measurements"])
        except (ValueError, TypeError, KeyError) as error:
            raise errors.UserError(
                f"{self.path}: damaged: {line[:40]!r}... is no record; delete that line, "
                "or measure anew with --fresh"
            ) from error
        return record


def plain(value: typing.Any) -> typing.Any:
    """`value` as strict JSON: NumPy values as lists and numbers, non-finite ones as strings."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return plain(value.tolist())
    return value


def _with_real_floats(value: typing.Any) -> typing.Any:
    if isinstance(value, dict):
        return {key: _with_real_floats(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_real_floats(part) for part in value]
    return NON_FINITE.get(value, value) if isinstance(value, str) else value


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


def code_hash(path: pathlib.Path) -> str:
    """A hash of the code that a reproduction (`path`, a .py file) measures with.

    Of the reproduction it covers what `run` and `VARIANTS` lead to, so no figures; and all of the
    `MEASURING` modules that it imports. Comments, docstrings and layout are left out: none of them
    changes a measurement. `ast.unparse` reads the same under every Python version, which `ast.dump`
    does not.
    """
    tree = _bare(path)
    code, imported = [_reachable(tree, MEASURED_FROM)], _imported(tree)
    for module in MEASURING:
        if module in imported:
            shared = _bare(pathlib.Path(__file__).with_name(f"{module}.py"))
            code.append(shared.body)
            imported |= _imported(shared)
    text = "\0".join(ast.unparse(node) for part in code for node in part)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bare(path: pathlib.Path) -> ast.Module:
    """A module's code without its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and _has_docstring(node):
            node.body = node.body[1:]
    return tree


def _reachable(tree: ast.Module, names: Iterable[str]) -> list[ast.stmt]:
    """The top-level statements that define `names`, all that these mention, and bare calls."""
    definitions: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        for name in _defined(node):
            definitions.setdefault(name, []).append(node)
    found: set[ast.stmt] = {node for node in tree.body if isinstance(node, ast.Expr)}
    wanted = [*names, *_mentioned(found)]
    while wanted:
        new = set(definitions.get(wanted.pop(), [])) - found
        found |= new
        wanted += _mentioned(new)
    used = set(_mentioned(found))
    return [_narrowed(node, used) for node in tree.body if node in found]


def _narrowed(node: ast.stmt, used: set[str]) -> ast.stmt:
    """An import without the names that only figures use; any other statement as it is."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        node.names = [alias for alias in node.names if _bound(alias) in used]
    return node


def _bound(alias: ast.alias) -> str:
    """The name that an import gives a meaning to."""
    return (alias.asname or alias.name).partition(".")[0]


def _imported(tree: ast.Module) -> set[str]:
    """The names that a module imports, as in `from common import training`."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {alias.name for node in imports for alias in node.names}


def _mentioned(nodes: Iterable[ast.stmt]) -> list[str]:
    """Every name that the statements use."""
    return [part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)]


def _defined(node: ast.stmt) -> list[str]:
    """The names that a top-level statement gives a meaning to."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [_bound(alias) for alias in node.names]
    return [
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    ]


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    return ast.get_docstring(node, clean=False) is not None


def provenance(device: str, threads: int) -> Record:
    """What else a measurement depends on: packages, machine, device, threads, commit and time."""
    packages = {"python": platform.python_version()}
    packages |= {name: _version(name) for name in PACKAGES}
    return {
        "packages": packages,
        "host": _machine(),
        "device": device,
        "threads": threads,
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--", ":/", ":(top,exclude)results")),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # such as tensorflow from tensorflow-cpu
        return "unknown"


def _machine() -> str:
    """The kind of machine, such as "Linux x86_64, Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz"."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor() or "unknown processor"
    return f"{platform.system()} {platform.machine()}, {model}"


def _git(*arguments: str) -> str | None:
    """What git answers about this checkout; None without git or outside a repository."""
    folder = pathlib.Path(__file__).parent
    try:
        answer = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def stack(records: Sequence[Record], metric: str) -> "np.ndarray":
    """One metric of all records, shape [records, ...], in the order of the records."""
    import numpy as np

    return np.array([record["measurements"][metric] for record in records])


def arrays(record: Record, folder: pathlib.Path | None = None) -> "dict[str, np.ndarray]":
    """The NumPy arrays stored beside a record, by name; none where it has none.

    `folder` is where the record's file lies; records handed to a reproduction's `plot` know it.
    """
    import numpy as np

    if record["arrays"] is None:
        return {}
    with np.load((folder or record["folder"]) / record["arrays"]) as content:
        return dict(content)


def first_arrays(runs: Sequence[Record]) -> "dict[str, np.ndarray]":
    """The arrays of the first of a variant's runs that has some; none where none has.

    `runs` are records handed to a reproduction's `plot`, or nothing where a variant was not run.
    """
    return next((arrays(run) for run in runs if run.get("arrays")), {})

"""Reading the prepared copies of tensorflow-datasets, with the rows as their authors had them.

The library sorts row i by a hash of i when it writes; `published_rows` undoes that. Whatever is
wrong with a copy ends in one line that says in which file, and what mends it.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shlex
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from common import errors
from common.data import arrays, folders, inspection


@dataclasses.dataclass(frozen=True)
class Copy:
    """What a prepared copy must hold."""

    name: str  # as the library spells it: data set[/configuration]:version
    rows: Mapping[str, int]  # split -> number of rows
    sha256: str  # of our arrays' bytes, one array after the other
    how_to_get: str = ""  # what gets it; without a text, the library downloads it
    ours: bool = False  # whether we write it, where we may

    @property
    def data_set(self) -> str:
        """The data set's name, without configuration and version."""
        return re.split("[/:]", self.name)[0]

    @property
    def version(self) -> str:
        """Such as "3.0.1"."""
        return self.name.partition(":")[2]

    @property
    def folder(self) -> pathlib.Path:
        """Where it lies, or where one looks for it first."""
        places = folders.writable_data_dirs() if self.ours else [folders.data_dir()]
        found = [place / self.name.replace(":", "/") for place in places]
        return next(filter(os.path.lexists, found), found[0])

    @property
    def is_missing(self) -> bool:
        """Whether there is nothing in its place. What is there may still be damaged."""
        return not os.path.lexists(self.folder)

    def check(self) -> None:
        """Look through its files, if they are there, as far as that goes without TensorFlow.

        Raises:
            errors.UserError: there is something wrong with one.
        """
        if self.is_missing:
            return
        try:
            inspection.check(self.folder, self.name, self.rows)
        except inspection.FaultError as fault:
            raise self.damage(str(fault)) from fault
        except OSError as error:
            raise self.damage(f"it cannot be read ({error.strerror})") from error

    def damage(self, fault: str) -> errors.UserError:
        """Say what is wrong, where, and the mend."""
        again = "prepare" if self.ours else "download"
        return errors.UserError(
            f"data set '{self.name}': the prepared copy in {self.folder} is damaged: {fault}; "
            f"delete that folder and run again to {again} it anew, or name a folder with a good "
            "copy: --data-dir FOLDER"
        )


def published_rows(copy: Copy, split: str) -> Any:
    """Read one split whole: nested dictionaries of arrays, with the rows in published order.

    The library's writer sorts row i by a hash of i, salted with the split's name, unless its
    shuffling was disabled.
    """
    tf, tfds, hashing = _tensorflow()
    builder = tfds.builder_from_directory(copy.folder)
    one_file_after_another = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    written = tfds.as_numpy(
        builder.as_dataset(split=split, batch_size=-1, read_config=one_file_after_another)
    )
    if builder.info.disable_shuffling:
        return written
    place = np.argsort(sorted(range(copy.rows[split]), key=hashing.Hasher(split).hash_key))
    return tf.nest.map_structure(lambda column: column[place], written)


@contextlib.contextmanager
def damage_reported(copy: Copy) -> Iterator[None]:
    """Turn whatever a bad copy raises into one line that names the file.

    Raises:
        errors.UserError: the copy is missing or damaged.
    """
    if copy.is_missing:
        raise errors.UserError(missing([copy], "not downloaded yet"))
    copy.check()
    try:
        yield
    except (ImportError, MemoryError, errors.UserError):
        raise
    except Exception as error:
        raise copy.damage(_damaged_record(copy) or _cause(copy, error)) from error


def _damaged_record(copy: Copy) -> str:
    """Find the first record that does not match its checksum; return an empty text if all do."""
    tf, _, _ = _tensorflow()
    for split in copy.rows:
        for path in inspection.record_files(copy.folder, split):
            number = 1
            try:
                for _ in tf.data.TFRecordDataset(str(path)):
                    number += 1
            except tf.errors.OpError:
                return f"{path.name}: record {number:,} does not match its checksum"
    return ""


def _cause(copy: Copy, error: Exception) -> str:
    """Say what the library, or our checksum, complains of where every record is whole."""
    if isinstance(error, arrays.ChecksumError):
        files = [
            path.name for split in copy.rows for path in inspection.record_files(copy.folder, split)
        ]
        return f"{' or '.join(files)}: {error}"
    first_line = (str(error).splitlines() or [""])[0]
    cause = re.sub(r"{{.*?}} *| *\[Op:.*", "", first_line)  # TensorFlow's names for its steps
    return f"{inspection.FEATURES} does not fit ({type(error).__name__}: {cause[:200]})"


def missing(copies: Sequence[Copy], problem: str) -> str:
    """Say that copies of a data set are missing, and what gets them."""
    absent = [copy for copy in copies if copy.is_missing]
    places = " or ".join(str(copy.folder) for copy in absent)
    how = copies[0].how_to_get or (
        f"where there is a network, this gets it: {shlex.join(download_command(absent))}"
    )
    return f"data set '{copies[0].data_set}' is missing: no {places}, and {problem}; {how}"


def download_command(copies: Sequence[Copy]) -> list[str]:
    """Give the command line that has the library download and prepare the copies."""
    # Double quotes throughout, so that the line can be pasted into a shell between single ones.
    names = json.dumps([copy.name for copy in copies])
    folder = json.dumps(str(folders.data_dir()))
    code = (
        "import tensorflow_datasets as tfds; "
        f"[tfds.builder(name, data_dir={folder}).download_and_prepare() for name in {names}]"
    )
    return [sys.executable, "-c", code]


def _tensorflow() -> tuple[types.ModuleType, types.ModuleType, types.ModuleType]:
    """Import TensorFlow, its data sets and their hashing, without the lines printed meanwhile.

    TensorFlow 2.21 greets its import whatever TF_CPP_MIN_LOG_LEVEL says (oneDNN, CUDA); the only
    way to quieten that is to take the standard error stream away meanwhile.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stream = os.dup(2)
    try:
        with pathlib.Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import tensorflow as tf
        import tensorflow_datasets as tfds
        from tensorflow_datasets.core import hashing
    finally:
        os.dup2(stream, 2)
        os.close(stream)
    return tf, tfds, hashing

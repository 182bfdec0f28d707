"""The folders of the data: what `TFDS_DATA_DIR` and `TFDS_MANUAL_DIR` name, or the usual ones.

Both are the conventions of tensorflow-datasets. Worker processes inherit them from the parent,
which an option may have made set them.
"""

import os
import pathlib

from common import errors

LIBRARYS_OWN = pathlib.Path("~/tensorflow_datasets")


def data_dir() -> pathlib.Path:
    """Name the folder of the prepared copies."""
    return pathlib.Path(os.environ.get("TFDS_DATA_DIR") or LIBRARYS_OWN).expanduser()


def writable_data_dirs() -> list[pathlib.Path]:
    """List where copies of our own making may lie, first choice first: the first may be locked."""
    return list(dict.fromkeys([data_dir(), LIBRARYS_OWN.expanduser()]))


def manual_dirs() -> list[pathlib.Path]:
    """List where files that were downloaded by hand may lie."""
    if named := os.environ.get("TFDS_MANUAL_DIR"):
        return [pathlib.Path(named).expanduser()]
    return [place / "downloads" / "manual" for place in writable_data_dirs()]


def choose_data_dir(folder: str | os.PathLike[str] | None) -> None:
    """Let `--data-dir` win over the environment."""
    _choose("--data-dir", "TFDS_DATA_DIR", folder, "the prepared copies (mnist/3.0.1, ...)")


def choose_manual_dir(folder: str | os.PathLike[str] | None) -> None:
    """Let `--manual-dir` win over the environment."""
    _choose("--manual-dir", "TFDS_MANUAL_DIR", folder, "the files downloaded by hand")


def _choose(option: str, variable: str, folder: str | os.PathLike[str] | None, holds: str) -> None:
    """Let an option set its environment variable, which the worker processes inherit."""
    if folder is None:
        return
    path = pathlib.Path(folder).expanduser()
    if not is_folder(path):
        raise errors.UserError(
            f"{option} '{folder}' is not a folder that can be read; name the one that holds "
            f"{holds}, or leave the option away"
        )
    os.environ[variable] = str(path.absolute())


def is_folder(path: pathlib.Path) -> bool:
    """Whether a path is a folder that can be read."""
    return os.access(path, os.R_OK | os.X_OK) and path.is_dir()


def may_write(folder: pathlib.Path) -> bool:
    """Whether a folder, or the one that it would be made in, can be written, and is meant to be.

    The administrator can write into a folder that its owner has locked, and should not.
    """
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return os.access(there, os.W_OK | os.X_OK) and bool(there.stat().st_mode & 0o222)

"""The folders of the data: what `TFDS_DATA_DIR` and `TFDS_MANUAL_DIR` name, or the usual ones.

Both are conventions of tensorflow-datasets. Worker processes inherit them from the parent, where an
option may have set them.
"""

import difflib
import os
import pathlib
import re
from collections.abc import Collection

from common import errors

DATA = "TFDS_DATA_DIR"
MANUAL = "TFDS_MANUAL_DIR"
LIBRARYS_OWN = pathlib.Path("~/tensorflow_datasets")

_HOLDS = {
    DATA: "the prepared copies (mnist/3.0.1, ...)",
    MANUAL: "the files downloaded by hand (life_exp.csv)",
}
_OPTIONS = {DATA: "--data-dir", MANUAL: "--manual-dir"}
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # a drive has one letter
_OTHERS = re.compile(r"TFDS_(CACHE_DIR|DEBUG_VERBOSE|RETRY_.*)")  # the library's further variables


def data_dir() -> pathlib.Path:
    """Name the folder of the prepared copies.

    Raises:
        errors.UserError: TFDS_DATA_DIR names an address, and not a folder.
    """
    return _named(DATA) or LIBRARYS_OWN.expanduser()


def writable_data_dirs() -> list[pathlib.Path]:
    """List where copies of our own making may lie, first choice first: the first may be locked."""
    return list(dict.fromkeys([data_dir(), LIBRARYS_OWN.expanduser()]))


def manual_dirs() -> list[pathlib.Path]:
    """List where files that were downloaded by hand may lie.

    Raises:
        errors.UserError: TFDS_MANUAL_DIR names an address, and not a folder.
    """
    if named := _named(MANUAL):
        return [named]
    return [place / "downloads" / "manual" for place in writable_data_dirs()]


def choose(variable: str, folder: str | os.PathLike[str] | None) -> None:
    """Let an option, if it is given, set its variable, which the worker processes inherit.

    Raises:
        errors.UserError: it does not name a folder that can be read.
    """
    if folder is not None:
        path = _folder(_OPTIONS[variable], variable, folder)
        if not is_folder(path):
            raise _no_folder(_OPTIONS[variable], variable, folder)
        os.environ[variable] = str(path.absolute())


def doubts(variables: Collection[str]) -> list[str]:
    """Say what in the environment looks like a mistake, a line each.

    Args:
        variables: those of the two that matter now.

    Raises:
        errors.UserError: one of them cannot be a folder.
    """
    lines = []
    for variable in variables:
        named = _named(variable)
        if named and os.path.lexists(named) and not is_folder(named):
            raise _no_folder(variable, variable, named)
        if named and not is_folder(named):
            lines.append(f"{variable} names {named}, which does not exist")
    return lines + [
        f"the environment variable {name} is unknown and not used; is {meant} meant?"
        for name, meant in _mistyped().items()
        if meant in variables
    ]


def is_folder(path: pathlib.Path) -> bool:
    """Whether a path is a folder that can be read."""
    return os.access(path, os.R_OK | os.X_OK) and path.is_dir()


def may_write(folder: pathlib.Path) -> bool:
    """Whether a folder, or the one that it would be made in, can be written, and is meant to be.

    The administrator can write into a folder that its owner has locked, and should not.
    """
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return os.access(there, os.W_OK | os.X_OK) and bool(there.stat().st_mode & 0o222)


def _named(variable: str) -> pathlib.Path | None:
    """Read a variable; an empty one is as good as none."""
    text = os.environ.get(variable)
    return _folder(variable, variable, text) if text else None


def _folder(setting: str, variable: str, text: str | os.PathLike[str]) -> pathlib.Path:
    """Make a path of what an option or a variable says; `gs://bucket` would become `gs:/bucket`."""
    if _ADDRESS.match(str(text)):
        raise errors.UserError(
            f"{setting} '{text}' is an address, and no folder of this machine; name the one that "
            f"holds {_HOLDS[variable]}"
        )
    try:
        return pathlib.Path(text).expanduser()
    except RuntimeError:  # there is no such user
        return pathlib.Path(text)


def _no_folder(setting: str, variable: str, text: str | os.PathLike[str]) -> errors.UserError:
    away = "leave the option away" if setting.startswith("-") else "unset it"
    return errors.UserError(
        f"{setting} '{text}' is not a folder that can be read; name the one that holds "
        f"{_HOLDS[variable]}, or {away}"
    )


def _mistyped() -> dict[str, str]:
    """Find variables that nobody reads and that are nearly one of ours: name -> which."""
    close = {
        name: difflib.get_close_matches(name.upper(), _HOLDS, n=1, cutoff=0.7)
        for name in sorted(os.environ)
        if name.upper().startswith(("TFDS", "TDFS"))
        and name not in _HOLDS
        and not _OTHERS.fullmatch(name)
    }
    return {name: meant for name, matches in close.items() for meant in matches}

"""Files that are replaced: whole or not at all, whatever happens meanwhile."""

import contextlib
import errno
import os
import pathlib

from common import errors

DRAFT = ".tmp"  # the ending of a file that is being written


def write(path: pathlib.Path, content: str | bytes) -> None:
    """Replace a file by new content: the old or the new is there after a kill or a power cut.

    The draft is on the disk before it takes the old file's place, and the folder after it; a rename
    alone may reach the disk before the content does, which leaves an empty file.

    Args:
        path: The file; its folder is made if need be.
        content: Text, written as UTF-8, or bytes.

    Raises:
        errors.UserError: it cannot be written; nothing has changed.
    """
    draft = path.with_name(path.name + DRAFT)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(_bytes(content))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()  # half a file takes room, too
        raise cannot_write(path, error) from error


def _bytes(content: str | bytes) -> bytes:
    # A traceback may quote half a character, which is no UTF-8.
    return content.encode(errors="backslashreplace") if isinstance(content, str) else content


def sync_folder(folder: pathlib.Path) -> None:
    """Wait until the disk knows which files a folder has."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(path: pathlib.Path, error: OSError) -> errors.UserError:
    """The one line that says why `path` cannot be written, and what to do."""
    cause = error.strerror or str(error)
    mend = "make room" if error.errno == errno.ENOSPC else "choose another folder with --out"
    return errors.UserError(f"{path}: cannot be written: {cause}; {mend}, then run it again")

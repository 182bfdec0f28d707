"""How a data set is obtained: it comes with scikit-learn, is downloaded, or was laid ready by hand.

Each data set module says which by its `ORIGIN`; `data.prepare` and `data.versions` know no more.
"""

import dataclasses
import importlib.metadata
import pathlib
import sys
import typing
from collections.abc import Callable

from common import errors
from common.data import copies, downloads, folders, stand_ins

_ROOT = pathlib.Path(__file__).parents[2]


class Origin(typing.Protocol):
    """What is asked of every data set's origin; `name` is the data set's."""

    name: str
    variables: tuple[str, ...]  # the environment variables that it reads

    def version(self) -> str:
        """Say which version this process uses. Imports no TensorFlow."""

    def check(self) -> None:
        """Look through what is there, as far as that goes without TensorFlow.

        Raises:
            errors.UserError: it is damaged.
        """

    def is_missing(self) -> bool:
        """Whether something has to be obtained before it can be loaded."""

    def url(self) -> str | None:
        """Name the file whose server has to answer before a download starts, if there is one."""

    def obtain(self, online: bool) -> str:
        """Get what is missing, or decide on a stand-in; return the line that says so.

        Raises:
            errors.UserError: it cannot be had.
        """


@dataclasses.dataclass(frozen=True)
class ScikitLearn:
    """It is a part of scikit-learn, and so always there."""

    name: str
    variables: tuple[str, ...] = ()

    def version(self) -> str:
        """See `Origin`."""
        return f"scikit-learn {importlib.metadata.version('scikit-learn')}"

    def check(self) -> None:
        """See `Origin`."""

    def is_missing(self) -> bool:
        """See `Origin`."""
        return False

    def url(self) -> None:
        """See `Origin`."""

    def obtain(self, online: bool) -> str:
        """See `Origin`."""
        raise NotImplementedError("nothing is ever missing")


@dataclasses.dataclass(frozen=True)
class Download:
    """The library downloads it. Where it cannot, a stand-in may replace it."""

    copies: tuple[copies.Copy, ...]
    stand_in: str = ""  # the stand-in's version, if there is one
    without: str = ""  # what the user has to know where it is used
    variables: tuple[str, ...] = (folders.DATA,)

    @property
    def name(self) -> str:
        """See `Origin`."""
        return self.copies[0].data_set

    def version(self) -> str:
        """See `Origin`."""
        return self.stand_in if stand_ins.is_used_for(self.name) else self.copies[0].version

    def check(self) -> None:
        """See `Origin`."""
        for copy in self.copies:
            copy.check()

    def is_missing(self) -> bool:
        """See `Origin`."""
        return any(copy.is_missing for copy in self.copies)

    def url(self) -> str:
        """See `Origin`."""
        return downloads.url(self.name)

    def obtain(self, online: bool) -> str:
        """See `Origin`."""
        problem = self._download() if online else f"no answer from {self.url()}"
        if not problem:
            return f"downloaded data set '{self.name}' to {folders.data_dir()}"
        missing = copies.missing(self.copies, problem)
        if not self.stand_in:
            raise errors.MissingDataError(self.name, missing)
        stand_ins.use_for(self.name)
        return f"{self.without}; {missing}"

    def _download(self) -> str:
        """Return what went wrong, or an empty text."""
        place = folders.data_dir()
        print(f"downloading data set '{self.name}' to {place} ...", file=sys.stderr, flush=True)
        absent = [copy for copy in self.copies if copy.is_missing]
        if problem := downloads.run_library(copies.download_command(absent)):
            return f"its download {problem}"
        return "its download left no copy" if self.is_missing() else ""


@dataclasses.dataclass(frozen=True)
class ManualFile:
    """A file that was downloaded by hand, of which a builder of ours prepares a copy."""

    copy: copies.Copy
    builder: str  # the module with the builder, and `write(data_dir, path)`
    find: Callable[..., pathlib.Path]  # finds it in one of the folders, and checks it
    variables: tuple[str, ...] = (folders.DATA, folders.MANUAL)

    @property
    def name(self) -> str:
        """See `Origin`."""
        return self.copy.data_set

    def version(self) -> str:
        """See `Origin`."""
        return self.copy.version

    def check(self) -> None:
        """See `Origin`."""
        self.copy.check()

    def is_missing(self) -> bool:
        """See `Origin`."""
        return self.copy.is_missing

    def url(self) -> None:
        """See `Origin`."""

    def obtain(self, online: bool) -> str:
        """See `Origin`."""
        path = self.find(*folders.manual_dirs())
        places = folders.writable_data_dirs()
        place = next(filter(folders.may_write, places), places[0])
        code = f"import sys; import {self.builder} as builder; builder.write(*sys.argv[1:])"
        command = [sys.executable, "-c", code, str(place.absolute()), str(path.absolute())]
        problem = downloads.run_library(command, cwd=_ROOT)
        if problem or self.is_missing():
            raise errors.UserError(
                f"data set '{self.name}' could not be prepared from {path} in {place} "
                f"({problem or 'no copy was left'}); name a folder that can be written: "
                "--data-dir FOLDER, or TFDS_DATA_DIR"
            )
        return f"prepared data set '{self.name}' in {place}, from {path}"

"""The data sets, with the rows, columns and decimals in the order their authors published them.

The documents' protocols depend on that order ("the first 48,000 images", `random_state=0`, "the
last sample"), but tensorflow-datasets shuffles when it writes a prepared copy, sorts columns by
name and keeps 7.4 as the float32 7.4000001. The modules of this package undo all three and compare
a checksum of the result, so what their `load` returns is what was published, number for number, or
an error: a damaged copy never trains.

`prepare` runs once, in the parent process and without TensorFlow. It finds the prepared copies, in
the folder that `TFDS_DATA_DIR` names (the library's own convention; ~/tensorflow_datasets without
it), downloads what is missing, and decides on a stand-in where that cannot be done. What cannot be
downloaded is prepared from the library's manual folder (`TFDS_MANUAL_DIR`). Worker processes learn
of its decisions through environment variables.
"""

import os
from collections.abc import Iterable

from common import errors
from common.data import (
    breast_cancer,
    downloads,
    folders,
    iris,
    life_expectancy,
    mnist,
    origins,
    stand_ins,
    wine_quality,
)

_ORIGINS: dict[str, origins.Origin] = {
    module.ORIGIN.name: module.ORIGIN
    for module in (breast_cancer, iris, life_expectancy, mnist, wine_quality)
}
NAMES = tuple(_ORIGINS)


def versions(names: Iterable[str]) -> dict[str, str]:
    """Say which version of each data set this process uses. Imports no TensorFlow.

    Raises:
        errors.UserError: there is no such data set.
    """
    return {name: _origin(name).version() for name in names}


def is_stand_in(version: str) -> bool:
    """Whether a version is that of a stand-in, and not of the data set itself."""
    return version.startswith("stand-in")


def prepare(
    names: Iterable[str],
    data_dir: str | os.PathLike[str] | None = None,
    manual_dir: str | os.PathLike[str] | None = None,
) -> list[str]:
    """Make sure that the named data sets can be loaded by every worker process started from here.

    What is missing is downloaded, after a probe of at most five seconds in all, or prepared from
    the manual folder. Where MNIST cannot be had, scikit-learn's digits stand in for it.

    Args:
        names: keys of the data sets, repetitions allowed.
        data_dir: the folder of prepared copies; it wins over `TFDS_DATA_DIR`, and sets it.
        manual_dir: the folder of files that were downloaded by hand; it wins over
            `TFDS_MANUAL_DIR`, and sets it. Without either: downloads/manual in the data folder.

    Returns:
        What the user has to know, a line each: a doubtful setting, a download, a stand-in.

    Raises:
        errors.MissingDataError: a data set without stand-in is missing and cannot be had.
        errors.UserError: no such data set or folder, or a file that is not what it should be.
    """
    wanted = [_origin(name) for name in sorted(set(names))]
    folders.choose(folders.DATA, data_dir)
    folders.choose(folders.MANUAL, manual_dir)
    stand_ins.use_none()
    doubts = folders.doubts(sorted({variable for each in wanted for variable in each.variables}))
    for origin in wanted:
        origin.check()
    try:
        return doubts + _obtain([origin for origin in wanted if origin.is_missing()])
    except errors.MissingDataError as missing:
        message = "; ".join([str(missing), *doubts])
        raise errors.MissingDataError(missing.data_set, message) from missing


def _obtain(missing: list[origins.Origin]) -> list[str]:
    urls = {origin.name: url for origin in missing if (url := origin.url())}
    online = downloads.online(urls)
    return [origin.obtain(origin.name in online) for origin in missing]


def _origin(name: str) -> origins.Origin:
    if name not in _ORIGINS:
        raise errors.UserError(f"unknown data set '{name}'; choose from {', '.join(NAMES)}")
    return _ORIGINS[name]

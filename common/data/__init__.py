"""The data sets, with the rows, columns and decimals in the order their authors published them.

The documents' protocols depend on that order ("the first 48,000 images", `random_state=0`, "the
last sample"), but tensorflow-datasets shuffles when it writes a prepared copy, sorts columns by
name and keeps 7.4 as the float32 7.4000001. The loaders here undo all three and compare a checksum
of the result, so what they return is what was published, number for number, or an error: a damaged
copy never trains.

`prepare` runs once, in the parent process and without TensorFlow. It finds the prepared copies, in
the folder that `TFDS_DATA_DIR` names (the library's own convention; ~/tensorflow_datasets without
it), downloads what is missing, and decides on a stand-in where that cannot be done. What cannot be
downloaded is prepared from the library's manual folder (`TFDS_MANUAL_DIR`). Worker processes learn
of its decisions through environment variables.
"""

import contextlib
import dataclasses
import fractions
import functools
import hashlib
import importlib.metadata
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import threading
import time
import types
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np

from common import errors

PROBE_SECONDS = 5.0  # how long to wait for a server's answer before saying "offline"
DOWNLOAD_SECONDS = 900  # MNIST is 11 MB; its prepared copy is written in about 10 s

_ROOT = pathlib.Path(__file__).parents[1]
_STAND_IN_VARIABLE = "REPRODUCTION_STAND_IN"  # names the data set that a stand-in replaces
_STAND_IN = "stand-in: scikit-learn digits scaled to 28x28"


@dataclasses.dataclass(frozen=True, eq=False)
class Mnist:
    """Handwritten digits, in the published order.

    Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"; CC BY-SA 3.0.
    """

    train_images: np.ndarray  # uint8 [60000, 28, 28], 0 is paper and 255 is ink
    train_labels: np.ndarray  # int64 [60000], the digit
    test_images: np.ndarray  # uint8 [10000, 28, 28]
    test_labels: np.ndarray  # int64 [10000]
    version: str  # "3.0.1", or a text that begins with "stand-in"


@dataclasses.dataclass(frozen=True, eq=False)
class Wine:
    """Vinho Verde of one colour: laboratory measurements and the tasters' verdict, in CSV order.

    P. Cortez et al., "Modeling wine preferences by data mining from physicochemical properties",
    Decision Support Systems 47 (2009); UCI repository, CC BY 4.0. Not scikit-learn's `load_wine`.
    """

    features: np.ndarray  # float64 [n, 11], the decimals of the CSV; n is 1599 red, 4898 white
    quality: np.ndarray  # int64 [n], median of at least three tasters, 0 (bad) to 10 (excellent)
    columns: tuple[str, ...]  # the 11 features' names, in CSV order


@dataclasses.dataclass(frozen=True, eq=False)
class Iris:
    """Fisher's iris flowers, as scikit-learn ships them.

    R. A. Fisher, "The use of multiple measurements in taxonomic problems" (1936); UCI, CC BY 4.0.
    """

    features: np.ndarray  # float64 [150, 4], cm: sepal length and width, petal length and width
    labels: np.ndarray  # int64 [150], an index into names; 50 of each, in that order
    names: tuple[str, ...]  # setosa, versicolor, virginica


@dataclasses.dataclass(frozen=True, eq=False)
class BreastCancer:
    """Measurements of cell nuclei and the diagnosis, as scikit-learn ships them.

    W. H. Wolberg, W. N. Street, O. L. Mangasarian, "Breast Cancer Wisconsin (Diagnostic)" (1995);
    UCI, CC BY 4.0.
    """

    features: np.ndarray  # float64 [569, 30]
    labels: np.ndarray  # int64 [569], an index into names; 212 malignant, 357 benign
    names: tuple[str, ...]  # malignant, benign


@dataclasses.dataclass(frozen=True, eq=False)
class LifeExpectancy:
    """Life expectancy by country and year, and what may go with it, in CSV order.

    WHO and United Nations, collected by Kumar Rajarshi on Kaggle, "Life Expectancy (WHO)"; see
    `common.life_expectancy`. Many cells are empty.
    """

    inputs: np.ndarray  # float64 [2938, 19], the other numeric columns; NaN where a cell is empty
    years: np.ndarray  # float64 [2938], life expectancy; NaN where the cell is empty
    countries: np.ndarray  # str [2938]
    statuses: np.ndarray  # str [2938], "Developed" or "Developing"
    columns: tuple[str, ...]  # the 19 inputs' names, in CSV order, with the CSV's odd spaces
    header: tuple[str, ...]  # the names of all 22 columns


@dataclasses.dataclass(frozen=True)
class _Copy:
    """What a prepared copy of tensorflow-datasets must hold."""

    name: str  # as the library spells it: data set[/configuration]:version
    rows: Mapping[str, int]  # split -> number of rows
    sha256: str  # of our arrays' bytes, one array after the other
    ours: bool = False  # whether we prepare it, where we may: TFDS_DATA_DIR may be locked

    @property
    def data_set(self) -> str:
        return re.split("[/:]", self.name)[0]

    @property
    def folder(self) -> pathlib.Path:
        """Where it lies, or where one looks for it first."""
        folders = [place / self.name.replace(":", "/") for place in self.places]
        return next(filter(_is_folder, folders), folders[0])

    @property
    def places(self) -> list[pathlib.Path]:
        return [_data_dir(), _LIBRARYS_OWN.expanduser()] if self.ours else [_data_dir()]


_LIBRARYS_OWN = pathlib.Path("~/tensorflow_datasets")
_MNIST = _Copy(
    "mnist:3.0.1",
    {"train": 60_000, "test": 10_000},
    "1e35582d42a90940c55b956deb61875c020b567ed20e3c5b174f52bf7809ed9b",
)
_WINE = {
    "red": _Copy(
        "wine_quality/red:1.0.0",
        {"train": 1_599},
        "bb91eab6deef70f31e334c1951db0d5211e5c77f8094612f46b674c9b6e0db83",
    ),
    "white": _Copy(
        "wine_quality/white:1.0.0",
        {"train": 4_898},
        "1d0ebf564a9ae0dd64fb79d86a6db5d76ba558f265d7b6d9af829201aad4ffe9",
    ),
}
_LIFE_EXPECTANCY = _Copy(
    "life_expectancy:1.0.0",
    {"train": 2_938},
    "736022990ada425b9aa762a82dc416d168533130026621cd2085e24c3a673388",
    ours=True,
)
_COPIES = {
    "life_expectancy": (_LIFE_EXPECTANCY,),
    "mnist": (_MNIST,),
    "wine_quality": tuple(_WINE.values()),
}
_FROM_SCIKIT_LEARN = ("breast_cancer", "iris")

_WINE_COLUMNS = (
    "fixed acidity",  # g/l
    "volatile acidity",  # g/l
    "citric acid",  # g/l
    "residual sugar",  # g/l
    "chlorides",  # g/l
    "free sulfur dioxide",  # mg/l
    "total sulfur dioxide",  # mg/l
    "density",  # g/ml
    "pH",
    "sulphates",  # g/l
    "alcohol",  # % by volume
)


# --- The loaders --------------------------------------------------------------------------------


@functools.cache
def mnist() -> Mnist:
    """Load MNIST, or the stand-in that `prepare` has decided on. Cached; the arrays are read-only.

    Raises:
        errors.UserError: the prepared copy is missing or damaged.
    """
    if os.environ.get(_STAND_IN_VARIABLE) == "mnist":
        return _scaled_digits()
    with _damage_reported(_MNIST):
        train, test = (_published_rows(_MNIST, split) for split in _MNIST.rows)
        train_images, train_labels, test_images, test_labels = _checked(
            _MNIST, train["image"][..., 0], train["label"], test["image"][..., 0], test["label"]
        )
    version = versions(["mnist"])["mnist"]
    return Mnist(train_images, train_labels, test_images, test_labels, version)


@functools.cache
def wine_quality(colour: Literal["red", "white"]) -> Wine:
    """Load the wines of one colour. Cached; the arrays are read-only.

    Raises:
        errors.UserError: the prepared copy is missing or damaged.
    """
    copy = _WINE[colour]
    with _damage_reported(copy):
        rows = _published_rows(copy, "train")
        columns = [rows["features"][column].astype(np.float32) for column in _WINE_COLUMNS]
        decimals = np.array([[_published_decimal(x) for x in column] for column in columns])
        features, quality = _checked(copy, decimals.T, rows["quality"].astype(np.int64))
    return Wine(features, quality, _WINE_COLUMNS)


@functools.cache
def iris() -> Iris:
    """Load Fisher's irises from scikit-learn. Cached; the arrays are read-only."""
    import sklearn.datasets

    flowers = sklearn.datasets.load_iris()
    features, labels = _read_only(flowers.data, flowers.target.astype(np.int64))
    return Iris(features, labels, names=tuple(str(name) for name in flowers.target_names))


@functools.cache
def breast_cancer() -> BreastCancer:
    """Load Wisconsin's breast cancers from scikit-learn. Cached; the arrays are read-only."""
    import sklearn.datasets

    tumours = sklearn.datasets.load_breast_cancer()
    features, labels = _read_only(tumours.data, tumours.target.astype(np.int64))
    return BreastCancer(features, labels, names=tuple(str(name) for name in tumours.target_names))


@functools.cache
def life_expectancy() -> LifeExpectancy:
    """Load the life expectancy data. Cached; the arrays are read-only.

    Raises:
        errors.UserError: the prepared copy is missing or damaged.
    """
    from common import life_expectancy as published

    with _damage_reported(_LIFE_EXPECTANCY):
        rows = _published_rows(_LIFE_EXPECTANCY, "train")
        texts = {column: [cell.decode() for cell in rows[column]] for column in published.COLUMNS}
        numbers = {
            column: np.array([float(cell or "nan") for cell in texts[column]])
            for column in published.NUMBERS
        }
        years = numbers.pop(published.TARGET)
        inputs, years, countries, statuses = _checked(
            _LIFE_EXPECTANCY,
            np.stack(list(numbers.values()), axis=1),
            years,
            np.array(texts["Country"]),
            np.array(texts["Status"]),
        )
    return LifeExpectancy(inputs, years, countries, statuses, tuple(numbers), published.COLUMNS)


def _scaled_digits() -> Mnist:
    """Stand in for MNIST: scikit-learn's 1,797 digits of 8x8, blown up; 1,500 to train on."""
    import scipy.ndimage
    import sklearn.datasets

    digits = sklearn.datasets.load_digits()
    images = scipy.ndimage.zoom(digits.images * (255 / 16), (1, 28 / 8, 28 / 8), order=1)
    images, labels = _read_only(images.round().astype(np.uint8), digits.target.astype(np.int64))
    return Mnist(images[:1500], labels[:1500], images[1500:], labels[1500:], version=_STAND_IN)


def _published_rows(copy: _Copy, split: str) -> Any:
    """Read one split whole: nested dictionaries of arrays, with the rows in published order.

    The library's writer sorts row i by a hash of i, salted with the split's name, unless its
    shuffling was disabled.
    """
    tf, tfds, hashing = _tensorflow()
    builder = tfds.builder_from_directory(copy.folder)
    counted, expected = builder.info.splits[split].num_examples, copy.rows[split]
    if counted != expected:
        raise ValueError(f"{counted:,} rows in split '{split}' where {expected:,} were published")
    one_file_after_another = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    written = tfds.as_numpy(
        builder.as_dataset(split=split, batch_size=-1, read_config=one_file_after_another)
    )
    if builder.info.disable_shuffling:
        return written
    place = np.argsort(sorted(range(expected), key=hashing.Hasher(split).hash_key))
    return tf.nest.map_structure(lambda column: column[place], written)


def _published_decimal(value: np.float32) -> float:
    """The number that the wine CSV printed, from the float32 that was made of it.

    That is the shortest decimal that gives this float32: 7.4. A few alcohols are repeating decimals
    that were printed with 15 digits (9.56666666666667). They need more than six digits in float32
    too, and are the 15 digits of the simplest fraction close by (287/30).
    """
    shortest = str(value)
    if len(shortest.replace(".", "").lstrip("0")) <= 6:
        return float(shortest)
    return float(f"{float(fractions.Fraction(shortest).limit_denominator(1000)):.15g}")


def _checked(copy: _Copy, *arrays: np.ndarray) -> list[np.ndarray]:
    """Hold the arrays against the published numbers; return them compact and read-only."""
    digest = hashlib.sha256()
    whole = _read_only(*arrays)
    for array in whole:
        digest.update(array.data)
    if digest.hexdigest() != copy.sha256:
        raise ValueError("its numbers are not the published ones")
    return whole


def _read_only(*arrays: np.ndarray) -> list[np.ndarray]:
    """Compact the arrays and lock them: every caller in a process shares them."""
    compact = [np.ascontiguousarray(array) for array in arrays]
    for array in compact:
        array.flags.writeable = False
    return compact


@contextlib.contextmanager
def _damage_reported(copy: _Copy) -> Iterator[None]:
    """Turn whatever a bad copy raises into one line.

    A cut tfrecord raises DataLossError, FailedPreconditionError, NotFoundError or KeyError,
    depending on where it is cut; a bad JSON file, errors of its own.
    """
    if not _is_folder(copy.folder):
        raise errors.UserError(_how_to_get(copy.data_set))
    try:
        yield
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        first_line = (str(error).splitlines() or [""])[0]
        cause = re.sub(r"{{.*?}} *| *\[Op:.*", "", first_line)  # TensorFlow's names for its steps
        raise errors.UserError(
            f"data set '{copy.name}': the prepared copy in {copy.folder} is damaged "
            f"({type(error).__name__}: {cause[:200]}); delete that folder and run again to "
            f"{'prepare' if copy.ours else 'download'} it anew, or name a folder with a good copy: "
            "--data-dir FOLDER"
        ) from error


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


# --- Finding, downloading, standing in ----------------------------------------------------------


def versions(names: Iterable[str]) -> dict[str, str]:
    """Say which version of each data set this process uses. Imports no TensorFlow.

    Raises:
        errors.UserError: there is no such data set.
    """
    return {name: _version(name) for name in names}


def is_stand_in(version: str) -> bool:
    """Whether a version is that of a stand-in, and not of the data set itself."""
    return version.startswith("stand-in")


def _version(name: str) -> str:
    _check_name(name)
    if name == os.environ.get(_STAND_IN_VARIABLE):
        return _STAND_IN
    if name in _FROM_SCIKIT_LEARN:
        return f"scikit-learn {importlib.metadata.version('scikit-learn')}"
    return _COPIES[name][0].name.partition(":")[2]


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
        What the user has to know, a line each: a download, a stand-in.

    Raises:
        errors.MissingDataError: a data set without stand-in is missing and cannot be had.
        errors.UserError: no such data set or folder, or a file that is not what it should be.
    """
    wanted = sorted(set(names))
    for name in wanted:
        _check_name(name)
    _choose_folder("--data-dir", data_dir, "the prepared copies (mnist/3.0.1, ...)")
    _choose_folder("--manual-dir", manual_dir, "the files downloaded by hand (life_exp.csv)")
    os.environ.pop(_STAND_IN_VARIABLE, None)

    missing = [name for name in wanted if _missing(name)]
    online = _online({name: _url(name) for name in missing if name != "life_expectancy"})
    return [
        _prepare_life_expectancy() if name == "life_expectancy" else _obtain(name, name in online)
        for name in missing
    ]


def _choose_folder(option: str, folder: str | os.PathLike[str] | None, holds: str) -> None:
    """Let an option set its environment variable, which the worker processes inherit."""
    if folder is None:
        return
    path = pathlib.Path(folder).expanduser()
    if not _is_folder(path):
        raise errors.UserError(
            f"{option} '{folder}' is not a folder that can be read; name the one that holds "
            f"{holds}, or leave the option away"
        )
    variable = {"--data-dir": "TFDS_DATA_DIR", "--manual-dir": "TFDS_MANUAL_DIR"}[option]
    os.environ[variable] = str(path.absolute())


def _prepare_life_expectancy() -> str:
    """Prepare a copy from the file in the manual folder; return the line that says so."""
    from common import life_expectancy

    path = life_expectancy.find(*_manual_dirs())
    life_expectancy.read(path)  # complains of a bad file, before TensorFlow is started
    data_dir = next(filter(_may_write, _LIFE_EXPECTANCY.places), _data_dir())
    code = "from common import life_expectancy; life_expectancy.write(*__import__('sys').argv[1:])"
    folders = [str(folder.absolute()) for folder in (data_dir, path.parent)]
    problem = _run_library([sys.executable, "-c", code, *folders], cwd=_ROOT)
    if problem or _missing("life_expectancy"):
        raise errors.UserError(
            f"data set 'life_expectancy' could not be prepared from {path} in {data_dir} "
            f"({problem or 'no copy was left'}); name a folder that can be written: "
            "--data-dir FOLDER, or TFDS_DATA_DIR"
        )
    return f"prepared data set 'life_expectancy' in {data_dir}, from {path}"


def _manual_dirs() -> list[pathlib.Path]:
    if named := os.environ.get("TFDS_MANUAL_DIR"):
        return [pathlib.Path(named).expanduser()]
    return [place / "downloads" / "manual" for place in dict.fromkeys(_LIFE_EXPECTANCY.places)]


def _may_write(folder: pathlib.Path) -> bool:
    """Whether a folder, or the one that it would be made in, can be written, and is meant to be.

    The administrator can write into a folder that its owner has locked, and should not.
    """
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return os.access(there, os.W_OK | os.X_OK) and bool(there.stat().st_mode & 0o222)


def _obtain(name: str, online: bool) -> str:
    """Download a missing data set or decide on its stand-in; return the line that says so."""
    problem = _download(name) if online else f"no answer from {_url(name)}"
    if not problem:
        return f"downloaded data set '{name}' to {_data_dir()}"
    if name != "mnist":
        raise errors.MissingDataError(name, _how_to_get(name, problem))
    os.environ[_STAND_IN_VARIABLE] = name
    return (
        "NO MNIST: running on scikit-learn's 1,797 digits scaled to 28x28 instead, and every "
        f"verdict that needs MNIST will be NOT_RUN; {_how_to_get(name, problem)}"
    )


def _how_to_get(name: str, problem: str = "not downloaded yet") -> str:
    folders = " or ".join(str(folder) for folder in _missing(name))
    if name == "life_expectancy":
        return (
            f"data set '{name}' is missing: no {folders}; `python run_all.py {name}` prepares it "
            "from the file in --manual-dir (or TFDS_MANUAL_DIR)"
        )
    return (
        f"data set '{name}' is missing: no {folders}, and {problem}; where there is a network, "
        f"this gets it: {shlex.join(_download_command(name))}"
    )


def _check_name(name: str) -> None:
    known = sorted((*_COPIES, *_FROM_SCIKIT_LEARN))
    if name not in known:
        raise errors.UserError(f"unknown data set '{name}'; choose from {', '.join(known)}")


def _data_dir() -> pathlib.Path:
    return pathlib.Path(os.environ.get("TFDS_DATA_DIR") or _LIBRARYS_OWN).expanduser()


def _missing(name: str) -> list[pathlib.Path]:
    return [copy.folder for copy in _COPIES.get(name, ()) if not _is_folder(copy.folder)]


def _is_folder(path: pathlib.Path) -> bool:
    return os.access(path, os.R_OK | os.X_OK) and path.is_dir()


def _url(name: str) -> str:
    """One of the files that the library downloads. Importing the library imports no TensorFlow."""
    import tensorflow_datasets as tfds

    builder = tfds.builder_cls(name)
    return next(iter([config.dl_url for config in builder.BUILDER_CONFIGS] or builder.url_infos))


def _online(urls: Mapping[str, str]) -> set[str]:
    """Ask for every data set's file at once; no answer in time means no.

    The threads are daemons: a name server that does not answer holds them for longer than that.
    """
    answered: set[str] = set()

    def ask(name: str, url: str) -> None:
        # Whatever goes wrong here would go wrong in the library too, after minutes of retries.
        with contextlib.suppress(Exception), urllib.request.urlopen(url, timeout=PROBE_SECONDS):
            answered.add(name)

    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in urls.items()]
    deadline = time.monotonic() + PROBE_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return set(answered)


def _download_command(name: str) -> list[str]:
    # Double quotes throughout, so that the line can be pasted into a shell between single ones.
    names = json.dumps([copy.name for copy in _COPIES[name]])
    folder = json.dumps(str(_data_dir()))
    code = (
        "import tensorflow_datasets as tfds; "
        f"[tfds.builder(name, data_dir={folder}).download_and_prepare() for name in {names}]"
    )
    return [sys.executable, "-c", code]


def _download(name: str) -> str:
    """Download a data set; return what went wrong, or an empty text."""
    print(f"downloading data set '{name}' to {_data_dir()} ...", file=sys.stderr, flush=True)
    if problem := _run_library(_download_command(name)):
        return f"its download {problem}"
    return "its download left no copy" if _missing(name) else ""


def _run_library(command: list[str], cwd: pathlib.Path | None = None) -> str:
    """Run the library in a process of its own: here TensorFlow is not imported.

    Returns:
        What went wrong, or an empty text.
    """
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            cwd=cwd,
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {DOWNLOAD_SECONDS} s"
    except subprocess.CalledProcessError as error:
        return f"failed ({(error.stderr.splitlines() or ['no message'])[-1][:160]})"
    return ""

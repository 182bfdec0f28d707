"""The WHO's life expectancy data, as Kaggle publishes them: finding the file, and reading it.

2,938 rows, one for a country and a year; 22 columns; many cells are empty. Kaggle asks for an
account, so the file is not downloaded: it comes from the library's manual folder. It is accepted
only if it is the published one, character by character; else `read` says where it differs.
"""

import collections
import csv
import hashlib
import io
import math
import os
import pathlib

from common import errors

PAGE = "https://www.kaggle.com/datasets/kumarajarshi/life-expectancy-who"
FILES = ("life_exp.csv", "Life Expectancy Data.csv")  # the paper's name for it, and Kaggle's
SHA256 = "c3d22755ed3781c3a281d7b60f39f5a474a361e36ac56e84c2a747d8a7e05ec4"  # with LF line ends
ROWS = 2_938

# As they stand in the file, odd spaces included; Kaggle's page says what they mean.
TEXTS = ("Country", "Status")
TARGET = "Life expectancy "  # years
COLUMNS = (
    "Country",
    "Year",
    "Status",
    TARGET,
    "Adult Mortality",
    "infant deaths",
    "Alcohol",
    "percentage expenditure",
    "Hepatitis B",
    "Measles ",
    " BMI ",
    "under-five deaths ",
    "Polio",
    "Total expenditure",
    "Diphtheria ",
    " HIV/AIDS",
    "GDP",
    "Population",
    " thinness  1-19 years",
    " thinness 5-9 years",
    "Income composition of resources",
    "Schooling",
)
NUMBERS = tuple(column for column in COLUMNS if column not in TEXTS)


def find(*folders: pathlib.Path) -> pathlib.Path:
    """Find the file in the first of the folders that has it.

    Raises:
        errors.MissingDataError: none has.
    """
    for folder in folders:
        for name in FILES:
            if os.access(folder / name, os.R_OK):
                return folder / name
    raise errors.MissingDataError(
        "life_expectancy",
        "data set 'life_expectancy' is missing, and cannot be downloaded without an account: no "
        f"{FILES[0]} in {' or '.join(map(str, folders))}; put it there ('{FILES[1]}' of {PAGE}), "
        "or name the folder that holds it: --manual-dir FOLDER, or TFDS_MANUAL_DIR",
    )


def read(path: pathlib.Path) -> list[list[str]]:
    """Read the rows of the published file as texts, without its header.

    Raises:
        errors.UserError: it cannot be read or is not the published one; says what is wrong, where.
    """
    try:
        text = path.read_text("utf-8")  # line ends of any kind become LF
    except (OSError, UnicodeDecodeError) as error:
        raise _fault(path, f"cannot be read: {error}") from error
    rows = _cells(path, text)
    if hashlib.sha256(text.encode()).hexdigest() != SHA256:
        raise _fault(path, f"its checksum (SHA-256 {SHA256[:8]}...) is not the published file's")
    return rows


def _cells(path: pathlib.Path, text: str) -> list[list[str]]:
    """Split the text into cells, and complain of what is wrong with the first that is."""
    lines = csv.reader(io.StringIO(text), strict=True)
    rows = []
    try:
        _check_header(path, next(lines, []))
        for row in lines:
            _check_row(f"{path}, line {lines.line_num}", row)
            rows.append(row)
    except csv.Error as error:
        raise _fault(f"{path}, line {lines.line_num}", str(error)) from error
    if len(rows) != ROWS:
        raise _fault(path, f"{len(rows):,} rows where {ROWS:,} were published")
    return rows


def _check_header(path: pathlib.Path, header: list[str]) -> None:
    place = f"{path}, line 1"
    twice = [name for name, count in collections.Counter(header).items() if count > 1]
    missing = [name for name in COLUMNS if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    for problem, names in {"twice": twice, "missing": missing, "unknown": unknown}.items():
        if names:
            raise _fault(place, f"column {', '.join(map(repr, names))} {problem}")
    if tuple(header) != COLUMNS:
        raise _fault(place, "the columns are in another order")


def _check_row(place: str, row: list[str]) -> None:
    if len(row) != len(COLUMNS):
        raise _fault(place, f"{len(row)} cells where there are {len(COLUMNS)} columns")
    for column, cell in zip(COLUMNS, row, strict=True):
        if column not in TEXTS and not _is_number_or_gap(cell):
            raise _fault(f"{place}, column {column!r}", f"{cell[:40]!r} is no number")


def _is_number_or_gap(cell: str) -> bool:
    try:
        return not cell or math.isfinite(float(cell))
    except ValueError:
        return False


def _fault(place: str | pathlib.Path, problem: str) -> errors.UserError:
    return errors.UserError(
        f"{place}: {problem}; replace the file by the published one ('{FILES[1]}' of {PAGE})"
    )

"""The WHO's life expectancy data, as Kaggle publishes them: finding the file, and reading it.

2,938 rows, one for a country and a year; 22 columns; many cells are empty. Kaggle asks for an
account, so the file is not downloaded: it comes from the library's manual folder. It is taken in
the forms that people have it in: in Kaggle's archive, under a browser's new name, saved again by a
spreadsheet or by pandas, its rows or columns in another order. It is accepted only if its values
are the published ones, each of them: written down as they were published, they have to give the
published file, byte for byte. Else `read` says what it is, and where it differs.
"""

import collections
import csv
import hashlib
import io
import math
import pathlib
import re
import zipfile
from collections.abc import Sequence

from common import errors
from common.data import folders, tables

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

# Of each column, in the same order: the first eight digits of its cells' SHA-256. They say where
# a file differs; `SHA256` says whether.
COLUMN_SHA256 = (
    "3cf9c1f9",
    "8b4d5e9a",
    "a70adde8",
    "bb5d9c10",
    "2eca7d38",
    "17727223",
    "ff8c5e7f",
    "481d3c98",
    "6aaa3a28",
    "ae2f69bd",
    "4af1e708",
    "5d03028c",
    "8f403855",
    "8dba8a83",
    "80f3dbe3",
    "ac1800d6",
    "f44c90ca",
    "14b84b3c",
    "bc385a49",
    "9bb5f4fb",
    "5f1525d2",
    "816bb435",
)

DIGITS = 10  # no number was published with more, and some programs add some (0.47900000000000004)
GAPS = ("", "nan", "na", "n/a", "#n/a", "<na>", "null", "none")  # in small letters
INDEX = re.compile(r"|index|unnamed.*")  # what pandas and spreadsheets head their row numbers with

Row = list[str]


# --- Finding it ---------------------------------------------------------------------------------

_TABLE = re.compile(r"life[ _-]?exp.*\.(csv|tsv|txt|xlsx?|ods)", re.IGNORECASE)
_ARCHIVE = re.compile(r"(life[ _-]?exp.*|archive.*)\.zip", re.IGNORECASE)


def find(*places: pathlib.Path) -> pathlib.Path:
    """Find the file with the published values, under any of its names.

    Raises:
        errors.MissingDataError: no folder has a file that is named like it.
        errors.UserError: none that is named so is the published one; it says what the first is.
    """
    problems = []
    for path in _candidates(places):
        try:
            read(path)
            return path
        except errors.UserError as error:
            problems.append(error)
    if problems:
        raise problems[0]
    raise errors.MissingDataError(
        "life_expectancy",
        "data set 'life_expectancy' is missing, and cannot be downloaded without an account: no "
        f"{FILES[0]} in {' or '.join(map(str, places))}; put it there ('{FILES[1]}' of {PAGE}), "
        "or name the folder that holds it: --manual-dir FOLDER, or TFDS_MANUAL_DIR",
    )


def _candidates(places: Sequence[pathlib.Path]) -> list[pathlib.Path]:
    """List the files that are named like it, the likeliest first."""
    return [
        path
        for folder in places
        if folders.is_folder(folder)
        for path in sorted(folder.iterdir(), key=_likeliness)
        if _is_table(path.name) or (_ARCHIVE.fullmatch(path.name) and _may_hold_it(path))
    ]


def _likeliness(path: pathlib.Path) -> tuple[bool, bool, str]:
    """Sort key: the two names first, archives last."""
    return path.name not in FILES, bool(_ARCHIVE.fullmatch(path.name)), path.name


def _is_table(name: str) -> bool:
    return bool(_TABLE.fullmatch(name))


def _may_hold_it(path: pathlib.Path) -> bool:
    """Whether an archive has such a file, or is damaged: many are called `archive.zip`."""
    try:
        return bool(tables.wanted_members(path, _is_table))
    except (OSError, ValueError, zipfile.BadZipFile):
        return True


# --- Reading it ---------------------------------------------------------------------------------


def read(path: pathlib.Path) -> list[Row]:
    """Read the rows of the published file as texts, without its header.

    Raises:
        errors.UserError: it cannot be read or is not the published one; says what is wrong, where.
    """
    try:
        lines = tables.read(path, _is_table)
        place, header = lines[0]
        columns = _places_of_columns(place, header)
        lines = _without_blank_end(lines[1:])
        if lines and len(lines[-1][1]) < len(header):
            place, problem = lines[-1][0], "the file breaks off here"
            raise tables.FaultError(place, f"{problem}, after {len(lines) - 1:,} of {ROWS:,} rows")
        rows = [_cells(place, cells, len(header), columns) for place, cells in lines]
        return _published(path, rows)
    except tables.FaultError as fault:
        raise errors.UserError(
            f"{fault}; replace the file by the published one ('{FILES[1]}' of {PAGE})"
        ) from fault


def _places_of_columns(place: str, header: Row) -> list[int]:
    """Find every published column by its name, whatever its spaces, signs and place in the row."""
    published = {_plain(column): column for column in COLUMNS}
    names = [published.get(_plain(name), name.strip()) for name in header]
    missing = [column for column in COLUMNS if column not in names]
    if len(missing) > len(COLUMNS) / 2:
        begin = ",".join(header)[:60]
        raise tables.FaultError(place, f"does not name the published columns ({begin!r} ...)")
    data = [name for name in names if not INDEX.fullmatch(name.casefold())]
    faults = {
        "twice": [name for name, count in collections.Counter(data).items() if count > 1],
        "missing": missing,
        "unknown": [name for name in data if name not in COLUMNS],
    }
    for problem, columns in faults.items():
        if columns:
            raise tables.FaultError(place, f"column {', '.join(map(repr, columns))} {problem}")
    return [names.index(column) for column in COLUMNS]


def _plain(name: str) -> str:
    """A column's name by its letters and digits only."""
    return " ".join(re.findall(r"[^\W_]+", name.casefold()))


def _without_blank_end(lines: list[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """Leave out the blank rows that spreadsheets append."""
    end = len(lines)
    while end and not any(cell.strip() for cell in lines[end - 1][1]):
        end -= 1
    return lines[:end]


def _cells(place: str, row: Row, width: int, places: Sequence[int]) -> Row:
    """Pick the published columns of a row, and write each cell as it was published."""
    if len(row) != width:
        raise tables.FaultError(place, f"{len(row)} cells where there are {width} columns")
    return [
        row[index].strip() if column in TEXTS else _number(place, column, row[index])
        for column, index in zip(COLUMNS, places, strict=True)
    ]


def _number(place: str, column: str, cell: str) -> str:
    """Write a number as it was published: 65.0 is 65, 59,9 is 59.9, and NaN is an empty cell."""
    text = cell.strip()
    if text.casefold() in GAPS:
        return ""
    try:
        number = float(f"{float(text.replace(',', '.')):.{DIGITS}g}")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise tables.FaultError(f"{place}, column {column!r}", f"{cell[:40]!r} is no number")
    return repr(number).removesuffix(".0")


# --- Holding it against the published file ------------------------------------------------------


def _published(path: pathlib.Path, rows: list[Row]) -> list[Row]:
    """Give back the rows in their published order, if they are the published ones."""
    if len(rows) != ROWS:
        last = f", the last of them {rows[-1][0]}, {rows[-1][1]}" if rows else ""
        raise tables.FaultError(
            str(path), f"{len(rows):,} rows where {ROWS:,} were published{last}"
        )
    orders = [rows, sorted(rows, key=_published_place)]
    for order in orders:
        if hashlib.sha256(_as_published(order).encode()).hexdigest() == SHA256:
            return order
    others = min([_other_columns(order) for order in orders], key=len)
    raise tables.FaultError(
        str(path),
        f"its checksum is not the published file's (SHA-256 {SHA256[:8]}...): other values in "
        f"column {', '.join(map(repr, others))}",
    )


def _published_place(row: Row) -> tuple[str, float]:
    """Sort key: the countries by name, each one's last year first."""
    name = row[0].replace("ô", " ")  # Côte d'Ivoire stands before all others in C
    return name, -float(row[1] or 0)


def _as_published(rows: list[Row]) -> str:
    """Write the file down."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    return text.getvalue()


def _other_columns(rows: list[Row]) -> list[str]:
    """Name the columns whose cells are not the published ones."""
    cells = zip(*rows, strict=True)
    return [
        column
        for column, published, texts in zip(COLUMNS, COLUMN_SHA256, cells, strict=True)
        if _digest(texts) != published
    ]


def _digest(cells: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(cells).encode()).hexdigest()[:8]

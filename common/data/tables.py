"""Tables of text as people have them: what browsers, spreadsheets and pandas make of a CSV file.

Commas, semicolons or tabs, any line ends, UTF-8 with or without a mark, UTF-16, Windows' own
encoding, or the whole in a zip archive. What comes out are cells of text; whether they are the
right ones is for the caller to check.
"""

import csv
import io
import pathlib
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator

LIMIT = 20_000_000  # bytes; what is larger is another file, or a trap

# What is no text at all, by its first bytes.
_KINDS = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook (.xls): save it as CSV there",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "compressed by gzip: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"7z\xbc\xaf": "a 7-Zip archive: unpack it",
}
_ARCHIVE_ERRORS = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class FaultError(Exception):
    """What is wrong with a file, and where: a path, a line, a column."""

    def __init__(self, place: str, problem: str) -> None:
        """Both are parts of a sentence: "PLACE: PROBLEM"."""
        super().__init__(f"{place}: {problem}")


def read(path: pathlib.Path, is_wanted: Callable[[str], bool]) -> list[tuple[str, list[str]]]:
    """Read a table from a file, or from the file of an archive whose name is wanted.

    Returns:
        For each line of the table where it stands ("FILE, line 3"), and its cells.

    Raises:
        FaultError: it is none, or cannot be read.
    """
    place, content = _content(path, is_wanted)
    return list(_lines(place, _text(place, content)))


def wanted_members(path: pathlib.Path, is_wanted: Callable[[str], bool]) -> list[str]:
    """List the files of an archive whose name, without folders, is wanted.

    Raises:
        zipfile.BadZipFile: it is no archive, or a damaged one.
    """
    with zipfile.ZipFile(path) as archive:
        return [name for name in archive.namelist() if is_wanted(name.rpartition("/")[2])]


def _content(path: pathlib.Path, is_wanted: Callable[[str], bool]) -> tuple[str, bytes]:
    """Read the bytes of the table, and say where they stand."""
    if not path.is_file():
        raise FaultError(str(path), "cannot be read: it is no file")
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise FaultError(str(path), f"cannot be read: {error.strerror}") from error
    if content[:2] == b"PK":
        return _member(path, is_wanted)
    return str(path), _of_bearable_size(str(path), content)


def _member(path: pathlib.Path, is_wanted: Callable[[str], bool]) -> tuple[str, bytes]:
    """Read the wanted file of an archive."""
    place = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if {"[Content_Types].xml", "mimetype"} & set(archive.namelist()):
                raise FaultError(place, "is a spreadsheet (such as .xlsx): save it as CSV there")
            members = wanted_members(path, is_wanted)
            if not members:
                held = ", ".join(map(repr, archive.namelist()[:3])) or "nothing"
                raise FaultError(place, f"is an archive without that file (it holds {held})")
            place = f"{path}, {members[0]!r} in it"
            with archive.open(members[0]) as file:
                return place, _of_bearable_size(place, file.read(LIMIT + 1))
    except _ARCHIVE_ERRORS as error:
        raise FaultError(place, f"is a damaged, half or locked archive ({error})") from error


def _of_bearable_size(place: str, content: bytes) -> bytes:
    if len(content) > LIMIT:
        raise FaultError(place, f"has more than {LIMIT / 1e6:.0f} MB")
    return content


def _text(place: str, content: bytes) -> str:
    """Decode a text, and refuse what is something else."""
    for start, kind in _KINDS.items():
        if content.startswith(start):
            raise FaultError(place, f"is {kind}")
    encodings = next(
        ([name] for mark, name in _MARKS.items() if content.startswith(mark)), ["utf-8", "cp1252"]
    )
    text = _decoded(place, content, encodings).replace("\r\n", "\n").replace("\r", "\n")
    begin = text.lstrip()[:1]
    if not begin:
        raise FaultError(place, f"is empty ({len(content):,} bytes)")
    if begin == "<":
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.DOTALL | re.IGNORECASE)
        called = f", '{' '.join(title[1].split())[:60]}'," if title else ""
        raise FaultError(place, f"is a web page{called} and not the data: log in first")
    return text


def _decoded(place: str, content: bytes, encodings: list[str]) -> str:
    """Decode by the first encoding that can."""
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            problem = error
    raise FaultError(place, f"cannot be read: {problem}") from problem


def _lines(place: str, text: str) -> Iterator[tuple[str, list[str]]]:
    """Split into cells, at the sign that gives the first line the most."""
    first = text[: text.find("\n") + 1] or text
    cells = {sign: len(next(csv.reader([first], delimiter=sign), [])) for sign in ",;\t|"}
    lines = csv.reader(io.StringIO(text), delimiter=max(cells, key=cells.__getitem__), strict=True)
    try:
        for row in lines:
            yield f"{place}, line {lines.line_num}", row
    except csv.Error as error:
        raise FaultError(f"{place}, line {lines.line_num}", str(error)) from error

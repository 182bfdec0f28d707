"""The published values are taken in whatever form; what is not they is refused, and it says why."""

import csv
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from common import errors
from common.data import life_expectancy_file

ASCENDING = ["Country", "Year"]


@pytest.fixture(scope="module")
def text(life_expectancy_csv):
    return life_expectancy_csv.read_bytes().decode()


@pytest.fixture(scope="module")
def published(text):
    return list(csv.reader(io.StringIO(text)))[1:]


@pytest.fixture
def edited(text, tmp_path):
    """Write the published file with some of its text replaced, and read that."""

    def read(old, new, count=1):
        assert old in text
        path = tmp_path / "life_exp.csv"
        path.write_bytes(text.replace(old, new, count).encode())
        return life_expectancy_file.read(path)

    return read


@pytest.fixture
def read(tmp_path):
    """Read a file of some content."""

    def read_content(content, name="life_exp.csv"):
        (tmp_path / name).write_bytes(content)
        return life_expectancy_file.read(tmp_path / name)

    return read_content


@pytest.fixture
def saved_again(life_expectancy_csv, tmp_path):
    """Read what pandas, or a spreadsheet, makes of the published file."""

    def save(change=lambda table: table, **options):
        change(pd.read_csv(life_expectancy_csv)).to_csv(tmp_path / "life_exp.csv", **options)
        return life_expectancy_file.read(tmp_path / "life_exp.csv")

    return save


# --- Taken ---------------------------------------------------------------------------------------


def test_the_published_file_is_read_whatever_its_line_ends(edited, published):
    rows = edited("\n", "\r\n", -1)
    assert len(rows) == 2938
    assert rows[0][:5] == ["Afghanistan", "2015", "Developing", "65", "263"]
    assert sum(cell == "" for row in rows for cell in row) == 2563  # the gaps
    assert rows == published
    assert edited("\n", "\r", -1) == published


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_other_encodings(text, read, published, encoding):
    assert read(text.encode(encoding)) == published


@pytest.mark.parametrize(
    "options",
    [
        {},  # an index column, and 65.0 for 65
        {"index": False},
        {"sep": ";", "index": False, "encoding": "utf-8-sig"},
        {"sep": ";", "decimal": ",", "index": False, "lineterminator": "\r\n"},
        {"sep": "\t", "index": False},
        {"sep": "\t", "encoding": "utf-16"},
        {"quoting": csv.QUOTE_ALL, "na_rep": "NaN"},
        {"quoting": csv.QUOTE_NONNUMERIC, "na_rep": "NA", "index_label": "index"},
        {"na_rep": "#N/A", "decimal": ","},
        {"float_format": "%.9f"},
    ],
)
def test_saved_again(saved_again, published, options):
    assert saved_again(**options) == published


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table[sorted(table.columns)],
        lambda table: table.rename(columns=str.strip),
        lambda table: table.rename(columns=lambda name: name.strip().lower().replace(" ", "_")),
        lambda table: table.sort_values(ASCENDING),
        lambda table: table.sort_values("Life expectancy "),
        lambda table: table.sample(frac=1, random_state=0),
    ],
    ids=["columns sorted", "names trimmed", "snake case", "by year", "by value", "shuffled"],
)
def test_rows_and_columns_come_back_to_their_places(saved_again, published, change):
    assert saved_again(change, index=False) == published


def test_blank_rows_and_columns_at_the_end(text, read, published):
    lines = [f"{line},," for line in text.splitlines()] + ["," * 23] * 3
    assert read("\n".join(lines).encode()) == published


@pytest.mark.parametrize("name", ["archive.zip", "life_exp.csv", "Life Expectancy (WHO).zip"])
def test_kaggles_archive(life_expectancy_csv, tmp_path, published, name):
    with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._Life Expectancy Data.csv", b"\x00\x05\x16\x07")
        archive.writestr("read me.txt", "not this")
        archive.write(life_expectancy_csv, "data/Life Expectancy Data.csv")
    assert life_expectancy_file.read(tmp_path / name) == published
    assert life_expectancy_file.find(tmp_path) == tmp_path / name


# --- Refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("GDP", "Polio", "line 1: column 'Polio' twice"),
        ("Measles ,", "", "line 1: column 'Measles ' missing"),
        (" BMI ", "BMX", "line 1: column ' BMI ' missing"),
        ("Schooling", "Schooling,Weather", "line 1: column 'Weather' unknown"),
        (",271,64,", ",many,64,", "line 3, column 'Adult Mortality': 'many' is no number"),
        (",271,64,", ",inf,64,", "line 3, column 'Adult Mortality': 'inf' is no number"),
        (",271,64,", ",1e999,64,", "line 3, column 'Adult Mortality': '1e999' is no number"),
        (",271,64,", ",271,64,64,", "line 3: 23 cells where there are 22 columns"),
        ("Afghanistan,2014", '"Afghan"istan,2014', "line 3: "),
        ("Zimbabwe,2000", "\nZimbabwe,2000", ": 0 cells"),
        (",271,64,", ",272,64,", "its checksum"),
        (",271,64,", ",,64,", "other values in column 'Adult Mortality'; "),
        (",271,64,", ",n/a,64,", "other values in column 'Adult Mortality'; "),
        ("Country,Year", "Year,Country", "line 2, column 'Year': 'Afghanistan' is no number"),
        ("Côte d'Ivoire", "CÃ´te d'Ivoire", "other values in column 'Country'; "),
    ],
)
def test_faults(edited, refusal, old, new, says):
    message = refusal(edited, old, new, -1 if "Côte" in old else 1)
    assert "life_exp.csv" in message.partition(":")[0]
    assert says in message
    assert message.endswith("life-expectancy-who)")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda table: table.dropna(),
            "1,649 rows where 2,938 were published, the last of them Zim",
        ),
        (lambda table: table.assign(GDP=table.GDP.fillna(0)), "other values in column 'GDP'; "),
        (lambda table: table.round(2), "'percentage expenditure', 'GDP', 'Income composition of"),
        (lambda table: pd.concat([table, table]), "5,876 rows where 2,938 were published"),
        (lambda table: table.rename(columns={"Year": "Date"}), "column 'Year' missing"),
        (lambda table: table.head(0), "0 rows where 2,938 were published"),
    ],
    ids=["rows dropped", "gaps filled", "rounded", "twice", "renamed", "emptied"],
)
def test_other_values_are_refused(saved_again, refusal, change, says):
    assert says in refusal(saved_again, change)


def test_half_a_file(text, read, refusal):
    whole = text.encode()
    message = refusal(read, whole[:100_010])
    assert "life_exp.csv, line 889: the file breaks off here, after 887 of 2,938 rows; " in message
    message = refusal(read, whole[: whole.index(b"Albania")])
    assert "16 rows where 2,938 were published, the last of them Afghanistan, 2000; " in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty (0 bytes)"),
        (b"\n \n", "is empty (3 bytes)"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"\x81\x8d", "cannot be read"),
        (b"\x00" * 1000, "does not name the published columns"),
        (",".join(life_expectancy_file.COLUMNS).encode(), "0 rows where 2,938 were published"),
        (b"Afghanistan,2015,Developing,65", "('Afghanistan,2015,Developing,65' ...)"),
        (
            b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html><head><title>Sign in\n | Kaggle</title></head>",
            "is a web page, 'Sign in | Kaggle', and not the data",
        ),
        (b"<html></html>", "is a web page and not the data"),
        (json.dumps({"code": 401, "message": "Unauthenticated"}).encode(), "does not name the"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook (.xls): save it as CSV there"),
        (b"\x1f\x8b\x08", "is compressed by gzip"),
        (b"PK\x03\x04half an archive", "is a damaged, half or locked archive"),
    ],
)
def test_other_files(read, refusal, content, says):
    message = refusal(read, content)
    assert says in message
    assert "replace the file by the published one ('Life Expectancy Data.csv' of https" in message


def test_archives_of_other_things(tmp_path, refusal):
    path = tmp_path / "life_exp.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("winequality-red.csv", "a;b")
    message = refusal(life_expectancy_file.read, path)
    assert "is an archive without that file (it holds 'winequality-red.csv')" in message
    with zipfile.ZipFile(path, "w") as workbook:
        workbook.writestr("[Content_Types].xml", "")
    assert "is a spreadsheet (such as .xlsx)" in refusal(life_expectancy_file.read, path)


def test_a_damaged_member_of_an_archive(life_expectancy_csv, tmp_path, refusal):
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(life_expectancy_csv, "Life Expectancy Data.csv")
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[5_000:5_100] ^= 255
    path.write_bytes(content.tobytes())
    message = refusal(life_expectancy_file.find, tmp_path)
    assert "archive.zip, 'Life Expectancy Data.csv' in it: is a damaged, half" in message
    path.write_bytes(content.tobytes()[:50_000])
    assert "archive.zip: is a damaged, half" in refusal(life_expectancy_file.find, tmp_path)


# --- Found ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "life_exp.csv",
        "Life Expectancy Data.csv",
        "Life_Expectancy_Data.csv",
        "Life Expectancy Data (1).csv",
        "life-expectancy-who.csv",
        "LifeExpectancyData.CSV",
        "Life Expectancy Data.txt",
    ],
)
def test_its_names(life_expectancy_csv, tmp_path, name):
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / name).write_bytes(life_expectancy_csv.read_bytes())
    (tmp_path / "life.csv").touch()
    (tmp_path / "._life_exp.csv").touch()
    found = life_expectancy_file.find(tmp_path / "nowhere", tmp_path, tmp_path / "manual")
    assert found == tmp_path / "manual" / name


def test_a_folder_in_the_files_place(tmp_path):
    (tmp_path / "life_exp.csv").mkdir()
    with pytest.raises(errors.UserError, match="cannot be read"):
        life_expectancy_file.find(tmp_path)


def test_a_bad_file_does_not_hide_a_good_one(life_expectancy_csv, tmp_path, refusal):
    (tmp_path / "life_exp.csv").write_text("<html>")
    assert "life_exp.csv: is a web page" in refusal(life_expectancy_file.find, tmp_path)
    good = tmp_path / "Life Expectancy Data (1).csv"
    good.write_bytes(life_expectancy_csv.read_bytes())
    assert life_expectancy_file.find(tmp_path) == good


def test_an_archive_of_something_else_is_no_candidate(tmp_path):
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("winequality-red.csv", "a;b")
    with pytest.raises(errors.MissingDataError, match=r"no life_exp\.csv in"):
        life_expectancy_file.find(tmp_path)

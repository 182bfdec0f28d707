"""A file that is not the published one is refused, and the line says what is wrong and where."""

import pytest

from common import errors, life_expectancy


@pytest.fixture
def edited(life_expectancy_csv, tmp_path):
    """Write the published file with some of its text replaced, and read that."""

    def read(old, new, count=1):
        text = life_expectancy_csv.read_bytes().decode()
        assert old in text
        path = tmp_path / "life_exp.csv"
        path.write_bytes(text.replace(old, new, count).encode())
        return life_expectancy.read(path)

    return read


def test_the_published_file_is_read_whatever_its_line_ends(edited):
    rows = edited("\n", "\r\n", -1)
    assert len(rows) == 2938
    assert rows[0][:5] == ["Afghanistan", "2015", "Developing", "65", "263"]
    assert sum(cell == "" for row in rows for cell in row) == 2563  # the gaps


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("GDP", "Polio", "line 1: column 'Polio' twice"),
        ("Measles ,", "", "line 1: column 'Measles ' missing"),
        (" BMI ", "BMI", "line 1: column ' BMI ' missing"),
        ("Schooling", "Schooling,Weather", "line 1: column 'Weather' unknown"),
        ("Country,Year", "Year,Country", "line 1: the columns are in another order"),
        (",271,64,", ",n/a,64,", "line 3, column 'Adult Mortality': 'n/a' is no number"),
        (",271,64,", ",nan,64,", "line 3, column 'Adult Mortality': 'nan' is no number"),
        (",271,64,", ",1e999,64,", "line 3, column 'Adult Mortality': '1e999' is no number"),
        (",271,64,", ",271,64,64,", "line 3: 23 cells where there are 22 columns"),
        ("Afghanistan,2014", '"Afghan"istan,2014', "line 3: "),
        ("Zimbabwe,2000", "\nZimbabwe,2000", ": 0 cells"),
        (",271,64,", ",272,64,", "its checksum"),
        (",271,64,", ",,64,", "its checksum"),
    ],
)
def test_faults(edited, tmp_path, old, new, says):
    with pytest.raises(errors.UserError) as raised:
        edited(old, new)
    message = str(raised.value)
    assert "\n" not in message
    assert message.startswith(str(tmp_path / "life_exp.csv"))
    assert says in message
    assert message.endswith("life-expectancy-who)")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1: column 'Country', "),
        (b"\xff\xfe\x00", "cannot be read"),
        (",".join(life_expectancy.COLUMNS).encode(), "0 rows where 2,938 were published"),
    ],
)
def test_other_files(tmp_path, content, says):
    path = tmp_path / "life_exp.csv"
    path.write_bytes(content)
    with pytest.raises(errors.UserError) as raised:
        life_expectancy.read(path)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_in_the_files_place(tmp_path):
    (tmp_path / "life_exp.csv").mkdir()
    with pytest.raises(errors.UserError, match="cannot be read"):
        life_expectancy.read(life_expectancy.find(tmp_path))


def test_kaggles_name_will_do(tmp_path):
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "Life Expectancy Data.csv").touch()
    assert life_expectancy.find(tmp_path, tmp_path / "manual").parent == tmp_path / "manual"

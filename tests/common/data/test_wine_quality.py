import hashlib
import shlex

import numpy as np
import pytest

from common.data import copies, wine_quality


@pytest.mark.usefixtures("copies_dir")
@pytest.mark.parametrize(
    ("colour", "rows", "sha256", "oddity"),
    [
        # Everything in the files is printed as briefly as can be, but for one cell in each.
        (
            "red",
            1599,
            "4a402cf041b025d4566d954c3b9ba8635a3a8a01e039005d97d6a710278cf05e",
            (";2.74;2;9.4;4", ";2.74;2.0;9.4;4"),
        ),
        (
            "white",
            4898,
            "76c3f809815c17c07212622f776311faeb31e87610d52c26d87d6e361b169836",
            (";3.42;0.44;8;3", ";3.42;0.44;8.0;3"),
        ),
    ],
)
def test_it_is_the_published_csv(colour, rows, sha256, oddity):
    wine = wine_quality.load(colour)
    assert wine.features.shape == (rows, 11)
    assert wine.features.dtype == np.float64
    assert wine.quality.dtype == np.int64
    lines = [";".join(f'"{column}"' for column in (*wine.columns, "quality"))] + [
        ";".join(f"{x:.15g}" for x in (*row, quality))
        for row, quality in zip(wine.features, wine.quality, strict=True)
    ]
    csv = "".join(line + "\n" for line in lines).replace(*oddity)
    assert hashlib.sha256(csv.encode()).hexdigest() == sha256


@pytest.mark.usefixtures("copies_dir")
def test_rows_columns_and_decimals():
    red = wine_quality.load("red")
    assert red.quality[:5].tolist() == [5, 5, 5, 6, 5]
    published = [7.4, 0.7, 0, 1.9, 0.076, 11, 34, 0.9978, 3.51, 0.56, 9.4]  # not 7.4000001
    assert red.features[0].tolist() == published
    assert red.columns[0] == "fixed acidity"
    assert red.columns[-1] == "alcohol"
    assert 9.56666666666667 in red.features[:, -1]


@pytest.mark.usefixtures("copies_dir")
def test_it_is_loaded_once_and_cannot_be_changed():
    assert wine_quality.load("red") is wine_quality.load("red")
    with pytest.raises(ValueError, match="read-only"):
        wine_quality.load("red").features[0, 0] = 0


def test_loading_what_is_missing_names_folder_and_command(elsewhere, refusal):
    message = refusal(wine_quality.load, "red")
    assert "'wine_quality' is missing" in message
    assert str(elsewhere / "wine_quality/red/1.0.0") in message
    command = copies.download_command([wine_quality.COPIES["red"]])
    assert shlex.split(message)[-3:] == command

"""Life expectancy by country and year, from a file that everybody downloads by hand."""

import dataclasses
import functools

import numpy as np

from common.data import arrays, copies, life_expectancy_file, origins

COPY = copies.Copy(
    "life_expectancy:1.0.0",
    {"train": life_expectancy_file.ROWS},
    "736022990ada425b9aa762a82dc416d168533130026621cd2085e24c3a673388",
    how_to_get=(
        "`python run_all.py life_expectancy` prepares it from the file in --manual-dir "
        "(or TFDS_MANUAL_DIR)"
    ),
    ours=True,
)
ORIGIN = origins.ManualFile(
    COPY, builder="common.data.life_expectancy_builder", find=life_expectancy_file.find
)


@dataclasses.dataclass(frozen=True, eq=False)
class LifeExpectancy:
    """Life expectancy by country and year, and what may go with it, in CSV order.

    WHO and United Nations, collected by Kumar Rajarshi on Kaggle, "Life Expectancy (WHO)"; see
    `life_expectancy_file`. Many cells are empty.
    """

    inputs: np.ndarray  # float64 [2938, 19], the other numeric columns; NaN where a cell is empty
    years: np.ndarray  # float64 [2938], life expectancy; NaN where the cell is empty
    countries: np.ndarray  # str [2938]
    statuses: np.ndarray  # str [2938], "Developed" or "Developing"
    columns: tuple[str, ...]  # the 19 inputs' names, in CSV order, with the CSV's odd spaces
    header: tuple[str, ...]  # the names of all 22 columns


@functools.cache
def load() -> LifeExpectancy:
    """Load the life expectancy data. Cached; the arrays are read-only.

    Raises:
        errors.UserError: the prepared copy is missing or damaged.
    """
    header = life_expectancy_file.COLUMNS
    with copies.damage_reported(COPY):
        rows = copies.published_rows(COPY, "train")
        texts = {column: [cell.decode() for cell in rows[column]] for column in header}
        numbers = {
            column: np.array([float(cell or "nan") for cell in texts[column]])
            for column in life_expectancy_file.NUMBERS
        }
        years = numbers.pop(life_expectancy_file.TARGET)
        inputs, years, countries, statuses = arrays.checked(
            COPY.sha256,
            np.stack(list(numbers.values()), axis=1),
            years,
            np.array(texts["Country"]),
            np.array(texts["Status"]),
        )
    return LifeExpectancy(inputs, years, countries, statuses, tuple(numbers), header)

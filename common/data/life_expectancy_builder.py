"""A builder for tensorflow-datasets that prepares the copy of the life expectancy data.

Cells are kept as the text that they are in the file, gaps as empty texts: the library's numbers
would be float32. `life_expectancy.load` makes float64 of them.

This module imports tensorflow-datasets (but not TensorFlow): only the process that writes the copy
imports it.
"""

import pathlib
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from common.data import life_expectancy_file


class LifeExpectancy(tfds.core.GeneratorBasedBuilder):
    """One split, "train", whose rows are in the published order."""

    VERSION = tfds.core.Version("1.0.0")
    path: pathlib.Path  # the file that is read; `write` sets it

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Life expectancy and what may go with it, 193 countries, 2000 to 2015.",
            features=tfds.features.FeaturesDict(
                {column: tfds.features.Text() for column in life_expectancy_file.COLUMNS}
            ),
            homepage=life_expectancy_file.PAGE,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        return {"train": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, dict[str, str]]]:
        for number, row in enumerate(life_expectancy_file.read(self.path)):
            yield number, dict(zip(life_expectancy_file.COLUMNS, row, strict=True))


def write(data_dir: str, path: str) -> None:
    """Write the prepared copy into `data_dir` from the file at `path`; imports TensorFlow."""
    builder = LifeExpectancy(data_dir=data_dir)
    builder.path = pathlib.Path(path)
    builder.download_and_prepare()

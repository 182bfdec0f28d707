"""How figures show what was measured on the paper's pictures; nothing here measures."""

import typing
from collections.abc import Sequence

import numpy as np

from common import records

if typing.TYPE_CHECKING:
    from matplotlib import axes as mpl_axes


def stacked(runs: Sequence[records.Record], metric: str) -> np.ndarray:
    """A logged metric of some runs, shape (seeds, epochs); before training is left out."""
    return records.stack(runs, metric)[:, 1:]


def level(
    axes: "mpl_axes.Axes", runs: Sequence[records.Record], metric: str, label: str, style: str
) -> None:
    """Draw what a simple answer gets as a grey line across the panel (median over the seeds)."""
    middle = float(np.median(records.stack(runs, metric)))
    axes.axhline(middle, color="#777777", linestyle=style, linewidth=1, label=label)

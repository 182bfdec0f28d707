"""The epochs whose error is stored, and drawn.

Close together at the start. The authors' own runs, which are drawn over figure 2, are stored more
finely, and beyond its 10,000 epochs where they go on.
"""

import numpy as np

COARSE = np.unique(np.rint(np.geomspace(1, 10_000, 70)).astype(int)) - 1
FINE = np.concatenate([np.arange(400), np.arange(400, 10_000, 10)])


def stored(epochs: int, finely: bool) -> np.ndarray:
    """Return the epochs of a run of that length whose error is stored, in order."""
    kept = COARSE
    if finely:
        kept = np.union1d(FINE, np.geomspace(10_000, max(epochs, 10_000), 300).astype(int) - 1)
    return kept[kept < epochs]

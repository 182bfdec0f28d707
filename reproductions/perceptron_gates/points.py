"""The four points of a gate with two inputs, and the gates of the notes."""

import itertools

import numpy as np

POINTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float64")
GATES = {
    "AND": np.logical_and(*POINTS.T).astype("float64"),
    "OR": np.logical_or(*POINTS.T).astype("float64"),
    "XOR": np.logical_xor(*POINTS.T).astype("float64"),
}
TABLES = np.array(list(itertools.product([0.0, 1.0], repeat=len(POINTS))))  # all 16, (16, 4)


def predict(state: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return 0 or 1 for each of the points, shape (n,), of the neuron with state (w1, w2, b)."""
    return (points @ state[:2] + state[2] > 0).astype(int)

"""The notes' network, its four points, its errors and its starts: what all experiments here share.

The formulas of the documents' own code are kept in their form: the network of the listing
(notes-2, 2.1) has two layers with a bias each and sigmoids behind both.
"""

import keras
import numpy as np

from common import losses, training
from common.protocols import notes

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float64")
Y = np.logical_xor(*X.T).astype("float64")[:, None]

SCHEMES = {
    "uniform": notes.uniform,
    "normal": training.normal,
    "glorot": training.glorot,
    "pytorch": notes.pytorch,
}

# E = 1/2 (y - A2)^2 summed over the samples: what the listing descends (notes-2, 3.2).
half_sum_of_squares = losses.half_squared_error
# What figure 2 plots, and PyTorch's MSELoss.
mean_of_squares = losses.mean_squared_error


def build(hidden: int = 2, activation: str = "sigmoid") -> keras.Model:
    """2 inputs, a hidden layer, one sigmoid output: Z1 = X W1 + b1, A1, Z2 = A1 W2 + b2, A2."""
    return keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(hidden, activation=activation),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def draw_start(model: keras.Model, scheme: str, seed: int) -> list[np.ndarray]:
    """Draw the starting weights as the listing does: legacy NumPy, W1 before W2."""
    return training.initial_weights(model, np.random.RandomState(seed), SCHEMES[scheme])


def flat(arrays: list[np.ndarray]) -> np.ndarray:
    """Lay arrays end to end, as one point or direction in weight space, shape (numbers,)."""
    return np.concatenate([array.ravel() for array in arrays])


def smallest_curvature(model: keras.Model) -> float:
    """Smallest eigenvalue of the Hessian: negative where some direction curves downwards."""
    return float(np.linalg.eigvalsh(training.hessian(model, half_sum_of_squares, X, Y))[0])

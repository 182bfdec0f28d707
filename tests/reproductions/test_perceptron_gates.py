"""The perceptron against the notes' own listing, and its measures against being fooled."""

import numpy as np
import pytest

from common import training
from reproductions import perceptron_gates


class Perceptron:
    """notes-2, section 1.2, as printed (the random weights are given, to compare runs)."""

    def __init__(self, weights: np.ndarray, learning_rate: float = 0.1) -> None:
        self.weights = weights.copy()
        self.bias = 0
        self.lr = learning_rate

    def predict(self, x: np.ndarray) -> int:
        z = np.dot(x, self.weights) + self.bias
        return 1 if z > 0 else 0

    def train(self, X: np.ndarray, y: np.ndarray, epochs: int = 100) -> None:
        for _ in range(epochs):
            for i in range(len(X)):
                prediction = self.predict(X[i])
                error = y[i] - prediction
                self.weights += error * self.lr * X[i]
                self.bias += error * self.lr


@pytest.mark.parametrize("gate", ["AND", "OR", "XOR"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_training_is_the_listing_bit_for_bit(gate: str, seed: int) -> None:
    config = perceptron_gates.Config()
    training.set_precision(config.precision)
    trainer = perceptron_gates.build_trainer(config)
    start = training.initial_weights(trainer.model, np.random.default_rng(seed), "normal")
    perceptron = Perceptron(start[0][:, 0])
    perceptron.train(perceptron_gates.POINTS, perceptron_gates.GATES[gate])
    trainer.train(
        perceptron_gates.POINTS, perceptron_gates.GATES[gate][:, None], weights=start, seed=seed
    )
    weights, bias = trainer.model.get_weights()
    np.testing.assert_array_equal(weights[:, 0], perceptron.weights)
    assert bias[0] == perceptron.bias


def test_a_drift_is_no_cycle() -> None:
    still = np.zeros((21, 3))
    drift = still + 0.1 * np.arange(21)[:, None]
    circle = still.copy()
    circle[::2, 0] = 0.1
    off_the_grid = circle + np.linspace(0, 0.05, 21)[:, None]
    measure = perceptron_gates.cycle_length
    assert measure(drift, 0.1) == np.inf
    assert measure(circle, 0.1) == 2
    assert measure(off_the_grid, 0.1) == np.inf


def test_separability_is_proved_both_ways() -> None:
    assert perceptron_gates.separable(np.array([0, 0, 0, 1]))
    assert not perceptron_gates.separable(np.array([0, 1, 1, 0]))
    assert not perceptron_gates.separable(np.array([1, 0, 0, 1]))


def test_the_widest_margin_of_and() -> None:
    # The line x1 + x2 = 3/2 is sqrt(2)/4 away from (1, 1), (0, 1) and (1, 0).
    margin = perceptron_gates.widest_margin(tuple(perceptron_gates.GATES["AND"]))
    assert margin == pytest.approx(np.sqrt(2) / 4, abs=1e-6)


def test_a_line_through_a_point_has_no_margin() -> None:
    assert perceptron_gates.margin(np.array([1.0, 1.0, 0.0]), np.array([0, 1, 1, 1])) == 0
    assert perceptron_gates.margin(np.array([1.0, 1.0, -0.5]), np.array([0, 0, 0, 1])) < 0

"""The perceptron against the notes' own listing, and its measures against being fooled."""

import numpy as np
import pytest

from common import training
from reproductions.perceptron_gates import attention, experiment, neuron, points, separability
from tests import contract


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
    config = experiment.Config()
    training.set_precision(config.precision)
    trainer = experiment.build_trainer(config.learning_rate, config.epochs)
    start = training.initial_weights(trainer.model, np.random.default_rng(seed), training.normal)
    perceptron = Perceptron(start[0][:, 0])
    perceptron.train(points.POINTS, points.GATES[gate])
    experiment.learn(trainer, start, points.GATES[gate], seed, watched=1)
    weights, bias = trainer.model.get_weights()
    np.testing.assert_array_equal(weights[:, 0], perceptron.weights)
    assert bias[0] == perceptron.bias


def test_a_drift_is_no_cycle() -> None:
    still = np.zeros((21, 3))
    drift = still + 0.1 * np.arange(21)[:, None]
    circle = still.copy()
    circle[::2, 0] = 0.1
    off_the_grid = circle + np.linspace(0, 0.05, 21)[:, None]
    measure = experiment.cycle_length
    assert measure(drift, 0.1) == np.inf
    assert measure(circle, 0.1) == 2
    assert measure(off_the_grid, 0.1) == np.inf


def test_an_update_to_the_wrong_side_is_noticed() -> None:
    start = np.array([0.3, -0.2, 0.0])
    _, right = experiment.replay(start, points.GATES["XOR"], 0.1, passes=5)
    _, wrong = experiment.replay(start, points.GATES["XOR"], -0.1, passes=5)
    assert min(right) > 0
    assert min(wrong) < 0


def test_separability_is_proved_both_ways() -> None:
    assert separability.separable(np.array([0, 0, 0, 1]))
    assert not separability.separable(np.array([0, 1, 1, 0]))
    assert not separability.separable(np.array([1, 0, 0, 1]))


def test_fourteen_of_sixteen_tables_are_learnt_and_two_go_round() -> None:
    (measured,) = separability.run(separability.Config(), [0])
    assert measured["tables_learnt"] == measured["tables_separable"] == 14
    assert measured["learns_just_the_separable"]
    assert measured["others_oscillate"]


def test_too_few_epochs_are_noticed() -> None:
    (measured,) = separability.run(separability.Config(epochs=2, watched_epochs=1), [0])
    assert not measured["learns_just_the_separable"]
    assert not measured["others_oscillate"]


def test_a_neuron_that_ignores_its_bias_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = neuron.fires

    def deaf(model, weights, bias, inputs):
        return sound(model, weights, 0.0, inputs)

    (measured,) = neuron.run(neuron.Config(), [3])
    assert measured["fires_almost_always"]
    assert measured["needs_strong_input"]
    monkeypatch.setattr(neuron, "fires", deaf)
    (measured,) = neuron.run(neuron.Config(), [3])
    assert not measured["fires_almost_always"]
    assert not measured["needs_strong_input"]
    assert not measured["higher_bias_fires_more"]
    assert not measured["output_jumps"]


def test_noise_that_tells_the_classes_apart_is_not_suppressed() -> None:
    (sound,) = attention.run(attention.Config(), [0])
    (hardly,) = attention.run(attention.Config(distance=0.0), [0])
    assert sound["noise_is_suppressed"]
    assert not hardly["noise_is_suppressed"]


def test_a_slip_is_beside_the_sentence_and_falls_alone() -> None:
    """The sum of the layers is no network; that layers collapse into one holds."""
    training.set_precision("float64")
    measured = neuron.depth(np.random.default_rng(0))
    assert measured["product_of_layers_gap"] < 1e-10 < measured["sum_of_layers_gap"]
    head = contract.HEADS["perceptron_gates"]
    (passage,) = (each for each in head.passages if each.id == "layers-without-activation-collapse")
    assert [claim.weight for claim in passage.claims] == ["supporting", "erratum"]

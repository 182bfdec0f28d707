"""The XOR network against the notes' own listing, and its derivations against being wrong."""

import dataclasses

import numpy as np
import pytest

from common import training
from reproductions import xor_mlp


def listing(learning_rate: float, epochs: int) -> np.ndarray:
    """notes-2, section 2.1, with seed 42: the plotted error of every epoch, in plain NumPy."""
    np.random.seed(42)
    X, y = xor_mlp.X, xor_mlp.Y
    W1, b1 = np.random.uniform(size=(2, 2)), np.zeros((1, 2))
    W2, b2 = np.random.uniform(size=(2, 1)), np.zeros((1, 1))
    errors = []
    for _ in range(epochs):
        hidden_layer_output = 1 / (1 + np.exp(-(np.dot(X, W1) + b1)))
        predicted_output = 1 / (1 + np.exp(-(np.dot(hidden_layer_output, W2) + b2)))
        error = y - predicted_output
        d_predicted_output = error * predicted_output * (1 - predicted_output)
        error_hidden_layer = d_predicted_output.dot(W2.T)
        d_hidden_layer = error_hidden_layer * hidden_layer_output * (1 - hidden_layer_output)
        W2 += hidden_layer_output.T.dot(d_predicted_output) * learning_rate
        b2 += np.sum(d_predicted_output, axis=0, keepdims=True) * learning_rate
        W1 += X.T.dot(d_hidden_layer) * learning_rate
        b1 += np.sum(d_hidden_layer, axis=0, keepdims=True) * learning_rate
        errors.append(np.mean(np.square(error)))
    return np.array(errors)


@pytest.mark.parametrize(
    ("variant", "tolerance"),
    [("authors_run", 1e-9), ("authors_run_rate_10", 1e-6), ("authors_run_rate_tiny", 1e-9)],
)
def test_the_authors_curve_number_for_number(variant: str, tolerance: float) -> None:
    config = xor_mlp.VARIANTS[variant]
    training.set_precision(config.precision)
    trainer = xor_mlp.build_trainer(config, config.epochs)
    start = xor_mlp.draw_start(config, trainer.model, seed=0)
    history = trainer.train(xor_mlp.X, xor_mlp.Y, weights=start, seed=0)
    expected = listing(config.learning_rate, config.epochs)
    np.testing.assert_allclose(history.losses, expected, rtol=0, atol=tolerance)


def test_the_low_rate_run_goes_on_from_the_figures_curve() -> None:
    short, long = (
        xor_mlp.VARIANTS[name] for name in ("authors_run_rate_tiny", "authors_run_to_the_end")
    )
    assert dataclasses.replace(long, epochs=short.epochs) == short


def derive() -> dict:
    (measured,) = xor_mlp.run(xor_mlp.VARIANTS["derivation"], [0])
    return measured


def test_the_derivation_agrees_with_automatic_differentiation() -> None:
    measured = derive()
    for metric in ("forward_gap", "updates_gap", "delta_out_gap", "delta_hidden_gap"):
        assert measured[metric] < 1e-12, metric


def test_a_wrong_derivation_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    # The listing's slope takes an activation; fed with s(a) it is a plausible mistake.
    monkeypatch.setattr(
        xor_mlp, "sigmoid_derivative", lambda a: xor_mlp.sigmoid(a) * (1 - xor_mlp.sigmoid(a))
    )
    measured = derive()
    for metric in ("updates_gap", "delta_out_gap", "delta_hidden_gap", "compact_delta_1_gap"):
        assert measured[metric] > 1e-3, metric


def test_a_point_is_called_a_minimum_only_where_it_is_one() -> None:
    config = xor_mlp.VARIANTS["as_written"]
    training.set_precision(config.precision)
    trainer = xor_mlp.build_trainer(config, 100)
    point = xor_mlp.Point(trainer)
    zeros = [np.zeros_like(w) for w in xor_mlp.draw_start(config, trainer.model, seed=0)]
    trainer.model.set_weights(zeros)
    flat = point.describe(0)  # every output 0.5: no slope, but flat, so no minimum either
    assert flat["slope"] == pytest.approx(0, abs=1e-15)
    assert flat["error"] == pytest.approx(0.25)
    assert not flat["is_local_minimum"]


@pytest.mark.parametrize(
    ("errors", "halfway", "near_zero", "rough"),
    [
        ([0.25] * 2000, np.inf, np.inf, False),
        ([0.25] * 500 + [0.12] * 500 + [0.005] * 1000, 500, 1000, False),
        ([0.25] * 1000 + [0.005] * 990 + [0.006] * 10, 1000, 1000, True),
    ],
)
def test_curves_are_described(errors: list, halfway: float, near_zero: float, rough: bool) -> None:
    described = xor_mlp.describe(xor_mlp.Config(), np.array(errors), errors[-1])
    assert described["halfway_epoch"] == halfway
    assert described["near_zero_epoch"] == near_zero
    assert described["rough_end"] == rough
    assert described["stuck"] == (errors[-1] > 0.05)

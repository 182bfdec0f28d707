"""The XOR network against the notes' own listing, and its measures against being fooled."""

import dataclasses

import numpy as np
import pytest

from common import training
from reproductions.xor_mlp import derivation, epochs, experiment, network, stuck

VARIANTS = experiment.VARIANTS


def listing(learning_rate: float, epochs: int) -> np.ndarray:
    """notes-2, section 2.1, with seed 42: the plotted error of every epoch, in plain NumPy."""
    np.random.seed(42)
    X, y = network.X, network.Y
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


# --- Learning -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "tolerance"),
    [("authors_run", 1e-9), ("authors_run_rate_10", 1e-6), ("authors_run_rate_tiny", 1e-9)],
)
def test_the_authors_curve_number_for_number(variant: str, tolerance: float) -> None:
    config = VARIANTS[variant]
    training.set_precision(config.precision)
    trainer = experiment.build_trainer(config)
    starts = experiment.draw_starts(config, trainer.model, [0])
    history = trainer.train(network.X, network.Y, weights=starts, seeds=[0])
    expected = listing(config.learning_rate, config.epochs)
    np.testing.assert_allclose(history.losses[0], expected, rtol=0, atol=tolerance)


def test_the_stored_curve_is_the_authors_at_its_epochs() -> None:
    config = dataclasses.replace(VARIANTS["authors_run"], epochs=1000)
    (measured,) = experiment.run(config, [0])
    stored = epochs.stored(1000, finely=True)
    expected = listing(config.learning_rate, 1000)[stored]
    np.testing.assert_allclose(measured["error_curve"], expected, rtol=1e-4)


def test_the_low_rate_run_goes_on_from_the_figures_curve() -> None:
    short, long = VARIANTS["authors_run_rate_tiny"], VARIANTS["authors_run_to_the_end"]
    assert dataclasses.replace(long, epochs=short.epochs) == short
    figures = epochs.stored(short.epochs, finely=True)
    assert set(epochs.FINE) <= set(figures)
    assert epochs.stored(long.epochs, finely=True)[-1] == long.epochs - 1


def test_a_start_does_not_hang_on_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "BLOCK", 2)
    config = dataclasses.replace(VARIANTS["as_written"], epochs=400)
    in_blocks = list(experiment.run(config, [0, 1, 2]))
    (alone,) = experiment.run(config, [2])
    assert len(in_blocks) == 3
    for metric, value in alone.items():
        assert in_blocks[2][metric] == pytest.approx(value, rel=1e-9), metric
    assert in_blocks[0] != in_blocks[1]


def described(errors: np.ndarray) -> dict:
    config = experiment.Config(epochs=len(errors))
    return experiment.describe(config, np.asarray(errors, float), np.full(4, 0.5))


EPOCHS = np.arange(10_000)
SIGMOID_FALL = 0.25 / (1 + np.exp((EPOCHS - 800) / 60))  # flat, steep, near zero


@pytest.mark.parametrize(
    ("errors", "phases"),
    [
        (SIGMOID_FALL, {"starts_flat", "falls_steeply", "settles"}),
        (np.linspace(0.25, 0, 10_000), set()),  # a straight line passed the first edition
        (0.25 * np.exp(-EPOCHS / 500), {"settles"}),
        (np.full(10_000, 0.25), set()),
        (SIGMOID_FALL + 0.02, {"starts_flat", "falls_steeply"}),  # does not come near zero
    ],
)
def test_three_phases_are_told_from_other_curves(errors: np.ndarray, phases: set) -> None:
    measured = described(errors)
    assert {
        name for name in ("starts_flat", "falls_steeply", "settles") if measured[name]
    } == phases
    assert measured["three_phases"] == (len(phases) == 3)


@pytest.mark.parametrize(
    ("errors", "halfway", "near_zero", "at_zero", "rough"),
    [
        ([0.25] * 2000, np.inf, np.inf, np.inf, False),
        ([0.25] * 500 + [0.12] * 500 + [0.007] * 500 + [0.001] * 500, 500, 1000, 1500, False),
        ([0.25] * 1000 + [0.003] * 990 + [0.004] * 10, 1000, 1000, 1000, True),
    ],
)
def test_curves_are_described(
    errors: list, halfway: float, near_zero: float, at_zero: float, rough: bool
) -> None:
    measured = described(np.array(errors))
    assert measured["halfway_epoch"] == halfway
    assert measured["near_zero_epoch"] == near_zero
    assert measured["at_zero_epoch"] == at_zero
    assert measured["rough_end"] == rough
    assert measured["final_error"] == 0.25  # of the outputs, all 0.5
    assert measured["stuck"]
    assert not measured["stops_part_way"]


def test_swings_are_counted_from_trough_to_peak() -> None:
    climb = np.array([0.3, 0.2, 0.23, 0.26, 0.29, 0.1, 0.12, 0.1, 0.4, 0.0])
    assert experiment.swings(climb, least=0.05) == 2  # 0.2 to 0.29 in small steps; 0.1 to 0.4
    assert experiment.swings(np.linspace(0.3, 0, 50), least=0.05) == 0
    quiet, wild = np.tile([0.25, 0.24], 200), np.tile([0.25, 0.1], 200)
    assert not described(quiet)["oscillates_wildly"]
    assert described(wild)["oscillates_wildly"]


def test_one_output_away_from_half_is_not_half() -> None:
    assert experiment.says_half(np.array([0.45, 0.5, 0.55, 0.5]), 0.1)
    assert not experiment.says_half(np.array([0.02, 0.5, 0.5, 0.5]), 0.1)


# --- Stuck runs -----------------------------------------------------------------------------------

QUICK = stuck.Config(epochs=500, watched_epochs=(500, 600))


def test_every_record_is_a_stuck_run_of_its_own_starts() -> None:
    training.set_precision("float64")
    finder = stuck.build_trainer(QUICK, QUICK.epochs)
    start, _ = stuck.find_stuck(QUICK, finder, seed=3)
    assert 3000 <= start < 4000
    weights = network.draw_start(finder.model, QUICK.scheme, start)
    finder.train(network.X, network.Y, weights=[weights], seeds=[start])
    assert stuck.errors_of(finder)[0] >= QUICK.stuck


def test_a_block_in_which_all_learn_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last start of a block is the first of the next, so that every one has one after it."""
    training.set_precision("float64")
    monkeypatch.setattr(stuck, "TRIED", 3)
    outcomes = iter([[0.0, 0.0, 0.2], [0.2, 0.0, 0.0]])
    monkeypatch.setattr(stuck, "errors_of", lambda trainer: np.array(next(outcomes)))
    finder = stuck.build_trainer(QUICK, 1)
    assert stuck.find_stuck(QUICK, finder, seed=1) == (1002, True)


def test_watching_follows_every_pass() -> None:
    """An epoch of the watcher is a hundred passes: it stands where single passes lead."""
    training.set_precision("float64")
    watcher = stuck.build_trainer(QUICK, QUICK.watched_epochs[-1] // stuck.PASSES)
    weights = network.draw_start(watcher.model, "uniform", 42)
    ((first, last),) = stuck.watch(QUICK, watcher, [weights])
    errors = listing(QUICK.learning_rate, 601)
    assert [first["error"], last["error"]] == pytest.approx([errors[500], errors[600]], abs=1e-12)


def test_a_flat_point_is_no_valley() -> None:
    training.set_precision("float64")
    model = network.build()
    zeros = [np.zeros_like(each) for each in network.draw_start(model, "uniform", 0)]
    flat = stuck.stand(model, zeros)  # every output 0.5: no slope, but no valley either
    assert flat["slope"] == pytest.approx(0, abs=1e-15)
    assert flat["error"] == pytest.approx(0.25)
    assert flat["curvature"] < 1e-12


@pytest.mark.parametrize(
    ("error", "curvature", "fate"),
    [(0.125, 1e-7, "trapped"), (0.167, -1e-7, "on_a_slope"), (0.01, 1e-7, "escaped")],
)
def test_a_watched_run_has_one_fate(error: float, curvature: float, fate: str) -> None:
    station = {"error": error, "curvature": curvature, "slope": 1e-5, "norm": 20.0}
    first = station | {"error": 0.25, "outputs": np.full(4, 0.5)}
    measured = stuck.describe(stuck.Config(), [first, station])
    assert [name for name in ("trapped", "on_a_slope", "escaped") if measured[name]] == [fate]
    assert measured["always_says_half"]
    assert measured["stands_at_quarter"]
    first["outputs"] = np.array([0.02, 0.67, 0.67, 0.67])
    assert not stuck.describe(stuck.Config(), [first, station])["always_says_half"]


# --- The derivation -------------------------------------------------------------------------------

GAPS = (
    "forward_gap",
    "updates_gap",
    "delta_out_gap",
    "error_hidden_gap",
    "delta_hidden_gap",
    "compact_delta_1_gap",
    "bias_gap",
    "activation_slope_gap",
    "plotted_direction_gap",
    "composition_gap",
)


def derive() -> dict:
    (measured,) = derivation.run(derivation.VARIANTS["derivation"], [0])
    return measured


def test_the_derivation_agrees_with_automatic_differentiation() -> None:
    measured = derive()
    for metric in GAPS:
        assert measured[metric] < 1e-12, metric
    for metric in ("column_is_a_neuron", "steepest_is_gradient"):
        assert measured[metric], metric
    for slip in ("delta_2_signs_gap", "plotted_gap", "composition_with_biases_gap"):
        assert measured[slip] > 1e-3, slip


def test_a_wrong_slope_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listing's slope takes an activation; fed with s(a) it is a plausible mistake."""
    sigmoid = derivation.sigmoid
    monkeypatch.setattr(derivation, "sigmoid_derivative", lambda a: sigmoid(a) * (1 - sigmoid(a)))
    measured = derive()
    for metric in GAPS:
        if metric not in ("forward_gap", "composition_gap"):
            assert measured[metric] > 1e-3, metric


def test_an_error_sent_back_through_other_cables_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = derivation.back_propagate

    def crossed(X: np.ndarray, y: np.ndarray, weights: list[np.ndarray]) -> dict:
        W1, b1, W2, b2 = weights
        back = sound(X, y, [W1, b1, W2[::-1], b2])
        forward = sound(X, y, weights)
        forward["error_hidden"] = forward["delta_out"] @ W2[::-1].T
        return forward | {"delta_hidden": back["delta_hidden"]}

    monkeypatch.setattr(derivation, "back_propagate", crossed)
    measured = derive()
    for metric in ("error_hidden_gap", "delta_hidden_gap", "bias_gap"):
        assert measured[metric] > 1e-3, metric


def test_rows_taken_for_columns_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = derivation.back_propagate

    def transposed(X: np.ndarray, y: np.ndarray, weights: list[np.ndarray]) -> dict:
        return sound(X, y, [weights[0].T, *weights[1:]])

    monkeypatch.setattr(derivation, "back_propagate", transposed)
    measured = derive()
    assert not measured["column_is_a_neuron"]
    assert measured["forward_gap"] > 1e-3


def test_another_direction_than_the_gradient_is_not_the_steepest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = derivation.descent
    monkeypatch.setattr(derivation, "descent", lambda model: [-step for step in sound(model)])
    assert not derive()["steepest_is_gradient"]


def test_a_hidden_sigmoid_is_no_straight_line() -> None:
    training.set_precision("float64")
    model = network.build()
    model.set_weights(network.draw_start(model, "normal", 0))
    outputs = np.asarray(model.layers[0](network.X))
    assert np.abs(outputs[1] + outputs[2] - outputs[0] - outputs[3]).max() > 1e-3


def test_sigmoids_weaken_what_linear_neurons_pass_on() -> None:
    arriving = derivation.travelling_error(3)
    assert arriving["arrives_through_slope_one"] == pytest.approx(1)
    assert 0 < arriving["arrives_through_sigmoids"] < 0.25**3

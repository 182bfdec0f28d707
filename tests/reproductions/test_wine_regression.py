"""The wine network against the authors' update rule in plain NumPy, its rows and its baselines."""

import functools
import itertools

import numpy as np
import pytest
import scipy.special
import sklearn.metrics
import sklearn.model_selection

from common import judge
from common.data import wine_quality
from reproductions.wine_regression import experiment, formulas
from reproductions.wine_regression import wines as rows
from tests import contract, judging

HEAD = contract.HEADS["wine_regression"]
SEEDS = (3, 4)
TRAINED = 3897


@pytest.fixture(autouse=True)
def _wines(data_dir):
    if not (data_dir / "wine_quality").is_dir():
        pytest.skip(f"no prepared copy of wine quality in {data_dir} (TFDS_DATA_DIR)")


def notebook_rows():
    """Features and qualities as the notebook splits them: its training part, then its test part."""
    red, white = wine_quality.load("red"), wine_quality.load("white")
    features = np.concatenate([red.features, white.features])
    quality = np.concatenate([red.quality, white.quality])
    parts = sklearn.model_selection.train_test_split(features, quality, random_state=0)
    return np.concatenate(parts[:2]), np.concatenate(parts[2:])


def forward(weights, features):
    activations = [features]
    for layer in range(0, len(weights), 2):
        z = activations[-1] @ weights[layer] + weights[layer + 1]
        activations.append(z if layer == len(weights) - 2 else scipy.special.expit(z))
    return activations


def library(seed, epochs, rate=0.001):
    """The authors' loop: predictions for all wines after 0, 1, ..., `epochs` epochs."""
    features, quality = notebook_rows()
    rng = np.random.default_rng(seed)
    sizes = [11, 20, 20, 20, 1]
    pairs = itertools.pairwise(sizes)
    shapes = [shape for pair in pairs for shape in (pair, pair[1])]
    weights = [rng.normal(size=shape) for shape in shapes]
    predictions = [forward(weights, features)[-1][:, 0]]
    for _ in range(epochs):
        for x, y in zip(features[:TRAINED], quality[:TRAINED], strict=True):
            activations = forward(weights, x)
            delta = 2 * (activations[-1] - y)
            for layer in range(len(weights) - 2, -1, -2):
                a = activations[layer // 2]
                below = a * (1 - a) * (weights[layer] @ delta)
                weights[layer] = weights[layer] - rate * np.outer(a, delta)
                weights[layer + 1] = weights[layer + 1] - rate * delta
                delta = below
        predictions.append(forward(weights, features)[-1][:, 0])
    return np.stack(predictions)


def watched(variant, seeds):
    """Run a variant: per seed, its measurements and the predictions [points, wines]."""
    seen, measure = [], experiment.measure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            experiment, "measure", lambda *parts: seen.append(parts[1]) or measure(*parts)
        )
        measured = list(experiment.run(experiment.VARIANTS[variant], seeds))
    return list(zip(measured, seen, strict=True))


def wines_of(variant):
    """The wines as a variant reads them."""
    config = experiment.VARIANTS[variant]
    return rows.load(config.colours, config.split_state, standardised=config.standardised)


@pytest.fixture
def as_written():
    return run_as_written()


@functools.cache
def run_as_written():
    return watched("as_written", SEEDS)


def test_the_network_follows_the_authors_rule_step_by_step(as_written):
    for seed, (_, predictions) in zip(SEEDS, as_written, strict=True):
        expected = library(seed, epochs=1)
        np.testing.assert_allclose(predictions[:2], expected, rtol=0, atol=1e-6)
        assert np.abs(expected[1] - expected[0]).max() > 0.1


def test_rows_are_those_of_the_notebook_and_its_library():
    features, quality = notebook_rows()
    wines = wines_of("as_written")
    np.testing.assert_array_equal(wines.features, features)
    np.testing.assert_array_equal(wines.quality, quality)
    assert [wines.train, wines.test] == [slice(TRAINED), slice(4872, 6497)]
    assert (wines.quality[0], wines.quality[TRAINED - 1]) == (6, 5)
    assert wines.red.sum() == 1599
    table = {row.tobytes() for row in wine_quality.load("red").features}
    assert all(row.tobytes() in table for row in wines.features[wines.red])


def test_red_wine_reads_no_white():
    wines = wines_of("red_wine")
    assert len(wines.quality) == 1599
    assert wines.red.all()
    assert wines.train == slice(959)


def test_inputs_are_standardised_by_the_wines_trained_on():
    wines = wines_of("standardised")
    trained = wines.features[:TRAINED]
    np.testing.assert_allclose(trained.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(trained.std(axis=0), 1, atol=1e-9)
    assert np.abs(wines.features[TRAINED:].mean(axis=0)).max() > 1e-3


def test_errors_are_those_of_scikit_learn_and_the_printed_ones_of_one_wine(as_written):
    _, quality = notebook_rows()
    parts = {"train": slice(0, 3897), "test": slice(4872, 6497)}
    for measured, predictions in as_written:
        for name, part in parts.items():
            for value, each in zip(measured[f"{name}_mse"], predictions, strict=True):
                expected = sklearn.metrics.mean_squared_error(quality[part], each[part])
                assert value == pytest.approx(expected, rel=1e-5)
        last = parts["test"]
        assert measured["test_r2"][10] == pytest.approx(
            1 - measured["test_mse"][10] / quality[last].var(), abs=1e-5
        )
        printed = [(predictions[0, 0] - 6) ** 2, *((predictions[1:, 3896] - 5) ** 2)]
        assert measured["printed_loss"] == pytest.approx(printed, rel=1e-5)
        right = np.abs(predictions[10, last] - quality[last]) < 0.5
        assert measured["test_hits"][10] == pytest.approx(right.mean(), abs=1e-5)
        assert measured["prediction_sd"][1] == pytest.approx(predictions[1, last].std(), rel=1e-5)


def test_baselines_are_the_mean_and_least_squares(as_written):
    features, quality = notebook_rows()
    measured = as_written[0][0]
    mean = quality[:TRAINED].mean()
    assert measured["mean_train_mse"] == pytest.approx(quality[:TRAINED].var(), rel=1e-5)
    assert measured["mean_test_mse"] == pytest.approx(((quality[4872:] - mean) ** 2).mean(), 1e-5)
    design = np.column_stack([np.ones(len(features)), features])
    coefficients = np.linalg.lstsq(design[:TRAINED], quality[:TRAINED], rcond=None)[0]
    residuals = design @ coefficients - quality
    assert measured["linear_train_mse"] == pytest.approx((residuals[:TRAINED] ** 2).mean(), 1e-5)
    assert measured["linear_test_mse"] == pytest.approx((residuals[4872:] ** 2).mean(), 1e-5)
    assert measured["forest_test_r2"] > measured["linear_test_r2"] > measured["mean_test_r2"]


def test_saturated_outputs_are_counted():
    config = experiment.VARIANTS["as_written"]
    z = np.zeros((TRAINED, 20))
    z[:, :5] = 6  # a sigmoid of 0.9975
    z[::2, 5:10] = -6
    assert experiment.saturated_share(config, z) == pytest.approx(0.375, abs=1e-3)
    assert experiment.saturated_share(config, z / 2) == 0


# --- Claims -------------------------------------------------------------------------------------


@pytest.fixture
def records(as_written):
    """One seed's measurements for every variant, copied to as many seeds as a verdict needs."""
    measured = dict.fromkeys(HEAD.variants, as_written[0][0])
    measured["formulas"] = next(formulas.run(formulas.VARIANTS["formulas"], [0]))
    return judging.records_of(measured, data={"wine_quality": "1.0.0"})


verdict = functools.partial(judging.verdict, HEAD)


def test_every_claim_can_be_judged_from_what_run_measures(records):
    assert set(judging.verdicts(HEAD, records).values()) <= judging.JUDGED


def test_a_perfect_fit_would_be_confirmed(records):
    assert verdict("wine-one-epoch-perfect", records) == judge.REFUTED
    assert verdict("wine-one-epoch-perfect", records, one_epoch_train_mse=0.01) == judge.CONFIRMED


def test_a_network_that_is_better_than_the_forest_would_be_essential(records):
    better = {"final_test_mse": 0.1}
    assert verdict("wine-network-essential", records, **better) == judge.CONFIRMED
    assert verdict("wine-network-essential", records, final_test_mse=0.9) == judge.REFUTED


def test_a_wrong_derivative_falls(records):
    claim = "mse-derivative-supposes-sigmoid"
    assert verdict(claim, records, sigmoid_delta_gap=0.0) == judge.CONFIRMED
    assert verdict(claim, records, sigmoid_delta_gap=0.1) == judge.REFUTED


def test_too_few_neurons_do_not_interpolate(records):
    wines = wines_of("standardised")
    for neurons, holds in ((100, True), (90, False)):
        config = formulas.Config(interpolating_neurons=neurons)
        gap = formulas.interpolation_gap(config, wines, np.random.default_rng(0))
        expected = judge.CONFIRMED if holds else judge.REFUTED
        assert verdict("wine-any-function", records, interpolation_gap=gap) == expected


@pytest.mark.parametrize(
    ("claim", "metric", "holds", "falls"),
    [
        ("wine-relevant", "linear_test_r2", 0.3, 0.05),
        ("mse-answers-are-values", "answers", 200, 7),
        ("mse-in-linear-regression", "linear_mse_slope", 0.0, 1e-3),
        ("wine-one-epoch-beats-mean", "one_epoch_train_mse", 0.7, 0.8),  # the mean's is 0.752
        ("wine-ten-epochs-beat-mean", "final_train_mse", 0.7, 0.8),
        ("wine-adapts-corrected", "final_train_mse", 0.5, 0.6),  # linear regression's is 0.536
        ("wine-not-linear", "final_test_mse", 0.5, 0.6),  # linear regression's is 0.558
    ],
)
def test_conclusions_turn_with_what_is_measured(records, claim, metric, holds, falls):
    assert verdict(claim, records, **{metric: holds}) == judge.CONFIRMED
    assert verdict(claim, records, **{metric: falls}) == judge.REFUTED


def test_figure_5_is_held_against_one_wines_error_and_all_wines(records):
    y = [44.5, *HEAD.curves["figure-5-trained"].points[1]]
    rng = np.random.default_rng(0)
    near, far = (
        [[v * k for v in y] for k in rng.uniform(*ends, 500)] for ends in ((0.5, 2), (3, 4))
    )
    for claim, metric, variant in (
        ("figure-5-printed", "printed_loss", "as_written"),
        ("figure-5-printed-stated-rate", "printed_loss", "stated_rate"),
        ("figure-5-is-the-training-error", "train_mse", "as_written"),
    ):
        for curves, expected in ((near, judge.CONSISTENT), (far, judge.REFUTED)):
            runs = [
                {**record, "measurements": record["measurements"] | {metric: curve}}
                for record, curve in zip(records[variant], curves, strict=True)
            ]
            assert judging.verdicts(HEAD, {**records, variant: runs})[claim] == expected

"""The life expectancy networks against the authors' loop in plain NumPy, their split and log."""

import copy
import csv
import dataclasses
import itertools
import pathlib

import numpy as np
import pytest
import sklearn.metrics
import sklearn.model_selection

from common import claims, data, judge
from reproductions import life_expectancy

if not (pathlib.Path(__file__).parents[2] / "reproductions/life_expectancy/claims.toml").exists():
    pytest.skip("its claims are being read again", allow_module_level=True)

TOML = claims.load(pathlib.Path(life_expectancy.__file__).with_suffix(".toml"))
RAW = ("as_written", "two_hidden", "three_hidden")
EPOCHS = 11
SEED = 3


@pytest.fixture(scope="module", autouse=True)
def _prepared(module_data_dir, life_expectancy_csv):
    data.prepare(["life_expectancy"])


@pytest.fixture(scope="module")
def notebook(life_expectancy_csv):
    """The rows as the notebook gets them, from the CSV: x and y, trained on, validation, test."""
    with life_expectancy_csv.open(newline="") as file:
        table = list(csv.DictReader(file))
    for row in table:
        del row["Country"], row["Status"]
    table = [row for row in table if all(row.values())]
    y = np.array([float(row.pop("Life expectancy ")) for row in table])
    x = np.array([[float(cell) for cell in row.values()] for row in table])
    x_rest, x_test, y_rest, y_test = sklearn.model_selection.train_test_split(x, y, random_state=0)
    return (x_rest[:988], y_rest[:988]), (x_rest[988:], y_rest[988:]), (x_test, y_test)


def forward(weights, x):
    activations = [x]
    for layer, (w, b) in enumerate(weights):
        z = activations[-1] @ w + b
        with np.errstate(over="ignore"):
            activations.append(z if layer == len(weights) - 1 else 1 / (1 + np.exp(-z)))
    return activations


def library(sizes, x, y, epochs, learning_rate=0.000001):
    """The authors' loop: the weights after 0 and 1 epochs and at the end, one row at a time."""
    rng = np.random.default_rng(SEED)
    weights = [
        [rng.normal(size=(inputs, outputs)), rng.normal(size=outputs)]
        for inputs, outputs in itertools.pairwise(sizes)
    ]
    kept = [copy.deepcopy(weights)]
    for epoch in range(epochs):
        for row, target in zip(x, y, strict=True):
            activations = forward(weights, row)
            delta = 2 * (activations[-1] - target)
            for layer in reversed(range(len(weights))):
                w, b = weights[layer]
                a = activations[layer]
                gradient = np.outer(a, delta)
                before, delta = delta, (w @ delta) * a * (1 - a)
                weights[layer] = [w - learning_rate * gradient, b - learning_rate * before]
        if epoch in (0, epochs - 1):
            kept.append(copy.deepcopy(weights))
    return kept


@pytest.fixture(scope="module")
def measured():
    """What two seeds of the raw variants measure over eleven epochs, which have two log lines."""
    return {
        name: next(
            life_expectancy.run(
                dataclasses.replace(life_expectancy.VARIANTS[name], epochs=EPOCHS), [SEED]
            )
        )
        for name in RAW
    }


@pytest.mark.parametrize("variant", RAW)
def test_networks_follow_the_authors_rule_row_by_row(measured, notebook, variant):
    (x, y), _, (x_test, y_test) = notebook
    kept = library(measured[variant]["layer_sizes"], x, y, EPOCHS)
    errors = {
        "train_mse": [np.mean((forward(w, x)[-1][:, 0] - y) ** 2) for w in kept],
        "test_mse": [np.mean((forward(w, x_test)[-1][:, 0] - y_test) ** 2) for w in kept],
        "mean_answer": [np.mean(forward(w, x)[-1]) for w in kept],
        "printed": [
            (forward(w, x[row])[-1][0] - y[row]) ** 2
            for w, row in zip(kept, (0, -1, -1), strict=True)
        ],
    }
    assert measured[variant]["looks"] == [0, 1, 11]
    for metric, expected in errors.items():
        # As precise as a record: what is not rounded is held to 1e-9 below.
        np.testing.assert_allclose(measured[variant][metric], expected, rtol=1e-5)


def test_the_engine_agrees_with_the_loop_beyond_a_records_digits(notebook, monkeypatch):
    (x, y), *_ = notebook
    monkeypatch.setattr(life_expectancy, "_short", float)
    config = dataclasses.replace(life_expectancy.VARIANTS["three_hidden"], epochs=1)
    (whole,) = life_expectancy.run(config, [SEED])
    *_, weights = library([19, 20, 15, 10, 1], x, y, epochs=1)
    answer = forward(weights, x[-1])[-1][0]
    assert whole["printed"][1] == pytest.approx((answer - y[-1]) ** 2, rel=1e-9)


def test_rows_split_and_watched_row_are_the_notebooks(measured, notebook):
    (_, y), (_, y_validation), (_, y_test) = notebook
    assert measured["as_written"]["split_rows"] == [len(y), len(y_validation), len(y_test)]
    assert measured["as_written"]["split_rows"] == [988, 248, 413]
    assert measured["as_written"]["first_target"] == y[0]
    assert measured["as_written"]["last_target"] == y[-1]
    assert measured["as_written"]["rows"] - measured["as_written"]["rows_with_gaps"] == 1649


def test_baselines_are_the_mean_and_least_squares(measured, notebook):
    (x, y), _, (x_test, y_test) = notebook
    scale = np.abs(x).max(axis=0)
    train, test = (np.column_stack([part / scale, np.ones(len(part))]) for part in (x, x_test))
    weights, *_ = np.linalg.lstsq(train, y, rcond=None)
    expected = {
        "linear_train_r2": sklearn.metrics.r2_score(y, train @ weights),
        "linear_test_r2": sklearn.metrics.r2_score(y_test, test @ weights),
        "mean_train_mse": y.var(),
        "mean_test_mse": np.mean((y_test - y.mean()) ** 2),
    }
    for metric, value in expected.items():
        assert measured["as_written"][metric] == pytest.approx(value, rel=1e-5)


def test_a_saturated_layer_makes_an_exponential_of_the_neurons_that_are_on(measured, notebook):
    (x, _), *_ = notebook
    (hidden_kernel, hidden_bias), _ = library([19, 10, 1], x, [], epochs=0)[0]
    with np.errstate(over="ignore"):
        on = 1 / (1 + np.exp(-(x @ hidden_kernel + hidden_bias)))
    assert measured["as_written"]["saturated"] > 0.99
    squared_slope = 1 + np.sum(on.mean(axis=0) ** 2)
    assert measured["as_written"]["squared_slope"] == pytest.approx(squared_slope, rel=1e-3)
    rate = 2 * 0.000001 * 988 * squared_slope
    assert measured["as_written"]["derived_rate"] == pytest.approx(rate, rel=1e-3)
    assert measured["as_written"]["fitted_rate"] == pytest.approx(rate, rel=0.05)


def printed(answers, years):
    config = life_expectancy.Config(epochs=31)
    rows = life_expectancy.Rows(
        np.zeros((3, 1)),
        np.array(years),
        np.array(["a", "b", "c"]),
        slice(2),
        slice(0),
        slice(2, 3),
    )
    return life_expectancy._printed(config, rows, np.array(answers))


def test_the_first_row_is_printed_once_and_then_the_last():
    answers = [[0.0, 0, 0], [40, 40, 40], [50, 50, 50], [60, 60, 60], [70, 70, 70]]
    measured = printed(answers, [72.0, 52.0, 66.0])
    assert measured["printed"] == [72.0**2, 12.0**2, 2.0**2, 8.0**2, 18.0**2]
    assert (measured["rises"], measured["lowest_at"]) == (1, 20)
    assert measured["epochs_to_under"] == 11
    assert measured["test_mse_at_lowest"] == 16.0**2
    assert measured["test_mse_at_last"] == 4.0**2  # while the printed number rises


def test_what_still_falls_has_no_lowest_point():
    measured = printed([[0.0] * 3, [10] * 3, [20] * 3, [30] * 3, [40] * 3], [72.0, 52.0, 66.0])
    assert (measured["rises"], measured["lowest_at"]) == (0, np.inf)
    assert measured["epochs_to_under"] == np.inf


@pytest.mark.parametrize("variant", ["corrected", "by_rows", "by_countries", "few_rows", "wide"])
def test_scaling_knows_the_rows_trained_on_alone(variant):
    config = life_expectancy.VARIANTS[variant]
    rows = life_expectancy.load_rows(config, SEED)
    given = life_expectancy.Given(config, rows)
    inputs, years = given.lessons
    assert len(inputs) == config.train_rows
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose([years.mean(), years.std()], [0, 1], atol=1e-9)
    parts = [rows.years[part] for part in (rows.train, rows.validation, rows.test)]
    assert len(rows.years) == 1649
    assert len(rows.inputs[rows.test]) == len(parts[2]) > 350
    ends = [rows.train.stop, rows.validation.start, rows.validation.stop, rows.test.start]
    assert ends == sorted(ends)


def test_no_country_is_on_both_sides_of_the_split_by_countries():
    shares = []
    for variant in ("by_rows", "by_countries"):
        for seed in range(60):
            rows = life_expectancy.load_rows(life_expectancy.VARIANTS[variant], seed)
            test, train = rows.countries[rows.test], rows.countries[rows.train]
            shares.append(np.isin(test, train).mean())
    assert min(shares[:60]) > 0.9
    assert set(shares[60:]) == {0.0}
    first, second = (
        life_expectancy.load_rows(life_expectancy.VARIANTS["by_countries"], seed) for seed in (0, 1)
    )
    assert set(first.countries[first.test]) != set(second.countries[second.test])


# --- Claims -------------------------------------------------------------------------------------


def verdict(measured, claim, **changes):
    """Judge one claim on 40 seeds that measure all the same, but for what is changed."""
    judged = next(each for each in TOML.claims if each.id == claim)
    stored = {
        name: [
            {
                "seed": seed,
                "config": {},
                "shortened": {},
                "data": {"life_expectancy": "1.0.0"},
                "measurements": measured["as_written"]
                | (changes if name == judged.variant else {}),
            }
            for seed in range(40)
        ]
        for name in TOML.variants
    }
    verdicts = judge.judge(TOML, stored, seeds=dict.fromkeys(TOML.variants, 40))
    return next(each.verdict for each in verdicts if each.claim == claim)


@pytest.mark.parametrize(
    ("claim", "metric", "holds", "falls"),
    [
        ("life-perfect", "final_train_mse", 76.0, 77.0),  # the mean's is 76.45
        ("life-perfect-linear", "final_train_mse", 12.0, 13.0),  # least squares' is 12.40
        ("life-perfect-unseen", "final_test_mse", 83.0, 84.0),  # the mean's is 83.18
        ("life-perfect-when-lowest", "train_mse_at_lowest", 76.0, 77.0),
        ("figure-6-is-the-training-error", "printed_gap", 0.0, 1.0),
        ("figure-6-x-axis", "looks", [*range(0, 201, 10)], [0, *range(1, 200, 10)]),
        ("life-rises-three", "rises", 1, 0),
        ("life-first-does-not-rise", "rises", 0, 1),
        ("life-overfitting-three", "test_mse_at_last", 1e6, 0.0),
        ("life-overfitting-two", "test_mse_at_last", 1e6, 0.0),
        ("life-overfitting-gap", "final_train_mse", 76.0, 77.0),
        ("life-last-model-has-two", "hidden_layers", 2, 3),
        ("life-no-gaps", "countries_with_gaps", 0, 1),
    ],
)
def test_conclusions_turn_with_what_is_measured(measured, claim, metric, holds, falls):
    assert verdict(measured, claim, **{metric: holds}) == judge.CONFIRMED
    assert verdict(measured, claim, **{metric: falls}) == judge.REFUTED


def test_recorded_runs_are_those_of_a_constant_on_its_way_to_the_mean(measured):
    stored = {"as_written": [{"measurements": measured["as_written"]}]}
    for name in life_expectancy._cited_runs():
        curve = TOML.curves[name]
        rate = life_expectancy._fitted_rate(stored, curve)
        epochs = np.array(life_expectancy.looks(life_expectancy.Config())[1:])
        fitted = life_expectancy._squared_error_of_a_constant(stored, curve, epochs, rate)
        observed = [float(y) for y in curve.y[1:]]
        assert sklearn.metrics.r2_score(observed, fitted) > 0.99

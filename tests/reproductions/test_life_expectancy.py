"""The life expectancy networks against the authors' loop in plain NumPy, their split and log."""

import csv
import dataclasses
import functools
import itertools

import numpy as np
import pytest
import sklearn.metrics
import sklearn.model_selection

from common import data, judge
from reproductions.life_expectancy import experiment, figures, overfitting, sound
from reproductions.life_expectancy import rows as life_rows
from tests import authors_loop, contract, judging

HEAD = contract.HEADS["life_expectancy"]
SIZES = {
    "as_written": (19, 10, 1),
    "two_hidden": (19, 10, 10, 1),
    "three_hidden": (19, 20, 15, 10, 1),
}
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


def start(sizes):
    """Weights and biases from N(0, 1), as the library draws them."""
    rng = np.random.default_rng(SEED)
    shapes = [shape for pair in itertools.pairwise(sizes) for shape in (pair, pair[1:])]
    return [rng.normal(size=shape) for shape in shapes]


def library(weights, x, y, epochs, rate=0.000001):
    """The authors' loop, one row at a time."""
    with np.errstate(over="ignore"):
        return authors_loop.train(weights, x, y, rate=rate, epochs=epochs, output="identity")


def answers(weights, x):
    with np.errstate(over="ignore"):
        return authors_loop.feedforward(weights, x, output="identity")[-1][:, 0]


@pytest.fixture(scope="module")
def measured():
    """What a seed of the raw variants measures over eleven epochs, which have two log lines."""
    return {
        name: next(
            experiment.run(dataclasses.replace(experiment.VARIANTS[name], epochs=EPOCHS), [SEED])
        )
        for name in SIZES
    }


@pytest.mark.parametrize("variant", SIZES)
def test_networks_follow_the_authors_rule_row_by_row(measured, notebook, variant):
    (x, y), (x_validation, y_validation), (x_test, y_test) = notebook
    first = start(SIZES[variant])
    one = library(first, x, y, 1)
    kept = [first, one, library(one, x, y, EPOCHS - 1)]
    errors = {
        "train_mse": [np.mean((answers(w, x) - y) ** 2) for w in kept],
        "validation_mse": [np.mean((answers(w, x_validation) - y_validation) ** 2) for w in kept],
        "test_mse": [np.mean((answers(w, x_test) - y_test) ** 2) for w in kept],
        "watched_answer": [answers(w, x)[-1] for w in kept],
        "printed": [
            (answers(w, x)[row] - y[row]) ** 2 for w, row in zip(kept, (0, -1, -1), strict=True)
        ],
    }
    assert measured[variant]["looks"] == [0, 1, 11]
    assert measured[variant]["figure_x"] == [0, 10, 20]
    for metric, expected in errors.items():
        np.testing.assert_allclose(measured[variant][metric], expected, rtol=1e-5)


def test_rows_split_and_watched_row_are_the_notebooks(measured, notebook):
    (x, y), (_, y_validation), (_, y_test) = notebook
    rows = life_rows.load("notebook", 988, seed=0)
    np.testing.assert_array_equal(rows.inputs[rows.train], x)
    for part, years in ((rows.train, y), (rows.validation, y_validation), (rows.test, y_test)):
        np.testing.assert_array_equal(rows.years[part], years)
    assert (len(y), len(y_validation), len(y_test)) == (988, 248, 413)
    assert measured["as_written"]["first_target"] == y[0]
    assert measured["as_written"]["last_target"] == y[-1] == 53.6


def test_countries_without_a_whole_row_are_counted(measured, life_expectancy_csv):
    with life_expectancy_csv.open(newline="") as file:
        table = list(csv.DictReader(file))
    whole = {row["Country"] for row in table if all(row.values())}
    everywhere = {row["Country"] for row in table}
    assert measured["as_written"]["countries_never_whole"] == len(everywhere - whole)


def test_baselines_are_the_mean_and_least_squares(measured, notebook):
    (x, y), _, (x_test, y_test) = notebook
    scale = np.abs(x).max(axis=0)
    train, test = (np.column_stack([part / scale, np.ones(len(part))]) for part in (x, x_test))
    weights, *_ = np.linalg.lstsq(train, y, rcond=None)
    expected = {
        "linear_train_mse": np.mean((train @ weights - y) ** 2),
        "linear_test_r2": sklearn.metrics.r2_score(y_test, test @ weights),
        "mean_train_mse": y.var(),
        "mean_test_mse": np.mean((y_test - y.mean()) ** 2),
    }
    for metric, value in expected.items():
        assert measured["as_written"][metric] == pytest.approx(value, rel=1e-5)


def test_a_saturated_layer_makes_an_exponential_of_the_neurons_that_are_on(measured, notebook):
    (x, y), *_ = notebook
    weights = start(SIZES["as_written"])
    with np.errstate(over="ignore"):
        on = authors_loop.feedforward(weights, x, output="identity")[1]
    assert measured["as_written"]["saturated"] > 0.99
    slope = 1 + np.sum(on.mean(axis=0) ** 2)
    rows = life_rows.load("notebook", 988, seed=0)
    model = experiment.build_model(experiment.Config(), 19)
    assert experiment.squared_slope(model, rows, weights) == pytest.approx(slope, rel=1e-3)
    own = np.array(measured["as_written"]["watched_answer"])
    rate = 2 * 0.000001 * 988 * slope
    constant = y.mean() + (own[0] - y.mean()) * np.exp(-rate * np.array([0, 1, 11]))
    expected = np.abs(own - constant).max()
    assert measured["as_written"]["constant_gap"] == pytest.approx(expected, rel=0.05, abs=0.01)
    assert measured["as_written"]["constant_gap"] < 2


def printed(of_rows, years):
    config = experiment.Config(epochs=31)
    countries = np.array(["a", "b", "c"])
    rows = life_rows.Rows(
        np.zeros((3, 1)), np.array(years), countries, slice(2), slice(0), slice(2, 3)
    )
    return experiment.printed(config, rows, np.array(of_rows))


def test_the_first_row_is_printed_once_and_then_the_last():
    seen = [[0.0, 0, 0], [40, 40, 40], [50, 50, 50], [60, 60, 60], [70, 70, 70]]
    found = printed(seen, [72.0, 52.0, 66.0])
    assert found["printed"] == [72.0**2, 12.0**2, 2.0**2, 8.0**2, 18.0**2]
    assert (found["rises"], found["lowest_at"]) == (1, 20)
    assert found["epochs_to_under"] == 11
    assert found["test_mse_at_lowest"] == 16.0**2
    assert found["test_mse_at_last"] == 4.0**2  # while the printed number rises


def test_what_still_falls_has_no_lowest_point():
    found = printed([[0.0] * 3, [10] * 3, [20] * 3, [30] * 3, [40] * 3], [72.0, 52.0, 66.0])
    assert (found["rises"], found["lowest_at"]) == (0, np.inf)
    assert found["epochs_to_under"] == np.inf


@pytest.mark.parametrize(
    ("split", "train_rows"),
    [("notebook", 988), ("rows", 850), ("countries", 850), ("notebook", 50)],
)
def test_scaling_knows_the_rows_trained_on_alone(split, train_rows):
    rows = life_rows.load(split, train_rows, SEED)
    scaled = life_rows.Scaled(rows)
    inputs, years = scaled.lessons
    assert len(inputs) == train_rows
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose([years.mean(), years.std()], [0, 1], atol=1e-9)
    np.testing.assert_allclose(scaled.in_years(years), rows.years[rows.train])
    assert len(rows.years) == 1649
    assert len(rows.inputs[rows.test]) > 350
    ends = [rows.train.stop, rows.validation.start, rows.validation.stop, rows.test.start]
    assert ends == sorted(ends)


def test_more_rows_than_there_are_are_refused():
    with pytest.raises(ValueError, match="988 rows"):
        life_rows.load("notebook", 989, SEED)


def test_no_country_is_on_both_sides_of_the_split_by_countries():
    shares = {"rows": [], "countries": []}
    for split, found in shares.items():
        for seed in range(60):
            rows = life_rows.load(split, 850, seed)
            found.append(np.isin(rows.countries[rows.test], rows.countries[rows.train]).mean())
    assert min(shares["rows"]) > 0.9
    assert set(shares["countries"]) == {0.0}
    first, second = (life_rows.load("countries", 850, seed) for seed in (0, 1))
    assert set(first.countries[first.test]) != set(second.countries[second.test])


def test_a_sound_run_follows_the_authors_rule_on_its_own_split():
    """Each seed of a block has its own rows, and the last line of the log is not the end."""
    config = dataclasses.replace(sound.VARIANTS["by_countries"], epochs=2, log_every=10)
    found = list(sound.run(config, [0, SEED]))[1]
    rows = life_rows.load("countries", 850, SEED)
    scaled = life_rows.Scaled(rows)
    model = sound.build_model(config, 19)
    weights = sound.paper.initial_weights(model, np.random.default_rng(SEED), "glorot")
    for epochs, metric in ((1, "test_mse"), (2, "final_test_mse")):
        trained = library(weights, *scaled.lessons, epochs, rate=0.01)
        years = scaled.in_years(answers(trained, scaled.inputs)[:, np.newaxis])[rows.test]
        expected = np.mean((years - rows.years[rows.test]) ** 2)
        value = found[metric]
        assert (value[-1] if epochs == 1 else value) == pytest.approx(expected, rel=1e-5)


# --- Claims -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def records(measured):
    """One seed's measurements for every variant, copied to as many seeds as a verdict needs."""
    short = dataclasses.replace(sound.VARIANTS["corrected"], epochs=1)
    few = dataclasses.replace(overfitting.VARIANTS["few_rows"], epochs=1)
    found = dict.fromkeys(HEAD.variants, measured["as_written"]) | measured
    found |= dict.fromkeys(HEAD.experiments["sound"].variants, next(sound.run(short, [0])))
    found |= dict.fromkeys(
        HEAD.experiments["overfitting"].variants, next(overfitting.run(few, [0]))
    )
    return judging.records_of(found, data={"life_expectancy": "1.0.0"})


@pytest.mark.parametrize(
    ("claim", "variant", "metric", "holds", "falls"),
    [
        ("life-perfect", "as_written", "final_train_mse", 76.0, 77.0),  # the mean's is 76.45
        ("life-perfect-linear", "as_written", "final_train_mse", 12.0, 13.0),  # its is 12.40
        ("life-perfect-when-lowest", "as_written", "train_mse_at_lowest", 76.0, 77.0),
        ("life-rises-three", "three_hidden", "rises", 1, 0),
        ("life-first-does-not-rise", "as_written", "rises", 0, 1),
        ("life-overfitting-three", "three_hidden", "test_mse_at_last", 1e6, 0.0),
        ("life-overfitting-two", "two_hidden", "test_mse_at_last", 1e6, 0.0),
        ("life-overfitting-begins-two", "two_hidden", "final_train_mse", 76.0, 77.0),
        ("life-overfitting-begins-three", "three_hidden", "final_train_mse", 76.0, 77.0),
        ("life-no-gaps", "as_written", "countries_never_whole", 0, 1),
        ("life-layer-faster-printed", "two_hidden", "epochs_to_under", 1.0, np.inf),
        ("life-layer-faster-mean", "two_hidden", "final_train_mse", 1.0, 1e6),
        ("life-more-complex-better", "three_hidden", "final_train_mse", 1.0, 1e6),
        ("life-more-complex-better-corrected", "corrected_three", "final_train_mse", 0.1, 1e3),
        ("life-complexity-overfits", "wide", "final_test_mse", 1e3, 0.1),
        ("life-complexity-useless", "wide", "final_test_mse", 85.0, 84.0),  # the mean's is 84.02
        ("life-complexity-is-the-cause", "wide", "final_test_mse", 1e3, 0.1),
    ],
)
def test_conclusions_turn_with_what_is_measured(records, claim, variant, metric, holds, falls):  # noqa: PLR0917
    verdict = functools.partial(judging.verdict, HEAD, claim, records, variants=[variant])
    # What does not rise is not reached: as_written's own epochs are infinite in so short a run.
    finite = {"as_written": {"epochs_to_under": 50.0}}.get(variant, {})
    assert verdict(**{**finite, metric: holds}) == judge.CONFIRMED
    assert verdict(**{**finite, metric: falls}) in (judge.REFUTED, judge.UNRESOLVED)
    if np.isfinite(falls):
        assert verdict(**{**finite, metric: falls}) == judge.REFUTED


def test_a_wide_network_that_rises_by_a_tenth_does_not_overfit_as_meant(records):
    verdict = functools.partial(judging.verdict, HEAD, "life-complexity-overfits", records)
    assert verdict(test_mse_at_best_validation=10.0, final_test_mse=11.0) == judge.REFUTED
    assert verdict(test_mse_at_best_validation=10.0, final_test_mse=13.0) == judge.CONFIRMED


def test_a_training_error_of_zero_would_be_what_figure_6_draws(records):
    claim = "figure-6-is-the-training-error"
    verdict = functools.partial(judging.verdict, HEAD, claim, records)
    assert verdict(train_mse=[100.0] * 21) == judge.REFUTED
    assert verdict(train_mse=[100.0] * 20 + [2.0]) == judge.CONSISTENT


@pytest.mark.parametrize(
    ("claim", "curve"),
    [
        ("life-printed-one-hidden", "printed-one-hidden"),
        ("life-printed-stated-rate", "printed-three-hidden"),
    ],
)
def test_a_printed_curve_is_held_against_the_runs(records, claim, curve):
    y = np.array(HEAD.curves[curve].points[1])
    variant = next(each.variant for each in HEAD.claims if each.id == claim)
    rng = np.random.default_rng(0)

    def printing(runs, centre):
        values = centre * np.exp(rng.normal(0, 0.3, (len(runs), 1)))
        return [
            {**record, "measurements": record["measurements"] | {"printed": list(each)}}
            for record, each in zip(runs, values, strict=True)
        ]

    def judged(centre):
        changed = {name: printing(records[name], y) for name in (*SIZES, "stated_rate")}
        changed[variant] = printing(records[variant], centre)
        return judging.verdicts(HEAD, {**records, **changed})[claim]

    assert judged(y) == judge.CONSISTENT
    assert judged(5 * y) == judge.REFUTED


def test_recorded_runs_are_those_of_a_constant_on_its_way_to_the_mean(measured):
    runs = {"as_written": [{"measurements": measured["as_written"]}]}
    for name in figures.cited_runs():
        curve = HEAD.curves[name]
        epochs, observed = figures.logged(curve)
        assert list(epochs) == [*range(1, 200, 10)]
        rate = figures.fitted_rate(runs, curve)
        fitted = figures.squared_error_of_a_constant(runs, curve, epochs, rate)
        assert sklearn.metrics.r2_score(observed, fitted) > 0.99

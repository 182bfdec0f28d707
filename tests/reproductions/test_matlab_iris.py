"""The MATLAB script's steps against a plain NumPy loop, and its accuracy formula by hand."""

import dataclasses
import pathlib

import numpy as np
import pytest

from common import claims, judge
from common.data import iris
from reproductions.matlab_iris import experiment, mnist
from tests import judging

TOML = claims.load(pathlib.Path(experiment.__file__).with_name("claims.toml"))
SEEDS = (0, 1)


def the_script(seed, labels_filled, orders):
    """The script's loop, a flower at a time, a pass for each order: z of all flowers, (3, 150)."""
    flowers = iris.load()
    rng = np.random.default_rng(seed)
    order = rng.permutation(150)
    X, labels = flowers.features[order].T, flowers.labels[order]
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, ddof=1, keepdims=True)
    y = np.zeros((150, 3))
    if labels_filled:
        y[range(150), labels] = 1
    W1, b1, W2, b2 = (rng.normal(size=shape) for shape in ((4, 5), 5, (5, 3), 3))
    for one_pass in orders:
        for i in one_pass:
            x = X[:, i]
            hidden = 1 / (1 + np.exp(-(x @ W1 + b1)))
            exponentials = np.exp(hidden @ W2 + b2)
            error = exponentials / exponentials.sum() - y[i]
            W2 = W2 - 0.01 * np.outer(hidden, error)
            b2 = b2 - 0.01 * error
            hidden_error = hidden * (1 - hidden) * (W2 @ error)  # through the weights just moved
            W1 = W1 - 0.01 * np.outer(x, hidden_error)
            b1 = b1 - 0.01 * hidden_error
    hidden = 1 / (1 + np.exp(-(X.T @ W1 + b1)))
    return (hidden @ W2 + b2).T, labels


def watched(config, seeds=SEEDS):
    """Run a protocol: per seed what it measured, its z by watched pass, and its labels."""
    seen, original = [], experiment.measure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "measure", lambda *parts: seen.append(parts) or original(*parts))
        measured = list(experiment.run(config, seeds))
    return [(each, z, labels) for each, (_, z, _, labels) in zip(measured, seen, strict=True)]


@pytest.mark.parametrize("labels_filled", [False, True])
def test_a_pass_is_the_scripts_step_by_step(labels_filled, monkeypatch):
    original = experiment.training.SeedsTrainer
    monkeypatch.setattr(
        experiment.training,
        "SeedsTrainer",
        lambda *parts, **more: original(*parts, **more | {"shuffle": False}),
    )
    config = experiment.Config(labels_filled=labels_filled, passes=2)
    for seed, (measured, z, same_labels) in zip(SEEDS, watched(config), strict=True):
        expected, labels = the_script(seed, labels_filled, 2 * [range(120)])
        np.testing.assert_array_equal(same_labels, labels)
        np.testing.assert_allclose(z[-1], expected, rtol=0, atol=1e-9)
        hits = expected.argmax(axis=0) == labels
        assert measured["true"] == pytest.approx([hits[:120].mean(), hits[120:].mean()])


def test_every_pass_has_an_order_of_its_own():
    config = experiment.Config(labels_filled=True, passes=2)
    (_, z, _), *_ = watched(config)
    in_order, _ = the_script(SEEDS[0], True, 2 * [range(120)])
    assert 1e-6 < np.abs(z[-1] - in_order).max() < 0.5  # the same flowers, in another order


def test_softmax_breaks_and_then_the_formula_says_100_in_every_reading():
    plain, stable = (
        watched(experiment.Config(passes=350, stable_softmax=stable), SEEDS[:1])[0][0]
        for stable in (False, True)
    )
    assert 250 < plain["broken_after"] < 350
    assert not plain["always_finite"]
    assert np.isnan(plain["mean_z"][-1])  # the weights themselves are no numbers any more
    assert plain["printed"] == [1, 1]
    assert plain["prints_100"]
    assert plain["prints_100_turned"]
    assert max(plain["true"]) < 0.6
    assert plain["compared"] == [3, 3]
    assert stable["always_finite"]
    assert stable["broken_after"] == np.inf
    assert not stable["prints_100"]


def test_the_index_of_the_largest_is_matlabs():
    nan = np.nan
    values = np.array([[nan, 0.0, nan, 1.0], [nan, 0.0, 2.0, 3.0], [nan, 0.0, 1.0, nan]])
    assert experiment.largest_index(values).tolist() == [0, 0, 1, 1]


def test_the_formula_compares_three_labels_of_empty_targets():
    outputs = np.array([[0.8, 0.8, 0.1, 0.1], [0.1, 0.1, 0.8, 0.1], [0.1, 0.1, 0.1, 0.8]])
    empty = np.zeros((4, 3))
    assert experiment.script_accuracy(outputs, empty) == (pytest.approx(2 / 3), 3)
    assert experiment.script_accuracy(outputs, empty.T) == (pytest.approx(2 / 4), 4)
    assert experiment.script_accuracy(outputs, np.eye(3)[[0, 0, 1, 2]].T) == (1, 4)


def test_softmax_is_the_scripts_and_its_repair():
    z = np.array([[-800.0, 1.0], [-801.0, 2.0], [-802.0, 3.0]])
    assert np.isnan(experiment.softmax(z, stable=False)[:, 0]).all()
    repaired = experiment.softmax(z, stable=True)
    np.testing.assert_allclose(repaired[:, 0], repaired[::-1, 1])
    np.testing.assert_allclose(repaired[:, 1], experiment.softmax(z, stable=False)[:, 1])


def test_inputs_are_standardised_over_all_flowers():
    standardised = experiment.standardise(iris.load().features)
    np.testing.assert_allclose(standardised.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(standardised.std(axis=0, ddof=1), 1, atol=1e-12)


@pytest.mark.usefixtures("data_dir")
def test_the_class_learns_digits_with_the_scripts_step():
    config = mnist.Config(images=2_000, passes=2)
    (measured,) = mnist.run(config, [0])
    untrained, *_, trained = measured["mnist_test_accuracy"]
    assert untrained < 0.3 < trained
    assert measured["mnist_over_92"] == (trained > 0.92)


# --- Claims -------------------------------------------------------------------------------------


def test_claims_follow_what_was_measured(monkeypatch):
    monkeypatch.setattr(judging, "SEEDS", 500)
    config = dataclasses.replace(experiment.VARIANTS["as_written"], passes=1)
    ((measured, *_),) = watched(config, SEEDS[:1])
    digits = {"mnist_test_accuracy": [0.1, 0.9], "mnist_over_92": False}

    def verdicts(**changes):
        stored = judging.records_of(
            {
                variant: (digits if variant == "mnist" else measured) | changes
                for variant in TOML.variants
            },
            data={"iris": "scikit-learn"},
        )
        return judging.verdicts(TOML, stored)

    broken = verdicts(true=[0.33, 0.33], prints_100=True, always_finite=False)
    sound = verdicts(
        true=[1.0, 1.0],
        prints_100=False,
        always_finite=True,
        compared=[120, 30],
        test_all_right=True,
        mnist_over_92=True,
    )
    assert judge.ERROR not in {*broken.values(), *sound.values()}
    expected = {
        "true-test-100": (judge.REFUTED, judge.CONSISTENT),
        "prints-100": (judge.CONFIRMED, judge.REFUTED),
        "softmax-stays-finite": (judge.REFUTED, judge.CONFIRMED),
        "accuracy-counts-every-flower": (judge.REFUTED, judge.CONFIRMED),
        "matlab-class-over-92": (judge.REFUTED, judge.CONFIRMED),
    }
    for claim, verdict in expected.items():
        assert (broken[claim], sound[claim]) == verdict, claim

"""The MATLAB script's steps against a plain NumPy loop, and its accuracy formula by hand."""

import dataclasses
import pathlib

import numpy as np
import pytest

from common import claims, data, judge
from reproductions import matlab_iris

TOML = claims.load(pathlib.Path(matlab_iris.__file__).with_suffix(".toml"))
SEEDS = (0, 1)


def the_script(seed, labels_filled, passes):
    """The script's loop, a flower at a time: its outputs for all flowers, shape (3, 150)."""
    iris = data.iris()
    rng = np.random.default_rng(seed)
    order = rng.permutation(150)
    X, labels = iris.features[order].T, iris.labels[order]
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, ddof=1, keepdims=True)
    y = np.zeros((150, 3))
    if labels_filled:
        y[range(150), labels] = 1
    W1, b1, W2, b2 = (rng.normal(size=shape) for shape in ((4, 5), 5, (5, 3), 3))
    for _ in range(passes):
        for i in range(120):
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


def watched(config, seeds):
    """Run a protocol: per seed, its measurements and what `_judge` and `_breakdown` were given."""
    z, breakdown = [], matlab_iris._breakdown
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            matlab_iris, "_breakdown", lambda *parts: z.append(parts[1]) or breakdown(*parts)
        )
        measured = list(matlab_iris.run(config, seeds))
    return list(zip(measured, z, strict=True))


@pytest.mark.parametrize("labels_filled", [False, True])
def test_a_pass_is_the_scripts_step_by_step(labels_filled):
    config = matlab_iris.Config(labels_filled=labels_filled, passes=2)
    for seed, (measured, z) in zip(SEEDS, watched(config, SEEDS), strict=True):
        expected, labels = the_script(seed, labels_filled, passes=2)
        np.testing.assert_allclose(z[-1], expected, rtol=0, atol=1e-9)
        hits = expected.argmax(axis=0) == labels
        assert measured["true"] == pytest.approx([hits[:120].mean(), hits[120:].mean()])
        assert measured["labelled_flowers"] == 120 * labels_filled


def test_single_steps_go_round_the_same_flowers():
    config = matlab_iris.Config(passes=1, steps_per_pass=240)
    ((_, z),) = watched(config, SEEDS[:1])
    expected, _ = the_script(SEEDS[0], labels_filled=False, passes=2)
    np.testing.assert_allclose(z[-1], expected, rtol=0, atol=1e-9)
    assert matlab_iris.VARIANTS["single_steps"].steps_per_pass == 10_000


def test_softmax_breaks_and_then_the_formula_says_100_in_every_reading():
    plain, stable = (
        watched(matlab_iris.Config(passes=350, stable_softmax=stable), SEEDS[:1])[0][0]
        for stable in (False, True)
    )
    assert 250 < plain["broken_after"] < 350
    assert not plain["always_finite"]
    assert np.isnan(plain["mean_z"][-1])  # the weights themselves are no numbers any more
    assert plain["printed"] == plain["turned"] == plain["stacked"] == [1, 1]
    assert plain["printed_100"]
    assert max(plain["true"]) < 0.6
    assert stable["always_finite"]
    assert stable["broken_after"] == np.inf
    assert not stable["printed_100"]


def test_the_index_of_the_largest_is_matlabs():
    nan = np.nan
    values = np.array([[nan, 0.0, nan, 1.0], [nan, 0.0, 2.0, 3.0], [nan, 0.0, 1.0, nan]])
    assert matlab_iris.largest_index(values).tolist() == [0, 0, 1, 1]


def test_the_formula_compares_three_labels_of_empty_targets():
    outputs = np.array([[0.8, 0.8, 0.1, 0.1], [0.1, 0.1, 0.8, 0.1], [0.1, 0.1, 0.1, 0.8]])
    empty = np.zeros((4, 3))
    assert matlab_iris.script_accuracy(outputs, empty) == (pytest.approx(2 / 3), 3)
    assert matlab_iris.script_accuracy(outputs, empty.T) == (pytest.approx(2 / 4), 4)
    assert matlab_iris.script_accuracy(outputs, np.eye(3)[[0, 0, 1, 2]].T) == (1, 4)


def test_softmax_is_the_scripts_and_its_repair():
    z = np.array([[-800.0, 1.0], [-801.0, 2.0], [-802.0, 3.0]])
    assert np.isnan(matlab_iris.softmax(z, stable=False)[:, 0]).all()
    repaired = matlab_iris.softmax(z, stable=True)
    np.testing.assert_allclose(repaired[:, 0], repaired[::-1, 1])
    np.testing.assert_allclose(repaired[:, 1], matlab_iris.softmax(z, stable=False)[:, 1])


# --- Claims -------------------------------------------------------------------------------------


def test_claims_follow_what_was_measured():
    config = dataclasses.replace(matlab_iris.VARIANTS["as_written"], passes=1)
    ((measured, _),) = watched(config, [0])

    def verdicts(**changes):
        record = {"shortened": {}, "data": {"iris": "scikit-learn"}}
        stored = {
            variant: [record | {"seed": s, "measurements": measured | changes} for s in range(50)]
            for variant in TOML.variants
        }
        judged = judge.judge(TOML, stored, seeds=dict.fromkeys(TOML.variants, 50))
        return {each.claim: each.verdict for each in judged}

    broken = verdicts(true=[0.33, 0.33], printed_100=True, always_finite=False)
    sound = verdicts(true=[1.0, 1.0], printed_100=False, always_finite=True, labelled_flowers=120)
    assert judge.ERROR not in {*broken.values(), *sound.values()}
    expected = {
        "true-test-100": (judge.REFUTED, judge.CONFIRMED),
        "true-training-100": (judge.REFUTED, judge.CONFIRMED),
        "prints-100": (judge.CONFIRMED, judge.REFUTED),
        "softmax-stays-finite": (judge.REFUTED, judge.CONFIRMED),
        "targets-hold-labels": (judge.REFUTED, judge.CONFIRMED),
    }
    for claim, verdict in expected.items():
        assert (broken[claim], sound[claim]) == verdict, claim

"""The four breast cancer networks against the authors' update rules, and scores by hand."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
import scipy.special
import sklearn.datasets
import sklearn.metrics
import sklearn.model_selection

from common import judge
from common.data import breast_cancer
from reproductions.breast_cancer import experiment, restarts
from tests import contract, judging

HEAD = contract.HEADS["breast_cancer"]
SEED = 5
RATES = (0.01, 0.001)
ACTIVATIONS = {
    "sigmoid": (scipy.special.expit, lambda a: a * (1 - a)),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(float)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
}


def notebook_split(seed, by="all"):
    """Training and test part, standardised: features and labels of each, in scikit-learn's way."""
    features, labels = sklearn.datasets.load_breast_cancer(return_X_y=True)
    rest, test = sklearn.model_selection.train_test_split(
        range(569), test_size=0.2, random_state=seed
    )
    rows = range(569) if by == "all" else rest
    features = (features - features[rows].mean(axis=0)) / features[rows].std(axis=0)
    return (features[rest], labels[rest]), (features[test], labels[test])


def forward(weights, features, activate):
    activations = [features]
    for layer in range(0, len(weights), 2):
        z = activations[-1] @ weights[layer] + weights[layer + 1]
        activations.append(z if layer == len(weights) - 2 else activate(z))
    return activations


def library(activation, optimizer, rate, seed, epochs):
    """The authors' loops: z of the test tumours after training on the first 364."""
    (train, labels), (test, _) = notebook_split(seed)
    activate, slope = ACTIVATIONS[activation]
    rng = np.random.default_rng(seed)
    shapes = [s for pair in itertools.pairwise([30, 20, 10, 5, 2]) for s in (pair, pair[1])]
    weights = [rng.normal(size=shape) for shape in shapes]
    v = [np.zeros_like(weight) for weight in weights]
    s = [np.zeros_like(weight) for weight in weights]
    for epoch in range(epochs):
        for x, y in zip(train[:364], np.eye(2)[labels[:364]], strict=True):
            activations = forward(weights, x, activate)
            powers = np.exp(activations[-1])
            delta = powers / powers.sum() - y
            gradients = [np.zeros(0)] * len(weights)
            for layer in range(len(weights) - 2, -1, -2):
                below = activations[layer // 2]
                gradients[layer], gradients[layer + 1] = np.outer(below, delta), delta
                delta = slope(below) * (weights[layer] @ delta)
            for i, gradient in enumerate(gradients):
                match optimizer:
                    case "gd":
                        step = rate * gradient
                    case "momentum":
                        step = v[i] = 0.9 * v[i] + rate * gradient
                    case "adam":
                        v[i] = 0.9 * v[i] + (1 - 0.9) * gradient
                        s[i] = 0.999 * s[i] + (1 - 0.999) * gradient**2
                        scale = np.sqrt(s[i] / (1 - 0.999 ** (epoch + 1))) + 1e-8
                        step = rate * v[i] / (1 - 0.9 ** (epoch + 1)) / scale
                weights[i] = weights[i] - step
    return forward(weights, test, activate)[-1]


def watched(config, seeds):
    """Run a protocol: per seed, its measurements and z of the test tumours by model."""
    seen, measure = [], experiment.measure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "measure", lambda *parts: seen.append(parts) or measure(*parts))
        measured = list(experiment.run(config, seeds))
    by_seed = [seen[i : i + len(config.models)] for i in range(0, len(seen), len(config.models))]
    return [
        (each, {name: z for name, z, _ in parts}, parts[0][2])
        for each, parts in zip(measured, by_seed, strict=True)
    ]


@pytest.fixture(scope="module")
def short():
    config = dataclasses.replace(experiment.Config(), epochs=2, learning_rates=RATES)
    return watched(config, [SEED - 1, SEED])


def test_every_network_follows_the_authors_rule_at_every_rate(short):
    _, z, _ = short[1]
    assert list(z) == list(experiment.MODELS)
    for name, (activation, optimizer) in experiment.MODELS.items():
        for place, rate in enumerate(RATES):
            expected = library(activation, optimizer, rate, SEED, epochs=2)
            np.testing.assert_allclose(z[name][place], expected, rtol=1e-6, atol=1e-6)


def test_seeds_differ_in_split_and_start(short):
    (_, first, labels), (_, second, other_labels) = short
    assert (labels != other_labels).any()
    assert np.abs(first["tanh_adam"] - second["tanh_adam"]).max() > 0.1


@pytest.mark.parametrize("by", ["all", "training"])
def test_rows_and_their_standardisation(by):
    config = dataclasses.replace(experiment.Config(), standardised_by=by)
    parts = experiment.split(config, breast_cancer.load(), SEED)
    (rest, labels), (test, test_labels) = notebook_split(SEED, by)
    np.testing.assert_allclose(parts.train, rest[:364], atol=1e-9)
    np.testing.assert_allclose(parts.validation, rest[364:], atol=1e-9)
    np.testing.assert_allclose(parts.test, test, atol=1e-9)
    np.testing.assert_array_equal(parts.train_labels, labels[:364])
    np.testing.assert_array_equal(parts.test_labels, test_labels)


def test_class_1_is_benign(short):
    measured, _, labels = short[0]
    assert measured["benign_label"] == 1
    commoner = max(labels.mean(), 1 - labels.mean())
    assert measured["commoner_accuracy"] == pytest.approx(commoner, rel=1e-4)


def test_scores_of_a_network_that_sorts_well_on_one_side_of_a_half():
    """Four malignant and six benign; by shares one pair of 24 is in the wrong order."""
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    z = np.zeros((10, 2))
    z[:, 1] = [-1, 1, 2, 4, 3, 5, 6, 7, 8, 9]  # above 0: answered benign
    scores = experiment.scores(z, labels)
    assert scores["accuracy"] == pytest.approx(0.7)
    assert scores["precision"] == pytest.approx((1 + 6 / 9) / 2, abs=1e-4)  # malignant, benign
    assert scores["auc_labels"] == pytest.approx((1 / 4 + 1) / 2)
    assert scores["auc_labels"] == scores["balanced_accuracy"]
    assert scores["auc_scores"] == pytest.approx(23 / 24, abs=1e-4)
    assert scores["auc_gap"] == pytest.approx(23 / 24 - 5 / 8)
    assert scores["tpr_is_one"]
    assert not scores["all_benign"]


def test_scores_of_dead_and_diverged_networks():
    labels = np.array([0, 0, 1, 1, 1])
    dead = experiment.scores(np.tile([0.0, 0.5], (5, 1)), labels)
    assert dead["all_benign"]
    assert np.isnan(dead["precision"])  # 0/0, as the notebook's "nan"
    assert dead["auc_labels"] == dead["auc_scores"] == 0.5
    assert dead["tpr_is_one"], "whatever the network does"
    diverged = experiment.scores(np.full((5, 2), np.nan), labels)
    assert not diverged["all_benign"]
    assert diverged["accuracy"] == pytest.approx(0.4)  # argmax of NaN is 0
    assert np.isnan(diverged["auc_scores"])


@pytest.fixture(scope="module")
def restarted():
    return next(restarts.run(dataclasses.replace(restarts.Config(), epochs=3), [SEED]))


def test_restarts_are_ten_starts_on_one_split(restarted):
    accuracies = restarted["restart_accuracies"]
    assert len(accuracies) == 10
    assert accuracies == sorted(accuracies)
    assert len(set(accuracies)) > 1
    assert restarted["best_accuracy"] == accuracies[-1]


# --- Claims -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def records(short, restarted):
    """One seed's measurements for every variant, copied to as many seeds as a verdict needs."""
    return judging.records_of(
        {name: restarted if name == "restarts" else short[1][0] for name in HEAD.variants},
        data={"breast_cancer": "scikit-learn"},
    )


verdict = functools.partial(judging.verdict, HEAD)


def test_every_claim_can_be_judged_from_what_run_measures(records):
    assert set(judging.verdicts(HEAD, records).values()) <= judging.JUDGED


def test_an_area_under_the_curve_would_be_confirmed(records):
    assert verdict("breast-roc-area", records, sigmoid_gd_auc_gap=0.02) == judge.REFUTED
    assert verdict("breast-roc-area", records, sigmoid_gd_auc_gap=0.001) == judge.CONFIRMED


def test_counts_are_judged_by_rank(records):
    claim = "breast-accuracy-1"
    assert verdict(claim, records, sigmoid_gd_accuracy=0.94) == judge.CONSISTENT
    assert verdict(claim, records, sigmoid_gd_accuracy=0.80) == judge.REFUTED


def test_a_relu_network_that_always_tells_tumours_apart_refutes_the_text(records):
    claims = ("breast-relu-all-negative", "breast-relu-usually-all-negative", "breast-precision-2")
    for claim in claims:
        assert verdict(claim, records, relu_momentum_all_benign=False) == judge.REFUTED
        assert verdict(claim, records, relu_momentum_all_benign=True) == judge.CONFIRMED


def test_a_printed_tpr_that_varies_would_refute_that_it_is_always_1(records):
    assert verdict("breast-tpr-1-always", records, sigmoid_gd_tpr_is_one=True) == judge.CONFIRMED
    assert verdict("breast-tpr-1-always", records, sigmoid_gd_tpr_is_one=False) == judge.REFUTED

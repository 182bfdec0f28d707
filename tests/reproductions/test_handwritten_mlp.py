"""The handwritten formulas can fail, what is said of a training can too, and a small run trains."""

import dataclasses
import pathlib

import numpy as np
import pytest

from common import claims, judge, optimizers, training
from reproductions.handwritten_mlp import batches, derivation, experiment
from reproductions.handwritten_mlp import optimizers as formulas
from tests import judging

TOML = claims.load(pathlib.Path(experiment.__file__).with_name("claims.toml"))
PATHS = {"path_of_descent": 0.0, "path_of_momentum": 0.9}
TINY = {"training_images": 640, "epochs": 2}


@pytest.fixture(scope="module")
def derived():
    """Three records of the derivation."""
    return list(derivation.run(derivation.VARIANTS["derivation"], [0, 1, 2]))


@pytest.fixture(scope="module")
def network():
    """A small batch through 784-128-64-10 in float64: weights, images, targets, gradients."""
    training.set_precision("float64")
    config = derivation.VARIANTS["derivation"]
    model = derivation.build_model(config)
    rng = np.random.default_rng(7)
    model.set_weights([rng.normal(scale=0.05, size=w.shape) for w in model.get_weights()])
    x, labels = rng.uniform(size=(8, 784)), rng.integers(10, size=8)
    exact = training.gradients(model, derivation.losses.negative_log_likelihood, x, labels)
    return model.get_weights(), x, np.eye(10)[labels].T, exact


def verdicts_on(variant, measured):
    """The verdicts on the claims of one variant that measured this for every seed."""
    stored = judging.records_of({variant: measured}, data={"mnist": "3.0.1"})
    found = judging.verdicts(TOML, stored)
    return {claim.id: found[claim.id] for claim in TOML.claims if claim.variant == variant}


# --- The formulas -------------------------------------------------------------------------------


def test_every_metric_of_the_formulas_is_declared(derived):
    record = next(formulas.run(formulas.VARIANTS["optimizers"], [0]))
    timed = next(batches.run(dataclasses.replace(batches.Config(), repetitions=1), [0]))
    assert set(derived[0]) | set(record) | set(timed) <= set(TOML.metrics)


def test_counts_come_from_the_model(derived):
    assert derived[0]["weight_count"] == 784 * 128 + 128 * 64 + 64 * 10
    assert derived[0]["parameter_count"] == derived[0]["weight_count"] + 128 + 64 + 10
    narrow = dataclasses.replace(derivation.VARIANTS["derivation"], layer_sizes=(784, 5, 5, 10))
    assert derivation.counts(derivation.build_model(narrow))["layer_weights"] == [3920, 25, 50]


def test_verdicts_on_the_derivation(derived):
    found = verdicts_on("derivation", derived[0])
    refuted = {claim for claim, verdict in found.items() if verdict == judge.REFUTED}
    assert refuted == {
        "total-weights",
        "total-parameters",
        "cost-with-half",
        "algorithm-backward-step",
    }
    assert set(found.values()) == {judge.CONFIRMED, judge.REFUTED}


@pytest.mark.parametrize(
    ("name", "broken", "fallen"),
    [
        ("relu_slope", np.ones_like, {"backward-pass-batch", "backward-pass-one-example"}),
        ("relu", lambda z: np.where(z > 0.1, z, 0.1 * z), {"forward-pass"}),
        ("softmax", lambda z: z / z.sum(axis=0), {"forward-pass", "softmax-amplifies"}),
    ],
)
def test_a_broken_formula_is_seen(name, broken, fallen, monkeypatch):
    monkeypatch.setattr(derivation, name, broken)
    if name == "relu_slope":  # a default argument was bound before
        whole = derivation.backward_in_columns
        monkeypatch.setattr(
            derivation,
            "backward_in_columns",
            lambda net, y, slope=broken: whole(net, y, slope),
        )
    with np.errstate(invalid="ignore"):
        found = verdicts_on("derivation", next(derivation.run(derivation.Config(), [0])))
    assert {claim for claim in fallen if found[claim] == judge.REFUTED} == fallen


def test_swapped_targets_are_seen(network):
    weights, x, y, exact = network
    net = derivation.forward_in_columns(weights, x.T)
    sound = derivation.backward_in_columns(net, y)["dw"][2].T
    np.testing.assert_allclose(sound, exact[4], atol=1e-12)
    swapped = derivation.backward_in_columns(net, 1 - y)["dw"][2].T
    assert np.abs(swapped - exact[4]).max() > 1e-3


# --- Momentum and Adam --------------------------------------------------------------------------


def test_verdicts_on_the_optimizers():
    measured = next(formulas.run(formulas.VARIANTS["optimizers"], [0]))
    middle = {name: formulas.path(1.89, beta) for name, beta in PATHS.items()}
    found = verdicts_on("optimizers", measured | middle)
    refuted = {claim for claim, verdict in found.items() if verdict == judge.REFUTED}
    assert refuted == {
        "adam-epsilon-in-the-root",
        "adam-divides-by-variance",
        "example-is-one-model",
    }


def test_without_inertia_momentum_neither_accelerates_nor_damps():
    plain = dataclasses.replace(formulas.VARIANTS["optimizers"], beta=0.0)
    found = verdicts_on("optimizers", next(formulas.run(plain, [0])))
    for claim in ("momentum-accelerates", "momentum-averages-out", "momentum-damps-valley"):
        assert found[claim] == judge.REFUTED, claim


def test_momentum_makes_a_gentle_valley_s_path_longer():
    """Where plain descent does not oscillate there is nothing to damp: the claim could fail."""
    assert formulas.path(0.5, 0.9) > formulas.path(0.5, 0.0) == pytest.approx(1)


def test_adam_with_epsilon_outside_is_the_suite_s_adam():
    training.set_precision("float64")
    config = dataclasses.replace(formulas.VARIANTS["optimizers"], learning_rate=0.01)
    gradients = np.array([[1e-6, -0.3, 2.0], [1e-5, 0.1, -1.0]])
    steps = formulas.moves(optimizers.Adam(0.01), gradients)
    outside = formulas.adam_steps(gradients, config, inside=False)
    inside = formulas.adam_steps(gradients, config, inside=True)
    np.testing.assert_allclose(steps, outside, rtol=1e-9)
    assert np.abs(inside / outside - 1).max() > 0.5


# --- Batches ------------------------------------------------------------------------------------


def test_a_batch_gives_every_column_what_it_gives_alone():
    rng = np.random.default_rng(0)
    weights = batches.build_model((784, 128, 64, 10), rng)
    x = rng.uniform(size=(784, 5)).astype("float32")
    alone = np.hstack([batches.forward(weights, x[:, [column]]) for column in range(5)])
    np.testing.assert_allclose(batches.forward(weights, x), alone, atol=1e-6)
    np.testing.assert_allclose(alone.sum(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize(("factor", "verdict"), [(3.0, judge.CONFIRMED), (1.2, judge.REFUTED)])
def test_batches_may_be_no_faster(factor, verdict):
    times = {"microseconds_in_a_batch": [1.0] * 3, "microseconds_alone": [factor] * 3}
    assert verdicts_on("batches", times)["batches-are-efficient"] == verdict


# --- What is said of a training -----------------------------------------------------------------


def test_a_loss_that_falls_neither_oscillates_nor_stalls():
    course = experiment.course(2.3 * 0.8 ** np.arange(20))
    assert (course["falls_in_every_pass"], course["oscillates"], course["stalls"]) == (1, 0, 0)
    assert course["passes_to_learn"] == 3
    assert course["rising_share"] == course["largest_rise"] == 0


def test_a_loss_that_goes_up_and_down_oscillates():
    course = experiment.course(np.tile([1.0, 0.5], 10))
    assert (course["falls_in_every_pass"], course["oscillates"], course["stalls"]) == (0, 1, 0)
    assert course["rising_share"] == pytest.approx(9 / 19, abs=1e-5)
    assert course["largest_rise"] == pytest.approx(0.5)


def test_a_loss_that_stays_stalls():
    course = experiment.course(2.3 - 1e-4 * np.arange(20))
    assert (course["falls_in_every_pass"], course["stalls"]) == (1, 1)
    assert course["passes_to_learn"] == 21


def test_a_loss_that_is_lost_counts_as_infinite():
    course = experiment.course(np.array([2.0, np.nan, np.nan]))
    assert course["losses"] == [2.0, np.inf, np.inf]
    assert course["largest_rise"] == np.inf
    assert course["oscillates"] == 1


@pytest.mark.parametrize(("told", "error"), [(0.8, 0.0), (0.99, 0.19)])
def test_calibration_sees_a_network_that_is_too_sure(told, error):
    """Of 1,000 images 800 are right; the network says 0.8, or 0.99."""
    labels = np.zeros(1000, int)
    shares = np.full((1000, 10), (1 - told) / 9)
    shares[np.arange(1000), np.where(np.arange(1000) < 800, 0, 1)] = told
    found = experiment.calibration(np.log(shares), labels)
    assert found["calibration_error"] == pytest.approx(error, abs=1e-6)
    assert found["mean_confidence"] == pytest.approx(told)
    verdict = judge.CONFIRMED if error < 0.02 else judge.REFUTED
    assert verdicts_on("as_written", found)["probabilities-are-calibrated"] == verdict


@pytest.mark.parametrize(
    ("claim", "sound", "broken"),
    [
        (
            "momentum-crosses-plateaus",
            {"plateau_momentum_fast": {"passes_to_learn": 4}, "plateau": {"passes_to_learn": 18}},
            {"plateau_momentum_fast": {"passes_to_learn": 19}, "plateau": {"passes_to_learn": 18}},
        ),
        (
            "large-rate-is-fast",
            {"rate_large": {"losses": [0.1] * 20}, "rate_small": {"losses": [2.2] * 20}},
            {"rate_large": {"losses": [1.9] * 20}, "rate_small": {"losses": [2.2] * 20}},
        ),
        (
            "large-rate-can-oscillate",
            {"plateau": {"oscillates": 1}},
            {"plateau": {"oscillates": 0}},
        ),
        (
            "l2-generalises-better",
            {"few_l2_large": {"test_accuracy": [0.88]}, "few": {"test_accuracy": [0.87]}},
            {"few_l2_large": {"test_accuracy": [0.86]}, "few": {"test_accuracy": [0.87]}},
        ),
        (
            "relu-allows-complex-patterns",
            {"as_written": {"test_accuracy": [0.95]}, "without_relu": {"test_accuracy": [0.91]}},
            {"as_written": {"test_accuracy": [0.91]}, "without_relu": {"test_accuracy": [0.95]}},
        ),
        (
            "adam-out-of-the-box",
            {"adam": {"losses": [0.3, 0.1]}, "as_written": {"losses": [0.5, 0.2]}},
            {"adam": {"losses": [0.3, 0.3]}, "as_written": {"losses": [0.5, 0.2]}},
        ),
        (
            "huge-rate-oscillates",
            {"rate_huge": {"rising_share": 0.2}, "rate_large": {"rising_share": 0.0}},
            {"rate_huge": {"rising_share": 0.0}, "rate_large": {"rising_share": 0.2}},
        ),
    ],
)
def test_claims_on_trainings_come_out_either_way(claim, sound, broken):
    for measured, verdict in ((sound, judge.CONFIRMED), (broken, judge.REFUTED)):
        stored = judging.records_of(measured, data={"mnist": "3.0.1"})
        assert judging.verdicts(TOML, stored)[claim] == verdict


# --- Training -----------------------------------------------------------------------------------


def test_the_printed_slope_changes_only_the_backward_pass(network):
    weights, x, y, exact = network
    training.set_precision("float64")
    model = experiment.build_model(experiment.VARIANTS["as_printed"])
    model.set_weights(weights)
    net = derivation.forward_in_columns(weights, x.T)
    np.testing.assert_allclose(np.exp(model(x)), net.a[-1].T, atol=1e-12)
    printed = derivation.backward_in_columns(net, y, slope=derivation.relu)
    loss = experiment.losses.negative_log_likelihood
    gradients = training.gradients(model, loss, x, y.argmax(axis=0))
    np.testing.assert_allclose(gradients[0], printed["dw"][0].T, atol=1e-12)
    assert np.abs(gradients[0] - exact[0]).max() > 1e-3


def test_the_penalty_is_the_printed_one(network):
    weights, x, y, _ = network
    training.set_precision("float64")
    config = dataclasses.replace(experiment.VARIANTS["few_l2_large"], batch_size=len(x))
    model = experiment.build_model(config)
    model.set_weights(weights)
    labels, answer = y.argmax(axis=0), model(x)
    plain = experiment.losses.negative_log_likelihood(labels, answer)
    squares = sum((weight**2).sum() for weight in weights[0::2])
    penalised = experiment.regularised_cost(model, config)(labels, answer)
    assert float(penalised) - float(plain) == pytest.approx(0.1 / (2 * len(x)) * squares)


@pytest.mark.usefixtures("module_data_dir")
class TestTraining:
    """A few small runs on real images."""

    @pytest.fixture(scope="class")
    def trained(self, module_data_dir):
        configs = {
            name: dataclasses.replace(experiment.VARIANTS[name], **TINY)
            for name in ("as_written", "few_l2_large", "plateau_momentum")
        }
        return {name: list(experiment.run(config, [0, 1, 0])) for name, config in configs.items()}

    def test_metrics_are_declared(self, trained):
        for records in trained.values():
            assert set(records[0]) <= set(TOML.metrics)

    def test_it_learns(self, trained):
        first, second, _ = trained["as_written"]
        assert first["evaluated_epochs"] == [0, 1, 2]
        assert first["losses"][1] < first["losses"][0] != second["losses"][0]
        assert first["test_accuracy"][2] > first["test_accuracy"][0]

    def test_a_seed_repeats_after_another_has_run(self, trained):
        for first, _, again in trained.values():
            assert first == again

    def test_the_start_is_normal_with_biases_of_zero(self):
        model = experiment.build_model(experiment.Config())
        weights = experiment.start(model, 3, 0.05)
        assert weights[0].std() == pytest.approx(0.05, rel=0.01)
        assert not any(bias.any() for bias in weights[1::2])

"""The notes' formulas can fail, their claims come out either way, and a small run trains."""

import dataclasses
import pathlib

import numpy as np
import pytest

from common import claims, judge, training
from common.data import mnist
from common.protocols import notes
from reproductions.mnist_mlp import derivation, experiment, optimizers, running_loss, widths
from tests import judging

TOML = claims.load(pathlib.Path(experiment.__file__).with_name("claims.toml"))
SMALL = {"training_images": 640, "epochs": 2}


@pytest.fixture(scope="module")
def derived():
    """Two records of the derivation."""
    return list(derivation.run(derivation.VARIANTS["derivation"], [0, 1]))


def verdicts_on(measured):
    """The verdicts on all claims, where each variant measured this for every seed."""
    return judging.verdicts(TOML, judging.records_of(measured, data={"mnist": "3.0.1"}))


# --- The derivation -----------------------------------------------------------------------------


def test_every_metric_of_the_derivation_is_declared(derived):
    assert set(derived[0]) <= set(TOML.metrics)


def test_shapes_and_counts_come_from_the_model(derived):
    assert derived[0]["kernel_shapes"] == [784, 128, 128, 64, 64, 10]
    narrow = derivation.counts(derivation.build_model((5,)))
    assert narrow["kernel_shapes"] == [784, 5, 5, 10]
    assert narrow["first_layer_weights"] == 3920


def test_verdicts_on_the_derivation(derived):
    found = verdicts_on({"derivation": derived[0]})
    own = {claim.id: found[claim.id] for claim in TOML.claims if claim.variant == "derivation"}
    refuted = {claim for claim, verdict in own.items() if verdict == judge.REFUTED}
    assert refuted == {"listing-updates-everything", "glorot-initialisation", "adam-accelerates"}
    assert set(own.values()) == {judge.CONFIRMED, judge.REFUTED}


def test_a_broken_delta_1_is_seen():
    training.set_precision("float64")
    model = derivation.build_model((128, 64))
    rng = np.random.default_rng(7)
    model.set_weights(training.initial_weights(model, rng, notes.pytorch))
    x, labels = rng.uniform(size=(8, 784)), rng.integers(10, size=8)
    exact = training.gradients(model, derivation.losses.negative_log_likelihood, x, labels)[0]

    def gap(**slope):
        delta = derivation.delta_1(model.get_weights(), x, np.eye(10)[labels], **slope)
        return np.abs(x.T @ delta / len(x) - exact).max()

    assert gap() < 1e-12
    assert gap(slope=derivation.relu) > 1e-3
    assert gap(slope=np.ones_like) > 1e-3


def test_a_listing_without_its_relu_derivative_is_seen(monkeypatch):
    monkeypatch.setattr(derivation, "relu_slope", np.ones_like)
    broken = next(derivation.run(derivation.VARIANTS["derivation"], [0]))
    found = verdicts_on({"derivation": broken})
    assert found["listing-is-the-gradient"] == judge.REFUTED


def test_gradient_descent_neither_slows_nor_speeds_up(monkeypatch):
    """The claims on Adam fall for an optimizer whose steps are the rate times the gradient."""
    monkeypatch.setattr(derivation.optimizers, "Adam", derivation.keras.optimizers.SGD)
    found = verdicts_on({"derivation": next(derivation.run(derivation.Config(), [0]))})
    assert found["adam-is-faster-in-one-direction"] == judge.REFUTED
    assert found["adam-slows-large-gradients"] != judge.CONFIRMED


def test_glorot_s_own_draw_passes(derived, monkeypatch):
    monkeypatch.setattr(derivation.notes, "pytorch", training.glorot)
    glorot = next(derivation.run(derivation.VARIANTS["derivation"], [0]))
    assert glorot["glorot_gap"] < 0.1 < derived[0]["glorot_gap"]


def test_the_pytorch_scheme_is_what_nn_linear_draws():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = torch.nn.Linear(784, 128)
    training.set_precision("float32")
    model = experiment.build_model(experiment.Config())
    drawn = training.initial_weights(model, np.random.default_rng(0), notes.pytorch)
    for ours, theirs in zip(drawn[:2], (layer.weight, layer.bias), strict=True):
        values = theirs.detach().numpy()
        assert np.abs(values).max() <= 1 / 28 and np.abs(ours).max() <= 1 / 28
        assert ours.std() == pytest.approx(values.std(), rel=0.2)


# --- Rates, widths, memory ----------------------------------------------------------------------


def test_passes_are_counted_until_the_level():
    assert optimizers.passes_needed(np.array([0.9, 0.4, 0.2, 0.5]), 0.3) == 3
    assert optimizers.passes_needed(np.array([0.9, np.nan, 0.4]), 0.3) == 4


@pytest.mark.parametrize(
    ("adam", "sgd", "faster", "untuned"),
    [
        ([9, 5, 4, 5, 21, 21], [21, 21, 21, 21, 11, 6], judge.CONFIRMED, judge.CONFIRMED),
        ([21, 5, 4, 5, 21, 21], [21, 21, 6, 6, 6, 6], judge.REFUTED, judge.REFUTED),
    ],
)
def test_adam_may_be_hardly_faster_and_need_tuning(adam, sgd, faster, untuned):
    found = verdicts_on({"rates": optimizers.measured(adam, sgd, optimizers.Config())})
    assert found["adam-converges-faster"] == faster
    assert found["adam-needs-no-tuning"] == untuned


@pytest.mark.parametrize(("others", "verdict"), [(1.5, judge.CONFIRMED), (1.05, judge.REFUTED)])
def test_a_width_of_128_may_be_much_faster_or_hardly(others, verdict):
    measured = {"power_of_two_seconds": 1.0, "neighbours_seconds": others}
    assert verdicts_on({"power_of_two": measured})["power-of-two-is-faster"] == verdict


def test_widths_are_timed():
    config = dataclasses.replace(widths.Config(), steps=2, repetitions=1)
    record = next(widths.run(config, [0]))
    assert set(record) <= set(TOML.metrics)
    assert min(record.values()) > 0


def test_what_running_loss_keeps():
    torch = pytest.importorskip("torch")
    few = dataclasses.replace(running_loss.Config(), batches=5)
    record = next(running_loss.run(few, [0]))
    assert set(record) <= set(TOML.metrics)
    assert record["operations_kept"] > 5 * 8  # more than the operations of each batch
    assert running_loss.operations_behind(torch.ones(3)) == 0
    assert running_loss.operations_behind(2.0) == 0


def test_memory_may_run_out():
    measured = {"megabytes_with_item": 0.1, "operations_kept": 10_000}
    for megabytes, verdict in ((8, judge.REFUTED), (900, judge.CONFIRMED)):
        found = verdicts_on({"running_loss": measured | {"megabytes_without_item": megabytes}})
        assert found["running-loss-without-item"] == verdict
        assert found["item-saves-memory"] == judge.CONFIRMED


# --- Training -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "test", "overfits"),
    [
        ([0.5, 0.995], [0.5, 0.93], 1),
        ([0.995, 0.90], [0.93, 0.89], 1),  # at some evaluation
        ([0.5, 0.98], [0.5, 0.80], 0),  # it does not know its images by heart
        ([0.5, 0.995], [0.5, 0.985], 0),  # it knows the others, too
    ],
)
def test_overfitting_is_the_notes_own(train, test, overfits):
    evaluations = {
        epoch: {
            "train_accuracy": known,
            "test_accuracy": new,
            "train_loss": 1.0,
            "test_loss": 1.0,
            "began": 0.0,
            "ended": 0.0,
        }
        for epoch, (known, new) in enumerate(zip(train, test, strict=True))
    }
    history = training.History(np.ones(1), evaluations)
    measured = experiment.curves_of(history, range(2))
    assert measured["overfits"] == overfits
    assert measured["gap"] == pytest.approx(train[-1] - test[-1], abs=1e-6)


@pytest.mark.parametrize(
    ("claim", "sound", "broken"),
    [
        (
            "early-stopping-cross-entropy-rises",
            {"few_images": {"test_loss": [2.3, 0.3, 0.28, *[0.3] * 7, 0.4]}},
            {"few_images": {"test_loss": [2.3, 0.3, 0.28, *[0.3] * 7, 0.2]}},
        ),
        ("large-numbers-can-overfit", {"few_images_wide": {"overfits": 1}}, {}),
        (
            "dropout-prevents-overfitting",
            {"few_images_dropout": {"gap": 0.05}, "few_images": {"gap": 0.06}},
            {"few_images_dropout": {"gap": 0.07}, "few_images": {"gap": 0.06}},
        ),
        (
            "large-numbers-photographic-memory",
            {"memory_wide": {"train_accuracy": [0.1, 0.99]}},
            {"memory_wide": {"train_accuracy": [0.1, 0.9]}},
        ),
        (
            "bottleneck-is-fast",
            {"bottleneck": {"seconds_per_epoch": 0.2}, "as_written": {"seconds_per_epoch": 0.4}},
            {"bottleneck": {"seconds_per_epoch": 0.3}, "as_written": {"seconds_per_epoch": 0.4}},
        ),
        (
            "exercise-difference",
            {"exercise_sgd": {"losses": [2.2, 1.8]}, "exercise_adam": {"losses": [0.4, 0.2]}},
            {"exercise_sgd": {"losses": [0.5, 0.3]}, "exercise_adam": {"losses": [0.4, 0.2]}},
        ),
        (
            "earlier-network-struggles-to-90",
            {"as_written": {"test_accuracy": [0.1, 0.8, 0.905]}},
            {"as_written": {"test_accuracy": [0.1, 0.94, 0.953]}},
        ),
    ],
)
def test_claims_on_trainings_come_out_either_way(claim, sound, broken):
    assert verdicts_on(sound)[claim] == judge.CONFIRMED
    broken = broken or {variant: dict.fromkeys(values, 0) for variant, values in sound.items()}
    assert verdicts_on(broken)[claim] == judge.REFUTED


@pytest.mark.usefixtures("module_data_dir")
class TestTraining:
    """A few small runs on real images."""

    @pytest.fixture(scope="class")
    def trained(self, module_data_dir):
        configs = {
            "as_written": experiment.VARIANTS["as_written"],
            "remedies": dataclasses.replace(experiment.VARIANTS["few_images_l2"], dropout=0.2),
        }
        return {
            name: list(experiment.run(dataclasses.replace(config, **SMALL), [0, 1, 0]))
            for name, config in configs.items()
        }

    def test_inputs_are_what_the_companion_code_feeds(self, module_data_dir):
        images = mnist.load().train_images[:3]
        ours = experiment.inputs_of(images, experiment.Config())
        totensor_normalize = (images.reshape(3, 784).astype("float32") / 255 - 0.5) / 0.5
        np.testing.assert_allclose(ours, totensor_normalize, atol=1e-6)
        assert experiment.inputs_of(images, experiment.VARIANTS["unit_range"]).min() == 0

    def test_metrics_are_declared(self, trained):
        for records in trained.values():
            assert set(records[0]) <= set(TOML.metrics)

    def test_it_learns_and_counts(self, trained):
        first, second, _ = trained["as_written"]
        assert first["evaluated_epochs"] == [0, 1, 2]
        assert first["losses"][1] < first["losses"][0] != second["losses"][0]
        assert first["test_accuracy"][2] > 0.4 > first["test_accuracy"][0]

    def test_a_seed_repeats_after_another_has_run(self, trained):
        for first, _, again in trained.values():
            for metric in ("losses", "test_accuracy", "train_loss", "weight_size"):
                assert again[metric] == first[metric]

    def test_shuffled_labels_are_the_same_labels_in_another_order(self, module_data_dir):
        config = experiment.VARIANTS["memory"]
        one, other = (experiment.labels_of(mnist.load(), config, seed) for seed in (0, 1))
        assert np.bincount(one).tolist() == np.bincount(other).tolist()
        assert (one != other).any()

"""The derivations can fail, shapes come from the model, and a small run trains and plots."""

import dataclasses
import os
import pathlib

import numpy as np
import pytest

from common import claims, data, errors, training
from reproductions import mnist_mlp

TOML = pathlib.Path(mnist_mlp.__file__).with_suffix(".toml")


@pytest.fixture(scope="module")
def reproduction():
    return claims.load(TOML)


@pytest.fixture(scope="module")
def derived():
    """Two records of the derivation."""
    return list(mnist_mlp.run(mnist_mlp.VARIANTS["derivation"], [0, 1]))


@pytest.fixture(scope="module")
def network():
    """A small batch through 784-128-64-10 in float64: weights, images, labels, exact gradients."""
    training.set_precision("float64")
    config = mnist_mlp.VARIANTS["derivation"]
    model = mnist_mlp.build_model(config)
    rng = np.random.default_rng(7)
    weights = mnist_mlp.initial_weights(model, 7, config)
    x, labels = rng.uniform(size=(8, 784)), rng.integers(10, size=8)
    model.set_weights(weights)
    exact = training.gradients(model, mnist_mlp.negative_log_likelihood, x, labels)
    return weights, x, np.eye(10)[labels], exact


@pytest.fixture(scope="module")
def mnist():
    """Real MNIST where there is a copy, else the stand-in."""
    before = dict(os.environ)
    try:
        data.mnist.cache_clear()
        return data.mnist()
    except errors.UserError:
        os.environ["REPRODUCTION_STAND_IN"] = "mnist"
        return data.mnist()
    finally:
        os.environ.clear()
        os.environ.update(before)


# --- The TOML beside the module -----------------------------------------------------------------


def test_every_measured_claim_reads_a_metric_that_its_variant_yields(reproduction, derived):
    for claim in reproduction.claims:
        if claim.variant == "derivation":
            assert claim.metric in derived[0], claim.id


# --- The derivation -----------------------------------------------------------------------------


def test_the_derivation_yields_declared_metrics_only(reproduction, derived):
    assert set(derived[0]) <= set(reproduction.metrics)


def test_shapes_and_counts_come_from_the_model(derived):
    assert derived[0]["layer_sizes"] == [784, 128, 64, 10]
    assert derived[0]["weight_count"] == 784 * 128 + 128 * 64 + 64 * 10
    assert derived[0]["parameter_count"] == derived[0]["weight_count"] + 128 + 64 + 10
    narrow = mnist_mlp.build_model(mnist_mlp.Config(hidden=(5,)))
    assert narrow.count_params() == 784 * 5 + 5 + 5 * 10 + 10


@pytest.mark.parametrize(
    "metric",
    [
        "forward_gap",
        "columns_gap",
        "backward_gap",
        "single_example_gap",
        "delta_1_gap",
        "likelihood_gap",
        "cost_gap",
        "algorithm_cost_gap",
        "l2_gradient_gap",
        "listing_gap",
        "softmax_sum_gap",
        "adam_bias_gap",
        "momentum_average_gap",
        "momentum_gap",
    ],
)
def test_sound_formulas_agree_with_autodiff(derived, metric):
    assert max(record[metric] for record in derived) < 1e-10


@pytest.mark.parametrize(
    "metric",
    ["printed_algorithm_gap", "halved_cost_gap", "listing_omitted_gradient", "glorot_spread_gap"],
)
def test_misprints_disagree_for_every_seed(derived, metric):
    assert min(record[metric] for record in derived) > 1e-3


def test_a_broken_backward_pass_is_seen(network):
    weights, x, y, exact = network
    net = mnist_mlp.forward_in_columns(weights, x.T)
    sound = mnist_mlp.backward_in_columns(net, y.T)
    np.testing.assert_allclose(sound["dw"][0].T, exact[0], atol=1e-12)
    broken = mnist_mlp.backward_in_columns(net, y.T, slope=np.ones_like)
    assert np.abs(broken["dw"][0].T - exact[0]).max() > 1e-3
    swapped = mnist_mlp.backward_in_columns(net, 1 - y.T)
    assert np.abs(swapped["dw"][2].T - exact[4]).max() > 1e-3


def test_a_broken_delta_1_is_seen(network, monkeypatch):
    weights, x, y, exact = network

    def gap():
        delta_1 = mnist_mlp.notes_delta_1(weights, x, y)["delta_1"]
        return np.abs(x.T @ delta_1 / len(x) - exact[0]).max()

    assert gap() < 1e-12
    monkeypatch.setattr(mnist_mlp, "relu_slope", mnist_mlp.relu)
    assert gap() > 1e-3


def test_adam_with_epsilon_outside_is_the_suite_s_adam():
    training.set_precision("float64")
    gradients = [np.array([1e-6, -0.3, 2.0]), np.array([1e-5, 0.1, -1.0])]
    steps = mnist_mlp._moves(training.Adam(0.01), gradients)
    outside = mnist_mlp.adam_steps(gradients, 0.01, inside=False)
    inside = mnist_mlp.adam_steps(gradients, 0.01, inside=True)
    np.testing.assert_allclose(steps, outside, rtol=1e-9)
    assert np.abs(inside / outside - 1).max() > 0.5


def test_the_pytorch_scheme_is_what_nn_linear_draws():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = torch.nn.Linear(784, 128)
    training.set_precision("float32")
    model = mnist_mlp.build_model(mnist_mlp.Config())
    kernel, bias = mnist_mlp.initial_weights(model, 0, mnist_mlp.Config())[:2]
    drawn = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    for ours, theirs in zip((kernel, bias), drawn, strict=True):
        assert np.abs(theirs).max() <= 1 / 28 and np.abs(ours).max() <= 1 / 28
        assert ours.std() == pytest.approx(theirs.std(), rel=0.2)
    assert drawn[0].max() > 0.99 / 28


# --- Training -----------------------------------------------------------------------------------


def test_inputs_are_what_the_companion_code_feeds(mnist):
    images = mnist.train_images[:3]
    ours = mnist_mlp._inputs(images, mnist_mlp.Config())
    totensor_normalize = (images.reshape(3, 784).astype("float32") / 255 - 0.5) / 0.5
    np.testing.assert_allclose(ours, totensor_normalize, atol=1e-6)
    assert mnist_mlp._inputs(images, mnist_mlp.VARIANTS["unit_range"]).min() == 0


def test_the_printed_slope_changes_only_the_backward_pass(network):
    weights, x, y, exact = network
    training.set_precision("float64")
    config = mnist_mlp.VARIANTS["handwritten_as_printed"]
    model = mnist_mlp.build_model(config)
    model.set_weights(weights)
    net = mnist_mlp.forward_in_columns(weights, x.T)
    np.testing.assert_allclose(np.exp(model(x)), net.a[-1].T, atol=1e-12)
    printed = mnist_mlp.backward_in_columns(net, y.T, slope=mnist_mlp.relu)
    gradients = training.gradients(model, mnist_mlp.negative_log_likelihood, x, y.argmax(axis=1))
    np.testing.assert_allclose(gradients[0], printed["dw"][0].T, atol=1e-12)
    assert np.abs(gradients[0] - exact[0]).max() > 1e-3


SMALL = {"training_images": 640, "epochs": 2}


@pytest.fixture(scope="module")
def trained(mnist):
    """A few small runs: what the smoke profile does, on real images where there are any."""
    before = os.environ.get("REPRODUCTION_STAND_IN")
    if mnist.version.startswith("stand-in"):
        os.environ["REPRODUCTION_STAND_IN"] = "mnist"
    data.mnist.cache_clear()
    configs = {
        "as_written": mnist_mlp.VARIANTS["as_written"],
        "long": dataclasses.replace(mnist_mlp.VARIANTS["long"], dropout=0.2, l2=0.1),
    }
    try:
        return {
            name: list(mnist_mlp.run(dataclasses.replace(config, **SMALL), [0, 1, 0]))
            for name, config in configs.items()
        }
    finally:
        if before is None:
            os.environ.pop("REPRODUCTION_STAND_IN", None)
        data.mnist.cache_clear()


def test_training_yields_declared_metrics_only(reproduction, trained):
    for records in trained.values():
        assert set(records[0]) <= set(reproduction.metrics)


def test_training_learns_and_counts(trained):
    first, second, _ = trained["as_written"]
    assert first["parameter_count"] == 109_386
    assert first["updates_per_epoch"] == 640 / 64
    assert first["epochs_run"] == 2 and first["evaluated_epochs"] == [0, 1, 2]
    assert first["input_range"] == [-1.0, 1.0]
    assert first["losses"][1] < first["losses"][0]
    assert first["test_accuracy"][2] > 0.4 > first["test_accuracy"][0]
    assert first["losses"] != second["losses"]


def test_a_seed_repeats_after_another_has_run(trained):
    for first, _, again in trained.values():
        for metric in ("losses", "test_accuracy", "train_loss", "weight_size"):
            assert again[metric] == first[metric]


def test_plot_draws_what_there_is(trained, derived, tmp_path):
    stored = {
        name: [{"seed": seed, "measurements": values} for seed, values in enumerate(records)]
        for name, records in {**trained, "derivation": derived}.items()
    }
    captions = mnist_mlp.plot(stored, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == captions.keys()
    assert {"networks.png", "widths.png", "overfitting.png"} <= captions.keys()
    assert all((tmp_path / name).stat().st_size > 5000 for name in captions)

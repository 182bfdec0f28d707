"""The autoencoder against the library's rule in plain NumPy, what it prints, and its baselines."""

import dataclasses
import pathlib

import numpy as np
import pytest
import sklearn.decomposition

from common import claims, judge, training
from common.data import mnist as mnist_data
from common.protocols import paper, pictures
from reproductions.autoencoder import experiment
from tests import judging

TOML = claims.load(pathlib.Path(experiment.__file__).with_name("claims.toml"))
SIZES = (784, 128, 9, 128, 784)
RNG = np.random.default_rng(0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def library_epochs(weights, inputs, targets, rate, epochs):
    """The library's loop: its delta is 2 (yhat - y) yhat (1 - yhat), one picture at a time."""
    weights = [array.copy() for array in weights]
    for _ in range(epochs):
        for x, y in zip(inputs, targets, strict=True):
            outputs = [x]
            for W, b in zip(weights[::2], weights[1::2], strict=True):
                outputs.append(sigmoid(outputs[-1] @ W + b))
            delta = 2 * (outputs[-1] - y) * outputs[-1] * (1 - outputs[-1])
            for layer in reversed(range(len(weights) // 2)):
                W, below = weights[2 * layer], outputs[layer]
                passed = (W @ delta) * below * (1 - below)  # by the weights before their update
                weights[2 * layer] = W - rate * np.outer(below, delta)
                weights[2 * layer + 1] = weights[2 * layer + 1] - rate * delta
                delta = passed
    return weights


@pytest.fixture
def float64():
    training.set_precision("float64")
    yield
    training.set_precision("float32")


@pytest.mark.usefixtures("float64")
def test_training_follows_the_librarys_rule_step_by_step():
    config = experiment.VARIANTS["as_written"]
    model = experiment.build_model(config)
    assert [model.input_shape[1], *(layer.units for layer in model.layers)] == [*SIZES]
    rows = RNG.uniform(size=(6, 784))
    start = paper.initial_weights(model, np.random.default_rng(3), config.initialisation)
    trainer = pictures.build_trainer(
        model,
        paper.build_optimizer(config.optimizer, config.learning_rate, 6),
        epochs=2,
        batch_size=config.batch_size,
        shuffle=config.shuffle,
    )
    trainer.train(rows, rows, weights=start, seed=3)
    expected = library_epochs(start, rows, rows, 0.01, epochs=2)
    for measured, wanted, first in zip(model.get_weights(), expected, start, strict=True):
        np.testing.assert_allclose(measured, wanted, rtol=0, atol=1e-6)
        assert np.abs(measured - first).max() > 1e-5, "nothing was learnt in this layer"


def test_the_printed_loss_is_numpys_broadcast_and_consists_of_three_parts():
    y, p = RNG.uniform(size=(2, 784))
    printed = paper.broadcast_squared_error(y, p)
    assert printed == pytest.approx(np.mean((y - p.reshape(784, 1)) ** 2), rel=1e-12)
    (parts,) = pictures.printed_loss_parts(y[np.newaxis], p[np.newaxis])
    by_hand = [np.var(y), np.var(p), (np.mean(y) - np.mean(p)) ** 2]
    np.testing.assert_allclose(parts, by_hand, rtol=1e-12)
    assert parts.sum() == pytest.approx(printed, rel=1e-12)
    shuffled = RNG.permutation(p)
    assert paper.broadcast_squared_error(y, shuffled) == pytest.approx(printed, rel=1e-12)
    perfect = paper.broadcast_squared_error(y, y)
    assert perfect == pytest.approx(2 * np.var(y), rel=1e-12), "a perfect copy costs, too"


def test_principal_components_are_nested_and_those_of_scikit_learn():
    rows = np.clip(RNG.normal(0.5, 0.1, size=(300, 784)), 0, 1)
    pca = pictures.principal_components(rows, 20)
    for count in (9, 20):
        own = sklearn.decomposition.PCA(count, svd_solver="full").fit(rows)
        expected = np.clip(own.inverse_transform(own.transform(rows)), 0, 1)
        redrawn = pictures.linear_reconstruction(pca, rows, count)
        np.testing.assert_allclose(redrawn, expected, atol=1e-8)


def test_rare_images_are_those_farthest_from_the_mean_image():
    rows = np.zeros((20, 784))
    rows[[4, 17]] = 1
    assert sorted(experiment.rare_rows(rows, 0.1)) == [4, 17]


def test_log_lines_stand_where_the_cited_curve_says():
    epochs = pictures.logged_epochs(experiment.VARIANTS["as_written"].epochs)
    curve = TOML.curves["printed"]
    assert [epochs[i] for i in curve.index] == [int(x) for x in curve.x] == [*range(1, 200, 10)]
    assert epochs[0] == 0
    assert epochs[-1] == 200


# --- A short run --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def short_run():
    """A run on 300 made-up pictures: its records, and the pictures it trained on."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, size=(400, 28, 28), dtype="uint8")
    digits = rng.integers(0, 10, size=400)
    mnist = mnist_data.Mnist(images[:300], digits[:300], images[300:], digits[300:], "fake")
    config = dataclasses.replace(
        experiment.VARIANTS["as_written"], images=100, epochs=12, classifier_epochs=1
    )
    seen, train = [], training.Trainer.train

    def watched(trainer, inputs, targets, **options):
        seen.append((np.asarray(inputs), np.asarray(targets)))
        return train(trainer, inputs, targets, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist_data, "load", lambda: mnist)
        patch.setattr(training.Trainer, "train", watched)
        measured = list(experiment.run(config, [5, 0]))
    return mnist, measured, seen


def test_the_first_80_percent_train_and_the_judge_sees_only_others(short_run):
    mnist, _, ((judged, _), (inputs, targets), _) = short_run
    rows = mnist.train_images.reshape(300, 784) / 255
    np.testing.assert_allclose(inputs, rows[:80], atol=1e-6)
    np.testing.assert_array_equal(inputs, targets)
    np.testing.assert_allclose(judged, rows[150:], atol=1e-6)  # half of a small data set


def test_what_is_measured_is_consistent(short_run):
    mnist, measured, _ = short_run
    for record in measured:
        assert record["logged_epochs"] == [0, 1, 11, 12]
        excess = np.subtract(record["printed_loss"], record["last_image_error"])
        assert record["largest_printed_loss_excess"] == pytest.approx(excess.max(), rel=1e-3)
        for name in experiment.AT_THE_END:
            assert record[f"final_{name}"] == record[name][-1]
        train = mnist.train_images[:80].reshape(80, 784) / 255
        mean_error = np.mean((train - train.mean(axis=0)) ** 2)
        assert record["mean_image_train_error"] == pytest.approx(mean_error, rel=1e-4)
    assert measured[0]["test_error"] != measured[1]["test_error"], "two seeds, two starts"
    assert "pictures_test" not in measured[0]
    assert measured[1]["pictured_epochs"] == [0, 1, 12]
    assert measured[1]["pictures_redrawn_test"].shape == (3, 6, 784)


def test_digits_are_told_from_a_code_that_knows_them_and_from_no_other():
    config = experiment.VARIANTS["as_written"]
    labels = np.arange(400) % 10
    known = np.eye(10)[labels][:, :9] + RNG.normal(0, 0.01, size=(400, 9))
    digits = pictures.Digits(known[:300], labels[:300], known[300:], labels[300:])
    codes = experiment.Codes(known[:300], known[300:])
    assert experiment.code_accuracy(codes, digits, config) == 1
    noise = RNG.normal(size=(400, 9))
    assert (
        experiment.code_accuracy(experiment.Codes(noise[:300], noise[300:]), digits, config) < 0.3
    )


def test_the_code_is_what_the_second_layer_gives():
    model = experiment.build_model(experiment.VARIANTS["as_written"])
    rows = RNG.uniform(size=(3, 784)).astype("float32")
    digits = pictures.Digits(rows, np.zeros(3), rows[:2], np.zeros(2))
    W1, b1, W2, b2, *_ = model.get_weights()
    code = sigmoid(sigmoid(rows @ W1 + b1) @ W2 + b2)
    np.testing.assert_allclose(experiment.code_of(model, digits).train, code, atol=1e-5)
    np.testing.assert_allclose(experiment.code_of(model, digits).test, code[:2], atol=1e-5)


# --- Claims -------------------------------------------------------------------------------------

# A run as the sentences have it; each test breaks one measurement.
GOOD = {
    "printed_loss": [0.44, 0.20, 0.15] + [0.2] * 19,
    "kept_class": [0.1, 0.1] + [0.9] * 20,
    "train_error": [0.45, 0.12, 0.07] + [0.03] * 19,
    "test_error": [0.45, 0.12, 0.07] + [0.03] * 19,
    "rare_error": [0.45, 0.16, 0.11] + [0.03] * 19,
    "last_image_error": [0.45, 0.15, 0.10] + [0.03] * 19,
    "final_printed_loss": 0.2,
    "final_test_error": 0.03,
    "final_train_error": 0.029,
    "final_rare_error": 0.2,
    "final_last_image_error": 0.2,
    "pca_9_test_error": 0.035,
    "pca_9_kept_class": 0.8,
    "mean_image_train_error": 0.2,
    "code_accuracy": 0.9,
    "untrained_code_accuracy": 0.3,
    "largest_printed_loss_excess": 0.0,
    "linearity_gap": 0.0,
}
AS_BAD = [0.45, 0.12, 0.07] + [0.04] * 19
BROKEN = [
    ("autoencoder-result-beats-linear-code", {"test_error": AS_BAD}),
    ("autoencoder-result-keeps-the-digit", {"kept_class": [0.1] * 21 + [0.7]}),
    ("autoencoder-trained-correctly", {"final_test_error": 0.13}),
    ("autoencoder-first-epoch-leaves-to-be-desired", {"kept_class": [0.1] + [0.8] * 21}),
    ("autoencoder-test-error-is-larger", {"final_test_error": 0.02}),
    ("autoencoder-printed-loss-rises", {"final_printed_loss": 0.14}),
    ("autoencoder-error-of-that-image-rises", {"final_last_image_error": 0.03}),
    ("autoencoder-rare-images-suffer", {"final_rare_error": 0.03}),
    ("autoencoder-first-epoch-loss-is-low", {"printed_loss": [0.3, 0.2] + [0.2] * 20}),
    ("autoencoder-first-epoch-error-very-low", {"mean_image_train_error": 0.07}),
    ("autoencoder-features-without-labels", {"code_accuracy": 0.4}),
    ("autoencoder-features-are-learnt", {"untrained_code_accuracy": 0.85}),
    ("autoencoder-loss-is-the-error", {"largest_printed_loss_excess": 0.19}),
    ("autoencoder-linear", {"linearity_gap": 0.9}),
]


def verdict(claim, **changes):
    stored = judging.records_of({"as_written": {**GOOD, **changes}}, data={})
    return judging.verdict(TOML, claim, stored)


@pytest.mark.parametrize(("claim", "broken"), BROKEN, ids=[claim for claim, _ in BROKEN])
def test_a_claim_falls_where_its_measurement_is_broken(claim, broken):
    assert verdict(claim) == judge.CONFIRMED
    assert verdict(claim, **broken) == judge.REFUTED


def test_an_error_that_falls_is_told_from_one_that_rises():
    assert verdict("autoencoder-error-rises") == judge.REFUTED
    assert verdict("autoencoder-error-rises", final_train_error=0.08) == judge.CONFIRMED


@pytest.mark.parametrize("seeds", [8, 120])
def test_the_log_is_one_curve_that_another_would_not_pass(seeds):
    """Runs like the log pass it; with a common shift, or flat, they do not."""
    cited = np.array(TOML.curves["printed"].points[1])
    rng = np.random.default_rng(5)

    def judged(centre):
        runs = centre + rng.normal(0, 0.004, (seeds, 1)) + rng.normal(0, 0.004, (seeds, len(cited)))
        stored = [
            {"seed": seed, "config": {}, "shortened": {}, "data": {}, "measurements": measured}
            for seed, run in enumerate(runs)
            for measured in [{"printed_loss": [0.4, *run, 0.2]}]
        ]
        found = judge.judge(TOML, {"as_written": stored}, seeds={"as_written": seeds})
        return next(each.verdict for each in found if each.claim == "autoencoder-printed-loss")

    assert judged(cited) in {judge.CONSISTENT, judge.CONFIRMED}
    assert judged(cited - 0.03) == judge.REFUTED
    assert judged(np.full(len(cited), 0.15)) == judge.REFUTED

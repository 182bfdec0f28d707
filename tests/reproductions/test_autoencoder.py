"""The autoencoder against the library's rule in plain NumPy, what it prints, and its baselines."""

import dataclasses
import pathlib

import numpy as np
import pytest
import sklearn.decomposition

from common import claims, data, images, judge, paper_library, training
from reproductions import autoencoder

TOML = claims.load(pathlib.Path(autoencoder.__file__).with_suffix(".toml"))
SIZES = (784, 128, 9, 128, 784)
RNG = np.random.default_rng(0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def library_epochs(weights, pictures, targets, rate, epochs):
    """The library's loop: its delta is 2 (yhat - y) yhat (1 - yhat), one picture at a time."""
    weights = [array.copy() for array in weights]
    for _ in range(epochs):
        for x, y in zip(pictures, targets, strict=True):
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
    config = autoencoder.VARIANTS["as_written"]
    model = autoencoder.build_model(config)
    assert [model.input_shape[1], *(layer.units for layer in model.layers)] == [*SIZES]
    pictures = RNG.uniform(size=(6, 784))
    start = training.initial_weights(model, np.random.default_rng(3), config.initialisation)
    trainer = training.Trainer(
        model,
        paper_library.build_optimizer(config.optimizer, config.learning_rate, 6),
        paper_library.squared_error,
        epochs=2,
        batch_size=config.batch_size,
        shuffle=config.shuffle,
    )
    trainer.train(pictures, pictures, weights=start, seed=3)
    expected = library_epochs(start, pictures, pictures, 0.01, epochs=2)
    for measured, wanted, first in zip(model.get_weights(), expected, start, strict=True):
        np.testing.assert_allclose(measured, wanted, rtol=0, atol=1e-6)
        assert np.abs(measured - first).max() > 1e-5, "nothing was learnt in this layer"


def test_the_printed_loss_is_numpys_broadcast_and_consists_of_three_parts():
    y, p = RNG.uniform(size=(2, 784))
    printed = paper_library.broadcast_squared_error(y, p)
    assert printed == pytest.approx(np.mean((y - p.reshape(784, 1)) ** 2), rel=1e-12)
    (parts,) = images.printed_loss_parts(y[np.newaxis], p[np.newaxis])
    by_hand = [np.var(y), np.var(p), (np.mean(y) - np.mean(p)) ** 2]
    np.testing.assert_allclose(parts, by_hand, rtol=1e-12)
    assert parts.sum() == pytest.approx(printed, rel=1e-12)
    shuffled = RNG.permutation(p)
    assert paper_library.broadcast_squared_error(y, shuffled) == pytest.approx(printed, rel=1e-12)
    perfect = paper_library.broadcast_squared_error(y, y)
    assert perfect == pytest.approx(2 * np.var(y), rel=1e-12), "a perfect copy costs, too"


def test_principal_components_are_nested_and_those_of_scikit_learn():
    pictures = np.clip(RNG.normal(0.5, 0.1, size=(300, 784)), 0, 1)
    pca = images.principal_components(pictures, 20)
    for count in (9, 20):
        own = sklearn.decomposition.PCA(count, svd_solver="full").fit(pictures)
        expected = np.clip(own.inverse_transform(own.transform(pictures)), 0, 1)
        redrawn = images.linear_reconstruction(pca, pictures, count)
        np.testing.assert_allclose(redrawn, expected, atol=1e-8)


def test_rare_images_are_those_farthest_from_the_mean_image():
    pictures = np.zeros((20, 784))
    pictures[[4, 17]] = 1
    assert sorted(autoencoder._rare(pictures, 0.1)) == [4, 17]


def test_log_lines_stand_where_the_cited_curve_says():
    epochs = autoencoder.logged_epochs(autoencoder.VARIANTS["as_written"])
    curve = TOML.curves["printed"]
    assert [epochs[i] for i in curve.index] == [int(x) for x in curve.x] == [*range(1, 200, 10)]
    assert epochs[0] == 0
    assert epochs[-1] == 200


# --- A short run --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def short_run():
    """A run on 300 made-up pictures: its records, and the pictures it trained on."""
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, size=(400, 28, 28), dtype="uint8")
    digits = rng.integers(0, 10, size=400)
    mnist = data.Mnist(pictures[:300], digits[:300], pictures[300:], digits[300:], version="fake")
    config = dataclasses.replace(
        autoencoder.VARIANTS["as_written"], images=100, epochs=12, classifier_epochs=1
    )
    seen, train = [], training.Trainer.train

    def watched(trainer, inputs, targets, **options):
        seen.append((np.asarray(inputs), np.asarray(targets)))
        return train(trainer, inputs, targets, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "mnist", lambda: mnist)
        patch.setattr(training.Trainer, "train", watched)
        measured = list(autoencoder.run(config, [5, 0]))
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
        assert record["largest_printed_parts_gap"] < 1e-6
        excess = np.subtract(record["printed_loss"], record["last_image_error"])
        assert record["largest_printed_loss_excess"] == pytest.approx(excess.max(), rel=1e-3)
        train = mnist.train_images[:80].reshape(80, 784) / 255
        mean_error = np.mean((train - train.mean(axis=0)) ** 2)
        assert record["mean_image_train_error"] == pytest.approx(mean_error, rel=1e-4)
        assert record["pca_20_train_error"] < record["pca_9_train_error"] < mean_error
    assert measured[0]["test_error"] != measured[1]["test_error"], "two seeds, two starts"
    assert "pictures_test" not in measured[0]
    assert measured[1]["pictured_epochs"] == [0, 1, 12]
    assert measured[1]["pictures_redrawn_test"].shape == (3, 6, 784)


# --- Claims -------------------------------------------------------------------------------------

RISES, FALLS = list(np.linspace(0.1, 0.2, 22)), list(np.linspace(0.2, 0.1, 22))


def verdict(claim, **measurements):
    """Judge one claim on eight equal records."""
    record = {"config": {}, "shortened": {}, "data": {}, "measurements": measurements}
    stored = {"as_written": [record | {"seed": seed} for seed in range(8)]}
    verdicts = judge.judge(TOML, stored, seeds=dict.fromkeys(TOML.variants, 8))
    return next(each.verdict for each in verdicts if each.claim == claim)


@pytest.mark.parametrize(
    ("claim", "metric"),
    [
        ("autoencoder-error-rises", "train_error"),
        ("autoencoder-error-of-that-image-rises", "last_image_error"),
        ("autoencoder-rare-images-suffer", "rare_error"),
        ("autoencoder-printed-loss-rises", "printed_loss"),
    ],
)
def test_a_rise_is_told_from_a_fall(claim, metric):
    assert verdict(claim, **{metric: RISES}) == judge.CONFIRMED
    assert verdict(claim, **{metric: FALLS}) == judge.REFUTED


def test_a_loss_that_is_the_error_would_be_confirmed():
    claim = "autoencoder-loss-is-the-error"
    assert verdict(claim, largest_printed_loss_excess=0.0) == judge.CONFIRMED
    assert verdict(claim, largest_printed_loss_excess=0.1) == judge.REFUTED


def test_a_baseline_is_beaten_only_by_a_smaller_error():
    claim = "autoencoder-result-beats-linear-code"
    assert verdict(claim, pca_9_test_error=0.15, test_error=FALLS) == judge.CONFIRMED
    assert verdict(claim, pca_9_test_error=0.05, test_error=FALLS) == judge.REFUTED

"""The denoiser: its noise, its log, layers that stay as they are, and its baselines."""

import dataclasses
import pathlib

import numpy as np
import pytest
import scipy.signal

from common import claims, data, images, judge, training
from reproductions import denoising_autoencoder

TOML = claims.load(pathlib.Path(denoising_autoencoder.__file__).with_suffix(".toml"))
VARIANTS = denoising_autoencoder.VARIANTS
SHORT = {"images": 100, "epochs": 2, "scored_images": 30, "tuning_images": 30}


@pytest.fixture(scope="module")
def mnist():
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, size=(400, 28, 28), dtype="uint8")
    digits = rng.integers(0, 10, size=400)
    return data.Mnist(pictures[:300], digits[:300], pictures[300:], digits[300:], version="fake")


def watched(variant, mnist, **changes):
    """Run a variant on made-up pictures; per epoch call: inputs, targets, weights before, after."""
    config = dataclasses.replace(VARIANTS[variant], classifier_epochs=1, **SHORT | changes)
    seen, train = [], training.Trainer.train

    def record(trainer, inputs, targets, **options):
        before = [np.array(array) for array in trainer.model.get_weights()]
        history = train(trainer, inputs, targets, **options)
        after = [np.array(array) for array in trainer.model.get_weights()]
        seen.append((np.asarray(inputs), np.asarray(targets), before, after))
        return history

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "mnist", lambda: mnist)
        patch.setattr(training.Trainer, "train", record)
        measured = list(denoising_autoencoder.run(config, [4]))
    return measured[0], seen[1:]  # without the classifier


@pytest.fixture(scope="module")
def fixed(mnist):
    return watched("as_written", mnist)


@pytest.fixture(scope="module")
def fresh(mnist):
    return watched("fresh_noise", mnist)


def test_noise_is_added_to_the_inputs_only_and_is_not_clipped(mnist, fixed):
    _, ((noisy, clean, *_),) = fixed
    rows = mnist.train_images[:80].reshape(80, 784) / 255
    np.testing.assert_allclose(clean, rows, atol=1e-6)
    noise = noisy - rows
    assert noise.std() == pytest.approx(0.4, rel=0.02)
    assert abs(noise.mean()) < 0.01
    assert noisy.min() < -0.5
    assert noisy.max() > 1.5


def test_new_noise_comes_with_every_epoch_and_the_first_is_the_fixed_one(fixed, fresh):
    _, ((noise, *_),) = fixed
    _, ((first, *_), (second, *_)) = fresh
    np.testing.assert_array_equal(first, noise)
    difference = second - first
    assert difference.std() == pytest.approx(0.4 * np.sqrt(2), rel=0.02), "independent noise"


def test_epochs_with_new_noise_go_on_where_the_last_one_stopped(fixed, fresh):
    _, (one, two) = fresh
    for stopped, went_on in zip(one[3], two[2], strict=True):
        np.testing.assert_array_equal(stopped, went_on)
    assert fresh[0]["test_error"][:2] == fixed[0]["test_error"][:2], "one epoch is the same"
    assert fresh[0]["test_error"][2] != fixed[0]["test_error"][2]


def test_an_uncorrected_encoder_keeps_the_start_and_the_decoder_learns(mnist, fixed):
    measured, ((*_, before, after),) = watched("frozen_encoder", mnist)
    assert measured["test_error"][0] == fixed[0]["test_error"][0], "the start is that of all layers"
    for start, array in zip(before[:4], after[:4], strict=True):
        np.testing.assert_array_equal(array, start)
    for start, array in zip(before[4:], after[4:], strict=True):
        assert np.abs(array - start).max() > 1e-6


def test_log_lines_stand_where_the_claims_look_for_them():
    epochs = denoising_autoencoder.logged_epochs(VARIANTS["as_written"])
    curve = TOML.curves["printed"]
    assert [epochs[i] for i in curve.index] == [int(x) for x in curve.x] == [*range(1, 250, 10)]
    for name in ("as_written", "noise_02", "noise_08", "frozen_encoder"):
        assert denoising_autoencoder.logged_epochs(VARIANTS[name])[6] == 50


def test_wiener_filters_each_picture_alone_as_scipy_does():
    rng = np.random.default_rng(2)
    noisy = rng.normal(0.5, 0.4, size=(3, 784)).astype("float32")
    filtered = denoising_autoencoder.wiener_filtered(noisy, 5, 0.4)
    for picture, answer in zip(noisy, filtered, strict=True):
        alone = scipy.signal.wiener(picture.reshape(28, 28).astype("float64"), 5, noise=0.16)
        np.testing.assert_allclose(answer, np.clip(alone, 0, 1).ravel(), atol=1e-6)


def test_doing_nothing_costs_the_power_of_the_noise(mnist, fixed):
    measured, _ = fixed
    assert measured["noisy_error"] == pytest.approx(0.16, rel=0.03)
    assert measured["clipped_error"] < measured["noisy_error"]
    test = mnist.test_images.reshape(100, 784) / 255
    mean = mnist.train_images[:80].reshape(80, 784).mean(axis=0) / 255
    expected = images.mean_squared_error(test, mean)
    assert measured["mean_image_error"] == pytest.approx(expected, rel=1e-4)


# --- Claims -------------------------------------------------------------------------------------


def verdict(claim, **variants):
    """Judge one claim on eight equal records of each variant."""
    stored = {
        name: [
            {"seed": seed, "config": {}, "shortened": {}, "data": {}, "measurements": measurements}
            for seed in range(8)
        ]
        for name, measurements in variants.items()
    }
    verdicts = judge.judge(TOML, stored, seeds=dict.fromkeys(TOML.variants, 8))
    return next(each.verdict for each in verdicts if each.claim == claim)


@pytest.mark.parametrize(("error", "expected"), [(0.02, judge.CONFIRMED), (0.07, judge.REFUTED)])
def test_a_baseline_is_beaten_only_by_a_smaller_error(error, expected):
    measured = {"mean_image_error": 0.06, "test_error": [0.4] * 27 + [error]}
    assert verdict("denoiser-better-than-mean-image", as_written=measured) == expected


@pytest.mark.parametrize(("error", "expected"), [(0.05, judge.CONFIRMED), (0.03, judge.REFUTED)])
def test_an_uncorrected_encoder_is_compared_at_epoch_50(error, expected):
    frozen, whole = [0.4] * 6 + [error], [0.4] * 6 + [0.04] + [0.01] * 21
    records = {"frozen_encoder": {"test_error": frozen}, "as_written": {"test_error": whole}}
    assert verdict("denoiser-proves-encoder", **records) == expected

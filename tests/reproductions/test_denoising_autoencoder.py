"""The denoiser: its noise, its log, layers that stay as they are, and its baselines."""

import dataclasses
import pathlib

import numpy as np
import pytest
import scipy.signal

from common import claims, judge, training
from common.data import mnist as mnist_data
from common.protocols import pictures
from reproductions.denoising_autoencoder import experiment, textbook
from tests import judging

TOML = claims.load(pathlib.Path(experiment.__file__).with_name("claims.toml"))
VARIANTS = experiment.VARIANTS
SHORT = {"images": 100, "epochs": 2, "scored_images": 30, "tuning_images": 30}


@pytest.fixture(scope="module")
def mnist():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, size=(400, 28, 28), dtype="uint8")
    digits = rng.integers(0, 10, size=400)
    return mnist_data.Mnist(images[:300], digits[:300], images[300:], digits[300:], "fake")


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
        patch.setattr(mnist_data, "load", lambda: mnist)
        patch.setattr(training.Trainer, "train", record)
        measured = list(experiment.run(config, [4]))
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


def test_one_uncorrected_layer_leaves_the_others_to_learn(mnist):
    _, ((*_, before, after),) = watched("frozen_first_layer", mnist)
    moved = [np.abs(array - start).max() > 1e-6 for start, array in zip(before, after, strict=True)]
    assert moved == [False, False] + [True] * 6


def test_a_smaller_start_is_the_same_start_but_for_the_first_layer(mnist, fresh):
    _, ((*_, whole, _), _) = fresh
    _, ((*_, scaled, _), _) = watched("fresh_noise_scaled", mnist)
    np.testing.assert_allclose(scaled[0] * 28, whole[0], rtol=1e-5)
    for one, other in zip(scaled[1:], whole[1:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_log_lines_stand_where_the_claims_look_for_them():
    epochs = pictures.logged_epochs(VARIANTS["as_written"].epochs)
    curve = TOML.curves["printed"]
    assert [epochs[i] for i in curve.index] == [int(x) for x in curve.x] == [*range(1, 250, 10)]
    for name in ("as_written", "frozen_encoder", "frozen_first_layer"):
        assert pictures.logged_epochs(VARIANTS[name].epochs)[6] == 51


def test_a_code_that_noise_does_not_touch_agrees_with_itself():
    model = experiment.build_model(VARIANTS["as_written"])
    rng = np.random.default_rng(6)
    rows = rng.uniform(size=(50, 784)).astype("float32")
    others = rng.uniform(size=(50, 784)).astype("float32")
    same = experiment.Noisy(train=rows, fresh_train=rows, test=rows, again=rows)
    unlike = experiment.Noisy(train=rows, fresh_train=rows, test=rows, again=others)
    assert experiment.code_agreement(model, same) == pytest.approx(1)
    assert abs(experiment.code_agreement(model, unlike)) < 0.3


def test_the_plateau_ends_with_the_first_line_clearly_below_the_mean_image():
    lines = {epoch: {"test_error": error} for epoch, error in ((0, 0.4), (1, 0.07), (11, 0.05))}
    config = VARIANTS["as_written"]
    assert experiment.plateau_end(lines, 0.067, config) == 11
    assert experiment.plateau_end({0: lines[0], 1: lines[1]}, 0.067, config) == np.inf


def test_details_and_likeness_are_those_of_the_original():
    clean = mnist_like(np.random.default_rng(3))
    blurred = np.stack([np.full(784, row.mean()) for row in clean])
    noisy = clean + np.random.default_rng(4).normal(0, 0.4, clean.shape)
    assert pictures.details_restored(clean, clean) == pytest.approx(1)
    assert pictures.details_restored(clean, blurred) == pytest.approx(0, abs=1e-6)
    assert pictures.details_restored(clean, noisy) < 0
    assert pictures.structural_similarity(clean, clean) == pytest.approx(1)
    assert pictures.structural_similarity(clean, noisy) < 0.6


def mnist_like(rng):
    """A few pictures with a bright square somewhere on black."""
    square = np.zeros((5, 28, 28))
    for picture, (row, column) in zip(square, rng.integers(4, 16, size=(5, 2)), strict=True):
        picture[row : row + 8, column : column + 8] = 1
    return square.reshape(5, 784)


def test_wiener_filters_each_picture_alone_as_scipy_does():
    rng = np.random.default_rng(2)
    noisy = rng.normal(0.5, 0.4, size=(3, 784)).astype("float32")
    filtered = textbook.wiener_filtered(noisy, 5, 0.4)
    for picture, answer in zip(noisy, filtered, strict=True):
        alone = scipy.signal.wiener(picture.reshape(28, 28).astype("float64"), 5, noise=0.16)
        np.testing.assert_allclose(answer, np.clip(alone, 0, 1).ravel(), atol=1e-6)


def test_doing_nothing_costs_the_power_of_the_noise(mnist, fixed):
    measured, _ = fixed
    assert measured["noisy_error"] == pytest.approx(0.16, rel=0.03)
    assert measured["clipped_error"] < measured["noisy_error"]
    test = mnist.test_images.reshape(100, 784) / 255
    mean = mnist.train_images[:80].reshape(80, 784).mean(axis=0) / 255
    expected = pictures.mean_squared_error(test, mean)
    assert measured["mean_image_error"] == pytest.approx(expected, rel=1e-4)


# --- Claims -------------------------------------------------------------------------------------

# Runs as the sentences have them; each test breaks one measurement.
GOOD = {
    "test_error": [0.4, 0.1, 0.068] + [0.05] * 24,
    "kept_class": [0.1] * 6 + [0.54] + [0.7] * 20,
    "final_test_error": 0.04,
    "final_kept_class": 0.7,
    "final_details": 0.6,
    "final_similarity": 0.8,
    "noisy_error": 0.16,
    "clipped_error": 0.08,
    "clipped_similarity": 0.3,
    "mean_image_error": 0.0675,
    "wiener_error": 0.05,
    "wiener_kept_class": 0.6,
    "wiener_details": 0.25,
}
FROZEN = {
    **GOOD,
    "kept_class": [0.1] * 7,
    "test_error": [0.4] * 6 + [0.066],
    "final_kept_class": 0.1,
}
RUNS = {
    "as_written": GOOD,
    "frozen_encoder": FROZEN,
    "frozen_first_layer": FROZEN,
    "corrected_wide": GOOD,
}
BROKEN = [
    ("denoiser-learns", "as_written", {"final_test_error": 0.07}),
    ("denoiser-restores-details", "corrected_wide", {"final_details": -0.3}),
    ("denoiser-more-details-than-wiener", "corrected_wide", {"final_details": 0.2}),
    ("denoiser-visual-quality", "corrected_wide", {"final_similarity": 0.4}),
    ("denoiser-visual-quality-as-written", "as_written", {"final_similarity": 0.4}),
    ("denoiser-autoencoders-effective", "corrected_wide", {"final_test_error": 0.06}),
    ("denoiser-autoencoders-keep-the-digit", "corrected_wide", {"final_kept_class": 0.5}),
    ("denoiser-better-than-nothing", "as_written", {"final_test_error": 0.17}),
    ("denoiser-better-than-clipping", "as_written", {"final_test_error": 0.09}),
    ("denoiser-better-than-mean-image", "as_written", {"final_test_error": 0.07}),
    ("denoiser-works-well", "as_written", {"final_kept_class": 0.4}),
    ("denoiser-proves-encoder", "frozen_encoder", {"kept_class": [0.4] * 7}),
    ("denoiser-frozen-encoder-is-seen", "frozen_encoder", {"final_kept_class": 0.6}),
    ("denoiser-proves-first-layer", "frozen_first_layer", {"test_error": [0.04] * 7}),
]


def verdict(claim, variant=None, **changes):
    changed = {**RUNS, **({variant: {**RUNS[variant], **changes}} if variant else {})}
    return judging.verdict(TOML, claim, judging.records_of(changed, data={}))


@pytest.mark.parametrize(("claim", "variant", "broken"), BROKEN, ids=[each[0] for each in BROKEN])
def test_a_claim_falls_where_its_measurement_is_broken(claim, variant, broken):
    assert verdict(claim) == judge.CONFIRMED
    assert verdict(claim, variant, **broken) == judge.REFUTED


def test_the_caption_would_be_right_if_one_epoch_were_enough():
    claim, soon = "denoiser-figure-12-epoch-0", [0.4] + [0.04] * 26
    assert verdict(claim) == judge.REFUTED
    assert verdict(claim, "as_written", test_error=soon) == judge.CONFIRMED


def test_the_log_tells_a_network_that_stays_at_the_mean_image():
    """Its rival, new noise in every epoch, prints another curve, and the evidence says so."""
    cited = np.array(TOML.curves["printed"].points[1])
    rng = np.random.default_rng(5)

    def run(centre, seeds):
        return [
            {"seed": seed, "config": {}, "shortened": {}, "data": {}, "measurements": measured}
            for seed in range(seeds)
            for noise in [rng.normal(0, 0.005) + rng.normal(0, 0.004, len(cited))]
            for measured in [{"printed_loss": [0.4, *(centre + noise), 0.2]}]
        ]

    stored = {"as_written": run(cited, 8), "fresh_noise": run(np.full(len(cited), 0.147), 1)}
    found = judge.judge(TOML, stored, seeds={"as_written": 8, "fresh_noise": 1})
    log = next(each for each in found if each.claim == "denoiser-printed-loss")
    assert log.verdict in {judge.CONSISTENT, judge.CONFIRMED}
    assert "fresh_noise" in log.evidence
    stored["as_written"] = run(np.full(len(cited), 0.147), 8)
    found = judge.judge(TOML, stored, seeds={"as_written": 8, "fresh_noise": 1})
    log = next(each for each in found if each.claim == "denoiser-printed-loss")
    assert log.verdict == judge.REFUTED

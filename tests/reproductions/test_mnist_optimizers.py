"""The MNIST networks against the authors' update rules in plain NumPy; their split and log."""

import dataclasses
import itertools

import numpy as np
import pytest
import scipy.special
import sklearn.metrics

from common import judge, variants
from common.data import mnist
from reproductions.mnist_optimizers import experiment
from tests import contract

HEAD = contract.HEADS["mnist_optimizers"]
SEEDS = (3, 4)
IMAGES = 250  # of which 200 are trained on
EPOCHS = 2
LOG_LINES = [*range(1, 200, 10)]  # epochs completed where epoch % 10 == 0, from epoch 0 on
CHANGES = {"precision": "float64", "epochs": EPOCHS, "training_images": IMAGES}


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    """A few made-up images in place of MNIST: a tenth of the pixels lit, more than are used."""
    rng = np.random.default_rng(0)

    def images(count):
        grey = rng.integers(1, 256, size=(count, 28, 28), dtype=np.uint8)
        return grey * (rng.random(grey.shape) < 0.1), rng.integers(10, size=count)

    digits = mnist.Mnist(*images(IMAGES + 50), *images(40), version="made up")
    monkeypatch.setattr(mnist, "load", lambda: digits)
    return digits


def library(config, seed, images, labels, tested):
    """The authors' loop: shares of the `tested` images after each epoch, [epochs, images, 10]."""
    rng = np.random.default_rng(seed)
    sizes = (784, *config.hidden, 10)
    layers = [
        [rng.normal(size=shape), rng.normal(size=shape[1])] for shape in itertools.pairwise(sizes)
    ]
    v, s = ([[np.zeros_like(part) for part in layer] for layer in layers] for _ in range(2))
    sigmoid = config.activation == "sigmoid"

    def forward(x):
        outputs = [x]
        for W, b in layers[:-1]:
            z = outputs[-1] @ W + b
            outputs.append(1 / (1 + np.exp(-z)) if sigmoid else np.maximum(z, 0))
        W, b = layers[-1]
        return [*outputs, scipy.special.softmax(outputs[-1] @ W + b, axis=-1)]

    def step(v, s, gradient, t):
        if config.optimizer == "gd":
            return config.learning_rate * gradient
        if config.optimizer == "momentum":
            v[...] = 0.9 * v + config.learning_rate * gradient
            return v.copy()
        v[...] = 0.9 * v + (1 - 0.9) * gradient
        s[...] = 0.999 * s + (1 - 0.999) * gradient**2
        scale = np.sqrt(s / (1 - 0.999**t)) + 1e-8
        return config.learning_rate * v / (1 - 0.9**t) / scale

    seen, updates = [], 0
    for epoch in range(config.epochs):
        for x, y in zip(images, np.eye(10)[labels], strict=True):
            updates += 1
            t = epoch + 1 if config.optimizer == "adam" else updates
            *outputs, shares = forward(x)
            delta = shares - y
            steps = []
            for i in reversed(range(len(layers))):
                gradients = (np.outer(outputs[i], delta), delta)
                steps.append([step(v[i][k], s[i][k], gradients[k], t) for k in (0, 1)])
                slope = outputs[i] * (1 - outputs[i]) if sigmoid else outputs[i] > 0
                delta = slope * (layers[i][0] @ delta)
            for layer, (of_kernel, of_bias) in zip(reversed(layers), steps, strict=True):
                layer[0] -= of_kernel
                layer[1] -= of_bias
        seen.append(forward(tested)[-1])
    return np.stack(seen)


@pytest.mark.parametrize("variant", ["as_written", "momentum", "adam", "textbook_adam", "relu"])
def test_every_optimizer_follows_the_authors_rule_step_by_step(variant, made_up, monkeypatch):
    config = dataclasses.replace(experiment.VARIANTS[variant], **CHANGES)
    seen, evaluate = [], experiment.evaluate

    def watch(trainer, parts, *, whole):
        z = trainer.predict(parts["test"].pixels)
        seen.append(scipy.special.softmax(z, axis=1))
        return evaluate(trainer, parts, whole=whole)

    monkeypatch.setattr(experiment, "evaluate", watch)
    measured = list(experiment.run(config, SEEDS))
    train, tested = (
        part.reshape(-1, 784) / 255 for part in (made_up.train_images, made_up.test_images)
    )
    labels = made_up.train_labels
    for run, seed in enumerate(SEEDS):
        expected = library(config, seed, train[:200], labels[:200], tested)
        mine = np.stack(seen[run * EPOCHS : (run + 1) * EPOCHS])
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-9)
        hits = sklearn.metrics.accuracy_score(made_up.test_labels, expected[-1].argmax(axis=1))
        assert measured[run]["test_accuracy"][-1] == pytest.approx(hits)
    assert np.abs(seen[0] - seen[EPOCHS]).max() > 0.01, "two seeds start apart"


def test_losses_are_those_of_scikit_learn(made_up):
    """The means over the images trained on and validated on, and the last image trained on."""
    config = dataclasses.replace(experiment.VARIANTS["as_written"], **CHANGES)
    parts = experiment.split(made_up, config)
    weights = np.random.default_rng(0).normal(size=(784, 10))

    class Linear:
        def predict(self, pixels):
            return np.asarray(pixels) @ weights

    measured = experiment.evaluate(Linear(), parts, whole=True)
    shares = scipy.special.softmax(made_up.train_images.reshape(-1, 784) / 255 @ weights, axis=1)
    for name, rows in {
        "training_loss": slice(0, 200),
        "validation_loss": slice(200, 250),
        "last_image_loss": slice(199, 200),
    }.items():
        expected = sklearn.metrics.log_loss(
            made_up.train_labels[rows], shares[rows], labels=[*range(10)]
        )
        assert measured[name] == pytest.approx(expected)


def test_48000_images_train_and_the_last_12000_validate(made_up):
    config = experiment.Config()
    labels = np.arange(60_000) % 10
    images = np.zeros((60_000, 28, 28), np.uint8)
    images[:, 0, 1] = np.arange(60_000) // 256
    many = mnist.Mnist(images, labels, made_up.test_images, made_up.test_labels, "made up")
    parts = experiment.split(many, config)
    assert [len(part.labels) for part in parts.values()] == [48_000, 12_000, 40]
    first = np.asarray(parts["validation"].pixels)[0]
    np.testing.assert_allclose(first[:3], [0, 48_000 // 256 / 255, 0], rtol=1e-6)
    np.testing.assert_array_equal(parts["validation"].labels, labels[48_000:])
    np.testing.assert_array_equal(parts["training"].one_hot().argmax(axis=1), labels[:48_000])


# --- What is measured from the curves, and the claims on it ---------------------------------------


def watched(epochs):
    """Accuracies that rise to a peak at epoch 100 and fall again; on the test images, later."""
    return [
        {
            "validation_accuracy": 0.93 - abs(100 - epoch) / 1000,
            "test_accuracy": 0.92 - abs(110 - epoch) / 1000,
            "training_accuracy": 0.9,
            "training_loss": 0.3,
            "validation_loss": 0.3,
            "last_image_loss": 0.3,
        }
        for epoch in range(1, epochs + 1)
    ]


def test_the_best_epoch_is_chosen_on_the_validation_images_so_far():
    measured = experiment.measure(experiment.Config(), watched(200))
    assert measured["evaluated_epochs"] == [*LOG_LINES, 200]
    assert measured["best_epoch"] == [*range(1, 100, 10), *[100] * 11]
    assert measured["best_validation_accuracy"][-1] == 0.93
    assert measured["test_accuracy_at_best"][-1] == 0.91
    assert measured["epochs_to_desired"] == 70
    assert measured["early_validation_accuracy"][0] == measured["validation_accuracy"][0]
    assert len(measured["early_validation_accuracy"]) == 20
    never = experiment.measure(experiment.Config(epochs=50), watched(50))
    assert never["epochs_to_desired"] == np.inf


def stored(profile="full", **lifts):
    """Eight seeds of every variant, all with the same made-up curves, some lifted."""
    found = {}
    file = HEAD.experiments["experiment"].path
    for name, whole in experiment.VARIANTS.items():
        shortened = variants.shortened(file, profile, name)
        config = dataclasses.replace(whole, **shortened)
        seen = [
            {**row, **{key: row[key] + lifts.get(name, 0.0) for key in row if "accuracy" in key}}
            for row in watched(config.epochs)
        ]
        measurements = {
            "image_shape": [28, 28],
            "digits": 10,
            "layer_sizes": [784, *config.hidden, 10],
            **experiment.measure(config, seen),
        }
        found[name] = [
            {
                "seed": seed,
                "config": dataclasses.asdict(config),
                "shortened": shortened,
                "data": {"mnist": "3.0.1"},
                "measurements": measurements,
            }
            for seed in range(8)
        ]
    return found


def verdicts(runs):
    judged = judge.judge(HEAD, runs, seeds=dict.fromkeys(HEAD.variants, 8))
    return {each.claim: each.verdict for each in judged}


def test_every_claim_can_be_judged_from_a_full_run():
    found = verdicts(stored())
    assert judge.ERROR not in found.values()
    assert judge.NOT_RUN not in found.values()


def test_an_attained_result_falls_where_no_run_attains_it():
    found = verdicts(stored())
    assert found["over-92-validation"] == judge.CONFIRMED
    assert found["over-92-test"] == judge.REFUTED
    assert verdicts(stored(momentum=0.02))["over-92-test"] == judge.CONFIRMED
    assert verdicts(stored(momentum=-0.02))["over-92-validation"] == judge.REFUTED


def test_sooner_means_at_most_half_the_epochs():
    assert verdicts(stored(momentum=0.02))["momentum-sooner"] != judge.CONFIRMED
    assert verdicts(stored(momentum=0.04))["momentum-sooner"] == judge.CONFIRMED
    assert verdicts(stored(as_written=0.04))["momentum-sooner"] == judge.REFUTED


def test_a_shortened_run_does_not_answer_for_epochs_it_has_not_seen():
    found = verdicts(stored("standard"))
    late = {
        "over-92-validation",
        "over-92-test",
        "figure-2-momentum",
        "figure-2-adam",
        "gd-arrives",
    }
    assert {found[claim] for claim in late} == {judge.NOT_RUN}
    unseen = [claim for claim, verdict in found.items() if verdict == judge.NOT_RUN]
    assert len(unseen) <= 6


def test_which_network_figure_2_shows_turns_with_the_runs():
    runs = stored()
    curve = HEAD.curves["figure-2-gd"]
    noise = np.random.default_rng(0).normal(scale=0.003, size=(8, len(curve.y)))
    for record, wobble in zip(runs["hundred_hidden"], noise, strict=True):
        accuracy = list(record["measurements"]["validation_accuracy"])
        for position, cited, by in zip(curve.index, curve.y, wobble, strict=True):
            accuracy[position] = float(cited) + by
        record["measurements"] = {**record["measurements"], "validation_accuracy": accuracy}
    found = verdicts(runs)
    assert found["figure-2-hundred-hidden"] in (judge.CONFIRMED, judge.CONSISTENT)
    assert found["figure-2-gd"] == judge.REFUTED

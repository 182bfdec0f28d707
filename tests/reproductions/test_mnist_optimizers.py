"""The MNIST networks against the authors' update rules in plain NumPy; their split and log."""

import dataclasses
import itertools
import pathlib

import numpy as np
import pytest
import scipy.special
import sklearn.metrics

from common import claims, data, judge
from reproductions import mnist_optimizers

TOML = claims.load(pathlib.Path(mnist_optimizers.__file__).with_suffix(".toml"))
SEEDS = (3, 4)
IMAGES = 250  # of which 200 are trained on
EPOCHS = 2
LOG_LINES = [*range(1, 200, 10)]  # epochs completed where epoch % 10 == 0, from epoch 0 on
CHANGES = {"precision": "float64", "epochs": EPOCHS, "training_images": IMAGES}


@pytest.fixture(autouse=True)
def mnist(monkeypatch):
    """A few made-up images in place of MNIST: a tenth of the pixels lit, more than are used."""
    rng = np.random.default_rng(0)

    def images(count):
        grey = rng.integers(1, 256, size=(count, 28, 28), dtype=np.uint8)
        return grey * (rng.random(grey.shape) < 0.1), rng.integers(10, size=count)

    made_up = data.Mnist(*images(IMAGES + 50), *images(40), version="made up")
    monkeypatch.setattr(data, "mnist", lambda: made_up)
    return made_up


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
def test_every_optimizer_follows_the_authors_rule_step_by_step(variant, mnist, monkeypatch):
    config = dataclasses.replace(mnist_optimizers.VARIANTS[variant], **CHANGES)
    seen, evaluate = [], mnist_optimizers._evaluate

    def watch(trainer, parts, *, whole):
        z = trainer.predict(parts["test"].pixels)
        seen.append(scipy.special.softmax(z, axis=1))
        return evaluate(trainer, parts, whole=whole)

    monkeypatch.setattr(mnist_optimizers, "_evaluate", watch)
    measured = list(mnist_optimizers.run(config, SEEDS))
    train, tested = (
        part.reshape(-1, 784) / 255 for part in (mnist.train_images, mnist.test_images)
    )
    labels = mnist.train_labels
    for run, seed in enumerate(SEEDS):
        expected = library(config, seed, train[:200], labels[:200], tested)
        mine = np.stack(seen[run * EPOCHS : (run + 1) * EPOCHS])
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-9)
        hits = sklearn.metrics.accuracy_score(mnist.test_labels, expected[-1].argmax(axis=1))
        assert measured[run]["test_accuracy"][-1] == pytest.approx(hits)
    assert np.abs(seen[0] - seen[EPOCHS]).max() > 0.01, "two seeds start apart"


def test_losses_are_those_of_scikit_learn(mnist):
    """The means over the images trained on and validated on, and the last image trained on."""
    config = dataclasses.replace(mnist_optimizers.VARIANTS["as_written"], **CHANGES)
    parts = mnist_optimizers.split(mnist, config)
    weights = np.random.default_rng(0).normal(size=(784, 10))

    class Linear:
        def predict(self, pixels):
            return np.asarray(pixels) @ weights

    measured = mnist_optimizers._evaluate(Linear(), parts, whole=True)
    shares = scipy.special.softmax(mnist.train_images.reshape(-1, 784) / 255 @ weights, axis=1)
    for name, rows in {
        "training_loss": slice(0, 200),
        "validation_loss": slice(200, 250),
        "last_image_loss": slice(199, 200),
    }.items():
        expected = sklearn.metrics.log_loss(
            mnist.train_labels[rows], shares[rows], labels=[*range(10)]
        )
        assert measured[name] == pytest.approx(expected)


def test_48000_images_train_and_the_last_12000_validate(mnist):
    config = mnist_optimizers.Config()
    labels = np.arange(60_000) % 10
    images = np.zeros((60_000, 2, 2), np.uint8)
    images[:, 0, 1] = np.arange(60_000) // 256
    many = data.Mnist(images, labels, mnist.test_images, mnist.test_labels, "made up")
    parts = mnist_optimizers.split(many, config)
    assert [len(part.labels) for part in parts.values()] == [48_000, 12_000, 40]
    first = np.asarray(parts["validation"].pixels)[0]
    np.testing.assert_allclose(first, [0, 48_000 // 256 / 255, 0, 0], rtol=1e-6)
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
    measured = mnist_optimizers._measure(mnist_optimizers.Config(), watched(200))
    assert measured["evaluated_epochs"] == [*LOG_LINES, 200]
    assert measured["best_epoch"] == [*range(1, 100, 10), *[100] * 11]
    assert measured["best_validation_accuracy"][-1] == 0.93
    assert measured["test_accuracy_at_best"][-1] == 0.91
    assert measured["logged_peak"][-1] == 0.929, "at 101 epochs: the log does not see the 100th"
    assert (measured["epochs_to_90"], measured["epochs_to_92"]) == (70, 90)
    assert measured["early_validation_accuracy"][0] == measured["validation_accuracy"][0]
    assert len(measured["early_validation_accuracy"]) == 20
    never = mnist_optimizers._measure(mnist_optimizers.Config(epochs=50), watched(50))
    assert never["epochs_to_90"] == np.inf


def stored(epochs):
    """Eight seeds of every variant, all with the same made-up curves."""
    found = {}
    for name, whole in mnist_optimizers.VARIANTS.items():
        config = dataclasses.replace(whole, epochs=min(epochs, whole.epochs))
        measurements = {
            "image_shape": [28, 28],
            "digits": 10,
            "layer_sizes": [784, *config.hidden, 10],
            **mnist_optimizers._measure(config, watched(config.epochs)),
        }
        found[name] = [
            {
                "seed": seed,
                "config": dataclasses.asdict(config),
                "shortened": {} if epochs == 200 else {"epochs": epochs},
                "data": {"mnist": "3.0.1"},
                "measurements": measurements,
            }
            for seed in range(8)
        ]
    return found


def verdicts(runs):
    judged = judge.judge(TOML, runs, seeds=dict.fromkeys(TOML.variants, 8))
    return {each.claim: each.verdict for each in judged}


def test_every_claim_can_be_judged_from_a_full_run():
    found = verdicts(stored(200))
    assert judge.ERROR not in found.values()
    assert judge.NOT_RUN not in found.values()
    assert found["over-92-momentum-validation-best"] == judge.CONFIRMED
    assert found["over-92-momentum-validation-end"] == judge.REFUTED
    assert found["over-92-momentum-test-at-best"] == judge.REFUTED
    assert found["figure-2-adam-falls"] == judge.CONFIRMED


def test_a_shortened_run_does_not_answer_for_epochs_it_has_not_seen():
    short = mnist_optimizers.SHORTENED["standard"]["epochs"]
    found = verdicts(stored(short))
    early = {"image_shape", "layer_sizes", "digits", "epochs_to_90", "epochs_to_92"}
    lines = len([line for line in LOG_LINES if line <= short])
    for claim in TOML.claims:
        at = getattr(claim, "at", None) or 0
        seen = claim.metric in early or (at < lines and not getattr(claim, "curve", None))
        if claim.metric and not seen:
            assert found[claim.id] in (judge.NOT_RUN, judge.ERROR), claim.id


def test_which_network_figure_2_shows_turns_with_the_runs():
    runs = stored(200)
    curve = TOML.curves["figure-2-gd"]
    for record in runs["hundred_hidden"]:
        accuracy = list(record["measurements"]["validation_accuracy"])
        for position, cited in zip(curve.index, curve.y, strict=True):
            accuracy[position] = float(cited)
        record["measurements"]["validation_accuracy"] = accuracy
    found = verdicts(runs)
    assert found["figure-2-gd-hundred-hidden"] == judge.CONFIRMED
    assert found["figure-2-gd"] == judge.REFUTED

"""The Iris networks against the authors' update rules in plain NumPy, and their log and split."""

import dataclasses
import pathlib

import numpy as np
import pytest
import sklearn.metrics

from common import claims, data, judge
from reproductions import iris_mlp
from tests import judging

TOML = claims.load(pathlib.Path(iris_mlp.__file__).with_suffix(".toml"))
SEEDS = (3, 4)
COMPARED_RATES = (0.01, 0.1, 0.3)


def forward(weights, features):
    W1, b1, W2, b2 = weights
    hidden = 1 / (1 + np.exp(-(features @ W1 + b1)))
    z = hidden @ W2 + b2
    shares = np.exp(z - z.max(axis=-1, keepdims=True))
    return hidden, shares / shares.sum(axis=-1, keepdims=True)


def output_delta(loss, output, y):
    """The derivative by z of one flower's loss."""
    match loss:
        case "cross_entropy":
            return output - y
        case "squared_error":
            return (np.diag(output) - np.outer(output, output)) @ (2 * (output - y))
        case "notebook":
            return 2 * (output - y) * output * (1 - output)


def library(optimizer, seed, learning_rate, *, hidden, epochs, loss="cross_entropy", scaled=False):
    """The authors' loops: class shares of all flowers after 0, 1, ..., `epochs` epochs."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(150)
    features, labels = data.iris().features[order], np.eye(3)[data.iris().labels[order]]
    if scaled:
        features = (features - features[:96].mean(axis=0)) / features[:96].std(axis=0)
    weights = [rng.normal(size=shape) for shape in ((4, hidden), hidden, (hidden, 3), 3)]
    v = [np.zeros_like(weight) for weight in weights]
    s = [np.zeros_like(weight) for weight in weights]
    shares, updates = [forward(weights, features)[1]], 0
    for epoch in range(epochs):
        for x, y in zip(features[:96], labels[:96], strict=True):
            updates += 1
            hidden_output, output = forward(weights, x)
            delta = output_delta(loss, output, y)
            hidden_delta = hidden_output * (1 - hidden_output) * (weights[2] @ delta)
            gradients = [
                np.outer(x, hidden_delta),
                hidden_delta,
                np.outer(hidden_output, delta),
                delta,
            ]
            for i, gradient in enumerate(gradients):
                match optimizer:
                    case "gd":
                        step = learning_rate * gradient
                    case "momentum":
                        step = v[i] = 0.9 * v[i] + learning_rate * gradient
                    case "adam" | "textbook_adam":
                        v[i] = 0.9 * v[i] + (1 - 0.9) * gradient
                        s[i] = 0.999 * s[i] + (1 - 0.999) * gradient**2
                        t = epoch + 1 if optimizer == "adam" else updates
                        scale = np.sqrt(s[i] / (1 - 0.999**t)) + 1e-8
                        step = learning_rate * v[i] / (1 - 0.9**t) / scale
                weights[i] = weights[i] - step
        shares.append(forward(weights, features)[1])
    return np.stack(shares)


def watched(config, seeds):
    """Run a protocol: per seed, its measurements, outputs by optimizer, and labels."""
    seen, measure = [], iris_mlp._measure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iris_mlp, "_measure", lambda *parts: seen.append(parts) or measure(*parts))
        measured = list(iris_mlp.run(config, seeds))
    return [(each, *parts[1:3]) for each, parts in zip(measured, seen, strict=True)]


@pytest.fixture(scope="module")
def as_written():
    return watched(iris_mlp.VARIANTS["as_written"], SEEDS)


@pytest.fixture(scope="module")
def hidden_1():
    return watched(iris_mlp.VARIANTS["hidden_1"], SEEDS)


@pytest.fixture(scope="module")
def losses():
    """The comparison of losses, and the outputs that it compared."""
    seen, compare = [], iris_mlp._compare_losses
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            iris_mlp, "_compare_losses", lambda *parts: seen.append(parts) or compare(*parts)
        )
        config = dataclasses.replace(
            iris_mlp.VARIANTS["losses"], compared_rates=COMPARED_RATES, epochs=12
        )
        (measured,) = iris_mlp.run(config, SEEDS[:1])
    return measured, *seen[0][1:3]


def test_every_optimizer_follows_the_authors_rule_step_by_step(as_written):
    for seed, (_, measured, _) in zip(SEEDS, as_written, strict=True):
        assert list(measured) == ["gd", "momentum", "adam", "textbook_adam"]
        for optimizer, log_shares in measured.items():
            expected = library(optimizer, seed, 0.001, hidden=10, epochs=3)
            np.testing.assert_allclose(np.exp(log_shares[:4]), expected, rtol=0, atol=1e-9)


def test_another_width_and_rate_follow_it_too(hidden_1):
    for seed, (_, measured, _) in zip(SEEDS, hidden_1, strict=True):
        expected = library("gd", seed, 0.01, hidden=1, epochs=12)
        np.testing.assert_allclose(np.exp(measured["gd"][:13]), expected, rtol=0, atol=1e-9)


def test_standardised_inputs_are_scaled_by_the_training_rows():
    config = iris_mlp.VARIANTS["standardised_code_rate"]
    config = dataclasses.replace(config, optimizers=("gd",), epochs=2)
    ((_, measured, _),) = watched(config, SEEDS[:1])
    expected = library("gd", SEEDS[0], 0.01, hidden=10, epochs=2, scaled=True)
    np.testing.assert_allclose(np.exp(measured["gd"]), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("loss", iris_mlp.LOSSES)
def test_every_loss_is_followed_step_by_step(loss, losses):
    _, outputs, _ = losses
    for rate in (0.01, 0.3):
        expected = library("gd", SEEDS[0], rate, hidden=5, epochs=3, loss=loss)
        measured = np.exp(outputs[f"{loss}_{rate}"][:4])
        np.testing.assert_allclose(measured, expected, rtol=0, atol=1e-9)


def test_losses_are_compared_at_the_rate_that_validates_best(losses):
    measured, outputs, labels = losses
    for loss in iris_mlp.LOSSES:
        validation, test = [], []
        for rate in COMPARED_RATES:
            shares = np.exp(outputs[f"{loss}_{rate}"][-1])
            species = np.eye(3)[labels]
            each = -np.log((shares * species).sum(axis=1))
            if loss != "cross_entropy":
                each = ((shares - species) ** 2).sum(axis=1)
            validation.append(each[96:120].mean())
            test.append((shares.argmax(axis=1) == labels)[120:].mean())
        best = np.argmin(validation)
        assert measured[f"{loss}_best_rate"] == COMPARED_RATES[best]
        assert measured[f"{loss}_best_test_accuracy"] == pytest.approx(test[best])
        assert measured[f"{loss}_test_accuracy"] == pytest.approx(test, rel=1e-3)
        gain = measured.get(f"{loss}_best_test_gain", 0)
        assert gain == pytest.approx(test[best] - measured["cross_entropy_best_test_accuracy"])


def test_gradients_are_compared_at_the_start_over_all_training_flowers(losses):
    measured, _, _ = losses
    rng = np.random.default_rng(SEEDS[0])
    order = rng.permutation(150)[:96]
    features, labels = data.iris().features[order], np.eye(3)[data.iris().labels[order]]
    weights = [rng.normal(size=shape) for shape in ((4, 5), 5, (5, 3), 3)]
    gradient = {}
    for loss in iris_mlp.LOSSES:
        total = [np.zeros_like(weight) for weight in weights]
        for x, y in zip(features, labels, strict=True):
            hidden, output = forward(weights, x)
            delta = output_delta(loss, output, y)
            hidden_delta = hidden * (1 - hidden) * (weights[2] @ delta)
            parts = np.outer(x, hidden_delta), hidden_delta, np.outer(hidden, delta), delta
            total = [one + other for one, other in zip(total, parts, strict=True)]
        gradient[loss] = np.concatenate([np.ravel(part) for part in total])
    wanted, given = gradient["squared_error"], gradient["cross_entropy"]
    cosine = wanted @ given / np.linalg.norm(wanted) / np.linalg.norm(given)
    off = np.linalg.norm(gradient["notebook"] - wanted) / np.linalg.norm(wanted)
    assert measured["constant_misfit"] == pytest.approx(np.sqrt(1 - cosine**2))
    assert measured["notebook_gradient_gap"] == pytest.approx(off)


def test_deeper_networks_have_the_layers_that_they_are_given():
    model = iris_mlp.build_model(iris_mlp.VARIANTS["notebook_deep"])
    assert [layer.kernel.shape for layer in model.layers] == [(4, 20), (20, 10), (10, 6), (6, 3)]
    assert model.layers[-1].activation.__name__ == "linear"


def test_all_optimizers_of_a_seed_start_alike_and_then_part(as_written):
    (_, first, labels), (_, second, other_labels) = as_written
    for name in ("momentum", "adam", "textbook_adam"):
        np.testing.assert_array_equal(first[name][0], first["gd"][0])
        assert np.abs(first[name][1] - first["gd"][1]).max() > 1e-3
    assert (labels != other_labels).any()
    assert np.abs(first["gd"][0] - second["gd"][0]).max() > 0.1


def test_networks_of_any_width_share_a_seeds_split(as_written, hidden_1):
    for (*_, labels), (*_, same_labels) in zip(as_written, hidden_1, strict=True):
        np.testing.assert_array_equal(labels, same_labels)


def test_96_flowers_train_24_validate_and_30_test_by_position():
    rows = iris_mlp.split(150, held_out=0.2)
    positions = np.arange(150)
    assert positions[rows.train].tolist() == list(range(96))
    assert positions[rows.validation].tolist() == list(range(96, 120))
    assert positions[rows.test].tolist() == list(range(120, 150))


def test_measurements_are_those_of_scikit_learn_at_the_librarys_log_lines(as_written):
    measured, by_optimizer, labels = as_written[0]
    assert measured["logged_epochs"] == [*range(1, 100, 10)]  # after epoch = 0, 10, ..., 90
    for name, log_shares in by_optimizer.items():
        for k, epoch in enumerate(measured["logged_epochs"]):
            shares = np.exp(log_shares[epoch])

            def loss(rows, shares=shares):
                return sklearn.metrics.log_loss(labels[rows], shares[rows], labels=[0, 1, 2])

            expected = {
                "validation_accuracy": sklearn.metrics.accuracy_score(
                    labels[96:120], shares[96:120].argmax(axis=1)
                ),
                "validation_loss": loss(slice(96, 120)),
                "training_loss": loss(slice(0, 96)),
                "last_flower_loss": loss(slice(95, 96)),
            }
            for metric, value in expected.items():
                assert measured[f"{name}_{metric}"][k] == pytest.approx(value, rel=1e-3)
        predicted = log_shares[-1, 120:].argmax(axis=1)
        hits = predicted == labels[120:]
        assert measured[f"{name}_test_accuracy"] == pytest.approx(hits.mean())
        assert measured[f"{name}_test_all_right"] == hits.all()
        called = [hits[predicted == k].mean() if (predicted == k).any() else 0 for k in range(3)]
        assert measured[f"{name}_test_precision"] == pytest.approx(np.mean(called))


def test_reaching_the_level_is_told_by_epoch_and_by_log_line():
    assert iris_mlp._first([1, 11, 21], np.array([0.5, 22 / 24, 0.6]), level=0.9) == 11
    assert iris_mlp._first([1, 11, 21], np.array([0.5, 21 / 24, 0.6]), level=0.9) == np.inf


# --- Claims -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def records(as_written, hidden_1, losses):
    """One seed's measurements for every variant, copied to as many seeds as a verdict needs."""
    notebook = watched(iris_mlp.VARIANTS["notebook"], SEEDS[:1])[0][0]

    def measured(name):
        if name.startswith("notebook") and name != "notebook_deep":
            return notebook
        if name == "losses":
            return losses[0]
        single = name.startswith(("hidden", "notebook"))
        return (hidden_1 if single else as_written)[0][0]

    return judging.records_of(
        {name: measured(name) for name in iris_mlp.VARIANTS}, data={"iris": "scikit-learn"}
    )


def verdict(claim, stored, **changes):
    """Judge one claim with some measurements of its own variant replaced."""
    variant = next(each.variant for each in TOML.claims if each.id == claim)
    return judging.verdict(TOML, claim, stored, variants=[variant], **changes)


def test_every_claim_can_be_judged_from_what_run_measures(records):
    assert set(judging.verdicts(TOML, records).values()) <= judging.JUDGED


def test_an_epoch_axis_and_a_mean_loss_would_be_confirmed(records):
    assert verdict("figure-1-x-axis", records) == judge.REFUTED
    assert verdict("figure-1-x-axis", records, logged_epochs=[*range(10)]) == judge.CONFIRMED
    assert verdict("figure-4-is-the-training-loss", records) == judge.REFUTED
    assert verdict("figure-4-is-the-training-loss", records, gd_loss_gap=1e-6) == judge.CONFIRMED
    assert verdict("adam-bias-correction", records) == judge.REFUTED
    assert verdict("adam-bias-correction", records, adam_correction_gap=0.0) == judge.CONFIRMED


def test_squared_error_falls_by_its_accuracy(records):
    assert verdict("notebook-derivative", records) == judge.REFUTED
    assert verdict("notebook-derivative", records, notebook_gradient_gap=0.0) == judge.CONFIRMED
    for gain, expected in ((0.0, judge.CONFIRMED), (-0.1, judge.REFUTED), (0.1, judge.REFUTED)):
        changes = {"squared_error_best_test_gain": gain}
        assert verdict("squared-error-same-accuracy", records, **changes) == expected


@pytest.mark.parametrize(
    ("sooner", "expected"),
    [(5.0, judge.CONFIRMED), (50.0, judge.REFUTED), (np.inf, judge.REFUTED)],
)
def test_who_is_sooner_turns_with_the_metric(records, sooner, expected):
    changes = {"momentum_epochs_to_level": sooner, "gd_epochs_to_level": 20.0}
    assert verdict("momentum-sooner", records, **changes) == expected


def test_a_curve_falls_where_the_runs_leave_it(records):
    curve = [float(y) for y in TOML.curves["figure-1-gd"].y]
    agree = verdict("figure-1-gd", records, gd_validation_accuracy=curve)
    assert agree == judge.CONFIRMED
    apart = verdict("figure-1-gd", records, gd_validation_accuracy=[*curve[:-1], 0.5])
    assert apart == judge.REFUTED


def test_cited_curves_are_whole_flowers():
    for name, curve in TOML.curves.items():
        if not name.startswith("figure-4"):
            hits = np.array(curve.y, dtype=float) * 24
            digits = len(str(curve.y[0]).partition(".")[2])
            np.testing.assert_allclose(hits, np.rint(hits), atol=24 * 0.6 * 10**-digits)

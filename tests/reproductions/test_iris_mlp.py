"""The Iris networks against the authors' update rules in plain NumPy, and their log and split."""

import dataclasses
import pathlib

import numpy as np
import pytest
import sklearn.metrics

from common import claims, judge
from common.data import iris
from reproductions.iris_mlp import experiment, losses, widths
from tests import judging

TOML = claims.load(pathlib.Path(experiment.__file__).with_name("claims.toml"))
SEEDS = (3, 4)
RATES = (0.01, 0.3)


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
    features, labels = iris.load().features[order], np.eye(3)[iris.load().labels[order]]
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


def watched(module, function, config, seeds=SEEDS):
    """Run a protocol; per seed what it measured, and what it gave to one of its functions."""
    seen, original = [], getattr(module, function)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module,
            function,
            lambda *parts, **more: seen.append(parts) or original(*parts, **more),
        )
        measured = list(module.run(config, seeds))
    return measured, seen


@pytest.fixture(scope="module")
def as_written():
    return watched(experiment, "measure", experiment.VARIANTS["as_written"])


@pytest.fixture(scope="module")
def hidden_1():
    return watched(widths, "measure", widths.VARIANTS["hidden_1"])


@pytest.fixture(scope="module")
def compared():
    config = dataclasses.replace(losses.VARIANTS["losses"], rates=RATES, epochs=12)
    return watched(losses, "summarise", config, SEEDS[:1])


def test_every_optimizer_follows_the_authors_rule_step_by_step(as_written):
    for seed, (_, outputs, *_) in zip(SEEDS, as_written[1], strict=True):
        assert list(outputs) == ["gd", "momentum", "adam", "textbook_adam"]
        for optimizer, log_shares in outputs.items():
            expected = library(optimizer, seed, 0.001, hidden=10, epochs=3)
            np.testing.assert_allclose(np.exp(log_shares[:4]), expected, rtol=0, atol=1e-9)


def test_another_width_and_rate_follow_it_too(hidden_1):
    for seed, (log_shares, *_) in zip(SEEDS, hidden_1[1], strict=True):
        expected = library("gd", seed, 0.01, hidden=1, epochs=11)[[1, 11]]
        np.testing.assert_allclose(np.exp(log_shares[:2]), expected, rtol=0, atol=1e-9)


def test_standardised_inputs_are_scaled_by_the_training_rows():
    config = dataclasses.replace(experiment.VARIANTS["standardised_code_rate"], epochs=2)
    _, ((_, outputs, *_),) = watched(experiment, "measure", config, SEEDS[:1])
    expected = library("gd", SEEDS[0], 0.01, hidden=10, epochs=2, scaled=True)
    np.testing.assert_allclose(np.exp(outputs["gd"]), expected, rtol=0, atol=1e-9)


def test_every_loss_is_followed_step_by_step(compared):
    runs = [(loss, rate) for loss in losses.LOSSES for rate in RATES]
    for (loss, rate), (_, log_shares, *_) in zip(runs, compared[1], strict=True):
        expected = library("gd", SEEDS[0], rate, hidden=5, epochs=3, loss=loss)
        np.testing.assert_allclose(np.exp(log_shares[:4]), expected, rtol=0, atol=1e-9)


def test_losses_are_compared_at_the_rate_that_validates_best(compared):
    (measured,), seen = compared
    best = {}
    for number, loss in enumerate(losses.LOSSES):
        validation, test = [], []
        for _, log_shares, labels, _ in seen[2 * number : 2 * number + 2]:
            shares, species = np.exp(log_shares[-1]), np.eye(3)[labels]
            each = -np.log((shares * species).sum(axis=1))
            if loss != "cross_entropy":
                each = ((shares - species) ** 2).sum(axis=1)
            validation.append(each[96:120].mean())
            test.append((shares.argmax(axis=1) == labels)[120:].mean())
        best[loss] = test[np.argmin(validation)]
        assert measured[f"{loss}_best_test_accuracy"] == pytest.approx(best[loss])
        assert measured[f"{loss}_test_accuracy"] == pytest.approx(test, rel=1e-3)
    gain = best["squared_error"] - best["cross_entropy"]
    assert measured["squared_error_best_test_gain"] == pytest.approx(gain)


@pytest.mark.parametrize(("behind", "among"), [(0, True), (1, True), (2, False)])
def test_among_the_best_is_at_most_one_test_flower_behind(behind, among):
    config = losses.Config(rates=(0.01,))
    hits = {"cross_entropy": 28 - behind, "squared_error": 28, "notebook": 20}
    summaries = {(loss, 0.01): losses.Summary(n / 30, 5.0, 1.0) for loss, n in hits.items()}
    assert losses.compare(config, summaries)["cross_entropy_among_best"] is among


def test_gradients_are_compared_at_the_start_over_all_training_flowers(compared):
    ((measured,), _) = compared
    rng = np.random.default_rng(SEEDS[0])
    order = rng.permutation(150)[:96]
    features, labels = iris.load().features[order], np.eye(3)[iris.load().labels[order]]
    weights = [rng.normal(size=shape) for shape in ((4, 5), 5, (5, 3), 3)]
    gradient = {}
    for loss in ("squared_error", "notebook"):
        total = [np.zeros_like(weight) for weight in weights]
        for x, y in zip(features, labels, strict=True):
            hidden, output = forward(weights, x)
            delta = output_delta(loss, output, y)
            hidden_delta = hidden * (1 - hidden) * (weights[2] @ delta)
            parts = np.outer(x, hidden_delta), hidden_delta, np.outer(hidden, delta), delta
            total = [one + other for one, other in zip(total, parts, strict=True)]
        gradient[loss] = np.concatenate([np.ravel(part) for part in total])
    wanted = gradient["squared_error"]
    off = np.linalg.norm(gradient["notebook"] - wanted) / np.linalg.norm(wanted)
    assert measured["notebook_gradient_gap"] == pytest.approx(off)


def test_deeper_networks_have_the_layers_that_they_are_given():
    model = widths.build_model(widths.VARIANTS["notebook_deep"])
    assert [layer.kernel.shape for layer in model.layers] == [(4, 20), (20, 10), (10, 6), (6, 3)]
    assert model.layers[-1].activation.__name__ == "linear"


def test_all_optimizers_of_a_seed_start_alike_and_then_part(as_written):
    (_, one, labels, _), (_, other, other_labels, _) = as_written[1]
    for name in ("momentum", "adam", "textbook_adam"):
        np.testing.assert_array_equal(one[name][0], one["gd"][0])
        assert np.abs(one[name][1] - one["gd"][1]).max() > 1e-3
    assert (labels != other_labels).any()
    assert np.abs(one["gd"][0] - other["gd"][0]).max() > 0.1


def test_networks_of_any_width_share_a_seeds_split(as_written, hidden_1):
    for (_, _, labels, _), (_, same_labels, _) in zip(as_written[1], hidden_1[1], strict=True):
        np.testing.assert_array_equal(labels, same_labels)


def test_a_seed_does_not_hang_on_its_block(monkeypatch):
    monkeypatch.setattr(experiment, "SEEDS_AT_ONCE", 2)
    config = dataclasses.replace(widths.VARIANTS["hidden_5"], epochs=11)
    in_blocks = list(widths.run(config, [0, 1, 2]))
    (alone,) = widths.run(config, [2])
    assert len(in_blocks) == 3
    gaps = [each.pop("loss_gap") for each in (in_blocks[2], alone)]
    assert gaps[0] == pytest.approx(gaps[1])
    assert in_blocks[2] == alone


def test_96_flowers_train_24_validate_and_30_test_by_position():
    rows = experiment.split(150, held_out=0.2)
    positions = np.arange(150)
    assert positions[rows.train].tolist() == list(range(96))
    assert positions[rows.validation].tolist() == list(range(96, 120))
    assert positions[rows.test].tolist() == list(range(120, 150))


def test_accuracies_are_those_of_scikit_learn_at_the_librarys_log_lines(as_written):
    measured, (_, outputs, labels, _) = as_written[0][0], as_written[1][0]
    assert measured["logged_epochs"] == [*range(1, 100, 10)]  # after epoch = 0, 10, ..., 90
    end_to_end = []
    for name in ("gd", "momentum", "adam"):
        expected = [
            sklearn.metrics.accuracy_score(
                labels[96:120], outputs[name][epoch, 96:120].argmax(axis=1)
            )
            for epoch in measured["logged_epochs"]
        ]
        assert measured[f"{name}_validation_accuracy"] == pytest.approx(expected, rel=1e-3)
        end_to_end += measured[f"{name}_validation_accuracy"]
    assert measured["validation_accuracies"] == end_to_end


def test_losses_and_precision_are_those_of_scikit_learn(hidden_1):
    measured, (log_shares, labels, _) = hidden_1[0][0], hidden_1[1][0]
    assert len(log_shares) == len(measured["logged_epochs"]) + 1
    for k, shares in enumerate(np.exp(log_shares[:-1])):
        for metric, rows in (("training_loss", slice(0, 96)), ("last_flower_loss", slice(95, 96))):
            loss = sklearn.metrics.log_loss(labels[rows], shares[rows], labels=[0, 1, 2])
            assert measured[metric][k] == pytest.approx(loss, rel=1e-3)
    predicted = log_shares[-1, 120:].argmax(axis=1)
    hits = predicted == labels[120:]
    assert measured["test_accuracy"] == pytest.approx(hits.mean())
    assert measured["test_all_right"] == hits.all()
    called = [hits[predicted == k].mean() if (predicted == k).any() else 0 for k in range(3)]
    assert measured["test_precision"] == pytest.approx(np.mean(called))


def test_reaching_the_level_is_told_by_epoch_and_by_log_line():
    assert experiment.first([1, 11, 21], np.array([0.5, 22 / 24, 0.6]), level=0.9) == 11
    assert experiment.first([1, 11, 21], np.array([0.5, 21 / 24, 0.6]), level=0.9) == np.inf


def test_a_lead_is_counted_in_points_of_the_record():
    config = experiment.Config(epochs=21)
    late, soon, never = (np.arange(22) >= epoch for epoch in (15, 3, 99))
    accuracies = {"gd": late * 1.0, "momentum": soon * 1.0, "adam": never * 1.0}
    found = experiment.leads(config, accuracies, [1, 11, 21])
    assert found["momentum_lead_in_every_epoch"] == 12
    assert found["momentum_lead_in_log"] == 1  # epochs 11 and 21
    assert found["adam_lead_in_every_epoch"] == 14 - 21
    assert found["adam_lead_in_log"] == 2 - 3


# --- Claims -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(as_written, hidden_1, compared):
    """One seed's measurements for every variant, copied to as many seeds as a verdict needs."""
    long = dataclasses.replace(widths.VARIANTS["notebook"], hidden=1)
    notebook = next(widths.run(long, SEEDS[:1]))
    by_file = {
        "experiment": dict.fromkeys(experiment.VARIANTS, as_written[0][0]),
        "widths": {
            name: notebook if config.epochs == 300 else hidden_1[0][0]
            for name, config in widths.VARIANTS.items()
        },
        "losses": {"losses": compared[0][0]},
    }
    return judging.records_of(
        {name: measured for each in by_file.values() for name, measured in each.items()},
        data={"iris": "scikit-learn"},
    )


def verdict(claim, stored, **changes):
    """Judge one claim with some measurements of its own variant replaced."""
    variant = next(each.variant for each in TOML.claims if each.id == claim)
    return judging.verdict(TOML, claim, stored, variants=[variant] if variant else None, **changes)


def test_every_claim_can_be_judged_from_what_run_measures(stored):
    assert set(judging.verdicts(TOML, stored).values()) <= judging.JUDGED


def test_a_mean_loss_and_a_published_adam_would_be_confirmed(stored):
    assert verdict("figure-4-is-the-training-loss", stored) == judge.REFUTED
    assert verdict("figure-4-is-the-training-loss", stored, loss_gap=1e-6) == judge.CONFIRMED
    assert verdict("adam-bias-correction", stored) == judge.REFUTED
    assert verdict("adam-bias-correction", stored, adam_correction_gap=0.0) == judge.CONFIRMED
    assert verdict("notebook-derivative", stored) == judge.REFUTED
    assert verdict("notebook-derivative", stored, notebook_gradient_gap=0.0) == judge.CONFIRMED


def test_the_papers_own_figures_speak_first(stored):
    judged = judging.verdicts(TOML, stored)
    assert judged["figure-1-adam-sooner"] == judge.CONFIRMED
    assert judged["figure-1-momentum-sooner"] == judge.REFUTED  # sixth point, against third
    assert judged["figure-1-momentum-higher-at-first"] == judge.CONFIRMED
    assert judged["figure-1-gd-arrives"] == judge.CONFIRMED
    falls = {judged[f"figure-4-falls-{neurons}"] for neurons in (2, 3, 4, 5)}
    assert falls == {judge.CONFIRMED}
    assert judged["figure-4-falls-1"] == judge.REFUTED  # 0.979 to 1.095


def test_squared_error_falls_by_its_accuracy(stored):
    for gain, expected in ((0.0, judge.CONFIRMED), (-0.1, judge.REFUTED), (0.1, judge.REFUTED)):
        changes = {"squared_error_best_test_gain": gain}
        assert verdict("squared-error-same-accuracy", stored, **changes) == expected
    for among, expected in ((1, judge.CONFIRMED), (0, judge.REFUTED)):
        changes = {"cross_entropy_among_best": among}
        assert verdict("cross-entropy-among-the-best", stored, **changes) == expected


@pytest.mark.parametrize(
    ("sooner", "expected"),
    [(5.0, judge.CONFIRMED), (50.0, judge.REFUTED), (np.inf, judge.REFUTED)],
)
def test_who_is_sooner_turns_with_the_metric(stored, sooner, expected):
    changes = {"momentum_epochs_to_level": sooner, "gd_epochs_to_level": 20.0}
    assert verdict("momentum-sooner", stored, **changes) == expected


@pytest.mark.parametrize(
    ("fine", "expected"), [(14, judge.CONFIRMED), (1, judge.REFUTED), (-14, judge.REFUTED)]
)
def test_a_finer_record_shows_a_lead_by_more_points_or_it_falls(stored, fine, expected):
    changes = {"adam_lead_in_every_epoch": fine, "adam_lead_in_log": 2}
    assert verdict("adam-lead-shows-when-sampled-finely", stored, **changes) == expected


def spread(cited, count=200):
    """Runs around a curve of 24 flowers: each point up to three flowers off."""
    rng = np.random.default_rng(0)
    hits = np.rint(np.array(cited) * 24) + rng.integers(-3, 4, (count, len(cited)))
    return np.clip(hits, 0, 24) / 24


@pytest.mark.parametrize(("shift", "refuted"), [(0, False), (-0.4, True)])
def test_figure_1_falls_where_the_runs_leave_it(shift, refuted):
    _, cited = TOML.curves["figure-1"].points
    runs = spread(np.clip(np.array(cited) + shift, 0, 1))
    record = {"config": {}, "shortened": {}, "data": {"iris": "scikit-learn"}}
    stored = {
        variant: [
            record | {"seed": seed, "measurements": {"validation_accuracies": curve.tolist()}}
            for seed, curve in enumerate(runs)
        ]
        for variant in ("as_written", "code_rate")
    }
    judged = judge.judge(TOML, stored, seeds=dict.fromkeys(TOML.variants, len(runs)))
    found = {each.claim: each.verdict for each in judged}
    for rate in ("legend", "code"):
        expected = judge.REFUTED if refuted else judge.CONSISTENT
        assert found[f"figure-1-{rate}-rate"] == expected


def test_cited_accuracies_are_whole_flowers():
    for name, curve in TOML.curves.items():
        if not name.startswith("figure-4") and not name.endswith("loss"):
            hits = np.array(curve.y, dtype=float) * 24
            np.testing.assert_allclose(hits, np.rint(hits), atol=0.002)


def test_the_whole_of_figure_1_is_its_three_curves():
    parts = [TOML.curves[f"figure-1-{name}"].y for name in ("gd", "momentum", "adam")]
    assert TOML.curves["figure-1"].y == sum(parts, ())

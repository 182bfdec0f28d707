"""Breast cancers told apart by four small networks, and what a ROC curve of hard labels is worth.

The authors' notebook compares activations, optimizers and rates on 114 tumours, one run each. Here
every run is repeated on many splits and from many starts. Two of its habits are looked into: the
ROC curve is drawn from the predicted classes instead of the class shares, and the network with ReLU
ends as one answer for all tumours.

Source: paper-code, cells 28 to 45 of the notebook; section 6 of the 2024 edition of its paper.
Stated: scikit-learn's 569 tumours, standardised on all rows; a fifth of them to test, and the
    library validates on the last fifth of the others, so 364 train; 30-20-10-5-2, softmax and
    cross-entropy, 20 epochs, one tumour at a time; sigmoid with gradient descent, ReLU with
    momentum, tanh and sigmoid with Adam (the library's), at the rates 0.01 to 0.00001.
Silent about: the splits (it sets no seed: every seed of ours draws one) and the starts (weights and
    biases from N(0, 1); here the networks of one seed share split and start, so that they can be
    compared). The code's positive class is scikit-learn's 1, benign; the text calls that class 0.
    Our own choice: what `corrected` does.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import scipy.special
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
import sklearn.preprocessing
from matplotlib import axes as mpl_axes

from common import claims, cli, data, paper_library, plots, records, training

# The notebook's models 1 to 4: activation of the hidden layers, optimizer.
MODELS = {
    "sigmoid_gd": ("sigmoid", "gd"),
    "relu_momentum": ("relu", "momentum"),
    "tanh_adam": ("tanh", "adam"),
    "sigmoid_adam": ("sigmoid", "adam"),
}
POSITIVE = 1  # the column of the classes that the notebook gives to `roc_curve`


@dataclasses.dataclass(frozen=True)
class Config:
    """The notebook's protocol; all models of a seed share one split and one start."""

    models: tuple[str, ...] = ("sigmoid_gd", "relu_momentum", "tanh_adam", "sigmoid_adam")
    hidden: tuple[int, ...] = (20, 10, 5)
    learning_rates: tuple[float, ...] = (0.01, 0.001, 0.0001, 0.00001)
    epochs: int = 20
    held_out: float = 0.2
    standardised_by: str = "all"  # rows: "all" of them, or those of the "training" part
    initialisation: str = paper_library.INITIALISATION
    restarts: int = 1  # networks from one split, each from a start of its own
    precision: str = "float64"


VARIANTS = {
    "as_written": Config(),
    "restarts": Config(models=("sigmoid_gd",), learning_rates=(0.01,), restarts=10),
    "training_rows_only": Config(learning_rates=(0.01,), standardised_by="training"),
    "corrected": Config(
        learning_rates=(0.01, 0.001),
        standardised_by="training",
        initialisation="glorot",  # assumed: weights that fit the layers' widths
    ),
}

SHORTENED = {"smoke": {"epochs": 3}}


def build_model(config: Config, activation: str, inputs: int, classes: int) -> keras.Model:
    """30-20-10-5-2. It returns z of the last layer: softmax is in the loss."""
    return paper_library.build_network([inputs, *config.hidden, classes], hidden=activation)


# --- The tumours --------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """One split of the tumours; the library trains on the first 80 % of the training part."""

    train: np.ndarray  # [364, 30]
    train_labels: np.ndarray  # int64 [364]
    validation: np.ndarray  # [91, 30]
    test: np.ndarray  # [114, 30]
    test_labels: np.ndarray  # int64 [114]


def split(config: Config, tumours: data.BreastCancer, seed: int) -> Split:
    """Standardise and split as the notebook does, by a seed where it has none."""
    rest, test = sklearn.model_selection.train_test_split(
        np.arange(len(tumours.labels)), test_size=config.held_out, random_state=seed
    )
    scaler = sklearn.preprocessing.StandardScaler()
    scaler.fit(tumours.features if config.standardised_by == "all" else tumours.features[rest])
    features, trained = scaler.transform(tumours.features), paper_library.trained_rows(len(rest))
    return Split(
        train=features[rest[:trained]],
        train_labels=tumours.labels[rest[:trained]],
        validation=features[rest[trained:]],
        test=features[test],
        test_labels=tumours.labels[test],
    )


# --- Measuring ----------------------------------------------------------------------------------


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train every model at every rate, on one split per seed."""
    training.set_precision(config.precision)
    tumours = data.breast_cancer()
    trainers = {name: _trainer(config, tumours, name) for name in config.models}
    for seed in seeds:
        parts = split(config, tumours, seed)
        rng = np.random.default_rng(seed)
        # z of the test tumours, by model: [restarts, rates, 114, 2].
        z: dict[str, Any] = {name: [] for name in config.models}
        for _ in range(config.restarts):
            model = next(iter(trainers.values())).model  # all have the same shapes
            weights = training.initial_weights(model, rng, config.initialisation)
            for name, trainer in trainers.items():
                z[name].append(_outputs(config, trainer, parts, weights, seed))
        measured = _describe(trainers, tumours, parts) | _baselines(parts)
        measured["networks"] = sum(len(restarts[0]) for restarts in z.values())
        measured |= _by_model({name: first for name, (first, *_) in z.items()}, parts.test_labels)
        if config.restarts > 1:
            measured |= _over_restarts(np.stack(z[config.models[0]])[:, 0], parts.test_labels)
        yield measured | _pictures(seed, z, parts)


def _trainer(config: Config, tumours: data.BreastCancer, name: str) -> training.Trainer:
    activation, optimizer = MODELS[name]
    updates = paper_library.trained_rows(round(len(tumours.labels) * (1 - config.held_out)))
    return training.Trainer(
        build_model(config, activation, tumours.features.shape[1], len(tumours.names)),
        paper_library.build_optimizer(optimizer, config.learning_rates[0], updates),
        paper_library.cross_entropy,
        epochs=config.epochs,
        batch_size=1,
    )


def _outputs(
    config: Config,
    trainer: training.Trainer,
    parts: Split,
    weights: list[np.ndarray],
    seed: int,
) -> np.ndarray:
    """Return z of the test tumours after training at each rate: [rates, 114, 2]."""
    outputs = []
    for rate in config.learning_rates:
        trainer.optimizer.learning_rate = rate
        trainer.train(parts.train, np.eye(2)[parts.train_labels], weights=weights, seed=seed)
        outputs.append(trainer.predict(parts.test))
    return np.stack(outputs)


def _describe(
    trainers: dict[str, training.Trainer], tumours: data.BreastCancer, parts: Split
) -> dict:
    """What the models and the tumours are."""
    kernels = [layer.kernel.shape for layer in next(iter(trainers.values())).model.layers]
    return {
        "layer_sizes": [kernels[0][0], *(outputs for _, outputs in kernels)],
        "rows": [len(part) for part in (parts.train, parts.validation, parts.test)],
        "benign_label": tumours.names.index("benign"),
        "malignant_label": tumours.names.index("malignant"),
    }


def _baselines(parts: Split) -> dict:
    """Always the commoner class, and logistic regression on the same rows."""
    commoner = np.bincount(parts.train_labels).argmax()
    logistic = sklearn.linear_model.LogisticRegression(max_iter=1000)
    logistic.fit(parts.train, parts.train_labels)
    scores = logistic.predict_proba(parts.test)[:, POSITIVE]
    return {
        "commoner_accuracy": _short(np.mean(parts.test_labels == commoner)),
        "logistic_accuracy": _short(logistic.score(parts.test, parts.test_labels)),
        "logistic_auc_scores": _short(sklearn.metrics.roc_auc_score(parts.test_labels, scores)),
    }


def _by_model(z: dict[str, np.ndarray], labels: np.ndarray) -> dict:
    """Everything at the first rate, and the main scores over the rates; z is [rates, 114, 2]."""
    measured: dict[str, Any] = {}
    scores = {name: [_scores(each, labels) for each in z[name]] for name in z}
    for name, at_rates in scores.items():
        measured |= {f"{name}_{metric}": value for metric, value in at_rates[0].items()}
        for metric in ("accuracy", "auc_labels", "auc_scores", "one_answer"):
            measured[f"{name}_{metric}_by_rate"] = [each[metric] for each in at_rates]
    return measured


def _scores(z: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Score one network's z [114, 2], with either class as the positive one.

    A precision without any positive answer is 0/0: NaN, and so is whatever needs a finite z.
    """
    answers = z.argmax(axis=1)  # that of NaN is 0, as in the notebook
    finite = bool(np.isfinite(z).all())
    shares = scipy.special.softmax(z, axis=1)[:, POSITIVE]
    fpr, tpr, _ = sklearn.metrics.roc_curve(labels, answers)
    precision, recall = (
        score(labels, answers, average=None, labels=[0, 1], zero_division=np.nan)
        for score in (sklearn.metrics.precision_score, sklearn.metrics.recall_score)
    )
    auc_labels = sklearn.metrics.auc(fpr, tpr)
    balanced = sklearn.metrics.balanced_accuracy_score(labels, answers)
    auc_scores = sklearn.metrics.roc_auc_score(labels, shares) if finite else np.nan
    return {
        "accuracy": _short(np.mean(answers == labels)),
        "precision_benign": _short(precision[1]),
        "precision_malignant": _short(precision[0]),
        "found_benign": _short(recall[1]),
        "found_malignant": _short(recall[0]),
        "auc_labels": _short(auc_labels),
        "auc_scores": _short(auc_scores),
        "auc_gap": float(abs(auc_labels - auc_scores)),
        "balanced_gap": float(abs(auc_labels - balanced)),
        "corners_labels": _corners(labels, answers),
        "corners_scores": _corners(labels, shares) if finite else 0,
        "one_answer": bool(np.ptp(answers) == 0),
        "all_benign": bool((answers == 1).all()),
        "constant": bool(np.ptp(z, axis=0).max() == 0),  # the inputs no longer matter: it is dead
        "finite": finite,
    }


def _corners(labels: np.ndarray, scores: np.ndarray) -> int:
    """How many points a ROC curve has between its two ends."""
    fpr, tpr, _ = sklearn.metrics.roc_curve(labels, scores, drop_intermediate=False)
    points = np.unique(np.stack([fpr, tpr], axis=1), axis=0)
    return len(points) - 2


def _over_restarts(z: np.ndarray, labels: np.ndarray) -> dict:
    """Accuracies of all restarts in rising order, and the best of them; z is [restarts, 114, 2]."""
    scored = [_scores(each, labels) for each in z]
    best = max(scored, key=lambda each: each["accuracy"])
    accuracies = sorted(each["accuracy"] for each in scored)
    return {
        "restart_accuracies": accuracies,
        "restart_mean": _short(np.mean(accuracies)),
        "best_accuracy": best["accuracy"],
        "best_precision": best["precision_benign"],
        "best_auc_labels": best["auc_labels"],
        "best_auc_scores": best["auc_scores"],
    }


def _pictures(seed: int, z: dict[str, Any], parts: Split) -> dict[str, np.ndarray]:
    """For one seed, what the ROC curves are drawn from: shares of the positive class."""
    if seed != 0:
        return {}
    first = np.stack([each[0][0] for each in z.values()])  # at the first rate
    shares = scipy.special.softmax(first, axis=-1)[..., POSITIVE]
    return {"test_labels": parts.test_labels.astype(np.int8), "test_shares": shares}


def _short(value: float) -> float:
    """Five significant digits: more than the notebook prints, and short in a record."""
    return float(f"{value:.5g}")


# --- Figures ------------------------------------------------------------------------------------

NAMES = {
    "sigmoid_gd": "1: sigmoid\nGD",
    "relu_momentum": "2: ReLU\nmomentum",
    "tanh_adam": "3: tanh\nAdam",
    "sigmoid_adam": "4: sigmoid\nAdam",
}


def plot(stored: dict[str, list[dict]], folder: pathlib.Path) -> dict[str, str]:
    """Draw the ROC curves of classes and of shares, and the accuracies with the cited ones."""
    captions = {}
    if runs := stored.get("as_written"):
        captions[_plot_roc(runs, folder)] = (
            "Left: one network's ROC curve on its 114 test tumours (seed 0), from the predicted "
            "classes as the notebook draws it, and from the share of class 1. Right: the areas "
            "under both for model 1, at the notebook's four rates."
        )
    if stored.keys() >= VARIANTS.keys():
        captions[_plot_accuracies(stored, folder)] = (
            "Left: accuracy on the test tumours at rate 0.01; a dot is a run on a split of its "
            "own. Middle: ten restarts on one split, in rising order. Right: model 2, which at "
            "rate 0.01 mostly ends as one answer for all tumours."
        )
    return captions


def _plot_roc(runs: list[dict], folder: pathlib.Path) -> str:
    figure, (roc, areas) = plots.figure(1, 2, title="ROC curves of model 1: classes against shares")
    if arrays := records.first_arrays(runs):
        labels, shares = arrays["test_labels"], arrays["test_shares"][0]
        answers = (shares > 0.5).astype(int)
        for scores, label, marker in ((answers, "classes", "o"), (shares, "shares", "")):
            fpr, tpr, _ = sklearn.metrics.roc_curve(labels, scores)
            area = sklearn.metrics.auc(fpr, tpr)
            roc.plot(fpr, tpr, marker=marker, label=f"from {label}: area {area:.3f}")
    roc.set(
        title="one run at rate 0.01",
        xlabel="malignant taken for benign (share)",
        ylabel="benign told as benign (share)",
    )
    rates = runs[0]["config"]["learning_rates"]
    for metric, label in {"auc_labels": "from classes", "auc_scores": "from shares"}.items():
        samples = records.stack(runs, f"sigmoid_gd_{metric}_by_rate")
        plots.curves(areas, rates, samples, label=label)
    areas.set(
        title="all runs, four rates",
        xscale="log",
        xlabel="learning rate",
        ylabel="area",
        ylim=(0, 1.03),
    )
    return plots.save(figure, folder, "roc")


def _plot_accuracies(stored: dict[str, list[dict]], folder: pathlib.Path) -> str:
    figure, (models, restarts, relu) = plots.figure(
        1, 3, title="Accuracy on 114 test tumours, 30-20-10-5-2"
    )
    curves = claims.load(pathlib.Path(__file__).with_suffix(".toml")).curves
    runs = stored["as_written"]
    _strips(
        models, [records.stack(runs, f"{name}_accuracy") for name in NAMES], list(NAMES.values())
    )
    plots.cited(
        models,
        np.arange(len(NAMES)),
        curves["accuracies"].points[1],
        label="cited: the notebook's one run",
    )
    commoner = np.median(records.stack(runs, "commoner_accuracy"))
    for axes in (models, relu):
        axes.axhline(
            commoner, color="#555555", linestyle=(0, (1, 1.5)), label="always benign (median)"
        )
    models.set(title="four models at rate 0.01")
    accuracies = records.stack(stored["restarts"], "restart_accuracies")
    curve = curves["restarts"]
    plots.curves(restarts, curve.points[0], accuracies, label="splits")
    plots.cited(restarts, *curve.points, label="cited: the notebook's one split")
    restarts.set(title="model 1, ten restarts", xlabel="place among the ten")
    samples = {
        "0.01\nas written": ("as_written", 0),
        "0.001\nas written": ("as_written", 1),
        "0.01\nGlorot": ("corrected", 0),
        "0.001\nGlorot": ("corrected", 1),
    }
    by_rate = "relu_momentum_accuracy_by_rate"
    _strips(
        relu,
        [records.stack(stored[variant], by_rate)[:, at] for variant, at in samples.values()],
        list(samples),
    )
    relu.set(title="model 2 (ReLU): rate and start")
    for axes in (models, restarts, relu):
        axes.set(ylabel="accuracy", ylim=(0.3, 1.02))
    restarts.set(ylim=(0.86, 1.01), xticks=range(1, 11))
    return plots.save(figure, folder, "accuracies")


def _strips(axes: mpl_axes.Axes, samples: Sequence[np.ndarray], names: Sequence[str]) -> None:
    """Draw every run as a dot, a column for each sample."""
    rng = np.random.default_rng(0)
    for column, values in enumerate(samples):
        aside = column + rng.uniform(-0.25, 0.25, len(values))
        label = f"{len(values)} runs" if column == 0 else None
        axes.scatter(
            aside, values, s=8, alpha=0.5, linewidth=0, color=plots.PALETTE[0], label=label
        )
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.grid(False, axis="x")


if __name__ == "__main__":
    cli.run_one(__file__)

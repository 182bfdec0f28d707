"""Breast cancers told apart by four small networks, and what a ROC curve of hard labels is worth.

The authors' notebook compares activations, optimizers and rates on 114 tumours, one run each. Here
every run is repeated on many splits and from many starts. Two of its habits are looked into: the
ROC curve is drawn from the predicted classes instead of the class shares, and the network with ReLU
ends as one answer for all tumours.

Source: paper-code, cells 28 to 45 of the notebook; section 6 of the 2024 edition of its paper.
Stated: scikit-learn's 569 tumours, standardised on all rows; a fifth of them to test, and the
    library validates on the last fifth of the others, so 364 train; 30-20-10-5-2, softmax and
    cross-entropy, 20 epochs, one tumour at a time; sigmoid with gradient descent, ReLU with
    momentum, tanh and sigmoid with Adam (the library's), at the rates 0.01 to 0.00001; precision as
    the mean over both classes, the last point of the ROC curve as "TPR".
Silent about: the splits (it sets no seed: every seed of ours draws one) and the starts (weights and
    biases from N(0, 1); here the networks of one seed share split and start, so that they can be
    compared). The code's positive class is scikit-learn's 1, benign; the text calls that class 0.
    Our own choice: what `corrected` does.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import scipy.special
import sklearn.metrics
import sklearn.model_selection
import sklearn.preprocessing

from common import training
from common.data import breast_cancer
from common.protocols import paper

# The notebook's models 1 to 4: activation of the hidden layers, optimizer.
MODELS = {
    "sigmoid_gd": ("sigmoid", "gd"),
    "relu_momentum": ("relu", "momentum"),
    "tanh_adam": ("tanh", "adam"),
    "sigmoid_adam": ("sigmoid", "adam"),
}
MEASURED = {  # of each model: what claims, findings and figures use
    "sigmoid_gd": (
        "accuracy",
        "precision",
        "auc_labels",
        "auc_scores",
        "auc_gap",
        "balanced_accuracy",
        "tpr_is_one",
    ),
    "relu_momentum": ("accuracy", "auc_labels", "all_benign"),
    "tanh_adam": ("accuracy", "precision", "auc_labels", "auc_scores"),
    "sigmoid_adam": ("accuracy", "precision", "auc_labels", "auc_scores"),
}
BY_RATE = {"sigmoid_gd": ("auc_labels", "auc_scores"), "relu_momentum": ("accuracy",)}
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
    initialisation: str = paper.INITIALISATION
    precision: str = "float64"


VARIANTS = {
    "as_written": Config(),
    "corrected": Config(
        models=("sigmoid_gd", "relu_momentum"),
        learning_rates=(0.01, 0.001),
        standardised_by="training",
        # assumed: weights that fit the layers' widths
        initialisation="glorot",
    ),
}
SHORTENED = {"smoke": {"epochs": 3}}


def build_model(config: Config, activation: str, inputs: int, classes: int) -> keras.Model:
    """30-20-10-5-2. It returns z of the last layer: softmax is in the loss."""
    return paper.build_network([inputs, *config.hidden, classes], hidden=activation)


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """One split of the tumours; the library trains on the first 80 % of the training part."""

    train: np.ndarray  # [364, 30]
    train_labels: np.ndarray  # int64 [364]
    validation: np.ndarray  # [91, 30]
    test: np.ndarray  # [114, 30]
    test_labels: np.ndarray  # int64 [114]


def split(config: Config, tumours: breast_cancer.BreastCancer, seed: int) -> Split:
    """Standardise and split as the notebook does, by a seed where it has none."""
    rest, test = sklearn.model_selection.train_test_split(
        np.arange(len(tumours.labels)), test_size=config.held_out, random_state=seed
    )
    scaler = sklearn.preprocessing.StandardScaler()
    scaler.fit(tumours.features if config.standardised_by == "all" else tumours.features[rest])
    features, trained = scaler.transform(tumours.features), paper.trained_rows(len(rest))
    return Split(
        train=features[rest[:trained]],
        train_labels=tumours.labels[rest[:trained]],
        validation=features[rest[trained:]],
        test=features[test],
        test_labels=tumours.labels[test],
    )


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train every model at every rate, from one start on one split per seed."""
    training.set_precision(config.precision)
    tumours = breast_cancer.load()
    trainers = {name: build_trainer(config, tumours, name) for name in config.models}
    model = trainers[config.models[0]].model  # all have the same shapes
    for seed in seeds:
        parts = split(config, tumours, seed)
        weights = paper.initial_weights(model, np.random.default_rng(seed), config.initialisation)
        z = {
            name: outputs(trainer, parts, weights, config.learning_rates)
            for name, trainer in trainers.items()
        }
        measured = {"benign_label": tumours.names.index("benign")} | baseline(parts)
        for name, at_rates in z.items():
            measured |= measure(name, at_rates, parts.test_labels)
        yield measured | pictures(seed, z, parts)


def build_trainer(
    config: Config, tumours: breast_cancer.BreastCancer, name: str
) -> training.Trainer:
    """One of the notebook's four models with its optimizer, one tumour at a time."""
    activation, optimizer = MODELS[name]
    updates = paper.trained_rows(round(len(tumours.labels) * (1 - config.held_out)))
    return training.Trainer(
        build_model(config, activation, tumours.features.shape[1], len(tumours.names)),
        paper.build_optimizer(optimizer, config.learning_rates[0], updates),
        paper.cross_entropy,
        epochs=config.epochs,
        batch_size=1,
    )


def outputs(
    trainer: training.Trainer, parts: Split, weights: list[np.ndarray], rates: Sequence[float]
) -> np.ndarray:
    """Return z of the test tumours after training at each rate: [rates, 114, 2]."""
    answered = []
    for rate in rates:
        trainer.optimizer.learning_rate = rate
        trainer.train(parts.train, np.eye(2)[parts.train_labels], weights=weights, seed=0)
        answered.append(trainer.predict(parts.test))
    return np.stack(answered)


def baseline(parts: Split) -> dict:
    """Return how often the commoner class of the rows trained on is right on the test tumours."""
    commoner = np.bincount(parts.train_labels).argmax()
    return {"commoner_accuracy": short(np.mean(parts.test_labels == commoner))}


def measure(name: str, z: np.ndarray, labels: np.ndarray) -> dict:
    """Return a model's scores at the first rate, and some over the rates; z is [rates, 114, 2]."""
    at_rates = [scores(each, labels) for each in z]
    first = {f"{name}_{metric}": at_rates[0][metric] for metric in MEASURED[name]}
    return first | {
        f"{name}_{metric}_by_rate": [each[metric] for each in at_rates]
        for metric in BY_RATE.get(name, ())
    }


def scores(z: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Score one network's z [114, 2]: what the notebook prints, and what its names mean.

    The notebook's precision is the mean over both classes of hits by answers; a class that is never
    answered makes it 0/0, NaN.
    """
    answers = z.argmax(axis=1)  # that of NaN is 0, as in the notebook
    finite = bool(np.isfinite(z).all())
    shares = scipy.special.softmax(z, axis=1)[:, POSITIVE]
    hits = sklearn.metrics.confusion_matrix(labels, answers, labels=[0, 1])
    fpr, tpr, _ = sklearn.metrics.roc_curve(labels, answers)
    with np.errstate(invalid="ignore"):
        precision = np.mean(np.diag(hits) / hits.sum(axis=0))
    auc_labels = sklearn.metrics.auc(fpr, tpr)
    auc_scores = sklearn.metrics.roc_auc_score(labels, shares) if finite else np.nan
    return {
        "accuracy": short(np.mean(answers == labels)),
        "precision": short(precision),
        "tpr_is_one": bool(tpr[-1] == 1),  # what the notebook prints as TPR
        "auc_labels": short(auc_labels),
        "auc_scores": short(auc_scores),
        "auc_gap": float(abs(auc_labels - auc_scores)),
        "balanced_accuracy": short(sklearn.metrics.balanced_accuracy_score(labels, answers)),
        "all_benign": bool((answers == 1).all()),
    }


def pictures(seed: int, z: dict[str, np.ndarray], parts: Split) -> dict[str, np.ndarray]:
    """For one seed, what the ROC curves are drawn from: shares of the positive class."""
    if seed != 0:
        return {}
    first = np.stack([at_rates[0] for at_rates in z.values()])
    shares = scipy.special.softmax(first, axis=-1)[..., POSITIVE]
    return {"test_labels": parts.test_labels.astype(np.int8), "test_shares": shares}


def short(value: float) -> float:
    """Five significant digits: more than the notebook prints, and short in a record."""
    return float(f"{value:.5g}")

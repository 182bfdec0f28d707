"""The notes' multilayer perceptron on MNIST: 784-128-64-10, two epochs of Adam.

Next to the network itself, as its authors trained it, stand what the text says about it: other
widths, one layer less and one more, the exercise with plain gradient descent, and overfitting and
its remedies. `optimizers` tries Adam's rates, `derivation` the formulas, `widths` the stopwatch,
`running_loss` the memory that `loss.item()` saves.

Source: notes-2, sections 3 (introduction), 3.3, 3.4 and 3.5, and what 4.3 says of the earlier
    network; notes-code, `src/mnist.py`.
Stated: 784-128-64-10, ReLU, log-softmax and negative log-likelihood, batches of 64, Adam 0.003, two
    epochs, the mean of the batch losses printed; the exercise's third hidden layer of 32 with SGD;
    dropout of 20 %.
Silent about: the seed (we use many); shuffling, and inputs in [-1, 1] where the text says [0, 1]
    (from the companion code); the initialisation (PyTorch's own, which the text takes for
    Glorot's); any accuracy (we measure it); the exercise's rate (we keep the listing's); the sizes
    of "very small" and "very large" layers; when a network overfits (we give it few images, or
    labels that can only be learnt by heart); the strength of L2 (the handwritten pages' largest).
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import sklearn.metrics
from keras import ops

from common import losses, optimizers, training, variants
from common.data import mnist
from common.protocols import notes

CLASSES = 10
LEARNT = 0.99  # a training set of which hardly an image is wrong: "casi 0"
OVERFIT = 5  # how many times as often a test image is wrong then: "muy alto"


@dataclasses.dataclass(frozen=True)
class Config:
    """The notes' protocol; every other variant changes a few fields of it."""

    hidden: tuple[int, ...] = (128, 64)
    pixel_range: tuple[float, float] = (-1.0, 1.0)  # Normalize(0.5, 0.5) in the companion code
    optimizer: str = "adam"
    learning_rate: float = 0.003
    batch_size: int = 64
    epochs: int = 2
    dropout: float = 0.0
    training_images: int = 60_000

    # assumed: lambda / (2 m) times all squared weights is added, as on the handwritten pages
    l2: float = 0.0
    # assumed: nothing to recognise, only to memorise
    random_labels: bool = False
    # assumed: scores of the training set are taken on as many images as the test set has
    scored_images: int = 10_000


# assumed: the notes' student learns the 100 problems of a book; here, one image in twelve
FEW_IMAGES = Config(training_images=5000, epochs=30)
# assumed: long enough to learn much by heart, in the text's own range
MEMORY = Config(
    pixel_range=(0.0, 1.0),
    learning_rate=0.001,
    epochs=30,
    training_images=1000,
    random_labels=True,
)

VARIANTS = {
    "as_written": Config(),
    "unit_range": Config(pixel_range=(0.0, 1.0)),
    "softmax_regression": Config(hidden=()),
    "one_hidden": Config(hidden=(128,)),
    "width_100": Config(hidden=(100, 64)),
    "width_200": Config(hidden=(200, 64)),
    "width_512": Config(hidden=(512, 64)),
    "bottleneck": Config(hidden=(4, 4)),  # assumed: "very small numbers"
    "wide": Config(hidden=(512, 256)),  # assumed: "very large numbers"
    **variants.sweep(
        "exercise_{optimizer}", Config(hidden=(128, 64, 32)), optimizer=["adam", "sgd"]
    ),
    "few_images": FEW_IMAGES,
    "few_images_wide": dataclasses.replace(FEW_IMAGES, hidden=(512, 256)),
    "few_images_dropout": dataclasses.replace(FEW_IMAGES, dropout=0.2),
    "few_images_l2": dataclasses.replace(FEW_IMAGES, l2=0.1),
    "memory_narrow": dataclasses.replace(MEMORY, hidden=(32, 16)),  # assumed
    "memory": MEMORY,
    "memory_wide": dataclasses.replace(MEMORY, hidden=(512, 256)),
}

SHORTENED = {"smoke": {"training_images": 1000, "epochs": 2}}


# --- The network --------------------------------------------------------------------------------


def build_model(config: Config) -> keras.Model:
    """Flattened images in, logarithms of ten probabilities out (the listing's `RedMNIST`)."""
    layers: list[keras.layers.Layer] = [keras.Input((mnist.PIXELS,))]
    for width in config.hidden:
        layers.append(keras.layers.Dense(width, activation="relu"))
        if config.dropout:
            layers.append(training.Dropout(config.dropout))
    return keras.Sequential([*layers, keras.layers.Dense(CLASSES, activation="log_softmax")])


def with_l2(model: keras.Model, strength: float, batch_size: int) -> Callable[[Any, Any], Any]:
    """Return the loss with lambda / (2 m) times all squared weights, biases left out, added."""
    kernels = [layer.kernel for layer in model.layers if layer.trainable_weights]

    def cost(labels: Any, log_probabilities: Any) -> Any:
        squares = sum(ops.sum(ops.square(kernel)) for kernel in kernels)
        penalty = squares * (strength / (2 * batch_size))
        return losses.negative_log_likelihood(labels, log_probabilities) + penalty

    return cost


def build_trainer(config: Config) -> training.Trainer:
    """Return the model with its loss and optimizer; what it reports is the plain loss."""
    model = build_model(config)
    plain = losses.negative_log_likelihood
    optimizer = {"adam": optimizers.Adam, "sgd": keras.optimizers.SGD}[config.optimizer]
    return training.Trainer(
        model,
        optimizer(config.learning_rate),
        with_l2(model, config.l2, config.batch_size) if config.l2 else plain,
        epochs=config.epochs,
        batch_size=config.batch_size,
        shuffle=True,
        report=plain,
    )


def inputs_of(images: np.ndarray, config: Config) -> np.ndarray:
    """Return rows of 784 pixels within `pixel_range`; images are uint8 (n, 28, 28)."""
    low, high = config.pixel_range
    return low + (high - low) * mnist.rows(images, "float32")


# --- What is measured ---------------------------------------------------------------------------


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed; the claims say what each metric is for."""
    training.set_precision("float32")
    digits = mnist.load()
    train_images = digits.train_images[: config.training_images]
    # One copy of each inside the backend serves all evaluations.
    train = ops.convert_to_tensor(inputs_of(train_images, config))
    test = ops.convert_to_tensor(inputs_of(digits.test_images, config))
    trainer = build_trainer(config)
    epochs = range(0, config.epochs + 1, max(1, config.epochs // 10))
    for seed in seeds:
        labels = labels_of(digits, config, seed)

        def evaluate(epoch: int, labels: np.ndarray = labels) -> dict:
            began = time.process_time()
            seen = config.scored_images
            scores = {
                **score(trainer, test, digits.test_labels, "test"),
                **score(trainer, train[:seen], labels[:seen], "train"),
            }
            if epoch == 0 and config.hidden:
                scores["dead_at_start"] = dead_units(trainer.model.layers[0], train[:1000])
            return scores | {"began": began, "ended": time.process_time()}

        rng = np.random.default_rng(seed)
        weights = training.initial_weights(trainer.model, rng, notes.pytorch)
        history = trainer.train(
            train, labels, weights=weights, seed=seed, evaluate=evaluate, at=epochs
        )
        yield {
            "training_images": len(train_images),
            "test_images": len(digits.test_images),
            "image_shape": list(train_images.shape[1:]),
            "batch_shape": list(train[: config.batch_size].shape),
            "weight_size": weight_size(trainer.model),
            **curves_of(history, epochs),
        }


def labels_of(digits: mnist.Mnist, config: Config, seed: int) -> np.ndarray:
    """Return the training images' labels, in another order for each seed where they say nothing."""
    labels = digits.train_labels[: config.training_images]
    return np.random.default_rng([seed, 1]).permutation(labels) if config.random_labels else labels


def score(trainer: training.Trainer, inputs: Any, labels: np.ndarray, part: str) -> dict:
    """Return the share of correct answers and the mean cross-entropy over a set, dropout off."""
    log_probabilities = trainer.predict(inputs)
    predicted = log_probabilities.argmax(axis=1)
    return {
        f"{part}_accuracy": float(sklearn.metrics.accuracy_score(labels, predicted)),
        f"{part}_loss": float(losses.negative_log_likelihood(labels, log_probabilities)),
    }


def dead_units(layer: keras.layers.Layer, images: Any) -> float:
    """Return the share of a ReLU layer's units that answer 0 to every image."""
    silent = np.asarray(layer(images)) == 0
    return float(silent.all(axis=0).mean())


def weight_size(model: keras.Model) -> float:
    """Return the root mean square of all weights, biases left out."""
    kernels = [np.ravel(layer.kernel) for layer in model.layers if layer.trainable_weights]
    return rounded(np.sqrt(np.mean(np.concatenate(kernels, dtype="float64") ** 2)))


def curves_of(history: training.History, epochs: range) -> dict:
    """Return a run's evaluations side by side, one list per quantity, and what they come to."""
    evaluations = [history.evaluations[epoch] for epoch in epochs]
    curves = {
        name: [rounded(scores[name]) for scores in evaluations]
        for name in ("test_accuracy", "train_accuracy", "test_loss", "train_loss")
    }
    at_start = {name: value for name, value in evaluations[0].items() if name.endswith("_at_start")}
    learnt, known = np.array(curves["train_accuracy"]), np.array(curves["test_accuracy"])
    # Processor time, which other work on the machine does not stretch, of the last stretch: the
    # first one includes the compilation.
    seconds = evaluations[-1]["began"] - evaluations[-2]["ended"]
    return {
        "losses": [rounded(loss) for loss in history.losses],
        "evaluated_epochs": list(epochs),
        **curves,
        "gap": rounded(learnt[-1] - known[-1]),
        "overfits": int(((learnt >= LEARNT) & (1 - known >= OVERFIT * (1 - learnt))).any()),
        **at_start,
        "seconds_per_epoch": rounded(seconds / epochs.step),
    }


def rounded(value: float) -> float:
    """Return seven significant digits, as float32 has; what has diverged counts as infinite."""
    return math.inf if math.isnan(value) else float(f"{value:.7g}")

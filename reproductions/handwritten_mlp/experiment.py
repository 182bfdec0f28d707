"""The handwritten pages' algorithm on MNIST: mini-batch descent for 784-128-64-10.

The algorithm as its formulas mean it, as its listing prints it (one prime is missing), and what the
pages say about training: the rate, the start, momentum and Adam, the penalty on large weights, the
probabilities it answers. `derivation` holds the formulas themselves against autodiff, `optimizers`
those of momentum and Adam, `batches` the stopwatch.

Source: handwritten, all of it (formulas and remarks; no code, no results).
Stated: 784-128-64-10, ReLU and softmax, pixels from 0 to 1, weights from N(0, sigma^2), biases 0;
    mini-batches of 32, 64 or 128; rates "típicamente entre 0.001 y 0.1"; lambda likewise; beta 0.9;
    Adam 0.9, 0.999, 1e-8.
Silent about: sigma (0.05, about that of He's rule for 784 inputs), the batch among the three (64),
    the number of epochs (2, as in the notes for the same network; as many updates on fewer images),
    which rates are "muy grande" and "muy pequeña" (ten times beyond its typical ones, and more).
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from common import losses, optimizers, training
from common.data import mnist

CLASSES = 10
BETA = 0.9  # of momentum
RISE = 1.05  # a loss that is higher than that of the pass before, by more than a little
STALLED = 0.99  # a loss that ends above this share of what it was halfway
LEARNING = 1.5  # a mean batch loss that has left the plateau at log(10) = 2.30 behind
BINS = 15  # of confidence, to compare it with the share of right answers


@dataclasses.dataclass(frozen=True)
class Config:
    """The handwritten algorithm; every other variant changes a few fields of it."""

    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"  # "relu_with_itself_as_slope": as printed; "linear": without it
    optimizer: str = "sgd"  # or "momentum", as printed, or "adam"
    learning_rate: float = 0.1  # the largest of its typical rates
    batch_size: int = 64
    l2: float = 0.0  # lambda: lambda / (2 m) times all squared weights is added

    # assumed: the sigma of N(0, sigma^2)
    spread: float = 0.05
    # assumed
    epochs: int = 2
    # assumed: all, or the first ones
    training_images: int = 60_000


PASSES = Config(training_images=6400, epochs=20)  # as many updates, looked at ten times as often
PLATEAU = Config(spread=0.01, training_images=1536, epochs=60)  # so small a start is flat ground
FEW = Config(training_images=1024, epochs=200)  # assumed: few enough to be learnt by heart

VARIANTS = {
    "as_written": Config(),
    "as_printed": Config(activation="relu_with_itself_as_slope"),
    "without_relu": Config(activation="linear"),
    "adam": Config(optimizer="adam", learning_rate=0.001),  # Adam's usual rate, "out of the box"
    "rate_tiny": dataclasses.replace(PASSES, learning_rate=0.0001),
    "rate_small": dataclasses.replace(PASSES, learning_rate=0.001),
    "rate_middle": dataclasses.replace(PASSES, learning_rate=0.01),
    "rate_large": PASSES,
    "rate_huge": dataclasses.replace(PASSES, learning_rate=1.0),
    "rate_absurd": dataclasses.replace(PASSES, learning_rate=10.0),
    "start_narrow": dataclasses.replace(PASSES, spread=0.001),
    "start_wide": dataclasses.replace(PASSES, spread=0.3),
    "start_unit": dataclasses.replace(PASSES, spread=1.0),
    "plateau": PLATEAU,
    "plateau_momentum": dataclasses.replace(PLATEAU, optimizer="momentum"),
    "plateau_momentum_fast": dataclasses.replace(
        PLATEAU, optimizer="momentum", learning_rate=0.1 / (1 - BETA)
    ),
    "plateau_fast": dataclasses.replace(PLATEAU, learning_rate=1.0),
    "momentum_huge": dataclasses.replace(PASSES, optimizer="momentum", learning_rate=1.0),
    "few": FEW,
    "few_l2_small": dataclasses.replace(FEW, l2=0.001),  # the ends and the middle of its range
    "few_l2_middle": dataclasses.replace(FEW, l2=0.01),
    "few_l2_large": dataclasses.replace(FEW, l2=0.1),
}

SHORTENED = {"smoke": {"training_images": 640, "epochs": 2}}


# --- The network and its algorithm --------------------------------------------------------------


def build_model(config: Config) -> keras.Model:
    """Flattened images in, logarithms of ten probabilities out."""
    activation = {"relu_with_itself_as_slope": relu_with_itself_as_slope}.get(
        config.activation, config.activation
    )
    hidden = [keras.layers.Dense(width, activation=activation) for width in config.hidden]
    answer = keras.layers.Dense(CLASSES, activation="log_softmax")
    return keras.Sequential([keras.Input((mnist.PIXELS,)), *hidden, answer])


@ops.custom_gradient
def relu_with_itself_as_slope(z: Any) -> tuple[Any, Callable[..., Any]]:
    """ReLU whose backward step is dZ = dA * g(Z), without the prime: the listing as printed."""
    activations = ops.relu(z)

    def backward(*gradients: Any, upstream: Any = None) -> Any:
        return (gradients[0] if upstream is None else upstream) * activations

    return activations, backward


def build_optimizer(config: Config) -> keras.optimizers.Optimizer:
    """Return the optimizer; momentum as printed, v = beta v + (1 - beta) g, is classical momentum.

    Classical momentum has v = beta v + g; `optimizers.momentum_gap` shows that the printed one is
    the same at (1 - beta) times the rate.
    """
    match config.optimizer:
        case "sgd":
            return keras.optimizers.SGD(config.learning_rate)
        case "momentum":
            return optimizers.Momentum(config.learning_rate * (1 - BETA), BETA)
        case "adam":
            return optimizers.Adam(config.learning_rate)
    raise ValueError(f"no optimizer {config.optimizer!r}")


def regularised_cost(model: keras.Model, config: Config) -> Callable[[Any, Any], Any]:
    """Return J_reg(w, b) = J(w, b) + lambda / (2 m) sum ||w||^2, as printed; m is the batch."""
    factor = config.l2 / (2 * config.batch_size)

    def cost(labels: Any, log_probabilities: Any) -> Any:
        norms = [ops.sum(ops.square(layer.kernel)) for layer in model.layers]
        return losses.negative_log_likelihood(labels, log_probabilities) + factor * sum(norms)

    return cost if config.l2 else losses.negative_log_likelihood


def start(model: keras.Model, seed: int, spread: float) -> list[np.ndarray]:
    """Return weights from N(0, spread^2) and biases of 0, in the order of the model's weights."""
    weights = training.initial_weights(model, np.random.default_rng(seed), training.normal)
    return [spread * array for array in weights]


# --- What is measured ---------------------------------------------------------------------------


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed; the claims say what each metric is for."""
    training.set_precision("float32")
    digits = mnist.load()
    inputs = ops.convert_to_tensor(
        mnist.rows(digits.train_images[: config.training_images], "float32")
    )
    labels = digits.train_labels[: config.training_images]
    test = ops.convert_to_tensor(mnist.rows(digits.test_images, "float32"))
    model = build_model(config)
    trainer = training.Trainer(
        model,
        build_optimizer(config),
        regularised_cost(model, config),
        epochs=config.epochs,
        batch_size=config.batch_size,
        shuffle=True,
        report=losses.negative_log_likelihood,
    )
    epochs = range(0, config.epochs + 1, max(1, config.epochs // 5))
    for seed in seeds:
        history = trainer.train(
            inputs,
            labels,
            weights=start(model, seed, config.spread),
            seed=seed,
            evaluate=lambda epoch: scores(trainer.predict(test), digits.test_labels),
            at=epochs,
        )
        evaluations = [history.evaluations[epoch] for epoch in epochs]
        yield {
            "evaluated_epochs": list(epochs),
            "test_accuracy": [each["accuracy"] for each in evaluations],
            "test_loss": [each["loss"] for each in evaluations],
            **course(history.losses),
            **calibration(trainer.predict(test), digits.test_labels),
            **weight_sizes(model),
        }


def scores(log_probabilities: np.ndarray, labels: np.ndarray) -> dict:
    """Return the share of right answers and the mean cross-entropy."""
    return {
        "accuracy": rounded(float(np.mean(log_probabilities.argmax(axis=1) == labels))),
        "loss": rounded(losses.negative_log_likelihood(labels, log_probabilities)),
    }


def course(history: np.ndarray) -> dict:
    """Return the mean batch losses of all passes, and how they went: down, up and down, nowhere."""
    finite = np.where(np.isfinite(history), history, np.inf)
    before, after = finite[:-1], finite[1:]
    rises = np.where(np.isfinite(after), after, np.inf) - np.where(np.isfinite(before), before, 0)
    middle = finite[(len(finite) - 1) // 2]
    learning = np.flatnonzero(finite < LEARNING)
    return {
        "losses": [rounded(loss) for loss in finite],
        "rising_share": rounded(float(np.mean(after > before))),
        "largest_rise": rounded(max(0.0, float(np.max(rises)))),
        "falls_in_every_pass": int(np.all(after < before)),
        "oscillates": int(np.any(after > RISE * before)),
        "stalls": int(finite[-1] > max(LEARNING, STALLED * middle)),
        "passes_to_learn": int(learning[0]) + 1 if len(learning) else len(history) + 1,
    }


def calibration(log_probabilities: np.ndarray, labels: np.ndarray) -> dict:
    """Hold the probability of the chosen class against how often it is right.

    The error is the mean distance of the two over bins of equal width, weighted by the images in
    them ("expected calibration error").
    """
    confidence = np.exp(log_probabilities.max(axis=1))
    right = log_probabilities.argmax(axis=1) == labels
    bins = np.minimum((np.nan_to_num(confidence) * BINS).astype(int), BINS - 1)
    images = np.bincount(bins, minlength=BINS)
    told = np.bincount(bins, np.nan_to_num(confidence), minlength=BINS)
    hits = np.bincount(bins, right, minlength=BINS)
    filled = np.maximum(images, 1)
    return {
        "calibration_error": rounded(np.abs(told - hits).sum() / len(labels)),
        "mean_confidence": rounded(confidence.mean()),
        "confidence_of_bins": [rounded(value) for value in told / filled],
        "hits_of_bins": [rounded(value) for value in hits / filled],
        "images_of_bins": images.tolist(),
    }


def weight_sizes(model: keras.Model) -> dict:
    """Return how large the weights are, and how unevenly: what the largest tenth has of all."""
    kernels = [np.ravel(layer.kernel) for layer in model.layers]
    squares = np.sort(np.concatenate(kernels, dtype="float64") ** 2)
    largest = squares[-(len(squares) // 10) :]
    return {
        "weight_size": rounded(np.sqrt(squares.mean())),
        "share_of_largest_tenth": rounded(largest.sum() / squares.sum()),
    }


def rounded(value: float) -> float:
    """Return six significant digits; what has diverged counts as infinite."""
    return math.inf if math.isnan(value) else float(f"{value:.6g}")

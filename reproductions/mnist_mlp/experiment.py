"""The notes' multilayer perceptron on MNIST: 784-128-64-10, two epochs of Adam.

Next to the network itself, as its authors trained it, stand what the text says about it: other
widths, one layer less and one more, Adam against plain gradient descent, overfitting and its
remedies; the handwritten document's algorithm for the same network, as meant and as printed; and
(`derivation`) every formula, shape and count of both documents, held against autodiff.

Source: notes-2, sections 3 (introduction), 3.3, 3.4 and 3.5, and what 4.3 says of the earlier
    network; handwritten, all of it; notes-code, `src/mnist.py`.
Stated: 784-128-64-10, ReLU, log-softmax and negative log-likelihood, batches of 64, Adam 0.003, two
    epochs, the mean of the batch losses printed; the exercise's third hidden layer of 32 with SGD.
Silent about: the seed (we use many); shuffling, and inputs in [-1, 1] where the text says [0, 1]
    (from the companion code); the initialisation (PyTorch's own, which the text takes for
    Glorot's); any accuracy (we measure it); the exercise's rate (the listing's 0.003, and 0.1); the
    sizes of "very small" and "very large" layers; how long training must be to overfit; the
    strength of L2; the handwritten document's sigma, rate and number of epochs.
"""

import dataclasses
import math
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import sklearn.metrics
from keras import ops
from matplotlib import axes as mpl_axes

from common import cli, data, plots, records, training

Loss = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]

PIXELS = 28 * 28
CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Config:
    """The notes' protocol; every other variant changes a few fields of it."""

    experiment: str = "training"  # or "derivation": formulas, shapes and counts, without MNIST
    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"  # or "relu_with_itself_as_slope", the handwritten algorithm as printed
    pixel_range: tuple[float, float] = (-1.0, 1.0)  # Normalize(0.5, 0.5) in the companion code
    initialisation: str = "pytorch"  # uniform in +-1/sqrt(inputs), what nn.Linear really does
    spread: float = 1.0  # factor on the initial weights: the sigma of N(0, sigma^2)
    optimizer: str = "adam"
    learning_rate: float = 0.003
    batch_size: int = 64
    epochs: int = 2
    dropout: float = 0.0
    l2: float = 0.0  # the handwritten lambda: lambda / (2 m) times all squared weights is added
    training_images: int = 60_000
    random_labels: bool = False  # nothing to recognise, only to memorise
    scored_images: int = 10_000  # assumed: of the training set, as many as the test set has
    precision: str = "float32"


THIRD_LAYER = Config(hidden=(128, 64, 32))
LONG = Config(epochs=20)  # assumed: "long enough" to see overfitting
FEW_IMAGES = Config(training_images=5000, epochs=30)  # assumed: the notes' 100 learnt problems
MEMORY = Config(  # assumed: long enough to learn much by heart, in the text's own range
    pixel_range=(0.0, 1.0),
    learning_rate=0.001,
    epochs=30,
    training_images=1000,
    random_labels=True,
)
HANDWRITTEN = Config(
    pixel_range=(0.0, 1.0),
    initialisation="normal",
    spread=0.05,  # assumed: the document only says N(0, sigma^2)
    optimizer="sgd",
    learning_rate=0.1,  # the largest of its typical rates
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
    "third_layer_adam": THIRD_LAYER,
    "third_layer_adam_fast": dataclasses.replace(THIRD_LAYER, learning_rate=0.1),  # assumed
    "third_layer_sgd": dataclasses.replace(THIRD_LAYER, optimizer="sgd"),
    "third_layer_sgd_fast": dataclasses.replace(
        THIRD_LAYER,
        optimizer="sgd",
        learning_rate=0.1,  # assumed
    ),
    "long": LONG,
    "long_dropout": dataclasses.replace(LONG, dropout=0.2),
    "long_l2": dataclasses.replace(LONG, l2=0.1),  # assumed: the largest of its typical lambdas
    "few_images": FEW_IMAGES,
    "few_images_wide": dataclasses.replace(FEW_IMAGES, hidden=(512, 256)),
    "memory_narrow": dataclasses.replace(MEMORY, hidden=(32, 16)),  # assumed
    "memory": MEMORY,
    "memory_wide": dataclasses.replace(MEMORY, hidden=(512, 256)),
    "handwritten": HANDWRITTEN,
    "handwritten_slow": dataclasses.replace(HANDWRITTEN, learning_rate=0.001),
    "handwritten_as_printed": dataclasses.replace(
        HANDWRITTEN, activation="relu_with_itself_as_slope"
    ),
    "derivation": Config(experiment="derivation", precision="float64", batch_size=32),
}

SHORTENED = {"smoke": {"training_images": 1000, "epochs": 2}}


# --- The network --------------------------------------------------------------------------------


def build_model(config: Config) -> keras.Model:
    """Flattened images in, logarithms of ten probabilities out (the listing's `RedMNIST`)."""
    activation = {"relu": "relu", "relu_with_itself_as_slope": relu_with_itself_as_slope}
    layers: list[keras.layers.Layer] = [keras.Input((PIXELS,))]
    for width in config.hidden:
        layers.append(keras.layers.Dense(width, activation=activation[config.activation]))
        if config.dropout:
            layers.append(training.Dropout(config.dropout))
    return keras.Sequential([*layers, keras.layers.Dense(CLASSES, activation="log_softmax")])


@ops.custom_gradient
def relu_with_itself_as_slope(
    z: keras.KerasTensor,
) -> tuple[keras.KerasTensor, Callable[..., keras.KerasTensor]]:
    """ReLU whose backward step is dZ = dA * g(Z), without the prime: the algorithm as printed."""
    activations = ops.relu(z)

    def backward(
        *gradients: keras.KerasTensor, upstream: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        return (gradients[0] if upstream is None else upstream) * activations

    return activations, backward


def negative_log_likelihood(
    labels: keras.KerasTensor, log_probabilities: keras.KerasTensor
) -> keras.KerasTensor:
    """Mean of -log p(true class) over the batch: `nn.NLLLoss`. Labels are digits, shape (m,)."""
    hits = ops.one_hot(labels, CLASSES, dtype=log_probabilities.dtype) * log_probabilities
    return -ops.mean(ops.sum(hits, axis=1))


def with_l2(model: keras.Model, strength: float, batch_size: int) -> Loss:
    """Add the handwritten penalty: lambda / (2 m) times all squared weights, without biases."""
    kernels = [layer.kernel for layer in model.layers if layer.trainable_weights]

    def cost(labels: keras.KerasTensor, log_probabilities: keras.KerasTensor) -> keras.KerasTensor:
        squares = sum(ops.sum(ops.square(kernel)) for kernel in kernels)
        penalty = squares * (strength / (2 * batch_size))
        return negative_log_likelihood(labels, log_probabilities) + penalty

    return cost


def initial_weights(model: keras.Model, seed: int, config: Config) -> list[np.ndarray]:
    """Draw every weight and bias of one run from its seed."""
    drawn = training.initial_weights(model, np.random.default_rng(seed), config.initialisation)
    return [config.spread * array for array in drawn]


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed; the claims say what each metric is for."""
    training.set_precision(config.precision)
    yield from (_derive if config.experiment == "derivation" else _learn)(config, seeds)


# --- Training on MNIST --------------------------------------------------------------------------


def _inputs(images: np.ndarray, config: Config) -> np.ndarray:
    """Flatten row by row and scale: uint8 (n, 28, 28) to floats (n, 784) within `pixel_range`."""
    low, high = config.pixel_range
    rows = images.reshape(len(images), -1).astype(config.precision)
    return low + rows * ((high - low) / 255)


def _learn(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    mnist = data.mnist()
    train_images = mnist.train_images[: config.training_images]
    # One copy of each inside the backend serves all evaluations.
    train = ops.convert_to_tensor(_inputs(train_images, config))
    scored = train[: config.scored_images]
    test = ops.convert_to_tensor(_inputs(mnist.test_images, config))
    model = build_model(config)
    loss = with_l2(model, config.l2, config.batch_size) if config.l2 else negative_log_likelihood
    optimizers = {"adam": training.Adam, "sgd": keras.optimizers.SGD}
    optimizer = optimizers[config.optimizer](config.learning_rate)
    trainer = training.Trainer(
        model,
        optimizer,
        loss,
        epochs=config.epochs,
        batch_size=config.batch_size,
        shuffle=True,
        report=negative_log_likelihood,
    )
    epochs = range(0, config.epochs + 1, max(1, config.epochs // 10))
    for seed in seeds:
        labels = mnist.train_labels[: config.training_images]
        if config.random_labels:
            labels = np.random.default_rng([seed, 1]).permutation(labels)

        def evaluate(epoch: int, labels: np.ndarray = labels) -> dict:
            began = time.process_time()
            scores = {
                **_score(trainer, test, mnist.test_labels, "test"),
                **_score(trainer, scored, labels[: len(scored)], "train"),
            }
            if epoch == 0 and config.hidden:
                scores |= _silence(model.layers[0], train[:1000])
            return scores | {"began": began, "ended": time.process_time()}

        history = trainer.train(
            train,
            labels,
            weights=initial_weights(model, seed, config),
            seed=seed,
            evaluate=evaluate,
            at=epochs,
        )
        yield {
            "epochs_run": len(history.losses),
            "updates_per_epoch": int(optimizer.iterations) / config.epochs,
            "parameter_count": model.count_params(),
            "training_images": len(train_images),
            "test_images": len(mnist.test_images),
            "image_shape": list(train_images.shape[1:]),
            "batch_shape": list(train[: config.batch_size].shape),
            "input_range": [float(ops.min(train)), float(ops.max(train))],
            "weight_size": _weight_size(model),
            **_measured_curves(history, epochs),
        }


def _score(trainer: training.Trainer, inputs: np.ndarray, labels: np.ndarray, part: str) -> dict:
    """Share of correct answers and mean cross-entropy over a whole set, dropout off."""
    log_probabilities = trainer.predict(inputs)
    predicted = log_probabilities.argmax(axis=1)
    return {
        f"{part}_accuracy": float(sklearn.metrics.accuracy_score(labels, predicted)),
        f"{part}_loss": float(negative_log_likelihood(labels, log_probabilities)),
    }


def _silence(layer: keras.layers.Layer, images: np.ndarray) -> dict:
    """How much of a ReLU layer gives 0: share of the outputs, and of units with no other output."""
    silent = np.asarray(layer(images)) == 0
    return {
        "silent_at_start": float(silent.mean()),
        "dead_at_start": float(silent.all(axis=0).mean()),
    }


def _weight_size(model: keras.Model) -> float:
    """Root mean square of all weights without biases."""
    kernels = [np.ravel(layer.kernel) for layer in model.layers if layer.trainable_weights]
    return _rounded(np.sqrt(np.mean(np.concatenate(kernels, dtype="float64") ** 2)))


def _measured_curves(history: training.History, epochs: range) -> dict:
    """Lay a run's evaluations side by side, one list per quantity."""
    evaluations = [history.evaluations[epoch] for epoch in epochs]
    curves = {
        name: [_rounded(scores[name]) for scores in evaluations]
        for name in ("test_accuracy", "train_accuracy", "test_loss", "train_loss")
    }
    overfit = np.subtract(curves["train_accuracy"], curves["test_accuracy"])
    at_start = {name: value for name, value in evaluations[0].items() if name.endswith("_at_start")}
    # Processor time, which other work on the machine does not stretch, of the last stretch: the
    # first one includes the compilation.
    seconds = evaluations[-1]["began"] - evaluations[-2]["ended"]
    return {
        "losses": [_rounded(loss) for loss in history.losses],
        "evaluated_epochs": list(epochs),
        **curves,
        "overfit": [_rounded(value) for value in overfit],
        **at_start,
        "seconds_per_epoch": _rounded(seconds / epochs.step),
    }


def _rounded(value: float) -> float:
    """Seven significant digits: all that float32 has. What has diverged counts as infinite."""
    return math.inf if math.isnan(value) else float(f"{value:.7g}")


# --- The formulas, against automatic differentiation --------------------------------------------
#
# The handwritten document writes examples as columns, z = W a + b with W of shape (outputs,
# inputs); the notes write them as rows, Z = X W + b with W of shape (inputs, outputs), like Keras.


@dataclasses.dataclass(frozen=True)
class Columns:
    """A network and its forward pass in the handwritten notation; lists start at layer 1.

    Attributes:
        W: weights, shapes (outputs, inputs).
        b: biases, shapes (outputs, 1).
        z: pre-activations, shapes (outputs, m).
        a: activations, shapes (outputs, m); a[0] is the input, so this list is one longer.
    """

    W: list[np.ndarray]
    b: list[np.ndarray]
    z: list[np.ndarray]
    a: list[np.ndarray]


def relu(z: np.ndarray) -> np.ndarray:
    """g(z) as printed: z if z > 0, else 0."""
    return np.where(z > 0, z, 0.0)


def relu_slope(z: np.ndarray) -> np.ndarray:
    """g'(z) as printed: 1 if z > 0, else 0."""
    return np.where(z > 0, 1.0, 0.0)


def softmax(z: np.ndarray, axis: int) -> np.ndarray:
    """The exponentials over their sum, as printed."""
    return np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True)


def forward_in_columns(weights: Sequence[np.ndarray], x: np.ndarray) -> Columns:
    """The handwritten forward pass: z = W a + b, ReLU, softmax at the end.

    Args:
        weights: kernel, bias, kernel, ... as Keras has them.
        x: shape (784, m), a column per example.
    """
    W = [kernel.T for kernel in weights[0::2]]
    b = [bias[:, None] for bias in weights[1::2]]
    z: list[np.ndarray] = []
    a = [x]
    for layer, (W_l, b_l) in enumerate(zip(W, b, strict=True), start=1):
        z.append(W_l @ a[-1] + b_l)
        a.append(softmax(z[-1], axis=0) if layer == len(W) else relu(z[-1]))
    return Columns(W, b, z, a)


def backward_in_columns(
    net: Columns, y: np.ndarray, slope: Callable[[np.ndarray], np.ndarray] = relu_slope
) -> dict[str, list[np.ndarray]]:
    """The handwritten backward pass over a batch of m columns.

    Args:
        net: the forward pass.
        y: one-hot targets, shape (10, m).
        slope: what dA is multiplied by: g' in section 3, g in the printed algorithm.

    Returns:
        dZ, dW and db of layers 1 to 3, and dA of layers 1 and 2. dZ and dA are per example; dW and
        db are divided by m.
    """
    m = y.shape[1]
    dz = [net.a[-1] - y]
    da: list[np.ndarray] = []
    for W_above, z in zip(net.W[:0:-1], net.z[-2::-1], strict=True):
        da.insert(0, W_above.T @ dz[0])
        dz.insert(0, da[0] * slope(z))
    return {
        "dz": dz,
        "dw": [dz_l @ a.T / m for dz_l, a in zip(dz, net.a[:-1], strict=True)],
        "db": [dz_l.sum(axis=1, keepdims=True) / m for dz_l in dz],
        "da": da,
    }


def notes_delta_1(weights: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray) -> dict:
    """Section 3.3's delta_1, examples as rows, read from left to right (else the shapes clash).

    Args:
        weights: W1, b1, W2, b2, W3, b3.
        x: shape (m, 784).
        y: one-hot targets, shape (m, 10).

    Returns:
        delta_1 of shape (m, 128), and the term that the formula braces and labels delta_3.
    """
    W1, b1, W2, b2, W3, b3 = weights
    Z1 = x @ W1 + b1
    Z2 = relu(Z1) @ W2 + b2
    A3 = softmax(relu(Z2) @ W3 + b3, axis=1)
    braced = (A3 - y) @ W3.T
    return {"delta_1": (braced * relu_slope(Z2)) @ W2.T * relu_slope(Z1), "braced": braced}


def listing_steps(weights: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """What section 3's listing subtracts (times the rate) from W1 and from W2 of 784-128-10."""
    W1, b1, W2, b2 = weights
    z1 = x @ W1 + b1
    a1 = relu(z1)
    d_output = softmax(a1 @ W2 + b2, axis=1) - y
    d_hidden = (d_output @ W2.T) * relu_slope(z1)
    return [x.T @ d_hidden, a1.T @ d_output]


def adam_steps(gradients: Sequence[np.ndarray], rate: float, inside: bool) -> np.ndarray:
    """Adam's steps, one per gradient, with epsilon inside the root, as printed, or outside."""
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8
    m = v = np.zeros_like(gradients[0])
    steps = []
    for t, gradient in enumerate(gradients, start=1):
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        root = np.sqrt(v_hat + epsilon) if inside else np.sqrt(v_hat) + epsilon
        steps.append(-rate * m_hat / root)
    return np.stack(steps)


def momentum_velocities(gradients: Sequence[np.ndarray], beta: float) -> np.ndarray:
    """The handwritten momentum: v := beta v + (1 - beta) dw, one v per gradient."""
    v = np.zeros_like(gradients[0])
    velocities = []
    for gradient in gradients:
        v = beta * v + (1 - beta) * gradient
        velocities.append(v)
    return np.stack(velocities)


def _derive(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Hold the formulas against autodiff on random networks, images and labels."""
    model = build_model(config)
    listed = build_model(dataclasses.replace(config, hidden=(128,)))
    for seed in seeds:
        rng = np.random.default_rng(seed)
        weights = initial_weights(model, seed, config)
        x = rng.uniform(size=(config.batch_size, PIXELS))
        labels = rng.integers(CLASSES, size=config.batch_size)
        y = np.eye(CLASSES)[labels]
        model.set_weights(weights)
        listed.set_weights(initial_weights(listed, seed, config))
        yield {
            **_counts(model),
            **_shapes(model, x[:1], y[:1]),
            **_backpropagation(model, x, labels),
            **_cost(model, x, labels, rng),
            **_listing(listed, x, labels),
            **_gradient_as_a_slope(model, x, labels, rng),
            **_probabilities(rng),
            **_optimizers(rng),
            **_initialisation(weights),
            **_worked_example(),
        }


def _gap(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """Largest absolute difference between two lists of arrays."""
    pairs = zip(some, others, strict=True)
    return _rounded(max(np.abs(one - other).max() for one, other in pairs))


def _counts(model: keras.Model) -> dict:
    kernels, biases = model.get_weights()[0::2], model.get_weights()[1::2]
    xor = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    image = np.arange(PIXELS).reshape(28, 28)
    return {
        "layer_sizes": [model.input_shape[1], *[len(bias) for bias in biases]],
        "layers_with_weights": len(kernels),
        "first_width_as_power_of_2": float(np.log2(len(biases[0]))),
        "layer_weights": [kernel.size for kernel in kernels],
        "layer_biases": [bias.size for bias in biases],
        "weight_count": sum(kernel.size for kernel in kernels),
        "bias_count": sum(bias.size for bias in biases),
        "parameter_count": model.count_params(),
        "xor_first_layer_weights": int(np.size(xor.layers[0].kernel)),
        "kernel_shapes": [list(kernel.shape) for kernel in kernels],
        "flattening_gap": _gap([image.reshape(-1)], [np.concatenate(list(image))]),
    }


def _shapes(model: keras.Model, x: np.ndarray, y: np.ndarray) -> dict:
    """The shapes of everything in the handwritten notation, for one example."""
    net = forward_in_columns(model.get_weights(), x.T)
    gradients = backward_in_columns(net, y.T)
    arrays = {"w": net.W, "b": net.b, "z": net.z, "a": net.a[1:], **gradients}
    return {f"{name}_shapes": [list(part.shape) for part in arrays[name]] for name in arrays}


def _backpropagation(model: keras.Model, x: np.ndarray, labels: np.ndarray) -> dict:
    weights, y = model.get_weights(), np.eye(CLASSES)[labels]
    net = forward_in_columns(weights, x.T)
    exact = training.gradients(model, negative_log_likelihood, x, labels)
    first = training.gradients(model, negative_log_likelihood, x[:1], labels[:1])
    alone = forward_in_columns(weights, x[:1].T)

    def against(gradients: dict, exact: list[np.ndarray]) -> float:
        in_keras_form = (
            [part.T for part in gradients["dw"]],
            [part[:, 0] for part in gradients["db"]],
        )
        return max(_gap(in_keras_form[0], exact[0::2]), _gap(in_keras_form[1], exact[1::2]))

    notes = notes_delta_1(weights, x, y)
    return {
        "forward_gap": _gap([np.log(net.a[-1].T)], [np.asarray(model(x))]),
        "columns_gap": _gap([net.a[-1][:, :1]], [alone.a[-1]]),
        "backward_gap": against(backward_in_columns(net, y.T), exact),
        "single_example_gap": against(backward_in_columns(alone, y[:1].T), first),
        "printed_algorithm_gap": against(backward_in_columns(net, y.T, slope=relu), exact),
        "delta_1_gap": _gap([x.T @ notes["delta_1"] / len(x)], exact[:1]),
        "braced_columns": notes["braced"].shape[1],
        "relu_slope_at_zero": _relu_slope_at_zero(),
    }


def _relu_slope_at_zero() -> float:
    """What automatic differentiation takes for the derivative of ReLU at exactly 0."""
    unit = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, activation="relu", kernel_initializer="zeros")]
    )
    _, slope = training.gradients(unit, lambda _, a: ops.sum(a), np.zeros((1, 1)), None)
    return float(slope[0])


def _cost(model: keras.Model, x: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> dict:
    """The batch cost in its three printed forms, and its regularised gradient."""
    m, y = len(x), np.eye(CLASSES)[labels].T
    net = forward_in_columns(model.get_weights(), x.T)
    mean_of_losses = np.mean([-np.log(net.a[-1][label, j]) for j, label in enumerate(labels)])
    double_sum = (y * np.log(net.a[-1])).sum()
    loss = float(negative_log_likelihood(labels, model(x)))
    library = float(
        ops.mean(ops.sparse_categorical_crossentropy(labels, net.z[-1].T, from_logits=True))
    )
    strength = rng.uniform(0.001, 0.1)
    penalised = training.gradients(model, with_l2(model, strength, m), x, labels)
    printed = [
        dw + strength / m * W
        for dw, W in zip(backward_in_columns(net, y)["dw"], net.W, strict=True)
    ]
    return {
        "likelihood_gap": abs(loss - library),
        "cost_gap": abs(mean_of_losses - loss),
        "algorithm_cost_gap": abs(-double_sum / m - loss),
        "halved_cost_gap": abs(-double_sum / (2 * m) - loss),
        "l2_gradient_gap": _gap([dw.T for dw in printed], penalised[0::2]),
    }


def _listing(model: keras.Model, x: np.ndarray, labels: np.ndarray) -> dict:
    """The listing of section 3 for 784-128-10: its steps, and the ones it leaves out."""

    def summed(labels: np.ndarray, log_probabilities: keras.KerasTensor) -> keras.KerasTensor:
        return len(x) * negative_log_likelihood(labels, log_probabilities)

    dW1, db1, dW2, db2 = training.gradients(model, summed, x, labels)
    steps = listing_steps(model.get_weights(), x, np.eye(CLASSES)[labels])
    return {
        "listing_gap": _gap(steps, [dW1, dW2]),
        "listing_omitted_gradient": _gap([db1, db2], [np.zeros_like(db1), np.zeros_like(db2)]),
    }


def _gradient_as_a_slope(
    model: keras.Model, x: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> dict:
    """Walk a little from the weights: along the gradient, other ways, and one weight at a time."""
    weights = model.get_weights()
    exact = training.gradients(model, negative_log_likelihood, x, labels)
    length = float(np.sqrt(sum((part**2).sum() for part in exact)))

    def moved(direction: Sequence[np.ndarray], distance: float) -> Columns:
        pairs = zip(weights, direction, strict=True)
        return forward_in_columns([weight + distance * part for weight, part in pairs], x.T)

    def cost(net: Columns) -> float:
        return -np.log(net.a[-1][labels, np.arange(len(x))]).mean()

    def slope(direction: Sequence[np.ndarray], step: float = 1e-6) -> float:
        before, after = moved(direction, -step), moved(direction, step)
        if any(
            (one * other < 0).any() for one, other in zip(before.z[:-1], after.z[:-1], strict=True)
        ):
            return slope(direction, step / 2)  # a ReLU bends in between
        return (cost(after) - cost(before)) / (2 * step)

    uphill = slope([part / length for part in exact])
    others = []
    for _ in range(20):
        direction = [rng.normal(size=part.shape) for part in exact]
        norm = np.sqrt(sum((part**2).sum() for part in direction))
        others.append(slope([part / norm for part in direction]))

    signs = []
    for row, column in np.argwhere(np.abs(exact[2]) > 1e-4)[:20]:
        one_weight = [np.zeros_like(part) for part in exact]
        one_weight[2][row, column] = 1.0
        signs.append(np.sign(slope(one_weight)) == np.sign(exact[2][row, column]))
    return {
        "steepest_slope_gap": _rounded(abs(uphill - length)),
        "gradient_is_steepest": bool(uphill > np.abs(others).max()),
        "signs_agree": bool(np.all(signs)),
    }


def _probabilities(rng: np.random.Generator) -> dict:
    """Softmax, and why its logarithm is taken in one go."""
    outputs = softmax(rng.normal(scale=3.0, size=(1000, CLASSES)), axis=1)
    certain = np.log(np.array([[0.9, *[0.1 / 9] * 9], [0.1, *[0.9 / 9] * 9]]))
    # exp(-103.3) is the smallest number of float32: a logit further behind looks impossible.
    logits = np.zeros((1, CLASSES), dtype="float32")
    logits[0, rng.integers(CLASSES)] = rng.uniform(120, 1000)
    in_two_steps = np.asarray(ops.log(ops.softmax(logits)))
    in_one_step = np.asarray(ops.log_softmax(logits))
    answer = [0.01, 0.02, 0.90, 0.03]  # the handwritten example, as far as it is printed
    return {
        "softmax_sum_gap": _rounded(np.abs(outputs.sum(axis=1) - 1).max()),
        "softmax_in_range": bool(((outputs >= 0) & (outputs <= 1)).all()),
        "loss_at": [float(negative_log_likelihood(np.array([0]), row[None])) for row in certain],
        "log_softmax_survives": bool(
            np.isneginf(in_two_steps).any() and np.isfinite(in_one_step).all()
        ),
        "example_class": int(np.argmax(answer)),
    }


def _optimizers(rng: np.random.Generator) -> dict:
    """The handwritten momentum and Adam, and what the notes say Adam does, on chosen gradients."""
    rate, beta = 0.003, 0.9
    # From 1e-6 to 1, as in a real network: most gradients are tiny.
    gradients = [10 ** rng.uniform(-6, 0, size=50) * rng.choice([-1, 1], size=50) for _ in range(5)]
    standard = _moves(training.Adam(rate), gradients)
    printed = adam_steps(gradients, rate, inside=True)
    velocities = momentum_velocities(gradients, beta)
    sums = [
        sum((1 - beta) * beta ** (t - s) * gradients[s] for s in range(t + 1))
        for t in range(len(gradients))
    ]
    constant = [np.full(1, rng.uniform(0.1, 1))] * 100
    steps = -_moves(training.Adam(rate), constant)[:, 0]
    large, small = (-_moves(training.Adam(rate), [np.full(1, g)])[0, 0] / g for g in (10.0, 0.001))
    return {
        "adam_gap": _rounded(np.abs(printed / standard - 1).max()),
        "adam_bias_gap": _rounded(np.abs(_corrected_means(constant, 0.9) - constant[0]).max()),
        "momentum_average_gap": _gap(list(velocities), sums),
        "momentum_gap": _gap(
            [_moves(training.Momentum(rate * (1 - beta), beta), gradients)], [-rate * velocities]
        ),
        "adam_step_growth": _rounded(steps[-1] / steps[0]),
        "adam_accelerates": bool(steps[-1] > 1.01 * steps[0]),
        "adam_rate_for": [_rounded(large), _rounded(small)],
    }


def _moves(optimizer: keras.optimizers.Optimizer, gradients: Sequence[np.ndarray]) -> np.ndarray:
    """Let an optimizer of the suite take its steps: the changes of a variable, one per gradient."""
    variable = keras.Variable(np.zeros_like(gradients[0]))
    positions = [np.array(variable)]
    for gradient in gradients:
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
        positions.append(np.array(variable))
    return np.diff(positions, axis=0)


def _corrected_means(gradients: Sequence[np.ndarray], beta: float) -> np.ndarray:
    """Adam's first moment, divided by 1 - beta^t as printed."""
    times = np.arange(1, len(gradients) + 1)[:, None]
    return momentum_velocities(gradients, beta) / (1 - beta**times)


def _initialisation(weights: Sequence[np.ndarray]) -> dict:
    """How wide the initial weights spread, against Glorot's uniform distribution."""
    kernels = weights[0::2]
    glorot = [np.sqrt(6 / sum(kernel.shape)) for kernel in kernels]
    share = [
        kernel.std() * np.sqrt(3) / bound for kernel, bound in zip(kernels, glorot, strict=True)
    ]
    counts, _ = np.histogram(kernels[0], bins=40, range=(-glorot[0], glorot[0]))
    return {
        "glorot_spread_gap": _rounded(np.abs(np.subtract(share, 1)).max()),
        "share_of_glorot": [_rounded(value) for value in share],
        "largest_weight": [_rounded(np.abs(kernel).max()) for kernel in kernels],
        "glorot_bound": [_rounded(bound) for bound in glorot],
        "first_weights": counts.tolist(),
    }


def _worked_example() -> dict:
    """Compute each column of the handwritten numerical example from the other printed columns."""
    w, prediction = np.array([0.50, 0.54, 0.57]), np.array([0.80, 0.85, 0.91])
    gradient, rate = np.array([-0.40, -0.30, -0.18]), 0.1
    return {
        "example_errors": ((1 - prediction) ** 2).tolist(),
        "example_cross_entropy": (-np.log(prediction)).tolist(),
        "example_gradients": (-2 * (1 - prediction)).tolist(),
        "example_new_weights": (w - rate * gradient).tolist(),
        "example_slopes": (np.diff(prediction) / np.diff(w)).tolist(),
    }


# --- Figures ------------------------------------------------------------------------------------


def plot(stored: dict[str, list[dict]], folder: pathlib.Path) -> dict[str, str]:
    """Draw losses and accuracies, the sweep of widths, overfitting, and the initial weights."""
    networks = {
        "as_written": "784-128-64-10 (the notes)",
        "unit_range": "the same, inputs in [0, 1]",
        "one_hidden": "784-128-10",
        "softmax_regression": "784-10, linear",
        "bottleneck": "784-4-4-10",
        "wide": "784-512-256-10",
    }
    optimizers = {
        "third_layer_adam": "Adam 0.003",
        "third_layer_adam_fast": "Adam 0.1",
        "third_layer_sgd": "SGD 0.003",
        "third_layer_sgd_fast": "SGD 0.1",
    }
    algorithms = {
        "handwritten": "as meant, rate 0.1",
        "handwritten_slow": "as meant, rate 0.001",
        "handwritten_as_printed": "as printed, rate 0.1",
    }
    figures = (
        (
            "networks",
            "Two epochs on MNIST (notes-2, sections 3.3 and 3.4)",
            networks,
            "Mean batch loss of both epochs and accuracy on the test set after 0, 1 and 2 epochs. "
            "The notes' network passes the 90 % of section 4.3 at once; the linear one stays near.",
        ),
        (
            "exercise",
            "The exercise: a third hidden layer of 32, and SGD (notes-2, section 3.5)",
            optimizers,
            "784-128-64-32-10 with Adam and with plain SGD, both at the listing's rate and at 0.1. "
            "Each optimizer learns at a rate of its own; neither does well at the other's.",
        ),
        (
            "handwritten",
            "The handwritten algorithm (section 4)",
            algorithms,
            "Mini-batch gradient descent from N(0, 0.05^2) weights. As printed, the backward step "
            "multiplies by g(z) where it must be g'(z). A run whose loss is no number is left out.",
        ),
    )
    captions = {}
    for name, title, variants, caption in figures:
        if drawn := {variant: variants[variant] for variant in variants if variant in stored}:
            captions[_plot_epochs(stored, drawn, folder, name, title)] = caption
    widths = {
        "bottleneck": "4-4",
        "one_hidden": "128",
        "width_100": "100-64",
        "as_written": "128-64",
        "width_200": "200-64",
        "width_512": "512-64",
        "wide": "512-256",
    }
    if drawn := {variant: widths[variant] for variant in widths if variant in stored}:
        captions[_plot_widths(stored, drawn, folder)] = (
            "Accuracy on the test set and processor time per epoch for other hidden layers: a dot "
            "per seed, medians as bars. Dashed: the 90 % of section 4.3."
        )
    if "long" in stored:
        captions[_plot_long(stored, folder)] = (
            "Twenty epochs instead of two, plain, with 20 % dropout and with L2; training set "
            "dashed, test set solid. The text speaks of a training error near 0 and a very high "
            "test error."
        )
    if stored.keys() >= {"memory_narrow", "memory", "memory_wide", "few_images", "few_images_wide"}:
        captions[_plot_memory(stored, folder)] = (
            "Left: 1,000 images with shuffled labels, so that there is nothing but memory. Right: "
            "5,000 images with their true labels; training set dashed, test set solid."
        )
    if "derivation" in stored:
        captions[_plot_initial_weights(stored["derivation"], folder)] = (
            "The first layer's initial weights as nn.Linear draws them, and the bound of Glorot's "
            "distribution, which the text says it uses."
        )
    return captions


def _plot_epochs(
    stored: dict, variants: dict[str, str], folder: pathlib.Path, name: str, title: str
) -> str:
    figure, (left, right) = plots.figure(1, 2, title=title)
    for variant, label in variants.items():
        losses = records.stack(stored[variant], "losses")
        epochs = _evaluated(stored[variant])
        plots.curves(left, range(1, losses.shape[1] + 1), losses, label=label)
        plots.curves(right, epochs, records.stack(stored[variant], "test_accuracy"), label=label)
        for panel in (left, right):
            panel.lines[-1].set_marker("o")
    plots.cited_line(left, np.nan, label="cited: 90 % (notes-2, section 4.3)")
    plots.cited_line(right, 0.9, label="cited: 90 % (notes-2, section 4.3)")
    left.set(xlabel="epoch", ylabel="mean batch loss", xticks=range(1, 3), ylim=(0, None))
    right.set(xlabel="epochs", ylabel="test accuracy", xticks=epochs, ylim=(0, 1))
    return plots.save(figure, folder, name)


def _plot_widths(stored: dict, variants: dict[str, str], folder: pathlib.Path) -> str:
    figure, panels = plots.figure(
        1, 2, title="How wide should the layers be? (notes-2, section 3.3)"
    )
    metrics = {
        "test_accuracy": "test accuracy after 2 epochs",
        "seconds_per_epoch": "processor seconds per epoch",
    }
    for panel, (metric, label) in zip(panels, metrics.items(), strict=True):
        for place, variant in enumerate(variants):
            values = records.stack(stored[variant], metric)
            values = values[:, -1] if values.ndim > 1 else values
            panel.plot([place] * len(values), values, "o", color=plots.PALETTE[0], alpha=0.35)
            panel.plot([place - 0.3, place + 0.3], [np.median(values)] * 2, color=plots.PALETTE[3])
        panel.set(xlabel="hidden layers", ylabel=label)
        panel.set_xticks(range(len(variants)), variants.values(), rotation=30)
    plots.cited_line(panels[0], 0.9, label="cited: 90 % (notes-2, section 4.3)")
    panels[1].set_ylim(0)
    return plots.save(figure, folder, "widths")


def _plot_long(stored: dict, folder: pathlib.Path) -> str:
    figure, panels = plots.figure(1, 2, title="Overfitting and its remedies (notes-2, section 3.3)")
    variants = {"long": "plain", "long_dropout": "dropout 20 %", "long_l2": "L2, lambda 0.1"}
    for panel, quantity in zip(panels, ("loss", "accuracy"), strict=True):
        for colour, (variant, label) in zip(plots.PALETTE, variants.items(), strict=False):
            if variant not in stored:
                continue
            _both_sets(panel, stored[variant], quantity, label, colour)
        panel.set(xlabel="epochs", ylim=(0, None), xticks=_evaluated(stored["long"])[::2])
    panels[0].set_ylabel("cross-entropy")
    panels[1].set_ylabel("share of wrong answers")
    return plots.save(figure, folder, "overfitting")


def _both_sets(
    panel: mpl_axes.Axes, runs: list[dict], quantity: str, label: str, colour: str
) -> None:
    """Draw loss or error on the training set (dashed) and the test set, from the first epoch on."""
    for part, dashes in (("train", (0, (4, 2))), ("test", (0, ()))):
        values = records.stack(runs, f"{part}_{quantity}")[:, 1:]
        values = 1 - values if quantity == "accuracy" else values
        name = f"{label}, {part} set"
        line = plots.curves(panel, _evaluated(runs)[1:], values, label=name, colour=colour)
        line.set_linestyle(dashes)


def _evaluated(runs: list[dict]) -> list[int]:
    """The epochs at which the runs were evaluated."""
    return runs[0]["measurements"]["evaluated_epochs"]


def _plot_memory(stored: dict, folder: pathlib.Path) -> str:
    figure, (left, right) = plots.figure(1, 2, title="Width as memory (notes-2, section 3.3)")
    colours = dict(zip(("32-16", "128-64", "512-256"), plots.PALETTE, strict=False))
    for variant, width in zip(("memory_narrow", "memory", "memory_wide"), colours, strict=True):
        values = records.stack(stored[variant], "train_accuracy")
        label, epochs = f"784-{width}-10", _evaluated(stored[variant])
        plots.curves(left, epochs, values, label=label, colour=colours[width])
    for variant, width in (("few_images", "128-64"), ("few_images_wide", "512-256")):
        _both_sets(right, stored[variant], "accuracy", f"784-{width}-10", colours[width])
    left.set(xlabel="epochs", ylabel="share of shuffled labels learnt", ylim=(0, 1))
    right.set(xlabel="epochs", ylabel="share of wrong answers", ylim=(0, None))
    return plots.save(figure, folder, "memory")


def _plot_initial_weights(stored: list[dict], folder: pathlib.Path) -> str:
    figure, axes = plots.figure(title="Is it Glorot? (notes-2, section 3.4)")
    bound = stored[0]["measurements"]["glorot_bound"][0]
    counts = records.stack(stored, "first_weights").sum(axis=0)
    edges = np.linspace(-bound, bound, len(counts) + 1)
    axes.stairs(counts / counts.sum(), edges, fill=True, alpha=0.6, label="drawn as nn.Linear does")
    for side in (-1, 1):
        own = axes.axvline(side / np.sqrt(PIXELS), color=plots.PALETTE[3])
        glorot = plots.cited_line(axes, side * bound, label="_", vertical=True)
    own.set_label("1/sqrt(784)")
    glorot.set_label("cited: Glorot's bound, sqrt(6/(784 + 128))")
    axes.set(xlabel="weight of the first layer", ylabel="share of weights")
    return plots.save(figure, folder, "initial_weights")


if __name__ == "__main__":
    cli.run_one(__file__)

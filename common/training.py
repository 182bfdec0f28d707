"""Train Keras models fast enough to follow the documents' protocols to the letter.

The documents train one sample at a time, for thousands of epochs, over many runs. A Python loop
around single steps would take days. Here a Keras model and its optimizer sit inside one compiled
program that runs every epoch up to the next evaluation; the program is built once and serves every
seed. This is the one module with code for a particular Keras backend (TensorFlow); the rest of the
suite is `keras` and `keras.ops`.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from keras import ops

Loss = Callable[[Any, Any], Any]


class RandomNumbers(Protocol):
    """What the schemes need of a generator; NumPy's `Generator` and `RandomState` have it."""

    def normal(self, loc: float, scale: float, size: Any) -> np.ndarray:
        """Draw from a normal distribution."""

    def uniform(self, low: float, high: float, size: Any) -> np.ndarray:
        """Draw from a uniform distribution over [low, high)."""


def set_precision(dtype: str) -> None:
    """Make "float32" or "float64" the type of every model, optimizer and loss made from here on."""
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


# --- Initial weights ----------------------------------------------------------------------------


def _fans(kernel_shape: Sequence[int]) -> tuple[int, int]:
    """Return fan in and fan out: a kernel's rows and columns, times the field of a filter."""
    field = math.prod(kernel_shape[:-2])
    return field * kernel_shape[-2], field * kernel_shape[-1]


def _pytorch(rng: RandomNumbers, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    bound = 1 / math.sqrt(_fans(shape)[0])
    return rng.uniform(-bound, bound, shape), rng.uniform(-bound, bound, shape[-1:])


def _glorot(rng: RandomNumbers, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    bound = math.sqrt(6 / sum(_fans(shape)))
    return rng.uniform(-bound, bound, shape), np.zeros(shape[-1:])


def _normal(rng: RandomNumbers, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(0.0, 1.0, shape), np.zeros(shape[-1:])


def _normal_with_biases(rng: RandomNumbers, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(0.0, 1.0, shape), rng.normal(0.0, 1.0, shape[-1:])


def _uniform(rng: RandomNumbers, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    return rng.uniform(0.0, 1.0, shape), np.zeros(shape[-1:])


SCHEMES = {
    "pytorch": _pytorch,  # kernel and bias uniform in +-1/sqrt(fan in): nn.Linear, nn.Conv2d
    "glorot": _glorot,  # kernel uniform in +-sqrt(6 / (fan in + fan out)), bias 0
    "normal": _normal,  # kernel N(0, 1), bias 0
    "normal_with_biases": _normal_with_biases,  # kernel and bias N(0, 1): the paper's library
    "uniform": _uniform,  # kernel uniform in [0, 1), bias 0: the notes' XOR network
}


def initial_weights(model: keras.Model, rng: RandomNumbers, scheme: str) -> list[np.ndarray]:
    """Draw the starting weights of every layer, in order: kernel, then bias.

    All of them come from one generator, so a seed fixes the whole start. (A Keras initializer keeps
    the seed it was made with: called again it would give every "seed" the same weights.)

    Args:
        model: a built model whose trainable layers have a `kernel` and a `bias`.
        rng: `numpy.random.default_rng(seed)`, or a legacy `numpy.random.RandomState(seed)` where
            the document's own draw is to be repeated.
        scheme: a key of `SCHEMES`.

    Returns:
        Arrays in the order and shapes of `model.trainable_weights`.
    """
    weights: list[np.ndarray] = []
    for layer in model.layers:
        if layer.trainable_weights:
            weights.extend(SCHEMES[scheme](rng, layer.kernel.shape))
    return weights


# --- The documents' optimizers ------------------------------------------------------------------
#
# Stock Keras momentum and Adam turn their constants into float32 first (0.9 becomes 0.8999999761
# even in float64), and stock Adam adds epsilon before its bias correction, not after it.


def _constant(value: float, like: Any) -> Any:
    return ops.convert_to_tensor(value, dtype=like.dtype)


class Momentum(keras.optimizers.Optimizer):
    """Gradient descent with momentum: v = beta v + eta g, w = w - v (the paper's library)."""

    def __init__(self, learning_rate: float, beta: float = 0.9) -> None:
        """`beta` is the share of the velocity kept at every update."""
        super().__init__(learning_rate=learning_rate, name="momentum")
        self.beta = beta

    def build(self, variables: list[Any]) -> None:
        """Create one velocity for each variable."""
        if self.built:
            return
        super().build(variables)
        self.velocities = [self.add_variable_from_reference(v, name="velocity") for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Apply one update to one variable."""
        velocity = self.velocities[self._get_variable_index(variable)]
        kept = ops.multiply(velocity, _constant(self.beta, variable))
        self.assign(velocity, kept + ops.cast(learning_rate, variable.dtype) * gradient)
        self.assign_sub(variable, velocity)


class Adam(keras.optimizers.Optimizer):
    """Adam as Kingma and Ba print it and PyTorch computes it: w -= eta m' / (sqrt(v') + epsilon).

    m' and v' are the moments divided by 1 - beta^t, where t counts updates. The paper's library
    counts epochs there instead: give `updates_per_epoch` for its t = epoch + 1.
    """

    def __init__(
        self,
        learning_rate: float,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        updates_per_epoch: int | None = None,
    ) -> None:
        """All arguments but the last have PyTorch's names and defaults."""
        super().__init__(learning_rate=learning_rate, name="adam")
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.updates_per_epoch = updates_per_epoch

    def build(self, variables: list[Any]) -> None:
        """Create both moments for each variable."""
        if self.built:
            return
        super().build(variables)
        self.means = [self.add_variable_from_reference(v, name="mean") for v in variables]
        self.squares = [self.add_variable_from_reference(v, name="square") for v in variables]

    def _time(self, dtype: str) -> Any:
        """Return t of the bias correction: 1 at the first update, or through the first epoch."""
        updates = ops.convert_to_tensor(self.iterations)
        return ops.cast(updates // (self.updates_per_epoch or 1) + 1, dtype)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Apply one update to one variable."""
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        beta_1, beta_2 = _constant(self.beta_1, variable), _constant(self.beta_2, variable)
        time = self._time(variable.dtype)
        self.assign(mean, beta_1 * mean + (1 - beta_1) * gradient)
        self.assign(square, beta_2 * square + (1 - beta_2) * ops.square(gradient))
        corrected_mean = mean / (1 - ops.power(beta_1, time))
        corrected_square = square / (1 - ops.power(beta_2, time))
        step = corrected_mean / (ops.sqrt(corrected_square) + _constant(self.epsilon, variable))
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)


class Dropout(keras.layers.Dropout):
    """Keras's dropout with another random generator: its own is 7 times slower in XLA on a CPU."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Zero a share `rate` of the inputs and scale up the others, in training only."""
        if not training:
            return inputs
        seed = self.seed_generator.next()
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed, rng_alg="philox")


# --- Training -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class History:
    """What one run left behind.

    Attributes:
        losses: the mean over the batches of each epoch of the reported loss, shape (epochs,). A
            batch's loss is taken before its own update, as the documents' loops do.
        evaluations: what `evaluate` returned, by the number of epochs completed.
    """

    losses: np.ndarray
    evaluations: dict[int, Any]


class Trainer:
    """One model, one optimizer and one loss, compiled once for every seed.

    Dense models compile with XLA. Convolutional ones run as a plain graph: XLA on a CPU is slower
    there by far.

    Args:
        model: a built Keras model.
        optimizer: a Keras optimizer of its own (its state is reset at every run).
        loss: takes (targets, predictions) of one batch, returns the scalar that is differentiated.
        epochs: length of every run.
        batch_size: from 1 to the whole set; a short last batch is kept, as PyTorch does.
        shuffle: draw a new order every epoch, from the run's seed; otherwise the order given.
        report: the scalar that `History.losses` averages, where it is not `loss` itself.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: Loss,
        *,
        epochs: int,
        batch_size: int,
        shuffle: bool = False,
        report: Loss | None = None,
    ) -> None:
        """Build the optimizer's state; compiling waits for the first run."""
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.epochs, self.batch_size, self.shuffle = epochs, batch_size, shuffle
        self.report = report or loss
        optimizer.build(model.trainable_variables)
        convolutional = any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers)
        self._advance = tf.function(self._epochs, jit_compile=not convolutional, autograph=False)
        self._predict = tf.function(lambda inputs: model(inputs, training=False), autograph=False)

    def train(
        self,
        inputs: Any,
        targets: Any,
        *,
        weights: Sequence[np.ndarray],
        seed: int,
        evaluate: Callable[[int], Any] | None = None,
        at: Iterable[int] = (),
    ) -> History:
        """Train from the given weights; the same arguments give the same bits.

        Args:
            inputs: shape (samples, ...).
            targets: shape (samples, ...).
            weights: as `initial_weights` returns them.
            seed: fixes the order of the samples (where shuffled) and dropout.
            evaluate: called with the number of epochs completed, at each of `at`; 0 is before
                training. It may read the model, `predict` for one.
            at: the numbers of completed epochs to evaluate at.
        """
        self._reset(weights, seed)
        inputs, targets = tf.convert_to_tensor(inputs), tf.convert_to_tensor(targets)
        losses = tf.zeros(self.epochs, keras.config.floatx())
        evaluations: dict[int, Any] = {}
        epoch, stops = 0, set(at) if evaluate else set()
        if outside := stops - set(range(self.epochs + 1)):
            raise ValueError(f"no evaluation at {sorted(outside)}: epochs are 0 to {self.epochs}")
        for stop in sorted(stops | {self.epochs}):
            if stop > epoch:
                bounds = tf.constant([epoch, stop, seed])
                losses = self._advance(inputs, targets, losses, bounds)
                epoch = stop
            if evaluate and stop in stops:
                evaluations[stop] = evaluate(stop)
        return History(losses.numpy(), evaluations)

    def predict(self, inputs: Any) -> np.ndarray:
        """Return the model's output for `inputs`, dropout off, in one call."""
        return self._predict(tf.convert_to_tensor(inputs)).numpy()

    def _reset(self, weights: Sequence[np.ndarray], seed: int) -> None:
        """Put model and optimizer into the state of a new run, without building anything again."""
        for variable, value in zip(self.model.trainable_variables, weights, strict=True):
            variable.assign(value)
        for variable in self.optimizer.variables:
            if variable is not self.optimizer._learning_rate:
                variable.assign(ops.zeros_like(variable))
        dropouts = [layer for layer in self.model.layers if isinstance(layer, keras.layers.Dropout)]
        for number, layer in enumerate(dropouts):
            # A state of its own: two layers that share one drop the same units at every step.
            own_seed = np.random.SeedSequence([seed, number]).generate_state(1)[0]
            layer.seed_generator.state.assign([own_seed, 0])

    def _epochs(self, inputs: Any, targets: Any, losses: Any, bounds: Any) -> Any:
        """Run the epochs from bounds[0] up to bounds[1]: the program that is compiled.

        The bound is compared with `<` in a while loop: XLA would compile a `tf.range` over it again
        for every new bound.
        """
        stop, seed = bounds[1], bounds[2]

        def one_epoch(epoch: Any, losses: Any) -> tuple[Any, Any]:
            loss = self._one_epoch(inputs, targets, [seed, epoch])
            return epoch + 1, tf.tensor_scatter_nd_update(losses, [[epoch]], [loss])

        _, losses = tf.while_loop(lambda epoch, _: epoch < stop, one_epoch, [bounds[0], losses])
        return losses

    def _one_epoch(self, inputs: Any, targets: Any, seed: list[Any]) -> Any:
        """Pass once over the samples and return the mean of the batches' losses."""
        samples = inputs.shape[0]
        whole, rest = divmod(samples, self.batch_size)
        order = None
        if self.shuffle:
            # XLA has no shuffle; sorting random numbers is one.
            keys = tf.random.stateless_uniform([samples], seed, None, None, tf.int32)
            order = tf.argsort(keys)

        def batch(data: Any, start: Any, size: int) -> Any:
            if order is None:
                return tf.slice(data, [start] + [0] * (data.ndim - 1), [size, *data.shape[1:]])
            return tf.gather(data, tf.slice(order, [start], [size]))

        def step(number: Any, total: Any, size: int = self.batch_size) -> tuple[Any, Any]:
            start = number * self.batch_size
            loss = self._one_update(batch(inputs, start, size), batch(targets, start, size))
            return number + 1, total + loss

        state = (tf.constant(0), tf.zeros([], keras.config.floatx()))
        number, total = tf.while_loop(lambda number, _: number < whole, step, state)
        if rest:
            _, total = step(number, total, rest)
        return total / (whole + bool(rest))

    def _one_update(self, inputs: Any, targets: Any) -> Any:
        """Update the weights on one batch; return the loss to report, taken before the update."""
        with tf.GradientTape() as tape:
            predictions = self.model(inputs, training=True)
            loss = self.loss(targets, predictions)
        variables = self.model.trainable_variables
        reported = loss if self.report is self.loss else self.report(targets, predictions)
        self.optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        return tf.cast(reported, keras.config.floatx())


# --- Derivatives, to hold the documents' formulas against ----------------------------------------


def gradients(model: keras.Model, loss: Loss, inputs: Any, targets: Any) -> list[np.ndarray]:
    """Differentiate `loss` by the model's trainable weights, in their order and shapes."""
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        value = loss(targets, model(inputs))
    return [gradient.numpy() for gradient in tape.gradient(value, variables)]


def hessian(model: keras.Model, loss: Loss, inputs: Any, targets: Any) -> np.ndarray:
    """Differentiate `loss` twice by all trainable weights laid end to end, shape (P, P)."""
    return _hessian_of(model, loss)(tf.constant(inputs), tf.constant(targets)).numpy()


@functools.lru_cache(maxsize=8)
def _hessian_of(model: keras.Model, loss: Loss) -> Callable[[Any, Any], Any]:
    """Compile the Hessian of one model and loss once: it is asked for at every seed."""
    variables = [variable.value for variable in model.trainable_variables]

    def second_derivatives(inputs: Any, targets: Any) -> Any:
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                value = loss(targets, model(inputs))
            slopes = inner.gradient(value, variables)
            flat = tf.concat([tf.reshape(slope, [-1]) for slope in slopes], axis=0)
        blocks = outer.jacobian(flat, variables)
        return tf.concat([tf.reshape(block, [flat.shape[0], -1]) for block in blocks], axis=1)

    return tf.function(second_derivatives, autograph=False)

"""One model, one optimizer and one loss, compiled once and trained from one seed after another."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from common.training import layers

Loss = Callable[[Any, Any], Any]


def set_precision(dtype: str) -> None:
    """Make "float32" or "float64" the type of every model, optimizer and loss made from here on."""
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


def order_of(samples: int, seed: list[Any]) -> Any:
    """Draw an order of the samples from two integers: a run's seed and the epoch."""
    # XLA has no shuffle; sorting random numbers is one.
    return tf.argsort(tf.random.stateless_uniform([samples], seed, None, None, tf.int32))


class Dropout(keras.layers.Dropout):
    """Keras's dropout with another random generator: its own is 7 times slower in XLA on a CPU."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Zero a share `rate` of the inputs and scale up the others, in training only."""
        if not training:
            return inputs
        seed = self.seed_generator.next()
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed, rng_alg="philox")


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


def stops_of(epochs: int, at: Iterable[int]) -> set[int]:
    """Return the numbers of completed epochs to evaluate at, all of them within the run."""
    stops = set(at)
    if outside := stops - set(range(epochs + 1)):
        raise ValueError(f"no evaluation at {sorted(outside)}: epochs are 0 to {epochs}")
    return stops


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
        jit = not layers.is_convolutional(model)
        self._advance = tf.function(self._epochs, jit_compile=jit, autograph=False)
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
        stops = stops_of(self.epochs, at if evaluate else ())
        self._reset(weights, seed)
        inputs, targets = tf.convert_to_tensor(inputs), tf.convert_to_tensor(targets)
        losses = tf.zeros(self.epochs, keras.config.floatx())
        evaluations: dict[int, Any] = {}
        epoch = 0
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
        for layer in layers.of_kind(self.model, keras.layers.BatchNormalization):
            layer.moving_mean.assign(ops.zeros_like(layer.moving_mean))
            layer.moving_variance.assign(ops.ones_like(layer.moving_variance))
        for number, layer in enumerate(layers.of_kind(self.model, keras.layers.Dropout)):
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
        order = order_of(samples, seed) if self.shuffle else None

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

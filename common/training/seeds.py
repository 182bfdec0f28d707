"""Many seeds of one small dense network at once, in one compiled program.

Where a network's weights fit the processor's cache, a step of one sample costs little more than
starting it. Here the seeds are a leading axis of every weight, so that one step serves all of them:
five times faster and more, in blocks of 48 or 64 seeds. It does not pay for wide networks.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from common import optimizers
from common.training import trainer

# A processor works on up to 16 numbers at once, and on what is left over at the end of an array one
# by one, where an exponential may be rounded differently. In blocks of whole sixteens nothing is
# left over, and so no seed's result depends on its place or on which others are beside it.
WIDTH = 16


class State(NamedTuple):
    """What an update hands on to the next.

    Attributes:
        arrays: all weights of all seeds, as `SeedsTrainer` packs them.
        moments: for each array those of the optimizer.
        updates: how many there were.
    """

    arrays: list[Any]
    moments: list[list[Any]]
    updates: Any


class Samples(NamedTuple):
    """What a block of seeds is trained on, in its order.

    Attributes:
        inputs: shape (samples, ...), or (seeds, samples, ...) with `own_data`.
        targets: likewise.
        seeds: shape (seeds,).
        own_data: every seed has samples, or an order, of its own.
    """

    inputs: Any
    targets: Any
    seeds: Any
    own_data: bool

    @property
    def number(self) -> int:
        """How many samples there are."""
        return self.inputs.shape[self._axis]

    @property
    def _axis(self) -> int:
        return 1 if self.own_data else 0

    def shuffled(self, epoch: Any) -> "Samples":
        """Lay the samples in each seed's order of this epoch, the same that `Trainer` takes."""
        orders = tf.map_fn(lambda seed: trainer.order_of(self.number, [seed, epoch]), self.seeds)
        inputs, targets = (
            tf.gather(data, orders, axis=self._axis, batch_dims=self._axis)
            for data in (self.inputs, self.targets)
        )
        return Samples(inputs, targets, self.seeds, own_data=True)

    def batch(self, start: Any, size: int) -> list[Any]:
        """Return the inputs and targets from `start` on: (size, ...) or (seeds, size, ...)."""
        parts = []
        for data in (self.inputs, self.targets):
            before, after = data.shape[: self._axis], data.shape[self._axis + 1 :]
            begin = [0] * len(before) + [start] + [0] * len(after)
            parts.append(tf.slice(data, begin, [*before, size, *after]))
        return parts


class SeedsTrainer:
    """`Trainer` for a block of seeds: each ends where it would have ended alone, up to rounding.

    A block is filled up to a multiple of `WIDTH` with copies of its last seed, whose results are
    thrown away. A program is compiled for the first block and serves all later ones that are not
    larger; they are filled up to its size.

    Args:
        model: a built Keras model of dense layers, without dropout or batch normalisation.
        optimizer: `keras.optimizers.SGD` without options, or one of `common.optimizers`. Its rate
            is read at every run.
        loss: takes (targets, predictions) of one batch of one seed, returns the scalar that is
            differentiated.
        epochs: length of every run.
        batch_size: from 1 to the whole set; a short last batch is kept.
        shuffle: draw a new order every epoch, each seed its own; otherwise the order given.
        report: the scalar that `History.losses` averages, where it is not `loss` itself.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: trainer.Loss,
        *,
        epochs: int,
        batch_size: int,
        shuffle: bool = False,
        report: trainer.Loss | None = None,
    ) -> None:
        """Compiling waits for the first run."""
        if model.non_trainable_variables:
            raise ValueError("layers with a state of their own train one seed at a time: `Trainer`")
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.epochs, self.batch_size, self.shuffle = epochs, batch_size, shuffle
        self.report = report or loss
        self._rule = optimizers.pure(optimizer)
        self._seeds = self._block = 0
        self._state = State([], [], 0)
        self._advance = tf.function(self._epochs, jit_compile=True, autograph=False)
        self._predict = tf.function(self._answers, autograph=False)

    def train(
        self,
        inputs: Any,
        targets: Any,
        *,
        weights: Sequence[Sequence[np.ndarray]],
        seeds: Sequence[int],
        own_data: bool = False,
        evaluate: Callable[[int], Any] | None = None,
        at: Iterable[int] = (),
    ) -> trainer.History:
        """Train a block of seeds; the same arguments give the same bits.

        Args:
            inputs: shape (samples, ...), or (seeds, samples, ...) with `own_data`.
            targets: likewise.
            weights: for each seed, as `initial_weights` returns them.
            seeds: fix the order of the samples (where shuffled).
            own_data: every seed has samples of its own.
            evaluate: called with the number of epochs completed, at each of `at`; 0 is before
                training. It may call `predict` and read `weights`.
            at: the numbers of completed epochs to evaluate at.

        Returns:
            The losses have shape (seeds, epochs).
        """
        stops = trainer.stops_of(self.epochs, at if evaluate else ())
        self._start(weights, seeds)
        samples = Samples(
            self._filled(inputs, own_data),
            self._filled(targets, own_data),
            seeds=self._filled(np.array(seeds, dtype="int32"), own_data=True),
            own_data=own_data,
        )
        rate = tf.cast(self.optimizer.learning_rate, keras.config.floatx())
        losses = tf.zeros([self.epochs, self._block], keras.config.floatx())
        evaluations: dict[int, Any] = {}
        epoch = 0
        for stop in sorted(stops | {self.epochs}):
            if stop > epoch:
                bounds = tf.constant([epoch, stop])
                self._state, losses = self._advance(samples, self._state, losses, bounds, rate)
                epoch = stop
            if evaluate and stop in stops:
                evaluations[stop] = evaluate(stop)
        return trainer.History(losses.numpy()[:, : self._seeds].T, evaluations)

    @property
    def weights(self) -> list[np.ndarray]:
        """The weights of all seeds, each of shape (seeds, ...), in the model's order."""
        return [array.numpy()[: self._seeds] for array in self._unpacked(self._state.arrays)]

    def predict(self, inputs: Any, own_data: bool = False) -> np.ndarray:
        """Return all seeds' outputs, shape (seeds, samples, ...).

        Args:
            inputs: shape (samples, ...), or (seeds, samples, ...) with `own_data`.
            own_data: every seed answers for samples of its own.
        """
        answers = self._predict(self._state.arrays, self._filled(inputs, own_data), own_data)
        return answers.numpy()[: self._seeds]

    def _start(self, weights: Sequence[Sequence[np.ndarray]], seeds: Sequence[int]) -> None:
        """Take a new block of seeds; a larger one than before makes all later ones as large."""
        if len(weights) != len(seeds):
            raise ValueError(f"weights of {len(weights)} runs for {len(seeds)} seeds")
        self._seeds = len(seeds)
        self._block = max(self._block, WIDTH * math.ceil(len(seeds) / WIDTH))
        variables = self.model.trainable_variables
        stacked = [
            self._filled(np.stack(arrays).astype(variable.dtype), own_data=True)
            for variable, *arrays in zip(variables, *weights, strict=True)
        ]
        arrays = self._packed(stacked)
        moments = [[tf.zeros_like(array)] * self._rule.moments for array in arrays]
        self._state = State(arrays, moments, tf.constant(0))

    def _filled(self, data: Any, own_data: bool) -> Any:
        """Repeat the last seed's data until there are as many as the program takes."""
        data = tf.convert_to_tensor(data)
        if not own_data:
            return data
        if len(data) != self._seeds:
            raise ValueError(f"data of {len(data)} seeds for {self._seeds} seeds")
        copies = tf.repeat(data[-1:], self._block - self._seeds, axis=0)
        return tf.concat([data, copies], axis=0)

    # --- How the weights lie in memory ---

    def _packed(self, weights: list[Any]) -> list[Any]:
        """Lay a seed's weights end to end, shape (seeds, numbers), where that is faster.

        One array and its moments change in one pass over the memory. Plain gradient descent has no
        moments and loses more by cutting the array up again.
        """
        if not self._rule.moments:
            return weights
        return [tf.concat([tf.reshape(array, [len(array), -1]) for array in weights], axis=1)]

    def _unpacked(self, arrays: list[Any]) -> list[Any]:
        """Return every weight of the model again, shapes (seeds, ...)."""
        if not self._rule.moments:
            return arrays
        shapes = [variable.shape for variable in self.model.trainable_variables]
        parts = tf.split(arrays[0], [math.prod(shape) for shape in shapes], axis=1)
        return [tf.reshape(part, [-1, *shape]) for part, shape in zip(parts, shapes, strict=True)]

    # --- What is compiled ---

    def _epochs(
        self, samples: Samples, state: State, losses: Any, bounds: Any, rate: Any
    ) -> tuple[State, Any]:
        """Run the epochs from bounds[0] up to bounds[1], as `Trainer` does."""

        def one_epoch(epoch: Any, state: State, losses: Any) -> tuple[Any, State, Any]:
            ordered = samples.shuffled(epoch) if self.shuffle else samples
            state, loss = self._one_epoch(ordered, state, rate)
            return epoch + 1, state, tf.tensor_scatter_nd_update(losses, [[epoch]], [loss])

        variables = [bounds[0], state, losses]
        _, state, losses = tf.while_loop(lambda epoch, *_: epoch < bounds[1], one_epoch, variables)
        return state, losses

    def _one_epoch(self, samples: Samples, state: State, rate: Any) -> tuple[State, Any]:
        """Pass once over the samples; return the means of the batches' losses, shape (seeds,)."""
        whole, rest = divmod(samples.number, self.batch_size)

        def step(
            number: Any, state: State, total: Any, size: int = self.batch_size
        ) -> tuple[Any, State, Any]:
            batch = samples.batch(number * self.batch_size, size)
            state, loss = self._one_update(batch, samples.own_data, state, rate)
            return number + 1, state, total + loss

        total = tf.zeros(samples.seeds.shape, keras.config.floatx())
        variables = [tf.constant(0), state, total]
        number, state, total = tf.while_loop(lambda number, *_: number < whole, step, variables)
        if rest:
            _, state, total = step(number, state, total, rest)
        return state, total / (whole + bool(rest))

    def _one_update(
        self, batch: list[Any], own_data: bool, state: State, rate: Any
    ) -> tuple[State, Any]:
        """Update all seeds' weights on a batch; return the losses to report, taken before it."""

        def of_one_seed(weights: list[Any], inputs: Any, targets: Any) -> tuple[Any, Any]:
            predictions, _ = self.model.stateless_call(weights, [], inputs, training=True)
            loss = self.loss(targets, predictions)
            return loss, loss if self.report is self.loss else self.report(targets, predictions)

        with tf.GradientTape() as tape:
            tape.watch(state.arrays)
            weights = self._unpacked(state.arrays)
            loss, reported = _for_each_seed(of_one_seed, weights, batch, own_data)
        # No loss depends on another seed's weights: their sum's gradient is each one's own.
        gradients = tape.gradient(loss, state.arrays)
        stepped = [
            self._rule.step(array, gradient, moments, rate, state.updates)
            for array, gradient, moments in zip(state.arrays, gradients, state.moments, strict=True)
        ]
        arrays, moments = map(list, zip(*stepped, strict=True))
        state = State(arrays, moments, state.updates + 1)
        return state, tf.cast(reported, keras.config.floatx())

    def _answers(self, arrays: list[Any], inputs: Any, own_data: bool) -> Any:
        def of_one_seed(weights: list[Any], inputs: Any) -> Any:
            return self.model.stateless_call(weights, [], inputs, training=False)[0]

        return _for_each_seed(of_one_seed, self._unpacked(arrays), [inputs], own_data)


def _for_each_seed(
    function: Callable[..., Any], weights: list[Any], data: list[Any], own_data: bool
) -> Any:
    """Call `function` with each seed's weights and data, and stack what it returns."""
    if own_data:
        return tf.vectorized_map(lambda seed: function(*seed), (weights, *data))
    return tf.vectorized_map(lambda weights: function(weights, *data), weights)

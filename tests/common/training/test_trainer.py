"""Training one seed after another: held against plain loops and itself.

The models are tiny, so a wrong step, a lost batch or a forgotten state shows within an epoch.
"""

import itertools
import math
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from keras import ops

from common import optimizers, training
from common.protocols import notes
from tests import small_models

ROOT = pathlib.Path(__file__).parents[3]
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


# --- Precision ------------------------------------------------------------------------------------


def test_precision_reaches_model_optimizer_and_loss_and_goes_back():
    for dtype in ["float64", "float32"]:
        training.set_precision(dtype)
        model = small_models.dense_model(5, 3)
        for optimizer in [optimizers.Momentum(0.1), optimizers.Adam(0.1)]:
            trainer = training.Trainer(
                model, optimizer, small_models.squared_error, epochs=1, batch_size=5
            )
            history = trainer.train(
                *small_models.data(), weights=small_models.draw(model, 0), seed=0
            )
            counted = [v.dtype for v in optimizer.variables if v is not optimizer.iterations]
            assert set(counted) == {dtype}
            assert {variable.dtype for variable in model.variables} == {dtype}
            assert history.losses.dtype == trainer.predict(small_models.data()[0]).dtype == dtype


def test_double_precision_has_no_single_precision_constant_in_it(double):
    """Exact velocities have not gone through the float32 nearest to 0.9, which is 2e-8 off."""
    model = small_models.dense_model(1, inputs=1, activation="linear")
    trainer = training.Trainer(
        model,
        optimizers.Momentum(0.1, beta=0.9),
        lambda _, out: ops.sum(out),
        epochs=1,
        batch_size=1,
    )
    start = [np.zeros((1, 1)), np.zeros(1)]
    trainer.train(np.ones((2, 1)), np.ones((2, 1)), weights=start, seed=0)
    expected = -0.1 - (0.9 * 0.1 + 0.1)  # two updates, the gradient is always 1
    small_models.assert_close(small_models.weights_of(model), [expected, expected], 1e-16)


# --- Seeds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer, dropout",
    [
        (lambda: optimizers.Momentum(0.1), 0.0),
        (lambda: optimizers.Adam(0.01), 0.3),
        (lambda: keras.optimizers.Adam(0.01), 0.3),
    ],
    ids=["momentum", "adam-dropout", "keras-adam-dropout"],
)
def test_a_seed_repeats_bitwise_after_another_has_run(precision, optimizer, dropout):
    def new_trainer():
        model = small_models.dense_model(6, 3, dropout=dropout)
        return training.Trainer(
            model, optimizer(), small_models.squared_error, epochs=5, batch_size=3, shuffle=True
        )

    def run(trainer, seed):
        history = trainer.train(
            *small_models.data(), weights=small_models.draw(trainer.model, seed), seed=seed
        )
        return [history.losses, *small_models.weights_of(trainer.model)]

    trainer = new_trainer()
    first, second, again = run(trainer, 1), run(trainer, 2), run(trainer, 1)
    assert small_models.same_bits(first, again)
    assert small_models.same_bits(
        second, run(new_trainer(), 2)
    )  # nothing of the first seed was left over
    for one, other in zip(first, second, strict=True):
        assert not np.any(one == other)


@pytest.mark.parametrize("dropout, shuffle", [(0.5, False), (0.0, True)])
def test_the_seed_reaches_more_than_the_weights(dropout, shuffle):
    model = small_models.dense_model(6, 3, dropout=dropout)
    trainer = training.Trainer(
        model,
        optimizers.Momentum(0.1),
        small_models.squared_error,
        epochs=2,
        batch_size=3,
        shuffle=shuffle,
    )
    runs = [
        trainer.train(*small_models.data(), weights=small_models.draw(model, 0), seed=seed).losses
        for seed in [1, 2]
    ]
    assert not np.any(runs[0] == runs[1])


def test_two_dropout_layers_drop_different_units():
    """Two layers started from one state would drop the same units all through a run."""
    model = keras.Sequential([keras.Input((8,)), *(keras.layers.Dropout(0.5) for _ in range(2))])
    model.add(keras.layers.Dense(1))
    trainer = training.Trainer(
        model, optimizers.Momentum(1.0), lambda _, out: ops.sum(out), epochs=1, batch_size=100
    )
    ones = np.ones((100, 8), "float32")
    # The gradient of the sum counts, for each unit, the samples that it survived in, times 4.
    trainer.train(ones, ones, weights=[np.zeros((8, 1)), np.zeros(1)], seed=3)
    survivors = -small_models.weights_of(model)[0].sum() / 4
    low, high = scipy.stats.binom(800, 1 / 4).interval(0.999)
    assert low <= survivors <= high


def test_evaluations_do_not_change_the_run():
    model = small_models.dense_model(6, 3, dropout=0.2)
    trainer = training.Trainer(
        model,
        optimizers.Adam(0.01),
        small_models.squared_error,
        epochs=9,
        batch_size=7,
        shuffle=True,
    )
    runs = []
    for at in [(), (0, 2, 3, 8), range(10)]:
        history = trainer.train(
            *small_models.data(),
            weights=small_models.draw(model, 0),
            seed=0,
            evaluate=lambda _: trainer.predict(small_models.data()[0]),
            at=at,
        )
        runs.append([history.losses, *small_models.weights_of(model)])
    assert small_models.same_bits(runs[0], runs[1])
    assert small_models.same_bits(runs[0], runs[2])


# --- Compilation ----------------------------------------------------------------------------------

# TensorFlow's own count of traces misses compilations: XLA builds one trace again for every new
# shape and for every new constant. XLA itself writes down each module that it compiles.
COMPILE = """
import keras, numpy as np, tensorflow as tf
from keras import ops
from common import optimizers, training

def squared_error(targets, predictions):
    return ops.mean(ops.square(targets - predictions))

def train_seeds(model, features, targets, advance=None):
    trainer = training.Trainer(
        model, optimizers.Momentum(0.1), squared_error, epochs=9, batch_size=3, shuffle=True
    )
    if advance:
        trainer._advance = tf.function(advance(trainer), jit_compile=True, autograph=False)
    for seed, at in enumerate([(0, 2, 4, 9), (), (4,)]):
        weights = training.initial_weights(model, np.random.default_rng(seed), training.glorot)
        trainer.train(features, targets, weights=weights, seed=seed, evaluate=print, at=at)
    assert trainer._advance.experimental_get_tracing_count() == 1

def bound_by_a_range(trainer):
    def ranged(inputs, targets, losses, bounds):
        numbers = tf.range(bounds[1] - bounds[0])
        def one_epoch(losses, number):
            loss = trainer._one_epoch(inputs, targets, [bounds[2], number])
            return tf.tensor_scatter_nd_update(losses, [[number]], [loss])
        return tf.foldl(one_epoch, numbers, losses)
    return ranged

def dense():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])

zeros = np.zeros((7, 2), "float32"), np.zeros((7, 1), "float32")
train_seeds(dense(), *zeros)
train_seeds(dense(), *zeros, bound_by_a_range)

images = np.zeros((7, 8, 8, 1), "float32"), np.zeros((7, 1), "float32")
train_seeds(
    keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(),
         keras.layers.Dense(1)]
    ),
    *images,
)
"""


def test_one_compilation_serves_all_seeds_and_all_evaluations(tmp_path):
    environment = os.environ | {
        "XLA_FLAGS": f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text",
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "",
    }
    subprocess.run(
        [sys.executable, "-c", COMPILE],
        env=environment,
        check=True,
        capture_output=True,
        timeout=200,
    )
    modules = [path.name for path in tmp_path.glob("*.before_optimizations.txt")]
    assert sum("inference__epochs_" in name for name in modules) == 1  # and none for convolutions
    # The same count sees what must not be: one more for each new length of a `tf.range`.
    assert sum("inference_ranged_" in name for name in modules) > 1


# --- One epoch against a plain loop ---------------------------------------------------------------


def plain_loop(model, *, batch_size, epochs, report=None):
    """Gradient descent as a tutorial would write it: losses of all batches, weights per epoch."""
    weights = small_models.draw(model, 4)
    features, targets = small_models.data()
    for variable, value in zip(model.trainable_variables, weights, strict=True):
        variable.assign(value)
    losses, states = [], [small_models.weights_of(model)]
    for _ in range(epochs):
        for start in range(0, len(features), batch_size):
            batch = slice(start, start + batch_size)
            with tf.GradientTape() as tape:
                predictions = model(features[batch])
                value = small_models.squared_error(targets[batch], predictions)
            losses.append(
                (report or small_models.squared_error)(targets[batch], predictions).numpy()
            )
            variables = [variable.value for variable in model.trainable_variables]
            for variable, gradient in zip(variables, tape.gradient(value, variables), strict=True):
                variable.assign_sub(0.5 * gradient)
        states.append(small_models.weights_of(model))
    return np.reshape(losses, (epochs, -1)), states


@pytest.mark.parametrize("batch_size", [1, 7, small_models.SAMPLES])
def test_epochs_equal_a_plain_loop(precision, batch_size):
    model = small_models.dense_model(6, 3)
    losses, states = plain_loop(model, batch_size=batch_size, epochs=2)
    trainer = training.Trainer(
        model,
        keras.optimizers.SGD(0.5),
        small_models.squared_error,
        epochs=2,
        batch_size=batch_size,
    )
    history = trainer.train(
        *small_models.data(),
        weights=small_models.draw(model, 4),
        seed=0,
        evaluate=lambda _: small_models.weights_of(model),
        at=[1, 2],
    )
    for epoch in [1, 2]:
        small_models.assert_close(history.evaluations[epoch], states[epoch], TOLERANCE[precision])
    # The short last batch weighs as much as a whole one.
    small_models.assert_close(history.losses, losses.mean(axis=1), TOLERANCE[precision])


def test_report_is_averaged_and_loss_is_descended(double):
    model = small_models.dense_model(6, 3)
    losses, states = plain_loop(model, batch_size=7, epochs=2, report=small_models.absolute_error)
    trainer = training.Trainer(
        model,
        keras.optimizers.SGD(0.5),
        small_models.squared_error,
        epochs=2,
        batch_size=7,
        report=small_models.absolute_error,
    )
    history = trainer.train(*small_models.data(), weights=small_models.draw(model, 4), seed=0)
    small_models.assert_close(history.losses, losses.mean(axis=1), 1e-10)
    small_models.assert_close(small_models.weights_of(model), states[2], 1e-10)


def test_evaluate_sees_the_chosen_epochs_in_order(double):
    model = small_models.dense_model(6, 3)
    _, states = plain_loop(model, batch_size=7, epochs=6)
    features, _ = small_models.data()
    trainer = training.Trainer(
        model, keras.optimizers.SGD(0.5), small_models.squared_error, epochs=6, batch_size=7
    )
    calls = []

    def evaluate(epoch):
        calls.append(epoch)
        return small_models.weights_of(model), trainer.predict(features)

    history = trainer.train(
        *small_models.data(),
        weights=small_models.draw(model, 4),
        seed=0,
        evaluate=evaluate,
        at=[4, 0, 6, 1, 4],
    )
    assert calls == list(history.evaluations) == [0, 1, 4, 6]
    for epoch, (weights, predictions) in history.evaluations.items():
        small_models.assert_close(weights, states[epoch], 1e-10)
        small_models.assert_close(
            [predictions], [small_models.NumpyNetwork(states[epoch]).forward(features)[1]], 1e-10
        )
    assert small_models.same_bits(history.evaluations[0][0], small_models.draw(model, 4))

    trainer.train(
        *small_models.data(), weights=small_models.draw(model, 4), seed=0, evaluate=evaluate
    )
    assert calls == [0, 1, 4, 6]  # no epoch chosen, no call


@pytest.mark.parametrize("epoch", [-1, 4])
def test_an_evaluation_outside_the_run_is_refused(epoch):
    model = small_models.dense_model(3)
    trainer = training.Trainer(
        model, keras.optimizers.SGD(0.5), small_models.squared_error, epochs=3, batch_size=7
    )
    with pytest.raises(ValueError, match=str(epoch)):
        trainer.train(
            *small_models.data(),
            weights=small_models.draw(model, 0),
            seed=0,
            evaluate=print,
            at=[0, epoch],
        )


# --- Order of the samples -------------------------------------------------------------------------


class Clock(keras.optimizers.Optimizer):
    """Add to a weight the number (from 1) of every update that its sample has a part in."""

    def update_step(self, gradient, variable, learning_rate):
        update = ops.cast(self.iterations + 1, variable.dtype)
        self.assign_add(variable, update * gradient)


def updates_by_sample(samples, batch_size, epochs, shuffle, seeds):
    """In which update of its epoch each sample was used, shape (seeds, epochs, samples)."""
    # With one-hot inputs and the summed output as loss, a weight's gradient is 1 where its sample
    # is in the batch and 0 where not.
    model = keras.Sequential([keras.Input((samples,)), keras.layers.Dense(1, use_bias=False)])
    trainer = training.Trainer(
        model,
        Clock(learning_rate=1.0),
        lambda _, outputs: ops.sum(outputs),
        epochs=epochs,
        batch_size=batch_size,
        shuffle=shuffle,
    )
    one_hot = np.eye(samples, dtype="float32")
    totals = []
    for seed in seeds:
        history = trainer.train(
            one_hot,
            one_hot,
            weights=[np.zeros((samples, 1))],
            seed=seed,
            evaluate=lambda _: small_models.weights_of(model)[0][:, 0],
            at=range(epochs + 1),
        )
        totals.append(list(history.evaluations.values()))
    earlier = np.arange(epochs)[:, np.newaxis] * math.ceil(samples / batch_size)
    return np.diff(totals, axis=1) - earlier


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 7, small_models.SAMPLES])
def test_every_sample_is_used_once_in_every_epoch(batch_size, shuffle):
    updates = updates_by_sample(small_models.SAMPLES, batch_size, 5, shuffle, seeds=[0, 1])
    in_order = np.arange(small_models.SAMPLES) // batch_size + 1
    if shuffle:
        np.testing.assert_array_equal(np.sort(updates), np.broadcast_to(in_order, updates.shape))
    else:
        np.testing.assert_array_equal(updates, np.broadcast_to(in_order, updates.shape))


def test_orders_differ_between_epochs_and_seeds():
    orders = updates_by_sample(small_models.SAMPLES, 1, 5, True, seeds=[0, 1, 2])
    assert len({tuple(order) for order in orders.reshape(-1, small_models.SAMPLES)}) == 15


def test_every_order_is_equally_likely():
    orders = updates_by_sample(4, 1, 120, True, seeds=range(10)).reshape(-1, 4)
    counts = [
        np.sum(np.all(orders == order, axis=1)) for order in itertools.permutations([1, 2, 3, 4])
    ]
    assert scipy.stats.chisquare(counts).pvalue > 0.001


# --- Convolutions ---------------------------------------------------------------------------------


def test_a_convolutional_model_trains_and_repeats():
    rng = np.random.default_rng(5)
    labels = np.arange(30) % 3
    images = rng.uniform(size=(30, 8, 8, 2)).astype("float32")
    for row in range(3):  # class k has a bright band at its own height
        images[labels == row, 2 * row : 2 * row + 3] += 1
    model = small_models.convolutional_model()

    def cross_entropy(targets, logits):
        return ops.mean(ops.sparse_categorical_crossentropy(targets, logits, from_logits=True))

    trainer = training.Trainer(
        model, optimizers.Adam(0.01), cross_entropy, epochs=30, batch_size=8, shuffle=True
    )
    runs = []
    for seed in [0, 1, 0]:
        weights = small_models.draw(model, seed, notes.pytorch)
        history = trainer.train(images, labels, weights=weights, seed=seed)
        assert history.losses[-1] < 0.2 * history.losses[0]
        assert np.mean(trainer.predict(images).argmax(axis=1) == labels) > 0.9
        runs.append([history.losses, *small_models.weights_of(model)])
    assert small_models.same_bits(runs[0], runs[2])
    assert not small_models.same_bits(runs[0], runs[1])


def test_dropout_zeroes_its_share_and_only_in_training():
    training.set_precision("float32")
    layer = training.Dropout(0.2, seed=1)
    ones = np.ones((100, 100), dtype="float32")
    np.testing.assert_array_equal(layer(ones, training=False), ones)
    kept = np.asarray(layer(ones, training=True))
    assert set(np.unique(kept)) == {0.0, np.float32(1.25)}
    assert (kept == 0).mean() == pytest.approx(0.2, abs=0.03)


def nested(*layers, shape):
    """The layers as a model within a model, before one dense layer."""
    inner = keras.Sequential([keras.Input(shape), *layers])
    return keras.Sequential([keras.Input(shape), inner, keras.layers.Dense(2)])


@pytest.mark.parametrize(
    "layer",
    [keras.layers.Conv1D(2, 2), keras.layers.SeparableConv1D(2, 2), keras.layers.Dense(2)],
    ids=["convolution", "separable", "dense"],
)
def test_models_with_convolutions_run_without_xla_however_deep_they_are(layer):
    model = nested(layer, keras.layers.Flatten(), shape=(4, 3))
    trainer = training.Trainer(
        model, optimizers.Adam(0.1), small_models.squared_error, epochs=1, batch_size=5
    )
    assert trainer._advance._jit_compile == isinstance(layer, keras.layers.Dense)


def test_a_nested_dropout_starts_anew_with_every_seed():
    model = nested(keras.layers.Dropout(0.5), keras.layers.Dense(3), shape=(4,))
    trainer = training.Trainer(
        model, optimizers.Momentum(0.1), small_models.squared_error, epochs=2, batch_size=7
    )
    data = small_models.data(outputs=2)
    weights = small_models.draw(model, 0)
    first, other, again = (
        trainer.train(*data, weights=weights, seed=seed).losses for seed in [1, 2, 1]
    )
    np.testing.assert_array_equal(first, again)
    assert not np.any(first == other)


def test_moving_statistics_start_anew_with_every_seed():
    norm = keras.layers.BatchNormalization(momentum=0.9)
    model = nested(keras.layers.Dense(3), norm, shape=(4,))
    trainer = training.Trainer(
        model, optimizers.Momentum(0.1), small_models.squared_error, epochs=2, batch_size=7
    )
    features, targets = small_models.data(outputs=2)
    weights = small_models.draw(model, 0)
    runs, statistics = [], []
    for _ in range(2):
        history = trainer.train(
            features,
            targets,
            weights=weights,
            seed=0,
            evaluate=lambda _: [norm.moving_mean.numpy(), norm.moving_variance.numpy()],
            at=[0, 2],
        )
        runs.append(trainer.predict(features))
        statistics.append(history.evaluations)
    assert small_models.same_bits(statistics[1][0], [np.zeros(3), np.ones(3)])
    assert small_models.same_bits(*(each[2] for each in statistics))
    assert not small_models.same_bits(statistics[0][2], [np.zeros(3), np.ones(3)])
    assert small_models.same_bits(*runs)

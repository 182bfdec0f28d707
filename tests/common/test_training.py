"""Training: held against plain loops, NumPy, PyTorch, finite differences and itself.

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

from common import training

ROOT = pathlib.Path(__file__).parents[2]
SAMPLES = 20  # 7 does not divide it: the last batch of seven has six samples
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


@pytest.fixture(autouse=True)
def _single_precision_afterwards():
    yield
    training.set_precision("float32")


@pytest.fixture(params=["float32", "float64"])
def precision(request):
    training.set_precision(request.param)
    return request.param


@pytest.fixture
def double():
    training.set_precision("float64")


def dense_model(*units, inputs=4, activation="sigmoid", dropout=0.0):
    model = keras.Sequential([keras.Input((inputs,))])
    for number in units:
        model.add(keras.layers.Dense(number, activation=activation))
        if dropout:
            model.add(keras.layers.Dropout(dropout))
    return model


def data(samples=SAMPLES, inputs=4, outputs=3):
    rng = np.random.default_rng(11)
    dtype = keras.config.floatx()
    features = rng.normal(size=(samples, inputs)).astype(dtype)
    return features, rng.uniform(size=(samples, outputs)).astype(dtype)


def squared_error(targets, predictions):
    return ops.mean(ops.square(targets - predictions))


def absolute_error(targets, predictions):
    return ops.mean(ops.abs(targets - predictions))


def draw(model, seed, scheme="glorot"):
    return training.initial_weights(model, np.random.default_rng(seed), scheme)


def weights_of(model):
    return [variable.numpy() for variable in model.trainable_variables]


def assert_close(measured, expected, tolerance):
    for one, other in zip(measured, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def same_bits(some, others):
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


# --- Precision ----------------------------------------------------------------------------------


def test_precision_reaches_model_optimizer_and_loss_and_goes_back():
    for dtype in ["float64", "float32"]:
        training.set_precision(dtype)
        model = dense_model(5, 3)
        for optimizer in [training.Momentum(0.1), training.Adam(0.1)]:
            trainer = training.Trainer(model, optimizer, squared_error, epochs=1, batch_size=5)
            history = trainer.train(*data(), weights=draw(model, 0), seed=0)
            counted = [v.dtype for v in optimizer.variables if v is not optimizer.iterations]
            assert set(counted) == {dtype}
            assert {variable.dtype for variable in model.variables} == {dtype}
            assert history.losses.dtype == trainer.predict(data()[0]).dtype == dtype


def test_double_precision_has_no_single_precision_constant_in_it(double):
    """Exact velocities have not gone through the float32 nearest to 0.9, which is 2e-8 off."""
    model = dense_model(1, inputs=1, activation="linear")
    trainer = training.Trainer(
        model, training.Momentum(0.1, beta=0.9), lambda _, out: ops.sum(out), epochs=1, batch_size=1
    )
    start = [np.zeros((1, 1)), np.zeros(1)]
    trainer.train(np.ones((2, 1)), np.ones((2, 1)), weights=start, seed=0)
    expected = -0.1 - (0.9 * 0.1 + 0.1)  # two updates, the gradient is always 1
    assert_close(weights_of(model), [expected, expected], 1e-16)


# --- Seeds --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer, dropout",
    [
        (lambda: training.Momentum(0.1), 0.0),
        (lambda: training.Adam(0.01), 0.3),
        (lambda: keras.optimizers.Adam(0.01), 0.3),
    ],
    ids=["momentum", "adam-dropout", "keras-adam-dropout"],
)
def test_a_seed_repeats_bitwise_after_another_has_run(precision, optimizer, dropout):
    def new_trainer():
        model = dense_model(6, 3, dropout=dropout)
        return training.Trainer(
            model, optimizer(), squared_error, epochs=5, batch_size=3, shuffle=True
        )

    def run(trainer, seed):
        history = trainer.train(*data(), weights=draw(trainer.model, seed), seed=seed)
        return [history.losses, *weights_of(trainer.model)]

    trainer = new_trainer()
    first, second, again = run(trainer, 1), run(trainer, 2), run(trainer, 1)
    assert same_bits(first, again)
    assert same_bits(second, run(new_trainer(), 2))  # nothing of the first seed was left over
    for one, other in zip(first, second, strict=True):
        assert not np.any(one == other)


@pytest.mark.parametrize("dropout, shuffle", [(0.5, False), (0.0, True)])
def test_the_seed_reaches_more_than_the_weights(dropout, shuffle):
    model = dense_model(6, 3, dropout=dropout)
    trainer = training.Trainer(
        model, training.Momentum(0.1), squared_error, epochs=2, batch_size=3, shuffle=shuffle
    )
    runs = [trainer.train(*data(), weights=draw(model, 0), seed=seed).losses for seed in [1, 2]]
    assert not np.any(runs[0] == runs[1])


def test_two_dropout_layers_drop_different_units():
    """Two layers started from one state would drop the same units all through a run."""
    model = keras.Sequential([keras.Input((8,)), *(keras.layers.Dropout(0.5) for _ in range(2))])
    model.add(keras.layers.Dense(1))
    trainer = training.Trainer(
        model, training.Momentum(1.0), lambda _, out: ops.sum(out), epochs=1, batch_size=100
    )
    ones = np.ones((100, 8), "float32")
    # The gradient of the sum counts, for each unit, the samples that it survived in, times 4.
    trainer.train(ones, ones, weights=[np.zeros((8, 1)), np.zeros(1)], seed=3)
    survivors = -weights_of(model)[0].sum() / 4
    low, high = scipy.stats.binom(800, 1 / 4).interval(0.999)
    assert low <= survivors <= high


def test_evaluations_do_not_change_the_run():
    model = dense_model(6, 3, dropout=0.2)
    trainer = training.Trainer(
        model, training.Adam(0.01), squared_error, epochs=9, batch_size=7, shuffle=True
    )
    runs = []
    for at in [(), (0, 2, 3, 8), range(10)]:
        history = trainer.train(
            *data(),
            weights=draw(model, 0),
            seed=0,
            evaluate=lambda _: trainer.predict(data()[0]),
            at=at,
        )
        runs.append([history.losses, *weights_of(model)])
    assert same_bits(runs[0], runs[1])
    assert same_bits(runs[0], runs[2])


# --- Compilation --------------------------------------------------------------------------------

# TensorFlow's own count of traces misses compilations: XLA builds one trace again for every new
# shape and for every new constant. XLA itself writes down each module that it compiles.
COMPILE = """
import keras, numpy as np, tensorflow as tf
from keras import ops
from common import training

def squared_error(targets, predictions):
    return ops.mean(ops.square(targets - predictions))

def train_seeds(model, features, targets, advance=None):
    trainer = training.Trainer(
        model, training.Momentum(0.1), squared_error, epochs=9, batch_size=3, shuffle=True
    )
    if advance:
        trainer._advance = tf.function(advance(trainer), jit_compile=True, autograph=False)
    for seed, at in enumerate([(0, 2, 4, 9), (), (4,)]):
        weights = training.initial_weights(model, np.random.default_rng(seed), "glorot")
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
    weights = draw(model, 4)
    features, targets = data()
    for variable, value in zip(model.trainable_variables, weights, strict=True):
        variable.assign(value)
    losses, states = [], [weights_of(model)]
    for _ in range(epochs):
        for start in range(0, len(features), batch_size):
            batch = slice(start, start + batch_size)
            with tf.GradientTape() as tape:
                predictions = model(features[batch])
                value = squared_error(targets[batch], predictions)
            losses.append((report or squared_error)(targets[batch], predictions).numpy())
            variables = [variable.value for variable in model.trainable_variables]
            for variable, gradient in zip(variables, tape.gradient(value, variables), strict=True):
                variable.assign_sub(0.5 * gradient)
        states.append(weights_of(model))
    return np.reshape(losses, (epochs, -1)), states


@pytest.mark.parametrize("batch_size", [1, 7, SAMPLES])
def test_epochs_equal_a_plain_loop(precision, batch_size):
    model = dense_model(6, 3)
    losses, states = plain_loop(model, batch_size=batch_size, epochs=2)
    trainer = training.Trainer(
        model, keras.optimizers.SGD(0.5), squared_error, epochs=2, batch_size=batch_size
    )
    history = trainer.train(
        *data(),
        weights=draw(model, 4),
        seed=0,
        evaluate=lambda _: weights_of(model),
        at=[1, 2],
    )
    for epoch in [1, 2]:
        assert_close(history.evaluations[epoch], states[epoch], TOLERANCE[precision])
    # The short last batch weighs as much as a whole one.
    assert_close(history.losses, losses.mean(axis=1), TOLERANCE[precision])


def test_report_is_averaged_and_loss_is_descended(double):
    model = dense_model(6, 3)
    losses, states = plain_loop(model, batch_size=7, epochs=2, report=absolute_error)
    trainer = training.Trainer(
        model,
        keras.optimizers.SGD(0.5),
        squared_error,
        epochs=2,
        batch_size=7,
        report=absolute_error,
    )
    history = trainer.train(*data(), weights=draw(model, 4), seed=0)
    assert_close(history.losses, losses.mean(axis=1), 1e-10)
    assert_close(weights_of(model), states[2], 1e-10)


def test_evaluate_sees_the_chosen_epochs_in_order(double):
    model = dense_model(6, 3)
    _, states = plain_loop(model, batch_size=7, epochs=6)
    features, _ = data()
    trainer = training.Trainer(
        model, keras.optimizers.SGD(0.5), squared_error, epochs=6, batch_size=7
    )
    calls = []

    def evaluate(epoch):
        calls.append(epoch)
        return weights_of(model), trainer.predict(features)

    history = trainer.train(
        *data(), weights=draw(model, 4), seed=0, evaluate=evaluate, at=[4, 0, 6, 1, 4]
    )
    assert calls == list(history.evaluations) == [0, 1, 4, 6]
    for epoch, (weights, predictions) in history.evaluations.items():
        assert_close(weights, states[epoch], 1e-10)
        assert_close([predictions], [NumpyNetwork(states[epoch]).forward(features)[1]], 1e-10)
    assert same_bits(history.evaluations[0][0], draw(model, 4))

    trainer.train(*data(), weights=draw(model, 4), seed=0, evaluate=evaluate)
    assert calls == [0, 1, 4, 6]  # no epoch chosen, no call


@pytest.mark.parametrize("epoch", [-1, 4])
def test_an_evaluation_outside_the_run_is_refused(epoch):
    model = dense_model(3)
    trainer = training.Trainer(
        model, keras.optimizers.SGD(0.5), squared_error, epochs=3, batch_size=7
    )
    with pytest.raises(ValueError, match=str(epoch)):
        trainer.train(*data(), weights=draw(model, 0), seed=0, evaluate=print, at=[0, epoch])


# --- Order of the samples -----------------------------------------------------------------------


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
            evaluate=lambda _: weights_of(model)[0][:, 0],
            at=range(epochs + 1),
        )
        totals.append(list(history.evaluations.values()))
    earlier = np.arange(epochs)[:, np.newaxis] * math.ceil(samples / batch_size)
    return np.diff(totals, axis=1) - earlier


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 7, SAMPLES])
def test_every_sample_is_used_once_in_every_epoch(batch_size, shuffle):
    updates = updates_by_sample(SAMPLES, batch_size, 5, shuffle, seeds=[0, 1])
    in_order = np.arange(SAMPLES) // batch_size + 1
    if shuffle:
        np.testing.assert_array_equal(np.sort(updates), np.broadcast_to(in_order, updates.shape))
    else:
        np.testing.assert_array_equal(updates, np.broadcast_to(in_order, updates.shape))


def test_orders_differ_between_epochs_and_seeds():
    orders = updates_by_sample(SAMPLES, 1, 5, True, seeds=[0, 1, 2])
    assert len({tuple(order) for order in orders.reshape(-1, SAMPLES)}) == 15


def test_every_order_is_equally_likely():
    orders = updates_by_sample(4, 1, 120, True, seeds=range(10)).reshape(-1, 4)
    counts = [
        np.sum(np.all(orders == order, axis=1)) for order in itertools.permutations([1, 2, 3, 4])
    ]
    assert scipy.stats.chisquare(counts).pvalue > 0.001


# --- Optimizers ---------------------------------------------------------------------------------


class NumpyNetwork:
    """Two sigmoid layers with the mean squared error, and backpropagation by hand."""

    def __init__(self, weights):
        self.weights = [np.array(array) for array in weights]

    def forward(self, inputs):
        W1, b1, W2, b2 = self.weights
        hidden = 1 / (1 + np.exp(-(inputs @ W1 + b1)))
        return hidden, 1 / (1 + np.exp(-(hidden @ W2 + b2)))

    def gradients(self, inputs, targets):
        """For one sample: inputs of shape (4,), targets of shape (3,)."""
        hidden, outputs = self.forward(inputs)
        delta_2 = 2 / len(targets) * (outputs - targets) * outputs * (1 - outputs)
        delta_1 = self.weights[2] @ delta_2 * hidden * (1 - hidden)
        return [np.outer(inputs, delta_1), delta_1, np.outer(hidden, delta_2), delta_2]


def sgd_steps(rate):
    def steps(_):
        while True:
            gradient = yield
            yield rate * gradient

    return steps


def momentum_steps(rate, beta):
    def steps(velocity):
        while True:
            gradient = yield
            velocity = beta * velocity + rate * gradient
            yield velocity

    return steps


def adam_steps(rate, updates_per_epoch=1, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    def steps(zero):
        mean = square = zero
        for update in itertools.count():
            gradient = yield
            t = update // updates_per_epoch + 1
            mean = beta_1 * mean + (1 - beta_1) * gradient
            square = beta_2 * square + (1 - beta_2) * gradient**2
            yield rate * mean / (1 - beta_1**t) / (np.sqrt(square / (1 - beta_2**t)) + epsilon)

    return steps


@pytest.mark.parametrize(
    "optimizer, steps",
    [
        (lambda: keras.optimizers.SGD(0.5), sgd_steps(0.5)),
        (lambda: training.Momentum(0.1, beta=0.9), momentum_steps(0.1, 0.9)),
        (lambda: training.Momentum(0.1, beta=0.35), momentum_steps(0.1, 0.35)),
        (lambda: training.Adam(0.01), adam_steps(0.01)),
        (
            lambda: training.Adam(0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
            adam_steps(0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
        ),
        (
            lambda: training.Adam(0.01, updates_per_epoch=SAMPLES),
            adam_steps(0.01, updates_per_epoch=SAMPLES),
        ),
    ],
    ids=["sgd", "momentum", "momentum-0.35", "adam", "adam-constants", "adam-by-epoch"],
)
def test_optimizers_equal_numpy(double, optimizer, steps):
    """Two epochs of one-sample steps, the second on a Trainer that another seed has used."""
    model = dense_model(10, 3)
    network = NumpyNetwork(draw(model, 8))
    descents = [steps(np.zeros_like(array)) for array in network.weights]
    for features, targets in 2 * list(zip(*data(), strict=True)):
        gradients = network.gradients(features, targets)
        for number, descent in enumerate(descents):
            next(descent)
            network.weights[number] -= descent.send(gradients[number])

    trainer = training.Trainer(model, optimizer(), squared_error, epochs=2, batch_size=1)
    for seed in [7, 8]:
        trainer.train(*data(), weights=draw(model, seed), seed=seed)
    assert_close(weights_of(model), network.weights, 1e-9)


def test_adam_equals_pytorch(double):
    torch = pytest.importorskip("torch")
    model = dense_model(10, 3)
    start = draw(model, 8, "pytorch")
    network = torch.nn.Sequential(
        torch.nn.Linear(4, 10), torch.nn.Sigmoid(), torch.nn.Linear(10, 3), torch.nn.Sigmoid()
    ).double()
    parameters = list(network.parameters())
    with torch.no_grad():
        for parameter, array in zip(parameters, start, strict=True):
            parameter.copy_(torch.from_numpy(array.T))
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    features, targets = (torch.from_numpy(array) for array in data())
    for _ in range(3):
        for batch in torch.split(torch.arange(SAMPLES), 7):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(features[batch]), targets[batch]).backward()
            optimizer.step()

    trainer = training.Trainer(model, training.Adam(0.01), squared_error, epochs=3, batch_size=7)
    trainer.train(*data(), weights=start, seed=0)
    assert_close(weights_of(model), [p.detach().numpy().T for p in parameters], 1e-9)


# --- Initial weights ----------------------------------------------------------------------------


def convolutional_model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            keras.layers.Conv2D(5, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )


@pytest.mark.parametrize("scheme", training.SCHEMES)
def test_weights_have_the_shapes_and_order_of_the_model(scheme):
    model = convolutional_model()
    weights = draw(model, 0, scheme)
    assert [array.shape for array in weights] == [v.shape for v in model.trainable_variables]
    assert [array.shape for array in weights] == [(3, 3, 2, 5), (5,), (45, 3), (3,)]
    assert all(array.dtype == np.float64 for array in weights)  # rounded once, by the model
    assert same_bits(weights, draw(model, 0, scheme))
    kernels = zip(weights[::2], draw(model, 1, scheme)[::2], strict=True)
    assert not any(np.any(one == other) for one, other in kernels)


# What a kernel and a bias follow, by their fans in and out; None is a bias of zeros.
def _uniform(low, high):
    return scipy.stats.uniform(low, high - low)


DISTRIBUTIONS = {
    "pytorch": lambda n_in, _: 2 * [_uniform(-1 / math.sqrt(n_in), 1 / math.sqrt(n_in))],
    "glorot": lambda n_in, n_out: [
        _uniform(-math.sqrt(6 / (n_in + n_out)), math.sqrt(6 / (n_in + n_out))),
        None,
    ],
    "normal": lambda *_: [scipy.stats.norm(), None],
    "normal_with_biases": lambda *_: 2 * [scipy.stats.norm()],
    "uniform": lambda *_: [_uniform(0, 1), None],
}


def test_every_scheme_has_its_distribution():
    assert DISTRIBUTIONS.keys() == training.SCHEMES.keys()


@pytest.mark.parametrize("scheme", DISTRIBUTIONS)
def test_weights_follow_their_distribution(scheme):
    """A Kolmogorov-Smirnov test at 0.1 % sees a bound that is 2 % off in 20,000 draws."""
    model = convolutional_model()
    draws = [draw(model, seed, scheme) for seed in range(400)]
    fans = [(9 * 2, 9 * 5), (45, 3)]  # a filter of 3 x 3 on 2 channels; 45 pixels left for 3 units
    expected = [law for fan in fans for law in DISTRIBUTIONS[scheme](*fan)]
    for arrays, law in zip(zip(*draws, strict=True), expected, strict=True):
        values = np.ravel(arrays)
        if law is None:
            assert not values.any()
            continue
        low, high = law.support()
        assert values.min() >= low and values.max() <= high
        assert scipy.stats.kstest(values, law.cdf).pvalue > 0.001
        assert abs(values.mean() - law.mean()) < 4 * law.std() / math.sqrt(values.size)
        assert values.std() == pytest.approx(law.std(), rel=4 / math.sqrt(2 * values.size))


def test_pytorch_scheme_has_the_bounds_of_pytorch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = keras.Sequential(
        [keras.Input((9, 9, 4)), keras.layers.Conv2D(50, 7), keras.layers.Flatten()]
    )
    model.add(keras.layers.Dense(60))
    ours = [np.abs(array).max() for array in draw(model, 0, "pytorch")]
    layers = [torch.nn.Conv2d(4, 50, 7), torch.nn.Linear(9 * 50, 60)]
    theirs = [p.detach().abs().max().item() for layer in layers for p in layer.parameters()]
    # Biases have 50 and 60 draws: the largest lies within a tenth of the bound almost surely.
    np.testing.assert_allclose(ours, theirs, rtol=0.1)


def test_glorot_scheme_has_the_bounds_of_keras():
    model = convolutional_model()
    ours = np.max([[np.abs(a).max() for a in draw(model, s, "glorot")[::2]] for s in range(200)], 0)
    theirs = [
        max(np.abs(keras.initializers.GlorotUniform(seed=seed)(shape)).max() for seed in range(200))
        for shape in [(3, 3, 2, 5), (45, 3)]
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def test_uniform_scheme_repeats_the_notes_own_draw():
    """The notes' XOR network: np.random.seed(42), then W1, then W2; biases of zeros."""
    np.random.seed(42)
    W1 = np.random.uniform(size=(2, 2))
    W2 = np.random.uniform(size=(2, 1))
    model = dense_model(2, 1, inputs=2)
    weights = training.initial_weights(model, np.random.RandomState(42), "uniform")
    assert same_bits(weights, [W1, np.zeros(2), W2, np.zeros(1)])


# --- Derivatives --------------------------------------------------------------------------------


def central_differences(function, point, step):
    """Differentiate by each coordinate of `point`: shape (P, *shape of the function's value)."""
    shifts = step * np.eye(len(point))
    return np.array(
        [(function(point + shift) - function(point - shift)) / (2 * step) for shift in shifts]
    )


def test_derivatives_equal_finite_differences(double):
    model = dense_model(3, 2, inputs=2, activation="tanh")
    inputs, targets = data(6, 2, 2)
    start = draw(model, 2, "normal_with_biases")
    cuts = np.cumsum([array.size for array in start])[:-1]

    def place(flat):
        parts = np.split(flat, cuts)
        for variable, part in zip(model.trainable_variables, parts, strict=True):
            variable.assign(part.reshape(variable.shape))

    def loss(flat):
        place(flat)
        return float(squared_error(targets, model(inputs)))

    def slopes(flat):
        place(flat)
        gradients = training.gradients(model, squared_error, inputs, targets)
        assert [array.shape for array in gradients] == [array.shape for array in start]
        return np.concatenate([array.ravel() for array in gradients])

    point = np.concatenate([array.ravel() for array in start])
    np.testing.assert_allclose(slopes(point), central_differences(loss, point, 1e-5), atol=1e-9)

    place(point)
    hessian = training.hessian(model, squared_error, inputs, targets)
    assert hessian.shape == (len(point), len(point))
    assert hessian.dtype == np.float64
    np.testing.assert_allclose(hessian, central_differences(slopes, point, 1e-5), atol=1e-8)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-14)


# --- Convolutions -------------------------------------------------------------------------------


def test_a_convolutional_model_trains_and_repeats():
    rng = np.random.default_rng(5)
    labels = np.arange(30) % 3
    images = rng.uniform(size=(30, 8, 8, 2)).astype("float32")
    for row in range(3):  # class k has a bright band at its own height
        images[labels == row, 2 * row : 2 * row + 3] += 1
    model = convolutional_model()

    def cross_entropy(targets, logits):
        return ops.mean(ops.sparse_categorical_crossentropy(targets, logits, from_logits=True))

    trainer = training.Trainer(
        model, training.Adam(0.01), cross_entropy, epochs=30, batch_size=8, shuffle=True
    )
    runs = []
    for seed in [0, 1, 0]:
        weights = draw(model, seed, "pytorch")
        history = trainer.train(images, labels, weights=weights, seed=seed)
        assert history.losses[-1] < 0.2 * history.losses[0]
        assert np.mean(trainer.predict(images).argmax(axis=1) == labels) > 0.9
        runs.append([history.losses, *weights_of(model)])
    assert same_bits(runs[0], runs[2])
    assert not same_bits(runs[0], runs[1])


def test_dropout_zeroes_its_share_and_only_in_training():
    training.set_precision("float32")
    layer = training.Dropout(0.2, seed=1)
    ones = np.ones((100, 100), dtype="float32")
    np.testing.assert_array_equal(layer(ones, training=False), ones)
    kept = np.asarray(layer(ones, training=True))
    assert set(np.unique(kept)) == {0.0, np.float32(1.25)}
    assert (kept == 0).mean() == pytest.approx(0.2, abs=0.03)

"""How fast `common.training` is, side by side with what one would write without it.

Timings say something only on a quiet machine, so plain `pytest` leaves this folder out. To run it:

    pip install -e ".[test,bench]"
    pytest tests/benchmarks

The competitors take turns with our own rounds, so that all of them see the same machine. What
pytest-benchmark tabulates is our own time; the medians and ratios are printed with `-s` and stored
under `extra_info` with `--benchmark-json=FILE`. All times include moving the NumPy data in.
"""

import statistics
import time

import keras
import numpy as np
import pytest
from keras import ops

from common import training

ROUNDS = 5
IMAGES, BATCH_SIZE = 60_000, 64


@pytest.fixture(autouse=True)
def _single_precision():
    training.set_precision("float32")


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def race(benchmark, ours, others):
    """Time `ours` and every one of `others`, turn by turn, and return their medians in seconds."""
    for action in [ours, *others.values()]:
        action()  # compile, and fill the caches
    times = {name: [] for name in others}

    def others_first():
        for name, action in others.items():
            times[name].append(seconds(action))

    benchmark.pedantic(ours, setup=others_first, rounds=ROUNDS)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {"ours": benchmark.stats.stats.median, **medians}


def tell(benchmark, **numbers):
    benchmark.extra_info.update(numbers)
    print("\n" + ", ".join(f"{name} {number:.3g}" for name, number in numbers.items()))


# --- 784-128-64-10 on 60,000 images -------------------------------------------------------------


def mnist_model():
    return keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10),
        ]
    )


def cross_entropy(targets, logits):
    return ops.mean(ops.sparse_categorical_crossentropy(targets, logits, from_logits=True))


def our_epoch(images, labels):
    model = mnist_model()
    trainer = training.Trainer(
        model, training.Adam(0.001), cross_entropy, epochs=1, batch_size=BATCH_SIZE, shuffle=True
    )
    weights = training.initial_weights(model, np.random.default_rng(0), "pytorch")
    return lambda: trainer.train(images, labels, weights=weights, seed=0)


def fit_epoch(images, labels):
    model = mnist_model()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.001), loss)
    return lambda: model.fit(images, labels, batch_size=BATCH_SIZE, epochs=1, verbose=0)


def pytorch_epoch(torch, images, labels):
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    network = torch.nn.Sequential(
        torch.nn.Linear(784, 128),
        torch.nn.ReLU(),
        torch.nn.Linear(128, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    loss = torch.nn.CrossEntropyLoss()

    def epoch(samples=IMAGES):
        total = 0.0
        for batch in torch.randperm(IMAGES)[:samples].split(BATCH_SIZE):
            optimizer.zero_grad()
            value = loss(network(images[batch]), labels[batch])
            value.backward()
            optimizer.step()
            total += value.item()
        return total

    def trial(threads):
        torch.set_num_threads(threads)
        epoch(50 * BATCH_SIZE)  # the first steps with a new number of threads are slow
        return seconds(lambda: epoch(50 * BATCH_SIZE))

    # Its threads wait for one another at every operation: where anything else runs, one thread is
    # ten times faster than two. PyTorch races with the number that is best for it here and now.
    torch.set_num_threads(min({1, torch.get_num_threads()}, key=trial))
    return epoch


def test_epoch_takes_half_of_pytorch_and_two_fifths_of_fit(benchmark):
    torch = pytest.importorskip("torch", reason="the comparison needs PyTorch: pip install torch")
    rng = np.random.default_rng(0)
    images = rng.random((IMAGES, 784), dtype=np.float32)
    labels = rng.integers(10, size=IMAGES)
    medians = race(
        benchmark,
        our_epoch(images, labels),
        {
            "pytorch": pytorch_epoch(torch, images, labels),
            "fit": fit_epoch(images, labels),
        },
    )
    of_pytorch = medians["ours"] / medians["pytorch"]
    of_fit = medians["ours"] / medians["fit"]
    threads = torch.get_num_threads()
    tell(benchmark, **medians, of_pytorch=of_pytorch, of_fit=of_fit, pytorch_threads=threads)
    assert of_pytorch <= 0.5
    assert of_fit <= 0.4


# --- 4-10-3, one sample at a time ---------------------------------------------------------------

RATE = 0.1
FLOWERS, EPOCHS = 150, 1000


def our_steps(features, targets):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(10, activation="sigmoid"),
            keras.layers.Dense(3, activation="sigmoid"),
        ]
    )
    trainer = training.Trainer(
        model,
        keras.optimizers.SGD(RATE),
        lambda target, output: ops.mean(ops.square(target - output)),
        epochs=EPOCHS,
        batch_size=1,
    )
    weights = training.initial_weights(model, np.random.default_rng(0), "normal")
    return lambda: trainer.train(features, targets, weights=weights, seed=0)


def numpy_steps(features, targets):
    """Go through the samples once, a sample at a time, as the documents' own libraries do."""
    rng = np.random.default_rng(0)
    W1, b1 = rng.normal(size=(10, 4)), np.zeros(10)
    W2, b2 = rng.normal(size=(3, 10)), np.zeros(3)

    def epoch():
        for inputs, target in zip(features, targets, strict=True):
            hidden = 1 / (1 + np.exp(-(W1 @ inputs + b1)))
            output = 1 / (1 + np.exp(-(W2 @ hidden + b2)))
            delta_2 = 2 / 3 * (output - target) * output * (1 - output)
            delta_1 = W2.T @ delta_2 * hidden * (1 - hidden)
            W2[:] -= RATE * np.outer(delta_2, hidden)
            b2[:] -= RATE * delta_2
            W1[:] -= RATE * np.outer(delta_1, inputs)
            b1[:] -= RATE * delta_1

    return epoch


def test_one_sample_step_takes_under_three_microseconds(benchmark):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(FLOWERS, 4)).astype("float32")
    targets = np.eye(3, dtype="float32")[rng.integers(3, size=FLOWERS)]
    medians = race(
        benchmark, our_steps(features, targets), {"numpy": numpy_steps(features, targets)}
    )
    our_step = medians["ours"] / (EPOCHS * FLOWERS) * 1e6
    numpy_step = medians["numpy"] / FLOWERS * 1e6
    tell(benchmark, our_step_us=our_step, numpy_step_us=numpy_step, gain=numpy_step / our_step)
    assert our_step < 3
    assert numpy_step / our_step >= 10

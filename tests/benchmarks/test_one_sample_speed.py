"""How fast steps of one sample are, side by side with the paper's loop in plain NumPy.

See `racing` for how it is timed. One thread each, as the runner gives to every process: a second
one only makes such small steps wait. So this file has a process of its own:

    pytest tests/benchmarks/test_one_sample_speed.py
"""

import keras
import numpy as np
import pytest

from common import training
from common.protocols import paper
from tests import authors_loop
from tests.benchmarks import racing

# Sizes, output and loss, rate, samples and epochs of a round, how many times faster it has to be.
ONE_BY_ONE = {
    "4-10-3": ((4, 10, 3), "softmax", 0.01, 96, 1000, 10),
    "784-10-10": ((784, 10, 10), "softmax", 0.001, 10_000, 1, 5),
    "autoencoder": ((784, 128, 9, 128, 784), "sigmoid", 0.01, 1_000, 1, 5),
}


@pytest.fixture(autouse=True)
def _one_thread():
    training.set_precision("float32")
    with racing.one_thread():
        yield


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_one_sample_steps_are_many_times_faster_than_numpy(benchmark, name):
    sizes, output, rate, samples, epochs, gain_needed = ONE_BY_ONE[name]
    rng = np.random.default_rng(0)
    inputs = rng.random((samples, sizes[0]), dtype=np.float32)
    classes = np.eye(sizes[-1], dtype=np.float32)[rng.integers(sizes[-1], size=samples)]
    targets = classes if output == "softmax" else inputs
    model = paper.build_network(sizes, output="sigmoid" if output == "sigmoid" else None)
    trainer = training.Trainer(
        model,
        paper.build_optimizer("gd", rate, samples),
        paper.cross_entropy if output == "softmax" else paper.squared_error,
        epochs=epochs,
        batch_size=1,
    )
    start = paper.initial_weights(model, rng)
    few = min(samples, 1_000)  # steps that NumPy is timed on

    def in_numpy(dtype):
        # The authors computed in float64; float32 is timed as well, to see what that alone gains.
        arrays = [each.astype(dtype) for each in (inputs[:few], targets[:few])]
        weights = [each.astype(dtype) for each in start]
        return lambda: authors_loop.train(weights, *arrays, rate=rate, output=output)

    medians = racing.race(
        benchmark,
        lambda: trainer.train(inputs, targets, weights=start, seed=0),
        {"numpy": in_numpy("float64"), "numpy_32": in_numpy("float32")},
    )
    our_step = medians["ours"] / (epochs * samples) * 1e6
    steps = {f"{name}_step_us": medians[name] / few * 1e6 for name in ("numpy", "numpy_32")}
    gain = steps["numpy_step_us"] / our_step
    racing.tell(benchmark, our_step_us=our_step, **steps, gain=gain)
    assert gain >= gain_needed


def test_the_autoencoders_protocol_takes_under_three_minutes(benchmark):
    """8,000 images for 200 epochs: a hundredth of it, and what it comes to."""
    images = np.random.default_rng(0).random((8_000, 784), dtype=np.float32)
    model = paper.build_network((784, 128, 9, 128, 784), output="sigmoid")
    trainer = training.Trainer(
        model, keras.optimizers.SGD(0.01), paper.squared_error, epochs=2, batch_size=1
    )
    start = paper.initial_weights(model, np.random.default_rng(0))
    medians = racing.race(
        benchmark, lambda: trainer.train(images, images, weights=start, seed=0), {}
    )
    whole = 100 * medians["ours"]
    racing.tell(benchmark, seconds_for_200_epochs=whole)
    assert whole < 180


def test_a_small_step_takes_under_three_microseconds(benchmark):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(150, 4)).astype("float32")
    targets = np.eye(3, dtype="float32")[rng.integers(3, size=150)]
    model = paper.build_network((4, 10, 3))
    trainer = training.Trainer(
        model, keras.optimizers.SGD(0.1), paper.cross_entropy, epochs=1000, batch_size=1
    )
    start = paper.initial_weights(model, rng)
    medians = racing.race(
        benchmark, lambda: trainer.train(features, targets, weights=start, seed=0), {}
    )
    our_step = medians["ours"] / (1000 * 150) * 1e6
    racing.tell(benchmark, our_step_us=our_step)
    assert our_step < 3

"""How fast a block of seeds is, side by side with one seed at a time.

See `racing` for how it is timed. One thread, as the runner gives to every process:

    pytest tests/benchmarks/test_many_seeds_speed.py
"""

import numpy as np
import pytest

from common import training
from common.protocols import paper
from tests.benchmarks import racing

SIZES, SAMPLES, EPOCHS, SEEDS = (4, 10, 3), 96, 200, 64
# How many times faster a step has to be than alone; and the most that it may take, in microseconds.
GAINS = {"gd": 4, "momentum": 4, "adam": 2.5, "textbook_adam": 2.5}
LONGEST_STEP = 0.2  # of gradient descent


@pytest.fixture(autouse=True)
def _one_thread():
    with racing.one_thread():
        yield
    training.set_precision("float32")


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", GAINS)
def test_a_seed_in_a_block_is_many_times_faster_than_alone(benchmark, optimizer, precision):
    training.set_precision(precision)
    rng = np.random.default_rng(0)
    inputs = rng.random((SAMPLES, SIZES[0])).astype(precision)
    targets = np.eye(SIZES[-1], dtype=precision)[rng.integers(SIZES[-1], size=SAMPLES)]
    model = paper.build_network(SIZES)
    starts = [paper.initial_weights(model, np.random.default_rng(s)) for s in range(SEEDS)]

    def build(kind):
        built = paper.build_optimizer(optimizer, 0.01, SAMPLES)
        return kind(model, built, paper.cross_entropy, epochs=EPOCHS, batch_size=1)

    together, alone = build(training.SeedsTrainer), build(training.Trainer)
    medians = racing.race(
        benchmark,
        lambda: together.train(inputs, targets, weights=starts, seeds=range(SEEDS)),
        {"alone": lambda: alone.train(inputs, targets, weights=starts[0], seed=0)},
    )
    steps = EPOCHS * SAMPLES
    our_step = medians["ours"] / steps / SEEDS * 1e6
    alone_step = medians["alone"] / steps * 1e6
    gain = alone_step / our_step
    racing.tell(benchmark, our_step_us=our_step, alone_step_us=alone_step, gain=gain)
    assert gain >= GAINS[optimizer]
    if optimizer == "gd":
        assert our_step <= LONGEST_STEP

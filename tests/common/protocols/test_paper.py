"""The paper's library on our engine, held against a plain NumPy loop of its own."""

import numpy as np
import pytest

from common import training
from common.protocols import paper
from tests import authors_loop


@pytest.fixture(autouse=True)
def _double_precision():
    training.set_precision("float64")
    yield
    training.set_precision("float32")


# The paper's networks, with what each experiment trains on: how it ends, its loss and its rate.
EXPERIMENTS = {
    "iris 4-10-3": ((4, 10, 3), "softmax", 0.01, 96),
    "iris 4-20-10-6-3": ((4, 20, 10, 6, 3), "softmax", 0.01, 96),
    "mnist 784-10-10": ((784, 10, 10), "softmax", 0.001, 200),
    "wine 11-20-20-20-1": ((11, 20, 20, 20, 1), "identity", 0.001, 400),
    "life 19-20-15-10-1": ((19, 20, 15, 10, 1), "identity", 1e-6, 400),
    "autoencoder": ((784, 128, 9, 128, 784), "sigmoid", 0.01, 60),
}


def an_epoch(sizes, output, optimizer, *, rate, samples, epochs=1):
    """Train both from one start on one set of random samples; the weights of each."""
    rng = np.random.default_rng(1)
    inputs = rng.random((samples, sizes[0]))
    if output == "softmax":
        targets = np.eye(sizes[-1])[rng.integers(sizes[-1], size=samples)]
    else:
        targets = rng.random((samples, sizes[-1]))
    model = paper.build_network(sizes, output="sigmoid" if output == "sigmoid" else None)
    softmax = output == "softmax"
    trainer = training.Trainer(
        model,
        paper.build_optimizer(optimizer, rate, samples),
        paper.cross_entropy if softmax else paper.squared_error,
        epochs=epochs,
        batch_size=1,
    )
    start = paper.initial_weights(model, rng)
    trainer.train(inputs, targets, weights=start, seed=0)
    expected = authors_loop.train(
        start, inputs, targets, optimizer=optimizer, rate=rate, epochs=epochs, output=output
    )
    return start, model.get_weights(), expected


def largest_difference(ours, theirs):
    return max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_epoch_is_the_authors(name):
    sizes, output, rate, samples = EXPERIMENTS[name]
    start, ours, theirs = an_epoch(sizes, output, "gd", rate=rate, samples=samples)
    assert largest_difference(ours, theirs) < 1e-6
    assert largest_difference(start, theirs) > 1e-4  # they did learn something


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "textbook_adam"])
def test_every_optimizer_is_the_authors(optimizer):
    start, ours, theirs = an_epoch(
        (784, 10, 10), "softmax", optimizer, rate=0.001, samples=100, epochs=2
    )
    assert largest_difference(ours, theirs) < 1e-6
    assert largest_difference(start, theirs) > 1e-2


def test_the_librarys_adam_is_not_the_textbooks():
    _, library, _ = an_epoch((4, 10, 3), "softmax", "adam", rate=0.01, samples=96)
    _, textbook, _ = an_epoch((4, 10, 3), "softmax", "textbook_adam", rate=0.01, samples=96)
    assert largest_difference(library, textbook) > 1e-3


def test_the_loop_differentiates():
    """The loop itself, against differences of its own loss."""
    rng = np.random.default_rng(2)
    weights = [rng.normal(size=shape) for shape in [(4, 5), (5,), (5, 3), (3,)]]
    x, y = rng.random(4), np.eye(3)[1]

    def loss():
        return -np.log(authors_loop.feedforward(weights, x)[-1] @ y)

    for gradient, each in zip(authors_loop.derivatives(weights, x, y), weights, strict=True):
        for place in np.ndindex(each.shape):
            kept, step = each[place], 1e-6
            each[place] = kept + step
            above = loss()
            each[place] = kept - step
            assert (above - loss()) / (2 * step) == pytest.approx(gradient[place], abs=1e-7)
            each[place] = kept


def test_cuts_and_log_lines():
    assert [paper.trained_rows(n) for n in (120, 60_000, 10_000, 4_872, 1_236)] == [
        *(96, 48_000, 8_000, 3_897, 988)
    ]
    assert list(paper.logged_epochs(100))[-1] == 91
    assert list(paper.logged_epochs(10, every=1)) == list(range(1, 11))


def test_the_printed_loss_of_an_image_compares_every_pixel_with_every_other():
    rng = np.random.default_rng(3)
    y, prediction = rng.random(784), rng.random(784)
    as_numpy_does = np.mean((y - prediction.reshape(784, 1)) ** 2)
    assert paper.broadcast_squared_error(y, prediction) == pytest.approx(as_numpy_does)
    spread_and_means = y.var() + prediction.var() + (y.mean() - prediction.mean()) ** 2
    assert as_numpy_does == pytest.approx(spread_and_means)
    assert paper.broadcast_squared_error(y, y) > 0.1  # a perfect copy is not 0


def test_unknown_optimizer():
    with pytest.raises(ValueError, match="no optimizer 'sgdd'"):
        paper.build_optimizer("sgdd", 0.1, 10)

"""The optimizers, held against NumPy and PyTorch over a run of one-sample steps."""

import itertools

import keras
import numpy as np
import pytest

from common import optimizers, training
from common.protocols import notes, paper
from tests import small_models


@pytest.fixture(autouse=True)
def _double_precision():
    training.set_precision("float64")
    yield
    training.set_precision("float32")


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
        (lambda: optimizers.Momentum(0.1, beta=0.9), momentum_steps(0.1, 0.9)),
        (lambda: optimizers.Momentum(0.1, beta=0.35), momentum_steps(0.1, 0.35)),
        (lambda: optimizers.Adam(0.01), adam_steps(0.01)),
        (
            lambda: optimizers.Adam(0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
            adam_steps(0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
        ),
        (
            lambda: paper.Adam(0.01, updates_per_epoch=small_models.SAMPLES),
            adam_steps(0.01, updates_per_epoch=small_models.SAMPLES),
        ),
    ],
    ids=["sgd", "momentum", "momentum-0.35", "adam", "adam-constants", "adam-by-epoch"],
)
def test_optimizers_equal_numpy(optimizer, steps):
    """Two epochs of one-sample steps, the second on a Trainer that another seed has used."""
    model = small_models.dense_model(10, 3)
    network = small_models.NumpyNetwork(small_models.draw(model, 8))
    descents = [steps(np.zeros_like(array)) for array in network.weights]
    for features, targets in 2 * list(zip(*small_models.data(), strict=True)):
        gradients = network.gradients(features, targets)
        for number, descent in enumerate(descents):
            next(descent)
            network.weights[number] -= descent.send(gradients[number])

    trainer = training.Trainer(
        model, optimizer(), small_models.squared_error, epochs=2, batch_size=1
    )
    for seed in [7, 8]:
        trainer.train(*small_models.data(), weights=small_models.draw(model, seed), seed=seed)
    small_models.assert_close(small_models.weights_of(model), network.weights, 1e-9)


def test_adam_equals_pytorch():
    torch = pytest.importorskip("torch")
    model = small_models.dense_model(10, 3)
    start = small_models.draw(model, 8, notes.pytorch)
    network = torch.nn.Sequential(
        torch.nn.Linear(4, 10), torch.nn.Sigmoid(), torch.nn.Linear(10, 3), torch.nn.Sigmoid()
    ).double()
    parameters = list(network.parameters())
    with torch.no_grad():
        for parameter, array in zip(parameters, start, strict=True):
            parameter.copy_(torch.from_numpy(array.T))
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    features, targets = (torch.from_numpy(array) for array in small_models.data())
    for _ in range(3):
        for batch in torch.split(torch.arange(small_models.SAMPLES), 7):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(features[batch]), targets[batch]).backward()
            optimizer.step()

    trainer = training.Trainer(
        model, optimizers.Adam(0.01), small_models.squared_error, epochs=3, batch_size=7
    )
    trainer.train(*small_models.data(), weights=start, seed=0)
    small_models.assert_close(
        small_models.weights_of(model), [p.detach().numpy().T for p in parameters], 1e-9
    )

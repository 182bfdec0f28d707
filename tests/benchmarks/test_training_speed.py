"""How fast an epoch in batches is, side by side with PyTorch and with Keras's own `fit`.

See `racing` for how it is timed. To run it:

    pip install -e ".[test,bench]"
    pytest tests/benchmarks/test_training_speed.py
"""

import keras
import numpy as np
import pytest
from keras import ops

from common import optimizers, training
from common.protocols import notes
from tests.benchmarks import racing

IMAGES, BATCH_SIZE = 60_000, 64


@pytest.fixture(autouse=True)
def _single_precision():
    training.set_precision("float32")


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
        model, optimizers.Adam(0.001), cross_entropy, epochs=1, batch_size=BATCH_SIZE, shuffle=True
    )
    weights = training.initial_weights(model, np.random.default_rng(0), notes.pytorch)
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
        return racing.seconds(lambda: epoch(50 * BATCH_SIZE))

    # Its threads wait for one another at every operation: where anything else runs, one thread is
    # ten times faster than two. PyTorch races with the number that is best for it here and now.
    torch.set_num_threads(min({1, torch.get_num_threads()}, key=trial))
    return epoch


def test_epoch_takes_half_of_pytorch_and_two_fifths_of_fit(benchmark):
    torch = pytest.importorskip("torch", reason="the comparison needs PyTorch: pip install torch")
    rng = np.random.default_rng(0)
    images = rng.random((IMAGES, 784), dtype=np.float32)
    labels = rng.integers(10, size=IMAGES)
    medians = racing.race(
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
    racing.tell(benchmark, **medians, of_pytorch=of_pytorch, of_fit=of_fit, pytorch_threads=threads)
    assert of_pytorch <= 0.5
    assert of_fit <= 0.4

"""Tiny models and data for the tests of training, and how their weights are compared."""

import keras
import numpy as np
from keras import ops

from common import training

SAMPLES = 20  # 7 does not divide it: the last batch of seven has six samples


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


def draw(model, seed, scheme=training.glorot):
    return training.initial_weights(model, np.random.default_rng(seed), scheme)


def weights_of(model):
    return [variable.numpy() for variable in model.trainable_variables]


def assert_close(measured, expected, tolerance):
    for one, other in zip(measured, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def same_bits(some, others):
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


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

"""The notes' matrices for the XOR network, held against automatic differentiation.

Nothing is trained. On random weights and biases the matrices of 2.1 and 2.2 are computed line by
line, and once more by Keras and TensorFlow, which know nothing of them.

Source: notes-2, sections 2.1 and 2.2 (listing `src/multicapa.py`, equations), 2.3.
Stated: every matrix with its shape; updates that add the product of activations and deltas.
Silent about: which numbers stand in the matrices (we draw them from N(0, 1), biases too, so that
    no formula is right by accident).
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import scipy.optimize
from keras import ops

from common import training
from common.protocols import paper
from reproductions.xor_mlp import network

X, Y = network.X, network.Y


@dataclasses.dataclass(frozen=True)
class Config:
    """How small a step is a small one, and how far an error travels."""

    precision: str = "float64"

    # assumed: a step in weight space, and how many random ones it is compared with
    step: float = 1e-4
    directions: int = 100
    # assumed: how many layers an error travels through, where its way is watched
    depth: int = 3


VARIANTS = {"derivation": Config()}


def build_model() -> keras.Model:
    """The network of 2.1."""
    return network.build()


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Logistic function."""
    return 1 / (1 + np.exp(-z))


def sigmoid_derivative(a: np.ndarray) -> np.ndarray:
    """The listing's: takes the activation a = s(z), not z."""
    return a * (1 - a)


def back_propagate(X: np.ndarray, y: np.ndarray, weights: list[np.ndarray]) -> dict:
    """The notes' section 2.2, line by line, in their symbols (shapes for 4 samples, 2 hidden)."""
    W1, b1, W2, b2 = weights
    Z1 = X @ W1 + b1  # (4, 2)
    A1 = sigmoid(Z1)
    Z2 = A1 @ W2 + b2  # (4, 1)
    A2 = sigmoid(Z2)
    delta_out = (y - A2) * sigmoid_derivative(A2)  # (4, 1)
    error_hidden = delta_out @ W2.T  # (4, 2)
    delta_hidden = error_hidden * sigmoid_derivative(A1)
    return {
        "Z1": Z1,
        "A1": A1,
        "Z2": Z2,
        "A2": A2,
        "delta_out": delta_out,
        "error_hidden": error_hidden,
        "delta_hidden": delta_hidden,
        "updates": [
            X.T @ delta_hidden,  # W1
            delta_hidden.sum(axis=0),  # b1
            A1.T @ delta_out,  # W2
            delta_out.sum(axis=0),  # b2
        ],
    }


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Compare the notes' matrices with the library's derivatives, on new weights each seed."""
    training.set_precision(config.precision)
    model = build_model()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        weights = training.initial_weights(model, rng, paper.normal_with_biases)
        model.set_weights(weights)
        yield (
            shapes(model, weights)
            | formulas(model, weights)
            | slips(model, weights)
            | sentences(model, weights, rng)
            | {"steepest_is_gradient": steepest(config, model, weights, rng)}
            | travelling_error(config.depth)
            | best_constant()
        )


def gap(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
    """Largest difference between two lists of arrays."""
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


def descent(model: keras.Model) -> list[np.ndarray]:
    """Minus the gradient of half the sum of squares, by automatic differentiation."""
    return [-g for g in training.gradients(model, network.half_sum_of_squares, X, Y)]


# --- Matrices and their shapes --------------------------------------------------------------------


def shapes(model: keras.Model, weights: list[np.ndarray]) -> dict:
    """The shapes of the notes' matrices; those of weights and updates are Keras's."""
    passed = back_propagate(X, Y, weights)
    steps = descent(model)
    arrays = {name: passed[name] for name in ("Z1", "A1", "Z2", "delta_out", "error_hidden")}
    arrays |= {"X": X, "y": Y, "W1": model.get_weights()[0]}
    arrays |= {"update_W1": steps[0], "update_W2": steps[2]}
    arrays["error_hidden_update"] = passed["A1"].T @ passed["error_hidden"]
    return {f"shape_{name}": list(array.shape) for name, array in arrays.items()} | {
        "y_table": Y.ravel().tolist(),
        "column_is_a_neuron": column_is_a_neuron(weights),
    }


def column_is_a_neuron(weights: list[np.ndarray]) -> bool:
    """Whether other numbers in a column of W1 change the activations of that neuron alone."""
    W1, *others = weights
    before = back_propagate(X, Y, weights)["A1"]
    for neuron in range(W1.shape[1]):
        changed = W1.copy()
        changed[:, neuron] += 1
        moved = back_propagate(X, Y, [changed, *others])["A1"] != before
        if not moved[:, neuron].any() or np.delete(moved, neuron, axis=1).any():
            return False
    return True


# --- Formulas against automatic differentiation ---------------------------------------------------


def formulas(model: keras.Model, weights: list[np.ndarray]) -> dict:
    """Largest differences between the notes' matrices and automatic differentiation."""
    passed = back_propagate(X, Y, weights)
    W2 = weights[2]
    delta_2 = (passed["A2"] - Y) * sigmoid_derivative(passed["A2"])  # as section 2.1 has it
    delta_1 = (delta_2 @ W2.T) * sigmoid_derivative(passed["A1"])
    by_z1, by_z2, by_a1 = derivatives_by_sample(model)
    own_deltas = [passed["delta_hidden"].sum(axis=0), passed["delta_out"].sum(axis=0)]
    return {
        "forward_gap": gap([passed["A2"]], [np.asarray(model(X))]),
        "updates_gap": gap(passed["updates"], descent(model)),
        "delta_out_gap": gap([passed["delta_out"]], [-by_z2]),
        "error_hidden_gap": gap([passed["error_hidden"]], [-by_a1]),
        "delta_hidden_gap": gap([passed["delta_hidden"]], [-by_z1]),
        "compact_delta_1_gap": gap([delta_1], [by_z1]),
        "bias_gap": gap(own_deltas, descent(model)[1::2]),
        "activation_slope_gap": gap(
            [sigmoid_derivative(passed["A1"]).ravel()], [sigmoid_slopes(passed["Z1"].ravel())]
        ),
    }


def derivatives_by_sample(model: keras.Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dE/dZ1, dE/dZ2 and dE/dA1 by automatic differentiation, shapes (4, 2), (4, 1), (4, 2).

    A bias shifts its Z, so that for one sample the derivative by the bias is that by Z. A1 is the
    input of the last layer taken alone; dE/dA1 is the derivative by a shift of that input, which a
    layer without activation in front of it gives.
    """
    rows = [
        training.gradients(model, network.half_sum_of_squares, X[i : i + 1], Y[i : i + 1])
        for i in range(len(X))
    ]
    last = last_layer_alone(model)
    activations = np.asarray(model.layers[0](X))
    shifts = [
        training.gradients(last, network.half_sum_of_squares, activations[i : i + 1], Y[i : i + 1])
        for i in range(len(X))
    ]
    by_z1, by_z2 = np.stack([row[1] for row in rows]), np.stack([row[3] for row in rows])
    return by_z1, by_z2, np.stack([row[1] for row in shifts])


@functools.cache
def last_layer_alone(model: keras.Model) -> keras.Model:
    """The model's last layer, behind one that passes its input on and can be shifted."""
    alone = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), model.layers[-1]])
    alone.layers[0].set_weights([np.eye(2), np.zeros(2)])
    return alone


def sum_of_outputs(_: None, outputs: keras.KerasTensor) -> keras.KerasTensor:
    """A loss whose gradient is that of the outputs themselves."""
    return ops.sum(outputs)


def sigmoid_slopes(z: np.ndarray) -> np.ndarray:
    """Differentiate Keras's sigmoid at every z: a layer with weights z, its sum as the loss."""
    model = layer_of_sigmoids(len(z))
    model.set_weights([z[None]])
    return training.gradients(model, sum_of_outputs, np.ones((1, 1)), None)[0].ravel()


@functools.cache
def layer_of_sigmoids(neurons: int) -> keras.Model:
    """So many sigmoids on one input, without biases."""
    layer = keras.layers.Dense(neurons, activation="sigmoid", use_bias=False)
    return keras.Sequential([keras.Input((1,)), layer])


# --- Slips: what the printed formula says, to the letter ------------------------------------------


def slips(model: keras.Model, weights: list[np.ndarray]) -> dict:
    """How far formulas lie from the network where they are taken to the letter."""
    W1, b1, W2, b2 = weights
    passed = back_propagate(X, Y, weights)
    delta_2 = (passed["A2"] - Y) * sigmoid_derivative(passed["A2"])
    plotted = [-g for g in training.gradients(model, network.mean_of_squares, X, Y)]
    ours, theirs = network.flat(passed["updates"]), network.flat(plotted)
    composed = sigmoid(W2.T @ sigmoid(W1.T @ X.T)).T
    no_biases = back_propagate(X, Y, [W1, 0 * b1, W2, 0 * b2])
    return {
        "delta_2_signs_gap": gap([passed["delta_out"]], [delta_2]),
        "plotted_direction_gap": gap(
            [ours / np.linalg.norm(ours)], [theirs / np.linalg.norm(theirs)]
        ),
        "plotted_gap": gap([ours], [theirs]),
        "composition_gap": gap([composed], [no_biases["A2"]]),
        "composition_with_biases_gap": gap([composed], [passed["A2"]]),
        "single_bias_gap": float(np.abs(passed["Z1"] - (X @ W1 + b1[0])).max()),
    }


# --- Single sentences, each as something that can fail --------------------------------------------


def sentences(model: keras.Model, weights: list[np.ndarray], rng: np.random.Generator) -> dict:
    """What the text says in words about slopes, zero inputs, lines and layers."""
    only_zero_input = training.gradients(model, network.half_sum_of_squares, X[:1], Y[:1])[0]
    W1, b1, W2, b2 = weights
    without_biases = back_propagate(X[:1], Y[:1], [W1, 0 * b1, W2, b2])
    return {
        "zero_input_update": float(np.abs(only_zero_input).max()),
        "saturated_slope": float(sigmoid_slopes(np.array([10.0]))[0]),
        "line_at_origin_without_bias": float(np.abs(without_biases["Z1"]).max()),
        "linear_layers_gap": linear_layers_gap(rng),
    }


def linear_layers_gap(rng: np.random.Generator) -> float:
    """Largest difference between networks of 2 to 6 linear layers and one line, w x + b.

    The line is fitted to three of the four points; a network that is one passes the fourth, too.
    """
    differences = []
    for layers in range(2, 7):
        outputs = X
        for _ in range(layers):
            outputs = outputs @ rng.normal(size=(outputs.shape[1], 2)) + rng.normal(size=2)
        differences.append(np.abs(outputs[1] + outputs[2] - outputs[0] - outputs[3]).max())
    return float(max(differences))


def steepest(
    config: Config, model: keras.Model, weights: list[np.ndarray], rng: np.random.Generator
) -> bool:
    """Whether a small step against the gradient lowers the error more than all random ones."""
    sizes = np.cumsum([array.size for array in weights])[:-1]

    def error_after(step: np.ndarray) -> float:
        moved = network.flat(weights) + config.step * step / np.linalg.norm(step)
        parts = [
            part.reshape(array.shape)
            for part, array in zip(np.split(moved, sizes), weights, strict=True)
        ]
        return float(np.sum((Y - back_propagate(X, Y, parts)["A2"]) ** 2))

    others = rng.normal(size=(config.directions, sizes[-1] + weights[-1].size))
    return error_after(network.flat(descent(model))) < min(map(error_after, others))


@functools.cache
def travelling_error(depth: int) -> dict:
    """What arrives of an error of 1 behind so many neurons in a row, all weights 1, biases 0."""
    arriving = {}
    for name, activation in (("slope_one", "linear"), ("sigmoids", "sigmoid")):
        chain = keras.Sequential(
            [keras.Input((1,)), *(keras.layers.Dense(1, activation) for _ in range(depth))]
        )
        chain.set_weights(list(itertools.chain(*[[np.ones((1, 1)), np.zeros(1)]] * depth)))
        by_first_bias = training.gradients(chain, sum_of_outputs, np.zeros((1, 1)), None)[1]
        arriving[f"arrives_through_{name}"] = float(by_first_bias[0])
    return arriving


@functools.cache
def best_constant() -> dict:
    """The constant answer to XOR with the least error, and that error."""
    best = scipy.optimize.minimize_scalar(lambda constant: np.mean((Y - constant) ** 2))
    return {"best_constant": float(best.x), "best_constant_error": float(best.fun)}

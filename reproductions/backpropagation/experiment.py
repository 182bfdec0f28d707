"""The paper's forward pass and output layer, equations (1) to (18), held against autodiff.

Every equation is written here as the document prints it and evaluated on random networks whose
layers all have different widths, so that nothing fits by accident. Its partial derivatives come
from autodiff; what the equation puts together from them is held against autodiff again, or against
stock Keras.

Source: paper, sections 2 and 3, equations (1) to (18); section 4.2 on one hidden layer.
Stated: l layers with weights, a non-linearity after each, softmax and cross-entropy at the output,
    one-hot labels; one hidden layer is enough to tell convex regions.
Silent about: the networks (we take 2 to 5 layers of 2 to 7 neurons, sigmoid hidden layers, weights
    and biases from N(0, 1) as in the library, one random sample each); the convex regions (we take
    random polygons and polyhedra, and a disc).

The text we have of the paper was read by a machine, which takes j for i here and there: the weights
w_ii^{[k]} of (14) and (16) are read as w_ji^{[k]}.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import scipy.spatial
from keras import ops

from common import training
from common.protocols import paper
from reproductions.backpropagation import formulas, networks


@dataclasses.dataclass(frozen=True)
class Config(networks.Shapes):
    """Random networks for the equations, random regions for one hidden layer."""

    # assumed: enough for shares of mistakes to 0.1 %
    points: int = 1000
    # assumed: hidden neurons, as tangents of a disc
    tangents: int = 50


VARIANTS = {"output_layer": Config()}
SHORTENED = {"smoke": {"depths": (2, 3)}}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed: each formula's largest difference, and what section 2 says."""
    training.set_precision(config.precision)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        yield {
            **formulas.measure(CHECKS, networks.draw_networks(config, rng)),
            **without_and_with_sigmoids(rng),
            **one_hidden_layer(config, rng),
        }


# --- Section 2: the forward pass ----------------------------------------------------------------


def eq_1(net: networks.Network) -> formulas.Pairs:
    """z_i = w_i . A + b_i, against the output layer of a regression network, where A is z."""
    last = net.last
    z = [net.W[last][i] @ net.A[last - 1] + net.b[last][i] for i in range(net.sizes[last])]
    return [(z, np.asarray(net.stock.layers[-1](net.A[last - 1][None]))[0])]


def eq_2(net: networks.Network) -> formulas.Pairs:
    """A_i = g(z_i), a sigmoid of one number, in the hidden layers."""
    return [
        (
            [formulas.sigmoid(z) for z in net.z[k]],
            np.asarray(net.stock.layers[k - 1](net.A[k - 1][None]))[0],
        )
        for k in range(1, net.last)
    ]


def eq_2_hidden(net: networks.Network) -> formulas.Pairs:
    """If g maps R to R, A_i depends on its own z_i alone: here in the hidden layers."""
    return [pair for k in range(1, net.last) for pair in formulas.others_stay(net, k)]


def eq_2_output(net: networks.Network) -> formulas.Pairs:
    """The same in the output layer."""
    return formulas.others_stay(net, net.last)


def eq_3(net: networks.Network) -> formulas.Pairs:
    """The nested feed-forward, against the stock Keras network."""
    A = net.x
    for k in range(1, net.last):
        A = formulas.sigmoid(net.W[k] @ A + net.b[k])
    z = net.W[net.last] @ A + net.b[net.last]
    g = {"softmax": formulas.softmax, "sigmoid": formulas.sigmoid, "linear": lambda z: z}[
        net.output
    ]
    return [(g(z), np.asarray(net.stock(net.x[None]))[0])]


# --- Section 3: the output layer ----------------------------------------------------------------


def library_loss(net: networks.Network) -> float:
    """Keras's cross-entropy of the logits."""
    return float(ops.categorical_crossentropy(net.y, net.z[net.last], from_logits=True))


def eq_4(net: networks.Network) -> formulas.Pairs:
    """The cross-entropy of the shares, against Keras's."""
    return [(-sum(net.y * np.log(net.A[net.last])), library_loss(net))]


def eq_5(net: networks.Network) -> formulas.Pairs:
    """Softmax, against Keras's."""
    return [(formulas.softmax(net.z[net.last]), np.asarray(ops.softmax(net.z[net.last])))]


def eq_6(net: networks.Network) -> formulas.Pairs:
    """(5) put into (4)."""
    z = net.z[net.last]
    return [(-sum(net.y * np.log(np.exp(z) / sum(np.exp(z)))), library_loss(net))]


def eq_7(net: networks.Network) -> formulas.Pairs:
    """The logarithm of the quotient taken apart."""
    z = net.z[net.last]
    return [(-sum(net.y * (np.log(np.exp(z)) - np.log(sum(np.exp(z))))), library_loss(net))]


def first_term(net: networks.Network) -> np.ndarray:
    """Minus the derivative of y_i log(e^z_i) by z_i."""
    return -networks.slope(lambda z: ops.sum(net.y * ops.log(ops.exp(z))), net.z[net.last])


def second_term_of(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The sum over k of the derivatives of y_k log(sum_j e^z_j) by z_i, for labels y."""
    return networks.slope(lambda z: ops.sum(y * ops.log(ops.sum(ops.exp(z)))), z)


def second_term(net: networks.Network) -> np.ndarray:
    """The same with the network's own label."""
    return second_term_of(net.y, net.z[net.last])


def eq_8(net: networks.Network) -> formulas.Pairs:
    """The derivative of (7) is that of its two terms."""
    return [(first_term(net) + second_term(net), net.d("L", f"z{net.last}"))]


def eq_9(net: networks.Network) -> formulas.Pairs:
    """The first term is -y_i."""
    return [(-net.y, first_term(net))]


def eq_10(net: networks.Network) -> formulas.Pairs:
    """The second term is softmax times the sum of the labels."""
    z = net.z[net.last]
    return [(np.exp(z) / np.exp(z).sum() * net.y.sum(), second_term(net))]


def eq_11(net: networks.Network) -> formulas.Pairs:
    """The second term is A_i, as one-hot labels sum to 1."""
    return [(net.A[net.last], second_term(net))]


def eq_11_shares(net: networks.Network) -> formulas.Pairs:
    """(11) with labels that are no one-hot code, but sum to 1."""
    z = net.z[net.last]
    return [(net.A[net.last], second_term_of(formulas.softmax(z[::-1]), z))]


def eq_11_two_ones(net: networks.Network) -> formulas.Pairs:
    """(11) where two classes are marked, which Y in {0, 1}^C allows."""
    y = np.maximum(net.y, np.roll(net.y, 1))
    return [(net.A[net.last], second_term_of(y, net.z[net.last]))]


def eq_12(net: networks.Network) -> formulas.Pairs:
    """A_i - y_i, neuron by neuron."""
    last = net.last
    return [([net.A[last][i] - net.y[i] for i in range(net.sizes[last])], net.d("L", f"z{last}"))]


def eq_13(net: networks.Network) -> formulas.Pairs:
    """A - Y as vectors."""
    return [(net.A[net.last] - net.y, net.d("L", f"z{net.last}"))]


def eq_14(net: networks.Network) -> formulas.Pairs:
    """The chain rule from z_i to w_ji, in the output layer."""
    z_by_w = net.d(f"z{net.last}", f"W{net.last}")
    own = np.einsum("iij->ij", z_by_w)  # z_i by the weights of neuron i
    return [(net.d("L", f"z{net.last}")[:, None] * own, net.d("L", f"W{net.last}"))]


def eq_15(net: networks.Network) -> formulas.Pairs:
    """z_i by w_ji is A_j, in every layer."""
    pairs = []
    for k in range(1, net.last + 1):
        own = np.einsum("iij->ij", net.d(f"z{k}", f"W{k}"))
        pairs.append((np.tile(net.A[k - 1], (net.sizes[k], 1)), own))
    return pairs


def eq_16(net: networks.Network) -> formulas.Pairs:
    """(A_i - y_i) A_j, weight by weight."""
    last = net.last
    printed = [
        [(net.A[last][i] - net.y[i]) * net.A[last - 1][j] for j in range(net.sizes[last - 1])]
        for i in range(net.sizes[last])
    ]
    return [(printed, net.d("L", f"W{last}"))]


def eq_17(net: networks.Network) -> formulas.Pairs:
    """A bias has the derivative of its z, in every layer."""
    return [(net.d("L", f"z{k}"), net.d("L", f"b{k}")) for k in range(1, net.last + 1)]


def eq_18(net: networks.Network) -> formulas.Pairs:
    """A_i - y_i for the output biases."""
    return [(net.A[net.last] - net.y, net.d("L", f"b{net.last}"))]


CHECKS = {
    "eq_1": formulas.Check(eq_1, ("linear",)),
    "eq_2": formulas.Check(eq_2),
    "eq_2_hidden": formulas.Check(eq_2_hidden),
    "eq_2_output": formulas.Check(eq_2_output, networks.SOFTMAX),
    "eq_3": formulas.Check(eq_3),
    "eq_4": formulas.Check(eq_4, networks.SOFTMAX),
    "eq_5": formulas.Check(eq_5, networks.SOFTMAX),
    "eq_6": formulas.Check(eq_6, networks.SOFTMAX),
    "eq_7": formulas.Check(eq_7, networks.SOFTMAX),
    "eq_8": formulas.Check(eq_8, networks.SOFTMAX),
    "eq_9": formulas.Check(eq_9, networks.SOFTMAX),
    "eq_10": formulas.Check(eq_10, networks.SOFTMAX),
    "eq_11": formulas.Check(eq_11, networks.SOFTMAX),
    "eq_11_shares": formulas.Check(eq_11_shares, networks.SOFTMAX),
    "eq_11_two_ones": formulas.Check(eq_11_two_ones, networks.SOFTMAX),
    "eq_12": formulas.Check(eq_12, networks.SOFTMAX),
    "eq_13": formulas.Check(eq_13, networks.SOFTMAX),
    "eq_14": formulas.Check(eq_14),
    "eq_15": formulas.Check(eq_15),
    "eq_16": formulas.Check(eq_16, networks.SOFTMAX),
    "eq_17": formulas.Check(eq_17),
    "eq_18": formulas.Check(eq_18, networks.SOFTMAX),
}


# --- Sentences of sections 2 and 4.2 ------------------------------------------------------------


def without_and_with_sigmoids(rng: np.random.Generator) -> dict[str, float]:
    """Without a non-linearity the layers are one affine map; with one they are not."""
    sizes = (5, 6, 4, 3)
    x, other = rng.normal(size=(2, 1, sizes[0]))
    bent, straight = (paper.build_network(sizes, hidden=g) for g in ("sigmoid", "linear"))
    weights = paper.initial_weights(straight, rng)
    for network in (bent, straight):
        network.set_weights(weights)
    product, shift = np.eye(sizes[0]), np.zeros(sizes[0])
    for kernel, bias in zip(weights[0::2], weights[1::2], strict=True):
        product, shift = product @ kernel, shift @ kernel + bias
    return {
        "collapse_gap": formulas.gap([(x @ product + shift, np.asarray(straight(x)))]),
        "bend_without_sigmoid": bend(straight, x, other),
        "bend_with_sigmoid": bend(bent, x, other),
    }


def bend(network: keras.Model, one: np.ndarray, other: np.ndarray) -> float:
    """Return how far the middle's output is from the middle of the outputs: 0 if affine."""
    ends = (np.asarray(network(one)) + np.asarray(network(other))) / 2
    return formulas.gap([(ends, np.asarray(network((one + other) / 2)))])


def one_hidden_layer(config: Config, rng: np.random.Generator) -> dict[str, float]:
    """Build networks with one hidden layer that tell convex regions; count their mistakes."""
    wrong = [mistakes_on_polytope(config, rng, dimensions) for dimensions in (2, 3)]
    return {"convex_mistakes": max(wrong), "disc_mistakes": mistakes_on_disc(config, rng)}


def mistakes_on_polytope(config: Config, rng: np.random.Generator, dimensions: int) -> float:
    """Return the share of points on the wrong side of the convex hull of 12 random corners."""
    corners = rng.normal(size=(12, dimensions))
    faces = scipy.spatial.ConvexHull(corners).equations  # normal . x + offset <= 0 inside
    points = rng.uniform(corners.min(axis=0), corners.max(axis=0), (config.points, dimensions))
    inside = scipy.spatial.Delaunay(corners).find_simplex(points) >= 0
    return share_of_mistakes(faces, points, inside)


def mistakes_on_disc(config: Config, rng: np.random.Generator) -> float:
    """Return the share of points on the wrong side of a circle: no straight faces to build on."""
    angles = 2 * np.pi * np.arange(config.tangents) / config.tangents
    tangents = np.column_stack([np.cos(angles), np.sin(angles), np.full(config.tangents, -1.0)])
    points = rng.uniform(-1.5, 1.5, (config.points, 2))
    return share_of_mistakes(tangents, points, np.hypot(*points.T) <= 1)


def share_of_mistakes(
    faces: np.ndarray, points: np.ndarray, inside: np.ndarray, steepness: float = 1e6
) -> float:
    """Count the mistakes of a network with a hidden neuron for each face and AND at the output.

    Args:
        faces: rows (normal, offset), normal . x + offset <= 0 inside; shape (faces, d + 1).
        points: shape (n, d).
        inside: whether each point is, shape (n,).
        steepness: of the sigmoids, so that they are nearly steps.
    """
    network = paper.build_network((points.shape[1], len(faces), 1), output="sigmoid")
    network.set_weights(
        [
            -steepness * faces[:, :-1].T,
            -steepness * faces[:, -1],
            np.full((len(faces), 1), steepness),
            np.array([-steepness * (len(faces) - 0.5)]),
        ]
    )
    return float(np.mean((np.asarray(network(points))[:, 0] > 0.5) != inside))

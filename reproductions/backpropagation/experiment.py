"""The paper's derivation of back-propagation, held against autodiff formula by formula.

Every equation is written here as the document prints it and evaluated on random networks whose
layers all have different widths, so that nothing fits by accident. Its partial derivatives come
from autodiff; what the equation puts together from them is held against autodiff again. Where the
printed form fails, the corrected form stands below it and is held against the same values. The
algorithms are run; the convolution of section 8 is held against SciPy and against a Keras layer.

Source: paper, sections 2 to 5 and 8, equations 1 to 41, algorithms 1 to 3; thesis, appendix A,
    equations A.1 to A.20; the authors' library (paper-code) where it has a formula of its own.
Stated: l layers with weights, sigmoid hidden neurons, softmax and cross-entropy (for the generic
    algorithm 2 any output and loss); the thesis: the same sigma in every layer, half the squared
    error.
Silent about: the networks (here 2 to 5 layers of 2 to 7 neurons, weights and biases from N(0, 1) as
    in the library, one random sample each); how a derivative of a vector by a vector is laid out
    (we take the layout that makes the equation right, where there is one).

The text we have of the paper was read by a machine, which takes j for i here and there: weights
w_ii^{[k]} are read as w_ji^{[k]}, and (29) and (30) with the symbol of (37), which repeats (30).

A difference is the largest absolute one, relative to the largest exact value; infinite where the
formula cannot be evaluated at all. In code, `W[k][i, j]` is the paper's w_ji^{[k]}: the weight from
neuron j of layer k-1 to neuron i of layer k. `net.d("z3", "A2")` is the matrix of the derivatives
of z^{[3]} by A^{[2]}, a row for each component of z^{[3]}; L is the loss.
"""

import collections
import dataclasses
import functools
import math
import pathlib
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import scipy.signal
import scipy.spatial
import scipy.special
from keras import ops
from matplotlib import axes as mpl_axes
from matplotlib import patches

from common import cli, data, paper_library, plots, records, training


@dataclasses.dataclass(frozen=True)
class Config:
    """What a variant measures, and on which networks; each seed draws them anew."""

    experiment: str = "equations"
    depths: tuple[int, ...] = (2, 3, 4, 5)  # layers with weights, the paper's l
    widths: tuple[int, ...] = (2, 3, 4, 5, 6, 7)  # each at most once in a network
    equal_width: int = 4  # of the networks on which every shape fits
    precision: str = "float64"


VARIANTS = {
    name: Config(name)
    for name in (
        "equations",
        "algorithms",
        "training",
        "thesis",
        "convolution",
        "library",
        "timing",
    )
}

OUTPUTS = ("softmax", "sigmoid", "linear")
ONE_NEURON_EACH = ("sigmoid", "linear")  # outputs whose neuron n depends on z_n alone
AGREES = 1e-9  # a relative difference below it is rounding

Pairs = list[tuple[Any, Any]]  # what a formula gives, and what it should give


# --- Networks, and all their derivatives --------------------------------------------------------


def cross_entropy(y: Any, A: Any) -> Any:
    """Equation (4), on the network's shares."""
    return -ops.sum(y * ops.log(A))


def half_squared_error(y: Any, A: Any) -> Any:
    """The thesis's C of one example."""
    return ops.sum(ops.square(y - A)) / 2


LOSSES: dict[str, training.Loss] = {
    "softmax": cross_entropy,
    "sigmoid": paper_library.squared_error,
    "linear": paper_library.squared_error,
}


class Copies(keras.Model):
    """One network many times over: every row of a batch has its own copy of all the weights.

    So the derivative by row r's copy is that of row r's output alone, and a single backward pass
    differentiates as many outputs as there are rows. Zeros are added to z and A of every layer: the
    derivative by them is the derivative by z and by A.
    """

    def __init__(
        self, start: dict[str, np.ndarray], activations: Sequence[Callable], rows: int
    ) -> None:
        """`start` holds W1, b1, z1, A1, ... in the order in which the weights are made."""
        super().__init__()
        self.copied, self.activations = list(start), list(activations)
        for name, value in start.items():
            self.add_weight(name=name, shape=(rows, *value.shape), initializer="zeros")
            self.trainable_variables[-1].assign(np.broadcast_to(value, (rows, *value.shape)))

    def call(self, inputs: Any) -> dict[str, Any]:
        """Return z1, A1, z2, A2, ..., each of shape (rows, width)."""
        own = dict(zip(self.copied, self.trainable_variables, strict=True))
        values: dict[str, Any] = {}
        A = inputs + own["A0"]
        for k, activation in enumerate(self.activations, start=1):
            z = ops.einsum("rij,rj->ri", own[f"W{k}"], A) + own[f"b{k}"] + own[f"z{k}"]
            A = activation(z) + own[f"A{k}"]
            values |= {f"z{k}": z, f"A{k}": A}
        return values


@dataclasses.dataclass(frozen=True)
class Network:
    """A random network and one sample, in the paper's notation, with all derivatives by autodiff.

    Attributes:
        sizes: n(0), inputs, to n(l), outputs.
        output: the output's activation, one of `OUTPUTS`.
        loss: takes y and the output.
        stock: the same network of stock Keras layers.
        x, y: the sample, shapes (n(0),) and (n(l),).
        W, b: by layer from 1; shapes (n(k), n(k-1)) and (n(k),).
        z, A: by layer, A from 0; shapes (n(k),).
        partials: by pairs of names such as ("z3", "A2"); a row per component of the first.
    """

    sizes: tuple[int, ...]
    output: str
    loss: training.Loss
    stock: keras.Model
    x: np.ndarray
    y: np.ndarray
    W: dict[int, np.ndarray]
    b: dict[int, np.ndarray]
    z: dict[int, np.ndarray]
    A: dict[int, np.ndarray]
    partials: dict[tuple[str, str], np.ndarray]

    @property
    def last(self) -> int:
        """The number of the last layer, the paper's l: so many layers have weights."""
        return len(self.sizes) - 1

    def d(self, what: str, by: str) -> np.ndarray:
        """Derivative of L (shape of `by`), or of each component of z or A (a row each).

        Raises:
            KeyError: there is no such quantity: the input has no z.
        """
        return self.partials[what, by]

    def slopes(self, k: int) -> np.ndarray:
        """Derivative of each A_i^{[k]} by its own z_i^{[k]}."""
        return np.diag(self.d(f"A{k}", f"z{k}"))

    @functools.cached_property
    def stock_derivatives(self) -> dict[str, np.ndarray]:
        """Derivatives of the loss by W1, b1, ..., of the stock Keras network."""
        found = training.gradients(self.stock, self.loss, self.x[None], self.y[None])
        return {f"{'Wb'[i % 2]}{i // 2 + 1}": part.T for i, part in enumerate(found)}


def draw_network(
    rng: np.random.Generator,
    sizes: Sequence[int],
    output: str,
    loss: training.Loss | None = None,
) -> Network:
    """Draw weights, a sample and its target, and differentiate everything by everything."""
    loss = loss or LOSSES[output]
    stock = paper_library.build_network(sizes, output=output)
    stock.set_weights(paper_library.initial_weights(stock, rng))
    kernels, biases = stock.get_weights()[0::2], stock.get_weights()[1::2]
    W = {k: kernel.T for k, kernel in enumerate(kernels, start=1)}
    b = dict(enumerate(biases, start=1))
    x, classes = rng.normal(size=sizes[0]), sizes[-1]
    targets = {
        "softmax": np.eye(classes)[rng.integers(classes)],
        "sigmoid": rng.uniform(size=classes),
        "linear": rng.normal(size=classes),
    }
    activations = [keras.activations.sigmoid] * (len(W) - 1) + [keras.activations.get(output)]
    values, partials = differentiate(W, b, activations, x, lambda A: loss(targets[output], A))
    return Network(
        tuple(sizes),
        output,
        loss,
        stock,
        x,
        targets[output],
        W,
        b,
        {k: values[f"z{k}"] for k in W},
        {0: x} | {k: values[f"A{k}"] for k in W},
        partials,
    )


def differentiate(
    W: dict[int, np.ndarray],
    b: dict[int, np.ndarray],
    activations: Sequence[Callable],
    x: np.ndarray,
    loss: Callable[[Any], Any],
) -> tuple[dict[str, np.ndarray], dict[tuple[str, str], np.ndarray]]:
    """Values of all z and A, and derivatives of them and of the loss by all W, b, z and A."""
    start = {"A0": np.zeros(len(x))}
    for k, matrix in W.items():
        start |= {f"W{k}": matrix, f"b{k}": b[k]}
        start |= {f"z{k}": np.zeros(len(b[k])), f"A{k}": np.zeros(len(b[k]))}
    names = [f"{letter}{k}" for k in W for letter in "zA"]
    widths = [len(b[int(name[1:])]) for name in names]
    ends = np.cumsum(widths)
    rows = {name: slice(end - n, end) for name, n, end in zip(names, widths, ends, strict=True)}
    rows["L"] = slice(ends[-1], ends[-1] + 1)
    model = Copies(start, activations, ends[-1] + 1)

    def watched(_: None, values: dict[str, Any]) -> Any:
        """One component of one quantity in each row, and the loss in the last."""
        components = [ops.trace(values[name][rows[name]]) for name in names]
        return sum(components) + loss(values[names[-1]][-1])

    inputs = np.tile(x, (ends[-1] + 1, 1))
    found = dict(zip(start, training.gradients(model, watched, inputs, None), strict=True))
    partials = {(what, by): found[by][rows[what]] for what in rows for by in found}
    partials |= {("L", by): partials["L", by][0] for by in found}
    values = {name: np.asarray(value)[0] for name, value in model(inputs).items()}
    return values, partials


class Point(keras.Model):
    """One array, to be differentiated by."""

    def __init__(self, at: np.ndarray) -> None:
        """`at` is where."""
        super().__init__()
        self.add_weight(name="point", shape=at.shape, initializer="zeros").assign(at)

    def call(self, inputs: Any) -> Any:
        """Return the array, whatever the inputs."""
        return ops.convert_to_tensor(self.trainable_variables[0])


def slope(function: Callable[[Any], Any], at: np.ndarray) -> np.ndarray:
    """Differentiate a scalar function of one array by that array, with autodiff."""
    (found,) = training.gradients(Point(at), lambda _, point: function(point), np.zeros(1), None)
    return found


def draw_networks(
    config: Config, rng: np.random.Generator, outputs: Sequence[str] = OUTPUTS
) -> list[Network]:
    """One network of each depth and output, no two layers of the same width."""
    return [
        draw_network(rng, rng.permutation(config.widths)[: depth + 1].tolist(), output)
        for depth in config.depths
        for output in outputs
    ]


def draw_equal_networks(config: Config, rng: np.random.Generator) -> list[Network]:
    """Networks whose layers are all equally wide: every shape fits every other."""
    return [draw_network(rng, [config.equal_width] * 5, output) for output in OUTPUTS]


def gap(pairs: Pairs) -> float:
    """Largest difference, relative to the largest exact value of its pair (if that is not 0).

    Raises:
        ValueError: some shapes differ.
    """
    largest = 0.0
    for one, other in pairs:
        found, exact = np.asarray(one), np.asarray(other)
        if found.shape != exact.shape:
            raise ValueError(f"shape {found.shape} where it should be {exact.shape}")
        scale = np.abs(exact).max() or 1.0
        largest = max(largest, float(np.abs(found - exact).max() / scale))
    return float(f"{largest:.4g}")


Formula = Callable[[Network], Pairs]


def gap_of(formula: Formula, networks: Sequence[Network]) -> float:
    """`gap` of a formula over networks; infinite where it cannot be evaluated on one of them."""
    try:
        return gap([pair for net in networks for pair in formula(net)])
    except (ValueError, IndexError, KeyError):
        return math.inf


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed; the claims say what each metric is for."""
    training.set_precision(config.precision)
    measures: dict[str, Callable[[Config, Sequence[int]], Iterator[dict]]] = {
        "equations": _measure_equations,
        "algorithms": _measure_algorithms,
        "training": _measure_training,
        "thesis": _measure_thesis,
        "convolution": _measure_convolution,
        "library": _measure_library,
        "timing": _measure_timing,
    }
    yield from measures[config.experiment](config, seeds)


# --- Section 2: the forward pass ----------------------------------------------------------------


def sigmoid(z: Any) -> Any:
    """The sigmoid of section 3.1."""
    return 1 / (1 + np.exp(-z))


def eq_1(net: Network) -> Pairs:
    """z_i = w_i . A + b_i, against the output layer of a regression network, where A is z."""
    last = net.last
    z = [net.W[last][i] @ net.A[last - 1] + net.b[last][i] for i in range(net.sizes[last])]
    return [(z, np.asarray(net.stock.layers[-1](net.A[last - 1][None]))[0])]


def eq_2(net: Network) -> Pairs:
    """A_i = g(z_i), a sigmoid of one number, in the hidden layers."""
    return [
        (
            [sigmoid(z) for z in net.z[k]],
            np.asarray(net.stock.layers[k - 1](net.A[k - 1][None]))[0],
        )
        for k in range(1, net.last)
    ]


def eq_2_at_the_output(net: Network) -> Pairs:
    """If g maps R to R, the derivative of A_i by any other z_j is 0."""
    derivatives = net.d(f"A{net.last}", f"z{net.last}")
    return [(derivatives - np.diag(np.diag(derivatives)), np.zeros_like(derivatives))]


def eq_3(net: Network) -> Pairs:
    """The nested feed-forward, against the stock Keras network."""
    A = net.x
    for k in range(1, net.last):
        A = sigmoid(net.W[k] @ A + net.b[k])
    z = net.W[net.last] @ A + net.b[net.last]
    g = {"softmax": softmax, "sigmoid": sigmoid, "linear": lambda z: z}[net.output]
    return [(g(z), np.asarray(net.stock(net.x[None]))[0])]


# --- Section 3: the output layer ----------------------------------------------------------------


def softmax(z: np.ndarray) -> np.ndarray:
    """Equation (5)."""
    return np.exp(z) / np.exp(z).sum()


def _library_loss(net: Network) -> float:
    return float(ops.categorical_crossentropy(net.y, net.z[net.last], from_logits=True))


def eq_4(net: Network) -> Pairs:
    """The cross-entropy of the shares, against Keras's."""
    return [(-sum(net.y * np.log(net.A[net.last])), _library_loss(net))]


def eq_5(net: Network) -> Pairs:
    """Softmax, against Keras's."""
    return [(softmax(net.z[net.last]), np.asarray(ops.softmax(net.z[net.last])))]


def eq_6(net: Network) -> Pairs:
    """(5) put into (4)."""
    z = net.z[net.last]
    return [(-sum(net.y * np.log(np.exp(z) / sum(np.exp(z)))), _library_loss(net))]


def eq_7(net: Network) -> Pairs:
    """The logarithm of the quotient taken apart."""
    z = net.z[net.last]
    return [(-sum(net.y * (np.log(np.exp(z)) - np.log(sum(np.exp(z))))), _library_loss(net))]


def _first_term(net: Network) -> np.ndarray:
    """Minus the derivative of y_i log(e^z_i) by z_i."""
    return -slope(lambda z: ops.sum(net.y * ops.log(ops.exp(z))), net.z[net.last])


def _second_term(net: Network) -> np.ndarray:
    """The sum over k of the derivatives of y_k log(sum_j e^z_j) by z_i."""
    return slope(lambda z: ops.sum(net.y * ops.log(ops.sum(ops.exp(z)))), net.z[net.last])


def eq_8(net: Network) -> Pairs:
    """The derivative of (7) is that of its two terms."""
    return [(_first_term(net) + _second_term(net), net.d("L", f"z{net.last}"))]


def eq_9(net: Network) -> Pairs:
    """The first term is -y_i."""
    return [(-net.y, _first_term(net))]


def eq_10(net: Network) -> Pairs:
    """The second term is softmax times the sum of the labels."""
    z = net.z[net.last]
    return [(np.exp(z) / np.exp(z).sum() * net.y.sum(), _second_term(net))]


def eq_11(net: Network) -> Pairs:
    """The second term is A_i, as one-hot labels sum to 1."""
    return [(net.A[net.last], _second_term(net))]


def eq_12(net: Network) -> Pairs:
    """A_i - y_i, neuron by neuron."""
    last = net.last
    return [([net.A[last][i] - net.y[i] for i in range(net.sizes[last])], net.d("L", f"z{last}"))]


def eq_13(net: Network) -> Pairs:
    """A - Y as vectors."""
    return [(net.A[net.last] - net.y, net.d("L", f"z{net.last}"))]


def eq_12_several_ones(net: Network) -> Pairs:
    """(12) where two classes are marked, which Y in {0, 1}^C allows."""
    y = np.maximum(net.y, np.roll(net.y, 1))
    exact = slope(lambda z: cross_entropy(y, ops.softmax(z)), net.z[net.last])
    return [(net.A[net.last] - y, exact)]


def eq_14(net: Network) -> Pairs:
    """The chain rule from z_i to w_ji, in the output layer."""
    z_by_w = net.d(f"z{net.last}", f"W{net.last}")
    own = np.einsum("iij->ij", z_by_w)  # z_i by the weights of neuron i
    return [(net.d("L", f"z{net.last}")[:, None] * own, net.d("L", f"W{net.last}"))]


def eq_15(net: Network) -> Pairs:
    """z_i by w_ji is A_j, in every layer."""
    pairs = []
    for k in range(1, net.last + 1):
        own = np.einsum("iij->ij", net.d(f"z{k}", f"W{k}"))
        pairs.append((np.tile(net.A[k - 1], (net.sizes[k], 1)), own))
    return pairs


def eq_16(net: Network) -> Pairs:
    """(A_i - y_i) A_j, weight by weight."""
    last = net.last
    printed = [
        [(net.A[last][i] - net.y[i]) * net.A[last - 1][j] for j in range(net.sizes[last - 1])]
        for i in range(net.sizes[last])
    ]
    return [(printed, net.d("L", f"W{last}"))]


def eq_17(net: Network) -> Pairs:
    """A bias has the derivative of its z, in every layer."""
    return [(net.d("L", f"z{k}"), net.d("L", f"b{k}")) for k in range(1, net.last + 1)]


def eq_18(net: Network) -> Pairs:
    """A_i - y_i for the output biases."""
    return [(net.A[net.last] - net.y, net.d("L", f"b{net.last}"))]


# --- Section 3.1: hidden layers -----------------------------------------------------------------


def own_path(net: Network) -> np.ndarray:
    """The product of dL/dA_n and dA_n/dz_n of (19), (25) and (27) to (30), for each output n."""
    return net.d("L", f"A{net.last}") * net.slopes(net.last)


def all_paths(net: Network) -> np.ndarray:
    """dL/dz_n through every A_m: what a softmax needs, whose A_m all depend on z_n."""
    return net.d("L", f"A{net.last}") @ net.d(f"A{net.last}", f"z{net.last}")


def eq_19(net: Network, paths: Callable[[Network], np.ndarray] = own_path) -> Pairs:
    """The last hidden layer, as a sum over the output neurons."""
    last = net.last
    output, z_by_A, slopes = paths(net), net.d(f"z{last}", f"A{last - 1}"), net.slopes(last - 1)
    printed = [
        sum(output[n] * z_by_A[n, i] * slopes[i] for n in range(net.sizes[last]))
        for i in range(net.sizes[last - 1])
    ]
    return [(printed, net.d("L", f"z{last - 1}"))]


def eq_20(net: Network) -> Pairs:
    """Hidden neurons are sigmoids (against SciPy's)."""
    return [(net.A[k], scipy.special.expit(net.z[k])) for k in range(1, net.last)]


def eq_21(net: Network) -> Pairs:
    """The sigmoid's derivative is A (1 - A)."""
    return [(net.A[k] * (1 - net.A[k]), net.slopes(k)) for k in range(1, net.last)]


def eq_22(net: Network) -> Pairs:
    """(19) with (12) and (21) put in."""
    last, A = net.last, net.A
    printed = [
        sum(
            (A[last][n] - net.y[n]) * net.W[last][n, i] * A[last - 1][i] * (1 - A[last - 1][i])
            for n in range(net.sizes[last])
        )
        for i in range(net.sizes[last - 1])
    ]
    return [(printed, net.d("L", f"z{last - 1}"))]


def eq_23(net: Network) -> Pairs:
    """(22) times A_j of the layer below."""
    last, A = net.last, net.A
    printed = [
        [
            sum(
                (A[last][n] - net.y[n])
                * net.W[last][n, i]
                * A[last - 1][i]
                * (1 - A[last - 1][i])
                * A_j
                for n in range(net.sizes[last])
            )
            for A_j in A[last - 2]
        ]
        for i in range(net.sizes[last - 1])
    ]
    return [(printed, net.d("L", f"W{last - 1}"))]


def one_weight_one_neuron(net: Network) -> Pairs:
    """w_ji^{[l-2]} enters z_i^{[l-2]} alone: the derivatives of the others by it are 0."""
    derivatives = net.d(f"z{net.last - 2}", f"W{net.last - 2}").copy()
    for i in range(len(derivatives)):
        derivatives[i, i] = 0.0
    return [(derivatives, np.zeros_like(derivatives))]


def eq_24(net: Network) -> Pairs:
    """w_i . A of the output by a weight two layers below, for each i that both layers have."""
    last = net.last
    A_by_w = net.d(f"A{last - 1}", f"W{last - 2}")
    pairs = []
    for i in range(min(net.sizes[last], net.sizes[last - 2])):
        terms = [net.W[last][i, n] * A_by_w[n, i] for n in range(net.sizes[last - 1])]
        pairs.append((sum(terms), net.d(f"z{last}", f"W{last - 2}")[i, i]))
    return pairs


def eq_25(net: Network, paths: Callable[[Network], np.ndarray] = own_path) -> Pairs:
    """Two layers below the output, as a double sum."""
    last, output = net.last, paths(net)
    z_by_A, slopes = net.d(f"z{last}", f"A{last - 1}"), net.slopes(last - 1)
    below, own = net.d(f"z{last - 1}", f"A{last - 2}"), net.slopes(last - 2)
    printed = [
        sum(
            output[n]
            * sum(
                z_by_A[n, m] * slopes[m] * below[m, i] * own[i] for m in range(net.sizes[last - 1])
            )
            for n in range(net.sizes[last])
        )
        for i in range(net.sizes[last - 2])
    ]
    return [(printed, net.d("L", f"z{last - 2}"))]


def eq_26(net: Network) -> Pairs:
    """(25) with (24) inside: the same i for an output and a hidden neuron, and a j left over.

    Compared for each j, and for each i that both layers have.
    """
    last, output = net.last, own_path(net)
    A_by_w = net.d(f"A{last - 1}", f"W{last - 2}")
    shared = min(net.sizes[last], net.sizes[last - 2])
    printed = [
        sum(
            output[n] * sum(net.W[last][i, m] * A_by_w[m, i] for m in range(net.sizes[last - 1]))
            for n in range(net.sizes[last])
        )
        for i in range(shared)
    ]
    exact = net.d("L", f"z{last - 2}")[:shared, None]
    return [(printed, np.broadcast_to(exact, np.shape(printed)))]


def eq_26_corrected(net: Network) -> Pairs:
    """The weights of output n, and the derivative by z_i."""
    last, output = net.last, all_paths(net)
    A_by_z = net.d(f"A{last - 1}", f"z{last - 2}")
    corrected = sum(
        output[n] * sum(net.W[last][n, m] * A_by_z[m] for m in range(net.sizes[last - 1]))
        for n in range(net.sizes[last])
    )
    return [(corrected, net.d("L", f"z{last - 2}"))]


# --- Section 3.2: any layer, by nested sums -----------------------------------------------------


def nested_sums(net: Network, upper: int, n: int, k: int, i: int) -> tuple[float, int]:
    """What (29) nests inside the sum over neuron n of layer `upper`, and how many sums that is."""
    derivatives = net.d(f"z{upper}", f"A{upper - 1}")[n]
    if upper == k + 1:
        return derivatives[i] * net.slopes(k)[i], 0
    slopes = net.slopes(upper - 1)
    inner = [nested_sums(net, upper - 1, m, k, i) for m in range(net.sizes[upper - 1])]
    total = sum(derivatives[m] * slopes[m] * value for m, (value, _) in enumerate(inner))
    return total, 1 + inner[0][1]


def eq_29(net: Network, paths: Callable[[Network], np.ndarray] = own_path) -> Pairs:
    """dL/dz_i^{[k]} by nested sums, read with the symbol of (37), for each k of at least 2 sums."""
    output = paths(net)
    return [
        (
            [
                sum(
                    output[n] * nested_sums(net, net.last, n, k, i)[0]
                    for n in range(net.sizes[net.last])
                )
                for i in range(net.sizes[k])
            ],
            net.d("L", f"z{k}"),
        )
        for k in range(1, net.last - 1)
    ]


def eq_29_to_the_letter(net: Network) -> Pairs:
    """With dA_i^{[k]}/dA_i^{[l]}, as our text has it: a layer by one above it, so all is 0."""
    pairs = []
    for k in range(1, net.last - 1):
        upward, shared = net.d(f"A{k}", f"A{net.last}"), min(net.sizes[k], net.sizes[net.last])
        factors = [upward[i, i] * net.slopes(k)[i] for i in range(shared)]
        pairs.append((factors, net.d("L", f"z{k}")[:shared]))
    return pairs


def eq_30(net: Network, paths: Callable[[Network], np.ndarray] = own_path) -> Pairs:
    """(29) times A_j, the outer sum read over an index of its own."""
    return [
        (np.outer(printed, net.A[k - 1]), net.d("L", f"W{k}"))
        for k, (printed, _) in enumerate(eq_29(net, paths), start=1)
    ]


def eq_30_one_j(net: Network) -> Pairs:
    """(30) and (37) to the letter: the sum over j = 1..C takes A_j along, and no j is left."""
    output, pairs = own_path(net), []
    for k in range(1, net.last - 1):
        printed = [
            sum(
                output[j] * nested_sums(net, net.last, j, k, i)[0] * net.A[k - 1][j]
                for j in range(net.sizes[net.last])
            )
            for i in range(net.sizes[k])
        ]
        exact = net.d("L", f"W{k}")
        pairs.append((np.tile(np.array(printed)[:, None], (1, exact.shape[1])), exact))
    return pairs


def count_sums(net: Network) -> list[int]:
    """How many sums are nested in (29) for k = 1, 2, ..., l-1, the outermost one included."""
    return [1 + nested_sums(net, net.last, 0, k, 0)[1] for k in range(1, net.last)]


def sum_down_to(net: Network, layer: int) -> float:
    """S of (27): all the sums from the output down to `layer`, that of `layer` included."""
    return float(sum(_prefix(net, layer)))


def _prefix(net: Network, layer: int) -> np.ndarray:
    """S without its innermost sum: one value for each neuron of `layer`."""
    values = own_path(net)
    for upper in range(net.last, layer, -1):
        values = values @ net.d(f"z{upper}", f"A{upper - 1}") * net.slopes(upper - 1)
    return values


def eq_27(net: Network) -> Pairs:
    """S, said to be the derivative by z^{[k+1]}: one number, held against each component."""
    return [
        (np.full(net.sizes[k + 1], sum_down_to(net, k + 2)), net.d("L", f"z{k + 1}"))
        for k in range(1, net.last - 1)
    ]


def eq_27_corrected(net: Network) -> Pairs:
    """S without its last sum is the derivative by z^{[k+2]}."""
    return [(_prefix(net, k + 2), net.d("L", f"z{k + 2}")) for k in range(1, net.last - 1)]


def inner_sum(net: Network, k: int) -> np.ndarray:
    """The sum over layer k+1 in (28): a row for each n_{k+2}, a column for each i."""
    upper = net.d(f"z{k + 2}", f"A{k + 1}") * net.slopes(k + 1)
    return upper @ net.d(f"z{k + 1}", f"A{k}") * net.slopes(k)


def eq_28_inner_sum(net: Network) -> Pairs:
    """The sum over layer k+1 is the derivative of z^{[k+2]} by z^{[k]}."""
    return [(inner_sum(net, k), net.d(f"z{k + 2}", f"z{k}")) for k in range(1, net.last - 1)]


def eq_28(net: Network) -> Pairs:
    """S times the sum over layer k+1, whose n_{k+2} is free: the choice of it that fits best."""
    pairs = []
    for k in range(1, net.last - 1):
        exact = net.d("L", f"z{k}")
        printed = sum_down_to(net, k + 2) * inner_sum(net, k)
        pairs.append((min(printed, key=lambda row: gap([(row, exact)])), exact))
    return pairs


def eq_28_corrected(net: Network) -> Pairs:
    """The sum over n_{k+2} goes around both factors."""
    return [
        (_prefix(net, k + 2) @ inner_sum(net, k), net.d("L", f"z{k}"))
        for k in range(1, net.last - 1)
    ]


# --- Section 4.1: matrices ----------------------------------------------------------------------


def hadamard(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The elementwise product proper, of two arrays of one shape; NumPy's stretches them."""
    if one.shape != other.shape:
        raise ValueError(f"no elementwise product of {one.shape} and {other.shape}")
    return one * other


def eq_31(net: Network) -> Pairs:
    """n(l) rows and n(l-1) columns; row r, column c holds the derivative by w_rc, r the source."""
    by_weight = net.d("L", f"W{net.last}")  # by_weight[i, j] is the derivative by w_ji
    rows, columns = net.sizes[net.last], net.sizes[net.last - 1]
    printed = [[by_weight[c, r] for c in range(columns)] for r in range(rows)]
    return [(printed, np.outer(net.d("L", f"z{net.last}"), net.A[net.last - 1]))]


def eq_31_corrected(net: Network) -> Pairs:
    """Row i, column j holds the derivative by w_ji: the matrix that (32) gives."""
    by_weight = net.d("L", f"W{net.last}")
    rows, columns = net.sizes[net.last], net.sizes[net.last - 1]
    corrected = [[by_weight[i, j] for j in range(columns)] for i in range(rows)]
    return [(corrected, np.outer(net.d("L", f"z{net.last}"), net.A[net.last - 1]))]


def eq_32(net: Network) -> Pairs:
    """A column times a row."""
    column, row = net.d("L", f"z{net.last}")[:, None], net.A[net.last - 1][None, :]
    return [(column @ row, net.d("L", f"W{net.last}"))]


def weights_shape(net: Network) -> Pairs:
    """W^{[l]} and its derivative are n(l) x n(l-1), so there are n(l) n(l-1) derivatives."""
    derivative = net.d("L", f"W{net.last}")
    stated = [net.sizes[net.last], net.sizes[net.last - 1]]
    return [(stated, list(derivative.shape)), (np.prod(stated), derivative.size)]


def weights_per_neuron(net: Network) -> Pairs:
    """w_i has n(k-1) entries: the rows of a stock kernel."""
    return [
        (net.sizes[k - 1], net.stock.layers[k - 1].kernel.shape[0]) for k in range(1, net.last + 1)
    ]


def eq_33(net: Network) -> Pairs:
    """(23) with the factors that do not depend on n_l outside the sum."""
    last, A = net.last, net.A
    printed = [
        [
            A[last - 1][i]
            * (1 - A[last - 1][i])
            * A_j
            * sum((A[last][n] - net.y[n]) * net.W[last][n, i] for n in range(net.sizes[last]))
            for A_j in A[last - 2]
        ]
        for i in range(net.sizes[last - 1])
    ]
    return [(printed, net.d("L", f"W{last - 1}"))]


def eq_34(net: Network) -> Pairs:
    """The sum as w_i^{[l]} (A - y), where w_i^{[l]} are the weights INTO neuron i of layer l."""
    last, A = net.last, net.A
    printed = [
        A[last - 1][i] * (1 - A[last - 1][i]) * (net.W[last][i] @ (A[last] - net.y)) * A[last - 2]
        for i in range(net.sizes[last - 1])
    ]
    return [(printed, net.d("L", f"W{last - 1}"))]


def eq_34_corrected(net: Network) -> Pairs:
    """With the weights OUT OF neuron i of layer l-1."""
    last, A = net.last, net.A
    corrected = [
        A[last - 1][i]
        * (1 - A[last - 1][i])
        * (net.W[last][:, i] @ (A[last] - net.y))
        * A[last - 2]
        for i in range(net.sizes[last - 1])
    ]
    return [(corrected, net.d("L", f"W{last - 1}"))]


def eq_35(net: Network) -> Pairs:
    """The same as matrices, W^{[l]} not transposed."""
    last, A = net.last, net.A
    error = hadamard(A[last - 1] * (1 - A[last - 1]), net.W[last] @ (A[last] - net.y))
    return [(np.outer(error, A[last - 2]), net.d("L", f"W{last - 1}"))]


def eq_35_corrected(net: Network) -> Pairs:
    """With W^{[l]} transposed."""
    last, A = net.last, net.A
    error = hadamard(A[last - 1] * (1 - A[last - 1]), net.W[last].T @ (A[last] - net.y))
    return [(np.outer(error, A[last - 2]), net.d("L", f"W{last - 1}"))]


def eq_36(net: Network) -> Pairs:
    """The biases, W^{[l]} not transposed."""
    last, A = net.last, net.A
    error = hadamard(A[last - 1] * (1 - A[last - 1]), net.W[last] @ (A[last] - net.y))
    return [(error, net.d("L", f"b{last - 1}"))]


def eq_36_corrected(net: Network) -> Pairs:
    """With W^{[l]} transposed."""
    last, A = net.last, net.A
    error = hadamard(A[last - 1] * (1 - A[last - 1]), net.W[last].T @ (A[last] - net.y))
    return [(error, net.d("L", f"b{last - 1}"))]


def eq_38(net: Network) -> Pairs:
    """The column of sums, with dA_i^{[k-1]}/dz_i^{[k]}: a layer by the one above it, which is 0.

    So are all rows printed but the last, which has z^{[k-1]}.
    """
    pairs = []
    for k in range(2, net.last + 1):
        summed = net.d("L", f"z{k}") @ net.d(f"z{k}", f"A{k - 1}")
        upward, own = net.d(f"A{k - 1}", f"z{k}"), net.slopes(k - 1)
        bottom = net.sizes[k - 1] - 1
        factors = [upward[i, i] for i in range(bottom)] + [own[bottom]]
        pairs.append((summed * factors, net.d("L", f"z{k - 1}")))
    return pairs


def eq_38_corrected(net: Network) -> Pairs:
    """With dA_i^{[k-1]}/dz_i^{[k-1]} in every row."""
    return [
        (
            [
                sum(
                    net.d("L", f"z{k}")[n]
                    * net.d(f"z{k}", f"A{k - 1}")[n, i]
                    * net.slopes(k - 1)[i]
                    for n in range(net.sizes[k])
                )
                for i in range(net.sizes[k - 1])
            ],
            net.d("L", f"z{k - 1}"),
        )
        for k in range(2, net.last + 1)
    ]


def eq_39(net: Network) -> Pairs:
    """dz/dA laid out as in (40), a row per A_i; dA/dz a column that NumPy repeats."""
    return [
        (
            (net.d(f"z{k}", f"A{k - 1}").T * net.slopes(k - 1)[:, None]) @ net.d("L", f"z{k}"),
            net.d("L", f"z{k - 1}"),
        )
        for k in range(2, net.last + 1)
    ]


def eq_40(net: Network) -> Pairs:
    """W transposed times a column that NumPy repeats, then a matrix product."""
    return [
        (
            (net.W[k].T * net.slopes(k - 1)[:, None]) @ net.d("L", f"z{k}"),
            net.d("L", f"z{k - 1}"),
        )
        for k in range(2, net.last + 1)
    ]


def eq_40_elementwise(net: Network) -> Pairs:
    """W transposed times the matrix dA/dz, element by element as the sign says."""
    return [
        (
            hadamard(net.W[k].T, net.d(f"A{k - 1}", f"z{k - 1}")) @ net.d("L", f"z{k}"),
            net.d("L", f"z{k - 1}"),
        )
        for k in range(2, net.last + 1)
    ]


def eq_40_corrected(net: Network) -> Pairs:
    """The matrix product first, as in (35), then two vectors element by element."""
    return [
        (hadamard(net.W[k].T @ net.d("L", f"z{k}"), net.slopes(k - 1)), net.d("L", f"z{k - 1}"))
        for k in range(2, net.last + 1)
    ]


def eq_41(net: Network) -> Pairs:
    """dL/dz times dz/dW, a matrix for each component of z."""
    return [
        (
            np.tensordot(net.d("L", f"z{k - 1}"), net.d(f"z{k - 1}", f"W{k - 1}"), axes=1),
            net.d("L", f"W{k - 1}"),
        )
        for k in range(2, net.last + 1)
    ]


@dataclasses.dataclass(frozen=True)
class Check:
    """A formula and the networks it is about.

    Attributes:
        formula: gives what the formula says beside what it should be.
        outputs: on networks with these outputs.
        layers: with at least so many layers.
        shapes: whether the question is if it can be evaluated at all. Then `_fits` is measured on
            layers of different widths, and `_gap` on layers of equal width, where all shapes fit.
    """

    formula: Formula
    outputs: tuple[str, ...] = OUTPUTS
    layers: int = 2
    shapes: bool = False

    def concerns(self, net: Network) -> bool:
        """Whether the formula is about such a network."""
        return net.output in self.outputs and net.last >= self.layers


SOFTMAX = ("softmax",)

PAPER = {
    "eq_1": Check(eq_1, ("linear",)),
    "eq_2": Check(eq_2),
    "eq_2_output": Check(eq_2_at_the_output, SOFTMAX),
    "eq_3": Check(eq_3),
    "eq_4": Check(eq_4, SOFTMAX),
    "eq_5": Check(eq_5, SOFTMAX),
    "eq_6": Check(eq_6, SOFTMAX),
    "eq_7": Check(eq_7, SOFTMAX),
    "eq_8": Check(eq_8, SOFTMAX),
    "eq_9": Check(eq_9, SOFTMAX),
    "eq_10": Check(eq_10, SOFTMAX),
    "eq_11": Check(eq_11, SOFTMAX),
    "eq_12": Check(eq_12, SOFTMAX),
    "eq_12_several_ones": Check(eq_12_several_ones, SOFTMAX),
    "eq_13": Check(eq_13, SOFTMAX),
    "eq_14": Check(eq_14),
    "eq_15": Check(eq_15),
    "eq_16": Check(eq_16, SOFTMAX),
    "eq_17": Check(eq_17),
    "eq_18": Check(eq_18, SOFTMAX),
    "eq_19": Check(eq_19, SOFTMAX),
    "eq_19_elsewhere": Check(eq_19, ONE_NEURON_EACH),
    "eq_19_corrected": Check(functools.partial(eq_19, paths=all_paths)),
    "eq_20": Check(eq_20),
    "eq_21": Check(eq_21),
    "eq_22": Check(eq_22, SOFTMAX),
    "eq_23": Check(eq_23, SOFTMAX),
    "one_weight_one_neuron": Check(one_weight_one_neuron, layers=3),
    "eq_24": Check(eq_24, layers=3),
    "eq_25": Check(eq_25, SOFTMAX, layers=3),
    "eq_25_elsewhere": Check(eq_25, ONE_NEURON_EACH, layers=3),
    "eq_25_corrected": Check(functools.partial(eq_25, paths=all_paths), layers=3),
    "eq_26": Check(eq_26, ONE_NEURON_EACH, layers=3),
    "eq_26_corrected": Check(eq_26_corrected, layers=3),
    "eq_27": Check(eq_27, ONE_NEURON_EACH, layers=3),
    "eq_27_corrected": Check(eq_27_corrected, ONE_NEURON_EACH, layers=3),
    "eq_28": Check(eq_28, ONE_NEURON_EACH, layers=3),
    "eq_28_inner_sum": Check(eq_28_inner_sum, layers=3),
    "eq_28_corrected": Check(eq_28_corrected, ONE_NEURON_EACH, layers=3),
    "eq_29": Check(eq_29, SOFTMAX, layers=3),
    "eq_29_elsewhere": Check(eq_29, ONE_NEURON_EACH, layers=3),
    "eq_29_to_the_letter": Check(eq_29_to_the_letter, ONE_NEURON_EACH, layers=3),
    "eq_29_corrected": Check(functools.partial(eq_29, paths=all_paths), layers=3),
    "eq_30_one_j": Check(eq_30_one_j, ONE_NEURON_EACH, layers=3, shapes=True),
    "eq_30_elsewhere": Check(eq_30, ONE_NEURON_EACH, layers=3),
    "eq_30_corrected": Check(functools.partial(eq_30, paths=all_paths), layers=3),
    "eq_31": Check(eq_31, shapes=True),
    "eq_31_corrected": Check(eq_31_corrected),
    "eq_32": Check(eq_32),
    "weights_shape": Check(weights_shape),
    "weights_per_neuron": Check(weights_per_neuron),
    "eq_33": Check(eq_33, SOFTMAX),
    "eq_34": Check(eq_34, SOFTMAX, shapes=True),
    "eq_34_corrected": Check(eq_34_corrected, SOFTMAX),
    "eq_35": Check(eq_35, SOFTMAX, shapes=True),
    "eq_35_corrected": Check(eq_35_corrected, SOFTMAX),
    "eq_36": Check(eq_36, SOFTMAX, shapes=True),
    "eq_36_corrected": Check(eq_36_corrected, SOFTMAX),
    "eq_38": Check(eq_38, shapes=True),
    "eq_38_corrected": Check(eq_38_corrected),
    "eq_39": Check(eq_39),
    "eq_40": Check(eq_40),
    "eq_40_elementwise": Check(eq_40_elementwise, shapes=True),
    "eq_40_corrected": Check(eq_40_corrected),
    "eq_41": Check(eq_41),
}


def _check_all(
    checks: dict[str, Check], networks: Sequence[Network], equal: Sequence[Network]
) -> dict[str, float | bool]:
    """Evaluate every formula; see `Check.shapes` for what is measured."""
    measured: dict[str, float | bool] = {}
    for name, check in checks.items():
        concerned = [net for net in networks if check.concerns(net)]
        if check.shapes:
            alike = [net for net in equal if check.concerns(net)]
            measured[f"{name}_fits"] = math.isfinite(gap_of(check.formula, concerned))
            measured[f"{name}_gap"] = gap_of(check.formula, alike)
        else:
            measured[f"{name}_gap"] = gap_of(check.formula, concerned)
    return measured


def _measure_equations(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        networks, equal = draw_networks(config, rng), draw_equal_networks(config, rng)
        deepest = networks[-len(OUTPUTS)]  # five layers, softmax
        example = draw_network(rng, (5, 6, 4), "softmax")
        yield {
            **_check_all(PAPER, networks, equal),
            "nested_sums": count_sums(deepest),
            "label_sum_gap": gap(
                [(net.y.sum(), 1.0) for net in networks if net.output == "softmax"]
            ),
            "dependent_outputs": float(np.mean(deepest.d("A5", "z4") != 0)),
            "dependent_neurons": float(np.mean(deepest.d("A4", "W3") != 0)),
            "example_jacobian": _short(example.d("A2", "z2")),
            "example_own_path": _short(own_path(example)),
            "example_all_paths": _short(all_paths(example)),
            "example_label": int(example.y.argmax()),
            **_squared_error_instead(networks),
            **_activation_statements(rng),
            **_one_hidden_layer(rng),
        }


def _short(values: np.ndarray) -> list:
    """Four significant digits, for the figures."""
    return np.vectorize(lambda value: float(f"{value:.4g}"))(values).tolist()


def _squared_error_instead(networks: Sequence[Network]) -> dict[str, float]:
    """How far the squared error's dL/dz is from the best multiple of A - Y, through both outputs.

    The distance is relative to its length: 0 where one is a multiple of the other.
    """
    return {
        "squared_error_through_softmax": max(
            _off_multiple(net, ops.softmax) for net in networks if net.output == "softmax"
        ),
        "squared_error_through_identity": max(
            _off_multiple(net, lambda z: z) for net in networks if net.output == "linear"
        ),
    }


def _off_multiple(net: Network, output: Callable[[Any], Any]) -> float:
    z = net.z[net.last]
    squared = slope(lambda z: paper_library.squared_error(net.y, output(z)), z)
    error = np.asarray(output(ops.convert_to_tensor(z))) - net.y
    rest = squared - (squared @ error) / (error @ error) * error
    return float(f"{np.linalg.norm(rest) / np.linalg.norm(squared):.4g}")


def _activation_statements(rng: np.random.Generator) -> dict[str, float]:
    """Without a non-linearity the layers are one affine map; with one they are not."""
    sizes = (5, 6, 4, 3)
    x, other = rng.normal(size=(2, 1, sizes[0]))
    bent, straight = (paper_library.build_network(sizes, hidden=g) for g in ("sigmoid", "linear"))
    weights = paper_library.initial_weights(straight, rng)
    for network in (bent, straight):
        network.set_weights(weights)
    product, shift = np.eye(sizes[0]), np.zeros(sizes[0])
    for kernel, bias in zip(weights[0::2], weights[1::2], strict=True):
        product, shift = product @ kernel, shift @ kernel + bias
    autoencoder = paper_library.build_network((20, 8, 3, 8, 20), output="sigmoid")
    autoencoder.set_weights(paper_library.initial_weights(autoencoder, rng))
    images = rng.uniform(size=(2, 1, 20))
    points = rng.normal(scale=5.0, size=20)
    return {
        "collapse_gap": gap([(x @ product + shift, np.asarray(straight(x)))]),
        "bend_with_sigmoid": _bend(bent, x, other),
        "bend_of_autoencoder": _bend(autoencoder, *images),
        "sigmoid_slope_gap": gap(
            [
                (
                    scipy.special.expit(points) * (1 - scipy.special.expit(points)),
                    slope(lambda z: ops.sum(ops.sigmoid(z)), points),
                )
            ]
        ),
    }


def _bend(network: keras.Model, one: np.ndarray, other: np.ndarray) -> float:
    """How far the middle's output is from the middle of the outputs: 0 for an affine map."""
    ends = (np.asarray(network(one)) + np.asarray(network(other))) / 2
    return gap([(ends, np.asarray(network((one + other) / 2)))])


def _one_hidden_layer(rng: np.random.Generator) -> dict[str, float]:
    """Build 1-hidden-layer networks that tell random convex regions; count their mistakes."""
    wrong = [_mistakes(rng, dimensions) for dimensions in (2, 3)]
    return {"convex_mistakes": float(max(wrong))}


def _mistakes(rng: np.random.Generator, dimensions: int, steepness: float = 1e6) -> float:
    """Share of 1,000 points on the wrong side: a hidden neuron per face, the output is AND."""
    corners = rng.normal(size=(12, dimensions))
    faces = scipy.spatial.ConvexHull(corners).equations  # normal . x + offset <= 0 inside
    network = paper_library.build_network((dimensions, len(faces), 1), output="sigmoid")
    network.set_weights(
        [
            -steepness * faces[:, :-1].T,
            -steepness * faces[:, -1],
            np.full((len(faces), 1), steepness),
            np.array([-steepness * (len(faces) - 0.5)]),
        ]
    )
    points = rng.uniform(corners.min(axis=0), corners.max(axis=0), size=(1000, dimensions))
    inside = scipy.spatial.Delaunay(corners).find_simplex(points) >= 0
    return float(np.mean((np.asarray(network(points))[:, 0] > 0.5) != inside))


# --- Section 4.2: the algorithms ----------------------------------------------------------------

REPAIRS = (
    "as printed",
    "the output bias takes dL/dz (and in algorithm 2 the output weights their product)",
    "the loop starts from dL/dz of the layer above, not from the value it is about to compute",
    "its derivatives are of the layer above: dz^{[k+1]}/dA^{[k]} and dA^{[k]}/dz^{[k]}",
    "its two products change places: a matrix product with dL/dz, element by element with dA/dz",
)


def algorithm(number: int, net: Network, repairs: int) -> dict[str, np.ndarray]:
    """Run algorithm 1 or 2 line by line, with the first `repairs` of `REPAIRS` made.

    Returns:
        The derivatives by W1, b1, ..., as many as it gave.

    Raises:
        KeyError: a line reads a value that nothing has set.
        ValueError: shapes do not fit.
    """
    last, A = net.last, net.A
    dz: dict[int, np.ndarray] = {}
    found: dict[str, np.ndarray] = {}
    dz[last] = A[last] - net.y if number == 1 else all_paths(net)
    if repairs >= 1:
        found[f"b{last}"] = dz[last]
        found[f"W{last}"] = np.outer(dz[last], A[last - 1])
    elif number == 1:
        found[f"b{last}"] = found[f"b{last}"]
        found[f"W{last}"] = np.outer(dz[last], A[last - 1])
    else:
        found[f"b{last}"] = np.outer(dz[last], A[last - 1])
    for k in range(last - 1, 0, -1):
        known = dz[k + 1] if repairs >= 2 else dz[k]
        upper = k + 1 if repairs >= 3 else k
        z_by_A = net.d(f"z{upper}", f"A{upper - 1}")
        A_by_z = np.diag(net.d(f"A{upper - 1}", f"z{upper - 1}"))
        dz[k] = (z_by_A.T @ known) * A_by_z if repairs >= 4 else known * (z_by_A @ A_by_z)
        found[f"b{k}"] = dz[k]
        found[f"W{k}"] = np.outer(dz[k], A[k - 1])
    return found


def algorithm_gap(number: int, networks: Sequence[Network], repairs: int) -> float:
    """Largest difference of any derivative from the stock networks'; infinite if it stops."""

    def formula(net: Network) -> Pairs:
        found = algorithm(number, net, repairs)
        return [(found[name], exact) for name, exact in net.stock_derivatives.items()]

    return gap_of(formula, networks)


def repairs_needed(gaps: Sequence[float]) -> int:
    """How many of `REPAIRS` it takes until the algorithm gives every derivative."""
    works = [each <= AGREES for each in gaps]
    return works.index(True) if any(works) else len(REPAIRS)


def algorithm_1_from_zeros(net: Network) -> Pairs:
    """Algorithm 1 as printed in a language that fills new variables with 0.

    For the input, which has no z, dA/dz is taken as 1.
    """
    dz = {k: np.zeros(net.sizes[k]) for k in range(1, net.last)}
    for k in range(net.last - 1, 0, -1):
        slopes = net.slopes(k - 1) if k > 1 else np.ones(net.sizes[0])
        dz[k] = dz[k] * (net.d(f"z{k}", f"A{k - 1}") @ slopes)
    exact = net.stock_derivatives
    return [(np.outer(dz[k], net.A[k - 1]), exact[f"W{k}"]) for k in dz]


def output_bias_shape(net: Network) -> Pairs:
    """Algorithm 2's derivative by the output bias, as printed."""
    return [(np.outer(all_paths(net), net.A[net.last - 1]), net.d("L", f"b{net.last}"))]


def named_equations(net: Network) -> dict[str, np.ndarray]:
    """Every derivative from (32), (33), (38) and (39) alone, (32) read for any layer.

    They start from (13) and give the biases by (17).
    """
    last, A = net.last, net.A
    dz = {last: A[last] - net.y}
    for k in range(last, 1, -1):
        dz[k - 1] = (net.W[k].T * net.slopes(k - 1)[:, None]) @ dz[k]
    found = {f"W{k}": dz[k][:, None] @ A[k - 1][None, :] for k in dz}
    return found | {f"b{k}": dz[k] for k in dz}


# Algorithm 3, on a small problem: 4-5-3, six samples, two epochs.
TINY = (4, 5, 3)
SAMPLES, EPOCHS, RATE = 6, 2, 0.1
OPTIMIZERS = ("gd", "momentum", "adam")


def derivatives_by_hand(
    weights: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray
) -> list[np.ndarray]:
    """Algorithm 1 as meant, on a sigmoid and softmax network; in Keras's order and shapes.

    Args:
        weights: kernel (inputs, outputs), bias, kernel, ...
        x: one sample, shape (inputs,).
        y: its one-hot label.
    """
    activations = [x]
    kernels, biases = weights[0::2], weights[1::2]
    for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
        activations.append(sigmoid(activations[-1] @ kernel + bias))
    dz = softmax(activations[-1] @ kernels[-1] + biases[-1]) - y
    found: list[np.ndarray] = []
    for k in range(len(kernels) - 1, -1, -1):
        A = activations[k]
        found = [np.outer(A, dz), dz, *found]
        dz = (kernels[k] @ dz) * A * (1 - A)
    return found


def _measure_algorithms(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    model = paper_library.build_network(TINY)
    trainers = {
        name: training.Trainer(
            model,
            paper_library.build_optimizer(name, RATE, SAMPLES),
            paper_library.cross_entropy,
            epochs=EPOCHS,
            batch_size=1,
        )
        for name in OPTIMIZERS
    }
    for seed in seeds:
        rng = np.random.default_rng(seed)
        networks = draw_networks(config, rng)
        classifiers = [net for net in networks if net.output == "softmax"]
        autoencoders = [net for net in networks if net.output == "sigmoid"]
        yield {
            **_run_algorithm(1, classifiers),
            **_run_algorithm(2, networks),
            "algorithm_1_on_autoencoders_gap": algorithm_gap(1, autoencoders, len(REPAIRS) - 1),
            "algorithm_1_from_zeros_gap": gap_of(algorithm_1_from_zeros, classifiers),
            "output_bias_fits": math.isfinite(gap_of(output_bias_shape, networks)),
            "named_equations_gap": gap_of(_hold_named_equations, classifiers),
            **_train_by_hand(trainers, rng),
        }


def _run_algorithm(number: int, networks: Sequence[Network]) -> dict[str, Any]:
    """How far its derivatives are off as printed, and after each repair."""
    gaps = [algorithm_gap(number, networks, repairs) for repairs in range(len(REPAIRS))]
    return {
        f"algorithm_{number}_gaps": gaps,
        f"algorithm_{number}_runs": math.isfinite(gaps[0]),
        f"algorithm_{number}_repairs": repairs_needed(gaps),
        f"algorithm_{number}_gap": gaps[-1],
    }


def _hold_named_equations(net: Network) -> Pairs:
    found = named_equations(net)
    return [(found[name], exact) for name, exact in net.stock_derivatives.items()]


def _train_by_hand(
    trainers: dict[str, training.Trainer], rng: np.random.Generator
) -> dict[str, float]:
    """Algorithm 3 with each optimizer and a constant rate, against the suite's compiled loop."""
    model = trainers["gd"].model
    start = paper_library.initial_weights(model, rng)
    x = rng.normal(size=(SAMPLES, TINY[0]))
    y = np.eye(TINY[-1])[rng.integers(TINY[-1], size=SAMPLES)]
    measured = {}
    for name, trainer in trainers.items():
        trainer.train(x, y, weights=start, seed=0)
        exact = model.get_weights()
        variables = [keras.Variable(weight) for weight in start]
        optimizer = paper_library.build_optimizer(name, RATE, SAMPLES)
        for _ in range(EPOCHS):
            for sample, label in zip(x, y, strict=True):
                weights = [np.asarray(variable) for variable in variables]
                steps = derivatives_by_hand(weights, sample, label)
                optimizer.apply([ops.convert_to_tensor(step) for step in steps], variables)
        found = [np.asarray(variable) for variable in variables]
        measured[f"algorithm_3_{name}_gap"] = gap(list(zip(found, exact, strict=True)))
    return measured


# --- What a network learns with them ------------------------------------------------------------


def loss_of_own_path(y: Any, z: Any) -> Any:
    """A loss whose derivative by z_n is what (19) multiplies there: -y_n (1 - A_n).

    It is the cross-entropy in which each share depends on its own z alone.
    """
    powers = ops.exp(z - ops.stop_gradient(ops.max(z)))
    others = ops.stop_gradient(ops.sum(powers, axis=-1, keepdims=True) - powers)
    return -ops.mean(ops.sum(y * ops.log(powers / (powers + others)), axis=-1))


def _measure_training(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Iris by 4-10-3: algorithm 1 as meant, with (19)'s output factor, and run from zeros.

    From zeros only the output weights ever change (see `algorithm_1_from_zeros`).
    """
    iris = data.iris()
    sizes, rate, epochs, trained = (4, 10, 3), 0.01, 100, 120
    whole, frozen = paper_library.build_network(sizes), paper_library.build_network(sizes)
    frozen.layers[0].trainable = False
    frozen.layers[-1].bias.trainable = False
    losses = {
        "meant": (whole, paper_library.cross_entropy),
        "own_path": (whole, loss_of_own_path),
        "from_zeros": (frozen, paper_library.cross_entropy),
    }
    trainers = {
        name: training.Trainer(model, keras.optimizers.SGD(rate), loss, epochs=epochs, batch_size=1)
        for name, (model, loss) in losses.items()
    }
    for seed in seeds:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(iris.labels))
        x, labels = iris.features[order], iris.labels[order]
        start = paper_library.initial_weights(whole, rng)
        measured: dict[str, float] = {}
        for name, trainer in trainers.items():
            trainer.model.set_weights(start)
            trainer.train(
                x[:trained],
                np.eye(3)[labels[:trained]],
                weights=[np.asarray(variable) for variable in trainer.model.trainable_variables],
                seed=seed,
            )
            shares = scipy.special.softmax(trainer.predict(x), axis=1)
            hits = shares.argmax(axis=1) == labels
            own = shares[np.arange(len(labels)), labels]
            measured |= {
                f"{name}_training_loss": _rounded(-np.log(own[:trained]).mean()),
                f"{name}_test_loss": _rounded(-np.log(own[trained:]).mean()),
                f"{name}_test_accuracy": _rounded(hits[trained:].mean()),
            }
        yield measured


# --- Thesis, appendix A -------------------------------------------------------------------------
#
# Its w_jk^l leads from neuron k of layer l-1 to neuron j of layer l, so `W[l][j, k]` is w_jk^l. Its
# layer 1 is the input: its layers 2 to L are our 1 to l, and its sigma is a sigmoid everywhere.


def a_1(net: Network) -> Pairs:
    """z_j = sum_k w_jk a_j + b_j: with a_j where it must be a_k."""
    return [
        (
            [
                sum(net.W[k][j, m] * net.A[k - 1][j] for m in range(net.sizes[k - 1])) + net.b[k][j]
                for j in range(net.sizes[k])
            ],
            net.z[k],
        )
        for k in net.W
    ]


def a_1_corrected(net: Network) -> Pairs:
    """z_j = sum_k w_jk a_k + b_j."""
    return [
        (
            [
                sum(net.W[k][j, m] * net.A[k - 1][m] for m in range(net.sizes[k - 1])) + net.b[k][j]
                for j in range(net.sizes[k])
            ],
            net.z[k],
        )
        for k in net.W
    ]


def _stock_layers(net: Network) -> dict[int, np.ndarray]:
    """Each layer's output of the stock Keras network, whose z cannot be had."""
    outputs, a = {}, net.x[None]
    for k, layer in enumerate(net.stock.layers, start=1):
        a = layer(a)
        outputs[k] = np.asarray(a)[0]
    return outputs


def a_2(net: Network) -> Pairs:
    """a_j = sigma(z_j), against the stock network."""
    exact = _stock_layers(net)
    return [([sigmoid(z) for z in net.z[k]], exact[k]) for k in net.W]


def a_3(net: Network) -> Pairs:
    """z = w a + b; sigma of it is held against the stock network."""
    exact = _stock_layers(net)
    return [(scipy.special.expit(net.W[k] @ net.A[k - 1] + net.b[k]), exact[k]) for k in net.W]


def a_4(net: Network) -> Pairs:
    """a = sigma(z), element by element."""
    exact = _stock_layers(net)
    return [(sigmoid(net.z[k]), exact[k]) for k in net.W]


def mean_over_outputs(net: Network) -> Pairs:
    """C as the mean over the outputs of half their squared errors, against C = 1/2 sum_j."""
    parts = (net.y - net.A[net.last]) ** 2 / 2
    return [(parts.mean(), float(half_squared_error(net.y, net.A[net.last])))]


def cost_gradient(net: Network) -> Pairs:
    """The derivative of 1/2 sum_j (y_j - a_j)^2 by a is a - y."""
    return [(net.A[net.last] - net.y, net.d("L", f"A{net.last}"))]


def a_6(net: Network) -> Pairs:
    """delta_j^L is the sum over all k of dC/da_k da_k/dz_j."""
    last = net.last
    by_z = net.d(f"A{last}", f"z{last}")
    printed = [
        sum(net.d("L", f"A{last}")[k] * by_z[k, j] for k in range(net.sizes[last]))
        for j in range(net.sizes[last])
    ]
    return [(printed, net.d("L", f"z{last}"))]


def a_7(net: Network) -> Pairs:
    """Only k = j is left of (A.6)."""
    last = net.last
    sigma = sigmoid(net.z[last])
    printed = [
        net.d("L", f"A{last}")[j] * sigma[j] * (1 - sigma[j]) for j in range(net.sizes[last])
    ]
    return [(printed, net.d("L", f"z{last}"))]


def a_8(net: Network) -> Pairs:
    """The same as vectors."""
    sigma = sigmoid(net.z[net.last])
    error = hadamard(net.d("L", f"A{net.last}"), sigma * (1 - sigma))
    return [(error, net.d("L", f"z{net.last}"))]


def a_9(net: Network) -> Pairs:
    """delta_j^l is the sum over k of dz_k^{l+1}/dz_j^l delta_k^{l+1}."""
    return [
        (net.d("L", f"z{k + 1}") @ net.d(f"z{k + 1}", f"z{k}"), net.d("L", f"z{k}"))
        for k in range(1, net.last)
    ]


def a_10(net: Network) -> Pairs:
    """z_k^{l+1} = sum_j w_kj sigma(z_j^l) + b_k."""
    return [
        (net.W[k + 1] @ sigmoid(net.z[k]) + net.b[k + 1], net.z[k + 1]) for k in range(1, net.last)
    ]


def a_11(net: Network) -> Pairs:
    """dz_k^{l+1}/dz_j^l = w_kj sigma'(z_j)."""
    return [
        (net.W[k + 1] * _sigmoid_slope(net.z[k]), net.d(f"z{k + 1}", f"z{k}"))
        for k in range(1, net.last)
    ]


def _sigmoid_slope(z: np.ndarray) -> np.ndarray:
    return sigmoid(z) * (1 - sigmoid(z))


def a_12(net: Network) -> Pairs:
    """delta_j^l = sum_k w_kj delta_k^{l+1} sigma'(z_j)."""
    return [
        (
            [
                sum(
                    net.W[k + 1][m, j] * net.d("L", f"z{k + 1}")[m] * _sigmoid_slope(net.z[k][j])
                    for m in range(net.sizes[k + 1])
                )
                for j in range(net.sizes[k])
            ],
            net.d("L", f"z{k}"),
        )
        for k in range(1, net.last)
    ]


def a_13(net: Network) -> Pairs:
    """delta^l = (w^T delta^{l+1}) times sigma'(z), element by element."""
    return [
        (
            hadamard(net.W[k + 1].T @ net.d("L", f"z{k + 1}"), _sigmoid_slope(net.z[k])),
            net.d("L", f"z{k}"),
        )
        for k in range(1, net.last)
    ]


def a_14(net: Network) -> Pairs:
    """dC/db_j = dC/dz_j dz_j/db_j."""
    return [
        (net.d("L", f"z{k}") * np.diag(net.d(f"z{k}", f"b{k}")), net.d("L", f"b{k}")) for k in net.W
    ]


def a_15(net: Network) -> Pairs:
    """Both ends of the line: dC/db_j = delta_j."""
    return [(net.d("L", f"z{k}"), net.d("L", f"b{k}")) for k in net.W]


def swapped_z(net: Network) -> Pairs:
    """What (A.15) and (A.17) differentiate, sum_k w_kj a_k + b_j: is it z_j?"""
    return [
        (
            [
                sum(net.W[k][m, j] * net.A[k - 1][m] for m in range(net.sizes[k - 1])) + net.b[k][j]
                for j in range(net.sizes[k])
            ],
            net.z[k],
        )
        for k in net.W
    ]


def a_17(net: Network) -> Pairs:
    """Both ends of the line: dC/dw_jk = a_k delta_j."""
    return [
        (
            [[a_k * delta_j for a_k in net.A[k - 1]] for delta_j in net.d("L", f"z{k}")],
            net.d("L", f"W{k}"),
        )
        for k in net.W
    ]


def a_17_middle(net: Network) -> Pairs:
    """Its middle: sum_m w_mj a_m contains w_jk only where m = j and j = k; there it leaves a_j."""
    pairs = []
    for k in net.W:
        exact = net.d("L", f"W{k}")
        printed = np.zeros_like(exact)
        for j in range(net.sizes[k]):
            printed[j, j] = net.d("L", f"z{k}")[j] * net.A[k - 1][j]
        pairs.append((printed, exact))
    return pairs


def a_18(net: Network) -> Pairs:
    """dC/dw = a delta, two columns multiplied as matrices."""
    return [
        (net.A[k - 1][:, None] @ net.d("L", f"z{k}")[:, None], net.d("L", f"W{k}")) for k in net.W
    ]


def a_18_corrected(net: Network) -> Pairs:
    """dC/dw = delta a^T, as (A.19) has it."""
    return [
        (net.d("L", f"z{k}")[:, None] @ net.A[k - 1][:, None].T, net.d("L", f"W{k}")) for k in net.W
    ]


def four_equations(net: Network) -> Pairs:
    """The five steps with (A.8), (A.13), (A.16) and (A.18) as meant, against the stock network."""
    a, z = {0: net.x}, {}
    for k in net.W:
        z[k] = net.W[k] @ a[k - 1] + net.b[k]
        a[k] = sigmoid(z[k])
    delta = {net.last: (a[net.last] - net.y) * _sigmoid_slope(z[net.last])}
    for k in range(net.last - 1, 0, -1):
        delta[k] = (net.W[k + 1].T @ delta[k + 1]) * _sigmoid_slope(z[k])
    exact = net.stock_derivatives
    pairs = [(np.outer(delta[k], a[k - 1]), exact[f"W{k}"]) for k in net.W]
    return pairs + [(delta[k], exact[f"b{k}"]) for k in net.W]


THESIS = {
    "a_1": Check(a_1, shapes=True),
    "a_1_corrected": Check(a_1_corrected),
    "a_2": Check(a_2),
    "a_3": Check(a_3),
    "a_4": Check(a_4),
    "mean_over_outputs": Check(mean_over_outputs),
    "cost_gradient": Check(cost_gradient),
    "a_6": Check(a_6),
    "a_6_vanishing": Check(eq_2_at_the_output),
    "a_7": Check(a_7),
    "a_8": Check(a_8),
    "a_9": Check(a_9),
    "a_10": Check(a_10),
    "a_11": Check(a_11),
    "a_12": Check(a_12),
    "a_13": Check(a_13),
    "a_14": Check(a_14),
    "a_15": Check(a_15),
    "a_17": Check(a_17),
    "swapped_z": Check(swapped_z, shapes=True),
    "a_17_middle": Check(a_17_middle, shapes=True),
    "a_18": Check(a_18, shapes=True),
    "a_18_corrected": Check(a_18_corrected),
    "four_equations": Check(four_equations),
}


def _measure_thesis(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        networks = [
            draw_network(
                rng,
                rng.permutation(config.widths)[: depth + 1].tolist(),
                "sigmoid",
                half_squared_error,
            )
            for depth in config.depths
        ]
        equal = [draw_network(rng, [config.equal_width] * 5, "sigmoid", half_squared_error)]
        classifier = draw_network(rng, (4, 5, 3), "softmax")
        yield {
            **_check_all(THESIS, networks, equal),
            "a_6_vanishing_softmax_gap": gap(eq_2_at_the_output(classifier)),
            "mean_over_examples_gap": _mean_over_examples(networks[0], rng),
            **_updates(networks[0], rng),
        }


def _mean_over_examples(net: Network, rng: np.random.Generator) -> float:
    """The derivatives of the examples' mean cost, against the mean of their derivatives."""
    x, y = rng.normal(size=(6, net.sizes[0])), rng.uniform(size=(6, net.sizes[-1]))

    def mean_cost(y: Any, a: Any) -> Any:
        return ops.mean(ops.sum(ops.square(y - a), axis=1) / 2)

    each = [training.gradients(net.stock, net.loss, x[[i]], y[[i]]) for i in range(len(x))]
    means = [np.mean(parts, axis=0) for parts in zip(*each, strict=True)]
    return gap(list(zip(means, training.gradients(net.stock, mean_cost, x, y), strict=True)))


def _updates(net: Network, rng: np.random.Generator) -> dict[str, float]:
    """(A.19) and (A.20) after each of several examples, against stock Keras SGD."""
    rate, stock = 0.5, net.stock
    examples = rng.normal(size=(6, net.sizes[0])), rng.uniform(size=(6, net.sizes[-1]))
    optimizer = keras.optimizers.SGD(rate)
    w, b = dict(net.W), dict(net.b)
    for x, y in zip(*examples, strict=True):
        a = {0: x}
        for k, matrix in w.items():
            a[k] = sigmoid(matrix @ a[k - 1] + b[k])
        delta = (a[net.last] - y) * a[net.last] * (1 - a[net.last])
        for k in range(net.last, 0, -1):
            below = (w[k].T @ delta) * a[k - 1] * (1 - a[k - 1])
            w[k] = w[k] - rate * np.outer(delta, a[k - 1])
            b[k] = b[k] - rate * delta
            delta = below
        steps = training.gradients(stock, net.loss, x[None], y[None])
        optimizer.apply([ops.convert_to_tensor(step) for step in steps], stock.trainable_variables)
    kernels, biases = stock.get_weights()[0::2], stock.get_weights()[1::2]
    return {
        "a_19_gap": gap([(w[k], kernel.T) for k, kernel in enumerate(kernels, start=1)]),
        "a_20_gap": gap([(b[k], bias) for k, bias in enumerate(biases, start=1)]),
    }


# --- Section 8: convolution ---------------------------------------------------------------------


def convolution_as_printed(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The sum of I(m, n) K(i-m, j-n) over m and n, for each (i, j) where it is not empty."""
    rows, columns = np.add(image.shape, kernel.shape) - 1
    result = np.zeros((rows, columns))
    for i, j in np.ndindex(rows, columns):
        for m, n in np.ndindex(*image.shape):
            if 0 <= i - m < kernel.shape[0] and 0 <= j - n < kernel.shape[1]:
                result[i, j] += image[m, n] * kernel[i - m, j - n]
    return result


def slid_filter(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Slide the filter over the image, multiply element by element and add up, as told in words."""
    height, width = kernel.shape
    rows, columns = np.subtract(image.shape, kernel.shape) + 1
    return np.array(
        [
            [(image[i : i + height, j : j + width] * kernel).sum() for j in range(columns)]
            for i in range(rows)
        ]
    )


def convolutional_layer(image: np.ndarray, kernel: np.ndarray) -> keras.Model:
    """One Keras convolution layer with one filter; call it with the image as (1, h, w, 1)."""
    model = keras.Sequential(
        [
            keras.Input((*image.shape, 1)),
            keras.layers.Conv2D(1, kernel.shape, use_bias=False),
        ]
    )
    model.set_weights([kernel[:, :, None, None]])
    return model


def _measure_convolution(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    height, width, kernel_shape = 6, 7, (2, 3)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        image, kernel = rng.normal(size=(height, width)), rng.normal(size=kernel_shape)
        layer = convolutional_layer(image, kernel)
        S = np.asarray(layer(image[None, :, :, None]))[0, :, :, 0]
        inside = tuple(slice(size - 1, 1 - size) for size in kernel.shape)
        printed = convolution_as_printed(image, kernel)
        slid = slid_filter(image, kernel)
        correlated = scipy.signal.correlate2d(image, kernel, mode="valid")
        yield {
            "formula_gap": gap([(printed, scipy.signal.convolve2d(image, kernel))]),
            "layer_is_formula_gap": gap([(printed[inside], S)]),
            "layer_is_correlation_gap": gap([(correlated, S)]),
            "sliding_is_formula_gap": gap([(slid, printed[inside])]),
            "sliding_flipped_is_formula_gap": gap(
                [(slid_filter(image, kernel[::-1, ::-1]), printed[inside])]
            ),
            "sliding_is_layer_gap": gap([(slid, S)]),
            **_convolution_gradient(layer, image, kernel, rng),
            **_example_image(),
        }


def _convolution_gradient(
    layer: keras.Model, image: np.ndarray, kernel: np.ndarray, rng: np.random.Generator
) -> dict[str, float]:
    """The chain rule of section 8 and the convolutions it comes to, against autodiff.

    The loss is the squared distance of S from a random target.
    """
    inputs = image[None, :, :, None]
    S = np.asarray(layer(inputs))
    target = rng.normal(size=S.shape)
    (exact,) = training.gradients(layer, paper_library.squared_error, inputs, target)
    loss_by_S = slope(lambda S: paper_library.squared_error(target, S), S)[0, :, :, 0]
    summed = np.zeros(kernel.shape)
    for m, n in np.ndindex(*loss_by_S.shape):
        only = np.zeros(S.shape)
        only[0, m, n, 0] = 1.0
        (S_by_W,) = training.gradients(layer, lambda only, S: ops.sum(only * S), inputs, only)
        summed += loss_by_S[m, n] * S_by_W[:, :, 0, 0]
    by_image = slope(lambda image: paper_library.squared_error(target, layer(image)), inputs)
    return {
        "weight_gradient_gap": gap([(summed, exact[:, :, 0, 0])]),
        "weight_gradient_by_sliding_gap": gap(
            [(scipy.signal.correlate2d(image, loss_by_S, mode="valid"), exact[:, :, 0, 0])]
        ),
        "error_by_convolution_gap": gap(
            [(scipy.signal.convolve2d(loss_by_S, kernel), by_image[0, :, :, 0])]
        ),
    }


def _example_image() -> dict[str, list]:
    """A letter F and an upper left corner as the filter: what each operation answers to."""
    image = np.zeros((9, 9))
    image[1:8, 2], image[1, 2:7], image[4, 2:6] = 1.0, 1.0, 1.0
    kernel = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [1.0, -1.0, -1.0]])
    layer = convolutional_layer(image, kernel)
    return {
        "example_image": image.tolist(),
        "example_filter": kernel.tolist(),
        "example_layer": np.asarray(layer(image[None, :, :, None]))[0, :, :, 0].tolist(),
        "example_formula": convolution_as_printed(image, kernel)[2:-2, 2:-2].tolist(),
    }


# --- The library's own formulas -----------------------------------------------------------------


def library_softmax(A: np.ndarray) -> np.ndarray:
    """The exponentials over the sum of all of them, whatever the shape."""
    exponentials = np.e ** (A - np.max(A))
    return exponentials / np.sum(exponentials)


def library_sigmoid(x: np.ndarray) -> np.ndarray:
    """As coded, with a power of e."""
    return 1 / (1 + np.e ** (-x))


def library_backpropagation(net: Network) -> tuple[dict[str, np.ndarray], int]:
    """The derivatives as the library's loop gets them, and how many layers it computes on the way.

    For each layer it asks for the activations below it anew, from the sample on.
    """
    computed = 0

    def feedforward(layers: int) -> np.ndarray:
        nonlocal computed
        A = net.x
        for k in range(1, layers + 1):
            z = net.W[k] @ A + net.b[k]
            A = softmax(z) if k == net.last else sigmoid(z)
            computed += 1
        return A

    dz, below = feedforward(net.last) - net.y, feedforward(net.last - 1)
    found = {f"b{net.last}": dz, f"W{net.last}": np.outer(dz, below)}
    for k in range(net.last - 1, 0, -1):
        below = feedforward(k - 1)
        z = net.W[k] @ below + net.b[k]
        computed += 1
        dz = sigmoid(z) * (1 - sigmoid(z)) * (net.W[k + 1].T @ dz)
        found |= {f"b{k}": dz, f"W{k}": np.outer(dz, below)}
    return found, computed


def early_step(net: Network, rate: float) -> list[float]:
    """What the code of 10 November 2023 subtracts, as multiples of the derivatives.

    It takes dW off the output layer as it is, and the rate times dW off the hidden one.
    """
    exact = net.stock_derivatives
    found, _ = library_backpropagation(net)
    output, hidden = found[f"W{net.last}"], rate * found[f"W{net.last - 1}"]
    return [
        _rounded(np.vdot(step, exact[name]) / np.vdot(exact[name], exact[name]))
        for step, name in ((hidden, f"W{net.last - 1}"), (output, f"W{net.last}"))
    ]


def _measure_library(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        networks = draw_networks(config, rng, SOFTMAX)
        counts = [library_backpropagation(net)[1] for net in networks]
        yield {
            "library_gradient_gap": gap_of(_hold_library, networks),
            "library_layers_computed": counts,
            "layers_of_one_pass": [net.last for net in networks],
            "early_rates": early_step(networks[0], 0.01),
            **_library_activations(rng),
            **_library_delta(rng),
            **_library_adam(rng),
        }


def _hold_library(net: Network) -> Pairs:
    found, _ = library_backpropagation(net)
    return [(found[name], exact) for name, exact in net.stock_derivatives.items()]


def _rounded(value: float) -> float:
    return float(f"{value:.7g}")


def _library_activations(rng: np.random.Generator) -> dict[str, float | bool]:
    scores = rng.normal(scale=3.0, size=(8, 10))
    far = np.concatenate([[-1000.0, -750.0, 1000.0], rng.uniform(-1000, 1000, size=100)])
    points = rng.normal(size=50)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        squashed = library_sigmoid(far)
    return {
        "softmax_one_sample_gap": gap(
            [(library_softmax(scores[0]), scipy.special.softmax(scores[0]))]
        ),
        "softmax_batch_gap": gap(
            [(library_softmax(scores), scipy.special.softmax(scores, axis=1))]
        ),
        "softmax_batch_row_sum": _rounded(library_softmax(scores).sum(axis=1).mean()),
        "sigmoid_far_gap": gap([(squashed, scipy.special.expit(far))]),
        "sigmoid_is_quiet": not caught,
        "leaky_relu_gap": gap(
            [
                (
                    [0.01 if point < 0 else 1 for point in points],
                    slope(lambda z: ops.sum(ops.maximum(0.01 * z, z)), points),
                )
            ]
        ),
    }


def _library_delta(rng: np.random.Generator) -> dict[str, float]:
    """The autoencoder's output delta as the notebook prints it, for m = 20 outputs."""
    z, y = rng.normal(size=20), rng.uniform(size=20)
    guess = scipy.special.expit(z)
    printed = 2 / len(y) * (guess - y) * guess * (1 - guess)
    coded = -2 * (y - guess) * guess * (1 - guess)
    mean = slope(lambda z: ops.mean(ops.square(y - ops.sigmoid(z))), z)
    total = slope(lambda z: paper_library.squared_error(y, ops.sigmoid(z)), z)
    return {
        "delta_of_mean_gap": gap([(printed, mean)]),
        "delta_as_coded_of_sum_gap": gap([(coded, total)]),
        "delta_as_printed_and_coded_gap": gap([(printed, coded)]),
    }


def _library_adam(rng: np.random.Generator) -> dict[str, float]:
    """Two epochs of 50 updates on the same random derivatives, with either bias correction."""
    updates = 50
    gradients = rng.normal(size=(2 * updates, 30))
    steps = {}
    for name in ("adam", "textbook_adam"):
        variable = keras.Variable(np.zeros(30))
        optimizer = paper_library.build_optimizer(name, 0.001, updates)
        for gradient in gradients:
            optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
        steps[name] = np.asarray(variable)
    return {"adam_gap": gap([(steps["adam"], steps["textbook_adam"])])}


# --- Matrices against sums: time ----------------------------------------------------------------


def by_nested_sums(net: Network) -> dict[str, np.ndarray]:
    """All dL/dW by (16), (23) and (30), number by number: every weight's sums from the output."""
    last, A = net.last, {k: values.tolist() for k, values in net.A.items()}
    W = {k: matrix.tolist() for k, matrix in net.W.items()}
    error = [a - y for a, y in zip(A[last], net.y.tolist(), strict=True)]

    def z_by_z(upper: int, n: int, k: int, i: int) -> float:
        """The derivative of z_n of layer `upper` by z_i of layer k."""
        if upper == k + 1:
            return W[upper][n][i] * A[k][i] * (1 - A[k][i])
        return sum(
            W[upper][n][m] * A[upper - 1][m] * (1 - A[upper - 1][m]) * z_by_z(upper - 1, m, k, i)
            for m in range(net.sizes[upper - 1])
        )

    found = {f"W{last}": np.array([[delta * a for a in A[last - 1]] for delta in error])}
    for k in range(1, last):
        deltas = [
            sum(error[n] * z_by_z(last, n, k, i) for n in range(net.sizes[last]))
            for i in range(net.sizes[k])
        ]
        found[f"W{k}"] = np.array([[delta * a for a in A[k - 1]] for delta in deltas])
    return found


def by_single_sums(net: Network) -> dict[str, np.ndarray]:
    """All dL/dW number by number, each layer's dL/dz from that of the layer above: (38)."""
    last, A = net.last, {k: values.tolist() for k, values in net.A.items()}
    W = {k: matrix.tolist() for k, matrix in net.W.items()}
    dz = [a - y for a, y in zip(A[last], net.y.tolist(), strict=True)]
    found = {}
    for k in range(last, 0, -1):
        found[f"W{k}"] = np.array([[delta * a for a in A[k - 1]] for delta in dz])
        if k > 1:
            dz = [
                sum(dz[n] * W[k][n][i] for n in range(len(dz))) * A[k - 1][i] * (1 - A[k - 1][i])
                for i in range(net.sizes[k - 1])
            ]
    return found


def by_matrices(net: Network) -> dict[str, np.ndarray]:
    """All dL/dW by (13), (32) and (40)."""
    A = net.A
    dz = A[net.last] - net.y
    found = {}
    for k in range(net.last, 0, -1):
        found[f"W{k}"] = np.outer(dz, A[k - 1])
        if k > 1:
            dz = (net.W[k].T @ dz) * A[k - 1] * (1 - A[k - 1])
    return found


WAYS = {"nested": by_nested_sums, "sums": by_single_sums, "matrix": by_matrices}
REPEATS = 9


def _measure_timing(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        same_width = [draw_network(rng, [6] * (depth + 1), "softmax") for depth in config.depths]
        wide = draw_network(rng, [30, 30, 30, 30], "softmax")  # assumed: wider than a toy
        measured: dict[str, Any] = collections.defaultdict(list)
        for net in same_width:
            seconds = _seconds(WAYS, net)
            for way in WAYS:
                measured[f"{way}_seconds"].append(_rounded(seconds[way]))
            measured["speedup"].append(_rounded(seconds["nested"] / seconds["matrix"]))
        of_wide = _seconds({way: WAYS[way] for way in ("sums", "matrix")}, wide)
        pairs = [
            (found[name], exact)
            for net in same_width
            for way in WAYS.values()
            for found in [way(net)]
            for name, exact in net.stock_derivatives.items()
            if name in found
        ]
        yield {
            **measured,
            "wide_sums_seconds": _rounded(of_wide["sums"]),
            "wide_matrix_seconds": _rounded(of_wide["matrix"]),
            "ways_gap": gap(pairs),
        }


def _seconds(ways: dict[str, Callable], net: Network) -> dict[str, float]:
    """Median processor seconds of each way; they take turns, so a slow moment hits them all.

    Each turn starts with a call that is not timed: the code of the other ways has driven this one's
    out of the processor's cache.
    """
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(REPEATS):
        for way, derivatives in ways.items():
            derivatives(net)
            began = time.process_time()
            derivatives(net)
            taken[way].append(time.process_time() - began)
    return {way: statistics.median(times) for way, times in taken.items()}


# --- Figures ------------------------------------------------------------------------------------

UNEVALUATED = 1e5  # where the figure puts what has no value
LEAST = 1e-17  # and what is exactly 0
LEARNT_WITH = {
    "meant": "algorithm 1, repaired",
    "own_path": "factor of (19) in every layer",
    "from_zeros": "algorithm 1 from zeros",
}


def plot(stored: dict[str, list[dict]], folder: pathlib.Path) -> dict[str, str]:
    """Draw every formula's difference, softmax's paths, what Iris learns, convolution, times."""
    captions = {}
    if stored.keys() >= {"equations", "algorithms", "thesis"}:
        captions[_plot_gaps(stored, folder)] = (
            "Every equation and algorithm, evaluated on random networks: largest difference from "
            "autodiff, relative to the largest exact value; medians over the seeds. On the right, "
            "what cannot be evaluated when the layers have different widths. Elsewhere: with "
            "sigmoid and identity outputs in place of softmax. (29) to the letter has a symbol "
            "that may be the reading machine's and not the authors'."
        )
    if "equations" in stored:
        captions[_plot_softmax(stored["equations"], folder)] = (
            "One network of seed 0. Left: how each softmax output moves with each z; (19) keeps "
            "the outlined diagonal. Right: the derivative of the loss by each output's z that "
            "follows, and the true one, which is A - Y."
        )
        captions[_plot_squared_error(stored["equations"], folder)] = (
            "The part of the squared error's derivative by z that no multiple of A - Y explains, "
            "relative to its length; the worst of a seed's networks. 0: the same but for a "
            "constant, as the text says if it means the derivative."
        )
    if "training" in stored:
        captions[_plot_learning(stored["training"], folder)] = (
            "Iris by 4-10-3, 100 epochs, from the same weights with three versions of the "
            "derivatives: a dot per seed, medians as bars."
        )
    if "convolution" in stored:
        captions[_plot_convolution(stored["convolution"], folder)] = (
            "A filter for upper left corners on a letter F. What section 8 says in words is what a "
            "Keras layer computes, and it answers to the F's own corners; the printed formula "
            "turns the filter by half a turn first. Largest answer outlined."
        )
    if "timing" in stored:
        captions[_plot_timing(stored["timing"], folder)] = (
            "All derivatives by the weights of a network with 6 neurons in every layer. Nested "
            "sums, the formula of section 3, cost more with every layer; what helps most is to "
            "reuse each layer's dL/dz, and then matrices instead of single sums."
        )
    return captions


def _plot_gaps(stored: dict[str, list[dict]], folder: pathlib.Path) -> str:
    figure, panels = plots.figure(
        1, 3, title="Printed and corrected, against autodiff", size=(11, 6)
    )
    names = [name for name in PAPER if name.startswith("eq_") and "corrected" not in name]
    middle = names.index("eq_25")
    rows = [{name: _label(name) for name in part} for part in (names[:middle], names[middle:])]
    rows.append({f"algorithm_{number}": f"algorithm {number}" for number in (1, 2)})
    rows[-1] |= {
        name: _label(name) for name in THESIS if name[:2] == "a_" and "corrected" not in name
    }
    measured = {
        name: np.median(records.stack(runs, name).astype(float), axis=0)
        for runs in (stored["equations"], stored["algorithms"], stored["thesis"])
        for name in runs[0]["measurements"]
        if name.endswith(("_gap", "_gaps", "_fits"))
    }
    for panel, labels in zip(panels, rows, strict=True):
        for height, name in enumerate(labels):
            _draw_gaps(panel, height, *_printed_and_corrected(name, measured))
        panel.axvspan(LEAST / 10, AGREES, color="#009E73", alpha=0.08, linewidth=0)
        panel.set(xscale="log", xlim=(LEAST / 10, UNEVALUATED * 30), ylim=(len(labels) - 0.3, -0.7))
        panel.set_yticks(range(len(labels)), labels.values(), fontsize=7.5)
        panel.set_xticks([1e-15, AGREES, 1e-3, UNEVALUATED], ["1e-15", "1e-9", "0.001", "none"])
        panel.minorticks_off()
        panel.set_xlabel("relative difference (shade: rounding)")
    markers = (("o", 3, "as printed"), ("s", 1, "as printed, layers of equal width"))
    for marker, colour, label in (*markers, ("^", 2, "corrected")):
        for panel in panels:
            panel.plot([], [], marker, color=plots.PALETTE[colour], label=label)
    return plots.save(figure, folder, "gaps")


def _label(name: str) -> str:
    """The number of an equation, and in words what is special: "(19), elsewhere"."""
    kind, number, *rest = name.split("_")
    words = f", {' '.join(rest)}" if rest else ""
    return f"({number}){words}" if kind == "eq" else f"(A.{number}){words}"


def _printed_and_corrected(
    name: str, measured: dict[str, Any]
) -> tuple[float, float | None, float | None]:
    """Differences as printed, on equal widths (where that is another question), and corrected."""
    if name.startswith("algorithm"):
        gaps = measured[f"{name}_gaps"]
        return gaps[0], None, gaps[-1]
    printed, corrected = measured[f"{name}_gap"], measured.get(f"{name}_corrected_gap")
    if f"{name}_fits" in measured:
        return math.inf, printed if math.isfinite(printed) else None, corrected
    return printed, None, corrected


def _draw_gaps(
    panel: mpl_axes.Axes, height: int, printed: float, equal: float | None, corrected: float | None
) -> None:
    """Mark a formula's differences in its row."""
    marks = ((corrected, "^", 2), (equal, "s", 1), (printed, "o", 3))
    for value, marker, colour in marks:
        if value is not None:
            place = np.clip(value, LEAST, UNEVALUATED)
            panel.plot(place, height, marker, color=plots.PALETTE[colour], markersize=5)


def _plot_softmax(runs: list[dict], folder: pathlib.Path) -> str:
    example = runs[0]["measurements"]
    jacobian, label = np.array(example["example_jacobian"]), example["example_label"]
    figure, (left, right) = plots.figure(
        1, 2, title="One path for each output, or all of them? (19)"
    )
    left.imshow(jacobian, cmap="PuOr_r", vmin=-0.25, vmax=0.25)
    _write_values(left, jacobian, limit=0.25, form=".3f")
    for n in range(len(jacobian)):
        left.add_patch(patches.Rectangle((n - 0.48, n - 0.48), 0.96, 0.96, fill=False, linewidth=2))
    neurons = np.arange(len(jacobian))
    left.set(title="dA_m/dz_n of softmax", xlabel="z of output n", ylabel="output m")
    left.set(xticks=neurons, yticks=neurons)
    left.grid(False)
    bars = {"example_own_path": "(19): its own A alone", "example_all_paths": "all paths: A - Y"}
    for shift, (metric, name), colour in zip((-0.2, 0.2), bars.items(), (3, 2), strict=True):
        right.bar(neurons + shift, example[metric], 0.38, label=name, color=plots.PALETTE[colour])
    right.axhline(0, color="black", linewidth=0.8)
    right.set(title="derivative of the loss by z_n", xlabel="output n", xticks=neurons)
    right.set_xticklabels([f"{n}\n(true class)" if n == label else f"{n}" for n in neurons])
    return plots.save(figure, folder, "softmax")


def _write_values(panel: mpl_axes.Axes, values: np.ndarray, limit: float, form: str) -> None:
    """Write each value of a matrix on its square, in white where the square is dark."""
    for m, n in np.ndindex(*values.shape):
        colour = "white" if abs(values[m, n]) > 0.7 * limit else "black"
        text = f"{values[m, n]:{form}}"
        panel.text(n, m, text, color=colour, ha="center", va="center", fontsize=8)


def _plot_squared_error(runs: list[dict], folder: pathlib.Path) -> str:
    figure, axes = plots.figure(title="Is the squared error's derivative a multiple of A - Y?")
    for metric, name in (
        ("squared_error_through_softmax", "through softmax"),
        ("squared_error_through_identity", "identity output"),
    ):
        values = records.stack(runs, metric)
        plots.histogram(axes, values, label=name, bins=np.linspace(0, 1, 26).tolist())
    plots.cited_line(
        axes,
        0,
        label="cited: the same result (section 3), if the derivative is meant",
        vertical=True,
    )
    axes.set(xlabel="share of it that is no multiple of A - Y", xlim=(-0.02, 1))
    return plots.save(figure, folder, "squared_error")


def _plot_learning(runs: list[dict], folder: pathlib.Path) -> str:
    figure, panels = plots.figure(1, 3, title="What a network learns with them: Iris, 4-10-3")
    metrics = {
        "training_loss": "cross-entropy, 120 training flowers",
        "test_loss": "cross-entropy, 30 unseen flowers",
        "test_accuracy": "accuracy, 30 unseen flowers",
    }
    for panel, (metric, title) in zip(panels, metrics.items(), strict=True):
        for place, name in enumerate(LEARNT_WITH):
            values = records.stack(runs, f"{name}_{metric}")
            panel.plot([place] * len(values), values, "o", color=plots.PALETTE[0], alpha=0.3)
            panel.plot([place - 0.3, place + 0.3], [np.median(values)] * 2, color=plots.PALETTE[3])
        panel.set(title=title, ylim=(0, 1.03 if metric == "test_accuracy" else None))
        panel.set_xticks(range(len(LEARNT_WITH)), LEARNT_WITH.values(), rotation=20, ha="right")
    return plots.save(figure, folder, "learning")


def _plot_convolution(runs: list[dict], folder: pathlib.Path) -> str:
    title = "Convolution and what a layer computes (section 8)"
    figure, panels = plots.figure(1, 4, title=title, size=(11, 3.4))
    titles = {
        "image": "image",
        "filter": "filter",
        "layer": "slid, as in words;\na Keras layer",
        "formula": "the printed formula",
    }
    for panel, (name, title) in zip(panels, titles.items(), strict=True):
        values = np.array(runs[0]["measurements"][f"example_{name}"])
        limit = np.abs(values).max()
        panel.imshow(values, cmap="PuOr_r", vmin=-limit, vmax=limit)
        if name in ("layer", "formula"):
            for m, n in np.argwhere(values == values.max()):
                panel.add_patch(
                    patches.Rectangle((n - 0.5, m - 0.5), 1, 1, fill=False, linewidth=2)
                )
        if name != "image":
            _write_values(panel, values, limit, form=".0f")
        panel.set(title=title, xticks=[], yticks=[])
        panel.grid(False)
    return plots.save(figure, folder, "convolution")


def _plot_timing(runs: list[dict], folder: pathlib.Path) -> str:
    figure, axes = plots.figure(title="Sums against matrices (sections 4.1 and 9)")
    labels = {
        "nested": "nested sums, (30)",
        "sums": "single sums, (38)",
        "matrix": "matrices, (40)",
    }
    depths = runs[0]["config"]["depths"]
    for way, label in labels.items():
        seconds = records.stack(runs, f"{way}_seconds")
        line = plots.curves(axes, depths, 1e6 * seconds, label=label)
        line.set_marker("o")
    axes.set(xlabel="layers with weights", ylabel="processor time in microseconds", yscale="log")
    axes.set_xticks(depths)
    return plots.save(figure, folder, "timing")


if __name__ == "__main__":
    cli.run_one(__file__)

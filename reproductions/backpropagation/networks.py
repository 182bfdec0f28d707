"""Random networks in the paper's notation, with the derivatives of everything by everything.

Not an experiment: the experiments of this folder draw their networks here. All derivatives come
from autodiff, so that a formula is held against something that knows nothing of it.

In code, `W[k][i, j]` is the paper's w_ji^{[k]}: the weight from neuron j of layer k-1 to neuron i
of layer k. `net.d("z3", "A2")` is the matrix of the derivatives of z^{[3]} by A^{[2]}, a row for
each component of z^{[3]}; L is the loss.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from common import losses, training
from common.protocols import paper

OUTPUTS = ("softmax", "sigmoid", "linear")
SOFTMAX = ("softmax",)
ONE_NEURON_EACH = ("sigmoid", "linear")  # outputs whose neuron n depends on z_n alone


@dataclasses.dataclass(frozen=True)
class Shapes:
    """Which networks an experiment draws anew for every seed."""

    # assumed: the formulas are for any network, so small ones will do
    depths: tuple[int, ...] = (2, 3, 4, 5)  # layers with weights, the paper's l
    # assumed: each at most once in a network, so that no shape fits by accident
    widths: tuple[int, ...] = (2, 3, 4, 5, 6, 7)
    # assumed: of the networks on which every shape fits
    equal_width: int = 4
    # assumed: differences of 1e-9 are told from rounding
    precision: str = "float64"


def cross_entropy(y: Any, A: Any) -> Any:
    """Equation (4), on the network's shares."""
    return -ops.sum(y * ops.log(A))


LOSSES: dict[str, training.Loss] = {
    "softmax": cross_entropy,
    "sigmoid": losses.squared_error,
    "linear": losses.squared_error,
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
    stock = paper.build_network(sizes, output=output)
    stock.set_weights(paper.initial_weights(stock, rng))
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
    shapes: Shapes, rng: np.random.Generator, outputs: Sequence[str] = OUTPUTS
) -> list[Network]:
    """One network of each depth and output, no two layers of the same width."""
    return [
        draw_network(rng, rng.permutation(shapes.widths)[: depth + 1].tolist(), output)
        for depth in shapes.depths
        for output in outputs
    ]


def draw_equal_networks(shapes: Shapes, rng: np.random.Generator) -> list[Network]:
    """Networks whose layers are all equally wide: every shape fits every other."""
    return [draw_network(rng, [shapes.equal_width] * 5, output) for output in OUTPUTS]

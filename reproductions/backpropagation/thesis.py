"""The thesis's appendix A, equations (A.1) to (A.18), held against autodiff.

Every equation stands here as printed and is evaluated on random networks whose layers all have
different widths; where the printed form fails, the corrected form stands below it.

Source: thesis, appendix A up to its algorithm.
Stated: the same sigma in every layer; the cost of an example is half the squared error.
Silent about: sigma (we take the sigmoid of its 2.6); the networks (we take 2 to 5 layers of 2 to 7
    neurons, weights and biases from N(0, 1), one random example each).

Its w_jk^l leads from neuron k of layer l-1 to neuron j of layer l, so `W[l][j, k]` is w_jk^l. Its
layer 1 is the input: its layers 2 to L are our 1 to l.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.special

from common import losses, training
from reproductions.backpropagation import formulas, networks


@dataclasses.dataclass(frozen=True)
class Config(networks.Shapes):
    """Random networks of sigmoids, with shapes as in networks.py."""

    # assumed: of the networks on which every shape fits
    equal_width: int = 4


VARIANTS = {"thesis": Config()}
SHORTENED = {"smoke": {"depths": (2, 3)}}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed."""
    training.set_precision(config.precision)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        different = [
            draw(rng, rng.permutation(config.widths)[: depth + 1].tolist())
            for depth in config.depths
        ]
        equal = [draw(rng, [config.equal_width] * 5)]
        yield formulas.measure(CHECKS, different, equal)


def draw(rng: np.random.Generator, sizes: Sequence[int]) -> networks.Network:
    """Draw a network of sigmoids with half the squared error as its cost."""
    return networks.draw_network(rng, sizes, "sigmoid", losses.half_squared_error)


# --- The equations ------------------------------------------------------------------------------


def a_1(net: networks.Network) -> formulas.Pairs:
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


def a_1_corrected(net: networks.Network) -> formulas.Pairs:
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


def stock_layers(net: networks.Network) -> dict[int, np.ndarray]:
    """Each layer's output of the stock Keras network, whose z cannot be had."""
    outputs, a = {}, net.x[None]
    for k, layer in enumerate(net.stock.layers, start=1):
        a = layer(a)
        outputs[k] = np.asarray(a)[0]
    return outputs


def a_2(net: networks.Network) -> formulas.Pairs:
    """a_j = sigma(z_j), against the stock network."""
    exact = stock_layers(net)
    return [([formulas.sigmoid(z) for z in net.z[k]], exact[k]) for k in net.W]


def a_3(net: networks.Network) -> formulas.Pairs:
    """z = w a + b; sigma of it is held against the stock network."""
    exact = stock_layers(net)
    return [(scipy.special.expit(net.W[k] @ net.A[k - 1] + net.b[k]), exact[k]) for k in net.W]


def a_4(net: networks.Network) -> formulas.Pairs:
    """a = sigma(z), element by element."""
    exact = stock_layers(net)
    return [(formulas.sigmoid(net.z[k]), exact[k]) for k in net.W]


def mean_over_outputs(net: networks.Network) -> formulas.Pairs:
    """C as the mean over the outputs of half their squared errors, against C = 1/2 sum_j."""
    parts = (net.y - net.A[net.last]) ** 2 / 2
    return [(parts.mean(), float(losses.half_squared_error(net.y, net.A[net.last])))]


def cost_gradient(net: networks.Network) -> formulas.Pairs:
    """The derivative of 1/2 sum_j (y_j - a_j)^2 by a is a - y."""
    return [(net.A[net.last] - net.y, net.d("L", f"A{net.last}"))]


def a_5(net: networks.Network) -> formulas.Pairs:
    """delta = dC/dz: autodiff's against central differences of C, in the output layer."""
    last, step = net.last, 1e-5

    def cost(z: np.ndarray) -> float:
        return float(losses.half_squared_error(net.y, formulas.sigmoid(z)))

    moves = step * np.eye(net.sizes[last])
    found = [(cost(net.z[last] + move) - cost(net.z[last] - move)) / (2 * step) for move in moves]
    return [(found, net.d("L", f"z{last}"))]


def a_6_vanishing(net: networks.Network) -> formulas.Pairs:
    """The derivative of a_k by z_j is 0 for k other than j."""
    return formulas.others_stay(net, net.last)


def a_6(net: networks.Network) -> formulas.Pairs:
    """delta_j^L is the sum over all k of dC/da_k da_k/dz_j."""
    last = net.last
    by_z = net.d(f"A{last}", f"z{last}")
    printed = [
        sum(net.d("L", f"A{last}")[k] * by_z[k, j] for k in range(net.sizes[last]))
        for j in range(net.sizes[last])
    ]
    return [(printed, net.d("L", f"z{last}"))]


def a_7(net: networks.Network) -> formulas.Pairs:
    """Only k = j is left of (A.6)."""
    last = net.last
    sigma = formulas.sigmoid(net.z[last])
    printed = [
        net.d("L", f"A{last}")[j] * sigma[j] * (1 - sigma[j]) for j in range(net.sizes[last])
    ]
    return [(printed, net.d("L", f"z{last}"))]


def a_8(net: networks.Network) -> formulas.Pairs:
    """The same as vectors."""
    sigma = formulas.sigmoid(net.z[net.last])
    error = formulas.hadamard(net.d("L", f"A{net.last}"), sigma * (1 - sigma))
    return [(error, net.d("L", f"z{net.last}"))]


def a_9(net: networks.Network) -> formulas.Pairs:
    """delta_j^l is the sum over k of dz_k^{l+1}/dz_j^l delta_k^{l+1}."""
    return [
        (net.d("L", f"z{k + 1}") @ net.d(f"z{k + 1}", f"z{k}"), net.d("L", f"z{k}"))
        for k in range(1, net.last)
    ]


def a_10(net: networks.Network) -> formulas.Pairs:
    """z_k^{l+1} = sum_j w_kj sigma(z_j^l) + b_k."""
    return [
        (net.W[k + 1] @ formulas.sigmoid(net.z[k]) + net.b[k + 1], net.z[k + 1])
        for k in range(1, net.last)
    ]


def a_11(net: networks.Network) -> formulas.Pairs:
    """dz_k^{l+1}/dz_j^l = w_kj sigma'(z_j)."""
    return [
        (net.W[k + 1] * formulas.sigmoid_slope(net.z[k]), net.d(f"z{k + 1}", f"z{k}"))
        for k in range(1, net.last)
    ]


def a_12(net: networks.Network) -> formulas.Pairs:
    """delta_j^l = sum_k w_kj delta_k^{l+1} sigma'(z_j)."""
    return [
        (
            [
                sum(
                    net.W[k + 1][m, j]
                    * net.d("L", f"z{k + 1}")[m]
                    * formulas.sigmoid_slope(net.z[k][j])
                    for m in range(net.sizes[k + 1])
                )
                for j in range(net.sizes[k])
            ],
            net.d("L", f"z{k}"),
        )
        for k in range(1, net.last)
    ]


def a_13(net: networks.Network) -> formulas.Pairs:
    """delta^l = (w^T delta^{l+1}) times sigma'(z), element by element."""
    return [
        (
            formulas.hadamard(
                net.W[k + 1].T @ net.d("L", f"z{k + 1}"), formulas.sigmoid_slope(net.z[k])
            ),
            net.d("L", f"z{k}"),
        )
        for k in range(1, net.last)
    ]


def a_14(net: networks.Network) -> formulas.Pairs:
    """dC/db_j = dC/dz_j dz_j/db_j."""
    return [
        (net.d("L", f"z{k}") * np.diag(net.d(f"z{k}", f"b{k}")), net.d("L", f"b{k}")) for k in net.W
    ]


def a_15(net: networks.Network) -> formulas.Pairs:
    """Both ends of the line, neuron by neuron: dC/db_j = delta_j."""
    return [
        ([net.d("L", f"z{k}")[j] for j in range(net.sizes[k])], net.d("L", f"b{k}")) for k in net.W
    ]


def a_16(net: networks.Network) -> formulas.Pairs:
    """The same as vectors, dC/db = delta, against the stock network's derivatives."""
    return [(net.d("L", f"z{k}"), net.stock_derivatives[f"b{k}"]) for k in net.W]


def swapped_z(net: networks.Network) -> formulas.Pairs:
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


def a_17(net: networks.Network) -> formulas.Pairs:
    """Both ends of the line: dC/dw_jk = a_k delta_j."""
    return [
        (
            [[a_k * delta_j for a_k in net.A[k - 1]] for delta_j in net.d("L", f"z{k}")],
            net.d("L", f"W{k}"),
        )
        for k in net.W
    ]


def a_18(net: networks.Network) -> formulas.Pairs:
    """dC/dw = a delta, two columns multiplied as matrices."""
    return [
        (net.A[k - 1][:, None] @ net.d("L", f"z{k}")[:, None], net.d("L", f"W{k}")) for k in net.W
    ]


def a_18_corrected(net: networks.Network) -> formulas.Pairs:
    """dC/dw = delta a^T, as (A.19) has it."""
    return [
        (net.d("L", f"z{k}")[:, None] @ net.A[k - 1][:, None].T, net.d("L", f"W{k}")) for k in net.W
    ]


def four_equations(
    W: dict[int, np.ndarray], b: dict[int, np.ndarray], x: np.ndarray, y: np.ndarray
) -> dict[str, np.ndarray]:
    """The five steps for one example, with (A.8), (A.13), (A.16) and (A.18) as (A.19) has it.

    Returns:
        The derivatives by W1, b1, W2, ...
    """
    a, last = {0: x}, len(W)
    for k, matrix in W.items():
        a[k] = formulas.sigmoid(matrix @ a[k - 1] + b[k])
    delta = {last: (a[last] - y) * a[last] * (1 - a[last])}
    for k in range(last - 1, 0, -1):
        delta[k] = (W[k + 1].T @ delta[k + 1]) * a[k] * (1 - a[k])
    found: dict[str, np.ndarray] = {}
    for k in W:
        found |= {f"W{k}": np.outer(delta[k], a[k - 1]), f"b{k}": delta[k]}
    return found


def four_equations_of(net: networks.Network) -> formulas.Pairs:
    """All derivatives by the five steps, against the stock network."""
    found = four_equations(net.W, net.b, net.x, net.y)
    return [(found[name], exact) for name, exact in net.stock_derivatives.items()]


CHECKS = {
    "a_1": formulas.Check(a_1, equal=True),
    "a_1_corrected": formulas.Check(a_1_corrected),
    "a_2": formulas.Check(a_2),
    "a_3": formulas.Check(a_3),
    "a_4": formulas.Check(a_4),
    "a_5": formulas.Check(a_5),
    "mean_over_outputs": formulas.Check(mean_over_outputs),
    "cost_gradient": formulas.Check(cost_gradient),
    "a_6": formulas.Check(a_6),
    "a_6_vanishing": formulas.Check(a_6_vanishing),
    "a_7": formulas.Check(a_7),
    "a_8": formulas.Check(a_8),
    "a_9": formulas.Check(a_9),
    "a_10": formulas.Check(a_10),
    "a_11": formulas.Check(a_11),
    "a_12": formulas.Check(a_12),
    "a_13": formulas.Check(a_13),
    "a_14": formulas.Check(a_14),
    "a_15": formulas.Check(a_15),
    "a_15_middle": formulas.Check(swapped_z, equal=True),
    "a_16": formulas.Check(a_16),
    "a_17": formulas.Check(a_17),
    "a_18": formulas.Check(a_18, equal=True),
    "a_18_corrected": formulas.Check(a_18_corrected),
    "four_equations": formulas.Check(four_equations_of),
}

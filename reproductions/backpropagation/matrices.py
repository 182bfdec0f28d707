"""The paper's matrix notation, equations (31) to (41), held against autodiff.

As in experiment.py every equation stands here as printed and is evaluated on random networks; where
the printed form fails, the corrected form stands below it and is held against the same values.

Source: paper, section 4.1, equations (31) to (41); (37) prints (30) again and is measured there.
Stated: W^{[l]} is n(l) x n(l-1); sigmoid hidden layers; softmax and cross-entropy where (34) to
    (36) have A - y.
Silent about: the networks (we take those of experiment.py); how a derivative of a vector by a
    vector is laid out (we take the layout that makes the equation right, where there is one: the
    product of (39) and (40) is NumPy's, which repeats a column).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from common import training
from reproductions.backpropagation import formulas, networks


@dataclasses.dataclass(frozen=True)
class Config(networks.Shapes):
    """Random networks for the equations, with shapes as in networks.py."""

    # assumed: of the networks on which every shape fits
    equal_width: int = 4


VARIANTS = {"matrices": Config()}
SHORTENED = {"smoke": {"depths": (2, 3)}}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed: each formula's largest difference."""
    training.set_precision(config.precision)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        different = networks.draw_networks(config, rng)
        yield formulas.measure(CHECKS, different, networks.draw_equal_networks(config, rng))


def eq_31(net: networks.Network) -> formulas.Pairs:
    """n(l) rows, n(l-1) columns; row i, column j holds the derivative by w_ji, as (16) has it.

    Printed are w_ij in row i and column j; with the document's own w_ji most of them do not exist.
    """
    last = net.last
    error = net.d("L", f"z{last}")
    rows, columns = net.sizes[last], net.sizes[last - 1]
    read = [[error[i] * net.A[last - 1][j] for j in range(columns)] for i in range(rows)]
    return [(read, net.d("L", f"W{last}"))]


def eq_32(net: networks.Network) -> formulas.Pairs:
    """A column times a row."""
    column, row = net.d("L", f"z{net.last}")[:, None], net.A[net.last - 1][None, :]
    return [(column @ row, net.d("L", f"W{net.last}"))]


def eq_33(net: networks.Network) -> formulas.Pairs:
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


def eq_34(net: networks.Network) -> formulas.Pairs:
    """The sum as w_i^{[l]} (A - y), w_i^{[l]} read as the weights out of neuron i of layer l-1."""
    last, A = net.last, net.A
    printed = [
        A[last - 1][i]
        * (1 - A[last - 1][i])
        * (net.W[last][:, i] @ (A[last] - net.y))
        * A[last - 2]
        for i in range(net.sizes[last - 1])
    ]
    return [(printed, net.d("L", f"W{last - 1}"))]


def eq_35(net: networks.Network) -> formulas.Pairs:
    """The same as matrices, W^{[l]} not transposed."""
    last, A = net.last, net.A
    error = formulas.hadamard(A[last - 1] * (1 - A[last - 1]), net.W[last] @ (A[last] - net.y))
    return [(np.outer(error, A[last - 2]), net.d("L", f"W{last - 1}"))]


def eq_35_corrected(net: networks.Network) -> formulas.Pairs:
    """With W^{[l]} transposed."""
    last, A = net.last, net.A
    error = formulas.hadamard(A[last - 1] * (1 - A[last - 1]), net.W[last].T @ (A[last] - net.y))
    return [(np.outer(error, A[last - 2]), net.d("L", f"W{last - 1}"))]


def eq_36(net: networks.Network) -> formulas.Pairs:
    """The biases, W^{[l]} not transposed."""
    last, A = net.last, net.A
    error = formulas.hadamard(A[last - 1] * (1 - A[last - 1]), net.W[last] @ (A[last] - net.y))
    return [(error, net.d("L", f"b{last - 1}"))]


def eq_36_corrected(net: networks.Network) -> formulas.Pairs:
    """With W^{[l]} transposed."""
    last, A = net.last, net.A
    error = formulas.hadamard(A[last - 1] * (1 - A[last - 1]), net.W[last].T @ (A[last] - net.y))
    return [(error, net.d("L", f"b{last - 1}"))]


def eq_38(net: networks.Network) -> formulas.Pairs:
    """The column of sums, with dA_i^{[k-1]}/dz_i^{[k-1]} in every row, as the last row has it."""
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


def eq_39(net: networks.Network) -> formulas.Pairs:
    """dz/dA laid out as in (40), a row per A_i; dA/dz a column that NumPy repeats."""
    return [
        (
            (net.d(f"z{k}", f"A{k - 1}").T * net.slopes(k - 1)[:, None]) @ net.d("L", f"z{k}"),
            net.d("L", f"z{k - 1}"),
        )
        for k in range(2, net.last + 1)
    ]


def eq_40(net: networks.Network) -> formulas.Pairs:
    """W transposed times a column that NumPy repeats, then a matrix product."""
    return [
        (
            (net.W[k].T * net.slopes(k - 1)[:, None]) @ net.d("L", f"z{k}"),
            net.d("L", f"z{k - 1}"),
        )
        for k in range(2, net.last + 1)
    ]


def eq_41(net: networks.Network) -> formulas.Pairs:
    """dL/dz times dz/dW, a matrix for each component of z."""
    return [
        (
            np.tensordot(net.d("L", f"z{k - 1}"), net.d(f"z{k - 1}", f"W{k - 1}"), axes=1),
            net.d("L", f"W{k - 1}"),
        )
        for k in range(2, net.last + 1)
    ]


CHECKS = {
    "eq_31": formulas.Check(eq_31),
    "eq_32": formulas.Check(eq_32),
    "eq_33": formulas.Check(eq_33, networks.SOFTMAX),
    "eq_34": formulas.Check(eq_34, networks.SOFTMAX),
    "eq_35": formulas.Check(eq_35, networks.SOFTMAX, equal=True),
    "eq_35_corrected": formulas.Check(eq_35_corrected, networks.SOFTMAX),
    "eq_36": formulas.Check(eq_36, networks.SOFTMAX, equal=True),
    "eq_36_corrected": formulas.Check(eq_36_corrected, networks.SOFTMAX),
    "eq_38": formulas.Check(eq_38),
    "eq_39": formulas.Check(eq_39),
    "eq_40": formulas.Check(eq_40),
    "eq_41": formulas.Check(eq_41),
}

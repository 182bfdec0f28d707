"""The paper's algorithms 1 and 2, run line by line and held against stock Keras.

They run as they are printed, in the authors' own PDF as in our text, and then with one slip after
the other repaired.

Source: paper, section 4.2, algorithms 1 and 2.
Stated: algorithm 1 is for classification alone (softmax, cross-entropy), algorithm 2 for other
    networks, such as autoencoders.
Silent about: the networks (we take those of experiment.py); which networks other than classifiers
    (we take the paper's autoencoders, sigmoid outputs with the squared error; autoencoders with
    the binary cross-entropy; regressions with half the squared error).
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from keras import ops

from common import losses, training
from reproductions.backpropagation import formulas, networks


@dataclasses.dataclass(frozen=True)
class Config(networks.Shapes):
    """Random networks, with widths as in networks.py."""

    # assumed: layers with weights
    depths: tuple[int, ...] = (2, 3, 4, 5)


VARIANTS = {"algorithms": Config()}
SHORTENED = {"smoke": {"depths": (2, 3)}}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed."""
    training.set_precision(config.precision)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        nets = networks.draw_networks(config, rng)
        classifiers = [net for net in nets if net.output == "softmax"]
        yield {
            **run_algorithm(1, classifiers),
            **run_algorithm(2, nets),
            **on_other_networks(rng, nets),
            "named_equations_gap": formulas.gap_of(named_equations, classifiers),
        }


# --- Algorithms 1 and 2 -------------------------------------------------------------------------

REPAIRS = (
    "the output bias takes dL/dz, not itself (algorithm 1; algorithm 2 has it so)",
    "the loop starts from dL/dz of the layer above, not from the value it is about to compute",
    "its derivatives are of the layer above: dz^{[k+1]}/dA^{[k]} and dA^{[k]}/dz^{[k]}",
    "its two products change places: a matrix product with dL/dz, element by element with dA/dz",
)
AS_PRINTED = {1: 0, 2: 1}  # how many of them an algorithm has from the start


def algorithm(number: int, net: networks.Network, repairs: int) -> dict[str, np.ndarray]:
    """Run algorithm 1 or 2 line by line, with the first `repairs` of `REPAIRS` made.

    Our text merges two lines of algorithm 2; as the authors' own PDF prints it, the output bias has
    dL/dz and the output weights its product with the activations below.

    Returns:
        The derivatives by W1, b1, ..., as many as it gave.

    Raises:
        KeyError: a line reads a value that nothing has set.
        ValueError: shapes do not fit.
    """
    last, A = net.last, net.A
    dz: dict[int, np.ndarray] = {}
    found: dict[str, np.ndarray] = {}
    dz[last] = A[last] - net.y if number == 1 else formulas.all_paths(net)
    found[f"b{last}"] = dz[last] if repairs >= 1 else found[f"b{last}"]
    found[f"W{last}"] = np.outer(dz[last], A[last - 1])
    for k in range(last - 1, 0, -1):
        known = dz[k + 1] if repairs >= 2 else dz[k]
        upper = k + 1 if repairs >= 3 else k
        z_by_A = net.d(f"z{upper}", f"A{upper - 1}")
        A_by_z = np.diag(net.d(f"A{upper - 1}", f"z{upper - 1}"))
        dz[k] = (z_by_A.T @ known) * A_by_z if repairs >= 4 else known * (z_by_A @ A_by_z)
        found[f"b{k}"] = dz[k]
        found[f"W{k}"] = np.outer(dz[k], A[k - 1])
    return found


def algorithm_gap(number: int, nets: Sequence[networks.Network], repairs: int) -> float:
    """Largest difference of any derivative from the stock networks'; infinite if it stops."""

    def formula(net: networks.Network) -> formulas.Pairs:
        found = algorithm(number, net, repairs)
        return [(found[name], exact) for name, exact in net.stock_derivatives.items()]

    return formulas.gap_of(formula, nets)


def repairs_needed(gaps: Sequence[float]) -> int:
    """Return after how many repairs the algorithm gives every derivative."""
    works = [each <= formulas.AGREES for each in gaps]
    return works.index(True) if any(works) else len(REPAIRS)


def run_algorithm(number: int, nets: Sequence[networks.Network]) -> dict[str, Any]:
    """Measure how far its derivatives are off as printed, and after each repair."""
    gaps = [
        algorithm_gap(number, nets, repairs)
        for repairs in range(AS_PRINTED[number], len(REPAIRS) + 1)
    ]
    return {
        f"algorithm_{number}_gaps": gaps,
        f"algorithm_{number}_repairs": repairs_needed(gaps),
        f"algorithm_{number}_gap": gaps[-1],
    }


def on_other_networks(
    rng: np.random.Generator, nets: Sequence[networks.Network]
) -> dict[str, float | bool]:
    """Try algorithm 1, repaired, on networks that are no classifiers.

    A - Y is not the derivative by z for the autoencoders of section 7, with sigmoid outputs and the
    squared error. It is with the binary cross-entropy, and with identity outputs and half the
    squared error.
    """
    autoencoders = [net for net in nets if net.output == "sigmoid"]
    by_others = {
        "algorithm_1_on_autoencoders_gap": algorithm_gap(1, autoencoders, len(REPAIRS)),
        **{
            f"algorithm_1_on_{name}_gap": algorithm_gap(
                1,
                [networks.draw_network(rng, net.sizes, output, loss) for net in autoencoders],
                len(REPAIRS),
            )
            for name, output, loss in (
                ("regressions", "linear", losses.half_squared_error),
                ("binary_autoencoders", "sigmoid", binary_cross_entropy),
            )
        },
    }
    fails_on_all = all(each > formulas.AGREES for each in by_others.values())
    return {**by_others, "only_on_classifiers": fails_on_all}


def binary_cross_entropy(y: Any, A: Any) -> Any:
    """Sum the cross-entropies of the outputs, each a share of its own (an autoencoder's pixels)."""
    return -ops.sum(y * ops.log(A) + (1 - y) * ops.log(1 - A))


def named_equations(net: networks.Network) -> formulas.Pairs:
    """Every derivative from (32), (33), (38) and (39) alone, (32) read for any layer.

    They start from (13) and give the biases by (17).
    """
    last, A = net.last, net.A
    dz = {last: A[last] - net.y}
    for k in range(last, 1, -1):
        dz[k - 1] = (net.W[k].T * net.slopes(k - 1)[:, None]) @ dz[k]
    found = {f"W{k}": dz[k][:, None] @ A[k - 1][None, :] for k in dz}
    found |= {f"b{k}": dz[k] for k in dz}
    return [(found[name], exact) for name, exact in net.stock_derivatives.items()]

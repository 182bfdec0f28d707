"""How a formula is held against its exact values, and what several of the experiments compute.

Not an experiment. A difference is the largest absolute one, relative to the largest exact value;
infinite where the formula cannot be evaluated at all.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reproductions.backpropagation import networks

AGREES = 1e-9  # a relative difference below it is rounding

Pairs = list[tuple[Any, Any]]  # what a formula gives, and what it should give
Formula = Callable[[networks.Network], Pairs]


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


def gap_of(formula: Formula, networks: Sequence[networks.Network]) -> float:
    """`gap` of a formula over networks; infinite where it cannot be evaluated on one of them."""
    try:
        return gap([pair for net in networks for pair in formula(net)])
    except (ValueError, IndexError, KeyError):
        return math.inf


@dataclasses.dataclass(frozen=True)
class Check:
    """A formula and the networks it is about.

    Attributes:
        formula: gives what the formula says beside what it should be.
        outputs: on networks with these outputs.
        layers: with at least so many layers.
        equal: on networks whose layers are equally wide: with other widths it has no value.
    """

    formula: Formula
    outputs: tuple[str, ...] = networks.OUTPUTS
    layers: int = 2
    equal: bool = False

    def concerns(self, net: networks.Network) -> bool:
        """Whether the formula is about such a network."""
        return net.output in self.outputs and net.last >= self.layers


def measure(
    checks: dict[str, Check],
    different: Sequence[networks.Network],
    equal: Sequence[networks.Network] = (),
) -> dict[str, float]:
    """Largest difference of every formula over the networks it is about, as NAME_gap."""
    measured = {}
    for name, check in checks.items():
        concerned = [net for net in (equal if check.equal else different) if check.concerns(net)]
        measured[f"{name}_gap"] = gap_of(check.formula, concerned)
    return measured


def short(values: Any) -> Any:
    """Four significant digits, for the figures."""
    return np.vectorize(lambda value: float(f"{value:.4g}"))(values).tolist()


def sigmoid(z: Any) -> Any:
    """The sigmoid of section 3.1."""
    return 1 / (1 + np.exp(-z))


def sigmoid_slope(z: Any) -> Any:
    """Its derivative, sigma (1 - sigma)."""
    return sigmoid(z) * (1 - sigmoid(z))


def softmax(z: np.ndarray) -> np.ndarray:
    """Equation (5)."""
    return np.exp(z) / np.exp(z).sum()


def own_path(net: networks.Network) -> np.ndarray:
    """The product of dL/dA_n and dA_n/dz_n of (19), (25) and (27) to (30), for each output n."""
    return net.d("L", f"A{net.last}") * net.slopes(net.last)


def all_paths(net: networks.Network) -> np.ndarray:
    """dL/dz_n through every A_m: what a softmax needs, whose A_m all depend on z_n."""
    return net.d("L", f"A{net.last}") @ net.d(f"A{net.last}", f"z{net.last}")


def others_stay(net: networks.Network, k: int) -> Pairs:
    """The derivatives of each A_i of layer k by the other z of it: 0, if g of (2) maps R to R."""
    derivatives = net.d(f"A{k}", f"z{k}")
    return [(derivatives - np.diag(np.diag(derivatives)), np.zeros_like(derivatives))]


def hadamard(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The elementwise product proper, of two arrays of one shape; NumPy's stretches them."""
    if one.shape != other.shape:
        raise ValueError(f"no elementwise product of {one.shape} and {other.shape}")
    return one * other

"""Derivatives by sums and by matrices: how long they take.

Source: paper, section 4.1, (16), (23), (30), (32), (38) and (40), and its conclusion, section 9;
    thesis, appendix A.
Stated: matrix notation makes the derivatives more efficient, above all in networks of several
    layers (paper); computers are better prepared for it (thesis).
Silent about: networks and sizes (we take equal layers of 6, where nested sums are still possible,
    and of 20, as in the paper's wine network); how it is measured (processor time, the ways in
    turn); plain sums are Python's, on Python's own numbers.
"""

import collections
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from common import training
from reproductions.backpropagation import formulas, networks


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks with softmax whose layers are all equally wide."""

    # assumed: layers with weights, the paper's l
    depths: tuple[int, ...] = (2, 3, 4, 5)
    # assumed: of all layers, where nested sums are timed too
    narrow: int = 6
    # assumed: of all layers, where single sums and matrices are timed
    wide: int = 20
    # assumed: of which the median is taken
    repeats: int = 9
    # assumed
    precision: str = "float64"


VARIANTS = {"timing": Config()}
SHORTENED = {"smoke": {"repeats": 2}}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Time all ways; yield one record per seed, lists by depth."""
    training.set_precision(config.precision)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        measured: dict[str, Any] = collections.defaultdict(list)
        for depth in config.depths:
            narrow = networks.draw_network(rng, [config.narrow] * (depth + 1), "softmax")
            wide = networks.draw_network(rng, [config.wide] * (depth + 1), "softmax")
            for way, seconds in median_seconds(WAYS, narrow, config.repeats).items():
                measured[f"{way}_seconds"].append(seconds)
            for way, seconds in median_seconds(REUSING, wide, config.repeats).items():
                measured[f"wide_{way}_seconds"].append(seconds)
            measured["ways_gap"].append(formulas.gap_of(all_ways, [narrow]))
        measured["ways_gap"] = max(measured["ways_gap"])
        measured["gain_over_nested"] = ratios(measured, "nested", "matrix")
        measured["gain_of_matrices"] = ratios(measured, "wide_sums", "wide_matrix")
        yield dict(measured)


def ratios(measured: dict[str, list[float]], slow: str, fast: str) -> list[float]:
    """Return how many times as long the slow way takes, by depth."""
    pairs = zip(measured[f"{slow}_seconds"], measured[f"{fast}_seconds"], strict=True)
    return [float(f"{one / other:.5g}") for one, other in pairs]


# --- Three ways to the same derivatives ---------------------------------------------------------


def by_nested_sums(net: networks.Network) -> dict[str, np.ndarray]:
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


def by_single_sums(net: networks.Network) -> dict[str, np.ndarray]:
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


def by_matrices(net: networks.Network) -> dict[str, np.ndarray]:
    """All dL/dW by (13), (32) and (40)."""
    A = net.A
    dz = A[net.last] - net.y
    found = {}
    for k in range(net.last, 0, -1):
        found[f"W{k}"] = np.outer(dz, A[k - 1])
        if k > 1:
            dz = (net.W[k].T @ dz) * A[k - 1] * (1 - A[k - 1])
    return found


REUSING: dict[str, Callable[[networks.Network], dict[str, np.ndarray]]] = {
    "sums": by_single_sums,
    "matrix": by_matrices,
}
WAYS = {"nested": by_nested_sums, **REUSING}


def all_ways(net: networks.Network) -> formulas.Pairs:
    """The derivatives by the weights of every way, beside autodiff's."""
    return [
        (found, net.stock_derivatives[name])
        for way in WAYS.values()
        for name, found in way(net).items()
    ]


def median_seconds(
    ways: dict[str, Callable], net: networks.Network, repeats: int
) -> dict[str, float]:
    """Return median processor seconds; the ways take turns, so a slow moment hits them all.

    Each turn starts with a call that is not timed: the code of the other ways has driven this one's
    out of the processor's cache.
    """
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, derivatives in ways.items():
            derivatives(net)
            began = time.process_time()
            derivatives(net)
            taken[way].append(time.process_time() - began)
    return {way: float(f"{statistics.median(times):.5g}") for way, times in taken.items()}

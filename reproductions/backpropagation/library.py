"""The authors' own library: its loop written out, and the delta that its notebook prints.

What its code says is held against the documents by reading; see claims.toml. Here its loop runs on
random networks, so that what a reader makes of the code is held against autodiff.

Source: paper-code, MultiClassModels.py and activation_functions.py; its notebook, cell 63.
Stated: derivatives from the last layer to the first; the autoencoder's output delta in a formula.
Silent about: the networks (we take those of experiment.py, with softmax).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.special
from keras import ops

from common import losses, training
from reproductions.backpropagation import formulas, networks


@dataclasses.dataclass(frozen=True)
class Config(networks.Shapes):
    """Random classifiers, and one layer of sigmoids for the delta."""

    # assumed: outputs of that layer, the notebook's m
    outputs: int = 20


VARIANTS = {"library": Config()}
SHORTENED = {"smoke": {"depths": (2, 3)}}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed."""
    training.set_precision(config.precision)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        classifiers = networks.draw_networks(config, rng, networks.SOFTMAX)
        yield {
            "library_gradient_gap": formulas.gap_of(against_autodiff, classifiers),
            "library_layers_computed": [backpropagation(net)[1] for net in classifiers],
            **output_delta(config, rng),
        }


def backpropagation(net: networks.Network) -> tuple[dict[str, np.ndarray], int]:
    """The derivatives as the library's loop gets them, and how many layers it computes on the way.

    For each layer it asks for the activations below it anew, from the sample on.
    """
    computed = 0

    def feedforward(layers: int) -> np.ndarray:
        nonlocal computed
        A = net.x
        for k in range(1, layers + 1):
            z = net.W[k] @ A + net.b[k]
            A = formulas.softmax(z) if k == net.last else formulas.sigmoid(z)
            computed += 1
        return A

    dz, below = feedforward(net.last) - net.y, feedforward(net.last - 1)
    found = {f"b{net.last}": dz, f"W{net.last}": np.outer(dz, below)}
    for k in range(net.last - 1, 0, -1):
        below = feedforward(k - 1)
        z = net.W[k] @ below + net.b[k]
        computed += 1
        dz = formulas.sigmoid(z) * (1 - formulas.sigmoid(z)) * (net.W[k + 1].T @ dz)
        found |= {f"b{k}": dz, f"W{k}": np.outer(dz, below)}
    return found, computed


def against_autodiff(net: networks.Network) -> formulas.Pairs:
    """Every derivative of the library's loop, beside autodiff's."""
    found, _ = backpropagation(net)
    return [(found[name], exact) for name, exact in net.stock_derivatives.items()]


def output_delta(config: Config, rng: np.random.Generator) -> dict[str, float]:
    """Hold the delta as the notebook prints it, with 2/m, and without it against autodiff."""
    z, y = rng.normal(size=config.outputs), rng.uniform(size=config.outputs)
    guess = scipy.special.expit(z)
    coded = 2 * (guess - y) * guess * (1 - guess)
    of_mean = networks.slope(lambda z: losses.mean_squared_error(y, ops.sigmoid(z)), z)
    of_sum = networks.slope(lambda z: losses.squared_error(y, ops.sigmoid(z)), z)
    return {
        "delta_of_mean_gap": formulas.gap([(coded / config.outputs, of_mean)]),
        "delta_of_sum_gap": formulas.gap([(coded, of_sum)]),
    }

"""The paper's hidden layers, equations (19) to (30), held against autodiff.

As in experiment.py every equation stands here as printed and is evaluated on random networks; where
the printed form fails, the corrected form stands below it and is held against the same values.

Source: paper, sections 3.1 and 3.2, equations (19) to (30); (37), which prints (30) again.
Stated: sigmoid hidden layers, l layers with weights; the output's softmax and cross-entropy are
    those of section 3.
Silent about: the networks (we take those of experiment.py); which outputs (19) and what builds on
    it are for (we take softmax, and sigmoid and identity with the squared error).

The text we have was read by a machine: (29) and (30) are read with the symbol that (37) has in the
place of their dA_i^{[k]}/dA_i^{[l]}.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import scipy.special
from keras import ops

from common import training
from reproductions.backpropagation import formulas, networks

Paths = Callable[[networks.Network], np.ndarray]  # dL/dz of the outputs, or what stands for it


@dataclasses.dataclass(frozen=True)
class Config(networks.Shapes):
    """Random networks for the equations, and one more for the figure."""

    # assumed: of the network that is drawn
    example: tuple[int, ...] = (5, 6, 4)


VARIANTS = {"hidden_layers": Config()}
SHORTENED = {"smoke": {"depths": (2, 3)}}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed: each formula's largest difference, and one softmax in full."""
    training.set_precision(config.precision)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        different = networks.draw_networks(config, rng)
        equal = networks.draw_equal_networks(config, rng)
        example = networks.draw_network(rng, config.example, "softmax")
        deepest = different[-len(networks.OUTPUTS)]  # with softmax
        last = deepest.last
        yield {
            **formulas.measure(CHECKS, different, equal),
            "sigmoid_slope_gap": sigmoid_slope_gap(rng),
            "dependent_outputs": float(np.mean(deepest.d(f"A{last}", f"z{last - 1}") != 0)),
            "dependent_neurons": float(np.mean(deepest.d(f"A{last - 1}", f"W{last - 2}") != 0)),
            "example_jacobian": formulas.short(example.d("A2", "z2")),
            "example_own_path": formulas.short(formulas.own_path(example)),
            "example_all_paths": formulas.short(formulas.all_paths(example)),
            "example_label": int(example.y.argmax()),
        }


def sigmoid_slope_gap(rng: np.random.Generator) -> float:
    """Return how far sigma (1 - sigma) is from the sigmoid's derivative, at random points."""
    points = rng.normal(scale=5.0, size=20)
    exact = networks.slope(lambda z: ops.sum(ops.sigmoid(z)), points)
    return formulas.gap([(formulas.sigmoid_slope(points), exact)])


# --- Section 3.1: one and two layers below the output -------------------------------------------


def eq_19(net: networks.Network, paths: Paths = formulas.own_path) -> formulas.Pairs:
    """The last hidden layer, as a sum over the output neurons."""
    last = net.last
    output, z_by_A, slopes = paths(net), net.d(f"z{last}", f"A{last - 1}"), net.slopes(last - 1)
    printed = [
        sum(output[n] * z_by_A[n, i] * slopes[i] for n in range(net.sizes[last]))
        for i in range(net.sizes[last - 1])
    ]
    return [(printed, net.d("L", f"z{last - 1}"))]


def eq_20(net: networks.Network) -> formulas.Pairs:
    """Hidden neurons are sigmoids (against SciPy's)."""
    return [(net.A[k], scipy.special.expit(net.z[k])) for k in range(1, net.last)]


def eq_21(net: networks.Network) -> formulas.Pairs:
    """The sigmoid's derivative is A (1 - A)."""
    return [(net.A[k] * (1 - net.A[k]), net.slopes(k)) for k in range(1, net.last)]


def eq_22(net: networks.Network) -> formulas.Pairs:
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


def eq_23(net: networks.Network) -> formulas.Pairs:
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


def one_weight_one_neuron(net: networks.Network) -> formulas.Pairs:
    """w_ji^{[l-2]} enters z_i^{[l-2]} alone: the derivatives of the others by it are 0."""
    derivatives = net.d(f"z{net.last - 2}", f"W{net.last - 2}").copy()
    for i in range(len(derivatives)):
        derivatives[i, i] = 0.0
    return [(derivatives, np.zeros_like(derivatives))]


def eq_24(net: networks.Network) -> formulas.Pairs:
    """w_i . A of the output by a weight two layers below, for each i that both layers have."""
    last = net.last
    A_by_w = net.d(f"A{last - 1}", f"W{last - 2}")
    pairs = []
    for i in range(min(net.sizes[last], net.sizes[last - 2])):
        terms = [net.W[last][i, n] * A_by_w[n, i] for n in range(net.sizes[last - 1])]
        pairs.append((sum(terms), net.d(f"z{last}", f"W{last - 2}")[i, i]))
    return pairs


def eq_25(net: networks.Network, paths: Paths = formulas.own_path) -> formulas.Pairs:
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


def eq_26(net: networks.Network) -> formulas.Pairs:
    """(25) with (24) inside: the same i for an output and a hidden neuron, and a j left over.

    Compared for each j, and for each i that both layers have.
    """
    last, output = net.last, formulas.own_path(net)
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


def eq_26_corrected(net: networks.Network) -> formulas.Pairs:
    """The weights of output n, and the derivative by z_i."""
    last, output = net.last, formulas.all_paths(net)
    A_by_z = net.d(f"A{last - 1}", f"z{last - 2}")
    corrected = sum(
        output[n] * sum(net.W[last][n, m] * A_by_z[m] for m in range(net.sizes[last - 1]))
        for n in range(net.sizes[last])
    )
    return [(corrected, net.d("L", f"z{last - 2}"))]


# --- Section 3.2: any layer, by nested sums -----------------------------------------------------


def nested_sums(net: networks.Network, upper: int, n: int, k: int, i: int) -> float:
    """Return what (29) nests inside the sum over neuron n of layer `upper`."""
    derivatives = net.d(f"z{upper}", f"A{upper - 1}")[n]
    if upper == k + 1:
        return derivatives[i] * net.slopes(k)[i]
    slopes = net.slopes(upper - 1)
    return sum(
        derivatives[m] * slopes[m] * nested_sums(net, upper - 1, m, k, i)
        for m in range(net.sizes[upper - 1])
    )


def eq_29(net: networks.Network, paths: Paths = formulas.own_path) -> formulas.Pairs:
    """dL/dz_i^{[k]} by nested sums, read with the symbol of (37), for each k of at least 2 sums."""
    output = paths(net)
    return [
        (
            [
                sum(
                    output[n] * nested_sums(net, net.last, n, k, i)
                    for n in range(net.sizes[net.last])
                )
                for i in range(net.sizes[k])
            ],
            net.d("L", f"z{k}"),
        )
        for k in range(1, net.last - 1)
    ]


def eq_30(net: networks.Network, paths: Paths = formulas.own_path) -> formulas.Pairs:
    """(29) times A_j, the outer sum read over an index of its own."""
    return [
        (np.outer(printed, net.A[k - 1]), net.d("L", f"W{k}"))
        for k, (printed, _) in enumerate(eq_29(net, paths), start=1)
    ]


def eq_30_one_j(net: networks.Network) -> formulas.Pairs:
    """(30) and (37) to the letter: the sum over j = 1..C takes A_j along, and no j is left."""
    output, pairs = formulas.own_path(net), []
    for k in range(1, net.last - 1):
        printed = [
            sum(
                output[j] * nested_sums(net, net.last, j, k, i) * net.A[k - 1][j]
                for j in range(net.sizes[net.last])
            )
            for i in range(net.sizes[k])
        ]
        exact = net.d("L", f"W{k}")
        pairs.append((np.tile(np.array(printed)[:, None], (1, exact.shape[1])), exact))
    return pairs


def sum_down_to(net: networks.Network, layer: int) -> float:
    """S of (27): all the sums from the output down to `layer`, that of `layer` included."""
    return float(sum(prefix(net, layer)))


def prefix(net: networks.Network, layer: int) -> np.ndarray:
    """S without its innermost sum: one value for each neuron of `layer`."""
    values = formulas.own_path(net)
    for upper in range(net.last, layer, -1):
        values = values @ net.d(f"z{upper}", f"A{upper - 1}") * net.slopes(upper - 1)
    return values


def eq_27(net: networks.Network) -> formulas.Pairs:
    """S, said to be the derivative by z^{[k+1]}: one number, held against each component."""
    return [
        (np.full(net.sizes[k + 1], sum_down_to(net, k + 2)), net.d("L", f"z{k + 1}"))
        for k in range(1, net.last - 1)
    ]


def eq_27_corrected(net: networks.Network) -> formulas.Pairs:
    """S without its last sum is the derivative by z^{[k+2]}."""
    return [(prefix(net, k + 2), net.d("L", f"z{k + 2}")) for k in range(1, net.last - 1)]


def inner_sum(net: networks.Network, k: int) -> np.ndarray:
    """The sum over layer k+1 in (28): a row for each n_{k+2}, a column for each i."""
    upper = net.d(f"z{k + 2}", f"A{k + 1}") * net.slopes(k + 1)
    return upper @ net.d(f"z{k + 1}", f"A{k}") * net.slopes(k)


def eq_28_inner_sum(net: networks.Network) -> formulas.Pairs:
    """The sum over layer k+1 is the derivative of z^{[k+2]} by z^{[k]}."""
    return [(inner_sum(net, k), net.d(f"z{k + 2}", f"z{k}")) for k in range(1, net.last - 1)]


def eq_28(net: networks.Network) -> formulas.Pairs:
    """S times the sum over layer k+1, whose n_{k+2} is free: the choice of it that fits best."""
    pairs = []
    for k in range(1, net.last - 1):
        exact = net.d("L", f"z{k}")
        printed = sum_down_to(net, k + 2) * inner_sum(net, k)
        pairs.append((min(printed, key=lambda row: formulas.gap([(row, exact)])), exact))
    return pairs


def eq_28_corrected(net: networks.Network) -> formulas.Pairs:
    """The sum over n_{k+2} goes around both factors."""
    return [
        (prefix(net, k + 2) @ inner_sum(net, k), net.d("L", f"z{k}"))
        for k in range(1, net.last - 1)
    ]


CHECKS = {
    "eq_19": formulas.Check(eq_19, networks.SOFTMAX),
    "eq_19_elsewhere": formulas.Check(eq_19, networks.ONE_NEURON_EACH),
    "eq_19_corrected": formulas.Check(functools.partial(eq_19, paths=formulas.all_paths)),
    "eq_20": formulas.Check(eq_20),
    "eq_21": formulas.Check(eq_21),
    "eq_22": formulas.Check(eq_22, networks.SOFTMAX),
    "eq_23": formulas.Check(eq_23, networks.SOFTMAX),
    "one_weight_one_neuron": formulas.Check(one_weight_one_neuron, layers=3),
    "eq_24": formulas.Check(eq_24, layers=3),
    "eq_25": formulas.Check(eq_25, networks.SOFTMAX, layers=3),
    "eq_25_elsewhere": formulas.Check(eq_25, networks.ONE_NEURON_EACH, layers=3),
    "eq_25_corrected": formulas.Check(functools.partial(eq_25, paths=formulas.all_paths), layers=3),
    "eq_26": formulas.Check(eq_26, networks.ONE_NEURON_EACH, layers=3),
    "eq_26_corrected": formulas.Check(eq_26_corrected, layers=3),
    "eq_27": formulas.Check(eq_27, networks.ONE_NEURON_EACH, layers=3),
    "eq_27_corrected": formulas.Check(eq_27_corrected, networks.ONE_NEURON_EACH, layers=3),
    "eq_28": formulas.Check(eq_28, networks.ONE_NEURON_EACH, layers=3),
    "eq_28_inner_sum": formulas.Check(eq_28_inner_sum, layers=3),
    "eq_28_corrected": formulas.Check(eq_28_corrected, networks.ONE_NEURON_EACH, layers=3),
    "eq_29": formulas.Check(eq_29, networks.SOFTMAX, layers=3),
    "eq_29_elsewhere": formulas.Check(eq_29, networks.ONE_NEURON_EACH, layers=3),
    "eq_29_corrected": formulas.Check(functools.partial(eq_29, paths=formulas.all_paths), layers=3),
    "eq_30_one_j": formulas.Check(eq_30_one_j, networks.ONE_NEURON_EACH, layers=3, equal=True),
    "eq_30_elsewhere": formulas.Check(eq_30, networks.ONE_NEURON_EACH, layers=3),
    "eq_30_corrected": formulas.Check(functools.partial(eq_30, paths=formulas.all_paths), layers=3),
}

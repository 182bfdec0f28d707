"""The thesis's appendix A on costs and on gradient descent: its premises, (A.19) and (A.20).

Source: thesis, appendix A: the two premises, and what follows its algorithm; its penalty (2.12).
Stated: a cost must be the mean of the examples' costs, and a function of the outputs; stochastic
    gradient descent runs the algorithm once for each of N examples.
Silent about: the network (we take 3 layers of sigmoids), the rate and N.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from common import training
from common.protocols import paper
from reproductions.backpropagation import formulas, networks, thesis


@dataclasses.dataclass(frozen=True)
class Config:
    """A network of sigmoids and a few examples to learn from."""

    # assumed
    sizes: tuple[int, ...] = (4, 6, 5, 3)
    # assumed: the appendix's N
    examples: int = 6
    # assumed: its eta
    learning_rate: float = 0.5
    # assumed: lambda of the penalty (2.12)
    penalty: float = 0.01
    # assumed
    precision: str = "float64"


VARIANTS = {"thesis_descent": Config()}
SHORTENED: dict[str, dict] = {}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed."""
    training.set_precision(config.precision)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        net = thesis.draw(rng, config.sizes)
        x = rng.normal(size=(config.examples, net.sizes[0]))
        y = rng.uniform(size=(config.examples, net.sizes[-1]))
        yield {
            **premises(net, x, y),
            **without_outgoing_weight(config, rng),
            "n_runs_gap": n_runs_gap(net, x, y),
            **updates(config, net, x, y),
        }


def gradients_of_mean(
    net: networks.Network, cost: training.Loss, x: np.ndarray, y: np.ndarray
) -> formulas.Pairs:
    """The mean of the examples' derivatives, and those of a cost of all examples by autodiff."""
    each = [training.gradients(net.stock, net.loss, x[[i]], y[[i]]) for i in range(len(x))]
    means = [np.mean(parts, axis=0) for parts in zip(*each, strict=True)]
    return list(zip(means, training.gradients(net.stock, cost, x, y), strict=True))


def mean_cost(y: Any, a: Any) -> Any:
    """C as the mean of the examples' costs."""
    return ops.mean(ops.sum(ops.square(y - a), axis=1) / 2)


def premises(net: networks.Network, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Hold a cost that is a mean of the examples' costs, and its root, which is none, to (A.5)."""
    return {
        "mean_over_examples_gap": formulas.gap(gradients_of_mean(net, mean_cost, x, y)),
        "no_mean_gap": formulas.gap(
            gradients_of_mean(net, lambda y, a: ops.sqrt(mean_cost(y, a)), x, y)
        ),
    }


def n_runs_gap(net: networks.Network, x: np.ndarray, y: np.ndarray) -> float:
    """Run the algorithm once for each example; hold the mean against the whole cost's gradient."""
    runs = [thesis.four_equations(net.W, net.b, *example) for example in zip(x, y, strict=True)]
    exact = training.gradients(net.stock, mean_cost, x, y)
    means = [np.mean([run[name] for run in runs], axis=0) for name in runs[0]]
    return formulas.gap([(one.T, other) for one, other in zip(means, exact, strict=True)])


def updates(
    config: Config, net: networks.Network, x: np.ndarray, y: np.ndarray
) -> dict[str, float]:
    """(A.19) and (A.20) after each of the examples, against stock Keras SGD."""
    stock, optimizer = net.stock, keras.optimizers.SGD(config.learning_rate)
    w, b = net.W, net.b
    for one_x, one_y in zip(x, y, strict=True):
        found = thesis.four_equations(w, b, one_x, one_y)
        w = {k: each - config.learning_rate * found[f"W{k}"] for k, each in w.items()}
        b = {k: each - config.learning_rate * found[f"b{k}"] for k, each in b.items()}
        steps = training.gradients(stock, net.loss, one_x[None], one_y[None])
        optimizer.apply([ops.convert_to_tensor(step) for step in steps], stock.trainable_variables)
    kernels, biases = stock.get_weights()[0::2], stock.get_weights()[1::2]
    return {
        "a_19_gap": formulas.gap([(w[k], kernel.T) for k, kernel in enumerate(kernels, start=1)]),
        "a_20_gap": formulas.gap([(b[k], bias) for k, bias in enumerate(biases, start=1)]),
    }


def without_outgoing_weight(config: Config, rng: np.random.Generator) -> dict[str, float]:
    """Change the weights into a hidden neuron that nothing listens to.

    The cost with the penalty (2.12) is a function of the parameters. Were it one of the outputs, it
    could not change while they stay.
    """
    model = paper.build_network((4, 5, 3), output="sigmoid")
    weights = paper.initial_weights(model, rng)
    weights[2][0] = 0.0  # all that leads out of hidden neuron 0
    x, y = rng.normal(size=(10, 4)), rng.uniform(size=(10, 3))

    outputs, cost = outputs_and_cost(config, model, weights, x, y)
    weights[0][:, 0] += rng.normal(size=4)
    same_outputs, other_cost = outputs_and_cost(config, model, weights, x, y)
    if not np.array_equal(same_outputs, outputs):
        raise ArithmeticError("the outputs moved with a weight that they do not depend on")
    return {"cost_moved_gap": formulas.gap([(other_cost, cost)])}


def outputs_and_cost(
    config: Config,
    model: keras.Model,
    weights: Sequence[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Return the outputs with these weights, and the mean cost with the penalty (2.12)."""
    model.set_weights(weights)
    outputs = np.asarray(model(x))
    squares = sum((kernel**2).sum() for kernel in weights[0::2])
    return outputs, float(mean_cost(y, outputs)) + config.penalty * squares

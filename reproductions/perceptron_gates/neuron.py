"""Single sentences about one neuron, held against random neurons; nothing is trained.

Source: notes-2, section 1 (the bias); thesis, section 2.1.2 (combination, bias, step and sigmoid,
    equations 2.1 to 2.6).
Stated: step and sigmoid, w x + b, b = -th; a high bias fires "casi siempre", a very negative one
    asks for "señales de entrada muy fuertes".
Silent about: how high "muy alto" is (we take biases of -10 to 10, with weights from N(0, 1) and
    inputs in [0, 1]); what "casi siempre" is (95 % of such inputs); how large "extremos" are (20).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import scipy.integrate
import scipy.optimize
import scipy.stats
from keras import ops

from common import training
from reproductions.perceptron_gates import experiment


@dataclasses.dataclass(frozen=True)
class Config:
    """What the sentences leave open."""

    precision: str = "float64"

    # assumed: "muy negativo" to "muy alto"
    biases: tuple[float, ...] = (-10.0, -3.0, 0.0, 3.0, 10.0)
    # assumed: "casi siempre", as a share of ordinary inputs
    almost_always: float = 0.95
    # assumed: an input this many times the ordinary ones is "muy fuerte"
    strong: float = 1000.0
    # assumed: "extremos"
    extreme: float = 20.0


VARIANTS = {"neuron": Config()}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Draw one neuron per seed and measure what the sentences say of any neuron."""
    training.set_precision(config.precision)
    model = experiment.build_model()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        yield (
            excitability(config, model, rng)
            | threshold(model, rng)
            | smoothness(config, rng)
            | depth(rng)
        )


def fires(model: keras.Model, weights: np.ndarray, bias: float, inputs: np.ndarray) -> np.ndarray:
    """Return 0 or 1 for each input, shape (n,), of the neuron with these weights and this bias."""
    model.set_weights([weights[:, None], np.array([bias])])
    return np.asarray(experiment.step(model(inputs)))[:, 0]


def excitability(config: Config, model: keras.Model, rng: np.random.Generator) -> dict:
    """How often a neuron fires, by its bias; and what an unwilling one needs."""
    weights, inputs = rng.normal(size=2), rng.uniform(size=(1000, 2))
    shares = [float(fires(model, weights, bias, inputs).mean()) for bias in config.biases]
    along = config.strong * weights[None] / np.linalg.norm(weights)
    wakes = bool(fires(model, weights, config.biases[0], along)[0])
    return {
        "firing_share": shares,
        "fires_almost_always": shares[-1] >= config.almost_always,
        "needs_strong_input": shares[0] <= 1 - config.almost_always and wakes,
        "higher_bias_fires_more": bool((np.diff(shares) >= 0).all() and shares[-1] > shares[0]),
    }


def threshold(model: keras.Model, rng: np.random.Generator) -> dict:
    """The bias as a shift, as a moved threshold, and what happens exactly on the line."""
    weights, bias = rng.normal(size=2), rng.normal()
    inputs = rng.normal(size=(1000, 2))
    fired = fires(model, weights, bias, inputs)
    outputs = np.asarray(model(inputs))[:, 0]
    w, b = rng.normal(size=2)
    crossing = scipy.optimize.brentq(lambda x: w * x + b, -abs(b / w) - 1, abs(b / w) + 1)
    edge = -weights @ inputs[0]  # the bias that puts this input on the line
    before, after = (fires(model, weights, edge + nudge, inputs[:1])[0] for nudge in (-1e-9, 1e-9))
    with_constant_input = np.column_stack([inputs, np.ones(len(inputs))]) @ [*weights, bias]
    return {
        "threshold_gap": float(abs(crossing + b / w)),
        "moved_threshold_gap": float(np.abs(fired - (inputs @ weights > -bias)).max()),
        "bias_as_input_gap": float(np.abs(with_constant_input - outputs).max()),
        "step_at_zero": float(experiment.step(ops.convert_to_tensor(0.0))),
        "output_jumps": bool(after - before == 1),
    }


def sigmoid(z: float) -> float:
    """Return Keras's sigmoid of one number."""
    return float(ops.sigmoid(ops.convert_to_tensor(z, dtype="float64")))


def smoothness(config: Config, rng: np.random.Generator) -> dict:
    """The sigmoid beside the step (thesis, equations 2.5 and 2.6)."""
    z, x, weight_change = rng.normal(), rng.normal(), 1e-6
    smoothed, _ = scipy.integrate.quad(  # the step seen through a logistic filter
        lambda t: float(z - t > 0) * scipy.stats.logistic.pdf(t), -40, 40, points=[z], epsabs=1e-12
    )
    slope = sigmoid(z) * (1 - sigmoid(z)) * x
    high, low = sigmoid(config.extreme), sigmoid(-config.extreme)
    return {
        "smoothed_step_gap": abs(smoothed - sigmoid(z)),
        "proportionality_gap": abs(
            (sigmoid(z + weight_change * x) - sigmoid(z)) / weight_change - slope
        ),
        "sigmoid_of_large": high,
        "sigmoid_of_very_negative": low,
        "sigmoid_just_below_zero": sigmoid(-0.1),
        "extreme_slope": high * (1 - high),
    }


def depth(rng: np.random.Generator) -> dict:
    """Layers without activation: their product is one layer, their sum is another one."""
    layers = rng.normal(size=(3, 4, 4))
    x = rng.normal(size=4)
    network = keras.Sequential(
        [keras.Input((4,)), *[keras.layers.Dense(4, use_bias=False) for _ in layers]]
    )
    network.set_weights([layer.T for layer in layers])
    output = np.asarray(network(x[None]))[0]
    product = layers[2] @ layers[1] @ layers[0]
    return {
        "product_of_layers_gap": float(np.abs(output - product @ x).max()),
        "sum_of_layers_gap": float(np.abs(output - layers.sum(axis=0) @ x).max()),
    }

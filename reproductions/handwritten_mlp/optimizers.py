"""The handwritten momentum and Adam, on gradients and landscapes that are known; a worked example.

No network: what an optimizer does with a gradient that stays, one that changes sign, and one of
another size is read off its steps.

Source: handwritten, section 4 (momentum, Adam) and the numerical example of section 5.
Stated: v = beta v + (1 - beta) dw with beta = 0.9; Adam with 0.9, 0.999 and 1e-8, epsilon inside
    the root; the three rows of the example, alpha = 0.1.
Silent about: the gradients (we draw them from 1e-6 to 1, as most in a network are tiny).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import ops

from common import optimizers, training


@dataclasses.dataclass(frozen=True)
class Config:
    """The constants of the handwritten pages."""

    beta: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    learning_rate: float = 0.1

    # assumed: updates and weights that the formulas are tried on
    steps: int = 12
    weights: int = 50
    # assumed: rates times curvatures at which plain descent oscillates, near its limit of 2
    oscillating: tuple[float, float] = (1.8, 1.98)


VARIANTS = {"optimizers": Config()}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Try the formulas on one set of random gradients per seed."""
    training.set_precision("float64")
    for seed in seeds:
        rng = np.random.default_rng(seed)
        shape = (config.steps, config.weights)
        gradients = 10 ** rng.uniform(-6, 0, shape) * rng.choice([-1, 1], shape)
        yield {
            **momentum(gradients, config, rng),
            **adam(gradients, config, rng),
            **worked_example(),
        }


def rounded(value: float) -> float:
    """Return seven significant digits."""
    return float(f"{value:.7g}")


def moves(optimizer: keras.optimizers.Optimizer, gradients: np.ndarray) -> np.ndarray:
    """Let an optimizer of the suite take its steps: the changes of the weights, one row each."""
    variable = keras.Variable(np.zeros_like(gradients[0]))
    positions = [np.array(variable)]
    for gradient in gradients:
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
        positions.append(np.array(variable))
    return np.diff(positions, axis=0)


# --- Momentum -----------------------------------------------------------------------------------


def velocities(gradients: np.ndarray, beta: float) -> np.ndarray:
    """Return v := beta v + (1 - beta) dw as printed, one row per gradient."""
    v = np.zeros_like(gradients[0])
    rows = []
    for gradient in gradients:
        v = beta * v + (1 - beta) * gradient
        rows.append(v)
    return np.stack(rows)


def momentum(gradients: np.ndarray, config: Config, rng: np.random.Generator) -> dict:
    """Return what the printed velocity is, and what it does with gradients that agree or not."""
    beta, rate = config.beta, config.learning_rate
    v = velocities(gradients, beta)
    past = [
        sum((1 - beta) * beta ** (t - s) * gradients[s] for s in range(t + 1))
        for t in range(len(gradients))
    ]
    classical = moves(optimizers.Momentum(rate * (1 - beta), beta), gradients)
    size, steep = rng.uniform(0.1, 10), rng.uniform(*config.oscillating)
    same = velocities(np.full(100, size), beta)
    alternating = velocities(size * (-1.0) ** np.arange(100), beta)
    return {
        "momentum_average_gap": rounded(np.abs(v - past).max()),
        "momentum_gap": rounded(np.abs(classical + rate * v).max()),
        "velocity_growth": rounded(same[-1] / same[0]),
        "velocity_where_gradients_alternate": rounded(abs(alternating[-1]) / size),
        "path_of_descent": path(steep, 0.0),
        "path_of_momentum": path(steep, beta),
    }


def path(rate_times_curvature: float, beta: float, steps: int = 500) -> float:
    """Return how far a weight runs in all on its way from 1 to the floor of a valley at 0.

    The valley is a parabola, so the gradient times the rate is `rate_times_curvature` times the
    weight; straight down would be 1. `beta` 0 is plain descent.
    """
    w, v, ran = 1.0, 0.0, 0.0
    for _ in range(steps):
        v = beta * v + (1 - beta) * rate_times_curvature * w
        w, ran = w - v, ran + abs(v)
    return rounded(ran)


# --- Adam ---------------------------------------------------------------------------------------


def adam_steps(gradients: np.ndarray, config: Config, *, inside: bool) -> np.ndarray:
    """Return Adam's steps with epsilon inside the root, as printed, or outside."""
    m = v = np.zeros_like(gradients[0])
    steps = []
    for t, gradient in enumerate(gradients, start=1):
        m = config.beta * m + (1 - config.beta) * gradient
        v = config.beta_2 * v + (1 - config.beta_2) * gradient**2
        m_hat, v_hat = m / (1 - config.beta**t), v / (1 - config.beta_2**t)
        root = np.sqrt(v_hat + config.epsilon) if inside else np.sqrt(v_hat) + config.epsilon
        steps.append(-config.learning_rate * m_hat / root)
    return np.stack(steps)


def adam(gradients: np.ndarray, config: Config, rng: np.random.Generator) -> dict:
    """Return how far the printed Adam is from Adam, and what its moments and steps are."""
    standard = moves(optimizers.Adam(config.learning_rate), gradients)
    printed = adam_steps(gradients, config, inside=True)
    size = rng.uniform(0.1, 1)
    constant = np.full((config.steps, 1), size)
    times = np.arange(1, config.steps + 1)[:, None]
    mean = velocities(constant, config.beta) / (1 - config.beta**times)
    square = velocities(constant**2, config.beta_2) / (1 - config.beta_2**times)
    # Not below 0.01: there the printed epsilon is no longer small against the root.
    drawn = rng.normal(size=config.steps)
    large, small = (
        np.abs(adam_steps((scale * drawn)[:, None], config, inside=True)).sum()
        / np.abs(scale * drawn).sum()
        for scale in (10.0, 0.01)
    )
    return {
        "adam_gap": rounded(np.abs(printed / standard - 1).max()),
        "adam_bias_gap": rounded(np.abs(mean - constant).max()),
        "variance_gap": rounded(abs(square[-1, 0] - constant.var())),
        "rate_for_large_gradients": rounded(large),
        "rate_for_small_gradients": rounded(small),
    }


# --- The worked example -------------------------------------------------------------------------


def worked_example() -> dict:
    """Compute each column of the numerical example from the other printed columns."""
    w, prediction = np.array([0.50, 0.54, 0.57]), np.array([0.80, 0.85, 0.91])
    gradient, rate = np.array([-0.40, -0.30, -0.18]), 0.1
    return {
        "example_errors": ((1 - prediction) ** 2).tolist(),
        "example_gradients": (-2 * (1 - prediction)).tolist(),
        "example_new_weights": (w - rate * gradient).tolist(),
        "example_slopes": (np.diff(prediction) / np.diff(w)).tolist(),
    }

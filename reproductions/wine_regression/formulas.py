"""Section 7.2's formulas held against autodiff, and a network made to pass through any points.

Source: paper, section 7.2; paper-code, cell 99 of the notebook.
Stated: linear regression minimises the squared error, as a sum or as a mean; the library's
    `mse_derivative` supposes a sigmoid output; a network is an interpolator that adapts to any
    function.
Silent about: which function, where it is known, and how large the network may be. Our own choices:
    the function is known at 100 different wines, its values there are drawn at random, and the
    network has one hidden layer with a neuron for each of them.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import sklearn.linear_model

from common import losses, training
from common.protocols import paper
from reproductions.wine_regression import wines as data


@dataclasses.dataclass(frozen=True)
class Config:
    """Formulas on the paper's network as it starts; interpolation with one hidden layer."""

    hidden: tuple[int, ...] = (20, 20, 20)
    split_state: int = 0
    precision: str = "float64"

    # assumed: where the function is known, and a hidden neuron for each place
    points: int = 100
    interpolating_neurons: int = 100


VARIANTS = {"formulas": Config()}


def build_model(config: Config, inputs: int, output: str | None = None) -> keras.Model:
    """11-20-20-20-1, sigmoid hidden neurons."""
    return paper.build_network([inputs, *config.hidden, 1], output=output)


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Compute each thing twice, on the weights and values of every seed."""
    training.set_precision(config.precision)
    wines = data.load(("red", "white"), config.split_state, standardised=True)
    slope = linear_slope(wines)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        yield {
            "linear_mse_slope": slope,
            "sum_against_mean_gap": sum_against_mean_gap(config, wines, rng),
            "sigmoid_delta_gap": sigmoid_delta_gap(config, wines, rng),
            "interpolation_gap": interpolation_gap(config, wines, rng),
        }


def linear_slope(wines: data.Wines) -> float:
    """The steepest slope of the mean squared error at scikit-learn's linear regression."""
    features, quality = wines.features[wines.train], wines.quality[wines.train]
    line = sklearn.linear_model.LinearRegression().fit(features, quality)
    inputs = keras.Input((features.shape[1],))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.set_weights([line.coef_[:, np.newaxis], np.array([line.intercept_])])
    slopes = training.gradients(model, losses.mean_squared_error, features, quality[:, np.newaxis])
    return float(max(np.abs(slope).max() for slope in slopes))


def sum_against_mean_gap(config: Config, wines: data.Wines, rng: np.random.Generator) -> float:
    """How far the sum's gradient is from n times the mean's, relative to its size."""
    model = build_model(config, wines.features.shape[1])
    model.set_weights(paper.initial_weights(model, rng))
    features, quality = wines.features[wines.train], wines.quality[wines.train, np.newaxis]
    of_sum, of_mean = (
        training.gradients(model, loss, features, quality)
        for loss in (losses.squared_error, losses.mean_squared_error)
    )
    gaps = [
        np.abs(total - len(quality) * mean).max() / np.abs(total).max()
        for total, mean in zip(of_sum, of_mean, strict=True)
    ]
    return float(max(gaps))


def sigmoid_delta_gap(config: Config, wines: data.Wines, rng: np.random.Generator) -> float:
    """How far 2 (A - Y) A (1 - A) is from the derivative by z of a sigmoid output, for one wine.

    The derivative by the output's bias is the derivative by its z. The quality is taken as a share
    of ten, which a sigmoid can answer.
    """
    model = build_model(config, wines.features.shape[1], output="sigmoid")
    model.set_weights(paper.initial_weights(model, rng))
    features, quality = wines.features[:1], wines.quality[:1, np.newaxis] / 10
    derivative = training.gradients(model, losses.squared_error, features, quality)[-1]
    answer = np.asarray(model(features))
    return float(np.abs(derivative - 2 * (answer - quality) * answer * (1 - answer)).max())


def interpolation_gap(config: Config, wines: data.Wines, rng: np.random.Generator) -> float:
    """The largest error of a network made to take random values at different wines.

    Its hidden weights are drawn, and its output weights are the solution of the linear equations
    that ask for these values: no training is needed to find weights that leave no error.
    """
    different = np.unique(wines.features[wines.train], axis=0)
    features = different[rng.choice(len(different), config.points, replace=False)]
    asked = rng.normal(size=(config.points, 1))
    model = paper.build_network([features.shape[1], config.interpolating_neurons, 1])
    kernel, bias, *_ = paper.initial_weights(model, rng)
    hidden = 1 / (1 + np.exp(-(features @ kernel + bias)))
    output, *_ = np.linalg.lstsq(hidden, asked, rcond=None)
    model.set_weights([kernel, bias, output, np.zeros(1)])
    return float(np.abs(np.asarray(model(features)) - asked).max())

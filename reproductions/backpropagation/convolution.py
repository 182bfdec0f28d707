"""The paper's convolution, section 8: its formula, its words, a Keras layer and its derivatives.

Source: paper, section 8.
Stated: (I*K)(i, j) as a sum of I(m, n) K(i-m, j-n); in words, the filter is slid over the image and
    multiplied element by element; the derivative by a filter's weight as a sum over positions.
Silent about: images and filters (we take random ones, and a letter F for the figure); the borders
    (we compare where the filter lies inside the image); padding and strides (none).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import scipy.signal
from keras import ops

from common import losses, training
from reproductions.backpropagation import formulas, networks


@dataclasses.dataclass(frozen=True)
class Config:
    """A random image and a random filter."""

    # assumed: no two sides alike
    image: tuple[int, int] = (6, 7)
    filter: tuple[int, int] = (2, 3)
    # assumed: side of a larger image in which a 5 x 5 pattern is hidden, and its noise
    scene: int = 24
    noise: float = 0.5
    # assumed
    precision: str = "float64"


VARIANTS = {"convolution": Config()}
SHORTENED: dict[str, dict] = {}


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed."""
    training.set_precision(config.precision)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        image, kernel = rng.normal(size=config.image), rng.normal(size=config.filter)
        layer = build_model(image, kernel)
        S = answer(layer, image)
        inside = tuple(slice(size - 1, 1 - size) for size in kernel.shape)
        printed = convolution_as_printed(image, kernel)
        slid = slid_filter(image, kernel)
        turned = slid_filter(image, kernel[::-1, ::-1])
        yield {
            "formula_gap": formulas.gap([(printed, scipy.signal.convolve2d(image, kernel))]),
            "layer_is_formula_gap": formulas.gap([(printed[inside], S)]),
            "sliding_is_formula_gap": formulas.gap([(slid, printed[inside])]),
            "sliding_turned_is_formula_gap": formulas.gap([(turned, printed[inside])]),
            "sliding_is_layer_gap": formulas.gap([(slid, S)]),
            **gradients_of(layer, image, kernel, rng),
            "pattern_stands_out": pattern_stands_out(config, rng),
            **example(),
        }


def build_model(image: np.ndarray, kernel: np.ndarray) -> keras.Model:
    """Build one Keras convolution layer with one filter; call it with (1, h, w, 1)."""
    layer = keras.layers.Conv2D(1, kernel.shape, use_bias=False)
    model = keras.Sequential([keras.Input((*image.shape, 1)), layer])
    model.set_weights([kernel[:, :, None, None]])
    return model


def answer(layer: keras.Model, image: np.ndarray) -> np.ndarray:
    """Return S, the layer's answer to one image."""
    return np.asarray(layer(image[None, :, :, None]))[0, :, :, 0]


def convolution_as_printed(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The sum of I(m, n) K(i-m, j-n) over m and n, for each (i, j) where it is not empty."""
    rows, columns = np.add(image.shape, kernel.shape) - 1
    result = np.zeros((rows, columns))
    for i, j in np.ndindex(rows, columns):
        for m, n in np.ndindex(*image.shape):
            if 0 <= i - m < kernel.shape[0] and 0 <= j - n < kernel.shape[1]:
                result[i, j] += image[m, n] * kernel[i - m, j - n]
    return result


def slid_filter(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Slide the filter over the image, multiply element by element and add up, as told in words."""
    height, width = kernel.shape
    rows, columns = np.subtract(image.shape, kernel.shape) + 1
    return np.array(
        [
            [(image[i : i + height, j : j + width] * kernel).sum() for j in range(columns)]
            for i in range(rows)
        ]
    )


def gradients_of(
    layer: keras.Model, image: np.ndarray, kernel: np.ndarray, rng: np.random.Generator
) -> dict[str, float]:
    """The chain rule of section 8 and the convolutions it comes to, against autodiff.

    The loss is the squared distance of S from a random target.
    """
    inputs = image[None, :, :, None]
    S = np.asarray(layer(inputs))
    target = rng.normal(size=S.shape)
    (exact,) = training.gradients(layer, losses.squared_error, inputs, target)
    loss_by_S = networks.slope(lambda S: losses.squared_error(target, S), S)[0, :, :, 0]
    summed = np.zeros(kernel.shape)
    for m, n in np.ndindex(*loss_by_S.shape):
        only = np.zeros(S.shape)
        only[0, m, n, 0] = 1.0
        (S_by_W,) = training.gradients(layer, lambda only, S: ops.sum(only * S), inputs, only)
        summed += loss_by_S[m, n] * S_by_W[:, :, 0, 0]
    by_image = networks.slope(lambda image: losses.squared_error(target, layer(image)), inputs)
    return {
        "weight_gradient_gap": formulas.gap([(summed, exact[:, :, 0, 0])]),
        "weight_gradient_by_sliding_gap": formulas.gap(
            [(scipy.signal.correlate2d(image, loss_by_S, mode="valid"), exact[:, :, 0, 0])]
        ),
        "error_by_convolution_gap": formulas.gap(
            [(scipy.signal.convolve2d(loss_by_S, kernel), by_image[0, :, :, 0])]
        ),
    }


def pattern_stands_out(config: Config, rng: np.random.Generator) -> bool:
    """Whether a layer's largest answer stands where the filter's pattern is hidden in noise."""
    kernel = rng.choice([-1.0, 1.0], size=(5, 5))
    scene = rng.normal(scale=config.noise, size=(config.scene, config.scene))
    top, left = rng.integers(config.scene - 4, size=2)
    scene[top : top + 5, left : left + 5] += kernel
    S = answer(build_model(scene, kernel), scene)
    return bool(np.unravel_index(S.argmax(), S.shape) == (top, left))


def example() -> dict[str, list]:
    """Return a letter F and an upper left corner as the filter: what each operation answers to."""
    image = np.zeros((9, 9))
    image[1:8, 2], image[1, 2:7], image[4, 2:6] = 1.0, 1.0, 1.0
    kernel = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [1.0, -1.0, -1.0]])
    layer = build_model(image, kernel)
    return {
        "example_image": image.tolist(),
        "example_filter": kernel.tolist(),
        "example_layer": answer(layer, image).tolist(),
        "example_formula": convolution_as_printed(image, kernel)[2:-2, 2:-2].tolist(),
    }

"""MNIST, from tensorflow-datasets, or scikit-learn's digits where it cannot be had."""

import dataclasses
import functools

import numpy as np

from common.data import arrays, copies, origins, stand_ins

SIDE = 28  # pixels
PIXELS = SIDE * SIDE

COPY = copies.Copy(
    "mnist:3.0.1",
    {"train": 60_000, "test": 10_000},
    "1e35582d42a90940c55b956deb61875c020b567ed20e3c5b174f52bf7809ed9b",
)
STAND_IN = "stand-in: scikit-learn digits scaled to 28x28"
ORIGIN = origins.Download(
    (COPY,),
    stand_in=STAND_IN,
    without=(
        "NO MNIST: running on scikit-learn's 1,797 digits scaled to 28x28 instead, and every "
        "verdict that needs MNIST will be NOT_RUN"
    ),
)


@dataclasses.dataclass(frozen=True, eq=False)
class Mnist:
    """Handwritten digits, in the published order.

    Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"; CC BY-SA 3.0.
    """

    train_images: np.ndarray  # uint8 [60000, 28, 28], 0 is paper and 255 is ink
    train_labels: np.ndarray  # int64 [60000], the digit
    test_images: np.ndarray  # uint8 [10000, 28, 28]
    test_labels: np.ndarray  # int64 [10000]
    version: str  # "3.0.1", or a text that begins with "stand-in"


@functools.cache
def load() -> Mnist:
    """Load MNIST, or the stand-in that `data.prepare` has decided on.

    Cached; the arrays are read-only.

    Raises:
        errors.UserError: the prepared copy is missing or damaged.
    """
    if stand_ins.is_used_for(COPY.data_set):
        return _scaled_digits()
    with copies.damage_reported(COPY):
        train, test = (copies.published_rows(COPY, split) for split in COPY.rows)
        train_images, train_labels, test_images, test_labels = arrays.checked(
            COPY.sha256,
            train["image"][..., 0],
            train["label"],
            test["image"][..., 0],
            test["label"],
        )
    return Mnist(train_images, train_labels, test_images, test_labels, COPY.version)


def rows(images: np.ndarray, dtype: str) -> np.ndarray:
    """Make a row of every picture, line after line, and scale it.

    Args:
        images: uint8, shape (n, 28, 28).
        dtype: the floating-point type that the division is made in.

    Returns:
        Shape (n, 784), values in [0, 1]: 0 is paper and 1 is ink.
    """
    return images.reshape(len(images), PIXELS).astype(dtype) / 255


def _scaled_digits() -> Mnist:
    """Stand in for MNIST: scikit-learn's 1,797 digits of 8x8, blown up; 1,500 to train on."""
    import scipy.ndimage
    import sklearn.datasets

    digits = sklearn.datasets.load_digits()
    scale = SIDE / 8
    images = scipy.ndimage.zoom(digits.images * (255 / 16), (1, scale, scale), order=1)
    images, labels = arrays.read_only(
        images.round().astype(np.uint8), digits.target.astype(np.int64)
    )
    return Mnist(images[:1500], labels[:1500], images[1500:], labels[1500:], version=STAND_IN)

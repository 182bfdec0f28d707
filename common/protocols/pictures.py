"""The paper's autoencoders: their network and pictures, and what a redrawn picture is held against.

The paper's autoencoders answer with pictures, and "they look right" is all it says of them. Here a
picture is compared with its original pixel by pixel, by the number that the authors' library prints
for it, by its details, as an eye would, and by whether a classifier still sees the same digit. All
pictures are rows of 784 pixels, 0 for paper and 1 for ink.

Source: paper, sections 7.3 and 7.4; their notebook (paper-code).
"""

import dataclasses
import typing
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np
import scipy.ndimage
import sklearn.decomposition
import sklearn.metrics

from common import losses, optimizers, training
from common.data import mnist
from common.protocols import paper

if typing.TYPE_CHECKING:
    pass

SIDE = mnist.SIDE
PIXELS = mnist.PIXELS
DIGITS = 10
CLASSIFIER_SEED = 0  # one judge for all seeds, variants and processes

Classifier = Callable[[np.ndarray], np.ndarray]


# --- The network and its pictures -----------------------------------------------------------------


def build_network(hidden: Sequence[int]) -> keras.Model:
    """784 pixels, the hidden layers, 784 pixels: dense, all sigmoid (figure 9)."""
    return paper.build_network((PIXELS, *hidden, PIXELS), output="sigmoid")


def build_trainer(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    *,
    epochs: int,
    batch_size: int,
    shuffle: bool,
) -> training.Trainer:
    """The library's sum of squares for one picture at a time, the mean of squares for batches."""
    loss = paper.squared_error if batch_size == 1 else losses.mean_squared_error
    return training.Trainer(
        model, optimizer, loss, epochs=epochs, batch_size=batch_size, shuffle=shuffle
    )


def logged_epochs(epochs: int) -> list[int]:
    """Epochs completed: before training, at the library's log lines and at the end."""
    return sorted({0, *paper.logged_epochs(epochs), epochs})


@dataclasses.dataclass(frozen=True)
class Digits:
    """Training and test pictures, rows of 784 pixels in [0, 1], and what they show."""

    train: np.ndarray
    train_digits: np.ndarray
    test: np.ndarray
    test_digits: np.ndarray


def load_digits(images: int, test_images: int, precision: str) -> Digits:
    """The first `images` of MNIST, of which the library trains on 80 %, and the first test images.

    A small stand-in gives half of what it has: the judge is trained on the others.
    """
    found = mnist.load()
    rows = paper.trained_rows(min(images, len(found.train_images) // 2))
    return Digits(
        train=mnist.rows(found.train_images[:rows], precision),
        train_digits=found.train_labels[:rows],
        test=mnist.rows(found.test_images[:test_images], precision),
        test_digits=found.test_labels[:test_images],
    )


def train_judge(images: int, epochs: int, precision: str) -> Classifier:
    """Train the judge of what a picture shows on the training images after the first `images`."""
    found = mnist.load()
    unused = slice(min(images, len(found.train_images) // 2), None)
    pixels = mnist.rows(found.train_images[unused], precision)
    return train_classifier(pixels, found.train_labels[unused], epochs=epochs)


# --- What is logged -------------------------------------------------------------------------------


def printed_line(picture: np.ndarray, redrawn: np.ndarray) -> dict[str, float]:
    """What the library prints of one picture, two parts of it, and the true error.

    Args:
        picture: shape (1, 784).
        redrawn: shape (1, 784).
    """
    (parts,) = printed_loss_parts(picture.astype("float64"), redrawn.astype("float64"))
    printed = paper.broadcast_squared_error(picture[0], redrawn[0])
    error = mean_squared_error(picture, redrawn)
    return {
        "printed_loss": printed,
        "printed_contrast": parts[1],
        "printed_brightness_gap": parts[2],
        "last_image_error": error,
        "printed_loss_excess": printed - error,
    }


def curves(lines: dict[int, dict], names: Iterable[str]) -> dict[str, list[float]]:
    """Lay the evaluations side by side: one list for each of the names, an element a log line."""
    return {name: [rounded(line[name]) for line in lines.values()] for name in names}


def finals(lines: dict[int, dict], names: Iterable[str]) -> dict[str, float]:
    """The same at the end of training alone, named "final_..."."""
    last = lines[max(lines)]
    return {f"final_{name}": rounded(last[name]) for name in names}


# --- How a picture is compared with its original --------------------------------------------------


def mean_squared_error(images: np.ndarray, redrawn: np.ndarray) -> float:
    """Mean over all pictures and pixels; shapes (n, 784), `images` may be one row for all."""
    return float(np.mean(np.square(redrawn - images), dtype="float64"))


def printed_loss_parts(images: np.ndarray, redrawn: np.ndarray) -> np.ndarray:
    """Split the number that the library prints for a picture into the three parts it consists of.

    It is the mean of (y_i - p_j)^2 over all pairs of pixels i, j, and so it is exactly
    Var(y) + Var(p) + (mean(y) - mean(p))^2: which pixel is where does not matter to it.

    Args:
        images: y, shape (n, 784).
        redrawn: p, shape (n, 784).

    Returns:
        Shape (n, 3): each picture's contrast, that of its redrawing, and the gap in brightness.
    """
    brightness = images.mean(axis=1) - redrawn.mean(axis=1)
    return np.stack([images.var(axis=1), redrawn.var(axis=1), brightness**2], axis=1)


def structural_similarity(images: np.ndarray, redrawn: np.ndarray) -> float:
    """How alike pictures look: 1 for the same picture, about 0 for unlike ones.

    The mean of the index of Wang, Bovik, Sheikh and Simoncelli (2004) over all windows of 7 by 7
    pixels and all pictures, for values between 0 and 1.

    Args:
        images: shape (n, 784).
        redrawn: shape (n, 784).
    """
    x, y = (each.reshape(-1, SIDE, SIDE).astype("float64") for each in (images, redrawn))

    def window_means(values: np.ndarray) -> np.ndarray:
        return scipy.ndimage.uniform_filter(values, (0, 7, 7))

    mean_x, mean_y = window_means(x), window_means(y)
    spreads = window_means(x * x) - mean_x**2 + window_means(y * y) - mean_y**2
    covariance = window_means(x * y) - mean_x * mean_y
    brightness = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return float(np.mean(brightness * (2 * covariance + 0.03**2) / (spreads + 0.03**2)))


def details_restored(images: np.ndarray, redrawn: np.ndarray) -> float:
    """Share of the originals' details that their redrawings have.

    Details are what a blur of one pixel takes away. 1 is all of them; 0 is what a picture without
    any detail has; noise has details of its own, and a share below 0.

    Args:
        images: shape (n, 784).
        redrawn: shape (n, 784).
    """

    def details(pictures: np.ndarray) -> np.ndarray:
        square = pictures.reshape(-1, SIDE, SIDE).astype("float64")
        return square - scipy.ndimage.gaussian_filter(square, (0, 1, 1))

    wanted = details(images)
    missing = np.square(details(redrawn) - wanted).sum()
    return float(1 - missing / np.square(wanted).sum())


def principal_components(images: np.ndarray, count: int) -> sklearn.decomposition.PCA:
    """Fit the best linear code of `count` numbers; its first k are the best code of k numbers."""
    return sklearn.decomposition.PCA(count, svd_solver="covariance_eigh").fit(images)


def linear_reconstruction(
    pca: sklearn.decomposition.PCA, images: np.ndarray, count: int
) -> np.ndarray:
    """Redraw pictures from their first `count` components, cut to [0, 1] as pictures are."""
    components = pca.components_[:count]
    redrawn = pca.mean_ + (images - pca.mean_) @ components.T @ components
    return np.clip(redrawn, 0, 1)


def train_classifier(images: np.ndarray, labels: np.ndarray, *, epochs: int) -> Classifier:
    """Train the judge of what a picture shows: a small network, Adam, batches of 64.

    It starts from one seed of its own, so that every process trains the same judge.

    Args:
        images: shape (n, 784); the networks to be judged must not have seen them.
        labels: shape (n,), digits.
        epochs: how often it sees them.

    Returns:
        A function from pictures (m, 784) to the digits it sees, shape (m,).
    """
    model = keras.Sequential(
        [
            keras.Input((PIXELS,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(DIGITS, activation="log_softmax"),
        ]
    )

    trainer = training.Trainer(
        model,
        optimizers.Adam(0.001),
        losses.negative_log_likelihood,
        epochs=epochs,
        batch_size=64,
        shuffle=True,
    )
    rng = np.random.default_rng(CLASSIFIER_SEED)
    weights = training.initial_weights(model, rng, training.glorot)
    trainer.train(images, labels, weights=weights, seed=CLASSIFIER_SEED)
    return lambda pictures: trainer.predict(pictures).argmax(axis=1)


def agreement(digits: np.ndarray, seen: np.ndarray) -> float:
    """Share of pictures in which `seen` is the digit of `digits`."""
    return float(sklearn.metrics.accuracy_score(digits, seen))


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Pictures to store and look at: cut to [0, 1], 256 shades of grey."""
    return np.rint(np.clip(images, 0, 1) * 255).astype("uint8")


def rounded(value: float) -> float:
    """Six significant digits: what float32 has, and short in a record."""
    return float(f"{value:.6g}")

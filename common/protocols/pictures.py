"""How pictures are compared, and what a network that redraws them is held against.

The paper's autoencoders answer with pictures, and "they look right" is all it says of them. Here a
picture is compared with its original pixel by pixel, by the number that the authors' library prints
for it, and by whether a classifier still sees the same digit. All pictures are rows of 784 pixels,
0 for black and 1 for white.
"""

from collections.abc import Callable

import keras
import numpy as np
import sklearn.decomposition
import sklearn.metrics

from common import losses, optimizers, training

SIDE = 28  # pixels
PIXELS = SIDE * SIDE
DIGITS = 10
CLASSIFIER_SEED = 0  # one judge for all seeds, variants and processes

Classifier = Callable[[np.ndarray], np.ndarray]


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

"""What the denoiser is held against: answers that need no network, and how cleaned pictures look.

Pictures are rows of 784 pixels, 0 for paper and 1 for ink; noisy ones may lie outside.
"""

import numpy as np
import scipy.signal

from common.protocols import pictures

WIENER_WINDOWS = (3, 5)  # pixels


def simple_answers(
    clean_train: np.ndarray,
    noisy_train: np.ndarray,
    noisy: np.ndarray,
    *,
    deviation: float,
    components: tuple[int, int],
    tuning_images: int,
) -> dict[str, np.ndarray]:
    """Noisy pictures as they come, cut, replaced by the mean image, or cleaned by a textbook.

    Args:
        clean_train: shape (n, 784).
        noisy_train: shape (n, 784), the same under noise: the principal components are theirs.
        noisy: shape (m, 784), unseen pictures under noise.
        deviation: of the noise.
        components: two numbers of principal components.
        tuning_images: training pictures that choose the Wiener filter's window.

    Returns:
        Answers to `noisy`, shape (m, 784), by name.
    """
    few, many = components
    pca = pictures.principal_components(noisy_train, min(many, len(noisy_train) - 1))
    window = best_window(clean_train[:tuning_images], noisy_train[:tuning_images], deviation)
    return {
        "noisy": noisy,
        "clipped": np.clip(noisy, 0, 1),
        "mean_image": np.broadcast_to(clean_train.mean(axis=0), noisy.shape),
        "pca_9": pictures.linear_reconstruction(pca, noisy, few),
        "pca_40": pictures.linear_reconstruction(pca, noisy, many),
        "wiener": wiener_filtered(noisy, window, deviation),
    }


def wiener_filtered(noisy: np.ndarray, window: int, deviation: float) -> np.ndarray:
    """SciPy's Wiener filter on each picture, told the true power of the noise; cut to [0, 1]."""
    square = noisy.reshape(-1, pictures.SIDE, pictures.SIDE).astype("float64")
    filtered = scipy.signal.wiener(square, (1, window, window), noise=deviation**2)
    return np.clip(filtered, 0, 1).reshape(noisy.shape).astype(noisy.dtype)


def best_window(clean: np.ndarray, noisy: np.ndarray, deviation: float) -> int:
    """The Wiener window with the smallest error, in pixels."""

    def error(window: int) -> float:
        return pictures.mean_squared_error(clean, wiener_filtered(noisy, window, deviation))

    return min(WIENER_WINDOWS, key=error)


def measured(
    answers: dict[str, np.ndarray], digits: pictures.Digits, classify: pictures.Classifier
) -> dict[str, float]:
    """Error and kept class of simple answers to the unseen pictures, and how some look, by name."""
    seen = classify(digits.test)
    found = {"classifier_accuracy": pictures.agreement(digits.test_digits, seen)}
    for name, cleaned in answers.items():
        error = pictures.mean_squared_error(digits.test, cleaned)
        found[f"{name}_error"] = pictures.rounded(error)
        found[f"{name}_kept_class"] = pictures.agreement(seen, classify(cleaned))
    # Cut to [0, 1] is what an eye sees of a noisy picture.
    similarity = pictures.structural_similarity(digits.test, answers["clipped"])
    details = pictures.details_restored(digits.test, answers["wiener"])
    return found | {
        "clipped_similarity": pictures.rounded(similarity),
        "wiener_details": pictures.rounded(details),
    }


def likeness(clean: np.ndarray, cleaned: np.ndarray) -> dict[str, float]:
    """How far details are restored, and how alike cleaned and clean pictures look."""
    details = pictures.details_restored(clean, cleaned)
    similarity = pictures.structural_similarity(clean, np.clip(cleaned, 0, 1))
    return {"details": pictures.rounded(details), "similarity": pictures.rounded(similarity)}

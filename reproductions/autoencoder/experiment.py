"""MNIST digits through nine numbers and back: the paper's autoencoder, 784-128-9-128-784.

The paper shows reconstructed digits beside their originals, and its notebook a printed loss that
rises while the network learns. Here both are measured: the printed number and what it consists of;
the true error on the trained images and on digits the network has not seen; whether the pictures
still show the same digit; what the nine numbers alone tell of it; and the same nine numbers in the
best linear code (principal components) and in a soundly trained network.

Source: paper, section 7.3, figures 9 to 11; its notebook, cells 61 to 73 (paper-code).
Stated: 784, 128, 9, 128 and 784 neurons; 200 epochs.
Silent about: all of the following, which is the notebook's and the authors' library's. Sigmoid in
    all layers; weights and biases from N(0, 1); the first 10,000 training images, of which 8,000
    are trained on; pixels in [0, 1]; gradient descent at 0.01 on the sum of squares, one image at a
    time, in the same order every epoch. Our own choices: the start, optimizer and batches of
    `corrected`; which images count as rare; how a digit is told from its code.

The library logs where `epoch % 10 == 0`, after that epoch's pass: after 1, 11, ..., 191 epochs. Its
"Loss" is that of the last training image, and its shapes do not match
(`paper.broadcast_squared_error`).
"""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import sklearn.neighbors

from common import training
from common.protocols import paper, pictures

LOGGED = (
    "printed_loss",
    "printed_contrast",
    "printed_brightness_gap",
    "last_image_error",
    "train_error",
    "rare_error",
    "test_error",
    "kept_class",
)
AT_THE_END = (
    "printed_loss",
    "printed_contrast",
    "last_image_error",
    "train_error",
    "rare_error",
    "test_error",
    "kept_class",
)
COMPONENTS = (9, 20)  # principal components: as many numbers as the code has, and about twice that


@dataclasses.dataclass(frozen=True)
class Config:
    """The notebook's protocol; `corrected` changes a few fields of it."""

    hidden: tuple[int, ...] = (128, 9, 128)
    images: int = 10_000  # the first ones; the library trains on 80 % of them
    epochs: int = 200
    optimizer: str = "gd"
    learning_rate: float = 0.01
    batch_size: int = 1
    shuffle: bool = False
    initialisation: str = paper.INITIALISATION
    test_images: int = 10_000

    # assumed: "imágenes poco comunes", those farthest from the mean image
    rare_share: float = 0.1
    # assumed: a digit is told from its code by the nearest codes of trained pictures
    neighbours: int = 5
    # assumed: the judge of what a picture shows, trained on other images
    classifier_epochs: int = 5
    # assumed: after the library's epochs 0, 20 and 60, and at the end
    pictured_epochs: tuple[int, ...] = (0, 1, 21, 61, 200)
    # assumed: six pictures of each kind are stored
    pictures: int = 6
    # assumed: single precision, where the library has double
    precision: str = "float32"


VARIANTS = {
    "as_written": Config(),
    "corrected": Config(  # assumed: the usual start, optimizer and batches, until it levels off
        initialisation="glorot",
        optimizer="textbook_adam",
        learning_rate=0.003,
        batch_size=64,
        shuffle=True,
        epochs=60,
    ),
}

SHORTENED = {
    "smoke": {"images": 250, "epochs": 2, "test_images": 200, "classifier_epochs": 1},
    "standard": {"as_written": {"epochs": 51}},  # ends on a log line: the beginning of a full run
}


def build_model(config: Config) -> keras.Model:
    """784 pixels, the hidden layers, 784 pixels: dense, all sigmoid (figure 9)."""
    return pictures.build_network(config.hidden)


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train one network per seed and measure its reconstructions at every log line."""
    training.set_precision(config.precision)
    digits = pictures.load_digits(config.images, config.test_images, config.precision)
    # Also where a profile takes fewer images, the judge sees those that a full run does not use.
    classify = pictures.train_judge(Config.images, config.classifier_epochs, config.precision)
    baselines, simple_pictures = simple_answers(digits, classify, config)
    rare = rare_rows(digits.train, config.rare_share)
    model = build_model(config)
    updates = len(digits.train) // config.batch_size
    trainer = pictures.build_trainer(
        model,
        paper.build_optimizer(config.optimizer, config.learning_rate, updates),
        epochs=config.epochs,
        batch_size=config.batch_size,
        shuffle=config.shuffle,
    )
    for seed in seeds:
        weights = paper.initial_weights(model, np.random.default_rng(seed), config.initialisation)
        model.set_weights(weights)
        untrained = code_accuracy(code_of(model, digits), digits, config)
        lines = trainer.train(
            digits.train,
            digits.train,
            weights=weights,
            seed=seed,
            evaluate=lambda epoch: evaluate(trainer, digits, rare, classify),
            at=pictures.logged_epochs(config.epochs),
        ).evaluations
        yield {
            "logged_epochs": list(lines),
            **baselines,
            **pictures.curves(lines, LOGGED),
            **pictures.finals(lines, AT_THE_END),
            "largest_printed_loss_excess": max(
                line["printed_loss_excess"] for line in lines.values()
            ),
            "linearity_gap": linearity_gap(trainer, digits.test),
            "untrained_code_accuracy": untrained,
            "code_accuracy": code_accuracy(code_of(model, digits), digits, config),
            **(shown(digits, lines, config) | simple_pictures if seed == 0 else {}),
        }


# --- Measuring ------------------------------------------------------------------------------------


def evaluate(
    trainer: training.Trainer,
    digits: pictures.Digits,
    rare: np.ndarray,
    classify: pictures.Classifier,
) -> dict:
    """Measure the network as it stands, on seen and unseen pictures."""
    train, test = trainer.predict(digits.train), trainer.predict(digits.test)
    return {
        **pictures.printed_line(digits.train[-1:], train[-1:]),
        "train_error": pictures.mean_squared_error(digits.train, train),
        "rare_error": pictures.mean_squared_error(digits.train[rare], train[rare]),
        "test_error": pictures.mean_squared_error(digits.test, test),
        "kept_class": pictures.agreement(classify(digits.test), classify(test)),
        "redrawn_train": train[:100],
        "redrawn_test": test[:100],
    }


def rare_rows(train: np.ndarray, share: float) -> np.ndarray:
    """Positions of the images farthest from the mean image, that share of all."""
    distances = np.square(train - train.mean(axis=0)).sum(axis=1)
    return np.argsort(distances)[-round(share * len(train)) :]


def linearity_gap(trainer: training.Trainer, some: np.ndarray) -> float:
    """Largest difference between the middle of two reconstructions and that of the middle.

    An affine network, whatever its weights, has none.
    """
    half = len(some) // 2
    first, second = some[:half], some[half : 2 * half]
    middle = (trainer.predict(first) + trainer.predict(second)) / 2
    return pictures.rounded(np.abs(trainer.predict((first + second) / 2) - middle).max())


@dataclasses.dataclass(frozen=True)
class Codes:
    """A few numbers for every trained and for every unseen picture, shape (pictures, numbers)."""

    train: np.ndarray
    test: np.ndarray


def code_of(model: keras.Model, digits: pictures.Digits) -> Codes:
    """The outputs of the network's code layer, its second."""

    def code(some: np.ndarray) -> np.ndarray:
        return np.asarray(model.layers[1](model.layers[0](some)))

    return Codes(code(digits.train), code(digits.test))


def code_accuracy(codes: Codes, digits: pictures.Digits, config: Config) -> float:
    """How many unseen digits are told from their codes alone, by the nearest trained ones."""
    neighbours = sklearn.neighbors.KNeighborsClassifier(config.neighbours)
    neighbours.fit(codes.train, digits.train_digits)
    return pictures.agreement(digits.test_digits, neighbours.predict(codes.test))


def simple_answers(
    digits: pictures.Digits, classify: pictures.Classifier, config: Config
) -> tuple[dict, dict[str, np.ndarray]]:
    """What needs no network: the mean image and the best linear codes, measured, and pictures."""
    pca = pictures.principal_components(digits.train, max(COMPONENTS))
    mean_image = np.broadcast_to(digits.train.mean(axis=0), digits.test.shape)
    answers = {"mean_image": mean_image} | {
        f"pca_{count}": pictures.linear_reconstruction(pca, digits.test, count)
        for count in COMPONENTS
    }
    seen = classify(digits.test)
    mean_error = pictures.mean_squared_error(digits.train, digits.train.mean(axis=0))
    nine = Codes(*(pca.transform(some)[:, :9] for some in (digits.train, digits.test)))
    measured = {
        "last_image_contrast": pictures.rounded(float(digits.train[-1:].var())),
        "classifier_accuracy": pictures.agreement(digits.test_digits, seen),
        "mean_image_train_error": pictures.rounded(mean_error),
        "pca_9_code_accuracy": code_accuracy(nine, digits, config),
    }
    for name, redrawn in answers.items():
        error = pictures.mean_squared_error(digits.test, redrawn)
        measured[f"{name}_test_error"] = pictures.rounded(error)
        measured[f"{name}_kept_class"] = pictures.agreement(seen, classify(redrawn))
    return measured, {
        f"pictures_{name}": pictures.as_bytes(redrawn[: config.pictures])
        for name, redrawn in answers.items()
    }


def shown(digits: pictures.Digits, lines: dict[int, dict], config: Config) -> dict:
    """The first few training and test pictures, and their reconstructions at some epochs."""
    some = slice(config.pictures)
    epochs = [epoch for epoch in lines if epoch in {*config.pictured_epochs, config.epochs}]
    rows = {
        "train": digits.train[some],
        "test": digits.test[some],
        "redrawn_train": np.stack([lines[epoch]["redrawn_train"][some] for epoch in epochs]),
        "redrawn_test": np.stack([lines[epoch]["redrawn_test"][some] for epoch in epochs]),
    }
    stored = {f"pictures_{name}": pictures.as_bytes(each) for name, each in rows.items()}
    return stored | {"pictured_epochs": epochs}

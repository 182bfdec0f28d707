"""Noise removed from MNIST digits by the paper's autoencoder: 784-128-9-128-784.

The paper shows noisy digits and their cleaned pictures, and concludes from how well they look that
every layer's weights are corrected as they should be. Here the cleaned pictures are measured: their
error against the clean originals, on training pictures, on the same pictures under new noise and on
unseen digits; their details; whether they still show the same digit; all of it against doing
nothing, the mean image, principal components and a Wiener filter. Networks whose first layers are
left uncorrected on purpose show how much a good picture proves.

Source: paper, section 7.4, figure 12; its notebook, cells 80 to 87 (paper-code).
Stated: three hidden layers of 128, 9 and 128 neurons; Gaussian noise added to the pictures; the
    error measured against the clean ones.
Silent about: all of the following, which is the notebook's and the authors' library's. Sigmoid in
    all layers; weights and biases from N(0, 1); the first 30,000 training images, of which 24,000
    are trained on; pixels in [0, 1]; noise of standard deviation 0.4, added once and not clipped,
    so every epoch shows the same noise; gradient descent at 0.01 on the sum of squares, one image
    at a time, 250 epochs. Our own choices: uncorrected layers, compared with the others after 51
    epochs; new noise in every epoch, with the paper's start and with a smaller one; the sound
    start, optimizer and batches of `corrected`; how details and likeness are measured.

The library logs where `epoch % 10 == 0`, after that epoch's pass: after 1, 11, ..., 241 epochs. Its
"Loss" is that of the last training image, and its shapes do not match
(`paper.broadcast_squared_error`).
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
from keras import ops

from common import training
from common.protocols import paper, pictures
from reproductions.denoising_autoencoder import textbook

LOGGED = (
    "printed_loss",
    "train_error",
    "fresh_train_error",
    "test_error",
    "kept_class",
    "code_agreement",
)
AT_THE_END = ("test_error", "kept_class", "code_agreement")


@dataclasses.dataclass(frozen=True)
class Config:
    """The notebook's protocol; every other variant changes a few fields of it."""

    hidden: tuple[int, ...] = (128, 9, 128)
    noise: float = 0.4  # standard deviation; pixels are in [0, 1]
    new_noise_every_epoch: bool = False
    images: int = 30_000  # the first ones; the library trains on 80 % of them
    initialisation: str = paper.INITIALISATION
    optimizer: str = "gd"
    learning_rate: float = 0.01
    batch_size: int = 1
    shuffle: bool = False
    epochs: int = 250
    uncorrected_layers: int = 0  # that many, from the input on, keep their random start
    first_layer_scaled: bool = False  # its weights drawn from N(0, 1/784): sums of the order of 1

    # assumed: enough of the training images to measure the error
    scored_images: int = 5_000
    test_images: int = 10_000
    # assumed: principal components, as many as the code has, and clearly more
    components: tuple[int, int] = (9, 40)
    # assumed: training images that choose the Wiener filter's window
    tuning_images: int = 1_000
    # assumed: the judge of what a picture shows, trained on other images
    classifier_epochs: int = 5
    # assumed: unseen pictures that get noise twice, to compare their codes
    repeated_images: int = 1_000
    # assumed: the plateau at the mean image is left below this share of the mean image's error
    clearly_better: float = 0.9
    pictured_epochs: tuple[int, ...] = (0, 1, 51, 250)
    # assumed: eight pictures of each kind are stored
    pictures: int = 8
    # assumed: single precision, where the library has double
    precision: str = "float32"


SOUND = Config(  # assumed: the usual start, optimizer and batches, long enough to level off
    initialisation="glorot",
    optimizer="textbook_adam",
    learning_rate=0.003,
    batch_size=64,
    shuffle=True,
    epochs=30,
)

VARIANTS = {
    "as_written": Config(),
    "frozen_encoder": Config(uncorrected_layers=2, epochs=51),  # ends on a log line
    "frozen_first_layer": Config(uncorrected_layers=1, epochs=51),
    "fresh_noise": Config(new_noise_every_epoch=True),
    "fresh_noise_scaled": Config(new_noise_every_epoch=True, first_layer_scaled=True, epochs=21),
    "corrected": SOUND,
    "corrected_wide": dataclasses.replace(SOUND, hidden=(128, 64, 128)),
}

SHORTENED = {
    "smoke": {
        "images": 200,
        "epochs": 2,
        "scored_images": 100,
        "test_images": 200,
        "tuning_images": 50,
        "classifier_epochs": 1,
    },
    # All end on a log line: the beginnings of full runs.
    "standard": {
        "as_written": {"epochs": 121},
        "fresh_noise": {"epochs": 11},
        "fresh_noise_scaled": {"epochs": 11},
    },
}


def build_model(config: Config) -> keras.Model:
    """784 pixels, the hidden layers, 784 pixels: dense, all sigmoid."""
    return pictures.build_network(config.hidden)


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train one network per seed and measure its cleaned pictures at every log line."""
    training.set_precision(config.precision)
    digits = pictures.load_digits(config.images, config.test_images, config.precision)
    # Also where a profile takes fewer images, the judge sees those that a full run does not use.
    classify = pictures.train_judge(Config.images, config.classifier_epochs, config.precision)
    model = build_model(config)
    whole_model = build_model(config)  # has nothing frozen: the start of all layers is drawn by it
    for layer in model.layers[: config.uncorrected_layers]:
        layer.trainable = False
    trainer = pictures.build_trainer(
        model,
        paper.build_optimizer(
            config.optimizer, config.learning_rate, len(digits.train) // config.batch_size
        ),
        # New noise takes a program of one epoch, run again and again: plain gradient descent
        # remembers nothing but the weights, so it may be stopped after any epoch.
        epochs=1 if config.new_noise_every_epoch else config.epochs,
        batch_size=config.batch_size,
        shuffle=config.shuffle,
    )
    train = train_on_new_noise if config.new_noise_every_epoch else train_on_the_same_noise
    for seed in seeds:
        start = initial_weights(whole_model, seed, config)
        noisy = add_noise(digits, seed, config)
        lines = train(
            trainer,
            config,
            digits.train,
            noisy.train,
            start=start,
            seed=seed,
            evaluate=functools.partial(evaluate, trainer, digits, noisy, classify),
        )
        answers = textbook.simple_answers(
            digits.train,
            noisy.train,
            noisy.test,
            deviation=config.noise,
            components=config.components,
            tuning_images=config.tuning_images,
        )
        simple = textbook.measured(answers, digits, classify)
        looks = textbook.likeness(digits.test, trainer.predict(noisy.test))
        yield {
            "logged_epochs": list(lines),
            "plateau_end": plateau_end(lines, simple["mean_image_error"], config),
            **pictures.curves(lines, LOGGED),
            **pictures.finals(lines, AT_THE_END),
            **{f"final_{name}": value for name, value in looks.items()},
            **simple,
            **(shown(digits, noisy, answers, lines, config) if seed == 0 else {}),
        }


# --- Noise ----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Noisy:
    """One seed's noisy pictures: those trained on, the same under new noise, and unseen ones."""

    train: np.ndarray
    fresh_train: np.ndarray
    test: np.ndarray
    again: np.ndarray  # the first of the unseen ones under new noise


def with_noise(some: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise, not clipped: the notebook's `gaussian_noise`."""
    noise = rng.standard_normal(some.shape, dtype=some.dtype)
    noise *= deviation
    noise += some
    return noise


def add_noise(digits: pictures.Digits, seed: int, config: Config) -> Noisy:
    """Draw the noise of one seed, from generators of its own: every variant starts alike."""
    train, fresh, test = (
        with_noise(some, config.noise, np.random.default_rng([seed, number]))
        for number, some in enumerate((digits.train, digits.train, digits.test), start=1)
    )
    again = np.random.default_rng([seed, 5])
    repeated = digits.test[: config.repeated_images]
    return Noisy(
        train=train,
        fresh_train=fresh[: config.scored_images],
        test=test,
        again=with_noise(repeated, config.noise, again),
    )


# --- Training -------------------------------------------------------------------------------------


def initial_weights(whole_model: keras.Model, seed: int, config: Config) -> list[np.ndarray]:
    """Draw the start of all layers, frozen ones too; scale the first layer's weights if asked."""
    rng = np.random.default_rng(seed)
    weights = paper.initial_weights(whole_model, rng, config.initialisation)
    if config.first_layer_scaled:
        weights[0] = weights[0] / np.sqrt(pictures.PIXELS)
    return weights


def train_on_the_same_noise(
    trainer: training.Trainer,
    config: Config,
    clean: np.ndarray,
    noisy: np.ndarray,
    *,
    start: list[np.ndarray],
    seed: int,
    evaluate: Callable[[int], dict],
) -> dict[int, dict]:
    """Train on pictures whose noise stays the same; what `evaluate` says at every log line."""
    trainer.model.set_weights(start)  # also of layers that stay as they are
    history = trainer.train(
        noisy,
        clean,
        weights=start[2 * config.uncorrected_layers :],  # a kernel and a bias each
        seed=seed,
        evaluate=evaluate,
        at=pictures.logged_epochs(config.epochs),
    )
    return history.evaluations


def train_on_new_noise(
    trainer: training.Trainer,
    config: Config,
    clean: np.ndarray,
    noisy: np.ndarray,
    *,
    start: list[np.ndarray],
    seed: int,
    evaluate: Callable[[int], dict],
) -> dict[int, dict]:
    """The same with other noise in every epoch; the first epoch's is `noisy`."""
    trainer.model.set_weights(start)
    noise = np.random.default_rng([seed, 4])
    logged = set(pictures.logged_epochs(config.epochs))
    lines = {0: evaluate(0)}
    clean_tensor = ops.convert_to_tensor(clean)
    for epoch in range(1, config.epochs + 1):
        if epoch > 1:
            noisy = with_noise(clean, config.noise, noise)
        trainer.train(noisy, clean_tensor, weights=trainer.model.get_weights(), seed=seed)
        if epoch in logged:
            lines[epoch] = evaluate(epoch)
    return lines


# --- Measuring ------------------------------------------------------------------------------------


def evaluate(
    trainer: training.Trainer,
    digits: pictures.Digits,
    noisy: Noisy,
    classify: pictures.Classifier,
    epoch: int,
) -> dict:
    """Measure the network as it stands, on seen and unseen pictures."""
    scored = len(noisy.fresh_train)
    clean, seen = digits.train[:scored], noisy.train[:scored]
    cleaned = trainer.predict(noisy.test)
    return {
        **pictures.printed_line(digits.train[-1:], trainer.predict(noisy.train[-1:])),
        "train_error": pictures.mean_squared_error(clean, trainer.predict(seen)),
        "fresh_train_error": pictures.mean_squared_error(clean, trainer.predict(noisy.fresh_train)),
        "test_error": pictures.mean_squared_error(digits.test, cleaned),
        "kept_class": pictures.agreement(classify(digits.test), classify(cleaned)),
        "code_agreement": code_agreement(trainer.model, noisy),
        "cleaned": cleaned[:100],
    }


def plateau_end(lines: dict[int, dict], mean_image_error: float, config: Config) -> float:
    """The first log line at which an answer is clearly more than the mean image, or infinity."""
    level = config.clearly_better * mean_image_error
    left = [epoch for epoch, line in lines.items() if line["test_error"] < level]
    return float(min(left, default=np.inf))


def code_agreement(model: keras.Model, noisy: Noisy) -> float:
    """How far the code tells of the picture, and not of its noise.

    Each picture is given noise twice. For each code neuron this takes the correlation of its input
    z under the one noise and under the other, over the pictures: 1 if noise does not matter to it,
    0 if nothing else does. The mean over the code neurons is returned.
    """
    kernel, bias = model.layers[1].get_weights()
    one, other = (
        np.asarray(model.layers[0](some)) @ kernel + bias
        for some in (noisy.test[: len(noisy.again)], noisy.again)
    )
    correlations = [np.corrcoef(pair)[0, 1] for pair in zip(one.T, other.T, strict=True)]
    return float(np.mean(correlations))


def shown(
    digits: pictures.Digits,
    noisy: Noisy,
    answers: dict[str, np.ndarray],
    lines: dict[int, dict],
    config: Config,
) -> dict:
    """The first few unseen pictures: clean, noisy, cleaned at some epochs and by a textbook."""
    some = slice(config.pictures)
    epochs = [epoch for epoch in lines if epoch in {*config.pictured_epochs, config.epochs}]
    rows = {
        "clean": digits.test[some],
        "noisy": noisy.test[some],
        "cleaned": np.stack([lines[epoch]["cleaned"][some] for epoch in epochs]),
        "wiener": answers["wiener"][some],
        "pca_9": answers["pca_9"][some],
    }
    stored = {f"pictures_{name}": pictures.as_bytes(each) for name, each in rows.items()}
    return stored | {"pictured_epochs": epochs}

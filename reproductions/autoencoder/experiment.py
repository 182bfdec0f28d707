"""MNIST digits through nine numbers and back: the paper's autoencoder, 784-128-9-128-784.

The paper shows reconstructed digits beside their originals, and its notebook a printed loss that
rises while the network learns. Here both are measured: the printed number and what it consists of;
the true error on the trained images and on digits the network has not seen; whether the pictures
still show the same digit; and the same nine numbers in the best linear code (principal components)
and in a soundly trained network.

Source: paper, section 7.3, figures 9 to 11; its notebook, cells 61 to 73 (paper-code).
Stated: 784, 128, 9, 128 and 784 neurons; 200 epochs.
Silent about: all of the following, which is the notebook's and the authors' library's. Sigmoid in
    all layers; weights and biases from N(0, 1); the first 10,000 training images, of which 8,000
    are trained on and 2,000 validate; pixels in [0, 1]; gradient descent at 0.01 on the sum of
    squares, one image at a time, in the same order every epoch. Our own choices: the start,
    optimizer and batches of `corrected`; which images count as rare.

The library logs where `epoch % 10 == 0`, after that epoch's pass: after 1, 11, ..., 191 epochs. Its
"Loss" is that of the last training image, and its shapes do not match (common/paper_library.py).
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
from keras import ops
from matplotlib import axes as mpl_axes

from common import claims, cli, data, images, paper_library, plots, records, training

Redraw = Callable[[np.ndarray], np.ndarray]  # pictures, rows of 784 pixels, and their redrawing


@dataclasses.dataclass(frozen=True)
class Config:
    """The notebook's protocol; `corrected` changes a few fields of it."""

    hidden: tuple[int, ...] = (128, 9, 128)
    images: int = 10_000  # the first ones; the library trains on 80 %, and validates on the others
    initialisation: str = paper_library.INITIALISATION
    optimizer: str = "gd"
    learning_rate: float = 0.01
    batch_size: int = 1
    shuffle: bool = False
    epochs: int = 200
    test_images: int = 10_000
    components: tuple[int, ...] = (9, 20)  # as many numbers as the code has, and about twice that
    rare_share: float = 0.1  # assumed: "imágenes poco comunes", those farthest from the mean image
    saturated: float = 0.01  # assumed: a sigmoid this close to 0 or 1 hardly learns
    in_use: float = 0.01  # assumed: a code number that varies less over images tells nothing
    classifier_epochs: int = (
        5  # assumed: the judge of what a picture shows, trained on other images
    )
    pictured_epochs: tuple[int, ...] = (0, 1, 21, 61, 200)  # after the library's 0, 20 and 60
    pictures: int = 6
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
    "standard": {"epochs": 51},  # ends on a log line: the beginning of a full run
}


def build_model(config: Config) -> keras.Model:
    """784 pixels, the hidden layers, 784 pixels: dense, all sigmoid (figure 9)."""
    sizes = (images.PIXELS, *config.hidden, images.PIXELS)
    return paper_library.build_network(sizes, output="sigmoid")


def logged_epochs(config: Config) -> list[int]:
    """Epochs completed: before training, at the library's log lines and at the end."""
    return sorted({0, *paper_library.logged_epochs(config.epochs), config.epochs})


# --- Training -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Digits:
    """Pictures, rows of 784 pixels in [0, 1], and what the unseen ones show."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    test_digits: np.ndarray


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train one network per seed and measure its reconstructions at every log line."""
    training.set_precision(config.precision)
    mnist = data.mnist()
    half = len(mnist.train_images) // 2  # more than is asked for, but of a small stand-in
    given = min(config.images, half)
    rows = paper_library.trained_rows(given)
    pixels = images.flattened(mnist.train_images, config.precision)
    digits = Digits(
        train=pixels[:rows],
        validation=pixels[rows:given],
        test=images.flattened(mnist.test_images[: config.test_images], config.precision),
        test_digits=mnist.test_labels[: config.test_images],
    )
    unused = slice(min(Config.images, half), None)  # also where a profile takes fewer images
    classify = images.train_classifier(
        pixels[unused], mnist.train_labels[unused], epochs=config.classifier_epochs
    )
    baselines, simple_pictures = _baselines(digits, classify, config)
    rare = _rare(digits.train, config.rare_share)
    model = build_model(config)
    trainer = training.Trainer(
        model,
        paper_library.build_optimizer(
            config.optimizer, config.learning_rate, rows // config.batch_size
        ),
        paper_library.squared_error if config.batch_size == 1 else _mean_squared_error,
        epochs=config.epochs,
        batch_size=config.batch_size,
        shuffle=config.shuffle,
    )

    def evaluate(epoch: int) -> dict:
        return _evaluate(trainer, digits, rare, classify) | _activity(model, digits, config)

    for seed in seeds:
        rng = np.random.default_rng(seed)
        history = trainer.train(
            digits.train,
            digits.train,
            weights=training.initial_weights(model, rng, config.initialisation),
            seed=seed,
            evaluate=evaluate,
            at=logged_epochs(config),
        )
        lines = history.evaluations
        yield {
            **_describe(model, config),
            "trained_images": len(digits.train),
            **baselines,
            **_curves(lines),
            "largest_printed_parts_gap": max(line["printed_parts_gap"] for line in lines.values()),
            "largest_printed_loss_excess": max(
                line["printed_loss_excess"] for line in lines.values()
            ),
            "linearity_gap": _linearity_gap(trainer, digits.test),
            **(_pictures(digits, lines, config) | simple_pictures if seed == 0 else {}),
        }


def _mean_squared_error(y: keras.KerasTensor, prediction: keras.KerasTensor) -> keras.KerasTensor:
    return ops.mean(ops.square(prediction - y))


# --- Measuring ----------------------------------------------------------------------------------


def _describe(model: keras.Model, config: Config) -> dict:
    """What the network and the log are, without any training."""
    units = [layer.units for layer in model.layers]
    sizes = [model.input_shape[1], *units]
    return {
        "layer_sizes": sizes,
        "layers_of_neurons": len(sizes),
        "weight_layers": len(units),
        "hidden_layers": len(units) - 1,
        "code_size": min(units),
        "inputs_per_code_number": images.rounded(sizes[0] / min(units)),
        "parameter_count": model.count_params(),
        "logged_epochs": logged_epochs(config),
    }


def _evaluate(
    trainer: training.Trainer, digits: Digits, rare: np.ndarray, classify: images.Classifier
) -> dict:
    """Measure the network as it stands, on seen and unseen pictures."""
    train, test = trainer.predict(digits.train), trainer.predict(digits.test)
    last, redrawn_last = digits.train[-1:], train[-1:]
    (parts,) = images.printed_loss_parts(last.astype("float64"), redrawn_last.astype("float64"))
    printed = paper_library.broadcast_squared_error(last[0], redrawn_last[0])
    error = images.mean_squared_error(last, redrawn_last)
    mean_parts = images.printed_loss_parts(digits.train, train).mean(axis=0)
    return {
        "printed_loss": printed,
        "printed_contrast": parts[1],
        "printed_brightness_gap": parts[2],
        "printed_parts_gap": abs(printed - parts.sum()),  # none, but for rounding
        "printed_loss_of_all": mean_parts.sum(),
        "printed_contrast_of_all": mean_parts[1],
        "last_image_error": error,
        "printed_loss_excess": printed - error,
        "train_error": images.mean_squared_error(digits.train, train),
        "rare_error": images.mean_squared_error(digits.train[rare], train[rare]),
        "validation_error": images.mean_squared_error(
            digits.validation, trainer.predict(digits.validation)
        ),
        "test_error": images.mean_squared_error(digits.test, test),
        "kept_class": images.agreement(classify(digits.test), classify(test)),
        "redrawn_train": train[:100],
        "redrawn_test": test[:100],
    }


def _activity(model: keras.Model, digits: Digits, config: Config) -> dict:
    """How much of the first layer can hardly learn, and how many code numbers tell anything."""
    first = np.asarray(model.layers[0](digits.test))
    code = np.asarray(model.layers[1](first))
    return {
        "saturated_share": float((np.minimum(first, 1 - first) < config.saturated).mean()),
        "code_numbers_in_use": int((code.std(axis=0) > config.in_use).sum()),
    }


def _rare(train: np.ndarray, share: float) -> np.ndarray:
    """Positions of the images farthest from the mean image, that share of all."""
    distances = np.square(train - train.mean(axis=0)).sum(axis=1)
    return np.argsort(distances)[-round(share * len(train)) :]


def _linearity_gap(trainer: training.Trainer, pictures: np.ndarray) -> float:
    """Largest difference between the middle of two reconstructions and that of the middle.

    An affine network, whatever its weights, has none.
    """
    half = len(pictures) // 2
    first, second = pictures[:half], pictures[half : 2 * half]
    middle = (trainer.predict(first) + trainer.predict(second)) / 2
    return images.rounded(np.abs(trainer.predict((first + second) / 2) - middle).max())


def _curves(lines: dict[int, dict]) -> dict:
    """Lay the evaluations side by side, one list per quantity."""
    return {
        name: [images.rounded(line[name]) for line in lines.values()]
        for name, value in lines[0].items()
        if np.ndim(value) == 0
    }


def _baselines(
    digits: Digits, classify: images.Classifier, config: Config
) -> tuple[dict, dict[str, np.ndarray]]:
    """What needs no network: errors and kept class by name, and some pictures."""
    test_digits = classify(digits.test)
    last = digits.train[-1:]
    measured = {
        "last_image_contrast": images.rounded(float(last.var())),
        "contrast_of_all": images.rounded(float(digits.train.var(axis=1).mean())),
        "classifier_accuracy": images.agreement(digits.test_digits, test_digits),
    }
    pictures = {}
    for name, redraw in _simple_answers(digits.train, config).items():
        train, test = redraw(digits.train), redraw(digits.test)
        last_error = images.mean_squared_error(last, redraw(last))
        measured |= {
            f"{name}_train_error": images.rounded(images.mean_squared_error(digits.train, train)),
            f"{name}_test_error": images.rounded(images.mean_squared_error(digits.test, test)),
            f"{name}_last_image_error": images.rounded(last_error),
            f"{name}_kept_class": images.agreement(test_digits, classify(test)),
        }
        pictures[f"pictures_{name}"] = images.as_bytes(test[: config.pictures])
    return measured, pictures


def _simple_answers(train: np.ndarray, config: Config) -> dict[str, Redraw]:
    """The mean image whatever the picture, and the best linear code of a few numbers."""
    pca = images.principal_components(train, max(config.components))

    def mean_image(pictures: np.ndarray) -> np.ndarray:
        return np.broadcast_to(train.mean(axis=0), pictures.shape)

    linear = {
        f"pca_{count}": functools.partial(images.linear_reconstruction, pca, count=count)
        for count in config.components
    }
    return {"mean_image": mean_image, **linear}


def _pictures(digits: Digits, lines: dict[int, dict], config: Config) -> dict:
    """The first few training and test pictures, and their reconstructions at some epochs."""
    shown = slice(config.pictures)
    epochs = [epoch for epoch in lines if epoch in {*config.pictured_epochs, config.epochs}]
    pictures = {
        "train": digits.train[shown],
        "test": digits.test[shown],
        "redrawn_train": np.stack([lines[epoch]["redrawn_train"][shown] for epoch in epochs]),
        "redrawn_test": np.stack([lines[epoch]["redrawn_test"][shown] for epoch in epochs]),
    }
    stored = {f"pictures_{name}": images.as_bytes(rows) for name, rows in pictures.items()}
    return stored | {"pictured_epochs": epochs}


# --- Figures ------------------------------------------------------------------------------------


def plot(stored: dict[str, list[dict]], folder: pathlib.Path) -> dict[str, str]:
    """Redraw figures 10 and 11 and the notebook's log, and what they leave out."""
    captions = {}
    if as_written := stored.get("as_written"):
        captions[_plot_printed_loss(as_written, folder)] = (
            "Left: the number the library prints, with the notebook's own log. Middle: the parts "
            "it consists of; the brightness gap is their small rest. Right: the true mean squared "
            "error of the same picture, and of all pictures, which fall meanwhile."
        )
    if stored.keys() >= {"as_written", "corrected"}:
        captions[_plot_quality(stored, folder)] = (
            "Unseen digits: error and share of redrawn digits in which a classifier sees what it "
            "sees in the original. Grey: the mean image, and the best linear codes of nine and "
            "twenty numbers."
        )
    if records.first_arrays(stored.get("as_written", [])):
        captions[_plot_pictures(stored, folder)] = (
            "Figures 10 and 11 redrawn, from seed 0. The authors' figure 11 is epoch 1 here: their "
            "log counts from 0. Each answer of the first epochs is nearly the same cloud."
        )
    return captions


def _plot_printed_loss(runs: list[dict], folder: pathlib.Path) -> str:
    figure, (left, middle, right) = plots.figure(
        1, 3, title="The loss that rises while the network learns (notebook, cell 67)"
    )
    epochs = _epochs(runs)[1:]
    _show_printed(left, runs)
    for metric, label in (
        ("printed_contrast", "variance of its redrawing"),
        ("printed_brightness_gap", "squared gap in brightness"),
    ):
        plots.curves(middle, epochs, records.stack(runs, metric)[:, 1:], label=label)
    _level(middle, runs, "last_image_contrast", "variance of the picture", "--")
    middle.set(title="what it consists of", xlabel="epochs completed", ylabel="part of it")
    for metric, label in (
        ("last_image_error", "the printed picture"),
        ("train_error", "all trained pictures"),
        ("test_error", "unseen pictures"),
    ):
        plots.curves(right, epochs, records.stack(runs, metric)[:, 1:], label=label)
    _level(right, runs, "mean_image_test_error", "the mean image, unseen pictures", "--")
    right.set(title="the true error", xlabel="epochs completed", ylabel="mean squared error")
    for axes in (left, middle, right):
        axes.set_ylim(bottom=0)
    return plots.save(figure, folder, "printed_loss")


def _plot_quality(stored: dict[str, list[dict]], folder: pathlib.Path) -> str:
    figure, panels = plots.figure(1, 2, title="Nine numbers for a digit: unseen pictures")
    names = {"as_written": "as written", "corrected": "Glorot, Adam, batches"}
    shown = (("test_error", "mean squared error"), ("kept_class", "share that keeps its digit"))
    for axes, (metric, title) in zip(panels, shown, strict=True):
        for variant, label in names.items():
            runs = stored[variant]
            samples = records.stack(runs, metric)[:, 1:]
            plots.curves(axes, _epochs(runs)[1:], samples, label=label)
        part = "test_error" if metric == "test_error" else "kept_class"
        for name, label, style in (
            ("mean_image", "mean image", "--"),
            ("pca_9", "9 principal components", "-."),
            ("pca_20", "20 principal components", ":"),
        ):
            _level(axes, stored["as_written"], f"{name}_{part}", label, style)
        axes.set(title=title, xlabel="epochs completed", ylabel=title)
        axes.set_ylim(bottom=0)
    return plots.save(figure, folder, "quality")


def _plot_pictures(stored: dict[str, list[dict]], folder: pathlib.Path) -> str:
    figure, panels = plots.figure(
        1, 2, title="Redrawn from nine numbers (paper, figures 10 and 11)", size=(9.5, 6.6)
    )
    pictures = records.first_arrays(stored.get("as_written", []))
    sound = records.first_arrays(stored.get("corrected", []))
    epochs = stored["as_written"][0]["measurements"]["pictured_epochs"]
    for axes, part, title in zip(
        panels, ("train", "test"), ("trained on", "not seen before"), strict=True
    ):
        redrawn = pictures[f"pictures_redrawn_{part}"]
        rows = {"original": pictures[f"pictures_{part}"]}
        rows |= {f"epoch {epoch}": redrawn[number] for number, epoch in enumerate(epochs)}
        if sound:
            rows["corrected"] = sound[f"pictures_redrawn_{part}"][-1]
        if part == "test":
            rows |= {
                "mean image": pictures["pictures_mean_image"],
                "9 components": pictures["pictures_pca_9"],
                "20 components": pictures["pictures_pca_20"],
            }
        plots.mosaic(axes, rows, height=images.SIDE)
        axes.set_anchor("N")  # rows of the two panels start at one height
        axes.set_title(title)
    return plots.save(figure, folder, "figures_10_11")


def _epochs(runs: list[dict]) -> list[int]:
    return runs[0]["measurements"]["logged_epochs"]


def _median(runs: list[dict], metric: str) -> float:
    return float(np.median(records.stack(runs, metric)))


def _level(axes: mpl_axes.Axes, runs: list[dict], metric: str, label: str, style: str) -> None:
    """What a simple answer gets, as a grey line across the panel (median over the seeds)."""
    axes.axhline(_median(runs, metric), color="#777777", linestyle=style, linewidth=1, label=label)


def _show_printed(axes: mpl_axes.Axes, runs: list[dict]) -> None:
    """The library's printed loss of our runs, and the notebook's log on it."""
    epochs = _epochs(runs)
    plots.curves(axes, epochs[1:], records.stack(runs, "printed_loss")[:, 1:], label="measured")
    curve = claims.load(pathlib.Path(__file__).with_suffix(".toml")).curves["printed"]
    plots.cited(axes, *curve.points, label="cited: the notebook's log")
    axes.set(title="what is printed", xlabel="epochs completed", ylabel="printed loss")


if __name__ == "__main__":
    cli.run_one(__file__)

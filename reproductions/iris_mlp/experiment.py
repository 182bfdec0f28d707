"""Small networks on Iris: optimizers, numbers of neurons, loss functions, standardised inputs.

The paper trains its own NumPy library on Fisher's 150 flowers, one run per curve, and prints the
curves; so does its notebook. Here each of those runs is repeated from many starts, so that a curve
can be held against what the protocol produces, and not against one lucky or unlucky draw.

Source: paper, section 6.2, figures 1, 3 and 4; section 3 for the losses; section 6.1 for the data;
    section 5.1 for the training loop; the authors' library and its notebook (paper-code) for what
    these leave open and for the runs that they record.
Stated: 4-10-3 with sigmoid hidden neurons (figures 3 and 4: 4-H-3, H = 1 to 5), softmax and
    cross-entropy; gradient descent, momentum and Adam, one flower at a time; figure 1's legend
    gives the rate 0.001. Squared error comes to the same "adjusting the constants".
Silent about: all of the following, which is the authors' library's. The start (weights and biases
    from N(0, 1)); the split (30 flowers to test, then the last fifth of the other 120 to validate,
    so 96 train and 24 validate); the order (the same in every epoch); the epochs (100); the rate of
    figures 3 and 4 (0.01, the library's default, which its code of that day gives figure 1 too:
    variant `code_rate`); what "Error" is (the loss of the last training flower alone); Adam's bias
    correction (it counts epochs; `textbook_adam`, trained beside it, counts updates as Adam does).
    The notebook's first network (4-5-3, 300 epochs; its text says four hidden neurons) is given
    squared error's derivative through a sigmoid, though its output is softmax (`notebook`; with
    cross-entropy's, `notebook_cross_entropy`); its second is 4-20-10-6-3. Our own choices: 0.9 of
    the validation flowers stands for "the desired result"; inputs are raw unless `standardised`,
    by the training rows; which constants squared error may adjust (the rate, of four).

The library logs where `epoch % 10 == 0`, after that epoch's pass, so the ten points of a figure
stand after 1, 11, ..., 91 epochs. The figures draw them over 0, 1, ..., 9: ours have both axes.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import scipy.special
import sklearn.metrics
import sklearn.preprocessing
from keras import ops
from matplotlib import axes as mpl_axes

from common import claims, cli, data, paper_library, plots, records, training


@dataclasses.dataclass(frozen=True)
class Config:
    """The protocol of figure 1; all `optimizers` start from the same weights, on the same split."""

    optimizers: tuple[str, ...] = ("gd", "momentum", "adam", "textbook_adam")
    hidden: tuple[int, ...] = (10,)
    loss: str = "cross_entropy"  # a key of LOSSES
    learning_rate: float = 0.001  # figure 1's legend
    compared_rates: tuple[float, ...] = ()  # if any: gradient descent follows every loss, at each
    standardised: bool = False  # by the training rows' means and deviations
    epochs: int = 100
    log_every: int = 10
    held_out: float = 0.2  # of all flowers to test
    level: float = 0.9  # assumed: "the desired result" is this share of the validation flowers
    precision: str = "float64"


FIGURES_3_AND_4 = Config(optimizers=("gd",), learning_rate=0.01)
NOTEBOOK = Config(optimizers=("gd",), hidden=(5,), learning_rate=0.01, epochs=300)
THREE = ("gd", "momentum", "adam")

VARIANTS = {
    "as_written": Config(),
    "code_rate": Config(learning_rate=0.01),
    "hidden_1": dataclasses.replace(FIGURES_3_AND_4, hidden=(1,)),
    "hidden_2": dataclasses.replace(FIGURES_3_AND_4, hidden=(2,)),
    "hidden_3": dataclasses.replace(FIGURES_3_AND_4, hidden=(3,)),
    "hidden_4": dataclasses.replace(FIGURES_3_AND_4, hidden=(4,)),
    "hidden_5": dataclasses.replace(FIGURES_3_AND_4, hidden=(5,)),
    "standardised": Config(optimizers=THREE, standardised=True),
    "standardised_code_rate": Config(optimizers=THREE, standardised=True, learning_rate=0.01),
    "notebook": dataclasses.replace(NOTEBOOK, loss="notebook"),
    "notebook_cross_entropy": NOTEBOOK,
    "notebook_deep": dataclasses.replace(NOTEBOOK, hidden=(20, 10, 6), epochs=100),
    # assumed: four rates, from the library's to thirty times as much
    "losses": dataclasses.replace(NOTEBOOK, compared_rates=(0.01, 0.03, 0.1, 0.3)),
}


def build_model(config: Config) -> keras.Model:
    """4-H-3 with sigmoid hidden neurons. It returns z of the last layer: softmax is in the loss."""
    return paper_library.build_network((4, *config.hidden, 3))


def squared_error(y: Any, z: Any) -> Any:
    """Sum of squares between the species and softmax's shares."""
    return paper_library.squared_error(y, ops.softmax(z))


def notebook_loss(y: Any, z: Any) -> Any:
    """A loss whose gradient by z is 2 (A - Y) A (1 - A), as in the notebook's first model.

    That is squared error's gradient through a sigmoid; through softmax it lacks all products of one
    species' share with another's.
    """
    shares = ops.softmax(z)
    gradient = 2 * (shares - y) * shares * (1 - shares)
    return ops.sum(ops.stop_gradient(gradient) * z)


LOSSES = {
    "cross_entropy": paper_library.cross_entropy,
    "squared_error": squared_error,
    "notebook": notebook_loss,
}


def build_trainers(config: Config, model: keras.Model, flowers: int) -> dict[str, training.Trainer]:
    """One for each optimizer or, where losses are compared, for each loss and rate."""
    runs = [(name, name, config.loss, config.learning_rate) for name in config.optimizers]
    if config.compared_rates:
        runs = [
            (f"{loss}_{rate}", "gd", loss, rate)
            for loss in LOSSES
            for rate in config.compared_rates
        ]
    return {
        name: training.Trainer(
            model,
            paper_library.build_optimizer(optimizer, rate, flowers),
            LOSSES[loss],
            epochs=config.epochs,
            batch_size=1,
        )
        for name, optimizer, loss, rate in runs
    }


@dataclasses.dataclass(frozen=True)
class Split:
    """Which rows of the shuffled flowers train, validate and test, in that order."""

    train: slice
    validation: slice
    test: slice


def split(flowers: int, held_out: float) -> Split:
    """Hold out a share of all flowers to test; the library cuts the others, by position."""
    others = flowers - round(flowers * held_out)
    trained = paper_library.trained_rows(others)
    return Split(slice(trained), slice(trained, others), slice(others, flowers))


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train every optimizer, or loss, from one start per seed, and watch it after every epoch."""
    training.set_precision(config.precision)
    iris = data.iris()
    rows = split(len(iris.labels), config.held_out)
    model = build_model(config)
    trainers = build_trainers(config, model, rows.train.stop)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(iris.labels))
        weights = paper_library.initial_weights(model, rng)
        features, labels = iris.features[order], iris.labels[order]
        if config.standardised:
            scaler = sklearn.preprocessing.StandardScaler().fit(features[rows.train])
            features = scaler.transform(features)
        outputs = {
            name: _train(trainer, features, labels, train=rows.train, weights=weights, seed=seed)
            for name, trainer in trainers.items()
        }
        if config.compared_rates:
            model.set_weights(weights)
            measured = _compare_losses(config, outputs, labels, rows)
            measured |= _compare_gradients(model, features[rows.train], labels[rows.train])
        else:
            measured = _measure(config, outputs, labels, rows)
        yield _describe(config, model, iris) | measured


def _train(
    trainer: training.Trainer,
    features: np.ndarray,
    labels: np.ndarray,
    *,
    train: slice,
    weights: list[np.ndarray],
    seed: int,
) -> np.ndarray:
    """Logarithms of all flowers' class shares after 0, 1, ... epochs, [epochs + 1, flowers, 3]."""
    history = trainer.train(
        features[train],
        np.eye(3)[labels[train]],
        weights=weights,
        seed=seed,
        evaluate=lambda epoch: trainer.predict(features),
        at=range(trainer.epochs + 1),
    )
    z = np.stack([history.evaluations[epoch] for epoch in range(trainer.epochs + 1)])
    return scipy.special.log_softmax(z, axis=-1)


def _describe(config: Config, model: keras.Model, iris: data.Iris) -> dict:
    """What the model, the data and the log are, without any training."""
    kernels = [layer.kernel.shape for layer in model.layers]
    return {
        "features": iris.features.shape[1],
        "species": len(np.unique(iris.labels)),
        "layer_sizes": [kernels[0][0], *(outputs for _, outputs in kernels)],
        "parameters": model.count_params(),
        "logged_epochs": list(paper_library.logged_epochs(config.epochs, config.log_every)),
    }


def _measure(
    config: Config, outputs: dict[str, np.ndarray], labels: np.ndarray, rows: Split
) -> dict:
    """Turn the outputs of each optimizer into measurements, named after it."""
    measured: dict[str, Any] = {}
    logged = list(paper_library.logged_epochs(config.epochs, config.log_every))
    for name, log_shares in outputs.items():
        predicted = log_shares.argmax(axis=-1)
        hits = predicted == labels
        losses = -log_shares[:, np.arange(len(labels)), labels]
        accuracy = hits[:, rows.validation].mean(axis=1)
        training_loss = losses[:, rows.train].mean(axis=1)
        last_loss = losses[:, rows.train.stop - 1]
        measured |= {
            f"{name}_validation_accuracy": _short(accuracy[logged]),
            f"{name}_validation_loss": _short(losses[logged, rows.validation].mean(axis=1)),
            f"{name}_training_loss": _short(training_loss[logged]),
            f"{name}_last_flower_loss": _short(last_loss[logged]),
            f"{name}_loss_gap": float(np.abs(last_loss - training_loss)[logged].max()),
            f"{name}_test_accuracy": float(hits[-1, rows.test].mean()),
            f"{name}_test_precision": _precision(labels[rows.test], predicted[-1, rows.test]),
            f"{name}_test_all_right": bool(hits[-1, rows.test].all()),
            f"{name}_epochs_to_level": _first(range(config.epochs + 1), accuracy, config.level),
            f"{name}_logged_to_level": _first(logged, accuracy[logged], config.level),
            f"{name}_reaches_level": bool((accuracy >= config.level).any()),
            f"{name}_accuracy_stays": bool(np.ptp(accuracy[logged]) == 0),
        }
    for name in [name for name in ("momentum", "adam") if name in outputs]:
        for kind in ("epochs", "logged"):
            ahead = measured[f"{name}_{kind}_to_level"] < measured[f"gd_{kind}_to_level"]
            measured[f"{name}_ahead_by_{kind}"] = int(ahead)
    if {"adam", "textbook_adam"} <= outputs.keys():
        shares = [np.exp(outputs[name]) for name in ("adam", "textbook_adam")]
        measured["adam_correction_gap"] = float(np.abs(shares[0] - shares[1]).max())
    return measured


def _compare_losses(
    config: Config, outputs: dict[str, np.ndarray], labels: np.ndarray, rows: Split
) -> dict:
    """Measure gradient descent on every loss: at each rate, and at the rate that validates best.

    The best rate is that whose last epoch has the lowest validation loss: cross-entropy where that
    was trained, else the squared error.
    """
    measured: dict[str, Any] = {}
    for loss in LOSSES:
        log_shares = np.stack([outputs[f"{loss}_{rate}"] for rate in config.compared_rates])
        hits = log_shares.argmax(axis=-1) == labels
        accuracy = hits[:, :, rows.validation].mean(axis=-1)
        test_accuracy = hits[:, -1, rows.test].mean(axis=-1)
        to_level = [_first(range(config.epochs + 1), each, config.level) for each in accuracy]
        at_the_end, species = log_shares[:, -1, rows.validation], np.eye(3)[labels[rows.validation]]
        if loss == "cross_entropy":
            validation_loss = -(species * at_the_end).sum(axis=(1, 2))
        else:
            validation_loss = ((np.exp(at_the_end) - species) ** 2).sum(axis=(1, 2))
        best = validation_loss.argmin()
        measured |= {
            f"{loss}_test_accuracy": _short(test_accuracy),
            f"{loss}_epochs_to_level": to_level,
            f"{loss}_best_rate": config.compared_rates[best],
            f"{loss}_best_test_accuracy": float(test_accuracy[best]),
            f"{loss}_best_epochs_to_level": to_level[best],
        }
    reference = measured["cross_entropy_best_test_accuracy"]
    for loss in ("squared_error", "notebook"):
        gain = measured[f"{loss}_best_test_accuracy"] - reference
        measured[f"{loss}_best_test_gain"] = float(gain)
    return measured


def _compare_gradients(model: keras.Model, features: np.ndarray, labels: np.ndarray) -> dict:
    """Compare the losses' gradients by all weights, over all training flowers, at the start.

    `constant_misfit` is the share of squared error's gradient (its length) that no multiple of
    cross-entropy's gives; `notebook_gradient_gap` the share by which the notebook's is off.
    """
    gradient = {
        name: np.concatenate(
            [
                np.ravel(part)
                for part in training.gradients(model, loss, features, np.eye(3)[labels])
            ]
        )
        for name, loss in LOSSES.items()
    }
    wanted, given = gradient["squared_error"], gradient["cross_entropy"]
    best_multiple = given * (wanted @ given) / (given @ given)
    length = np.linalg.norm(wanted)
    return {
        "constant_misfit": float(np.linalg.norm(wanted - best_multiple) / length),
        "notebook_gradient_gap": float(np.linalg.norm(wanted - gradient["notebook"]) / length),
    }


def _precision(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Mean over the species of how many of the flowers called so are so (none called so: 0)."""
    return float(
        sklearn.metrics.precision_score(
            labels, predicted, labels=[0, 1, 2], average="macro", zero_division=0
        )
    )


def _first(epochs: Sequence[int], accuracy: np.ndarray, level: float) -> float:
    """The first of `epochs` whose accuracy reaches the level, or infinity."""
    reached = np.flatnonzero(accuracy >= level)
    return float(epochs[reached[0]]) if reached.size else np.inf


def _short(values: np.ndarray) -> list[float]:
    """Four significant digits: more than the paper prints, and short in a record."""
    return [float(f"{value:.4g}") for value in values]


# --- Figures ------------------------------------------------------------------------------------

TITLES = {"gd": "gradient descent", "momentum": "momentum", "adam": "Adam (the library's)"}
NEURONS = {f"hidden_{count}": count for count in range(1, 6)}
INPUTS = {  # rate: raw and standardised
    "0.001": ("as_written", "standardised"),
    "0.01": ("code_rate", "standardised_code_rate"),
}
NOTEBOOKS = {  # variant: title, cited accuracies, cited first and last loss
    "notebook": ("4-5-3, the derivative as passed", "notebook", (2.226, 0.08434)),
    "notebook_cross_entropy": ("4-5-3, cross-entropy's derivative", "notebook", (2.226, 0.08434)),
    "notebook_deep": ("4-20-10-6-3, cross-entropy's derivative", "notebook-deep", (1.129, 0.10458)),
}
LOSS_TITLES = {
    "cross_entropy": "cross-entropy",
    "squared_error": "squared error",
    "notebook": "the notebook's derivative",
}


def plot(stored: dict[str, list[dict]], folder: pathlib.Path) -> dict[str, str]:
    """Redraw the paper's figures and the notebook's runs, and compare inputs and losses."""
    captions = {}
    curves = claims.load(pathlib.Path(__file__).with_suffix(".toml")).curves
    if stored.keys() >= {"as_written", "code_rate"}:
        captions[_plot_optimizers(stored, curves, folder)] = (
            "Figure 1 at its legend's rate (above) and at that of the code of that day (below). "
            "Each of the paper's curves is one run on 24 flowers, so one flower is 4.2 points. "
            f"{_which_rate_fits(stored, curves)} Top axis: position in the log, the paper's x."
        )
    if stored.keys() >= NEURONS.keys():
        captions[_plot_neurons(stored, curves, folder)] = (
            "Figure 3: validation accuracy with one to five hidden neurons, gradient descent at "
            "0.01. Runs with few neurons differ so much that a single one says little."
        )
        captions[_plot_last_flower(stored, curves, folder)] = (
            'Figure 4: its "Error" is the cross-entropy of one flower, the last of the training '
            "set. The paper's run with one neuron did not learn, and its loss rose."
        )
        captions[_plot_losses(stored, folder)] = (
            "What figure 4 shows, the last training flower's cross-entropy, beside what it is "
            "taken for: the mean over the 96 training flowers (and over the 24 of the validation)."
        )
    if stored.keys() >= NOTEBOOKS.keys():
        captions[_plot_notebook(stored, curves, folder)] = (
            "The notebook's two networks, each one run in the notebook; the first also with the "
            "derivative that belongs to its printed loss. Above, validation accuracy on 24 "
            "flowers; below, the loss it prints, of the last training flower."
        )
    if stored.keys() >= {variant for pair in INPUTS.values() for variant in pair}:
        captions[_plot_inputs(stored, folder)] = (
            "The same starts and splits on raw inputs, as the paper has them, and on inputs "
            "standardised by the 96 training flowers' means and deviations."
        )
    if "losses" in stored:
        captions[_plot_loss_functions(stored["losses"], folder)] = (
            "4-5-3 from the same starts, 300 epochs of gradient descent on three derivatives, at "
            "four rates. Above: test flowers right at the end. Below: epochs until 90 % of the "
            "validation flowers are right (runs that never get there are drawn at 300)."
        )
    return captions


def _plot_optimizers(
    stored: dict[str, list[dict]], curves: dict[str, claims.Curve], folder: pathlib.Path
) -> str:
    figure, grid = plots.figure(2, 3, title="Validation accuracy on Iris, 4-10-3 (paper, figure 1)")
    for row, variant in zip(grid, ("as_written", "code_rate"), strict=True):
        rate = stored[variant][0]["config"]["learning_rate"]
        for axes, (name, title) in zip(row, TITLES.items(), strict=True):
            curve = curves[f"figure-1-{name}"]
            _panel(axes, stored[variant], f"{name}_validation_accuracy", curve)
            axes.set(title=f"{title}, rate {rate:g}", ylabel="validation accuracy", ylim=(0, 1.04))
    return plots.save(figure, folder, "figure_1")


def _which_rate_fits(stored: dict[str, list[dict]], curves: dict[str, claims.Curve]) -> str:
    """How many runs of each optimizer get to the level as soon as the paper's run, at each rate."""
    shares = []
    for name, title in TITLES.items():
        counts = []
        for variant in ("as_written", "code_rate"):
            runs = stored[variant]
            level, rate = (runs[0]["config"][key] for key in ("level", "learning_rate"))
            soon = next(i for i, y in enumerate(curves[f"figure-1-{name}"].y) if y >= level)
            reached = records.stack(runs, f"{name}_validation_accuracy")[:, : soon + 1] >= level
            counts.append(f"{reached.any(axis=1).sum()} of {len(runs)} at rate {rate:g}")
        shares.append(f"{title} {' and '.join(counts)}")
    return f"Runs that reach {level:.0%} as soon as the paper's: {'; '.join(shares)}."


def _plot_neurons(
    stored: dict[str, list[dict]], curves: dict[str, claims.Curve], folder: pathlib.Path
) -> str:
    figure, panels = _panels("Validation accuracy on Iris, 4-H-3 (paper, figure 3)")
    for axes, (variant, count) in zip(panels, NEURONS.items(), strict=True):
        _panel(axes, stored[variant], "gd_validation_accuracy", curves[f"figure-3-{count}"])
        axes.set(title=f"H = {count}", ylabel="validation accuracy", ylim=(0, 1.04))
    return plots.save(figure, folder, "figure_3")


def _plot_last_flower(
    stored: dict[str, list[dict]], curves: dict[str, claims.Curve], folder: pathlib.Path
) -> str:
    figure, panels = _panels("Loss of the last training flower, 4-H-3 (paper, figure 4)")
    for axes, (variant, count) in zip(panels, NEURONS.items(), strict=True):
        _panel(axes, stored[variant], "gd_last_flower_loss", curves[f"figure-4-{count}"])
        axes.set(title=f"H = {count}", ylabel="cross-entropy", yscale="log")
    return plots.save(figure, folder, "figure_4")


def _plot_losses(stored: dict[str, list[dict]], folder: pathlib.Path) -> str:
    figure, panels = _panels('What "Error" means: one flower, or all of them')
    shown = {
        "last_flower_loss": "last training flower",
        "training_loss": "mean of the 96",
        "validation_loss": "mean of 24 (validation)",
    }
    for axes, (variant, count) in zip(panels, NEURONS.items(), strict=True):
        for metric, label in shown.items():
            samples = records.stack(stored[variant], f"gd_{metric}")
            plots.curves(axes, _epochs(stored[variant]), samples, label=label)
        _both_x_axes(axes, stored[variant])
        axes.set(title=f"H = {count}", ylabel="cross-entropy", yscale="log")
    return plots.save(figure, folder, "losses")


def _plot_notebook(
    stored: dict[str, list[dict]], curves: dict[str, claims.Curve], folder: pathlib.Path
) -> str:
    figure, grid = plots.figure(2, 3, title="The notebook's runs on Iris, gradient descent at 0.01")
    for column, (variant, (title, cited, losses)) in zip(grid.T, NOTEBOOKS.items(), strict=True):
        epochs = _epochs(stored[variant])
        accuracies = [float(value) for value in curves[cited].y]
        shown = (
            ("gd_validation_accuracy", epochs, accuracies),
            ("gd_last_flower_loss", [epochs[0], epochs[-1]], losses),
        )
        for axes, (metric, x, y) in zip(column, shown, strict=True):
            plots.curves(axes, epochs, records.stack(stored[variant], metric), label="measured")
            plots.cited(axes, x, y, label="cited: the notebook's one run")
            axes.set_xlabel("epochs completed")
        column[0].set(title=title, ylabel="validation accuracy", ylim=(0, 1.04))
        column[1].set(ylabel="last flower's cross-entropy", yscale="log")
    return plots.save(figure, folder, "notebook")


def _plot_inputs(stored: dict[str, list[dict]], folder: pathlib.Path) -> str:
    figure, grid = plots.figure(2, 3, title="Raw and standardised inputs, 4-10-3")
    for row, (rate, pair) in zip(grid, INPUTS.items(), strict=True):
        for axes, (name, title) in zip(row, TITLES.items(), strict=True):
            for variant, label in zip(pair, ("raw", "standardised"), strict=True):
                samples = records.stack(stored[variant], f"{name}_validation_accuracy")
                plots.curves(axes, _epochs(stored[variant]), samples, label=label)
            axes.set(
                title=f"{title}, rate {rate}",
                xlabel="epochs completed",
                ylabel="validation accuracy",
                ylim=(0, 1.04),
            )
    return plots.save(figure, folder, "inputs")


def _plot_loss_functions(runs: list[dict], folder: pathlib.Path) -> str:
    figure, grid = plots.figure(2, 3, title="4-5-3 on Iris: three derivatives, four rates")
    rates, epochs = (runs[0]["config"][key] for key in ("compared_rates", "epochs"))
    for column, (loss, title) in zip(grid.T, LOSS_TITLES.items(), strict=True):
        for axes, metric in zip(column, ("test_accuracy", "epochs_to_level"), strict=True):
            samples = np.minimum(records.stack(runs, f"{loss}_{metric}"), epochs)
            plots.curves(axes, rates, samples, label="measured")
            axes.set(
                xlabel="learning rate", xscale="log", xticks=rates, xticklabels=map(str, rates)
            )
            axes.minorticks_off()
        column[0].set(title=title, ylabel="test accuracy", ylim=(0, 1.04))
        column[1].set(ylabel="epochs to 90 % of validation", yscale="log", ylim=(0.8, 400))
    return plots.save(figure, folder, "loss_functions")


def _panels(title: str) -> tuple[Any, list[mpl_axes.Axes]]:
    """Five panels with one y axis, one for each number of hidden neurons."""
    figure, grid = plots.figure(2, 3, title=title)
    *panels, left_over = np.ravel(grid)
    left_over.remove()
    for axes in panels[1:]:
        axes.sharey(panels[0])
    return figure, panels


def _panel(axes: mpl_axes.Axes, runs: list[dict], metric: str, curve: claims.Curve) -> None:
    """Our runs as median and range, the paper's points on them."""
    epochs = _epochs(runs)
    plots.curves(axes, epochs, records.stack(runs, metric), label="measured")
    index = curve.index or range(len(curve.y))
    y = [float(value) for value in curve.y]
    plots.cited(axes, [epochs[i] for i in index], y, label="cited: the paper's one run")
    _both_x_axes(axes, runs)


def _epochs(runs: list[dict]) -> list[int]:
    return runs[0]["measurements"]["logged_epochs"]


def _both_x_axes(axes: mpl_axes.Axes, runs: list[dict]) -> None:
    """Epochs completed below; above, the position in the log, which is the x axis of the paper."""
    first, second = _epochs(runs)[:2]

    def position(epoch: Any) -> Any:
        return (epoch - first) / (second - first)

    def epoch(position: Any) -> Any:
        return first + (second - first) * position

    above = axes.secondary_xaxis("top", functions=(position, epoch))
    above.set_xlabel("position in the log (the paper's x)")
    axes.set_xlabel("epochs completed")


if __name__ == "__main__":
    cli.run_one(__file__)

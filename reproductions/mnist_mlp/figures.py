"""Figures of the notes' MNIST network: its relatives, its widths, its rates, and overfitting."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes as mpl_axes

from common import plots, records

PIXELS = 28 * 28
NETWORKS = {
    "softmax_regression": "784-10, linear",
    "one_hidden": "784-128-10",
    "as_written": "784-128-64-10\n(the notes)",
    "unit_range": "the same,\ninputs in [0, 1]",
    "exercise_adam": "784-128-64-32-10",
}
EXERCISE = {"exercise_adam": "Adam, rate 0.003", "exercise_sgd": "SGD, rate 0.003"}
WIDTHS = {
    "bottleneck": "4-4",
    "one_hidden": "128",
    "width_100": "100-64",
    "as_written": "128-64",
    "width_200": "200-64",
    "width_512": "512-64",
    "wide": "512-256",
}
RATES = {
    "rates": "784-128-64-32-10",
    "rates_one_hidden": "784-128-10",
    "rates_linear": "784-10",
}
FEW_IMAGES = {
    "few_images": "784-128-64-10",
    "few_images_wide": "784-512-256-10",
    "few_images_dropout": "784-128-64-10, dropout 20 %",
    "few_images_l2": "784-128-64-10, L2, lambda 0.1",
}
MEMORY = {
    "memory_narrow": "784-32-16-10",
    "memory": "784-128-64-10",
    "memory_wide": "784-512-256-10",
}


# --- Tools of these figures ---------------------------------------------------------------------


def last(runs: Sequence[records.Record], metric: str) -> np.ndarray:
    """Return a metric of each seed, the last value where it is a list."""
    values = records.stack(runs, metric)
    return values[:, -1] if values.ndim > 1 else values


def strips(axes: mpl_axes.Axes, runs: plots.Runs, names: Mapping[str, str], metric: str) -> None:
    """Draw a dot per seed and the median as a bar, for each variant that is there."""
    shown = {variant: name for variant, name in names.items() if variant in runs}
    for place, variant in enumerate(shown):
        values = last(runs[variant], metric)
        hidden = "_" if place else ""  # once in the legend is enough
        one, middle = f"{hidden}one seed", f"{hidden}median"
        places, ends = [place] * len(values), [place - 0.3, place + 0.3]
        axes.plot(places, values, "o", color=plots.PALETTE[0], alpha=0.35, label=one)
        axes.plot(ends, [np.median(values)] * 2, color=plots.PALETTE[3], label=middle)
    axes.set_xticks(range(len(shown)), [*shown.values()], rotation=30, ha="right")


def evaluated(runs: Sequence[records.Record]) -> list[int]:
    """Return the epochs at which the runs were evaluated."""
    return runs[0]["measurements"]["evaluated_epochs"]


# --- Networks -----------------------------------------------------------------------------------


@plots.drawing(
    needs=["as_written"],
    also=["softmax_regression", "one_hidden", "unit_range", "exercise_adam"],
    caption="Two epochs of Adam at 0.003: the mean batch loss of the second epoch and the accuracy "
    "on the test set after it, a dot per seed and the median as a bar. Dashed: the 90 % that the "
    "notes' network hardly reached, says section 4.3. It passes it; the linear one stays there.",
)
def networks(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Loss and accuracy of networks with no hidden layer to three."""
    title = "How many layers? Two epochs on MNIST (notes-2, sections 3.3 and 4.3)"
    figure, (left, right) = plots.figure(1, 2, title=title)
    strips(left, runs, NETWORKS, "losses")
    strips(right, runs, NETWORKS, "test_accuracy")
    for axes in (left, right):
        # In both panels, so that they share one legend; a loss of 0.90 is no cited value.
        place = 0.9 if axes is right else np.nan
        plots.cited_line(axes, place, label="cited: 90 % (notes-2, section 4.3)")
    left.set_ylabel("mean batch loss, second epoch")
    right.set_ylabel("test accuracy after two epochs")
    return figure


@plots.drawing(
    needs=["exercise_sgd"],
    also=["exercise_adam"],
    caption="running_loss over the number of batches, as the listing prints it after each epoch, "
    "with the third hidden layer of 32: lines are medians, shades ranges over the seeds. With SGD "
    "at the same rate it falls, too, but has hardly begun to after two epochs.",
)
def exercise(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The third exercise: what happens to running_loss."""
    figure, axes = plots.figure(title="Exercise 3: a third layer, and SGD (notes-2, section 3.5)")
    for variant, label in EXERCISE.items():
        if variant in runs:
            losses = records.stack(runs[variant], "losses")
            epochs = range(1, losses.shape[1] + 1)
            line = plots.curves(axes, epochs, losses, label=label)
            line.set_marker("o")
    axes.set(xlabel="epoch", ylabel="mean batch loss", xticks=epochs, ylim=(0, None))
    return figure


@plots.drawing(
    needs=["as_written"],
    also=["bottleneck", "one_hidden", "width_100", "width_200", "width_512", "wide"],
    caption="Accuracy on the test set after two epochs and processor time per epoch for other "
    "hidden layers: a dot per seed, medians as bars. Dashed: the 90 % of section 4.3.",
)
def widths(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """What the hidden layers' widths do to accuracy and to time."""
    figure, (left, right) = plots.figure(
        1, 2, title="How wide should the layers be? (notes-2, section 3.3)"
    )
    strips(left, runs, WIDTHS, "test_accuracy")
    strips(right, runs, WIDTHS, "seconds_per_epoch")
    plots.cited_line(left, 0.9, label="cited: 90 % (notes-2, section 4.3)")
    plots.cited_line(right, np.nan, label="cited: 90 % (notes-2, section 4.3)")
    left.set(xlabel="hidden layers", ylabel="test accuracy after two epochs", ylim=(0, 1))
    right.set(xlabel="hidden layers", ylabel="processor seconds per epoch", ylim=(0, None))
    return figure


# --- Adam ---------------------------------------------------------------------------------------


@plots.drawing(
    needs=["rates"],
    also=["rates_one_hidden", "rates_linear"],
    caption="How many passes over 3,200 images it takes until the mean batch loss is below 0.3, at "
    "each rate: lines are medians, shades ranges over the seeds. At the top are those that did not "
    "get there. Dashed: the listing's rate. Each optimizer has rates of its own; where "
    "both are at their best they are less than a factor of two apart.",
)
def rates(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Adam and plain gradient descent at many rates."""
    shown = [variant for variant in RATES if variant in runs]
    figure, panels = plots.figure(
        1, len(shown), title="Adam without tuning the rate (notes-2, section 3.4)"
    )
    for axes, variant in zip(np.atleast_1d(panels), shown, strict=True):
        tried = runs[variant][0]["measurements"]["rates"]
        for metric, label in (("adam_passes", "Adam"), ("sgd_passes", "SGD")):
            line = plots.curves(axes, tried, records.stack(runs[variant], metric), label=label)
            line.set_marker("o")
        plots.cited_line(axes, 0.003, label="the listing's rate, 0.003", vertical=True)
        axes.set(title=RATES[variant], xlabel="learning rate", ylabel="passes needed")
        axes.set(xscale="log", ylim=(0, None))
    return figure


# --- Overfitting --------------------------------------------------------------------------------


@plots.drawing(
    needs=["few_images"],
    also=["few_images_wide", "few_images_dropout", "few_images_l2"],
    caption="5,000 images and 30 epochs: cross-entropy above, share of wrong answers below, on the "
    "training set (dashed) and on the test set (solid). Lines are medians, shades ranges over the "
    "seeds. The loss on the test set turns and rises; the share of wrong answers does not.",
)
def overfitting(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Loss and error on both sets, for a larger network and for the remedies."""
    shown = [variant for variant in FEW_IMAGES if variant in runs]
    title = "Overfitting on 5,000 images, and its remedies (notes-2, section 3.3)"
    figure, grid = plots.figure(2, len(shown), title=title)
    grid = np.reshape(grid, (2, len(shown)))
    for column, variant in zip(grid.T, shown, strict=True):
        for axes, quantity in zip(column, ("loss", "accuracy"), strict=True):
            both_sets(axes, runs[variant], quantity)
        column[0].set_title(FEW_IMAGES[variant])
        column[1].set_xlabel("epochs")
    for row, label in zip(grid, ("cross-entropy", "share of wrong answers"), strict=True):
        row[0].set_ylabel(label)
        top = max(axes.get_ylim()[1] for axes in row)
        for axes in row:
            axes.set_ylim(0, top)
    return figure


def both_sets(axes: mpl_axes.Axes, runs: Sequence[records.Record], quantity: str) -> None:
    """Draw loss or error on both sets, from the first evaluation after the start on."""
    for place, (part, label) in enumerate((("test", "test set"), ("train", "training set"))):
        values = records.stack(runs, f"{part}_{quantity}")[:, 1:]
        values = 1 - values if quantity == "accuracy" else values
        colour = plots.PALETTE[place]
        line = plots.curves(axes, evaluated(runs)[1:], values, label=label, colour=colour)
        line.set_linestyle("--" if part == "train" else "-")


@plots.drawing(
    needs=["memory"],
    also=["memory_narrow", "memory_wide"],
    caption="1,000 images with shuffled labels, so that there is nothing to learn but the labels "
    "by heart: lines are medians, shades ranges over the seeds.",
)
def memory(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """How many shuffled labels networks of three widths learn."""
    figure, axes = plots.figure(title="Width as memory (notes-2, section 3.3)")
    for variant, label in MEMORY.items():
        if variant in runs:
            values = records.stack(runs[variant], "train_accuracy")
            plots.curves(axes, evaluated(runs[variant]), values, label=label)
    axes.set(xlabel="epochs", ylabel="share of shuffled labels known", ylim=(0, 1.02))
    return figure


# --- PyTorch's start ----------------------------------------------------------------------------


@plots.drawing(
    needs=["derivation"],
    caption="The first layer's initial weights as nn.Linear draws them (the shade), and the bounds "
    "of Glorot's distribution, which the text says it uses.",
)
def initial_weights(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The first layer's initial weights and Glorot's bound."""
    figure, axes = plots.figure(title="Is it Glorot? (notes-2, section 3.4)")
    bound = runs["derivation"][0]["measurements"]["glorot_bound"]
    counts = records.stack(runs["derivation"], "first_weights").sum(axis=0)
    edges = np.linspace(-bound, bound, len(counts) + 1)
    axes.stairs(counts / counts.sum(), edges, fill=True, alpha=0.6, label="drawn as nn.Linear does")
    for side in (-1, 1):
        own = axes.axvline(side / np.sqrt(PIXELS), color=plots.PALETTE[3])
        glorot = plots.cited_line(axes, side * bound, label="_", vertical=True)
    own.set_label("1/sqrt(784)")
    glorot.set_label("cited: Glorot's bound, sqrt(6/(784 + 128))")
    axes.set(xlabel="weight of the first layer", ylabel="share of weights")
    return figure

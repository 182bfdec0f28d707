"""Figures of the handwritten pages: the algorithm, its rate, its start, momentum, probabilities."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes as mpl_axes
from matplotlib import ticker

from common import plots, records

ALGORITHMS = {
    "as_written": "as its formulas mean it",
    "as_printed": "as printed, g for g'",
    "without_relu": "without ReLU",
    "adam": "with Adam, rate 0.001",
}
RATES = {
    "rate_tiny": "rate 0.0001",
    "rate_small": "rate 0.001 (table: small)",
    "rate_middle": "rate 0.01",
    "rate_large": "rate 0.1 (table: large)",
    "rate_huge": "rate 1",
    "momentum_huge": "rate 1, momentum as printed",
}
STARTS = {
    "start_narrow": "sigma 0.001",
    "rate_large": "sigma 0.05",
    "start_wide": "sigma 0.3",
    "start_unit": "sigma 1",
}
PLATEAUS = {
    "plateau": "plain descent, rate 0.1",
    "plateau_fast": "plain descent, rate 1",
    "plateau_momentum": "momentum as printed, rate 0.1",
    "plateau_momentum_fast": "momentum as printed, rate 1 (classical: 0.1)",
}
PENALTIES = {
    "few": "without",
    "few_l2_small": "lambda 0.001",
    "few_l2_middle": "lambda 0.01",
    "few_l2_large": "lambda 0.1",
}
CALIBRATED = {
    "as_written": "all images, 2 epochs",
    "few": "1,024 images, 200 passes",
    "few_l2_large": "1,024 images, 200 passes, lambda 0.1",
    "rate_small": "6,400 images, 20 passes, rate 0.001",
}
FEWEST = 20  # images in a bin of all seeds, below which a share says nothing


def draw_losses(
    axes: mpl_axes.Axes, runs: plots.Runs, names: Mapping[str, str], *, ceiling: float
) -> None:
    """Draw the mean loss of every pass, median and range, up to `ceiling`."""
    for variant, label in names.items():
        if variant in runs:
            losses = records.stack(runs[variant], "losses")
            line = plots.curves(axes, range(1, losses.shape[1] + 1), losses, label=label)
            if losses.shape[1] < 3:
                line.set_marker("o")
    axes.set(xlabel="pass over the images", ylabel="mean loss of the pass", ylim=(0, ceiling))
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))


@plots.drawing(
    needs=["as_written"],
    also=["as_printed", "without_relu", "adam"],
    caption="Two epochs on all images from N(0, 0.05^2): mean loss of the second epoch and "
    "accuracy on the test set after it, a dot for each seed from the lowest to the highest, and a "
    "diamond for the median. As printed, the backward step multiplies by g(z) where it must be "
    "g'(z).",
)
def algorithm(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The algorithm as meant and as printed, without ReLU, and with Adam."""
    figure, panels = plots.figure(1, 2, title="The handwritten algorithm (handwritten, section 4)")
    shown = {variant: name for variant, name in ALGORITHMS.items() if variant in runs}
    for axes, metric in zip(panels, ("losses", "test_accuracy"), strict=True):
        for place, variant in enumerate(shown):
            values = records.stack(runs[variant], metric)[:, -1]
            spread = place + np.linspace(-0.25, 0.25, len(values))
            colour = plots.PALETTE[place]
            axes.plot(spread, np.sort(values), ".", color=colour)
            axes.plot(place, np.median(values), "D", color=colour, markersize=9, fillstyle="none")
        axes.set_xticks(range(len(shown)), [*shown.values()], rotation=20, ha="right")
    panels[0].set(ylabel="mean loss of the second epoch", ylim=(0, None))
    panels[1].set(ylabel="test accuracy after two epochs")
    return figure


@plots.drawing(
    needs=["rate_large", "rate_small"],
    also=["rate_tiny", "rate_middle", "rate_huge", "momentum_huge"],
    caption="Twenty passes over 6,400 images from the same starts at other rates: the loss of each "
    "pass on a linear scale (left) and on a logarithmic one (right). Lines are medians, shades "
    "ranges over the seeds. At rate 1 it goes up and down; at 0.0001 it is stuck.",
)
def rates(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The loss at rates from too small to too large."""
    title = "The role of the rate (handwritten, section 5)"
    figure, (left, right) = plots.figure(1, 2, title=title)
    draw_losses(left, runs, RATES, ceiling=2.6)
    draw_losses(right, runs, RATES, ceiling=4.0)
    right.set(yscale="log", ylim=(1e-4, 4.0))
    return figure


@plots.drawing(
    needs=["rate_large", "start_narrow"],
    also=["start_wide", "start_unit"],
    caption="Twenty passes over 6,400 images at rate 0.1 from weights of different spread, on a "
    "logarithmic scale. Lines are medians, shades ranges over the seeds. Dashed: log(10), what "
    "answering at random costs.",
)
def starts(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The loss from starts of different spread."""
    figure, axes = plots.figure(title="The spread of the start (handwritten, section 4)")
    draw_losses(axes, runs, STARTS, ceiling=100)
    axes.axhline(np.log(10), color="#777777", linestyle="--", linewidth=1, label="log(10)")
    axes.set(yscale="log", ylim=(5e-3, 200))
    return figure


@plots.drawing(
    needs=["plateau", "plateau_momentum_fast"],
    also=["plateau_momentum", "plateau_fast"],
    caption="Sixty passes over 1,536 images from N(0, 0.01^2), where hardly anything gets through "
    "three layers and the loss stays at log(10) = 2.30: lines are medians, shades ranges over the "
    "seeds; dotted, 1.5, where the plateau counts as left. As printed, momentum at the same rate "
    "leaves it no sooner; at ten times the rate, which is classical momentum, it does, and plain "
    "descent at that rate does not.",
)
def plateaus(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """How soon the loss leaves a plateau, with and without momentum."""
    figure, axes = plots.figure(title="Momentum on a plateau (handwritten, section 4)")
    draw_losses(axes, runs, PLATEAUS, ceiling=3.0)
    axes.axhline(1.5, color="#777777", linestyle=":", linewidth=1, label="plateau left")
    return figure


@plots.drawing(
    needs=["few"],
    also=["few_l2_small", "few_l2_middle", "few_l2_large"],
    caption="200 passes over 1,024 images without L2 and with the document's lambdas: loss on the "
    "test set and accuracy on it, from the first evaluation after the start on. Lines are medians, "
    "shades ranges over the seeds. The two smaller lambdas change next to nothing.",
)
def penalty(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Loss and accuracy on unseen images by the strength of L2."""
    title = "L2 where a network overfits (handwritten, section 2)"
    figure, (left, right) = plots.figure(1, 2, title=title)
    for variant, label in PENALTIES.items():
        if variant in runs:
            passes = runs[variant][0]["measurements"]["evaluated_epochs"][1:]
            for axes, metric in ((left, "test_loss"), (right, "test_accuracy")):
                values = records.stack(runs[variant], metric)[:, 1:]
                plots.curves(axes, passes, values, label=label)
    left.set(xlabel="passes", ylabel="test cross-entropy")
    right.set(xlabel="passes", ylabel="test accuracy")
    return figure


@plots.drawing(
    needs=["as_written"],
    also=["few", "few_l2_large", "rate_small"],
    caption="Test images in bins of the probability of the chosen class: how many of them are "
    "right, all seeds together. On the dashed line a probability is what it is called; below it "
    "the network is too sure. Bins of fewer than 20 images are left out.",
)
def calibration(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """How often the network is right by how sure it is."""
    title = "Is a_i = P(y = class i | x)? (handwritten, page 5)"
    figure, axes = plots.figure(title=title)
    for variant, label in CALIBRATED.items():
        if variant in runs:
            sure, right = reliability(runs[variant])
            axes.plot(sure, right, marker="o", markersize=4, label=label)
    axes.plot([0, 1], [0, 1], color=plots.CITED, linestyle=(0, (4, 2)), label="cited: a = P")
    axes.set(xlabel="probability of the chosen class", ylabel="share of right answers")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    return figure


def reliability(runs: Sequence[records.Record]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean probability and share of right answers of each bin that is filled."""
    images = records.stack(runs, "images_of_bins")
    filled = images.sum(axis=0) >= FEWEST
    total = images.sum(axis=0)[filled]
    told = (records.stack(runs, "confidence_of_bins") * images).sum(axis=0)[filled] / total
    hits = (records.stack(runs, "hits_of_bins") * images).sum(axis=0)[filled] / total
    return told, hits


@plots.drawing(
    needs=["batches"],
    caption="Time of the forward pass per example on the machine that ran it: in a batch, as the "
    "columns of one matrix, and one example after the other. Lines are medians, shades ranges over "
    "repeated timings.",
)
def batches(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Time per example in batches and one by one."""
    figure, axes = plots.figure(title="Batches for efficiency (handwritten, page 6)")
    sizes = runs["batches"][0]["measurements"]["batch_sizes"]
    for metric, label in (
        ("microseconds_alone", "one by one"),
        ("microseconds_in_a_batch", "in a batch"),
    ):
        line = plots.curves(axes, sizes, records.stack(runs["batches"], metric), label=label)
        line.set_marker("o")
    axes.set(xlabel="examples in the batch", ylabel="microseconds per example", ylim=(0, None))
    axes.set_xticks(sizes)
    return figure

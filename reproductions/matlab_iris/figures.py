"""Figures of the MATLAB script on Iris, and of its class on MNIST."""

import numpy as np
from matplotlib import axes as mpl_axes

from common import plots, records

CASES = {  # label: variant, and the metrics of what is printed and of what is true
    "as published": ("as_written", "printed", "true"),
    "as published, before training": ("as_written", "untrained_printed", "untrained_true"),
    "softmax that cannot break": ("stable_softmax", "printed", "true"),
    "targets filled in": ("labels_filled", "printed", "true"),
}
SHOWN_PASSES = 600


def breakdown(runs: plots.Runs, _: plots.Curves) -> str:
    """The caption of `printed_and_true`, with when softmax breaks."""
    broken = records.stack(runs["as_written"], "broken_after")
    count = int(np.isfinite(broken).sum())
    passes = runs["as_written"][0]["config"]["passes"]
    when = f", after {np.median(broken):.0f} of {passes:,} passes (median)" if count else ""
    return (
        "Above: the network's outputs before softmax, while softmax gives numbers. With targets of "
        f"zero every step pushes them down; softmax becomes 0/0 in {count} of {len(broken)} runs"
        f"{when}. Below: the accuracy that the script's formula gives on the test flowers (it "
        "compares three labels) and the share of them that is right, means over the seeds."
    )


@plots.drawing(needs=["as_written"], also=["stable_softmax", "labels_filled"], caption=breakdown)
def printed_and_true(runs: plots.Runs, _: plots.Curves) -> plots.Figure:
    """How the outputs fall until softmax breaks, and what is printed beside what is true."""
    figure, (falling, accuracies) = plots.figure(2, 1, title="100 % on Iris (the MATLAB script)")
    draw_outputs(falling, runs)
    draw_accuracies(accuracies, runs)
    return figure


def draw_outputs(axes: mpl_axes.Axes, runs: plots.Runs) -> None:
    """The mean z by pass, up to the pass at which the first run breaks."""
    for variant, label in (("as_written", "targets zero"), ("labels_filled", "targets filled in")):
        if variant in runs:
            watched = np.array(runs[variant][0]["measurements"]["watched_passes"])
            samples = records.stack(runs[variant], "mean_z")
            shown = (watched <= SHOWN_PASSES) & np.isfinite(samples).all(axis=0)
            plots.curves(axes, watched[shown], samples[:, shown], label=label)
    lowest = np.log(np.finfo(float).tiny)
    label = f"exp(z) is 0 below {lowest:.0f} here, below -745 in MATLAB"
    axes.axhline(lowest, color="0.5", linestyle=":", label=label)
    axes.set(title="Where the outputs are", xlabel="passes over the 120 flowers", ylabel="mean z")


def draw_accuracies(axes: mpl_axes.Axes, runs: plots.Runs) -> None:
    """A pair of bars a case, with their values: printed by the formula, and true."""
    cases = {label: case for label, case in CASES.items() if case[0] in runs}
    places = np.arange(len(cases))
    for shift, number, label in ((-0.2, 1, "printed"), (0.2, 2, "true")):
        means = [records.stack(runs[case[0]], case[number])[:, 1].mean() for case in cases.values()]
        bars = axes.barh(places + shift, means, height=0.38, label=f"{label}, test flowers")
        axes.bar_label(bars, fmt="{:.0%}", label_type="center", color="white", fontsize=8)
    plots.cited_line(axes, 1, label="printed by the authors: 100 %", vertical=True)
    axes.set_yticks(places, list(cases))
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.set(
        title="What is printed, what is true",
        xlabel="accuracy on the 30 test flowers",
        xlim=(0, 1.05),
    )


@plots.drawing(
    needs=["mnist"],
    caption="The MATLAB class on MNIST with ten hidden neurons and the targets filled in: share of "
    "the 10,000 test images that is right after each pass over 48,000 images. The script that is "
    "published never reads MNIST; the line is what the paper's summary says of it.",
)
def mnist(runs: plots.Runs, _: plots.Curves) -> plots.Figure:
    """Test accuracy by pass."""
    figure, axes = plots.figure(title="The MATLAB class on MNIST, 784-10-10")
    samples = records.stack(runs["mnist"], "mnist_test_accuracy")
    passes = range(1, samples.shape[1])  # before the first, one in ten is right
    plots.curves(axes, passes, samples[:, 1:], label="measured")
    plots.cited_line(axes, 0.92, label="cited: over 92 %")
    axes.set(xlabel="passes over the 48,000 images", ylabel="test accuracy", ylim=(0.7, 1))
    return figure

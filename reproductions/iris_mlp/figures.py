"""Figures of Iris: the paper's 1, 3 and 4, the notebook's runs, and what stands beside them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import axes as mpl_axes

from common import plots, records

TITLES = {"gd": "gradient descent", "momentum": "momentum", "adam": "Adam (the library's)"}
WIDTHS = {f"hidden_{count}": count for count in range(1, 6)}
INPUTS = {  # rate: raw and standardised
    "0.001": ("as_written", "standardised"),
    "0.01": ("code_rate", "standardised_code_rate"),
}
NOTEBOOKS = {  # variant: title and the cited curves of its accuracy and of its loss
    "notebook": ("4-5-3, the derivative as passed", "notebook", "notebook-loss"),
    "notebook_cross_entropy": ("4-5-3, cross-entropy's derivative", "notebook", "notebook-loss"),
    "notebook_deep": (
        "4-20-10-6-3, cross-entropy's derivative",
        "notebook-deep",
        "notebook-deep-loss",
    ),
}
LOSSES = {  # title: metrics of accuracy and of speed
    "cross-entropy": ("cross_entropy_test_accuracy", "cross_entropy_epochs_to_level"),
    "squared error": ("squared_error_test_accuracy", "squared_error_epochs_to_level"),
    "the notebook's derivative": ("notebook_test_accuracy", "notebook_epochs_to_level"),
}


# --- Figure 1 -------------------------------------------------------------------------------------


def which_rate_fits(runs: plots.Runs, curves: plots.Curves) -> str:
    """The caption of `figure_1`: how many runs of each rate are as soon as the paper's."""
    shares = []
    for name, title in TITLES.items():
        counts = []
        for variant in ("as_written", "code_rate"):
            level, rate = (runs[variant][0]["config"][key] for key in ("level", "learning_rate"))
            _, cited = curves[f"figure-1-{name}"].points
            soon = next(point for point, y in enumerate(cited) if y >= level)
            samples = records.stack(runs[variant], f"{name}_validation_accuracy")
            reached = (samples[:, : soon + 1] >= level).any(axis=1)
            counts.append(f"{reached.sum()} of {len(reached)} at rate {rate:g}")
        shares.append(f"{title} {' and '.join(counts)}")
    return (
        "Figure 1 at its legend's rate (above) and at that of the code of that day (below): line "
        "and shade are median and range of our runs, dotted lines hold 99 % of them, diamonds are "
        "the paper's one run each. One of the 24 flowers is 4.2 points. Runs that reach 90 % as "
        f"soon as the paper's: {'; '.join(shares)}."
    )


@plots.drawing(needs=["as_written", "code_rate"], caption=which_rate_fits)
def figure_1(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Validation accuracy of the three optimizers, at both rates."""
    figure, grid = plots.figure(2, 3, title="Validation accuracy on Iris, 4-10-3 (paper, figure 1)")
    for row, variant in zip(grid, ("as_written", "code_rate"), strict=True):
        rate = runs[variant][0]["config"]["learning_rate"]
        for axes, (name, title) in zip(row, TITLES.items(), strict=True):
            curve = curves[f"figure-1-{name}"].points
            panel(axes, runs[variant], f"{name}_validation_accuracy", curve)
            axes.set(title=f"{title}, rate {rate:g}", ylabel="validation accuracy", ylim=(0, 1.04))
    return figure


@plots.drawing(
    needs=["as_written", "code_rate"],
    caption="Adam as the library has it, which counts epochs in its bias correction, and as "
    "published, which counts updates, from the same starts. Lines and shades are medians and "
    "ranges over the seeds.",
)
def adam(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The library's Adam beside Adam as published."""
    figure, row = plots.figure(1, 2, title="Two Adams on Iris, 4-10-3")
    shown = {
        "adam_validation_accuracy": "the library's Adam",
        "textbook_adam_validation_accuracy": "Adam as published",
    }
    for axes, variant in zip(row, ("as_written", "code_rate"), strict=True):
        for metric, label in shown.items():
            samples = records.stack(runs[variant], metric)
            line = plots.curves(axes, epochs(runs[variant]), samples, label=label)
            line.set_linestyle("--" if "textbook" in metric else "-")  # both show where they agree
        axes.set(
            title=f"rate {runs[variant][0]['config']['learning_rate']:g}",
            xlabel="epochs completed",
            ylabel="validation accuracy",
            ylim=(0, 1.04),
        )
    return figure


@plots.drawing(
    needs=["as_written", "code_rate"],
    also=["standardised", "standardised_code_rate"],
    caption="The same starts and splits on raw inputs, as the paper has them, and on inputs "
    "standardised by the 96 training flowers' means and deviations. Lines and shades are medians "
    "and ranges over the seeds.",
)
def inputs(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Validation accuracy on raw and on standardised inputs."""
    figure, grid = plots.figure(2, 3, title="Raw and standardised inputs, 4-10-3")
    for row, (rate, pair) in zip(grid, INPUTS.items(), strict=True):
        compared = of_the_same_seeds(runs, pair)
        for axes, (name, title) in zip(row, TITLES.items(), strict=True):
            for variant, label in zip(pair, ("raw", "standardised"), strict=True):
                if variant in compared:
                    samples = records.stack(compared[variant], f"{name}_validation_accuracy")
                    plots.curves(axes, epochs(compared[variant]), samples, label=label)
            axes.set(
                title=f"{title}, rate {rate}",
                xlabel="epochs completed",
                ylabel="validation accuracy",
                ylim=(0, 1.04),
            )
    return figure


def of_the_same_seeds(runs: plots.Runs, pair: tuple[str, str]) -> plots.Runs:
    """Those of two variants that were run, each with the seeds that all of them have."""
    there = {variant: runs[variant] for variant in pair if variant in runs}
    shared = set.intersection(*({run["seed"] for run in each} for each in there.values()))
    return {
        variant: [run for run in each if run["seed"] in shared] for variant, each in there.items()
    }


# --- Figures 3 and 4 ------------------------------------------------------------------------------


@plots.drawing(
    needs=["hidden_5"],
    also=["hidden_1", "hidden_2", "hidden_3", "hidden_4"],
    caption="Figure 3: validation accuracy with one to five hidden neurons, gradient descent at "
    "0.01. Line and shade are median and range of our runs, dotted lines hold 99 % of them, "
    "diamonds are the paper's one run each. Runs with few neurons differ so much that a single one "
    "says little.",
)
def figure_3(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Validation accuracy by number of hidden neurons."""
    figure, panels = width_panels(runs, "Validation accuracy on Iris, 4-H-3 (paper, figure 3)")
    for variant, axes in panels.items():
        curve = curves[f"figure-3-{WIDTHS[variant]}"].points
        panel(axes, runs[variant], "validation_accuracy", curve)
        axes.set(ylabel="validation accuracy", ylim=(0, 1.04))
    return figure


@plots.drawing(
    needs=["hidden_5"],
    also=["hidden_1", "hidden_2", "hidden_3", "hidden_4"],
    caption='Figure 4: its "Error" is the cross-entropy of one flower, the last of the training '
    "set. Line and shade are median and range of our runs, dotted lines hold 99 % of them, "
    "diamonds are the paper's one run each. The paper's run with one neuron did not learn, and its "
    "loss rose.",
)
def figure_4(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The last training flower's loss by number of hidden neurons."""
    figure, panels = width_panels(runs, "Loss of the last training flower, 4-H-3 (paper, figure 4)")
    for variant, axes in panels.items():
        curve = curves[f"figure-4-{WIDTHS[variant]}"].points
        panel(axes, runs[variant], "last_flower_loss", curve)
        axes.set(ylabel="cross-entropy", yscale="log")
    return figure


@plots.drawing(
    needs=["hidden_5"],
    also=["hidden_1", "hidden_2", "hidden_3", "hidden_4"],
    caption="What figure 4 shows, the last training flower's cross-entropy, beside what it may be "
    "taken for: the mean over the 96 training flowers. Lines and shades are medians and ranges "
    "over the seeds.",
)
def losses(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """One flower's loss beside the mean over the training flowers."""
    figure, panels = width_panels(runs, 'What "Error" means: one flower, or all of them')
    shown = {"last_flower_loss": "last training flower", "training_loss": "mean of the 96"}
    for variant, axes in panels.items():
        for metric, label in shown.items():
            samples = records.stack(runs[variant], metric)
            plots.curves(axes, epochs(runs[variant]), samples, label=label)
        both_x_axes(axes, runs[variant])
        axes.set(ylabel="cross-entropy", yscale="log")
    return figure


# --- The notebook ---------------------------------------------------------------------------------


@plots.drawing(
    needs=["notebook"],
    also=["notebook_cross_entropy", "notebook_deep"],
    caption="The notebook's two networks, each one run in the notebook (diamonds); the first also "
    "with the derivative that belongs to its printed loss. Above, validation accuracy on 24 "
    "flowers; below, the loss it prints, of the last training flower. Line and shade are median "
    "and range of our runs, dotted lines hold 99 % of them.",
)
def notebook(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Accuracy and loss as the notebook prints them."""
    shown = {variant: cited for variant, cited in NOTEBOOKS.items() if variant in runs}
    figure, grid = plots.figure(
        2, len(shown), title="The notebook's runs on Iris, gradient descent at 0.01"
    )
    for column, (variant, (title, *cited)) in zip(
        grid.reshape(2, -1).T, shown.items(), strict=True
    ):
        logged = epochs(runs[variant])
        for axes, metric, name in zip(
            column, ("validation_accuracy", "last_flower_loss"), cited, strict=True
        ):
            samples = records.stack(runs[variant], metric)
            plots.curves(axes, logged, samples, label="measured", judged="rank")
            _, y = curves[name].points
            plots.cited(axes, logged, y[: len(logged)], label="cited: the notebook's one run")
            axes.set_xlabel("epochs completed")
        column[0].set(title=title, ylabel="validation accuracy", ylim=(0, 1.04))
        column[1].set(ylabel="last flower's cross-entropy", yscale="log")
    return figure


@plots.drawing(
    needs=["losses"],
    caption="4-5-3 from the same starts, 300 epochs of gradient descent on three derivatives, at "
    "several rates; line and shade are median and range over the seeds. Above: test flowers right "
    "at the end. Below: epochs until 90 % of the validation flowers are right (runs that never get "
    "there are drawn at the last epoch).",
)
def loss_functions(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Accuracy and speed on three losses, by rate."""
    figure, grid = plots.figure(2, 3, title="4-5-3 on Iris: three derivatives, several rates")
    rates, last = (runs["losses"][0]["config"][key] for key in ("rates", "epochs"))
    for column, (title, metrics) in zip(grid.T, LOSSES.items(), strict=True):
        for axes, metric in zip(column, metrics, strict=True):
            samples = np.minimum(records.stack(runs["losses"], metric), last)
            plots.curves(axes, rates, samples, label="measured")
            axes.set(
                xlabel="learning rate", xscale="log", xticks=rates, xticklabels=map(str, rates)
            )
            axes.minorticks_off()
        column[0].set(title=title, ylabel="test accuracy", ylim=(0, 1.04))
        column[1].set(ylabel="epochs to 90 % of validation", yscale="log", ylim=(0.8, 1.3 * last))
    return figure


# --- Panels ---------------------------------------------------------------------------------------


def width_panels(runs: plots.Runs, title: str) -> tuple[plots.Figure, dict[str, mpl_axes.Axes]]:
    """A panel for each number of hidden neurons that was run, by variant, with one y axis."""
    shown = [variant for variant in WIDTHS if variant in runs]
    columns = min(len(shown), 3)
    rows = -(-len(shown) // columns)
    figure, grid = plots.figure(rows, columns, title=title)
    panels = list(np.ravel(grid))
    for left_over in panels[len(shown) :]:
        left_over.remove()
    for axes, variant in zip(panels, shown, strict=False):
        axes.set_title(f"H = {WIDTHS[variant]}")
        if axes is not panels[0]:
            axes.sharey(panels[0])
    return figure, dict(zip(shown, panels, strict=False))


def panel(
    axes: mpl_axes.Axes,
    runs: Sequence[records.Record],
    metric: str,
    cited: tuple[list[float], list[float]],
) -> None:
    """Our runs as median, range and judged interval, the paper's points on them.

    Of a run that was cut short the paper's later points are left out.
    """
    logged = epochs(runs)
    plots.curves(axes, logged, records.stack(runs, metric), label="measured", judged="rank")
    plots.cited(axes, logged, cited[1][: len(logged)], label="cited: the paper's one run")
    both_x_axes(axes, runs)


def epochs(runs: Sequence[records.Record]) -> list[int]:
    """Epochs completed at each line of the log."""
    return runs[0]["measurements"]["logged_epochs"]


def both_x_axes(axes: mpl_axes.Axes, runs: Sequence[records.Record]) -> None:
    """Epochs completed below; above, the position in the log, which is the x axis of the paper."""
    every = runs[0]["config"]["log_every"]

    def position(epoch: Any) -> Any:
        return (epoch - 1) / every

    def epoch(position: Any) -> Any:
        return 1 + every * position

    above = axes.secondary_xaxis("top", functions=(position, epoch))
    above.set_xlabel("position in the log (the paper's x)")
    axes.set_xlabel("epochs completed")

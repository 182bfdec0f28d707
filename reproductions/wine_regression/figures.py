"""Figure 5 beside what it is taken for, what keeps the network from learning, single wines."""

from collections.abc import Sequence

import numpy as np
from matplotlib import axes as mpl_axes
from matplotlib import ticker

from common import plots, records

Records = Sequence[records.Record]

DOTTED, DASHED, MIXED = (0, (1, 1.5)), (0, (6, 2)), (0, (6, 2, 1, 2))
ERRORS = {  # the curves, and what stands beside each: metric -> name, dashes
    "train_mse": {
        "mean_train_mse": ("always their mean", DOTTED),
        "linear_train_mse": ("linear regression", DASHED),
    },
    "test_mse": {
        "mean_test_mse": ("always the mean of those trained on", DOTTED),
        "linear_test_mse": ("linear regression", DASHED),
    },
}
SCORES = {
    "mean_test_r2": ("always the mean quality", DOTTED),
    "linear_test_r2": ("linear regression", DASHED),
    "forest_test_r2": ("random forest", MIXED),
}
WINES = {"train_mse": "wines trained on", "test_mse": "test wines"}
SHOWN = {
    "longer": "as the code ran, for longer",
    "standardised": "inputs standardised",
    "corrected": "standardised, another start and rate",
}
TICKS = (0, 1, 2, 5, 10, 20, 50, 100)


@plots.drawing(
    needs=["as_written"],
    also=["stated_rate"],
    caption="Left, what figure 5 plots: the squared error of one wine, the first one before "
    "training and then always the last one trained on. Dotted: where 99 % of such runs lie. Right, "
    "what it is taken for: the mean squared error over all wines, where 0 would be perfect, from "
    "the first epoch on (before training it is off the scale). Each set of wines has the colour of "
    "its own baselines: always the mean quality of the wines trained on, and linear regression.",
)
def figure_5(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """One wine's error, and all wines'."""
    figure, (printed, meant) = plots.figure(
        1, 2, title="Error of the wine network over its ten epochs (paper, figure 5)"
    )
    written = runs["as_written"]
    epochs = looks(written)
    plots.curves(
        printed,
        epochs,
        records.stack(written, "printed_loss"),
        label="rate 0.001 (the code)",
        judged="rank",
    )
    if other := runs.get("stated_rate"):
        values = records.stack(other, "printed_loss")
        plots.curves(printed, looks(other), values, label="rate 0.01 (the text)")
    plots.cited(printed, *curves["figure-5"].points, label="cited: the notebook's one run")
    printed.set(title="what it plots: one wine's error", yscale="log")
    printed.set(ylabel="squared error, quality squared")
    for metric, baselines in ERRORS.items():
        after = records.stack(written, metric)[:, 1:]
        line = plots.curves(meant, epochs[1:], after, label=WINES[metric])
        draw_baselines(meant, written, baselines, WINES[metric], str(line.get_color()))
    meant.set(title="what is meant: all wines' error", ylim=(0, 1))
    meant.set(ylabel="mean squared error, quality squared")
    for axes in (printed, meant):
        axes.set(xlabel="epochs completed", xlim=(-0.3, epochs[-1] + 0.3))
    return figure


@plots.drawing(
    needs=["longer"],
    also=["standardised", "corrected"],
    caption="Left: R squared on the test wines (1 is perfect, 0 is always the mean). Right: share "
    "of the first layer's outputs that are within 0.01 of 0 or 1, where a sigmoid hardly learns. "
    "Raw inputs reach into the hundreds and saturate it from the start. Lines and bands: median "
    "and range of the seeds.",
)
def what_works(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Test wines explained, and the first layer saturated, by epoch."""
    figure, (score, saturation) = plots.figure(1, 2, title="What keeps it from learning")
    for variant, label in SHOWN.items():
        if some := runs.get(variant):
            plots.curves(score, looks(some), records.stack(some, "test_r2"), label=label)
            plots.curves(saturation, looks(some), records.stack(some, "saturated"), label=label)
    draw_baselines(score, runs["longer"], SCORES, "test wines")
    score.set(title="on wines not seen", ylabel="R squared", ylim=(-0.3, 0.6))
    saturation.set(title="first layer, saturated", ylabel="share of its outputs", ylim=(0, 1.03))
    last = max(looks(some)[-1] for some in runs.values())
    for axes in (score, saturation):
        axes.set_xscale("symlog", linthresh=1, linscale=0.4)
        shown = [tick for tick in TICKS if tick <= last]
        axes.set_xticks(shown, [str(tick) for tick in shown])
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.set(xlabel="epochs completed", xlim=(-0.1, last))
    return figure


@plots.drawing(
    needs=["as_written", "corrected"],
    caption="Every test wine, its quality spread sideways a little so that wines do not hide each "
    "other. One run (seed 0). A perfect prediction lies on the line.",
)
def predictions(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Predicted against true quality."""
    figure, panels = plots.figure(1, 2, title="Predicted against true quality, test wines")
    shown = {
        "as_written": (0, "as the code ran, after one epoch"),
        "corrected": (1, "corrected, at the end"),
    }
    for axes, (variant, (moment, title)) in zip(panels, shown.items(), strict=True):
        arrays = records.first_arrays(runs[variant])
        quality, predicted = arrays["test_quality"], arrays["test_predictions"][moment]
        aside = np.random.default_rng(0).uniform(-0.3, 0.3, len(quality))
        axes.scatter(quality + aside, predicted, s=3, alpha=0.4, linewidth=0, label="a wine")
        axes.plot([3, 9], [3, 9], color="#777777", linewidth=1, label="perfect")
        axes.set(title=title, xlabel="quality (tasters)", ylabel="predicted quality")
        axes.set_ylim(2.5, 9.5)
    return figure


def draw_baselines(
    axes: mpl_axes.Axes,
    some: Records,
    baselines: dict[str, tuple[str, tuple]],
    wines: str,
    colour: str = "#555555",
) -> None:
    """Draw the scores of predicting without a network; they are the same in every run."""
    for metric, (label, dashes) in baselines.items():
        value = some[0]["measurements"][metric]
        axes.axhline(
            value, color=colour, linestyle=dashes, linewidth=1.1, label=f"{label}, {wines}"
        )


def looks(some: Records) -> list[int]:
    """Epochs completed at each point of the curves."""
    return some[0]["measurements"]["measured_epochs"]

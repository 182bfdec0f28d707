"""Figure 2 drawn again, then what it does not show: other starts, and where stuck runs stand."""

import numpy as np

from common import plots, records
from reproductions.xor_mlp import epochs

PANELS = {
    "authors_run": (r"$\eta = 0.5$", "as_written", 2500),
    "authors_run_rate_10": (r"$\eta = 10$", "rate_10", 330),
    "authors_run_rate_tiny": (r"$\eta = 0.0001$", "", 10_000),
}
STARTS = {
    "as_written": r"uniform [0, 1), $\eta = 0.5$ (notes)",
    "rate_10": r"uniform [0, 1), $\eta = 10$",
    "normal_start": r"N(0, 1), $\eta = 0.5$",
    "glorot_start": r"Glorot, $\eta = 0.5$",
}
FATES = {"trapped": "C3", "on_a_slope": "C1", "escaped": "C2"}


def errors_by_epoch(run: records.Record) -> tuple[np.ndarray, np.ndarray]:
    """The epochs whose error a record has, and the errors."""
    config = run["config"]
    stored = epochs.stored(config["epochs"], finely=config["start"] is not None)
    return stored, np.array(run["measurements"]["error_curve"])


@plots.drawing(
    needs=["authors_run", "authors_run_rate_10", "authors_run_rate_tiny"],
    also=["as_written", "rate_10"],
    caption="Figure 2 drawn again: mean squared error by epoch. Black line: the authors' own start "
    "(NumPy seed 42), run again. Blue line and shade: the same protocol from other starts. "
    "Diamonds: values read off the figure; dashed: its two spikes, of which only the height can be "
    "read. The first two panels show the beginning, where all happens.",
)
def figure_2(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """A panel a rate."""
    figure, axes = plots.figure(
        1, 3, title="Error by learning rate (notes-2, figure 2)", size=(11, 3.6)
    )
    for panel, (variant, (title, others, last)) in zip(axes, PANELS.items(), strict=True):
        if others in runs:
            x, _ = errors_by_epoch(runs[others][0])
            errors = records.stack(runs[others], "error_curve")
            plots.curves(panel, x, errors, label="other starts")
        panel.plot(*errors_by_epoch(runs[variant][0]), color="black", label="authors' start again")
        x, y = (np.array(values) for values in curves[variant].points)
        shown = x <= last
        plots.cited(panel, x[shown], y[shown], label="read off figure 2")
        panel.set(
            title=title,
            xlabel="epoch",
            ylabel="mean squared error",
            xlim=(-0.04 * last, 1.04 * last),
        )
    plots.cited_line(axes[1], 0.40, label="spikes read off figure 2")
    plots.cited_line(axes[1], 0.34, label="_the second")  # not in the legend again
    axes[2].set_ylim(0.2503, 0.2524)
    return figure


@plots.drawing(
    needs=["authors_run_to_the_end"],
    also=["authors_run", "authors_run_rate_10"],
    caption="The authors' start at all three rates, epochs on a logarithmic scale. Dashed: a "
    "million epochs. The curve at 0.0001 has the shape of that at 0.5, some 5,000 times as late.",
)
def low_rate(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """How long the low rate takes."""
    figure, axes = plots.figure(title="How long a low rate takes (notes-2, section 2.3)")
    for variant in ("authors_run_to_the_end", "authors_run", "authors_run_rate_10"):
        if variant in runs:
            x, errors = errors_by_epoch(runs[variant][0])
            rate = runs[variant][0]["config"]["learning_rate"]
            axes.plot(x + 1, errors, label=rf"$\eta = {rate:g}$")
    plots.cited_line(axes, 1e6, label="cited: millions of epochs", vertical=True)
    axes.set(xlabel="epoch", ylabel="mean squared error", xscale="log")
    return figure


@plots.drawing(
    needs=["as_written"],
    also=["rate_10", "normal_start", "glorot_start"],
    caption="Where runs end, by start and rate. Nearly all that do not learn stand at 1/8 or 1/6 "
    "(dotted), hardly any at the 0.25 of a network that says 0.5 to everything (dashed). The "
    "vertical axis is logarithmic, so that single runs can be seen.",
)
def final_errors(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """A panel a start."""
    starts = {variant: title for variant, title in STARTS.items() if variant in runs}
    figure, axes = plots.figure(
        2, 2, title="Error at the end, by start (notes-2, section 2.3)", size=(9, 6.4)
    )
    for panel in axes.ravel()[len(starts) :]:
        panel.set_visible(False)
    for panel, (variant, title) in zip(axes.ravel(), starts.items(), strict=False):
        final = records.stack(runs[variant], "final_error")
        plots.histogram(panel, final, label="runs", bins=np.linspace(0, 0.28, 57).tolist())
        plots.cited_line(panel, 0.25, label="cited: 0.25", vertical=True)
        for number, level in enumerate((1 / 8, 1 / 6)):
            label = "1/8 and 1/6" if number == 0 else None
            panel.axvline(level, color="0.4", linestyle=":", linewidth=1.0, zorder=0, label=label)
        learnt = records.stack(runs[variant], "learnt").mean()
        panel.set(title=f"{title}: {learnt:.0%} learn", xlabel="final error", ylabel="runs")
        panel.set(yscale="log", ylim=(0.6, None))
    return figure


@plots.drawing(
    needs=["as_written"],
    also=["rate_2", "rate_10", "normal_start", "glorot_start"],
    caption="Share of starts whose error has fallen below 0.005, where the authors' own run is "
    "near epoch 1500 (dashed). Each curve levels off at the share that gets there within 10,000 "
    "epochs.",
)
def speed(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """How soon starts learn, one line for each start and rate."""
    figure, axes = plots.figure(title="How soon starts learn (notes-2, section 2.3)")
    labels = {"rate_2": r"uniform [0, 1), $\eta = 2$ (ours)", **STARTS}
    for variant in ("as_written", "rate_2", "rate_10", "normal_start", "glorot_start"):
        if variant in runs:
            last = runs[variant][0]["config"]["epochs"]
            reached = np.sort(records.stack(runs[variant], "at_zero_epoch").astype(float))
            share = np.arange(1, len(reached) + 1) / len(reached)
            there = np.isfinite(reached)
            steps = np.concatenate([[1], reached[there], [last]])
            shares = np.concatenate([[0], share[there], [there.mean()]])
            axes.step(steps, shares, where="post", label=f"{labels[variant]}: {len(reached)} seeds")
    plots.cited_line(axes, 1500, label="cited: 1500", vertical=True)
    axes.set(xlabel="epoch", ylabel="share of starts below 0.005", xscale="log")
    axes.set(xlim=(50, 11_000), ylim=(0, 1.02))
    return figure


def fates_in_words(runs: plots.Runs, curves: plots.Curves) -> str:
    """The caption of `stuck`, with the numbers of runs."""
    told = []
    for variant, start in (("stuck_points", "uniform [0, 1)"), ("stuck_normal", "N(0, 1)")):
        if variant in runs:
            found = [run["measurements"] for run in runs[variant]]
            trapped, slope, escaped = (sum(each[fate] for each in found) for fate in FATES)
            told.append(
                f"of {len(found)} runs from {start}, {trapped} are trapped in a valley (all "
                f"curvatures positive), {slope} still on a slope, {escaped} have learnt"
            )
    return (
        "Runs that had not learnt when a run usually ends, watched on, a line each. At the last "
        f"epoch: {'; '.join(told)}. The slope never reaches zero and the weights keep growing: the "
        "floor of a valley lies at infinity."
    )


@plots.drawing(needs=["stuck_points"], also=["stuck_normal"], caption=fates_in_words)
def stuck(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Error, slope and size of the weights, a row a start."""
    starts = {"stuck_points": "uniform [0, 1)", "stuck_normal": "N(0, 1)"}
    starts = {variant: name for variant, name in starts.items() if variant in runs}
    figure, axes = plots.figure(
        len(starts), 3, title="Runs that stay flat, watched on (notes-2, section 2.3)"
    )
    metrics = {
        "watched_error": "mean squared error",
        "watched_slope": "length of the gradient",
        "watched_norm": "length of the weights",
    }
    for row, (variant, name) in zip(np.atleast_2d(axes), starts.items(), strict=True):
        for panel, (metric, label) in zip(row, metrics.items(), strict=True):
            labelled = set()
            for run in runs[variant]:
                fate = next(fate for fate in FATES if run["measurements"][fate])
                panel.plot(
                    run["config"]["watched_epochs"],
                    run["measurements"][metric],
                    color=FATES[fate],
                    alpha=0.35,
                    marker="o",
                    markersize=3,
                    label=None if fate in labelled else fate.replace("_", " "),
                )
                labelled.add(fate)
            panel.set(title=name, xlabel="epoch", ylabel=label, xscale="log")
        plots.cited_line(row[0], 0.25, label="cited: 0.25")
        row[1].set_yscale("log")
    return figure

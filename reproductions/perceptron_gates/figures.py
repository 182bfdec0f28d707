"""What a perceptron learns, what it cannot, and how soon it stops."""

import functools
import typing

import numpy as np
from matplotlib import axes as mpl_axes

from common import plots, records
from reproductions.perceptron_gates import points

SIDES = (-0.5, 1.5)
GATE_OF = {"as_written": "AND", "or_gate": "OR", "xor_gate": "XOR"}


@plots.drawing(
    needs=["as_written", "or_gate", "xor_gate"],
    caption="The four points of each gate (blue: 0, orange: 1) and what the perceptron of seed 0 "
    "has learnt to answer (shades). Grey lines are those of up to 19 other seeds. On XOR no line "
    "can be right: every run leaves some point on the wrong side.",
)
def lines(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Points, shade and lines, a gate a panel."""
    figure, axes = plots.figure(1, 3, title="What one perceptron learns (notes-2, section 1.2)")
    for panel, (variant, gate) in zip(axes, GATE_OF.items(), strict=True):
        states = [np.array(run["measurements"]["path"][0]) for run in runs[variant][:20]]
        plots.decision_boundary(
            panel,
            functools.partial(points.predict, states[0]),
            limits=(*SIDES, *SIDES),
            points=points.POINTS,
            labels=points.GATES[gate].astype(int),
            names=("0", "1"),
        )
        for number, other in enumerate(states[1:]):
            label = "other seeds' lines" if number == 0 else None
            draw_line(panel, other, color="0.4", linewidth=0.5, alpha=0.5, label=label)
        panel.set(title=gate, xlabel="$x_1$", ylabel="$x_2$", xlim=SIDES, ylim=SIDES)
    return figure


def draw_line(panel: mpl_axes.Axes, state: np.ndarray, **style: typing.Any) -> None:
    """Draw w1 x1 + w2 x2 + b = 0, whichever way it runs."""
    w1, w2, b = state
    x = np.array(SIDES)
    if abs(w2) > abs(w1):
        panel.plot(x, -(w1 * x + b) / w2, **style)
    elif w1:
        panel.plot(-(w2 * x + b) / w1, x, **style)


def tables_caption(runs: plots.Runs, curves: plots.Curves) -> str:
    """Tell how many tables a line separates, and how many were learnt."""
    measured = runs["tables"][0]["measurements"]
    return (
        "All 16 functions of two inputs, each tried by a new perceptron (seed 0): white points are "
        f"0, black ones 1, shaded is where it answers 1 after training. A line separates "
        f"{measured['tables_separable']}, and {measured['tables_learnt']} are learnt; XOR and its "
        "opposite (orange) never are."
    )


@plots.drawing(needs=["tables"], caption=tables_caption)
def tables(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """A small panel for each truth table."""
    figure, axes = plots.figure(
        2, 8, title="The 16 functions of two inputs (notes-2, section 1)", size=(11, 3.4)
    )
    states = np.array(runs["tables"][0]["measurements"]["final_states"])
    side = np.linspace(*SIDES, 60)
    grid = np.stack([each.ravel() for each in np.meshgrid(side, side)], axis=1)
    for panel, state, table in zip(axes.ravel(), states, points.TABLES, strict=True):
        region = points.predict(state, grid).reshape(len(side), -1)
        panel.imshow(region, extent=(*SIDES, *SIDES), origin="lower", cmap="Blues", vmin=0, vmax=3)
        colours = np.where(table, "black", "white")
        panel.scatter(*points.POINTS.T, c=colours, edgecolors="black", s=22, zorder=3)
        right = (points.predict(state, points.POINTS) == table).all()
        name = "".join(str(int(value)) for value in table)
        panel.set_title(
            f"{name}{'' if right else ': never'}", color="black" if right else "#D55E00"
        )
        panel.set(xlim=SIDES, ylim=SIDES, xticks=[0, 1], yticks=[0, 1])
        panel.grid(False)
    figure.supxlabel(
        "output for 00, 01, 10, 11 above each panel; axes: $x_1$ and $x_2$", fontsize=8
    )
    return figure


@plots.drawing(
    needs=["xor_gate"],
    caption="Weights and bias on XOR, sample by sample, after all epochs. Dashed lines: a new pass "
    "over the four samples begins. Each pass ends where it began, so the perceptron goes round for "
    "ever.",
)
def xor_cycle(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Up to three seeds going round."""
    shown = runs["xor_gate"][:3]
    figure, axes = plots.figure(
        1, len(shown), title="The weights on XOR go round for ever (notes-2, section 2)"
    )
    for record, panel in zip(shown, np.atleast_1d(axes), strict=True):
        path = np.array(record["measurements"]["path"])
        for name, values in zip(("$w_1$", "$w_2$", "$b$"), path.T, strict=True):
            panel.plot(values, marker="o", markersize=4, label=name)
        for start in range(0, len(path), len(points.POINTS)):
            label = "a new pass" if start == 0 else None
            panel.axvline(start, color="0.35", linestyle="--", linewidth=1.0, zorder=1, label=label)
        panel.grid(False, axis="x")
        panel.set(
            title=f"seed {record['seed']}",
            xlabel="samples shown after training",
            ylabel="value",
            xticks=range(0, len(path), len(points.POINTS)),
        )
    return figure


@plots.drawing(
    needs=["as_written", "or_gate"],
    caption="Epochs until a whole pass makes no mistake, by start. The listing always runs its 100 "
    "epochs (dashed).",
)
def epochs_needed(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """How soon AND and OR are learnt."""
    figure, axes = plots.figure(title="How soon the rule stops (notes-2, section 1.2)")
    for variant in ("as_written", "or_gate"):
        needed = records.stack(runs[variant], "epochs_needed")
        plots.histogram(axes, needed, label=GATE_OF[variant], bins=range(0, 101, 4))
    plots.cited_line(axes, 100, label="the listing's 100 epochs", vertical=True)
    axes.set(xlabel="epochs until a pass without mistake", ylabel="seeds")
    return figure


@plots.drawing(
    needs=["neuron", "noisy_input"],
    caption="Left: how often random neurons fire (inputs in [0, 1], weights N(0, 1)), by bias. "
    "Right: size of both weights of a sigmoid neuron before and after training on one input that "
    "tells the classes apart and one of noise. Lines and bands: median and range over the seeds.",
)
def neuron(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """What a bias does, and what training does to a useless input."""
    figure, (left, right) = plots.figure(
        1, 2, title="One neuron (notes-2, section 1; thesis, 2.1.2)"
    )
    biases = runs["neuron"][0]["config"]["biases"]
    shares = records.stack(runs["neuron"], "firing_share")
    plots.curves(left, biases, shares, label="share of inputs that fire")
    left.set(title="the bias", xlabel="bias", ylabel="share of inputs that fire")
    metrics = ("weights_before", "weights_after")
    before, after = (records.stack(runs["noisy_input"], metric) for metric in metrics)
    for column, name in enumerate(("input that tells the classes apart", "input of noise")):
        values = np.stack([before[:, column], after[:, column]], axis=1)
        plots.curves(right, [0, 1], values, label=name)
    right.set(title="two inputs", ylabel="size of the weight", xticks=[0, 1])
    right.set_xticklabels(["before training", "after"])
    return figure

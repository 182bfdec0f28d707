"""Every formula's difference, softmax's paths, what Iris learns, convolution, times."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from matplotlib import axes as mpl_axes
from matplotlib import patches

from common import plots, records

AGREES = 1e-9  # a relative difference below it is rounding
LEAST = 1e-17  # where the figure puts what is exactly 0
UNEVALUATED = 1e5  # and what has no value


# --- Every equation -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Row:
    """One formula: its label, and the metrics of the ways in which it was evaluated."""

    label: str
    printed: str = ""
    equal: str = ""  # as printed, on layers of equal width
    elsewhere: str = ""  # as printed, sigmoid and identity outputs in place of softmax
    corrected: str = ""


def equation(number: int | str, **ways: str) -> Row:
    """A row for (12) or (A.3); as printed it stands for itself unless `ways` say otherwise."""
    name = str(number).lower().replace(".", "_")
    name = name if name.startswith("a") else f"eq_{name}"
    return Row(f"({number})", **(ways or {"printed": f"{name}_gap"}))


PANELS = (
    (
        *map(equation, range(1, 3)),
        Row("(2), softmax", printed="eq_2_output_gap"),
        *map(equation, range(3, 19)),
    ),
    (
        equation(
            19,
            printed="eq_19_gap",
            elsewhere="eq_19_elsewhere_gap",
            corrected="eq_19_corrected_gap",
        ),
        *map(equation, range(20, 25)),
        equation(
            25,
            printed="eq_25_gap",
            elsewhere="eq_25_elsewhere_gap",
            corrected="eq_25_corrected_gap",
        ),
        equation(26, printed="eq_26_gap", corrected="eq_26_corrected_gap"),
        equation(27, printed="eq_27_gap", corrected="eq_27_corrected_gap"),
        equation(28, printed="eq_28_gap", corrected="eq_28_corrected_gap"),
        equation(
            29,
            printed="eq_29_gap",
            elsewhere="eq_29_elsewhere_gap",
            corrected="eq_29_corrected_gap",
        ),
        equation(
            30,
            equal="eq_30_one_j_gap",
            elsewhere="eq_30_elsewhere_gap",
            corrected="eq_30_corrected_gap",
        ),
    ),
    (
        equation(31, corrected="eq_31_gap"),
        *map(equation, range(32, 35)),
        equation(35, equal="eq_35_gap", corrected="eq_35_corrected_gap"),
        equation(36, equal="eq_36_gap", corrected="eq_36_corrected_gap"),
        equation(
            37,
            equal="eq_30_one_j_gap",
            elsewhere="eq_30_elsewhere_gap",
            corrected="eq_30_corrected_gap",
        ),
        equation(38, corrected="eq_38_gap"),
        *map(equation, range(39, 42)),
        Row("algorithm 1", printed="algorithm_1_gaps", corrected="algorithm_1_gap"),
        Row("algorithm 2", printed="algorithm_2_gaps", corrected="algorithm_2_gap"),
        Row("algorithm 3", printed="algorithm_3_gap"),
    ),
    (
        equation("A.1", equal="a_1_gap", corrected="a_1_corrected_gap"),
        *(equation(f"A.{number}") for number in range(2, 15)),
        equation("A.15", printed="a_15_gap"),
        Row("(A.15), z_j", equal="a_15_middle_gap"),
        *(equation(f"A.{number}") for number in (16, 17)),
        equation("A.18", printed="a_18_gap", corrected="a_18_corrected_gap"),
        *(equation(f"A.{number}") for number in (19, 20)),
    ),
)
WAYS = {  # drawn in this order, the last on top
    "corrected": ("^", plots.PALETTE[2], "corrected, or read as meant"),
    "elsewhere": ("v", plots.PALETTE[0], "as printed, sigmoid and identity outputs"),
    "equal": ("s", plots.PALETTE[1], "as printed, where it needs layers of equal width"),
    "printed": ("o", plots.PALETTE[3], "as printed"),
}
BESIDE = {"corrected": -0.17, "elsewhere": 0.17}  # so that neither hides the other


@plots.drawing(
    needs=["hidden_layers", "algorithms"],
    also=["output_layer", "matrices", "optimizers", "thesis", "thesis_descent"],
    caption="Every equation and algorithm, evaluated on random networks: largest difference from "
    "autodiff or stock Keras, relative to the largest exact value; medians over the seeds. Green "
    "shade: rounding. None: it cannot be evaluated. (37) prints (30) again. (A.5) is a definition: "
    "shown is how far autodiff is from central differences.",
)
def gaps(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """A row a formula, a marker for each way of evaluating it."""
    figure, panels = plots.figure(
        1, 4, title="Printed and corrected, against autodiff", size=(11, 5.2)
    )
    measured = {
        name: median(some, name)
        for some in runs.values()
        for name in some[0]["measurements"]
        if name.endswith(("_gap", "_gaps"))
    }
    for panel, rows in zip(panels, PANELS, strict=True):
        for height, row in enumerate(rows):
            for way, (marker, colour, _) in WAYS.items():
                value = measured.get(getattr(row, way), math.nan)
                place = np.clip(value, LEAST, UNEVALUATED)
                beside = BESIDE.get(way, 0.0) if row.elsewhere else 0.0
                panel.plot(place, height + beside, marker, color=colour, markersize=5)
        for marker, colour, label in reversed(WAYS.values()):
            panel.plot([], [], marker, color=colour, label=label)
        panel.axvspan(LEAST / 10, AGREES, color="#009E73", alpha=0.08, linewidth=0)
        panel.set(xscale="log", xlim=(LEAST / 10, UNEVALUATED * 30), ylim=(len(rows) - 0.3, -0.7))
        panel.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=7.5)
        panel.set_xticks([1e-15, AGREES, 1e-3, UNEVALUATED], ["1e-15", "1e-9", "0.001", "none"])
        panel.minorticks_off()
        panel.set_xlabel("relative difference")
    for panel, title in zip(
        panels, ("output layer", "hidden layers", "matrices, algorithms", "thesis"), strict=True
    ):
        panel.set_title(title)
    return figure


def median(some: Sequence[records.Record], metric: str) -> float:
    """The median over the seeds; of a list, of its first value: algorithms as printed."""
    values = records.stack(some, metric).astype(float)
    return float(np.median(values if values.ndim == 1 else values[:, 0]))


@plots.drawing(
    needs=["algorithms"],
    caption="Algorithm 1, repaired, on networks of 2 to 5 layers: largest difference of its "
    "derivatives from autodiff, relative to the largest exact value. A dot per seed, medians as "
    "bars; green shade: rounding. It starts with A - Y, which is right for three of the four.",
)
def beyond_classifiers(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Four kinds of output and loss, a column each."""
    figure, axes = plots.figure(title="Is algorithm 1 for classifiers alone? (section 4.2)")
    kinds = {
        "algorithm_1_gap": "softmax,\ncross-entropy\n(classifiers)",
        "algorithm_1_on_autoencoders_gap": "sigmoid,\nsquared error\n(section 7)",
        "algorithm_1_on_binary_autoencoders_gap": "sigmoid,\nbinary\ncross-entropy",
        "algorithm_1_on_regressions_gap": "identity,\nhalf the\nsquared error",
    }
    for place, metric in enumerate(kinds):
        draw_seeds(axes, place, np.maximum(records.stack(runs["algorithms"], metric), 2 * LEAST))
    axes.axhspan(LEAST, AGREES, color="#009E73", alpha=0.08, linewidth=0)
    axes.set(yscale="log", ylabel="relative difference from autodiff", ylim=(LEAST, None))
    axes.set_xticks(range(len(kinds)), kinds.values())
    return figure


def draw_seeds(axes: mpl_axes.Axes, place: float, values: np.ndarray) -> None:
    """A dot per seed and a bar at the median."""
    axes.plot([place] * len(values), values, "o", color=plots.PALETTE[0], alpha=0.3)
    axes.plot([place - 0.3, place + 0.3], [np.median(values)] * 2, color=plots.PALETTE[3])


# --- Softmax ------------------------------------------------------------------------------------


@plots.drawing(
    needs=["hidden_layers"],
    caption="One network of seed 0. Left: how each softmax output moves with each z; (19) keeps "
    "the outlined diagonal. Right: the derivative of the loss by each output's z that follows, and "
    "the true one, which is A - Y.",
)
def softmax(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The Jacobian, and the derivatives with and without all but its diagonal."""
    example = runs["hidden_layers"][0]["measurements"]
    jacobian, label = np.array(example["example_jacobian"]), example["example_label"]
    figure, (left, right) = plots.figure(
        1, 2, title="One path for each output, or all of them? (19)"
    )
    left.imshow(jacobian, cmap="PuOr_r", vmin=-0.25, vmax=0.25)
    write_values(left, jacobian, limit=0.25, form=".3f")
    for n in range(len(jacobian)):
        left.add_patch(patches.Rectangle((n - 0.48, n - 0.48), 0.96, 0.96, fill=False, linewidth=2))
    neurons = np.arange(len(jacobian))
    left.set(title="dA_m/dz_n of softmax", xlabel="z of output n", ylabel="output m")
    left.set(xticks=neurons, yticks=neurons)
    left.grid(False)
    bars = {"example_own_path": "(19): its own A alone", "example_all_paths": "all paths: A - Y"}
    for shift, (metric, name), colour in zip((-0.2, 0.2), bars.items(), (3, 2), strict=True):
        right.bar(neurons + shift, example[metric], 0.38, label=name, color=plots.PALETTE[colour])
    right.axhline(0, color="black", linewidth=0.8)
    right.set(title="derivative of the loss by z_n", xlabel="output n", xticks=neurons)
    right.set_xticklabels([f"{n}\n(true class)" if n == label else f"{n}" for n in neurons])
    return figure


def write_values(panel: mpl_axes.Axes, values: np.ndarray, limit: float, form: str) -> None:
    """Write each value of a matrix on its square, in white where the square is dark."""
    for m, n in np.ndindex(*values.shape):
        colour = "white" if abs(values[m, n]) > 0.7 * limit else "black"
        text = f"{values[m, n]:{form}}"
        panel.text(n, m, text, color=colour, ha="center", va="center", fontsize=8)


@plots.drawing(
    needs=["learning"],
    caption="Iris by 4-10-3, 100 epochs, from the same weights with two versions of the "
    "derivatives: a dot per seed, medians as bars.",
)
def learning(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Loss on either part of the flowers, and accuracy on the unseen ones."""
    figure, panels = plots.figure(
        1, 3, title="What a network learns with A - Y, and with the factor of (19): Iris, 4-10-3"
    )
    metrics = {
        "cross-entropy, 120 training flowers": ("meant_training_loss", "own_path_training_loss"),
        "cross-entropy, 30 unseen flowers": ("meant_test_loss", "own_path_test_loss"),
        "accuracy, 30 unseen flowers": ("meant_test_accuracy", "own_path_test_accuracy"),
    }
    for panel, (title, pair) in zip(panels, metrics.items(), strict=True):
        for place, metric in enumerate(pair):
            draw_seeds(panel, place, records.stack(runs["learning"], metric))
        panel.set(title=title, xlim=(-0.6, 1.6))
        panel.set_ylim(0, 1.05 if title.startswith("accuracy") else None)
        panel.set_xticks([0, 1], ["A - Y", "the factor of (19)"])
    return figure


# --- Convolution --------------------------------------------------------------------------------


@plots.drawing(
    needs=["convolution"],
    caption="A filter for upper left corners on a letter F. What section 8 says in words is what a "
    "Keras layer computes, and it answers to the F's own corners; the printed formula turns the "
    "filter by half a turn first. Largest answers outlined.",
)
def convolution(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Image, filter and both answers."""
    example = runs["convolution"][0]["measurements"]
    title = "Convolution and what a layer computes (section 8)"
    figure, panels = plots.figure(1, 4, title=title, size=(11, 3.4))
    titles = {
        "example_image": "image",
        "example_filter": "filter",
        "example_layer": "slid, as in words;\na Keras layer",
        "example_formula": "the printed formula",
    }
    for panel, (name, title) in zip(panels, titles.items(), strict=True):
        values = np.array(example[name])
        limit = np.abs(values).max()
        panel.imshow(values, cmap="PuOr_r", vmin=-limit, vmax=limit)
        if name in ("example_layer", "example_formula"):
            for m, n in np.argwhere(values == values.max()):
                corner = (n - 0.5, m - 0.5)
                panel.add_patch(patches.Rectangle(corner, 1, 1, fill=False, linewidth=2))
        if name != "example_image":
            write_values(panel, values, limit, form=".0f")
        panel.set(title=title, xticks=[], yticks=[])
        panel.grid(False)
    return figure


# --- Time ---------------------------------------------------------------------------------------


def timing_caption(runs: plots.Runs, curves: plots.Curves) -> str:
    """Say how much of the gain is reuse, and how much the matrices'."""
    timed = runs["timing"]
    nested, sums, matrix = (
        np.median(records.stack(timed, f"{way}_seconds")[:, -1])
        for way in ("nested", "sums", "matrix")
    )
    wide = np.median(records.stack(timed, "gain_of_matrices")[:, -1])
    depth = timed[0]["config"]["depths"][-1]
    told = (
        "All derivatives by the weights, medians and ranges over the seeds. Nested sums, the "
        f"formula of section 3, take {nested / matrix:.0f} times as long as matrices with {depth} "
        f"layers of 6 neurons. Most of that is reuse: single sums, each layer's dL/dz from that of "
        f"the layer above, take {sums / matrix:.1f} times as long as matrices, and {wide:.0f} "
        "times with layers of 20."
    )
    if library := runs.get("library"):
        computed = library[0]["measurements"]["library_layers_computed"]
        counts = ", ".join(map(str, computed))
        layers = ", ".join(map(str, library[0]["config"]["depths"]))
        told += (
            " The authors' own library reuses dL/dz, but not the activations: with "
            f"{layers} layers it computes {counts} of them for one sample."
        )
    return told


@plots.drawing(needs=["timing"], also=["library"], caption=timing_caption)
def timing(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Seconds by depth, narrow layers and wide ones."""
    figure, panels = plots.figure(1, 2, title="Sums against matrices (sections 4.1 and 9)")
    labels = {
        "nested_seconds": ("nested sums, (30)", 3),
        "sums_seconds": ("single sums, (38)", 1),
        "matrix_seconds": ("matrices, (40)", 0),
    }
    depths = runs["timing"][0]["config"]["depths"]
    for panel, prefix in zip(panels, ("", "wide_"), strict=True):
        for name, (label, colour) in labels.items():
            if prefix + name in runs["timing"][0]["measurements"]:
                seconds = records.stack(runs["timing"], prefix + name)
                line = plots.curves(
                    panel, depths, 1e6 * seconds, label=label, colour=plots.PALETTE[colour]
                )
                line.set_marker("o")
        panel.set(xlabel="layers with weights", ylabel="processor time, µs", yscale="log")
        panel.set_xticks(depths)
    panels[0].set_title("6 neurons a layer")
    panels[1].set_title("20 neurons a layer")
    return figure

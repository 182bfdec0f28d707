"""Figures of the denoiser: the paper's 12, the notebook's log, and what they leave out."""

from collections.abc import Sequence

import numpy as np

from common import plots, records
from common.protocols import picture_figures, pictures

SIMPLE = {  # answers that need no network: title, metrics of error and of kept class
    "as it came": ("noisy_error", "noisy_kept_class"),
    "cut to [0, 1]": ("clipped_error", "clipped_kept_class"),
    "mean image": ("mean_image_error", "mean_image_kept_class"),
    "9 principal components": ("pca_9_error", "pca_9_kept_class"),
    "40 principal components": ("pca_40_error", "pca_40_kept_class"),
    "Wiener filter": ("wiener_error", "wiener_kept_class"),
}
NETWORKS = {
    "frozen_encoder": "encoder never corrected",
    "frozen_first_layer": "first layer never corrected",
    "as_written": "as written",
    "fresh_noise": "new noise in every epoch",
    "fresh_noise_scaled": "new noise, smaller start",
    "corrected": "Glorot, Adam, batches: 9 numbers",
    "corrected_wide": "the same, 64 numbers",
}


@plots.drawing(
    needs=["as_written"],
    caption="Left: the number that the library prints of the last trained picture, with the "
    "notebook's own log; dotted lines hold 99 % of such runs, point by point. Right: the true mean "
    "squared error against the clean pictures: with the noise that was trained it falls further, "
    "learnt by heart; unseen pictures lie on the line of new noise. Lines are medians, shades "
    "ranges over the seeds.",
)
def printed_loss(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The printed number and the true errors."""
    figure, (left, right) = plots.figure(
        1, 2, title="The denoiser's printed loss and its error (notebook, cell 86)"
    )
    some = runs["as_written"]
    epochs = epochs_of(some)
    samples = picture_figures.stacked(some, "printed_loss")
    plots.curves(left, epochs, samples, label="measured", judged="linear")
    plots.cited(left, *curves["printed"].points, label="cited: the notebook's log")
    left.set(title="what is printed", ylabel="printed loss")
    for metric, label in {
        "train_error": "trained pictures, trained noise",
        "fresh_train_error": "trained pictures, new noise",
    }.items():
        plots.curves(right, epochs, picture_figures.stacked(some, metric), label=label)
    # On the line before: dashes, so that both are seen.
    unseen = np.median(picture_figures.stacked(some, "test_error"), axis=0)
    right.plot(epochs, unseen, "--", color=plots.PALETTE[3], label="unseen pictures: median")
    for metric, label, style in (
        ("mean_image_error", "mean image, unseen pictures", "--"),
        ("pca_9_error", "9 principal components, unseen pictures", "-."),
        ("wiener_error", "Wiener filter, unseen pictures", ":"),
    ):
        picture_figures.level(right, some, metric, label, style)
    right.set(title="the true error", ylabel="mean squared error", ylim=(0, None))
    for axes in (left, right):
        axes.set_xlabel("epochs completed")
    return figure


def on_the_judge(runs: plots.Runs, curves: plots.Curves) -> str:
    """The caption of `answers`, with how good the classifier is that judges."""
    right = np.median(records.stack(runs["as_written"], "classifier_accuracy"))
    return (
        "Every seed at the end of its training, unseen digits, noise 0.4; grey needs no network. "
        "Left: distance from the clean picture. Right: share of answers in which a classifier that "
        f"has never seen noise (right on {right:.0%} of the clean pictures) sees what it sees in "
        "the clean picture."
    )


@plots.drawing(
    needs=["as_written"],
    also=[name for name in NETWORKS if name != "as_written"],
    caption=on_the_judge,
)
def answers(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Who comes closest to the clean picture, and who keeps its digit."""
    figure, panels = plots.figure(
        1, 2, title="Noise of 0.4 on unseen digits: who comes closest?", size=(10.0, 4.4)
    )
    labels = [*SIMPLE, *(told(runs, name) for name in NETWORKS if name in runs)]
    shown = (("final_test_error", "mean squared error"), ("final_kept_class", "digit kept: share"))
    for number, (axes, (metric, title)) in enumerate(zip(panels, shown, strict=True)):
        rows = [records.stack(runs["as_written"], metrics[number]) for metrics in SIMPLE.values()]
        rows += [records.stack(runs[name], metric) for name in NETWORKS if name in runs]
        for place, values in enumerate(rows):
            colour = "#777777" if place < len(SIMPLE) else plots.PALETTE[0]
            axes.plot(values, [place] * len(values), "o", color=colour, alpha=0.6, markersize=4)
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xlim(left=0)
        axes.set(title=title, xlabel=title)
    panels[1].set_yticklabels([])
    return figure


def told(runs: plots.Runs, variant: str) -> str:
    """A network's name and the epochs that it was trained."""
    epochs = epochs_of(runs[variant])[-1]
    return f"{NETWORKS[variant]}, {epochs} epochs"


@plots.drawing(
    needs=["as_written", "fresh_noise"],
    also=["fresh_noise_scaled"],
    caption="The same noise in every epoch, as in the notebook; new noise in every epoch; and new "
    "noise after a start with smaller weights in the first layer. Left: error on unseen digits. "
    "Right: how far the code neurons' inputs agree when the same picture is given two noises: 1 if "
    "noise does not matter to the code, 0 if nothing else does. Lines are medians, shades ranges "
    "over the seeds.",
)
def noise(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The same noise, new noise, and what the start has to do with it."""
    figure, (left, right) = plots.figure(1, 2, title="The same or new noise in every epoch")
    labels = {
        "as_written": "same noise",
        "fresh_noise": "new noise",
        "fresh_noise_scaled": "new noise, smaller start",
    }
    for variant, some in runs.items():
        epochs = some[0]["measurements"]["logged_epochs"]
        label = labels[variant]
        errors = picture_figures.stacked(some, "test_error")
        plots.curves(left, epochs_of(some), errors, label=label)
        plots.curves(right, epochs, records.stack(some, "code_agreement"), label=label)
    picture_figures.level(left, runs["as_written"], "mean_image_error", "mean image", "--")
    left.set(title="error on unseen digits", ylabel="mean squared error", ylim=(0, None))
    right.set(title="does the code know the picture?", ylabel="agreement", ylim=(0, 1.02))
    for axes in (left, right):
        axes.set_xlabel("epochs completed")
    return figure


@plots.drawing(
    needs=["as_written", "frozen_encoder", "frozen_first_layer"],
    caption="Networks of which the first layers keep their random start. Left: error on unseen "
    "digits. Right: share of answers in which a classifier sees the digit of the clean picture. "
    "Lines are medians, shades ranges over the seeds.",
)
def uncorrected_layers(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """What a good picture proves of the layers."""
    figure, (left, right) = plots.figure(1, 2, title="Layers that are never corrected")
    labels = {
        "as_written": "all layers corrected",
        "frozen_first_layer": "all but the first hidden layer",
        "frozen_encoder": "the decoder alone",
    }
    last = max(epochs_of(runs["frozen_encoder"]))
    for variant, label in labels.items():
        some = runs[variant]
        epochs = [epoch for epoch in epochs_of(some) if epoch <= last]
        for axes, metric in ((left, "test_error"), (right, "kept_class")):
            samples = picture_figures.stacked(some, metric)[:, : len(epochs)]
            plots.curves(axes, epochs, samples, label=label)
    picture_figures.level(left, runs["as_written"], "mean_image_error", "mean image", "--")
    left.set(title="error", ylabel="mean squared error", ylim=(0, None))
    right.set(title="digit kept", ylabel="share", ylim=(0, 1.02))
    for axes in (left, right):
        axes.set_xlabel("epochs completed")
    return figure


@plots.drawing(
    needs=["as_written"],
    also=["frozen_encoder", "corrected", "corrected_wide"],
    caption="Figure 12 redrawn with unseen digits, from seed 0; the caption's epoch 0 is epoch 1 "
    "here, because the authors' log counts from 0.",
)
def figure_12(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Clean, noisy and cleaned pictures."""
    figure, axes = plots.figure(
        title="Noise removed from unseen digits (paper, figure 12)", size=(6.6, 6.4)
    )
    stored = records.first_arrays(runs["as_written"])
    epochs = next(
        run["measurements"]["pictured_epochs"]
        for run in runs["as_written"]
        if "pictured_epochs" in run["measurements"]
    )
    rows = {"clean": stored["pictures_clean"], "noisy": stored["pictures_noisy"]}
    cleaned = stored["pictures_cleaned"]
    rows |= {f"epoch {epoch}": each for epoch, each in zip(epochs, cleaned, strict=True)}
    for variant in ("frozen_encoder", "corrected", "corrected_wide"):
        if found := records.first_arrays(runs.get(variant, [])):
            rows[variant.replace("_", " ")] = found["pictures_cleaned"][-1]
    rows |= {"9 components": stored["pictures_pca_9"], "Wiener filter": stored["pictures_wiener"]}
    plots.mosaic(axes, rows, height=pictures.SIDE)
    return figure


def epochs_of(some: Sequence[records.Record]) -> list[int]:
    """The epochs at which some runs were looked at; before training is left out."""
    return some[0]["measurements"]["logged_epochs"][1:]

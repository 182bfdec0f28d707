"""Figures of the autoencoder: the paper's 10 and 11, the notebook's log, and what they hide."""

from collections.abc import Sequence

import numpy as np
from matplotlib import axes as mpl_axes

from common import plots, records
from common.protocols import picture_figures, pictures

NAMES = {"as_written": "as written", "corrected": "Glorot, Adam, batches"}


@plots.drawing(
    needs=["as_written"],
    caption="Left: the number that the library prints of the last trained picture, with the "
    "notebook's own log; dotted lines hold 99 % of such runs, point by point. Middle: the parts it "
    "consists of; the brightness gap is their small rest. Right: the true mean squared error of "
    "the same picture, and of all pictures, which fall meanwhile. Lines are medians, shades ranges "
    "over the seeds.",
)
def printed_loss(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """The printed number, its parts, and the true errors."""
    figure, (left, middle, right) = plots.figure(
        1, 3, title="The loss that rises while the network learns (notebook, cell 67)"
    )
    some = runs["as_written"]
    samples = picture_figures.stacked(some, "printed_loss")
    plots.curves(left, epochs_of(some), samples, label="measured", judged="linear")
    plots.cited(left, *curves["printed"].points, label="cited: the notebook's log")
    left.set(title="what is printed", ylabel="printed loss")
    parts = {
        "printed_contrast": "variance of its redrawing",
        "printed_brightness_gap": "squared gap in brightness",
    }
    draw(middle, some, parts)
    label = "variance of the picture"
    picture_figures.level(middle, some, "last_image_contrast", label, "--")
    middle.set(title="what it consists of", ylabel="part of it")
    errors = {
        "last_image_error": "the printed picture",
        "train_error": "all trained pictures",
        "test_error": "unseen pictures",
    }
    draw(right, some, errors)
    picture_figures.level(
        right, some, "mean_image_test_error", "the mean image, unseen pictures", "--"
    )
    right.set(title="the true error", ylabel="mean squared error")
    for axes in (left, middle, right):
        axes.set(xlabel="epochs completed", ylim=(0, None))
    return figure


def draw(axes: mpl_axes.Axes, some: Sequence[records.Record], labels: dict[str, str]) -> None:
    """Draw logged metrics of one variant over its epochs."""
    for metric, label in labels.items():
        samples = picture_figures.stacked(some, metric)
        plots.curves(axes, epochs_of(some), samples, label=label)


def on_the_judge(runs: plots.Runs, curves: plots.Curves) -> str:
    """The caption of `quality`, with how good the classifier is that judges."""
    right = np.median(records.stack(runs["as_written"], "classifier_accuracy"))
    return (
        "Unseen digits. Left: error of their redrawings. Middle: share in which a classifier "
        f"(right on {right:.0%} of the originals) sees what it sees in the original. Right: share "
        "of digits told from the nine code numbers alone, by the nearest codes of trained "
        "pictures, a dot a seed. Grey: the mean image, and the best linear codes of nine and "
        "twenty numbers. Lines are medians, shades ranges over the seeds."
    )


@plots.drawing(needs=["as_written"], also=["corrected"], caption=on_the_judge)
def quality(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """What nine numbers hold of an unseen digit."""
    figure, (left, middle, right) = plots.figure(1, 3, title="Nine numbers for a digit")
    written = runs["as_written"]
    for variant, some in runs.items():
        draw(left, some, {"test_error": NAMES[variant]})
        draw(middle, some, {"kept_class": NAMES[variant]})
    for axes, metrics in (
        (left, ("mean_image_test_error", "pca_9_test_error", "pca_20_test_error")),
        (middle, ("mean_image_kept_class", "pca_9_kept_class", "pca_20_kept_class")),
    ):
        labels = ("mean image", "9 principal components", "20 principal components")
        for metric, label, style in zip(metrics, labels, ("--", "-.", ":"), strict=True):
            picture_figures.level(axes, written, metric, label, style)
    left.set(title="error", xlabel="epochs completed", ylabel="mean squared error", ylim=(0, None))
    middle.set(title="digit kept", xlabel="epochs completed", ylabel="share", ylim=(0, 1.02))
    codes = {"before training": (written, "untrained_code_accuracy")}
    codes |= {NAMES[variant]: (some, "code_accuracy") for variant, some in runs.items()}
    for place, (some, metric) in enumerate(codes.values()):
        shares = records.stack(some, metric)
        right.plot([place] * len(shares), shares, "o", alpha=0.6, color=plots.PALETTE[0])
    picture_figures.level(right, written, "pca_9_code_accuracy", "9 principal components", "-.")
    ticks = [label.replace(", Adam,", ",\nAdam,") for label in codes]
    right.set_xticks(range(len(codes)), ticks)
    right.set(title="digit told from its code", ylabel="share", ylim=(0, 1.02))
    right.set_xlim(-0.5, len(codes) - 0.5)
    return figure


@plots.drawing(
    needs=["as_written"],
    also=["corrected"],
    caption="Figures 10 and 11 redrawn, from seed 0. The authors' figure 11 is epoch 1 here: their "
    "log counts from 0. All answers of the first epochs are nearly the same cloud.",
)
def figures_10_11(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Pictures before, during and after training."""
    figure, panels = plots.figure(
        1, 2, title="Redrawn from nine numbers (paper, figures 10 and 11)", size=(9.5, 6.6)
    )
    written = records.first_arrays(runs["as_written"])
    sound = records.first_arrays(runs.get("corrected", []))
    epochs = next(
        run["measurements"]["pictured_epochs"]
        for run in runs["as_written"]
        if "pictured_epochs" in run["measurements"]
    )
    shown = {
        "trained on": ("pictures_train", "pictures_redrawn_train"),
        "not seen before": ("pictures_test", "pictures_redrawn_test"),
    }
    for axes, (title, (original, redrawn)) in zip(panels, shown.items(), strict=True):
        rows = {"original": written[original]}
        rows |= {
            f"epoch {epoch}": each for epoch, each in zip(epochs, written[redrawn], strict=True)
        }
        if sound:
            rows["corrected"] = sound[redrawn][-1]
        if original == "pictures_test":
            rows |= {
                "mean image": written["pictures_mean_image"],
                "9 components": written["pictures_pca_9"],
                "20 components": written["pictures_pca_20"],
            }
        plots.mosaic(axes, rows, height=pictures.SIDE)
        axes.set_anchor("N")  # rows of the two panels start at one height
        axes.set_title(title)
    return figure


def epochs_of(some: Sequence[records.Record]) -> list[int]:
    """The epochs at which some runs were looked at; before training is left out."""
    return some[0]["measurements"]["logged_epochs"][1:]

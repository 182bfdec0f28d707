"""ROC curves of classes and of shares; the notebook's accuracies among those of many runs."""

from collections.abc import Sequence

import numpy as np
import sklearn.metrics
from matplotlib import axes as mpl_axes

from common import plots, records

NAMES = {
    "sigmoid_gd": "1: sigmoid\nGD",
    "relu_momentum": "2: ReLU\nmomentum",
    "tanh_adam": "3: tanh\nAdam",
    "sigmoid_adam": "4: sigmoid\nAdam",
}


@plots.drawing(
    needs=["as_written"],
    caption="Left: one network's ROC curve on its 114 test tumours (seed 0), from the predicted "
    "classes as the notebook draws it, and from the share of class 1. Right: the areas under both "
    "for model 1, at the notebook's four rates.",
)
def roc(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Model 1: a curve with one corner, and one with many."""
    figure, (left, right) = plots.figure(
        1, 2, title="ROC curves of model 1: classes against shares"
    )
    some = runs["as_written"]
    if arrays := records.first_arrays(some):
        labels, shares = arrays["test_labels"], arrays["test_shares"][0]
        answers = (shares > 0.5).astype(int)
        for scores, label, marker in ((answers, "classes", "o"), (shares, "shares", "")):
            fpr, tpr, _ = sklearn.metrics.roc_curve(labels, scores)
            area = sklearn.metrics.auc(fpr, tpr)
            left.plot(fpr, tpr, marker=marker, label=f"from {label}: area {area:.3f}")
    left.set(
        title="one run at rate 0.01",
        xlabel="malignant taken for benign (share)",
        ylabel="benign told as benign (share)",
    )
    rates = some[0]["config"]["learning_rates"]
    for metric, label in {"auc_labels": "from classes", "auc_scores": "from shares"}.items():
        samples = records.stack(some, f"sigmoid_gd_{metric}_by_rate")
        plots.curves(right, rates, samples, label=label)
    right.set(
        title="all runs, four rates",
        xscale="log",
        xlabel="learning rate",
        ylabel="area under the curve",
        ylim=(0, 1.03),
    )
    return figure


@plots.drawing(
    needs=["as_written"],
    also=["restarts", "corrected"],
    caption="Left: accuracy on the test tumours at rate 0.01; a dot is a run on a split of its "
    "own. Middle: ten restarts on one split, in rising order. Right: model 2, which at rate 0.01 "
    "mostly ends as one answer for all tumours.",
)
def accuracies(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    """Four models, ten restarts, and what helps the ReLU network."""
    figure, (models, restarts, relu) = plots.figure(
        1, 3, title="Accuracy on 114 test tumours, 30-20-10-5-2"
    )
    some = runs["as_written"]
    columns = [records.stack(some, f"{name}_accuracy") for name in NAMES]
    draw_strips(models, columns, list(NAMES.values()))
    cited = curves["accuracies"].points[1]
    plots.cited(models, np.arange(len(NAMES)), cited, label="cited: the notebook's one run")
    models.set(title="four models at rate 0.01", ylabel="accuracy", ylim=(0.3, 1.02))
    if "restarts" in runs:
        sorted_ones = records.stack(runs["restarts"], "restart_accuracies")
        x = np.arange(1, sorted_ones.shape[1] + 1)
        plots.curves(restarts, x, sorted_ones, label="splits", judged="rank")
    plots.cited(restarts, *curves["restarts"].points, label="cited: the notebook's one split")
    restarts.set(
        title="model 1, ten restarts",
        xlabel="place among the ten",
        ylabel="accuracy",
        xticks=range(1, 11),
    )
    columns, names = [], []
    for variant, start in {"as_written": "as written", "corrected": "Glorot"}.items():
        for number, rate in enumerate((0.01, 0.001)):
            if variant in runs:
                by_rate = records.stack(runs[variant], "relu_momentum_accuracy_by_rate")
                columns.append(by_rate[:, number])
                names.append(f"{rate}\n{start}")
    draw_strips(relu, columns, names)
    relu.set(title="model 2 (ReLU): rate and start", ylabel="accuracy", ylim=(0.3, 1.02))
    commoner = np.median(records.stack(some, "commoner_accuracy"))
    for axes in (models, relu):
        axes.axhline(
            commoner, color="#555555", linestyle=(0, (1, 1.5)), label="always benign (median)"
        )
    return figure


def draw_strips(axes: mpl_axes.Axes, samples: Sequence[np.ndarray], names: Sequence[str]) -> None:
    """Draw every run as a dot, a column for each sample."""
    rng = np.random.default_rng(0)
    for column, values in enumerate(samples):
        aside = column + rng.uniform(-0.25, 0.25, len(values))
        label = f"one of {len(values)} runs" if column == 0 else None
        axes.scatter(
            aside, values, s=8, alpha=0.5, linewidth=0, color=plots.PALETTE[0], label=label
        )
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.grid(False, axis="x")

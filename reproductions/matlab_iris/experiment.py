"""The MATLAB script that prints 100 % twice on Iris: what it trains, and what it counts.

A companion of the paper, written in MATLAB, trains a 4-5-3 network on Iris and prints an accuracy
of 100 % on the training flowers and 100 % on the test flowers. Here it is emulated step by step, in
float64 as MATLAB computes. Four of its steps matter:

1. The targets are made as matrices of zeros, to be filled in by hand, and never are.
2. Each step moves the output layer first and then passes the error back through its new weights.
   The output's error is A - y, so with y = 0 every step pushes all three outputs down, for ever.
3. Softmax is exp(z) / sum(exp(z)), without subtracting the largest z. Where all three z are below
   -745 every exponential is 0, and 0/0 is NaN. The next step makes every weight NaN.
4. The accuracy takes the index of the largest value along the first dimension: of the outputs
   (3 x n) each flower's class, but of the targets (n x 3) each column's first row, three numbers,
   all 1 since all rows are zero. It then cuts the longer list to the length of the shorter, so it
   compares three flowers. MATLAB's index of the largest of three NaN is 1 too.

Source: paper-matlab (network_performance.mlx, NeuralNetwork.m, SequentialLayer.m).
Stated: the inputs standardised over all 150 flowers (deviation with N - 1); 120 flowers to train
    and 30 to test, shuffled; 4-5-3, sigmoid and softmax, weights and biases from N(0, 1); rate
    0.01; 10,000 iterations over the 120 flowers, one at a time, in the same order; and the above.
Silent about: whether an iteration is a pass over the 120 flowers (`as_written`: only so do the
    targets of zeros reach the printed 100 %) or a single step (`single_steps`). Which way the
    targets are handed to the accuracy: as they are made (`printed`), turned to 3 x n (`turned`), or
    with the outputs turned like them, n x 3 (`stacked`): all three are measured. The script's
    stream of random numbers, rng(42), is MATLAB's own: seeds of ours stand for it.

The engine (XLA) takes exponentials below 2.2e-308 for 0, so here softmax breaks at z = -708: some
15 passes sooner than MATLAB's, of 10,000.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from matplotlib import axes as mpl_axes

from common import cli, data, paper_library, plots, records, training


@dataclasses.dataclass(frozen=True)
class Config:
    """The script as it is published; `passes` times `steps_per_pass` are its updates."""

    labels_filled: bool = False  # the script leaves the targets at zero
    stable_softmax: bool = False  # the script does not subtract the largest z
    hidden: int = 5
    learning_rate: float = 0.01
    passes: int = 10_000
    steps_per_pass: int = 120  # the training flowers, over and over
    trained_flowers: int = 120
    precision: str = "float64"


SINGLE_STEPS = Config(passes=1, steps_per_pass=10_000)
VARIANTS = {
    "as_written": Config(),
    "single_steps": SINGLE_STEPS,
    "stable_softmax": Config(stable_softmax=True),
    "labels_filled": Config(labels_filled=True),
    "labels_filled_single_steps": dataclasses.replace(SINGLE_STEPS, labels_filled=True),
}

SPECIES = 3
READINGS = {"printed": (False, False), "turned": (False, True), "stacked": (True, False)}


def build_model(config: Config) -> keras.Model:
    """4-5-3 with sigmoid hidden neurons. It returns z of the last layer, then the hidden ones."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(config.hidden, activation="sigmoid")(inputs)
    z = keras.layers.Dense(SPECIES)(hidden)
    return keras.Model(inputs, keras.layers.Concatenate()([z, hidden]))


def build_loss(config: Config) -> Callable[[Any, Any], Any]:
    """A loss whose gradient step is the script's step.

    By z its gradient is the script's error A - y. The script passes that error back through output
    weights W that it has already moved, to W - rate h error: the second term, whose gradient by the
    hidden outputs h is -rate |error|^2 h, makes up for that.
    """

    def script_loss(y: Any, outputs: Any) -> Any:
        z, hidden = outputs[:, :SPECIES], outputs[:, SPECIES:]
        shifted = z - ops.max(z, axis=-1, keepdims=True) if config.stable_softmax else z
        exponentials = ops.exp(shifted)
        shares = exponentials / ops.sum(exponentials, axis=-1, keepdims=True)
        error = ops.stop_gradient(shares - y)
        moved = config.learning_rate / 2 * ops.sum(error * error) * ops.sum(hidden * hidden)
        return ops.sum(error * z) - moved

    return script_loss


def softmax(z: np.ndarray, stable: bool) -> np.ndarray:
    """The script's softmax, each flower a column: shape (species, flowers)."""
    with np.errstate(over="ignore", invalid="ignore"):
        exponentials = np.exp(z - z.max(axis=0) if stable else z)
        return exponentials / exponentials.sum(axis=0)


def standardise(features: np.ndarray) -> np.ndarray:
    """Mean 0 and deviation 1 (with N - 1) over all flowers, shape (flowers, 4)."""
    return (features - features.mean(axis=0)) / features.std(axis=0, ddof=1)


def largest_index(values: np.ndarray) -> np.ndarray:
    """Index of the first largest value along the first dimension, as MATLAB has it.

    MATLAB passes over NaN, and where all are NaN the first is taken; NumPy would stop at a NaN.
    """
    return np.where(np.isnan(values), -np.inf, values).argmax(axis=0)


def script_accuracy(outputs: np.ndarray, targets: np.ndarray) -> tuple[float, int]:
    """The script's accuracy, and how many labels it compared.

    Args:
        outputs: the network's, shape (species, flowers) in the script.
        targets: shape (flowers, species) in the script.
    """
    predicted, wanted = largest_index(outputs), largest_index(targets)
    compared = min(len(predicted), len(wanted))
    return float((predicted[:compared] == wanted[:compared]).mean()), compared


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train the script's network from one start per seed, and let its accuracy judge it."""
    training.set_precision(config.precision)
    iris = data.iris()
    standardised = standardise(iris.features)
    model = build_model(config)
    trainer = training.Trainer(
        model,
        keras.optimizers.SGD(config.learning_rate),
        build_loss(config),
        epochs=config.passes,
        batch_size=1,
    )
    train = slice(config.trained_flowers)
    test = slice(config.trained_flowers, None)
    steps = np.arange(config.steps_per_pass) % config.trained_flowers
    watched = _watched(config.passes)

    def outputs(epoch: int) -> np.ndarray:
        """z of all flowers, shape (species, flowers)."""
        return trainer.predict(features)[:, :SPECIES].T

    for seed in seeds:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(iris.labels))
        features, labels = standardised[order], iris.labels[order]
        targets = np.zeros((len(labels), SPECIES))
        if config.labels_filled:
            targets[np.arange(len(labels)), labels] = 1
        weights = paper_library.initial_weights(model, rng)
        random_outputs = rng.random((SPECIES, len(labels)))
        history = trainer.train(
            features[train][steps],
            targets[train][steps],
            weights=weights,
            seed=seed,
            evaluate=outputs,
            at=watched,
        )
        z = np.stack([history.evaluations[epoch] for epoch in watched])
        judged = {
            "": softmax(z[-1], config.stable_softmax),
            "untrained_": softmax(z[0], config.stable_softmax),
            "random_": random_outputs,
        }
        kernels = [layer.kernel.shape for layer in model.layers if layer.trainable_weights]
        yield {
            "first_layer": list(kernels[0]),
            "standardisation_gap": _standardisation_gap(standardised),
            "labelled_flowers": int(targets[train].any(axis=1).sum()),
            **_breakdown(watched, z, config.stable_softmax),
            **_judge(judged, targets, labels, (train, test)),
        }


def _watched(passes: int) -> list[int]:
    """Completed passes to look at: every tenth up to 600, then fewer."""
    return sorted({*range(0, min(passes, 600), 10), *range(600, passes, 400), passes})


def _standardisation_gap(standardised: np.ndarray) -> float:
    """Largest distance of the four inputs' means from 0 and of their deviations from 1."""
    means, deviations = standardised.mean(axis=0), standardised.std(axis=0, ddof=1)
    return float(max(np.abs(means).max(), np.abs(deviations - 1).max()))


def _breakdown(watched: list[int], z: np.ndarray, stable: bool) -> dict:
    """When softmax stops giving numbers, if ever, and where z was until then."""
    finite = [bool(np.isfinite(softmax(each, stable)).all()) for each in z]
    mean_z = z.mean(axis=(1, 2))
    return {
        "watched_passes": watched,
        "mean_z": [float(f"{value:.5g}") for value in mean_z],
        "always_finite": all(finite),
        "broken_after": float(watched[finite.index(False)]) if not all(finite) else np.inf,
    }


def _judge(
    judged: dict[str, np.ndarray],
    targets: np.ndarray,
    labels: np.ndarray,
    parts: tuple[slice, slice],
) -> dict:
    """The script's accuracy in every reading, and the true one, on [training, test] flowers."""
    measured: dict[str, Any] = {}
    for name, outputs in judged.items():
        hits = largest_index(outputs) == labels
        measured[f"{name}true"] = [float(hits[part].mean()) for part in parts]
        measured[f"{name}test_all_right"] = bool(hits[parts[1]].all())
        for reading, (outputs_turned, targets_turned) in READINGS.items():
            accuracies = []
            for part in parts:
                shares = outputs[:, part].T if outputs_turned else outputs[:, part]
                wanted = targets[part].T if targets_turned else targets[part]
                accuracies.append(script_accuracy(shares, wanted))
            measured[f"{name}{reading}"] = [accuracy for accuracy, _ in accuracies]
            measured[f"{name}{reading}_100"] = all(accuracy == 1 for accuracy, _ in accuracies)
            if not name:
                measured[f"{reading}_compared"] = [compared for _, compared in accuracies]
    return measured


# --- Figures ------------------------------------------------------------------------------------

CASES = {  # label: variant and prefix of its metrics
    "the script, as published": ("as_written", ""),
    "... before any training": ("as_written", "untrained_"),
    "... random outputs": ("as_written", "random_"),
    "... 10,000 single steps": ("single_steps", ""),
    "... a softmax that cannot break": ("stable_softmax", ""),
    "targets filled in": ("labels_filled", ""),
    "targets filled in, 10,000 single steps": ("labels_filled_single_steps", ""),
}


def plot(stored: dict[str, list[dict]], folder: pathlib.Path) -> dict[str, str]:
    """Draw how the outputs fall until softmax breaks, and what is printed beside what is true."""
    if not stored.keys() >= VARIANTS.keys():
        return {}
    figure, (falling, accuracies) = plots.figure(2, 1, title="100 % on Iris (the MATLAB script)")
    _plot_falling(falling, stored)
    _plot_accuracies(accuracies, stored)
    broken = records.stack(stored["as_written"], "broken_after")
    count = int(np.isfinite(broken).sum())
    when = f", after {np.median(broken):.0f} of 10,000 passes (median)" if count else ""
    return {
        plots.save(figure, folder, "printed_and_true"): (
            "Above: the network's outputs before softmax. With targets of zero every step pushes "
            f"them down; softmax becomes 0/0 in {count} of {len(broken)} runs{when}. Below: the "
            "accuracy that the script's formula gives on the test flowers (it compares three "
            "labels) and the share of them that is right, means over the seeds."
        )
    }


def _plot_falling(axes: mpl_axes.Axes, stored: dict[str, list[dict]], last_pass: int = 600) -> None:
    for variant, label in (("as_written", "targets zero"), ("labels_filled", "targets filled in")):
        runs = stored[variant]
        watched = np.array(runs[0]["measurements"]["watched_passes"])
        samples = records.stack(runs, "mean_z")
        shown = (watched <= last_pass) & np.isfinite(samples).all(axis=0)
        plots.curves(axes, watched[shown], samples[:, shown], label=label)
    lowest = np.log(np.finfo(float).tiny)
    label = f"exp(z) is 0 below {lowest:.0f} here, below -745 in MATLAB"
    axes.axhline(lowest, color="0.5", linestyle=":", label=label)
    axes.set(
        title="Where the outputs are, while softmax gives numbers",
        xlabel="passes over the 120 flowers",
        ylabel="mean z",
        xlim=(0, last_pass),
    )


def _plot_accuracies(axes: mpl_axes.Axes, stored: dict[str, list[dict]]) -> None:
    places = np.arange(len(CASES))
    for shift, metric, label in ((-0.2, "printed", "printed"), (0.2, "true", "true")):
        means = [
            records.stack(stored[variant], prefix + metric)[:, 1].mean()
            for variant, prefix in CASES.values()
        ]
        axes.barh(places + shift, means, height=0.38, label=f"{label}, test flowers")
    plots.cited_line(axes, 1, label="printed by the authors: 100 %", vertical=True)
    axes.set_yticks(places, list(CASES))
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.set(title="What is printed, what is true", xlabel="accuracy", xlim=(0, 1.05))


if __name__ == "__main__":
    cli.run_one(__file__)

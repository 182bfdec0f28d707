"""XOR learnt by a 2-2-1 sigmoid network.

The smallest network that needs its hidden layer. The notes train it by hand-written matrix
back-propagation, study three learning rates and explain what happens when it does not learn.

Source: notes-2, section 2 (listing `src/multicapa.py`, equations of 2.2, figure 2), section 3.5
    exercise 1 (`src/multicapa-ptorch.py`); notes-code.
Stated: 2-2-1, sigmoids, full batch, rates 0.5, 10 and "very low", gradient of half the sum of
    squares; what figure 2 plots is the mean of the squares, before each update.
Silent about: the start (NumPy's legacy seed 42, W1 then W2 uniform in [0, 1), biases 0, says the
    companion code), the epochs (10,000, same place), the low rate (0.0001, same place), which
    "random" start gets stuck (we add N(0, 1) and Glorot), when an error has "collapsed" (we take
    the epoch at which it has fallen to half of its plateau, 0.25).
"""

import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import scipy.optimize
from keras import ops

from common import claims, cli, plots, records, training

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float64")
Y = np.logical_xor(*X.T).astype("float64")[:, None]

# The epochs whose error is stored: close together at the start. The authors' own runs, which are
# drawn over figure 2, are stored more finely.
CURVE_EPOCHS = np.unique(np.rint(np.geomspace(1, 10_000, 70)).astype(int)) - 1
FINE_EPOCHS = np.concatenate([np.arange(250), np.arange(250, 10_000, 10)])


@dataclasses.dataclass(frozen=True)
class Config:
    """One protocol. The defaults are the notes' own."""

    experiment: str = "training"  # or "stuck", "derivation"
    hidden: int = 2
    hidden_activation: str = "sigmoid"
    scheme: str = "uniform"
    learning_rate: float = 0.5
    epochs: int = 10_000
    start: int | None = None  # the authors' NumPy seed, where only their run is wanted
    mean_loss: bool = False  # PyTorch's MSELoss in place of half the sum of squares
    near_zero: float = 0.01  # assumed: "hacia cero"
    stuck: float = 0.05  # assumed: a final error above this is a run that did not learn
    plateau_epoch: int = 100  # assumed: well inside the flat part of figure 2
    spike: float = 0.01  # assumed: a rise of the error in one epoch that a plot would show
    near_half: float = 0.1  # assumed: an output this close to 0.5 "says 0.5"
    watched_epochs: tuple[int, ...] = (
        10_000,
        100_000,
        1_000_000,
    )  # assumed: a stuck run, watched on
    precision: str = "float64"


VARIANTS = {
    "as_written": Config(),
    "rate_10": Config(learning_rate=10.0),
    "rate_2": Config(learning_rate=2.0),  # assumed: a rate the notes do not try
    "authors_run": Config(start=42),
    "authors_run_rate_10": Config(start=42, learning_rate=10.0),
    "authors_run_rate_tiny": Config(start=42, learning_rate=0.0001),
    "authors_run_to_the_end": Config(start=42, learning_rate=0.0001, epochs=7_000_000),
    "normal_start": Config(scheme="normal"),
    "glorot_start": Config(scheme="glorot"),
    "three_hidden": Config(hidden=3),
    "linear_hidden": Config(hidden_activation="linear"),
    "pytorch_exercise": Config(hidden=4, scheme="pytorch", epochs=5000, mean_loss=True),
    "stuck_points": Config(experiment="stuck", scheme="normal"),
    "derivation": Config(experiment="derivation", scheme="normal_with_biases"),
}
SHORTENED = {
    "smoke": {"epochs": 500, "watched_epochs": (500, 600, 700)},
}


def build_model(config: Config) -> keras.Model:
    """2 inputs, a hidden layer, one sigmoid output: Z1 = X W1 + b1, A1, Z2 = A1 W2 + b2, A2."""
    return keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(config.hidden, activation=config.hidden_activation),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def half_sum_of_squares(y: keras.KerasTensor, prediction: keras.KerasTensor) -> keras.KerasTensor:
    """E = 1/2 (y - A2)^2 summed over the samples: what the listing descends (notes-2, 3.2)."""
    return ops.sum(ops.square(y - prediction)) / 2


def mean_of_squares(y: keras.KerasTensor, prediction: keras.KerasTensor) -> keras.KerasTensor:
    """The error that figure 2 plots, and PyTorch's MSELoss."""
    return ops.mean(ops.square(y - prediction))


def build_trainer(config: Config, epochs: int) -> training.Trainer:
    """Full-batch gradient descent, reporting the mean of squares before each update."""
    return training.Trainer(
        build_model(config),
        keras.optimizers.SGD(config.learning_rate),
        mean_of_squares if config.mean_loss else half_sum_of_squares,
        epochs=epochs,
        batch_size=len(X),
        report=mean_of_squares,
    )


def draw_start(config: Config, model: keras.Model, seed: int) -> list[np.ndarray]:
    """Draw the starting weights as the listing does: legacy NumPy, W1 before W2."""
    rng = np.random.RandomState(seed if config.start is None else config.start)
    return training.initial_weights(model, rng, config.scheme)


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed: see the claims for what each metric is for."""
    training.set_precision(config.precision)
    experiments = {"training": _learn, "stuck": _watch_stuck_runs, "derivation": _derive}
    yield from experiments[config.experiment](config, seeds)


# --- Learning -----------------------------------------------------------------------------------


def _learn(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    trainer = build_trainer(config, config.epochs)
    model = trainer.model

    for seed in seeds:
        history = trainer.train(
            X,
            Y,
            weights=draw_start(config, model, seed),
            seed=seed,
            evaluate=lambda epoch: _smallest_curvature(model),
            at=[config.plateau_epoch],
        )
        errors = history.losses
        outputs = trainer.predict(X)
        yield {
            "plateau_error": float(errors[config.plateau_epoch]),
            "plateau_curvature": history.evaluations[config.plateau_epoch],
            "plateau_is_minimum": bool(history.evaluations[config.plateau_epoch] > 0),
            "learning_rate": float(trainer.optimizer.learning_rate),
            "parameters": model.count_params(),
        } | describe(config, errors, float(np.mean((Y - outputs) ** 2)))


def describe(config: Config, errors: np.ndarray, final_error: float) -> dict:
    """Turn the error of every epoch (before its update) into measurements."""
    rises = np.diff(errors)
    halfway = _first_below(errors, _best_constant()["best_constant_error"] / 2)
    middle = int(min(halfway, len(errors) // 2 - 1))  # twice the middle stays inside the run
    stored = CURVE_EPOCHS if config.start is None else FINE_EPOCHS
    return {
        "final_error": final_error,
        "learnt": final_error < config.stuck,
        "stuck": final_error >= config.stuck,
        "stops_part_way": config.stuck <= final_error < 0.2,
        "learnt_by_1500": bool(errors[: 1500 + 1][-1] < config.stuck),
        "halfway_epoch": halfway,
        "near_zero_epoch": _first_below(errors, config.near_zero),
        "fall_before": float(errors[0] - errors[middle // 2]),
        "fall_during": float(errors[middle // 2] - errors[2 * middle]),
        "fall_after": float(errors[2 * middle] - errors[-1]),
        "first_error": float(errors[0]),
        "last_error": float(errors[-1]),
        "largest_error": float(errors.max()),
        "spikes": bool(rises.max() > config.spike),
        "rough_end": bool(rises[-len(rises) // 10 :].max() > 0),
        "error_at_300": float(errors[300]),
        "error_at_2000": float(errors[min(2000, len(errors) - 1)]),
        "error_curve": [float(f"{error:.5g}") for error in errors[stored[stored < len(errors)]]],
    }


def _first_below(errors: np.ndarray, level: float) -> float:
    below = errors < level
    return float(below.argmax()) if below.any() else np.inf


# --- Runs that do not learn ---------------------------------------------------------------------


def _watch_stuck_runs(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """For each seed, find the first start that gets stuck and look at where it is, and goes.

    Every record is a stuck run, so what share of starts gets stuck is measured elsewhere.
    """
    finder = build_trainer(config, config.watched_epochs[0])
    watcher = build_trainer(config, config.watched_epochs[-1])
    point = Point(watcher)
    for seed in seeds:
        for start in itertools.count(1000 * seed):
            weights = draw_start(config, finder.model, start)
            finder.train(X, Y, weights=weights, seed=start)
            if np.mean((Y - finder.predict(X)) ** 2) >= config.stuck:
                break
        history = watcher.train(
            X, Y, weights=weights, seed=start, evaluate=point.describe, at=config.watched_epochs
        )
        watched = [history.evaluations[epoch] for epoch in config.watched_epochs]
        again = draw_start(config, finder.model, start + 1)
        finder.train(X, Y, weights=again, seed=start)
        outputs = np.array(watched[0]["outputs"])
        halves = int((np.abs(outputs - 0.5) < config.near_half).sum())
        yield {
            "stuck_error": watched[0]["error"],
            "outputs_at_half": halves,
            "always_says_half": halves == len(X),
            "is_local_minimum": watched[0]["is_local_minimum"],
            "watched_error": [at["error"] for at in watched],
            "watched_slope": [at["slope"] for at in watched],
            "watched_norm": [at["norm"] for at in watched],
            "watched_curvature": [at["curvature"] for at in watched],
            "escapes": watched[-1]["error"] < config.stuck,
            "restart_learns": bool(np.mean((Y - finder.predict(X)) ** 2) < config.stuck),
        }


def _flat(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Lay arrays end to end, as one point or direction in weight space."""
    return np.concatenate([array.ravel() for array in arrays])


def _smallest_curvature(model: keras.Model) -> float:
    """Smallest eigenvalue of the Hessian: negative where some direction curves downwards."""
    return float(np.linalg.eigvalsh(training.hessian(model, half_sum_of_squares, X, Y))[0])


class Point:
    """Where in weight space a trainer's model stands."""

    def __init__(self, trainer: training.Trainer) -> None:
        """Keep the trainer whose model is looked at."""
        self.trainer = trainer

    def describe(self, epoch: int) -> dict:
        """Return error, slope, curvature and distance from the origin at this point.

        A local minimum has no slope and no direction of negative curvature. 1e-8 is far above
        float64's rounding here and far below the slope of a network that still moves.
        """
        model = self.trainer.model
        slope = float(np.linalg.norm(_flat(training.gradients(model, half_sum_of_squares, X, Y))))
        curvature = _smallest_curvature(model)
        outputs = self.trainer.predict(X)
        return {
            "error": float(np.mean((Y - outputs) ** 2)),
            "outputs": outputs[:, 0].tolist(),
            "slope": slope,
            "curvature": curvature,
            "norm": float(np.linalg.norm(_flat(model.get_weights()))),
            "is_local_minimum": slope < 1e-8 and curvature > 0,
        }


# --- The matrix derivation, held against automatic differentiation -------------------------------


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Logistic function."""
    return 1 / (1 + np.exp(-z))


def sigmoid_derivative(a: np.ndarray) -> np.ndarray:
    """The listing's: takes the activation a = s(z), not z."""
    return a * (1 - a)


def back_propagate(X: np.ndarray, y: np.ndarray, weights: list[np.ndarray]) -> dict:
    """The notes' section 2.2, line by line, in their symbols (shapes for 4 samples, 2 hidden)."""
    W1, b1, W2, b2 = weights
    Z1 = X @ W1 + b1  # (4, 2)
    A1 = sigmoid(Z1)
    Z2 = A1 @ W2 + b2  # (4, 1)
    A2 = sigmoid(Z2)
    delta_out = (y - A2) * sigmoid_derivative(A2)  # (4, 1)
    error_hidden = delta_out @ W2.T  # (4, 2)
    delta_hidden = error_hidden * sigmoid_derivative(A1)
    return {
        "Z1": Z1,
        "A1": A1,
        "Z2": Z2,
        "A2": A2,
        "delta_out": delta_out,
        "error_hidden": error_hidden,
        "delta_hidden": delta_hidden,
        "updates": [
            X.T @ delta_hidden,  # W1
            delta_hidden.sum(axis=0),  # b1
            A1.T @ delta_out,  # W2
            delta_out.sum(axis=0),  # b2
        ],
    }


def _derive(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    model = build_model(config)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        weights = training.initial_weights(model, rng, config.scheme)
        model.set_weights(weights)
        yield (
            _shapes(weights)
            | _formulas(model, weights)
            | _sentences(model, weights, rng)
            | _best_constant()
        )


def _gap(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
    """Largest difference between two lists of arrays."""
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


def _shapes(weights: list[np.ndarray]) -> dict:
    passed = back_propagate(X, Y, weights)
    arrays = passed | {"X": X, "y": Y, "W1": weights[0], "W2": weights[2]}
    arrays |= {"update_W1": passed["updates"][0], "update_W2": passed["updates"][2]}
    named = ("X", "y", "W1", "A1", "Z2", "delta_out", "error_hidden", "update_W1", "update_W2")
    return {f"shape_{name}": list(arrays[name].shape) for name in named} | {
        "y_table": Y.ravel().tolist(),
    }


def _formulas(model: keras.Model, weights: list[np.ndarray]) -> dict:
    """Largest differences between the notes' matrices and automatic differentiation."""
    passed = back_propagate(X, Y, weights)
    descent = [-g for g in training.gradients(model, half_sum_of_squares, X, Y)]
    plotted = [-g for g in training.gradients(model, mean_of_squares, X, Y)]
    W1, _, W2, _ = weights
    delta_2 = (passed["A2"] - Y) * sigmoid_derivative(passed["A2"])  # as section 2.1 has it
    delta_1 = (delta_2 @ W2.T) * sigmoid_derivative(passed["A1"])
    by_z1, by_z2 = _derivatives_by_z(model)
    without_biases = sigmoid(W2.T @ sigmoid(W1.T @ X.T)).T
    return {
        "forward_gap": _gap([passed["A2"]], [np.asarray(model(X))]),
        "updates_gap": _gap(passed["updates"], descent),
        "updates_against_plotted_gap": _gap(passed["updates"], plotted),
        "update_over_plotted": float(passed["updates"][0].ravel()[0] / plotted[0].ravel()[0]),
        "delta_out_gap": _gap([passed["delta_out"]], [-by_z2]),
        "delta_hidden_gap": _gap([passed["delta_hidden"]], [-by_z1]),
        "compact_delta_1_gap": _gap([delta_1], [by_z1]),
        "delta_2_signs_gap": _gap([passed["delta_out"]], [delta_2]),
        "composition_gap": _gap([without_biases], [passed["A2"]]),
        "shape_delta_1": list(delta_1.shape),
    }


def _derivatives_by_z(model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """dE/dZ1 and dE/dZ2 by automatic differentiation: of shifts added to Z1 and Z2.

    A per-sample shift is a bias of its own, so the samples are passed one at a time.
    """
    rows = [
        training.gradients(model, half_sum_of_squares, X[i : i + 1], Y[i : i + 1])
        for i in range(len(X))
    ]
    return np.stack([row[1] for row in rows]), np.stack([row[3] for row in rows])


def _sentences(model: keras.Model, weights: list[np.ndarray], rng: np.random.Generator) -> dict:
    """Single sentences of the text, each as something that can fail."""
    W1, b1, W2, b2 = weights
    passed = back_propagate(X, Y, weights)
    other = back_propagate(X, Y, [W1, b1, W2 + rng.normal(size=W2.shape), b2])
    only_zero_input = back_propagate(X[:1], Y[:1], weights)["updates"][0]
    z = np.linspace(-20, 20, 4001)
    slopes = _sigmoid_slopes(z)
    direction = rng.normal(size=9)
    return {
        "bias_update_change": _gap([passed["updates"][1]], [other["updates"][1]]),
        "zero_input_update": float(np.abs(only_zero_input).max()),
        "single_bias_gap": float(np.abs(passed["Z1"] - (X @ W1 + b1[0])).max()),
        "saturated_slope": float(slopes[np.abs(z - 10).argmin()]),
        "largest_slope": float(slopes.max()),
        "line_at_origin_without_bias": float(np.abs(X[0] @ W1).max()),
        "steepest_is_gradient": _steepest(model, weights, direction),
    }


def _sigmoid_slopes(z: np.ndarray) -> np.ndarray:
    """Differentiate Keras's sigmoid at every z: a layer with weights z, its sum as the loss."""
    layer = keras.layers.Dense(len(z), activation="sigmoid", use_bias=False)
    model = keras.Sequential([keras.Input((1,)), layer])
    model.set_weights([z[None]])
    loss = lambda _, outputs: ops.sum(outputs)  # noqa: E731
    return training.gradients(model, loss, np.ones((1, 1)), None)[0].ravel()


def _steepest(model: keras.Model, weights: list[np.ndarray], direction: np.ndarray) -> bool:
    """Whether a small step against the gradient lowers the error more than one in `direction`."""

    def error_after(step: np.ndarray) -> float:
        flat = _flat(weights) + 1e-4 * step / np.linalg.norm(step)
        sizes = np.cumsum([w.size for w in weights])[:-1]
        moved = [p.reshape(w.shape) for p, w in zip(np.split(flat, sizes), weights, strict=True)]
        return float(np.sum((Y - back_propagate(X, Y, moved)["A2"]) ** 2))

    downhill = -_flat(training.gradients(model, half_sum_of_squares, X, Y))
    return error_after(downhill) < error_after(direction)


@functools.cache
def _best_constant() -> dict:
    """The constant answer to XOR with the least error, and that error."""
    best = scipy.optimize.minimize_scalar(lambda constant: np.mean((Y - constant) ** 2))
    return {"best_constant": float(best.x), "best_constant_error": float(best.fun)}


# --- Figures ------------------------------------------------------------------------------------


def plot(stored: dict[str, list[dict]], folder: pathlib.Path) -> dict[str, str]:
    """Redraw figure 2, then what it does not show: many starts, and where the stuck ones stand."""
    head = claims.load(pathlib.Path(__file__).with_suffix(".toml"))
    captions = {}
    panels = {
        "authors_run": ("$\\eta = 0.5$", "as_written", 2500),
        "authors_run_rate_10": ("$\\eta = 10$", "rate_10", 300),
        "authors_run_rate_tiny": ("$\\eta = 0.0001$", None, 10_000),
    }
    if stored.keys() >= panels.keys():
        captions[_plot_figure_2(stored, panels, head.curves, folder)] = (
            "Figure 2 redrawn: mean squared error per epoch. Line: the authors' own start (NumPy "
            "seed 42), run again. Band: the same protocol from other starts. Markers: values read "
            "off the figure. A rate of 10 spikes early and then learns."
        )
    starts = {
        "as_written": "uniform [0, 1), the notes'",
        "normal_start": "N(0, 1)",
        "glorot_start": "Glorot",
        "rate_10": "uniform, $\\eta = 10$",
    }
    if stored.keys() >= starts.keys():
        captions[_plot_final_errors(stored, starts, folder)] = (
            "Where runs end. Nearly all stuck runs stand at 1/8 or 1/6 (two or three outputs at a "
            "compromise, the others right), hardly any at the 0.25 of 'always say 0.5'. "
            "The vertical axis is logarithmic, so that single runs can be seen."
        )
        captions[_plot_speed(stored, starts, folder)] = (
            "Share of starts whose error has fallen below 0.01, by epoch. Each curve levels off at "
            "the share of starts that ever learn."
        )
    if "stuck_points" in stored:
        captions[_plot_stuck(stored["stuck_points"], folder)] = (
            "Stuck runs watched for longer. The slope never reaches zero and the weights keep "
            "growing: they slide along a valley whose floor lies at infinity; a few leave it."
        )
    return captions


def _plot_figure_2(stored: dict, panels: dict, curves: dict, folder: pathlib.Path) -> str:
    figure, axes = plots.figure(1, 3, title="Error by learning rate (notes-2, figure 2)")
    for panel, (variant, (title, others, last)) in zip(axes, panels.items(), strict=True):
        if others in stored:
            errors = records.stack(stored[others], "error_curve")
            plots.curves(panel, CURVE_EPOCHS[: errors.shape[1]], errors, label="other starts")
        run = stored[variant][0]["measurements"]["error_curve"]
        panel.plot(FINE_EPOCHS[: len(run)], run, color="black", label="authors' start, re-run")
        if variant in curves:
            plots.cited(
                panel,
                curves[variant].x,
                curves[variant].y,
                label="read off figure 2",
            )
        panel.set(
            title=title, xlabel="epoch", ylabel="mean squared error", xlim=(-0.02 * last, last)
        )
    return plots.save(figure, folder, "figure_2")


def _plot_final_errors(stored: dict, starts: dict, folder: pathlib.Path) -> str:
    figure, axes = plots.figure(
        1, len(starts), title="Error at the end, by start (notes-2, section 2.3)"
    )
    for panel, (variant, title) in zip(axes, starts.items(), strict=True):
        final = records.stack(stored[variant], "final_error")
        plots.histogram(panel, final, label="starts", bins=np.linspace(0, 0.28, 57).tolist())
        plots.cited_line(panel, 0.25, label="the notes' 0.25", vertical=True)
        panel.set(title=title, xlabel="final error", ylabel="starts", yscale="symlog")
    return plots.save(figure, folder, "final_errors")


def _plot_speed(stored: dict, starts: dict, folder: pathlib.Path) -> str:
    figure, axes = plots.figure(1, 1, title="How soon starts learn (notes-2, section 2.3)")
    for variant, label in starts.items():
        reached = np.sort(records.stack(stored[variant], "near_zero_epoch"))
        share = np.arange(1, len(reached) + 1) / len(reached)
        finite = np.isfinite(reached)
        axes.step(
            np.append(reached[finite], 10_000),
            np.append(share[finite], share[finite].max(initial=0)),
            where="post",
            label=label,
        )
    plots.cited_line(axes, 1500, label="the notes' 1500", vertical=True)
    axes.set(xlabel="epoch", ylabel="share of starts below 0.01", xscale="log", ylim=(0, 1.02))
    return plots.save(figure, folder, "speed")


def _plot_stuck(stored: list[dict], folder: pathlib.Path) -> str:
    figure, axes = plots.figure(1, 3, title="Stuck runs, watched on (notes-2, section 2.3)")
    epochs = stored[0]["config"]["watched_epochs"]
    for panel, (metric, label) in zip(
        axes,
        {
            "watched_error": "error",
            "watched_slope": "length of the gradient",
            "watched_norm": "length of the weights",
        }.items(),
        strict=True,
    ):
        panel.plot(
            epochs, records.stack(stored, metric).T, color="C0", alpha=0.4, marker="o", markersize=3
        )
        panel.set(xlabel="epoch", ylabel=label, xscale="log")
    plots.cited_line(axes[0], 0.25, label="the notes' 0.25")
    axes[1].set_yscale("log")
    return plots.save(figure, folder, "stuck")


if __name__ == "__main__":
    cli.run_one(__file__)

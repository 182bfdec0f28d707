"""Rosenblatt's perceptron on AND, OR and XOR.

One neuron with a step activation learns AND and OR with a rule that only ever acts on mistakes. On
XOR the same rule never stops: no straight line separates the two classes.

Source: notes-2, sections 1 and 2 (first two paragraphs), listing `src/perceptron.py`; thesis,
    section 2.1.2 (the neuron, the perceptron and the sigmoid as its smooth version).
Stated: two inputs, weights from N(0, 1), bias 0, learning rate 0.1, 100 epochs, one sample at a
    time in the order 00, 01, 10, 11, output 1 where z > 0.
Silent about: the seed (we use many); whether OR is learnt by a new perceptron or by the one that
    has just learnt AND (we do both); how long "for ever" is on XOR (we run ten times the listing's
    epochs and look for an exact cycle, which does last for ever).
"""

import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import scipy.integrate
import scipy.optimize
import scipy.stats
from keras import ops

from common import cli, plots, records, training

POINTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float64")
GATES = {
    "AND": np.logical_and(*POINTS.T).astype("float64"),
    "OR": np.logical_or(*POINTS.T).astype("float64"),
    "XOR": np.logical_xor(*POINTS.T).astype("float64"),
}


@dataclasses.dataclass(frozen=True)
class Config:
    """The listing's protocol; `gates` are learnt one after the other by the same perceptron."""

    gates: tuple[str, ...] = ("AND",)
    experiment: str = "training"  # or "separability", "neuron": no training, algebra only
    learning_rate: float = 0.1
    epochs: int = 100
    watched_epochs: int = 10  # assumed: how many first and last epochs are looked at one by one
    biases: tuple[float, ...] = (
        -10.0,
        -3.0,
        0.0,
        3.0,
        10.0,
    )  # assumed: "very negative" to "very high"
    precision: str = "float64"


VARIANTS = {
    "as_written": Config(),
    "or_gate": Config(gates=("OR",)),
    "and_then_or": Config(gates=("AND", "OR")),
    "xor_gate": Config(gates=("XOR",), epochs=1000),
    "separability": Config(gates=("AND", "OR", "XOR"), experiment="separability"),
    "neuron": Config(experiment="neuron"),
}


def step(z: keras.KerasTensor) -> keras.KerasTensor:
    """Return 1 where z > 0, else 0 (thesis, equation 2.5)."""
    return ops.cast(z > 0, z.dtype)


def build_model(config: Config) -> keras.Model:
    """One neuron on two inputs. Its output is z = w x + b; `step` turns it into the prediction."""
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


def rosenblatt_loss(y: keras.KerasTensor, z: keras.KerasTensor) -> keras.KerasTensor:
    """The loss whose gradient step is Rosenblatt's rule: dL/dw = -(y - f(z)) x.

    Plain gradient descent on it is `weights += error * lr * x` and `bias += error * lr`.
    """
    error = ops.stop_gradient(y - step(z))
    return -ops.sum(error * z)


def predict(state: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return 0 or 1 for each of the points, shape (n,), of the neuron with state (w1, w2, b)."""
    return (points @ state[:2] + state[2] > 0).astype(int)


def mistakes(y: keras.KerasTensor, z: keras.KerasTensor) -> keras.KerasTensor:
    """Share of wrong predictions."""
    return ops.mean(ops.abs(y - step(z)))


def build_trainer(config: Config) -> training.Trainer:
    """One sample at a time, in order, reporting the share of mistakes of every epoch."""
    return training.Trainer(
        build_model(config),
        keras.optimizers.SGD(config.learning_rate),
        rosenblatt_loss,
        epochs=config.epochs,
        batch_size=1,
        report=mistakes,
    )


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed: see the claims for what each metric is for."""
    training.set_precision(config.precision)
    measure = {"training": _learn, "separability": _separate, "neuron": _neuron}[config.experiment]
    yield from measure(config, seeds)


# --- Learning a gate ----------------------------------------------------------------------------


def _learn(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    trainer = build_trainer(config)
    model = trainer.model
    span = config.watched_epochs + 1
    first, last = range(span), range(config.epochs + 1)[-span:]

    def state(epoch: int) -> np.ndarray:
        """Both weights and the bias, shape (3,)."""
        return np.concatenate([np.ravel(weights) for weights in model.get_weights()])

    for seed in seeds:
        weights = training.initial_weights(model, np.random.default_rng(seed), "normal")
        for gate in config.gates:
            history = trainer.train(
                POINTS,
                GATES[gate][:, None],
                weights=weights,
                seed=seed,
                evaluate=state,
                at=[*first, *last],
            )
            weights = model.get_weights()
        early, late = (np.stack([history.evaluations[e] for e in part]) for part in (first, last))
        yield _describe(config, GATES[gate], history.losses, early, late)


def _describe(
    config: Config, y: np.ndarray, errors: np.ndarray, early: np.ndarray, late: np.ndarray
) -> dict:
    """Turn one run's mistakes per epoch and its states (w1, w2, b per epoch) into measurements."""
    final, eta = late[-1], config.learning_rate
    predictions = predict(final, POINTS)
    widest = widest_margin(tuple(y))
    learnt = bool((predictions == y).all())
    clean = np.flatnonzero(errors == 0)
    cycle = cycle_length(late, eta) if errors[-1] > 0 else np.inf
    moves = np.abs(np.diff(early, axis=0))
    return {
        "predictions": predictions.tolist(),
        "learnt": learnt,
        "settled": bool(learnt and (late[-1] == late[-2]).all()),
        "epochs_needed": float(clean[0]) if clean.size else np.inf,
        "epochs_run": len(errors),
        "widest_margin": bool(learnt and margin(final, y) > 0.99 * widest),
        "margin_share": margin(final, y) / widest if learnt else 0.0,
        "cycle_length": cycle,
        "oscillates": bool(np.isfinite(cycle) and not learnt),
        "learns_in_small_moves": bool(learnt and moves.max() <= len(y) * eta + 1e-9),
        "path": np.round(_replay(final, y, eta), 7).tolist(),
    }


def cycle_length(states: np.ndarray, learning_rate: float) -> float:
    """Epochs after which weights and bias are back at the very same values, or infinity.

    Every update moves them by whole multiples of the learning rate, so positions are compared as
    integers: rounding can neither fake nor hide a return. A return makes the run periodic for ever,
    because the rule has no memory beside the weights and the order of the samples is fixed.
    """
    steps = (states - states[-1]) / learning_rate
    on_the_grid = np.abs(steps - np.rint(steps)).max() < 1e-6
    returns = np.flatnonzero((np.rint(steps[:-1]) == 0).all(axis=1))
    return float(len(states) - 1 - returns[-1]) if on_the_grid and returns.size else np.inf


def _replay(state: np.ndarray, y: np.ndarray, learning_rate: float, passes: int = 3) -> np.ndarray:
    """Go on with the listing's own loop, one row (w1, w2, b) per sample shown."""
    path = [state]
    for x, target in itertools.islice(
        itertools.cycle(zip(POINTS, y, strict=True)), passes * len(POINTS)
    ):
        error = target - float(x @ path[-1][:2] + path[-1][2] > 0)
        path.append(path[-1] + learning_rate * error * np.append(x, 1.0))
    return np.stack(path)


def margin(state: np.ndarray, y: np.ndarray) -> float:
    """Distance from the line to the nearest point, negative where one lies on the wrong side."""
    signed = np.where(y > 0, 1.0, -1.0) * (POINTS @ state[:2] + state[2])
    return float(signed.min() / np.linalg.norm(state[:2]))


# --- Which sets of points a line can separate ----------------------------------------------------


def separable(y: np.ndarray, points: np.ndarray = POINTS) -> bool:
    """Whether a hyperplane separates the classes: a linear programme, so a proof either way."""
    signs = np.where(y > 0, 1.0, -1.0)[:, None]
    rows = -signs * np.column_stack([points, np.ones(len(points))])
    solution = scipy.optimize.linprog(
        np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(points)), bounds=(None, None)
    )
    return solution.status == 0  # 2 is "infeasible"


@functools.cache
def widest_margin(table: tuple[float, ...]) -> float:
    """Margin of the line as far as possible from both classes, 0 where there is none."""
    y = np.array(table)
    if not separable(y):
        return 0.0
    signs = np.where(y > 0, 1.0, -1.0)
    widest = scipy.optimize.minimize(
        lambda state: state[:2] @ state[:2],
        x0=np.array([1.0, 1.0, -1.0]),
        constraints={"type": "ineq", "fun": lambda s: signs * (POINTS @ s[:2] + s[2]) - 1},
        method="SLSQP",
    )
    return float(1 / np.linalg.norm(widest.x[:2]))


def _separate(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    for _ in seeds:
        tables = map(np.array, itertools.product([0, 1], repeat=4))
        one_line = [table for table in tables if separable(table)]
        curved = np.column_stack([POINTS, POINTS.prod(axis=1)])
        yield {
            "and_separable": separable(GATES["AND"]),
            "or_separable": separable(GATES["OR"]),
            "xor_separable": separable(GATES["XOR"]),
            "xor_separable_by_curve": separable(GATES["XOR"], curved),
            "xor_lines_needed": _lines_needed(GATES["XOR"], one_line),
            "and_table": GATES["AND"].tolist(),
            "or_table": GATES["OR"].tolist(),
            "xor_table": GATES["XOR"].tolist(),
        }


def _lines_needed(y: np.ndarray, one_line: list[np.ndarray]) -> float:
    """Fewest lines whose regions meet in just the ones of `y`; one line does each `one_line`."""
    for lines in (1, 2, 3):
        for tables in itertools.product(one_line, repeat=lines):
            if (np.logical_and.reduce(tables) == y).all():
                return lines
    return np.inf


# --- The algebra of one neuron ------------------------------------------------------------------


def _neuron(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Hold single sentences about a neuron against random neurons (thesis 2.1.2; notes-2 1)."""
    model = build_model(config)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=2)
        inputs = rng.uniform(size=(1000, 2))
        firing = []
        for bias in config.biases:
            model.set_weights([weights[:, None], np.array([bias])])
            firing.append(float(np.mean(step(model(inputs)))))
        yield {"firing_share": firing} | _threshold(model, rng) | _smoothness(rng) | _depth(rng)


def _threshold(model: keras.Model, rng: np.random.Generator) -> dict:
    """The bias as a shift, as a moved threshold, and what happens exactly on the line."""
    weights, bias = rng.normal(size=2), rng.normal()
    inputs = rng.normal(size=(1000, 2))
    model.set_weights([weights[:, None], np.array([bias])])
    fires = np.asarray(step(model(inputs)))[:, 0]
    w, b = rng.normal(size=2)
    crossing = scipy.optimize.brentq(lambda x: w * x + b, -abs(b / w) - 1, abs(b / w) + 1)
    on_the_line = inputs[0]
    edge = -weights @ on_the_line
    before, after = (float(weights @ on_the_line + edge + nudge > 0) for nudge in (-1e-9, 1e-9))
    with_constant_input = np.column_stack([inputs, np.ones(len(inputs))]) @ [*weights, bias]
    return {
        "threshold_gap": float(abs(crossing + b / w)),
        "moved_threshold_gap": float(np.abs(fires - (inputs @ weights > -bias)).max()),
        "bias_as_weight_gap": float(
            np.abs(with_constant_input - np.asarray(model(inputs))[:, 0]).max()
        ),
        "step_at_zero": float(step(ops.convert_to_tensor(0.0))),
        "output_jump": after - before,
    }


def _smoothness(rng: np.random.Generator) -> dict:
    """The sigmoid beside the step (thesis, equations 2.5 and 2.6)."""

    def sigmoid(z: float) -> float:
        return float(ops.sigmoid(ops.convert_to_tensor(z, dtype="float64")))

    z, weight_change = rng.normal(), 1e-6
    smoothed, _ = scipy.integrate.quad(  # the step seen through a logistic filter
        lambda t: float(z - t > 0) * scipy.stats.logistic.pdf(t), -40, 40, points=[z], epsabs=1e-12
    )
    x = rng.normal()
    slope = sigmoid(z) * (1 - sigmoid(z)) * x
    return {
        "smoothed_step_gap": abs(smoothed - sigmoid(z)),
        "proportionality_gap": abs(
            (sigmoid(z + weight_change * x) - sigmoid(z)) / weight_change - slope
        ),
        "sigmoid_at_20": sigmoid(20.0),
        "sigmoid_at_minus_20": sigmoid(-20.0),
        "sigmoid_at_minus_tenth": sigmoid(-0.1),
        "slope_at_20": sigmoid(20.0) * (1 - sigmoid(20.0)),
    }


def _depth(rng: np.random.Generator) -> dict:
    """Layers without activation: their product is one layer, their sum is another one."""
    layers = rng.normal(size=(3, 4, 4))
    x = rng.normal(size=4)
    network = keras.Sequential(
        [keras.Input((4,)), *[keras.layers.Dense(4, use_bias=False) for _ in layers]]
    )
    network.set_weights([layer.T for layer in layers])
    output = np.asarray(network(x[None]))[0]
    product = layers[2] @ layers[1] @ layers[0]
    return {
        "product_of_layers_gap": float(np.abs(output - product @ x).max()),
        "sum_of_layers_gap": float(np.abs(output - layers.sum(axis=0) @ x).max()),
    }


# --- Figures ------------------------------------------------------------------------------------


def plot(stored: dict[str, list[dict]], folder: pathlib.Path) -> dict[str, str]:
    """Draw the four points with the learnt lines, and the weights going round on XOR."""
    captions = {}
    gates = {"as_written": "AND", "or_gate": "OR", "xor_gate": "XOR"}
    if stored.keys() >= gates.keys():
        captions[_plot_lines(stored, gates, folder)] = (
            "The four points of each gate and the line learnt with seed 0 (shaded: output 1); thin "
            "lines are other seeds. On XOR no line can be right: every run leaves some point wrong."
        )
    if "xor_gate" in stored:
        captions[_plot_cycle(stored["xor_gate"], folder)] = (
            "Weights and bias on XOR, sample by sample, after all epochs (grey lines: a new pass "
            "begins). Each pass ends where it began, so the perceptron goes round for ever."
        )
    if stored.keys() >= {"as_written", "or_gate"}:
        captions[_plot_epochs(stored, folder)] = (
            "Epochs until a whole pass makes no mistake. The listing always runs its 100 epochs."
        )
    return captions


def _plot_lines(stored: dict, gates: dict[str, str], folder: pathlib.Path) -> str:
    figure, axes = plots.figure(1, 3, title="What one perceptron learns (notes-2, section 1.2)")
    for panel, (variant, gate) in zip(axes, gates.items(), strict=True):
        states = [np.array(record["measurements"]["path"][0]) for record in stored[variant][:20]]
        plots.decision_boundary(
            panel,
            functools.partial(predict, states[0]),
            limits=(-0.5, 1.5, -0.5, 1.5),
            points=POINTS,
            labels=GATES[gate].astype(int),
            names=("0", "1"),
        )
        x = np.array([-0.5, 1.5])
        for other in states[1:]:
            panel.plot(x, -(other[0] * x + other[2]) / other[1], color="0.4", lw=0.5, alpha=0.5)
        panel.set(title=gate, xlabel="$x_1$", ylabel="$x_2$", xlim=x, ylim=x)
    return plots.save(figure, folder, "lines")


def _plot_cycle(stored: list[dict], folder: pathlib.Path) -> str:
    figure, axes = plots.figure(
        1, 3, title="The weights on XOR go round for ever (notes-2, section 2)"
    )
    for record, panel in zip(stored, axes, strict=False):
        path = np.array(record["measurements"]["path"])
        for name, values in zip(("$w_1$", "$w_2$", "$b$"), path.T, strict=True):
            panel.plot(values, marker="o", markersize=4, label=name)
        for start in range(0, len(path), len(POINTS)):
            panel.axvline(start, color="0.8", linewidth=0.8, zorder=0)
        panel.set(
            title=f"seed {record['seed']}", xlabel="samples shown after training", ylabel="value"
        )
    return plots.save(figure, folder, "xor_cycle")


def _plot_epochs(stored: dict, folder: pathlib.Path) -> str:
    figure, axes = plots.figure(1, 1, title="How soon the rule stops (notes-2, section 1.2)")
    for variant, gate in (("as_written", "AND"), ("or_gate", "OR")):
        needed = records.stack(stored[variant], "epochs_needed")
        plots.histogram(axes, needed[np.isfinite(needed)], label=gate, bins=range(0, 101, 4))
    plots.cited_line(axes, 100, label="the listing's 100 epochs", vertical=True)
    axes.set(xlabel="epochs until no mistake", ylabel="seeds")
    return plots.save(figure, folder, "epochs_needed")


if __name__ == "__main__":
    cli.run_one(__file__)

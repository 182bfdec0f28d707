"""Life expectancy, fitted "perfectly", then "overfitted", by networks that answer one number.

The paper watches one number per network fall to zero and rise again, and takes that for a perfect
fit and for overfitting. It is the squared error of one single row. Here the same runs are made from
many starts, and beside the printed number stand the errors over all rows, trained on and not, what
the network answers, and the formula that its answer follows.

Source: paper, sections 7.1 and 7.2, figures 6 to 8; paper-code, cells 104 to 122 of the notebook.
Stated: 19 inputs, one, two (10 and 10) and three hidden layers ("decreasing"); by what is said of
    the wine network, sigmoid hidden neurons, one output without activation, squared error.
Silent about: all of the following, which is the notebook's. The rows (1,649: those with a gap in
    any numeric column are dropped); the inputs (raw; all numeric columns, the year among them); the
    split (scikit-learn's with `random_state=0`, a quarter to test, and the library trains on the
    first 80 % of the rest: 988 rows); the third network (19-20-15-10-1); the start (weights and
    biases from N(0, 1)), the rate (0.000001), one row at a time, 200 epochs; what "Error" is (the
    loss of the first row before training, and of the last row trained on ever after). The test rows
    are never looked at. Our own choice: everything that is marked `# assumed`.

The library logs where `epoch % 10 == 0`, after that epoch's pass: after 1, 11, ..., 191 epochs. The
figures draw these twenty points at 10, 20, ..., 200, and the loss before training at 0.
"""

import dataclasses
import itertools
import math
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import keras
import numpy as np
import scipy.optimize
import scipy.special
import sklearn.dummy
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
import sklearn.pipeline
import sklearn.preprocessing
from keras import ops
from matplotlib import axes as mpl_axes

from common import claims, cli, data, paper_library, plots, records, training


@dataclasses.dataclass(frozen=True)
class Config:
    """The notebook's protocol for the first network; the variants change a few fields of it."""

    hidden: tuple[int, ...] = (10,)
    standardised: bool = False  # inputs and target, by mean and deviation of the rows trained on
    initialisation: str = paper_library.INITIALISATION
    learning_rate: float = 0.000001
    epochs: int = 200
    log_every: int = 10
    split: Literal["notebook", "rows", "countries"] = "notebook"  # the others: anew for each seed
    train_rows: int = 988
    under: float = 100.0  # assumed: the printed error "has fallen" under (10 years) squared
    fallen: float = 0.9  # assumed: ... or the mean error by this share of its whole fall
    saturated_within: float = 0.01  # assumed: a sigmoid so close to 0 or 1 is saturated
    precision: str = "float64"


SOUND = Config(
    standardised=True,
    initialisation="glorot",  # assumed: weights that fit the layers' widths
    learning_rate=0.01,  # assumed
)
VARIANTS = {
    "as_written": Config(),
    "two_hidden": Config(hidden=(10, 10)),
    "three_hidden": Config(hidden=(20, 15, 10)),
    "corrected": SOUND,
    "corrected_two": dataclasses.replace(SOUND, hidden=(10, 10)),
    "corrected_three": dataclasses.replace(SOUND, hidden=(20, 15, 10)),
    # Held out: any rows, or whole countries. As many rows to train on as every split leaves.
    "by_rows": dataclasses.replace(SOUND, hidden=(30, 30), split="rows", train_rows=850),
    "by_countries": dataclasses.replace(SOUND, hidden=(30, 30), split="countries", train_rows=850),
    # Few rows, which a wide network can learn by heart.
    "few_rows": dataclasses.replace(SOUND, train_rows=50, epochs=2000, log_every=100),
    "wide": dataclasses.replace(
        SOUND, hidden=(100, 100), train_rows=50, epochs=2000, log_every=100
    ),
}

SHORTENED = {"smoke": {"epochs": 31}}


def build_model(config: Config, inputs: int) -> keras.Model:
    """19-10-1, and so on: sigmoid but for its output, which is the bare weighted sum."""
    return paper_library.build_network([inputs, *config.hidden, 1])


# --- The rows -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """The rows without gaps, in the order of a split: trained on, validation, test, left out."""

    inputs: np.ndarray  # [rows, 19]
    years: np.ndarray  # [rows], life expectancy
    countries: np.ndarray  # [rows]
    train: slice
    validation: slice
    test: slice


def load_rows(config: Config, seed: int) -> Rows:
    """Drop the rows with gaps and split the others: as the notebook does, or anew for the seed."""
    life = data.life_expectancy()
    whole = _without_gaps(life)
    inputs, years, countries = life.inputs[whole], life.years[whole], life.countries[whole]
    rest, test = _split(config, countries, seed)
    trained = paper_library.trained_rows(len(rest))
    if trained < config.train_rows:
        raise ValueError(f"only {trained} rows to train on where {config.train_rows} are wanted")
    parts = [rest[: config.train_rows], rest[trained:], test, rest[config.train_rows : trained]]
    ends = np.cumsum([0, *map(len, parts)])
    order = np.concatenate(parts)
    return Rows(
        inputs[order],
        years[order],
        countries[order],
        *(slice(*pair) for pair in itertools.pairwise(ends[:4])),
    )


def _without_gaps(life: data.LifeExpectancy) -> np.ndarray:
    """Which rows have a number in every numeric column, shape (2938,)."""
    return ~np.isnan(np.column_stack([life.inputs, life.years])).any(axis=1)


def _split(config: Config, countries: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hold out a quarter to test: any rows, or all rows of a quarter of the countries."""
    numbers = np.arange(len(countries))
    if config.split == "notebook":
        rest, test = sklearn.model_selection.train_test_split(numbers, random_state=0)
    elif config.split == "rows":
        rest, test = sklearn.model_selection.train_test_split(numbers, random_state=seed)
    else:
        splitter = sklearn.model_selection.GroupShuffleSplit(
            n_splits=1, test_size=0.25, random_state=seed
        )
        rest, test = next(splitter.split(numbers, groups=countries))
        rest = np.random.default_rng(seed).permutation(rest)  # they come by country
    return rest, test


# --- Measuring ----------------------------------------------------------------------------------


def looks(config: Config) -> list[int]:
    """Epochs completed where we look: before training, at each log line."""
    return [0, *paper_library.logged_epochs(config.epochs, config.log_every)]


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Train one network per seed; look at all its answers at every line of the log."""
    training.set_precision(config.precision)
    model = build_model(config, inputs=data.life_expectancy().inputs.shape[1])
    trainer = training.Trainer(
        model,
        paper_library.build_optimizer("gd", config.learning_rate, updates=config.train_rows),
        paper_library.squared_error,
        epochs=config.epochs,
        batch_size=1,
    )
    for seed in seeds:
        rows = load_rows(config, seed)
        given = Given(config, rows)
        weights = training.initial_weights(
            model, np.random.default_rng(seed), config.initialisation
        )
        by_epoch = _train(config, trainer, given, weights, seed)
        answers = np.stack([by_epoch[epoch] for epoch in looks(config)])
        yield (
            _describe(config, model, rows)
            | _baselines(rows)
            | _errors(config, rows, answers)
            | _final(rows, by_epoch[config.epochs])
            | _printed(config, rows, answers)
            | _start(config, given, weights)
            | ({} if config.standardised else _explained(config, model, given, weights, answers))
        )


class Given:
    """What a network is given for the rows, and how to read its answers."""

    def __init__(self, config: Config, rows: Rows) -> None:
        """Scale by the rows trained on alone, or (as the notebook) not at all."""
        self.train, self.inputs, self.years = rows.train, rows.inputs, rows.years
        self._target = None
        if config.standardised:
            scaler = sklearn.preprocessing.StandardScaler().fit(rows.inputs[rows.train])
            self.inputs = scaler.transform(rows.inputs)
            column = rows.years[:, np.newaxis]
            self._target = sklearn.preprocessing.StandardScaler().fit(column[rows.train])
            self.years = self._target.transform(column)[:, 0]

    @property
    def lessons(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of the rows trained on, [rows, 19] and [rows, 1]."""
        return self.inputs[self.train], self.years[self.train, np.newaxis]

    def answers(self, trainer: training.Trainer) -> np.ndarray:
        """The network's answers for all rows, in years, shape (rows,)."""
        answers = trainer.predict(self.inputs)
        return (self._target.inverse_transform(answers) if self._target else answers)[:, 0]


def _train(
    config: Config,
    trainer: training.Trainer,
    given: Given,
    weights: list[np.ndarray],
    seed: int,
) -> dict[int, np.ndarray]:
    """The answers for all rows by the number of epochs completed: at each look and at the end."""
    history = trainer.train(
        *given.lessons,
        weights=weights,
        seed=seed,
        evaluate=lambda epoch: given.answers(trainer),
        at={*looks(config), config.epochs},
    )
    return history.evaluations


def _describe(config: Config, model: keras.Model, rows: Rows) -> dict:
    """What the file, the split, the model and the log are, without any training."""
    life = data.life_expectancy()
    whole = _without_gaps(life)
    year = life.inputs[:, life.columns.index("Year")]
    inputs = model.layers[0].kernel.shape[0]
    hidden = [layer.kernel.shape[1] for layer in model.layers[:-1]]
    unseen = ~np.isin(rows.countries[rows.test], rows.countries[rows.train])
    return {
        "columns": len(life.header),
        "rows": len(life.years),
        "rows_with_gaps": int((~whole).sum()),
        "countries": len(np.unique(life.countries)),
        "countries_with_gaps": len(np.unique(life.countries[~whole])),
        "first_and_last_year": [int(year.min()), int(year.max())],
        "predictors": len({*life.header} - {"Country", "Life expectancy "}),
        "layer_sizes": [inputs, *hidden, model.layers[-1].kernel.shape[1]],
        "hidden_layers": len(hidden),
        "narrows": int(all(wide > narrow for wide, narrow in itertools.pairwise(hidden))),
        "split_rows": [len(rows.years[part]) for part in (rows.train, rows.validation, rows.test)],
        "unseen_country_share": _short(unseen.mean()),
        "looks": looks(config),
        "figure_x": [config.log_every * position for position in range(len(looks(config)))],
        "mean_target": _short(rows.years[rows.train].mean()),
        "first_target": float(rows.years[rows.train][0]),
        "last_target": float(rows.years[rows.train][-1]),
    }


def _baselines(rows: Rows) -> dict:
    """Errors of predictors that are no network, fitted to the same rows."""
    regressors = {
        "mean": sklearn.dummy.DummyRegressor(),
        # Without a scaler, scikit-learn 1.9 takes the small columns beside Population for zero.
        "linear": sklearn.pipeline.make_pipeline(
            sklearn.preprocessing.StandardScaler(), sklearn.linear_model.LinearRegression()
        ),
    }
    measured = {}
    for name, regressor in regressors.items():
        regressor.fit(rows.inputs[rows.train], rows.years[rows.train])
        answers = regressor.predict(rows.inputs)
        for part in ("train", "test"):
            measured[f"{name}_{part}_mse"] = _mse(rows, part, answers)
            measured[f"{name}_{part}_r2"] = _r2(rows, part, answers)
    return measured


def _mse(rows: Rows, part: str, answers: np.ndarray) -> float:
    chosen = getattr(rows, part)
    return _short(sklearn.metrics.mean_squared_error(rows.years[chosen], answers[chosen]))


def _r2(rows: Rows, part: str, answers: np.ndarray) -> float:
    chosen = getattr(rows, part)
    return _short(sklearn.metrics.r2_score(rows.years[chosen], answers[chosen]))


def _errors(config: Config, rows: Rows, answers: np.ndarray) -> dict:
    """Mean squared errors over all rows of each part, from the answers [looks, rows]."""
    curves = {
        f"{part}_mse": [_mse(rows, part, each) for each in answers]
        for part in ("train", "validation", "test")
    }
    train, best = np.array(curves["train_mse"]), int(np.argmin(curves["validation_mse"]))
    enough = train <= train[0] - config.fallen * (train[0] - train[-1])
    return curves | {
        "epochs_to_fall": looks(config)[int(np.argmax(enough))],
        "best_validation_epoch": looks(config)[best],
        "test_mse_at_best_validation": curves["test_mse"][best],
    }


def _final(rows: Rows, answers: np.ndarray) -> dict:
    """What the trained network answers, shape [rows]: how well, and how differently."""
    tenths = np.rint(10 * answers[rows.train])  # life expectancy is given to a tenth of a year
    _, counts = np.unique(tenths, return_counts=True)
    return {
        "final_train_mse": _mse(rows, "train", answers),
        "final_test_mse": _mse(rows, "test", answers),
        "final_train_r2": _r2(rows, "train", answers),
        "final_test_r2": _r2(rows, "test", answers),
        "answers_sd": _short(answers[rows.train].std()),
        "distinct_answers": len(counts),
        "commonest_answer_share": _short(counts.max() / counts.sum()),
    }


def _printed(config: Config, rows: Rows, answers: np.ndarray) -> dict:
    """The number that the library prints, and what becomes of the mean errors as it rises."""
    last = rows.train.stop - 1
    watched = [0] + [last] * (len(answers) - 1)  # the first row before training, then the last
    printed = (answers[np.arange(len(watched)), watched] - rows.years[watched]) ** 2
    lowest = 1 + int(np.argmin(printed[1:]))
    rises = lowest < len(printed) - 1
    under = np.flatnonzero(printed[1:] < config.under)
    measured: dict[str, Any] = {
        "printed": [_short(value) for value in printed],
        "rises": int(rises),
        "lowest_at": float(config.log_every * lowest) if rises else math.inf,
        "epochs_to_under": float(looks(config)[1 + under[0]]) if under.size else math.inf,
        "mean_answer": [_short(each[rows.train].mean()) for each in answers],
        "last_row_answer": [_short(value) for value in answers[:, last]],
    }
    for part in ("train", "test"):
        means = [_mse(rows, part, each) for each in answers]
        measured[f"{part}_mse_at_lowest"] = means[lowest]
        measured[f"{part}_mse_at_last"] = means[-1]
        if part == "train":
            measured["printed_gap"] = _short(np.abs(printed - means)[1:].max())
    return measured


def _start(config: Config, given: Given, weights: list[np.ndarray]) -> dict:
    """How saturated the first layer is before training."""
    inputs, _ = given.lessons
    first_layer = scipy.special.expit(inputs @ weights[0] + weights[1])
    away = np.minimum(first_layer, 1 - first_layer)
    return {"saturated": _short((away < config.saturated_within).mean())}


def _squared_slope(model: keras.Model, given: Given, weights: list[np.ndarray]) -> float:
    """Sum of squares of the mean answer's derivatives by all weights, before training.

    With one hidden layer, all saturated, it is 1 + the number of neurons that are stuck at 1.
    """
    model.set_weights(weights)
    slopes = training.gradients(model, _mean_answer, *given.lessons)
    return sum(float(np.sum(slope**2)) for slope in slopes)


def _mean_answer(years: Any, answers: Any) -> Any:
    return ops.mean(answers)


def _explained(
    config: Config,
    model: keras.Model,
    given: Given,
    weights: list[np.ndarray],
    answers: np.ndarray,
) -> dict:
    """How well the printed curve is that of a constant on its way to the mean.

    Were the answer A the same for all rows, and its slope dA/dw constant, then every row would
    change it by -2 eta (A - Y) |dA/dw|^2, and n rows an epoch would take it to their mean m as

        A(t) = m + (A(0) - m) exp(-k t),  k = 2 eta n |dA/dw|^2.

    "Derived" has this k, "fitted" the one that fits the mean answer best; "explains" is R squared.
    """
    _, years = given.lessons
    slope = _squared_slope(model, given, weights)
    derived = 2 * config.learning_rate * len(years) * slope
    epochs = np.array(looks(config))
    means, last = answers[:, given.train].mean(axis=1), answers[:, given.train][:, -1]

    def exponential(epoch: np.ndarray, rate: float) -> np.ndarray:
        return years.mean() + (means[0] - years.mean()) * np.exp(-rate * epoch)

    (fitted,), _ = scipy.optimize.curve_fit(exponential, epochs, means, p0=[derived])
    measured = {"squared_slope": _short(slope)}
    for name, rate in {"derived": derived, "fitted": fitted}.items():
        answer = years.mean() + (last[0] - years.mean()) * np.exp(-rate * epochs[1:])
        explained = sklearn.metrics.r2_score((last[1:] - years[-1]) ** 2, (answer - years[-1]) ** 2)
        measured |= {f"{name}_rate": _short(rate), f"{name}_explains": _short(explained)}
    return measured


def _short(value: float) -> float:
    """Six significant digits: as many as the notebook prints, and short in a record."""
    return float(f"{value:.6g}")


# --- Figures ------------------------------------------------------------------------------------

RAW = {"as_written": "19-10-1", "two_hidden": "19-10-10-1", "three_hidden": "19-20-15-10-1"}
RECORDED = {
    "as_written": "printed-one-hidden",
    "two_hidden": "printed-two-hidden",
    "three_hidden": "printed-three-hidden",
}
FIGURE_8_LINES = {"two_hidden": 100, "three_hidden": 140}
BASELINES = {
    "mean": ("always the mean, test", (0, (1, 1.5))),
    "linear": ("linear regression, test", (0, (6, 2))),
}
X_LABEL = "position in the log (the paper's x)"


def plot(stored: dict[str, list[dict]], folder: pathlib.Path) -> dict[str, str]:
    """Redraw figures 6 to 8 beside what they are taken for; show why, and what works."""
    captions = {}
    curves = claims.load(pathlib.Path(__file__).with_suffix(".toml")).curves
    if runs := stored.get("as_written"):
        captions[_plot_figure_6(runs, curves, folder)] = (
            "Figure 6. Left, what it plots: the squared error of one row, the first one before "
            "training and then always the last one trained on. Right, what it is taken for: the "
            "mean squared error over all rows, where 0 would be perfect."
        )
    if stored.keys() >= RAW.keys():
        captions[_plot_figure_7(stored, curves, folder)] = (
            "Figure 7. Left, as the paper draws it: zero from each curve's lowest point on. Right, "
            "the numbers as they were printed."
        )
        captions[_plot_figure_8(stored, curves, folder)] = (
            "Figure 8. Above, what it plots: one row's squared error, which rises in the end. "
            "Below, at the same time, the mean squared errors over all rows, which fall."
        )
        captions[_plot_answers(stored, curves, folder)] = (
            "Left: what each network answers for the row that is watched (one run, seed 0). It is "
            "all but the same answer for every row, so it goes to the mean, and on its way passes "
            "the value of that row. Right: the paper's own runs, and the squared error of a "
            "constant on its way to the mean, A(t) = m + (A(0) - m) exp(-k t), with nothing but k "
            f"fitted. {_rates(curves, stored)}"
        )
    if stored.keys() >= {"corrected", "by_rows", "by_countries", "few_rows", "wide"}:
        captions[_plot_what_works(stored, folder)] = (
            "Left: the first network with inputs and target standardised, starting weights that "
            "fit its widths, and rate 0.01. Middle: a wider one, tested on other rows of countries "
            "it has seen, or on countries it has not. Right: overfitting, with 50 rows and 2,000 "
            "epochs: the error on rows trained on goes to nothing, that on others rises."
        )
    return captions


def _plot_figure_6(runs: list[dict], curves: dict[str, claims.Curve], folder: pathlib.Path) -> str:
    figure, (printed, meant) = plots.figure(
        1, 2, title="Error of 19-10-1 on life expectancy (paper, figure 6)"
    )
    line = plots.curves(printed, _x(runs), records.stack(runs, "printed"), label="printed")
    plots.cited(printed, *curves["figure-6"].points, label="cited: figure 6")
    plots.cited(
        printed,
        *curves["printed-one-hidden"].points,
        label="cited: the notebook's recorded run",
        colour=str(line.get_color()),
    )
    printed.set(title="what it plots: one row's error", ylabel="squared error, years squared")
    printed.set_yscale("symlog", linthresh=10)
    for part, label in {"train": "rows trained on", "test": "test rows"}.items():
        plots.curves(meant, _x(runs), records.stack(runs, f"{part}_mse"), label=label)
    _draw_baselines(meant, runs)
    meant.set(
        title="what is meant: all rows' error",
        ylabel="mean squared error, years squared",
        yscale="log",
        ylim=(8, 9000),
    )
    for axes in (printed, meant):
        axes.set_xlabel(X_LABEL)
    return plots.save(figure, folder, "figure_6")


def _plot_figure_7(
    stored: dict[str, list[dict]], curves: dict[str, claims.Curve], folder: pathlib.Path
) -> str:
    figure, panels = plots.figure(
        1, 2, title="One row's squared error, three networks (paper, figure 7)"
    )
    for axes, zeroed in zip(panels, (True, False), strict=True):
        for variant, sizes in RAW.items():
            runs = stored[variant]
            samples = records.stack(runs, "printed")
            x, y = curves[RECORDED[variant]].points
            if zeroed:
                samples, y = _zeroed(samples), _zeroed(np.array([y]))[0]
            line = plots.curves(axes, _x(runs), samples, label=sizes)
            plots.cited(axes, x, y, label=f"cited: recorded, {sizes}", colour=str(line.get_color()))
        axes.set(xlabel=X_LABEL, ylabel="squared error, years squared", ylim=(-15, 600))
    panels[0].set_title("zero after the lowest point, as drawn")
    panels[1].set_title("as printed")
    return plots.save(figure, folder, "figure_7")


def _zeroed(printed: np.ndarray) -> np.ndarray:
    """Zero from the lowest log line on, as the authors say they drew figure 7; [runs, looks]."""
    lowest = 1 + printed[:, 1:].argmin(axis=1)
    return np.where(np.arange(printed.shape[1]) >= lowest[:, np.newaxis], 0, printed)


def _plot_figure_8(
    stored: dict[str, list[dict]], curves: dict[str, claims.Curve], folder: pathlib.Path
) -> str:
    figure, grid = plots.figure(
        2, 3, title="The printed error rises, the mean errors fall (paper, figure 8)"
    )
    parts = {"train": "rows trained on", "validation": "validation rows", "test": "test rows"}
    for (printed, meant), (variant, sizes) in zip(grid.T, RAW.items(), strict=True):
        runs = stored[variant]
        plots.curves(printed, _x(runs), records.stack(runs, "printed"), label="one row, printed")
        plots.cited(printed, *curves[RECORDED[variant]].points, label="cited: recorded run")
        if variant in FIGURE_8_LINES:
            x = FIGURE_8_LINES[variant]
            plots.cited_line(printed, x, label=f"cited: figure 8's line, {x}", vertical=True)
        printed.set(title=sizes, ylabel="one row's squared error", ylim=(-10, 400))
        for part, label in parts.items():
            plots.curves(meant, _x(runs), records.stack(runs, f"{part}_mse"), label=label)
        _draw_baselines(meant, runs)
        meant.set(xlabel=X_LABEL, ylabel="mean squared error", ylim=(-20, 800))
    return plots.save(figure, folder, "figure_8")


def _plot_answers(
    stored: dict[str, list[dict]], curves: dict[str, claims.Curve], folder: pathlib.Path
) -> str:
    figure, (answers, explained) = plots.figure(
        1, 2, title="Why it falls, and why it rises again: one answer, on its way to the mean"
    )
    for variant, sizes in RAW.items():
        measured = stored[variant][0]["measurements"]
        answers.plot(measured["looks"], measured["last_row_answer"], label=sizes)
    for name, label in {
        "mean_target": "mean of the rows",
        "last_target": "the row watched",
    }.items():
        dashes = (0, (6, 2)) if name == "mean_target" else (0, (1, 1.5))
        value = measured[name]
        answers.axhline(
            value, color="#555555", linestyle=dashes, label=f"{label}: {value:.1f} years"
        )
    answers.set(title="the answer", xlabel="epochs completed", ylabel="life expectancy, years")
    recorded = looks(VARIANTS["as_written"])
    smooth = np.linspace(1, recorded[-1], 200)
    for name, label in _cited_runs().items():
        curve = curves[name]
        (line,) = explained.plot(
            smooth,
            _squared_error_of_a_constant(stored, curve, smooth, _fitted_rate(stored, curve)),
            label=f"a constant: {label}",
        )
        y = [float(value) for value in curve.y]
        plots.cited(
            explained, recorded[1:], y[1:], label=f"cited: {label}", colour=str(line.get_color())
        )
    explained.set(
        title="the paper's runs, explained",
        xlabel="epochs completed",
        ylabel="squared error of the row, years squared",
        ylim=(-15, 600),
    )
    return plots.save(figure, folder, "answers")


def _cited_runs() -> dict[str, str]:
    """The paper's four runs: names of their curves, and what to call them."""
    recorded = {RECORDED[variant]: f"recorded, {sizes}" for variant, sizes in RAW.items()}
    return {"figure-6": "figure 6, 19-10-1", **recorded}


def _squared_error_of_a_constant(
    stored: dict[str, list[dict]], curve: claims.Curve, epochs: np.ndarray, rate: float
) -> np.ndarray:
    """A recorded run if its network answered one number, which starts below all rows' values."""
    rows = stored["as_written"][0]["measurements"]
    start = rows["first_target"] - math.sqrt(curve.y[0])
    answer = rows["mean_target"] + (start - rows["mean_target"]) * np.exp(-rate * epochs)
    return (answer - rows["last_target"]) ** 2


def _fitted_rate(stored: dict[str, list[dict]], curve: claims.Curve) -> float:
    """The rate at which a constant comes closest to a recorded run."""

    def model(epochs: np.ndarray, rate: float) -> np.ndarray:
        return _squared_error_of_a_constant(stored, curve, epochs, rate)

    observed = [float(y) for y in curve.y[1:]]
    (rate,), _ = scipy.optimize.curve_fit(
        model, np.array(looks(VARIANTS["as_written"])[1:]), observed, p0=[0.01]
    )
    return float(rate)


def _rates(curves: dict[str, claims.Curve], stored: dict[str, list[dict]]) -> str:
    """What k says of the paper's runs: for one hidden layer, how many neurons are stuck at 1."""
    epochs, said = np.array(looks(VARIANTS["as_written"])[1:]), []
    step = 2 * Config.learning_rate * Config.train_rows
    for name, label in _cited_runs().items():
        rate = _fitted_rate(stored, curves[name])
        r2 = sklearn.metrics.r2_score(
            [float(y) for y in curves[name].y[1:]],
            _squared_error_of_a_constant(stored, curves[name], epochs, rate),
        )
        neurons = f", so {rate / step - 1:.1f} neurons at 1" if label.endswith("19-10-1") else ""
        said.append(f"{label}: k = {rate:.4f}{neurons}, R squared {r2:.4f}")
    return "; ".join(said) + "."


def _plot_what_works(stored: dict[str, list[dict]], folder: pathlib.Path) -> str:
    figure, (corrected, split, overfitted) = plots.figure(
        1, 3, title="What works, and what overfitting looks like"
    )
    runs = stored["corrected"]
    parts = {"train": "rows trained on", "validation": "validation rows", "test": "test rows"}
    for part, label in parts.items():
        plots.curves(corrected, _looks(runs), records.stack(runs, f"{part}_mse"), label=label)
    _draw_baselines(corrected, runs, ["linear"])
    corrected.set(title="19-10-1, corrected", ylim=(0, 25))
    for variant, label in {"by_rows": "other rows", "by_countries": "other countries"}.items():
        runs = stored[variant]
        plots.curves(split, _looks(runs), records.stack(runs, "test_mse"), label=f"test: {label}")
    plots.curves(split, _looks(runs), records.stack(runs, "train_mse"), label="rows trained on")
    split.set(title="19-30-30-1, countries known or not", ylim=(0, 25))
    for variant, sizes in {"few_rows": "19-10-1", "wide": "19-100-100-1"}.items():
        runs = stored[variant]
        for part, label in {"train": "trained on", "test": "test"}.items():
            samples = records.stack(runs, f"{part}_mse")[:, 1:]
            plots.curves(overfitted, _looks(runs)[1:], samples, label=f"{sizes}, {label}")
    overfitted.set(title="50 rows, 2,000 epochs", yscale="log")
    for axes in (corrected, split, overfitted):
        axes.set(xlabel="epochs completed", ylabel="mean squared error, years squared")
    return plots.save(figure, folder, "what_works")


def _draw_baselines(
    axes: mpl_axes.Axes, runs: list[dict], names: Sequence[str] = ("mean", "linear")
) -> None:
    """Draw the test errors of predicting without a network; they are the same in every run."""
    for name in names:
        label, dashes = BASELINES[name]
        value = runs[0]["measurements"][f"{name}_test_mse"]
        axes.axhline(value, color="#555555", linestyle=dashes, linewidth=1.1, label=label)


def _x(runs: list[dict]) -> list[int]:
    return runs[0]["measurements"]["figure_x"]


def _looks(runs: list[dict]) -> list[int]:
    return runs[0]["measurements"]["looks"]


if __name__ == "__main__":
    cli.run_one(__file__)

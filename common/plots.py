"""The house style of every figure: what we measured in colour, what a document cites in black.

Figures are made without pyplot, so nothing depends on a display and nothing has to be closed.
"""

import dataclasses
import io
import math
import pathlib
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence

import cycler
import matplotlib
import numpy as np
import numpy.typing as npt
import PIL.Image
from matplotlib import axes as mpl_axes
from matplotlib import colors, lines, patches, transforms
from matplotlib import figure as mpl_figure

from common import claims, files, intervals, records

Figure = mpl_figure.Figure
Runs = Mapping[str, Sequence[records.Record]]  # variant -> its records, those that are there
Curves = Mapping[str, claims.Curve]  # the cited curves of the reproduction's claims.toml

# Okabe and Ito's palette, which stays distinct for every common form of colour blindness. Its black
# is kept for cited values, its pale yellow left out.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
CITED = "#111111"
MARKERS = ("o", "s", "^", "v", "P", "X")

matplotlib.rcdefaults()  # whatever a user's matplotlibrc says: figures are the same everywhere
matplotlib.rcParams.update(
    {
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.prop_cycle": cycler.cycler(color=PALETTE),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": "medium",
        "figure.titlesize": 11,
        "figure.titleweight": "bold",
        "font.size": 9,
        "grid.color": "#e4e4e4",
        "grid.linewidth": 0.8,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
    }
)


@dataclasses.dataclass(frozen=True)
class Drawing:
    """One figure of a reproduction: what it needs, what it shows, and the function that draws it.

    `needs` are the variants without which there is no figure; `also` those that it shows where they
    were run. The function's name is the file's name.
    """

    function: Callable[[Runs, Curves], Figure]
    needs: tuple[str, ...]
    also: tuple[str, ...]
    caption: str | Callable[[Runs, Curves], str]

    @property
    def name(self) -> str:
        """Name of the picture's file, without ".png"."""
        return self.function.__name__

    def __call__(self, runs: Runs, curves: Curves) -> Figure:
        """Draw it from the records that it declares, and from no others.

        Raises:
            TypeError: the function returned something else than a figure.
        """
        shown = self._shown(runs)
        drawn = self.function(shown, curves)
        if not isinstance(drawn, Figure):
            raise TypeError(
                f"{self.name} returned {type(drawn).__name__}; return what plots.figure made"
            )
        return drawn

    def is_possible(self, runs: Runs) -> bool:
        """Whether all variants that it needs were run."""
        return all(runs.get(variant) for variant in self.needs)

    def save(self, runs: Runs, curves: Curves, folder: pathlib.Path) -> tuple[str, str]:
        """Draw it into `folder`; return the file's name and its caption."""
        caption = self.caption
        if callable(caption):
            caption = caption(self._shown(runs), curves)
        return save(self(runs, curves), folder, self.name), caption

    def _shown(self, runs: Runs) -> Runs:
        return {variant: runs[variant] for variant in self.needs + self.also if runs.get(variant)}


def drawing(
    *,
    needs: Iterable[str],
    caption: str | Callable[[Runs, Curves], str],
    also: Iterable[str] = (),
) -> Callable[[Callable[[Runs, Curves], Figure]], Drawing]:
    """Declare a function of a reproduction's figures.py to be a figure; see `Drawing`.

    Args:
        needs: Variants without which the figure is not drawn.
        caption: What line, band and marker are, in a sentence or two; a function of (runs, curves)
            where it tells measured numbers.
        also: Variants that are shown where they were run.
    """
    return lambda function: Drawing(function, tuple(needs), tuple(also), caption)


def drawings(module: types.ModuleType) -> list[Drawing]:
    """The figures that a reproduction's figures.py declares, in the order in which they stand."""
    return [value for value in vars(module).values() if isinstance(value, Drawing)]


def figure(
    rows: int = 1, columns: int = 1, *, title: str, size: tuple[float, float] | None = None
) -> tuple[Figure, typing.Any]:
    """Make a figure in the house style.

    Args:
        rows: Rows of panels.
        columns: Columns of panels.
        title: One line over all panels.
        size: Width and height in inches; `save` adds the height its legends need. By default about
            as wide as a report's page.

    Returns:
        The figure and its axes: one axes for one panel, else an array of shape (rows, columns)
        without the dimensions of length 1.
    """
    size = size or (7.0 if columns == 1 else min(4.2 * columns, 11.0), 3.4 * rows + 0.3)
    made = Figure(figsize=size, layout="constrained")
    made.suptitle(title, x=0.01, horizontalalignment="left")
    return made, made.subplots(rows, columns)


def curves(
    axes: mpl_axes.Axes,
    x: npt.ArrayLike,
    samples: np.ndarray,
    *,
    label: str,
    colour: str | None = None,
    judged: typing.Literal["linear", "log", "rank"] | None = None,
) -> lines.Line2D:
    """Draw the median over seeds as a line and their range as a shade.

    Non-finite values are left out point by point, and the label says of how many seeds.

    Args:
        axes: Where to draw.
        x: Shape (points,).
        samples: Shape (seeds, points).
        label: What was measured; the label goes on with "median and range of N seeds".
        colour: By default the next one of the palette.
        judged: The scale of a claim; thin lines then bound the interval in which 99 % of such runs
            lie, by which the judge holds a cited value against these.

    Returns:
        The median's line, whose colour may be passed on to `cited`.
    """
    samples = np.asarray(samples, dtype=float)
    finite = np.ma.masked_invalid(samples)
    seeds = len(samples)
    label += ": one seed" if seeds == 1 else f": median and range of {seeds} seeds"
    if broken := np.count_nonzero(~np.isfinite(samples).all(axis=1)):
        label += f" ({broken} not finite in places)"
    (line,) = axes.plot(x, np.ma.median(finite, axis=0), color=colour, label=label)
    if seeds > 1:
        low, high = finite.min(axis=0), finite.max(axis=0)
        axes.fill_between(x, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    if judged and seeds > 1:
        ends = run_interval(samples, judged)
        style: dict[str, typing.Any] = {"color": line.get_color(), "linestyle": ":"}
        axes.plot(x, ends.low, label=f"99 % of such runs ({judged} scale)", **style)
        axes.plot(x, ends.high, **style)
    return line


def run_interval(
    samples: npt.ArrayLike, scale: typing.Literal["linear", "log", "rank"]
) -> intervals.Interval:
    """The interval in which 99 % of such runs lie, point by point, as the judge computes it.

    Args:
        samples: Shape (seeds, points) or (seeds,); above zero for the log scale.
        scale: That of the claim.
    """
    samples = np.asarray(samples, dtype=float)
    if scale == "rank":
        return intervals.rank_prediction(samples, 0.99)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        if scale == "log":
            return intervals.Interval(*np.exp(intervals.prediction(np.log(samples), 0.99)))
        return intervals.prediction(samples, 0.99)


def cited(
    axes: mpl_axes.Axes,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    label: str,
    colour: str | None = None,
) -> None:
    """Mark the values a document states: black-edged diamonds, here and in every other figure.

    Args:
        axes: Where to draw.
        x: Shape (points,).
        y: Shape (points,); decimals are taken as they stand in a claim.
        label: Where they stand, such as "cited: figure 2".
        colour: Fills the diamonds, to pair them with a curve of that colour.
    """
    axes.plot(
        np.asarray(x, dtype=float),
        np.asarray(y, dtype=float),
        color=CITED,  # given, so that the palette's next colour stays for the next curve
        linestyle="none",
        marker="D",
        markersize=5,
        markerfacecolor=colour or "white",
        markeredgecolor=CITED,
        label=label,
        zorder=4,
    )


def cited_line(
    axes: mpl_axes.Axes, value: float, *, label: str, vertical: bool = False
) -> lines.Line2D:
    """Draw one value a document states as a dashed black line across the panel."""
    draw = axes.axvline if vertical else axes.axhline
    return draw(float(value), color=CITED, linestyle=(0, (4, 2)), linewidth=1.2, label=label)


def mosaic(axes: mpl_axes.Axes, rows: dict[str, np.ndarray], *, height: int) -> None:
    """Draw one labelled row of pictures under the other.

    Args:
        axes: Where to draw.
        rows: By label, flattened grey pictures, shape (pictures, pixels), 0 black to 255 white.
        height: Of every picture, in pixels.
    """
    lines = [np.hstack([*each.reshape(len(each), height, -1)]) for each in rows.values()]
    axes.imshow(np.vstack(lines), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([height * (row + 0.5) for row in range(len(rows))], list(rows))
    axes.tick_params(length=0)


def decision_boundary(
    axes: mpl_axes.Axes,
    predict: Callable[[np.ndarray], np.ndarray],
    *,
    limits: tuple[float, float, float, float],
    points: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str] | None = None,
    resolution: int = 300,
) -> None:
    """Shade the plane by predicted class, and draw the points by true class on it.

    Args:
        axes: Where to draw.
        predict: Takes points of shape (n, 2), gives their classes 0, 1, ... as shape (n,).
        limits: Left, right, bottom, top.
        points: Shape (n, 2).
        labels: The points' true classes, shape (n,).
        names: The classes' names; by default their numbers.
        resolution: Grid points along each axis.
    """
    left, right, bottom, top = limits
    grid = np.meshgrid(np.linspace(left, right, resolution), np.linspace(bottom, top, resolution))
    flat = np.stack([side.ravel() for side in grid], axis=1)
    regions = np.asarray(predict(flat)).reshape(resolution, resolution).astype(int)
    points, labels = np.asarray(points), np.asarray(labels)
    classes = range(int(max(regions.max(), labels.max())) + 1)
    names = names or [str(index) for index in classes]
    axes.imshow(
        regions,
        cmap=colors.ListedColormap([_pale(PALETTE[index]) for index in classes]),
        vmin=-0.5,
        vmax=len(classes) - 0.5,
        extent=limits,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )
    axes.grid(False)
    for index in classes:
        here = points[labels == index]
        axes.scatter(
            here[:, 0],
            here[:, 1],
            s=40,
            color=PALETTE[index],
            marker=MARKERS[index],
            edgecolor="black",
            label=f"class {names[index]}",
        )
    for index in classes:
        # Of no size: it only brings the shade into the legend.
        shade = patches.Rectangle((left, bottom), 0, 0, color=_pale(PALETTE[index]))
        shade.set_label(f"predicted {names[index]}")
        axes.add_patch(shade)


def _pale(colour: str) -> tuple[float, ...]:
    """Mix a colour with white, so that it is opaque and still lets points stand out."""
    return tuple(1 - 0.3 * (1 - channel) for channel in colors.to_rgb(colour))


def histogram(
    axes: mpl_axes.Axes,
    values: np.ndarray,
    *,
    label: str,
    bins: int | str | Sequence[float] = "auto",
    cited: float | None = None,
) -> None:
    """Draw how many seeds gave which value, and the cited value as a line.

    Args:
        axes: Where to draw.
        values: Shape (seeds,); non-finite values are left out, and the label says how many.
        label: What was measured; the label goes on with "N seeds".
        bins: As for `numpy.histogram`.
        cited: The document's value, if it states one.
    """
    values = np.asarray(values, dtype=float)
    finite = values[np.isfinite(values)]
    label += f": {len(values)} seeds"
    if len(finite) < len(values):
        label += f" ({len(values) - len(finite)} not finite, left out)"
    axes.hist(finite, bins=bins, label=label, alpha=0.6, edgecolor="white", linewidth=0.5)
    axes.set_ylabel("seeds")
    axes.grid(False, axis="x")
    if cited is not None:
        cited_line(axes, cited, label=f"cited: {cited}", vertical=True)


def save(figure: Figure, folder: pathlib.Path, name: str) -> str:
    """Give the figure its legends and write it as a PNG.

    Args:
        figure: Made by `figure`.
        folder: An existing folder.
        name: The file's name without ".png".

    Returns:
        The file's name with ".png".

    Raises:
        errors.UserError: The file cannot be written.
    """
    _add_legends(figure)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110)
    # 256 colours look the same here and take a third of the space: these files are committed.
    image = PIL.Image.open(drawn).convert("RGB").quantize(256, dither=PIL.Image.Dither.NONE)
    packed = io.BytesIO()
    image.save(packed, format="png", optimize=True)
    path = folder / f"{name}.png"
    files.write(path, packed.getvalue())
    return path.name


def _add_legends(figure: Figure) -> None:
    """Put legends under the data, in height added to the figure, so that they hide nothing.

    Panels that share their labels share one legend; else each has its own.
    """
    found = [axes.get_legend_handles_labels() for axes in figure.axes]
    legends = {tuple(labels): handles for handles, labels in found if labels}  # by their labels
    if len(legends) == 1:
        ((shared, handles),) = legends.items()
        letters = 14 * figure.get_figwidth()  # about 14 an inch, and 6 for the handle
        fitting = int(letters // (max(map(len, shared)) + 6))
        columns = max(1, min(fitting, len(shared)))
        figure.legend(handles, shared, loc="outside lower center", ncols=columns)
        _grow(figure, math.ceil(len(shared) / columns))
    elif legends:
        under = transforms.ScaledTranslation(0, -35 / 72, figure.dpi_scale_trans)
        for axes, (handles, labels) in zip(figure.axes, found, strict=True):
            if labels:
                below = axes.transAxes + under
                axes.legend(
                    handles,
                    labels,
                    loc="upper center",
                    bbox_to_anchor=(0.5, 0),
                    bbox_transform=below,
                )
        grid = figure.axes[0].get_gridspec()
        _grow(figure, (grid.nrows if grid else 1) * max(map(len, legends)))


def _grow(figure: Figure, legend_lines: int) -> None:
    """Add the height of so many lines of legend."""
    figure.set_figheight(figure.get_figheight() + 0.17 * legend_lines + 0.1)

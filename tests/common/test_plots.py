import decimal
import os
import pathlib
import subprocess
import sys
import types
import warnings

import numpy as np
import PIL.Image
import pytest
from matplotlib import colors

from common import errors, plots


@pytest.fixture
def axes():
    _, axes = plots.figure(title="a title")
    return axes


def labels(axes) -> list[str]:
    return axes.get_legend_handles_labels()[1]


def shade_at(axes, x: float) -> tuple[float, float]:
    """The shade's lower and upper edge at x."""
    (shade,) = axes.collections
    edge = shade.get_paths()[0].vertices
    here = edge[edge[:, 0] == x, 1]
    return here.min(), here.max()


@pytest.mark.parametrize(
    ("rows", "columns", "shape"), [(1, 1, ()), (1, 3, (3,)), (2, 1, (2,)), (2, 3, (2, 3))]
)
def test_figure_has_its_panels_and_its_title(
    rows: int, columns: int, shape: tuple[int, ...]
) -> None:
    figure, axes = plots.figure(rows, columns, title="a title")
    assert np.shape(axes) == shape
    assert figure.get_suptitle() == "a title"
    assert plots.figure(title="t", size=(5, 4))[0].get_size_inches().tolist() == [5, 4]


def test_curves_draw_median_and_range(axes) -> None:
    samples = np.array([[1.0, 5.0, 2.0], [2.0, 1.0, 2.0], [9.0, 3.0, 2.0]])
    line = plots.curves(axes, [0, 10, 20], samples, label="loss")
    assert line.get_xdata().tolist() == [0, 10, 20]
    assert line.get_ydata().tolist() == [2, 3, 2]
    assert shade_at(axes, 0) == (1, 9)
    assert shade_at(axes, 10) == (1, 5)
    assert labels(axes) == ["loss: median and range of 3 seeds"]


def test_curves_leave_out_what_is_not_finite_and_say_so(axes) -> None:
    samples = [[1, np.nan, np.nan], [2, 4, np.inf], [3, 6, -np.inf]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        line = plots.curves(axes, [0, 1, 2], samples, label="loss")
    assert line.get_ydata()[:2].tolist() == [2, 5]
    assert np.ma.getmaskarray(line.get_ydata()).tolist() == [False, False, True]
    assert shade_at(axes, 1) == (4, 6)
    assert labels(axes) == ["loss: median and range of 3 seeds (3 not finite in places)"]


def test_one_seed_is_called_one_seed(axes) -> None:
    plots.curves(axes, [0, 1], [[1, 2]], label="loss")
    assert labels(axes) == ["loss: one seed"]
    assert not axes.collections


def test_cited_values_land_where_they_should_and_spend_no_colour(axes) -> None:
    values = [decimal.Decimal("0.250"), decimal.Decimal("0.003")]
    first = plots.curves(axes, [0, 1], [[1, 2]], label="a")
    plots.cited(axes, [decimal.Decimal(0), decimal.Decimal(2000)], values, label="cited: figure 2")
    second = plots.curves(axes, [0, 1], [[1, 2]], label="b")
    marks = axes.lines[1]
    assert marks.get_xydata().tolist() == [[0, 0.25], [2000, 0.003]]
    assert (marks.get_marker(), marks.get_linestyle()) == ("D", "None")
    assert [first.get_color(), second.get_color()] == list(plots.PALETTE[:2])


def test_cited_lines(axes) -> None:
    assert set(plots.cited_line(axes, decimal.Decimal("0.5"), label="y").get_ydata()) == {0.5}
    assert set(plots.cited_line(axes, 1500, label="x", vertical=True).get_xdata()) == {1500}


def test_decision_boundary_shades_what_is_predicted(axes) -> None:
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    plots.decision_boundary(
        axes,
        lambda points: points[:, 0] + 0.1 * points[:, 1] > 0.6,
        limits=(-1, 2, -3, 4),
        points=corners,
        labels=[0, 0, 0, 1],
        resolution=50,
    )
    (image,) = axes.images
    regions = image.get_array()
    assert image.get_extent() == [-1, 2, -3, 4]
    assert image.origin == "lower"
    assert regions[:, 0].max() == 0 and regions[:, -1].min() == 1
    assert regions[-1].sum() > regions[0].sum()  # higher up, more is class 1
    zero, one = axes.collections
    assert zero.get_offsets().tolist() == corners[:3].tolist()
    assert one.get_offsets().tolist() == [[1, 1]]
    assert colors.to_hex(one.get_facecolor()[0]) == plots.PALETTE[1].lower()
    assert sorted(labels(axes)) == ["class 0", "class 1", "predicted 0", "predicted 1"]


def test_decision_boundary_with_names_and_a_class_never_predicted(axes) -> None:
    plots.decision_boundary(
        axes,
        lambda points: np.zeros(len(points)),
        limits=(0, 1, 0, 1),
        points=np.zeros((2, 2)),
        labels=np.array([0, 2]),
        names=["setosa", "versicolor", "virginica"],
    )
    assert "class virginica" in labels(axes)


def test_histogram_counts_seeds(axes) -> None:
    values = np.array([1, 1, 2, 3, np.inf, np.nan])
    plots.histogram(
        axes, values, label="epochs", bins=[0.5, 1.5, 2.5, 3.5], cited=decimal.Decimal("1.50")
    )
    assert [bar.get_height() for bar in axes.patches] == [2, 1, 1]
    assert set(axes.lines[0].get_xdata()) == {1.5}
    assert sorted(labels(axes)) == ["cited: 1.50", "epochs: 6 seeds (2 not finite, left out)"]


@pytest.mark.parametrize("values", [[], [np.nan], [0.25] * 50])
def test_histogram_of_little(axes, values: list[float]) -> None:
    plots.histogram(axes, values, label="error")
    assert labels(axes)[0].startswith(f"error: {len(values)} seeds")


def test_save_writes_a_small_image_and_leaves_the_data_its_room(tmp_path: pathlib.Path) -> None:
    figure, axes = plots.figure(title="a title")
    height = figure.get_figheight()
    plots.curves(axes, range(500), np.random.default_rng(0).random((40, 500)), label="noise")
    assert plots.save(figure, tmp_path, "curve") == "curve.png"
    assert (tmp_path / "curve.png").stat().st_size < 150_000
    assert figure.get_figheight() > height
    with PIL.Image.open(tmp_path / "curve.png") as image:
        assert image.size[0] == pytest.approx(7.0 * 110, abs=2)


@pytest.mark.parametrize("same", [True, False])
def test_legends_lie_outside_the_data(tmp_path: pathlib.Path, same: bool) -> None:
    figure, panels = plots.figure(1, 2, title="a title")
    for panel, label in zip(panels, ["a", "a" if same else "b"], strict=True):
        plots.curves(panel, [0, 1], [[0, 1], [1, 2]], label=label)
        panel.set_xlabel("epoch")
    plots.save(figure, tmp_path, "panels")
    legends = figure.legends + [each for panel in panels if (each := panel.get_legend())]
    assert len(legends) == (1 if same else 2)
    for legend in legends:
        box = legend.get_window_extent()
        assert box.y0 >= 0 and box.x0 >= 0
        assert not any(box.overlaps(panel.get_window_extent()) for panel in panels)
        assert not any(box.overlaps(panel.xaxis.label.get_window_extent()) for panel in panels)


def test_save_without_labels_or_panels_with_data(tmp_path: pathlib.Path) -> None:
    figure, _ = plots.figure(title="empty")
    assert plots.save(figure, tmp_path, "empty") == "empty.png"


def test_unwritable_folder_is_a_user_error(tmp_path: pathlib.Path) -> None:
    figure, _ = plots.figure(title="lost")
    (tmp_path / "file").touch()
    with pytest.raises(errors.UserError, match=r"file.lost\.png.*cannot be written"):
        plots.save(figure, tmp_path / "file", "lost")


def test_a_mosaic_stacks_its_rows_of_flat_pictures():
    _, axes = plots.figure(title="Pictures")
    first, second = np.arange(12).reshape(2, 6), np.arange(12, 24).reshape(2, 6)
    plots.mosaic(axes, {"above": first, "below": second}, height=2)
    (image,) = axes.get_images()
    np.testing.assert_array_equal(image.get_array()[0], [0, 1, 2, 6, 7, 8])
    np.testing.assert_array_equal(image.get_array()[3], [15, 16, 17, 21, 22, 23])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["above", "below"]


# --- Figures that a reproduction declares ---------------------------------------------------------


def _panel(runs: plots.Runs, curves: plots.Curves) -> plots.Figure:
    figure, axes = plots.figure(title=" ".join(runs))
    axes.plot([0, 1], [0, len(curves)], label="line")
    return figure


RUNS = {"a": [{"seed": 0}], "b": [{"seed": 0}], "c": [{"seed": 0}]}


def test_a_drawing_sees_what_it_declares_and_nothing_else(tmp_path: pathlib.Path) -> None:
    drawing = plots.drawing(needs=["a"], also=["b", "x"], caption="A line.")(_panel)
    assert drawing(RUNS, {}).get_suptitle() == "a b"
    assert drawing.save(RUNS, {}, tmp_path) == ("_panel.png", "A line.")
    assert (tmp_path / "_panel.png").stat().st_size > 0


def test_a_caption_may_tell_measured_numbers(tmp_path: pathlib.Path) -> None:
    drawing = plots.drawing(needs=["a"], caption=lambda runs, _: f"{len(runs)} variant")(_panel)
    assert drawing.save(RUNS, {}, tmp_path)[1] == "1 variant"


def test_a_drawing_is_possible_where_its_needs_were_run() -> None:
    drawing = plots.drawing(needs=["a", "b"], also=["x"], caption="A line.")(_panel)
    assert drawing.is_possible(RUNS)
    assert not drawing.is_possible({"a": RUNS["a"]})
    assert not drawing.is_possible({**RUNS, "b": []})


def test_a_drawing_that_returns_no_figure_is_named() -> None:
    drawing = plots.drawing(needs=[], caption="Nothing.")(lambda runs, curves: None)
    with pytest.raises(TypeError, match=r"lambda.* returned NoneType"):
        drawing(RUNS, {})


def test_drawings_are_found_in_the_order_in_which_they_stand() -> None:
    module = types.ModuleType("figures")
    module.second = plots.drawing(needs=[], caption="2")(_panel)
    module.first = plots.drawing(needs=[], caption="1")(_panel)
    module.helper = _panel
    assert [drawing.caption for drawing in plots.drawings(module)] == ["2", "1"]


# --- The interval that is judged ------------------------------------------------------------------


def test_curves_show_the_interval_that_is_judged(axes) -> None:
    samples = np.random.default_rng(0).normal(5, 1, (200, 3))
    plots.curves(axes, [0, 1, 2], samples, label="loss", judged="linear")
    low, high = (line.get_ydata() for line in axes.get_lines()[1:])
    np.testing.assert_allclose(low, plots.run_interval(samples, "linear").low)
    np.testing.assert_allclose(high, plots.run_interval(samples, "linear").high)
    assert "99 % of such runs" in labels(axes)[1]


@pytest.mark.parametrize("scale", ["linear", "log", "rank"])
def test_the_interval_holds_most_runs_and_not_all_numbers(scale: str) -> None:
    samples = np.random.default_rng(1).lognormal(0, 0.5, 1000)
    low, high = plots.run_interval(samples, scale)
    assert np.mean((samples < low) | (samples > high)) < 0.03
    assert high < 10 * samples.max()


def test_a_users_matplotlib_settings_change_nothing(tmp_path: pathlib.Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 31\nsavefig.dpi: 7\n")
    code = (
        "import pathlib, sys; from common import plots; figure, axes = plots.figure(title='t');"
        "axes.plot([0, 1], label='line'); plots.save(figure, pathlib.Path(sys.argv[1]), 'it')"
    )
    pictures = []
    for folder in ("plain", "odd"):
        (tmp_path / folder).mkdir()
        settings = {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")} if folder == "odd" else {}
        subprocess.run(
            [sys.executable, "-c", code, tmp_path / folder],
            env={**os.environ, **settings},
            cwd=pathlib.Path(__file__).parents[2],
            check=True,
        )
        pictures.append((tmp_path / folder / "it.png").read_bytes())
    assert pictures[0] == pictures[1]

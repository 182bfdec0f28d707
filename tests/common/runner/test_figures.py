import json
import textwrap

import PIL.Image

# Which figure does what, and what is told of it.
FAULTY = {
    "raises": ("1 / 0", '"Raises."', "ZeroDivisionError: division by zero"),
    "nothing": ("pass", '"Nothing."', "TypeError: nothing returned NoneType; return what plots."),
    "dies": ("os.kill(os.getpid(), 9)", '"Dies."', "the process died of signal SIGKILL"),
    "hangs": ("time.sleep(60)", '"Hangs."', "not drawn within 10 s"),
    "no_caption": (
        "return plots.figure(title='1')[0]",
        "lambda runs, curves: None",
        "TypeError: the caption of no_caption is None; say what is to be seen",
    ),
    "blank": ("return plots.figure(title='1')[0]", '" "', "TypeError: the caption of blank is ' '"),
    "caption_raises": (
        "return plots.figure(title='1')[0]",
        "lambda runs, curves: 1 / 0",
        "ZeroDivisionError: division by zero",
    ),
}


def figure(name, body="return plots.figure(title='1')[0]", caption=None, needs=("as_written",)):
    """A figure of figures.py that shows `corrected`, too, where it was run."""
    head = (
        f"@plots.drawing(needs={list(needs)}, also=['corrected'], caption={caption or repr(name)})"
    )
    return f"{head}\ndef {name}(runs, curves):\n{textwrap.indent(body, '    ')}\n"


def write_figures(folder, *figures):
    text = "import os, time\nfrom common import plots\n\n" + "\n".join(figures)
    (folder / "figures.py").write_text(text)


def pictures(suite, name="fake"):
    return sorted(path.name for path in (suite.folder / name / "plots").glob("*.png"))


def test_figures_are_drawn_from_the_records_that_they_need(suite):
    folder = suite.add(variants=("as_written", "corrected"), seeds=3)
    counted = "lambda runs, curves: f\"{len(runs['as_written'])} seeds, {sorted(runs)}\""
    write_figures(
        folder,
        figure("first"),
        figure("second", caption=counted),
        figure("third", needs=["corrected"]),
    )
    suite.add("plain")
    stored = suite.run_here(variant="as_written")
    fake, plain = stored["fake"], stored["plain"]
    assert fake.captions == {"first.png": "first", "second.png": "3 seeds, ['as_written']"}
    assert (fake.figure_errors, fake.damage) == ({}, [])
    assert PIL.Image.open(suite.folder / "fake" / "plots" / "first.png").width > 100
    assert not list((suite.folder / "fake").glob("*.log"))
    assert (plain.captions, plain.figure_errors) == ({}, {})
    captions = suite.run_here()["fake"].captions
    assert captions["second.png"] == "3 seeds, ['as_written', 'corrected']"
    assert list(captions) == ["first.png", "second.png", "third.png"]
    assert pictures(suite) == list(captions)


def test_a_figure_that_fails_costs_itself_alone(suite, monkeypatch):
    folder = suite.add()
    write_figures(folder, *(figure(name) for name in FAULTY), figure("good"))
    assert len(suite.run_here()["fake"].captions) == len(FAULTY) + 1
    faulty = [figure(name, *code[:2]) for name, code in FAULTY.items()]
    write_figures(folder, *faulty, figure("good"))
    (suite.add("broken") / "figures.py").write_text("import no_such_thing")
    monkeypatch.setattr("common.runner.figures.FIGURE_SECONDS", 10)
    stored = suite.run_here()
    found = stored["fake"].figure_errors
    for name, (_, _, error) in FAULTY.items():
        assert found.pop(name).startswith(error)
    assert not found
    assert pictures(suite) == ["good.png"]
    plots = suite.folder / "fake" / "plots"
    assert json.loads((plots / "captions.json").read_text()) == {"good.png": "good"}
    assert "Traceback" in (plots / "raises.error.txt").read_text()
    error = "ModuleNotFoundError: No module named 'no_such_thing'"
    assert stored["broken"].figure_errors == {"figures": error}
    assert len(suite.measured()) == 4

    write_figures(folder, figure("good", caption='"Better."'))
    (folder.with_name("broken") / "figures.py").unlink()
    code, output, complaints = suite.run("--report")
    assert (code, complaints) == (0, "")
    assert "ERROR" not in output.replace("RUN ERROR", "")
    assert suite.run_here()["fake"].captions == {"good.png": "Better."}
    assert not list(plots.glob("*.error.txt"))
    assert len(suite.measured()) == 4

import collections
import dataclasses
import io
import json
import math
import pathlib
import re

import pytest
import rich.console

from common import claims, errors, judge, report

MANIFEST = {
    "schema": 1,
    "time": "2026-03-01T10:00:00+00:00",
    "profile": "full",
    "device": "cpu",
    "host": "Linux x86_64",
    "threads": 2,
    "packages": {"python": "3.12.1", "keras": "3.12.0"},
    "commit": "abc1234",
    "dirty": True,
    "seconds": {"xor_mlp": 1234.5},
    "reproductions": {"xor_mlp": {"profile": "full", "seeds": {"as_written": 200}}},
}


def reproduction(*verdicts: judge.Verdict, name: str = "xor_mlp") -> claims.Reproduction:
    seeds = {"smoke": 2, "standard": 50, "full": 200}
    abouts = {"as_written": "rate 0.5, as printed", "rate_10": "rate 10"}
    return claims.Reproduction(
        name=name,
        path=pathlib.Path(f"reproductions/{name}.toml"),
        title="XOR learnt by a 2-2-1 sigmoid network",
        sources=("notes-2", "paper"),
        data=(),
        minutes={"standard": 1, "full": 6},
        metrics=("collapse_epoch",),
        arrays=(),
        minimum_seeds=10,
        seed_seconds=120,
        claims=tuple(
            claims.Statement(
                id=each.claim,
                places=(claims.Place(each.source, each.where, each.quote),) * 2,
                says=each.says,
            )
            for each in verdicts
        ),
        variants={key: claims.Variant(key, about, seeds, ()) for key, about in abouts.items()},
    )


def verdict(**changes: object) -> judge.Verdict:
    given = {
        "claim": "xor-collapse-1500",
        "reproduction": "xor_mlp",
        "source": "notes-2",
        "where": "2.3",
        "quote": "Si el error colapsa hacia cero alrededor de las 1500 iteraciones",
        "says": "With learning rate 0.5 the error collapses around iteration 1500.",
        "kind": "number",
        "weight": "headline",
        "variant": "as_written",
        "metric": "collapse_epoch",
        "cited": "1500",
        "verdict": "REFUTED",
        "side": "lower",
        "n": 200,
        "mean": 812.3456789,
        "interval_low": 400.25,
        "interval_high": math.inf,
        "measured": 812.3456789,
        "evidence": "1500 lies outside 400 to 1220 (200 seeds)",
        "correction": "The error collapses around iteration 800.",
    }
    unset = dict.fromkeys(field.name for field in dataclasses.fields(judge.Verdict))
    return judge.Verdict(**{**unset, **given, **changes})


def written(folder: pathlib.Path, *verdicts: judge.Verdict, **captions: str) -> str:
    files = {f"{name}.png": caption for name, caption in captions.items()}
    path = report.write(
        folder,
        [reproduction(*verdicts)],
        {"xor_mlp": verdicts},
        captions={"xor_mlp": files},
        stored={},
        manifest=MANIFEST,
    )
    assert path == folder / "report.md"
    return path.read_text("utf-8")


def tables(page: str) -> list[list[str]]:
    """The blocks of lines that start with a pipe."""
    return [block.splitlines() for block in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)]


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "a | b || c",
        "la derivada $\\frac{\\partial L}{\\partial x}$ | y",
        "$$Y = \\sigma_2 (W_2)$$",
        "half a formula \\odot \\sigma'(Z_1)}_{x}$$",
        "costs $5",
        "two\nlines\n\n| and a row |",
        "`a | b` and <b>bold</b> **stars** [link](x) & ~~gone~~ __init__",
    ],
)
def test_no_text_breaks_a_table(tmp_path: pathlib.Path, text: str) -> None:
    fields = ("quote", "says", "where", "evidence", "correction", "measured")
    page = written(tmp_path, verdict(), verdict(claim="b", **dict.fromkeys(fields, text)))
    for rows in tables(page):
        assert len({row.count("|") for row in rows}) == 1, rows
    assert sum("| Where | Statement |" in rows[0] and len(rows) == 4 for rows in tables(page)) == 1
    assert "$" not in page


def test_text_is_shown_as_it_is() -> None:
    assert report.markdown("d_predicted_output") == "d_predicted_output"
    assert report.markdown("x * y_") == "x &#42; y&#95;"
    assert report.markdown("con $z > 0$ es") == "con <code>&#36;z &#62; 0&#36;</code> es"
    assert report.markdown("\\frac{a}{b}") == "<code>&#92;frac{a}{b}</code>"
    assert report.markdown("use `a|b`.") == "use <code>a&#124;b</code>."
    assert report.markdown("one\n  two") == "one<br>two"
    assert report.markdown(97.853456) == "97.853"
    assert report.markdown(109386) == "109386"
    assert report.markdown(None) == ""


def test_page_shows_all_it_is_given(tmp_path: pathlib.Path) -> None:
    page = written(tmp_path, verdict(), curve="Error | median")
    for expected in (
        "abc1234, with uncommitted changes",
        "python 3.12.1, keras 3.12.0",
        "| profile | full |",
        "*Apuntes sobre inteligencia artificial*, Sergio de Mingo, 2026-02-06",
        "as_written (seeds: 200): rate 0.5, as printed",
        "rate_10 (not run): rate 10",
        "Of 1 headline statements that could be judged, 1 are refuted",
        "«Si el error colapsa hacia cero alrededor de las 1500 iteraciones»",
        "| 812.35 | 400.25 to inf | **REFUTED**<br>lower |",
        "![Error &#124; median](xor_mlp/plots/curve.png)",
    ):
        assert expected in page
    assert "notes-2, 2.3; notes-2, 2.3: «Si" in page  # said twice, quoted once
    assert page.count("«Si el error") == 2  # in the list of what fell, and in the table
    assert page.count("The error collapses around iteration 800.") == 2


def test_headlines_come_first_and_only_refuted_ones_fell(tmp_path: pathlib.Path) -> None:
    page = written(
        tmp_path,
        verdict(claim="slip", weight="erratum"),
        verdict(claim="aside", weight="supporting", side=None),
        verdict(claim="first", verdict="CONFIRMED", side=None),
        verdict(claim="second", verdict="UNRESOLVED", side=None, correction="a secret"),
    )
    assert re.findall(r"<sub>(\w+): (\w+)</sub>", page) == [
        ("headline", "first"),
        ("headline", "second"),
        ("supporting", "aside"),
        ("erratum", "slip"),
    ]
    assert "Of 2 headline statements that could be judged, 0 are refuted" in page
    assert "a secret" not in page


def test_reason_of_what_was_not_measured(tmp_path: pathlib.Path) -> None:
    nothing = dict.fromkeys(("side", "measured", "mean", "interval_low", "interval_high"))
    page = written(
        tmp_path,
        verdict(verdict="NOT_RUN", evidence="", reason="no data", **nothing),
        verdict(verdict="NOT_CHECKABLE", evidence="", reason="an opinion", **nothing),
    )
    assert "| NOT_RUN | no data |" in page
    assert "| NOT_CHECKABLE | an opinion |" in page
    assert "Of 0 headline" in page
    assert "None" not in page


def test_verdicts_are_strict_json_with_the_fields_in_order(tmp_path: pathlib.Path) -> None:
    written(tmp_path, verdict(mean=math.nan, measured=[1.0, -math.inf], cited=["2", "2"]))
    text = (tmp_path / "verdicts.json").read_text("utf-8")
    (stored,) = json.loads(text, parse_constant=pytest.fail)
    assert list(stored) == [field.name for field in dataclasses.fields(judge.Verdict)]
    assert stored["mean"] is None
    assert stored["interval_high"] is None
    assert stored["measured"] == [1.0, None]
    assert stored["cited"] == ["2", "2"]
    assert stored["n"] == 200


def test_same_input_same_files(tmp_path: pathlib.Path) -> None:
    assert written(tmp_path, verdict()) == written(tmp_path, verdict())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.md", "verdicts.json"]


def test_empty_cases(tmp_path: pathlib.Path) -> None:
    page = report.write(
        tmp_path, [reproduction()], {}, captions={}, stored={}, manifest={}
    ).read_text("utf-8")
    assert "No claims." in page
    assert "![" not in page
    page = report.write(tmp_path, [], {}, captions={}, stored={}, manifest={}).read_text("utf-8")
    assert "Of 0 headline statements that could be judged, 0 are refuted" in page
    assert json.loads((tmp_path / "verdicts.json").read_text()) == []


def test_unwritable_folder_is_a_user_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.UserError, match="file"):
        report.write(tmp_path / "file", [], {}, captions={}, stored={}, manifest={})


def test_summary_counts_and_adds_up() -> None:
    verdicts = {
        "xor_mlp": [verdict(), verdict(verdict="CONFIRMED"), verdict(verdict="ERROR")],
        "iris_mlp": [verdict(verdict="CONFIRMED")],
    }
    rows = report.summary(verdicts, {"xor_mlp": 12.4})
    assert (rows[0].reproduction, rows[0].claims, rows[0].seconds) == ("xor_mlp", 3, 12.4)
    assert rows[0].counts == {"REFUTED": 1, "CONFIRMED": 1, "ERROR": 1}
    assert rows[1].seconds is None
    everything = report.total(rows)
    assert everything.claims == 4
    assert everything.counts["CONFIRMED"] == 2
    assert everything.seconds == 12.4


def test_summary_table_fits_100_columns() -> None:
    counts = dict.fromkeys(report.VERDICTS, 123)
    rows = [report.Row("mnist_denoising_autoencoder", collections.Counter(counts), 12345.0)] * 2
    console = rich.console.Console(width=100, file=io.StringIO())
    console.print(report.summary_table(rows))
    lines = console.file.getvalue().splitlines()
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 100
    for verdict_name in report.VERDICTS:
        assert verdict_name.removeprefix("NOT_") in text
    assert lines[-2].split() == ["all", "1722", *["246"] * 7, "24,690"]


FINDING = claims.Finding(
    title="XOR at 1500?",
    claims=("xor-collapse-1500",),
    figure="figure_2",
    plots="A sum of squares.",
    unseen="There is none: {as_written.errors[1]:.2f} and {as_written.share:.0%}.",
    why="Rate {rate_10.share}, {as_written.errors[7]}.",
    works="A braced {{set}}.",
)


def explained(folder: pathlib.Path, judged: judge.Verdict) -> str:
    """The page of one reproduction with a finding and three seeds of one variant."""
    stored = {
        "as_written": [
            {"measurements": {"errors": [0.5, error], "share": 0.25}} for error in (0.1, 0.2, 0.9)
        ]
    }
    with_finding = dataclasses.replace(reproduction(judged), findings=(FINDING,))
    captions = {"xor_mlp": {"figure_2.png": "The curve."}}
    page = report.write(
        folder,
        [with_finding],
        {"xor_mlp": [judged]},
        captions=captions,
        stored={"xor_mlp": stored},
        manifest=MANIFEST,
    )
    return page.read_text("utf-8")


def test_a_fallen_conclusion_is_explained_with_measured_numbers(tmp_path: pathlib.Path) -> None:
    page = explained(tmp_path, verdict())
    section = page.partition("### XOR at 1500?")[2].partition("\n## ")[0]
    assert "**On data it has not seen.** There is none: 0.20 and 25%." in section
    assert "**Why.** Rate (not measured), (not measured)." in section
    assert "**What works.** A braced {set}." in section
    assert "![The curve.](xor_mlp/plots/figure_2.png)" in section
    assert "| *With learning rate" in section or "| With learning rate" in section
    assert "REFUTED" in section


@pytest.mark.parametrize("standing", ["CONFIRMED", "UNRESOLVED", "NOT_RUN"])
def test_a_conclusion_that_stands_is_not_explained_away(
    tmp_path: pathlib.Path, standing: str
) -> None:
    assert "XOR at 1500?" not in explained(tmp_path, verdict(verdict=standing))

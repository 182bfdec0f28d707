import collections
import dataclasses
import json
import math
import pathlib
import re

import pytest

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
    """One with a passage, said in two places, for each passage that the verdicts name."""
    seeds = {"smoke": 2, "standard": 50, "full": 200}
    abouts = {"as_written": "rate 0.5, as printed", "rate_10": "rate 10"}
    variants = {key: claims.Variant(key, about, seeds, ()) for key, about in abouts.items()}
    folder = pathlib.Path("reproductions") / name
    passages: dict[str, list[judge.Verdict]] = {}
    for each in verdicts:
        passages.setdefault(each.passage, []).append(each)
    return claims.Reproduction(
        name=name,
        path=folder / "claims.toml",
        title="XOR learnt by a 2-2-1 sigmoid network",
        sources=("notes-2", "paper"),
        minutes={"standard": 1, "full": 6},
        experiments={
            "experiment": claims.Experiment("experiment", folder / "experiment.py", variants)
        },
        passages=tuple(_passage(key, some) for key, some in passages.items()),
    )


def _passage(name: str, verdicts: list[judge.Verdict]) -> claims.Passage:
    first = verdicts[0]
    places = (claims.Place(first.source, first.where, first.quote),) * 2
    return claims.Passage(
        id=name,
        places=places,
        reading="Half of the plateau.",
        claims=tuple(
            claims.Statement(
                id=each.claim,
                places=places,
                says=each.says,
                passage=name,
                weight=each.weight,
                reason="none",
            )
            for each in verdicts
        ),
    )


def verdict(**changes: object) -> judge.Verdict:
    given = {
        "claim": "xor-collapse-1500",
        "passage": "xor-collapse-1500",
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
    odd = verdict(claim="b", passage="b", **dict.fromkeys(fields, text))
    page = written(tmp_path, verdict(), odd)
    for rows in tables(page):
        assert len({row.count("|") for row in rows}) == 1, rows
    assert len(tables(page)) == 4
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
        "«Si el error colapsa hacia cero alrededor de las 1500 iteraciones»",
        "**FALLS** · notes-2, 2.3 · notes-2, 2.3 · «Si el error",
        "Read as: Half of the plateau.",
        "- REFUTED (lower) <sub>headline: xor-collapse-1500</sub>",
        "Measured: 812.35 (400.25 to inf).",
        "![Error &#124; median](xor_mlp/plots/curve.png)",
    ):
        assert expected in page
    assert page.count("«Si el error") == 2  # in the list of what fell, and in its section
    assert page.count("**What is true:** The error collapses around iteration 800.") == 2


def test_what_is_counted_are_sentences(tmp_path: pathlib.Path) -> None:
    page = written(
        tmp_path,
        verdict(verdict="CONFIRMED", side=None),
        verdict(claim="slip", weight="erratum"),
        verdict(claim="other", passage="other", verdict="CONFIRMED", side=None),
        verdict(claim="third", passage="third"),
    )
    assert "| [xor_mlp](#xor_mlp) | 3 | 1 | 1 | 1 |" in page
    kinds = re.findall(r"^\*\*(HOLDS|IN PART|FALLS)\*\*", page, re.MULTILINE)
    assert kinds == ["IN PART", "HOLDS", "FALLS"]


def test_only_sentences_that_fall_are_among_what_fell(tmp_path: pathlib.Path) -> None:
    page = written(
        tmp_path,
        verdict(verdict="CONFIRMED", side=None, correction="a secret"),
        verdict(claim="slip", weight="erratum", says="A slip."),
    )
    fell = page.partition("## What fell")[2].partition("\n## ")[0]
    assert "A slip." not in fell
    assert "Nothing." in fell
    assert "a secret" not in page


def test_reason_of_what_was_not_measured(tmp_path: pathlib.Path) -> None:
    nothing = dict.fromkeys(("side", "measured", "mean", "interval_low", "interval_high"))
    page = written(
        tmp_path,
        verdict(verdict="NOT_RUN", evidence="", reason="no data", **nothing),
        verdict(
            claim="b",
            passage="b",
            verdict="NOT_CHECKABLE",
            evidence="",
            reason="an opinion",
            **nothing,
        ),
    )
    assert re.search(r"- NOT RUN .*\n.*no data", page)
    assert re.search(r"- NOT CHECKABLE .*\n.*an opinion", page)
    assert "None" not in page


def test_markup_in_a_claim_shows_as_text(tmp_path: pathlib.Path) -> None:
    page = written(tmp_path, verdict(says="<script>alert(1)</script> [/] *bold*"))
    assert "<script>" not in page
    assert "&#60;script&#62;" in page
    assert "&#42;bold&#42;" in page


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
    (passage,) = json.loads((tmp_path / "passages.json").read_text("utf-8"))
    assert passage["verdict"] == "FALLS"
    assert passage["claims"] == ["xor-collapse-1500"]


def test_same_input_same_files(tmp_path: pathlib.Path) -> None:
    assert written(tmp_path, verdict()) == written(tmp_path, verdict())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "passages.json",
        "report.md",
        "verdicts.json",
    ]


def test_empty_cases(tmp_path: pathlib.Path) -> None:
    page = report.write(
        tmp_path, [reproduction()], {}, captions={}, stored={}, manifest={}
    ).read_text("utf-8")
    assert "No claims." in page
    assert "![" not in page
    page = report.write(tmp_path, [], {}, captions={}, stored={}, manifest={}).read_text("utf-8")
    assert "Nothing." in page
    assert json.loads((tmp_path / "verdicts.json").read_text()) == []


def test_unwritable_folder_is_a_user_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.UserError, match="file"):
        report.write(tmp_path / "file", [], {}, captions={}, stored={}, manifest={})


def test_summary_counts_and_adds_up() -> None:
    xor = [
        verdict(),
        verdict(claim="b", passage="b", verdict="CONFIRMED"),
        verdict(claim="c", passage="c", verdict="ERROR"),
        verdict(claim="d", passage="c", verdict="CONFIRMED"),
    ]
    iris = [verdict(reproduction="iris_mlp", verdict="CONFIRMED")]
    heads = [reproduction(*xor), reproduction(*iris, name="iris_mlp")]
    rows = report.summary(heads, {"xor_mlp": xor, "iris_mlp": iris}, {"xor_mlp": 12.4})
    assert (rows[0].reproduction, rows[0].sentences, rows[0].claims) == ("xor_mlp", 3, 4)
    assert rows[0].counts == {"FALLS": 1, "HOLDS": 1, "ERROR": 1}
    assert (rows[0].seconds, rows[1].seconds) == (12.4, None)
    everything = report.total(rows)
    assert (everything.sentences, everything.claims) == (4, 5)
    assert everything.counts["HOLDS"] == 2
    assert everything.seconds == 12.4


def test_a_reproduction_that_could_not_be_judged_has_an_empty_row() -> None:
    (row,) = report.summary([reproduction(verdict())], {}, {})
    assert (row.sentences, row.claims, row.counts) == (0, 0, collections.Counter())


FINDING = claims.Finding(
    title="XOR at 1500?",
    claims=("xor-collapse-1500",),
    figure="figure_2",
    plots="A sum of squares.",
    unseen="There is none: {as_written.errors[1]:.2f} and {as_written.share:.0%}.",
    why="Rate {rate_10.share}, {as_written.errors[7]}.",
    works="A braced {{set}}.",
)


def explained(
    folder: pathlib.Path, judged: judge.Verdict, finding: claims.Finding = FINDING
) -> str:
    """The page of one reproduction with a finding and three seeds of one variant."""
    stored = {
        "as_written": [
            {"measurements": {"errors": [0.5, error], "share": 0.25}} for error in (0.1, 0.2, 0.9)
        ]
    }
    with_finding = dataclasses.replace(reproduction(judged), findings=(finding,))
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


def test_what_stands_beside_a_sentence_that_holds_may_be_shown(tmp_path: pathlib.Path) -> None:
    beside = dataclasses.replace(FINDING, shown="always")
    assert "XOR at 1500?" in explained(tmp_path, verdict(verdict="CONFIRMED"), beside)
    assert "XOR at 1500?" not in explained(tmp_path, verdict(verdict="NOT_RUN"), beside)

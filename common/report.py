"""The report of a run, report.md, and its verdicts for programs, verdicts.json and passages.json.

The template `report.md.j2` does the layout, this module prepares plain data for it. Neither holds a
result: everything comes from the claims, the verdicts, the captions and the run's manifest. Given
the same of these, the same files come out. What is counted are sentences (passages); the claims
under them are their evidence.
"""

import collections
import dataclasses
import json
import math
import pathlib
import re
import statistics
import typing
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence

import jinja2
import markupsafe

from common import claims, files, judge, records, sources

# How to read a verdict; the order is that of every table.
SENTENCES = {
    judge.HOLDS: "every claim under it is confirmed, or consistent with what was measured",
    judge.IN_PART: "some of it is refuted, or a slip in it is; the rest stands",
    judge.FALLS: "what it says is refuted; what is true instead is given",
    judge.OPEN: "too few seeds, or too wide a spread, to say",
    judge.NOT_CHECKABLE: "nothing to measure, for the reason given",
    judge.NOT_RUN: "not all of it was measured in this run, for the reason given",
    judge.ERROR: "a reproduction crashed, or its records are not whole",
}
CLAIMS = {
    judge.CONFIRMED: "the evidence supports it as it stands",
    judge.CONSISTENT: "a number cited from one run lies within what the protocol produces, or a "
    "rule was never seen to fail; the data say no more",
    judge.REFUTED: "the evidence contradicts it. Higher or lower: the side of the cited value on "
    "which our measurement lies",
    judge.UNRESOLVED: "too few seeds, or too wide a spread, to say",
    judge.NOT_CHECKABLE: "nothing to measure, for the reason given",
    judge.NOT_RUN: "not measured in this run, for the reason given",
    judge.ERROR: "the reproduction crashed, or its records are not whole",
}

# A row of the report's head per key of the manifest.
FACTS = {
    "time": "time",
    "profile": "profile",
    "device": "device",
    "host": "machine",
    "threads": "threads per process",
    "commit": "commit",
    "packages": "versions",
}

# What Markdown, a table or GitHub's mathematics would take for its own; an underscore within a word
# is safe.
MARKUP = re.compile(r"[\\`*\[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_])")

# What is set as code, so that it is shown as it was written: formulas and code.
LITERAL = re.compile(r"(\$\$.+?\$\$|\$[^$]+\$|`[^`]+`)", re.DOTALL)
LATEX = re.compile(r"\\[A-Za-z]|\$")

Verdicts = Mapping[str, Sequence[judge.Verdict]]


@dataclasses.dataclass(frozen=True)
class Row:
    """One reproduction in the summary: how many sentences of each verdict, claims, seconds."""

    reproduction: str
    counts: collections.Counter[str]
    claims: int
    seconds: float | None = None

    @property
    def sentences(self) -> int:
        """The number of passages, each of which has one verdict."""
        return sum(self.counts.values())


def summary(
    reproductions: Iterable[claims.Reproduction], verdicts: Verdicts, seconds: Mapping[str, float]
) -> list[Row]:
    """Count the verdicts on the sentences of each reproduction.

    Args:
        reproductions: Those of the table, in its order.
        verdicts: Per reproduction; one that could not be judged has none.
        seconds: Per reproduction; it may lack some.
    """
    rows = []
    for each in reproductions:
        judged = verdicts.get(each.name, ())
        counts = collections.Counter(passage.verdict for passage in _passages(each, judged))
        rows.append(Row(each.name, counts, len(judged), seconds.get(each.name)))
    return rows


def _passages(
    reproduction: claims.Reproduction, verdicts: Sequence[judge.Verdict]
) -> list[judge.PassageVerdict]:
    """The verdicts on its sentences; none where it could not be judged."""
    return judge.passages(reproduction, verdicts) if verdicts else []


def total(rows: Iterable[Row]) -> Row:
    """Add up the rows of a summary."""
    rows = list(rows)
    counts = sum((row.counts for row in rows), collections.Counter())
    seconds = sum(row.seconds or 0 for row in rows)
    return Row("all", counts, sum(row.claims for row in rows), seconds)


def _seconds(seconds: float | None) -> str:
    """Whole seconds; nothing where none are known."""
    return "" if seconds is None else f"{seconds:,.0f}"


def _words(verdict: str) -> str:
    """A verdict's name as it is read."""
    return verdict.replace("_", " ")


def _interval(verdict: judge.Verdict) -> str:
    """The interval in words, which are clear of signs and hyphens; it may be open on a side."""
    low, high = verdict.interval_low, verdict.interval_high
    if low is None and high is None:
        return ""
    if low is None:
        return f"up to {high:.5g}"
    return f"from {low:.5g}" if high is None else f"{low:.5g} to {high:.5g}"


def write(
    folder: pathlib.Path,
    reproductions: Sequence[claims.Reproduction],
    verdicts: Verdicts,
    *,
    captions: Mapping[str, Mapping[str, str]],
    stored: Mapping[str, Mapping[str, Sequence[records.Record]]],
    manifest: Mapping[str, typing.Any],
) -> pathlib.Path:
    """Write verdicts.json, passages.json and report.md.

    Args:
        folder: The run's folder.
        reproductions: Those the report is about, in its order.
        verdicts: Per reproduction, in the order of its claims.
        captions: Per reproduction, the caption of each file in `folder`/NAME/plots.
        stored: Per reproduction and variant, the records that were judged.
        manifest: What run.json holds, and "seconds" per reproduction.

    Returns:
        The path of report.md.

    Raises:
        errors.UserError: A file cannot be written.
    """
    judged = {each.name: verdicts.get(each.name, ()) for each in reproductions}
    everything = [verdict for some in judged.values() for verdict in some]
    passages = {each.name: _passages(each, judged[each.name]) for each in reproductions}
    _write_json(folder / "verdicts.json", everything)
    _write_json(folder / "passages.json", [one for some in passages.values() for one in some])

    rows = summary(reproductions, judged, manifest.get("seconds", {}))
    sections = [
        _section(each, judged[each.name], passages[each.name], captions, manifest)
        for each in reproductions
    ]
    page = _template().render(
        facts=_facts(manifest),
        sentence_meanings=SENTENCES,
        claim_meanings=CLAIMS,
        claim_counts=collections.Counter(verdict.verdict for verdict in everything),
        by_chance=judge.expected_by_chance(everything),
        rows=rows,
        total=total(rows),
        fallen=[
            passage
            for section in sections
            for passage in section["passages"]
            if passage["verdict"] == judge.FALLS
        ],
        findings=[
            _finding(each, finding, judged[each.name], captions, stored)
            for each in reproductions
            for finding in each.findings
            if judged[each.name] and _is_shown(finding, judged[each.name])
        ],
        sections=sections,
    )
    path = folder / "report.md"
    files.write(path, page)
    return path


def _write_json(path: pathlib.Path, objects: Iterable[typing.Any]) -> None:
    """Write a list of dataclasses as strict JSON."""
    plain = [_strict(dataclasses.asdict(each)) for each in objects]
    files.write(path, json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _facts(manifest: Mapping[str, typing.Any]) -> dict[str, str]:
    """When, where and with what the run was made: what the manifest knows of it, in words."""
    facts = {name: manifest[key] for key, name in FACTS.items() if manifest.get(key) is not None}
    if "commit" in facts and manifest.get("dirty"):
        facts["commit"] += ", with uncommitted changes"
    if "versions" in facts:
        facts["versions"] = ", ".join(f"{name} {it}" for name, it in facts["versions"].items())
    return facts


def _is_shown(finding: claims.Finding, verdicts: Sequence[judge.Verdict]) -> bool:
    """Whether the conclusion that it is about, its first claim, came out as the finding needs."""
    found = next(verdict.verdict for verdict in verdicts if verdict.claim == finding.claims[0])
    if finding.shown == "always":
        return found not in (judge.NOT_RUN, judge.ERROR)
    return found == judge.REFUTED


def _finding(
    reproduction: claims.Reproduction,
    finding: claims.Finding,
    verdicts: Sequence[judge.Verdict],
    captions: Mapping[str, Mapping[str, str]],
    stored: Mapping[str, Mapping[str, Sequence[records.Record]]],
) -> dict[str, typing.Any]:
    """What the template needs to know of one finding."""
    name, file = reproduction.name, f"{finding.figure}.png"
    caption = captions.get(name, {}).get(file)
    measured = stored.get(name, {})
    by_claim = {verdict.claim: verdict for verdict in verdicts}
    places = next(claim.places for claim in reproduction.claims if claim.id == finding.claims[0])
    return {
        "reproduction": name,
        "places": places,
        "title": finding.title,
        "plot": (_plot_path(name, file), caption) if caption else None,
        "texts": {
            "What the figure plots": _filled(finding.plots, measured),
            "On data it has not seen": _filled(finding.unseen, measured),
            "Why": _filled(finding.why, measured),
            "What works": _filled(finding.works, measured),
        },
        "verdicts": [by_claim[claim] for claim in finding.claims],
    }


def _filled(text: str, measured: Mapping[str, Sequence[records.Record]]) -> str:
    """Put the measured numbers, medians over the seeds, into a finding's text."""
    return "".join(
        part if isinstance(part, str) else _median(part, measured.get(part.variant, ()))
        for part in claims.parts(text)
    )


def _median(quantity: claims.Quantity, runs: Sequence[records.Record]) -> str:
    values = [run["measurements"].get(quantity.metric) for run in runs]
    try:
        if quantity.at is not None:
            values = [value[quantity.at] for value in values]
        return format(statistics.median(values), quantity.format)
    except (IndexError, TypeError, statistics.StatisticsError):  # a shorter run, or none at all
        return "(not measured)"


def _plot_path(name: str, file: str) -> str:
    return f"{name}/plots/{urllib.parse.quote(file)}"


def _section(
    reproduction: claims.Reproduction,
    verdicts: Sequence[judge.Verdict],
    passages: Sequence[judge.PassageVerdict],
    captions: Mapping[str, Mapping[str, str]],
    manifest: Mapping[str, typing.Any],
) -> dict[str, typing.Any]:
    """What the template needs to know of one reproduction."""
    asked = manifest.get("reproductions", {}).get(reproduction.name, {})
    by_passage = {passage.passage: passage.verdict for passage in passages}
    return {
        "name": reproduction.name,
        "title": reproduction.title,
        "documents": [sources.SOURCES[key] for key in reproduction.sources],
        "variants": [
            (variant, asked.get("seeds", {}).get(variant.name))
            for variant in reproduction.variants.values()
        ],
        "passages": [
            _passage(reproduction, passage, by_passage[passage.id], verdicts)
            for passage in reproduction.passages
            if passage.id in by_passage
        ],
        "plots": [
            (_plot_path(reproduction.name, file), caption)
            for file, caption in captions.get(reproduction.name, {}).items()
        ],
    }


def _passage(
    reproduction: claims.Reproduction,
    passage: claims.Passage,
    verdict: str,
    verdicts: Sequence[judge.Verdict],
) -> dict[str, typing.Any]:
    """One sentence: where it stands, its words once, how it is read, and the claims under it."""
    own = {claim.id for claim in passage.claims}
    return {
        "reproduction": reproduction.name,
        "verdict": verdict,
        "places": [f"{place.source}, {place.where}" for place in passage.places],
        "quote": " / ".join(dict.fromkeys(place.quote for place in passage.places)),
        "reading": passage.reading,
        "claims": [each for each in verdicts if each.claim in own],
    }


def _strict(value: typing.Any) -> typing.Any:
    """The value with null for every float that JSON does not know."""
    if isinstance(value, dict):
        return {key: _strict(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        finalize=markdown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"seconds": _seconds, "interval": _interval, "words": _words}
    return environment.get_template("report.md.j2")


def markdown(value: typing.Any) -> str:
    """Show a value in Markdown as it is, inside a table too.

    The template puts every value through this. Formulas and code become code, line breaks stay,
    numbers get five significant digits and None is empty.
    """
    if value is None:
        return ""
    if isinstance(value, markupsafe.Markup):
        return value
    if isinstance(value, float):
        return f"{value:.5g}"
    parts = LITERAL.split(str(value).strip())
    return "".join(
        _code(part) if index % 2 or LATEX.search(part) else _plain(part)
        for index, part in enumerate(parts)
    )


def _plain(text: str) -> str:
    escaped = MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)
    return re.sub(r"\s*\n\s*", "<br>", escaped)


def _code(text: str) -> str:
    # An HTML element, because Markdown's own code knows no way to show a pipe in a table.
    return f"<code>{_plain(text.strip('`'))}</code>"

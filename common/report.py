"""The report of a run, report.md, and its verdicts for programs, verdicts.json.

The template `report.md.j2` does the layout, this module prepares plain data for it. Neither holds a
result: everything comes from the claims, the verdicts, the captions and the run's manifest. Given
the same of these, the same files come out.
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
import rich.box
import rich.table

from common import claims, judge, records, runner, sources

# How to read a verdict; the order is that of every table.
VERDICTS = {
    judge.CONFIRMED: "the evidence supports the statement as it stands",
    judge.CONSISTENT: "a number cited from one run lies within what the protocol produces; "
    "the data say no more",
    judge.REFUTED: "the evidence contradicts the statement; the correction is given. Higher or "
    "lower: the side of the cited value on which our measurement lies",
    judge.UNRESOLVED: "too few seeds or too wide a spread to say",
    judge.NOT_CHECKABLE: "nothing to measure, for the reason given",
    judge.NOT_RUN: "not measured in this run, for the reason given",
    judge.ERROR: "the reproduction crashed, or its records are not whole",
}

UNJUDGED = (judge.NOT_CHECKABLE, judge.NOT_RUN, judge.ERROR)
STYLES = {
    judge.CONFIRMED: "green",
    judge.CONSISTENT: "green",
    judge.REFUTED: "red",
    judge.ERROR: "bold red",
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
    """One reproduction in the summary: how many claims, how many of each verdict, how long."""

    reproduction: str
    counts: collections.Counter[str]
    seconds: float | None = None

    @property
    def claims(self) -> int:
        """The number of claims, each of which has one verdict."""
        return sum(self.counts.values())


def summary(verdicts: Verdicts, seconds: Mapping[str, float]) -> list[Row]:
    """Count the verdicts of each reproduction.

    Args:
        verdicts: Per reproduction.
        seconds: Per reproduction; it may lack some.
    """
    return [
        Row(name, collections.Counter(each.verdict for each in judged), seconds.get(name))
        for name, judged in verdicts.items()
    ]


def total(rows: Iterable[Row]) -> Row:
    """Add up the rows of a summary."""
    rows = list(rows)
    counts = sum((row.counts for row in rows), collections.Counter())
    return Row("all", counts, sum(row.seconds or 0 for row in rows))


def summary_table(rows: Sequence[Row]) -> rich.table.Table:
    """Lay out a summary for a terminal of 100 columns, with a total under two rows or more."""
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, padding=0, collapse_padding=True)
    table.add_column("reproduction", overflow="fold")
    table.add_column("claims", justify="right")
    for verdict in VERDICTS:
        # "NOT_CHECKABLE" takes two lines, so that all fits.
        table.add_column(verdict.replace("NOT_", "NOT_\n"), justify="right", no_wrap=True)
    table.add_column("seconds", justify="right")
    for row in rows:
        table.add_row(*_cells(row))
    if len(rows) > 1:
        table.add_section()
        table.add_row(*_cells(total(rows)), style="bold")
    return table


def _cells(row: Row) -> list[str]:
    counts = [
        f"[{STYLES.get(verdict, 'default')}]{count}[/]" if (count := row.counts[verdict]) else "-"
        for verdict in VERDICTS
    ]
    return [row.reproduction, str(row.claims), *counts, _seconds(row.seconds)]


def _seconds(seconds: float | None) -> str:
    """Whole seconds; nothing where none are known."""
    return "" if seconds is None else f"{seconds:,.0f}"


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
    """Write verdicts.json and report.md.

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
    verdicts = {each.name: verdicts.get(each.name, ()) for each in reproductions}
    objects = [
        _strict(dataclasses.asdict(verdict)) for judged in verdicts.values() for verdict in judged
    ]
    text = json.dumps(objects, indent=1, ensure_ascii=False, allow_nan=False)
    runner.write_text(folder / "verdicts.json", text + "\n")

    rows = summary(verdicts, manifest.get("seconds", {}))
    headlines = [
        each
        for judged in verdicts.values()
        for each in judged
        if each.weight == "headline" and each.verdict not in UNJUDGED
    ]
    page = _template().render(
        facts=_facts(manifest),
        meanings=VERDICTS,
        rows=rows,
        total=total(rows),
        places={
            (each.name, claim.id): claim.places for each in reproductions for claim in each.claims
        },
        headlines=headlines,
        fallen=[each for each in headlines if each.verdict == judge.REFUTED],
        findings=[
            _finding(each, finding, verdicts[each.name], captions, stored)
            for each in reproductions
            for finding in each.findings
            if _fell(finding, verdicts[each.name])
        ],
        sections=[
            _section(each, verdicts[each.name], captions.get(each.name, {}), manifest)
            for each in reproductions
        ],
    )
    path = folder / "report.md"
    runner.write_text(path, page)
    return path


def _facts(manifest: Mapping[str, typing.Any]) -> dict[str, str]:
    """When, where and with what the run was made: what the manifest knows of it, in words."""
    facts = {name: manifest[key] for key, name in FACTS.items() if manifest.get(key) is not None}
    if "commit" in facts and manifest.get("dirty"):
        facts["commit"] += ", with uncommitted changes"
    if "versions" in facts:
        facts["versions"] = ", ".join(f"{name} {it}" for name, it in facts["versions"].items())
    return facts


def _fell(finding: claims.Finding, verdicts: Sequence[judge.Verdict]) -> bool:
    """Whether the conclusion that the finding is about, its first claim, is refuted."""
    return any(
        verdict.claim == finding.claims[0] and verdict.verdict == judge.REFUTED
        for verdict in verdicts
    )


def _finding(
    reproduction: claims.Reproduction,
    finding: claims.Finding,
    verdicts: Sequence[judge.Verdict],
    captions: Mapping[str, Mapping[str, str]],
    stored: Mapping[str, Mapping[str, Sequence[records.Record]]],
) -> dict[str, typing.Any]:
    """What the template needs to know of one conclusion that falls."""
    name, file = reproduction.name, f"{finding.figure}.png"
    caption = captions.get(name, {}).get(file)
    measured = stored.get(name, {})
    by_claim = {verdict.claim: verdict for verdict in verdicts}
    return {
        "reproduction": name,
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
    captions: Mapping[str, str],
    manifest: Mapping[str, typing.Any],
) -> dict[str, typing.Any]:
    """What the template needs to know of one reproduction."""
    asked = manifest.get("reproductions", {}).get(reproduction.name, {})
    return {
        "name": reproduction.name,
        "title": reproduction.title,
        "documents": [sources.SOURCES[key] for key in reproduction.sources],
        "variants": [
            (variant, asked.get("seeds", {}).get(variant.name))
            for variant in reproduction.variants.values()
        ],
        "verdicts": sorted(verdicts, key=lambda verdict: claims.WEIGHTS.index(verdict.weight)),
        "plots": [
            (_plot_path(reproduction.name, file), caption) for file, caption in captions.items()
        ],
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
    environment.filters |= {"seconds": _seconds, "interval": _interval}
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

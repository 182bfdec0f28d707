"""What every reproduction must keep: the contract of claims.toml, experiments and figures."""

import ast
import dataclasses
import itertools
import pathlib
import re

import pytest

from common import claims, plots, runner, variants
from tests import contract
from tests.contract import BROKEN, HEADS

EXPERIMENT_LINES = 450
SAME_LINES = 10  # so many lines in two reproductions are a copy
DRAWING = ("plots", "matplotlib", "claims", "judge", "report", "cli", "runner")  # not to measure


def files_of(head: claims.Reproduction) -> list[pathlib.Path]:
    """The experiment files that the TOML names."""
    return [head.path.with_name(f"{name}.py") for name in head.experiments]


def used_by_claims(head: claims.Reproduction) -> tuple[set[str], set[str]]:
    """The variants and the metrics that claims and findings name."""
    sides = [*head.claims, *(claim.than for claim in head.claims if hasattr(claim, "than"))]
    of = {getattr(side, "variant", "") for side in sides}
    metrics = {getattr(side, "metric", "") for side in sides}
    of |= {rival for claim in head.claims for rival in getattr(claim, "rivals", ())}
    for finding in head.findings:
        for text in (finding.plots, finding.unseen, finding.why, finding.works):
            quantities = [part for part in claims.parts(text) if not isinstance(part, str)]
            of |= {quantity.variant for quantity in quantities}
            metrics |= {quantity.metric for quantity in quantities}
    return of - {""}, metrics - {""}


def test_every_claim_file_can_be_read() -> None:
    assert not BROKEN


def test_the_code_has_the_variants_that_the_toml_declares(head: claims.Reproduction) -> None:
    for name, experiment in head.experiments.items():
        module = runner.load_module(head, name)
        assert list(module.VARIANTS) == list(variants.read(head.path.with_name(f"{name}.py")))
        assert list(module.VARIANTS) == list(experiment.variants)


def test_every_experiment_file_is_declared(head: claims.Reproduction) -> None:
    there = {path.name for path in head.path.parent.glob("*.py")} - {"figures.py"}
    declared = {path.name for path in files_of(head)}
    helpers = there - declared
    texts = [path.read_text() for path in files_of(head)]
    for helper in helpers:  # a file that is no experiment serves one
        assert any(re.search(rf"\b{helper.removesuffix('.py')}\b", text) for text in texts), helper


def test_a_config_is_one_experiment(head: claims.Reproduction) -> None:
    for name in head.experiments:
        for config in runner.load_module(head, name).VARIANTS.values():
            assert dataclasses.is_dataclass(config)
            assert config.__dataclass_params__.frozen
            assert not hasattr(config, "experiment"), "another experiment is another file"


def test_files_are_short(head: claims.Reproduction) -> None:
    for path in head.path.parent.glob("*.py"):
        if path.name != "figures.py":
            lines = len(path.read_text().splitlines())
            assert lines <= EXPERIMENT_LINES, f"{path.name} has {lines} lines"


def test_experiments_measure_and_do_not_draw_or_judge(head: claims.Reproduction) -> None:
    for path in files_of(head):
        assert not contract.imported_names(path) & set(DRAWING), path.name


def test_reproductions_do_not_import_each_other(head: claims.Reproduction) -> None:
    for path in head.path.parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("reproductions"):
                assert node.module == f"reproductions.{head.name}", path.name


def test_every_variant_serves_a_claim_or_a_figure(head: claims.Reproduction, figures) -> None:
    used, _ = used_by_claims(head)
    drawn = {name for each in plots.drawings(figures) for name in (*each.needs, *each.also)}
    assert drawn <= set(head.variants)
    assert not set(head.variants) - used - drawn, "measured, then neither judged nor drawn"


def test_every_metric_means_something_and_serves(head: claims.Reproduction) -> None:
    _, used = used_by_claims(head)
    source = head.path.with_name("figures.py").read_text()
    for name, metric in {**head.metrics, **head.arrays}.items():
        assert len(metric.means) > 1, f"{name}: say what it means"
        assert name in used or re.search(rf"\b{name}\b", source), (
            f"{name}: measured, then neither judged nor drawn"
        )


def test_findings_show_a_figure_that_is_drawn(head: claims.Reproduction, figures) -> None:
    names = {each.name for each in plots.drawings(figures)}
    assert {finding.figure for finding in head.findings} <= names


def test_docstring_names_source_stated_and_silent(head: claims.Reproduction) -> None:
    for name in head.experiments:
        text = runner.load_module(head, name).__doc__
        for part in ("Source:", "Stated:", "Silent about:"):
            assert f"\n{part}" in text, f"{name}: no {part}"


def test_what_is_ours_is_marked(head: claims.Reproduction) -> None:
    """A Config that assumes something says so."""
    for path in files_of(head):
        text = path.read_text()
        if re.search(r"^Silent about:.*(we|ours|assum)", text, re.MULTILINE | re.IGNORECASE):
            assert "# assumed" in text, path.name


def test_what_falls_would_be_corrected(head: claims.Reproduction) -> None:
    """An erratum is declared because it is expected to fall, so it says what is right."""
    for claim in head.claims:
        if claim.weight == "erratum":
            assert claim.correction or isinstance(claim, claims.Statement), claim.id


def test_corrections_grant_nothing(head: claims.Reproduction) -> None:
    """A correction that begins by granting the sentence shows an unfair refutation."""
    for claim in head.claims:
        granting = re.match(r"(true|yes|right|correct)\b", claim.correction, re.IGNORECASE)
        assert not granting, f"{claim.id}: {claim.correction}"


def test_smoke_measures_what_is_declared(head: claims.Reproduction, smoke) -> None:
    for variant, measured in smoke.items():
        assert len(measured) == head.variants[variant].seeds["smoke"]
        found = set().union(*(record["measurements"] for record in measured))
        assert found <= set(head.metrics), variant
    somewhere = {
        name for some in smoke.values() for record in some for name in record["measurements"]
    }
    if smoke.keys() == head.variants.keys():
        assert somewhere == set(head.metrics), "declared, and measured by nobody"


def test_claims_ask_for_what_their_variant_measures(head: claims.Reproduction, smoke) -> None:
    for claim in head.claims:
        for side in (claim, getattr(claim, "than", None)):
            if getattr(side, "metric", "") and side.variant in smoke:
                measured = smoke[side.variant][0]["measurements"]
                assert side.metric in measured, f"{claim.id}: {side.variant} has no {side.metric}"


def test_nothing_stands_in_two_reproductions() -> None:
    """Ten lines that two reproductions share belong to common/; printed formulas aside."""
    seen: dict[tuple[str, ...], str] = {}
    for head in HEADS.values():
        for path in sorted(head.path.parent.glob("*.py")):
            lines = [line.strip() for line in path.read_text().splitlines()]
            lines = [line for line in lines if line and not line.startswith(("import", "from"))]
            for start in range(len(lines) - SAME_LINES + 1):
                window = tuple(itertools.islice(lines, start, start + SAME_LINES))
                other = seen.setdefault(window, head.name)
                assert other == head.name, f"{path}: {window[0]!r} ... stands in {other}, too"


@pytest.mark.parametrize("name", HEADS)
def test_names_are_identifiers(name: str) -> None:
    assert name.isidentifier()

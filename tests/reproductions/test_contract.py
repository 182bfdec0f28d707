"""What every reproduction must keep: the contract between NAME.toml, NAME.py and the documents."""

import dataclasses
import importlib
import itertools
import pathlib
import re

import pytest

from common import claims, data, records, runner, sources

ROOT = pathlib.Path(__file__).parents[2]
HEADS = claims.load_all(ROOT / "reproductions")
DOCUMENTS = ROOT.parent / "shared" / "sources"


@pytest.fixture(params=HEADS)
def head(request: pytest.FixtureRequest) -> claims.Reproduction:
    return HEADS[request.param]


def module_of(head: claims.Reproduction):
    return importlib.import_module(f"reproductions.{head.name}")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_module_and_toml_have_the_same_variants(head: claims.Reproduction) -> None:
    assert list(module_of(head).VARIANTS) == list(head.variants)


def test_every_variant_serves_a_claim_or_a_figure(head: claims.Reproduction) -> None:
    source = (ROOT / "reproductions" / f"{head.name}.py").read_text()
    used = {claim.variant for claim in head.claims}
    used |= {claim.than.variant for claim in head.claims if getattr(claim, "than", None)}
    for variant in set(head.variants) - used:
        assert source.count(f'"{variant}"') > 1, (
            f"{variant}: measured, then neither judged nor drawn"
        )


def test_docstring_names_source_stated_and_silent(head: claims.Reproduction) -> None:
    text = module_of(head).__doc__
    assert all(f"\n{part}" in text for part in ("Source:", "Stated:", "Silent about:"))


def test_what_falls_would_be_corrected(head: claims.Reproduction) -> None:
    """An erratum is declared because it is expected to fall, so it says what is right."""
    for claim in head.claims:
        if claim.weight == "erratum":
            assert claim.correction or isinstance(claim, claims.Statement), claim.id


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="the documents are not here")
def test_quotes_are_verbatim(head: claims.Reproduction) -> None:
    for claim in head.claims:
        for place in claim.places:
            if file := sources.SOURCES[place.source].file:
                text = squeezed((DOCUMENTS / file).read_text())
                assert squeezed(place.quote) in text, f"{claim.id}: {place.quote}"


@pytest.mark.usefixtures("data_dir")
def test_a_smoke_run_yields_what_is_declared_and_can_be_drawn(
    head: claims.Reproduction, tmp_path: pathlib.Path
) -> None:
    data.prepare(head.data)
    module = module_of(head)
    changes = getattr(module, "SHORTENED", {}).get("smoke", {})
    stored = {}
    for variant in head.variants.values():
        config = dataclasses.replace(module.VARIANTS[variant.name], **changes)
        seeds = range(variant.seeds["smoke"])
        measured = list(itertools.islice(module.run(config, seeds), len(seeds)))
        assert len(measured) == len(seeds)
        assert set().union(*measured) <= {*head.metrics, *head.arrays}
        path = tmp_path / f"{variant.name}.jsonl"
        for seed, values in zip(seeds, measured, strict=True):
            record = {"seed": seed, "config": dataclasses.asdict(config), "measurements": values}
            records.append(path, record)
        stored[variant.name] = records.read(path)
    judged = {claim.metric for claim in head.claims if claim.metric}
    measured_somewhere = {
        metric for rows in stored.values() for row in rows for metric in row["measurements"]
    }
    assert judged <= measured_somewhere
    captions = module.plot(stored, tmp_path)
    assert captions
    assert set(captions) == {path.name for path in tmp_path.glob("*.png")}
    assert module.plot({}, tmp_path) == {}, "plot must cope with variants that were not run"


def test_the_runner_finds_every_module(head: claims.Reproduction) -> None:
    assert runner.load_module(head) is module_of(head)

"""Every figure on records of every shape that a run can leave, without training anything.

A smoke run gives each variant's shortest records; the committed reference run, where it has the
variant, the longest. Grown or cut to a profile's numbers of seeds they have the shapes that a
user's run has: different numbers of seeds, curves cut short in some variants, variants not run.
"""

import json
import pathlib
import warnings

import pytest

from common import claims, plots, records, variants
from tests import contract
from tests.contract import ROOT

REFERENCE = ROOT / "results" / "reference"


def reference(head: claims.Reproduction, variant: str) -> list[dict]:
    """The committed records of a variant; none where it was not run."""
    folder = REFERENCE / head.name
    stored = records.current(records.read(folder / f"{variant}.jsonl"))
    return [{**record, "folder": folder} for record in stored]


def grown(some: list[dict], seeds: int) -> list[dict]:
    """As many records as asked for: those given, again and again."""
    return [{**some[seed % len(some)], "seed": seed} for seed in range(seeds)]


def shaped(head: claims.Reproduction, smoke: dict, profile: str) -> dict[str, list[dict]]:
    """Records of the shape that a profile leaves."""
    found = {}
    for name, shortest in smoke.items():
        declared = head.variants[name]
        file = head.path.with_name(f"{declared.experiment}.py")
        short = profile == "smoke" or variants.shortened(file, profile, name)
        whole = [] if short else reference(head, name)
        usable = [record for record in whole if _metrics([record]) == _metrics(shortest)]
        found[name] = grown(usable or shortest, declared.seeds[profile])
    return found


def _metrics(some: list[dict]) -> set[str]:
    return some[0]["measurements"].keys()


def draw(drawing: plots.Drawing, runs: dict, head: claims.Reproduction, folder: pathlib.Path):
    """Draw as the runner does; a warning of matplotlib's is a fault, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        file, caption = drawing.save(runs, head.curves, folder)
    assert (folder / file).read_bytes().startswith(b"\x89PNG")
    assert caption.strip()
    assert "nan" not in caption.lower().split()


@pytest.mark.parametrize("profile", ["smoke", "standard", "full"])
def test_records_of_every_profile_are_drawn(
    head: claims.Reproduction, figures, smoke: dict, profile: str, tmp_path: pathlib.Path
) -> None:
    runs = shaped(head, smoke, profile)
    drawings = plots.drawings(figures)
    assert drawings, "a reproduction without a figure"
    for drawing in drawings:
        assert drawing.is_possible(runs) or not runs.keys() >= head.variants.keys()
        if drawing.is_possible(runs):
            draw(drawing, runs, head, tmp_path)


def test_one_seed_is_drawn(
    head: claims.Reproduction, figures, smoke: dict, tmp_path: pathlib.Path
) -> None:
    runs = {name: some[:1] for name, some in smoke.items()}
    for drawing in plots.drawings(figures):
        draw(drawing, runs, head, tmp_path)


def test_every_variant_may_be_missing(
    head: claims.Reproduction, figures, smoke: dict, tmp_path: pathlib.Path
) -> None:
    for drawing in plots.drawings(figures):
        for missing in drawing.also:
            draw(drawing, {**smoke, missing: []}, head, tmp_path)
        for missing in drawing.needs:
            assert not drawing.is_possible({**smoke, missing: []})
        if drawing.also:
            draw(drawing, {name: smoke[name] for name in drawing.needs}, head, tmp_path)


def test_seeds_may_differ_between_variants(
    head: claims.Reproduction, figures, smoke: dict, tmp_path: pathlib.Path
) -> None:
    """What broke `make reproduce` once: two variants, two numbers of seeds."""
    runs = {name: grown(some, 3 + number % 4) for number, (name, some) in enumerate(smoke.items())}
    for drawing in plots.drawings(figures):
        draw(drawing, runs, head, tmp_path)


def test_figures_draw_from_records_alone(head: claims.Reproduction) -> None:
    """No figure trains, or reads a data set or another file."""
    imported = contract.imported_names(head.path.with_name("figures.py"))
    assert not imported & {"training", "data", "keras", "tensorflow", "tensorflow_datasets"}


def test_records_survive_json(smoke: dict) -> None:
    for some in smoke.values():
        for record in some:
            json.dumps(records.plain(record["measurements"]), allow_nan=False)

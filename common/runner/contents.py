"""What a run folder holds in the end: all that judging and reporting need."""

import dataclasses
import json
import pathlib

from common import claims, records
from common.runner import folder as folders

PLOTS = "plots"  # the folder of a reproduction's pictures
CAPTIONS = "captions.json"
PNG_BEGINS, PNG_ENDS = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB\x60\x82"


@dataclasses.dataclass(frozen=True)
class Stored:
    """What a run folder holds of one reproduction."""

    records: dict[str, list[records.Record]]  # variant -> its records, by seed
    seeds: dict[str, int]  # variant -> how many there should be
    errors: dict[str, str]  # variant -> why it crashed
    figure_errors: dict[str, str]  # figure -> why it is not there; "figures" for all of them
    captions: dict[str, str]  # file name of a picture -> its caption
    damage: list[str]  # what to tell of damaged files, a line each
    seconds: float
    withheld: str | None  # why there are to be no verdicts


def stored(reproduction: claims.Reproduction, folder: pathlib.Path) -> Stored:
    """Read one reproduction's part of a run folder."""
    home = folder / reproduction.name
    expected = folders.read_manifest(folder).get("reproductions", {}).get(reproduction.name, {})
    seeds = {
        variant: number
        for variant, number in expected.get("seeds", {}).items()
        if variant in reproduction.variants
    }
    found, damage = {}, []
    for variant, number in seeds.items():
        tail = records.Tail(home / f"{variant}.jsonl")
        current = records.current(tail.read())
        found[variant] = [record for record in current if record["seed"] < number]
        damage += records.told(tail.damaged, "left out")
    captions, damaged = _captions(home / PLOTS) or {}, damaged_figures(reproduction, folder)
    damage += [f"{path}: damaged, so figures are left out; --report draws them" for path in damaged]
    failures = {variant: _first_line(home / f"{variant}.error.txt") for variant in seeds}
    figures = {
        path.name.removesuffix(".error.txt"): _first_line(path)
        for path in sorted((home / PLOTS).glob("*.error.txt"))
    }
    return Stored(
        records={variant: some for variant, some in found.items() if some},
        seeds=seeds,
        errors={variant: line for variant, line in failures.items() if line},
        figure_errors={figure: line for figure, line in figures.items() if line},
        captions={key: text for key, text in captions.items() if home / PLOTS / key not in damaged},
        damage=damage,
        seconds=sum(record["seconds"] for some in found.values() for record in some),
        withheld="smoke profile: verdicts withheld" if expected.get("profile") == "smoke" else None,
    )


def damaged_figures(reproduction: claims.Reproduction, folder: pathlib.Path) -> list[pathlib.Path]:
    """The pictures that have a caption and are not whole, or the captions' own file."""
    plots = folder / reproduction.name / PLOTS
    captions = _captions(plots)
    if captions is None:
        return [plots / CAPTIONS]
    return [plots / name for name in captions if not _is_whole(plots / name)]


def _captions(plots: pathlib.Path) -> dict[str, str] | None:
    """File name of a picture -> its caption; None where the file of captions is damaged."""
    try:
        captions = json.loads((plots / CAPTIONS).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        return None
    if isinstance(captions, dict) and all(isinstance(text, str) for text in captions.values()):
        return captions
    return None


def _is_whole(picture: pathlib.Path) -> bool:
    try:
        content = picture.read_bytes()
    except OSError:
        return False
    return content.startswith(PNG_BEGINS) and content.endswith(PNG_ENDS)


def _first_line(path: pathlib.Path) -> str | None:
    """The first line of an error file; None where there is none."""
    try:
        text = path.read_text("utf-8", errors="backslashreplace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    return text.partition("\n")[0].strip("\0 ") or f"it crashed, and {path.name} is empty"

"""One reproduction as its `claims.toml` declares it: experiments, passages, findings."""

import dataclasses
import pathlib
import re
import string

from common.claims import kinds


@dataclasses.dataclass(frozen=True)
class Variant:
    """One protocol of an experiment: seeds per profile and data sets are resolved already.

    `packages` are optional ones that it imports; where one is missing the variant is left out.
    """

    name: str
    about: str
    seeds: dict[str, int]
    data: tuple[str, ...]
    experiment: str = "experiment"
    packages: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One experiment file and its variants, in the order of its code."""

    name: str
    path: pathlib.Path
    variants: dict[str, Variant]


@dataclasses.dataclass(frozen=True)
class Metric:
    """What a measurement, or an array, means; `unit` is empty for a pure number."""

    means: str
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class Passage:
    """One sentence of the documents, and its claims: the first is the sentence's own.

    `reading` says how the sentence is understood, where that needs saying.
    """

    id: str
    places: tuple[kinds.Place, ...]
    reading: str
    claims: tuple[kinds.Claim, ...]


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A measured number that a finding's text names as {variant.metric[at]:format}."""

    variant: str
    metric: str
    at: int | None
    format: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """A conclusion explained to a student, or what stands beside a sentence that holds.

    Its four texts answer: what does the document's figure plot, what happens on data the network
    has not seen, why, and what works? Their numbers are `Quantity`s: none is typed by hand. It is
    shown where its first claim is refuted; with `shown` "always", wherever that was judged.
    """

    title: str
    claims: tuple[str, ...]
    figure: str  # a file of `plot`, without ".png"
    plots: str
    unseen: str
    why: str
    works: str
    shown: str = "refuted"


@dataclasses.dataclass(frozen=True)
class Reproduction:
    """One `claims.toml`. `minutes` is per profile, `seed_seconds` a limit."""

    name: str
    path: pathlib.Path
    title: str
    sources: tuple[str, ...]
    minutes: dict[str, float]
    minimum_seeds: int = 10
    seed_seconds: int = 120
    experiments: dict[str, Experiment] = dataclasses.field(default_factory=dict)
    metrics: dict[str, Metric] = dataclasses.field(default_factory=dict)
    arrays: dict[str, Metric] = dataclasses.field(default_factory=dict)
    curves: dict[str, kinds.Curve] = dataclasses.field(default_factory=dict)
    passages: tuple[Passage, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def variants(self) -> dict[str, Variant]:
        """The variants of all experiments, in order."""
        return {
            name: variant
            for experiment in self.experiments.values()
            for name, variant in experiment.variants.items()
        }

    @property
    def claims(self) -> tuple[kinds.Claim, ...]:
        """The claims of all passages, in order."""
        return tuple(claim for passage in self.passages for claim in passage.claims)

    @property
    def data(self) -> tuple[str, ...]:
        """The data sets that its variants need."""
        return tuple(dict.fromkeys(name for each in self.variants.values() for name in each.data))


def parts(text: str) -> list[str | Quantity]:
    """Cut a finding's text into words and the quantities between them.

    Raises:
        ValueError: a placeholder is none, or a brace stands alone.
    """
    found: list[str | Quantity] = []
    for words, name, form, conversion in string.Formatter().parse(text):
        if words:
            found.append(words)
        if name is not None:
            match = re.fullmatch(r"(\w+)\.(\w+)(?:\[(-?\d+)\])?", name)
            if not match or conversion:
                raise ValueError(f"{{{name}}} is no {{variant.metric}} or {{variant.metric[3]}}")
            variant, metric, at = match.groups()
            found.append(Quantity(variant, metric, None if at is None else int(at), form or ".3g"))
    return found

"""What the judge hands out: a verdict on every claim, and one on every passage."""

import collections.abc
import dataclasses

from common import claims

CONFIRMED = "CONFIRMED"
CONSISTENT = "CONSISTENT"
REFUTED = "REFUTED"
UNRESOLVED = "UNRESOLVED"
NOT_CHECKABLE = "NOT_CHECKABLE"
NOT_RUN = "NOT_RUN"
ERROR = "ERROR"

# Of passages, which may be NOT_CHECKABLE, NOT_RUN and ERROR too.
HOLDS = "HOLDS"
FALLS = "FALLS"
IN_PART = "IN_PART"
OPEN = "OPEN"

LEVEL = 0.01  # of every test: a claim that is true is refuted this often, at most


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One line of verdicts.json; floats may be infinite, and what does not apply is None.

    `p` is the chance of runs that speak at least as much against the claim, if the claim is true.
    """

    claim: str
    passage: str
    reproduction: str
    source: str
    where: str
    quote: str
    says: str
    kind: str
    weight: str
    variant: str | None
    metric: str | None
    cited: str | None
    margin: float | None
    verdict: str
    side: str | None
    n: int | None
    mean: float | None
    sd: float | None
    interval_low: float | None
    interval_high: float | None
    p: float | None
    measured: float | str | None
    evidence: str
    correction: str | None
    reason: str | None


@dataclasses.dataclass(frozen=True)
class PassageVerdict:
    """One line of passages.json: a sentence, its verdict, and the ids of its claims."""

    passage: str
    reproduction: str
    source: str
    where: str
    quote: str
    verdict: str
    claims: tuple[str, ...]


def passages(
    reproduction: claims.Reproduction, verdicts: collections.abc.Iterable[Verdict]
) -> list[PassageVerdict]:
    """The verdict on every passage of a reproduction, in the order of the TOML.

    Args:
        reproduction: from `claims.load`.
        verdicts: what `judge` made of its claims.
    """
    found = {verdict.claim: verdict for verdict in verdicts}
    return [
        PassageVerdict(
            passage=passage.id,
            reproduction=reproduction.name,
            source=sources_of(passage.places),
            where=where_of(passage.places),
            quote=quotes_of(passage.places),
            verdict=_passage([found[claim.id] for claim in passage.claims]),
            claims=tuple(claim.id for claim in passage.claims),
        )
        for passage in reproduction.passages
    ]


def sources_of(places: collections.abc.Sequence[claims.Place]) -> str:
    """The documents that say it, in order."""
    return "; ".join(place.source for place in places)


def where_of(places: collections.abc.Sequence[claims.Place]) -> str:
    """Where each of them says it."""
    return "; ".join(place.where for place in places)


def quotes_of(places: collections.abc.Sequence[claims.Place]) -> str:
    """In what words."""
    return " / ".join(place.quote for place in places)


def _passage(verdicts: list[Verdict]) -> str:
    """What becomes of a sentence whose claims got these verdicts; the first claim is its own."""
    own = verdicts[0]
    given = {verdict.verdict for verdict in verdicts}
    refuted = [verdict for verdict in verdicts if verdict.verdict == REFUTED]
    if ERROR in given:
        return ERROR
    if any(each.weight == "headline" or _is_its_own(each, own) for each in refuted):
        return FALLS
    if refuted:
        return IN_PART
    if NOT_RUN in given:
        return NOT_RUN
    if UNRESOLVED in given:
        return OPEN
    return NOT_CHECKABLE if given == {NOT_CHECKABLE} else HOLDS


def _is_its_own(verdict: Verdict, own: Verdict) -> bool:
    """Whether a claim is what the sentence itself says, and no slip beside it."""
    return verdict is own and verdict.weight != "erratum"


def expected_by_chance(verdicts: collections.abc.Iterable[Verdict]) -> float:
    """How many claims chance alone would refute, at most: one in a hundred of those tested.

    Tested are the claims that have a p value. The number would be reached if every one of them were
    true; tests by rank, and bounds and orderings that hold by far, refute less often.
    """
    return LEVEL * sum(verdict.p is not None for verdict in verdicts)

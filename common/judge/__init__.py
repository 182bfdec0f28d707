"""Hold what was measured against what the documents say: records and claims in, verdicts out.

Nothing is trained here, and nothing but records is read. The rules are section 4 of the design; one
module a kind of claim states its rule and the choices that the design leaves open:

    certain      exact values, identities, printed figures, readings, statements: no chance in them
    one_number   a cited number, and the power of its test
    curves       a cited curve, as a whole
    bounds       a figure that is passed
    orderings    one thing larger than another, seed by seed
    shares       what can happen, what always or never does, and how often

`verdicts` holds what comes out, for claims and for passages; `evidence` hands out the records where
they can be judged; `words` names things for the reader. The tests themselves are pure functions of
arrays (`one_number.judge_numbers`, `curves.judge_curve`, `orderings.judge_ordering`, and
`common.intervals`).

For all kinds:

- Every test has the level 1 %: REFUTED means p <= 0.01.
- A crashed variant gives ERROR in every profile, also where verdicts are withheld.
- What needs no run (printed, by_reading, statement) has its verdict in every profile.
- A variant has no randomness if one seed is all that its full profile declares.
"""

import collections.abc
import dataclasses
import typing

from common import claims
from common.judge import bounds, certain, curves, evidence, one_number, orderings, shares, verdicts
from common.judge.verdicts import (
    CONFIRMED,
    CONSISTENT,
    ERROR,
    FALLS,
    HOLDS,
    IN_PART,
    LEVEL,
    NOT_CHECKABLE,
    NOT_RUN,
    OPEN,
    REFUTED,
    UNRESOLVED,
    PassageVerdict,
    Verdict,
    expected_by_chance,
    passages,
)

__all__ = [
    "CONFIRMED",
    "CONSISTENT",
    "ERROR",
    "FALLS",
    "HOLDS",
    "IN_PART",
    "LEVEL",
    "NOT_CHECKABLE",
    "NOT_RUN",
    "OPEN",
    "REFUTED",
    "RULES",
    "UNRESOLVED",
    "PassageVerdict",
    "Verdict",
    "expected_by_chance",
    "judge",
    "passages",
]


def _number(claim: claims.Number, run: evidence.Run) -> evidence.Finding:
    if claim.curve is None:
        return one_number.number(claim, run)
    return curves.curve(claim, claim.curve, run)


RULES: dict[type[claims.Claim], collections.abc.Callable[..., evidence.Finding]] = {
    claims.Exact: certain.exact,
    claims.Identity: certain.identity,
    claims.Number: _number,
    claims.Bound: bounds.bound,
    claims.Ordering: orderings.ordering,
    claims.Can: shares.can,
    claims.Always: shares.always,
    claims.Printed: certain.printed,
    claims.ByReading: certain.by_reading,
    claims.Statement: certain.statement,
}


def judge(
    reproduction: claims.Reproduction,
    records: evidence.Records,
    *,
    seeds: collections.abc.Mapping[str, int],
    errors: collections.abc.Mapping[str, str] | None = None,
    withheld: str | None = None,
) -> list[Verdict]:
    """Judge every claim of a reproduction.

    Args:
        reproduction: from `claims.load`.
        records: per variant, the records read from its JSONL file, in any order.
        seeds: per variant, how many seeds there must be: 0 to n - 1.
        errors: per variant that crashed, the message.
        withheld: why no verdicts are wanted (a smoke run), if so.

    Returns:
        One verdict per claim, in the order of the TOML.
    """
    run = evidence.Run(reproduction, records, seeds, errors or {}, withheld)
    return [_verdict(claim, run) for claim in reproduction.claims]


def _verdict(claim: claims.Claim, run: evidence.Run) -> Verdict:
    try:
        finding = RULES[type(claim)](claim, run)
    except evidence.NoVerdictError as stop:
        finding = stop.finding
    else:
        note = run.shortened(claim)
        finding = dataclasses.replace(finding, evidence=finding.evidence + note)
    margin: typing.Any = getattr(claim, "margin", None)
    return Verdict(
        claim=claim.id,
        passage=claim.passage,
        reproduction=run.reproduction.name,
        source=verdicts.sources_of(claim.places),
        where=verdicts.where_of(claim.places),
        quote=verdicts.quotes_of(claim.places),
        says=claim.says,
        kind=claim.kind,
        weight=claim.weight,
        variant=claim.variant or None,
        metric=claim.metric or None,
        cited=claim.stated,
        margin=None if margin is None else float(margin),
        correction=(claim.correction or None) if finding.verdict == REFUTED else None,
        **vars(finding),
    )

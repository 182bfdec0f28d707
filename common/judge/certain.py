"""Claims without chance: exact values, identities, what a document prints, and what is read in it.

None of them has confidence bounds or a p value.

- exact: |measured - cited| <= d, half a unit of the last meant digit or the margin.
- identity: two computations differ by no more than the tolerance, for every seed.
- printed: from the printed curve's own values. "==" allows half a unit of the cited value's last
  digit, or the margin if that is more; a share of 0 or 1 means none and all. For the other
  comparisons the margin, the accuracy with which a figure can be read, speaks for the text.
- by_reading: CONFIRMED or REFUTED as declared; nothing is measured.
- statement: NOT_CHECKABLE, with its reason.

The last three need no run, so they have their verdict in every profile.
"""

import decimal
import itertools
import math
import operator
import typing

import numpy as np

from common import claims
from common.judge import evidence, verdicts, words

_COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_ZERO = decimal.Decimal(0)


def exact(claim: claims.Exact, run: evidence.Run) -> evidence.Finding:
    """A value without randomness, or a list of them, from seed 0."""
    value = evidence.pick(run.first(claim.variant), claim.metric, claim.at)
    if isinstance(claim.cited, tuple):
        return _exact_list(claim, value, claim.cited)
    measured = evidence.as_number(value, claim.metric)
    same = _agrees(measured, claim.cited, claim)
    return evidence.Finding(
        verdict=verdicts.CONFIRMED if same else verdicts.REFUTED,
        evidence=f"measured {measured:.10g}, cited {claim.cited}",
        side=None if same else words.side(measured, float(claim.cited)),
        n=1,
        measured=int(measured) if measured.is_integer() else words.plain(measured),
    )


def _exact_list(
    claim: claims.Exact, value: typing.Any, cited: tuple[decimal.Decimal, ...]
) -> evidence.Finding:
    if not isinstance(value, list):
        what = f"'{claim.metric}' is no list; the claim cites {len(cited)} values"
        raise evidence.NoVerdictError(verdicts.ERROR, what)
    measured = [evidence.as_number(part, claim.metric) for part in value]
    shown = f"[{', '.join(f'{part:.10g}' for part in measured)}]"
    same, told = False, f"measured {len(measured)} values, {shown}; cited are {len(cited)}"
    if len(measured) == len(cited):
        pairs = list(zip(measured, cited, strict=True))
        wrong = [i for i, pair in enumerate(pairs) if not _agrees(*pair, claim)]
        same, told = not wrong, f"all {len(pairs)} values agree: {shown}"
        if wrong:
            part, said = pairs[wrong[0]]
            told = (
                f"{len(wrong)} of {len(pairs)} values differ; {words.element(wrong[0])} is"
                f" {part:.10g}, cited {said}"
            )
    verdict = verdicts.CONFIRMED if same else verdicts.REFUTED
    return evidence.Finding(verdict=verdict, evidence=told, n=1, measured=shown)


def _agrees(measured: float, cited: decimal.Decimal, claim: claims.Exact) -> bool:
    """Whether they are equal to the cited precision, and a few units in the last place."""
    allowed = tolerance(cited, claim) + 4 * math.ulp(float(cited) or 1.0)
    return abs(measured - float(cited)) <= allowed  # never true of NaN


def tolerance(cited: decimal.Decimal, claim: claims.Exact | claims.Number) -> float:
    """The d of the design: half a unit of the last meant digit, or the margin if that is more."""
    return float(max(claims.half_unit(cited, claim.digits), claim.margin or _ZERO))


def identity(claim: claims.Identity, run: evidence.Run) -> evidence.Finding:
    """Two computations of the same thing; the metric is their largest difference."""
    values = np.abs(run.values(claim))
    largest = float(values.max())  # NaN if any is
    same = largest <= float(claim.tolerance)
    return evidence.Finding(
        verdict=verdicts.CONFIRMED if same else verdicts.REFUTED,
        evidence=f"largest difference {words.show(largest)} over {words.seeds(len(values))};"
        f" at most {claim.tolerance} is allowed",
        n=len(values),
        measured=words.plain(largest),
    )


def printed(claim: claims.Printed, run: evidence.Run) -> evidence.Finding:
    """A sentence held against the document's own printed figure or log."""
    value = _printed_value(claim.printed)
    told = f"in the printed curve '{claim.curve.name}' {_printed_words(claim.printed, value)}"
    if claim.than is None:
        other = claim.cited if claim.cited is not None else _ZERO
    else:
        other = _printed_value(claim.than)
        where = "" if claim.than.curve == claim.curve else f" in '{claim.than.curve.name}'"
        told += f", and{where} {_printed_words(claim.than, other)}"
    holds = _compared(claim, value, other)
    return evidence.Finding(
        verdict=verdicts.CONFIRMED if holds else verdicts.REFUTED,
        evidence=told + (f" (read to {claim.margin})" if claim.margin else ""),
        side=None if holds else words.side(float(value), float(other)),
        measured=words.plain(float(value)),
    )


def _compared(claim: claims.Printed, value: decimal.Decimal, other: decimal.Decimal) -> bool:
    margin = claim.margin or _ZERO
    if claim.op != "==":
        towards = margin if claim.op[0] == ">" else -margin
        return _COMPARE[claim.op](value + towards, other)
    all_or_none = claim.value == "share_rising" and other in (0, 1)
    if claim.cited is not None and not all_or_none:
        margin = max(margin, claims.half_unit(claim.cited))
    return value == other or abs(value - other) <= margin


def _printed_value(of: claims.PrintedValue) -> decimal.Decimal:
    """One value of a printed curve, as declared; see `claims.PrintedValue`."""
    y = of.curve.y
    match of.value:
        case "first" | "last" | "at":
            return y[{"first": 0, "last": -1}.get(of.value, of.at or 0)]
        case "largest" | "smallest":
            return max(y) if of.value == "largest" else min(y)
        case "mean":
            return sum(y, _ZERO) / len(y)
        case "rise":
            return y[-1] - y[0]
        case "share_rising":
            rising = sum(after > before for before, after in itertools.pairwise(y))
            return decimal.Decimal(rising) / (len(y) - 1)
        case _:
            return _first_reaching(of.curve, of.level if of.level is not None else _ZERO)


def _first_reaching(curve: claims.Curve, level: decimal.Decimal) -> decimal.Decimal:
    """The x of the first point at the level or beyond it, seen from the first point."""
    reached = operator.ge if level > curve.y[0] else operator.le
    for x, y in zip(curve.x, curve.y, strict=True):
        if reached(y, level):
            return x
    return decimal.Decimal("Infinity")


def _printed_words(of: claims.PrintedValue, value: decimal.Decimal) -> str:
    shown = words.show(value)
    match of.value:
        case "at":
            return f"the point at x = {of.curve.x[of.at or 0]} is {shown}"
        case "mean":
            return f"the mean of the points is {shown}"
        case "rise":
            where = "below" if value < 0 else "above"
            return f"the last point lies {words.show(abs(value))} {where} the first"
        case "share_rising":
            return f"{words.percent(float(value))} of the steps go up"
        case "first_reaching":
            met = f"first at x = {shown}" if value.is_finite() else "nowhere"
            return f"the level {of.level} is reached {met}"
        case _:
            return f"the {of.value} point is {shown}"


def by_reading(claim: claims.ByReading, run: evidence.Run) -> evidence.Finding:
    """A text held against its own code, or against another place of the documents."""
    return evidence.Finding(
        verdict=verdicts.CONFIRMED if claim.holds else verdicts.REFUTED,
        evidence=f"By reading: {claim.finds}",
    )


def statement(claim: claims.Statement, run: evidence.Run) -> evidence.Finding:
    """A statement with nothing to measure."""
    return evidence.Finding(verdict=verdicts.NOT_CHECKABLE, reason=claim.reason)

"""Bounds: a figure that the documents say is passed ("over 92 %").

- holds_for = "a run": an attained result is an existence. CONFIRMED where a run attains it; REFUTED
  where it lies beyond the 99 % one-sided prediction bound of a run, m + t(0.99; n - 1) s
  sqrt(1 + 1/n) for "over"; by rank where none of 199 runs attains it; else UNRESOLVED. The share of
  runs that attain it, the mean and its bounds stand in the evidence.
- holds_for = "the mean": CONFIRMED or REFUTED where both ends of the mean's one-sided 99 % bounds
  say the same, UNRESOLVED else and under the least number of seeds.

Choices:

- A run that attains it is enough, whatever the number of seeds; REFUTED needs the least number.
- By rank 99 runs would do for a bound of 99 %. 199 are asked for as everywhere by rank, since a
  result that was attained once may be rare.
- Infinite values are compared as they are, and NaN attains nothing. On the linear scale there is no
  prediction bound then: UNRESOLVED, or REFUTED where all of 37 runs or more diverged.
- A variant without randomness (one seed at the full profile) decides by its one value.
- The interval of a verdict is what was judged: the two one-sided bounds of a run, or of the mean.
"""

import operator

import numpy as np
import numpy.typing as npt

from common import claims, intervals
from common.judge import evidence, one_number, verdicts, words

COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_WORDS = {">": "above", ">=": "at least", "<": "below", "<=": "at most"}


def bound(claim: claims.Bound, run: evidence.Run) -> evidence.Finding:
    """A figure that is said to be passed, by a run or by the mean."""
    values = run.values(claim)
    attained = COMPARE[claim.op](values, float(claim.cited))
    told = ""
    if claim.at is not None:
        told = words.measured(claim.metric, claim.at, run.reproduction.metrics) + ": "
    told += f"{int(attained.sum())} of {words.seeds(len(values))}"
    told += f" ({words.percent(attained.mean())})" if len(values) > 1 else ""
    told += f" {'is' if len(values) == 1 else 'are'} {_WORDS[claim.op]} {claim.cited}"
    if run.deterministic(claim.variant):
        return _as_measured(claim, values, attained, told)
    if claim.holds_for == "the mean":
        return _of_the_mean(claim, values, told, run.minimum_seeds)
    return _of_a_run(claim, values, attained, told, run.minimum_seeds)


def _as_measured(
    claim: claims.Bound, values: npt.NDArray, attained: npt.NDArray, told: str
) -> evidence.Finding:
    """A variant without randomness."""
    verdict = verdicts.CONFIRMED if attained.all() else verdicts.REFUTED
    return evidence.Finding(
        verdict=verdict,
        evidence=f"measured {words.show(values[0])}, without randomness; {told}",
        side=_side(claim, verdict),
        n=len(values),
        measured=words.plain(float(values[0])),
    )


def attained_test(
    values: npt.ArrayLike, cited: npt.ArrayLike, op: str, *, scale: str = "linear"
) -> npt.NDArray:
    """One-sided p of a further run that attains what is cited; NaN where some runs diverged.

    Args:
        values: [n] or [n, P], a row per seed.
        cited: a number or [P].
        op: how a run attains it: one of `COMPARE`.
        scale: "linear" or "rank".
    """
    values, said = np.asarray(values, dtype=float), np.asarray(cited, dtype=float)
    attained = COMPARE[op](values, said)
    n = len(values)
    if scale == "rank":
        return (1 + attained.sum(axis=0)) / (n + 1)
    with np.errstate(all="ignore"):
        tails = intervals.prediction_tails(values, said)
        p = _strict(values, said, op, tails)
    finite = np.isfinite(values)
    none = ~finite.any(axis=0) & ~attained.any(axis=0)
    p = np.where(finite.all(axis=0), p, np.nan)
    return np.where(none, intervals.all_diverged(n), p)


def _strict(
    values: npt.NDArray, cited: npt.NDArray, op: str, tails: intervals.Interval
) -> npt.NDArray:
    """The tail that an op is about; without any spread it is 1 or 0."""
    met = COMPARE[op](values[0], cited).astype(float)
    return np.where(
        (values == values[0]).all(axis=0), met, tails.high if op[0] == ">" else tails.low
    )


def _of_a_run(
    claim: claims.Bound, values: npt.NDArray, attained: npt.NDArray, told: str, minimum_seeds: int
) -> evidence.Finding:
    n, by_rank = len(values), claim.scale == "rank"
    p = attained_test(values, float(claim.cited), claim.op, scale=claim.scale)
    with np.errstate(all="ignore"):
        mean, deviation = intervals.mean_and_deviation(values)
        means = intervals.mean_bounds(values, 0.99)
        if by_rank:
            runs, _ = intervals.rank_prediction(values, 0.98)
        else:
            runs = intervals.prediction_bounds(values, 0.99)
    verdict, ending = verdicts.UNRESOLVED, ""
    if attained.any():
        verdict = verdicts.CONFIRMED
    elif n < minimum_seeds:
        ending = f"; a verdict needs {minimum_seeds} seeds"
    elif by_rank and n < one_number.RANK_SEEDS:
        ending = f"; by rank it takes {one_number.RANK_SEEDS} seeds to refute it"
    else:
        verdict = verdicts.REFUTED if p <= verdicts.LEVEL else verdict
        ending = _further_words(claim, runs)
    return evidence.Finding(
        verdict=verdict,
        evidence=told + ending + _mean_words(values, mean, means),
        side=_side(claim, verdict),
        n=n,
        mean=words.finite(mean),
        sd=words.finite(deviation),
        interval_low=words.unless_nan(runs.low),
        interval_high=words.unless_nan(runs.high),
        p=words.finite(p) if n >= minimum_seeds else None,
        measured=words.plain(float(mean)),
    )


def _further_words(claim: claims.Bound, runs: intervals.Interval) -> str:
    """What the prediction bound says of further runs, where there is one."""
    side, end = ("below", runs.high) if claim.op[0] == ">" else ("above", runs.low)
    if not np.isfinite(end):
        return ""
    return f"; 99 % of further runs are to be expected {side} {words.show(end)}"


def _of_the_mean(
    claim: claims.Bound, values: npt.NDArray, told: str, minimum_seeds: int
) -> evidence.Finding:
    n, cited, meets = len(values), float(claim.cited), COMPARE[claim.op]
    finite = np.isfinite(values)
    with np.errstate(all="ignore"):
        mean, deviation = intervals.mean_and_deviation(values)
        means = intervals.mean_bounds(values, 0.99)
        tails = intervals.mean_tails(values, cited)
        p = _strict(values, np.asarray(cited), claim.op, tails) if finite.all() else np.nan
    says = {bool(meets(end, cited)) for end in (means if finite.all() else values)}
    if n < minimum_seeds:
        verdict, told = verdicts.UNRESOLVED, f"{told}; a verdict needs {minimum_seeds} seeds"
    elif len(says) == 2 or (finite.any() and not finite.all()):
        verdict = verdicts.UNRESOLVED
    else:
        verdict = verdicts.CONFIRMED if says == {True} else verdicts.REFUTED
    return evidence.Finding(
        verdict=verdict,
        evidence=told + _mean_words(values, mean, means),
        side=_side(claim, verdict),
        n=n,
        mean=words.finite(mean),
        sd=words.finite(deviation),
        interval_low=words.finite(means.low),
        interval_high=words.finite(means.high),
        p=words.finite(p) if n >= minimum_seeds else None,
        measured=words.plain(float(mean)),
    )


def _mean_words(values: npt.NDArray, mean: npt.NDArray, means: intervals.Interval) -> str:
    n, bad = len(values), int((~np.isfinite(values)).sum())
    if bad:
        return f"; {bad} of {words.seeds(n)} ended in infinity or NaN"
    sure = (
        f" (99 % sure to be above {words.show(means.low)}, and 99 % sure to be below"
        f" {words.show(means.high)})"
    )
    return f"; mean {words.show(mean)}" + ("" if np.isnan(means.low) else sure)


def _side(claim: claims.Bound, verdict: str) -> str | None:
    if verdict != verdicts.REFUTED:
        return None
    return "lower" if claim.op[0] == ">" else "higher"

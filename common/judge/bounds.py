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


def _of_a_run(
    claim: claims.Bound, values: npt.NDArray, attained: npt.NDArray, told: str, minimum_seeds: int
) -> evidence.Finding:
    n = len(values)
    with np.errstate(all="ignore"):
        runs, p = _prediction(claim, values, attained)
        beyond = p <= verdicts.LEVEL and (claim.scale != "rank" or n >= one_number.RANK_SEEDS)
        mean, deviation = intervals.mean_and_deviation(values)
        means = intervals.mean_bounds(values, 0.99)
    if attained.any():
        verdict, ending = verdicts.CONFIRMED, ""
    elif n < minimum_seeds:
        verdict, ending = verdicts.UNRESOLVED, f"; a verdict needs {minimum_seeds} seeds"
    elif beyond:
        verdict, ending = verdicts.REFUTED, f", and {_further_words(claim, runs)}"
    else:
        verdict, ending = verdicts.UNRESOLVED, f"; {_further_words(claim, runs)}"
        if claim.scale == "rank":
            ending = f"; by rank it takes {one_number.RANK_SEEDS} seeds to refute it"
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
    """What the prediction bound says of further runs."""
    side, end = ("below", runs.high) if claim.op[0] == ">" else ("above", runs.low)
    return f"99 % of further runs are to be expected {side} {words.show(end)}"


def _prediction(
    claim: claims.Bound, values: npt.NDArray, attained: npt.NDArray
) -> tuple[intervals.Interval, float]:
    """The two one-sided bounds of a run, and the p of a run that attains what is cited."""
    n = len(values)
    if claim.scale == "rank":
        runs, _ = intervals.rank_prediction(values, 0.98)
        return runs, float((1 + attained.sum()) / (n + 1))
    runs = intervals.prediction_bounds(values, 0.99)
    if np.isfinite(values).all():
        tails = intervals.prediction_tails(values, float(claim.cited))
        return runs, _strict(claim, values, tails)
    none = not np.isfinite(values).any() and not attained.any()
    return runs, intervals.all_diverged(n) if none else np.nan


def _strict(claim: claims.Bound, values: npt.NDArray, tails: intervals.Interval) -> float:
    """The p of a run that attains it; without any spread it does or it does not."""
    if (values == values[0]).all():
        return float(COMPARE[claim.op](values[0], float(claim.cited)))
    return float(tails.high if claim.op[0] == ">" else tails.low)


def _of_the_mean(
    claim: claims.Bound, values: npt.NDArray, told: str, minimum_seeds: int
) -> evidence.Finding:
    n, cited, meets = len(values), float(claim.cited), COMPARE[claim.op]
    finite = np.isfinite(values)
    with np.errstate(all="ignore"):
        mean, deviation = intervals.mean_and_deviation(values)
        means = intervals.mean_bounds(values, 0.99)
        p = _strict(claim, values, intervals.mean_tails(values, cited)) if finite.all() else np.nan
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

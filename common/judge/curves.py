"""Cited curves: one claim, one test of the whole curve.

With 99 seeds or more, and always by rank: a curve's score is its mean distance from the median of
the other curves, each point in units of its spread. Every run is scored against the n others, the
cited curve among them, and p = (1 + runs with a score at least as large) / (n + 1). That is exact,
whatever the distribution, since under the claim the n + 1 curves could change places. REFUTED if
p <= 0.01.

With fewer seeds a curve of a normal quantity (linear; log: all on logarithms) is judged by two
tests, p being twice the smaller of their p values:

- its mean shift: the mean of its standardised deviations, one number a curve, held against the
  runs' own by the t test of `one_number`. The points are standardised with the deviations of all
  n + 1 curves, which keeps the test exact (a spherical test: Läuter, Glimm and Kropf 1998; with the
  runs' own deviations ten seeds would refute 2 % of true curves);
- its points together: the smallest p of the points' t tests, times their number (Bonferroni).
  Where the tails are long they refute more than 1 % of true curves (3 % of the stored ones), so
  counts and bounded things go by rank, and more seeds are better.

A curve that is not refuted is CONFIRMED if all points of the mean curve are inside cited +- d by
intervals that hold together with 99 %, and else CONSISTENT; UNRESOLVED, with under 99 seeds, where
more than half of the points have too wide a spread to tell anything (unless the test tells a
declared rival apart), or where a curve by rank lies further out than all runs.

Choices:

- A point's spread is the range of the middle half of all n + 1 curves; where half of them agree,
  their mean distance from the median; where all others agree, the distance is 0 or infinite.
- By rank the distance at a point is the share of the other curves that lie on one side of it beyond
  one half, 0 in the middle and 0.5 at the edge; curves that tie are on neither side.
- The cited curve may be anywhere within d of where it is cited, and gets the smallest distance that
  it can have there; the runs, known exactly, get theirs.
- By rank infinite values are ordinary, and NaN is as far out as can be. On the other scales a run
  with either has diverged, and is left out: the cited curve did not diverge, so it is one of those
  that did not. If all diverged, that is judged as for a number: REFUTED from 37 seeds on.
- `side` is given where the whole curve lies on one side of the runs' centre, touching it at most.
- Power: every run of a rival variant is taken for the cited curve, to the same precision.
"""

import dataclasses

import numpy as np
import numpy.typing as npt
import scipy.stats

from common import claims, intervals
from common.judge import certain, evidence, one_number, verdicts, words

LEAST_SEEDS = 99  # with fewer the first test refutes nothing

_AT_ONCE = 2_000_000  # values of so many rivals' curves are tested together

# Of `Test`: which test it is.
SCORE, T_TESTS, DIVERGED = "score", "t tests", "diverged"


@dataclasses.dataclass(frozen=True)
class Test:
    """What became of one cited curve, or of many that have nothing to do with each other [...]."""

    name: str
    p: npt.NDArray
    score: npt.NDArray  # mean distance of the cited curve, or its mean shift, in spreads
    at_least: npt.NDArray | None = None  # how many runs have a score at least as large
    shift_p: npt.NDArray | None = None
    points_p: npt.NDArray | None = None

    @property
    def refuted(self) -> npt.NDArray:
        """Whether the cited curve cannot come from where the runs come from."""
        return self.p <= verdicts.LEVEL


def judge_curve(
    values: npt.ArrayLike, cited: npt.ArrayLike, tolerance: npt.ArrayLike, *, scale: str = "linear"
) -> Test:
    """Hold a cited curve against the runs as a whole.

    Args:
        values: [n, P, ...], a row per seed; above zero for the log scale.
        cited: [P, ...]; infinite or NaN only if it is a run of a rival.
        tolerance: [P, ...], the d of the design.
        scale: "linear", "log" or "rank".
    """
    runs, said = np.asarray(values, dtype=float), np.asarray(cited, dtype=float)
    low, high, _ = one_number.reach(said, tolerance)
    if scale != "rank":
        whole = is_whole(runs)
        if not whole.any():
            finite = np.isfinite(said).all(axis=0)  # but for a rival's run that diverged too
            p = np.where(finite, intervals.all_diverged(len(runs)), 1.0)
            return Test(DIVERGED, p, np.full(p.shape, np.nan))
        runs = runs[whole]
    n = len(runs)
    with np.errstate(all="ignore"):
        if scale == "log":
            low, said, high = (np.log(np.maximum(each, 0)) for each in (low, said, high))
            runs = np.log(runs)
        if scale == "rank" or n >= LEAST_SEEDS:
            scores = score_by_rank if scale == "rank" else score_in_spreads
            found = scores(runs, low, said, high)
            as_far_out = found[1:] >= found[0] * (1 - 1e-9)  # ties, but for rounding
            at_least = np.count_nonzero(as_far_out, axis=0)
            return Test(SCORE, (1 + at_least) / (n + 1), found[0], at_least)
        shift, shift_p = shift_test(runs, low, said, high)
        points_p = points_together(runs, low, high)
    p = np.minimum(1, 2 * np.minimum(shift_p, points_p))
    return Test(T_TESTS, p, shift, shift_p=shift_p, points_p=points_p)


def is_whole(values: npt.NDArray) -> npt.NDArray:
    """Which runs did not diverge: [n]."""
    return np.isfinite(values).reshape(len(values), -1).all(axis=1)


def score_in_spreads(
    values: npt.NDArray, low: npt.NDArray, cited: npt.NDArray, high: npt.NDArray
) -> npt.NDArray:
    """The scores of the cited curve and of every run, [n + 1, ...]: see the module."""
    curves = np.concatenate([cited[np.newaxis], values])
    n = len(values)
    order = np.argsort(curves, axis=0)
    ordered = np.take_along_axis(curves, order, axis=0)
    rank = np.argsort(order, axis=0)

    def of_others(k: int) -> npt.NDArray:
        """The k-th smallest of the n other curves, for each curve."""
        return np.where(rank > k, ordered[k], ordered[k + 1])

    median = (of_others((n - 1) // 2) + of_others(n // 2)) / 2
    distance = np.abs(curves - median)
    distance[0] = np.maximum(0, np.maximum(low - median[0], median[0] - high))
    distance = np.where(np.isnan(distance), np.inf, distance)  # a rival's run that diverged
    alike = of_others(0) == of_others(n - 1)
    unit = np.where(alike, 0.0, _spread(curves, ordered))
    return np.where(distance == 0, 0.0, distance / unit).mean(axis=1)


def _spread(curves: npt.NDArray, ordered: npt.NDArray) -> npt.NDArray:
    """The unit of each point: [P, ...]."""
    quarter = len(ordered) // 4
    half = ordered[-1 - quarter] - ordered[quarter]
    away = np.abs(curves - ordered[len(ordered) // 2])
    away = np.where(np.isfinite(away), away, 0.0).mean(axis=0)
    return np.where(half > 0, half, away)


def score_by_rank(
    values: npt.NDArray, low: npt.NDArray, cited: npt.NDArray, high: npt.NDArray
) -> npt.NDArray:
    """The scores by rank of the cited curve and of every run, [n + 1, ...]: see the module."""
    n = len(values)
    curves = np.concatenate([_as_measured(values, low, cited, high)[np.newaxis], values])
    undefined = np.isnan(curves)
    ordinary = np.where(undefined, np.inf, curves)
    below = scipy.stats.rankdata(ordinary, method="min", axis=0) - 1
    above = n + 1 - scipy.stats.rankdata(ordinary, method="max", axis=0)
    below[0] = np.count_nonzero(values < low, axis=0)
    above[0] = np.count_nonzero(values > high, axis=0)
    distance = np.maximum(0, np.maximum(below, above) / n - 0.5)
    return np.where(undefined, 0.5, distance).mean(axis=1)


def _as_measured(
    values: npt.NDArray, low: npt.NDArray, cited: npt.NDArray, high: npt.NDArray
) -> npt.NDArray:
    """The cited points as the nearest runs have them, where those are within reach: 23/24."""
    away = np.abs(values - cited)
    nearest = np.argmin(np.where(np.isnan(away), np.inf, away), axis=0)[np.newaxis]
    measured = np.take_along_axis(values, nearest, axis=0)[0]
    return np.where((low <= measured) & (measured <= high), measured, cited)


def shift_test(
    values: npt.NDArray, low: npt.NDArray, cited: npt.NDArray, high: npt.NDArray
) -> tuple[npt.NDArray, npt.NDArray]:
    """The mean shift of the cited curve, in deviations, and its p: [...] each."""
    mean, _ = intervals.mean_and_deviation(values)
    _, deviation = intervals.mean_and_deviation(np.concatenate([cited[np.newaxis], values]))
    used = np.isfinite(cited) & (deviation > 0)
    count = np.maximum(1, used.sum(axis=0))

    def shift(curves: npt.NDArray, axis: int) -> npt.NDArray:
        return np.where(used, (curves - mean) / deviation, 0.0).sum(axis=axis) / count

    p = intervals.prediction_test(shift(values, 1), shift(low, 0), shift(high, 0))
    return shift(cited, 0), p


def points_together(values: npt.NDArray, low: npt.NDArray, high: npt.NDArray) -> npt.NDArray:
    """The smallest p of the points, times their number: [...]."""
    p = intervals.prediction_test(values, low, high)
    p = np.where(np.isnan(low), 0.0, p)  # a rival's run that diverged
    return np.minimum(1, len(p) * p.min(axis=0))


# --- The claim ------------------------------------------------------------------------------------


def curve(claim: claims.Number, cited: claims.Curve, run: evidence.Run) -> evidence.Finding:
    """A claim that cites a whole curve."""
    values = _points(run, claim.variant, claim.metric, cited)
    one_number.check_log(claim, values)
    n, whole = len(values), is_whole(values) | (claim.scale == "rank")
    if whole.any():
        values = values[whole]
    if n < run.minimum_seeds or 0 < whole.sum() < run.minimum_seeds:
        told = f"a verdict needs {run.minimum_seeds} seeds{_left_out(whole)}"
        return evidence.Finding(
            verdict=verdicts.UNRESOLVED, evidence=f"{words.seeds(n)}; {told}", n=n
        )
    test, shown = _judge(claim, cited, values)
    shares = {} if test.refuted else _power(claim, cited, values, run)
    may_confirm = bool(whole.all()) and _mean_is_within(claim, values)
    verdict, ending = _verdict(
        len(values), test, shown, may_confirm, one_number.tells_apart(shares)
    )
    if verdict == verdicts.REFUTED:
        ending = f"; furthest out {_worst_points(cited, shown)}"
    centre = one_number.CENTRES["rank" if test.name == SCORE else claim.scale]
    ends = [f"{words.show(shown.centre[i])} at x = {cited.x[i]}" for i in (0, -1)]
    return evidence.Finding(
        verdict=verdict,
        evidence=_words(test, len(values))
        + ending
        + one_number.power_words(shares)
        + _left_out(whole),
        side=_side(claim, cited, shown) if verdict == verdicts.REFUTED else None,
        n=n,
        p=float(test.p),
        measured=f"{centre} {ends[0]}, {ends[1]}",
    )


def _judge(
    claim: claims.Number, cited: claims.Curve, values: npt.NDArray
) -> tuple[Test, one_number.Numbers]:
    """The test of the whole curve, and every point by itself, to be shown."""
    y, tolerance = cited.points[1], _tolerances(claim)
    test = judge_curve(values, y, tolerance, scale=claim.scale)
    scale = "rank" if test.name == SCORE else claim.scale
    shown = one_number.judge_numbers(
        values, y, tolerance, scale=scale, share=claim.share, minimum_seeds=1
    )
    return test, shown


def _left_out(whole: npt.NDArray) -> str:
    """The note on runs that diverged, where not all did."""
    bad = int((~whole).sum())
    if bad in (0, len(whole)):
        return ""
    are = "is" if bad == 1 else "are"
    return f"; {bad} of {words.seeds(len(whole))} ended in infinity or NaN and {are} left out"


def _points(run: evidence.Run, variant: str, metric: str, cited: claims.Curve) -> npt.NDArray:
    """What every seed measured at the curve's points: [n, P]."""
    return np.array([_curve_points(each, metric, cited) for each in run.complete(variant)])


def _curve_points(record: evidence.Record, metric: str, cited: claims.Curve) -> list[float]:
    value = evidence.pick(record, metric)
    if not isinstance(value, list):
        what = f"'{metric}' is no list, so it cannot be held against a curve"
        raise evidence.NoVerdictError(verdicts.ERROR, what)
    if cited.index is None and len(value) != len(cited.y):
        raise evidence.too_short(
            record,
            f"seed {record['seed']}: '{metric}' has {len(value)} values, curve '{cited.name}'"
            f" {len(cited.y)} points",
        )
    index = range(len(value)) if cited.index is None else cited.index
    return [evidence.as_number(evidence.pick(record, metric, at), metric) for at in index]


def _tolerances(claim: claims.Number) -> list[float]:
    return [certain.tolerance(y, claim) for y in claim.figures]


def _power(
    claim: claims.Number, cited: claims.Curve, values: npt.NDArray, run: evidence.Run
) -> dict[str, float | None]:
    tolerance = np.array(_tolerances(claim))[:, np.newaxis]
    at_once = max(1, _AT_ONCE // values.size)

    def refuted(variant: str) -> float:
        rivals = _points(run, variant, claim.metric, cited).T  # [P, their seeds]
        found = []
        for start in range(0, rivals.shape[1], at_once):
            some = rivals[:, start : start + at_once]
            ours = np.broadcast_to(values[..., np.newaxis], (*values.shape, some.shape[1]))
            allowed = np.broadcast_to(tolerance, some.shape)
            found.append(judge_curve(ours, some, allowed, scale=claim.scale).refuted)
        return float(np.concatenate(found).mean())

    return one_number.power(claim, run, refuted)


def _verdict(
    n: int, test: Test, shown: one_number.Numbers, may_confirm: bool, tells_apart: bool
) -> tuple[str, str]:
    """The verdict, and what it rests on beside the test."""
    wide, points = int((shown.outcome == "wide").sum()), len(shown.outcome)
    if test.refuted:
        return verdicts.REFUTED, ""
    if test.name == DIVERGED:
        return verdicts.UNRESOLVED, ", which so few do not refute"
    if may_confirm:
        return verdicts.CONFIRMED, "; the mean of the runs is within it at every point"
    if test.name == T_TESTS and 2 * wide > points and not tells_apart:
        return verdicts.UNRESOLVED, f"; at {wide} of {points} points too wide a spread to say"
    if test.name == SCORE and n < LEAST_SEEDS:
        verdict = verdicts.UNRESOLVED if test.at_least == 0 else verdicts.CONSISTENT
        return verdict, f"; by rank it takes {LEAST_SEEDS} seeds to refute a curve"
    return verdicts.CONSISTENT, ""


def _mean_is_within(claim: claims.Number, values: npt.NDArray) -> bool:
    """Whether the mean curve is known to lie within d of the cited one at all points."""
    if claim.scale == "rank":
        return False
    there, back = (np.log, np.exp) if claim.scale == "log" else (np.asarray, np.asarray)
    means = intervals.mean(there(values), 1 - verdicts.LEVEL / values.shape[1])
    low, high, _ = one_number.reach([float(y) for y in claim.figures], _tolerances(claim))
    return bool(((low <= back(means.low)) & (back(means.high) <= high)).all())


def _words(test: Test, n: int) -> str:
    """The test in words."""
    p = words.chance(float(test.p))
    if test.name == DIVERGED:
        return f"all of {words.seeds(n)} ended in infinity or NaN somewhere on the curve"
    if test.name == SCORE:
        return (
            f"{test.at_least} of {words.seeds(n)} lie at least as far from the median of the other"
            f" curves as the cited curve does ({p})"
        )
    assert test.shift_p is not None and test.points_p is not None
    where = "above" if test.score > 0 else "below"
    return (
        f"over {words.seeds(n)} the cited curve lies {words.show(abs(test.score))} standard"
        f" deviations {where} the mean of the runs on average (t test,"
        f" {words.chance(float(test.shift_p))}; its points together,"
        f" {words.chance(float(test.points_p))} by Bonferroni; both together {p})"
    )


def _worst_points(cited: claims.Curve, shown: one_number.Numbers) -> str:
    """Up to three points, those furthest out first."""
    with np.errstate(all="ignore"):
        distance = np.abs(cited.points[1] - shown.centre) / (shown.runs.high - shown.runs.low)
    p = np.where(np.isnan(shown.p), 1.0, shown.p)
    order = np.lexsort([-np.where(np.isnan(distance), np.inf, distance), p])
    which = "all" if shown.level < 0.99 else "99 % of"
    return "; ".join(
        f"at x = {cited.x[i]}: cited {cited.y[i]}, {which} runs between"
        f" {words.show(shown.runs.low[i])} and {words.show(shown.runs.high[i])}"
        for i in order[:3]
    )


def _side(claim: claims.Number, cited: claims.Curve, shown: one_number.Numbers) -> str | None:
    """The side of the cited curve on which the runs' centre lies at all points that differ."""
    y = np.array(cited.points[1])
    differ = ~(np.abs(shown.centre - y) <= _tolerances(claim))
    sides = {words.side(*pair) for pair in zip(shown.centre[differ], y[differ], strict=True)}
    return sides.pop() if len(sides) == 1 else None

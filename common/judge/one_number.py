"""Cited numbers, each held against the runs by itself.

A cited number is one draw from the runs, so it is refuted by their prediction interval, and not by
the interval of their mean, which true figures leave more often the more seeds there are.

With n seeds, mean m, deviation s, d = half a unit of the last meant digit or the margin:

- linear, log (there all on logarithms): UNRESOLVED under the least number of seeds; REFUTED if
  |cited - m| > h + d, h = t(0.995; n - 1) s sqrt(1 + 1/n); CONFIRMED if the 99 % interval of the
  mean lies inside cited +- d; UNRESOLVED if h is too wide to tell anything; else CONSISTENT.
- rank: REFUTED if the rank of the cited value among the n measured ones has p <= 0.01, which takes
  199 seeds (`intervals.rank_test`: values within d are ties, infinite ones are ordinary); with
  fewer, a cited value outside all of them is UNRESOLVED; else CONSISTENT. There is no CONFIRMED.

Choices:

- "Too wide to tell anything": h > max(3 d, |cited| / 2), for shares max(3 d, cited, 1 - cited
  whichever is less). It is not said where the test tells a declared rival apart.
- All runs diverged (infinite or NaN; by rank NaN): REFUTED from 37 seeds on, where the size of that
  test falls below 1 % (`intervals.all_diverged`), else UNRESOLVED. Some runs diverged: UNRESOLVED
  on the linear and the log scale, since there is no spread; by rank a NaN counts as a tie.
- Power: every run of a rival variant is taken for the cited value, to the same precision, and the
  share that the same test refutes is told. A diverged run of a rival counts as refuted.
- Log scale: `measured` is the geometric mean and the interval is given in the metric's own unit;
  `mean` and `sd` in a verdict are always the plain ones, None where they are not finite. The
  interval shown for a share is cut at 0 and 1.
"""

import collections.abc
import dataclasses

import numpy as np
import numpy.typing as npt

from common import claims, intervals
from common.judge import certain, evidence, verdicts, words

# What `judge_numbers` may find, and the verdict that follows.
OUTCOMES = {
    "few": verdicts.UNRESOLVED,  # too few seeds for any verdict
    "diverged": verdicts.REFUTED,  # every seed infinite or NaN
    "few diverged": verdicts.UNRESOLVED,  # every one, but not enough of them
    "partly diverged": verdicts.UNRESOLVED,
    "beyond": verdicts.REFUTED,
    "outside all": verdicts.UNRESOLVED,  # by rank, with too few seeds to refute
    "inside": verdicts.CONFIRMED,
    "wide": verdicts.UNRESOLVED,  # an interval so wide that nothing could have been refuted
    "within": verdicts.CONSISTENT,
}
CENTRES = {"linear": "mean", "log": "geometric mean", "rank": "median"}
RANK_SEEDS = 199  # with fewer the rank test refutes nothing

_SLACK = 1e-12  # relative: a mean exactly on a rounding boundary is not beyond it


@dataclasses.dataclass(frozen=True)
class Numbers:
    """P judged numbers; every array is [P], in the metric's own unit."""

    outcome: npt.NDArray  # keys of OUTCOMES
    centre: npt.NDArray  # mean, geometric mean or median
    runs: intervals.Interval  # where the next run falls
    centres: intervals.Interval  # where the true centre lies
    level: float  # of `runs`
    p: npt.NDArray

    @property
    def verdict(self) -> npt.NDArray:
        """The verdicts, shape [P]."""
        return np.array([OUTCOMES[outcome] for outcome in self.outcome])


def judge_numbers(
    values: npt.ArrayLike,
    cited: npt.ArrayLike,
    tolerance: npt.ArrayLike,
    *,
    scale: str = "linear",
    share: bool = False,
    minimum_seeds: int = 10,
) -> Numbers:
    """Hold cited numbers against the runs, each number for itself.

    Args:
        values: [n, P] or [n, 1], a row per seed; above zero for the log scale.
        cited: [P]; infinite or NaN only if it is a run of a rival.
        tolerance: [P], the d of the design.
        scale: "linear", "log" or "rank".
        share: whether the numbers are shares, for which 0.99 and 0.01 are equally sharp.
        minimum_seeds: below it nothing is judged.
    """
    values, cited = np.asarray(values, dtype=float), np.asarray(cited, dtype=float)
    low, high, d = reach(cited, tolerance)
    n = len(values)
    with np.errstate(all="ignore"):  # infinite and NaN values are ordinary here
        centre, runs, centres, level = _spread(values, scale)
        p = _test(values, low, high, scale)
        unusable = np.isnan(values) if scale == "rank" else ~np.isfinite(values)
        inside = (low <= centres.low) & (centres.high <= high) & (scale != "rank")
        sharp = np.minimum(cited, 1 - cited) if share else np.abs(cited) / 2
        wide = ((runs.high - runs.low) / 2 > np.maximum(3 * d, sharp)) & (scale != "rank")
        beyond = (p <= verdicts.LEVEL) | np.isnan(cited)
        outside = (p <= 2 / (n + 1)) & (scale == "rank")
    all_bad, some_bad = unusable.all(axis=0), unusable.any(axis=0) & (scale != "rank")
    diverged = np.where(np.isfinite(cited), intervals.all_diverged(n), 1.0)
    p = np.where(all_bad, diverged, np.where(some_bad, np.nan, p))
    outcome = np.select(
        [
            np.full(cited.shape, n < minimum_seeds),
            all_bad & (diverged <= verdicts.LEVEL),
            all_bad,
            some_bad,
            beyond,
            outside,
            inside,
            wide,
        ],
        [
            "few",
            "diverged",
            "few diverged",
            "partly diverged",
            "beyond",
            "outside all",
            "inside",
            "wide",
        ],
        default="within",
    )
    return Numbers(outcome, centre, runs, centres, level, p)


def reach(
    cited: npt.ArrayLike, tolerance: npt.ArrayLike
) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
    """Both ends of what a cited value may have been before it was rounded, and its tolerance."""
    cited, tolerance = np.asarray(cited, dtype=float), np.asarray(tolerance, dtype=float)
    size = np.where(np.isfinite(cited), np.abs(cited), 0.0)
    slack = tolerance + _SLACK * (size + tolerance)
    return cited - slack, cited + slack, tolerance


def _spread(
    values: npt.NDArray, scale: str
) -> tuple[npt.NDArray, intervals.Interval, intervals.Interval, float]:
    """Centre, interval of the runs, interval of the centre, and the level of the former."""
    if scale == "rank":
        runs, level = intervals.rank_prediction(values, 0.99)
        return np.median(values, axis=0), runs, intervals.median(values, 0.99), level
    there, back = (np.log, np.exp) if scale == "log" else (np.asarray, np.asarray)
    runs = intervals.prediction(there(values), 0.99)
    centres = intervals.mean(there(values), 0.99)
    centre, _ = intervals.mean_and_deviation(there(values))
    return (
        back(centre),
        intervals.Interval(back(runs.low), back(runs.high)),
        intervals.Interval(back(centres.low), back(centres.high)),
        0.99,
    )


def _test(values: npt.NDArray, low: npt.NDArray, high: npt.NDArray, scale: str) -> npt.NDArray:
    """The p values, shape [P]."""
    if scale == "rank":
        return intervals.rank_test(values, low, high)
    if scale == "log":
        return intervals.prediction_test(
            np.log(values), np.log(np.maximum(low, 0)), np.log(np.maximum(high, 0))
        )
    return intervals.prediction_test(values, low, high)


def number(claim: claims.Number, run: evidence.Run) -> evidence.Finding:
    """One cited number."""
    values = run.values(claim)
    (cited,) = claim.figures
    check_log(claim, values)
    judged = _judge(claim, values, [float(cited)], run)
    outcome = str(judged.outcome[0])
    shares = {} if outcome in ("few", "beyond") else _power(claim, values, run)
    if outcome == "wide" and tells_apart(shares):
        outcome = "within"
    verdict = OUTCOMES[outcome]
    mean, deviation = intervals.mean_and_deviation(values)
    centre = float(judged.centre[0])
    at = "" if claim.at is None else _element(claim, run)
    return evidence.Finding(
        verdict=verdict,
        evidence=at
        + _words(claim, values, judged, outcome, run.minimum_seeds)
        + power_words(shares),
        side=words.side(centre, float(cited)) if verdict == verdicts.REFUTED else None,
        n=len(values),
        mean=words.finite(mean),
        sd=words.finite(deviation),
        interval_low=words.unless_nan(_shown(claim, judged.runs.low[0])),
        interval_high=words.unless_nan(_shown(claim, judged.runs.high[0])),
        p=None if outcome == "few" else words.finite(judged.p[0]),
        measured=words.plain(centre),
    )


def check_log(claim: claims.Number, values: npt.NDArray) -> None:
    """Refuse values that have no logarithm where one is meant."""
    if claim.scale == "log" and (values <= 0).any():
        what = f"'{claim.metric}' has values of 0 or below, which have no place on a log scale"
        raise evidence.NoVerdictError(verdicts.ERROR, what)


def _judge(
    claim: claims.Number, values: npt.NDArray, cited: npt.ArrayLike, run: evidence.Run
) -> Numbers:
    cited = np.asarray(cited, dtype=float)
    return judge_numbers(
        values[:, np.newaxis],
        cited,
        np.full(cited.shape, certain.tolerance(claim.figures[0], claim)),
        scale=claim.scale,
        share=claim.share,
        minimum_seeds=run.minimum_seeds,
    )


def _element(claim: claims.Number, run: evidence.Run) -> str:
    return words.measured(claim.metric, claim.at, run.reproduction.metrics) + ": "


def _shown(claim: claims.Number, end: float) -> float:
    """An end of the interval as it is shown: shares end at 0 and 1."""
    return float(np.clip(end, 0, 1)) if claim.share else float(end)


# --- The power of a test --------------------------------------------------------------------------


def _power(claim: claims.Number, values: npt.NDArray, run: evidence.Run) -> dict[str, float | None]:
    def refuted(variant: str) -> float:
        rival = run.measured(variant, claim.metric, claim.at)
        outcome = _judge(claim, values, rival, run).outcome
        return float(np.isin(outcome, ["beyond", "diverged"]).mean())

    return power(claim, run, refuted)


def power(
    claim: claims.Number, run: evidence.Run, refuted: collections.abc.Callable[[str], float]
) -> dict[str, float | None]:
    """The share of each rival's runs that the test refutes; None for a rival that was not run."""
    shares: dict[str, float | None] = {}
    for variant in claim.rivals:
        try:
            shares[variant] = refuted(variant)
        except evidence.NoVerdictError as stop:
            if stop.finding.verdict == verdicts.ERROR:
                raise
            shares[variant] = None
    return shares


def tells_apart(shares: dict[str, float | None]) -> bool:
    """Whether the test refutes at least half of the runs of a rival."""
    return any(share is not None and share >= 0.5 for share in shares.values())


def power_words(shares: dict[str, float | None]) -> str:
    """What the test would make of the rivals, as the end of a sentence."""
    known = {variant: share for variant, share in shares.items() if share is not None}
    absent = [f"'{variant}'" for variant in shares if variant not in known]
    text = ""
    if known:
        parts = [
            f"{words.percent(share)} of the runs of '{rival}'" for rival, share in known.items()
        ]
        text = f"; the same test would refute {words.listed(parts)}"
        if not tells_apart(shares):
            text += ", less than half of the runs of any rival, so it tells little"
    return text + (f"; {words.listed(absent)} not run" if absent else "")


# --- Evidence -------------------------------------------------------------------------------------


def _words(
    claim: claims.Number, values: npt.NDArray, judged: Numbers, outcome: str, minimum_seeds: int
) -> str:
    """What was measured, then what follows for the cited value."""
    tolerance = certain.tolerance(claim.figures[0], claim)
    if "diverged" in outcome:
        return _diverged_words(claim, values, outcome)
    n, cited = len(values), float(claim.figures[0])
    low, high = (_shown(claim, end[0]) for end in judged.runs)
    side = "above" if cited > judged.centre[0] else "below"
    never = int(np.isinf(values).sum())
    share = "99 % of runs" if n >= RANK_SEEDS or claim.scale != "rank" else "all"
    told = f"{CENTRES[claim.scale]} {words.show(judged.centre[0])} over {words.seeds(n)}"
    told += f", {never} of which never got there" if never else ""
    told += "" if np.isnan(low) else f" ({share} between {words.show(low)} and {words.show(high)})"
    within = "lies within" if low <= cited <= high else f"± {words.show(tolerance)} reaches into it"
    ends = {
        "few": f"a verdict needs {minimum_seeds} seeds",
        "outside all": f"the cited {claim.cited} lies {side}, but by rank it takes {RANK_SEEDS}"
        " seeds to refute it",
        "beyond": f"the cited {claim.cited} lies {side}",
        "inside": f"the 99 % interval of the {CENTRES[claim.scale]},"
        f" {words.show(judged.centres.low[0])} to {words.show(judged.centres.high[0])}, lies inside"
        f" the cited {claim.cited} ± {words.show(tolerance)}",
        "wide": f"too wide a spread to hold the cited {claim.cited} against",
        "within": f"the cited {claim.cited} {within}",
    }
    end = ends[outcome]
    if claim.scale == "rank" and outcome in ("beyond", "within"):
        end += f" (by rank, {words.chance(float(judged.p[0]))})"
    if claim.scale == "rank" and outcome == "within" and n < RANK_SEEDS:
        end += f"; it takes {RANK_SEEDS} seeds to refute by rank"
    return f"{told}; {end}"


def _diverged_words(claim: claims.Number, values: npt.NDArray, outcome: str) -> str:
    n = len(values)
    bad = int((np.isnan(values) if claim.scale == "rank" else ~np.isfinite(values)).sum())
    kind = "NaN" if claim.scale == "rank" else "infinity or NaN"
    end = {
        "diverged": "cannot come of that",
        "few diverged": "is not refuted by so few",
        "partly diverged": "has no spread to be held against",
    }
    return f"{bad} of {words.seeds(n)} ended in {kind}; the cited {claim.cited} {end[outcome]}"

"""Orderings: of two variants, metrics or moments one is said to be larger, seed by seed.

The share of seeds won counts ties as half; its two 99 % bounds are `intervals.won_bounds`: exact
among the seeds that are decided, the ties put back as halves.

- CONFIRMED: lower bound over 0.5, share of at least 0.6, and a median effect of at least the
  declared least one.
- REFUTED: upper bound under 0.5 and share of at most 0.4; or, where a least effect is declared, its
  exact 99 % interval of the median lies below it: refuted as to size, whatever the direction, since
  "much more" is not saved by "not even more". In both cases together a true claim is refuted with
  1 % at most: wins by the least effect are among the wins.
- else UNRESOLVED.

Choices:

- The effect is the paired difference in the direction of the claim, or for `least_factor` the
  quotient of the larger and the smaller side as claimed. Two equal values have the effect 0, or the
  factor 1, also where both are infinite. A factor needs values of 0 or above.
- A seed in which a side is NaN counts against whatever is to be shown: as lost for CONFIRMED, as
  won for REFUTED; its effect is the least or the largest one.
- At least 8 seeds, of those that both sides have. Two sides without randomness (one seed at the
  full profile) decide as measured: larger by the least effect, or not.
- p is the sign test's against the claim, one-sided; with a least effect the smaller of it and twice
  the sign test's against that effect, so that p <= 0.01 goes with REFUTED.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from common import claims, intervals
from common.judge import evidence, verdicts, words

LEAST_SEEDS = 8
LEAST_SHARE = 0.6


@dataclasses.dataclass(frozen=True)
class Won:
    """How often one side won against the other."""

    wins: int
    ties: int
    losses: int

    @property
    def share(self) -> float:
        """The share of seeds won, ties as half."""
        return (self.wins + self.ties / 2) / (self.wins + self.ties + self.losses)

    @property
    def bounds(self) -> intervals.Interval:
        """Its two one-sided 99 % bounds."""
        return intervals.won_bounds(self.wins, self.ties, self.losses, 0.99)

    @property
    def p(self) -> float:
        """The sign test's p of so few wins, if at least half of the decided seeds are won."""
        decided = self.wins + self.losses
        return float(intervals.share_tails(self.wins, decided, 0.5).low) if decided else 1.0


@dataclasses.dataclass(frozen=True)
class Ordered:
    """One judged ordering; see `judge_ordering`."""

    verdict: str
    too_small: bool  # refuted as to size
    won: Won  # NaN as neither won nor lost nor tied
    share: float  # won, ties as half
    bounds: intervals.Interval  # of the share: one-sided, 99 % each
    median: float  # of the effects
    medians: intervals.Interval  # 99 % interval of the true median
    p: float


def judge_ordering(
    effects: npt.ArrayLike, least: float | None = None, none: float = 0.0
) -> Ordered:
    """Judge paired effects, positive (or above `none`) where the claim holds.

    Args:
        effects: [n], differences or quotients in the direction of the claim; NaN where undefined.
        least: the least median effect that is claimed, if any.
        none: the effect of two equal sides: 0, or 1 for quotients.
    """
    effects = np.asarray(effects, dtype=float)
    undefined = np.isnan(effects)
    worst, best = (np.where(undefined, end, effects) for end in (-np.inf, np.inf))
    against, towards = _won(worst, none), _won(best, none)
    with np.errstate(invalid="ignore"):
        medians = intervals.Interval(
            intervals.median(worst, 0.99).low, intervals.median(best, 0.99).high
        )
        median = float(np.median(worst))
    more = against.bounds.low > 0.5 and against.share >= LEAST_SHARE
    less = towards.bounds.high < 0.5 and towards.share <= 1 - LEAST_SHARE
    p, too_small = towards.p, False
    if least is not None:
        too_small = bool(medians.high < least)
        p = min(p, 2 * _won(best, least).p)
    verdict = verdicts.UNRESOLVED
    if len(effects) >= LEAST_SEEDS:
        if less or too_small:
            verdict = verdicts.REFUTED
        elif more and (least is None or median >= least):
            verdict = verdicts.CONFIRMED
    return Ordered(
        verdict,
        too_small=too_small and not less,
        won=_won(effects, none),
        share=against.share,
        bounds=intervals.Interval(against.bounds.low, towards.bounds.high),
        median=median,
        medians=medians,
        p=p,
    )


def _won(effects: npt.NDArray, none: float) -> Won:
    return Won(
        int((effects > none).sum()), int((effects == none).sum()), int((effects < none).sum())
    )


def ordering(claim: claims.Ordering, run: evidence.Run) -> evidence.Finding:
    """Which of two sides is larger, seed by seed."""
    ours, theirs = run.values(claim), run.values(claim.than)
    n = min(len(ours), len(theirs))  # the seeds both have
    ours, theirs = ours[:n], theirs[:n]
    effects, none, least = _effects(claim, ours, theirs)
    judged = judge_ordering(effects, least, none)
    with np.errstate(invalid="ignore"):  # infinity - infinity
        mean, deviation = intervals.mean_and_deviation(ours - theirs)
    told = _share_words(claim, judged, n, run)
    measured = _wins(claim, judged, n)
    if run.deterministic(claim.variant, claim.than.variant):
        holds = bool((effects > none).all() and (least is None or (effects >= least).all()))
        verdict = verdicts.CONFIRMED if holds else verdicts.REFUTED
        told += f": {words.show(ours[0])} against {words.show(theirs[0])}, without randomness"
        return evidence.Finding(verdict=verdict, evidence=told, n=n, measured=measured)
    return evidence.Finding(
        verdict=judged.verdict,
        evidence=told + _bounds_words(judged, n) + _effect_words(claim, judged, n),
        n=n,
        mean=words.finite(mean),
        sd=words.finite(deviation),
        interval_low=float(judged.bounds.low),
        interval_high=float(judged.bounds.high),
        p=judged.p if n >= LEAST_SEEDS else None,
        measured=measured,
    )


def _effects(
    claim: claims.Ordering, ours: npt.NDArray, theirs: npt.NDArray
) -> tuple[npt.NDArray, float, float | None]:
    """The effects in the direction of the claim, that of equal sides, and the least one claimed."""
    larger, smaller = (ours, theirs) if claim.op == ">" else (theirs, ours)
    with np.errstate(invalid="ignore", divide="ignore"):
        if claim.least_factor is None:
            effects = np.where(larger == smaller, 0.0, larger - smaller)
            return effects, 0.0, None if claim.least is None else float(claim.least)
        if (ours < 0).any() or (theirs < 0).any():
            what = "has values below 0, which have no factor"
            raise evidence.NoVerdictError(verdicts.ERROR, f"'{claim.metric}' {what}")
        effects = np.where(larger == smaller, 1.0, larger / smaller)
    return effects, 1.0, float(claim.least_factor)


# --- Evidence -------------------------------------------------------------------------------------


def _share_words(claim: claims.Ordering, judged: Ordered, n: int, run: evidence.Run) -> str:
    """Whose side is larger, how often, and than what."""
    ours = ""
    if claim.at is not None or claim.than.metric != claim.metric:
        ours = words.measured(claim.metric, claim.at, run.reproduction.metrics) + " is "
    return f"{ours}{_wins(claim, judged, n)} than {_other(claim, run)}"


def _wins(claim: claims.Ordering, judged: Ordered, n: int) -> str:
    word = {"<": "lower", ">": "higher"}[claim.op]
    ties = f" ({judged.won.ties} tied)" if judged.won.ties else ""
    return f"{word} in {judged.won.wins} of {words.seeds(n)}{ties}"


def _other(claim: claims.Ordering, run: evidence.Run) -> str:
    """The other side, named by what sets it apart."""
    than, what = claim.than, ""
    if than.metric != claim.metric:
        what = words.measured(than.metric, than.at, run.reproduction.metrics)
    elif than.at is not None and than.at != claim.at:
        what = words.element(than.at)
    where = f"in variant '{than.variant}'" if than.variant != claim.variant else ""
    return " ".join(filter(None, [what, where]))


def _bounds_words(judged: Ordered, n: int) -> str:
    undefined = n - judged.won.wins - judged.won.ties - judged.won.losses
    bad = f"; {undefined} of {words.seeds(n)} ended in NaN" if undefined else ""
    low, high = judged.bounds
    return bad + (
        f"; a share of {words.show(judged.share)} (99 % sure to be above {words.show(low)}, and"
        f" 99 % sure to be below {words.show(high)})"
    )


def _effect_words(claim: claims.Ordering, judged: Ordered, n: int) -> str:
    if n < LEAST_SEEDS:
        return f"; a verdict needs {LEAST_SEEDS} seeds"
    if np.isnan(judged.median):
        return ""
    low, high = (words.show(end) for end in judged.medians)
    name = "median difference" if claim.least_factor is None else "median factor"
    told = f"; {name} {words.show(judged.median)} (99 % between {low} and {high})"
    least = claim.least if claim.least_factor is None else claim.least_factor
    if least is not None:
        told += f", where {least} at least is meant"
    return told + (", so that its size is refuted" if judged.too_small else "")

"""How often something happens (a metric of 0 and 1): can, always, never, and shares.

- can: CONFIRMED by one run that shows it, whose share is told; REFUTED where the 99 % upper bound
  of the share is under 1 %, which takes 459 runs without it; else UNRESOLVED.
- always, never: REFUTED by one failure; CONFIRMED where the 99 % bound of the share of failures is
  under 1 % (459 clean runs); else CONSISTENT.
- a share ("more than half"): CONFIRMED where its one-sided 99 % bound says so, REFUTED where the
  other one denies it, else UNRESOLVED.

Bounds are exact (Clopper-Pearson), each holding at 99 % by itself.

Choices:

- CONSISTENT needs the reproduction's least number of seeds, as a number does; else UNRESOLVED.
- A variant without randomness (one seed is all that its full profile declares) decides as measured:
  CONFIRMED or REFUTED, without bounds.
- One failure refutes "always" by logic and not by chance, so there is no p value.
"""

import numpy as np

from common import claims, intervals
from common.judge import evidence, verdicts, words

_RARE = 0.01  # a share below it is as good as none


def can(claim: claims.Can, run: evidence.Run) -> evidence.Finding:
    """Something that is said to happen in some runs."""
    times, n = _count(claim, run)
    _, high = intervals.share_bounds(times, n, 0.99)
    sure = run.deterministic(claim.variant)
    refuted = sure or high < _RARE
    if times:
        return _finding(verdicts.CONFIRMED, times, n, sure)
    verdict = verdicts.REFUTED if refuted else verdicts.UNRESOLVED
    p = float(intervals.share_tails(0, n, _RARE).low)
    return _finding(verdict, 0, n, sure, p)


def always(claim: claims.Always, run: evidence.Run) -> evidence.Finding:
    """Something that is said to happen always, never, or in more or fewer than some of the runs."""
    times, n = _count(claim, run)
    rate, sure = float(claim.rate), run.deterministic(claim.variant)
    if claim.op is not None:
        return _share(claim, times, n, sure)
    failures = n - times if rate else times
    if failures:
        verdict = verdicts.REFUTED
    elif sure or intervals.share_bounds(0, n, 0.99).high < _RARE:
        verdict = verdicts.CONFIRMED
    else:
        enough = n >= run.minimum_seeds
        verdict = verdicts.CONSISTENT if enough else verdicts.UNRESOLVED
    return _finding(verdict, times, n, sure)


def _share(claim: claims.Always, times: int, n: int, sure: bool) -> evidence.Finding:
    rate, more = float(claim.rate), claim.op == ">"
    low, high = intervals.share_bounds(times, n, 0.99)
    if sure:
        low = high = np.asarray(times / n)
    holds, fails = (low > rate, high <= rate) if more else (high < rate, low >= rate)
    verdict = verdicts.CONFIRMED if holds else verdicts.REFUTED if fails else verdicts.UNRESOLVED
    tails = intervals.share_tails(times, n, rate)
    return _finding(verdict, times, n, sure, p=float(tails.low if more else tails.high))


def _count(claim: claims.Claim, run: evidence.Run) -> tuple[int, int]:
    """In how many runs it happens, and how many runs there are."""
    values = run.values(claim)
    if not np.isin(values, (0, 1)).all():
        what = f"'{claim.metric}' has values other than 0 and 1"
        raise evidence.NoVerdictError(verdicts.ERROR, what)
    return int(values.sum()), len(values)


def _finding(
    verdict: str, times: int, n: int, sure: bool, p: float | None = None
) -> evidence.Finding:
    measured = f"{times} of {words.seeds(n)}"
    if sure:
        told = f"it happens in {measured}, and there is no randomness in it"
        return evidence.Finding(verdict=verdict, evidence=told, n=n, measured=measured)
    low, high = intervals.share_bounds(times, n, 0.99)
    bounds = [
        f"more than {words.percent(float(low))}" if times else "",
        f"less than {words.percent(float(high))}" if times < n else "",
    ]
    share = f" ({words.percent(times / n)})" if 0 < times < n else ""
    return evidence.Finding(
        verdict=verdict,
        evidence=f"it happens in {measured}{share}; with 99 % confidence in"
        f" {' and in '.join(filter(None, bounds))} of all runs",
        n=n,
        mean=times / n,
        interval_low=float(low),
        interval_high=float(high),
        p=p,
        measured=measured,
    )

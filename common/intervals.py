"""The intervals and tests the judge needs, as thin wrappers of scipy and statsmodels.

Seeds lie along the first axis: `values` is [n] or [n, P], and every result is a number or [P].
`level` is a share, 0.99 for 99 %. One seed alone has no spread: its intervals are NaN.

A p value is the chance of a result at least as far out as the one at hand, if the next run came
from where the others come from. A cited value is known to its precision only, so the tests take
both ends of what it may have been, [low, high], and judge the end that is nearest to the runs.
"""

import functools
import typing

import numpy as np
import numpy.typing as npt
import scipy.stats
from statsmodels.stats import proportion

Array = npt.NDArray[typing.Any]


class Interval(typing.NamedTuple):
    """Both ends of an interval, ends included."""

    low: Array
    high: Array


def mean_and_deviation(values: npt.ArrayLike) -> tuple[Array, Array]:
    """Mean and sample standard deviation; equal seeds give exactly their value and 0.

    Rounding would otherwise give 40 times 0.1 a mean beside 0.1 and a spread above 0.
    """
    values = np.asarray(values, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):  # infinite values, or one seed
        deviation = values.std(axis=0, ddof=1) if len(values) > 1 else np.nan * values[0]
        equal = (values == values[0]).all(axis=0)
        mean = np.where(equal, values[0], values.mean(axis=0))
        return mean, np.where(equal & (len(values) > 1), 0.0, deviation)


# --- Normal quantities ----------------------------------------------------------------------------


def prediction(values: npt.ArrayLike, level: float) -> Interval:
    """Where the next run falls: mean -+ t * s * sqrt(1 + 1/n)."""
    return _t_interval(values, level, lambda n: np.sqrt(1 + 1 / n))


def prediction_bounds(values: npt.ArrayLike, level: float) -> Interval:
    """Two one-sided bounds of the next run, each holding at `level` by itself."""
    return prediction(values, 2 * level - 1)


def prediction_test(values: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> Array:
    """Two-sided p of a next run in [low, high]: the t test that belongs to `prediction`."""
    return np.minimum(1, 2 * np.minimum(*_t_tails(values, low, high)))


def prediction_tails(values: npt.ArrayLike, cited: npt.ArrayLike) -> Interval:
    """One-sided p of a next run as low as `cited`, and of one as high."""
    return Interval(*_t_tails(values, cited, cited))


def mean(values: npt.ArrayLike, level: float) -> Interval:
    """Where the mean of all possible runs lies: mean -+ t * s / sqrt(n)."""
    return _t_interval(values, level, lambda n: 1 / np.sqrt(n))


def mean_bounds(values: npt.ArrayLike, level: float) -> Interval:
    """Two one-sided bounds of the mean, each holding at `level` by itself."""
    return mean(values, 2 * level - 1)


def mean_tails(values: npt.ArrayLike, cited: npt.ArrayLike) -> Interval:
    """One-sided p of runs whose true mean is as low as `cited`, and of such as high."""
    return Interval(*_t_tails(values, cited, cited, lambda n: 1 / np.sqrt(n)))


def _t_interval(
    values: npt.ArrayLike, level: float, factor: typing.Callable[[int], float]
) -> Interval:
    n = len(np.asarray(values))
    centre, deviation = mean_and_deviation(values)
    half_width = scipy.stats.t.ppf((1 + level) / 2, n - 1) * deviation * factor(n)
    return Interval(centre - half_width, centre + half_width)


def _t_tails(
    values: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    factor: typing.Callable[[int], float] = lambda n: np.sqrt(1 + 1 / n),
) -> tuple[Array, Array]:
    """How likely a value as low as `high` is, and one as high as `low`; without spread 0 or 1."""
    n = len(np.asarray(values))
    centre, deviation = mean_and_deviation(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        below = np.where(high >= centre, 1.0, 0.0)
        above = np.where(low <= centre, 1.0, 0.0)
        unit = deviation * factor(n)
        spread = unit > 0
        below = np.where(spread, scipy.stats.t.cdf((high - centre) / unit, n - 1), below)
        above = np.where(spread, scipy.stats.t.sf((low - centre) / unit, n - 1), above)
    return below, above


def all_diverged(n: int) -> float:
    """The size of the test "all n runs diverged, and the document's run did not".

    If a run diverges with probability q, that happens with probability q**n * (1 - q), which is
    largest at q = n / (n + 1). From 37 runs on it is below 0.01.
    """
    return float((n / (n + 1)) ** n / (n + 1))


# --- Ranks: whatever the distribution -------------------------------------------------------------


def rank_prediction(values: npt.ArrayLike, level: float) -> tuple[Interval, float]:
    """Where the next run falls, whatever the distribution: two of the sorted values.

    The next run is equally likely to fall into any of the n + 1 gaps between n sorted values, so
    the k-th smallest to the k-th largest hold it with probability 1 - 2k / (n + 1) at least
    (Wilks 1941). Infinite values (never reached) are ordinary here.

    Returns:
        The narrowest such interval that reaches `level`, or all the values where n is too small;
        and the level it has.
    """
    ordered = np.sort(np.asarray(values, dtype=float), axis=0)
    n = len(ordered)
    k = max(1, int((1 - level) / 2 * (n + 1)))
    return Interval(ordered[k - 1], ordered[n - k]), 1 - 2 * k / (n + 1)


def rank_test(values: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> Array:
    """Two-sided p of a next run in [low, high] by its rank among n + 1 exchangeable ones.

    A tail's p is (1 + the runs at least as far out) / (n + 1), and two tails double it. Runs that
    tie with the cited value, which are all those in [low, high], count as at least as far out on
    both sides: so p <= a happens with probability a at most, with ties too (mid-ranks do not keep
    that promise). NaN has no rank and counts as a tie.
    """
    values = np.asarray(values, dtype=float)
    below = np.count_nonzero(values < low, axis=0)
    above = np.count_nonzero(values > high, axis=0)
    n = len(values)
    return np.minimum(1, 2 * (1 + n - np.maximum(below, above)) / (n + 1))


def median(values: npt.ArrayLike, level: float) -> Interval:
    """Exact interval of the median: two of the sorted values; NaN where n is too small for it."""
    ordered = np.sort(np.asarray(values, dtype=float), axis=0)
    ranks = _median_ranks(len(ordered), level)
    if ranks is None:
        return Interval(np.full_like(ordered[0], np.nan), np.full_like(ordered[0], np.nan))
    return Interval(*ordered[list(ranks)])


@functools.cache
def _median_ranks(n: int, level: float) -> tuple[int, int] | None:
    """Which of n sorted values: that depends on n alone."""
    ranks = np.arange(n)
    test = scipy.stats.quantile_test(ranks, q=float(np.median(ranks)), p=0.5)
    low, high = test.confidence_interval(confidence_level=level)
    return (int(low), int(high)) if np.isfinite(low) and np.isfinite(high) else None


# --- Shares ---------------------------------------------------------------------------------------


@functools.cache
def share_bounds(successes: int, trials: int, level: float) -> Interval:
    """Two one-sided Clopper-Pearson bounds of a share, each holding at `level` by itself."""
    low, high = proportion.proportion_confint(
        successes, trials, alpha=2 * (1 - level), method="beta"
    )
    return Interval(np.asarray(low), np.asarray(high))


@functools.cache
def share_tails(successes: int, trials: int, share: float) -> Interval:
    """One-sided exact p of so few successes if the true share is `share`, and of so many."""
    below = scipy.stats.binom.cdf(successes, trials, share)
    return Interval(below, scipy.stats.binom.sf(successes - 1, trials, share))


def won_bounds(wins: int, ties: int, losses: int, level: float) -> Interval:
    """Two one-sided bounds of the share of pairs won, ties as half.

    They are the exact (Clopper-Pearson) bounds of the share won among the pairs that are decided,
    with the ties put back as halves: given the number of ties the wins are binomial, and what is
    bounded is the share among pairs of which as many tie. Whether it is above one half depends on
    the decided pairs alone, so that question is answered exactly (it is the sign test), however
    often pairs tie. 2n half wins would not be binomial: a tie is one event, not two.
    """
    decided = wins + losses
    if not decided:
        return Interval(np.asarray(0.5), np.asarray(0.5))
    bounds = share_bounds(wins, decided, level)
    half, weight = ties / 2 / (decided + ties), decided / (decided + ties)
    return Interval(half + weight * bounds.low, half + weight * bounds.high)

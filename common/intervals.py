"""The intervals and tests the judge needs, as thin wrappers of scipy and statsmodels.

Seeds lie along the first axis: `values` is [n] or [n, P], and every result is a number or [P].
`level` is a share, 0.99 for 99 %. One seed alone has no spread: its intervals are NaN.
"""

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


def prediction(values: npt.ArrayLike, level: float) -> Interval:
    """Where the next run falls: mean -+ t * s * sqrt(1 + 1/n)."""
    return _t_interval(values, level, lambda n: np.sqrt(1 + 1 / n))


def mean(values: npt.ArrayLike, level: float) -> Interval:
    """Where the mean of all possible runs lies: mean -+ t * s / sqrt(n)."""
    return _t_interval(values, level, lambda n: 1 / np.sqrt(n))


def mean_bounds(values: npt.ArrayLike, level: float) -> Interval:
    """Two one-sided bounds of the mean, each holding at `level` by itself."""
    return mean(values, 2 * level - 1)


def _t_interval(
    values: npt.ArrayLike, level: float, factor: typing.Callable[[int], float]
) -> Interval:
    n = len(np.asarray(values))
    centre, deviation = mean_and_deviation(values)
    half_width = scipy.stats.t.ppf((1 + level) / 2, n - 1) * deviation * factor(n)
    return Interval(centre - half_width, centre + half_width)


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


def median(values: npt.ArrayLike, level: float) -> Interval:
    """Exact interval of the median: two of the sorted values; NaN where n is too small for it."""
    ordered = np.sort(np.asarray(values, dtype=float), axis=0)
    ranks = np.arange(len(ordered))  # which of them depends on n alone: scipy is asked once
    test = scipy.stats.quantile_test(ranks, q=float(np.median(ranks)), p=0.5)
    ends = test.confidence_interval(confidence_level=level)
    if not np.isfinite(ends).all():
        return Interval(np.full_like(ordered[0], np.nan), np.full_like(ordered[0], np.nan))
    return Interval(ordered[int(ends.low)], ordered[int(ends.high)])


def share_bounds(successes: int, trials: int, level: float) -> Interval:
    """Two one-sided Clopper-Pearson bounds of a share, each holding at `level` by itself."""
    low, high = proportion.proportion_confint(
        successes, trials, alpha=2 * (1 - level), method="beta"
    )
    return Interval(np.asarray(low), np.asarray(high))


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p of the exact sign test; ties are left out by the caller. No pair at all: 1."""
    return float(scipy.stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0

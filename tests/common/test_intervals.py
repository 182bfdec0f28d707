"""The intervals hold what their level promises, by simulation, and their edges."""

import numpy as np
import pytest

from common import intervals

DRAWS = 20_000


def normal(n: int, more: int = 0) -> np.ndarray:
    """20,000 samples of n + more, one a column."""
    return np.random.default_rng(7).normal(3.0, 0.5, (n + more, DRAWS))


def coverage(interval: intervals.Interval, truth: object) -> float:
    return float(np.mean((interval.low <= truth) & (truth <= interval.high)))


@pytest.mark.parametrize("n", [2, 3, 10, 40])
@pytest.mark.parametrize("level", [0.90, 0.99])
def test_the_prediction_interval_holds_the_next_run(n, level):
    values = normal(n, more=1)
    assert abs(coverage(intervals.prediction(values[:n], level), values[n]) - level) < 0.015


@pytest.mark.parametrize("n", [2, 3, 10, 40])
@pytest.mark.parametrize("level", [0.90, 0.99])
def test_the_mean_interval_holds_the_mean(n, level):
    assert abs(coverage(intervals.mean(normal(n), level), 3.0) - level) < 0.015


@pytest.mark.parametrize("n", [10, 40])
def test_each_bound_holds_by_itself(n):
    bounds = intervals.mean_bounds(normal(n), 0.99)
    assert abs(np.mean(bounds.low <= 3.0) - 0.99) < 0.005
    assert abs(np.mean(bounds.high >= 3.0) - 0.99) < 0.005


@pytest.mark.parametrize("n", [10, 40, 199, 400])
def test_the_rank_interval_holds_the_next_run_whatever_the_distribution(n):
    values = np.random.default_rng(8).pareto(0.8, (n + 1, 5_000))  # has not even a mean
    interval, level = intervals.rank_prediction(values[:n], 0.99)
    assert abs(coverage(interval, values[n]) - level) < 0.015


@pytest.mark.parametrize("n", [10, 11, 40, 200])
def test_the_median_interval_holds_the_median_whatever_the_distribution(n):
    values = np.random.default_rng(9).exponential(1.0, (n, 5_000))
    held = coverage(intervals.median(values, 0.90), np.log(2))
    assert 0.89 < held < 0.985  # exact, so on the safe side: the levels to be had are few


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_each_share_bound_holds_by_itself(share):
    successes = np.random.default_rng(10).binomial(40, share, 4_000)
    bounds = [intervals.share_bounds(k, 40, 0.99) for k in range(41)]
    assert np.mean([bounds[k].low <= share for k in successes]) > 0.985
    assert np.mean([bounds[k].high >= share for k in successes]) > 0.985


def test_equal_seeds_have_exactly_their_value_and_no_spread():
    values = np.full((40, 2), 0.1)
    assert values.std(ddof=1) != 0  # which is why
    mean, deviation = intervals.mean_and_deviation(values)
    assert mean.tolist() == [0.1, 0.1]
    assert deviation.tolist() == [0, 0]
    assert intervals.prediction(values, 0.99).high.tolist() == [0.1, 0.1]


def test_two_seeds_by_hand():
    interval = intervals.prediction([1.0, 3.0], 0.99)  # t(0.995; 1) = 63.657, s = sqrt(2)
    assert interval.high - 2 == pytest.approx(63.657 * 2**0.5 * 1.5**0.5, rel=1e-4)
    interval = intervals.mean([1.0, 3.0], 0.90)  # t(0.95; 1) = 6.314
    assert 2 - interval.low == pytest.approx(6.314, rel=1e-3)


@pytest.mark.parametrize("interval", [intervals.prediction, intervals.mean, intervals.median])
def test_one_seed_has_no_interval(interval):
    assert np.isnan(interval([5.0], 0.9)).all()


def test_the_rank_interval_reaches_99_percent_from_199_seeds_on():
    for n, level, low, high in [
        (10, 9 / 11, 0, 9),
        (198, 197 / 199, 0, 197),
        (199, 0.99, 0, 198),
        (398, 397 / 399, 0, 397),
        (399, 0.99, 1, 397),
    ]:
        interval, reached = intervals.rank_prediction(np.arange(n)[::-1], 0.99)
        assert (interval.low, interval.high) == (low, high)
        assert reached == pytest.approx(level)


def test_the_rank_intervals_bear_runs_that_never_got_there():
    values = [1, 2, 3, 4, 5, 6, np.inf, np.inf, np.inf, np.inf]
    assert intervals.rank_prediction(values, 0.99)[0] == (1, np.inf)
    assert intervals.median(values, 0.90) == (2, np.inf)


def test_the_median_interval_is_the_binomial_one():
    # P(B <= 1) = 0.0107 and P(B <= 2) = 0.0547 for 10 throws: the second and the ninth value.
    assert intervals.median(np.arange(1, 11), 0.90) == (2, 9)


def test_44_clean_seeds_show_more_than_nine_in_ten():
    assert intervals.share_bounds(43, 43, 0.99).low < 0.9 < intervals.share_bounds(44, 44, 0.99).low
    assert intervals.share_bounds(44, 44, 0.99).high == 1
    assert intervals.share_bounds(0, 44, 0.99).low == 0


def test_the_sign_test():
    assert intervals.sign_test(8, 0) == pytest.approx(2 / 2**8)
    assert intervals.sign_test(0, 7) == pytest.approx(2 / 2**7)
    assert intervals.sign_test(4, 4) == 1
    assert intervals.sign_test(0, 0) == 1

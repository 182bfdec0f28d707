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


def test_459_clean_seeds_show_more_than_ninety_nine_in_a_hundred():
    assert intervals.share_bounds(458, 458, 0.99).low < 0.99
    assert intervals.share_bounds(459, 459, 0.99).low > 0.99
    assert intervals.share_bounds(459, 459, 0.99).high == 1
    assert intervals.share_bounds(0, 459, 0.99).low == 0


def test_the_tails_of_a_share_belong_to_its_bounds():
    for successes in range(0, 41, 5):
        low, high = intervals.share_bounds(successes, 40, 0.99)
        few, many = intervals.share_tails(successes, 40, 0.4)
        assert (few <= 0.01) == (high <= 0.4)
        assert (many <= 0.01) == (low >= 0.4)


def test_the_prediction_test_belongs_to_the_prediction_interval():
    values = [1.0, 2.0, 3.0, 5.0, 8.0, 9.0, 9.5, 11.0]
    low, high = intervals.prediction(values, 0.99)
    assert intervals.prediction_test(values, low, low) == pytest.approx(0.01)
    assert intervals.prediction_test(values, high + 1, high + 2) < 0.01
    assert intervals.prediction_test(values, low - 5, high + 5) == 1
    assert intervals.prediction_test(values, 6.0625, 6.0625) == pytest.approx(1)
    few, many = intervals.prediction_bounds(values, 0.99)
    assert intervals.prediction_tails(values, few).low == pytest.approx(0.01)
    assert intervals.prediction_tails(values, many).high == pytest.approx(0.01)


def test_the_tails_of_a_mean_belong_to_its_bounds():
    values = [1.0, 2.0, 3.0, 5.0, 8.0, 9.0, 9.5, 11.0]
    low, high = intervals.mean_bounds(values, 0.99)
    assert intervals.mean_tails(values, low).low == pytest.approx(0.01)
    assert intervals.mean_tails(values, high).high == pytest.approx(0.01)


def test_without_a_spread_the_test_says_yes_or_no():
    assert intervals.prediction_test([0.1] * 10, 0.1, 0.1) == 1
    assert intervals.prediction_test([0.1] * 10, 0.05, 0.15) == 1
    assert intervals.prediction_test([0.1] * 10, 0.11, 0.15) == 0
    assert intervals.mean_tails([0.1] * 10, 0.2) == (1, 0)


@pytest.mark.parametrize("n", [8, 40])
def test_the_prediction_test_is_exact(n):
    values = normal(n, more=1)
    p = intervals.prediction_test(values[:n], values[n], values[n])
    for level in (0.01, 0.05, 0.5):
        assert abs(np.mean(p <= level) - level) < 3 * (level / DRAWS) ** 0.5


def test_the_rank_test_by_hand():
    values = np.arange(10.0)
    for cited, p in [(-1, 2 / 11), (0, 4 / 11), (4.5, 12 / 11), (9, 4 / 11), (10, 2 / 11)]:
        assert intervals.rank_test(values, cited, cited) == pytest.approx(min(1, p))
    # All values within reach are ties, and so is NaN; infinite ones are ordinary.
    assert intervals.rank_test(values, -3, 1) == pytest.approx(6 / 11)
    assert intervals.rank_test([*values[:9], np.nan], -1, -1) == pytest.approx(4 / 11)
    assert intervals.rank_test([*values[:9], np.inf], -1, -1) == pytest.approx(2 / 11)


@pytest.mark.parametrize("n", [199, 200, 398, 399, 450])
def test_the_rank_test_and_the_rank_interval_agree(n):
    values = np.random.default_rng(11).permutation(n).astype(float)
    (low, high), _ = intervals.rank_prediction(values, 0.99)
    for cited in (low - 1, low, high, high + 1):
        inside = low <= cited <= high
        assert (intervals.rank_test(values, cited, cited) > 0.01) == inside


@pytest.mark.parametrize("sides", [2, 4, 25, 10**9])
def test_the_rank_test_keeps_its_level_with_ties(sides):
    values = np.random.default_rng(12).integers(0, sides, (200, DRAWS)).astype(float)
    p = intervals.rank_test(values[:199], values[199], values[199])
    assert np.mean(p <= 0.01) < 0.013
    if sides == 10**9:
        assert np.mean(p <= 0.01) > 0.007


def test_diverging_by_chance():
    assert intervals.all_diverged(36) > 0.01 > intervals.all_diverged(37)
    q = np.linspace(0, 1, 100_001)
    assert intervals.all_diverged(20) == pytest.approx(np.max(q**20 * (1 - q)))


def test_the_share_of_pairs_won_is_held_against_one_half_exactly():
    """Ties count nothing either way, and cannot make a lower bound of their own."""
    assert intervals.won_bounds(7, 0, 0, 0.99).low > 0.5 > intervals.won_bounds(6, 0, 0, 0.99).low
    assert intervals.won_bounds(7, 90, 0, 0.99).low > 0.5 > intervals.won_bounds(6, 90, 0, 0.99).low
    assert intervals.won_bounds(0, 90, 7, 0.99).high < 0.5
    assert intervals.won_bounds(0, 10, 0, 0.99) == (0.5, 0.5)
    low, high = intervals.won_bounds(30, 40, 10, 0.99)
    alone = intervals.share_bounds(30, 40, 0.99)
    assert (low, high) == pytest.approx((0.25 + alone.low / 2, 0.25 + alone.high / 2))


@pytest.mark.parametrize(("win", "tie"), [(0.5, 0.0), (0.25, 0.5), (0.05, 0.9), (0.7, 0.2)])
def test_the_bounds_of_the_share_won_hold_given_the_ties(win, tie):
    """Half wins taken for binomial would be wrong: a tie is one event, not two."""
    drawn = np.random.default_rng(13).multinomial(60, [win, tie, 1 - win - tie], DRAWS)
    kinds, counts = np.unique(drawn, axis=0, return_counts=True)
    bounds = [intervals.won_bounds(*map(int, kind), level=0.99) for kind in kinds]
    ties = kinds[:, 1] / 60
    share = (1 - ties) * win / (1 - tie) + ties / 2
    slack = 1e-9  # where all pairs tie the bounds are the share
    low, high = np.array(bounds).T
    assert counts[low > share + slack].sum() < 0.013 * DRAWS
    assert counts[high < share - slack].sum() < 0.013 * DRAWS

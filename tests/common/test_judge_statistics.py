"""What the judge's tests promise, by simulation and on the stored curves.

A claim that is true is refuted once in a hundred at most (1.3 % over 20,000 draws), a protocol that
is not the document's is told apart where it can be, and a stored run held against the others of its
own variant is refuted as rarely as a true claim.
"""

import functools
import itertools
import json
import math
import pathlib

import numpy as np
import pytest

from common import claims, intervals, judge
from common.judge import bounds, curves, one_number, orderings

DRAWS = 20_000
INF = math.inf
REFERENCE = pathlib.Path(__file__).parents[2] / "results" / "reference"


def share(outcomes: np.ndarray, *which: str) -> float:
    return float(np.isin(outcomes, which).mean())


def drawn(n: int, *, seed: int = 20_260_206) -> np.ndarray:
    """Samples of n + 1 standard normal runs, one a column; the last run is the document's."""
    return np.random.default_rng(seed).normal(size=(n + 1, DRAWS))


# --- numbers --------------------------------------------------------------------------------------


@functools.cache
def numbers(n: int, spread: float, shift: float = 0.0, scale: str = "linear") -> np.ndarray:
    """The verdicts on 20,000 claims: n runs each, and a cited value from the same distribution."""
    noise = drawn(n) * spread
    noise[n] += shift * spread
    values = np.exp(noise) if scale == "log" else 1.0 + noise
    return one_number.judge_numbers(values[:n], values[n], np.zeros(DRAWS), scale=scale).verdict


@pytest.mark.parametrize("n", [10, 20, 40])
@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("spread", [0.1, 1.0])
def test_a_true_figure_is_refuted_in_one_of_a_hundred(n, scale, spread):
    assert 0.007 < share(numbers(n, spread, scale=scale), "REFUTED") < 0.013


@pytest.mark.parametrize("n", [10, 20, 40])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_most_true_figures_are_consistent_where_the_spread_is_a_tenth(n, scale):
    """A tenth, not a quarter: the rule's own width forbids more.

    "Too wide" begins at h = |cited| / 2, and h is 3.4 s for 10 seeds, 2.7 s for 40 and 2.6 s at
    best. So s may be 0.15 of the value for 10 seeds and never more than 0.19, whatever the number
    of seeds; at a quarter most true figures are UNRESOLVED, as the second test shows.
    """
    assert share(numbers(n, 0.1, scale=scale), "CONSISTENT", "CONFIRMED") > 0.9


@pytest.mark.parametrize("n", [10, 40])
def test_a_spread_of_a_quarter_is_too_wide(n):
    assert share(numbers(n, 0.25), "UNRESOLVED") > 0.5


def test_a_shift_of_five_deviations_is_refuted_with_ten_seeds():
    assert share(numbers(10, 0.05, shift=5), "REFUTED") > 0.8
    assert share(numbers(10, 0.05, shift=-5, scale="log"), "REFUTED") > 0.8


def test_a_figure_is_confirmed_by_mistake_in_one_of_two_hundred():
    """Where the true mean lies just outside of cited +- d."""
    values = 1.0 + 0.1 * drawn(20)[:20]
    found = one_number.judge_numbers(values, np.full(DRAWS, 1.2), np.full(DRAWS, 0.2)).verdict
    assert 0.003 < share(found, "CONFIRMED") < 0.007


def test_true_figures_are_confirmed_with_a_margin_of_their_spread():
    values = 1.0 + 0.1 * drawn(40)[:40]
    found = one_number.judge_numbers(values, np.ones(DRAWS), np.full(DRAWS, 0.1)).verdict
    assert share(found, "CONFIRMED") > 0.99


def test_rounding_a_true_figure_does_not_refute_it():
    values = 1.0 + 0.001 * drawn(10)
    cited = values[10].round(2)
    found = one_number.judge_numbers(values[:10], cited, np.full(DRAWS, 0.005)).verdict
    assert share(found, "REFUTED") < 0.01


@pytest.mark.parametrize("q", [0.5, 0.97, 0.99])
def test_diverging_runs_seldom_refute_a_true_figure(q):
    """q of the runs diverge, and the document's did not: at q = 0.97 nearly all of 37 do."""
    values = 1.0 + 0.1 * drawn(37)
    diverges = np.random.default_rng(14).random(values.shape) < q
    cited = ~diverges[37]
    values[diverges] = INF
    judged = one_number.judge_numbers(values[:37, cited], values[37, cited], np.zeros(cited.sum()))
    assert share(judged.verdict, "REFUTED") * cited.mean() < 0.013


def first_success(n: int, *, seed: int) -> np.ndarray:
    """Epochs of first success of n runs: skewed, in steps of ten, a third of them never."""
    values = 10.0 * np.random.default_rng(seed).geometric(0.05, (n, 5_000))
    values[values > 220] = INF
    return values


FLOWERS = [("flowers", lambda n, seed: np.random.default_rng(seed).binomial(24, 0.9, (n, 5_000)))]
RANKED = [("epochs", lambda n, seed: first_success(n, seed=seed)), *FLOWERS]


@pytest.mark.parametrize("n", [199, 200, 398, 450])
@pytest.mark.parametrize(("name", "draw"), RANKED)
def test_a_true_figure_by_rank_is_refuted_in_one_of_a_hundred(n, name, draw):
    values = draw(n + 1, 2).astype(float)
    finite = np.isfinite(values[n])  # a document cites no epoch that never came
    judged = one_number.judge_numbers(
        values[:n, finite], values[n, finite], np.full(finite.sum(), 0.5), scale="rank"
    )
    assert share(judged.verdict, "REFUTED") < 0.013


def test_another_protocol_is_told_apart_by_rank():
    ours = first_success(200, seed=3)[:, :1]
    theirs = np.random.default_rng(4).normal(500, 50, 5_000)
    judged = one_number.judge_numbers(ours[ours[:, 0] < INF], theirs, np.zeros(5_000), scale="rank")
    assert share(judged.verdict, "UNRESOLVED", "REFUTED") > 0.99
    ours = np.random.default_rng(5).binomial(24, 0.5, (200, 1))
    theirs = np.random.default_rng(6).binomial(24, 0.95, 5_000)
    judged = one_number.judge_numbers(ours, theirs, np.full(5_000, 0.5), scale="rank")
    assert share(judged.verdict, "REFUTED") > 0.9


# --- curves ---------------------------------------------------------------------------------------


def curves_of(n: int, points: int, together: float, draws: int, *, seed: int = 9) -> np.ndarray:
    """n + 1 curves [n + 1, points, draws] whose points have the correlation `together`."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n + 1, 1, draws))
    own = rng.normal(size=(n + 1, points, draws))
    levels, spreads = rng.normal(size=(2, 1, points, 1))
    return levels + np.exp(spreads) * (together**0.5 * common + (1 - together) ** 0.5 * own)


def refuted(values: np.ndarray, scale: str = "linear") -> float:
    found = curves.judge_curve(values[1:], values[0], np.zeros(values.shape[1:]), scale=scale)
    return float(found.refuted.mean())


@pytest.mark.parametrize("n", [8, 10, 40])
@pytest.mark.parametrize(("points", "together"), [(1, 0.0), (8, 0.0), (8, 0.9)])
def test_a_true_curve_is_refuted_in_one_of_a_hundred_with_few_seeds(n, points, together):
    assert refuted(curves_of(n, points, together, DRAWS)) < 0.013


@pytest.mark.parametrize("n", [8, 10])
@pytest.mark.parametrize("together", [0.0, 0.5, 0.95])
def test_the_mean_shift_has_its_level_however_the_points_hang_together(n, together):
    """With the runs' own deviations in place of all curves' ten seeds would refute 2 %."""
    values = curves_of(n, 8, together, DRAWS)
    _, p = curves.shift_test(values[1:], values[0], values[0], values[0])
    assert abs(np.mean(p <= 0.01) - 0.01) < 0.003


@pytest.mark.parametrize("n", [99, 100, 150])
@pytest.mark.parametrize("scale", ["linear", "log", "rank"])
def test_a_true_curve_of_any_kind_is_refuted_in_one_of_a_hundred(n, scale):
    rng = np.random.default_rng(10)
    found = []
    for draw in (
        lambda: rng.standard_t(1.5, (n + 1, 3, 3_000)),  # has no variance
        lambda: rng.binomial(24, 0.97, (n + 1, 3, 3_000)).astype(float),  # mostly ties
        lambda: np.cumsum(rng.normal(size=(n + 1, 3, 3_000)), axis=1),
    ):
        values = np.exp(draw().clip(-50, 50)) if scale == "log" else draw()
        found.append(refuted(values, scale))
    assert np.mean(found) < 0.0115
    assert max(found) < 0.0145
    assert max(found) > 0.004


def test_a_true_curve_by_rank_with_runs_that_never_get_there():
    values = np.random.default_rng(11).pareto(0.8, (121, 3, 4_000))
    values[values > 20] = INF
    finite = np.isfinite(values[0]).all(axis=0)
    assert refuted(values[..., finite], "rank") < 0.013


@pytest.mark.parametrize(
    ("n", "together", "shift", "least"),
    [
        (8, 0.0, 1.5, 0.6),  # a common shift that no point shows alone
        (40, 0.0, 1.5, 0.9),
        (40, 0.9, 4.0, 0.7),
        (99, 0.0, 1.5, 0.9),
        (150, 0.9, 4.0, 0.8),
    ],
)
def test_a_shifted_curve_is_refuted(n, together, shift, least):
    values = curves_of(n, 20, together, 1_000)
    values[0] += shift * values[1:].std(axis=0)
    assert refuted(values) > least


@pytest.mark.parametrize(("n", "least"), [(8, 0.6), (40, 0.99), (99, 0.3)])
def test_one_point_far_out_is_refuted(n, least):
    """The score of many seeds is a mean over all eight points, so it sees one of them less well."""
    values = curves_of(n, 8, 0.5, 1_000)
    values[0, 3] += 10 * values[1:, 3].std(axis=0)
    assert refuted(values) > least


def test_a_curve_of_another_shape_is_refuted():
    """Falling where the runs rise, with the same mean."""
    values = curves_of(120, 20, 0.3, 500)
    values[0] += np.linspace(-4, 4, 20)[:, np.newaxis] * values[1:].std(axis=0)
    assert refuted(values) > 0.9
    assert refuted(values, "rank") > 0.4  # ranks do not see how far out a point is


# --- the stored curves ----------------------------------------------------------------------------


@functools.cache
def stored_curves() -> list[np.ndarray]:
    """Every measured list of numbers of the reference run, [seeds, points], up to 120 and 12."""
    found = []
    for path in sorted(REFERENCE.glob("*/*.jsonl")):
        lines = path.read_text("utf-8").splitlines()
        measured = [line["measurements"] for line in map(json.loads, lines) if "seed" in line]
        for metric, first in measured[0].items() if measured else ():
            if isinstance(first, list) and len(first) >= 4:
                with_it = [each.get(metric) for each in measured[:120]]
                found.append(as_curves(with_it, len(first)))
    return [each for each in found if len(each) >= 9 and (each != each[0]).any()]


def as_curves(measured: list, points: int) -> np.ndarray:
    """Thinned to 12 points at most; empty where they are no curves of one length."""
    try:
        curve = np.array(measured, dtype=float)  # "Infinity" too
    except (TypeError, ValueError):
        return np.empty((0, 0))
    return curve[:, :: -(-points // 12)] if curve.ndim == 2 else np.empty((0, 0))


def left_out_in_turn(values: np.ndarray, scale: str) -> tuple[int, int]:
    """How many of the curves the others refute, and how many there are."""
    tolerance = np.zeros(values.shape[1])
    found = [
        curves.judge_curve(np.delete(values, i, axis=0), values[i], tolerance, scale=scale).refuted
        for i in range(len(values))
    ]
    return int(np.sum(found)), len(found)


@pytest.mark.parametrize("scale", ["linear", "rank"])
def test_a_stored_curve_is_refuted_by_its_own_kind_in_one_of_a_hundred(scale):
    many = [each for each in stored_curves() if len(each) >= 100]
    if not many:
        pytest.skip("results/reference holds no curves of 100 seeds")
    some = many[:: -(-len(many) // 40)]
    wrong, tried = map(sum, zip(*(left_out_in_turn(each, scale) for each in some), strict=True))
    assert wrong / tried <= 0.01  # exactly so: at most 1 of 100, and of 120
    assert wrong / tried > 0.003


def test_a_stored_curve_held_against_few_seeds():
    """The t tests are for normal quantities, and losses have longer tails, also as logarithms."""
    few = [each[:41] for each in stored_curves() if (each > 0).all() and np.isfinite(each).all()]
    if not few:
        pytest.skip("results/reference holds no curves")
    some = few[:: -(-len(few) // 60)]
    wrong, tried = map(sum, zip(*(left_out_in_turn(each, "log") for each in some), strict=True))
    assert wrong / tried < 0.04


# --- bounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [10, 40])
@pytest.mark.parametrize("op", [">=", "<="])
def test_what_a_run_of_the_protocol_attained_is_refuted_in_one_of_a_hundred(n, op):
    values = drawn(n)
    p = bounds.attained_test(values[:n], values[n], op)
    none = ~bounds.COMPARE[op](values[:n], values[n]).any(axis=0)  # else it is CONFIRMED
    assert 0.006 < np.mean(p <= 0.01) < 0.013
    assert np.mean((p <= 0.01) & none) < 0.013
    ranked = np.random.default_rng(15).pareto(0.8, (200, DRAWS))
    p = bounds.attained_test(ranked[:199], ranked[199], op, scale="rank")
    none = ~bounds.COMPARE[op](ranked[:199], ranked[199]).any(axis=0)
    assert np.mean((p <= 0.01) & none) < 0.008


def test_what_no_run_attains_is_refuted():
    p = bounds.attained_test(drawn(10)[:10], np.full(DRAWS, 5.0), ">")
    assert np.mean(p <= 0.01) > 0.9


@pytest.mark.parametrize("n", [10, 40])
def test_a_bound_that_the_mean_just_holds_is_refuted_in_one_of_a_hundred(n):
    high = intervals.mean_bounds(drawn(n)[:n], 0.99).high
    assert 0.007 < np.mean(high < 0) < 0.013


# --- orderings ------------------------------------------------------------------------------------


@functools.cache
def ordered(wins: int, ties: int, losses: int) -> str:
    effects = np.repeat([1.0, 0.0, -1.0], [wins, ties, losses])
    return orderings.judge_ordering(effects).verdict


@pytest.mark.parametrize("n", [8, 20, 100])
@pytest.mark.parametrize("tie", [0.0, 0.3, 0.9])
def test_a_fair_pair_is_ordered_in_one_of_a_hundred_either_way(n, tie):
    each = np.random.default_rng(16).multinomial(n, [(1 - tie) / 2, tie, (1 - tie) / 2], DRAWS)
    found = np.array([ordered(*map(int, one)) for one in each])
    assert share(found, "REFUTED") < 0.013
    assert share(found, "CONFIRMED") < 0.013


def test_a_clear_order_is_found():
    each = np.random.default_rng(17).multinomial(40, [0.8, 0.1, 0.1], 2_000)
    found = np.array([ordered(*map(int, one)) for one in each])
    assert share(found, "CONFIRMED") > 0.95


def test_a_true_least_effect_is_refuted_in_one_of_a_hundred():
    """The median is just what is claimed: neither its direction nor its size may be refuted."""
    effects = np.random.default_rng(18).laplace(1.0, 1.0, (10_000, 20))
    found = np.array([orderings.judge_ordering(each, 1.0).verdict for each in effects])
    assert share(found, "REFUTED") < 0.013
    small = np.array([orderings.judge_ordering(each, 4.0).verdict for each in effects[:500]])
    assert share(small, "REFUTED") > 0.9
    large = np.array([orderings.judge_ordering(each, 0.2).verdict for each in effects[:500]])
    assert share(large, "CONFIRMED") > 0.6


def test_p_goes_with_refuted():
    effects = np.random.default_rng(19).normal(-0.3, 1.0, (2_000, 30))
    for least in (None, 0.1):
        judged = [orderings.judge_ordering(each, least) for each in effects]
        assert {each.p <= 0.01 for each in judged if each.verdict == "REFUTED"} == {True}
        other = [each for each in judged if each.verdict != "REFUTED" and each.share <= 0.4]
        assert all(each.p > 0.01 for each in other)


# --- shares ---------------------------------------------------------------------------------------


@functools.cache
def judged_share(kind: str, times: int, n: int) -> str:
    return kind_of(kind, [1] * times + [0] * (n - times))


def kind_of(kind: str, values: list[int]) -> str:
    keys = {"can": {}, "always": {"rate": 1}, "half": {"rate": 0.5, "op": ">"}}[kind]
    claim = claims.KINDS["can" if kind == "can" else "always"](
        id="c", places=(), says="s", variant="v", metric="m", **keys
    )
    passage = claims.Passage("p", (), "", (claim,))
    one = claims.Reproduction("r", pathlib.Path("r"), "t", (), {}, passages=(passage,))
    stored = [
        {"seed": seed, "measurements": {"m": value}, "data": {}, "shortened": {}}
        for seed, value in enumerate(values)
    ]
    return judge.judge(one, {"v": stored}, seeds={"v": len(values)})[0].verdict


@pytest.mark.parametrize(
    ("kind", "true", "n", "verdict"),
    [
        ("can", 0.01, 459, "REFUTED"),  # it can, in one of a hundred
        ("always", 0.99, 459, "CONFIRMED"),  # it does not, in one of a hundred
        ("half", 0.5, 40, "REFUTED"),
        ("half", 0.5, 41, "CONFIRMED"),
    ],
)
def test_a_share_is_misjudged_in_one_of_a_hundred(kind, true, n, verdict):
    times = np.random.default_rng(20).binomial(n, true, DRAWS)
    found = np.array([judged_share(kind, int(each), n) for each in times])
    assert 0.003 < share(found, verdict) < 0.013


def test_every_verdict_that_a_true_claim_may_get_is_one_of_four():
    found = itertools.chain(numbers(10, 0.1), numbers(10, 1.0))
    assert set(found) <= {"CONFIRMED", "CONSISTENT", "REFUTED", "UNRESOLVED"}

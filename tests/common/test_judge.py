"""The judge: a truth table for every kind of claim, at its edges, and simulations of the rule."""

import dataclasses
import decimal
import json
import math
import pathlib

import numpy as np
import pytest

from common import claims, judge

INF, NAN = math.inf, math.nan
TEN = [0.09, 0.10, 0.11, 0.09, 0.10, 0.11, 0.09, 0.10, 0.11, 0.10]  # mean 0.1, s = 0.0082
D = decimal.Decimal


def make(kind: str, **keys) -> claims.Claim:
    """A claim of any kind on metric "m" of variant "v", cited values given as text."""
    for key in ("cited", "margin", "tolerance", "rate"):
        if isinstance(keys.get(key), str):
            keys[key] = D(keys[key])
    base = {"id": "c", "places": (claims.Place("notes-2", "2.3", "q"),), "says": "s"}
    where = {} if kind == "statement" else {"variant": "v", "metric": "m"}
    return claims.KINDS[kind](**base, **where, **keys)


def curve(*y: str, **keys) -> claims.Claim:
    x = tuple(D(10 * i) for i in range(len(y)))
    index = keys.pop("index", None)
    return make("number", curve=claims.Curve("f", x, tuple(map(D, y)), index), **keys)


def record(seed: int, value: object, **keys) -> dict:
    return {"seed": seed, "measurements": {"m": value}, "data": {}, "shortened": {}, **keys}


def records(values: object, **keys) -> list[dict]:
    return [record(seed, value, **keys) for seed, value in enumerate(values)]


def rule(claim: claims.Claim, by_variant: dict, minimum: int = 10, **keys) -> judge.Verdict:
    reproduction = claims.Reproduction(
        "xor", pathlib.Path("xor.toml"), "t", ("notes-2",), (), {}, ("m",), (), minimum, 120
    )
    reproduction = dataclasses.replace(reproduction, claims=(claim,))
    seeds = keys.pop("seeds", {name: len(some) for name, some in by_variant.items()})
    (verdict,) = judge.judge(reproduction, by_variant, seeds=seeds, **keys)
    assert verdict.evidence or verdict.reason
    assert "\n" not in verdict.evidence
    return verdict


def on(claim: claims.Claim, values: object, **keys) -> judge.Verdict:
    return rule(claim, {"v": records(values)}, **keys)


# --- exact and identity --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cited", "measured", "verdict"),
    [
        ("109386", 109386, "CONFIRMED"),
        ("109386", 109387, "REFUTED"),
        ("0.05", 0.055, "CONFIRMED"),  # half a unit: 0.055 - 0.05 is 0.0050000000000000044
        ("0.05", 0.0550001, "REFUTED"),
        ("0.05", 0.045, "CONFIRMED"),
        ("0.050", 0.055, "REFUTED"),  # the digits carry the precision
        ("1", True, "CONFIRMED"),
        ("1", NAN, "REFUTED"),
        ("1", INF, "REFUTED"),
        (("784", "128"), [784, 128], "CONFIRMED"),
        (("784", "128"), [784, 129], "REFUTED"),
        (("784", "128"), [784], "REFUTED"),
        (("784", "128"), [784, NAN], "REFUTED"),
        ("784", [784], "ERROR"),
        (("784",), 784, "ERROR"),
        (("784",), [[784]], "ERROR"),
        ("784", "many", "ERROR"),
        ("784", None, "ERROR"),
    ],
)
def test_exact(cited, measured, verdict):
    if isinstance(cited, tuple):
        cited = tuple(map(D, cited))
    assert on(make("exact", cited=cited), [measured]).verdict == verdict


def test_exact_with_digits_margin_and_position():
    assert on(make("exact", cited="1500", digits=2), [1549]).verdict == "CONFIRMED"
    assert on(make("exact", cited="1500", digits=2), [1551]).verdict == "REFUTED"
    assert on(make("exact", cited="0.5", margin="0.2"), [0.69]).verdict == "CONFIRMED"
    assert on(make("exact", cited="7", at=-1), [[5, 7]]).verdict == "CONFIRMED"
    assert on(make("exact", cited="7", at=2), [[5, 7]]).verdict == "ERROR"


def test_exact_needs_seed_0_only():
    claim = make("exact", cited="5")
    assert rule(claim, {"v": [record(0, 5), record(7, 9)]}, seeds={"v": 50}).verdict == "CONFIRMED"
    assert rule(claim, {"v": [record(1, 5)]}, seeds={"v": 1}).verdict == "ERROR"
    assert rule(claim, {"v": [record(0, 5)] * 2}, seeds={"v": 1}).verdict == "ERROR"


def test_exact_says_what_differs():
    wrong = on(make("exact", cited=(D(784), D(128))), [[784, 64]])
    assert "1 of 2 values differ; at 1 measured 64, cited 128" in wrong.evidence
    assert (wrong.measured, wrong.cited) == ("[784, 64]", "[784, 128]")
    assert on(make("exact", cited="109184"), [109386]).measured == 109386


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0, 1e-9], "CONFIRMED"),  # at the tolerance
        ([0, 1.1e-9], "REFUTED"),
        ([-1e-3, 0], "REFUTED"),
        ([0, NAN], "REFUTED"),
        ([INF], "REFUTED"),
        ([0], "CONFIRMED"),
    ],
)
def test_identity(values, verdict):
    assert on(make("identity", tolerance="1e-9"), values).verdict == verdict


# --- number --------------------------------------------------------------------------------------

SPREAD = np.linspace(-1, 1, 10)  # mean 0, s = 0.673, h = 2.295; 90 % of the mean: 0.390


@pytest.mark.parametrize(
    ("values", "cited", "keys", "verdict"),
    [
        (TEN, "0.10", {}, "CONFIRMED"),  # r = 0.005; the mean is known to 0.00473
        (TEN, "0.100", {}, "CONSISTENT"),
        (TEN, "0.20", {}, "REFUTED"),
        (TEN, "0.02", {}, "REFUTED"),
        (TEN, "0.2", {"margin": "0.2"}, "CONFIRMED"),
        (TEN[:9], "0.10", {}, "UNRESOLVED"),  # nine seeds
        (TEN[:2], "0.90", {}, "UNRESOLVED"),
        (TEN[:1], "0.90", {}, "UNRESOLVED"),
        # s = 0: the rounding boundary decides
        ([0.05] * 10, "0.05", {}, "CONFIRMED"),
        ([0.055] * 10, "0.05", {}, "CONFIRMED"),
        ([0.045] * 10, "0.05", {}, "CONFIRMED"),
        ([0.0551] * 10, "0.05", {}, "REFUTED"),
        ([0.055] * 10, "0.050", {}, "REFUTED"),
        ([1549.0] * 10, "1500", {"digits": 2}, "CONFIRMED"),
        ([1551.0] * 10, "1500", {"digits": 2}, "REFUTED"),
        ([0.0] * 10, "0", {}, "CONFIRMED"),
        # too wide to say: h = 2.295 against max(3 d, |c| / 2)
        (SPREAD + 4.0, "4.000", {}, "UNRESOLVED"),
        (SPREAD + 5.0, "5.000", {}, "CONSISTENT"),
        (SPREAD + 4.0, "4", {"margin": "0.8"}, "CONFIRMED"),  # known well enough after all
        (SPREAD + 2.0, "4.3", {}, "UNRESOLVED"),  # beyond h, but not beyond h + d = 2.345
        (SPREAD + 2.0, "4.30", {}, "REFUTED"),  # the order: refuted comes before too wide
        (SPREAD + 1.0, "0.5", {"margin": "0.8"}, "CONSISTENT"),  # 3 d = 2.4
        (SPREAD + 1.0, "0.5", {"margin": "0.7"}, "UNRESOLVED"),
        (-SPREAD - 5.0, "-5.000", {}, "CONSISTENT"),
        # shares: min(c, 1 - c) instead of |c| / 2
        (0.01 * SPREAD + 0.97, "0.9700", {"share": True}, "CONSISTENT"),
        (0.01 * SPREAD + 0.98, "0.9800", {"share": True}, "UNRESOLVED"),
        (0.01 * SPREAD + 0.02, "0.0200", {"share": True}, "UNRESOLVED"),
        (0.01 * SPREAD + 0.98, "0.9800", {}, "CONSISTENT"),
        # diverged runs are measurements
        ([NAN] * 10, "0.05", {}, "REFUTED"),
        ([INF] * 9 + [NAN], "0.05", {}, "REFUTED"),
        ([INF] * 9, "0.05", {}, "UNRESOLVED"),
        ([*TEN[:9], NAN], "0.90", {}, "UNRESOLVED"),
        ([*TEN[:9], INF], "0.10", {}, "UNRESOLVED"),
    ],
)
def test_number(values, cited, keys, verdict):
    assert on(make("number", cited=cited, **keys), values).verdict == verdict


def test_number_at_a_position_of_a_list():
    values = [[0.5, value] for value in TEN]
    assert on(make("number", cited="0.1", at=1), values).verdict == "CONFIRMED"
    assert on(make("number", cited="0.1", at=2), values).verdict == "ERROR"
    assert on(make("number", cited="0.1"), values).verdict == "ERROR"
    assert on(make("number", cited="0.1", at=0), TEN).verdict == "ERROR"


def test_a_minimum_of_eight_seeds():
    claim = make("number", cited="0.1")
    assert on(claim, TEN[:8], minimum=8).verdict == "CONFIRMED"
    assert on(claim, TEN[:7], minimum=8).verdict == "UNRESOLVED"


def test_the_evidence_of_a_number_reads_well():
    lower = on(make("number", cited="0.0500", correction="It is 0.1."), TEN)
    assert lower.evidence == (
        "mean 0.1 over 10 seeds (99 % of runs between 0.07217 and 0.1278);"
        " the cited 0.0500 lies below"
    )
    assert (lower.side, lower.correction, lower.n) == ("higher", "It is 0.1.", 10)
    assert lower.mean == pytest.approx(0.1)
    assert lower.measured == lower.mean
    assert lower.sd == pytest.approx(0.00816, rel=1e-2)
    assert (lower.interval_low, lower.interval_high) == pytest.approx((0.0722, 0.1278), abs=1e-4)
    assert on(make("number", cited="0.5"), TEN).side == "lower"
    same = on(make("number", cited="0.1", correction="never shown"), TEN)
    assert (same.side, same.correction) == (None, None)
    assert same.evidence.endswith(
        "its 90 % interval, 0.09527 to 0.1047, lies inside the cited 0.1 ± 0.05"
    )
    assert on(make("number", cited="0.10"), TEN[:2]).evidence.endswith("a verdict needs 10 seeds")
    some = on(make("number", cited="0.10"), [*TEN, NAN, INF])
    assert some.evidence.startswith("2 of 12 seeds ended in infinity or NaN")
    assert (some.mean, some.interval_low, some.measured) == (None, None, "NaN")
    assert on(make("number", cited="0.10"), [INF] * 10).side == "higher"


def test_large_numbers_have_no_exponent():
    evidence = on(make("number", cited="100000"), np.array(TEN) * 1e6 + 35_000).evidence
    assert evidence.startswith("mean 135000 over 10 seeds (99 % of runs between 107200 and 162800)")


# --- the log scale -------------------------------------------------------------------------------

SKEWED = np.exp(SPREAD)  # geometric mean 1, 99 % of runs between 0.1009 and 9.907


@pytest.mark.parametrize(
    ("values", "cited", "keys", "verdict"),
    [
        (SKEWED, "9.900", {}, "CONSISTENT"),
        (SKEWED, "9.950", {}, "REFUTED"),
        (SKEWED, "0.1000", {}, "REFUTED"),
        (SKEWED, "0.1010", {}, "UNRESOLVED"),  # half-width 4.9 says nothing about 0.1
        (SKEWED, "1", {"margin": "0.9"}, "CONFIRMED"),
        (SKEWED, "1", {"margin": "2"}, "CONFIRMED"),  # c - d below zero
        (SKEWED**0.1, "1.000", {}, "CONSISTENT"),
        ([0.055] * 10, "0.05", {}, "CONFIRMED"),
        ([0.0551] * 10, "0.05", {}, "REFUTED"),
        ([*SKEWED, 0.0], "1", {}, "ERROR"),
        ([*SKEWED, -1.0], "1", {}, "ERROR"),
        ([*SKEWED, INF], "1", {}, "UNRESOLVED"),
        ([NAN] * 10, "1", {}, "REFUTED"),
        ([INF] * 10, "1", {}, "REFUTED"),
        (SKEWED[:9], "99", {}, "UNRESOLVED"),
    ],
)
def test_number_on_the_log_scale(values, cited, keys, verdict):
    assert on(make("number", cited=cited, scale="log", **keys), values).verdict == verdict


def test_the_log_scale_reports_in_the_metrics_own_unit():
    verdict = on(make("number", cited="9.950", scale="log"), SKEWED)
    assert verdict.measured == pytest.approx(1)
    assert (verdict.interval_low, verdict.interval_high) == pytest.approx(
        (0.10094, 9.907), rel=1e-3
    )
    assert verdict.evidence.startswith("geometric mean 1 over 10 seeds")
    assert verdict.mean == pytest.approx(SKEWED.mean())


# --- ranks, with runs that never got there -------------------------------------------------------

RANKS = np.arange(1000.0, 1200.0)  # 200 seeds
LATE = np.concatenate([np.arange(1000.0, 1120.0), np.full(80, INF)])


@pytest.mark.parametrize(
    ("values", "cited", "keys", "verdict"),
    [
        (RANKS, "1100", {"margin": "20"}, "CONFIRMED"),
        (RANKS, "1100", {}, "CONSISTENT"),
        (RANKS, "1000", {}, "CONSISTENT"),  # the smallest of all
        (RANKS, "999", {}, "REFUTED"),
        (RANKS, "1200", {}, "REFUTED"),
        (RANKS[:199], "999", {}, "REFUTED"),
        (RANKS[:198], "999", {}, "UNRESOLVED"),  # ranks cannot refute with so few
        (RANKS[:198], "1000", {}, "CONSISTENT"),
        (RANKS[:10], "5", {}, "UNRESOLVED"),
        (RANKS[:9], "1005", {}, "UNRESOLVED"),
        (RANKS[:10], "1005", {"margin": "10"}, "CONFIRMED"),
        (RANKS * 10 - 9900, "190", {}, "UNRESOLVED"),  # 100 to 2090: too wide
        (LATE, "1050", {}, "UNRESOLVED"),  # the range ends in infinity
        (LATE, "1100", {"margin": "30"}, "CONFIRMED"),  # but the median is known
        (LATE, "900", {}, "REFUTED"),
        ([INF] * 200, "1500", {}, "REFUTED"),
        ([INF] * 50, "1500", {}, "UNRESOLVED"),
        ([*RANKS, NAN], "1100", {}, "UNRESOLVED"),
        ([1500.0] * 10, "1500", {}, "CONFIRMED"),
        ([1500.0] * 200, "1501", {}, "REFUTED"),
    ],
)
def test_number_by_rank(values, cited, keys, verdict):
    assert on(make("number", cited=cited, scale="rank", **keys), values).verdict == verdict


def test_the_evidence_by_rank():
    never = on(make("number", cited="900", scale="rank"), LATE)
    assert never.evidence == (
        "median 1100 over 200 seeds, 80 of which never got there"
        " (99 % of runs between 1000 and infinity); the cited 900 lies below"
    )
    assert (never.side, never.measured, never.interval_high) == ("higher", 1099.5, INF)
    assert on(make("number", cited="9", scale="rank"), [INF] * 200).measured == "infinity"
    few = on(make("number", cited="900", scale="rank"), RANKS[:50])
    assert few.evidence.endswith(
        "(all between 1000 and 1049);"
        " the cited 900 lies below, but by rank it takes 199 seeds to refute it"
    )


# --- curves --------------------------------------------------------------------------------------

LEVELS = np.array([1.0, 2.0, 3.0, 4.0])


def curves(n: int = 10, spread: float = 0.01, levels: np.ndarray = LEVELS) -> list:
    return (levels + spread * np.resize(SPREAD, n)[:, np.newaxis]).tolist()


@pytest.mark.parametrize(
    ("cited", "values", "keys", "verdict"),
    [
        (("1", "2", "3", "4"), curves(), {}, "CONFIRMED"),
        (("1.00", "2.00", "3.00", "4.00"), curves(), {}, "CONSISTENT"),
        (("1.0", "2.0", "3.5", "4.0"), curves(), {}, "REFUTED"),
        (("1", "2", "3", "9"), curves(9), {}, "UNRESOLVED"),
        # h = 3.9 * 0.673 * 1.05 * spread (four points): too wide below twice that
        (("1.00", "2.00", "3.00", "4.00"), curves(spread=0.4), {}, "CONSISTENT"),  # the first
        (("1.00", "2.00", "3.00", "4.00"), curves(spread=0.5), {}, "CONSISTENT"),  # two of four
        (("1.00", "2.00", "3.00", "4.00"), curves(spread=0.6), {}, "UNRESOLVED"),  # three
        (("1", "2", "3", "40"), curves(spread=0.6), {}, "REFUTED"),
        (("1", "2", "3"), curves(), {}, "ERROR"),  # which point is which?
        (("2", "4"), curves(), {"index": (1, 3)}, "CONFIRMED"),
        (("2", "4"), curves(), {"index": (1, 4)}, "ERROR"),
        (("1", "2", "3", "4"), curves(), {"scale": "log"}, "CONFIRMED"),
        (("1", "2", "3", "4"), curves(levels=LEVELS - 1.5), {"scale": "log"}, "ERROR"),
        (("1",), TEN, {}, "ERROR"),  # no list
    ],
)
def test_curve(cited, values, keys, verdict):
    assert on(curve(*cited, **keys), values).verdict == verdict


def test_the_evidence_of_a_curve():
    refuted = on(curve("1.0", "2.7", "3.2", "4.0"), curves())
    assert refuted.evidence.startswith("2 of 4 points lie outside what the runs produce, 0 ")
    assert "worst at x = 10: cited 2.7, 99.75 % of runs between 1.9" in refuted.evidence
    assert refuted.evidence.index("x = 10") < refuted.evidence.index("x = 20")
    assert (refuted.side, refuted.cited) == ("lower", "curve f (4 points)")
    assert refuted.measured == "mean 1 at x = 0, 4 at x = 30"
    assert on(curve("1.0", "2.7", "2.5", "4.0"), curves()).side is None
    wide = on(curve("1.00", "2.00", "3.00", "4.00"), curves(spread=0.6))
    assert wide.evidence.endswith("3 are too wide to say")


def test_a_curve_that_diverges_at_one_point():
    everywhere = [[1.0, INF] for _ in range(10)]
    verdict = on(curve("1", "2"), everywhere)
    assert (verdict.verdict, verdict.side) == ("REFUTED", "higher")
    assert "at x = 10: cited 2, every seed ended in infinity or NaN" in verdict.evidence
    sometimes = [[1.0, 2.0] for _ in range(9)] + [[1.0, NAN]]
    assert on(curve("1", "2"), sometimes).verdict == "CONSISTENT"


# --- bound ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "cited", "values", "verdict"),
    [
        (">", "0.08", TEN, "CONFIRMED"),  # one-sided bounds of the mean: 0.0927, 0.1073
        (">", "0.0920", TEN, "CONFIRMED"),
        (">=", "0.0920", TEN, "CONFIRMED"),
        (">=", "0.1000", TEN, "UNRESOLVED"),
        (">", "0.0935", TEN, "UNRESOLVED"),
        (">", "0.1070", TEN, "UNRESOLVED"),
        (">", "0.1075", TEN, "REFUTED"),
        ("<", "0.1075", TEN, "CONFIRMED"),
        ("<=", "0.1000", TEN, "UNRESOLVED"),
        ("<", "0.0920", TEN, "REFUTED"),
        (">", "0.08", TEN[:9], "UNRESOLVED"),
        (">", "0.08", TEN[:1], "UNRESOLVED"),
        # s = 0: compared directly, strictly
        (">", "0.1", [0.1] * 10, "REFUTED"),
        (">=", "0.1", [0.1] * 10, "CONFIRMED"),
        ("<", "0.1", [0.1] * 10, "REFUTED"),
        ("<=", "0.1", [0.1] * 10, "CONFIRMED"),
        (">", "0.1", [0.1000001] * 10, "CONFIRMED"),
        # diverged
        (">", "0.1", [NAN] * 10, "REFUTED"),
        (">", "0.1", [INF] * 10, "CONFIRMED"),
        ("<", "0.1", [INF] * 10, "REFUTED"),
        (">", "0.1", [INF] * 9 + [NAN], "UNRESOLVED"),
        (">", "0.01", [*TEN, NAN], "UNRESOLVED"),
    ],
)
def test_bound(op, cited, values, verdict):
    assert on(make("bound", op=op, cited=cited), values).verdict == verdict


def test_the_evidence_of_a_bound():
    verdict = on(make("bound", op=">", cited="0.1075"), TEN)
    assert "mean 0.1 over 10 seeds" in verdict.evidence
    assert verdict.evidence.endswith("3 of 10 seeds (30 %) are > 0.1075")
    assert (verdict.side, verdict.cited) == ("lower", "> 0.1075")
    assert on(make("bound", op="<", cited="0.0920"), TEN).side == "higher"


# --- ordering ------------------------------------------------------------------------------------


def order(ours: object, theirs: object, op: str = "<", **keys) -> judge.Verdict:
    claim = make("ordering", op=op, than=claims.Than("w", "m"))
    return rule(claim, {"v": records(ours), "w": records(theirs)}, **keys)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ([1] * 8, [2] * 8, "CONFIRMED"),
        ([2] * 8, [1] * 8, "REFUTED"),
        ([1] * 7, [2] * 7, "UNRESOLVED"),
        ([1] * 8, [2] * 7 + [1], "UNRESOLVED"),  # a tie leaves seven
        ([1] * 9, [2] * 8 + [1], "CONFIRMED"),
        ([1] * 10, [1] * 10, "UNRESOLVED"),  # all ties
        ([1] * 10, [2] * 5 + [0] * 5, "UNRESOLVED"),
        ([1] * 10, [2] * 9 + [0], "UNRESOLVED"),  # p = 0.021
        ([1] * 20, [2] * 17 + [0] * 3, "CONFIRMED"),  # p = 0.0026
        ([1] * 8, [INF] * 8, "CONFIRMED"),
        ([INF] * 10, [INF] * 10, "UNRESOLVED"),  # neither ever got there: ties
        ([1] * 9, [INF] * 8 + [NAN], "UNRESOLVED"),
        ([1] * 8, [2] * 30, "CONFIRMED"),  # on the seeds both have
    ],
)
def test_ordering(ours, theirs, verdict):
    assert order(ours, theirs).verdict == verdict
    opposite = {"CONFIRMED": "REFUTED", "REFUTED": "CONFIRMED"}
    assert order(ours, theirs, op=">").verdict == opposite.get(verdict, verdict)


def test_ordering_of_two_moments_of_one_curve():
    claim = make("ordering", op="<", at=-1, than=claims.Than("v", "m", 0))
    assert on(claim, [[0.9, 0.1]] * 8).verdict == "CONFIRMED"
    assert on(claim, [[0.1, 0.9]] * 8).verdict == "REFUTED"


def test_ordering_needs_the_same_seeds():
    theirs = [record(seed, 2) for seed in (0, 1, 2, 3, 4, 5, 6, 8)]
    claim = make("ordering", op="<", than=claims.Than("w", "m"))
    both = {"v": records([1] * 8), "w": theirs}
    assert rule(claim, both).verdict == "ERROR"
    assert rule(claim, {"v": records([1] * 8)}).reason == "variant 'w' was not run"


def test_the_evidence_of_an_ordering():
    verdict = order([1] * 9, [2] * 8 + [1])
    assert verdict.evidence == (
        "lower in 8 of 9 seeds (1 tied) than in w; median difference -1, sign test p = 0.0078"
    )
    assert "1 of 9 seeds ended in NaN" in order([1] * 9, [2] * 8 + [NAN]).evidence
    assert "NaN" not in order([INF] * 10, [INF] * 10).evidence


# --- always --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "op", "successes", "n", "verdict"),
    [
        ("1", None, 44, 44, "CONFIRMED"),
        ("1", None, 43, 43, "UNRESOLVED"),
        ("1", None, 1, 1, "UNRESOLVED"),
        ("1", None, 43, 44, "REFUTED"),
        ("1", None, 0, 1, "REFUTED"),
        ("0", None, 0, 44, "CONFIRMED"),
        ("0", None, 0, 43, "UNRESOLVED"),
        ("0", None, 1, 44, "REFUTED"),
        ("0.5", ">", 30, 40, "CONFIRMED"),  # 99 % bounds 0.563 and 0.887
        ("0.5", ">", 27, 40, "UNRESOLVED"),  # 0.483
        ("0.5", ">", 10, 40, "REFUTED"),
        ("0.5", "<", 10, 40, "CONFIRMED"),
        ("0.5", "<", 30, 40, "REFUTED"),
        ("0.5", "<", 20, 40, "UNRESOLVED"),
    ],
)
def test_always(rate, op, successes, n, verdict):
    values = [True] * successes + [False] * (n - successes)
    claim = make("always", rate=rate, op=op)
    assert on(claim, values).verdict == verdict
    assert on(claim, [float(value) for value in values]).verdict == verdict


@pytest.mark.parametrize("value", [0.5, 2, -1, NAN, INF, "yes", None, [1]])
def test_always_takes_yes_and_no_only(value):
    assert on(make("always", rate="1"), [1, value]).verdict == "ERROR"


def test_the_evidence_of_always():
    verdict = on(make("always", rate="1"), [1] * 43 + [0])
    assert verdict.measured == "43 of 44 seeds"
    assert verdict.evidence == (
        "it happens in 43 of 44 seeds; with 99 % confidence in more than 85.84 % and in less than"
        " 99.98 % of all runs"
    )
    verdict = on(make("always", rate="0"), [0] * 44)
    assert verdict.evidence == (
        "it happens in 0 of 44 seeds; with 99 % confidence in less than 9.937 % of all runs"
    )


# --- what stands between records and a verdict ---------------------------------------------------

KINDS = [
    make("exact", cited="0.1"),
    make("identity", tolerance="1"),
    make("number", cited="0.1"),
    curve("1"),
    make("bound", op=">", cited="0"),
    make("ordering", op="<", than=claims.Than("w", "m")),
    make("always", rate="1"),
]
NAMES = [claim.stated for claim in KINDS]
SEVERAL = KINDS[1:]  # of which every seed counts


def both(some: list[dict]) -> dict:
    return {"v": some, "w": some}


@pytest.mark.parametrize("claim", KINDS, ids=NAMES)
def test_a_crash_is_an_error_even_where_verdicts_are_withheld(claim):
    verdict = rule(claim, both(records(TEN)), errors={"v": "ValueError: x"}, withheld="smoke")
    assert (verdict.verdict, verdict.evidence) == ("ERROR", "variant 'v' crashed: ValueError: x")
    assert rule(claim, {}, errors={"v": "x", "w": "x"}).verdict == "ERROR"


@pytest.mark.parametrize("claim", KINDS, ids=NAMES)
def test_not_run(claim):
    withheld = rule(claim, both(records(TEN)), withheld="smoke profile")
    assert (withheld.verdict, withheld.reason) == ("NOT_RUN", "smoke profile")
    absent = rule(claim, {})
    assert (absent.verdict, absent.reason) == ("NOT_RUN", "variant 'v' was not run")
    stand_in = records(TEN, data={"mnist": "stand-in: scikit-learn digits scaled to 28x28"})
    verdict = rule(claim, both(stand_in))
    assert verdict.verdict == "NOT_RUN"
    assert verdict.reason.startswith("mnist was not there (stand-in: scikit-learn digits")


@pytest.mark.parametrize("claim", KINDS, ids=NAMES)
def test_a_metric_that_was_not_measured_is_an_error(claim):
    others = [{**each, "measurements": {"other": 1}} for each in records(TEN)]
    assert rule(claim, both(others)).verdict == "ERROR"


@pytest.mark.parametrize("claim", SEVERAL, ids=NAMES[1:])
def test_missing_and_repeated_seeds_are_an_error(claim):
    missing = [each for each in records([1] * 12) if each["seed"] not in (0, 3)]
    verdict = rule(claim, both(missing), seeds={"v": 12, "w": 12})
    assert verdict.verdict == "ERROR"
    assert verdict.evidence == "2 of 12 seeds of variant 'v' missing: 0, 3"
    repeated = rule(claim, both([*records(TEN), record(4, 0.1)]), seeds={"v": 10, "w": 10})
    assert repeated.verdict == "ERROR"
    assert "recorded more than once: 4" in repeated.evidence


def test_seeds_beyond_those_asked_for_are_left_out_and_order_does_not_matter():
    some = [*records(TEN), record(10, 99.0), record(11, NAN)]
    verdict = rule(make("number", cited="0.1"), {"v": some[::-1]}, seeds={"v": 10})
    assert (verdict.verdict, verdict.n) == ("CONFIRMED", 10)


def test_a_statement_is_never_checkable():
    claim = make("statement", reason="An opinion.")
    for keys in ({}, {"withheld": "smoke profile"}, {"errors": {"v": "x"}}):
        verdict = rule(claim, {}, **keys)
        assert (verdict.verdict, verdict.reason) == ("NOT_CHECKABLE", "An opinion.")
        assert (verdict.variant, verdict.metric, verdict.cited) == (None, None, None)


@pytest.mark.parametrize("claim", KINDS, ids=NAMES)
def test_a_shortened_protocol_is_told(claim):
    value = [1.0] if claim.stated.startswith("curve") else 1
    some = records([value] * 10, shortened={"epochs": 2, "batch": 8})
    note = " (protocol shortened: batch=8, epochs=2)"
    assert rule(claim, both(some)).evidence.endswith(note)
    assert "shortened" not in rule(claim, both(records([value] * 10))).evidence


def test_an_epoch_that_a_shortened_protocol_never_came_to_is_not_run():
    claim = make("number", cited="0.1", at=2)
    verdict = rule(claim, {"v": records([[5, 7]] * 10, shortened={"epochs": 2})})
    assert verdict.verdict == "NOT_RUN"
    assert verdict.reason == (
        "the protocol was cut short (epochs=2); seed 0: 'm' has 2 values, none at 2"
    )
    assert rule(claim, {"v": records([[5, 7]] * 10)}).verdict == "ERROR"


def test_a_shortened_other_side_of_an_ordering_is_told():
    verdict = rule(KINDS[5], {"v": records([1] * 8), "w": records([2] * 8, shortened={"n": 1})})
    assert verdict.evidence.endswith(" (protocol shortened: n=1)")


def test_a_verdict_has_the_fields_of_the_design_and_is_strict_json():
    fields = (
        "claim reproduction source where quote says kind weight variant metric cited margin verdict"
        " side n mean sd interval_low interval_high measured evidence correction reason"
    )
    claim = make("number", cited="0.10", margin="0.02", weight="headline")
    places = (*claim.places, claims.Place("thesis", "2.1", "p"))
    verdict = dataclasses.asdict(on(dataclasses.replace(claim, places=places), TEN))
    assert " ".join(verdict) == fields
    assert json.loads(json.dumps(verdict, allow_nan=False)) == verdict
    assert (verdict["source"], verdict["where"], verdict["quote"]) == (
        "notes-2; thesis",
        "2.3; 2.1",
        "q / p",
    )
    assert (verdict["reproduction"], verdict["margin"]) == ("xor", 0.02)


# --- simulations of the rule for numbers ---------------------------------------------------------

DRAWS = 20_000


def draws(n: int, spread: float, shift: float = 0.0, scale: str = "linear") -> np.ndarray:
    """The outcomes of 20,000 claims: n runs each, and a cited value from the same distribution."""
    noise = np.random.default_rng(20_260_206).normal(0.0, spread, (n + 1, DRAWS))
    noise[n] += shift * spread
    values = np.exp(noise) if scale == "log" else 1.0 + noise
    return judge.judge_numbers(values[:n], values[n], np.zeros(DRAWS), scale=scale).verdict


def share(verdicts: np.ndarray, *which: str) -> float:
    return float(np.isin(verdicts, which).mean())


@pytest.mark.parametrize("n", [10, 20, 40])
@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("spread", [0.1, 1.0])
def test_a_true_figure_is_refuted_in_one_of_a_hundred(n, scale, spread):
    assert 0.007 < share(draws(n, spread, scale=scale), "REFUTED") < 0.013


@pytest.mark.parametrize("n", [10, 20, 40])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_most_true_figures_are_consistent_where_the_spread_is_a_tenth(n, scale):
    """A tenth, not a quarter: the rule's own width forbids more.

    "Too wide" begins at h = |cited| / 2, and h is 3.4 s for 10 seeds, 2.7 s for 40 and 2.6 s at
    best. So s may be 0.15 of the value for 10 seeds and never more than 0.19, whatever the number
    of seeds; at a quarter most true figures are UNRESOLVED, as the second test shows.
    """
    assert share(draws(n, 0.1, scale=scale), "CONSISTENT", "CONFIRMED") > 0.9


@pytest.mark.parametrize("n", [10, 40])
def test_a_spread_of_a_quarter_is_too_wide(n):
    assert share(draws(n, 0.25), "UNRESOLVED") > 0.5


def test_a_shift_of_five_deviations_is_refuted_with_ten_seeds():
    assert share(draws(10, 0.05, shift=5), "REFUTED") > 0.8
    assert share(draws(10, 0.05, shift=-5, scale="log"), "REFUTED") > 0.8


def test_true_figures_are_confirmed_with_a_margin_of_their_spread():
    values = np.random.default_rng(1).normal(1.0, 0.1, (40, DRAWS))
    verdicts = judge.judge_numbers(values, np.ones(DRAWS), np.full(DRAWS, 0.1)).verdict
    assert share(verdicts, "CONFIRMED") > 0.99


@pytest.mark.parametrize("n", [199, 200, 450])
def test_a_true_figure_by_rank_is_refuted_in_one_of_a_hundred(n):
    values = np.random.default_rng(2).pareto(0.8, (n + 1, 5_000))
    values[values > 20] = INF  # censored
    finite = np.isfinite(values[n])  # a document cites no epoch that never came
    judged = judge.judge_numbers(
        values[:n, finite], values[n, finite], np.zeros(finite.sum()), scale="rank"
    )
    assert share(judged.verdict, "REFUTED") < 0.013


def test_a_true_curve_is_refuted_in_one_of_a_hundred():
    points = np.random.default_rng(3).normal(1.0, 0.05, (11, 20 * 5_000))
    judged = judge.judge_numbers(points[:10], points[10], np.zeros(20 * 5_000), together=20)
    refuted = (judged.verdict == "REFUTED").reshape(5_000, 20).any(axis=1)
    assert 0.005 < refuted.mean() < 0.014


def test_rounding_a_true_figure_does_not_refute_it():
    cited = np.random.default_rng(4).normal(1.0, 0.001, DRAWS).round(2)
    values = np.random.default_rng(5).normal(1.0, 0.001, (10, DRAWS))
    verdicts = judge.judge_numbers(values, cited, np.full(DRAWS, 0.005)).verdict
    assert share(verdicts, "REFUTED") < 0.01

"""The judge: a truth table for every kind of claim, at its edges, and what stands before them.

What its tests promise is simulated in test_judge_statistics.py.
"""

import dataclasses
import decimal
import json
import math
import pathlib

import numpy as np
import pytest

from common import claims, judge
from common.judge import curves as judge_curves

INF, NAN = math.inf, math.nan
TEN = [0.09, 0.10, 0.11, 0.09, 0.10, 0.11, 0.09, 0.10, 0.11, 0.10]  # mean 0.1, s = 0.0082
D = decimal.Decimal
METRICS = {"m": claims.Metric("Error on the test set, by epoch.")}
NO_METRIC = ("statement", "printed", "by_reading")


def make(kind: str, **keys) -> claims.Claim:
    """A claim of any kind on metric "m" of variant "v", cited values given as text."""
    for key in ("cited", "margin", "tolerance", "rate", "least", "least_factor", "level"):
        if isinstance(keys.get(key), str):
            keys[key] = D(keys[key])
    base = {"id": "c", "places": (claims.Place("notes-2", "2.3", "q"),), "says": "s"}
    where = {} if kind in NO_METRIC else {"variant": "v", "metric": "m"}
    return claims.KINDS[kind](**{**base, **where, **keys})


def line(*y: str, index: tuple[int, ...] | None = None) -> claims.Curve:
    return claims.Curve("f", tuple(D(10 * i) for i in range(len(y))), tuple(map(D, y)), index)


def curve(*y: str, index: tuple[int, ...] | None = None, **keys) -> claims.Claim:
    return make("number", curve=line(*y, index=index), **keys)


def record(seed: int, value: object, **keys) -> dict:
    return {"seed": seed, "measurements": {"m": value}, "data": {}, "shortened": {}, **keys}


def records(values: object, **keys) -> list[dict]:
    return [record(seed, value, **keys) for seed, value in enumerate(values)]


def reproduction(*passages: claims.Passage, minimum: int = 10, full: int = 200):
    variants = {
        name: claims.Variant(name, "about", dict.fromkeys(claims.PROFILES, full), ())
        for name in ("v", "w", "x")
    }
    experiment = claims.Experiment("experiment", pathlib.Path("experiment.py"), variants)
    return claims.Reproduction(
        "xor",
        pathlib.Path("xor/claims.toml"),
        "t",
        ("notes-2",),
        {},
        minimum,
        experiments={"experiment": experiment},
        metrics=METRICS,
        passages=passages,
    )


def passage(*of: claims.Claim, name: str = "p") -> claims.Passage:
    return claims.Passage(name, of[0].places, "", of)


def rule(
    claim: claims.Claim, by_variant: dict, minimum: int = 10, full: int = 200, **keys
) -> judge.Verdict:
    seeds = keys.pop("seeds", {name: len(some) for name, some in by_variant.items()})
    (verdict,) = judge.judge(
        reproduction(passage(claim), minimum=minimum, full=full), by_variant, seeds=seeds, **keys
    )
    assert verdict.evidence or verdict.reason
    assert "\n" not in verdict.evidence
    assert "index" not in verdict.evidence
    assert "  " not in verdict.evidence
    return verdict


def on(claim: claims.Claim, values: object, **keys) -> judge.Verdict:
    return rule(claim, {"v": records(values)}, **keys)


def once(claim: claims.Claim, *values: object) -> judge.Verdict:
    """On a variant without randomness, and a second one for the other side of an ordering."""
    stored = {name: records([value]) for name, value in zip("vw", values, strict=False)}
    return rule(claim, stored, full=1)


def test_every_kind_has_its_rule():
    assert set(judge.RULES) == set(claims.KINDS.values())


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
    assert "1 of 2 values differ; element 2 is 64, cited 128" in wrong.evidence
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

SPREAD = np.linspace(-1, 1, 10)  # mean 0, s = 0.673, h = 2.295; 99 % of the mean: 0.692


@pytest.mark.parametrize(
    ("values", "cited", "keys", "verdict"),
    [
        (TEN, "0.1", {}, "CONFIRMED"),  # r = 0.05; the mean is known to 0.0084
        (TEN, "0.10", {"margin": "0.0084"}, "CONFIRMED"),
        (TEN, "0.10", {"margin": "0.0083"}, "CONSISTENT"),
        (TEN, "0.10", {}, "CONSISTENT"),  # r = 0.005, as far as 90 % of the mean
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
        ([NAN] * 37, "0.05", {}, "REFUTED"),
        ([INF] * 36 + [NAN], "0.05", {}, "REFUTED"),
        ([INF] * 36, "0.05", {}, "UNRESOLVED"),  # so many may diverge by chance
        ([*TEN[:9], NAN], "0.90", {}, "UNRESOLVED"),
        ([*TEN[:9], INF], "0.10", {}, "UNRESOLVED"),
    ],
)
def test_number(values, cited, keys, verdict):
    assert on(make("number", cited=cited, **keys), values).verdict == verdict


def test_number_at_a_position_of_a_list():
    values = [[0.5, value] for value in TEN]
    found = on(make("number", cited="0.1", at=1), values)
    assert found.verdict == "CONFIRMED"
    assert found.evidence.startswith("element 2 of 'm' (Error on the test set, by epoch): mean 0.1")
    last = on(make("number", cited="0.1", at=-1), values).evidence
    assert last.startswith("the last element of 'm' (Error on the test set, by epoch): mean 0.1")
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
        "the 99 % interval of the mean, 0.09161 to 0.1084, lies inside the cited 0.1 ± 0.05"
    )
    assert on(make("number", cited="0.10"), TEN[:2]).evidence.endswith("a verdict needs 10 seeds")
    some = on(make("number", cited="0.10"), [*TEN, NAN, INF])
    assert some.evidence.startswith("2 of 12 seeds ended in infinity or NaN")
    assert (some.mean, some.interval_low, some.measured) == (None, None, "NaN")
    assert on(make("number", cited="0.10"), [INF] * 37).side == "higher"
    assert on(make("number", cited="0.10"), TEN).p == pytest.approx(1)
    assert lower.p < 0.01
    assert on(make("number", cited="0.1"), TEN[:9]).p is None


def test_p_is_one_percent_where_refuted_begins():
    inside, outside = (
        on(make("number", cited=cited, margin="0.00001"), TEN) for cited in ("0.12781", "0.12784")
    )
    assert (inside.verdict, outside.verdict) == ("CONSISTENT", "REFUTED")
    assert inside.p == pytest.approx(0.01, rel=0.01) == outside.p


def test_a_share_is_shown_between_0_and_1():
    wide = on(make("number", cited="0.50", share=True), np.clip(SPREAD + 0.5, 0, 1))
    assert (wide.interval_low, wide.interval_high) == (0, 1)
    assert "99 % of runs between 0 and 1" in wide.evidence
    assert on(make("number", cited="0.50"), np.clip(SPREAD + 0.5, 0, 1)).interval_high > 1


# --- rivals ---------------------------------------------------------------------------------------


def rivals(claim: claims.Claim, ours: object, **others: object) -> judge.Verdict:
    return rule(claim, {name: records(some) for name, some in {"v": ours, **others}.items()})


def test_the_power_against_a_rival_is_told():
    claim = make("number", cited="0.100", rivals=("w", "x"))
    told = rivals(claim, TEN, w=[0.1] * 3 + [0.2] * 7, x=TEN)
    assert told.verdict == "CONSISTENT"
    assert told.evidence.endswith(
        "; the same test would refute 70 % of the runs of 'w' and 0 % of the runs of 'x'"
    )
    told = rivals(claim, TEN, w=[0.1] * 6 + [0.2] * 4, x=TEN)
    assert told.evidence.endswith(
        "40 % of the runs of 'w' and 0 % of the runs of 'x', less than half of the runs of any"
        " rival, so it tells little"
    )
    diverged = rivals(claim, TEN, w=[NAN, INF], x=TEN)
    assert "100 % of the runs of 'w'" in diverged.evidence


def test_a_rival_that_is_missing_or_crashed():
    claim = make("number", cited="0.100", rivals=("w",))
    absent = rivals(claim, TEN)
    assert (absent.verdict, absent.evidence[-12:]) == ("CONSISTENT", "; 'w' not run"[-12:])
    both = {"v": records(TEN), "w": records(TEN)}
    assert rule(claim, both, errors={"w": "ValueError: x"}).verdict == "ERROR"
    assert (
        "same test" not in rivals(make("number", cited="0.9", rivals=("w",)), TEN, w=TEN).evidence
    )


def test_an_interval_that_tells_a_rival_apart_is_not_too_wide():
    claim = make("number", cited="4.000", rivals=("w",))
    assert rivals(claim, SPREAD + 4, w=SPREAD + 4).verdict == "UNRESOLVED"
    told = rivals(claim, SPREAD + 4, w=SPREAD + 40)
    assert told.verdict == "CONSISTENT"
    assert "the cited 4.000 lies within; the same test would refute 100 %" in told.evidence


def test_the_power_by_rank_and_of_a_curve():
    claim = make("number", cited="1050", scale="rank", rivals=("w",))
    told = rivals(claim, RANKS, w=[*RANKS[:50], *(RANKS[:50] + 300), *[INF] * 100])
    assert "would refute 75 % of the runs of 'w'" in told.evidence
    claim = curve("1.00", "2.00", "3.00", "4.00", rivals=("w", "x"))
    near, far = curves(), curves(levels=LEVELS + 1)
    for n in (10, 120):
        told = rivals(claim, curves(n), w=near + far, x=near)
        assert "50 % of the runs of 'w' and 0 % of the runs of 'x'" in told.evidence


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
        (SKEWED, "1", {"margin": "1.1"}, "CONFIRMED"),  # 99 % of the centre: 0.50 to 2.00
        (SKEWED, "1", {"margin": "0.9"}, "UNRESOLVED"),
        (SKEWED, "1", {"margin": "2"}, "CONFIRMED"),  # c - d below zero
        (SKEWED**0.1, "1.000", {}, "CONSISTENT"),
        ([0.055] * 10, "0.05", {}, "CONFIRMED"),
        ([0.0551] * 10, "0.05", {}, "REFUTED"),
        ([*SKEWED, 0.0], "1", {}, "ERROR"),
        ([*SKEWED, -1.0], "1", {}, "ERROR"),
        ([*SKEWED, INF], "1", {}, "UNRESOLVED"),
        ([NAN] * 37, "1", {}, "REFUTED"),
        ([INF] * 10, "1", {}, "UNRESOLVED"),
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
        (RANKS, "1100", {}, "CONSISTENT"),
        (RANKS, "1100", {"margin": "90"}, "CONSISTENT"),  # by rank nothing is confirmed
        (RANKS, "1000", {}, "CONSISTENT"),  # the smallest of all: a tie
        (RANKS, "999", {}, "REFUTED"),
        (RANKS, "1200", {}, "REFUTED"),
        (RANKS, "999", {"margin": "1"}, "CONSISTENT"),  # within reach: a tie too
        (RANKS[:199], "999", {}, "REFUTED"),
        (RANKS[:198], "999", {}, "UNRESOLVED"),  # ranks cannot refute with so few
        (RANKS[:198], "1000", {}, "CONSISTENT"),
        (RANKS[:10], "5", {}, "UNRESOLVED"),
        (RANKS[:9], "1005", {}, "UNRESOLVED"),
        (RANKS * 10 - 9900, "190", {}, "CONSISTENT"),
        (LATE, "1050", {}, "CONSISTENT"),
        (LATE, "5000", {}, "CONSISTENT"),  # later than all that got there, but 80 never did
        (LATE, "900", {}, "REFUTED"),
        ([INF] * 200, "1500", {}, "REFUTED"),
        ([INF] * 50, "1500", {}, "UNRESOLVED"),
        ([*RANKS, NAN], "1100", {}, "CONSISTENT"),
        ([*RANKS, NAN], "999", {}, "CONSISTENT"),  # NaN may be anywhere: a tie
        ([*RANKS, *RANKS, NAN], "999", {}, "REFUTED"),  # p = 2 * 2 / 402
        ([NAN] * 37, "1500", {}, "REFUTED"),
        ([NAN] * 36, "1500", {}, "UNRESOLVED"),
        ([24.0] * 20 + [23.0] * 180, "24", {}, "CONSISTENT"),  # 24 flowers
        ([23.0] * 200, "24", {}, "REFUTED"),
        ([1500.0] * 200, "1501", {}, "REFUTED"),
    ],
)
def test_number_by_rank(values, cited, keys, verdict):
    assert on(make("number", cited=cited, scale="rank", **keys), values).verdict == verdict


def test_the_evidence_by_rank():
    never = on(make("number", cited="900", scale="rank"), LATE)
    assert never.evidence == (
        "median 1100 over 200 seeds, 80 of which never got there"
        " (99 % of runs between 1000 and infinity); the cited 900 lies below (by rank, p = 0.01)"
    )
    assert (never.side, never.measured, never.interval_high) == ("higher", 1099.5, INF)
    assert never.p == pytest.approx(2 / 201)
    assert on(make("number", cited="9", scale="rank"), [INF] * 200).measured == "infinity"
    few = on(make("number", cited="900", scale="rank"), RANKS[:50])
    assert few.evidence.endswith(
        "(all between 1000 and 1049);"
        " the cited 900 lies below, but by rank it takes 199 seeds to refute it"
    )
    assert few.p == pytest.approx(2 / 51)
    inside = on(make("number", cited="1010", scale="rank"), RANKS[:50])
    assert inside.evidence.endswith(
        "the cited 1010 lies within (by rank, p = 0.47); it takes 199 seeds to refute by rank"
    )


# --- curves --------------------------------------------------------------------------------------

LEVELS = np.array([1.0, 2.0, 3.0, 4.0])


def curves(n: int = 10, spread: float = 0.01, levels: np.ndarray = LEVELS) -> list:
    """Curves that are shifted against each other as wholes."""
    return (levels + spread * np.resize(SPREAD, n)[:, np.newaxis]).tolist()


def noisy(n: int, spread: float = 0.01, levels: np.ndarray = LEVELS) -> list:
    """Curves whose points know nothing of each other."""
    return (levels + np.random.default_rng(1).normal(0, spread, (n, len(levels)))).tolist()


def texts(points: object) -> list[str]:
    return [f"{point:.6f}" for point in points]


FAR = ("1", "2", "3.8", "4")
ALONG = ("1.00", "2.00", "3.00", "4.00")


@pytest.mark.parametrize(
    ("cited", "values", "keys", "verdict"),
    [
        (("1", "2", "3", "4"), curves(), {}, "CONFIRMED"),
        (("1.000", "2.000", "3.000", "4.000"), curves(), {}, "CONSISTENT"),
        (("1.0", "2.0", "3.5", "4.0"), curves(), {}, "REFUTED"),
        (("1", "2", "3", "9"), curves(9), {}, "UNRESOLVED"),
        # too wide with few seeds: h = 2.295 spread, against half of 1, 2, 3 and 4
        (ALONG, curves(spread=0.4), {}, "CONSISTENT"),  # the first
        (ALONG, curves(spread=0.6), {}, "CONSISTENT"),  # two of four
        (ALONG, curves(spread=0.7), {}, "UNRESOLVED"),  # three
        (("1", "2", "3", "40"), curves(spread=0.7), {}, "REFUTED"),
        (("1", "2", "3"), curves(), {}, "ERROR"),  # which point is which?
        (("2", "4"), curves(), {"index": (1, 3)}, "CONFIRMED"),
        (("2", "4"), curves(), {"index": (1, 4)}, "ERROR"),
        (("1", "2", "3", "4"), curves(), {"scale": "log"}, "CONFIRMED"),
        (FAR, curves(), {"scale": "log"}, "REFUTED"),
        (("1", "2", "3", "4"), curves(levels=LEVELS - 1.5), {"scale": "log"}, "ERROR"),
        (("1",), TEN, {}, "ERROR"),  # no list
        # by score with 99 seeds or more
        (("1", "2", "3", "4"), curves(99), {}, "CONFIRMED"),
        (FAR, curves(99), {}, "REFUTED"),
        (ALONG, curves(99, spread=0.7), {}, "CONSISTENT"),
        (("1.000", "2.000", "3.000", "4.000"), curves(99), {"scale": "log"}, "CONSISTENT"),
        (FAR, curves(99), {"scale": "log"}, "REFUTED"),
        # by rank
        (("1", "2", "3", "4"), curves(99), {"scale": "rank"}, "CONSISTENT"),
        (FAR, curves(99), {"scale": "rank"}, "CONSISTENT"),  # one point of four, the rest ties
        (("2", "3", "4", "5"), curves(99), {"scale": "rank"}, "REFUTED"),
        (("2", "3", "4", "5"), curves(98), {"scale": "rank"}, "UNRESOLVED"),
        (("1", "2", "3", "4"), curves(98), {"scale": "rank"}, "CONSISTENT"),
        (
            ("1", "2", "3", "4"),
            curves(levels=LEVELS - 1.5),
            {"scale": "rank"},
            "CONSISTENT",
        ),  # as the lowest
        # points without any spread
        (("1", "2"), [[1.0, 2.0]] * 10, {}, "CONFIRMED"),
        (("1", "2"), [[1.0, 2.0]] * 99, {}, "CONFIRMED"),
        (("1", "2"), [[1.4, 2.4]] * 99, {}, "CONFIRMED"),
        (("1", "2"), [[1.4, 2.6]] * 10, {}, "REFUTED"),
        (("1", "2"), [[1.4, 2.6]] * 99, {}, "REFUTED"),
        (("1", "2", *["0"] * 200), [[1.4, 2.6, *[0] * 200]] * 99, {}, "REFUTED"),
    ],
)
def test_curve(cited, values, keys, verdict):
    assert on(curve(*cited, **keys), values).verdict == verdict


@pytest.mark.parametrize("n", [10, 98, 99, 200])
def test_a_common_shift_that_no_point_shows_alone_is_seen(n):
    """As in six of eight points above all seeds; 1.4 deviations at each of 64 points."""
    values = noisy(n, levels=np.linspace(1, 2, 64))
    shifted = texts(np.linspace(1, 2, 64) + 0.014)
    verdict = on(curve(*shifted), values)
    assert verdict.verdict == "REFUTED"
    assert on(curve(*texts(np.linspace(1, 2, 64))), values).verdict == "CONSISTENT"
    assert verdict.side == "lower"


def test_one_point_far_out_is_seen():
    values = noisy(10)
    assert on(curve("1.000", "2.000", "3.100", "4.000"), values).verdict == "REFUTED"
    assert on(curve("1.000", "2.000", "3.010", "4.000"), values).verdict == "CONSISTENT"


@pytest.mark.parametrize("scale", ["linear", "log", "rank"])
@pytest.mark.parametrize("n", [12, 99])
def test_each_curve_is_scored_against_the_others(scale, n):
    """The long way: every curve against the median of the n others, without clever sorting."""
    values = np.exp(np.array(noisy(n + 1, spread=1.0)))
    values[3:6] = values[3]
    cited, runs = values[0], values[1:]
    point = {"low": cited, "cited": cited, "high": cited}
    if scale != "rank":
        scores = judge_curves.score_in_spreads(runs, **point)
        middle = np.sort(values, axis=0)
        unit = middle[-1 - (n + 1) // 4] - middle[(n + 1) // 4]
        for i in range(n + 1):
            median = np.median(np.delete(values, i, axis=0), axis=0)
            assert scores[i] == pytest.approx(np.mean(np.abs(values[i] - median) / unit))
    else:
        scores = judge_curves.score_by_rank(runs, **point)
        for i in range(n + 1):
            others = np.delete(values, i, axis=0)
            sides = [(others < values[i]).mean(axis=0), (others > values[i]).mean(axis=0)]
            assert scores[i] == pytest.approx(np.maximum(0, np.max(sides, axis=0) - 0.5).mean())
    judged = judge_curves.judge_curve(runs, cited, np.zeros(4), scale="rank")
    if scale == "rank":
        assert judged.p == (1 + np.sum(scores[1:] >= scores[0] - 1e-12)) / (n + 1)


def test_the_tolerance_of_a_curve_speaks_for_it():
    values = noisy(99)
    off = [f"{level + 0.04:.2f}" for level in LEVELS]
    assert on(curve(*off), values).verdict == "REFUTED"
    assert on(curve(*off, margin="0.04"), values).verdict != "REFUTED"
    assert on(curve(*off), values[:20]).verdict == "REFUTED"
    assert on(curve(*off, margin="0.04"), values[:20]).verdict != "REFUTED"
    assert on(curve(*off, scale="rank", margin="0.04"), values).verdict == "CONSISTENT"


def test_the_evidence_of_a_curve():
    refuted = on(curve("1.0", "2.7", "3.2", "4.0"), curves())
    assert refuted.evidence.startswith("over 10 seeds the cited curve lies ")
    assert (
        "standard deviations above the mean of the runs on average (t test, p" in refuted.evidence
    )
    assert "furthest out at x = 10: cited 2.7, 99 % of runs between 1.9" in refuted.evidence
    assert refuted.evidence.index("x = 10") < refuted.evidence.index("x = 20")
    assert (refuted.side, refuted.cited) == ("lower", "curve f (4 points)")
    assert refuted.measured == "mean 1 at x = 0, 4 at x = 30"
    assert refuted.p < 0.01
    assert on(curve("1.0", "2.7", "2.5", "4.0"), curves()).side is None
    wide = on(curve(*ALONG), curves(spread=0.7))
    assert wide.evidence.endswith("; at 3 of 4 points too wide a spread to say")
    scored = on(curve("1.0", "2.7", "3.2", "4.0"), curves(200))
    assert scored.evidence.startswith(
        "0 of 200 seeds lie at least as far from the median of the other curves as the cited curve"
        " does (p = 0.005); furthest out at x = 10: cited 2.7, 99 % of runs between 1.99 and 2.01;"
    )
    assert scored.measured == "median 1 at x = 0, 4 at x = 30"
    few = on(curve("2", "3", "4", "5", scale="rank"), noisy(10))
    assert few.evidence.endswith("(p = 0.091); by rank it takes 99 seeds to refute a curve")
    assert on(curve("1", "2", "3", "4"), curves(9)).p is None


def test_a_curve_that_diverges():
    everywhere = [[1.0, INF] for _ in range(37)]
    verdict = on(curve("1", "2"), everywhere)
    assert (verdict.verdict, verdict.side) == ("REFUTED", "higher")
    assert "all of 37 seeds ended in infinity or NaN somewhere on the curve" in verdict.evidence
    assert on(curve("1", "2"), everywhere[:36]).verdict == "UNRESOLVED"
    assert on(curve("1", "2"), everywhere * 3).verdict == "REFUTED"
    assert on(curve("1", "2", scale="log"), everywhere).verdict == "REFUTED"


@pytest.mark.parametrize("bad", [NAN, INF])
def test_a_cited_curve_is_held_against_the_runs_that_did_not_diverge(bad):
    """It did not diverge itself; so one run in ten that did cannot hide that it lies far out."""
    for n in (20, 98, 120):
        some = [[1.0, bad if i % 10 == 0 else 2.0 + i / 1000] for i in range(n)]
        found = on(curve("1.0", "2.0"), some)
        assert found.verdict == "CONSISTENT"
        assert f"; {-(-n // 10)} of {n} seeds ended in infinity or NaN and are left out" in (
            found.evidence
        )
        assert on(curve("9.0", "2.0"), some).verdict == "REFUTED"
        assert on(curve("1.0", "9.0"), some).verdict == "REFUTED"
    few = [[1.0, bad if i else 2.0] for i in range(10)]
    assert on(curve("1.0", "9.0"), few).verdict == "UNRESOLVED"


def test_the_curve_test_leaves_out_runs_that_diverged():
    for n in (20, 120):
        values = np.array(noisy(n))
        values[::10, 2] = NAN
        far = judge_curves.judge_curve(values, LEVELS + 1, np.zeros(4))
        near = judge_curves.judge_curve(values, LEVELS, np.zeros(4))
        assert (bool(far.refuted), bool(near.refuted)) == (True, False)
        kept = values[np.isfinite(values).all(axis=1)]
        assert far.p == judge_curves.judge_curve(kept, LEVELS + 1, np.zeros(4)).p


def test_by_rank_a_curve_may_be_infinite():
    """Infinite is later than all others, and NaN as far out as can be."""
    some = [[1.0 + i / 100, INF if i % 2 else 2.0] for i in range(200)]
    assert on(curve("2.0", "2.0", scale="rank"), some).verdict == "CONSISTENT"
    assert on(curve("2.0", "1.0", scale="rank"), some).verdict == "CONSISTENT"
    assert on(curve("9.0", "1.0", scale="rank"), some).verdict == "REFUTED"
    undefined = [[value if value < INF else NAN for value in each] for each in some]
    assert on(curve("2.0", "2.0", scale="rank"), undefined).verdict == "CONSISTENT"


# --- bound ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "cited", "values", "verdict"),
    [
        (">", "0.105", TEN, "CONFIRMED"),  # three of ten runs do it
        (">", "0.105", [0.11], "CONFIRMED"),  # one run is enough
        (">=", "0.11", TEN, "CONFIRMED"),
        (">", "0.11", TEN, "UNRESOLVED"),
        # one-sided: 0.1 + 2.821 * 0.00816 * sqrt(1.1) = 0.12416
        (">", "0.1241", TEN, "UNRESOLVED"),
        (">", "0.1242", TEN, "REFUTED"),
        ("<", "0.0759", TEN, "UNRESOLVED"),
        ("<", "0.0758", TEN, "REFUTED"),
        (">", "0.5", TEN[:9], "UNRESOLVED"),  # nine seeds
        (">", "0.5", TEN[:1], "UNRESOLVED"),
        # s = 0: compared directly, strictly
        (">", "0.1", [0.1] * 10, "REFUTED"),
        (">=", "0.1", [0.1] * 10, "CONFIRMED"),
        ("<", "0.1", [0.1] * 10, "REFUTED"),
        ("<=", "0.1", [0.1] * 10, "CONFIRMED"),
        # diverged
        (">", "0.1", [NAN] * 37, "REFUTED"),
        (">", "0.1", [NAN] * 36, "UNRESOLVED"),
        (">", "0.1", [INF] * 10, "CONFIRMED"),
        ("<", "0.1", [INF] * 37, "REFUTED"),
        (">", "0.5", [*TEN, NAN], "UNRESOLVED"),
        (">", "0.1", [*TEN, NAN], "CONFIRMED"),
    ],
)
def test_bound_attained_by_a_run(op, cited, values, verdict):
    assert on(make("bound", op=op, cited=cited), values).verdict == verdict


@pytest.mark.parametrize(
    ("op", "cited", "values", "verdict"),
    [
        (">", "1198", np.arange(1000.0, 1200.0), "CONFIRMED"),
        (">", "1199", np.arange(1000.0, 1200.0), "REFUTED"),
        ("<", "1000", np.arange(1000.0, 1199.0), "REFUTED"),
        ("<", "1000", np.arange(1000.0, 1198.0), "UNRESOLVED"),
        (">", "1", [INF], "CONFIRMED"),
        ("<", "1", [INF] * 199, "REFUTED"),
        ("<", "1", [NAN] * 199, "REFUTED"),
    ],
)
def test_bound_by_rank(op, cited, values, verdict):
    assert on(make("bound", op=op, cited=cited, scale="rank"), values).verdict == verdict


def test_a_bound_without_randomness_decides_as_measured():
    claim = make("bound", op=">", cited="5")
    assert (once(claim, 6).verdict, once(claim, 4).verdict) == ("CONFIRMED", "REFUTED")
    assert once(claim, 4).evidence == "measured 4, without randomness; 0 of 1 seed is above 5"
    assert (once(claim, 4).interval_low, once(claim, 4).p, once(claim, 4).side) == (
        None,
        None,
        "lower",
    )


def test_the_evidence_of_a_bound():
    verdict = on(make("bound", op=">", cited="0.1242"), TEN)
    assert verdict.evidence == (
        "0 of 10 seeds (0 %) are above 0.1242; 99 % of further runs are to be expected below"
        " 0.1242; mean 0.1 (99 % sure to be above 0.09272, and 99 % sure to be below 0.1073)"
    )
    assert (verdict.side, verdict.cited) == ("lower", "> 0.1242")
    assert verdict.p < 0.01
    assert (verdict.interval_low, verdict.interval_high) == pytest.approx(
        (0.0758, 0.1242), abs=1e-4
    )
    some = on(make("bound", op=">", cited="0.105", at=0), [[value] for value in TEN])
    assert some.evidence.startswith(
        "element 1 of 'm' (Error on the test set, by epoch): 3 of 10 seeds (30 %) are above 0.105;"
    )
    few = on(make("bound", op=">", cited="5000", scale="rank"), RANKS[:100])
    assert "; by rank it takes 199 seeds to refute it; mean" in few.evidence
    mean = on(make("bound", op="<", cited="0.0920", holds_for="the mean"), TEN)
    assert (mean.side, mean.cited) == ("higher", "< 0.0920 on average")
    assert (mean.interval_low, mean.interval_high) == pytest.approx((0.0927, 0.1073), abs=1e-4)
    assert mean.p < 0.01
    assert on(make("bound", op="<", cited="0.11", holds_for="the mean"), TEN).p > 0.99


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
def test_bound_of_the_mean(op, cited, values, verdict):
    assert on(make("bound", op=op, cited=cited, holds_for="the mean"), values).verdict == verdict


# --- ordering ------------------------------------------------------------------------------------


def order(ours: object, theirs: object, op: str = "<", **keys) -> judge.Verdict:
    effect = {key: keys.pop(key) for key in ("least", "least_factor") if key in keys}
    claim = make("ordering", op=op, than=claims.Than("w", "m"), **effect)
    return rule(claim, {"v": records(ours), "w": records(theirs)}, **keys)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ([1] * 8, [2] * 8, "CONFIRMED"),
        ([2] * 8, [1] * 8, "REFUTED"),
        ([1] * 7, [2] * 7, "UNRESOLVED"),
        ([1] * 8, [2] * 7 + [1], "CONFIRMED"),  # seven won, one tied: 0.516 for sure
        ([1] * 8, [2] * 6 + [1] * 2, "UNRESOLVED"),
        ([1] * 10, [1] * 10, "UNRESOLVED"),  # all ties
        ([1] * 100, [2] * 19 + [1] * 81, "UNRESOLVED"),  # a share of 0.595
        ([1] * 100, [2] * 20 + [1] * 80, "CONFIRMED"),  # 0.6
        ([1] * 10, [2] * 5 + [0] * 5, "UNRESOLVED"),
        ([1] * 10, [2] * 9 + [0], "UNRESOLVED"),  # p = 0.0107
        ([1] * 11, [2] * 10 + [0], "CONFIRMED"),  # p = 0.0059
        ([1] * 1000, [2] * 590 + [0] * 410, "UNRESOLVED"),  # sure, but too little
        ([1] * 1000, [2] * 600 + [0] * 400, "CONFIRMED"),
        ([1] * 8, [INF] * 8, "CONFIRMED"),
        ([INF] * 10, [INF] * 10, "UNRESOLVED"),  # neither ever got there: ties
        ([1] * 9, [INF] * 8 + [NAN], "UNRESOLVED"),  # NaN may be lost: 8 of 9
        ([1] * 12, [INF] * 11 + [NAN], "CONFIRMED"),  # even so
        ([NAN] * 20, [1] * 20, "UNRESOLVED"),
        ([1] * 8, [2] * 30, "CONFIRMED"),  # on the seeds both have
    ],
)
def test_ordering(ours, theirs, verdict):
    assert order(ours, theirs).verdict == verdict
    opposite = {"CONFIRMED": "REFUTED", "REFUTED": "CONFIRMED"}
    assert order(ours, theirs, op=">").verdict == opposite.get(verdict, verdict)


STEPS = np.linspace(0.5, 1.5, 20)  # the median is known to lie between 0.66 and 1.34


@pytest.mark.parametrize(
    ("difference", "least", "verdict"),
    [
        (STEPS, "0.9", "CONFIRMED"),
        (STEPS, "0.99", "CONFIRMED"),
        (STEPS, "1.1", "UNRESOLVED"),
        (STEPS, "1.4", "REFUTED"),  # larger, but not by so much
        (-STEPS, "0.001", "REFUTED"),
        (STEPS - 1, "0.2", "UNRESOLVED"),  # no direction, and the size may be
        (STEPS - 1, "0.4", "REFUTED"),  # no direction, and surely not the size
        ([0.0] * 20, "0.1", "REFUTED"),
        (STEPS[:7], "9", "UNRESOLVED"),  # seven seeds
        ([INF] * 20, "9", "CONFIRMED"),
    ],
)
def test_ordering_by_a_least_difference(difference, least, verdict):
    base = np.ones(len(difference))
    assert order(base + difference, base, op=">", least=least).verdict == verdict
    assert order(base, base + difference, op="<", least=least).verdict == verdict


@pytest.mark.parametrize(
    ("factor", "least", "verdict"),
    [
        (STEPS + 1, "1.9", "CONFIRMED"),  # 2, known to lie between 1.66 and 2.34
        (STEPS + 1, "2.1", "UNRESOLVED"),
        (STEPS + 1, "2.4", "REFUTED"),
        (1 / (STEPS + 1), "1.1", "REFUTED"),
        ([1.0] * 20, "1.1", "REFUTED"),
        ([INF] * 20, "9", "CONFIRMED"),
    ],
)
def test_ordering_by_a_least_factor(factor, least, verdict):
    base = np.full(len(factor), 3.0)
    assert order(base * factor, base, op=">", least_factor=least).verdict == verdict
    assert order(base, base * factor, op="<", least_factor=least).verdict == verdict


def test_factors_of_nothing():
    assert order([1] * 9, [0] * 9, op=">", least_factor="9").verdict == "CONFIRMED"
    assert order([0] * 9, [0] * 9, op=">", least_factor="1.1").verdict == "REFUTED"
    assert order([1] * 9, [-1] * 9, op=">", least_factor="2").verdict == "ERROR"


def test_ordering_without_randomness_decides_as_measured():
    than = claims.Than("w", "m")
    claim = make("ordering", op="<", than=than)
    assert [once(claim, 1, theirs).verdict for theirs in (2, 1, 0, NAN)] == [
        "CONFIRMED",
        "REFUTED",
        "REFUTED",
        "REFUTED",
    ]
    told = once(claim, 1, 2)
    assert told.evidence == (
        "lower in 1 of 1 seed than in variant 'w': 1 against 2, without randomness"
    )
    assert (told.p, told.interval_low) == (None, None)
    large = make("ordering", op="<", than=than, least="5")
    assert (once(large, 1, 2).verdict, once(large, 1, 6).verdict) == ("REFUTED", "CONFIRMED")


def test_ordering_of_two_moments_of_one_curve():
    claim = make("ordering", op="<", at=-1, than=claims.Than("v", "m", 0))
    assert on(claim, [[0.9, 0.1]] * 8).verdict == "CONFIRMED"
    assert on(claim, [[0.1, 0.9]] * 8).verdict == "REFUTED"
    assert on(claim, [[0.9, 0.1]] * 8).evidence.startswith(
        "the last element of 'm' (Error on the test set, by epoch) is lower in 8 of 8 seeds than"
        " element 1; a share of 1 "
    )


def test_ordering_needs_the_same_seeds():
    theirs = [record(seed, 2) for seed in (0, 1, 2, 3, 4, 5, 6, 8)]
    claim = make("ordering", op="<", than=claims.Than("w", "m"))
    both = {"v": records([1] * 8), "w": theirs}
    assert rule(claim, both).verdict == "ERROR"
    assert rule(claim, {"v": records([1] * 8)}).reason == "variant 'w' was not run"


def test_the_evidence_of_an_ordering():
    verdict = order([1] * 9, [2] * 8 + [1])
    assert verdict.evidence == (
        "lower in 8 of 9 seeds (1 tied) than in variant 'w'; a share of 0.9444 (99 % sure to be"
        " above 0.5554, and 99 % sure to be below 0.9444); median difference 1 (99 % between 0 and"
        " 1)"
    )
    assert verdict.measured == "lower in 8 of 9 seeds (1 tied)"
    assert (verdict.mean, verdict.p) == (pytest.approx(-8 / 9), 1)
    assert "1 of 9 seeds ended in NaN" in order([1] * 9, [2] * 8 + [NAN]).evidence
    assert "NaN" not in order([INF] * 10, [INF] * 10).evidence
    small = order(STEPS, np.zeros(20), op=">", least="1.4")
    assert small.evidence.endswith(
        "; median difference 1 (99 % between 0.6579 and 1.342), where 1.4 at least is meant, so"
        " that its size is refuted"
    )
    assert small.p < 0.01
    assert order([2] * 8, [1] * 8).p == pytest.approx(2**-8)
    other = make("ordering", op="<", than=claims.Than("v", "other"))
    some = [{**each, "measurements": {"m": 1, "other": 2}} for each in records(TEN)]
    assert rule(other, {"v": some}).evidence.startswith(
        "'m' (Error on the test set, by epoch) is lower in 10 of 10 seeds than 'other'; a share"
    )


# --- can, always, never, shares -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "n", "verdict"),
    [
        (1, 1, "CONFIRMED"),
        (1, 1000, "CONFIRMED"),
        (8, 500, "CONFIRMED"),
        (0, 458, "UNRESOLVED"),
        (0, 459, "REFUTED"),
        (0, 1, "UNRESOLVED"),
    ],
)
def test_can(times, n, verdict):
    found = on(make("can"), [0] * (n - times) + [1] * times)
    assert found.verdict == verdict
    assert found.evidence.startswith(f"it happens in {times} of {n} seed")


def test_can_tells_its_share_and_its_p():
    some = on(make("can"), [0] * 492 + [1] * 8)
    assert some.evidence == (
        "it happens in 8 of 500 seeds (1.6 %); with 99 % confidence in more than 0.5836 % and in"
        " less than 3.448 % of all runs"
    )
    assert (some.p, some.mean, some.cited) == (None, 0.016, "at least once")
    assert on(make("can"), [0] * 459).p == pytest.approx(0.99**459)
    assert once(make("can"), 0).verdict == "REFUTED"
    assert once(make("can"), 1).verdict == "CONFIRMED"
    assert once(make("can"), 0).evidence == (
        "it happens in 0 of 1 seed, and there is no randomness in it"
    )


@pytest.mark.parametrize(
    ("rate", "op", "successes", "n", "verdict"),
    [
        ("1", None, 459, 459, "CONFIRMED"),
        ("1", None, 458, 458, "CONSISTENT"),
        ("1", None, 10, 10, "CONSISTENT"),
        ("1", None, 9, 9, "UNRESOLVED"),
        ("1", None, 458, 459, "REFUTED"),
        ("1", None, 9999, 10000, "REFUTED"),
        ("1", None, 0, 1, "REFUTED"),
        ("0", None, 0, 459, "CONFIRMED"),
        ("0", None, 0, 458, "CONSISTENT"),
        ("0", None, 0, 9, "UNRESOLVED"),
        ("0", None, 1, 459, "REFUTED"),
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


@pytest.mark.parametrize(
    ("rate", "op", "value", "verdict"),
    [
        ("1", None, 1, "CONFIRMED"),
        ("1", None, 0, "REFUTED"),
        ("0", None, 0, "CONFIRMED"),
        ("0", None, 1, "REFUTED"),
        ("0.5", ">", 1, "CONFIRMED"),
        ("0.5", ">", 0, "REFUTED"),
        ("0.5", "<", 0, "CONFIRMED"),
        ("0.5", "<", 1, "REFUTED"),
    ],
)
def test_always_without_randomness_decides_as_measured(rate, op, value, verdict):
    found = once(make("always", rate=rate, op=op), value)
    assert found.verdict == verdict
    assert (found.p, found.interval_low, found.interval_high) == (None, None, None)
    assert "confidence" not in found.evidence


@pytest.mark.parametrize("value", [0.5, 2, -1, NAN, INF, "yes", None, [1]])
def test_yes_and_no_only(value):
    assert on(make("always", rate="1"), [1, value]).verdict == "ERROR"
    assert on(make("can"), [1, value]).verdict == "ERROR"


def test_the_evidence_of_always():
    verdict = on(make("always", rate="1"), [1] * 43 + [0])
    assert verdict.measured == "43 of 44 seeds"
    assert verdict.evidence == (
        "it happens in 43 of 44 seeds (97.73 %); with 99 % confidence in more than 85.84 % and in"
        " less than 99.98 % of all runs"
    )
    verdict = on(make("always", rate="0"), [0] * 44)
    assert verdict.evidence == (
        "it happens in 0 of 44 seeds; with 99 % confidence in less than 9.937 % of all runs"
    )
    assert verdict.p is None  # one failure refutes by logic
    assert on(make("always", rate="0.5", op=">"), [0] * 20).p == pytest.approx(2**-20)


# --- printed, by_reading, statement ---------------------------------------------------------------

LOG = line("0.5", "0.3", "0.35", "0.2", "0.24")


def printed(value: str, op: str, cited: str | None = None, curve=LOG, **keys) -> judge.Verdict:
    return rule(make("printed", curve=curve, value=value, op=op, cited=cited, **keys), {})


@pytest.mark.parametrize(
    ("value", "keys", "is_"),
    [
        ("first", {}, 0.5),
        ("last", {}, 0.24),
        ("largest", {}, 0.5),
        ("smallest", {}, 0.2),
        ("mean", {}, 0.318),
        ("rise", {}, -0.26),
        ("at", {"at": 1}, 0.3),
        ("at", {"at": -1}, 0.24),
        ("first_reaching", {"level": "0.3"}, 10),  # from above: 0.5 is the first
        ("first_reaching", {"level": "0.2"}, 30),
        ("first_reaching", {"level": "0.1"}, "infinity"),
        ("first_reaching", {"level": "0.5"}, 0),
        ("first_reaching", {"level": "0.6"}, "infinity"),  # from below
        ("share_rising", {}, 0.5),
    ],
)
def test_the_values_of_a_printed_curve(value, keys, is_):
    found = printed(value, "<", "1e9", **keys)
    assert found.measured == is_
    assert (found.n, found.mean, found.p, found.interval_low) == (None, None, None, None)
    assert found.verdict == ("REFUTED" if is_ == "infinity" else "CONFIRMED")


def test_a_level_reached_from_below():
    rising = line("0.1", "0.3", "0.2", "0.4")
    assert printed("first_reaching", "==", "10", curve=rising, level="0.3").verdict == "CONFIRMED"
    assert printed("first_reaching", ">", "20", curve=rising, level="0.35").verdict == "CONFIRMED"


@pytest.mark.parametrize(
    ("value", "op", "cited", "margin", "verdict"),
    [
        ("last", "<", "0.25", None, "CONFIRMED"),
        ("last", "<", "0.24", None, "REFUTED"),
        ("last", "<=", "0.24", None, "CONFIRMED"),
        ("last", ">", "0.24", None, "REFUTED"),
        ("last", ">=", "0.24", None, "CONFIRMED"),
        ("last", "<", "0.24", "0.01", "CONFIRMED"),  # as far as the figure can be read
        ("last", ">", "0.25", "0.01", "REFUTED"),
        ("last", ">", "0.25", "0.02", "CONFIRMED"),
        ("last", "==", "0.2", None, "CONFIRMED"),  # half a unit: 0.05
        ("last", "==", "0.20", None, "REFUTED"),
        ("last", "==", "0.20", "0.04", "CONFIRMED"),
        ("last", "==", "0.20", "0.03", "REFUTED"),
        ("share_rising", "==", "0", None, "REFUTED"),  # none is none
        ("share_rising", "==", "1", None, "REFUTED"),
        ("share_rising", "==", "0.5", None, "CONFIRMED"),
    ],
)
def test_printed(value, op, cited, margin, verdict):
    assert printed(value, op, cited, margin=margin).verdict == verdict


def test_printed_against_another_value():
    first = claims.PrintedValue(LOG, "first")
    assert printed("last", "<", than=first).verdict == "CONFIRMED"
    assert printed("last", ">", than=first).verdict == "REFUTED"
    assert printed("last", "==", than=first).verdict == "REFUTED"
    assert printed("last", "==", than=first, margin="0.26").verdict == "CONFIRMED"
    never = claims.PrintedValue(LOG, "first_reaching", level=D("0.01"))
    assert printed("first_reaching", "<", than=never, level="0.3").verdict == "CONFIRMED"
    assert printed("first_reaching", ">", than=never, level="0.02").verdict == "REFUTED"
    assert printed("first_reaching", "==", than=never, level="0.02").verdict == "CONFIRMED"


def test_the_evidence_of_a_printed_figure():
    told = printed("last", ">", than=claims.PrintedValue(LOG, "first"))
    assert (
        told.evidence
        == "in the printed curve 'f' the last point is 0.24, and the first point is 0.5"
    )
    assert (told.side, told.cited) == ("lower", "> first of f")
    other = dataclasses.replace(LOG, name="g")
    told = printed("rise", "<", than=claims.PrintedValue(other, "at", 1), margin="0.1")
    assert told.evidence == (
        "in the printed curve 'f' the last point lies 0.26 below the first, and in 'g' the point at"
        " x = 10 is 0.3 (read to 0.1)"
    )
    assert printed("mean", "<", "1").evidence.endswith("the mean of the points is 0.318")
    assert printed("share_rising", "<", "1").evidence.endswith("50 % of the steps go up")
    level = printed("first_reaching", "<", "9", level="0.3").evidence
    assert level.endswith("the level 0.3 is reached first at x = 10")
    level = printed("first_reaching", "<", "9", level="0.1").evidence
    assert level.endswith("the level 0.1 is reached nowhere")


def test_by_reading():
    for holds, verdict in ((True, "CONFIRMED"), (False, "REFUTED")):
        found = rule(
            make("by_reading", holds=holds, finds="the code has 0.01", correction="It is 0.01."), {}
        )
        assert (found.verdict, found.evidence) == (verdict, "By reading: the code has 0.01")
        assert (found.n, found.measured, found.p, found.side) == (None, None, None, None)
        assert found.correction == (None if holds else "It is 0.01.")


@pytest.mark.parametrize(
    "claim",
    [
        make("printed", curve=LOG, value="last", op="<", cited="1"),
        make("by_reading", holds=True, finds="so it is"),
    ],
)
def test_what_needs_no_run_is_judged_in_every_profile(claim):
    assert rule(claim, {}, withheld="smoke profile", errors={"v": "x"}).verdict == "CONFIRMED"


# --- what stands between records and a verdict ---------------------------------------------------

KINDS = [
    make("exact", cited="0.1"),
    make("identity", tolerance="1"),
    make("number", cited="0.1"),
    curve("1"),
    make("bound", op=">", cited="0"),
    make("ordering", op="<", than=claims.Than("w", "m")),
    make("always", rate="1"),
    make("can"),
    make("bound", op=">", cited="0", holds_for="the mean"),
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
        "the protocol was cut short (epochs=2); seed 0: 'm' has 2 values, where 3 are needed"
    )
    assert rule(claim, {"v": records([[5, 7]] * 10)}).verdict == "ERROR"


def test_a_shortened_other_side_of_an_ordering_is_told():
    verdict = rule(KINDS[5], {"v": records([1] * 8), "w": records([2] * 8, shortened={"n": 1})})
    assert verdict.evidence.endswith(" (protocol shortened: n=1)")


def test_a_verdict_has_the_fields_of_the_design_and_is_strict_json():
    fields = (
        "claim passage reproduction source where quote says kind weight variant metric cited margin"
        " verdict side n mean sd interval_low interval_high p measured evidence correction reason"
    )
    claim = make("number", cited="0.10", margin="0.02", weight="headline", passage="p")
    places = (*claim.places, claims.Place("thesis", "2.1", "p"))
    verdict = dataclasses.asdict(on(dataclasses.replace(claim, places=places), TEN))
    assert " ".join(verdict) == fields
    assert json.loads(json.dumps(verdict, allow_nan=False)) == verdict
    assert (verdict["source"], verdict["where"], verdict["quote"]) == (
        "notes-2; thesis",
        "2.3; 2.1",
        "q / p",
    )
    assert (verdict["reproduction"], verdict["passage"], verdict["margin"]) == ("xor", "p", 0.02)


# --- passages -------------------------------------------------------------------------------------

NO_VERDICTS = dict.fromkeys(field.name for field in dataclasses.fields(judge.Verdict))


def sentence(*given: str) -> judge.PassageVerdict:
    """The verdict on a passage whose claims got these verdicts: "REFUTED headline", "CONFIRMED"."""
    weights = [(*each.split(), "supporting")[:2] for each in given]
    some = [
        make("statement", reason="r", id=str(i), weight=weight)
        for i, (_, weight) in enumerate(weights)
    ]
    found = [
        judge.Verdict(**{**NO_VERDICTS, "claim": str(i), "verdict": verdict, "weight": weight})
        for i, (verdict, weight) in enumerate(weights)
    ]
    (judged,) = judge.passages(reproduction(passage(*some)), found)
    return judged


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (["CONFIRMED", "CONSISTENT", "NOT_CHECKABLE"], "HOLDS"),
        (["NOT_CHECKABLE", "CONFIRMED"], "HOLDS"),
        (["NOT_CHECKABLE", "NOT_CHECKABLE"], "NOT_CHECKABLE"),
        (["REFUTED", "CONFIRMED"], "FALLS"),  # the sentence's own claim
        (["REFUTED erratum", "CONFIRMED"], "IN_PART"),  # a slip in it
        (["REFUTED headline"], "FALLS"),
        (["CONFIRMED", "REFUTED headline"], "FALLS"),
        (["CONFIRMED", "REFUTED"], "IN_PART"),
        (["CONFIRMED", "REFUTED erratum"], "IN_PART"),
        (["UNRESOLVED", "REFUTED"], "IN_PART"),
        (["NOT_RUN", "REFUTED"], "IN_PART"),
        (["NOT_RUN", "UNRESOLVED", "CONFIRMED"], "NOT_RUN"),
        (["CONFIRMED", "UNRESOLVED"], "OPEN"),
        (["UNRESOLVED", "NOT_CHECKABLE"], "OPEN"),
        (["ERROR", "REFUTED headline"], "ERROR"),
        (["REFUTED", "NOT_RUN", "ERROR"], "ERROR"),
    ],
)
def test_the_verdict_on_a_passage(given, verdict):
    assert sentence(*given).verdict == verdict


def test_a_passage_verdict_has_its_fields():
    judged = dataclasses.asdict(sentence("CONFIRMED", "UNRESOLVED"))
    assert judged == {
        "passage": "p",
        "reproduction": "xor",
        "source": "notes-2",
        "where": "2.3",
        "quote": "q",
        "verdict": "OPEN",
        "claims": ("0", "1"),
    }


def test_passages_come_in_their_order_with_their_own_claims():
    def yes(name: str, holds: bool) -> claims.Claim:
        return make("by_reading", id=name, holds=holds, finds="so it is")

    one = passage(yes("a", True), yes("b", False), name="one")
    two = passage(yes("c", False), name="two")
    whole = reproduction(one, two)
    judged = judge.passages(whole, judge.judge(whole, {}, seeds={}))
    assert [(each.passage, each.verdict) for each in judged] == [
        ("one", "IN_PART"),
        ("two", "FALLS"),
    ]


def test_what_chance_would_refute_is_one_in_a_hundred_of_what_is_tested():
    tested = on(make("number", cited="0.10"), TEN)
    certain = on(make("exact", cited="0.1"), TEN)
    few = on(make("number", cited="0.10"), TEN[:2])
    assert judge.expected_by_chance([tested] * 50 + [certain, few]) == pytest.approx(0.5)
    assert judge.expected_by_chance([]) == 0

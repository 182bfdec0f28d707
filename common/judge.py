"""Hold what was measured against what the documents say: records and claims in, verdicts out.

Nothing is trained here, and nothing but records is read. The rules are section 3 of the design, a
function per kind of claim; `judge_numbers`, the rule for cited numbers, is pure and takes arrays.

Decisions the design leaves open:

- A crashed variant gives ERROR in every profile, also where verdicts are withheld.
- Rank scale: REFUTED where at most 1 % of such runs would lie so far out, which takes 199 seeds; a
  cited value outside all of fewer seeds is UNRESOLVED.
- Log scale: `measured` is the geometric mean and the interval is given in the metric's own unit;
  `mean` and `sd` in a verdict are always the plain ones, None where they are not finite.
- Infinite or NaN values (linear and log scale, bounds): UNRESOLVED with their count. If no seed is
  finite, a number is REFUTED and a bound is compared value by value. NaN by rank likewise.
- Bounds and `always` show their two one-sided 99 % bounds as the interval.
- Where several documents say it, source, where and quote of the verdict join them in order.
"""

import collections
import collections.abc
import dataclasses
import decimal
import functools
import math
import numbers
import operator
import typing

import numpy as np
import numpy.typing as npt

from common import claims, intervals

CONFIRMED = "CONFIRMED"
CONSISTENT = "CONSISTENT"
REFUTED = "REFUTED"
UNRESOLVED = "UNRESOLVED"
NOT_CHECKABLE = "NOT_CHECKABLE"
NOT_RUN = "NOT_RUN"
ERROR = "ERROR"

Record = collections.abc.Mapping[str, typing.Any]
Records = collections.abc.Mapping[str, collections.abc.Sequence[Record]]

_COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_SURE_SHARE = 0.9  # "always" needs a lower bound above it: 44 clean seeds
_SLACK = 1e-12  # relative: a mean exactly on a rounding boundary is not beyond it


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One line of verdicts.json; floats may be infinite, texts that do not apply are None."""

    claim: str
    reproduction: str
    source: str
    where: str
    quote: str
    says: str
    kind: str
    weight: str
    variant: str | None
    metric: str | None
    cited: str | None
    margin: float | None
    verdict: str
    side: str | None
    n: int | None
    mean: float | None
    sd: float | None
    interval_low: float | None
    interval_high: float | None
    measured: float | str | None
    evidence: str
    correction: str | None
    reason: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Finding:
    """The part of a verdict that comes from the records."""

    verdict: str
    evidence: str = ""
    side: str | None = None
    n: int | None = None
    mean: float | None = None
    sd: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    measured: float | str | None = None
    reason: str | None = None


class _NoVerdictError(Exception):
    """Why there is nothing to judge: NOT_RUN with a reason, or ERROR with its evidence."""

    def __init__(self, verdict: str, why: str) -> None:
        super().__init__(why)
        error = verdict == ERROR
        self.finding = _Finding(
            verdict=verdict, evidence=why if error else "", reason=None if error else why
        )


def judge(
    reproduction: claims.Reproduction,
    records: Records,
    *,
    seeds: collections.abc.Mapping[str, int],
    errors: collections.abc.Mapping[str, str] | None = None,
    withheld: str | None = None,
) -> list[Verdict]:
    """Judge every claim of a reproduction.

    Args:
        reproduction: from `claims.load`.
        records: per variant, the records read from its JSONL file, in any order.
        seeds: per variant, how many seeds there must be: 0 to n - 1.
        errors: per variant that crashed, the message.
        withheld: why no verdicts are wanted (a smoke run), if so.

    Returns:
        One verdict per claim, in the order of the TOML.
    """
    run = _Run(records, seeds, errors or {}, withheld, reproduction.minimum_seeds)
    return [_verdict(reproduction, claim, run) for claim in reproduction.claims]


def _verdict(reproduction: claims.Reproduction, claim: claims.Claim, run: "_Run") -> Verdict:
    try:
        finding = _find(claim, run)
    except _NoVerdictError as stop:
        finding = stop.finding
    else:
        note = run.shortened(claim)
        finding = dataclasses.replace(finding, evidence=finding.evidence + note)
    margin = getattr(claim, "margin", None)
    return Verdict(
        claim=claim.id,
        reproduction=reproduction.name,
        source="; ".join(place.source for place in claim.places),
        where="; ".join(place.where for place in claim.places),
        quote=" / ".join(place.quote for place in claim.places),
        says=claim.says,
        kind=claim.kind,
        weight=claim.weight,
        variant=claim.variant or None,
        metric=claim.metric or None,
        cited=claim.stated,
        margin=None if margin is None else float(margin),
        correction=(claim.correction or None) if finding.verdict == REFUTED else None,
        **vars(finding),
    )


@dataclasses.dataclass(frozen=True)
class _Run:
    """The records of one reproduction, handed out only where they can be judged."""

    records: Records
    expected: collections.abc.Mapping[str, int]
    errors: collections.abc.Mapping[str, str]
    withheld: str | None
    minimum_seeds: int

    def values(self, part: claims.Claim | claims.Than) -> npt.NDArray:
        """What every seed measured for a claim, or for the other side of an ordering: [n]."""
        return np.array(
            [
                _as_number(_measured(record, part.metric, getattr(part, "at", None)), part.metric)
                for record in self.complete(part.variant)
            ]
        )

    def complete(self, variant: str) -> list[Record]:
        """The records of seeds 0 to n - 1, in order; later ones are left out."""
        self.check(variant)
        count = self.expected[variant]
        found = collections.Counter(record["seed"] for record in self.records[variant])
        missing = [seed for seed in range(count) if not found[seed]]
        repeated = [seed for seed in range(count) if found[seed] > 1]
        for problem, which in (("missing", missing), ("recorded more than once", repeated)):
            if which:
                some = ", ".join(map(str, which[:5])) + (", ..." if len(which) > 5 else "")
                raise _NoVerdictError(
                    ERROR, f"{len(which)} of {count} seeds of variant '{variant}' {problem}: {some}"
                )
        by_seed = {record["seed"]: record for record in self.records[variant]}
        return [by_seed[seed] for seed in range(count)]

    def first(self, variant: str) -> Record:
        """The record of seed 0, all that a claim without randomness needs."""
        self.check(variant)
        found = [record for record in self.records[variant] if record["seed"] == 0]
        if len(found) != 1:
            what = "recorded more than once" if found else "missing"
            raise _NoVerdictError(ERROR, f"seed 0 of variant '{variant}' is {what}")
        return found[0]

    def check(self, variant: str) -> None:
        """Stop where a variant crashed, was not run, or ran on stand-in data."""
        if variant in self.errors:
            raise _NoVerdictError(ERROR, f"variant '{variant}' crashed: {self.errors[variant]}")
        if self.withheld is not None:
            raise _NoVerdictError(NOT_RUN, self.withheld)
        if not self.records.get(variant):
            raise _NoVerdictError(NOT_RUN, f"variant '{variant}' was not run")
        for record in self.records[variant]:
            for name, version in record["data"].items():
                if version.startswith("stand-in"):
                    raise _NoVerdictError(NOT_RUN, f"{name} was not there ({version})")

    def shortened(self, claim: claims.Claim) -> str:
        """The note on a protocol that was cut short, or nothing."""
        changes = {
            f"{field}={value}"
            for part in (claim, getattr(claim, "than", claim))
            for record in self.records.get(part.variant, ())
            for field, value in record["shortened"].items()
        }
        return f" (protocol shortened: {', '.join(sorted(changes))})" if changes else ""


def _measured(record: Record, metric: str, at: int | None = None) -> typing.Any:
    """One metric of one record, or one element of it."""
    where = f"seed {record['seed']}"
    if metric not in record["measurements"]:
        raise _NoVerdictError(ERROR, f"{where} has no metric '{metric}'")
    value = record["measurements"][metric]
    if at is None:
        return value
    if not isinstance(value, list):
        raise _NoVerdictError(ERROR, f"{where}: '{metric}' is no list, so it has no element {at}")
    if not -len(value) <= at < len(value):
        raise _too_short(record, f"{where}: '{metric}' has {len(value)} values, none at {at}")
    return value[at]


def _too_short(record: Record, what: str) -> _NoVerdictError:
    """A list that ends too soon: no fault where the profile cut the protocol short."""
    if not record["shortened"]:
        return _NoVerdictError(ERROR, what)
    cut = ", ".join(f"{field}={value}" for field, value in record["shortened"].items())
    return _NoVerdictError(NOT_RUN, f"the protocol was cut short ({cut}); {what}")


def _as_number(value: typing.Any, metric: str) -> float:
    if isinstance(value, numbers.Real):  # bool and numpy's scalars too
        return float(value)
    what = f"a list of {len(value)}" if isinstance(value, list) else repr(value)
    raise _NoVerdictError(ERROR, f"'{metric}' is {what} where the claim needs a number")


@functools.singledispatch
def _find(claim: claims.Claim, run: _Run) -> _Finding:
    raise NotImplementedError(f"no rule for claims of kind {claim.kind!r}")


@_find.register
def _statement(claim: claims.Statement, run: _Run) -> _Finding:
    return _Finding(verdict=NOT_CHECKABLE, reason=claim.reason)


# --- exact and identity ---------------------------------------------------------------------------


@_find.register
def _exact(claim: claims.Exact, run: _Run) -> _Finding:
    value = _measured(run.first(claim.variant), claim.metric, claim.at)
    if not isinstance(claim.cited, tuple):
        measured = _as_number(value, claim.metric)
        same = _agrees(measured, claim.cited, claim)
        evidence = f"measured {measured:.10g}, cited {claim.cited}"
        return _Finding(
            verdict=CONFIRMED if same else REFUTED,
            evidence=evidence,
            side=None if same else _side(measured, float(claim.cited)),
            n=1,
            measured=int(measured) if measured.is_integer() else _plain(measured),
        )
    if not isinstance(value, list):
        raise _NoVerdictError(
            ERROR, f"'{claim.metric}' is no list; the claim cites {len(claim.cited)} values"
        )
    measured_list = [_as_number(part, claim.metric) for part in value]
    shown = f"[{', '.join(f'{part:.10g}' for part in measured_list)}]"
    if len(measured_list) != len(claim.cited):
        evidence = f"measured {len(measured_list)} values, {shown}; cited are {len(claim.cited)}"
        return _Finding(verdict=REFUTED, evidence=evidence, n=1, measured=shown)
    pairs = list(zip(measured_list, claim.cited, strict=True))
    wrong = [i for i, (part, cited) in enumerate(pairs) if not _agrees(part, cited, claim)]
    evidence = f"all {len(pairs)} values agree: {shown}"
    if wrong:
        part, cited = pairs[wrong[0]]
        evidence = (
            f"{len(wrong)} of {len(pairs)} values differ; at {wrong[0]} measured {part:.10g},"
            f" cited {cited}"
        )
    return _Finding(verdict=REFUTED if wrong else CONFIRMED, evidence=evidence, n=1, measured=shown)


def _agrees(measured: float, cited: decimal.Decimal, claim: claims.Exact) -> bool:
    """Whether they are equal to the cited precision, and a few units in the last place."""
    tolerance = _tolerance(cited, claim) + 4 * math.ulp(float(cited) or 1.0)
    return abs(measured - float(cited)) <= tolerance  # never true of NaN


def _tolerance(cited: decimal.Decimal, claim: claims.Exact | claims.Number) -> float:
    """The d of the design: half a unit of the last meant digit, or the margin if that is more."""
    return float(max(claims.half_unit(cited, claim.digits), claim.margin or decimal.Decimal(0)))


@_find.register
def _identity(claim: claims.Identity, run: _Run) -> _Finding:
    values = np.abs(run.values(claim))
    largest = float(values.max())  # NaN if any is
    same = largest <= float(claim.tolerance)
    return _Finding(
        verdict=CONFIRMED if same else REFUTED,
        evidence=f"largest difference {_show(largest)} over {_seeds(len(values))};"
        f" at most {claim.tolerance} is allowed",
        n=len(values),
        measured=_plain(largest),
    )


# --- number and curve -----------------------------------------------------------------------------

# What `judge_numbers` may find, and the verdict that follows.
OUTCOMES = {
    "few": UNRESOLVED,  # too few seeds for any verdict
    "diverged": REFUTED,  # every seed infinite or NaN
    "partly diverged": UNRESOLVED,
    "outside all": UNRESOLVED,  # by rank, with too few seeds to refute
    "beyond": REFUTED,
    "inside": CONFIRMED,
    "wide": UNRESOLVED,  # an interval so wide that nothing could have been refuted
    "within": CONSISTENT,
}


@dataclasses.dataclass(frozen=True)
class Numbers:
    """P judged numbers; every array is [P], in the metric's own unit."""

    outcome: npt.NDArray  # keys of OUTCOMES
    centre: npt.NDArray  # mean, geometric mean or median
    runs: intervals.Interval  # where the next run falls
    centres: intervals.Interval  # where the true centre lies
    level: float  # of `runs`

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
    together: int = 1,
) -> Numbers:
    """Hold cited numbers against the runs, each number for itself.

    A cited number is one draw from the runs, so it is refuted by their prediction interval and not
    by the interval of their mean, which true figures leave more often the more seeds there are.

    Args:
        values: [n, P], a row per seed; above zero for the log scale.
        cited: [P].
        tolerance: [P], the d of the design.
        scale: "linear", "log" or "rank".
        share: whether the numbers are shares, for which 0.99 and 0.01 are equally sharp.
        minimum_seeds: below it nothing is judged.
        together: how many numbers make one claim; the levels are shared out (Bonferroni).
    """
    values, cited = np.asarray(values, dtype=float), np.asarray(cited, dtype=float)
    tolerance = np.asarray(tolerance, dtype=float)
    slack = tolerance + _SLACK * (np.abs(cited) + tolerance)
    with np.errstate(all="ignore"):  # infinite and NaN values are ordinary here
        centre, runs, centres, level = _spread(values, scale, together)
        unusable = np.isnan(values) if scale == "rank" else ~np.isfinite(values)
        beyond = (cited + slack < runs.low) | (cited - slack > runs.high)
        inside = (cited - slack <= centres.low) & (centres.high <= cited + slack)
        sharp = np.minimum(cited, 1 - cited) if share else np.abs(cited) / 2
        narrow = (runs.high - runs.low) / 2 <= np.maximum(3 * tolerance, sharp)
    outcome = np.select(
        [
            np.full(cited.shape, len(values) < minimum_seeds),
            unusable.all(axis=0),
            unusable.any(axis=0),
            beyond & (level < 0.99),  # the seeds' range, short of the level: by rank only
            beyond,
            inside,
            ~narrow,
        ],
        ["few", "diverged", "partly diverged", "outside all", "beyond", "inside", "wide"],
        default="within",
    )
    return Numbers(outcome, centre, runs, centres, level)


def _spread(
    values: npt.NDArray, scale: str, together: int
) -> tuple[npt.NDArray, intervals.Interval, intervals.Interval, float]:
    """Centre, interval of the runs, interval of the centre, and the level of the former."""
    if scale == "rank":
        runs, level = intervals.rank_prediction(values, 0.99)
        return np.median(values, axis=0), runs, intervals.median(values, 0.90), level
    there, back = (np.log, np.exp) if scale == "log" else (np.asarray, np.asarray)
    level = 1 - 0.01 / together
    runs = intervals.prediction(there(values), level)
    centres = intervals.mean(there(values), 1 - 0.10 / together)
    centre, _ = intervals.mean_and_deviation(there(values))
    return (
        back(centre),
        intervals.Interval(back(runs.low), back(runs.high)),
        intervals.Interval(back(centres.low), back(centres.high)),
        level,
    )


@_find.register
def _number(claim: claims.Number, run: _Run) -> _Finding:
    return _single_number(claim, run) if claim.curve is None else _curve(claim, claim.curve, run)


def _single_number(claim: claims.Number, run: _Run) -> _Finding:
    values = run.values(claim)
    (cited,) = claim.figures
    tolerance = _tolerance(cited, claim)
    judged = _judge_claim(claim, values[:, np.newaxis], run)
    mean, deviation = intervals.mean_and_deviation(values)
    centre = float(judged.centre[0])
    refuted = judged.verdict[0] == REFUTED
    return _Finding(
        verdict=str(judged.verdict[0]),
        evidence=_number_evidence(claim, values, tolerance, judged, run.minimum_seeds),
        side=_side(centre, float(cited)) if refuted else None,
        n=len(values),
        mean=_finite(mean),
        sd=_finite(deviation),
        interval_low=_unless_nan(judged.runs.low[0]),
        interval_high=_unless_nan(judged.runs.high[0]),
        measured=_plain(centre),
    )


def _judge_claim(claim: claims.Number, values: npt.NDArray, run: _Run) -> Numbers:
    if claim.scale == "log" and (values <= 0).any():
        raise _NoVerdictError(
            ERROR, f"'{claim.metric}' has values of 0 or below, which have no place on a log scale"
        )
    return judge_numbers(
        values,
        [float(cited) for cited in claim.figures],
        [_tolerance(cited, claim) for cited in claim.figures],
        scale=claim.scale,
        share=claim.share,
        minimum_seeds=run.minimum_seeds,
        together=len(claim.figures),
    )


_CENTRES = {"linear": "mean", "log": "geometric mean", "rank": "median"}


def _number_evidence(
    claim: claims.Number,
    values: npt.NDArray,
    tolerance: float,
    judged: Numbers,
    minimum_seeds: int,
) -> str:
    """What was measured, then what follows for the cited value."""
    n, cited = len(values), float(claim.figures[0])
    low, high, name = judged.runs.low[0], judged.runs.high[0], _CENTRES[claim.scale]
    side = "above" if cited > judged.centre[0] else "below"
    outcome = str(judged.outcome[0])
    if outcome in ("diverged", "partly diverged"):
        bad = int((np.isnan(values) if claim.scale == "rank" else ~np.isfinite(values)).sum())
        kind = "NaN" if claim.scale == "rank" else "infinity or NaN"
        end = "cannot come of that" if bad == n else "has no spread to be held against"
        return f"{bad} of {_seeds(n)} ended in {kind}; the cited {claim.cited} {end}"
    never = int(np.isinf(values).sum())
    share = f"{100 * judged.level:.2g} % of runs" if judged.level >= 0.99 else "all"
    told = f"{name} {_show(judged.centre[0])} over {_seeds(n)}"
    told += f", {never} of which never got there" if never else ""
    told += "" if np.isnan(low) else f" ({share} between {_show(low)} and {_show(high)})"
    within = "lies within" if low <= cited <= high else f"± {_show(tolerance)} reaches into it"
    ends = {
        "few": f"a verdict needs {minimum_seeds} seeds",
        "outside all": f"the cited {claim.cited} lies {side}, but by rank it takes 199"
        " seeds to refute it",
        "beyond": f"the cited {claim.cited} lies {side}",
        "inside": f"its 90 % interval, {_show(judged.centres.low[0])} to"
        f" {_show(judged.centres.high[0])}, lies inside the cited {claim.cited}"
        f" ± {_show(tolerance)}",
        "wide": f"too wide a spread to hold the cited {claim.cited} against",
        "within": f"the cited {claim.cited} {within}",
    }
    return f"{told}; {ends[outcome]}"


def _curve(claim: claims.Number, curve: claims.Curve, run: _Run) -> _Finding:
    records = run.complete(claim.variant)
    values = np.array([_curve_points(record, claim.metric, curve) for record in records])
    judged = _judge_claim(claim, values, run)
    cited = np.array([float(y) for y in curve.y])
    count = collections.Counter(judged.verdict.tolist())
    n, points = values.shape
    if n < run.minimum_seeds:
        verdict, evidence = UNRESOLVED, f"{_seeds(n)}; a verdict needs {run.minimum_seeds} seeds"
    elif count[REFUTED]:
        verdict = REFUTED
        evidence = (
            f"{count[REFUTED]} of {points} points lie outside what the runs produce,"
            f" {count[UNRESOLVED]} too wide to say; worst {_worst_points(claim, curve, judged)}"
        )
    else:
        if count[CONFIRMED] == points:
            verdict = CONFIRMED
        else:
            verdict = UNRESOLVED if 2 * count[UNRESOLVED] > points else CONSISTENT
        evidence = (
            f"over {_seeds(n)}, {count[CONFIRMED]} of {points} points are confirmed,"
            f" {count[CONSISTENT]} lie within what the runs produce,"
            f" {count[UNRESOLVED]} are too wide to say"
        )
    refuted = np.flatnonzero(judged.verdict == REFUTED)
    sides = {_side(judged.centre[i], cited[i]) for i in refuted}
    ends = [f"{_show(judged.centre[i])} at x = {curve.x[i]}" for i in (0, -1)]
    return _Finding(
        verdict=verdict,
        evidence=evidence,
        side=sides.pop() if len(sides) == 1 else None,
        n=n,
        measured=f"{_CENTRES[claim.scale]} {ends[0]}, {ends[1]}",
    )


def _curve_points(record: Record, metric: str, curve: claims.Curve) -> list[float]:
    """The measured values at the curve's points."""
    value = _measured(record, metric)
    if not isinstance(value, list):
        raise _NoVerdictError(ERROR, f"'{metric}' is no list, so it cannot be held against a curve")
    if curve.index is None and len(value) != len(curve.y):
        raise _too_short(
            record,
            f"seed {record['seed']}: '{metric}' has {len(value)} values, curve '{curve.name}'"
            f" {len(curve.y)} points",
        )
    index = range(len(value)) if curve.index is None else curve.index
    return [_as_number(_measured(record, metric, at), metric) for at in index]


def _worst_points(claim: claims.Number, curve: claims.Curve, judged: Numbers) -> str:
    """Up to three refuted points, those furthest out first."""
    cited = np.array([float(y) for y in curve.y])
    tolerance = [_tolerance(y, claim) for y in curve.y]
    with np.errstate(invalid="ignore"):
        half_width = (judged.runs.high - judged.runs.low) / 2 + tolerance
        distance = np.abs(cited - judged.centre) / half_width
    distance = np.where(judged.outcome == "diverged", np.inf, distance)
    refuted = np.flatnonzero(judged.verdict == REFUTED)
    worst = refuted[np.argsort(-distance[refuted], kind="stable")][:3]
    return "; ".join(
        f"at x = {curve.x[i]}: cited {curve.y[i]}, "
        + (
            "every seed ended in infinity or NaN"
            if judged.outcome[i] == "diverged"
            else f"{100 * judged.level:.4g} % of runs between {_show(judged.runs.low[i])}"
            f" and {_show(judged.runs.high[i])}"
        )
        for i in worst
    )


# --- bound, ordering, always ----------------------------------------------------------------------


@_find.register
def _bound(claim: claims.Bound, run: _Run) -> _Finding:
    values = run.values(claim)
    n, cited, meets = len(values), float(claim.cited), _COMPARE[claim.op]
    passed = int(meets(values, cited).sum())
    share = f"{passed} of {_seeds(n)} ({_show(100 * passed / n)} %) are {claim.op} {claim.cited}"
    bad = int((~np.isfinite(values)).sum())
    with np.errstate(all="ignore"):
        mean, deviation = intervals.mean_and_deviation(values)
        bounds = intervals.mean_bounds(values, 0.99)
    near, far = bounds if claim.op in (">", ">=") else reversed(bounds)
    if n < run.minimum_seeds:
        verdict, evidence = UNRESOLVED, f"{share}; a verdict needs {run.minimum_seeds} seeds"
    elif bad:
        verdict = {bad: CONFIRMED, 0: REFUTED}.get(passed, UNRESOLVED) if bad == n else UNRESOLVED
        evidence = f"{bad} of {_seeds(n)} ended in infinity or NaN; {share}"
    else:
        verdict = CONFIRMED if meets(near, cited) else UNRESOLVED if meets(far, cited) else REFUTED
        evidence = (
            f"mean {_show(mean)} over {_seeds(n)} (99 % sure to be above {_show(bounds.low)}, and"
            f" 99 % sure to be below {_show(bounds.high)}); {share}"
        )
    return _Finding(
        verdict=verdict,
        evidence=evidence,
        side={">": "lower", "<": "higher"}[claim.op[0]] if verdict == REFUTED else None,
        n=n,
        mean=_finite(mean),
        sd=_finite(deviation),
        interval_low=_finite(bounds.low),
        interval_high=_finite(bounds.high),
        measured=_plain(float(mean)),
    )


@_find.register
def _ordering(claim: claims.Ordering, run: _Run) -> _Finding:
    ours, theirs = run.values(claim), run.values(claim.than)
    n = min(len(ours), len(theirs))  # the seeds both have
    ours, theirs = ours[:n], theirs[:n]
    undefined = int((np.isnan(ours) | np.isnan(theirs)).sum())
    wins = int(_COMPARE[claim.op](ours, theirs).sum())
    ties = int((ours == theirs).sum())  # also where neither got there
    losses = n - wins - ties - undefined
    p = intervals.sign_test(wins, losses)
    verdict = UNRESOLVED
    if n >= 8 and not undefined and p < 0.01:
        verdict = CONFIRMED if wins > losses else REFUTED
    with np.errstate(invalid="ignore"):  # infinity - infinity
        differences = ours - theirs
        median = np.median(differences)
    mean, deviation = intervals.mean_and_deviation(differences)
    word = {"<": "lower", ">": "higher"}[claim.op]
    share = f"{word} in {wins} of {_seeds(n)}" + (f" ({ties} tied)" if ties else "")
    middle = "" if np.isnan(median) else f"median difference {_show(median)}, "
    middle += f"sign test p = {p:.2g}"
    if undefined:
        middle = f"{undefined} of {_seeds(n)} ended in NaN"
    elif n < 8:
        middle += "; a verdict needs 8 seeds"
    return _Finding(
        verdict=verdict,
        evidence=f"{share} than {claim.other_side}; {middle}",
        n=n,
        mean=_finite(mean),
        sd=_finite(deviation),
        measured=share,
    )


@_find.register
def _always(claim: claims.Always, run: _Run) -> _Finding:
    values = run.values(claim)
    if not np.isin(values, (0, 1)).all():
        raise _NoVerdictError(ERROR, f"'{claim.metric}' has values other than 0 and 1")
    n, times, rate = len(values), int(values.sum()), float(claim.rate)
    bounds = intervals.share_bounds(times, n, 0.99)
    low, high = bounds
    match rate, claim.op:
        case 1, _:
            verdict = REFUTED if times < n else CONFIRMED if low > _SURE_SHARE else UNRESOLVED
        case 0, _:
            verdict = REFUTED if times else CONFIRMED if high < 1 - _SURE_SHARE else UNRESOLVED
        case _, ">":
            verdict = CONFIRMED if low > rate else REFUTED if high < rate else UNRESOLVED
        case _:
            verdict = CONFIRMED if high < rate else REFUTED if low > rate else UNRESOLVED
    measured = f"{times} of {_seeds(n)}"
    at_least = f"more than {_show(100 * low)} %" if times else ""
    at_most = f"less than {_show(100 * high)} %" if times < n else ""
    return _Finding(
        verdict=verdict,
        evidence=f"it happens in {measured}; with 99 % confidence in"
        f" {' and in '.join(filter(None, [at_least, at_most]))} of all runs",
        n=n,
        mean=times / n,
        interval_low=float(low),
        interval_high=float(high),
        measured=measured,
    )


# --- How values are shown -------------------------------------------------------------------------


def _side(measured: float, cited: float) -> str | None:
    """Where the measurement lies, seen from the cited value; None for NaN."""
    return "higher" if measured > cited else "lower" if measured < cited else None


def _show(value: typing.Any) -> str:
    """Four significant digits, without an exponent where a student would not write one."""
    if not math.isfinite(value):
        return {math.inf: "infinity", -math.inf: "-infinity"}.get(float(value), "NaN")
    text = f"{float(value):.4g}"
    return f"{float(text):.0f}" if "e+" in text and abs(value) < 1e9 else text


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"


def _finite(value: typing.Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _unless_nan(value: typing.Any) -> float | None:
    return None if math.isnan(value) else float(value)


def _plain(value: float) -> float | str:
    """A number, or the word for one that JSON does not know."""
    return value if math.isfinite(value) else _show(value)

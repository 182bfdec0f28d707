"""The records of a run, handed out only where they can be judged, and what is found in them."""

import collections
import collections.abc
import dataclasses
import functools
import numbers
import typing

import numpy as np
import numpy.typing as npt

from common import claims
from common.judge import verdicts

Record = collections.abc.Mapping[str, typing.Any]
Records = collections.abc.Mapping[str, collections.abc.Sequence[Record]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """The part of a verdict that comes from the records."""

    verdict: str
    evidence: str = ""
    side: str | None = None
    n: int | None = None
    mean: float | None = None
    sd: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    p: float | None = None
    measured: float | str | None = None
    reason: str | None = None


class NoVerdictError(Exception):
    """Why there is nothing to judge: NOT_RUN with a reason, or ERROR with its evidence."""

    def __init__(self, verdict: str, why: str) -> None:
        """Keep the finding that stands for it."""
        super().__init__(why)
        error = verdict == verdicts.ERROR
        self.finding = Finding(
            verdict=verdict, evidence=why if error else "", reason=None if error else why
        )


@dataclasses.dataclass(frozen=True)
class Run:
    """The records of one reproduction.

    Attributes:
        reproduction: whose they are.
        records: per variant, one record per seed, in any order.
        expected: per variant, how many seeds there must be: 0 to n - 1.
        errors: per variant that crashed, the message.
        withheld: why no verdicts are wanted, if so.
    """

    reproduction: claims.Reproduction
    records: Records
    expected: collections.abc.Mapping[str, int]
    errors: collections.abc.Mapping[str, str]
    withheld: str | None

    @property
    def minimum_seeds(self) -> int:
        """With fewer no number is judged."""
        return self.reproduction.minimum_seeds

    @functools.cached_property
    def _full_seeds(self) -> dict[str, int]:
        variants = self.reproduction.variants
        return {name: variant.seeds.get("full", 0) for name, variant in variants.items()}

    def deterministic(self, *variants: str) -> bool:
        """Whether variants have no randomness: one seed is all that the full profile asks for."""
        return all(self._full_seeds.get(variant) == 1 for variant in variants)

    def values(self, part: claims.Claim | claims.Than) -> npt.NDArray:
        """What every seed measured for a claim, or for the other side of an ordering: [n]."""
        return self.measured(part.variant, part.metric, getattr(part, "at", None))

    def measured(self, variant: str, metric: str, at: int | None = None) -> npt.NDArray:
        """What every seed of a variant measured: [n]."""
        return np.array(
            [as_number(pick(record, metric, at), metric) for record in self.complete(variant)]
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
                raise NoVerdictError(
                    verdicts.ERROR,
                    f"{len(which)} of {count} seeds of variant '{variant}' {problem}: {some}",
                )
        by_seed = {record["seed"]: record for record in self.records[variant]}
        return [by_seed[seed] for seed in range(count)]

    def first(self, variant: str) -> Record:
        """The record of seed 0, all that a claim without randomness needs."""
        self.check(variant)
        found = [record for record in self.records[variant] if record["seed"] == 0]
        if len(found) != 1:
            what = "recorded more than once" if found else "missing"
            raise NoVerdictError(verdicts.ERROR, f"seed 0 of variant '{variant}' is {what}")
        return found[0]

    def check(self, variant: str) -> None:
        """Stop where a variant crashed, was not run, or ran on stand-in data."""
        if variant in self.errors:
            why = f"variant '{variant}' crashed: {self.errors[variant]}"
            raise NoVerdictError(verdicts.ERROR, why)
        if self.withheld is not None:
            raise NoVerdictError(verdicts.NOT_RUN, self.withheld)
        if not self.records.get(variant):
            raise NoVerdictError(verdicts.NOT_RUN, f"variant '{variant}' was not run")
        for record in self.records[variant]:
            for name, version in record["data"].items():
                if version.startswith("stand-in"):
                    raise NoVerdictError(verdicts.NOT_RUN, f"{name} was not there ({version})")

    def shortened(self, claim: claims.Claim) -> str:
        """The note on a protocol that was cut short, or nothing."""
        variants = {claim.variant}
        if isinstance(claim, claims.Ordering):
            variants.add(claim.than.variant)
        changes = {
            f"{field}={value}"
            for variant in variants
            for record in self.records.get(variant, ())
            for field, value in record["shortened"].items()
        }
        return f" (protocol shortened: {', '.join(sorted(changes))})" if changes else ""


def pick(record: Record, metric: str, at: int | None = None) -> typing.Any:
    """One metric of one record, or one element of it."""
    where = f"seed {record['seed']}"
    if metric not in record["measurements"]:
        raise NoVerdictError(verdicts.ERROR, f"{where} has no metric '{metric}'")
    value = record["measurements"][metric]
    if at is None:
        return value
    if not isinstance(value, list):
        what = f"{where}: '{metric}' is no list, so it has no element"
        raise NoVerdictError(verdicts.ERROR, what)
    if not -len(value) <= at < len(value):
        wanted = at + 1 if at >= 0 else -at
        raise too_short(
            record, f"{where}: '{metric}' has {len(value)} values, where {wanted} are needed"
        )
    return value[at]


def too_short(record: Record, what: str) -> NoVerdictError:
    """A list that ends too soon: no fault where the profile cut the protocol short."""
    if not record["shortened"]:
        return NoVerdictError(verdicts.ERROR, what)
    cut = ", ".join(f"{field}={value}" for field, value in record["shortened"].items())
    return NoVerdictError(verdicts.NOT_RUN, f"the protocol was cut short ({cut}); {what}")


def as_number(value: typing.Any, metric: str) -> float:
    """A measured value as a float, or ERROR."""
    if isinstance(value, numbers.Real):  # bool and numpy's scalars too
        return float(value)
    what = f"a list of {len(value)}" if isinstance(value, list) else repr(value)
    raise NoVerdictError(verdicts.ERROR, f"'{metric}' is {what} where the claim needs a number")

"""The kinds of claims: each a frozen class that knows which keys it takes and what contradicts."""

import dataclasses
import decimal
import typing

from common.claims import keys

WEIGHTS = ("headline", "supporting", "erratum")
HOLDS_FOR = ("a run", "the mean")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a document says it: key of `sources.SOURCES`, section or figure, verbatim quote."""

    source: str
    where: str
    quote: str


@dataclasses.dataclass(frozen=True)
class Curve:
    """A cited curve of P points; `index` holds their positions in the measured list, if given."""

    name: str
    x: tuple[decimal.Decimal, ...]
    y: tuple[decimal.Decimal, ...]
    index: tuple[int, ...] | None = None

    @property
    def points(self) -> tuple[list[float], list[float]]:
        """x and y as floats, to draw or to compute with."""
        return [float(x) for x in self.x], [float(y) for y in self.y]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement of the documents. Each kind is a subclass that knows which keys it takes."""

    kind: typing.ClassVar[str]
    needs: typing.ClassVar[tuple[str, ...]] = ()
    takes: typing.ClassVar[tuple[str, ...]] = ()
    ops: typing.ClassVar[tuple[str, ...]] = ()
    scales: typing.ClassVar[tuple[str, ...]] = ()

    id: str
    places: tuple[Place, ...]  # those of its passage
    says: str
    passage: str = ""  # its passage's id
    weight: str = "supporting"
    variant: str = ""
    metric: str = ""
    correction: str = ""
    reason: str = ""

    @property
    def stated(self) -> str | None:
        """What the claim says of its metric, in a few characters: "0.0500", "> 92", "always"."""
        return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exact(Claim):
    """A value without randomness, or a list of them (a shape), read from seed 0."""

    kind = "exact"
    needs = ("variant", "metric", "cited")
    takes = ("at", "digits", "margin")

    cited: decimal.Decimal | tuple[decimal.Decimal, ...]
    at: int | None = None
    digits: int | None = None
    margin: decimal.Decimal | None = None

    @property
    def stated(self) -> str:
        """See `Claim.stated`."""
        if isinstance(self.cited, tuple):
            return f"[{', '.join(map(str, self.cited))}]"
        return str(self.cited)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Identity(Claim):
    """Two computations of the same thing; the metric is their largest difference."""

    kind = "identity"
    needs = ("variant", "metric", "tolerance")

    tolerance: decimal.Decimal

    @property
    def stated(self) -> str:
        """See `Claim.stated`."""
        return f"<= {self.tolerance}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Number(Claim):
    """A figure, or a whole curve, that the document got from one run."""

    kind = "number"
    needs = ("variant", "metric")
    takes = ("cited", "curve", "at", "digits", "margin", "share", "scale", "rivals")
    scales = ("linear", "log", "rank")

    cited: decimal.Decimal | None = None
    curve: Curve | None = None
    at: int | None = None
    digits: int | None = None
    margin: decimal.Decimal | None = None
    share: bool = False
    scale: str = "linear"
    rivals: tuple[str, ...] = ()  # variants on which the same test is tried, to tell its power

    def __post_init__(self) -> None:
        """Refuse keys that contradict each other."""
        if (self.cited is None) == (self.curve is None):
            raise keys.BadKeyError("cited", "give either cited or curve, and not both")
        if self.curve is not None and self.at is not None:
            raise keys.BadKeyError("at", "goes with cited; a curve has its own index")
        if self.share and self.scale != "linear":
            raise keys.BadKeyError(
                "share", "a share is judged on the linear scale; drop share or scale"
            )
        if self.share and not all(0 <= figure <= 1 for figure in self.figures):
            raise keys.BadKeyError("share", "a share lies in [0, 1], and the cited value does not")
        if self.scale == "log" and not all(figure > 0 for figure in self.figures):
            raise keys.BadKeyError("scale", "the log scale needs cited values above zero")
        if self.variant in self.rivals:
            raise keys.BadKeyError("rivals", f"{self.variant!r} is the claim's own; name another")

    @property
    def figures(self) -> tuple[decimal.Decimal, ...]:
        """The cited value, or those of the curve."""
        if self.curve is not None:
            return self.curve.y
        return () if self.cited is None else (self.cited,)

    @property
    def stated(self) -> str:
        """See `Claim.stated`."""
        if self.curve is not None:
            return f"curve {self.curve.name} ({len(self.curve.y)} points)"
        return str(self.cited)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bound(Claim):
    """A figure the document says is passed ("over 92 %"): by a run, or by the runs' mean."""

    kind = "bound"
    needs = ("variant", "metric", "op", "cited")
    takes = ("at", "scale", "holds_for")
    ops = (">", ">=", "<", "<=")
    scales = ("linear", "rank")

    op: str
    cited: decimal.Decimal
    at: int | None = None
    scale: str = "linear"
    holds_for: str = "a run"

    @property
    def stated(self) -> str:
        """See `Claim.stated`."""
        return f"{self.op} {self.cited}{' on average' if self.holds_for == 'the mean' else ''}"


@dataclasses.dataclass(frozen=True)
class Than:
    """The other side of an ordering; what the TOML leaves out is the claim's own."""

    variant: str
    metric: str
    at: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ordering(Claim):
    """Two variants, metrics or moments of which one is said to be larger, seed by seed.

    `least` is the least difference of the medians that the words ask for, `least_factor` the least
    quotient of the larger and the smaller one.
    """

    kind = "ordering"
    needs = ("variant", "metric", "op", "than")
    takes = ("at", "least", "least_factor")
    ops = ("<", ">")

    op: str
    than: Than
    at: int | None = None
    least: decimal.Decimal | None = None
    least_factor: decimal.Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse a comparison of a thing with itself, and two least effects."""
        if self.than == Than(self.variant, self.metric, self.at):
            raise keys.BadKeyError(
                "than", "is the claim's own variant, metric and at; name another"
            )
        if self.least is not None and self.least_factor is not None:
            raise keys.BadKeyError("least", "give either least or least_factor, and not both")
        if self.least_factor is not None and self.least_factor <= 1:
            raise keys.BadKeyError("least_factor", f"{self.least_factor} is not above one")

    @property
    def other_side(self) -> str:
        """What it is compared with, named by what sets it apart."""
        parts = [
            self.than.metric if self.than.metric != self.metric else "",
            f"at index {self.than.at}" if self.than.at is not None else "",
            f"in {self.than.variant}" if self.than.variant != self.variant else "",
        ]
        return " ".join(filter(None, parts)) or self.metric

    @property
    def stated(self) -> str:
        """See `Claim.stated`."""
        least = ""
        if self.least is not None:
            least = f" by {self.least}"
        if self.least_factor is not None:
            least = f" by a factor of {self.least_factor}"
        return f"{self.op} {self.other_side}{least}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Can(Claim):
    """Something (a metric of 0 and 1) that is said to happen in some runs: one is enough."""

    kind = "can"
    needs = ("variant", "metric")

    @property
    def stated(self) -> str:
        """See `Claim.stated`."""
        return "at least once"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Always(Claim):
    """How often something (a metric of 0 and 1) happens: 1 always, 0 never, else with `op`."""

    kind = "always"
    needs = ("variant", "metric", "rate")
    takes = ("op",)
    ops = ("<", ">")

    rate: decimal.Decimal
    op: str | None = None

    def __post_init__(self) -> None:
        """Refuse rates that are none, and an `op` where there is nothing to compare."""
        if not 0 <= self.rate <= 1:
            raise keys.BadKeyError(
                "rate", f"{self.rate} is no share; give 0, 1 or a number between"
            )
        if (0 < self.rate < 1) != (self.op is not None):
            raise keys.BadKeyError(
                "op", "goes with a rate between 0 and 1, and only there; '<' or '>'"
            )

    @property
    def stated(self) -> str:
        """See `Claim.stated`."""
        return f"{self.op} {self.rate}" if self.op else "always" if self.rate else "never"


@dataclasses.dataclass(frozen=True)
class PrintedValue:
    """One value of a printed curve.

    `value` is one of `VALUES`. "rise" is the last point minus the first; "first_reaching" the x of
    the first point at `level` or beyond it, as seen from the first point, and infinite if there is
    none; "share_rising" the share of steps that go up.
    """

    VALUES: typing.ClassVar[tuple[str, ...]] = (
        "first",
        "last",
        "largest",
        "smallest",
        "mean",
        "rise",
        "at",
        "first_reaching",
        "share_rising",
    )

    curve: Curve
    value: str
    at: int | None = None
    level: decimal.Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse a position or a level where it means nothing, and their lack where it does."""
        points = len(self.curve.y)
        if (self.value == "at") != (self.at is not None):
            raise keys.BadKeyError("at", 'goes with value = "at", and only there')
        if (self.value == "first_reaching") != (self.level is not None):
            raise keys.BadKeyError("level", 'goes with value = "first_reaching", and only there')
        if self.at is not None and not -points <= self.at < points:
            raise keys.BadKeyError(
                "at", f"{self.at} is no position in the {points} points of the curve"
            )
        if self.value in ("rise", "share_rising") and points < 2:
            raise keys.BadKeyError(
                "value", f"{self.value!r} needs two points, and the curve has one"
            )

    def __str__(self) -> str:
        """In words: "last of figure-2", "first_reaching 0.9 of figure-2"."""
        which = self.level if self.level is not None else "" if self.at is None else self.at
        return f"{self.value} {which}".rstrip() + f" of {self.curve.name}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Printed(Claim):
    """A sentence held against the document's own printed figure or log: no seeds, no statistics."""

    kind = "printed"
    needs = ("curve", "value", "op")
    takes = ("at", "level", "cited", "than", "margin")
    ops = ("<", ">", "<=", ">=", "==")

    curve: Curve
    value: str
    op: str
    at: int | None = None
    level: decimal.Decimal | None = None
    cited: decimal.Decimal | None = None
    than: PrintedValue | None = None
    margin: decimal.Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse keys that contradict each other."""
        if (self.cited is None) == (self.than is None):
            raise keys.BadKeyError("cited", "give either cited or than, and not both")
        if self.than == self.printed:
            raise keys.BadKeyError("than", "is the claim's own value; name another")

    @property
    def printed(self) -> PrintedValue:
        """The value that is held against `cited` or `than`."""
        return PrintedValue(self.curve, self.value, self.at, self.level)

    @property
    def stated(self) -> str:
        """See `Claim.stated`."""
        return f"{self.op} {self.than if self.cited is None else self.cited}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ByReading(Claim):
    """A text held against its own code, or against another place of the documents, by reading."""

    kind = "by_reading"
    needs = ("holds", "finds")

    holds: bool
    finds: str  # what stands where


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statement(Claim):
    """A statement with nothing to measure, and the reason."""

    kind = "statement"
    needs = ("reason",)


KINDS: dict[str, type[Claim]] = {
    kind.kind: kind
    for kind in (
        Exact,
        Identity,
        Number,
        Bound,
        Ordering,
        Can,
        Always,
        Printed,
        ByReading,
        Statement,
    )
}


def half_unit(figure: decimal.Decimal, digits: int | None = None) -> decimal.Decimal:
    """Half a unit of the last meant digit: 0.05 for 92.1, 50 for 1500 with two digits meant."""
    exponent = figure.as_tuple().exponent
    if digits is not None and figure:
        exponent = figure.adjusted() - digits + 1
    return decimal.Decimal((0, (5,), int(exponent) - 1))

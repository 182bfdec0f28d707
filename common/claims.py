"""What the documents say, as data: `reproductions/NAME/claims.toml` read into frozen classes.

A passage is a sentence of the documents; its claims are what can be checked of it. `load` checks
everything that needs no training and names file, claim and key where something is wrong. Only the
standard library is imported, so that `--list` answers at once.

Decisions the design leaves open:

- `weight` defaults to "supporting".
- A passage's source must be among the head's `sources`, so that `--list` shows every document.
- A pattern such as "width_{hidden}" stands for the variants of that sweep of the experiment file;
  one of them may have an entry of its own beside it.
- `share` goes with the linear scale only.
- A curve without `index` must be as long as the measured list; with it, the list may be longer.
- `digits` says how many significant digits are meant: "1500" with 2 means 1450 to 1550. It has no
  meaning for a cited zero, whose printed decimals count. On a curve it goes for every point.
- A cited "1.500" may be a Spanish thousand: it needs `digits` or `margin` to be one and a half.
- `at` is a position in the measured list, and in `printed` claims one in the curve's points.
"""

import collections.abc
import contextlib
import dataclasses
import decimal
import difflib
import pathlib
import re
import string
import tomllib
import typing

from common import errors, sources, variants

PROFILES = variants.PROFILES
WEIGHTS = ("headline", "supporting", "erratum")
HOLDS_FOR = ("a run", "the mean")
DATA = ("breast_cancer", "iris", "life_expectancy", "mnist", "wine_quality")  # of `common.data`

FILE = "claims.toml"

Table = collections.abc.Mapping[str, typing.Any]


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


@dataclasses.dataclass(frozen=True)
class Variant:
    """One protocol of an experiment: seeds per profile and data sets are resolved already."""

    name: str
    about: str
    seeds: dict[str, int]
    data: tuple[str, ...]
    experiment: str = "experiment"


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One experiment file and its variants, in the order of its code."""

    name: str
    path: pathlib.Path
    variants: dict[str, Variant]


@dataclasses.dataclass(frozen=True)
class Metric:
    """What a measurement, or an array, means; `unit` is empty for a pure number."""

    means: str
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class Than:
    """The other side of an ordering; what the TOML leaves out is the claim's own."""

    variant: str
    metric: str
    at: int | None = None


class _BadKeyError(ValueError):
    """What is wrong with one key; `load` adds the file and the claim."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(key, what)
        self.key, self.what = key, what


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
            raise _BadKeyError("cited", "give either cited or curve, and not both")
        if self.curve is not None and self.at is not None:
            raise _BadKeyError("at", "goes with cited; a curve has its own index")
        if self.share and self.scale != "linear":
            raise _BadKeyError(
                "share", "a share is judged on the linear scale; drop share or scale"
            )
        if self.share and not all(0 <= figure <= 1 for figure in self.figures):
            raise _BadKeyError("share", "a share lies in [0, 1], and the cited value does not")
        if self.scale == "log" and not all(figure > 0 for figure in self.figures):
            raise _BadKeyError("scale", "the log scale needs cited values above zero")
        if self.variant in self.rivals:
            raise _BadKeyError("rivals", f"{self.variant!r} is the claim's own; name another")

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
            raise _BadKeyError("than", "is the claim's own variant, metric and at; name another")
        if self.least is not None and self.least_factor is not None:
            raise _BadKeyError("least", "give either least or least_factor, and not both")
        if self.least_factor is not None and self.least_factor <= 1:
            raise _BadKeyError("least_factor", f"{self.least_factor} is not above one")

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
            raise _BadKeyError("rate", f"{self.rate} is no share; give 0, 1 or a number between")
        if (0 < self.rate < 1) != (self.op is not None):
            raise _BadKeyError("op", "goes with a rate between 0 and 1, and only there; '<' or '>'")

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
            raise _BadKeyError("at", 'goes with value = "at", and only there')
        if (self.value == "first_reaching") != (self.level is not None):
            raise _BadKeyError("level", 'goes with value = "first_reaching", and only there')
        if self.at is not None and not -points <= self.at < points:
            raise _BadKeyError(
                "at", f"{self.at} is no position in the {points} points of the curve"
            )
        if self.value in ("rise", "share_rising") and points < 2:
            raise _BadKeyError("value", f"{self.value!r} needs two points, and the curve has one")

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
            raise _BadKeyError("cited", "give either cited or than, and not both")
        if self.than == self.printed:
            raise _BadKeyError("than", "is the claim's own value; name another")

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


@dataclasses.dataclass(frozen=True)
class Passage:
    """One sentence of the documents, and its claims: the first is the sentence's own.

    `reading` says how the sentence is understood, where that needs saying.
    """

    id: str
    places: tuple[Place, ...]
    reading: str
    claims: tuple[Claim, ...]


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A measured number that a finding's text names as {variant.metric[at]:format}."""

    variant: str
    metric: str
    at: int | None
    format: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """A conclusion that falls, explained to a student; shown where its first claim is refuted.

    Its four texts answer: what does the document's figure plot, what happens on data the network
    has not seen, why, and what works? Their numbers are `Quantity`s: none is typed by hand.
    """

    title: str
    claims: tuple[str, ...]
    figure: str  # a file of `plot`, without ".png"
    plots: str
    unseen: str
    why: str
    works: str


@dataclasses.dataclass(frozen=True)
class Reproduction:
    """One `claims.toml`. `minutes` is per profile, `seed_seconds` a limit."""

    name: str
    path: pathlib.Path
    title: str
    sources: tuple[str, ...]
    minutes: dict[str, float]
    minimum_seeds: int = 10
    seed_seconds: int = 120
    experiments: dict[str, Experiment] = dataclasses.field(default_factory=dict)
    metrics: dict[str, Metric] = dataclasses.field(default_factory=dict)
    arrays: dict[str, Metric] = dataclasses.field(default_factory=dict)
    curves: dict[str, Curve] = dataclasses.field(default_factory=dict)
    passages: tuple[Passage, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def variants(self) -> dict[str, Variant]:
        """The variants of all experiments, in order."""
        return {
            name: variant
            for experiment in self.experiments.values()
            for name, variant in experiment.variants.items()
        }

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims of all passages, in order."""
        return tuple(claim for passage in self.passages for claim in passage.claims)

    @property
    def data(self) -> tuple[str, ...]:
        """The data sets that its variants need."""
        return tuple(dict.fromkeys(name for each in self.variants.values() for name in each.data))


def parts(text: str) -> list[str | Quantity]:
    """Cut a finding's text into words and the quantities between them.

    Raises:
        ValueError: a placeholder is none, or a brace stands alone.
    """
    found: list[str | Quantity] = []
    for words, name, form, conversion in string.Formatter().parse(text):
        if words:
            found.append(words)
        if name is not None:
            match = re.fullmatch(r"(\w+)\.(\w+)(?:\[(-?\d+)\])?", name)
            if not match or conversion:
                raise ValueError(f"{{{name}}} is no {{variant.metric}} or {{variant.metric[3]}}")
            variant, metric, at = match.groups()
            found.append(Quantity(variant, metric, None if at is None else int(at), form or ".3g"))
    return found


def half_unit(figure: decimal.Decimal, digits: int | None = None) -> decimal.Decimal:
    """Half a unit of the last meant digit: 0.05 for 92.1, 50 for 1500 with two digits meant."""
    exponent = figure.as_tuple().exponent
    if digits is not None and figure:
        exponent = figure.adjusted() - digits + 1
    return decimal.Decimal((0, (5,), int(exponent) - 1))


def load_all(folder: pathlib.Path) -> dict[str, Reproduction]:
    """Read the `claims.toml` of every folder in it; `UserError` at the first fault.

    What is no reproduction is passed over: folders without that file, hidden ones, and what editors
    and file systems leave behind.
    """
    try:
        return {path.name: load(path / FILE) for path in sorted(folder.iterdir()) if _is_ours(path)}
    except OSError as error:
        raise errors.UserError(f"{folder.name}: cannot be read: {error.strerror}") from error


def _is_ours(path: pathlib.Path) -> bool:
    """Whether a path of `reproductions/` is meant as a reproduction."""
    if path.name.startswith((".", "#")) or path.name.endswith("~"):
        return False
    return path.name.isprintable() and (path / FILE).is_file()


def load(path: pathlib.Path) -> Reproduction:
    """Read and check one `claims.toml`; any fault is a `UserError` naming file, claim and key."""
    name = path.parent.name
    place = "/".join(path.parts[-3:])
    if not name.isidentifier():
        mend = "rename the folder: letters, digits and _, no digit first"
        raise errors.UserError(f"{place}: {name!r} cannot be imported; {mend}")
    document = _parse(path, place)
    with _naming(place):
        _check_keys(
            document,
            needs=("reproduction", "experiments", "metrics"),
            takes=("arrays", "curves", "defaults", "passage", "finding"),
        )
        tables = {key: _table(document, key) for key in ("reproduction", "experiments", "curves")}
        passages, findings = _tables(document, "passage"), _tables(document, "finding")
        if not tables["experiments"]:
            raise _BadKeyError("experiments", "is empty; a reproduction needs at least one")
    head = _read_head(tables["reproduction"], path, place)
    metrics, arrays = _read_measured(document, place)
    head = dataclasses.replace(
        head,
        experiments=_read_experiments(tables["experiments"], path, place),
        metrics=metrics,
        arrays=arrays,
        curves={key: _read_curve(tables["curves"], key, place) for key in tables["curves"]},
    )
    with _naming(f"{place}: defaults"):
        defaults = _read_defaults(document)
    head = dataclasses.replace(head, passages=_read_passages(passages, defaults, head, place))
    ids = [claim.id for claim in head.claims]
    return dataclasses.replace(
        head,
        findings=tuple(
            _read_finding(table, head, ids, f"{place}: finding {number}")
            for number, table in enumerate(findings, start=1)
        ),
    )


def _parse(path: pathlib.Path, place: str) -> Table:
    try:
        text = path.read_bytes().decode("utf-8-sig")  # some editors begin with a byte order mark
        return tomllib.loads(text, parse_float=decimal.Decimal)
    except OSError as error:
        raise errors.UserError(f"{place}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        where = f"byte {error.start}"
        raise errors.UserError(f"{place}: {where} is no UTF-8; save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise errors.UserError(f"{place}: is no valid TOML: {error}") from error


def _read_head(table: Table, path: pathlib.Path, place: str) -> Reproduction:
    with _naming(f"{place}: reproduction"):
        _check_keys(
            table,
            needs=("title", "sources", "minutes"),
            takes=("minimum_seeds", "seed_seconds"),
        )
        if not table["sources"]:
            raise _BadKeyError("sources", "is empty; a reproduction needs at least one")
        minutes = _profiles(table, "minutes", PROFILES[1:], _positive)
        return Reproduction(
            name=path.parent.name,
            path=path,
            title=_text(table, "title"),
            sources=_choices(table, "sources", sources.SOURCES),
            minutes={profile: float(value) for profile, value in minutes.items()},
            minimum_seeds=_count({"minimum_seeds": 10, **table}, "minimum_seeds", least=8),
            seed_seconds=_count({"seed_seconds": 120, **table}, "seed_seconds"),
        )


def _read_experiments(tables: Table, path: pathlib.Path, place: str) -> dict[str, Experiment]:
    experiments: dict[str, Experiment] = {}
    for name in tables:
        with _naming(f"{place}: experiment {name!r}"):
            experiment = _read_experiment(tables, name, path.with_name(f"{name}.py"), place)
            for other in experiments.values():
                if twice := other.variants.keys() & experiment.variants.keys():
                    what = f"is a variant of {other.name}.py too; rename one"
                    raise _BadKeyError(f"variants.{min(twice)}", what)
            experiments[name] = experiment
    return experiments


def _read_experiment(tables: Table, name: str, file: pathlib.Path, place: str) -> Experiment:
    table = _table(tables, name)
    _check_keys(table, needs=("seeds", "variants"), takes=("data",))
    if not file.is_file():
        raise _BadKeyError(name, f"there is no {file.name} beside it")
    seeds = _profiles(table, "seeds", PROFILES, _count)
    data = _choices(table, "data", DATA)
    declared = _table(table, "variants")
    entries = variants.read(file)
    keys = [*entries, *dict.fromkeys(each.pattern for each in entries.values() if each.pattern)]
    with _under("variants"):
        for key in declared:
            if key not in keys:
                raise _BadKeyError(key, f"is no variant of {file.name}{_advice(key, keys)}")
        for entry in entries.values():
            if entry.name not in declared and entry.pattern not in declared:
                what = f"is missing; {file.name} has it, say in one line what it is"
                raise _BadKeyError(entry.pattern or entry.name, what)
    read = [
        _read_variant(declared, entry, Variant(entry.name, "", seeds, data, name), place)
        for entry in entries.values()
    ]
    return Experiment(name, file, {variant.name: variant for variant in read})


def _read_variant(declared: Table, entry: variants.Entry, plain: Variant, place: str) -> Variant:
    """A variant from its line or table; what that leaves out is as in `plain`."""
    key = entry.name if entry.name in declared else entry.pattern
    with _naming(f"{place}: variant {key!r}"):
        table = {"about": declared[key]} if isinstance(declared[key], str) else declared[key]
        if not isinstance(table, dict):
            raise _BadKeyError("about", f"{_shown(table)} is no text; write it in quotes")
        _check_keys(table, needs=("about",), takes=("seeds", "data"))
        about = _text(table, "about")
        if key == entry.pattern:
            try:
                about = about.format(**entry.values)
            except (LookupError, ValueError, AttributeError, TypeError) as error:
                fields = ", ".join(f"{{{field}}}" for field in entry.values)
                raise _BadKeyError("about", f"{error}; it may name {fields}") from None
        return dataclasses.replace(
            plain,
            about=about,
            seeds=_profiles(table, "seeds", PROFILES, _count) if "seeds" in table else plain.seeds,
            data=_choices(table, "data", DATA) if "data" in table else plain.data,
        )


def _read_measured(document: Table, place: str) -> tuple[dict[str, Metric], dict[str, Metric]]:
    """The tables `metrics` and `arrays`; a name stands in one of them only."""
    with _naming(place):
        metrics, arrays = _read_metrics(document, "metrics"), _read_metrics(document, "arrays")
        if not metrics:
            raise _BadKeyError("metrics", "is empty; say what is measured")
        if twice := metrics.keys() & arrays.keys():
            raise _BadKeyError(f"arrays.{min(twice)}", "is a metric, too; rename one")
    return metrics, arrays


def _read_metrics(document: Table, key: str) -> dict[str, Metric]:
    with _under(key):
        table = _table(document, key)
        for name in table:
            if not re.fullmatch(r"\w+", name):
                raise _BadKeyError(name, "is no name; take letters, digits and _")
        return {name: _read_metric(table, name) for name in table}


def _read_metric(table: Table, name: str) -> Metric:
    if isinstance(table[name], str):
        return Metric(_text(table, name))
    with _under(name):
        parts = _table(table, name)
        _check_keys(parts, needs=("means",), takes=("unit",))
        unit = parts.get("unit", "")
        return Metric(_text(parts, "means"), _text(parts, "unit") if unit != "" else "")


def _read_curve(curves: Table, name: str, place: str) -> Curve:
    with _naming(f"{place}: curve {name!r}"):
        table = _table(curves, name)
        _check_keys(table, needs=("x", "y"), takes=("index",))
        x, y = (tuple(_decimal(key, value) for value in _list(table, key)) for key in ("x", "y"))
        index = tuple(_list(table, "index")) if "index" in table else None
        for key, points in (("x", x), ("y", y), ("index", index)):
            if points is not None and len(points) != len(y):
                raise _BadKeyError(key, f"has {len(points)} points where y has {len(y)}")
        if not x:
            raise _BadKeyError("x", "is empty; give the points of the curve")
        if index is not None and not all(type(i) is int and i >= 0 for i in index):
            raise _BadKeyError("index", "holds positions in the measured list: 0, 1, 2, ...")
        return Curve(name, x, y, index)


def _read_defaults(document: Table) -> Table:
    """Values for keys that a claim leaves out and its kind takes; read with each claim."""
    defaults = _table(document, "defaults")
    never = ("id", "says", "kind", "correction")
    _check_keys(defaults, takes=tuple(key for key in _READERS if key not in never))
    for key, value in defaults.items():
        if isinstance(value, dict):
            raise _BadKeyError(key, "is a table, which each claim gives for itself")
    return defaults


def _read_passages(
    tables: list[Table], defaults: Table, head: Reproduction, place: str
) -> tuple[Passage, ...]:
    passages: dict[str, Passage] = {}
    ids: set[str] = set()
    for number, table in enumerate(tables, start=1):
        with _naming(f"{place}: passage {_called(table, number)}"):
            plain = _read_passage(table, head)
            if plain.id in passages:
                raise _BadKeyError("id", "is used twice; give each passage its own")
        read = []
        for position, part in enumerate(table["claim"], start=1):
            called = _called(part, f"{position} of passage {_called(table, number)}")
            with _naming(f"{place}: claim {called}"):
                claim = _read_claim(part, defaults, plain, head)
                if claim.id in ids:
                    raise _BadKeyError("id", "is used twice; give each claim its own")
                ids.add(claim.id)
                read.append(claim)
        passages[plain.id] = dataclasses.replace(plain, claims=tuple(read))
    return tuple(passages.values())


def _called(table: Table, number: int | str) -> str:
    """How messages call a passage or a claim: by its id, if it has one, else by its number."""
    return repr(table["id"]) if isinstance(table.get("id"), str) else str(number)


def _read_passage(table: Table, head: Reproduction) -> Passage:
    """A passage but for its claims."""
    places = ("places",) if "places" in table else ("source", "where", "quote")
    _check_keys(table, needs=(*places, "claim"), takes=("id", "reading"))
    claims = _tables(table, "claim")
    if not claims:
        raise _BadKeyError("claim", "is empty; the first claim is the sentence's own")
    first = claims[0].get("id")
    if "id" not in table and not (isinstance(first, str) and first.strip()):
        raise _BadKeyError("claim.id", "is missing in its first claim, or is no text")
    return Passage(
        id=_text(table, "id") if "id" in table else str(first),
        places=_read_places(table, head),
        reading=_text(table, "reading") if "reading" in table else "",
        claims=(),
    )


def _read_claim(table: Table, defaults: Table, passage: Passage, head: Reproduction) -> Claim:
    if "kind" not in table:
        raise _BadKeyError("kind", f"is missing; choices: {', '.join(KINDS)}")
    kind = KINDS[_choice(table, "kind", KINDS)]
    needs, takes = ("id", "kind", "says", *kind.needs), ("weight", "correction", *kind.takes)
    given = {key: value for key, value in defaults.items() if key in needs + takes}
    table = {**given, **table}
    _check_keys(table, needs, takes, of=f" of a claim of kind {kind.kind!r}")
    values = {key: read(table, key, head) for key, read in _READERS.items() if key in table}
    return kind(places=passage.places, passage=passage.id, **values)


def _read_finding(
    table: Table, head: Reproduction, ids: collections.abc.Iterable[str], place: str
) -> Finding:
    with _naming(place):
        finding = _read_texts(table, ids)
        for text in ("plots", "unseen", "why", "works"):
            _check_quantities(table, text, head)
        return finding


def _read_texts(table: Table, ids: collections.abc.Iterable[str]) -> Finding:
    texts = ("plots", "unseen", "why", "works")
    _check_keys(table, needs=("title", "claims", "figure", *texts))
    finding = Finding(
        title=_text(table, "title"),
        claims=_choices(table, "claims", ids),
        figure=_text(table, "figure"),
        **{key: _text(table, key) for key in texts},
    )
    if not finding.claims:
        raise _BadKeyError("claims", "is empty; name the conclusion's own claim first")
    return finding


def _check_quantities(table: Table, key: str, head: Reproduction) -> None:
    """Refuse a text whose numbers are none of what is measured."""
    try:
        found = parts(table[key])
    except ValueError as fault:
        raise _BadKeyError(key, str(fault)) from None
    for part in found:
        if isinstance(part, Quantity):
            _choice({key: part.variant}, key, head.variants)
            _choice({key: part.metric}, key, head.metrics)


def _read_places(table: Table, head: Reproduction) -> tuple[Place, ...]:
    if "places" not in table:
        return (_read_place(table, head),)
    with _under("places"):
        parts = _tables(table, "places")
        if not parts:
            raise _BadKeyError("source", "is missing")
        for part in parts:
            _check_keys(part, needs=("source", "where", "quote"))
        return tuple(_read_place(part, head) for part in parts)


def _read_place(table: Table, head: Reproduction) -> Place:
    source = _choice(table, "source", head.sources)
    return Place(source, _text(table, "where"), _text(table, "quote"))


def _read_than(table: Table, key: str, head: Reproduction) -> Than | PrintedValue:
    if table["kind"] == "printed":
        return _read_printed_than(table, key, head)
    with _under(key):
        than = _table(table, key)
        _check_keys(than, takes=("variant", "metric", "at"))
        whole = {**table, **than}
        return Than(
            _choice(whole, "variant", head.variants),
            _choice(whole, "metric", head.metrics),
            _integer(whole, "at") if "at" in whole else None,
        )


def _read_printed_than(table: Table, key: str, head: Reproduction) -> PrintedValue:
    with _under(key):
        than = _table(table, key)
        _check_keys(than, takes=("curve", "value", "at", "level"))
        whole = {**table, **than}
        value = _choice(whole, "value", PrintedValue.VALUES)
        for part, needed in (("at", "at"), ("level", "first_reaching")):
            if value != needed and part not in than:
                whole.pop(part, None)  # the claim's own, which means nothing here
        return PrintedValue(
            head.curves[_choice(whole, "curve", head.curves)],
            value,
            _integer(whole, "at") if "at" in whole else None,
            _decimal("level", whole["level"]) if "level" in whole else None,
        )


def _read_cited(
    table: Table, key: str, head: Reproduction
) -> decimal.Decimal | tuple[decimal.Decimal, ...]:
    cited = table[key]
    whole = isinstance(cited, list) and cited and table["kind"] == "exact"
    for text in cited if whole else [cited]:
        if isinstance(text, str) and not {"digits", "margin"} & table.keys():
            _refuse_thousands(key, text, KINDS[table["kind"]])
    return tuple(_cited(key, part) for part in cited) if whole else _cited(key, cited)


def _refuse_thousands(key: str, text: str, kind: type[Claim]) -> None:
    """Refuse "1.500", which in Spanish print is mostly 1500."""
    if match := re.fullmatch(r"-?([1-9]\d{0,2})\.(\d\d0)", text.strip()):
        whole, decimals = match.groups()
        small = float(text)
        mend = f"write {whole + decimals!r} for thousands, or {f'{small:g}'!r}"
        digits = f" with digits = {len(whole) + 3}" if "digits" in kind.takes else ""
        raise _BadKeyError(key, f"{text!r} may be a thousand; {mend}{digits} for {small:g}")


# How each key of a claim is read, whatever the kind.
_READERS: dict[str, collections.abc.Callable[[Table, str, Reproduction], typing.Any]] = {
    "id": lambda table, key, head: _text(table, key),
    "says": lambda table, key, head: _text(table, key),
    "weight": lambda table, key, head: _choice(table, key, WEIGHTS),
    "correction": lambda table, key, head: _text(table, key),
    "reason": lambda table, key, head: _text(table, key),
    "variant": lambda table, key, head: _choice(table, key, head.variants),
    "metric": lambda table, key, head: _choice(table, key, head.metrics),
    "cited": _read_cited,
    "curve": lambda table, key, head: head.curves[_choice(table, key, head.curves)],
    "value": lambda table, key, head: _choice(table, key, PrintedValue.VALUES),
    "at": lambda table, key, head: _integer(table, key),
    "level": lambda table, key, head: _decimal(key, table[key]),
    "digits": lambda table, key, head: _count(table, key),
    "margin": lambda table, key, head: _positive(table, key),
    "share": lambda table, key, head: _boolean(table, key),
    "scale": lambda table, key, head: _choice(table, key, KINDS[table["kind"]].scales),
    "rivals": lambda table, key, head: _choices(table, key, head.variants),
    "holds_for": lambda table, key, head: _choice(table, key, HOLDS_FOR),
    "op": lambda table, key, head: _choice(table, key, KINDS[table["kind"]].ops),
    "than": _read_than,
    "least": lambda table, key, head: _positive(table, key),
    "least_factor": lambda table, key, head: _positive(table, key),
    "tolerance": lambda table, key, head: _positive(table, key),
    "rate": lambda table, key, head: _decimal(key, table[key]),
    "holds": lambda table, key, head: _boolean(table, key),
    "finds": lambda table, key, head: _text(table, key),
}


@contextlib.contextmanager
def _naming(place: str) -> collections.abc.Iterator[None]:
    """Turn a fault inside into the one line the user reads."""
    try:
        yield
    except _BadKeyError as fault:
        raise errors.UserError(f"{place}: key '{fault.key}': {fault.what}") from None


@contextlib.contextmanager
def _under(key: str) -> collections.abc.Iterator[None]:
    """Name a fault in a nested table by both keys."""
    try:
        yield
    except _BadKeyError as fault:
        raise _BadKeyError(f"{key}.{fault.key}", fault.what) from None


def _check_keys(
    table: Table, needs: tuple[str, ...] = (), takes: tuple[str, ...] = (), of: str = ""
) -> None:
    for key in table:
        if key not in needs + takes:
            raise _BadKeyError(key, f"is no key{of}{_advice(key, needs + takes)}")
    for key in needs:
        if key not in table:
            raise _BadKeyError(key, "is missing")


def _advice(value: str, choices: collections.abc.Iterable[str]) -> str:
    choices = list(choices)
    nearest = difflib.get_close_matches(value, choices, n=1)
    meant = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"{meant}; choices: {', '.join(choices) or 'none declared'}"


def _choice(table: Table, key: str, choices: collections.abc.Iterable[str]) -> str:
    value = _text(table, key)
    if value not in choices:
        raise _BadKeyError(key, f"unknown {key} {value!r}{_advice(value, choices)}")
    return value


def _text(table: Table, key: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise _BadKeyError(key, f"{_shown(value)} is no text; write it in quotes")
    return value


def _list(table: Table, key: str) -> list:
    value = table[key]
    if not isinstance(value, list):
        raise _BadKeyError(key, f"{_shown(value)} is no list; write it in brackets")
    return value


def _texts(table: Table, key: str) -> tuple[str, ...]:
    if key not in table:
        return ()
    return tuple(_text({key: value}, key) for value in _list(table, key))


def _choices(table: Table, key: str, choices: collections.abc.Iterable[str]) -> tuple[str, ...]:
    return tuple(_choice({key: value}, key, choices) for value in _texts(table, key))


def _table(table: Table, key: str) -> Table:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise _BadKeyError(key, f"{_shown(value)} is no table")
    return value


def _tables(table: Table, key: str) -> list[Table]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise _BadKeyError(key, f"{_shown(value)} is no list of tables; write [[{key}]]")
    return value


def _profiles(
    table: Table,
    key: str,
    profiles: tuple[str, ...],
    read: collections.abc.Callable[[Table, str], typing.Any],
) -> dict[str, typing.Any]:
    values = _table(table, key)
    with _under(key):
        _check_keys(values, needs=profiles)
        return {profile: read(values, profile) for profile in profiles}


def _boolean(table: Table, key: str) -> bool:
    if not isinstance(table[key], bool):
        raise _BadKeyError(key, f"{_shown(table[key])} is neither true nor false")
    return table[key]


def _integer(table: Table, key: str) -> int:
    if type(table[key]) is not int:  # a bool is an int too
        raise _BadKeyError(key, f"{_shown(table[key])} is no whole number")
    return table[key]


def _count(table: Table, key: str, least: int = 1) -> int:
    if _integer(table, key) < least:
        raise _BadKeyError(key, f"{table[key]} is too few; give {least} or more")
    return table[key]


def _positive(table: Table, key: str) -> decimal.Decimal:
    value = _decimal(key, table[key])
    if value <= 0:
        raise _BadKeyError(key, f"{value} is not above zero")
    return value


def _cited(key: str, value: typing.Any) -> decimal.Decimal:
    if not isinstance(value, str):
        raise _BadKeyError(key, f"{_shown(value)} is no text; its digits count, write it in quotes")
    return _decimal(key, value)


def _decimal(key: str, value: typing.Any) -> decimal.Decimal:
    with contextlib.suppress(decimal.InvalidOperation):
        if type(value) in (str, int, decimal.Decimal):  # a bool is an int too
            number = decimal.Decimal(value)
            if number.is_finite():
                return number
    mend = _mended(value) if isinstance(value, str) else ""
    raise _BadKeyError(key, f"{_shown(value)} is no finite number{mend}")


def _mended(text: str) -> str:
    """How to write a number copied from print: "0,50", "50 %", "1.234,5", "−3"."""
    plain = re.sub(r"[−–—]", "-", re.sub(r"[\s%]", "", text))  # as in print
    if "," in plain and "." in plain:  # the first of them parts the thousands
        plain = plain.replace("," if plain.index(",") < plain.index(".") else ".", "")
    plain = plain.replace(",", ".")
    if not re.fullmatch(r"[-+]?\d+(\.\d+)?", plain):
        return ""
    share = f" (or {float(plain) / 100:g}, if its metric is a share)" if "%" in text else ""
    return f"; write {plain!r}{share}"


def _shown(value: typing.Any) -> str:
    return str(value) if isinstance(value, decimal.Decimal) else repr(value)

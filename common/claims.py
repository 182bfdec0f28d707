"""What the documents say, as data: `reproductions/NAME.toml` read into small frozen classes.

`load` checks everything that needs no training and names file, claim and key where something is
wrong. Only the standard library is imported, so that `--list` answers at once.

Decisions the design leaves open:

- `weight` defaults to "supporting".
- A claim's source must be among the head's `sources`, so that `--list` shows every document.
- `share` goes with the linear scale only, and the rank scale not with a curve.
- A curve without `index` must be as long as the measured list; with it, the list may be longer.
- `digits` says how many significant digits are meant: "1500" with 2 means 1450 to 1550. It has no
  meaning for a cited zero, whose printed decimals count. On a curve it goes for every point.
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

from common import errors, sources

PROFILES = ("smoke", "standard", "full")
WEIGHTS = ("headline", "supporting", "erratum")
SCALES = ("linear", "log", "rank")
DATA = ("breast_cancer", "iris", "life_expectancy", "mnist", "wine_quality")  # of `common.data`

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
    """One protocol of a reproduction: seeds per profile and data sets are resolved already."""

    name: str
    about: str
    seeds: dict[str, int]
    data: tuple[str, ...]


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

    id: str
    places: tuple[Place, ...]
    says: str
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
    takes = ("cited", "curve", "at", "digits", "margin", "share", "scale")

    cited: decimal.Decimal | None = None
    curve: Curve | None = None
    at: int | None = None
    digits: int | None = None
    margin: decimal.Decimal | None = None
    share: bool = False
    scale: str = "linear"

    def __post_init__(self) -> None:
        """Refuse keys that contradict each other."""
        if (self.cited is None) == (self.curve is None):
            raise _BadKeyError("cited", "give either cited or curve, and not both")
        if self.curve is not None and self.at is not None:
            raise _BadKeyError("at", "goes with cited; a curve has its own index")
        if self.curve is not None and self.scale == "rank":
            raise _BadKeyError("scale", "a curve is judged on the linear or the log scale")
        if self.share and self.scale != "linear":
            raise _BadKeyError(
                "share", "a share is judged on the linear scale; drop share or scale"
            )
        if self.share and not all(0 <= figure <= 1 for figure in self.figures):
            raise _BadKeyError("share", "a share lies in [0, 1], and the cited value does not")
        if self.scale == "log" and not all(figure > 0 for figure in self.figures):
            raise _BadKeyError("scale", "the log scale needs cited values above zero")

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
    """A figure the document says is passed ("over 92 %")."""

    kind = "bound"
    needs = ("variant", "metric", "op", "cited")
    takes = ("at",)
    ops = (">", ">=", "<", "<=")

    op: str
    cited: decimal.Decimal
    at: int | None = None

    @property
    def stated(self) -> str:
        """See `Claim.stated`."""
        return f"{self.op} {self.cited}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ordering(Claim):
    """Two variants, metrics or moments of which one is said to be larger, seed by seed."""

    kind = "ordering"
    needs = ("variant", "metric", "op", "than")
    takes = ("at",)
    ops = ("<", ">")

    op: str
    than: Than
    at: int | None = None

    def __post_init__(self) -> None:
        """Refuse a comparison of a thing with itself."""
        if self.than == Than(self.variant, self.metric, self.at):
            raise _BadKeyError("than", "is the claim's own variant, metric and at; name another")

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
        return f"{self.op} {self.other_side}"


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statement(Claim):
    """A statement with nothing to measure, and the reason."""

    kind = "statement"
    needs = ("reason",)


KINDS: dict[str, type[Claim]] = {
    kind.kind: kind for kind in (Exact, Identity, Number, Bound, Ordering, Always, Statement)
}


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
    """A head and its claims: one TOML file. `minutes` is per profile, `seed_seconds` a limit."""

    name: str
    path: pathlib.Path
    title: str
    sources: tuple[str, ...]
    data: tuple[str, ...]
    minutes: dict[str, float]
    metrics: tuple[str, ...]
    arrays: tuple[str, ...]
    minimum_seeds: int
    seed_seconds: int
    variants: dict[str, Variant] = dataclasses.field(default_factory=dict)
    curves: dict[str, Curve] = dataclasses.field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    findings: tuple[Finding, ...] = ()


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
    """Read every TOML file of a folder; `UserError` at the first fault."""
    return {path.stem: load(path) for path in sorted(folder.glob("*.toml"))}


def load(path: pathlib.Path) -> Reproduction:
    """Read and check one TOML file; any fault is a `UserError` naming file, claim and key."""
    place = f"{path.parent.name}/{path.name}"
    try:
        document = tomllib.loads(path.read_text("utf-8"), parse_float=decimal.Decimal)
    except OSError as error:
        raise errors.UserError(f"{place}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # broken TOML, or bytes that are no UTF-8
        raise errors.UserError(f"{place}: is no valid TOML: {error}") from error
    with _naming(place):
        _check_keys(document, needs=("reproduction",), takes=("claim", "finding"))
        head, tables = _table(document, "reproduction"), _tables(document, "claim")
        explained = _tables(document, "finding")
    reproduction = _read_head(head, path, place)
    claims: dict[str, Claim] = {}
    for number, table in enumerate(tables, start=1):
        name = repr(table["id"]) if isinstance(table.get("id"), str) else str(number)
        with _naming(f"{place}: claim {name}"):
            claim = _read_claim(table, reproduction)
            if claim.id in claims:
                raise _BadKeyError("id", "is used twice; give each claim its own")
            claims[claim.id] = claim
    findings = []
    for number, table in enumerate(explained, start=1):
        with _naming(f"{place}: finding {number}"):
            findings.append(_read_finding(table, reproduction, claims))
    return dataclasses.replace(
        reproduction, claims=tuple(claims.values()), findings=tuple(findings)
    )


def _read_head(table: Table, path: pathlib.Path, place: str) -> Reproduction:
    with _naming(f"{place}: reproduction"):
        _check_keys(
            table,
            needs=("title", "sources", "minutes", "seeds", "metrics", "variants"),
            takes=("data", "arrays", "minimum_seeds", "seed_seconds", "curves"),
        )
        for key in ("sources", "metrics", "variants"):
            if not table[key]:
                raise _BadKeyError(key, "is empty; a reproduction needs at least one")
        minutes = _profiles(table, "minutes", PROFILES[1:], _positive)
        variants, curves = _table(table, "variants"), _table(table, "curves")
        reproduction = Reproduction(
            name=path.stem,
            path=path,
            title=_text(table, "title"),
            sources=_choices(table, "sources", sources.SOURCES),
            data=_choices(table, "data", DATA),
            minutes={profile: float(value) for profile, value in minutes.items()},
            metrics=_texts(table, "metrics"),
            arrays=_texts(table, "arrays"),
            minimum_seeds=_count(table, "minimum_seeds", least=8)
            if "minimum_seeds" in table
            else 10,
            seed_seconds=_count(table, "seed_seconds") if "seed_seconds" in table else 120,
        )
        seeds = _profiles(table, "seeds", PROFILES, _count)
    return dataclasses.replace(
        reproduction,
        variants={
            name: _read_variant(variants, name, seeds, reproduction.data, place)
            for name in variants
        },
        curves={name: _read_curve(curves, name, place) for name in curves},
    )


def _read_variant(
    variants: Table, name: str, seeds: dict[str, int], data: tuple[str, ...], place: str
) -> Variant:
    with _naming(f"{place}: variant {name!r}"):
        table = _table(variants, name)
        _check_keys(table, needs=("about",), takes=("seeds", "data"))
        return Variant(
            name,
            about=_text(table, "about"),
            seeds=_profiles(table, "seeds", PROFILES, _count) if "seeds" in table else seeds,
            data=_choices(table, "data", DATA) if "data" in table else data,
        )


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


def _read_claim(table: Table, head: Reproduction) -> Claim:
    if "kind" not in table:
        raise _BadKeyError("kind", f"is missing; choices: {', '.join(KINDS)}")
    kind = KINDS[_choice(table, "kind", KINDS)]
    places = ("sources",) if "sources" in table else ("source", "where", "quote")
    _check_keys(
        table,
        needs=("id", "kind", "says", *places, *kind.needs),
        takes=("weight", "correction", *kind.takes),
        of=f" of a claim of kind {kind.kind!r}",
    )
    values = {key: read(table, key, head) for key, read in _READERS.items() if key in table}
    return kind(places=_read_places(table, head), **values)


def _read_finding(table: Table, head: Reproduction, ids: collections.abc.Iterable[str]) -> Finding:
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
    for key in texts:
        try:
            found = parts(table[key])
        except ValueError as fault:
            raise _BadKeyError(key, str(fault)) from None
        for part in found:
            if isinstance(part, Quantity):
                _choice({key: part.variant}, key, head.variants)
                _choice({key: part.metric}, key, head.metrics)
    return finding


def _read_places(table: Table, head: Reproduction) -> tuple[Place, ...]:
    if "sources" not in table:
        return (_read_place(table, head),)
    with _under("sources"):
        parts = _tables(table, "sources")
        if not parts:
            raise _BadKeyError("source", "is missing")
        for part in parts:
            _check_keys(part, needs=("source", "where", "quote"))
        return tuple(_read_place(part, head) for part in parts)


def _read_place(table: Table, head: Reproduction) -> Place:
    source = _choice(table, "source", head.sources)
    return Place(source, _text(table, "where"), _text(table, "quote"))


def _read_than(table: Table, key: str, head: Reproduction) -> Than:
    with _under(key):
        than = _table(table, key)
        _check_keys(than, takes=("variant", "metric", "at"))
        whole = {**table, **than}
        return Than(
            _choice(whole, "variant", head.variants),
            _choice(whole, "metric", head.metrics),
            _integer(whole, "at") if "at" in whole else None,
        )


def _read_cited(
    table: Table, key: str, head: Reproduction
) -> decimal.Decimal | tuple[decimal.Decimal, ...]:
    cited = table[key]
    if isinstance(cited, list) and cited and table["kind"] == "exact":
        return tuple(_cited(key, part) for part in cited)
    return _cited(key, cited)


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
    "at": lambda table, key, head: _integer(table, key),
    "digits": lambda table, key, head: _count(table, key),
    "margin": lambda table, key, head: _positive(table, key),
    "share": lambda table, key, head: _boolean(table, key),
    "scale": lambda table, key, head: _choice(table, key, SCALES),
    "op": lambda table, key, head: _choice(table, key, KINDS[table["kind"]].ops),
    "than": _read_than,
    "tolerance": lambda table, key, head: _positive(table, key),
    "rate": lambda table, key, head: _decimal(key, table[key]),
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
    raise _BadKeyError(key, f"{_shown(value)} is no finite number")


def _shown(value: typing.Any) -> str:
    return str(value) if isinstance(value, decimal.Decimal) else repr(value)

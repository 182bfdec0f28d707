"""Passages, their claims, and findings, read from their tables and checked against the head."""

import collections.abc
import dataclasses
import decimal
import re
import typing

from common.claims import keys, kinds, reproduction


def read_passages(
    tables: list[keys.Table], defaults: keys.Table, head: reproduction.Reproduction, place: str
) -> tuple[reproduction.Passage, ...]:
    """The passages of a file with their claims; ids are unique in it.

    Args:
        tables: The [[passage]] tables.
        defaults: From `read_defaults`.
        head: All but its passages and findings.
        place: What messages call the file.
    """
    passages: dict[str, reproduction.Passage] = {}
    ids: set[str] = set()
    for number, table in enumerate(tables, start=1):
        with keys.naming(f"{place}: passage {_called(table, number)}"):
            plain = _read_passage(table, head)
            if plain.id in passages:
                raise keys.BadKeyError("id", "is used twice; give each passage its own")
        read = []
        for position, part in enumerate(table["claim"], start=1):
            called = _called(part, f"{position} of passage {_called(table, number)}")
            with keys.naming(f"{place}: claim {called}"):
                claim = _read_claim(part, defaults, plain, head)
                if claim.id in ids:
                    raise keys.BadKeyError("id", "is used twice; give each claim its own")
                ids.add(claim.id)
                read.append(claim)
        passages[plain.id] = dataclasses.replace(plain, claims=tuple(read))
    return tuple(passages.values())


def _called(table: keys.Table, number: int | str) -> str:
    """How messages call a passage or a claim: by its id, if it has one, else by its number."""
    return repr(table["id"]) if isinstance(table.get("id"), str) else str(number)


def _read_passage(table: keys.Table, head: reproduction.Reproduction) -> reproduction.Passage:
    """A passage but for its claims."""
    places = ("places",) if "places" in table else ("source", "where", "quote")
    keys.check(table, needs=(*places, "claim"), takes=("id", "reading"))
    claims = keys.tables(table, "claim")
    if not claims:
        raise keys.BadKeyError("claim", "is empty; the first claim is the sentence's own")
    first = claims[0].get("id")
    if "id" not in table and not (isinstance(first, str) and first.strip()):
        raise keys.BadKeyError("claim.id", "is missing in its first claim, or is no text")
    return reproduction.Passage(
        id=keys.text(table, "id") if "id" in table else str(first),
        places=_read_places(table, head),
        reading=keys.text(table, "reading") if "reading" in table else "",
        claims=(),
    )


def _read_places(table: keys.Table, head: reproduction.Reproduction) -> tuple[kinds.Place, ...]:
    if "places" not in table:
        return (_read_place(table, head),)
    parts = keys.tables(table, "places")
    if not parts:
        raise keys.BadKeyError("places", "is empty; name source, where and quote")
    with keys.under("places"):
        for part in parts:
            keys.check(part, needs=("source", "where", "quote"))
        return tuple(_read_place(part, head) for part in parts)


def _read_place(table: keys.Table, head: reproduction.Reproduction) -> kinds.Place:
    source = keys.choice(table, "source", head.sources)
    return kinds.Place(source, keys.text(table, "where"), keys.text(table, "quote"))


def read_defaults(document: keys.Table) -> keys.Table:
    """Values for keys that a claim leaves out and its kind takes; read with each claim."""
    defaults = keys.table(document, "defaults")
    never = ("id", "says", "kind", "correction")
    keys.check(defaults, takes=tuple(key for key in _READERS if key not in never))
    for key, value in defaults.items():
        if isinstance(value, dict):
            raise keys.BadKeyError(key, "is a table, which each claim gives for itself")
    return defaults


def _read_claim(
    table: keys.Table,
    defaults: keys.Table,
    passage: reproduction.Passage,
    head: reproduction.Reproduction,
) -> kinds.Claim:
    if "kind" not in table:
        raise keys.BadKeyError("kind", f"is missing; choices: {', '.join(kinds.KINDS)}")
    kind = kinds.KINDS[keys.choice(table, "kind", kinds.KINDS)]
    needs, takes = ("id", "kind", "says", *kind.needs), ("weight", "correction", *kind.takes)
    given = {key: value for key, value in defaults.items() if key in needs + takes}
    table = {**given, **table}
    keys.check(table, needs, takes, of=f" of a claim of kind {kind.kind!r}")
    values = {key: read(table, key, head) for key, read in _READERS.items() if key in table}
    return kind(places=passage.places, passage=passage.id, **values)


def _refuse_thousands(key: str, text: str, kind: type[kinds.Claim]) -> None:
    """Refuse "1.500", which in Spanish print is mostly 1500."""
    if re.fullmatch(r"-?[1-9]\d{0,2}\.\d\d0", text.strip()):
        small, large = f"{float(text):g}", text.strip().replace(".", "")
        digits = f" with digits = {len(large.lstrip('-'))}" if "digits" in kind.takes else ""
        mend = f"write {large!r} for thousands, or {small!r}{digits} for {small}"
        raise keys.BadKeyError(key, f"{text!r} may be a thousand; {mend}")


def _read_cited(
    table: keys.Table, key: str, head: reproduction.Reproduction
) -> decimal.Decimal | tuple[decimal.Decimal, ...]:
    cited = table[key]
    whole = isinstance(cited, list) and cited and table["kind"] == "exact"
    for text in cited if whole else [cited]:
        if isinstance(text, str) and not {"digits", "margin"} & table.keys():
            _refuse_thousands(key, text, kinds.KINDS[table["kind"]])
    return tuple(keys.digits(key, part) for part in cited) if whole else keys.digits(key, cited)


def _read_than(
    table: keys.Table, key: str, head: reproduction.Reproduction
) -> kinds.Than | kinds.PrintedValue:
    if table["kind"] == "printed":
        return _read_printed_than(table, key, head)
    than = keys.table(table, key)
    with keys.under(key):
        keys.check(than, takes=("variant", "metric", "at"))
        whole = {**table, **than}
        return kinds.Than(
            keys.choice(whole, "variant", head.variants),
            keys.choice(whole, "metric", head.metrics),
            keys.integer(whole, "at") if "at" in whole else None,
        )


def _read_printed_than(
    table: keys.Table, key: str, head: reproduction.Reproduction
) -> kinds.PrintedValue:
    than = keys.table(table, key)
    with keys.under(key):
        keys.check(than, takes=("curve", "value", "at", "level"))
        whole = {**table, **than}
        value = keys.choice(whole, "value", kinds.PrintedValue.VALUES)
        for part, needed in (("at", "at"), ("level", "first_reaching")):
            if value != needed and part not in than:
                whole.pop(part, None)  # the claim's own, which means nothing here
        return kinds.PrintedValue(
            head.curves[keys.choice(whole, "curve", head.curves)],
            value,
            keys.integer(whole, "at") if "at" in whole else None,
            keys.number("level", whole["level"]) if "level" in whole else None,
        )


Reader = collections.abc.Callable[[keys.Table, str, reproduction.Reproduction], typing.Any]

# How each key of a claim is read, whatever the kind.
_READERS: dict[str, Reader] = {
    "id": lambda table, key, head: keys.text(table, key),
    "says": lambda table, key, head: keys.text(table, key),
    "weight": lambda table, key, head: keys.choice(table, key, kinds.WEIGHTS),
    "correction": lambda table, key, head: keys.text(table, key),
    "reason": lambda table, key, head: keys.text(table, key),
    "variant": lambda table, key, head: keys.choice(table, key, head.variants),
    "metric": lambda table, key, head: keys.choice(table, key, head.metrics),
    "cited": _read_cited,
    "curve": lambda table, key, head: head.curves[keys.choice(table, key, head.curves)],
    "value": lambda table, key, head: keys.choice(table, key, kinds.PrintedValue.VALUES),
    "at": lambda table, key, head: keys.integer(table, key),
    "level": lambda table, key, head: keys.number(key, table[key]),
    "digits": lambda table, key, head: keys.count(table, key),
    "margin": lambda table, key, head: keys.positive(table, key),
    "share": lambda table, key, head: keys.boolean(table, key),
    "scale": lambda table, key, head: keys.choice(table, key, kinds.KINDS[table["kind"]].scales),
    "rivals": lambda table, key, head: keys.some(table, key, head.variants),
    "holds_for": lambda table, key, head: keys.choice(table, key, kinds.HOLDS_FOR),
    "op": lambda table, key, head: keys.choice(table, key, kinds.KINDS[table["kind"]].ops),
    "than": _read_than,
    "least": lambda table, key, head: keys.positive(table, key),
    "least_factor": lambda table, key, head: keys.positive(table, key),
    "tolerance": lambda table, key, head: keys.positive(table, key),
    "rate": lambda table, key, head: keys.number(key, table[key]),
    "holds": lambda table, key, head: keys.boolean(table, key),
    "finds": lambda table, key, head: keys.text(table, key),
}


def read_finding(
    table: keys.Table,
    head: reproduction.Reproduction,
    ids: collections.abc.Iterable[str],
    place: str,
) -> reproduction.Finding:
    """A finding on some of the claims `ids`; its numbers are measured quantities of the head's."""
    with keys.naming(place):
        finding = _read_texts(table, ids)
        for text in ("plots", "unseen", "why", "works"):
            _check_quantities(table, text, head)
        return finding


def _read_texts(table: keys.Table, ids: collections.abc.Iterable[str]) -> reproduction.Finding:
    texts = ("plots", "unseen", "why", "works")
    keys.check(table, needs=("title", "claims", "figure", *texts), takes=("shown",))
    finding = reproduction.Finding(
        title=keys.text(table, "title"),
        claims=keys.some(table, "claims", ids),
        figure=keys.text(table, "figure"),
        shown=keys.choice({"shown": "refuted", **table}, "shown", ("refuted", "always")),
        **{key: keys.text(table, key) for key in texts},
    )
    if not finding.claims:
        raise keys.BadKeyError("claims", "is empty; name the conclusion's own claim first")
    return finding


def _check_quantities(table: keys.Table, key: str, head: reproduction.Reproduction) -> None:
    """Refuse a text whose numbers are none of what is measured."""
    try:
        found = reproduction.parts(table[key])
    except ValueError as fault:
        raise keys.BadKeyError(key, str(fault)) from None
    for part in found:
        if isinstance(part, reproduction.Quantity):
            keys.choice({key: part.variant}, key, head.variants)
            keys.choice({key: part.metric}, key, head.metrics)

"""Values out of TOML tables, each of its type; a fault names the key and, where it can, the mend.

A reader raises `BadKeyError`, which knows the key; `naming` adds file and claim, and makes of it
the one line for the user.
"""

import collections.abc
import contextlib
import decimal
import difflib
import re
import typing

from common import errors

Table = collections.abc.Mapping[str, typing.Any]
Choices = collections.abc.Iterable[str]


class BadKeyError(ValueError):
    """What is wrong with one key of a table."""

    def __init__(self, key: str, what: str) -> None:
        """`what` follows the key: "is missing"."""
        super().__init__(key, what)
        self.key, self.what = key, what


@contextlib.contextmanager
def naming(place: str) -> collections.abc.Iterator[None]:
    """Turn a fault inside into the one line the user reads."""
    try:
        yield
    except BadKeyError as fault:
        raise errors.UserError(f"{place}: key {fault.key!r}: {fault.what}") from None


@contextlib.contextmanager
def under(key: str) -> collections.abc.Iterator[None]:
    """Name a fault in a nested table by both keys."""
    try:
        yield
    except BadKeyError as fault:
        raise BadKeyError(f"{key}.{fault.key}", fault.what) from None


def check(
    given: Table, needs: tuple[str, ...] = (), takes: tuple[str, ...] = (), of: str = ""
) -> None:
    """Refuse keys that a table does not take, and the lack of those that it needs."""
    for key in given:
        if key not in needs + takes:
            raise BadKeyError(key, f"is no key{of}{advice(key, needs + takes)}")
    for key in needs:
        if key not in given:
            raise BadKeyError(key, "is missing")


def advice(value: str, choices: Choices) -> str:
    """The end of a line on an unknown name: the nearest one, and all there are."""
    choices = list(choices)
    nearest = difflib.get_close_matches(value, choices, n=1)
    meant = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"{meant}; choices: {', '.join(choices) or 'none declared'}"


# --- texts ---------------------------------------------------------------------------------------


def text(given: Table, key: str) -> str:
    """A text that says something."""
    value = given[key]
    if not isinstance(value, str) or not value.strip():
        raise BadKeyError(key, f"{shown(value)} is no text; write it in quotes")
    return value


def choice(given: Table, key: str, choices: Choices) -> str:
    """One of the choices."""
    value = text(given, key)
    if value not in choices:
        raise BadKeyError(key, f"unknown {key} {value!r}{advice(value, choices)}")
    return value


def names(given: Table, key: str) -> tuple[str, ...]:
    """A list of names that Python can import; empty if the key is not there."""
    found = tuple(text({key: value}, key) for value in listed(given, key))
    for name in found:
        if not name.isidentifier():
            raise BadKeyError(key, f"{name!r} is no name to import")
    return found


def some(given: Table, key: str, choices: Choices) -> tuple[str, ...]:
    """A list of choices; empty if the key is not there."""
    return tuple(choice({key: value}, key, choices) for value in listed(given, key))


# --- lists and tables ----------------------------------------------------------------------------


def listed(given: Table, key: str) -> list:
    """A list of whatever; empty if the key is not there."""
    value = given.get(key, [])
    if not isinstance(value, list):
        raise BadKeyError(key, f"{shown(value)} is no list; write it in brackets")
    return value


def table(given: Table, key: str) -> Table:
    """A table; empty if the key is not there."""
    value = given.get(key, {})
    if not isinstance(value, dict):
        raise BadKeyError(key, f"{shown(value)} is no table")
    return value


def tables(given: Table, key: str) -> list[Table]:
    """A list of tables; empty if the key is not there."""
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise BadKeyError(key, f"{shown(value)} is no list of tables; write [[{key}]]")
    return value


def profiles(
    given: Table,
    key: str,
    names: tuple[str, ...],
    read: collections.abc.Callable[[Table, str], typing.Any],
) -> dict[str, typing.Any]:
    """A table with one value for each profile."""
    values = table(given, key)
    with under(key):
        check(values, needs=names)
        return {name: read(values, name) for name in names}


# --- numbers -------------------------------------------------------------------------------------


def boolean(given: Table, key: str) -> bool:
    """True or false."""
    if not isinstance(given[key], bool):
        raise BadKeyError(key, f"{shown(given[key])} is neither true nor false")
    return given[key]


def integer(given: Table, key: str) -> int:
    """A whole number."""
    if type(given[key]) is not int:  # a bool is an int too
        raise BadKeyError(key, f"{shown(given[key])} is no whole number")
    return given[key]


def count(given: Table, key: str, least: int = 1) -> int:
    """A whole number from `least` up."""
    if integer(given, key) < least:
        raise BadKeyError(key, f"{given[key]} is too few; give {least} or more")
    return given[key]


def positive(given: Table, key: str) -> decimal.Decimal:
    """A number above zero."""
    value = number(key, given[key])
    if value <= 0:
        raise BadKeyError(key, f"{value} is not above zero")
    return value


def digits(key: str, value: typing.Any) -> decimal.Decimal:
    """A number in quotes: how many digits it has counts."""
    if not isinstance(value, str):
        raise BadKeyError(key, f"{shown(value)} is no text; its digits count, write it in quotes")
    return number(key, value)


def number(key: str, value: typing.Any) -> decimal.Decimal:
    """A finite number, in quotes or not."""
    with contextlib.suppress(decimal.InvalidOperation):
        if type(value) in (str, int, decimal.Decimal):  # a bool is an int too
            figure = decimal.Decimal(value)
            if figure.is_finite():
                return figure
    mend = _mend(value) if isinstance(value, str) else ""
    raise BadKeyError(key, f"{shown(value)} is no finite number{mend}")


def _mend(printed: str) -> str:
    """How to write a number copied from print: "0,50", "50 %", "1.234,5", "−3"."""
    plain = re.sub(r"[−–—]", "-", re.sub(r"[\s%]", "", printed))
    if "," in plain and "." in plain:  # the first of them parts the thousands
        plain = plain.replace(min(",.", key=plain.index), "")
    whole, plain = plain.replace(",", ""), plain.replace(",", ".")
    if not re.fullmatch(r"[-+]?\d+(\.\d+)?", plain):
        return ""
    if re.search(r"\d,\d{3}$", printed):
        return f"; write {plain!r}, or {whole!r} if the comma parts thousands"
    share = f", or {float(plain) / 100:g} if its metric is a share" if "%" in printed else ""
    return f"; write {plain!r}{share}"


def shown(value: typing.Any) -> str:
    """A value as messages show it."""
    return str(value) if isinstance(value, decimal.Decimal) else repr(value)

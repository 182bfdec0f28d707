"""The variants of an experiment file: `sweep` declares many at once; the rest reads them as text.

An experiment file declares `VARIANTS`, a literal dict of name -> Config, and perhaps `SHORTENED`,
what each profile cuts short. `read` and `shortened` find both without running the file, and so
without TensorFlow: `--list` answers at once, and a code hash sees each variant's own entry.
"""

import ast
import collections.abc
import dataclasses
import difflib
import importlib.util
import itertools
import pathlib
import re
import typing

from common import errors

if typing.TYPE_CHECKING:
    import _typeshed

PROFILES = ("smoke", "standard", "full")

Config = typing.TypeVar("Config", bound="_typeshed.DataclassInstance")


def sweep(
    pattern: str, base: Config, /, **lists: collections.abc.Sequence[typing.Any]
) -> dict[str, Config]:
    """One variant for each combination of the values listed for some fields of a Config.

    Args:
        pattern: What the variants are called; the fields stand in braces: "width_{hidden}".
        base: The Config that all of them share.
        **lists: The values of each field. Literals only: they are read without running the file.
    """
    return {
        name: dataclasses.replace(base, **values) for name, values in _combinations(pattern, lists)
    }


def _combinations(
    pattern: str, lists: dict[str, typing.Any]
) -> collections.abc.Iterator[tuple[str, dict[str, typing.Any]]]:
    """Name and values of each variant of a sweep, the last list's values changing fastest."""
    for combination in itertools.product(*lists.values()):
        values = dict(zip(lists, combination, strict=True))
        yield pattern.format(**values), values


@dataclasses.dataclass(frozen=True)
class Entry:
    """One variant as the code declares it.

    Attributes:
        name: Its key in `VARIANTS`.
        expression: What stands there; for a variant of a sweep, the sweep's base.
        values: What the sweep gives to this variant, and to no other: field -> value.
        pattern: The sweep's pattern; empty for a variant that stands alone.
    """

    name: str
    expression: ast.expr
    values: dict[str, typing.Any] = dataclasses.field(default_factory=dict)
    pattern: str = ""


class _FaultError(Exception):
    """What is wrong, and where; `_user_error` adds the file."""

    def __init__(self, node: ast.AST, what: str) -> None:
        super().__init__(what)
        self.line, self.what = getattr(node, "lineno", 1), what


def read(path: pathlib.Path) -> dict[str, Entry]:
    """The variants of an experiment file, in its order, without importing it.

    Raises:
        errors.UserError: the file cannot be read, is no Python, or `VARIANTS` is no dict of
            literal names and of sweeps over literal lists.
    """
    tree = _parse(path)
    try:
        return _entries(tree)
    except _FaultError as fault:
        raise _user_error(path, fault) from None


def shortened(path: pathlib.Path, profile: str, variant: str) -> dict[str, typing.Any]:
    """Which fields a profile cuts short in one variant, and to what: `SHORTENED[profile]`.

    Its fields go for every variant of the file. A key that names a variant holds fields of its own,
    which come before the common ones.

    Raises:
        errors.UserError: as for `read`; or `SHORTENED` is no plain literal, or has a key that is
            neither a profile, nor a field, nor a variant.
    """
    tree = _parse(path)
    try:
        cut = _shortened(tree).get(profile, {})
        names = _entries(tree)
    except _FaultError as fault:
        raise _user_error(path, fault) from None
    common = {key: value for key, value in cut.items() if key not in names}
    return {**common, **cut.get(variant, {})}


# --- the file ------------------------------------------------------------------------------------


def _place(path: pathlib.Path) -> str:
    """How messages call the file: "reproductions/xor_mlp/experiment.py"."""
    return "/".join(path.parts[-3:])


def _user_error(path: pathlib.Path, fault: _FaultError) -> errors.UserError:
    return errors.UserError(f"{_place(path)}: line {fault.line}: {fault.what}")


def _parse(path: pathlib.Path) -> ast.Module:
    try:
        return ast.parse(importlib.util.decode_source(path.read_bytes()))  # as Python decodes it
    except OSError as error:
        raise errors.UserError(f"{_place(path)}: cannot be read: {error.strerror}") from error
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        raise errors.UserError(f"{_place(path)}: {line}is no Python: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:  # odd bytes; nested without end
        raise errors.UserError(f"{_place(path)}: is no Python: {error}") from error


def _assigned(tree: ast.Module, name: str) -> ast.expr | None:
    """The value of a constant of the file; None if there is no such constant."""
    found: list[ast.expr | None] = [
        node.value
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        and [ast.unparse(target) for target in _targets(node)] == [name]
    ]
    stores = [node for node in ast.walk(tree) if _changes(node, name)]
    if len(stores) > 1:  # else what is read here would not be what runs
        raise _FaultError(stores[1], f"{name} is changed here; declare it once, as one literal")
    if stores and not (found and found[0]):
        raise _FaultError(stores[0], f"{name} is no constant of the file; write {name} = {{...}}")
    return found[0] if found else None


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _changes(node: ast.AST, name: str) -> bool:
    """Whether a node assigns or deletes the name or an item of it, or calls what alters a dict."""
    if isinstance(node, ast.Attribute):
        altered: ast.AST | None = (
            node.value if node.attr in {"update", "pop", "setdefault", "clear"} else None
        )
    elif isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
        altered = node.value if isinstance(node, ast.Subscript) else node
    else:
        return False
    return isinstance(altered, ast.Name) and altered.id == name


# --- VARIANTS ------------------------------------------------------------------------------------


def _entries(tree: ast.Module) -> dict[str, Entry]:
    node = _assigned(tree, "VARIANTS")
    if node is None:
        raise _FaultError(tree, 'declares no VARIANTS; write VARIANTS = {"as_written": Config()}')
    if not isinstance(node, ast.Dict):
        raise _FaultError(node, "VARIANTS is no literal dict; write { } with a name for each")
    entries: dict[str, Entry] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        for entry in _sweep(value) if key is None else [_single(key, value)]:
            if not re.fullmatch(r"[A-Za-z0-9_]+", entry.name):  # records are files of that name
                raise _FaultError(
                    value, f"variant {entry.name!r}: a name has only letters, digits and _"
                )
            if entry.name in entries:
                raise _FaultError(value, f"variant {entry.name!r} is declared twice; name one anew")
            entries[entry.name] = entry
    if not entries:
        raise _FaultError(node, "VARIANTS is empty; a reproduction needs at least one")
    return entries


def _single(key: ast.expr, value: ast.expr) -> Entry:
    return Entry(_literal_text(key, "a variant's name"), value)


def _sweep(node: ast.expr) -> collections.abc.Iterator[Entry]:
    """The variants that `**variants.sweep(pattern, base, field=[...])` declares."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "variants.sweep"):
        raise _FaultError(
            node, f"** takes variants.sweep(...), and not {_short(node)}; or name each variant"
        )
    if len(node.args) != 2 or not node.keywords:
        raise _FaultError(node, 'write variants.sweep("width_{hidden}", Config(), hidden=[1, 2])')
    pattern, base = _literal_text(node.args[0], "a sweep's pattern"), node.args[1]
    lists = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise _FaultError(node, "a sweep's lists are written out, and not given by **")
        lists[keyword.arg] = _literal_list(keyword.value, keyword.arg)
    try:
        for name, values in _combinations(pattern, lists):
            yield Entry(name, base, values, pattern)
    except (LookupError, ValueError, AttributeError, TypeError) as error:
        raise _FaultError(
            node, f"the pattern {pattern!r} does not go with {', '.join(lists)}: {error}"
        ) from None


# --- SHORTENED -----------------------------------------------------------------------------------


def _shortened(tree: ast.Module) -> dict[str, dict[str, typing.Any]]:
    """The literal `SHORTENED`, each key of it checked; empty if the file has none."""
    node = _assigned(tree, "SHORTENED")
    if node is None:
        return {}
    names, fields = list(_entries(tree)), _fields(tree)
    profiles = _literal(node, "SHORTENED")
    for profile in _keys(node, "SHORTENED", profiles, PROFILES):
        place = f"SHORTENED[{profile!r}]"
        for key in _keys(node, place, profiles[profile], fields and [*fields, *names]):
            if key in names:
                _keys(node, f"{place}[{key!r}]", profiles[profile][key], fields)
    return profiles


def _keys(
    node: ast.expr, place: str, table: typing.Any, choices: collections.abc.Sequence[str]
) -> list[str]:
    """The keys of a dict inside `node`, each of them one of the choices (any, if none are given).

    Raises:
        _FaultError: it is no dict, or a key is none of the choices.
    """
    if not isinstance(table, dict):
        raise _FaultError(node, f"{place} is no dict, but {table!r}")
    for key in table:
        if choices and key not in choices:
            nearest = difflib.get_close_matches(str(key), choices, n=1)
            meant = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise _FaultError(
                node, f"{place} has the unknown key {key!r}{meant}; choices: {', '.join(choices)}"
            )
    return list(table)


def _fields(tree: ast.Module) -> list[str]:
    """The fields of the file's `Config`; empty if they cannot be told from the text."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Config" and not node.bases:
            return [
                part.target.id
                for part in node.body
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
            ]
    return []


# --- literals ------------------------------------------------------------------------------------


def _short(node: ast.expr) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


def _literal_text(node: ast.expr, what: str) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise _FaultError(node, f"{what} is a text in quotes, and not {_short(node)}")


def _literal(node: ast.expr, what: str) -> typing.Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        raise _FaultError(
            node, f"{what} is read without running the file; write it out, not {_short(node)}"
        ) from None


def _literal_list(node: ast.expr, field: str) -> list[typing.Any] | tuple[typing.Any, ...]:
    values = _literal(node, f"the list of {field!r}")
    if not isinstance(values, (list, tuple)) or not values:
        raise _FaultError(node, f"{field!r} needs a list of values, and not {_short(node)}")
    return values

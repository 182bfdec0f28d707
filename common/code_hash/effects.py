"""Which statements of a module do something when it is imported, beside giving meanings to names.

They count whether or not a run reaches a name in them: `keras.config.set_floatx("float64")`.
"""

import ast
from collections.abc import Callable, Iterable

from common.code_hash import modules, names

DECLARED = {
    "VARIANTS",
    "SHORTENED",
}  # an entry counts alone, and what is cut short is in its config

# Calls of these do nothing but give a value.
PURE = {
    *("bool", "bytes", "complex", "dict", "enumerate", "float", "frozenset", "int", "len", "list"),
    *("max", "min", "object", "range", "reversed", "round", "set", "slice", "sorted", "str", "sum"),
    *("tuple", "type", "zip"),
}
PURE_MODULES = {
    *("collections", "dataclasses", "decimal", "enum", "fractions", "functools", "itertools"),
    *("math", "numpy", "operator", "pathlib", "re", "string", "types", "typing"),
}
IMPURE = ("numpy.random", "numpy.save", "numpy.set")  # numpy.seterr and the like
PURE_METHODS = {
    *("astype", "copy", "format", "items", "join", "keys", "lower", "ravel", "replace", "reshape"),
    *("resolve", "split", "strip", "upper", "values", "with_name"),
}
# A class with one of these does more than to keep its fields.
CONSTRUCTORS = {"__init__", "__new__", "__post_init__"}
PLAIN_BASES = {"abc.ABC", "object", "typing.Generic", "typing.NamedTuple", "typing.Protocol"}

Find = Callable[[str], modules.Module | None]


class Effects:
    """Tells which statements of one module do something."""

    def __init__(self, module: modules.Module, find: Find) -> None:
        """`find` gives the modules of this project by their names."""
        self._module, self._find = module, find

    def statements(self) -> list[ast.stmt]:
        """Those that do something, in their order."""
        return list(filter(self._does_something, self._module.statements))

    def _does_something(self, node: ast.AST) -> bool:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Pass():
                does_more = False
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                defaults = [*node.args.defaults, *node.args.kw_defaults]
                does_more = self._is_kept(node.decorator_list) or not self._are_pure(defaults)
            case ast.ClassDef():
                does_more = self._is_kept(node.decorator_list) or self._do_something(node.body)
            case ast.If():
                inside = self._do_something(node.body + node.orelse)
                does_more = inside or not self._are_pure([node.test])
            case ast.Try():
                handled = [part for handler in node.handlers for part in handler.body]
                parts = node.body + handled + node.orelse + node.finalbody
                does_more = self._do_something(parts)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                does_more = self._assigns_more(node)
            case _:
                does_more = True
        return does_more

    def _do_something(self, nodes: Iterable[ast.AST]) -> bool:
        return any(map(self._does_something, nodes))

    def _assigns_more(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> bool:
        """Whether an assignment changes an object, or computes its value by a call with effects."""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if not all(map(_is_name, targets)):
            return True
        return not DECLARED.issuperset(names.bound(targets)) and not self._are_pure([node.value])

    def _is_kept(self, decorators: Iterable[ast.expr]) -> bool:
        """Whether a decorator is code of this project, which may keep what it decorates."""
        for decorator in decorators:
            function = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = (names.chain(function) or ("",))[0]
            imported = self._module.imports.get(name, ())
            ours = any(meaning.module.split(".")[0] in modules.PACKAGES for meaning in imported)
            if ours or name in self._module.definitions:
                return True
        return False

    def _are_pure(self, values: Iterable[ast.expr | None]) -> bool:
        """Whether computing some values does nothing else."""
        parts = names.same_scope(filter(None, values))
        functions = [part.func for part in parts if isinstance(part, ast.Call)]
        return all(
            self._is_pure_call(self._module, *path)
            if (path := names.chain(function))
            else isinstance(function, ast.Attribute) and function.attr in PURE_METHODS
            for function in functions
        )

    def _is_pure_call(self, module: modules.Module, name: str, *attributes: str) -> bool:
        """Whether to call a name, or an attribute of it, does nothing but give a value."""
        if name in module.definitions:
            if attributes:
                return attributes[-1] in PURE_METHODS
            return all(self._is_record(module, each) for each in module.definitions[name])
        meanings = module.imports.get(name)
        if not meanings:
            return name in PURE and not attributes
        return all(self._is_pure_import(meaning, attributes) for meaning in meanings)

    def _is_pure_import(self, meaning: names.Import, attributes: tuple[str, ...]) -> bool:
        path = (*filter(None, [meaning.name]), *attributes)
        dotted = ".".join((meaning.module, *path))
        owner = self._find(meaning.module)
        if owner is None:
            return dotted.partition(".")[0] in PURE_MODULES and not dotted.startswith(IMPURE)
        while owner and path and not owner.defines(path[0]):
            owner, path = self._find(f"{owner.name}.{path[0]}"), path[1:]
        return bool(owner and path) and self._is_pure_call(owner, *path)  # type: ignore[arg-type]

    def _is_record(self, module: modules.Module, node: ast.stmt) -> bool:
        """Whether a definition is a class that does nothing but keep its fields."""
        if not isinstance(node, ast.ClassDef) or not CONSTRUCTORS.isdisjoint(
            names.bound(node.body)
        ):
            return False
        if not any("dataclass" in ast.unparse(each) for each in node.decorator_list):
            return False
        return all(
            (path := names.chain(base))
            and (".".join(path) in PLAIN_BASES or self._is_pure_call(module, *path))
            for base in node.bases
        )


def _is_name(node: ast.AST) -> bool:
    """Whether a target of an assignment is a name, or names."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(map(_is_name, node.elts))
    return isinstance(node, ast.Name)

"""What a piece of code uses and binds: names with their attributes, and imports."""

import ast
import dataclasses
import functools
from collections.abc import Iterable, Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

SUBCLASSES = {"__init_subclass__", "__subclasses__"}  # with these, classes reach their heirs


@dataclasses.dataclass(frozen=True)
class Import:
    """What an import binds a name to: a module, or a name in it."""

    module: str
    name: str = ""


@dataclasses.dataclass(frozen=True)
class Use:
    """A name and attributes of it that are used: `training.Trainer`.

    `imports` are its meanings where the function that uses it imports it itself.
    """

    name: str
    attributes: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()


@dataclasses.dataclass
class Findings:
    """What a piece of code uses, which modules it imports, and from which it imports all names.

    `is_dynamic` says that it may reach code that it does not name.
    """

    uses: list[Use] = dataclasses.field(default_factory=list)
    loads: list[str] = dataclasses.field(default_factory=list)
    stars: list[str] = dataclasses.field(default_factory=list)
    is_dynamic: bool = False


@functools.cache
def findings(node: ast.AST, package: str) -> Findings:
    """What a node uses and imports.

    Args:
        node: Of the top level of a module, with all below it.
        package: The package that the module lies in.
    """
    finder = _Finder(package)
    finder.visit(node)
    return finder.found


class _Finder(ast.NodeVisitor):
    """Finds the names that are used and not local to a function, and the imports."""

    def __init__(self, package: str) -> None:
        self.found = Findings()
        self._package = package
        self._scopes: list[dict[str, list[Import]]] = []  # local names, and what they import

    def visit_Name(self, node: ast.Name) -> None:
        # At the top level, and in a class, what is assigned is defined there, and not used.
        if isinstance(node.ctx, ast.Load) or self._scopes:
            self._use(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.found.is_dynamic |= node.attr in SUBCLASSES
        path = chain(node)
        if path:
            self._use(path[0], path[1:])
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _imported_name(node)
        if name:
            self.found.loads.append(name)
            self.found.uses.append(Use(name, imports=(Import(name),)))
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found.loads += [alias.name for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = _absolute(node, self._package)
        self.found.loads.append(module)
        for alias in node.names:
            if alias.name == "*":
                self.found.stars.append(module)
            else:
                self.found.loads.append(f"{module}.{alias.name}")  # if that is a module

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for keyword in node.keywords:
            harmless = ast.unparse(keyword.value) in ("ABCMeta", "abc.ABCMeta")
            self.found.is_dynamic |= keyword.arg == "metaclass" and not harmless
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.found.is_dynamic |= node.name in SUBCLASSES
        self._visit_function(node, [*node.decorator_list, *filter(None, [node.returns])])

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node, [*node.decorator_list, *filter(None, [node.returns])])

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_function(node, [])

    def generic_visit(self, node: ast.AST) -> None:
        """Visit the parts of a node; the targets of a comprehension are local to it."""
        if isinstance(node, COMPREHENSIONS):
            self._visit_comprehension(node)
        else:
            super().generic_visit(node)

    def _visit_function(self, node: Function, outside: list[ast.expr]) -> None:
        self._visit_all([*outside, node.args])  # defaults and annotations belong to the outside
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        arguments = [part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)]
        self._visit_inside(body, [*arguments, *bound(body)], _released(body))

    def _visit_comprehension(self, node: Comprehension) -> None:
        first, *others = node.generators
        self.visit(first.iter)  # belongs to the outside
        targets = [each.target for each in (first, *others)]
        values = [part for part in ast.iter_child_nodes(node) if part is not first]
        self._visit_inside([*first.ifs, *values], bound(targets))

    def _visit_inside(
        self, nodes: Iterable[ast.AST], names: Iterable[str], released: Iterable[str] = ()
    ) -> None:
        """Visit what has local names, but for those that it releases."""
        body = list(nodes)
        scope: dict[str, list[Import]] = {name: [] for name in names}
        for part in same_scope(body):
            if isinstance(part, (ast.Import, ast.ImportFrom)):
                for name, meaning in meanings(part, self._package):
                    scope[name].append(meaning)
        for name in released:
            scope.pop(name, None)
        self._scopes.append(scope)
        self._visit_all(body)
        self._scopes.pop()

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _use(self, name: str, attributes: tuple[str, ...] = ()) -> None:
        for scope in reversed(self._scopes):
            if name in scope:
                if scope[name]:
                    self.found.uses.append(Use(name, attributes, tuple(scope[name])))
                return
        self.found.uses.append(Use(name, attributes))


def chain(node: ast.expr) -> tuple[str, ...]:
    """("a", "b", "c") for a.b.c; nothing for what does not begin with a name."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute) and (path := chain(node.value)):
        return (*path, node.attr)
    return ()


def same_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes and all below them, but for the bodies of functions."""
    for node in nodes:
        yield node
        if not isinstance(node, FUNCTIONS):
            yield from same_scope(ast.iter_child_nodes(node))


def bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names that the nodes give a meaning to in their own scope."""
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
            continue
        if isinstance(node, (ast.Lambda, *COMPREHENSIONS)):
            named = (part for part in ast.walk(node) if isinstance(part, ast.NamedExpr))
            yield from (part.target.id for part in named)
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest
        yield from bound(ast.iter_child_nodes(node))


def meanings(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Import]]:
    """The names that an import binds, and to what."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            yield alias.asname or first, Import(alias.name if alias.asname else first)
    else:
        for alias in node.names:
            if alias.name != "*":
                yield alias.asname or alias.name, Import(_absolute(node, package), alias.name)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The full name of the module that is imported from."""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*base, *filter(None, [node.module])])


def _imported_name(node: ast.Call) -> str | None:
    """The module that `importlib.import_module("common.training")` names; else nothing."""
    if (chain(node.func) or ("",))[-1] not in ("import_module", "__import__"):
        return None
    if len(node.args) != 1 or node.keywords or not isinstance(node.args[0], ast.Constant):
        return None
    name = node.args[0].value
    return name if isinstance(name, str) and not name.startswith(".") else None


def _released(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names that a function takes from outside, though it assigns to them."""
    for node in same_scope(nodes):
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names

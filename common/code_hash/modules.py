"""What a file of this project says: the names that its top level defines, and what it imports."""

import ast
import functools
import pathlib
from collections.abc import Iterable, Iterator

from common import errors
from common.code_hash import names

PACKAGES = ("common", "reproductions")


class Module:
    """A module: where it lies, and its top level without docstrings."""

    def __init__(
        self, name: str, package: str, body: Iterable[ast.stmt], below: tuple[str, ...]
    ) -> None:
        """Read the statements that an import executes; `below` are the modules in a package."""
        self.name, self.package, self.below = name, package, below
        self.statements = list(body)
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, list[names.Import]] = {}
        self.loads: list[str] = []
        self.stars: list[str] = []
        for statement in self.statements:
            self._read(statement)
        self.names = self.definitions.keys() | self.imports.keys()

    def defines(self, name: str) -> bool:
        """Whether it gives a name a meaning, and does not merely import a module below it."""
        itself = names.Import(self.name, name)
        return name in self.names and itself not in self.imports.get(name, ())

    def texts(self, name: str) -> Iterator[str]:
        """The code that gives a name its meaning."""
        yield from map(str, self.imports.get(name, ()))
        yield from map(text, self.definitions.get(name, ()))

    def _read(self, statement: ast.stmt) -> None:
        for part in names.same_scope([statement]):
            if isinstance(part, (ast.Import, ast.ImportFrom)):
                for bound, meaning in names.meanings(part, self.package):
                    self.imports.setdefault(bound, []).append(meaning)
                found = names.findings(part, self.package)
                self.loads += found.loads
                self.stars += found.stars
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            for bound in set(names.bound([statement])):
                self.definitions.setdefault(bound, []).append(statement)


def find(root: pathlib.Path, name: str) -> Module | None:
    """A module below a folder, as `import` would find it there.

    Raises:
        errors.UserError: it is no Python.
    """
    path = root.joinpath(*name.split("."))
    for file, is_package in ((path / "__init__.py", True), (path.with_suffix(".py"), False)):
        if file.is_file():
            return _parsed(name, file, is_package, file.read_bytes(), _below(name, path))
    if path.is_dir() and name.partition(".")[0] in PACKAGES:  # a package without __init__.py
        return _parsed(name, path, True, b"", _below(name, path))
    return None


@functools.cache
def text(node: ast.stmt) -> str:
    """The code of a statement, whatever its layout."""
    return ast.unparse(node)


def _below(name: str, folder: pathlib.Path) -> tuple[str, ...]:
    """The modules and packages in the folder of a package."""
    if not folder.is_dir():
        return ()
    parts = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    found = sorted(filter(str.isidentifier, parts - {"__init__", "__pycache__"}))
    return tuple(f"{name}.{part}" for part in found)


@functools.cache
def _parsed(
    name: str, path: pathlib.Path, is_package: bool, content: bytes, below: tuple[str, ...]
) -> Module:
    """Read a file; its content is an argument, so that what is kept is never out of date."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise errors.UserError(f"{path}: is no Python: {error}; mend it, or leave it out") from None
    package = name if is_package else name.rpartition(".")[0]
    return Module(name, package, _executed(_Undocumented().visit(tree)), below)


class _Undocumented(ast.NodeTransformer):
    """Takes docstrings out, and other texts and numbers that stand alone."""

    def visit(self, node: ast.AST) -> ast.AST:
        """Clean a node and all below it."""
        self.generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [part for part in body if not _is_nothing(part)]
            vars(node)["body"] = kept or [ast.Pass()]
        return node


def _is_nothing(node: ast.AST) -> bool:
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant or isinstance(node, ast.Pass)


def _executed(tree: ast.AST) -> Iterator[ast.stmt]:
    """The statements that an import executes."""
    for node in vars(tree)["body"]:
        test = ast.unparse(node.test) if isinstance(node, ast.If) else ""
        if test in ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'"):
            yield from node.orelse
        else:
            yield node

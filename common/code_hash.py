"""Code hashes: which code a variant measures with, so that a change of it is noticed.

The hash of a variant covers its own entry in `VARIANTS` and everything that `run` reaches: each
function, class and constant, through the experiment file, other files of the reproduction and
common/, name by name; and the statements that do something when those files are imported. It does
not cover docstrings, comments, layout, the other variants, or a function that nothing reaches.

The code is read, never run. Where that does not show what is reached, the hash covers more, never
less: a module that is used as a value (passed on, asked by `getattr`) or star-imported counts as a
whole, and where code is imported or evaluated by a computed name, all of common/ and of the
reproduction does.
"""

import ast
import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Iterable, Iterator

from common import errors, variants

PROJECT = pathlib.Path(__file__).parents[1]
PACKAGES = ("common", "reproductions")
DECLARED = {
    "VARIANTS",
    "SHORTENED",
}  # an entry counts alone, and what is cut short is in its config

# At the top level, calls of these do nothing but give a value.
PURE = {
    *("bool", "bytes", "complex", "dict", "enumerate", "float", "frozenset", "int", "len", "list"),
    *("max", "min", "object", "range", "reversed", "round", "set", "slice", "sorted", "str", "sum"),
    *("tuple", "type", "zip"),
    *("numpy.arange", "numpy.array", "numpy.asarray", "numpy.eye", "numpy.linspace"),
    *("numpy.ones", "numpy.zeros"),
}
PURE_MODULES = {
    *("collections", "dataclasses", "decimal", "enum", "fractions", "functools", "itertools"),
    *("math", "operator", "pathlib", "re", "string", "types", "typing"),
}
# What reaches code by a name that is computed.
EVALUATING = {"__import__", "compile", "eval", "exec"}
IMPORTING = ("importlib", "pkgutil", "runpy", "sys.modules", "sys.path")
HARMLESS = ("importlib.metadata", "importlib.resources", "importlib.util.find_spec")
SUBCLASSES = {"__init_subclass__", "__subclasses__"}


def of_variants(experiment: pathlib.Path) -> dict[str, str]:
    """The code hash of each variant of an experiment file, reproductions/NAME/experiment.py.

    Raises:
        errors.UserError: `VARIANTS` is no literal dict, or a file that is reached is no Python.
    """
    entries = variants.read(experiment).values()
    code = _Code(experiment)
    code.use(code.experiment, _Use("run"))
    code.load(code.experiment.name)
    hashes = {}
    for entry in entries:
        reached = code.copy()
        reached.follow(code.experiment, _findings(entry.expression, code.experiment.package))
        parts = [entry.name, ast.unparse(entry.expression), repr(entry.values), *reached.texts()]
        hashes[entry.name] = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return hashes


# ---- What a run reaches --------------------------------------------------------------------------


class _Code:
    """All that is reached so far: names of modules, and modules that are imported."""

    def __init__(self, experiment: pathlib.Path) -> None:
        self._roots = dict.fromkeys((experiment.parents[2], PROJECT))
        self._folder = experiment.parent
        self._modules: dict[str, _Module | None] = {}
        self._uses: set[tuple[str, _Use]] = set()
        self._names: set[tuple[str, str]] = set()
        self._loaded: set[str] = set()
        self._whole: set[str] = set()
        module = self._module(f"reproductions.{self._folder.name}.{experiment.stem}")
        if module is None:
            raise errors.UserError(f"{experiment}: is not there; mend the TOML that names it")
        self.experiment = module

    def copy(self) -> "_Code":
        """The same, to go on from."""
        other = object.__new__(_Code)
        vars(other).update(vars(self))
        for name in ("_uses", "_names", "_loaded", "_whole"):
            setattr(other, name, set(getattr(self, name)))
        return other

    def texts(self) -> Iterator[str]:
        """The code of all that is reached, in an order that does not depend on the layout."""
        for name, defined in sorted(self._names):
            module = self._modules[name]
            assert module is not None
            for text in module.texts(defined):
                yield f"{name}.{defined}: {text}"
        for name in sorted(self._loaded):
            module = self._modules[name]
            assert module is not None
            for statement in module.effects:
                yield f"{name}: {_text(statement)}"

    def follow(self, module: "_Module", findings: "_Findings") -> None:
        """Reach what a statement of a module uses and imports."""
        for use in findings.uses:
            self.use(module, use)
        for name in findings.loads:
            self.load(name)
        for name in findings.stars:
            self._reach_whole(name)
        if findings.is_dynamic:
            self._reach_everything()

    def use(self, module: "_Module", use: "_Use") -> None:
        """Reach what a name means in a module."""
        if (module.name, use) in self._uses:
            return
        self._uses.add((module.name, use))
        if use.imports:
            for meaning in use.imports:
                self._reach_import(meaning, use.attributes)
        elif use.name in module.names:
            self._reach_name(module, use.name, use.attributes)
        elif use.name in EVALUATING:
            self._reach_everything()
        elif use.name == "globals":
            self._reach_whole(module.name)

    def load(self, name: str) -> None:
        """Import a module, and the packages that it lies in: reach what that does."""
        parent = name.rpartition(".")[0]
        if parent:
            self.load(parent)
        module = self._module(name)
        if module is None or name in self._loaded:
            return
        self._loaded.add(name)
        for imported in module.loads:
            self.load(imported)
        for star in module.stars:
            self._reach_whole(star)
        for statement in module.effects:
            self.follow(module, _findings(statement, module.package))

    def _reach_name(self, module: "_Module", name: str, attributes: tuple[str, ...]) -> None:
        self.load(module.name)
        if (module.name, name) not in self._names:
            self._names.add((module.name, name))
            for statement in module.definitions.get(name, ()):
                self.follow(module, _findings(statement, module.package))
        for meaning in module.imports.get(name, ()):
            self._reach_import(meaning, attributes)

    def _reach_import(self, meaning: "_Import", attributes: tuple[str, ...]) -> None:
        """Reach what an import has bound, or those of its attributes that are used."""
        module = self._module(meaning.module)
        path = (meaning.name, *attributes) if meaning.name else attributes
        if module is None:
            dotted = ".".join((meaning.module, *path))
            if dotted.startswith(IMPORTING) and not dotted.startswith(HARMLESS):
                self._reach_everything()
        elif not path:
            self._reach_whole(meaning.module)
        else:
            self._reach_member(module, path[0], path[1:])

    def _reach_member(self, module: "_Module", name: str, attributes: tuple[str, ...]) -> None:
        """Reach an attribute of a module; the whole module where it is not to be found."""
        below = self._module(f"{module.name}.{name}")
        if name in module.names:
            self.use(module, _Use(name, attributes))
        elif below is None:
            self._reach_whole(module.name)
        elif attributes:
            self._reach_member(below, attributes[0], attributes[1:])
        else:
            self._reach_whole(below.name)

    def _reach_whole(self, name: str) -> None:
        """Reach all of a module, and of a package all modules in it."""
        module = self._module(name)
        if module is None or name in self._whole:
            return
        self._whole.add(name)
        self.load(name)
        for defined in sorted(module.names):
            self.use(module, _Use(defined))
        for below in module.below:
            self._reach_whole(below)

    def _reach_everything(self) -> None:
        self._reach_whole("common")
        self._reach_whole(f"reproductions.{self._folder.name}")

    def _module(self, name: str) -> "_Module | None":
        """A module of this project; None for any other."""
        if name not in self._modules:
            found = (_find(root, name) for root in self._roots)
            self._modules[name] = next(filter(None, found), None)
        return self._modules[name]


def _find(root: pathlib.Path, name: str) -> "_Module | None":
    """A module below a folder, as `import` would find it there."""
    path = root.joinpath(*name.split("."))
    for file, is_package in ((path / "__init__.py", True), (path.with_suffix(".py"), False)):
        if file.is_file():
            return _parsed(name, file, is_package, file.read_bytes(), _below(name, path))
    if path.is_dir() and name.partition(".")[0] in PACKAGES:  # a package without __init__.py
        return _parsed(name, path, True, b"", _below(name, path))
    return None


def _below(name: str, folder: pathlib.Path) -> tuple[str, ...]:
    """The modules and packages in the folder of a package."""
    if not folder.is_dir():
        return ()
    parts = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    names = sorted(filter(str.isidentifier, parts - {"__init__", "__pycache__"}))
    return tuple(f"{name}.{part}" for part in names)


# ---- What one file says --------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Import:
    """What an import binds a name to: a module, or a name in it."""

    module: str
    name: str = ""


@dataclasses.dataclass(frozen=True)
class _Use:
    """A name and attributes of it that are used: `training.Trainer`.

    `imports` are its meanings where a function that uses it imports it itself.
    """

    name: str
    attributes: tuple[str, ...] = ()
    imports: tuple[_Import, ...] = ()


@dataclasses.dataclass
class _Findings:
    """What a statement uses, and what it imports."""

    uses: list[_Use] = dataclasses.field(default_factory=list)
    loads: list[str] = dataclasses.field(default_factory=list)
    stars: list[str] = dataclasses.field(default_factory=list)
    is_dynamic: bool = False


class _Module:
    """A file: what its top level gives a name to, and what it does when it is imported."""

    def __init__(self, name: str, package: str, body: list[ast.stmt], below: tuple[str, ...]):
        self.name, self.package, self.below = name, package, below
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, list[_Import]] = {}
        self.loads: list[str] = []
        self.stars: list[str] = []
        for statement in body:
            self._read(statement)
        self.names = self.definitions.keys() | self.imports.keys()
        self.effects = [statement for statement in body if self._does_something(statement)]

    def texts(self, name: str) -> Iterator[str]:
        """The code that gives a name its meaning."""
        yield from map(str, self.imports.get(name, ()))
        yield from map(_text, self.definitions.get(name, ()))

    def _read(self, statement: ast.stmt) -> None:
        for part in _same_scope([statement]):
            if isinstance(part, (ast.Import, ast.ImportFrom)):
                for bound, meaning in _meanings(part, self.package):
                    self.imports.setdefault(bound, []).append(meaning)
                found = _findings(part, self.package)
                self.loads += found.loads
                self.stars += found.stars
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            for bound in set(_bound([statement])):
                self.definitions.setdefault(bound, []).append(statement)

    def _does_something(self, node: ast.AST) -> bool:
        """Whether a top-level statement does more than give meanings to names."""
        does_more = True
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Pass():
                does_more = False
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                does_more = any(map(self._is_ours, node.decorator_list))
            case ast.If(test=test):
                inner = any(map(self._does_something, [*node.body, *node.orelse]))
                does_more = inner or not self._is_pure(test)
            case ast.Try():
                handled = [part for handler in node.handlers for part in handler.body]
                body = [*node.body, *handled, *node.orelse, *node.finalbody]
                does_more = any(map(self._does_something, body))
            case ast.Assign(targets=targets, value=value):
                does_more = not (all(map(_is_name, targets)) and self._is_pure(value))
            case (
                ast.AnnAssign(target=target, value=value)
                | ast.AugAssign(target=target, value=value)
            ):
                does_more = not (_is_name(target) and self._is_pure(value))
        return does_more and not DECLARED.issuperset(_bound([node]) if _assigns(node) else [""])

    def _is_ours(self, decorator: ast.expr) -> bool:
        """Whether a decorator is code of this project, which may keep what it decorates."""
        name = _root(decorator)
        meanings = self.imports.get(name, ())
        return name in self.definitions or any(
            meaning.module.partition(".")[0] in PACKAGES for meaning in meanings
        )

    def _is_pure(self, value: ast.expr | None) -> bool:
        """Whether computing a value does nothing else."""
        parts = _same_scope([value] if value else [])
        return all(self._is_pure_call(part) for part in parts if isinstance(part, ast.Call))

    def _is_pure_call(self, call: ast.Call) -> bool:
        name, *attributes = _chain(call.func) or ("",)
        for made in self.definitions.get(name, ()):
            return isinstance(made, ast.ClassDef) and any(
                "dataclass" in ast.unparse(decorator) for decorator in made.decorator_list
            )
        for meaning in self.imports.get(name, ()):
            dotted = ".".join(filter(None, (meaning.module, meaning.name, *attributes)))
            return dotted in PURE or dotted.partition(".")[0] in PURE_MODULES
        return name in PURE and not attributes


@functools.cache
def _parsed(
    name: str, path: pathlib.Path, is_package: bool, content: bytes, below: tuple[str, ...]
) -> _Module:
    """Read a file; its content is an argument, so that what is kept is never out of date."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise errors.UserError(f"{path}: is no Python: {error}; mend it, or leave it out") from None
    package = name if is_package else name.rpartition(".")[0]
    return _Module(name, package, list(_executed(_Undocumented().visit(tree))), below)


class _Undocumented(ast.NodeTransformer):
    """Takes docstrings out, and other texts and numbers that stand alone."""

    def visit(self, node: ast.AST) -> ast.AST:
        """Clean a node and all below it."""
        self.generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [part for part in body if not _is_constant(part)]
            vars(node)["body"] = kept or [ast.Pass()]
        return node


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _executed(tree: ast.AST) -> Iterator[ast.stmt]:
    """The statements that an import executes."""
    for node in vars(tree)["body"]:
        test = ast.unparse(node.test) if isinstance(node, ast.If) else ""
        if test in ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'"):
            yield from node.orelse
        else:
            yield node


@functools.cache
def _text(node: ast.stmt) -> str:
    return ast.unparse(node)


# ---- Names ---------------------------------------------------------------------------------------

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@functools.cache
def _findings(node: ast.AST, package: str) -> _Findings:
    """What a node uses and imports."""
    finder = _Finder(package)
    finder.visit(node)
    return finder.found


class _Finder(ast.NodeVisitor):
    """Finds the names that are used and not local to a function, and the imports."""

    def __init__(self, package: str) -> None:
        self.found = _Findings()
        self._package = package
        self._scopes: list[dict[str, list[_Import]]] = []  # local names, and what they import

    def visit_Name(self, node: ast.Name) -> None:
        # At the top level, and in a class, what is assigned is defined there, and not used.
        if isinstance(node.ctx, ast.Load) or self._scopes:
            self._use(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.found.is_dynamic |= node.attr in SUBCLASSES
        chain = _chain(node)
        if chain:
            self._use(chain[0], chain[1:])
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        named = node.args and isinstance(node.args[0], ast.Constant) and len(node.args) == 1
        if named and (_chain(node.func) or ("",))[-1] in ("import_module", "__import__"):
            name = str(node.args[0].value)  # type: ignore[attr-defined]
            self.found.loads.append(name)
            self.found.uses.append(_Use(name, imports=(_Import(name),)))
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found.loads += [alias.name for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = _absolute(node, self._package)
        for alias in node.names:
            self.found.loads.append(module)
            if alias.name == "*":
                self.found.stars.append(module)
            else:
                self.found.loads.append(f"{module}.{alias.name}")

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.found.is_dynamic |= any(keyword.arg == "metaclass" for keyword in node.keywords)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.found.is_dynamic |= node.name in SUBCLASSES
        self._visit_function(node, [*node.decorator_list, *filter(None, [node.returns])])

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node, [*node.decorator_list, *filter(None, [node.returns])])

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_function(node, [])

    def _visit_function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, outside: list[ast.expr]
    ) -> None:
        self._visit_all([*outside, node.args])  # defaults and annotations belong to the outside
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        arguments = [part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)]
        self._visit_inside(body, [*arguments, *_bound(body)], _released(body))

    def generic_visit(self, node: ast.AST) -> None:
        """Visit the parts of a node; the targets of a comprehension are local to it."""
        if isinstance(node, COMPREHENSIONS):
            self._visit_comprehension(node)
        else:
            super().generic_visit(node)

    def _visit_comprehension(self, node: Comprehension) -> None:
        first, *others = node.generators
        self.visit(first.iter)  # belongs to the outside
        targets = [each.target for each in (first, *others)]
        values = [part for part in ast.iter_child_nodes(node) if part is not first]
        self._visit_inside([*first.ifs, *values], _bound(targets))

    def _visit_inside(
        self, body: Iterable[ast.AST], names: Iterable[str], released: Iterable[str] = ()
    ) -> None:
        """Visit what has local names."""
        body = list(body)
        scope: dict[str, list[_Import]] = {name: [] for name in names}
        for part in _same_scope(body):
            if isinstance(part, (ast.Import, ast.ImportFrom)):
                for name, meaning in _meanings(part, self._package):
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
                    self.found.uses.append(_Use(name, attributes, tuple(scope[name])))
                return
        self.found.uses.append(_Use(name, attributes))


def _chain(node: ast.expr) -> tuple[str, ...]:
    """("a", "b", "c") for a.b.c; nothing for what does not begin with a name."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute) and (chain := _chain(node.value)):
        return (*chain, node.attr)
    return ()


def _assigns(node: ast.AST) -> bool:
    return isinstance(node, (ast.Assign, ast.AnnAssign))


def _root(node: ast.expr) -> str:
    """The name that a decorator begins with."""
    return (_chain(node.func if isinstance(node, ast.Call) else node) or ("",))[0]


def _is_name(node: ast.AST) -> bool:
    """Whether a target of an assignment is a name, or names."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(map(_is_name, node.elts))
    return isinstance(node, (ast.Name, ast.Starred))


def _same_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes and all below them, but for the bodies of functions."""
    for node in nodes:
        yield node
        if not isinstance(node, FUNCTIONS):
            yield from _same_scope(ast.iter_child_nodes(node))


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
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
        yield from _bound(ast.iter_child_nodes(node))


def _released(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names that a function takes from outside, though it assigns to them."""
    for node in _same_scope(nodes):
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names


def _meanings(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, _Import]]:
    """The names that an import binds, and to what."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield bound, _Import(alias.name if alias.asname else bound)
    else:
        for alias in node.names:
            if alias.name != "*":
                meaning = _Import(_absolute(node, package), alias.name)
                yield alias.asname or alias.name, meaning


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The full name of the module that is imported from."""
    base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*base, *filter(None, [node.module])])

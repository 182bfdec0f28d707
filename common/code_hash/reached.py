"""What a run reaches: names of modules, followed from one to the next."""

import ast
import pathlib
from collections.abc import Iterator

from common import errors
from common.code_hash import effects, modules, names

PROJECT = pathlib.Path(__file__).parents[2]

# What reaches code by a name that is computed.
EVALUATING = {"__import__", "compile", "eval", "exec"}
IMPORTING = ("importlib", "pkgutil", "runpy", "sys.modules", "sys.path")
HARMLESS = ("importlib.metadata", "importlib.resources", "importlib.util.")


class Reached:
    """All that is reached so far: names of modules, and modules that are imported."""

    def __init__(self, experiment: pathlib.Path) -> None:
        """Begin with nothing; `experiment` is a file of a reproduction.

        Raises:
            errors.UserError: it is not there, or no Python.
        """
        self._roots = dict.fromkeys((experiment.parents[2], PROJECT))
        self._folder = experiment.parent
        self._modules: dict[str, modules.Module | None] = {}
        self._effects: dict[str, list[ast.stmt]] = {}
        self._uses: set[tuple[str, names.Use]] = set()
        self._names: set[tuple[str, str]] = set()
        self._loaded: set[str] = set()
        self._whole: set[str] = set()
        module = self._module(f"reproductions.{self._folder.name}.{experiment.stem}")
        if module is None:
            raise errors.UserError(f"{experiment}: is not there; mend the TOML that names it")
        self.experiment = module

    def copy(self) -> "Reached":
        """The same, to go on from."""
        other = object.__new__(Reached)
        vars(other).update(vars(self))
        for name in ("_uses", "_names", "_loaded", "_whole"):
            setattr(other, name, set(getattr(self, name)))
        return other

    def texts(self) -> Iterator[str]:
        """The code of all that is reached, in an order that does not depend on the layout."""
        for name, defined in sorted(self._names):
            module = self._modules[name]
            if module:
                yield from (f"{name}.{defined}: {text}" for text in module.texts(defined))
        for name in sorted(self._loaded):
            yield from (f"{name}: {modules.text(each)}" for each in self._effects[name])

    def follow(self, module: modules.Module, findings: names.Findings) -> None:
        """Reach what a statement of a module uses and imports."""
        for use in findings.uses:
            self.use(module, use)
        for name in findings.loads:
            self.load(name)
        for name in findings.stars:
            self._reach_whole(name)
        if findings.is_dynamic:
            self._reach_everything()

    def use(self, module: modules.Module, use: names.Use) -> None:
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
        if name not in self._effects:
            self._effects[name] = effects.Effects(module, self._module).statements()
        for statement in self._effects[name]:
            self.follow(module, names.findings(statement, module.package))

    def _reach_name(self, module: modules.Module, name: str, attributes: tuple[str, ...]) -> None:
        self.load(module.name)
        if (module.name, name) not in self._names:
            self._names.add((module.name, name))
            for statement in module.definitions.get(name, ()):
                self.follow(module, names.findings(statement, module.package))
        for meaning in module.imports.get(name, ()):
            self._reach_import(meaning, attributes)

    def _reach_import(self, meaning: names.Import, attributes: tuple[str, ...]) -> None:
        """Reach what an import has bound, or those of its attributes that are used."""
        module = self._module(meaning.module)
        path = (*filter(None, [meaning.name]), *attributes)
        if module is None:
            dotted = ".".join((meaning.module, *path))
            if dotted.startswith(IMPORTING) and not dotted.startswith(HARMLESS):
                self._reach_everything()
        elif not path:
            self._reach_whole(meaning.module)
        else:
            self._reach_member(module, path[0], path[1:])

    def _reach_member(self, module: modules.Module, name: str, attributes: tuple[str, ...]) -> None:
        """Reach an attribute of a module; the whole module where it is not to be found."""
        below = self._module(f"{module.name}.{name}")
        if module.defines(name):
            self.use(module, names.Use(name, attributes))
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
            self.use(module, names.Use(defined))
        for below in module.below:
            self._reach_whole(below)

    def _reach_everything(self) -> None:
        """Reach all of common/ and of the reproduction."""
        self._reach_whole("common")
        self._reach_whole(f"reproductions.{self._folder.name}")

    def _module(self, name: str) -> modules.Module | None:
        """A module of this project; None for any other."""
        if name not in self._modules:
            found = (modules.find(root, name) for root in self._roots)
            self._modules[name] = next(filter(None, found), None)
        return self._modules[name]

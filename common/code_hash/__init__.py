"""Code hashes: which code a variant measures with, so that a change of it is noticed.

The hash of a variant covers its own entry in `VARIANTS` and everything that `run` reaches: each
function, class and constant, through the experiment file, other files of the reproduction and
common/, name by name; and the statements that do something when those files are imported. It does
not cover docstrings, comments, layout, the other variants, or a function that nothing reaches.

The code is read, never run. Where that does not show what is reached, the hash covers more, never
less: a module that is used as a value (passed on, asked by `getattr`) or star-imported counts as a
whole, and where code is imported or evaluated by a computed name, all of common/ and of the
reproduction does.

    names     what a piece of code uses, binds and imports
    modules   what a file defines
    effects   which of its statements do something when it is imported
    reached   what a run leads to
"""

import ast
import hashlib
import pathlib

from common import variants
from common.code_hash import names, reached


def of_variants(experiment: pathlib.Path) -> dict[str, str]:
    """The code hash of each variant of an experiment file, reproductions/NAME/experiment.py.

    Raises:
        errors.UserError: `VARIANTS` is no literal dict, or a file that is reached is no Python.
    """
    entries = variants.read(experiment).values()
    run = reached.Reached(experiment)
    module = run.experiment
    run.load(module.name)
    run.use(module, names.Use("run"))
    hashes = {}
    for entry in entries:
        variant = run.copy()
        variant.follow(module, names.findings(entry.expression, module.package))
        parts = [entry.name, ast.unparse(entry.expression), repr(entry.values), *variant.texts()]
        hashes[entry.name] = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return hashes

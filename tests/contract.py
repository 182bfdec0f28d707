"""What the contract of a reproduction is checked on: every one there is, and what one measures.

`REPRODUCTION_ROOT` names another root: the example in the README is held to the contract, too.
"""

import ast
import dataclasses
import os
import pathlib

import numpy as np

from common import claims, errors, records, runner, variants

ROOT = pathlib.Path(os.environ.get("REPRODUCTION_ROOT", pathlib.Path(__file__).parents[1]))
HEADS: dict[str, claims.Reproduction] = {}
BROKEN: dict[str, str] = {}  # a faulty file costs its own reproduction's tests, and one more

for path in sorted((ROOT / "reproductions").glob(f"*/{claims.FILE}")):
    try:
        HEADS[path.parent.name] = claims.load(path)
    except errors.UserError as error:
        BROKEN[path.parent.name] = str(error)


def imported_names(file: pathlib.Path) -> set[str]:
    """Every module that a file imports, and every name that it takes from one."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {*node.module.split("."), *(alias.name for alias in node.names)}
    return names


def measure(head: claims.Reproduction, variant: str, folder: pathlib.Path) -> list[dict]:
    """Measure one variant at the smoke profile, as a worker does, and read it back from JSON."""
    declared = head.variants[variant]
    file = head.path.with_name(f"{declared.experiment}.py")
    module = runner.load_module(head, declared.experiment)
    shortened = variants.shortened(file, "smoke", variant)
    config = dataclasses.replace(module.VARIANTS[variant], **shortened)
    seeds = range(declared.seeds["smoke"])
    measured = []
    for seed, values in zip(seeds, module.run(config, list(seeds)), strict=True):
        stored = {name: values[name] for name in head.arrays if name in values}
        if stored:
            np.savez(folder / f"{variant}-{seed}.npz", **stored)
        measured.append(
            {
                "seed": seed,
                "config": records.plain(dataclasses.asdict(config)),
                "shortened": records.plain(shortened),
                "data": {},
                "measurements": records.with_real_floats(
                    records.plain(
                        {name: value for name, value in values.items() if name not in head.arrays}
                    )
                ),
                "arrays": f"{variant}-{seed}.npz" if stored else None,
                "folder": folder,
            }
        )
    return measured

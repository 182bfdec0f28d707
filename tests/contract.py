"""What the contract of a reproduction is checked on: every one there is, and what one measures.

`REPRODUCTION_ROOT` names another root: the example in the README is held to the contract, too.
"""

import ast
import os
import pathlib

from common import claims, errors, provenance, records
from common.runner import plan, worker

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


def smoke_records(
    head: claims.Reproduction, folder: pathlib.Path
) -> dict[str, list[records.Record]]:
    """Measure every variant at the smoke profile, with the worker's own code, and read it back.

    A variant that needs an optional package is left out where that is not installed.
    """
    wanted = plan.wanted_seeds([head], "smoke")
    for name, variant in plan.missing_packages([head], wanted):
        del wanted[name][variant]
    tasks, _ = plan.tasks(
        [head],
        folder,
        wanted,
        asked={"profile": "smoke", "seeds": None},
        jobs=1,
        fresh=False,
        provenance=provenance.of_run("cpu", threads=1),
    )
    home = folder / head.name
    home.mkdir()
    for task in tasks:
        for record in worker.measured(task):
            records.append(task.file(".jsonl"), record)
    return {
        variant: [{**record, "folder": home} for record in records.read(home / f"{variant}.jsonl")]
        for variant in wanted[head.name]
    }

"""The runner: measures what is missing, one seed at a time, in worker processes that may die.

A run lives in one folder, which this process locks while it works:

    run.json                    what was asked for, and where and with what it ran
    NAME/VARIANT.jsonl          the records, one line per seed (see `records`)
    NAME/VARIANT-SEED.npz       arrays of one seed
    NAME/VARIANT.error.txt      why a variant crashed: the traceback, the worker's last words
    NAME/plots/FIGURE.png       the figures; their captions are in captions.json
    NAME/plots/FIGURE.error.txt why a figure could not be drawn

    parent    plans, hands tasks to the workers, watches them, draws     never imports TensorFlow
      folder    which folder, who may write there, run.json
      plan      which seeds are missing, shared out as tasks
      pool      the worker processes
      watch     the records that a task has written so far
      display   what the user sees
    worker    measures seeds, writes their records                       in a process of its own
    figures   draws each figure from the records
    contents  what the folder holds in the end
    devices   cores, GPU, and what a worker is told of them

Whatever is found damaged is told in one line and made anew; nothing that was measured is lost.
"""

from common.runner.contents import Stored, stored
from common.runner.devices import cores, default_jobs, resolve_device
from common.runner.folder import (
    Manifest,
    choose_folder,
    locked,
    manifest_damage,
    read_manifest,
    stored_runs,
)
from common.runner.parent import redraw, run
from common.runner.worker import load_module

__all__ = [
    "Manifest",
    "Stored",
    "choose_folder",
    "cores",
    "default_jobs",
    "load_module",
    "locked",
    "manifest_damage",
    "read_manifest",
    "redraw",
    "resolve_device",
    "run",
    "stored",
    "stored_runs",
]

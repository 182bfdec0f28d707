"""The parent: it plans, hands tasks to the workers and watches the files of records grow.

It never imports TensorFlow.
"""

import concurrent.futures
import pathlib
from collections.abc import Sequence

import pebble
import rich.console

from common import claims, data, errors, files, provenance, terminal
from common.runner import contents, devices, display, figures, plan, pool, watch, worker
from common.runner import folder as folders

TICK_SECONDS = 0.2
LOG_LINES = 20


def run(
    reproductions: Sequence[claims.Reproduction],
    folder: pathlib.Path,
    *,
    profile: str,
    console: rich.console.Console,
    seeds: int | None = None,
    variant: str | None = None,
    jobs: int = 1,
    device: str = "cpu",
    fresh: bool = False,
    data_dir: pathlib.Path | None = None,
    manual_dir: pathlib.Path | None = None,
    skip_missing: bool = False,
) -> dict[str, contents.Stored]:
    """Measure what is missing, redraw the figures, and return all that `folder` then holds.

    The caller holds the folder's lock. A crashed reproduction is told in its `Stored.errors`. With
    `skip_missing` a data set that cannot be had is told, and what needs it is left out.

    Raises:
        errors.UserError: bad input, here or in a worker; what was measured by then is kept.
    """
    threads = max(1, devices.cores() // jobs)
    wanted = plan.wanted_seeds(reproductions, profile, seeds, variant)
    for (name, needing), packages in plan.missing_packages(reproductions, wanted).items():
        lacking = f"it needs {', '.join(packages)}, not installed; pip install {' '.join(packages)}"
        if variant:  # who names it wants it, or to know why not
            raise errors.UserError(f"{name}/{needing}: {lacking}")
        del wanted[name][needing]
        terminal.tell(console, f"LEFT OUT is {name}/{needing}: {lacking}")
    while True:
        try:
            messages = data.prepare(plan.data_needed(reproductions, wanted), data_dir, manual_dir)
            break
        except errors.MissingDataError as missing:
            if not skip_missing:
                raise
            wanted = plan.without(missing.data_set, reproductions, wanted)
            terminal.tell(console, f"LEFT OUT is all that needs '{missing.data_set}': {missing}")
    made_with = provenance.of_run(device, threads)
    tasks, damage = plan.tasks(
        reproductions,
        folder,
        wanted,
        asked={"profile": profile, "seeds": seeds},
        jobs=jobs,
        fresh=fresh,
        provenance=made_with,
    )
    for message in [*messages, folders.manifest_damage(folder), *damage]:
        if message:
            terminal.tell(console, message)
    for draft in folder.rglob(f"*{files.DRAFT}"):  # left by a kill in the middle of a write
        draft.unlink(missing_ok=True)
    asked = {"profile": profile, "seeds": seeds, "device": device, "jobs": jobs}
    folders.write_manifest(folder, {**made_with, **asked} if tasks else asked, wanted)
    count = min(jobs, max(len(tasks), len(reproductions)))
    with pool.workers(count, device, threads) as workers:
        with display.Display(console, tasks, wanted) as shown:
            _measure_all(workers, tasks, shown)
        for each in reproductions:
            for path in contents.damaged_figures(each, folder):
                terminal.tell(console, f"{path}: damaged; the figures are drawn anew")
        with console.status("drawing the figures"):
            figures.draw_all(workers, reproductions, folder)
    return {each.name: contents.stored(each, folder) for each in reproductions}


def redraw(
    reproductions: Sequence[claims.Reproduction],
    folder: pathlib.Path,
    jobs: int,
    console: rich.console.Console,
) -> None:
    """Draw the figures again from the records in `folder`, without measuring."""
    with pool.workers(jobs, "cpu", threads=1) as workers, console.status("drawing the figures"):
        figures.draw_all(workers, reproductions, folder)


def _measure_all(
    workers: pebble.ProcessPool, tasks: Sequence[plan.Task], shown: display.Display
) -> None:
    """Run the tasks, each in a process of its own; a failed one leaves an error file."""
    watches = [watch.Watch(task) for task in tasks]  # before the first of them writes
    running = {workers.schedule(worker.measure, args=[each.task]): each for each in watches}
    while running:
        done, _ = concurrent.futures.wait(
            running, TICK_SECONDS, return_when=concurrent.futures.FIRST_COMPLETED
        )
        for future, watched in list(running.items()):
            failure = None
            if future.running() or future in done:
                shown.show(watched, watched.look())
            if future in done:
                failure = _failure(future, watched)
            elif watched.overdue():
                future.cancel()  # kills the worker; the pool starts another
                failure = f"no record for {watched.limit} s (seed {watched.seed})", ""
            else:
                continue
            del running[future]
            if failure:
                _write_error(watched.task, *failure)
            shown.end(watched, failure[0] if failure else None)
    for task in tasks:
        if not task.file(".error.txt").exists():
            task.file(".log").unlink(missing_ok=True)


def _failure(future: concurrent.futures.Future, watched: watch.Watch) -> worker.Failure | None:
    """What went wrong in a finished task, in one line and in full; None if all went well."""
    error = future.exception()
    if isinstance(error, errors.UserError):
        raise error
    if error is not None:
        return f"{pool.death(error)} (seed {watched.seed})", ""
    if future.result() is not None:
        headline, details = future.result()
        return f"{headline} (seed {watched.seed})", details
    return None


def _write_error(task: plan.Task, headline: str, details: str) -> None:
    """Append to the variant's error file: the headline, the traceback, the worker's last lines."""
    path, log = task.file(".error.txt"), task.file(".log")
    earlier = path.read_text("utf-8", errors="replace") if path.exists() else ""
    lines = log.read_text("utf-8", errors="replace").splitlines() if log.exists() else []
    last_words = "\n".join(["The worker's last lines:", *lines[-LOG_LINES:]]) if lines else ""
    parts = [headline, details.strip(), last_words]
    files.write(path, earlier + "\n\n".join(part for part in parts if part) + "\n")

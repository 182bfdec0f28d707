"""What a run shows: a live display on a terminal, log lines elsewhere."""

import datetime
import time
from collections.abc import Sequence

import rich.console
import rich.progress
import rich.table

from common import terminal
from common.runner import folder as folders
from common.runner import plan, watch


class Display:
    """A live display on a terminal; elsewhere one log line as a task starts and one as it ends."""

    def __init__(
        self, console: rich.console.Console, tasks: Sequence[plan.Task], wanted: folders.Seeds
    ) -> None:
        """Count the work in minutes, so that the time left allows for slow reproductions."""
        self._console = console
        self._wanted = wanted
        self._started = time.monotonic()
        one_line = rich.table.Column(no_wrap=True)
        self._progress = rich.progress.Progress(
            rich.progress.TextColumn(
                "{task.description}", markup=False, table_column=one_line.copy()
            ),
            rich.progress.BarColumn(bar_width=None),
            rich.progress.TimeElapsedColumn(table_column=one_line.copy()),
            rich.progress.TextColumn("left", table_column=one_line.copy()),
            rich.progress.TimeRemainingColumn(table_column=one_line.copy()),
            console=console,
            transient=True,
            speed_estimate_period=300,
            disable=not (console.is_interactive and tasks),
        )
        minutes = sum(task.seed_minutes * len(task.seeds) for task in tasks)
        self._overall = self._progress.add_task(f"{len(tasks)} tasks", total=minutes)
        self._bars: dict[watch.Watch, rich.progress.TaskID] = {}
        if not tasks:
            self._log("nothing to measure: every record is there already (--fresh measures anew)")

    def __enter__(self) -> "Display":
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the display away; the log lines stay."""
        self._progress.stop()

    def show(self, watched: watch.Watch, new: int) -> None:
        """Show a running task, which has written `new` more records."""
        task = watched.task
        if watched not in self._bars:
            self._bars[watched] = self._progress.add_task("", total=len(task.seeds))
            if not self._console.is_interactive:
                self._log(f"start {task}")
        self._progress.update(
            self._bars[watched],
            completed=watched.done,
            description=f"{task.reproduction.name}/{task.variant} seed {watched.seed + 1} "
            f"of {self._wanted[task.reproduction.name][task.variant]}",
        )
        self._progress.advance(self._overall, new * task.seed_minutes)

    def end(self, watched: watch.Watch, failure: str | None) -> None:
        """Take a finished task away."""
        task = watched.task
        self._progress.remove_task(self._bars.pop(watched))
        lost = len(task.seeds) - watched.done
        self._progress.advance(self._overall, lost * task.seed_minutes)
        if failure:
            self._log(f"ERROR {task}: {failure}")
        elif not self._console.is_interactive:
            seconds = time.monotonic() - (watched.started or 0)
            written = "1 record" if watched.done == 1 else f"{watched.done} records"
            self._log(f"done  {task}: {written} in {seconds:.0f} s")

    def _log(self, text: str) -> None:
        elapsed = datetime.timedelta(seconds=round(time.monotonic() - self._started))
        terminal.tell(self._console, f"{elapsed} {text}")

"""What the parent sees of a task: the records that it has written, and when the last one came."""

import time

from common import records
from common.runner import plan

FIRST_RECORD_SECONDS = 120  # what a task's first record may take beyond a seed's own limit: imports


class Watch:
    """Follows one task by its file of records."""

    def __init__(self, task: plan.Task) -> None:
        """Begin before the task does, and after the records that are there already."""
        self.task = task
        self.done = 0
        self.started: float | None = None
        self.last = 0.0
        self._tail = records.Tail(task.file(".jsonl"))
        self._tail.read()

    @property
    def seed(self) -> int:
        """The seed in flight."""
        return self.task.seeds[min(self.done, len(self.task.seeds) - 1)]

    @property
    def limit(self) -> int:
        """How many seconds the seed in flight may take."""
        return self.task.reproduction.seed_seconds + (0 if self.done else FIRST_RECORD_SECONDS)

    def look(self) -> int:
        """How many records the task has written since the last look."""
        new = sum(record["seed"] in self.task.seeds for record in self._tail.read())
        if new or self.started is None:
            self.last = time.monotonic()
        if self.started is None:
            self.started = self.last
        self.done += new
        return new

    def overdue(self) -> bool:
        """Whether the seed in flight takes longer than it may."""
        return self.started is not None and time.monotonic() - self.last > self.limit

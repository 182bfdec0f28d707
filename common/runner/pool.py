"""The pool of worker processes, which die with the block that uses them and leave Ctrl-C alone."""

import concurrent.futures.process
import contextlib
import multiprocessing
import multiprocessing.context
import multiprocessing.resource_tracker
import os
import signal
import typing
from collections.abc import Iterator

import pebble

from common import errors
from common.runner import devices, worker


@contextlib.contextmanager
def workers(jobs: int, device: str, threads: int) -> Iterator[pebble.ProcessPool]:
    """Worker processes that are gone, whatever they are doing, when the block ends."""
    pool = pebble.ProcessPool(max_workers=jobs, initializer=worker.start, context=_QuietContext())
    with _inherited(devices.environment(device, threads)):
        try:
            with _interrupts_held_back():
                pool.active  # noqa: B018  (asking starts it)
            yield pool
        finally:
            pool.stop()
            pool.join()


def death(error: BaseException) -> str:
    """Why a worker process ended without an answer, in one line.

    Raises:
        errors.UserError: they all did.
    """
    if isinstance(error, concurrent.futures.process.BrokenProcessPool):
        raise broken() from error
    if isinstance(error, pebble.ProcessExpired):
        return f"the process died of {_cause(error.exitcode)}"
    return f"{type(error).__name__}: {error}"


def broken() -> errors.UserError:
    """What to tell when no worker process is left."""
    return errors.UserError(
        "the worker processes died without a task (out of memory?); what was measured is kept, "
        "and the same command goes on from there, perhaps with fewer --jobs"
    )


def _cause(exit_code: int) -> str:
    return f"signal {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit {exit_code}"


@contextlib.contextmanager
def _inherited(environment: dict[str, str]) -> Iterator[None]:
    """Let every process that is started in the block be born with some variables.

    To set them is too late for one that runs: it has NumPy, which has counted its threads.
    """
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _QuietProcess(multiprocessing.context.SpawnProcess):
    """A process that is born with no terminal to write to; each task gives it a log.

    One that is stopped while it starts would greet the user with a traceback.
    """

    @staticmethod
    def _Popen(process: multiprocessing.process.BaseProcess) -> typing.Any:  # noqa: N802
        terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        try:
            return multiprocessing.context.SpawnProcess._Popen(process)
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            os.close(nowhere)


class _QuietContext(multiprocessing.context.SpawnContext):
    Process = _QuietProcess


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Deliver Ctrl-C after the block; threads and processes started in it never get one.

    So Ctrl-C reaches the parent alone, which then stops the workers, also those started later on.
    """
    multiprocessing.resource_tracker.ensure_running()  # it lets Ctrl-C through again as it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

"""Run one unit of work after another, or many at a time; a cluster will be one more executor.

An executor takes a function and its tasks and yields ``(task, outcome)`` in any order. The serial
executor is the reference and the debugger. What a task costs a worker (a native crash, a hang)
costs that task alone, and comes back as a `Casualty`.
"""

from __future__ import annotations

import concurrent.futures as futures
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pebble import ProcessExpired, ProcessPool

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

TASKS_AHEAD = 4
"""Tasks in flight per worker: enough to keep it busy, few enough to keep memory flat."""


@dataclass(frozen=True)
class Casualty:
    """A task that cost its worker.

    Parameters
    ----------
    code
        ``crashed`` or ``time-limit``.
    message
        What happened, free of PHI.
    """

    code: str
    message: str


class Executor(Protocol):
    """Anything that can run `work` over `tasks`."""

    def run(self, work: Callable[[Task], Outcome],
            tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome | Casualty]]:
        """Yield every task with its outcome, in any order."""
        ...


class SerialExecutor:
    """One task after the other in this process; no time limit, no shelter from native crashes."""

    def run(self, work: Callable[[Task], Outcome],
            tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome | Casualty]]:
        """Yield every task with its outcome, in order."""
        for task in tasks:
            yield task, work(task)


@dataclass(frozen=True)
class ProcessExecutor:
    """Worker processes on this machine.

    Parameters
    ----------
    jobs
        Number of worker processes.
    seconds
        Time limit of one task; a worker over it is killed and replaced.
    """

    jobs: int
    seconds: float

    def run(self, work: Callable[[Task], Outcome],
            tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome | Casualty]]:
        """Yield every task with its outcome as it ends."""
        pool = ProcessPool(max_workers=self.jobs, context=multiprocessing.get_context("spawn"))
        try:
            yield from self._keep_busy(pool, work, iter(tasks))
            pool.close()
        finally:
            # On the way out of an error or an interrupt nobody waits for the result: what a
            # worker had not finished is redone by --resume.
            pool.stop()
            pool.join()

    def _keep_busy(self, pool: ProcessPool, work: Callable[..., Any], tasks: Iterator[Any]) -> Iterator[Any]:
        running: dict[futures.Future[Any], Any] = {}
        exhausted = False
        while not exhausted or running:
            while not exhausted and len(running) < self.jobs * TASKS_AHEAD:
                task = next(tasks, None)
                exhausted = task is None
                if task is not None:
                    running[pool.schedule(work, args=(task,), timeout=self.seconds)] = task
            done, _ = futures.wait(running, return_when=futures.FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), _outcome(future)


def _outcome(future: futures.Future[Any]) -> Any:
    try:
        return future.result()
    except futures.TimeoutError:
        return Casualty("time-limit", "The time limit for one Instance was reached.")
    except ProcessExpired as error:
        return Casualty("crashed", f"The worker process died (exit code {error.exitcode}).")

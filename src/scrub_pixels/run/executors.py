"""Run one unit of work after another, or many at a time: in this process, in processes, on a cluster.

An executor takes a function and its tasks and yields ``(task, outcome)`` in any order. The serial
executor is the reference and the debugger. What a task costs a worker (a native crash, a hang)
costs that task alone, and comes back as a `Casualty`. Processes and clusters differ only in what
a task is submitted to: both give `concurrent.futures` futures.
"""

from __future__ import annotations

import concurrent.futures as futures
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from scrub_pixels.errors import ScrubError
from scrub_pixels.run.limits import TIME_IS_UP
from scrub_pixels.run.stopping import Stop
from scrub_pixels.run.workers import TimeLimitReached, WorkerLost, WorkerPool

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

TASKS_AHEAD = 3
"""Tasks in flight per worker: enough to keep it busy, few enough to keep memory flat."""

SECONDS_BETWEEN_LOOKS = 0.5
"""How long a request to stop may go unseen."""


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


TIME_LIMIT = Casualty("time-limit", "The time limit for one Instance was reached.")


def casualty_of(lost: WorkerLost) -> Casualty:
    """Return what the end of a worker process says: its alarm went off, or native code crashed."""
    if lost.exitcode == -TIME_IS_UP:
        return TIME_LIMIT
    return Casualty("crashed", f"The worker process died (exit code {lost.exitcode}).")


class Executor(Protocol):
    """Anything that can run `work` over `tasks`."""

    def run(self, work: Callable[[Task], Outcome], tasks: Iterable[Task],
            stop: Stop | None = None) -> Iterator[tuple[Task, Outcome | Casualty]]:
        """Yield every task with its outcome, in any order; none that had not begun once stop is asked."""
        ...


class SerialExecutor:
    """One task after the other in this process; no time limit, no shelter from native crashes."""

    def run(self, work: Callable[[Task], Outcome], tasks: Iterable[Task],
            stop: Stop | None = None) -> Iterator[tuple[Task, Outcome | Casualty]]:
        """Yield every task with its outcome, in order."""
        for task in tasks:
            if stop and stop.asked:
                return
            yield task, work(task)


class Submits(Protocol):
    """Something that runs functions elsewhere, now or later."""

    def submit(self, work: Callable[[Any], Any], task: Any) -> futures.Future[Any]:
        """Return the future of ``work(task)``."""

    def room(self) -> int:
        """Return how many tasks shall be in flight."""

    def withdraw(self, future: futures.Future[Any]) -> bool:
        """Cancel a task that has not begun, and tell whether that could be done."""

    def casualty(self, error: BaseException) -> Casualty | None:
        """Return what an error says about the loss of a worker, or None if it is the task's own."""

    def cancelled(self) -> ScrubError:
        """Return what to say when tasks are cancelled that nobody here withdrew."""


def keep_busy(pool: Submits, work: Callable[[Any], Any], tasks: Iterable[Any],
              stop: Stop | None) -> Iterator[tuple[Any, Any]]:
    """Yield tasks with their outcomes as they end, always with as many in flight as there is room for.

    `tasks` may get more to give while results are taken; it is asked again after each of them.
    """
    running: dict[futures.Future[Any], Any] = {}
    source = iter(tasks)
    while _submitted(pool, work, source, running, stop) or running:
        done, _ = futures.wait(running, SECONDS_BETWEEN_LOOKS, return_when=futures.FIRST_COMPLETED)
        if stop and stop.asked:
            done = {future for future in running if future in done or pool.withdraw(future)}
        for future in done:
            task = running.pop(future)
            if not future.cancelled():
                yield task, _outcome(future, pool)
            elif not (stop and stop.asked):
                raise pool.cancelled()


def _submitted(pool: Submits, work: Callable[[Any], Any], source: Iterator[Any],
               running: dict[futures.Future[Any], Any], stop: Stop | None) -> bool:
    """Hand out tasks while there is room, and tell whether there was one."""
    any_new = False
    while len(running) < pool.room() and not (stop and stop.asked):
        task = next(source, None)
        if task is None:
            break
        running[pool.submit(work, task)] = task
        any_new = True
    return any_new


def _outcome(future: futures.Future[Any], pool: Submits) -> Any:
    error = future.exception()
    if error is None:
        return future.result()
    casualty = pool.casualty(error)
    if casualty is None:
        raise error
    return casualty


@dataclass(frozen=True)
class ProcessExecutor:
    """Worker processes on this machine.

    Parameters
    ----------
    jobs
        Number of worker processes.
    seconds
        Time limit of one task; a worker over it is killed and replaced. 0 if tasks limit themselves.
    """

    jobs: int
    seconds: float = 0.0

    def run(self, work: Callable[[Task], Outcome], tasks: Iterable[Task],
            stop: Stop | None = None) -> Iterator[tuple[Task, Outcome | Casualty]]:
        """Yield every task with its outcome as it ends."""
        # On the way out of an error or an interrupt nobody waits for the result: what a worker had
        # not finished is redone by --resume.
        with WorkerPool(self.jobs) as pool:
            yield from keep_busy(_Processes(pool, self.jobs, self.seconds), work, tasks, stop)


@dataclass(frozen=True)
class _Processes:
    pool: WorkerPool
    jobs: int
    seconds: float

    def submit(self, work: Callable[[Any], Any], task: Any) -> futures.Future[Any]:
        return self.pool.submit(work, task, self.seconds)

    def room(self) -> int:
        return self.jobs * TASKS_AHEAD

    def withdraw(self, future: futures.Future[Any]) -> bool:
        return future.cancel()

    def casualty(self, error: BaseException) -> Casualty | None:
        if isinstance(error, TimeLimitReached):
            return TIME_LIMIT
        return casualty_of(error) if isinstance(error, WorkerLost) else None

    def cancelled(self) -> ScrubError:
        return ScrubError("The worker processes were stopped.", remedy="Start again with --resume.")


Connect = Callable[[], AbstractContextManager[Submits]]
"""Opens the way to a cluster, and closes it."""


def _is_one(task: object) -> bool:
    return False


@dataclass(frozen=True)
class ClusterExecutor:
    """Workers of a cluster that somebody else runs.

    When a worker dies, a cluster blames all tasks that were on it. So a task over which workers died
    is set aside, and runs again when nothing else does: what costs workers then is a casualty, and
    no neighbour of it. Tasks that can be taken apart come back at once, to be taken apart.

    Parameters
    ----------
    connect
        Opens the way to it.
    divisible
        Tells whether a task can be taken apart.
    """

    connect: Connect
    divisible: Callable[[Any], bool] = _is_one

    def run(self, work: Callable[[Task], Outcome], tasks: Iterable[Task],
            stop: Stop | None = None) -> Iterator[tuple[Task, Outcome | Casualty]]:
        """Yield every task with its outcome as it ends."""
        source, suspects = iter(tasks), deque[Task]()
        with self.connect() as cluster:
            while True:
                for task, outcome in keep_busy(cluster, work, source, stop):
                    if isinstance(outcome, Casualty) and not self.divisible(task):
                        suspects.append(task)
                    else:
                        yield task, outcome
                if not suspects or stop and stop.asked:
                    return
                yield from keep_busy(cluster, work, iter([suspects.popleft()]), stop)

"""The hands of the gateway: tasks go in, accounts come out, in this process or in others."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from typing import Any

from pebble import ProcessExpired, ProcessPool

from scrub_pixels.errors import ScrubError
from scrub_pixels.run.work import Task, work
from scrub_pixels.store.accounts import Account, Outcome

Done = tuple[Task, Account | ScrubError]

AHEAD = 4
"""Tasks in flight per worker process."""


class Workshop:
    """Worker processes that live as long as the gateway, so that models are loaded once.

    Parameters
    ----------
    jobs
        Worker processes; 0 works in the calling thread.
    seconds
        Time limit of one instance.
    """

    def __init__(self, jobs: int, seconds: float) -> None:
        self.room = max(1, jobs * AHEAD)
        self._seconds, self._done = seconds, queue.Queue[Done]()
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPool(max_workers=jobs, context=context) if jobs else None

    def begin(self, task: Task) -> None:
        """Begin a task; its end comes from `finished`."""
        if self._pool is None:
            self._done.put((task, _here(task)))
            return
        future = self._pool.schedule(work, args=(task,), timeout=self._seconds)
        future.add_done_callback(self._collector(task))

    def finished(self, timeout: float) -> list[Done]:
        """Return the tasks that have ended, after waiting for the first so many seconds."""
        ended: list[Done] = []
        with suppress(queue.Empty):
            ended.append(self._done.get(timeout=timeout))
            while True:
                ended.append(self._done.get_nowait())
        return ended

    def close(self) -> None:
        """Stop the workers; what they had not finished is done again by the next gateway."""
        if self._pool:
            self._pool.stop()
            self._pool.join()

    def _collector(self, task: Task) -> Callable[[Future[Any]], None]:
        return lambda future: self._done.put((task, _outcome(future)))


def _here(task: Task) -> Account | ScrubError:
    try:
        return work(task)
    except ScrubError as error:
        return error


def _outcome(future: Future[Any]) -> Account | ScrubError:
    try:
        return future.result()
    except FutureTimeout:
        return _casualty("time-limit", "The time limit for one Instance was reached.")
    except ProcessExpired as error:
        return _casualty("crashed", f"The worker process died (exit code {error.exitcode}).")
    except CancelledError:
        return ScrubError("The gateway is stopping.")
    except ScrubError as error:
        return error


def _casualty(code: str, message: str) -> Account:
    return Account(Outcome.REFUSED, code=code, stage="internal", message=message)

"""The hands of the gateway: units of tasks go in, accounts come out, in this process or in others."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any

from scrub_pixels.errors import ScrubError
from scrub_pixels.run.executors import TASKS_AHEAD, Casualty, casualty_of
from scrub_pixels.run.limits import Cost
from scrub_pixels.run.work import Unit, work_together
from scrub_pixels.run.workers import WorkerLost, WorkerPool
from scrub_pixels.store.accounts import Account

Outcome = tuple[Account, ...] | Casualty | ScrubError
Done = tuple[Unit, Outcome]


class Workshop:
    """Worker processes that live as long as the gateway, so that models are loaded once.

    Parameters
    ----------
    jobs
        Worker processes; 0 works in the calling thread.
    seconds
        Time limit of one instance; without worker processes there is none.
    """

    def __init__(self, jobs: int, seconds: float) -> None:
        self.room, self.hands = max(1, jobs * TASKS_AHEAD), max(1, jobs)
        self.cost = Cost(seconds if jobs else 0.0)
        self._done: queue.Queue[Done] = queue.Queue()
        self._pool = WorkerPool(jobs) if jobs else None

    def begin(self, unit: Unit) -> None:
        """Begin a unit; its end comes from `finished`."""
        if self._pool is None:
            self._done.put((unit, _here(unit)))
            return
        future = self._pool.submit(work_together, unit)
        future.add_done_callback(self._collector(unit))

    def finished(self, timeout: float) -> list[Done]:
        """Return the units that have ended, after waiting for the first so many seconds."""
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

    def _collector(self, unit: Unit) -> Callable[[Future[Any]], None]:
        return lambda future: self._done.put((unit, _outcome(future)))


def _here(unit: Unit) -> Outcome:
    try:
        return work_together(unit)
    except ScrubError as error:
        return error


def _outcome(future: Future[Any]) -> Outcome:
    try:
        return future.result()
    except WorkerLost as error:
        return casualty_of(error)
    except CancelledError:
        return ScrubError("The gateway is stopping.")
    except ScrubError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a unit that never came back would be waited for for ever
        return ScrubError(f"The worker processes failed ({type(error).__name__}).")

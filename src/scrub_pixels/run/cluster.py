"""Dask as an executor of `concurrent.futures` futures: the same code path as local processes.

What travels through the scheduler is a unit of work (paths and numbers) and its accounts; pixels
never do. Workers read IN and write OUT themselves, so both have to be where every worker sees them:
a shared file system, or URLs.

How often a unit is tried on another worker when its own dies is the scheduler's to say
(``distributed.scheduler.allowed-failures``, 3 unless configured). A cluster without workers is waited
for, and after a while given up; so is one whose scheduler has gone. What was not finished is for --resume.

Dask's own ``Client.get_executor`` is not used: when a worker dies between the end of a task and the
fetching of its result, and the task then fails as it is done again, a future of that executor never ends
(`distributed.cfexecutor`, seen with release 2026.8).
"""

from __future__ import annotations

import asyncio
import concurrent.futures as futures
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scrub_pixels.errors import MissingDependency, ScrubError, UsageError
from scrub_pixels.run.executors import TASKS_AHEAD, Casualty
from scrub_pixels.run.observing import log

SECONDS_TO_CONNECT = 20
SECONDS_BETWEEN_COUNTS = 2.0
SECONDS_WITHOUT_WORKERS = 300.0
"""How long a cluster may be without workers: long enough for one that starts them when there is work."""

LEAST_ROOM = 2

_NO_WORKERS = ("NoWorkerError", "NoValidWorkerError")
"""What a scheduler says that is configured not to wait for workers itself; not in every release of Dask."""

_GONE = (OSError, asyncio.TimeoutError, RuntimeError, ValueError, AttributeError)
"""What a client raises that has no connection any more; the last three once it has closed itself."""


class Absence:
    """How long a cluster has had no workers.

    Parameters
    ----------
    patience
        Seconds after which it is given up.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since: float | None = None

    def note(self, threads: int, now: float) -> None:
        """Take in how many threads the workers have at a moment of the monotonic clock.

        Raises
        ------
        ScrubError
            If there were none for too long.
        """
        if threads:
            self._since = None
            return
        if self._since is None:
            self._since = now
            log("no-workers", logging.WARNING, patience=self._patience,
                message="The Dask cluster has no workers; this run waits for them "
                        f"and gives up after {self._patience:g} seconds.")
        if now - self._since >= self._patience:
            raise _without_workers(f"for {self._patience:g} seconds")


def _without_workers(since: str) -> ScrubError:
    return ScrubError(f"The Dask cluster has had no workers {since}.",
                      remedy="Start some (dask worker tcp://HOST:PORT), look into the logs of those that "
                             "died, and start again with --resume. --worker-wait SECONDS waits longer.")


def _lost() -> ScrubError:
    return ScrubError("The Dask scheduler is gone, or does not answer any more.",
                      remedy="Start it and its workers, and start again with --resume.")


class _Cluster:
    """A Dask client as something tasks are submitted to; workers may come and go."""

    def __init__(self, client: Any, patience: float) -> None:
        self._client, self._patience = client, max(SECONDS_TO_CONNECT, patience)
        self._absence = Absence(patience)
        self._room, self._counted = LEAST_ROOM, -SECONDS_BETWEEN_COUNTS

    def submit(self, work: Callable[[Any], Any], task: Any) -> futures.Future[Any]:
        try:
            remote = self._client.submit(work, task, pure=False)
            return asyncio.run_coroutine_threadsafe(self._fetched(remote), self._client.loop.asyncio_loop)
        except _GONE:
            if self._client.status == "running":
                raise
            raise _lost() from None

    async def _fetched(self, remote: Any) -> Any:
        """Return what a task returned, or raise what it raised; a result that was lost is made again."""
        try:
            (result,) = await self._client.gather([remote], asynchronous=True)
        except futures.CancelledError:  # Dask's own is not the one that cancels a future of this loop
            raise asyncio.CancelledError from None
        except OSError:
            if remote.status == "error":  # the task's own
                raise
            raise _lost() from None
        return result

    def room(self) -> int:
        """Return how many tasks shall be in flight: some for every thread of every worker there is now.

        Raises
        ------
        ScrubError
            If there have been no workers for too long, or the scheduler is gone.
        """
        if time.monotonic() - self._counted >= SECONDS_BETWEEN_COUNTS:
            threads = self._threads()
            self._absence.note(threads, time.monotonic())
            self._room, self._counted = max(LEAST_ROOM, threads * TASKS_AHEAD), time.monotonic()
        return self._room

    def _threads(self) -> int:
        try:
            return sum(self._client.nthreads(callback_timeout=self._patience).values())
        except _GONE:
            raise _lost() from None

    def cancelled(self) -> ScrubError:
        """Return what to say when tasks are cancelled that nobody here withdrew."""
        if self._client.status != "running":
            return _lost()
        return ScrubError("The Dask cluster dropped the work, as when it is restarted.",
                          remedy="Start again with --resume.")

    def withdraw(self, future: futures.Future[Any]) -> bool:
        """Cancel nothing: which tasks have begun is known on the cluster only, and they are short."""
        return False

    def casualty(self, error: BaseException) -> Casualty | None:
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            return Casualty("crashed", "Workers died over this Instance, or reached the time limit.")
        if isinstance(error, ScrubError):
            return None
        if type(error).__name__ in _NO_WORKERS:
            raise _without_workers("for as long as its scheduler allows") from None
        # What the work itself raises is a ScrubError: this is the cluster speaking.
        if self._client.status != "running":
            raise _lost() from None
        raise ScrubError(f"The cluster did not take or return the work ({type(error).__name__}).",
                         remedy="Install the same packages on its scheduler and workers, "
                                "and start again with --resume.") from None


@contextmanager
def dask_cluster(address: str, patience: float = SECONDS_WITHOUT_WORKERS) -> Iterator[_Cluster]:
    """Connect to a Dask scheduler.

    Parameters
    ----------
    address
        As Dask writes it, ``tcp://host:8786`` or ``tls://...``.
    patience
        Seconds it may be without workers before a run on it gives up.

    Raises
    ------
    MissingDependency
        If `distributed` is not installed.
    UsageError
        If no scheduler answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise MissingDependency("A cluster needs the package distributed.",
                                remedy="pip install 'scrub-pixels[cluster]'") from None
    try:
        client = Client(address, timeout=SECONDS_TO_CONNECT, name="scrub-pixels", set_as_default=False)
    except (OSError, ValueError):
        raise UsageError("No Dask scheduler answers at this address.",
                         remedy="Give it as --scheduler tcp://HOST:PORT, and check that it runs.") from None
    with client:
        yield _Cluster(client, patience)

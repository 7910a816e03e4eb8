"""Dask as an executor, through its `concurrent.futures` face: the same code path as local processes.

What travels through the scheduler is a unit of work (paths and numbers) and its accounts; pixels
never do. Workers read IN and write OUT themselves, so both have to be where every worker sees them:
a shared file system, or URLs.
"""

from __future__ import annotations

import concurrent.futures as futures
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scrub_pixels.errors import MissingDependency, ScrubError, UsageError
from scrub_pixels.run.executors import TASKS_AHEAD, Casualty

SECONDS_TO_CONNECT = 20
SECONDS_BETWEEN_COUNTS = 2.0
LEAST_ROOM = 2


class _Cluster:
    """A Dask client as something tasks are submitted to; workers may come and go."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)
        self._room, self._counted = LEAST_ROOM, -SECONDS_BETWEEN_COUNTS

    def submit(self, work: Callable[[Any], Any], task: Any) -> futures.Future[Any]:
        return self._executor.submit(work, task)

    def room(self) -> int:
        """Return how many tasks shall be in flight: some for every thread of every worker there is now."""
        if time.monotonic() - self._counted >= SECONDS_BETWEEN_COUNTS:
            threads = sum(self._client.nthreads().values())
            self._room, self._counted = max(LEAST_ROOM, threads * TASKS_AHEAD), time.monotonic()
        return self._room

    def withdraw(self, future: futures.Future[Any]) -> bool:
        """Cancel nothing: which tasks have begun is known on the cluster only, and they are short."""
        return False

    def casualty(self, error: BaseException) -> Casualty | None:
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            return Casualty("crashed", "Workers died over this Instance, or reached the time limit.")
        if isinstance(error, ScrubError):
            return None
        # What the work itself raises is a ScrubError: this is the cluster speaking.
        raise ScrubError(f"The cluster did not take or return the work ({type(error).__name__}).",
                         remedy="Install the same packages on its scheduler and workers, "
                                "and start again with --resume.") from None


@contextmanager
def dask_cluster(address: str) -> Iterator[_Cluster]:
    """Connect to a Dask scheduler.

    Parameters
    ----------
    address
        As Dask writes it, ``tcp://host:8786`` or ``tls://...``.

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
        yield _Cluster(client)

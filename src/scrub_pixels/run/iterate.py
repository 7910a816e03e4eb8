"""Many Instances from Python: iterators, plain and asynchronous, over one Scrubber shared by threads.

Sources are taken as results are: never more than a few are open or wait, so memory stays bounded and
a slow consumer slows the work down. No file is written; what a caller does with a result is its own
affair.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import aclosing, contextmanager
from functools import partial
from typing import TypeVar

from scrub_pixels.pipeline import Scrubber, Source
from scrub_pixels.run.outcomes import Outcome, outcome_of

AHEAD = 2
"""Instances under way or waiting to be taken, per thread."""

_Item = TypeVar("_Item")


def scrub_all(sources: Iterable[Source], scrubber: Scrubber | None = None,
              workers: int | None = None) -> Iterator[Outcome]:
    """Yield the outcome of every source, in the order of the sources.

    Parameters
    ----------
    sources
        Paths, bytes of files, readable binary files or Datasets; a generator is asked only as needed.
    scrubber
        Policy, key and loaded networks; by default a new one with a random key, which links nothing.
    workers
        Threads; by default one per core. They search for text at the same time and take turns at the
        rest, so processes (the command) serve folders of many small files better.

    Yields
    ------
    Scrubbed, Held or Refused

    Raises
    ------
    ScrubError
        If nothing can be scrubbed at all (a missing dependency).

    Examples
    --------
    >>> from scrub_pixels import Policy, Scrubbed, Scrubber, scrub_all
    >>> scrubber = Scrubber(Policy(header_only=True))
    >>> outcomes = scrub_all([b"no DICOM", b"neither"], scrubber)
    >>> [outcome.code for outcome in outcomes]
    ['not-dicom', 'not-dicom']
    """
    waiting: deque[Future[Outcome]] = deque()
    with _pool(workers) as (pool, room):
        scrubber = scrubber or Scrubber()
        for source in sources:
            waiting.append(pool.submit(outcome_of, scrubber, source))
            if len(waiting) >= room:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def scrub_as_completed(sources: Iterable[Source], scrubber: Scrubber | None = None,
                       workers: int | None = None) -> Iterator[tuple[int, Outcome]]:
    """Yield the number of a source (from 0) and its outcome, as they end; otherwise as `scrub_all`.

    Examples
    --------
    >>> from scrub_pixels import Policy, Scrubber, scrub_as_completed
    >>> scrubber = Scrubber(Policy(header_only=True))
    >>> sorted((number, outcome.code) for number, outcome in scrub_as_completed([b"", b"x"], scrubber))
    [(0, 'not-dicom'), (1, 'not-dicom')]
    """
    numbers: dict[Future[Outcome], int] = {}
    with _pool(workers) as (pool, room):
        scrubber = scrubber or Scrubber()
        for number, source in enumerate(sources):
            numbers[pool.submit(outcome_of, scrubber, source)] = number
            if len(numbers) >= room:
                yield from _ended(numbers)
        while numbers:
            yield from _ended(numbers)


def _ended(numbers: dict[Future[Outcome], int]) -> Iterator[tuple[int, Outcome]]:
    done, _ = wait(numbers, return_when=FIRST_COMPLETED)
    for future in done:
        yield numbers.pop(future), future.result()


async def ascrub_all(sources: Iterable[Source] | AsyncIterable[Source], scrubber: Scrubber | None = None,
                     workers: int | None = None) -> AsyncIterator[Outcome]:
    """Yield the outcome of every source in order, without blocking the event loop; see `scrub_all`.

    Parameters
    ----------
    sources
        As for `scrub_all`, or an asynchronous iterable of the same.

    Examples
    --------
    >>> import asyncio
    >>> from scrub_pixels import Policy, Scrubber, ascrub_all
    >>> async def codes():
    ...     scrubber = Scrubber(Policy(header_only=True))
    ...     return [outcome.code async for outcome in ascrub_all([b"no DICOM"], scrubber)]
    >>> asyncio.run(codes())
    ['not-dicom']
    """
    loop, waiting = asyncio.get_running_loop(), deque[asyncio.Future[Outcome]]()
    with _pool(workers) as (pool, room):
        one = scrubber if scrubber is not None else await loop.run_in_executor(pool, Scrubber)
        async with aclosing(_asynchronous(sources)) as given:
            async for source in given:
                waiting.append(loop.run_in_executor(pool, partial(outcome_of, one), source))
                if len(waiting) >= room:
                    yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()


async def _asynchronous(items: Iterable[_Item] | AsyncIterable[_Item]) -> AsyncGenerator[_Item, None]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


@contextmanager
def _pool(workers: int | None) -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """Yield threads, and how many Instances may be under way; what had not begun is dropped at the end."""
    threads = max(1, workers or _cores())
    pool = ThreadPoolExecutor(threads, thread_name_prefix="scrub-pixels")
    try:
        yield pool, threads * AHEAD
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

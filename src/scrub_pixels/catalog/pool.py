"""Batches of files over processes; what a batch costs a process costs that batch alone."""

from __future__ import annotations

import concurrent.futures as futures
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from scrub_pixels.catalog.parts import Batch, read_batch
from scrub_pixels.run.workers import TimeLimitReached, WorkerLost, WorkerPool

SECONDS_A_BATCH = 600.0
SECONDS_A_FILE = 60.0
BATCHES_AHEAD = 4

Counted = tuple[Batch, list[int]]
"""A batch, and how many rows each of its files gave."""


def read_batches(batches: Iterator[Batch], jobs: int) -> Iterator[Counted]:
    """Read batches in `jobs` processes (0: in this one), and yield them as they end.

    A batch that kills its process or takes too long is read file by file; the culprit gets a row
    that says so.
    """
    if not jobs:
        yield from ((batch, read_batch(batch)) for batch in batches)
        return
    for batch, counts in _pooled(batches, jobs, SECONDS_A_BATCH):
        if isinstance(counts, list):
            yield batch, counts
            continue
        singles = (replace(batch, number=number, files=(file,))
                   for number, file in enumerate(batch.files, batch.number))
        for single, again in _pooled(singles, 1, SECONDS_A_FILE):
            yield single, again if isinstance(again, list) else read_batch(replace(single, casualty=again))


def _pooled(batches: Iterator[Batch], jobs: int, seconds: float) -> Iterator[tuple[Batch, list[int] | str]]:
    with WorkerPool(jobs) as pool:
        yield from _kept_busy(pool, batches, jobs * BATCHES_AHEAD, seconds)


def _kept_busy(pool: WorkerPool, batches: Iterator[Batch], most: int,
               seconds: float) -> Iterator[tuple[Batch, list[int] | str]]:
    running: dict[Any, Batch] = {}
    exhausted = False
    while running or not exhausted:
        while not exhausted and len(running) < most:
            batch = next(batches, None)
            exhausted = batch is None
            if batch is not None:
                running[pool.submit(read_batch, batch, seconds)] = batch
        done, _ = futures.wait(running, return_when=futures.FIRST_COMPLETED)
        for future in done:
            yield running.pop(future), _outcome(future)


def _outcome(future: Any) -> list[int] | str:
    try:
        return future.result()
    except TimeLimitReached:
        return "time-limit"
    except WorkerLost:
        return "crashed"

"""A Dask scheduler and workers on this machine, as separate processes that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 180

SCHEDULER = "scheduler.json"


def started(*arguments: str, search: str = "") -> subprocess.Popen[bytes]:
    """Start a command of Dask in a process group of its own, as the README says: without its profiler."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": search,
                   "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
                   "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    return subprocess.Popen([sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
                            start_new_session=True)


def started_worker(folder: Path, search: str = "") -> subprocess.Popen[bytes]:
    """Start a worker of one thread, and its nanny, for the scheduler whose files are in a folder."""
    return started("dask_worker", "--scheduler-file", str(folder / SCHEDULER), "--nthreads", "1",
                   "--no-dashboard", "--local-directory", str(folder), search=search)


@contextmanager
def local_cluster(folder: Path, workers: int = 2, search: str = "") -> Iterator[Any]:
    """Yield a client of a new scheduler with workers of one thread each.

    Parameters
    ----------
    folder
        For their files.
    workers
        How many.
    search
        Where workers find modules that are not installed.
    """
    from distributed import Client

    file = folder / SCHEDULER
    processes = [started("dask_scheduler", "--port", "0", "--dashboard-address", "127.0.0.1:0",
                         "--host", "127.0.0.1", "--scheduler-file", str(file), search=search)]
    try:
        until = time.monotonic() + PATIENCE
        while not file.exists():
            if time.monotonic() > until or processes[0].poll() is not None:
                raise RuntimeError("the scheduler did not start")
            time.sleep(0.05)
        processes += [started_worker(folder, search) for _ in range(workers)]
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            if workers:
                client.wait_for_workers(workers, timeout=PATIENCE)
            yield client
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

"""Worker processes on this machine: each does one task at a time, and a death is blamed on that task alone.

Every worker has a pipe of its own, and a thread here that waits for it. A worker says on the pipe that it
has begun before it begins, and what it said is read to the end after it died: so it is known for certain
whether a task cost it, or it died before it had one.

`concurrent.futures.ProcessPoolExecutor` loses every task when one worker dies. In Pebble (5.2) two threads
learn of a death and of who had taken the task; when the death comes first, either all tasks are lost or
that one never ends (seen once in some thousand crashes).
"""

from __future__ import annotations

import atexit
import multiprocessing
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from types import FrameType, TracebackType
from typing import Any, TypeVar

from scrub_pixels.errors import ScrubError

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

SECONDS_BETWEEN_CHECKS = 5.0
"""How often a worker that says nothing is looked at: a process it left behind may keep its pipe open."""

SECONDS_TO_LEAVE = 5.0
"""How long a worker without work may take to end by itself."""

SECONDS_BETWEEN_GLANCES = 0.005

_BEGUN = "begun"

_FOR_THE_OWNER = (signal.SIGINT, signal.SIGTERM)
"""A terminal and a service manager send these to the whole group: the owner decides what is finished."""

# What multiprocessing knows of children is for one thread: two that reap lose the exit code.
_CHILDREN = threading.Lock()


class WorkerLost(Exception):
    """A worker died over its task.

    Parameters
    ----------
    exitcode
        As `multiprocessing.Process.exitcode` gives it: minus the signal, if it was one; None if unknown.
    """

    def __init__(self, exitcode: int | None) -> None:
        super().__init__(exitcode)
        self.exitcode = exitcode


class TimeLimitReached(Exception):
    """A task took too long, and its worker was killed."""


class WorkersCannotStart(ScrubError):
    """A new worker died before it took its first task."""

    def __init__(self) -> None:
        super().__init__("Worker processes died before they had work, as when they cannot start.",
                         remedy="Start again with --resume; --jobs 0 works in one process and shows why. "
                                'A script needs `if __name__ == "__main__":` around its call.')


class _DiedUnbegun(Exception):
    """A worker died before it began the task it was given."""


class _RemoteTraceback(Exception):
    """Where an error was raised in the worker."""


class WorkerPool:
    """Workers that are started when they are needed and kept for the next task.

    As a context manager it waits for the workers at the end, and kills them on the way out of an error.

    Parameters
    ----------
    jobs
        How many tasks are done at a time.
    """

    def __init__(self, jobs: int) -> None:
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="scrub-pixels-worker")
        self._lock = threading.Lock()
        self._resting: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._stopped = False
        atexit.register(self.stop)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 where: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.stop()

    def submit(self, work: Callable[[Task], Outcome], task: Task, seconds: float = 0.0) -> Future[Outcome]:
        """Return the future of ``work(task)`` in a worker.

        It raises what the work raised, or `WorkerLost`, `TimeLimitReached`, `WorkersCannotStart`, or
        `CancelledError` if the pool was stopped meanwhile.

        Parameters
        ----------
        work
            A function that can be pickled, as its task and its outcome must.
        task
            Its argument.
        seconds
            How long it may take from when it begins; 0 is without a limit.

        Raises
        ------
        RuntimeError
            If the pool was closed or stopped.
        """
        return self._threads.submit(self._done, work, task, seconds)

    def close(self) -> None:
        """Wait for what is under way, and let the workers end."""
        self._threads.shutdown(wait=True)
        workers = self._taken_leave_of()
        for worker in workers:
            worker.dismiss()
        for worker in workers:
            worker.end(SECONDS_TO_LEAVE)

    def stop(self) -> None:
        """Cancel what has not begun, and kill the workers in the middle of what they do."""
        workers = self._taken_leave_of()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.end(0.0)
        self._threads.shutdown(wait=True)

    def _taken_leave_of(self) -> list[_Worker]:
        atexit.unregister(self.stop)
        with self._lock:
            self._stopped = True
            workers = list(self._all)
            self._all.clear()
            self._resting.clear()
        return workers

    def _done(self, work: Callable[[Task], Outcome], task: Task, seconds: float) -> Outcome:
        while True:
            worker, fresh = self._worker()
            try:
                outcome = worker.do(work, task, seconds)
            except (WorkerLost, TimeLimitReached, _DiedUnbegun) as error:
                self._lose(worker)
                if not isinstance(error, _DiedUnbegun):
                    raise
                if fresh:
                    raise WorkersCannotStart from None
                continue  # it died while it rested, and no task is to blame
            except BaseException:
                self._rest(worker)
                raise
            self._rest(worker)
            return outcome

    def _worker(self) -> tuple[_Worker, bool]:
        with self._lock:
            if self._stopped:
                raise CancelledError
            if self._resting:
                return self._resting.pop(), False
            try:
                worker = _Worker()
            except OSError:  # no memory for a process, or no more files
                raise WorkersCannotStart from None
            self._all.add(worker)
            return worker, True

    def _rest(self, worker: _Worker) -> None:
        with self._lock:
            if not self._stopped:
                self._resting.append(worker)

    def _lose(self, worker: _Worker) -> None:
        worker.end(0.0)
        with self._lock:
            if self._stopped:
                raise CancelledError
            self._all.discard(worker)


class _Worker:
    """One process and the pipe to it."""

    def __init__(self) -> None:
        # A forked child of a process with threads can hang in a native library.
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs,), name="scrub-pixels worker")
        # What starts under a mask keeps it: else a signal to the group ends a worker that just begins. The
        # tracker comes first, as its own start lifts the mask.
        resource_tracker.ensure_running()
        with _CHILDREN:
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_OWNER)
            try:
                self._process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                theirs.close()  # with the worker goes the last other end, and the pipe says so

    def do(self, work: Callable[[Any], Any], task: Any, seconds: float) -> Any:
        """Return what ``work(task)`` gives there, or raise what it raised."""
        try:
            self._pipe.send((work, task))
            self._pipe_says(0.0)
        except (OSError, EOFError):
            raise _DiedUnbegun from None
        try:
            outcome, error, where = self._pipe_says(seconds)
        except (OSError, EOFError):
            raise WorkerLost(self.end(SECONDS_TO_LEAVE)) from None
        if error is not None:
            raise error from _RemoteTraceback(where)
        return outcome

    def _pipe_says(self, seconds: float) -> Any:
        until = time.monotonic() + seconds if seconds else float("inf")
        while True:
            left = max(0.0, min(SECONDS_BETWEEN_CHECKS, until - time.monotonic()))
            if self._pipe in wait([self._pipe, self._process.sentinel], left) or self._pipe.poll():
                return self._received()
            if not self._alive() and not self._pipe.poll():
                raise EOFError
            if time.monotonic() >= until:
                raise TimeLimitReached

    def _received(self) -> Any:
        raw = self._pipe.recv_bytes()
        try:
            return pickle.loads(raw)
        except Exception as error:  # noqa: BLE001 - an outcome that cannot be taken in is the task's fault
            return None, error, ""

    def _alive(self) -> bool:
        with _CHILDREN:
            return self._process.is_alive()

    def dismiss(self) -> None:
        """Tell it that no more work comes."""
        self._pipe.close()

    def end(self, seconds: float) -> int | None:
        """Return its exit code; kill it if it has not ended within so many seconds."""
        if not self._gone(seconds):
            with _CHILDREN:
                self._process.kill()
            self._gone(SECONDS_TO_LEAVE)
        with _CHILDREN:
            return self._process.exitcode

    def _gone(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self._alive():  # not its sentinel: a process it left behind may keep that open, too
            if time.monotonic() >= until:
                return False
            time.sleep(SECONDS_BETWEEN_GLANCES)
        return True


def _serve(pipe: Connection) -> None:
    """Do what comes through the pipe, until its other end is closed or its owner has died."""
    for number in _FOR_THE_OWNER:
        signal.signal(number, _unheard)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_OWNER)
    try:
        while True:
            raw = pipe.recv_bytes()
            pipe.send(_BEGUN)
            pipe.send_bytes(_answer(raw))
    except (EOFError, OSError):
        return


def _unheard(number: int, frame: FrameType | None) -> None:
    """Do nothing; unlike a signal that is ignored, programs started from here do not inherit this."""


def _answer(raw: bytes) -> bytes:
    try:
        work, task = pickle.loads(raw)
        return pickle.dumps((work(task), None, ""))
    except Exception as error:  # noqa: BLE001 - it is raised again where the outcome is asked for
        return _refused(error)


def _refused(error: Exception) -> bytes:
    where = "\n" + "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        raw = pickle.dumps((None, error, where))
        pickle.loads(raw)
    except Exception:  # noqa: BLE001 - errors of foreign libraries need not survive pickling
        return pickle.dumps((None, RuntimeError(f"{type(error).__name__} in a worker process"), where))
    return raw

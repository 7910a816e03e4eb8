"""What one Instance may cost its worker: time that the kernel ends, and memory that the kernel refuses."""

from __future__ import annotations

import functools
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scrub_pixels.errors import Refusal

TIME_IS_UP = signal.SIGALRM
"""Nothing handles it: it ends a worker even inside native code that never returns to Python."""

_STATUS = Path("/proc/self/status")
_DATA = "VmData:"


class OutOfMemory(Refusal):
    """The Instance needed more memory than a worker may have, or than there is."""

    code = "memory"


def out_of_memory() -> OutOfMemory:
    """Return the refusal of an Instance that did not fit."""
    return OutOfMemory("The memory did not suffice for this Instance.", stage="decode",
                       remedy="Use fewer --jobs, a higher --memory, or a machine with more memory.")


@dataclass(frozen=True)
class Cost:
    """What one Instance may cost; 0 is without a limit.

    Parameters
    ----------
    seconds
        Time, after which the worker process ends. Only for processes that somebody replaces.
    memory
        Bytes beyond what the worker needs anyway; allocations over it fail (RLIMIT_DATA).
    """

    seconds: float = 0.0
    memory: int = 0

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Keep what runs inside to these limits."""
        with _time_limited(self.seconds), _memory_limited(self.memory):
            yield


class _Deadlines:
    """The one alarm clock of a process, shared by its threads: it is set to the earliest deadline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[int, float] = {}

    def set(self, seconds: float) -> None:
        """Set the deadline of this thread."""
        with self._lock:
            self._until[threading.get_ident()] = time.monotonic() + seconds
            self._wind()

    def clear(self) -> None:
        """Forget the deadline of this thread."""
        with self._lock:
            self._until.pop(threading.get_ident(), None)
            self._wind()

    def _wind(self) -> None:
        # A timer of 0 would be none at all.
        left = max(1e-3, min(self._until.values()) - time.monotonic()) if self._until else 0.0
        signal.setitimer(signal.ITIMER_REAL, left)


@functools.lru_cache(maxsize=1)
def _deadlines() -> _Deadlines:
    return _Deadlines()


@contextmanager
def _time_limited(seconds: float) -> Iterator[None]:
    if not seconds:
        yield
        return
    _deadlines().set(seconds)
    try:
        yield
    finally:
        _deadlines().clear()


@contextmanager
def _memory_limited(extra: int) -> Iterator[None]:
    used = data_bytes() if extra else 0
    if not used:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = used + extra if hard == resource.RLIM_INFINITY else min(used + extra, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def data_bytes() -> int:
    """Return the private memory of this process in bytes, as RLIMIT_DATA counts it; 0 if unknown."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(_DATA)), 0)

"""The private spool: an instance lies here, whole and synced, before its sender is told so."""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from scrub_pixels.errors import ScrubError
from scrub_pixels.gateway.settings import Spooling
from scrub_pixels.store.atomic import failures_explained, sync_folder

SUFFIX = ".dcm"


class SpoolFull(ScrubError):
    """The spool may not grow now; the sender has to try again later."""


class Spool:
    """Files of instances that were received and are not done with; any thread may use it.

    Parameters
    ----------
    folder
        The spool in the workspace, made with mode 0700 if new.
    limits
        How much it may hold.
    """

    def __init__(self, folder: Path, limits: Spooling) -> None:
        self.folder, self.limits = folder, limits
        self._incoming = folder / "incoming"
        self._lock = threading.Lock()
        self._stripes = tuple(threading.Lock() for _ in range(64))
        self._names = GroupSync(folder)
        with failures_explained("The spool"):
            for private in (folder, self._incoming):
                private.mkdir(mode=0o700, exist_ok=True)
            shutil.rmtree(self._incoming)  # what a crash left half received: its sender was told nothing
            self._incoming.mkdir(mode=0o700)
        sizes = [entry.stat().st_size for entry in os.scandir(folder) if entry.name.endswith(SUFFIX)]
        self._files, self._bytes = len(sizes), sum(sizes)

    @property
    def usage(self) -> tuple[int, int]:
        """Files and bytes in the spool."""
        return self._files, self._bytes

    def check_room(self, waiting: int, size: int = 0) -> None:
        """See that one more instance may come.

        Raises
        ------
        SpoolFull
            If too many wait, or the bytes or the disk are used up.
        """
        limits = self.limits
        if waiting >= limits.instances or self._bytes + size > limits.size:
            raise SpoolFull("The spool is full.", remedy="Send again later.")
        if shutil.disk_usage(self.folder).free - size < limits.reserve:
            raise SpoolFull("The disk of the spool is nearly full.", remedy="Free some space.")

    @contextmanager
    def incoming(self) -> Iterator[tuple[Path, BinaryIO]]:
        """Yield a new private file to receive into; it goes at the end if `keep` did not take it."""
        path = self._incoming / secrets.token_hex(16)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield path, file
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def keep(self, received: Path, token: str) -> Path:
        """Give a received file its name, and make both durable; one that stands already stays.

        The name comes first, so that one sync of the file system takes name and content. What a
        crash leaves under a name is whole only if its content still gives the token; see
        `Reception`. All who keep a file at the same time share one sync of the folder, except those
        that bring the same one: what the first takes back as its sync fails may not be what the
        second relies on.
        """
        target = self.path(token)
        with self._stripes[int(token[:4], 16) % len(self._stripes)]:
            new = not target.exists()
            if new:
                os.rename(received, target)
            try:
                size = _sync(target)
                self._names.sync()
            except OSError:
                if new:
                    target.unlink(missing_ok=True)
                raise
        if new:
            with self._lock:
                self._files, self._bytes = self._files + 1, self._bytes + size
        return target

    def path(self, token: str) -> Path:
        """Return where the instance of a token lies."""
        return self.folder / (token + SUFFIX)

    def drop(self, token: str) -> None:
        """Remove an instance that is done with."""
        path = self.path(token)
        with self._lock, suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            self._files -= 1
            self._bytes -= size

    def tokens(self) -> Iterator[str]:
        """Yield the token of every instance in the spool."""
        for entry in os.scandir(self.folder):
            if entry.name.endswith(SUFFIX):
                yield entry.name.removesuffix(SUFFIX)


class GroupSync:
    """Makes the names in a folder durable, with one sync for all threads that ask meanwhile.

    Parameters
    ----------
    folder
        Whose names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = threading.Condition()
        self._begun = self._ended = 0
        self._busy = False

    def sync(self) -> None:
        """Return once a sync has ended well that began after this was called.

        Raises
        ------
        OSError
            If the disk does not take it. Others who waited for the same sync try it themselves.
        """
        with self._turn:
            wanted = self._begun + 1  # one that is under way may have passed our name by
            while self._ended < wanted:
                if self._busy:
                    self._turn.wait()
                else:
                    self._sync_now()

    def _sync_now(self) -> None:
        """Sync, with the lock let go meanwhile."""
        self._busy, self._begun = True, self._begun + 1
        number = self._begun
        self._turn.release()
        try:
            sync_folder(self._folder)
        except OSError:
            number = 0
            raise
        finally:
            self._turn.acquire()
            self._busy, self._ended = False, max(self._ended, number)
            self._turn.notify_all()


def _sync(path: Path) -> int:
    """Make a file durable, and return its size."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)

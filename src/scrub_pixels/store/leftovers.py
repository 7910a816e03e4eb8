"""Private folders of this machine in which an Instance is proven, and what killed processes left of them.

A run into a folder proves its files inside OUT; a stream and an object store have no such place, and take
the folder for temporary files. Only de-identified bytes ever enter it. Its name says whose it is: a
folder is swept only if the process of that number is gone, and it belongs to the same user, on the same
machine and in the same space of process numbers (containers may share a folder for temporary files).
A number that was given anew keeps a folder until that process has ended too.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scrub_pixels.store.atomic import PARTIAL_PREFIX

_NUMBERS_OF = "/proc/self/ns/pid"
_NAME = re.compile(re.escape(PARTIAL_PREFIX) + r"(?P<pid>[1-9][0-9]{0,9})-(?P<where>[0-9a-f]{16})-\w+\Z")


def private_folder() -> Path:
    """Make a new folder, mode 0700, for the files of this process; the caller removes it."""
    return Path(tempfile.mkdtemp(prefix=f"{PARTIAL_PREFIX}{os.getpid()}-{_where()}-"))


@contextmanager
def swept_folder() -> Iterator[Path]:
    """Sweep what killed processes left, and lend a new private folder."""
    sweep_leftovers()
    folder = private_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_leftovers() -> int:
    """Remove private folders of processes that are gone, and return how many there were.

    Two that sweep at once do no harm: what one of them does not find any more is gone.
    """
    with suppress(OSError):
        with os.scandir(tempfile.gettempdir()) as scan:
            gone = [entry.path for entry in scan if _is_left(entry)]
        for folder in gone:
            shutil.rmtree(folder, ignore_errors=True)
        return len(gone)
    return 0


def _is_left(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a private folder of a process of ours that is gone."""
    named = _NAME.match(entry.name)
    if named is None or named["where"] != _where():
        return False
    with suppress(OSError):
        status = entry.stat(follow_symlinks=False)
        ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        return ours and not _is_alive(int(named["pid"]))
    return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # somebody else's, or nothing that can be told: in doubt it stays
    return True


def _where() -> str:
    """Return what tells apart machines, and spaces of process numbers on one machine."""
    numbers = ""
    with suppress(OSError):
        numbers = os.readlink(_NUMBERS_OF)
    return hashlib.sha256(f"{platform.node()}\0{numbers}".encode()).hexdigest()[:16]

"""The journal of an output folder: every name is entered, durably, before it is given to a file.

A run that ends in the middle leaves files without an account. The next run withdraws those the
journal names and does their inputs again; a file that neither ledger nor journal knows was put
there by somebody else, and is never touched. Names in OUT are built free of identifiers
(`store.layout`), so the journal holds none. One file per process; lines end in a line feed, and a
line without one was never acted upon.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

PREFIX = "journal-"
CHUNK = 1 << 16


def is_journal(file: Path) -> bool:
    """Tell whether a file of the private folder is a journal."""
    return file.name.startswith(PREFIX)


def enter_names(partial: Path, names: Iterable[str]) -> None:
    """Enter names that are about to be given, and make that durable.

    Parameters
    ----------
    partial
        The private folder of the run.
    names
        Paths below OUT.
    """
    lines = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    _append(partial / f"{PREFIX}{os.getpid()}-{_boot()}", lines)


def journaled_names(partial: Path) -> Iterator[str]:
    """Yield every name that was entered, some of them more than once."""
    for file in partial.iterdir():
        if is_journal(file):
            yield from _whole_lines(file)


def carry_over(old: Path, new: Path) -> None:
    """Enter what the journals of a run that broke off say into the private folder of the next."""
    for number, file in enumerate(sorted(filter(is_journal, old.iterdir()))):
        lines = "".join(f"{name}\n" for name in _whole_lines(file))
        if lines:
            name = f"{PREFIX}carried-{number}-{secrets.token_hex(8)}"
            _append(new / name, lines.encode("utf-8", "surrogateescape"))


def _boot() -> str:
    """Return what tells apart processes of the same number on machines that share OUT."""
    return os.uname().nodename[:40].replace("/", "-")


def _whole_lines(file: Path) -> Iterator[str]:
    text = file.read_bytes().decode("utf-8", "surrogateescape")
    yield from text.split("\n")[:-1]


def _append(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fresh = os.fstat(descriptor).st_size == 0
        while content:
            content = content[os.write(descriptor, content):]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if fresh:
        _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems cannot sync a folder
        pass
    finally:
        os.close(descriptor)

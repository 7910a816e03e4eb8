"""Accounts for a shared review: names, roles and argon2 digests in one private file of the workspace."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scrub_pixels.errors import MissingDependency, UsageError, WorkspaceError
from scrub_pixels.review.site.people import Person, Role
from scrub_pixels.review.site.sessions import Clock
from scrub_pixels.store.atomic import sync_folder, write_private

FILE = "accounts.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1000
FREE_TRIES = 5
FIRST_WAIT, LONGEST_WAIT = 30.0, 900.0
MOST_WATCHED = 10_000


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """One account as the file has it."""

    name: str
    role: Role
    digest: str = field(repr=False)


class Accounts:
    """The accounts of a workspace.

    Parameters
    ----------
    workspace
        The private folder.

    Raises
    ------
    MissingDependency
        If argon2-cffi is not installed.
    """

    def __init__(self, workspace: Path) -> None:
        self._file = workspace / FILE
        self._hasher = _hasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    def all(self) -> list[StoredAccount]:
        """Return every account by name.

        Raises
        ------
        WorkspaceError
            If the file is damaged.
        """
        try:
            table = json.loads(self._file.read_text(encoding="utf-8"))
            return [_account(name, row) for name, row in sorted(table.items())]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise WorkspaceError("The file accounts.json of the workspace cannot be used.",
                                 remedy="Restore a copy, or remove it and add the accounts anew.") from None

    def person(self, name: str) -> Person | None:
        """Return who an account belongs to and its role as it is now, or None."""
        return next((Person(a.name, a.role) for a in self.all() if a.name == name), None)

    def check(self, name: str, password: str) -> Person | None:
        """Return the person if the password is right; takes as long for a name that nobody has."""
        account = next((a for a in self.all() if a.name == name), None)
        if len(password) > LONGEST_PASSWORD:
            return None
        right = self._verify(account.digest if account else self._nobody, password)
        return Person(account.name, account.role) if account and right else None

    def add(self, name: str, password: str, role: Role) -> None:
        """Add an account, or give one a new password and role.

        Raises
        ------
        UsageError
            If the name has characters beyond letters, digits and ``._-``, or the password is too
            short, too long or holds the name.
        """
        _check(name, password)
        with self._changed() as table:
            table[name] = {"role": role.value, "digest": self._hasher.hash(password)}

    def remove(self, name: str) -> None:
        """Remove an account; its lines in decision logs stay.

        Raises
        ------
        UsageError
            If nobody has that name.
        """
        with self._changed() as table:
            if table.pop(name, None) is None:
                raise UsageError("There is no account of that name.",
                                 remedy="See `scrub-pixels review users list`.")

    def _verify(self, digest: str, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return self._hasher.verify(digest, password)
        except (VerificationError, InvalidHashError):
            return False

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Any]]:
        """Change the file under a lock; what it was stays if that fails."""
        if not (self._file.parent / "version").is_file():
            raise WorkspaceError("There is no workspace here.",
                                 remedy="Name the folder that a run printed, usually OUT.workspace.")
        lock = os.open(self._file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            table = {a.name: {"role": a.role.value, "digest": a.digest} for a in self.all()}
            yield table
            self._write(table)
        finally:
            os.close(lock)

    def _write(self, table: Mapping[str, Any]) -> None:
        temporary = self._file.with_name(f".{FILE}-{secrets.token_hex(8)}")
        try:
            write_private(temporary, iter([json.dumps(table, indent=1).encode()]))
            os.replace(temporary, self._file)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(self._file.parent)


class Throttle:
    """Makes whoever guesses passwords wait: after a few failures, twice as long each time."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def wait(self, *keys: str) -> float:
        """Return the seconds until any of these (a name, an address) may try again."""
        with self._lock:
            return max(0.0, *(self._failures.get(key, (0, 0.0))[1] - self._clock() for key in keys))

    def failed(self, *keys: str) -> None:
        """Count a failure of each of these."""
        with self._lock:
            while len(self._failures) > MOST_WATCHED:
                del self._failures[next(iter(self._failures))]
            for key in keys:
                count = self._failures.pop(key, (0, 0.0))[0] + 1
                self._failures[key] = count, self._clock() + _wait_after(count)

    def succeeded(self, *keys: str) -> None:
        """Forget the failures of these."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)


def _wait_after(failures: int) -> float:
    over = failures - FREE_TRIES
    return 0.0 if over < 0 else float(min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(over, 10)))


def _hasher() -> Any:
    try:
        from argon2 import PasswordHasher
    except ImportError:
        raise MissingDependency("The package argon2-cffi is not installed, which passwords need.",
                                remedy='Install it with: pip install "scrub-pixels[review]"') from None
    return PasswordHasher()


def _account(name: str, row: Mapping[str, Any]) -> StoredAccount:
    return StoredAccount(str(name), Role(row["role"]), str(row["digest"]))


def _check(name: str, password: str) -> None:
    if not NAME.fullmatch(name):
        raise UsageError("The name has characters that a name here cannot have.",
                         remedy="Use up to 40 letters, digits, dots, hyphens and underscores.")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UsageError(f"The password has fewer than {SHORTEST_PASSWORD} or very many characters.",
                         remedy="A few words together make a good one.")
    if name.lower() in password.lower():
        raise UsageError("The password holds the name.", remedy="Choose another.")

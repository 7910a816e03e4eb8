"""The crosswalk: who became whom, and which UID became which; the most private file of a workspace.

One row per pair of old and new, known by a digest of both, so that a second run adds nothing. With
a passphrase every pair is sealed (AES-256-GCM under a key that scrypt derives from it) and known
by a keyed digest; a copy of the file then tells nothing but how many pairs there are.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from hashlib import scrypt
from pathlib import Path
from typing import Protocol

from scrub_pixels.errors import MissingDependency, WorkspaceError
from scrub_pixels.header.crosswalk import Pairs
from scrub_pixels.store.atomic import write_private
from scrub_pixels.store.database import Batched, connect, database_explained

SCHEMA = """
CREATE TABLE IF NOT EXISTS seal (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    salt BLOB NOT NULL,
    proof BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS pairs (
    kind TEXT NOT NULL,
    mark BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (kind, mark)
) STRICT, WITHOUT ROWID;
"""

PROOF = b"scrub-pixels crosswalk"
_SCRYPT = {"n": 1 << 15, "r": 8, "p": 1, "maxmem": 1 << 26, "dklen": 64}
"""About 0.1 s and 32 MiB for each guess of a passphrase (RFC 7914)."""

_NONCE, _MARK = 12, 16
_REMEMBERED, _AT_HAND = 100_000, 1_000


class Kind(str, Enum):
    """What a pair is about."""

    PATIENT = "patient"
    UID = "uid"


class Seal(Protocol):
    """How pairs are stored."""

    @property
    def secret(self) -> bytes:
        """The key of the digests by which pairs are known."""

    def closed(self, content: bytes) -> bytes:
        """Return what is stored for `content`."""

    def opened(self, stored: bytes) -> bytes:
        """Return the content again."""


@dataclass(frozen=True)
class NoSeal:
    """Pairs as they are; the file's mode is their only protection."""

    secret: bytes = b""

    def closed(self, content: bytes) -> bytes:
        """Return the content."""
        return content

    def opened(self, stored: bytes) -> bytes:
        """Return the content."""
        return stored


class PassphraseSeal:
    """AES-256-GCM under a key derived from a passphrase or the content of a key file.

    Raises
    ------
    MissingDependency
        If the package cryptography is not installed.
    """

    def __init__(self, passphrase: bytes, salt: bytes) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError:
            raise MissingDependency("Encrypting the crosswalk needs the package cryptography.",
                                    remedy="pip install 'scrub-pixels[crosswalk]'") from None
        derived = scrypt(passphrase, salt=salt, **_SCRYPT)
        self.secret = derived[32:]
        self._cipher = AESGCM(derived[:32])

    def __repr__(self) -> str:
        return "PassphraseSeal()"

    def closed(self, content: bytes) -> bytes:
        """Return nonce and ciphertext."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, None)

    def opened(self, stored: bytes) -> bytes:
        """Return the content.

        Raises
        ------
        WorkspaceError
            If this was not sealed with the same passphrase, or is damaged.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(stored[:_NONCE], stored[_NONCE:], None)
        except (InvalidTag, ValueError):
            raise WorkspaceError("The passphrase does not open this crosswalk, or the file is damaged.",
                                 remedy="Give the passphrase or key file of its first run.") from None


class Crosswalk:
    """The pairs of a workspace; one process writes.

    Parameters
    ----------
    file
        The SQLite file, made with mode 0600 if new.
    passphrase
        What seals the pairs; empty leaves them plain.

    Raises
    ------
    WorkspaceError
        If the file is sealed and the passphrase does not open it, or is plain and one is given.
    """

    def __init__(self, file: Path, passphrase: bytes = b"") -> None:
        self._db = connect(file, SCHEMA)
        self._batch = Batched(self._db)
        self._seen: set[bytes] = set()
        self._lately: set[tuple[Kind, str, str]] = set()
        try:
            self._seal = _seal_of(self._db, passphrase)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Commit what is open and close the file."""
        try:
            self._batch.commit()
        finally:
            self._db.close()

    def commit(self) -> None:
        """Make everything written so far durable now."""
        self._batch.commit()

    def add(self, pairs: Pairs) -> None:
        """Enter the pairs of one Instance; what is there already stays once."""
        patient, new = pairs.patient
        fresh = [*self._fresh(Kind.PATIENT, {patient: new} if patient and patient != new else {}),
                 *self._fresh(Kind.UID, pairs.uids)]
        if fresh:
            with database_explained():
                self._db.executemany("INSERT OR IGNORE INTO pairs VALUES (?,?,?)", fresh)
                self._batch.wrote()

    def _fresh(self, kind: Kind, pairs: Mapping[str, str]) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield rows for the pairs that this process has not entered lately."""
        for pair in pairs.items():
            if self._entered_just_now(kind, *pair):
                continue
            content = json.dumps(pair).encode()
            mark = hmac.digest(self._seal.secret, kind.value.encode() + content, "sha256")[:_MARK]
            if mark not in self._seen:
                if len(self._seen) >= _REMEMBERED:
                    self._seen.clear()
                self._seen.add(mark)
                yield kind.value, mark, self._seal.closed(content)

    def _entered_just_now(self, kind: Kind, old: str, new: str) -> bool:
        """Tell whether a pair was met before, as those of patient, Study and Series are time and again."""
        pair = kind, old, new
        if pair in self._lately:
            return True
        if len(self._lately) >= _AT_HAND:
            self._lately.clear()
        self._lately.add(pair)
        return False

    def pairs(self, kind: Kind) -> Iterator[tuple[str, str]]:
        """Yield ``(old, new)`` of one kind, in no order."""
        for row in self._db.execute("SELECT content FROM pairs WHERE kind = ?", (kind.value,)):
            old, new = json.loads(self._seal.opened(row["content"]))
            yield old, new


@contextmanager
def open_crosswalk(file: Path, passphrase: bytes = b"") -> Iterator[Crosswalk]:
    """Open the crosswalk of a workspace, and close it at the end."""
    crosswalk = Crosswalk(file, passphrase)
    try:
        yield crosswalk
    finally:
        crosswalk.close()


def is_sealed(file: Path) -> bool:
    """Tell whether a crosswalk needs a passphrase."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT count(*) FROM seal").fetchone()[0] > 0
    return False


def _seal_of(database: sqlite3.Connection, passphrase: bytes) -> Seal:
    """Return the seal that a crosswalk was begun with; a new one is begun as asked."""
    with database_explained():
        row = database.execute("SELECT salt, proof FROM seal").fetchone()
        begun = database.execute("SELECT 1 FROM pairs LIMIT 1").fetchone() is not None
    if row is None and not passphrase:
        return NoSeal()
    if row is not None and not passphrase:
        raise WorkspaceError("The crosswalk of this workspace is encrypted.",
                             remedy="Give its key with --crosswalk-key.")
    if row is None and begun:
        raise WorkspaceError("The crosswalk of this workspace was begun without encryption.",
                             remedy="Leave out --crosswalk-key, or name a new workspace.")
    return _opened_seal(row, passphrase) if row is not None else _new_seal(database, passphrase)


def _opened_seal(row: sqlite3.Row, passphrase: bytes) -> Seal:
    seal = PassphraseSeal(passphrase, row["salt"])
    if seal.opened(row["proof"]) != PROOF:
        raise WorkspaceError("The crosswalk is damaged.", remedy="Restore it from a copy.")
    return seal


def _new_seal(database: sqlite3.Connection, passphrase: bytes) -> Seal:
    salt = secrets.token_bytes(16)
    seal = PassphraseSeal(passphrase, salt)
    with database_explained():
        database.execute("INSERT INTO seal (id, salt, proof) VALUES (1, ?, ?)", (salt, seal.closed(PROOF)))
        database.commit()
    return seal


@dataclass(frozen=True)
class Export:
    """What `export` wrote.

    Parameters
    ----------
    patients, uids
        The files.
    counts
        Pairs in each of them.
    """

    patients: Path
    uids: Path
    counts: tuple[int, int] = field(default=(0, 0))


def export(crosswalk: Crosswalk, folder: Path) -> Export:
    """Write ``patients.csv`` and ``uids.csv`` (``id_old,id_new``), mode 0600, into a new private folder.

    Raises
    ------
    FileExistsError
        If one of the files is there already.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {kind: folder / f"{kind.value}s.csv" for kind in Kind}
    counts = tuple(_write_csv(files[kind], sorted(crosswalk.pairs(kind))) for kind in Kind)
    return Export(files[Kind.PATIENT], files[Kind.UID], (counts[0], counts[1]))


def _write_csv(file: Path, pairs: list[tuple[str, str]]) -> int:
    write_private(file, (line.encode() for line in _lines(pairs)))
    os.chmod(file, 0o600)
    return len(pairs)


def _lines(pairs: list[tuple[str, str]]) -> Iterator[str]:
    yield "id_old,id_new\n"
    for pair in pairs:
        yield ",".join(_cell(value) for value in pair) + "\n"


def _cell(value: str) -> str:
    """Return a CSV cell (RFC 4180): quoted where it has to be, never altered, for programs."""
    return '"' + value.replace('"', '""') + '"' if any(c in value for c in ',"\r\n') else value

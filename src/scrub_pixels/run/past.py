"""What earlier runs left: what still stands, what goes, and what is not ours to touch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from scrub_pixels.errors import Refusal, UsageError
from scrub_pixels.run.discovery import Source
from scrub_pixels.store.accounts import Account, Outcome
from scrub_pixels.store.atomic import Output
from scrub_pixels.store.books import Books
from scrub_pixels.store.ledger import Row
from scrub_pixels.store.places import is_url
from scrub_pixels.store.readback import file_digest

WORTH_ANOTHER_TRY = frozenset({"crashed", "time-limit", "memory", "internal-error", "unreadable", "vanished"})
"""Reasons that may lie in the machine or the moment: --resume tries these inputs again."""

VANISHED = Account(Outcome.REFUSED, code="vanished", stage="open",
                   message="The input was gone before it was finished. Bring it back and use --resume.")


class Past:
    """The earlier runs that wrote to this OUT.

    Parameters
    ----------
    resume
        True to go on with them; False if OUT is new.
    out
        The output folder.
    books
        Of the workspace.
    digest
        Of the policy now in force.
    """

    def __init__(self, resume: bool, out: Output, books: Books, digest: str) -> None:
        self._resume, self._out, self._ledger, self._digest = resume, out, books.ledger, digest
        self._standing: frozenset[str] = frozenset()

    def settle(self) -> None:
        """Bring OUT and ledger together: afterwards each file has its account, and each account its file.

        Raises
        ------
        UsageError
            If OUT holds Instances that no run of this workspace wrote.
        """
        if not self._resume:
            self._ledger.forget()
            return
        self._check_foreign()
        for row in list(self._ledger.stale(self._digest)):
            self._take_back(row)
        for output in self._ledger.unaccounted(self._out.files()):
            self._out.withdraw(output)
        self._standing = frozenset(self._find_standing())

    def close(self, number: int) -> None:
        """Account for inputs that an earlier run had begun, and that have vanished since."""
        for row in list(self._ledger.pending()):
            if row.run != number and not is_there(row):
                self._ledger.settle(row.id, VANISHED, self._digest)

    def stands_for(self, source: Source, name: str) -> bool:
        """Tell whether this input is settled; what was released of an older version of it is withdrawn.

        Parameters
        ----------
        source
            An input as it is now.
        name
            The name it would have in OUT, if the run chooses names.
        """
        row = self._ledger.find(source)
        if row is None:
            return False
        if self._is_settled(row, source, name):
            return True
        if row.output:
            self._out.withdraw(row.output)
        return False

    def _is_settled(self, row: Row, source: Source, name: str) -> bool:
        if row.outcome is None or row.policy_digest != self._digest or row.code in WORTH_ANOTHER_TRY:
            return False
        if name and row.output not in ("", name):
            return False
        return self._stands(row) and self._is_unchanged(row, source)

    def _is_unchanged(self, row: Row, source: Source) -> bool:
        """Tell by size and time whether an input is what it was; where the time differs, by its content."""
        if (row.size, row.modified) == (source.size, source.modified):
            return True
        if row.size != source.size or not row.digest or digest_of(source) != row.digest:
            return False
        self._ledger.touch(row.id, source)
        return True

    def _check_foreign(self) -> None:
        ours = self._out.journaled()
        foreign = sum(name not in ours for name in self._ledger.unaccounted(self._out.files()))
        if foreign:
            raise UsageError(f"OUT holds {foreign} DICOM files that no run of this workspace has written.",
                             remedy="Move them away, or name a new output folder; nothing was touched.")

    def _take_back(self, row: Row) -> None:
        self._out.withdraw(row.output)
        self._ledger.reopen(row.id)

    def _find_standing(self) -> Iterator[str]:
        """Yield the digests of what stands in OUT for inputs that are as they were.

        What stands for an input that has changed is withdrawn now, before any copy of what that
        input was comes up: a copy must not rely on it. What does not stand is forgotten.
        """
        gone, copies = [], []
        for row in list(self._ledger.rows([Outcome.RELEASED])):
            if not row.output:
                copies.append(row)
            elif not self._stands(row):
                gone.append(row)
            elif is_as_it_was(row):
                yield str(row.facts.get("sha256", ""))
            elif self._has_other_content(row):
                self._take_back(row)
            else:
                yield str(row.facts.get("sha256", ""))
        self._forget([*gone, *self._orphans(copies, gone)])

    def _has_other_content(self, row: Row) -> bool:
        return not row.digest or digest_of(source_of(row)) != row.digest

    def _orphans(self, copies: list[Row], gone: list[Row]) -> list[Row]:
        lost = {row.facts.get("sha256") for row in gone}
        return [row for row in copies if row.facts.get("sha256") in lost]

    def _forget(self, rows: list[Row]) -> None:
        for row in rows:
            if row.output:
                self._out.withdraw(row.output)
        self._ledger.forget(row.id for row in rows)

    def _stands(self, row: Row) -> bool:
        """Tell whether the output of a settled input, or of the one it is a copy of, is still there."""
        if row.code == "duplicate":
            return row.facts.get("sha256") in self._standing
        return not row.output or self._out.size(row.output) == row.facts.get("bytes")


def source_of(row: Row) -> Source:
    """Return the input a row of the ledger is about, as it is now."""
    size, modified = row.size, row.modified
    if row.member is None and not is_url(row.path):
        try:
            status = os.stat(row.path)
            size, modified = status.st_size, status.st_mtime_ns
        except OSError:
            pass
    path: Path | str = row.path if is_url(row.path) else Path(row.path)
    return Source(path, row.relative, row.member, size, modified)


def digest_of(source: Source) -> str:
    """Return the SHA-256 of the bytes of an input, or an empty string if it cannot be read."""
    try:
        content = source.read(source.size)
        return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else file_digest(content)
    except (Refusal, OSError):
        return ""


def exists(place: Path | str) -> bool:
    """Tell whether IN is there; what cannot be asked is taken for there."""
    return is_url(place) or os.path.exists(place)


def is_there(row: Row) -> bool:
    """Tell whether the file of an input still exists."""
    return exists(row.path)


def is_as_it_was(row: Row) -> bool:
    """Tell whether an input is what it was when it was settled, or is no longer there to tell."""
    try:
        status = os.stat(row.path)
    except OSError:
        return True
    return status.st_mtime_ns == row.modified and (row.member is not None or status.st_size == row.size)

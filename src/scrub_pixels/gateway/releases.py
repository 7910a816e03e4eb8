"""Held instances that a person has released in the meantime go on their way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scrub_pixels.gateway.journal import Ending, Stage
from scrub_pixels.gateway.reception import Reception
from scrub_pixels.gateway.settings import GatewaySettings
from scrub_pixels.run.discovery import Source
from scrub_pixels.store.accounts import Outcome
from scrub_pixels.store.ledger import Ledger
from scrub_pixels.store.workspace import Workspace


class Releases:
    """Finds what was released in review; called within a shift only.

    Parameters
    ----------
    settings, workspace, reception
        As for `Scrubbing`.
    """

    def __init__(self, settings: GatewaySettings, workspace: Workspace, reception: Reception) -> None:
        self._settings, self._workspace, self._reception = settings, workspace, reception
        self._seen = -1

    def may_be(self) -> bool:
        """Tell whether something is held, and the ledger was written since the last look."""
        return self._newest() != self._seen and bool(self._reception.journal.held(most=1))

    def collect(self, ledger: Ledger) -> bool:
        """Let what was released in review go on its way; True if there was any."""
        endings = list(self._released(ledger)) if self.may_be() else []
        if endings:
            digest = self._settings.policy.digest_under(self._workspace.key)
            self._reception.journal.settle(endings, digest)
        for ending in endings:
            self._reception.spool.drop(ending.token)
        return bool(endings)

    def looked(self) -> None:
        """Remember the ledger as it is now: what this shift wrote is no news."""
        self._seen = self._newest()

    def _released(self, ledger: Ledger) -> Iterator[Ending]:
        stage, after = (Stage.DUE if self._settings.forwards else Stage.DONE), ""
        while tokens := self._reception.journal.held(after):
            for token in tokens:
                row = ledger.find(source_of(self._reception.spool.path(token)))
                if row and row.outcome is Outcome.RELEASED and row.output:
                    yield Ending(token, stage, row.code, row.output, str(row.facts.get("sha256", "")))
            after = tokens[-1]

    def _newest(self) -> int:
        file = self._workspace.ledger_file
        files = (file, file.with_name(file.name + "-wal"))
        return max((each.stat().st_mtime_ns for each in files if each.exists()), default=-1)


def source_of(path: Path) -> Source:
    """Return a file of the spool as an input of the ledger."""
    try:
        status = path.stat()
    except OSError:
        return Source(path, path.name)
    return Source(path, path.name, None, status.st_size, status.st_mtime_ns)

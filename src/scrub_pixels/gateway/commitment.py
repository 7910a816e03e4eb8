"""Storage commitment (PS3.4 J): what this gateway can promise, and no more.

Committed means that an instance was received and is, or was, safely kept on the way to its
destination: it waits, is held for a person, or was released. One that was never received, or was
refused, is reported as failed with the reason. The destination has the instance under other UIDs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import build_role
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from scrub_pixels.gateway.journal import Journal, Stage
from scrub_pixels.gateway.promises import Commitment
from scrub_pixels.gateway.settings import Peer, Retry
from scrub_pixels.gateway.wire import SteadyAE

NO_SUCH_INSTANCE = 0x0112
CLASS_CONFLICT = 0x0119
PROCESSING_FAILURE = 0x0110
ALL_COMMITTED, SOME_FAILED = 1, 2

MOST_REPORTS = 12
"""Tries to send one report before it is given up."""

PAUSE = 10.0
"""Seconds to wait for the answer to a request to be sent before it is reported on."""

TRANSPORT = (RuntimeError, ValueError, OSError, AttributeError)


class Committer:
    """Answers storage commitment requests; the report outlives the association and a restart.

    Parameters
    ----------
    journal
        Knows what was received.
    token_of
        Turns a UID into its token in the journal.
    title
        Our AE title.
    peers
        Where reports may be sent once the association of a request is gone.
    retry
        When a report that could not be sent is tried again.
    """

    def __init__(self, journal: Journal, token_of: Callable[[str], str], title: str,
                 peers: Sequence[Peer] = (), retry: Retry | None = None) -> None:
        self._journal, self._token_of, self._title = journal, token_of, title
        self._peers = {peer.title: peer for peer in peers}
        self._retry = retry or Retry()
        self._lock = threading.Lock()

    def promise(self, association: Any, transaction: str, items: list[tuple[str, str]]) -> None:
        """Note a request and report on it: over its own association, or later over a new one."""
        peer = str(association.requestor.ae_title).strip()
        request = {"transaction": transaction, "items": items}
        if peer in self._peers:
            self._journal.promises.enter(peer, request)
            return
        threading.Thread(target=self._report_back, args=(association, request), daemon=True,
                         name="gateway-commitment").start()

    def report_due(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Report on noted requests whose time has come, until it is time to stop."""
        with self._lock:
            for commitment in self._journal.promises.due():
                if stopping():
                    return
                self._report(commitment)

    def _report(self, commitment: Commitment) -> None:
        if self._report_anew(self._peers.get(commitment.peer), commitment.request):
            self._journal.promises.reported(commitment.id)
        elif commitment.attempts + 1 >= MOST_REPORTS or commitment.peer not in self._peers:
            self._journal.promises.reported(commitment.id)
        else:
            self._journal.promises.report_later(commitment.id, self._retry.delay(commitment.attempts + 1))

    def _report_back(self, association: Any, request: Any) -> None:
        """Report over the association of the request, once that has been answered."""
        if _paused(association):
            self._report_over(association, request)

    def _report_over(self, association: Any, request: Any) -> bool:
        kind, report = self._result(request)
        try:
            status, _ = association.send_n_event_report(report, kind, StorageCommitmentPushModel,
                                                        StorageCommitmentPushModelInstance)
        except TRANSPORT:
            return False
        return status.get("Status", -1) == 0

    def _report_anew(self, peer: Peer | None, request: Any) -> bool:
        """Send a report over an association of our own, as the SCP of it (PS3.4 J.3.3)."""
        if peer is None:
            return False
        ae = SteadyAE(ae_title=self._title)
        ae.add_requested_context(StorageCommitmentPushModel)
        ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = 60
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        association = ae.associate(peer.host, peer.port, ae_title=peer.title, ext_neg=[role])
        if not association.is_established:
            return False
        try:
            return self._report_over(association, request)
        finally:
            association.release()

    def _result(self, request: Any) -> tuple[int, Dataset]:
        report = Dataset()
        report.TransactionUID = UID(request["transaction"])
        kept: list[Dataset] = []
        failed: list[Dataset] = []
        for sop_class, sop_instance in request["items"]:
            reason = self._reason(sop_class, sop_instance)
            (failed if reason else kept).append(_item(sop_class, sop_instance, reason))
        if kept:
            report.ReferencedSOPSequence = kept
        if failed:
            report.FailedSOPSequence = failed
        return (SOME_FAILED if failed else ALL_COMMITTED), report

    def _reason(self, sop_class: str, sop_instance: str) -> int:
        """Return why an instance is not committed (PS3.3 C.14.1.1), or 0 if it is."""
        known = self._journal.stages(self._token_of(sop_instance))
        if not known:
            return NO_SUCH_INSTANCE
        of_class = [stage for found, stage in known if found == sop_class]
        if not of_class:
            return CLASS_CONFLICT
        return PROCESSING_FAILURE if all(stage is Stage.REFUSED for stage in of_class) else 0


def _paused(association: Any) -> bool:
    """Wait until an association's own thread has answered and rests; False if it has ended.

    pynetdicom waits for that too, but for ever if the association ends in the meantime, and calls a
    thread paused whose answer is not sent yet: a report before that answer confuses the peer.
    """
    checkpoint = association._reactor_checkpoint
    checkpoint.clear()
    deadline = time.monotonic() + PAUSE
    while not checkpoint.at_rest and association.is_alive() and time.monotonic() < deadline:
        time.sleep(0.001)
    if checkpoint.at_rest and association.is_established:
        return True
    checkpoint.set()
    return False


def _item(sop_class: str, sop_instance: str, reason: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = UID(sop_class), UID(sop_instance)
    if reason:
        item.FailureReason = reason
    return item

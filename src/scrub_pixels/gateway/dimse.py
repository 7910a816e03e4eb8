"""The DICOM door: C-ECHO, C-STORE, and storage commitment that is honest.

Success in answer to a C-STORE means: the instance lies in the private spool, synced, name and content.
Its row in the journal follows, or is made from the file after a crash. Success does not mean that it
was released; that is decided later, and the ledger and the review queue tell.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from pydicom import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification  # type: ignore[attr-defined]

from scrub_pixels.errors import ScrubError
from scrub_pixels.frames import TRANSFER_SYNTAXES
from scrub_pixels.gateway.commitment import Committer
from scrub_pixels.gateway.reception import Labels, Mismatch, NotUnderstood, Reception
from scrub_pixels.gateway.settings import DimseDoor, read_network
from scrub_pixels.gateway.tls import server_context
from scrub_pixels.gateway.wire import BoundedServer, close_quietly, make_server

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
NOT_UNDERSTOOD = 0xC000
INVALID_ARGUMENT = 0x0115
NO_SUCH_ACTION = 0x0123
PROCESSING_FAILURE = 0x0110

STATUSES = MappingProxyType({NotUnderstood: NOT_UNDERSTOOD, Mismatch: MISMATCH})
"""C-STORE statuses of what cannot be taken (PS3.4 B.2.3); everything else is Out of Resources."""

SYNTAXES = frozenset(map(str, (*ALL_TRANSFER_SYNTAXES, *TRANSFER_SYNTAXES)))
"""Every transfer syntax that pynetdicom or our own table knows."""

GRACE = 5.0
"""Seconds that open associations have to end when the gateway stops."""


class DimseServer:
    """The Storage SCP.

    Parameters
    ----------
    door
        Where, from whom, and how much.
    reception
        Where instances go.
    committer
        Answers storage commitment requests.
    """

    def __init__(self, door: DimseDoor, reception: Reception, committer: Committer) -> None:
        self._door, self._reception, self._committer = door, reception, committer
        largest = reception.spool.limits.largest
        networks = tuple(read_network(text) for text in door.networks)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_C_ECHO, _echo), (evt.EVT_N_ACTION, self._act),
                    (evt.EVT_REQUESTED, take_as_offered)]
        self._server: BoundedServer = make_server(self._application(), (door.host, door.port), largest,
                                                  networks, handlers)
        self._server.handshake = server_context(door.tls) if door.tls else None
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1},
                                        name="gateway-dimse", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    @property
    def refused_peers(self) -> int:
        """Connections that were not allowed."""
        return self._server.refused_peers

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Take no new association, give open ones time to end, then abort them."""
        close_quietly(self._server)
        deadline = time.monotonic() + GRACE
        while any(a.is_established for a in self._server.active_associations) and time.monotonic() < deadline:
            time.sleep(0.02)
        for association in self._server.active_associations:
            association.abort()

    def _application(self) -> AE:
        door = self._door
        ae = AE(ae_title=door.title)
        ae.maximum_pdu_size, ae.maximum_associations = door.pdu, door.associations
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = door.timeout
        ae.require_called_aet, ae.require_calling_aet = not door.any_called, list(door.calling)
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(str(context.abstract_syntax), ImplicitVRLittleEndian)
        ae.add_supported_context(Verification)
        ae.add_supported_context(StorageCommitmentPushModel)
        return ae

    def _store(self, event: evt.Event) -> int:
        request: Any = event.request
        sop_class, sop_instance = request.AffectedSOPClassUID, request.AffectedSOPInstanceUID
        syntax = str(event.context.transfer_syntax)
        announced = Labels(str(sop_class or ""), str(sop_instance or ""), "", syntax)
        if event.context.abstract_syntax != announced.sop_class:
            return MISMATCH
        try:
            self._reception.take_data_set(request.DataSet.getbuffer() if request.DataSet else memoryview(b""),
                                          announced)
        except ScrubError as error:
            return STATUSES.get(type(error), OUT_OF_RESOURCES)
        return SUCCESS

    def _act(self, event: evt.Event) -> tuple[int, None]:
        if event.action_type != 1:
            return NO_SUCH_ACTION, None
        try:
            wanted = event.action_information
            transaction, items = str(wanted.TransactionUID), list(_references(wanted))
        except (AttributeError, ValueError, TypeError, KeyError, EOFError):
            return INVALID_ARGUMENT, None
        try:
            self._committer.promise(event.assoc, transaction, items)
        except ScrubError:
            return PROCESSING_FAILURE, None
        return SUCCESS, None


def take_as_offered(event: evt.Event) -> None:
    """Handler of EVT_REQUESTED: take, of each context, the first transfer syntax of the sender's list.

    pynetdicom would take the first of ours, which makes senders decompress what they have.
    """
    storage = {str(context.abstract_syntax) for context in AllStoragePresentationContexts}
    offered: dict[str, dict[str, None]] = {}
    request: Any = event.assoc.requestor.primitive
    for context in request.presentation_context_definition_list:
        known = (str(uid) for uid in context.transfer_syntax if str(uid) in SYNTAXES)
        offered.setdefault(str(context.abstract_syntax), {}).update(dict.fromkeys(known))
    for context in event.assoc.acceptor.supported_contexts:
        syntaxes = offered.get(str(context.abstract_syntax))
        if syntaxes and context.abstract_syntax in storage:
            context.transfer_syntax = [UID(uid) for uid in syntaxes]


def _echo(event: evt.Event) -> int:
    return SUCCESS


def _references(wanted: Dataset) -> Iterable[tuple[str, str]]:
    for item in wanted.ReferencedSOPSequence:
        yield str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID)

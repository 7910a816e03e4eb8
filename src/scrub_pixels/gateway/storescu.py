"""Deliver by C-STORE: the bytes of the file as they stand, in their own transfer syntax."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from pydicom.filereader import read_file_meta_info
from pynetdicom.presentation import build_context

from scrub_pixels.gateway.delivery import DestinationDown, Item, Receipt
from scrub_pixels.gateway.settings import Peer, TlsFiles
from scrub_pixels.gateway.tls import client_context
from scrub_pixels.gateway.wire import SteadyAE

MOST_CONTEXTS = 128
"""Presentation contexts of one association (PS3.8 9.3.2.2)."""

STORED = frozenset({0x0000, 0xB000, 0xB006, 0xB007})
"""Success, and warnings with which the instance is stored all the same (PS3.4 B.2.3)."""

Context = tuple[str, str]


class StoreScu:
    """Sends files to a Storage SCP.

    Parameters
    ----------
    title
        Our AE title.
    peer
        The destination.
    timeout
        Seconds to wait for an answer.
    tls
        Certificates; None speaks plain DICOM.
    """

    def __init__(self, title: str, peer: Peer, timeout: float = 60.0, tls: TlsFiles | None = None) -> None:
        self._title, self._peer, self._timeout = title, peer, timeout
        self._tls = (client_context(tls), peer.host) if tls else None

    def deliver(self, items: Sequence[Item]) -> Iterator[Receipt]:
        """Deliver files, over as many associations as their presentation contexts need."""
        for contexts, group in _grouped(items):
            with self._association(contexts) as association:
                for item, context in group:
                    yield self._send(association, item, context)

    @contextmanager
    def _association(self, contexts: Sequence[Context]) -> Iterator[Any]:
        """Yield an association; one that is lost is not asked to end, which would wait for an answer."""
        association = self._associate(contexts)
        try:
            yield association
        except DestinationDown:
            association.abort()
            raise
        finally:
            with suppress(RuntimeError, OSError):
                association.release()

    def _associate(self, contexts: Sequence[Context]) -> Any:
        ae = SteadyAE(ae_title=self._title)
        ae.connection_timeout = min(self._timeout, 15.0)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = self._timeout
        wanted = [build_context(sop_class, syntax) for sop_class, syntax in contexts]
        peer = self._peer
        try:
            association = ae.associate(peer.host, peer.port, contexts=wanted, ae_title=peer.title,
                                       tls_args=self._tls)
        except (OSError, ValueError, RuntimeError):
            raise DestinationDown("no-connection") from None
        if association.is_established:
            return association
        if association.is_rejected:
            raise DestinationDown("association-rejected")
        if association.rejected_contexts and not association.accepted_contexts:
            return association
        raise DestinationDown("no-association")

    def _send(self, association: Any, item: Item, context: Context) -> Receipt:
        accepted = {(c.abstract_syntax, c.transfer_syntax[0]) for c in association.accepted_contexts}
        if context not in accepted:
            return Receipt(item.token, "not-accepted-by-destination")
        if not association.is_established:
            raise DestinationDown("association-lost")
        try:
            status = association.send_c_store(item.path).get("Status")
        except (OSError, ValueError, AttributeError, RuntimeError):
            raise DestinationDown("association-lost") from None
        if status is None:
            raise DestinationDown("no-answer")
        return Receipt(item.token, "" if status in STORED else f"status-{status:04x}")


def _grouped(items: Sequence[Item]) -> Iterator[tuple[list[Context], list[tuple[Item, Context]]]]:
    """Yield items in groups whose presentation contexts fit into one association each."""
    contexts: list[Context] = []
    group: list[tuple[Item, Context]] = []
    for item in items:
        meta = read_file_meta_info(item.path)
        context = (str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID))
        if context not in contexts and len(contexts) == MOST_CONTEXTS:
            yield contexts, group
            contexts, group = [], []
        if context not in contexts:
            contexts.append(context)
        group.append((item, context))
    if group:
        yield contexts, group

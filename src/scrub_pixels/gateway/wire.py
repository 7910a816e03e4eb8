"""pynetdicom made fit for strangers: bounded, patient with nobody, and silent about what it reads.

What pynetdicom leaves open is closed here: a PDU may be as long as 4 GiB, a data set has no bound,
a peer may send without waiting for answers, a peer that stops in the middle of a PDU blocks its
thread, and one that stops in the TLS handshake blocks the whole server. It also logs identifiers.
"""

from __future__ import annotations

import logging
import queue
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from pynetdicom import AE, Association, _config, evt
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from scrub_pixels.gateway.promptness import Attention, Bell, QuickAnswers, Telling, comes

PDU_SLACK = 1 << 20
"""A-ASSOCIATE-RQ with 128 contexts may be longer than the largest P-DATA (PS3.8 9.3.2)."""

COMMAND_SLACK = 1 << 20
MOST_UNANSWERED = 4
"""Requests a peer may send ahead of our answers; the window is 1 by default (PS3.7 D.3.3.3)."""

LOUD = ("pynetdicom", "pydicom", "uvicorn", "uvicorn.error", "uvicorn.asgi", "httpx", "httpcore",
        "python_multipart", "multipart")


class OverLimit(OSError):
    """The peer sent more than is taken; pynetdicom ends the association on an OSError."""


class AnswersStay(Telling):
    """Messages of an association: its own thread, which looks without waiting, takes requests only.

    pynetdicom pauses that thread while somebody waits for an answer, but does not notice if it has
    just passed the point of the pause. It then takes the answer, or the word that the connection is
    gone, and whoever waits for it waits until the time limit.
    """

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return a message; without waiting, only a request."""
        if not block:
            with self.mutex:
                if self.queue and _is_answer(self.queue[0][1]):
                    raise queue.Empty
        return super().get(block, timeout)


def _is_answer(message: Any) -> bool:
    """Tell whether a message is an answer, or the end of them."""
    return message is None or getattr(message, "MessageIDBeingRespondedTo", None) is not None


class SteadyAE(AE):
    """An application whose associations lose no answer, and wait for no acknowledgement to go on sending."""

    def associate(self, *args: Any, **options: Any) -> Association:
        """Associate as `AE` does."""
        association = super().associate(*args, **options)
        association.dimse.msg_queue = AnswersStay()
        sock = association.dul.socket.socket if association.dul.socket else None
        if sock:
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return association


class BoundedSocket(AssociationSocket):
    """A socket that stops reading where `limit_bytes` says."""

    def __init__(self, assoc: Any, client_socket: socket.socket, pdu: int, message: int) -> None:
        super().__init__(assoc, client_socket=client_socket)
        self._assoc_served, self._pdu, self._message, self._read = assoc, pdu, message, 0
        self.bell = Bell()

    @property
    def ready(self) -> bool:
        """Wait a little for something to read, and tell whether there is; the bell ends the wait."""
        try:
            return comes(self.socket if self._is_connected else None, self.bell)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False

    def close(self) -> None:
        """Close the connection."""
        super().close()
        self.bell.close()

    def recv(self, nr_bytes: int) -> bytearray:
        """Read so many bytes, or as many as came before the end; raise `OverLimit` before they are read."""
        self._read += nr_bytes
        if nr_bytes > self._pdu + PDU_SLACK or self._read > self._message + COMMAND_SLACK:
            raise OverLimit("over the limit")
        if self._assoc_served.dimse.msg_queue.qsize() > MOST_UNANSWERED:
            raise OverLimit("does not wait")
        if self.socket is None:
            raise OverLimit("closed")
        received = bytearray(nr_bytes)
        rest = memoryview(received)
        while rest:
            self._acknowledge()
            if not (count := self.socket.recv_into(rest)):
                return received[: nr_bytes - len(rest)]
            rest = rest[count:]
        return received

    def _acknowledge(self) -> None:
        """Have what came acknowledged now, where the system can; it forgets this, so each time anew.

        Many senders write head and body of a PDU one by one, and Nagle's algorithm keeps the body
        back until the head is acknowledged, which systems delay by 40 ms: for every instance.
        """
        if self.socket and hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def message_ended(self) -> None:
        """Begin to count anew: a whole DIMSE message has come."""
        self._read = 0


class BoundedHandler(RequestHandler):
    """Gives each association a `BoundedSocket`."""

    server: BoundedServer  # type: ignore[assignment]

    def _create_association(self) -> Any:
        assoc = super()._create_association()
        assoc.dul.event_queue.get_nowait()  # "connected", which each socket that is made says once
        assoc.dul.socket = BoundedSocket(assoc, self.request, self.server.ae.maximum_pdu_size,
                                         self.server.largest)
        _wake_when_needed(assoc, assoc.dul.socket.bell)
        return assoc


def _wake_when_needed(assoc: Any, bell: Bell) -> None:
    """Let both threads of an association wait for what comes instead of looking for it all the time."""
    attention = Attention()
    assoc.dimse = QuickAnswers(assoc)
    assoc.dimse.msg_queue = AnswersStay(attention.call)
    assoc.dul.to_user_queue = Telling(attention.call)
    assoc.dul.to_provider_queue = Telling(bell.ring)
    assoc.dul._run_loop_delay = 0
    attention.watch(assoc.dimse.msg_queue, assoc.dul.to_user_queue)
    assoc._reactor_checkpoint = attention


class BoundedServer(ThreadedAssociationServer):
    """A server of bounded associations that shakes hands in the thread of each connection.

    Attributes
    ----------
    largest
        Largest DIMSE message, bytes.
    networks
        Who may connect; empty for anybody.
    """

    largest: int = 0
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    handshake: ssl.SSLContext | None = None
    refused_peers: int = 0
    _connections = 0
    _collected: tuple[int, int] = (0, 0)

    def service_actions(self) -> None:
        """Have what associations leave collected, if any has come or gone since that was last done.

        pynetdicom does it every few seconds whatever happened, which costs a busy gateway a tenth.
        """
        now = self._connections, len(self.active_associations)
        if now != self._collected:
            super().service_actions()
            if self._gc[0] == 0:
                self._collected = now

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; TLS comes later, in its own thread."""
        client, address = self.socket.accept()  # type: ignore[union-attr]
        self._connections += 1
        client.settimeout(self.ae.network_timeout)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Tell whether a peer may connect, and whether there is room for it."""
        allowed = not self.networks or any(_lies_in(client_address[0], n) for n in self.networks)
        if allowed and len(self.active_associations) < 2 * self.ae.maximum_associations:
            return True
        self.refused_peers += 1
        return False

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands if TLS is spoken, then serve the association."""
        if self.handshake:
            try:
                request = self.handshake.wrap_socket(request, server_side=True)
            except OSError:
                self.refused_peers += 1
                self.shutdown_request(request)
                return
        super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the text of an error may quote what was received."""


def _lies_in(address: str, network: IPv4Network | IPv6Network) -> bool:
    peer = ip_address(address.partition("%")[0])
    mapped = getattr(peer, "ipv4_mapped", None)
    return (mapped or peer) in network


def count_anew(event: evt.Event) -> None:
    """Handler of EVT_DIMSE_RECV: a message has ended."""
    sock = event.assoc.dul.socket
    if isinstance(sock, BoundedSocket):
        sock.message_ended()


def make_server(ae: AE, address: tuple[str, int], largest: int, networks: tuple[Any, ...],
                handlers: list[tuple[Any, Callable[..., Any]]]) -> BoundedServer:
    """Return a bounded server that is bound to its address and not serving yet."""
    server = ae.make_server(address, evt_handlers=[*handlers, (evt.EVT_DIMSE_RECV, count_anew)],
                            server_class=BoundedServer, request_handler=BoundedHandler)
    if not isinstance(server, BoundedServer):
        raise TypeError("pynetdicom made another server than it was asked for")
    server.largest, server.networks = largest, networks
    server.daemon_threads, server.request_queue_size = True, 64
    ae._servers.append(server)
    return server


@contextmanager
def quiet_and_streaming() -> Iterator[None]:
    """Silence what quotes identifiers, and let C-STORE send files byte for byte.

    These are settings of the whole process, which is why a gateway should have a process of its
    own; they are as they were when this ends.
    """
    loggers = [logging.getLogger(name) for name in LOUD]
    before = [(logger.level, logger.propagate) for logger in loggers]
    events, chunked = _config.LOG_HANDLER_LEVEL, _config.STORE_SEND_CHUNKED_DATASET
    hook = threading.excepthook
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
            logger.propagate = False
        _config.LOG_HANDLER_LEVEL, _config.STORE_SEND_CHUNKED_DATASET = "none", True
        threading.excepthook = _name_the_error
        try:
            yield
        finally:
            _config.LOG_HANDLER_LEVEL, _config.STORE_SEND_CHUNKED_DATASET = events, chunked
            threading.excepthook = hook
            for logger, (level, propagate) in zip(loggers, before, strict=True):
                logger.setLevel(level)
                logger.propagate = propagate


def _name_the_error(error: threading.ExceptHookArgs) -> None:
    """Tell that a thread ended by an error, not what the error says: that may quote an element."""
    logging.getLogger("scrub_pixels.gateway").error("A thread ended by %s.", error.exc_type.__name__)


def close_quietly(server: BoundedServer) -> None:
    """Stop taking associations."""
    with suppress(OSError, ValueError):
        server.shutdown()

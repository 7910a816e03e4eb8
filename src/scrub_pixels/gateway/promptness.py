"""pynetdicom woken instead of asking, and answering a C-STORE in a tenth of the time.

As it comes, two threads of each association look a thousand times a second whether there is
something to do. That costs more than taking in a small instance does, and each instance waits for
several of those looks. Here the threads wait until a socket or a queue has something, and look
around only now and then. The answer to a C-STORE is always the same few elements, which need no
general encoder.
"""

from __future__ import annotations

import queue
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA

LOOK = 0.02
"""Seconds after which a thread looks around though nothing has come: time limits, the end of the other."""

IDLE = 0.001

C_STORE_RSP, NO_DATA_SET = 0x8001, 0x0101
WHOLE_COMMAND = b"\x03"
"""Message control header of a command that is all in one fragment (PS3.8 E.2)."""

PDV_HEAD = 6


def _nobody() -> None:
    """Tell nobody."""


class Telling(queue.Queue[Any]):
    """A queue that tells when something was put.

    Parameters
    ----------
    tell
        Called after each `put`.
    """

    def __init__(self, tell: Callable[[], None] = _nobody) -> None:
        super().__init__()
        self._tell = tell

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put, and tell."""
        super().put(item, block, timeout)
        self._tell()


class Bell:
    """Wakes a thread that waits for a socket; any thread may ring."""

    def __init__(self) -> None:
        self._inner, self._outer = socket.socketpair()
        self._lock, self._open = threading.Lock(), True
        for end in (self._inner, self._outer):
            end.setblocking(False)

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        with self._lock, suppress(BlockingIOError):  # full: it has been rung often enough
            if self._open:
                self._outer.send(b"\0")

    def heard_before(self, other: socket.socket, seconds: float) -> bool:
        """Wait for the bell or for a socket; True if the socket can be read, or cannot be any more.

        Raises
        ------
        OSError, ValueError
            If the socket is closed.
        """
        waiting = select.poll()  # select() itself fails on a gateway with a thousand open files
        waiting.register(other, select.POLLIN)
        with self._lock:
            if self._open:
                waiting.register(self._inner, select.POLLIN)
        found = dict(waiting.poll(1000 * seconds))
        readable = found.pop(other.fileno(), 0)
        if found:
            with suppress(BlockingIOError, OSError):
                self._inner.recv(4096)
        return bool(readable)

    def close(self) -> None:
        """Be silent from now on."""
        with self._lock:
            self._open = False
            self._inner.close()
            self._outer.close()


def comes(sock: socket.socket | None, bell: Bell) -> bool:
    """Wait until a socket has something to read, the bell rings, or for `LOOK`; True for the first."""
    if sock is None:
        time.sleep(IDLE)  # whoever asks would ask again at once
        return False
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    return bell.heard_before(sock, LOOK)


class Attention(threading.Event):
    """The checkpoint that the thread of an association passes each time before it looks for work.

    It lets that thread pass as the event does whose place it takes, but not before there is something
    to look at, or `LOOK` has gone by.

    Attributes
    ----------
    at_rest
        True while that thread waits here, and so serves no request. pynetdicom itself calls a thread
        paused that is about to answer one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.at_rest = False
        self._come = threading.Event()
        self._queues: tuple[queue.Queue[Any], ...] = ()
        self.set()

    def watch(self, *queues: queue.Queue[Any]) -> None:
        """Name the queues in which work comes."""
        self._queues = queues

    def call(self) -> None:
        """Tell that something has come."""
        self._come.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for work, and until the event is set."""
        self.at_rest = True
        if not any(each.queue for each in self._queues):
            self._come.wait(LOOK)
        self._come.clear()
        is_set = super().wait(timeout)
        self.at_rest = False
        return is_set


class QuickAnswers(DIMSEServiceProvider):
    """Encodes the answer to a C-STORE by hand, and leaves all others to pynetdicom."""

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """Send a message to the peer."""
        command = store_answer(primitive)
        most = self.maximum_pdu_size
        if not command or 0 < most < len(command) + PDV_HEAD:
            super().send_msg(primitive, context_id)
            return
        data = P_DATA()
        data.presentation_data_value_list.append((context_id, WHOLE_COMMAND + command))
        self.dul.send_pdu(data)


def store_answer(primitive: Any) -> bytes:
    """Return the command set of a C-STORE-RSP (PS3.7 9.3.1.2); nothing if it is none, or says more."""
    if not isinstance(primitive, C_STORE) or primitive.MessageIDBeingRespondedTo is None:
        return b""
    said = (primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID, primitive.Status)
    if any(each is None for each in said) or primitive.OffendingElement or primitive.ErrorComment:
        return b""
    sop_class, sop_instance, status = said
    body = b"".join((_uid(0x0002, str(sop_class)), _short(0x0100, C_STORE_RSP),
                     _short(0x0120, primitive.MessageIDBeingRespondedTo), _short(0x0800, NO_DATA_SET),
                     _short(0x0900, int(status or 0)), _uid(0x1000, str(sop_instance))))
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def _short(element: int, value: int) -> bytes:
    return struct.pack("<HHLH", 0, element, 2, value)


def _uid(element: int, uid: str) -> bytes:
    value = uid.encode("ascii", "replace")
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHL", 0, element, len(value)) + value

"""Threads of associations that are woken, answers encoded by hand, and syncs that are shared."""

from __future__ import annotations

import queue
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom.uid import UID
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_ECHO, C_STORE

from scrub_pixels.gateway import spool as spool_module
from scrub_pixels.gateway.journal import Arrival, Ending, Journal, Stage
from scrub_pixels.gateway.promptness import Attention, Bell, QuickAnswers, Telling, comes, store_answer
from scrub_pixels.gateway.reception import Reception
from scrub_pixels.gateway.settings import Spooling
from scrub_pixels.gateway.spool import GroupSync, Spool
from scrub_pixels.store.workspace import open_workspace
from tests.gateways import LONG, SECONDARY_CAPTURE, part10, small, until


def answer(status: int = 0, uid: str = "1.2.3", message: int = 7) -> C_STORE:
    """Return the answer to a C-STORE."""
    primitive = C_STORE()
    primitive.MessageIDBeingRespondedTo, primitive.Status = message, status
    primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = UID(SECONDARY_CAPTURE), UID(uid)
    return primitive


class Wire:
    """Stands for an association and what it sends."""

    def __init__(self, kind: type[DIMSEServiceProvider], most: int) -> None:
        self.sent, self._handlers, self.mode = [], {}, "acceptor"
        self.requestor = self.acceptor = self
        self.maximum_length, self.dimse_timeout, self.is_requestor, self.dul = most, None, False, self
        self.dimse = kind(self)

    def send_pdu(self, data) -> None:
        self.sent += data.presentation_data_value_list

    def get_handlers(self, event):
        return []


@pytest.mark.parametrize("most", [0, 64, 16384])
@pytest.mark.parametrize("primitive", [answer(), answer(0xA700, "1.2.34", 65535),
                                       answer(0xC000, "2.25." + "9" * 59)],
                         ids=["success", "no room", "not understood"])
def test_an_answer_by_hand_is_what_pynetdicom_would_send(primitive, most):
    quick, slow = Wire(QuickAnswers, most), Wire(DIMSEServiceProvider, most)
    for wire in (quick, slow):
        wire.dimse.send_msg(primitive, 3)
    assert [(number, bytes(data)) for number, data in quick.sent] == [(n, bytes(d)) for n, d in slow.sent]
    assert len(quick.sent) > (1 if most == 64 else 0)


def test_requests_and_answers_that_say_more_are_left_to_pynetdicom():
    echo, request, telling = C_ECHO(), C_STORE(), answer(0xA900)
    echo.MessageIDBeingRespondedTo, echo.Status = 1, 0
    request.MessageID = 1
    telling.ErrorComment = "what it is"
    assert store_answer(answer()) and not any(map(store_answer, (echo, request, telling)))


# -- who waits is woken

def test_a_bell_wakes_who_waits_for_a_socket_and_is_no_data():
    near, far = socket.socketpair()
    bell = Bell()
    with near, far, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bell.heard_before, near, LONG)
        bell.ring()
        assert waiting.result(LONG) is False
        far.send(b"x")
        assert bell.heard_before(near, LONG) is True
        bell.close()
        bell.ring()  # silent, and no error
        assert bell.heard_before(near, LONG) is True


def test_a_bell_that_nobody_hears_never_blocks():
    bell = Bell()
    for _ in range(100_000):
        bell.ring()
    bell.close()


def test_a_connection_that_the_peer_closed_is_something_to_read():
    near, far = socket.socketpair()
    bell = Bell()
    with near:
        far.close()
        assert comes(near, bell) is True
    assert comes(None, bell) is False
    bell.close()


def test_an_association_rests_until_something_comes():
    attention = Attention()
    work = Telling(attention.call)
    attention.watch(work)
    passes, ended = [], threading.Event()

    def go():
        while not ended.is_set():
            attention.wait()
            passes.append(work.get_nowait() if work.queue else None)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    for number in range(50):
        work.put(number)
    until(lambda: [each for each in passes if each is not None] == list(range(50)), "all work, in order")
    attention.clear()
    until(lambda: attention.at_rest, "rest")
    ended.set()
    attention.set()
    thread.join(LONG)
    assert not thread.is_alive() and not attention.at_rest


def test_work_that_comes_between_two_looks_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("scrub_pixels.gateway.promptness.LOOK", LONG)
    attention = Attention()
    work: queue.Queue = Telling(attention.call)
    attention.watch(work)
    for _ in range(3):  # told before it waits; nothing left to be told when it does
        work.put("one")
    for _ in range(3):
        begin = time.monotonic()
        attention.wait()
        assert work.get_nowait() == "one" and time.monotonic() - begin < LONG


# -- one sync for many

def test_all_who_ask_meanwhile_share_one_sync_that_began_after(monkeypatch, tmp_path):
    going, go_on, syncs = threading.Event(), threading.Event(), []

    def slow(folder):
        syncs.append(folder)
        going.set()
        assert go_on.wait(LONG)

    monkeypatch.setattr("scrub_pixels.gateway.spool.sync_folder", slow)
    names = GroupSync(tmp_path)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(names.sync)
        assert going.wait(LONG)
        others = [pool.submit(names.sync) for _ in range(8)]
        until(lambda: len(names._turn._waiters) == 8, "all wait")
        assert len(syncs) == 1 and not any(each.done() for each in (first, *others))
        go_on.set()
        for each in (first, *others):
            each.result(LONG)
    assert len(syncs) == 2, "the one under way may have passed them by; one more takes all of them"


def test_a_sync_that_fails_promises_nothing_to_anybody(monkeypatch, tmp_path):
    def broken(folder):
        raise OSError(5, "broken")

    names = GroupSync(tmp_path)
    monkeypatch.setattr("scrub_pixels.gateway.spool.sync_folder", broken)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(names.sync) for _ in range(4)]
        assert all(isinstance(each.exception(LONG), OSError) for each in asked)
    monkeypatch.undo()
    names.sync()


def test_what_cannot_be_synced_has_no_name_and_what_stands_stays(monkeypatch, tmp_path):
    (tmp_path / "spool").mkdir()
    spool = Spool(tmp_path / "spool", Spooling())

    def received(content: bytes):
        with spool.incoming() as (path, file):
            file.write(content)
            file.flush()
            return spool.keep(path, "ab" * 16)

    def full(folder):
        raise OSError(28, "full")

    monkeypatch.setattr("scrub_pixels.gateway.spool.sync_folder", full)
    with pytest.raises(OSError):
        received(b"one")
    assert list(spool.tokens()) == [] and spool.usage == (0, 0)
    monkeypatch.undo()
    assert received(b"one").read_bytes() == b"one" and received(b"two").read_bytes() == b"one"
    assert spool.usage == (1, 3) and not list((tmp_path / "spool" / "incoming").iterdir())


# -- rows that are written together

def arrival(token: str) -> Arrival:
    """Return an instance that has come."""
    return Arrival(token, "sop", SECONDARY_CAPTURE, "study", 1)


def test_rows_that_are_not_written_yet_are_seen_by_all_who_ask(tmp_path):
    journal = Journal(tmp_path / "gateway.sqlite")
    journal.receive(arrival("a"))
    assert journal.knows("a") and not journal.knows("b")
    assert journal.counts()["waiting"] == 1 and journal.waiting(9) == ["a"]
    journal.receive(arrival("b"))
    journal.settle([Ending("b", Stage.DONE)], "policy")
    stages = [stage for _, stage in journal.stages("sop")]
    assert journal.finished("b") and stages == [Stage.WAITING, Stage.DONE]
    journal.receive(arrival("b"))
    assert journal.counts()["done"] == 1, "one that comes again does not begin anew"
    journal.receive(arrival("c"))
    journal.close()
    again = Journal(tmp_path / "gateway.sqlite")
    assert again.knows("c")
    again.close()


def test_rows_wait_in_bounded_number(tmp_path, monkeypatch):
    monkeypatch.setattr("scrub_pixels.gateway.journal_file.MOST_SOON", 3)
    journal = Journal(tmp_path / "gateway.sqlite")
    for token in "abcd":
        journal.receive(arrival(token))
    other = sqlite3.connect(tmp_path / "gateway.sqlite")
    assert [row[0] for row in other.execute("SELECT token FROM instances ORDER BY id")] == ["a", "b", "c"]
    other.close()
    journal.close()


def test_rows_that_a_crash_takes_are_made_again_from_the_files(tmp_path):
    workspace = open_workspace(tmp_path / "workspace")
    (workspace.root / "spool").mkdir()
    journal = Journal(workspace.root / "gateway.sqlite")
    spool = Spool(workspace.root / "spool", Spooling())
    dataset = small()
    with spool.incoming() as (path, file):
        file.write(part10(dataset))
        Reception(workspace, spool, journal).take_file(path, file)
    (token,) = spool.tokens()
    after = Journal(tmp_path / "other.sqlite")  # as it is found when nothing was written
    assert not after.knows(token)
    assert Reception(workspace, Spool(spool.folder, Spooling()), after)._waiting == 1
    assert after.waiting(9) == [token]
    after.close()
    journal.close()


def test_one_instance_brought_twice_at_once_stays_if_either_was_told_so(tmp_path, monkeypatch):
    """The sync of the first fails, and it takes back what it named: the second has to notice."""
    spool, token, kept = Spool(tmp_path / "spool", Spooling()), "ab" * 32, []
    real, second = spool_module._sync, threading.Thread(target=lambda: kept.append(keep()))

    def keep() -> Path:
        with spool.incoming() as (path, file):
            file.write(b"instance")
            file.flush()
            return spool.keep(path, token)

    def failing(path: Path) -> int:
        if threading.current_thread() is second:
            return real(path)
        second.start()
        second.join(0.3)  # it ends here only if nothing keeps it from relying on what now goes
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(spool_module, "_sync", failing)
    with pytest.raises(OSError):
        keep()
    second.join()
    assert kept == [spool.path(token)] and spool.path(token).read_bytes() == b"instance"
    assert spool.usage == (1, 8)

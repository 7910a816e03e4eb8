"""What the gateway works on together, how its threads live, and what it does about slow peers."""

from __future__ import annotations

import queue
import socket
import sqlite3
import threading
import time
from itertools import pairwise

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid
from pynetdicom.dimse_primitives import C_STORE

from fixtures import make_fixture
from scrub_pixels import Policy
from scrub_pixels.errors import ScrubError
from scrub_pixels.gateway import Gateway
from scrub_pixels.gateway.journal import Arrival, Ending, Journal, Stage
from scrub_pixels.gateway.reception import Labels, NotUnderstood, _head, _read_labels
from scrub_pixels.gateway.waiting import WaitingRoom
from scrub_pixels.gateway.wire import AnswersStay
from scrub_pixels.gateway.worker import Worker
from scrub_pixels.gateway.workshop import Workshop
from scrub_pixels.run import work
from tests.gateways import (
    LONG,
    SECONDARY_CAPTURE,
    associated,
    in_background,
    part10,
    send,
    settings,
    settled,
    small,
)

SOON = 30.0


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "gateway.sqlite")
    yield opened
    opened.close()


def room(journal, siblings=True, quiet=0.0) -> WaitingRoom:
    return WaitingRoom(journal, None, siblings, quiet)


def arrive(journal, *tokens: str) -> None:
    """Let instances arrive; the series of each is its first letter, and none for a digit."""
    for token in tokens:
        series = "" if token[0].isdigit() else token[0]
        journal.receive(Arrival(token, token, SECONDARY_CAPTURE, "study", 1, series))


# -- what is worked on together

def test_siblings_that_wait_are_one_unit_in_the_order_of_their_first(journal):
    arrive(journal, "a1", "b1", "a2", "1", "2", "b2", "a3")
    units = room(journal).units(9, 2, set(), 1)
    tokens = [[token for token, _ in unit] for unit in units]
    assert tokens == [["a1", "a2", "a3"], ["b1", "b2"], ["1"], ["2"]]
    groups = [{group for _, group in unit} for unit in units]
    assert all(len(group) == 1 and 0 not in group for group in groups) and len(set.union(*groups)) == 4


def test_what_is_in_work_is_not_given_out_again_and_room_is_kept(journal):
    arrive(journal, "a1", "b1", "c1", "a2")
    waiting = room(journal)
    assert [[t for t, _ in unit] for unit in waiting.units(2, 2, {"a1"}, 1)] == [["a2"], ["b1"]]
    assert waiting.units(0, 0, set(), 1) == []


def test_a_long_series_comes_in_parts_and_none_is_cut_short(journal, monkeypatch):
    monkeypatch.setattr("scrub_pixels.gateway.waiting.MOST_SIBLINGS", 3)
    arrive(journal, *(f"a{n}" for n in range(4)), *(f"b{n}" for n in range(3)), *(f"c{n}" for n in range(3)))
    units = room(journal).units(3, 2, set(), 1)
    assert [len(unit) for unit in units] == [3, 1, 3]


def test_a_series_waits_until_it_is_quiet_and_others_do_not_wait_for_it(journal, monkeypatch):
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now - 100)
    arrive(journal, "a1", "b1")
    monkeypatch.setattr("time.time", lambda: now)
    arrive(journal, "a2", "1")
    waiting = room(journal, quiet=60.0)
    assert [[t for t, _ in unit] for unit in waiting.units(9, 2, set(), 1)] == [["b1"], ["1"]]
    monkeypatch.setattr("time.time", lambda: now + 61)
    assert [[t for t, _ in unit] for unit in waiting.units(9, 2, set(), 1)] == [["a1", "a2"], ["b1"], ["1"]]
    monkeypatch.setattr("time.time", lambda: now - 10_000)
    assert waiting.any(), "a clock that was set back keeps nothing"


def test_headers_alone_wait_for_no_sibling(journal):
    arrive(journal, "a1", "a2")
    waiting = room(journal, siblings=False, quiet=3600.0)
    assert waiting.any() and waiting.units(9, 1, set(), 4) == [[("a1", 0), ("a2", 0)]]


@pytest.mark.parametrize(("idle", "sizes"), [(2, [3, 2]), (1, [4]), (0, [4])])
def test_idle_hands_share_what_there_is_and_busy_ones_get_whole_units(journal, idle, sizes):
    arrive(journal, "a", "b", "c", "d", "e")
    assert [len(unit) for unit in room(journal, siblings=False).units(4, idle, set(), 4)] == sizes


def test_with_nothing_waiting_there_are_no_units(journal):
    for siblings in (True, False):
        assert room(journal, siblings).units(4, 2, set(), 4) == [] and not room(journal, siblings).any()


def test_a_journal_of_an_earlier_version_is_taken_over(tmp_path):
    """It knew no series: what it holds goes alone."""
    old = Journal(tmp_path / "gateway.sqlite")
    arrive(old, "a1", "a2")
    old.settle([Ending("a1", Stage.DONE)], "policy")
    old.close()
    with sqlite3.connect(tmp_path / "gateway.sqlite") as database:
        database.execute("DROP INDEX instances_series")
        database.execute("ALTER TABLE instances DROP COLUMN series")
    database.close()
    journal = Journal(tmp_path / "gateway.sqlite")
    try:
        assert journal.siblings(9) == [("a2", "")] and journal.finished("a1")
    finally:
        journal.close()


def test_siblings_teach_each_other_in_the_gateway_as_in_a_run(tmp_path, monkeypatch):
    named, bare = (make_fixture(5, "us_grey").dataset for _ in range(2))
    bare.SOPInstanceUID = bare.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    seen, real = [], work.Scrubber.scrub_instance

    def scrub_instance(self, instance, review=(), sight=work.UNSEEN):
        seen.append(sight.context)
        return real(self, instance, review, sight)

    monkeypatch.setattr(work.Scrubber, "scrub_instance", scrub_instance)
    with Gateway(settings(tmp_path, policy=Policy())) as gateway:
        gateway.scrubbing.stop()
        assert send(gateway, [named, bare]) == [0, 0]
    with Gateway(settings(tmp_path, policy=Policy())) as gateway:
        settled(gateway, 2)
    assert len(seen) == 2 and seen[0] == seen[1] and seen[0].instances == 2 and seen[0].words


def breaks(unit):
    raise RuntimeError("Zanzibarsky")


def test_units_over_which_the_work_breaks_come_back(monkeypatch):
    """What never came back would be waited for for ever."""
    monkeypatch.setattr("scrub_pixels.gateway.workshop.work_together", breaks)
    workshop = Workshop(2, 0.0)
    for _ in range(2):
        workshop.begin(work.Unit(()))
        ((_, outcome),) = workshop.finished(SOON)
        assert isinstance(outcome, ScrubError) and "RuntimeError" in str(outcome)
        assert "Zanzibarsky" not in str(outcome)
    workshop.close()


def test_units_whose_workers_cannot_start_come_back(monkeypatch):
    monkeypatch.setattr("scrub_pixels.run.workers._serve", abs)  # dies at once: what it gets is no number
    workshop = Workshop(2, 0.0)
    for _ in range(2):
        workshop.begin(work.Unit(()))
        ((_, outcome),) = workshop.finished(SOON)
        assert isinstance(outcome, ScrubError) and "before they had work" in str(outcome)
    workshop.close()


# -- labels

def test_a_head_is_what_pydicom_reads(tmp_path):
    labels = Labels(SECONDARY_CAPTURE, generate_uid(), "", "1.2.840.10008.1.2.4.50")
    file = tmp_path / "head"
    file.write_bytes(_head(labels))


    meta = dcmread(file).file_meta
    assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID) \
        == (labels.sop_class, labels.sop_instance, labels.syntax)
    assert meta.FileMetaInformationGroupLength == len(_head(labels)) - 128 - 4 - 12
    assert meta.FileMetaInformationVersion == b"\0\1"


@pytest.mark.parametrize("labels", [Labels("", "1.2", "", "1.2"), Labels("1.2", "1.é", "", "1.2"),
                                    Labels("1.2", "1.2", "", "1" * 65)])
def test_what_is_no_uid_is_not_written(labels):
    with pytest.raises(NotUnderstood):
        _head(labels)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_labels_are_read_in_every_encoding(tmp_path, syntax):
    dataset = small(syntax=syntax)
    file = tmp_path / "a.dcm"
    dataset.PixelData = bytes(64)
    if syntax.endswith(".2.2"):
        dataset["PixelData"].VR = "OW"
    file.write_bytes(part10(dataset))
    found, _ = _read_labels(file)
    assert (found.sop_instance, found.study, found.series, found.syntax) == (
        dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID, syntax)


def test_labels_out_of_order_are_found(tmp_path):
    """PS3.5 7.1 demands order; what does not keep it is read to its pixels."""
    dataset, file = small(), tmp_path / "a.dcm"
    file.write_bytes(part10(dataset))
    content = file.read_bytes()
    start = content.index(b"\x08\x00\x18\x00UI")
    length = 8 + int.from_bytes(content[start + 6 : start + 8], "little")
    element, rest = content[start : start + length], content[:start] + content[start + length :]
    pixels = rest.index(b"\xe0\x7f\x10\x00")
    file.write_bytes(rest[:pixels] + element + rest[pixels:])
    found, _ = _read_labels(file)
    assert found.sop_instance == dataset.SOPInstanceUID and found.series == dataset.SeriesInstanceUID


# -- a thread's life

def test_a_round_that_fails_is_remembered_by_its_type_and_followed_by_another(monkeypatch):
    monkeypatch.setattr("scrub_pixels.gateway.worker.PATIENCE", 0.001)
    rounds, enough = [], threading.Event()

    def fail_once() -> float:
        rounds.append(1)
        if len(rounds) == 1:
            raise KeyError("Zanzibarsky")
        enough.set()
        return LONG

    worker = Worker("test", fail_once)
    worker.start()
    assert enough.wait(SOON)
    worker.stop()
    assert worker.trouble == "KeyError"


def test_what_comes_during_a_round_is_seen_by_the_next_and_a_stop_is_never_slept_through():
    begun, go_on, again = threading.Event(), threading.Event(), threading.Event()

    def round_() -> float:
        (again if begun.is_set() else begun).set()
        go_on.wait(SOON)
        return LONG

    worker = Worker("test", round_)
    worker.start()
    assert begun.wait(SOON)
    worker.wake()
    go_on.set()
    assert again.wait(SOON), "woken during the first round"
    before = time.monotonic()
    worker.stop()
    worker.stop()
    assert time.monotonic() - before < SOON and worker.stopping


def test_lingering_ends_when_something_comes_or_the_worker_is_to_stop():
    waited, lingering = [], threading.Event()

    def round_() -> float:
        lingering.set()
        before = time.monotonic()
        worker.linger(LONG)
        worker.linger(LONG)
        waited.append(time.monotonic() - before)
        return LONG

    worker = Worker("test", round_)
    worker.start()
    assert lingering.wait(SOON)
    worker.wake()
    worker.stop()
    assert waited and waited[0] < SOON


# -- peers

def test_the_thread_of_an_association_takes_no_answer_from_who_waits_for_it():
    messages = AnswersStay()
    answer, request = C_STORE(), C_STORE()
    answer.MessageIDBeingRespondedTo, request.MessageID = 1, 2
    for message in (answer, None):
        messages.put((1, message))
        with pytest.raises(queue.Empty):
            messages.get(block=False)
        assert messages.get(timeout=SOON) == (1, message)
    messages.put((1, request))
    assert messages.get(block=False) == (1, request)


def test_an_association_whose_thread_is_held_up_loses_no_answer(tmp_path):
    """Both threads sleep where a busy machine may let them: one past its pause, one before it waits."""
    with Gateway(settings(tmp_path)) as gateway, associated(gateway, [small()]) as association:
        checkpoint, dimse = association._reactor_checkpoint, association.dimse
        passed, sent = checkpoint.wait, dimse.send_msg

        def late() -> None:
            passed()
            time.sleep(0.05)

        def sent_and_late(*message) -> None:
            sent(*message)
            time.sleep(0.2)

        checkpoint.wait, dimse.send_msg = late, sent_and_late
        association.dimse_timeout = 5.0
        for _ in range(8):
            assert association.send_c_store(small()).get("Status") == 0
        checkpoint.wait, dimse.send_msg = passed, sent


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="this system has no such option")
def test_a_sender_that_writes_in_pieces_is_not_kept_waiting(tmp_path):
    """Nagle's algorithm there and a delayed acknowledgement here cost 40 ms for each instance."""
    datasets = [small(rows=32) for _ in range(40)]
    with Gateway(settings(tmp_path)) as gateway:
        gateway.scrubbing.stop()
        with associated(gateway, datasets) as association:
            client = association.dul.socket
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
            whole = client.send
            client.send = lambda data: [whole(part) for part in (data[:6], data[6:])]
            moments = [time.monotonic()]
            for dataset in datasets:
                assert association.send_c_store(dataset).Status == 0
                moments.append(time.monotonic())
            del client.send
    assert min(later - before for before, later in pairwise(moments[20:])) < 0.035


def test_many_clients_at_once_are_each_answered(tmp_path):
    answers: list[int] = []
    with Gateway(settings(tmp_path)) as gateway:
        batches = [[small() for _ in range(5)] for _ in range(6)]
        in_background(*(lambda mine=mine: answers.extend(send(gateway, mine)) for mine in batches))
        settled(gateway, 30)
    assert answers == [0] * 30

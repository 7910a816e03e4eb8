"""Store and forward: what is released arrives once, whatever happens to destination or gateway."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from scrub_pixels import Policy
from scrub_pixels.frames import Limits
from scrub_pixels.gateway import DimseDoor, Gateway, Peer
from scrub_pixels.gateway.delivery import Item
from scrub_pixels.gateway.journal import Arrival, Ending, Journal, Stage
from scrub_pixels.gateway.settings import Retry
from scrub_pixels.gateway.storescu import MOST_CONTEXTS, _grouped
from scrub_pixels.gateway.wire import SteadyAE
from scrub_pixels.review.desk import open_desk
from scrub_pixels.run.executors import Casualty
from scrub_pixels.run.work import work_together
from scrub_pixels.store.atomic import StoreFailed
from scrub_pixels.store.queue import Wanted
from tests.gateways import (
    LONG,
    NAME,
    SECONDARY_CAPTURE,
    archive,
    below,
    names_in,
    patient,
    send,
    settings,
    settled,
    small,
    until,
)


@pytest.fixture
def target(tmp_path):
    with archive(tmp_path / "archive") as running:
        yield running


def test_released_instances_arrive_and_leave_the_outbox(target, tmp_path):
    study = generate_uid()
    datasets = [small(study) for _ in range(4)]
    with Gateway(settings(tmp_path, to=target.peer)) as gateway:
        assert send(gateway, datasets) == [0] * 4
        settled(gateway, 4)
        until(lambda: gateway.reception.spool.usage == (0, 0), "no original stays")
    arrived = target.datasets()
    assert len(arrived) == 4 == len(set(target.received))
    assert len({str(d.StudyInstanceUID) for d in arrived}) == 1 and arrived[0].StudyInstanceUID != study
    assert not names_in(target.folder) and not names_in(tmp_path / "out")
    assert not list(below(tmp_path / "out", "*.dcm"))


def test_the_transfer_syntax_stays(target, tmp_path, ultrasound):
    """A JPEG arrives as the JPEG it was, byte for byte where nothing is masked."""
    with Gateway(settings(tmp_path, to=target.peer)) as gateway:
        send(gateway, [ultrasound.dataset])
        settled(gateway, 1)
    (arrived,) = target.datasets()
    assert arrived.file_meta.TransferSyntaxUID == ultrasound.dataset.file_meta.TransferSyntaxUID
    assert arrived.PixelData == ultrasound.dataset.PixelData


def test_a_destination_that_is_down_is_tried_again(target, tmp_path):
    target.stop()
    with Gateway(settings(tmp_path, to=target.peer)) as gateway:
        assert send(gateway, [small() for _ in range(3)]) == [0] * 3
        until(lambda: gateway.delivery.failed >= 6, "two tries")
        assert gateway.delivery.trouble and gateway.journal.counts()["due"] == 3
        target.start()
        settled(gateway, 3)
    assert len(target.received) == 3 == len(set(target.received))


def test_what_was_due_is_delivered_after_a_restart(target, tmp_path):
    target.stop()
    with Gateway(settings(tmp_path, to=target.peer)) as gateway:
        send(gateway, [small(), small()])
        until(lambda: gateway.journal.counts()["due"] == 2, "due")
    target.start()
    with Gateway(settings(tmp_path, to=target.peer)) as gateway:
        settled(gateway, 2)
    assert len(target.received) == 2 == len(set(target.received))


def test_one_that_is_refused_there_does_not_keep_the_others_back(tmp_path):
    poison: list[str] = []

    def status(dataset: Dataset) -> int:
        poison[:] = poison or [str(dataset.SOPInstanceUID)]
        return 0xC001 if str(dataset.SOPInstanceUID) == poison[0] else 0

    with archive(tmp_path / "archive", status=status) as target:
        with Gateway(settings(tmp_path, to=target.peer)) as gateway:
            send(gateway, [small() for _ in range(3)])
            until(lambda: len(target.received) == 2 and gateway.delivery.failed >= 2
                  and gateway.journal.counts()["due"] == 1, "two and a poison")
            poison[0] = "none"
            settled(gateway, 3)
        assert len(set(target.received)) == 3


def test_what_the_destination_does_not_negotiate_waits_with_its_reason(tmp_path):
    contexts = [("1.2.840.10008.5.1.4.1.1.2", ["1.2.840.10008.1.2"])]
    with archive(tmp_path / "archive", contexts=contexts) as target:
        with Gateway(settings(tmp_path, to=target.peer)) as gateway:
            send(gateway, [small()])
            until(lambda: gateway.delivery.failed >= 2, "two tries")
            ((code,),) = gateway.journal._file.read("SELECT code FROM instances")
            assert code == "not-accepted-by-destination"


def test_a_study_is_forwarded_when_it_is_quiet(target, tmp_path):
    study = generate_uid()
    with Gateway(settings(tmp_path, to=target.peer, stable=3600.0)) as gateway:
        send(gateway, [small(study), small(study)])
        until(lambda: gateway.journal.counts()["due"] == 2, "due")
        gateway.delivery._deliver_due()
        assert not target.received
    with Gateway(settings(tmp_path, to=target.peer, stable=0.05)) as gateway:
        settled(gateway, 2)
    assert len(target.received) == 2


def test_more_contexts_than_one_association_has(tmp_path):
    """PS3.8: at most 128 presentation contexts; the rest goes over another association."""
    items = []
    for number in range(130):
        dataset = small()
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = f"1.2.3.{number}"
        dataset.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
        items.append(Item(str(number), tmp_path / f"{number}.dcm"))
    groups = list(_grouped([*items, items[0]]))
    assert [len(contexts) for contexts, _ in groups] == [MOST_CONTEXTS, 3]
    assert sum(len(group) for _, group in groups) == 131


def test_an_instance_changed_at_the_source_goes_again_and_a_copy_does_not(target, tmp_path):
    """Same SOP Instance UID: other pixels are an update, another private element is a true copy."""
    first = small()
    with Gateway(settings(tmp_path, to=target.peer)) as gateway:
        send(gateway, [first])
        settled(gateway, 1)
        first.add_new(0x00091010, "LO", "what the profile removes")
        send(gateway, [first])
        settled(gateway, 2)
        assert len(target.received) == 1
        first.PixelData = b"\x07" + first.PixelData[1:]
        send(gateway, [first])
        settled(gateway, 3)
    assert len(target.received) == 2 and len(set(target.received)) == 1
    assert target.datasets()[0].PixelData == first.PixelData
    assert not list(below(tmp_path / "out", "*.dcm"))


def test_refused_instances_stay_in_the_spool_and_are_tried_under_another_policy(target, tmp_path):
    strict = Policy(header_only=True, limits=Limits(max_file_bytes=100))
    with Gateway(settings(tmp_path, to=target.peer, policy=strict)) as gateway:
        assert send(gateway, [small()]) == [0]
        until(lambda: gateway.journal.counts()["refused"] == 1, "refused")
        assert gateway.reception.spool.usage[0] == 1
    with Gateway(settings(tmp_path, to=target.peer, policy=strict)) as gateway:
        assert gateway.journal.counts()["refused"] == 1, "refused for good under the same policy"
    with Gateway(settings(tmp_path, to=target.peer)) as gateway:
        settled(gateway, 1)
        until(lambda: gateway.reception.spool.usage[0] == 0, "no original stays")
    assert len(target.received) == 1


def test_held_instances_are_forwarded_when_a_person_releases_them(target, tmp_path, monkeypatch):
    dataset = small()
    monkeypatch.setattr("scrub_pixels.gateway.workshop.work_together", hold)
    with Gateway(settings(tmp_path, to=target.peer)) as gateway:
        assert send(gateway, [dataset]) == [0]
        until(lambda: gateway.journal.counts()["held"] == 1, "held")
        assert not target.received and gateway.reception.spool.usage[0] == 1
        with open_desk(gateway.workspace.root) as desk:
            desk.accept(desk.claim_next("anna", Wanted()).key, "anna")
            until(desk.carry_out, "the decision is carried out, between two shifts")
        until(lambda: gateway.journal.counts()["done"] == 1, "forwarded")
        until(lambda: gateway.reception.spool.usage[0] == 0, "no original stays")
    assert len(target.received) == 1 and not names_in(target.folder)


def hold(unit):
    """Hold whatever comes, as the pipeline does with what is uncertain."""
    from scrub_pixels.decisions import Decision, Disposition
    from scrub_pixels.pipeline import Held
    from scrub_pixels.store.accounts import account_held

    held = Held(Decision((), (), Disposition.HOLD), ("a test holds it",))
    return tuple(account_held(held, time.time()) for _ in unit.tasks)


def test_a_disk_that_is_full_for_a_while_loses_nothing(target, tmp_path, monkeypatch):
    tried = []

    def full_at_first(unit):
        tried.append(1)
        if len(tried) < 3:
            raise StoreFailed("The output file cannot be written.")
        return work_together(unit)

    monkeypatch.setattr("scrub_pixels.gateway.workshop.work_together", full_at_first)
    monkeypatch.setattr("scrub_pixels.gateway.scrubbing.PATIENCE", 0.05)
    with Gateway(settings(tmp_path, to=target.peer)) as gateway:
        send(gateway, [small() for _ in range(3)])
        settled(gateway, 3)
    assert len(set(target.received)) == 3 == len(target.received)


def test_an_instance_that_costs_its_worker_costs_no_other(tmp_path, monkeypatch):
    poison = small()

    def dies_of_poison(unit):
        if any(str(poison.SOPInstanceUID).encode() in task.source.path.read_bytes() for task in unit.tasks):
            return Casualty("crashed", "The worker process died (exit code -11).")
        return work_together(unit)

    monkeypatch.setattr("scrub_pixels.gateway.workshop.work_together", dies_of_poison)
    monkeypatch.setattr("scrub_pixels.gateway.scrubbing.Tally.unit_size", 4)
    with Gateway(settings(tmp_path)) as gateway:
        gateway.scrubbing.stop()
        send(gateway, [small(), poison, small(), small()])
    with Gateway(settings(tmp_path)) as gateway:
        settled(gateway, 4)
        counts = gateway.journal.counts()
    assert (counts["done"], counts["refused"]) == (3, 1)
    assert len(list(below(tmp_path / "out", "*.dcm"))) == 3
    monkeypatch.undo()
    with Gateway(settings(tmp_path)) as gateway:
        until(lambda: gateway.journal.counts()["done"] == 4, "a crash is worth another try")


def test_what_a_power_failure_tore_is_dropped_and_what_is_whole_is_taken(tmp_path):
    with Gateway(settings(tmp_path)) as gateway:
        gateway.scrubbing.stop()
        send(gateway, [small(), small(), small()])
        files = sorted(gateway.reception.spool.folder.glob("*.dcm"))
    files[0].write_bytes(files[0].read_bytes()[:-30])
    files[1].write_bytes(b"")
    journal = Journal(tmp_path / "workspace" / "gateway.sqlite")
    with journal._file.writing() as database:
        database.execute("DELETE FROM instances")
    journal.close()
    with Gateway(settings(tmp_path)) as gateway:
        settled(gateway, 1)
        until(lambda: gateway.reception.spool.usage == (0, 0), "nothing torn stays")
    assert len(list(below(tmp_path / "out", "*.dcm"))) == 1


# -- kill -9

SERVE = [sys.executable, "-m", "scrub_pixels.cli", "gateway", "--header-only", "--jobs", "0", "--port", "0",
         "--retry-first", "0.05", "--retry-most", "0.2"]


def serve(tmp_path, *options: str) -> tuple[subprocess.Popen, int]:
    """Start a gateway as a process of its own, and return it with its port."""
    command = [*SERVE, "--workspace", str(tmp_path / "workspace"), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    overdue = threading.Timer(LONG, process.kill)  # a gateway that never says it is ready is not waited for
    overdue.start()
    line = process.stdout.readline()
    overdue.cancel()
    assert line.startswith("DICOM: SCRUB@127.0.0.1:"), process.stderr.read()
    return process, int(line.rpartition(":")[2])


Answered = Callable[[int], None]


def send_until_killed(port: int, datasets: list[Dataset], answered: Answered) -> list[str]:
    """Send until the connection breaks; return the UIDs that were answered with success."""
    ae = patient(SteadyAE())
    ae.add_requested_context(SECONDARY_CAPTURE, datasets[0].file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port, ae_title="SCRUB")
    taken = []
    for dataset in datasets:
        try:
            status = association.send_c_store(dataset)
        except (RuntimeError, ValueError):
            break
        if "Status" not in status:  # no answer: to ask once more would wait for the time limit
            association.abort()
            break
        if status.Status == 0:
            taken.append(str(dataset.SOPInstanceUID))
            answered(len(taken))
    association.release()
    return taken


@dataclass
class Killer:
    """Kills a process a moment after so many answers, while more is on its way."""

    process: subprocess.Popen
    answers: int
    moment: float

    def __call__(self, count: int) -> None:
        if count == self.answers:
            threading.Timer(self.moment, self._kill).start()

    def _kill(self) -> None:
        self.process.kill()
        self.process.wait(LONG)


def test_killed_at_any_moment_nothing_is_lost_or_doubled(target, tmp_path):
    """Kill -9 while instances come, are scrubbed and are forwarded; what was answered arrives."""
    study, taken = generate_uid(), set()
    datasets = [small(study) for _ in range(40)]
    for round_, answers in enumerate((1, 5, 11)):
        process, port = serve(tmp_path, "--to", f"ARCHIVE@127.0.0.1:{target.port}")
        killer = Killer(process, answers, 0.02 * round_)
        taken |= set(send_until_killed(port, datasets[round_ * 13 :], killer))
        process.kill()
        process.wait(LONG)
        process.stdout.close()
        process.stderr.close()
    with Gateway(settings(tmp_path, to=target.peer, out=tmp_path / "workspace.outbox")) as gateway:
        until(lambda: gateway.journal.counts()["waiting"] == gateway.journal.counts()["due"] == 0, "all done")
        known = sum(gateway.journal.counts().values())
        until(lambda: gateway.reception.spool.usage == (0, 0), "no original stays")
    arrived = {str(d.SOPInstanceUID) for d in target.datasets()}
    assert taken and known >= len(taken) and len(arrived) == known
    assert not names_in(target.folder) and not names_in(tmp_path / "workspace.outbox")
    assert not list(below(tmp_path / "workspace.outbox", "*.dcm"))


def test_sigterm_finishes_what_is_in_work(tmp_path):
    process, port = serve(tmp_path, "--out", str(tmp_path / "out"))
    assert len(send_until_killed(port, [small() for _ in range(5)], lambda *_: None)) == 5
    process.terminate()
    out, err = process.communicate(timeout=LONG)
    assert process.returncode == 0 and not err
    assert NAME not in out
    with Gateway(settings(tmp_path)) as gateway:
        settled(gateway, 5)
    assert len(list(below(tmp_path / "out", "*.dcm"))) == 5


def test_two_gateways_on_one_workspace_are_one_too_many(tmp_path):
    from scrub_pixels.errors import WorkspaceError

    with Gateway(settings(tmp_path)), pytest.raises(WorkspaceError), Gateway(settings(tmp_path)):
        pass


# -- the journal alone

@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "gateway.sqlite")
    yield opened
    opened.close()


def test_what_is_due_waits_for_its_time_and_its_study(journal):
    for token, study in (("a", "one"), ("b", "one"), ("c", "two")):
        journal.receive(Arrival(token, token, SECONDARY_CAPTURE, study, 1))
    journal.settle([Ending("a", Stage.DUE, output="x"), Ending("c", Stage.DUE, output="y")], "policy")
    parcels = journal.parcels
    assert [p.token for p in parcels.due(9, 0.0, 300.0)] == ["a", "c"]
    assert parcels.due(9, 60.0, 300.0) == [], "nothing is quiet for a minute yet"
    parcels.postpone([("a", "no-connection", 100.0)])
    assert [p.token for p in parcels.due(9, 0.0, 300.0)] == ["c"]
    parcels.postpone([("c", "no-connection", 10_000.0)])
    assert [p.token for p in parcels.due(9, 0.0, 300.0)] == ["c"], "later than any retry: the clock jumped"


def test_the_pauses_between_tries_grow_to_a_limit():
    retry = Retry(first=1.0, most=60.0)
    assert [retry.delay(n) for n in (1, 2, 3, 7, 1000)] == [1.0, 2.0, 4.0, 60.0, 60.0]


# -- storage commitment

def commitment(gateway, items, answers, later: Peer | None = None):
    """Ask for storage commitment, and collect the reports that come over the same association."""
    def report(event):
        answers.append((event.event_type, event.event_information))
        return 0x0000, None

    ae = AE(ae_title="TESTER")
    ae.add_requested_context(StorageCommitmentPushModel)
    association = ae.associate("127.0.0.1", gateway.dimse.port, ae_title="SCRUB",
                               evt_handlers=[(evt.EVT_N_EVENT_REPORT, report)])
    wanted = Dataset()
    wanted.TransactionUID, wanted.ReferencedSOPSequence = generate_uid(), []
    for sop_class, uid in items:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        wanted.ReferencedSOPSequence.append(item)
    status, _ = association.send_n_action(wanted, 1, StorageCommitmentPushModel,
                                          StorageCommitmentPushModelInstance)
    assert status.Status == 0
    if later is None:
        until(lambda: answers, "a report")
    association.release()
    return wanted.TransactionUID


def test_committed_is_what_was_received_and_nothing_else(tmp_path):
    dataset, unknown = small(), generate_uid()
    with Gateway(settings(tmp_path)) as gateway:
        send(gateway, [dataset])
        answers: list = []
        kept = (SECONDARY_CAPTURE, str(dataset.SOPInstanceUID))
        commitment(gateway, [kept], answers)
        assert answers[0][0] == 1 and "FailedSOPSequence" not in answers[0][1]
        answers.clear()
        items = [kept, (SECONDARY_CAPTURE, unknown), ("1.2.840.10008.5.1.4.1.1.2", kept[1])]
        transaction = commitment(gateway, items, answers)
    kind, report = answers[0]
    assert kind == 2 and report.TransactionUID == transaction
    assert [i.ReferencedSOPInstanceUID for i in report.ReferencedSOPSequence] == [kept[1]]
    assert [i.FailureReason for i in report.FailedSOPSequence] == [0x0112, 0x0119]


def test_a_refused_instance_is_not_committed(tmp_path):
    dataset, strict = small(), Policy(header_only=True, limits=Limits(max_file_bytes=100))
    with Gateway(settings(tmp_path, policy=strict)) as gateway:
        send(gateway, [dataset])
        until(lambda: gateway.journal.counts()["refused"] == 1, "refused")
        answers: list = []
        commitment(gateway, [(SECONDARY_CAPTURE, str(dataset.SOPInstanceUID))], answers)
    assert answers[0][0] == 2 and answers[0][1].FailedSOPSequence[0].FailureReason == 0x0110


def test_a_report_is_sent_anew_to_a_peer_that_has_left(tmp_path):
    answers: list = []

    def report(event):
        answers.append(event.event_type)
        return 0x0000, None

    ae = AE(ae_title="TESTER")
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, report)])
    peer = Peer("TESTER", "127.0.0.1", server.server_address[1])
    door = replace(settings(tmp_path).dimse or DimseDoor("SCRUB"), peers=(peer,))
    try:
        with Gateway(settings(tmp_path, dimse=door)) as gateway:
            commitment(gateway, [(SECONDARY_CAPTURE, generate_uid())], [], later=peer)
            gateway.committer.report_due()
            until(lambda: answers == [2], "a report")
            assert not gateway.journal.promises.due()
    finally:
        server.shutdown()

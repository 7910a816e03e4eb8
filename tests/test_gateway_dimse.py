"""The DICOM door: what is answered, what is kept, who may come."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

import pytest
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from scrub_pixels.errors import UsageError
from scrub_pixels.gateway import DimseDoor, Gateway, Spooling
from scrub_pixels.gateway.settings import read_peer
from tests.gateways import (
    LONG,
    NAME,
    archive,
    associated,
    below,
    every_context,
    in_background,
    names_in,
    send,
    settings,
    settled,
    small,
    until,
)


@pytest.fixture
def gateway(tmp_path):
    with Gateway(settings(tmp_path)) as running:
        yield running


def associate(gateway, called="SCRUB", calling="TESTER"):
    ae = AE(ae_title=calling)
    ae.add_requested_context(Verification)
    return ae.associate("127.0.0.1", gateway.dimse.port, ae_title=called)


def test_what_is_sent_is_scrubbed_and_written(gateway, tmp_path):
    datasets = [small() for _ in range(3)]
    assert send(gateway, datasets) == [0, 0, 0]
    settled(gateway, 3)
    assert len(list(below(tmp_path / "out", "*.dcm"))) == 3
    assert not names_in(tmp_path / "out")
    until(lambda: gateway.reception.spool.usage == (0, 0), "no original stays after its release")


def test_the_spool_is_private(gateway, tmp_path):
    gateway.scrubbing.stop()
    assert send(gateway, [small()]) == [0]
    spool = tmp_path / "workspace" / "spool"
    assert [oct(p.stat().st_mode & 0o777) for p in (spool, spool / "incoming")] == ["0o700", "0o700"]
    (file,) = spool.glob("*.dcm")
    assert file.stat().st_mode & 0o777 == 0o600
    assert names_in(spool) == [file] and NAME not in file.name


def test_the_same_instance_sent_twice_is_taken_once(gateway, tmp_path):
    dataset = small()
    assert send(gateway, [dataset, dataset]) == [0, 0]
    settled(gateway, 1)
    assert send(gateway, [dataset]) == [0]
    settled(gateway, 1)
    assert (gateway.reception.taken, gateway.reception.repeated) == (1, 2)
    assert len(list(below(tmp_path / "out", "*.dcm"))) == 1


def test_echo(gateway):
    association = associate(gateway)
    assert association.send_c_echo().Status == 0
    association.release()


def test_titles_that_may_not_call_are_rejected(tmp_path):
    door = DimseDoor("SCRUB", port=0, calling=("CT1",))
    with Gateway(settings(tmp_path, dimse=door)) as gateway:
        assert associate(gateway, called="OTHER", calling="CT1").is_rejected
        assert associate(gateway, calling="CT2").is_rejected
        allowed = associate(gateway, calling="CT1")
        assert allowed.is_established
        allowed.release()


def test_networks_that_may_not_connect_are_closed(tmp_path):
    door = DimseDoor("SCRUB", port=0, networks=("10.1.0.0/16",))
    with Gateway(settings(tmp_path, dimse=door)) as gateway:
        assert not associate(gateway).is_established
        assert gateway.dimse.refused_peers == 1


def test_every_storage_class_is_taken_in_every_syntax(gateway):
    """More than 128 presentation contexts, so in several associations."""
    wanted = every_context()
    for start in range(0, len(wanted), 128):
        ae = AE()
        for uid, syntaxes in wanted[start : start + 128]:
            ae.add_requested_context(uid, syntaxes[-1])
        association = ae.associate("127.0.0.1", gateway.dimse.port, ae_title="SCRUB")
        assert not association.rejected_contexts
        association.release()


def test_the_syntax_is_the_one_the_sender_prefers(gateway):
    ae = AE()
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.6.1", ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2"])
    association = ae.associate("127.0.0.1", gateway.dimse.port, ae_title="SCRUB")
    assert association.accepted_contexts[0].transfer_syntax == ["1.2.840.10008.1.2.4.50"]
    association.release()


def test_an_unknown_sop_class_is_not_negotiated(gateway):
    ae = AE()
    ae.add_requested_context("1.2.826.0.1.3680043.9.9999.1")
    ae.add_requested_context(Verification)
    association = ae.associate("127.0.0.1", gateway.dimse.port, ae_title="SCRUB")
    assert [c.abstract_syntax for c in association.rejected_contexts] == ["1.2.826.0.1.3680043.9.9999.1"]
    association.release()


def raw_store(association, dataset, data: bytes) -> int:
    """Send bytes as the data set of a C-STORE."""
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_STORE

    request = C_STORE()
    request.MessageID, request.Priority = 7, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    request.DataSet = BytesIO(data)
    association._reactor_checkpoint.clear()
    until(lambda: association._is_paused, "pause")
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return answer.Status


@pytest.mark.parametrize("data", [b"\0" * 500, b"GET / HTTP/1.1\r\n" * 40, bytes(range(256)) * 8])
def test_what_is_no_dicom_is_answered_so_and_not_kept(gateway, data):
    dataset = small()
    with associated(gateway, [dataset]) as association:
        assert 0xC000 <= raw_store(association, dataset, data) <= 0xCFFF
    assert gateway.reception.spool.usage == (0, 0)
    assert not [path for path in below(gateway.reception.spool.folder) if path.is_file()]
    assert sum(gateway.journal.counts().values()) == 0


def test_a_data_set_of_another_instance_is_answered_so(gateway):
    announced, other = small(), small()
    other.SOPInstanceUID = generate_uid()
    with associated(gateway, [announced]) as association:
        announced.SOPInstanceUID, kept = other.SOPInstanceUID, announced.SOPInstanceUID
        from pynetdicom.dsutils import encode

        data = encode(announced, False, True)
        announced.SOPInstanceUID = kept
        assert raw_store(association, announced, data) == 0xA900
    assert gateway.reception.spool.usage == (0, 0)


def test_a_full_spool_is_answered_with_out_of_resources(tmp_path):
    limits = Spooling(instances=2)
    with Gateway(settings(tmp_path, spooling=limits)) as gateway:
        gateway.scrubbing.stop()
        assert send(gateway, [small(), small(), small()]) == [0, 0, 0xA700]
    with Gateway(settings(tmp_path, spooling=limits)) as gateway:
        settled(gateway, 2)
        assert send(gateway, [small()]) == [0], "room again"


def test_a_full_disk_is_answered_with_out_of_resources(gateway, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("scrub_pixels.gateway.spool.os.fsync", full)
        assert send(gateway, [small()]) == [0xA700]
    assert not [p for p in below(gateway.reception.spool.folder, "*") if p.is_file()]
    assert send(gateway, [small()]) == [0]
    settled(gateway, 1)


def test_a_data_set_over_the_limit_ends_the_association(tmp_path):
    with Gateway(settings(tmp_path, spooling=Spooling(largest=100_000))) as gateway:
        huge = small(rows=1500)
        with associated(gateway, [huge]) as association:
            assert "Status" not in association.send_c_store(huge)
        assert send(gateway, [small()]) == [0]
        settled(gateway, 1)


def test_an_aborted_association_leaves_nothing(gateway):
    dataset = small(rows=2000)
    with associated(gateway, [dataset]) as association:
        from pynetdicom.dsutils import encode

        socket_ = association.dul.socket.socket
        head = encode(dataset, False, True)[:200_000]
        socket_.sendall(struct.pack(">BBL", 4, 0, len(head) + 500))
        socket_.sendall(head)
        association.abort()
    assert send(gateway, [small()]) == [0]
    settled(gateway, 1)
    until(lambda: not list(below(gateway.reception.spool.folder, "*.dcm")), "no original stays")


def pdus_of(association, dataset) -> list[bytes]:
    """Return the P-DATA-TF PDUs of a C-STORE (PS3.8 9.3.5): its command, and its data set in several."""
    from io import BytesIO

    from pynetdicom.dimse_messages import C_STORE_RQ
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.dsutils import encode
    from pynetdicom.pdu import P_DATA_TF

    request, message, coded = C_STORE(), C_STORE_RQ(), []
    request.MessageID, request.Priority = 9, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    request.DataSet = BytesIO(encode(dataset, False, True))
    message.primitive_to_message(request)
    for primitive in message.encode_msg(association.accepted_contexts[0].context_id, 16382):
        pdu = P_DATA_TF()
        pdu.from_primitive(primitive)
        coded.append(pdu.encode())
    return coded


def say(connection: socket.socket, data: bytes) -> None:
    """Send what may end the connection at any byte, and read until the other side has closed it."""
    connection.settimeout(LONG)
    with suppress(OSError):  # closed already: it had heard enough
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    with suppress(ConnectionResetError):
        while connection.recv(4096):
            pass


def nothing_but(gateway, out, count: int) -> None:
    """See that so many instances were taken in, that all were released, and that nothing else is left."""
    settled(gateway, count)
    until(lambda: gateway.reception.spool.usage == (0, 0), "no original stays")
    assert not [path for path in below(gateway.reception.spool.folder) if path.is_file()]
    assert len(list(below(out, "*.dcm"))) == count and not names_in(out)


def stop_reading(association) -> socket.socket:
    """Return the connection of an association whose own threads have ended, and leave it alone."""
    association.dul.kill_dul()
    association.dul.join(LONG)
    association.join(LONG)
    assert not association.is_alive() and not association.is_established
    return association.dul.socket.socket


@pytest.mark.parametrize("end", [b"\x07\0\0\0\0\x04\0\0\0\0", b""], ids=["A-ABORT", "connection closed"])
def test_an_abort_between_the_parts_of_a_data_set_costs_that_one_only(gateway, tmp_path, end):
    before, half = small(), small(rows=400)
    with associated(gateway, [before]) as association:
        assert association.send_c_store(before).Status == 0
        pdus = pdus_of(association, half)
        assert len(pdus) > 4
        connection = stop_reading(association)
        say(connection, b"".join(pdus[:-2]) + end)
    nothing_but(gateway, tmp_path / "out", 1)
    assert send(gateway, [half]) == [0], "its sender sends it again"
    nothing_but(gateway, tmp_path / "out", 2)


def pdv(context: int, control: int, content: bytes, claimed: int | None = None) -> bytes:
    """Return a P-DATA-TF PDU of one fragment, of which the length may be a lie."""
    length = len(content) + 2 if claimed is None else claimed
    return struct.pack(">BBLLBB", 4, 0, len(content) + 6, length, context, control) + content


@pytest.mark.parametrize("data", [
    b"\x99\0" + struct.pack(">L", 40) + b"Z" * 40,
    b"\x04\0" + struct.pack(">L", 0),
    b"\x04\0\xff\xff\xff\xff" + b"A" * 400,
    b"\x01\0" + struct.pack(">L", 90) + b"B" * 90,
    pdv(1, 3, b"\0" * 40, claimed=2**31),
    pdv(1, 3, b"\0" * 40, claimed=0),
    pdv(1, 3, b"\xff" * 300),
    pdv(1, 3, struct.pack("<HHLH", 0, 0x0100, 2, 0x7777)),
    pdv(253, 3, b"\0" * 40),
    pdv(1, 0, b"D" * 3000),
    pdv(1, 0xFF, b"D" * 300),
], ids=["unknown type", "nothing in it", "4 GiB", "a second request", "fragment too long",
        "fragment of no length", "no command", "unknown command", "unknown context", "data without an end",
        "unknown control bits"])
@pytest.mark.parametrize("amid", [False, True], ids=["between instances", "amid an instance"])
def test_a_malformed_pdu_in_an_association_costs_that_association_only(gateway, tmp_path, data, amid):
    before, half, after = small(), small(rows=400), small()
    with associated(gateway, [before]) as association:
        assert association.send_c_store(before).Status == 0
        begun = b"".join(pdus_of(association, half)[:-2]) if amid else b""
        connection = stop_reading(association)
        say(connection, begun + data)
    assert send(gateway, [after]) == [0]
    nothing_but(gateway, tmp_path / "out", 2)


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x01\x00\xff\xff\xff\xff" + b"A" * 100,
    b"\x04\x00\x00\x00\x00\x06\x00\x00\x00\x02\x01\x03",
    b"\x01\x00\x00\x00\x00\x04\x00\x01\x00\x00",
    b"\x99" * 5000,
])
def test_a_malformed_stream_harms_nobody(gateway, data):
    with socket.create_connection(("127.0.0.1", gateway.dimse.port)) as stranger:
        stranger.sendall(data)
        stranger.shutdown(socket.SHUT_WR)
        stranger.settimeout(LONG)
        try:
            while stranger.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert send(gateway, [small()]) == [0]


def test_two_clients_at_once(gateway, tmp_path):
    mine, yours = [small() for _ in range(15)], [small() for _ in range(15)]
    answers: list[int] = []
    in_background(lambda: answers.extend(send(gateway, mine)), lambda: answers.extend(send(gateway, yours)))
    assert answers == [0] * 30
    settled(gateway, 30)
    assert len(list(below(tmp_path / "out", "*.dcm"))) == 30


def test_nothing_is_said_about_what_is_read(tmp_path, capfd, caplog):
    with archive(tmp_path / "archive") as target, Gateway(settings(tmp_path, to=target.peer)) as gateway:
        dataset = small()
        dataset.add_new(0x00100030, "DA", "NOTADATE" + NAME)
        assert send(gateway, [dataset, small()]) == [0, 0]
        settled(gateway, 2)
        with associated(gateway, [dataset]) as association:
            raw_store(association, dataset, NAME.encode() * 50)
    out, err = capfd.readouterr()
    assert NAME not in out + err + caplog.text


@pytest.mark.parametrize("text", ["", "X", "X@", "X@host", "X@host:", "X@host:dicom", "@host:1", "A\\B@h:1",
                                  "SEVENTEENLETTERSX@h:1", "X@h:70000"])
def test_what_is_no_peer_is_refused(text):
    with pytest.raises(UsageError):
        read_peer(text)


def test_ports_in_use_are_told(tmp_path):
    from scrub_pixels.errors import ScrubError

    with socket.create_server(("127.0.0.1", 0)) as taken:
        door = DimseDoor("SCRUB", port=taken.getsockname()[1])
        with pytest.raises(ScrubError, match="cannot listen"), Gateway(settings(tmp_path, dimse=door)):
            pass

"""OUT holds a whole, proven file or none: races, kills, full disks, duplicates."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import DataElement, Dataset, dcmread
from pydicom.config import IGNORE
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, generate_uid

from scrub_pixels.errors import ProofFailed, WorkspaceError
from scrub_pixels.masks.evidence import PixelEvidence
from scrub_pixels.store import atomic, readback
from scrub_pixels.store.atomic import DuplicateUid, OutFolder, Place, StoreFailed, below_output, open_out
from scrub_pixels.store.journal import PREFIX, enter_names, is_journal


def make_dataset(seed: int = 0, uid: str = "") -> Dataset:
    rng = np.random.default_rng(seed)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = uid or generate_uid(entropy_srcs=[str(seed)])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.1", "2.25.2"
    dataset.PatientName, dataset.Modality = "ANON^1", "US"
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageComments = "Köln"
    dataset.PixelSpacing = ["0.10", "0.1"]
    item = Dataset()
    item.RegionLocationMinX0 = 4
    dataset.SequenceOfUltrasoundRegions = [item]
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 17, 13, 1
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = rng.integers(0, 255, 17 * 13, dtype=np.uint8).tobytes() + b"\0"
    return dataset


EVIDENCE = PixelEvidence(frames=1, frames_searched=1, frames_masked=0, frames_compared=1, redactions=(),
                         syntax_in=ExplicitVRLittleEndian, syntax_out=ExplicitVRLittleEndian,
                         pixel_data_identical=True)


@dataclass(frozen=True)
class Stand:
    """Stands for Scrubbed."""

    dataset: Dataset = field(default_factory=make_dataset)
    evidence: PixelEvidence = EVIDENCE


def leftovers(root: Path) -> list[str]:
    return [p.name for p in root.rglob("*") if p.is_file() and p.suffix != ".dcm" and p.name != atomic.MARKER]


def private_files(out: OutFolder) -> list[Path]:
    """Everything in the private folder but the journal, which stays until the run has ended."""
    return [file for file in out.partial.iterdir() if not is_journal(file)]


def test_written_file_reads_back_and_is_named_once(tmp_path):
    root = tmp_path / "out"
    root.mkdir(mode=0o750)
    with open_out(root) as out:
        written = out.write(Stand(), Place("p/s/e/i.dcm"))
        assert stat.S_IMODE(out.partial.stat().st_mode) == 0o700
    target = root / "p/s/e/i.dcm"
    assert dcmread(target).ImageComments == "Köln"
    assert written.size == target.stat().st_size and not written.existing
    assert target.stat().st_nlink == 1
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert leftovers(root) == []
    assert not list(root.glob(atomic.PARTIAL_PREFIX + "*"))


def test_preamble_never_reaches_out(tmp_path):
    dataset = make_dataset()
    dataset.preamble = b"DOE^JANE".ljust(128, b"\0")
    with open_out(tmp_path / "out") as out:
        out.write(Stand(dataset), Place("a.dcm"))
    assert b"DOE" not in (tmp_path / "out/a.dcm").read_bytes()
    assert dataset.preamble.startswith(b"DOE")


def test_encapsulated_multi_frame_reads_back(tmp_path):
    dataset = make_dataset()
    dataset.NumberOfFrames = 2
    dataset.PixelData = np.arange(2 * 17 * 13, dtype=np.uint32).astype(np.uint8).tobytes()
    dataset.compress(RLELossless, generate_instance_uid=False, encoding_plugin="pydicom")
    with open_out(tmp_path / "out") as out:
        out.write(Stand(dataset), Place("a.dcm"))
    assert np.array_equal(dcmread(tmp_path / "out/a.dcm").pixel_array, dataset.pixel_array)


def test_a_transfer_syntax_newer_than_pydicom_is_written(tmp_path):
    dataset, uid = make_dataset(), "1.2.840.10008.1.2.8.1"  # Deflated Image Frame Compression
    dataset.file_meta.TransferSyntaxUID = UID(uid)
    dataset.PixelData = encapsulate([b"\x4b\x04\x00\x00"])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    with open_out(tmp_path / "out") as out:
        out.write(Stand(dataset), Place("a.dcm"))
    found = dcmread(tmp_path / "out/a.dcm")
    assert found.file_meta.TransferSyntaxUID == uid and found.PixelData == dataset.PixelData


def test_same_content_is_existing_and_other_content_is_duplicate_uid(tmp_path):
    with open_out(tmp_path / "out") as out:
        first = out.write(Stand(make_dataset(1, "2.25.9")), Place("a.dcm"))
        again = out.write(Stand(make_dataset(1, "2.25.9")), Place("a.dcm"))
        assert not first.existing and again.existing and again.digest == first.digest
        before = (out.root / "a.dcm").read_bytes()
        with pytest.raises(DuplicateUid) as caught:
            out.write(Stand(make_dataset(2, "2.25.9")), Place("a.dcm"))
        assert caught.value.code == "duplicate-uid"
        assert (out.root / "a.dcm").read_bytes() == before
        assert private_files(out) == []


def test_older_result_of_the_same_input_is_replaced_or_withdrawn(tmp_path):
    with open_out(tmp_path / "out") as out:
        out.write(Stand(make_dataset(1)), Place("p/a.dcm"))
        out.write(Stand(make_dataset(2)), Place("p/a.dcm", replaces="p/a.dcm"))
        assert dcmread(out.root / "p/a.dcm").SOPInstanceUID == make_dataset(2).SOPInstanceUID
        out.write(Stand(make_dataset(3)), Place("q/b.dcm", replaces="p/a.dcm"))
        assert list(out.files()) == ["q/b.dcm"]
        assert not (out.root / "p").exists()


def test_second_name_is_taken_when_names_differ_only_in_case(tmp_path):
    with open_out(tmp_path / "out") as out:
        out.write(Stand(make_dataset(1)), Place("A.dcm", otherwise="A-1.dcm"))
        written = out.write(Stand(make_dataset(2)), Place("a.dcm", otherwise="a-2.dcm"))
        assert written.relative == "a-2.dcm"
        written = out.write(Stand(make_dataset(3)), Place("A.dcm", otherwise="A-3.dcm"))
        assert written.relative == "A-3.dcm"


@pytest.mark.parametrize("links", [True, False])
def test_only_one_of_two_racing_writers_wins(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    with open_out(tmp_path / "out") as out:
        results: list[str] = []
        gate = threading.Barrier(6)
        threads = [threading.Thread(target=_race, args=(out, seed, gate, results)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == ["lost"] * 5 + ["won"]
        dcmread(out.root / "a.dcm")


def test_racing_writers_of_the_same_content_write_it_once(tmp_path):
    with open_out(tmp_path / "out") as out:
        gate = threading.Barrier(6)
        stands = [Stand(make_dataset(1)) for _ in range(6)]

        def write(number: int) -> bool:
            gate.wait()
            return out.write(stands[number], Place("a.dcm", otherwise=f"a-{number}.dcm")).existing

        with ThreadPoolExecutor(6) as pool:
            assert sorted(pool.map(write, range(6))) == [False] + [True] * 5
        assert list(out.files()) == ["a.dcm"]


def _race(out: OutFolder, seed: int, gate: threading.Barrier, results: list[str]) -> None:
    stand = Stand(make_dataset(seed))
    gate.wait()
    try:
        out.write(stand, Place("a.dcm"))
        results.append("won")
    except DuplicateUid:
        results.append("lost")


def _no_links(*_args):
    raise OSError(errno.EPERM, "no links here")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "link", "chmod"])
def test_failing_disk_leaves_nothing_and_says_what_to_do(tmp_path, monkeypatch, code, call):
    with open_out(tmp_path / "out") as out:
        with monkeypatch.context() as patch:
            patch.setattr(os, call, _failing(code))
            with pytest.raises(StoreFailed) as caught:
                out.write(Stand(), Place("p/a.dcm"))
        assert caught.value.remedy and str(tmp_path) not in str(caught.value)
        assert list(out.files()) == [] and private_files(out) == []


def _failing(code: int):
    def fail(*_args, **_more):
        raise OSError(code, os.strerror(code), "/secret/DOE^JANE")
    return fail


def test_file_size_limit_of_the_system_counts_as_full_disk(tmp_path):
    script = _script(tmp_path, """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
        try:
            out.write(stand, Place("p/a.dcm"))
        except StoreFailed as error:
            print(error)
    """)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout and "limit forbids" in done.stdout
    assert leftovers(tmp_path / "out") == [] and not list((tmp_path / "out").rglob("*.dcm"))


def test_vanished_out_is_not_made_again(tmp_path):
    with open_out(tmp_path / "out") as out:
        (tmp_path / "out").rename(tmp_path / "gone")
        with pytest.raises(StoreFailed, match="vanished"):
            out.write(Stand(), Place("p/a.dcm"))
    assert not (tmp_path / "out").exists()


def test_truncated_or_altered_file_is_never_named(tmp_path, monkeypatch):
    genuine = readback.dcmread

    def lie(path):
        found = genuine(path)
        found.PixelData = bytes(len(found.PixelData))
        return found

    with open_out(tmp_path / "out") as out:
        monkeypatch.setattr(readback, "dcmread", lie)
        with pytest.raises(ProofFailed, match="does not hold"):
            out.write(Stand(), Place("a.dcm"))
        assert list(out.files()) == []


CHANGES = {
    "item": lambda d: setattr(d.SequenceOfUltrasoundRegions[0], "RegionLocationMinX0", 5),
    "extra": lambda d: setattr(d.SequenceOfUltrasoundRegions[0], "RegionLocationMinY0", 5),
    "missing": lambda d: delattr(d, "ImageComments"),
    "text": lambda d: setattr(d, "ImageComments", "Koln"),
    "number": lambda d: setattr(d, "Rows", 18),
    "no number": lambda d: setattr(d, "Rows", None),
    "more numbers": lambda d: setattr(d, "Rows", [17, 17]),
    "figure": lambda d: setattr(d, "PixelSpacing", ["0.10", "0.2"]),
    "fewer figures": lambda d: setattr(d, "PixelSpacing", "0.10"),
    "name": lambda d: setattr(d, "PatientName", "ANON^2"),
    "names": lambda d: setattr(d, "PatientName", ["ANON^1", "ANON^1"]),
    "emptied": lambda d: setattr(d, "Modality", None),
    "filled": lambda d: setattr(d, "StudyID", "1"),
    "filled number": lambda d: setattr(d, "HighBit", 7),
}


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("change", CHANGES)
def test_every_kind_of_difference_is_seen(tmp_path, change, syntax):
    def made():
        dataset = make_dataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.StudyID = dataset.HighBit = None
        return dataset

    with open_out(tmp_path / "out") as out:
        out.write(Stand(made()), Place("a.dcm"))
    wanted = made()
    assert readback.prove_written(tmp_path / "out/a.dcm", wanted).Rows == 17
    CHANGES[change](wanted)
    with pytest.raises(ProofFailed, match="does not hold"):
        readback.prove_written(tmp_path / "out/a.dcm", wanted)


def test_data_set_that_cannot_be_encoded_is_refused_without_its_values(tmp_path):
    dataset = make_dataset()
    dataset.add(DataElement("Rows", "US", "DOE^JANE", validation_mode=IGNORE))
    with open_out(tmp_path / "out") as out:
        with pytest.raises(ProofFailed, match="cannot be encoded") as caught:
            out.write(Stand(dataset), Place("a.dcm"))
        assert "DOE" not in str(caught.value) and private_files(out) == []


def test_digest_of_the_evidence_must_match_the_disk(tmp_path):
    stand = Stand(evidence=replace(EVIDENCE, digest_out="ab"))
    with open_out(tmp_path / "out") as out:
        out.write(stand, Place("a.dcm"), lambda dataset: "ab")
        with pytest.raises(ProofFailed, match="not those that were proven"):
            out.write(stand, Place("b.dcm"), lambda dataset: "cd")
        assert list(out.files()) == ["a.dcm"]


STAGES = ("write", "fsync", "dcmread", "file_digest", "chmod", "link", "linked", "unlink")


@pytest.mark.parametrize("stage", STAGES)
def test_kill_at_any_stage_leaves_a_whole_file_or_none(tmp_path, stage):
    script = _script(tmp_path, f"""
        from scrub_pixels.store import atomic, readback
        die = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
        def after(real):
            def call(*a, **k):
                real(*a, **k)
                die()
            return call
        stage = {stage!r}
        if stage == "write":
            real = atomic._put
            atomic._put = lambda file, ds: (file.write(b"half"), file.flush(), die())
        elif stage == "dcmread": readback.dcmread = die
        elif stage == "file_digest": atomic.file_digest = die
        elif stage == "linked": os.link = after(os.link)
        elif stage == "unlink": Path.unlink = die
        else: setattr(os, stage, die)
        out.write(stand, Place("p/a.dcm"))
    """)
    done = subprocess.run([sys.executable, str(script)], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    root = tmp_path / "out"
    whole = list(root.rglob("*.dcm"))
    assert len(whole) == (1 if stage in ("linked", "unlink") else 0)
    for path in whole:
        readback.prove_written(path, make_dataset())
    with open_out(root) as out:
        assert out.write(Stand(), Place("p/a.dcm")).existing == bool(whole)
    assert leftovers(root) == [] and not list(root.glob(atomic.PARTIAL_PREFIX + "*"))


def _script(tmp_path: Path, body: str) -> Path:
    script = tmp_path / "victim.py"
    script.write_text(textwrap.dedent(f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_store_atomic import Stand, Place, StoreFailed, open_out
        stand = Stand()
        keep = open_out(Path({str(tmp_path / "out")!r}))
        out = keep.__enter__()
    """) + textwrap.dedent(body))
    return script


def test_two_runs_cannot_write_to_one_folder(tmp_path):
    with open_out(tmp_path / "out"):
        with pytest.raises(WorkspaceError, match="Another run"), open_out(tmp_path / "out"):
            pass
    with open_out(tmp_path / "out"):
        pass


def test_reports_replace_older_ones(tmp_path):
    with open_out(tmp_path / "out") as out:
        out.write_bytes("scrub-report.json", iter([b"old"]))
        out.write_bytes("scrub-report.json", iter([b"n", b"ew"]))
    assert (tmp_path / "out/scrub-report.json").read_bytes() == b"new"


def test_below_output_sees_through_links(tmp_path):
    with open_out(tmp_path / "out"):
        pass
    (tmp_path / "link").symlink_to(tmp_path / "out")
    assert below_output(tmp_path / "out/x.html") and below_output(tmp_path / "link/sub/x.html")
    assert not below_output(tmp_path / "x.html")


def test_names_given_and_not_accounted_for_are_known_to_the_next_run(tmp_path):
    with pytest.raises(KeyboardInterrupt), open_out(tmp_path / "out") as out:
        out.write(Stand(), Place("p/a.dcm"))
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), open_out(tmp_path / "out") as out:
        assert out.journaled() == {"p/a.dcm"}
        raise KeyboardInterrupt
    with open_out(tmp_path / "out") as out:
        assert out.journaled() == {"p/a.dcm"}
    with open_out(tmp_path / "out") as out:
        assert out.journaled() == frozenset()


def test_a_worker_nobody_waits_for_can_neither_write_nor_name_while_its_run_is_cleared_away(
        tmp_path, monkeypatch):
    real, refused = shutil.rmtree, []

    def late(folder, **options):
        for step in (lambda: out.prepare(Stand(make_dataset(8))), lambda: out.publish([prepared])):
            with pytest.raises(StoreFailed):
                step()
            refused.append(step)
        real(folder, **options)

    monkeypatch.setattr(shutil, "rmtree", late)
    with open_out(tmp_path / "out") as out:
        prepared = out.prepare(Stand(make_dataset(7))), Place("p/late.dcm")
    assert len(refused) == 2
    assert not list((tmp_path / "out").rglob("*.dcm"))
    assert not list((tmp_path / "out").glob(atomic.PARTIAL_PREFIX + "*"))


def test_nor_while_the_next_run_clears_it_away(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt), open_out(tmp_path / "out") as old:
        enter_names(old.partial, ["p/a.dcm"])
        raise KeyboardInterrupt
    prepared = old.prepare(Stand()), Place("p/late.dcm")
    real, refused = atomic.carry_over, []

    def late(folder, current):
        with pytest.raises(StoreFailed):
            old.publish([prepared])
        refused.append(folder)
        real(folder, current)

    monkeypatch.setattr(atomic, "carry_over", late)
    with open_out(tmp_path / "out") as out:
        assert out.journaled() == {"p/a.dcm"}
        assert len(refused) == 1 and not list(out.files())


def test_a_line_that_was_not_written_to_its_end_names_nothing(tmp_path):
    with open_out(tmp_path / "out") as out:
        (out.partial / f"{PREFIX}1").write_bytes(b"a.dcm\nb.d")
        assert out.journaled() == {"a.dcm"}


def test_many_files_are_named_after_all_of_them_are_durable(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "link"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1])
    with open_out(tmp_path / "out") as out:
        stands = [Stand(make_dataset(n)) for n in range(4)]
        batch = [(out.prepare(stand), Place(f"p/{n}.dcm")) for n, stand in enumerate(stands)]
        assert list(out.files()) == []
        assert [w.relative for w in out.publish(batch)] == [f"p/{n}.dcm" for n in range(4)]
    first, last = calls.index("link"), len(calls) - 1 - calls[::-1].index("link")
    assert calls[:first].count("fsync") >= 5, "four files and the journal"
    assert calls[last:].count("fsync") == 2, "each folder is synced once"


def test_one_taken_name_costs_the_others_nothing(tmp_path):
    with open_out(tmp_path / "out") as out:
        out.write(Stand(make_dataset(1, "2.25.9")), Place("a.dcm"))
        batch = [(out.prepare(Stand(make_dataset(n, "2.25.9"))), Place(name))
                 for n, name in ((2, "a.dcm"), (3, "b.dcm"))]
        taken, written = out.publish(batch)
        assert isinstance(taken, DuplicateUid) and written.relative == "b.dcm"
        assert private_files(out) == [] and sorted(out.files()) == ["a.dcm", "b.dcm"]

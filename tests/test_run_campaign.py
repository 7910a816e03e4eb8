"""The main job on a folder: every input accounted for, nothing identified anywhere but where it may be."""

import fcntl
import functools
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from fixtures import make_fixture
from scrub_pixels import Policy, Scrubber
from scrub_pixels.errors import UsageError, WorkspaceError
from scrub_pixels.masks import digest_pixels
from scrub_pixels.policy import from_table
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.run.work import Layout
from scrub_pixels.store.atomic import Place, open_out
from scrub_pixels.store.books import open_books
from scrub_pixels.store.workspace import open_workspace


def plain(**changes):
    """Return a small Secondary Capture without any text."""
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Quixotewski^Zebulon", "ZQ77310", "OT"
    dataset.Rows = dataset.Columns = 32
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = bytes(1024)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def saved(dataset, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def rows(campaign):
    workspace = open_workspace(campaign.private, create=False)
    with open_books(workspace, campaign.out.resolve()) as books:
        return {row.relative: row for row in books.ledger.rows()}


def everything_in(folder):
    """Yield every byte below a folder: names and contents."""
    for path in sorted(folder.rglob("*")):
        yield str(path.relative_to(folder)).encode()
        if path.is_file():
            yield path.read_bytes()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Return a run over images with text, and over everything else one finds in a folder."""
    base = tmp_path_factory.mktemp("mixed")
    with pytest.MonkeyPatch.context() as patch:
        uids = (f"1.2.826.0.1.3680043.8.498.{number}" for number in itertools.count(1))
        patch.setattr(f"{__name__}.generate_uid", lambda: next(uids))
        (open_workspace(base / "ws").root / "key").write_bytes(b"k" * 32)
        yield _mixed_run(base)


def _mixed_run(base):
    """Run with UIDs and a key that are always the same: random numbers hold any six digits now and then."""
    source = base / "in"
    planted = []
    for seed, kind in ((3, "us_grey"), (4, "screenshot")):
        fixture = make_fixture(seed, kind)
        saved(fixture.dataset, source / "exams" / f"{seed}.dcm")
        planted += fixture.planted
    saved(plain(), source / "no-text")
    saved(plain(Rows=60000, Columns=60000), source / "huge.dcm")
    saved(plain(NumberOfFrames=0), source / "zero-frames.dcm")
    saved(plain(PixelData=bytes(100)), source / "truncated.dcm")
    saved(plain(), source / "cut.dcm").write_bytes((source / "no-text").read_bytes()[:700])
    (source / "empty.dcm").write_bytes(b"")
    (source / "notes.txt").write_text("Quixotewski came by")
    (source / "noise.dcm").write_bytes(np.random.default_rng(0).bytes(4000))
    wrong = plain()
    wrong.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    wrong.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8 no JPEG at all \xff\xd9"])
    saved(wrong, source / "wrong-syntax.dcm")
    unknown = io.BytesIO()
    plain().save_as(unknown, enforce_file_format=True)
    (source / "unknown-syntax.dcm").write_bytes(
        unknown.getvalue().replace(b"1.2.840.10008.1.2.1\x00", b"1.2.840.99999.1.2.1\x00", 1)
    )
    shutil.copy(source / "no-text", source / "no-text-copy")
    first, second = plain(), plain()
    second.SOPInstanceUID = first.SOPInstanceUID
    second.StudyInstanceUID, second.SeriesInstanceUID = first.StudyInstanceUID, first.SeriesInstanceUID
    second.PixelData = bytes([9]) * 1024
    saved(first, source / "same-uid-1.dcm")
    saved(second, source / "same-uid-2.dcm")
    with zipfile.ZipFile(source / "archive.zip", "w") as archive:
        memory = io.BytesIO()
        plain().save_as(memory, enforce_file_format=True)
        archive.writestr("QUIXOTEWSKI/1.dcm", memory.getvalue())
    campaign = Campaign(source, base / "out", Policy(), workspace=base / "ws", jobs=0)
    result = run(campaign)
    return campaign, result, [*planted, "Quixotewski", "ZQ77310"]


def test_the_sums_close(mixed):
    campaign, result, _ = mixed
    assert result.totals.closed
    assert result.totals.inputs == len(rows(campaign)) == 16


@pytest.mark.parametrize(
    ("name", "outcome", "code"),
    [
        ("no-text", "released", ""),
        ("archive.zip/QUIXOTEWSKI/1.dcm", "released", ""),
        ("huge.dcm", "refused", "too-large"),
        ("zero-frames.dcm", "refused", "corrupt"),
        ("truncated.dcm", "refused", "corrupt"),
        ("cut.dcm", "refused", "corrupt"),
        ("empty.dcm", "not-dicom", "not-dicom"),
        ("notes.txt", "not-dicom", "not-dicom"),
        ("noise.dcm", "not-dicom", "not-dicom"),
        ("wrong-syntax.dcm", "refused", "corrupt"),
        ("unknown-syntax.dcm", "refused", "unsupported"),
    ],
)
def test_every_kind_of_input_has_its_account(mixed, name, outcome, code):
    row = rows(mixed[0])[name]
    assert (row.outcome.value, row.code) == (outcome, code)
    assert outcome == "released" or row.message


def test_two_instances_with_one_uid_are_both_accounted_for(mixed):
    pair = [rows(mixed[0])[f"same-uid-{n}.dcm"] for n in (1, 2)]
    assert all(row.outcome.value == "released" for row in pair)
    assert pair[0].output != pair[1].output
    assert any("same SOP Instance UID" in row.message for row in pair)


def test_a_copy_of_a_file_is_no_second_output(mixed):
    pair = [rows(mixed[0])[name] for name in ("no-text", "no-text-copy")]
    assert sum(bool(row.output) for row in pair) == 1
    assert any("duplicate" in (row.code, *row.facts) or "copy" in row.message for row in pair)


def test_nothing_planted_stands_in_the_output_or_its_names(mixed):
    campaign, _, planted = mixed
    content = b"\0".join(everything_in(campaign.out)).lower()
    assert len(planted) > 20
    assert [text for text in planted if text.lower().encode() in content] == []


def test_every_output_is_named_by_its_new_uids(mixed):
    campaign, _, _ = mixed
    files = list(campaign.out.rglob("*.dcm"))
    assert files
    for path in files:
        dataset = pydicom.dcmread(path)
        assert path.parts[-2] == dataset.SeriesInstanceUID
        assert path.parts[-3] == dataset.StudyInstanceUID
        assert path.name.startswith(dataset.SOPInstanceUID)


def test_inputs_are_never_changed(tmp_path):
    path = saved(make_fixture(5, "us_grey").dataset, tmp_path / "in" / "a.dcm")
    before, status = path.read_bytes(), path.stat()
    run(Campaign(tmp_path / "in", tmp_path / "out", Policy(), jobs=0))
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == status.st_mtime_ns


def test_the_workspace_is_private(mixed):
    campaign, _, _ = mixed
    assert campaign.private.stat().st_mode & 0o777 == 0o700
    assert all(p.stat().st_mode & 0o077 == 0 for p in campaign.private.rglob("*"))


def test_an_unreadable_file_is_accounted_for(tmp_path):
    saved(plain(), tmp_path / "in" / "a.dcm").chmod(0)
    if os.access(tmp_path / "in" / "a.dcm", os.R_OK):
        pytest.skip("this user may read everything")
    campaign = Campaign(tmp_path / "in", tmp_path / "out", Policy(), jobs=0)
    run(campaign)
    assert rows(campaign)["a.dcm"].code == "unreadable"


@pytest.mark.parametrize(
    ("source", "out"), [("in", "in/out"), ("in/sub", "in"), ("in", "in"), ("nowhere", "out"), ("in", "full")]
)
def test_folders_that_cannot_be_meant_are_refused(tmp_path, source, out):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(UsageError):
        run(Campaign(tmp_path / source, tmp_path / out, Policy()))


def test_a_workspace_inside_out_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(WorkspaceError):
        run(Campaign(tmp_path / "in", tmp_path / "out", Policy(), workspace=tmp_path / "out" / "private"))


def test_kept_names_carry_no_identifier(tmp_path):
    saved(plain(), tmp_path / "in" / "QUIXOTEWSKI_ZEBULON" / "chest" / "ZQ77310-1.dcm")
    run(Campaign(tmp_path / "in", tmp_path / "out", Policy(), layout=Layout.KEEP))
    (path,) = (tmp_path / "out").rglob("*.dcm")
    name = path.relative_to(tmp_path / "out").as_posix()
    assert "chest" in name
    assert "quixotewski" not in name.lower() and "zq77310" not in name.lower()


def test_resuming_skips_what_is_settled_and_adds_what_is_new(tmp_path):
    saved(plain(), tmp_path / "in" / "a")
    campaign = Campaign(tmp_path / "in", tmp_path / "out", Policy(), resume=True)
    run(campaign)
    (first,) = (tmp_path / "out").rglob("*.dcm")
    before = first.stat().st_ino
    saved(plain(), tmp_path / "in" / "b")
    result = run(campaign)
    assert (result.skipped, result.totals.released) == (1, 2)
    assert first.stat().st_ino == before


def test_a_changed_policy_does_again_what_it_must(tmp_path):
    saved(plain(BurnedInAnnotation="YES"), tmp_path / "in" / "a")
    mask = from_table({"decisions": {"on_uncertain": "mask"}})
    for policy in (Policy(), mask, Policy()):
        result = run(Campaign(tmp_path / "in", tmp_path / "out", policy, resume=True))
        assert result.skipped == 0
        assert result.totals.closed and result.totals.inputs == 1
        assert len(list((tmp_path / "out").rglob("*.dcm"))) == result.totals.released


def command(campaign, *options):
    folders = (str(campaign.source), str(campaign.out))
    return [sys.executable, "-m", "scrub_pixels.cli", *folders, "--jobs", "2", *options]


def digests(out: Path):
    """Return the content of every Instance in OUT by its name."""
    return {p.relative_to(out): p.read_bytes() for p in out.rglob("*.dcm")}


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """Return an undisturbed run."""
    base = tmp_path_factory.mktemp("calm")
    for number in range(40):
        saved(
            plain(SOPInstanceUID=f"1.2.3.{number}", SeriesInstanceUID="1.2.3", StudyInstanceUID="1.2"),
            base / "in" / str(number),
        )
    campaign = Campaign(base / "in", base / "calm", Policy(), workspace=base / "private", jobs=0)
    run(campaign)
    return campaign


@pytest.mark.parametrize("settled", [0, 1, 15])
def test_killed_at_any_moment_and_resumed_it_ends_as_if_undisturbed(tmp_path, calm, settled):
    """Killed when so many are settled; a short pipe for the events keeps it from running ahead."""
    planted = ["Quixotewski", "ZQ77310"]
    wild = replace(calm, out=tmp_path / "wild", jobs=2, resume=True)
    process = subprocess.Popen(
        command(wild, "--resume", "--workspace", str(calm.workspace), "--events", "-"),
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    assert all(process.stdout.readline() for _ in range(settled))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    content = b"\0".join(everything_in(tmp_path / "wild")).lower() if wild.out.exists() else b""
    assert not [text for text in planted if text.lower().encode() in content]
    result = run(wild)
    assert result.totals.closed and result.totals.released == 40
    assert digests(wild.out) == digests(calm.out)
    assert not list(wild.out.glob(".scrub-partial*"))


def test_two_runs_on_one_workspace_do_not_mix(tmp_path):
    saved(plain(), tmp_path / "in" / "a")
    workspace = open_workspace(tmp_path / "private")
    with workspace.locked(), pytest.raises(WorkspaceError, match="Another run"):
        run(Campaign(tmp_path / "in", tmp_path / "out", Policy(), workspace=tmp_path / "private"))


def test_the_report_tells_counts_and_no_name(mixed):
    campaign, result, planted = mixed
    report = json.loads((campaign.out / "scrub-report.json").read_text())
    assert result.report.name == "scrub-report.html"
    text = json.dumps(report) + result.report.read_text()
    assert [p for p in planted if p.lower() in text.lower()] == []
    assert str(result.totals.released) in text


def header_only(base, **options):
    return Campaign(base / "in", base / "out", Policy(header_only=True), jobs=0, **options)


@pytest.mark.parametrize(("owner", "copy"), [("a.dcm", "b.dcm"), ("b.dcm", "a.dcm")])
def test_a_copy_gets_an_output_of_its_own_when_that_of_its_twin_goes(tmp_path, owner, copy):
    twin = plain()
    saved(twin, tmp_path / "in" / owner)
    run(header_only(tmp_path))
    saved(twin, tmp_path / "in" / copy)
    run(header_only(tmp_path, resume=True))
    assert rows(header_only(tmp_path))[copy].code == "duplicate"
    saved(plain(PatientID="ZQ77311"), tmp_path / "in" / owner)
    run(header_only(tmp_path, resume=True))
    outputs = {row.output for row in rows(header_only(tmp_path)).values()}
    assert len(outputs) == 2 and all((tmp_path / "out" / output).is_file() for output in outputs)


def test_an_output_that_is_not_what_was_written_is_written_again(tmp_path):
    saved(plain(), tmp_path / "in" / "a.dcm")
    run(header_only(tmp_path))
    output = tmp_path / "out" / rows(header_only(tmp_path))["a.dcm"].output
    whole = output.read_bytes()
    output.write_bytes(whole[:100])
    run(header_only(tmp_path, resume=True))
    assert output.read_bytes() == whole


def test_resuming_into_a_folder_of_someone_else_touches_nothing(tmp_path):
    saved(plain(), tmp_path / "in" / "a.dcm")
    precious = saved(plain(), tmp_path / "out" / "original.dcm")
    with pytest.raises(UsageError, match="not written by"):
        run(header_only(tmp_path, resume=True))
    assert precious.is_file() and list(precious.parent.iterdir()) == [precious]


@pytest.mark.parametrize("name", [
    "QuixotewskiZebulon", "ct_QUIXOTEWSKIZEBULON_1", "Q.u.i.x.o.t.e.w.s.k.i", "Qui_xotewski", "Zeb",
    "ZQ 77310", "zq-773-10", "ZQ77310A", "ZQ/77310", "Quixötewski", "QUIXÖTEWSKI2", "Oe_Li",
    "oeuvre/Moeller", "Möller7"])
def test_names_run_together_cut_apart_or_shortened_do_not_stay_in_paths(tmp_path, name):
    saved(plain(OtherPatientNames="Möller^Li"), tmp_path / "in" / name / "k.dcm")
    saved(plain(), tmp_path / "in" / "thorax" / "k.dcm")
    run(header_only(tmp_path, layout=Layout.KEEP))
    kept = rows(header_only(tmp_path))
    # A keyed token is random hexadecimal: three given digits turn up in one of a hundred by chance.
    output = re.sub("[0-9a-f]{24}", "token", kept[f"{name}/k.dcm"].output.lower())
    for part in ("quix", "tewski", "zeb", "77310", "773", "li/", "ller"):
        assert part not in output
    assert kept["thorax/k.dcm"].output == "thorax/k.dcm"


def test_pixel_data_of_odd_length_is_written_and_proven(tmp_path):
    path = saved(plain(Rows=31, Columns=33, PixelData=bytes(31 * 33 + 1)), tmp_path / "in" / "a")
    memory = pydicom.dcmread(path)
    memory["PixelData"].value = bytes(31 * 33)
    outcome = Scrubber(Policy()).scrub(memory)
    with open_out(tmp_path / "out") as out:
        digest = functools.partial(digest_pixels, key=b"k" * 32)
        promised = replace(outcome.evidence, digest_out=digest(outcome.dataset))
        assert out.write(replace(outcome, evidence=promised), Place("a.dcm"), digest).relative == "a.dcm"

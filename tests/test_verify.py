"""``verify`` finds every way in which an output folder can be tampered with, and passes an honest one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import JPEG_BASELINE, Recipe, jpeg, make_instance, saved
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from test_frames_video import KINDS, film, instance_of

from scrub_pixels.cli import main
from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import UsageError
from scrub_pixels.frames import Instance, open_instance
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.masks import mask, prove, with_pixels
from scrub_pixels.policy import Policy, from_table
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.run.verify import CHECKS, Checked, Mark, Request, verify
from scrub_pixels.run.verify.decoders import frames_by, others_for
from scrub_pixels.run.verify.identifiers import Reports
from scrub_pixels.run.verify.programs import PROGRAMS, CannotDecode
from scrub_pixels.run.verify.remarks import Remark
from scrub_pixels.run.verify.samples import Redacted, compared
from scrub_pixels.run.verify.standard import _ERROR, _told

NAME, NUMBER = "QUIXOTEWSKI", "MRN4711081"


def picture(colour: bool = False) -> np.ndarray:
    """Return a frame with a name in its header band and a lit area below."""
    frame = np.full((160, 320), 30, np.uint8)
    frame[80:150, 60:260] = np.random.default_rng(5).integers(90, 200, (70, 200), np.uint8)
    cv2.putText(frame, NAME, (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 250, 2)
    return np.stack([frame] * 3, axis=-1) if colour else frame


def inputs() -> dict[str, Dataset]:
    named = {"PatientName": f"{NAME}^Sancho", "PatientID": NUMBER}
    deep = picture().astype(np.uint16) * 4
    return {
        "native": make_instance(frames=[picture()], **named),
        "cine": make_instance(Recipe(syntax="1.2.840.10008.1.2.5"), frames=[picture()] * 3, **named),
        "jpeg": make_instance(Recipe(photometric="YBR_FULL_422", syntax=JPEG_BASELINE),
                              frames=[picture(True)], **named),
        "lossless": make_instance(Recipe(bits_allocated=16, bits_stored=12, syntax="1.2.840.10008.1.2.4.80"),
                                  frames=[deep], **named),
        "plain": make_instance(frames=[np.full((64, 64), 9, np.uint8)], **named),
    }  # fmt: skip


@pytest.fixture(scope="module")
def honest(tmp_path_factory) -> Path:
    """A folder with ``in``, ``out`` and ``out.workspace`` of an honest run."""
    root = tmp_path_factory.mktemp("honest")
    (root / "in").mkdir()
    for name, dataset in inputs().items():
        (root / "in" / name).write_bytes(saved(dataset))
    result = run(Campaign(root / "in", root / "out", Policy()))
    assert result.totals.released == len(inputs())
    return root


@pytest.fixture
def copy(honest, tmp_path) -> Path:
    """The same without the workspace: what somebody has who was given the result."""
    root = tmp_path / "copy"
    shutil.copytree(honest / "in", root / "in", copy_function=shutil.copy2)
    shutil.copytree(honest / "out", root / "out", copy_function=shutil.copy2)
    return root


def request(root: Path, reader: str = "none", **changes: object) -> Request:
    return Request(root / "out", reader=reader, **{"against": root / "in", **changes})


def marks(found: list[Checked]) -> dict[str, set[Mark]]:
    return {check: {r.mark for c in found for r in c.remarks if r.check == check} for check in CHECKS}


def failed(found: list[Checked]) -> set[str]:
    return {check for c in found for check in faults(c.remarks)}


def faults(remarks: Iterable[Remark]) -> set[str]:
    return {each.check for each in remarks if each.mark is Mark.FAILED}


def entry_named(root: Path, modality: str, syntax: str = "", frames: int = 1) -> dict:
    report = json.loads((root / "out" / "scrub-report.json").read_text())
    found = [e for e in report["instances"] if e["frames"] == frames and e["syntax_in"].endswith(syntax)]
    return next(e for e in found if e["frames_masked"])


def released(root: Path, syntax: str = "1.2.1", frames: int = 1) -> Path:
    return root / "out" / entry_named(root, "", syntax, frames)["output"]


def rewritten(file: Path, change: Callable[[Dataset], None]) -> None:
    dataset = dcmread(file)
    change(dataset)
    dataset.save_as(file, enforce_file_format=True)


def test_an_honest_run_passes_every_check_with_its_ledger(honest) -> None:
    found = list(verify(Request(honest / "out")))
    assert failed(found) == set()
    counted = marks(found)
    for check in set(CHECKS) - {"standard", "decoder", "text"}:
        assert counted[check] == {Mark.PASSED}, check
    assert Mark.PASSED in counted["decoder"] and Mark.PASSED in counted["text"]
    assert len([c for c in found if c.output]) == len(inputs())


def test_without_a_ledger_inputs_are_found_by_their_samples(copy) -> None:
    found = list(verify(request(copy)))
    assert failed(found) == set()
    counted = marks(found)
    assert counted["samples"] == counted["header"] == counted["names"] == {Mark.PASSED}
    assert counted["ledger"] == counted["text"] == {Mark.SKIPPED}


def test_a_folder_that_was_moved_is_known_by_its_ledger(copy, honest) -> None:
    found = list(verify(request(copy, workspace=honest / "out.workspace")))
    assert failed(found) == set()
    assert marks(found)["ledger"] == {Mark.PASSED}


def test_samples_of_no_input_fail_even_if_it_is_not_known_which_is_meant(copy) -> None:
    for name in ("other", "third"):
        shutil.copy(copy / "in" / "native", copy / "in" / name)
    rewritten(released(copy), one_sample)
    assert failed(list(verify(request(copy)))) == {"bytes", "samples"}


def test_without_inputs_it_says_what_was_not_checked(copy) -> None:
    found = list(verify(request(copy, against=None)))
    assert failed(found) == set()
    counted = marks(found)
    assert counted["samples"] == counted["header"] == counted["names"] == {Mark.SKIPPED}
    assert counted["claims"] == counted["bytes"] == {Mark.PASSED}


def one_sample(dataset: Dataset) -> None:
    value = bytearray(dataset.PixelData)
    value[100 * 320 + 100] ^= 1
    dataset.PixelData = bytes(value)


def a_name(dataset: Dataset) -> None:
    dataset.StudyDescription = f"Seen by {NAME}"


def a_number_deep_inside(dataset: Dataset) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "X", "L", f"for {NUMBER}"
    item.ImageComments = NUMBER
    dataset.DerivationCodeSequence = Sequence([item])


def a_claim(dataset: Dataset) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "113103", "DCM", "Clean Graphics Option"
    dataset.DeidentificationMethodCodeSequence.append(item)


def no_mask(dataset: Dataset) -> None:
    dataset.PixelData = picture().tobytes()


def an_overlay(dataset: Dataset) -> None:
    for element, vr, value in ((0x10, "US", 8), (0x11, "US", 8), (0x3000, "OW", b"\1" * 8)):
        dataset.add_new((0x6000, element), vr, value)


def another_patient(dataset: Dataset) -> None:
    dataset.PatientID = "SOMEBODY"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (one_sample, "samples"),
        (no_mask, "samples"),
        (a_name, "header"),
        (a_number_deep_inside, "header"),
        (a_claim, "claims"),
        (another_patient, "claims"),
        (an_overlay, "beside"),
    ],
)
def test_a_changed_file_fails_the_check_it_breaks(copy, change, check) -> None:
    rewritten(released(copy), change)
    assert failed(list(verify(request(copy)))) >= {check, "bytes"}


def born(dataset: Dataset) -> None:
    dataset.PatientBirthDate = "19610203"


def noted(dataset: Dataset) -> None:
    dataset.PatientComments = "lives beside the windmill"


def operated(dataset: Dataset) -> None:
    dataset.OperatorsName = "Windmill^Giant"


def renamed(dataset: Dataset) -> None:
    dataset.PatientName = "Windmill^Giant"


def numbered(dataset: Dataset) -> None:
    dataset.FrameOfReferenceUID = "1.2.4711081.5"


def privately(dataset: Dataset) -> None:
    dataset.add_new(0x00090010, "LO", "ACME")
    dataset.add_new(0x00091001, "LO", "Windmill Giant")


def deep_inside(dataset: Dataset) -> None:
    item = Dataset()
    item.AcquisitionDate = "20190405"
    dataset.DerivationCodeSequence = Sequence([item])


def sent(dataset: Dataset) -> None:
    dataset.file_meta.SourceApplicationEntityTitle = "WINDMILL"


def spaced(dataset: Dataset) -> None:
    dataset.PixelSpacing = [1, 2]


def trailing(dataset: Dataset) -> None:
    dataset.add_new(0xFFFCFFFC, "OB", b"Windmill")


@pytest.mark.parametrize(
    "change", [born, noted, operated, renamed, numbered, privately, deep_inside, sent, spaced, trailing]
)
def test_what_the_profile_leaves_out_is_found_though_nothing_is_known_to_identify(copy, change) -> None:
    file = released(copy)
    rewritten(file, change)
    with_digest_mended(copy, file)
    assert failed(list(verify(request(copy)))) == {"profile"}


def test_loss_that_is_no_longer_told_is_found(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    lossy = make_instance(frames=[np.full((64, 64), 9, np.uint8)], LossyImageCompression="01")
    (tmp_path / "in" / "a").write_bytes(saved(lossy))
    run(Campaign(tmp_path / "in", tmp_path / "out", Policy()))
    (file,) = (tmp_path / "out").rglob("*.dcm")
    rewritten(file, lambda dataset: setattr(dataset, "LossyImageCompression", "00"))
    with_digest_mended(tmp_path, file)
    assert "profile" in failed(list(verify(Request(tmp_path / "out", reader="none"))))


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID"])
def test_a_uid_of_the_input_is_found(copy, keyword) -> None:
    file, original = released(copy), dcmread(copy / "in" / "native")
    rewritten(file, lambda dataset: setattr(dataset, keyword, original[keyword].value))
    with_digest_mended(copy, file)
    assert "profile" in failed(list(verify(request(copy))))
    assert "profile" in failed(list(verify(request(copy, against=None))))


def relabelled(photometric: str) -> Callable[[Dataset], None]:
    return lambda dataset: setattr(dataset, "PhotometricInterpretation", photometric)


@pytest.mark.parametrize(("name", "photometric"), [("plain", "MONOCHROME1"), ("colour", "YBR_FULL")])
def test_another_colour_space_is_found_though_every_sample_is_as_it_was(tmp_path, name, photometric) -> None:
    flat = {"plain": np.full((64, 64), 9, np.uint8), "colour": np.full((64, 64, 3), 77, np.uint8)}[name]
    recipe = Recipe(photometric="RGB" if name == "colour" else "MONOCHROME2")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(saved(make_instance(recipe, frames=[flat])))
    assert run(Campaign(tmp_path / "in", tmp_path / "out", Policy())).totals.released == 1
    (file,) = (tmp_path / "out").rglob("*.dcm")
    rewritten(file, relabelled(photometric))
    with_digest_mended(tmp_path, file)
    assert failed(list(verify(Request(tmp_path / "out", reader="none")))) >= {"samples"}


def test_a_name_in_bits_that_no_sample_has_is_found_also_where_it_was_masked(tmp_path) -> None:
    recipe = Recipe(bits_allocated=16, bits_stored=12)
    deep = make_instance(recipe, frames=[picture().astype(np.uint16) * 4], PatientName=f"{NAME}^Sancho")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(saved(deep))
    run(Campaign(tmp_path / "in", tmp_path / "out", Policy()))
    (file,) = (tmp_path / "out").rglob("*.dcm")

    def drawn(dataset: Dataset) -> None:
        words = np.frombuffer(dataset.PixelData, "<u2").reshape(160, 320)
        dataset.PixelData = (words | (picture() > 200).astype("<u2") << 13).tobytes()

    rewritten(file, drawn)
    with_digest_mended(tmp_path, file)
    assert "hidden" in failed(list(verify(Request(tmp_path / "out", reader="none"))))


def commented(marker: int) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        segment = b"\xff" + bytes([marker]) + b"\0\x0aWindmill"
        frames = [f[:2] + segment + f[2:] for f in generate_frames(dataset.PixelData, number_of_frames=1)]
        dataset.PixelData = encapsulate(frames)
        dataset["PixelData"].is_undefined_length = True

    return change


def longer(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData + b"Windmill"


@pytest.mark.parametrize(
    ("syntax", "change"),
    [("4.50", commented(0xFE)), ("4.50", commented(0xE1)), ("4.80", commented(0xFE)), ("1.2.1", longer)],
)
def test_what_a_codestream_holds_beside_its_picture_is_found(copy, syntax, change) -> None:
    file = released(copy, syntax)
    rewritten(file, change)
    with_digest_mended(copy, file)
    assert failed(list(verify(request(copy)))) == {"hidden"}


def preamble(content: bytes) -> bytes:
    return NAME.encode().ljust(128, b"\0") + content[128:]


def doubled(content: bytes) -> bytes:
    """Put a second Patient ID before the one that readers take."""
    start = content.index(b"\x10\x00\x20\x00LO")
    return content[:start] + b"\x10\x00\x20\x00LO\x0a\x00" + NUMBER.encode() + content[start:]


@pytest.mark.parametrize("change", [preamble, doubled])
def test_bytes_that_no_reader_of_dicom_shows_are_found(copy, change) -> None:
    file = released(copy)
    file.write_bytes(change(file.read_bytes()))
    with_digest_mended(copy, file)
    assert failed(list(verify(request(copy)))) == {"hidden"}


def test_a_folder_of_that_name_is_found_and_so_is_what_is_no_marker(copy) -> None:
    (copy / "out" / NAME).mkdir()
    assert failed(list(verify(request(copy)))) == {"files"}
    (copy / "out" / NAME).rmdir()
    assert failed(list(verify(request(copy)))) == set()
    (copy / "out" / ".scrub-pixels-out").write_bytes((copy / "in" / "native").read_bytes())
    assert failed(list(verify(request(copy)))) == {"files"}


def test_a_file_in_the_folder_of_another_patient_is_found(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    for patient in ("One", "Two"):
        some = make_instance(frames=[np.full((64, 64), 9, np.uint8)], PatientID=patient, PatientName=patient)
        (tmp_path / "in" / patient).write_bytes(saved(some))
    run(Campaign(tmp_path / "in", tmp_path / "out", Policy()))
    report = tmp_path / "out" / "scrub-report.json"
    table = json.loads(report.read_text())
    one, two = table["instances"]
    moved = two["output"].rsplit("/", 1)[0] + "/moved.dcm"
    (tmp_path / "out" / one["output"]).rename(tmp_path / "out" / moved)
    shutil.rmtree(tmp_path / "out" / one["output"].split("/")[0])
    one["output"] = moved
    report.write_text(json.dumps(table))
    found = verify(Request(tmp_path / "out", workspace=None, against=tmp_path / "in", reader="none"))
    assert "a file in the folder of another pseudonym" in {r.detail for c in found for r in c.remarks}


def with_digest_mended(root: Path, file: Path) -> None:
    """Make the public report agree with a changed file, as a careful forger would."""
    import hashlib

    report = root / "out" / "scrub-report.json"
    table = json.loads(report.read_text())
    for entry in table["instances"]:
        if root / "out" / entry["output"] == file:
            content = file.read_bytes()
            entry |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    report.write_text(json.dumps(table))


@pytest.mark.parametrize("syntax", ["1.2.1", "1.2.5", "4.50", "4.80"])
def test_a_removed_mask_is_found_though_report_and_file_agree(copy, syntax) -> None:
    file = released(copy, syntax, 3 if syntax == "1.2.5" else 1)
    source = {"1.2.1": "native", "1.2.5": "cine", "4.50": "jpeg", "4.80": "lossless"}[syntax]
    original = dcmread(copy / "in" / source)

    def unmask(dataset: Dataset) -> None:
        dataset.PixelData = original.PixelData
        dataset["PixelData"].is_undefined_length = original["PixelData"].is_undefined_length

    rewritten(file, unmask)
    with_digest_mended(copy, file)
    assert failed(list(verify(request(copy)))) == {"samples"}


def test_a_name_that_is_readable_again_is_read_by_the_reader(copy) -> None:
    file = released(copy)
    rewritten(file, no_mask)
    report = copy / "out" / "scrub-report.json"
    with_digest_mended(copy, file)
    table = json.loads(report.read_text())
    for entry in table["instances"]:
        if copy / "out" / entry["output"] == file:
            entry["redactions"] = []
    report.write_text(json.dumps(table))
    assert failed(list(verify(request(copy, reader="rapidocr")))) == {"text"}


def test_a_forged_report_is_found_by_the_private_ledger(honest, tmp_path) -> None:
    report = honest / "out" / "scrub-report.json"
    before = report.read_bytes()
    table = json.loads(before)
    table["instances"][0]["text_lines"] += 1
    try:
        report.write_text(json.dumps(table))
        assert failed(list(verify(Request(honest / "out", reader="none")))) == {"ledger"}
    finally:
        report.write_bytes(before)


def test_a_policy_that_the_run_had_not_is_found_by_the_workspace(honest) -> None:
    """A laxer policy in the report would let more identifiers pass as what the profile keeps."""
    report = honest / "out" / "scrub-report.json"
    before = report.read_bytes()
    table = json.loads(before)
    table["policy"]["profile"]["options"] = ["retain-institution-identity"]
    try:
        report.write_text(json.dumps(table))
        assert failed(list(verify(Request(honest / "out", reader="none")))) == {"ledger"}
    finally:
        report.write_bytes(before)


@pytest.mark.parametrize("name", [f"{NAME}.txt", "more.dcm", ".hidden", "folder/x"])
def test_a_file_nobody_accounts_for_fails_and_is_not_named(copy, name, capsys) -> None:
    (copy / "out" / name).parent.mkdir(exist_ok=True)
    (copy / "out" / name).write_text("x")
    assert failed(list(verify(request(copy)))) == {"files"}
    assert main(["verify", str(copy / "out"), "--reader", "none", "-j", "0"]) == 1
    assert NAME not in capsys.readouterr().out


def test_a_missing_file_and_a_link_fail(copy) -> None:
    file = released(copy)
    kept = file.with_suffix(".kept")
    file.rename(kept)
    assert failed(list(verify(request(copy)))) == {"files"}
    file.symlink_to(copy / "in" / "native")
    kept.unlink()
    assert "bytes" in failed(list(verify(request(copy))))


def test_claims_without_evidence_fail(copy) -> None:
    report = copy / "out" / "scrub-report.json"
    table = json.loads(report.read_text())
    for entry in table["instances"]:
        entry |= {"frames_searched": 0, "searched": False, "clean": False}
    report.write_text(json.dumps(table))
    assert failed(list(verify(request(copy)))) == {"claims"}


def test_an_identifier_in_a_report_or_a_path_fails(copy) -> None:
    page = copy / "out" / "scrub-report.html"
    page.write_text(page.read_text() + f"<!-- {NAME} Sancho -->")
    assert failed(list(verify(request(copy)))) == {"names"}


def test_headers_alone_are_verified_as_what_they_are(tmp_path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(saved(inputs()["native"]))
    run(Campaign(tmp_path / "in", tmp_path / "out", from_table({"header_only": True})))
    found = list(verify(Request(tmp_path / "out")))
    assert failed(found) == set()
    assert marks(found)["text"] == {Mark.SKIPPED}

    def claimed(dataset: Dataset) -> None:
        dataset.PatientIdentityRemoved, dataset.BurnedInAnnotation = "YES", "NO"

    rewritten(next((tmp_path / "out").rglob("*.dcm")), claimed)
    assert "claims" in failed(list(verify(Request(tmp_path / "out", reader="none"))))


def test_headers_alone_of_frames_that_never_decoded_pass(tmp_path) -> None:
    """Their Pixel Data are the input's byte for byte, and nothing is claimed of them."""
    (tmp_path / "in").mkdir()
    broken = inputs()["jpeg"]
    broken.PixelData = encapsulate([b"\xff\xd8" + b"\0" * 100])
    broken.SOPClassUID = "2.25.215425430857432966361489015284054781485"
    broken.file_meta.MediaStorageSOPClassUID = broken.SOPClassUID
    (tmp_path / "in" / "a").write_bytes(saved(broken))
    run(Campaign(tmp_path / "in", tmp_path / "out", from_table({"header_only": True})))
    found = list(verify(Request(tmp_path / "out")))
    assert failed(found) == set()
    assert marks(found)["samples"] == {Mark.NOTED}
    rewritten(next((tmp_path / "out").rglob("*.dcm")), other_frame)
    assert "samples" in failed(list(verify(Request(tmp_path / "out", reader="none"))))


def other_frame(dataset: Dataset) -> None:
    dataset.PixelData = encapsulate([b"\xff\xd8" + b"\1" * 100])
    dataset["PixelData"].is_undefined_length = True


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"instances": [{"outcome": "released"}, 7]}'])
def test_a_damaged_report_is_an_error_or_fails(tmp_path, content) -> None:
    (tmp_path / "scrub-report.json").write_bytes(content)
    try:
        assert failed(list(verify(Request(tmp_path, reader="none"))))
    except UsageError as error:
        assert error.remedy


def test_a_folder_that_no_run_wrote_is_an_error(tmp_path, capsys) -> None:
    assert main(["verify", str(tmp_path)]) == 2
    assert "scrub-report.json" in capsys.readouterr().err


def test_broken_files_and_entries_fail_and_never_raise(copy) -> None:
    released(copy).write_bytes(b"no DICOM")
    report = copy / "out" / "scrub-report.json"
    table = json.loads(report.read_text())
    for entry in table["instances"]:
        if entry["frames"] == 3:
            entry["redactions"] = [{"start": "x"}]
    report.write_text(json.dumps(table))
    assert failed(list(verify(request(copy)))) >= {"bytes", "parsing"}


@pytest.mark.parametrize(
    ("key", "value"),
    [("codes", 7), ("carriers", [3]),
     ("redactions", [{"start": 0, "stop": 10**9, "regions": [[0, 0, 1, 1]]}]),
     ("redactions", [{"start": 0, "stop": 1, "regions": [[-1, 0, 1, 1]]}]), ("frames", "x"),
     ("output", "../in/native"), ("sha256", None), ("output", ["x"]), ("policy", None)],
)  # fmt: skip
def test_reports_of_any_form_fail_and_never_raise(copy, key, value) -> None:
    report = copy / "out" / "scrub-report.json"
    table = json.loads(report.read_text())
    for entry in [table, *table["instances"]]:
        if key in entry:
            entry[key] = value
    report.write_text(json.dumps(table))
    assert failed(list(verify(request(copy))))


def test_lines_for_programs_end_with_the_verdict(copy, capsys) -> None:
    assert main(["verify", str(copy / "out"), "--against", str(copy / "in"), "-f", "jsonl",
                 "--reader", "none", "-j", "0"]) == 0  # fmt: skip
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1] == {"verdict": "passed", "files": len(inputs()), "failed": 0}
    assert all(set(line) == {"output", "check", "mark", "detail"} for line in lines[:-1])


def test_the_table_names_every_check_and_no_patient(copy, capsys) -> None:
    rewritten(released(copy), a_name)
    against = ("--against", str(copy / "in"))
    assert main(["verify", str(copy / "out"), *against, "--reader", "none", "-j", "0"]) == 1
    shown = capsys.readouterr().out
    assert all(check in shown for check in CHECKS)
    assert NAME not in shown.upper() and NUMBER not in shown


def test_errors_of_dciodvfy_are_told_without_values() -> None:
    lines = {
        f"Error - </PatientName(0010,0010)> - Illegal character in value = <{NAME}>": "PatientName",
        "Error - </A(0008,1140)[1]/B(0008,1155)> - Missing attribute Type 1 - Module=<X>": "A",
        f"Error - {NAME}[1] something": "",
    }
    told = [_told(match) for match in map(_ERROR.match, lines) if match]
    assert told[0] == "PatientName (0010,0010) - Illegal character in value"
    assert told[1] == "A (0008,1140) > B (0008,1155) - Missing attribute Type 1 - X"


@pytest.mark.parametrize("name", list(inputs()))
def test_another_decoder_sees_the_same_samples(name) -> None:
    instance = open_instance(saved(inputs()[name]))
    seen = 0
    for decoder in others_for(instance).values():
        try:
            frames = list(frames_by(decoder, instance))
        except CannotDecode:
            continue
        seen += 1
        tolerance = 4 if instance.transfer_syntax.lossy else 0
        assert abs(frames[0].astype(int) - instance.stored(0)).max() <= tolerance
    assert seen or not others_for(instance)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_decoder_that_would_end_the_process_is_not_asked(frames: int) -> None:
    """GDCM throws past Python on lossless JPEG of six bits in a byte; another one takes it."""
    recipe = Recipe(31, 40, frames, bits_stored=6, syntax="1.2.840.10008.1.2.4.70")
    instance = open_instance(saved(make_instance(recipe)))
    others = others_for(instance)
    with pytest.raises(CannotDecode):
        next(iter(others["gdcm"](instance)))
    seen = list(frames_by(others["libjpeg-turbo"], instance))
    assert all(np.array_equal(found, instance.stored(n)) for n, found in enumerate(seen))


ONE_BIT = Recipe(13, 21, 2, bits_allocated=1, bits_stored=1, syntax="1.2.840.10008.1.2.5")


def test_rle_of_one_bit_has_another_decoder() -> None:
    instance = open_instance(saved(make_instance(ONE_BIT)))
    seen = list(frames_by(others_for(instance)["packbits"], instance))
    assert len(seen) == 2 and all(np.array_equal(found, instance.stored(n)) for n, found in enumerate(seen))
    assert seen[0].any() and not seen[0].all()


def filmed(syntax: str, container: str) -> Instance:
    return open_instance(saved(instance_of(film(syntax, container), syntax)))


@pytest.mark.parametrize(("syntax", "container"), KINDS)
@pytest.mark.parametrize("name", list(PROGRAMS))
def test_programs_see_the_same_video(name: str, syntax: str, container: str) -> None:
    """Decoders of MPEG-2 may round differently; those of H.264 and HEVC may not."""
    instance, program = filmed(syntax, container), PROGRAMS[name]
    if instance.video is None or instance.video.codec not in program.codecs:
        with pytest.raises(CannotDecode):
            next(iter(program(instance)))
        return
    if not any(map(shutil.which, program.names)):
        pytest.skip("the program is not installed")
    seen = list(frames_by(program, instance))
    worst = max(abs(found.astype(int) - instance.stored(n)).max() for n, found in enumerate(seen))
    assert len(seen) == instance.frames and worst <= (8 if name == "mpeg2dec" else 0)


@pytest.mark.parametrize("script", ["exit 3", "head -c 100 /dev/zero", "head -c 99999999 /dev/zero"])
def test_a_program_that_does_not_decode_is_no_decoder(script: str, tmp_path, monkeypatch) -> None:
    """Too few frames, and too many, are the frames of something else."""
    (tmp_path / "ffmpeg").write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{script}\n")
    (tmp_path / "ffmpeg").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotDecode):
        list(frames_by(PROGRAMS["ffmpeg"], filmed(KINDS[4][0], "mp4")))


def test_video_with_one_decoder_alone_is_told_with_what_would_help(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    instance = filmed(KINDS[4][0], "mp4")
    *_, remark = compared(instance, instance, Redacted(()), cleared=False)
    assert (remark.check, remark.mark) == ("decoder", Mark.SKIPPED)
    assert "H.264" in remark.detail and "ffmpeg" in remark.detail


@pytest.mark.parametrize(("text", "held"), [
    ('{"bytes": 123456, "seconds": 123456.0}', False),
    ('{"bytes": 654321, "output": "123456"}', True),
    ('{"warnings": ["bytes 123456"]}', True),
    ('{"bytes": "123456"}', True),
])
def test_a_size_in_a_report_is_no_identifier(tmp_path, text, held):
    report = tmp_path / "scrub-report.json"
    report.write_text(text)
    assert Reports.of([report]).hold([("123456",)]) is held


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_masks_side_by_side_in_a_jpeg_are_black_also_where_one_has_the_fringe_of_another(data) -> None:
    """What up-sampled colour reached stands on record too: it cuts the rectangles of another mask."""
    rows, columns = (data.draw(st.integers(40, 90)) for _ in range(2))
    sampling = data.draw(st.sampled_from(
        [cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
         cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]))
    seed = data.draw(st.integers(0, 99))
    frame = np.random.default_rng(seed).integers(60, 255, (rows, columns, 3), np.uint8)
    recipe = Recipe(photometric="YBR_FULL_422", syntax=JPEG_BASELINE)
    dataset = make_instance(recipe, frames=[cv2.GaussianBlur(frame, (0, 0), 2)])
    dataset.PixelData = encapsulate([jpeg(frame, 90, sampling)])
    original = open_instance(saved(dataset))
    places = [
        Region(data.draw(st.integers(0, rows - 12)), data.draw(st.integers(0, columns - 12)),
               data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12)))
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    masked = mask(original, [Redaction(place, FrameSpan(0, 1), "test") for place in places])
    after = open_instance(saved(with_pixels(original.dataset, masked)))
    on_record = prove(original, after, masked, b"k" * 32).redactions
    record = Redacted([(each.frame, each.frame + 1, each.regions) for each in on_record])
    assert faults(compared(original, after, record, False)) == set()
    assert faults(compared(original, original, record, False)) == {"samples"}

"""Marks claim no more than the evidence proves; file meta is new; the input stays as it was."""

from __future__ import annotations

import copy
import io
from dataclasses import replace

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from scrub_pixels.header import Option, Profile, ProjectKey, deidentify
from scrub_pixels.masks.evidence import PixelEvidence

KEY = ProjectKey(b"m" * 32)
BASIC = Profile()
CLEAN = PixelEvidence(
    frames=1,
    frames_searched=1,
    frames_masked=0,
    frames_compared=1,
    redactions=(),
    syntax_in="",
    syntax_out="",
    pixel_data_identical=True,
)
UNPROVEN = [
    None,
    replace(CLEAN, frames_searched=0),
    replace(CLEAN, residual_text=True),
    replace(CLEAN, frames_compared=0),
    replace(CLEAN, frames=0, frames_searched=0, frames_compared=0),
]


@pytest.fixture
def ct() -> Dataset:
    return pydicom.dcmread(get_testdata_file("CT_small.dcm"))


def codes_in(dataset: Dataset) -> list[str]:
    return [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]


def test_proof_earns_the_marks(ct):
    result = deidentify(ct, BASIC, KEY, CLEAN)
    out = result.dataset
    assert (out.PatientIdentityRemoved, out.BurnedInAnnotation) == ("YES", "NO")
    assert list(result.codes) == codes_in(out) == ["113100", "113101"]
    assert out.LongitudinalTemporalInformationModified == "REMOVED"
    assert "2026d" in out.DeidentificationMethod and len(out.DeidentificationMethod) <= 64


@pytest.mark.parametrize("evidence", UNPROVEN)
def test_without_proof_nothing_is_claimed_about_pixels(ct, evidence):
    ct.BurnedInAnnotation = "NO"
    result = deidentify(ct, BASIC, KEY, evidence)
    assert result.dataset.PatientIdentityRemoved == "NO"
    assert "BurnedInAnnotation" not in result.dataset
    assert result.codes == ("113100",) and any("not proven" in w for w in result.warnings)


def test_asking_for_clean_pixel_data_claims_nothing(ct):
    asked = Profile("asked", frozenset({Option.CLEAN_PIXEL_DATA}))
    assert deidentify(ct, asked, KEY).codes == ("113100",)


def test_burned_in_yes_stays_without_proof(ct):
    ct.BurnedInAnnotation = "YES"
    assert deidentify(ct, BASIC, KEY).dataset.BurnedInAnnotation == "YES"


def test_where_burned_in_annotation_has_to_be_it_is_said_to_be(ct):
    ct.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    ct.BurnedInAnnotation = "NO"
    assert deidentify(ct, BASIC, KEY).dataset.BurnedInAnnotation == "YES"


def test_data_without_pixels_needs_no_proof_of_them(ct):
    del ct.PixelData
    result = deidentify(ct, BASIC, KEY)
    assert result.dataset.PatientIdentityRemoved == "YES" and result.codes == ("113100",)


@pytest.mark.parametrize(
    ("option", "said"),
    [(Option.RETAIN_FULL_DATES, "UNMODIFIED"), (Option.RETAIN_MODIFIED_DATES, "MODIFIED")],
)
def test_what_happened_to_dates_is_said(ct, option, said):
    result = deidentify(ct, Profile("dates", frozenset({option})), KEY)
    assert result.dataset.LongitudinalTemporalInformationModified == said
    assert option.code in result.codes


def test_earlier_methods_stay_and_codes_are_appended_once(ct):
    ct.DeidentificationMethod = "an earlier method"
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = (
        "113105",
        "DCM",
        "Clean Descriptors Option",
    )
    ct.DeidentificationMethodCodeSequence = [item]
    once = deidentify(ct, BASIC, KEY, CLEAN).dataset
    twice = deidentify(once, BASIC, KEY, CLEAN).dataset
    assert codes_in(once) == codes_in(twice) == ["113105", "113100", "113101"]
    assert list(once.DeidentificationMethod) == list(twice.DeidentificationMethod)
    assert once.DeidentificationMethod[0] == "an earlier method"


def test_a_second_run_changes_nothing(ct):
    for options in (frozenset(), frozenset({Option.RETAIN_MODIFIED_DATES, Option.CLEAN_DESCRIPTORS})):
        profile = Profile("p", options)
        once = deidentify(ct, profile, KEY, CLEAN)
        twice = deidentify(once.dataset, profile, KEY, CLEAN)
        assert twice.dataset == once.dataset and twice.dataset.file_meta == once.dataset.file_meta
        assert twice.pseudonym == once.pseudonym


def test_the_input_is_not_changed_and_pixels_are_not_copied(ct):
    before = copy.deepcopy(ct)
    raw = {tag: ct.get_item(tag) for tag in ct.keys()}
    result = deidentify(ct, BASIC, KEY, CLEAN)
    assert all(ct.get_item(tag) is raw[tag] for tag in raw)
    assert ct == before and ct.file_meta == before.file_meta
    assert result.dataset["PixelData"].value is ct.get_item("PixelData").value
    result.dataset.ImageType = ["X", "Y"]
    result.dataset.ImagePositionPatient[0] = 5
    assert ct == before


def test_file_meta_is_new_and_follows_the_data_set(ct):
    ct.file_meta.PrivateInformationCreatorUID = "1.2.3"
    ct.file_meta.PrivateInformation = b"secret"
    ct.file_meta.SourceApplicationEntityTitle = "CLINIC"
    ct.preamble = b"SECRET".ljust(128)
    out = deidentify(ct, BASIC, KEY, CLEAN).dataset
    assert {e.keyword for e in out.file_meta} == {
        "FileMetaInformationVersion",
        "MediaStorageSOPClassUID",
        "MediaStorageSOPInstanceUID",
        "TransferSyntaxUID",
        "ImplementationClassUID",
        "ImplementationVersionName",
    }
    assert out.file_meta.MediaStorageSOPInstanceUID == out.SOPInstanceUID == KEY.new_uid(ct.SOPInstanceUID)
    assert out.file_meta.TransferSyntaxUID == ct.file_meta.TransferSyntaxUID and out.preamble == bytes(128)
    back = io.BytesIO()
    out.save_as(back, enforce_file_format=True)
    assert pydicom.dcmread(io.BytesIO(back.getvalue())).SOPInstanceUID == out.SOPInstanceUID


def test_missing_uids_are_supplied_and_stable(ct):
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        del ct[keyword]
    one, two = deidentify(ct, BASIC, KEY).dataset, deidentify(ct, BASIC, KEY).dataset
    assert one.SOPInstanceUID == KEY.new_uid(ct.file_meta.MediaStorageSOPInstanceUID)
    assert one.StudyInstanceUID == two.StudyInstanceUID != one.SeriesInstanceUID
    assert one.SOPClassUID == ct.file_meta.MediaStorageSOPClassUID


def test_nameless_patients_of_two_studies_stay_two(ct):
    ct.PatientID = ""
    other = copy.deepcopy(ct)
    other.StudyInstanceUID = "1.2.3.4"
    assert deidentify(ct, BASIC, KEY).pseudonym != deidentify(other, BASIC, KEY).pseudonym


def test_reprs_show_no_value(ct):
    result = deidentify(ct, BASIC, KEY)
    shown = repr(result) + repr(Profile("p", pseudonyms={"1CT1": "SECRETNAME"}))
    assert "CompressedSamples" not in shown and "1CT1" not in shown and "SECRETNAME" not in shown


def test_a_users_own_pseudonym_is_used(ct):
    result = deidentify(ct, Profile("p", pseudonyms={ct.PatientID: "TRIAL-007"}), KEY)
    assert result.pseudonym == result.dataset.PatientID == str(result.dataset.PatientName) == "TRIAL-007"

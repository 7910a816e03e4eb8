"""Dates move by whole days at their own precision; descriptors keep clinical words alone."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from scrub_pixels.decisions.identity import Identifier, IdentifierKind, Identity
from scrub_pixels.header import Option, Profile, ProjectKey, deidentify
from scrub_pixels.header.dates import UnparsableDate, capped_age, shifted
from scrub_pixels.header.descriptors import cleaned
from scrub_pixels.header.needles import needles_of

KEY = ProjectKey(b"t" * 32)
MODIFIED = Profile("modified", frozenset({Option.RETAIN_MODIFIED_DATES}))
FULL = Profile("full", frozenset({Option.RETAIN_FULL_DATES}))
CLINICAL = Profile(
    "clinical",
    frozenset(
        {Option.CLEAN_DESCRIPTORS, Option.RETAIN_PATIENT_CHARACTERISTICS, Option.RETAIN_MODIFIED_DATES}
    ),
)
DAYS = st.integers(-3650, -1)
DATES = st.dates(date(1900, 1, 1), date(2100, 1, 1))


@given(DATES, DATES, DAYS)
def test_order_and_intervals_of_dates_are_kept(one, other, days):
    a, b = (
        date.fromisoformat(f"{s[:4]}-{s[4:6]}-{s[6:]}")
        for s in (shifted(f"{d:%Y%m%d}", "DA", days) for d in (one, other))
    )
    assert b - a == other - one and a - one == timedelta(days=days)


@given(
    DATES,
    DAYS,
    st.sampled_from(["", "09", "0917", "091713", "091713.5", "091713.123456"]),
    st.sampled_from(["", "+0200", "-0500"]),
)
def test_time_fraction_and_utc_offset_stay(day, days, time, offset):
    moved = shifted(f"{day:%Y%m%d}{time}{offset}", "DT", days)
    assert moved == f"{day + timedelta(days=days):%Y%m%d}{time}{offset}" and len(moved) <= 26


@pytest.mark.parametrize(
    ("value", "vr", "moved"),
    [
        ("20200301", "DA", "20200229"),
        ("2020.03.01", "DA", "2020.02.29"),
        ("20200301 ", "DA", "20200229"),
        ("20200301-20200310", "DA", "20200229-20200309"),
        ("20200301-", "DA", "20200229-"),
        ("-20200301", "DA", "-20200229"),
        ("2020", "DT", "2019"),
        ("202003", "DT", "202002"),
        ("2020-0500", "DT", "2019-0500"),
        ("20200301101112-20200302", "DT", "20200229101112-20200301"),
        ("101112.5", "TM", "101112.5"),
    ],
)
def test_precision_ranges_and_old_spellings(value, vr, moved):
    assert shifted(value, vr, -1) == moved


@pytest.mark.parametrize(
    ("value", "vr"),
    [
        ("yesterday", "DA"),
        ("20201301", "DA"),
        ("20200230", "DA"),
        ("2020", "DA"),
        ("00010101", "DA"),
        ("20200101xx", "DT"),
        ("10h11", "TM"),
        ("Miller", "TM"),
        ("0999", "DT"),
        ("99999999", "DA"),
    ],
)
def test_what_is_no_date_is_said_to_be_none(value, vr):
    with pytest.raises(UnparsableDate):
        shifted(value, vr, -3650)


@pytest.mark.parametrize(
    ("age", "kept"),
    [
        ("045Y", "045Y"),
        ("089Y", "089Y"),
        ("090Y", "090Y"),
        ("101Y", "090Y"),
        ("999M", "999M"),
        ("006W", "006W"),
    ],
)
def test_ages_over_89_are_one(age, kept):
    assert capped_age(age) == kept


def study(**values: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.4", "1.2.5"
    dataset.PatientName, dataset.PatientID = "Quillfeather^Marjolaine", "4471903"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def test_one_offset_per_patient_across_studies_and_multiple_values():
    days = KEY.day_offset("", "4471903")
    one = deidentify(study(StudyDate="20200301", StudyTime="101112"), MODIFIED, KEY).dataset
    two = deidentify(
        study(StudyDate="20200311", DateOfLastCalibration=["20200101", "20200102"]), MODIFIED, KEY
    ).dataset
    assert one.StudyDate == f"{date(2020, 3, 1) + timedelta(days):%Y%m%d}" and one.StudyTime == "101112"
    assert two.StudyDate == f"{date(2020, 3, 11) + timedelta(days):%Y%m%d}"
    assert list(two.DateOfLastCalibration) == [f"{date(2020, 1, d) + timedelta(days):%Y%m%d}" for d in (1, 2)]


def test_an_unparsable_date_gets_its_basic_code_and_a_warning():
    result = deidentify(study(StudyDate="", SeriesDate="Quillday"), MODIFIED, KEY)
    assert result.dataset["StudyDate"].is_empty and "SeriesDate" not in result.dataset
    assert any("SeriesDate" in w for w in result.warnings) and "Quillday" not in str(result.warnings)


def test_full_dates_stay_and_the_birth_date_goes():
    out = deidentify(study(StudyDate="20200301", PatientBirthDate="19530417"), FULL, KEY).dataset
    assert out.StudyDate == "20200301" and out["PatientBirthDate"].is_empty


def test_dates_that_the_table_does_not_list_follow_the_option():
    moved = deidentify(study(StudyUpdateDateTime="20200301"), MODIFIED, KEY).dataset.StudyUpdateDateTime
    assert moved == shifted("20200301", "DT", KEY.day_offset("", "4471903"))


NEEDLES = needles_of(
    Identity(
        (
            Identifier("PatientName", IdentifierKind.NAME, "Quillfeather^Marjolaine=山田^太郎"),
            Identifier("PatientID", IdentifierKind.ID, "PX-4471903"),
            Identifier("InstitutionName", IdentifierKind.INSTITUTION, "Hilltop Clinic"),
        )
    )
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CT Abdomen w/o contrast", "CT Abdomen w/o contrast"),
        ("T1 MPRAGE 1.0mm ISO", "T1 MPRAGE 1.0mm ISO"),
        ("Knee left, Quillfeather", "Knee left,"),
        ("Thorax for Dr. Miller", "Thorax for"),
        ("Follow-up 12.03.2020 liver", "Follow-up liver"),
        ("MRN: 998877 brain", "brain"),
        ("call +41 44 123 45 67 chest", "call chest"),
        ("山田太郎 chest", "chest"),
        ("biopsy A20-123456 lung", "biopsy lung"),
        ("Hilltop Clinic", ""),
        ("Lumbar spine Hilltop  CLINIC", "Lumbar spine"),
        ("Hilltop Clinic Hilltop Clinic knee", "knee"),
        ("Smith^John chest", "chest"),
        ("mail a.b@c.org now", "mail now"),
        ("L4/5 disc, 3/4 views", "L4/5 disc, 3/4 views"),
        ("Ax T2 FLAIR 2020-01-02", "Ax T2 FLAIR"),
        ("", ""),
    ],
)
def test_descriptors_keep_clinical_words(text, kept):
    assert cleaned(text, NEEDLES) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Jo Ferrari knee", "knee"), ("knee Ferrari, Jo", "knee"), ("Al Ferrari Jo pelvis", "pelvis"),
        ("Jo hip", "Jo hip"), ("Ferrari to hip", "to hip"), ("Al Jo Ferrari", ""),
    ],
)  # fmt: skip
def test_a_name_of_two_letters_goes_with_the_name_beside_it(text, kept):
    name = Identifier("PatientName", IdentifierKind.NAME, "Ferrari^Jo^Al")
    assert cleaned(text, needles_of(Identity((name,)))) == kept


@pytest.mark.parametrize(
    "unit", [" ", "1", "1-", "a", "x^", "A1-", "1.1", "(", "@", "1 jan ", "Hilltop Clinic ", "Hilltop "]
)
def test_a_text_of_any_length_takes_no_time(unit):
    start = time.process_time()
    for length in (3900, 200_000):
        cleaned((unit * length)[:length], NEEDLES)
    assert time.process_time() - start < 2


@given(st.text(max_size=80))
def test_cleaning_never_leaves_a_needle_and_never_grows(text):
    for dirty in (text, f"{text} Quillfeather {text}", f"PX-4471903{text}"):
        out = cleaned(dirty, NEEDLES)
        assert not NEEDLES.hit(out) and len(out) <= len(dirty)


def test_descriptions_ages_and_codes_under_their_options():
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "SCT", "Pain"
    out = deidentify(
        study(
            StudyDescription="CT Quillfeather abdomen 20200301",
            PatientAge="093Y",
            PatientSex="F",
            ReasonForRequestedProcedureCodeSequence=[code],
            SeriesDescription="Marjolaine",
            PatientComments="Marjolaine",
        ),
        CLINICAL,
        KEY,
    ).dataset
    assert out.StudyDescription == "CT abdomen" and out.PatientAge == "090Y" and out.PatientSex == "F"
    assert "SeriesDescription" not in out and "PatientComments" not in out
    assert out.ReasonForRequestedProcedureCodeSequence[0].CodeMeaning == "Pain"

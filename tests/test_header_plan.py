"""The plan says what deidentify does, element by element, without a value."""

from __future__ import annotations

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from scrub_pixels.header import PROFILES, Profile, ProjectKey, deidentify, plan

KEY = ProjectKey(b"p" * 32)


def original() -> Dataset:
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    item = Dataset()
    item.PatientName, item.ReferencedSOPInstanceUID = "Quillfeather", "1.2.3"
    dataset.ReferencedSeriesSequence = [item]
    return dataset


@pytest.mark.parametrize("name", ["basic", "research"])
def test_the_plan_is_what_happens(name):
    dataset, profile = original(), PROFILES[name]
    planned = plan(dataset, profile)
    counted = {code: sum(p.action == code for p in planned) for code in {p.action for p in planned}}
    assert counted == dict(deidentify(dataset, profile, KEY).actions)


def test_the_plan_names_rows_options_and_rules_and_no_value():
    lines = {(len(p.path), p.attribute): p for p in plan(original(), PROFILES["research"])}
    date = lines[0, "(0008,0020) StudyDate"]
    assert date.action == "C" and "Modified Dates" in date.because
    assert lines[0, "(0008,0050) AccessionNumber"].because == "row Accession Number: Basic Profile"
    assert lines[0, "(0028,0010) Rows"].because == "unlisted: our rule"
    inner = lines[1, "(0008,1155) ReferencedSOPInstanceUID"]
    assert inner.path == ("(0008,1115) ReferencedSeriesSequence",) and inner.action == "U"
    assert "Quillfeather" not in repr(lines) and "1CT1" not in repr(lines)


def test_the_plan_shows_code_and_what_the_type_makes_of_it():
    content = next(p for p in plan(original(), Profile()) if p.attribute == "(0008,0023) ContentDate")
    assert (content.code, content.action) == ("Z/D", "Z")

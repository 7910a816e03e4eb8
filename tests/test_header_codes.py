"""Coded and binary values: a name in disguise goes, a term stays, whatever the patient is called."""

import pytest
from test_run_campaign import plain

from scrub_pixels.header import PROFILES, ProjectKey, deidentify

KEY = ProjectKey.generate()


@pytest.mark.parametrize("keyword", ["BodyPartExamined", "Laterality", "ConversionType", "ScanOptions"])
def test_a_name_in_a_coded_value_goes(keyword):
    result = deidentify(plain(PatientName="Smithson^Ann", **{keyword: "SMITHSON"}), PROFILES["basic"], KEY)
    assert "smithson" not in str(result.dataset).lower()


@pytest.mark.parametrize("name", ["Ct^Us", "Abdomen^Chest", "Primary^Head"])
def test_a_patient_named_like_a_term_erases_none(name):
    given = plain(PatientName=name, Modality="CT", BodyPartExamined="ABDOMEN")
    result = deidentify(given, PROFILES["basic"], KEY).dataset
    assert (result.Modality, result.BodyPartExamined) == ("CT", "ABDOMEN")


@pytest.mark.parametrize("keyword", ["SpectroscopyData", "ExtendedOffsetTable"])
def test_a_name_in_binary_data_of_any_vr_goes(keyword):
    given = plain(PatientName="Smithson^Ann", **{keyword: b"Patient Smithson".ljust(16)})
    del given.PixelData
    result = deidentify(given, PROFILES["basic"], KEY).dataset
    assert b"smithson" not in bytes(result.get(keyword) or b"").lower()

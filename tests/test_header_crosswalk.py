"""Pseudonyms of the user's choice, and the pairs that go to the private workspace."""

from __future__ import annotations

import pickle
import stat

import pytest
from pydicom.dataset import Dataset

from scrub_pixels.errors import HeaderNotClean, UsageError
from scrub_pixels.header import (
    Assignment,
    Option,
    Profile,
    ProjectKey,
    deidentify,
    read_assignments,
    write_pairs,
)

KEY = ProjectKey(b"x" * 32)


def study(patient: str = "4471903") -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.StudyDate = "1.2.4", "1.2.5", "20200301"
    dataset.PatientName, dataset.PatientID = "Quillfeather^M", patient
    return dataset


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "pseudonyms.csv"
    path.write_text("PatientID,pseudonym,days\n4471903,TRIAL-7,-10\n ab 1,TRIAL-8,\n", encoding="utf-8-sig")
    return read_assignments(path)


def test_pseudonym_and_days_come_from_the_list(listed):
    profile = Profile("p", frozenset({Option.RETAIN_MODIFIED_DATES}), pseudonyms=listed)
    out = deidentify(study(), profile, KEY).dataset
    assert (out.PatientID, out.StudyDate) == ("TRIAL-7", "20200220")
    other = deidentify(study("AB  1"), profile, KEY).dataset
    assert other.PatientID == "TRIAL-8" and other.StudyDate != "20200301"
    assert pickle.loads(pickle.dumps(profile)) == profile and "TRIAL" not in repr(profile)


def test_patients_who_are_not_listed_are_refused_or_keyed(listed):
    assert deidentify(study("9"), Profile("p", pseudonyms=listed), KEY).pseudonym == KEY.pseudonym("", "9")
    with pytest.raises(HeaderNotClean):
        deidentify(study("9"), Profile("p", pseudonyms=listed, refuse_unassigned=True), KEY)


@pytest.mark.parametrize(
    "text",
    [
        "ID,pseudonym\n1,A\n",
        "PatientID,pseudonym\n1,A\n1,B\n",
        "PatientID,pseudonym\n1,A\n2,A\n",
        "PatientID,pseudonym\nSECRET7,\n",
        "PatientID,pseudonym,days\nSECRET7,A,soon\n",
        "PatientID,pseudonym\nSECRET7,A\\B\n",
        "PatientID,pseudonym,days\nSECRET7,A,99999\n",
        "",
    ],
)
def test_a_list_that_cannot_be_used_is_refused_without_quoting_it(tmp_path, text):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_assignments(path)
    assert "SECRET7" not in str(caught.value)


def test_pairs_of_an_instance_and_their_file(tmp_path):
    pairs = deidentify(study(), Profile(), KEY).pairs
    assert pairs.patient == ("4471903", KEY.pseudonym("", "4471903"))
    assert pairs.uids == {uid: KEY.new_uid(uid) for uid in ("1.2.3", "1.2.4", "1.2.5")}
    assert "1.2.3" not in repr(pairs)
    path = tmp_path / "uids.csv"
    write_pairs(path, pairs.uids)
    assert path.read_text().splitlines()[:2] == ["id_old,id_new", f"1.2.3,{KEY.new_uid('1.2.3')}"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_pairs(path, {})


def test_an_assignment_fits_its_attribute():
    for bad in ("", "x" * 65, "naïve", " A"):
        with pytest.raises(UsageError):
            Assignment(bad)


def test_a_list_travels_packed_and_is_unpacked_once():
    profile = Profile("p", pseudonyms={f"{n}": Assignment(f"T{n}", -n) for n in range(2000)})
    content = pickle.dumps(profile)
    assert len(content) < 40_000
    one, other = pickle.loads(content), pickle.loads(content)
    assert one.pseudonyms is other.pseudonyms and one == profile
    assert deidentify(study("17"), one, KEY).pseudonym == "T17"
    assert "T17" not in repr(one.pseudonyms)

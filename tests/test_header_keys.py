"""ProjectKey: UIDs and pseudonyms that agree under one key, tell nothing, and are known again."""

from __future__ import annotations

import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID_dictionary

from scrub_pixels.errors import UsageError
from scrub_pixels.header import ProjectKey

KEY = ProjectKey(b"k" * 32)
UIDS = st.lists(st.integers(0, 10**12), min_size=3, max_size=6).map(lambda n: "1.3." + ".".join(map(str, n)))
IDS = st.text(min_size=1, max_size=40)


@given(UIDS)
def test_a_new_uid_is_valid_and_stable(old):
    new = KEY.new_uid(old)
    assert re.fullmatch(r"2\.25\.(0|[1-9]\d*)", new) and len(new) <= 64
    assert new == KEY.new_uid(old) == ProjectKey.from_bytes(b"k" * 32).new_uid(f" {old}\0")
    assert old not in new


@given(st.sets(UIDS, min_size=2, max_size=50))
def test_the_uid_map_is_injective(old):
    assert len({KEY.new_uid(uid) for uid in old}) == len(old)


@given(UIDS)
def test_what_this_key_made_stays_and_another_key_maps_it(old):
    new = KEY.new_uid(old)
    assert KEY.new_uid(new) == new
    assert ProjectKey(b"q" * 32).new_uid(new) != new
    assert ProjectKey(b"q" * 32).new_uid(old) != new


@pytest.mark.parametrize("uid", ["1.2.840.10008", "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.2"])
def test_registered_uids_are_no_instances(uid):
    assert KEY.new_uid(uid) == uid


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.100081.5",
        "1.2.840.10008.Smith^John",
        "1.2.840.10008.19530417.4471903",
        "1.2.840.10008..1",
        "1.2.840.10008.",
    ],
)
def test_a_uid_that_only_looks_registered_is_mapped(uid):
    assert KEY.new_uid(uid).startswith("2.25.")


def test_every_uid_of_the_standard_counts_as_registered():
    assert all(KEY.new_uid(uid) == uid for uid in UID_dictionary if uid.startswith("1.2.840.10008."))


@given(IDS, IDS)
def test_a_pseudonym_is_stable_and_free_of_the_old_id(issuer, patient):
    name = KEY.pseudonym(issuer, patient)
    assert re.fullmatch(r"[B-DF-HJ-NP-TV-XZ]{18}", name)
    assert name == KEY.pseudonym(f"  {issuer.upper().lower()} ", patient) or issuer != issuer.upper().lower()
    assert not any(word in name for word in re.findall(r"[^\W_]{3,}", patient.upper()))
    assert KEY.made_pseudonym(name) and KEY.pseudonym("", name) == name
    assert not ProjectKey(b"q" * 32).made_pseudonym(name)


def test_case_width_and_blanks_do_not_make_two_patients():
    assert (
        KEY.pseudonym("Clinic", "ab 12")
        == KEY.pseudonym("CLINIC ", " AB  12")
        == KEY.pseudonym("clinic", "ＡＢ 12")
    )
    assert KEY.pseudonym("Clinic", "12") != KEY.pseudonym("Hospital", "12")


@given(IDS, IDS)
def test_days_move_by_whole_days_within_ten_years(issuer, patient):
    days = KEY.day_offset(issuer, patient)
    assert -3650 <= days <= -1 and days == KEY.day_offset(issuer, patient)
    assert KEY.day_offset("", KEY.pseudonym(issuer, patient)) == 0


def test_purposes_do_not_mix():
    assert KEY.digest(b"x", "a") != KEY.digest(b"x", "b")
    assert len(KEY.digest(b"x", "a")) == 64


def test_the_secret_is_never_shown_and_travels_in_a_pickle():
    assert "kkk" not in repr(KEY) + str(KEY)
    assert pickle.loads(pickle.dumps(KEY)) == KEY
    assert ProjectKey.generate() != ProjectKey.generate()


@pytest.mark.parametrize("secret", [b"", b"short", "text" * 10])
def test_a_weak_secret_is_refused(secret):
    with pytest.raises(UsageError):
        ProjectKey(secret)

"""Parts of paths: only what is plainly technical is plain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrub_pixels.decisions.paths import is_plain, shows_a_date


@pytest.mark.parametrize("part", [
    "thorax", "k.dcm", "IM0001", "ST000001", "SE000003", "00000123", "series-0012", "ChestCT", "head_ct",
    "DICOM", "chest ct (2).dcm", "scan.dcm", "img_0001_0023.dcm", "lung.dcm"])
def test_technical_names_are_plain(part: str) -> None:
    assert is_plain(part)


@pytest.mark.parametrize("part", [
    "Smith", "Müller", "JS", "j_s", "Li", "Rose", "Ward", "Long", "Head", "Frank_1", "patient12", "P12345",
    "名前", "123456", "4711081", "CT4711081", "20190412", "2019-04-12", "19_04_12", "04May2019",
    "M45", "45Y", "F_67", "chest_Smith", "SmithCT", "will mark", "k.smith", "12 34 56 78 9"])
def test_names_numbers_and_dates_are_not(part: str) -> None:
    assert not is_plain(part)


@pytest.mark.parametrize(("path", "expected"), [("2019/04/12", True), ("12/4/2019", True), ("1/2", False)])
def test_dates_over_several_folders_are_seen(path: str, expected: bool) -> None:
    assert shows_a_date(path) is expected


@given(st.text(max_size=20))
def test_no_name_of_a_file_is_too_odd(part: str) -> None:
    assert is_plain(part) in (True, False)


@given(st.from_regex(r"[0-9]{5,}", fullmatch=True).filter(lambda digits: int(digits) > 999))
def test_long_numbers_are_never_plain_alone(digits: str) -> None:
    assert not is_plain(digits)

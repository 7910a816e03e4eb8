"""The shipped tables are the ones that were pinned."""

from __future__ import annotations

import csv
import gzip
import json
import time
from importlib.resources import files

import pytest
from pydicom.datadict import keyword_for_tag, tag_for_keyword

from scrub_pixels.header.actions import simple_code
from scrub_pixels.header.iod_types import _extract, types_of
from scrub_pixels.header.options import PROFILES, Option, Profile
from scrub_pixels.header.table import code_for, row_for, rows
from scrub_pixels.header.tables.build import CODE_COUNTS, OPTION_COUNTS, TableError, check_counts, read_member

TABLES = files("scrub_pixels.header.tables")
CT, US = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.6.1"
BASIC = frozenset()


def test_counts_of_codes_and_option_cells():
    table = json.loads((TABLES / "ps315_2026d.json").read_text())
    codes, cells = {}, {}
    for _, _, code, options in table["rows"]:
        codes[code] = codes.get(code, 0) + 1
        for cell in options.items():
            cells[cell] = cells.get(cell, 0) + 1
    assert codes == CODE_COUNTS and cells == OPTION_COUNTS
    assert len(table["rows"]) == 657 == len(rows()) and len(table["content"]) == 214
    assert "2026d, (c) NEMA" in table["note"]


def test_a_table_that_changed_is_refused(tmp_path):
    with pytest.raises(TableError):
        check_counts([{"basic": "X", "options": {}}])
    (tmp_path / "w.whl").write_bytes(b"other")
    with pytest.raises(TableError):
        read_member(tmp_path, ("w.whl", "0" * 64), "x")


def test_the_private_list_is_the_tcia_one():
    lines = (TABLES / "private_tcia.csv").read_text().splitlines()
    entries = list(csv.DictReader(lines[1:]))
    assert "TCIA" in lines[0] and len(entries) == 2443 and len({e["creator"] for e in entries}) == 91
    assert {e["disposition"] for e in entries} == {"keep", "uid", "date"}


def test_every_word_of_our_own_list_is_an_attribute_that_the_table_lacks():
    lists = json.loads((TABLES / "unlisted.json").read_text())
    listed = {row.tag for row in rows()}
    for name, words in lists.items():
        if name != "note":
            assert all(tag_for_keyword(word) for word in words)
            assert not [word for word in words if f"{tag_for_keyword(word):08X}" in listed]


@pytest.mark.parametrize(
    ("keyword", "sop_class", "kind"),
    [
        ("PatientID", CT, 2),
        ("PatientName", US, 2),
        ("SeriesDate", CT, 3),
        ("StudyDate", CT, 2),
        ("AcquisitionContextSequence", "1.2.840.10008.5.1.4.1.1.1.1", 2),
        ("ContentDate", "1.2.840.10008.5.1.4.1.1.4.1", 1),
        ("Manufacturer", CT, 2),
    ],
)
def test_types_of_attributes(keyword, sop_class, kind):
    assert types_of(sop_class).of((), tag_for_keyword(keyword)) == kind


def test_an_unknown_sop_class_makes_everything_optional():
    assert types_of("1.2.3").of((), tag_for_keyword("StudyDate")) == 3


def test_loading_the_types_is_quick_and_the_file_small():
    assert (TABLES / "iod_types.json.gz").stat().st_size < 1_500_000
    _extract.cache_clear()
    types_of.cache_clear()
    start = time.process_time()
    types_of(CT)
    assert time.process_time() - start < 0.2
    assert (
        json.loads(gzip.decompress((TABLES / "iod_types.json.gz").read_bytes()))["classes"][CT] == "ct-image"
    )


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (0x00280010, "K"),
        (0x00080060, "K"),
        (0x00100010, "Z"),
        (0x00290010, "X"),
        (0x50003000, "X"),
        (0x60003000, "X"),
        (0x60000010, "X"),
        (0x00080001, "X"),
        (0x00100000, "X"),
        (0x0040A160, "X/Z/D"),
        (0x00420010, "X/Z/D"),
        (0x00081155, "U"),
        (0x00081150, "K"),
        (0x00081167, "U"),
        (0x0008041F, "X/Z/D"),
        (0x00140104, "X/Z/D"),
        (0x00091001, "X"),
        (0x00080119, "K"),
        (0x00880200, "X"),
        (0xFFFCFFFC, "X"),
        (0xFFFAFFFA, "X"),
        (0x04000561, "X"),
        (0xFFFEE000, "X"),
        (0x00020010, "X"),
        (0x12341234, "X"),
    ],
)
def test_codes_of_single_tags(tag, code):
    assert code_for(tag, BASIC) == code, keyword_for_tag(tag)


def test_clean_wins_over_keep():
    options = frozenset({Option.RETAIN_DEVICE_IDENTITY, Option.RETAIN_MODIFIED_DATES})
    assert code_for(0x0018700C, options) == "C"
    assert code_for(0x0018700C, frozenset({Option.RETAIN_DEVICE_IDENTITY})) == "K"
    assert row_for(0x0018700C).basic == "X/D"


def test_options_that_exclude_each_other_or_cannot_be_carried_out_are_refused():
    from scrub_pixels.errors import UsageError

    with pytest.raises(UsageError):
        Profile("both", frozenset({Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}))
    faces = frozenset({Option.CLEAN_VISUAL_FEATURES})
    with pytest.raises(UsageError):
        Profile("faces", faces)
    assert Profile("faces", faces, faces_absent=True).options == faces


def test_presets_are_profiles_of_their_name():
    assert {"basic", "strict", "research", "midi"} == set(PROFILES)
    assert all(profile.name == name for name, profile in PROFILES.items())


def test_option_codes_are_those_of_cid_7050():
    assert [option.code for option in Option] == [str(code) for code in range(113101, 113113)]


def test_strict_keeps_codes_and_numbers_and_no_text_that_could_be_typed():
    strict = PROFILES["strict"]
    assert strict.no_free_text and strict.options == PROFILES["basic"].options
    types = types_of("1.2.840.10008.5.1.4.1.1.2")
    found = {
        name: simple_code(tag_for_keyword(name), (), strict, types)
        for name in ("Manufacturer", "SequenceName", "Modality", "Rows", "PixelSpacing", "StudyInstanceUID")
    }
    assert list(found.values()) == ["Z", "X", "K", "K", "K", "U"]
    assert simple_code(tag_for_keyword("CodeMeaning"), (0x00082218,), strict, types) == "K"
    assert simple_code(tag_for_keyword("Manufacturer"), (), PROFILES["basic"], types) == "K"

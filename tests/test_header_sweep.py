"""Every row of Table E.1-1, planted at depth 0, 1 and 3 of many SOP Classes, does what table and Type say."""

from __future__ import annotations

import io
import json
from importlib.resources import files

import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from scrub_pixels.header import Option, Profile, ProjectKey, deidentify
from scrub_pixels.header.iod_types import types_of

KEY = ProjectKey(b"sweep" * 8)
TABLE = json.loads((files("scrub_pixels.header.tables") / "ps315_2026d.json").read_text())["rows"]
STORAGE = "1.2.840.10008.5.1.4.1.1."
CLASSES = {
    "CT": "2",
    "MR": "4",
    "US": "6.1",
    "US multi-frame": "3.1",
    "SC": "7",
    "SC multi-frame": "7.4",
    "DX": "1.1",
    "MG": "1.2",
    "PET": "128",
    "SEG": "66.4",
    "SR": "88.33",
    "Enhanced MR": "4.1",
    "PR": "11.1",
    "RTSTRUCT": "481.3",
    "PDF": "104.1",
}
PATHS = {0: (), 1: (0x00081115,), 3: (0x00081250, 0x00081115, 0x00081199)}
"""Sequences that the table does not list, so that every profile enters them."""

SENTINELS = {
    "AE": "ZQSENTINEL",
    "AS": "077Y",
    "CS": "ZQSENTINEL",
    "DA": "19130417",
    "DT": "19130417091713.5",
    "DS": "777.125",
    "IS": "77712",
    "LO": "ZQSENTINEL",
    "LT": "ZQSENTINEL",
    "PN": "ZQNAME^ZQOTHER",
    "SH": "ZQSENTINEL",
    "ST": "ZQSENTINEL",
    "TM": "091713.777",
    "UC": "ZQSENTINEL",
    "UI": "1.2.3.4.777.5.6.7",
    "UR": "http://zqsentinel",
    "UT": "ZQSENTINEL",
    "US": 777,
    "SS": 777,
    "UL": 777,
    "FL": 777.0,
    "FD": 777.0,
    "OB": b"ZQSENTINEL",
    "OW": b"ZQSENTINEL",
    "UN": b"ZQSENTINEL",
    "SL": 777,
}
LEAKS = (b"ZQSENT", b"zqsent", b"ZQNAME", b"19130417", b"091713", b"1.2.3.4.777", b"777.125", b"077Y")

EXPECTED = {
    "Z": {1: "D", 2: "Z", 3: "Z"},
    "Z/D": {1: "D", 2: "Z", 3: "Z"},
    "X/Z": {1: "D", 2: "Z", 3: "X"},
    "X/D": {1: "D", 2: "D", 3: "X"},
    "X/Z/D": {1: "D", 2: "Z", 3: "X"},
    "X/Z/U*": {1: "U", 2: "Z", 3: "X"},
}
"""HEADER semantics, item 5, spelt out again: the test must not take it from the code it tests."""


def plantable() -> list[tuple[int, str, str, dict]]:
    """Return tag, VR, code and option cells of every row that is one tag of a data set."""
    found = []
    for tag, _, code, cells in TABLE:
        if "x" not in tag and tag != "PRIVATE" and 4 <= int(tag[:4], 16) < 0xFFFA:
            found.append((int(tag, 16), standard_vr(int(tag, 16)), code, cells))
    return found


def standard_vr(tag: int) -> str:
    try:
        return dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return "LO"


def sentinel(tag: int, vr: str) -> object:
    """Return the value planted at a tag; no text is like another, so that the final scan tells them apart."""
    value = SENTINELS[vr]
    return f"ZQSENT{tag:08X}" if value == "ZQSENTINEL" else value


def planted() -> Dataset:
    """Return an item with a sentinel in every row, in masks and in private groups."""
    item = Dataset()
    for tag, vr, _, _ in plantable():
        item.add_new(tag, vr, [sentinel_item()] if vr == "SQ" else sentinel(tag, vr))
    item.add_new(0x50100010, "US", 777)
    item.add_new(0x50102500, "LO", "ZQSENTINEL")
    item.add_new(0x60020022, "LO", "ZQSENTINEL")
    item.add_new(0x60023000, "OW", b"ZQSENTINEL")
    item.add_new(0x60024000, "LT", "ZQSENTINEL")
    item.add_new(0x00290010, "LO", "ZQSENTINEL CREATOR")
    item.add_new(0x00291001, "LT", "ZQSENTINEL")
    item.add_new(0x00291002, "SQ", [sentinel_item()])
    return item


def sentinel_item() -> Dataset:
    item = Dataset()
    item.TextValue = item.UnformattedTextValue = item.CodeMeaning = "ZQSENTINEL"
    item.ReferencedSOPInstanceUID = SENTINELS["UI"]
    return item


def dataset_with(planted_item: Dataset, path: tuple[int, ...], sop_class: str) -> Dataset:
    """Return a data set of a SOP Class with the item at the end of a path."""
    for tag in reversed(path):
        outer = Dataset()
        outer.add_new(tag, "SQ", [planted_item])
        planted_item = outer
    planted_item.SOPClassUID = STORAGE + sop_class
    planted_item.SpecificCharacterSet = "ISO_IR 100"
    planted_item.file_meta = FileMetaDataset()
    planted_item.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return planted_item


def at(dataset: Dataset, path: tuple[int, ...]) -> Dataset:
    for tag in path:
        dataset = dataset[tag].value[0]
    return dataset


def written(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def simple(code: str, cells: dict, options: frozenset[Option], kind: int) -> str:
    """Return the code to expect, from the raw table."""
    chosen = {cells[o.column] for o in options if o.column in cells}
    code = "C" if "C" in chosen else "K" if "K" in chosen else code
    return EXPECTED.get(code, {}).get(kind, code)


def problem(element, code: str, vr: str, pseudonym: str) -> str:
    """Say what is wrong with one cleaned element; empty if nothing is."""
    if code == "X":
        return "" if element is None else "kept"
    if element is None:
        return "missing"
    if code == "Z":
        return "" if element.is_empty or element.value == pseudonym else "not empty"
    if code == "D":
        return (
            "empty"
            if element.is_empty
            else ""
            if vr == "SQ" or element.value != sentinel(element.tag, vr)
            else "same"
        )
    if code == "U" and vr == "UI":
        return "" if element.value == KEY.new_uid(SENTINELS["UI"]) else "not mapped"
    return ""


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("depth", PATHS)
def test_every_row_does_what_table_and_type_say(name, depth):
    path, uid = PATHS[depth], STORAGE + CLASSES[name]
    result = deidentify(dataset_with(planted(), path, CLASSES[name]), Profile(), KEY)
    item = at(result.dataset, path)
    wrong = {}
    for tag, vr, code, cells in plantable():
        expected = simple(code, cells, frozenset(), types_of(uid).of(path, tag))
        said = problem(item.get(tag), expected, vr, result.pseudonym)
        if said and tag not in MARKED:
            wrong[f"{tag:08X}"] = (expected, said)
    assert not wrong
    assert not [tag for tag in item.keys() if tag.is_private or tag.group >> 8 in (0x50, 0x60)]


MARKED = {0x00120063, 0x00120064}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("depth", PATHS)
def test_no_sentinel_is_left_in_a_written_file(depth, syntax):
    for sop_class in ("2", "6.1", "88.33", "481.3", "104.1"):
        dataset = dataset_with(planted(), PATHS[depth], sop_class)
        dataset.file_meta.TransferSyntaxUID = syntax
        read_again = pydicom.dcmread(io.BytesIO(written(as_read(dataset))))
        content = written(deidentify(read_again, Profile(), KEY).dataset)
        assert not [leak for leak in LEAKS if leak in content]


def as_read(dataset: Dataset) -> Dataset:
    """Give a data set the file meta that pydicom needs to write it."""
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = SENTINELS["UI"]
    return dataset


def test_the_detector_of_leaks_detects():
    content = written(as_read(dataset_with(planted(), (), "2")))
    assert [leak for leak in LEAKS if leak in content] == [leak for leak in LEAKS]


@pytest.mark.parametrize("option", [o for o in Option if o.column])
def test_each_option_replaces_exactly_its_cells(option):
    """Where an option says K the sentinel stays; where it is silent nothing changes."""
    profile = Profile("one", frozenset({option}))
    basic = deidentify(dataset_with(planted(), (), "2"), Profile(), KEY).dataset
    chosen = deidentify(dataset_with(planted(), (), "2"), profile, KEY).dataset
    for tag, vr, code, cells in plantable():
        cell = cells.get(option.column)
        if cell == "K" and vr not in ("SQ", "AE"):
            assert chosen[tag].value == sentinel(tag, vr), f"{tag:08X} {code}"
        elif cell is None and vr not in ("SQ",) and tag not in MARKED:
            assert same(basic.get(tag), chosen.get(tag)), f"{tag:08X} {code}"


def same(one, other) -> bool:
    return (one is None) == (other is None) and (one is None or one.value == other.value)

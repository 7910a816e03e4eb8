"""Structured content by concept, graphics without what is drawn, private elements known to be safe."""

from __future__ import annotations

import io

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from scrub_pixels.header import PROFILES, Option, Profile, ProjectKey, deidentify
from scrub_pixels.header.private import safe_elements
from scrub_pixels.header.structured import concepts

KEY = ProjectKey(b"o" * 32)
STRUCTURED = Profile("sr", frozenset({Option.CLEAN_STRUCTURED_CONTENT, Option.CLEAN_DESCRIPTORS}))
CONTENT_ALONE = Profile("sr", frozenset({Option.CLEAN_STRUCTURED_CONTENT}))
PRIVATE = Profile("private", frozenset({Option.RETAIN_SAFE_PRIVATE}))
GRAPHICS = Profile("graphics", frozenset({Option.CLEAN_GRAPHICS}))


def instance(sop_class: str, **values: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "1.2.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.4", "1.2.5"
    dataset.PatientName, dataset.PatientID = "Quillfeather^Marjolaine", "4471903"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def coded(scheme: str, value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def node(kind: str, concept: tuple[str, str, str], **values: object) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    item.ConceptNameCodeSequence = [coded(*concept)]
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


FINDING = ("DCM", "121071", "Finding")
UNLISTED = ("99LOCAL", "77", "Anything")


def report(*nodes: Dataset) -> Dataset:
    return instance("1.2.840.10008.5.1.4.1.1.88.33", ContentSequence=list(nodes), ValueType="CONTAINER")


def tree(profile: Profile, *nodes: Dataset) -> list[Dataset]:
    return list(deidentify(report(*nodes), profile, KEY).dataset.ContentSequence)


def test_basic_makes_the_tree_one_dummy_item():
    items = tree(Profile(), node("TEXT", FINDING, TextValue="secret"), node("NUM", UNLISTED))
    assert len(items) == 1 and items[0].TextValue == "REMOVED" and items[0].RelationshipType == "CONTAINS"


def test_listed_concepts_follow_their_row():
    accession = node("TEXT", ("DCM", "121022", "Accession Number"), TextValue="A-1")
    finding = node("TEXT", FINDING, TextValue="Cyst, seen by Dr. Miller")
    site = node("TEXT", ("SCT", "363698007", "Finding Site"), TextValue="liver of Quillfeather")
    items = tree(STRUCTURED, accession, finding, site)
    assert [i.TextValue for i in items] == ["Cyst, seen by", "liver of"]
    assert [i.TextValue for i in tree(CONTENT_ALONE, accession, finding, site)] == ["REMOVED"]


@pytest.mark.parametrize(
    ("item", "stays"),
    [
        (node("CODE", UNLISTED, ConceptCodeSequence=[coded("SCT", "1", "Heart")]), True),
        (node("CONTAINER", UNLISTED), True),
        (node("TEXT", UNLISTED, TextValue="clinical words"), False),
        (node("PNAME", UNLISTED, PersonName="Somebody^Else"), False),
        (node("DATE", UNLISTED, Date="20200101"), False),
        (node("UIDREF", UNLISTED, UID="1.2.3"), True),
        (node("CODE", UNLISTED, ReferencedContentItemIdentifier=[1, 1]), False),
    ],
)
def test_unlisted_concepts_follow_their_value_type(item, stays):
    items = tree(CONTENT_ALONE, item, node("CONTAINER", UNLISTED))
    assert len(items) == 1 + stays
    assert "Somebody" not in str(items)


def test_content_is_cleaned_at_every_depth_and_uids_follow_the_map():
    deep = node(
        "CONTAINER",
        UNLISTED,
        ContentSequence=[
            node(
                "CONTAINER",
                UNLISTED,
                ContentSequence=[
                    node("PNAME", UNLISTED, PersonName="A^B"),
                    node("UIDREF", UNLISTED, UID="1.2.3"),
                ],
            )
        ],
    )
    inner = tree(CONTENT_ALONE, deep)[0].ContentSequence[0].ContentSequence
    assert len(inner) == 1 and inner[0].UID == KEY.new_uid("1.2.3")


def test_every_row_of_the_concept_table_is_carried_out():
    values = {
        "TEXT": {"TextValue": "ZQSENTINEL"},
        "PNAME": {"PersonName": "ZQNAME^X"},
        "DATE": {"Date": "19130417"},
        "TIME": {"Time": "091713"},
        "DATETIME": {"DateTime": "19130417091713"},
        "UIDREF": {"UID": "1.2.3.777"},
    }
    for (scheme, code, kind), (basic, _) in concepts().items():
        items = tree(
            CONTENT_ALONE,
            node(kind, (scheme, code, "x"), **values.get(kind, {})),
            node("CONTAINER", UNLISTED),
        )
        assert len(items) == (2 if basic == "D" else 1), (code, kind, basic)
        assert not any(
            secret in str(items) for secret in ("ZQSENTINEL", "ZQNAME", "19130417", "091713", "1.2.3.777")
        )


def test_clean_graphics_keeps_shapes_and_drops_text_and_planes():
    text, shape, annotation = Dataset(), Dataset(), Dataset()
    text.UnformattedTextValue = "Quillfeather 4471903"
    shape.GraphicType, shape.GraphicData = "POINT", [1.0, 2.0]
    annotation.GraphicLayer, annotation.TextObjectSequence, annotation.GraphicObjectSequence = (
        "L",
        [text],
        [shape],
    )
    dataset = instance("1.2.840.10008.5.1.4.1.1.11.1", GraphicAnnotationSequence=[annotation])
    dataset.add_new(0x60003000, "OW", b"ab")
    dataset.add_new(0x60000022, "LO", "drawn by me")
    out = deidentify(dataset, GRAPHICS, KEY).dataset
    kept = out.GraphicAnnotationSequence[0]
    assert kept.GraphicObjectSequence[0].GraphicType == "POINT" and "Quillfeather" not in str(out)
    assert not [tag for tag in out.keys() if tag.group == 0x6000]
    assert "Quillfeather" not in str(deidentify(dataset, Profile(), KEY).dataset)


def private_instance(block: int = 0x10) -> Dataset:
    dataset = instance("1.2.840.10008.5.1.4.1.1.4")
    dataset.add_new(0x20010000 | block, "LO", "Philips Imaging DD 001")
    dataset.add_new(0x20010000 | block << 8 | 0x11, "FL", 1.5)
    dataset.add_new(0x20010000 | block << 8 | 0xC1, "LO", "nested type")
    dataset.add_new(0x20010000 | block << 8 | 0xFE, "LO", "not on the list")
    dataset.add_new(0x20010000 | block + 1, "LO", "SOME OTHER VENDOR")
    dataset.add_new(0x20010000 | (block + 1) << 8 | 0x11, "FL", 2.5)
    return dataset


@pytest.mark.parametrize("block", [0x10, 0x11, 0x42, 0xA0])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_safe_private_elements_are_found_whatever_their_block(block, syntax):
    dataset = private_instance(block)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = (
        dataset.SOPClassUID,
        "1.2.3",
    )
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    out = deidentify(pydicom.dcmread(io.BytesIO(stream.getvalue())), PRIVATE, KEY).dataset
    kept = [int(tag) for tag in out.keys() if tag.is_private]
    assert kept == [0x20010000 | block, 0x20010000 | block << 8 | 0x11, 0x20010000 | block << 8 | 0xC1]
    assert out[kept[1]].value == 1.5 and out[kept[0]].value == "Philips Imaging DD 001"
    assert "113111" in [c.CodeValue for c in out.DeidentificationMethodCodeSequence]


def test_safe_private_elements_are_cleaned_too():
    dataset = private_instance()
    dataset[0x200110C1].value = "type of Quillfeather"
    dataset.add_new(0x00090010, "LO", "GEMS_PETD_01")
    dataset.add_new(0x0009105E, "LO", "exam 17")
    dataset.add_new(0x70050010, "LO", "TOSHIBA_MEC_CT3")
    dataset.add_new(0x70051016, "UI", "1.2.3")
    out = deidentify(dataset, PRIVATE, KEY).dataset
    assert 0x200110C1 not in out and 0x0009105E not in out and 0x00090010 not in out
    assert (0x70051016 not in out) or out[0x70051016].value == KEY.new_uid("1.2.3")


def test_an_element_in_a_wrong_vr_is_not_safe():
    dataset = private_instance()
    del dataset[0x20011011]
    dataset.add_new(0x20011011, "LT", "a story")
    assert 0x20011011 not in deidentify(dataset, PRIVATE, KEY).dataset


def test_safe_private_sequences_are_entered():
    vr_of = {key: safe.vr for key, safe in safe_elements().items()}
    creator, group, low = next(
        key for key, vr in vr_of.items() if vr == "SQ" and key[0].startswith("PHILIPS")
    )
    item = Dataset()
    item.PatientName, item.TextValue, item.EchoTime = "Quillfeather", "words", 3.0
    dataset = instance("1.2.840.10008.5.1.4.1.1.4")
    dataset.add_new(group << 16 | 0x10, "LO", creator)
    dataset.add_new(group << 16 | 0x1000 | low, "SQ", [item])
    kept = deidentify(dataset, PRIVATE, KEY).dataset[group << 16 | 0x1000 | low].value[0]
    assert kept.EchoTime == 3.0 and "TextValue" not in kept and kept["PatientName"].is_empty


@pytest.mark.parametrize("name", PROFILES)
def test_every_preset_runs_and_claims_its_options(name):
    result = deidentify(private_instance(), PROFILES[name], KEY)
    expected = {"113100"} | {o.code for o in PROFILES[name].options} - {"113101"}
    assert set(result.codes) == expected
    assert pydicom.dcmread(io.BytesIO(written(result.dataset))).PatientID == result.pseudonym


def written(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()

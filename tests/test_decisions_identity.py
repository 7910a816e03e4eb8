"""The header's identifiers: found at every depth, whatever state the data is in, and never shown."""

from __future__ import annotations

import pickle
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from scrub_pixels.decisions import IdentifierKind, Identity, harvest
from scrub_pixels.decisions import identity as identity_module


def _dataset(**elements: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def _found(identity: Identity) -> set[tuple[str, IdentifierKind, str]]:
    return {(i.keyword, i.kind, i.value) for i in identity}


@pytest.mark.parametrize(
    ("keyword", "value", "kind"),
    [
        ("PatientName", "DOE^JANE", IdentifierKind.NAME),
        ("PatientID", "MRN-0042", IdentifierKind.ID),
        ("AccessionNumber", "A77120", IdentifierKind.ID),
        ("PatientBirthDate", "19510317", IdentifierKind.DATE),
        ("StudyTime", "101112", IdentifierKind.TIME),
        ("PatientAge", "067Y", IdentifierKind.AGE),
        ("InstitutionName", "St. Nowhere", IdentifierKind.INSTITUTION),
        ("StationName", "US-ROOM-3", IdentifierKind.INSTITUTION),
        ("InstitutionAddress", "1 Elm Road", IdentifierKind.ADDRESS),
        ("PatientTelephoneNumbers", "555-0100", IdentifierKind.PHONE),
        ("DeviceSerialNumber", "SN-99812", IdentifierKind.DEVICE_SERIAL),
        ("StudyInstanceUID", "1.2.3.4.5", IdentifierKind.UID),
        ("PatientComments", "lives with sister", IdentifierKind.FREE_TEXT),
    ],
)
def test_harvest_knows_what_an_attribute_is(keyword: str, value: str, kind: IdentifierKind) -> None:
    assert _found(harvest(_dataset(**{keyword: value}))) == {(keyword, kind, value)}


def test_technical_attributes_are_not_identifiers() -> None:
    technical = _dataset(Modality="US", Manufacturer="ACME", SOPClassUID="1.2.840.10008.5.1.4.1.1.6.1")
    assert len(harvest(technical)) == 0


def test_harvest_reaches_every_depth_private_names_and_the_file_meta() -> None:
    inner = _dataset(OperatorsName="LOW^LEVEL")
    outer = _dataset(RequestAttributesSequence=[_dataset(RequestedProcedureCodeSequence=[inner])])
    block = outer.private_block(0x0011, "VENDOR", create=True)
    block.add_new(0x01, "PN", "PRIVATE^PERSON")
    block.add_new(0x02, "SQ", Sequence([_dataset(PatientID="DEEP-1")]))
    outer.file_meta = FileMetaDataset()
    outer.file_meta.SourceApplicationEntityTitle = "WARD7"
    values = {i.value for i in harvest(outer)}
    assert values == {"LOW^LEVEL", "PRIVATE^PERSON", "DEEP-1", "WARD7"}


def test_codes_of_institutions_and_persons_are_identifiers_others_are_not() -> None:
    code = _dataset(CodeValue="H77", CodeMeaning="Sisters of Mercy")
    dataset = _dataset(InstitutionCodeSequence=[code], AnatomicRegionSequence=[_dataset(CodeMeaning="Liver")])
    assert {i.value for i in harvest(dataset)} == {"H77", "Sisters of Mercy"}


def test_all_values_and_component_groups_are_kept() -> None:
    dataset = _dataset(OperatorsName=["ONE^A", "TWO^B"], PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    values = {i.value for i in harvest(dataset)}
    assert values == {"ONE^A", "TWO^B", "Yamada^Tarou=山田^太郎=やまだ^たろう"}


@pytest.mark.parametrize("vr", "LO SH UN LT OB IS DA PN SQ US DS UI AT FD".split())
@pytest.mark.parametrize(
    "raw", [b"DOE^JANE ", b"", b"\xff\xfe\x00", b"\\\\\\", b"\x1b$B;3ED", None, b"1.2.3.4.5.6."]
)
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_vr_or_a_broken_value_never_raises(vr: str, raw: bytes | None) -> None:
    dataset = Dataset()
    for keyword in ("PatientName", "PatientID", "StudyDate", "StudyTime", "PatientAge"):
        tag = Tag(tag_for_keyword(keyword))
        dataset._dict[tag] = RawDataElement(tag, vr, len(raw or b""), raw, 0, False, True)
    identity = harvest(dataset)
    if raw == b"DOE^JANE " and vr in {"LO", "SH", "UN", "LT", "OB", "IS", "PN", "DS"}:
        assert "DOE^JANE" in {i.value for i in identity if i.keyword == "PatientName"}


@given(st.binary(max_size=40), st.sampled_from(["ISO_IR 192", "ISO 2022 IR 87", "NONSENSE", ""]))
def test_a_wrong_character_set_never_raises(raw: bytes, charset: str) -> None:
    dataset = Dataset()
    tag = Tag("PatientName")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.SpecificCharacterSet = charset
        dataset._dict[tag] = RawDataElement(tag, "PN", len(raw), raw, 0, False, True)
        identity = harvest(dataset)
    assert len(identity) <= 1 + raw.count(b"\\")


def test_no_identifier_shows_in_a_repr() -> None:
    identity = harvest(_dataset(PatientName="SENTINEL^ANNA", PatientID="SENTINEL-7"))
    shown = repr(identity) + str(identity) + repr(list(identity)) + repr(identity.of(IdentifierKind.NAME))
    assert "SENTINEL" not in shown
    assert "PatientName" in repr(list(identity))


def test_identities_merge_without_repeats_and_travel_between_processes() -> None:
    one, two = harvest(_dataset(PatientID="A1")), harvest(_dataset(PatientID="A1", AccessionNumber="B2"))
    merged = pickle.loads(pickle.dumps(one.merged(two)))
    assert _found(merged) == _found(two) and len(merged) == 2


def test_words_are_folded_tokens() -> None:
    identity = harvest(_dataset(PatientName="Müller-Lüdenscheidt^Ågot"))
    assert identity.words(IdentifierKind.NAME) == {"muller", "ludenscheidt", "agot"}
    assert identity.words(IdentifierKind.ID) == frozenset()


def test_the_keyword_tables_name_attributes_that_exist() -> None:
    keywords = [*identity_module._BY_KEYWORD, *identity_module._NAMED_BY_CODE]
    assert [keyword for keyword in keywords if tag_for_keyword(keyword) is None] == []


@pytest.mark.parametrize("vr", [None, "UN", "QQ"])
def test_a_nested_element_of_unknown_vr_without_a_value_raises_nothing(vr):
    item, dataset = Dataset(), Dataset()
    tag = Tag(0x00091002)
    item._dict[tag] = RawDataElement(tag, vr, 4, None, 0, True, True)
    item.PatientName = "Quixotewski"
    dataset.ReferencedPatientSequence = [item]
    assert [i.value for i in harvest(dataset).of(IdentifierKind.NAME)] == ["Quixotewski"]

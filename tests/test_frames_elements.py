"""Elements are the same, converted and told their parents, however they are fetched."""

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from scrub_pixels.frames.carriers import _RULES, CarrierKind, _is_plain, carriers
from scrub_pixels.frames.elements import element_of, elements_in

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]


def some_bytes(syntax):
    item = Dataset()
    item.CodeValue, item.SmallestImagePixelValue = "1", 3
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "M\u00fcller^Hans"
    dataset.PixelRepresentation = 0
    dataset.SmallestImagePixelValue = 7
    dataset.ProcedureCodeSequence = [item]
    dataset.OtherPatientIDs = ["a", "b"]
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    dataset.save_as(buffer, implicit_vr=syntax is ImplicitVRLittleEndian, little_endian=True)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_raw_elements_are_converted_as_pydicom_converts_them(syntax):
    content = some_bytes(syntax)
    one, two = (dcmread(DicomBytesIO(content), force=True) for _ in range(2))
    assert any(isinstance(found, RawDataElement) for found in one.values())
    assert [element_of(one, tag) for tag in one.keys()] == [two[tag] for tag in two.keys()]
    assert list(elements_in(one)) == list(two)
    assert all(isinstance(element, DataElement) for element in elements_in(one))


def test_what_was_put_in_out_of_order_comes_in_the_order_of_tags():
    dataset = Dataset()
    for tag in (0x00280010, 0x00100010, 0x00080060):
        dataset.add_new(tag, "US" if tag == 0x00280010 else "CS", None)
    assert [int(element.tag) for element in elements_in(dataset)] == [0x00080060, 0x00100010, 0x00280010]


def test_a_sequence_is_the_same_one_each_time_and_its_items_are_the_data_set_s_own():
    dataset = dcmread(DicomBytesIO(some_bytes(ExplicitVRLittleEndian)), force=True)
    sequence = element_of(dataset, Tag(0x00081032))
    assert element_of(dataset, Tag(0x00081032)) is sequence is dataset[0x00081032]
    assert next(e for e in elements_in(dataset) if e.VR == "SQ").value[0] is dataset.ProcedureCodeSequence[0]


def test_a_missing_element_is_an_error():
    with pytest.raises(KeyError):
        element_of(Dataset(), Tag(0x00100010))


def test_a_plain_attribute_is_a_carrier_only_by_bytes():
    """Every attribute of the dictionary, with values that each rule looks for: the short way agrees."""
    from pydicom._dicom_dict import DicomDictionary

    values = [("UT", ""), ("UT", "x" * 2000), ("US", None), ("US", 0), ("US", [1] * 2000),
              ("OB", bytes(2000))]
    groups = [0x5000, 0x5002, 0x50FE, 0x6000, 0x601E, 0x60FE, 0x7F00, 0x7F02, 0x7FE0, 0x0009, 0x0029]
    tags = [*DicomDictionary, *(group << 16 | number for group in groups
                                for number in (0x0010, 0x0020, 0x0030, 0x0040, 0x1010, 0x200C, 0x3000))]
    for tag in tags:
        for vr, value in values:
            for path in ((), (0x00081140,)):
                element = DataElement(tag, vr, value, already_converted=True)
                slow = next((kind for kind, matches in _RULES if matches(element, Dataset(), path)), None)
                if _is_plain(tag) and not isinstance(value, bytes):
                    assert slow is None, (hex(tag), value, path)


def test_a_picture_in_a_text_attribute_of_bytes_is_still_found():
    dataset = Dataset()
    dataset.add(DataElement(0x00081030, "UN", b"\xff\xd8\xff" + bytes(64), already_converted=True))
    assert [carrier.kind for carrier in carriers(dataset)] == [CarrierKind.MISPLACED]

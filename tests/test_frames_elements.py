"""Elements are the same, converted and told their parents, however they are fetched."""

from io import BytesIO

import pytest
from pydicom import Dataset, config, dcmread
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from scrub_pixels.frames.carriers import _RULES, CarrierKind, _is_plain, carriers, without_pictures
from scrub_pixels.frames.elements import converted_at, element_of, elements_in, tags_of

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


def every_element(dataset, fetch):
    """Yield what there is to say of every element at every depth, or the error that it raises."""
    for tag in list(dataset.keys()):
        try:
            element = fetch(dataset, tag)
        except Exception as error:  # noqa: BLE001 - whatever it is, both ways must raise it
            yield tag, type(error), str(error)
            continue
        if element.VR == "SQ":
            for item in element.value or ():
                yield from every_element(item, fetch)
        else:
            yield (tag, element.VR, repr(element.value), type(element.value), element.private_creator,
                   element.is_undefined_length, element.file_tell, element.VM)


WHOLE = ("CT_small.dcm", "MR_small_bigendian.dcm", "rtplan.dcm", "reportsi.dcm", "nested_priv_SQ.dcm",
         "priv_SQ.dcm", "UN_sequence.dcm", "meta_missing_tsyntax.dcm", "image_dfl.dcm")


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.filterwarnings("ignore")
def test_the_short_way_to_convert_comes_where_pydicom_comes(name):
    path = get_testdata_file(name, download=False)
    quick, usual = (dcmread(path, force=True) for _ in range(2))
    assert list(every_element(quick, converted_at)) == list(every_element(usual, Dataset.__getitem__))
    assert all(isinstance(found, DataElement) for found in quick.values())


ODD = [("DS", b"1.2.3x"), ("DS", b""), ("IS", b"twelve"), ("IS", b"4.5 "), ("US", b"abc"),
       ("US", b"\1\0\2\0"), ("FD", b"1234567"), ("PN", b"\xff\xfe=\x1b$B"), ("LO", b"a\\b\\c "),
       ("UI", b"1.2.x\0"), ("DA", b"20ab"), ("AT", b"\x10\0\x10\0"), ("TM", b"99:99"), ("LT", b"a\\b"),
       ("CS", b"\xe4\xf6")]


@pytest.mark.parametrize("tag", [0x00100010, 0x00181111, 0x00091010, 0x00090010, 0x00090005, 0x00080005])
@pytest.mark.parametrize(("vr", "value"), ODD)
@pytest.mark.filterwarnings("ignore")
def test_odd_values_are_taken_or_raised_as_by_pydicom(tag, vr, value):
    def made():
        creator = RawDataElement(Tag(0x00090010), "LO", 4, b"ACME", 0, False, True)
        raw = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
        return Dataset({creator.tag: creator, raw.tag: raw})

    assert list(every_element(made(), converted_at)) == list(every_element(made(), Dataset.__getitem__))


def test_who_changes_how_pydicom_converts_changes_it_here_too(monkeypatch):
    dataset = dcmread(get_testdata_file("CT_small.dcm"))
    monkeypatch.setattr(config, "data_element_callback", lambda raw, **kwargs: raw._replace(value=b"OTHER"))
    assert converted_at(dataset, Tag(0x00080060)).value == "OTHER"


def test_a_level_without_pictures_is_shared_and_one_with_them_is_not():
    item, clean, dataset = Dataset(), Dataset(), Dataset()
    clean.CodeValue = item.CodeValue = "1"
    item.PixelData = b"\1\2"
    dataset.ProcedureCodeSequence, dataset.ReferencedImageSequence = [clean], [item]
    dataset.Rows = 1
    bare, counts = without_pictures(dataset)
    assert counts == {CarrierKind.NESTED_PIXELS: 1} and "PixelData" in item
    assert bare.ProcedureCodeSequence[0] is clean
    assert list(bare.ReferencedImageSequence[0].keys()) == [0x00080100]
    assert without_pictures(bare)[0] is bare and tags_of(bare) == tags_of(dataset)


def test_what_goes_with_a_group_is_counted():
    icon, item, dataset = Dataset(), Dataset(), Dataset()
    icon.PixelData, item.IconImageSequence = b"\1\2", [icon]
    dataset.add(DataElement(0x60001302, "SQ", [item]))
    dataset.add(DataElement(0x60003000, "OW", bytes(8)))
    bare, counts = without_pictures(dataset)
    assert not bare and counts == {CarrierKind.ICON: 1, CarrierKind.OVERLAY: 1}

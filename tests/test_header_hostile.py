"""Whatever a header holds, deidentify cleans it or refuses; it never leaks and never crashes."""

from __future__ import annotations

import io
import struct
from random import Random

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import config
from pydicom.data import get_testdata_file
from pydicom.datadict import DicomDictionary, dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import PersonName

from scrub_pixels.decisions.identity import harvest
from scrub_pixels.errors import HeaderNotClean, Refusal
from scrub_pixels.header import Option, Profile, ProjectKey, contains_identifier, deidentify
from scrub_pixels.header import scan as scan_module
from scrub_pixels.header.table import CODED

KEY = ProjectKey(b"h" * 32)
BASIC = Profile()
US = "1.2.840.10008.5.1.4.1.1.6.1"


def minimal(**values: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = US, "1.2.3.4.5"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.4.6", "1.2.3.4.7"
    dataset.PatientName, dataset.PatientID = "Quillfeather^Marjolaine", "PX-4471903"
    dataset.Modality, dataset.Manufacturer = "US", "ACME"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def cleaned(dataset: Dataset) -> Dataset:
    return deidentify(dataset, BASIC, KEY).dataset


def written(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def raw(tag: int, vr: str | None, value: bytes, implicit: bool = False) -> RawDataElement:
    return RawDataElement(Tag(tag), vr, len(value), value, 0, implicit, True)


# --- identifiers in what is kept -------------------------------------------------------------


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ManufacturerModelName", "scanner of Marjolaine"),
        ("SoftwareVersions", ["1.0", "QUILLFEATHER build"]),
        ("FilterType", "px-4471903"),
        ("ConvolutionKernel", "MARJOLAINE_K"),
        ("SequenceName", "quillféather"),
    ],
)
def test_identifiers_in_kept_text_are_taken_out(keyword, value):
    result = deidentify(minimal(**{keyword: value}), BASIC, KEY)
    assert keyword not in result.dataset
    assert any(keyword in warning for warning in result.warnings)
    assert "marjolaine" not in str(result.warnings).lower()


TAKEN_APART = [
    "xQuillfeather1", "QuillfeatherMarjolaine", "ct_MARJOLAINEQ_2", "Quill-feather",
    "Q u i l l f e a t h e r", "Quill\nfeather", "Quill\tfeather", "Quill\0feather",
    "Quill\u00adfeather", "Quill\u200bfeather",
    "Quillfeather's", "Quillf\u00e9athery", "PX4471903", "px 4471 903", "xPX4471903y", "no. 4471903",
    "17.4.1953", "4/17/1953", "17 Apr 1953", "17-APR-1953", "17apr1953",
]  # fmt: skip


@pytest.mark.parametrize("text", TAKEN_APART)
@pytest.mark.parametrize("keyword", ["ManufacturerModelName", "SeriesDescription"])
def test_identifiers_run_together_with_other_letters_or_taken_apart_go(keyword, text):
    research = Profile(options=frozenset({Option.CLEAN_DESCRIPTORS}))
    given = minimal(PatientBirthDate="19530417", **{keyword: f"Probe {text} C5"})
    out = deidentify(given, research, KEY).dataset
    assert text.strip("\n") not in str(out.get(keyword, ""))


def test_a_name_run_together_in_a_code_goes():
    out = cleaned(minimal(ScanOptions="XQUILLFEATHER"))
    assert "ScanOptions" not in out


@pytest.mark.parametrize(
    ("name", "text"),
    [("Stern", "STERNUM LAT"), ("Tanda", "T and A"), ("Cardia", "cardiac apex"), ("Abdom", "Abdomen 3D"),
     ("Angio", "ANGIOGRAPHY"), ("Thora", "Thorax pa"), ("Philip", "Philips iU22"), ("Sieme", "Siemens")],
)  # fmt: skip
def test_a_name_inside_a_term_erases_no_term(name, text):
    out = cleaned(minimal(PatientName=f"{name}^Bo", ManufacturerModelName=text))
    assert out.ManufacturerModelName == text


def test_a_number_inside_another_number_is_no_hit():
    out = cleaned(minimal(PatientID="447190", ManufacturerModelName="Epiq 1447190 5"))
    assert out.ManufacturerModelName == "Epiq 1447190 5"


def test_a_type_2_text_is_blanked_and_not_removed():
    out = cleaned(minimal(Manufacturer="Quillfeather and sons"))
    assert out["Manufacturer"].is_empty


def test_a_patient_named_ct_erases_no_modality_and_no_code():
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "SCT", "SCT", "Heart"
    out = cleaned(minimal(PatientName="Sct^Heart", Modality="SCT", AnatomicRegionSequence=[code]))
    assert out.Modality == "SCT" and out.AnatomicRegionSequence[0].CodeMeaning == "Heart"


def test_short_words_and_parts_of_words_are_no_hits():
    out = cleaned(minimal(PatientName="Li^Bo^Con", ManufacturerModelName="Bo Li CONVEX"))
    assert out.ManufacturerModelName == "Bo Li CONVEX"


def test_a_code_string_that_is_no_code_string_is_read_as_text():
    dataset = minimal()
    dataset.add(DataElement("ScanOptions", "CS", "quillfeather^m", already_converted=True))
    dataset.add(DataElement("BodyPartExamined", "CS", "4471903", already_converted=True))
    dataset.PatientID = "4471903"
    out = cleaned(dataset)
    assert "ScanOptions" not in out and "BodyPartExamined" not in out


def test_a_makers_name_is_kept_though_an_institution_bears_it():
    out = cleaned(minimal(Manufacturer="TOSHIBA_MEC", InstitutionName="TOSHIBA"))
    assert out.Manufacturer == "TOSHIBA_MEC"


@pytest.mark.parametrize("text", ["19530417", "1953-04-17", "17.04.1953", "04/17/1953"])
def test_dates_of_the_original_are_found_in_text(text):
    out = cleaned(minimal(PatientBirthDate="19530417", ManufacturerModelName=f"X {text}"))
    assert "ManufacturerModelName" not in out


def test_what_cannot_be_taken_out_is_refused(monkeypatch):
    monkeypatch.setattr(scan_module, "_replace", lambda dataset, place, scene: None)
    with pytest.raises(HeaderNotClean) as caught:
        cleaned(minimal(ManufacturerModelName="Marjolaine"))
    assert "ManufacturerModelName" in caught.value.tag and "marjolaine" not in str(caught.value).lower()


def test_binary_values_are_searched_too():
    dataset = minimal()
    dataset.add_new(0x00282000, "OB", b"profile of QUILLFEATHER")
    dataset.add_new(0x00283006, "OW", "Marjolaine".encode("utf-16-le"))
    out = cleaned(dataset)
    assert 0x00282000 not in out and 0x00283006 not in out


def test_names_of_files_are_judged():
    identity = harvest(minimal())
    assert contains_identifier("scan of quillfeather 3.dcm", identity)
    assert contains_identifier("PX-4471903_0001", identity) or contains_identifier(
        "PX-4471903 0001", identity
    )
    assert not contains_identifier("IM00001.dcm", identity)


def test_a_private_class_uid_may_not_spell_an_identifier():
    dataset = minimal(PatientID="4471903", RelatedGeneralSOPClassUID="1.3.12.4471903.1")
    assert "RelatedGeneralSOPClassUID" not in cleaned(dataset)
    dataset = minimal(SOPClassUID="1.3.12.2.1107.5.9.1")
    assert cleaned(dataset).SOPClassUID == "1.3.12.2.1107.5.9.1"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.Smith", "Quillfeather", "1.3.12.4471903"])
def test_a_transfer_syntax_that_is_none_is_refused(syntax):
    dataset = minimal()
    dataset.file_meta.TransferSyntaxUID = syntax
    with pytest.raises(Refusal) as caught:
        cleaned(dataset)
    assert syntax not in str(caught.value)


# --- attributes that the table does not list -------------------------------------------------


def test_unlisted_free_text_person_and_date_are_not_kept():
    out = cleaned(
        minimal(
            DocumentTitle="Report",
            TextValue="said",
            DetectorDescription="mine",
            EvaluatorName="A^B",
            PatientBirthDateInAlternativeCalendar="x",
            StudyUpdateDateTime="20200101",
        )
    )
    for keyword in (
        "DocumentTitle",
        "TextValue",
        "DetectorDescription",
        "EvaluatorName",
        "StudyUpdateDateTime",
        "PatientBirthDateInAlternativeCalendar",
    ):
        assert keyword not in out


def test_text_value_inside_a_kept_sequence_goes():
    item = Dataset()
    item.TextValue = item.UnformattedTextValue = "somebody else entirely"
    out = cleaned(minimal(ReferencedSeriesSequence=[item]))
    assert "somebody" not in str(out)


def test_unlisted_uids_follow_the_map_and_classes_do_not():
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = US, "1.2.3.4.5"
    item.MultiFrameSourceSOPInstanceUID = "1.2.3.4.5"
    out = cleaned(minimal(ReferencedSeriesSequence=[item], StudyUpdateDateTime=""))
    inner = out.ReferencedSeriesSequence[0]
    assert inner.ReferencedSOPInstanceUID == inner.MultiFrameSourceSOPInstanceUID == out.SOPInstanceUID
    assert inner.ReferencedSOPClassUID == US


def test_unknown_public_elements_group_lengths_and_masks_go():
    dataset = minimal()
    for tag, vr in (
        (0x00081FFF, "LO"),
        (0x00080000, "UL"),
        (0x60000010, "US"),
        (0x601E0022, "LO"),
        (0x50000020, "CS"),
        (0xFFFCFFFC, "OB"),
        (0x00091001, "LO"),
        (0x00110010, "LO"),
    ):
        dataset.add_new(tag, vr, {"UL": 4, "US": 4, "OB": b"ab"}.get(vr, "X"))
    out = cleaned(dataset)
    assert not [tag for tag in out.keys() if tag.is_private or tag.element == 0 or tag.group > 0x4FFF]


def test_pixels_of_icons_and_of_nested_items_go():
    icon = Dataset()
    icon.Rows = icon.Columns = 1
    icon.PixelData = b"\0\0"
    out = cleaned(minimal(IconImageSequence=[icon], ReferencedSeriesSequence=[icon], PixelData=b"\1\1"))
    assert "IconImageSequence" not in out and "PixelData" not in out.ReferencedSeriesSequence[0]
    assert out.PixelData == b"\1\1"


def test_signatures_and_original_attributes_go():
    item = Dataset()
    item.PatientName = "Quillfeather"
    out = cleaned(
        minimal(
            OriginalAttributesSequence=[item],
            DigitalSignaturesSequence=[item],
            MACParametersSequence=[item],
            EncryptedAttributesSequence=[item],
        )
    )
    assert not [e for e in out if e.VR == "SQ" and e.keyword != "DeidentificationMethodCodeSequence"]


# --- wrong VRs, absurd values ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00280010, "UT", b"Someone Else"),
        (0x00180050, "LO", b"Someone Else"),
        (0x00280010, "US", b"Someone Else "),
        (0x00280010, "OB", b"Someone Else"),
        (0x00180050, "DS", b"Someone Else"),
        (0x00200013, "IS", b"Someone Else"),
        (0x00080016, "UI", b"Someone Else"),
        (0x00080005, "CS", b"Someone Else"),
        (0x00281050, "DS", b"1\\Someone Else"),
    ],
)
def test_values_that_contradict_their_tag_are_not_kept(tag, vr, value):
    dataset = minimal()
    dataset[tag] = raw(tag, vr, value)
    assert b"Someone" not in written(cleaned(dataset))


def test_a_sequence_hidden_in_un_is_entered():
    inner = Dataset()
    inner.ReferencedSOPClassUID, inner.ReferencedSOPInstanceUID = US, "1.2.3.4.5"
    inner.TextValue = "somebody else"
    hidden = pydicom.filebase.DicomBytesIO()
    hidden.is_implicit_VR, hidden.is_little_endian = True, True
    pydicom.filewriter.write_sequence_item(hidden, inner, ["iso8859"])
    dataset = minimal()
    dataset[0x00081115] = raw(0x00081115, "UN", hidden.getvalue())
    out = cleaned(dataset)
    assert out.ReferencedSeriesSequence[0].ReferencedSOPInstanceUID == out.SOPInstanceUID
    assert b"somebody" not in written(out)


def test_a_sequence_that_cannot_be_parsed_is_removed():
    dataset = minimal()
    dataset[0x00081115] = raw(0x00081115, "UN", b"somebody else entirely")
    assert b"somebody" not in written(cleaned(dataset))


def test_undecodable_text_neither_crashes_nor_stays():
    dataset = minimal(SpecificCharacterSet="ISO 2022 IR 87")
    dataset[0x00100010] = raw(0x00100010, "PN", b"\x1b$B\xff\xfe\x80^X")
    dataset[0x00081090] = raw(0x00081090, "LO", b"\x1b$B\xff\xff model")
    out = written(cleaned(dataset))
    assert b"\xff\xfe\x80" not in out and pydicom.dcmread(io.BytesIO(out)).PatientName == KEY.pseudonym(
        "", "PX-4471903"
    )


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Grüßner^Jörg"),
        ("ISO_IR 144", "Люксембург^Роза"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小東="),
        ("GB18030", "Wang^XiaoDong=王^小东="),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        ("ISO_IR 166", "นามสกุล"),
        ("ISO_IR 126", "Διονυσιος"),
        ("ISO_IR 138", "שרון^דבורה"),
        ("ISO_IR 127", "قباني^لنزار"),
    ],
)
def test_names_of_every_script_are_found_and_every_output_decodes(charset, name):
    dataset = minimal(SpecificCharacterSet=charset, PatientName=name)
    dataset.ManufacturerModelName = "model " + str(name).replace("^", " ").replace("=", " ")[:50]
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = US, "1.2.3.4.5"
    dataset = pydicom.dcmread(io.BytesIO(written(dataset)))
    back = pydicom.dcmread(io.BytesIO(written(cleaned(dataset))))
    assert "ManufacturerModelName" not in back
    assert str(back.PatientName) == back.PatientID == KEY.pseudonym("", "PX-4471903")
    assert back.SpecificCharacterSet == dataset.SpecificCharacterSet


def test_absurd_depth_is_cleaned_or_refused():
    dataset = Dataset()
    dataset.TextValue = "somebody else"
    for _ in range(300):
        outer = Dataset()
        outer.ReferencedSeriesSequence = [dataset]
        dataset = outer
    whole = minimal()
    whole.ReferencedSeriesSequence = dataset.ReferencedSeriesSequence
    try:
        assert b"somebody" not in written(cleaned(whole))
    except Refusal:
        pass


TEXTS = ("ascii", "with\\backslash", "=^==", "", " ", "x" * 70000)
VRS = st.sampled_from(
    ["LO", "PN", "DA", "TM", "DT", "UI", "CS", "IS", "DS", "SQ", "UN", "OB", "US", "AS", "UT", "AT", "FD"]
)
TAGS = st.sampled_from(
    [
        0x00080005,
        0x00080016,
        0x00080018,
        0x00080020,
        0x00080023,
        0x00080060,
        0x00081115,
        0x00081140,
        0x00082112,
        0x00100010,
        0x00100020,
        0x00101010,
        0x00120064,
        0x00180050,
        0x0020000D,
        0x00200052,
        0x00280010,
        0x00280301,
        0x00400555,
        0x0040A730,
        0x52009229,
        0x60003000,
        0x7FE00010,
        0x00090010,
        0x00091001,
        0x00080001,
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(TAGS, VRS, st.binary(max_size=40)), max_size=8), st.booleans())
def test_random_bytes_under_random_vrs_end_in_a_result_or_a_refusal(elements, implicit):
    dataset = minimal()
    for tag, vr, value in elements:
        dataset._dict[Tag(tag)] = raw(tag, None if implicit else vr, value, implicit)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    dataset.set_original_encoding(implicit, True)
    try:
        result = deidentify(dataset, BASIC, KEY)
    except Refusal as refusal:
        assert str(refusal)
    else:
        assert result.pseudonym


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=120))
def test_random_bytes_in_the_middle_of_a_real_header(noise):
    content = bytearray(open(get_testdata_file("CT_small.dcm"), "rb").read())
    start = 400 + (sum(noise) * 37) % 3000
    content[start : start + len(noise)] = noise
    try:
        dataset = pydicom.dcmread(io.BytesIO(bytes(content)))
    except (
        pydicom.errors.InvalidDicomError,
        ValueError,
        KeyError,
        EOFError,
        NotImplementedError,
        struct.error,
        AttributeError,
        OSError,
        TypeError,
        RecursionError,
    ):
        return
    try:
        deidentify(dataset, BASIC, KEY)
    except Refusal:
        pass


@pytest.mark.parametrize(("keyword", "code"), [("SelectorSLValue", "i"), ("SelectorFLValue", "f"),
                                               ("SelectorFDValue", "d"), ("SelectorUSValue", "H")])
@pytest.mark.parametrize("order", "<>")
def test_a_name_spelt_in_numbers_goes(keyword, code, order):
    secret = b"  Quillfeathers "
    dataset, item = Dataset(), Dataset()
    dataset.SOPClassUID, dataset.PatientName = "1.2.840.10008.5.1.4.1.1.7", "Quillfeathers^Ada"
    numbers = list(struct.unpack(f"{order}{len(secret) // struct.calcsize(code)}{code}", secret))
    setattr(item, keyword, numbers)
    setattr(dataset, keyword, numbers)
    dataset.ReferencedImageSequence = [item]
    result = deidentify(dataset, BASIC, KEY).dataset
    assert all(element.value != numbers for element in result.iterall())


@pytest.mark.parametrize("order", "<>")
def test_a_name_spelt_in_tags_goes(order):
    words = struct.unpack(f"{order}8H", b"  Quillfeathers ")
    tags = [Tag(group, element) for group, element in zip(words[::2], words[1::2], strict=True)]
    dataset = minimal(PatientName="Quillfeathers^Ada")
    dataset.add_new(0x00720052, "AT", tags)
    assert 0x00720052 not in cleaned(dataset)


@pytest.mark.parametrize("value", ["PX 4471903", "QUILLFEATHER"])
def test_blanks_before_a_code_hide_nothing(value):
    dataset = minimal(PatientID="PX 4471903")
    dataset.add(DataElement("ScanOptions", "CS", "\0" * 30 + value, already_converted=True))
    assert "ScanOptions" not in cleaned(dataset)


def test_a_name_in_what_calls_itself_the_title_of_an_application_goes():
    kept, named = minimal(), minimal()
    for dataset, value in ((kept, "STORE_SCP"), (named, "QUILLFEATHER")):
        del dataset.Manufacturer
        dataset.add_new(0x00080070, "AE", value)
    assert cleaned(kept)[0x00080070].value == "STORE_SCP"
    assert b"QUILLFEATHER" not in written(cleaned(named))


# --- names planted everywhere ----------------------------------------------------------------

PLANTED = ("Quillfeather", "Marjolaine", "PX4471903Z")
PLACES = [t for t in DicomDictionary if t >> 16 > 8 and t >> 16 not in (0x0028, 0x7FE0, 0xFFFE, 0xFFFC)
          and " or " not in dictionary_VR(t)]  # fmt: skip
SPELT = ("{}", "x {} y", "{}^Foo", "foo\\{}", "{}=\u00e4", "  {}", "{}\0", "x{}1")
WRONG_VRS = ("LO", "SH", "UN", "OB", "LT", "UT", "PN", "ST", "UC", "UR", "AE", "CS")
NUMBERS = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "SV", "UV", "AT"})
OPTIONS = sorted(set(Option) - {Option.CLEAN_VISUAL_FEATURES, Option.RETAIN_FULL_DATES}, key=str)


def planted_value(vr: str, random: Random) -> str | bytes:
    secret = random.choice(PLANTED)
    if vr in ("OB", "OW", "OF", "OD", "OL", "OV", "UN"):
        ways = (secret.encode(), secret.encode("utf-16-le"), secret.encode("utf-16-be"), b"\0" * 100
                + secret.upper().encode())  # fmt: skip
        content = random.choice(ways)
        return content + b"\0" * (-len(content) % 8)
    return random.choice(SPELT).format(secret)


def planted(random: Random, count: int, depth: int = 0) -> Dataset:
    """Return a data set with names under random tags, in right and wrong VRs, nested and private."""
    dataset = Dataset()
    for tag in random.sample(PLACES, count):
        vr = dictionary_VR(tag)
        if vr == "SQ":
            if depth < 3:
                dataset.add_new(tag, "SQ", [planted(random, 6, depth + 1)])
            continue
        vr = random.choice(WRONG_VRS) if random.random() < 0.25 else vr
        if vr not in NUMBERS:
            put(dataset, tag, vr, planted_value(vr, random))
    group = random.choice((0x0009, 0x0019, 0x0043, 0x2001))
    put(dataset, group << 16 | 0x10, "LO", random.choice(("ACME", "GEMS_PARM_01", PLANTED[0])))
    for element in random.sample(range(256), 8):
        vr = random.choice(("LO", "SH", "UN", "OB", "PN", "CS", "UI", "DS", "DA"))
        put(dataset, group << 16 | 0x1000 | element, vr, planted_value(vr, random))
    return dataset


def put(dataset: Dataset, tag: int, vr: str, value: str | bytes) -> None:
    given = PersonName(str(value).replace("\\", "")) if vr == "PN" else value
    element = DataElement(tag, "OB" if vr == "UN" else vr, given, already_converted=True)
    element.VR = vr  # pydicom would give a known tag its own VR instead of UN
    dataset.add(element)


def without_codes(content: bytes) -> bytes:
    """Return the bytes of a file without values of coded entries, which come from dictionaries."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    levels = [dataset]
    while levels:
        level = levels.pop()
        for tag in list(level.keys()):
            element = level.get_item(tag) if tag not in CODED else None
            if element is None:
                del level[tag]
            elif dictionary_has_tag(tag) and dictionary_VR(tag) == "SQ" or element.VR == "SQ":
                levels += list(level[tag].value or ())
    return written(dataset)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_names_planted_everywhere_are_gone_from_the_bytes_of_the_file(seed, syntax, monkeypatch):
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
    random = Random(f"{seed} {syntax}")
    given = planted(random, 60)
    for element in minimal(PatientName="Quillfeather^Marjolaine", PatientID="PX4471903Z"):
        given.add(element)
    given.SpecificCharacterSet = random.choice(("ISO_IR 100", "ISO_IR 192", "GB18030", "ISO_IR 144"))
    given.SOPClassUID = random.choice((US, "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.22"))
    given.file_meta = FileMetaDataset()
    given.file_meta.TransferSyntaxUID = syntax
    source = written(given)
    for chosen in (frozenset(), frozenset(OPTIONS), frozenset(random.sample(OPTIONS, 3))):
        result = deidentify(pydicom.dcmread(io.BytesIO(source)), Profile(options=chosen), KEY).dataset
        left = without_codes(written(result)).lower()
        for secret in PLANTED:
            spellings = [secret.lower().encode(code) for code in ("ascii", "utf-16-le", "utf-16-be")]
            assert not any(spelling in left for spelling in spellings)

"""Identifiers in every character set of PS3.3 C.12.1.1.2: none survives, and every output decodes."""

from __future__ import annotations

import contextlib
import io

import pydicom
import pytest
from pydicom.charset import python_encoding
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from scrub_pixels.header import PROFILES, ProjectKey, deidentify

KEY = ProjectKey(b"c" * 32)
US = "1.2.840.10008.5.1.4.1.1.6.1"

NAMES = {
    "ISO_IR 6": "Quillfeather^Marjolaine",
    "ISO_IR 13": "ﾔﾏﾀﾞ^ﾀﾛｳ",
    "ISO 2022 IR 13": "ﾔﾏﾀﾞ^ﾀﾛｳ",
    "ISO_IR 100": "Grüßner^Jörg",
    "ISO_IR 101": "Wałęsa^Świętosława",
    "ISO_IR 109": "Ħamrun^Ġuża",
    "ISO_IR 110": "Bērziņš^Jānis",
    "ISO_IR 126": "Διονυσιος^Αλκη",
    "ISO_IR 127": "قباني^لنزار",
    "ISO_IR 138": "שרון^דבורה",
    "ISO_IR 144": "Люксембург^Роза",
    "ISO_IR 148": "Çavuşoğlu^Iğdır",
    "ISO_IR 166": "นามสกุล^สมชาย",
    "ISO_IR 192": "Wang^XiaoDong=王^小東=ぱく^うぉん",
    "ISO_IR 203": "Œuvrard^Žofia",
    "GB18030": "Wang^XiaoDong=王^小东=",
    "GBK": "Wang^XiaoDong=王^小东=",
    ("", "ISO 2022 IR 87"): "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ("ISO 2022 IR 13", "ISO 2022 IR 87"): "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ("", "ISO 2022 IR 149"): "Hong^Gildong=洪^吉洞=홍^길동",
    ("", "ISO 2022 IR 100", "ISO 2022 IR 144"): "Buc^Jérôme=Люкс^Роза",
}
"""Character set -> a name that it can spell."""

UNWRITABLE = {
    "ISO_IR 203": ("ISO_IR 100", "iso8859_15"),
    "ISO_IR 13": ("ISO_IR 100", "shift_jis"),
    "ISO 2022 IR 13": ("ISO 2022 IR 100", "shift_jis"),
}
"""Character sets that pydicom cannot write or does not know: planted as the Latin-1 text of the same
bytes under another term, which is then overwritten."""


def planted(charset: object, name: str, syntax: str) -> bytes:
    """Return a file that spells the name wherever text can stand."""
    if charset in UNWRITABLE:
        other, codec = UNWRITABLE[charset]
        content = written(made(other, name.encode(codec).decode("latin-1"), syntax))
        width = len(other) + len(other) % 2
        return content.replace(other.ljust(width).encode(), str(charset).ljust(width).encode())
    return written(made(charset, name, syntax))


def made(charset: object, name: str, syntax: str) -> Dataset:
    words = name.replace("^", " ").replace("=", " ")
    dataset, item = Dataset(), Dataset()
    dataset.SpecificCharacterSet = list(charset) if isinstance(charset, tuple) else charset
    dataset.SOPClassUID, dataset.SOPInstanceUID = US, "1.2.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2.4", "1.2.5", "US"
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = name, "PX-4471903", "20200301"
    dataset.ManufacturerModelName, dataset.StudyDescription = words, f"Liver {words}"
    dataset.PatientComments, dataset.SeriesDescription = words, words
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "T-1", "99X", "Liver"
    item.PersonName, item.TextValue, item.LongCodeValue = name, words, "T"
    dataset.AnatomicRegionSequence = [item]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = US, "1.2.3"
    return dataset


def written(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def read(content: bytes) -> Dataset:
    dataset = pydicom.dcmread(io.BytesIO(content))
    dataset.decode()
    return dataset


def parts(name: str) -> list[str]:
    """Return the words of a name that are long enough to be looked for; ideograms are from two on."""
    words = name.replace("=", "^").split("^")
    return [word for word in words if len(word) >= (2 if word and word[0] >= "\u2e80" else 3)]


def texts(dataset: Dataset) -> str:
    return "\n".join(str(element.value) for element in dataset.iterall() if element.VR != "SQ")


@pytest.mark.parametrize("profile", ["basic", "research", "midi"])
@pytest.mark.parametrize("charset", NAMES, ids=str)
def test_no_name_survives_and_every_output_decodes(charset, profile, recwarn):
    name = NAMES[charset]
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        dataset = read(planted(charset, name, syntax))
        if charset != "ISO_IR 203":  # pydicom reads it as Latin-1
            assert str(dataset.PatientName).rstrip("=") == name.rstrip("="), "the test plants what it means"
        content = written(deidentify(dataset, PROFILES[profile], KEY).dataset)
        recwarn.clear()
        back = read(content)
        assert not [w for w in recwarn if "decode" in str(w.message).lower()], "the output decodes"
        assert back.SpecificCharacterSet == dataset.SpecificCharacterSet
        assert not [part for part in parts(name) if part in texts(back)]
        assert not [spelt for spelt in spellings(charset, name) if spelt in content]


@pytest.mark.parametrize("charset", ["ISO_IR 101", "ISO_IR 148", "ISO_IR 203", "ISO 2022 IR 13"])
def test_clinical_words_in_every_character_set_stay(charset):
    dataset = read(planted(charset, NAMES[charset], ExplicitVRLittleEndian))
    out = deidentify(dataset, PROFILES["research"], KEY).dataset
    assert out.StudyDescription == "Liver" and out.AnatomicRegionSequence[0].CodeMeaning == "Liver"


def test_katakana_beside_latin_letters_is_kept_in_utf_8():
    """pydicom reads such ISO_IR 13 and cannot write it: what would become question marks becomes UTF-8."""
    dataset = read(planted("ISO_IR 100", "Quill^Feather", ExplicitVRLittleEndian))
    dataset.Manufacturer = "MAKER"
    dataset.AnatomicRegionSequence[0].CodeMeaning = "NESTED"
    content = written(dataset).replace(b"ISO_IR 100", b"ISO_IR 13 ")
    content = content.replace(b"MAKER ", "ｼﾏ Co".encode("shift_jis").ljust(6))
    content = content.replace(b"NESTED", "ﾄｳ 1  ".encode("shift_jis"))
    result = deidentify(read(content), PROFILES["midi"], KEY)
    back = read(written(result.dataset))
    assert back.Manufacturer == "ｼﾏ Co" and back.AnatomicRegionSequence[0].CodeMeaning == "ﾄｳ 1"
    assert back.SpecificCharacterSet == "ISO_IR 192"
    assert any("UTF-8" in warning for warning in result.warnings)


def spellings(charset: object, name: str) -> set[bytes]:
    """Return the words of the name in bytes, in every encoding of the character set that can spell them."""
    terms = charset if isinstance(charset, tuple) else (str(charset),)
    codecs = {UNWRITABLE[t][1] if t in UNWRITABLE else python_encoding.get(t, "ascii") for t in terms}
    found = set()
    for codec in codecs:
        for part in parts(name):
            with contextlib.suppress(UnicodeEncodeError):
                found.add(part.encode(codec))
    return found


@pytest.mark.parametrize("charset", ["ISO_IR 203", "ISO 2022 IR 13", "ISO_IR 148", "ISO_IR 101", "GB18030"])
def test_the_test_knows_how_names_are_spelt_in_a_file(charset):
    spelt = spellings(charset, NAMES[charset])
    assert spelt and all(word in planted(charset, NAMES[charset], ExplicitVRLittleEndian) for word in spelt)

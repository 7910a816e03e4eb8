"""Every kind of input gets its account: the right refusal, a reason, and no value quoted."""

from __future__ import annotations

import os
import pickle
import random
from io import BytesIO
from pathlib import Path

import pytest
from instances import Recipe, make_instance, saved, saved_headerless
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from scrub_pixels.errors import (
    CorruptInstance,
    NotDicom,
    Refusal,
    TooLarge,
    UnreadableFile,
    UnsupportedInstance,
)
from scrub_pixels.frames import Limits, is_dicomdir, open_instance
from scrub_pixels.frames.syntaxes import BIG_ENDIAN, EXPLICIT_LITTLE, IMPLICIT_LITTLE, RLE_LOSSLESS

SENTINEL = "SENTINEL"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"


@pytest.fixture
def file() -> bytes:
    return saved(make_instance())


def refused(source: object, kind: type[Refusal]) -> Refusal:
    with pytest.raises(kind) as caught:
        open_instance(source)  # type: ignore[arg-type]
    error = caught.value
    assert type(error) is kind
    assert error.stage in ("open", "decode")
    assert SENTINEL.lower() not in f"{error!r} {error}".lower()
    assert error.__cause__ is None
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return error


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, BytesIO])
def test_bytes_and_streams_are_read(file: bytes, wrap: type) -> None:
    assert open_instance(wrap(file)).frames == 1


def test_paths_are_read(file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "no-suffix"
    path.write_bytes(file)
    assert open_instance(path).frames == open_instance(str(path)).frames == 1


def test_data_sets_are_read_and_left_alone() -> None:
    dataset = make_instance()
    before = saved(dataset)
    instance = open_instance(dataset)
    instance.stored(0)
    assert instance.dataset is dataset
    assert saved(dataset) == before


@pytest.mark.parametrize("syntax", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, BIG_ENDIAN])
def test_files_without_header_are_read_if_they_are_dicom(syntax: str) -> None:
    data = saved_headerless(make_instance(Recipe(bits_allocated=16, syntax=syntax)), syntax)
    instance = open_instance(data)
    assert instance.transfer_syntax.uid == syntax
    expected = open_instance(make_instance(Recipe(bits_allocated=16, syntax=syntax)))
    assert (instance.stored(0) == expected.stored(0)).all()


def test_a_missing_transfer_syntax_is_inferred() -> None:
    dataset = make_instance()
    data = saved(dataset)
    declared = dataset.file_meta["TransferSyntaxUID"]
    without = data.replace(b"\x02\x00\x10\x00UI\x14\x00" + declared.value.encode() + b"\0", b"")
    assert len(without) < len(data)
    assert open_instance(without).transfer_syntax.uid == EXPLICIT_LITTLE


def test_encapsulated_pixels_without_transfer_syntax_are_refused() -> None:
    dataset = make_instance(Recipe(syntax=RLE_LOSSLESS))
    data = saved(dataset).replace(b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.5\0", b"")
    assert "(0002,0010)" in refused(data, CorruptInstance).tag


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SENTINEL^PATIENT is no DICOM\n" * 40,
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
        b"%PDF-1.4 " + b"x" * 500,
        b"\x08\x00",
        b"\x08\x00\x05\x00" + b"\0" * 300,
        bytes(400),
        random.Random(1).randbytes(2000),
    ],
)
def test_what_is_not_dicom_is_told_apart(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / SENTINEL
    path.write_bytes(data)
    refused(data, NotDicom)
    refused(path, NotDicom)


def test_files_that_cannot_be_opened_are_unreadable(tmp_path: Path) -> None:
    refused(tmp_path / SENTINEL, UnreadableFile)
    refused(tmp_path, UnreadableFile)
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", UnreadableFile)


def test_a_file_without_permission_is_unreadable(
    file: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "denied", SENTINEL)

    path = tmp_path / SENTINEL
    path.write_bytes(file)
    monkeypatch.setattr(Path, "open", deny)
    assert "permission" in refused(path, UnreadableFile).message.lower()


def test_a_prefix_without_data_set_is_unreadable(file: bytes) -> None:
    refused(b"\0" * 128 + b"DICM", UnreadableFile)


def test_no_truncation_is_opened_as_if_it_were_whole() -> None:
    dataset = make_instance(Recipe(syntax=RLE_LOSSLESS))
    dataset.ReferencedStudySequence = Sequence([make_instance()])
    dataset["ReferencedStudySequence"].is_undefined_length = True
    whole = saved(dataset)
    for length in range(132, len(whole) - 8, 7):
        with pytest.raises(Refusal):
            open_instance(whole[:length]).stored(0)


@pytest.mark.parametrize("undefined", [False, True])
def test_a_file_cut_inside_its_last_element_is_unreadable(undefined: bool) -> None:
    dataset = make_instance()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = ENCAPSULATED_PDF
    for keyword in list(dataset.dir("Pixel", "Bits", "Samples", "Photometric", "High", "Rows", "Columns")):
        delattr(dataset, keyword)
    if undefined:
        dataset.ReferencedStudySequence = Sequence([make_instance()])
        dataset["ReferencedStudySequence"].is_undefined_length = True
        del dataset.PatientID, dataset.PatientName, dataset.StudyInstanceUID, dataset.SeriesInstanceUID
    whole = saved(dataset)
    assert open_instance(whole).pixels is None
    for missing in (3, 8):  # 8: exactly the delimiter of the undefined length
        refused(whole[:-missing], UnreadableFile)


def test_a_large_file_is_refused_unread(file: bytes) -> None:
    with pytest.raises(TooLarge):
        open_instance(file, Limits(max_file_bytes=len(file) - 1))


@pytest.mark.parametrize(
    ("attributes", "kind", "tag"),
    [
        ({"Rows": None}, CorruptInstance, "Rows"),
        ({"Rows": 0}, CorruptInstance, "Rows"),
        ({"Columns": None}, CorruptInstance, "Columns"),
        ({"Rows": 37}, CorruptInstance, "PixelData"),
        ({"NumberOfFrames": 0}, CorruptInstance, "NumberOfFrames"),
        ({"NumberOfFrames": -1}, CorruptInstance, "NumberOfFrames"),
        ({"NumberOfFrames": 2}, CorruptInstance, "PixelData"),
        ({"Rows": 60000, "Columns": 60000}, TooLarge, "Rows"),
        ({"NumberOfFrames": 2**31 - 1}, TooLarge, "NumberOfFrames"),
        ({"SamplesPerPixel": None}, CorruptInstance, "SamplesPerPixel"),
        ({"SamplesPerPixel": [1, 0]}, CorruptInstance, "SamplesPerPixel"),
        ({"SamplesPerPixel": 3}, CorruptInstance, "PlanarConfiguration"),
        ({"SamplesPerPixel": 4, "PlanarConfiguration": 0}, UnsupportedInstance, "SamplesPerPixel"),
        ({"SamplesPerPixel": 3, "PlanarConfiguration": 0}, CorruptInstance, "SamplesPerPixel"),
        ({"PhotometricInterpretation": None}, CorruptInstance, "PhotometricInterpretation"),
        ({"PhotometricInterpretation": "ARGB"}, UnsupportedInstance, "PhotometricInterpretation"),
        ({"BitsAllocated": 12, "BitsStored": 12}, UnsupportedInstance, "BitsAllocated"),
        ({"BitsAllocated": None}, CorruptInstance, "BitsAllocated"),
        ({"BitsStored": 9}, CorruptInstance, "BitsStored"),
        ({"HighBit": 8}, CorruptInstance, "HighBit"),
        ({"BitsStored": 8, "HighBit": 3}, CorruptInstance, "HighBit"),
        ({"PixelRepresentation": None}, CorruptInstance, "PixelRepresentation"),
        ({"FloatPixelData": b"\0" * 8}, CorruptInstance, "FloatPixelData"),
        ({"PixelData": None}, CorruptInstance, "PixelData"),
    ],
)
def test_contradictions_are_refused_with_their_attribute(
    attributes: dict, kind: type[Refusal], tag: str
) -> None:
    dataset = make_instance(**attributes)
    assert tag in refused(dataset, kind).tag


def test_subsampled_native_data_need_even_columns() -> None:
    recipe = Recipe(2, 5, 1, "YBR_FULL_422")
    assert "Columns" in refused(make_instance(recipe, pixel_data=bytes(20)), CorruptInstance).tag


def test_unknown_and_unhandled_transfer_syntaxes_are_refused() -> None:
    dataset = make_instance()
    dataset.file_meta.TransferSyntaxUID = "1.2.3.4.5"
    refused(dataset, UnsupportedInstance)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.106"
    assert "second view" in refused(dataset, UnsupportedInstance).message


def test_native_and_encapsulated_cannot_be_mistaken() -> None:
    dataset = make_instance(Recipe(syntax=RLE_LOSSLESS))
    dataset.file_meta.TransferSyntaxUID = EXPLICIT_LITTLE
    refused(dataset, CorruptInstance)
    dataset = make_instance()
    dataset.file_meta.TransferSyntaxUID = RLE_LOSSLESS
    refused(dataset, CorruptInstance)


def test_an_instance_without_pixels_is_opened() -> None:
    dataset = make_instance()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = ENCAPSULATED_PDF
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated"):
        delattr(dataset, keyword)
    instance = open_instance(saved(dataset))
    assert instance.pixels is None
    assert instance.frames == 0
    assert instance.surplus is None
    assert not instance.unused_bits
    with pytest.raises(IndexError):
        instance.stored(0)


def test_a_value_that_cannot_be_read_is_met_at_the_door(file: bytes) -> None:
    data = file.replace(b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00ZZ")
    assert "(0010,0020) PatientID" in refused(data, UnreadableFile).tag


def test_directories_are_recognised() -> None:
    directory = Dataset()
    directory.DirectoryRecordSequence = Sequence()
    assert is_dicomdir(directory)
    assert not is_dicomdir(make_instance())
    other = make_instance()
    other.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    assert is_dicomdir(other)


def test_parsing_neither_warns_nor_logs(
    caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    dataset = make_instance()
    dataset.SOPInstanceUID = generate_uid()
    wrong = b"SENTINEL".ljust(len(dataset.SOPInstanceUID), b"9")
    data = saved(dataset).replace(dataset.SOPInstanceUID.encode(), wrong)
    open_instance(data)
    assert not recwarn.list
    assert SENTINEL not in caplog.text


def test_an_unknown_last_element_neither_warns_nor_crashes(
    file: bytes, recwarn: pytest.WarningsRecorder
) -> None:
    open_instance(file + b"\xfe\xff\xee\xeeUN\0\0\0\0\0\0")
    assert not recwarn.list


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE, RLE_LOSSLESS])
def test_damaged_files_are_refused_or_read_but_never_crash(syntax: str) -> None:
    whole, chance = saved(make_instance(Recipe(frames=2, syntax=syntax))), random.Random(syntax)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            instance = open_instance(bytes(data))
            for frame in range(min(3, instance.frames)):
                instance.views(frame)
        except Refusal as error:
            assert error.message

"""However frames are laid out in Pixel Data: found, masked, proven, and written in plain order."""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest
from instances import Recipe, encode, jpeg, make_frames, make_instance, saved
from pydicom import Dataset
from pydicom.encaps import generate_frames, parse_basic_offsets
from pydicom.sequence import Sequence

from scrub_pixels import Policy, Scrubber
from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import CorruptInstance
from scrub_pixels.frames import Instance, encode_frame, open_instance
from scrub_pixels.frames.syntaxes import (
    EXPLICIT_LITTLE,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LS_LOSSLESS,
    RLE_LOSSLESS,
)
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.header import ProjectKey
from scrub_pixels.masks import PixelEvidence, mask, prove, with_pixels

KEY = b"k" * 32
FRAMES = 3
REGION = Region(8, 8, 8, 16)
SECOND = [Redaction(REGION, FrameSpan(1, 2), "test")]
SHAPE = Recipe(32, 40, FRAMES)


def item(data: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data


def pieces(frame: bytes, count: int) -> list[bytes]:
    """Cut a frame into fragments of even length."""
    frame += b"\0" * (len(frame) % 2)
    size = -(-len(frame) // count)
    size += size % 2
    return [frame[n : n + size] for n in range(0, len(frame), size)]


def coded(syntax: str) -> list[bytes]:
    if syntax == JPEG_BASELINE:
        return [jpeg(frame) for frame in make_frames(SHAPE)]
    return [encode_frame(frame, SHAPE.description, syntax) for frame in make_frames(SHAPE)]


def laid_out(frames: list[bytes], count: int, table: str) -> bytes:
    """Return Pixel Data with `count` fragments a frame behind a table of offsets that is right or not."""
    cut = [pieces(frame, count) for frame in frames]
    lengths = [sum(len(part) + 8 for part in parts) for parts in cut]
    starts = [0, *accumulate(lengths)][:-1]
    offsets = {
        "none": [],
        "right": starts,
        "one short": starts[:-1],
        "beside": [start + 6 for start in starts],
        "beyond": [start + 10**6 for start in starts],
        "from the value": [start + 8 + 4 * len(starts) for start in starts],
        "all zero": [0] * len(starts),
        "backwards": starts[::-1],
    }[table]
    head = item(struct.pack(f"<{len(offsets)}I", *offsets))
    return head + b"".join(item(part) for parts in cut for part in parts)


def redacted(dataset: Dataset) -> tuple[Instance, Instance, PixelEvidence]:
    original = open_instance(saved(dataset))
    masked = mask(original, SECOND)
    candidate = open_instance(saved(with_pixels(original.dataset, masked)))
    return original, candidate, prove(original, candidate, masked, KEY)


def check_second_is_black_and_others_are_kept(original: Instance, candidate: Instance) -> None:
    assert not candidate.stored(1)[REGION.slices].any()
    assert np.array_equal(candidate.stored(1)[20:], original.stored(1)[20:])
    for frame in (0, 2):
        assert np.array_equal(candidate.stored(frame), original.stored(frame))


# an RLE frame is one fragment (PS3.5 A.4.2); codestreams tell where they begin
TABLES = ("none", "right", "one short", "beside", "beyond", "from the value", "all zero", "backwards")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    ("syntax", "count"),
    [(JPEG_BASELINE, 4), (JPEG_LS_LOSSLESS, 1), (JPEG_2000_LOSSLESS, 3), (RLE_LOSSLESS, 1)],
)
def test_whatever_the_table_says_the_right_frame_is_masked(syntax: str, count: int, table: str) -> None:
    frames = coded(syntax)
    value = laid_out(frames, count, table)
    original, candidate, _ = redacted(make_instance(replace(SHAPE, syntax=syntax), pixel_data=value))
    check_second_is_black_and_others_are_kept(original, candidate)
    written = candidate.dataset.PixelData
    found = list(generate_frames(written, number_of_frames=FRAMES))
    assert [found[n].rstrip(b"\0") for n in (0, 2)] == [frames[n].rstrip(b"\0") for n in (0, 2)]
    starts = parse_basic_offsets(written)
    assert len(starts) == FRAMES and starts[1] == len(found[0]) + 8


@pytest.mark.parametrize("right", [True, False])
def test_an_extended_offset_table_is_followed_if_it_is_right_and_does_not_stay(right: bool) -> None:
    frames = coded(JPEG_BASELINE)
    dataset = make_instance(replace(SHAPE, syntax=JPEG_BASELINE), pixel_data=laid_out(frames, 1, "none"))
    lengths = [len(frame) + len(frame) % 2 for frame in frames]
    starts = [start + 8 * n for n, start in enumerate([0, *accumulate(lengths)][:-1])]
    dataset.ExtendedOffsetTable = struct.pack("<3Q", *(start + 2 * (not right) for start in starts))
    dataset.ExtendedOffsetTableLengths = struct.pack("<3Q", *lengths)
    original, candidate, _ = redacted(dataset)
    assert [original.encoded(n).rstrip(b"\0") for n in range(FRAMES)] == [f.rstrip(b"\0") for f in frames]
    check_second_is_black_and_others_are_kept(original, candidate)
    assert "ExtendedOffsetTable" not in candidate.dataset
    assert "ExtendedOffsetTableLengths" not in candidate.dataset


@pytest.mark.parametrize(
    "garbage", [b"DOE^JANE", b"\0\0\0\0", b"\xfe\xff\x00\xe0\xff\xff", b"\xff\xd8\xff\xda!!"]
)
@pytest.mark.parametrize("redactions", [[], SECOND], ids=["kept", "masked"])
def test_garbage_behind_the_fragments_does_not_come_along(
    garbage: bytes, redactions: list[Redaction]
) -> None:
    value = laid_out(coded(JPEG_LS_LOSSLESS), 1, "right") + garbage
    original = open_instance(make_instance(replace(SHAPE, syntax=JPEG_LS_LOSSLESS), pixel_data=value))
    masked = mask(original, redactions)
    candidate = open_instance(saved(with_pixels(original.dataset, masked)))
    prove(original, candidate, masked, KEY)
    assert not garbage.strip(b"\0") or garbage not in masked.value
    assert candidate.surplus is None
    assert candidate.encoded(2) == original.encoded(2)


@pytest.mark.parametrize("behind", [b"DOE^JANE", b"\xff\xd8\xff\xe0picture."])
def test_garbage_behind_the_end_of_a_codestream_does_not_come_along(behind: bytes) -> None:
    frames = coded(JPEG_BASELINE)
    grown = [frames[0] + behind, frames[1] + behind, frames[2]]
    value = laid_out(grown, 1, "right")
    original, candidate, _ = redacted(make_instance(replace(SHAPE, syntax=JPEG_BASELINE), pixel_data=value))
    assert original.surplus
    assert behind not in candidate.dataset.PixelData
    check_second_is_black_and_others_are_kept(original, candidate)


@pytest.mark.parametrize("extra", [1, 2, 7])
def test_native_frames_of_odd_size_are_masked_and_padded_once(extra: int) -> None:
    recipe = Recipe(31, 41, FRAMES)
    value = encode(make_frames(recipe), recipe) + b"\0" * extra
    original, candidate, _ = redacted(make_instance(recipe, pixel_data=value))
    assert len(candidate.dataset.PixelData) == 31 * 41 * FRAMES + 1
    check_second_is_black_and_others_are_kept(original, candidate)


def test_a_table_that_claims_two_codestreams_for_one_frame_hides_none() -> None:
    frames = coded(JPEG_BASELINE)
    value = item(struct.pack("<2I", 0, len(pieces(frames[0], 1)[0]) + 8))
    value += b"".join(item(pieces(frame, 1)[0]) for frame in frames)
    recipe = replace(SHAPE, frames=2, syntax=JPEG_BASELINE)
    original, candidate, _ = redacted(make_instance(recipe, pixel_data=value))
    assert original.surplus == "1 undeclared frame"
    assert frames[2][20:60] not in candidate.dataset.PixelData[len(frames[0]) + len(frames[1]) :]
    assert candidate.surplus is None and candidate.frames == 2


def test_a_file_that_breaks_off_inside_a_fragment_is_refused() -> None:
    value = laid_out(coded(JPEG_BASELINE), 2, "none")[:-30]
    original = open_instance(make_instance(replace(SHAPE, syntax=JPEG_BASELINE), pixel_data=value))
    with pytest.raises(CorruptInstance, match="breaks off"):
        mask(original, [Redaction(REGION, FrameSpan(0, FRAMES), "test")])


def segmented(dataset: Dataset) -> Dataset:
    """Return the data set with its palette in segments: a line from black to white, an entry, a line."""
    for number, colour in enumerate(("Red", "Green", "Blue")):
        keyword = f"{colour}PaletteColorLookupTableData"
        delattr(dataset, keyword)
        segments = [0, 1, 0, 1, 127, 0xFF00, 0, 1, (7 * number) << 8, 1, 127, 0x8000 + number]
        setattr(dataset, f"Segmented{keyword}", struct.pack(f"<{len(segments)}H", *segments))
    return dataset


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, RLE_LOSSLESS, JPEG_LS_LOSSLESS])
def test_segmented_palettes_stay_and_their_darkest_entry_is_painted(syntax: str) -> None:
    recipe = replace(SHAPE, photometric="PALETTE COLOR", syntax=syntax)
    frames = [frame | 1 for frame in make_frames(recipe)]  # entry 0 is black; nothing else is it
    dataset = segmented(make_instance(recipe, frames))
    original, candidate, _ = redacted(dataset)
    assert not candidate.views(1)[0].image[REGION.slices].any()
    assert original.views(1)[0].image[REGION.slices].any()
    check_second_is_black_and_others_are_kept(original, candidate)
    for colour in ("Red", "Green", "Blue"):
        keyword = f"Segmented{colour}PaletteColorLookupTableData"
        assert candidate.dataset[keyword].value == original.dataset[keyword].value


def groups(count: int) -> Sequence:
    """Return per-frame functional groups that number their frames."""
    found = []
    for number in range(1, count + 1):
        content, group = Dataset(), Dataset()
        content.FrameAcquisitionNumber, content.InStackPositionNumber = 1, number
        group.FrameContentSequence = Sequence([content])
        found.append(group)
    return Sequence(found)


def test_one_instance_of_a_concatenation_is_masked_by_its_own_frames() -> None:
    """Frames count from the first of this Instance, not of the concatenation (PS3.3 C.7.6.16.2.2.4)."""
    recipe = replace(SHAPE, syntax=RLE_LOSSLESS)
    part = make_instance(
        recipe, SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2", ConcatenationUID="1.2.3.4.5",
        SOPInstanceUIDOfConcatenationSource="1.2.3.4.6", InConcatenationNumber=2,
        InConcatenationTotalNumber=2, ConcatenationFrameOffsetNumber=40,
        PerFrameFunctionalGroupsSequence=groups(FRAMES),
    )  # fmt: skip
    original, candidate, evidence = redacted(part)
    check_second_is_black_and_others_are_kept(original, candidate)
    assert evidence.frames == FRAMES and evidence.redactions[0].frame == 1
    assert candidate.dataset.ConcatenationFrameOffsetNumber == 40
    assert candidate.dataset.PerFrameFunctionalGroupsSequence == part.PerFrameFunctionalGroupsSequence


def parametric() -> Dataset:
    """Return a Parametric Map of 32-bit floats, two frames, one with a hole in it."""
    dataset = make_instance(
        Recipe(16, 16, 2), pixel_data=b"", SOPClassUID="1.2.840.10008.5.1.4.1.1.30",
        PerFrameFunctionalGroupsSequence=groups(2),
    )  # fmt: skip
    values = np.linspace(0, 1, 512, dtype="<f4")
    values[40] = np.nan
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.BitsAllocated, dataset.FloatPixelData = 32, values.tobytes()
    return dataset


def rectangle(bits: int, signed: bool = False) -> list[np.ndarray]:
    """Return two frames of nothing with a filled rectangle."""
    frames = np.zeros((2, 24, 24), np.uint8 if bits <= 8 else np.uint32)
    frames[:, 6:18, 4:20] = 1
    return list(frames)


def passing() -> dict[str, Dataset]:
    """Return one Instance of each kind whose frames are numbers about a picture, not a picture."""
    segment = Recipe(24, 24, 2, bits_allocated=1)
    dose = Recipe(24, 24, 2, bits_allocated=32)
    return {
        "SEG": make_instance(
            segment, rectangle(1), SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG",
            SegmentationType="BINARY", PerFrameFunctionalGroupsSequence=groups(2),
        ),
        "label map": make_instance(
            replace(segment, bits_allocated=8, syntax=RLE_LOSSLESS), rectangle(8), Modality="SEG",
            SOPClassUID="1.2.840.10008.5.1.4.1.1.66.7", SegmentationType="LABELMAP",
        ),
        "RT Dose": make_instance(
            dose, rectangle(32), SOPClassUID="1.2.840.10008.5.1.4.1.1.481.2", Modality="RTDOSE",
            DoseGridScaling="0.001", DoseUnits="GY", GridFrameOffsetVector=[0, 3],
        ),
        "parametric map": parametric(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    return Scrubber(Policy(), ProjectKey.from_bytes(bytes(range(32))))


@pytest.mark.parametrize("kind", passing())
def test_maps_doses_and_segmentations_pass_with_evidence(scrubber: Scrubber, kind: str) -> None:
    dataset = passing()[kind]
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    outcome = scrubber.scrub(saved(dataset))
    evidence, keyword = outcome.evidence, "FloatPixelData" if "FloatPixelData" in dataset else "PixelData"
    assert evidence.frames == evidence.frames_searched == evidence.frames_compared == 2
    assert evidence.pixel_data_identical and evidence.frames_masked == 0
    assert evidence.digest_in == evidence.digest_out != ""
    assert outcome.dataset[keyword].value == open_instance(saved(dataset)).dataset[keyword].value
    assert "Sentinel" not in str(outcome.dataset)


def structure_set() -> Dataset:
    """Return an RT Structure Set: contours, no frames."""
    dataset = make_instance(SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3", Modality="RTSTRUCT")
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(dataset, keyword)
    del dataset.SamplesPerPixel, dataset.PixelRepresentation, dataset.PhotometricInterpretation
    roi = Dataset()
    roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = 1, "LIVER Sentinel", "MANUAL"
    dataset.StructureSetROISequence = Sequence([roi])
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    return dataset


def test_contours_pass_by_their_header_with_no_claim_about_pixels(scrubber: Scrubber) -> None:
    outcome = scrubber.scrub(saved(structure_set()))
    assert outcome.evidence.frames == 0
    assert "Sentinel" not in str(outcome.dataset)
    codes = [each.CodeValue for each in outcome.dataset.DeidentificationMethodCodeSequence]
    assert "113101" not in codes

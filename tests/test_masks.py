"""Outside a redaction nothing differs, inside it is black: every depth, sign, plane and syntax."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import Recipe, add_palette, make_frames, make_instance, saved
from pydicom import Dataset, dcmread

from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import ProofFailed, UnsupportedInstance
from scrub_pixels.frames import Instance, PixelDescription, encode_frame, open_instance, transfer_syntax
from scrub_pixels.frames.syntaxes import (
    BIG_ENDIAN,
    DEFLATED,
    DEFLATED_FRAME,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_LITTLE,
    HTJ2K_LOSSLESS,
    IMPLICIT_LITTLE,
    JPEG_2000_LOSSLESS,
    JPEG_LS_LOSSLESS,
    RLE_LOSSLESS,
)
from scrub_pixels.geometry import FrameSpan, Region, coverage
from scrub_pixels.masks import MaskedPixels, PixelEvidence, fill_value, mask, masking, prove, with_pixels
from scrub_pixels.masks.evidence import FrameRedaction
from scrub_pixels.masks.painting import native_regions

KEY = b"k" * 32
NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, BIG_ENDIAN)
SHALLOW = (JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS)
ENCAPSULATED = (ENCAPSULATED_UNCOMPRESSED, RLE_LOSSLESS, *SHALLOW)


def redact(row: int, column: int, rows: int, columns: int, start: int = 0, stop: int = 1) -> Redaction:
    return Redaction(Region(row, column, rows, columns), FrameSpan(start, stop), "test")


def reopened(instance: Instance, masked: MaskedPixels) -> Instance:
    return open_instance(saved(with_pixels(instance.dataset, masked)))


def masked_and_proven(dataset: Dataset, *redactions: Redaction) -> tuple[Instance, Instance, PixelEvidence]:
    original = open_instance(saved(dataset))
    masked = mask(original, redactions)
    candidate = reopened(original, masked)
    return original, candidate, prove(original, candidate, masked, KEY)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    syntax = draw(st.sampled_from(NATIVE + ENCAPSULATED))
    colours = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL")
    subsampled = ("YBR_FULL_422",) if syntax in NATIVE else ()
    photometric = draw(st.sampled_from(colours + subsampled))
    grey = photometric.startswith("MONO")
    depths = (8,) if photometric == "YBR_FULL_422" else (8, 16)
    bits = (1,) if grey and syntax in NATIVE else ()
    allocated = draw(st.sampled_from((*depths, 32, *bits) if grey and syntax not in SHALLOW else depths))
    stored = draw(st.integers(1 if grey else 8, allocated))
    shift = draw(st.integers(0, allocated - stored)) if syntax not in SHALLOW else 0
    smallest = {JPEG_2000_LOSSLESS: 31, JPEG_LS_LOSSLESS: 15}.get(syntax, 0)
    columns = draw(st.integers(1, 9)) + smallest
    return Recipe(
        rows=draw(st.integers(1, 9)) + smallest,
        columns=columns * 2 if photometric == "YBR_FULL_422" else columns,
        frames=draw(st.integers(1, 3)),
        photometric=photometric,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 + shift,
        signed=grey and stored > 1 and draw(st.booleans()),
        planar=draw(st.integers(0, 1)) if photometric in ("RGB", "YBR_FULL") else 0,
        syntax=syntax,
    )


@given(recipes(), st.integers(0, 2**32 - 1), st.data())
@settings(max_examples=300, deadline=None)
def test_outside_equal_inside_black(recipe: Recipe, seed: int, data: st.DataObject) -> None:
    row, column = data.draw(st.integers(0, recipe.rows - 1)), data.draw(st.integers(0, recipe.columns - 1))
    rows, columns = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 12))
    start = data.draw(st.integers(0, recipe.frames - 1))
    frames = make_frames(recipe, seed)
    request = redact(row, column, rows, columns, start, recipe.frames + 1)
    original, candidate, proof = masked_and_proven(make_instance(recipe, frames), request)
    clipped = request.region.clipped((recipe.rows, recipe.columns))
    inside = coverage(native_regions(original.pixels, [clipped]), original.pixels.shape)
    black = fill_value(original.pixels, original.stored_photometric, original.dataset)
    for number, frame in enumerate(frames):
        written, touched = candidate.stored(number), inside & (number >= start)
        assert np.array_equal(written[~touched], frame[~touched])
        assert np.all(written[touched] == black)
    assert candidate.transfer_syntax.uid == recipe.syntax
    assert proof.frames_compared == recipe.frames and proof.frames_masked == recipe.frames - start


@pytest.mark.parametrize("syntax", NATIVE + ENCAPSULATED)
def test_nothing_redacted_is_identical(syntax: str) -> None:
    original = open_instance(saved(make_instance(Recipe(syntax=syntax, frames=2))))
    masked = mask(original, ())
    assert masked.identical and masked.value is original.dataset["PixelData"].value
    proof = prove(original, reopened(original, masked), masked, KEY)
    assert proof.pixel_data_identical and proof.digest_in == proof.digest_out
    assert proof.frames_compared == 2 and proof.frames_masked == 0


@pytest.mark.parametrize("syntax", ENCAPSULATED)
def test_untouched_frames_keep_their_encoded_bytes(syntax: str) -> None:
    dataset = make_instance(Recipe(syntax=syntax, frames=3))
    original, candidate, _ = masked_and_proven(dataset, redact(1, 1, 3, 3, 1, 2))
    equal = [original.encoded(frame) == candidate.encoded(frame) for frame in range(3)]
    assert equal == [True, False, True]


def test_the_caller_s_data_set_stays_as_it_is() -> None:
    original = open_instance(saved(make_instance(Recipe(syntax=RLE_LOSSLESS))))
    before, value = original.dataset.to_json_dict(), original.dataset.PixelData
    result = with_pixels(original.dataset, mask(original, [redact(0, 0, 2, 2)]))
    assert original.dataset.to_json_dict() == before and original.dataset.PixelData is value
    assert result.PixelData != value and result.file_meta is not original.dataset.file_meta


def test_attributes_that_change_do_not_change_in_the_caller_s_data_set() -> None:
    original = open_instance(saved(make_instance(Recipe(64, 64, photometric="RGB", planar=1))))
    masked = replace(mask(original, [redact(0, 0, 2, 2)]), attributes=(("PlanarConfiguration", 0),))
    assert with_pixels(original.dataset, masked).PlanarConfiguration == 0
    assert original.dataset.PlanarConfiguration == 1


def test_frames_the_encoder_cannot_take_are_written_uncompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = open_instance(saved(make_instance(Recipe(40, 40, frames=2, syntax=JPEG_2000_LOSSLESS))))
    encode = masking.encode_frame

    def fails(samples: object, description: PixelDescription, uid: str) -> bytes:
        if uid == JPEG_2000_LOSSLESS:
            raise UnsupportedInstance("too noisy", stage="mask")
        return encode(samples, description, uid)

    monkeypatch.setattr(masking, "encode_frame", fails)
    masked = mask(original, [redact(1, 1, 2, 2)])
    assert masked.transfer_syntax_uid == EXPLICIT_LITTLE
    candidate = reopened(original, masked)
    assert prove(original, candidate, masked, KEY).frames_compared == 2
    assert np.array_equal(candidate.stored(1), original.stored(1))


@pytest.mark.parametrize("order", (EXPLICIT_LITTLE, BIG_ENDIAN))
def test_bits_outside_bits_stored_survive_outside_the_region(order: str) -> None:
    recipe = Recipe(12, 16, bits_allocated=16, bits_stored=12, high_bit=13, syntax=order)
    samples = make_frames(recipe)[0]
    type_ = "<u2" if order == EXPLICIT_LITTLE else ">u2"
    dataset = make_instance(recipe, pixel_data=(samples << 2).astype(type_).tobytes())
    original, candidate, _ = masked_and_proven(dataset, redact(2, 3, 4, 5))
    inside = coverage([Region(2, 3, 4, 5)], (12, 16))
    words = candidate.stored_raw(0)
    assert np.array_equal(words[~inside], original.stored_raw(0)[~inside])
    assert not words[inside].any()


@pytest.mark.parametrize("allocated", (8, 16))
def test_words_of_big_endian_ow_are_patched_where_they_stand(allocated: int) -> None:
    recipe = Recipe(bits_allocated=allocated, syntax=BIG_ENDIAN, rows=5, columns=7)
    frame = make_frames(recipe)[0]
    words = np.frombuffer(frame.tobytes() + b"\0" * (frame.nbytes % 2), np.uint16)
    dataset = make_instance(recipe, [frame], pixel_data=words.byteswap().tobytes())
    dataset["PixelData"].VR = "OW"
    _, candidate, _ = masked_and_proven(dataset, redact(1, 2, 2, 3))
    expected = frame.copy()
    expected[1:3, 2:5] = 0
    assert np.array_equal(candidate.stored(0), expected)


def test_one_bit_frames_that_share_a_byte() -> None:
    recipe = Recipe(rows=3, columns=7, frames=3, bits_allocated=1)
    frames = make_frames(recipe)
    _, candidate, _ = masked_and_proven(make_instance(recipe, frames), redact(0, 3, 2, 3, 1, 2))
    frames[1][0:2, 3:6] = 0
    assert all(np.array_equal(candidate.stored(i), frames[i]) for i in range(3))


def test_embedded_overlay_bits_are_cleared_everywhere() -> None:
    recipe = Recipe(bits_allocated=16, bits_stored=12, frames=2)
    frames = make_frames(recipe)
    words = np.stack(frames) | 0x8000
    original, candidate, proof = masked_and_proven(make_instance(recipe, pixel_data=words.tobytes()))
    assert original.unused_bits and not candidate.unused_bits
    assert proof.cleared_bits and not proof.pixel_data_identical
    assert all(np.array_equal(candidate.stored(i), frames[i]) for i in range(2))


@pytest.mark.parametrize("redactions", [(), (redact(0, 0, 2, 2),)])
@pytest.mark.parametrize("syntax", (EXPLICIT_LITTLE, RLE_LOSSLESS))
def test_undeclared_frames_are_left_out(syntax: str, redactions: tuple[Redaction, ...]) -> None:
    dataset = make_instance(Recipe(frames=3, syntax=syntax), NumberOfFrames=2)
    original, candidate, proof = masked_and_proven(dataset, *redactions)
    assert original.surplus and candidate.surplus is None and not proof.pixel_data_identical


@pytest.mark.parametrize("request_", [redact(12, 0, 1, 1), redact(0, 16, 1, 1), redact(0, 0, 1, 1, 1, 2)])
def test_a_redaction_that_misses_is_an_error(request_: Redaction) -> None:
    original = open_instance(saved(make_instance(Recipe(rows=12, columns=16))))
    with pytest.raises(ProofFailed) as caught:
        mask(original, [request_])
    assert caught.value.stage == "mask"


def test_pairs_that_share_chroma_are_masked_whole_and_recorded() -> None:
    recipe = Recipe(rows=4, columns=8, photometric="YBR_FULL_422")
    original = open_instance(saved(make_instance(recipe)))
    masked = mask(original, [redact(1, 3, 2, 2)])
    assert masked.redactions == (FrameRedaction(0, (Region(1, 2, 2, 4),)),)
    assert masked.requested == (FrameRedaction(0, (Region(1, 3, 2, 2),)),)


GREY = Recipe(bits_allocated=16, bits_stored=12)


@pytest.mark.parametrize(
    ("recipe", "attributes", "expected"),
    [
        (GREY, {}, 0),
        (replace(GREY, photometric="MONOCHROME1"), {}, 4095),
        (replace(GREY, photometric="MONOCHROME1"), {"PresentationLUTShape": "INVERSE"}, 4095),
        (GREY, {"PresentationLUTShape": "INVERSE"}, 4095),
        (GREY, {"RescaleSlope": -1, "RescaleIntercept": 0}, 4095),
        (replace(GREY, photometric="MONOCHROME1"), {"RescaleSlope": -1, "RescaleIntercept": 0}, 0),
        (replace(GREY, signed=True), {}, -2048),
        (replace(GREY, signed=True, photometric="MONOCHROME1"), {}, 2047),
        (Recipe(photometric="RGB"), {}, [0, 0, 0]),
        (Recipe(photometric="YBR_FULL"), {}, [0, 128, 128]),
        (Recipe(photometric="YBR_FULL", bits_allocated=16, bits_stored=10), {}, [0, 512, 512]),
        (Recipe(photometric="YBR_PARTIAL_422"), {}, [16, 128, 128]),
        (Recipe(bits_allocated=1), {}, 0),
    ],
)
def test_black_as_displayed(recipe: Recipe, attributes: dict, expected: object) -> None:
    dataset = make_instance(recipe, pixel_data=b"", **attributes)
    fill = fill_value(recipe.description, recipe.photometric, dataset)
    assert fill.tolist() == expected and fill.dtype == recipe.description.dtype


@pytest.mark.parametrize("syntax", (EXPLICIT_LITTLE, BIG_ENDIAN))
def test_black_of_a_palette_is_its_darkest_entry(syntax: str) -> None:
    recipe = Recipe(photometric="PALETTE COLOR", syntax=syntax)
    colours = np.full((256, 3), 200, np.uint8)
    colours[77], colours[78] = (9, 0, 0), (0, 9, 0)
    dataset = make_instance(recipe)
    add_palette(dataset, recipe, colours)
    instance = open_instance(saved(dataset))
    assert fill_value(instance.pixels, "PALETTE COLOR", instance.dataset) == 77


def test_black_of_a_segmented_palette() -> None:
    recipe = Recipe(photometric="PALETTE COLOR")
    dataset = make_instance(recipe)
    falling = np.array([0, 1, 255, 1, 255, 0], "<u2").tobytes()  # one entry of 255, then 255 steps down to 0
    for name in ("Red", "Green", "Blue"):
        del dataset[f"{name}PaletteColorLookupTableData"]
        dataset[f"{name}PaletteColorLookupTableDescriptor"].value = [256, 0, 16]
        dataset.add_new(f"Segmented{name}PaletteColorLookupTableData", "OW", falling)
    assert fill_value(recipe.description, "PALETTE COLOR", dataset) == 255


def test_an_unknown_colour_space_has_no_black() -> None:
    with pytest.raises(UnsupportedInstance):
        fill_value(Recipe(photometric="RGB").description, "HSV", Dataset())


def test_a_falling_voi_lut_turns_black_round() -> None:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4096, 0, 12], list(range(4095, -1, -1))
    dataset = make_instance(GREY, VOILUTSequence=[item])
    assert fill_value(GREY.description, "MONOCHROME2", dataset) == 4095


@pytest.fixture
def proven() -> tuple[Instance, MaskedPixels]:
    original = open_instance(saved(make_instance(Recipe(frames=2, rows=10, columns=10))))
    return original, mask(original, [redact(2, 2, 3, 3)])


def tampered(masked: MaskedPixels, at: int, value: int) -> MaskedPixels:
    data = bytearray(masked.value)
    data[at] = value
    return replace(masked, value=bytes(data))


def test_the_proof_notices_a_sample_changed_outside(proven: tuple) -> None:
    original, masked = proven
    wrong = tampered(masked, 99, masked.value[99] ^ 1)
    with pytest.raises(ProofFailed, match="outside the redactions differs in frame 1"):
        prove(original, reopened(original, wrong), wrong, KEY)


def test_the_proof_notices_a_change_in_a_frame_that_is_not_redacted(proven: tuple) -> None:
    original, masked = proven
    wrong = tampered(masked, 150, masked.value[150] ^ 128)
    with pytest.raises(ProofFailed, match="frame 2"):
        prove(original, reopened(original, wrong), wrong, KEY)


def test_the_proof_notices_text_left_inside(proven: tuple) -> None:
    original, masked = proven
    wrong = tampered(masked, 33, 255)
    with pytest.raises(ProofFailed, match="not black"):
        prove(original, reopened(original, wrong), wrong, KEY)


def test_the_proof_notices_a_redaction_that_was_forgotten(proven: tuple) -> None:
    original, masked = proven
    wrong = replace(masked, value=original.dataset.PixelData, redactions=(), black=())
    with pytest.raises(ProofFailed, match="not carried out"):
        prove(original, reopened(original, wrong), wrong, KEY)


def test_the_proof_notices_a_claim_of_identity(proven: tuple) -> None:
    original, masked = proven
    wrong = replace(masked, identical=True)
    candidate = reopened(original, masked)
    with pytest.raises(ProofFailed, match="nothing was to be masked"):
        prove(original, candidate, wrong, KEY)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("PhotometricInterpretation", "MONOCHROME1"), ("PixelRepresentation", 1), ("BitsStored", 7)],
)
def test_the_proof_notices_another_meaning_of_the_same_bytes(keyword: str, value: object) -> None:
    original = open_instance(saved(make_instance(Recipe(photometric="MONOCHROME2"))))
    masked = mask(original, ())
    dataset = with_pixels(original.dataset, masked)
    setattr(dataset, keyword, value)
    dataset.HighBit = dataset.BitsStored - 1
    with pytest.raises(ProofFailed):
        prove(original, open_instance(saved(dataset)), masked, KEY)


def test_the_proof_notices_unused_bits_changed_outside() -> None:
    recipe = Recipe(bits_allocated=16, bits_stored=12, signed=True)
    frame = make_frames(recipe)[0]
    original = open_instance(saved(make_instance(recipe, pixel_data=frame.tobytes())))
    masked = mask(original, [redact(0, 0, 1, 1)])
    wrong = tampered(masked, len(masked.value) - 1, masked.value[-1] ^ 0xF0)
    with pytest.raises(ProofFailed):
        prove(original, reopened(original, wrong), wrong, KEY)


def test_floating_samples_are_masked_and_nan_equals_itself() -> None:
    samples = np.linspace(-1, 1, 12 * 16, dtype=np.float32).reshape(12, 16)
    samples[11, 15] = np.nan
    dataset = make_instance(Recipe(12, 16, bits_allocated=32), pixel_data=b"")
    del dataset.PixelData
    dataset.FloatPixelData = samples.tobytes()
    _, candidate, proof = masked_and_proven(dataset, redact(0, 0, 2, 2))
    assert proof.frames_compared == 1 and candidate.stored(0)[1, 1] == np.finfo(np.float32).min
    assert np.isnan(candidate.stored(0)[11, 15])


def test_an_offset_table_that_no_longer_fits_is_dropped() -> None:
    dataset = make_instance(Recipe(syntax=RLE_LOSSLESS, frames=2))
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = b"\0" * 16, b"\0" * 16
    _, candidate, _ = masked_and_proven(dataset, redact(0, 0, 3, 3))
    assert "ExtendedOffsetTable" not in candidate.dataset


def test_a_lossy_syntax_is_written_losslessly_and_says_so() -> None:
    recipe = Recipe(photometric="RGB", rows=20, columns=24)
    near = _near_lossless(recipe)
    original, candidate, proof = masked_and_proven(near, redact(3, 3, 5, 5))
    assert proof.syntax_in == "1.2.840.10008.1.2.4.81" and proof.syntax_out == JPEG_LS_LOSSLESS
    assert candidate.dataset.LossyImageCompression == "01"
    assert np.array_equal(candidate.stored(0)[10:], original.stored(0)[10:])


def _near_lossless(recipe: Recipe) -> Dataset:
    import jpeg_ls

    from scrub_pixels.frames import join_frames

    frame, uid = make_frames(recipe)[0], "1.2.840.10008.1.2.4.81"
    code = jpeg_ls.encode_buffer(frame.tobytes(), 20, 24, 3, 8, lossy_error=3, interleave_mode=2)
    value = join_frames([bytes(code)], recipe.description, uid)
    return make_instance(replace(recipe, syntax=uid), pixel_data=value)


def test_no_repr_shows_pixels_and_other_readers_agree() -> None:
    original = open_instance(saved(make_instance(Recipe(rows=16, columns=16))))
    masked = mask(original, [redact(4, 4, 4, 4)])
    assert len(repr(masked)) < 100
    other = dcmread(BytesIO(saved(with_pixels(original.dataset, masked)))).pixel_array
    assert not other[4:8, 4:8].any() and np.array_equal(other[8:], original.stored(0)[8:])
    assert transfer_syntax(masked.transfer_syntax_uid).encapsulated is False


@pytest.mark.parametrize("redactions", [[], [redact(0, 0, 2, 2)]])
def test_offset_tables_that_point_into_no_frames_do_not_stay(redactions: list[Redaction]) -> None:
    dataset = make_instance(ExtendedOffsetTable=b"DOE^JANE", ExtendedOffsetTableLengths=b"19700101")
    original = open_instance(saved(dataset))
    result = with_pixels(original.dataset, mask(original, redactions))
    assert "ExtendedOffsetTable" not in result and "ExtendedOffsetTableLengths" not in result
    assert "ExtendedOffsetTable" in original.dataset


def _fragmented(frames: list[bytes], pieces: int) -> bytes:
    """Return frames in fragments as long as they come, odd ones without padding."""
    found = b"\xfe\xff\x00\xe0\0\0\0\0"
    for frame in frames:
        size = -(-len(frame) // pieces)
        for part in (frame[n : n + size] for n in range(0, len(frame), size)):
            found += b"\xfe\xff\x00\xe0" + len(part).to_bytes(4, "little") + part
    return found


def _items(value: bytes) -> list[int]:
    """Return the lengths of the items of encapsulated Pixel Data, which have to fill it."""
    lengths, position = [], 0
    while position < len(value):
        assert value[position : position + 4] == b"\xfe\xff\x00\xe0"
        lengths.append(int.from_bytes(value[position + 4 : position + 8], "little"))
        position += 8 + lengths[-1]
    assert position == len(value)
    return lengths


@pytest.mark.parametrize(
    ("syntax", "pieces"),
    [(JPEG_LS_LOSSLESS, 1), (JPEG_2000_LOSSLESS, 3), (HTJ2K_LOSSLESS, 3), (DEFLATED_FRAME, 1)],
)
@pytest.mark.parametrize("redactions", [[], [redact(2, 3, 4, 5)]], ids=["kept", "masked"])
def test_fragments_of_odd_length_are_padded(syntax: str, pieces: int, redactions: list[Redaction]) -> None:
    """One byte of padding behind an odd item hides the delimiter from other readers (PS3.5 A.4)."""
    recipe = Recipe(21, 23, 3, syntax=syntax)
    coded = [encode_frame(frame, recipe.description, syntax) for frame in make_frames(recipe)]
    odd = [frame + b"\0" * (1 - len(frame) % 2) for frame in coded]
    dataset = make_instance(recipe, pixel_data=_fragmented(odd, pieces))
    original = open_instance(dataset)
    assert original.odd_items
    masked = mask(original, redactions)
    written = saved(with_pixels(original.dataset, masked))
    candidate = open_instance(written)
    prove(original, candidate, masked, KEY)
    assert written.endswith(masked.value + b"\xfe\xff\xdd\xe0\0\0\0\0")
    assert all(length % 2 == 0 for length in _items(masked.value)) and len(_items(masked.value)) == 4
    assert [candidate.encoded(n)[: len(odd[n])] == odd[n] for n in (1, 2)] == [True, True]


def test_the_proof_notices_a_fragment_of_odd_length() -> None:
    recipe = Recipe(21, 23, syntax=JPEG_LS_LOSSLESS)
    coded = encode_frame(make_frames(recipe)[0], recipe.description, JPEG_LS_LOSSLESS)
    odd = _fragmented([coded + b"\0" * (1 - len(coded) % 2)], 1)
    original = open_instance(make_instance(recipe, pixel_data=odd))
    unpadded = MaskedPixels(odd, JPEG_LS_LOSSLESS, (), (), False, True)
    with pytest.raises(ProofFailed, match="odd length"):
        prove(original, open_instance(with_pixels(original.dataset, unpadded)), unpadded, KEY)

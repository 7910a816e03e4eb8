"""Encode and decode are the identity, for every depth, sign, plane and lossless syntax."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import Recipe, encode, make_frames, make_instance, saved

from scrub_pixels.errors import UnsupportedInstance
from scrub_pixels.frames import encode_frame, join_frames, open_instance, pixel_data_vr, written_photometric
from scrub_pixels.frames.syntaxes import (
    BIG_ENDIAN,
    DEFLATED,
    DEFLATED_FRAME,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LS_LOSSLESS,
    RLE_LOSSLESS,
    TRANSFER_SYNTAXES,
    Redact,
)

NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, BIG_ENDIAN)
ENCAPSULATED = (ENCAPSULATED_UNCOMPRESSED, DEFLATED_FRAME, RLE_LOSSLESS, JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS)
SHALLOW = (JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    syntax = draw(st.sampled_from(NATIVE + ENCAPSULATED))
    photometric = draw(st.sampled_from(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL")))
    smallest = {JPEG_2000_LOSSLESS: 31, JPEG_LS_LOSSLESS: 15}.get(syntax, 0)
    grey = photometric.startswith("MONO")
    allocated = draw(st.sampled_from((8, 16, 32) if grey and syntax not in SHALLOW else (8, 16)))
    stored = draw(st.integers(1 if grey else 8, allocated))
    shift = draw(st.integers(0, allocated - stored)) if syntax not in SHALLOW else 0
    return Recipe(
        rows=draw(st.integers(1, 9)) + smallest,
        columns=draw(st.integers(1, 9)) + smallest,
        frames=draw(st.integers(1, 3)),
        photometric=photometric,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 + shift,
        signed=grey and stored > 1 and draw(st.booleans()),
        planar=draw(st.integers(0, 1)) if photometric in ("RGB", "YBR_FULL") else 0,
        syntax=syntax,
    )


@given(recipes(), st.integers(0, 2**32 - 1))
@settings(max_examples=300, deadline=None)
def test_what_is_encoded_is_what_is_read(recipe: Recipe, seed: int) -> None:
    frames = make_frames(recipe, seed)
    instance = open_instance(saved(make_instance(recipe, frames)))
    assert instance.frames == recipe.frames
    assert instance.surplus is None
    assert not instance.unused_bits
    for number, frame in enumerate(frames):
        read = instance.stored(number)
        assert read.dtype == recipe.description.dtype
        assert np.array_equal(read, frame)


@given(recipes(), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_joining_the_encoded_frames_gives_the_pixel_data_again(recipe: Recipe, seed: int) -> None:
    dataset = make_instance(recipe, seed=seed)
    instance = open_instance(saved(dataset))
    again = join_frames(map(instance.encoded, range(instance.frames)), instance.pixels, recipe.syntax)
    assert again == dataset.PixelData


@pytest.mark.parametrize("syntax", NATIVE + (RLE_LOSSLESS, JPEG_2000_LOSSLESS, DEFLATED_FRAME))
@pytest.mark.parametrize("columns", [8, 5])
def test_single_bits_are_packed_across_frames(syntax: str, columns: int) -> None:
    columns, rows = (columns + 40, 33) if syntax == JPEG_2000_LOSSLESS else (columns, 3)
    recipe = Recipe(rows, columns, 4, bits_allocated=1, syntax=syntax)
    frames = make_frames(recipe)
    dataset = make_instance(recipe, frames)
    if syntax == EXPLICIT_LITTLE:
        assert len(dataset.PixelData) == -(-3 * columns * 4 // 16) * 2
    instance = open_instance(saved(dataset))
    assert all(np.array_equal(instance.stored(n), frame) for n, frame in enumerate(frames))
    again = join_frames(map(instance.encoded, range(4)), instance.pixels, syntax)
    assert again == dataset.PixelData


@pytest.mark.parametrize("syntax", NATIVE)
def test_pairs_of_422_share_their_chroma(syntax: str) -> None:
    recipe = Recipe(4, 6, 2, "YBR_FULL_422", syntax=syntax)
    frames = make_frames(recipe)
    instance = open_instance(saved(make_instance(recipe, frames)))
    assert instance.stored_photometric == "YBR_FULL"
    assert len(instance.encoded(1)) == 4 * 6 * 2
    assert all(np.array_equal(instance.stored(n), frame) for n, frame in enumerate(frames))


def test_422_cannot_hold_a_pair_of_two_chromas() -> None:
    recipe = Recipe(2, 4, 1, "YBR_FULL_422")
    frame = make_frames(recipe)[0]
    frame[0, 1, 2] ^= 0xFF
    with pytest.raises(ValueError, match="4:2:2"):
        encode_frame(frame, recipe.description, recipe.syntax)


@pytest.mark.parametrize("length", [3, 4])
def test_byte_samples_in_big_endian_words_are_swapped(length: int) -> None:
    frames = [np.arange(length, dtype=np.uint8)[None] + 10 * n for n in range(3)]
    recipe = Recipe(1, length, 3, syntax=BIG_ENDIAN)
    value = encode(frames, recipe)
    swapped = np.frombuffer(value + b"\0" * (len(value) % 2), "u2").byteswap().tobytes()
    dataset = make_instance(recipe, frames, pixel_data=swapped)
    dataset["PixelData"].VR = "OW"
    instance = open_instance(saved(dataset))
    assert instance.dataset["PixelData"].VR == "OW"
    assert all(np.array_equal(instance.stored(n), frame) for n, frame in enumerate(frames))
    assert pixel_data_vr(instance.pixels, BIG_ENDIAN) == "OB"
    assert join_frames(map(instance.encoded, range(3)), instance.pixels, BIG_ENDIAN) == value


def test_multiple_component_transformation_is_written_and_inverted() -> None:
    recipe = Recipe(photometric="YBR_RCT", syntax=JPEG_2000_LOSSLESS)
    frames = make_frames(recipe)
    instance = open_instance(saved(make_instance(recipe, frames)))
    assert instance.stored_photometric == "RGB"
    assert np.array_equal(instance.stored(0), frames[0])
    assert written_photometric(instance.pixels, "RGB", JPEG_2000_LOSSLESS) == "YBR_RCT"


@pytest.mark.parametrize("syntax", [JPEG_BASELINE, "1.2.840.10008.1.2.4.81"])
def test_no_lossless_encoder_is_said_so(syntax: str) -> None:
    recipe = Recipe()
    with pytest.raises(UnsupportedInstance):
        encode_frame(make_frames(recipe)[0], recipe.description, syntax)


@pytest.mark.parametrize("shape", [(31, 40), (1, 1), (300, 3)])
@pytest.mark.parametrize("kind", [{}, {"bits_allocated": 16, "bits_stored": 12, "signed": True}])
def test_frames_too_small_for_six_resolutions_have_one(shape: tuple[int, int], kind: dict) -> None:
    recipe = Recipe(*shape, syntax=JPEG_2000_LOSSLESS, **kind)
    frames = make_frames(recipe)
    assert np.array_equal(open_instance(make_instance(recipe, frames)).stored(0), frames[0])


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [*SHALLOW, RLE_LOSSLESS])
def test_a_codestream_holds_samples_wherever_the_header_puts_its_high_bit(syntax: str, signed: bool) -> None:
    recipe = Recipe(bits_allocated=16, bits_stored=12, high_bit=13, signed=signed, syntax=syntax)
    frames = make_frames(recipe)
    assert np.array_equal(open_instance(make_instance(recipe, frames)).stored(0), frames[0])


@pytest.mark.parametrize("syntax", SHALLOW)
def test_deep_samples_are_native_only(syntax: str) -> None:
    recipe = Recipe(bits_allocated=32)
    with pytest.raises(UnsupportedInstance):
        encode_frame(make_frames(recipe)[0], recipe.description, syntax)


def test_samples_that_are_not_as_described_are_not_encoded() -> None:
    recipe = Recipe()
    frame = make_frames(recipe)[0]
    with pytest.raises(ValueError, match="shape"):
        encode_frame(frame[1:], recipe.description, EXPLICIT_LITTLE)
    with pytest.raises(ValueError, match="type"):
        encode_frame(frame.astype(np.uint16), recipe.description, EXPLICIT_LITTLE)


def test_every_row_of_the_table_is_complete() -> None:
    for uid, row in TRANSFER_SYNTAXES.items():
        assert row.uid == uid
        assert row.section.startswith("PS3.")
        assert bool(row.reason) == (row.redaction is Redact.REFUSE)
        assert bool(row.written_as) != (row.redaction is Redact.REFUSE)


def test_the_table_names_what_pydicom_registers() -> None:
    from pydicom._uid_dict import UID_dictionary

    registered = {uid for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax"}
    retired_documents = {"1.2.840.10008.1.2.6.1", "1.2.840.10008.1.2.6.2", "1.2.840.10008.1.20"}
    assert registered - retired_documents <= set(TRANSFER_SYNTAXES)
    for uid in registered & set(TRANSFER_SYNTAXES):
        assert UID_dictionary[uid][4] in ("", TRANSFER_SYNTAXES[uid].keyword)


def test_rewritten_rows_point_to_a_lossless_encoder() -> None:
    for row in TRANSFER_SYNTAXES.values():
        if row.redaction in (Redact.TO_LOSSLESS, Redact.SAME_SYNTAX, Redact.NATIVE):
            recipe = Recipe()
            frame = make_frames(recipe)[0]
            assert encode_frame(frame, recipe.description, row.written_as)

"""Frames as they are stored: fragments, tables, colours that lie, and what hides beyond them."""

from __future__ import annotations

import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest
from instances import Recipe, deflated, encode, jpeg, make_frames, make_instance, saved

from scrub_pixels.errors import CorruptInstance
from scrub_pixels.frames import Redact, encode_frame, join_frames, open_instance
from scrub_pixels.frames import instance as opened
from scrub_pixels.frames.syntaxes import (
    BIG_ENDIAN,
    DEFLATED_FRAME,
    EXPLICIT_LITTLE,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LS_LOSSLESS,
    RLE_LOSSLESS,
)

JPEG_2000 = "1.2.840.10008.1.2.4.91"


def item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value)) + value


def fragmented(frames: list[bytes], pieces: int, table: bytes = b"") -> bytes:
    """Return encapsulated Pixel Data with each frame cut into several fragments."""
    items = [item(table)]
    for frame in frames:
        size = -(-len(frame) // pieces // 2) * 2
        cut = [frame[at : at + size] for at in range(0, len(frame), size)]
        items.extend(item(piece + b"\0" * (len(piece) % 2)) for piece in cut)
    return b"".join(items)


def offsets(frames: list[bytes], pieces: int) -> list[int]:
    found, position = [], 0
    for frame in frames:
        found.append(position)
        position += len(fragmented([frame], pieces)) - 8
    return found


def ramps(count: int = 3, size: int = 40) -> list[np.ndarray]:
    base = np.add.outer(np.arange(size), np.arange(size)).astype(np.uint8)
    return [base + np.uint8(40 * n) for n in range(count)]


JPEG = Recipe(40, 40, 3, syntax=JPEG_BASELINE)


@pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS])
@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("table", ["none", "right", "wrong"])
def test_frames_are_found_whatever_the_table_says(syntax: str, pieces: int, table: str) -> None:
    recipe, frames = replace(JPEG, syntax=syntax), ramps()
    if syntax == JPEG_BASELINE:
        encoded = [jpeg(frame) for frame in frames]
    else:
        encoded = [encode_frame(frame, recipe.description, syntax) for frame in frames]
    right = offsets(encoded, pieces)
    values = {"none": [], "right": right, "wrong": [o + 2 * bool(o) for o in right]}[table]
    value = fragmented(encoded, pieces, struct.pack(f"<{len(values)}I", *values))
    instance = open_instance(saved(make_instance(recipe, frames, pixel_data=value)))
    assert instance.surplus is None
    for number, frame in enumerate(frames):
        assert instance.encoded(number).rstrip(b"\0") == encoded[number].rstrip(b"\0")
        assert np.abs(instance.stored(number).astype(int) - frame).max() <= 3


def test_the_extended_offset_table_is_followed() -> None:
    encoded = [jpeg(frame) for frame in ramps()]
    dataset = make_instance(JPEG, pixel_data=fragmented(encoded, 1))
    dataset.ExtendedOffsetTable = struct.pack("<3Q", *offsets(encoded, 1))
    dataset.ExtendedOffsetTableLengths = struct.pack("<3Q", *map(len, encoded))
    instance = open_instance(saved(dataset))
    assert [instance.encoded(n).rstrip(b"\0") for n in range(3)] == [e.rstrip(b"\0") for e in encoded]


def test_fewer_frames_than_declared_are_corrupt() -> None:
    value = fragmented([jpeg(frame) for frame in ramps(2)], 1)
    with pytest.raises(CorruptInstance, match="fewer"):
        open_instance(make_instance(JPEG, pixel_data=value))


@pytest.mark.parametrize("count", [1, 2])
def test_undeclared_encapsulated_frames_are_seen(count: int) -> None:
    value = fragmented([jpeg(frame) for frame in ramps(3 + count)], 2)
    instance = open_instance(make_instance(JPEG, pixel_data=value))
    assert instance.surplus == f"{count} undeclared frame" + "s" * (count > 1)


def test_a_second_codestream_behind_a_table_is_seen() -> None:
    encoded = [jpeg(frame) for frame in ramps(2)]
    value = fragmented(encoded, 1, struct.pack("<I", 0))
    instance = open_instance(make_instance(replace(JPEG, frames=1), pixel_data=value))
    assert instance.surplus == "1 undeclared frame"


def test_a_second_codestream_in_the_same_fragment_is_seen_and_trimmed() -> None:
    first, second = (jpeg(frame) for frame in ramps(2))
    value = join_frames([first + second], JPEG.description, JPEG_BASELINE)
    instance = open_instance(make_instance(replace(JPEG, frames=1), pixel_data=value))
    assert instance.surplus is not None and "behind the end" in instance.surplus
    assert instance.codestream(0) == first
    clean = join_frames([instance.codestream(0)], instance.pixels, JPEG_BASELINE)
    assert open_instance(make_instance(replace(JPEG, frames=1), pixel_data=clean)).surplus is None


def test_bytes_behind_the_fragments_are_seen() -> None:
    value = fragmented([jpeg(frame) for frame in ramps()], 1) + b"hidden picture"
    instance = open_instance(make_instance(JPEG, pixel_data=value))
    assert instance.surplus == "14 trailing bytes"


def test_what_is_no_offset_in_a_table_of_offsets_is_seen() -> None:
    value = fragmented([jpeg(frame) for frame in ramps()], 1, b"DOE^JANE 19700101   ")
    assert open_instance(make_instance(JPEG, pixel_data=value)).surplus == (
        "20 bytes in offset tables that are no offsets"
    )
    encoded = [jpeg(frame) for frame in ramps()]
    dataset = make_instance(JPEG, pixel_data=fragmented(encoded, 1))
    dataset.ExtendedOffsetTable = struct.pack("<3Q", *offsets(encoded, 1))
    dataset.ExtendedOffsetTableLengths = struct.pack("<3Q", *map(len, encoded)) + b"DOE^JANE"
    assert open_instance(saved(dataset)).surplus == "32 bytes in offset tables that are no offsets"


@pytest.mark.parametrize(
    ("extra", "surplus"),
    [
        (b"", None),
        (b"\0", None),
        (bytes(48 * 36), None),
        (b"\1" * (48 * 36), "1 undeclared frame"),
        (b"\1" * (48 * 36 * 2), "2 undeclared frames"),
        (b"\1" * 50, "50 trailing bytes"),
    ],
)
def test_native_surplus_is_described(extra: bytes, surplus: str | None) -> None:
    recipe = Recipe()
    dataset = make_instance(recipe)
    dataset.PixelData += extra
    assert open_instance(dataset).surplus == surplus


def test_a_frame_that_breaks_off_is_corrupt_and_the_others_are_not() -> None:
    encoded = [jpeg(frame) for frame in ramps()]
    encoded[2] = encoded[2][: len(encoded[2]) // 2]
    instance = open_instance(make_instance(JPEG, pixel_data=fragmented(encoded, 1)))
    instance.stored(1)
    with pytest.raises(CorruptInstance, match="breaks off"):
        instance.stored(2)


@pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS, RLE_LOSSLESS])
def test_a_codestream_of_another_size_is_corrupt(syntax: str) -> None:
    recipe = replace(JPEG, frames=1, syntax=syntax)
    value = encode(ramps(1, 48), replace(recipe, rows=48, columns=48))
    with pytest.raises(CorruptInstance):
        open_instance(make_instance(recipe, pixel_data=value)).stored(0)


def test_a_codestream_of_another_depth_or_colour_is_corrupt() -> None:
    deep = Recipe(40, 40, bits_allocated=16, syntax=JPEG_2000_LOSSLESS)
    value = encode(make_frames(deep), deep)
    with pytest.raises(CorruptInstance, match="deeper"):
        open_instance(make_instance(replace(deep, bits_allocated=8), pixel_data=value)).stored(0)
    with pytest.raises(CorruptInstance, match="Samples"):
        shallow = replace(deep, photometric="RGB", bits_allocated=8)
        open_instance(make_instance(shallow, pixel_data=encode(ramps(1), replace(JPEG, frames=1)))).stored(0)


def smooth_colour() -> np.ndarray:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    return np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], ramp[::-1, None]), axis=-1).copy()


def with_segment(encoded: bytes, marker: int, body: bytes) -> bytes:
    """Replace the JFIF segment of a JPEG by another."""
    length = struct.unpack(">H", encoded[4:6])[0]
    segment = b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body
    return encoded[:2] + segment + encoded[4 + length :]


ADOBE = b"Adobe\0\x64\0\0\0\0"


@pytest.mark.parametrize("declared", ["RGB", "YBR_FULL_422", "YBR_FULL"])
@pytest.mark.parametrize(
    ("marker", "body", "colour"),
    [
        (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0", "YBR_FULL"),
        (0xEE, ADOBE + b"\1", "YBR_FULL"),
        (0xEE, ADOBE + b"\0", "RGB"),
        (0xFE, b"x", None),
    ],
)
def test_the_codestream_outweighs_the_declared_colour(
    declared: str, marker: int, body: bytes, colour: str | None
) -> None:
    encoded = jpeg(smooth_colour(), sampling=cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    recipe = Recipe(64, 64, 1, declared, syntax=JPEG_BASELINE)
    value = join_frames([with_segment(encoded, marker, body)], recipe.description, JPEG_BASELINE)
    instance = open_instance(make_instance(recipe, pixel_data=value))
    expected = colour or ("RGB" if declared == "RGB" else "YBR_FULL")
    assert instance.stored_photometric == expected
    shown = instance.views(0)[0].image
    if expected == "YBR_FULL":
        assert np.abs(shown.astype(int) - smooth_colour()).mean() < 3
    else:
        assert np.array_equal(shown, instance.stored(0))


def test_subsampled_chroma_is_never_taken_for_rgb() -> None:
    encoded = with_segment(jpeg(smooth_colour()), 0xFE, b"x")
    recipe = Recipe(64, 64, 1, "RGB", syntax=JPEG_BASELINE)
    value = join_frames([encoded], recipe.description, JPEG_BASELINE)
    assert open_instance(make_instance(recipe, pixel_data=value)).stored_photometric == "YBR_FULL"


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, BIG_ENDIAN])
@pytest.mark.parametrize("signed", [False, True])
def test_bits_outside_the_stored_ones_are_masked_and_reported(syntax: str, signed: bool) -> None:
    recipe = Recipe(bits_allocated=16, bits_stored=12, signed=signed, syntax=syntax, frames=2)
    frames = make_frames(recipe)
    words = [frame.view(np.uint16) & 0x0FFF for frame in frames]
    words[1][3, 4] |= 0x1000
    order = ">u2" if syntax == BIG_ENDIAN else "<u2"
    value = b"".join(word.astype(order).tobytes() for word in words)
    instance = open_instance(saved(make_instance(recipe, frames, pixel_data=value)))
    assert instance.unused_bits
    assert np.array_equal(instance.stored(1), frames[1])
    assert np.array_equal(instance.stored_raw(1), words[1])
    assert instance.stored_raw(1).dtype == np.uint16


def test_an_extended_sign_is_no_information() -> None:
    recipe = Recipe(bits_allocated=16, bits_stored=12, signed=True)
    frames = make_frames(recipe)
    assert (frames[0] < 0).any()
    value = b"".join(frame.astype("<i2").tobytes() for frame in frames)
    instance = open_instance(make_instance(recipe, frames, pixel_data=value))
    assert not instance.unused_bits
    assert np.array_equal(instance.stored(0), frames[0])


def test_hidden_bits_in_a_lossless_codestream_are_reported() -> None:
    wide = Recipe(bits_allocated=16, bits_stored=16, syntax=JPEG_2000_LOSSLESS)
    frame = np.full(wide.description.shape, 100, np.uint16)
    frame[5, 5:20] |= 0x8000
    narrow = replace(wide, bits_stored=12)
    instance = open_instance(make_instance(narrow, pixel_data=encode([frame], wide)))
    assert instance.unused_bits
    assert (instance.stored(0) == 100).all()


def test_float_pixels_are_read() -> None:
    values = np.linspace(-1, 1, 36 * 48, dtype="<f4").reshape(36, 48)
    dataset = make_instance(BitsAllocated=32)
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.FloatPixelData = values.tobytes()
    instance = open_instance(saved(dataset))
    assert instance.pixels is not None and instance.pixels.floating
    assert np.array_equal(instance.stored(0), values)
    assert instance.views(0)[0].image.max() == 255


def test_stored_samples_cannot_be_written_to() -> None:
    instance = open_instance(make_instance())
    with pytest.raises(ValueError, match="read-only"):
        instance.stored(0)[0, 0] = 1


def test_only_one_frame_is_kept_decoded() -> None:
    instance = open_instance(make_instance(Recipe(200, 200, 20)))
    for frame in range(20):
        instance.stored(frame)
    assert instance._last is not None and instance._last[0] == 19


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the frames that are decoded."""
    decoded, decode = [0], opened.decode_frame

    def counted(*asked):
        decoded[0] += 1
        return decode(*asked)

    monkeypatch.setattr(opened, "decode_frame", counted)
    return decoded


def test_compressed_frames_are_decoded_once_while_they_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = open_instance(make_instance(Recipe(40, 60, 4, syntax=RLE_LOSSLESS)))
    decoded = counting(monkeypatch)
    plain = [instance.stored(frame).copy() for frame in range(4)]
    before = decoded[0]
    with instance.keeping_frames():
        for _ in range(3):
            shown = [instance.stored(frame) for frame in range(4)]
            assert all(np.array_equal(a, b) for a, b in zip(plain, shown, strict=True))
            assert not any(samples.flags.writeable for samples in shown)
    assert decoded[0] - before <= 4
    assert not instance._kept and not instance._room


def test_no_more_frames_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = open_instance(make_instance(Recipe(40, 60, 4, syntax=RLE_LOSSLESS)))
    size, decoded = instance.stored(3).nbytes, counting(monkeypatch)
    with instance.keeping_frames(2 * size + 1):
        for _ in range(2):
            for frame in range(4):
                instance.stored(frame)
        assert sorted(instance._kept) == [0, 1]
    assert decoded[0] == 6  # all once, and again the two for which there was no room


def test_what_does_not_decode_is_not_kept() -> None:
    dataset = make_instance(Recipe(40, 60, 2, syntax=RLE_LOSSLESS))
    instance = open_instance(dataset)
    frames = [instance.encoded(0), b"\x01" + instance.encoded(1)[1:40]]
    dataset.PixelData = join_frames(iter(frames), instance.pixels, RLE_LOSSLESS)
    broken = open_instance(dataset)
    with broken.keeping_frames():
        for _ in range(2):
            with pytest.raises(CorruptInstance):
                broken.stored(1)
        assert not broken._kept


def test_the_repr_holds_no_identifier() -> None:
    assert "SENTINEL" not in repr(open_instance(make_instance())).upper()


def test_twelve_bit_extended_is_narrowed_to_a_lossless_rewrite() -> None:
    encoded = jpeg(ramps(1)[0])
    position = encoded.index(b"\xff\xc0")
    deep = bytearray(encoded)
    deep[position + 1], deep[position + 4] = 0xC1, 12
    recipe = Recipe(40, 40, bits_allocated=16, bits_stored=12, syntax=JPEG_EXTENDED)
    value = join_frames([bytes(deep)], recipe.description, JPEG_EXTENDED)
    instance = open_instance(make_instance(recipe, pixel_data=value))
    assert instance.transfer_syntax.redaction is Redact.TO_LOSSLESS
    assert instance.transfer_syntax.written_as == JPEG_LS_LOSSLESS
    assert instance.stored(0).dtype == np.uint16
    eight = make_instance(replace(recipe, bits_allocated=8, bits_stored=8), ramps(1))
    assert open_instance(eight).transfer_syntax.redaction is Redact.COEFFICIENTS


def test_scan_headers_of_early_twelve_bit_encoders_are_understood() -> None:
    encoded = bytearray(jpeg(ramps(1)[0]))
    position = encoded.index(b"\xff\xda")
    length = struct.unpack(">H", encoded[position + 2 : position + 4])[0]
    encoded[position + 2 + length - 2] = 0
    recipe = replace(JPEG, frames=1)
    value = join_frames([bytes(encoded)], recipe.description, JPEG_BASELINE)
    instance = open_instance(make_instance(recipe, pixel_data=value))
    assert np.abs(instance.stored(0).astype(int) - ramps(1)[0]).max() <= 3
    assert instance.encoded(0).rstrip(b"\0") == bytes(encoded).rstrip(b"\0")


def test_a_lossy_codec_that_overshoots_is_saturated_not_wrapped() -> None:
    wide = Recipe(bits_allocated=16, syntax=JPEG_2000_LOSSLESS)
    frame = np.full(wide.description.shape, 4000, np.uint16)
    frame[3, 4] = 4110
    dataset = make_instance(replace(wide, bits_stored=12), pixel_data=encode([frame], wide))
    dataset.file_meta.TransferSyntaxUID = JPEG_2000
    instance = open_instance(dataset)
    assert instance.stored(0)[3, 4] == 4095
    assert instance.stored(0)[0, 0] == 4000
    assert not instance.unused_bits


@pytest.mark.parametrize("syntax", [JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS])
def test_a_sign_is_extended_from_the_precision_of_the_codestream(syntax: str) -> None:
    narrow = Recipe(bits_allocated=16, bits_stored=12, syntax=syntax)
    frame = np.full(narrow.description.shape, 0x0FFF, np.uint16)
    wide = replace(narrow, bits_stored=16, signed=True)
    instance = open_instance(make_instance(wide, pixel_data=encode([frame], narrow)))
    assert (instance.stored(0) == -1).all()


def rle_frame(segment: bytes) -> bytes:
    return struct.pack("<16I", 1, 64, *[0] * 14) + segment


def test_a_run_length_bomb_is_not_inflated() -> None:
    recipe = Recipe(2, 8, syntax=RLE_LOSSLESS)
    for segment in (b"\x81\0" * 200, b""):
        value = join_frames([rle_frame(segment)], recipe.description, RLE_LOSSLESS)
        with pytest.raises(CorruptInstance, match="within"):
            open_instance(make_instance(recipe, pixel_data=value)).stored(0)


@pytest.mark.parametrize(("more", "behind"), [(b"", b"DOE^JANE"), (b"DOE^JANE" * 9, b"")])
def test_nothing_hides_behind_a_deflated_frame(more: bytes, behind: bytes) -> None:
    recipe = Recipe(2, 8, syntax=DEFLATED_FRAME)
    for extra, tail, clean in ((b"", b"", True), (more, behind, False)):
        value = join_frames([deflated(bytes(16) + extra) + tail], recipe.description, DEFLATED_FRAME)
        instance = open_instance(make_instance(recipe, pixel_data=value))
        if clean:
            assert not instance.stored(0).any()
            continue
        with pytest.raises(CorruptInstance):
            instance.stored(0)


def test_nothing_hides_beside_the_segments_of_a_run_length_frame() -> None:
    recipe = Recipe(2, 8, syntax=RLE_LOSSLESS)
    segment = b"\xf1\0"  # sixteen zeros
    gap = struct.pack("<16I", 1, 64 + 8, *[0] * 14) + b"DOE^JANE" + segment
    header = struct.pack("<2I", 1, 64) + b"DOE^JANE".ljust(56, b"\0") + segment
    for frame in (gap, header):
        value = join_frames([frame], recipe.description, RLE_LOSSLESS)
        with pytest.raises(CorruptInstance, match="beside"):
            open_instance(make_instance(recipe, pixel_data=value)).stored(0)
    plain = join_frames([rle_frame(segment)], recipe.description, RLE_LOSSLESS)
    assert not open_instance(make_instance(recipe, pixel_data=plain)).stored(0).any()


def test_one_byte_of_padding_is_no_surplus_whatever_its_value() -> None:
    odd = Recipe(1, 3)
    assert open_instance(make_instance(odd, pixel_data=b"abcX")).surplus is None
    assert open_instance(make_instance(odd, pixel_data=b"abcXY!")).surplus is not None
    for body in (b"x", b"xy"):  # one of the two makes the codestream odd
        stream = with_segment(jpeg(ramps(1)[0]), 0xFE, body)
        value = item(b"") + item(stream + b"X" * (len(stream) % 2))
        assert open_instance(make_instance(replace(JPEG, frames=1), pixel_data=value)).surplus is None

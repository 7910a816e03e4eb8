"""JPEG in the coefficient domain: black in every decoder, and no other coefficient touched."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import cv2
import jpeglib
import libjpeg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import Recipe, make_instance, saved
from numpy.typing import NDArray
from PIL import Image

from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import CorruptInstance, ProofFailed, Refusal
from scrub_pixels.frames import Instance, join_frames, open_instance
from scrub_pixels.frames.syntaxes import JPEG_BASELINE, JPEG_LS_LOSSLESS
from scrub_pixels.geometry import FrameSpan, Region, coverage
from scrub_pixels.masks import MaskedPixels, codestream_comments, mask, prove, with_pixels
from scrub_pixels.masks.jpeg_edit import EditedStream, blacken
from scrub_pixels.masks.jpeg_huffman import codes, with_symbols
from scrub_pixels.masks.jpeg_markers import HuffmanSpec, NotEditable, parse
from scrub_pixels.masks.jpeg_scan import scan_order, tables, walk

KEY = b"k" * 32
YCC, GREY, RGB = (0, 128, 128), (0,), (0, 0, 0)
SUBSAMPLING = {"444": 0, "422": 1, "420": 2}
OPTIONS = {
    "plain": {},
    "optimised": {"optimize": True},
    "restart every block row": {"restart_marker_rows": 1},
    "restart every 3 MCUs": {"restart_marker_blocks": 3},
}
NAME = b"DOE^JANE 19700101"


def picture(rows: int, columns: int, seed: int = 0) -> NDArray:
    """Return a colourful RGB frame with fine detail and saturated text."""
    small = np.random.default_rng(seed).integers(0, 256, (rows // 4 + 2, columns // 4 + 2, 3), dtype=np.uint8)
    frame = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return cv2.putText(frame, "DOE^JANE", (2, rows // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 0), 2)


def pillow(frame: NDArray, **options: object) -> bytes:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", **{"quality": 85, **options})
    return buffer.getvalue()


def by_pillow(data: bytes, _: Path) -> NDArray:
    return np.asarray(Image.open(BytesIO(data)))


def by_opencv(data: bytes, _: Path) -> NDArray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def by_thomas_richter(data: bytes, _: Path) -> NDArray:
    """Return samples relative to black: this decoder converts no colours."""
    samples = libjpeg.decode(data).astype(int)
    return samples if samples.ndim == 2 else samples - YCC


def by_libjpeg_6b(data: bytes, folder: Path) -> NDArray:
    return _spatial(data, folder, "6b")


def by_libjpeg_9(data: bytes, folder: Path) -> NDArray:
    return _spatial(data, folder, "9d")


def _spatial(data: bytes, folder: Path, version: str) -> NDArray:
    path = folder / "stream.jpg"
    path.write_bytes(data)
    with jpeglib.version(version):
        return jpeglib.read_spatial(str(path)).spatial


DECODERS = (by_pillow, by_opencv, by_thomas_richter, by_libjpeg_6b, by_libjpeg_9)


def coefficients(data: bytes, path: Path) -> list[NDArray]:
    path.write_bytes(data)
    read = jpeglib.read_dct(str(path))
    read.load()
    return [plane for plane in (read.Y, read.Cb, read.Cr) if plane is not None]


def assert_masked(data: bytes, edited: EditedStream, region: Region, decoder: Callable, folder: Path) -> None:
    before, after = decoder(data, folder).astype(int), decoder(edited.data, folder).astype(int)
    changed, black = coverage(edited.changed, before.shape[:2]), coverage(edited.black, before.shape[:2])
    assert np.array_equal(before[~changed], after[~changed])
    assert not after[black].any()
    assert changed[region.slices].all()
    core = region.slices if region.rows < 3 else (slice(region.row + 1, region.bottom - 1),
                                                  slice(region.column + 1, region.right - 1))
    assert black[core].all()


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("sampling", SUBSAMPLING)
def test_black_in_every_decoder(sampling: str, option: str, decoder: Callable, tmp_path: Path) -> None:
    data = pillow(picture(61, 83), subsampling=SUBSAMPLING[sampling], **OPTIONS[option])
    region = Region(18, 21, 23, 37)
    assert_masked(data, blacken(data, [region], YCC), region, decoder, tmp_path)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("factors", ["411", "440"])
def test_rare_sampling(factors: str, decoder: Callable, tmp_path: Path) -> None:
    flag = {"411": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411, "440": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440}[factors]
    data = cv2.imencode(".jpg", picture(70, 90), [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, flag])[1].tobytes()
    region = Region(20, 40, 17, 17)
    edited = blacken(data, [region], YCC)
    before, after = (decoder(each, tmp_path).astype(int) for each in (data, edited.data))
    changed, black = coverage(edited.changed, (70, 90)), coverage(edited.black, (70, 90))
    assert np.array_equal(before[~changed], after[~changed]) and not after[black].any()


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("white", [False, True])
def test_grey(white: bool, decoder: Callable, tmp_path: Path) -> None:
    data = pillow(picture(61, 83)[..., 1])
    edited = blacken(data, [Region(18, 21, 23, 37)], (255,) if white else GREY)
    after = np.squeeze(decoder(edited.data, tmp_path))
    assert np.all(after[coverage(edited.black, (61, 83))] == 255 * white)
    assert edited.changed == edited.black == (Region(16, 16, 32, 48),)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_region_of_any_size(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    option, quality = data.draw(st.sampled_from(list(OPTIONS))), data.draw(st.integers(5, 100))
    sampling = data.draw(st.integers(0, 2))
    stream = pillow(picture(rows, columns), subsampling=sampling, quality=quality, **OPTIONS[option])
    row, column = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    height, width = data.draw(st.integers(1, rows - row)), data.draw(st.integers(1, columns - column))
    region = Region(row, column, height, width)
    edited = blacken(stream, [region], YCC)
    before, after = by_pillow(stream, Path()).astype(int), by_pillow(edited.data, Path()).astype(int)
    changed, black = coverage(edited.changed, (rows, columns)), coverage(edited.black, (rows, columns))
    assert np.array_equal(before[~changed], after[~changed])
    assert not after[black].any() and changed[region.slices].all()


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("sampling", SUBSAMPLING)
def test_untouched_blocks_keep_their_coefficients(sampling: str, option: str, tmp_path: Path) -> None:
    data = pillow(picture(96, 128), subsampling=SUBSAMPLING[sampling], **OPTIONS[option])
    edited = blacken(data, [Region(32, 32, 16, 48)], YCC)
    old, new = coefficients(data, tmp_path / "a.jpg"), coefficients(edited.data, tmp_path / "b.jpg")
    for number, (before, after) in enumerate(zip(old, new, strict=True)):
        scale = (96 // before.shape[0], 128 // before.shape[1])
        touched = np.zeros(before.shape[:2], bool)
        touched[32 // scale[0] : 48 // scale[0], 32 // scale[1] : -(-80 // scale[1])] = True
        assert np.array_equal(before[~touched], after[~touched])
        assert not after[touched].reshape(-1, 64)[:, 1:].any()
        assert (after[touched][..., 0, 0] < 0).all() if number == 0 else not after[touched].any()


def test_neutral_colour_below_costs_no_neighbour() -> None:
    grey = np.repeat(picture(64, 64)[..., :1], 3, axis=2)
    edited = blacken(pillow(grey, subsampling=2), [Region(16, 16, 8, 16)], YCC)
    assert edited.changed == edited.black == (Region(16, 16, 8, 16),)


def test_colour_below_takes_its_whole_block_and_a_fringe() -> None:
    edited = blacken(pillow(picture(64, 64), subsampling=2), [Region(16, 16, 8, 16)], YCC)
    assert coverage(edited.changed, (64, 64)).nonzero()[0].min() == 15
    assert edited.changed == (Region(15, 15, 18, 18),) and edited.black == (Region(17, 17, 14, 14),)


def test_padding_blocks_behind_the_border_go_too(tmp_path: Path) -> None:
    data = pillow(picture(40, 40), subsampling=2)
    edited = blacken(data, [Region(30, 30, 10, 10)], YCC)
    pixels = _whole_blocks(edited.data)
    assert not np.asarray(Image.open(BytesIO(pixels)))[40:, 34:].any()


def _whole_blocks(data: bytes) -> bytes:
    """Return the stream with the frame header enlarged to show the padding of its last MCUs."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + (48).to_bytes(2, "big") * 2 + data[at + 4 :]


def with_segments(data: bytes, *segments: tuple[int, bytes]) -> bytes:
    extra = b"".join(bytes([255, m]) + (len(b) + 2).to_bytes(2, "big") + b for m, b in segments)
    return data[:2] + extra + data[2:]


@pytest.mark.parametrize("marker", [0xFE, *range(0xE0, 0xF0)])
def test_comments_and_application_data_are_dropped(marker: int) -> None:
    data = with_segments(pillow(picture(32, 32)), (marker, NAME))
    edited = blacken(data, [Region(0, 0, 8, 8)], YCC)
    assert codestream_comments(data) and not codestream_comments(edited.data)
    assert NAME in data and NAME not in edited.data


def test_what_follows_the_end_is_dropped() -> None:
    data = pillow(picture(32, 32)) + NAME
    assert codestream_comments(data)
    assert blacken(data, [Region(0, 0, 8, 8)], YCC).data.endswith(b"\xff\xd9")


def test_a_thumbnail_is_dropped() -> None:
    plain = pillow(picture(32, 32))
    thumbnail = plain[:2] + b"\xff\xe0" + (16 + 48).to_bytes(2, "big") + plain[6:18] + b"\x04\x04" + bytes(48)
    data = thumbnail + plain[20:]
    assert codestream_comments(data) and not codestream_comments(plain)
    assert blacken(data, [Region(0, 0, 8, 8)], YCC).data[:20] == plain[:20]


def j2k(main: bytes = b"", tile: bytes = b"", tail: bytes = b"") -> bytes:
    """Return a codestream of JPEG 2000 with segments added to its headers."""
    data = encode_j2k()
    sot = data.index(b"\xff\x90")
    length = int.from_bytes(data[sot + 6 : sot + 10], "big") + len(tile)
    head = data[sot : sot + 6] + length.to_bytes(4, "big") + data[sot + 10 : sot + 12]
    return data[:sot] + main + head + tile + data[sot + 12 :] + tail


def encode_j2k() -> bytes:
    """Return the codestream inside the JP2 file that OpenCV writes."""
    file = jp2_file()
    return file[file.index(b"jp2c") + 4 :]


def jp2_file() -> bytes:
    """Return a small JP2 file."""
    return cv2.imencode(".jp2", np.arange(4096, dtype=np.uint8).reshape(64, 64))[1].tobytes()


def segment(marker: int, body: bytes) -> bytes:
    """Return a marker segment."""
    return marker.to_bytes(2, "big") + (len(body) + 2).to_bytes(2, "big") + body


def test_comments_of_jpeg_2000() -> None:
    assert not codestream_comments(j2k())
    assert not codestream_comments(j2k(segment(0xFF64, b"\0\1Created by OpenJPEG version 2.5.0")))
    assert codestream_comments(j2k(segment(0xFF64, b"\0\1" + NAME)))


@pytest.mark.parametrize("padding", [b"\0", b"\xff"])
def test_padding_behind_the_end_of_jpeg_2000_is_no_comment(padding: bytes) -> None:
    """Some encoders fill up to an even length with 0xFF, as JPEG does."""
    assert not codestream_comments(j2k(tail=padding))
    assert codestream_comments(j2k(tail=padding + NAME))


SPIFF = b"SPIFF\0\2\0\0\3\0\0\0\x40\0\0\0\x40\x0a\x08\x06\2\0\0\0\x25\0\0\0\x25"


def test_a_spiff_header_tells_no_more_than_the_frame_does() -> None:
    data, end = pillow(picture(64, 64)), (0xE8, b"\0\0\0\1\xff\xd8")
    assert not codestream_comments(with_segments(data, (0xE8, SPIFF), end))
    assert codestream_comments(with_segments(data, (0xE8, SPIFF + NAME), end))
    assert codestream_comments(with_segments(data, (0xE8, SPIFF), (0xE8, b"\0\0\0\7" + NAME), end))
    assert codestream_comments(with_segments(data, (0xE8, SPIFF[:-4] + b"JANE"), end))


@pytest.mark.parametrize(
    "places",
    [
        {"tile": segment(0xFF64, b"\0\1" + NAME)},
        {"main": segment(0xFF66, NAME)},
        {"tile": segment(0xFF66, NAME)},
        {"tail": NAME},
    ],
)
def test_nothing_hides_in_the_headers_of_tile_parts_or_under_unknown_markers(places: dict) -> None:
    assert codestream_comments(j2k(**places))


def test_a_jpeg_2000_file_may_hold_the_image_and_its_colours_alone() -> None:
    file = jp2_file()
    codestream = file.index(b"jp2c") - 4
    box = lambda kind: (len(NAME) + 8).to_bytes(4, "big") + kind + NAME  # noqa: E731
    assert not codestream_comments(file)
    for kind in (b"xml ", b"uuid", b"jp2i"):
        assert codestream_comments(file[:codestream] + box(kind) + file[codestream:])


@pytest.mark.parametrize("marker", [0xC8, 0xF0, 0xFD, 0xF8, 0xDD])
def test_nothing_hides_under_markers_that_decoders_pass_over(marker: int) -> None:
    data = pillow(picture(32, 32))
    assert codestream_comments(with_segments(data, (marker, NAME)))


@pytest.mark.parametrize("text", [b"LEAD Technologies Inc. V1.01\0", b"MITRA_DICOM_STANDARD"])
def test_the_signature_of_an_encoder_is_no_comment_but_nothing_may_hide_behind_it(text: bytes) -> None:
    data = pillow(picture(16, 16))
    assert not codestream_comments(with_segments(data, (0xFE, text)))
    assert codestream_comments(with_segments(data, (0xFE, text + NAME)))


def test_jpeg_ls_is_read_past_its_own_stuffing() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    recipe = Recipe(64, 64, syntax=JPEG_LS_LOSSLESS)
    data = open_instance(saved(make_instance(recipe, [noise]))).encoded(0)
    assert re.search(rb"\xff[\x01-\x7f]", data)
    assert not codestream_comments(data) and codestream_comments(with_segments(data, (0xFE, NAME)))


@pytest.mark.parametrize("ids", [b"RGB", b"\x00\x01\x02", b"\x07\x2a\xf0"])
def test_component_identifiers_and_colour_markers_survive(ids: bytes) -> None:
    data = bytearray(pillow(picture(48, 48), subsampling=0))
    frame, scan = data.index(b"\xff\xc0") + 10, data.index(b"\xff\xda") + 5
    for i, name in enumerate(ids):
        data[frame + 3 * i] = data[scan + 2 * i] = name
    adobe = b"Adobe\x00\x64\x00\x00\x00\x00\x00"
    bare = bytes(data[:2] + data[20:])
    edited = blacken(with_segments(bare, (0xEE, adobe)), [Region(8, 8, 16, 16)], RGB)
    stream = parse(edited.data)
    assert bytes(component.identifier for component in stream.frame.components) == ids
    assert adobe in edited.data
    assert not by_pillow(edited.data, Path())[8:24, 8:24].any()


def test_grey_with_needless_sampling_factors(tmp_path: Path) -> None:
    data = bytearray(pillow(picture(45, 51)[..., 0]))
    data[data.index(b"\xff\xc0") + 11] = 0x22
    edited = blacken(bytes(data), [Region(10, 10, 10, 10)], GREY)
    after = np.squeeze(by_libjpeg_6b(edited.data, tmp_path))
    assert edited.black == (Region(8, 8, 16, 16),) and not after[8:24, 8:24].any()
    assert np.array_equal(after[24:], np.squeeze(by_libjpeg_6b(bytes(data), tmp_path))[24:])


def test_restart_markers_stay_in_sequence() -> None:
    data = pillow(picture(64, 256), restart_marker_blocks=2)
    edited = blacken(data, [Region(0, 0, 64, 100)], YCC).data
    marks = re.compile(rb"\xff[\xd0-\xd7]")
    assert marks.findall(data) == marks.findall(edited) and len(marks.findall(data)) > 8


def test_a_table_grows_without_touching_its_codes() -> None:
    spec = HuffmanSpec(bytes([0, 2, 1, *bytes(13)]), bytes([3, 4, 5]))
    grown = codes(with_symbols(spec, {0, 4, 11}))
    assert grown.items() >= codes(spec).items()
    texts = [f"{code:0{length}b}" for code, length in grown.values()]
    assert not any(a != b and b.startswith(a) for a in texts for b in texts)
    assert all("0" in text for text in texts)


def test_a_full_table_is_not_editable() -> None:
    full = HuffmanSpec(bytes([1] * 16), bytes(range(16)))
    with pytest.raises(NotEditable):
        with_symbols(full, {200})


def test_a_flat_picture_with_optimised_tables_gets_the_symbols_black_needs(tmp_path: Path) -> None:
    data = pillow(np.full((64, 64, 3), (90, 120, 50), np.uint8), optimize=True, subsampling=2)
    region = Region(16, 16, 16, 16)
    edited = blacken(data, [region], YCC)
    for decoder in DECODERS:
        assert_masked(data, edited, region, decoder, tmp_path)


def test_progressive_is_not_edited() -> None:
    with pytest.raises(NotEditable):
        blacken(pillow(picture(32, 32), progressive=True), [Region(0, 0, 8, 8)], YCC)


def test_masking_twice_changes_nothing_more() -> None:
    region = Region(8, 8, 24, 24)
    once = blacken(pillow(picture(64, 64), subsampling=2), [region], YCC)
    assert blacken(once.data, [region], YCC).data == once.data


MUTATE = """
import sys, faulthandler; faulthandler.enable()
import numpy as np
from scrub_pixels.errors import Refusal
from scrub_pixels.geometry import Region
from scrub_pixels.masks.jpeg_edit import blacken
data, random, refused = sys.stdin.buffer.read(), np.random.default_rng(7), 0
for turn in range(200):
    broken = bytearray(data)
    for _ in range(random.integers(1, 6)):
        at = int(random.integers(2, len(broken) if turn % 2 else 640))
        broken[at] = int(random.integers(0, 256))
    if turn % 5 == 0:
        del broken[int(random.integers(2, len(broken))):]
    try:
        blacken(bytes(broken), [Region(8, 8, 20, 20)], (0, 128, 128))
    except Refusal:
        refused += 1
print(refused)
"""


@pytest.mark.parametrize("option", ["plain", "restart every 3 MCUs"])
def test_damaged_streams_are_refused_and_never_crash(option: str) -> None:
    data = pillow(picture(48, 48), subsampling=2, **OPTIONS[option])
    done = subprocess.run([sys.executable, "-c", MUTATE], input=data, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert 25 < int(done.stdout) < 200


@pytest.mark.parametrize("keep", [0, 1, 2, 20, 300, -1, -2, -40])
def test_a_truncated_stream_is_corrupt(keep: int) -> None:
    with pytest.raises(CorruptInstance):
        blacken(pillow(picture(48, 48))[:keep], [Region(0, 0, 8, 8)], YCC)


def test_an_absurd_size_costs_no_memory() -> None:
    data = bytearray(pillow(picture(48, 48)))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(CorruptInstance, match="ends too early"):
        blacken(bytes(data), [Region(0, 0, 8, 8)], YCC)


def cine(streams: list[bytes], photometric: str = "YBR_FULL_422") -> Instance:
    recipe = Recipe(64, 80, len(streams), photometric, syntax=JPEG_BASELINE)
    value = join_frames(streams, recipe.description, JPEG_BASELINE)
    return open_instance(saved(make_instance(recipe, pixel_data=value)))


def reopened(instance: Instance, masked: MaskedPixels) -> Instance:
    return open_instance(saved(with_pixels(instance.dataset, masked)))


def redact(start: int, stop: int) -> Redaction:
    return Redaction(Region(10, 12, 13, 30), FrameSpan(start, stop), "test")


@pytest.mark.parametrize("sampling", SUBSAMPLING.values())
def test_a_cine_is_masked_and_proven(sampling: int) -> None:
    original = cine([pillow(picture(64, 80, seed), subsampling=sampling) for seed in range(4)])
    masked = mask(original, [redact(1, 3)])
    candidate = reopened(original, masked)
    proof = prove(original, candidate, masked, KEY)
    assert [original.encoded(i) == candidate.encoded(i) for i in range(4)] == [True, False, False, True]
    assert (proof.frames_masked, proof.frames_compared, proof.syntax_out) == (2, 4, JPEG_BASELINE)
    assert [each.frame for each in proof.redactions] == [1, 2]
    assert len(masked.value) < len(original.dataset.PixelData) + 200


def test_the_proof_sees_a_block_that_changed_elsewhere() -> None:
    streams = [pillow(picture(64, 80), subsampling=2)]
    original = cine(streams)
    masked = mask(original, [redact(0, 1)])
    wrong = blacken(original.encoded(0), [redact(0, 1).region, Region(60, 70, 2, 2)], YCC)
    lie = replace(masked, value=join_frames([wrong.data], original.pixels, JPEG_BASELINE))
    with pytest.raises(ProofFailed, match="outside"):
        prove(original, reopened(original, lie), lie, KEY)


def test_the_proof_sees_a_region_left_standing() -> None:
    original = cine([pillow(picture(64, 80), subsampling=2)])
    masked = mask(original, [redact(0, 1)])
    lie = replace(masked, value=original.dataset.PixelData)
    with pytest.raises(ProofFailed, match="not black"):
        prove(original, reopened(original, lie), lie, KEY)


def test_the_proof_sees_truncation() -> None:
    original = cine([pillow(picture(64, 80), subsampling=2)])
    masked = mask(original, [redact(0, 1)])
    lie = replace(masked, value=masked.value[:-200])
    with pytest.raises(Refusal):
        prove(original, reopened(original, lie), lie, KEY)


def test_what_cannot_be_edited_is_written_losslessly() -> None:
    tables = [np.full((8, 8), 255, np.uint8)]
    stream = bytearray(pillow(picture(64, 80)[..., 0], qtables=[tables[0].ravel().tolist()]))
    original = cine([bytes(stream)], "PALETTE COLOR")
    dataset = original.dataset
    for name in ("Red", "Green", "Blue"):
        ramp = np.roll(np.arange(256), 101).astype("<u2") * 257
        dataset.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        dataset.add_new(f"{name}PaletteColorLookupTableData", "OW", ramp.tobytes())
    masked = mask(original, [redact(0, 1)])
    candidate = reopened(original, masked)
    proof = prove(original, candidate, masked, KEY)
    assert proof.syntax_out == JPEG_LS_LOSSLESS and candidate.dataset.LossyImageCompression == "01"
    assert np.all(candidate.stored(0)[10:23, 12:42] == 101)


def test_bytes_behind_untouched_frames_are_cut_off() -> None:
    streams = [pillow(picture(64, 80, seed)) for seed in range(2)]
    original = cine([streams[0] + NAME, streams[1]])
    masked = mask(original, ())
    candidate = reopened(original, masked)
    prove(original, candidate, masked, KEY)
    assert NAME not in masked.value and candidate.encoded(0).rstrip(b"\0") == streams[0]


def plainly(entropy: bytes, pattern: list, scan, units: int) -> tuple[list[int], list[int]]:
    """Return where blocks begin and their DC differences, symbol by symbol, bit by bit."""
    bits = "".join(f"{byte:08b}" for byte in entropy)
    table = {
        key: {(length, code): symbol for symbol, (code, length) in codes(spec).items()}
        for key, spec in scan.huffman.items()
    }

    def symbol(place: int, key: tuple[int, int]) -> tuple[int, int]:
        for length in range(1, 17):
            if (found := table[key].get((length, int(bits[place : place + length], 2)))) is not None:
                return found, place + length
        raise AssertionError("no code")

    begin, differences, place = [], [], 0
    for _ in range(units):
        for part in pattern:
            begin.append(place)
            size, place = symbol(place, (0, part.dc))
            value = int(bits[place : place + size] or "0", 2)
            differences.append(value if not size or value >> (size - 1) else value - (1 << size) + 1)
            place, k = place + size, 1
            while k < 64:
                found, place = symbol(place, (1, part.ac))
                place, k = place + (found & 15), 64 if found == 0 else k + (found >> 4) + 1
    return [*begin, place], differences


def striped() -> np.ndarray:
    """Return a picture with long and short runs of black between noise and full blocks."""
    random = np.random.default_rng(5)
    rgb = np.zeros((96, 400, 3), np.uint8)
    rgb[30:50, 100:180] = random.integers(0, 256, (20, 80, 3))
    rgb[64:80, ::40] = 255
    rgb[88:, 333:] = random.integers(0, 2, (8, 67, 1)) * 255
    return rgb


@pytest.mark.parametrize("sampling", ["444", "422", "420", "411"])
@pytest.mark.parametrize("quality", [60, 100])
def test_runs_of_empty_blocks_are_passed_over_exactly(sampling: str, quality: int) -> None:
    factor = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}")
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    stream = parse(cv2.imencode(".jpg", striped(), flags)[1].tobytes())
    (scan,) = stream.scans
    entropy = stream.data[slice(*scan.entropy)].replace(b"\xff\x00", b"\xff")
    order = scan_order(stream.frame, scan)
    units = order.row.size // len(order.pattern)
    found = walk(entropy, [tables(scan)[k] for k in order.pattern], units)
    begin, differences = plainly(entropy, [scan.components[k] for k in order.pattern], scan, units)
    assert found.begin.tolist() == begin
    assert found.difference.tolist() == differences

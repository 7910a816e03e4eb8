"""Codestreams as others write them: what stands beside the picture goes, the picture stays."""

from __future__ import annotations

from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from instances import JPEG_BASELINE, Recipe, jpeg, make_instance, saved
from PIL import Image

from scrub_pixels.frames import encode_frame, join_frames, jpeg_xl, open_instance
from scrub_pixels.frames.syntaxes import (
    JPEG_2000_LOSSLESS,
    JPEG_LOSSLESS,
    JPEG_LS_LOSSLESS,
    JPEG_XL_LOSSLESS,
    JPEG_XL_RECOMPRESSION,
    RLE_LOSSLESS,
)
from scrub_pixels.header import ProjectKey
from scrub_pixels.masks import codestream_comments, mask, prove, with_pixels
from scrub_pixels.masks.uncommented import without_comments
from scrub_pixels.pipeline import Held, Scrubbed, Scrubber
from scrub_pixels.policy import Policy

KEY = b"k" * 32
NAME = b"QUIXOTE^SANCHO"
ROWS, COLUMNS = 48, 64


def picture() -> np.ndarray:
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    return (110 + 60 * np.sin(x / 9) + 40 * np.cos(y / 7)).clip(0, 255).astype(np.uint8)


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + (len(body) + 2).to_bytes(2, "big") + body


def behind_soi(data: bytes, marker: int, body: bytes) -> bytes:
    return data[:2] + segment(marker, body) + data[2:]


def before_scan(data: bytes, marker: int, body: bytes) -> bytes:
    start = data.index(b"\xff\xda")
    return data[:start] + segment(marker, body) + data[start:]


def own(syntax: str) -> bytes:
    return encode_frame(picture(), Recipe(ROWS, COLUMNS, syntax=syntax).description, syntax)


def jpeg_2000(comment: bytes = NAME, **options: object) -> bytes:
    target = BytesIO()
    Image.fromarray(picture()).save(target, "JPEG2000", no_jp2=True, comment=comment, **options)
    return target.getvalue()


def in_tile_part(data: bytes) -> bytes:
    """Put a comment into the header of the first tile-part, whose length grows by it."""
    comment = b"\xff\x64" + (4 + len(NAME)).to_bytes(2, "big") + b"\0\1" + NAME
    start = data.index(b"\xff\x90")
    length = int.from_bytes(data[start + 6 : start + 10], "big") + len(comment)
    sized = data[: start + 6] + length.to_bytes(4, "big") + data[start + 10 : start + 12]
    return sized + comment + data[start + 12 :]


def jp2() -> bytes:
    target = BytesIO()
    Image.fromarray(picture()).save(target, "JPEG2000")
    data = target.getvalue()
    start = data.index(b"jp2c") - 4
    boxes = b"".join(box(kind, NAME) for kind in (b"xml ", b"uuid", b"free"))
    return data[:start] + boxes + data[start:]


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def jpeg_xl_container() -> bytes:
    return imagecodecs.jpegxl_encode(picture(), lossless=True, usecontainer=True) + box(b"xml ", NAME)


EXIF = b"Exif\0\0II*\0" + NAME
COMMENTED = {
    "COM": (JPEG_BASELINE, lambda: behind_soi(jpeg(picture()), 0xFE, NAME)),
    "COM before the scan": (JPEG_BASELINE, lambda: before_scan(jpeg(picture()), 0xFE, NAME)),
    "Exif": (JPEG_BASELINE, lambda: behind_soi(jpeg(picture()), 0xE1, EXIF)),
    "thumbnail": (JPEG_BASELINE, lambda: before_scan(jpeg(picture()), 0xE0, b"JFXX\0\x10" + NAME)),
    "Photoshop": (JPEG_BASELINE, lambda: behind_soi(jpeg(picture()), 0xED, b"Photoshop 3.0\0" + NAME)),
    "JPEG Lossless": (JPEG_LOSSLESS, lambda: behind_soi(own(JPEG_LOSSLESS), 0xFE, NAME)),
    "JPEG-LS": (JPEG_LS_LOSSLESS, lambda: behind_soi(own(JPEG_LS_LOSSLESS), 0xE8, NAME)),
    "JPEG 2000": (JPEG_2000_LOSSLESS, jpeg_2000),
    "JPEG 2000 in tiles": (JPEG_2000_LOSSLESS, lambda: in_tile_part(jpeg_2000(tile_size=(32, 32)))),
    "JP2": (JPEG_2000_LOSSLESS, jp2),
    "JPEG XL": (JPEG_XL_LOSSLESS, jpeg_xl_container),
    "JPEG XL of a JPEG": (
        JPEG_XL_RECOMPRESSION, lambda: jpeg_xl.from_jpeg(behind_soi(jpeg(picture()), 0xE1, EXIF))
    ),
}  # fmt: skip


GREY = Recipe(ROWS, COLUMNS, syntax=JPEG_BASELINE)


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    return Scrubber(Policy(), ProjectKey(KEY))


def instance(syntax: str, *streams: bytes):
    recipe = Recipe(ROWS, COLUMNS, len(streams), syntax=syntax)
    value = join_frames(streams, recipe.description, syntax)
    return open_instance(saved(make_instance(recipe, pixel_data=value)))


@pytest.mark.parametrize("kind", COMMENTED)
def test_a_picture_without_text_loses_its_comments_and_no_sample(kind: str) -> None:
    syntax, build = COMMENTED[kind]
    stream = build()
    original = instance(syntax, stream)
    assert codestream_comments(stream)
    masked = mask(original, [])
    candidate = open_instance(saved(with_pixels(original.dataset, masked)))
    evidence = prove(original, candidate, masked, KEY)
    assert evidence.frames_compared == 1 and evidence.comments_cut and evidence.remarks
    assert not codestream_comments(candidate.encoded(0))
    assert NAME not in candidate.encoded(0) and masked.transfer_syntax_uid == syntax
    assert np.array_equal(original.stored(0), candidate.stored(0))
    assert (masked.identical, masked.redactions) == (False, ())


def test_the_coded_picture_stays_bit_for_bit() -> None:
    plain = jpeg(picture())
    assert without_comments(behind_soi(before_scan(plain, 0xFE, NAME), 0xE1, EXIF)) == plain
    unsigned = jpeg_2000(b"Kakadu-v8.2")
    assert without_comments(unsigned) is unsigned
    assert without_comments(in_tile_part(unsigned)) == unsigned


def test_other_frames_keep_their_bytes() -> None:
    plain = jpeg(picture())
    original = instance(JPEG_BASELINE, plain, behind_soi(plain, 0xFE, NAME), plain)
    masked = mask(original, [])
    candidate = open_instance(saved(with_pixels(original.dataset, masked)))
    assert prove(original, candidate, masked, KEY).frames_compared == 3
    assert [candidate.codestream(n) == original.codestream(n) for n in range(3)] == [True, False, True]


@pytest.mark.parametrize("marker", [0xF0, 0xFD])
def test_what_nobody_knows_is_left_for_a_person_to_see(marker: int) -> None:
    stream = behind_soi(jpeg(picture()), marker, NAME)
    assert without_comments(stream) is stream and codestream_comments(stream)


@pytest.mark.parametrize("kind", COMMENTED)
def test_damaged_codestreams_are_returned_or_cut_and_never_crash(kind: str) -> None:
    data, random = COMMENTED[kind][1](), np.random.default_rng(7)
    for _ in range(60):
        broken = bytearray(data)
        for place in random.integers(0, min(len(data), 400), 3):
            broken[place] = random.integers(0, 256)
        assert len(without_comments(bytes(broken))) <= len(data) + 64
    for end in range(0, min(len(data), 120)):
        assert len(without_comments(data[:end])) <= end + 64


def in_an_unused_table(data: bytes) -> bytes:
    return behind_soi(data, 0xDB, b"\3" + (NAME * 5)[:64])


def behind_the_last_block(data: bytes) -> bytes:
    return data[:-2] + NAME + data[-2:]


@pytest.mark.parametrize("hide", [in_an_unused_table, behind_the_last_block])
def test_a_name_of_the_header_in_the_bytes_of_a_frame_is_held(hide, scrubber: Scrubber) -> None:
    value = join_frames([hide(jpeg(picture()))], GREY.description, GREY.syntax)
    outcome = scrubber.scrub(saved(make_instance(GREY, pixel_data=value, PatientName="Quixote^Sancho")))
    assert isinstance(outcome, Held)
    assert outcome.reasons == ("an identifier of the header is spelt in the bytes of a frame",)


def test_a_picture_with_a_comment_is_released_without_it(scrubber: Scrubber) -> None:
    stream = behind_soi(jpeg(picture()), 0xE1, EXIF)
    value = join_frames([stream], GREY.description, GREY.syntax)
    outcome = scrubber.scrub(saved(make_instance(GREY, pixel_data=value, PatientName="Quixote^Sancho")))
    assert isinstance(outcome, Scrubbed) and outcome.evidence.clean
    assert NAME not in outcome.dataset.PixelData
    assert "comments or application data were cut out of codestreams" in outcome.warnings


@pytest.mark.parametrize(("number", "held"), [("123456", False), ("0123456789", True)])
def test_short_numbers_that_grey_levels_spell_by_chance_hold_no_picture(
    number: str, held: bool, scrubber: Scrubber
) -> None:
    recipe = Recipe(ROWS, COLUMNS, syntax=RLE_LOSSLESS)
    ramp = np.full((ROWS, COLUMNS), 40, np.uint8)
    ramp[5, 3 : 3 + len(number)] = np.frombuffer(number.encode(), np.uint8)
    frame = encode_frame(ramp, recipe.description, RLE_LOSSLESS)
    value = join_frames([frame], recipe.description, RLE_LOSSLESS)
    outcome = scrubber.scrub(saved(make_instance(recipe, pixel_data=value, PatientID=number)))
    assert isinstance(outcome, Held if held else Scrubbed)

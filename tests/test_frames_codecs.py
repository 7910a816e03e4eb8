"""JPEG Lossless, HTJ2K and JPEG XL: written in the same syntax, and read alike by another decoder."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from instances import Recipe, jpeg, make_frames, make_instance, saved
from pydicom import dcmread
from pydicom.pixels import pixel_array

from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import CorruptInstance, UnsupportedInstance
from scrub_pixels.frames import encode_frame, join_frames, jpeg_xl, open_instance
from scrub_pixels.frames.codestream import parse
from scrub_pixels.frames.syntaxes import (
    HTJ2K_LOSSLESS,
    HTJ2K_RPCL,
    JPEG_2000_LOSSLESS,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_XL_LOSSLESS,
    JPEG_XL_RECOMPRESSION,
    TRANSFER_SYNTAXES,
    Redact,
)
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.masks import codestream_comments, mask, prove, with_pixels

KEY = b"k" * 32
JPEG_XL = "1.2.840.10008.1.2.4.112"
WITNESSES = {
    JPEG_LOSSLESS: "gdcm",
    JPEG_LOSSLESS_SV1: "gdcm",
    JPEG_2000_LOSSLESS: "gdcm",
    HTJ2K_LOSSLESS: "pylibjpeg",
    HTJ2K_RPCL: "pylibjpeg",
}
DEPTHS = [
    Recipe(),
    Recipe(rows=7, columns=5),
    Recipe(bits_allocated=16, bits_stored=10),
    Recipe(bits_allocated=16, bits_stored=12, signed=True),
    Recipe(bits_allocated=16),
    Recipe(bits_allocated=16, signed=True),
    Recipe(photometric="RGB"),
    Recipe(photometric="YBR_FULL"),
    Recipe(photometric="PALETTE COLOR"),
]
SYNTAXES = (JPEG_LOSSLESS, JPEG_LOSSLESS_SV1, HTJ2K_LOSSLESS, HTJ2K_RPCL, JPEG_XL_LOSSLESS)


def redact(stop: int = 1) -> list[Redaction]:
    return [Redaction(Region(1, 1, 3, 3), FrameSpan(0, stop), "test")]


def masked_and_proven(dataset, redactions=None):
    """Return the Instance before and after, and what was masked."""
    original = open_instance(dataset)
    masked = mask(original, redact() if redactions is None else redactions)
    candidate = open_instance(saved(with_pixels(original.dataset, masked)))
    assert prove(original, candidate, masked, KEY).frames_compared == original.frames
    return original, candidate, masked


def readable(recipe: Recipe, syntax: str) -> bool:
    """JPEG XL decodes to RGB, so its headers may not say YBR_FULL."""
    return syntax != JPEG_XL_LOSSLESS or recipe.photometric != "YBR_FULL"


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("recipe", DEPTHS, ids=str)
def test_same_syntax_and_nothing_else_changes(recipe: Recipe, syntax: str) -> None:
    if not readable(recipe, syntax):
        return
    recipe = replace(recipe, syntax=syntax, frames=2)
    frames = make_frames(recipe)
    original, candidate, masked = masked_and_proven(make_instance(recipe, frames))
    assert np.array_equal(original.stored(1), frames[1])
    assert masked.transfer_syntax_uid == syntax
    assert candidate.encoded(1) == original.encoded(1)
    assert not codestream_comments(candidate.encoded(0))


@pytest.mark.parametrize("syntax", WITNESSES)
@pytest.mark.parametrize("recipe", DEPTHS, ids=str)
def test_another_decoder_reads_the_same(recipe: Recipe, syntax: str) -> None:
    if recipe.signed and recipe.bits_stored == 12 and WITNESSES[syntax] == "gdcm":
        return  # GDCM knows no sign of 12 bits in these
    recipe = replace(recipe, syntax=syntax)
    frames = make_frames(recipe, seed=3)
    file = dcmread(BytesIO(saved(make_instance(recipe, frames))))
    witness = pixel_array(file, decoding_plugin=WITNESSES[syntax], raw=True)
    assert np.array_equal(witness.reshape(frames[0].shape), frames[0])


@pytest.mark.parametrize("syntax", [HTJ2K_LOSSLESS, HTJ2K_RPCL, JPEG_2000_LOSSLESS])
@pytest.mark.parametrize("shape", [(64, 80), (9, 4)])
def test_the_colour_transformation_stays(syntax: str, shape: tuple[int, int]) -> None:
    recipe = Recipe(*shape, photometric="YBR_RCT", syntax=syntax)
    original, candidate, masked = masked_and_proven(make_instance(recipe))
    assert masked.transfer_syntax_uid == syntax
    assert candidate.stored_photometric == "RGB"
    assert parse(candidate.encoded(0)).transformed
    assert candidate.dataset.PhotometricInterpretation == "YBR_RCT"


def test_rpcl_has_its_order_its_lengths_and_a_small_thumbnail() -> None:
    recipe = Recipe(4200, 40, syntax=HTJ2K_RPCL)
    data = encode_frame(make_frames(recipe)[0], recipe.description, HTJ2K_RPCL)
    coding = data.index(b"\xff\x52")
    levels = data[coding + 9]
    assert data[coding + 5] == 2  # T.800 Table A.16: resolution, position, component, layer
    assert 4200 / 2**levels <= 64
    assert b"\xff\x55" in data[: data.index(b"\xff\x90")]


@pytest.mark.parametrize(("colour", "segment"), [("RGB", True), ("YBR_FULL", False)])
def test_lossless_jpeg_tells_its_colours_as_the_samples_have_them(colour: str, segment: bool) -> None:
    recipe = Recipe(photometric=colour, syntax=JPEG_LOSSLESS_SV1)
    lie = make_instance(recipe, PhotometricInterpretation="RGB" if colour == "RGB" else "YBR_FULL_422")
    original, candidate, masked = masked_and_proven(lie)
    assert candidate.stored_photometric == original.stored_photometric == colour
    assert (b"Adobe" in candidate.encoded(0)) is segment


def test_a_header_that_contradicts_a_lossless_jpeg_is_corrected() -> None:
    dataset = make_instance(Recipe(photometric="RGB", syntax=JPEG_LOSSLESS_SV1))
    dataset.PhotometricInterpretation = "YBR_FULL"
    _, candidate, _ = masked_and_proven(dataset)
    assert candidate.dataset.PhotometricInterpretation == "RGB"


def test_one_bit_has_no_lossless_jpeg_and_goes_uncompressed() -> None:
    recipe = Recipe(bits_stored=1, syntax=JPEG_LOSSLESS_SV1)
    with pytest.raises(UnsupportedInstance):
        encode_frame(make_frames(recipe)[0], recipe.description, recipe.syntax)


def picture(rows: int = 48, columns: int = 64) -> np.ndarray:
    random = np.random.default_rng(1)
    return random.integers(0, 256, (rows, columns, 3)).astype(np.uint8)


def recompressed(frames: list[bytes]):
    recipe = Recipe(48, 64, len(frames), "YBR_FULL_422", syntax=JPEG_XL_RECOMPRESSION)
    value = join_frames([jpeg_xl.from_jpeg(frame) for frame in frames], recipe.description, recipe.syntax)
    return make_instance(recipe, pixel_data=value)


def test_a_recompressed_jpeg_is_edited_in_its_blocks() -> None:
    frames = [jpeg(picture()), jpeg(picture()[::-1])]
    original, candidate, masked = masked_and_proven(recompressed(frames))
    assert masked.transfer_syntax_uid == JPEG_XL_RECOMPRESSION
    assert candidate.encoded(1) == original.encoded(1)
    assert original.stored_photometric == "YBR_FULL"
    assert jpeg_xl.to_jpeg(original.encoded(1)) == frames[1]
    after = imagecodecs.jpegxl_decode(candidate.encoded(0))  # another way: by the pixels, not the JPEG
    assert not after[1:4, 1:4].any()
    assert abs(after[:, 32:].astype(int) - imagecodecs.jpegxl_decode(original.encoded(0))[:, 32:]).max() <= 1


def test_a_recompressed_progressive_jpeg_is_written_losslessly() -> None:
    import cv2

    data = cv2.imencode(".jpg", picture(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    _, candidate, masked = masked_and_proven(recompressed([data]))
    assert masked.transfer_syntax_uid == JPEG_LS_LOSSLESS
    assert candidate.dataset.LossyImageCompression == "01"


def lossy_jpeg_xl(frame: np.ndarray, **attributes: object):
    data = imagecodecs.jpegxl_encode(frame, distance=1.0)
    colour = "RGB" if frame.ndim == 3 else "MONOCHROME2"
    recipe = Recipe(*frame.shape[:2], photometric=colour, syntax=JPEG_XL)
    return make_instance(recipe, pixel_data=join_frames([data], recipe.description, JPEG_XL), **attributes)


@pytest.mark.parametrize("frame", [picture(), picture()[..., 0]])
@pytest.mark.parametrize("photometric", [None, "XYB"])
def test_lossy_jpeg_xl_becomes_lossless(frame: np.ndarray, photometric: str | None) -> None:
    dataset = lossy_jpeg_xl(frame)
    if photometric and frame.ndim == 3:
        dataset.PhotometricInterpretation = photometric
    _, candidate, masked = masked_and_proven(dataset)
    assert masked.transfer_syntax_uid == JPEG_XL_LOSSLESS
    assert candidate.dataset.LossyImageCompression == "01"
    assert candidate.dataset.PhotometricInterpretation == ("RGB" if frame.ndim == 3 else "MONOCHROME2")


def test_jpeg_xl_whose_colours_cannot_be_told_is_refused() -> None:
    instance = open_instance(lossy_jpeg_xl(picture(), PhotometricInterpretation="YBR_FULL"))
    with pytest.raises(UnsupportedInstance):
        instance.stored(0)


@pytest.mark.parametrize("hidden", ["alpha", "animation", "size", "cut", "noise"])
def test_jpeg_xl_that_holds_more_or_less_than_a_picture_is_refused(hidden: str) -> None:
    frame = picture()
    data = {
        "alpha": lambda: imagecodecs.jpegxl_encode(np.dstack([frame, frame[..., :1]]), lossless=True),
        "animation": lambda: imagecodecs.jpegxl_encode(np.stack([frame, frame]), lossless=True),
        "size": lambda: imagecodecs.jpegxl_encode(frame[1:], lossless=True),
        "cut": lambda: imagecodecs.jpegxl_encode(frame, lossless=True)[:-9],
        "noise": lambda: b"\xff\x0a" + bytes(range(100)),
    }[hidden]()
    recipe = Recipe(48, 64, photometric="RGB", syntax=JPEG_XL)
    dataset = make_instance(recipe, pixel_data=join_frames([data], recipe.description, JPEG_XL))
    with pytest.raises(CorruptInstance):
        open_instance(dataset).stored(0)


def test_text_beside_a_jpeg_xl_picture_is_noticed() -> None:
    plain = imagecodecs.jpegxl_encode(picture(), lossless=True)
    boxed = jpeg_xl.from_jpeg(jpeg(picture()))
    assert not codestream_comments(plain)
    assert not codestream_comments(boxed)
    box = (8 + 6).to_bytes(4, "big") + b"xml " + b"<doe/>"
    assert codestream_comments(boxed + box)
    assert codestream_comments(plain + b"DOE^JANE")
    assert codestream_comments(boxed + b"DOE")
    commented = jpeg(picture())[:2] + b"\xff\xfe\x00\x0aDOE^JANE" + jpeg(picture())[2:]
    assert codestream_comments(jpeg_xl.from_jpeg(commented))


def test_every_lossless_syntax_with_an_encoder_is_written_in_itself() -> None:
    for row in TRANSFER_SYNTAXES.values():
        if row.redaction is Redact.SAME_SYNTAX:
            recipe = Recipe(syntax=row.uid)
            assert encode_frame(make_frames(recipe)[0], recipe.description, row.uid)

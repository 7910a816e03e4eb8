"""One encoded frame to allocated words: the codecs, and the only boundary around them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from struct import error as StructError
from struct import unpack_from
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.errors import CorruptInstance, MissingDependency, UnsupportedInstance
from scrub_pixels.frames import jpeg_xl, native
from scrub_pixels.frames.codestream import BadCodestream, Codestream, parse, with_full_spectrum
from scrub_pixels.frames.description import PixelDescription, attribute
from scrub_pixels.frames.syntaxes import Codec, TransferSyntax
from scrub_pixels.frames.words import unsigned

CODEC_ERRORS = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    MemoryError,
    EOFError,
    OSError,
    zlib.error,
    StructError,
)
"""What codecs raise on damaged input, as found in their sources and by fuzzing."""

_BASELINE, _EXTENDED = 0xC0, 0xC1
_RLE_HEADER = 64
_CODESTREAMS = (Codec.JPEG, Codec.JPEG_LS, Codec.JPEG_2000, Codec.JPEG_XL)


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded frame.

    Parameters
    ----------
    words
        Allocated words, unsigned (or floating), ``(Rows, Columns[, Samples])``.
    colour
        Colour space of `words` as a Photometric Interpretation.
    sign_bit
        Bits that hold a signed value if fewer than Bits Stored, else 0.
    """

    words: NDArray
    colour: str
    sign_bit: int = 0


def decode_frame(data: bytes, description: PixelDescription, syntax: TransferSyntax) -> Decoded:
    """Return the words of one encoded frame, without any colour conversion of ours.

    Raises
    ------
    CorruptInstance
        If the bytes do not decode to what the header declares.
    MissingDependency
        If the codec's package is not installed.
    """
    try:
        decoded = _DECODERS[syntax.codec](data, description, syntax)
        return _raised(decoded, description) if syntax.codec in _CODESTREAMS else decoded
    except ImportError:
        raise MissingDependency(
            f"The decoder for {syntax.name} is not installed",
            remedy=f"Install {' or '.join(syntax.needs)}.",
        ) from None
    except CODEC_ERRORS:
        raise _corrupt("A frame does not decode") from None


def _raised(decoded: Decoded, description: PixelDescription) -> Decoded:
    """Put the samples of a codestream, which knows no High Bit, where the header says words have them."""
    shift = description.high_bit + 1 - description.bits_stored
    return replace(decoded, words=decoded.words << shift) if shift else decoded


def stored_colour(data: bytes, description: PixelDescription, syntax: TransferSyntax) -> str:
    """Return the colour space that decoding gives: from the codestream first, then the header.

    JPEG: APP14, component identifiers, JFIF and sampling outweigh Photometric Interpretation,
    because every viewer's codec believes them. JPEG 2000: an inverted component transformation
    gives RGB (PS3.5 8.2.4). Chroma is always at full resolution here, so 4:2:2 reads YBR_FULL.
    """
    if syntax.codec is Codec.JPEG_XL and description.samples == 3:
        return _jpeg_xl_colour(data, description)
    if syntax.codec in (Codec.JPEG, Codec.JPEG_2000) and description.samples == 3:
        return _colour(_parsed(data), description)
    return _full_resolution(description.photometric)


def check_codestream(stream: Codestream, description: PixelDescription) -> None:
    """Refuse a codestream that contradicts the header, before it is decoded.

    Raises
    ------
    CorruptInstance
        If size, samples or depth differ, or the end marker is missing.
    """
    if (stream.rows, stream.columns) != description.shape:
        raise _corrupt("Codestream and header differ in Rows or Columns")
    if stream.samples != description.samples:
        raise _corrupt("Codestream and header differ in Samples per Pixel")
    if stream.precision > max(8, description.bits_allocated):
        raise _corrupt("The codestream is deeper than Bits Allocated")
    if stream.end is None:
        raise _corrupt("A codestream breaks off before its end marker")


def _parsed(data: bytes) -> Codestream:
    try:
        return parse(data)
    except BadCodestream:
        raise _corrupt("A frame is no codestream of its transfer syntax") from None


def _colour(stream: Codestream, description: PixelDescription) -> str:
    declared = description.photometric
    if description.samples == 1:
        return declared
    if stream.colour:
        return stream.colour
    if declared in ("YBR_RCT", "YBR_ICT"):
        return "RGB"
    return _full_resolution(declared)


def _full_resolution(photometric: str) -> str:
    return "YBR_FULL" if photometric == "YBR_FULL_422" else photometric


def _native(data: bytes, description: PixelDescription, _: TransferSyntax) -> Decoded:
    exact = data[: description.frame_bytes] if len(data) == description.frame_bytes + 1 else data
    words = native.decode_words(exact, description)
    return Decoded(words, _full_resolution(description.photometric))


def _deflate(data: bytes, description: PixelDescription, syntax: TransferSyntax) -> Decoded:
    """Inflate a frame; bytes behind it, or more than it needs, would hold what no viewer shows."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = inflater.decompress(data, description.frame_bytes + 2)
    if inflater.unconsumed_tail or inflater.unused_data.strip(b"\0"):
        raise _corrupt("A deflated frame holds bytes behind its end")
    return _native(plain, description, syntax)


def _rle(data: bytes, description: PixelDescription, syntax: TransferSyntax) -> Decoded:
    if description.bits_allocated == 1:
        (packed,) = _segments(data, 1, description.frame_bytes)
        return _native(packed.tobytes(), description, syntax)
    size = description.bits_allocated // 8
    planes = _segments(data, size * description.samples, description.rows * description.columns)
    # Most significant byte first: segments of one sample in reverse are its little-endian bytes.
    by_byte = planes.reshape(description.samples, size, -1)[:, ::-1]
    words = np.ascontiguousarray(by_byte.transpose(0, 2, 1)).view(unsigned(description).newbyteorder("<"))
    own_order = words.astype(unsigned(description), copy=False)
    by_plane = own_order.reshape(description.samples, *description.shape)
    arranged = by_plane[0] if description.samples == 1 else by_plane.transpose(1, 2, 0)
    return Decoded(arranged, _full_resolution(description.photometric))


def _segments(data: bytes, count: int, length: int) -> NDArray[np.uint8]:
    """Return ``(count, length)`` bytes of an RLE frame's segments (PS3.5 Annex G).

    A segment that decodes to more than its plane, other than zeros, would hold what no viewer
    shows, and so would a gap behind the header or its unused offsets; they are refused.
    """
    from rle.rle import decode_segment

    starts = unpack_from(f"<{1 + count}I", data)
    if starts[0] != count or len(data) < _RLE_HEADER:
        raise _corrupt("An RLE frame has not the segments its header needs")
    if starts[1] != _RLE_HEADER or any(data[4 * (1 + count) : _RLE_HEADER]):
        raise _corrupt("An RLE frame holds bytes beside its segments")
    planes = np.empty((count, length), np.uint8)
    for number, (start, stop) in enumerate(zip(starts[1:], (*starts[2:], len(data)), strict=True)):
        # An empty segment panics the codec; one over twice its plane could only be a bomb.
        if not _RLE_HEADER <= start < stop <= len(data) or stop - start > 2 * length + _RLE_HEADER:
            raise _corrupt("An RLE frame's segments do not lie within it")
        plane = np.frombuffer(bytes(decode_segment(data[start:stop])), np.uint8)
        if len(plane) < length or plane[length:].any():
            raise _corrupt("An RLE segment has not the length of its plane")
        planes[number] = plane[:length]
    return planes


def _jpeg(data: bytes, description: PixelDescription, syntax: TransferSyntax) -> Decoded:
    import libjpeg

    stream = _parsed(data)
    check_codestream(stream, description)
    sequential = stream.process in (_BASELINE, _EXTENDED)
    readable = with_full_spectrum(data) if sequential else data
    words = _container(libjpeg.decode_pixel_data(readable, version=2), stream, description)
    return Decoded(_within(words, stream, description, syntax), _colour(stream, description))


def _jpeg_ls(data: bytes, description: PixelDescription, syntax: TransferSyntax) -> Decoded:
    import jpeg_ls

    stream = _parsed(data)
    check_codestream(stream, description)
    buffer, info = jpeg_ls.decode_buffer(data)
    by_plane = description.samples > 1 and info["interleave_mode"] == 0
    words = _container(buffer, stream, description, by_plane=by_plane)
    words = _within(words, stream, description, syntax)
    return Decoded(words, _full_resolution(description.photometric), stream.precision)


def _jpeg_2000(data: bytes, description: PixelDescription, syntax: TransferSyntax) -> Decoded:
    import openjpeg

    stream = _parsed(data)
    check_codestream(stream, description)
    words = _container(openjpeg.decode_pixel_data(data, version=2), stream, description)
    words = _within(words, stream, description, syntax)
    return Decoded(words, _colour(stream, description), 0 if stream.signed else stream.precision)


def _jpeg_xl(data: bytes, description: PixelDescription, syntax: TransferSyntax) -> Decoded:
    """Decode JPEG XL; of a recompressed JPEG, the JPEG it was, so that its own blocks are what counts."""
    if jpeg_xl.is_recompressed(data):
        return _jpeg(jpeg_xl.to_jpeg(data), description, syntax)
    stream = jpeg_xl.parse(data)
    check_codestream(stream, description)
    words = jpeg_xl.decode(data)
    if words.size != description.frame_samples:
        raise _corrupt("A frame decodes to another size than it declares")
    words = _container(words.astype(f"<u{words.dtype.itemsize}"), stream, description)
    colour = _jpeg_xl_colour(data, description)
    return Decoded(_within(words, stream, description, syntax), colour, stream.precision)


def _jpeg_xl_colour(data: bytes, description: PixelDescription) -> str:
    """Return the colour space: decoders give RGB, so a header that says YBR cannot be believed or used."""
    try:
        if jpeg_xl.is_recompressed(data):
            return _colour(parse(jpeg_xl.to_jpeg(data)), description)
        if description.samples == 1:
            return description.photometric
    except (BadCodestream, RuntimeError):
        raise _corrupt("A frame is no codestream of its transfer syntax") from None
    if description.photometric in ("RGB", "XYB", "YBR_RCT", "YBR_ICT"):
        return "RGB"
    raise UnsupportedInstance(
        "JPEG XL decodes to RGB, but the header says something else",
        stage="decode",
        tag=attribute("PhotometricInterpretation"),
        remedy="Correct Photometric Interpretation, or convert the Instance.",
    )


def _container(
    buffer: bytes | bytearray | NDArray,
    stream: Codestream,
    description: PixelDescription,
    *,
    by_plane: bool = False,
) -> NDArray:
    """Bring a codec's output, sized by its precision, into allocated words."""
    size = 1 if stream.precision <= 8 else 2 if stream.precision <= 16 else 4
    read = np.frombuffer(buffer, f"<{'i' if stream.signed else 'u'}{size}")
    target = unsigned(description)
    wide = np.dtype(f"{read.dtype.kind}{target.itemsize}")
    words = read.astype(wide, copy=False).view(target)
    if by_plane:
        return words.reshape(description.samples, *description.shape).transpose(1, 2, 0)
    return words.reshape(description.array_shape)


def _within(
    words: NDArray, stream: Codestream, description: PixelDescription, syntax: TransferSyntax
) -> NDArray:
    """Saturate at Bits Stored what a lossy codec overshoots; masking would turn white to black."""
    if not syntax.lossy or stream.precision <= description.bits_stored:
        return words
    if not description.signed:
        return np.minimum(words, words.dtype.type(2**description.bits_stored - 1))
    half = 2 ** (description.bits_stored - 1)
    return np.clip(words.view(description.dtype), -half, half - 1).view(words.dtype)


def _refuse(_: bytes, __: PixelDescription, syntax: TransferSyntax) -> Decoded:
    raise UnsupportedInstance(
        f"{syntax.name} cannot be decoded: {syntax.reason}",
        stage="decode",
        tag="(0002,0010) TransferSyntaxUID",
        remedy="Convert the Instance to a transfer syntax that is handled.",
    )


def _corrupt(message: str) -> CorruptInstance:
    return CorruptInstance(
        message,
        stage="decode",
        tag=attribute("PixelData"),
        remedy="Get the Instance again from its source.",
    )


Decoder = Callable[[bytes, PixelDescription, TransferSyntax], Decoded]

_DECODERS: Mapping[Codec, Decoder] = MappingProxyType(
    {
        Codec.NATIVE: _native,
        Codec.DEFLATE: _deflate,
        Codec.RLE: _rle,
        Codec.JPEG: _jpeg,
        Codec.JPEG_LS: _jpeg_ls,
        Codec.JPEG_2000: _jpeg_2000,
        Codec.JPEG_XL: _jpeg_xl,
        Codec.NONE: _refuse,
    }
)

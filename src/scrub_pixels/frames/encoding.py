"""Stored samples to one encoded frame, losslessly, and frames to a Pixel Data value."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.errors import MissingDependency, UnsupportedInstance
from scrub_pixels.frames import high_throughput, jpeg_xl, lossless_jpeg, native
from scrub_pixels.frames.description import PixelDescription, attribute
from scrub_pixels.frames.encapsulation import encapsulate
from scrub_pixels.frames.syntaxes import (
    DEFLATED_FRAME,
    ENCAPSULATED_UNCOMPRESSED,
    HTJ2K_LOSSLESS,
    HTJ2K_RPCL,
    JPEG_2000_LOSSLESS,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_XL_LOSSLESS,
    RLE_LOSSLESS,
    transfer_syntax,
)
from scrub_pixels.frames.words import unsigned

_DEEPEST = 16
_SMALLEST_J2K = 32
"""The openjpeg binding always asks for six resolutions, which need this many rows and columns."""
_RGB, _UNSPECIFIED = 1, 0
_WITH_TRANSFORM = (JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS, HTJ2K_RPCL)
TRANSFORMED = ("YBR_RCT", "YBR_ICT")


def encode_frame(samples: NDArray, description: PixelDescription, syntax_uid: str) -> bytes:
    """Encode stored samples of one frame losslessly.

    Parameters
    ----------
    samples
        ``(Rows, Columns)`` or ``(Rows, Columns, Samples)``, as ``Instance.stored`` gives them.
    description
        What the header will say. JPEG 2000 applies the reversible colour transformation if its
        photometric is YBR_RCT or YBR_ICT (the header must then say YBR_RCT).
    syntax_uid
        Transfer syntax to encode for. Bits outside Bits Stored are cleared in every one.

    Returns
    -------
    bytes
        Native bytes of the frame, or one codestream. 1-bit native frames begin at a byte;
        byte-sized samples in big endian are in OB order, see `pixel_data_vr`.

    Raises
    ------
    UnsupportedInstance
        If there is no lossless encoder for the syntax or this depth.
    ValueError
        If the samples do not have the described shape and type, or a 4:2:2 pair differs in chroma.
    MissingDependency
        If the encoder's package is not installed.
    """
    _check(samples, description)
    syntax = transfer_syntax(syntax_uid)
    if not syntax.encapsulated:
        return native.encode_words(samples, description, little_endian=syntax.little_endian)
    encoder = _ENCODERS.get(syntax.uid)
    if encoder is None:
        raise _unsupported(f"There is no lossless encoder for {syntax.name}")
    if description.floating:
        raise _unsupported("Floating samples are encoded natively only")
    try:
        return encoder(samples, description)
    except ImportError:
        raise MissingDependency(
            f"The encoder for {syntax.name} is not installed", remedy="Install imagecodecs."
        ) from None
    except RuntimeError:
        raise _unsupported(f"The encoder for {syntax.name} failed") from None


def join_frames(frames: Iterable[bytes], description: PixelDescription, syntax_uid: str) -> bytes:
    """Return the value of Pixel Data made of encoded frames, even in length.

    Native frames are concatenated (1-bit frames without padding between them). Encapsulated ones
    become a fragment each behind a Basic Offset Table, which is left empty from 4 GiB on; no
    Extended Offset Table is written, so remove (7FE0,0001) and (7FE0,0002) from the data set.

    Raises
    ------
    CorruptInstance
        If one encoded frame is over 4 GiB.
    """
    if transfer_syntax(syntax_uid).encapsulated:
        return encapsulate(frames, description.frames)
    return native.join(frames, description)


def pixel_data_vr(description: PixelDescription, syntax_uid: str) -> str:
    """Return the VR under which `join_frames` lays Pixel Data down (PS3.5 8.2, A.1 to A.4)."""
    syntax = transfer_syntax(syntax_uid)
    if description.floating:
        return "OF" if description.bits_allocated == 32 else "OD"
    if syntax.encapsulated:
        return "OB"
    return "OB" if description.bits_allocated <= 8 and syntax.keyword != "ImplicitVRLittleEndian" else "OW"


def written_photometric(description: PixelDescription, colour: str, syntax_uid: str) -> str:
    """Return the Photometric Interpretation that is true of frames encoded by `encode_frame`.

    Parameters
    ----------
    description
        Of the Instance as read.
    colour
        ``Instance.stored_photometric``.
    """
    if not transfer_syntax(syntax_uid).encapsulated and description.subsampled:
        return description.photometric
    if colour == "RGB" and transforms(description, syntax_uid):
        return "YBR_RCT"
    return colour


def transforms(description: PixelDescription, syntax_uid: str) -> bool:
    """Tell whether `encode_frame` applies the reversible colour transformation (T.800 G.2)."""
    return syntax_uid in _WITH_TRANSFORM and description.photometric in TRANSFORMED


def _check(samples: NDArray, description: PixelDescription) -> None:
    if samples.shape != description.array_shape:
        raise ValueError("the samples have not the described shape")
    if samples.dtype != description.dtype:
        raise ValueError("the samples have not the described type")


def _uncompressed(samples: NDArray, description: PixelDescription) -> bytes:
    if description.subsampled:
        raise _unsupported("4:2:2 samples are not encoded in this transfer syntax")
    return native.encode_words(samples, description)


def _deflate(samples: NDArray, description: PixelDescription) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(_uncompressed(samples, description)) + packer.flush()


def _rle(samples: NDArray, description: PixelDescription) -> bytes:
    from rle.utils import encode_pixel_data

    if description.bits_allocated == 1:
        packed = native.encode_words(samples, description)
        return encode_pixel_data(packed, rows=1, columns=len(packed), samples_per_pixel=1, bits_allocated=8)
    by_pixel = replace(description, planar=0, photometric="RGB" if description.samples == 3 else "")
    return encode_pixel_data(
        native.encode_words(samples, by_pixel),
        byteorder="<",
        rows=description.rows,
        columns=description.columns,
        samples_per_pixel=description.samples,
        bits_allocated=description.bits_allocated,
        number_of_frames=1,
    )


def _packed(samples: NDArray, description: PixelDescription) -> NDArray:
    """Return low-aligned unsigned words in the smallest type that holds Bits Stored."""
    _check_depth(description)
    words = samples.view(unsigned(description)) & unsigned(description).type(2**description.bits_stored - 1)
    return words.astype("<u1" if description.bits_stored <= 8 else "<u2", copy=False)


def _check_depth(description: PixelDescription) -> None:
    if description.bits_stored > _DEEPEST:
        raise _unsupported("Samples deeper than 16 bits have no such encoder")


def _jpeg_ls(samples: NDArray, description: PixelDescription) -> bytes:
    import jpeg_ls

    words = _packed(np.ascontiguousarray(samples), description)
    return bytes(
        jpeg_ls.encode_buffer(
            words.tobytes(),
            description.rows,
            description.columns,
            description.samples,
            max(2, description.bits_stored),
            interleave_mode=2,
        )
    )


def _jpeg_2000(samples: NDArray, description: PixelDescription) -> bytes:
    from openjpeg.utils import encode_array

    _check_depth(description)
    plain = np.ascontiguousarray(samples)
    narrow = plain.astype(f"{plain.dtype.kind}{1 if description.bits_stored <= 8 else 2}", copy=False)
    transform = description.photometric in TRANSFORMED
    if min(description.shape) < _SMALLEST_J2K:
        return _small_jpeg_2000(narrow, description.bits_stored, transform)
    colour = _RGB if transform else _UNSPECIFIED
    return encode_array(narrow, description.bits_stored, colour, transform)


def _small_jpeg_2000(samples: NDArray, bits_stored: int, transform: bool) -> bytes:
    from imagecodecs import jpeg2k_encode

    one = 1  # resolution: there is little left to decompose
    return bytes(
        jpeg2k_encode(samples, level=0, codecformat="j2k", bitspersample=bits_stored, resolutions=one,
                      reversible=True, mct=transform, planar=False, numthreads=1)
    )  # fmt: skip


def _lossless_jpeg(samples: NDArray, description: PixelDescription) -> bytes:
    if description.bits_stored < 2:
        raise _unsupported("JPEG Lossless has two bits at least")
    return lossless_jpeg.encode(
        _packed(np.ascontiguousarray(samples), description), description.bits_stored, description.photometric
    )


def _high_throughput(samples: NDArray, description: PixelDescription) -> bytes:
    _check_depth(description)
    transform = description.photometric in TRANSFORMED
    return high_throughput.encode(samples, description.bits_stored, transform=transform)


def _jpeg_xl(samples: NDArray, description: PixelDescription) -> bytes:
    return jpeg_xl.encode(_packed(np.ascontiguousarray(samples), description), description.bits_stored)


def _unsupported(message: str) -> UnsupportedInstance:
    return UnsupportedInstance(
        message,
        stage="mask",
        tag=attribute("PixelData"),
        remedy="Choose an uncompressed transfer syntax for the output.",
    )


_ENCODERS: Mapping[str, Callable[[NDArray, PixelDescription], bytes]] = MappingProxyType(
    {
        ENCAPSULATED_UNCOMPRESSED: _uncompressed,
        DEFLATED_FRAME: _deflate,
        RLE_LOSSLESS: _rle,
        JPEG_LS_LOSSLESS: _jpeg_ls,
        JPEG_2000_LOSSLESS: _jpeg_2000,
        JPEG_LOSSLESS: _lossless_jpeg,
        JPEG_LOSSLESS_SV1: _lossless_jpeg,
        HTJ2K_LOSSLESS: _high_throughput,
        HTJ2K_RPCL: _high_throughput,
        JPEG_XL_LOSSLESS: _jpeg_xl,
    }
)

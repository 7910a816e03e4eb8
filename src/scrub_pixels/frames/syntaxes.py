"""The transfer syntaxes: one row each, with what is read, how it is redacted, what is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

from scrub_pixels.errors import UnsupportedInstance


class Redact(str, Enum):
    """How an Instance in a transfer syntax is redacted."""

    NATIVE = "native"
    """Samples are painted and written as they stand."""
    SAME_SYNTAX = "same syntax"
    """Touched frames are decoded and encoded again, losslessly, in the same syntax."""
    COEFFICIENTS = "coefficients"
    """Touched blocks are edited in the DCT domain; all others keep their coefficients."""
    TO_LOSSLESS = "to lossless"
    """Touched Instances are written in another, lossless syntax; on record in header and ledger."""
    VIDEO = "video"
    """The whole stream is encoded again by the same codec; what is outside differs within a bound."""
    REFUSE = "refuse"
    """No proven way yet."""


class Codec(str, Enum):
    """What turns an encoded frame into samples."""

    NATIVE = "native"
    DEFLATE = "deflate"
    RLE = "rle"
    JPEG = "jpeg"
    JPEG_LS = "jpeg-ls"
    JPEG_2000 = "jpeg 2000"
    JPEG_XL = "jpeg xl"
    VIDEO = "video"
    NONE = "none"


_PACKAGES: Mapping[Codec, tuple[str, ...]] = MappingProxyType(
    {
        Codec.RLE: ("pylibjpeg-rle",),
        Codec.JPEG: ("pylibjpeg-libjpeg",),
        Codec.JPEG_LS: ("pyjpegls",),
        Codec.JPEG_2000: ("pylibjpeg-openjpeg",),
        Codec.JPEG_XL: ("imagecodecs",),
        Codec.VIDEO: ("av",),
    }
)


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """One row of the table.

    Parameters
    ----------
    uid, keyword, name
        As registered in PS3.6 Table A-1.
    section
        The section of PS3.5 that defines how pixels are encoded.
    codec
        What reads it; ``Codec.NONE`` if nothing does yet.
    redaction
        How it is redacted.
    lossy
        True if the encoding itself loses information.
    encapsulated
        True if Pixel Data is a sequence of fragments (PS3.5 A.4).
    written_as
        UID of the syntax a redacted Instance is written in; empty if refused.
    reason
        Why it is refused, empty otherwise.
    """

    uid: str
    keyword: str
    name: str
    section: str
    codec: Codec
    redaction: Redact
    lossy: bool = False
    encapsulated: bool = True
    written_as: str = ""
    reason: str = ""

    @property
    def little_endian(self) -> bool:
        """False for Explicit VR Big Endian only."""
        return self.uid != BIG_ENDIAN

    @property
    def holds_samples(self) -> bool:
        """Whether samples stand in its frames as they are, in runs at most, and are not coded by entropy."""
        return self.codec in (Codec.NATIVE, Codec.RLE)

    @property
    def needs(self) -> tuple[str, ...]:
        """Packages that decode it."""
        return _PACKAGES.get(self.codec, ())


IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_XL_LOSSLESS = "1.2.840.10008.1.2.4.110"
JPEG_XL_RECOMPRESSION = "1.2.840.10008.1.2.4.111"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K_RPCL = "1.2.840.10008.1.2.4.202"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"


def _native(uid: str, keyword: str, name: str, section: str) -> TransferSyntax:
    return TransferSyntax(
        uid, keyword, name, section, Codec.NATIVE, Redact.NATIVE, encapsulated=False, written_as=uid
    )


def _same(uid: str, keyword: str, name: str, section: str, codec: Codec) -> TransferSyntax:
    return TransferSyntax(uid, keyword, name, section, codec, Redact.SAME_SYNTAX, written_as=uid)


def _coefficients(uid: str, keyword: str, name: str) -> TransferSyntax:
    edit = Redact.COEFFICIENTS
    return TransferSyntax(uid, keyword, name, "PS3.5 A.4.1", Codec.JPEG, edit, True, written_as=uid)


def _lossless(row: tuple[str, str, str, str], codec: Codec, lossy: bool, target: str) -> TransferSyntax:
    return TransferSyntax(*row, codec, Redact.TO_LOSSLESS, lossy, written_as=target)


def _video(uid: str, keyword: str, name: str, section: str) -> TransferSyntax:
    return TransferSyntax(uid, keyword, name, section, Codec.VIDEO, Redact.VIDEO, True, written_as=uid)


def _refused(uid: str, keyword: str, name: str, section: str, reason: str) -> TransferSyntax:
    return TransferSyntax(uid, keyword, name, section, Codec.NONE, Redact.REFUSE, True, reason=reason)


_RETIRED_JPEG = "retired JPEG process that no installed decoder is proven for"
_SECOND_VIEW = "the second view of stereoscopic video has no decoder, so nobody would have searched it"
_JPIP = "pixels are not in the file but at a provider's address"
_PART_2 = "JPEG 2000 Part 2 multi-component: no decoder is proven for it"
_LIVE = "live stream: pixels are not in the file"

_LS, _J2K, _HT, _XL = JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS, JPEG_XL_LOSSLESS

_ROWS: tuple[TransferSyntax, ...] = (
    # Native, PS3.5 Annex A.1 to A.3, A.5
    _native(IMPLICIT_LITTLE, "ImplicitVRLittleEndian", "Implicit VR Little Endian", "PS3.5 A.1"),
    _native(EXPLICIT_LITTLE, "ExplicitVRLittleEndian", "Explicit VR Little Endian", "PS3.5 A.2"),
    _native(DEFLATED, "DeflatedExplicitVRLittleEndian", "Deflated Explicit VR Little Endian", "PS3.5 A.5"),
    _native(BIG_ENDIAN, "ExplicitVRBigEndian", "Explicit VR Big Endian", "PS3.5 A.3"),
    # Encapsulated and lossless, with an encoder of their own
    _same(
        ENCAPSULATED_UNCOMPRESSED, "EncapsulatedUncompressedExplicitVRLittleEndian",
        "Encapsulated Uncompressed Explicit VR Little Endian", "PS3.5 A.4.11", Codec.NATIVE,
    ),
    _same(RLE_LOSSLESS, "RLELossless", "RLE Lossless", "PS3.5 A.4.2, G", Codec.RLE),
    _same(JPEG_LS_LOSSLESS, "JPEGLSLossless", "JPEG-LS Lossless", "PS3.5 A.4.3", Codec.JPEG_LS),
    _same(JPEG_2000_LOSSLESS, "JPEG2000Lossless", "JPEG 2000 Lossless Only", "PS3.5 A.4.4", Codec.JPEG_2000),
    _same(
        DEFLATED_FRAME, "DeflatedImageFrameCompression", "Deflated Image Frame Compression",
        "PS3.5 8.2.16", Codec.DEFLATE,
    ),
    _same(JPEG_LOSSLESS, "JPEGLossless", "JPEG Lossless (Process 14)", "PS3.5 A.4.1", Codec.JPEG),
    _same(JPEG_LOSSLESS_SV1, "JPEGLosslessSV1", "JPEG Lossless SV1 (Process 14)", "PS3.5 A.4.1", Codec.JPEG),
    _same(HTJ2K_LOSSLESS, "HTJ2KLossless", "HTJ2K Lossless Only", "PS3.5 8.2.14", Codec.JPEG_2000),
    _same(HTJ2K_RPCL, "HTJ2KLosslessRPCL", "HTJ2K RPCL Lossless Only", "PS3.5 8.2.14", Codec.JPEG_2000),
    _same(JPEG_XL_LOSSLESS, "JPEGXLLossless", "JPEG XL Lossless", "PS3.5 8.2.15", Codec.JPEG_XL),
    # Edited block by block
    _coefficients(JPEG_BASELINE, "JPEGBaseline8Bit", "JPEG Baseline (Process 1)"),
    _coefficients(JPEG_EXTENDED, "JPEGExtended12Bit", "JPEG Extended (Process 2 and 4)"),
    TransferSyntax(
        JPEG_XL_RECOMPRESSION, "JPEGXLJPEGRecompression", "JPEG XL JPEG Recompression", "PS3.5 8.2.15",
        Codec.JPEG_XL, Redact.COEFFICIENTS, True, written_as=JPEG_XL_RECOMPRESSION,
    ),
    # Decodable, written in another lossless syntax
    _lossless(
        (
            "1.2.840.10008.1.2.4.53", "JPEGSpectralSelectionNonHierarchical68",
            "JPEG Spectral Selection (Process 6 and 8)", "PS3.5 A.4.1 (retired)",
        ),
        Codec.JPEG, True, _LS,
    ),
    _lossless(
        (
            "1.2.840.10008.1.2.4.55", "JPEGFullProgressionNonHierarchical1012",
            "JPEG Full Progression (Process 10 and 12)", "PS3.5 A.4.1 (retired)",
        ),
        Codec.JPEG, True, _LS,
    ),
    _lossless(
        ("1.2.840.10008.1.2.4.81", "JPEGLSNearLossless", "JPEG-LS Near-Lossless", "PS3.5 A.4.3"),
        Codec.JPEG_LS, True, _LS,
    ),
    _lossless(
        ("1.2.840.10008.1.2.4.91", "JPEG2000", "JPEG 2000", "PS3.5 A.4.4"), Codec.JPEG_2000, True, _J2K
    ),
    _lossless(
        ("1.2.840.10008.1.2.4.203", "HTJ2K", "High-Throughput JPEG 2000", "PS3.5 8.2.14"),
        Codec.JPEG_2000, True, _HT,
    ),
    _lossless(
        ("1.2.840.10008.1.2.4.112", "JPEGXL", "JPEG XL", "PS3.5 8.2.15"), Codec.JPEG_XL, True, _XL
    ),
    # Refused, each with its reason
    *(
        _refused(f"1.2.840.10008.1.2.4.{n}", keyword, name, "PS3.5 A.4.1 (retired)", _RETIRED_JPEG)
        for n, keyword, name in (
            (52, "JPEGExtended35", "JPEG Extended (Process 3 and 5)"),
            (54, "JPEGSpectralSelectionNonHierarchical79", "JPEG Spectral Selection (Process 7 and 9)"),
            (56, "JPEGFullProgressionNonHierarchical1113", "JPEG Full Progression (Process 11 and 13)"),
            (58, "JPEGLosslessNonHierarchical15", "JPEG Lossless (Process 15)"),
            (59, "JPEGExtendedHierarchical1618", "JPEG Extended, Hierarchical (Process 16 and 18)"),
            (60, "JPEGExtendedHierarchical1719", "JPEG Extended, Hierarchical (Process 17 and 19)"),
            (61, "JPEGSpectralSelectionHierarchical2022", "JPEG Spectral, Hierarchical (Process 20 and 22)"),
            (62, "JPEGSpectralSelectionHierarchical2123", "JPEG Spectral, Hierarchical (Process 21 and 23)"),
            (63, "JPEGFullProgressionHierarchical2426", "JPEG Progressive, Hierarchical (Process 24 and 26)"),
            (64, "JPEGFullProgressionHierarchical2527", "JPEG Progressive, Hierarchical (Process 25 and 27)"),
            (65, "JPEGLosslessHierarchical28", "JPEG Lossless, Hierarchical (Process 28)"),
            (66, "JPEGLosslessHierarchical29", "JPEG Lossless, Hierarchical (Process 29)"),
        )
    ),
    *(
        _refused(f"1.2.840.10008.1.2.4.{n}", keyword, name, "PS3.5 A.4.4", _PART_2)
        for n, keyword, name in (
            ("92", "JPEG2000MCLossless", "JPEG 2000 Part 2 Multi-component Lossless"),
            ("93", "JPEG2000MC", "JPEG 2000 Part 2 Multi-component"),
        )
    ),
    *(
        _refused(f"1.2.840.10008.1.2.4.{n}", keyword, name, section, _JPIP)
        for n, keyword, name, section in (
            ("94", "JPIPReferenced", "JPIP Referenced", "PS3.5 A.6"),
            ("95", "JPIPReferencedDeflate", "JPIP Referenced Deflate", "PS3.5 A.7"),
            ("204", "JPIPHTJ2KReferenced", "JPIP HTJ2K Referenced", "PS3.5 A.11"),
            ("205", "JPIPHTJ2KReferencedDeflate", "JPIP HTJ2K Referenced Deflate", "PS3.5 A.12"),
        )
    ),
    *(
        _video(f"1.2.840.10008.1.2.4.{n}{part}", keyword + "F" * bool(part), name, section)
        for part in ("", ".1")
        for n, keyword, name, section in (
            ("100", "MPEG2MPML", "MPEG2 Main Profile / Main Level", "PS3.5 8.2.5"),
            ("101", "MPEG2MPHL", "MPEG2 Main Profile / High Level", "PS3.5 8.2.6"),
            ("102", "MPEG4HP41", "MPEG-4 AVC/H.264 High Profile / Level 4.1", "PS3.5 8.2.7"),
            ("103", "MPEG4HP41BD", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", "PS3.5 8.2.7"),
            ("104", "MPEG4HP422D", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", "PS3.5 8.2.8"),
            ("105", "MPEG4HP423D", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", "PS3.5 8.2.8"),
        )
    ),
    _video("1.2.840.10008.1.2.4.107", "HEVCMP51", "HEVC/H.265 Main Profile / Level 5.1", "PS3.5 8.2.10"),
    _video(
        "1.2.840.10008.1.2.4.108", "HEVCM10P51", "HEVC/H.265 Main 10 Profile / Level 5.1", "PS3.5 8.2.11"
    ),
    *(
        _refused(
            f"1.2.840.10008.1.2.4.106{part}", "MPEG4HP42STEREO" + "F" * bool(part),
            "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", "PS3.5 8.2.9", _SECOND_VIEW,
        )
        for part in ("", ".1")
    ),
    *(
        _refused(f"1.2.840.10008.1.2.7.{n}", keyword, name, "PS3.22", _LIVE)
        for n, keyword, name in (
            (1, "SMPTEST211020UncompressedProgressiveActiveVideo", "SMPTE ST 2110-20 Progressive Video"),
            (2, "SMPTEST211020UncompressedInterlacedActiveVideo", "SMPTE ST 2110-20 Interlaced Video"),
            (3, "SMPTEST211030PCMDigitalAudio", "SMPTE ST 2110-30 PCM Digital Audio"),
        )
    ),
)  # fmt: skip

TRANSFER_SYNTAXES: Mapping[str, TransferSyntax] = MappingProxyType({row.uid: row for row in _ROWS})
"""Every known transfer syntax by UID."""


def without_blocks(row: TransferSyntax) -> TransferSyntax:
    """Return the row for a codestream that is no 8-bit DCT: decoded and written as JPEG-LS."""
    return replace(row, redaction=Redact.TO_LOSSLESS, written_as=JPEG_LS_LOSSLESS)


def transfer_syntax(uid: str) -> TransferSyntax:
    """Return the row of a transfer syntax.

    Raises
    ------
    UnsupportedInstance
        If the UID is not in the table (private or unknown).
    """
    row = TRANSFER_SYNTAXES.get(str(uid))
    if row is None:
        raise UnsupportedInstance(
            "The transfer syntax is private or unknown",
            stage="open",
            tag="(0002,0010) TransferSyntaxUID",
            remedy="Convert the file to a transfer syntax of PS3.6 Table A-1.",
        )
    return row

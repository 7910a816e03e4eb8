"""Redactions to new Pixel Data, in the Instance's own transfer syntax wherever that can be done.

=============  ==================================================================================
NATIVE         the bytes inside each Region are overwritten, no other byte of the frame changes
SAME SYNTAX    touched frames are decoded, painted, encoded losslessly; others keep their bytes
               (frames that the encoder cannot take: the Instance is written uncompressed)
COEFFICIENTS   touched 8x8 blocks are replaced in the entropy-coded data; if a codestream cannot
               be edited so, the Instance is written losslessly as JPEG-LS instead, on record
TO LOSSLESS    every frame is decoded and encoded losslessly in the syntax the table names
VIDEO          every frame is decoded, painted and encoded again by the same codec, on record
=============  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import ProofFailed, UnsupportedInstance
from scrub_pixels.frames import (
    Instance,
    PixelDescription,
    Redact,
    encode_frame,
    join_frames,
    jpeg_xl,
    pixel_data_vr,
    transfer_syntax,
    written_photometric,
)
from scrub_pixels.frames.codestream import BadCodestream, starts_codestream
from scrub_pixels.frames.codestream import parse as parse_codestream
from scrub_pixels.frames.decoding import CODEC_ERRORS
from scrub_pixels.frames.encapsulation import encapsulate_whole
from scrub_pixels.frames.encoding import transforms
from scrub_pixels.frames.syntaxes import JPEG_LOSSLESS, JPEG_LOSSLESS_SV1, Codec
from scrub_pixels.geometry import Region
from scrub_pixels.masks.black import fill_value
from scrub_pixels.masks.evidence import FrameRedaction
from scrub_pixels.masks.jpeg_edit import blacken
from scrub_pixels.masks.jpeg_markers import NotEditable
from scrub_pixels.masks.painting import native_regions, paint, paint_native
from scrub_pixels.masks.uncommented import without_comments
from scrub_pixels.masks.video import corrected_count, history, rebuilt_value, redacted_value

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
_SPEAKS_OF_COLOUR = (JPEG_LOSSLESS, JPEG_LOSSLESS_SV1)
"""Syntaxes whose encoder is told the colour space of the samples instead of the header's."""
_PIXELS = "(7FE0,0010) PixelData"

Regions = Mapping[int, tuple[Region, ...]]


@dataclass(frozen=True)
class MaskedPixels:
    """New Pixel Data and what has to be said about it.

    Parameters
    ----------
    value
        New value of the element; the original object itself if nothing changed.
    transfer_syntax_uid
        What `value` is encoded in.
    attributes
        Attributes by keyword that have to change with it; None deletes.
    redactions
        The samples that may differ, frame by frame.
    cleared_bits
        True if bits outside Bits Stored were set to zero in every frame.
    identical
        True if `value` is the original's.
    requested
        The Regions asked for, clipped to the frame.
    black
        The samples that are displayed black, frame by frame; all of `requested`, except where
        up-sampled colour from outside bleeds in.
    keyword, vr
        The element that carries the value, and its VR.
    comments_cut
        True if comments or application data were cut out of codestreams that are otherwise the original's.
    """

    value: bytes
    transfer_syntax_uid: str
    attributes: tuple[tuple[str, object], ...]
    redactions: tuple[FrameRedaction, ...]
    cleared_bits: bool
    identical: bool
    requested: tuple[FrameRedaction, ...] = ()
    black: tuple[FrameRedaction, ...] = ()
    keyword: str = "PixelData"
    vr: str = "OW"
    comments_cut: bool = False

    def __repr__(self) -> str:
        return f"MaskedPixels({self.transfer_syntax_uid}, frames_masked={len(self.redactions)})"


@dataclass(frozen=True)
class _Work:
    """What every strategy needs: the Instance, the clipped Regions of each frame, black."""

    instance: Instance
    pixels: PixelDescription
    regions: Regions
    clear: bool

    @property
    def untouched(self) -> bool:
        """True if the value may stay as it is, byte for byte."""
        if self.regions or self.clear or self.instance.odd_items or self.commented:
            return False
        return self.instance.surplus is None

    @cached_property
    def commented(self) -> bool:
        """True if comments or application data can be cut out of any codestream."""
        if not self.instance.transfer_syntax.encapsulated or self.instance.video is not None:
            return False
        frames = map(self.instance.encoded, range(self.pixels.frames))
        return any(without_comments(data) is not data for data in frames)

    @cached_property
    def fill(self) -> NDArray:
        """Black as a stored sample; not asked for unless something is painted."""
        return fill_value(self.pixels, self.instance.stored_photometric, self.instance.dataset)

    def original(self, frame: int) -> bytes:
        """Return a frame's own bytes, without comments, or what follows the end of its codestream."""
        data = without_comments(self.instance.encoded(frame))
        return data if self.instance.surplus is None else _to_its_end(data)

    def painted(self, frame: int) -> NDArray:
        """Return the stored samples of a frame with its Regions black."""
        samples = self.instance.stored(frame)
        regions = native_regions(self.pixels, self.regions.get(frame, ()))
        return paint(samples, regions, self.fill) if regions else samples


def mask(instance: Instance, redactions: Sequence[Redaction]) -> MaskedPixels:
    """Return the Instance's Pixel Data with every Redaction black.

    Redactions that reach over the edge of the frame are clipped. Bits outside Bits Stored are
    cleared in every frame if they carry anything in any, frames or bytes beyond the declared
    ones are left out, comments are cut out of codestreams, and fragments of odd length are padded.

    Raises
    ------
    ProofFailed
        If a Redaction misses the frame or all frames: then it was meant for another Instance.
    UnsupportedInstance
        If there is no proven way to redact in this transfer syntax.
    CorruptInstance
        If a frame that has to be changed does not decode.
    """
    pixels = instance.pixels
    if pixels is None:
        raise ProofFailed("There are no pixels to mask.", stage="mask", tag=_PIXELS)
    work = _Work(instance, pixels, _by_frame(redactions, pixels), instance.unused_bits)
    if work.untouched:
        return _unchanged(work)
    if not work.regions and not work.clear:
        return _without_surplus(work)
    return _STRATEGIES[instance.transfer_syntax.redaction](work)


def _by_frame(redactions: Sequence[Redaction], pixels: PixelDescription) -> dict[int, tuple[Region, ...]]:
    """Return the clipped Regions of each frame that has any."""
    found: dict[int, list[Region]] = {}
    for redaction in redactions:
        region = redaction.region.clipped(pixels.shape)
        if region is None or redaction.frames.start >= pixels.frames:
            raise ProofFailed("A redaction lies outside the image.", stage="mask", tag=_PIXELS)
        for frame in range(redaction.frames.start, min(redaction.frames.stop, pixels.frames)):
            found.setdefault(frame, []).append(region)
    return {frame: tuple(dict.fromkeys(regions)) for frame, regions in sorted(found.items())}


def _to_its_end(data: bytes) -> bytes:
    """Cut a JPEG, JPEG-LS or JPEG 2000 codestream after its end marker; leave anything else."""
    if not starts_codestream(data):
        return data
    try:
        return data[: parse_codestream(data).end]
    except BadCodestream:
        return data


def _unchanged(work: _Work) -> MaskedPixels:
    element = work.instance.dataset[work.pixels.keyword]
    uid = work.instance.transfer_syntax.uid
    return MaskedPixels(element.value, uid, (), (), False, True, keyword=work.pixels.keyword, vr=element.VR)


def _video(work: _Work) -> MaskedPixels:
    uid = work.instance.transfer_syntax.uid
    value, painted = redacted_value(work.instance, work.regions, work.fill)
    changed = tuple(FrameRedaction(frame, regions) for frame, regions in painted.items())
    masked = replace(_masked(work, value, uid), redactions=changed)
    return replace(masked, black=masked.requested, attributes=history(work.instance, len(value)))


def _without_surplus(work: _Work) -> MaskedPixels:
    if work.instance.video is not None:
        uid, value = work.instance.transfer_syntax.uid, _clean_video(work.instance)
        return replace(_masked(work, value, uid), attributes=corrected_count(work.instance))
    uid = work.instance.transfer_syntax.uid
    frames = (work.original(frame) for frame in range(work.pixels.frames))
    return _masked(work, _joined(frames, work.pixels, uid), uid)


def _clean_video(instance: Instance) -> bytes:
    """Return the bitstream in one fragment of even length, taken apart only if something has to go."""
    return encapsulate_whole(instance.encoded(0)) if instance.surplus is None else rebuilt_value(instance)


def _native(work: _Work) -> MaskedPixels:
    uid = work.instance.transfer_syntax.uid
    frames = (_native_frame(work, frame) for frame in range(work.pixels.frames))
    return _masked(work, _joined(frames, work.pixels, uid), uid)


def _native_frame(work: _Work, frame: int) -> bytes:
    syntax = work.instance.transfer_syntax
    if work.clear:
        return encode_frame(work.painted(frame), work.pixels, syntax.uid)
    regions = work.regions.get(frame)
    if not regions:
        return work.instance.encoded(frame)
    aligned = native_regions(work.pixels, regions)
    data = work.instance.encoded(frame)
    return paint_native(data, work.pixels, aligned, work.fill, little_endian=syntax.little_endian)


def _same_syntax(work: _Work) -> MaskedPixels:
    uid = work.instance.transfer_syntax.uid
    pixels = work.pixels
    if uid in _SPEAKS_OF_COLOUR:
        pixels = replace(pixels, photometric=work.instance.stored_photometric)
    frames = (_recoded_if_touched(work, pixels, frame) for frame in range(pixels.frames))
    try:
        masked = _masked(work, _joined(frames, pixels, uid), uid)
    except UnsupportedInstance:
        return _lossless_as(work, EXPLICIT_LITTLE)
    return replace(masked, attributes=_corrected(work.pixels.photometric, pixels.photometric))


def _corrected(declared: str, true: str) -> tuple[tuple[str, object], ...]:
    """Return Photometric Interpretation if the codestreams contradicted it."""
    return () if declared == true else (("PhotometricInterpretation", true),)


def _recoded_if_touched(work: _Work, pixels: PixelDescription, frame: int) -> bytes:
    if frame not in work.regions and not work.clear:
        return work.original(frame)
    return _encoded(work.painted(frame), pixels, work.instance.transfer_syntax.uid)


def _encoded(samples: NDArray, pixels: PixelDescription, uid: str) -> bytes:
    """Encode a frame; what the encoder cannot hold is a refusal, not a fault of ours."""
    try:
        return encode_frame(samples, pixels, uid)
    except ValueError:
        raise UnsupportedInstance(
            "A redacted frame cannot be encoded in its transfer syntax.", stage="mask", tag=_PIXELS
        ) from None


def _coefficients(work: _Work) -> MaskedPixels:
    try:
        return _edited(work)
    except NotEditable:
        return _losslessly(work, JPEG_LS_LOSSLESS)


def _edited(work: _Work) -> MaskedPixels:
    """Edit the touched frames block by block."""
    if work.clear or work.pixels.signed:
        raise NotEditable("Signed samples are not edited in the DCT domain.", stage="mask", tag=_PIXELS)
    uid = work.instance.transfer_syntax.uid
    changed: list[FrameRedaction] = []
    black: list[FrameRedaction] = []
    value = _joined(_edited_frames(work, changed, black), work.pixels, uid)
    return replace(_masked(work, value, uid), redactions=tuple(changed), black=tuple(black))


def _edited_frames(
    work: _Work, changed: list[FrameRedaction], black: list[FrameRedaction]
) -> Iterator[bytes]:
    """Yield every frame; what was done to it is appended to `changed` and `black`."""
    fill = np.atleast_1d(work.fill).tolist()
    unpack, pack = _AS_JPEG.get(work.instance.transfer_syntax.codec, (_itself, _itself))
    for frame in range(work.pixels.frames):
        data = work.original(frame)
        if frame in work.regions:
            edited = blacken(unpack(data), work.regions[frame], fill)
            changed.append(FrameRedaction(frame, edited.changed))
            black.append(FrameRedaction(frame, edited.black))
            data = pack(edited.data)
        yield data


def _itself(data: bytes) -> bytes:
    return data


def _unpacked(data: bytes) -> bytes:
    """Return the JPEG inside a JPEG XL frame."""
    try:
        if jpeg_xl.is_recompressed(data):
            return jpeg_xl.to_jpeg(data)
    except CODEC_ERRORS:  # damaged: decoding will say so
        pass
    raise NotEditable("A JPEG XL frame is no recompressed JPEG.", stage="mask", tag=_PIXELS)


def _repacked(data: bytes) -> bytes:
    """Return a JPEG recompressed, if it can be had back from there bit for bit."""
    try:
        packed = jpeg_xl.from_jpeg(data)
        if jpeg_xl.is_recompressed(packed) and jpeg_xl.to_jpeg(packed) == data:
            return packed
    except CODEC_ERRORS:  # not every JPEG can be recompressed
        pass
    raise NotEditable("A redacted JPEG cannot be recompressed.", stage="mask", tag=_PIXELS)


_AS_JPEG: Mapping[Codec, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = MappingProxyType(
    {Codec.JPEG_XL: (_unpacked, _repacked)}
)
"""How a frame becomes a JPEG codestream, and a frame again."""


def _to_lossless(work: _Work) -> MaskedPixels:
    """Decode and encode, except 12-bit JPEG Extended: its blocks are edited like those of 8 bits."""
    if work.instance.transfer_syntax.uid == JPEG_EXTENDED:
        return _coefficients(work)
    return _losslessly(work, work.instance.transfer_syntax.written_as)


def _losslessly(work: _Work, uid: str) -> MaskedPixels:
    """Write in `uid`, or uncompressed if its encoder cannot take these frames (too small, too noisy)."""
    try:
        return _lossless_as(work, uid)
    except UnsupportedInstance:
        return _lossless_as(work, EXPLICIT_LITTLE)


def _lossless_as(work: _Work, uid: str) -> MaskedPixels:
    """Write every frame in a lossless syntax; the stored samples stay what decoding gave."""
    colour = work.instance.stored_photometric
    keeps = transforms(work.pixels, uid)
    pixels = work.pixels if keeps else replace(work.pixels, photometric=colour, planar=0)
    frames = (_encoded(work.painted(frame), pixels, uid) for frame in range(pixels.frames))
    value = _joined(frames, pixels, uid)
    photometric = written_photometric(pixels, colour, uid)
    attributes: list[tuple[str, object]] = [("PhotometricInterpretation", photometric)]
    if pixels.samples > 1:
        attributes.append(("PlanarConfiguration", 0))
    if work.instance.transfer_syntax.lossy:
        attributes.append(("LossyImageCompression", "01"))
    return replace(_masked(work, value, uid), attributes=tuple(attributes))


def _refuse(work: _Work) -> MaskedPixels:
    syntax = work.instance.transfer_syntax
    raise UnsupportedInstance(
        f"{syntax.name} cannot be redacted: {syntax.reason or 'there is no proven way'}.",
        stage="mask",
        tag="(0002,0010) TransferSyntaxUID",
        remedy="Convert the Instance to a lossless transfer syntax first.",
    )


def _masked(work: _Work, value: bytes, uid: str) -> MaskedPixels:
    """Return the result of a strategy whose Regions are exactly those asked for."""
    requested = tuple(FrameRedaction(frame, regions) for frame, regions in work.regions.items())
    grown = tuple(replace(each, regions=native_regions(work.pixels, each.regions)) for each in requested)
    keyword, vr = work.pixels.keyword, pixel_data_vr(work.pixels, uid)
    return MaskedPixels(value, uid, (), grown, work.clear, False, requested, grown, keyword, vr,
                        work.commented)


def _joined(frames: Iterator[bytes], pixels: PixelDescription, uid: str) -> bytes:
    """Return the value of the element, holding it once: native frames go straight into a buffer."""
    if transfer_syntax(uid).encapsulated or pixels.frame_bits % 8:
        return join_frames(frames, pixels, uid)
    buffer = BytesIO()
    for frame in frames:
        buffer.write(frame)
    buffer.write(b"\0" * (buffer.tell() % 2))
    return buffer.getvalue()


_STRATEGIES: Mapping[Redact, Callable[[_Work], MaskedPixels]] = MappingProxyType(
    {
        Redact.NATIVE: _native,
        Redact.SAME_SYNTAX: _same_syntax,
        Redact.COEFFICIENTS: _coefficients,
        Redact.TO_LOSSLESS: _to_lossless,
        Redact.VIDEO: _video,
        Redact.REFUSE: _refuse,
    }
)

"""Video: black into every picture, and the proof by decoding what was written.

A video codec predicts pictures from one another, so a region cannot be cut out of the stream: all
pictures are decoded, painted and encoded anew by the same codec. What is outside the redactions
then differs; by how much is measured frame by frame, and the result stands in the evidence. If
nothing is to be masked but the container holds more than the picture, it is rebuilt around the
coded pictures as they are, and every decoded sample has to be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from pydicom.multival import MultiValue

from scrub_pixels.errors import ProofFailed
from scrub_pixels.frames import Instance, PixelDescription
from scrub_pixels.frames.encapsulation import encapsulate_whole
from scrub_pixels.frames.video import PIXEL_FORMATS, Planes, Video
from scrub_pixels.frames.video_writing import QUALITIES, encoded_again, remuxed
from scrub_pixels.geometry import Region, coverage
from scrub_pixels.masks.evidence import VideoEvidence

_PAIR, _MACROBLOCK = 2, 16
"""Rows and columns of luma that share their chroma, at most; and that are coded as one."""
_ATTEMPTS = tuple((grain, quality) for grain in (_PAIR, _MACROBLOCK) for quality in QUALITIES)
"""What is tried in turn: whole macroblocks are black without ringing, but take more of the picture."""
_LEAST_PSNR = 40.0
"""dB of luma outside the redactions, in the worst frame: differences that cannot be seen."""
_EQUAL = 100.0
"""Said instead of an infinite PSNR."""
_BLACK_WITHIN = 4
"""Steps of 8 bits that a sample inside a redaction may be from black; 2 % of the range."""
_STANDARDS: Mapping[str, str] = MappingProxyType(
    {"mpeg2video": "ISO_13818_1", "h264": "ISO_14496_10", "hevc": "ISO_23008_2"}
)
"""Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1)."""
_MOST_RATIOS = 16

Regions = Mapping[int, tuple[Region, ...]]


@dataclass(frozen=True, slots=True)
class Tally:
    """What comparing the frames of a video gave: differences outside, and misses of black inside."""

    frames: int = 0
    largest_difference: int = 0
    lowest_psnr: float = _EQUAL
    darkest_miss: int = 0

    def worse(self, other: Tally) -> Tally:
        """Return the worst of both, and the sum of their frames."""
        return Tally(
            self.frames + other.frames,
            max(self.largest_difference, other.largest_difference),
            min(self.lowest_psnr, other.lowest_psnr),
            max(self.darkest_miss, other.darkest_miss),
        )

    def good(self, bits: int) -> bool:
        """Tell whether nothing outside can be seen to differ, and nothing inside to be lit."""
        return self.lowest_psnr >= _LEAST_PSNR and self.darkest_miss <= _BLACK_WITHIN << (bits - 8)


def _grown(regions: Regions, grain: int, pixels: PixelDescription) -> dict[int, tuple[Region, ...]]:
    """Return Regions as they are painted: grown to multiples of `grain`."""
    return {
        frame: tuple(dict.fromkeys(region.aligned(grain, grain, pixels.shape) for region in some))
        for frame, some in regions.items()
    }


def rebuilt_value(instance: Instance) -> bytes:
    """Return Pixel Data of the same coded pictures in a clean container."""
    return encapsulate_whole(remuxed(_video(instance)))


def redacted_value(instance: Instance, regions: Regions, fill: NDArray) -> tuple[bytes, Regions]:
    """Return Pixel Data encoded anew with every Region black, and the Regions as they were painted.

    Higher qualities and larger blocks are tried until decoding shows that it is good enough.

    Raises
    ------
    ProofFailed
        If no quality keeps the rest of the picture as it was.
    """
    video, pixels = _video(instance), _described(instance)
    for grain, quality in _ATTEMPTS:
        painted = _grown(regions, grain, pixels)
        stream = encoded_again(video, _painter(video, painted, fill), quality)
        again = Video(stream, instance.transfer_syntax, pixels)
        tally = _compared(instance, again.samples, (painted, regions), fill)
        if tally.frames == again.count(pixels.frames) and tally.good(pixels.bits_stored):
            return encapsulate_whole(stream), painted
    raise _failed("The encoder does not keep the rest of the picture as it was")


def history(instance: Instance, size: int) -> tuple[tuple[str, object], ...]:
    """Return the attributes that tell of one more lossy compression (PS3.3 C.7.6.1.1.5)."""
    pixels, dataset = _described(instance), instance.dataset
    plain = pixels.frame_samples * pixels.dtype.itemsize * pixels.frames
    methods = [*_values(dataset.get("LossyImageCompressionMethod")), _STANDARDS[_video(instance).codec]]
    ratios = [*map(str, _values(dataset.get("LossyImageCompressionRatio"))), f"{plain / size:.2f}"]
    kept = min(len(methods), len(ratios), _MOST_RATIOS)
    said: tuple[tuple[str, object], ...] = (
        ("LossyImageCompression", "01"),
        ("LossyImageCompressionMethod", methods[-kept:]),
        ("LossyImageCompressionRatio", ratios[-kept:]),
    )
    return said + corrected_count(instance)


def corrected_count(instance: Instance) -> tuple[tuple[str, object], ...]:
    """Return Number of Frames if the header has another than the video."""
    declared = instance.dataset.get("NumberOfFrames")
    return () if declared == instance.frames else (("NumberOfFrames", instance.frames),)


def compare(
    original: Instance, candidate: Instance, areas: tuple[Regions, Regions], fill: NDArray, *, exact: bool
) -> VideoEvidence:
    """Decode both videos once more, side by side, and return what differs.

    Parameters
    ----------
    areas
        What was painted and what has to be black, frame by frame.
    exact
        True if no sample may differ.

    Raises
    ------
    ProofFailed
        If frames are missing, a redaction is not black, the rest can be seen to differ, or
        another track or metadata came along.
    """
    before, after = _video(original), _video(candidate)
    tally = _compared(original, candidate.stored, areas, fill)
    if tally.frames != original.frames or candidate.frames != original.frames:
        raise _failed("Frames of the video are missing")
    if exact and tally.largest_difference:
        raise _failed("A sample differs although nothing was to be masked")
    if not tally.good(_described(original).bits_stored):
        raise _failed("The video differs outside the redactions, or is not black inside")
    beside = after.beside() if exact and not after.may_hold_more else ""
    if beside or after.tracks() or after.says_something():
        raise _failed("The video still holds tracks or metadata beside the picture")
    return VideoEvidence(
        before.codec, not exact, before.tracks(),
        tally.largest_difference, tally.lowest_psnr, tally.darkest_miss,
    )  # fmt: skip


def _compared(
    instance: Instance, after: Callable[[int], NDArray], areas: tuple[Regions, Regions], fill: NDArray
) -> Tally:
    """Compare frame after frame; `after` gives the samples of one."""
    total, shape = Tally(), _described(instance).shape
    for frame in range(instance.frames):
        painted, black = (coverage(regions.get(frame, ()), shape) for regions in areas)
        found = instance.stored(frame), after(frame)
        total = total.worse(replace(_difference(*found, painted), darkest_miss=_miss(found[1], black, fill)))
    return total


def _difference(before: NDArray, after: NDArray, painted: NDArray[np.bool_]) -> Tally:
    luma = np.abs(before[..., 0].astype(np.int32) - after[..., 0])
    luma[painted] = 0
    peak = 255 if before.dtype.itemsize == 1 else 1023  # deeper video has 10 bits
    squares = float(np.mean(luma.astype(np.float64) ** 2))
    psnr = min(_EQUAL, 10 * np.log10(peak**2 / squares)) if squares else _EQUAL
    return Tally(1, int(luma.max()), float(psnr))


def _miss(after: NDArray, black: NDArray[np.bool_], fill: NDArray) -> int:
    """Return how far the samples that have to be black are from it."""
    return int(np.abs(after[black].astype(np.int32) - fill).max(initial=0)) if black.any() else 0


def _painter(video: Video, regions: Regions, fill: NDArray) -> Callable[[int, Planes], None]:
    """Return what paints the planes of a frame black."""
    _, down, across = PIXEL_FORMATS[video.pixel_format]

    def paint(frame: int, planes: Planes) -> None:
        for region in regions.get(frame, ()):
            planes.luma[region.slices] = fill[0]
            rows = slice(region.row // down, -(-region.bottom // down))
            columns = slice(region.column // across, -(-region.right // across))
            planes.blue[rows, columns] = fill[1]
            planes.red[rows, columns] = fill[2]

    return paint


def _values(value: object) -> list:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (list, MultiValue)) else [value]


def _video(instance: Instance) -> Video:
    if instance.video is None:
        raise _failed("An Instance is no video")
    return instance.video


def _described(instance: Instance) -> PixelDescription:
    if instance.pixels is None:
        raise _failed("An Instance has no pixels")
    return instance.pixels


def _failed(what: str) -> ProofFailed:
    return ProofFailed(
        f"{what}.", stage="prove", tag="(7FE0,0010) PixelData",
        remedy="Nothing was released; redact the video by hand.",
    )  # fmt: skip

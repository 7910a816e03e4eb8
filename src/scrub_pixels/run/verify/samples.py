"""Compare the frames of an output with those of its input, decoded by somebody else where possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.errors import Refusal
from scrub_pixels.frames import Instance
from scrub_pixels.frames.syntaxes import JPEG_LOSSLESS, JPEG_LOSSLESS_SV1
from scrub_pixels.geometry import Region, Shape, coverage
from scrub_pixels.masks import fill_value
from scrub_pixels.run.verify.decoders import KIN, frames_by, only_one, others_for, own_frames
from scrub_pixels.run.verify.programs import CannotDecode
from scrub_pixels.run.verify.remarks import Mark, Remark, passed_or

BLOCKWISE = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
"""JPEG that is edited in place: up-sampled colour reaches over the edge of what was edited."""

REACH = 2
"""Samples by which smooth up-sampling of 4:2:0 colour reaches into its neighbours."""

LEAST_PSNR = 39.0
"""Decibels of luma outside the redactions of a video that was encoded anew; 40 is what its maker promised."""

BLOCK = 8
"""Samples at the edge of a redaction that a video's codec may have left grey."""

DARK = 6
"""Grey levels (of 255) that a lossy codec may leave in what was blackened."""


@dataclass(frozen=True)
class Redacted:
    """What the record says was masked: Regions by 0-based frame."""

    spans: Sequence[tuple[int, int, tuple[Region, ...]]]

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Redacted:
        """Return the redactions of an entry of the report.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is no such entry.
        """
        return cls([
            (int(each["start"]), int(each["stop"]), tuple(Region(*four) for four in each["regions"]))
            for each in facts.get("redactions", ())
        ])

    def regions(self, frame: int) -> tuple[Region, ...]:
        """Return the Regions masked in a frame."""
        return tuple(r for start, stop, regions in self.spans if start <= frame < stop for r in regions)

    @property
    def last(self) -> int:
        """First frame behind every span."""
        return max((stop for _, stop, _ in self.spans), default=0)


def compared(before: Instance, after: Instance, redacted: Redacted, cleared: bool) -> list[Remark]:
    """Compare every frame, and say with which decoder."""
    if fault := _other_shape(before, after, redacted):
        return [Remark("samples", Mark.FAILED, fault)]
    for name, decoder in others_for(after).items():
        try:
            pairs = zip(_originals(before, after, decoder), frames_by(decoder, after), strict=True)
            faults = _faults(pairs, after, redacted)
        except (CannotDecode, ValueError):
            continue
        return [*_samples(before, after, redacted, cleared, faults), _decoded_by(name)]
    pairs = zip(own_frames(before), own_frames(after), strict=True)
    faults = _faults(pairs, after, redacted)
    return [*_samples(before, after, redacted, cleared, faults),
            Remark("decoder", Mark.SKIPPED, only_one(after))]


def _decoded_by(name: str) -> Remark:
    kin = KIN.get(name)
    return Remark("decoder", Mark.NOTED, kin) if kin else Remark("decoder", Mark.PASSED, name)


def blackness(after: Instance, redacted: Redacted) -> list[Remark]:
    """Without the input: check that what the record says was masked is black."""
    faults = _faults(((None, frame) for frame in own_frames(after)), after, redacted)
    noted = Remark("samples", Mark.SKIPPED, "the input is not at hand: only the masks were looked at")
    return [Remark("samples", Mark.FAILED, fault) for fault in faults] or [noted]


def _samples(
    before: Instance, after: Instance, redacted: Redacted, cleared: bool, faults: Sequence[str]
) -> list[Remark]:
    if after.video is not None and not faults and redacted.spans:
        why = "a video that was encoded anew: no difference that can be seen"
        return [Remark("samples", Mark.NOTED, why)]
    return passed_or("samples", [*faults, *_spare_bits(before, after, redacted, cleared)])


def _other_shape(before: Instance, after: Instance, redacted: Redacted) -> str:
    if before.pixels is None or after.pixels is None:
        return "" if before.pixels is after.pixels else "one of input and output has no frames"
    names = ("rows", "columns", "frames", "samples", "bits_stored", "signed")
    if any(getattr(before.pixels, name) != getattr(after.pixels, name) for name in names):
        return "the Image Pixel module is not the input's"
    if before.stored_photometric != after.stored_photometric or _is_relabelled(before, after):
        return "the colour space is not the input's"
    if redacted.last > after.frames:
        return "the record names frames that the file has not"
    return ""


def _is_relabelled(before: Instance, after: Instance) -> bool:
    """Tell whether frames in one and the same encoding are said to be in another colour space.

    Only lossless JPEG and video are written under another label, if the codestreams contradicted it.
    """
    uid = after.transfer_syntax.uid
    if before.pixels is None or after.pixels is None or uid != before.transfer_syntax.uid:
        return False
    corrected = after.video is not None or uid in (JPEG_LOSSLESS, JPEG_LOSSLESS_SV1)
    return not corrected and before.pixels.photometric != after.pixels.photometric


def _originals(
    before: Instance, after: Instance, decoder: Callable[[Instance], Iterator[NDArray]]
) -> Iterator[NDArray]:
    """Return the input's frames: by the same decoder if decoding itself is not exact."""
    same = before.transfer_syntax.uid == after.transfer_syntax.uid
    return frames_by(decoder, before) if same and before.transfer_syntax.lossy else own_frames(before)


def _faults(
    pairs: Iterator[tuple[NDArray | None, NDArray]], after: Instance, redacted: Redacted
) -> list[str]:
    """Return what is wrong, with the first frame concerned; at most one of each kind."""
    found: dict[str, str] = {}
    for frame, (one, two) in enumerate(pairs):
        regions = redacted.regions(frame)
        if one is not None and _unlike(one, two, regions, after):
            found.setdefault("outside", f"a sample outside the redactions differs (frame {frame + 1})")
        if regions and not _is_black(two, regions, after):
            found.setdefault("inside", f"a redaction on record is not black (frame {frame + 1})")
    return list(found.values())


def _unlike(one: NDArray, two: NDArray, regions: Sequence[Region], after: Instance) -> bool:
    """Tell whether frames differ where they must not; of a video, whether that can be seen."""
    if after.video is None:
        return _differs(one, two, _may_differ(regions, after))
    if after.pixels is None:
        return True
    luma = one[..., 0].astype(np.float64) - two[..., 0]
    luma[coverage(regions, one.shape[:2])] = 0
    squares = float((luma**2).mean())
    peak = 2.0 ** after.pixels.bits_stored - 1
    return squares > 0 and 10 * np.log10(peak**2 / squares) < LEAST_PSNR


def _may_differ(regions: Sequence[Region], after: Instance) -> NDArray[np.bool_]:
    shape = after.pixels.shape if after.pixels is not None else (0, 0)
    reach = REACH if _is_blockwise(after) and after.pixels is not None and after.pixels.samples > 1 else 0
    return coverage([region.expanded(reach, reach, shape) for region in regions], shape)


def _differs(one: NDArray, two: NDArray, free: NDArray[np.bool_]) -> bool:
    unequal = one.view(f"u{one.dtype.itemsize}") != two.view(f"u{two.dtype.itemsize}")
    pixelwise = unequal if unequal.ndim == 2 else unequal.any(axis=-1)
    return bool((pixelwise & ~free).any())


def _is_blockwise(instance: Instance) -> bool:
    return instance.transfer_syntax.uid in BLOCKWISE


def _is_black(samples: NDArray, regions: Sequence[Region], after: Instance) -> bool:
    if after.pixels is None:
        return False
    try:
        fill = fill_value(after.pixels, after.stored_photometric, after.dataset)
    except Refusal:
        return False
    if not _is_blockwise(after) and after.video is None:
        return all(bool((samples[region.slices] == fill).all()) for region in regions)
    luma, black = (samples[..., 0], fill[0]) if samples.ndim == 3 else (samples, fill)
    levels = DARK << max(0, after.pixels.bits_stored - 8)
    core = _core(tuple(regions), after.pixels.shape, BLOCK if after.video is not None else REACH)
    if after.stored_photometric == "RGB":
        return bool((samples[core] <= levels).all())
    return bool((abs(luma[core].astype(np.int64) - int(black)) <= levels).all())


@lru_cache(maxsize=8)
def _core(regions: tuple[Region, ...], shape: Shape, edge: int) -> NDArray[np.bool_]:
    """Return the samples of Regions without those at the edge of what they cover together.

    The record has what may differ: at its edge stand samples that up-sampled colour alone has reached. Where
    it is so narrow that nothing would be left, less is taken off; at the border of the frame, nothing.
    """
    covered = coverage(regions, shape).astype(np.uint8)
    core, left = np.zeros_like(covered), covered
    for reach in range(edge, -1, -1):
        square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
        inner = cv2.erode(covered, square)
        core |= inner & left
        left = left & ~cv2.dilate(inner, square)
    return core.astype(bool)


def _spare_bits(before: Instance, after: Instance, redacted: Redacted, cleared: bool) -> list[str]:
    """Compare the bits outside Bits Stored of native samples, where no value of a sample stands."""
    if cleared:
        return ["bits outside Bits Stored are set, but on record as cleared"] if after.unused_bits else []
    pixels = after.pixels
    if pixels is None or pixels.bits_stored == pixels.bits_allocated or after.transfer_syntax.encapsulated:
        return []
    if before.transfer_syntax.encapsulated:
        return ["bits outside Bits Stored are set"] if after.unused_bits else []
    for frame in range(after.frames):
        free = coverage(redacted.regions(frame), pixels.shape)
        if _differs(before.stored_raw(frame), after.stored_raw(frame), free):
            return [f"a bit outside Bits Stored differs (frame {frame + 1})"]
    return []

"""Proof by reading back: what will be written is decoded anew and compared with the original."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from scrub_pixels.errors import ProofFailed
from scrub_pixels.frames import Instance, PixelDescription
from scrub_pixels.geometry import Region, Shape, coverage
from scrub_pixels.masks.black import fill_value
from scrub_pixels.masks.evidence import FrameRedaction, PixelEvidence, VideoEvidence
from scrub_pixels.masks.masking import MaskedPixels
from scrub_pixels.masks.video import compare

_SHAPE = (
    *("rows", "columns", "frames", "samples", "keyword"),
    *("bits_allocated", "bits_stored", "high_bit", "signed"),
)
_MEANING = ("photometric", "planar")
_COLOUR = ("YBR_FULL", "YBR_FULL_422")


def prove(original: Instance, candidate: Instance, masked: MaskedPixels, key: bytes) -> PixelEvidence:
    """Compare every frame of what will be written with the original.

    A frame whose encoded bytes, transfer syntax and description are the original's is equal to it
    without decoding; every other frame is decoded from the candidate. Outside what `masked` says
    may differ every sample has to be equal, bits beside Bits Stored included unless they were
    cleared; inside what it says is black every sample has to be black as displayed; and all that
    was asked for has to lie inside what may differ.

    Parameters
    ----------
    original
        As it was opened.
    candidate
        Opened anew from what will be written.
    masked
        What `mask` promised.
    key
        For the keyed digests (HMAC-SHA-256).

    Raises
    ------
    ProofFailed
        If any of this does not hold.
    CorruptInstance
        If a frame of the candidate does not decode.
    """
    before, after = _pixels(original), _pixels(candidate)
    _check_description(original, candidate, masked)
    same = _value(original) == _value(candidate)
    if masked.identical and not same:
        raise _failed("Pixel Data differs although nothing was to be masked")
    video = _compare_video(original, candidate, masked) if original.video and not masked.identical else None
    untouched = video is not None or (same and masked.identical)
    compared = before.frames if untouched else _compare_frames(original, candidate, masked)
    return PixelEvidence(
        frames=after.frames,
        frames_searched=0,
        frames_masked=len(masked.requested),
        frames_compared=compared,
        redactions=masked.redactions,
        syntax_in=original.transfer_syntax.uid,
        syntax_out=candidate.transfer_syntax.uid,
        pixel_data_identical=same,
        cleared_bits=masked.cleared_bits,
        comments_cut=masked.comments_cut,
        digest_in=_digest(_value(original), key),
        digest_out=_digest(_value(candidate), key),
        video=video,
    )


def _pixels(instance: Instance) -> PixelDescription:
    if instance.pixels is None:
        raise _failed("An Instance has no pixels to compare")
    return instance.pixels


def digest_pixels(dataset: Dataset, key: bytes) -> str:
    """Return the keyed digest of a data set's Pixel Data, as `PixelEvidence.digest_out` has it."""
    for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
        if keyword in dataset:
            return _digest(dataset[keyword].value, key)
    return ""


def _value(instance: Instance) -> bytes:
    return instance.dataset[_pixels(instance).keyword].value


def _digest(value: bytes, key: bytes) -> str:
    """Return the keyed digest of a value as it stands in a file: padded to an even length (PS3.5 7.1.1)."""
    mac = hmac.new(key, value, hashlib.sha256)
    mac.update(b"\0" * (len(value) % 2))
    return mac.hexdigest()


def _failed(what: str, frame: int | None = None) -> ProofFailed:
    place = "" if frame is None else f" in frame {frame + 1}"
    return ProofFailed(
        f"{what}{place}.",
        stage="prove",
        tag="(7FE0,0010) PixelData",
        remedy="Nothing was released; please report this Instance's transfer syntax and device.",
    )


def _check_description(original: Instance, candidate: Instance, masked: MaskedPixels) -> None:
    before, after = _pixels(original), _pixels(candidate)
    if any(getattr(before, name) != getattr(after, name) for name in _SHAPE):
        raise _failed("The Image Pixel module is not the original's")
    if candidate.transfer_syntax.uid != masked.transfer_syntax_uid:
        raise _failed("The transfer syntax is not the one that was encoded")
    if original.stored_photometric != candidate.stored_photometric:
        raise _failed("The colour space of the samples is not the original's")
    if _same_encoding(original, candidate) is False and not masked.attributes:
        raise _failed("Photometric Interpretation or Planar Configuration changed without a reason")
    if candidate.video is None and candidate.surplus is not None:
        raise _failed("Pixel Data holds more than the declared frames")
    if candidate.odd_items:
        raise _failed("Pixel Data has a fragment of odd length")
    if masked.cleared_bits and candidate.unused_bits:
        raise _failed("Bits outside Bits Stored are still set")


def _same_encoding(original: Instance, candidate: Instance) -> bool:
    """Tell whether equal encoded bytes mean equal samples."""
    before, after = _pixels(original), _pixels(candidate)
    same = all(getattr(before, name) == getattr(after, name) for name in _MEANING)
    return same and original.transfer_syntax.uid == candidate.transfer_syntax.uid


def _compare_frames(original: Instance, candidate: Instance, masked: MaskedPixels) -> int:
    """Compare all frames and return how many there were."""
    fill = _fill(candidate) if masked.requested else np.empty(0)
    parts = [{each.frame: each.regions for each in some} for some in _areas(masked)]
    direct = _same_encoding(original, candidate)
    carried_out = lru_cache(maxsize=1)(_carried_out)  # most frames of a cine have the same areas
    for frame in range(original.frames):
        changed, requested, black = (part.get(frame, ()) for part in parts)
        if direct and not requested and original.encoded(frame) == candidate.encoded(frame):
            continue
        _check_outside(original, candidate, frame, changed, masked.cleared_bits)
        if changed or requested or black:
            whole, fringe = carried_out((changed, requested, black), _pixels(candidate).shape)
            if not whole:
                raise _failed("A redaction was not carried out", frame)
            _check_inside(candidate, frame, (black, fringe), fill)
    return original.frames


def _compare_video(original: Instance, candidate: Instance, masked: MaskedPixels) -> VideoEvidence:
    """Compare all frames of a video; what was asked for has to lie inside what was painted."""
    changed, requested = ({each.frame: each.regions for each in some} for some in _areas(masked)[:2])
    for frame, regions in requested.items():
        shape = _pixels(original).shape
        if np.any(coverage(regions, shape) & ~coverage(changed.get(frame, ()), shape)):
            raise _failed("A redaction was not carried out", frame)
    fill = _fill(candidate) if masked.requested else np.empty(0)
    return compare(original, candidate, (changed, requested), fill, exact=not masked.requested)


def _fill(candidate: Instance) -> NDArray:
    return fill_value(_pixels(candidate), candidate.stored_photometric, candidate.dataset)


def _areas(masked: MaskedPixels) -> tuple[Sequence[FrameRedaction], ...]:
    return masked.redactions, masked.requested, masked.black


def _check_outside(
    original: Instance, candidate: Instance, frame: int, changed: Sequence[Region], cleared: bool
) -> None:
    before, after = original.stored(frame), candidate.stored(frame)
    if before.shape != after.shape or before.dtype != after.dtype or _differ(before, after, changed):
        raise _failed("A sample outside the redactions differs", frame)
    if (
        not cleared
        and _has_spare_bits(original)
        and _differ(original.stored_raw(frame), candidate.stored_raw(frame), changed)
    ):
        raise _failed("A bit outside Bits Stored differs outside the redactions", frame)


def _differ(before: NDArray, after: NDArray, changed: Sequence[Region]) -> bool:
    """Tell whether any sample differs that lies in no Region; compared as bits, so that NaN equals itself."""
    unequal = before.view(f"u{before.dtype.itemsize}") != after.view(f"u{after.dtype.itemsize}")
    for region in changed:
        unequal[region.slices] = False
    return bool(unequal.any())


def _has_spare_bits(instance: Instance) -> bool:
    pixels = _pixels(instance)
    return pixels.bits_stored < pixels.bits_allocated and not instance.transfer_syntax.encapsulated


def _carried_out(
    areas: tuple[tuple[Region, ...], ...], shape: Shape
) -> tuple[bool, NDArray[np.bool_] | None]:
    """Tell whether all that was asked for may differ; what of it need not be black, if anything."""
    changed, requested, black = (coverage(regions, shape) for regions in areas)
    fringe = requested & ~black
    whole = not np.any(requested & ~changed) and not np.any(black & ~changed)
    return whole, fringe if fringe.any() else None


def _check_inside(
    candidate: Instance, frame: int, areas: tuple[Sequence[Region], NDArray[np.bool_] | None], fill: NDArray
) -> None:
    black, fringe = areas
    samples = candidate.stored(frame)
    if any(np.any(samples[region.slices] != fill) for region in black):
        raise _failed("A redaction is not black", frame)
    if fringe is None:
        return
    if candidate.transfer_syntax.uid not in _BLOCKWISE:
        raise _failed("A redaction was not carried out", frame)
    if candidate.stored_photometric in _COLOUR and np.any(samples[..., 0][fringe] != fill[0]):
        raise _failed("A redaction is not black", frame)


_BLOCKWISE = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.111")

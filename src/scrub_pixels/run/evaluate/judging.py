"""What became of each text of one image, and of what is beside them: judged by ink, frame by frame.

Ink is what stands out from the ground of a label's box. A text is *removed* where its ink no longer
stands out, on every frame it stands on, and *kept* where its ink is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.errors import CorruptInstance
from scrub_pixels.frames import Instance
from scrub_pixels.geometry import Region, coverage
from scrub_pixels.run.evaluate.truth import Label, Labelled

ENOUGH = 0.95
"""Share of the ink that must be gone to count as removed, or untouched to count as kept."""

TOLERANCE = 8
"""Levels of display by which a lossy re-encoding may change a sample."""

FAINT, REST, SHADE, LIT, BLACK, GROWN, MOST_FRAMES = 6.0, 0.25, 12.0, 24, 16, 4, 64

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """One text: shares of its ink on its worst frame, and what it looked like.

    Parameters
    ----------
    removed, kept
        Least share of ink that is gone, and that is untouched, over the frames.
    height_px, contrast, placement
        Height of its box, levels between ink and ground, ``black`` or ``bright`` ground.
    seen
        False if its box shows no ink on any frame: nothing to judge.
    """

    label: Label = field(repr=False)
    removed: float
    kept: float
    height_px: float
    contrast: float
    placement: str
    seen: bool = True

    @property
    def outcome(self) -> str:
        """``removed``, ``kept`` or ``in part``."""
        if self.removed >= ENOUGH:
            return "removed"
        return "kept" if self.kept >= ENOUGH else "in part"


@dataclass(frozen=True, slots=True)
class JudgedImage:
    """One image: its texts, and what else changed.

    Parameters
    ----------
    texts
        In the order of the truth.
    lit_lost
        Share of the lit samples outside identifying texts that changed; None if the truth is not
        complete.
    touched
        Whether any sample changed.
    frames
        Frames that were compared.
    """

    texts: tuple[Judged, ...]
    lit_lost: float | None
    touched: bool
    frames: int


def judge(truth: Labelled, before: Instance, after: Instance) -> JudgedImage:
    """Compare an image before and after, frame by frame.

    Raises
    ------
    CorruptInstance
        If the frames differ in number or size.
    """
    if before.frames != after.frames:
        raise CorruptInstance("The output has another number of frames", stage="prove")
    looks: list[list[_Look]] = [[] for _ in truth.labels]
    changed, lit, touched, frames = 0, 0, False, 0
    for frame in _frames(before.frames, truth.labels):
        pairs = _pairs(before, after, frame)
        for label, seen in zip(truth.labels, looks, strict=True):
            seen += _look(label, frame, pairs)
        lost, shone, any_change = _beside(truth.labels, frame, pairs[0])
        changed, lit, touched, frames = changed + lost, lit + shone, touched or any_change, frames + 1
    texts = tuple(_judged(label, seen) for label, seen in zip(truth.labels, looks, strict=True))
    return JudgedImage(texts, changed / max(1, lit) if truth.complete else None, touched, frames)


@dataclass(frozen=True, slots=True)
class _Look:
    """One text on one frame."""

    removed: float
    kept: float
    contrast: float
    ground: float


def _frames(count: int, labels: Sequence[Label]) -> list[int]:
    """Return the frames to compare: of a long cine evenly spread ones, and those with text of their own."""
    spread = np.linspace(0, count - 1, min(count, MOST_FRAMES)).round().astype(int).tolist() if count else []
    own = {frame for label in labels for frame in label.frames or () if frame < count}
    moving = {s.frames.start for label in labels for s in label.stands if s.frames and s.frames.start < count}
    return sorted({*spread, *own, *moving})


def _pairs(before: Instance, after: Instance, frame: int) -> list[tuple[Image, Image]]:
    """Return the renderings of a frame before and after, those that both have."""
    old, new = before.views(frame), after.views(frame)
    pairs = [(o.image, n.image) for o, n in zip(old, new, strict=False)]
    if pairs[0][0].shape[:2] != pairs[0][1].shape[:2]:
        raise CorruptInstance("The frames of the output have another size", stage="prove")
    return [(_colour(o), _colour(n)) for o, n in pairs]


def _colour(image: Image) -> Image:
    return image if image.ndim == 3 else image[..., None]


def _look(label: Label, frame: int, pairs: list[tuple[Image, Image]]) -> Iterator[_Look]:
    """Yield what one frame shows of a text, in the first rendering that has ink in its box."""
    region = label.region_on(frame)
    inside = region.clipped((pairs[0][0].shape[0], pairs[0][0].shape[1])) if region else None
    if inside is None:
        return
    for old, new in pairs:
        look = _compared(old[inside.slices].astype(np.float32), new[inside.slices].astype(np.float32))
        if look is not None:
            yield look
            return


@dataclass(frozen=True, slots=True)
class Ink:
    """What stands out in a box.

    Parameters
    ----------
    mask
        ``(rows, columns)``, true where there is ink.
    distance
        Levels by which every sample stands out from the ground.
    ground
        Median colour of the box.
    """

    mask: Mask
    distance: NDArray[np.float32]
    ground: NDArray[np.float32]


def ink_in(crop: NDArray[np.float32]) -> Ink:
    """Return the ink of a box: what stands out by a shade, and by 40 % of what stands out most.

    Parameters
    ----------
    crop
        ``(rows, columns, channels)`` of a displayed frame.
    """
    ground = np.median(crop.reshape(-1, crop.shape[-1]), axis=0)
    distance = np.abs(crop - ground).max(-1)
    return Ink(distance > max(SHADE, 0.4 * float(distance.max(initial=0.0))), distance, ground)


def _compared(old: NDArray[np.float32], new: NDArray[np.float32]) -> _Look | None:
    """Judge one box; None if nothing in it stands out."""
    found = ink_in(old)
    ink, stood_out, ground = found.mask, found.distance, found.ground
    if not ink.any():
        return None
    paper = ~ink if (~ink).any() else ink
    stands_out = np.abs(new - np.median(new[paper], axis=0)).max(-1)
    changed = _difference(old, new) > TOLERANCE
    gone = stands_out <= np.maximum(FAINT, REST * stood_out)
    gone |= changed & (np.abs(new - _commonest(new)).max(-1) <= FAINT)  # under a fill, whatever is beside it
    return _Look(float(gone[ink].mean()), float((~changed)[ink].mean()), float(np.median(stood_out[ink])),
                 float(ground.max()))


def _commonest(crop: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the colour that most samples of a crop have."""
    colours, counts = np.unique(crop.reshape(-1, crop.shape[-1]), axis=0, return_counts=True)
    return colours[counts.argmax()]


def _difference(old: NDArray, new: NDArray) -> NDArray[np.float32]:
    return np.abs(old.astype(np.float32) - new.astype(np.float32)).max(-1)


def _beside(labels: Sequence[Label], frame: int, pair: tuple[Image, Image]) -> tuple[int, int, bool]:
    """Count the lit samples outside identifying texts that changed, and those that are lit."""
    old, new = pair
    shape = old.shape[0], old.shape[1]
    changed = _difference(old, new) > TOLERANCE
    regions = [r.expanded(GROWN, GROWN, shape) for r in _identifying(labels, frame, shape)]
    outside = (old.max(-1) > LIT) & ~coverage(regions, shape)
    return int((changed & outside).sum()), int(outside.sum()), bool(changed.any())


def _identifying(labels: Sequence[Label], frame: int, shape: tuple[int, int]) -> Iterator[Region]:
    for label in labels:
        region = label.region_on(frame) if label.phi else None
        inside = region.clipped(shape) if region else None
        if inside is not None:
            yield inside


def _judged(label: Label, looks: Sequence[_Look]) -> Judged:
    region = label.stands[0].region
    height = label.height_px or float(min(region.rows, region.columns))
    if not looks:
        return Judged(label, 1.0, 1.0, height, label.contrast or 0.0, label.placement, seen=False)
    contrast = label.contrast if label.contrast is not None else float(np.median([x.contrast for x in looks]))
    ground = float(np.median([x.ground for x in looks]))
    placement = label.placement or ("black" if ground <= BLACK else "bright")
    removed, kept = min(x.removed for x in looks), min(x.kept for x in looks)
    return Judged(label, removed, kept, height, contrast, placement)

"""Lines followed over frames: the same place, what it read, and in which frames it stood."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import cv2
import numpy as np

from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.boxes import is_upright, same_text, thickness
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.picture import Candidate
from scrub_pixels.text.readers import Image, Reading
from scrub_pixels.text.strokes import Strokes

STILL_THERE = 0.55
"""Correlation with its last searched appearance from which a line counts as still standing."""

SURE = 0.9
"""Confidence from which a reading stands for its place, and similar ones are taken for misreadings."""

ALIKE = 0.7
"""Similarity (Ratcliff and Obershelp) from which one reading is a misreading of another."""

PART = 0.75
"""Share of a shorter reading's characters that stand in the best one, in the same order."""

MORE = 4
"""Characters by which a misreading may be longer: separators read as letters."""

RUNAWAY = 2.0
"""Growth of a box over texture from one sight to the next above which it is no longer believed."""

REACH = 4
"""Samples by which a box of the same line may reach further than it did."""

MOST_READINGS = 64
"""Distinct readings kept of one place; a clock that runs longer is unreadable to no one."""


@dataclass(eq=False)
class Track:
    """One place of text while the frames go by; the owner of its history.

    Parameters
    ----------
    candidate
        The best sight of it so far.
    start, stop
        Half-open range of frames in which it stood.
    appearance
        Its samples when last searched.
    """

    candidate: Candidate
    start: int
    stop: int
    appearance: Image
    readings: dict[str, float] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._note(self.candidate)
        self._strokes = Strokes.first(self.region, self.appearance)

    @property
    def region(self) -> Region:
        """Where it stands."""
        return self.candidate.region

    def seen(self, candidate: Candidate, frame: int, image: Image) -> None:
        """Take in a new sight of the same place."""
        self._note(candidate)
        best = max(self.candidate, candidate, key=_completeness)
        union = self.region.union(candidate.region)
        largest = max(self.region.area, candidate.region.area)
        # Text that moves has to be covered wherever it was; a box over tissue must not run away.
        region = union if self._is_like(candidate) or union.area <= RUNAWAY * largest else best.region
        detection = max(self.candidate.detection, candidate.detection)
        self.candidate = Candidate(region, detection, best.choice, best.plain)
        self.stop = max(self.stop, frame + 1)
        self.appearance = image[region.slices].copy()
        self._strokes = self._strokes.after(region, self.appearance)

    def _is_like(self, candidate: Candidate) -> bool:
        """Tell whether both are upright boxes on plain ground, so that their union is no runaway."""
        return self.candidate.plain and candidate.plain

    def likeness(self, image: Image) -> float:
        """Return the correlation of `image` with the appearance when last searched, -1 to 1."""
        return correlation(self.appearance, image[self.region.slices])

    def holds(self, region: Region) -> bool:
        """Tell whether a detector's box is this line's, and nothing of it lies outside."""
        grown = self.region.expanded(REACH, REACH, (region.bottom + REACH, region.right + REACH))
        return grown.contains(region)

    def stands_in(self, image: Image, box: Region) -> bool:
        """Tell whether a line that was read for sure is all there is in a box of `image`; see `Strokes`."""
        if self.candidate.choice.best.confidence < SURE or is_upright(self.region):
            return False
        return self._strokes.stand_in(image[self.region.slices], thickness(self.region), box)

    def is_same_place(self, region: Region) -> bool:
        """Tell whether `region` is this line's place."""
        shared = self.region.intersection(region)
        small, large = sorted((self.region.area, region.area))
        return same_text(self.region, region) or (
            shared is not None and shared.area >= 0.6 * small and large <= 4 * small
        )

    def _note(self, candidate: Candidate) -> None:
        choice = candidate.choice
        for reading in (choice.best, *(Reading(o, choice.best.confidence) for o in choice.others)):
            if reading.text and len(self.readings) < MOST_READINGS:
                known = self.readings.get(reading.text, 0.0)
                self.readings[reading.text] = max(known, reading.confidence)

    def line(self, frames: int, competing: float) -> TextLine:
        """Return the line of text this track has become."""
        best = self.candidate.choice
        floor = best.best.confidence - competing
        others = tuple(t for t, c in self.readings.items() if c >= floor and not misreads(t, best.best))
        return TextLine(
            self.region,
            FrameSpan(max(0, self.start), min(frames, self.stop)),
            best.best.text,
            best.best.confidence,
            self.candidate.detection,
            best.rotation,
            others,
        )


def _completeness(candidate: Candidate) -> tuple[int, float, float]:
    """Order sights of one place: of those read for sure the longest, of the others the surest."""
    best = candidate.choice.best
    return (len(best.text) if best.confidence >= SURE else 0, best.confidence, candidate.detection)


def misreads(text: str, best: Reading) -> bool:
    """Tell whether `text` is but a worse look at what `best` read for sure: a part of it, or nearly it.

    What holds more than the best reading, or as many but other digits, is never a misreading of it.
    """
    if text == best.text:
        return True
    own, other = (re.sub(r"\W", "", each).casefold() for each in (best.text, text))
    digits, others = (re.sub(r"\D", "", each) for each in (own, other))
    counted = digits != others and len(digits) == len(others)
    if best.confidence < SURE or len(other) > len(own) + MORE or counted:
        return False
    matcher = SequenceMatcher(None, own, other, autojunk=False)
    shared = sum(block.size for block in matcher.get_matching_blocks())
    part = len(other) >= 2 and shared >= PART * len(other)
    return other in own or part or matcher.ratio() >= ALIKE


def correlation(a: Image, b: Image) -> float:
    """Return the normalised correlation of two pictures of one shape (1 for two equal flat ones)."""
    if a.shape != b.shape:
        return -1.0
    if np.array_equal(a, b):
        return 1.0
    if min(a.std(), b.std()) < 1.0:  # OpenCV calls a flat picture equal to everything
        return -1.0
    return float(cv2.matchTemplate(a, b, cv2.TM_CCOEFF_NORMED)[0, 0])


def joined(lines: Iterable[TextLine]) -> tuple[TextLine, ...]:
    """Return the lines with those of one place and touching frames made one (several views)."""
    kept: list[TextLine] = []
    for line in lines:
        twin = next((k for k in kept if _twins(k, line)), None)
        if twin is None:
            kept.append(line)
        else:
            kept[kept.index(twin)] = _joined(twin, line)
    return tuple(kept)


def _twins(a: TextLine, b: TextLine) -> bool:
    touching = a.frames.start <= b.frames.stop and b.frames.start <= a.frames.stop
    return touching and same_text(a.region, b.region)


def _joined(a: TextLine, b: TextLine) -> TextLine:
    first, second = (a, b) if a.confidence >= b.confidence else (b, a)
    best = Reading(first.reading, first.confidence)
    others = tuple(r for r in (*first.readings, *second.readings) if not misreads(r, best))
    return TextLine(
        a.region.union(b.region),
        a.frames.union(b.frames),
        first.reading,
        first.confidence,
        max(a.detection, b.detection),
        first.rotation,
        tuple(dict.fromkeys(others)),
    )

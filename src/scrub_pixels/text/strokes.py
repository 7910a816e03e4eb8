"""The strokes of a line over moving ground: what stayed as it was while the ground around it did not.

In one picture bright tissue cannot be told from a stroke. Over several it can: the strokes stay, sample by
sample. Once they are known, a line need not be read again in a frame in which all of them are as they were
and nothing as bright as they are has come beside them; whatever else a frame shows, it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.changes import largest_channel
from scrub_pixels.text.ink import LEAST_CONTRAST
from scrub_pixels.text.readers import Image

SIGHTS = 4
"""Frames in which a line was searched and read the same before its strokes are known."""

SAME_SAMPLE = 14
"""Grey levels by which coding noise may change a stroke."""

THIN = 0.12
"""Half the width of the widest stroke, in heights of a line's place; what is wider is ground."""

STROKE = 0.35
"""Share of a line's contrast from which a thin mark that stayed is a stroke: a value may be
dimmer than its label."""

LEAST_STROKES = 24
"""Samples of the strokes of the smallest line that is not read in every frame."""

AS_BRIGHT = 0.7
"""Share of the contrast of the strokes from which a sample beside them may be a new one."""

STANDS, PART_STANDS = 0.97, 0.85
"""Shares of the strokes of a line, and of any half a letter of it, that are as they were if it stands."""

AROUND = np.ones((3, 3), np.uint8)
"""What belongs to a stroke of the soft edge around it."""

MARGIN = 3
"""Samples around a detector's box in which a stroke may be a part of what is in it."""

NEW, PART_NEW = 0.02, 0.05
"""Shares of new strokes, of those of a line and of half a letter: the bar of an e is hardly more."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """What is known of the strokes of one line.

    Parameters
    ----------
    place
        Where it stands.
    text
        What it read.
    shown
        Its samples when it first read so there; all that comes later is compared with these, so that
        no slow change gets by.
    steady
        ``(Rows, Columns)``, which samples have been the same ever since.
    sights
        Frames in which it was searched and read so.
    """

    place: Region
    text: str = field(repr=False)
    shown: Image = field(repr=False)
    steady: NDArray[np.bool_] = field(repr=False)
    sights: int = 1

    @classmethod
    def first(cls, place: Region, sight: Candidate, shown: Image) -> Strokes:
        """Return what one sight of a line says, and its place shown then: nothing yet."""
        text = sight.choice.best.text
        return cls(place, text, shown, np.ones(shown.shape[:2], bool))

    def after(self, place: Region, sight: Candidate, shown: Image) -> Strokes:
        """Return what is known after another sight; if it read otherwise, all begins anew.

        A line's place grows as boxes of it differ: what it grew by is known from this sight on, and no
        sample of it counts as a stroke.
        """
        if not _reads_alike(sight.choice.best.text, self.text) or shown.ndim != self.shown.ndim:
            return self.first(place, sight, shown)
        old = self._moved_to(place, shown)
        steady = old.steady & _same(old.shown, shown)
        return replace(old, steady=steady, sights=self.sights + 1)

    def _moved_to(self, place: Region, shown: Image) -> Strokes:
        """Return the same for another place around the line, whose samples are those `shown` where new."""
        if place == self.place:
            return self
        known, steady = shown.copy(), np.zeros(shown.shape[:2], bool)
        shared = place.intersection(self.place)
        if shared is not None:
            here, there = (shared.moved(-p.row, -p.column).slices for p in (place, self.place))
            known[here], steady[here] = self.shown[there], self.steady[there]
        return replace(self, place=place, shown=known, steady=steady)

    def stand_in(self, now: Image, height: int, box: Region) -> bool:
        """Tell whether the strokes, and those of every half a letter, are as they were, none new in a box.

        Parameters
        ----------
        now
            The place as it is now.
        height
            Of the line, samples.
        box
            What a detector takes for this line, in coordinates of the frame; what stands outside of it is
            another box's.
        """
        if self.sights < SIGHTS or now.shape != self.shown.shape:
            return False
        pen = self._pen(height)
        strokes = pen.strokes
        if np.count_nonzero(strokes) < LEAST_STROKES:
            return False
        beside = cv2.dilate(strokes.astype(np.uint8), AROUND) == 0
        inside = self._inside(box)
        new = inside & beside & pen.may_have_drawn(now)
        edges = np.arange(0, strokes.shape[1], max(4, height // 2))
        parts = (strokes, strokes & _same(self.shown, now), new)
        whole, kept, added = (np.add.reduceat(part.sum(axis=0), edges) for part in parts)
        count = whole.sum()
        if 2 * np.count_nonzero(strokes & inside) < count:
            return False  # the box is another line's, or a part's
        as_they_were = kept.sum() >= STANDS * count and (kept >= PART_STANDS * whole).all()
        none_new = added.sum() <= NEW * count and (added <= PART_NEW * count / len(edges)).all()
        return bool(as_they_were and none_new)

    def _inside(self, box: Region) -> NDArray[np.bool_]:
        inside = np.zeros(self.steady.shape, bool)
        grown = box.expanded(MARGIN, MARGIN, (box.bottom + MARGIN, box.right + MARGIN))
        shared = grown.intersection(self.place)
        if shared is not None:
            inside[shared.moved(-self.place.row, -self.place.column).slices] = True
        return inside

    def _pen(self, height: int) -> Pen:
        """Return what drew the strokes: the plane, and light or dark, in which most that stayed is thin."""
        reach = 2 * max(2, round(THIN * height)) + 1
        kernel = np.ones((reach, reach), np.uint8)
        pens = []
        for number, plane in enumerate(_planes(self.shown)):
            for side, how in ((1, cv2.MORPH_TOPHAT), (-1, cv2.MORPH_BLACKHAT)):
                thin = np.asarray(cv2.morphologyEx(plane, how, kernel), np.uint8)
                full = max(LEAST_CONTRAST, STROKE * float(np.percentile(thin, 96)))
                strokes = self.steady & (thin >= full)
                pens.append((int(thin[strokes].sum()), number, side, strokes))
        _, number, side, strokes = max(pens, key=lambda pen: pen[0])
        return Pen(number, side, strokes, _planes(self.shown)[number])


@dataclass(frozen=True, eq=False)
class Pen:
    """What drew the strokes of a line.

    Parameters
    ----------
    plane
        Number of the channel in which they stand out.
    side
        1 if they are lighter than their ground, -1 if darker.
    strokes
        ``(Rows, Columns)``, where they are.
    shown
        That channel of the line's place.
    """

    plane: int
    side: int
    strokes: NDArray[np.bool_]
    shown: Image

    def may_have_drawn(self, now: Image) -> NDArray[np.bool_]:
        """Return the samples that stand out from the ground as strokes do, and to the same side."""
        ink, ground = float(np.median(self.shown[self.strokes])), float(np.median(self.shown))
        least = ground + AS_BRIGHT * (ink - ground)
        return np.asarray(self.side * (_planes(now)[self.plane].astype(np.float32) - least) >= 0)


def _reads_alike(text: str, other: str) -> bool:
    """Tell whether two readings differ in blanks at most."""
    return "".join(text.split()) == "".join(other.split())


def _planes(image: Image) -> tuple[Image, ...]:
    return tuple(cv2.split(image)) if image.ndim == 3 else (image,)


def _same(known: Image, now: Image) -> NDArray[np.bool_]:
    return np.asarray(largest_channel(cv2.absdiff(known, now)) <= SAME_SAMPLE)

"""The strokes of a line over moving ground: what stayed as it was while the ground around it did not.

In one picture bright tissue cannot be told from a stroke. Over several it can: the strokes stay, sample by
sample, whatever they are misread as. Once they are known, a line need not be read again in a frame in which
all of them are as they were and nothing as bright as they are has come beside them; whatever else a frame
shows, it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.changes import largest_channel
from scrub_pixels.text.ink import LEAST_CONTRAST
from scrub_pixels.text.readers import Image

SIGHTS = 4
"""Frames in which a line was searched and read before its strokes are known."""

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

INK = 0.9
"""The same from which a sample is as bright as strokes are: tissue seldom is."""

STANDS, PART_STANDS = 0.97, 0.85
"""Shares of the strokes of a line, and of any half a letter of it, that are as they were if it stands."""

LEFT = 0.7
"""Share of the strokes of a line that is left when a letter of it changes."""

AROUND = np.ones((3, 3), np.uint8)
"""What belongs to a stroke of the soft edge around it."""

MARGIN = 3
"""Samples around a detector's box in which a stroke may be a part of what is in it."""

NEW, PART_NEW = 0.02, 0.05
"""Shares of new strokes, of those of a line and of half a letter: the bar of an e is hardly more."""


UNCLEAR = 0.3
"""Share of the samples of half a letter's place that flicker as bright as strokes: more could hide one."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """What is known of the strokes of one line.

    Parameters
    ----------
    place
        Where it stands.
    shown
        Its samples when it was first read there; all that comes later is compared with these, so that
        no slow change gets by.
    steady
        ``(Rows, Columns)``, which samples have been the same ever since.
    extremes
        ``(4, Rows, Columns, ...)``, of every sample the darkest value in these frames, the second darkest,
        the second brightest and the brightest: the ground has been as bright as strokes where it flickers.
    sights
        Frames in which it was searched and read.
    """

    place: Region
    shown: Image = field(repr=False)
    steady: NDArray[np.bool_] = field(repr=False)
    extremes: NDArray[np.uint8] = field(repr=False)
    sights: int = 1
    _pens: dict[int, Pen] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def first(cls, place: Region, shown: Image) -> Strokes:
        """Return what one sight of a line says, its place shown then: nothing yet."""
        return cls(place, shown, np.ones(shown.shape[:2], bool), _extremes(shown))

    def after(self, place: Region, shown: Image) -> Strokes:
        """Return what is known after another sight; if strokes of it are gone, all begins anew.

        A line's place grows as boxes of it differ: what it grew by is known from this sight on, and no
        sample of it counts as a stroke.
        """
        if shown.ndim != self.shown.ndim:
            return self.first(place, shown)
        old = self._moved_to(place, shown)
        steady = old.steady & _same(old.shown, shown)
        after = replace(old, steady=steady, extremes=_with(old.extremes, shown), sights=self.sights + 1)
        return self.first(place, shown) if self.sights >= SIGHTS and old._lost_in(after) else after

    def _lost_in(self, after: Strokes) -> bool:
        """Tell whether so many strokes are gone that another text must stand there."""
        strokes = self._pen(min(self.place.rows, self.place.columns)).strokes
        return bool(np.count_nonzero(strokes & after.steady) < LEFT * np.count_nonzero(strokes))

    def _moved_to(self, place: Region, shown: Image) -> Strokes:
        """Return the same for another place around the line, whose samples are those `shown` where new."""
        if place == self.place:
            return self
        known, steady, extremes = shown.copy(), np.zeros(shown.shape[:2], bool), _extremes(shown)
        shared = place.intersection(self.place)
        if shared is not None:
            here, there = (shared.moved(-p.row, -p.column).slices for p in (place, self.place))
            known[here], steady[here] = self.shown[there], self.steady[there]
            extremes[(slice(None), *here)] = self.extremes[(slice(None), *there)]
        return Strokes(place, known, steady, extremes, self.sights)

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
        strokes, inside, same = pen.strokes, self._inside(box), _same(self.shown, now)
        if pen.contrast < LEAST_CONTRAST or 2 * np.count_nonzero(strokes & inside) < strokes.sum():
            return False  # there are none, or the box is another line's, or a part's
        beside = inside & ~strokes & ~(self.steady & same)
        twice = self.extremes[2 if pen.side > 0 else 1]
        flickers = beside & pen.may_have_drawn(twice)
        # What has been as bright as ink may have been a letter: of it nobody can tell what it is now.
        apart = cv2.dilate(strokes.astype(np.uint8), AROUND) == 0
        new = beside & ((apart & pen.has_drawn(twice)) | (pen.may_have_drawn(now) & ~flickers))
        edges = np.arange(0, strokes.shape[1], max(4, height // 2))
        parts = (strokes, strokes & same, new, flickers, inside)
        whole, kept, added, unclear, room = (np.add.reduceat(p.sum(axis=0), edges) for p in parts)
        count = whole.sum()
        as_they_were = kept.sum() >= STANDS * count and (kept >= PART_STANDS * whole).all()
        none_new = added.sum() <= NEW * count and (added <= PART_NEW * count / len(edges)).all()
        return bool(as_they_were and none_new and (unclear <= UNCLEAR * room).all())

    def _inside(self, box: Region) -> NDArray[np.bool_]:
        inside = np.zeros(self.steady.shape, bool)
        grown = box.expanded(MARGIN, MARGIN, (box.bottom + MARGIN, box.right + MARGIN))
        shared = grown.intersection(self.place)
        if shared is not None:
            inside[shared.moved(-self.place.row, -self.place.column).slices] = True
        return inside

    def _pen(self, height: int) -> Pen:
        """Return what drew the strokes of a line of that height; it is looked for once."""
        if height not in self._pens:
            self._pens[height] = self._found_pen(height)
        return self._pens[height]

    def _found_pen(self, height: int) -> Pen:
        """Return the plane, and light or dark, in which strokes stand out most.

        Light letters have dark gaps between them, and often a dark rim; of these more stays than of them.
        """
        reach = 2 * max(2, round(THIN * height)) + 1
        kernel = np.ones((reach, reach), np.uint8)
        pens = []
        for number, plane in enumerate(_planes(self.shown)):
            for side, how in ((1, cv2.MORPH_TOPHAT), (-1, cv2.MORPH_BLACKHAT)):
                thin = np.asarray(cv2.morphologyEx(plane, how, kernel), np.uint8)
                full = max(LEAST_CONTRAST, STROKE * float(np.percentile(thin, 96)))
                pens.append(Pen(number, side, self.steady & (thin >= full), plane))
        return max(pens, key=lambda pen: pen.contrast)


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

    @cached_property
    def contrast(self) -> float:
        """Grey levels between the strokes and their ground; 0 for what is too little to be a line."""
        if np.count_nonzero(self.strokes) < LEAST_STROKES:
            return 0.0
        return self.side * float(np.median(self.shown[self.strokes]) - np.median(self.shown))

    def may_have_drawn(self, now: Image) -> NDArray[np.bool_]:
        """Return the samples that stand out from the ground as strokes do, and to the same side."""
        return self._stands_out(now, AS_BRIGHT)

    def has_drawn(self, shown: Image) -> NDArray[np.bool_]:
        """Return the samples that are as bright, or as dark, as strokes are."""
        return self._stands_out(shown, INK)

    def _stands_out(self, image: Image, share: float) -> NDArray[np.bool_]:
        least = float(np.median(self.shown)) + self.side * share * self.contrast
        return np.asarray(self.side * (_planes(image)[self.plane].astype(np.float32) - least) >= 0)


def _extremes(shown: Image) -> NDArray[np.uint8]:
    """Return what is known of the extremes of samples that were seen once."""
    return np.stack([shown, np.full_like(shown, 255), np.zeros_like(shown), shown])


def _with(extremes: NDArray[np.uint8], shown: Image) -> NDArray[np.uint8]:
    """Return the extremes after one more sight."""
    darkest, dark, bright, brightest = extremes
    dark, bright = (
        np.minimum(dark, np.maximum(darkest, shown)),
        np.maximum(bright, np.minimum(brightest, shown)),
    )
    return np.stack([np.minimum(darkest, shown), dark, bright, np.maximum(brightest, shown)])


def _planes(image: Image) -> tuple[Image, ...]:
    return tuple(cv2.split(image)) if image.ndim == 3 else (image,)


def _same(known: Image, now: Image) -> NDArray[np.bool_]:
    return np.asarray(largest_channel(cv2.absdiff(known, now)) <= SAME_SAMPLE)

"""Search over time: the first frame in full, then whatever changed, in every frame.

What stands still is searched once and its lines last as long as it does. A change on still ground
(a clock, a name that appears) is searched where it happens, at both scales. Where everything moves all the
time (tissue), every frame is searched at its own scale, and once in a stretch of frames their mean is
searched enlarged: what stands still in it gains contrast over the speckle. What has the level of the tissue
shows in neither: for that the picture of how steady every sample was is searched as well.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.changes import ChangeMap, blocks_under, flows, merged, rectangles
from scrub_pixels.text.codes import LEAST_SIDE, find_codes
from scrub_pixels.text.fine_print import is_unread_fine_print
from scrub_pixels.text.insets import copied_lines, may_show_copy
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.picture import Candidate, PictureSearch
from scrub_pixels.text.readers import Image, TextBox
from scrub_pixels.text.stretch import Stretch
from scrub_pixels.text.tracks import STILL_THERE, Track, correlation

STRETCH, LATER = 8, 16
"""Frames that are searched together: those that begin a cine, and any later ones."""

LEAST_STEADY = 4
"""Frames from which it can be said what was steady in them."""

AT_REST, STROKES = 160, 0.15
"""Steadiness of strokes, and the share of a column's samples they have at least where a letter stands."""

OPEN = 0.5
"""Columns of strokes, in heights of their box, that no known line covers: some letters of their own."""


class CineSearch:
    """Follows the text of one view through the frames, which are shown to it in order.

    Parameters
    ----------
    picture
        How a picture is searched.
    """

    def __init__(self, picture: PictureSearch) -> None:
        self._picture = picture
        # None until the first frame is shown; `show` sees to it that nothing is asked before.
        self._changes: Any = None
        self._live: list[Track] = []
        self._ended: list[Track] = []
        self._stretch: Any = None
        self._known: Sequence[Candidate] = ()
        self.has_fine_print = False
        """Whether something was seen that is too small to be read: a picture in the picture, perhaps."""

    @property
    def standing(self) -> list[Candidate]:
        """The lines that stand in the frame shown last."""
        return [track.candidate for track in self._live]

    def show(self, frame: int, image: Image, known: Sequence[Candidate] = ()) -> None:
        """Search the next frame (uint8, grey or RGB); `known` lines of it stand in another view."""
        self._known = known
        if self._stretch is None or self._stretch.shape != image.shape:
            self._begin(frame, image)
            return
        self._changes.compare(image)
        self._follow(frame, image, self._search_changes(frame, image))
        self._changes.accept(image, frame)
        self._gather(frame, image)

    def lines(self, frames: int) -> tuple[TextLine, ...]:
        """Return every line found in the frames shown."""
        self._search_stretch()
        competing = self._picture.settings.competing
        return tuple(track.line(frames, competing) for track in (*self._ended, *self._live))

    def _begin(self, frame: int, image: Image) -> None:
        """Search a frame in full: the first one, or the first one of another size."""
        self._search_stretch()
        self._ended += self._live
        self._changes = ChangeMap(image)
        self._changes.since[:] = frame
        whole_frame = Region.whole((image.shape[0], image.shape[1]))
        found = [*self._searched(image, [whole_frame], self._known), *find_codes(image)]
        found += copied_lines(image, found)
        self._live = [Track(c, frame, frame + 1, image[c.region.slices].copy()) for c in found]
        self._stretch = self._new_stretch(frame, image)
        self._stretch.add(image, self._changes.moving)

    def _search_changes(self, frame: int, image: Image) -> list[Candidate]:
        """Return what stands in the parts that changed."""
        changes = self._changes
        shape = (image.shape[0], image.shape[1])
        moving = changes.moving
        events = self._with_touched_lines(rectangles(changes.changed & ~moving, shape))
        still = [t.candidate for t in self._live if not changes.touches(t.region)]
        found = self._searched(image, events, [*self._known, *still]) if events else []
        for event in events:
            if min(event.rows, event.columns) >= 4 * LEAST_SIDE:
                found += find_codes(image, event)
        if any(may_show_copy(event, image) for event in events):
            found += copied_lines(image, [*still, *found])
        flowing = flows(moving, shape)
        wanted = functools.partial(self._is_news, frame=frame, image=image)
        return found + (self._picture.look_once(image, flowing, 1.0, wanted) if flowing else [])

    def _searched(self, image: Image, areas: list[Region], known: Sequence[Candidate]) -> list[Candidate]:
        """Return the lines of parts of a frame, and what is too small or large to be one of the search."""
        lines = self._picture.search(image, areas, known)
        small = self._picture.fine_print(image, areas, [*lines, *known])
        self.has_fine_print = self.has_fine_print or is_unread_fine_print(small)
        found = lines + small + self._picture.large_print(image, areas, [*lines, *small, *known])
        return found + self._picture.cut_by_edges(image, areas, [*found, *known])

    def _is_news(self, box: TextBox, frame: int, image: Image) -> bool:
        """Tell a box over moving ground that has to be read from one that was, and stands as it did."""
        if not self._changes.touches(box.region):
            return False
        place = box.region
        track = next((t for t in self._live if t.holds(place) and t.stands_in(image, place)), None)
        if track is not None:
            track.stop = max(track.stop, frame + 1)
        return track is None

    def _with_touched_lines(self, areas: list[Region]) -> list[Region]:
        """Return the areas grown over the lines that changed in part, so that none is cut."""
        grown = []
        for area in areas:
            for track in self._live:
                if track.region.overlaps(area) and self._changes.touches(track.region):
                    area = area.union(track.region)
            grown.append(area)
        return merged(grown)

    def _follow(self, frame: int, image: Image, found: list[Candidate]) -> None:
        """Extend the tracks that go on, end those that do not, begin new ones."""
        fresh = whole([c for c in found if not self._recognised(c, frame, image)])
        ended = [t for t in self._live if t.stop <= frame and not self._still_stands(t, frame, image)]
        self._live = [t for t in self._live if t not in ended]
        self._ended += ended
        self._live += [self._new_track(c, frame, image) for c in fresh]

    def _recognised(self, candidate: Candidate, frame: int, image: Image) -> bool:
        if any(self._is_untouched(t, candidate) for t in self._live):
            return True
        track = next((t for t in self._live if t.is_same_place(candidate.region)), None)
        if track is not None:
            track.seen(candidate, frame, image)
        return track is not None

    def _is_untouched(self, track: Track, candidate: Candidate) -> bool:
        """Tell whether a candidate is but a part of a line that did not change."""
        shared = track.region.intersection(candidate.region)
        return (
            shared is not None
            and 2 * shared.area >= candidate.region.area
            and not self._changes.touches(track.region)
        )

    def _still_stands(self, track: Track, frame: int, image: Image) -> bool:
        """Tell whether a track that no search confirmed stands in this frame all the same."""
        stands = not self._changes.touches(track.region) or track.likeness(image) >= STILL_THERE
        if stands:
            track.stop = frame + 1
        return stands

    def _new_track(self, candidate: Candidate, frame: int, image: Image) -> Track:
        """Begin a track where its place last changed; over moving ground at the stretch's begin.

        What a search of an earlier frame missed began before: if the place looked alike, it stood there too.
        """
        region, appearance = candidate.region, image[candidate.region.slices].copy()
        start, touched = frame, self._changes.touches(region)
        if touched and self._flows(region):
            start = self._stretch.start
        elif not touched or correlation(appearance, self._changes.before(region)) >= STILL_THERE:
            start = self._changes.unchanged_since(region)
        return Track(candidate, start, frame + 1, appearance)

    def _flows(self, region: Region) -> bool:
        return bool(self._changes.moving[blocks_under(region)].mean() > 0.5)

    def _gather(self, frame: int, image: Image) -> None:
        """Add a frame to the stretch; at its end search it."""
        self._stretch.add(image, self._changes.moving)
        if self._stretch.frames >= (LATER if self._stretch.start else STRETCH):
            self._search_stretch()
            self._stretch = self._new_stretch(frame + 1, image)

    def _new_stretch(self, frame: int, image: Image) -> Stretch:
        return Stretch(frame, image.shape, self._changes.changed.shape)

    def _search_stretch(self) -> None:
        """Search what the frames of the stretch show together where it moved; it stood in all of them."""
        if self._stretch is None or self._stretch.frames < 2 or not self._stretch.flowed.any():
            return
        mean, flowed = self._stretch.mean(), self._stretch.flowed
        areas = flows(flowed, (mean.shape[0], mean.shape[1]))

        def wanted(box: TextBox) -> bool:
            return bool(flowed[blocks_under(box.region)].any())

        for candidate in self._picture.look_once(mean, areas, self._picture.settings.upscale, wanted):
            if flowed[blocks_under(candidate.region)].mean() > 0.5:
                self._note_mean(candidate, mean)
        if self._stretch.frames >= LEAST_STEADY:
            self._search_steady(areas, mean)

    def _search_steady(self, areas: list[Region], mean: Image) -> None:
        """Search what stood steady while the ground moved, and is no known line."""
        known, steady = [track.region for track in self._live], self._stretch.steadiness()

        def wanted(box: TextBox) -> bool:
            flows_there = self._stretch.flowed[blocks_under(box.region)].mean() > 0.5
            return bool(flows_there) and not _is_explained(box.region, known, steady)

        for candidate in self._picture.look_once(steady, areas, 1.0, wanted):
            if wanted(TextBox(candidate.region, candidate.detection)):
                self._note_stretch(candidate, mean)

    def _note_mean(self, candidate: Candidate, mean: Image) -> None:
        known = [t for t in self._live if t.is_same_place(candidate.region)]
        for track in known:
            track.seen(candidate, self._stretch.span.stop - 1, mean)
            track.start = min(track.start, self._stretch.start)
        if not known:
            self._note_stretch(candidate, mean)

    def _note_stretch(self, candidate: Candidate, mean: Image) -> None:
        """Begin a track of what stood in the whole stretch."""
        appearance = mean[candidate.region.slices].copy()
        span = self._stretch.span
        self._live.append(Track(candidate, span.start, span.stop, appearance))


def whole(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates less those that another one holds: a line cut by the edge of an area."""
    return [c for c in candidates if not any(_is_cut(c.region, o.region) for o in candidates)]


def _is_explained(region: Region, known: Sequence[Region], steady: Image) -> bool:
    """Tell whether known lines leave no word of a box open; above and below its letters it has slack."""
    slack = region.rows // 4
    core = Region(region.row + slack, region.column, max(1, region.rows - 2 * slack), region.columns)
    left = (steady[core.slices] >= AT_REST).sum(axis=0) >= max(2, STROKES * core.rows)
    for line in known:
        shared = core.intersection(line)
        if shared is not None and 2 * shared.rows >= core.rows:
            left[shared.column - region.column : shared.right - region.column] = False
    return bool(np.count_nonzero(left) < OPEN * region.rows)


def _is_cut(part: Region, line: Region) -> bool:
    shared = part.intersection(line)
    return shared is not None and line.area > part.area and 10 * shared.area >= 9 * part.area

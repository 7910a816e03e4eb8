"""What becomes of boxes in one picture: codes, stacks, boxes around several lines, turned text."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text import Detectors, Reading, SearchSettings, TextBox
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.candidates import believable
from scrub_pixels.text.leftovers import unexplained
from scrub_pixels.text.picture import Candidate, PictureSearch
from scrub_pixels.text.reading import Choice, LineReader
from scrub_pixels.text.unpacking import Unpacking

SETTINGS = SearchSettings(upscale=1.0)
FIRST, SECOND = Region(40, 40, 10, 60), Region(60, 40, 10, 60)


@dataclass
class Fixed:
    """Finds the given boxes in the first look, and reads a crop by where its ink is tallest."""

    boxes: tuple[TextBox, ...]
    readings: dict[int, Reading] = field(default_factory=dict)
    name: str = "fixed"

    def detect(self, image):
        # What the search shows has a border of eight samples; lit corners keep it from being cut down.
        return [TextBox(b.region.moved(8, 8), b.score, code=b.code) for b in self.boxes]

    def recognize(self, crops):
        return [self.readings.get(int((crop > 128).any(axis=1).sum()), Reading("", 0.0)) for crop in crops]


def picture(*regions: Region) -> np.ndarray:
    """Return a black picture with strokes in the regions, and lit corners so that all of it is searched."""
    image = np.zeros((200, 300), np.uint8)
    image[0, 0] = image[0, -1] = image[-1, 0] = image[-1, -1] = 255
    for region in regions:
        image[region.row : region.bottom, region.column : region.right : 3] = 255
    return image


def found(image: np.ndarray, detector: Fixed, known: tuple[Candidate, ...] = ()) -> list[Candidate]:
    search = PictureSearch(Detectors(detector, detector), LineReader(detector, SETTINGS), SETTINGS)
    return search.search(image, known=known)


def test_a_code_is_one_unread_place_whatever_letters_are_seen_in_it() -> None:
    place = Region(100, 100, 40, 40)
    boxes = (TextBox(place, 0.97, code=True), TextBox(Region(110, 105, 10, 30), 0.9))
    (code,) = found(picture(Region(110, 105, 10, 30)), Fixed(boxes, {10: Reading("LIVER", 0.99)}))
    assert code.code and code.region.contains(place) and not code.choice.best.text


def test_what_is_too_small_or_unsure_for_a_code_is_none() -> None:
    boxes = (
        TextBox(Region(100, 100, 40, 40), 0.6, code=True),
        TextBox(Region(20, 20, 12, 12), 0.99, code=True),
    )
    assert found(picture(), Fixed(boxes)) == []


def test_a_box_around_two_lines_that_read_surely_is_dropped() -> None:
    both = TextBox(FIRST.union(SECOND), 0.9)
    boxes = (TextBox(FIRST, 0.9), TextBox(SECOND, 0.9), both)
    read = {10: Reading("LIVER", 0.99)}
    lines = found(picture(FIRST, SECOND), Fixed(boxes, read))
    assert len(lines) == 2
    assert not any(c.region.overlaps(FIRST) and c.region.overlaps(SECOND) for c in lines)


def test_a_line_beside_a_known_one_in_the_same_box_is_kept() -> None:
    both = TextBox(FIRST.union(SECOND), 0.9)
    lines = found(picture(FIRST, SECOND), Fixed((TextBox(FIRST, 0.9), both), {10: Reading("LIVER", 0.99)}))
    covered = np.zeros((200, 300), bool)
    for candidate in lines:
        covered[candidate.region.slices] = True
    assert covered[FIRST.slices].all() and covered[SECOND.slices].all()


def test_lines_known_from_another_view_explain_a_box_that_reads_badly() -> None:
    image, box = picture(FIRST), TextBox(FIRST, 0.95)
    (known,) = found(image, Fixed((box,), {10: Reading("LIVER", 0.99)}))
    assert len(found(image, Fixed((box,)))) == 1
    assert found(image, Fixed((box,)), (known,)) == []


TURNED_NAME, TURNED_DATE = Region(30, 20, 118, 9), Region(30, 37, 118, 11)
BOTH_TURNED = TURNED_NAME.union(TURNED_DATE).expanded(3, 3, (200, 300))


def turned_picture() -> np.ndarray:
    """Return two lines of turned text side by side: a stroke in every third row."""
    image = picture()
    for line in (TURNED_NAME, TURNED_DATE):
        image[line.row : line.bottom : 3, line.column : line.right] = 255
    return image


def letters(line: Region) -> tuple[TextBox, ...]:
    """Return boxes around four strokes each, as detectors find letters of turned text one by one."""
    return tuple(TextBox(Region(row, line.column, 12, line.columns), 0.9) for row in range(30, 150, 12))


def by_place(candidates: list[Candidate]) -> dict[str, Region]:
    return {c.choice.best.text: c.region for c in candidates}


def test_turned_lines_side_by_side_in_one_box_are_read_each_by_itself() -> None:
    read = {9: Reading("SOMEBODY", 0.99), 11: Reading("07081990", 0.99)}
    lines = found(turned_picture(), Fixed((TextBox(BOTH_TURNED, 0.9),), read))
    assert len(lines) == 2 and {c.choice.rotation for c in lines} <= {90, 270}
    assert by_place(lines)["SOMEBODY"].contains(TURNED_NAME)
    assert by_place(lines)["07081990"].contains(TURNED_DATE)


def test_a_turned_line_that_cannot_be_read_stays_whole_beside_one_that_can() -> None:
    # Letter by letter the second line would be twelve harmless letters M.
    read = {9: Reading("SOMEBODY", 0.99), 4: Reading("M", 0.99)}
    boxes = (TextBox(BOTH_TURNED, 0.9), TextBox(TURNED_NAME, 0.9), *letters(TURNED_DATE))
    lines = found(turned_picture(), Fixed(boxes, read))
    assert any(c.region.contains(TURNED_DATE) and not c.choice.best.text for c in lines)


def test_a_stack_of_lines_is_no_turned_text() -> None:
    # Four lines of three letters, in columns of their own as in a fixed-width font.
    lines = [Region(row, 40, 10, 24) for row in (40, 54, 68, 82)]
    image = picture()
    for line in lines:
        for column in (40, 49, 58):
            image[line.row : line.bottom, column : column + 6] = 255
    boxes = (TextBox(Region(38, 38, 56, 28), 0.9), *(TextBox(line, 0.9) for line in lines))
    kept = found(image, Fixed(boxes, {10: Reading("RES", 0.99)}))
    assert sorted(c.choice.best.text for c in kept) == ["RES"] * 4


def test_what_no_line_explains_in_a_box_is_kept_to_the_thinnest_letter() -> None:
    image = picture(FIRST)
    image[60:68, 90:92] = 255  # an I
    box = TextBox(FIRST.union(Region(60, 40, 10, 60)), 0.9)
    lines = found(image, Fixed((TextBox(FIRST, 0.9), box), {10: Reading("LIVER", 0.99)}))
    assert any(c.region.contains(Region(60, 90, 8, 2)) for c in lines)


def test_letters_run_together_with_a_known_line_are_not_lost_with_it() -> None:
    # A line above, joined to the known one by a stroke: together one mark, most of it in the known line.
    above = Region(46, 60, 9, 30)
    image = picture(Region(60, 40, 12, 90), above)
    image[60, 40:130] = 255
    image[46:61, 60] = 255
    image[50, 60:90] = 255
    box = TextBox(Region(42, 36, 34, 98), 0.9)
    ink = unexplained(image, box.region, [Region(58, 38, 16, 94)])
    assert ink[50 - 42, 60 - 36 : 90 - 36].all()


def test_crumbs_beside_a_line_that_reads_surely_take_it_not_apart() -> None:
    line, dots = Region(40, 40, 18, 120), (Region(38, 50, 5, 30), Region(38, 120, 5, 30))
    image = picture(line, *dots)
    image[line.row : line.bottom, 70:85] = image[line.row : line.bottom, 100:115] = 0  # two wide gaps
    boxes = tuple(TextBox(r, 0.9) for r in (line.expanded(3, 3, (200, 300)), *dots))
    detector = Fixed(boxes, {18: Reading("20221105", 0.98), 5: Reading("1", 0.99)})
    unpacking = Unpacking(BoxReader(LineReader(detector, SETTINGS), SETTINGS), SETTINGS)
    whole = Candidate(line.expanded(2, 2, (200, 300)), 0.9, Choice(Reading("20221105", 0.98)))
    crumbs = [Candidate(dot, 0.9, Choice(Reading("1", 0.99))) for dot in dots]
    assert whole in unpacking.unpacked(image, [whole, *crumbs], ())


@pytest.mark.parametrize(
    ("text", "confidence", "expected"),
    [("Ph9-0wM04", 0.69, True), ("Ph9-0wM04", 0.49, False), ("hhhlhl", 0.69, False), ("hhhlhl", 0.75, True)],
)
def test_over_tissue_a_badly_read_line_is_believed_if_its_letters_differ(text, confidence, expected):
    candidate = Candidate(Region(140, 109, 12, 80), 0.5, Choice(Reading(text, confidence)), plain=False)
    assert believable(candidate, SearchSettings()) is expected

"""Two detectors as witnesses of each other, and stacks of lines taken for turned text."""

from dataclasses import dataclass

import numpy as np
import pytest

from scrub_pixels.errors import UsageError
from scrub_pixels.geometry import Region
from scrub_pixels.text import DETECTORS, Detectors, FusedDetector, TextBox, load_detectors
from scrub_pixels.text.boxes import fused
from scrub_pixels.text.leftovers import leftovers
from scrub_pixels.text.readers import Reading
from scrub_pixels.text.tracks import misreads


@dataclass(frozen=True)
class Fixed:
    """A detector that always finds the same."""

    boxes: tuple[TextBox, ...]
    name: str = "fixed"

    def detect(self, image):
        return list(self.boxes)


FRAME = np.zeros((200, 300), np.uint8)
HERE, THERE = Region(10, 10, 12, 80), Region(100, 10, 12, 80)


def scores(network, reader):
    return {box.region: box.score for box in FusedDetector(Fixed(network), Fixed(reader)).detect(FRAME)}


def test_what_both_see_has_the_better_score_of_the_two():
    assert scores((TextBox(HERE, 0.6),), (TextBox(HERE, 0.95),)) == {HERE: 0.95}


def test_of_a_bloated_box_of_the_reader_only_what_the_network_does_not_explain_is_kept():
    picture = FRAME.copy()
    picture[12:20, 12:88:3] = 255
    own, tall = TextBox(HERE, 0.6), TextBox(Region(2, 8, 30, 84), 0.9)
    fused_detector = FusedDetector(Fixed((own,)), Fixed((tall,)))
    assert [box.region for box in fused_detector.detect(picture)] == [HERE]
    picture[12:20, 120:160:3] = 255
    longer = FusedDetector(Fixed((own,)), Fixed((TextBox(Region(2, 8, 30, 160), 0.9),)))
    assert [box.region for box in longer.detect(picture)] == [HERE, Region(12, 120, 8, 40)]


def test_a_box_around_turned_text_is_left_whole():
    upright = TextBox(Region(2, 8, 100, 14), 0.9)
    letters = TextBox(Region(4, 9, 10, 12), 0.6)
    found = FusedDetector(Fixed((letters,)), Fixed((upright,))).detect(FRAME)
    assert upright.region in {box.region for box in found}


def test_what_only_the_reader_sees_counts_less_and_what_only_the_network_sees_counts_fully():
    found = scores((TextBox(HERE, 0.9),), (TextBox(THERE, 0.9),))
    assert found[HERE] == 0.9
    assert found[THERE] < 0.9


def test_no_box_of_either_is_lost():
    found = FusedDetector(Fixed((TextBox(HERE, 0.5),)), Fixed((TextBox(THERE, 0.5),))).detect(FRAME)
    assert {box.region for box in found} == {HERE, THERE}


def test_a_name_nobody_knows_is_an_error():
    with pytest.raises(UsageError):
        load_detectors("oracle", Fixed(()))


def test_the_reader_alone_serves_both_looks():
    reader = Fixed(())
    assert load_detectors("reader", reader) == Detectors(reader, reader)
    assert set(DETECTORS) == {"reader", "network", "both"}


def test_a_stack_of_lines_taken_for_turned_text_leaves_only_what_no_line_covers():
    lines = [TextBox(Region(20, 100, 12, 60), 0.9), TextBox(Region(60, 100, 12, 60), 0.9)]
    stack = TextBox(Region(18, 98, 100, 50), 0.9)
    rest = [box.region for box in fused([*lines, stack]) if box.region not in {line.region for line in lines}]
    assert all(not part.overlaps(line.region) for part in rest for line in lines)
    assert {row for part in rest for row in range(part.row, part.bottom)} >= set(range(73, 118))


def test_letters_found_one_by_one_do_not_take_turned_text_apart():
    letters = [TextBox(Region(20 + 14 * n, 100, 12, 12), 0.9) for n in range(5)]
    upright = TextBox(Region(18, 98, 74, 16), 0.9)
    assert any(box.region.contains(upright.region) for box in fused([*letters, upright]))


def test_a_box_over_lines_that_are_known_leaves_nothing_and_one_over_more_leaves_the_rest():
    picture = FRAME.copy()
    picture[20:32, 20:100:3] = 255
    picture[40:52, 20:100:3] = 255
    both = TextBox(Region(18, 18, 36, 84), 0.9)
    first, second = Region(19, 18, 14, 84), Region(39, 18, 14, 84)
    assert leftovers(picture, both, [first, second]) == []
    assert leftovers(picture, both, []) == [both]
    (rest,) = leftovers(picture, both, [first])
    assert second.contains(rest.region) and rest.region.rows == 12


def test_what_is_left_of_a_box_is_parted_into_lines() -> None:
    picture = FRAME.copy()
    for row, column in ((20, 20), (40, 20), (40, 80), (60, 50)):
        picture[row : row + 10, column : column + 20 : 2] = 255
    box = TextBox(Region(18, 18, 56, 84), 0.9)
    rest = leftovers(picture, box, [Region(19, 18, 12, 84), Region(59, 45, 12, 30)])
    assert sorted((r.region.row, r.region.column) for r in rest) == [(40, 20), (40, 80)]


@pytest.mark.parametrize("text", ["PROC2YOYFYEYA", "PROC 2/0/F/E", "PROC 2/0/F/E/A", "2/0"])
def test_a_worse_look_at_the_same_text_is_no_other_reading(text):
    assert misreads(text, Reading("PROC 2/0/F/E/A", 0.97))


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("MI 0.8 SMITH", Reading("MI 0.8", 0.99)),
        ("SMITH", Reading("MI 0.8", 0.99)),
        ("LIV", Reading("LIVER", 0.6)),
        ("DOE JOHN", Reading("LT KIDNEY", 0.99)),
        ("12:30:05", Reading("12:30:01", 0.99)),
    ],
)
def test_a_text_that_holds_more_or_differs_is_another_reading(text, best):
    assert not misreads(text, best)

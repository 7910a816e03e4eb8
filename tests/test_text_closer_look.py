"""A closer look shows a line in other ways, and a lone letter upright."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.closer_look import LOOKS, is_narrow, looked_closer
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.readers import Image, Reading


class Reciting:
    """A recogniser that says what it is told, one reading for each crop; it keeps what it was shown."""

    name = "reciting"

    def __init__(self, *readings: tuple[str, float]) -> None:
        self._readings = [Reading(*each) for each in readings]
        self.shown: list[Image] = []

    def recognize(self, crops: Sequence[Image]) -> list[Reading]:
        self.shown += crops
        return [self._readings[i % len(self._readings)] for i in range(len(crops))]


def _picture(text: str = "CERVIX") -> Image:
    image = np.zeros((60, 160), np.uint8)
    return cv2.putText(image, text, (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 200, 1)


def _line(region: Region, reading: str = "CERVX", rotation: int = 0) -> TextLine:
    return TextLine(region, FrameSpan(0, 1), reading, 0.9 if not rotation else 0.3, 0.9, rotation, ("x",))


def test_a_line_gets_a_look_for_each_way_that_reads_well() -> None:
    line = _line(Region(22, 6, 24, 100))
    reader = Reciting(("CERVIX", 0.9), ("CERVX", 0.8), ("", 0.0), ("noise", 0.3))
    (closer,) = looked_closer(_picture(), [line], reader)
    assert closer.looks == ("CERVIX", "CERVX", "CERVIX", "CERVX")
    assert (closer.reading, closer.alternatives, closer.confidence) == ("CERVX", ("x",), 0.9)
    assert "CERVIX" not in repr(closer)


def test_every_look_is_another_picture_of_the_same_line() -> None:
    reader = Reciting(("A", 0.9))
    looked_closer(_picture(), [_line(Region(22, 6, 24, 100))], reader)
    assert len({(crop.shape, crop.tobytes()) for crop in reader.shown}) == len(LOOKS)
    colour = np.dstack([_picture()] * 3)
    assert looked_closer(colour, [_line(Region(22, 6, 24, 100))], reader)[0].looks


def test_a_lone_letter_is_read_upright_if_it_is_one_mark() -> None:
    box = Region(20, 8, 26, 18)
    assert is_narrow(box)
    (letter,) = looked_closer(_picture("R"), [_line(box, "m", 90)], Reciting(("R", 0.9)))
    assert (letter.reading, letter.rotation, letter.alternatives) == ("R", 0, ())
    stacked = np.vstack([_picture("R")[20:44], _picture("R")[20:44]])
    (same,) = looked_closer(stacked, [_line(Region(0, 8, 48, 18), "m", 90)], Reciting(("R", 0.9)))
    assert same.reading == "m"


def test_it_stays_unread_if_looks_disagree_or_it_is_no_such_letter() -> None:
    line = _line(Region(20, 8, 26, 18), "m", 90)
    for readings in ([("R", 0.9), ("A", 0.9)], [("J", 0.9)], [("RO", 0.9)], [("", 0.0)]):
        assert looked_closer(_picture("R"), [line], Reciting(*readings)) == [line]


def test_turned_text_stays_as_it_is() -> None:
    line = _line(Region(2, 8, 58, 12), "Kowalski", 90)
    assert looked_closer(_picture(), [line], Reciting(("CERVIX", 0.9))) == [line]

"""Parts: in one line an identifier goes and a measurement beside it stays, cut at a gap of the ink."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from scrub_pixels.decisions import DecisionSettings, Verdict, decide, rooms_within, witnesses_of
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine, TextSearch
from scrub_pixels.text.readers import Reading

SHAPE = (60, 640)
SETTINGS = DecisionSettings()
HEIGHT, ROW, LEFT = 9, 30, 20


class Known:
    """A recogniser that reads what was drawn, from left to right, whatever crops it is given."""

    name = "known"

    def __init__(self, texts, confidence=0.98):
        self.texts, self.confidence = texts, confidence

    def recognize(self, crops):
        """Return one reading for each crop; nothing if there are more or fewer than there are parts."""
        texts = self.texts if len(crops) == len(self.texts) else [""] * len(crops)
        return [Reading(text, self.confidence) for text in texts]


def drawn(texts, gaps, level=200, ground=0):
    """Draw parts with so many empty columns between them; return the picture and the columns of each."""
    image, column, spans = np.full(SHAPE, ground, np.uint8), LEFT, []
    for text, gap in zip(texts, [*gaps, 0], strict=True):
        ink = np.zeros(SHAPE, np.uint8)
        cv2.putText(ink, text, (column, ROW), cv2.FONT_HERSHEY_SIMPLEX, 0.4, level, 1, cv2.LINE_AA)
        columns = np.flatnonzero(ink.any(axis=0))
        ink = np.roll(ink, column - int(columns[0]), axis=1)
        width = int(columns[-1] - columns[0]) + 1
        image = np.maximum(image, ink)
        spans.append((column, column + width))
        column += width + gap
    return image, spans


def box(spans):
    return Region(ROW - HEIGHT - 2, spans[0][0] - 2, HEIGHT + 7, spans[-1][1] - spans[0][0] + 4)


def header():
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID, dataset.Modality = "SMITH^JOHN", "4711203", "US"
    dataset.Rows, dataset.Columns = SHAPE
    return dataset


def rooms(texts, gaps, image=None, **changes):
    picture, spans = drawn(texts, gaps)
    reading = changes.pop("reading", " ".join(texts))
    reader = changes.pop("reader", Known(texts))
    others = changes.pop("others", ())
    found = TextLine(box(spans), changes.pop("frames", FrameSpan(0, 1)), reading, 0.97, 0.9, **changes)
    search = TextSearch((found, *others), SHAPE, 1, 1, "test")
    dataset = header()
    decision = decide(search, dataset, SETTINGS)
    assert decision.findings[0].verdict is Verdict.PHI
    asked = witnesses_of(search, dataset, SETTINGS, None, reader)
    shown = picture if image is None else image(picture)
    return rooms_within(decision.findings, lambda frame: (shown,), SETTINGS, asked), spans


HARMLESS = st.sampled_from(["MI 0.8", "TIS 0.4", "LT KIDNEY SAG", "Dist 3.24 cm", "EDV 56 ml"])
IDENTIFYING = st.sampled_from(["Smith John", "4711203", "SMITH^JOHN", "12-MAR-60", "Dr Smith", "ID 4711203"])


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["Smith John", "MI 0.8"], [1]),
        (["Smith John", "MI 0.8", "TIS 0.4"], [1, 2]),
        (["4711203", "LT KIDNEY SAG"], [1]),
        (["Dist 3.24 cm", "Smith John"], [0]),
    ],
)
def test_what_is_harmless_for_sure_keeps_its_place(texts, kept):
    found, spans = rooms(texts, [12] * (len(texts) - 1))
    places = sorted((room.region.column, room.region.right) for room in found)
    assert len(places) == len(kept)
    for (begin, end), i in zip(places, kept, strict=True):
        assert begin <= spans[i][0] and spans[i][1] <= end


@settings(max_examples=150)
@given(st.lists(st.one_of(HARMLESS, IDENTIFYING), min_size=2, max_size=4), st.data())
def test_no_column_of_what_must_go_is_given_up_and_cuts_are_half_a_glyph_wide(texts, data):
    gaps = [data.draw(st.integers(0, 16)) for _ in texts[1:]]
    identifying = [i for i, t in enumerate(texts) if any(c in t.upper() for c in ("SMITH", "4711", "60"))]
    if not identifying:
        return
    found, spans = rooms(texts, gaps)
    for room in found:
        inside = [i for i, (a, b) in enumerate(spans) if room.region.column < b and a < room.region.right]
        assert inside and not set(inside) & set(identifying)
        for i in identifying:
            beside = room.region.column - spans[i][1] if i < inside[0] else spans[i][0] - room.region.right
            assert beside >= 2
        assert all(gaps[i] >= HEIGHT // 2 for i in (inside[0] - 1, inside[-1]) if 0 <= i < len(gaps))


@pytest.mark.parametrize(
    ("texts", "changes"),
    [
        (["Smith John", "GB"], {}),
        (["Smith", "LONG"], {}),
        (["Smith", "Liver"], {}),
        (["Perf:", "O' Smith"], {}),
        (["LT KIDNEY SAG", "Smith John"], {}),
        (["Hartford Breast", "Smith Center", "MI 0.8"], {}),
        (["Smith John", "45"], {}),
        (["MI 45", "Smith John"], {}),
        (["Smith John", "LT 45"], {}),
        (["Smith John", "MI 0.8"], {"reader": Known(["Smith John", "MI 0.8"], 0.7)}),
        (["Smith John", "MI 0.8"], {"reader": Known(["Smith John", "MI 0.6"])}),
        (["Smith John", "MI 0.8"], {"reading": "Smith John"}),
        (["Smith John", "MI 0.8"], {"alternatives": ("Smith John M1 0.B",)}),
        (["Smith John", "MI 0.8"], {"rotation": 180}),
        (["Smith John", "MI 0.8"], {"image": lambda picture: np.random.default_rng(1).integers(
            0, 255, SHAPE, dtype=np.uint8) // 2 + picture // 2}),
        (["12 MAR", "MI 0.8 60"], {}),
    ],
    ids=["maybe initials", "a name as well", "one blank only", "a label", "maybe a label", "a place",
         "a bare number", "maybe initials and an age", "maybe a side and an age", "read without confidence",
         "read otherwise", "not in the reading",
         "read in two ways", "turned",
         "no plain ground", "more than is announced"],
)  # fmt: skip
def test_in_doubt_the_whole_line_goes(texts, changes):
    assert rooms(texts, [12] * (len(texts) - 1), **changes)[0] == ()


def test_blanks_between_words_are_no_cuts():
    texts = ["Smith", "John", "Liver"]
    assert rooms(texts, [7, 7])[0] == ()
    assert rooms(texts, [7, 8])[0] == ()
    found, spans = rooms(texts, [6, 14], reader=Known(["Smith John", "Liver"]))
    assert [room.region.column > spans[1][1] for room in found] in ([True], [])


def test_something_faint_in_the_gap_keeps_the_line_whole():
    def smeared(picture):
        columns = np.flatnonzero(picture.any(axis=0))
        gap = next(int(a) for a, b in zip(columns, columns[1:], strict=False) if b - a > 8)
        copy = picture.copy()
        copy[ROW - 4 : ROW - 1, gap + 4 : gap + 7] = 60
        return copy

    assert rooms(["Smith John", "MI 0.8"], [12])[0]
    assert rooms(["Smith John", "MI 0.8"], [12], image=smeared)[0] == ()


def test_a_part_beside_a_label_of_its_own_is_no_part():
    """What would be the value of a label as a line of its own goes with it."""
    label = TextLine(Region(ROW - HEIGHT - 2, 2, HEIGHT + 7, 15), FrameSpan(0, 1), "Name:", 0.97, 0.9)
    found, _ = rooms(["Liver", "Smith John"], [12], others=(label,))
    assert found == ()

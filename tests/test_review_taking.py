"""Boxes of other viewers become drafts: every unit and type that is understood, and nothing that is not."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from instances import Recipe, make_instance
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from test_run_campaign import saved

from scrub_pixels import Policy
from scrub_pixels.cli import main
from scrub_pixels.decisions import Redaction
from scrub_pixels.errors import Refusal, UsageError
from scrub_pixels.frames import Limits, open_instance
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.review.desk import open_desk
from scrub_pixels.review.marks import MOST_MARKS, Mark, is_dicom, marks_of
from scrub_pixels.review.pictures import Facts
from scrub_pixels.review.presentation import presentation_state
from scrub_pixels.review.segmentation import segmentation
from scrub_pixels.review.showing import Reading
from scrub_pixels.review.taking import redactions_of, take_marks
from scrub_pixels.review.views import BadDecision
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.run.limits import Cost
from scrub_pixels.store.queue import REVIEWER, Draft, State, Wanted

ROWS, COLUMNS, FRAMES = 60, 80, 5
BOXES = (Redaction(Region(8, 4, 16, 24), FrameSpan(1, 3), REVIEWER),
         Redaction(Region(40, 50, 5, 9), FrameSpan(0, FRAMES), REVIEWER),
         Redaction(Region(0, 0, 3, 80), FrameSpan(4, 5), REVIEWER))
CINE = "1.2.840.10008.5.1.4.1.1.3.1"
DRAWINGS = {"gsps": presentation_state, "seg": segmentation}


def original(frames: int = FRAMES, **more) -> Dataset:
    samples = [np.full((ROWS, COLUMNS), 90 + n, np.uint8) for n in range(frames)]
    values = {"BurnedInAnnotation": "YES", "Modality": "US", **more}
    if frames > 1:
        values["SOPClassUID"] = CINE
    return make_instance(Recipe(ROWS, COLUMNS, frames=frames), samples, **values)


def state(*boxes: Redaction, frames: int = FRAMES) -> Dataset:
    return presentation_state(open_instance(original(frames)), boxes or BOXES[:1])


def read(tmp_path: Path, dataset: Dataset) -> tuple[Mark, ...]:
    file = tmp_path / "drawn.dcm"
    dataset.save_as(file, enforce_file_format=True)
    return marks_of(Reading(file, Limits(), Cost()))


def outline(dataset: Dataset) -> Dataset:
    return dataset.GraphicAnnotationSequence[0].GraphicObjectSequence[0]


def shape(dataset: Dataset, kind: str, data: list[float], units: str = "PIXEL") -> Dataset:
    drawn = outline(dataset)
    drawn.GraphicType, drawn.GraphicAnnotationUnits = kind, units
    drawn.GraphicData, drawn.NumberOfGraphicPoints = data, len(data) // 2
    return dataset


@pytest.mark.parametrize(("kind", "data", "extent"), [
    ("POLYLINE", [4, 8, 28, 8, 28, 24, 4, 24, 4, 8], (8, 4, 24, 28)),
    ("POLYLINE", [4.5, 8.2, 27.5, 8.2, 27.5, 23.1, 4.5, 23.1], (8, 4, 24, 28)),
    ("POLYLINE", [-3, -2, 9, -2, 9, 7], (-2, -3, 7, 9)),
    ("CIRCLE", [20, 30, 23, 34], (25, 15, 35, 25)),
    ("ELLIPSE", [10, 20, 30, 20, 20, 15, 20, 25], (15, 10, 25, 30)),
    ("ELLIPSE", [20, 20, 40, 40, 25, 35, 35, 25], (18, 18, 42, 42)),
])
def test_an_outline_is_the_rectangle_around_it(tmp_path, kind, data, extent):
    """PS3.3 C.10.5.1.2: 0\\0 is the outer corner of the first sample, 1\\1 its other one."""
    (mark,) = read(tmp_path, shape(state(), kind, data))
    assert mark.extent == extent and mark.frames == {1, 2} and mark.shape is None


def test_a_turned_ellipse_is_enclosed_as_far_as_it_swings(tmp_path):
    """Every point of the ellipse, not only the ends of its axes."""
    half = 0.5 ** 0.5
    data = [40 - 20 * half, 30 - 20 * half, 40 + 20 * half, 30 + 20 * half,
            40 - 5 * half, 30 + 5 * half, 40 + 5 * half, 30 - 5 * half]
    (mark,) = read(tmp_path, shape(state(), "ELLIPSE", data))
    angles = np.linspace(0, 2 * np.pi, 1000)
    columns = 40 + half * (20 * np.cos(angles) - 5 * np.sin(angles))
    top, left, bottom, right = mark.extent
    assert left <= columns.min() < left + 1 and right - 1 < columns.max() <= right


def test_display_units_are_fractions_of_the_displayed_area(tmp_path):
    given = shape(state(), "POLYLINE", [0.0, 0.0, 0.5, 0.0, 0.5, 0.25], units="DISPLAY")
    assert read(tmp_path, given)[0].extent == (0, 0, 15, 40)
    area = given.DisplayedAreaSelectionSequence[0]
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = [21, 11], [60, 50]
    assert read(tmp_path, given)[0].extent == (10, 20, 20, 40)
    given.ImageRotation, given.ImageHorizontalFlip = 90, "N"
    with pytest.raises(Refusal, match="turned or flipped"):
        read(tmp_path, given)


def test_pixel_units_are_those_of_the_image_however_it_is_turned(tmp_path):
    given = state()
    given.ImageRotation, given.ImageHorizontalFlip = 270, "Y"
    assert read(tmp_path, given)[0].extent == (8, 4, 24, 28)


def test_without_a_reference_of_its_own_an_outline_is_about_all_images_of_the_file(tmp_path):
    given = state()
    uid = referred(given).ReferencedSOPInstanceUID
    del given.GraphicAnnotationSequence[0].ReferencedImageSequence
    (mark,) = read(tmp_path, given)
    assert mark.sop_instance == uid and mark.frames == frozenset()


def test_parts_that_hang_together_are_one_box_each(tmp_path):
    given = segmentation(open_instance(original()), BOXES)
    marks = read(tmp_path, given)
    assert {mark.extent for mark in marks} == {(8, 4, 24, 28), (40, 50, 45, 59), (0, 0, 3, 80)}
    assert {mark.shape for mark in marks} == {(ROWS, COLUMNS)}
    given.PixelData = b"\0" * len(given.PixelData)
    with pytest.raises(Refusal, match="marks nothing"):
        read(tmp_path, given)


REFUSED = {
    "POINT": lambda s: shape(s, "POINT", [4, 8]),
    "spline": lambda s: shape(s, "INTERPOLATED", [4, 8, 28, 8, 28, 24, 4, 8]),
    "a line": lambda s: shape(s, "POLYLINE", [4, 8, 28, 24]),
    "flat": lambda s: shape(s, "POLYLINE", [4, 8, 28, 8, 16, 8]),
    "matrix": lambda s: shape(s, "POLYLINE", [4, 8, 28, 8, 28, 24], units="MATRIX"),
    "not a number": lambda s: shape(s, "POLYLINE", [4, 8, float("nan"), 8, 28, 24]),
    "infinite": lambda s: shape(s, "POLYLINE", [4, 8, float("inf"), 8, 28, 24]),
    "far away": lambda s: shape(s, "POLYLINE", [4, 8, 1e30, 8, 28, 24]),
    "half a point": lambda s: shape(s, "POLYLINE", [4, 8, 28, 8, 28, 24, 9]),
    "no ellipse": lambda s: shape(s, "ELLIPSE", [4, 8, 28, 8, 28, 24]),
    "no circle": lambda s: shape(s, "CIRCLE", [4, 8, 28, 8, 28, 24]),
    "miscounted": lambda s: setattr(outline(shape(s, "POLYLINE", [4, 8, 28, 8, 28, 24])),
                                    "NumberOfGraphicPoints", 2),
    "solid": lambda s: setattr(outline(s), "GraphicDimensions", 3),
    "no data": lambda s: delattr(outline(s), "GraphicData"),
    "text alone": lambda s: delattr(s.GraphicAnnotationSequence[0], "GraphicObjectSequence"),
    "a shutter": lambda s: setattr(s, "ShutterShape", "RECTANGULAR"),
    "an overlay": lambda s: s.add_new((0x6002, 0x3000), "OW", b"\1\0"),
    "compound": lambda s: setattr(s.GraphicAnnotationSequence[0], "CompoundGraphicSequence",
                                  Items([Dataset()])),
    "frame 0": lambda s: setattr(referred(s), "ReferencedFrameNumber", [0]),
    "frame -1": lambda s: setattr(referred(s), "ReferencedFrameNumber", -1),
    "a segment": lambda s: setattr(referred(s), "ReferencedSegmentNumber", 1),
    "no image": lambda s: delattr(referred(s), "ReferencedSOPInstanceUID"),
    "nothing": lambda s: delattr(s, "GraphicAnnotationSequence"),
    "another class": lambda s: setattr(s, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.88.22"),
    "no class": lambda s: delattr(s, "SOPClassUID"),
}


def referred(dataset: Dataset) -> Dataset:
    return dataset.GraphicAnnotationSequence[0].ReferencedImageSequence[0]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_with_a_reason(tmp_path, name):
    given = state()
    uid = referred(given).ReferencedSOPInstanceUID
    REFUSED[name](given)
    with pytest.raises(Refusal) as refused:
        read(tmp_path, given)
    said = str(refused.value)
    assert len(said) > 20 and uid not in said and "unforeseen" not in said


REFUSED_MASKS = {
    "fractional": lambda s: setattr(s, "SegmentationType", "FRACTIONAL"),
    "no sources": lambda s: [delattr(group, "DerivationImageSequence")
                             for group in s.PerFrameFunctionalGroupsSequence],
    "fewer groups": lambda s: setattr(s, "PerFrameFunctionalGroupsSequence",
                                      s.PerFrameFunctionalGroupsSequence[:-1]),
    "elsewhere": lambda s: setattr(s.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
                                   .SourceImageSequence[0], "SpatialLocationsPreserved", "NO"),
    "truncated": lambda s: setattr(s, "PixelData", s.PixelData[:10]),
    "huge": lambda s: (setattr(s, "Rows", 65535), setattr(s, "Columns", 65535)),
}


@pytest.mark.parametrize("name", REFUSED_MASKS)
def test_a_segmentation_that_does_not_say_where_is_refused(tmp_path, name):
    given = segmentation(open_instance(original()), BOXES)
    REFUSED_MASKS[name](given)
    with pytest.raises(Refusal):
        read(tmp_path, given)


def test_too_many_places_are_refused(tmp_path):
    given = state()
    item = given.GraphicAnnotationSequence[0]
    many = [Dataset() for _ in range(MOST_MARKS + 1)]
    for number, reference in enumerate(many):
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CINE, f"1.2.{number}"
    item.ReferencedImageSequence = Items(many)
    with pytest.raises(Refusal, match="more than"):
        read(tmp_path, given)


@pytest.mark.parametrize("at", range(140, 1500, 61))
def test_a_damaged_file_is_refused_or_read_and_nothing_else(tmp_path, at):
    content = BytesIO()
    state().save_as(content, enforce_file_format=True)
    damaged = bytearray(content.getvalue())
    damaged[at % len(damaged)] ^= 0xFF
    file = tmp_path / "damaged.dcm"
    for given in (bytes(damaged), content.getvalue()[:at]):
        file.write_bytes(given)
        try:
            assert all(isinstance(mark, Mark) for mark in marks_of(Reading(file, Limits(), Cost())))
        except Refusal as refusal:
            assert str(refusal)


def test_only_a_regular_file_with_the_prefix_is_dicom(tmp_path):
    (tmp_path / "text").write_bytes(b"{}" * 100)
    os.mkfifo(tmp_path / "pipe")
    assert not any(is_dicom(tmp_path / name) for name in ("text", "pipe", "none", "."))


FACTS = Facts("", "", ROWS, COLUMNS, FRAMES, 25.0, False, False)


def test_marks_become_redactions_of_the_frames_they_name():
    one, all_of_it = Mark("a", "b", (8, 4, 24, 28), frozenset({0, 1, 3})), Mark("a", "b", (-5, 70, 9, 99))
    made = redactions_of([one, all_of_it, Mark("a", "b", (8, 4, 24, 28), frozenset({2}))], FACTS)
    assert made == (Redaction(Region(8, 4, 16, 24), FrameSpan(0, 4), REVIEWER),
                    Redaction(Region(0, 70, 9, 10), FrameSpan(0, FRAMES), REVIEWER))
    for bad in (Mark("a", "b", (60, 0, 70, 9)), Mark("a", "b", (0, 0, 9, 9), frozenset({FRAMES})),
                Mark("a", "b", (0, 0, 9, 9), frozenset(), (ROWS, COLUMNS + 1))):
        with pytest.raises(BadDecision):
            redactions_of([bad], FACTS)


@pytest.fixture
def case(tmp_path):
    """A run that holds a cine and a still, both of one Series."""
    for name, frames in (("cine", FRAMES), ("still", 1)):
        made = original(frames, SOPInstanceUID=f"1.2.3.{frames}", SeriesInstanceUID="1.2.3")
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
        saved(made, tmp_path / "in" / f"{name}.dcm")
    campaign = Campaign(tmp_path / "in", tmp_path / "out", Policy(), jobs=0)
    run(campaign)
    return campaign


def cine_of(desk):
    return next(e for e in desk.page(Wanted(state=State.PENDING)) if e.frames == FRAMES)


@pytest.mark.parametrize("form", DRAWINGS)
def test_what_we_export_comes_back_as_it_was(case, tmp_path, form, capsys):
    with open_desk(case.private) as desk:
        key = cine_of(desk).key
        proposed = desk.look(key, "ann").draft.redactions
        desk.claim(key, "ann")
        desk.save_draft(key, "ann", Draft((*proposed, *BOXES)))
        desk.leave(key, "ann")
    target = tmp_path / "boxes"
    assert main(["review", "export", str(case.private), "-o", str(target), "--format", form]) == 0
    file = target / f"{key}.dcm"
    with open_desk(case.private) as desk:
        desk.claim(key, "ann")
        desk.save_draft(key, "ann", Draft(proposed))
        desk.leave(key, "ann")
    assert main(["review", "import", str(file), str(case.private)]) == 10
    assert "Boxes taken for 1 entries; 0 images left out" in capsys.readouterr().out
    with open_desk(case.private) as desk:
        entry = desk.queue.get(key)
        assert set(desk.draft(entry).redactions) == {*proposed, *BOXES} and not entry.claimed_by
        before = entry.draft
        assert [outcome.done for outcome in take_marks(desk, file, "ann")] == [True]
        assert desk.queue.get(key).draft == before, "what is there already is not drawn twice"
        assert desk.queue.get(key).state is State.PENDING
    assert main(["review", "apply", str(file), str(case.private)]) == 2


def test_marks_are_added_and_never_take_away(case, tmp_path):
    with open_desk(case.private) as desk:
        entry = cine_of(desk)
        desk.claim(entry.key, "bob")
        desk.save_draft(entry.key, "bob", Draft(BOXES[1:]))
        instance = open_instance(entry.path)
        file = tmp_path / "more.dcm"
        presentation_state(instance, BOXES[:1]).save_as(file, enforce_file_format=True)
        (outcome,) = take_marks(desk, file, "ann")
        assert not outcome.done and "Someone else" in outcome.why
        desk.leave(entry.key, "bob")
        assert [o.done for o in take_marks(desk, file, "ann")] == [True]
        assert desk.draft(desk.queue.get(entry.key)).redactions == (*BOXES[1:], BOXES[0])


def test_an_image_that_waits_nowhere_is_told_of(case, tmp_path, capsys):
    other = dcmread(tmp_path / "in" / "still.dcm")
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = "1.2.3.99"
    file = tmp_path / "other.dcm"
    box = Redaction(Region(1, 1, 5, 5), FrameSpan(0, 1), REVIEWER)
    made = presentation_state(open_instance(other), [box])
    made.save_as(file, enforce_file_format=True)
    assert main(["review", "import", str(file), str(case.private)]) == 1
    said = capsys.readouterr()
    assert "waits nowhere" in said.err and "1.2.3" not in said.err + said.out
    del made.ReferencedSeriesSequence
    del made.GraphicAnnotationSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID
    made.GraphicAnnotationSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3.1"
    made.save_as(file, enforce_file_format=True)
    with open_desk(case.private) as desk:
        (outcome,) = take_marks(desk, file, "ann")
        assert outcome.done, "without a Series, every entry that waits is looked at"


def test_frames_there_are_not_leave_the_draft_as_it_was(case, tmp_path):
    with open_desk(case.private) as desk:
        entry = cine_of(desk)
        made = presentation_state(open_instance(entry.path), BOXES[:1])
        referred(made).ReferencedFrameNumber = [2, FRAMES + 1]
        file = tmp_path / "beyond.dcm"
        made.save_as(file, enforce_file_format=True)
        (outcome,) = take_marks(desk, file, "ann")
        assert not outcome.done and f"has {FRAMES}" in outcome.why
        assert desk.queue.get(entry.key).draft == 0 and not desk.queue.get(entry.key).claimed_by


def test_a_drawing_decides_nothing(case, tmp_path):
    from scrub_pixels.review.commands import Place, take_file

    file = tmp_path / "x.dcm"
    state().save_as(file, enforce_file_format=True)
    with pytest.raises(UsageError, match="no decisions"):
        take_file(Place(case.private), file, decide=True)

"""Ultrasound Regions are read robustly, and distrusted where the picture or their own numbers forbid it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from instances import make_instance, saved
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from scrub_pixels.frames import ScanArea, open_instance, scan_area
from scrub_pixels.geometry import Region

SHAPE = (240, 320)
SCAN = (40, 64, 219, 287)
"""Top, left, bottom and right: the last row and column belong to the region."""


def frame(*edges: tuple[int, int, int, int]) -> np.ndarray:
    """Return a dark frame with a header bar, text, and speckle in the rectangles."""
    picture = np.full(SHAPE, 4, np.uint8)
    picture[:20] = 70
    cv2.putText(picture, "SOMEBODY 12345", (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    for top, left, bottom, right in edges:
        size = bottom + 1 - top, right + 1 - left
        picture[top : bottom + 1, left : right + 1] = np.random.default_rng(3).integers(10, 160, size)
    return picture


def region(edges: tuple[object, ...] = SCAN, **attributes: object) -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 3
    for keyword, value in zip(("Y0", "X0", "Y1", "X1"), edges, strict=True):
        name = f"RegionLocation{'Min' if keyword.endswith('0') else 'Max'}{keyword}"
        if value is not None:
            setattr(item, name, value)
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def area(items: list[Dataset], *frames: np.ndarray) -> ScanArea:
    dataset = make_instance(frames=list(frames) or [frame(SCAN)])
    dataset.SequenceOfUltrasoundRegions = Sequence(items)
    return scan_area(open_instance(saved(dataset)))


def test_regions_that_the_picture_bears_out_are_trusted() -> None:
    found = area([region()])
    assert found.trusted == (Region(40, 64, 180, 224),)
    assert found.doubts == ()


def test_without_regions_there_is_neither_trust_nor_doubt() -> None:
    found = scan_area(open_instance(saved(make_instance(frames=[frame(SCAN)]))))
    assert (found.regions, found.trusted, found.doubts) == ((), (), ())


@pytest.mark.parametrize(
    "item",
    [
        region(RegionSpatialFormat=0),
        region((100, 100, 100, 200)),
        region((100, 200, 180, 100)),
        region((None, 10, 20, 30)),
        region((400, 10, 500, 30)),
    ],
    ids=("of nothing", "flat", "turned", "incomplete", "elsewhere"),
)
def test_regions_of_nothing_do_not_count(item) -> None:
    assert area([item]).trusted == ()
    assert Region(40, 64, 180, 224) in area([item, region()]).regions


@pytest.mark.parametrize(
    ("edges", "doubt"),
    [
        ((40, 64, 260, 287), "out of the frame"),
        ((4, 64, 219, 287), "header"),
        ((10, 0, 239, 319), "nearly all"),
    ],
)
def test_numbers_that_cannot_be_right_are_doubted(edges, doubt) -> None:
    found = area([region(edges)])
    assert found.trusted == () and any(doubt in text for text in found.doubts)


def test_the_first_sample_behind_the_frame_is_no_reason_for_doubt() -> None:
    found = area([region((40, 64, 240, 320))], frame((40, 64, 239, 319)))
    assert found.trusted == (Region(40, 64, 200, 256),)


def test_regions_in_which_nothing_is_lit_are_doubted() -> None:
    assert area([region((40, 64, 219, 287))], frame()).doubts == ("nothing is lit inside the regions",)


def test_tissue_outside_is_a_contradiction_and_text_is_none() -> None:
    left, right = (40, 10, 219, 149), (40, 170, 219, 309)
    found = area([region(left)], frame(left, right))
    assert found.doubts == ("lit structure lies outside the regions",)
    assert area([region(left), region(right)], frame(left, right)).doubts == ()


def test_a_layout_that_changes_within_a_cine_is_noticed() -> None:
    moved = (40, 10, 219, 149)
    assert area([region()], frame(SCAN), frame(SCAN), frame((40, 200, 219, 319), moved)).doubts


def test_real_regions_are_judged_as_a_person_would(shared_data) -> None:
    expected = {
        "pydicom-data__OBXXXX1A.dcm": True,
        "pydicom-data__gdcm-US-ALOKA-16.dcm": True,
        "weasis-dicom-tools__ybrFull-RLE.dcm": True,
        "pydicom__examples_palette.dcm": False,
        "pydicom__examples_ybr_color.dcm": False,
        "dicompixelanon__US-GE-4AICL142.dcm": False,
    }
    files = {name: shared_data / "burned_in" / name for name in expected}
    assert {name: bool(scan_area(open_instance(file)).trusted) for name, file in files.items()} == expected

"""Overlay planes are read, cleared and written bit by bit; nothing odd in their group stops a run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import Recipe, make_instance, saved
from pydicom.dataset import Dataset

from scrub_pixels.frames import (
    content_kind,
    drawings,
    elements_of,
    icon_of,
    open_instance,
    overlay_groups,
    read_plane,
    scan_area,
    shows_slide_label,
    without_pictures,
)
from scrub_pixels.frames.overlays import OverlayPlane, lies_in_stored_bits
from scrub_pixels.frames.syntaxes import BIG_ENDIAN, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from scrub_pixels.geometry import Region


def plane_of(frames: np.ndarray) -> OverlayPlane:
    count, rows, columns = frames.shape
    packed = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
    return OverlayPlane(0x6004, rows, columns, count, "R", (-3, 7), 2, packed)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 21), st.integers(1, 21), st.integers(0, 2**32), st.data())
def test_clearing_touches_the_regions_of_one_frame_and_no_other_bit(count, rows, columns, seed, data) -> None:
    frames = np.random.default_rng(seed).integers(0, 2, (count, rows, columns), np.uint8)
    row, column = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    height, width = data.draw(st.integers(1, rows - row)), data.draw(st.integers(1, columns - column))
    region = Region(row, column, height, width)
    frame = data.draw(st.integers(0, count - 1))
    after = plane_of(frames).cleared({frame: [region]})
    expected = frames.copy()
    expected[frame][region.slices] = 0
    assert all(np.array_equal(after.bits(n), expected[n]) for n in range(count))


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE, BIG_ENDIAN])
@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 9, 5), (2, 16, 16)])
def test_what_is_laid_down_reads_back(syntax, shape) -> None:
    frames = np.random.default_rng(1).integers(0, 2, shape, np.uint8)
    blank = np.zeros((6, 6), np.uint8)
    dataset = make_instance(Recipe(syntax=syntax), frames=[blank] * shape[0])
    for element in elements_of(plane_of(frames), little_endian=syntax != BIG_ENDIAN):
        dataset[element.tag] = element
    instance = open_instance(saved(dataset))
    assert overlay_groups(instance.dataset) == (0x6004,)
    found = read_plane(instance, 0x6004)
    assert (found.kind, found.origin, found.first_frame) == ("R", (-3, 7), 2)
    assert all(np.array_equal(found.bits(n), frames[n]) for n in range(shape[0]))


ODD = st.one_of(st.none(), st.integers(-(2**15), 2**16), st.lists(st.integers(0, 2**16 - 1), max_size=3))
ELEMENTS = {0x10: "US", 0x11: "US", 0x15: "IS", 0x50: "SS", 0x51: "US", 0x100: "US", 0x102: "US"}


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(ELEMENTS)), ODD), st.one_of(st.none(), st.binary(max_size=64)))
def test_no_odd_group_raises(values, content) -> None:
    dataset = make_instance(Recipe(bits_allocated=16, bits_stored=12))
    instance = open_instance(saved(dataset))
    for element, value in values.items():
        instance.dataset.add_new((0x6000, element), ELEMENTS[element] if element != 0x15 else "US", value)
    if content is not None:
        instance.dataset.add_new((0x6000, 0x3000), "OW", content)
    plane = read_plane(instance, 0x6000)
    lies_in_stored_bits(instance, 0x6000)
    if plane is not None:
        assert plane.bits(plane.frames - 1).shape == (plane.rows, plane.columns)
    assert overlay_groups(without_pictures(instance.dataset)[0]) == ()


@pytest.mark.parametrize(
    "keyword",
    ["ImageType", "WaveformSequence", "ContentSequence", "SequenceOfUltrasoundRegions"],
)
@pytest.mark.parametrize("value", [None, ""])
def test_empty_attributes_are_no_trouble(keyword, value) -> None:
    dataset = make_instance()
    if value is None or "Sequence" not in keyword:
        setattr(dataset, keyword, value)
    content_kind(dataset)
    shows_slide_label(dataset)
    assert drawings(dataset) == ()
    assert scan_area(open_instance(saved(dataset))).trusted == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1, 3), (65, 64), (3, 5, 3)])
def test_icons_of_any_shape_can_be_read(shape) -> None:
    picture = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8)
    (icon,) = icon_of(picture).value
    assert max(icon.Rows, icon.Columns) <= 64 and min(icon.Rows, icon.Columns) >= 1
    icon.file_meta = make_instance().file_meta
    assert open_instance(icon).views(0)[0].image.shape[:2] == (icon.Rows, icon.Columns)


def test_a_palette_icon_is_as_the_picture_in_either_byte_order() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:, :4], picture[:, 4:] = (255, 0, 0), (0, 0, 255)
    for syntax in (EXPLICIT_LITTLE, BIG_ENDIAN):
        dataset = make_instance(Recipe(syntax=syntax))
        element = icon_of(picture, little_endian=syntax != BIG_ENDIAN)
        dataset[element.tag] = element
        (icon,) = open_instance(saved(dataset)).dataset.IconImageSequence
        icon.file_meta = dataset.file_meta
        assert np.array_equal(open_instance(icon).views(0)[0].image, picture)


def test_a_data_set_without_pictures_is_not_copied() -> None:
    dataset = Dataset()
    dataset.PatientName = "A"
    assert without_pictures(dataset)[0] is dataset

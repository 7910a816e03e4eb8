"""What is displayed, and that nothing which display hides escapes the search."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from instances import Recipe, add_palette, make_frames, make_instance, saved
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from scrub_pixels.errors import CorruptInstance
from scrub_pixels.frames import View, open_instance
from scrub_pixels.frames.syntaxes import BIG_ENDIAN, EXPLICIT_LITTLE

INK = (slice(10, 20), slice(5, 45))


def ink(shape: tuple[int, int] = (36, 48)) -> np.ndarray:
    """Return a mask of strokes such as a glyph has."""
    mask = np.zeros(shape, bool)
    mask[INK] = True
    mask[12:18, 8:42:3] = False
    return mask


def views(recipe: Recipe, frame: np.ndarray, **attributes: object) -> tuple[View, ...]:
    return open_instance(saved(make_instance(recipe, [frame], **attributes))).views(0)


def contrast(view: View) -> float:
    mask = ink(view.image.shape[:2])
    grey = view.image if view.image.ndim == 2 else view.image.max(axis=2)
    return abs(float(grey[mask].mean()) - float(grey[~mask].mean()))


def best(found: tuple[View, ...]) -> float:
    return max(map(contrast, found))


def test_eight_bits_are_shown_as_they_are_once() -> None:
    frame = make_frames(Recipe())[0]
    (view,) = views(Recipe(), frame)
    assert view.name == "display"
    assert np.array_equal(view.image, frame)


def test_monochrome1_is_shown_inverted() -> None:
    recipe = Recipe(photometric="MONOCHROME1")
    frame = make_frames(recipe)[0]
    (view,) = views(recipe, frame)
    assert np.array_equal(view.image, 255 - frame)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("LINEAR", [0, 0, 127, 255, 255]),
        ("LINEAR_EXACT", [0, 0, 128, 255, 255]),
        ("SIGMOID", [5, 30, 128, 225, 250]),
    ],
)
def test_windows_follow_the_standard(function: str, expected: list[int]) -> None:
    recipe = Recipe(1, 5, bits_allocated=16, signed=True)
    frame = np.array([[-100, -50, 0, 50, 100]], np.int16)
    attributes = {"WindowCenter": "20", "WindowWidth": "200", "VOILUTFunction": function}
    shown = views(recipe, frame, RescaleSlope="2", RescaleIntercept="20", **attributes)[0].image
    assert np.abs(shown[0].astype(int) - expected).max() <= 1


def test_a_window_that_covers_all_needs_no_second_view() -> None:
    frame = np.linspace(0, 255, 36 * 48).astype(np.uint8).reshape(36, 48)
    assert len(views(Recipe(), frame, WindowCenter="128", WindowWidth="256")) == 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("window", [("500", "100"), ("-900", "100"), ("0", "1"), ("0", "60000")])
def test_text_outside_the_window_is_seen_in_another_view(
    photometric: str, signed: bool, window: tuple[str, str]
) -> None:
    recipe = Recipe(photometric=photometric, bits_allocated=16, bits_stored=12, signed=signed)
    frame = np.random.default_rng(1).integers(0, 300, (36, 48)).astype(recipe.description.dtype)
    frame[ink()] = 1800
    found = views(recipe, frame, WindowCenter=window[0], WindowWidth=window[1])
    assert best(found) > 60


@pytest.mark.parametrize("outlier", [65535, 20000])
def test_text_is_seen_though_one_hot_pixel_stretches_the_range(outlier: int) -> None:
    recipe = Recipe(200, 200, bits_allocated=16)
    frame = np.random.default_rng(1).integers(0, 60, (200, 200)).astype(np.uint16)
    frame[ink((200, 200))] = 200
    frame[150, 150] = outlier
    assert best(views(recipe, frame)) > 30


def test_text_is_seen_though_scattered_pixels_stretch_the_range() -> None:
    recipe, random = Recipe(400, 400, bits_allocated=16), np.random.default_rng(1)
    frame = random.integers(0, 60, (400, 400)).astype(np.uint16)
    frame[ink((400, 400))] = 200
    frame[random.integers(200, 400, 150), random.integers(0, 400, 150)] = random.integers(200, 65536, 150)
    found = views(recipe, frame)
    assert [view.name for view in found] == ["display", "full range", "ranks"]
    assert contrast(found[2]) > 100


@pytest.mark.parametrize("outlier", [2600, 30000])
@pytest.mark.parametrize("window", [None, ("1120", "240")])
def test_text_on_a_banner_far_from_the_picture_gets_its_contrast_back(
    outlier: int, window: tuple[str, str] | None
) -> None:
    recipe = Recipe(200, 200, bits_allocated=16, signed=True)
    frame = np.random.default_rng(1).integers(1000, 1050, (200, 200)).astype(np.int16)
    frame[:40] = 2500
    frame[ink((200, 200))] = 2600
    frame[150, 150] = outlier
    attributes = {"WindowCenter": window[0], "WindowWidth": window[1]} if window else {}
    mask = ink((200, 200))[:40]
    seen = [view.image[:40] for view in views(recipe, frame, **attributes)]
    assert max(abs(float(image[mask].mean()) - float(image[~mask].mean())) for image in seen) > 40


def test_a_picture_of_few_greys_far_apart_has_one_view() -> None:
    frame = np.zeros((36, 48), np.uint8)
    frame[5:10], frame[ink()] = 128, 255
    assert len(views(Recipe(), frame)) == 1


def test_faint_text_on_a_nearly_even_picture_is_stretched() -> None:
    frame = np.full((36, 48), 250, np.uint8)
    frame[ink()] = 255
    assert best(views(Recipe(), frame)) > 200


def test_an_even_picture_has_one_view() -> None:
    assert len(views(Recipe(), np.full((36, 48), 7, np.uint8))) == 1


def test_a_voi_table_is_applied_and_what_it_flattens_is_seen() -> None:
    item = Dataset()
    item.LUTDescriptor = [256, 0, 8]
    item.LUTData = np.r_[np.arange(128), np.full(128, 127)].astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    frame = np.full((36, 48), 140, np.uint8)
    frame[ink()] = 250
    frame[0, :48] = np.arange(48)
    found = views(Recipe(), frame, VOILUTSequence=Sequence([item]))
    assert contrast(found[0]) < 10
    assert best(found) > 40


def test_a_broken_voi_table_is_ignored() -> None:
    frame = make_frames(Recipe())[0]
    item = Dataset()
    item.LUTDescriptor = [256, 0]
    assert np.array_equal(views(Recipe(), frame, VOILUTSequence=Sequence([item]))[0].image, frame)


def test_windows_of_functional_groups_are_used_per_frame() -> None:
    recipe = Recipe(bits_allocated=16, frames=2)
    frames = [np.full((36, 48), 100, np.uint16), np.full((36, 48), 100, np.uint16)]
    groups = []
    for center in ("100", "5000"):
        voi, group = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = center, "50"
        group.FrameVOILUTSequence = Sequence([voi])
        groups.append(group)
    dataset = make_instance(recipe, frames, PerFrameFunctionalGroupsSequence=Sequence(groups))
    instance = open_instance(dataset)
    assert instance.views(0)[0].image[0, 0] > 100
    assert instance.views(1)[0].image[0, 0] == 0


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, BIG_ENDIAN])
def test_palettes_are_applied_in_their_own_byte_order(syntax: str) -> None:
    recipe = Recipe(photometric="PALETTE COLOR", syntax=syntax)
    frame = make_frames(recipe)[0]
    (view,) = views(recipe, frame)
    assert np.array_equal(view.image, np.stack([frame, 255 - frame, frame // 2], axis=-1))


def test_a_palette_that_paints_alike_cannot_hide_text() -> None:
    recipe = Recipe(photometric="PALETTE COLOR")
    frame = np.full((36, 48), 20, np.uint8)
    frame[ink()] = 200
    dataset = make_instance(recipe, [frame])
    add_palette(dataset, recipe, np.zeros((256, 3), np.uint8))
    found = open_instance(saved(dataset)).views(0)
    assert [view.name for view in found] == ["display", "palette index"]
    assert contrast(found[0]) == 0
    assert contrast(found[1]) > 200


def test_segmented_palettes_are_expanded() -> None:
    recipe = Recipe(photometric="PALETTE COLOR")
    frame = make_frames(recipe)[0]
    dataset = make_instance(recipe, [frame])
    # 0: two discrete entries, 1: a line over 62 entries, 2: both again, three times
    segments = [0, 2, 100 << 8, 200 << 8, 1, 62, 0xFF00] + [2, 2, 0, 0] * 3
    for colour in ("Red", "Green", "Blue"):
        keyword = f"{colour}PaletteColorLookupTableData"
        delattr(dataset, keyword)
        setattr(dataset, f"Segmented{keyword}", np.array(segments, "<u2").tobytes())
    shown = open_instance(saved(dataset)).views(0)[0].image[..., 0]
    assert (shown[frame % 64 == 0] == 100).all()
    assert (shown[frame % 64 == 1] == 200).all()
    assert (shown[frame % 64 == 63] == 255).all()


@pytest.mark.parametrize("segments", [[0, 2, 1], [2, 2, 0, 0], [9, 9, 9], [2, 60000, 0, 0] * 2, []])
def test_broken_segments_are_corrupt(segments: list[int]) -> None:
    recipe = Recipe(photometric="PALETTE COLOR")
    dataset = make_instance(recipe)
    for colour in ("Red", "Green", "Blue"):
        keyword = f"{colour}PaletteColorLookupTableData"
        delattr(dataset, keyword)
        setattr(dataset, f"Segmented{keyword}", np.array(segments, "<u2").tobytes())
    with pytest.raises(CorruptInstance):
        open_instance(dataset).views(0)


def test_a_missing_or_short_palette_is_corrupt() -> None:
    dataset = make_instance(Recipe(photometric="PALETTE COLOR"))
    dataset.RedPaletteColorLookupTableData = b"\0" * 100
    with pytest.raises(CorruptInstance, match="shorter"):
        open_instance(dataset).views(0)
    del dataset.RedPaletteColorLookupTableData
    with pytest.raises(CorruptInstance, match="missing"):
        open_instance(dataset).views(0)


def test_ybr_is_shown_as_rgb() -> None:
    recipe = Recipe(photometric="YBR_FULL")
    colours = np.random.default_rng(3).integers(0, 256, (36, 48, 3)).astype(np.uint8)
    stored = cv2.cvtColor(colours, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]].copy()
    (view,) = views(recipe, stored)
    assert np.abs(view.image.astype(int) - colours).max() <= 2


def test_partial_range_ybr_is_shown_as_rgb() -> None:
    recipe = Recipe(photometric="YBR_PARTIAL_422")
    black, white = np.array([16, 128, 128]), np.array([235, 128, 128])
    frame = np.broadcast_to(black, (36, 48, 3)).astype(np.uint8).copy()
    frame[:18] = white
    (view,) = views(recipe, frame)
    assert (view.image[:18] == 255).all()
    assert (view.image[18:] == 0).all()


@pytest.mark.parametrize("bits", [16, 12])
def test_deep_colour_is_scaled(bits: int) -> None:
    recipe = Recipe(photometric="RGB", bits_allocated=16, bits_stored=bits)
    frame = make_frames(recipe)[0]
    (view,) = views(recipe, frame)
    assert np.abs(view.image.astype(float) - frame / (2**bits - 1) * 255).max() <= 1


def test_dark_deep_colour_is_stretched() -> None:
    recipe = Recipe(photometric="RGB", bits_allocated=16)
    frame = np.zeros((36, 48, 3), np.uint16)
    frame[ink()] = 90
    assert best(views(recipe, frame)) > 200


def test_single_bits_are_black_and_white() -> None:
    recipe = Recipe(bits_allocated=1)
    frame = make_frames(recipe)[0]
    (view,) = views(recipe, frame)
    assert np.array_equal(view.image, frame * 255)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_floats_are_shown_over_their_finite_range(hole: float) -> None:
    values = np.full((36, 48), -1e6, "<f4")
    values[ink()] = 2e6
    values[0, 0] = hole
    dataset = make_instance(BitsAllocated=32)
    del dataset.PixelData
    dataset.FloatPixelData = values.tobytes()
    assert best(open_instance(dataset).views(0)) > 200


@pytest.mark.parametrize("signed", [False, True])
def test_thirty_two_bits_are_shown(signed: bool) -> None:
    recipe = Recipe(bits_allocated=32, signed=signed)
    frame = np.full((36, 48), 2**31 - 5, recipe.description.dtype)
    frame[ink()] = 0
    assert best(views(recipe, frame)) > 200


def test_views_of_ordinary_frames_cost_milliseconds() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (768, 1024, 3)).astype(np.uint8)
    instance = open_instance(make_instance(Recipe(photometric="RGB"), [frame]))
    instance.stored(0)
    start = time.process_time()
    for _ in range(5):
        instance.views(0)
    assert (time.process_time() - start) / 5 < 0.05


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_text_written_in_floats_that_are_no_numbers_is_shown(hole: float) -> None:
    frame = np.where(ink(), np.float32(hole), np.float32(0.5))
    dataset = make_instance(BitsAllocated=32, BitsStored=None, HighBit=None, PixelRepresentation=None)
    del dataset.PixelData
    dataset.add_new("FloatPixelData", "OF", frame.astype("<f4").tobytes())
    assert best(open_instance(saved(dataset)).views(0)) == 255

"""The scorer tells removed from still legible, kept from touched, and sees collateral."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from pydicom.dataset import Dataset

from fixtures import Fixture, make_fixture
from fixtures.scoring import score_fixture, surviving


@pytest.fixture(scope="module")
def scan() -> Fixture:
    return make_fixture(
        21,
        "us_grey",
        syntax="explicit",
        photometric="MONOCHROME2",
        size=(800, 600),
        contrast=200,
        layout="panel",
    )


@pytest.fixture(scope="module")
def page() -> Fixture:
    return make_fixture(22, "report", syntax="explicit", photometric="MONOCHROME2", contrast=220)


def painted(fixture: Fixture, paint) -> Dataset:
    output = copy.deepcopy(fixture.dataset)
    pixels = output.pixel_array.copy()
    paint(pixels if pixels.ndim == 3 else pixels[None])
    output.PixelData = pixels.tobytes()
    return output


def fill_boxes(fixture: Fixture, value: int = 0, grow: int = 1, only_phi: bool = True):
    def paint(frames) -> None:
        for text in fixture.truth:
            for first, last, (x0, y0, x1, y1) in text.boxes():
                if text.phi or not only_phi:
                    frames[first:last, max(0, y0 - grow) : y1 + grow, max(0, x0 - grow) : x1 + grow] = value

    return paint


@pytest.mark.parametrize("which", ["scan", "page"])
def test_nothing_done_means_nothing_removed_and_all_kept(which: str, request) -> None:
    fixture = request.getfixturevalue(which)
    result = score_fixture(fixture, fixture.dataset)
    assert max(t.removed for t in result.identifying) < 0.3
    assert all(t.is_kept for t in result.texts)
    assert not result.touched and result.collateral == 0 and not result.clean


@pytest.mark.parametrize("which", ["scan", "page"])
@pytest.mark.parametrize("grow", [0, 1, 3])
def test_black_boxes_remove_and_spare_the_rest(which: str, grow: int, request) -> None:
    fixture = request.getfixturevalue(which)
    result = score_fixture(fixture, painted(fixture, fill_boxes(fixture, grow=grow)))
    assert result.clean
    assert all(t.is_kept for t in result.harmless)
    assert result.collateral == 0 and result.touched


def test_a_uniform_grey_fill_removes_too(scan: Fixture) -> None:
    assert score_fixture(scan, painted(scan, fill_boxes(scan, value=90, grow=4))).clean


def test_half_a_text_is_not_removed(scan: Fixture) -> None:
    def paint(frames) -> None:
        for text in scan.truth:
            x0, y0, x1, y1 = text.box
            frames[:, y0:y1, x0 : (x0 + x1) // 2] = 0

    result = score_fixture(scan, painted(scan, paint))
    assert all(0.1 < t.removed < 0.97 for t in result.identifying if len(t.truth.text) > 4)


def test_letters_painted_black_one_by_one_can_still_be_read(page: Fixture) -> None:
    def paint(frames) -> None:
        frames[:] = 200
        for text in page.truth:
            frames[0][text.ink(0, frames.shape[1:])] = 0

    assert not any(t.is_removed for t in score_fixture(page, painted(page, paint)).identifying)


def test_dimmed_text_is_not_removed(scan: Fixture) -> None:
    result = score_fixture(scan, painted(scan, lambda frames: np.floor_divide(frames, 2, out=frames)))
    assert not any(t.is_removed for t in result.identifying if t.truth.contrast > 100)
    assert not any(t.is_kept for t in result.harmless if t.truth.contrast > 100)


def test_collateral_is_counted(scan: Fixture) -> None:
    def paint(frames) -> None:
        frames[:, -40:, :] = 255

    result = score_fixture(scan, painted(scan, paint))
    assert 0.03 < result.collateral <= 40 / 600


def test_one_forgotten_frame_is_found() -> None:
    cine = make_fixture(
        23, "us_grey_cine", syntax="explicit", photometric="MONOCHROME2", frames=5, contrast=200
    )
    whole = fill_boxes(cine)

    def all_but_one(frames) -> None:
        spared = frames[3].copy()
        whole(frames)
        frames[3] = spared

    assert score_fixture(cine, painted(cine, whole)).clean
    forgotten = [
        t
        for t in score_fixture(cine, painted(cine, all_but_one)).identifying
        if t.truth.frames is None or 3 in t.truth.frames
    ]
    assert forgotten and not any(t.is_removed for t in forgotten)


def test_a_code_is_removed_only_by_a_fill_of_it_all() -> None:
    made = (make_fixture(s, "report", syntax="explicit", photometric="MONOCHROME2") for s in range(40))
    page = next(f for f in made if any(t.code for t in f.truth))
    assert not any(t.is_removed for t in score_fixture(page, page.dataset).identifying)
    assert score_fixture(page, painted(page, fill_boxes(page, grow=0))).clean

    def half(frames) -> None:
        x0, y0, x1, y1 = next(t.box for t in page.truth if t.code)
        frames[:, y0:y1, x0 : (x0 + x1) // 2] = 0

    assert not any(t.is_removed for t in score_fixture(page, painted(page, half)).identifying if t.truth.code)


def test_other_geometry_is_refused(scan: Fixture) -> None:
    other = make_fixture(1, "us_grey", size=(640, 480))
    with pytest.raises(ValueError, match="frames differ"):
        score_fixture(scan, other.dataset)


def test_surviving_strings_are_found_in_any_case_and_coding() -> None:
    content = "xx NÚÑEZ^JOSÉ yy".encode() + "ABC123".encode("utf-16-le")
    assert surviving(["Núñez^José", "abc123", "absent"], content) == ("Núñez^José", "abc123")

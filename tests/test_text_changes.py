"""What changed between frames, which lines stand all the same, and what need not be read twice."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scrub_pixels.geometry import Region
from scrub_pixels.text import Reading, RememberingReader
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.changes import BLOCK, CLEAR, FAINT, ChangeMap, flows, largest_channel
from scrub_pixels.text.cine import whole
from scrub_pixels.text.code_like import possible_codes
from scrub_pixels.text.codes import _qr_corners, find_codes
from scrub_pixels.text.ink import contrast_map, ink_of
from scrub_pixels.text.reading import Choice
from scrub_pixels.text.strokes import SIGHTS, Strokes
from scrub_pixels.text.tracks import Track


def speckle(seed: int, rows: int = 60, columns: int = 240, mean: float = 30.0) -> np.ndarray:
    noise = np.random.default_rng(seed).rayleigh(mean, (rows, columns)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 1.2).clip(0, 255).astype(np.uint8)


def lettered(text: str, ground: np.ndarray) -> np.ndarray:
    return cv2.putText(ground.copy(), text, (6, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)


def read_as(text: str, confidence: float = 0.99) -> Choice:
    return Choice(Reading(text, confidence))


@pytest.mark.parametrize("shape", [(600, 800, 3), (61, 33), (5, 3), (17, 16, 3)])
def test_changed_blocks_are_those_counted_sample_by_sample(shape):
    random = np.random.default_rng(7)
    first = random.integers(0, 256, shape, dtype=np.uint8)
    second = np.where(random.random(shape) < 0.02, random.integers(0, 256, shape), first).astype(np.uint8)
    changes = ChangeMap(first)
    changes.compare(second)
    apart = np.abs(first.astype(int) - second).reshape(*shape[:2], -1).max(axis=2)
    for row, column in np.ndindex(changes.changed.shape):
        block = apart[row * BLOCK : (row + 1) * BLOCK, column * BLOCK : (column + 1) * BLOCK]
        expected = (block > CLEAR).sum() >= 3 or (block > FAINT).sum() >= 12
        assert changes.changed[row, column] == expected


def test_what_was_accepted_is_no_change_any_more_and_the_rest_still_is():
    first = np.zeros((64, 64, 3), np.uint8)
    second = first.copy()
    second[:8, :8] = 200
    changes = ChangeMap(first)
    changes.compare(second)
    changes.accept(second, 1)
    changes.compare(second)
    assert not changes.changed.any()
    changes.compare(first)
    assert changes.changed.sum() == 1
    assert not first.any()  # the caller's picture is not written to


def test_the_largest_channel_counts():
    image = np.random.default_rng(3).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    assert np.array_equal(largest_channel(image), image.max(axis=2))


def test_a_clock_in_a_corner_is_not_joined_to_what_moves_elsewhere():
    blocks = np.zeros((40, 50), bool)
    blocks[2:20, 5:45] = True
    blocks[38, 1:3] = True
    areas = flows(blocks, (640, 800))
    assert len(areas) == 2
    for row, column in np.argwhere(blocks):
        block = Region(row * BLOCK, column * BLOCK, BLOCK, BLOCK)
        assert any(area.contains(block) for area in areas)


def test_of_a_line_cut_by_the_edge_of_an_area_only_the_whole_one_is_kept():
    line, part = (Candidate(Region(10, 10, 12, columns), 0.9, read_as("A")) for columns in (100, 40))
    other = Candidate(Region(60, 10, 12, 40), 0.9, read_as("B"))
    assert whole([part, line, other]) == [line, other]
    assert whole([line, line]) == [line, line]


PLACE = Region(10, 0, 40, 200)


def sight(text: str, confidence: float = 0.95) -> Candidate:
    return Candidate(PLACE, 0.95, read_as(text, confidence))


def track_of(text: str, seeds=range(1, SIGHTS + 1), confidence: float = 0.95) -> Track:
    """Return a line that was read the same in several frames, over ground that moved."""
    frames = [lettered(text, speckle(seed)) for seed in seeds]
    track = Track(sight(text, confidence), 0, 1, frames[0][PLACE.slices].copy())
    for number, frame in enumerate(frames[1:], 1):
        track.seen(sight(text, confidence), number, frame)
    return track


def test_a_line_over_moving_ground_stands_stroke_by_stroke():
    track = track_of("NAME 18")
    assert track.stands_in(lettered("NAME 18", speckle(20)), PLACE)


@pytest.mark.parametrize(
    "text", ["NAME 19", "NAME 78", "MAME 18", "NAMF 18", "NAME I8", "NAME 1", "NAME 181", "DOE JANE", ""]
)
@pytest.mark.parametrize("seed", [20, 21, 22])
def test_a_line_that_changed_in_one_letter_has_to_be_read(text, seed):
    assert not track_of("NAME 18").stands_in(lettered(text, speckle(seed)), PLACE)


@pytest.mark.parametrize("sights", range(1, SIGHTS))
def test_a_line_is_read_in_every_frame_until_its_strokes_are_known(sights):
    track = track_of("NAME 18", range(1, sights + 1))
    assert not track.stands_in(lettered("NAME 18", speckle(20)), PLACE)


def test_a_line_is_known_by_its_strokes_however_it_is_misread():
    track = track_of("NAME 18")
    for number, misread in enumerate(("NAME I8", "NAMF 18"), 5):
        track.seen(sight(misread), number, lettered("NAME 18", speckle(number)))
    assert track.stands_in(lettered("NAME 18", speckle(20)), PLACE)


def test_what_drew_a_line_is_looked_for_once_and_anew_after_another_sight(monkeypatch):
    sought, find = [0], Strokes._found_pen

    def counted(strokes, height):
        sought[0] += 1
        return find(strokes, height)

    track = track_of("NAME 18")
    monkeypatch.setattr(Strokes, "_found_pen", counted)
    for number in range(20, 26):
        assert track.stands_in(lettered("NAME 18", speckle(number)), PLACE)
    assert sought[0] == 1
    track.seen(sight("NAME 18"), 26, lettered("NAME 18", speckle(26)))
    assert track.stands_in(lettered("NAME 18", speckle(27)), PLACE) and sought[0] <= 3


def test_another_text_in_a_line_s_place_has_to_become_known_anew():
    track = track_of("NAME 18")
    for number in range(5, 5 + SIGHTS):
        shown = lettered("DOE JANE", speckle(number))
        assert not track.stands_in(shown, PLACE)
        track.seen(sight("DOE JANE"), number, shown)
    assert track.stands_in(lettered("DOE JANE", speckle(20)), PLACE)
    assert not track.stands_in(lettered("NAME 18", speckle(20)), PLACE)


def test_a_counter_is_read_in_every_frame_however_often_its_digits_came_before():
    track = track_of("NAME 10")
    for number in range(11, 60):
        shown = lettered(f"NAME {number}", speckle(number))
        assert not track.stands_in(shown, PLACE)
        track.seen(sight(f"NAME {number}"), number, shown)


def test_light_letters_with_a_dark_rim_are_known_by_what_is_light():
    def shown(text: str, seed: int) -> np.ndarray:
        rimmed = cv2.putText(speckle(seed), text, (10, 38), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 0, 4)
        return cv2.putText(rimmed, text, (10, 38), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 220, 1)

    track = Track(sight("NAME 18"), 0, 1, shown("NAME 18", 1)[PLACE.slices].copy())
    for seed in range(2, SIGHTS + 1):
        track.seen(sight("NAME 18"), seed, shown("NAME 18", seed))
    assert track.stands_in(shown("NAME 18", 20), PLACE)
    assert not track.stands_in(shown("NAME 19", 20), PLACE)


def test_strokes_stay_known_when_the_boxes_of_a_line_differ():
    grown = PLACE.expanded(6, 0, (300, 400))
    track = track_of("NAME 18")
    shown = lettered("NAME 18", speckle(20))
    track.seen(Candidate(grown, 0.95, read_as("NAME18", 0.95)), 5, shown)
    assert track.region == grown
    assert track.stands_in(lettered("NAME 18", speckle(21)), PLACE)
    assert not track.stands_in(lettered("NAME 19", speckle(21)), PLACE)


def test_a_box_around_a_part_of_a_line_is_no_sight_of_the_line():
    track = track_of("NAME 18")
    assert not track.stands_in(lettered("NAME 18", speckle(20)), Region(10, 0, 40, 40))


def test_a_line_that_was_not_read_for_sure_is_read_again():
    assert not track_of("NAME 18", confidence=0.5).stands_in(lettered("NAME 18", speckle(20)), PLACE)


def test_a_line_that_fades_is_read_again_however_often_it_was_read_alike():
    track = track_of("NAME 18", range(1, 9))
    shown = lettered("NAME 18", speckle(20))
    assert track.stands_in(shown, PLACE)
    assert not track.stands_in(cv2.addWeighted(shown, 0.7, speckle(23), 0.3, 0), PLACE)


def test_a_line_that_fades_slowly_is_read_again():
    track = track_of("NAME 18")
    stood = []
    for step in range(1, 12):
        share = 1 - 0.05 * step
        faded = cv2.addWeighted(lettered("NAME 18", speckle(20)), share, speckle(30), 1 - share, 0)
        stood.append(track.stands_in(faded, PLACE))
        track.seen(sight("NAME 18"), step + SIGHTS, faded)
    assert not all(stood)
    assert not track.stands_in(lettered("NAME 18", speckle(20)) // 2, PLACE)


def test_what_a_detector_sees_outside_of_a_line_is_another_line():
    track = track_of("NAME 18")
    shown = lettered("NAME 18", speckle(20))
    cv2.putText(shown, "X", (150, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 220, 2)
    assert not track.stands_in(shown, PLACE)
    assert track.stands_in(shown, Region(15, 0, 30, 130))


def test_a_dim_value_behind_a_bright_label_has_to_be_read_when_it_changes():
    def shown(value: str, seed: int) -> np.ndarray:
        label = lettered("ID", speckle(seed))
        return cv2.putText(label, value, (60, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 150, 2)

    track = Track(sight("ID 4711"), 0, 1, shown("4711", 1)[PLACE.slices].copy())
    for seed in range(2, SIGHTS + 1):
        track.seen(sight("ID 4711"), seed, shown("4711", seed))
    assert track.stands_in(shown("4711", 20), PLACE)
    for other in ("4712", "4911", "471", ""):
        assert not track.stands_in(shown(other, 20), PLACE)


def test_places_of_another_shape_or_without_strokes_are_not_the_same():
    flat, text = np.full((40, 200), 90, np.uint8), lettered("NAME 18", speckle(1))[PLACE.slices]
    for shown, now in ((text, text[:-1]), (flat, flat)):
        strokes = Strokes.first(PLACE, shown)
        for _ in range(SIGHTS):
            strokes = strokes.after(PLACE, shown)
        assert not strokes.stand_in(now, 40, PLACE)


class Counting:
    """A reader that reads the brightness of a crop and counts what it was shown."""

    name = "counting"

    def __init__(self) -> None:
        self.shown = 0

    def detect(self, image):
        return []

    def recognize(self, crops):
        self.shown += len(crops)
        return [Reading(str(int(crop.max())), 0.9) for crop in crops]


def test_every_appearance_is_recognised_once():
    counting = Counting()
    reader = RememberingReader(counting)
    crops = [np.full((8, 20), level, np.uint8) for level in (1, 2, 1)]
    expected = ["1", "2", "1"]
    assert [r.text for r in reader.recognize(crops)] == expected
    assert [r.text for r in reader.recognize(crops)] == expected
    assert counting.shown == 2
    assert reader.name == "counting" and reader.recognize([]) == []


def test_equal_samples_of_another_shape_are_another_appearance():
    counting = Counting()
    reader = RememberingReader(counting)
    reader.recognize([np.zeros((8, 20), np.uint8)])
    reader.recognize([np.zeros((20, 8), np.uint8)])
    assert counting.shown == 2


def test_what_is_remembered_is_bounded_and_forgotten_ones_are_read_again():
    counting = Counting()
    reader = RememberingReader(counting, most=4)
    crops = [np.full((4, 4), level, np.uint8) for level in range(20)]
    for crop in crops:
        reader.recognize([crop])
    assert reader.recognize(crops[:1])[0].text == "0"
    assert counting.shown == 21
    assert len(reader._recent) + len(reader._older) <= 8


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (31, 77), (40, 120, 3)])
def test_ink_is_measured_from_the_median_of_the_border_and_the_96th_percentile(shape):
    image = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    planes = image.reshape(*shape[:2], -1).astype(np.float32)
    border = np.concatenate([planes[0], planes[-1], planes[:, 0], planes[:, -1]])
    expected = np.abs(planes - np.median(border, axis=0)).max(axis=2)
    assert np.array_equal(contrast_map(image), expected)
    ink, _ = ink_of(image, Region.whole(shape[:2]), (0, 0))
    assert ink.contrast == pytest.approx(float(np.percentile(expected, 96)), abs=1e-3)


def code_on(page, samples, levels, turn=0.0, at=(100, 120)):
    """Draw a QR code; return the place of its square, whichever way it is turned."""
    code = cv2.QRCodeEncoder_create().encode("PATIENT 4711").astype(np.float32) / 255 * levels
    quiet = 7 if turn % 90 else 2
    code = cv2.copyMakeBorder(code, *(quiet,) * 4, cv2.BORDER_CONSTANT, value=float(levels))
    code = cv2.resize(code, None, fx=samples, fy=samples, interpolation=cv2.INTER_NEAREST)
    side = code.shape[0]
    about = cv2.getRotationMatrix2D((side / 2, side / 2), turn, 1.0)
    code = cv2.warpAffine(code, about, (side, side), borderValue=float(levels))
    page[at[0] : at[0] + side, at[1] : at[1] + side] = code.astype(np.uint8) + (255 - levels) // 2
    return Region(at[0], at[1], side, side)


def is_found(page):
    """Tell whether OpenCV finds a code, as the picture is or enlarged."""
    enlarged = cv2.resize(page, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    return bool(_qr_corners(page) or _qr_corners(enlarged))


@pytest.mark.parametrize("samples", [2.5, 3, 5, 8, 12])
@pytest.mark.parametrize("ground", [0, 240])
@pytest.mark.parametrize("turn", [0, 45])
def test_where_a_code_stands_is_looked_at_closely(samples, ground, turn):
    page = np.full((500, 520), ground, np.uint8)
    place = code_on(page, samples, 200, turn, (20, 30))
    corners = (place.column, place.row), (place.right, place.bottom)
    boxes = possible_codes(page).places
    assert ((boxes[:, :2] >= corners[0]) & (boxes[:, 2:] < corners[1])).all(axis=1).any()


@pytest.mark.parametrize("samples", [2, 3, 4])
@pytest.mark.parametrize("turn", [0, 10, 90])
def test_a_faint_code_beside_glaring_ground_is_looked_at_if_it_can_be_found(samples, turn):
    for ground in (0, 240):
        page = np.full((300, 300), ground, np.uint8)
        code_on(page, samples, 40, turn)
        assert not is_found(page) or len(possible_codes(page).places)


@pytest.mark.parametrize("seed", range(24))
def test_whatever_code_opencv_finds_was_looked_for(seed):
    """Codes of many sizes, contrasts and turns, blurred, noisy, JPEG-coded, on tissue and on plain ground."""
    random = np.random.default_rng(900 + seed)
    page = speckle(seed, 480, 640) if seed % 2 else np.full((480, 640), 90, np.uint8)
    samples, levels = float(random.uniform(2, 9)), int(random.integers(50, 255))
    place = code_on(page, samples, levels, float(random.choice([0, 90, 17, 45])), (30, 50))
    page = cv2.GaussianBlur(page, (0, 0), float(random.uniform(0.3, 0.8)))
    noisy = (page + random.normal(0, 4, page.shape)).clip(0, 255).astype(np.uint8)
    shown = cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], cv2.IMREAD_GRAYSCALE)
    if is_found(shown[:500, :500]):
        assert len(possible_codes(shown).places)
        assert any(c.region.overlaps(place) for c in find_codes(shown))


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (33, 2), (31, 31), (300, 40)])
@pytest.mark.parametrize("level", [0, 255, None])
def test_a_picture_of_any_size_is_looked_at(shape, level):
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, shape, np.uint8) if level is None else np.full(shape, level, np.uint8)
    assert possible_codes(picture).places.shape[1] == 4
    assert level is None or not len(possible_codes(picture).places)


def test_lines_of_text_and_tissue_are_not_looked_at_closely():
    page = np.zeros((600, 600), np.uint8)
    page[200:500, 100:500] = speckle(9, 300, 400)
    for row in range(20, 180, 22):
        cv2.putText(page, "Examplia General LOGIQ", (20, row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 220)
    assert not len(possible_codes(page).places)
    assert find_codes(page) == []

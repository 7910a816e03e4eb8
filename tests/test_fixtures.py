"""The generator keeps its word: same seed, same bytes; ink in its box; identifiers where it says."""

from __future__ import annotations

import io
import json
import time
from dataclasses import fields

import numpy as np
import pydicom
import pytest

from fixtures import KINDS, Fixture, make_fixture, make_many, make_set, read_truth
from fixtures.layouts import ULTRASOUND
from fixtures.lettering import Face, coverage, writable
from fixtures.scoring import displayed, surviving

EVERY_CODING = [(name, coding) for name, kind in KINDS.items() for coding in dict.fromkeys(kind.codings)]


@pytest.fixture(scope="module")
def fixtures_of_each_kind() -> dict[str, Fixture]:
    return {name: make_fixture(5, name) for name in KINDS}


def reread(fixture: Fixture) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(fixture.to_bytes()))


@pytest.mark.parametrize("kind", ["us_flow", "us_grey_cine", "report", "radiograph"])
def test_same_seed_gives_same_bytes(kind: str) -> None:
    assert make_fixture(11, kind).to_bytes() == make_fixture(11, kind).to_bytes()


def test_another_seed_gives_another_patient() -> None:
    one, two = make_fixture(11, "us_grey"), make_fixture(12, "us_grey")
    assert not set(one.planted) & set(two.planted)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_decodes_to_its_geometry(kind: str, fixtures_of_each_kind) -> None:
    dataset = reread(fixtures_of_each_kind[kind])
    frames = displayed(dataset)
    assert frames.shape[:3] == (int(dataset.get("NumberOfFrames", 1)), dataset.Rows, dataset.Columns)
    assert frames.max() > 60


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_there_or_not_at_all(kind: str, fixtures_of_each_kind) -> None:
    truth = fixtures_of_each_kind[kind].truth
    if kind.startswith("blank"):
        assert truth == ()
    else:
        assert any(text.phi for text in truth) and any(not text.phi for text in truth)


@pytest.mark.parametrize("kind", [name for name in KINDS if not name.startswith("blank")])
def test_boxes_hold_the_ink_and_touch_it(kind: str, fixtures_of_each_kind) -> None:
    fixture = fixtures_of_each_kind[kind]
    shape = fixture.dataset.Rows, fixture.dataset.Columns
    frames = int(fixture.dataset.get("NumberOfFrames", 1))
    for text in fixture.truth:
        ink = np.any([text.ink(f, shape) for f in text.frames or range(frames)], axis=0)
        rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
        assert text.box == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


def test_no_text_lies_on_another(fixtures_of_each_kind) -> None:
    for fixture in fixtures_of_each_kind.values():
        shape = fixture.dataset.Rows, fixture.dataset.Columns
        stacked = sum((text.ink(0, shape).astype(int) for text in fixture.truth), np.zeros(shape, int))
        assert stacked.max() <= 1


def test_ink_is_what_can_be_seen() -> None:
    fixture = make_fixture(
        3, "us_grey", syntax="explicit", photometric="MONOCHROME2", contrast=200, layout="corners"
    )
    frame = displayed(fixture.dataset)[0, ..., 0].astype(int)
    on_black = [t for t in fixture.truth if t.placement == "black" and t.contrast > 150]
    assert on_black
    for text in on_black:
        x0, y0, x1, y1 = text.box
        bright = frame[y0:y1, x0:x1] > 150
        ink = text.ink(0, frame.shape)[y0:y1, x0:x1]
        assert bright.any() and not (bright & ~ink).any()


@pytest.mark.parametrize("kind", KINDS)
def test_planted_strings_stand_in_the_file(kind: str, fixtures_of_each_kind) -> None:
    fixture = fixtures_of_each_kind[kind]
    if fixture.dataset.file_meta.TransferSyntaxUID.is_deflated:
        fixture = make_fixture(5, kind, syntax="explicit")
    assert set(surviving(fixture.planted, fixture.to_bytes())) == set(fixture.planted)
    assert len(fixture.planted) > 40


@pytest.mark.parametrize(("kind", "coding"), EVERY_CODING, ids=lambda v: str(getattr(v, "syntax", v)))
def test_every_coding_of_every_kind_can_be_made(kind: str, coding) -> None:
    options = {"size": (320, 240), "photometric": coding.photometric, "syntax": coding.syntax}
    dataset = reread(make_fixture(2, kind, **options))
    assert dataset.PhotometricInterpretation == coding.photometric
    assert displayed(dataset).shape[1:3] == (240, 320)


def test_lossless_codings_show_the_same_picture() -> None:
    shown = [
        displayed(make_fixture(4, "us_grey", syntax=s, photometric="MONOCHROME2").dataset)
        for s in ("explicit", "implicit", "rle", "jpegls", "j2k", "deflated")
    ]
    assert all(np.array_equal(shown[0], other) for other in shown[1:])


def test_halved_chroma_is_near_full_chroma() -> None:
    full = displayed(make_fixture(4, "us_flow", syntax="explicit", photometric="RGB").dataset).astype(int)
    half = displayed(
        make_fixture(4, "us_flow", syntax="explicit", photometric="YBR_FULL_422").dataset
    ).astype(int)
    assert np.abs(full - half).mean() < 2


def test_cines_move_and_carry_text_that_does() -> None:
    made = [make_fixture(s, "us_cine", size=(512, 384), frames=8) for s in range(8)]
    assert all(not np.array_equal(*displayed(f.dataset)[[0, 4]]) for f in made)
    texts = [text for f in made for text in f.truth]
    assert any(t.dynamic and t.kind == "time" for t in texts), "no running clock"
    assert any(t.frames is not None and t.phi and 0 not in t.frames for t in texts), (
        "no text on middle frames"
    )
    moving = [
        t for t in texts if t.dynamic and len({b[2][:2] for b in t.boxes()}) > 3 and t.kind in ("name", "id")
    ]
    assert moving, "no moving text"


@pytest.mark.parametrize("layout", [each.name for each in ULTRASOUND])
def test_every_layout_carries_a_name_or_number(layout: str) -> None:
    made = [make_fixture(s, "us_sector", layout=layout, size=(800, 600), cap=10) for s in range(3)]
    assert all(any(t.kind in ("name", "id") and t.phi for t in f.truth) for f in made)


def test_picture_in_picture_repeats_the_texts_smaller() -> None:
    made = [make_fixture(s, "us_inset", size=(1024, 768), layout="corners") for s in range(6)]
    copies = [t for f in made for t in f.truth if t.inset]
    assert any(t.phi for t in copies)
    for fixture in made:
        originals = {t.text: t for t in fixture.truth if not t.inset}
        assert all(t.height_px < originals[t.text].height_px for t in fixture.truth if t.inset)


@pytest.mark.parametrize("option", [{"cap": 8}, {"contrast": 40}, {"size": (640, 480)}])
def test_options_are_obeyed(option) -> None:
    fixture = make_fixture(9, "us_linear", layout="panel", **option)
    heights = {t.height_px for t in fixture.truth}
    if "cap" in option:
        assert all(abs(h - 8) <= 1 for h in heights)
    if "contrast" in option:
        assert np.median([t.contrast for t in fixture.truth]) == pytest.approx(40, abs=8)
    if "size" in option:
        assert (fixture.dataset.Columns, fixture.dataset.Rows) == option["size"]


def test_options_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="no such coding"):
        make_fixture(1, "us_grey", photometric="RGB")
    with pytest.raises(ValueError, match="no such layout"):
        make_fixture(1, "us_grey", layout="moon")
    with pytest.raises(KeyError):
        make_fixture(1, "no such kind")


def test_set_on_disk_reads_back(tmp_path) -> None:
    paths = make_set(tmp_path, 3, 3)
    made = list(make_many(3, 3))
    for path, fixture in zip(paths, made, strict=True):
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        assert record["file"] == path.name and record["complete"] is True
        assert [t["text"] for t in record["texts"]] == [t.text for t in fixture.truth]
        back = read_truth(path.with_suffix(".json"), tmp_path / f"{path.stem}.ink.npz")
        shape = record["height"], record["width"]
        for one, other in zip(back, fixture.truth, strict=True):
            same = {f.name for f in fields(one)} - {"patches", "contrast"}
            assert all(getattr(one, n) == getattr(other, n) for n in same)
            assert np.array_equal(one.ink(0, shape), other.ink(0, shape))


@pytest.mark.parametrize("family", ["small", "wide", "stroke", "pillow", "opencv"])
def test_faces_draw_every_printable_letter_apart(family: str) -> None:
    letters = [chr(c) for c in range(33, 127)]
    face = Face(family, 14)
    assert all(writable(face, c) for c in letters)
    drawn = {c: coverage(face, c).tobytes() for c in letters}
    assert len(set(drawn.values())) == len(letters)


@pytest.mark.parametrize("cap", [7, 8, 9, 11, 14, 20, 28])
def test_bitmap_capitals_have_the_height_asked_for(cap: int) -> None:
    rows = np.flatnonzero((coverage(Face("small", cap), "H") > 0).any(1))
    assert abs(rows[-1] - rows[0] + 1 - cap) <= 1


def test_repr_holds_no_identifier() -> None:
    fixture = make_fixture(1, "us_grey")
    assert not surviving(fixture.planted, repr(fixture).encode())


def test_generation_is_fast_enough_for_tests() -> None:
    start = time.process_time()
    make_fixture(1, "us_flow", size=(1024, 768))
    assert time.process_time() - start < 1.0

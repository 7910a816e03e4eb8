"""The judge of labelled sets: it counts what is there, cannot be talked into anything, and can be failed."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from fixtures import make_fixture
from scrub_pixels.cli import main
from scrub_pixels.errors import UsageError
from scrub_pixels.run.evaluate.comparing import evaluate
from scrub_pixels.run.evaluate.figures import REMOVED, Share, figures_of, left
from scrub_pixels.run.evaluate.truth import read_truth

SEEDS = {"us_grey": 5, "us_cine": 7, "screenshot": 8, "blank_us": 9}

CODING = {name: {"syntax": "explicit", "photometric": "MONOCHROME2" if name == "us_grey" else "RGB"}
          for name in SEEDS}


def entry(fixture, file, complete=True):
    return {"file": file, "complete": complete, "texts": [text.as_json() for text in fixture.truth]}


def wiped(fixture, wanted):
    """Return a copy in which the ink boxes of some texts are black."""
    dataset = copy.deepcopy(fixture.dataset)
    shape = (int(dataset.get("NumberOfFrames", 1) or 1), dataset.Rows, dataset.Columns, -1)
    pixels = dataset.pixel_array.reshape(shape).copy()
    for text in filter(wanted, fixture.truth):
        for first, last, (x0, y0, x1, y1) in text.boxes():
            pixels[first:last, y0:y1, x0:x1] = 0
    dataset.PixelData = pixels.tobytes()
    if dataset.SamplesPerPixel == 3:
        dataset.PlanarConfiguration = 0
    return dataset


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Return originals, output of "another tool" that wipes all identifying text, and the truth."""
    base = tmp_path_factory.mktemp("labelled")
    lines = []
    for name, seed in SEEDS.items():
        fixture = make_fixture(seed, name, **CODING[name])
        fixture.dataset.save_as(path(base / "in", name), enforce_file_format=True)
        wiped(fixture, lambda t: t.phi).save_as(path(base / "out", name), enforce_file_format=True)
        lines.append(json.dumps(entry(fixture, f"{name}.dcm")))
    (base / "truth.jsonl").write_text("\n".join(lines))
    return base


def path(folder, name):
    folder.mkdir(exist_ok=True)
    return folder / f"{name}.dcm"


def judged(base, out="out"):
    return list(evaluate(base / "in", base / out, read_truth(base / "truth.jsonl"), None))


def test_what_is_wiped_is_removed_and_the_rest_is_kept(labelled):
    figures = figures_of(judged(labelled))
    removed, kept = figures.groups[REMOVED]["all"], figures.groups["harmless text kept"]["all"]
    assert removed.good == removed.total >= 12
    assert kept.good >= 0.97 * kept.total > 12  # a fill may cut a neighbour
    assert figures.text_free == Share(1, 1) and figures.lit_lost < 0.001
    assert set(figures.groups[REMOVED + " by transfer syntax"]) == {"Explicit VR Little Endian"}


def test_an_untouched_copy_removes_nothing(labelled):
    results = judged(labelled, "in")
    figures = figures_of(results)
    assert figures.groups[REMOVED]["all"].good == 0
    assert len(list(left(results))) == figures.groups[REMOVED]["all"].total
    kept = figures.groups["harmless text kept"]["all"]
    assert kept.good == kept.total > 0


def test_what_is_brightened_or_turned_over_is_not_removed(labelled, tmp_path):
    """Every sample changes, and every name can still be read."""
    fixture = make_fixture(SEEDS["us_grey"], "us_grey", syntax="explicit")
    for change in (lambda a: 255 - a, lambda a: np.minimum(255, a.astype(int) + 60).astype(np.uint8)):
        dataset = copy.deepcopy(fixture.dataset)
        dataset.PixelData = change(dataset.pixel_array).tobytes()
        dataset.save_as(path(tmp_path, "us_grey"), enforce_file_format=True)
        truth = read_truth(labelled / "truth.jsonl")[:1]
        figures = figures_of(evaluate(labelled / "in", tmp_path, truth, None))
        assert figures.groups[REMOVED]["all"].good == 0 < figures.groups[REMOVED]["all"].total


def test_a_name_left_on_one_frame_of_a_cine_is_left(labelled, tmp_path):
    fixture = make_fixture(SEEDS["us_cine"], "us_cine", **CODING["us_cine"])
    dataset = wiped(fixture, lambda t: t.phi)
    before, after = fixture.dataset.pixel_array, dataset.pixel_array.copy()
    last = next(len(before) - 1 for t in fixture.truth if t.phi and t.frames is None)
    after[last] = before[last]
    dataset.PixelData, dataset.PlanarConfiguration = after.tobytes(), 0
    dataset.save_as(path(tmp_path, "us_cine"), enforce_file_format=True)
    truth = [t for t in read_truth(labelled / "truth.jsonl") if t.file == "us_cine.dcm"]
    assert list(left(evaluate(labelled / "in", tmp_path, truth, None)))


def test_what_is_neither_in_out_nor_accounted_for_is_missing_and_fails(labelled, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert main(["evaluate", str(labelled / "in"), str(tmp_path / "out"), str(labelled / "truth.jsonl")]) == 1
    assert "4 missing" in capsys.readouterr().out


def test_the_command_prints_figures_and_no_text_unless_asked(labelled, capsys):
    words = [t["text"] for t in json.loads((labelled / "truth.jsonl").read_text().splitlines()[0])["texts"]
             if t["phi"]]
    arguments = ["evaluate", str(labelled / "in"), str(labelled / "in"), str(labelled / "truth.jsonl")]
    assert main(arguments) == 1
    plain = capsys.readouterr().out
    assert "LEFT" in plain and not any(word in plain for word in words) and "us_grey" not in plain
    assert main([*arguments, "--show-texts"]) == 1
    assert any(word in capsys.readouterr().out for word in words)
    assert main([*arguments, "--format", "json"]) == 1
    figures = json.loads(capsys.readouterr().out)
    assert figures[REMOVED]["all"]["good"] == 0 and len(figures["left"]) == figures[REMOVED]["all"]["total"]


def test_a_run_of_ours_is_judged_by_its_ledger(labelled, tmp_path, capsys):
    source = tmp_path / "in"
    source.mkdir()
    for name in ("blank_us", "us_grey"):
        (source / f"{name}.dcm").write_bytes((labelled / "in" / f"{name}.dcm").read_bytes())
        (source / f"{name}-copy.dcm").write_bytes((labelled / "in" / f"{name}.dcm").read_bytes())
    (source / "empty.dcm").write_bytes(b"")
    entries = [json.loads(line) for line in (labelled / "truth.jsonl").read_text().splitlines()]
    entries = [{**e, "file": e["file"].replace(".dcm", end)} for e in entries for end in (".dcm", "-copy.dcm")
               if e["file"].startswith(("blank_us", "us_grey"))]
    (tmp_path / "truth.jsonl").write_text("\n".join(map(json.dumps, [*entries, {"file": "empty.dcm"}])))
    main([str(source), str(tmp_path / "out"), "--header-only", "--jobs", "0", "--quiet"])
    capsys.readouterr()
    assert main(["evaluate", str(source), str(tmp_path / "out"), str(tmp_path / "truth.jsonl")]) == 1
    out = capsys.readouterr().out
    assert "4 released" in out and "1 not-dicom" in out and "LEFT" in out


@pytest.mark.parametrize(("content", "message"), [
    ('{"file": "a.dcm", "texts": [{"box": [1, 2, 3], "phi": true}]}', "line 1: the box of text 1 is not"),
    ('{"file": "a.dcm"}\n{"file": "b.dcm", "texts": [{"box": [1, 2, 3, 4]}]}', "line 2: text 1 does not say"),
    ('{"file": "a.dcm"}\nno json', "line 2: is no JSON"),
    ('{"file": "../a.dcm"}\n', "no path below IN"),
    ('{"file": "a.dcm"}\n{"file": "a.dcm"}', "names a file twice"),
    ('{"file": "a.dcm", "texts": [{"box": [5, 5, 5, 9], "phi": true}]}', "is empty"),
    ('{"file": "a.dcm", "texts": [{"box": [1e99, 5, 5, 9], "phi": true}]}', "is not"),
    ('{"file": "a.dcm", "texts": [{"boxes": [[4, 2, [0, 0, 1, 1]]], "phi": true}]}', "is no entry"),
    ("[1, 2]", "is no entry"),
    ("null", "is no entry"),
])
def test_a_truth_that_is_none_is_an_error_with_its_line(tmp_path, content, message):
    (tmp_path / "truth.jsonl").write_text(content)
    with pytest.raises(UsageError, match=message):
        read_truth(tmp_path / "truth.jsonl")


def test_a_truth_of_another_folder_is_an_error(labelled, tmp_path):
    assert main(["evaluate", str(tmp_path), str(labelled / "out"), str(labelled / "truth.jsonl")]) == 2


@pytest.mark.parametrize(("good", "total", "low", "high"), [
    (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (188, 189, 0.9706, 0.9991), (5, 10, 0.2366, 0.7634)])
def test_the_interval_is_wilsons(good, total, low, high):
    assert Share(good, total).interval == pytest.approx((low, high), abs=5e-4)

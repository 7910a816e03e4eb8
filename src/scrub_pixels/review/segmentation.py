"""Boxes as a Segmentation, for viewers that show those better than presentation states (PS3.3 A.51).

A segment holds what was proposed, another what a person drew; a frame of it stands for a frame of the
original. It refers to the original Instance and names the same patient: private, never for OUT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag
from pydicom.uid import generate_uid

from scrub_pixels.decisions import Redaction
from scrub_pixels.errors import UsageError
from scrub_pixels.frames import Instance
from scrub_pixels.review.presentation import identified, reference
from scrub_pixels.store.queue import REVIEWER

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
CATEGORY = ("309825002", "SCT", "Spatial and Relational Concept")
REGION = ("REDACTION", "99SCRUBPIXELS", "Region to be masked")
DERIVED_BY = ("113076", "DCM", "Segmentation")
PURPOSE = ("121322", "DCM", "Source image for image processing operation")

SEGMENTS = (("PROPOSED", "AUTOMATIC"), ("DRAWN", "MANUAL"))
"""Label and Segment Algorithm Type (PS3.3 C.8.20.2); the number of a segment is its place here, from 1."""

Frame = tuple[int, int, NDArray[np.bool_]]
"""Segment (from 1), frame of the original (from 0), and its samples."""


def segmentation(instance: Instance, redactions: Sequence[Redaction]) -> Dataset:
    """Return a binary Segmentation of redactions over an original Instance.

    Raises
    ------
    UsageError
        If there are no redactions, or the original has no frames: a Segmentation has one at least.
    """
    frames = list(_frames(instance, redactions))
    if not frames or instance.pixels is None:
        raise UsageError("There are no boxes to write.", remedy="Choose another entry, or export as json.")
    original = instance.dataset
    made = identified(original, SEGMENTATION, "SEG")
    del made.Laterality  # its condition does not hold for segments
    made.PatientOrientation = None
    _describe(made, instance, len(frames))
    made.SegmentSequence = Items([_segment(number) for number in range(1, len(SEGMENTS) + 1)])
    _dimensions(made)
    made.SharedFunctionalGroupsSequence = Items([Dataset()])
    groups = (_groups(original, frame, instance.frames) for frame in frames)
    made.PerFrameFunctionalGroupsSequence = Items(groups)
    made.ReferencedSeriesSequence = Items([_series(original)])
    made.PixelData = _packed(frames)
    made["PixelData"].VR = "OB"
    return made


def _frames(instance: Instance, redactions: Sequence[Redaction]) -> Iterator[Frame]:
    """Yield what is not empty, segment by segment, frame by frame."""
    for number, drawn in enumerate((False, True), 1):
        mine = [r for r in redactions if (r.reason == REVIEWER) is drawn]
        for frame in range(instance.frames):
            here = [r.region for r in mine if frame in r.frames]
            if here and instance.pixels:
                samples = np.zeros(instance.pixels.shape, bool)
                for region in here:
                    samples[region.slices] = True
                yield number, frame, samples


def _describe(made: Dataset, instance: Instance, frames: int) -> None:
    """Add the Image Pixel and Segmentation Image modules (PS3.3 C.7.6.3, C.8.20.2)."""
    now = datetime.now()
    made.ContentDate, made.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    made.ImageType, made.SegmentationType = ["DERIVED", "PRIMARY"], "BINARY"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = instance.pixels.shape if instance.pixels else (0, 0)
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 1, 1, 0, 0
    made.LossyImageCompression, made.NumberOfFrames = "00", frames
    made.SegmentsOverlap = "YES"
    if "FrameOfReferenceUID" in instance.dataset:
        made.FrameOfReferenceUID = instance.dataset.FrameOfReferenceUID
        made.PositionReferenceIndicator = instance.dataset.get("PositionReferenceIndicator")


def _segment(number: int) -> Dataset:
    label, algorithm = SEGMENTS[number - 1]
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel, item.SegmentAlgorithmType = number, label, algorithm
    if algorithm == "AUTOMATIC":
        item.SegmentAlgorithmName = "scrub-pixels"
    item.SegmentedPropertyCategoryCodeSequence = Items([_code(CATEGORY)])
    item.SegmentedPropertyTypeCodeSequence = Items([_code(REGION)])
    return item


_INDICES = (("ReferencedSegmentNumber", "SegmentIdentificationSequence"),
            ("InStackPositionNumber", "FrameContentSequence"))


def _dimensions(made: Dataset) -> None:
    """Order frames by segment, then by frame of the original (PS3.3 C.7.6.17)."""
    organization = Dataset()
    organization.DimensionOrganizationUID = generate_uid(prefix=None)
    made.DimensionOrganizationSequence = Items([organization])
    made.DimensionIndexSequence = Items([_index(names, organization) for names in _INDICES])


def _index(names: tuple[str, str], organization: Dataset) -> Dataset:
    item = Dataset()
    item.DimensionOrganizationUID = organization.DimensionOrganizationUID
    item.DimensionIndexPointer, item.FunctionalGroupPointer = (Tag(name) for name in names)
    return item


def _groups(original: Dataset, frame: Frame, count: int) -> Dataset:
    segment, number, _ = frame
    content, segments, derivation, item = Dataset(), Dataset(), Dataset(), Dataset()
    content.StackID, content.InStackPositionNumber = "1", number + 1
    content.DimensionIndexValues = [segment, number + 1]
    segments.ReferencedSegmentNumber = segment
    source = reference(original, (number,) if count > 1 else ())
    source.PurposeOfReferenceCodeSequence = Items([_code(PURPOSE)])
    derivation.DerivationCodeSequence = Items([_code(DERIVED_BY)])
    derivation.SourceImageSequence = Items([source])
    item.FrameContentSequence = Items([content])
    item.SegmentIdentificationSequence = Items([segments])
    item.DerivationImageSequence = Items([derivation])
    return item


def _series(original: Dataset) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = original.SeriesInstanceUID
    item.ReferencedInstanceSequence = Items([reference(original)])
    return item


def _code(code: tuple[str, str, str]) -> Dataset:
    item: Any = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    return item


def _packed(frames: Sequence[Frame]) -> bytes:
    """Return the bits of all frames, one after the other without padding between (PS3.5 8.1.1)."""
    bits = np.concatenate([samples.ravel() for _, _, samples in frames])
    data = np.packbits(bits, bitorder="little").tobytes()
    return data + b"\0" * (len(data) % 2)

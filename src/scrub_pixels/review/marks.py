"""What a reviewer marked in a DICOM viewer: outlines of a presentation state, and masks of a Segmentation.

Nothing is guessed: a file with anything on it that is not understood is refused as a whole, with the
reason, since it may be just what the reviewer meant to be masked.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from scrub_pixels.errors import (
    CorruptInstance,
    Refusal,
    ScrubError,
    TooLarge,
    UnreadableFile,
    UnsupportedInstance,
)
from scrub_pixels.frames import Instance, open_instance
from scrub_pixels.review.outlines import extent_of
from scrub_pixels.review.showing import Reading

PRESENTATION_STATES = ("1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2",
                       "1.2.840.10008.5.1.4.1.1.11.3")
"""Grayscale, Color and Pseudo-Color Softcopy Presentation State (PS3.4 B.5)."""

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"

PREFIX_AT, PREFIX = 128, b"DICM"
MOST_BYTES = 512 << 20
MOST_MARKS, MOST_FRAMES = 10_000, 1_000_000
LARGEST_FRAME_NUMBER = 1 << 31

Extent = tuple[int, int, int, int]
"""Top, left, bottom and right in samples, half-open; may reach outside of the frame."""

NOT_UNDERSTOOD = (
    ("ShutterShape", "a display shutter"),
    ("CompoundGraphicSequence", "compound graphics"),
    ("OverlayData", "overlay planes"),
)
"""What may hide or mark something in a presentation state, and is no outline."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One place in some frames of one Instance.

    Parameters
    ----------
    sop_instance, series
        Of which Instance; identify.
    extent
        Where; the smallest rectangle around what was marked.
    frames
        0-based; empty for all.
    shape
        Rows and columns that the Instance must have; None if that does not matter.
    """

    sop_instance: str = field(repr=False)
    series: str = field(repr=False)
    extent: Extent
    frames: frozenset[int] = frozenset()
    shape: tuple[int, int] | None = None


def is_dicom(file: Path) -> bool:
    """Tell whether a regular file has the prefix of a DICOM file (PS3.10 7.1)."""
    try:
        if not file.is_file():
            return False
        with file.open("rb") as opened:
            return opened.read(PREFIX_AT + len(PREFIX))[PREFIX_AT:] == PREFIX
    except OSError:
        return False


def marks_of(reading: Reading) -> tuple[Mark, ...]:
    """Return what is marked in a file; what a worker does.

    Raises
    ------
    Refusal
        If it cannot be read, is of another kind, or holds anything that is not understood.
    """
    try:
        with reading.cost.limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote values
            return _marks(reading)
    except ScrubError:
        raise
    except OSError:
        raise UnreadableFile("The file cannot be read", stage="open", remedy="Check its path.") from None
    except MemoryError:
        raise TooLarge("The memory did not suffice for this file", stage="open") from None
    except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError):
        # a sequence that is none, a number that is text: pydicom hands out what the file has
        raise CorruptInstance("An attribute of the file is not of its kind", stage="open",
                              remedy="Write it again with the program that made it.") from None


def _marks(reading: Reading) -> tuple[Mark, ...]:
    if reading.file.stat().st_size > MOST_BYTES:
        raise TooLarge(f"The file is larger than {MOST_BYTES >> 20} MB", stage="open")
    instance = open_instance(reading.file, reading.limits)
    kind = str(instance.dataset.get("SOPClassUID") or "")
    if kind in PRESENTATION_STATES:
        found = outlined(instance.dataset)
    elif kind == SEGMENTATION:
        found = segmented(instance)
    else:
        raise not_understood("The file is neither a presentation state nor a Segmentation")
    marks: dict[Mark, None] = {}
    named = 0
    for mark in found:
        marks[mark] = None
        named += len(mark.frames)
        if len(marks) > MOST_MARKS or named > MOST_FRAMES:
            raise TooLarge(f"The file marks more than {MOST_MARKS} places", stage="open")
    if not marks:
        raise not_understood("The file marks nothing")
    return tuple(marks)


def not_understood(message: str) -> Refusal:
    """Return the refusal of what is valid, and does not say which samples to mask."""
    return UnsupportedInstance(message, stage="open", remedy="Draw boxes, ellipses, closed lines or a binary "
                                                             "Segmentation, or draw in the review site.")


# -- presentation states (PS3.3 C.10.5)


def outlined(dataset: Dataset) -> Iterator[Mark]:
    """Yield the outlines of a presentation state, one for each Instance that it refers to."""
    for keyword, name in NOT_UNDERSTOOD:
        if _holds(dataset, keyword):
            raise not_understood(f"The file has {name}")
    series = dict(_related(dataset))
    for item in dataset.get("GraphicAnnotationSequence") or ():
        objects = item.get("GraphicObjectSequence") or ()
        if item.get("TextObjectSequence") and not objects:
            raise not_understood("An annotation has a text and no outline: it says not what to mask")
        for drawn in objects:
            for uid, frames in _references(item, series):
                yield Mark(uid, series.get(uid, ""), extent_of(drawn, dataset, uid), frames)


def _holds(dataset: Dataset, keyword: str) -> bool:
    if keyword == "OverlayData":
        return any(0x6000 <= element.tag.group <= 0x60FF for element in dataset)
    return keyword in dataset or any(keyword in item for item in
                                     dataset.get("GraphicAnnotationSequence") or ())


def _related(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield SOP Instance UID and Series Instance UID of what a file is about (PS3.3 C.11.11, C.12.1.2)."""
    for series in dataset.get("ReferencedSeriesSequence") or ():
        uid = str(series.get("SeriesInstanceUID") or "")
        for keyword in ("ReferencedImageSequence", "ReferencedInstanceSequence"):
            for item in series.get(keyword) or ():
                yield _uid(item), uid


def _references(item: Dataset, series: dict[str, str]) -> Iterator[tuple[str, frozenset[int]]]:
    """Yield the Instances and frames that an item is about; without any, it is about all of the file's."""
    given = item.get("ReferencedImageSequence") or ()
    for reference in given:
        yield _uid(reference), frames_of(reference)
    if not given:
        yield from ((uid, frozenset()) for uid in series)


def _uid(item: Dataset) -> str:
    uid = str(item.get("ReferencedSOPInstanceUID") or "")
    if not uid:
        raise CorruptInstance("A reference names no Instance", stage="open",
                              tag="(0008,1155) ReferencedSOPInstanceUID")
    return uid


def frames_of(reference: Dataset) -> frozenset[int]:
    """Return the frames that a reference names, 0-based (PS3.3 C.10.3: the first is 1); empty for all.

    Raises
    ------
    CorruptInstance
        If a number is none of a frame.
    """
    if "ReferencedSegmentNumber" in reference:
        raise not_understood("An annotation is about a segment")
    given = reference.get("ReferencedFrameNumber")
    if given is None:
        return frozenset()
    numbers = [int(number) for number in (given if isinstance(given, Iterable) else (given,))]
    if not numbers or not all(1 <= number < LARGEST_FRAME_NUMBER for number in numbers):
        raise CorruptInstance("A reference names a frame that there cannot be", stage="open",
                              tag="(0008,1160) ReferencedFrameNumber")
    return frozenset(number - 1 for number in numbers)


# -- Segmentations (PS3.3 C.8.20)


def segmented(instance: Instance) -> Iterator[Mark]:
    """Yield the parts of a binary Segmentation, each as the rectangle around it."""
    dataset: Any = instance.dataset
    if instance.pixels is None or dataset.get("SegmentationType") != "BINARY":
        raise not_understood("The Segmentation is not binary")
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    if len(groups) != instance.frames:
        raise CorruptInstance("The Segmentation does not describe each of its frames", stage="open",
                              tag="(5200,9230) PerFrameFunctionalGroupsSequence")
    shared = next(iter(dataset.get("SharedFunctionalGroupsSequence") or ()), Dataset())
    series = dict(_related(dataset))
    for frame, group in enumerate(groups):
        sources = list(_sources(group, shared))
        for extent in _parts(instance.stored(frame).reshape(instance.pixels.shape) != 0):
            for uid, frames in sources:
                yield Mark(uid, series.get(uid, ""), extent, frames, instance.pixels.shape)


def _sources(group: Dataset, shared: Dataset) -> Iterator[tuple[str, frozenset[int]]]:
    """Yield what a frame was drawn over (PS3.3 C.7.6.16.2.6), in the same place sample by sample."""
    derivations = group.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or ()
    sources = [source for derivation in derivations for source in derivation.get("SourceImageSequence") or ()]
    if not sources:
        raise not_understood("The Segmentation does not say over which images it was drawn")
    for source in sources:
        if source.get("SpatialLocationsPreserved", "YES") != "YES":
            raise not_understood("The Segmentation lies elsewhere than its images do")
        yield _uid(source), frames_of(source)


def _parts(mask: NDArray[np.bool_]) -> Iterator[Extent]:
    """Yield the rectangles around what hangs together, also over corners."""
    count, _, found, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count > MOST_MARKS:
        raise TooLarge(f"The file marks more than {MOST_MARKS} places", stage="open")
    for left, top, columns, rows, _ in found[1:].tolist():
        yield top, left, top + rows, left + columns

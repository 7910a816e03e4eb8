"""Boxes as a Softcopy Presentation State, for people who review in their own DICOM viewer (PS3.3 A.33).

Grey images get a Grayscale, colour images a Color Softcopy Presentation State. It refers to the original
Instance and names the same patient: private, never for OUT.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from scrub_pixels import __version__
from scrub_pixels.decisions import Redaction
from scrub_pixels.errors import UsageError
from scrub_pixels.frames import Instance
from scrub_pixels.review.desk import Desk
from scrub_pixels.review.pictures import Look, asked, window_of
from scrub_pixels.store.export import write_private_file
from scrub_pixels.store.queue import REVIEWER

GRAYSCALE, COLOR = "1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2"
LAYER = "REDACTIONS"

OF_THE_STUDY = ("SpecificCharacterSet", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate",
                "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber",
                "ReferringPhysicianName", "StudyID")
"""What is the original's: Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1)."""

MOST_TEXT = 60


Drawing = Callable[[Instance, Sequence[Redaction]], Dataset]


def write_presentation(desk: Desk, key: str, who: str, target: Path) -> None:
    """Write the draft of an entry as a presentation state to a private file; see `write_drawing`."""
    write_drawing(desk, key, who, (target, presentation_state))


def write_drawing(desk: Desk, key: str, who: str, into: tuple[Path, Drawing]) -> None:
    """Write the draft of an entry as a DICOM Instance to a private file.

    Parameters
    ----------
    desk, key, who
        Which entry, and in whose name it is looked at.
    into
        The file, and what draws.

    Raises
    ------
    NoSuchEntry, ReviewConflict, UsageError
        If there is no such entry, its input has changed, or the file would stand below an output folder.
    """
    view = desk.look(key, who)
    if not view.frames:
        raise UsageError("This Instance has no frames to draw on.", remedy="Choose another entry.")
    target, drawing = into
    look = replace(desk.showing.look(view.entry), masked=view.draft.redactions)
    content = desk.showing.ask(functools.partial(drawn_over, drawing=drawing), look)
    write_private_file(target, [content])


def drawn_over(look: Look, drawing: Drawing) -> bytes:
    """Return an Instance that draws redactions over an input, as a file; what a worker does."""
    content = BytesIO()
    state = asked(look, lambda opened: drawing(opened.instance, look.masked))
    state.save_as(content, enforce_file_format=True)
    return content.getvalue()


def presentation_state(instance: Instance, redactions: Iterable[Redaction]) -> Dataset:
    """Return a presentation state that shows redactions over an original Instance.

    Parameters
    ----------
    instance
        The original, with pixels.
    redactions
        What is or would be masked; outlined, with the reason beside.
    """
    original = instance.dataset
    state = identified(original, COLOR if _is_colour(instance) else GRAYSCALE, "PR")
    now = datetime.now()
    state.PresentationCreationDate = now.strftime("%Y%m%d")
    state.PresentationCreationTime = now.strftime("%H%M%S")
    _relate(state, original)
    state.DisplayedAreaSelectionSequence = Items([_whole(instance)])
    boxes = Items(_annotations(original, redactions, instance.frames))
    if boxes:
        state.GraphicAnnotationSequence = boxes
        state.GraphicLayerSequence = Items([_layer()])
    if _is_colour(instance):
        state.ICCProfile = _even(imagecodecs.cms_profile("srgb"))
    else:
        _shown_grey(state, instance)
    return state


def _is_colour(instance: Instance) -> bool:
    return instance.pixels is not None and not instance.pixels.photometric.startswith("MONOCHROME")


def identified(original: Dataset, sop_class: str, modality: str) -> Dataset:
    """Return a new Instance of the original's patient and study, in a Series of its own."""
    state = Dataset()
    for keyword in OF_THE_STUDY:
        if keyword in original:
            state[keyword] = original[keyword]
        elif keyword not in ("SpecificCharacterSet", "IssuerOfPatientID"):
            setattr(state, keyword, None)
    state.SOPClassUID, state.SOPInstanceUID = sop_class, generate_uid(prefix=None)
    state.Modality, state.SeriesInstanceUID = modality, generate_uid(prefix=None)
    state.SeriesNumber, state.InstanceNumber, state.Laterality = 1, 1, None
    state.Manufacturer, state.ManufacturerModelName = "scrub-pixels", "scrub-pixels"
    state.SoftwareVersions, state.DeviceSerialNumber = __version__, "0"
    state.ContentLabel, state.ContentDescription, state.ContentCreatorName = LAYER, "Boxes of a review", None
    state.file_meta = FileMetaDataset()
    state.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    state.file_meta.MediaStorageSOPInstanceUID = state.SOPInstanceUID
    state.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return state


def reference(original: Dataset, frames: Iterable[int] = ()) -> Dataset:
    """Return a reference to the original, to some of its frames (0-based) if any are named."""
    item, numbers = Dataset(), [frame + 1 for frame in frames]
    item.ReferencedSOPClassUID = original.SOPClassUID
    item.ReferencedSOPInstanceUID = original.SOPInstanceUID
    if numbers:
        item.ReferencedFrameNumber = numbers
    return item


def _relate(state: Dataset, original: Dataset) -> None:
    series = Dataset()
    series.SeriesInstanceUID = original.SeriesInstanceUID
    series.ReferencedImageSequence = Items([reference(original)])
    state.ReferencedSeriesSequence = Items([series])


def _whole(instance: Instance) -> Dataset:
    rows, columns = instance.pixels.shape if instance.pixels else (1, 1)
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [columns, rows]
    area.PresentationSizeMode = "SCALE TO FIT"
    area.PresentationPixelAspectRatio = [1, 1]
    return area


def _layer() -> Dataset:
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = LAYER, 1
    layer.GraphicLayerDescription = "What is or would be masked"
    return layer


def _annotations(original: Dataset, redactions: Iterable[Redaction], frames: int) -> Iterator[Dataset]:
    for redaction in redactions:
        item, span = Dataset(), redaction.frames
        several = frames > 1 and len(span) < frames
        item.ReferencedImageSequence = Items([reference(original, span if several else ())])
        item.GraphicLayer = LAYER
        item.GraphicObjectSequence = Items([_outline(redaction)])
        item.TextObjectSequence = Items([_label(redaction)])
        yield item


def _outline(redaction: Redaction) -> Dataset:
    """Return a closed rectangle; 0\\0 is the outer corner of the first sample (PS3.3 C.10.5.1.2)."""
    box, outline = redaction.region, Dataset()
    top, left, bottom, right = (float(edge) for edge in (box.row, box.column, box.bottom, box.right))
    outline.GraphicAnnotationUnits, outline.GraphicDimensions = "PIXEL", 2
    outline.NumberOfGraphicPoints, outline.GraphicType, outline.GraphicFilled = 5, "POLYLINE", "N"
    outline.GraphicData = [left, top, right, top, right, bottom, left, bottom, left, top]
    return outline


def _label(redaction: Redaction) -> Dataset:
    label = Dataset()
    label.AnchorPointAnnotationUnits, label.AnchorPointVisibility = "PIXEL", "N"
    label.AnchorPoint = [float(redaction.region.column), float(redaction.region.row)]
    label.UnformattedTextValue = (redaction.reason or REVIEWER)[:MOST_TEXT]
    return label


def _shown_grey(state: Dataset, instance: Instance) -> None:
    """Add the Modality LUT, VOI LUT and Presentation LUT modules (PS3.3 C.11.1, C.11.8, C.11.6)."""
    original: Any = instance.dataset
    if "RescaleSlope" in original and "RescaleIntercept" in original:
        state.RescaleSlope, state.RescaleIntercept = original.RescaleSlope, original.RescaleIntercept
        state.RescaleType = original.get("RescaleType") or "US"
    window = window_of(instance)
    if window:
        item = Dataset()
        item.WindowCenter, item.WindowWidth = window
        state.SoftcopyVOILUTSequence = Items([item])
    inverse = instance.pixels is not None and instance.pixels.photometric == "MONOCHROME1"
    state.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"


def _even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)

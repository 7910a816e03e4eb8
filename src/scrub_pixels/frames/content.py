"""What an Instance is about, as far as that decides how it may pass: by SOP Class and content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType

from pydicom.dataset import Dataset


class ContentKind(str, Enum):
    """What an Instance carries besides, or instead of, frames."""

    DOCUMENT = "encapsulated document"
    REPORT = "structured report"
    PRESENTATION = "presentation state"
    AUDIO = "audio"
    OTHER = "other"


_ROOT = "1.2.840.10008.5.1.4.1.1."

_CLASSES: Mapping[str, ContentKind] = MappingProxyType(
    {
        f"{_ROOT}104.": ContentKind.DOCUMENT,  # Encapsulated PDF, CDA, STL, OBJ, MTL (PS3.4 B.5)
        f"{_ROOT}88.": ContentKind.REPORT,  # Structured Reports, Key Object Selection, CAD, dose
        f"{_ROOT}79.1": ContentKind.REPORT,  # Macular Grid Thickness and Volume Report
        f"{_ROOT}78.8": ContentKind.REPORT,  # Spectacle Prescription Report
        f"{_ROOT}11.": ContentKind.PRESENTATION,  # Softcopy Presentation States
        f"{_ROOT}9.4.": ContentKind.AUDIO,  # Basic Voice and General Audio Waveform
    }
)
"""Beginning of the SOP Class UID -> kind."""

_AUDIBLE_HERTZ = 4000
"""Waveforms sampled this often or more can hold speech (telephones: 8000 a second)."""

_AUDIO_CODES = frozenset({"MB", "AB"})
"""Waveform Sample Interpretation: mu-law and A-law, which only speech is stored in (PS3.3 C.10.9)."""

_WSI = f"{_ROOT}77.1.6"
_LABELLED = frozenset({"LABEL", "OVERVIEW"})


def content_kind(dataset: Dataset) -> ContentKind:
    """Return what an Instance is; an embedded document or audio outweighs its SOP Class."""
    if dataset.get("EncapsulatedDocument"):
        return ContentKind.DOCUMENT
    if _is_audible(dataset):
        return ContentKind.AUDIO
    uid = str(dataset.get("SOPClassUID") or "")
    kind = next((kind for start, kind in _CLASSES.items() if uid.startswith(start)), ContentKind.OTHER)
    return ContentKind.REPORT if kind is ContentKind.OTHER and dataset.get("ContentSequence") else kind


def shows_slide_label(dataset: Dataset) -> bool:
    """Tell whether the image is one of a slide's label, or of the slide with its label.

    Whole slide images name themselves LABEL or OVERVIEW in value 3 of Image Type (PS3.3 C.8.12.4.1.1),
    or say YES in Specimen Label in Image (0048,0010). Handwriting and barcodes are common there.
    """
    slide = str(dataset.get("SOPClassUID") or "") == _WSI or dataset.get("Modality") == "SM"
    if str(dataset.get("SpecimenLabelInImage") or "").strip().upper() == "YES":
        return True
    kinds = {str(value).strip().upper() for value in _values(dataset.get("ImageType"))}
    return slide and not kinds.isdisjoint(_LABELLED)


def _values(value: object) -> list[object]:
    if value is None or isinstance(value, str):
        return [value] if value else []
    return list(value) if isinstance(value, Iterable) else [value]


def _is_audible(dataset: Dataset) -> bool:
    groups = dataset.get("WaveformSequence")
    return any(_holds_audio(group) for group in _values(groups) if isinstance(group, Dataset))


def _holds_audio(group: Dataset) -> bool:
    if str(group.get("WaveformSampleInterpretation") or "").strip().upper() in _AUDIO_CODES:
        return True
    try:
        return float(group.get("SamplingFrequency") or 0) >= _AUDIBLE_HERTZ
    except (TypeError, ValueError):
        return True

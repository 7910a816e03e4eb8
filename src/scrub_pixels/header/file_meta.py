"""File Meta Information, rebuilt from nothing (PS3.10 7.1); the preamble is zeroed."""

from __future__ import annotations

import re

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

import scrub_pixels
from scrub_pixels.errors import UnsupportedInstance
from scrub_pixels.header.actions import Scene
from scrub_pixels.header.dummies import made
from scrub_pixels.header.keys import is_standard
from scrub_pixels.header.reading import shallow, text_of

IMPLEMENTATION_UID = "2.25.221408530519236408720385714398402173461"
"""Names this software, whichever version; fixed by us once."""


_UID = re.compile(r"[0-9.]{3,64}")

_PRIVATE_SYNTAX = re.compile(r"1\.2\.840\.113619\.5\.2")
"""Implicit VR Big Endian of GE; no other private syntax can be read."""


def complete(target: Dataset, source: Dataset, scene: Scene) -> None:
    """Give a data set the UIDs that no Instance can do without, in place, where it has none.

    SOP Class and Instance come from the file meta of `source` if they stand there. Otherwise the
    Instance is a Secondary Capture of its own, known by the keyed digest of its content, so that a
    second run finds the same UIDs.
    """
    meta = _meta_of(source)
    if not _UID.fullmatch(text_of(target, "SOPClassUID")):
        found = text_of(meta, "MediaStorageSOPClassUID")
        target.SOPClassUID = found if is_standard(found) else SecondaryCaptureImageStorage
        scene.tally.warn(0x00080016, "was missing; supplied")
    named = text_of(meta, "MediaStorageSOPInstanceUID")
    for keyword, known in (("SOPInstanceUID", named), ("StudyInstanceUID", ""), ("SeriesInstanceUID", "")):
        if not _UID.fullmatch(text_of(target, keyword)):
            uid = scene.key.new_uid(known or f"{keyword} {_fingerprint(target, scene)}")
            setattr(target, keyword, uid)
            scene.tally.warn(tag_for_keyword(keyword) or 0, "was missing; supplied")


def _meta_of(source: Dataset) -> Dataset:
    """Return the file meta to read at will; empty if there is none."""
    meta = getattr(source, "file_meta", None)
    return shallow(meta) if isinstance(meta, Dataset) else Dataset()


def _fingerprint(target: Dataset, scene: Scene) -> str:
    """Return a keyed digest of everything that is written."""
    content = [f"{element.tag}{element.VR}".encode() + _content(element) for element in target]
    return scene.key.digest(b"".join(content), "content")


def _content(element: DataElement) -> bytes:
    return element.value if isinstance(element.value, bytes) else repr(element.value).encode()


def rebuilt(source: Dataset, target: Dataset) -> FileMetaDataset:
    """Return new file meta for `target`; only the Transfer Syntax is taken from `source`."""
    said = (
        (0x00020001, "OB", b"\0\1"),
        (0x00020002, "UI", text_of(target, "SOPClassUID")),
        (0x00020003, "UI", text_of(target, "SOPInstanceUID")),
        (0x00020010, "UI", _syntax(source)),
        (0x00020012, "UI", IMPLEMENTATION_UID),
        (0x00020013, "SH", f"SCRUBPIX_{scrub_pixels.__version__}"[:16]),
    )
    return FileMetaDataset({BaseTag(tag): made(tag, vr, value) for tag, vr, value in said})


def _syntax(source: Dataset) -> str:
    """Return the Transfer Syntax UID of the source, or that of its encoding if it names none."""
    declared = text_of(_meta_of(source), "TransferSyntaxUID")
    if declared and not is_standard(declared) and not _PRIVATE_SYNTAX.fullmatch(declared):
        raise UnsupportedInstance(
            "The Transfer Syntax UID is no UID.", stage="header", tag="(0002,0010) TransferSyntaxUID"
        )
    if declared:
        return declared
    return ImplicitVRLittleEndian if source.original_encoding[0] else ExplicitVRLittleEndian

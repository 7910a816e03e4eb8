"""File Meta Information, rebuilt from nothing (PS3.10 7.1); the preamble is zeroed."""

from __future__ import annotations

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

import scrub_pixels
from scrub_pixels.header.actions import Scene
from scrub_pixels.header.keys import is_standard

IMPLEMENTATION_UID = "2.25.221408530519236408720385714398402173461"
"""Names this software, whichever version; fixed by us once."""


def complete(target: Dataset, source: Dataset, scene: Scene) -> None:
    """Give a data set the UIDs that no Instance can do without, in place, where it has none.

    SOP Class and Instance come from the file meta of `source` if they stand there. Otherwise the
    Instance is a Secondary Capture of its own, known by the keyed digest of its content, so that a
    second run finds the same UIDs.
    """
    meta = getattr(source, "file_meta", None) or FileMetaDataset()
    if not target.get("SOPClassUID"):
        found = str(meta.get("MediaStorageSOPClassUID") or "")
        target.SOPClassUID = found if is_standard(found) else SecondaryCaptureImageStorage
        scene.tally.warn(0x00080016, "was missing; supplied")
    named = str(meta.get("MediaStorageSOPInstanceUID") or "")
    for tag, known in ((0x00080018, named), (0x0020000D, ""), (0x0020000E, "")):
        if not (tag in target and target[tag].value):
            target.add_new(tag, "UI", scene.key.new_uid(known or f"{tag:08X} {_fingerprint(target, scene)}"))
            scene.tally.warn(tag, "was missing; supplied")


def _fingerprint(target: Dataset, scene: Scene) -> str:
    """Return a keyed digest of everything that is written."""
    content = [f"{element.tag}{element.VR}".encode() + _content(element) for element in target]
    return scene.key.digest(b"".join(content), "content")


def _content(element: DataElement) -> bytes:
    return element.value if isinstance(element.value, bytes) else repr(element.value).encode()


def rebuilt(source: Dataset, target: Dataset) -> FileMetaDataset:
    """Return new file meta for `target`; only the Transfer Syntax is taken from `source`."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = UID(target.get("SOPClassUID") or "")
    meta.MediaStorageSOPInstanceUID = UID(target.get("SOPInstanceUID") or "")
    meta.TransferSyntaxUID = UID(_syntax(source))
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = f"SCRUBPIX_{scrub_pixels.__version__}"[:16]
    return meta


def _syntax(source: Dataset) -> str:
    """Return the Transfer Syntax UID of the source; a private one only if it is not empty."""
    declared = str(getattr(getattr(source, "file_meta", None), "TransferSyntaxUID", "") or "")
    if declared and (is_standard(declared) or set(declared) <= set("0123456789.")):
        return declared
    return ImplicitVRLittleEndian if source.original_encoding[0] else ExplicitVRLittleEndian

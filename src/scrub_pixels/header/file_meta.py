"""File Meta Information, rebuilt from nothing (PS3.10 7.1); the preamble is zeroed."""

from __future__ import annotations

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

import scrub_pixels
from scrub_pixels.header.keys import is_standard

IMPLEMENTATION_UID = "2.25.221408530519236408720385714398402173461"
"""Names this software, whichever version; fixed by us once."""


def rebuilt(source: Dataset, target: Dataset) -> FileMetaDataset:
    """Return new file meta for `target`; only the Transfer Syntax is taken from `source`."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = target.get("SOPClassUID", "") or ""
    meta.MediaStorageSOPInstanceUID = target.get("SOPInstanceUID", "") or ""
    meta.TransferSyntaxUID = _syntax(source)
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = f"SCRUBPIX_{scrub_pixels.__version__}"[:16]
    return meta


def _syntax(source: Dataset) -> str:
    """Return the Transfer Syntax UID of the source; a private one only if it is not empty."""
    declared = str(getattr(getattr(source, "file_meta", None), "TransferSyntaxUID", "") or "")
    if declared and (is_standard(declared) or set(declared) <= set("0123456789.")):
        return declared
    return ImplicitVRLittleEndian if source.original_encoding[0] else ExplicitVRLittleEndian

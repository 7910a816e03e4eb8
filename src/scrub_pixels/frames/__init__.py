"""DICOM to frames and back: open, decode one frame at a time, encode, and what else carries pixels."""

from scrub_pixels.frames.carriers import Carrier, CarrierKind, carriers
from scrub_pixels.frames.description import PixelDescription
from scrub_pixels.frames.encoding import encode_frame, join_frames, pixel_data_vr, written_photometric
from scrub_pixels.frames.instance import Instance, open_instance
from scrub_pixels.frames.limits import Limits
from scrub_pixels.frames.opening import is_dicomdir
from scrub_pixels.frames.syntaxes import (
    TRANSFER_SYNTAXES,
    Redact,
    TransferSyntax,
    transfer_syntax,
)
from scrub_pixels.frames.views import View

__all__ = [
    "TRANSFER_SYNTAXES",
    "Carrier",
    "CarrierKind",
    "Instance",
    "Limits",
    "PixelDescription",
    "Redact",
    "TransferSyntax",
    "View",
    "carriers",
    "encode_frame",
    "is_dicomdir",
    "join_frames",
    "open_instance",
    "pixel_data_vr",
    "transfer_syntax",
    "written_photometric",
]

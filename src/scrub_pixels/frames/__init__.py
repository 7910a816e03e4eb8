"""DICOM to frames and back: open, decode one frame at a time, encode, and what else carries pixels."""

from scrub_pixels.frames.carriers import PICTURES, Carrier, CarrierKind, carriers, without_pictures
from scrub_pixels.frames.content import ContentKind, content_kind, shows_slide_label
from scrub_pixels.frames.description import PixelDescription
from scrub_pixels.frames.encoding import encode_frame, join_frames, pixel_data_vr, written_photometric
from scrub_pixels.frames.graphics import drawings
from scrub_pixels.frames.icons import icon_of
from scrub_pixels.frames.instance import Instance, open_instance
from scrub_pixels.frames.limits import Limits
from scrub_pixels.frames.opening import is_dicomdir
from scrub_pixels.frames.overlays import (
    OverlayPlane,
    elements_of,
    lies_in_stored_bits,
    overlay_groups,
    read_plane,
)
from scrub_pixels.frames.regions import ScanArea, scan_area
from scrub_pixels.frames.syntaxes import (
    TRANSFER_SYNTAXES,
    Redact,
    TransferSyntax,
    transfer_syntax,
)
from scrub_pixels.frames.views import View

__all__ = [
    "PICTURES",
    "TRANSFER_SYNTAXES",
    "Carrier",
    "CarrierKind",
    "ContentKind",
    "Instance",
    "Limits",
    "OverlayPlane",
    "PixelDescription",
    "Redact",
    "ScanArea",
    "TransferSyntax",
    "View",
    "carriers",
    "content_kind",
    "drawings",
    "elements_of",
    "encode_frame",
    "icon_of",
    "is_dicomdir",
    "join_frames",
    "lies_in_stored_bits",
    "open_instance",
    "overlay_groups",
    "pixel_data_vr",
    "read_plane",
    "scan_area",
    "shows_slide_label",
    "transfer_syntax",
    "without_pictures",
    "written_photometric",
]

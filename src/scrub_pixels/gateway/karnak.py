"""``POST /deidentify-image`` as Karnak 1.x calls it: an image and what identifies, masks back.

The request is ``multipart/form-data`` with the part ``image`` (the first frame as it stands in Pixel
Data, or all native samples), ``sensitive_data_list`` (JSON: attribute name to value) and what is
needed to decode. The answer is ``{"masks": [{"stationName", "color", "rectangles": ["x y width
height"]}], "message", "sop_instance_uid"}``, without ``masks`` if there is nothing to mask.

Karnak has no review queue, so what is uncertain is masked. Text is looked for even if the list is
empty: the header is one witness of several.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from scrub_pixels.decisions import Disposition
from scrub_pixels.errors import Refusal, ScrubError
from scrub_pixels.frames import TRANSFER_SYNTAXES, open_instance
from scrub_pixels.policy import Policy
from scrub_pixels.run.work import scrubber_for

SECONDARY_CAPTURE = UID("1.2.840.10008.5.1.4.1.1.7")
BLACK = "000000"

CONTENT_TYPES = frozenset({
    "image/jpeg", "image/png", "image/jp2", "image/jpeg2000", "image/x-raw", "image/raw", "image/jls",
    "image/jpx", "image/jxl", "image/jphc", "application/octet-stream",
})
"""What the reference service takes, and what Karnak calls the other codecs."""

NUMBERS: Mapping[str, tuple[str, type]] = {
    "rows": ("Rows", int), "columns": ("Columns", int), "bits_allocated": ("BitsAllocated", int),
    "samples_per_pixel": ("SamplesPerPixel", int), "rescale_slope": ("RescaleSlope", float),
    "rescale_intercept": ("RescaleIntercept", float), "window_center": ("WindowCenter", float),
    "window_width": ("WindowWidth", float),
}
"""Fields of the form, and the attribute each of them is."""

VERSION = re.compile(r"version\s*=\s*(\d+)")
COLOURS = ("red", "green", "blue")
MOST_FORM_BYTES = 4 * 2**20


class BadRequest(ScrubError):
    """The request does not keep to the contract; the message quotes nothing of it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Form:
    """A request, read. Private: it holds an image and what identifies its patient."""

    image: bytes = field(repr=False)
    kind: str
    sensitive: Mapping[str, str] = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)


async def read_form(request: Request, most: int) -> Form:
    """Read a request.

    Raises
    ------
    BadRequest
        If it does not keep to the contract, or is larger than `most` bytes.
    """
    version = VERSION.search(request.headers.get("accept", ""))
    if version and int(version[1]) != 1:
        raise BadRequest("Unsupported API version. Supported: [1]", 406)
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > most:
        raise BadRequest("The request is too large, or does not say how large it is.", 413)
    try:
        async with request.form(max_files=1, max_fields=50, max_part_size=MOST_FORM_BYTES) as form:
            image = form.get("image")
            if image is None or isinstance(image, str):
                raise BadRequest("The part image is missing.", 422)
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            return Form(await image.read(), image.content_type or "", _sensitive(fields), fields)
    except MultiPartException:
        raise BadRequest("The form is malformed.") from None


def _sensitive(fields: Mapping[str, str]) -> dict[str, str]:
    if "sensitive_data_list" not in fields:
        raise BadRequest("The part sensitive_data_list is missing.", 422)
    values = _json(fields["sensitive_data_list"], "Invalid JSON format for the sensitive data.")
    if not isinstance(values, dict):
        raise BadRequest("sensitive_data_list must be a JSON object.")
    return {str(name): str(value) for name, value in values.items() if value not in (None, "")}


def _json(text: str, complaint: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest(complaint) from None


def answer(form: Form, policy: Policy, secret: bytes) -> dict[str, Any]:
    """Return the masks for an image.

    Raises
    ------
    BadRequest
        If the image cannot be decoded.
    """
    if form.kind.partition(";")[0].strip().lower() not in CONTENT_TYPES:
        raise BadRequest("Unsupported file type.")
    decisions = replace(policy.decisions, on_uncertain=type(policy.decisions.on_uncertain).MASK)
    scrubber = scrubber_for(replace(policy, decisions=decisions, header_only=False), secret, 1)
    try:
        instance = open_instance(data_set(form), policy.limits)
        decision, _ = scrubber.propose(instance)
    except Refusal:
        raise BadRequest("Failed to decode image.") from None
    if decision.disposition is not Disposition.RELEASE:
        # The contract knows masks only, and no image that has to wait for a person.
        return _response([(0, 0, int(instance.dataset.Columns), int(instance.dataset.Rows))],
                         form.fields.get("sop_instance_uid"))
    rectangles = sorted({(r.region.column, r.region.row, r.region.columns, r.region.rows)
                         for r in decision.redactions})
    return _response(rectangles, form.fields.get("sop_instance_uid"))


def _response(rectangles: list[tuple[int, int, int, int]], uid: str | None) -> dict[str, Any]:
    named = {} if uid is None else {"sop_instance_uid": uid}
    if not rectangles:
        return {"message": "No sensitive data detected", **named}
    texts = [" ".join(map(str, rectangle)) for rectangle in rectangles]
    masks = [{"stationName": "*", "color": BLACK, "rectangles": texts}]
    return {"masks": masks, "message": f"{len(texts)} sensitive data detected", **named}


def data_set(form: Form) -> Dataset:
    """Return a data set of the image, with what identifies in its header.

    Raises
    ------
    BadRequest
        If a field is malformed, or fields and image do not fit.
    """
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = SECONDARY_CAPTURE, UID("2.25.1")
    _describe(dataset, form.fields)
    syntax = form.fields.get("transfer_syntax_uid") or ""
    if not syntax and form.kind.startswith(("image/png", "image/jpeg")):
        _picture(dataset, form.image)
        syntax = ExplicitVRLittleEndian
    _fill(dataset, form.image, str(syntax or ExplicitVRLittleEndian))
    for name, value in form.sensitive.items():
        _identify(dataset, name, value)
    return dataset


def _describe(dataset: Dataset, fields: Mapping[str, str]) -> None:
    for name, (keyword, kind) in NUMBERS.items():
        if name in fields:
            try:
                setattr(dataset, keyword, kind(fields[name]))
            except (ValueError, OverflowError):
                raise BadRequest(f"The field {name} is no number.") from None
    mono1 = fields.get("is_monochrome1", "").lower() in ("true", "1")
    guess = "RGB" if dataset.get("SamplesPerPixel") == 3 else "MONOCHROME1" if mono1 else "MONOCHROME2"
    dataset.PhotometricInterpretation = fields.get("photometric_interpretation") or guess
    bits = int(dataset.get("BitsAllocated") or 8)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.SamplesPerPixel = int(dataset.get("SamplesPerPixel") or 1)
    dataset.PixelRepresentation, dataset.PlanarConfiguration = 0, 0
    if "palette_color_lut" in fields:
        _palette(dataset, _json(fields["palette_color_lut"], "Invalid JSON format for palette_color_lut."))


def _palette(dataset: Dataset, table: Any) -> None:
    try:
        for colour in COLOURS:
            values = np.asarray(table[colour], np.uint16)
            bits = 8 if values.size and values.max() < 256 else 16
            name = f"{colour.capitalize()}PaletteColorLookupTable"
            setattr(dataset, name + "Descriptor", [values.size % 65536, 0, bits])
            setattr(dataset, name + "Data", values.astype(np.uint8 if bits == 8 else "<u2").tobytes())
    except (KeyError, TypeError, ValueError, OverflowError):
        raise BadRequest("Invalid JSON format for palette_color_lut.") from None


def _picture(dataset: Dataset, data: bytes) -> None:
    """Describe a picture file that comes without a transfer syntax."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise BadRequest("Failed to decode image.")
    dataset.Rows, dataset.Columns = image.shape[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).tobytes()


def _fill(dataset: Dataset, data: bytes, syntax: str) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta = meta
    known = TRANSFER_SYNTAXES.get(syntax)
    if known is None:
        raise BadRequest("Failed to decode image.")
    if "PixelData" not in dataset:
        dataset.PixelData = encapsulate([data]) if known.encapsulated else data
    dataset["PixelData"].VR = "OB" if known.encapsulated or dataset.BitsAllocated <= 8 else "OW"
    dataset["PixelData"].is_undefined_length = known.encapsulated
    frames = 1 if known.encapsulated else _native_frames(dataset)
    if frames > 1:
        dataset.NumberOfFrames = frames


def _native_frames(dataset: Dataset) -> int:
    """Return how many frames native samples hold: Karnak sends all, and does not say how many."""
    samples = int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0) * dataset.SamplesPerPixel
    size = samples * dataset.BitsAllocated // 8
    return len(dataset.PixelData) // size if size else 1


def _identify(dataset: Dataset, name: str, value: str) -> None:
    """Put what identifies into the header, under its own attribute or as another name of the patient."""
    tag = tag_for_keyword(name)
    if tag is None or dictionary_VR(tag) == "SQ" or tag >> 16 in (2, 0x28, 0x7FE0) or name.startswith("SOP"):
        others = [*dataset.get("OtherPatientNames", []), value]
        dataset.OtherPatientNames = others if len(others) > 1 else value
        return
    try:
        setattr(dataset, name, value)
    except (ValueError, TypeError):
        dataset.PatientComments = f"{dataset.get('PatientComments', '')} {value}".strip()

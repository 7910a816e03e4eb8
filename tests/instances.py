"""A small builder of DICOM Instances for tests: any depth, sign, photometric, syntax and frames."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, generate_uid

from scrub_pixels.frames import PixelDescription, encode_frame, join_frames, pixel_data_vr
from scrub_pixels.frames.syntaxes import (
    BIG_ENDIAN,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    transfer_syntax,
)

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True)
class Recipe:
    """What `make_instance` builds; see there."""

    rows: int = 36
    columns: int = 48
    frames: int = 1
    photometric: str = "MONOCHROME2"
    bits_allocated: int = 8
    bits_stored: int = 0
    high_bit: int = -1
    signed: bool = False
    planar: int = 0
    syntax: str = EXPLICIT_LITTLE

    @property
    def description(self) -> PixelDescription:
        """The description that reading the Instance gives."""
        stored = self.bits_stored or self.bits_allocated
        samples = 1 if self.photometric.startswith(("MONO", "PALETTE")) else 3
        return PixelDescription(
            self.rows, self.columns, self.frames, samples, self.bits_allocated, stored,
            stored - 1 if self.high_bit < 0 else self.high_bit, self.signed, self.photometric, self.planar,
        )  # fmt: skip


def make_frames(recipe: Recipe, seed: int = 0) -> list[NDArray]:
    """Return random stored samples that use the whole range of Bits Stored."""
    random, description = np.random.default_rng(seed), recipe.description
    low = -(2 ** (description.bits_stored - 1)) if description.signed else 0
    shape, high = description.array_shape, low + 2**description.bits_stored
    frames = [random.integers(low, high, shape).astype(description.dtype) for _ in range(recipe.frames)]
    for frame in frames:
        if description.subsampled:
            frame[:, 1::2, 1:] = frame[:, 0::2, 1:]
    return frames


def jpeg(frame: NDArray, quality: int = 95, sampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420) -> bytes:
    """Return a baseline JPEG (JFIF, YCbCr if colour) of an 8-bit grey or RGB frame."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    pixels = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", pixels, options)[1].tobytes()


def encode(frames: Sequence[NDArray], recipe: Recipe) -> bytes:
    """Return Pixel Data of stored samples; for JPEG Baseline, of 8-bit grey or RGB frames."""
    if recipe.syntax in (JPEG_BASELINE, JPEG_EXTENDED):
        encoded = [jpeg(frame) for frame in frames]
    else:
        encoded = [encode_frame(frame, recipe.description, recipe.syntax) for frame in frames]
    return join_frames(encoded, recipe.description, recipe.syntax)


def make_instance(
    recipe: Recipe | None = None,
    frames: Sequence[NDArray] | None = None,
    *,
    pixel_data: bytes | None = None,
    seed: int = 0,
    **attributes: object,
) -> Dataset:
    """Return a Secondary Capture Instance.

    Parameters
    ----------
    recipe
        Shape, depth, photometric and transfer syntax; the default is 8-bit grey, native.
    frames
        Stored samples (for JPEG Baseline: 8-bit grey or RGB); random ones if not given. Their
        size and number overrule the recipe's.
    pixel_data
        Value of Pixel Data, instead of encoding `frames`.
    attributes
        Further attributes by keyword, or other values for those of the Image Pixel module;
        None removes one.
    """
    recipe = recipe or Recipe()
    if frames is not None:
        rows, columns = frames[0].shape[:2]
        recipe = replace(recipe, rows=rows, columns=columns, frames=len(frames))
    dataset = _identified(recipe.syntax)
    _describe(dataset, recipe)
    value = encode(frames or make_frames(recipe, seed), recipe) if pixel_data is None else pixel_data
    dataset.add_new("PixelData", pixel_data_vr(recipe.description, recipe.syntax), value)
    dataset["PixelData"].is_undefined_length = transfer_syntax(recipe.syntax).encapsulated
    if recipe.photometric == "PALETTE COLOR":
        add_palette(dataset, recipe)
    for keyword, new in attributes.items():
        if new is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, new)
    return dataset


def add_palette(dataset: Dataset, recipe: Recipe, colours: NDArray | None = None) -> None:
    """Add a palette of ``(entries, 3)`` uint8 colours; by default one that repeats nothing."""
    if colours is None:
        ramp = np.arange(2 ** min(8, recipe.description.bits_stored)).astype(np.uint8)
        colours = np.stack([ramp, 255 - ramp, ramp // 2], axis=1)
    order = ">" if recipe.syntax == BIG_ENDIAN else "<"
    for name, column in zip(("Red", "Green", "Blue"), colours.T, strict=True):
        keyword = f"{name}PaletteColorLookupTable"
        dataset.add_new(f"{keyword}Descriptor", "US", [len(colours) % 65536, 0, 16])
        dataset.add_new(f"{keyword}Data", "OW", (column.astype(f"{order}u2") * 257).tobytes())


def saved(dataset: Dataset) -> bytes:
    """Return the Part 10 file of a data set, also in syntaxes pydicom has not registered."""
    buffer, syntax = BytesIO(), dataset.file_meta.TransferSyntaxUID
    known = {"implicit_vr": syntax == IMPLICIT_LITTLE, "little_endian": syntax != BIG_ENDIAN}
    dataset.save_as(buffer, force_encoding=True, **known)
    return buffer.getvalue()


def saved_headerless(dataset: Dataset, syntax: str = IMPLICIT_LITTLE) -> bytes:
    """Return the data set alone, without preamble and File Meta Information."""
    buffer = BytesIO()
    bare = Dataset(dataset)
    bare.save_as(buffer, implicit_vr=syntax == IMPLICIT_LITTLE, little_endian=syntax != BIG_ENDIAN)
    return buffer.getvalue()


def deflated(data: bytes) -> bytes:
    """Return `data` as a raw deflate stream."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _identified(syntax: str) -> Dataset:
    dataset, meta = Dataset(), FileMetaDataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = SECONDARY_CAPTURE, generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Sentinel^Patient", "SENTINEL-1", "OT"
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    meta.FileMetaInformationGroupLength, meta.FileMetaInformationVersion = 0, b"\x00\x01"
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
    return dataset


def _describe(dataset: Dataset, recipe: Recipe) -> None:
    description = recipe.description
    dataset.SamplesPerPixel = description.samples
    dataset.PhotometricInterpretation = description.photometric
    if description.samples > 1:
        dataset.PlanarConfiguration = description.planar
    if description.frames > 1:
        dataset.NumberOfFrames = description.frames
    dataset.Rows, dataset.Columns = description.shape
    dataset.BitsAllocated, dataset.BitsStored = description.bits_allocated, description.bits_stored
    dataset.HighBit, dataset.PixelRepresentation = description.high_bit, int(description.signed)

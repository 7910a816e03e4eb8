"""Released Instances as PNG, MP4 and NIfTI: as displayed, and from released files only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from scrub_pixels.catalog.layouts import new_folder
from scrub_pixels.catalog.libraries import nibabel
from scrub_pixels.catalog.released import digest_of, reported
from scrub_pixels.errors import Refusal, UsageError
from scrub_pixels.frames import Instance, open_instance
from scrub_pixels.store.atomic import failures_explained

FRAMES_A_SECOND = 25.0
LIMITS_OF_RATE = (0.5, 120.0)
CODECS = ("libx264", "libopenh264", "mpeg4")
"""Encoders for MP4, in order of preference."""

CENTIMETRES = 3
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Parameters
    ----------
    files
        Files written.
    left_out
        Released Instances without frames, or whose frames this format cannot hold, and why.
    """

    files: int
    left_out: tuple[str, ...]


def export(out: Path, target: Path, form: str) -> Exported:
    """Write every released Instance with frames in another format.

    Parameters
    ----------
    out
        An output folder; files that are not as its report says are refused.
    target
        A new folder, not below OUT.
    form
        Key of `WRITERS`.

    Raises
    ------
    UsageError
        If OUT or the target cannot be used, or a file in OUT is not what was released.
    MissingDependency
        If NIfTI is asked for, and nibabel is not installed.
    """
    report = reported(out)
    if form == "nifti":
        nibabel()
    files, left_out = 0, []
    with new_folder(target, out) as folder, failures_explained("The export"):
        for path, digest in sorted(report.digests.items()):
            _check(out, path, digest)
            try:
                instance = open_instance(out / path)
                files += _written(instance, folder / path, form)
            except Refusal as refusal:
                left_out.append(f"{path}: {refusal.code}")
    return Exported(files, tuple(left_out))


def _check(out: Path, path: str, digest: str) -> None:
    """Refuse a file that is gone, has changed, or is reached by a link, which may lead to an original."""
    file = Path(os.path.realpath(out)) / path
    linked = os.path.realpath(file) != str(file)
    if linked or not file.is_file() or (digest and digest_of(file) != digest):
        raise UsageError("A file in OUT is not what was released.",
                         remedy="Run scrub-pixels IN OUT --resume, which settles what stands there.")


def _written(instance: Instance, path: Path, form: str) -> int:
    if not instance.frames:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    return WRITERS[form](instance, path.with_suffix(""))


def displayed(instance: Instance) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames as displayed: grey or RGB, 8 bits; window, palette and colour space applied."""
    return (instance.views(frame)[0].image for frame in range(instance.frames))


def _png(instance: Instance, stem: Path) -> int:
    for number, image in enumerate(displayed(instance), 1):
        name = f"{stem.name}.png" if instance.frames == 1 else f"{stem.name}-{number:05}.png"
        data = cv2.imencode(".png", image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        stem.with_name(name).write_bytes(data.tobytes())
    return instance.frames


def _mp4(instance: Instance, stem: Path) -> int:
    import av

    target = stem.with_name(f"{stem.name}.mp4")
    with av.open(str(target), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        rate = Fraction(frame_rate(instance.dataset)).limit_denominator(1000)
        stream: Any = container.add_stream(_codec(), rate=rate)
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(displayed(instance)):
            even = _even(image)
            if not number:
                stream.height, stream.width = even.shape[:2]
            frame = av.VideoFrame.from_ndarray(even, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return 1


def _codec() -> str:
    from av.codec import codecs_available

    return next(name for name in CODECS if name in codecs_available)


def _even(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an RGB picture with an even number of rows and columns, which 4:2:0 needs."""
    colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    rows, columns = (size % 2 for size in colour.shape[:2])
    return np.ascontiguousarray(np.pad(colour, ((0, rows), (0, columns), (0, 0)), mode="edge"))


def frame_rate(dataset: Dataset) -> float:
    """Return the frames a second that a header asks for (PS3.3 C.7.6.5), within what players take."""
    time = _number(dataset, "FrameTime")
    rate = _number(dataset, "RecommendedDisplayFrameRate") or _number(dataset, "CineRate")
    wanted = rate or (1000 / time if time else FRAMES_A_SECOND)
    return min(max(wanted, LIMITS_OF_RATE[0]), LIMITS_OF_RATE[1])


def _number(dataset: Dataset, keyword: str) -> float:
    try:
        value = float(dataset.get(keyword) or 0)
    except (TypeError, ValueError):
        return 0.0
    return value if np.isfinite(value) and value > 0 else 0.0


def _nifti(instance: Instance, stem: Path) -> int:
    """Write columns x rows x 1 x frames; grey as stored, colour as displayed RGB."""
    grey = instance.pixels is not None and instance.pixels.photometric.startswith("MONOCHROME")
    frames = [instance.stored(n) for n in range(instance.frames)] if grey else list(displayed(instance))
    volume = np.stack([_turned(frame) for frame in frames], axis=-1)[:, :, None, ...]
    image = nibabel().Nifti1Image(volume, _affine(instance.dataset))
    if grey:
        _rescale(image, instance.dataset)
    image.header.set_xyzt_units("mm", "msec")
    image.header["pixdim"][4] = 1000 / frame_rate(instance.dataset) if instance.frames > 1 else 0
    nibabel().save(image, str(stem.with_name(f"{stem.name}.nii.gz")))
    return 1


def _turned(frame: NDArray) -> NDArray:
    """Return a frame with its first axis to the right and its second one down, RGB as one value."""
    if frame.ndim == 2:
        kind = {"bool": np.uint8, "float16": np.float32}.get(frame.dtype.name, frame.dtype)
        return np.ascontiguousarray(frame.T).astype(kind)
    return np.ascontiguousarray(frame.transpose(1, 0, 2)).view(RGB)[..., 0]


def _rescale(image: Any, dataset: Dataset) -> None:
    slope, intercept = (dataset.get(name) for name in ("RescaleSlope", "RescaleIntercept"))
    if slope is not None and intercept is not None and float(slope):
        image.header.set_slope_inter(float(slope), float(intercept))


def _affine(dataset: Dataset) -> NDArray:
    """Return pixel sizes in mm; a single ultrasound frame or screen shot has no place in the patient."""
    rows, columns = _spacing(dataset)
    return np.diag([-columns, -rows, 1.0, 1.0])


def _spacing(dataset: Dataset) -> tuple[float, float]:
    spacing = dataset.get("PixelSpacing")
    if spacing and len(spacing) == 2 and all(float(s) > 0 for s in spacing):
        return float(spacing[0]), float(spacing[1])
    for region in dataset.get("SequenceOfUltrasoundRegions") or ():
        x, y = _number(region, "PhysicalDeltaX"), _number(region, "PhysicalDeltaY")
        units = {region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")}
        if x and y and units == {CENTIMETRES}:
            return y * 10, x * 10
    return 1.0, 1.0


WRITERS: Mapping[str, Callable[[Instance, Path], int]] = {"png": _png, "mp4": _mp4, "nifti": _nifti}
"""The formats there are; each writes the frames of one Instance and tells how many files it made."""

"""Overlay planes 60xx (PS3.3 C.9): bit planes read as pictures, cleared, and laid down again.

A plane lies in its own Overlay Data, or (retired) in bits of the samples that Bits Stored leaves
over. Either way it becomes an `OverlayPlane` here, which the text search takes like an Instance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from scrub_pixels.frames.instance import Instance
from scrub_pixels.frames.views import View
from scrub_pixels.geometry import Region

FIRST_GROUP, LAST_GROUP = 0x6000, 0x601E

_ROWS, _COLUMNS, _FRAMES, _TYPE, _ORIGIN, _FIRST_FRAME = 0x10, 0x11, 0x15, 0x40, 0x50, 0x51
_BITS_ALLOCATED, _BIT_POSITION, _DATA = 0x100, 0x102, 0x3000
_LARGEST_PLANE = 1 << 28
"""Bits of one frame of a plane; a larger one is no overlay of an image that could be read."""


@dataclass(frozen=True)
class OverlayPlane:
    """One overlay plane, with all its frames.

    Parameters
    ----------
    group
        6000 to 601E, even.
    rows, columns, frames
        Its own size, which need not be the image's; all at least 1.
    kind
        Overlay Type: ``G`` graphics or ``R`` region of interest.
    origin
        Overlay Origin, 1-based row and column of the image; may lie outside of it.
    first_frame
        Image Frame Origin: the 1-based frame of the image on which the plane's first frame lies.
    packed
        Its bits as in Overlay Data, little endian: least significant bit first, frames and rows
        without padding between them (PS3.5 8.1.2).
    embedded
        True if it was read from unused bits of the samples.
    """

    group: int
    rows: int
    columns: int
    frames: int
    kind: str
    origin: tuple[int, int]
    first_frame: int
    packed: bytes = field(repr=False)
    embedded: bool = False

    @property
    def pixels(self) -> OverlayPlane:
        """Itself: what the text search asks for ``rows`` and ``columns``."""
        return self

    def bits(self, frame: int) -> NDArray[np.uint8]:
        """Return one frame's bits, ``(Rows, Columns)``, 0 or 1."""
        start, size = frame * self.rows * self.columns, self.rows * self.columns
        first, last = start // 8, -(-(start + size) // 8)
        flat = np.unpackbits(np.frombuffer(self.packed[first:last], np.uint8), bitorder="little")
        return flat[start % 8 : start % 8 + size].reshape(self.rows, self.columns)

    def views(self, frame: int) -> tuple[View, ...]:
        """Return what a viewer draws, white on black."""
        return (View("overlay", self.bits(frame) * np.uint8(255)),)

    def cleared(self, regions: Mapping[int, Iterable[Region]]) -> OverlayPlane:
        """Return the plane with no bit set inside the Regions of each frame."""
        flat = np.unpackbits(np.frombuffer(self.packed, np.uint8), bitorder="little")
        size = self.rows * self.columns
        for frame, some in regions.items():
            picture = flat[frame * size : (frame + 1) * size].reshape(self.rows, self.columns)
            for region in some:
                picture[region.slices] = 0
        return replace(self, packed=np.packbits(flat, bitorder="little").tobytes())


def overlay_groups(dataset: Dataset) -> tuple[int, ...]:
    """Return the groups 60xx of which a data set has any element, at its top level."""
    groups = {tag >> 16 for tag in dataset.keys()}
    return tuple(sorted(g for g in groups if FIRST_GROUP <= g <= LAST_GROUP and g % 2 == 0))


def read_plane(instance: Instance, group: int) -> OverlayPlane | None:
    """Return the plane of a group, or None if its attributes or its data describe no picture."""
    number = _Numbers(instance.dataset, group)
    data = instance.dataset.get((group, _DATA))
    rows, columns = number.of(_ROWS), number.of(_COLUMNS)
    if rows < 1 or columns < 1:
        return None
    if data is None:
        return _embedded(instance, number) if is_embedded(instance, group) else None
    frames, value = max(1, number.of(_FRAMES, 1)), data.value
    bits = rows * columns * frames
    if frames > max(1, instance.frames) or rows * columns > _LARGEST_PLANE:
        return None
    if not isinstance(value, bytes) or 8 * len(value) < bits:
        return None
    packed = value if data.VR != "OW" or instance.transfer_syntax.little_endian else _swapped(value)
    return _plane(number, frames, packed[: -(-bits // 8)])


def is_embedded(instance: Instance, group: int) -> bool:
    """Tell whether a group declares a plane in the samples' own words (PS3.3 C.9.2, retired)."""
    pixels, number = instance.pixels, _Numbers(instance.dataset, group)
    if pixels is None or (group << 16 | _DATA) in instance.dataset or pixels.floating:
        return False
    return number.of(_BITS_ALLOCATED) == pixels.bits_allocated > 1


def lies_in_stored_bits(instance: Instance, group: int) -> bool:
    """Tell whether an embedded plane takes a bit that belongs to the sample's value."""
    pixels = instance.pixels
    if pixels is None or not is_embedded(instance, group):
        return False
    position = _Numbers(instance.dataset, group).of(_BIT_POSITION)
    return pixels.high_bit - pixels.bits_stored < position <= pixels.high_bit


def elements_of(plane: OverlayPlane, *, little_endian: bool) -> tuple[DataElement, ...]:
    """Return the plane as elements of a data set, rebuilt from nothing: no label, no description."""
    packed = plane.packed + b"\0" * (len(plane.packed) % 2)
    spans = plane.frames > 1 or plane.first_frame > 1
    values: list[tuple[int, str, object]] = [
        (_ROWS, "US", plane.rows),
        (_COLUMNS, "US", plane.columns),
        *([(_FRAMES, "IS", plane.frames), (_FIRST_FRAME, "US", plane.first_frame)] if spans else []),
        (_TYPE, "CS", plane.kind),
        (_ORIGIN, "SS", list(plane.origin)),
        (_BITS_ALLOCATED, "US", 1),
        (_BIT_POSITION, "US", 0),
        (_DATA, "OW", packed if little_endian else _swapped(packed)),
    ]
    return tuple(DataElement((plane.group, element), vr, value) for element, vr, value in values)


@dataclass(frozen=True)
class _Numbers:
    """The attributes of one group, read without trusting them."""

    dataset: Dataset
    group: int

    def of(self, element: int, default: int = 0) -> int:
        values = self.all_of(element)
        return values[0] if values else default

    def all_of(self, element: int) -> list[int]:
        found = self.dataset.get((self.group, element))
        value = None if found is None else found.value
        values = [value] if isinstance(value, (int, str)) else list(value or ())
        try:
            return [int(each) for each in values if each != ""]
        except (TypeError, ValueError, OverflowError):
            return []

    def kind(self) -> str:
        found = self.dataset.get((self.group, _TYPE))
        return "R" if found is not None and str(found.value).strip().upper() == "R" else "G"


def _plane(number: _Numbers, frames: int, packed: bytes, embedded: bool = False) -> OverlayPlane:
    origin = (*number.all_of(_ORIGIN), 1, 1)[:2] if len(number.all_of(_ORIGIN)) == 2 else (1, 1)
    inside = all(-32768 <= each <= 32767 for each in origin)
    first = number.of(_FIRST_FRAME, 1)
    return OverlayPlane(
        group=number.group,
        rows=number.of(_ROWS),
        columns=number.of(_COLUMNS),
        frames=frames,
        kind=number.kind(),
        origin=(origin[0], origin[1]) if inside else (1, 1),
        first_frame=first if 1 <= first <= 65535 else 1,
        packed=packed,
        embedded=embedded,
    )


def _embedded(instance: Instance, number: _Numbers) -> OverlayPlane | None:
    """Read a plane out of native samples; of encoded ones there is no telling what a codec kept."""
    pixels, position = instance.pixels, number.of(_BIT_POSITION, -1)
    if pixels is None or pixels.samples != 1 or instance.transfer_syntax.encapsulated:
        return None
    if (number.of(_ROWS), number.of(_COLUMNS)) != pixels.shape or not 0 <= position < pixels.bits_allocated:
        return None
    frames = [(instance.stored_raw(frame) >> position) & 1 for frame in range(pixels.frames)]
    flat = np.concatenate([frame.astype(np.uint8).reshape(-1) for frame in frames])
    return _plane(number, pixels.frames, np.packbits(flat, bitorder="little").tobytes(), embedded=True)


def _swapped(value: bytes) -> bytes:
    """Exchange the bytes of 16-bit words (OW in Big Endian, PS3.5 8.1.2)."""
    padded = value + b"\0" * (len(value) % 2)
    return np.frombuffer(padded, np.uint16).byteswap().tobytes()

"""Lookup tables of the header: modality, VOI and palette (PS3.3 C.11.1, C.11.2, C.7.6.3.1.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from scrub_pixels.errors import CorruptInstance
from scrub_pixels.frames.description import attribute

_COLOURS = ("Red", "Green", "Blue")
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window: values around `center`, `width` wide, by `function` (PS3.3 C.11.2.1)."""

    center: float
    width: float
    function: str = "LINEAR"

    def apply(self, values: NDArray) -> NDArray:
        """Return `values` as 0 to 1, clipped."""
        if self.function == "SIGMOID":
            return 1 / (1 + np.exp(np.clip(-4 * (values - self.center) / self.width, -60, 60)))
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        if self.width <= 1:
            return (values > self.center - 0.5).astype(np.float64)
        return np.clip((values - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)


@dataclass(frozen=True, slots=True)
class Table:
    """A LUT: `entries` in order, for inputs from `first` on; inputs outside take the end entries."""

    first: int
    entries: NDArray

    def apply(self, values: NDArray) -> NDArray:
        """Return the entry of each value."""
        index = np.rint(values).astype(np.int64) - self.first
        return self.entries[np.clip(index, 0, len(self.entries) - 1)]


@dataclass(frozen=True, slots=True)
class Rendering:
    """How stored grey values become shown ones, as far as the header says.

    Parameters
    ----------
    modality
        Modality LUT, or None for ``slope * value + intercept``.
    voi
        VOI LUT or window, or None if the header has neither.
    """

    slope: float = 1.0
    intercept: float = 0.0
    modality: Table | None = None
    voi: Window | Table | None = None

    def apply(self, values: NDArray) -> NDArray:
        """Return shown values, 0 to 1, of stored ones; needs a `voi`."""
        modal = self.modality.apply(values) if self.modality else self.slope * values + self.intercept
        if isinstance(self.voi, Window):
            return self.voi.apply(modal)
        shown = self.voi.apply(modal).astype(np.float64) if self.voi else modal.astype(np.float64)
        span = np.ptp(shown) or 1.0
        return (shown - shown.min()) / span


def rendering(dataset: Dataset, frame: int, *, little_endian: bool) -> Rendering:
    """Return how the header asks for grey frames to be shown; nonsense in it counts as absent."""
    where = _scopes(dataset, frame)
    slope = _number(where, "RescaleSlope") or 1.0
    return Rendering(
        slope,
        _number(where, "RescaleIntercept") or 0.0,
        _table(where, "ModalityLUTSequence", little_endian),
        _table(where, "VOILUTSequence", little_endian) or _window(where),
    )


def palette(dataset: Dataset, *, little_endian: bool) -> Table:
    """Return the palette as a Table of ``(entries, 3)`` uint8.

    Raises
    ------
    CorruptInstance
        If a table is missing or shorter than its descriptor says.
    """
    columns, firsts = [], []
    for colour in _COLOURS:
        length, first, bits = _descriptor(dataset, f"{colour}PaletteColorLookupTableDescriptor")
        values = _palette_values(dataset, colour, length, bits, little_endian)
        columns.append(values)
        firsts.append(first)
    if len({len(column) for column in columns}) != 1 or len(set(firsts)) != 1:
        raise _bad("The palette's tables differ in length", "RedPaletteColorLookupTableDescriptor")
    return Table(firsts[0], np.stack(columns, axis=1))


def _palette_values(dataset: Dataset, colour: str, length: int, bits: int, little: bool) -> NDArray:
    keyword = f"{colour}PaletteColorLookupTableData"
    segmented = f"Segmented{keyword}"
    if keyword in dataset:
        values = _entries(dataset.get(keyword), length, bits, little)
    elif segmented in dataset:
        data = np.asarray(_entries(dataset.get(segmented), 0, bits, little), np.int64)
        values = np.asarray(_expanded(data.tolist(), length, segmented), np.int64)
    else:
        raise _bad("A palette's table is missing", keyword)
    if len(values) < length:
        raise _bad("A palette's table is shorter than its descriptor says", keyword)
    return _to_bytes(values[:length], bits)


def _to_bytes(values: NDArray, bits: int) -> NDArray:
    """Return entries as uint8; some writers put 8-bit values into tables declared as 16-bit."""
    high = bits > 8 and int(values.max(initial=0)) > 255
    return (values >> 8 if high else values).astype(np.uint8)


def _entries(value: object, length: int, bits: int, little_endian: bool) -> NDArray:
    """Return LUT data as numbers: words, or bytes where the value is no longer than that."""
    if isinstance(value, (bytes, bytearray)):
        order = "<" if little_endian else ">"
        packed = bits <= 8 and length and len(value) <= length + length % 2
        if packed and not little_endian and len(value) % 2 == 0:
            return np.frombuffer(value, "u2").byteswap().view("u1")
        return np.frombuffer(value[: len(value) // 2 * 2], "u1" if packed else f"{order}u2")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return np.asarray([int(v) & 0xFFFF for v in value], np.uint16)
    return np.empty(0, np.uint16)


def _expanded(data: list[int], length: int, keyword: str) -> list[int]:
    """Expand a segmented palette (PS3.3 C.7.9.2)."""
    values: list[int] = []
    _expand_into(values, data, 0, None, length)
    if len(values) < length:
        raise _bad("A segmented palette is shorter than its descriptor says", keyword)
    return values


def _expand_into(values: list[int], data: list[int], offset: int, segments: int | None, length: int) -> None:
    """Append the values of `segments` segments (all, if None) that begin at `offset`."""
    while offset + 1 < len(data) and segments != 0 and len(values) < length:
        opcode, count = data[offset], data[offset + 1]
        if opcode == _DISCRETE:
            values.extend(data[offset + 2 : offset + 2 + count])
            offset += 2 + count
        elif opcode == _LINEAR and offset + 2 < len(data):
            start = values[-1] if values else data[offset + 2]
            values.extend(np.rint(np.linspace(start, data[offset + 2], count + 1)[1:]).astype(int).tolist())
            offset += 3
        elif opcode == _INDIRECT and segments is None and offset + 3 < len(data):
            _expand_into(values, data, data[offset + 2] + (data[offset + 3] << 16), count, length)
            offset += 4
        else:
            return
        segments = None if segments is None else segments - 1


def _descriptor(dataset: Dataset, keyword: str) -> tuple[int, int, int]:
    """Return number of entries, first input, bits (PS3.3 C.7.6.3.1.5); 0 entries means 65536."""
    value = dataset.get(keyword)
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)) or len(value) != 3:
        raise _bad("A LUT descriptor has not three values", keyword)
    length, first, bits = (int(v) for v in value)
    return (length & 0xFFFF) or 2**16, first, bits


def _scopes(dataset: Dataset, frame: int) -> list[Dataset]:
    """Return where an attribute may stand, nearest first: frame, shared, top (PS3.3 C.7.6.16)."""
    found = []
    for keyword, item in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = dataset.get(keyword) or ()
        if item < len(groups):
            found.extend(_macros(groups[item]))
    return [*found, dataset]


def _macros(group: Dataset) -> list[Dataset]:
    keywords = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
    return [items[0] for items in map(group.get, keywords) if items]


def _number(where: Sequence[Dataset], keyword: str) -> float | None:
    """Return the first value of the nearest attribute, or None if it is no finite number."""
    for scope in where:
        value = scope.get(keyword)
        if value is None or value == "":
            continue
        first = value[0] if isinstance(value, Sequence) and not isinstance(value, str) else value
        try:
            number = float(first)
        except (TypeError, ValueError):
            return None
        return number if np.isfinite(number) else None
    return None


def _window(where: Sequence[Dataset]) -> Window | None:
    center, width = _number(where, "WindowCenter"), _number(where, "WindowWidth")
    if center is None or width is None or width <= 0:
        return None
    functions = [scope.get("VOILUTFunction") for scope in where if scope.get("VOILUTFunction")]
    return Window(center, width, str(functions[0]) if functions else "LINEAR")


def _table(where: Sequence[Dataset], keyword: str, little_endian: bool) -> Table | None:
    items = next((scope[keyword].value for scope in where if scope.get(keyword)), None)
    if not items:
        return None
    try:
        length, first, bits = _descriptor(items[0], "LUTDescriptor")
    except CorruptInstance:
        return None
    entries = _entries(items[0].get("LUTData"), length, bits, little_endian)
    return Table(first, entries[:length]) if len(entries) >= length else None


def _bad(message: str, keyword: str) -> CorruptInstance:
    return CorruptInstance(
        message, stage="decode", tag=attribute(keyword), remedy="Get the Instance again from its source."
    )

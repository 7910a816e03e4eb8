"""Encapsulated Pixel Data: fragments, the frames they make, and back (PS3.5 A.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from struct import pack, unpack, unpack_from

from scrub_pixels.errors import CorruptInstance
from scrub_pixels.frames.codestream import starts_codestream
from scrub_pixels.frames.description import attribute

_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_HEADER = 8
_MAX_OFFSET = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Fragment:
    """One item of encapsulated Pixel Data; `start` and `stop` bound its value."""

    start: int
    stop: int
    complete: bool = True


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Which fragments make which frame.

    Parameters
    ----------
    frames
        The fragments of each declared frame, in order.
    surplus_frames
        Frames found beyond Number of Frames.
    trailing
        Bytes after the last fragment that are no item.
    stray
        Bytes of offset tables that cannot be offsets or lengths of this value.
    """

    frames: tuple[tuple[Fragment, ...], ...]
    surplus_frames: int = 0
    trailing: int = 0
    stray: int = 0


@dataclass(frozen=True, slots=True)
class ExtendedOffsets:
    """Extended Offset Table (7FE0,0001) and its lengths (7FE0,0002), as read."""

    offsets: bytes
    lengths: bytes


def index_frames(
    value: memoryview, frames: int, extended: ExtendedOffsets | None = None
) -> FrameIndex:
    """Build the index of frames of an encapsulated Pixel Data value.

    A table of offsets is believed only if each offset is the start of a fragment and there is
    one for each frame; otherwise the codestreams themselves tell where frames begin.

    Raises
    ------
    CorruptInstance
        If the value is not made of items, or has fewer frames than declared.
    """
    table, fragments, trailing = _items(value)
    groups = (
        _by_offsets(_extended(extended), fragments, frames)
        or _by_offsets(_basic(value, table), fragments, frames)
        or _by_content(value, fragments, frames)
    )
    groups = _split_where_codestreams_start(value, groups)
    if len(groups) < frames:
        raise _corrupt("There are fewer encapsulated frames than Number of Frames declares")
    stray = _stray(bytes(value[table.start : table.stop]), 4, len(value))
    if extended is not None:
        stray += sum(_stray(part, 8, len(value)) for part in (extended.offsets, extended.lengths))
    return FrameIndex(groups[:frames], len(groups) - frames, trailing, stray)


def _items(value: memoryview) -> tuple[Fragment, list[Fragment], int]:
    """Return the Basic Offset Table item, the fragments, and the count of bytes left over."""
    found: list[Fragment] = []
    offset = 0
    while offset + _HEADER <= len(value) and bytes(value[offset : offset + 4]) == _ITEM:
        (length,) = unpack_from("<I", value, offset + 4)
        start, stop = offset + _HEADER, offset + _HEADER + length
        found.append(Fragment(start, min(stop, len(value)), stop <= len(value)))
        offset = stop
    if not found:
        raise _corrupt("Encapsulated Pixel Data does not begin with an item")
    return found[0], found[1:], _left_over(value, offset)


def _left_over(value: memoryview, offset: int) -> int:
    rest = bytes(value[offset:])
    if rest.startswith(_DELIMITER):
        rest = rest[_HEADER:]
    return len(rest) if rest.strip(b"\0") else 0


def _basic(value: memoryview, table: Fragment) -> tuple[int, ...]:
    count = (table.stop - table.start) // 4
    return unpack(f"<{count}I", value[table.start : table.start + 4 * count])


def _stray(table: bytes, width: int, most: int) -> int:
    """Return the size of a table if any of its numbers lies beyond the value; else 0.

    Wrong offsets are common and say nothing; text, read as numbers, lies far beyond any value.
    """
    numbers = (table[n : n + width] for n in range(0, len(table), width))
    return len(table) if any(int.from_bytes(n, "little") > most for n in numbers) else 0


def _extended(extended: ExtendedOffsets | None) -> tuple[int, ...]:
    if extended is None:
        return ()
    count = len(extended.offsets) // 8
    return unpack(f"<{count}Q", extended.offsets[: 8 * count])


Groups = tuple[tuple[Fragment, ...], ...]


def _by_offsets(offsets: Sequence[int], fragments: Sequence[Fragment], frames: int) -> Groups:
    """Group fragments by offsets from the first one; empty if the offsets are not theirs or too few."""
    if not offsets or not fragments or offsets[0] != 0 or len(offsets) < frames:
        return ()
    base = fragments[0].start
    position = {fragment.start - base: number for number, fragment in enumerate(fragments)}
    starts = [position.get(offset, -1) for offset in offsets]
    if -1 in starts or any(a >= b for a, b in zip(starts, starts[1:], strict=False)):
        return ()
    return _cut(fragments, starts)


def _by_content(value: memoryview, fragments: Sequence[Fragment], frames: int) -> Groups:
    """Group fragments where codestreams begin, or one fragment to a frame."""
    starts = [n for n, f in enumerate(fragments) if starts_codestream(value[f.start : f.stop])]
    if starts and starts[0] == 0:
        return _cut(fragments, starts)
    if frames == 1 and starts:
        return (tuple(fragments),)
    return tuple((fragment,) for fragment in fragments)


def _split_where_codestreams_start(value: memoryview, groups: Groups) -> Groups:
    """Split groups in which a later fragment begins a codestream of its own.

    A table may claim two pictures for one frame; a decoder shows the first and hides the second.
    """
    split: list[tuple[Fragment, ...]] = []
    for group in groups:
        later = [n for n in range(1, len(group)) if starts_codestream(value[group[n].start : group[n].stop])]
        split.extend(_cut(group, [0, *later]))
    return tuple(split)


def _cut(fragments: Sequence[Fragment], starts: Sequence[int]) -> Groups:
    stops = [*starts[1:], len(fragments)]
    return tuple(tuple(fragments[a:b]) for a, b in zip(starts, stops, strict=True))


def join_fragments(value: memoryview, fragments: Sequence[Fragment]) -> bytes:
    """Return the codestream of one frame.

    Raises
    ------
    CorruptInstance
        If the file breaks off inside a fragment.
    """
    if not all(fragment.complete for fragment in fragments):
        raise _corrupt("Pixel Data breaks off inside a fragment", stage="decode")
    return b"".join(value[fragment.start : fragment.stop] for fragment in fragments)


def join_all(value: memoryview) -> tuple[bytes, int]:
    """Return the one bitstream that all fragments make, and the count of bytes that belong to none.

    Video is one bitstream, in one fragment or (fragmentable syntaxes) in several; offsets mean
    nothing in it (PS3.5 A.4, 8.2.5 to 8.2.11).

    Raises
    ------
    CorruptInstance
        If the value is not made of items, or the file breaks off inside one.
    """
    table, fragments, trailing = _items(value)
    offsets = bytes(value[table.start : table.stop])
    return join_fragments(value, fragments), trailing + _stray(offsets, 4, len(value))


def has_odd_items(value: memoryview) -> bool:
    """Tell whether any item has an odd length, which PS3.5 A.4 forbids and some writers produce.

    Readers disagree on where the next item begins: some expect a byte of padding that is not there.

    Raises
    ------
    CorruptInstance
        If the value is not made of items.
    """
    table, fragments, _ = _items(value)
    return any((fragment.stop - fragment.start) % 2 for fragment in (table, *fragments))


def encapsulate_whole(stream: bytes) -> bytes:
    """Return Pixel Data of one fragment behind an empty Basic Offset Table.

    Raises
    ------
    CorruptInstance
        If the stream is longer than an item can be.
    """
    if len(stream) >= _MAX_OFFSET:
        raise _corrupt("An encoded video is too long for a fragment", stage="mask")
    padded = stream + b"\0" * (len(stream) % 2)
    return _ITEM + pack("<I", 0) + _ITEM + pack("<I", len(padded)) + padded


def encapsulate(frames: Iterable[bytes], count: int) -> bytes:
    """Return Pixel Data of one fragment per frame, with a Basic Offset Table while offsets fit.

    The value is built in one buffer as the `count` expected frames arrive, so that it is held once.

    From 4 GiB on the table is left empty, which PS3.5 A.4 allows: with one fragment to a frame
    the items themselves are the index.

    Raises
    ------
    CorruptInstance
        If one frame is longer than an item can be.
    """
    buffer, offsets, start = BytesIO(), [], _HEADER + 4 * count
    buffer.seek(start)
    for frame in frames:
        offsets.append(buffer.tell() - start)
        length = len(frame) + len(frame) % 2
        if length >= _MAX_OFFSET:
            raise _corrupt("An encoded frame is too long for a fragment", stage="mask")
        buffer.write(_ITEM + pack("<I", length))
        buffer.write(frame)
        buffer.write(b"\0" * (length - len(frame)))
    table = offsets if not offsets or offsets[-1] <= _MAX_OFFSET else []
    head = _ITEM + pack(f"<I{len(table)}I", 4 * len(table), *table)
    if len(head) != start:
        return head + bytes(buffer.getbuffer()[start:])
    buffer.seek(0)
    buffer.write(head)
    return buffer.getvalue()


def _corrupt(message: str, stage: str = "open") -> CorruptInstance:
    return CorruptInstance(
        message,
        stage=stage,
        tag=attribute("PixelData"),
        remedy="Get the Instance again from its source.",
    )

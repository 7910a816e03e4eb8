"""Layout: where a line stands, what stands beside it, and what that says about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scrub_pixels.decisions.spelling import compact, fold
from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.lines import TextLine

_VALUE_RIGHT = 8.0
_VALUE_BELOW = 1.5
_NEIGHBOUR = 1.5
_JOINED = 2.5
_STACK = 3.0
_LEAST_STACK = 4
_ALIKE = 1.6
_LEAST_LETTERS = 3
_LEAST_PIECE = 0.4
_BLOCK_WIDE, _BLOCK_HIGH = 16.0, 3.5


def line_height(line: TextLine) -> int:
    """Return the height of a line of text, whichever way it is turned."""
    upright = line.rotation % 180 == 0
    return line.region.rows if upright else line.region.columns


def in_header_band(line: TextLine, shape: Shape, share: float) -> bool:
    """Tell whether a line begins in the band at the top or ends in the band at the bottom."""
    band = share * shape[0]
    return line.region.row < band or line.region.bottom > shape[0] - band


def same_row(one: TextLine, other: TextLine) -> bool:
    """Tell whether two lines share at least half of the lower one's height."""
    shared = min(one.region.bottom, other.region.bottom) - max(one.region.row, other.region.row)
    return 2 * shared >= min(one.region.rows, other.region.rows)


def same_place(one: TextLine, other: TextLine) -> bool:
    """Tell whether two lines, of the same or of different frames, share most of their area."""
    shared = one.region.intersection(other.region)
    return (
        shared is not None
        and 2 * shared.area > min(one.region.area, other.region.area)
        and (3 * shared.area > max(one.region.area, other.region.area))
    )


def encloses(block: TextLine, line: TextLine) -> bool:
    """Tell whether a line is one of several in a box that was read now as the one, now as the other.

    It lies within, takes half its height at most, and is part of one reading of the box but not of all:
    a piece of slanted text is part of every reading, a few dots or a crumb of a letter of none. Only in
    one frame: in more, text that moves may cross what stands within the box of its path.
    """
    return (
        len(block.frames) == 1
        and block.rotation % 180 == 0
        and 2 * line.region.rows <= block.region.rows
        and block.region.contains(line.region)
        and _is_in_one_reading(compact(fold(line.reading)), [compact(fold(r)) for r in block.readings])
    )


def is_piece(piece: TextLine, whole: TextLine) -> bool:
    """Tell whether a line lies within a longer one, and every reading of it is part of the longer one's."""
    text = compact(fold(whole.reading))
    within = whole.frames.start <= piece.frames.start and piece.frames.stop <= whole.frames.stop
    return (
        within
        and piece.rotation == whole.rotation
        and whole.region.contains(piece.region)
        and piece.region.rows > _LEAST_PIECE * whole.region.rows
        and all(compact(fold(r)) in text and compact(fold(r)) != text for r in piece.readings)
    )


def _is_in_one_reading(text: str, readings: Sequence[str]) -> bool:
    with_it = [text in reading for reading in readings]
    return sum(c.isalpha() for c in text) >= _LEAST_LETTERS and any(with_it) and not all(with_it)


def value_of(label: TextLine, lines: Iterable[TextLine]) -> TextLine | None:
    """Return the line that a label announces: the next one at its right, else the one below it."""
    together = [line for line in lines if line is not label and line.frames.overlaps(label.frames)]
    right = [line for line in together if same_row(label, line) and _gap_right(label, line) >= 0]
    near = [line for line in right if _gap_right(label, line) <= _VALUE_RIGHT * line_height(label)]
    if near:
        return min(near, key=lambda line: line.region.column)
    below = [line for line in together if _is_below(label, line)]
    return min(below, key=lambda line: line.region.row, default=None)


def _gap_right(one: TextLine, other: TextLine) -> int:
    """Return the columns between two lines; a little overlap of their boxes counts as none."""
    gap = other.region.column - one.region.right
    return max(gap, 0) if other.region.column > one.region.column + one.region.columns // 2 else gap


def _is_below(one: TextLine, other: TextLine) -> bool:
    gap = other.region.row - one.region.bottom
    height = line_height(one)
    aligned = abs(other.region.column - one.region.column) <= 2 * height
    return -height // 2 <= gap <= _VALUE_BELOW * height and aligned and other.region.row > one.region.row


def touches_any(line: TextLine, others: Sequence[TextLine]) -> bool:
    """Tell whether a line stands right beside, above or below one of the others."""
    return any(_adjacent(line, other) for other in others if other.frames.overlaps(line.frames))


def continues_any(line: TextLine, others: Sequence[TextLine]) -> bool:
    """Tell whether a line stands on the row of one of the others, equally tall, a word space away."""
    return any(_continues(line, other) for other in others if other.frames.overlaps(line.frames))


def beside(label: TextLine, lines: Iterable[TextLine]) -> bool:
    """Tell whether another line goes on where a label ends, a few spaces away, whichever way it runs."""
    others = (line for line in lines if line is not label and line.frames.overlaps(label.frames))
    return any(_goes_on(label, other, _JOINED) for other in others)


def in_one_block(line: TextLine, other: TextLine) -> bool:
    """Tell whether two lines of about one height stand close in one row, or flush in one column."""
    low, high = sorted((line_height(line), line_height(other)))
    if high > _ALIKE * low or line.rotation != other.rotation or not line.frames.overlaps(other.frames):
        return False
    if same_row(line, other):
        return max(_gap(line, other), _gap(other, line)) <= _BLOCK_WIDE * high
    upper, lower = sorted((line, other), key=lambda one: one.region.row)
    return flush_above(upper, lower, _BLOCK_HIGH)


def flush_above(upper: TextLine, lower: TextLine, most: float = _VALUE_BELOW) -> bool:
    """Tell whether a line stands at most so many heights above another one, flush left or right with it."""
    a, b, height = upper.region, lower.region, line_height(lower)
    flush = min(abs(a.column - b.column), abs(a.right - b.right)) <= height
    return flush and b.row > a.row and b.row - a.bottom <= most * height


def is_below(line: TextLine, others: Iterable[TextLine]) -> bool:
    """Tell whether a line stands below one of the others, about as tall, flush left with it."""
    return any(
        other.frames.overlaps(line.frames)
        and other.rotation == line.rotation
        and abs(other.region.column - line.region.column) <= line_height(line)
        and flush_above(other, line, _JOINED)
        for other in others
    )


def in_stack(line: TextLine, crumbs: Sequence[TextLine]) -> bool:
    """Tell whether a line is one of five or more equally wide ones above each other, or four right beside it.

    This is what letters of turned text look like when they are read one by one, two lines of it in pairs.
    A narrow letter that is turned is low: how tall it is tells its longer side.
    """
    r = line.region
    height = max(r.rows, r.columns) if len(line.reading.strip()) == 1 else r.rows
    reach = max(3, height // 3)
    alike = [
        c.region
        for c in crumbs
        if c.frames.overlaps(line.frames)
        and abs(c.region.column - r.column) <= reach
        and abs(c.region.right - r.right) <= reach
    ]
    near = [a for a in alike if -reach <= _rows_between(a, r) <= _STACK * height]
    return len(near) >= _LEAST_STACK or len(_chain(r, alike, height)) > _LEAST_STACK


def _chain(start: Region, regions: Sequence[Region], most: float) -> list[Region]:
    """Return what hangs together with a region: each below the last, at most so many rows from it."""
    chain: list[Region] = []
    held = False
    for region in sorted([start, *regions], key=lambda r: r.row):
        apart = bool(chain) and _rows_between(region, chain[-1]) > most
        if apart and held:
            break
        chain = [] if apart else chain
        held = held or region == start
        if not chain or region.row >= chain[-1].bottom - region.rows // 2:  # else in the same place
            chain.append(region)
    return chain


def _rows_between(one: Region, other: Region) -> int:
    return max(one.row, other.row) - min(one.bottom, other.bottom)


def precedes(one: TextLine, other: TextLine) -> bool:
    """Tell whether `other` goes on where `one` ends, a few spaces away."""
    return one.frames.overlaps(other.frames) and one is not other and _goes_on(one, other, _JOINED)


def _goes_on(one: TextLine, other: TextLine, most: float) -> bool:
    """Tell whether two lines lie on one line, at most so many heights apart; turned text runs either way."""
    if one.rotation % 180 == 0:
        return same_row(one, other) and 0 <= _gap_right(one, other) <= most * line_height(one)
    a, b = _turned(one), _turned(other)
    shared = min(a.bottom, b.bottom) - max(a.row, b.row)
    gap = max(a.column, b.column) - min(a.right, b.right)
    return 2 * shared >= min(a.rows, b.rows) and gap <= most * a.rows


def _turned(line: TextLine) -> Region:
    r = line.region
    return Region(r.column, r.row, r.columns, r.rows)


def _continues(one: TextLine, other: TextLine) -> bool:
    low, high = sorted((line_height(one), line_height(other)))
    apart = max(_gap(one, other), _gap(other, one))
    if high <= 1.6 * low:
        return apart <= _NEIGHBOUR * high and same_row(one, other)
    # Over texture a box may be much taller than its line: what broke off from it stands in its rows, and the
    # letter between them may be lost.
    within = other.region.row <= one.region.row and one.region.bottom <= other.region.bottom
    return within and apart <= low


def _adjacent(one: TextLine, other: TextLine) -> bool:
    reach = _NEIGHBOUR * max(line_height(one), line_height(other))
    if same_row(one, other):
        return max(_gap(one, other), _gap(other, one)) <= reach
    left, right = sorted((one, other), key=lambda line: line.region.row)
    vertical = right.region.row - left.region.bottom
    return vertical <= reach / 2 and abs(one.region.column - other.region.column) <= reach


def _gap(one: TextLine, other: TextLine) -> int:
    return other.region.column - one.region.right

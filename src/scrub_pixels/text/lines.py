"""What the text stage hands on: lines of text, where and when they stand, and how they read."""

from __future__ import annotations

from dataclasses import dataclass, field

from scrub_pixels.geometry import FrameSpan, Region, Shape


@dataclass(frozen=True, slots=True)
class TextLine:
    """Text found in a frame.

    Parameters
    ----------
    region
        Smallest rectangle around its ink, in stored-sample coordinates.
    frames
        The frames in which it stands.
    reading
        What the reader made of it; empty if it could not be read. Never part of the repr: it
        may be a patient's name.
    confidence
        The reader's mean confidence over the characters, 0 to 1 (0 if unread).
    detection
        The detector's confidence that this is text at all, 0 to 1.
    rotation
        Degrees by which the text is turned clockwise: 0, 90, 180 or 270.
    alternatives
        Further readings of the same place (other frames, scales, readers). A line is harmless
        only if all of its readings are.
    looks
        Readings of the same place shown in other ways, one for each way that was read, if a closer look was
        taken because of a misspelt word. They may vouch for a harmless spelling, and are no readings.
    pieces
        What stands between the gaps of its ink, from left to right, if it was read in pieces because it may
        be the row of a table. They may vouch for one, and are no readings.
    """

    region: Region
    frames: FrameSpan
    reading: str = field(repr=False)
    confidence: float
    detection: float
    rotation: int = 0
    alternatives: tuple[str, ...] = field(default=(), repr=False)
    looks: tuple[str, ...] = field(default=(), repr=False)
    pieces: tuple[str, ...] = field(default=(), repr=False)

    @property
    def readings(self) -> tuple[str, ...]:
        """Every reading, the main one first, without empty ones or repeats."""
        return tuple(dict.fromkeys(r for r in (self.reading, *self.alternatives) if r))


@dataclass(frozen=True, slots=True)
class TextSearch:
    """All text of one Instance, and what was looked at to find it.

    Parameters
    ----------
    lines
        Every line found.
    shape
        ``(Rows, Columns)`` of the frames.
    frames
        Number of frames of the Instance.
    frames_searched
        Number of frames in which every changed sample was searched; less than `frames` means
        that the search is incomplete and the Instance must not be released.
    reader
        Name and version of the reader and the detector.
    views
        The renderings searched (``display``, ``full range``, ``palette index`` ...).
    doubts
        PHI-free codes for things seen that could be text but are nothing a line can describe
        (``barcode``, ``handwriting`` ...). Any doubt holds the Instance.
    """

    lines: tuple[TextLine, ...]
    shape: Shape
    frames: int
    frames_searched: int
    reader: str
    views: tuple[str, ...] = ("display",)
    doubts: tuple[str, ...] = ()

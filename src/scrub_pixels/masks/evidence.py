"""PixelEvidence: what was searched, masked, re-read and compared; the only ground for claims."""

from __future__ import annotations

from dataclasses import dataclass

from scrub_pixels.geometry import Region


@dataclass(frozen=True, slots=True)
class FrameRedaction:
    """The samples of one frame that may differ from the original after masking.

    Parameters
    ----------
    frame
        0-based.
    regions
        The rectangles really changed: the redactions, grown to coding blocks where the transfer
        syntax is edited block by block.
    """

    frame: int
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class CarrierEvidence:
    """What became of pictures beside the frames.

    Parameters
    ----------
    carrier
        What they were: ``overlay plane``, ``icon image``, ``private bulk data`` ...
    fate
        ``removed``, ``cleared`` (unused bits of the samples), ``kept`` (searched, nothing
        identifying), ``cleaned`` (searched, identifying text cleared) or ``rebuilt`` (from the
        masked frame).
    count
        How many.
    """

    carrier: str
    fate: str
    count: int


@dataclass(frozen=True, slots=True)
class PixelEvidence:
    """The proof of one Instance's pixels.

    Parameters
    ----------
    frames
        Number of frames of the Instance (0: it has no pixels).
    frames_searched
        Frames in which the text search was complete.
    frames_masked
        Frames that carry at least one redaction.
    frames_compared
        Frames that were decoded again from what will be written, and compared: equal to the
        original outside the redactions, black inside.
    redactions
        What was changed, frame by frame.
    syntax_in, syntax_out
        Transfer Syntax UIDs before and after.
    pixel_data_identical
        True if the Pixel Data element's value is byte for byte the original's.
    cleared_bits
        True if bits outside Bits Stored (embedded overlays) were set to zero.
    digest_in, digest_out
        Keyed digests (HMAC-SHA-256, hex) of the Pixel Data values before and after.
    reader
        Name and version of what searched the frames; empty if they were not searched.
    text_lines, text_masked, text_kept
        Counts of lines found, masked, and kept as proven harmless.
    residual_text
        True if reading the masked frames again still found text to be masked.
    carriers
        What became of every picture beside the frames.
    """

    frames: int
    frames_searched: int
    frames_masked: int
    frames_compared: int
    redactions: tuple[FrameRedaction, ...]
    syntax_in: str
    syntax_out: str
    pixel_data_identical: bool
    cleared_bits: bool = False
    digest_in: str = ""
    digest_out: str = ""
    reader: str = ""
    text_lines: int = 0
    text_masked: int = 0
    text_kept: int = 0
    residual_text: bool = False
    carriers: tuple[CarrierEvidence, ...] = ()

    @property
    def searched(self) -> bool:
        """True if every frame was searched for text."""
        return self.frames_searched == self.frames

    @property
    def clean(self) -> bool:
        """True if Clean Pixel Data (113101) may be claimed: searched, proven, nothing left."""
        return self.searched and not self.residual_text and self.frames_compared == self.frames

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
class VideoEvidence:
    """What became of a video, measured by decoding it again.

    Parameters
    ----------
    codec
        Of the stream, before and after.
    reencoded
        True if every picture was encoded anew; False if only the container was rebuilt.
    tracks_dropped
        Sound and other tracks that were left out: a voice identifies.
    largest_difference
        Of any luma sample outside the redactions from the original, in stored units.
    lowest_psnr
        Of luma outside the redactions, in dB, of the frame where it is lowest; 100 if equal.
    darkest_miss
        How far any sample inside a redaction is from black, in stored units.
    """

    codec: str
    reencoded: bool
    tracks_dropped: int
    largest_difference: int
    lowest_psnr: float
    darkest_miss: int

    @property
    def remarks(self) -> tuple[str, ...]:
        """Say plainly that a video is not what it was."""
        changed = "video re-encoded: outside the redactions not identical (figures in the evidence)"
        rebuilt = "video container rebuilt: the coded pictures are the original's"
        dropped = "sound or other tracks of a video were left out"
        return (changed if self.reencoded else rebuilt, *((dropped,) if self.tracks_dropped else ()))


@dataclass(frozen=True, slots=True)
class PixelEvidence:
    """The proof of one Instance's pixels.

    Parameters
    ----------
    frames
        Number of frames of the Instance (0: it has no pixels).
    frames_searched
        Frames in which the text search was complete, or that are black throughout.
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
    video
        What became of a video, whose frames are compared within a bound instead of for equality.
    comments_cut
        True if comments or application data were cut out of codestreams.
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
    video: VideoEvidence | None = None
    comments_cut: bool = False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What has to be said to whoever uses the result, PHI-free."""
        cut = ("comments or application data were cut out of codestreams",) if self.comments_cut else ()
        return (*(self.video.remarks if self.video else ()), *cut)

    @property
    def searched(self) -> bool:
        """True if every frame was searched for text."""
        return self.frames_searched == self.frames

    @property
    def clean(self) -> bool:
        """True if Clean Pixel Data (113101) may be claimed: searched, proven, nothing left."""
        return self.searched and not self.residual_text and self.frames_compared == self.frames

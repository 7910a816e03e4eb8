"""Coding blocks: the grid on which a redaction grows if an Instance is edited in its codestream."""

from __future__ import annotations

from scrub_pixels.errors import ScrubError
from scrub_pixels.frames import Instance
from scrub_pixels.frames.syntaxes import Codec, Redact
from scrub_pixels.masks.jpeg_markers import parse

BLOCK = 8
"""Rows and columns of a block of coefficients (ITU-T T.81 A.1.1)."""

Block = tuple[int, int]
"""Rows and columns of a coding block, in samples of the frame."""


def coding_blocks(instance: Instance) -> tuple[Block, ...]:
    """Return the sizes of the blocks that are blackened as a whole; none if samples are masked as they stand.

    The first is that of full resolution, the second that of sub-sampled colour. As the first frame has
    them: who trims a mask by them gains less if another frame is coded otherwise, and loses nothing.
    """
    edited = instance.transfer_syntax.redaction is Redact.COEFFICIENTS
    if not edited or instance.pixels is None or instance.transfer_syntax.codec is not Codec.JPEG:
        return ()
    try:
        frame = parse(instance.encoded(0)).frame
    except ScrubError:  # damaged, or not editable: masking will say so
        return ()
    coarse = (BLOCK * frame.down, BLOCK * frame.across)
    return tuple(dict.fromkeys(((BLOCK, BLOCK), coarse)))

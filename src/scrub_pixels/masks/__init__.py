"""Redactions to new Pixel Data, and the proof by reading back."""

from scrub_pixels.masks.black import fill_value
from scrub_pixels.masks.blocks import coding_blocks
from scrub_pixels.masks.evidence import CarrierEvidence, FrameRedaction, PixelEvidence, VideoEvidence
from scrub_pixels.masks.jpeg_comments import codestream_comments
from scrub_pixels.masks.masking import MaskedPixels, mask
from scrub_pixels.masks.proof import digest_pixels, prove
from scrub_pixels.masks.writing import with_pixels

__all__ = [
    "CarrierEvidence",
    "FrameRedaction",
    "MaskedPixels",
    "PixelEvidence",
    "VideoEvidence",
    "codestream_comments",
    "coding_blocks",
    "digest_pixels",
    "fill_value",
    "mask",
    "prove",
    "with_pixels",
]

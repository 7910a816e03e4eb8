"""Everything that changes what the text search finds; printable, picklable, part of the policy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Settings of the text search; the defaults are what the published figures were measured with.

    Parameters
    ----------
    whole_frame
        Enlarge whatever the first pass left open, wherever it stands; False enlarges only the
        border bands. At its own scale the whole frame is searched in any case.
    band_fraction
        Width of a border band as a share of the frame's side.
    upscale
        Factor of the second, enlarged pass over fine structure; 1 leaves it out.
    enlarge_up_to
        Frames of more samples (Rows x Columns) are searched at their own scale only: their letters
        are large enough, and the second pass costs four times the first.
    tile
        Longest side of what the detector is shown at once at its own scale, in samples. Large:
        without surroundings the detector takes tissue for text.
    fine_tile
        The same for the enlarged pass, in samples before it is enlarged.
    overlap
        Samples by which tiles overlap, before scaling; lines taller than this may be cut.
    vertical
        Read tall boxes as text turned by 90 and by 270 degrees.
    least_detection
        Boxes whose detection score is lower are dropped unread.
    strong_detection
        Boxes at least this sure stay even if they cannot be read.
    strong_on_texture
        The same over tissue and other texture, where detectors are often sure and wrong.
    strong_code, least_code
        Barcodes and QR codes are detected with at least this score, and are at least so many samples wide.
    tallest_line
        Boxes thicker than this, in samples, must be read as words: detectors take whole organs for text.
    least_confidence
        Readings below this count as unread when a weak box is judged.
    sure_confidence
        Readings below this are tried again with the crop's variants.
    hopeless
        Readings below this are not tried again.
    sure_single, sure_pair
        Confidence with which a reading of one or of two characters confirms a weak box.
    competing
        Another reading counts as an alternative if its confidence is at most this much lower.
    crop_margin
        Share of a line's height added on every side of its ink before it is read.
    margin
        The same added to that for the box that is handed on.
    unsure_margin
        The same added once more, at the ends of the line twice, where the ground hides its ends.
    """

    whole_frame: bool = True
    band_fraction: float = 0.25
    upscale: float = 2.0
    enlarge_up_to: int = 400_000
    tile: int = 1344
    fine_tile: int = 672
    overlap: int = 64
    vertical: bool = True
    least_detection: float = 0.3
    strong_detection: float = 0.85
    strong_on_texture: float = 0.92
    strong_code: float = 0.9
    least_code: int = 24
    tallest_line: int = 80
    least_confidence: float = 0.5
    sure_confidence: float = 0.9
    hopeless: float = 0.1
    sure_single: float = 0.85
    sure_pair: float = 0.7
    competing: float = 0.15
    crop_margin: float = 0.1
    margin: float = 0.1
    unsure_margin: float = 0.15

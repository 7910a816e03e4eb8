"""Which detectors look for text: the reader's own, our network, or both as witnesses of each other.

The network sees small and faint letters at the frame's own scale, for a third of the cost; the
reader's detector knows large and unusual ones. What both see is text. What only the reader's
detector sees needs a reading, or an almost certain score on plain ground: that is where it takes
rulers, icons and organs for text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import cv2
import numpy as np

from scrub_pixels.errors import UsageError
from scrub_pixels.geometry import Region
from scrub_pixels.text.boxes import is_upright
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.leftovers import leftovers
from scrub_pixels.text.quads import moved_quad
from scrub_pixels.text.readers import Image, TextBox, TextDetector, TextReader

AGREED = 0.3
"""Share of the smaller box that two detectors must have in common to mean the same text."""

BLOATED = 1.7
"""A reader's box that many times as tall as the network's is no second opinion on its height."""

MOST_SAMPLES = 480_000
"""Frames of more samples (Rows x Columns) are reduced to so many for the reader's detector."""

ALONE = 0.92
"""Factor on the score of a box that only the reader's detector sees."""


@dataclass(frozen=True)
class Detectors:
    """The detector of the first look, a cheaper one of enlarged and repeated looks, and its witness."""

    first: TextDetector
    fine: TextDetector
    witness: TextDetector | None = None


class FusedDetector:
    """The network, with a reader's detector as its second witness.

    Parameters
    ----------
    network, reader
        The two detectors; every box of both is returned.
    """

    def __init__(self, network: TextDetector, reader: TextDetector) -> None:
        self.network, self.reader = network, reader
        self.name = f"{network.name} with {reader.name}"

    def detect(self, image: Image) -> list[TextBox]:
        """Return the boxes of both; where both agree, the network's, with the better score of the two.

        Of a reader's box much taller than the network's lines in it, only what these do not explain is
        kept: over tissue and on small pictures it is often drawn around several of them.
        """
        own, shown = self.network.detect(image), _detected_reduced(self.reader, image)
        slanted = [box for box in shown if box.quad is not None]
        other = [box for box in shown if box.quad is None]
        further = [part for box in other for part in _without_lines(image, box, own)]
        both = [_witnessed(box, other, 1.0) for box in own]
        return both + [_witnessed(box, own, ALONE) for box in further] + slanted


def _detected_reduced(detector: TextDetector, image: Image) -> list[TextBox]:
    """Return what a detector finds in `image`, a large one reduced: the network sees what is small."""
    factor = min(1.0, math.sqrt(MOST_SAMPLES / (image.shape[0] * image.shape[1])))
    if factor == 1.0:
        return detector.detect(image)
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return [_enlarged(box, 1 / factor) for box in detector.detect(np.asarray(small))]


def _enlarged(box: TextBox, factor: float) -> TextBox:
    quad = box.quad and moved_quad(box.quad, factor)
    return replace(box, region=_scaled(box.region, 1 / factor), quad=quad)


def _scaled(region: Region, factor: float) -> Region:
    edges = (region.row, region.column, region.bottom, region.right)
    return Region.from_edges(*(edge / factor for edge in edges))


def _witnessed(box: TextBox, others: list[TextBox], alone: float) -> TextBox:
    agreeing = [other.score for other in others if _agree(box.region, other.region)]
    return replace(box, score=max(box.score, *agreeing) if agreeing else box.score * alone)


def _without_lines(image: Image, box: TextBox, own: list[TextBox]) -> list[TextBox]:
    """Return `box`, or what much lower lines of the network leave of it; turned text is left alone."""
    agreeing = [b.region for b in own if not b.code and _agree(b.region, box.region)]
    if not agreeing or is_upright(box.region):
        return [box]
    if box.region.rows < BLOATED * max(b.rows for b in agreeing):
        return [box]
    ink, _ = ink_of(image, box.region, (4, 4))
    return leftovers(image, replace(box, plain=ink.followable), agreeing)


def _agree(a: Region, b: Region) -> bool:
    shared = a.intersection(b)
    return shared is not None and shared.area >= AGREED * min(a.area, b.area)


def _of_reader(reader: TextReader, threads: int) -> Detectors:
    return Detectors(reader, reader)


def _of_network(reader: TextReader, threads: int) -> Detectors:
    from scrub_pixels.text.network import load_network

    network = load_network(threads)
    return Detectors(network, network)


def _of_both(reader: TextReader, threads: int) -> Detectors:
    network = _of_network(reader, threads).first
    return Detectors(FusedDetector(network, reader), network, reader)


DETECTORS: Mapping[str, Callable[[TextReader, int], Detectors]] = MappingProxyType(
    {"reader": _of_reader, "network": _of_network, "both": _of_both}
)
"""Name on the command line -> how the detectors are loaded."""


def load_detectors(name: str, reader: TextReader, threads: int = 1) -> Detectors:
    """Load detectors by their name in `DETECTORS`.

    Raises
    ------
    UsageError
        If there is no such name.
    MissingDependency
        If the network's weights are absent or changed.
    """
    if name not in DETECTORS:
        raise UsageError("There is no detector of that name.", remedy=f"Known: {', '.join(DETECTORS)}.")
    return DETECTORS[name](reader, threads)

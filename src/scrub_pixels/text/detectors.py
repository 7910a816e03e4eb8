"""Which detectors look for text: the reader's own, our network, or both as witnesses of each other.

The network sees small and faint letters at the frame's own scale, for a third of the cost; the
reader's detector knows large and unusual ones. What both see is text. What only the reader's
detector sees needs a reading, or an almost certain score on plain ground: that is where it takes
rulers, icons and organs for text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from scrub_pixels.errors import UsageError
from scrub_pixels.geometry import Region
from scrub_pixels.text.readers import Image, TextBox, TextDetector, TextReader

AGREED = 0.3
"""Share of the smaller box that two detectors must have in common to mean the same text."""

BLOATED = 1.7
"""A reader's box that many times as tall as the network's is no second opinion on its height."""

NEARLY_ALL = 0.9
"""Share of the length of the reader's box that the network has to see, too."""

ALONE = 0.92
"""Factor on the score of a box that only the reader's detector sees."""


@dataclass(frozen=True)
class Detectors:
    """The detector of the first look, and that of enlarged and repeated looks, which is cheaper."""

    first: TextDetector
    fine: TextDetector


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

        A reader's box much taller than the network's is kept only if it reaches further along the
        line: over tissue it is often three times as tall as the text.
        """
        own, other = self.network.detect(image), self.reader.detect(image)
        further = [box for box in other if not _bloated(box.region, [b.region for b in own])]
        return [_witnessed(box, other, 1.0) for box in own] + [_witnessed(box, own, ALONE) for box in further]


def _witnessed(box: TextBox, others: list[TextBox], alone: float) -> TextBox:
    agreeing = [other.score for other in others if _agree(box.region, other.region)]
    return replace(box, score=max(box.score, *agreeing) if agreeing else box.score * alone)


def _bloated(region: Region, own: list[Region]) -> bool:
    """Tell whether much lower boxes of the network reach along nearly all of the length of `region`."""
    agreeing = [b for b in own if _agree(b, region)]
    if not agreeing or region.rows < BLOATED * max(b.rows for b in agreeing):
        return False
    columns = np.zeros(region.columns, bool)
    for shared in (b.intersection(region) for b in agreeing):
        if shared is not None:
            columns[shared.column - region.column : shared.right - region.column] = True
    return bool(columns.mean() >= NEARLY_ALL)


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
    return Detectors(FusedDetector(network, reader), network)


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

"""Boxes -> readings: crops at the right size, turned upright, tried in variants when in doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.boxes import is_upright
from scrub_pixels.text.readers import Image, Reading, TextRecognizer
from scrub_pixels.text.settings import SearchSettings

UNREAD = Reading("", 0.0)


@dataclass(frozen=True, slots=True)
class Choice:
    """The reading chosen for a place, those that compete with it, and how the text is turned."""

    best: Reading
    rotation: int = 0
    others: tuple[str, ...] = field(default=(), repr=False)


class LineReader:
    """Reads lines, each appearance once: identical crops cost one pass of the network.

    Parameters
    ----------
    recognizer
        The network.
    settings
        When a reading is sure, when alternatives count.
    """

    MOST_REMEMBERED = 4096

    def __init__(self, recognizer: TextRecognizer, settings: SearchSettings) -> None:
        self._recognizer = recognizer
        self._settings = settings
        self._known: dict[bytes, Reading] = {}

    def read(self, image: Image, region: Region, with_variants: bool = True) -> Choice:
        """Return what stands in `region` of `image`; in doubt its variants are read too."""
        crop = np.ascontiguousarray(image[region.slices])
        turns = (90, 270) if self._settings.vertical and is_upright(region) else (0,)
        crops = [turned(crop, turn) for turn in turns]
        # What is sure one way up is not tried harder the other way up.
        sure = any(self._recognize(c).confidence >= self._settings.sure_confidence for c in crops)
        tried = [(self._sure(c, with_variants and not sure), t) for c, t in zip(crops, turns, strict=True)]
        best, rotation = max(tried, key=lambda pair: _weight(pair[0][0]))
        return Choice(best[0], rotation, self._competing(best))

    def _sure(self, crop: Image, with_variants: bool) -> list[Reading]:
        """Return the readings of a crop, the most confident first; one if it is sure."""
        first = self._recognize(crop)
        sure = first.confidence >= self._settings.sure_confidence
        if sure or not with_variants or first.confidence < self._settings.hopeless:
            return [first]
        tried = [first, *(self._recognize(variant(crop)) for variant in VARIANTS)]
        return sorted(tried, key=_weight, reverse=True)

    def _competing(self, readings: Sequence[Reading]) -> tuple[str, ...]:
        """Return the texts whose confidence comes near that of the best one."""
        best = readings[0]
        near = [r for r in readings[1:] if r.confidence >= best.confidence - self._settings.competing]
        if best.text.isascii():  # one ideograph is what this reader sees in marks that are no letters
            near = [r for r in near if len(r.text) > 1 or r.text.isascii()]
        return tuple(dict.fromkeys(r.text for r in near if r.text and r.text != best.text))

    def _recognize(self, crop: Image) -> Reading:
        key = repr(crop.shape).encode() + crop.tobytes()
        if key not in self._known:
            if len(self._known) >= self.MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = self._recognizer.recognize([crop])[0]
        return self._known[key]


def turned(crop: Image, rotation: int) -> Image:
    """Return a crop whose text is turned clockwise by `rotation` degrees, made horizontal."""
    return np.ascontiguousarray(np.rot90(crop, rotation // 90))


def stretched(crop: Image) -> Image:
    """Return the crop as grey levels of its most contrasting channel, stretched to the full range."""
    samples = crop if crop.ndim == 3 else crop[:, :, None]
    low, high = np.percentile(samples, (2, 98), axis=(0, 1))
    channel = int(np.argmax(high - low))
    spread = max(8.0, float(high[channel] - low[channel]))
    scaled = (samples[:, :, channel].astype(np.float32) - low[channel]) * (255 / spread)
    return np.clip(scaled, 0, 255).astype(np.uint8)


def inverted(crop: Image) -> Image:
    """Return the stretched crop with dark and light exchanged."""
    return 255 - stretched(crop)


VARIANTS: tuple[Callable[[Image], Image], ...] = (stretched, inverted)
"""How a crop is shown again when its first reading is not sure."""


def _weight(reading: Reading) -> tuple[float, int]:
    return (reading.confidence, len(reading.text)) if reading.text else (0.0, 0)

"""A frame under construction: its samples, what is text, what is graphics, and the list of texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from fonts import Alpha, Face
from numpy.typing import NDArray

Rng = np.random.Generator
TEXT, GRAPHICS, CODE = 1, 2, 4
"""Bits of `Canvas.truth`."""


@dataclass(frozen=True)
class Style:
    """How a text is drawn.

    Parameters
    ----------
    face, height, smooth
        Font, em in pixels (outline only), anti-aliasing (outline only).
    colour
        RGB.
    opacity
        0 to 1.
    effect
        ``plain``, ``shadow``, ``outline``, ``box`` (filled behind) or ``inverse``.
    turn
        Quarter turns anticlockwise.
    zoom
        Whole-number enlargement, as old devices do with their bitmap fonts.
    """

    face: Face
    height: int = 14
    smooth: bool = True
    colour: tuple[int, int, int] = (255, 255, 255)
    opacity: float = 1.0
    effect: str = "plain"
    turn: int = 0
    zoom: int = 1


@dataclass(frozen=True)
class Label:
    """One text that was drawn: ink box ``(top, left, bottom, right)``, glyph height, contrast, kind."""

    box: tuple[float, float, float, float]
    glyph: float
    contrast: float
    kind: str
    turn: int = 0


@dataclass
class Canvas:
    """Samples ``(H, W, 3)`` uint8, truth ``(H, W)`` bits, texts."""

    image: NDArray[np.uint8]
    truth: NDArray[np.uint8] = field(default=None)
    labels: list[Label] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.truth is None:
            self.truth = np.zeros(self.image.shape[:2], np.uint8)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[:2]

    def mark(self, draw: Callable, colour: tuple[int, int, int], bit: int = GRAPHICS) -> None:
        """Run ``draw(image, colour)`` on the samples and on the truth."""
        draw(self.image, tuple(int(c) for c in colour))
        plane = np.zeros(self.shape, np.uint8)
        draw(plane, 255)
        self.truth[plane > 96] |= bit

    def free(self, top: int, left: int, rows: int, columns: int) -> bool:
        """Tell whether a place lies inside and holds no text yet."""
        inside = top >= 0 and left >= 0 and top + rows <= self.shape[0] and left + columns <= self.shape[1]
        return inside and not (self.truth[top : top + rows, left : left + columns] & TEXT).any()

    def put(
        self, text: str, top: int, left: int, style: Style, kind: str = "technical"
    ) -> tuple[int, int] | None:
        """Draw `text` with its top-left corner there; return its size, or None if there is no room."""
        alpha = render(text, style)
        if alpha is None or not self.free(top, left, *alpha.shape):
            return None
        place = np.s_[top : top + alpha.shape[0], left : left + alpha.shape[1]]
        before = self.image[place].astype(np.float32)
        after = blend(before, alpha, style)
        self.image[place] = after.astype(np.uint8)
        self._record(alpha, top, left, style, kind, _contrast(before, after, alpha))
        return alpha.shape

    def _record(self, alpha: Alpha, top: int, left: int, style: Style, kind: str, contrast: float) -> None:
        ink = alpha >= 100
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        box = (top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1)
        glyph = box[3] - box[1] if style.turn % 2 else box[2] - box[0]
        self.truth[top : top + alpha.shape[0], left : left + alpha.shape[1]][ink] |= TEXT
        self.labels.append(Label(box, float(glyph), contrast, kind, style.turn))


def render(text: str, style: Style) -> Alpha | None:
    """Return the coverage of `text`, cropped to its ink, or None if nothing is drawn."""
    alpha = style.face.draw(text, style.height, style.smooth)
    if style.zoom > 1:
        alpha = alpha.repeat(style.zoom, 0).repeat(style.zoom, 1)
    rows, columns = np.flatnonzero(alpha.max(axis=1) >= 100), np.flatnonzero(alpha.max(axis=0) >= 100)
    if not len(rows) or rows[-1] == rows[0] or len(columns) < 2:
        return None
    alpha = np.pad(alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 2)
    return np.ascontiguousarray(np.rot90(alpha, style.turn))


def blend(before: NDArray[np.float32], alpha: Alpha, style: Style) -> NDArray[np.float32]:
    """Return the samples with the text over them."""
    colour = np.array(style.colour, np.float32)
    back = 255 - colour if colour.mean() > 127 else np.full(3, 255, np.float32)
    after = before.copy()
    if style.effect == "box":
        after[:] = after * (1 - style.opacity) + style.opacity * back * 0.8
    weight = alpha.astype(np.float32)[..., None] / 255
    if style.effect == "shadow":
        dark = np.zeros_like(weight)
        dark[1:, 1:] = weight[:-1, :-1]
        after *= 1 - dark * (0 if colour.mean() < 60 else 0.9)
    if style.effect == "outline":
        halo = cv2.dilate(alpha, np.ones((3, 3), np.uint8)).astype(np.float32)[..., None] / 255
        after = after * (1 - halo) + halo * back
    return after * (1 - weight * style.opacity) + weight * style.opacity * colour


def _contrast(before: NDArray, after: NDArray, alpha: Alpha) -> float:
    ink, paper = alpha >= 160, alpha < 30
    if not ink.any() or not paper.any():
        return float(np.abs(after - before).max())
    return float(np.abs(after[ink].mean(axis=0) - after[paper].mean(axis=0)).max())

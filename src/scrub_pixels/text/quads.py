"""Corners of slanted text: as a detector's map shows them, and in the coordinates of another picture."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from scrub_pixels.geometry import Region, Shape

Quad = tuple[tuple[float, float], ...]
"""Four ``(column, row)`` corners, clockwise from the upper left one of the line."""

LEAST_SLANT = 6.0
"""Degrees between a line and both axes from which its upright rectangle says little about it."""

LEAST_STRETCH = 1.5
"""Heights that a slanted line is long; the direction of a shorter mark is not known."""

FILLED = 0.6
"""Share of its slanted rectangle that the map of a line fills; a bent outline fills less."""


def slanted_quad(points: Any, unclip: float) -> Quad | None:
    """Return the corners of the line that a detector's map shows, or None if it is not slanted.

    Parameters
    ----------
    points
        The samples of the map that are text, as `cv2.findNonZero` gives them.
    unclip
        Area over circumference times this is added on every side, as in the paper on the map
        (Liao et al., Real-time Scene Text Detection with Differentiable Binarization, AAAI 2020).
    """
    centre, sides, angle = cv2.minAreaRect(points)
    short, long = sorted(side + 1 for side in sides)  # sides run between centres of samples
    slant = min(angle % 90, 90 - angle % 90)
    if slant < LEAST_SLANT or long < LEAST_STRETCH * short or len(points) < FILLED * short * long:
        return None
    growth = unclip * short * long / (short + long)
    grown = (sides[0] + 1 + growth, sides[1] + 1 + growth)
    return _from_the_left(cv2.boxPoints((centre, grown, angle)).tolist())


def _from_the_left(corners: list[list[float]]) -> Quad:
    """Return corners given clockwise so that the first two are the upper side of the line."""
    lengths = [math.dist(corners[i], corners[(i + 1) % 4]) for i in range(4)]
    longest = [i for i in (0, 1) if lengths[i] == max(lengths[0], lengths[1])][0]
    # Of the two long sides the one that runs to the right is the upper one.
    start = longest if corners[(longest + 1) % 4][0] > corners[longest][0] else longest + 2
    return tuple((corners[(start + i) % 4][0], corners[(start + i) % 4][1]) for i in range(4))


def thickness_of(quad: Quad) -> float:
    """Return the height of a slanted line, in samples."""
    return math.dist(quad[1], quad[2])


def grown_quad(quad: Quad, before: float, behind: float, beside: float) -> Quad:
    """Return corners moved outwards: by samples before and behind the line, and above and below it."""
    corners = np.array(quad, np.float64)
    along = (corners[1] - corners[0]) / max(1e-6, math.dist(quad[0], quad[1]))
    across = (corners[3] - corners[0]) / max(1e-6, math.dist(quad[0], quad[3]))
    moves = ((-before, -beside), (behind, -beside), (behind, beside), (-before, beside))
    moved = [corner + a * along + b * across for corner, (a, b) in zip(corners, moves, strict=True)]
    return tuple((float(column), float(row)) for column, row in moved)


def stair_over(quad: Quad, shape: Shape, step: float) -> list[Region]:
    """Return regions that cover a slanted line, each around a piece of it; together less than its rectangle.

    Parameters
    ----------
    quad
        Corners of the line.
    shape
        ``(Rows, Columns)`` of the picture.
    step
        Length of a piece, in heights of the line.
    """
    corners = np.array(quad, np.float64)
    pieces = max(1, round(math.dist(quad[0], quad[1]) / (step * max(1.0, thickness_of(quad)))))
    shares = np.linspace(0.0, 1.0, pieces + 1)[:, None]
    upper = corners[0] + shares * (corners[1] - corners[0])
    lower = corners[3] + shares * (corners[2] - corners[3])
    found = []
    for a in range(pieces):
        around = np.concatenate([upper[a : a + 2], lower[a : a + 2]])
        (left, top), (right, bottom) = around.min(axis=0), around.max(axis=0)
        inside = Region.from_edges(top, left, bottom, right).clipped(shape)
        if inside is not None:
            found.append(inside)
    return found


def moved_quad(quad: Quad, scale: float, offset: tuple[float, float] = (0.0, 0.0)) -> Quad:
    """Return corners times `scale`, then moved by ``(columns, rows)``."""
    return tuple((column * scale + offset[0], row * scale + offset[1]) for column, row in quad)


def straightened(image: np.ndarray[Any, np.dtype[np.uint8]], quad: Quad) -> Any:
    """Return what stands between four corners as an upright crop."""
    columns = max(2, round(math.dist(quad[0], quad[1])))
    rows = max(2, round(math.dist(quad[1], quad[2])))
    target = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    turn = cv2.getPerspectiveTransform(np.array(quad, np.float32), target)
    return cv2.warpPerspective(
        image, turn, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )

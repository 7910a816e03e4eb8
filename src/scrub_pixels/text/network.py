"""The detector trained for this project: where overlay text stands, at the frame's own resolution.

``models/detector`` holds how it was made, on what and with which figures. The network answers with one
probability per 2x2 samples and class: text, graphics (rulers, calipers, frames) and codes (barcodes,
QR codes). Here the map becomes boxes: seeds that are sure, grown over what is likely (hysteresis,
Canny 1986), joined along the line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.readers import Image, TextBox
from scrub_pixels.text.sessions import open_session
from scrub_pixels.text.weights import WeightFile

NETWORK = WeightFile(
    "scrub_pixels",
    "text/network.onnx",
    "sha256",
    "d105059f575dec02d582d0f8ee2e60d8b880fb68ae57aaf71fcd887ef91ee2ed",
    "scrub-pixels",
)
STEP = 16
"""The network takes sides that are multiples of this."""

CELL = 2
"""Samples of the image per cell of the map, along each axis."""

TEXT, GRAPHICS, CODE = 0, 1, 2
"""Planes of the map."""

THINNEST = 3
"""Cells that a line of text is high at least."""

RAGGED = 0.4
"""A blob that fills less than this share of its box is no line of text."""

CORE = 0.3
"""Rows of a line's core hold this share of its widest row."""

WAIST = 0.35
"""A blob is cut where it narrows to this share of the lesser of its widths above and below."""

Map = NDArray[np.float32]
Cells = NDArray[np.bool_]
Boxes = NDArray[np.int64]
"""``(count, 4)``: top, left, bottom, right in cells of the map, half-open."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How the probability map becomes boxes.

    Parameters
    ----------
    strong, weak
        A blob needs one cell of at least `strong` and reaches as far as cells are at least `weak`.
    reduced
        Also search the image at half its size, for letters taller than `large`.
    large
        Letters found in the reduced image count from this height on, in samples.
    gap
        Blobs of one line stand at most this many line heights apart.
    likeness
        The lower of two blobs joined into one line has at least this share of the other's height;
        shorter ones (full stops, hyphens) are joined if they stand closer.
    least_cells
        Lines whose blobs' boxes have fewer cells are noise.
    codes
        Return barcodes and QR codes, too.
    tile, overlap
        Longest side searched at once, and what neighbouring tiles share, in samples.
    """

    strong: float = 0.8
    weak: float = 0.4
    reduced: bool = True
    large: int = 26
    gap: float = 1.0
    likeness: float = 0.5
    least_cells: int = 6
    codes: bool = True
    tile: int = 1440
    overlap: int = 128


class NetworkDetector:
    """Owner of the ONNX Runtime session of the project's own detector.

    Parameters
    ----------
    session
        Session of ``network.onnx``.
    settings
        How the map becomes boxes.
    """

    name = "scrub-pixels network 1"

    def __init__(self, session: Any, settings: NetworkSettings) -> None:
        self._session = session
        self.settings = settings

    def detect(self, image: Image) -> list[TextBox]:
        """Return the lines of text, and the codes, found in `image` at its own scale.

        Parameters
        ----------
        image
            ``(Rows, Columns)`` or ``(Rows, Columns, 3)`` RGB, uint8.
        """
        planes = self.probability(image)
        boxes = [TextBox(*line) for line in lines_of_map(planes[TEXT], self.settings)]
        if self.settings.codes:
            boxes += [TextBox(*code, code=True) for code in codes_of_map(planes[CODE], self.settings)]
        found = ((box, box.region.clipped(image.shape[:2])) for box in boxes)
        return [replace(box, region=inside) for box, inside in found if inside is not None]

    def probability(self, image: Image) -> Map:
        """Return ``(3, ceil(Rows / 2), ceil(Columns / 2))`` float32: text, graphics, codes.

        Large letters found in the reduced image are already part of the text plane.
        """
        planes = self._planes(image)
        if self.settings.reduced and min(image.shape[:2]) >= 4 * STEP:
            small = np.asarray(
                cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
            )
            planes[TEXT] = np.maximum(planes[TEXT], self._large_letters(small, planes[TEXT]))
        return planes

    def _large_letters(self, small: Image, plane: Map) -> Map:
        """Return what only the reduced image shows: blobs too tall for small letters, unknown to `plane`.

        Lines of small letters run together in the reduced image; the full one knows those.
        """
        reduced = self._planes(small)[TEXT]
        labels, stats = _blobs(reduced, self.settings)
        tall = np.minimum(stats[:, 2], stats[:, 3]) * 2 * CELL >= self.settings.large
        tall &= stats[:, 4] > 0
        if not tall.any():
            return plane
        known = cv2.resize((plane >= self.settings.weak).astype(np.float32), reduced.shape[::-1])
        share = np.bincount(labels.ravel(), known.ravel(), len(stats)) / np.bincount(labels.ravel())
        wanted = tall & (share < 0.5)
        kept = np.where(wanted[labels], reduced, np.float32(0))
        return np.asarray(cv2.resize(kept, plane.shape[::-1]), np.float32)

    def _planes(self, image: Image) -> Map:
        """Return the map of an image of any size, tile by tile if it is large."""
        rows, columns = image.shape[:2]
        whole = np.zeros((3, -(-rows // CELL), -(-columns // CELL)), np.float32)
        for top, bottom in _spans(rows, self.settings):
            for left, right in _spans(columns, self.settings):
                part = self._run(image[top:bottom, left:right])
                place = whole[:, top // CELL : -(-bottom // CELL), left // CELL : -(-right // CELL)]
                np.maximum(place, part, out=place)
        return whole

    def _run(self, piece: Image) -> Map:
        rows, columns = piece.shape[:2]
        colour = cv2.cvtColor(piece, cv2.COLOR_GRAY2RGB) if piece.ndim == 2 else np.ascontiguousarray(piece)
        padded = cv2.copyMakeBorder(colour, 0, -rows % STEP, 0, -columns % STEP, cv2.BORDER_REPLICATE)
        planes = self._session.run(None, {"image": padded[None]})[0][0]
        return planes[:, : -(-rows // CELL), : -(-columns // CELL)]


def load_network(threads: int = 1, settings: NetworkSettings | None = None) -> NetworkDetector:
    """Return the detector on its verified weights.

    Raises
    ------
    MissingDependency
        If the weights are absent or changed.
    """
    return NetworkDetector(open_session(NETWORK, threads), settings or NetworkSettings())


def _spans(length: int, settings: NetworkSettings) -> list[tuple[int, int]]:
    """Return half-open even-aligned pieces of at most ``settings.tile`` that overlap."""
    if length <= settings.tile:
        return [(0, length)]
    count = -(-(length - settings.overlap) // (settings.tile - settings.overlap))
    step = (length - settings.tile) / (count - 1)
    starts = [int(i * step) // STEP * STEP for i in range(count)]
    return [(start, min(length, start + settings.tile + STEP)) for start in starts]


def lines_of_map(plane: Map, settings: NetworkSettings) -> list[tuple[Region, float]]:
    """Return the lines in a text map as regions of the image, each with its mean probability."""
    labels, stats = _blobs(plane, settings)
    sure = plane >= settings.strong
    pieces = [p for i in np.flatnonzero(stats[:, 4]) for p in _pieces(labels, int(i), sure, stats[i])]
    if not pieces:
        return []
    boxes = np.array(pieces)
    lines = [boxes[part] for group in _grouped(boxes, settings) for part in _level(boxes, group)]
    return [
        (_region(line), _mean(plane, line, settings)) for line in lines if _size(line) >= settings.least_cells
    ]


def _pieces(
    labels: NDArray[np.int32], label: int, sure: Cells, stats: NDArray[np.int32]
) -> list[tuple[int, int, int, int]]:
    """Return the boxes of one blob, cut where lines above each other touch."""
    left, top, columns, rows = (int(v) for v in stats[:4])
    place = np.s_[top : top + rows, left : left + columns]
    inside = labels[place] == label
    firm = inside & sure[place]
    edges = [0, *_cuts(inside.sum(axis=1)), rows]
    if rows > 1.5 * columns and columns < 2 * np.median(np.diff(edges)):
        edges = [0, rows]  # letters of turned text, not lines above each other
    tight = (_tight(inside[a:b], firm[a:b]) for a, b in pairwise(edges))
    return [
        (top + a + t, left + x, top + a + b, left + r) for a, (t, x, b, r) in zip(edges, tight, strict=False)
    ]


def _tight(window: Cells, firm: Cells) -> tuple[int, int, int, int]:
    """Return the box of one line, without the tails where it touches edges in the picture."""
    rows, columns = window.shape
    first, last = _body(window.sum(axis=1), np.asarray(firm.any(axis=1))) if columns > rows else (0, rows)
    inked = np.flatnonzero(window[first:last].any(axis=0))
    return first, int(inked[0]), last, int(inked[-1]) + 1


def _body(profile: NDArray[np.int64], firm: Cells) -> tuple[int, int]:
    """Return the rows of a line: its core, as far beyond as letters reach, and every row that is sure."""
    core = np.flatnonzero(profile >= CORE * profile.max())
    reach = 1 + -(-(core[-1] + 1 - core[0]) * 2 // 5)
    rows = np.concatenate([core - reach, core + reach, np.flatnonzero(firm)])
    return max(0, int(rows.min())), min(len(profile), int(rows.max()) + 1)


def _cuts(profile: NDArray[np.int64], first: int = 0) -> list[int]:
    """Return the rows at which a blob narrows so much that two lines must touch there."""
    if len(profile) < 2 * THINNEST + 1:
        return []
    above = np.maximum.accumulate(profile)
    below = np.maximum.accumulate(profile[::-1])[::-1]
    waist = profile / np.minimum(above, below)
    row = THINNEST + int(np.argmin(waist[THINNEST : len(profile) - THINNEST]))
    if waist[row] > WAIST:
        return []
    return [*_cuts(profile[:row], first), first + row, *_cuts(profile[row:], first + row)]


def _level(boxes: Boxes, group: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the group as one line, or its words if together they are far taller and wider than each."""
    high, wide = (boxes[group, k + 2].max() - boxes[group, k].min() for k in (0, 1))
    tallest, widest = ((boxes[group, k + 2] - boxes[group, k]).max() for k in (0, 1))
    straight = high <= 1.7 * tallest or wide <= 1.7 * widest
    return [group] if straight else [group[i : i + 1] for i in range(len(group))]


def _size(line: Boxes) -> int:
    return int(((line[:, 2] - line[:, 0]) * (line[:, 3] - line[:, 1])).sum())


def _mean(plane: Map, line: Boxes, settings: NetworkSettings) -> float:
    """Return the mean probability of the likely cells in a line's boxes."""
    cells = np.concatenate([plane[t:b, x:r].ravel() for t, x, b, r in line])
    return float(cells[cells >= settings.weak].mean())


def codes_of_map(plane: Map, settings: NetworkSettings) -> list[tuple[Region, float]]:
    """Return the barcodes and QR codes in a code map as regions of the image, each with its score."""
    _, stats = _blobs(plane, settings)
    boxes = [stats[i] for i in np.flatnonzero(stats[:, 4]) if min(stats[i, 2], stats[i, 3]) >= 5]
    placed = (np.array([[y, x, y + h, x + w]]) for x, y, w, h, _ in boxes)
    return [
        (_region(box), float(plane[box[0, 0] : box[0, 2], box[0, 1] : box[0, 3]].max())) for box in placed
    ]


def _blobs(plane: Map, settings: NetworkSettings) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return labels and statistics of connected likely cells; those without a sure cell have area 0.

    Blobs too ragged for a line, text run together with edges in the picture, are taken apart at
    higher levels, up to what is sure.
    """
    likely = plane >= settings.weak
    labels, stats = _connected(likely)
    for level in ((settings.weak + settings.strong) / 2, settings.strong):
        ragged = _is_ragged(stats)
        if ragged.any():
            likely &= (plane >= level) | ~ragged[labels]
            labels, stats = _connected(likely)
    sure = np.zeros(len(stats), bool)
    sure[labels[plane >= settings.strong]] = True
    sure[0] = False
    stats[~sure, 4] = 0
    return labels, stats


def _connected(cells: Cells) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8), connectivity=8)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def _is_ragged(stats: NDArray[np.int32]) -> Cells:
    sides = stats[:, 2:4]
    ragged = (stats[:, 4] < RAGGED * sides.prod(axis=1)) & (sides.min(axis=1) >= 12)
    ragged[0] = False
    return np.asarray(ragged)


def _region(boxes: NDArray[np.integer]) -> Region:
    top, left = boxes[:, :2].min(axis=0) * CELL
    bottom, right = boxes[:, 2:].max(axis=0) * CELL
    return Region(int(top), int(left), int(bottom - top), int(right - left))


def _grouped(boxes: Boxes, settings: NetworkSettings) -> list[NDArray[np.intp]]:
    """Return the members of each line: joined along rows, then upright ones along columns."""
    rows = _components(_joined(boxes, settings))
    outer = np.array([[*boxes[m, :2].min(axis=0), *boxes[m, 2:].max(axis=0)] for m in rows])
    high, wide = outer[:, 2] - outer[:, 0], outer[:, 3] - outer[:, 1]
    upright, short = (high > 1.5 * wide) & (high >= 6), np.flatnonzero(wide <= 2 * high)
    alike = np.minimum.outer(wide[short], wide[short]) >= 0.6 * np.maximum.outer(wide[short], wide[short])
    stacked = _joined(outer[short][:, [1, 0, 3, 2]], settings) & alike
    columns = [short[m] for m in _components(stacked)]
    kept = [m for m in columns if upright[m].any()]
    taken = {int(i) for m in kept for i in m}
    groups = [np.concatenate([rows[i] for i in m]) for m in kept]
    return groups + [m for i, m in enumerate(rows) if i not in taken]


def _joined(boxes: Boxes, settings: NetworkSettings) -> NDArray[np.bool_]:
    """Return the matrix of pairs that belong to one line of horizontal text."""
    top, left, bottom, right = boxes.T
    high = bottom - top
    shared = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    apart = np.maximum(left[:, None], left) - np.minimum(right[:, None], right)
    low, tall = np.minimum(high[:, None], high), np.maximum(high[:, None], high)
    alike = low >= settings.likeness * tall
    near = apart <= np.where(alike, settings.gap * tall, 0.5 * settings.gap * tall)
    return near & (shared >= 0.6 * low) & (tall <= 4 * low)


def _components(joined: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Return the connected groups of a symmetric relation."""
    group = np.full(len(joined), -1)
    groups: list[NDArray[np.intp]] = []
    for seed in range(len(joined)):
        if group[seed] < 0:
            groups.append(_spread(joined, group, seed, len(groups)))
    return groups


def _spread(joined: NDArray[np.bool_], group: NDArray[np.int64], seed: int, number: int) -> NDArray[np.intp]:
    """Mark everything that hangs together with `seed` as `number`; return its members."""
    front = np.array([seed])
    while front.size:
        group[front] = number
        front = np.flatnonzero(joined[front].any(axis=0) & (group < 0))
    return np.flatnonzero(group == number)

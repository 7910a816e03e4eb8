"""The detector trained for this project: where overlay text stands, at the frame's own resolution.

``models/detector`` holds how it was made, on what and with which figures. The network answers with one
probability per 2x2 samples and class: text, graphics (rulers, calipers, frames) and codes (barcodes,
QR codes). Here the map becomes boxes: seeds that are sure, grown over what is likely (hysteresis,
Canny 1986), joined along the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.readers import Image, TextBox
from scrub_pixels.text.weights import WeightFile, verified

NETWORK = WeightFile(
    "scrub_pixels",
    "text/network.onnx",
    "sha256",
    "0" * 64,
    "scrub-pixels",
)
STEP = 16
"""The network takes sides that are multiples of this."""

CELL = 2
"""Samples of the image per cell of the map, along each axis."""

TEXT, GRAPHICS, CODE = 0, 1, 2
"""Planes of the map."""

Map = NDArray[np.float32]
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
        Lines whose blobs have fewer cells are noise.
    codes
        Return barcodes and QR codes, too.
    tile, overlap
        Longest side searched at once, and what neighbouring tiles share, in samples.
    """

    strong: float = 0.9
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
        boxes = lines_of_map(planes[TEXT], self.settings)
        if self.settings.codes:
            boxes += codes_of_map(planes[CODE], self.settings)
        found = ((TextBox(region, score), region.clipped(image.shape[:2])) for region, score in boxes)
        return [TextBox(inside, box.score) for box, inside in found if inside is not None]

    def probability(self, image: Image) -> Map:
        """Return ``(3, ceil(Rows / 2), ceil(Columns / 2))`` float32: text, graphics, codes.

        Large letters found in the reduced image are already part of the text plane.
        """
        planes = self._planes(image)
        if self.settings.reduced and min(image.shape[:2]) >= 4 * STEP:
            small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            planes[TEXT] = np.maximum(planes[TEXT], self._large_letters(small, planes.shape[1:]))
        return planes

    def _large_letters(self, small: Image, shape: tuple[int, ...]) -> Map:
        """Return what the reduced image shows of letters too tall for the full one."""
        plane = self._planes(small)[TEXT]
        kept = np.zeros_like(plane)
        labels, stats = _blobs(plane, self.settings)
        tall = np.flatnonzero(np.minimum(stats[:, 2], stats[:, 3]) * 2 * CELL >= self.settings.large)
        inside = np.isin(labels, tall[tall > 0])
        kept[inside] = plane[inside]
        return cv2.resize(kept, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)

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
    import onnxruntime  # heavy: only for those who detect

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal only
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(verified(NETWORK)), options, providers=["CPUExecutionProvider"]
    )
    return NetworkDetector(session, settings or NetworkSettings())


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
    kept = np.flatnonzero(stats[:, 4])
    if not kept.size:
        return []
    boxes = np.stack(
        [stats[kept, 1], stats[kept, 0], stats[kept, 1] + stats[kept, 3], stats[kept, 0] + stats[kept, 2]], 1
    )
    groups = _grouped(boxes.astype(np.int64), settings)
    sums = np.bincount(labels.ravel(), weights=plane.ravel(), minlength=len(stats))[kept]
    return [
        (_region(boxes[members]), float(sums[members].sum() / stats[kept[members], 4].sum()))
        for members in groups
        if stats[kept[members], 4].sum() >= settings.least_cells
    ]


def codes_of_map(plane: Map, settings: NetworkSettings) -> list[tuple[Region, float]]:
    """Return the barcodes and QR codes in a code map as regions of the image, each with its score."""
    _, stats = _blobs(plane, settings)
    boxes = [stats[i] for i in np.flatnonzero(stats[:, 4]) if min(stats[i, 2], stats[i, 3]) >= 5]
    placed = (np.array([[y, x, y + h, x + w]]) for x, y, w, h, _ in boxes)
    return [
        (_region(box), float(plane[box[0, 0] : box[0, 2], box[0, 1] : box[0, 3]].max())) for box in placed
    ]


def _blobs(plane: Map, settings: NetworkSettings) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return labels and statistics of connected likely cells; those without a sure cell have area 0."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (plane >= settings.weak).astype(np.uint8), connectivity=8
    )
    sure = np.zeros(count, bool)
    sure[labels[plane >= settings.strong]] = True
    sure[0] = False
    stats[~sure, 4] = 0
    return labels, stats


def _region(boxes: NDArray[np.integer]) -> Region:
    top, left = boxes[:, :2].min(axis=0) * CELL
    bottom, right = boxes[:, 2:].max(axis=0) * CELL
    return Region(int(top), int(left), int(bottom - top), int(right - left))


def _grouped(boxes: Boxes, settings: NetworkSettings) -> list[NDArray[np.intp]]:
    """Return the members of each line: first along rows, then what stays upright along columns."""
    rows = _components(_joined(boxes, settings))
    turned = boxes[:, [1, 0, 3, 2]]
    upright = np.array([_is_upright(boxes[m]) for m in rows])
    groups = [m for m, u in zip(rows, upright, strict=True) if not u]
    alone = np.concatenate([m for m, u in zip(rows, upright, strict=True) if u] or [np.empty(0, np.intp)])
    if alone.size:
        groups += [alone[m] for m in _components(_joined(turned[alone], settings))]
    return groups


def _is_upright(boxes: Boxes) -> bool:
    high, wide = boxes[:, 2].max() - boxes[:, 0].min(), boxes[:, 3].max() - boxes[:, 1].min()
    return bool(high > 1.5 * wide and high >= 6)


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

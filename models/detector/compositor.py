"""Frames with known text, made from a seed: layout, then what storage and screens do to it.

``frame(seed, split)`` depends on nothing but its arguments and the fonts found. It shares
no code, layout or seed with the project's test generator in ``fixtures/``.

``python compositor.py FONTS OUT [COUNT]`` writes pictures to look at.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cv2
import layouts
import numpy as np
from canvas import Canvas, Label
from fonts import load_faces
from textures import clip8

Rng = np.random.Generator
SIZES = (
    (256, 320),
    (288, 384),
    (360, 480),
    (400, 512),
    (480, 640),
    (480, 640),
    (512, 512),
    (576, 720),
    (576, 768),
    (600, 800),
)
SPLITS = {"train": (101, layouts.TRAIN), "test": (202, layouts.TEST)}


@lru_cache(maxsize=2)
def writer(root: str, split: str) -> layouts.Writer:
    """Return the writer that owns the faces of `split`."""
    faces = load_faces(Path(root), split)
    return layouts.Writer(tuple(f for f in faces if f.scalable), tuple(f for f in faces if not f.scalable))


def frame(root: str, split: str, seed: int) -> Canvas:
    """Return frame number `seed` of `split`."""
    salt, table = SPLITS[split]
    rng = np.random.default_rng([salt, seed])
    weights = np.array([w for _, w in table])
    layout = table[int(rng.choice(len(table), p=weights / weights.sum()))][0]
    canvas = layout(rng, writer(root, split), SIZES[int(rng.integers(len(SIZES)))])
    return finish(rng, canvas)


def finish(rng: Rng, canvas: Canvas) -> Canvas:
    """Return the frame after resampling, tone, noise and compression."""
    for chance, step in (
        (0.12, _resample),
        (0.06, _tilt),
        (0.05, _invert),
        (0.3, _grey),
        (0.25, _tone),
        (0.12, _soften),
        (0.12, _noise),
        (0.4, _jpeg),
    ):
        if rng.random() < chance:
            canvas = step(rng, canvas)
    return canvas


def _resample(rng: Rng, canvas: Canvas) -> Canvas:
    """Enlarge or reduce, as screen captures and archives do."""
    factor = rng.uniform(0.75, 1.0) if rng.random() < 0.35 else rng.uniform(1.0, 2.2)
    size = (int(canvas.shape[1] * factor), int(canvas.shape[0] * factor))
    how = int(
        rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST])
    )
    labels = [replace(x, box=tuple(v * factor for v in x.box), glyph=x.glyph * factor) for x in canvas.labels]
    return Canvas(
        cv2.resize(canvas.image, size, interpolation=how), layouts.shrink_truth(canvas.truth, size), labels
    )


def _tilt(rng: Rng, canvas: Canvas) -> Canvas:
    """Turn by a few degrees, as scanned paper; boxes grow to hold the turned text."""
    rows, columns = canvas.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), rng.uniform(-3, 3), 1.0)
    edge = tuple(int(v) for v in canvas.image[0, 0])
    image = cv2.warpAffine(canvas.image, turn, (columns, rows), flags=cv2.INTER_LINEAR, borderValue=edge)
    truth = cv2.warpAffine(canvas.truth, turn, (columns, rows), flags=cv2.INTER_NEAREST)
    return Canvas(image, truth, [_turned(x, turn) for x in canvas.labels])


def _turned(x: Label, turn: np.ndarray) -> Label:
    top, left, bottom, right = x.box
    corners = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]]) @ turn.T
    return replace(x, box=(*corners.min(axis=0)[::-1], *corners.max(axis=0)[::-1]))


def _invert(rng: Rng, canvas: Canvas) -> Canvas:
    canvas.image = 255 - canvas.image
    return canvas


def _grey(rng: Rng, canvas: Canvas) -> Canvas:
    canvas.image = cv2.cvtColor(cv2.cvtColor(canvas.image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return canvas


def _tone(rng: Rng, canvas: Canvas) -> Canvas:
    """Gamma, brightness, and now and then the channels in another order."""
    curve = 255 * (np.arange(256) / 255) ** rng.uniform(0.6, 1.6) * rng.uniform(0.6, 1.1) + rng.uniform(
        -5, 12
    )
    image = cv2.LUT(canvas.image, clip8(curve))
    canvas.image = np.ascontiguousarray(image[..., rng.permutation(3)]) if rng.random() < 0.3 else image
    return canvas


def _soften(rng: Rng, canvas: Canvas) -> Canvas:
    canvas.image = cv2.GaussianBlur(canvas.image, (0, 0), rng.uniform(0.3, 0.8))
    return canvas


def _noise(rng: Rng, canvas: Canvas) -> Canvas:
    channels = 3 if rng.random() < 0.4 else 1
    noise = rng.standard_normal((*canvas.shape, channels), dtype=np.float32) * rng.uniform(1, 7)
    canvas.image = clip8(canvas.image + noise)
    return canvas


def _jpeg(rng: Rng, canvas: Canvas) -> Canvas:
    """Compress with a random quality and chroma subsampling."""
    subsampling = int(rng.choice([0x111111, 0x211111, 0x221111]))
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        int(rng.integers(35, 97)),
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        subsampling,
    ]
    _, data = cv2.imencode(".jpg", canvas.image[..., ::-1], options)
    canvas.image = np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
    return canvas


def look(root: str, folder: Path, count: int, split: str) -> None:
    """Write `count` frames with their truth beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        canvas = frame(root, split, seed)
        truth = np.stack([((canvas.truth & bit) > 0) * np.uint8(255) for bit in (4, 2, 1)], -1)
        cv2.imwrite(
            str(folder / f"{split}{seed:03}.png"), np.concatenate([canvas.image[..., ::-1], truth], 1)
        )


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    for part in SPLITS:
        look(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 12, part)

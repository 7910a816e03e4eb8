"""Backgrounds without text: tissue, speckle, radiographs, endoscopy, colour flow, traces, pages.

Every function takes a generator and a shape and returns uint8, ``(H, W)`` or ``(H, W, 3)``.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Image = NDArray[np.uint8]
MAPS = (
    cv2.COLORMAP_JET,
    cv2.COLORMAP_HOT,
    cv2.COLORMAP_BONE,
    cv2.COLORMAP_RAINBOW,
    cv2.COLORMAP_PINK,
    cv2.COLORMAP_PARULA,
    cv2.COLORMAP_OCEAN,
    cv2.COLORMAP_INFERNO,
)


def clip8(x: NDArray) -> Image:
    """Return `x` clipped to 0..255 as uint8."""
    return np.clip(x, 0, 255).astype(np.uint8)


def smooth(rng: Rng, shape: tuple[int, int], cell: float) -> NDArray[np.float32]:
    """Return noise of unit deviation whose features are about `cell` pixels wide."""
    rows, columns = (max(2, int(n / cell) + 2) for n in shape)
    coarse = rng.standard_normal((rows, columns), dtype=np.float32)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def clouds(rng: Rng, shape: tuple[int, int], largest: float) -> NDArray[np.float32]:
    """Return a sum of smooth noises of halving width."""
    return sum(smooth(rng, shape, largest / 2**k) * 0.6**k for k in range(4))


def grain(rng: Rng, shape: tuple[int, int], wide: float, high: float) -> NDArray[np.float32]:
    """Return Rayleigh speckle of mean 1, blurred along and across the beam."""
    parts = [
        cv2.GaussianBlur(
            rng.standard_normal(shape, dtype=np.float32), (0, 0), max(0.4, wide), sigmaY=max(0.4, high)
        )
        for _ in range(2)
    ]
    amplitude = np.hypot(*parts)
    return amplitude / amplitude.mean()


def tissue(rng: Rng, shape: tuple[int, int]) -> Image:
    """Return speckle with cysts, vessels, bright interfaces and shadows."""
    level = 60 + 35 * clouds(rng, shape, rng.uniform(60, 250))
    level = _structures(rng, np.clip(level, 5, 200))
    speckle = grain(rng, shape, rng.uniform(0.6, 3.0), rng.uniform(0.4, 1.4))
    gain = (
        rng.uniform(0.4, 1.5) * np.linspace(rng.uniform(0.7, 1.2), rng.uniform(0.4, 1.1), shape[0])[:, None]
    )
    strength = rng.uniform(0.2, 0.8)
    return clip8(level * gain * (1 - strength + strength * speckle))


def _structures(rng: Rng, level: NDArray) -> NDArray:
    """Draw organs as filled ellipses and interfaces as curved lines, softened."""
    drawn = level.astype(np.float32)
    size = min(level.shape)
    for _ in range(int(rng.integers(1, 9))):
        centre = (int(rng.integers(level.shape[1])), int(rng.integers(level.shape[0])))
        axes = tuple(int(a) for a in rng.uniform(0.02, 0.3, 2) * size + 2)
        value = float(rng.choice([3, 15, 40, 90, 150, 230]))
        thickness = int(rng.choice([-1, -1, 2, 4, 8]))
        start, end = rng.uniform(0, 360), rng.uniform(60, 360)
        cv2.ellipse(
            drawn,
            centre,
            axes,
            rng.uniform(0, 180),
            start,
            start + (360 if thickness < 0 else end),
            value,
            thickness,
        )
    return cv2.GaussianBlur(drawn, (0, 0), rng.uniform(1, 4))


def fan(rng: Rng, shape: tuple[int, int], polar: Image) -> tuple[Image, NDArray[np.bool_]]:
    """Return `polar` (depth by angle) scan-converted into a sector, and where the sector lies."""
    half = np.deg2rad(rng.uniform(25, 55))
    inner = rng.uniform(0.0, 0.35)
    apex = (shape[1] * rng.uniform(0.42, 0.58), shape[0] * rng.uniform(0.02, 0.12))
    depth = (shape[0] - apex[1]) * rng.uniform(0.8, 1.0)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    dy, dx = y - apex[1] + inner * depth, x - apex[0]
    radius, angle = np.hypot(dx, dy), np.arctan2(dx, np.maximum(dy, 1e-3))
    inside = (radius > inner * depth) & (radius < (1 + inner) * depth * 0.98) & (np.abs(angle) < half)
    rows = (radius - inner * depth) / depth * (polar.shape[0] - 1)
    columns = (angle / half * 0.5 + 0.5) * (polar.shape[1] - 1)
    image = cv2.remap(polar, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)
    image[~inside] = 0
    return image, inside


def flow(rng: Rng, shape: tuple[int, int]) -> tuple[Image, NDArray[np.bool_]]:
    """Return colour Doppler, red to yellow and blue to cyan, and where there is flow."""
    velocity = clouds(rng, shape, rng.uniform(20, 80))
    where = clouds(rng, shape, rng.uniform(15, 60)) > rng.uniform(0.3, 1.5)
    strong = np.clip(np.abs(velocity), 0, 1.5) / 1.5
    red = np.stack([140 + 115 * strong, 220 * strong**2, 20 * strong], -1)
    blue = np.stack([20 * strong, 220 * strong**2, 140 + 115 * strong], -1)
    return clip8(np.where(velocity[..., None] > 0, red, blue)), where


def spectrum(rng: Rng, shape: tuple[int, int]) -> Image:
    """Return a Doppler or M-mode strip: repeating envelopes filled with noise, soft or with a hard edge."""
    phase = np.arange(shape[1]) / shape[1] * rng.uniform(2, 14)
    envelope = _beats(rng, phase % 1) * rng.uniform(0.2, 0.7) + rng.uniform(0.02, 0.2)
    y = np.abs(np.linspace(0, 1, shape[0])[:, None] - rng.uniform(0.3, 0.98))
    edge = np.exp(-((y / (envelope + 0.02)) ** rng.choice([2, 4, 8, 30, 80])))
    noise = grain(rng, shape, rng.uniform(0.4, 1.4), rng.uniform(0.4, 0.9))
    if rng.random() < 0.3:
        noise = (noise > rng.uniform(0.6, 1.3)) * 1.3
    return clip8(edge * rng.uniform(80, 250) * noise + rng.uniform(0, 12) * grain(rng, shape, 0.6, 0.6))


def _beats(rng: Rng, phase: NDArray) -> NDArray:
    """Return heights over one period: a sine, a saw tooth, or a peak with a shoulder."""
    shape = int(rng.integers(3))
    if shape == 0:
        return np.abs(np.sin(phase * np.pi)) ** rng.uniform(0.5, 4)
    if shape == 1:
        return (1 - phase) ** rng.uniform(0.5, 3)
    return np.exp(-(((phase - 0.2) / 0.08) ** 2)) + rng.uniform(0.1, 0.6) * np.exp(
        -(((phase - 0.5) / 0.15) ** 2)
    )


def radiograph(rng: Rng, shape: tuple[int, int]) -> Image:
    """Return something between CT, MR and a plain film: a body, organs, bones, noise."""
    body = np.zeros(shape, np.float32)
    centre = (int(shape[1] * rng.uniform(0.4, 0.6)), int(shape[0] * rng.uniform(0.4, 0.6)))
    axes = (int(shape[1] * rng.uniform(0.2, 0.55)), int(shape[0] * rng.uniform(0.2, 0.55)))
    cv2.ellipse(body, centre, axes, rng.uniform(-20, 20), 0, 360, 1.0, -1)
    body = cv2.GaussianBlur(body, (0, 0), rng.uniform(1, 25))
    inside = _structures(rng, np.clip(100 + 45 * clouds(rng, shape, rng.uniform(60, 300)), 0, 255))
    noise = rng.standard_normal(shape, dtype=np.float32) * rng.uniform(0.5, 14)
    air = rng.uniform(0, 12) if rng.random() < 0.8 else rng.uniform(100, 255)
    return clip8(inside * body * rng.uniform(0.5, 1.6) + air * (1 - body) + noise * np.sqrt(body + 0.02))


def endoscopy(rng: Rng, shape: tuple[int, int]) -> Image:
    """Return mucosa: reddish folds, vessels, specular highlights."""
    light = 130 + 50 * clouds(rng, shape, rng.uniform(80, 300)) + 8 * clouds(rng, shape, 12)
    tint = np.array([rng.uniform(0.9, 1.3), rng.uniform(0.4, 0.85), rng.uniform(0.3, 0.8)], np.float32)
    image = np.clip(light[..., None] * tint, 0, 255).astype(np.float32)
    for _ in range(int(rng.integers(0, 14))):
        points = _walk(rng, shape)
        cv2.polylines(
            image,
            [points],
            False,
            tuple((image.mean(axis=(0, 1)) * rng.uniform(0.4, 0.9)).tolist()),
            int(rng.integers(1, 4)),
            cv2.LINE_AA,
        )
    return highlights(rng, clip8(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 1.8))))


def highlights(rng: Rng, image: Image) -> Image:
    """Add specular reflections: small white blobs, sharp or soft."""
    glare = np.zeros(image.shape[:2], np.float32)
    for _ in range(int(rng.integers(0, 70))):
        centre = (int(rng.integers(image.shape[1])), int(rng.integers(image.shape[0])))
        axes = (int(rng.integers(1, 12)), int(rng.integers(1, 6)))
        cv2.ellipse(glare, centre, axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
    glare = cv2.GaussianBlur(glare, (0, 0), rng.uniform(0.4, 2.0))[..., None]
    return clip8(image * (1 - glare) + 255 * glare)


def _walk(rng: Rng, shape: tuple[int, int]) -> NDArray[np.int32]:
    steps = rng.normal(0, 12, (40, 2)) + rng.normal(0, 8, 2)
    return (np.cumsum(steps, axis=0) + rng.uniform(0, 1, 2) * shape[::-1]).astype(np.int32)


def coloured(rng: Rng, grey: Image) -> Image:
    """Return a grey image as RGB: neutral, tinted, or through a colour map."""
    draw = rng.random()
    if draw < 0.72:
        return np.repeat(grey[..., None], 3, axis=2)
    if draw < 0.88:
        return clip8(grey[..., None] * rng.uniform(0.5, 1.1, 3))
    return cv2.cvtColor(cv2.applyColorMap(grey, int(rng.choice(MAPS))), cv2.COLOR_BGR2RGB)


def flat(rng: Rng, shape: tuple[int, int], low: int, high: int) -> Image:
    """Return one colour, sometimes a gradient, sometimes with a little noise."""
    base = np.full((*shape, 3), rng.integers(low, high + 1), np.float32)
    if rng.random() < 0.35:
        base = np.clip(base + rng.uniform(-40, 40, 3), low, high).astype(np.float32)
    if rng.random() < 0.25:
        base += np.linspace(0, rng.uniform(-40, 40), shape[0], dtype=np.float32)[:, None, None]
    if rng.random() < 0.25:
        base += rng.normal(0, rng.uniform(0.5, 4), (*shape, 1)).astype(np.float32)
    return clip8(base)


def specimen(rng: Rng, shape: tuple[int, int]) -> Image:
    """Return stained tissue or skin: many small cells on a pale or brown ground."""
    ground = np.array(rng.uniform([170, 120, 140], [250, 220, 245]), np.float32)
    image = ground + 12 * clouds(rng, shape, 90)[..., None]
    cells = smooth(rng, shape, rng.uniform(3, 14)) > rng.uniform(0.6, 1.4)
    image[cells] *= rng.uniform(0.4, 0.8, 3)
    return clip8(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5)))


ANY = (tissue, tissue, radiograph, radiograph, endoscopy, specimen, spectrum)


def anything(rng: Rng, shape: tuple[int, int]) -> Image:
    """Return any of the textures as RGB."""
    image = ANY[int(rng.integers(len(ANY)))](rng, shape)
    return image if image.ndim == 3 else coloured(rng, image)

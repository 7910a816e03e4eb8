"""Graphics that are not text, drawn on purpose so that the network learns to leave them alone."""

from __future__ import annotations

import cv2
import numpy as np
from canvas import CODE, Canvas
from textures import MAPS

Rng = np.random.Generator


def bright(rng: Rng) -> tuple[int, int, int]:
    """Return a colour as overlays use it: mostly white or grey, sometimes yellow, green, cyan, red."""
    draw = rng.random()
    if draw < 0.5:
        return (int(rng.integers(120, 256)),) * 3
    if draw < 0.6:
        return (int(rng.integers(0, 120)),) * 3
    if draw < 0.85:
        palette = (
            (255, 255, 0),
            (0, 255, 0),
            (0, 255, 255),
            (255, 160, 0),
            (255, 64, 64),
            (96, 160, 255),
            (255, 0, 255),
        )
        return palette[int(rng.integers(len(palette)))]
    return tuple(int(v) for v in rng.integers(0, 256, 3))


def _place(rng: Rng, canvas: Canvas, margin: int = 4) -> tuple[int, int]:
    rows, columns = canvas.shape
    return int(rng.integers(margin, columns - margin)), int(rng.integers(margin, rows - margin))


def _line(rng: Rng) -> int:
    return cv2.LINE_AA if rng.random() < 0.4 else cv2.LINE_8


def ruler(rng: Rng, canvas: Canvas) -> None:
    """Ticks along a side, every fifth or tenth longer, with or without a spine."""
    rows, columns = canvas.shape
    upright, colour = rng.random() < 0.7, bright(rng)
    step, long = rng.uniform(4, 40), int(rng.choice([1, 2, 5, 10]))
    at = int(rng.integers(2, (columns if upright else rows) - 14))
    short, spine = int(rng.integers(1, 6)), rng.random() < 0.4
    start, stop = sorted(rng.uniform(0, rows if upright else columns, 2))
    ticks = [
        (int(start + i * step), short * (2 if i % long == 0 else 1))
        for i in range(int((stop - start) / step) + 1)
    ]

    def draw(image, value):
        for along, length in ticks:
            a, b = ((at, along), (at + length, along)) if upright else ((along, at), (along, at + length))
            cv2.line(image, a, b, value, 1)
        if spine:
            a, b = ((at, int(start)), (at, int(stop))) if upright else ((int(start), at), (int(stop), at))
            cv2.line(image, a, b, value, 1)

    canvas.mark(draw, colour)


def caliper(rng: Rng, canvas: Canvas) -> None:
    """Two crosses joined by a dotted line."""
    a, b = np.array(_place(rng, canvas)), np.array(_place(rng, canvas))
    if rng.random() < 0.7:
        b = a + (rng.uniform(-120, 120, 2)).astype(int)
    size, kind, colour = int(rng.integers(2, 7)), int(rng.integers(4)), bright(rng)
    gap = rng.uniform(3, 10)
    dots = np.linspace(a, b, max(2, int(np.hypot(*(b - a)) / gap))) if rng.random() < 0.8 else []
    weight = int(rng.integers(1, 3))
    markers = (cv2.MARKER_CROSS, cv2.MARKER_TILTED_CROSS, cv2.MARKER_DIAMOND, cv2.MARKER_TRIANGLE_UP)

    def draw(image, value):
        for end in (a, b):
            cv2.drawMarker(image, tuple(int(v) for v in end), value, markers[kind], 2 * size + 1, 1)
        for dot in dots:
            x, y = (int(v) for v in dot)
            cv2.rectangle(image, (x, y), (x + weight - 1, y + weight - 1), value, -1)

    canvas.mark(draw, colour)


def curve(rng: Rng, canvas: Canvas) -> None:
    """An ellipse or a free outline, solid or dotted."""
    x, y = _place(rng, canvas)
    axes = tuple(int(v) for v in rng.uniform(6, 120, 2))
    colour, kind, turn = bright(rng), _line(rng), rng.uniform(0, 180)
    points = cv2.ellipse2Poly((x, y), axes, int(turn), 0, int(rng.choice([360, 360, 180, 270])), 5).astype(
        float
    )
    points += rng.normal(0, rng.choice([0, 0, 2, 5]), points.shape)
    dotted, weight = rng.random() < 0.5, int(rng.integers(1, 3))

    def draw(image, value):
        if dotted:
            for px, py in points.astype(int):
                cv2.circle(image, (int(px), int(py)), weight - 1, value, -1)
        else:
            cv2.polylines(image, [points.astype(np.int32)], False, value, weight, kind)

    canvas.mark(draw, colour)


def trace(rng: Rng, canvas: Canvas) -> None:
    """An ECG or respiration trace."""
    rows, columns = canvas.shape
    base, height = int(rng.integers(rows // 3, rows - 4)), rng.uniform(6, 60)
    x = np.arange(0, columns, int(rng.integers(1, 4)))
    beat = (x / rng.uniform(50, 200)) % 1
    y = (
        np.exp(-(((beat - 0.3) / 0.02) ** 2))
        - 0.25 * np.exp(-(((beat - 0.35) / 0.02) ** 2))
        + 0.2 * np.exp(-(((beat - 0.6) / 0.06) ** 2))
    )
    y = y if rng.random() < 0.75 else np.sin(beat * 2 * np.pi) * 0.5
    points = np.stack([x, base - y * height + rng.normal(0, 0.6, len(x))], 1).astype(np.int32)
    kind, weight = _line(rng), int(rng.integers(1, 3))
    canvas.mark(lambda image, value: cv2.polylines(image, [points], False, value, weight, kind), bright(rng))


def bar(rng: Rng, canvas: Canvas) -> None:
    """A grey or colour scale, with or without a frame and ticks."""
    rows, columns = canvas.shape
    high, wide = int(rng.integers(30, max(31, rows // 2))), int(rng.integers(4, 26))
    high, wide = (high, wide) if rng.random() < 0.8 else (wide, high)
    left, top = (
        int(rng.integers(0, max(1, columns - wide - 8))),
        int(rng.integers(0, max(1, rows - high - 1))),
    )
    ramp = np.linspace(255, 0, max(high, wide)).astype(np.uint8)
    ramp = (
        np.repeat(ramp[:, None], min(high, wide), 1)
        if high > wide
        else np.repeat(ramp[None], min(high, wide), 0)
    )
    if rng.random() < 0.3:
        ramp = (ramp // 32) * 32
    scale = (
        np.repeat(ramp[..., None], 3, 2)
        if rng.random() < 0.5
        else cv2.applyColorMap(ramp, int(rng.choice(MAPS)))
    )
    canvas.image[top : top + high, left : left + wide] = scale[
        : canvas.shape[0] - top, : canvas.shape[1] - left
    ]
    if rng.random() < 0.5:
        canvas.mark(
            lambda image, value: cv2.rectangle(image, (left, top), (left + wide, top + high), value, 1),
            bright(rng),
        )


def grid(rng: Rng, canvas: Canvas) -> None:
    """Crossed lines, as on charts and ECG paper."""
    x, y = _place(rng, canvas)
    step, count = int(rng.integers(4, 40)), rng.integers(2, 14, 2)
    wide, high = int(step * count[0]), int(step * count[1])

    def draw(image, value):
        for i in range(count[0] + 1):
            cv2.line(image, (x + i * step, y), (x + i * step, y + high), value, 1)
        for i in range(count[1] + 1):
            cv2.line(image, (x, y + i * step), (x + wide, y + i * step), value, 1)

    canvas.mark(draw, bright(rng))


def arrow(rng: Rng, canvas: Canvas) -> None:
    """An arrow or a filled pointer."""
    a = np.array(_place(rng, canvas))
    b = a + rng.uniform(-50, 50, 2).astype(int)
    weight, tip = int(rng.integers(1, 4)), rng.uniform(0.15, 0.5)
    triangle = (a + rng.uniform(-9, 9, (3, 2))).astype(np.int32)
    if rng.random() < 0.6:
        canvas.mark(
            lambda i, v: cv2.arrowedLine(i, tuple(map(int, a)), tuple(map(int, b)), v, weight, tipLength=tip),
            bright(rng),
        )
    else:
        canvas.mark(lambda i, v: cv2.fillPoly(i, [triangle], v), bright(rng))


def box(rng: Rng, canvas: Canvas) -> None:
    """A rectangle or trapezoid outline, solid or dashed: colour box, region of interest, window."""
    x, y = _place(rng, canvas)
    wide, high, lean = (
        int(rng.integers(4, 300)),
        int(rng.integers(4, 250)),
        int(rng.integers(-30, 30)) * int(rng.integers(0, 2)),
    )
    corners = np.array([[x, y], [x + wide, y], [x + wide + lean, y + high], [x + lean, y + high]], np.int32)
    kind, weight, dashed = _line(rng), int(rng.integers(1, 3)), rng.random() < 0.25

    def draw(image, value):
        if not dashed:
            cv2.polylines(image, [corners], True, value, weight, kind)
            return
        for a, b in zip(corners, np.roll(corners, -1, 0), strict=True):
            stops = np.linspace(a, b, max(2, int(np.hypot(*(b - a)) // 4) // 2 * 2)).astype(int)
            for p, q in zip(stops[::2], stops[1::2], strict=False):
                cv2.line(image, tuple(map(int, p)), tuple(map(int, q)), value, weight)

    canvas.mark(draw, bright(rng))


def rules(rng: Rng, canvas: Canvas) -> None:
    """One or several straight lines across, at any angle, some dashed."""
    a, b = np.array(_place(rng, canvas)), np.array(_place(rng, canvas))
    if rng.random() < 0.6:
        b[int(rng.integers(2))] = a[int(rng.integers(2))]
    kind, weight = _line(rng), int(rng.integers(1, 3))
    shift = rng.uniform(-20, 20, 2)
    lines = [
        (tuple(map(int, a + i * shift)), tuple(map(int, b + i * shift)))
        for i in range(int(rng.integers(1, 4)))
    ]

    def draw(image, value):
        for p, q in lines:
            cv2.line(image, p, q, value, weight, kind)

    canvas.mark(draw, bright(rng))


def icon(rng: Rng, canvas: Canvas) -> None:
    """A small pictogram: a few random shapes in a tile, often a row of them like a tool bar."""
    x, y = _place(rng, canvas)
    size, count = int(rng.integers(7, 34)), int(rng.integers(1, 7))
    colour, fill, framed = bright(rng), rng.random() < 0.4, rng.random() < 0.4
    for i in range(count):
        _pictogram(rng, canvas, (x + i * int(size * 1.4), y), (size, colour, fill, framed))


def _pictogram(rng: Rng, canvas: Canvas, at: tuple[int, int], look: tuple) -> None:
    size, colour, fill, framed = look
    shapes = [
        (int(rng.integers(5)), rng.uniform(0.05, 0.95, (5, 2)) * size + at)
        for _ in range(int(rng.integers(1, 4)))
    ]
    weight, kind = int(rng.integers(1, 3)), _line(rng)

    def draw(image, value):
        if framed:
            cv2.rectangle(image, at, (at[0] + size, at[1] + size), value, 1)
        for shape, points in shapes:
            _shape(image, value, shape, points.astype(np.int32), (weight if not fill else -1, kind))

    canvas.mark(draw, colour)


def _shape(image, value, shape: int, points, pen: tuple[int, int]) -> None:
    weight, kind = pen
    a, b = (tuple(map(int, p)) for p in points[:2])
    radius = max(1, int(np.hypot(*(points[0] - points[1])) / 2))
    if shape == 0:
        cv2.circle(image, a, radius, value, weight, kind)
    elif shape == 1:
        cv2.rectangle(image, a, b, value, weight, kind)
    elif shape == 2 and weight < 0:
        cv2.fillPoly(image, [points], value, kind)
    elif shape == 3:
        cv2.ellipse(image, a, (radius, max(1, radius // 2)), 0, 0, 220, value, abs(weight), kind)
    else:
        cv2.polylines(image, [points[:3]], False, value, abs(weight), kind)


def body_mark(rng: Rng, canvas: Canvas) -> None:
    """A pictogram of a body with a probe mark."""
    x, y = _place(rng, canvas)
    size, colour, kind = int(rng.integers(16, 60)), bright(rng), _line(rng)
    bend, probe = rng.uniform(0.3, 0.9), rng.uniform(-0.6, 0.6, 2) * size
    angle = rng.uniform(0, 2 * np.pi)

    def draw(image, value):
        cv2.ellipse(image, (x, y), (int(size * bend), size), 0, 0, 360, value, 1, kind)
        cv2.ellipse(image, (x, y), (int(size * bend * 0.5), size // 2), 0, 200, 340, value, 1, kind)
        cv2.line(image, (x, y - size), (x, y + size // 3), value, 1, kind)
        p = (int(x + probe[0] * bend), int(y + probe[1]))
        q = (int(p[0] + 9 * np.cos(angle)), int(p[1] + 9 * np.sin(angle)))
        cv2.line(image, p, q, value, 2, kind)
        cv2.circle(image, p, 2, value, -1)

    canvas.mark(draw, colour)


def emblem(rng: Rng, canvas: Canvas) -> None:
    """A maker's emblem without letters: filled discs, arcs, waves."""
    x, y = _place(rng, canvas)
    size, first, second = int(rng.integers(8, 36)), bright(rng), bright(rng)
    start, sweep = rng.uniform(0, 360), rng.uniform(90, 300)
    canvas.mark(lambda i, v: cv2.circle(i, (x, y), size, v, -1, cv2.LINE_AA), first)
    canvas.mark(
        lambda i, v: cv2.ellipse(
            i, (x, y), (size * 2 // 3, size // 2), start, 0, sweep, v, int(2 + size // 8), cv2.LINE_AA
        ),
        second,
    )


def dots(rng: Rng, canvas: Canvas) -> None:
    """Scattered or aligned dots and dashes: focus marks, sweep marks, lights."""
    x, y = _place(rng, canvas)
    aligned, count, gap = rng.random() < 0.6, int(rng.integers(2, 30)), int(rng.integers(3, 24))
    spread = rng.integers(-60, 60, (count, 2))
    size = rng.integers(0, 4, 2)

    def draw(image, value):
        for i in range(count):
            px, py = (x + i * gap, y) if aligned else (x + int(spread[i, 0]), y + int(spread[i, 1]))
            cv2.rectangle(image, (px, py), (px + int(size[0]), py + int(size[1])), value, -1)

    canvas.mark(draw, bright(rng))


def histogram(rng: Rng, canvas: Canvas) -> None:
    """Columns or a plot with axes."""
    x, y = _place(rng, canvas)
    wide, high, count = int(rng.integers(30, 160)), int(rng.integers(20, 100)), int(rng.integers(4, 40))
    values = np.abs(np.cumsum(rng.normal(0, 1, count)))
    values = values / max(values.max(), 1e-6) * high
    filled = rng.random() < 0.5

    def draw(image, value):
        cv2.line(image, (x, y), (x + wide, y), value, 1)
        cv2.line(image, (x, y), (x, y - high), value, 1)
        for i, v in enumerate(values):
            a, b = (x + i * wide // count, y), (x + (i + 1) * wide // count - 1, y - int(v))
            cv2.rectangle(image, a, b, value, -1 if filled else 1)

    canvas.mark(draw, bright(rng))


def matrix_code(rng: Rng, canvas: Canvas) -> None:
    """A QR code or data matrix: random modules with finder patterns, on a quiet zone."""
    count, size = int(rng.integers(12, 45)), int(rng.integers(2, 6))
    cells = rng.random((count, count)) < 0.5
    if rng.random() < 0.7:
        for r, c in ((0, 0), (0, count - 7), (count - 7, 0)):
            cells[r : r + 7, c : c + 7] = _finder()
    else:
        cells[:, 0], cells[-1], cells[0, ::2], cells[::2, -1] = True, True, True, True
    _stamp(rng, canvas, cells.repeat(size, 0).repeat(size, 1))


def _finder() -> np.ndarray:
    ring = np.ones((7, 7), bool)
    ring[1:6, 1:6] = False
    ring[2:5, 2:5] = True
    return ring


def stripes_code(rng: Rng, canvas: Canvas) -> None:
    """A linear barcode."""
    widths = rng.integers(1, 5, int(rng.integers(30, 90))) * int(rng.integers(1, 3))
    line = np.repeat(np.arange(len(widths)) % 2 == 0, widths)
    code = np.repeat(line[None], int(rng.integers(14, 70)), 0)
    _stamp(rng, canvas, code if rng.random() < 0.85 else code.T)


def _stamp(rng: Rng, canvas: Canvas, black: np.ndarray) -> None:
    rows, columns = canvas.shape
    pad = int(rng.integers(2, 12))
    black = np.pad(black, pad)
    if black.shape[0] >= rows or black.shape[1] >= columns:
        return
    top, left = int(rng.integers(0, rows - black.shape[0])), int(rng.integers(0, columns - black.shape[1]))
    if not canvas.free(top, left, *black.shape):
        return
    inverse = rng.random() < 0.15
    dark, light = int(rng.integers(0, 60)), int(rng.integers(180, 256))
    place = np.s_[top : top + black.shape[0], left : left + black.shape[1]]
    canvas.image[place] = np.where(black != inverse, dark, light)[..., None]
    canvas.truth[place][pad:-pad, pad:-pad] |= CODE


ANY = (
    ruler,
    caliper,
    caliper,
    curve,
    trace,
    bar,
    grid,
    arrow,
    box,
    box,
    rules,
    icon,
    icon,
    body_mark,
    emblem,
    dots,
    histogram,
)
CODES = (matrix_code, stripes_code)


def scatter(rng: Rng, canvas: Canvas, most: int) -> None:
    """Draw up to `most` marks of any sort."""
    for _ in range(int(rng.integers(0, most + 1))):
        ANY[int(rng.integers(len(ANY)))](rng, canvas)
    if rng.random() < 0.03:
        CODES[int(rng.integers(len(CODES)))](rng, canvas)

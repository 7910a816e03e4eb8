"""Whole frames as devices show them: background, graphics, then text where such a device puts it.

A layout is a function ``(Rng, Writer, shape) -> Canvas``. `TRAIN` and `TEST` share no layout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import marks
import numpy as np
import textures
import words
from canvas import Canvas, Style, render
from fonts import Face

Rng = np.random.Generator
Shape = tuple[int, int]


@dataclass(frozen=True)
class Writer:
    """Chooses faces and styles, and writes blocks of text.

    Parameters
    ----------
    outlines, bitmaps
        The faces of the split, by sort, so that neither crowds out the other.
    """

    outlines: tuple[Face, ...]
    bitmaps: tuple[Face, ...]

    def style(self, rng: Rng, canvas: Canvas | None = None) -> Style:
        """Return a style as one device would use throughout a block."""
        if rng.random() < 0.5:
            face, height = words.pick(rng, self.bitmaps), 0
            zoom = 1 if rng.random() < 0.88 else int(rng.integers(2, 4))
        else:
            face, zoom = words.pick(rng, self.outlines), 1
            height = int(8 * 2 ** rng.uniform(0, 1.6)) if rng.random() < 0.85 else int(rng.uniform(24, 64))
        effect = str(rng.choice(["plain", "shadow", "outline", "box"], p=[0.72, 0.12, 0.08, 0.08]))
        opacity = 1.0 if rng.random() < 0.85 else rng.uniform(0.35, 0.9)
        return Style(face, height, rng.random() < 0.75, marks.bright(rng), opacity, effect, 0, zoom)

    def write(self, rng: Rng, canvas: Canvas, at: tuple[int, int], style: Style) -> tuple[int, int] | None:
        """Write any string at ``(top, left)``; return its size."""
        kind, text = words.any_text(rng)
        scripts = getattr(style.face, "scripts", ())
        if scripts and rng.random() < 0.5:
            kind, text = "name", words.foreign(rng, words.pick(rng, scripts))
        return self.put(rng, canvas, text, at, style, kind)

    def put(
        self, rng: Rng, canvas: Canvas, text: str, at: tuple[int, int], style: Style, kind: str = "technical"
    ):
        """Write `text` so that it can be seen: colours too close to the ground are pushed away from it."""
        alpha = render(text, style)
        if alpha is None or not canvas.free(*at, *alpha.shape):
            return None
        ground = canvas.image[at[0] : at[0] + alpha.shape[0], at[1] : at[1] + alpha.shape[1]]
        return canvas.put(text, *at, _legible(rng, style, ground), kind)

    def column(self, rng: Rng, canvas: Canvas, at: tuple[int, int], most: int, style: Style) -> None:
        """Write lines below each other."""
        top, left = at
        gap = int(rng.integers(1, 8))
        for _ in range(int(rng.integers(1, most + 1))):
            size = self.write(rng, canvas, (top, left), _varied(rng, style))
            top += (size[0] if size else 12) + gap
            if top >= canvas.shape[0]:
                return

    def row(self, rng: Rng, canvas: Canvas, at: tuple[int, int], most: int, style: Style) -> None:
        """Write strings beside each other."""
        top, left = at
        for _ in range(int(rng.integers(1, most + 1))):
            size = self.write(rng, canvas, (top, left), style)
            left += (size[1] if size else 30) + int(rng.integers(6, 90))

    def anywhere(self, rng: Rng, canvas: Canvas, most: int, faint: float = 0.0) -> None:
        """Write strings at random places; a share `faint` of them in low contrast to their ground."""
        for _ in range(int(rng.integers(0, most + 1))):
            style = self.style(rng)
            if rng.random() < 0.2:
                style = replace(style, turn=int(rng.choice([1, 1, 3, 3, 2])))
            at = (int(rng.integers(0, canvas.shape[0] - 6)), int(rng.integers(0, canvas.shape[1] - 10)))
            style = _faint(rng, canvas, at, style) if rng.random() < faint else style
            self.write(rng, canvas, at, style)

    def beside(self, rng: Rng, canvas: Canvas) -> None:
        """Write one or two turned lines along a side."""
        style = replace(self.style(rng), turn=int(rng.choice([1, 3])))
        left = int(rng.choice([3, canvas.shape[1] - 50])) + int(rng.integers(0, 12))
        for step in range(int(rng.integers(1, 4))):
            self.write(rng, canvas, (int(rng.integers(2, canvas.shape[0] // 2)), left + 18 * step), style)


def _varied(rng: Rng, style: Style) -> Style:
    return replace(style, colour=marks.bright(rng)) if rng.random() < 0.12 else style


def _faint(rng: Rng, canvas: Canvas, at: tuple[int, int], style: Style) -> Style:
    """Return the style with a colour 12 to 70 levels from its ground."""
    ground = canvas.image[at[0] : at[0] + 16, at[1] : at[1] + 80].reshape(-1, 3).astype(np.float32)
    step = 12 * 6 ** rng.uniform(0, 1) * (1 if ground.mean() < rng.uniform(60, 220) else -1)
    colour = tuple(int(v) for v in np.clip(ground.mean(axis=0) + step, 0, 255))
    return replace(style, colour=colour, opacity=1.0, effect="plain")


def _legible(rng: Rng, style: Style, ground: np.ndarray) -> Style:
    """Return the style with a colour that stands at least 12 levels and the ground's spread away from it."""
    flat = ground.reshape(-1, 3).astype(np.float32)
    mean, spread = flat.mean(axis=0), float(flat.mean(axis=1).std())
    need = max(12.0, 1.3 * spread) / style.opacity
    colour = np.array(style.colour, np.float32)
    if style.effect != "plain" or np.abs(colour - mean).max() >= need:
        return style
    up = mean.mean() + need < 256 and (rng.random() < 0.8 or mean.mean() < need)
    moved = mean + need * rng.uniform(1, 1.8) * (1 if up else -1)
    return replace(style, colour=tuple(int(v) for v in np.clip(moved, 0, 255)))


# ---- pieces ---------------------------------------------------------------------------------


def _dark(rng: Rng, shape: Shape) -> Canvas:
    return Canvas(textures.flat(rng, shape, 0, 40 if rng.random() < 0.3 else 4))


def _paste(canvas: Canvas, image: np.ndarray, top: int, left: int, where: np.ndarray | None = None) -> None:
    image = image if image.ndim == 3 else np.repeat(image[..., None], 3, 2)
    target = canvas.image[top : top + image.shape[0], left : left + image.shape[1]]
    image = image[: target.shape[0], : target.shape[1]]
    where = np.ones(target.shape[:2], bool) if where is None else where[: target.shape[0], : target.shape[1]]
    target[where] = image[where]


def _sector(rng: Rng, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    polar = textures.tissue(rng, (int(shape[0] * 0.9) + 8, int(shape[1] * 0.6) + 8))
    return textures.fan(rng, shape, polar)


def _doppler(rng: Rng, canvas: Canvas) -> None:
    rows, columns = canvas.shape
    high, wide = int(rows * rng.uniform(0.15, 0.5)), int(columns * rng.uniform(0.15, 0.5))
    top, left = int(rng.integers(0, rows - high)), int(rng.integers(0, columns - wide))
    image, where = textures.flow(rng, (high, wide))
    _paste(canvas, image, top, left, where)
    colour = marks.bright(rng)
    canvas.mark(lambda i, v: cv2.rectangle(i, (left, top), (left + wide, top + high), v, 1), colour)


def _scale(rng: Rng, canvas: Canvas, writer: Writer) -> None:
    """A ruler with numbers, upright or flat."""
    rows, columns = canvas.shape
    upright, style, colour = rng.random() < 0.65, writer.style(rng), marks.bright(rng)
    along, across = (rows, columns) if upright else (columns, rows)
    step, at = int(rng.integers(18, 90)), int(rng.integers(4, across - 24))
    value, increment = int(rng.integers(0, 4)), int(rng.choice([1, 1, 2, 5, 10, 20, -10]))
    tick = int(rng.integers(2, 8))
    for i, position in enumerate(range(int(rng.integers(4, 60)), along - 12, step)):
        a, b = ((at, position), (at + tick, position)) if upright else ((position, at), (position, at + tick))
        canvas.mark(lambda image, v, a=a, b=b: cv2.line(image, a, b, v, 1), colour)
        place = (position - 5, at + tick + 3) if upright else (at + tick + 3, position - 4)
        writer.put(rng, canvas, str(value + i * increment), place, style)


# ---- training layouts -----------------------------------------------------------------------


def ultrasound(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """A sector or linear scan with bands of text around it."""
    canvas = _dark(rng, shape)
    top, left = int(shape[0] * rng.uniform(0.02, 0.16)), int(shape[1] * rng.uniform(0, 0.2))
    size = (int((shape[0] - top) * rng.uniform(0.7, 1)), int((shape[1] - left) * rng.uniform(0.6, 1)))
    if rng.random() < 0.6:
        image, where = _sector(rng, size)
    else:
        image, where = textures.tissue(rng, size), None
    _paste(canvas, textures.coloured(rng, image), top, left, where)
    if rng.random() < 0.3:
        _doppler(rng, canvas)
    marks.scatter(rng, canvas, 9)
    _bands(rng, writer, canvas)
    if rng.random() < 0.6:
        _scale(rng, canvas, writer)
    writer.anywhere(rng, canvas, 7, 0.35)
    return canvas


def _bands(rng: Rng, writer: Writer, canvas: Canvas) -> None:
    rows, columns = canvas.shape
    style = writer.style(rng)
    writer.row(rng, canvas, (int(rng.integers(0, 8)), int(rng.integers(0, 20))), 4, style)
    writer.row(rng, canvas, (int(rng.integers(14, 36)), int(rng.integers(0, columns // 2))), 4, style)
    if rng.random() < 0.7:
        side = 4 if rng.random() < 0.5 else int(columns * rng.uniform(0.7, 0.9))
        writer.column(rng, canvas, (int(rng.integers(30, rows // 2)), side), 14, writer.style(rng))
    if rng.random() < 0.2:
        writer.beside(rng, canvas)
    if rng.random() < 0.6:
        writer.row(
            rng, canvas, (rows - int(rng.integers(12, 50)), int(rng.integers(0, columns // 2))), 4, style
        )


def spectral(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """A small scan above a Doppler or M-mode strip with scales."""
    canvas = _dark(rng, shape)
    split = int(shape[0] * rng.uniform(0.3, 0.6))
    image, where = _sector(rng, (split, int(shape[1] * rng.uniform(0.4, 0.8))))
    _paste(canvas, textures.coloured(rng, image), 10, int(shape[1] * rng.uniform(0, 0.25)), where)
    strip = textures.spectrum(rng, (int((shape[0] - split) * 0.85), int(shape[1] * rng.uniform(0.7, 1))))
    _paste(canvas, textures.coloured(rng, strip), split + 4, int(rng.integers(0, 20)))
    marks.scatter(rng, canvas, 7)
    if rng.random() < 0.5:
        marks.trace(rng, canvas)
    _bands(rng, writer, canvas)
    _scale(rng, canvas, writer)
    writer.anywhere(rng, canvas, 6, 0.3)
    return canvas


def film(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """CT, MR or plain film with a block of text in each corner."""
    canvas = Canvas(textures.coloured(rng, textures.radiograph(rng, shape)))
    marks.scatter(rng, canvas, 5)
    style = writer.style(rng)
    corners = (
        (4, 4),
        (4, int(shape[1] * 0.7)),
        (int(shape[0] * 0.75), 4),
        (int(shape[0] * 0.75), int(shape[1] * 0.7)),
    )
    for corner in corners:
        if rng.random() < 0.75:
            writer.column(rng, canvas, corner, 7, style)
    for side in (
        (shape[0] // 2, 3),
        (shape[0] // 2, shape[1] - 24),
        (3, shape[1] // 2),
        (shape[0] - 24, shape[1] // 2),
    ):
        if rng.random() < 0.35:
            writer.put(
                rng,
                canvas,
                words.pick(rng, ("R", "L", "A", "P", "H", "F", "S", "I", "RA", "LP")),
                side,
                style,
            )
    writer.anywhere(rng, canvas, 5, 0.4)
    return canvas


def scope(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """Endoscopy: a coloured picture with cut corners and text beside it."""
    canvas = _dark(rng, shape)
    side = int(min(shape) * rng.uniform(0.7, 1))
    image = textures.endoscopy(rng, (side, side))
    where = np.zeros((side, side), np.uint8)
    cv2.circle(where, (side // 2, side // 2), int(side * rng.uniform(0.48, 0.7)), 1, -1)
    left = int((shape[1] - side) * rng.uniform(0.3, 1)) if shape[1] > side else 0
    _paste(canvas, image, int((shape[0] - side) * rng.uniform(0, 1)), left, where > 0)
    marks.scatter(rng, canvas, 4)
    writer.column(rng, canvas, (int(rng.integers(4, 60)), 4), 10, writer.style(rng))
    writer.anywhere(rng, canvas, 6, 0.2)
    return canvas


def page(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """A light page: headings, paragraphs, a table, sometimes windows and buttons."""
    canvas = Canvas(textures.flat(rng, shape, 150, 255))
    if rng.random() < 0.4:
        _window(rng, writer, canvas)
    marks.scatter(rng, canvas, 5)
    ink = tuple(int(v) for v in rng.integers(0, 110, 3)) if rng.random() < 0.4 else (0, 0, 0)
    style = replace(writer.style(rng), colour=ink, effect="plain")
    top = int(rng.integers(4, 40))
    while top < shape[0] - 20:
        block = words.pick(rng, (_paragraph, _paragraph, _table))
        top = block(rng, writer, canvas, top, style) + int(rng.integers(4, 50))
    writer.anywhere(rng, canvas, 4, 0.4)
    return canvas


def _paragraph(rng: Rng, writer: Writer, canvas: Canvas, top: int, style: Style) -> int:
    left, gap = int(rng.integers(4, canvas.shape[1] // 3)), int(rng.integers(1, 8))
    for _ in range(int(rng.integers(1, 7))):
        text = " ".join(words.any_text(rng)[1] for _ in range(int(rng.integers(1, 6))))
        size = writer.put(rng, canvas, text, (top, left), style)
        top += (size[0] if size else 8) + gap
    return top


def _table(rng: Rng, writer: Writer, canvas: Canvas, top: int, style: Style) -> int:
    high, columns = int(rng.integers(14, 34)), int(rng.integers(2, 7))
    wide, left, lines = int(canvas.shape[1] * 0.9 / columns), int(rng.integers(2, 30)), rng.random() < 0.6
    colour = marks.bright(rng)
    for _ in range(int(rng.integers(2, 9))):
        for c in range(columns):
            x = left + c * wide
            if lines:
                canvas.mark(
                    lambda i, v, x=x, y=top: cv2.rectangle(i, (x, y), (x + wide, y + high), v, 1), colour
                )
            if rng.random() < 0.85:
                writer.write(rng, canvas, (top + 2, x + 4), style)
        top += high
    return top


def _window(rng: Rng, writer: Writer, canvas: Canvas) -> None:
    rows, columns = canvas.shape
    left, top = int(rng.integers(0, columns // 2)), int(rng.integers(0, rows // 2))
    wide, high = int(rng.integers(80, columns - left + 60)), int(rng.integers(60, rows - top + 60))
    ground, title = (tuple(int(v) for v in rng.integers(0, 256, 3)) for _ in range(2))
    canvas.mark(
        lambda i, v: cv2.rectangle(i, (left, top), (left + wide, top + high), v, 1), marks.bright(rng)
    )
    cv2.rectangle(canvas.image, (left + 1, top + 1), (left + wide - 1, top + high - 1), ground, -1)
    cv2.rectangle(canvas.image, (left + 1, top + 1), (left + wide - 1, top + 22), title, -1)
    style = writer.style(rng)
    writer.write(rng, canvas, (top + 3, left + 6), style)
    for _ in range(int(rng.integers(0, 9))):
        x, y = left + int(rng.integers(4, wide)), top + int(rng.integers(26, high + 27))
        if not canvas.free(y, x, 21, 71):
            continue
        face = tuple(int(v) for v in rng.integers(90, 250, 3))
        cv2.rectangle(canvas.image, (x, y), (x + 70, y + 20), face, -1)
        canvas.mark(
            lambda i, v, x=x, y=y: cv2.rectangle(i, (x, y), (x + 70, y + 20), v, 1), marks.bright(rng)
        )
        writer.write(rng, canvas, (y + 3, x + 5), style)


def chart(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """An ECG sheet or a plot: a full grid, traces and labels."""
    canvas = Canvas(
        textures.flat(rng, shape, 190, 255) if rng.random() < 0.6 else textures.flat(rng, shape, 0, 30)
    )
    step, colour = int(rng.integers(5, 26)), tuple(int(v) for v in rng.integers(60, 256, 3))
    for x in range(0, shape[1], step):
        canvas.mark(lambda i, v, x=x: cv2.line(i, (x, 0), (x, shape[0]), v, 1), colour)
    for y in range(0, shape[0], step):
        canvas.mark(lambda i, v, y=y: cv2.line(i, (0, y), (shape[1], y), v, 1), colour)
    for _ in range(int(rng.integers(1, 7))):
        marks.trace(rng, canvas)
    for _ in range(2):
        writer.column(
            rng,
            canvas,
            (int(rng.integers(2, shape[0] // 2)), int(rng.integers(2, shape[1] // 2))),
            8,
            writer.style(rng),
        )
    writer.anywhere(rng, canvas, 14)
    return canvas


def tiles(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """A light box: many small pictures, each with its little texts."""
    canvas = _dark(rng, shape)
    down, across = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    high, wide = shape[0] // down, shape[1] // across
    style, picture = writer.style(rng), words.pick(rng, (textures.radiograph, textures.tissue))
    for r in range(down):
        for c in range(across):
            _paste(canvas, textures.coloured(rng, picture(rng, (high - 3, wide - 3))), r * high, c * wide)
    for r in range(down):
        for c in range(across):
            writer.column(rng, canvas, (r * high + 2, c * wide + 3), 3, style)
            writer.write(rng, canvas, (r * high + high - 20, c * wide + wide // 2), style)
    marks.scatter(rng, canvas, 5)
    return canvas


def salad(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """Any background, any marks, text everywhere, much of it faint: where the hard cases come from."""
    canvas = Canvas(
        textures.anything(rng, shape) if rng.random() < 0.75 else textures.flat(rng, shape, 0, 255)
    )
    marks.scatter(rng, canvas, 8)
    writer.anywhere(rng, canvas, 60, 0.55)
    return canvas


def silent(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """No text at all: only a background and many marks."""
    make = words.pick(
        rng,
        (
            textures.anything,
            textures.anything,
            lambda r, s: textures.flat(r, s, 0, 255),
            lambda r, s: _sector(r, s)[0],
            textures.spectrum,
        ),
    )
    image = make(rng, shape)
    canvas = Canvas(image if image.ndim == 3 else textures.coloured(rng, image))
    if rng.random() < 0.3:
        _doppler(rng, canvas)
    marks.scatter(rng, canvas, 26)
    return canvas


def inset(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """A picture in a picture: another frame, reduced, with its text now 4 to 8 px high."""
    canvas = words.pick(rng, (ultrasound, film, page))(rng, writer, shape)
    inner = words.pick(rng, (ultrasound, spectral, film, page))(
        rng, writer, (shape[0] // 2 + 80, shape[1] // 2 + 80)
    )
    factor = rng.uniform(0.45, 0.8)
    size = (int(inner.shape[1] * factor), int(inner.shape[0] * factor))
    image = cv2.resize(inner.image, size, interpolation=cv2.INTER_AREA)
    truth = shrink_truth(inner.truth, size)
    top, left = (int(rng.integers(0, max(1, n - m))) for n, m in zip(canvas.shape, image.shape, strict=False))
    place = np.s_[top : top + image.shape[0], left : left + image.shape[1]]
    image, truth = (a[: canvas.shape[0] - top, : canvas.shape[1] - left] for a in (image, truth))
    canvas.image[place], canvas.truth[place] = image, truth
    canvas.labels = [x for x in canvas.labels if not _hidden(x.box, top, left, image.shape)]
    canvas.labels += [_shrunk(x, factor, top, left) for x in inner.labels]
    return canvas


def shrink_truth(truth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the truth at another size, each bit resampled for itself."""
    result = np.zeros(size[::-1], np.uint8)
    for bit in (1, 2, 4):
        plane = cv2.resize(((truth & bit) > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        result |= (plane > 0.3).astype(np.uint8) * np.uint8(bit)
    return result


def _hidden(box: tuple, top: int, left: int, shape: Shape) -> bool:
    return box[0] < top + shape[0] and box[2] > top and box[1] < left + shape[1] and box[3] > left


def _shrunk(x, factor: float, top: int, left: int):
    box = tuple(v * factor + o for v, o in zip(x.box, (top, left, top, left), strict=True))
    return replace(x, box=box, glyph=x.glyph * factor)


# ---- held-out layouts -----------------------------------------------------------------------


def dual(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """Two scans side by side, results table between header and foot."""
    canvas = _dark(rng, shape)
    half = (int(shape[0] * 0.6), shape[1] // 2 - 4)
    for left in (0, shape[1] // 2 + 2):
        image, where = _sector(rng, half)
        _paste(canvas, textures.coloured(rng, image), int(shape[0] * 0.14), left, where)
    marks.scatter(rng, canvas, 6)
    style, table = writer.style(rng), writer.style(rng)
    writer.row(rng, canvas, (3, 6), 3, style)
    writer.row(rng, canvas, (30, 6), 3, style)
    for line in range(5):
        writer.row(rng, canvas, (int(shape[0] * 0.76) + 22 * line, 8), 4, table)
    writer.anywhere(rng, canvas, 6, 0.5)
    return canvas


def scintigram(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """Colour-mapped blobs in rows, captions below each, a colour bar."""
    canvas = Canvas(textures.flat(rng, shape, 0, 255))
    marks.bar(rng, canvas)
    style = writer.style(rng)
    high, wide = int(shape[0] * 0.36), shape[1] // 4 - 8
    for r in range(2):
        for c in range(4):
            blob = textures.clip8(90 * textures.smooth(rng, (high, wide), 40) + 40)
            colour = cv2.cvtColor(cv2.applyColorMap(blob, cv2.COLORMAP_HOT), cv2.COLOR_BGR2RGB)
            top, left = 20 + r * (high + 40), 4 + c * (wide + 8)
            _paste(canvas, colour, top, left)
            writer.write(rng, canvas, (top + high + 4, left), style)
    writer.row(rng, canvas, (2, 4), 4, style)
    writer.anywhere(rng, canvas, 10, 0.5)
    return canvas


def oct_scan(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """Ophthalmic: a fundus, a layered section, a form at the left."""
    canvas = Canvas(textures.flat(rng, shape, 0, 90))
    eye = textures.endoscopy(rng, (shape[0] // 2 - 10, shape[1] // 3))
    _paste(canvas, eye, 8, shape[1] // 3)
    section = textures.tissue(rng, (shape[0] // 2 - 20, int(shape[1] * 0.62)))
    _paste(canvas, section, shape[0] // 2, shape[1] // 3)
    marks.scatter(rng, canvas, 6)
    for _ in range(3):
        at = (int(rng.integers(0, shape[0] - 60)), int(rng.integers(0, shape[1] // 4)))
        writer.column(rng, canvas, at, 6, writer.style(rng))
    writer.anywhere(rng, canvas, 12, 0.5)
    return canvas


def quiet(rng: Rng, writer: Writer, shape: Shape) -> Canvas:
    """No text: two scans and marks."""
    canvas = _dark(rng, shape)
    for left in (0, shape[1] // 2):
        image, where = _sector(rng, (shape[0], shape[1] // 2))
        _paste(canvas, textures.coloured(rng, image), 0, left, where)
    _doppler(rng, canvas)
    marks.scatter(rng, canvas, 14)
    return canvas


Layout = Callable[[Rng, Writer, Shape], Canvas]
TRAIN: tuple[tuple[Layout, float], ...] = (
    (ultrasound, 5),
    (spectral, 2),
    (film, 3),
    (scope, 1.5),
    (page, 2),
    (chart, 1),
    (tiles, 1),
    (salad, 5),
    (silent, 3.5),
    (inset, 1),
)
TEST: tuple[tuple[Layout, float], ...] = ((dual, 3), (scintigram, 2), (oct_scan, 3), (quiet, 1.5))
_SHARED = {f for f, _ in TRAIN} & {f for f, _ in TEST}
if _SHARED:
    raise ValueError("a layout stands in both splits")

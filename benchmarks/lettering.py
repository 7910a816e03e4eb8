"""Unusual lettering: ``python -m benchmarks.lettering [--seed S] [--count N] [--only NAME,NAME]``.

Three identifying lines are drawn on each of N generated ultrasound pictures that carry no text: mirrored,
upside down, slanted, curved, spaced out, stacked, huge, tiny, in outline, shadowed, coloured, blurred,
interlaced, of dots, struck through, boxed, translucent, fading, seven-segment, cut by an edge. They are
judged by their ink after scrubbing. The generator of fixtures does not write like that. Needs the DejaVu
fonts (Debian: ``fonts-dejavu``). All names are invented.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from fixtures import make_fixture
from fixtures.scoring import score
from fixtures.truth import InkPatch, TextTruth
from scrub_pixels import Held, Policy, Scrubber

FONTS = Path("/usr/share/fonts/truetype/dejavu")
FACES = ("DejaVuSans", "DejaVuSansMono", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansCondensed")
TEXTS = (
    "DOE^JANE", "Mary Thompson", "SMITH, Robert", "MRN 4471823", "12/03/1964", "Garcia Lopez",
    "Dr. H. Becker", "ID: 88213407", "O'Connor Liam", "Katarina Novak", "1958-11-27", "Hassan Ali",
)  # fmt: skip
NUMBERS = ("12-03-1964", "4471823", "1958-11-27", "88213407")
SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "6": "afgedc",
    "7": "abc", "8": "abcdefg", "9": "abcdfg", "-": "g",
}  # fmt: skip
ROWS, COLUMNS = 600, 800
A_PICTURE, APART, TRIES = 3, 30, 200
LEVELS = (80, 120, 200)
"""Grey levels by which a line is lighter than its ground, one of them by chance."""
COVERED = 0.35
"""Share of a sample that a stroke covers before it counts as ink."""
PAD = 6
"""Samples around a line that are drawn with it."""

Plane = NDArray[np.uint8]
Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Pen:
    """What a way of lettering may choose from: chance, a text, a size in samples."""

    rng: np.random.Generator
    text: str
    size: int

    def font(self, larger: int = 0, face: str = "") -> ImageFont.FreeTypeFont:
        """Return a face of this size, one by chance unless it is named."""
        name = face or FACES[int(self.rng.integers(len(FACES)))]
        return ImageFont.truetype(str(FONTS / f"{name}.ttf"), self.size + larger)

    def line(self, larger: int = 0, face: str = "", spacing: float = 0.0) -> Plane:
        """Return the text as coverage 0 to 255, `spacing` sizes added behind each letter."""
        font = self.font(larger, face)
        added = round(spacing * self.size)
        left, top, right, bottom = (int(v) for v in font.getbbox(self.text))
        wide = sum(int(font.getlength(c)) + added for c in self.text) if added else right - left
        plane = Image.new("L", (wide + 2 * PAD, bottom - top + 2 * PAD))
        draw = ImageDraw.Draw(plane)
        at = float(PAD - left)
        for piece in self.text if added else (self.text,):
            draw.text((at, PAD - top), piece, font=font, fill=255)
            at += int(font.getlength(piece)) + added
        return np.asarray(plane)


def _turned(pen: Pen, degrees: int) -> Plane:
    angle = degrees if pen.rng.random() < 0.5 else -degrees
    picture = Image.fromarray(pen.line()).rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    return np.asarray(picture)


def _curved(pen: Pen) -> Plane:
    plane = pen.line()
    rows, columns = plane.shape
    radius = 0.8 * columns
    bent = np.zeros((rows + columns // 4 + 8, columns), np.uint8)
    for column in range(columns):
        down = int(radius - np.sqrt(max(0.0, radius**2 - (column - columns / 2) ** 2)))
        bent[down : down + rows, column] = plane[:, column]
    return bent


def _stacked(pen: Pen) -> Plane:
    font = pen.font()
    letters = [np.asarray(_letter(font, c)) for c in pen.text.replace(" ", "")[:9]]
    return np.vstack(letters)


def _letter(font: ImageFont.FreeTypeFont, letter: str) -> Image.Image:
    side = int(font.size)
    plane = Image.new("L", (2 * side, side + 4))
    ImageDraw.Draw(plane).text((side, side // 2 + 2), letter, font=font, fill=255, anchor="mm")
    return plane


def _outline(pen: Pen) -> Plane:
    plane = pen.line(larger=10)
    return np.asarray(cv2.subtract(cv2.dilate(plane, np.ones((3, 3), np.uint8)), plane))


def _interlaced(pen: Pen) -> Plane:
    plane = pen.line().copy()
    plane[1::2] = np.roll(plane[1::2], 2, axis=1)
    return plane


def _dotted(pen: Pen) -> Plane:
    plane = pen.line(larger=8).copy()
    plane[1::2], plane[:, 1::2] = 0, 0
    return plane


def _struck(pen: Pen) -> Plane:
    plane = pen.line().copy()
    middle = int(np.mean(np.flatnonzero(plane.any(axis=1))))
    plane[middle : middle + 2] = 255
    return plane


def _boxed(pen: Pen) -> Plane:
    plane = pen.line().copy()
    plane[0], plane[-1], plane[:, 0], plane[:, -1] = 255, 255, 255, 255
    return plane


def _seven_segments(pen: Pen) -> Plane:
    """Return a number as seven-segment displays show it; 16 to 24 samples high."""
    high = 16 + pen.size % 9
    wide, thick = high // 2, max(1, high // 8)
    bars = {
        "a": np.s_[0:thick, 1:wide], "g": np.s_[high // 2 : high // 2 + thick, 1:wide],
        "d": np.s_[high - thick : high, 1:wide], "f": np.s_[0 : high // 2, 0:thick],
        "b": np.s_[0 : high // 2, wide - thick : wide], "e": np.s_[high // 2 : high, 0:thick],
        "c": np.s_[high // 2 : high, wide - thick : wide],
    }  # fmt: skip
    digits = []
    for digit in NUMBERS[int(pen.rng.integers(len(NUMBERS)))]:
        plane = np.zeros((high + 1, wide + 4), np.uint8)
        for bar in SEGMENTS[digit]:
            plane[bars[bar]] = 255
        digits.append(plane)
    return np.pad(np.hstack(digits), 4)


SHAPES: dict[str, Callable[[Pen], Plane]] = {
    "plain": Pen.line,
    "mirrored": lambda pen: pen.line()[:, ::-1],
    "upside down": lambda pen: pen.line()[::-1, ::-1],
    "slanted 8": lambda pen: _turned(pen, 8),
    "slanted 20": lambda pen: _turned(pen, 20),
    "slanted 45": lambda pen: _turned(pen, 45),
    "curved": _curved,
    "spaced half": lambda pen: pen.line(spacing=0.5),
    "spaced one": lambda pen: pen.line(spacing=1.0),
    "stacked": _stacked,
    "huge": lambda pen: pen.line(larger=3 * pen.size),
    "tiny": lambda pen: pen.line(larger=8 - pen.size),
    "outline": _outline,
    "blurred": lambda pen: np.asarray(cv2.GaussianBlur(pen.line(), (0, 0), 1.3)),
    "interlaced": _interlaced,
    "dotted": _dotted,
    "struck": _struck,
    "boxed": _boxed,
    "light": lambda pen: pen.line(face="DejaVuSans-ExtraLight"),
    "slanted letters": lambda pen: pen.line(face="DejaVuSerif-Italic"),
    "seven segments": _seven_segments,
}
"""How the strokes of a line are changed."""


@dataclass(frozen=True)
class Paint:
    """A place as it is painted: its ground, of shape (rows, columns, 3), and the colour of its strokes."""

    ground: Samples
    colour: Samples


def _lighter(ground: Samples, cover: Samples, pen: Pen) -> Paint:
    return Paint(ground, np.full(3, min(255.0, ground.mean() + float(pen.rng.choice(LEVELS)))))


def _coloured(*colour: int) -> Callable[[Samples, Samples, Pen], Paint]:
    return lambda ground, cover, pen: Paint(ground, np.array(colour, float))


def _flat(level: int, colour: int) -> Callable[[Samples, Samples, Pen], Paint]:
    return lambda ground, cover, pen: Paint(np.full_like(ground, level), np.full(3, float(colour)))


def _shadowed(ground: Samples, cover: Samples, pen: Pen) -> Paint:
    shadow = np.roll(cover, (1, 1), (0, 1))
    return Paint(120 * (1 - shadow) + 10 * shadow + np.zeros_like(ground), np.full(3, 165.0))


def _fading(ground: Samples, cover: Samples, pen: Pen) -> Paint:
    level = min(255.0, ground.mean() + float(pen.rng.choice(LEVELS)))
    ramp = np.linspace(1, 0.15, cover.shape[1])[None, :, None]
    return Paint(ground, ground + (level - ground) * ramp)


def _doppler(ground: Samples, cover: Samples, pen: Pen) -> Paint:
    coarse = pen.rng.random((max(2, ground.shape[0] // 6), max(2, ground.shape[1] // 6)))
    flow = np.asarray(cv2.resize(coarse, (ground.shape[1], ground.shape[0])))
    red, blue = 255 * (flow > 0.5) * flow, 255 * (flow <= 0.5) * (1 - flow)
    return Paint(np.stack([red, 60 * flow, blue], axis=-1), np.full(3, 255.0))


def _noisy(ground: Samples, cover: Samples, pen: Pen) -> Paint:
    lighter = _lighter(ground, cover, pen)
    return replace(lighter, ground=np.clip(ground + pen.rng.normal(0, 25, ground.shape), 0, 255))


PAINTS: dict[str, Callable[[Samples, Samples, Pen], Paint]] = {
    "blue": _coloured(0, 0, 255),
    "dark red": _coloured(130, 0, 0),
    "dark on light": _flat(200, 0),
    "light on pale": _flat(195, 250),
    "translucent": lambda ground, cover, pen: Paint(ground * 0.5 + 90, np.full(3, 210.0)),
    "shadow": _shadowed,
    "fading": _fading,
    "flow": _doppler,
    "noisy": _noisy,
}
"""How a line is coloured, and what is behind it; else it is lighter than what is there."""

EDGES = ("cut left", "cut right", "cut below")
"""Sides of the picture beyond which a part of the line lies."""

WAYS = (*SHAPES, *PAINTS, *EDGES)


@dataclass
class Sheet:
    """A picture that lines of one way of lettering are drawn on, and where they stand."""

    rng: np.random.Generator
    picture: NDArray[np.uint8]
    way: str
    taken: NDArray[np.bool_]

    def put(self) -> Iterator[TextTruth]:
        """Draw a line where none stands yet, and yield its truth; nothing if there is no room."""
        pen = Pen(self.rng, TEXTS[int(self.rng.integers(len(TEXTS)))], int(self.rng.integers(14, 26)))
        plane = SHAPES.get(self.way, Pen.line)(pen)
        corner = self._room(plane.shape)
        if corner is None:
            return
        (y, x), (high, wide) = corner, plane.shape
        rows, columns = slice(max(0, y), min(ROWS, y + high)), slice(max(0, x), min(COLUMNS, x + wide))
        self.taken[rows, columns] = True
        cover = plane[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x, None] / 255
        before = self.picture[rows, columns].astype(float)
        paint = PAINTS.get(self.way, _lighter)(before, cover, pen)
        after = paint.ground * (1 - cover) + paint.colour * cover
        self.picture[rows, columns] = np.clip(after, 0, 255).astype(np.uint8)
        ink = cover[..., 0] > COVERED
        if ink.any():
            contrast = int(abs(float(paint.colour.mean()) - float(before.mean())))
            yield _truth(pen, ink, (columns.start, rows.start), contrast, float(before.mean()))

    def _room(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        high, wide = shape
        for _ in range(TRIES):
            y, x = (int(self.rng.integers(2, max(3, whole - side - 2)))
                    for whole, side in ((ROWS, high), (COLUMNS, wide)))  # fmt: skip
            x = -int(0.35 * wide) if self.way == "cut left" else x
            x = COLUMNS - int(0.65 * wide) if self.way == "cut right" else x
            y = ROWS - PAD - int(0.6 * (high - 2 * PAD)) if self.way == "cut below" else y
            around = np.s_[max(0, y - APART) : y + high + APART, max(0, x - APART) : x + wide + APART]
            if not self.taken[around].any():
                return y, x
        return None


def drawn(way: str, seed: int) -> tuple[Dataset, list[TextTruth]]:
    """Return a picture with lines in one way of lettering, and their truth."""
    rng = np.random.default_rng([seed, WAYS.index(way)])
    made = make_fixture(seed, "blank_us", photometric="RGB", syntax="explicit", size=(COLUMNS, ROWS)).dataset
    made.BurnedInAnnotation = "NO"
    sheet = Sheet(rng, made.pixel_array.copy(), way, np.zeros((ROWS, COLUMNS), bool))
    truth = [text for _ in range(A_PICTURE) for text in sheet.put()]
    made.PlanarConfiguration = 0
    made.PixelData = sheet.picture.tobytes()
    return made, truth


def _truth(
    pen: Pen, ink: NDArray[np.bool_], corner: tuple[int, int], contrast: int, ground: float
) -> TextTruth:
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    inside = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    left, top = corner[0] + int(columns[0]), corner[1] + int(rows[0])
    box = (left, top, left + inside.shape[1], top + inside.shape[0])
    where = "tissue" if ground > 8 else "black"
    patch = InkPatch(0, 1, left, top, inside)
    return TextTruth(pen.text, box, True, "name", pen.size * 7 // 10, contrast, where, None, (patch,))


def measure(way: str, seed: int, count: int) -> None:
    """Print how many lines of a way of lettering were removed, and what is left."""
    scrubber = Scrubber(Policy())
    gone = total = held = 0
    left: list[str] = []
    for number in range(seed, seed + count):
        dataset, truth = drawn(way, number)
        outcome = scrubber.scrub(copy.deepcopy(dataset))
        if isinstance(outcome, Held):
            held += 1
            continue
        for text in score(dataset, truth, outcome.dataset).texts:
            total += 1
            gone += text.is_removed
            if not text.is_removed:
                told = f"{text.truth.contrast} levels, {text.truth.placement}, removed {text.removed:.2f}"
                left.append(f"    left {number} ({told})")
    print(f"  {way:<16} {gone:3d} of {total:3d}; held {held} of {count}", *left, sep="\n", flush=True)


def main() -> None:
    """Measure, or say that the fonts are missing."""
    parser = argparse.ArgumentParser(description="Draw lines in unusual lettering, scrub, judge by the ink.")
    parser.add_argument("--seed", type=int, default=7000)
    parser.add_argument("--count", type=int, default=6, help="pictures for each way of lettering")
    parser.add_argument("--only", default=",".join(WAYS), help="ways of lettering, with commas between them")
    options = parser.parse_args()
    ways = options.only.split(",")
    unknown = [way for way in ways if way not in WAYS]
    if unknown:
        parser.error(f"no such lettering: {', '.join(unknown)}; there are {', '.join(WAYS)}")
    if not (FONTS / f"{FACES[0]}.ttf").exists():
        raise SystemExit("The DejaVu fonts are not installed: fonts-dejavu.")
    for way in ways:
        measure(way, options.seed, options.count)


if __name__ == "__main__":
    main()

"""Names in scripts the reader does not know: ``python -m benchmarks.other_scripts [--seed S] [--count N]``.

Four lines are drawn on each of N generated ultrasound pictures that carry no text, in eleven scripts and
alphabets, and judged by their ink after scrubbing. Needs the Noto fonts (Debian: ``fonts-noto-core`` and
``fonts-noto-cjk``); says so and stops where they are absent. All names are invented or of common words.
"""

from __future__ import annotations

import argparse
import collections
import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from fixtures import make_fixture
from fixtures.scoring import score
from fixtures.truth import InkPatch, TextTruth
from scrub_pixels import Held, Policy, Scrubber

FONTS = Path("/usr/share/fonts")
LINES = {
    "Chinese": ("王小明", "李秀英", "张伟", "陈建国 男 45岁", "患者姓名: 刘洋", "欧阳娜娜"),
    "Japanese": ("山田太郎", "佐藤 花子", "ヤマダ タロウ", "鈴木一郎 様"),
    "Korean": ("김민수", "이영희", "박지훈 45세", "홍길동"),
    "Cyrillic": ("Иванов Иван", "ПЕТРОВА Анна", "Кузнецов С.В.", "Д.р. 12.03.1965"),
    "Greek": ("Παπαδόπουλος Γ.", "ΓΕΩΡΓΙΟΥ ΜΑΡΙΑ", "Νικολάου"),
    "Arabic": ("محمد أحمد", "فاطمة علي", "خالد بن الوليد"),
    "Hebrew": ("דוד כהן", "רחל לוי", "משה פרץ"),
    "Thai": ("สมชาย ใจดี", "นางสาว มาลี"),
    "Devanagari": ("राम कुमार", "सीता देवी"),
    "Vietnamese": ("Nguyễn Văn Ánh", "TRẦN THỊ HƯỜNG", "Đặng Quốc"),
    "Latin with marks": ("Łukasz Żółw", "Šárka Nováková", "Gürşad Öztürk", "Björk Þórsdóttir"),
}
COLLECTION = {"Japanese": 0, "Korean": 1, "Chinese": 2}
"""Place of a face in the collection of ideographs."""
SIZE, A_PICTURE, APART = (800, 600), 4, 50
CONTRASTS = (60, 100, 160, 220)
COVERED = 0.35
"""Share of a sample that a stroke covers before it counts as ink."""


@dataclass(frozen=True)
class Drawn:
    """A picture with lines on it: the Instance, the truth of every line, and its script."""

    dataset: Dataset
    truth: tuple[TextTruth, ...]
    scripts: tuple[str, ...]


def font_of(script: str, size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """Return a face of a script.

    Raises
    ------
    OSError
        If the fonts are not installed.
    """
    weight = "Bold" if bold else "Regular"
    if script in COLLECTION:
        path = FONTS / f"opentype/noto/NotoSansCJK-{weight}.ttc"
        return ImageFont.truetype(str(path), size, index=COLLECTION[script])
    name = script if script in ("Arabic", "Hebrew", "Thai", "Devanagari") else ""
    return ImageFont.truetype(str(FONTS / f"truetype/noto/NotoSans{name}-{weight}.ttf"), size)


def drawn(seed: int) -> Drawn:
    """Return a picture without text, and four lines on it."""
    rng = np.random.default_rng(seed)
    dataset = make_fixture(seed, "blank_us", photometric="RGB", syntax="explicit", size=SIZE).dataset
    dataset.BurnedInAnnotation = "NO"
    picture = dataset.pixel_array.copy()
    names = tuple(LINES)
    scripts = tuple(names[(seed * A_PICTURE + k) % len(names)] for k in range(A_PICTURE))
    truth: list[TextTruth] = []
    for script in scripts:
        truth.append(_put(rng, picture, script, [t.box[1] for t in truth]))
    dataset.PlanarConfiguration = 0
    dataset.PixelData = picture.tobytes()
    return Drawn(dataset, tuple(truth), scripts)


def _put(rng: np.random.Generator, picture: np.ndarray, script: str, taken: list[int]) -> TextTruth:
    """Draw a line of a script where none stands yet, and return its truth."""
    text = LINES[script][rng.integers(len(LINES[script]))]
    size = int(rng.integers(12, 30))
    font = font_of(script, size, bool(rng.random() < 0.3))
    left, top, right, bottom = (int(v) for v in font.getbbox(text))
    for _ in range(60):
        x, y = int(rng.integers(4, max(5, 790 - right + left))), int(rng.integers(4, 590 - bottom + top))
        if all(abs(y - other) >= APART for other in taken):
            break
    plane = Image.new("L", SIZE)
    ImageDraw.Draw(plane).text((x - left, y - top), text, font=font, fill=255)
    cover = np.asarray(plane, float)[..., None] / 255
    ink = cover[..., 0] > COVERED
    ground = float(picture[ink].mean())
    level = min(255.0, ground + float(rng.choice(CONTRASTS)))
    picture[:] = np.where(cover > 0, (picture * (1 - cover) + level * cover).astype(np.uint8), picture)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    patch = InkPatch(0, 1, box[0], box[1], ink[box[1] : box[3], box[0] : box[2]])
    where = "tissue" if ground > 8 else "black"
    return TextTruth(text, box, True, "name", size * 7 // 10, int(level - ground), where, None, (patch,))


def measure(seed: int, count: int) -> None:
    """Print what is left, and how many lines of each script were removed."""
    scrubber = Scrubber(Policy())
    gone: collections.Counter[str] = collections.Counter()
    total: collections.Counter[str] = collections.Counter()
    held = 0
    for number in range(seed, seed + count):
        made = drawn(number)
        outcome = scrubber.scrub(copy.deepcopy(made.dataset))
        if isinstance(outcome, Held):
            held += 1
            continue
        judged = score(made.dataset, made.truth, outcome.dataset)
        for script, text in zip(made.scripts, judged.texts, strict=True):
            total[script] += 1
            gone[script] += text.is_removed
            if not text.is_removed:
                told = f"{text.truth.height_px} px, {text.truth.contrast} levels, {text.truth.placement}"
                print(f"  LEFT {number} {script} ({told}) removed {text.removed:.2f}", flush=True)
    for script in total:
        print(f"  {script:<18} {gone[script]:3d} of {total[script]:3d}")
    print(f"removed {gone.total()} of {total.total()}; {held} of {count} pictures held")


def main() -> None:
    """Measure, or say which fonts are missing."""
    parser = argparse.ArgumentParser(description="Draw names in other scripts, scrub, judge by the ink.")
    parser.add_argument("--seed", type=int, default=5000)
    parser.add_argument("--count", type=int, default=60)
    options = parser.parse_args()
    try:
        for script in LINES:
            font_of(script, 12, False)
    except OSError:
        raise SystemExit("The Noto fonts are not installed: fonts-noto-core and fonts-noto-cjk.") from None
    measure(options.seed, options.count)


if __name__ == "__main__":
    main()

"""Measure detectors side by side on images that no choice was made on.

``python evaluate.py --set held-out --fonts DIRECTORY``   the test split: other fonts, layouts, seeds
``python evaluate.py --set fixtures [--seed 900]``         the project's own test generator
``python evaluate.py --set real --data DIRECTORY``         ``burned_in/*.dcm`` with ``truth/*.json``

A text counts as covered if boxes cover 95 % of its ink or, where only a box drawn by eye is known, 90 % of
that box. Everything that boxes cover outside the texts
(grown by a quarter of their height, at least 3 samples) is false area; a box with under a fifth of its area
on texts is a false blob. ``--look DIRECTORY`` writes pictures: truth green, missed red, boxes blue.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
Box = tuple[float, float, float, float]
Detect = Callable[[NDArray[np.uint8]], list[Box]]
HEIGHTS = (0, 9, 13, 19, 29, 10_000)
CONTRASTS = (0, 30, 60, 10_000)
IDENTIFYING = ("name", "id", "date", "time", "institution")


@dataclass(frozen=True)
class Text:
    """One labelled text: ``(top, left, bottom, right)``, whether it identifies, glyphs if known."""

    box: Box
    phi: bool
    height: float = 0.0
    contrast: float = 0.0
    ink: NDArray[np.bool_] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Sample:
    """An image with its texts; `complete` says whether all of its texts are labelled."""

    name: str
    image: NDArray[np.uint8] = field(repr=False)
    texts: tuple[Text, ...]
    complete: bool = True


@dataclass
class Tally:
    """Sums over the samples of a set."""

    found: dict[str, list[int]] = field(default_factory=dict)
    false_area: float = 0.0
    area: float = 0.0
    false_blobs: int = 0
    empty: list[int] = field(default_factory=lambda: [0, 0])
    seconds: float = 0.0
    megapixels: float = 0.0

    def count(self, bucket: str, hit: bool) -> None:
        """Add one text to a bucket."""
        entry = self.found.setdefault(bucket, [0, 0])
        entry[0] += hit
        entry[1] += 1

    def summary(self) -> dict[str, object]:
        """Return the figures."""
        shares = {k: f"{100 * a / b:.1f} % ({a}/{b})" for k, (a, b) in sorted(self.found.items())}
        return {
            **shares,
            "false area %": round(100 * self.false_area / max(1, self.area), 3),
            "false blobs": self.false_blobs,
            "text-free images touched": f"{self.empty[0]}/{self.empty[1]}",
            "CPU-s per 1024x768": round(self.seconds / max(1e-9, self.megapixels) * 0.786432, 3),
        }


# ---- sets -----------------------------------------------------------------------------------


def held_out(fonts: str, start: int, count: int) -> Iterator[Sample]:
    """Yield frames of the compositor's test split."""
    from compositor import frame

    for seed in range(start, start + count):
        canvas = frame(fonts, "test", seed)
        texts = [
            Text(x.box, x.kind in IDENTIFYING, x.glyph, x.contrast, _window(canvas.truth & 1 > 0, x.box))
            for x in canvas.labels
        ]
        yield Sample(f"held-out {seed}", canvas.image, tuple(texts))


def fixtures(seed: int, count: int) -> Iterator[Sample]:
    """Yield first frames of the project's generated instances."""
    from fixtures.generator import make_many

    for fixture in make_many(seed, count):
        for image in _views(fixture.to_bytes()):
            texts = [_inked(t, image.shape[:2]) for t in fixture.truth if t.frames is None or 0 in t.frames]
            yield Sample(fixture.name, image, tuple(texts))


def real(data: Path) -> Iterator[Sample]:
    """Yield first frames of the labelled images."""
    for label in sorted((data / "truth").glob("*.json")):
        path = data / "burned_in" / f"{label.stem}.dcm"
        if not path.exists():
            continue
        truth = json.loads(label.read_text())
        texts = [_text(t) for t in truth["texts"] if 0 in t.get("frames", (0,)) and not t.get("where")]
        for image in _views(path):
            yield Sample(label.stem, image, tuple(texts), truth["complete"])


def _inked(truth, shape: tuple[int, int]) -> Text:
    """Return a generated text with the ink of the first frame."""
    ink = truth.ink(0, shape)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    box = (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
    return replace(_text(truth.as_json()), box=box, ink=_window(ink, box))


def _text(entry: dict) -> Text:
    x0, y0, x1, y1 = entry["box"]
    height = min(y1 - y0, x1 - x0) if "height_px" not in entry else entry["height_px"]
    return Text(
        (y0, x0, y1, x1), entry["phi"] or bool(entry.get("quasi")), height, entry.get("contrast", 0.0)
    )


def _views(source) -> Iterator[NDArray[np.uint8]]:
    """Yield the display rendering of the first frame, if it can be decoded."""
    from scrub_pixels.errors import Refusal
    from scrub_pixels.frames import open_instance

    try:
        yield open_instance(source).views(0)[0].image
    except Refusal as error:
        print(f"left out: {type(error).__name__}", file=sys.stderr)


# ---- detectors ------------------------------------------------------------------------------


def detectors(wanted: list[str], weights: str | None) -> dict[str, Detect]:
    """Return detectors: ``net``, ``net-plain`` (no reduced pass), ``net@STRONG,WEAK``, ``db1``, ``db2``."""
    return {name: _network(name, weights) if name.startswith("net") else _db(name) for name in wanted}


def _network(name: str, weights: str | None) -> Detect:
    from scrub_pixels.text import network

    settings = network.NetworkSettings(reduced="plain" not in name)
    if "@" in name:
        strong, weak = (float(v) for v in name.partition("@")[2].split(","))
        settings = replace(settings, strong=strong, weak=weak)
    detector = (
        network.NetworkDetector(_session(weights), settings) if weights else network.load_network(1, settings)
    )
    return lambda image: _boxes(detector.detect(image))


def _session(path: str):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _db(name: str) -> Detect:
    from scrub_pixels.text.rapidocr_reader import load_rapidocr

    reader, scale = load_rapidocr(1), int(name[2:])

    def detect(image: NDArray[np.uint8]) -> list[Box]:
        if scale > 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        return [tuple(v / scale for v in box) for box in _boxes(reader.detect(image))]

    return detect


def _boxes(found) -> list[Box]:
    return [(b.region.row, b.region.column, b.region.bottom, b.region.right) for b in found]


# ---- scoring --------------------------------------------------------------------------------


def paint(boxes: list[Box], shape: tuple[int, int], grow: Callable[[Box], float]) -> NDArray[np.bool_]:
    """Return where boxes, each grown by `grow`, cover the image."""
    covered = np.zeros(shape, bool)
    for box in boxes:
        extra = grow(box)
        top, left = (max(0, int(np.floor(v - extra))) for v in box[:2])
        bottom, right = (int(np.ceil(v + extra)) for v in box[2:])
        covered[top:bottom, left:right] = True
    return covered


def _margin(box: Box) -> float:
    """What the text search adds around every line."""
    return max(1.0, 0.12 * min(box[2] - box[0], box[3] - box[1]))


def _tolerance(box: Box) -> float:
    return max(3.0, 0.25 * min(box[2] - box[0], box[3] - box[1]))


def score(tally: Tally, sample: Sample, boxes: list[Box]) -> list[bool]:
    """Add one sample; return which texts were covered."""
    shape = sample.image.shape[:2]
    covered = paint(boxes, shape, _margin)
    hits = [_is_covered(covered, t) for t in sample.texts]
    for text, hit in zip(sample.texts, hits, strict=True):
        for bucket in buckets(text):
            tally.count(bucket, hit)
    if sample.complete:
        _score_false(tally, boxes, covered, paint([t.box for t in sample.texts], shape, _tolerance))
        if not sample.texts:
            tally.empty[0] += bool(boxes)
            tally.empty[1] += 1
    return hits


def _is_covered(covered: NDArray[np.bool_], text: Text) -> bool:
    if text.ink is None or not text.ink.any():
        return _share(covered, text.box) >= 0.9
    return float(_window(covered, text.box)[text.ink].mean()) >= 0.95


def _score_false(tally: Tally, boxes: list[Box], covered: NDArray, allowed: NDArray) -> None:
    tally.false_area += int((covered & ~allowed).sum())
    tally.area += int((~allowed).sum())
    tally.false_blobs += sum(_share(allowed, box) < 0.2 for box in boxes)


def _share(covered: NDArray[np.bool_], box: Box) -> float:
    window = _window(covered, box)
    return float(window.mean()) if window.size else 1.0


def _window(mask: NDArray[np.bool_], box: Box) -> NDArray[np.bool_]:
    top, left, bottom, right = (int(round(v)) for v in box)
    return mask[max(0, top) : max(top + 1, bottom), max(0, left) : max(left + 1, right)]


def buckets(text: Text) -> Iterator[str]:
    """Yield the rows of the table that a text belongs to."""
    yield "PHI" if text.phi else "other text"
    if text.height:
        yield f"height {_bucket(text.height, HEIGHTS)}"
    if text.contrast and text.phi:
        yield f"PHI contrast {_bucket(text.contrast, CONTRASTS)}"


def _bucket(value: float, edges: tuple[int, ...]) -> str:
    low, high = next((a, b) for a, b in pairwise(edges) if a <= value < b)
    return f"{low:02}-{high - 1:02}" if high < 10_000 else f"{low:02}+"


def draw(sample: Sample, boxes: list[Box], hits: list[bool], path: Path) -> None:
    """Write a picture of truth and boxes."""
    image = sample.image if sample.image.ndim == 3 else cv2.cvtColor(sample.image, cv2.COLOR_GRAY2RGB)
    image = np.ascontiguousarray(image[..., ::-1])
    for box in boxes:
        _frame(image, box, (255, 120, 0))
    for text, hit in zip(sample.texts, hits, strict=True):
        _frame(image, text.box, (0, 200, 0) if hit else (0, 0, 255))
    cv2.imwrite(str(path), image)


def _frame(image: NDArray, box: Box, colour: tuple[int, int, int]) -> None:
    top, left, bottom, right = (int(round(v)) for v in box)
    cv2.rectangle(image, (left - 1, top - 1), (right, bottom), colour, 1)


def measure(samples: Iterator[Sample], found: dict[str, Detect], look: Path | None) -> dict[str, Tally]:
    """Run every detector over every sample."""
    tallies = {name: Tally() for name in found}
    for number, sample in enumerate(samples):
        for name, detect in found.items():
            started = time.process_time()
            boxes = detect(sample.image)
            tallies[name].seconds += time.process_time() - started
            tallies[name].megapixels += sample.image.shape[0] * sample.image.shape[1] / 1e6
            hits = score(tallies[name], sample, boxes)
            if look:
                draw(sample, boxes, hits, look / f"{number:03}_{name}.png")
    return tallies


def main() -> None:
    """Read the command line, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", choices=("held-out", "fixtures", "real"), required=True)
    parser.add_argument("--fonts", default="")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--seed", type=int, default=900)
    parser.add_argument("--count", type=int, default=80)
    parser.add_argument("--detectors", nargs="+", default=["net", "net-plain", "db1", "db2"])
    parser.add_argument("--weights")
    parser.add_argument("--look", type=Path)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    cv2.setNumThreads(1)
    sets = {
        "held-out": lambda: held_out(options.fonts, options.seed, options.count),
        "fixtures": lambda: fixtures(options.seed, options.count),
        "real": lambda: islice(real(options.data), options.count),
    }
    if options.look:
        options.look.mkdir(parents=True, exist_ok=True)
    tallies = measure(sets[options.set](), detectors(options.detectors, options.weights), options.look)
    print(json.dumps({name: tally.summary() for name, tally in tallies.items()}, indent=1))


if __name__ == "__main__":
    main()

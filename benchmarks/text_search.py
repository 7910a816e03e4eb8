"""Measure the text search on labelled images: what it finds, what it invents, what it costs.

    python benchmarks/text_search.py FOLDER [--reader rapidocr] [--limit N]

FOLDER holds ``truth/*.json`` (``file``, ``texts`` with ``box`` [x0, y0, x1, y1] and ``phi``) and the
DICOM files they name. The truth is read on the frame it names (0 if it names none). Reported are the
share of boxes covered by at least 90 % of their area, exact readings, boxes on nothing labelled, and
CPU-seconds. The output names files by number only and quotes no text.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from scrub_pixels.errors import Refusal
from scrub_pixels.frames import Limits, open_instance
from scrub_pixels.geometry import Region, coverage
from scrub_pixels.text import TextReader, TextSearch, find_text, load_reader

COVERED = 0.9


@dataclass
class Tally:
    """Sums over the files measured."""

    covered: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    labelled: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    exact: int = 0
    lines: int = 0
    false_lines: int = 0
    seconds: float = 0.0
    samples: int = 0

    def report(self) -> str:
        """Return the figures as text."""
        cost = self.seconds / max(1, self.samples) * 1e6
        return "\n".join(
            (
                f"PHI boxes covered     {self.covered[True]} of {self.labelled[True]}",
                f"other boxes covered   {self.covered[False]} of {self.labelled[False]}",
                f"boxes read exactly    {self.exact} of {sum(self.labelled.values())}",
                f"lines on no label     {self.false_lines} of {self.lines}",
                f"CPU-seconds           {self.seconds:.1f}, {cost:.2f} a megapixel",
            )
        )


@dataclass(frozen=True)
class OneFrame:
    """One frame of an Instance shown as an Instance."""

    shape: tuple[int, int]
    shown: tuple
    frames: int = 1

    @property
    def pixels(self) -> SimpleNamespace:
        """Rows and columns."""
        return SimpleNamespace(rows=self.shape[0], columns=self.shape[1])

    def views(self, frame: int) -> tuple:
        """Return the views of the one frame."""
        return self.shown


def labelled(folder: Path) -> Iterator[tuple[Path, int, list[dict]]]:
    """Yield file, frame and texts of every truth whose texts stand in the main pixels of that frame."""
    for path in sorted((folder / "truth").glob("*.json")):
        truth = json.loads(path.read_text())
        frame = truth.get("truth_frame") or 0
        texts = [t for t in truth["texts"] if frame in t.get("frames", [frame])]
        if texts and all(t.get("where", "pixels") == "pixels" for t in texts):
            yield folder / truth["file"], frame, texts


def measure(folder: Path, reader: TextReader, limit: int | None) -> Tally:
    """Search every labelled frame and compare."""
    tally = Tally()
    for number, (path, frame, texts) in enumerate(labelled(folder)):
        if limit is not None and number >= limit:
            break
        try:
            instance = open_instance(path, Limits())
            views = instance.views(frame)
        except Refusal as refusal:
            print(f"file {number}: not measured ({refusal.code})")
            continue
        shape = views[0].image.shape[:2]
        begin = time.process_time()
        search = find_text(OneFrame(shape, views), reader)
        tally.seconds += time.process_time() - begin
        tally.samples += shape[0] * shape[1]
        compare(search, texts, tally)
    return tally


def compare(search: TextSearch, texts: list[dict], tally: Tally) -> None:
    """Add one search and its truth to the sums."""
    found = coverage([line.region for line in search.lines], search.shape)
    near = np.zeros(search.shape, bool)
    for text in texts:
        left, top, right, bottom = (int(v) for v in text["box"])
        near[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3] = True
        tally.labelled[text["phi"]] += 1
        tally.covered[text["phi"]] += bool(found[top:bottom, left:right].mean() >= COVERED)
        tally.exact += is_read(search, Region(top, left, bottom - top, right - left), text["text"])
    tally.lines += len(search.lines)
    tally.false_lines += sum(near[line.region.slices].mean() < 0.1 for line in search.lines)


def is_read(search: TextSearch, place: Region, expected: str) -> bool:
    """Tell whether the lines over a place read what stands there, spaces and case apart."""
    over = [line for line in search.lines if _share(line.region, place) > 0.5]
    reading = "".join(line.reading for line in sorted(over, key=lambda line: line.region.column))
    return "".join(reading.split()).upper() == "".join(expected.split()).upper()


def _share(a: Region, b: Region) -> float:
    shared = a.intersection(b)
    return shared.area / min(a.area, b.area) if shared else 0.0


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reader", default="rapidocr")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    print(measure(options.folder, load_reader(options.reader), options.limit).report())


if __name__ == "__main__":
    main()

"""Other tools and ours on the same generated images, side by side: ``python -m benchmarks.peers``.

Every tool gets the same Instances with seeds that no choice was made on, runs in this process, and
is judged by the ink alone (`fixtures.scoring`). What is not installed is said and left out:
EasyOCR (extra ``[easyocr]``), dentdeid (``pip install --no-deps dentdeid``) and Presidio's image
redactor (``presidio-image-redactor`` with Tesseract and a spaCy model).
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from fixtures import KINDS, Fixture, make_fixture
from fixtures.scoring import InstanceScore, score_fixture
from scrub_pixels import Scrubbed, Scrubber
from scrub_pixels.decisions import Redaction
from scrub_pixels.errors import MissingDependency, ScrubError
from scrub_pixels.frames import open_instance
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.masks import mask, with_pixels
from scrub_pixels.text import load_reader

Tool = Callable[[Dataset], "Dataset | None"]
"""Takes an Instance, returns what the tool delivers; None if it delivers nothing."""

MARGIN = 2
"""Samples by which the boxes of a bare reader are grown, as its users do."""


def ours() -> Tool:
    """Return the whole pipeline under its default policy; what it holds is not delivered."""
    scrubber = Scrubber()

    def scrub(dataset: Dataset) -> Dataset | None:
        outcome = scrubber.scrub(dataset)
        return outcome.dataset if isinstance(outcome, Scrubbed) else None

    return scrub


def everything(reader: str) -> Tool:
    """Return a tool that reads every frame, and blackens every box the reader's own detector draws."""
    engine = load_reader(reader, 1)

    def boxes(image: np.ndarray) -> list[Region]:
        found = [box.region for box in engine.detect(image)]
        engine.recognize([np.ascontiguousarray(image[region.slices]) for region in found])
        return found

    return blackening(boxes)


def rapidocr_package() -> Tool:
    """Return a tool that blackens every box of the package ``rapidocr``, run as it is shipped."""
    settings = {f"EngineConfig.onnxruntime.{name}_op_num_threads": 1 for name in ("intra", "inter")}
    engine = import_module("rapidocr").RapidOCR(params={"Global.log_level": "critical", **settings})

    def boxes(image: np.ndarray) -> list[Region]:
        found = engine(image).boxes
        corners = [] if found is None else [np.asarray(quad) for quad in found]
        edges = [(*quad.min(axis=0)[::-1], *quad.max(axis=0)[::-1]) for quad in corners]
        regions = (Region.from_edges(*(float(edge) for edge in each)) for each in edges)
        return [inside for inside in (r.clipped(image.shape[:2]) for r in regions) if inside]

    return blackening(boxes)


def blackening(boxes: Callable[[np.ndarray], list[Region]]) -> Tool:
    """Return a tool that blackens what `boxes` returns for every frame, with a small margin."""

    def scrub(dataset: Dataset) -> Dataset:
        instance, redactions = open_instance(dataset), []
        for frame in range(instance.frames):
            image = instance.views(frame)[0].image
            grown = [region.expanded(MARGIN, MARGIN, image.shape[:2]) for region in boxes(image)]
            redactions += [Redaction(region, FrameSpan(frame, frame + 1), "box") for region in grown]
        return with_pixels(instance.dataset, mask(instance, redactions))

    return scrub


def dentdeid() -> Tool:
    """Return dentdeid as shipped (profile "basic"), one file at a time."""
    engine = import_module("dentdeid")
    config = engine.get_profile("basic").with_(previews=False, rename=False)

    def scrub(dataset: Dataset) -> Dataset | None:
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "in.dcm", Path(folder) / "out"
            dataset.save_as(source, enforce_file_format=True)
            engine.DeIdentifier(config).run([source], out)
            found = sorted(out.glob("**/*.dcm"))
            return pydicom.dcmread(found[0], force=True) if found else None

    return scrub


def presidio() -> Tool:
    """Return Presidio's DICOM redactor as shipped."""
    engine = import_module("presidio_image_redactor").DicomImageRedactorEngine()
    return lambda dataset: engine.redact(dataset, fill="background")


TOOLS: dict[str, Callable[[], Tool]] = {
    "scrub-pixels": ours,
    "RapidOCR on everything": functools.partial(everything, "rapidocr"),
    "RapidOCR package on everything": rapidocr_package,
    "EasyOCR on everything": functools.partial(everything, "easyocr"),
    "dentdeid 0.1": dentdeid,
    "Presidio image redactor": presidio,
}


@dataclass
class Sums:
    """What one tool did so far."""

    scores: list[InstanceScore] = field(default_factory=list)
    blank: list[bool] = field(default_factory=list)
    instances: int = 0
    frames: int = 0
    seconds: float = 0.0
    failed: int = 0

    def add(self, fixture: Fixture, tool: Tool) -> None:
        """Run a tool on one Instance and judge it."""
        self.instances += 1
        self.frames += int(fixture.dataset.get("NumberOfFrames", 1) or 1)
        start, output = time.process_time(), None
        try:
            output = tool(fixture.dataset)
        except ScrubError:
            pass  # not delivered
        except Exception:  # noqa: BLE001  (other people's tools fail in ways of their own; that is counted)
            self.failed += 1
        self.seconds += time.process_time() - start
        if output is not None:
            self._judge(fixture, output)

    def _judge(self, fixture: Fixture, output: Dataset) -> None:
        score = score_fixture(fixture, output)
        self.scores.append(score)
        if not fixture.truth:
            self.blank.append(score.touched)

    def row(self) -> list[str]:
        """Return the cells of the table."""
        phi = [t.is_removed for s in self.scores for t in s.identifying]
        kept = [t.is_kept for s in self.scores for t in s.harmless]
        clean = [s.clean for s in self.scores if s.identifying]
        lost = [s.lit_lost for s in self.scores]
        return [f"{len(self.scores)} of {self.instances}", _share(phi), _share(clean), _share(kept),
                _share(self.blank), f"{100 * float(np.mean(lost or [0])):.2f} %",
                f"{self.seconds / max(1, self.frames):.2f}",
                f"{self.frames / max(1e-9, self.seconds):.1f}", str(self.failed)]


COLUMNS = ("delivered", "PHI texts removed", "instances wholly clean", "harmless text kept",
           "text-free images touched", "lit area lost", "CPU-s a frame", "frames a CPU-s", "crashes")


def _share(good: list[bool]) -> str:
    return f"{100 * sum(good) / len(good):.1f} % of {len(good)}" if good else "-"


def made(seed: int, kind: str, frames: int | None) -> Fixture:
    """Return an Instance of a kind; if it is a cine, of so many frames."""
    longest = KINDS[kind].frames[1] - 1
    return make_fixture(seed, kind, frames=frames if longest > 1 else None)


def main() -> None:
    """Run all tools that are installed over the same seeds and print a table in Markdown."""
    parser = argparse.ArgumentParser(description="Compare tools on generated images with unseen seeds.")
    parser.add_argument("--seed", type=int, default=61000)
    parser.add_argument("--count", type=int, default=42)
    parser.add_argument("--frames", type=int, help="frames of every cine; the generator's few if not given")
    parser.add_argument("--tools", default="", help="part of the names of the tools to run")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    kinds = list(KINDS)
    print("| tool | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 1))
    for name, load in TOOLS.items():
        if options.tools not in name:
            continue
        try:
            tool = load()
        except (ImportError, MissingDependency) as error:
            print(f"| {name} | not installed ({type(error).__name__}) |")
            continue
        sums = Sums()
        for n in range(options.count):
            sums.add(made(options.seed + n, kinds[n % len(kinds)], options.frames), tool)
        print(f"| {name} | " + " | ".join(sums.row()) + " |", flush=True)


if __name__ == "__main__":
    main()

"""Scrub labelled images and judge the result by the ink: ``python -m benchmarks.labelled FOLDER``.

FOLDER holds ``truth/<name>.json`` files and the DICOM files they name. Judged from the pixels
alone, independently of what the scrubber claims: *removed* means that almost none of the ink of an
identifying text is still there in any frame, *kept* that almost all of the ink of a harmless one is.
Ink is what `scrub-pixels evaluate` takes for it. That command judges what is displayed, within what a
lossy re-encoding may change; here a stored sample that differs at all has changed.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import functools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scrub_pixels import Held, Policy, Scrubbed, Scrubber
from scrub_pixels.errors import ScrubError
from scrub_pixels.frames import Instance, open_instance
from scrub_pixels.policy import load_policy
from scrub_pixels.run.evaluate.judging import ink_in

GONE, STANDING = 0.95, 0.95
"""Shares of the ink that must be gone to count as removed, or unchanged to count as kept."""


@dataclass(frozen=True)
class Judged:
    """One label and what became of it."""

    file: str
    text: str
    phi: bool
    kind: str
    quasi: bool
    outcome: str
    changed: float


@dataclass(frozen=True)
class Result:
    """One file: its disposition, its labels, its cost."""

    file: str
    disposition: str
    reason: str
    labels: tuple[Judged, ...]
    frames: int
    seconds: float
    lost: float


def ink(image: np.ndarray, box: list[int]) -> np.ndarray:
    """Mask of the samples in `box` that stand out from the box's own background."""
    x0, y0, x1, y1 = box
    crop = image[y0:y1, x0:x1].astype(np.float32)
    return ink_in(crop.reshape(*crop.shape[:2], -1)).mask


def change(shown: list[np.ndarray], different: np.ndarray, box: list[int]) -> float:
    """Share of the ink in `box`, in the first rendering that has any, whose stored samples changed."""
    mask = next((m for m in (ink(image, box) for image in shown) if m.any()), None)
    x0, y0, x1, y1 = box
    if mask is None:
        return float(different[y0:y1, x0:x1].mean())
    return float(different[y0:y1, x0:x1][mask].mean())


def flat(after: np.ndarray, box: list[int]) -> float:
    """Share of `box` that has one and the same stored value afterwards: black on black is gone, too."""
    x0, y0, x1, y1 = box
    crop = after[y0:y1, x0:x1].reshape((y1 - y0) * (x1 - x0), -1)
    _, counts = np.unique(crop, axis=0, return_counts=True)
    return float(counts.max() / counts.sum())


def differences(before: Instance, after: Instance, frame: int) -> np.ndarray:
    """Mask of the positions whose stored samples differ."""
    old, new = before.stored_raw(frame), after.stored_raw(frame)
    return (old != new).reshape(*old.shape[:2], -1).any(axis=-1)


def _frames(label: dict, count: int) -> Iterator[int]:
    yield from label.get("frames") or ([0] if label.get("dynamic") else sorted({0, count // 2, count - 1}))


def judge(truth: dict, before: Instance, outcome: Scrubbed) -> tuple[list[Judged], float]:
    """Compare the displayed frames before and after, label by label."""
    after = open_instance(outcome.dataset)
    shown = functools.lru_cache(4)(lambda frame: [view.image for view in before.views(frame)])
    changed = functools.lru_cache(4)(lambda frame: differences(before, after, frame))
    elsewhere = ("overlay", "icon")
    labels = [label for label in truth["texts"] if not str(label.get("where", "")).startswith(elsewhere)]
    looks = (shown, changed, functools.lru_cache(4)(after.stored))
    judged = [_judge_label(truth["file"], label, looks, before.frames) for label in labels]
    return judged, float(changed(0).mean())


def _judge_label(file: str, label: dict, looks: tuple, count: int) -> Judged:
    shown, changed, stored = looks
    changes = [change(shown(frame), changed(frame), label["box"]) for frame in _frames(label, count)]
    if label["phi"]:
        flats = [flat(stored(frame), label["box"]) for frame in _frames(label, count)]
        changes = [max(pair) for pair in zip(changes, flats, strict=True)]
    share = min(changes) if label["phi"] else max(changes)
    verdict = "removed" if share >= GONE else "kept" if share <= 1 - STANDING else "in part"
    return Judged(file, label["text"], label["phi"], label["kind"], bool(label.get("quasi")), verdict, share)


@functools.lru_cache(1)
def scrubber_for(policy: Policy) -> Scrubber:
    return Scrubber(policy)


def measure(folder: Path, truth_file: Path, policy: Policy) -> Result:
    """Scrub and judge one labelled file."""
    truth = json.loads(truth_file.read_text())
    scrubber = scrubber_for(policy)
    start = time.process_time()
    try:
        outcome = scrubber.scrub(folder / truth["file"])
    except ScrubError as error:
        return Result(truth["file"], "refused", str(error), (), 0, time.process_time() - start, 0.0)
    seconds = time.process_time() - start
    if isinstance(outcome, Held):
        return Result(truth["file"], "held", "; ".join(outcome.reasons), (), 0, seconds, 0.0)
    labels, lost = judge(truth, open_instance(folder / truth["file"]), outcome)
    return Result(truth["file"], "released", "", tuple(labels), outcome.evidence.frames, seconds, lost)


def report(results: list[Result]) -> str:
    """Lay out the figures as text."""
    lines = []
    dispositions = collections.Counter(r.disposition for r in results)
    lines.append(f"files {len(results)}: " + ", ".join(f"{n} {d}" for d, n in dispositions.items()))
    lines += [f"  {r.disposition}: {r.file}: {r.reason}" for r in results if r.disposition != "released"]
    labels = [label for r in results for label in r.labels]
    groups = {"phi": [x for x in labels if x.phi],
              "technical": [x for x in labels if not x.phi and x.kind == "technical"],
              "other, quasi": [x for x in labels if not x.phi and x.kind != "technical"]}
    for name, group in groups.items():
        count = collections.Counter(x.outcome for x in group)
        total = max(1, len(group))
        shares = ", ".join(f"{k} {v} ({100 * v / total:.1f} %)" for k, v in sorted(count.items()))
        lines.append(f"{name}: {len(group)} labels: {shares}")
    lines += [f"  LEFT {x.file}: {x.kind} {x.text!r} changed {x.changed:.2f}"
              for x in labels if x.phi and x.outcome != "removed"]
    lines += [f"  lost {x.file}: {x.text!r} changed {x.changed:.2f}"
              for x in groups["technical"] if x.outcome != "kept"]
    frames, seconds = sum(r.frames for r in results), sum(r.seconds for r in results)
    lines.append(f"CPU-seconds a frame: {seconds / max(1, frames):.2f} ({frames} frames, {seconds:.0f} s)")
    slow = sorted(results, key=lambda r: -r.seconds)[:6]
    lines += [f"  {r.seconds:6.1f} s {r.frames:4d} frames {r.file} lost {100 * r.lost:.2f} %" for r in slow]
    return "\n".join(lines)


def main() -> None:
    """Run over every truth file of a folder."""
    parser = argparse.ArgumentParser(description="Scrub labelled images and judge the result by the ink.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--policy", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="", help="part of the file names to run")
    options = parser.parse_args()
    policy = load_policy(options.policy) if options.policy else Policy()
    truths = sorted(p for p in (options.folder / "truth").glob("*.json") if options.only in p.name)
    work = functools.partial(measure, options.folder, policy=policy)
    if options.jobs == 1:
        results = [work(t) for t in truths]
    else:
        with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
            results = list(pool.map(work, truths))
    print(report(results))


if __name__ == "__main__":
    main()

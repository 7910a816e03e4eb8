"""Scrub generated images with unseen seeds and judge the result by the ink.

``python -m benchmarks.generated --seed 5000 --count 60`` prints how many identifying texts were
removed and how many harmless ones kept, by kind of image, height, contrast and placement.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import functools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.labelled import scrubber_for
from fixtures import KINDS, make_fixture
from fixtures.scoring import InstanceScore, score_fixture
from scrub_pixels import Held, Policy
from scrub_pixels.errors import ScrubError
from scrub_pixels.policy import load_policy


@dataclass(frozen=True)
class Outcome:
    """One generated instance: how it ended, its score if released, what it cost."""

    name: str
    kind: str
    disposition: str
    score: InstanceScore | None
    reason: str
    frames: int
    seconds: float


def measure(job: tuple[int, str], policy: Policy, fonts: str) -> Outcome:
    """Make, scrub and judge one instance."""
    seed, kind = job
    fixture = make_fixture(seed, kind, fonts=fonts)
    scrubber = scrubber_for(policy)
    frames = int(fixture.dataset.get("NumberOfFrames", 1) or 1)
    start = time.process_time()
    try:
        outcome = scrubber.scrub(fixture.dataset)
    except ScrubError as error:
        return Outcome(fixture.name, kind, "refused", None, str(error), frames, time.process_time() - start)
    seconds = time.process_time() - start
    if isinstance(outcome, Held):
        return Outcome(fixture.name, kind, "held", None, "; ".join(outcome.reasons), frames, seconds)
    judged = score_fixture(fixture, outcome.dataset)
    return Outcome(fixture.name, kind, "released", judged, "", frames, seconds)


def height_of(text) -> str:
    """Return the bucket of a text's height."""
    return "< 8 px" if text.height_px < 8 else "8-11 px" if text.height_px < 12 else "12 px +"


def contrast_of(text) -> str:
    """Return the bucket of a text's contrast."""
    return "< 25 levels" if text.contrast < 25 else "25-39 levels" if text.contrast < 40 else "40 levels +"


def table(title: str, texts: Iterable, key: Callable, good: Callable) -> list[str]:
    """Count how many texts of each group are good."""
    groups = collections.defaultdict(list)
    for text in texts:
        groups[key(text.truth)].append(good(text))
    rows = [f"  {name:<16} {sum(g):4d} of {len(g):4d}  {100 * sum(g) / len(g):5.1f} %"
            for name, g in sorted(groups.items())]
    return [title, *rows]


def report(outcomes: list[Outcome]) -> str:
    """Lay out the figures as text."""
    counts = collections.Counter(o.disposition for o in outcomes)
    lines = [f"{len(outcomes)} instances: " + ", ".join(f"{n} {d}" for d, n in counts.items())]
    lines += [f"  {o.disposition}: {o.name}: {o.reason}" for o in outcomes if o.disposition != "released"]
    texts = [text for o in outcomes if o.score for text in o.score.texts]
    phi = [t for t in texts if t.truth.phi]
    plain = [t for t in texts if not t.truth.phi and not t.truth.quasi]
    firm = [t for t in phi if t.truth.height_px >= 8 and t.truth.contrast >= 40]
    lines += table("PHI removed, 8 px and 40 levels up, by placement", firm, lambda t: t.placement, _removed)
    lines += table("PHI removed by height", phi, height_of, _removed)
    lines += table("PHI removed by contrast", phi, contrast_of, _removed)
    lines += table("PHI removed by kind", phi, lambda t: t.kind, _removed)
    lines += table("harmless kept by kind", plain, lambda t: t.kind, lambda t: t.is_kept)
    lines += _misses(outcomes) + _cost(outcomes)
    return "\n".join(lines)


def _removed(text) -> bool:
    return text.is_removed


def _misses(outcomes: list[Outcome]) -> list[str]:
    lines = []
    for o in outcomes:
        for t in o.score.texts if o.score else ():
            if t.truth.phi and not t.is_removed:
                what = f"{t.truth.height_px} px, {t.truth.contrast} levels, {t.truth.placement}"
                lines.append(f"  LEFT {o.name} {t.truth.text!r} ({what}) removed {t.removed:.2f}")
            if not t.truth.phi and not t.is_kept and t.truth.kind == "technical":
                lines.append(f"  lost {o.name} {t.truth.text!r} kept {t.kept:.2f}")
    return lines


def _cost(outcomes: list[Outcome]) -> list[str]:
    blank = [o for o in outcomes if o.kind.startswith("blank")]
    touched = sum(o.score is None or o.score.touched for o in blank)
    released = [o for o in outcomes if o.score]
    mean = sum(o.score.collateral for o in released) / max(1, len(released))
    frames, seconds = sum(o.frames for o in outcomes), sum(o.seconds for o in outcomes)
    return [f"text-free images touched or held: {touched} of {len(blank)}",
            f"area lost beside PHI: {100 * mean:.2f} % on average",
            f"CPU-seconds a frame: {seconds / frames:.2f} ({frames} frames)"]


def main() -> None:
    """Run over a range of seeds, all kinds in turn."""
    parser = argparse.ArgumentParser(description="Scrub generated images with unseen seeds; judge by ink.")
    parser.add_argument("--seed", type=int, default=5000)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--kind", default="", help="only kinds that begin so")
    parser.add_argument("--fonts", choices=("bundled", "system"), default="bundled")
    parser.add_argument("--policy", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    kinds = [kind for kind in KINDS if kind.startswith(options.kind)]
    jobs = [(options.seed + n, kinds[n % len(kinds)]) for n in range(options.count)]
    policy = load_policy(options.policy) if options.policy else Policy()
    work = functools.partial(measure, policy=policy, fonts=options.fonts)
    if options.jobs == 1:
        outcomes = [work(job) for job in jobs]
    else:
        with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
            outcomes = list(pool.map(work, jobs))
    print(report(outcomes))


if __name__ == "__main__":
    main()

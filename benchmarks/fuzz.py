"""Damaged files: open, decode, mask, prove; no crash, no hang, nothing released that was not proven.

Mutates real files (the fixtures, the grid's Instances of every transfer syntax, and a folder of
DICOM files if one is named) and takes each through every stage but the reading of text, in worker
processes with a time limit. A mutation is named by seed and number, so each case can be had again.

    python -m benchmarks.fuzz [FOLDER] [--cases 20000] [--seed 1] [--jobs 1] [--only N]
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.grid import BUILD_ERRORS, cells
from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import Refusal
from scrub_pixels.frames import Limits, open_instance
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.masks import codestream_comments, mask, prove, with_pixels
from scrub_pixels.run.executors import TIME_LIMIT, Casualty, ProcessExecutor
from tests.instances import saved

KEY = b"fuzz" * 8
LARGEST = 400_000
LIMITS = Limits(max_frame_samples=2**22, max_pixel_bytes=2**26, max_file_bytes=2**24)
SECONDS = 30.0
EVERY = 23
"""One of so many cells of the grid is a seed."""
EDGES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)


@dataclass(frozen=True)
class Case:
    """One mutated file: which seed file, and which mutation of it."""

    number: int
    seed: int
    data: bytes

    def mutated(self) -> bytes:
        """Return the bytes of the damaged file."""
        random = np.random.default_rng((self.seed, self.number))
        data = bytearray(self.data)
        for _ in range(int(random.integers(1, 5))):
            _MUTATIONS[int(random.integers(len(_MUTATIONS)))](data, random)
        return bytes(data)


def _place(data: bytearray, random: np.random.Generator) -> int:
    """Pick a place: the header more often than its length would have it."""
    if random.random() < 0.2:
        return int(random.integers(132, max(133, min(len(data), 1400))))
    return int(random.integers(132, max(133, len(data))))


def _flip(data: bytearray, random: np.random.Generator) -> None:
    place = min(_place(data, random), len(data) - 1)
    data[place] ^= 1 << int(random.integers(8))


def _edge(data: bytearray, random: np.random.Generator) -> None:
    place = min(_place(data, random), len(data) - 1)
    data[place] = EDGES[int(random.integers(len(EDGES)))]


def _run(data: bytearray, random: np.random.Generator) -> None:
    place, length = _place(data, random), int(random.integers(1, 40))
    data[place : place + length] = random.bytes(length)


def _cut(data: bytearray, random: np.random.Generator) -> None:
    place = _place(data, random)
    del data[place : place + int(random.integers(1, 60))]


def _copy(data: bytearray, random: np.random.Generator) -> None:
    source, place, length = _place(data, random), _place(data, random), int(random.integers(1, 200))
    data[place:place] = data[source : source + length]


def _end(data: bytearray, random: np.random.Generator) -> None:
    del data[max(140, _place(data, random)) :]


def _tail(data: bytearray, random: np.random.Generator) -> None:
    data += random.bytes(int(random.integers(1, 60)))


_MUTATIONS = (_flip, _flip, _edge, _edge, _run, _cut, _copy, _end, _tail)


def seeds(folder: Path | None = None, every: int = EVERY) -> Iterator[bytes]:
    """Yield files: cells of the grid of every syntax, one in `every`, and what is in a folder."""
    seen: Counter[str] = Counter()
    for number, cell in enumerate(cells()):
        seen[cell.recipe.syntax] += 1
        if seen[cell.recipe.syntax] > 1 and number % every:
            continue
        try:
            yield saved(cell.build()[0])
        except BUILD_ERRORS:
            continue
    for path in sorted(folder.rglob("*.dcm")) if folder else ():
        if path.stat().st_size <= LARGEST:
            yield path.read_bytes()


def cases(files: list[bytes], count: int, seed: int) -> Iterator[Case]:
    """Yield `count` cases, the files in turn."""
    for number in range(count):
        yield Case(number, seed, files[number % len(files)])


def take(case: Case) -> str:
    """Take one case through the stages; return how it ended.

    ``proven``, ``held`` (text may stand beside the picture), ``refused: CODE``, ``unproven`` (a
    redaction that the samples do not show after all) or ``crash: ERROR``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _through(case.mutated())
        except Refusal as refusal:
            return f"refused: {refusal.code}"
        except Exception as error:  # noqa: BLE001 - a crash is a result here
            return f"crash: {type(error).__name__}: {error} @ {_where(error)}"


def _quietly(case: Case) -> str:
    """Take a case in a worker, whose libraries shall not say what they think of a damaged file."""
    logging.disable(logging.CRITICAL)
    return take(case)


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"


def _through(data: bytes) -> str:
    original = open_instance(data, LIMITS)
    if original.pixels is None:
        return "no pixels"
    for frame in range(min(original.frames, 3)):
        original.views(frame)
    rows, columns = original.pixels.shape
    region = Region(min(3, rows - 1), min(5, columns - 1), 11, 17)
    masked = mask(original, [Redaction(region, FrameSpan(0, 1), "fuzz")])
    candidate = open_instance(with_pixels(original.dataset, masked), LIMITS)
    if candidate.transfer_syntax.encapsulated and any(
        codestream_comments(candidate.encoded(frame)) for frame in range(candidate.frames)
    ):
        return "held"
    prove(original, candidate, masked, KEY)
    return "proven" if _black(candidate, region) else "unproven"


def _black(candidate, region: Region) -> bool:
    """Look at the released picture itself: one colour where the redaction is (an up-sampled fringe apart)."""
    samples = candidate.stored(0)[region.slices]
    luma = samples[..., 0] if samples.ndim == 3 else samples
    return bool(np.ptp(luma.astype(np.float64)) <= 16 * max(1, 2 ** (candidate.pixels.bits_stored - 8)))


def campaign(files: list[bytes], count: int, seed: int, jobs: int) -> tuple[Counter[str], list[str]]:
    """Run all cases; return how often each end occurred, and what must not occur with its number."""
    ends: Counter[str] = Counter()
    bad: list[str] = []
    for case, end in ProcessExecutor(jobs, SECONDS).run(_quietly, cases(files, count, seed)):
        if isinstance(end, Casualty):
            end = "hang" if end == TIME_LIMIT else f"died: {end.message}"
        ends[end.split(" @ ")[0] if end.startswith("crash") else end] += 1
        if end.startswith(("crash", "hang", "died", "unproven")):
            bad.append(f"case {case.number}: {end}")
            print(bad[-1], flush=True)
    return ends, bad


def main() -> int:
    """Print how the cases ended; exit 1 if any crashed, hung or went unproven."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", type=int, help="take this case alone, in this process")
    options = parser.parse_args()
    files = list(seeds(options.folder))
    if options.only is not None:
        case = Case(options.only, options.seed, files[options.only % len(files)])
        print(_through(case.mutated()))
        return 0
    print(f"{options.cases} cases from {len(files)} files, seed {options.seed}")
    ends, bad = campaign(files, options.cases, options.seed, options.jobs)
    for end, count in ends.most_common():
        print(f"{count:7d}  {end}")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())

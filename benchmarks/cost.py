"""What one Instance costs: ``python -m benchmarks.cost``.

CPU-seconds of a 1024x768 frame from bytes to a proven result, beside decoding it and reading its text with
the reader's detector alone; every frame is shown once, so that nothing is remembered of it. Where the time
goes: passes, samples and CPU-seconds of every network. Then a cine: its peak memory beside the size of
its Pixel Data, and for each of several transfer syntaxes its cost beside that of decoding and encoding every
frame and nothing else, by the stages of the pipeline, and how many frames were decoded on the way.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import functools
import io
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import cv2
import numpy as np

from fixtures import make_fixture
from scrub_pixels import Policy, Scrubber, pipeline
from scrub_pixels.frames import Instance, encode_frame, open_instance

MEBI = 2**20
JPEG_QUALITY = 90
CINES = (
    ("native RGB", "RGB", "explicit"),
    ("RLE RGB", "RGB", "rle"),
    ("JPEG YBR_FULL_422", "YBR_FULL_422", "jpeg"),
    ("JPEG-LS RGB", "RGB", "jpegls"),
    ("JPEG 2000 YBR_RCT", "YBR_RCT", "j2k"),
)


PIPELINE = ("find_text", "decide", "mask", "prove")
"""Stages whose cost is told apart; decoding is a part of each of them and counted beside."""


class Clock:
    """CPU-seconds and calls of functions, by name."""

    def __init__(self) -> None:
        self.spent: collections.Counter[str] = collections.Counter()
        self.calls: collections.Counter[str] = collections.Counter()

    @contextlib.contextmanager
    def running(self) -> Iterator[Clock]:
        """Measure the stages of the pipeline, and the decoding of frames, as long as this lasts."""
        with contextlib.ExitStack() as stack:
            for owner, name in (*((pipeline, name) for name in PIPELINE), (Instance, "_decode")):
                timed = self._timed(name, getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, timed))
            yield self

    def _timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.process_time()
            try:
                return work(*arguments, **named)
            finally:
                self.spent[name] += time.process_time() - start
                self.calls[name] += 1

        return timed

    def __str__(self) -> str:
        stages = ", ".join(f"{name} {self.spent[name]:.2f}" for name in PIPELINE)
        return f"  {stages}; decoding {self.spent['_decode']:.2f} for {self.calls['_decode']} frames"


@dataclass
class Counted:
    """A session of ONNX Runtime, and what was asked of it."""

    session: Any
    passes: int = 0
    samples: int = 0
    seconds: float = 0.0

    def run(self, outputs: Any, feed: dict[str, np.ndarray]) -> Any:
        """Run the session and count."""
        start = time.process_time()
        result = self.session.run(outputs, feed)
        self.seconds += time.process_time() - start
        self.passes += 1
        self.samples += sum(value.size // 3 for value in feed.values())
        return result


@dataclass
class Stages:
    """The networks of a Scrubber, each behind a `Counted` one."""

    counted: dict[str, Counted] = field(default_factory=dict)

    @classmethod
    def of(cls, scrubber: Scrubber) -> Stages:
        """Put a `Counted` before every network of a Scrubber."""
        network, reader = scrubber.detectors.fine, scrubber.reader._reader
        stages = cls()
        for name, owner, attribute in (
            ("detector", network, "_session"),
            ("second detector", reader, "_detector"),
            ("recogniser", reader, "_recognizer"),
        ):
            stages.counted[name] = Counted(getattr(owner, attribute))
            setattr(owner, attribute, stages.counted[name])
        return stages

    def report(self, whole: float, frames: int) -> str:
        """Return passes, samples and CPU-seconds a frame of each network, and of everything else."""
        rest = whole - sum(c.seconds for c in self.counted.values())
        lines = [
            f"  {name:16} {c.passes / frames:6.1f} passes {c.samples / frames / 1e6:6.3f} Msamples "
            f"{c.seconds / frames:6.3f} CPU-s a frame"
            for name, c in self.counted.items()
        ]
        return "\n".join([*lines, f"  {'everything else':16} {rest / frames:37.3f} CPU-s a frame"])


def seconds(work: Callable[[], object]) -> float:
    """CPU-seconds of `work` in this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def single_frames(count: int) -> None:
    """Print the cost of single frames of 1024x768, each shown for the first time."""
    scrubber = Scrubber(Policy())
    scrubber.scrub(frame_of(7999))  # memory is asked for and code is loaded once in a run
    stages = Stages.of(scrubber)
    costs, decoding, reading = [], [], []
    for seed in range(8000, 8000 + count):
        data = frame_of(seed)
        decoding.append(seconds(lambda data=data: open_instance(data).views(0)))
        costs.append(seconds(lambda data=data: scrubber.scrub(data)))
        print(f"seed {seed}: {costs[-1]:.2f} CPU-s all in; decoding {decoding[-1]:.3f}", flush=True)
    print(f"median {np.median(costs):.2f}, mean {np.mean(costs):.2f} CPU-s a 1024x768 frame, of which")
    print(stages.report(sum(costs), count))
    plain = Scrubber(Policy()).reader
    for seed in range(8000, 8000 + count):
        image = open_instance(frame_of(seed)).views(0)[0].image
        reading.append(seconds(lambda image=image: plain.detect(image)))
    alone = np.median(reading)
    print(f"  {np.median(costs) / alone:.1f} x the reader's detector alone ({alone:.2f} CPU-s)")


def frame_of(seed: int) -> bytes:
    """Return a file with one frame of 1024x768."""
    memory = io.BytesIO()
    make_fixture(seed, "us_sector", size=(1024, 768)).dataset.save_as(memory, enforce_file_format=True)
    return memory.getvalue()


def memory_of_cine() -> None:
    """Print peak memory and cost of a long cine; run in a process of its own."""
    dataset = cine("RGB", "explicit", 100)
    size = len(dataset.PixelData)
    scrubber = Scrubber(Policy())
    spent = seconds(lambda: scrubber.scrub(dataset))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"100 frames of 800x600 ({size / MEBI:.0f} MiB): {spent:.1f} CPU-s, "
        f"peak memory of the process {peak / MEBI:.0f} MiB"
    )


def cine(photometric: str, syntax: str, frames: int) -> Any:
    """Return a cine of 800x600 with standing text, a clock, a counter and moving tissue."""
    made = make_fixture(
        8100, "us_cine", size=(800, 600), frames=frames, photometric=photometric, syntax=syntax
    )
    return made.dataset


def cines(frames: int) -> None:
    """Print what cines cost beside decoding and encoding their frames and nothing else."""
    for number, (name, photometric, syntax) in enumerate(CINES):
        dataset = cine(photometric, syntax, frames)
        scrubber = Scrubber(Policy())
        scrubber.scrub(frame_of(7999))
        stages = Stages.of(scrubber)
        plain = min(seconds(lambda dataset=dataset: recoded(open_instance(dataset))) for _ in range(2))
        with Clock().running() as clock:
            whole = seconds(functools.partial(scrubber.scrub, dataset))
        print(
            f"{frames} frames of 800x600, {name}: {whole:.1f} CPU-s, {whole / plain:.1f} x decoding "
            f"and encoding ({plain:.2f})\n{clock}",
            flush=True,
        )
        if not number:
            print(stages.report(whole, frames))


def recoded(instance: Instance) -> None:
    """Decode and encode every frame, and do nothing else."""
    uid = instance.transfer_syntax.uid
    for frame in range(instance.frames):
        samples = instance.stored(frame)
        if "JPEG" in instance.transfer_syntax.name and instance.transfer_syntax.lossy:
            cv2.imencode(".jpg", samples, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        else:
            encode_frame(samples, instance.pixels, uid)


def main() -> None:
    """Run all of it, the measurement of memory in a process of its own."""
    parser = argparse.ArgumentParser(description="What one Instance costs.")
    parser.add_argument("--count", type=int, default=12, help="single frames")
    parser.add_argument("--frames", type=int, default=60, help="frames of a cine")
    parser.add_argument("--cine", action="store_true", help="only the memory of a cine, in this process")
    options = parser.parse_args()
    if options.cine:
        memory_of_cine()
        return
    single_frames(options.count)
    subprocess.run([sys.executable, "-m", "benchmarks.cost", "--cine"], check=True)
    cines(options.frames)


if __name__ == "__main__":
    main()

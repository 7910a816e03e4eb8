"""What one Instance costs: ``python -m benchmarks.cost``.

CPU-seconds of a 1024x768 frame from bytes to a proven result, beside decoding it and reading its text
with the reader alone (the floor and the peer, in the same run); and the peak memory of a 100-frame
800x600 cine, beside the size of its Pixel Data.
"""

from __future__ import annotations

import argparse
import io
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from fixtures import make_fixture
from scrub_pixels import Policy, Scrubber
from scrub_pixels.frames import open_instance

MEBI = 2**20


def seconds(work: Callable[[], object]) -> float:
    """CPU-seconds of `work` in this process, the least of three runs."""
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def single_frames(count: int) -> None:
    """Print the cost of single frames of 1024x768."""
    scrubber = Scrubber(Policy())
    ratios = []
    for seed in range(count):
        dataset = make_fixture(8000 + seed, "us_sector", size=(1024, 768)).dataset
        memory = io.BytesIO()
        dataset.save_as(memory, enforce_file_format=True)
        data = memory.getvalue()
        decode = seconds(lambda data=data: open_instance(data).views(0))
        read = seconds(lambda data=data: scrubber.reader.detect(open_instance(data).views(0)[0].image))
        # Another Scrubber for each frame would pay for loading; a fresh instance has no cache to lean on.
        whole = seconds(lambda data=data: scrubber.scrub(data))
        ratios.append((whole, decode, read))
        line = f"{whole:.2f} CPU-s all in; decoding {decode:.3f}; reader's detector alone {read:.2f}"
        print(f"seed {8000 + seed}: {line}")
    whole, decode, read = np.median(ratios, axis=0)
    print(f"median {whole:.2f} CPU-s a 1024x768 frame: {whole / read:.1f} x the reader's detector alone")


def cine() -> None:
    """Print peak memory and cost of a long cine; run in a process of its own."""
    dataset = make_fixture(
        8100, "us_cine", size=(800, 600), frames=100, photometric="RGB", syntax="explicit"
    ).dataset
    size = len(dataset.PixelData)
    scrubber = Scrubber(Policy())
    start = time.process_time()
    outcome = scrubber.scrub(dataset)
    spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"100 frames of 800x600 ({size / MEBI:.0f} MiB): {type(outcome).__name__}, {spent:.0f} CPU-s, "
        f"peak memory of the process {peak / MEBI:.0f} MiB"
    )


def main() -> None:
    """Run both, the cine in its own process."""
    parser = argparse.ArgumentParser(description="What one Instance costs.")
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--cine", action="store_true", help="only the cine, in this process")
    options = parser.parse_args()
    if options.cine:
        cine()
        return
    single_frames(options.count)
    subprocess.run([sys.executable, "-m", "benchmarks.cost", "--cine"], check=True)


if __name__ == "__main__":
    main()

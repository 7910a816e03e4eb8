"""What masking a long cine costs: memory at 200 and at 2,000 frames, time against decode and encode.

Memory is the peak of a process that opens a cine, masks every frame and proves it, less what the
process held before, less the file and the result, which are held whole. Time is that of masking
every frame against decoding, and encoding again, every frame with the same codecs and nothing else.

    python -m benchmarks.long_cine [--frames 200 2000] [--cost-frames 20]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np

from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.frames import Instance, encode_frame, join_frames, open_instance
from scrub_pixels.frames import syntaxes as known
from scrub_pixels.frames.encapsulation import encapsulate_whole
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.masks import mask, prove, with_pixels
from tests.instances import Recipe, jpeg, make_instance, saved

ROWS, COLUMNS = 240, 320
TEXT = Region(4, 6, 15, 120)
KEY = b"cine" * 8
H264 = "1.2.840.10008.1.2.4.102"
KINDS = {
    "native RGB": Recipe(ROWS, COLUMNS, photometric="RGB"),
    "JPEG Baseline": Recipe(ROWS, COLUMNS, photometric="YBR_FULL_422", syntax=known.JPEG_BASELINE),
    "RLE": Recipe(ROWS, COLUMNS, photometric="RGB", syntax=known.RLE_LOSSLESS),
    "H.264": Recipe(ROWS, COLUMNS, photometric="YBR_PARTIAL_420", syntax=H264),
}
RECODED = {
    "RLE": known.RLE_LOSSLESS,
    "JPEG Lossless SV1": known.JPEG_LOSSLESS_SV1,
    "JPEG-LS": known.JPEG_LS_LOSSLESS,
    "JPEG 2000": known.JPEG_2000_LOSSLESS,
    "HTJ2K": known.HTJ2K_LOSSLESS,
    "JPEG XL": known.JPEG_XL_LOSSLESS,
    "Deflated frames": known.DEFLATED_FRAME,
}


@lru_cache(maxsize=8)
def encoded(kind: str, number: int) -> bytes:
    """Return one frame, encoded."""
    if kind == "JPEG Baseline":
        return jpeg(picture(number), 90)
    return encode_frame(picture(number), KINDS[kind].description, KINDS[kind].syntax)


@lru_cache(maxsize=8)
def picture(number: int) -> np.ndarray:
    """Return an RGB frame: speckle on black, a line of text above it."""
    random = np.random.default_rng(number)
    noise = cv2.GaussianBlur(random.rayleigh(60, (ROWS, COLUMNS)).astype(np.float32), (0, 0), 1.2)
    speckle = noise.clip(0, 255).astype(np.uint8)
    speckle[:24] = 0
    cv2.putText(speckle, "DOE JANE", (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255)
    return np.repeat(speckle[..., None], 3, axis=2)


def frames_of(kind: str, count: int) -> Iterator[bytes]:
    """Yield encoded frames, eight different ones in turn."""
    return (encoded(kind, number % 8) for number in range(count))


def cine(kind: str, count: int) -> bytes:
    """Return a file of `count` frames."""
    recipe = KINDS[kind].__class__(**{**KINDS[kind].__dict__, "frames": count})
    if kind == "H.264":
        value = encapsulate_whole(film(count))
    else:
        value = join_frames(frames_of(kind, count), recipe.description, recipe.syntax)
    return saved(make_instance(recipe, pixel_data=value))


def film(count: int) -> bytes:
    """Return an H.264 film in an MP4."""
    import av

    target = BytesIO()
    writer = av.open(target, "w", format="mp4")
    track = writer.add_stream("libx264", rate=25, options={"preset": "veryfast"})
    track.width, track.height, track.pix_fmt = COLUMNS, ROWS, "yuv420p"
    for number in range(count):
        writer.mux(track.encode(av.VideoFrame.from_ndarray(picture(number % 8), "rgb24")))
    writer.mux(track.encode(None))
    writer.close()
    return target.getvalue()


def redactions(frames: int) -> list[Redaction]:
    """Return the one text that stands in every frame."""
    return [Redaction(TEXT, FrameSpan(0, frames), "bench")]


def peak_of(path: Path) -> tuple[int, int]:
    """Return kB of peak memory beyond the start, and size of the result, of this process."""
    before = _status("VmRSS")
    original = open_instance(path)
    masked = mask(original, redactions(original.frames))
    prove(original, open_instance(with_pixels(original.dataset, masked)), masked, KEY)
    return _status("VmHWM") - before, len(masked.value)


def _status(name: str) -> int:
    """Return kB that Linux says of this process; its peak begins anew with each program."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def measured(kind: str, count: int, folder: Path) -> tuple[float, float, float]:
    """Return MB of the file, MB of the peak, and MB beyond file and result, of a fresh process."""
    path = folder / f"{count}.dcm"
    path.write_bytes(cine(kind, count))
    command = [sys.executable, "-m", "benchmarks.long_cine", "--measure", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    peak, result, size = int(said[0]) * 1024, int(said[1]), path.stat().st_size
    path.unlink()
    return size / 1e6, peak / 1e6, (peak - size - result) / 1e6


def cost(uid: str, count: int) -> tuple[float, float]:
    """Return seconds of masking every frame, and of decoding and encoding every frame."""
    recipe = Recipe(ROWS, COLUMNS, count, "RGB", syntax=uid)
    dataset = make_instance(recipe, [picture(number) for number in range(count)])
    masking = best(lambda: mask(open_instance(dataset), redactions(count)))
    return masking, best(lambda: recoded(open_instance(dataset), uid))


def recoded(instance: Instance, uid: str) -> None:
    """Decode and encode every frame, and do nothing else."""
    for frame in range(instance.frames):
        encode_frame(instance.stored(frame), instance.pixels, uid)


def best(work: Callable[[], object]) -> float:
    """Return the least CPU time of five runs: other work can only make one slower."""
    times = []
    for _ in range(5):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--cost-frames", type=int, default=20)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(*peak_of(options.measure))
        return
    print("kind              frames   file MB   peak MB   beyond file and result MB")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            for count in options.frames:
                size, peak, beyond = measured(kind, count, Path(folder))
                print(f"{kind:16} {count:7d} {size:9.1f} {peak:9.1f} {beyond:9.1f}", flush=True)
    print("\nsyntax             mask ms   decode+encode ms   ratio")
    for name, uid in RECODED.items():
        masking, plain = cost(uid, options.cost_frames)
        per = 1000 / options.cost_frames
        print(f"{name:16} {masking * per:9.2f} {plain * per:18.2f} {masking / plain:7.2f}", flush=True)


if __name__ == "__main__":
    main()

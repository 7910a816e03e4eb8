"""How fast JPEG frames are masked in the coefficient domain.

Measures CPU time per frame of `blacken` on synthetic ultrasound-like frames, and beside it what
others need: `jpegtran -copy none` (decode and encode the entropy coding, one process a frame),
jpeglib (read and write the coefficients through files in shared memory), and Pillow (decode,
paint, encode: what this project refuses to do, since it changes every sample).

    python benchmarks/jpeg_editing.py [--frames 20]
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import jpeglib
import numpy as np
from PIL import Image, ImageDraw

from scrub_pixels.geometry import Region
from scrub_pixels.masks.jpeg_edit import blacken

SIZES = ((240, 320), (480, 640), (600, 800), (768, 1024))
SAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
BLACK = (0, 128, 128)
ROUNDS = 5


def frame(rows: int, columns: int, seed: int) -> Image.Image:
    """Return a speckled sector on black with lines of text above and below it."""
    random = np.random.default_rng(seed)
    speckle = cv2.GaussianBlur(random.rayleigh(60, (rows, columns)).astype(np.float32), (0, 0), 1.2)
    y, x = np.mgrid[0:rows, 0:columns] - np.array([rows * 0.1, columns / 2])[:, None, None]
    sector = (np.hypot(x, y) < rows * 0.75) & (np.abs(np.arctan2(x, y)) < 0.7)
    picture = Image.fromarray(np.where(sector, speckle.clip(0, 255), 0).astype(np.uint8)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    draw.text((5, 3), "DOE^JANE 19700101  GENERAL HOSPITAL", fill="white")
    draw.text((5, rows - 15), "12/03/2024 14:05:33  MI 0.9 TIS 0.4", fill="yellow")
    return picture


def regions(rows: int, columns: int) -> list[Region]:
    """Return the boxes to mask: a line above, a line below."""
    return [Region(2, 3, 15, columns // 3), Region(rows - 17, 3, 15, columns // 4)]


def encode(picture: Image.Image, subsampling: int) -> bytes:
    """Return a JPEG of quality 90."""
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=90, subsampling=subsampling)
    return buffer.getvalue()


def cpu_ms(work: Callable[[bytes], object], frames: list[bytes]) -> float:
    """Return milliseconds of CPU time per frame, those of child processes included; the best of rounds.

    Other work on the machine can only make a round slower, never faster.
    """
    work(frames[0])
    return min(_round(work, frames) for _ in range(ROUNDS))


def _round(work: Callable[[bytes], object], frames: list[bytes]) -> float:
    before = time.process_time() + _children()
    for data in frames:
        work(data)
    return (time.process_time() + _children() - before) / len(frames) * 1000


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def by_jpegtran(data: bytes) -> bytes:
    """Return the stream coded again by the reference tool."""
    return subprocess.run(["jpegtran", "-copy", "none"], input=data, capture_output=True, check=True).stdout


def by_jpeglib(data: bytes) -> bytes:
    """Return the stream coded again through jpeglib, which works on files."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        source, target = Path(folder, "in.jpg"), Path(folder, "out.jpg")
        source.write_bytes(data)
        read = jpeglib.read_dct(str(source))
        read.Y[:2, :20] = 0
        read.write_dct(str(target))
        return target.read_bytes()


def by_pillow(data: bytes) -> bytes:
    """Return the stream decoded and encoded again."""
    picture = Image.open(BytesIO(data))
    picture.load()
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality="keep")
    return buffer.getvalue()


def row(rows: int, columns: int, sampling: str, count: int) -> str:
    """Measure one kind of frame and return its line of the table."""
    frames = [encode(frame(rows, columns, seed), SAMPLING[sampling]) for seed in range(count)]
    boxes = regions(rows, columns)
    own = cpu_ms(lambda data: blacken(data, boxes, BLACK), frames)
    others = {"jpeglib": cpu_ms(by_jpeglib, frames), "pillow": cpu_ms(by_pillow, frames)}
    tran = cpu_ms(by_jpegtran, frames) if shutil.which("jpegtran") else None
    ratio = f"{tran:8.1f} {own / tran:6.1f}x" if tran else "  absent      -"
    size = sum(map(len, frames)) / count / 1000
    return (
        f"{columns}x{rows:<5} {sampling} {size:7.0f} {own:8.1f} {ratio} "
        f"{others['jpeglib']:8.1f} {others['pillow']:7.1f} {own / others['pillow']:6.1f}x"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20)
    count = parser.parse_args().frames
    print("frame      samp      kB   own ms jpegtran  ratio  jpeglib  pillow  ratio")
    for rows, columns in SIZES:
        for sampling in SAMPLING:
            print(row(rows, columns, sampling, count), flush=True)


if __name__ == "__main__":
    main()

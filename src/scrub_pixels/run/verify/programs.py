"""Video by programs beside PyAV: mpeg2dec and dec265, which are codecs of their own, and ffmpeg.

A program is given the stream as an open file without a name, and what it writes is read frame by
frame, so that nothing of an input ever stands on disk under a name.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.errors import Refusal
from scrub_pixels.frames import Instance
from scrub_pixels.frames.video import PIXEL_FORMATS, Video

SECONDS = 600.0
_LONGEST_LINE = 64
_ENDS = {"mpeg2video": b"\0\0\1\xb7"}
"""Said once more at the end: without its sequence_end_code mpeg2dec keeps the last pictures to itself."""


class CannotDecode(Exception):
    """A decoder is not installed, or does not take these frames."""


@dataclass(frozen=True)
class Program:
    """One program that decodes video.

    Parameters
    ----------
    names
        What it is called, by system.
    codecs
        FFmpeg's names of the codecs it is used for.
    arguments
        From the video and the path of the open file.
    bare
        True if it takes the coded pictures alone, out of their container.
    frames
        Reads frames from what it writes.
    """

    names: tuple[str, ...]
    codecs: frozenset[str]
    arguments: Callable[[Video, str], list[str]]
    bare: bool
    frames: Callable[[IO[bytes], Video], Iterator[NDArray]]

    def __call__(self, instance: Instance) -> Iterator[NDArray]:
        """Yield ``(Rows, Columns, 3)`` of every frame, chroma repeated.

        Raises
        ------
        CannotDecode
            If the program is not there, is not for this codec, or fails.
        """
        video, path = instance.video, next(filter(None, map(shutil.which, self.names)), None)
        if video is None or path is None or video.codec not in self.codecs:
            raise CannotDecode
        with TemporaryFile() as file:
            file.write(_coded_pictures(video) if self.bare else video.data)
            file.flush()
            command = [path, *self.arguments(video, f"/dev/fd/{file.fileno()}")]
            with _running(command, file.fileno()) as output:
                yield from self.frames(output, video)


def _coded_pictures(video: Video) -> bytes:
    try:
        return b"".join(video.units()) + _ENDS.get(video.codec, b"")
    except Refusal:
        raise CannotDecode from None


@contextmanager
def _running(command: list[str], given: int) -> Iterator[IO[bytes]]:
    """Run a program that may read one open file, for a limited time; yield what it writes."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, pass_fds=(given,))
    except OSError:
        raise CannotDecode from None
    limit = threading.Timer(SECONDS, process.kill)
    limit.start()
    try:
        if process.stdout is not None:
            yield process.stdout
    finally:
        limit.cancel()
        process.kill()
        process.communicate()


def _planar(output: IO[bytes], video: Video) -> Iterator[NDArray]:
    """Yield frames of planes one after the other, as long as whole ones come."""
    rows, columns = video.description.shape
    bits, down, across = PIXEL_FORMATS[video.pixel_format]
    small = (-(-rows // down), -(-columns // across))
    kind = np.dtype("u1" if bits == 8 else "<u2")
    sizes = [rows * columns, small[0] * small[1], small[0] * small[1]]
    while len(data := output.read(sum(sizes) * kind.itemsize)) == sum(sizes) * kind.itemsize:
        luma, blue, red = np.split(np.frombuffer(data, kind), np.cumsum(sizes)[:-1])
        yield _stacked(luma.reshape(rows, columns), (blue.reshape(small), red.reshape(small)), (down, across))


def _stacked(luma: NDArray, chroma: tuple[NDArray, NDArray], steps: tuple[int, int]) -> NDArray:
    """Return one array of three channels, every sample of chroma repeated over those of luma it is for."""
    rows, columns = luma.shape
    full = [plane.repeat(steps[0], 0).repeat(steps[1], 1)[:rows, :columns] for plane in chroma]
    return np.stack([luma, *full], axis=-1).astype(luma.dtype.newbyteorder("="), copy=False)


def _greymaps(output: IO[bytes], video: Video) -> Iterator[NDArray]:
    """Yield frames of PGM pictures with both planes of chroma side by side below luma, as mpeg2dec writes."""
    rows, columns = video.description.shape
    while output.readline(_LONGEST_LINE) == b"P5\n":
        try:
            width, height = map(int, output.readline(_LONGEST_LINE).split())
        except ValueError:
            raise CannotDecode from None
        output.readline(_LONGEST_LINE)
        data = output.read(width * height)
        if len(data) < width * height or width < columns or height * 2 // 3 < rows:
            raise CannotDecode
        picture = np.frombuffer(data, np.uint8).reshape(height, width)
        below, half = picture[height * 2 // 3 :], width // 2
        yield _stacked(picture[:rows, :columns], (below[:, :half], below[:, half:]), (2, 2))


def _ffmpeg(video: Video, path: str) -> list[str]:
    """Open the container we opened and no other, follow no references, and turn and drop nothing."""
    inside = ["-ignore_editlist", "1", "-enable_drefs", "0"] if video.container == "mp4" else []
    return ["-nostdin", "-v", "error", "-xerror", "-threads", "1", "-protocol_whitelist", "file",
            "-noautorotate", *inside, "-f", video.container, "-i", path, "-map", "0:v:0",
            "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", video.pixel_format, "pipe:1"]


PROGRAMS = {
    "mpeg2dec": Program(("mpeg2dec",), frozenset({"mpeg2video"}), lambda video, path: ["-o", "pgmpipe", path],
                        True, _greymaps),
    "dec265": Program(("dec265", "libde265-dec265"), frozenset({"hevc"}),
                      lambda video, path: ["-q", "-t", "0", "-o", "/dev/stdout", path], True, _planar),
    "ffmpeg": Program(("ffmpeg",), frozenset({"mpeg2video", "h264", "hevc"}), _ffmpeg, False, _planar),
}
"""By name, in order of preference: ffmpeg last, since PyAV holds the same library in another build."""

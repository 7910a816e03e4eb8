"""What a file holds that neither an attribute nor a frame shows: bytes between, behind and beside them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from pydicom import dcmwrite

from scrub_pixels.frames import Instance
from scrub_pixels.frames.syntaxes import IMPLICIT_LITTLE
from scrub_pixels.header.needles import Needles
from scrub_pixels.header.reading import ODD_DATA
from scrub_pixels.masks import codestream_comments
from scrub_pixels.run.verify.remarks import Remark, passed_or

CHECK = "hidden"
PREAMBLE, CHUNK = 128, 1 << 20


def hidden(path: Path, after: Instance, needles: Needles, *, searched: bool) -> list[Remark]:
    """Look where readers of DICOM do not: preamble, doubled elements, comments and tails of codestreams.

    Parameters
    ----------
    path, after
        A released file, and what it was opened as.
    needles
        What must not be spelt in the bytes of encoded frames; none without the input.
    searched
        True if its frames were searched; headers alone pass with their Pixel Data as they are.
    """
    return passed_or(CHECK, [*_outside(path, after), *(_in_pixels(after, needles) if searched else ())])


def _outside(path: Path, after: Instance) -> Iterator[str]:
    with path.open("rb") as file:
        if file.read(PREAMBLE).strip(b"\0"):
            yield "the preamble is not empty"
        file.seek(PREAMBLE)
        if not _is_written_anew(file, after):
            yield "writing its data set anew gives another file: some of its bytes are read by nobody"


def _is_written_anew(file: IO[bytes], after: Instance) -> bool:
    """Tell whether the data set that was read, written again, is what stands behind the preamble."""
    plain = copy.copy(after.dataset)
    plain.preamble = bytes(PREAMBLE)
    syntax = after.transfer_syntax
    with TemporaryFile() as twin:
        try:
            dcmwrite(twin, plain, implicit_vr=syntax.uid == IMPLICIT_LITTLE,
                     little_endian=syntax.little_endian, force_encoding=True)
        except ODD_DATA:
            return False
        twin.seek(PREAMBLE)
        return all(chunk == twin.read(CHUNK) for chunk in _chunks(file)) and not twin.read(1)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _in_pixels(after: Instance, needles: Needles) -> Iterator[str]:
    if after.pixels is None:
        return
    if after.unused_bits:
        yield "bits outside Bits Stored are set"
    if after.video is None and after.surplus is not None:
        yield "Pixel Data holds more than its frames"
    if after.transfer_syntax.encapsulated:
        yield from dict.fromkeys(fault for n in range(after.frames) for fault in _in_frame(after, n, needles))


def _in_frame(after: Instance, frame: int, needles: Needles) -> Iterator[str]:
    data = after.encoded(frame)
    if codestream_comments(data):
        yield "a codestream carries a comment or application data"
    if needles.in_bytes(data, after.transfer_syntax.holds_samples):
        yield "an identifier of the input is spelt in the bytes of a frame"

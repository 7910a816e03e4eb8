"""Frames as pictures, straight from the input: what a worker does, which keeps the inputs it has open.

The functions `facts`, `window` and `picture` are given to a shelter; `scrub_pixels.review.showing` does so.
"""

from __future__ import annotations

import functools
import hashlib
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.decisions import Redaction
from scrub_pixels.errors import Refusal, ScrubError
from scrub_pixels.frames import Instance, Limits, open_instance, shows_slide_label
from scrub_pixels.frames.lookup import Window, rendering
from scrub_pixels.review.masked import masked_frame
from scrub_pixels.review.views import PLAIN, Form, Picture, Rendering
from scrub_pixels.run.discovery import Source, read_whole
from scrub_pixels.run.limits import Cost
from scrub_pixels.run.work import unforeseen
from scrub_pixels.store.queue import Entry, NoSuchEntry

BYTES_OF_INPUTS = 256 << 20
JPEG_QUALITY, PNG_LEVEL = 90, 1
FRAMES_PER_SECOND = 25.0

Kept = TypeVar("Kept")


class Cache(Generic[Kept]):
    """The values used last, up to a number of bytes; for several threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._values: OrderedDict[Hashable, tuple[Kept, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Kept | None:
        """Return a value, and remember that it was used."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Hashable, value: Kept, size: int) -> Kept:
        """Keep a value; the ones used longest ago go."""
        with self._lock:
            self._bytes += size - self._values.pop(key, (value, 0))[1]
            self._values[key] = value, size
            while self._bytes > self._most and len(self._values) > 1:
                self._bytes -= self._values.popitem(last=False)[1][1]
        return value


@dataclass(frozen=True)
class Opened:
    """An input that is open, the digest of its bytes, and the turn to decode it."""

    instance: Instance = field(repr=False)
    digest: str = field(repr=False)
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an input without decoding a frame.

    Parameters
    ----------
    digest
        SHA-256 of its bytes.
    sop_instance
        SOP Instance UID; identifies.
    rows, columns, frames
        Size; rows and columns are 0 if there are no frames.
    frames_per_second
        Of the cine module, or a usual one.
    inverse
        Whether low values are shown bright.
    slide_label
        Whether it shows the label of a slide, which is masked as a whole.
    """

    digest: str = field(repr=False)
    sop_instance: str = field(repr=False)
    rows: int
    columns: int
    frames: int
    frames_per_second: float
    inverse: bool
    slide_label: bool


@dataclass(frozen=True)
class Look:
    """One question about one input; picklable.

    Parameters
    ----------
    entry
        Which input.
    limits
        Sizes above which it is not opened.
    cost
        What the answer may cost its worker.
    frame, wanted, masked
        Which frame, how it is shown, and what is masked in it.
    session
        Who asks: what is open for one is not kept for another.
    """

    entry: Entry
    limits: Limits
    cost: Cost = Cost()
    frame: int = 0
    wanted: Rendering = PLAIN
    masked: tuple[Redaction, ...] = field(default=(), repr=False)
    session: str = ""


Answer = TypeVar("Answer")


def facts(look: Look) -> Facts:
    """Return what is known of an input without decoding a frame.

    Raises
    ------
    Refusal
        If it cannot be opened, or is too large.
    """
    return asked(look, _facts)


def window(look: Look) -> tuple[float, float] | None:
    """Return the window that an input is shown by at first; see `window_of`."""
    return asked(look, lambda opened: window_of(opened.instance))


def picture(look: Look) -> Picture:
    """Return one frame as a picture, with redactions as the masker would leave them.

    Raises
    ------
    NoSuchEntry
        If there is no such frame.
    Refusal
        If it does not decode, or cannot be redacted.
    """
    return asked(look, lambda opened: _picture(opened.instance, look))


def asked(look: Look, answer: Callable[[Opened], Answer]) -> Answer:
    """Open an input, or take it as it is open, and return an answer about it within what it may cost.

    Raises
    ------
    Refusal
        If it cannot be opened, or what follows needs more memory than there may be.
    """
    try:
        with look.cost.limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote values
            opened = _inputs(look.limits, look.session).opened(look.entry)
            with opened.turn:
                return answer(opened)
    except ScrubError:
        raise
    except MemoryError:
        raise Refusal("The memory did not suffice to show this image.", stage="decode",
                      remedy="Use a machine with more memory, or another program.") from None
    except Exception as error:  # noqa: BLE001 - a hostile image must not end the site; nothing is quoted
        raise unforeseen(error) from None


@functools.lru_cache(maxsize=1)
def _inputs(limits: Limits, session: str) -> Inputs:
    return Inputs(limits)


class Inputs:
    """The inputs of entries that are open.

    Parameters
    ----------
    limits
        Sizes above which an input is not opened.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: Cache[Opened] = Cache(BYTES_OF_INPUTS)
        self._opening = threading.Lock()

    def opened(self, entry: Entry) -> Opened:
        """Open the input of an entry, or return it if it is open.

        Raises
        ------
        Refusal
            If it cannot be opened, or is too large.
        """
        key = (entry.key, entry.path, entry.member, *stamp(entry))
        with self._opening:
            known = self._open.get(key)
            if known is not None:
                return known
            content = content_of(source_of(entry), self._limits)
            opened = Opened(open_instance(content, self._limits), hashlib.sha256(content).hexdigest())
            return self._open.put(key, opened, len(content))


def _facts(opened: Opened) -> Facts:
    instance = opened.instance
    rows, columns = instance.pixels.shape if instance.pixels else (0, 0)
    frames = instance.frames if instance.pixels else 0
    return Facts(opened.digest, str(instance.dataset.get("SOPInstanceUID") or ""), rows, columns, frames,
                 speed_of(instance), is_inverse(instance), frames > 0 and shows_slide_label(instance.dataset))


def _picture(instance: Instance, look: Look) -> Picture:
    if not 0 <= look.frame < instance.frames:
        raise NoSuchEntry("There is no such frame.", remedy="Load the entry again.")
    return Picture(_encoded(_image(instance, look), look.wanted), look.wanted.form)


def _image(instance: Instance, look: Look) -> NDArray[np.uint8]:
    if not look.wanted.masked:
        return _shown(instance, look.frame, look.wanted)
    # Black must not change how the rest is shown: before and after are to be compared.
    window = look.wanted.window or _automatic(instance, look.frame)
    alone = masked_frame(instance, look.frame, look.masked, look.limits)
    return _shown(alone, 0, replace(look.wanted, window=window))


def source_of(entry: Entry) -> Source:
    """Return the input of an entry as a run knows it."""
    path = entry.path if "://" in entry.path else Path(entry.path)
    return Source(path, entry.relative, entry.member, entry.size, entry.modified)


def stamp(entry: Entry) -> tuple[int, int]:
    """Return size and time of an entry's file as they are now; zeros if the system does not tell."""
    return _stamp(source_of(entry))


def _stamp(source: Source) -> tuple[int, int]:
    try:
        status = os.stat(source.path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def content_of(source: Source, limits: Limits) -> bytes:
    """Return the bytes of an input, which alone are looked at and scrubbed from then on.

    Raises
    ------
    Refusal
        If it cannot be read, or is larger than the limits.
    """
    given = replace(source, size=_stamp(source)[0] if source.member is None else source.size)
    content = given.read(limits.max_file_bytes)
    return content if isinstance(content, bytes) else read_whole(content)


def window_of(instance: Instance) -> tuple[float, float] | None:
    """Return centre and width of the window that a frame is shown by at first; None in colour.

    It is the header's, or one that spans what is shown where the header has none.
    """
    if not _is_grey(instance):
        return None
    voi = rendering(instance.dataset, 0, little_endian=_little(instance)).voi
    if isinstance(voi, Window):
        return float(voi.center), float(voi.width)
    return _automatic(instance, 0) or _spanning(*_modal(instance, 0)[1:])


def is_inverse(instance: Instance) -> bool:
    """Tell whether low values are shown bright (MONOCHROME1)."""
    return instance.pixels is not None and instance.pixels.photometric == "MONOCHROME1"


def _is_grey(instance: Instance) -> bool:
    pixels = instance.pixels
    return pixels is not None and pixels.photometric.startswith("MONOCHROME") and pixels.bits_stored > 1


def _automatic(instance: Instance, frame: int) -> tuple[float, float] | None:
    """Return the window that shows a grey frame as it is shown if its header says nothing; else None."""
    shown = rendering(instance.dataset, frame, little_endian=_little(instance))
    pixels = instance.pixels
    if not _is_grey(instance) or pixels is None or shown.voi is not None or shown.modality is not None:
        return None
    if pixels.bits_stored == 8 and not pixels.signed and not pixels.floating:
        return _spanning(shown.intercept, 255 * shown.slope + shown.intercept)
    return _spanning(*_modal(instance, frame)[1:])


def _spanning(low: float, high: float) -> tuple[float, float]:
    """Return the window that shows `low` black and `high` white (PS3.3 C.11.2.1.2.1)."""
    return (low + high + 1) / 2, high - low + 1


def speed_of(instance: Instance) -> float:
    """Return the frames per second of a cine (PS3.3 C.7.6.5), or a usual one."""
    number: Any = instance.dataset.get("CineRate") or instance.dataset.get("RecommendedDisplayFrameRate")
    milliseconds: Any = instance.dataset.get("FrameTime")
    try:
        rate = float(number) if number else 1000.0 / float(milliseconds)
    except (TypeError, ValueError, ZeroDivisionError):
        return FRAMES_PER_SECOND
    return min(60.0, max(1.0, rate)) if rate == rate else FRAMES_PER_SECOND


def _little(instance: Instance) -> bool:
    return instance.dataset.original_encoding[1] is not False


def _shown(instance: Instance, frame: int, wanted: Rendering) -> NDArray[np.uint8]:
    if wanted.window is None or window_of(instance) is None:
        return instance.views(frame)[0].image
    values, _, _ = _modal(instance, frame)
    grey = Window(*wanted.window).apply(values)
    if is_inverse(instance):
        grey = 1 - grey
    return np.rint(grey * 255).astype(np.uint8)


def _modal(instance: Instance, frame: int) -> tuple[NDArray[Any], float, float]:
    """Return modality values of a frame, and their range."""
    shown = rendering(instance.dataset, frame, little_endian=_little(instance))
    stored = instance.stored(frame)
    values = shown.modality.apply(stored) if shown.modality else shown.slope * stored + shown.intercept
    return values, float(values.min()), float(values.max())


def _encoded(image: NDArray[np.uint8], wanted: Rendering) -> bytes:
    longest = max(image.shape[:2])
    if 0 < wanted.longest < longest:
        scale = wanted.longest / longest
        size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    ordered = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])
    suffix, options = _ENCODERS[wanted.form]
    return cv2.imencode(suffix, ordered, list(options))[1].tobytes()


_ENCODERS = {
    Form.PNG: (".png", (cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL)),
    Form.JPEG: (".jpg", (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)),
}

"""What can find and read text: two small protocols, and the table of readers that come with the package.

A `TextDetector` says *where* text stands, a `TextRecognizer` says *what* a cropped line reads. They
are kept apart so that another detector can be put before any recogniser. A `TextReader` is both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib import import_module
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.errors import MissingDependency, UsageError
from scrub_pixels.geometry import Region

Image = NDArray[np.uint8]
"""``(Rows, Columns)`` grey or ``(Rows, Columns, 3)`` RGB samples, 0 to 255."""


@dataclass(frozen=True, slots=True)
class TextBox:
    """A place that a detector takes for text.

    Parameters
    ----------
    region
        Upright rectangle around it, in coordinates of the image that was searched.
    score
        The detector's confidence, 0 to 1.
    plain
        Whether the ground around it is even enough to tell ink from paper; the search fills it in.
    code
        Whether it is a barcode or a QR code: neither taken apart nor read.
    quad
        Corners of slanted text as four ``(column, row)`` pairs, clockwise from the corner where
        the line begins; None for upright text. A box with corners stands beside those without: only
        the search for slanted text takes it.
    """

    region: Region
    score: float
    plain: bool = True
    code: bool = False
    quad: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a recogniser made of one crop; the text never enters a repr, it may be a name.

    Parameters
    ----------
    text
        The characters, empty if none were recognised.
    confidence
        Mean confidence over the characters, 0 to 1 (0 if there are none).
    """

    text: str = field(repr=False)
    confidence: float


@runtime_checkable
class TextDetector(Protocol):
    """Says where text stands."""

    name: str

    def detect(self, image: Image) -> list[TextBox]:
        """Return the boxes found in `image`, at the scale given and in its coordinates."""
        ...


@runtime_checkable
class TextRecognizer(Protocol):
    """Says what a cropped line of horizontal text reads."""

    name: str

    def recognize(self, crops: Sequence[Image]) -> list[Reading]:
        """Return one Reading for each crop, in the order given."""
        ...


@runtime_checkable
class TextReader(TextDetector, TextRecognizer, Protocol):
    """Detector and recogniser in one."""


class RememberingReader:
    """A reader that recognises every appearance once, whichever frame, Instance or second look shows it.

    Overlay text looks the same in every frame and in every Instance of a device. Kept are digests of
    crops and what they read, in memory only; threads may share one.

    Parameters
    ----------
    reader
        What reads.
    most
        Readings kept in each of two generations; when one is full, the older one goes.
    """

    def __init__(self, reader: TextReader, most: int = 16_384) -> None:
        self._reader, self._most = reader, most
        self._recent: dict[bytes, Reading] = {}
        self._older: dict[bytes, Reading] = {}
        self.name = reader.name

    def detect(self, image: Image) -> list[TextBox]:
        """Return the boxes the reader finds in `image`."""
        return self._reader.detect(image)

    def recognize(self, crops: Sequence[Image]) -> list[Reading]:
        """Return one Reading for each crop, in the order given; only new ones reach the network."""
        keys = [_digest(crop) for crop in crops]
        found = {key: self._recent.get(key) or self._older.get(key) for key in keys}
        new = {key: crop for key, crop in zip(keys, crops, strict=True) if found[key] is None}
        read = dict(zip(new, self._reader.recognize(list(new.values())), strict=True)) if new else {}
        for key, reading in read.items():
            self._keep(key, reading)
        return [found[key] or read[key] for key in keys]

    def _keep(self, key: bytes, reading: Reading) -> None:
        if len(self._recent) >= self._most:
            self._older, self._recent = self._recent, {}
        self._recent[key] = reading


def _digest(crop: Image) -> bytes:
    shape = repr(crop.shape).encode()
    return blake2b(np.ascontiguousarray(crop).tobytes(), digest_size=16, key=shape).digest()


@dataclass(frozen=True, slots=True)
class ReaderEntry:
    """How a reader is made: the module and function that load it, and what to install."""

    module: str
    function: str
    remedy: str

    def load(self, threads: int) -> TextReader:
        """Import the module and load the reader.

        Raises
        ------
        MissingDependency
            If a package of the reader is not installed or its weights are not the known ones.
        """
        try:
            loader: Callable[[int], TextReader] = getattr(import_module(self.module), self.function)
            return loader(threads)
        except ImportError as error:
            message = "a package of the reader cannot be imported."
            raise MissingDependency(message, remedy=self.remedy) from error


READERS: Mapping[str, ReaderEntry] = MappingProxyType(
    {
        "rapidocr": ReaderEntry(
            "scrub_pixels.text.rapidocr_reader", "load_rapidocr", "Install it: pip install scrub-pixels"
        ),
        "easyocr": ReaderEntry(
            "scrub_pixels.text.easyocr_reader",
            "load_easyocr",
            "Install it: pip install 'scrub-pixels[easyocr]'",
        ),
    }
)
"""Name on the command line -> how the reader is loaded."""


def load_reader(name: str, threads: int = 1) -> TextReader:
    """Load a reader by its name in `READERS`; the caller owns it, one for each process.

    Parameters
    ----------
    name
        A key of `READERS`.
    threads
        CPU threads the reader may use, at least 1.

    Raises
    ------
    UsageError
        If there is no reader of this name.
    MissingDependency
        If its packages or weights are absent, or the weights are not the known ones.
    """
    if name not in READERS:
        raise UsageError("there is no text reader of that name.", remedy=f"Known: {', '.join(READERS)}.")
    if threads < 1:
        raise UsageError("a reader needs at least one thread")
    return READERS[name].load(threads)

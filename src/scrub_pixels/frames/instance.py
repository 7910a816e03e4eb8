"""One Instance and its frames, decoded one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from numpy.typing import NDArray
from pydicom.dataset import Dataset

from scrub_pixels.errors import CorruptInstance, TooLarge, UnsupportedInstance
from scrub_pixels.frames import native
from scrub_pixels.frames.codestream import BadCodestream, parse
from scrub_pixels.frames.decoding import Decoded, decode_frame, stored_colour
from scrub_pixels.frames.description import PixelDescription, attribute, describe
from scrub_pixels.frames.encapsulation import (
    ExtendedOffsets,
    FrameIndex,
    has_odd_items,
    index_frames,
    join_all,
    join_fragments,
)
from scrub_pixels.frames.limits import Limits
from scrub_pixels.frames.opening import Source, read_dataset, syntax_uid
from scrub_pixels.frames.syntaxes import Codec, Redact, TransferSyntax, transfer_syntax, without_blocks
from scrub_pixels.frames.video import Video
from scrub_pixels.frames.views import View, render
from scrub_pixels.frames.words import outside_stored, samples_from_words

_DCT = (0xC0, 0xC1, 0xC2)
_MARKED = (Codec.JPEG, Codec.JPEG_LS, Codec.JPEG_2000)

MOST_KEPT = 128 * 2**20
"""Bytes of decoded frames that an Instance keeps while it is told to."""


@dataclass(frozen=True)
class _Frames:
    """Where the frames lie in the Pixel Data value."""

    value: memoryview
    index: FrameIndex | None
    swapped: bool
    video: Video | None = None
    stray: int = 0


class Instance:
    """A data set with its frames, read lazily; build it with `open_instance`.

    Attributes
    ----------
    dataset
        As read, never changed here; `file_meta` attached.
    transfer_syntax
        Row of the table; for JPEG Extended of more than 8 bits, which has no block editor, its
        redaction is narrowed to TO_LOSSLESS.
    pixels
        The checked Image Pixel module, or None if there are no frames.
    """

    def __init__(
        self,
        dataset: Dataset,
        syntax: TransferSyntax,
        pixels: PixelDescription | None = None,
        frames: _Frames | None = None,
    ) -> None:
        self.dataset = dataset
        self.transfer_syntax = syntax
        self.pixels = pixels
        self._frames = frames
        self._last: tuple[int, Decoded] | None = None
        self._kept: dict[int, Decoded] = {}
        self._room = 0

    def __repr__(self) -> str:
        return f"Instance({self.transfer_syntax.keyword}, frames={self.frames})"

    @property
    def frames(self) -> int:
        """Number of frames, 0 if there are no pixels."""
        return self.pixels.frames if self.pixels else 0

    @contextmanager
    def keeping_frames(self, most: int = MOST_KEPT) -> Iterator[None]:
        """Decode compressed frames once as long as this lasts, however often they are asked for.

        Parameters
        ----------
        most
            Bytes of samples that are kept at a time. The first frames are, as far as that goes: stages
            go through all frames in turn, and none of the latest would still be there.
        """
        self._room = most if self.transfer_syntax.encapsulated and self.video is None else 0
        try:
            yield
        finally:
            self._room = 0
            self._kept.clear()

    def encoded(self, frame: int) -> bytes:
        """Return a frame's own bytes: the native slice, or its fragments joined.

        Of a video, frame 0 has the whole bitstream and the others nothing of their own.

        Raises
        ------
        IndexError
            If there is no such frame.
        CorruptInstance
            If the file breaks off inside the frame.
        """
        pixels, frames = self._with_pixels(frame)
        if frames.video is not None:
            return b"" if frame else frames.video.data
        if frames.index is not None:
            return join_fragments(frames.value, frames.index.frames[frame])
        return native.slice_frame(frames.value, pixels, frame, swapped=frames.swapped)

    def codestream(self, frame: int) -> bytes:
        """Return a frame's own bytes up to its end marker, without what some writers append.

        Join these instead of `encoded` to rebuild Pixel Data free of any `surplus`.
        """
        data = self.encoded(frame)
        return data[: _end(data, self.transfer_syntax)]

    def stored(self, frame: int) -> NDArray:
        """Return stored samples, ``(Rows, Columns[, Samples])``, in `PixelDescription.dtype`.

        No colour conversion: the colour space is `stored_photometric`. Planes are interleaved,
        4:2:2 chroma repeated, bits outside Bits Stored removed, signs extended. Read-only.

        Raises
        ------
        CorruptInstance
            If the frame does not decode to what the header declares.
        """
        pixels, _ = self._with_pixels(frame)
        decoded = self._decoded(frame)
        samples = decoded.words
        if not pixels.floating:
            samples = samples_from_words(samples, pixels, decoded.sign_bit)
        samples.flags.writeable = False
        return samples

    def stored_raw(self, frame: int) -> NDArray:
        """Return native allocated words with all their bits, unsigned; otherwise `stored`."""
        if self.transfer_syntax.encapsulated:
            return self.stored(frame)
        words = self._decoded(frame).words.view()
        words.flags.writeable = False
        return words

    def views(self, frame: int) -> tuple[View, ...]:
        """Return the renderings to search for text; the first is ``display``."""
        pixels, _ = self._with_pixels(frame)
        return render(self.stored(frame), self._decoded(frame).colour, pixels, self.dataset, frame)

    @property
    def video(self) -> Video | None:
        """The bitstream, if the frames are those of a video."""
        return self._frames.video if self._frames else None

    @cached_property
    def stored_photometric(self) -> str:
        """Colour space of `stored` as a Photometric Interpretation; empty without pixels."""
        if self.pixels is None:
            return ""
        if self.video is not None:
            return self.video.colour
        return stored_colour(self.encoded(0), self.pixels, self.transfer_syntax)

    @cached_property
    def unused_bits(self) -> bool:
        """True if bits outside Bits Stored carry information in any frame."""
        pixels = self.pixels
        if pixels is None or pixels.floating or pixels.bits_stored == pixels.bits_allocated:
            return False
        if self.video is not None:
            return False
        return any(outside_stored(self._decoded(frame).words, pixels) for frame in range(self.frames))

    @cached_property
    def surplus(self) -> str | None:
        """What the Pixel Data holds beyond the declared frames, PHI-free; None if nothing.

        Undeclared frames and trailing bytes are shown by no viewer and may hold a picture; a video
        may hold sound, titles and user data.
        """
        if self.pixels is None or self._frames is None:
            return None
        if self._frames.video is not None:
            stray = f"{self._frames.stray} bytes that are no video" if self._frames.stray else ""
            return "; ".join(filter(None, (stray, self._frames.video.beside()))) or None
        if self._frames.index is None:
            return native.surplus(self._frames.value, self.pixels) or None
        behind = sum(self._behind_end(self.encoded(frame)) for frame in range(self.frames))
        return "; ".join(_surplus_of(self._frames.index, behind)) or None

    @cached_property
    def odd_items(self) -> bool:
        """True if encapsulated Pixel Data has items of odd length; they have to be padded (PS3.5 A.4)."""
        if self._frames is None or not self.transfer_syntax.encapsulated:
            return False
        return has_odd_items(self._frames.value)

    def _behind_end(self, data: bytes) -> int:
        """Count the bytes behind a codestream's end marker that are not padding."""
        rest = data[_end(data, self.transfer_syntax) :]
        return len(rest) if len(rest) > 1 and rest.strip(b"\0\xff") else 0

    def _decoded(self, frame: int) -> Decoded:
        """Decode a frame; the last one is kept, because stages ask for the same frame in turn."""
        pixels, frames = self._with_pixels(frame)
        if self._last is None or self._last[0] != frame:
            known = self._kept.get(frame)
            self._last = frame, known or self._keep(frame, self._decode(frame, pixels, frames))
        return self._last[1]

    def _keep(self, frame: int, decoded: Decoded) -> Decoded:
        if decoded.words.nbytes <= self._room:
            self._kept[frame] = decoded
            self._room -= decoded.words.nbytes
        return decoded

    def _decode(self, frame: int, pixels: PixelDescription, frames: _Frames) -> Decoded:
        if frames.video is not None:
            return Decoded(frames.video.samples(frame), frames.video.colour)
        data = self.encoded(frame)
        if frames.index is not None:
            return decode_frame(data, pixels, self.transfer_syntax)
        little = self.transfer_syntax.little_endian
        words = native.decode_words(data, pixels, little_endian=little)
        return Decoded(words, stored_colour(b"", pixels, self.transfer_syntax))

    def _with_pixels(self, frame: int) -> tuple[PixelDescription, _Frames]:
        if self.pixels is None or self._frames is None or not 0 <= frame < self.frames:
            raise IndexError("there is no such frame")
        return self.pixels, self._frames


def _surplus_of(index: FrameIndex, behind: int) -> list[str]:
    frames = f"{index.surplus_frames} undeclared frame" + "s" * (index.surplus_frames > 1)
    counted = (
        (index.surplus_frames, frames),
        (index.trailing, f"{index.trailing} trailing bytes"),
        (index.stray, f"{index.stray} bytes in offset tables that are no offsets"),
        (behind, f"{behind} bytes behind the end of codestreams"),
    )
    return [text for count, text in counted if count]


def _end(data: bytes, syntax: TransferSyntax) -> int:
    """Return where a codestream ends; the end of `data` if no marker tells."""
    if syntax.codec not in _MARKED:
        return len(data)
    try:
        return parse(data).end or len(data)
    except BadCodestream:
        return len(data)


def open_instance(source: Source, limits: Limits | None = None) -> Instance:
    """Open a DICOM file, bytes, stream or data set.

    Raises
    ------
    NotDicom, UnreadableFile, TooLarge
        If there is no data set to be had, or it is over the limits.
    CorruptInstance, UnsupportedInstance
        If header and Pixel Data contradict each other, or are not handled.
    """
    limits = limits or Limits()
    dataset = read_dataset(source, limits)
    syntax = transfer_syntax(syntax_uid(dataset))
    _check_readable(dataset, syntax)
    pixels = describe(dataset, encapsulated=syntax.encapsulated, limits=limits)
    if pixels is None:
        return Instance(dataset, syntax)
    if syntax.codec is Codec.VIDEO:
        return _video_instance(dataset, syntax, pixels, limits)
    instance = Instance(dataset, syntax, pixels, _locate(dataset, syntax, pixels))
    if syntax.redaction is Redact.COEFFICIENTS and not _has_blocks(instance):
        instance.transfer_syntax = without_blocks(syntax)
    return instance


def _video_instance(
    dataset: Dataset, syntax: TransferSyntax, pixels: PixelDescription, limits: Limits
) -> Instance:
    """Decode a video once to count its frames: Number of Frames is often an estimate."""
    value = _value(dataset, pixels)
    stream, stray = join_all(value)
    video = Video(stream, syntax, pixels)
    most = limits.max_pixel_bytes // (pixels.frame_samples * pixels.dtype.itemsize)
    counted = video.count(most)
    if counted > most:
        raise TooLarge("The video has more frames than the limit allows", stage="open")
    if counted < pixels.frames:
        raise _corrupt("The video has fewer frames than Number of Frames declares", pixels.keyword)
    pixels = replace(pixels, frames=counted)
    return Instance(dataset, syntax, pixels, _Frames(value, None, False, video, stray))


def _value(dataset: Dataset, pixels: PixelDescription) -> memoryview:
    element = dataset[pixels.keyword]
    if not isinstance(element.value, (bytes, bytearray)):
        raise _corrupt("Pixel Data has no value", pixels.keyword)
    return memoryview(element.value)


def _has_blocks(instance: Instance) -> bool:
    """Tell whether the first frame is an 8-bit DCT codestream; one that cannot be read counts."""
    try:
        stream = parse(instance.encoded(0))
    except (BadCodestream, CorruptInstance):
        return True
    return stream.precision == 8 and stream.process in _DCT


def _check_readable(dataset: Dataset, syntax: TransferSyntax) -> None:
    if syntax.codec is not Codec.NONE or not ("PixelData" in dataset or "Rows" in dataset):
        return
    raise UnsupportedInstance(
        f"{syntax.name} is not handled: {syntax.reason}",
        stage="open",
        tag="(0002,0010) TransferSyntaxUID",
        remedy="Convert the Instance to a transfer syntax that is handled.",
    )


def _locate(dataset: Dataset, syntax: TransferSyntax, pixels: PixelDescription) -> _Frames:
    element, value = dataset[pixels.keyword], _value(dataset, pixels)
    if not syntax.encapsulated:
        if element.is_undefined_length:
            raise _corrupt("Pixel Data is encapsulated, but the transfer syntax is not", pixels.keyword)
        native.check_length(value, pixels)
        swapped = not syntax.little_endian and element.VR == "OW" and pixels.bits_allocated <= 8
        return _Frames(value, None, swapped)
    return _Frames(value, index_frames(value, pixels.frames, _extended(dataset)), False)


def _extended(dataset: Dataset) -> ExtendedOffsets | None:
    offsets, lengths = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    return ExtendedOffsets(offsets, lengths or b"") if isinstance(offsets, bytes) else None


def _corrupt(message: str, keyword: str) -> CorruptInstance:
    return CorruptInstance(
        message, stage="open", tag=attribute(keyword), remedy="Get the Instance again from its source."
    )

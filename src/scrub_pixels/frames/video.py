"""Video in Pixel Data: one bitstream, read frame by frame (PS3.5 8.2.5 to 8.2.11).

The bitstream lies in a container (MPEG-2 transport or program stream, MP4) or bare. Which one is
told by its first bytes, and only the formats named here are opened: others that FFmpeg knows can
name further files and addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.errors import CorruptInstance, MissingDependency, UnsupportedInstance
from scrub_pixels.frames.description import PixelDescription, attribute
from scrub_pixels.frames.syntaxes import TransferSyntax
from scrub_pixels.frames.video_units import beside_the_picture

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mpeg2video": tuple(f"1.2.840.10008.1.2.4.{n}{f}" for n in (100, 101) for f in ("", ".1")),
        "h264": tuple(f"1.2.840.10008.1.2.4.{n}{f}" for n in range(102, 106) for f in ("", ".1")),
        "hevc": ("1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108"),
    }
)
"""FFmpeg's name of the codec of each transfer syntax."""
_BARE: Mapping[str, str] = MappingProxyType({"mpeg2video": "mpegvideo", "h264": "h264", "hevc": "hevc"})
_TO_BYTE_STREAM = MappingProxyType({"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"})
_MP4_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"})
_PACKET = 188
_STREAMS = ("mpegts", "mpeg")

PIXEL_FORMATS: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "yuv420p": (8, 2, 2), "yuvj420p": (8, 2, 2), "yuv422p": (8, 1, 2), "yuvj422p": (8, 1, 2),
        "yuv444p": (8, 1, 1), "yuvj444p": (8, 1, 1), "yuv420p10le": (10, 2, 2),
    }
)  # fmt: skip
"""Bits, and rows and columns of luma to one of chroma."""
_FULL_RANGE = 2
_OPTIONS = MappingProxyType({"ignore_editlist": "1", "enable_drefs": "0"})
_STRICT = MappingProxyType({"err_detect": "crccheck+explode"})


@dataclass(frozen=True, slots=True)
class Planes:
    """Luma and both chroma planes of one frame, as coded, with what FFmpeg says about it."""

    luma: NDArray
    blue: NDArray
    red: NDArray


@contextmanager
def reading() -> Iterator[None]:
    """Turn what FFmpeg raises into our refusals.

    Raises
    ------
    CorruptInstance
        If a stream does not demux or decode.
    MissingDependency
        If PyAV is not installed.
    """
    try:
        from av import FFmpegError
    except ImportError:
        raise MissingDependency("The decoder for video is not installed", remedy="Install av.") from None
    try:
        yield
    except (FFmpegError, OSError, ValueError, MemoryError, EOFError, UnicodeError):
        raise corrupt("The video does not decode to its end") from None


class Video:
    """One bitstream of Pixel Data.

    Parameters
    ----------
    data
        The bitstream, fragments joined.
    syntax
        Row of the table.
    description
        What the header says; the stream has to agree in size and depth.

    Raises
    ------
    CorruptInstance, UnsupportedInstance
        If it is no stream of that transfer syntax, or holds what is not handled.
    """

    def __init__(self, data: bytes, syntax: TransferSyntax, description: PixelDescription) -> None:
        self.data = data
        self.codec = next(name for name, uids in FAMILIES.items() if syntax.uid in uids)
        self.container = container_of(data, self.codec)
        self.description = description
        self._sequence: tuple[int, Iterator[VideoFrame]] | None = None
        with reading(), self.opened() as (_, stream):
            self.pixel_format, full = _checked(stream, self.codec, description)
        self.colour = "YBR_FULL" if full else "YBR_PARTIAL_420"

    @contextmanager
    def opened(self) -> Iterator[tuple[InputContainer, VideoStream]]:
        """Open the stream for demuxing; the first video track is the picture."""
        import av

        source = BytesIO(self.data)
        options = dict(_OPTIONS)
        found = av.open(source, "r", format=self.container, options=options, metadata_errors="replace")
        with cast("InputContainer", found) as file:
            if not file.streams.video:
                raise corrupt("Pixel Data holds no video track")
            stream = file.streams.video[0]
            if cast("object", stream.codec_context) is None:
                raise corrupt("The video has no codec that is known")
            stream.codec_context.thread_count = 1
            stream.codec_context.options = dict(_STRICT)
            yield file, stream

    def decoded(self) -> Iterator[VideoFrame]:
        """Yield every frame in order of display; at most a few are held at a time.

        Raises
        ------
        CorruptInstance
            If one is damaged or of another size or format than the first.
        """
        shape = self.description.shape
        with reading(), self.opened() as (file, stream):
            for frame in file.decode(stream):
                if (frame.height, frame.width) != shape or frame.format.name != self.pixel_format:
                    raise corrupt("The video changes its size or format")
                if frame.is_corrupt:
                    raise corrupt("A frame of the video is damaged")
                yield frame

    def count(self, most: int) -> int:
        """Decode all frames and return how many there are; stop behind `most`."""
        number = 0
        for _ in self.decoded():
            number += 1
            if number > most:
                break
        return number

    def samples(self, frame: int) -> NDArray:
        """Return ``(Rows, Columns, 3)`` of a frame, chroma repeated; frames asked for in turn are cheap."""
        if self._sequence is None or self._sequence[0] > frame:
            self._sequence = 0, self.decoded()
        number, sequence = self._sequence
        try:
            for _ in range(frame - number):
                next(sequence)
            found = planes(next(sequence), self.pixel_format)
        except StopIteration:
            raise corrupt("The video has fewer frames than were counted") from None
        self._sequence = frame + 1, sequence
        return _interleaved(found, self.pixel_format)

    def beside(self) -> str:
        """Describe, PHI-free, what the data hold beside the picture; empty if that is shown to be nothing.

        Further tracks (sound: a voice identifies), titles, dates, chapters, user data. Transport
        and program streams cannot be shown to hold nothing else; they are always rebuilt.
        """
        with reading(), self.opened() as (file, stream):
            found = [*_beside_tracks(file), *_beside_container(self.data, self.container)]
            if not found and self._unclean_units(file, stream):
                found.append("user data or units that are not the picture")
        return "; ".join(found)

    @property
    def may_hold_more(self) -> bool:
        """True for transport and program streams, which cannot be shown to hold nothing else."""
        return self.container in _STREAMS

    def says_something(self) -> bool:
        """Tell whether container or track carry titles, dates or other metadata."""
        with reading(), self.opened() as (file, _):
            return any("metadata" in said or "chapters" in said for said in _beside_tracks(file))

    def tracks(self) -> int:
        """Return how many tracks (sound, pictures, text) there are beside the first video track."""
        with reading(), self.opened() as (file, _):
            return len(file.streams) - 1

    def units(self) -> Iterator[bytes]:
        """Yield the coded pictures in order as a bare byte stream, out of their container.

        Raises
        ------
        CorruptInstance
            If the container does not demux.
        """
        with reading(), self.opened() as (file, stream):
            to_units = self._to_units(stream)
            for packet in file.demux(stream):
                if packet.size:
                    yield from (bytes(part) for part in to_units(packet))

    def _to_units(self, stream: VideoStream) -> Callable[[Packet], Iterable[Packet]]:
        from av.bitstream import BitStreamFilterContext

        name = _TO_BYTE_STREAM.get(self.codec) if self.container == "mp4" else None
        return BitStreamFilterContext(name, stream).filter if name else lambda packet: (packet,)

    def _unclean_units(self, file: InputContainer, stream: VideoStream) -> bool:
        to_units = self._to_units(stream)
        total = 0
        for packet in file.demux(stream):
            if packet.size:
                total += packet.size
                if any(beside_the_picture(self.codec, bytes(part)) for part in to_units(packet)):
                    return True
        return _held(self.data, self.container) > total


def container_of(data: bytes, codec: str) -> str:
    """Return FFmpeg's name for the container that the first bytes show."""
    if data[4:8] in _MP4_BOXES:
        return "mp4"
    if data[:1] == b"\x47" == data[_PACKET : _PACKET + 1]:
        return "mpegts"
    if data[4:5] == b"\x47" == data[_PACKET + 8 : _PACKET + 9]:
        return "mpegts"
    if data[:4] == b"\0\0\1\xba":
        return "mpeg"
    if data[:3] == b"\0\0\1" or data[:4] == b"\0\0\0\1":
        return _BARE[codec]
    raise corrupt("Pixel Data is no bitstream of its transfer syntax")


def planes(frame: VideoFrame, pixel_format: str) -> Planes:
    """Return the planes of a frame as arrays that share its memory."""
    bits, down, across = PIXEL_FORMATS[pixel_format]
    rows, columns = frame.height, frame.width
    small = (-(-rows // down), -(-columns // across))
    shapes = ((rows, columns), small, small)
    found = [_plane(frame, number, shape, bits) for number, shape in enumerate(shapes)]
    return Planes(*found)


def _plane(frame: VideoFrame, number: int, shape: tuple[int, int], bits: int) -> NDArray:
    plane = frame.planes[number]
    flat = np.frombuffer(memoryview(plane), np.dtype("u1" if bits == 8 else "<u2"))
    per_line = plane.line_size // flat.itemsize
    return flat[: per_line * shape[0]].reshape(shape[0], per_line)[:, : shape[1]]


def _interleaved(found: Planes, pixel_format: str) -> NDArray:
    _, down, across = PIXEL_FORMATS[pixel_format]
    rows, columns = found.luma.shape
    samples = np.empty((rows, columns, 3), found.luma.dtype.newbyteorder("="))
    samples[..., 0] = found.luma
    for channel, plane in ((1, found.blue), (2, found.red)):
        samples[..., channel] = plane.repeat(down, 0)[:rows].repeat(across, 1)[:, :columns]
    return samples


def _checked(stream: VideoStream, codec: str, description: PixelDescription) -> tuple[str, bool]:
    """Return pixel format and whether it uses the full range; refuse contradictions."""
    context = stream.codec_context
    if context.name != codec:
        raise corrupt("The video is not coded as its transfer syntax says")
    if (context.height, context.width) != description.shape:
        raise corrupt("Video and header differ in Rows or Columns")
    pixel_format = context.pix_fmt or ""
    if pixel_format not in PIXEL_FORMATS:
        raise _unsupported("The pixel format of the video is not handled")
    if PIXEL_FORMATS[pixel_format][0] != description.bits_stored or description.samples != 3:
        raise corrupt("Video and header differ in Bits Stored or Samples per Pixel")
    return pixel_format, pixel_format.startswith("yuvj") or int(context.color_range) == _FULL_RANGE


_HARMLESS = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "language", "handler_name", "vendor_id", "encoder"}
)
_HARMLESS_VALUES = (
    b"und", b"eng", b"VideoHandler", b"[0][0][0][0]", b"Core Media Video", b"Lavf", b"isom", b"mp4",
)  # fmt: skip


def _beside_tracks(file: InputContainer) -> Iterator[str]:
    if len(file.streams) > 1:
        yield "further tracks (sound, pictures or text)"
    if file.chapters():
        yield "chapters"
    if _says_something(file.metadata) or any(_says_something(stream.metadata) for stream in file.streams):
        yield "titles, dates or other metadata"


def _says_something(metadata: Mapping[str, str]) -> bool:
    """Tell whether metadata say more than the brand of a file and the name of a library."""
    return any(
        key not in _HARMLESS or not _is_harmless(value) for key, value in metadata.items() if value
    )


def _is_harmless(value: str) -> bool:
    plain = value.encode("utf-8", "replace")
    if plain in _HARMLESS_VALUES or plain.isdigit():
        return True
    brands = all(plain[n : n + 4].strip() in _BRANDS for n in range(0, len(plain), 4))
    return brands or (plain.startswith(b"Lavf") and plain[4:].replace(b".", b"").isdigit())


_BRANDS = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"avc1", b"mp41", b"mp42", b"hvc1", b"hev1", b"M4V", b"qt"}
)


def _beside_container(data: bytes, container: str) -> Iterator[str]:
    if container in _STREAMS:
        yield "a transport or program stream, which may hold more"
    elif container == "mp4" and not _plain_boxes(data):
        yield "boxes that are not the picture"


def _plain_boxes(data: bytes) -> bool:
    """Tell whether an MP4 has one ``mdat``, one ``moov`` and nothing with content besides."""
    kinds = []
    for kind, body in mp4_boxes(data):
        if kind not in _MP4_BOXES or (kind in (b"free", b"skip", b"wide") and body.strip(b"\0")):
            return False
        kinds.append(kind)
    moov = b"".join(body for kind, body in mp4_boxes(data) if kind == b"moov")
    tags = (b"uuid", b"\xa9nam", b"\xa9cmt", b"\xa9day", b"\xa9ART", b"desc", b"data", b"free", b"xml ")
    return kinds.count(b"mdat") == 1 == kinds.count(b"moov") and not any(
        tag in moov.replace(_LAVF_TAG, b"") for tag in tags
    )


_LAVF_TAG = b"data\0\0\0\1\0\0\0\0Lavf"


def mp4_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of each box at the top (ISO/IEC 14496-12 4.2); a damaged one has no type."""
    position = 0
    while len(data) - position > 1:
        length, head = int.from_bytes(data[position : position + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        length = length or len(data) - position
        if not head <= length <= len(data) - position:
            yield b"", data[position:]
            return
        yield data[position + 4 : position + 8], data[position + head : position + length]
        position += length


def _held(data: bytes, container: str) -> int:
    """Return how many bytes the packets must have together, or something lies between them."""
    if container == "mp4":
        return sum(len(body) for kind, body in mp4_boxes(data) if kind == b"mdat")
    return len(data.rstrip(b"\0"))


def corrupt(message: str) -> CorruptInstance:
    """Return the refusal for a damaged video."""
    return CorruptInstance(
        message, stage="decode", tag=attribute("PixelData"), remedy="Get the Instance again from its source."
    )


def _unsupported(message: str) -> UnsupportedInstance:
    remedy = "Convert the Instance, or review it by hand."
    return UnsupportedInstance(message, stage="decode", tag=attribute("PixelData"), remedy=remedy)

"""Video written again: the same pictures in a clean container, or every picture encoded anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from scrub_pixels.errors import UnsupportedInstance
from scrub_pixels.frames.description import attribute
from scrub_pixels.frames.video import Planes, Video, planes, reading
from scrub_pixels.frames.video_units import SEI_OF_HEVC, blanked_sei, removed_units

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_ENCODERS: Mapping[str, str] = MappingProxyType(
    {"mpeg2video": "mpeg2video", "h264": "libx264", "hevc": "libx265"}
)
_MUXERS: Mapping[str, str] = MappingProxyType({"mpegvideo": "mpeg2video"})
_PROFILES: Mapping[str, str] = MappingProxyType(
    {"High": "high", "Main": "main", "Constrained Baseline": "baseline", "Baseline": "baseline",
     "Main 10": "main10"}
)  # fmt: skip
QUALITIES = (0, 1, 2)
"""From visually lossless to the best the codec has; the proof says which is good enough."""
_CRF: Mapping[str, tuple[int, ...]] = MappingProxyType({"h264": (12, 6, 1), "hevc": (12, 6, 1)})
_SCALE = (2, 1, 1)
_INTERLACED = (2, 3, 4, 5)
"""FFmpeg's field orders of interlaced video; frames keep which field is first."""
_GROUP = 15
"""Pictures from one key frame to the next in MPEG-2 (H.262 allows any; players expect as many)."""
_FALLBACK_RATE = Fraction(25)
_REORDERED = 4
"""x265 learns how long reordering takes from the first three pictures; of fewer, it reckons the time of
decoding with memory that nothing was written to, and muxers fail or write that number. Without
B pictures there is nothing to reorder."""


def remuxed(video: Video) -> bytes:
    """Return the same coded pictures in a container without anything else.

    Other tracks, metadata and user data are left out; parameter sets and slices stay as they are.

    Raises
    ------
    CorruptInstance
        If the stream cannot be taken apart.
    """
    from av.bitstream import BitStreamFilterContext

    with reading(), video.opened() as (file, stream):
        target, writer = _writer(video)
        record = bytes(stream.codec_context.extradata or b"")
        track = writer.add_stream_from_template(stream)
        track.metadata.clear()
        without = f"filter_units=remove_types={removed_units(video.codec)}"
        clean = BitStreamFilterContext(without, stream, track)
        for packet in file.demux(stream):
            if packet.size:
                for part in clean.filter(packet):
                    part.stream = track
                    writer.mux(part)
        for part in clean.filter(None):
            part.stream = track
            writer.mux(part)
        writer.close()
    if video.codec == "hevc" and video.container == "mp4" and record:
        return target.getvalue().replace(record, _blanked(record))
    return target.getvalue()


def encoded_again(video: Video, paint: Callable[[int, Planes], None], quality: int) -> bytes:
    """Return every picture encoded anew by the same codec, after `paint` has been at its planes.

    Profile, level, size, rate, pixel format and colour description are those of the stream.

    Parameters
    ----------
    paint
        Called with the 0-based frame and its planes, which it may write to.
    quality
        One of `QUALITIES`.

    Raises
    ------
    UnsupportedInstance
        If there is no encoder for it in this installation of PyAV.
    CorruptInstance
        If the stream does not decode.
    """
    from av import FFmpegError

    try:
        return _encoded_again(video, paint, quality)
    except FFmpegError:
        raise _unsupported(f"There is no encoder for {video.codec} video of this kind") from None


def _encoded_again(video: Video, paint: Callable[[int, Planes], None], quality: int) -> bytes:
    target, writer = _writer(video)
    with reading(), video.opened() as (_, source):
        track = _track(writer, video, source, quality)
    for number, frame in enumerate(video.decoded()):
        frame.make_writable()
        paint(number, planes(frame, video.pixel_format))
        frame.pts, frame.time_base = number, 1 / Fraction(track.codec_context.framerate)
        frame.pict_type = 0
        writer.mux(track.encode(frame))
    writer.mux(track.encode(None))
    writer.close()
    return target.getvalue()


def _blanked(configuration: bytes) -> bytes:
    """Return an HEVC configuration record whose SEI say nothing (ISO/IEC 14496-15 8.3.3.1).

    It keeps its length, so that it can be put in place of the other: FFmpeg copies the record of a
    template as it stands.
    """
    blank, position = bytearray(configuration), 23
    for _ in range(configuration[22] if len(configuration) > 22 else 0):
        kind = configuration[position] & 63
        count, position = int.from_bytes(configuration[position + 1 : position + 3], "big"), position + 3
        for _ in range(count):
            start, position = position + 2, position + 2 + int.from_bytes(
                configuration[position : position + 2], "big"
            )
            if kind in SEI_OF_HEVC:
                blank[start:position] = blanked_sei(configuration[start:position])
    return bytes(blank)


def _writer(video: Video) -> tuple[BytesIO, OutputContainer]:
    import av

    target = BytesIO()
    name = _program_stream(video.data) if video.container == "mpeg" else video.container
    options = {"fflags": "+bitexact"}
    return target, av.open(target, "w", format=_MUXERS.get(name, name), options=options)


def _program_stream(data: bytes) -> str:
    """Return the muxer for the pack header that the stream begins with: MPEG-2 (01...) or MPEG-1."""
    return "vob" if data[4] >> 6 == 1 else "mpeg"


def _track(writer: OutputContainer, video: Video, source: VideoStream, quality: int) -> VideoStream:
    rate = source.average_rate or source.guessed_rate or _FALLBACK_RATE
    options = _options(video, source.codec_context, quality)
    track = cast("VideoStream", writer.add_stream(_ENCODERS[video.codec], rate=rate, options=options))
    context, old = track.codec_context, source.codec_context
    context.width, context.height, context.pix_fmt = old.width, old.height, video.pixel_format
    context.time_base, context.framerate = 1 / Fraction(rate), Fraction(rate)
    context.sample_aspect_ratio = old.sample_aspect_ratio or Fraction(1)
    for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
        setattr(context, name, getattr(old, name))
    context.thread_count = 1
    return track


def _options(video: Video, old: VideoCodecContext, quality: int) -> dict[str, str]:
    if int(old.field_order) in _INTERLACED and video.codec != "hevc":
        return _progressive_options(video, old, quality) | {"flags": "+ildct+ilme"}
    return _progressive_options(video, old, quality)


def _progressive_options(video: Video, old: VideoCodecContext, quality: int) -> dict[str, str]:
    if video.codec == "mpeg2video":
        scale = str(_SCALE[quality])
        return {"qmin": scale, "qmax": scale, "g": str(_GROUP), "bf": "2"}
    crf = str(_CRF[video.codec][quality])
    profile = _PROFILES.get(old.profile or "")
    if video.codec == "h264":
        level = f"{old.level // 10}.{old.level % 10}"
        return {"crf": crf, "preset": "medium", "level": level} | ({"profile": profile} if profile else {})
    level = f"{old.level / 30:.1f}"
    parameters = f"log-level=none:pools=none:frame-threads=1:level-idc={level}"
    if video.count(_REORDERED) < _REORDERED:
        parameters += ":bframes=0"
    return {"crf": crf, "preset": "fast", "x265-params": parameters} | (
        {"profile": profile} if profile else {}
    )


def _unsupported(message: str) -> UnsupportedInstance:
    remedy = "Convert the Instance, or redact it by hand."
    return UnsupportedInstance(message, stage="mask", tag=attribute("PixelData"), remedy=remedy)

"""Decoders other than those that write: a second opinion on every sample.

Our codecs and these share no code above the codec libraries: pydicom's own parser finds the frames,
and its plug-ins for GDCM and Pillow, its RLE decoder in Python, or imagecodecs, decode them. Video is
decoded by programs, if they are installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import get_decoder

from scrub_pixels.frames import Instance, PixelDescription
from scrub_pixels.frames.decoding import CODEC_ERRORS
from scrub_pixels.frames.syntaxes import Codec
from scrub_pixels.frames.words import samples_from_words
from scrub_pixels.run.verify.programs import PROGRAMS, CannotDecode

Frames = Iterator[NDArray]

RLE_HEADER = 64


def _pydicom(instance: Instance) -> Frames:
    """Native and deflated frames by pydicom, not by our own slicing."""
    return _by_plugin(instance, "")


def _pydicom_rle(instance: Instance) -> Frames:
    return _by_plugin(instance, "pydicom")


def _packbits(instance: Instance) -> Frames:
    """RLE of one bit a sample, which pydicom and GDCM do not take: one segment (PS3.5 Annex G.2)."""
    pixels = instance.pixels
    if pixels is None or pixels.bits_allocated != 1 or pixels.samples != 1:
        raise CannotDecode
    decode, count = _codec("packbits_decode"), pixels.rows * pixels.columns
    for stream in _streams(instance):
        packed = np.frombuffer(decode(stream[RLE_HEADER:]), np.uint8)
        bits = np.unpackbits(packed, bitorder="little")[:count]
        if bits.size < count:
            raise CannotDecode
        yield bits.reshape(pixels.shape)


def _gdcm(instance: Instance) -> Frames:
    """All but JPEG of fewer bits than a byte: there GDCM 3.2 ends the process."""
    pixels = instance.pixels
    short = pixels is not None and pixels.bits_stored < pixels.bits_allocated == 8
    if short and instance.transfer_syntax.codec is Codec.JPEG:
        raise CannotDecode
    return _by_plugin(instance, "gdcm")


def _pillow(instance: Instance) -> Frames:
    return _by_plugin(instance, "pillow")


def _jpeg_turbo(instance: Instance) -> Frames:
    """JPEG of 8 or 12 bits by libjpeg-turbo, in its own colour space."""
    colour = 1 if instance.pixels is not None and instance.pixels.samples == 1 else 3
    decode = partial(_codec("jpeg8_decode"), colorspace=colour, outcolorspace=colour)
    return map(decode, _streams(instance))


def _charls(instance: Instance) -> Frames:
    return map(_codec("jpegls_decode"), _streams(instance))


def _openjph(instance: Instance) -> Frames:
    """HTJ2K by OpenJPH; it also takes no other JPEG 2000."""
    if not any(word in instance.transfer_syntax.keyword for word in ("HTJ2K", "HighThroughput")):
        raise CannotDecode
    return map(_codec("htj2k_decode"), _streams(instance))


def _streams(instance: Instance) -> Iterator[bytes]:
    return (instance.codestream(frame) for frame in range(instance.frames))


def _codec(name: str) -> Callable[..., NDArray]:
    """Return a decoder of imagecodecs, if it is installed and was built with it."""
    try:
        found: Callable[..., NDArray] = getattr(import_module("imagecodecs"), name)
    except (ImportError, AttributeError):
        raise CannotDecode from None
    return found


def _by_plugin(instance: Instance, plugin: str) -> Frames:
    try:
        decoder = get_decoder(instance.transfer_syntax.uid)
    except NotImplementedError:
        raise CannotDecode from None
    if plugin and plugin not in decoder.available_plugins:
        raise CannotDecode
    for samples, _ in decoder.iter_array(instance.dataset, raw=True, decoding_plugin=plugin):
        yield samples


Decoder = Callable[[Instance], Frames]

OTHERS: Mapping[Codec, Mapping[str, Decoder]] = MappingProxyType(
    {
        Codec.NATIVE: {"pydicom": _pydicom},
        Codec.RLE: {"pydicom": _pydicom_rle, "gdcm": _gdcm, "packbits": _packbits},
        Codec.JPEG: {"gdcm": _gdcm, "pillow": _pillow, "libjpeg-turbo": _jpeg_turbo},
        Codec.JPEG_LS: {"gdcm": _gdcm, "charls": _charls},
        Codec.JPEG_2000: {"gdcm": _gdcm, "pillow": _pillow, "openjph": _openjph},
        Codec.VIDEO: PROGRAMS,
    }
)
"""For each codec, what else can decode it, in order of preference."""

KIN: Mapping[str, str] = MappingProxyType(
    {"ffmpeg": "video by the program ffmpeg: another build of the library that wrote, not another codec"}
)
"""Decoders that are no codecs of their own, and what has to be said of them."""

REMEDIES: Mapping[Codec, str] = MappingProxyType(
    {Codec.VIDEO: "; programs that decode it: mpeg2dec for MPEG-2, dec265 for HEVC, ffmpeg for all"}
)
"""What would help where there is no other decoder."""


def others_for(instance: Instance) -> Mapping[str, Decoder]:
    """Return the other decoders for an Instance, by name; none if there is none."""
    return OTHERS.get(instance.transfer_syntax.codec, {})


def only_one(instance: Instance) -> str:
    """Say that an Instance has but one decoder here, and what would give it another."""
    syntax = instance.transfer_syntax
    return f"only one decoder for {syntax.name} takes these frames here{REMEDIES.get(syntax.codec, '')}"


def frames_by(decoder: Decoder, instance: Instance) -> Frames:
    """Yield the stored samples of every frame as another decoder sees them.

    Raises
    ------
    CannotDecode
        If it cannot: it is not installed, or the frames are not to its taste.
    """
    pixels = instance.pixels
    if pixels is None:
        raise CannotDecode
    count = 0
    try:
        for samples in decoder(instance):
            count += 1
            if count > pixels.frames:
                raise CannotDecode
            yield _as_stored(samples, pixels)
    except (*CODEC_ERRORS, NotImplementedError):
        raise CannotDecode from None
    if count < pixels.frames:
        raise CannotDecode


def own_frames(instance: Instance) -> Frames:
    """Yield the stored samples of every frame by the decoder that wrote."""
    return (instance.stored(frame) for frame in range(instance.frames))


def _as_stored(samples: NDArray, pixels: PixelDescription) -> NDArray:
    """Return samples in the type and shape of `Instance.stored`."""
    if samples.shape != pixels.array_shape:
        raise CannotDecode
    if pixels.floating:
        return samples.astype(pixels.dtype, copy=False)
    wide = samples.astype(pixels.dtype, copy=False)
    return samples_from_words(wide.view(f"u{pixels.dtype.itemsize}"), pixels)

"""One frame as the masker would leave it, for a person to see before anything is released.

The masker itself works on a copy of the Instance that has this frame alone: blocks of a JPEG, pairs of
chroma and the black of a photometric interpretation come out as they will. Of a video the decoded frame is
masked; what encoding it again does to it is measured when it is released.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydicom.dataset import Dataset

from scrub_pixels.decisions import Redaction
from scrub_pixels.frames import Instance, Limits, encode_frame, join_frames, open_instance, pixel_data_vr
from scrub_pixels.frames.syntaxes import EXPLICIT_LITTLE
from scrub_pixels.geometry import FrameSpan
from scrub_pixels.masks import MaskedPixels, mask, with_pixels

ONE = FrameSpan(0, 1)


def masked_frame(instance: Instance, frame: int, redactions: Sequence[Redaction], limits: Limits) -> Instance:
    """Return an Instance whose only frame is `frame` with the redactions that reach it.

    Raises
    ------
    Refusal
        If it does not decode, or cannot be redacted: then it will not be released either.
    """
    here = [replace(redaction, frames=ONE) for redaction in redactions if frame in redaction.frames]
    alone = open_instance(_alone(instance, frame), limits)
    return open_instance(with_pixels(alone.dataset, mask(alone, here)), limits) if here else alone


def _alone(instance: Instance, frame: int) -> Dataset:
    """Return a data set with one frame, encoded as it is; a video's is decoded."""
    pixels = instance.pixels
    if pixels is None or instance.frames == 1 and instance.video is None:
        return instance.dataset
    uid, pixels = instance.transfer_syntax.uid, replace(pixels, frames=1)
    if instance.video is not None:
        uid, pixels = EXPLICIT_LITTLE, replace(pixels, photometric=instance.stored_photometric, planar=0)
        data = encode_frame(instance.stored(frame), pixels, uid)
    else:
        data = instance.encoded(frame)
    attributes = (("NumberOfFrames", 1), ("PhotometricInterpretation", pixels.photometric),
                  *((("PlanarConfiguration", pixels.planar),) if pixels.samples > 1 else ()))
    lone = MaskedPixels(join_frames([data], pixels, uid), uid, attributes, (), False, False,
                        keyword=pixels.keyword, vr=pixel_data_vr(pixels, uid))
    return _of_its_groups(with_pixels(instance.dataset, lone), frame)


def _of_its_groups(dataset: Dataset, frame: int) -> Dataset:
    """Leave the functional groups of one frame (PS3.3 C.7.6.16): they tell how it is shown."""
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if groups and frame < len(groups):
        dataset.PerFrameFunctionalGroupsSequence = [groups[frame]]
    return dataset

"""Grain: ground that is neither flat nor a drawing, such as speckle, mucosa or the noise of a detector."""

from __future__ import annotations

import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.changes import largest_channel
from scrub_pixels.text.readers import Image

RING = 6
"""Samples around a box that are looked at."""

LEAST_GRAIN = 1.5
"""Step from sample to sample, grey levels, that flat or coded ground does not have."""

PART = 0.7
"""Share of the box's ring that may be flat: text at the border of a sector stands over grain all the same."""


def stands_over_grain(image: Image, region: Region) -> bool:
    """Tell whether the ring around a box of `image` (uint8, grey or RGB) is grain, not flat ground."""
    window = region.expanded(RING, RING, (image.shape[0], image.shape[1]))
    plane = largest_channel(np.ascontiguousarray(image[window.slices])).astype(np.int16)
    across = np.abs(np.diff(plane, axis=1, append=plane[:, -1:]))
    steps = np.maximum(across, np.abs(np.diff(plane, axis=0, append=plane[-1:])))
    ring = np.ones(plane.shape, bool)
    ring[region.moved(-window.row, -window.column).slices] = False
    return bool(ring.any()) and float(np.quantile(steps[ring], PART)) >= LEAST_GRAIN

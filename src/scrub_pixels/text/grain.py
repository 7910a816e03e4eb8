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
"""Share of a side of the box that may be flat: text at the border of a sector stands over grain, too."""


def stands_over_grain(image: Image, region: Region) -> bool:
    """Tell whether grain lies at one side, at least, of a box of `image` (uint8, grey or RGB)."""
    window = region.expanded(RING, RING, (image.shape[0], image.shape[1]))
    plane = largest_channel(np.ascontiguousarray(image[window.slices])).astype(np.int16)
    across = np.abs(np.diff(plane, axis=1, append=plane[:, -1:]))
    steps = np.maximum(across, np.abs(np.diff(plane, axis=0, append=plane[-1:])))
    own = region.moved(-window.row, -window.column)
    sides = (steps[: own.row], steps[own.bottom :], steps[:, : own.column], steps[:, own.right :])
    return any(side.size and float(np.quantile(side, PART)) >= LEAST_GRAIN for side in sides)

"""How large an Instance may be before it is refused unread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes over which an Instance is refused as too large, before anything is allocated.

    Parameters
    ----------
    max_frame_samples
        Rows x Columns x Samples per Pixel of one frame: what one decoded frame may cost.
    max_pixel_bytes
        Declared decoded size of all frames together; bounds the time, not the memory, because
        frames are decoded one at a time.
    max_file_bytes
        Size of the file, which is held in memory.
    """

    max_frame_samples: int = 256 * 2**20
    max_pixel_bytes: int = 16 * 2**30
    max_file_bytes: int = 4 * 2**30

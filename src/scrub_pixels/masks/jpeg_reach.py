"""How far black must reach in a JPEG: the blocks a Region touches, and whatever they drag along.

Luminance blocks that touch a Region become black. A colour-difference block below them that is
not neutral has to become neutral too, and then all it covers must be black, or its neighbours
would be shown without their colour. Where colour is sub-sampled, decoders may interpolate it
("fancy up-sampling"): a change bleeds over the border of its block by half the sampling ratio,
and colour that stays bleeds into the black by as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region, Shape
from scrub_pixels.masks.jpeg_scan import Grid

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Plane:
    """One component: block grid, up-sampling fringe in samples (rows, columns), neutral blocks.

    ``neutral`` is None for components whose black is not their middle; they are always rewritten.
    """

    grid: Grid
    fringe: tuple[int, int]
    neutral: Mask | None


@dataclass(frozen=True, slots=True)
class Reach:
    """Which blocks of each component are replaced, which samples may change, which are black."""

    blocks: tuple[Mask, ...]
    changed: tuple[Region, ...]
    black: tuple[Region, ...]


def spread_until_black(planes: Sequence[Plane], regions: Sequence[Region], shape: Shape) -> Reach:
    """Return the smallest set of blocks that makes every Region black."""
    touched = [_touched(plane.grid, regions, shape) for plane in planes]
    replaced = [_to_replace(plane, mask) for plane, mask in zip(planes, touched, strict=True)]
    while True:
        covered = _covered(planes, replaced)
        grown = [mask | covered[plane.grid] for plane, mask in zip(planes, touched, strict=True)]
        if all(np.array_equal(new, old) for new, old in zip(grown, touched, strict=True)):
            break
        touched = grown
        replaced = [_to_replace(plane, mask) for plane, mask in zip(planes, touched, strict=True)]
    changed = _samples(planes, replaced, shape)
    black = _samples(_without_fringe(planes), replaced, shape) & ~_bleeding(planes, touched, shape)
    return Reach(tuple(replaced), rectangles(changed), rectangles(black))


def _to_replace(plane: Plane, touched: Mask) -> Mask:
    return touched if plane.neutral is None else touched & ~plane.neutral


def _touched(grid: Grid, regions: Iterable[Region], shape: Shape) -> Mask:
    """Return the blocks that share a sample with a Region; padding follows the frame's last block."""
    mask = np.zeros((grid.block_rows, grid.block_columns), dtype=bool)
    for region in regions:
        rows = _span(grid.row_edges, region.row, region.bottom, shape[0])
        columns = _span(grid.column_edges, region.column, region.right, shape[1])
        mask[rows, columns] = True
    return mask


def _span(edges: NDArray, start: int, stop: int, limit: int) -> slice:
    """Return the blocks between two samples; a Region at the frame's border takes the padding too."""
    first = int(np.searchsorted(edges, start, side="right")) - 1
    last = int(np.searchsorted(edges, stop, side="left")) if stop < limit else edges.size - 1
    return slice(first, last)


def _covered(planes: Sequence[Plane], replaced: Sequence[Mask]) -> dict[Grid, Mask]:
    """Return, for each grid, the blocks that lie over a replaced block of any component."""
    sources: dict[Grid, Mask] = {}
    for plane, mask in zip(planes, replaced, strict=True):
        sources[plane.grid] = sources[plane.grid] | mask if plane.grid in sources else mask
    return {target: _projected_all(sources, target) for target in sources}


def _projected_all(sources: Mapping[Grid, Mask], target: Grid) -> Mask:
    mask = np.zeros((target.block_rows, target.block_columns), dtype=bool)
    for grid, source in sources.items():
        mask |= _projected(source, grid, target)
    return mask


def _projected(mask: Mask, source: Grid, target: Grid) -> Mask:
    """Return the blocks of `target` that share a sample with a True block of `source`."""
    if (source.scale, mask.shape) == (target.scale, (target.block_rows, target.block_columns)):
        return mask
    if not mask.any():
        return np.zeros((target.block_rows, target.block_columns), dtype=bool)
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), dtype=np.int32)
    mask.cumsum(0, dtype=np.int32).cumsum(1, out=sums[1:, 1:])
    top, bottom, left, right = _overlaps(source, target)
    count = sums[np.ix_(bottom, right)] - sums[np.ix_(top, right)] - sums[np.ix_(bottom, left)]
    return (count + sums[np.ix_(top, left)]) > 0


@lru_cache(maxsize=32)
def _overlaps(source: Grid, target: Grid) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    rows = _overlap(source.row_edges, target.row_edges)
    return (*rows, *_overlap(source.column_edges, target.column_edges))


def _overlap(source: NDArray, target: NDArray) -> tuple[NDArray, NDArray]:
    """Return first and last (exclusive) source block under each target block of one axis."""
    blocks = source.size - 1
    first = np.searchsorted(source, target[:-1], side="right") - 1
    last = np.searchsorted(source, target[1:], side="left")
    return np.minimum(first, blocks), np.minimum(last, blocks)


def _samples(planes: Sequence[Plane], masks: Sequence[Mask], shape: Shape) -> Mask:
    """Return the samples that True blocks of any component cover, fringes included."""
    covered = np.zeros(shape, dtype=bool)
    for plane, mask in zip(planes, masks, strict=True):
        for block in rectangles(mask):
            _cover(covered, plane, block)
    return covered


def _cover(covered: Mask, plane: Plane, block: Region) -> None:
    rows, columns = plane.grid.row_edges, plane.grid.column_edges
    top, bottom = rows[block.row] - plane.fringe[0], rows[block.bottom] + plane.fringe[0]
    left, right = columns[block.column] - plane.fringe[1], columns[block.right] + plane.fringe[1]
    covered[max(0, top) : bottom, max(0, left) : right] = True


def _without_fringe(planes: Sequence[Plane]) -> list[Plane]:
    return [Plane(plane.grid, (0, 0), plane.neutral) for plane in planes]


def _bleeding(planes: Sequence[Plane], touched: Sequence[Mask], shape: Shape) -> Mask:
    """Return the samples next to blocks that keep their colour, as far as colour is interpolated."""
    bleeding = np.zeros(shape, dtype=bool)
    for plane, mask in zip(planes, touched, strict=True):
        if any(plane.fringe):
            ring = _grown(mask) & ~mask
            coloured = ring if plane.neutral is None else ring & ~plane.neutral
            bleeding |= _samples([plane], [coloured], shape)
    return bleeding


def _grown(mask: Mask) -> Mask:
    """Return a mask grown by one block in all eight directions."""
    wide = np.pad(mask, 1)
    wide = wide[:-2] | wide[1:-1] | wide[2:]
    return wide[:, :-2] | wide[:, 1:-1] | wide[:, 2:]


def rectangles(mask: Mask) -> tuple[Region, ...]:
    """Return disjoint Regions that cover exactly the True samples of a mask."""
    found = []
    packed = np.packbits(mask, axis=1)
    new = np.any(packed[1:] != packed[:-1], axis=1)
    rows = [0, *(np.flatnonzero(new) + 1).tolist(), mask.shape[0]]
    for top, bottom in zip(rows[:-1], rows[1:], strict=True):
        steps = np.flatnonzero(np.diff(mask[top].astype(np.int8), prepend=0, append=0)).tolist()
        for left, right in zip(steps[::2], steps[1::2], strict=True):
            found.append(Region(top, left, bottom - top, right - left))
    return tuple(found)

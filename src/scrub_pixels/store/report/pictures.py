"""Small pictures for pages: a frame as WebP in a data URI, and which frames of a run to show."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.errors import ScrubError
from scrub_pixels.frames import Instance, open_instance

LONGEST_SIDE = 640
QUALITY = 78
MOST_PICTURES = 48
BYTES_OF_PICTURES = 6_000_000
CANDIDATES_PER_GROUP = 48
PLAIN_PER_GROUP = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame as a page shows it.

    Parameters
    ----------
    uri
        WebP as ``data:`` URI.
    rows, columns
        Size of the frame, not of the picture: regions are drawn in these coordinates.
    """

    uri: str
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of an output frame with what was redacted in it; free of PHI."""

    picture: Picture
    output: str
    frame: int
    frames: int
    regions: tuple[tuple[int, int, int, int], ...]
    group: str
    reasons: tuple[str, ...]


def picture_of(instance: Instance, frame: int, longest_side: int = LONGEST_SIDE,
               quality: int = QUALITY) -> Picture:
    """Draw one frame as it is displayed.

    Parameters
    ----------
    instance
        What to draw from.
    frame
        0-based.
    longest_side
        Picture samples; smaller frames are not enlarged.
    quality
        Of the WebP, 1 to 100.

    Raises
    ------
    Refusal
        If the frame does not decode.
    """
    image = instance.views(frame)[0].image
    rows, columns = image.shape[:2]
    factor = min(1.0, longest_side / max(rows, columns))
    if factor < 1:
        size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return Picture(_webp(image, quality), rows, columns)


def _webp(image: NDArray[np.uint8], quality: int) -> str:
    ordered = image[..., ::-1] if image.ndim == 3 else image
    done, code = cv2.imencode(".webp", np.ascontiguousarray(ordered), [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not done:
        raise ValueError("OpenCV did not encode the picture")
    return "data:image/webp;base64," + base64.b64encode(code.tobytes()).decode()


def group_of(facts: Mapping[str, Any]) -> str:
    """Return what a device and screen layout are called: modality, device, size."""
    size = f"{facts['columns']}×{facts['rows']}" if "columns" in facts and "rows" in facts else ""
    return " · ".join(part for part in (facts.get("modality"), facts.get("device"), size) if part)


class Choice:
    """Chooses which Instances to picture: masked ones first, spread over devices and layouts."""

    def __init__(self) -> None:
        self._masked: dict[str, list[Mapping[str, Any]]] = {}
        self._plain: dict[str, list[Mapping[str, Any]]] = {}

    def offer(self, entry: Mapping[str, Any]) -> None:
        """Consider one released Instance (its entry in the report)."""
        if not entry.get("frames"):
            return
        shelf, most = ((self._masked, CANDIDATES_PER_GROUP) if entry.get("redactions")
                       else (self._plain, PLAIN_PER_GROUP))
        group = shelf.setdefault(group_of(entry), [])
        if len(group) < most:
            group.append(entry)

    def in_order(self) -> Iterator[Mapping[str, Any]]:
        """Yield the candidates, one of each group in turn, the masked before the untouched."""
        return chain(_in_turn(self._masked.values()), _in_turn(self._plain.values()))


def _in_turn(groups: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[Mapping[str, Any]]:
    return (entry for turn in zip_longest(*groups) for entry in turn if entry is not None)


def shots(read: Callable[[str], bytes], choice: Choice) -> list[Shot]:
    """Draw the chosen output files, as many as fit; those that cannot be drawn are left out."""
    drawn: list[Shot] = []
    room = BYTES_OF_PICTURES
    for entry in choice.in_order():
        if len(drawn) == MOST_PICTURES or room <= 0:
            break
        shot = _shot(read, entry)
        if shot:
            drawn.append(shot)
            room -= len(shot.picture.uri)
    return drawn


def _shot(read: Callable[[str], bytes], entry: Mapping[str, Any]) -> Shot | None:
    spans = entry.get("redactions") or ()
    frame = spans[0]["start"] if spans else 0
    try:
        picture = picture_of(open_instance(read(entry["output"])), frame)
    except (ScrubError, OSError, ValueError, cv2.error):  # a page without this picture is still a true page
        return None
    regions = tuple(tuple(r) for r in spans[0]["regions"]) if spans else ()
    reasons = tuple(entry.get("reasons_masked") or ())
    return Shot(picture, entry["output"], frame, entry["frames"], regions, group_of(entry), reasons)

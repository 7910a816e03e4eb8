"""The truth of a labelled set: JSON Lines, one image a line.

::

    {"file": "a/1.dcm", "complete": true, "texts": [
        {"box": [8, 4, 120, 18], "phi": true, "kind": "name"},
        {"box": [700, 90, 760, 102], "phi": false, "kind": "technical", "frames": [0, 1, 2]}]}

``file`` is the path below IN. ``box`` is ``[x0, y0, x1, y1]`` in samples of the frame, x1 and y1
exclusive. ``phi`` says whether the text identifies a person. Optional are ``kind`` (any word),
``text``, ``frames`` (0-based, only there), ``boxes`` (``[first, last, box]`` for text that moves),
``height_px``, ``contrast``, ``placement``, ``vertical``, ``dynamic`` (its content changes),
``quasi`` (age and the like: counted with neither), and ``where`` (not in the frames: not judged
here). ``complete`` says that every text is labelled; only then other changes count as collateral.
A file that holds one JSON object, and a folder of such files, are read as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from scrub_pixels.errors import UsageError
from scrub_pixels.geometry import FrameSpan, Region

MOST_BYTES = 1 << 28
LONGEST_SIDE = 1 << 16


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a text stands, and while which frames; None for all of them."""

    region: Region
    frames: FrameSpan | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """One text of the truth. The repr does not show what it says.

    Parameters
    ----------
    number
        1-based place in its image.
    stands
        Where it stands; several if it moves.
    phi, quasi
        Whether it identifies a person; whether it is age, sex and the like, which count as neither.
    kind
        As the truth says, or empty.
    frames
        0-based frames on which it stands; None for all.
    text
        What it says, or empty.
    height_px, contrast, placement
        As the truth says; None or empty to have them measured.
    """

    number: int
    stands: tuple[Stand, ...]
    phi: bool
    quasi: bool = False
    kind: str = ""
    frames: frozenset[int] | None = None
    text: str = field(default="", repr=False)
    height_px: float | None = None
    contrast: float | None = None
    placement: str = ""

    def region_on(self, frame: int) -> Region | None:
        """Return where the text stands on a frame; None if it does not."""
        if self.frames is not None and frame not in self.frames:
            return None
        return next((s.region for s in self.stands if s.frames is None or frame in s.frames), None)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One image of the truth; `line` is where its entry stands."""

    line: int
    file: str = field(repr=False)
    labels: tuple[Label, ...]
    complete: bool


def read_truth(path: Path) -> list[Labelled]:
    """Read a truth file, or a folder of them.

    Raises
    ------
    UsageError
        If it cannot be read, or an entry is not what it should be; the message names file and line.
    """
    files = sorted(path.glob("*.json*")) if path.is_dir() else [path]
    if not files:
        raise UsageError("The folder of the truth holds no .json or .jsonl files.", remedy="Check its path.")
    found = [entry for file in files for entry in _entries(file)]
    if len({entry.file for entry in found}) < len(found):
        raise UsageError("The truth names a file twice.", remedy="Put all texts of an image into one entry.")
    return found


def _entries(path: Path) -> Iterator[Labelled]:
    text = _content(path)
    try:
        yield _labelled(json.loads(text), 1, path)
        return
    except ValueError:
        pass  # not one object: a line each
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                entry = json.loads(line)
            except ValueError:
                raise _wrong(path, number, "is no JSON") from None
            yield _labelled(entry, number, path)


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError("The truth file is over 256 MiB.", remedy="Split it into several in a folder.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The truth cannot be read: {error.strerror}.", remedy="Check its path.") from None
    except UnicodeDecodeError:
        raise UsageError("The truth is no UTF-8 text.", remedy="Save it as UTF-8.") from None


def _wrong(path: Path, line: int, what: str) -> UsageError:
    return UsageError(f"{path.name}, line {line}: {what}.", remedy="The README shows the form of a truth.")


def _labelled(entry: Any, line: int, path: Path) -> Labelled:
    try:
        file, texts = entry["file"], entry.get("texts", [])
        _check(isinstance(file, str) and _is_below(file), "`file` is no path below IN")
        _check(isinstance(texts, list), "`texts` is no list")
        labels = tuple(_label(n, text) for n, text in enumerate(texts, 1) if not text.get("where"))
        return Labelled(line, file, labels, bool(entry.get("complete", True)))
    except _Odd as error:
        raise _wrong(path, line, str(error)) from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise _wrong(path, line, "is no entry of a truth") from None


class _Odd(Exception):
    """What is wrong with an entry, free of its values."""


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _Odd(otherwise)


def _is_below(file: str) -> bool:
    return bool(file) and not PurePosixPath(file).is_absolute() and ".." not in PurePosixPath(file).parts


def _label(number: int, entry: Mapping[str, Any]) -> Label:
    _check(isinstance(entry.get("phi"), bool), f"text {number} does not say whether it is phi")
    moves = entry.get("boxes")
    stands = tuple(Stand(_region(number, box), FrameSpan(first, last)) for first, last, box in moves or ())
    return Label(
        number, stands or (Stand(_region(number, entry.get("box"))),), entry["phi"], bool(entry.get("quasi")),
        str(entry.get("kind", "")), _frames(number, entry), str(entry.get("text", "")),
        _number(entry.get("height_px")), _number(entry.get("contrast")), str(entry.get("placement", "")))


def _frames(number: int, entry: Mapping[str, Any]) -> frozenset[int] | None:
    """Return the frames a text stands on; of one whose content changes in place, the first."""
    frames = entry.get("frames", [0] if entry.get("dynamic") and not entry.get("boxes") else None)
    good = frames is None or isinstance(frames, list) and all(type(f) is int for f in frames)
    _check(good, f"the frames of text {number} are no list of numbers")
    return None if frames is None else frozenset(frames)


def _region(number: int, box: Any) -> Region:
    good = isinstance(box, list) and len(box) == 4 and all(type(v) in (int, float) for v in box)
    good = good and all(0 <= v <= LONGEST_SIDE for v in box)
    _check(good, f"the box of text {number} is not [x0, y0, x1, y1]")
    x0, y0, x1, y1 = (int(v) for v in box)
    _check(x0 < x1 and y0 < y1, f"the box of text {number} is empty")
    return Region(y0, x0, y1 - y0, x1 - x0)


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) else None

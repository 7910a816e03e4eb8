"""Names of files in the output folder, built so that none carries an identifier."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydicom import Dataset

from scrub_pixels.decisions.identity import IdentifierKind, Identity
from scrub_pixels.decisions.paths import is_plain, shows_a_date
from scrub_pixels.decisions.spelling import compact, fold, spelt_out, tokens
from scrub_pixels.errors import ProofFailed
from scrub_pixels.header.keys import ProjectKey
from scrub_pixels.store.atomic import Place

SUFFIX = ".dcm"
LONGEST_NAME = 200
LONGEST_PATH = 1000
SAFE = re.compile(r"[^A-Za-z0-9._-]+")
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
)
"""Names Windows keeps for devices, with any suffix."""

_NUMBERED = (IdentifierKind.ID, IdentifierKind.PHONE, IdentifierKind.DEVICE_SERIAL, IdentifierKind.UID)
_SHORTEST_NAME, _SHORTEST_START, _SHORTEST_INSIDE = 2, 3, 4

ContainsIdentifier = Callable[[str], bool]
"""Tells whether a text holds anything that identifies the patient (from the header stage)."""

KEEP, KEEP_UNKNOWN = "keep", "keep-unknown"
"""Ways of naming outputs after inputs, by their word in ledger and queue."""


def new_path(dataset: Dataset, pseudonym: str) -> str:
    """Return ``pseudonym/study/series/instance.dcm`` from the new UIDs of a de-identified data set.

    Raises
    ------
    ProofFailed
        If one of the three UIDs is missing or is no UID.
    """
    names = [_uid(dataset, k) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
    return "/".join([_safe(pseudonym) or "unnamed", *names]) + SUFFIX


def _uid(dataset: Dataset, keyword: str) -> str:
    value = str(dataset.get(keyword) or "")
    if not re.fullmatch(r"[0-9.]{1,64}", value) or value.strip(".") != value:
        raise ProofFailed("The de-identified data set has no usable UID to name its file by.",
                          stage="write", tag=keyword)
    return value


@dataclass(frozen=True, slots=True)
class KeptNames:
    """Input paths as output paths, with every identifying part replaced.

    Parameters
    ----------
    secret
        The project key's bytes: a replaced part becomes a keyed digest, the same wherever it stands.
    contains_identifier
        Judges one part of a path; a part is also judged with its separators read as blanks.
    naming
        `KEEP` replaces every part that is not plainly technical, too, since it may name somebody whom no
        header names; `KEEP_UNKNOWN` leaves such parts.
    """

    secret: bytes
    contains_identifier: ContainsIdentifier
    naming: str = KEEP

    def __repr__(self) -> str:
        return "KeptNames()"

    def place(self, relative: str) -> Place:
        """Return the output path for an input path (``/`` between parts, zip members included).

        The result is relative, never leaves OUT, has safe characters only, and ends in ``.dcm``.
        Its second choice carries a digest, for inputs that differ only in what a safe name drops.
        """
        parts = _parts(relative)
        kept = [self._part(part) for part in self._undated(parts)]
        if self._identifies("".join(p for p, name in zip(parts, kept, strict=True) if _safe(p) == name)):
            return Place(self._digest(relative) + SUFFIX)
        stem = kept[-1][: -len(SUFFIX)] if kept[-1].lower().endswith(SUFFIX) else kept[-1]
        folder, code = "".join(f"{part}/" for part in kept[:-1]), self._digest(relative)
        if len(folder) + len(stem) > LONGEST_PATH:
            return Place(code + SUFFIX)
        return Place(f"{folder}{stem}{SUFFIX}", otherwise=f"{folder}{stem}-{code[:12]}{SUFFIX}")

    def _part(self, part: str) -> str:
        safe = _safe(part)
        if not safe or self._identifies(part) or not (self.naming == KEEP_UNKNOWN or is_plain(part)):
            return self._digest(part)
        return safe

    def _undated(self, parts: list[str]) -> list[str]:
        """Return parts as they are; where they show a date together (2019/04/12), numbers as their codes."""
        if self.naming == KEEP_UNKNOWN or not shows_a_date("/".join(parts)):
            return parts
        return [self._digest(part) if any(map(str.isdigit, part)) else part for part in parts]

    def _identifies(self, part: str) -> bool:
        readings = (part, re.sub(r"[\W_]+", " ", part), unicodedata.normalize("NFKC", part))
        return any(self.contains_identifier(reading) for reading in readings)

    def _digest(self, part: str) -> str:
        code = part.encode("utf-8", "surrogateescape")
        return ProjectKey(self.secret).digest(code, "layout")[:24]


def has_unknown_words(relative: str) -> bool:
    """Tell whether a path has a part that is not plainly technical."""
    parts = _parts(relative)
    return shows_a_date("/".join(parts)) or not all(map(is_plain, parts))


def _parts(relative: str) -> list[str]:
    return [p for p in PurePosixPath(relative).parts if p not in ("/", ".")] or [relative]


def tells(identity: Identity) -> ContainsIdentifier:
    """Return a judge of parts of a path, stricter than the one for text: a lost name costs nothing.

    True for a word of a person's name, the beginning of one (three letters or more), and for a
    name or number of four characters or more inside other letters, whatever stands between its
    own: ``SmithJohn``, ``ct_SMITHJOHN_2``, ``123-45-67`` for 1234567.
    """
    spellings = {f(i.value) for i in identity.of(IdentifierKind.NAME) for f in (fold, spelt_out)}
    names = {word for text in spellings for word in tokens(text) if len(word) >= _SHORTEST_NAME}
    starts = {name[:end] for name in names for end in range(_SHORTEST_START, len(name) + 1)}
    words = names | starts
    inside = _by_start({*names, *(compact(fold(i.value)) for i in identity.of(*_NUMBERED))})

    def judge(text: str) -> bool:
        return any(_tells(folded, words, inside) for folded in (fold(text), spelt_out(text)))

    return judge


def _by_start(texts: set[str]) -> dict[str, tuple[str, ...]]:
    """Return the long texts by their first letters: a path is searched for those of all patients at once."""
    found: dict[str, tuple[str, ...]] = {}
    for text in sorted(texts):
        if len(text) >= _SHORTEST_INSIDE:
            start = text[:_SHORTEST_INSIDE]
            found[start] = (*found.get(start, ()), text)
    return found


def _tells(folded: str, words: set[str], inside: dict[str, tuple[str, ...]]) -> bool:
    if not words.isdisjoint(tokens(folded)):
        return True
    letters = compact(folded)
    starts = ((at, inside.get(letters[at : at + _SHORTEST_INSIDE], ())) for at in range(len(letters)))
    return any(letters.startswith(texts, at) for at, texts in starts)


def _safe(part: str) -> str:
    """Return `part` with only portable characters, or an empty string if little would be left of it."""
    name = SAFE.sub("_", part).strip("._ ")[:LONGEST_NAME]
    return "" if not name.strip("_-.") or name.split(".")[0].lower() in RESERVED else name


"""Clean Descriptors (PS3.15 E.3.5): keep clinical words, take out what could be this patient's."""

from __future__ import annotations

import re

from scrub_pixels.header.needles import Needles

_SUSPECT = re.compile(
    r"""
      [^\s@]+@[^\s@]+                                            # e-mail
    | \b(?:https?|ftp)://\S+ | \bwww\.\S+
    | \b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b                        # dates in figures
    | \b\d{1,2}[ .-]?(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]*[ .-]*\d{2,4}\b
    | \b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?[ ]\d{1,2}(?:st|nd|rd|th)?,?[ ]\d{2,4}\b
    | \+?\(?\d[\d()/ -]{6,}\d                                    # phones
    | \b(?=[A-Z0-9-]*\d[A-Z0-9-]*\d[A-Z0-9-]*\d)[A-Z0-9-]{6,}\b  # IDs: six signs with three figures
    | \b\d{5,}\b
    | \d+(?:\.\d+){4,}                                           # UIDs
    | \b(?:dr|doctor|prof|mr|mrs|ms|miss|frau|herr)\b\.?[ ]*(?:[^\W\d_]+[.]?[ ]?){0,2}
    | \b(?:mrn|dob|ssn|acc(?:ession)?(?:[ ]?(?:no|nr|\#))?|pat(?:ient)?[ ]?(?:id|name|no|nr))\b[ :#.=]*\S*
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Whatever looks like a date, phone, ID, UID, address or a person with a title."""

_CARET_NAME = re.compile(r"\w\^\w")

_LONGEST = 4000
"""Longer texts are no descriptions; looking through them could take any time."""


def cleaned(text: str, needles: Needles) -> str:
    """Return `text` without this patient's identifiers; empty if nothing certain is left."""
    if len(text) > _LONGEST:
        return ""
    without = _without_caret_names(_SUSPECT.sub(" ", text))
    if without != text:
        without = re.sub(r" ([,;.:])", r"\1", " ".join(without.split())).strip(" ,;:.-/()#=")
    return needles.removed_from(without) if needles.hit(without) else without


def _without_caret_names(text: str) -> str:
    """Return `text` without words in the form of a PN value: ``Smith^John``."""
    if "^" not in text:
        return text
    return " ".join(word for word in text.split() if not _CARET_NAME.search(word))

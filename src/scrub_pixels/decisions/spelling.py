"""Spelling: text reduced to forms in which two ways of writing the same thing are equal.

Three reductions, each coarser than the one before:

* `fold` removes case and diacritics, and spells compatibility characters out.
* `tokens` cuts folded text into runs of letters and runs of digits.
* `skeleton` merges the characters that readers of small bitmap fonts confuse (O/0, I/l/1, S/5,
  B/8, Z/2, rn/m). It is for recognising *identifiers* in spite of reading errors; vocabulary is
  never matched by it, because a skeleton could turn a name into a term.
"""

from __future__ import annotations

import re
import unicodedata

_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    {
        "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i",
        "’": "'", "‘": "'", "´": "'", "`": "'", "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "×": "x",
        "。": ".", "·": ".", "、": ",",
    }
)  # fmt: skip
_SPELT_OUT = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
_CONFUSED = str.maketrans("01i|!5826", "ollllsbzg")
_DIGITS_MISREAD = str.maketrans("oil|sbz", "0111582")
_TOKEN = re.compile(r"[^\W\d_]+|\d+")


def fold(text: str) -> str:
    """Return `text` in lower case without diacritics; one spelling per dash, quote and cross."""
    if text.isascii():
        return text.lower().replace("`", "'")
    spelt = text.casefold().translate(_LETTERS_WITHOUT_DECOMPOSITION)
    decomposed = unicodedata.normalize("NFKD", spelt).casefold()
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return bare.translate(_LETTERS_WITHOUT_DECOMPOSITION)


def spelt_out(text: str) -> str:
    """Return the folded text with umlauts written as two letters (``Müller`` as ``mueller``)."""
    composed = unicodedata.normalize("NFC", text).casefold()
    return fold("".join(_SPELT_OUT.get(c, c) for c in composed))


def tokens(folded: str) -> tuple[str, ...]:
    """Return the runs of letters and the runs of digits of folded text, in order."""
    return tuple(_TOKEN.findall(folded))


def skeleton(folded: str) -> str:
    """Return folded text with characters that small fonts make alike merged into one."""
    return folded.replace("rn", "m").replace("vv", "w").translate(_CONFUSED)


def as_digits(folded: str) -> str:
    """Return folded text with the letters that are read for digits turned back into digits."""
    return folded.translate(_DIGITS_MISREAD)


def compact(folded: str) -> str:
    """Return the letters and digits of folded text, nothing between them."""
    return "".join(c for c in folded if c.isalnum())

"""Second spelling: which lines are worth a closer look, and when it vouches that a word was misread.

``CERVX`` is nobody's name that is known, and one letter away from a term. Shown in other ways, the line reads
``CERVIX`` more than once and nothing that is far from it: then it is harmless, if ``CERVIX`` is. No look ever
outweighs a name of the lists, an identifier of the header, a pattern or a label, in whatever way it was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from scrub_pixels.decisions.findings import Evidence, EvidenceKind, Finding, Verdict
from scrub_pixels.decisions.matching import within
from scrub_pixels.decisions.reading import DIGIT_IN_WORD, Heard, Lexicon, hear, testimony
from scrub_pixels.decisions.scan import AtomKind, scan
from scrub_pixels.decisions.settings import DecisionSettings, KeepPolicy
from scrub_pixels.decisions.spelling import compact, fold
from scrub_pixels.decisions.vocabulary import Vocabulary, load_vocabulary
from scrub_pixels.text.boxes import is_upright
from scrub_pixels.text.closer_look import is_narrow
from scrub_pixels.text.lines import TextLine

LEAST_VOTES, MANY_VOTES = 3, 5
"""Looks, the first one counted, that must agree on a spelling, and from which one more error is allowed."""

_SHORTEST, _LONG = 3, 6
_LETTERS_FOR_AN_ERROR = 4
_MOST_ERRORS = 3
_CRUMB = 2
_UNREAD = frozenset({EvidenceKind.UNREADABLE, EvidenceKind.UNKNOWN_WORD})
_DOUBTS = frozenset({EvidenceKind.UNKNOWN_WORD, EvidenceKind.POSITION})
"""Evidence that a closer look may clear up: what the letters are, and where a homograph stands."""


def misspelt_lines(findings: Iterable[Finding], settings: DecisionSettings) -> tuple[TextLine, ...]:
    """Return the lines that are masked for nothing but words that are one letter away from a term.

    Parameters
    ----------
    findings
        The findings of an Instance.
    settings
        What is taken for harmless; nothing needs a closer look where all text goes.
    """
    if settings.policy is KeepPolicy.ALL_TEXT:
        return ()
    vocabulary = load_vocabulary(settings.extra_vocabulary)
    doubtful = (f for f in findings if f.verdict is Verdict.PHI and not f.line.looks)
    return tuple(f.line for f in doubtful if _may_be_upright(f) or _is_doubtful(f, settings, vocabulary))


def _may_be_upright(finding: Finding) -> bool:
    """Tell whether what was tried as turned text only may be a lone letter, or letters above each other."""
    speaking = {e.kind for e in finding.evidence if e.speaks_for_phi}
    turned = finding.line.rotation % 180 != 0 or not finding.line.readings
    few = max((sum(c.isalnum() for c in r) for r in finding.line.readings), default=0) <= _CRUMB
    upright = is_narrow(finding.line.region) or is_upright(finding.line.region)
    return turned and few and upright and speaking <= _UNREAD


def _is_doubtful(finding: Finding, settings: DecisionSettings, vocabulary: Vocabulary) -> bool:
    line = finding.line
    readable = not line.rotation and line.confidence >= settings.min_confidence
    return readable and all(map(_may_be_cleared_up, finding.evidence)) and _is_misspelt(line, vocabulary)


def _may_be_cleared_up(evidence: Evidence) -> bool:
    return not evidence.speaks_for_phi or evidence.kind in _DOUBTS or evidence.detail == DIGIT_IN_WORD


def _is_misspelt(line: TextLine, vocabulary: Vocabulary) -> bool:
    atoms = [atom for reading in line.readings for atom in scan(reading, vocabulary)]
    unknown = [atom.text for atom in atoms if atom.kind is AtomKind.UNKNOWN]
    if not unknown:
        spoilt = any(c.isdigit() for reading in line.readings for c in reading)
        return spoilt or any(a.kind is AtomKind.BAND_NAME and a.text not in vocabulary.words for a in atoms)
    return all(_may_be_a_term(word, vocabulary) for word in unknown)


def _may_be_a_term(word: str, vocabulary: Vocabulary) -> bool:
    return not vocabulary.is_someone(word) and bool(vocabulary.near(word))


def vouched_for(line: TextLine, lexicon: Lexicon, in_band: bool) -> Heard | None:
    """Return the harmless spelling that closer looks at a misspelt line agree on, None if there is none.

    Parameters
    ----------
    line
        With its looks.
    lexicon
        Vocabulary and header.
    in_band
        Whether it stands where names usually stand.
    """
    # Ideographs are seen in marks of any kind.
    looks = tuple(look for look in line.looks if compact(fold(look)).isascii())
    texts = [text for text in (*line.readings, *looks) if compact(fold(text))]
    if not looks or any(_identifies(hear(text, lexicon, in_band), lexicon) for text in texts):
        return None
    seen = (line.reading, *looks)
    spellings = Counter(compact(fold(text)) for text in seen)
    for spelling, votes in spellings.most_common():
        agreed = votes >= LEAST_VOTES and len(spelling) >= _SHORTEST and _are_near(spelling, texts, votes)
        heard = _harmless(spelling, texts, lexicon, in_band) if agreed else None
        if heard is not None:
            return heard
    return _without_mark(seen, lexicon, in_band)


def _without_mark(seen: Sequence[str], lexicon: Lexicon, in_band: bool) -> Heard | None:
    """Return what is harmless behind a mark that every look takes for another letter (``ICrossXBeam``).

    A tick or the edge of a grey bar is read along with its line; a letter would read alike more often.
    """
    firsts = {fold(text[:1]) for text in seen}
    rests = Counter(text[1:].strip() for text in seen)
    rest, votes = rests.most_common(1)[0]
    if len(firsts) < LEAST_VOTES or votes < LEAST_VOTES or len(compact(fold(rest))) < _LONG:
        return None
    return _harmless(compact(fold(rest)), [rest], lexicon, in_band) if _are_near(rest, rests, votes) else None


def _identifies(heard: Heard, lexicon: Lexicon) -> bool:
    """Tell whether a reading shows more than misspelt words: an identifier, a pattern, a label, a name."""
    named = any(lexicon.vocabulary.is_someone(a.text) for a in heard.atoms if a.kind is not AtomKind.TERM)
    return bool(heard.hits) or named or not all(map(_may_be_cleared_up, testimony(heard)))


def _are_near(spelling: str, texts: Iterable[str], votes: int) -> bool:
    """Tell whether no text is far from a spelling: the more looks agree on it, the farther one may be."""
    errors = max(1, len(spelling) // _LETTERS_FOR_AN_ERROR) + (votes >= MANY_VOTES)
    errors, spelling = min(_MOST_ERRORS, errors), compact(fold(spelling))
    others = {compact(fold(text)) for text in texts} - {spelling}
    return all(within(other, spelling, errors) for other in others)


def _harmless(spelling: str, texts: Sequence[str], lexicon: Lexicon, in_band: bool) -> Heard | None:
    """Return the first way of writing a spelling that is harmless: it may be read with a blank or without."""
    for text in dict.fromkeys(texts):
        if compact(fold(text)) != spelling:
            continue
        heard = hear(text, lexicon, in_band)
        ordinary = len(heard.atoms) == 1 and heard.atoms[0].text in lexicon.ordinary
        if (heard.has_company or ordinary) and not any(e.speaks_for_phi for e in testimony(heard)):
            return heard
    return None

"""Series context: what one Instance has shown about its siblings.

A name that nobody knows, seen beside a label on one Instance, is a name on the others, too, wherever it
stands and however it is cut off there; and where identifying text stood on one, a sibling of the same layout
that shows none has probably lost it to the search, not to the device. The context is a value: it is
passed from Instance to Instance in memory. It holds readings, so it is never written anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scrub_pixels.decisions.findings import Evidence, EvidenceKind, Finding, Verdict
from scrub_pixels.decisions.identity import Identifier, IdentifierKind, Identity
from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.decisions.vocabulary import Vocabulary, load_vocabulary
from scrub_pixels.geometry import Region, Shape

KEYWORD = "a sibling of the Series"
"""Stands for the attribute in the evidence that a learned word gives."""

_WELL_READ = 0.9
_SHORTEST_WORD = 3
_SHORTEST_NUMBER = 4
_SAME_PLACE = 0.5
_SAME_LAYOUT = 0.5
_TELLING = frozenset({EvidenceKind.HEADER_MATCH, EvidenceKind.LABEL})


@dataclass(frozen=True, slots=True)
class Place:
    """Where identifying text stood on a sibling of this shape, and on how many of them."""

    shape: Shape
    region: Region
    times: int = 1


@dataclass(frozen=True, slots=True)
class SeriesContext:
    """What the Instances of one Series have shown so far; the repr counts and shows nothing.

    Parameters
    ----------
    words
        Folded words and numbers of well-read identifying text that are no vocabulary.
    places
        Where identifying text stood that a header match or a label made certain.
    instances
        How many Instances taught this.
    """

    words: frozenset[str] = field(default=frozenset(), repr=False)
    places: tuple[Place, ...] = field(default=(), repr=False)
    instances: int = 0

    def learn(self, findings: Sequence[Finding], shape: Shape) -> SeriesContext:
        """Return the context with what one more Instance of the Series has shown.

        Parameters
        ----------
        findings
            The findings of its decision.
        shape
            ``(Rows, Columns)`` of its frames.
        """
        phi = [f for f in findings if f.verdict is Verdict.PHI and f.line.confidence >= _WELL_READ]
        certain = [f for f in phi if any(e.kind in _TELLING and e.speaks_for_phi for e in f.evidence)]
        vocabulary = load_vocabulary()
        words = {word for f in certain for word in _words(f, vocabulary)}
        places = self.places
        for finding in certain:
            places = _with_place(places, Place(shape, finding.line.region))
        return SeriesContext(self.words | words, places, self.instances + 1)

    def merged(self, other: SeriesContext) -> SeriesContext:
        """Return what both have learned, on different Instances of the same Series."""
        places = self.places
        for place in other.places:
            places = _with_place(places, place)
        return SeriesContext(self.words | other.words, places, self.instances + other.instances)

    @property
    def identity(self) -> Identity:
        """The learned words as identifiers, to be compared like those of the header."""
        return Identity(
            tuple(
                Identifier(KEYWORD, IdentifierKind.ID if word.isdigit() else IdentifierKind.NAME, word)
                for word in sorted(self.words)
            )
        )

    def missing(self, findings: Sequence[Finding], shape: Shape) -> int:
        """Return at how many places of its layout an Instance shows nothing where siblings show identity.

        The layout is the same only if at least half of the places are taken here as well.
        """
        known = [place.region for place in self.places if place.shape == shape]
        here = [f.line.region for f in findings]
        empty = [region for region in known if not any(_same_place(region, other) for other in here)]
        return len(empty) if len(empty) <= _SAME_LAYOUT * len(known) else 0

    def doubts(self, findings: Sequence[Finding], shape: Shape) -> tuple[str, ...]:
        """Return the PHI-free reasons to hold an Instance that differs from its siblings."""
        missing = self.missing(findings, shape)
        if not missing:
            return ()
        return (f"siblings of the Series show identifying text at {missing} places where nothing was found",)


def evidence_at(region: Region, context: SeriesContext, shape: Shape) -> Iterable[Evidence]:
    """Yield what siblings say about a place: identifying text stood there."""
    places = (place.region for place in context.places if place.shape == shape)
    if any(_same_place(region, place) for place in places):
        yield Evidence(EvidenceKind.POSITION, "same place as identifying text of a sibling", True)


def _words(finding: Finding, vocabulary: Vocabulary) -> Iterable[str]:
    for word in tokens(fold(finding.line.reading)):
        least = _SHORTEST_NUMBER if word.isdigit() else _SHORTEST_WORD
        plain = word in vocabulary.words and not vocabulary.is_name(word)
        plain = plain or word in vocabulary.labels or word in vocabulary.units
        if len(word) >= least and not plain:
            yield word


def _with_place(places: tuple[Place, ...], new: Place) -> tuple[Place, ...]:
    for index, place in enumerate(places):
        if place.shape == new.shape and _same_place(place.region, new.region):
            seen = Place(place.shape, place.region, place.times + new.times)
            return (*places[:index], seen, *places[index + 1 :])
    return (*places, new)


def _same_place(one: Region, other: Region) -> bool:
    shared = one.intersection(other)
    return shared is not None and shared.area >= _SAME_PLACE * min(one.area, other.area)

"""Search a released Instance, its path and the reports for the identifiers of its input."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydicom.datadict import tag_for_keyword

from scrub_pixels.decisions import Verdict, decide, harvest
from scrub_pixels.decisions.findings import EvidenceKind, Finding
from scrub_pixels.decisions.identity import Identifier, IdentifierKind, Identity
from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.frames import Instance, overlay_groups, read_plane
from scrub_pixels.header.actions import is_harmless
from scrub_pixels.header.keys import is_standard
from scrub_pixels.header.needles import Needles
from scrub_pixels.header.recheck import identifiers_left
from scrub_pixels.policy import Policy
from scrub_pixels.run.verify.remarks import Mark, Remark, passed_or
from scrub_pixels.store.layout import tells
from scrub_pixels.text import Detectors, TextReader, TextSearch, find_text
from scrub_pixels.text.search import Viewable

_UNLISTED = "text that is not proven harmless is read in a released frame"
_NUMBERED = (IdentifierKind.ID, IdentifierKind.PHONE, IdentifierKind.DEVICE_SERIAL, IdentifierKind.UID)
_SHORTEST = 5


@dataclass(frozen=True)
class Eyes:
    """What reads the released frames again.

    Parameters
    ----------
    reader, detectors
        The networks.
    policy
        Under which the frames were released.
    """

    reader: TextReader
    detectors: Detectors
    policy: Policy

    def search(self, instance: Instance) -> list[TextSearch]:
        """Return the text of all frames, and of every overlay plane."""
        pictures: list[Viewable] = [instance] if instance.pixels is not None else []
        planes = (read_plane(instance, group) for group in overlay_groups(instance.dataset))
        pictures += [plane for plane in planes if plane is not None]
        return [find_text(p, self.reader, self.policy.search, self.detectors) for p in pictures]


def in_frames(instance: Instance, original: Instance | None, needles: Needles, eyes: Eyes) -> list[Remark]:
    """Read the released frames again and look for identifiers.

    A line that is the input's identifier, or in which one stands, fails; other text that is not
    proven harmless is noted, because another reader reads other things.
    """
    faults, notes = [], 0
    for search in eyes.search(instance):
        dataset = original.dataset if original is not None else instance.dataset
        findings = decide(search, dataset, eyes.policy.decisions).findings
        named = [f for f in findings if _names_somebody(f) or any(map(needles.hit, f.line.readings))]
        left = [f for f in named if f.verdict is not Verdict.BENIGN]
        faults += ["an identifier of the input is read in a released frame"] * bool(left)
        notes += sum(f.verdict is Verdict.PHI and f not in left for f in findings)
    noted = [Remark("text", Mark.NOTED, _UNLISTED)] if notes and not faults else []
    return noted or passed_or("text", dict.fromkeys(faults))


def _names_somebody(finding: Finding) -> bool:
    return any(e.kind is EvidenceKind.HEADER_MATCH and e.speaks_for_phi for e in finding.evidence)


def in_header(instance: Instance, needles: Needles, policy: Policy, pseudonym: str) -> list[Remark]:
    """Look for identifiers in every attribute."""
    left = identifiers_left(instance.dataset, needles, policy.profile, pseudonym)
    return passed_or("header", (f"an identifier of the input stands in {name}" for name in left))


def in_names(output: str, original: Instance, needles: Needles, reports: Reports) -> list[Remark]:
    """Look for identifiers in the path of a file below OUT, and in the reports beside it."""
    identity = harvest(original.dataset)
    told = tells(identity)
    parts = [part for part in re.split(r"[/\\]", output) if part]
    faults = ["its path holds an identifier of the input"] * any(told(part) for part in parts)
    if reports.hold(_phrases(identity)):
        faults.append("a report holds an identifier of the input")
    return passed_or("names", faults)


def _phrases(identity: Identity) -> Iterator[tuple[str, ...]]:
    """Yield what a report must not hold, as words in a row: whole names, and numbers of some length.

    Single words of a name are no proof: reports are full of technical words.
    """
    for name in identity.of(IdentifierKind.NAME):
        words = tuple(tokens(fold(name.value)))
        if len(words) > 1 and sum(map(len, words)) >= 2 * _SHORTEST:
            yield words
            yield words[::-1]
    for number in identity.of(*_NUMBERED):
        if _names_a_class(number):
            continue
        words = tuple(tokens(fold(number.value)))
        long = sum(map(len, words)) >= _SHORTEST
        if long and not is_standard(number.value) and any(any(c.isdigit() for c in word) for word in words):
            yield words


def _names_a_class(number: Identifier) -> bool:
    """Tell whether a UID is that of a class, which is kept, and stands in reports, whoever made it up."""
    tag = tag_for_keyword(number.keyword.removeprefix("MediaStorage"))
    return number.kind is IdentifierKind.UID and tag is not None and is_harmless(tag)


_MEASURED = re.compile(r'"(?:bytes|seconds)":\s*\d+(?:\.\d+)?(?=[\s,}\]])')
"""Numbers that a run counts: a file of 123,456 bytes names nobody whose number is 123456."""


@dataclass(frozen=True)
class Reports:
    """The words of all report files, ready to be looked through."""

    words: frozenset[str] = field(repr=False)
    text: str = field(repr=False)

    @classmethod
    def of(cls, files: Iterable[Path]) -> Reports:
        """Read the files, whatever bytes they hold; sizes and times of ours are no identifiers."""
        read = (file.read_bytes().decode("utf-8", "replace") for file in files)
        texts = (fold(_MEASURED.sub('"":', text)) for text in read)
        found = [word for text in texts for word in tokens(text)]
        return cls(frozenset(found), f" {' '.join(found)} ")

    def hold(self, phrases: Iterable[tuple[str, ...]]) -> bool:
        """Tell whether any phrase stands in them."""
        possible = (words for words in phrases if self.words.issuperset(words))
        return any(f" {' '.join(words)} " in self.text for words in possible)


@lru_cache(maxsize=1)
def reports_in(out: str, names: tuple[str, ...]) -> Reports:
    """Read the report files of an output folder, once in each process."""
    return Reports.of(Path(out) / name for name in names if os.path.isfile(os.path.join(out, name)))

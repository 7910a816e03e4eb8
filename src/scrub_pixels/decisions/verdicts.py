"""Verdicts: every line is heard by every witness, and kept only if it is proven harmless.

A line is BENIGN if it is read with confidence, every token of every reading is vocabulary or a
measurement, and no witness speaks for PHI. It is UNSURE if it may be no text at all: a weak detection
without a reading worth the name. Everything else is PHI, a strong detection that cannot be read included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scrub_pixels.decisions.cut_lines import CUT, beside_cut
from scrub_pixels.decisions.devices import DeviceMatch
from scrub_pixels.decisions.findings import Evidence, EvidenceKind, Finding, Verdict
from scrub_pixels.decisions.identity import IdentifierKind, Identity
from scrub_pixels.decisions.layout import (
    beside,
    continues_any,
    encloses,
    flush_above,
    in_header_band,
    in_one_block,
    in_stack,
    is_below,
    is_piece,
    line_height,
    precedes,
    same_place,
    same_row,
    touches_any,
    value_of,
)
from scrub_pixels.decisions.matching import Matcher, within
from scrub_pixels.decisions.reading import Heard, Lexicon, hear, testimony
from scrub_pixels.decisions.scales import ON_SCALE, is_scale
from scrub_pixels.decisions.scan import AtomKind
from scrub_pixels.decisions.second_spelling import vouched_for
from scrub_pixels.decisions.series import SeriesContext, evidence_at
from scrub_pixels.decisions.settings import DecisionSettings, KeepPolicy
from scrub_pixels.decisions.spelling import compact, fold, tokens
from scrub_pixels.decisions.tables import IN_ROW, in_row, is_run_of_digits, row_of
from scrub_pixels.decisions.two_boxes import WITH_VALUE, is_setting
from scrub_pixels.decisions.vocabulary import Vocabulary, load_vocabulary
from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.lines import TextLine


@dataclass(frozen=True)
class Context:
    """What is known about the Instance besides its text and its identifiers.

    Parameters
    ----------
    shape
        ``(Rows, Columns)`` of the frames.
    modality
        Modality (0008,0060), or empty.
    device
        Manufacturer (0008,0070) and Manufacturer's Model Name (0008,1090), or empty: their words are
        taken for a logo even where they are also names.
    known
        What a catalogue knows about the device.
    series
        What siblings of the Series have shown.
    """

    shape: Shape
    modality: str = ""
    device: str = ""
    known: DeviceMatch = DeviceMatch()
    series: SeriesContext = SeriesContext()


_NAMING_THEMSELVES = frozenset({"label.place", "label.contact"})
"""Labels that are as a rule part of the value (``Mercy Hospital``), not in front of it."""


_OF_A_PERSON = frozenset({"label.name", "label.person"})
"""Labels after which terms are a name all the same: ``Ars Smth`` is no plane of an image there."""

_LOOKED_CLOSER = Evidence(EvidenceKind.VOCABULARY, "a term misread at first, by closer looks", False)

_LETTERS = 4
"""Letters for each digit of a misread name (``4rs Smth``)."""

_CONTROL = re.compile(r"(?<!\S)[a-z]{1,2}\d{1,3}(?!\S)")
_INITIAL = re.compile(r"[^\W\d_]\s?[.\u3002]")
_LONG_TERM = 6
_CRUMB = 2
_COUNTER = re.compile(r"^\W*(\d{1,4})\s?/\s?(\d{1,4})\W*$")
_LEAST_COUNTS = 3
_MARKED_COUNTER = re.compile(r"(\d{2,3})/(\d{2,3})\d")
_RATE = re.compile(r"\d{1,3}\s?(?:hz|fps)")
_HOURS_AND_MINUTES = re.compile(r"(\d{2})[.,;' ][0-5]\d(?:[.,;' ][0-5]\d)?")
_FOUR_DIGITS = "number of 4 digits"
_WELL_READ = 0.8

_WIDEST_CHARACTER = 1.5
_WIDEST_IN_CAPTIONS = 1.0
_SLACK = 2.0
"""Ink longer than so many heights for each character read, and some more, was not read completely."""


@dataclass(frozen=True)
class _Case:
    """One line with all its readings heard."""

    line: TextLine
    heard: tuple[Heard, ...]
    evidence: tuple[Evidence, ...]

    @property
    def suspicious(self) -> bool:
        return any(evidence.speaks_for_phi for evidence in self.evidence)

    @property
    def is_label(self) -> bool:
        """True if it ends in a label, so that the value stands in another line."""
        last = [h.atoms[-1] for h in self.heard if h.atoms]
        return any(a.kind is AtomKind.LABEL and a.detail not in _NAMING_THEMSELVES for a in last)

    @property
    def announces_a_person(self) -> bool:
        """True if it is the label of a person and nothing else, with its colon: ``Patient Name:``."""
        said = [h for h in self.heard if h.atoms and h.text.rstrip().endswith(":")]
        return any(all(a.detail in _OF_A_PERSON for a in h.atoms) for h in said)

    @property
    def is_words(self) -> bool:
        """True if next to nothing in it is a digit, as in a name and not in a setting."""
        letters, digits = (
            sum(test(c) for reading in self.line.readings for c in reading)
            for test in (str.isalpha, str.isdigit)
        )
        return letters > 0 and letters >= _LETTERS * digits

    @property
    def is_technical(self) -> bool:
        """True if no label could have such a value: a measurement, a term and more, or marks only."""
        return all(h.has_company and len(h.atoms) > 1 or h.is_measurement or not h.atoms for h in self.heard)

    @property
    def is_long_term(self) -> bool:
        """True if it is terms too long to be initials and nobody's name (``Description``)."""
        return bool(self.heard) and all(
            h.atoms and all(a.kind is AtomKind.TERM and len(a.text) >= _LONG_TERM for a in h.atoms)
            for h in self.heard
        )

    @property
    def is_control_row(self) -> bool:
        """True if it is two or more letters with numbers glued to them, and nothing that identifies."""
        counts = [len(_CONTROL.findall(heard.text)) for heard in self.heard]
        return not self.suspicious and max(counts, default=0) >= 2 and min(counts) >= 1

    @property
    def is_caption(self) -> bool:
        """True if it is a label without its value."""
        return any(heard.is_caption for heard in self.heard)

    @property
    def may_be_name(self) -> bool:
        """True if it is nothing but terms that are also names, the maker's aside."""
        names = {AtomKind.BAND_NAME, AtomKind.COMPANY_NAME}
        return any(
            h.atoms and all(a.kind in names and a.text not in h.trusted for a in h.atoms) for h in self.heard
        )

    @property
    def is_ordinary(self) -> bool:
        """True if it is one word that scanners of this modality write where names stand."""
        words = [h.atoms[0].text in h.ordinary if len(h.atoms) == 1 else False for h in self.heard]
        return bool(words) and all(words)

    @property
    def has_company(self) -> bool:
        """True if it is plain terms or measurements, and no single letter or bare number."""
        return bool(self.heard) and all(h.has_company for h in self.heard)

    @property
    def is_crumb(self) -> bool:
        """True if it is a letter or a bare number alone, which may have broken off a longer line."""
        crumbs = {AtomKind.LETTER, AtomKind.NUMBER}
        return all(len(h.atoms) == 1 and h.atoms[0].kind in crumbs for h in self.heard)

    @property
    def is_initial(self) -> bool:
        """True if it is one letter and a full stop in one of its readings (``L.``)."""
        return any(_INITIAL.fullmatch(reading.strip()) for reading in self.line.readings)

    @property
    def is_cut_short(self) -> bool:
        """True if the ink is much longer than what was read of it."""
        characters = max((len(reading) for reading in self.line.readings), default=0)
        height = line_height(self.line)
        length = max(self.line.region.rows, self.line.region.columns)
        widest = _WIDEST_IN_CAPTIONS if self.is_caption else _WIDEST_CHARACTER
        return length > height * (widest * characters + _SLACK)


def judge(
    lines: Sequence[TextLine], identity: Identity, settings: DecisionSettings, context: Context
) -> tuple[Finding, ...]:
    """Draw a verdict on every line.

    Parameters
    ----------
    lines
        All lines of one Instance.
    identity
        The identifiers of its header.
    settings
        What is taken for harmless.
    context
        Geometry and device.

    Returns
    -------
    tuple of Finding
        One for every line, in the same order. The evidence holds no text of the line.
    """
    if settings.policy is KeepPolicy.ALL_TEXT:
        return tuple(_masked_by_policy(line) for line in lines)
    lexicon = _lexicon(identity, settings, context)
    cases = [_case(line, lexicon, settings, context) for line in lines]
    cases = [_in_table_row(case, cases, lexicon) for case in cases]
    cases = [_before_value(case, cases, lexicon) for case in cases]
    heads = [_in_table_head(case, cases, lexicon.vocabulary) for case in cases]
    cases = [_on_scale(_counted(_among_settings(case, cases), cases), cases) for case in heads]
    cases = [_without_probe_number(case, cases) for case in cases]
    cases = [_without_doubt_about_a_piece(case, cases, settings) for case in cases]
    by_layout = _layout_evidence(cases)
    found = tuple(_finding(case, by_layout.get(i, ()), settings) for i, case in enumerate(cases))
    return tuple(_in_known_places(f, c, context, settings) for f, c in zip(found, cases, strict=True))


def _without_probe_number(case: _Case, cases: Sequence[_Case]) -> _Case:
    """Return a case without the suspicion against a number of four digits if it names a transducer.

    Older scanners print one before a row of control settings (``9123  5.0 R15 G66 C6``).
    """
    speaking = [e for e in case.evidence if e.speaks_for_phi]
    alone = bool(speaking) and all(e.detail == _FOUR_DIGITS for e in speaking) and not _reads_year(case)
    if not alone or not any(c.is_control_row and precedes(case.line, c.line) for c in cases):
        return case
    probe = Evidence(EvidenceKind.VOCABULARY, "number before control settings", False)
    return replace(case, evidence=(*(e for e in case.evidence if not e.speaks_for_phi), probe))


def _in_table_row(case: _Case, cases: Sequence[_Case], lexicon: Lexicon) -> _Case:
    """Return a case without the suspicion against a run of digits if it is the row of a table."""
    if case.line.rotation or not is_run_of_digits(case.evidence):
        return case
    row = row_of(case.line, [c.line for c in cases])
    others = [c for c in cases if any(c.line is line for line in row)]
    harmless = all(not c.suspicious or is_run_of_digits(c.evidence) for c in others)
    return _cleared(case, IN_ROW) if in_row(case.line, row if harmless else (), lexicon) else case


def _before_value(case: _Case, cases: Sequence[_Case], lexicon: Lexicon) -> _Case:
    """Return a case without the suspicion against a word that its value, in the next box, explains."""
    if {e.kind for e in case.evidence if e.speaks_for_phi} != {EvidenceKind.UNKNOWN_WORD}:
        return case
    harmless = [c.line for c in cases if not c.suspicious]
    in_band = any(heard.in_band for heard in case.heard)
    return _cleared(case, WITH_VALUE) if is_setting(case.line, harmless, in_band, lexicon) else case


_MOMENTS = ("date", "time", "month", "AcquisitionDate", "StudyDate", "StudyTime", "ContentDate")
_DIGITS_OF_MOMENTS = frozenset({"grouped digits", "number of 4 digits", CUT})

_TABLE_HEAD = "head of a table"
_LEAST_HEADS, _LEAST_LABELS, _SHORTEST_HEAD = 3, 2, 4


def _in_table_head(case: _Case, cases: Sequence[_Case], vocabulary: Vocabulary) -> _Case:
    """Return a case without the suspicion against a label if it is one of the heads of a table.

    ``Date`` between ``Birth Date`` and ``Description``: all that stands in its row are labels and terms,
    three of them at least beside it. One of them may be a label but for a letter (``Nane``), if two others
    are labels and it stands behind none of a person.
    """
    row = [c for c in cases if c is case or same_row(case.line, c.line)]
    row = [c for c in row if c.line.frames.overlaps(case.line.frames)]
    if len(row) <= _LEAST_HEADS or case.line.rotation:
        return case
    worn = [c for c in row if not _is_head(c)]
    if len(worn) > 1 or any(not _is_worn_head(c, row, vocabulary) for c in worn):
        return case
    return _cleared(case, _TABLE_HEAD) if case in worn or any(map(_has_label, case.heard)) else case


def _is_head(case: _Case) -> bool:
    """Tell whether a line is labels and plain terms, and nothing else speaks against it."""
    speaking = {e.kind for e in case.evidence if e.speaks_for_phi}
    kinds = {AtomKind.LABEL, AtomKind.TERM}
    known = all(h.atoms and ":" not in h.text and {a.kind for a in h.atoms} <= kinds for h in case.heard)
    return bool(case.heard) and known and speaking <= {EvidenceKind.LABEL}


def _is_worn_head(case: _Case, row: Sequence[_Case], vocabulary: Vocabulary) -> bool:
    """Tell whether a line of a row is a label but for one letter, or reads nearly like that, among labels."""
    speaking = {e.kind for e in case.evidence if e.speaks_for_phi}
    words = [h.text.strip() for h in case.heard]
    near = [word for word in words if len(word) >= _SHORTEST_HEAD and vocabulary.is_near_label(word)]
    alike = all(any(within(word, other, 1) for other in near) for word in words)
    if speaking != {EvidenceKind.UNKNOWN_WORD} or not near or not alike:
        return False
    labelled = [c for c in row if c is not case and any(map(_has_label, c.heard))]
    before = [c for c in row if c.line.region.column < case.line.region.column]
    last = max(before, key=lambda c: c.line.region.column, default=None)
    behind = last is not None and any(a.detail in _OF_A_PERSON for h in last.heard for a in h.atoms)
    return len(labelled) >= _LEAST_LABELS and not behind


def _has_label(heard: Heard) -> bool:
    return any(atom.kind is AtomKind.LABEL for atom in heard.atoms)


def _stands_in(case: _Case, detail: str) -> bool:
    return any(e.detail == detail for e in case.evidence)


_WHERE_NAMES_STAND = "a term that is also a name, where names stand"
_IN_MENU, _IN_BLOCK = "a term in the row of a menu", "a term among settings"
_LEAST_SETTINGS = 2
_MENU = frozenset({"file", "edit", "view", "tools", "window", "help", "insert", "format", "options", "image"})
"""What the menus of windowed programs are called."""

_BUTTONS = frozenset({"ok", "cancel", "close", "exit", "apply", "back"})
"""What the buttons below a window are called."""


def _on_scale(case: _Case, cases: Sequence[_Case]) -> _Case:
    """Return a case without suspicion if it is the numbers of a scale, taken together for turned text.

    ``51015`` in the box of ``5``, ``10`` and ``15``, which stand below each other as far apart as they count.
    """
    speaking = {e.kind for e in case.evidence if e.speaks_for_phi}
    doubts = {EvidenceKind.PATTERN, EvidenceKind.UNKNOWN_WORD, EvidenceKind.POSITION}
    if case.line.rotation % 180 == 0 or not speaking or not speaking <= doubts:
        return case
    sure = [c.line for c in cases if not c.suspicious and c.is_crumb]
    return _cleared(case, ON_SCALE) if is_scale(case.line, sure) else case


def _among_settings(case: _Case, cases: Sequence[_Case]) -> _Case:
    """Return a case without the suspicion against a rare name's homograph if it stands among settings.

    ``CHI`` in a column of settings, or ``File`` in a menu: two lines of terms or measurements at least
    stand next to it, in its column or its row, and none that speaks of a person.
    """
    speaking = {e.detail for e in case.evidence if e.speaks_for_phi}
    if speaking != {_WHERE_NAMES_STAND}:
        return case
    others = [c for c in cases if c is not case]
    settings = [c for c in others if _is_setting(c) and in_one_block(case.line, c.line)]
    suspects = [c.line for c in others if _speaks_beside(c, case) and not _is_moment(c)]
    if _is_in_menu(case, settings, suspects) or _is_button(case, cases, suspects):
        return _cleared(case, _IN_MENU)
    if len(settings) < _LEAST_SETTINGS or touches_any(case.line, suspects):
        return case
    return _cleared(case, _IN_BLOCK)


def _speaks_beside(other: _Case, case: _Case) -> bool:
    """Tell whether a line is suspicious for more than its place, and not for being a box of several lines."""
    return other.suspicious and not _stands_alike(other) and not encloses(other.line, case.line)


def _is_moment(case: _Case) -> bool:
    """Tell whether a line is a date or a time of day, which says nothing about what is beside it."""
    speaking = [e for e in case.evidence if e.speaks_for_phi]
    moments = all(e.detail.startswith(_MOMENTS) or e.detail in _DIGITS_OF_MOMENTS for e in speaking)
    return any(e.detail.startswith(("date", "time")) for e in speaking) and moments


def _is_in_menu(case: _Case, settings: Sequence[_Case], suspects: Sequence[TextLine]) -> bool:
    """Tell whether a word of menus (``File``) stands in a row with such words, and no suspect in it."""
    row = [c for c in settings if _is_of_menus(c) and same_row(case.line, c.line)]
    return (
        _is_of_menus(case)
        and len(row) >= _LEAST_SETTINGS
        and not any(same_row(case.line, line) and line.frames.overlaps(case.line.frames) for line in suspects)
    )


def _is_button(case: _Case, cases: Sequence[_Case], suspects: Sequence[TextLine]) -> bool:
    """Tell whether a word of buttons (``OK``) stands in a row with terms, and beside no suspect."""
    named = bool(case.heard) and all(len(h.atoms) == 1 and h.atoms[0].text in _BUTTONS for h in case.heard)
    row = [c for c in cases if _is_setting(c) and same_row(case.line, c.line)]
    return named and len(row) >= _LEAST_SETTINGS and not touches_any(case.line, suspects)


def _is_of_menus(case: _Case) -> bool:
    return bool(case.heard) and all(len(h.atoms) == 1 and h.atoms[0].text in _MENU for h in case.heard)


def _is_setting(case: _Case) -> bool:
    """Tell whether a line is harmless for a term that is nobody's name, or for a measurement."""
    return bool(case.heard) and not case.suspicious and all(h.has_company for h in case.heard)


def _stands_alike(case: _Case) -> bool:
    """Tell whether a line, too, is suspicious for nothing but its place."""
    return {e.detail for e in case.evidence if e.speaks_for_phi} == {_WHERE_NAMES_STAND}


def _cleared(case: _Case, detail: str) -> _Case:
    plain = tuple(e for e in case.evidence if not e.speaks_for_phi)
    return replace(case, evidence=(*plain, Evidence(EvidenceKind.POSITION, detail, False)))


def _without_doubt_about_a_piece(case: _Case, cases: Sequence[_Case], settings: DecisionSettings) -> _Case:
    """Return a case without suspicion if it is a piece of a harmless line, found a second time in its place.

    ``PINATU`` within the box of ``SUPRASPINATUS``: the letters are the same, and the whole word is known.
    """
    speaking = {e.kind for e in case.evidence if e.speaks_for_phi}
    if speaking != {EvidenceKind.UNKNOWN_WORD} or case.line.confidence < settings.min_confidence:
        return case
    wholes = (c for c in cases if _is_setting(c) and c.line.confidence >= settings.min_confidence)
    found = any(is_piece(case.line, whole.line) for whole in wholes)
    return _cleared(case, "a piece of a harmless line") if found else case


def _counted(case: _Case, cases: Sequence[_Case]) -> _Case:
    """Return a case without suspicion if it is the counter of a loop with a mark glued to it.

    ``127/128`` with the number of the picture behind it reads ``127/1281``: the last frame or the one
    before it, of as many, above a frame rate. One in hundreds of numbers of records looks like this.
    """
    speaking = {e.detail for e in case.evidence if e.speaks_for_phi}
    only = bool(speaking) and speaking <= {_FOUR_DIGITS, "grouped digits"}
    if not only or not all(map(_is_at_end, case.heard)):
        return case
    rates = (c.line for c in cases if not c.suspicious and any(map(_is_rate, c.heard)))
    above = any(flush_above(case.line, rate) for rate in rates if rate.frames.overlaps(case.line.frames))
    return _cleared(case, "counter of a loop") if above else case


def _is_at_end(heard: Heard) -> bool:
    match = _MARKED_COUNTER.fullmatch(heard.text)
    return match is not None and int(match[2]) - int(match[1]) in (0, 1)


def _is_rate(heard: Heard) -> bool:
    return _RATE.fullmatch(heard.text) is not None


def _reads_year(case: _Case) -> bool:
    return any(re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", reading) for reading in case.line.readings)


def _masked_by_policy(line: TextLine) -> Finding:
    return Finding(line, Verdict.PHI, (Evidence(EvidenceKind.POLICY, "no text stays", True),))


def _lexicon(identity: Identity, settings: DecisionSettings, context: Context) -> Lexicon:
    others = tuple(kind for kind in IdentifierKind if kind is not IdentifierKind.INSTITUTION)
    trusted = frozenset(tokens(fold(context.device))) - identity.words(*others)
    vocabulary = load_vocabulary(settings.extra_vocabulary)
    known = (vocabulary.ordinary.get(name, frozenset()) for name in ("ANY", context.modality))
    ordinary = frozenset().union(*known) - identity.words(*others)
    return Lexicon(vocabulary, Matcher(identity), trusted, ordinary)


def _case(line: TextLine, lexicon: Lexicon, settings: DecisionSettings, context: Context) -> _Case:
    in_band = in_header_band(line, context.shape, settings.header_band)
    heard = _without_parts(hear(reading, lexicon, in_band) for reading in line.readings)
    evidence = dict.fromkeys(evidence for one in heard for evidence in testimony(one))
    second = vouched_for(line, lexicon, in_band) if line.looks else None
    if second is not None:
        return _Case(line, (second,), (*testimony(second), _LOOKED_CLOSER))
    if _counts_frames(line):
        return _Case(line, heard, (Evidence(EvidenceKind.MEASUREMENT, "frame counter", False),))
    return _Case(line, heard, tuple(evidence))


def _without_parts(heard: Iterable[Heard]) -> tuple[Heard, ...]:
    """Return what was heard without the readings that are only a piece of a longer, harmless one.

    A line is also read in pieces (``MPH`` of ``LYMPH NODE``); what the whole says, they do not refute.
    """
    found = tuple(heard)
    harmless = [h.text for h in found if h.has_company and not _speaks(h)]
    whole, per_cent = list(map(compact, harmless)), [text for text in harmless if "%" in text]
    doubtful = (
        h for h in found
        if _speaks(h) and (_is_piece(compact(h.text), whole) or _is_per_cent(h.text, per_cent))
    )  # fmt: skip
    left_out = set(map(id, doubtful))
    return tuple(h for h in found if id(h) not in left_out)


def _is_per_cent(text: str, harmless: Iterable[str]) -> bool:
    """Tell whether a reading is a harmless one whose sign of per cent was read as a letter (``AOX``)."""
    alike = (other.replace("%", mark).replace("o", "0") for other in harmless for mark in "xz2")
    return text.replace("o", "0") in set(alike)


def _speaks(heard: Heard) -> bool:
    return any(evidence.speaks_for_phi for evidence in testimony(heard))


def _is_piece(text: str, whole: Sequence[str]) -> bool:
    return any(len(text) < len(other) and text in other for other in whole) and text.isalpha()


def _counts_frames(line: TextLine) -> bool:
    """Tell whether a line reads ``1/12``, ``2/12``, ``3/12`` as the frames go by, and nothing else."""
    counts = [_COUNTER.match(reading) for reading in line.readings]
    if len(counts) < _LEAST_COUNTS or len(line.frames) < _LEAST_COUNTS:
        return False
    pairs = {(int(m[1]), int(m[2])) for m in counts if m is not None}
    return (
        len(pairs) == len(counts) and len({last for _, last in pairs}) == 1 and all(a <= b for a, b in pairs)
    )


@dataclass(frozen=True)
class _Around:
    """The lines that stand around one.

    Parameters
    ----------
    lines
        All of them.
    suspects
        Those that are suspicious.
    incomplete
        Those of them that do not say by themselves whose name, number or time they are.
    people
        Suspects less remarks: unknown words among measurements and terms.
    cut
        Suspects that an ellipsis cuts.
    named
        Suspects that show a person's name of the header, or the label of one.
    identified
        Suspects that show anything of the header.
    dates
        Suspects that are a date or a time of day.
    """

    lines: tuple[TextLine, ...]
    suspects: tuple[TextLine, ...]
    incomplete: tuple[TextLine, ...]
    people: tuple[TextLine, ...]
    cut: tuple[TextLine, ...]
    named: tuple[TextLine, ...]
    identified: tuple[TextLine, ...]
    dates: tuple[TextLine, ...]

    @classmethod
    def of(cls, cases: Sequence[_Case]) -> _Around:
        suspects = [case for case in cases if case.suspicious]
        return cls(
            tuple(case.line for case in cases),
            tuple(case.line for case in suspects),
            tuple(case.line for case in suspects if not _is_complete(case)),
            tuple(case.line for case in suspects if not _is_remark(case)),
            tuple(case.line for case in suspects if _stands_in(case, CUT)),
            tuple(case.line for case in suspects if _names_someone(case)),
            tuple(case.line for case in suspects if _is_of_header(case)),
            tuple(case.line for case in suspects if _is_moment(case)),
        )


def _is_of_header(case: _Case) -> bool:
    return any(e.kind is EvidenceKind.HEADER_MATCH for e in case.evidence)


def _names_someone(case: _Case) -> bool:
    """Tell whether a line shows a word of a name of the header, or the label of a person."""
    matched = (e.detail for e in case.evidence if e.kind is EvidenceKind.HEADER_MATCH)
    labels = {e.detail for e in case.evidence if e.kind is EvidenceKind.LABEL}
    return any("Name" in detail for detail in matched) or bool(labels & {"name", "person"})


_DIRECTIONS = frozenset({"anatomy.side", "anatomy.orientation"})
_LONGEST_LABEL = 3
_COMPLETE = ("whole value", "run together", "number", "date or time")


def _is_complete(case: _Case) -> bool:
    """Tell whether a suspicious line is a full name or number of the header, or a date or a time."""
    matched = (e.detail for e in case.evidence if e.kind is EvidenceKind.HEADER_MATCH)
    return _is_moment(case) or any(detail.endswith(_COMPLETE) for detail in matched)


def _is_remark(case: _Case) -> bool:
    """Tell whether a line is a finding with a word that nobody knows (``ESOPHAGUS AT 30 CM - BARRETT``)."""
    speaking = {e.kind for e in case.evidence if e.speaks_for_phi}
    vouching = {AtomKind.TERM, AtomKind.MEASURE}
    known = [sum(a.kind in vouching for a in h.atoms) for h in case.heard if h.is_measurement]
    return speaking == {EvidenceKind.UNKNOWN_WORD} and min(known, default=0) >= _LEAST_OF_REMARK


_LEAST_OF_REMARK = 2


def _layout_evidence(cases: Sequence[_Case]) -> dict[int, tuple[Evidence, ...]]:
    """Return what the neighbourhood says, by the index of the line it speaks about."""
    lines = [case.line for case in cases]
    values = [value_of(case.line, lines) for case in cases if case.is_label]
    announced = {id(line) for line in values if line is not None}
    names = {id(value_of(case.line, lines)) for case in cases if case.announces_a_person}
    around = _Around.of(cases)
    found: dict[int, tuple[Evidence, ...]] = {}
    for index, case in enumerate(cases):
        value = _as_value(case, id(case.line) in announced, id(case.line) in names)
        spoken = (*value, *_about(case, around))
        if spoken:
            found[index] = spoken
    return found


def _as_value(case: _Case, announced: bool, named: bool) -> Iterable[Evidence]:
    if _stands_in(case, _TABLE_HEAD):
        return
    if announced and not (case.is_technical or case.is_caption or case.is_long_term):
        yield Evidence(EvidenceKind.LABEL, "value of a label", True)
    elif named and case.is_words and not case.is_caption:
        yield Evidence(EvidenceKind.LABEL, "value of a person's label", True)


def _about(case: _Case, around: _Around) -> Iterable[Evidence]:
    suspects, lines = around.suspects, around.lines
    if case.heard and case.is_cut_short:
        yield Evidence(EvidenceKind.UNREADABLE, "longer than what was read", True)
    if not case.suspicious and any(same_place(case.line, other) for other in suspects):
        yield Evidence(EvidenceKind.POSITION, "same place as identifying text", True)
    if case.is_caption and beside(case.line, lines) and not _stands_in(case, _TABLE_HEAD):
        yield Evidence(EvidenceKind.LABEL, "with its value beside it", True)
    if _is_short(case.line) and in_stack(case.line, [line for line in lines if _is_short(line)]):
        yield Evidence(EvidenceKind.POSITION, "one of a stack of crumbs, maybe turned text", True)
    if (
        (case.is_crumb or _is_tiny(case.line))
        and not case.suspicious
        and continues_any(case.line, _well_read(around.people if case.has_company else suspects))
    ):
        yield Evidence(EvidenceKind.POSITION, "a crumb on the line of identifying text", True)
    if not case.suspicious and any(map(_may_be_initials, case.heard)) and is_below(case.line, suspects):
        yield Evidence(EvidenceKind.POSITION, "maybe initials, below identifying text", True)
    if not case.suspicious and not case.has_company:
        yield from beside_cut(case.line, around.cut)
    if not case.suspicious and case.is_initial and touches_any(case.line, around.named):
        yield Evidence(EvidenceKind.POSITION, "an initial beside a name", True)
    if not case.suspicious and any(map(_is_pair, case.heard)) and is_below(case.line, around.identified):
        yield Evidence(EvidenceKind.POSITION, "maybe initials, right below an identifier", True)
    if not case.suspicious and any(map(_may_be_time, case.heard)) and touches_any(case.line, around.dates):
        yield Evidence(EvidenceKind.POSITION, "maybe a time of day, beside a date", True)
    if not case.suspicious and _may_be_label(case.line) and any(_leads(case.line, n) for n in around.named):
        yield Evidence(EvidenceKind.POSITION, "maybe the label of the name behind it", True)
    if _may_be_name_beside(case, around):
        yield Evidence(EvidenceKind.POSITION, "a term that is also a name, beside identifying text", True)


def _may_be_name_beside(case: _Case, around: _Around) -> bool:
    """Tell whether a rare name's homograph stands beside identifying text, and not where words like it do.

    In a menu or among settings what stands beside it was looked at before. What scanners of this modality
    write at the edges is no part of a name or a date that stands there in full.
    """
    if case.suspicious or not case.may_be_name or _stands_in(case, _IN_MENU) or _stands_in(case, _IN_BLOCK):
        return False
    suspects = around.incomplete if case.is_ordinary else around.suspects
    return touches_any(case.line, [line for line in suspects if not encloses(line, case.line)])


def _is_pair(heard: Heard) -> bool:
    """Tell whether it is two letters alone that are no side, and nothing scanners of its modality write."""
    atom = heard.atoms[0] if len(heard.atoms) == 1 else None
    plain = atom is not None and atom.kind is AtomKind.TERM and atom.text not in heard.ordinary
    if atom is None or not plain or len(atom.text) != 2 or not atom.text.isalpha():
        return False
    return atom.detail not in _DIRECTIONS and "%" not in heard.text


def _may_be_label(line: TextLine) -> bool:
    """Tell whether it is two or three letters (``PLs`` for ``Pt:``)."""
    return 1 < sum(c.isalpha() for c in line.reading) <= _LONGEST_LABEL and line.reading.strip().isalpha()


def _leads(line: TextLine, name: TextLine) -> bool:
    """Tell whether a name goes on where a line ends, less than its height away."""
    gap = name.region.column - line.region.right
    return precedes(line, name) and gap <= line_height(line)


def _may_be_initials(heard: Heard) -> bool:
    """Tell whether it is two letters where names stand, and such as turn a volume (``LS``)."""
    atom = heard.atoms[0] if len(heard.atoms) == 1 else None
    directed = atom is not None and atom.detail == "anatomy.orientation" and len(atom.text) == 2
    return heard.in_band and directed


def _may_be_time(heard: Heard) -> bool:
    """Tell whether it is hours and minutes and nothing else, a full stop between them (``10.47``)."""
    match = _HOURS_AND_MINUTES.fullmatch(heard.text.strip())
    return match is not None and int(match[1]) < 24


def _is_tiny(line: TextLine) -> bool:
    return 0 < sum(c.isalpha() for c in line.reading) <= 2 and not any(c.isdigit() for c in line.reading)


def _is_short(line: TextLine) -> bool:
    return sum(c.isalnum() for c in line.reading) <= _CRUMB


def _well_read(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return the lines that are surely words: what was misread says nothing about its neighbours."""
    return [line for line in lines if line.confidence >= _WELL_READ and len(line.reading) > 2]


def _finding(case: _Case, layout: tuple[Evidence, ...], settings: DecisionSettings) -> Finding:
    evidence = (*layout, *case.evidence)
    suspicious = any(e.speaks_for_phi for e in evidence)
    line = case.line
    if line.readings and line.confidence >= settings.min_confidence and not suspicious:
        return Finding(line, Verdict.BENIGN, evidence)
    unread = () if suspicious and line.confidence >= settings.min_confidence else _unread(line)
    if _may_be_nothing(case, settings):
        weak = Evidence(EvidenceKind.WEAK_DETECTION, "may be no text", True)
        return Finding(line, Verdict.UNSURE, (weak, *unread, *evidence))
    return Finding(line, Verdict.PHI, (*evidence, *unread) if suspicious else (*unread, *evidence))


_MARKS = frozenset({EvidenceKind.UNREADABLE, EvidenceKind.WEAK_DETECTION})
_EXCUSED = _MARKS | {EvidenceKind.UNKNOWN_WORD, EvidenceKind.POSITION}
"""Evidence that a device's harmless region outweighs where nothing could be read; where something could,
only doubts about the reading are: a word that nobody knows may be a name. Identifiers, patterns and
labels it never outweighs."""

_INSIDE = 0.9
_PARTLY = 0.5


def _in_known_places(
    finding: Finding, case: _Case, context: Context, settings: DecisionSettings
) -> Finding:
    """Return a finding with what the device catalogue and the siblings say about its place."""
    region, known = finding.line.region, context.known
    if any(_share(region, place) >= _PARTLY for place in known.phi):
        rule = Evidence(EvidenceKind.DEVICE_RULE, "in a region where the device writes identifiers", True)
        return Finding(finding.line, Verdict.PHI, (rule, *finding.evidence))
    speaking = {e.kind for e in finding.evidence if e.speaks_for_phi}
    excused = _MARKS if finding.line.confidence >= settings.min_reading else _EXCUSED
    if speaking <= excused and any(_share(region, place) >= _INSIDE for place in known.harmless):
        rule = Evidence(EvidenceKind.DEVICE_RULE, "in a region where the device writes nothing else", False)
        return Finding(finding.line, Verdict.BENIGN, (rule, *finding.evidence))
    if finding.verdict is Verdict.BENIGN and not case.is_technical:
        spoken = tuple(evidence_at(region, context.series, context.shape))
        return Finding(finding.line, Verdict.PHI, (*spoken, *finding.evidence)) if spoken else finding
    return finding


def _share(region: Region, place: Region) -> float:
    shared = region.intersection(place)
    return shared.area / region.area if shared else 0.0


def _unread(line: TextLine) -> tuple[Evidence, ...]:
    detail = "read without confidence" if line.readings else "nothing read"
    return (Evidence(EvidenceKind.UNREADABLE, detail, True),)


def _may_be_nothing(case: _Case, settings: DecisionSettings) -> bool:
    """Tell whether a line is a weak detection with no reading worth the name and no hit in the header."""
    if case.line.detection >= settings.weak_detection:
        return False
    matched = any(e.kind is EvidenceKind.HEADER_MATCH for e in case.evidence)
    letters = max((sum(c.isalnum() for c in reading) for reading in case.line.readings), default=0)
    return not matched and (letters < 2 or case.line.confidence < settings.min_reading)

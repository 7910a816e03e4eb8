"""Terms that were misread, cut, glued or broken stay in the company that proves them; no name does."""

from __future__ import annotations

import random

import pytest
from test_decisions_names import ELSEWHERE, GIVEN, NAMES, ROMANISED, SURNAMES

from scrub_pixels.decisions import (
    Context,
    DecisionSettings,
    Identifier,
    IdentifierKind,
    Identity,
    Verdict,
    judge,
)
from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.decisions.vocabulary import load_vocabulary
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine

SHAPE = (600, 800)
NOBODY = Identity()
VOCABULARY = load_vocabulary()
SENTENCES = ("The {0} is normal in size.", "No focal lesion is {0}.", "Normal flow in the {0} vein.")


def _line(text: str, row: int = 300, column: int = 10, others: tuple[str, ...] = ()) -> TextLine:
    return TextLine(Region(row, column, 12, 8 * len(text)), FrameSpan(0, 1), text, 0.95, 0.99, 0, others)


def _kept(*lines: TextLine, identity: Identity = NOBODY) -> list[bool]:
    found = judge(lines, identity, DecisionSettings(), Context(SHAPE))
    return [f.verdict is Verdict.BENIGN for f in found]


@pytest.mark.parametrize("text", [
    "RTBREAST 10:00 N+4", "LTBREAST 3:30 N+2", "RT BREAST 18:00 N+4", "RT BREAST 1000N+4",
    "AOX 40", "A0X 100", "Pwr 1002", "Pwr 80X", "TISC5.2 MI=2.8 AO=100%", "EFH 11761 g", "EFu 14998 g",
    "Topogram 1 120 35 m\u00c5 2.6 0.6", "Scan kVmAs CTDIvol DLP", "Scan kVmAsCTDlvol DLP TI cSL",
    "RT BREAST 10:0...", "Exam Description: CTABDOMEN",
    "GBLONG", "RT CFVCOMP", "RTICADIST", "RT ICADIST", "LTTHYROIDSAG", "SUPRASP INATUS",
    "Theliveris normal in size andechotexture.", "Thegallbladder is unremarkable.",
    "No focal lesion is seer.", "Left ventricular function is preserver.",
    "Left ventr...", "PSAX MV LE...", "Store in prog...", "BLADDER PR...", "Grayscale and color Do...",
    "Right kidney 21.77 cm, left kidney 10.98...", "SRI II", "SRI II 3", "Patient [D",
])
def test_misread_cut_glued_and_broken_terms_stay(text: str) -> None:
    assert _kept(_line(text)) == [True]


@pytest.mark.parametrize("text", [
    "RT BREAST 18:00", "KOWALSKI 18:00 N+4", "LIVER 18:00 N+4", "RT BREAST 18:07 N+4",
    "BREAST 1000", "18:00 N+4", "LIVER 10:0...", "RT BREAST 13:0...", "RT BREAST 10:1...", "CTHART",
    "CTSMITH", "CTLEG",
    "RT BREAST 18:00:12 N+4", "RT BREAST 18:00 N+4 10:15:22", "BREASTON 10:00",
    "1000N+4", "AOX", "AOX Lee", "Lee AOX 40", "AOX 1940", "AOX 401", "Pwr 10022", "Power Lee",
    "EFH", "EFH 11761", "EFH 117612 g", "EFH 11761 g Lee", "TISC", "CTISC5.2",
    "FURLONG", "DELONG", "LELONG", "BELONG", "TERESALONG", "SMITHCOMP", "RTSMITHDIST", "RTLEESAG",
    "HEMA TOMA", "GANG LION", "PAN CREAS", "VAL SALVA", "LEE VER",
    "Thekowalskiis normal in size.", "Theliveris", "Theliveris Kowalski normal in size", "Theliveris normal",
    "Left L...", "Long Ax...", "PSAX Kow...", "Heart C...", "Heart Ce...", "General Ho...", "BLADDER P...",
    "Dr and color Do...", "Kowalski Do...", "Kowalski, left kidney 10.98...", "MRN 10.98...",
    "ID 21.77, 10.98...", "Sri Kumar", "SRI LANKA", "Patient 100", "Patient ID 4711",
])
def test_what_may_be_a_name_a_time_or_a_number_goes(text: str) -> None:
    assert _kept(_line(text)) == [False]


def test_no_name_of_the_lists_stays_in_the_sentence_of_a_report() -> None:
    words = sorted({w for name in NAMES for w in tokens(fold(name)) if len(w) > 3 and w.isalpha()})
    names = [word for word in words if word not in VOCABULARY.words and word not in VOCABULARY.in_phrases]
    assert len(names) > 2000
    near = [name for name in names if VOCABULARY.near(name)]
    names = [*near, *names[::5]]
    for form in SENTENCES:
        lines = [_line(form.format(name.title()), 20 + 40 * (i % 12)) for i, name in enumerate(names)]
        assert [line.reading for line in lines if _kept(line) == [True]] == []


def test_every_name_that_is_near_a_term_is_listed() -> None:
    """If one is missing the vocabulary has grown: run ``python -m benchmarks.name_lists --write``."""
    names = {w for name in NAMES for w in tokens(fold(name)) if len(w) > 3 and w.isascii() and w.isalpha()}
    needy = VOCABULARY.company | VOCABULARY.band
    near = {n for n in names if any(term not in needy for term in VOCABULARY.near(n))}
    near |= set(filter(VOCABULARY.begins_term, names))
    assert len(near) > 100
    assert near - VOCABULARY.words.keys() - VOCABULARY.names == set()


def test_no_name_stays_that_is_glued_to_a_plane_or_cut() -> None:
    rng = random.Random(11)
    some = [name for name in rng.sample([*SURNAMES, *GIVEN, *ELSEWHERE, *ROMANISED], 700)]
    names = [name.upper() for name in some if fold(name) not in VOCABULARY.words]
    forms = ("{0}LONG", "RT{0}SAG", "RT {0}DIST", "{0}COMP", "Left {0}...", "PSAX {0}...", "{0} ventr...")
    for form in forms:
        stay = [name for name in names if _kept(_line(form.format(name))) == [True]]
        assert stay == [], form


def test_no_two_names_are_a_broken_term() -> None:
    known = {w for name in NAMES for w in tokens(fold(name))}
    pairs = [
        f"{term[:cut]} {term[cut:]}".upper()
        for term in VOCABULARY.words if len(term) >= 8
        for cut in range(2, len(term) - 1) if term[:cut] in known or term[cut:] in known
    ]  # fmt: skip
    both = [pair for pair in pairs if all(part.lower() in known for part in pair.split())]
    assert len(pairs) > 50
    assert [pair for pair in both if _kept(_line(pair)) == [True]] == []


def test_a_sign_of_per_cent_that_was_read_as_a_letter_once_does_not_outweigh_the_sign() -> None:
    assert _kept(_line("AOX", others=("AO%",))) == [True]
    assert _kept(_line("AOX")) == [False]
    assert _kept(_line("LEEX", others=("AO%",))) == [False]
    assert _kept(_line("AO2", others=("KOWALSKI%",))) == [False]


def test_the_header_outweighs_every_repair() -> None:
    cases = {"Gblong^Ann": "GBLONG", "Seer^Ann": "No focal lesion is seer.", "Ventr^Leo": "Left ventr..."}
    for name, text in {**cases, "Suprasp^Inatus": "SUPRASP INATUS"}.items():
        header = Identity((Identifier("PatientName", IdentifierKind.NAME, name),))
        assert _kept(_line(text)) == [True], text
        assert _kept(_line(text), identity=header) == [False], text


def test_two_letters_right_below_an_identifier_are_initials() -> None:
    header = Identity((Identifier("PatientID", IdentifierKind.ID, "900-69-81"),))
    number, letters = _line("ID: 900-69-81", 300), _line("WC", 316)
    assert _kept(number, letters, identity=header) == [False, False]
    assert _kept(_line("WC", 360), number, identity=header)[0] is True
    assert _kept(_line("RT", 316), number, identity=header)[0] is True


def test_three_letters_before_a_name_are_its_label_misread() -> None:
    header = Identity((Identifier("PatientName", IdentifierKind.NAME, "Kowalski^Ann"),))
    name = _line("Kowalski", 300, 40)
    assert _kept(_line("PLs", 300), name, identity=header) == [False, False]
    assert _kept(_line("PLs", 340), name, identity=header)[0] is True

"""The vocabulary as data: every file in order, every word in its place."""

from __future__ import annotations

from importlib import resources

import pytest

from scrub_pixels.decisions import vocabulary as package
from scrub_pixels.decisions.scan import AtomKind, scan
from scrub_pixels.decisions.spelling import fold, skeleton, spelt_out, tokens
from scrub_pixels.decisions.vocabulary import load_vocabulary

FILES = sorted(e for e in resources.files(package).iterdir() if e.name.endswith(".txt"))
VOCABULARY = load_vocabulary()


def test_it_is_large_and_covers_every_section() -> None:
    assert len(VOCABULARY) > 2500
    sections = {section.split(".")[0] for section in VOCABULARY.words.values()}
    assert {"ultrasound", "measurement", "anatomy", "radiology", "parameter", "manufacturer"} <= sections
    assert {"german", "french", "spanish", "italian", "portuguese", "dutch"} <= sections


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_line_is_a_comment_a_section_a_phrase_or_words(file) -> None:
    opened = False
    for row in file.read_text(encoding="utf-8").splitlines():
        if row.startswith("["):
            assert row.endswith("]") and row[1:-1].replace(".", "").replace(" ", "").isalpha()
            opened = True
        elif row and not row.startswith("#"):
            assert opened, "words before the first section"
            assert row == row.lower() and "\t" not in row
            assert not row.startswith("=") or len(tokens(fold(row))) > 1, "a phrase has several words"


def test_labels_are_not_vocabulary() -> None:
    assert set(VOCABULARY.labels) & set(VOCABULARY.words) == set()


def test_homographs_are_vocabulary_and_stand_in_one_section_only() -> None:
    kinds = [VOCABULARY.company, VOCABULARY.band, VOCABULARY.rare]
    assert sum(map(len, kinds)) == len(frozenset().union(*kinds))
    phrased = {word for found in VOCABULARY.phrases.values() for phrase, _ in found for word in phrase}
    assert frozenset().union(*kinds) <= set(VOCABULARY.words) | phrased


def test_no_month_is_a_term() -> None:
    months = "january february march april june july august september october november december"
    short = "jan feb apr jun jul aug oct nov dec mrz okt dez janv juin juil aout ene abr"
    assert set(f"{months} {short}".split()) & set(VOCABULARY.words) == set()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("MI 0.8", ["TERM", "NUMBER"]),
        ("12.5 cm/s", ["MEASURE"]),
        ("G66", ["CODE", "NUMBER"]),
        ("DR 60", ["CODE", "NUMBER"]),
        ("DR WHO", ["LABEL", "UNKNOWN"]),
        ("C5-1", ["CODE"]),
        ("LONG AXIS", ["TERM"]),
        ("LONG", ["COMPANY_NAME"]),
        ("W: 3498", ["LETTER", "MEASURE"]),
        ("3498", ["LONG_NUMBER"]),
        ("LTKIDNEY", ["TERM"]),
        ("GenOB", ["TERM"]),
        ("DepthAbdomen", ["TERM", "TERM"]),
        ("FR0ZEN", ["TERM"]),
        ("QUUX", ["UNKNOWN"]),
    ],
)
def test_a_reading_is_taken_apart(text: str, kinds: list[str]) -> None:
    assert [atom.kind for atom in scan(text, VOCABULARY)] == [AtomKind[kind] for kind in kinds]


def test_atoms_do_not_show_what_was_read() -> None:
    assert "quux" not in repr(scan("QUUX", VOCABULARY)).lower()


def test_spellings() -> None:
    assert fold("Müller–Straße ‘Łódź’") == "muller-strasse 'lodz'"
    assert spelt_out("Müller Ågot") == "mueller aagot"
    assert skeleton(fold("B0RN5TEIN")) == skeleton(fold("BORNSTEIN"))
    assert tokens(fold("TIS0.5 a_b")) == ("tis", "0", "5", "a", "b")

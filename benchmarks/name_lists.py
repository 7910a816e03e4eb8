"""Name lists: make ``vocabulary/names.txt`` again when the vocabulary has grown, and try the rules on them.

    pip install names faker
    python -m benchmarks.name_lists            # what is missing from names.txt, and which names would be kept
    python -m benchmarks.name_lists --write    # make it again

The lists are those of the United States census of 1990 (public domain, in the package ``names``) and of Faker
(MIT licence) for all its regions. A name is listed if it is no term itself and one letter away from a term
that is nobody's name, or nearly nobody's, or if such a term begins with it, or falls into it and another
name: misspelt, cut or broken terms are taken for themselves only where they are no name of the lists.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from scrub_pixels.decisions import Context, DecisionSettings, Identity, Verdict, judge
from scrub_pixels.decisions import vocabulary as package
from scrub_pixels.decisions.scan import AtomKind, scan
from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.decisions.vocabulary import Vocabulary, load_vocabulary
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine

FILE = Path(package.__file__).with_name("names.txt")
CENSUS = ("dist.all.last", "dist.female.first", "dist.male.first")
FIELDS = ("last_names", "first_names", "first_names_male", "first_names_female", "first_names_unisex")
SHORTEST, WIDTH = 4, 110
ROW, IN_BAND = 300, 8

HALVED = 8
"""Letters from which a term that a blank breaks is known again."""

AMONG: tuple[str, ...] = (
    "{0}", "LT {0} SAG", "The {0} is normal in size.", "No focal lesion is {0}.", "{0} 4.5 cm", "{0}...",
    "{0}LONG", "RT{0}SAG", "{0} LEVEL", "{0} 3", "{0}:", "Left {0}...",
)  # fmt: skip
"""Lines in which a name might be taken for a term."""


def census() -> Iterator[str]:
    """Yield the names of the census of 1990, as the package ``names`` has them."""
    folder = Path(str(importlib.import_module("names").__file__)).parent
    for name in CENSUS:
        yield from (line.split()[0] for line in (folder / name).read_text().splitlines() if line.strip())


def faker() -> Iterator[str]:
    """Yield the surnames and given names of every region of Faker."""
    providers = importlib.import_module("faker.providers.person")
    for found in pkgutil.iter_modules(providers.__path__):
        module = importlib.import_module(f"faker.providers.person.{found.name}")
        for field in FIELDS:
            listed = vars(module.Provider).get(field, ())
            yield from () if isinstance(listed, property) else listed


def words(names: Iterable[str]) -> frozenset[str]:
    """Return the words of names, folded, that are letters of the Latin alphabet only."""
    found = {word for name in names if isinstance(name, str) for word in tokens(fold(name))}
    return frozenset(word for word in found if len(word) >= SHORTEST and word.isascii() and word.isalpha())


def near(names: Iterable[str], vocabulary: Vocabulary) -> list[str]:
    """Return the names that a misspelt or cut term may be."""
    known = frozenset(names)
    alike = {name for name in known if name not in vocabulary.words and _is_near(name, vocabulary)}
    return sorted(alike | set(halves(known, vocabulary)))


def halves(names: frozenset[str], vocabulary: Vocabulary) -> Iterator[str]:
    """Yield the names into which a long term falls if a blank is seen in it (``Hema Toma``)."""
    for term in vocabulary.words:
        for cut in range(2, len(term) - 1) if len(term) >= HALVED else ():
            if term[:cut] in names and term[cut:] in names:
                yield from {term[:cut], term[cut:]} - vocabulary.words.keys()


def _is_near(name: str, vocabulary: Vocabulary) -> bool:
    needy = vocabulary.company | vocabulary.band
    alike = vocabulary.begins_term(name) or any(term not in needy for term in vocabulary.near(name))
    return alike or [atom.kind for atom in scan(name, vocabulary)] == [AtomKind.BAND_NAME]


def kept(names: Iterable[str], form: str, row: int) -> list[str]:
    """Return the names that would stay, each in a line by itself, in capitals and in small letters."""
    settings, context = DecisionSettings(), Context((600, 800))
    found = []
    for name in names:
        for text in (form.format(name.title()), form.format(name).upper()):
            line = TextLine(Region(row, 10, 12, 8 * len(text)), FrameSpan(0, 1), text, 0.99, 0.99)
            if judge([line], Identity(), settings, context)[0].verdict is Verdict.BENIGN:
                found.append(name)
    return sorted(dict.fromkeys(found))


def write(names: Iterable[str]) -> None:
    """Write the list anew below the remarks at the head of the file."""
    head = FILE.read_text(encoding="utf-8").partition("[near]\n")[0]
    text = textwrap.fill(" ".join(names), WIDTH, break_long_words=False, break_on_hyphens=False)
    FILE.write_text(f"{head}[near]\n{text}\n", encoding="utf-8")


def main() -> int:
    """Compare, or write, and say which names would be kept."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--write", action="store_true", help="make names.txt again")
    parser.add_argument("--every", type=int, default=1, help="try every so many names only")
    chosen = parser.parse_args()
    try:
        vocabulary, names = load_vocabulary(), words([*census(), *faker()])
    except ModuleNotFoundError as missing_package:
        print(f"{missing_package}. The lists are in two packages: pip install names faker", file=sys.stderr)
        return 3
    listed = near(names, vocabulary)
    missing = [name for name in listed if name not in vocabulary.names]
    print(f"{len(names)} names, {len(listed)} near a term, {len(missing)} of them not in {FILE.name}")
    if chosen.write:
        write(sorted({*listed, *vocabulary.names}))
        load_vocabulary.cache_clear()
        vocabulary = load_vocabulary()
    terms = {name for name in names if name in vocabulary.words}
    for form in AMONG:
        stay = kept(sorted(names - terms)[:: chosen.every], form, ROW)
        print(f"{form!r}: {len(stay)} kept {' '.join(stay[:40])}")
    return int(bool(missing) and not chosen.write)


if __name__ == "__main__":
    sys.exit(main())

"""What decisions have taught, as a catalogue of devices: readable, free of PHI, and every version kept.

The workspace's folder ``learned`` holds one file for each version, ``0001.toml`` and so on, in the form of
`scrub_pixels.decisions.devices`; files never change, so a policy that names one means one thing. The
last one is what the next run uses. Going back to a version makes a new one, and lets the lessons that
came after it count no more.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from scrub_pixels.decisions.devices import (
    DeviceLayout,
    DeviceRegion,
    RegionRole,
    layouts_as_toml,
    parse_layouts,
)
from scrub_pixels.decisions.patterns import pattern_names
from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.decisions.vocabulary import load_vocabulary
from scrub_pixels.errors import UsageError
from scrub_pixels.geometry import Region
from scrub_pixels.header import ProjectKey
from scrub_pixels.policy import Policy
from scrub_pixels.store.atomic import failures_explained, write_private
from scrub_pixels.store.ledger import RunRecord
from scrub_pixels.store.origin import word_token
from scrub_pixels.store.queue.lessons import Device, Kind, Lesson, Lessons, spelt
from scrub_pixels.store.workspace import Workspace

MASKS, KEEPS, NAMES = 2, 3, 2
"""From how many patients a region to mask, a region to keep, and a term that may be a name must come."""

MOST_OF_A_FRAME, MOST_TOGETHER = 1 / 8, 1 / 4
"""Share of a frame that one region to keep, and all of a layout together, may take."""

ELSEWHERE = "imported"
"""Stands for all patients of catalogues that were brought along: nobody here can tell how many there were."""

ALIKE = 0.7
"""Regions that share so much of their union are the same one."""

MOST_WORDS, LONGEST_TERM, SHORTEST_WORD, MOST_DIGITS = 4, 40, 2, 2
HEAD = "# Taught by reviews of scrub-pixels; holds no identifier. See `scrub-pixels review learned --help`.\n"


class Learned:
    """The versions of what was learned in a workspace.

    Parameters
    ----------
    workspace
        The private folder.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._folder = workspace.root / "learned"
        self._key = workspace.key

    def versions(self) -> list[Path]:
        """Return the files of all versions, the oldest first."""
        return sorted(self._folder.glob("[0-9][0-9][0-9][0-9].toml"))

    def current(self) -> Path | None:
        """Return the file of the version that counts, or None if nothing was learned yet."""
        versions = self.versions()
        return versions[-1] if versions else None

    def text(self) -> str:
        """Return the version that counts; empty if there is none."""
        file = self.current()
        return file.read_text(encoding="utf-8") if file else ""

    def refresh(self, lessons: Lessons) -> bool:
        """Make a new version if the lessons come to something else than the last one; say whether."""
        layouts = agreed(tuple(lessons.all()), self._key, lessons)
        text = HEAD + layouts_as_toml(layouts)
        if text == self.text() or not layouts and not self.text():
            return False
        self._write(text)
        return True

    def take_in(self, text: str, lessons: Lessons) -> tuple[str, ...]:
        """Take in a catalogue of elsewhere, and return the terms of it that were refused.

        Raises
        ------
        UsageError
            If it is none.
        """
        kept, refused = [], []
        for layout in parse_layouts(text):
            # What only one more person has to confirm is kept, and waits for that.
            terms = [term for term in layout.vocabulary if not objection(term, self._key, lessons, NAMES)]
            refused += [term for term in layout.vocabulary if term not in terms]
            kept.append(replace(layout, vocabulary=tuple(terms)))
        lessons.enter(None, [Lesson(Kind.IMPORTED, Device(), layouts_as_toml(tuple(kept)))])
        self.refresh(lessons)
        return tuple(refused)

    def revert(self, number: int, lessons: Lessons) -> int:
        """Go back to a version, and return how many lessons count no more.

        Raises
        ------
        UsageError
            If there is no such version.
        """
        file = self._folder / f"{number:04}.toml"
        if number and not file.is_file():
            raise UsageError("There is no version of this number.",
                             remedy="`scrub-pixels review learned show` lists them; 0 is to know nothing.")
        gone = lessons.dismiss_after(file.stat().st_mtime if number else 0.0)
        self.refresh(lessons)
        return gone

    def _write(self, text: str) -> None:
        with failures_explained("The workspace"):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            number = len(self.versions()) + 1
            temporary = self._folder / f".{number:04}-{os.getpid()}"
            temporary.unlink(missing_ok=True)
            write_private(temporary, iter([text.encode()]))
            os.replace(temporary, self._folder / f"{number:04}.toml")


def of_run(record: RunRecord, workspace: Workspace) -> Path | None:
    """Return the version that a run used, or None."""
    devices = record.policy.get("decisions", {}).get("devices", [])
    used = [Path(name) for name in devices if Path(name).parent == workspace.root / "learned"]
    return used[0] if used else None


def taught(policy: Policy, file: Path | None) -> Policy:
    """Return a policy with a catalogue added to its device catalogues."""
    if file is None or str(file) in policy.decisions.devices:
        return policy
    devices = (*policy.decisions.devices, str(file))
    return replace(policy, decisions=replace(policy.decisions, devices=devices))


def agreed(lessons: Sequence[Lesson], key: ProjectKey, known: Lessons) -> tuple[DeviceLayout, ...]:
    """Return what enough lessons agree on.

    A region to mask needs `MASKS` patients, one to keep `KEEPS`, and no region to mask in its place; a
    term must stand every objection. The stricter of two lessons wins. What was imported masks at once,
    since that hides more and shows nothing; of what it would show it counts as one patient.
    """
    imported = [layout for lesson in lessons if lesson.kind is Kind.IMPORTED
                for layout in parse_layouts(lesson.what)]
    by_device: dict[Device, list[Lesson]] = {}
    for lesson in (*lessons, *(said for layout in imported for said in _said_elsewhere(layout))):
        if lesson.kind is not Kind.IMPORTED:
            by_device.setdefault(lesson.device, []).append(lesson)
    layouts = [_layout(device, said, key, known) for device, said in by_device.items()]
    masks = [_masks_of(layout) for layout in imported]
    useful = (layout for layout in (*layouts, *masks) if layout.regions or layout.vocabulary)
    return tuple(sorted(dict.fromkeys(useful), key=lambda x: (x.manufacturer, x.model, x.rows, x.columns)))


def _masks_of(layout: DeviceLayout) -> DeviceLayout:
    masks = tuple(found for found in layout.regions if found.role is RegionRole.PHI)
    return replace(layout, vocabulary=(), regions=masks)


def _said_elsewhere(layout: DeviceLayout) -> Iterator[Lesson]:
    """Yield an imported layout as lessons; what holds for one version of software is not for all."""
    device = Device(layout.manufacturer, layout.model, layout.rows, layout.columns)
    if layout.software:
        return
    for found in layout.regions:
        kind = Kind.MASK if found.role is RegionRole.PHI else Kind.KEEP
        yield Lesson(kind, device, spelt(found.region), ELSEWHERE)
    for term in layout.vocabulary:
        yield Lesson(Kind.TERM, device, term, ELSEWHERE)


def _layout(device: Device, lessons: Sequence[Lesson], key: ProjectKey, known: Lessons) -> DeviceLayout:
    every = list(_groups(lessons, Kind.MASK, 1))
    masked = list(_groups(lessons, Kind.MASK, MASKS))
    kept = [region for region in _groups(lessons, Kind.KEEP, KEEPS)
            if not any(region.overlaps(other) for other in every)]
    regions = (*(DeviceRegion(region, RegionRole.PHI) for region in masked),
               *(DeviceRegion(region, RegionRole.HARMLESS) for region in _capped(kept, device)))
    return DeviceLayout(device.manufacturer, device.model, device.rows, device.columns, regions,
                        origin="taught by reviews", vocabulary=tuple(_terms(lessons, key, known)))


def _capped(kept: Sequence[Region], device: Device) -> Iterator[Region]:
    """Yield the smallest regions first, as long as they leave most of the frame to be judged."""
    frame, taken = device.rows * device.columns, 0
    for region in sorted(kept, key=lambda region: region.area):
        taken += region.area
        if region.area <= MOST_OF_A_FRAME * frame and taken <= MOST_TOGETHER * frame:
            yield region


def _groups(lessons: Sequence[Lesson], kind: Kind, patients: int) -> Iterator[Region]:
    """Yield the regions that come from so many patients.

    What to mask grows to cover all that are alike, what to keep shrinks to what they share.
    """
    groups: list[tuple[Region, set[str]]] = []
    for lesson in (x for x in lessons if x.kind is kind):
        for number, (region, seen) in enumerate(groups):
            if _alike(region, lesson.region):
                joined = region.union(lesson.region) if kind is Kind.MASK else \
                    region.intersection(lesson.region) or region
                groups[number] = joined, seen | {lesson.patient}
                break
        else:
            groups.append((lesson.region, {lesson.patient}))
    yield from (region for region, seen in groups if len(seen) >= patients)


def _alike(one: Region, other: Region) -> bool:
    shared = one.intersection(other)
    return shared is not None and shared.area >= ALIKE * (one.area + other.area - shared.area)


def _terms(lessons: Sequence[Lesson], key: ProjectKey, known: Lessons) -> Iterator[str]:
    said: dict[str, set[str]] = {}
    for lesson in (x for x in lessons if x.kind is Kind.TERM):
        said.setdefault(lesson.what, set()).add(lesson.patient)
    yield from sorted(term for term, patients in said.items()
                      if not objection(term, key, known, len(patients)))


def objection(term: str, key: ProjectKey, known: Lessons, confirmed: int = 1) -> str:
    """Return what speaks against taking a term into a vocabulary; empty if nothing does.

    Parameters
    ----------
    term
        As it was read.
    key, known
        The project key, and the words of identifiers of every Instance seen.
    confirmed
        For how many patients it was called harmless.
    """
    folded, words = fold(term), tokens(fold(term))
    if not 0 < len(words) <= MOST_WORDS or len(term) > LONGEST_TERM or not term.isprintable():
        return "it is no term of a few words"
    if any(len(word) < SHORTEST_WORD for word in words):
        return "single letters may be initials"
    if sum(c.isdigit() for c in folded) > MOST_DIGITS or any(pattern_names(folded)):
        return "it looks like a number or a date"
    if known.known([word_token(key, word) for word in words]):
        return "an identifier of an Instance has this word"
    return _as_word(words, confirmed)


def _as_word(words: Iterable[str], confirmed: int) -> str:
    vocabulary = load_vocabulary()
    if any(word in vocabulary.labels for word in words):
        return "it announces an identifier"
    if confirmed >= NAMES:
        return ""
    if any(vocabulary.is_name(word) for word in words):
        return "it is also a name"
    if any(word not in vocabulary.words and word not in vocabulary.units for word in words):
        return "a word that nobody knows may be a name"
    return ""

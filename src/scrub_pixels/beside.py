"""What shows a picture beside the frames: searched and cleaned, rebuilt, or removed, and accounted for.

The header stage judges attributes, the mask stage frames. Overlay planes, icons, curves, pictures in
private elements or inside sequences are neither: here they are taken out of the data set before its
header is de-identified, and only what was searched, or built from masked frames, is put back.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from scrub_pixels.decisions import Decision, Disposition, Redaction, Verdict
from scrub_pixels.errors import ProofFailed
from scrub_pixels.frames import (
    PICTURES,
    CarrierKind,
    Instance,
    OverlayPlane,
    carriers,
    drawings,
    elements_of,
    icon_of,
    overlay_groups,
    read_plane,
    without_pictures,
)
from scrub_pixels.geometry import Region, coverage
from scrub_pixels.masks import CarrierEvidence

REMOVED, CLEARED, KEPT, CLEANED, REBUILT = "removed", "cleared", "kept", "cleaned", "rebuilt"

_ICON = 0x00880200
_TEXT_VALUE = "UnformattedTextValue"
_LONGEST_TEXT = 1024
"""Characters of an ST value (PS3.5 6.2); longer ones are no annotation."""
_STROKES = frozenset({"GraphicObjectSequence", "CompoundGraphicSequence"})
_SPARE_BITS = "bits outside Bits Stored"


@dataclass(frozen=True)
class Judges:
    """How what is drawn beside the frames is judged; the rules are those for the frames.

    Parameters
    ----------
    plane
        Searches an overlay plane for text, and decides.
    text
        Decides about the text of a graphic annotation.
    """

    plane: Callable[[OverlayPlane], Decision]
    text: Callable[[str], Decision]


@dataclass(frozen=True)
class Wishes:
    """What may be kept if it is proven harmless; the rest is removed unseen.

    Parameters
    ----------
    graphics
        Overlay planes and the text of graphic annotations (Clean Graphics, PS3.15 E.3.3).
    icons
        An icon, rebuilt from the first masked frame where the original had one.
    """

    graphics: bool = False
    icons: bool = False


@dataclass(frozen=True)
class Aside:
    """A data set without pictures beside its frames, and what may be put back.

    Parameters
    ----------
    dataset
        For the header stage.
    elements
        Overlay planes and icons that may be released, rebuilt from nothing.
    accounts
        What became of every picture.
    """

    dataset: Dataset = field(repr=False)
    elements: tuple[DataElement, ...] = field(default=(), repr=False)
    accounts: tuple[CarrierEvidence, ...] = ()


def set_aside(original: Instance, candidate: Instance, wishes: Wishes, judges: Judges) -> Aside:
    """Take every picture beside the frames out of a masked Instance, and judge it.

    Parameters
    ----------
    original
        As it was opened: planes in unused bits are still there.
    candidate
        The masked Instance.
    wishes
        What to keep if it is harmless.
    judges
        What tells whether it is.
    """
    bare, counts = without_pictures(candidate.dataset)
    fates: Counter[tuple[str, str]] = Counter()
    planes = list(_planes(original, judges, fates)) if wishes.graphics else []
    little = candidate.transfer_syntax.little_endian
    elements = [element for plane in planes for element in elements_of(plane, little_endian=little)]
    if wishes.icons and counts[CarrierKind.ICON] and candidate.pixels is not None:
        elements.append(icon_of(candidate.views(0)[0].image, little_endian=little))
        fates[CarrierKind.ICON.value, REBUILT] += 1
    for kind, count in counts.items():
        dealt_with = sum(n for (name, _), n in fates.items() if name == kind.value)
        fates[kind.value, REMOVED] += max(0, count - dealt_with)
    if wishes.graphics:
        bare = _without_identifying_text(bare, judges, fates, keep_strokes=_are_harmless(bare, judges))
    return Aside(bare, tuple(elements), _accounts(fates))


def cleared_bits() -> CarrierEvidence:
    """Return the account of unused bits that were set to zero in every frame."""
    return CarrierEvidence(_SPARE_BITS, CLEARED, 1)


def put_back(dataset: Dataset, aside: Aside) -> Dataset:
    """Return a de-identified data set with what may stand beside its frames; changes `dataset`.

    Raises
    ------
    ProofFailed
        If any other picture is still in it.
    """
    left = [carrier for carrier in carriers(dataset) if carrier.kind in PICTURES]
    if left:
        raise ProofFailed(
            f"A picture that was not searched is left ({left[0].kind.value}).",
            stage="prove",
            tag=f"({left[0].tag >> 16:04X},{left[0].tag & 0xFFFF:04X}) {left[0].keyword}".strip(),
            remedy="Nothing was released; please report the recipe or profile in use.",
        )
    for element in aside.elements:
        dataset[element.tag] = element
    return dataset


def _accounts(fates: Counter[tuple[str, str]]) -> tuple[CarrierEvidence, ...]:
    found = (CarrierEvidence(name, fate, count) for (name, fate), count in sorted(fates.items()) if count)
    return tuple(found)


def _planes(original: Instance, judges: Judges, fates: Counter[tuple[str, str]]) -> Iterator[OverlayPlane]:
    """Yield the planes that may be released, and count what became of all that can be read."""
    for group in overlay_groups(original.dataset):
        plane = read_plane(original, group)
        if plane is None:
            continue
        released, fate = _judged(plane, judges)
        kind = CarrierKind.EMBEDDED_OVERLAY if plane.embedded else CarrierKind.OVERLAY
        fates[kind.value, fate] += 1
        if released is not None:
            yield released


def _judged(plane: OverlayPlane, judges: Judges) -> tuple[OverlayPlane | None, str]:
    """Return a plane as it may be released, and what was done to it; in doubt it goes."""
    decision = judges.plane(plane)
    if decision.disposition is not Disposition.RELEASE:
        return None, REMOVED
    if not decision.redactions:
        return plane, KEPT
    regions = _by_frame(decision.redactions, plane)
    clean = plane.cleared(regions)
    _prove(plane, clean, regions)
    again = judges.plane(clean)
    empty = all(not clean.bits(f)[r.slices].any() for f, some in _by_frame(again.redactions, clean).items()
                for r in some)  # fmt: skip
    return (clean, CLEANED) if again.disposition is Disposition.RELEASE and empty else (None, REMOVED)


def _by_frame(redactions: tuple[Redaction, ...], plane: OverlayPlane) -> dict[int, list[Region]]:
    found: dict[int, list[Region]] = {}
    for redaction in redactions:
        region = redaction.region.clipped((plane.rows, plane.columns))
        for frame in range(redaction.frames.start, min(redaction.frames.stop, plane.frames)):
            if region is not None:
                found.setdefault(frame, []).append(region)
    return found


def _prove(before: OverlayPlane, after: OverlayPlane, regions: dict[int, list[Region]]) -> None:
    """Compare every bit: zero inside the Regions, the original's outside."""
    for frame in range(before.frames):
        inside = coverage(regions.get(frame, ()), (before.rows, before.columns))
        expected = np.where(inside, np.uint8(0), before.bits(frame))
        if not np.array_equal(after.bits(frame), expected):
            raise ProofFailed("An overlay plane was not cleared as decided.", stage="prove",
                              tag=f"({before.group:04X},3000) OverlayData")


def _are_harmless(dataset: Dataset, judges: Judges) -> bool:
    """Tell whether the strokes of graphic annotations spell nothing that identifies."""
    planes = drawings(dataset)
    decisions = [] if planes is None else [judges.plane(plane) for plane in planes]
    released = all(d.disposition is Disposition.RELEASE and not d.redactions for d in decisions)
    return planes is not None and released


def _without_identifying_text(
    dataset: Dataset, judges: Judges, fates: Counter[tuple[str, str]], *, keep_strokes: bool
) -> Dataset:
    """Return a data set whose graphic annotations keep only text that is proven harmless.

    What is drawn as text is judged like text that is burned in, which is stricter than a search
    for the header's own identifiers.
    """
    level = copy.copy(dataset)
    level._dict = dict(dataset._dict)
    for element in dataset:
        if element.keyword in _STROKES and not keep_strokes:
            fates[CarrierKind.GRAPHIC.value, REMOVED] += 1
            del level[element.tag]
        elif element.VR == "SQ" and element.value:
            items = [item for item in element.value if not _identifies(item, judges, fates)]
            clean = [_without_identifying_text(i, judges, fates, keep_strokes=keep_strokes) for i in items]
            twin = DataElement(element.tag, "SQ", Sequence(clean))
            twin.is_undefined_length = element.is_undefined_length
            level[element.tag] = twin
    return level


def _identifies(item: Dataset, judges: Judges, fates: Counter[tuple[str, str]]) -> bool:
    text = str(item.get(_TEXT_VALUE) or "").strip()
    if not text:
        return False
    findings = judges.text(text).findings if len(text) <= _LONGEST_TEXT else ()
    harmless = bool(findings) and all(finding.verdict is Verdict.BENIGN for finding in findings)
    fates[CarrierKind.GRAPHIC.value, KEPT if harmless else REMOVED] += 1
    return not harmless

"""Counts of an evaluation by group, each share with its confidence interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

from scrub_pixels.run.evaluate.judging import Judged, JudgedImage
from scrub_pixels.run.evaluate.truth import Labelled

Z95 = 1.959964
"""Quantile of the normal distribution for 95 %."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    good: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval after Wilson (1927): honest for small numbers and for all of them."""
        if not self.total:
            return 0.0, 1.0
        n, p = self.total, self.good / self.total
        centre, spread = p + Z95**2 / (2 * n), Z95 * sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n))
        return max(0.0, (centre - spread) / (1 + Z95**2 / n)), min(1.0, (centre + spread) / (1 + Z95**2 / n))


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One image of the truth and how it ended.

    Parameters
    ----------
    disposition
        ``released``, ``held``, ``refused``, ``not-dicom``, ``missing`` (neither in OUT nor in the
        ledger) or ``unreadable`` (one of both files cannot be opened or compared).
    reason
        Why it is not judged, free of PHI.
    syntax
        Transfer Syntax of the input, by name.
    """

    truth: Labelled = field(repr=False)
    disposition: str
    reason: str = ""
    syntax: str = ""
    judged: JudgedImage | None = None


@dataclass(frozen=True)
class Figures:
    """Everything that was counted.

    Parameters
    ----------
    dispositions
        Images by how they ended.
    groups
        ``{title: {name: Share}}``: identifying texts removed and harmless ones kept, by group.
    text_free
        Text-free images that were left alone.
    lit_lost
        Mean share of the lit samples outside identifying texts that changed; None if no truth is
        complete.
    unseen
        Labels whose boxes show no ink: not counted.
    frames
        Frames compared.
    """

    dispositions: Mapping[str, int]
    groups: Mapping[str, Mapping[str, Share]]
    text_free: Share
    lit_lost: float | None
    unseen: int
    frames: int

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON types."""
        groups = {title: {name: {"good": s.good, "total": s.total, "interval": list(s.interval)}
                          for name, s in group.items()} for title, group in self.groups.items()}
        return {"images": dict(self.dispositions), **groups, "frames": self.frames,
                "text-free images left alone": {"good": self.text_free.good, "total": self.text_free.total},
                "lit area lost": self.lit_lost, "labels without ink": self.unseen}


Text = tuple[Evaluated, Judged]

REMOVED, KEPT = "identifying text removed", "harmless text kept"


def height_of(text: Text) -> str:
    """Return the group of a text's height, in samples."""
    height = text[1].height_px
    return "below 8 px" if height < 8 else "8 to 11 px" if height < 12 else "12 px and up"


def contrast_of(text: Text) -> str:
    """Return the group of a text's contrast, in levels of display."""
    levels = text[1].contrast
    return "below 25 levels" if levels < 25 else "25 to 39 levels" if levels < 40 else "40 levels and up"


BY: Mapping[str, Callable[[Text], str]] = {
    "": lambda text: "all",
    "by kind": lambda text: text[1].label.kind or "unnamed",
    "by height": height_of,
    "by contrast": contrast_of,
    "by ground": lambda text: text[1].placement,
    "by transfer syntax": lambda text: text[0].syntax,
}
"""How texts are grouped: the words of the title, and what group a text is in."""


def figures_of(results: Iterable[Evaluated]) -> Figures:
    """Count what became of a labelled set."""
    results = list(results)
    texts = [(r, t) for r in results if r.judged for t in r.judged.texts]
    seen = [(r, t) for r, t in texts if t.seen]
    identifying = [(r, t) for r, t in seen if t.label.phi]
    harmless = [(r, t) for r, t in seen if not t.label.phi and not t.label.quasi]
    groups = {f"{REMOVED} {by}".strip(): _grouped(identifying, key, "removed") for by, key in BY.items()}
    groups |= {f"{KEPT} {by}".strip(): _grouped(harmless, key, "kept") for by, key in BY.items()}
    lost = [r.judged.lit_lost for r in results if r.judged and r.judged.lit_lost is not None]
    return Figures(Counter(r.disposition for r in results), groups, _text_free(results),
                   sum(lost) / len(lost) if lost else None, len(texts) - len(seen),
                   sum(r.judged.frames for r in results if r.judged))


def _grouped(texts: list[Text], key: Callable[[Text], str], wanted: str) -> dict[str, Share]:
    good: Counter[str] = Counter(key(text) for text in texts if text[1].outcome == wanted)
    return {name: Share(good[name], total) for name, total in sorted(Counter(map(key, texts)).items())}


def _text_free(results: list[Evaluated]) -> Share:
    blank = [r.judged for r in results if r.judged and r.truth.complete and not r.truth.labels]
    return Share(sum(not image.touched for image in blank), len(blank))


def left(results: Iterable[Evaluated]) -> Iterator[Text]:
    """Yield the identifying texts that can still be seen in what was released."""
    for result in results:
        for text in result.judged.texts if result.judged else ():
            if text.label.phi and text.seen and text.outcome != "removed":
                yield result, text

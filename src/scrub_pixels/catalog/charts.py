"""Plots as inline SVG: bars beside each other, and bars over time; no script, no font, nothing loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from scrub_pixels.store.report.render import number

WIDTH = 720
ROW = 26
LABEL = 250
VALUE = 90
HEIGHT = 180
LONGEST_LABEL = 32
AXIS = 28


@dataclass(frozen=True)
class Bar:
    """One bar: a label, and a length for each part of it by the part's style.

    Parameters
    ----------
    label
        What it stands for.
    parts
        Lengths by style class, drawn one after the other.
    """

    label: str
    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        """Length of the whole bar."""
        return sum(self.parts.values())


def bars(rows: Sequence[Bar], title: str) -> Markup:
    """Return horizontal bars, one under the other."""
    longest = max((row.total for row in rows), default=0) or 1
    drawn = Markup("").join(_bar(n, row, longest) for n, row in enumerate(rows))
    return _svg(title, ROW * max(1, len(rows)), drawn)


def _bar(place: int, row: Bar, longest: float) -> Markup:
    top, left = place * ROW, float(LABEL)
    scale = (WIDTH - LABEL - VALUE) / longest
    pieces = [Markup('<text class="label" x="{}" y="{}">{}<title>{}</title></text>').format(
        LABEL - 10, top + 17, _cut(row.label), row.label)]
    for style, length in row.parts.items():
        width = length * scale
        if length:
            pieces.append(Markup('<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="16"><title>{}: {}'
                                 '</title></rect>').format(style, left, top + 5, max(width, 1), style,
                                                           number(length)))
        left += width
    pieces.append(Markup('<text x="{:.1f}" y="{}">{}</text>').format(left + 7, top + 17, number(row.total)))
    return Markup("").join(pieces)


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"


def columns(counts: Sequence[tuple[str, float]], title: str) -> Markup:
    """Return vertical bars side by side, for what has an order: dates, ages, sizes."""
    highest = max((count for _, count in counts), default=0) or 1
    step = WIDTH / max(1, len(counts))
    every = max(1, -(-len(counts) * 48 // WIDTH))
    drawn = Markup("").join(_column(n, label, count / highest, count, step, n % every == 0)
                            for n, (label, count) in enumerate(counts))
    return _svg(title, HEIGHT + AXIS, drawn)


def _column(place: int, label: str, share: float, count: float, step: float, labelled: bool) -> Markup:
    tall = max(share * (HEIGHT - 10), 1.0 if count else 0.0)
    bar = Markup('<rect class="plain" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {}'
                 '</title></rect>').format(place * step + step * 0.1, HEIGHT - tall, step * 0.8, tall, label,
                                           number(count))
    if not labelled:
        return bar
    return bar + Markup('<text class="tick" x="{:.1f}" y="{}">{}</text>').format(
        place * step + step / 2, HEIGHT + 18, label)


def _svg(title: str, height: float, drawn: Markup) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, title, drawn)

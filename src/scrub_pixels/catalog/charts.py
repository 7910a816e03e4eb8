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
    drawn = Markup("").join(_column(Bar(label, {"plain": count}), count / highest, n * step, step)
                            + (_tick(label, (n + 0.5) * step) if n % every == 0 else Markup(""))
                            for n, (label, count) in enumerate(counts))
    return _svg(title, HEIGHT + AXIS, drawn)


def _column(bar: Bar, share: float, left: float, step: float) -> Markup:
    tall = max(share * (HEIGHT - 10), 1.0 if bar.total else 0.0)
    return Markup('<rect class="plain" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {}'
                  '</title></rect>').format(left + step * 0.1, HEIGHT - tall, step * 0.8, tall, bar.label,
                                            number(bar.total))


def _tick(label: str, middle: float) -> Markup:
    return Markup('<text class="tick" x="{:.1f}" y="{}">{}</text>').format(middle, HEIGHT + 18, label)


def _svg(title: str, height: float, drawn: Markup) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, title, drawn)

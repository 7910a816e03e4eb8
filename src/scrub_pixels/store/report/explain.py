"""The private page that shows what was found in one Instance, why, and the masked result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import Dataset

from scrub_pixels.decisions.findings import Decision, Disposition, Finding
from scrub_pixels.frames import Instance, open_instance
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.store.accounts import description
from scrub_pixels.store.export import write_private_file
from scrub_pixels.store.report.pictures import Picture, group_of, picture_of
from scrub_pixels.store.report.render import environment
from scrub_pixels.store.workspace import check_private_target

MOST_FRAMES = 8
LONGEST_SIDE = 1280
QUALITY = 90
TAG_ROWS = 14
COLUMNS_ON_SCREEN = 680
"""About as wide a frame stands on the page; numbers and margins of boxes are drawn to that scale."""

HEADLINES = {
    Disposition.RELEASE: "This Instance would be released",
    Disposition.HOLD: "This Instance would be held for review",
    Disposition.REFUSE: "This Instance would be refused",
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """One frame with its boxes, and the masked frame beside it."""

    frame: int
    before: Picture
    after: Picture | None
    boxes: Sequence[Mapping[str, Any]]
    regions: Sequence[Region]
    scale: float


Masked = Dataset | Instance | None


def explain_page(instance: Instance, decision: Decision, masked: Masked, target: Path) -> None:
    """Write the page, mode 0600. It holds PHI, and says so.

    Parameters
    ----------
    instance
        The original.
    decision
        Findings, redactions and disposition.
    masked
        The masked result, if there is one.
    target
        The HTML file to write; an older one is replaced.

    Raises
    ------
    UsageError
        If `target` lies in or below an output folder.
    StoreFailed
        If it cannot be written.
    Refusal
        If a frame does not decode.
    """
    check_private_target(target)
    page = render_explanation(instance, decision, masked)
    write_private_file(target, [page.encode("utf-8", "replace")])


def render_explanation(instance: Instance, decision: Decision, masked: Masked) -> str:
    """Return the page as HTML; see `explain_page`."""
    after = open_instance(masked) if isinstance(masked, Dataset) else masked
    shown = frames_to_show(instance.frames, decision)
    drawings = [_drawing(instance, after, decision, frame) for frame in shown]
    counts = Counter(finding.verdict.value for finding in decision.findings)
    return environment().get_template("explain.html.j2").render(
        headline=HEADLINES[decision.disposition], reasons=decision.reasons, frames=instance.frames,
        counts={name: counts.get(name, 0) for name in ("phi", "unsure", "benign")},
        drawings=drawings, tag_rows=TAG_ROWS,
        kind=group_of(description(instance.dataset)),
        lines=[_line(number, finding) for number, finding in enumerate(decision.findings, 1)])


def frames_to_show(frames: int, decision: Decision) -> list[int]:
    """Return the first frame and those in which most lines begin, in order, at most eight."""
    if not frames:
        return []
    begins = Counter(finding.line.frames.start for finding in decision.findings)
    begins.update(redaction.frames.start for redaction in decision.redactions)
    wanted = [frame for frame, _ in begins.most_common() if 0 < frame < frames]
    return sorted({0, *wanted[: MOST_FRAMES - 1]})


def _drawing(instance: Instance, after: Instance | None, decision: Decision, frame: int) -> Drawing:
    before = picture_of(instance, frame, LONGEST_SIDE, QUALITY)
    result = picture_of(after, frame, LONGEST_SIDE, QUALITY) if after and frame < after.frames else None
    scale = max(before.columns / COLUMNS_ON_SCREEN, 0.4)
    boxes = [_box(number, finding, before.columns, scale)
             for number, finding in enumerate(decision.findings, 1) if frame in finding.line.frames]
    regions = [r.region for r in decision.redactions if frame in r.frames]
    return Drawing(frame, before, result, boxes, regions, round(scale, 3))


def _box(number: int, finding: Finding, columns: int, scale: float) -> dict[str, Any]:
    """Return a box a little outside of the ink, and where its number stands: beside it, else above it."""
    region, margin = finding.line.region, 2 * scale
    row, left, right = region.row - margin, region.column - margin, region.right + margin
    width = (6 + 7 * len(str(number))) * scale
    if left - width >= 0:
        tag = {"tag_column": left - width, "tag_row": row}
    elif right + width <= columns:
        tag = {"tag_column": right, "tag_row": row}
    else:
        tag = {"tag_column": left, "tag_row": max(0.0, row - TAG_ROWS * scale)}
    place = {"row": row, "column": left, "rows": region.rows + 2 * margin, "columns": right - left, **tag,
             "tag_width": width / scale}
    rounded = {name: round(value, 1) for name, value in place.items()}
    return {"number": number, "verdict": finding.verdict.value, **rounded}


def _line(number: int, finding: Finding) -> dict[str, Any]:
    line = finding.line
    return {"number": number, "reading": line.reading, "verdict": finding.verdict.value,
            "others": [r for r in line.readings if r != line.reading][:5],
            "evidence": finding.evidence, "confidence": line.confidence, "detection": line.detection,
            "frames": _span(line.frames),
            "place": f"{line.region.column}, {line.region.row}, {line.region.columns} × {line.region.rows}"}


def _span(span: FrameSpan) -> str:
    """Return frames as a person counts them."""
    return str(span.start + 1) if len(span) == 1 else f"{span.start + 1}–{span.stop}"

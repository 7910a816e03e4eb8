"""What the desk says as JSON for the page, and what the page says as values for the desk.

Frames are 0-based and spans half-open here too; only what a person reads counts from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import ScrubError
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.review.views import Applied, Change, EntryView, FindingView, MissRate
from scrub_pixels.store.queue import (
    REVIEWER,
    Answer,
    Draft,
    Entry,
    Facets,
    Kind,
    LogLine,
    Says,
    State,
    Wanted,
)

MOST_BOXES = 5000
MOST_ENTRIES = 200
LONGEST_TEXT = 300
LARGEST_NUMBER = 1 << 31

Json = dict[str, Any]


class Malformed(ScrubError):
    """The page sent something that no page of ours sends; answered with 422."""


# -- to the page


def entry_json(entry: Entry) -> Json:
    """Return an entry of the list; the input's own name is not in it."""
    return {"id": entry.id, "key": entry.key, "state": entry.state.value, "kind": entry.kind.value,
            "modality": entry.modality, "device": entry.device, "frames": entry.frames, "rows": entry.rows,
            "columns": entry.columns, "reasons": list(entry.reasons), "created": entry.created,
            "claimedBy": entry.claimed_by, "claimedUntil": entry.claimed_until, "booked": entry.booked}


def view_json(view: EntryView, who: str) -> Json:
    """Return everything the viewer shows of an entry but its pictures."""
    return {
        "entry": entry_json(view.entry), "input": view.entry.relative, "rows": view.rows,
        "columns": view.columns, "frames": view.frames, "findings": [_finding(f) for f in view.findings],
        "proposed": [_redaction(r) for r in view.proposed], "draft": draft_json(view.draft),
        "canUndo": view.can_undo, "canRedo": view.can_redo, "window": view.window, "inverse": view.inverse,
        "framesPerSecond": view.frames_per_second,
        "siblings": {scope.value: count for scope, count in view.siblings.items()},
        "approvals": list(view.approvals), "approvalsNeeded": view.approvals_needed,
        "trouble": view.trouble, "approvedByMe": who in view.approvals,
        "history": [_line(line) for line in view.history],
    }


def draft_json(draft: Draft) -> Json:
    """Return a draft."""
    return {"redactions": [_redaction(r) for r in draft.redactions],
            "answers": {str(answer.finding): answer.says.value for answer in draft.answers}}


def facets_json(facets: Facets) -> Json:
    """Return the counts behind the filters."""
    return {name: dict(getattr(facets, name)) for name in facets.__dataclass_fields__}


def change_json(change: Change) -> Json:
    """Return what an action would change in one entry."""
    return {"entry": entry_json(change.entry), "added": [_redaction(r) for r in change.added],
            "kept": list(change.kept), "leasedTo": change.leased_to}


def applied_json(applied: Applied) -> Json:
    """Return what an action reached."""
    return {"done": list(applied.done), "skipped": list(applied.skipped)}


def miss_rate_json(rate: MissRate) -> Json:
    """Return the figures of quality control."""
    return {name: getattr(rate, name) for name in rate.__dataclass_fields__}


def _finding(finding: FindingView) -> Json:
    return {"index": finding.index, "box": _box(finding.region), "span": _span(finding.frames),
            "verdict": finding.verdict.value, "reading": finding.reading,
            "confidence": finding.confidence, "evidence": list(finding.evidence)}


def _redaction(redaction: Redaction) -> Json:
    return {"box": _box(redaction.region), "span": _span(redaction.frames), "reason": redaction.reason}


def _box(region: Region) -> list[int]:
    return [region.row, region.column, region.rows, region.columns]


def _span(frames: FrameSpan) -> list[int]:
    return [frames.start, frames.stop]


def _line(line: LogLine) -> Json:
    return {"at": line.at, "who": line.who, "what": line.what, "why": str(line.detail.get("message", ""))}


# -- from the page


def draft_from(body: Mapping[str, Any]) -> Draft:
    """Return the draft that a page sent.

    Raises
    ------
    Malformed
        If it is none.
    """
    boxes, answers = body.get("redactions"), body.get("answers")
    if not isinstance(boxes, list) or not isinstance(answers, dict) or len(boxes) + len(answers) > MOST_BOXES:
        raise Malformed("This is no draft.", remedy=f"Send at most {MOST_BOXES} boxes and answers.")
    return Draft(tuple(_redaction_from(box) for box in boxes),
                 tuple(Answer(_number(_decimal(index)), _choice(Says, says))
                       for index, says in sorted(answers.items())))


def wanted_from(body: Mapping[str, Any]) -> Wanted:
    """Return the filter that a page sent."""
    state, kind, limit = body.get("state"), body.get("kind"), _number(body.get("limit", 50))
    return Wanted(
        state=_choice(State, state) if state else None, kind=_choice(Kind, kind) if kind else None,
        reason=_text(body.get("reason", "")), modality=_text(body.get("modality", "")),
        device=_text(body.get("device", "")), after=_number(body.get("after", 0)),
        limit=max(1, min(MOST_ENTRIES, limit)))


def keys_from(body: Mapping[str, Any]) -> list[str]:
    """Return the keys of entries that a page sent."""
    keys = body.get("keys")
    if not isinstance(keys, list) or len(keys) > MOST_BOXES:
        raise Malformed("These are no keys of entries.", remedy=f"Send at most {MOST_BOXES}.")
    return [_text(key) for key in keys]


def text_from(body: Mapping[str, Any], name: str) -> str:
    """Return a text that a page sent, or an empty one."""
    return _text(body.get(name, ""))


def _redaction_from(data: Any) -> Redaction:
    try:
        box, span = _numbers(data["box"], 4), _numbers(data["span"], 2)
        return Redaction(Region(*box), FrameSpan(*span), _text(data.get("reason") or REVIEWER))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Malformed("A box is none.", remedy="Load the page again.") from None


def _numbers(values: Any, count: int) -> Sequence[int]:
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(values)
    return [_number(value) for value in values]


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LARGEST_NUMBER:
        raise Malformed("A number is none.", remedy="Load the page again.")
    return value


def _decimal(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\0" in value:
        raise Malformed("A text is none, or too long.", remedy=f"Use at most {LONGEST_TEXT} characters.")
    return value


def _choice(kind: Any, value: Any) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise Malformed("There is no such choice.", remedy="Load the page again.") from None

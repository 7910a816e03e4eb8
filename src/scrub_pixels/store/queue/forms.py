"""Findings, redactions, decisions and drafts as plain JSON types; private, they hold readings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from scrub_pixels.decisions.findings import (
    Decision,
    Disposition,
    Evidence,
    EvidenceKind,
    Finding,
    Redaction,
    Verdict,
)
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.store.queue.values import Answer, Draft, Says
from scrub_pixels.text.lines import TextLine


def decision_columns(decision: Decision | None) -> dict[str, str]:
    """Return the columns that keep a decision."""
    findings = [finding_json(f) for f in decision.findings] if decision else []
    redactions = [redaction_json(r) for r in decision.redactions] if decision else []
    return {"findings": json.dumps(findings), "redactions": json.dumps(redactions)}


def decision_from(reasons: str, findings: str, redactions: str) -> Decision:
    """Return the decision that `decision_columns` kept."""
    return Decision(tuple(finding_from(f) for f in json.loads(findings)),
                    tuple(redaction_from(r) for r in json.loads(redactions)),
                    Disposition.HOLD, tuple(json.loads(reasons)))


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain JSON types; private, it holds the reading."""
    line = finding.line
    return {"region": region_json(line.region), "frames": [line.frames.start, line.frames.stop],
            "reading": line.reading, "alternatives": list(line.alternatives), "confidence": line.confidence,
            "detection": line.detection, "rotation": line.rotation, "verdict": finding.verdict.value,
            "evidence": [[e.kind.value, e.detail, e.speaks_for_phi] for e in finding.evidence]}


def finding_from(data: Mapping[str, Any]) -> Finding:
    """Return the finding of a JSON object."""
    line = TextLine(Region(*data["region"]), FrameSpan(*data["frames"]), data["reading"], data["confidence"],
                    data["detection"], data["rotation"], tuple(data["alternatives"]))
    return Finding(line, Verdict(data["verdict"]), _evidence(data["evidence"]))


def _evidence(items: Sequence[Sequence[Any]]) -> tuple[Evidence, ...]:
    return tuple(Evidence(EvidenceKind(kind), detail, bool(speaks)) for kind, detail, speaks in items)


def redaction_json(redaction: Redaction) -> dict[str, Any]:
    """Return a redaction as plain JSON types."""
    frames = [redaction.frames.start, redaction.frames.stop]
    return {"region": region_json(redaction.region), "frames": frames, "reason": redaction.reason}


def redaction_from(data: Mapping[str, Any]) -> Redaction:
    """Return the redaction of a JSON object."""
    return Redaction(Region(*data["region"]), FrameSpan(*data["frames"]), data["reason"])


def region_json(region: Region) -> list[int]:
    """Return ``[row, column, rows, columns]``."""
    return [region.row, region.column, region.rows, region.columns]


def draft_json(draft: Draft) -> dict[str, Any]:
    """Return a draft as plain JSON types; free of readings."""
    return {"redactions": [redaction_json(r) for r in draft.redactions],
            "answers": [[answer.finding, answer.says.value] for answer in draft.answers]}


def draft_from(data: Mapping[str, Any]) -> Draft:
    """Return the draft of a JSON object that `draft_json` made."""
    return Draft(tuple(redaction_from(r) for r in data["redactions"]),
                 tuple(Answer(int(number), Says(says)) for number, says in data["answers"]))

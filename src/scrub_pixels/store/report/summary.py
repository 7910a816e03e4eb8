"""Counts and tables of a report, gathered from the ledger in one pass; nothing here names an input."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import PurePath
from typing import Any

from pydicom.uid import UID

from scrub_pixels.store.accounts import Outcome
from scrub_pixels.store.ledger import Ledger, Row

FORMAT = "scrub-pixels-report/1"

INSTANCE_FACTS = (
    "pseudonym", "modality", "device", "sop_class", "rows", "columns", "frames", "frames_searched",
    "frames_masked", "frames_compared", "searched", "clean", "residual_text", "pixel_data_identical",
    "cleared_bits", "text_lines", "text_masked", "text_kept", "redactions", "reasons_masked", "syntax_in",
    "syntax_out", "digest_in", "digest_out", "reader", "carriers", "codes", "actions", "warnings", "bytes",
    "sha256",
)
"""What is told of a released Instance; all of it comes from the de-identified data set or the proof."""

SUMMED = ("frames", "frames_searched", "frames_masked", "frames_compared", "text_lines", "text_masked",
          "text_kept", "bytes")


def entry_of(row: Row) -> dict[str, Any]:
    """Return what the report tells of one input: never its name, and facts only if it was released.

    ``ref`` is its number in the private ledger, which is where a name can be looked up.
    """
    entry: dict[str, Any] = {"ref": row.id, "outcome": row.outcome.value if row.outcome else "pending"}
    if row.outcome is Outcome.RELEASED:
        facts = {name: row.facts[name] for name in INSTANCE_FACTS if name in row.facts}
        return {**entry, "output": row.output, **facts, "seconds": round(row.seconds, 3)}
    reasons = list(row.reasons) or ([row.message] if row.message else [])
    entry |= {"code": row.code, "stage": row.stage, "reasons": reasons}
    return {**entry, "seconds": round(row.seconds, 3)}


@dataclass
class Gathered:
    """Running counts over the entries of a report."""

    released: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    not_dicom: Counter[str] = field(default_factory=Counter)
    masked_for: Counter[str] = field(default_factory=Counter)
    syntaxes: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    readers: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Count one entry."""
        outcome = entry["outcome"]
        if outcome == Outcome.RELEASED.value:
            self._add_released(entry)
        elif outcome == Outcome.HELD.value:
            self.held.update(entry["reasons"])
        elif outcome == Outcome.REFUSED.value:
            self.refused[entry["code"], "; ".join(entry["reasons"])] += 1
        else:
            self.not_dicom.update(entry["reasons"])

    def _add_released(self, entry: Mapping[str, Any]) -> None:
        frames = entry.get("frames", 0)
        for name in SUMMED:
            self.released[name] += entry.get(name, 0)
        self.released["with_pixels"] += bool(frames)
        self.released["masked"] += bool(entry.get("frames_masked"))
        self.released["identical"] += bool(frames and entry.get("pixel_data_identical"))
        self.released["clean"] += bool(frames and entry.get("clean"))
        self.released["unsearched"] += bool(frames and not entry.get("searched"))
        self.masked_for.update(entry.get("reasons_masked") or {})
        self.warnings.update(entry.get("warnings") or ())
        self.kinds[entry.get("modality") or "other"] += 1
        if frames:
            self.syntaxes[entry.get("syntax_in", ""), entry.get("syntax_out", "")] += 1
        if entry.get("reader"):
            self.readers[entry["reader"]] += 1


def summary(ledger: Ledger, gathered: Gathered) -> dict[str, Any]:
    """Return everything a report says except the list of Instances, as plain JSON types."""
    totals, run = ledger.totals(), ledger.runs.last()
    seconds = (run.finished or time.time()) - run.started
    return {
        "format": FORMAT,
        "run": {"number": run.id, "started": _iso(run.started), "finished": _iso(run.finished or time.time()),
                "seconds": round(seconds, 1), "seconds_of_work": round(ledger.sums()["seconds"], 1),
                "inputs_per_second": _rate(ledger, run.id, seconds)},
        "totals": {"inputs": totals.inputs, "released": totals.released, "held": totals.held,
                   "refused": totals.refused, "not_dicom": totals.not_dicom, "pending": totals.pending,
                   "closed": totals.closed},
        "released": dict(gathered.released),
        "masked_for": _table(gathered.masked_for, "reason"),
        "held_for": _table(gathered.held, "reason"),
        "refused_for": [{"code": code, "reason": reason, "count": n}
                        for (code, reason), n in gathered.refused.most_common()],
        "not_dicom_for": _table(gathered.not_dicom, "reason"),
        "kinds": _table(gathered.kinds, "modality"),
        "syntaxes": [{"before": _syntax(a), "after": _syntax(b), "count": n}
                     for (a, b), n in gathered.syntaxes.most_common()],
        "readers": _table(gathered.readers, "reader"),
        "warnings": _table(gathered.warnings, "warning"),
        "policy": _shown(run.policy), "policy_digest": run.policy_digest, "versions": dict(run.versions),
    }


def _shown(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings without the folders of files they name: those are nobody else's business."""
    shown = dict(policy)
    decisions = dict(shown.get("decisions", {}))
    if decisions.get("devices"):
        shown["decisions"] = {**decisions, "devices": [PurePath(name).name for name in decisions["devices"]]}
    return shown


def _rate(ledger: Ledger, run: int, seconds: float) -> float:
    return round(ledger.count(run) / seconds, 2) if seconds > 0 else 0.0


def _table(counts: Counter[str], name: str) -> list[dict[str, Any]]:
    return [{name: key, "count": count} for key, count in sorted(counts.items(), key=lambda x: (-x[1], x[0]))]


def _syntax(uid: str) -> str:
    return UID(uid).name if uid else ""


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="seconds")

"""Account: how one input ended, small and picklable, from a worker to the one that keeps the ledger."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydicom import Dataset

from scrub_pixels.decisions.findings import Decision
from scrub_pixels.errors import NotDicom, Refusal
from scrub_pixels.header import Pairs
from scrub_pixels.masks.evidence import PixelEvidence
from scrub_pixels.store.atomic import Written

if TYPE_CHECKING:
    from scrub_pixels.pipeline import Held, Scrubbed


class Input(Protocol):
    """What the ledger needs to know of an input; `scrub_pixels.run` has the real one."""

    @property
    def path(self) -> Path | str:
        """The file on disk, or the URL of an object."""

    @property
    def relative(self) -> str:
        """The path below IN, with the member's name in an archive."""

    @property
    def member(self) -> int | None:
        """Index of the member in an archive, or None."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def modified(self) -> int:
        """Modification time in nanoseconds."""


PLACE = "place"
"""Private fact of an input whose UID another one claims too: the name that both would have."""


class Outcome(str, Enum):
    """How an input ends; exactly one of these."""

    RELEASED = "released"
    HELD = "held"
    REFUSED = "refused"
    NOT_DICOM = "not-dicom"


@dataclass(frozen=True, slots=True)
class Origin:
    """What the private queue tells entries apart by, from the original data set.

    Parameters
    ----------
    modality, device
        As the header has them, where they hold no identifier; else empty, or a keyed token.
    manufacturer, model
        Exactly as the header has them; empty if `device` is a token.
    series
        Keyed token of the Series Instance UID.
    naming
        How the output is named: ``new`` or ``keep``.
    rows, columns, frames
        Size in samples.
    patient
        Keyed token of the patient: equal for one person's Instances; empty if the header names none.
    words
        Keyed tokens of the words of every identifier: none of them may become vocabulary.
    """

    modality: str = ""
    device: str = ""
    manufacturer: str = ""
    model: str = ""
    series: str = ""
    naming: str = "new"
    rows: int = 0
    columns: int = 0
    frames: int = 0
    words: frozenset[str] = field(default=frozenset(), repr=False)
    patient: str = ""

    @property
    def stratum(self) -> str:
        """Device and layout: what quality control draws from evenly."""
        return f"{self.device} {self.rows}x{self.columns}"


@dataclass(frozen=True, slots=True)
class Account:
    """How one input ended.

    Parameters
    ----------
    outcome
        Which of the four ends.
    code
        PHI-free word for why it was refused, or empty.
    stage
        The stage that refused, or empty.
    message
        PHI-free sentence for a person, or empty.
    reasons
        PHI-free reasons of a hold.
    output
        Path below OUT of a released Instance.
    existing
        True if the very same file stood there before.
    facts
        PHI-free, JSON-ready: evidence, codes, device; goes into the report.
    decision
        Private: findings with readings of a held Instance, for the queue only.
    pairs
        Private: old and new Patient ID and UIDs of a released Instance, for the crosswalk only.
    origin
        Private: what the review queue tells entries apart by.
    started, seconds
        Unix time and duration of the work.
    digest
        SHA-256 of the input's bytes, by which a later run knows that it has not changed.
    ref
        Number of the input in the ledger, once it is settled there.
    """

    outcome: Outcome
    code: str = ""
    stage: str = ""
    message: str = ""
    reasons: tuple[str, ...] = ()
    output: str = ""
    existing: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    decision: Decision | None = field(default=None, repr=False)
    pairs: Pairs = field(default_factory=Pairs, repr=False)
    origin: Origin = field(default_factory=Origin, repr=False)
    started: float = 0.0
    seconds: float = 0.0
    digest: str = field(default="", repr=False)
    ref: int = 0


def account_released(scrubbed: Scrubbed, written: Written | None, started: float) -> Account:
    """Account for an Instance that stands in OUT, or, if not yet written, soon will (see `released_as`)."""
    facts = {
        **evidence_facts(scrubbed.evidence),
        **description(scrubbed.dataset),
        "pseudonym": scrubbed.pseudonym,
        "codes": list(scrubbed.codes),
        "actions": {action: count for action, count in scrubbed.actions},
        "warnings": list(scrubbed.warnings),
        "reasons_masked": _reasons(scrubbed.decision),
    }
    account = Account(Outcome.RELEASED, facts=facts, pairs=scrubbed.pairs, started=started,
                      seconds=max(0.0, time.time() - started))
    return released_as(account, written) if written else account


def released_as(account: Account, written: Written) -> Account:
    """Return the account of a released Instance with the file that stands for it."""
    facts = {**account.facts, "bytes": written.size, "sha256": written.digest}
    return replace(account, output=written.relative, existing=written.existing, facts=facts)


def account_held(held: Held, started: float, dataset: Dataset | None = None) -> Account:
    """Account for an Instance that waits for a person; `dataset` tells kind and size, nothing else."""
    facts = {**(evidence_facts(held.evidence) if held.evidence else {}), **_kind(dataset)}
    return Account(Outcome.HELD, code="held", stage="decide", reasons=tuple(held.reasons), facts=facts,
                   decision=held.decision, started=started, seconds=max(0.0, time.time() - started))


def account_refused(refusal: Refusal, started: float) -> Account:
    """Account for an input that will not be released, or is not DICOM."""
    outcome = Outcome.NOT_DICOM if isinstance(refusal, NotDicom) else Outcome.REFUSED
    message = " ".join(filter(None, (f"{refusal.tag}:" if refusal.tag else "", _sentence(refusal.message),
                                     _sentence(refusal.remedy))))
    return Account(outcome, code=refusal.code, stage=refusal.stage, message=message,
                   started=started, seconds=max(0.0, time.time() - started))


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else text + "."


def evidence_facts(evidence: PixelEvidence) -> dict[str, Any]:
    """Return PixelEvidence as plain JSON types.

    Frames stay 0-based and half-open; a region is ``[row, column, rows, columns]``.
    """
    facts = {name: _plain(getattr(evidence, name)) if name != "redactions" else [] for name in _EVIDENCE}
    facts["redactions"] = _spans([
        {"frame": r.frame, "regions": [[x.row, x.column, x.rows, x.columns] for x in r.regions]}
        for r in evidence.redactions
    ])
    facts["searched"], facts["clean"] = evidence.searched, evidence.clean
    return facts


_EVIDENCE = tuple(field.name for field in fields(PixelEvidence))


def _plain(value: Any) -> Any:
    """Return a part of the evidence as plain types: `asdict` of the whole copies what nobody needs twice."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def _spans(redactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join neighbouring frames with equal regions: a cine's overlay is one entry, not a thousand."""
    spans: list[dict[str, Any]] = []
    for entry in sorted(redactions, key=lambda r: r["frame"]):
        last = spans[-1] if spans else None
        if last and last["stop"] == entry["frame"] and last["regions"] == entry["regions"]:
            last["stop"] += 1
        else:
            spans.append({"start": entry["frame"], "stop": entry["frame"] + 1, "regions": entry["regions"]})
    return spans


def _reasons(decision: Decision) -> dict[str, int]:
    counts: dict[str, int] = {}
    for redaction in decision.redactions:
        counts[redaction.reason] = counts.get(redaction.reason, 0) + 1
    return counts


def description(dataset: Dataset) -> dict[str, Any]:
    """Return kind and device of a *de-identified* data set, to group pictures by."""
    device = " ".join(str(dataset.get(k) or "") for k in ("Manufacturer", "ManufacturerModelName"))
    return {**_kind(dataset), "device": device.strip()}


def _kind(dataset: Dataset | None) -> dict[str, Any]:
    if dataset is None:
        return {}
    numbers = {"rows": dataset.get("Rows"), "columns": dataset.get("Columns")}
    words = {"modality": "Modality", "sop_class": "SOPClassUID"}
    kind = {name: str(dataset.get(keyword) or "")[:64] for name, keyword in words.items()}
    return {**kind, **{k: int(v) for k, v in numbers.items() if isinstance(v, int)}}

"""What stands in the review queue, as plain frozen values; private where they name inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import ScrubError


class ReviewConflict(ScrubError):
    """Someone else has this entry, or it is no longer what the caller believes; show it anew.

    A site answers it with 409.
    """


class NoSuchEntry(ScrubError):
    """There is no entry of this key, or no such frame; a site answers it with 404."""


class BadDecision(ScrubError):
    """A draft or a decision cannot be carried out as written; a site answers it with 422."""

    exit_code = 2


class State(str, Enum):
    """Where an entry stands."""

    PENDING = "pending"
    """Waits for a person."""

    ACCEPTED = "accepted"
    """Decided, and about to be released."""

    RELEASED = "released"
    REJECTED = "rejected"
    PASSED = "passed"
    """Quality control found nothing."""

    SUPERSEDED = "superseded"
    """Its input ended otherwise in a later run."""


class Kind(str, Enum):
    """Why an entry is in the queue."""

    HELD = "held"
    """The pipeline would not release it."""

    QA = "qa"
    """It was released, and drawn for quality control."""


class Says(str, Enum):
    """What a reviewer says about one finding."""

    KEEP = "keep"
    """It may stay here."""

    TERM = "term"
    """It may stay, and what it reads is a harmless term everywhere."""

    PHI = "phi"
    """It must go."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reviewer says about one finding, by its number in the entry (from 0)."""

    finding: int
    says: Says


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reviewer would have masked, whole: it takes the place of what was proposed.

    Parameters
    ----------
    redactions
        All that will be masked. The reason of what a person drew is `REVIEWER`.
    answers
        What was said about single findings, at most one about each.
    """

    redactions: tuple[Redaction, ...]
    answers: tuple[Answer, ...] = ()


REVIEWER = "reviewer"
"""Reason of a redaction that a person drew."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to list; what is None or empty does not restrict.

    Parameters
    ----------
    state, kind, reason, modality, device, series
        Exact values; `reason` is one of an entry's reasons.
    after
        Number (`Entry.id`) of the last entry of the page before.
    limit
        Most entries to return.
    """

    state: State | None = None
    kind: Kind | None = None
    reason: str = ""
    modality: str = ""
    device: str = ""
    series: str = ""
    after: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry in short. Private: it names the input; its repr does not.

    Parameters
    ----------
    id
        Number in the order the entries came.
    key
        PHI-free token, safe in URLs.
    path, member, relative
        The input; never to be shown in a URL, a title or a log.
    size, modified
        Bytes and modification time (ns) of the input when it was entered.
    state, kind, reasons
        Where it stands and why; the reasons are PHI-free.
    modality, device
        As the header has them, where they hold no identifier.
    series
        Keyed token of the Series: equal for siblings, and nothing else.
    rows, columns, frames
        Size in samples.
    naming
        How its output will be named: ``new`` or ``keep``.
    claimed_by, claimed_until
        Who has it, and until when (Unix time).
    booked
        False while a decision has not been carried out yet.
    round
        How often it was held or opened again; approvals count within one round.
    draft
        Number of the draft that stands, 0 for what was proposed.
    digest
        SHA-256 (hex) of the input's bytes as they were last looked at; empty if nobody did.
    """

    id: int
    key: str
    path: str = field(repr=False)
    member: int | None
    relative: str = field(repr=False)
    size: int
    modified: int
    state: State
    kind: Kind
    created: float
    modality: str
    device: str
    series: str
    rows: int
    columns: int
    frames: int
    reasons: tuple[str, ...]
    naming: str = "new"
    claimed_by: str = ""
    claimed_until: float = 0.0
    booked: bool = True
    round: int = 0
    draft: int = 0
    digest: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the append-only log."""

    at: float
    who: str
    what: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facets:
    """How many entries there are: of each state (all), and pending ones of each of the others."""

    states: Mapping[str, int]
    kinds: Mapping[str, int]
    reasons: Mapping[str, int]
    devices: Mapping[str, int]
    modalities: Mapping[str, int]

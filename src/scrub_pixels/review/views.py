"""What a reviewer sees and says: plain frozen values between the queue and whoever shows it.

Regions and frames are those of the package: half-open, 0-based. Readings of text stand in
`FindingView.reading` and nowhere else; no repr shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from scrub_pixels.decisions.findings import Redaction, Verdict
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.store.queue import BadDecision, Draft, Entry, LogLine, NoSuchEntry, ReviewConflict

__all__ = ["PLAIN", "Applied", "BadDecision", "Change", "Claim", "EntryView", "FindingView", "Form",
           "MissRate", "NoSuchEntry", "Picture", "Rendering", "ReviewConflict", "Scope", "Then"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease of one entry.

    Parameters
    ----------
    key
        The entry.
    who
        Who has it.
    until
        Unix time at which it ends, unless it is renewed.
    """

    key: str
    who: str
    until: float


@dataclass(frozen=True, slots=True)
class FindingView:
    """One line of text as a reviewer sees it.

    Parameters
    ----------
    index
        Its number in the entry, from 0; an `Answer` names it.
    region, frames
        Where it stands.
    verdict
        What the pipeline took it for.
    reading
        What was read. Identifies patients: never to be logged, nor put into a URL or a title.
    confidence
        Of the reading, 0 to 1.
    evidence
        PHI-free sentences: why.
    """

    index: int
    region: Region
    frames: FrameSpan
    verdict: Verdict
    reading: str = field(repr=False)
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntryView:
    """Everything the viewer shows of one entry, but its pictures.

    Parameters
    ----------
    entry
        The entry in short; see `scrub_pixels.store.queue.Entry`.
    rows, columns, frames
        Size of a frame in samples, and number of frames.
    findings
        Lines of text with verdict and evidence.
    proposed
        What the pipeline would mask.
    draft
        What would be masked as the draft stands, with the reviewer's answers.
    can_undo, can_redo
        Whether there is a draft before or after this one.
    window
        Centre and width of the header's first window (PS3.3 C.11.2), or None: grey level has no
        meaning to change in colour.
    frames_per_second
        Of the cine module, or a default.
    siblings
        How many pending entries are of the same series, and of the same device and layout.
    approvals
        Names of the reviewers who accepted this very draft, and how many are needed.
    history
        The append-only log of the entry, oldest first.
    inverse
        True if low values are shown bright.
    trouble
        Why the input cannot be opened; then all else is what the queue knows. Else empty.
    """

    entry: Entry
    rows: int
    columns: int
    frames: int
    findings: tuple[FindingView, ...]
    proposed: tuple[Redaction, ...]
    draft: Draft
    can_undo: bool
    can_redo: bool
    window: tuple[float, float] | None
    frames_per_second: float
    siblings: Mapping[Scope, int]
    approvals: tuple[str, ...]
    approvals_needed: int
    history: tuple[LogLine, ...]
    inverse: bool = False
    trouble: str = ""


class Form(str, Enum):
    """How a picture is encoded."""

    PNG = "image/png"
    """Lossless: for looking at one frame."""

    JPEG = "image/jpeg"
    """Small: for thumbnails and for playing a cine."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a frame is to be shown.

    Parameters
    ----------
    masked
        True to show the frame as the draft would leave it.
    window
        Centre and width in modality units (PS3.3 C.11.2.1.2); None is the header's own.
    longest
        Longest side in pixels of the picture; 0 is the frame's own size.
    form
        Encoding.
    """

    masked: bool = False
    window: tuple[float, float] | None = None
    longest: int = 0
    form: Form = Form.PNG


PLAIN = Rendering()


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture; `form` is its media type. Holds PHI: never cached outside memory."""

    content: bytes = field(repr=False)
    form: Form


class Scope(str, Enum):
    """Which other pending entries an action touches."""

    SERIES = "series"
    LAYOUT = "layout"
    """The same device, rows and columns."""


@dataclass(frozen=True, slots=True)
class Change:
    """What applying a draft to one more entry would do.

    Parameters
    ----------
    entry
        The entry touched.
    added
        Redactions it would get.
    kept
        Numbers of its findings that would be kept.
    leased_to
        Who has it now, if that is someone else: it would be left alone. Else empty.
    """

    entry: Entry
    added: tuple[Redaction, ...]
    kept: tuple[int, ...]
    leased_to: str = ""


class Then(str, Enum):
    """What happens to the entries that a draft was applied to."""

    DRAFT = "draft"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Applied:
    """Keys of the entries that an action reached, and of those it left alone (leased, or decided)."""

    done: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissRate:
    """The estimated share of released Instances in which identifying text was missed.

    Parameters
    ----------
    population
        Released Instances of which the sample was drawn.
    sampled, reviewed, missed
        Drawn; looked at; found with text left.
    covered
        Released Instances of the devices and layouts of which something was looked at: the estimate
        is about these.
    estimate
        Stratified estimate, 0 to 1; None before anything was reviewed.
    low, high
        Exact 95 % confidence limits (`scrub_pixels.review.rates`).
    """

    population: int
    sampled: int
    reviewed: int
    missed: int
    covered: int
    estimate: float | None
    low: float
    high: float

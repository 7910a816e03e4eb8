"""What the decision stage hands on: findings with their evidence, redactions, a disposition."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine


class Verdict(str, Enum):
    """What a line of text is taken for."""

    PHI = "phi"
    UNSURE = "unsure"
    BENIGN = "benign"


class Disposition(str, Enum):
    """What happens to an Instance."""

    RELEASE = "released"
    HOLD = "held"
    REFUSE = "refused"


class EvidenceKind(str, Enum):
    """The witnesses that speak for or against a line being PHI."""

    HEADER_MATCH = "header match"
    PATTERN = "pattern"
    LABEL = "label"
    UNKNOWN_WORD = "unknown word"
    UNREADABLE = "unreadable"
    WEAK_DETECTION = "weak detection"
    VOCABULARY = "vocabulary"
    MEASUREMENT = "measurement"
    POSITION = "position"
    DEVICE_RULE = "device rule"
    REVIEWER = "reviewer"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for or against a line being PHI.

    Parameters
    ----------
    kind
        Which witness speaks.
    detail
        PHI-free: the attribute's keyword, the pattern's name, the vocabulary's section; never
        the text itself.
    speaks_for_phi
        True if it raises suspicion, False if it lowers it.
    """

    kind: EvidenceKind
    detail: str
    speaks_for_phi: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """A line with its evidence and the verdict drawn from it."""

    line: TextLine
    verdict: Verdict
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Redaction:
    """A rectangle over a span of frames that will be masked.

    Parameters
    ----------
    region
        What to mask, in stored-sample coordinates; before any alignment to coding blocks.
    frames
        In which frames.
    reason
        PHI-free, for the report: ``header match: PatientName``, ``unreadable``, ``reviewer``.
    """

    region: Region
    frames: FrameSpan
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of the decision stage for one Instance.

    Parameters
    ----------
    findings
        Every line with verdict and evidence.
    redactions
        What will be masked on release (for a held Instance: what is proposed).
    disposition
        RELEASE, HOLD or REFUSE.
    reasons
        PHI-free reasons for a HOLD or REFUSE.
    """

    findings: tuple[Finding, ...]
    redactions: tuple[Redaction, ...]
    disposition: Disposition
    reasons: tuple[str, ...] = ()

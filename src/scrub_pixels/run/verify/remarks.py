"""What a check found: one remark each, free of PHI, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum


class Mark(str, Enum):
    """How one check of one file ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOTED = "noted"
    """Worth a look, but no broken promise."""
    SKIPPED = "not checked"


CHECKS = {
    "files": "every file in OUT is accounted for, every account has its file",
    "ledger": "the report says what the private ledger says",
    "bytes": "size and digest are those on record",
    "parsing": "another parser reads the file to its end",
    "claims": "the header claims what the evidence shows, and no more",
    "profile": "every attribute is what the profile makes of the input's, and no other is there",
    "beside": "no picture stands beside the frames unaccounted for",
    "hidden": "no byte lies where neither an attribute nor a frame shows it",
    "samples": "outside the redactions every sample is the input's, inside all is black",
    "decoder": "that comparison used a decoder other than the one that wrote",
    "text": "no identifier of the input is read in the released frames",
    "header": "no identifier of the input stands in any attribute",
    "names": "no identifier of the input stands in a path or a report",
    "standard": "dciodvfy finds no error that the input did not have",
}
"""Every check, in the order of the table, and what it promises."""


@dataclass(frozen=True, slots=True)
class Remark:
    """The outcome of one check.

    Parameters
    ----------
    check
        A key of `CHECKS`.
    mark
        How it ended.
    detail
        PHI-free: what is wrong, or why it was not checked.
    """

    check: str
    mark: Mark
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """Everything that was found of one file of OUT, or of OUT as a whole.

    Parameters
    ----------
    output
        Path below OUT; empty for OUT as a whole.
    remarks
        One or more for each check.
    """

    output: str
    remarks: tuple[Remark, ...]

    @property
    def passed(self) -> bool:
        """True if nothing failed."""
        return all(remark.mark is not Mark.FAILED for remark in self.remarks)


@dataclass
class Verification:
    """Counts over all files, and the files that need a look.

    Parameters
    ----------
    counts
        How often each check ended how.
    reasons
        How often each check gave each detail, by check and mark.
    files, failed
        Files checked, and those of them with a failed check.
    """

    counts: Counter[tuple[str, Mark]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, Mark, str]] = field(default_factory=Counter)
    files: int = 0
    failed: int = 0

    def add(self, checked: Checked) -> None:
        """Count what was found of one file."""
        self.files += bool(checked.output)
        self.failed += not checked.passed
        for remark in checked.remarks:
            self.counts[remark.check, remark.mark] += 1
            if remark.detail:
                self.reasons[remark.check, remark.mark, remark.detail] += 1

    @property
    def passed(self) -> bool:
        """True if no check failed anywhere."""
        return not self.failed


def passed_or(check: str, faults: Iterable[str]) -> list[Remark]:
    """Return a failed remark for each fault, or one that says that the check was passed."""
    found = [Remark(check, Mark.FAILED, fault) for fault in faults]
    return found or [Remark(check, Mark.PASSED)]

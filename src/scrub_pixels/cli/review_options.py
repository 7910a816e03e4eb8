"""Options of the main job that are about the review: where its queue is, what it learns from and draws."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Group, Parameter

from scrub_pixels.errors import UsageError

if TYPE_CHECKING:
    from scrub_pixels.run.campaign import Campaign

REVIEW = Group("Review", sort_key=3)
QUEUE_VARIABLE = "SCRUB_PIXELS_QUEUE"
NOTHING = "none"


@Parameter(name="*", group=REVIEW)
@dataclass(frozen=True)
class ReviewOptions:
    """Options about the review.

    Parameters
    ----------
    queue
        Keep the review queue in PostgreSQL, postgresql+psycopg://user@host/database (default: in the
        workspace, or the environment's SCRUB_PIXELS_QUEUE).
    qa_sample
        Draw a share of what is released for quality control, such as 2%, evenly from every device and
        layout.
    learned
        What reviews have taught, a file of `scrub-pixels review learned export`, or none (default: what
        was learned in this workspace).
    """

    queue: str | None = None
    qa_sample: str = ""
    learned: str = ""


UNREVIEWED = ReviewOptions()


def with_review(campaign: Campaign, options: ReviewOptions) -> Campaign:
    """Return a campaign with its options about the review.

    Raises
    ------
    UsageError
        If the share is none, or the file of what was learned is not there.
    """
    learned = None if not options.learned else "" if options.learned == NOTHING else _file(options.learned)
    return replace(campaign, queue_url=options.queue or os.environ.get(QUEUE_VARIABLE) or None,
                   qa_sample=_share(options.qa_sample), learned=learned)


def _file(name: str) -> str:
    file = Path(name).resolve()
    if not file.is_file():
        raise UsageError("The file of what was learned is not there.", remedy="Check its path.")
    return str(file)


def _share(text: str) -> float:
    """Return ``2%`` or ``0.02`` as a share; nothing is 0."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text.strip())
    if text and match is None:
        raise UsageError("--qa-sample is no share.", remedy="Write it as 2% or 0.02.")
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if share > 1:
        raise UsageError("--qa-sample is more than all.", remedy="Write it as 2% or 0.02.")
    return share

"""The review queue: what waits for a person, why, what was read there, and what is proposed. Private.

Readings of text live here and nowhere else. It lies in a SQLite file of the workspace, or in
PostgreSQL for a team; both through the same statements (SQLAlchemy Core).
"""

from scrub_pixels.store.queue.entries import ReviewQueue, open_queue
from scrub_pixels.store.queue.forms import finding_json, redaction_json
from scrub_pixels.store.queue.values import (
    REVIEWER,
    Answer,
    BadDecision,
    Draft,
    Entry,
    Facets,
    Kind,
    LogLine,
    NoSuchEntry,
    ReviewConflict,
    Says,
    State,
    Wanted,
)

__all__ = [
    "REVIEWER",
    "Answer",
    "BadDecision",
    "Draft",
    "Entry",
    "Facets",
    "Kind",
    "LogLine",
    "NoSuchEntry",
    "ReviewConflict",
    "ReviewQueue",
    "Says",
    "State",
    "Wanted",
    "finding_json",
    "open_queue",
    "redaction_json",
]

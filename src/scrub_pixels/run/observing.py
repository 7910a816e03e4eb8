"""What programs see of a run: events, logs and traces; JSON, stable names, free of PHI.

One event per Instance, one line each::

    {"schema": "scrub-pixels-event/1", "event": "instance", "time": "2026-11-22T18:00:00.123+00:00",
     "ref": 17, "outcome": "released", "code": "", "stage": "", "reasons": [], "output": "P/1/2/3.dcm",
     "frames": 30, "frames_masked": 30, "bytes": 123456, "sha256": "...", "seconds": 1.25}

Every key is always there. `ref` is the number of the input in the private ledger, which is where its
name can be looked up; `outcome` is ``released``, ``held``, ``refused`` or ``not-dicom``; `code` and
`stage` say where it was refused, or ``duplicate`` for a copy (which then has no output of its own);
`reasons` are sentences for a person. New keys may come, with a new number behind the schema if one
goes or changes its meaning.

An observer never fails a run: an event that cannot be written is lost, and said to be lost at the end.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TextIO

from scrub_pixels.errors import UsageError
from scrub_pixels.store.accounts import Account

SCHEMA = "scrub-pixels-event/1"
LOG = logging.getLogger("scrub_pixels")
LOG.addHandler(logging.NullHandler())
STANDARD_OUTPUT = "-"

Observer = Callable[[Account], None]


def event_of(account: Account) -> dict[str, Any]:
    """Return what is told of one settled input; see the module for the meaning of each key."""
    return {
        "schema": SCHEMA,
        "event": "instance",
        "time": _iso(time.time()),
        "ref": account.ref,
        "outcome": account.outcome.value,
        "code": account.code,
        "stage": account.stage,
        "reasons": list(account.reasons) or ([account.message] if account.message else []),
        "output": account.output,
        "frames": int(account.facts.get("frames", 0)),
        "frames_masked": int(account.facts.get("frames_masked", 0)),
        "bytes": int(account.facts.get("bytes", 0)),
        "sha256": str(account.facts.get("sha256", "")),
        "seconds": round(account.seconds, 3),
    }


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds")


class EventLines:
    """Writes one line per account, at once, and never raises.

    Parameters
    ----------
    stream
        Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def __call__(self, account: Account) -> None:
        try:
            self._stream.write(json.dumps(event_of(account)) + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # a closed pipe, a full disk, a closed file
            self.lost += 1


class JsonLines(logging.Formatter):
    """A log record as one JSON object: time, level, event, and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; of an exception its type alone, whose text may quote anything."""
        facts = getattr(record, "facts", {})
        line = {"time": _iso(record.created), "level": record.levelname.lower(), "event": record.getMessage()}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps({**line, **facts})


def log(event: str, level: int = logging.INFO, **facts: Any) -> None:
    """Log an event of a run with facts that are free of PHI; applications may listen to ``scrub_pixels``."""
    LOG.log(level, event, extra={"facts": facts})


def log_account(account: Account) -> None:
    """Log how one input ended."""
    if LOG.isEnabledFor(logging.INFO):
        told = event_of(account)
        log("instance", **{key: told[key] for key in ("ref", "outcome", "code", "stage", "seconds")})


def trace_account(tracer: Any) -> Observer:
    """Return what makes one OpenTelemetry span of each account, from when to when it was worked on."""
    def observe(account: Account) -> None:
        told, start = event_of(account), int(account.started * 1e9)
        names = ("ref", "outcome", "code", "stage", "frames", "frames_masked", "bytes")
        attributes = {f"scrub_pixels.{name}": told[name] for name in names}
        span = tracer.start_span("scrub-pixels instance", start_time=start, attributes=attributes)
        span.end(end_time=start + int(account.seconds * 1e9))

    return observe


def tracer() -> Any:
    """Return the tracer of OpenTelemetry, which does nothing until it is configured; None without it."""
    try:
        from opentelemetry.trace import get_tracer
    except ImportError:
        return None
    return get_tracer("scrub-pixels")


@dataclass(frozen=True)
class Wanted:
    """Which observers a person asked for.

    Parameters
    ----------
    events
        File for events, or ``-`` for standard output; None for none.
    log
        File for the log, or ``-``; None for none.
    """

    events: str | None = None
    log: str | None = None

    @property
    def takes_standard_output(self) -> bool:
        """True if results for a person have to go elsewhere."""
        return STANDARD_OUTPUT in (self.events, self.log)


@contextmanager
def observers(wanted: Wanted) -> Iterator[Observer]:
    """Yield one observer that is all of those wanted, and OpenTelemetry where it is installed.

    Raises
    ------
    UsageError
        If a file cannot be written.
    """
    with ExitStack() as stack:
        chosen: list[Observer] = [log_account]
        if wanted.events:
            lines = EventLines(stack.enter_context(_opened(wanted.events)))
            stack.callback(_tell_lost, lines)
            chosen.append(lines)
        if wanted.log:
            stack.enter_context(_logging_to(stack.enter_context(_opened(wanted.log))))
        if (found := tracer()) is not None:
            chosen.append(trace_account(found))
        yield _all_of(chosen)


def _all_of(chosen: Sequence[Observer]) -> Observer:
    def observe(account: Account) -> None:
        for observer in chosen:
            observer(account)

    return observe


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    if name == STANDARD_OUTPUT:
        yield sys.stdout
        return
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise UsageError(f"The file for events or logs cannot be written: {error.strerror}.",
                         remedy="Check its path.") from None
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        yield file


@contextmanager
def _logging_to(stream: TextIO) -> Iterator[None]:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    handler.handleError = lambda record: None  # type: ignore[method-assign]  # an observer never fails a run
    level = LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(level)


def _tell_lost(lines: EventLines) -> None:
    if lines.lost:
        print(f"scrub-pixels: {lines.lost} events could not be written.", file=sys.stderr)

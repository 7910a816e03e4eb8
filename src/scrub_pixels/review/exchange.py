"""Entries and decisions as a JSON file, so that other viewers and programs can be used.

Version 1 of the form::

    {"format": "scrub-pixels-review", "version": 1,
     "entries": [
       {"key": "9f0c...",                  32 hexadecimal digits: which entry; all else may be left out
        "input_sha256": "ab12...",         a decision about other bytes is refused
        "decision": "accept",              accept, reject or draft (the default)
        "reason": "",                      why it was rejected, for the log
        "redactions": [                    all that is to be masked; left out: what is proposed
          {"region": [row, column, rows, columns], "frames": [first, behind the last], "reason": "reviewer"}],
        "answers": [[0, "keep"]],          finding and keep, term or phi

        "state": "pending", "kind": "held", "reasons": [], "modality": "US", "device": "", "series": "",
        "size": [rows, columns, frames],
        "findings": [{"number": 0, "region": [], "frames": [], "verdict": "phi", "evidence": []}]}]}

Numbers are whole; regions and frames are half-open and counted from 0. The lower half is written by
an export and ignored by an import. Readings of text are exported only where they are asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scrub_pixels.decisions import Redaction
from scrub_pixels.errors import Refusal, UsageError
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.review.desk import Desk
from scrub_pixels.review.spreading import draft_of
from scrub_pixels.review.views import BadDecision, NoSuchEntry, ReviewConflict
from scrub_pixels.store.queue import REVIEWER, Answer, Draft, Entry, Says, Wanted
from scrub_pixels.store.queue.forms import draft_json, region_json

FORMAT, VERSION = "scrub-pixels-review", 1
MOST_BYTES = 64 << 20
LARGEST = 1 << 31
KEY = re.compile(r"[0-9a-f]{32}")
DIGEST = re.compile(r"[0-9a-f]{64}|")
DECISIONS = ("draft", "accept", "reject")
PAGE = 500
LONGEST_REASON = 200

READ = frozenset({"key", "input_sha256", "decision", "reason", "redactions", "answers"})
TOLD = frozenset({"state", "kind", "reasons", "modality", "device", "series", "size", "findings"})


@dataclass(frozen=True, slots=True)
class Decided:
    """One entry of a file that is read.

    Parameters
    ----------
    key
        Which entry.
    decision
        ``draft``, ``accept`` or ``reject``.
    redactions
        All that is to be masked; None leaves the draft that stands.
    answers
        What is said about single findings.
    reason
        Why it is rejected.
    input_sha256
        The bytes it is about, or empty.
    """

    key: str
    decision: str = "draft"
    redactions: tuple[Redaction, ...] | None = None
    answers: tuple[Answer, ...] = ()
    reason: str = ""
    input_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one entry of a file: ``done``, or why not, without PHI."""

    key: str
    done: bool
    why: str = ""


# -- writing


def export(desk: Desk, wanted: Wanted, readings: bool = False) -> Iterator[str]:
    """Yield the JSON text of all entries that are wanted, entry by entry.

    Parameters
    ----------
    desk
        The review.
    wanted
        Which entries; its limit and `after` do not count.
    readings
        True to write what was read, which identifies patients.
    """
    yield f'{{"format": "{FORMAT}", "version": {VERSION}, "entries": ['
    separator = "\n"
    for entries in _pages(desk, wanted):
        for text in _exported(desk, entries, readings):
            yield separator + text
            separator = ",\n"
    yield "\n]}\n"


def _pages(desk: Desk, wanted: Wanted) -> Iterator[list[Entry]]:
    wanted = replace(wanted, after=0, limit=PAGE)
    while entries := desk.page(wanted):
        yield entries
        wanted = replace(wanted, after=entries[-1].id)


def _exported(desk: Desk, entries: Sequence[Entry], readings: bool) -> Iterator[str]:
    for entry, decision, content in desk.queue.drafted(entries):
        draft = draft_json(draft_of(content, decision))
        findings = [
            {"number": number, "region": region_json(f.line.region),
             "frames": [f.line.frames.start, f.line.frames.stop], "verdict": f.verdict.value,
             "evidence": [f"{e.kind.value}: {e.detail}" for e in f.evidence],
             **({"reading": f.line.reading} if readings else {})}
            for number, f in enumerate(decision.findings)]
        yield json.dumps({
            "key": entry.key, "input_sha256": entry.digest, "decision": "draft", **draft,
            "state": entry.state.value, "kind": entry.kind.value, "reasons": list(entry.reasons),
            "modality": entry.modality, "device": entry.device, "series": entry.series,
            "size": [entry.rows, entry.columns, entry.frames], "findings": findings})


# -- reading


def read(path: Path) -> tuple[Decided, ...]:
    """Read a file of decisions, all of it or nothing.

    Raises
    ------
    UsageError
        If it cannot be read, is too large, or is no such form; the message names the place in it.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"The file is larger than {MOST_BYTES >> 20} MB.", remedy="Split it.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The file cannot be read: {error.strerror}.", remedy="Check its path.") from None
    except UnicodeDecodeError:
        raise UsageError("The file is no UTF-8 text.", remedy="Save it as UTF-8.") from None
    return parse(text)


def parse(text: str) -> tuple[Decided, ...]:
    """Read decisions from JSON text; see `read`."""
    try:
        table = json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"The file is no JSON that is understood{where}.", remedy="Mend it.") from None
    if not isinstance(table, dict) or table.get("format") != FORMAT or table.get("version") != VERSION:
        raise UsageError(f'The file is not of the form "{FORMAT}", version {VERSION}.',
                         remedy="Start from what `scrub-pixels review export` writes.")
    entries = table.get("entries")
    if set(table) != {"format", "version", "entries"} or not isinstance(entries, list):
        raise UsageError("The file has something else beside its entries.", remedy="See its documentation.")
    decided = tuple(_decided(entry, number) for number, entry in enumerate(entries, 1))
    if len({one.key for one in decided}) != len(decided):
        raise UsageError("The file names an entry twice.", remedy="Leave one of them out.")
    return decided


def _no_number(text: str) -> None:
    raise ValueError("NaN and Infinity are no numbers")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name stands twice")
    return table


def _decided(entry: Any, number: int) -> Decided:
    try:
        _demand(isinstance(entry, dict) and set(entry) <= READ | TOLD, "it has a name that is not known")
        redactions = entry.get("redactions")
        return Decided(
            key=_matching(entry.get("key"), KEY, "its key is none"),
            decision=_among(entry.get("decision", "draft"), DECISIONS),
            redactions=None if redactions is None else tuple(_redaction(r) for r in _list(redactions)),
            answers=tuple(_answer(answer) for answer in _list(entry.get("answers", []))),
            reason=_words(entry.get("reason", "")),
            input_sha256=_matching(entry.get("input_sha256", ""), DIGEST, "its input_sha256 is no SHA-256"))
    except ValueError as error:
        raise UsageError(f"Entry {number} of the file is not valid: {error}.", remedy="Mend it.") from None


def _demand(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _matching(value: Any, pattern: re.Pattern[str], otherwise: str) -> str:
    _demand(isinstance(value, str) and pattern.fullmatch(value) is not None, otherwise)
    return str(value)


def _among(value: Any, known: Sequence[str]) -> str:
    _demand(isinstance(value, str) and value in known, f"choose one of {', '.join(known)}")
    return str(value)


def _words(value: Any) -> str:
    short = isinstance(value, str) and len(value) <= LONGEST_REASON and value.isprintable()
    _demand(short, "a reason is no short text")
    return str(value)


def _list(value: Any) -> list[Any]:
    _demand(isinstance(value, list), "a list is expected")
    return list(value)


def _numbers(value: Any, count: int) -> list[int]:
    numbers = _list(value)
    _demand(len(numbers) == count and all(type(n) is int and 0 <= n < LARGEST for n in numbers),
            f"{count} whole numbers from 0 are expected")
    return numbers


def _redaction(value: Any) -> Redaction:
    known = isinstance(value, dict) and set(value) <= {"region", "frames", "reason"}
    _demand(known, "a redaction has region, frames and reason")
    region = Region(*_numbers(value.get("region"), 4))
    frames = FrameSpan(*_numbers(value.get("frames"), 2))
    return Redaction(region, frames, _words(value.get("reason", REVIEWER)))


def _answer(value: Any) -> Answer:
    pair = _list(value)
    _demand(len(pair) == 2, "an answer is a number and a word")
    (number,) = _numbers(pair[:1], 1)
    return Answer(number, Says(_among(pair[1], [says.value for says in Says])))


# -- doing


def apply(desk: Desk, decided: Sequence[Decided], who: str, decide: bool = True) -> Iterator[Outcome]:
    """Do what a file says, entry by entry, and tell what came of each.

    Parameters
    ----------
    desk
        The review.
    decided
        What was read.
    who
        In whose name.
    decide
        False to keep drafts only, whatever the file decides.
    """
    for one in decided:
        try:
            _apply(desk, one, who, decide)
            yield Outcome(one.key, True)
        except (BadDecision, NoSuchEntry, ReviewConflict, Refusal) as error:
            yield Outcome(one.key, False, str(error))


def _apply(desk: Desk, one: Decided, who: str, decide: bool) -> None:
    desk.claim(one.key, who)
    try:
        view = desk.look(one.key, who)
        if one.input_sha256 and desk.entry(one.key).digest != one.input_sha256:
            raise BadDecision("The decision is about other bytes than the input has.", remedy="Export anew.")
        draft = Draft(view.draft.redactions if one.redactions is None else one.redactions, one.answers)
        if draft != view.draft and (one.redactions is not None or one.answers):
            desk.save_draft(one.key, who, draft)
        if decide and one.decision == "accept":
            desk.accept(one.key, who)
        elif decide and one.decision == "reject":
            desk.reject(one.key, who, one.reason)
    finally:
        desk.leave(one.key, who)


def audit(desk: Desk) -> Iterator[str]:
    """Yield the whole log, oldest first, as JSON lines: when, who, what, and about which entry.

    Free of readings and of names of inputs; what a reviewer typed as a reason is in it.
    """
    for line, key in desk.queue.whole_log():
        yield json.dumps({"at": line.at, "who": line.who, "what": line.what, "entry": key,
                          "detail": dict(line.detail)}) + "\n"

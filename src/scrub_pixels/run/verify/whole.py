"""Verify an output folder: what stands in it, what is on record of it, and every file by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scrub_pixels.errors import Refusal, ScrubError, UsageError
from scrub_pixels.frames import open_instance
from scrub_pixels.policy import Policy, from_table, to_table
from scrub_pixels.run.discovery import Source, discover
from scrub_pixels.run.executors import Casualty, Executor, ProcessExecutor, SerialExecutor
from scrub_pixels.run.verify.one_file import Orders, Task, check
from scrub_pixels.run.verify.remarks import Checked, Mark, Remark, passed_or
from scrub_pixels.store.atomic import MARKER, MARKER_TEXT
from scrub_pixels.store.ledger import Row, open_ledger
from scrub_pixels.store.releases import is_release_file
from scrub_pixels.store.report.summary import entry_of
from scrub_pixels.store.report.write import REPORT_JSON, REPORT_LINES, REPORT_PAGE
from scrub_pixels.store.standing import standing_policy
from scrub_pixels.store.workspace import default_workspace, open_workspace

REPORTS = (REPORT_JSON, REPORT_LINES, REPORT_PAGE)
RELEASED = "released"

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """What is to be verified, and with what.

    Parameters
    ----------
    out
        A folder that a run wrote.
    against
        The inputs of that run; by default where the ledger says they were.
    workspace
        The private folder of the run; by default ``OUT.workspace`` if that is there.
    reader
        What reads the frames again; ``none`` leaves it out.
    jobs
        Worker processes; 0 works in this process.
    """

    out: Path
    against: Path | None = None
    workspace: Path | None = None
    reader: str = "rapidocr"
    jobs: int = 0


@dataclass(frozen=True)
class _Private:
    """What the workspace knows, and nobody who could forge a report does.

    Parameters
    ----------
    rows
        The ledger by the reference that the report uses.
    secret
        The project key.
    policy
        Of the last run, whole; None if it cannot be had.
    """

    rows: Mapping[str, Row] = field(repr=False)
    secret: bytes = field(repr=False)
    policy: Policy | None


@dataclass(frozen=True)
class _Record:
    """What is on record of an output folder."""

    entries: tuple[Entry, ...]
    totals: Mapping[str, Any]
    policy: Policy | None


def verify(request: Request) -> Iterator[Checked]:
    """Yield what was found of OUT as a whole, then of every file in it.

    Raises
    ------
    UsageError
        If OUT is no folder, or was not written by a run.
    MissingDependency
        If the reader is not installed.
    """
    if not (request.out / REPORT_JSON).is_file():
        raise UsageError("OUT holds no scrub-report.json.", remedy="Name a folder that a run has written.")
    record = _recorded(request.out)
    private = _private(request, {str(entry.get("ref")) for entry in record.entries})
    yield Checked("", tuple(_as_a_whole(request.out, record, private)))
    policy = (private.policy if private else None) or record.policy or Policy()
    reader = "" if request.reader == "none" else request.reader
    orders = Orders(request.out, REPORTS, policy, reader, private.secret if private else b"")
    tasks = _tasks(request, record, private.rows if private else None, orders)
    for task, checked in _executor(request, policy).run(check, tasks):
        yield _settled(task, checked)


def _executor(request: Request, policy: Policy) -> Executor:
    return ProcessExecutor(request.jobs, policy.seconds_per_instance) if request.jobs else SerialExecutor()


def _settled(task: Task, checked: Checked | Casualty) -> Checked:
    if isinstance(checked, Checked):
        return checked
    return Checked(task.output, (Remark("parsing", Mark.FAILED, f"a check of it failed: {checked.message}"),))


def _recorded(out: Path) -> _Record:
    try:
        report = json.loads((out / REPORT_JSON).read_bytes())
        lines = (out / REPORT_LINES).read_bytes().splitlines() if report.get("instances_file") else []
        entries = [json.loads(line) for line in lines] if lines else report.get("instances", [])
        known = [entry for entry in entries if isinstance(entry, dict)]
        return _Record(tuple(known), dict(report.get("totals", {})), _policy(report.get("policy", {})))
    except (OSError, ValueError, AttributeError, TypeError):
        raise UsageError("scrub-report.json cannot be read.", remedy="It is damaged: run again.") from None


def _policy(table: Any) -> Policy | None:
    try:
        return from_table(table)
    except (ScrubError, AttributeError, TypeError):
        return None


def _private(request: Request, references: Set[str]) -> _Private | None:
    """Return what the workspace knows of this folder; None if it is not at hand.

    A folder that was moved is not known by its place any more: then the last run is meant, if it
    is the one that the report tells of.
    """
    folder = request.workspace or default_workspace(request.out)
    if request.workspace is None and not (folder / "version").is_file():
        return None
    workspace = open_workspace(folder, outside=(request.out,), create=False)
    for folder_meant in (None, request.out):
        with open_ledger(workspace.ledger_file, folder_meant) as ledger:
            rows, last = {str(row.id): row for row in ledger.rows()}, ledger.runs.last()
        if folder_meant is not None or set(rows) == references:
            break
    try:
        return _Private(rows, workspace.secret, standing_policy(workspace, last))
    except (ScrubError, OSError, ValueError, KeyError, TypeError):
        return _Private(rows, workspace.secret, None)


def _as_a_whole(out: Path, record: _Record, private: _Private | None) -> Iterator[Remark]:
    yield from passed_or("files", _unaccounted(out, record))
    if private is None:
        yield Remark("ledger", Mark.SKIPPED, "the workspace is not at hand")
        return
    yield from passed_or("ledger", _contradictions(record, private))


def _unaccounted(out: Path, record: _Record) -> Iterator[str]:
    released = [entry for entry in record.entries if entry.get("outcome") == RELEASED]
    yield from _misplaced(out, released)
    named = [str(entry.get("output")) for entry in released if entry.get("output")]
    standing = set(_standing(out))
    for _ in standing - set(named):
        yield "a file that no account names (its name is withheld)"
    for _ in set(named) - standing:
        yield "an account whose file is not there"
    for _ in [name for name in standing if (out / name).is_symlink()]:
        yield "a link instead of a file"
    if len(named) != len(set(named)):
        yield "two accounts name the same file"
    if record.totals.get("closed") is not True or record.totals.get("inputs") != len(record.entries):
        yield "the sums of the report do not close"
    if record.policy is None:
        yield "the policy in the report cannot be read"


def _standing(out: Path) -> Iterator[str]:
    """Yield every file, link or oddity below OUT but the reports, releases and the marker of the folder."""
    for folder, folders, names in os.walk(out):
        below = Path(folder).relative_to(out)
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*names, *linked):
            path = (below / name).as_posix()
            known = path in (*REPORTS, MARKER) or is_release_file(path)
            if not known or (out / path).is_symlink():
                yield path


def _misplaced(out: Path, released: Sequence[Entry]) -> Iterator[str]:
    """Yield what is wrong with where files stand, and with what is no file of a run."""
    for _ in _strays(released):
        yield "a file in the folder of another pseudonym"
    for _ in _empty_folders(out):
        yield "a folder with nothing in it (its name is withheld)"
    if (out / MARKER).is_file() and (out / MARKER).read_bytes() != MARKER_TEXT:
        yield "the marker of the folder holds something else"


def _strays(released: Sequence[Entry]) -> list[Entry]:
    """Return entries whose file stands below a pseudonym that is not theirs."""
    known = {entry.get("pseudonym") for entry in released}
    by_folder = [(str(entry.get("output")).split("/")[0], entry) for entry in released]
    return [entry for folder, entry in by_folder if folder in known - {entry.get("pseudonym")}]


def _empty_folders(out: Path) -> Iterator[str]:
    """Yield folders below OUT that hold nothing: nothing stands in them, but they have names."""
    for folder, folders, names in os.walk(out):
        if not folders and not names and Path(folder) != out:
            yield folder


def _contradictions(record: _Record, private: _Private) -> Iterator[str]:
    rows = private.rows
    if private.policy and record.policy and to_table(private.policy) != to_table(record.policy):
        yield "the policy of the report is not that of the run"
    told = {str(entry.get("ref")): entry for entry in record.entries}
    for _ in set(told) ^ set(rows):
        yield "an input that only one of report and ledger knows"
    for ref in set(told) & set(rows):
        if _plain(entry_of(rows[ref])) != _plain(told[ref]):
            yield "an entry of the report that is not what the ledger says"


def _plain(entry: Entry) -> Any:
    return json.loads(json.dumps(dict(entry)))


def _tasks(
    request: Request, record: _Record, rows: Mapping[str, Row] | None, orders: Orders
) -> Iterator[Task]:
    finder, standing = _Finder.of(request, rows), frozenset(_standing(request.out))
    for entry in record.entries:
        source = finder.named(str(entry.get("ref")))
        if entry.get("outcome") != RELEASED:
            if source is not None:
                yield Task(None, (source,), orders)
        elif str(entry.get("output")) in standing:
            inputs = (source,) if source is not None else finder.alike(entry)
            yield Task(entry, inputs, orders, is_complete=bool(finder.by_shape))


@dataclass(frozen=True)
class _Finder:
    """Finds the input of an output: by the ledger, or among inputs of the same size and kind."""

    rows: Mapping[str, Row]
    given: Mapping[str, Source] | None
    by_shape: Mapping[tuple[Any, ...], tuple[Source, ...]]

    @classmethod
    def of(cls, request: Request, rows: Mapping[str, Row] | None) -> _Finder:
        found = list(discover(request.against)) if request.against is not None else None
        given = {source.relative: source for source in found} if found is not None else None
        return cls(rows or {}, given, _by_shape(found) if found and rows is None else {})

    def named(self, ref: str) -> Source | None:
        """Return the input the ledger names, if it is still there and as it was."""
        row = self.rows.get(ref)
        if row is None:
            return None
        if self.given is not None:
            return self.given.get(row.relative)
        there = Path(row.path)
        if not there.is_file() or there.stat().st_mtime_ns != row.modified:
            return None
        return Source(there, row.relative, row.member, row.size, row.modified)

    def alike(self, entry: Entry) -> tuple[Source, ...]:
        """Return the inputs that could be those of an entry."""
        return self.by_shape.get(tuple(entry.get(k) for k in ("rows", "columns", "frames", "syntax_in")), ())


def _by_shape(sources: Iterable[Source]) -> dict[tuple[Any, ...], tuple[Source, ...]]:
    found: dict[tuple[Any, ...], tuple[Source, ...]] = {}
    for source in sources:
        try:
            instance = open_instance(source.read(1 << 32))
        except (Refusal, OSError):
            continue
        shape = instance.pixels.shape if instance.pixels is not None else (None, None)
        key = (*shape, instance.frames, instance.transfer_syntax.uid)
        found[key] = (*found.get(key, ()), source)
    return found

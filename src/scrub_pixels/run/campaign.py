"""Many Instances: discover, hand out, account, report; resumable at any moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from scrub_pixels.errors import UsageError
from scrub_pixels.policy import Policy, to_table
from scrub_pixels.run.discovery import Source, discover
from scrub_pixels.run.executors import Casualty, Executor, ProcessExecutor, SerialExecutor
from scrub_pixels.run.work import Layout, Orders, Task, work
from scrub_pixels.store.accounts import Account, Outcome
from scrub_pixels.store.atomic import OutFolder, open_out, was_written_here
from scrub_pixels.store.books import Books, open_books
from scrub_pixels.store.ledger import Row, Totals
from scrub_pixels.store.report import write_report
from scrub_pixels.store.workspace import Workspace, default_workspace, open_workspace

WORTH_ANOTHER_TRY = frozenset({"crashed", "time-limit", "internal-error", "unreadable"})
"""Reasons that may lie in the machine or the moment: --resume tries these inputs again."""

Watcher = Callable[[Account], None]
"""Told of every account as it is settled; it may not fail the run."""


@dataclass(frozen=True)
class Campaign:
    """What one run is asked to do.

    Parameters
    ----------
    source
        IN: a file or a folder.
    out
        OUT: the folder for what is released.
    policy
        Everything that decides an outcome.
    workspace
        The private folder; by default ``OUT.workspace`` beside OUT.
    layout
        How files are named in OUT.
    jobs
        Worker processes; 0 works in this process.
    resume
        Go on with what an earlier run began.
    passphrase
        What the crosswalk in the workspace is encrypted with; empty leaves it plain.
    queue_url
        A PostgreSQL database for the review queue; None keeps it in the workspace.
    qa_sample
        Share of the released Instances, 0 to 1, drawn into the queue for quality control.
    """

    source: Path
    out: Path
    policy: Policy
    workspace: Path | None = None
    layout: Layout = Layout.NEW
    jobs: int = 0
    resume: bool = False
    passphrase: bytes = field(default=b"", repr=False)
    queue_url: str | None = field(default=None, repr=False)
    qa_sample: float = 0.0

    @property
    def private(self) -> Path:
        """The workspace that will be used."""
        return self.workspace or default_workspace(self.out)

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises
        ------
        UsageError
            If IN does not exist, IN and OUT lie in each other, or OUT holds files already (those of
            others, if this run resumes another).
        """
        source, out = Path(os.path.realpath(self.source)), Path(os.path.realpath(self.out))
        if not source.exists():
            raise UsageError("IN does not exist.", remedy="Check the path.")
        if source == out or source in out.parents:
            raise UsageError("OUT lies inside IN.", remedy="Choose an output folder outside of the input.")
        if out in source.parents:
            raise UsageError("IN lies inside OUT.", remedy="Choose an output folder outside of it.")
        if out.exists() and not out.is_dir():
            raise UsageError("OUT is not a folder.", remedy="Name a folder.")
        if not self.resume and out.is_dir() and any(out.iterdir()):
            raise UsageError("OUT is not empty.", remedy="Choose a new folder, or go on with --resume.")
        if self.resume and not was_written_here(out):
            # What no account explains is removed from OUT: never from a folder of someone else's.
            raise UsageError("OUT holds files, but was not written by scrub-pixels.",
                             remedy="Name the output folder of the earlier run.")


@dataclass(frozen=True)
class Result:
    """How a run ended.

    Parameters
    ----------
    totals
        How many inputs ended how; they sum up.
    skipped
        Inputs that an earlier run had settled under the same policy.
    report
        The report page in OUT.
    workspace
        The private folder.
    """

    totals: Totals
    skipped: int
    report: Path
    workspace: Path


def run(campaign: Campaign, watch: Watcher = lambda account: None) -> Result:
    """Scrub every input of a campaign.

    Raises
    ------
    UsageError, WorkspaceError
        If the folders cannot be used as asked.
    ScrubError
        If the run cannot go on (disk full, missing dependency). What was accounted for stays.
    """
    campaign.check()
    with ExitStack() as stack:
        workspace = open_workspace(campaign.private, outside=(campaign.source, campaign.out))
        stack.enter_context(workspace.locked())
        out = stack.enter_context(open_out(campaign.out))
        books = stack.enter_context(open_books(workspace, out.root, campaign.passphrase, campaign.queue_url))
        return _Run(campaign, workspace, out, books).go(watch)


def rehearse(campaign: Campaign, watch: Watcher = lambda account: None) -> None:
    """Do everything but write: no output, no workspace, no ledger."""
    campaign.check()
    orders = Orders(campaign.policy, os.urandom(32), None, campaign.layout)
    tasks = (Task(number, source, orders) for number, source in enumerate(discover(campaign.source)))
    for _, outcome in executor_for(campaign).run(work, tasks):
        watch(_settled(outcome))


def executor_for(campaign: Campaign) -> Executor:
    """Return the executor a campaign asks for."""
    if campaign.jobs == 0:
        return SerialExecutor()
    return ProcessExecutor(campaign.jobs, campaign.policy.seconds_per_instance)


def _settled(outcome: Account | Casualty) -> Account:
    if isinstance(outcome, Account):
        return outcome
    return Account(Outcome.REFUSED, code=outcome.code, stage="internal", message=outcome.message)


class _Run:
    """One run under way: its folders, its books and the count of what was done before."""

    def __init__(self, campaign: Campaign, workspace: Workspace, out: OutFolder, books: Books) -> None:
        self.campaign, self.workspace, self.out, self.books = campaign, workspace, out, books
        self.digest = campaign.policy.digest_under(workspace.key)
        self.skipped = 0
        self.standing: frozenset[str] = frozenset()

    def go(self, watch: Watcher) -> Result:
        runs = self.books.ledger.runs
        self._withdraw_what_no_longer_stands()
        self.standing = self._standing()
        number = runs.begin(self.campaign.source, self.digest, to_table(self.campaign.policy))
        outcomes = executor_for(self.campaign).run(work, self._tasks(number))
        for task, outcome in outcomes:
            watch(self.books.settle(task.number, task.source, _settled(outcome), self.digest))
        if self.campaign.qa_sample:
            self.books.draw(self.campaign.qa_sample)
        runs.finish(number)
        self.books.commit()
        report = write_report(self.out, self.books.ledger)
        return Result(self.books.ledger.totals(), self.skipped, report, self.workspace.root)

    def _tasks(self, run_number: int) -> Iterator[Task]:
        orders = Orders(self.campaign.policy, self.workspace.secret, self.out, self.campaign.layout)
        for source in discover(self.campaign.source):
            if self.campaign.resume and self._done_before(source):
                self.skipped += 1
                continue
            yield Task(self.books.ledger.begin(run_number, source), source, orders)

    def _withdraw_what_no_longer_stands(self) -> None:
        """Remove from OUT what an older policy released, and what a crash left without an account."""
        ledger = self.books.ledger
        stale = [row.output for row in ledger.stale(self.digest)]
        for output in [*stale, *ledger.unaccounted(self.out.files())]:
            self.out.withdraw(output)

    def _standing(self) -> frozenset[str]:
        """Return the digests of what stands in OUT for inputs that are as they were.

        What stands for an input that has changed is withdrawn now, before any copy of what that
        input was comes up: a copy must not rely on it.
        """
        if not self.campaign.resume:
            return frozenset()
        digests = set()
        for row in list(self.books.ledger.rows([Outcome.RELEASED])):
            if row.output and is_as_it_was(row):
                digests.add(row.facts.get("sha256", "") if self._stands(row) else "")
            elif row.output:
                self.out.withdraw(row.output)
                self.books.ledger.reopen(row.id)
        return frozenset(digests)

    def _stands(self, row: Row) -> bool:
        """Tell whether the output of a settled input, or of the one it is a copy of, is still there."""
        if row.code == "duplicate":
            return row.facts.get("sha256") in self.standing
        file = self.out.root / row.output
        return not row.output or (file.is_file() and file.stat().st_size == row.facts.get("bytes"))

    def _done_before(self, source: Source) -> bool:
        """Tell whether this input is settled; what was released of an older version of it is withdrawn."""
        ledger = self.books.ledger
        if self.books.rejected(source):
            return True
        row = ledger.done(source, self.digest)
        if row and row.code not in WORTH_ANOTHER_TRY and self._stands(row):
            return True
        stale = ledger.find(source)
        if stale and stale.output:
            self.out.withdraw(stale.output)
        return False


def is_as_it_was(row: Row) -> bool:
    """Tell whether an input is what it was when it was settled, or is no longer there to tell."""
    try:
        status = os.stat(row.path)
    except OSError:
        return True
    return status.st_mtime_ns == row.modified and (row.member is not None or status.st_size == row.size)

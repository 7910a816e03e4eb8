"""Many Instances: discover, hand out, account, report; resumable at any moment."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from scrub_pixels import __version__
from scrub_pixels.errors import ScrubError, UsageError
from scrub_pixels.policy import Policy, to_table
from scrub_pixels.run.cluster import SECONDS_WITHOUT_WORKERS, dask_cluster
from scrub_pixels.run.discovery import Source, discover
from scrub_pixels.run.executors import Casualty, ClusterExecutor, Executor, ProcessExecutor, SerialExecutor
from scrub_pixels.run.feed import APART, SIBLINGS, Feed, Grouping
from scrub_pixels.run.limits import Cost
from scrub_pixels.run.names import ChosenNames, choose_names
from scrub_pixels.run.observing import log
from scrub_pixels.run.past import Past, exists, source_of
from scrub_pixels.run.series import by_series
from scrub_pixels.run.stopping import Stop, stop_on_signals
from scrub_pixels.run.twins import misplaced
from scrub_pixels.run.where import check_places
from scrub_pixels.run.work import Layout, Orders, Task, Unit, is_divisible, work_together
from scrub_pixels.store.accounts import Account, Outcome
from scrub_pixels.store.atomic import Output, open_out
from scrub_pixels.store.books import Books, open_books
from scrub_pixels.store.layout import KEEP_UNKNOWN
from scrub_pixels.store.learned import Learned, of_run, taught
from scrub_pixels.store.ledger import Row, Totals
from scrub_pixels.store.objects import open_prefix
from scrub_pixels.store.report import write_report
from scrub_pixels.store.standing import keep_policy
from scrub_pixels.store.workspace import Workspace, default_workspace, open_workspace

Watcher = Callable[[Account], None]
"""Told of every account as it is settled; it may not fail the run."""


@dataclass(frozen=True)
class Campaign:
    """What one run is asked to do.

    Parameters
    ----------
    source
        IN: a file or a folder, or a URL that fsspec can read.
    out
        OUT: the folder for what is released, or a URL that fsspec can write.
    policy
        Everything that decides an outcome.
    workspace
        The private folder; by default ``OUT.workspace`` beside OUT.
    layout
        How files are named in OUT.
    jobs
        Worker processes; 0 works in this process.
    scheduler
        Address of a Dask scheduler whose workers do the work instead; empty for none.
    worker_wait
        Seconds that cluster may be without workers before the run gives up, for a later one to resume.
    memory
        Bytes one Instance may need beyond what a worker needs anyway; 0 is without a limit.
    resume
        Go on with what an earlier run began.
    passphrase
        What the crosswalk in the workspace is encrypted with; empty leaves it plain.
    queue_url
        A PostgreSQL database for the review queue; None keeps it in the workspace.
    qa_sample
        Share of the released Instances, 0 to 1, drawn into the queue for quality control.
    learned
        File of what reviews have taught; empty for none, None for what was learned in the workspace.
    chosen
        Which inputs this run is about, by a catalog; None for all. The others are no part of it.
    """

    source: Path | str
    out: Path | str
    policy: Policy
    workspace: Path | None = None
    layout: Layout = Layout.NEW
    jobs: int = 0
    resume: bool = False
    passphrase: bytes = field(default=b"", repr=False)
    queue_url: str | None = field(default=None, repr=False)
    qa_sample: float = 0.0
    learned: str | None = None
    scheduler: str = ""
    memory: int = 0
    worker_wait: float = SECONDS_WITHOUT_WORKERS
    chosen: Callable[[Source], bool] | None = field(default=None, repr=False)

    def inputs(self) -> Iterator[Source]:
        """Yield the inputs of this run, in a stable order."""
        return filter(self.chosen, discover(self.source)) if self.chosen else discover(self.source)

    @property
    def private(self) -> Path:
        """The workspace that will be used."""
        if self.workspace is None and isinstance(self.out, str):
            raise UsageError("OUT is a URL, and the workspace is a private folder of this machine.",
                             remedy="Name one with --workspace.")
        return self.workspace or default_workspace(Path(self.out))

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises
        ------
        UsageError
            If IN does not exist, IN and OUT lie in each other, or OUT holds files already (those of
            others, if this run resumes another).
        """
        check_places(self.source, self.out, self.resume)


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
        folders = [place for place in (campaign.source, campaign.out) if isinstance(place, Path)]
        workspace = open_workspace(campaign.private, outside=tuple(folders))
        stack.enter_context(workspace.locked())
        out = _opened(campaign.out, stack)
        target = out.root if isinstance(campaign.out, Path) else campaign.out.rstrip("/")
        books = stack.enter_context(open_books(workspace, target, campaign.passphrase, campaign.queue_url))
        _check_layout(campaign, books)
        campaign = replace(campaign, policy=taught(campaign.policy, _learned(campaign, workspace, books)))
        return _Run(campaign, workspace, out, books).go(watch)


def _opened(out: Path | str, stack: ExitStack) -> Output:
    if isinstance(out, str):
        return stack.enter_context(open_prefix(out))
    return stack.enter_context(open_out(out))


def _learned(campaign: Campaign, workspace: Workspace, books: Books) -> Path | None:
    """Return what reviews have taught; a run that goes on stays with what it began with."""
    if campaign.learned is not None:
        return Path(campaign.learned) if campaign.learned else None
    if campaign.resume and books.ledger.runs.layout():
        return of_run(books.ledger.runs.last(), workspace)
    return Learned(workspace).current()


def _check_layout(campaign: Campaign, books: Books) -> None:
    """Refuse to go on with an OUT whose files are named the other way."""
    before = books.ledger.runs.layout()
    if campaign.resume and before and before != campaign.layout.value:
        option = "--layout keep --unknown-names keep" if before == KEEP_UNKNOWN else f"--layout {before}"
        raise UsageError(f"OUT was written with {option}.",
                         remedy=f"Go on with {option}, or name a new output folder.")


def rehearse(campaign: Campaign, watch: Watcher = lambda account: None) -> None:
    """Do everything but write: no output, no workspace, no ledger."""
    campaign.check()
    orders = Orders(campaign.policy, os.urandom(32), None, campaign.layout, cost=_cost(campaign))
    numbers = itertools.count()
    feed = Feed((Task(next(numbers), source, orders, group=group)
                 for group, siblings in _groups(campaign) for source in siblings), _grouping(campaign.policy))
    with stop_on_signals() as stop:
        for unit, outcome in executor_for(campaign).run(work_together, feed, stop):
            if _is_to_be_split(unit, outcome):
                feed.again(unit)
                continue
            for task, account in zip(unit.tasks, _accounts(unit, outcome), strict=True):
                watch(replace(account, ref=task.number))
    if stop.asked:
        raise KeyboardInterrupt


def _groups(campaign: Campaign) -> Iterator[tuple[int, list[Source]]]:
    """Yield the inputs in the groups that are worked on together, numbered; one by one under number 0."""
    if campaign.policy.header_only:
        yield from ((0, [source]) for source in campaign.inputs())
    else:
        yield from enumerate(by_series(campaign.inputs()), start=1)


def _grouping(policy: Policy) -> Grouping:
    """Return what makes a unit: Instances that can teach each other, or as many as are worth it."""
    return APART if policy.header_only else SIBLINGS


def executor_for(campaign: Campaign) -> Executor:
    """Return the executor a campaign asks for."""
    if campaign.scheduler:
        return ClusterExecutor(partial(dask_cluster, campaign.scheduler, campaign.worker_wait), is_divisible)
    return ProcessExecutor(campaign.jobs) if campaign.jobs else SerialExecutor()


def _cost(campaign: Campaign) -> Cost:
    """Return the limits of one Instance; a run in one process cannot stop itself in time."""
    sheltered = campaign.jobs > 0 or bool(campaign.scheduler)
    return Cost(campaign.policy.seconds_per_instance if sheltered else 0.0, campaign.memory)


def _is_to_be_split(unit: Unit, outcome: tuple[Account, ...] | Casualty) -> bool:
    """Tell whether one of several inputs cost the worker: each then goes alone, so that it costs one."""
    return isinstance(outcome, Casualty) and is_divisible(unit)


def _accounts(unit: Unit, outcome: tuple[Account, ...] | Casualty) -> tuple[Account, ...]:
    if isinstance(outcome, Casualty):
        return (Account(Outcome.REFUSED, code=outcome.code, stage="internal", message=outcome.message),)
    return outcome


class _Run:
    """One run under way: its folders, its books and the count of what was done before."""

    def __init__(self, campaign: Campaign, workspace: Workspace, out: Output, books: Books) -> None:
        self.campaign, self.workspace, self.out, self.books = campaign, workspace, out, books
        self.digest = campaign.policy.digest_under(workspace.key)
        self.orders = Orders(campaign.policy, workspace.secret, out, campaign.layout, cost=_cost(campaign))
        self.executor = executor_for(campaign)
        self.skipped = self.number = 0
        self.past = Past(campaign.resume, out, books, self.digest)

    def go(self, watch: Watcher) -> Result:
        ledger = self.books.ledger
        self.past.settle()
        keep_policy(self.workspace, self.campaign.policy)
        self.number = ledger.runs.begin(self.campaign.source, self.digest, to_table(self.campaign.policy),
                                        self.campaign.layout.value)
        log("run-started", run=self.number, policy=self.digest, jobs=self.campaign.jobs,
            cluster=bool(self.campaign.scheduler), resume=self.campaign.resume, version=__version__)
        with stop_on_signals() as stop:
            self._work_off(Feed(self._tasks(), _grouping(self.campaign.policy)), watch, stop)
            if not stop.asked:
                self._put_twins_in_order(watch, stop)
        if stop.asked:
            log("run-interrupted", logging.WARNING, run=self.number)
            raise KeyboardInterrupt
        self.past.close(self.number)
        ledger.runs.finish(self.number)
        self.books.commit()
        if self.campaign.qa_sample:
            self.books.draw(self.campaign.qa_sample)
        report = write_report(self.out, ledger)
        log("run-finished", run=self.number, skipped=self.skipped, **asdict(ledger.totals()))
        return Result(ledger.totals(), self.skipped, report, self.workspace.root)

    def _work_off(self, feed: Feed, watch: Watcher, stop: Stop) -> None:
        for unit, outcome in self.executor.run(work_together, feed, stop):
            if stop.asked and isinstance(outcome, Casualty):
                continue  # the signal may have gone to the workers too: it says nothing of the input
            if isinstance(outcome, Casualty):
                log("worker-lost", logging.WARNING, code=outcome.code, inputs=len(unit.tasks))
            if _is_to_be_split(unit, outcome):
                feed.again(unit)
                continue
            for task, account in zip(unit.tasks, _accounts(unit, outcome), strict=True):
                self._settle(task, account, watch)
                feed.pace.learn(account.seconds)

    def _settle(self, task: Task, account: Account, watch: Watcher) -> None:
        if account.code == "unreadable" and not exists(self.campaign.source):
            raise ScrubError("IN vanished during the run.",
                             remedy="Bring it back and start again with --resume.")
        watch(self.books.settle(task.number, task.source, account, self.digest))

    def _tasks(self) -> Iterator[Task]:
        names = self._names()
        for group, siblings in _groups(self.campaign):
            named = [(source, names.name_for(source) if names else "") for source in siblings]
            done = [self.campaign.resume and self._done_before(source, name) for source, name in named]
            self.skipped += sum(done)
            for (source, name), settled in zip(named, done, strict=True):
                if not settled:
                    number = self.books.ledger.begin(self.number, source)
                    yield Task(number, source, self.orders, name, group)
                elif group and not all(done):
                    yield Task(0, source, self.orders, name, group, settled=True)
        if names:
            names.tell()

    def _names(self) -> ChosenNames | None:
        if self.campaign.layout is Layout.NEW:
            return None
        return choose_names(self.campaign.inputs(), self.orders, self.executor)

    def _done_before(self, source: Source, name: str) -> bool:
        return self.books.rejected(source) or self.past.stands_for(source, name)

    def _put_twins_in_order(self, watch: Watcher, stop: Stop) -> None:
        """Do again, in one worker and in order, what got its name in OUT by chance of timing."""
        for rows in list(misplaced(self.books.ledger, self.workspace.secret)):
            for row in rows:
                if row.output:
                    self.out.withdraw(row.output)
                self.books.ledger.reopen(row.id)
            self.books.commit()
            self._work_off(Feed(iter(self._with_siblings(rows)), Grouping(whole=True)), watch, stop)

    def _with_siblings(self, rows: Sequence[Row]) -> list[Task]:
        """Return inputs to be done again, in order, and the siblings that have to teach them again."""
        wanted = {(row.relative, row.member) for row in rows}
        groups: dict[tuple[str, int | None], int] = {}
        teachers: list[Task] = []
        for group, siblings in _groups(self.campaign):
            names = {(source.relative, source.member): source for source in siblings}
            if group and names.keys() & wanted:
                groups |= dict.fromkeys(names, group)
                teachers += [Task(0, source, self.orders, group=group, settled=True)
                             for name, source in names.items() if name not in wanted]
        again = [Task(self.books.ledger.begin(self.number, source_of(row)), source_of(row), self.orders,
                      group=groups.get((row.relative, row.member), 0)) for row in rows]
        return [*again, *teachers]

"""From the spool through the pipeline into OUT, with the ledger and queue of the command.

Work goes on in *shifts*: a shift holds the workspace's lock and OUT as a run of the command does,
and ends when nothing waits, or after a while, so that a review site or a run on the same workspace
gets its turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from scrub_pixels.errors import MissingDependency, ScrubError, UsageError, WorkspaceError
from scrub_pixels.gateway.journal import Ending, Journal, Stage
from scrub_pixels.gateway.reception import Reception
from scrub_pixels.gateway.settings import GatewaySettings
from scrub_pixels.gateway.spool import Spool
from scrub_pixels.gateway.workshop import Done, Workshop
from scrub_pixels.policy import to_table
from scrub_pixels.run.discovery import Source
from scrub_pixels.run.executors import Casualty
from scrub_pixels.run.past import WORTH_ANOTHER_TRY
from scrub_pixels.run.work import Layout, Orders, Task, Unit
from scrub_pixels.store.accounts import Account, Outcome
from scrub_pixels.store.atomic import OutFolder, Output, open_out, was_written_here
from scrub_pixels.store.books import Books, open_books
from scrub_pixels.store.ledger import Ledger
from scrub_pixels.store.report import write_report
from scrub_pixels.store.standing import keep_policy
from scrub_pixels.store.workspace import Workspace

SHIFT = 10.0
"""Seconds after which a shift takes nothing new."""

BREATH = 0.2
"""Seconds between two shifts, in which others may take the lock."""

LINGER = 0.3
"""Seconds a shift waits for more before it ends: opening one costs about as much as an instance."""

PATIENCE = 5.0
"""Seconds to wait after the disk did not take what it was given."""

LARGEST_UNIT, UNIT_SECONDS = 16, 0.5


@dataclass
class Tally:
    """Counts since the gateway was started, for the metrics."""

    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    seconds: float = 0.0
    masked: int = 0

    def add(self, account: Account) -> None:
        """Count one account."""
        self.outcomes[account.outcome] += 1
        self.seconds += account.seconds
        self.masked += int(account.facts.get("frames_masked", 0))

    @property
    def unit_size(self) -> int:
        """How many instances share a unit and its syncs: so many as take about half a second."""
        count = sum(self.outcomes.values())
        return max(1, min(LARGEST_UNIT, int(UNIT_SECONDS * count / self.seconds))) if self.seconds else 1


class Scrubbing:
    """Takes instances from the spool and settles them; one thread of its own.

    Parameters
    ----------
    settings, workspace
        What is asked for, and the private folder.
    reception
        Where instances come from.
    released
        Called when something was released.
    """

    def __init__(self, settings: GatewaySettings, workspace: Workspace, reception: Reception,
                 released: Callable[[], None]) -> None:
        self._settings, self._workspace, self._reception = settings, workspace, reception
        self._journal: Journal = reception.journal
        self._spool: Spool = reception.spool
        self._released = released
        self._workshop = Workshop(settings.jobs, settings.policy.seconds_per_instance)
        self._policy = settings.policy.digest_under(workspace.key)
        self._releases = Releases(settings, workspace, reception)
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="gateway-scrubbing", daemon=True)
        self._run = 0
        self.tally, self.trouble = Tally(), ""
        self.failure: ScrubError | None = None

    def prepare(self) -> list[str]:
        """Bring OUT and the books in order after a crash; return the files in an outbox.

        Raises
        ------
        UsageError
            If OUT holds files that are not of this package.
        WorkspaceError
            If the workspace or OUT is in use, or cannot be used.
        """
        if not was_written_here(self._settings.out):
            raise UsageError("OUT holds files, but was not written by scrub-pixels.",
                             remedy="Name a new folder, or the one of an earlier gateway.")
        self._journal.reopen(self._policy, WORTH_ANOTHER_TRY)
        self._reception.recount()
        with ExitStack() as stack:
            out, books = self._open(stack)
            keep_policy(self._workspace, self._settings.policy)
            self._run = books.ledger.runs.begin(self._spool.folder, self._policy,
                                                to_table(self._settings.policy), Layout.NEW.value)
            return list(out.files()) if self._settings.forwards else []

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """Tell that something has come."""
        self._wake.set()

    def stop(self) -> None:
        """Finish what is in work, and stop."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()
        self._workshop.close()
        with suppress(WorkspaceError), ExitStack() as stack:
            out, books = self._open(stack)
            books.ledger.runs.finish(self._run)
            if not self._settings.forwards:
                write_report(out, books.ledger)

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._settings.poll)
            self._wake.clear()
            while not self._stopping.is_set() and (self._journal.waiting(1) or self._releases.may_be()):
                self._stopping.wait(self._try_shift())

    def _try_shift(self) -> float:
        """Work one shift; return the seconds to wait before the next."""
        try:
            with ExitStack() as stack:
                out, books = self._open(stack)
                if self._releases.collect(books.ledger):
                    self._released()
                orders = Orders(self._settings.policy, self._workspace.secret, out, cost=self._workshop.cost)
                _Shift(self, books, orders).work(self._stopping)
            self._releases.looked()
            self.trouble = ""
            return BREATH
        except MissingDependency as error:
            self.failure = error
            self._stopping.set()
            return 0.0
        except WorkspaceError:
            self.trouble = "workspace-in-use"
            return BREATH
        except Exception as error:  # noqa: BLE001 - a thread that ends would stop all scrubbing
            self.trouble = type(error).__name__
            return PATIENCE

    def _open(self, stack: ExitStack) -> tuple[OutFolder, Books]:
        """Take workspace and OUT, and withdraw what a crash left in OUT without an account."""
        stack.enter_context(self._workspace.locked())
        out = stack.enter_context(open_out(self._settings.out))
        books = stack.enter_context(open_books(self._workspace, out.root, self._settings.passphrase))
        if journaled := out.journaled():
            for output in books.ledger.unaccounted(journaled):
                out.withdraw(output)
        return out, books

    # -- what a shift needs

    def take(self, most: int, without: set[str]) -> list[str]:
        """Return tokens to begin, leaving out those in work."""
        return [token for token in self._journal.waiting(most + len(without)) if token not in without][:most]

    def settled(self, settled: list[tuple[Ending, Account]]) -> None:
        """Enter what a shift has settled and committed; then the originals may go."""
        self._journal.settle((ending for ending, _ in settled), self._policy)
        self._reception.worked_off(len(settled))
        for ending, account in settled:
            self.tally.add(account)
            if ending.stage in (Stage.DUE, Stage.DONE):
                self._spool.drop(ending.token)
        if any(ending.stage is Stage.DUE for ending, _ in settled):
            self._released()

    def ending(self, token: str, worked: Account, settled: Account, out: Output | None) -> Ending:
        """Return where an instance stands.

        The ledger takes what has the name of an older output for a copy. In an outbox that older
        file may be gone; what differs from it goes on its way, and a true copy does not go twice.
        """
        if settled.outcome is not Outcome.RELEASED:
            stage = Stage.HELD if settled.outcome is Outcome.HELD else Stage.REFUSED
            return Ending(token, stage, settled.code)
        output, digest = worked.output, str(worked.facts.get("sha256", ""))
        if not self._settings.forwards:
            return Ending(token, Stage.DONE, settled.code, settled.output, digest)
        if not self._journal.on_its_way(output, digest):
            return Ending(token, Stage.DUE, settled.code, output, digest)
        if out and not self._journal.sharing(output):
            out.withdraw(output)
        return Ending(token, Stage.DONE, settled.code, output, digest)

    @property
    def workshop(self) -> Workshop:
        """The hands."""
        return self._workshop

    def path(self, token: str) -> Path:
        """Return where a spooled instance lies."""
        return self._spool.path(token)

    def linger(self) -> None:
        """Wait a little for more to come."""
        self._wake.wait(LINGER)

    @property
    def run(self) -> int:
        """The number of this run in the ledger."""
        return self._run

    @property
    def policy_digest(self) -> str:
        """The digest of the policy in force."""
        return self._policy


class _Shift:
    """One shift: what is in work, and the books it is entered into."""

    def __init__(self, scrubbing: Scrubbing, books: Books, orders: Orders) -> None:
        self._scrubbing, self._books, self._orders = scrubbing, books, orders
        self._in_work: dict[int, str] = {}
        self._units = 0
        self._until = time.monotonic() + SHIFT

    def work(self, stopping: threading.Event) -> None:
        """Work until nothing waits, the shift is over, or the gateway stops; finish what was begun."""
        while True:
            if not stopping.is_set() and time.monotonic() < self._until:
                self._take_more()
            if not self._in_work:
                return
            self._settle(self._scrubbing.workshop.finished(timeout=1.0))

    def _take_more(self) -> None:
        room = self._scrubbing.workshop.room - self._units
        if room <= 0:
            return
        size = self._scrubbing.tally.unit_size
        tokens = self._scrubbing.take(room * size, set(self._in_work.values()))
        if not tokens and not self._in_work:
            self._scrubbing.linger()
            tokens = self._scrubbing.take(room * size, set())
        size = min(size, -(-len(tokens) // room))
        for start in range(0, len(tokens), size or 1):
            self._begin(tuple(self._task(token) for token in tokens[start : start + size]))

    def _task(self, token: str) -> Task:
        source = source_of(self._scrubbing.path(token))
        number = self._books.ledger.begin(self._scrubbing.run, source)
        self._in_work[number] = token
        return Task(number, source, self._orders)

    def _begin(self, tasks: tuple[Task, ...]) -> None:
        self._units += 1
        self._scrubbing.workshop.begin(Unit(tasks))

    def _settle(self, done: list[Done]) -> None:
        """Settle accounts, commit them, and only then let go of the originals."""
        settled: list[tuple[Ending, Account]] = []
        failures: list[ScrubError] = []
        for unit, outcome in done:
            self._units -= 1
            if isinstance(outcome, ScrubError):
                failures.append(outcome)
                self._let_go(unit)
            elif isinstance(outcome, Casualty) and len(unit.tasks) > 1:
                # Each goes alone, so that what cost the worker costs one.
                for task in unit.tasks:
                    self._begin((task,))
            else:
                settled += self._enter(unit, outcome)
        if settled:
            self._books.commit()
            self._scrubbing.settled(settled)
        if failures:
            raise failures[0]

    def _enter(self, unit: Unit, outcome: tuple[Account, ...] | Casualty) -> Iterator[tuple[Ending, Account]]:
        for task, worked in zip(unit.tasks, _accounts(outcome), strict=True):
            token = self._in_work.pop(task.number)
            account = self._books.settle(task.number, task.source, worked, self._scrubbing.policy_digest)
            yield self._scrubbing.ending(token, worked, account, self._orders.out), account

    def _let_go(self, unit: Unit) -> None:
        for task in unit.tasks:
            del self._in_work[task.number]


def _accounts(outcome: tuple[Account, ...] | Casualty) -> tuple[Account, ...]:
    if isinstance(outcome, Casualty):
        return (Account(Outcome.REFUSED, code=outcome.code, stage="internal", message=outcome.message),)
    return outcome


def source_of(path: Path) -> Source:
    """Return a file of the spool as an input of the ledger."""
    try:
        status = path.stat()
    except OSError:
        return Source(path, path.name)
    return Source(path, path.name, None, status.st_size, status.st_mtime_ns)


class Releases:
    """Finds held instances that a person has released in the meantime; called within a shift only.

    Parameters
    ----------
    settings, workspace, reception
        As for `Scrubbing`.
    """

    def __init__(self, settings: GatewaySettings, workspace: Workspace, reception: Reception) -> None:
        self._settings, self._workspace, self._reception = settings, workspace, reception
        self._seen = -1

    def may_be(self) -> bool:
        """Tell whether something is held, and the ledger was written since the last look."""
        return self._newest() != self._seen and bool(self._reception.journal.held(most=1))

    def collect(self, ledger: Ledger) -> bool:
        """Let what was released in review go on its way; True if there was any."""
        endings = list(self._released(ledger)) if self.may_be() else []
        if endings:
            digest = self._settings.policy.digest_under(self._workspace.key)
            self._reception.journal.settle(endings, digest)
        for ending in endings:
            self._reception.spool.drop(ending.token)
        return bool(endings)

    def looked(self) -> None:
        """Remember the ledger as it is now: what this shift wrote is no news."""
        self._seen = self._newest()

    def _released(self, ledger: Ledger) -> Iterator[Ending]:
        stage, after = (Stage.DUE if self._settings.forwards else Stage.DONE), ""
        while tokens := self._reception.journal.held(after):
            for token in tokens:
                row = ledger.find(source_of(self._reception.spool.path(token)))
                if row and row.outcome is Outcome.RELEASED and row.output:
                    yield Ending(token, stage, row.code, row.output, str(row.facts.get("sha256", "")))
            after = tokens[-1]

    def _newest(self) -> int:
        file = self._workspace.ledger_file
        files = (file, file.with_name(file.name + "-wal"))
        return max((each.stat().st_mtime_ns for each in files if each.exists()), default=-1)

"""From the spool through the pipeline into OUT, with the ledger and queue of the command.

Work goes on in *shifts*: a shift holds the workspace's lock and OUT as a run of the command does,
and ends when nothing waits, or after a while, so that a review site or a run on the same workspace
gets its turn.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress

from scrub_pixels.errors import MissingDependency, ScrubError, UsageError, WorkspaceError
from scrub_pixels.gateway.endings import Endings, Tally
from scrub_pixels.gateway.reception import Reception
from scrub_pixels.gateway.releases import Releases
from scrub_pixels.gateway.settings import GatewaySettings
from scrub_pixels.gateway.shift import Desk, Shift
from scrub_pixels.gateway.waiting import WaitingRoom
from scrub_pixels.gateway.worker import Worker
from scrub_pixels.gateway.workshop import Workshop
from scrub_pixels.policy import to_table
from scrub_pixels.run.past import WORTH_ANOTHER_TRY
from scrub_pixels.run.work import Layout, Orders
from scrub_pixels.store.atomic import OutFolder, open_out, was_written_here
from scrub_pixels.store.books import Books, open_books
from scrub_pixels.store.report import write_report
from scrub_pixels.store.standing import keep_policy
from scrub_pixels.store.workspace import Workspace

BREATH = 0.2
"""Seconds between two shifts, in which others may take the lock."""

PATIENCE = 5.0
"""Seconds to wait after the disk did not take what it was given."""


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
        self._released = released
        self._workshop = Workshop(settings.jobs, settings.policy.seconds_per_instance)
        self._policy = settings.policy.digest_under(workspace.key)
        self._releases = Releases(settings, workspace, reception)
        self._endings = Endings(reception, settings.forwards, released)
        self._waiting = WaitingRoom(reception.journal, reception.spool, not settings.policy.header_only,
                                    settings.stable)
        self._worker = Worker("gateway-scrubbing", self._round)
        self._run = 0
        self.failure: ScrubError | None = None

    @property
    def trouble(self) -> str:
        """Why nothing could be done in the last round; empty if it could."""
        return self._worker.trouble

    @property
    def tally(self) -> Tally:
        """What was done since the start."""
        return self._endings.tally

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
        self._reception.journal.reopen(self._policy, WORTH_ANOTHER_TRY)
        self._reception.recount()
        with ExitStack() as stack:
            out, books = self._open(stack)
            keep_policy(self._workspace, self._settings.policy)
            self._run = books.ledger.runs.begin(self._reception.spool.folder, self._policy,
                                                to_table(self._settings.policy), Layout.NEW.value)
            return list(out.files()) if self._settings.forwards else []

    def start(self) -> None:
        """Begin to work."""
        self._worker.start()

    def wake(self) -> None:
        """Tell that something has come."""
        self._worker.wake()

    def stop(self) -> None:
        """Finish what is in work, and stop."""
        self._worker.stop()
        self._workshop.close()
        with suppress(WorkspaceError), ExitStack() as stack:
            out, books = self._open(stack)
            books.ledger.runs.finish(self._run)
            if not self._settings.forwards:
                write_report(out, books.ledger)

    def _round(self) -> float:
        while not self._worker.stopping and (self._waiting.any() or self._releases.may_be()):
            self._worker.pause(self._try_shift())
        return self._settings.look

    def _try_shift(self) -> float:
        """Work one shift; return the seconds to wait before the next."""
        try:
            self._shift()
            self._worker.trouble = ""
            return BREATH
        except MissingDependency as error:
            self.failure = error
            self._worker.quit()
            return 0.0
        except WorkspaceError:
            self._worker.trouble = "workspace-in-use"
            return BREATH
        except Exception as error:  # noqa: BLE001 - whatever a shift meets, the next one may not
            self._worker.trouble = type(error).__name__
            return PATIENCE

    def _shift(self) -> None:
        with ExitStack() as stack:
            out, books = self._open(stack)
            if self._releases.collect(books.ledger):
                self._released()
            orders = Orders(self._settings.policy, self._workspace.secret, out, cost=self._workshop.cost)
            desk = Desk(self._waiting, self._workshop, self._endings, self._run, self._policy)
            Shift(desk, books, orders).work(self._worker)
        self._releases.looked()

    def _open(self, stack: ExitStack) -> tuple[OutFolder, Books]:
        """Take workspace and OUT, and withdraw what a crash left in OUT without an account."""
        stack.enter_context(self._workspace.locked())
        out = stack.enter_context(open_out(self._settings.out))
        books = stack.enter_context(open_books(self._workspace, out.root, self._settings.passphrase))
        if journaled := out.journaled():
            for output in books.ledger.unaccounted(journaled):
                out.withdraw(output)
        return out, books

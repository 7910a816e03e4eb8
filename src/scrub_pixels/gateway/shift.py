"""One shift: instances that wait are given out in units, and their accounts are entered into the books."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from scrub_pixels.errors import ScrubError
from scrub_pixels.gateway.endings import Endings
from scrub_pixels.gateway.journal import Ending
from scrub_pixels.gateway.releases import source_of
from scrub_pixels.gateway.waiting import WaitingRoom
from scrub_pixels.gateway.worker import Worker
from scrub_pixels.gateway.workshop import Done, Workshop
from scrub_pixels.run.executors import Casualty
from scrub_pixels.run.work import Orders, Task, Unit
from scrub_pixels.store.accounts import Account, Outcome
from scrub_pixels.store.books import Books

SHIFT = 10.0
"""Seconds after which a shift takes nothing new."""

LINGER = 0.3
"""Seconds a shift waits for more before it ends: opening one costs about as much as an instance."""

ANSWER = 1.0
"""Seconds a shift waits for the workshop before it looks around."""

GATHER = 0.15
"""Seconds between two units that are not full. Each costs a handful of syncs and commits, however many
instances share it: given out as they come, one by one, those would cost more than all the rest."""


@dataclass(frozen=True)
class Desk:
    """What every shift works with.

    Parameters
    ----------
    waiting
        What there is to do.
    workshop
        The hands.
    endings
        Where it ends.
    run
        The number of this run in the ledger.
    policy
        The digest of the policy in force.
    """

    waiting: WaitingRoom
    workshop: Workshop
    endings: Endings
    run: int
    policy: str


class Shift:
    """What is in work, and the books it is entered into.

    Parameters
    ----------
    desk
        What every shift works with.
    books, orders
        Of this one.
    """

    def __init__(self, desk: Desk, books: Books, orders: Orders) -> None:
        self._desk, self._books, self._orders = desk, books, orders
        self._in_work: dict[int, str] = {}
        self._units = 0
        self._until = time.monotonic() + SHIFT
        self._last = 0.0

    def work(self, worker: Worker) -> None:
        """Work until nothing waits, the shift is over, or the gateway stops; finish what was begun."""
        while True:
            if not worker.stopping and time.monotonic() < self._until:
                self._take_more(worker)
            if not self._in_work:
                return
            self._settle(self._desk.workshop.finished(timeout=self._patience()))

    def _patience(self) -> float:
        """Return how long to wait for the workshop: idle hands get what has gathered meanwhile."""
        return ANSWER if self._idle <= 0 else self._gathering() or GATHER

    @property
    def _idle(self) -> int:
        return self._desk.workshop.hands - self._units

    def _gathering(self) -> float:
        """Return the seconds until a unit that is not full may be given out; 0 if it may be now."""
        return max(0.0, self._last + GATHER - time.monotonic())

    def _take_more(self, worker: Worker) -> None:
        if not self._in_work:
            worker.pause(self._gathering())
        if not self._give_out() and not self._in_work:
            worker.linger(LINGER)
            self._give_out()

    def _give_out(self) -> bool:
        """Begin what there is room for; True if there was anything."""
        idle = 0 if self._gathering() else self._idle
        units = self._desk.waiting.units(self._desk.workshop.room - self._units, idle,
                                         set(self._in_work.values()), self._desk.endings.tally.unit_size)
        for unit in units:
            self._begin(tuple(self._task(token, group) for token, group in unit))
        if units:
            self._last = time.monotonic()
        return bool(units)

    def _task(self, token: str, group: int) -> Task:
        source = source_of(self._desk.waiting.path(token))
        number = self._books.ledger.begin(self._desk.run, source)
        self._in_work[number] = token
        return Task(number, source, self._orders, group=group)

    def _begin(self, tasks: tuple[Task, ...]) -> None:
        self._units += 1
        self._desk.workshop.begin(Unit(tasks))

    def _settle(self, done: list[Done]) -> None:
        """Settle accounts, commit them, and only then let go of the originals."""
        settled: list[tuple[Ending, Account]] = []
        failures: list[ScrubError] = []
        for unit, outcome in filter(self._is_ours, done):
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
            self._desk.endings.enter(settled, self._desk.policy)
        if failures:
            raise failures[0]

    def _is_ours(self, done: Done) -> bool:
        """Tell whether this shift began a unit: what an earlier one did that failed does not count."""
        unit, _ = done
        return unit.orders.out == self._orders.out

    def _enter(self, unit: Unit, outcome: tuple[Account, ...] | Casualty) -> Iterator[tuple[Ending, Account]]:
        for task, worked in zip(unit.tasks, _accounts(outcome), strict=True):
            token = self._in_work.pop(task.number)
            account = self._books.settle(task.number, task.source, worked, self._desk.policy)
            yield self._desk.endings.of(token, worked, account, self._orders.out), account

    def _let_go(self, unit: Unit) -> None:
        for task in unit.tasks:
            del self._in_work[task.number]


def _accounts(outcome: tuple[Account, ...] | Casualty) -> tuple[Account, ...]:
    if isinstance(outcome, Casualty):
        return (Account(Outcome.REFUSED, code=outcome.code, stage="internal", message=outcome.message),)
    return outcome

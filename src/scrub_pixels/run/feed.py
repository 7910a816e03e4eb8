"""Units of work: as many inputs at a time as keep hand-over cheap, of one series where that matters."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scrub_pixels.run.work import Task, Unit

SECONDS_PER_UNIT = 0.5
MOST_PER_UNIT = 64
LEAST_PER_UNIT, LAST_UNITS = 8, 4
"""At the end of a run a unit is this share of what is left, and has no fewer than these."""

BYTES_PER_UNIT = 64 << 20
"""A unit holds its de-identified files back until they are synced together."""

_SMOOTHING = 0.2


class Pace:
    """How long one input takes, learned from those that have ended.

    Parameters
    ----------
    seconds
        What it is taken to be before any has.
    """

    def __init__(self, seconds: float = SECONDS_PER_UNIT) -> None:
        self._seconds = seconds

    def learn(self, seconds: float) -> None:
        """Take one more duration into the running mean."""
        self._seconds += _SMOOTHING * (max(0.0, seconds) - self._seconds)

    def inputs(self) -> int:
        """Return how many inputs make a unit of about `SECONDS_PER_UNIT`."""
        return max(1, min(MOST_PER_UNIT, int(SECONDS_PER_UNIT / max(self._seconds, 1e-6))))


@dataclass(frozen=True)
class Grouping:
    """Which neighbours belong together.

    Parameters
    ----------
    key
        Inputs with equal keys that follow each other may be one unit.
    whole
        True if they must be one unit, however many they are.
    guess
        Seconds that one input is taken to need before any has ended.
    ahead
        How many inputs are looked at before they are handed out, to see the end coming.
    """

    key: Callable[[Task], int] = lambda task: 0
    whole: bool = False
    guess: float = SECONDS_PER_UNIT
    ahead: int = 1


APART = Grouping(guess=0.02, ahead=2 * MOST_PER_UNIT)
"""Instances that teach each other nothing, headers only: many to a unit, from the first unit on."""


SIBLINGS = Grouping(lambda task: task.group, whole=True)
"""One unit for the Instances of a Series."""


class Feed:
    """An iterator of units that can be given one back.

    Parameters
    ----------
    tasks
        The inputs, in order; asked for no more than are needed.
    grouping
        Which neighbours belong together.
    """

    def __init__(self, tasks: Iterator[Task], grouping: Grouping | None = None) -> None:
        self._tasks, self._grouping = tasks, grouping or Grouping()
        self._again: deque[Unit] = deque()
        self._ahead: deque[Task] = deque()
        self.pace = Pace(self._grouping.guess)

    def __iter__(self) -> Feed:
        return self

    def __next__(self) -> Unit:
        if self._again:
            return self._again.popleft()
        self._look_ahead()
        if not self._ahead:
            raise StopIteration
        together = list(self._neighbours())
        return Unit(tuple(task for task in together if not task.settled),
                    tuple(task for task in together if task.settled))

    def again(self, unit: Unit) -> None:
        """Hand out the inputs of a unit again, one by one: one of them cost the worker."""
        self._again.extend(Unit((task,)) for task in unit.tasks)

    def _look_ahead(self) -> None:
        for task in itertools.islice(self._tasks, max(0, self._grouping.ahead - len(self._ahead))):
            self._ahead.append(task)

    def _neighbours(self) -> Iterator[Task]:
        key, room, size = self._grouping.key(self._ahead[0]), self._room(), 0
        while self._ahead and self._grouping.key(self._ahead[0]) == key and (
            self._grouping.whole
            or room > 0 and (size == 0 or size + self._ahead[0].source.size <= BYTES_PER_UNIT)
        ):
            task = self._ahead.popleft()
            yield task
            room, size = room - 1, size + task.source.size
            self._look_ahead()

    def _room(self) -> int:
        """Return how many inputs make a unit: fewer and fewer at the end, for all workers to end together."""
        usual, left = self.pace.inputs(), len(self._ahead)
        return usual if left >= self._grouping.ahead else min(usual, max(LEAST_PER_UNIT, left // LAST_UNITS))

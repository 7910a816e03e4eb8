"""How the work on received instances ends: what the journal is told, and what may leave the spool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from scrub_pixels.gateway.journal import Ending, Stage
from scrub_pixels.gateway.reception import Reception
from scrub_pixels.store.accounts import Account, Outcome
from scrub_pixels.store.atomic import Output

LARGEST_UNIT, UNIT_SECONDS = 64, 0.5


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


class Endings:
    """Enters how instances ended; within a shift only.

    Parameters
    ----------
    reception
        Whose journal and spool they are in.
    forwards
        True if what is released goes on to a destination.
    released
        Called when something was released.
    """

    def __init__(self, reception: Reception, forwards: bool, released: Callable[[], None]) -> None:
        self._journal, self._reception = reception.journal, reception
        self._forwards, self._released = forwards, released
        self.tally = Tally()

    def of(self, token: str, worked: Account, settled: Account, out: Output | None) -> Ending:
        """Return where an instance stands.

        The ledger takes what has the name of an older output for a copy. In an outbox that older
        file may be gone; what differs from it goes on its way, and a true copy does not go twice.
        """
        if settled.outcome is not Outcome.RELEASED:
            stage = Stage.HELD if settled.outcome is Outcome.HELD else Stage.REFUSED
            return Ending(token, stage, settled.code)
        output, digest = worked.output, str(worked.facts.get("sha256", ""))
        if not self._forwards:
            return Ending(token, Stage.DONE, settled.code, settled.output, digest)
        if not self._journal.parcels.on_its_way(output, digest):
            return Ending(token, Stage.DUE, settled.code, output, digest)
        if out and not self._journal.parcels.sharing(output):
            out.withdraw(output)
        return Ending(token, Stage.DONE, settled.code, output, digest)

    def enter(self, settled: list[tuple[Ending, Account]], policy: str) -> None:
        """Enter what a shift has settled and committed; then the originals may go."""
        self._journal.settle((ending for ending, _ in settled), policy)
        self._reception.worked_off(len(settled))
        for ending, account in settled:
            self.tally.add(account)
            if ending.stage in (Stage.DUE, Stage.DONE):
                self._reception.spool.drop(ending.token)
        if any(ending.stage is Stage.DUE for ending, _ in settled):
            self._released()

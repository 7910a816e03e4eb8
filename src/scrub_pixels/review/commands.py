"""What ``scrub-pixels review`` prints and writes."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scrub_pixels.errors import UsageError
from scrub_pixels.review.desk import Desk, open_desk
from scrub_pixels.review.exchange import apply, audit, export, read
from scrub_pixels.review.views import MissRate
from scrub_pixels.store.export import shown, write_private_file
from scrub_pixels.store.queue import Entry, Wanted

SOME_LEFT = 10


@dataclass(frozen=True)
class Place:
    """Which review is meant.

    Parameters
    ----------
    workspace
        The private folder of a run.
    queue_url
        Where its queue is, if not there.
    passphrase
        Of the crosswalk.
    approvals
        How many reviewers have to accept.
    """

    workspace: Path
    queue_url: str | None = field(default=None, repr=False)
    passphrase: bytes = field(default=b"", repr=False)
    approvals: int = 1

    @contextmanager
    def opened(self) -> Iterator[Desk]:
        """Open the desk."""
        with open_desk(self.workspace, self.queue_url, passphrase=self.passphrase,
                       approvals=self.approvals) as desk:
            yield desk


def print_list(place: Place, wanted: Wanted, form: str) -> None:
    """Print entries as a table or as JSON lines; private, it names inputs."""
    with place.opened() as desk:
        entries = desk.page(wanted)
        left = desk.left()
    if form == "jsonl":
        sys.stdout.writelines(json.dumps(_record(entry)) + "\n" for entry in entries)
        return
    console = Console(highlight=False)
    console.print(_table(entries))
    console.print(f"\n{left} entries wait for a person.", markup=False)


def _record(entry: Entry) -> dict[str, object]:
    return {**asdict(entry), "state": entry.state.value, "kind": entry.kind.value,
            "reasons": list(entry.reasons)}


def _table(entries: list[Entry]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("key", "input", "what", "why"):
        table.add_column(name, overflow="fold", no_wrap=name == "key")
    for entry in entries:
        what = f"{entry.state.value} {entry.kind.value} {entry.modality} {entry.device} {entry.frames}"
        cells = (entry.key, entry.relative, what, "; ".join(entry.reasons))
        table.add_row(*(Text(shown(cell)) for cell in cells))
    return table


def write_export(place: Place, target: Path, wanted: Wanted, readings: bool) -> None:
    """Write entries as a private JSON file; with readings it identifies patients."""
    with place.opened() as desk:
        write_private_file(target, (text.encode() for text in export(desk, wanted, readings)))
        desk.note(_me(), "exported", readings=int(readings))


def take_file(place: Place, file: Path, decide: bool) -> int:
    """Do what a file says, say what came of it, and return the exit code.

    Drafts only unless `decide`; then decisions are carried out as well.
    """
    decided = read(file)
    failed = 0
    with place.opened() as desk:
        for outcome in apply(desk, decided, _me(), decide):
            failed += not outcome.done
            if not outcome.done:
                print(f"{outcome.key}: {outcome.why}", file=sys.stderr)
        done = desk.carry_out() if decide else 0
        left = desk.left()
    taken = f"{len(decided) - failed} of {len(decided)} entries taken"
    print(f"{taken}; {done} decisions carried out; {left} left.")
    return 1 if failed else SOME_LEFT if left else 0


def carry_out(place: Place) -> None:
    """Carry out what was decided and is not done yet."""
    with place.opened() as desk:
        print(f"{desk.carry_out()} decisions carried out.")


def write_audit(place: Place, target: Path) -> None:
    """Write the whole log as JSON lines."""
    with place.opened() as desk:
        write_private_file(target, (line.encode() for line in audit(desk)))


def print_miss_rate(place: Place) -> None:
    """Print the estimated rate of missed text."""
    with place.opened() as desk:
        rate = desk.miss_rate()
    for line in miss_rate_lines(rate):
        print(line)


def miss_rate_lines(rate: MissRate) -> Iterator[str]:
    """Yield what is known about missed text, in sentences."""
    yield (f"{rate.sampled} of {rate.population} released Instances were drawn for quality control; "
           f"{rate.reviewed} were looked at, text was missed in {rate.missed}.")
    if rate.estimate is None:
        yield "Nothing was looked at yet, so nothing is known about the rest."
        return
    yield (f"Estimated share with missed text: {rate.estimate:.2%} "
           f"(95 % confidence limits {rate.low:.2%} to {rate.high:.2%}).")
    if rate.covered < rate.population:
        yield (f"This is about {rate.covered} Instances: of the devices and layouts of the other "
               f"{rate.population - rate.covered} none was looked at.")


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "command line"


def asked_password() -> str:
    """Return a password typed twice without being shown, or the first line of a pipe.

    Raises
    ------
    UsageError
        If the two differ.
    """
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        raise UsageError("The two passwords differ.", remedy="Try again.")
    return first

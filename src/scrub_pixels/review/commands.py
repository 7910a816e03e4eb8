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

from scrub_pixels.errors import Refusal, UsageError
from scrub_pixels.review.desk import Desk, open_desk
from scrub_pixels.review.exchange import apply, audit, export, read
from scrub_pixels.review.marks import is_dicom
from scrub_pixels.review.presentation import (
    Drawing,
    presentation_state,
    write_drawing,
    write_presentation,
)
from scrub_pixels.review.segmentation import segmentation
from scrub_pixels.review.shelter import OneWorker
from scrub_pixels.review.taking import take_marks
from scrub_pixels.review.views import MissRate, ReviewConflict
from scrub_pixels.store.atomic import failures_explained
from scrub_pixels.store.export import shown, write_private_file
from scrub_pixels.store.learned import Learned
from scrub_pixels.store.queue import Entry, Wanted
from scrub_pixels.store.workspace import open_workspace

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
                       approvals=self.approvals, shelter=OneWorker) as desk:
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

    Drafts only unless `decide`; then decisions are carried out as well. A presentation state or a
    Segmentation of a DICOM viewer decides nothing.
    """
    if is_dicom(file):
        return _take_drawing(place, file, decide)
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


def _take_drawing(place: Place, file: Path, decide: bool) -> int:
    if decide:
        raise UsageError("A DICOM file has boxes and no decisions.", remedy="Use `review import` for it.")
    done = failed = 0
    with place.opened() as desk:
        for outcome in take_marks(desk, file, _me()):
            done, failed = done + outcome.done, failed + (not outcome.done)
            if not outcome.done:
                print(f"{outcome.key}: {outcome.why}".removeprefix(": "), file=sys.stderr)
        desk.note(_me(), "imported boxes", entries=done)
        left = desk.left()
    print(f"Boxes taken for {done} entries; {failed} images left out; {left} entries left.")
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


def print_learned(workspace: Path, version: int | None) -> None:
    """Print a version of what was learned.

    Raises
    ------
    UsageError
        If there is no such version.
    """
    learned = Learned(open_workspace(workspace, create=False))
    versions = learned.versions()
    if not versions:
        print("Nothing was learned yet.")
        return
    if version is not None and not 1 <= version <= len(versions):
        raise UsageError("There is no version of this number.", remedy=f"There are 1 to {len(versions)}.")
    file = versions[(version or len(versions)) - 1]
    print(f"# version {file.stem} of {len(versions)}")
    print(file.read_text(encoding="utf-8"), end="")


def write_learned(workspace: Path, target: Path) -> None:
    """Write what was learned to a file; free of identifiers."""
    text = Learned(open_workspace(workspace, create=False)).text()
    if not text:
        raise UsageError("Nothing was learned yet.", remedy="Accept some entries first.")
    with failures_explained("The file"):
        target.write_text(text, encoding="utf-8")


def take_learned(place: Place, file: Path) -> None:
    """Take in a catalogue of elsewhere.

    Raises
    ------
    UsageError
        If the file cannot be read or is none.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError("The file cannot be read as text.", remedy="Check its path.") from None
    with place.opened() as desk:
        refused = desk.releasing.learned.take_in(text, desk.releasing.lessons)
        desk.note(_me(), "learned imported", refused=len(refused))
    print(f"Taken in; {len(refused)} terms were left out, because they may identify somebody here.")
    print("Regions to mask count at once; what may stay, once reviews here agree.")


def go_back(place: Place, version: int) -> None:
    """Go back to a version of what was learned."""
    with place.opened() as desk:
        gone = desk.releasing.learned.revert(version, desk.releasing.lessons)
        desk.note(_me(), "learned reverted", version=version)
    print(f"Back at version {version}; {gone} lessons count no more.")


def write_drawings(place: Place, folder: Path, wanted: Wanted, form: str) -> int:
    """Write the boxes of entries as DICOM Instances, a private file each; return the exit code.

    Parameters
    ----------
    place, wanted
        Which review, and which of its entries.
    folder
        Where to; never below an output folder.
    form
        A key of `DRAWINGS`.
    """
    written = left_out = 0
    with place.opened() as desk, failures_explained("The folder"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for entry in desk.page(wanted):
            try:
                write_drawing(desk, entry.key, _me(), (folder / f"{entry.key}.dcm", DRAWINGS[form]))
                written += 1
            except (UsageError, ReviewConflict, Refusal) as error:
                left_out += 1
                print(f"{entry.key}: {error}", file=sys.stderr)
        desk.note(_me(), "exported boxes", form=form, entries=written)
    print(f"{written} files written, {left_out} entries left out.")
    return 1 if left_out and not written else 0


DRAWINGS: dict[str, Drawing] = {"gsps": presentation_state, "seg": segmentation}


def write_gsps(place: Place, key: str, target: Path) -> None:
    """Write the boxes of an entry as a presentation state."""
    with place.opened() as desk:
        write_presentation(desk, key, _me(), target)
        desk.note(_me(), "exported a presentation state", key=key)

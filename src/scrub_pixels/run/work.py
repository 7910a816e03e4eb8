"""The unit of work: some inputs from where they lie to where they end, accounted for.

Runs in a worker, on this machine or another. The worker itself writes what it releases, so that
pixels never travel between processes; what comes back are small, picklable Accounts. This is the
one boundary at which any error of an Instance becomes an account: nothing is lost, and nothing
identified is told. Files of one unit are made durable together and named after that, so that many
small ones cost the disk little more than one.
"""

from __future__ import annotations

import functools
import hashlib
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from scrub_pixels import __version__
from scrub_pixels.decisions import SeriesContext
from scrub_pixels.errors import MissingDependency, Refusal, ScrubError
from scrub_pixels.frames import open_instance
from scrub_pixels.frames.turns import undisturbed
from scrub_pixels.header import ProjectKey
from scrub_pixels.masks import digest_pixels
from scrub_pixels.pipeline import UNSEEN, Held, Scrubbed, Scrubber, Sight
from scrub_pixels.policy import Policy
from scrub_pixels.run.discovery import Source, read_whole
from scrub_pixels.run.limits import Cost, out_of_memory
from scrub_pixels.store.accounts import (
    PLACE,
    Account,
    Outcome,
    account_held,
    account_refused,
    account_released,
    released_as,
)
from scrub_pixels.store.atomic import DuplicateUid, Output, Place, Written
from scrub_pixels.store.layout import new_path
from scrub_pixels.store.origin import origin_of
from scrub_pixels.store.readback import file_digest

READ_AT_ONCE = 16 << 20
"""Files up to this size in bytes are read into memory in one go."""

OPENCV_NO_MEMORY = -4

SAME_UID = "Another input has the same SOP Instance UID and other content; both are released."


class Layout(str, Enum):
    """How files are named in OUT."""

    NEW = "new"
    KEEP = "keep"
    """The input's own paths; what identifies, and what is not plainly technical, is replaced."""
    KEEP_UNKNOWN = "keep-unknown"
    """The same, but words that are not known stay, and may be names of people whom no header names."""


@dataclass(frozen=True)
class Orders:
    """What every worker of a run has to know; small, hashable and picklable.

    Parameters
    ----------
    policy
        Everything that decides an outcome.
    secret
        The project key.
    out
        The output folder, or None for a dry run.
    layout
        How files are named in OUT.
    threads
        Threads each network may use.
    cost
        What one Instance may cost its worker.
    version
        Of this package: a worker of another version would decide otherwise.
    """

    policy: Policy
    secret: bytes = field(repr=False)
    out: Output | None = None
    layout: Layout = Layout.NEW
    threads: int = 1
    cost: Cost = Cost()
    version: str = __version__


@dataclass(frozen=True)
class Task:
    """One input of a run.

    Parameters
    ----------
    number
        Its number in the ledger.
    source, orders
        Where it lies, and what to do.
    name
        Its name in OUT if the run has chosen one.
    group
        What its siblings have too: they are worked on together.
    settled
        True if an earlier run has settled it, and it is only to teach its siblings.
    """

    number: int
    source: Source
    orders: Orders
    name: str = field(default="", repr=False)
    group: int = 0
    settled: bool = False


@dataclass(frozen=True)
class Unit:
    """Inputs that one worker takes one after the other, all under the same orders.

    Parameters
    ----------
    tasks
        What is to be done and accounted for.
    settled
        Siblings that are done already, and teach the others.
    """

    tasks: tuple[Task, ...]
    settled: tuple[Task, ...] = ()

    @property
    def orders(self) -> Orders:
        """The orders for all of them."""
        return self.tasks[0].orders


def is_divisible(task: object) -> bool:
    """Tell whether what a worker takes can be taken apart, into units of one input."""
    return isinstance(task, Unit) and len(task.tasks) > 1


@dataclass(frozen=True)
class _Known:
    """What is known of one input before its turn, and the digest of the bytes that it was learned from."""

    sight: Sight = UNSEEN
    digest: str = ""

    def of(self, digest: str) -> Sight:
        """Return what is known of these bytes: what was found in others says nothing about them."""
        return self.sight if digest == self.digest else replace(self.sight, search=None)


UNKNOWN = _Known()


@dataclass(frozen=True)
class _Ready:
    """An Instance that is proven and waits in a private file for its name."""

    file: Path
    place: Place
    account: Account


@functools.lru_cache(maxsize=1)
def scrubber_for(policy: Policy, secret: bytes, threads: int) -> Scrubber:
    """Load the networks once per process and policy."""
    return Scrubber(policy, ProjectKey.from_bytes(secret), threads)


def work(task: Task) -> Account:
    """Take one input to its end; see `work_together`."""
    return work_together(Unit((task,)))[0]


def work_together(unit: Unit) -> tuple[Account, ...]:
    """Scrub inputs, write those that are released, and account for each, in the same order.

    Raises
    ------
    ScrubError
        If the run itself cannot go on (disk full, missing dependency); never for an Instance.
    """
    _check_version(unit.orders)
    with undisturbed():
        known = _known(unit)
        ends = [_end(task, known.get(task.number, UNKNOWN)) for task in unit.tasks]
        return tuple(_named(ends, unit.orders.out))


def _check_version(orders: Orders) -> None:
    if orders.version != __version__:
        raise MissingDependency("A worker has another version of scrub-pixels than the run.",
                                remedy=f"Install version {orders.version} where the workers are.")


def _known(unit: Unit) -> dict[int, _Known]:
    """Return what is known of each input once all its siblings were studied; nothing of one alone.

    They are studied in the order of their paths, whoever is done already, so that the same siblings
    always teach the same.
    """
    groups: dict[int, list[Task]] = {}
    for task in sorted((*unit.tasks, *unit.settled), key=lambda task: task.source.relative):
        groups.setdefault(task.group, []).append(task)
    known: dict[int, _Known] = {}
    for group, siblings in groups.items():
        if group and len(siblings) > 1 and not unit.orders.policy.header_only:
            known |= _taught(siblings)
    return known


def _taught(siblings: Sequence[Task]) -> dict[int, _Known]:
    studied = [(task, _studied(task)) for task in siblings]
    context = SeriesContext()
    for _, known in studied:
        context = context.merged(known.sight.context) if known.sight.context else context
    return {task.number: replace(known, sight=replace(known.sight, context=context))
            for task, known in studied if not task.settled}


def _studied(task: Task) -> _Known:
    """Return what one input shows; nothing if it cannot be searched, for which it is refused in its turn."""
    scrubber = scrubber_for(task.orders.policy, task.orders.secret, task.orders.threads)
    try:
        with task.orders.cost.limited():
            content, digest = _content(task.source, task.orders.policy)
            return _Known(scrubber.study(open_instance(content, task.orders.policy.limits)), digest)
    except ScrubError as error:
        if isinstance(error, Refusal):
            return UNKNOWN
        raise
    except Exception:  # noqa: BLE001 - the boundary: the input is accounted for when its turn comes
        return UNKNOWN


def _end(task: Task, known: _Known) -> Account | _Ready:
    """Take one input to its end, or to where only its name is missing."""
    started, clock = time.time(), time.perf_counter()
    try:
        with task.orders.cost.limited():
            end: Account | _Ready = _scrub(task, known, started)
    except Refusal as refusal:
        end = account_refused(_or_memory(refusal, task.orders.cost), started)
    except ScrubError:
        raise
    except MemoryError:
        end = account_refused(out_of_memory(), started)
    except Exception as error:  # noqa: BLE001 - the one boundary that accounts for an Instance
        end = account_refused(unforeseen(error), started)
    # A wall clock may jump; how long the work took must not.
    seconds = time.perf_counter() - clock
    if isinstance(end, _Ready):
        return replace(end, account=replace(end.account, seconds=seconds))
    return replace(end, seconds=seconds)


def _or_memory(refusal: Refusal, cost: Cost) -> Refusal:
    """Return what to tell: under a limit of memory, a file that "cannot be read" may only be too much."""
    return out_of_memory() if cost.memory and isinstance(refusal.__context__, MemoryError) else refusal


def _scrub(task: Task, known: _Known, started: float) -> Account | _Ready:
    orders = task.orders
    scrubber = scrubber_for(orders.policy, orders.secret, orders.threads)
    content, digest = _content(task.source, orders.policy)
    instance = open_instance(content, orders.policy.limits)
    outcome = scrubber.scrub_instance(instance, sight=known.of(digest))
    origin = origin_of(instance, scrubber.key, orders.layout.value)
    if isinstance(outcome, Held):
        return replace(account_held(outcome, started, instance.dataset), digest=digest, origin=origin)
    if orders.out is None:
        return Account(Outcome.RELEASED, started=started)
    file = orders.out.prepare(outcome, functools.partial(digest_pixels, key=orders.secret))
    account = replace(account_released(outcome, None, started), digest=digest, origin=origin)
    return _Ready(file, _place(outcome, task, orders), account)


def _content(source: Source, policy: Policy) -> tuple[Path | bytes, str]:
    """Return what is to be opened, and the digest by which it is known to be unchanged."""
    content = source.read(policy.limits.max_file_bytes)
    if isinstance(content, Path) and source.size <= READ_AT_ONCE:
        content = read_whole(content)
    if isinstance(content, bytes):
        return content, hashlib.sha256(content).hexdigest()
    return content, file_digest(content)


def _place(scrubbed: Scrubbed, task: Task, orders: Orders) -> Place:
    if task.name:
        return Place(task.name)
    relative = new_path(scrubbed.dataset, scrubbed.pseudonym)
    otherwise = second_name(relative, task.source.relative, orders.secret)
    return Place(relative, otherwise, case_tells=True)


def second_name(plain: str, relative: str, secret: bytes) -> str:
    """Return the name in OUT of an input whose SOP Instance UID another one claims too; reveals nothing."""
    code = relative.encode("utf-8", "surrogateescape")
    token = ProjectKey.from_bytes(secret).digest(code, "second name")[:12]
    return f"{plain.removesuffix('.dcm')}-{token}.dcm"


def _named(ends: list[Account | _Ready], out: Output | None) -> Iterator[Account]:
    """Give the released files of a unit their names, and return the accounts of all of it."""
    ready = [end for end in ends if isinstance(end, _Ready)]
    named = iter(out.publish([(end.file, end.place) for end in ready]) if out and ready else ())
    for end in ends:
        yield _standing(end, next(named)) if isinstance(end, _Ready) else end


def _standing(end: _Ready, written: Written | DuplicateUid) -> Account:
    if isinstance(written, DuplicateUid):
        return replace(account_refused(written, end.account.started), seconds=end.account.seconds)
    account = released_as(end.account, written)
    if written.relative == end.place.relative:
        return account
    facts = {**account.facts, PLACE: end.place.relative}
    return replace(account, code="duplicate-uid", message=SAME_UID, facts=facts)


def unforeseen(error: Exception) -> Refusal:
    """Return the refusal for an error nobody foresaw: its type and place in the code, never its text."""
    if getattr(error, "code", None) == OPENCV_NO_MEMORY and type(error).__module__ == "cv2":
        return out_of_memory()
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "scrub_pixels" in frame.filename]
    place = f"{Path(ours[-1].filename).stem}.{ours[-1].name}" if ours else "?"
    return Unforeseen(f"An unforeseen error ({type(error).__name__} in {place}).", stage="internal",
                      remedy="Please report it; `scrub-pixels ledger` names the input.")


class Unforeseen(Refusal):
    """An error that no stage accounts for; a fault of this package."""

    code = "internal-error"

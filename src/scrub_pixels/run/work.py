"""The unit of work: one input from where it lies to where it ends, accounted for.

Runs in a worker process. The worker itself writes what it releases, so that pixels never travel
between processes; what comes back is a small, picklable Account. This is the one boundary at
which any error of an Instance becomes an account: nothing is lost, and nothing identified is told.
"""

from __future__ import annotations

import functools
import time
import traceback
import warnings
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from pydicom import Dataset

from scrub_pixels.decisions import harvest
from scrub_pixels.errors import Refusal, ScrubError, TooLarge
from scrub_pixels.frames import Instance, open_instance
from scrub_pixels.header import ProjectKey, contains_identifier
from scrub_pixels.masks import digest_pixels
from scrub_pixels.pipeline import Held, Scrubbed, Scrubber
from scrub_pixels.policy import Policy
from scrub_pixels.run.discovery import Source
from scrub_pixels.store.accounts import Account, Outcome, account_held, account_refused, account_released
from scrub_pixels.store.atomic import OutFolder, Place
from scrub_pixels.store.layout import KeptNames, new_path, tells

SAME_UID = "Another input has the same SOP Instance UID and other content; both are released."


class Layout(str, Enum):
    """How files are named in OUT."""

    NEW = "new"
    KEEP = "keep"


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
    """

    policy: Policy
    secret: bytes = field(repr=False)
    out: OutFolder | None = None
    layout: Layout = Layout.NEW
    threads: int = 1


@dataclass(frozen=True)
class Task:
    """One input, its number in the ledger, and the orders for it."""

    number: int
    source: Source
    orders: Orders


@functools.lru_cache(maxsize=1)
def scrubber_for(policy: Policy, secret: bytes, threads: int) -> Scrubber:
    """Load the networks once per process and policy."""
    return Scrubber(policy, ProjectKey.from_bytes(secret), threads)


def work(task: Task) -> Account:
    """Scrub one input, write it if it is released, and account for it.

    Raises
    ------
    ScrubError
        If the run itself cannot go on (disk full, missing dependency); never for an Instance.
    """
    started = time.time()
    try:
        with warnings.catch_warnings():
            # pydicom's warnings quote values, and values are identifiers.
            warnings.simplefilter("ignore")
            return _scrub(task, started)
    except Refusal as refusal:
        return account_refused(refusal, started)
    except ScrubError:
        raise
    except MemoryError:
        return account_refused(TooLarge("The memory did not suffice for this Instance.", stage="decode",
                                        remedy="Use fewer --jobs, or a machine with more memory."), started)
    except Exception as error:  # noqa: BLE001 - the one boundary that accounts for an Instance
        return _accident(error, started)


def _scrub(task: Task, started: float) -> Account:
    orders = task.orders
    scrubber = scrubber_for(orders.policy, orders.secret, orders.threads)
    instance = open_instance(task.source.read(orders.policy.limits.max_file_bytes), orders.policy.limits)
    outcome = scrubber.scrub_instance(instance)
    if isinstance(outcome, Held):
        return account_held(outcome, started, instance.dataset)
    return _release(outcome, instance, task, started)


def _release(scrubbed: Scrubbed, instance: Instance, task: Task, started: float) -> Account:
    out = task.orders.out
    if out is None:
        return Account(Outcome.RELEASED, started=started, seconds=time.time() - started)
    place = _place(scrubbed, instance, task)
    written = out.write(scrubbed, place, functools.partial(digest_pixels, key=task.orders.secret))
    account = account_released(scrubbed, written, started)
    if written.relative == place.relative or task.orders.layout is Layout.KEEP:
        return account
    return replace(account, code="duplicate-uid", message=SAME_UID)


def _place(scrubbed: Scrubbed, instance: Instance, task: Task) -> Place:
    if task.orders.layout is Layout.NEW:
        relative = new_path(scrubbed.dataset, scrubbed.pseudonym)
        return Place(relative, f"{relative.removesuffix('.dcm')}-{_token(task)}.dcm")
    return _kept_names(instance.dataset, task.orders.secret).place(task.source.relative)


def _token(task: Task) -> str:
    """Return what tells apart two inputs that claim the same SOP Instance UID; reveals nothing."""
    name = task.source.relative.encode("utf-8", "surrogateescape")
    return ProjectKey.from_bytes(task.orders.secret).digest(name, "second name")[:12]


def _kept_names(dataset: Dataset, secret: bytes) -> KeptNames:
    identity = harvest(dataset)
    told = tells(identity)
    return KeptNames(secret, lambda text: told(text) or contains_identifier(text, identity))


def _accident(error: Exception, started: float) -> Account:
    """Account for an error nobody foresaw: its type and place in the code, never its text."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "scrub_pixels" in frame.filename]
    place = f"{Path(ours[-1].filename).stem}.{ours[-1].name}" if ours else "?"
    return account_refused(
        _Unforeseen(f"An unforeseen error ({type(error).__name__} in {place}).", stage="internal",
                    remedy="Please report it; `scrub-pixels ledger` names the input."), started)


class _Unforeseen(Refusal):
    code = "internal-error"

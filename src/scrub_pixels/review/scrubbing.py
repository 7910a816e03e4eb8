"""An accepted entry through the pipeline: what a worker does with one input, from its bytes to OUT."""

from __future__ import annotations

import functools
import hashlib
import os
import time
import warnings
from dataclasses import dataclass, field, replace

from pydicom import Dataset

from scrub_pixels.decisions import Disposition, Review, harvest
from scrub_pixels.errors import Refusal, ScrubError
from scrub_pixels.frames import Instance, open_instance
from scrub_pixels.header import ProjectKey, contains_identifier
from scrub_pixels.masks import digest_pixels
from scrub_pixels.pipeline import Held, Scrubbed, Scrubber
from scrub_pixels.policy import Policy
from scrub_pixels.review.pictures import content_of, source_of
from scrub_pixels.run.limits import Cost, out_of_memory
from scrub_pixels.run.work import second_name, unforeseen
from scrub_pixels.store.accounts import Account, account_held, account_refused, account_released
from scrub_pixels.store.atomic import DuplicateUid, Output, Place
from scrub_pixels.store.layout import KEEP, KEEP_UNKNOWN, KeptNames, new_path, tells
from scrub_pixels.store.origin import origin_of
from scrub_pixels.store.queue import Entry

CHANGED = "the input has changed since it was held"


@dataclass(frozen=True)
class Job:
    """One entry to be taken through the pipeline; picklable.

    Parameters
    ----------
    entry
        Which input.
    review
        What a person decided; None holds it, whatever the pipeline says.
    policy, secret, out
        What is decided by, the project key, and where it goes.
    cost
        What it may cost its worker.
    """

    entry: Entry
    review: Review | None = field(repr=False)
    policy: Policy
    secret: bytes = field(repr=False)
    out: Output
    cost: Cost = Cost()


def scrub_entry(job: Job) -> Account:
    """Take an input to its end: released and written, held, or refused for a reason.

    Raises
    ------
    ScrubError
        If nothing can be released at all (disk full, missing dependency); never for an Instance.
    """
    started = time.time()
    try:
        with job.cost.limited():
            return _scrubbed(job, started)
    except Refusal as refusal:
        return account_refused(refusal, started)
    except ScrubError:
        raise
    except MemoryError:
        return account_refused(out_of_memory(), started)
    except Exception as error:  # noqa: BLE001 - as in a run, one Instance never stops the others
        return account_refused(unforeseen(error), started)


@functools.lru_cache(maxsize=1)
def _scrubber(policy: Policy, secret: bytes) -> Scrubber:
    return Scrubber(policy, ProjectKey.from_bytes(secret), len(os.sched_getaffinity(0)))


def _scrubbed(job: Job, started: float) -> Account:
    scrubber = _scrubber(job.policy, job.secret)
    content = content_of(source_of(job.entry), job.policy.limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings quote values
        instance = open_instance(content, job.policy.limits)
        outcome = scrubber.scrub_instance(instance, job.review or ())
    if job.review is None:
        outcome = _kept_back(outcome)
    if isinstance(outcome, Held):
        account = account_held(outcome, started, instance.dataset)
    else:
        account = _written(outcome, instance, job, started)
    origin = origin_of(instance, scrubber.key, job.entry.naming)
    return replace(account, origin=origin, digest=hashlib.sha256(content).hexdigest())


def _written(scrubbed: Scrubbed, instance: Instance, job: Job, started: float) -> Account:
    place = _place(scrubbed, instance.dataset, job)
    file = job.out.prepare(scrubbed, functools.partial(digest_pixels, key=job.secret))
    (written,) = job.out.publish([(file, place)])
    if isinstance(written, DuplicateUid):
        raise written
    return account_released(scrubbed, written, started)


def _kept_back(outcome: Scrubbed | Held) -> Held:
    reasons = outcome.reasons if isinstance(outcome, Held) else ()
    return Held(replace(outcome.decision, disposition=Disposition.HOLD), (CHANGED, *reasons))


def _place(scrubbed: Scrubbed, original: Dataset, job: Job) -> Place:
    """Return where an Instance goes: the rules are those of a run."""
    entry = job.entry
    if entry.naming in (KEEP, KEEP_UNKNOWN):
        identity = harvest(original)
        told = tells(identity)

        def judge(text: str) -> bool:
            return told(text) or contains_identifier(text, identity)

        return KeptNames(job.secret, judge, entry.naming).place(entry.relative)
    relative = new_path(scrubbed.dataset, scrubbed.pseudonym)
    return Place(relative, second_name(relative, entry.relative, job.secret))

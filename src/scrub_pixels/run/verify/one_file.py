"""The unit of work: one file of OUT through every check; what comes back is small and free of PHI."""

from __future__ import annotations

import functools
import hashlib
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scrub_pixels.errors import Refusal
from scrub_pixels.frames import Instance, open_instance
from scrub_pixels.header import ProjectKey
from scrub_pixels.header.needles import Needles
from scrub_pixels.header.recheck import secrets_of
from scrub_pixels.masks import digest_pixels
from scrub_pixels.policy import Policy
from scrub_pixels.run.discovery import Source
from scrub_pixels.run.verify.attributes import Rules, by_profile
from scrub_pixels.run.verify.claims import beside, claims
from scrub_pixels.run.verify.hidden import hidden
from scrub_pixels.run.verify.identifiers import Eyes, Reports, in_frames, in_header, in_names, reports_in
from scrub_pixels.run.verify.remarks import Checked, Mark, Remark, passed_or
from scrub_pixels.run.verify.samples import Redacted, blackness, compared
from scrub_pixels.run.verify.standard import against_the_standard, parsed_by_others
from scrub_pixels.text import load_detectors, load_reader

NO_INPUT = "the input is not at hand"
ODD_ENTRY = "its entry in the report, or the file, is not of the form that a run writes"


@dataclass(frozen=True)
class Orders:
    """What every worker has to know.

    Parameters
    ----------
    out
        The output folder.
    reports
        Names of the report files in it.
    policy
        Under which it was written; names the detector and the search.
    reader
        What reads the frames again; empty to leave that out.
    secret
        The project key, if the workspace is at hand.
    """

    out: Path
    reports: tuple[str, ...]
    policy: Policy
    reader: str
    secret: bytes = field(default=b"", repr=False)

    @property
    def key(self) -> ProjectKey | None:
        """The project key, or None."""
        return ProjectKey.from_bytes(self.secret) if self.secret else None


@dataclass(frozen=True)
class Task:
    """One released file, and its input if it is known.

    Parameters
    ----------
    facts
        Its entry in the report; None for an input without an output, whose identifiers must not
        stand in any report.
    inputs
        What it was made from: one, or several among which it has to be found.
    orders
        For all files.
    is_complete
        True if the input must be among `inputs`, because all of IN was looked through.
    """

    facts: Mapping[str, Any] | None
    inputs: tuple[Source, ...]
    orders: Orders
    is_complete: bool = False

    @property
    def output(self) -> str:
        """Path below OUT, or an empty string."""
        return str((self.facts or {}).get("output", ""))


def check(task: Task) -> Checked:
    """Check one file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
        if task.facts is None:
            return Checked("", tuple(_input_only(task)))
        try:
            return Checked(task.output, tuple(_remarks(task, task.facts)))
        except (TypeError, ValueError, LookupError, AttributeError, OSError):
            # A report may have been forged: no value in it is what it should be.
            return Checked(task.output, (Remark("claims", Mark.FAILED, ODD_ENTRY),))


def _input_only(task: Task) -> list[Remark]:
    """Check that an input that was held or refused left no trace."""
    before = _opened(task.inputs[0], task.orders.policy)
    return _named("", before, task.orders) if before is not None else []


def _remarks(task: Task, facts: Mapping[str, Any]) -> list[Remark]:
    path = task.orders.out / task.output
    on_record = _on_record(path, facts)
    try:
        after = open_instance(path, task.orders.policy.limits)
        redacted = Redacted.of(facts)
    except (Refusal, ValueError, TypeError, KeyError):
        return [*on_record, Remark("parsing", Mark.FAILED, "the file, or its entry, cannot be read")]
    before = _input_of(after, task, redacted)
    original = _plain_file(task, before)
    return [
        *on_record,
        parsed_by_others(path, original),
        *_keyed_digest(after, facts, task.orders),
        *claims(after, facts, before),
        *_by_profile(before, after, task, facts),
        *beside(after, facts),
        *(_strangers(after) if before is None and task.is_complete else ()),
        *_pixels(before, after, redacted, facts),
        *_identifiers(before, after, task, facts),
        *against_the_standard(path, original),
    ]


def _by_profile(
    before: Instance | None, after: Instance, task: Task, facts: Mapping[str, Any]
) -> list[Remark]:
    rules = Rules(task.orders.policy.profile, str(facts.get("pseudonym", "")), task.orders.key)
    return by_profile(after.dataset, before.dataset if before is not None else None, rules)


def _on_record(path: Path, facts: Mapping[str, Any]) -> list[Remark]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    same = digest.hexdigest() == facts.get("sha256") and path.stat().st_size == facts.get("bytes")
    return passed_or("bytes", [] if same else ["size or SHA-256 is not the one on record"])


def _keyed_digest(after: Instance, facts: Mapping[str, Any], orders: Orders) -> list[Remark]:
    told = facts.get("digest_out")
    if not orders.secret or not told:
        return []
    same = digest_pixels(after.dataset, orders.secret) == told
    return [] if same else [Remark("bytes", Mark.FAILED, "Pixel Data has not the keyed digest on record")]


def _strangers(after: Instance) -> list[Remark]:
    """Fail frames that none of the inputs has."""
    if after.pixels is None:
        return []
    return [Remark("samples", Mark.FAILED, "no input has these samples outside of the redactions on record")]


def _pixels(
    before: Instance | None, after: Instance, redacted: Redacted, facts: Mapping[str, Any]
) -> list[Remark]:
    if after.pixels is None:
        return []
    try:
        if before is None:
            return blackness(after, redacted)
        return compared(before, after, redacted, facts.get("cleared_bits") is True)
    except Refusal:
        if before is not None and facts.get("searched") is not True and _same_bytes(before, after):
            return [Remark("samples", Mark.NOTED, "a frame decodes neither here nor in the input")]
        return [Remark("samples", Mark.FAILED, "a frame does not decode")]


def _same_bytes(before: Instance, after: Instance) -> bool:
    """Tell whether Pixel Data are the input's byte for byte, as where headers alone were de-identified."""
    return digest_pixels(before.dataset, b"\0") == digest_pixels(after.dataset, b"\0")


def _identifiers(
    before: Instance | None, after: Instance, task: Task, facts: Mapping[str, Any]
) -> list[Remark]:
    policy, needles = task.orders.policy, Needles()
    if before is None:
        remarks = [Remark("header", Mark.SKIPPED, NO_INPUT), Remark("names", Mark.SKIPPED, NO_INPUT)]
    else:
        _, needles = secrets_of(before.dataset, policy.profile, task.orders.key)
        remarks = in_header(after, needles, policy, str(facts.get("pseudonym", "")))
        remarks += _named(task.output, before, task.orders)
    remarks += _hidden(after, needles, task, facts)
    return remarks + _read_again(before, after, needles, task, facts)


def _hidden(after: Instance, needles: Needles, task: Task, facts: Mapping[str, Any]) -> list[Remark]:
    try:
        return hidden(task.orders.out / task.output, after, needles, searched=facts.get("searched") is True)
    except Refusal:
        return [Remark("hidden", Mark.FAILED, "a frame does not decode")]


def _read_again(
    before: Instance | None, after: Instance, needles: Needles, task: Task, facts: Mapping[str, Any]
) -> list[Remark]:
    if after.pixels is None:
        return []
    if not task.orders.reader:
        return [Remark("text", Mark.SKIPPED, "not asked for")]
    if facts.get("searched") is not True:
        return [Remark("text", Mark.SKIPPED, "released without a search of its pixels, and claims none")]
    eyes = _eyes(task.orders.reader, task.orders.policy)
    try:
        return in_frames(after, before, needles, eyes)
    except Refusal:
        return [Remark("text", Mark.FAILED, "a frame cannot be rendered")]


def _named(output: str, before: Instance, orders: Orders) -> list[Remark]:
    _, needles = secrets_of(before.dataset, orders.policy.profile, orders.key)
    reports: Reports = reports_in(str(orders.out), orders.reports)
    return in_names(output, before, needles, reports)


@functools.lru_cache(maxsize=1)
def _eyes(reader: str, policy: Policy) -> Eyes:
    """Load the networks once in each process."""
    loaded = load_reader(reader)
    return Eyes(loaded, load_detectors(policy.detector, loaded), policy)


def _plain_file(task: Task, before: Instance | None) -> Path | None:
    one = task.inputs[0] if before is not None and len(task.inputs) == 1 else None
    return Path(one.path) if one is not None and one.member is None else None


def _opened(source: Source, policy: Policy) -> Instance | None:
    try:
        return open_instance(source.read(policy.limits.max_file_bytes), policy.limits)
    except (Refusal, OSError):
        return None


def _input_of(after: Instance, task: Task, redacted: Redacted) -> Instance | None:
    """Return the input of a file: the one named, or one whose frames are the same outside.

    Of several such, the first whose attributes are those that the output has; frames alone may be alike.
    """
    opened = (_opened(source, task.orders.policy) for source in task.inputs)
    if len(task.inputs) <= 1:
        return next(opened, None)
    fitting = (one for one in opened if one is not None and _fits(one, after, redacted, task))
    first = next(fitting, None)
    if first is None or _agrees(first, after, task):
        return first
    return next((one for one in fitting if _agrees(one, after, task)), first)


def _agrees(before: Instance, after: Instance, task: Task) -> bool:
    remarks = _by_profile(before, after, task, task.facts or {})
    return all(remark.mark is not Mark.FAILED for remark in remarks)


def _fits(before: Instance, after: Instance, redacted: Redacted, task: Task) -> bool:
    cleared = (task.facts or {}).get("cleared_bits") is True
    if before.pixels is None or after.pixels is None or before.frames != after.frames:
        return False
    try:
        remarks: Sequence[Remark] = compared(before, after, redacted, cleared)
    except Refusal:
        return False
    return all(remark.mark is not Mark.FAILED for remark in remarks)

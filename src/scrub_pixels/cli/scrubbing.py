"""The default command: a folder of DICOM in, a complete anonymized copy out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from scrub_pixels.cli.app import INPUT, RUNNING, app, console
from scrub_pixels.cli.choosing import EVERY_INPUT, ChoiceOptions, chosen_inputs
from scrub_pixels.cli.dicomweb import is_dicomweb, names_somebody, with_query
from scrub_pixels.cli.policies import AS_IT_IS, PolicyOptions, effective_policy
from scrub_pixels.cli.review_options import UNREVIEWED, ReviewOptions, with_review
from scrub_pixels.errors import UsageError

if TYPE_CHECKING:
    from scrub_pixels.run.campaign import Campaign, Layout

MOST_JOBS = 512

STREAM = "-"

LayoutName = Literal["new", "keep"]
UnknownNames = Literal["replace", "keep"]


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class RunOptions:
    """Options that change how a run goes, never what it decides.

    Parameters
    ----------
    workspace
        Private folder for key, ledger and review queue (default: OUT.workspace beside OUT).
    crosswalk_key
        File with a passphrase or key that encrypts the crosswalk in the workspace.
    layout
        new: pseudonym/study/series/instance.dcm; keep: the input's own paths, checked for identifiers.
    unknown_names
        With "--layout keep", what becomes of names in paths that are not plainly technical: replace them by
        keyed codes, or keep them. Kept ones may name people whom no header names: you say that they do not.
    query_file
        What is wanted of a DICOMweb service, an Attribute=value a line, so that it does not stand on the
        command line; SCRUB_PIXELS_DICOMWEB_QUERY in the environment does the same.
    release
        When the run is through, make a release of OUT under this tag, as `scrub-pixels release` does.
    key_file
        Only for "- -": a file whose bytes are the key, instead of a workspace.
    jobs
        Worker processes (default: one per core); 0 works in this process, for debugging: without a time
        limit, and a file that crashes a decoder ends the run, for --resume to go on.
    scheduler
        Work on a Dask cluster, tcp://HOST:PORT; IN and OUT must be where its workers see them.
    worker_wait
        Seconds that cluster may be without workers before the run gives up; --resume goes on.
    memory
        Memory one Instance may take, as 800M or 2G; one that needs more is refused (default: no limit).
    resume
        Go on with a run that was interrupted, or add to one: what is settled is skipped.
    dry_run
        Say what would happen; write nothing.
    events
        Append one JSON line per Instance to a file, or to standard output with "-"; free of identifiers.
    log_json
        Append a log in JSON lines to a file, or "-"; free of identifiers.
    quiet
        Print nothing but errors.
    """

    workspace: Annotated[Path | None, Parameter(name=["--workspace", "-w"])] = None
    crosswalk_key: Path | None = None
    key_file: Path | None = None
    query_file: Path | None = None
    release: str = ""
    layout: LayoutName = "new"
    unknown_names: UnknownNames = "replace"
    jobs: Annotated[int | None, Parameter(name=["--jobs", "-j"])] = None
    scheduler: str = ""
    worker_wait: float = 300.0
    memory: str = ""
    resume: Annotated[bool, Parameter(negative="")] = False
    dry_run: Annotated[bool, Parameter(negative="")] = False
    events: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None
    log_json: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False


PLAIN = RunOptions()


@app.default
def scrub(
    source: Annotated[str, Parameter(name="IN", group=INPUT, allow_leading_hyphen=True)],
    out: Annotated[str, Parameter(name="OUT", group=INPUT, allow_leading_hyphen=True)],
    /,
    *,
    policy: PolicyOptions = AS_IT_IS,
    run: RunOptions = PLAIN,
    choice: ChoiceOptions = EVERY_INPUT,
    review: ReviewOptions = UNREVIEWED,
) -> int:
    """Write a complete anonymized copy of IN to OUT.

    Parameters
    ----------
    source
        A DICOM file, a folder, a zip archive, a URL (s3://, gs://, az://, https://), or studies of a \
DICOMweb service (dicomweb+https://HOST/PATH?StudyInstanceUID=...).
    out
        A new folder or URL for what is released. "- -" scrubs one Instance from stdin to stdout.
    """
    if STREAM in (source, out):
        return _stream(source, out, policy, run)
    if is_dicomweb(source):
        again = partial(scrub, policy=policy, run=replace(run, query_file=None), choice=choice, review=review)
        return _fetched(source, out, run, lambda folder: again(folder, out))
    if run.query_file:
        raise UsageError("--query-file is for a DICOMweb service, and IN is none.", remedy="Leave it out.")
    from scrub_pixels.run.campaign import Campaign
    from scrub_pixels.run.header_commands import passphrase
    from scrub_pixels.run.observing import Wanted
    from scrub_pixels.run.show import carry_out, rehearse_aloud
    from scrub_pixels.store.places import place_of

    campaign = Campaign(place_of(source), place_of(out), effective_policy(policy), run.workspace,
                        _layout(run), _jobs(run.jobs), run.resume, passphrase(run.crosswalk_key),
                        scheduler=run.scheduler, memory=_bytes(run.memory),
                        worker_wait=_wait(run.worker_wait), chosen=chosen_inputs(choice, place_of(source)))
    campaign = with_review(campaign, review)
    wanted = Wanted(run.events, run.log_json)
    aside = Console(stderr=True, quiet=run.quiet, highlight=False)
    heard = aside if wanted.takes_standard_output else console(run.quiet)
    if run.dry_run:
        return rehearse_aloud(campaign, heard, wanted)
    released = _releasing(campaign, run.release)
    code = carry_out(campaign, heard, wanted)
    released(heard)
    return code


def _releasing(campaign: Campaign, tag: str) -> Callable[[Console], None]:
    """Return what makes a release at the end; refuse before the run what could not be made behind it."""
    if not tag:
        return lambda console: None
    out = campaign.out
    if not isinstance(out, Path):
        raise UsageError("OUT is a URL, and releases are made in folders of this machine.",
                         remedy="Leave out --release.")
    if campaign.policy.header_only:
        raise UsageError("What is not searched is not released unasked.",
                         remedy="Run first; then: scrub-pixels release OUT --tag TAG --unproven.")
    from scrub_pixels.catalog.release import check_release
    from scrub_pixels.catalog.release_commands import tell_release

    check_release(out, tag)
    return partial(tell_release, out, tag)


def _fetched(source: str, out: str, run: RunOptions, scrub_folder: Callable[[str], int]) -> int:
    from scrub_pixels.cli.gateway import scrub_from_dicomweb

    if names_somebody(source):
        console(run.quiet).print("The query stands on the command line, where others on this machine can see "
                                 "whom it names. --query-file keeps it off.", style="yellow")
    return scrub_from_dicomweb(with_query(source, run.query_file), out, run, scrub_folder)


def _stream(source: str, out: str, policy: PolicyOptions, run: RunOptions) -> int:
    from scrub_pixels.run.single import key_from, stream_standard

    if source != STREAM or out != STREAM:
        raise UsageError("IN and OUT are streams together or not at all.",
                         remedy="scrub-pixels - - <in.dcm >out.dcm")
    return stream_standard(effective_policy(policy), key_from(run.workspace, run.key_file))


def _layout(run: RunOptions) -> Layout:
    """Return how files are named; names that are not known stay only where that is asked for."""
    from scrub_pixels.run.campaign import Layout

    if run.unknown_names == "replace":
        return Layout(run.layout)
    if run.layout != "keep":
        raise UsageError("--unknown-names is about --layout keep.", remedy="Add that, or leave it out.")
    return Layout.KEEP_UNKNOWN


def _bytes(text: str) -> int:
    """Return a size such as 800M or 2G in bytes; nothing is 0."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if text and match is None:
        raise UsageError("--memory is no size.", remedy="Give it as 800M or 2G.")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ")) if match else 0


def _jobs(jobs: int | None) -> int:
    if jobs is not None and jobs < 0:
        raise UsageError("--jobs is negative.", remedy="Give a number of processes, or 0 for none.")
    if jobs is not None and jobs > MOST_JOBS:
        raise UsageError(f"--jobs is over {MOST_JOBS}.", remedy="More processes than cores only cost memory.")
    return _cores() if jobs is None else jobs


def _wait(seconds: float) -> float:
    if not seconds >= 0:
        raise UsageError("--worker-wait is no time.", remedy="Give seconds, 0 or more; inf waits for ever.")
    return seconds


def _cores() -> int:
    """Count the cores this process may use, which in a container is fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

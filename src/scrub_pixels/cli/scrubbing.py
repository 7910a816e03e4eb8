"""The default command: a folder of DICOM in, a complete anonymized copy out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from scrub_pixels.cli.app import INPUT, RUNNING, app, console
from scrub_pixels.cli.policies import AS_IT_IS, PolicyOptions, effective_policy
from scrub_pixels.errors import UsageError

MOST_JOBS = 512

LayoutName = Literal["new", "keep"]


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
    jobs
        Worker processes (default: one per core); 0 works in this process.
    resume
        Go on with a run that was interrupted, or add to one: what is settled is skipped.
    dry_run
        Say what would happen; write nothing.
    quiet
        Print nothing but errors.
    """

    workspace: Annotated[Path | None, Parameter(name=["--workspace", "-w"])] = None
    crosswalk_key: Path | None = None
    layout: LayoutName = "new"
    jobs: Annotated[int | None, Parameter(name=["--jobs", "-j"])] = None
    resume: Annotated[bool, Parameter(negative="")] = False
    dry_run: Annotated[bool, Parameter(negative="")] = False
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False


PLAIN = RunOptions()


@app.default
def scrub(
    source: Annotated[Path, Parameter(name="IN", group=INPUT)],
    out: Annotated[Path, Parameter(name="OUT", group=INPUT)],
    /,
    *,
    policy: PolicyOptions = AS_IT_IS,
    run: RunOptions = PLAIN,
) -> int:
    """Write a complete anonymized copy of IN to OUT.

    Parameters
    ----------
    source
        A DICOM file, a folder of any files, or a zip archive.
    out
        A new folder for what is released.
    """
    from scrub_pixels.run.campaign import Campaign, Layout
    from scrub_pixels.run.header_commands import passphrase
    from scrub_pixels.run.show import carry_out, rehearse_aloud

    campaign = Campaign(source, out, effective_policy(policy), run.workspace, Layout(run.layout),
                        _jobs(run.jobs), run.resume, passphrase(run.crosswalk_key))
    return (rehearse_aloud if run.dry_run else carry_out)(campaign, console(run.quiet))


def _jobs(jobs: int | None) -> int:
    if jobs is not None and jobs < 0:
        raise UsageError("--jobs is negative.", remedy="Give a number of processes, or 0 for none.")
    if jobs is not None and jobs > MOST_JOBS:
        raise UsageError(f"--jobs is over {MOST_JOBS}.", remedy="More processes than cores only cost memory.")
    return _cores() if jobs is None else jobs


def _cores() -> int:
    """Count the cores this process may use, which in a container is fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""The command ``scrub-pixels``: a default command for the main job, and sub-commands beside it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CycloptsError, Group, Parameter
from rich.console import Console

from scrub_pixels import __version__
from scrub_pixels.errors import ScrubError, UsageError

if TYPE_CHECKING:
    from scrub_pixels.header import Profile
    from scrub_pixels.policy import Policy

INPUT = Group("What and where", sort_key=0)
POLICY = Group("What decides", sort_key=1)
RUNNING = Group("How it runs", sort_key=2)

app = App(
    name="scrub-pixels",
    version=__version__,
    help="""Remove burned-in identifiers from DICOM pixels and headers, change nothing else, and prove it.

Every input ends as released (in OUT), held (in the private workspace, for a person to look at), refused \
(with the reason) or not DICOM. Inputs are never changed.

Exit codes: 0 all released, 10 some held, 1 some refused, 2 wrong usage, 3 a missing dependency.
""",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)
policy_app = App(name="policy", help="Show the settings that decide what is released.")
app.command(policy_app)
header_app = App(name="header", help="Look at headers: what would happen to one, what differs between two.")
app.command(header_app)

INTERRUPTED, MOST_JOBS = 130, 512


OnUncertain = Literal["hold", "mask", "refuse"]
Keep = Literal["keep-harmless", "all-text"]
LayoutName = Literal["new", "keep"]
Format = Literal["table", "csv", "jsonl"]
Lines = Literal["table", "jsonl"]
Unlisted = Literal["refuse", "generate"]


@Parameter(name="*", group=POLICY)
@dataclass(frozen=True)
class PolicyOptions:
    """Options that change the policy; a flag wins over the policy file.

    Parameters
    ----------
    policy
        TOML file with settings; `scrub-pixels policy show` prints every name and its default.
    reader
        What reads text: rapidocr (default) or easyocr (needs the extra [easyocr]).
    detector
        What looks for text: both (default), network (ours) or reader (its own detector).
    keep
        keep-harmless keeps technical text that is proven harmless; all-text masks every text.
    on_uncertain
        What happens to an Instance with text that may or may not identify a person.
    profile
        Header profile: basic, strict, research or midi.
    recipe
        File with rules in pydicom/deid's language; they go before the profile.
    recipe_variable
        NAME=VALUE, what `var:NAME` in the recipe stands for; may be given several times.
    pseudonyms
        CSV file `PatientID,pseudonym[,days]` with pseudonyms of your choice.
    unlisted_patients
        What happens to patients whom that file does not name: refuse (default) or generate a pseudonym.
    header_only
        De-identify headers only; pixels are passed on unsearched, and nothing is claimed of them.
    """

    policy: Annotated[Path | None, Parameter(name=["--policy", "-p"])] = None
    reader: str | None = None
    detector: str | None = None
    keep: Keep | None = None
    on_uncertain: OnUncertain | None = None
    profile: str | None = None
    recipe: Path | None = None
    recipe_variable: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    pseudonyms: Path | None = None
    unlisted_patients: Unlisted = "refuse"
    header_only: Annotated[bool | None, Parameter(negative="")] = None


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


@app.default
def scrub(
    source: Annotated[Path, Parameter(name="IN", group=INPUT)],
    out: Annotated[Path, Parameter(name="OUT", group=INPUT)],
    /,
    *,
    policy: PolicyOptions = PolicyOptions(),
    run: RunOptions = RunOptions(),
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
    return (rehearse_aloud if run.dry_run else carry_out)(campaign, _console(run.quiet))


def _jobs(jobs: int | None) -> int:
    if jobs is not None and jobs < 0:
        raise UsageError("--jobs is negative.", remedy="Give a number of processes, or 0 for none.")
    if jobs is not None and jobs > MOST_JOBS:
        raise UsageError(f"--jobs is over {MOST_JOBS}.", remedy="More processes than cores only cost memory.")
    return _cores() if jobs is None else jobs


def _cores() -> int:
    """Count the cores this process may use, which in a container is fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _console(quiet: bool) -> Console:
    return Console(quiet=quiet, highlight=False)


def effective_policy(options: PolicyOptions) -> Policy:
    """Return the policy of the file (or the defaults) with the flags laid over it."""
    from scrub_pixels.policy import Policy, from_table, load_policy, to_table

    policy = load_policy(options.policy) if options.policy else Policy()
    table = to_table(policy)
    table |= {name: getattr(options, name) for name in ("reader", "detector", "header_only")
              if getattr(options, name) is not None}
    if options.keep:
        table["decisions"]["policy"] = options.keep
    if options.on_uncertain:
        table["decisions"]["on_uncertain"] = options.on_uncertain
    policy = from_table(table)
    return replace(policy, profile=effective_profile(options, policy.profile))


def effective_profile(options: PolicyOptions, profile: Profile) -> Profile:
    """Return the header profile with the flags laid over it."""
    from scrub_pixels.header import PROFILES, read_assignments, read_recipe

    if options.profile is not None and options.profile not in PROFILES:
        raise UsageError("There is no profile of that name.", remedy=f"Choose one of: {', '.join(PROFILES)}.")
    profile = PROFILES[options.profile] if options.profile is not None else profile
    if options.recipe is not None:
        recipe = read_recipe(options.recipe, _variables(options.recipe_variable))
        profile = replace(profile, name=f"{profile.name} and a recipe", recipe=recipe)
    elif options.recipe_variable:
        raise UsageError("--recipe-variable is given without --recipe.", remedy="Give both, or neither.")
    if options.pseudonyms is None:
        return profile
    return replace(profile, pseudonyms=read_assignments(options.pseudonyms),
                   refuse_unassigned=options.unlisted_patients == "refuse")


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if not all(name and equals for name, equals, _ in pairs):
        raise UsageError("--recipe-variable is not NAME=VALUE.", remedy="Write NAME=VALUE.")
    return {name: value for name, _, value in pairs}


@policy_app.command
def show(*, policy: PolicyOptions = PolicyOptions()) -> None:
    """Print every effective setting as a policy file, ready for --policy."""
    from scrub_pixels.policy import to_toml

    print(to_toml(effective_policy(policy)), end="")


@app.command
def ledger(
    workspace: Path = Path("."),
    /,
    *,
    format: Annotated[Format, Parameter(name=["--format", "-f"])] = "table",
    out: Path | None = None,
) -> None:
    """Print every input with how it ended and why. Private: it names inputs.

    Parameters
    ----------
    workspace
        The private folder of a run, usually OUT.workspace.
    format
        table for reading, csv or jsonl for programs.
    out
        The output folder meant, if the workspace served several; by default that of the last run.
    """
    from scrub_pixels.run.show import print_ledger

    print_ledger(workspace, format, out)


@app.command
def explain(
    file: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    policy: PolicyOptions = PolicyOptions(),
) -> None:
    """Write a page that shows what is found in FILE, why, and the masked result. It holds PHI.

    Parameters
    ----------
    file
        A DICOM file.
    output
        The HTML page to write; never below an output folder.
    """
    from scrub_pixels.run.show import write_explanation

    write_explanation(file, output, effective_policy(policy))
    print("The page is written. It shows identifiers: keep it private.")


@header_app.command(name="plan")
def header_plan(
    file: Path,
    /,
    *,
    format: Annotated[Lines, Parameter(name=["--format", "-f"])] = "table",
    policy: PolicyOptions = PolicyOptions(),
) -> None:
    """Say what would happen to each element of FILE, and which row, option or recipe line says so.

    No value is printed. The final search for identifiers is not foreseen: it depends on values.

    Parameters
    ----------
    file
        A DICOM file.
    format
        table for reading, jsonl for programs.
    """
    from scrub_pixels.run.header_commands import print_plan

    print_plan(file, effective_policy(policy).profile, format)


@header_app.command(name="diff")
def header_diff(
    first: Annotated[Path, Parameter(name="A")],
    second: Annotated[Path, Parameter(name="B")],
    /,
    *,
    format: Annotated[Lines, Parameter(name=["--format", "-f"])] = "table",
    show_values: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Name the elements that differ between two DICOM files, at every depth.

    Parameters
    ----------
    first, second
        The files, usually an input and its output.
    format
        table for reading, jsonl for programs.
    show_values
        Show values too. They may identify a patient.
    """
    from scrub_pixels.run.header_commands import print_differences

    print_differences(first, second, format, show_values)


@app.command
def crosswalk(
    workspace: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    crosswalk_key: Path | None = None,
) -> None:
    """Write who became whom: patients.csv and uids.csv with id_old,id_new. They identify patients.

    Parameters
    ----------
    workspace
        The private folder of a run, usually OUT.workspace.
    output
        The folder for both files; never below an output folder.
    crosswalk_key
        File with the passphrase or key, if the crosswalk is encrypted.
    """
    from scrub_pixels.run.header_commands import write_crosswalk

    write_crosswalk(workspace, output, crosswalk_key)


app.register_install_completion_command(name="--install-completion")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; errors are printed without a stack trace.

    Returns
    -------
    int
        The exit code: 0 all released, 10 some held, 1 some refused or the run failed, 2 wrong
        usage, 3 a missing dependency, 130 interrupted.
    """
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        return app(arguments, exit_on_error=False, print_error=True, result_action="return_value",
                   error_console=errors) or 0
    except CycloptsError:
        return UsageError.exit_code
    except ScrubError as error:
        errors.print(f"scrub-pixels: {error}", markup=False)
        return error.exit_code
    except KeyboardInterrupt:
        errors.print("scrub-pixels: interrupted. What was finished is accounted for; go on with --resume.")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def entry() -> None:
    """Leave the process with the exit code of `main`."""
    sys.exit(main())


if __name__ == "__main__":
    entry()

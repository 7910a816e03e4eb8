"""The commands ``scrub-pixels review``: the site, and everything of the review without it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Group, Parameter

from scrub_pixels.cli.app import app
from scrub_pixels.cli.review_options import QUEUE_VARIABLE

if TYPE_CHECKING:
    from scrub_pixels.review.commands import Place
    from scrub_pixels.store.queue import Wanted

review_app = App(name="review", help="Look at what was held, and decide, in a site or without any.")
app.command(review_app)
learned_app = App(name="learned", help="What decisions have taught: devices and vocabulary, without PHI.")
review_app.command(learned_app)
users_app = App(name="users", help="Accounts of a shared review site.")
review_app.command(users_app)

QUEUE = Group("Which queue")
Form = Literal["table", "jsonl"]
ExportForm = Literal["json", "gsps", "seg"]
StateName = Literal["pending", "accepted", "released", "rejected", "passed", "superseded"]
KindName = Literal["held", "qa"]
RoleName = Literal["reviewer", "approver", "admin"]

WORKSPACE = Path(".")


@Parameter(name="*", group=QUEUE)
@dataclass(frozen=True)
class QueueOptions:
    """Where the queue is.

    Parameters
    ----------
    queue
        postgresql+psycopg://user@host/database, as in the run (default: the workspace's own, or
        the environment's SCRUB_PIXELS_QUEUE, which no list of processes shows).
    crosswalk_key
        File with the passphrase or key, if the crosswalk is encrypted.
    approvals
        How many different reviewers have to accept a draft.
    """

    queue: str | None = None
    crosswalk_key: Path | None = None
    approvals: int = 1

    @property
    def address(self) -> str | None:
        """The address that counts."""
        return self.queue or os.environ.get(QUEUE_VARIABLE) or None

    def at(self, workspace: Path) -> Place:
        """Return the review of a workspace."""
        from scrub_pixels.errors import UsageError
        from scrub_pixels.review.commands import Place
        from scrub_pixels.run.header_commands import passphrase

        if self.approvals < 1:
            raise UsageError("--approvals is below 1.", remedy="Give a number of reviewers.")
        return Place(workspace, self.address, passphrase(self.crosswalk_key), self.approvals)


OWN = QueueOptions()


@Parameter(name="*")
@dataclass(frozen=True)
class Filters:
    """Which entries are meant.

    Parameters
    ----------
    state
        Where they stand (default: those that wait for a person).
    kind
        held, or qa: drawn for quality control.
    reason
        One of the reasons, exactly as `review list` prints it.
    modality
        Exact, as US.
    device
        Exact, as printed.
    series
        Exact, the token that --format jsonl prints.
    limit
        Most entries to print.
    after
        Number of the last entry of the page before.
    """

    state: StateName | Literal["all"] = "pending"
    kind: KindName | None = None
    reason: str = ""
    modality: str = ""
    device: str = ""
    series: str = ""
    limit: int = 100
    after: int = 0

    def wanted(self) -> Wanted:
        """Return them as the queue knows them."""
        from scrub_pixels.store.queue import Kind, State, Wanted

        state = None if self.state == "all" else State(self.state)
        return Wanted(state, Kind(self.kind) if self.kind else None, self.reason, self.modality, self.device,
                      self.series, self.after, self.limit)


WAITING = Filters()


@Parameter(name="*")
@dataclass(frozen=True)
class SiteOptions:
    """How the site is reached.

    Parameters
    ----------
    host
        Address to listen on; anything but this machine needs --shared and encryption.
    port
        Port to listen on (default: a free one).
    name
        A further name by which browsers call this machine; may be given several times.
    certificate
        PEM file for https.
    certificate_key
        PEM file with its key.
    behind_proxy
        A proxy of yours speaks https before it.
    prefix
        Path below which that proxy serves the site, as /review.
    shared
        Several people sign in with a password; see `scrub-pixels review users`.
    idle_minutes
        Minutes without anything done after which a session is locked.
    browser
        Open the site in a browser.
    """

    host: str = "127.0.0.1"
    port: int = 0
    name: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    certificate: Path | None = None
    certificate_key: Path | None = None
    behind_proxy: Annotated[bool, Parameter(negative="")] = False
    prefix: str = ""
    shared: Annotated[bool, Parameter(negative="")] = False
    idle_minutes: float = 15.0
    browser: bool = True


LOCAL = SiteOptions()


@review_app.default
def serve(workspace: Path = WORKSPACE, /, *, queue: QueueOptions = OWN, site: SiteOptions = LOCAL) -> None:
    """Start the review site of a workspace and open it in a browser. It shows identified images.

    Parameters
    ----------
    workspace
        The private folder of a run, usually OUT.workspace.
    """
    from scrub_pixels.review.site import Access
    from scrub_pixels.review.site import serve as serve_site

    place = queue.at(workspace)
    access = Access(site.host, site.port, site.name, site.certificate, site.certificate_key,
                    site.behind_proxy, site.shared, site.idle_minutes, site.prefix)
    serve_site(workspace, queue=place.queue_url, open_browser=site.browser, approvals=place.approvals,
               access=access, passphrase=place.passphrase)


@review_app.command(name="list")
def list_entries(
    workspace: Path = WORKSPACE,
    /,
    *,
    filters: Filters = WAITING,
    queue: QueueOptions = OWN,
    format: Annotated[Form, Parameter(name=["--format", "-f"])] = "table",
) -> None:
    """Print entries of the queue. Private: it names inputs.

    Parameters
    ----------
    workspace
        The private folder of a run.
    format
        table for reading, jsonl for programs.
    """
    from scrub_pixels.review.commands import print_list

    print_list(queue.at(workspace), filters.wanted(), format)


@review_app.command(name="apply")
def apply_file(file: Path, workspace: Path = WORKSPACE, /, *, queue: QueueOptions = OWN) -> int:
    """Do what a file of decisions says, without any site, and carry it out.

    Parameters
    ----------
    file
        JSON, as `review export` writes it, with "decision" accept or reject.
    workspace
        The private folder of a run.
    """
    from scrub_pixels.review.commands import take_file

    return take_file(queue.at(workspace), file, decide=True)


@review_app.command(name="import")
def import_file(file: Path, workspace: Path = WORKSPACE, /, *, queue: QueueOptions = OWN) -> int:
    """Take the boxes and answers of a file as drafts; nothing is decided.

    Parameters
    ----------
    file
        JSON, as `review export` writes it; or a presentation state (GSPS) or binary Segmentation of
        your DICOM viewer, whose outlines are added as boxes.
    workspace
        The private folder of a run.
    """
    from scrub_pixels.review.commands import take_file

    return take_file(queue.at(workspace), file, decide=False)


@review_app.command(name="export")
def export_file(
    workspace: Path = WORKSPACE,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    filters: Filters = WAITING,
    queue: QueueOptions = OWN,
    with_readings: Annotated[bool, Parameter(negative="")] = False,
    format: Annotated[ExportForm, Parameter(name=["--format", "-f"])] = "json",
) -> int:
    """Write entries with their boxes for other viewers and programs.

    Parameters
    ----------
    workspace
        The private folder of a run.
    output
        The file, for gsps and seg a folder; never below an output folder.
    with_readings
        Write what was read, too. It identifies patients.
    format
        json, for `review import` and `review apply`; gsps or seg: a DICOM presentation state or
        Segmentation for each entry, which names the patient.
    """
    from scrub_pixels.review.commands import write_drawings, write_export

    if format != "json":
        return write_drawings(queue.at(workspace), output, filters.wanted(), format)
    write_export(queue.at(workspace), output, filters.wanted(), with_readings)
    return 0


@review_app.command(name="carry-out")
def carry_out(workspace: Path = WORKSPACE, /, *, queue: QueueOptions = OWN) -> None:
    """Carry out what was decided and is not done yet: after a crash, or when a run is over.

    Parameters
    ----------
    workspace
        The private folder of a run.
    """
    from scrub_pixels.review.commands import carry_out as carry

    carry(queue.at(workspace))


@review_app.command
def qa(workspace: Path = WORKSPACE, /, *, queue: QueueOptions = OWN) -> None:
    """Print the estimated share of released Instances with text left, and its confidence limits.

    Parameters
    ----------
    workspace
        The private folder of a run with --qa-sample.
    """
    from scrub_pixels.review.commands import print_miss_rate

    print_miss_rate(queue.at(workspace))


@review_app.command
def audit(
    workspace: Path = WORKSPACE,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    queue: QueueOptions = OWN,
) -> None:
    """Write the log of everything that was looked at and decided, as JSON lines.

    Parameters
    ----------
    workspace
        The private folder of a run.
    output
        The file; never below an output folder.
    """
    from scrub_pixels.review.commands import write_audit

    write_audit(queue.at(workspace), output)


@users_app.command(name="add")
def add_user(name: str, workspace: Path = WORKSPACE, /, *, role: RoleName = "reviewer") -> None:
    """Add an account, or change its password; the password is asked for.

    Parameters
    ----------
    name
        Who signs in.
    workspace
        The private folder of a run.
    role
        reviewer, approver or admin; each may all that the ones before may.
    """
    from scrub_pixels.review.commands import asked_password
    from scrub_pixels.review.site.accounts import Accounts
    from scrub_pixels.review.site.people import Role

    Accounts(workspace).add(name, asked_password(), Role(role))


@users_app.command(name="remove")
def remove_user(name: str, workspace: Path = WORKSPACE, /) -> None:
    """Remove an account; its sessions end.

    Parameters
    ----------
    name
        Who signs in no more.
    workspace
        The private folder of a run.
    """
    from scrub_pixels.review.site.accounts import Accounts

    Accounts(workspace).remove(name)


@users_app.command(name="list")
def list_users(workspace: Path = WORKSPACE, /) -> None:
    """Print the accounts and their roles.

    Parameters
    ----------
    workspace
        The private folder of a run.
    """
    from scrub_pixels.review.site.accounts import Accounts

    for account in Accounts(workspace).all():
        print(f"{account.role.value:<10} {account.name}")


@learned_app.command(name="show")
def show_learned(workspace: Path = WORKSPACE, /, *, version: int | None = None) -> None:
    """Print what reviews have taught, as a catalogue of devices free of identifiers.

    Parameters
    ----------
    workspace
        The private folder of a run.
    version
        Which version (default: the last one, which the next run uses).
    """
    from scrub_pixels.review.commands import print_learned

    print_learned(workspace, version)


@learned_app.command(name="export")
def export_learned(
    workspace: Path = WORKSPACE, /, *, output: Annotated[Path, Parameter(name=["--output", "-o"])]
) -> None:
    """Write what reviews have taught to a file for --learned, or for another workspace.

    Parameters
    ----------
    workspace
        The private folder of a run.
    output
        The file.
    """
    from scrub_pixels.review.commands import write_learned

    write_learned(workspace, output)


@learned_app.command(name="import")
def import_learned(file: Path, workspace: Path = WORKSPACE, /, *, queue: QueueOptions = OWN) -> None:
    """Take in what reviews have taught elsewhere: what it keeps must be confirmed here, what it masks not.

    Parameters
    ----------
    file
        As `learned export` writes it.
    workspace
        The private folder of a run.
    """
    from scrub_pixels.review.commands import take_learned

    take_learned(queue.at(workspace), file)


@learned_app.command(name="revert")
def revert_learned(version: int, workspace: Path = WORKSPACE, /, *, queue: QueueOptions = OWN) -> None:
    """Go back to a version; what was learned after it counts no more.

    Parameters
    ----------
    version
        Its number; 0 is to have learned nothing.
    workspace
        The private folder of a run.
    """
    from scrub_pixels.review.commands import go_back

    go_back(queue.at(workspace), version)


@review_app.command
def gsps(
    key: str,
    workspace: Path = WORKSPACE,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    queue: QueueOptions = OWN,
) -> None:
    """Write the boxes of an entry as a DICOM presentation state, for any viewer. It names the patient.

    Parameters
    ----------
    key
        The entry, as `review list` prints it.
    workspace
        The private folder of a run.
    output
        The file; never below an output folder.
    """
    from scrub_pixels.review.commands import write_gsps

    write_gsps(queue.at(workspace), key, output)

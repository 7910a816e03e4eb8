"""The command ``gateway``: front doors for machines that send DICOM."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from scrub_pixels.cli.app import RUNNING, app, console
from scrub_pixels.cli.policies import AS_IT_IS, PolicyOptions, effective_policy
from scrub_pixels.errors import UsageError

if TYPE_CHECKING:
    from scrub_pixels.cli.scrubbing import RunOptions
    from scrub_pixels.gateway import Gateway, TlsFiles

DIMSE = Group("DICOM door", sort_key=3)
HTTP = Group("HTTP door", sort_key=4)
ONWARD = Group("Where it goes", sort_key=5)

TOKEN_VARIABLES = ("SCRUB_PIXELS_HTTP_TOKEN", "SCRUB_PIXELS_STOW_TOKEN")


@Parameter(name="*", group=DIMSE)
@dataclass(frozen=True)
class DimseOptions:
    """Options of the DICOM door.

    Parameters
    ----------
    aet
        Our AE title.
    host
        Address to listen on; 127.0.0.1 (default) is reached from this machine only.
    port
        Port for C-STORE and C-ECHO; without it there is no DICOM door.
    calling
        An AE title that may call; may be given several times (default: any).
    any_called
        Answer under whatever title we are called.
    network
        An address or network that may connect, such as 10.1.0.0/16; may be given several times.
    peer
        AET@host:port of a sender, for its storage commitment reports; may be given several times.
    associations
        Most associations at a time.
    pdu
        Largest PDU, bytes.
    timeout
        Seconds of silence after which an association ends.
    tls_cert, tls_key
        Our certificate and key (PEM): speak TLS, for the HTTP door too.
    tls_ca
        Authorities (PEM) that clients must be certified by.
    """

    aet: str = "SCRUB"
    host: str = "127.0.0.1"
    port: int | None = None
    calling: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    any_called: Annotated[bool, Parameter(negative="")] = False
    network: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    peer: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    associations: int = 20
    pdu: int = 131072
    timeout: float = 60.0
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None


@Parameter(name="*", group=HTTP)
@dataclass(frozen=True)
class HttpOptions:
    """Options of the HTTP door.

    Parameters
    ----------
    http_port
        Port for STOW-RS, /deidentify-image, /healthz and /metrics; without it there is no HTTP door.
    http_host
        Address to listen on; others than this machine's own need a token.
    http_token_file
        File with the bearer token that requests must carry (or SCRUB_PIXELS_HTTP_TOKEN).
    http_body
        Largest request body, bytes.
    """

    http_port: int | None = None
    http_host: str = "127.0.0.1"
    http_token_file: Path | None = None
    http_body: int = 4 * 2**30


@Parameter(name="*", group=ONWARD)
@dataclass(frozen=True)
class OnwardOptions:
    """Options of the way on.

    Parameters
    ----------
    to
        AET@host:port of the DICOM application that released instances go to by C-STORE.
    stow
        Base URL of the DICOMweb service that they go to by STOW-RS.
    stow_token_file
        File with the bearer token for it (or SCRUB_PIXELS_STOW_TOKEN).
    to_tls
        Speak TLS to the destination of --to.
    to_tls_ca
        Authorities (PEM) that the destination must be certified by (default: those of the system).
    to_tls_cert, to_tls_key
        Certificate and key (PEM) to show to the destination.
    out
        Without a destination: the folder for what is released. With one: the outbox.
    stable
        Search the images of a Series together when none of it has come for so many seconds, and forward
        a study when nothing of it has (default 0: at once; then those that wait together teach each other).
    retry_first, retry_most
        Seconds until a failed delivery is tried again, doubled each time, and the most.
    """

    to: str | None = None
    stow: str | None = None
    stow_token_file: Path | None = None
    to_tls: Annotated[bool, Parameter(negative="")] = False
    to_tls_ca: Path | None = None
    to_tls_cert: Path | None = None
    to_tls_key: Path | None = None
    out: Path | None = None
    stable: float = 0.0
    retry_first: float = 1.0
    retry_most: float = 300.0


@Parameter(name="*", group=RUNNING)
@dataclass(frozen=True)
class SpoolOptions:
    """Options of the work.

    Parameters
    ----------
    jobs
        Worker processes (default: one per core); 0 works in this process.
    crosswalk_key
        File with a passphrase or key that encrypts the crosswalk in the workspace.
    spool_instances
        Most instances that may wait; more are answered with Out of Resources.
    spool_gigabytes
        Most that the spool may hold.
    largest_megabytes
        Largest instance.
    quiet
        Print nothing but errors.
    """

    jobs: Annotated[int | None, Parameter(name=["--jobs", "-j"])] = None
    crosswalk_key: Path | None = None
    spool_instances: int = 20_000
    spool_gigabytes: float = 50.0
    largest_megabytes: int = 4096
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False


@app.command
def gateway(
    *,
    workspace: Annotated[Path, Parameter(name=["--workspace", "-w"])],
    policy: PolicyOptions = AS_IT_IS,
    dimse: DimseOptions | None = None,
    http: HttpOptions | None = None,
    onward: OnwardOptions | None = None,
    spool: SpoolOptions | None = None,
) -> int:
    """Receive DICOM from other machines, scrub it, and forward it or write it to a folder.

    Success in answer to a sender means that an instance is safely received, not that it was
    released: held and refused ones stay in the workspace. Stop with Ctrl-C or SIGTERM.

    Parameters
    ----------
    workspace
        Private folder for spool, journal, key, ledger and review queue.
    """
    from scrub_pixels.gateway.service import run_until_stopped

    dimse, http = dimse or DimseOptions(), http or HttpOptions()
    settings = _settings(workspace, policy, dimse, http, (onward or OnwardOptions(), spool or SpoolOptions()))
    screen = console((spool or SpoolOptions()).quiet)
    run_until_stopped(settings, lambda running: _tell(running, dimse, http, screen.print))
    return 0


def _settings(workspace: Path, policy: PolicyOptions, dimse: DimseOptions, http: HttpOptions,
              rest: tuple[OnwardOptions, SpoolOptions]):
    from scrub_pixels.cli.scrubbing import _jobs
    from scrub_pixels.gateway import GatewaySettings, Retry, Spooling
    from scrub_pixels.gateway.settings import read_peer
    from scrub_pixels.run.header_commands import passphrase

    onward, spool = rest
    return GatewaySettings(
        workspace=workspace, out=_out(onward, workspace), policy=effective_policy(policy),
        dimse=_dimse_door(dimse), http=_http_door(http, dimse),
        to=read_peer(onward.to) if onward.to else None, stow=onward.stow or "",
        stow_token=_secret(onward.stow_token_file, TOKEN_VARIABLES[1]), destination_tls=_onward_tls(onward),
        stable=onward.stable, jobs=_jobs(spool.jobs), retry=Retry(onward.retry_first, onward.retry_most),
        spooling=Spooling(spool.spool_instances, int(spool.spool_gigabytes * 2**30),
                          largest=spool.largest_megabytes * 2**20),
        passphrase=passphrase(spool.crosswalk_key))


def _out(onward: OnwardOptions, workspace: Path) -> Path:
    """Return OUT; the outbox of a destination stands beside the workspace unless named."""
    if onward.out:
        return onward.out
    if not (onward.to or onward.stow):
        raise UsageError("The gateway has no destination.", remedy="Give --to, --stow or --out.")
    real = Path(os.path.realpath(workspace))
    return real.with_name(real.name + ".outbox")


def _dimse_door(options: DimseOptions):
    from scrub_pixels.gateway import DimseDoor
    from scrub_pixels.gateway.settings import read_peer

    if options.port is None:
        return None
    return DimseDoor(options.aet, options.host, options.port, options.any_called, options.calling,
                     options.network, _door_tls(options), options.associations, options.pdu,
                     options.timeout, tuple(read_peer(text) for text in options.peer))


def _http_door(options: HttpOptions, dimse: DimseOptions):
    from scrub_pixels.gateway import HttpDoor

    if options.http_port is None:
        return None
    token = _secret(options.http_token_file, TOKEN_VARIABLES[0])
    return HttpDoor(options.http_host, options.http_port, token, _door_tls(dimse), options.http_body)


def _door_tls(options: DimseOptions) -> TlsFiles | None:
    from scrub_pixels.gateway import TlsFiles

    if not (options.tls_cert or options.tls_key or options.tls_ca):
        return None
    return TlsFiles(options.tls_cert, options.tls_key, options.tls_ca)


def _onward_tls(options: OnwardOptions) -> TlsFiles | None:
    from scrub_pixels.gateway import TlsFiles

    if not (options.to_tls or options.to_tls_ca or options.to_tls_cert):
        return None
    return TlsFiles(options.to_tls_cert, options.to_tls_key, options.to_tls_ca)


def _secret(file: Path | None, variable: str) -> str:
    """Return a token from a file or the environment, never from the command line, which others can see."""
    if file is None:
        return os.environ.get(variable, "").strip()
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token:
        raise UsageError("The token file cannot be read, or is empty.", remedy="Check its path.")
    return token


def _tell(running: Gateway, dimse: DimseOptions, http: HttpOptions, say) -> None:
    if running.dimse:
        say(f"DICOM: {dimse.aet}@{dimse.host}:{running.dimse.port}")
    if running.http:
        say(f"HTTP: {http.http_host}:{running.http.port}")


def scrub_from_dicomweb(url: str, out: str, run: RunOptions, scrub: Callable[[str], int]) -> int:
    """Fetch what a DICOMweb URL names into a private folder, scrub that, and remove it.

    Parameters
    ----------
    url
        ``dicomweb+https://host/dicom-web?StudyInstanceUID=...``.
    out, run
        As for the default command.
    scrub
        Carries out the default command on a folder.
    """
    from scrub_pixels.store.places import place_of

    fetch_studies, spool_beside, let_go = _fetching()
    if run.dry_run:
        with tempfile.TemporaryDirectory(prefix="scrub-pixels-") as folder:
            fetch_studies(url, Path(folder) / "fetched")
            return scrub(str(Path(folder) / "fetched"))
    workspace = _workspace(out, run)
    spool, say = spool_beside(workspace, url), console(run.quiet or run.events == "-").print
    fetched = fetch_studies(url, spool)
    say(f"{fetched.instances} instances fetched, {fetched.resumed} of them before.")
    code = scrub(str(spool))
    if stay := let_go(spool, workspace, place_of(out)):
        say(f"{stay} originals that are not released stay in the private folder beside the workspace.")
    return code


def _fetching():
    from scrub_pixels.errors import MissingDependency

    try:
        from scrub_pixels.gateway.fetch import fetch_studies, let_go, spool_beside
    except ImportError as error:
        raise MissingDependency(f"A package for DICOMweb is missing ({error.name}).",
                                remedy="Install the extra: pip install 'scrub-pixels[gateway]'.") from None
    return fetch_studies, spool_beside, let_go


def _workspace(out: str, run: RunOptions) -> Path:
    from scrub_pixels.store.places import place_of
    from scrub_pixels.store.workspace import default_workspace

    if run.workspace is not None:
        return run.workspace
    place = place_of(out)
    if isinstance(place, str):
        raise UsageError("OUT is a URL, and the workspace is a private folder of this machine.",
                         remedy="Name one with --workspace.")
    return default_workspace(place)

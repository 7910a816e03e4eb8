"""Start the site: check, bind, tell the address, serve until it is interrupted."""

from __future__ import annotations

import getpass
import ipaddress
import re
import socket
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrub_pixels.errors import MissingDependency, UsageError
from scrub_pixels.review.desk import Desk, open_desk
from scrub_pixels.review.shelter import OneWorker
from scrub_pixels.review.site.people import Person, Role
from scrub_pixels.review.site.vendor import Assets, load_assets
from scrub_pixels.store.atomic import write_private

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
SECONDS_TO_END = 5
PREFIX = re.compile(r"(/[A-Za-z0-9_~-]+){1,8}")


@dataclass(frozen=True, slots=True)
class Access:
    """How the site is reached.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes a free one.
    names
        Further names of this machine by which browsers may call the site.
    certificate, certificate_key
        PEM files for https.
    behind_proxy
        True if a proxy of yours speaks https before it.
    shared
        True to let several people sign in with a password.
    idle_minutes
        Minutes without anything done after which a session is locked.
    prefix
        Path below which that proxy serves the site, as ``/review``; empty if it has a host of its own.
    """

    host: str = "127.0.0.1"
    port: int = 0
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    certificate_key: Path | None = None
    behind_proxy: bool = False
    shared: bool = False
    idle_minutes: float = 15.0
    prefix: str = ""

    @property
    def scheme(self) -> str:
        """``https`` if it can be."""
        return "https" if self.certificate or self.behind_proxy else "http"

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    def check(self) -> None:
        """Refuse what would let others read along.

        Raises
        ------
        UsageError
            If it is open to a network without accounts, or without encryption.
        """
        if not self.local and not self.shared:
            raise UsageError("Reviewers on other machines need accounts.",
                             remedy="Add --shared, and accounts with `scrub-pixels review users add`.")
        if not self.local and self.scheme == "http":
            raise UsageError("Passwords and images would cross the network unencrypted.",
                             remedy="Give --certificate and --certificate-key, or --behind-proxy if a proxy "
                                    "of yours speaks https, or reach it through an SSH tunnel.")
        if self.prefix and not (self.behind_proxy and PREFIX.fullmatch(self.prefix)):
            raise UsageError("A prefix is a path as /review, below which a proxy serves the site.",
                             remedy="Give it so, together with --behind-proxy.")
        if bool(self.certificate) != bool(self.certificate_key):
            raise UsageError("A certificate needs its key.",
                             remedy="Give both --certificate and --certificate-key.")

    def hosts(self, port: int) -> list[str]:
        """Return every ``host[:port]`` a browser may call the site by."""
        names = [*(LOOPBACK_NAMES if self.local or not self.names else ()), *self.names]
        if self.host not in ("0.0.0.0", "::", "localhost") and self.host not in names:
            names.append(f"[{self.host}]" if ":" in self.host else self.host)
        return [f"{name}:{port}" for name in names] + (list(self.names) if self.behind_proxy else [])


def serve(workspace: Path, *, queue: str | None = None, open_browser: bool = True, approvals: int = 1,
          access: Access | None = None, passphrase: bytes = b"") -> None:
    """Serve the review site of a workspace until it is interrupted.

    Parameters
    ----------
    workspace
        The private folder of a run.
    queue
        ``postgresql+psycopg://...`` if the run had its queue there.
    open_browser
        Whether to open the site in a browser of this machine.
    approvals
        How many different reviewers have to accept a draft.
    access
        How the site is reached, and by whom (default: from this machine, by whoever has the link).
    passphrase
        What the crosswalk is encrypted with, as in the run.

    Raises
    ------
    MissingDependency
        If Starlette, uvicorn or the drawing library are not installed.
    UsageError
        If it would be open to a network without accounts or encryption, or two people would have
        to agree where there is only one.
    WorkspaceError
        If this is no workspace.
    """
    access = access or Access()
    check(access, approvals)
    uvicorn = _uvicorn()
    assets = load_assets()
    with ExitStack() as stack:
        desk = stack.enter_context(open_desk(workspace, queue, passphrase=passphrase, approvals=approvals,
                                             shelter=OneWorker))
        listening = stack.enter_context(_listening(access))
        address = _Address(workspace, access, listening.getsockname()[1])
        house = stack.enter_context(_house(desk, assets, address))
        from scrub_pixels.review.site.app import build

        app = build(house, address.hosts, address.origins)
        address.announce(house.tokens.issue(), open_browser=open_browser)
        stack.callback(address.forget)
        with suppress(KeyboardInterrupt):  # how a person ends it
            uvicorn.Server(_config(uvicorn, app, access)).run(sockets=[listening])


def check(access: Access, approvals: int) -> None:
    """Refuse a set-up that cannot be meant; see `serve`."""
    access.check()
    if approvals < 1:
        raise UsageError("--approvals is below 1.", remedy="One reviewer has to decide at least.")
    if approvals > 1 and not access.shared:
        raise UsageError("Two people cannot agree where only one can sign in.",
                         remedy="Add --shared, and accounts with `scrub-pixels review users add`.")


@contextmanager
def _house(desk: Desk, assets: Assets, address: _Address) -> Iterator[Any]:
    from scrub_pixels.review.site.accounts import Accounts
    from scrub_pixels.review.site.house import House
    from scrub_pixels.review.site.releaser import Releaser
    from scrub_pixels.review.site.sessions import Sessions

    access = address.access
    accounts = Accounts(address.workspace) if access.shared else None
    if accounts and not accounts.all():
        raise UsageError("Nobody has an account yet.",
                         remedy="Add one: scrub-pixels review users add NAME WORKSPACE --role admin")
    desk.showing.start()
    releaser = Releaser(desk)
    releaser.start()
    try:
        yield House(desk, releaser, assets, cookie=f"scrub-pixels-{address.port}",
                    prefix=access.prefix, secure=access.scheme == "https",
                    owner=None if accounts else _owner(), accounts=accounts,
                    announce=address.announce, sessions=Sessions(idle=60 * access.idle_minutes))
    finally:
        releaser.stop(SECONDS_TO_END)


class _Address:
    """Where the site is, and how the person at the terminal learns of it."""

    def __init__(self, workspace: Path, access: Access, port: int) -> None:
        self.workspace, self.access, self.port = workspace, access, port
        self.hosts = access.hosts(port)
        self.origins = [f"{access.scheme}://{host}" for host in self.hosts]
        # A proxy calls by a name of its own, and that is where people go.
        self.site = f"{self.origins[-1 if access.behind_proxy and access.names else 0]}{access.prefix}"
        self._door = workspace / ".open-review.html"

    def announce(self, token: str, open_browser: bool = False) -> None:
        """Print the address, with a token in its fragment, which browsers send to nobody."""
        if self.access.shared:
            print(f"The review site is at {self.site}/sign-in", flush=True)
            return
        url = f"{self.site}/open#{token}"
        print("Open the review site by this link. It is good once, for ten minutes:")
        print(f"\n  {url}\n", flush=True)
        if open_browser:
            self._show(url)

    def _show(self, url: str) -> None:
        """Open a private page that leads there: the list of processes must not show the token."""
        self.forget()
        page = f'<!doctype html><meta http-equiv="refresh" content="0;url={url}"><title>Review</title>'
        write_private(self._door, iter([page.encode()]))
        webbrowser.open(self._door.resolve().as_uri())

    def forget(self) -> None:
        """Remove that page."""
        self._door.unlink(missing_ok=True)


@contextmanager
def _listening(access: Access) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in access.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((access.host.strip("[]"), access.port))
            listening.listen(128)
        except (OSError, OverflowError):
            raise UsageError("The site cannot listen there.",
                             remedy="The port may be taken or need rights; try --port 0.") from None
        yield listening


def _config(uvicorn: Any, app: Any, access: Access) -> Any:
    """Configure a server that logs nothing of a request and tells nothing of itself."""
    return uvicorn.Config(app, access_log=False, log_config=None, log_level="critical", server_header=False,
                          ssl_certfile=access.certificate, ssl_keyfile=access.certificate_key,
                          proxy_headers=access.behind_proxy, timeout_graceful_shutdown=SECONDS_TO_END,
                          h11_max_incomplete_event_size=1 << 16, ws="none", lifespan="off")


def _uvicorn() -> Any:
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError:
        raise MissingDependency("The review site needs Starlette and uvicorn, which are not installed.",
                                remedy='Install them with: pip install "scrub-pixels[review]"') from None
    return uvicorn


def _owner() -> Person:
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):
        name = "reviewer"
    return Person(name, Role.ADMIN)

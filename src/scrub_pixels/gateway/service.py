"""The gateway as a whole: its doors, its workers, and how they start and stop."""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from scrub_pixels.errors import MissingDependency, ScrubError, WorkspaceError
from scrub_pixels.gateway.delivery import Delivery, Destination
from scrub_pixels.gateway.journal import Journal
from scrub_pixels.gateway.reception import Reception
from scrub_pixels.gateway.scrubbing import Scrubbing
from scrub_pixels.gateway.settings import GatewaySettings
from scrub_pixels.gateway.spool import Spool
from scrub_pixels.store.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from scrub_pixels.gateway.dimse import DimseServer
    from scrub_pixels.gateway.web import HttpServer

REMEDY = "Install the extra: pip install 'scrub-pixels[gateway]'."


class Gateway:
    """Receives, scrubs and forwards until it is stopped; use it as a context manager.

    Parameters
    ----------
    settings
        Everything it is asked to do.

    Raises
    ------
    MissingDependency
        If the extra [gateway] is not installed.
    UsageError, WorkspaceError
        If folders or certificates cannot be used as asked; raised on entering.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self._stack = ExitStack()
        self.dimse: DimseServer | None = None
        self.http: HttpServer | None = None

    def __enter__(self) -> Gateway:
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stack.close()

    def _open(self, stack: ExitStack) -> None:
        settings = self.settings
        self.workspace = open_workspace(settings.workspace, outside=(settings.out,))
        stack.enter_context(_only_one(self.workspace))
        stack.enter_context(_quiet())
        self.journal = Journal(self.workspace.root / "gateway.sqlite")
        stack.callback(self.journal.close)
        spool = Spool(self.workspace.root / "spool", settings.spooling)
        stack.enter_context(_temporary_files_in(spool.folder / "incoming"))
        self.reception = Reception(self.workspace, spool, self.journal, lambda: self.scrubbing.wake())
        self.scrubbing = Scrubbing(settings, self.workspace, self.reception, lambda: self.delivery.wake())
        self.delivery = Delivery(settings, self.journal, destination_of(settings))
        standing = self.scrubbing.prepare()
        if settings.forwards:
            self.delivery.sweep(standing)
        for part in (self.delivery, self.scrubbing):
            part.start()
            stack.callback(part.stop)
        self.scrubbing.wake()
        self._open_doors(stack)

    def _open_doors(self, stack: ExitStack) -> None:
        try:
            if self.settings.dimse:
                self._open_dimse(stack)
            if self.settings.http:
                self._open_http(stack)
        except ImportError as error:
            raise MissingDependency(f"A package of the gateway is missing ({error.name}).",
                                    remedy=REMEDY) from None

    def _open_dimse(self, stack: ExitStack) -> None:
        from scrub_pixels.gateway.commitment import Committer
        from scrub_pixels.gateway.dimse import DimseServer

        door = self.settings.dimse
        if door is None:
            return
        self.committer = Committer(self.journal, self.reception.token_of, door.title, door.peers,
                                   self.settings.retry)
        with _address_explained():
            self.dimse = DimseServer(door, self.reception, self.committer)
        self.dimse.start()
        stack.callback(self.dimse.stop)

    def _open_http(self, stack: ExitStack) -> None:
        from scrub_pixels.gateway.web import HttpServer

        door = self.settings.http
        if door is None:
            return
        with _address_explained():
            self.http = HttpServer(door, self)
        self.http.start()
        stack.callback(self.http.stop)

    def wait(self, stopping: threading.Event) -> None:
        """Wait until `stopping` is set; report storage commitments meanwhile.

        Raises
        ------
        MissingDependency
            If a worker cannot work.
        """
        while not stopping.wait(min(1.0, self.settings.poll)):
            if self.scrubbing.failure:
                raise self.scrubbing.failure
            if self.dimse:
                self.committer.report_due(stopping.is_set)


def destination_of(settings: GatewaySettings) -> Destination | None:
    """Return where released instances go; None if OUT is the end of the way.

    Raises
    ------
    MissingDependency
        If the extra [gateway] is not installed.
    """
    try:
        if settings.to:
            from scrub_pixels.gateway.storescu import StoreScu

            title = settings.dimse.title if settings.dimse else "SCRUB"
            return StoreScu(title, settings.to, tls=settings.destination_tls)
        if settings.stow:
            from scrub_pixels.gateway.stow import StowClient

            return StowClient(settings.stow, settings.stow_token, tls=settings.destination_tls)
    except ImportError as error:
        raise MissingDependency(f"A package of the gateway is missing ({error.name}).",
                                remedy=REMEDY) from None
    return None


def _quiet() -> AbstractContextManager[None]:
    try:
        from scrub_pixels.gateway.wire import quiet_and_streaming
    except ImportError as error:
        raise MissingDependency(f"A package of the gateway is missing ({error.name}).",
                                remedy=REMEDY) from None
    return quiet_and_streaming()


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Keep what libraries write to temporary files (bodies of forms) within the private workspace."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextmanager
def _only_one(workspace: Workspace) -> Iterator[None]:
    """See that no other gateway runs on a workspace; the lock goes with the process."""
    descriptor = os.open(workspace.root / "gateway.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise WorkspaceError("Another gateway is using this workspace.",
                             remedy="Stop it, or name another with --workspace.") from None
    finally:
        os.close(descriptor)


@contextmanager
def _address_explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ScrubError(f"The gateway cannot listen there ({error.strerror or type(error).__name__}).",
                         remedy="Choose another port or address.") from None


def run_until_stopped(settings: GatewaySettings,
                      opened: Callable[[Gateway], None] = lambda gateway: None) -> None:
    """Run a gateway until SIGINT or SIGTERM comes; what is in work is finished.

    Parameters
    ----------
    settings
        Everything it is asked to do.
    opened
        Called when the doors are open.

    Raises
    ------
    ScrubError
        If it cannot be started, or a worker cannot work.
    """
    stopping = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopping.set())
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Gateway(settings) as gateway:
            opened(gateway)
            gateway.wait(stopping)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""The private folder of a project: key, ledger, review queue and one lock; never below OUT."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scrub_pixels.errors import UsageError, WorkspaceError
from scrub_pixels.header.keys import ProjectKey
from scrub_pixels.store.atomic import below_output, failures_explained, sync_folder, write_private

VERSION = "1"
SECRET_BYTES = 32
PRIVATE_NOTE = b"""This folder is PRIVATE: it names patients, and its key links pseudonyms to them.
Keep it apart from the de-identified output, and never publish or share it.
"""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace that is known to be private and of this version.

    Parameters
    ----------
    root
        The resolved folder, mode 0700.
    key
        The project key, generated once: the root of every UID, pseudonym and keyed digest.
    """

    root: Path
    key: ProjectKey

    @property
    def secret(self) -> bytes:
        """The bytes of the key, to hand to workers."""
        return self.key.secret

    @property
    def ledger_file(self) -> Path:
        """The SQLite ledger."""
        return self.root / "ledger.sqlite"

    @property
    def queue_file(self) -> Path:
        """The SQLite review queue."""
        return self.root / "queue.sqlite"

    @property
    def crosswalk_file(self) -> Path:
        """The SQLite crosswalk."""
        return self.root / "crosswalk.sqlite"

    def token(self, purpose: str, data: bytes) -> str:
        """Return 32 hex digits that stand for `data` and reveal nothing about it.

        Safe in URLs, file names, logs and reports.
        """
        return self.key.digest(data, purpose)[:32]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the workspace for one run.

        The lock belongs to the process: it goes when that ends, however it ends.

        Raises
        ------
        WorkspaceError
            If another run holds it; the message names its process.
        """
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace") or "unknown"
        raise WorkspaceError(f"Another run (process {holder}) is using this workspace.",
                             remedy="Wait for it to end, or name another with --workspace.") from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
            raise
        raise WorkspaceError("This file system has no locks, which a workspace needs.",
                             remedy="Put the workspace on a local disk with --workspace.") from None


def default_workspace(out: Path) -> Path:
    """Return the workspace that belongs to an output folder: ``OUT.workspace`` beside it."""
    real = Path(os.path.realpath(out))
    return real.with_name(real.name + ".workspace")


def open_workspace(folder: Path, *, outside: tuple[Path, ...] = (), create: bool = True) -> Workspace:
    """Open a workspace, making it if it is new.

    Parameters
    ----------
    folder
        Where it is or shall be.
    outside
        Folders (OUT, IN) that must neither hold the workspace nor lie in it.
    create
        False to insist that it exists (``ledger``, ``review``).

    Raises
    ------
    WorkspaceError
        If it lies below an output folder, is open to others and cannot be closed, belongs to
        someone else, is of another version, or its key is damaged.
    """
    real = Path(os.path.realpath(folder))
    _check_place(real, outside)
    if not create and not (real / "version").is_file():
        raise WorkspaceError("There is no workspace here.",
                             remedy="Name the folder that a run printed, usually OUT.workspace.")
    with failures_explained("The workspace"):
        _make_private(real)
        _check_version(real)
        return Workspace(real, ProjectKey.from_bytes(_secret(real)))


def _check_place(real: Path, outside: tuple[Path, ...]) -> None:
    for other in (Path(os.path.realpath(path)) for path in outside):
        if real == other or other in real.parents or real in other.parents:
            raise WorkspaceError("The workspace names patients and must stand apart from input and output.",
                                 remedy="Name a folder beside them with --workspace.")
    if below_output(real / "version"):
        raise WorkspaceError("The workspace holds identifiers and must not lie below an output folder.",
                             remedy="Name a folder elsewhere with --workspace.")


def _make_private(real: Path) -> None:
    if not real.exists():
        real.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            real.mkdir(mode=0o700)
    if not real.is_dir():
        raise WorkspaceError("The workspace is not a folder.", remedy="Name another with --workspace.")
    if not (real / "version").exists() and any(not _begun(file) for file in real.iterdir()):
        raise WorkspaceError("The folder named as workspace holds other files.",
                             remedy="Name an empty or new folder with --workspace.")
    _close_to_others(real, 0o700)
    for file in real.iterdir():
        if file.is_symlink():
            raise WorkspaceError("The workspace holds a symbolic link, which could lead elsewhere.",
                                 remedy="Remove the link.")
        _close_to_others(file, 0o700 if file.is_dir() else 0o600)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner can look into, or see that one is just that.

    Raises
    ------
    WorkspaceError
        If it is a link, belongs to someone else, or stays open to others.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if folder.is_symlink() or not folder.is_dir():
        raise WorkspaceError("A private folder is a link, or no folder.", remedy="Remove what stands there.")
    _close_to_others(folder, 0o700)


def _begun(file: Path) -> bool:
    """Tell whether this is what a crash left of making a workspace; the version file comes first."""
    return file.name.startswith(".version-")


def _close_to_others(path: Path, mode: int) -> None:
    """Take permissions away from group and others, and see that they are really gone."""
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise WorkspaceError("The workspace belongs to another user.", remedy="Name one of your own.")
    if stat.S_IMODE(status.st_mode) & 0o077:
        path.chmod(mode)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise WorkspaceError("The workspace is open to others and its permissions do not change.",
                                 remedy="Put it on a file system with permissions, with --workspace.")


def _check_version(real: Path) -> None:
    file = real / "version"
    if not file.exists():
        _write_once(file, VERSION.encode())
    if not (real / "PRIVATE.txt").exists():
        _write_once(real / "PRIVATE.txt", PRIVATE_NOTE)
    found = file.read_bytes().strip()
    if found != VERSION.encode():
        raise WorkspaceError("The workspace was made by another version of scrub-pixels.",
                             remedy="Use that version, or name a new workspace.")


def _secret(real: Path) -> bytes:
    """Return the key, generated the first time and never again."""
    file = real / "key"
    if not file.exists():
        if (real / "ledger.sqlite").exists():
            raise WorkspaceError("The key of this workspace is gone, but its ledger is not.",
                                 remedy="Bring the file `key` back from a copy, or name a new workspace.")
        _write_once(file, secrets.token_bytes(SECRET_BYTES))
    secret = file.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise WorkspaceError("The key of this workspace is damaged.",
                             remedy="Restore the file `key` from a copy; a new key gives new pseudonyms.")
    return secret


def _write_once(file: Path, content: bytes) -> None:
    """Write a private file whole; if two try, the first one stays."""
    temporary = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    try:
        write_private(temporary, iter([content]))
        with suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(file.parent)


def check_private_target(path: Path) -> None:
    """Refuse to write a page or file that holds PHI below an output folder.

    Raises
    ------
    UsageError
        If `path` lies in or below a folder that holds de-identified output.
    """
    if below_output(path):
        raise UsageError("This file would hold identifiers and stand in an output folder.",
                         remedy="Write it somewhere private.")

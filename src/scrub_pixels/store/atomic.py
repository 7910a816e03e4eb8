"""Write to the output folder so that a file appears there whole and proven, or not at all.

A file is written into a private folder inside OUT (mode 0700, same file system), read back,
compared, synced, and only then given its name by a hard link, which fails if the name is taken.
Where there are no hard links, a claim file decides the race and `os.replace` gives the name.
Only de-identified bytes ever enter the private folder; what a crash leaves there is swept by the
next run. Names are journaled before they are given (`store.journal`), so that a later run can tell
what a crash left unaccounted for from what somebody else put there.
"""

from __future__ import annotations

import copy
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from pydicom import Dataset, dcmwrite

from scrub_pixels.errors import ProofFailed, Refusal, ScrubError, WorkspaceError
from scrub_pixels.frames import TRANSFER_SYNTAXES
from scrub_pixels.store.encoding import encoded
from scrub_pixels.store.journal import carry_over, enter_names, is_journal, journaled_names
from scrub_pixels.store.readback import NOT_ENCODABLE, PixelDigest, file_digest, prove_written

if TYPE_CHECKING:
    from scrub_pixels.pipeline import Scrubbed

PARTIAL_PREFIX = ".scrub-partial-"
MARKER = ".scrub-pixels-out"
MARKER_TEXT = b"This folder was written by scrub-pixels and holds de-identified files only.\n"
NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})

SYNCS_AT_ONCE = 8
"""Files of one unit that wait for the disk together."""

REMEDIES = {
    errno.ENOSPC: "The disk is full: free some space and start again with --resume.",
    errno.EDQUOT: "The quota is used up: free some space and start again with --resume.",
    errno.EFBIG: "The file system or a limit forbids files of this size.",
    errno.EROFS: "The output folder is read-only: choose another, or mount it writable.",
    errno.EACCES: "Check the permissions of the output folder.",
    errno.EPERM: "Check the permissions of the output folder.",
    errno.ENOENT: "The output folder vanished during the run: bring it back and start again with --resume.",
    errno.EIO: "The disk reports errors: check it before going on.",
}


class StoreFailed(ScrubError):
    """The disk did not take what it was given; the run cannot go on, and nothing was released."""


class DuplicateUid(Refusal):
    """Another Instance with the same new UID and other content stands in OUT already."""

    code = "duplicate-uid"


@dataclass(frozen=True, slots=True)
class Written:
    """A file that now stands in the output folder.

    Parameters
    ----------
    relative
        Its path below OUT, with ``/`` between the parts.
    digest
        SHA-256 of its bytes, hex.
    size
        Bytes.
    existing
        True if the very same bytes stood there already: a duplicate input, or the trace of a run
        that was killed before it could account for the file.
    """

    relative: str
    digest: str
    size: int
    existing: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where in OUT a file goes.

    Parameters
    ----------
    relative
        Path below OUT, from `layout`.
    otherwise
        Path to take if the first is taken by another Instance, or differs from a taken one only
        in case; empty if that is to be refused (names built from UIDs).
    replaces
        Path of an older result for the same input, which goes once the new file stands.
    case_tells
        True if no two names can differ in case alone (those built from UIDs): no claim is needed.
    """

    relative: str
    otherwise: str = ""
    replaces: str = ""
    case_tells: bool = False


class Output(Protocol):
    """Where released Instances go, a folder or a prefix of an object store; small and picklable."""

    @property
    def root(self) -> Path:
        """The folder, or a name for the prefix to show to a person."""

    def prepare(self, scrubbed: Scrubbed, digest: PixelDigest | None = None) -> Path:
        """Write an Instance to a private file, and prove it from there."""

    def publish(self, prepared: Sequence[tuple[Path, Place]]) -> list[Written | DuplicateUid]:
        """Make private files durable, and give them their names."""

    def write_bytes(self, relative: str, content: Iterator[bytes]) -> Written:
        """Write a report file, replacing an older one."""

    def withdraw(self, relative: str) -> None:
        """Remove a file that no longer stands for its input."""

    def files(self) -> Iterator[str]:
        """Yield the relative path of every Instance that stands there."""

    def size(self, relative: str) -> int | None:
        """Return the size of a file that stands there, or None."""

    def journaled(self) -> frozenset[str]:
        """Return the names that were about to be given when runs broke off."""

    def read(self, relative: str) -> bytes:
        """Return the content of a file that stands there."""


@contextmanager
def failures_explained(what: str) -> Iterator[None]:
    """Turn an `OSError` into `StoreFailed` with a remedy and without the path it names."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "Check the disk and its permissions.")
        raise StoreFailed(f"{what} cannot be written ({error.strerror or type(error).__name__}).",
                          remedy=remedy) from None


@dataclass(frozen=True, slots=True)
class OutFolder:
    """The output folder as a worker sees it; small and picklable.

    Parameters
    ----------
    root
        OUT.
    partial
        The private folder inside OUT of this run.
    """

    root: Path
    partial: Path

    def write(self, scrubbed: Scrubbed, place: Place, digest: PixelDigest | None = None) -> Written:
        """Write one scrubbed Instance, prove it from the disk, and give it its name.

        Parameters
        ----------
        scrubbed
            The de-identified Instance and its evidence; not changed.
        place
            The name, and what to do if it is taken.
        digest
            How the mask stage digests Pixel Data; if given, the file must match the evidence.

        Raises
        ------
        DuplicateUid
            If other content has this name already.
        ProofFailed
            If the file does not read back as what was given.
        StoreFailed
            If the disk is full, read-only or gone.
        """
        (written,) = self.publish([(self.prepare(scrubbed, digest), place)])
        if isinstance(written, DuplicateUid):
            raise written
        return written

    def prepare(self, scrubbed: Scrubbed, digest: PixelDigest | None = None) -> Path:
        """Write one scrubbed Instance to a private file, and prove it from there; nothing is named yet.

        Raises
        ------
        ProofFailed, StoreFailed
            As `write`; then nothing is left of it.
        """
        temporary = self._temporary()
        with failures_explained("The output file"), _removed_on_failure([temporary]):
            _write_dataset(temporary, scrubbed.dataset)
            found = prove_written(temporary, scrubbed.dataset)
            if digest and scrubbed.evidence.digest_out:
                _prove_digest(digest(found), scrubbed.evidence.digest_out)
            return temporary

    def publish(self, prepared: Sequence[tuple[Path, Place]]) -> list[Written | DuplicateUid]:
        """Make private files durable, and then give them their names, in this order.

        Many at once cost a file system little more than one: the first sync takes the others along.

        Returns
        -------
        list of Written or DuplicateUid
            One for each, in the same order. All of them are durable when this returns.

        Raises
        ------
        StoreFailed
            If the disk is full, read-only or gone.
        """
        files = [temporary for temporary, _ in prepared]
        with failures_explained("The output file"), _removed_on_failure(files):
            written = self._all_made_durable(prepared)
            names = (name for _, place in prepared for name in (place.relative, place.otherwise) if name)
            enter_names(self.partial, names)
            touched: set[Path] = set()
            named = [self._named_or_taken(temporary, place, copy_of, touched)
                     for (temporary, place), copy_of in zip(prepared, written, strict=True)]
            for folder in sorted(touched):
                sync_folder(folder)
            _unlink(files)
            return named

    def journaled(self) -> frozenset[str]:
        """Return the names that runs were about to give, or gave, when they ended without an account."""
        with failures_explained("The output folder"):
            return frozenset(journaled_names(self.partial))

    def size(self, relative: str) -> int | None:
        """Return the size of a file that stands in OUT, or None."""
        file = self.root / relative
        return file.stat().st_size if file.is_file() else None

    def write_bytes(self, relative: str, content: Iterator[bytes]) -> Written:
        """Write a report file, replacing an older one."""
        temporary = self._temporary()
        with failures_explained("The report"), _removed_on_failure([temporary]):
            size = write_private(temporary, content)
            checksum, target = file_digest(temporary), self.root / relative
            os.chmod(temporary, self._mode())
            os.replace(temporary, target)
            sync_folder(target.parent)
            return Written(relative, checksum, size)

    def withdraw(self, relative: str) -> None:
        """Remove a file that no longer stands for its input, and folders left empty by that."""
        with failures_explained("The output folder"):
            target = self.root / relative
            target.unlink(missing_ok=True)
            _remove_empty(target.parent, self.root)

    def files(self) -> Iterator[str]:
        """Yield the relative path of every Instance in OUT (reports and hidden files left out)."""
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(f for f in folders if not f.startswith(PARTIAL_PREFIX))
            below = Path(folder).relative_to(self.root)
            yield from (str(below / name) for name in sorted(names) if name.endswith(".dcm"))

    def read(self, relative: str) -> bytes:
        """Return the content of a file that stands in OUT."""
        return (self.root / relative).read_bytes()

    def _temporary(self) -> Path:
        return self.partial / secrets.token_hex(16)

    def _mode(self) -> int:
        """Return the permissions of new files: as open as the person made OUT itself."""
        return self.root.stat().st_mode & 0o666

    def _all_made_durable(self, prepared: Sequence[tuple[Path, Place]]) -> list[Written]:
        """Sync many files at once: a file system writes one record for all that wait for it together."""
        mode = self._mode()
        with ThreadPoolExecutor(max(1, min(SYNCS_AT_ONCE, len(prepared) // 4))) as pool:
            syncs = [pool.submit(self._made_durable, file, place.relative, mode) for file, place in prepared]
            return [sync.result() for sync in syncs]

    def _made_durable(self, temporary: Path, relative: str, mode: int) -> Written:
        os.chmod(temporary, mode)
        size = _sync_file(temporary)
        return Written(relative, file_digest(temporary), size)

    def _named_or_taken(self, temporary: Path, place: Place, written: Written,
                        touched: set[Path]) -> Written | DuplicateUid:
        """Give a file its first or its second name; what has to be synced for that is added to `touched`."""
        second = replace(written, relative=place.otherwise)
        try:
            if place.otherwise and not place.case_tells and not self._claim_name(place.relative):
                return self._named(temporary, second, place.replaces, touched)
            return self._named(temporary, written, place.replaces, touched)
        except DuplicateUid as taken:
            return self._named_second(temporary, second, place, touched) if place.otherwise else taken

    def _named_second(self, temporary: Path, second: Written, place: Place,
                      touched: set[Path]) -> Written | DuplicateUid:
        try:
            return self._named(temporary, second, place.replaces, touched)
        except DuplicateUid as taken:
            return taken

    def _named(self, temporary: Path, written: Written, replaces: str, touched: set[Path]) -> Written:
        target = self.root / written.relative
        touched |= _make_folders(target.parent, self.root)
        try:
            _name(temporary, target, self.partial, over=replaces == written.relative)
        except FileExistsError:
            return _already_there(target, written)
        touched.add(target.parent)
        if replaces and replaces != written.relative:
            sync_folder(target.parent)
            self.withdraw(replaces)
        return written

    def _claim_name(self, relative: str) -> bool:
        """Claim a name for every spelling of its case; False if another spelling was claimed before.

        A symbolic link to nowhere is a claim that appears at once together with what it says.
        """
        claim, spelling = self.partial / ("name-" + _code(relative.lower())), _code(relative)
        try:
            os.symlink(spelling, claim)
        except FileExistsError:
            return os.readlink(claim) == spelling
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
        return True


def _code(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()


def _already_there(target: Path, written: Written) -> Written:
    if not target.is_file() or file_digest(target) != written.digest:
        raise duplicate_uid()
    return Written(written.relative, written.digest, written.size, existing=True)


def duplicate_uid() -> DuplicateUid:
    """Return the refusal of an Instance whose name stands for other content."""
    return DuplicateUid("An Instance with the same SOP Instance UID and other content is in OUT.",
                        stage="write", tag="(0008,0018) SOPInstanceUID",
                        remedy="Find out which of the two inputs is right, and run without the other.")


def _prove_digest(found: str, promised: str) -> None:
    if not secrets.compare_digest(found, promised):
        raise ProofFailed("The Pixel Data on disk are not those that were proven.", stage="write",
                          tag="(7FE0,0010) PixelData", remedy="Check the disk; report this if it repeats.")


def _write_dataset(path: Path, dataset: Dataset) -> None:
    """Write with an empty preamble, whatever the data set brought along."""
    with _private_file(path) as file, _encoding_explained():
        _put(file, dataset)


def _put(file: BinaryIO, dataset: Dataset) -> None:
    parts = encoded(dataset)
    if parts is not None:
        file.writelines(parts)
        return
    plain = copy.copy(dataset)
    plain.preamble = b"\0" * 128
    dcmwrite(file, plain, **_encoding(plain))


def _encoding(dataset: Dataset) -> dict[str, bool]:
    """Name the encoding in a transfer syntax that is newer than pydicom; its own it knows and checks."""
    uid = dataset.file_meta.TransferSyntaxUID
    if uid.is_transfer_syntax or uid not in TRANSFER_SYNTAXES:
        return {"enforce_file_format": True}
    little = TRANSFER_SYNTAXES[uid].little_endian
    return {"implicit_vr": False, "little_endian": little, "force_encoding": True}


@contextmanager
def _encoding_explained() -> Iterator[None]:
    """Tell a data set that cannot be encoded from a disk that does not take it; quote neither."""
    try:
        yield
    except (OSError, *NOT_ENCODABLE) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ProofFailed(f"The de-identified data set cannot be encoded ({type(error).__name__}).",
                          stage="write") from None


def write_private(path: Path, content: Iterator[bytes]) -> int:
    """Write chunks to a new file of mode 0600, sync it, and return its size."""
    with _private_file(path) as file:
        for chunk in content:
            file.write(chunk)
        _sync(file)
        return file.tell()


def _private_file(path: Path):
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")


def _sync(file) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_file(path: Path) -> int:
    """Make a closed file durable, and return its size."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _removed_on_failure(files: Sequence[Path]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _unlink(files)
        raise


def _unlink(files: Iterable[Path]) -> None:
    for file in files:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _make_folders(folder: Path, root: Path) -> set[Path]:
    """Create the folders between `root` and `folder`, and return those whose names have to be synced.

    Never `root` itself: an OUT that vanished stays an error.
    """
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        with suppress(FileExistsError):
            new.mkdir()
    return {new.parent for new in missing}


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and root in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _name(temporary: Path, target: Path, claims: Path, over: bool) -> None:
    if over:
        os.replace(temporary, target)
        return
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _name_by_claim(temporary, target, claims)


def _name_by_claim(temporary: Path, target: Path, claims: Path) -> None:
    """Give the name where hard links do not exist: only the maker of the claim may replace."""
    claim = claims / ("claim-" + _code(str(target)))
    os.close(os.open(claim, os.O_CREAT | os.O_EXCL, 0o600))
    if target.exists():
        raise FileExistsError(errno.EEXIST, "taken")
    os.replace(temporary, target)


@contextmanager
def open_out(root: Path) -> Iterator[OutFolder]:
    """Open OUT for one run: create it, sweep what a crash left, lock it, and tidy up at the end.

    Raises
    ------
    WorkspaceError
        If another run is writing to this folder.
    StoreFailed
        If the folder cannot be made or written.
    """
    with failures_explained("The output folder"):
        root.mkdir(parents=True, exist_ok=True)
        root = root.resolve()
        partial = root / (PARTIAL_PREFIX + secrets.token_hex(8))
        partial.mkdir(mode=0o700)
        lock = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with failures_explained("The output folder"):
            fcntl.flock(lock, fcntl.LOCK_EX)
            _sweep(root, partial)
            _leave_marker(root)
        yield OutFolder(root, partial)
    except BaseException:
        # What was named and not accounted for is known from the journal only: that stays.
        _empty(partial)
        raise
    else:
        with suppress(OSError):
            shutil.rmtree(_out_of_reach(partial), ignore_errors=True)
    finally:
        os.close(lock)


def _out_of_reach(partial: Path) -> Path:
    """Rename a private folder, and return its new path.

    A worker that nobody waits for any more (a cluster may do work twice, the parent of a process may be
    gone) then finds no place to write to and no file to name, whatever it was about to do.
    """
    return partial.rename(partial.with_name(PARTIAL_PREFIX + secrets.token_hex(8)))


def _empty(partial: Path) -> None:
    """Remove everything from a private folder but its journals, and the folder if it has none."""
    with suppress(OSError):
        _unlink(file for file in partial.iterdir() if not is_journal(file))
        partial.rmdir()


def was_written_here(root: Path) -> bool:
    """Tell whether a folder is an output folder of this package, or empty, or not there yet."""
    if (root / MARKER).exists() or not root.is_dir():
        return True
    return all(entry.name.startswith(PARTIAL_PREFIX) for entry in root.iterdir())


def _leave_marker(root: Path) -> None:
    if not (root / MARKER).exists():
        (root / MARKER).write_bytes(MARKER_TEXT)


def _sweep(root: Path, current: Path) -> None:
    """Remove private folders of runs that ended without tidying up; their journals are carried over."""
    for folder in list(root.glob(PARTIAL_PREFIX + "*")):
        if folder != current:
            _sweep_one(folder, current)


def _sweep_one(folder: Path, current: Path) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        aside = _out_of_reach(folder)
        carry_over(aside, current)
        shutil.rmtree(aside)
    except BlockingIOError:
        raise WorkspaceError("Another run is writing to this output folder.",
                             remedy="Wait for it to end, or choose another folder.") from None
    finally:
        os.close(lock)


def below_output(path: Path) -> bool:
    """Tell whether `path` lies in or below a folder that this package writes de-identified files to."""
    real = Path(os.path.realpath(path))
    return any((folder / name).exists() for folder in real.parents for name in (MARKER, "scrub-report.json"))

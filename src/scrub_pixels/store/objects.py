"""OUT as a prefix of an object store: the promise of a folder, kept with what such stores can do.

An Instance is written to a private file of the worker and proven there, uploaded below a private
prefix, read back and compared, and only then copied to its name, which object stores do whole or not
at all. A kill leaves nothing in the public part; what it leaves below the private prefix is
de-identified, and swept by the next run. Names are journaled there before they are given.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrub_pixels.errors import MissingDependency, ScrubError, UsageError
from scrub_pixels.store.atomic import (
    MARKER,
    MARKER_TEXT,
    PARTIAL_PREFIX,
    DuplicateUid,
    OutFolder,
    Place,
    StoreFailed,
    Written,
    duplicate_uid,
)
from scrub_pixels.store.leftovers import private_folder, sweep_leftovers
from scrub_pixels.store.readback import CHUNK, PixelDigest, file_digest

if TYPE_CHECKING:
    from scrub_pixels.pipeline import Scrubbed

JOURNAL = "journal-"
PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "http": "aiohttp",
            "https": "aiohttp"}
"""What fsspec needs besides itself, by the scheme of a URL."""

LATE_COPIES = frozenset({"az", "abfs", "abfss"})
"""Schemes of stores that acknowledge copies before they are made."""

COPY_WAIT, FIRST_PAUSE, LONGEST_PAUSE = 300.0, 0.1, 5.0
"""Seconds for which a copy is waited for, and between two questions about it."""

STORAGE_ERRORS = (Exception,)
"""What storage libraries raise: aiohttp, gcsfs and azure have families of their own, without a common kin."""


def file_system(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path in it.

    Raises
    ------
    MissingDependency
        If fsspec, or the package for this kind of URL, is not installed.
    UsageError
        If nothing is known about such URLs.
    """
    try:
        import fsspec
    except ImportError:
        raise MissingDependency("URLs need the package fsspec.",
                                remedy="pip install 'scrub-pixels[remote]'") from None
    try:
        return fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        package = PACKAGES.get(url.split(":", 1)[0], error.name or "its package")
        raise MissingDependency("URLs of this kind need one more package.",
                                remedy=f"pip install {package}") from None
    except ValueError:
        raise UsageError("There is no file system for URLs of this kind.",
                         remedy="Known are s3://, gs://, az://, http(s)://, memory:// and others of fsspec."
                         ) from None


def is_web(url: str) -> bool:
    """Tell whether a URL is of a plain web server: its folders are pages of links, and it takes no files."""
    return url.startswith(("http://", "https://"))


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what a storage library raises into `StoreFailed`, without the names it quotes."""
    try:
        yield
    except ScrubError:
        raise
    except STORAGE_ERRORS as error:
        remedy = "Check the store and the credentials, and start again with --resume."
        raise StoreFailed(f"{what} cannot be written ({type(error).__name__}).", remedy=remedy) from None


@dataclass(frozen=True, slots=True)
class OutPrefix:
    """A prefix of an object store as a worker sees it; small and picklable.

    Parameters
    ----------
    url
        OUT.
    partial
        The name of the private prefix below it.
    """

    url: str
    partial: str

    @property
    def root(self) -> Path:
        """What a person is shown."""
        return Path(self.url)

    def prepare(self, scrubbed: Scrubbed, digest: PixelDigest | None = None) -> Path:
        """Write one scrubbed Instance to a private file of this machine, and prove it from there."""
        folder = private_folder()
        try:
            return OutFolder(folder, folder).prepare(scrubbed, digest)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def publish(self, prepared: Sequence[tuple[Path, Place]]) -> list[Written | DuplicateUid]:
        """Upload private files to the private prefix, prove them there, and copy them to their names."""
        try:
            with _explained("The output"):
                uploaded = [self._uploaded(file, place) for file, place in prepared]
                self._enter([name for _, place in prepared for name in (place.relative, place.otherwise)])
                return [self._named(private, written, place)
                        for (private, written), (_, place) in zip(uploaded, prepared, strict=True)]
        finally:
            for file, _ in prepared:
                shutil.rmtree(file.parent, ignore_errors=True)

    def write_bytes(self, relative: str, content: Iterator[bytes]) -> Written:
        """Write a report file, replacing an older one; object stores show it whole or not at all."""
        data = b"".join(content)
        with _explained("The report"):
            system, base = file_system(self.url)
            system.pipe_file(f"{base}/{relative}", data)
        return Written(relative, hashlib.sha256(data).hexdigest(), len(data))

    def withdraw(self, relative: str) -> None:
        """Remove an object that no longer stands for its input."""
        with _explained("The output"):
            system, base = file_system(self.url)
            with suppress(FileNotFoundError):
                system.rm_file(f"{base}/{relative}")

    def files(self) -> Iterator[str]:
        """Yield the relative name of every Instance below the prefix."""
        for name in self._names():
            if name.endswith(".dcm") and not name.startswith(PARTIAL_PREFIX):
                yield name

    def size(self, relative: str) -> int | None:
        """Return the size of an object that stands there, or None."""
        system, base = file_system(self.url)
        try:
            return int(system.info(f"{base}/{relative}")["size"])
        except FileNotFoundError:
            return None

    def journaled(self) -> frozenset[str]:
        """Return the names that were about to be given when runs broke off."""
        with _explained("The output"):
            system, base = file_system(self.url)
            entries = [system.cat_file(f"{base}/{name}") for name in self._private() if JOURNAL in name]
            return frozenset(name for entry in entries for name in json.loads(entry))

    def read(self, relative: str) -> bytes:
        """Return the content of an object that stands there."""
        system, base = file_system(self.url)
        with _explained("The output"):
            return system.cat_file(f"{base}/{relative}")

    def sweep(self) -> None:
        """Remove what is left below private prefixes, the journals last."""
        system, base = file_system(self.url)
        for name in sorted(self._private(), key=lambda name: JOURNAL in name):
            with suppress(FileNotFoundError):
                system.rm_file(f"{base}/{name}")

    def _private(self) -> list[str]:
        return [name for name in self._names() if name.startswith(PARTIAL_PREFIX)]

    def _names(self) -> list[str]:
        system, base = file_system(self.url)
        try:
            return sorted(name[len(base):].lstrip("/") for name in system.find(base))
        except FileNotFoundError:
            return []

    def _uploaded(self, file: Path, place: Place) -> tuple[str, Written]:
        system, base = file_system(self.url)
        private = f"{base}/{self.partial}/{secrets.token_hex(16)}"
        digest = file_digest(file)
        system.put_file(str(file), private)
        if _digest(system, private) != digest:
            raise StoreFailed("The uploaded object is not what was written.",
                              remedy="Check the store, and start again with --resume.")
        return private, Written(place.relative, digest, file.stat().st_size)

    def _enter(self, names: list[str]) -> None:
        system, base = file_system(self.url)
        content = json.dumps([name for name in names if name]).encode()
        system.pipe_file(f"{base}/{self.partial}/{JOURNAL}{secrets.token_hex(8)}", content)

    def _named(self, private: str, written: Written, place: Place) -> Written | DuplicateUid:
        system, base = file_system(self.url)
        try:
            for name in filter(None, (place.relative, place.otherwise)):
                target = f"{base}/{name}"
                if place.replaces == name or not system.exists(target):
                    _copied(system, private, target, written.digest)
                    return Written(name, written.digest, written.size)
                if _digest(system, target) == written.digest:
                    return Written(name, written.digest, written.size, existing=True)
            return duplicate_uid()
        finally:
            system.rm_file(private)


def _copied(system: Any, source: str, target: str, digest: str) -> None:
    """Copy an object within a store, and come back when the copy is what was to be copied.

    Azure may acknowledge a copy before it is made (Copy Blob, ``x-ms-copy-status: pending``), and one whose
    source is gone by then ends as an empty object. The other stores answer when they are through.
    """
    system.cp_file(source, target)
    protocols = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    if LATE_COPIES.isdisjoint(protocols):
        return
    stop, pause = time.monotonic() + COPY_WAIT, FIRST_PAUSE
    while not _is(system, target, digest):
        if time.monotonic() > stop:
            with suppress(*STORAGE_ERRORS):
                system.rm_file(target)
            raise StoreFailed("The store did not finish the copy of an object in time.",
                              remedy="Start again with --resume when the store has less to do.")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _is(system: Any, path: str, digest: str) -> bool:
    """Tell whether an object is there and has that content."""
    try:
        return _digest(system, path) == digest
    except STORAGE_ERRORS:  # one that is not copied yet may not be readable: what it lacks shows in the end
        return False


def _digest(system: Any, path: str) -> str:
    digest = hashlib.sha256()
    with system.open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def open_prefix(url: str) -> Iterator[OutPrefix]:
    """Open a prefix as OUT for one run, and tidy up at the end.

    An object store has no locks: that no two runs write to one prefix, the lock of their workspace
    has to see to.
    """
    sweep_leftovers()
    out = OutPrefix(url.rstrip("/"), PARTIAL_PREFIX + secrets.token_hex(8))
    with _explained("The output"):
        system, base = file_system(out.url)
        system.pipe_file(f"{base}/{MARKER}", MARKER_TEXT)
    yield out
    # After an error the journals stay: they alone know what was named and not accounted for.
    with _explained("The output"):
        out.sweep()


def is_prefix_of_ours(url: str) -> bool:
    """Tell whether a prefix was written by this package, or holds nothing."""
    system, base = file_system(url.rstrip("/"))
    try:
        found = system.find(base)
    except FileNotFoundError:
        return True
    return not found or any(name.endswith("/" + MARKER) for name in found)


def is_empty_prefix(url: str) -> bool:
    """Tell whether nothing lies below a prefix."""
    system, base = file_system(url.rstrip("/"))
    try:
        return not system.find(base)
    except FileNotFoundError:
        return True

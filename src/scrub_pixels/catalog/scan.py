"""Make a catalog, or bring one up to date: walk, compare, read in processes, merge, give it its name."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.resources import files as resources
from itertools import islice
from pathlib import Path

from scrub_pixels import __version__
from scrub_pixels.catalog.columns import Columns, load_columns
from scrub_pixels.catalog.formats import About, Catalog, form_of, open_catalog, schema_of, sink
from scrub_pixels.catalog.merging import (
    OutOfOrder,
    Parts,
    Plan,
    Stream,
    compare,
    folded,
    merged,
    old_folders,
    part_batches,
)
from scrub_pixels.catalog.parts import Batch
from scrub_pixels.catalog.pool import read_batches
from scrub_pixels.catalog.rows import File
from scrub_pixels.catalog.walk import walk
from scrub_pixels.errors import UsageError, WorkspaceError
from scrub_pixels.store.atomic import below_output, failures_explained, sync_folder
from scrub_pixels.store.workspace import check_private_target

FILES_A_BATCH = 256
SO_FAR = "so-far.parquet"
NEW, REPLACED = "new", "replaced"

Watcher = Callable[[int], None]
"""Told how many files were read or found unchanged."""


@dataclass(frozen=True)
class Order:
    """What is to be catalogued.

    Parameters
    ----------
    source
        A folder or a file.
    target
        The catalog: .parquet, .duckdb, .sqlite, .csv, or a folder for many Parquet files.
    own
        Columns the user adds, see `load_columns`.
    jobs
        Worker processes; 0 works in this one.
    released
        True if `source` is an output folder: only released Instances, and the catalog may stand in it.
    """

    source: Path
    target: Path
    own: tuple[str, ...] = ()
    jobs: int = 0
    released: bool = False

    @property
    def parts(self) -> Path:
        """The private folder of unfinished work, beside the catalog."""
        return self.target.with_name(f".{self.target.name}.parts")

    @property
    def own_files(self) -> frozenset[str]:
        """What belongs to the catalog, should it stand among the files it lists."""
        cohorts = self.target.with_name(f"{self.target.name}.cohorts")
        return frozenset(os.path.abspath(path) for path in (self.target, self.parts, cohorts))

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises
        ------
        UsageError
            If there is no source, its catalog would stand in an output folder and hold identifiers, or
            columns are not understood.
        """
        if not self.source.exists():
            raise UsageError("The folder to catalogue does not exist.", remedy="Check its path.")
        form_of(self.target)
        if not self.released:
            check_private_target(self.target)
        elif not below_output(self.source / "x"):
            raise UsageError("--deidentified is for an output folder of this tool, and this is none.",
                             remedy="Leave it out; the catalog is then private.")
        if not self.target.parent.is_dir():
            raise UsageError("The folder for the catalog does not exist.", remedy="Make it first.")


@dataclass(frozen=True)
class Made:
    """What came of it.

    Parameters
    ----------
    rows
        Rows of the catalog.
    read, kept, dropped
        Files read; rows taken over from an older catalog; rows whose files are gone or changed.
    """

    rows: int
    read: int
    kept: int
    dropped: int


def make_catalog(order: Order, watch: Watcher = lambda count: None) -> Made:
    """Make a catalog or bring it up to date.

    An older catalog at the target with the same columns is built upon: files whose path, size and
    modification time are the same are not read again. So is what a killed run has read already.

    Raises
    ------
    UsageError
        If the order cannot be carried out.
    WorkspaceError
        If another run is making this catalog.
    """
    order.check()
    columns = load_columns(order.own)
    with failures_explained("The catalog"), _private_parts(order.parts):
        return _Scan(order, columns).go(watch)


@contextmanager
def _private_parts(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        raise WorkspaceError("Another run is making this catalog.", remedy="Wait for it to end.") from None
    finally:
        os.close(lock)


class _Scan:
    """One scan under way."""

    def __init__(self, order: Order, columns: Columns) -> None:
        self.order, self.columns = order, columns
        self.form = form_of(order.target)
        self.about = about_now(order)
        self.schema = schema_of(columns)

    def go(self, watch: Watcher) -> Made:
        old: Catalog | None = None
        try:
            old = self._old()
            plan = self._read(old, watch)
        except OutOfOrder:
            old = None
            self._forget_parts()
            plan = self._read(None, watch)
        if plan.unchanged and old is not None and old.path == self.order.target:
            return Made(plan.kept, 0, plan.kept, 0)
        rows = self._write(plan, old)
        return Made(rows, plan.read, plan.kept, plan.dropped)

    def _old(self) -> Catalog | None:
        """Return what can be built upon: the catalog as it stands, and what a killed run had read."""
        standing = self._usable(self.order.target) or self._usable(self.order.parts / REPLACED)
        so_far = self._usable(self.order.parts / SO_FAR)
        parts = any(self.order.parts.glob("part-*.arrow"))
        if not parts:
            return so_far or standing
        folded = self._fold(so_far or standing)
        self._forget_parts()
        return folded

    def _usable(self, path: Path) -> Catalog | None:
        if not path.exists():
            return None
        try:
            catalog = open_catalog(path)
        except UsageError:
            return None
        made = catalog.about
        same = made is not None and (made.format, made.own, made.shipped, made.root) == (
            self.about.format, self.about.own, self.about.shipped, self.about.root)
        return catalog if same else None

    def _fold(self, standing: Catalog | None) -> Catalog | None:
        """Join what a killed run had read with what stands, in the order of a walk, to a catalog."""
        plan = folded(old_folders(standing) if standing else iter(()), old_folders(Parts(self.order.parts)))
        target = self.order.parts / SO_FAR
        made = self.order.parts / "so-far.unfinished"
        with sink(made, "parquet", self.columns, self.about) as written:
            for table in merged(plan, self._stream(standing), self._new()):
                written.write(table)
        os.replace(made, target)
        return open_catalog(target)

    def _stream(self, catalog: Catalog | None) -> Stream:
        return Stream(catalog.batches() if catalog else iter(()), self.schema)

    def _new(self) -> Stream:
        return Stream(part_batches(self.order.parts), self.schema)

    def _forget_parts(self) -> None:
        for part in self.order.parts.glob("part-*"):
            part.unlink()

    def _read(self, old: Catalog | None, watch: Watcher) -> Plan:
        plan = Plan()
        known = old_folders(old) if old else iter(())
        suffix = ".dcm" if self.order.released else ""
        files = compare(walk(self.order.source, suffix, self.order.own_files), known, plan)
        for batch, counts in read_batches(self._batches(files), self.order.jobs):
            _note(plan, batch, counts)
            watch(len(batch.files))
        if plan.kept:
            watch(plan.kept)
        return plan

    def _batches(self, files: Iterator[File]) -> Iterator[Batch]:
        number = 0
        while batch := tuple(islice(files, FILES_A_BATCH)):
            yield Batch(number, batch, self.order.own, str(self.order.parts))
            number += len(batch)

    def _write(self, plan: Plan, old: Catalog | None) -> int:
        made = self.order.parts / f"{NEW}{self.order.target.suffix}"
        _remove(made)
        rows = 0
        with sink(made, self.form, self.columns, self.about) as written:
            for table in merged(plan, self._stream(old), self._new()):
                written.write(table)
                rows += table.num_rows
        publish(made, self.order.target, 0o644 if self.order.released else 0o600)
        return rows


def about_now(order: Order) -> About:
    """Return what a catalog made now says of itself."""
    shipped = hashlib.sha256(resources("scrub_pixels.catalog").joinpath("columns.csv").read_bytes())
    root = "" if order.released else os.path.realpath(order.source)
    return About(order.own, root, datetime.now(timezone.utc).isoformat(timespec="seconds"), __version__,
                 shipped=shipped.hexdigest()[:16])


def publish(made: Path, target: Path, mode: int) -> None:
    """Give a finished catalog its name; one that stood there goes only then."""
    if made.is_dir():
        for file in made.iterdir():
            _settle(file, mode)
        if target.exists():
            os.rename(target, made.with_name(REPLACED))
    else:
        _settle(made, mode)
    os.replace(made, target)
    sync_folder(target.parent)


def _settle(file: Path, mode: int) -> None:
    file.chmod(mode)
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _note(plan: Plan, batch: Batch, counts: list[int]) -> None:
    """Enter how many rows each file gave; batches end in any order."""
    missing = batch.number + len(counts) - len(plan.counts)
    if missing > 0:
        plan.counts.extend([0] * missing)
    for number, count in enumerate(counts, batch.number):
        plan.counts[number] = count

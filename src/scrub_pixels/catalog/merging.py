"""What is kept of an older catalog, and what has to be read: two walks side by side, in flat memory."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from scrub_pixels.catalog.formats import Catalog
from scrub_pixels.catalog.libraries import arrow
from scrub_pixels.catalog.rows import File
from scrub_pixels.catalog.walk import Entry, Folder, folder_key

INDEX = ("path", "archive", "size_bytes", "modified_ns", "archive_bytes")


class OutOfOrder(Exception):
    """The older catalog is not in the order of a walk; it cannot be built upon."""


@dataclass(frozen=True, slots=True)
class OldFolder:
    """What an older catalog knows of one folder: its files, and the rows each of them has."""

    key: str
    entries: list[Entry]
    rows: list[int]


def old_folders(catalog: Catalog | Parts) -> Iterator[OldFolder]:
    """Yield the folders of an older catalog in its order.

    Raises
    ------
    OutOfOrder
        If that is not the order of a walk.
    """
    last = None
    for relative, files in groupby(_old_files(catalog), key=itemgetter(0)):
        listed = list(files)
        key = folder_key(relative)
        if last is not None and key <= last:
            raise OutOfOrder
        last = key
        yield OldFolder(key, [(name, size, modified) for _, name, size, modified, _ in listed],
                        [rows for *_, rows in listed])


def _old_files(catalog: Catalog | Parts) -> Iterator[tuple[str, str, int, int, int]]:
    """Yield folder, name, size, modification time and number of rows of each file."""
    current, rows = None, 0
    for batch in catalog.batches(INDEX):
        values = (column.to_pylist() for column in batch.columns)
        for path, archive, size, modified, packed in zip(*values, strict=True):
            file = (path, size, modified) if archive is None else (archive, packed, modified)
            if archive is not None and file == current:
                rows += 1
                continue
            if current is not None:
                yield (*_split(current), rows)
            current, rows = file, 1
    if current is not None:
        yield (*_split(current), rows)


def _split(file: tuple[str, int, int]) -> tuple[str, str, int, int]:
    folder, _, name = file[0].rpartition("/")
    return folder, name, file[1], file[2]


KEEP, DROP, READ = "keep", "drop", "read"


@dataclass
class Plan:
    """Runs of rows to keep or drop of an older catalog, and of files to read, in the order of the walk."""

    runs: list[tuple[str, int]] = field(default_factory=list)
    counts: array = field(default_factory=lambda: array("I"))
    kept: int = 0
    read: int = 0
    dropped: int = 0

    def add(self, what: str, count: int) -> None:
        """Append a run, joined with the last if that is of the same kind."""
        if not count:
            return
        if self.runs and self.runs[-1][0] == what:
            self.runs[-1] = (what, self.runs[-1][1] + count)
        else:
            self.runs.append((what, count))

    @property
    def unchanged(self) -> bool:
        """True if the older catalog stands as it is."""
        return not self.read and not self.dropped


def compare(folders: Iterable[Folder], known: Iterator[OldFolder], plan: Plan) -> Iterator[File]:
    """Yield the files that have to be read, and note in `plan` what becomes of the older rows."""
    old = next(known, None)
    for folder in folders:
        while old is not None and old.key < folder.key:
            _drop(old, plan)
            old = next(known, None)
        if old is None or old.key != folder.key:
            yield from _read(folder, range(len(folder.entries)), plan)
            continue
        if old.entries == folder.entries and _whole(folder):
            plan.add(KEEP, sum(old.rows))
            plan.kept += sum(old.rows)
        else:
            yield from _compare_files(folder, old, plan)
        old = next(known, None)
    while old is not None:
        _drop(old, plan)
        old = next(known, None)


def _whole(folder: Folder) -> bool:
    return folder.real != [""]


def _drop(old: OldFolder, plan: Plan) -> None:
    plan.add(DROP, sum(old.rows))
    plan.dropped += sum(old.rows)


def _read(folder: Folder, numbers: Iterable[int], plan: Plan) -> Iterator[File]:
    for number in numbers:
        name, size, modified = folder.entries[number]
        plan.add(READ, 1)
        plan.read += 1
        yield File(f"{folder.path}/{folder.real[number]}", folder.stored(name), size, modified)


def _compare_files(folder: Folder, old: OldFolder, plan: Plan) -> Iterator[File]:
    at = 0
    for number, entry in enumerate(folder.entries):
        while at < len(old.entries) and old.entries[at][0] < entry[0]:
            at = _drop_one(old, at, plan)
        if at < len(old.entries) and old.entries[at] == entry and _whole(folder):
            plan.add(KEEP, old.rows[at])
            plan.kept += old.rows[at]
            at += 1
            continue
        if at < len(old.entries) and old.entries[at][0] == entry[0]:
            at = _drop_one(old, at, plan)
        yield from _read(folder, [number], plan)
    while at < len(old.entries):
        at = _drop_one(old, at, plan)


def _drop_one(old: OldFolder, at: int, plan: Plan) -> int:
    plan.add(DROP, old.rows[at])
    plan.dropped += old.rows[at]
    return at + 1


def folded(standing: Iterator[OldFolder], parts: Iterator[OldFolder]) -> Plan:
    """Return how to join what stands with what a killed run had read, which goes before."""
    plan = Plan()
    both = heapq.merge(((f.key, 0, f) for f in standing), ((f.key, 1, f) for f in parts),
                       key=itemgetter(0, 1))
    for _, group in groupby(both, key=itemgetter(0)):
        old: dict[str, int] = {}
        new: dict[str, int] = {}
        for _, which, folder in group:
            (new if which else old).update(zip((e[0] for e in folder.entries), folder.rows, strict=True))
        for name in sorted(old.keys() | new.keys()):
            _fold_file(old.get(name, 0), new.get(name), plan)
    return plan


def _fold_file(old: int, new: int | None, plan: Plan) -> None:
    if new is None:
        plan.add(KEEP, old)
        return
    plan.add(DROP, old)
    plan.add(READ, 1)
    plan.counts.append(new)


@dataclass(frozen=True)
class Parts:
    """The finished parts of a killed run, read as a catalog is."""

    folder: Path

    def batches(self, names: Sequence[str]) -> Iterator[Any]:
        """Yield their rows in order, the columns named."""
        return (batch.select(list(names)) for batch in part_batches(self.folder))


class Stream:
    """Rows of record batches, taken or passed over in order."""

    def __init__(self, batches: Iterator[Any], schema: Any) -> None:
        self.batches, self.schema = batches, schema
        self.current: Any = None
        self.at = 0

    def take(self, count: int) -> Iterator[Any]:
        """Yield the next `count` rows as tables."""
        while count > 0:
            if self.current is None or self.at >= self.current.num_rows:
                self.current, self.at = next(self.batches), 0
            size = min(count, self.current.num_rows - self.at)
            if size:
                yield self._table(self.current.slice(self.at, size))
            self.at, count = self.at + size, count - size

    def _table(self, batch: Any) -> Any:
        table = arrow().Table.from_batches([batch]) if not hasattr(batch, "to_batches") else batch
        return table.cast(self.schema) if table.schema != self.schema else table

    def skip(self, count: int) -> None:
        """Pass over the next `count` rows."""
        for _ in self.take(count):
            pass


def merged(plan: Plan, old: Stream, new: Stream) -> Iterator[Any]:
    """Yield the tables of the new catalog: rows that are kept and rows that were read, in order."""
    file = 0
    for what, count in plan.runs:
        if what == DROP:
            old.skip(count)
        elif what == KEEP:
            yield from old.take(count)
        else:
            yield from new.take(sum(plan.counts[file:file + count]))
            file += count


def part_batches(folder: Path) -> Iterator[Any]:
    """Yield the rows of all finished parts, in order."""
    for path in sorted(folder.glob("part-*.arrow")):
        with arrow().OSFile(str(path)) as file:
            reader = arrow().ipc.open_file(file)
            yield from (reader.get_batch(number) for number in range(reader.num_record_batches))

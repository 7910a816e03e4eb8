"""The work of one process: some files to one part, a private Arrow file beside the catalog to be."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrub_pixels.catalog.columns import load_columns
from scrub_pixels.catalog.formats import schema_of
from scrub_pixels.catalog.libraries import arrow
from scrub_pixels.catalog.rows import File, Reader, Row

PART = "part-{:09d}.arrow"
ROWS_IN_MEMORY = 4096


@dataclass(frozen=True)
class Batch:
    """Files to read, in order.

    Parameters
    ----------
    number
        Number of the first file among all that are read.
    files
        The files.
    own
        Columns the user added.
    folder
        The private folder of parts.
    casualty
        If given, why these files are not opened: they cost a process its life before.
    """

    number: int
    files: tuple[File, ...]
    own: tuple[str, ...]
    folder: str
    casualty: str = ""


@functools.lru_cache(maxsize=2)
def reader_for(own: tuple[str, ...]) -> tuple[Reader, Any]:
    """Return the reader and the schema for some columns, made once per process."""
    columns = load_columns(own)
    return Reader(columns), schema_of(columns)


def read_batch(batch: Batch) -> list[int]:
    """Read a batch, write its part whole, and return how many rows each file gave."""
    reader, schema = reader_for(batch.own)
    counts = []
    with _part(Path(batch.folder) / PART.format(batch.number), schema) as write:
        rows: list[Row] = []
        for file in batch.files:
            given = 0
            for row in _rows_of(reader, file, batch.casualty):
                rows.append(row)
                given += 1
                if len(rows) >= ROWS_IN_MEMORY:
                    write(as_table(rows, schema))
                    rows.clear()
            counts.append(given)
        write(as_table(rows, schema))
    return counts


def _rows_of(reader: Reader, file: File, casualty: str) -> Iterator[Row]:
    if not casualty:
        return reader.rows(file)
    facts = {"@path": file.relative, "@size": file.size, "@modified": file.modified}
    return iter([reader.failed(facts, casualty)])


def as_table(rows: list[Row], schema: Any) -> Any:
    """Return rows as an Arrow table."""
    pa = arrow()
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)


@contextmanager
def _part(path: Path, schema: Any) -> Iterator[Callable[[Any], None]]:
    """Write a part under another name first: what has its name is whole."""
    pa = arrow()
    unfinished = path.with_suffix(".unfinished")
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        with pa.ipc.new_file(file, schema, options=options) as writer:
            yield writer.write_table
    os.replace(unfinished, path)

"""A catalog as a file: Parquet, a folder of Parquet files, DuckDB, SQLite or CSV; written once.

Writers build their file in a private folder and the caller gives it its name when it is whole.
The first column of every format is the first of the catalog; rows keep their order.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Protocol

from scrub_pixels.catalog.columns import Columns, load_columns
from scrub_pixels.catalog.libraries import arrow, duckdb, parquet, record_batches
from scrub_pixels.errors import UsageError

FORMAT = "scrub-pixels-catalog/1"
ABOUT = b"scrub_pixels_catalog"
ROWS_A_GROUP = 1 << 14
ROWS_A_FILE = 1 << 20
MAKE_ONE = "Make one: scrub-pixels catalog IN -o FILE."
PART_NAME = "part-{:05d}.parquet"

SUFFIXES = {".parquet": "parquet", ".duckdb": "duckdb", ".sqlite": "sqlite", ".db": "sqlite", ".csv": "csv"}
FOLDER = "folder"

SQLITE_TYPES = {"integer": "INTEGER", "real": "REAL", "age": "REAL", "flag": "INTEGER"}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula; such text gets an apostrophe in CSV."""

PLAIN = ("path", "sop_instance_uid", "content_digest")
"""Text that hardly repeats: no dictionary is tried for it."""


@dataclass(frozen=True)
class About:
    """What a catalog says of itself.

    Parameters
    ----------
    own
        Columns its user added, as ``name=source``.
    root
        The folder that was catalogued; empty in a catalog that is part of a release.
    made
        When, ISO 8601.
    version
        The package's version.
    """

    own: tuple[str, ...] = ()
    root: str = ""
    made: str = ""
    version: str = ""
    format: str = FORMAT
    shipped: str = ""

    def packed(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(self.__dict__).encode()

    @classmethod
    def unpacked(cls, text: bytes | str | None) -> About | None:
        """Return what `packed` packed, or None if this is something else."""
        try:
            table = json.loads(text or b"null")
            return cls(**{**table, "own": tuple(table["own"])})
        except (ValueError, TypeError, KeyError):
            return None

    @property
    def columns(self) -> Columns:
        """The columns of that catalog."""
        return load_columns(self.own)


class Sink(Protocol):
    """Takes tables in order."""

    def write(self, table: Any) -> None:
        """Append rows."""


def schema_of(columns: Columns) -> Any:
    """Return the Arrow schema of a catalog, units and meanings as metadata of its fields."""
    pa = arrow()
    types = {"text": pa.string(), "uid": pa.string(), "integer": pa.int64(), "real": pa.float64(),
             "age": pa.float64(), "date": pa.date32(), "time": pa.time64("us"),
             "datetime": pa.timestamp("us"), "flag": pa.bool_()}
    return pa.schema([pa.field(c.name, types[c.type], metadata={"unit": c.unit, "meaning": c.meaning})
                      for c in columns])


def form_of(path: Path) -> str:
    """Return the form that a file's ending asks for, or that a folder of parts has.

    Raises
    ------
    UsageError
        If the ending is not known.
    """
    if path.is_dir() or not path.suffix:
        return FOLDER
    form = SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise UsageError("A catalog's name ends in .parquet, .duckdb, .sqlite or .csv, or names a folder.",
                         remedy="For example: -o catalog.parquet.")
    return form


@contextmanager
def sink(path: Path, form: str, columns: Columns, about: About) -> Iterator[Sink]:
    """Yield what writes a catalog of one form to `path`, and finish the file at the end."""
    made = SINKS[form](path, columns, about)
    try:
        yield made
        made.finish()
    finally:
        made.close()


@dataclass
class _Parquet:
    path: Path
    columns: Columns
    about: About
    _writer: Any = None
    _waiting: list[Any] = field(default_factory=list)
    _rows: int = 0

    def write(self, table: Any) -> None:
        self._waiting.append(table)
        self._rows += table.num_rows
        while self._rows >= ROWS_A_GROUP:
            whole = arrow().concat_tables(self._waiting)
            self._put(whole.slice(0, ROWS_A_GROUP))
            rest = whole.slice(ROWS_A_GROUP)
            self._waiting, self._rows = [rest], rest.num_rows

    def _put(self, table: Any) -> None:
        self._open().write_table(table, row_group_size=ROWS_A_GROUP)

    def _open(self) -> Any:
        if self._writer is None:
            schema = schema_of(self.columns).with_metadata({ABOUT: self.about.packed()})
            repeated = [c.name for c in self.columns if c.type in ("text", "uid") and c.name not in PLAIN]
            self._writer = parquet().ParquetWriter(self.path, schema, compression="zstd",
                                                   use_dictionary=repeated)
        return self._writer

    def finish(self) -> None:
        if self._waiting:
            self._put(arrow().concat_tables(self._waiting))
            self._waiting = []
        self._open()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@dataclass
class _Folder:
    path: Path
    columns: Columns
    about: About
    _current: _Parquet | None = None
    _rows: int = 0
    _files: int = 0

    def write(self, table: Any) -> None:
        if self._current is None or self._rows >= ROWS_A_FILE:
            self._next()
        if self._current is not None:
            self._current.write(table)
        self._rows += table.num_rows

    def _next(self) -> None:
        self.finish_current()
        self.path.mkdir(mode=0o700, exist_ok=True)
        self._current = _Parquet(self.path / PART_NAME.format(self._files), self.columns, self.about)
        self._files, self._rows = self._files + 1, 0

    def finish_current(self) -> None:
        if self._current is not None:
            self._current.finish()
            self._current.close()

    def finish(self) -> None:
        if self._current is None:
            self._next()
        self.finish_current()
        self._current = None

    def close(self) -> None:
        if self._current is not None:
            self._current.close()


class _DuckDb:
    def __init__(self, path: Path, columns: Columns, about: About) -> None:
        self.database = duckdb().connect(str(path))
        empty = schema_of(columns).empty_table()
        self._with(empty, "CREATE TABLE catalog AS SELECT * FROM new_rows")
        self.database.execute("CREATE TABLE catalog_about (about VARCHAR)")
        self.database.execute("INSERT INTO catalog_about VALUES (?)", [about.packed().decode()])

    def _with(self, table: Any, statement: str) -> None:
        self.database.register("new_rows", table)
        self.database.execute(statement)
        self.database.unregister("new_rows")

    def write(self, table: Any) -> None:
        self._with(table, "INSERT INTO catalog SELECT * FROM new_rows")

    def finish(self) -> None:
        self.database.execute("CHECKPOINT")

    def close(self) -> None:
        self.database.close()


class _Sqlite:
    def __init__(self, path: Path, columns: Columns, about: About) -> None:
        self.database = sqlite3.connect(path)
        named = ", ".join(f'"{c.name}" {SQLITE_TYPES.get(c.type, "TEXT")}' for c in columns)
        self.database.execute(f"CREATE TABLE catalog ({named})")
        self.database.execute("CREATE TABLE catalog_about (about TEXT)")
        self.database.execute("INSERT INTO catalog_about VALUES (?)", [about.packed().decode()])
        self.statement = f"INSERT INTO catalog VALUES ({', '.join('?' * len(columns))})"

    def write(self, table: Any) -> None:
        values = (column.to_pylist() for column in table.columns)
        self.database.executemany(self.statement, zip(*(map(_plain, v) for v in values), strict=True))

    def finish(self) -> None:
        self.database.execute("CREATE INDEX by_series ON catalog (series_instance_uid)")
        self.database.commit()

    def close(self) -> None:
        self.database.close()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime, time)) else value


class _Csv:
    def __init__(self, path: Path, columns: Columns, about: About) -> None:
        self.file = path.open("w", encoding="utf-8", newline="")
        self.writer = csv.writer(self.file)
        self.writer.writerow(columns.names)

    def write(self, table: Any) -> None:
        values = (column.to_pylist() for column in table.columns)
        self.writer.writerows(zip(*(map(cell, v) for v in values), strict=True))

    def finish(self) -> None:
        self.file.flush()

    def close(self) -> None:
        self.file.close()


def cell(value: Any) -> Any:
    """Return a value as a CSV cell that no spreadsheet runs."""
    if isinstance(value, str):
        return "'" + value if value.startswith(FORMULA) else value
    return _plain(value)


SINKS: Mapping[str, Any] = {"parquet": _Parquet, FOLDER: _Folder, "duckdb": _DuckDb, "sqlite": _Sqlite,
                            "csv": _Csv}


@dataclass(frozen=True)
class Catalog:
    """A catalog on disk.

    Parameters
    ----------
    path
        The file, or the folder of Parquet files.
    form
        parquet, folder, duckdb, sqlite or csv.
    about
        What it says of itself; None if it was not made by this package (or is CSV, which cannot tell).
    """

    path: Path
    form: str
    about: About | None

    def __repr__(self) -> str:
        return f"Catalog(form={self.form!r})"

    @property
    def files(self) -> list[Path]:
        """The Parquet files, in order."""
        return sorted(self.path.glob("part-*.parquet")) if self.form == FOLDER else [self.path]

    def batches(self, names: Sequence[str] | None = None) -> Iterator[Any]:
        """Yield its rows in order as record batches (all columns, or those named)."""
        if self.form in ("parquet", FOLDER):
            for file in self.files:
                with parquet().ParquetFile(file) as opened:
                    yield from opened.iter_batches(batch_size=ROWS_A_GROUP, columns=names)
        elif self.form == "duckdb":
            yield from _duckdb_batches(self.path, names)
        else:
            yield from _sqlite_batches(self, names)


def _duckdb_batches(path: Path, names: Sequence[str] | None) -> Iterator[Any]:
    chosen = ", ".join(f'"{name}"' for name in names) if names else "*"
    with duckdb().connect(str(path), read_only=True) as database:
        yield from record_batches(database.sql(f"SELECT {chosen} FROM catalog"), ROWS_A_GROUP)


def _sqlite_batches(catalog: Catalog, names: Sequence[str] | None) -> Iterator[Any]:
    columns = (catalog.about or About()).columns
    chosen = [c for c in columns if names is None or c.name in names]
    schema = schema_of(Columns(tuple(chosen)))
    database = sqlite3.connect(f"{catalog.path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        listed = ", ".join(f'"{c.name}"' for c in chosen)
        cursor = database.execute(f"SELECT {listed} FROM catalog ORDER BY rowid")
        while rows := cursor.fetchmany(ROWS_A_GROUP):
            arrays = [arrow().array(map(_TYPED.get(c.type, _same), values), type=schema.field(c.name).type)
                      for c, values in zip(chosen, zip(*rows, strict=True), strict=True)]
            yield arrow().record_batch(arrays, schema=schema)
    finally:
        database.close()


def _same(value: Any) -> Any:
    return value


_TYPED: Mapping[str, Any] = {
    "date": lambda value: value and date.fromisoformat(value),
    "time": lambda value: value and time.fromisoformat(value),
    "datetime": lambda value: value and datetime.fromisoformat(value),
    "flag": lambda value: None if value is None else bool(value),
}


def open_catalog(path: Path) -> Catalog:
    """Open a catalog that is there.

    Raises
    ------
    UsageError
        If there is none, or it is no catalog.
    """
    form = form_of(path)
    if not path.exists():
        raise UsageError("There is no catalog of that name.", remedy=MAKE_ONE)
    catalog = Catalog(path, form, _about(path, form))
    if catalog.about is None and form != "csv":
        raise UsageError("This file is no catalog of scrub-pixels, or it is damaged.",
                         remedy=MAKE_ONE)
    return catalog


def _about(path: Path, form: str) -> About | None:
    if form == "csv":
        return None
    try:
        return About.unpacked(ABOUTS[form](path))
    except (OSError, sqlite3.Error, arrow().ArrowException, duckdb().Error, LookupError, TypeError):
        return None


def _parquet_about(path: Path) -> bytes | None:
    return (parquet().read_schema(path).metadata or {}).get(ABOUT)


def _folder_about(path: Path) -> bytes | None:
    return _parquet_about(sorted(path.glob("part-*.parquet"))[0])


def _duckdb_about(path: Path) -> str:
    with duckdb().connect(str(path), read_only=True) as database:
        return database.execute("SELECT about FROM catalog_about").fetchone()[0]


def _sqlite_about(path: Path) -> str:
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return database.execute("SELECT about FROM catalog_about").fetchone()[0]
    finally:
        database.close()


ABOUTS: Mapping[str, Any] = {"parquet": _parquet_about, FOLDER: _folder_about, "duckdb": _duckdb_about,
                             "sqlite": _sqlite_about}

"""Questions to a catalog in DuckDB's SQL: read-only, and shut off from files, network and extensions.

The only table is ``catalog``: the columns of the catalog, and ``burned_in_risk``. SQL of a user is
one SELECT; it is run in a database of its own in memory whose configuration is locked, which may
open the catalog and nothing else. DuckDB's messages can quote values; only those that quote the
user's own SQL are passed on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrub_pixels.catalog.columns import Columns, load_columns
from scrub_pixels.catalog.formats import FOLDER, Catalog
from scrub_pixels.catalog.libraries import duckdb, record_batches
from scrub_pixels.errors import UsageError

LOCKED = ("SET enable_progress_bar = false", "SET temp_directory = ''",
          "SET autoinstall_known_extensions = false", "SET autoload_known_extensions = false",
          "SET enable_external_access = false", "SET python_enable_replacements = false",
          "SET lock_configuration = true")

BURNED_IN_RISK = """CASE
    WHEN error IS NOT NULL OR pixel_keyword IS NULL THEN NULL
    WHEN upper(burned_in_annotation) = 'YES' THEN 'declared'
    WHEN modality IN ('US', 'IVUS', 'ES', 'XC', 'GM', 'SM', 'OP', 'OT', 'SC', 'DOC', 'ECG', 'HD', 'BI')
        OR conversion_type IS NOT NULL OR sop_class LIKE '%Secondary Capture%'
        OR sop_class LIKE '%Ultrasound%' OR upper(image_type) LIKE '%SCREEN%' THEN 'high'
    WHEN modality IN ('CR', 'DX', 'MG', 'RF', 'XA', 'IO', 'PX', 'RG')
        OR upper(image_type) LIKE 'DERIVED%' OR upper(image_type) LIKE '%LOCALIZER%' THEN 'medium'
    WHEN modality IS NULL THEN 'unknown'
    ELSE 'low' END"""
"""A rule of thumb for where to look; nothing is ever released on its word."""

UNITS = {
    "patient": "coalesce(patient_id, study_instance_uid, path)",
    "study": "coalesce(study_instance_uid, path)",
    "series": "coalesce(series_instance_uid, path)",
    "instance": "coalesce(sop_instance_uid, path)",
}
"""What a sample may be drawn of, and what tells one from another."""

DUCK_TYPES = {"integer": "BIGINT", "real": "DOUBLE", "age": "DOUBLE", "date": "DATE", "time": "TIME",
              "datetime": "TIMESTAMP", "flag": "BOOLEAN"}

ROWS_AT_ONCE = 65_536

QUOTES_ONLY_SQL = ("ParserException", "BinderException", "CatalogException", "PermissionException")


@dataclass(frozen=True)
class Sample:
    """How many units to draw, reproducibly.

    Parameters
    ----------
    size
        How many.
    by
        Key of `UNITS`: whole patients, studies, series, or instances.
    seed
        Another seed, another sample.
    stratify
        Column whose values are represented in proportion; empty for none.
    """

    size: int
    by: str = "instance"
    seed: int = 0
    stratify: str = ""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UsageError("A sample has at least one member.", remedy="Give a number above 0.")
        if self.by not in UNITS:
            raise UsageError("A sample is drawn by patient, study, series or instance.", remedy="Choose one.")


@dataclass(frozen=True)
class Question:
    """Which rows of a catalog are meant.

    Parameters
    ----------
    where
        An SQL condition over the columns; empty for all.
    sql
        Instead, a whole SELECT that yields a column ``path``.
    sample
        Draw some of them.
    """

    where: str = ""
    sql: str = ""
    sample: Sample | None = None

    def __post_init__(self) -> None:
        if self.where and self.sql:
            raise UsageError("A condition and a whole query exclude each other.", remedy="Give one of them.")

    @property
    def statement(self) -> str:
        """The SELECT that yields the rows of a cohort, all columns: files without a header are left out."""
        base = f"SELECT * FROM ({self.rows}) WHERE error IS NULL"
        return _sampled(base, self.sample) if self.sample else base

    @property
    def rows(self) -> str:
        """The SELECT that yields every row that is meant, before a sample is drawn."""
        if self.where:
            return f"SELECT * FROM catalog WHERE (\n{self.where}\n)"
        if self.sql:
            chosen = self.sql.strip().rstrip(";")
            return f"SELECT * FROM catalog WHERE path IN (SELECT path FROM (\n{chosen}\n))"
        return "SELECT * FROM catalog"


def _sampled(base: str, sample: Sample) -> str:
    """Draw units in the order of a hash of seed and identity; with strata, evenly from each.

    Without strata the first of that order are the sample: DuckDB keeps only so many while it reads. What a
    sample is drawn of is read twice, which is much cheaper than to put all its columns down once.
    """
    unit, draw = UNITS[sample.by], f"md5('{int(sample.seed)}' || chr(31) || unit)"
    drawn = _evenly(sample.stratify, unit, draw) if sample.stratify else (
        f"SELECT unit FROM (SELECT DISTINCT {unit} AS unit FROM base) ORDER BY {draw}, unit")
    return f"""WITH base AS NOT MATERIALIZED ({base})
SELECT * FROM base WHERE {unit} IN ({drawn} LIMIT {int(sample.size)})"""


def _evenly(stratum: str, unit: str, draw: str) -> str:
    return f"""SELECT unit FROM (
    SELECT unit, {draw} AS draw, (row_number() OVER (PARTITION BY stratum ORDER BY {draw}, unit) - 0.5)
           / count(*) OVER (PARTITION BY stratum) AS share
    FROM (SELECT {unit} AS unit, min(CAST("{stratum}" AS VARCHAR)) AS stratum FROM base GROUP BY ALL))
ORDER BY share, draw, unit"""


@dataclass(frozen=True)
class Asked:
    """A catalog that is open for questions."""

    database: Any
    columns: tuple[str, ...]

    def run(self, statement: str, values: list[Any] | None = None) -> Any:
        """Run one SELECT and return DuckDB's result.

        Raises
        ------
        UsageError
            If it is not one SELECT, or DuckDB does not take it.
        """
        with explained():
            self._parse(statement)
            return self.database.execute(statement, values or [])

    def _parse(self, statement: str) -> None:
        statements = self.database.extract_statements(statement)
        if len(statements) != 1 or statements[0].type != duckdb().StatementType.SELECT:
            raise UsageError("Only one SELECT is allowed.", remedy="Leave out semicolons and other commands.")

    def rows(self, statement: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        """Return the result of one SELECT as dictionaries."""
        found = self.run(statement, values)
        names = [entry[0] for entry in found.description]
        with explained():
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def narrowed(self, question: Question) -> Asked:
        """Return the same catalog as if it held only the rows that are meant; without a sample, errors too.

        Raises
        ------
        UsageError
            If the question is not understood.
        """
        if question == Question():
            return self
        self._check(question)
        rows = question.statement if question.sample else question.rows
        with explained():
            self._parse(rows)
            self.database.execute(f"CREATE TEMP TABLE chosen AS {rows}")
            self.database.execute("CREATE OR REPLACE TEMP VIEW catalog AS SELECT * FROM chosen")
        return self

    def chosen(self, question: Question) -> Iterator[tuple[Any, ...]]:
        """Yield path, SOP Instance UID and content digest of the rows that are meant, by path."""
        self._check(question)
        yield from self._streamed("SELECT path, sop_instance_uid, content_digest "
                                  f"FROM ({question.statement}) ORDER BY path")

    def paths(self, question: Question) -> Iterator[str]:
        """Yield the paths of the rows that are meant, in no order."""
        self._check(question)
        for row in self._streamed(f"SELECT path FROM ({question.statement})"):
            yield row[0]

    def batches(self, names: Iterable[str]) -> Iterator[Any]:
        """Yield all rows as Arrow record batches, the columns named."""
        listed = ", ".join(f'"{name}"' for name in names)
        with explained():
            yield from record_batches(self.database.sql(f"SELECT {listed} FROM catalog"), ROWS_AT_ONCE)

    def _streamed(self, statement: str) -> Iterator[tuple[Any, ...]]:
        with explained():
            for batch in record_batches(self.database.sql(statement), ROWS_AT_ONCE):
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def _check(self, question: Question) -> None:
        if question.sample and question.sample.stratify not in ("", *self.columns):
            raise UsageError("The column to stratify by is not in the catalog.",
                             remedy="scrub-pixels catalog columns lists them.")
        with explained():
            self._parse(f"SELECT * FROM ({question.statement})")


@contextmanager
def explained() -> Iterator[None]:
    """Turn DuckDB's errors into `UsageError`, without values."""
    try:
        yield
    except duckdb().Error as error:
        kind = type(error).__name__
        said = str(error).split("\n")[0] if kind in QUOTES_ONLY_SQL else f"the query failed ({kind})"
        raise UsageError(f"The catalog does not understand the question: {said}",
                         remedy="scrub-pixels catalog columns lists the columns.") from None


@contextmanager
def ask(catalog: Catalog) -> Iterator[Asked]:
    """Open a catalog for questions.

    Raises
    ------
    UsageError
        If its file cannot be read.
    MissingDependency
        If DuckDB or pyarrow is not installed.
    """
    database = duckdb().connect(":memory:")
    try:
        with explained():
            OPENERS[catalog.form](database, catalog)
            for setting in LOCKED:
                database.execute(setting)
            view = f"SELECT *, {BURNED_IN_RISK} AS burned_in_risk FROM stored"
            database.execute(f"CREATE VIEW catalog AS {view}")
            names = [row[0] for row in database.execute("DESCRIBE catalog").fetchall()]
        yield Asked(database, tuple(names))
    finally:
        database.close()


def _text(path: Path) -> str:
    return "'" + os.path.abspath(path).replace("'", "''") + "'"


def _open_parquet(database: Any, catalog: Catalog) -> None:
    listed = ", ".join(_text(file) for file in catalog.files)
    database.execute(f"SET allowed_paths = [{listed}]")
    source = f"read_parquet([{listed}], hive_partitioning = false)"
    database.execute(f"CREATE VIEW stored AS SELECT * FROM {source}")


def _open_duckdb(database: Any, catalog: Catalog) -> None:
    database.execute(f"ATTACH {_text(catalog.path)} AS kept (READ_ONLY)")
    database.execute("CREATE VIEW stored AS SELECT * FROM kept.catalog")


def _open_sqlite(database: Any, catalog: Catalog) -> None:
    """Load what lies in SQLite: DuckDB reads that only with an extension it would have to download."""
    for number, batch in enumerate(catalog.batches()):
        database.register("new_rows", batch)
        database.execute("CREATE TABLE stored AS SELECT * FROM new_rows" if not number
                         else "INSERT INTO stored SELECT * FROM new_rows")
        database.unregister("new_rows")


def _open_csv(database: Any, catalog: Catalog) -> None:
    columns = load_columns()
    types = {c.name: DUCK_TYPES.get(c.type, "VARCHAR") for c in columns}
    source = f"read_csv({_text(catalog.path)}, all_varchar = true)"
    database.execute(f"CREATE TABLE text AS SELECT * FROM {source}")
    names = [row[0] for row in database.execute("DESCRIBE text").fetchall()]
    typed = ", ".join(f'TRY_CAST("{n}" AS {types[n]}) AS "{n}"' if n in types else f'"{n}"' for n in names)
    database.execute(f"CREATE TABLE stored AS SELECT {typed} FROM text")
    database.execute("DROP TABLE text")


OPENERS = {"parquet": _open_parquet, FOLDER: _open_parquet, "duckdb": _open_duckdb, "sqlite": _open_sqlite,
           "csv": _open_csv}


def columns_of(catalog: Catalog) -> Columns:
    """Return the columns of a catalog."""
    return catalog.about.columns if catalog.about else load_columns()

"""A catalog once more as Parquet files by the values of a column, for engines that prune by folder.

``DEST/modality=US/part-0.parquet`` is what DuckDB, Spark, pandas and Dask read as one table and skip
by `WHERE modality = 'US'`. It is a copy: the catalog itself keeps the order of the archive, which is
what makes its next scan short.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scrub_pixels.catalog.formats import ROWS_A_GROUP, Catalog, schema_of
from scrub_pixels.catalog.libraries import arrow, dataset
from scrub_pixels.catalog.query import Question, ask, columns_of
from scrub_pixels.errors import UsageError
from scrub_pixels.store.atomic import failures_explained
from scrub_pixels.store.workspace import check_private_target

MOST_PARTITIONS = 1000


def write_partitions(catalog: Catalog, target: Path, by: str, question: Question) -> int:
    """Write what is meant of a catalog to a new private folder, and return into how many partitions.

    Parameters
    ----------
    target
        A new folder; it gets its name when it is whole.
    by
        A column of the catalog.
    question
        Which rows.

    Raises
    ------
    UsageError
        If the folder is there already, or the column is not, or has too many values.
    """
    check_private_target(target / "x")
    if target.exists():
        raise UsageError("There is something of that name already.", remedy="Name a new folder.")
    with ask(catalog) as asked:
        if by not in columns_of(catalog).names:
            raise UsageError("The catalog has no such column.",
                             remedy="scrub-pixels catalog columns lists them.")
        narrowed = asked.narrowed(question)
        values = f"""count(DISTINCT coalesce("{by}"::VARCHAR, chr(0)))"""
        count = narrowed.rows(f"SELECT {values} AS n FROM catalog")[0]["n"]
        if count > MOST_PARTITIONS:
            raise UsageError(f"That column has {count} values, and a folder for each would help nobody.",
                             remedy=f"Choose one with {MOST_PARTITIONS} at most, such as modality.")
        with failures_explained("The folder"):
            _publish(narrowed.batches(columns_of(catalog).names), schema_of(columns_of(catalog)), target, by)
    return int(count)


def _publish(batches: Iterator[Any], schema: Any, target: Path, by: str) -> None:
    made = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    os.mkdir(made, 0o700)
    try:
        folders = dataset().partitioning(arrow().schema([schema.field(by)]), flavor="hive")
        tables = (arrow().Table.from_batches([batch]).cast(schema) for batch in batches)
        rows = (batch for table in tables for batch in table.to_batches())
        dataset().write_dataset(rows, made, schema=schema, format="parquet", partitioning=folders,
                                max_partitions=MOST_PARTITIONS + 1, max_rows_per_group=ROWS_A_GROUP,
                                basename_template="part-{i}.parquet")
        os.rename(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)

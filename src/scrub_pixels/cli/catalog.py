"""``catalog``: an inventory of an archive from its headers; ``cohort``: saved questions to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from scrub_pixels.cli.app import app, console
from scrub_pixels.cli.sampling import EVERY_ONE, Level, SampleOptions
from scrub_pixels.errors import UsageError

if TYPE_CHECKING:
    from scrub_pixels.catalog.query import Asked, Question

catalog_app = App(name="catalog", help="List an archive: one row per instance, from headers alone.")
cohort_app = App(name="cohort", help="Saved, named questions to a catalog, with the digest of their answer.")
app.command(catalog_app)
app.command(cohort_app)

Format = Literal["table", "csv", "jsonl"]
FORMAT = Annotated[Format, Parameter(name=["--format", "-f"])]

MOST_JOBS = 512
SHOWN = ("path", "modality", "manufacturer", "model", "rows", "columns", "frames", "study_date",
         "series_description")


@Parameter(name="*")
@dataclass(frozen=True)
class Selection:
    """Which instances of a catalog are meant.

    Parameters
    ----------
    where
        Condition in DuckDB's SQL over the catalog's columns, such as "modality = 'US' AND rows >= 480".
    sql
        File with a saved cohort, or with one SELECT that yields a column `path`.
    drawn
        Draw a sample of them.
    """

    where: str = ""
    sql: Path | None = None
    drawn: SampleOptions = EVERY_ONE

    @property
    def question(self) -> Question:
        """What to ask the catalog."""
        from scrub_pixels.catalog.cohort import question_from
        from scrub_pixels.catalog.query import Question

        if self.where and self.sql:
            raise UsageError("--where and --sql exclude each other.", remedy="Give one of them.")
        return self.drawn.drawn_from(question_from(self.sql) if self.sql else Question(self.where))


EVERYTHING = Selection()


def jobs_or_cores(jobs: int | None) -> int:
    """Return how many processes are meant: those asked for, or one per core this process may use."""
    if jobs is not None and not 0 <= jobs <= MOST_JOBS:
        raise UsageError(f"--jobs is not between 0 and {MOST_JOBS}.", remedy="0 works in this process.")
    return len(os.sched_getaffinity(0)) if jobs is None else jobs


@contextmanager
def asked_of(catalog: Path, selection: Selection = EVERYTHING) -> Iterator[Asked]:
    """Open a catalog as if it held only what is selected."""
    from scrub_pixels.catalog.formats import open_catalog
    from scrub_pixels.catalog.query import ask

    with ask(open_catalog(catalog)) as asked:
        yield asked.narrowed(selection.question)


@catalog_app.default
def make(
    source: Annotated[Path, Parameter(name="IN")],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    column: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    jobs: Annotated[int | None, Parameter(name=["--jobs", "-j"])] = None,
    deidentified: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
) -> None:
    """Make a catalog of IN, or bring it up to date: only new and changed files are read.

    Parameters
    ----------
    source
        A DICOM file, a folder of any files, or a zip archive.
    output
        The catalog: .parquet, .duckdb, .sqlite or .csv, or a folder for many Parquet files. Private.
    column
        A further column by keyword or tag: KVP, 0029,1010, or name=Keyword; may be given several times.
    jobs
        Worker processes (default: one per core); 0 works in this process.
    deidentified
        IN is an output folder of this tool; then the catalog may stand in it.
    """
    from scrub_pixels.catalog.commands import make_and_tell
    from scrub_pixels.catalog.scan import Order

    order = Order(source, output, column, jobs_or_cores(jobs), deidentified)
    make_and_tell(order, console(quiet))


@catalog_app.command(name="tree")
def show_tree(
    catalog: Path,
    /,
    *,
    level: Level = "series",
    most: int = 1000,
    selection: Selection = EVERYTHING,
) -> None:
    """Print patients, studies and series. What is printed identifies patients.

    Parameters
    ----------
    level
        How deep to go.
    most
        How many series at most.
    """
    from scrub_pixels.catalog.outline import tree

    with asked_of(catalog, selection) as asked:
        console().print(tree(asked, level, most))


@catalog_app.command
def summary(
    catalog: Path,
    /,
    *,
    html: Path | None = None,
    selection: Selection = EVERYTHING,
) -> None:
    """Print what a catalog holds: modalities, devices, sizes, dates, burned-in risk per device.

    Parameters
    ----------
    html
        Write a page with plots, too. Private, as the catalog is.
    """
    from scrub_pixels.catalog.summary import print_summary, write_summary

    with asked_of(catalog, selection) as asked:
        print_summary(asked, console())
        if html is not None:
            write_summary(asked, html)


@catalog_app.command
def query(
    catalog: Path,
    /,
    *,
    columns: str = ",".join(SHOWN),
    format: FORMAT = "table",
    most: int | None = None,
    selection: Selection = EVERYTHING,
) -> None:
    """Print the instances that are selected.

    Parameters
    ----------
    columns
        Columns to print, separated by commas; SQL expressions will do.
    most
        How many rows at most.
    """
    from scrub_pixels.catalog.commands import print_rows

    with asked_of(catalog, selection) as asked:
        print_rows(asked, columns, format, most)


@catalog_app.command
def partition(
    catalog: Path,
    target: Annotated[Path, Parameter(name="DEST")],
    /,
    *,
    by: str = "modality",
    selection: Selection = EVERYTHING,
) -> None:
    """Write a catalog once more as folders of Parquet files, one for each value of a column. Private.

    Parameters
    ----------
    target
        A new folder, for engines that pass over what a question is not about (DuckDB, Spark, Dask).
    by
        The column, such as modality.
    """
    from scrub_pixels.catalog.formats import open_catalog
    from scrub_pixels.catalog.partitions import write_partitions

    print(f"{write_partitions(open_catalog(catalog), target, by, selection.question)} partitions written.")


@catalog_app.command(name="sql")
def ask_sql(catalog: Path, statement: str, /, *, format: FORMAT = "table") -> None:
    """Print the answer to one SELECT over the table `catalog`; nothing else can be read or written.

    Parameters
    ----------
    statement
        Such as "SELECT modality, count(*) FROM catalog GROUP BY ALL".
    """
    from scrub_pixels.catalog.commands import print_answer

    with asked_of(catalog) as asked:
        print_answer(asked, statement, format)


@catalog_app.command(name="columns")
def show_columns(*, format: FORMAT = "table") -> None:
    """Print every column of a catalog: where it comes from, its type, unit and meaning."""
    from scrub_pixels.catalog.commands import print_columns

    print_columns(format)


@cohort_app.command(name="save")
def cohort_save(
    catalog: Path,
    name: str,
    /,
    *,
    selection: Selection = EVERYTHING,
) -> None:
    """Save a question under a name, with the digest of its answer, beside the catalog.

    Parameters
    ----------
    name
        Name of the cohort.
    """
    from scrub_pixels.catalog.cohort import save
    from scrub_pixels.catalog.commands import print_cohorts
    from scrub_pixels.catalog.formats import open_catalog

    print_cohorts([save(open_catalog(catalog), name, selection.question)], "table")


@cohort_app.command(name="show")
def cohort_show(catalog: Path, name: str, /, *, format: FORMAT = "table") -> int:
    """Ask a cohort again, and tell what has changed. Exit code 1 if anything has.

    Parameters
    ----------
    name
        Name of the cohort, or its file.
    """
    from scrub_pixels.catalog.commands import print_comparison

    return print_comparison(catalog, name, format)


@cohort_app.command(name="list")
def cohort_list(catalog: Path, /, *, format: FORMAT = "table") -> None:
    """List the saved cohorts of a catalog."""
    from scrub_pixels.catalog.cohort import saved
    from scrub_pixels.catalog.commands import print_cohorts

    print_cohorts(saved(catalog), format)

"""Options of the main command that choose inputs by a catalog of IN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from scrub_pixels.cli.sampling import EVERY_ONE, SampleOptions
from scrub_pixels.errors import UsageError

if TYPE_CHECKING:
    from scrub_pixels.run.discovery import Source

CHOOSING = Group("Which inputs (by a catalog)", sort_key=3)


@Parameter(name="*", group=CHOOSING)
@dataclass(frozen=True)
class ChoiceOptions:
    """Options that choose inputs.

    Parameters
    ----------
    catalog
        Catalog of IN, made by `scrub-pixels catalog IN -o FILE`.
    where
        Condition in DuckDB's SQL over its columns, such as "modality = 'US' AND rows >= 480".
    cohort
        Name or file of a saved cohort, or a file with one SELECT that yields a column `path`.
    drawn
        Draw a sample of them.
    """

    catalog: Annotated[Path | None, Parameter(name="--catalog")] = None
    where: str = ""
    cohort: str = ""
    drawn: SampleOptions = EVERY_ONE


EVERY_INPUT = ChoiceOptions()


def chosen_inputs(options: ChoiceOptions, source: Path | str) -> Callable[[Source], bool] | None:
    """Return what tells the chosen inputs from others; None if nothing is chosen.

    Raises
    ------
    UsageError
        If a choice is made without a catalog, or it is not understood.
    """
    if options.catalog is None:
        if options != EVERY_INPUT:
            raise UsageError("Inputs are chosen by a catalog, and none is given.",
                             remedy="Make one: scrub-pixels catalog IN -o FILE; then add --catalog FILE.")
        return None
    if isinstance(source, str):
        raise UsageError("A catalog lists a folder of this machine, and IN is a URL.", remedy="Leave it out.")
    from scrub_pixels.catalog.cohort import chosen_paths, named, question_from
    from scrub_pixels.catalog.query import Question
    from scrub_pixels.catalog.rows import stored_name

    if options.where and options.cohort:
        raise UsageError("--where and --cohort exclude each other.", remedy="Give one of them.")
    asked = Question(options.where)
    if options.cohort:
        asked = question_from(named(options.catalog, options.cohort))
    paths = chosen_paths(options.catalog, options.drawn.drawn_from(asked), source)
    return lambda found: stored_name(found.relative) in paths

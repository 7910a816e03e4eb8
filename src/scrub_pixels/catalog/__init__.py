"""From an archive to a release: catalog, cohort, quality, versioned dataset, residual risk.

A catalog is a table with one row per instance, made from headers alone. Everything else here is a
question put to such a table: who is in a cohort, what is wrong with a series, what a release holds,
how many patients share an age, a sex and a device.

::

    columns.csv -> elements (or fallback) -> rows -> parts -> scan -> formats        the catalog
    query -> cohort, quality, summary, tree, risk                                    questions to it
    released -> release, layouts, export                                             what stands in OUT

A catalog of an archive names patients: it is written with mode 0600 and never below an output
folder. A catalog of what was released is part of the release.
"""

from scrub_pixels.catalog.columns import Column, Columns, load_columns

__all__ = ["Column", "Columns", "load_columns"]

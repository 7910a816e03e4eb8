"""What the command ``risk`` prints."""

from __future__ import annotations

from pathlib import Path

from scrub_pixels.catalog.formats import open_catalog
from scrub_pixels.catalog.pages import write_page
from scrub_pixels.catalog.printing import print_records
from scrub_pixels.catalog.query import ask
from scrub_pixels.catalog.release import releases
from scrub_pixels.catalog.risk import assess, option_rows, risk_page
from scrub_pixels.errors import UsageError
from scrub_pixels.store.releases import CATALOG, RELEASES

RARE_EXIT = 10


def catalog_of(out: Path, tag: str | None) -> Path:
    """Return the catalog of a release, of the last one, or the catalog file itself.

    Raises
    ------
    UsageError
        If there is no such release.
    """
    if out.is_file():
        return out
    tags = [record.tag for record in releases(out)]
    if not tags or (tag and tag not in tags):
        raise UsageError("There is no such release.", remedy="Make one: scrub-pixels release OUT --tag v1.")
    return out / RELEASES / (tag or tags[-1]) / CATALOG


def print_risk(out: Path, tag: str | None, k: int, form: str, html: Path | None) -> int:
    """Print what each option costs, write the page, and return 10 if anybody is rare."""
    if k < 2:
        raise UsageError("K is below 2, which everybody fulfils.", remedy="Common values are 5 and 11.")
    with ask(open_catalog(catalog_of(out, tag))) as asked:
        found = assess(asked, k)
    if html is not None:
        write_page(risk_page(found), html)
    if form == "table":
        whole = found.whole
        print(f"{whole.patients} patients; {whole.below} share what is kept with fewer than {k}, "
              f"{whole.unique} with nobody; the smallest group has {whole.least}.")
    rows = option_rows(found)
    print_records(rows, form, tuple(rows[0]) if rows else ("what",))
    return RARE_EXIT if found.whole.below else 0

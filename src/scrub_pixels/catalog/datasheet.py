"""The datasheet of a release: what it holds, how it was de-identified, what was left out, what to mind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scrub_pixels.catalog.pages import Page, Section, Tile
from scrub_pixels.catalog.query import Asked
from scrub_pixels.catalog.summary import summary_page, totals
from scrub_pixels.store.report.render import number, size

LIMITS = (
    "Faces and voices are not removed: three-dimensional images of heads can show who someone is.",
    "Text in the pixels is found by recognition, which can miss small, faint or slanted letters.",
    "Pseudonyms and UIDs are made with a private key; who holds that key can test a guess.",
    "Counts of rare combinations of age, sex, date, device and institution: see the residual-risk page, "
    "which whoever released the data keeps.",
)

FOOTER = ("catalog.parquet lists every instance; SHA256SUMS is checked with sha256sum -c in this folder. "
          "Made by scrub-pixels from the released files alone; nothing is loaded from elsewhere.")

METHODS = """SELECT deidentification_method AS method, patient_identity_removed AS identity_removed,
  burned_in_annotation, count(*) AS instances FROM catalog WHERE error IS NULL GROUP BY ALL
  ORDER BY instances DESC"""


def datasheet(asked: Asked, facts: Mapping[str, Any], tag: str, only_adds: bool) -> Page:
    """Return the page of a release, made of its catalog and the report of the run.

    Parameters
    ----------
    asked
        The catalog of the release.
    facts
        The report: totals, policy, versions.
    tag
        Name of the release.
    only_adds
        True if everything of the release before stands unchanged in this one.
    """
    found, plain = totals(asked), summary_page(asked, private=False)
    tiles = tuple(Tile(number(found[n]), n) for n in ("patients", "studies", "series", "instances", "frames"))
    lead = "A de-identified dataset. " + (
        "Everything of the release before stands unchanged in it." if only_adds else
        "Files of the release before were removed or changed: see CHANGES.md.")
    sections = (*_provenance(asked, facts), *plain.sections)
    return Page(f"Release {tag}", lead, (*tiles, Tile(size(found["bytes"]), "of files")), sections,
                private=False, footer=FOOTER)


def _provenance(asked: Asked, facts: Mapping[str, Any]) -> Iterator[Section]:
    totals_of_run = facts.get("totals", {})
    rows = [{"end": end.replace("_", " "), "inputs": totals_of_run.get(end, 0)}
            for end in ("released", "held", "refused", "not_dicom")]
    yield Section("How inputs ended", "Of everything that was processed into this folder so far.",
                  ("end", "inputs"), rows, ("inputs",))
    yield Section("De-identification", "As the released headers say.",
                  ("method", "identity_removed", "burned_in_annotation", "instances"), asked.rows(METHODS),
                  ("instances",))
    versions = [{"software": n, "version": version} for n, version in facts.get("versions", {}).items()]
    note = "Every setting is in policy.toml."
    yield Section("Policy and versions", note, ("software", "version"), versions)
    yield Section("What to mind", "", ("note",), [{"note": note} for note in LIMITS])

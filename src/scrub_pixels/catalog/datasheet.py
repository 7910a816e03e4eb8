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


UNPROVEN = """SELECT count(*) AS n FROM catalog WHERE error IS NOT NULL
  OR patient_identity_removed IS DISTINCT FROM 'YES'"""


def unproven(asked: Asked) -> int:
    """Count the instances that do not claim Patient Identity Removed: their evidence did not suffice."""
    return int(asked.rows(UNPROVEN)[0]["n"])


def datasheet(asked: Asked, facts: Mapping[str, Any], tag: str, since: str) -> Page:
    """Return the page of a release, made of its catalog and the report of the run.

    Parameters
    ----------
    asked
        The catalog of the release.
    facts
        The report: totals, policy, versions.
    tag
        Name of the release.
    since
        What became of the release before, as a sentence.
    """
    found, plain = totals(asked), summary_page(asked, private=False)
    names = ("patients", "studies", "series", "instances", "frames")
    tiles = [*(Tile(number(found[n]), n) for n in names), Tile(size(found["bytes"]), "of files")]
    sections = (*_provenance(asked, facts), *plain.sections, _software(facts))
    lead = f"A de-identified dataset. {since}"
    if lacking := unproven(asked):
        tiles.append(Tile(number(lacking), "without proof", "warn"))
        lead = f"{number(lacking)} instances do not claim that the patient's identity is removed. {since}"
    return Page(f"Release {tag}", lead, tuple(tiles), sections, private=False, footer=FOOTER)


def _provenance(asked: Asked, facts: Mapping[str, Any]) -> Iterator[Section]:
    totals_of_run = facts.get("totals", {})
    rows = [{"end": end.replace("_", " "), "inputs": totals_of_run.get(end, 0)}
            for end in ("released", "held", "refused", "not_dicom")]
    yield Section("How inputs ended", "Of everything that was processed into this folder so far.",
                  ("end", "inputs"), rows, ("inputs",))
    yield Section("De-identification", "As the released headers say.",
                  ("method", "identity_removed", "burned_in_annotation", "instances"), asked.rows(METHODS),
                  ("instances",))
    yield Section("What to mind", "", ("note",), [{"note": note} for note in LIMITS])


def _software(facts: Mapping[str, Any]) -> Section:
    versions = [{"software": n, "version": version} for n, version in facts.get("versions", {}).items()]
    note = "Every setting of the policy is in policy.toml."
    return Section("Policy and versions", note, ("software", "version"), versions)

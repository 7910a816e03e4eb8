"""Who is still rare: how many patients share what a release keeps of age, sex, dates, device and institution.

A patient is taken for the set of values their instances show in each column. ``k`` of a patient is
how many patients show the same sets (k-anonymity, Sweeney 2002); 1 means that nobody else does.
What an option of PS3.15 costs is told by leaving its columns out, or making them coarser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scrub_pixels.catalog.charts import Bar, bars, columns
from scrub_pixels.catalog.pages import Page, Section, Tile
from scrub_pixels.catalog.printing import readable
from scrub_pixels.catalog.query import Asked
from scrub_pixels.store.report.render import number

MOST_RARE = 200
LIMITS = (1, 2, 5, 11, 20)
"""Edges of the classes of k that are counted; 5 and 11 are what data providers commonly ask for."""

STAYS = "What stays in any case"

OPTIONS: Mapping[str, Mapping[str, str]] = {
    "Patient Characteristics": {
        "age": "CAST(floor(patient_age) AS INTEGER)", "sex": "patient_sex", "size": "patient_size",
        "weight": "patient_weight", "ethnic_group": "ethnic_group"},
    "Dates": {
        "study_date": "study_date", "series_date": "series_date", "acquisition_date": "acquisition_date",
        "content_date": "content_date"},
    "Device Identity": {
        "manufacturer": "manufacturer", "model": "model", "station": "station_name",
        "serial_number": "device_serial_number", "software": "software_versions"},
    "Institution Identity": {
        "institution": "institution_name", "address": "institution_address",
        "department": "institutional_department"},
    STAYS: {"modality": "modality", "body_part": "body_part"},
}
"""What a release may keep, by the option of PS3.15 E.3 that keeps it: names and SQL."""

COARSER: Mapping[str, tuple[str, str]] = {
    "age in bands of 5 years": ("age", "CAST(floor(patient_age / 5) * 5 AS INTEGER)"),
    "age in bands of 10 years": ("age", "CAST(floor(patient_age / 10) * 10 AS INTEGER)"),
    "ages from 90 on as one": ("age", "CAST(floor(least(patient_age, 90)) AS INTEGER)"),
    "study dates by month": ("study_date", "date_trunc('month', study_date)"),
    "study dates by year": ("study_date", "date_trunc('year', study_date)"),
    "weight in bands of 10 kg": ("weight", "floor(patient_weight / 10) * 10"),
}
"""Coarser forms of a quasi-identifier, to be compared."""


@dataclass(frozen=True)
class Spread:
    """How patients spread over classes that share every value.

    Parameters
    ----------
    patients, classes
        How many of each.
    least
        Patients in the smallest class.
    unique
        Patients nobody is like.
    below
        Patients in classes smaller than the k that is asked for.
    """

    patients: int
    classes: int
    least: int
    unique: int
    below: int


@dataclass(frozen=True)
class Risk:
    """The residual risk of a release.

    Parameters
    ----------
    k
        How many patients should share a combination at least.
    kept
        Names of the quasi-identifiers that have any value.
    whole
        With all of them.
    options
        Without each option's, with them alone, without each single one, with coarser forms.
    sizes
        Patients by k, in classes.
    rare
        Combinations that fewer than k patients share.
    """

    k: int
    kept: tuple[str, ...]
    whole: Spread
    options: tuple[tuple[str, str, Spread], ...]
    sizes: tuple[tuple[str, int], ...]
    rare: tuple[Mapping[str, Any], ...]


def assess(asked: Asked, k: int) -> Risk:
    """Return the residual risk of what a catalog lists."""
    expressions = {name: sql for group in OPTIONS.values() for name, sql in group.items()}
    _tabulate(asked, expressions)
    kept = [name for name in expressions if asked.rows(f'SELECT count("{name}") AS n FROM people')[0]["n"]]
    whole = _spread(asked, kept, k)
    return Risk(k, tuple(kept), whole, tuple(_alternatives(asked, kept, k)), _sizes(asked, kept),
                tuple(_rare(asked, kept, k)))


def _tabulate(asked: Asked, expressions: Mapping[str, str]) -> None:
    """Make a table with one row per patient, its columns the sets of values as text."""
    coarse = {_coarse(what): sql for what, (_, sql) in COARSER.items()}
    sets = ", ".join(f"string_agg(DISTINCT CAST({sql} AS VARCHAR), ', ' ORDER BY CAST({sql} AS VARCHAR))"
                     f' AS "{name}"' for name, sql in {**expressions, **coarse}.items())
    asked.database.execute(f"""CREATE OR REPLACE TEMP TABLE people AS
        SELECT coalesce(patient_id, '(no Patient ID)') AS patient, count(*) AS instances, {sets}
        FROM catalog WHERE error IS NULL GROUP BY 1""")


def _coarse(what: str) -> str:
    return what.replace(" ", "_")


def _spread(asked: Asked, names: Sequence[str], k: int) -> Spread:
    found = asked.rows(f"""SELECT coalesce(sum(n), 0)::BIGINT AS patients, count(*) AS classes,
        coalesce(min(n), 0) AS least, count(*) FILTER (n = 1) AS unique_patients,
        coalesce(sum(n) FILTER (n < {int(k)}), 0)::BIGINT AS below FROM ({_classes(names)})""")[0]
    return Spread(*(int(found[n]) for n in ("patients", "classes", "least", "unique_patients", "below")))


def _classes(names: Sequence[str]) -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    if not names:
        return "SELECT count(*) AS n FROM people HAVING count(*) > 0"
    return f"SELECT {listed}, count(*) AS n FROM people GROUP BY {listed}"


def _alternatives(asked: Asked, kept: Sequence[str], k: int) -> Iterator[tuple[str, str, Spread]]:
    for option, group in OPTIONS.items():
        if option != STAYS and any(name in group for name in kept):
            yield option, "without", _spread(asked, [name for name in kept if name not in group], k)
            yield option, "alone", _spread(asked, [name for name in kept if name in group], k)
    for left_out in kept:
        yield left_out.replace("_", " "), "without", _spread(asked, [n for n in kept if n != left_out], k)
    for what, (name, _) in COARSER.items():
        if name in kept:
            others = [_coarse(what) if n == name else n for n in kept]
            yield what, "coarser", _spread(asked, others, k)


def _sizes(asked: Asked, kept: Sequence[str]) -> tuple[tuple[str, int], ...]:
    edges = [*LIMITS, None]
    found = []
    for low, high in zip(edges, edges[1:], strict=False):
        inside = f"n >= {low}" + (f" AND n < {high}" if high else "")
        count = asked.rows(f"SELECT coalesce(sum(n) FILTER ({inside}), 0)::BIGINT AS n "
                           f"FROM ({_classes(kept)})")[0]["n"]
        found.append((_span(low or 0, high), count))
    return tuple(found)


def _span(low: int, high: int | None) -> str:
    if high is None:
        return f"{low} or more"
    return str(low) if high == low + 1 else f"{low}–{high - 1}"


def _rare(asked: Asked, kept: Sequence[str], k: int) -> Iterator[Mapping[str, Any]]:
    same = " AND ".join(f'p."{name}" IS NOT DISTINCT FROM c."{name}"' for name in kept) or "true"
    listed = "".join(f', c."{name}"' for name in kept)
    yield from asked.rows(f"""SELECT c.n AS patients, min(p.patient) AS one_of_them{listed}
        FROM ({_classes(kept)}) c JOIN people p ON {same} WHERE c.n < {int(k)} GROUP BY ALL
        ORDER BY patients, one_of_them LIMIT {MOST_RARE}""")


def option_rows(risk: Risk) -> list[dict[str, Any]]:
    """Return what leaving out or making coarser would gain, the most first."""
    rows = [{"what": what, "how": how, "smallest_group": spread.least, "unique_patients": spread.unique,
             f"below_{risk.k}": spread.below, "fewer_rare_patients": risk.whole.below - spread.below}
            for what, how, spread in risk.options]
    return sorted(rows, key=lambda row: -int(row["fewer_rare_patients"]))


def risk_page(risk: Risk) -> Page:
    """Return the page for the person who must sign."""
    whole = risk.whole
    rows, below = option_rows(risk), f"below_{risk.k}"
    numbers = ("smallest_group", "unique_patients", below, "fewer_rare_patients")
    chart = bars([Bar(f"{row['how']} {row['what']}", {"plain": max(0, row["fewer_rare_patients"])})
                  for row in rows[:14] if row["fewer_rare_patients"]], "Fewer rare patients")
    tiles = (Tile(number(whole.patients), "patients"), Tile(number(whole.least), "in the smallest group"),
             Tile(number(whole.unique), "patients nobody is like", "warn" if whole.unique else ""),
             Tile(number(whole.below), f"share with fewer than {risk.k}", "warn" if whole.below else ""),
             Tile(f"{whole.classes / whole.patients:.0%}" if whole.patients else "–", "average risk"))
    return Page(
        f"{number(whole.below)} of {number(whole.patients)} patients are rare" if whole.below
        else f"Every patient shares everything with {risk.k - 1} others or more",
        f"How many patients share what the release keeps: {', '.join(map(readable, risk.kept))}.", tiles,
        (Section("Groups of patients who share everything", "Patients by the size of their group.",
                 chart=columns(list(risk.sizes), "Patients by size of group")),
         Section("What each option costs", "How many patients would no longer be rare without it, with it "
                 "coarser, or if it alone were kept. Options are those of PS3.15 E.3.",
                 ("what", "how", *numbers), rows, numbers,
                 chart if any(row["fewer_rare_patients"] for row in rows) else None),
         Section("Rare combinations", f"Shared by fewer than {risk.k} patients; the first {MOST_RARE}.",
                 ("patients", "one_of_them", *risk.kept), risk.rare, ("patients",)),
         Section("What this does not tell", "", ("note",), [{"note": note} for note in NOTES])))


NOTES = (
    "Only what stands in headers is counted: not faces, rare diseases that show, or text that was missed.",
    "Shifted dates cannot be looked up as they are, but intervals between studies stay as they were.",
    "The average risk is that of somebody who knows all of this of one patient and picks from the group.",
    "The count is within this release. In the population a combination is usually shared by more people.",
    "k says nothing of what is learnt about a group whose members all have the same disease.",
)

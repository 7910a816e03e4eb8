"""Quality of what a catalog lists: a table of checks (``checks.toml``), each one SELECT, and findings."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from scrub_pixels.catalog.query import Asked
from scrub_pixels.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SEVERITIES = ("error", "warning", "info")
LEVELS = ("file", "instance", "series", "study", "patient")
MOST_PER_CHECK = 10_000

VIEWS = {
    "files": "SELECT * FROM catalog",
    "images": """SELECT *, coalesce(upper(image_type) LIKE '%LOCALIZER%', false) AS localizer
        FROM catalog WHERE error IS NULL""",
    "slices": """SELECT *, position_x * (row_y * column_z - row_z * column_y)
            + position_y * (row_z * column_x - row_x * column_z)
            + position_z * (row_x * column_y - row_y * column_x) AS depth,
        (round(row_x, 2), round(row_y, 2), round(row_z, 2),
         round(column_x, 2), round(column_y, 2), round(column_z, 2))::VARCHAR AS facing
        FROM images WHERE modality IN ('CT', 'MR', 'PT') AND NOT localizer AND coalesce(frames, 1) = 1
        AND position_z IS NOT NULL AND column_z IS NOT NULL AND series_instance_uid IS NOT NULL""",
    "steps": """SELECT *, median(step) OVER alike AS usual, count(step) OVER alike AS steps FROM
        (SELECT series_instance_uid, path, depth - lag(depth) OVER
            (PARTITION BY series_instance_uid ORDER BY depth) AS step FROM
            (SELECT series_instance_uid, round(depth, 3) AS depth, min(path) AS path FROM slices
             WHERE series_instance_uid IN (SELECT series_instance_uid FROM slices GROUP BY series_instance_uid
                HAVING count(DISTINCT facing) = 1)
             GROUP BY series_instance_uid, round(depth, 3)))
        WHERE step IS NOT NULL WINDOW alike AS (PARTITION BY series_instance_uid)""",
}
"""What checks select from, each made of the ones before it."""


@dataclass(frozen=True)
class Check:
    """One check; see the head of ``checks.toml``."""

    name: str
    severity: str
    level: str
    meaning: str
    remedy: str
    sql: str


@dataclass(frozen=True)
class Finding:
    """What one check found of one subject. Private: paths and UIDs of an archive.

    Parameters
    ----------
    severity, check, level
        From the check.
    subject
        UID of the instance, series or study, or a path; of a patient a digest.
    number
        Instances concerned.
    detail
        What exactly.
    path
        One file concerned.
    """

    severity: str
    check: str
    level: str
    subject: str
    number: int
    detail: str
    path: str


def checks() -> tuple[Check, ...]:
    """Return every check, in the order of the table."""
    text = files("scrub_pixels.catalog").joinpath("checks.toml").read_text(encoding="utf-8")
    return tuple(Check(**row) for row in tomllib.loads(text)["check"])


def chosen_checks(only: Iterable[str], without: Iterable[str]) -> tuple[Check, ...]:
    """Return the checks a user wants.

    Raises
    ------
    UsageError
        If there is none of a name.
    """
    every, only, without = checks(), tuple(only), tuple(without)
    names = [check.name for check in every]
    if unknown := {*only, *without}.difference(names):
        raise UsageError(f"There is no check of that name: {', '.join(sorted(unknown))}.",
                         remedy=f"Choose of: {', '.join(names)}.")
    return tuple(c for c in every if (not only or c.name in only) and c.name not in without)


def examine(asked: Asked, wanted: Iterable[Check] | None = None) -> Iterator[Finding]:
    """Yield what the checks find, those of one check together, at most 10,000 of each."""
    for name, select in VIEWS.items():
        asked.database.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {select}")
    for check in checks() if wanted is None else wanted:
        order = f"ORDER BY path, subject LIMIT {MOST_PER_CHECK}"
        for row in asked.rows(f"SELECT subject, path, number, detail FROM ({check.sql}) {order}"):
            yield Finding(check.severity, check.name, check.level, str(row["subject"]), int(row["number"]),
                          str(row["detail"]), str(row["path"]))


def worst(findings: Iterable[Finding]) -> str:
    """Return the worst severity, or an empty string if nothing was found."""
    found = {finding.severity for finding in findings}
    return next((severity for severity in SEVERITIES if severity in found), "")


def tally(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return how often each check found something, the worst first."""
    named = {check.name: check for check in checks()}
    counts: dict[str, list[int]] = {}
    for finding in findings:
        entry = counts.setdefault(finding.check, [0, 0])
        entry[0] += 1
        entry[1] += finding.number
    rows = [{"severity": named[name].severity, "check": name, "findings": found, "instances": instances,
             "meaning": named[name].meaning, "remedy": named[name].remedy}
            for name, (found, instances) in counts.items()]
    return sorted(rows, key=lambda row: (SEVERITIES.index(str(row["severity"])), -int(str(row["findings"]))))


def record(finding: Finding) -> dict[str, Any]:
    """Return a finding as a row of a table."""
    return asdict(finding)

"""The hierarchy of a catalog, patient to instance, as a tree; and what its columns are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.text import Text
from rich.tree import Tree

from scrub_pixels.catalog.printing import readable
from scrub_pixels.catalog.query import Asked

LEVELS = ("patient", "study", "series", "instance")

SERIES = """SELECT coalesce(patient_id, '') AS patient, coalesce(study_instance_uid, '') AS study,
  coalesce(series_instance_uid, '') AS series, min(study_date) AS study_date,
  min(study_description) AS study_description, min(series_number) AS series_number, min(modality) AS modality,
  min(series_description) AS series_description, count(*) AS instances,
  sum(coalesce(frames, 1))::BIGINT AS frames,
  sum(size_bytes)::BIGINT AS bytes FROM catalog WHERE error IS NULL
  GROUP BY ALL ORDER BY patient, study_date, study, series_number, series LIMIT ?"""

INSTANCES = """SELECT path, instance_number, rows, columns, frames FROM catalog WHERE error IS NULL
  AND coalesce(patient_id, '') = ? AND coalesce(study_instance_uid, '') = ?
  AND coalesce(series_instance_uid, '') = ? ORDER BY instance_number, path LIMIT ?"""


def tree(asked: Asked, level: str = "series", most: int = 1000) -> Tree:
    """Return the hierarchy down to a level; of more than `most` series, the first ones."""
    root = Tree("catalog")
    series = asked.rows(SERIES, [most + 1])
    for _, studies in _grouped(series[:most], "patient"):
        patient = root.add(_patient(studies))
        if level != "patient":
            _add_studies(asked, patient, studies, level)
    if len(series) > most:
        root.add(f"... and more; --most shows more than {most} series")
    return root


def _add_studies(asked: Asked, patient: Tree, rows: list[dict[str, Any]], level: str) -> None:
    for _, listed in _grouped(rows, "study"):
        study = patient.add(_study(listed))
        for row in listed if level in ("series", "instance") else ():
            series = study.add(_series(row))
            if level == "instance":
                _add_instances(asked, series, row)


def _add_instances(asked: Asked, series: Tree, row: dict[str, Any]) -> None:
    for found in asked.rows(INSTANCES, [row["patient"], row["study"], row["series"], 1000]):
        size = f"{found['rows']}x{found['columns']}" if found["rows"] else "no image"
        frames = f" x {found['frames']}" if (found["frames"] or 1) > 1 else ""
        number = readable(found["instance_number"]) or "-"
        series.add(Text(f"{number}  {size}{frames}  {readable(found['path'])}"))


def _grouped(rows: list[dict[str, Any]], name: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for key, group in groupby(rows, key=lambda row: row[name]):
        yield key, list(group)


def _patient(rows: list[dict[str, Any]]) -> Text:
    studies = len({row["study"] for row in rows})
    return Text(f"{readable(rows[0]['patient']) or '(no Patient ID)'}  {_counts(rows, studies, 'studies')}")


def _study(rows: list[dict[str, Any]]) -> Text:
    first = rows[0]
    about = " ".join(filter(None, (readable(first["study_date"]), readable(first["study_description"]))))
    return Text(f"{about or readable(first['study']) or '(no study)'}  {_counts(rows, len(rows), 'series')}")


def _series(row: dict[str, Any]) -> Text:
    about = " ".join(filter(None, (readable(row["series_number"]), readable(row["modality"]),
                                   readable(row["series_description"]))))
    return Text(f"{about or readable(row['series']) or '(no series)'}  {_counts([row], 0, '')}")


def _counts(rows: list[dict[str, Any]], below: int, word: str) -> str:
    instances, frames = sum(row["instances"] for row in rows), sum(row["frames"] for row in rows)
    parts = [f"{below} {word}"] if below > 1 else []
    parts.append(f"{instances} instance{'s' * (instances != 1)}")
    if frames != instances:
        parts.append(f"{frames} frames")
    return f"[{', '.join(parts)}]"

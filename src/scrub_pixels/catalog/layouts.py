"""A release once more in another layout: BIDS-like folders, or a DICOM medium with its DICOMDIR."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.fileset import FileSet

from scrub_pixels import __version__
from scrub_pixels.catalog.formats import open_catalog
from scrub_pixels.catalog.query import ask
from scrub_pixels.catalog.release import verify
from scrub_pixels.catalog.released import digest_of, read_manifest
from scrub_pixels.errors import UsageError
from scrub_pixels.frames.opening import PARSE_ERRORS, silenced
from scrub_pixels.store.atomic import failures_explained
from scrub_pixels.store.releases import CATALOG, MANIFEST, RELEASES

BIDS_VERSION = "1.10.0"
REQUIRED: Mapping[str, Any] = {"PatientID": "UNKNOWN", "StudyDate": "19000101", "StudyTime": "000000",
                               "StudyID": "1", "SeriesNumber": 0, "Modality": "OT"}
"""What records of a DICOMDIR have to say (PS3.3 F.5), where a released header says nothing."""

BIDS_README = ("De-identified DICOM in folders named as BIDS names them. DICOM itself is no format of BIDS: "
               "convert it, or keep it as sourcedata.\n")

ROWS = """SELECT path, coalesce(patient_id, 'unknown') AS patient, coalesce(study_instance_uid, '') AS study,
  lower(regexp_replace(coalesce(modality, 'ot'), '[^A-Za-z0-9]', '', 'g')) AS modality,
  study_date, study_time, series_number, instance_number, patient_age, patient_sex FROM catalog
  WHERE error IS NULL ORDER BY patient, study_date, study_time, study, series_number, series_instance_uid,
  instance_number, path"""


def write_layout(out: Path, tag: str, target: Path, kind: str) -> int:
    """Write the files of a release to a new folder in another layout, and return how many.

    Parameters
    ----------
    out
        The output folder.
    tag
        The release; it is verified first.
    target
        A new folder, not below OUT.
    kind
        Key of `LAYOUTS`.

    Raises
    ------
    UsageError
        If the release does not verify, or the target cannot be used.
    """
    if problems := verify(out, tag):
        raise UsageError(f"The release does not verify: {problems[0]}.",
                         remedy="See scrub-pixels release verify.")
    with new_folder(target, out) as folder, failures_explained("The layout"):
        return LAYOUTS[kind](out, out / RELEASES / tag, folder)


@contextmanager
def new_folder(target: Path, out: Path) -> Iterator[Path]:
    """Yield a private folder that becomes `target` if all goes well.

    Raises
    ------
    UsageError
        If there is something at `target`, or it lies in OUT.
    """
    real, root = Path(os.path.realpath(target)), Path(os.path.realpath(out))
    if real.exists() and (not real.is_dir() or any(real.iterdir())):
        raise UsageError("The target is there already.", remedy="Name a new folder.")
    if real == root or root in real.parents:
        raise UsageError("The target lies in OUT, where only released files stand.",
                         remedy="Name a folder beside it.")
    real.parent.mkdir(parents=True, exist_ok=True)
    draft = real.with_name(f".{real.name}-{secrets.token_hex(8)}")
    draft.mkdir()
    try:
        yield draft
        os.replace(draft, real)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _bids(out: Path, release: Path, folder: Path) -> int:
    """Write ``sub-X/ses-NN/modality/sub-X_ses-NN_run-NNNN_modality.dcm`` and the files around them."""
    digests = read_manifest(release / MANIFEST)
    with ask(open_catalog(release / CATALOG)) as asked:
        rows = asked.rows(ROWS)
    subjects = _labels(row["patient"] for row in rows)
    for row, relative in zip(rows, _bids_names(rows, subjects), strict=True):
        _copy(out / row["path"], folder / relative, digests[row["path"]])
    about = {"Name": release.name, "BIDSVersion": BIDS_VERSION, "DatasetType": "raw",
             "GeneratedBy": [{"Name": "scrub-pixels", "Version": __version__}]}
    (folder / "dataset_description.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    (folder / "participants.tsv").write_text(_participants(rows, subjects), encoding="utf-8")
    (folder / "README").write_text(BIDS_README, encoding="utf-8")
    return len(rows)


def _labels(patients: Iterator[str]) -> dict[str, str]:
    """Return a label of letters and digits for every patient, different for different ones."""
    labels: dict[str, str] = {}
    taken: set[str] = set()
    for patient in patients:
        if patient in labels:
            continue
        plain = re.sub(r"[^A-Za-z0-9]", "", patient)[:40] or "x"
        label, count = plain, 1
        while label.lower() in taken:
            count += 1
            label = f"{plain}n{count}"
        labels[patient] = label
        taken.add(label.lower())
    return labels


def _bids_names(rows: list[dict[str, Any]], subjects: Mapping[str, str]) -> Iterator[str]:
    sessions: dict[str, list[str]] = {}
    runs: dict[str, int] = {}
    for row in rows:
        known = sessions.setdefault(row["patient"], [])
        if row["study"] not in known:
            known.append(row["study"])
        stem = f"sub-{subjects[row['patient']]}_ses-{known.index(row['study']) + 1:02}"
        kind = row["modality"] or "ot"
        place = f"{stem.replace('_', '/')}/{kind}"
        runs[place] = runs.get(place, 0) + 1
        yield f"{place}/{stem}_run-{runs[place]:04}_{kind}.dcm"


def _participants(rows: list[dict[str, Any]], subjects: Mapping[str, str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(("participant_id", "age", "sex"))
    first = {row["patient"]: row for row in reversed(rows)}
    for patient, label in subjects.items():
        age, sex = first[patient]["patient_age"], first[patient]["patient_sex"]
        writer.writerow((f"sub-{label}", "n/a" if age is None else f"{age:g}",
                         sex if sex in ("M", "F", "O") else "n/a"))
    return text.getvalue()


def _copy(source: Path, target: Path, digest: str) -> None:
    """Copy a released file, and see that the copy is what was released."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    if digest_of(target) != digest:
        raise UsageError("A file changed while it was copied.",
                         remedy="Is a run writing to OUT? Wait for it.")


def _dicomdir(out: Path, release: Path, folder: Path) -> int:
    """Write a medium with names of PS3.10 8.2 and a DICOMDIR (PS3.3 Annex F).

    pydicom lays out headers alone, with what a directory has to say filled in where the released
    header says nothing; then each file takes the place of its header, byte for byte as released.
    """
    digests = read_manifest(release / MANIFEST)
    medium = FileSet()
    with silenced():
        sources = {_added(medium, out / path, number): path for number, path in enumerate(digests, 1)}
        medium.write(folder)
        places = {str(entry.SOPInstanceUID): Path(entry.path) for entry in FileSet(folder / "DICOMDIR")}
    if len(sources) != len(digests) or places.keys() != sources.keys():
        raise UsageError("Two released files share a SOP Instance UID, which no DICOMDIR can tell apart.",
                         remedy="Use --kind bids.")
    for uid, place in places.items():
        _copy(out / sources[uid], place, digests[sources[uid]])
    return len(digests)


def _added(medium: FileSet, path: Path, number: int) -> str:
    """Add the header of a file to a medium, and return its SOP Instance UID."""
    try:
        header = dcmread(path, stop_before_pixels=True)
        for keyword, value in {**REQUIRED, "InstanceNumber": number}.items():
            if header.get(keyword) in (None, ""):
                setattr(header, keyword, value)
        return str(medium.add(header).SOPInstanceUID)
    except PARSE_ERRORS:
        raise UsageError("A DICOMDIR cannot list a file of this kind.", remedy="Use --kind bids.") from None


LAYOUTS: Mapping[str, Callable[[Path, Path, Path], int]] = {"bids": _bids, "dicomdir": _dicomdir}
"""The layouts there are."""

"""Who became whom: pseudonyms chosen by the user, and the pairs of old and new that a run yields.

Everything here identifies patients. It belongs into the private workspace, and no repr shows it.
"""

from __future__ import annotations

import csv
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from scrub_pixels.errors import UsageError
from scrub_pixels.header.keys import patient_key

_PSEUDONYM = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,64}")
_MOST_DAYS = 36500


@dataclass(frozen=True)
class Assignment:
    """What the user chose for a patient.

    Parameters
    ----------
    pseudonym
        The new Patient ID and name: 1 to 64 ASCII characters, no backslash (PS3.5 6.2, LO).
    days
        Days by which dates move, or None to let the key choose.

    Raises
    ------
    UsageError
        If LO cannot hold the pseudonym, or the days are more than a century.
    """

    pseudonym: str
    days: int | None = None

    def __post_init__(self) -> None:
        if not _PSEUDONYM.fullmatch(self.pseudonym) or self.pseudonym != self.pseudonym.strip():
            raise UsageError("a pseudonym has 1 to 64 ASCII characters, no backslash and no blanks around it")
        if self.days is not None and abs(self.days) > _MOST_DAYS:
            raise UsageError("dates move by at most a century")

    @classmethod
    def of(cls, chosen: Assignment | str) -> Assignment:
        """Return an assignment, where a pseudonym alone may stand for one."""
        return chosen if isinstance(chosen, cls) else cls(str(chosen))


class Assignments(Mapping[str, Assignment]):
    """Pseudonyms chosen by the user, by normalised Patient ID; read-only, and its repr shows nothing.

    It goes with every task to every worker. So it is packed once, and a worker that gets the same
    list again takes the one it has.

    Parameters
    ----------
    chosen
        An `Assignment`, or the pseudonym alone, by Patient ID.
    """

    def __init__(self, chosen: Mapping[str, Assignment | str]) -> None:
        self._chosen = {
            identity if "\0" in identity else patient_key("", identity): Assignment.of(assignment)
            for identity, assignment in chosen.items()
        }
        rows = [(patient, a.pseudonym, a.days) for patient, a in sorted(self._chosen.items())]
        self.packed = zlib.compress(json.dumps(rows).encode()) if rows else b""

    def __repr__(self) -> str:
        return f"Assignments({len(self)} patients)"

    def __getitem__(self, patient: str) -> Assignment:
        return self._chosen[patient]

    def __iter__(self) -> Iterator[str]:
        return iter(self._chosen)

    def __len__(self) -> int:
        return len(self._chosen)

    def __reduce__(self) -> tuple[Callable[[bytes], Assignments], tuple[bytes]]:
        return _unpacked, (self.packed,)


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> Assignments:
    rows = json.loads(zlib.decompress(packed)) if packed else []
    return Assignments({patient: Assignment(pseudonym, days) for patient, pseudonym, days in rows})


@dataclass(frozen=True)
class Pairs:
    """Old and new of one Instance; the repr shows nothing.

    Parameters
    ----------
    patient
        Old Patient ID and pseudonym.
    uids
        Old UID -> new UID, of every UID that was replaced.
    """

    patient: tuple[str, str] = field(default=("", ""), repr=False)
    uids: Mapping[str, str] = field(default_factory=dict, repr=False)


def assignment_for(patient_id: str, assignments: Mapping[str, Assignment | str]) -> Assignment | None:
    """Return what the user chose for a patient; case, width and spaces of the ID do not matter."""
    found = assignments.get(patient_key("", patient_id))
    return None if found is None else Assignment.of(found)


def read_assignments(path: str | os.PathLike[str]) -> dict[str, Assignment]:
    """Read a CSV file with the columns ``PatientID,pseudonym`` and, if wanted, ``days``.

    Raises
    ------
    UsageError
        If a column is missing, a patient or a pseudonym stands twice, or a value cannot be used;
        the message names the line and never quotes it.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            table = csv.DictReader(stream)
            if not {"PatientID", "pseudonym"} <= set(table.fieldnames or ()):
                raise UsageError("the CSV of pseudonyms needs the columns PatientID and pseudonym")
            rows = [(table.line_num, row) for row in table]
    except OSError as error:
        raise UsageError(f"The CSV of pseudonyms cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error):
        raise UsageError("The CSV of pseudonyms is no UTF-8 text or no CSV.") from None
    return _assigned(rows)


def _assigned(rows: Iterable[tuple[int, dict[str, str]]]) -> dict[str, Assignment]:
    assignments: dict[str, Assignment] = {}
    taken: set[str] = set()
    for line, row in rows:
        patient, assignment = patient_key("", row["PatientID"] or ""), _assignment(line, row)
        if patient in assignments or assignment.pseudonym in taken:
            raise UsageError(f"line {line} of the CSV repeats a patient or a pseudonym")
        assignments[patient] = assignment
        taken.add(assignment.pseudonym)
    return assignments


def _assignment(line: int, row: dict[str, str]) -> Assignment:
    try:
        days = (row.get("days") or "").strip()
        return Assignment((row["pseudonym"] or "").strip(), int(days) if days else None)
    except (UsageError, ValueError):
        raise UsageError(f"line {line} of the CSV holds no usable pseudonym or days") from None


def write_pairs(path: str | os.PathLike[str], pairs: Mapping[str, str]) -> None:
    """Write ``id_old,id_new`` lines into a new file that only its owner can read.

    Raises
    ------
    FileExistsError
        If the file is there already.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("id_old", "id_new"))
        writer.writerows(sorted(pairs.items()))

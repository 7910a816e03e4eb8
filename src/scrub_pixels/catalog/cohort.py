"""A cohort: a named, saved question to a catalog, with the digest of its answer.

It is two private files beside the catalog, in ``CATALOG.cohorts``: ``NAME.sql`` holds the question,
for people and for other tools, and what the answer was as comments; ``NAME.members.parquet`` holds
the answer, so that asking again can tell what has changed. A condition may name patients, so both
are as private as the catalog.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from scrub_pixels.catalog.formats import Catalog, open_catalog
from scrub_pixels.catalog.libraries import arrow, parquet
from scrub_pixels.catalog.query import Question, Sample, ask
from scrub_pixels.errors import UsageError
from scrub_pixels.store.atomic import failures_explained, write_private
from scrub_pixels.store.workspace import check_private_target

FORMAT = "scrub-pixels-cohort/1"
HEAD = "-- "
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
MEMBERS_A_GROUP = 100_000


@dataclass(frozen=True)
class Cohort:
    """A saved question and what its answer was.

    Parameters
    ----------
    name
        Its name.
    question
        What was asked.
    count, digest
        Instances of the answer, and SHA-256 over their paths, UIDs and content digests.
    made
        When, ISO 8601.
    catalog
        File name of the catalog.
    """

    name: str
    question: Question
    count: int
    digest: str
    made: str
    catalog: str


@dataclass(frozen=True)
class Comparison:
    """A cohort asked again.

    Parameters
    ----------
    now
        The cohort as its answer is now.
    added, removed, changed
        Paths that came, went, or whose header changed.
    """

    now: Cohort
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def same(self) -> bool:
        """True if the answer is what it was."""
        return not (self.added or self.removed or self.changed)


def folder_of(catalog: Path) -> Path:
    """Return where the cohorts of a catalog are kept."""
    return catalog.with_name(f"{catalog.name}.cohorts")


def save(catalog: Catalog, name: str, question: Question) -> Cohort:
    """Ask, and keep question and answer under a name; an older cohort of that name is replaced.

    Raises
    ------
    UsageError
        If the name or the question is not usable, or the cohort would stand in an output folder.
    """
    if not NAME.fullmatch(name):
        raise UsageError("A cohort's name has letters, digits, dots, hyphens and underscores only.",
                         remedy="Choose another name.")
    folder = folder_of(catalog.path)
    check_private_target(folder / "x")
    with failures_explained("The cohort"):
        folder.mkdir(mode=0o700, exist_ok=True)
        cohort = _answered(catalog, name, question, folder / f"{name}.members.parquet")
        _replace(folder / f"{name}.sql", _written(cohort).encode())
    return cohort


def _answered(catalog: Catalog, name: str, question: Question, members: Path) -> Cohort:
    """Ask, and write the members as they come."""
    digest, count = hashlib.sha256(), 0
    made = members.with_name(f".{members.name}-{secrets.token_hex(8)}")
    try:
        with ask(catalog) as asked, _MembersFile(made) as write:
            for row in asked.chosen(question):
                digest.update(_line(row))
                count += 1
                write(row)
        os.replace(made, members)
    finally:
        made.unlink(missing_ok=True)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Cohort(name, question, count, digest.hexdigest(), now, catalog.path.name)


def _line(row: tuple[Any, ...]) -> bytes:
    return json.dumps(row).encode() + b"\n"


class _MembersFile:
    """Writes members to a private Parquet file, in groups."""

    def __init__(self, path: Path) -> None:
        self.schema = arrow().schema([(name, arrow().string()) for name in ("path", "uid", "content")])
        self.file = open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self.writer = parquet().ParquetWriter(self.file, self.schema, compression="zstd")
        self.waiting: list[tuple[Any, ...]] = []

    def __enter__(self):
        return self.add

    def add(self, row: tuple[Any, ...]) -> None:
        self.waiting.append(row)
        if len(self.waiting) >= MEMBERS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self.waiting, strict=True) if self.waiting else ([], [], [])
        arrays = [arrow().array(values, arrow().string()) for values in columns]
        self.writer.write_table(arrow().table(arrays, schema=self.schema))
        self.waiting.clear()

    def __exit__(self, *problem: object) -> None:
        try:
            if problem[0] is None:
                self._flush()
        finally:
            self.writer.close()
            self.file.close()


def _replace(path: Path, content: bytes) -> None:
    made = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        write_private(made, iter([content]))
        os.replace(made, path)
    finally:
        made.unlink(missing_ok=True)


def _written(cohort: Cohort) -> str:
    """Return a cohort as an SQL file: what it says of itself as one comment of JSON, then the SELECT."""
    about = {"format": FORMAT} | asdict(cohort)
    return (f"{HEAD}A cohort of scrub-pixels. Private: the question may name patients.\n"
            f"{HEAD}{json.dumps(about)}\n{cohort.question.statement}\n")


def load(path: Path) -> Cohort:
    """Read a saved cohort.

    Raises
    ------
    UsageError
        If the file is not one.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        about = json.loads(next(line for line in lines if line.startswith(HEAD + "{")).removeprefix(HEAD))
        asked = about["question"]
        sample = Sample(**asked["sample"]) if asked["sample"] else None
        kept = {name: about[name] for name in ("name", "count", "digest", "made", "catalog")}
        return Cohort(question=Question(asked["where"], asked["sql"], sample), **kept)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        raise UsageError("This file is no saved cohort.",
                         remedy="Save one: scrub-pixels cohort save CATALOG NAME --where ...") from None


def named(catalog: Path, name: str) -> Path:
    """Return the file of a cohort given by its name, or by its path."""
    as_path = Path(name)
    if as_path.is_file():
        return as_path
    found = folder_of(catalog) / f"{name}.sql"
    if not NAME.fullmatch(name) or not found.is_file():
        raise UsageError("There is no cohort of that name.",
                         remedy="scrub-pixels cohort list CATALOG shows them.")
    return found


def question_from(path: Path) -> Question:
    """Return the question of a saved cohort, or of a plain file with one SELECT."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        raise UsageError("The file with the query cannot be read.", remedy="Check its path.") from None
    if FORMAT in text:
        return load(path).question
    return Question(sql=text)


def saved(catalog: Path) -> Iterator[Cohort]:
    """Yield the cohorts of a catalog by name."""
    for path in sorted(folder_of(catalog).glob("*.sql")):
        yield load(path)


def compare(catalog: Catalog, path: Path) -> Comparison:
    """Ask a saved cohort again, and tell what has changed."""
    then = load(path)
    members = path.with_name(path.name.removesuffix(".sql") + ".members.parquet")
    before = {row[0]: row[1:] for row in _members(members)}
    digest, count = hashlib.sha256(), 0
    added, changed = [], []
    with ask(catalog) as asked:
        for row in asked.chosen(then.question):
            digest.update(_line(row))
            count += 1
            known = before.pop(row[0], None)
            if known is None:
                added.append(row[0])
            elif known != row[1:]:
                changed.append(row[0])
    moment = datetime.now(timezone.utc).isoformat(timespec="seconds")
    now = Cohort(then.name, then.question, count, digest.hexdigest(), moment, catalog.path.name)
    return Comparison(now, tuple(added), tuple(sorted(before)), tuple(changed))


def _members(path: Path) -> Iterable[tuple[Any, ...]]:
    try:
        table = parquet().read_table(path)
    except (OSError, arrow().ArrowException):
        raise UsageError("The members of this cohort cannot be read.",
                         remedy="Save the cohort anew.") from None
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def chosen_paths(catalog: Path, question: Question, source: Path) -> frozenset[str]:
    """Return the inputs that a question means, as `catalog.rows.stored_name` writes their paths.

    Raises
    ------
    UsageError
        If nothing is meant, or the catalog is of another folder.
    """
    opened = open_catalog(catalog)
    if opened.about and opened.about.root and opened.about.root != os.path.realpath(source):
        raise UsageError("The catalog is of another folder than IN.",
                         remedy="Make one of IN: scrub-pixels catalog IN -o FILE.")
    with ask(opened) as asked:
        paths = frozenset(asked.paths(question))
    if not paths:
        raise UsageError("No instance of the catalog is meant.",
                         remedy="Try the condition with scrub-pixels catalog query.")
    return paths

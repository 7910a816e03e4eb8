"""The tables of the review queue, the same in SQLite and PostgreSQL.

The log, the drafts and the approvals can only grow: the database itself refuses to change or
delete a row of them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    inspect,
    text,
)

METADATA = MetaData()

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only if the key is called INTEGER."""


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


ENTRIES = Table(
    "review_entries", METADATA,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    _text("owner"),
    Column("path", LargeBinary, nullable=False),
    Column("member", BigInteger, nullable=False),
    Column("relative", LargeBinary, nullable=False),
    _number("size"), _number("modified"),
    Column("state", Text, nullable=False), Column("kind", Text, nullable=False),
    Column("booked", Integer, nullable=False, server_default="1"),
    Column("created", Double, nullable=False), Column("changed", Double, nullable=False),
    _text("modality"), _text("device"), _text("series"), _text("naming"),
    _number("rows"), _number("columns"), _number("frames"),
    Column("reasons", Text, nullable=False), Column("findings", Text, nullable=False),
    Column("redactions", Text, nullable=False),
    _number("round"), _number("draft"), _text("digest"),
    _text("claimed_by"), Column("claimed_until", Double, nullable=False, server_default="0"),
    Index("entries_order", "owner", "state", "id"),
    Index("entries_kind", "owner", "state", "kind", "id"),
    Index("entries_facets", "owner", "state", "kind", "device", "modality"),
    Index("entries_device", "owner", "state", "device", "id"),
    Index("entries_modality", "owner", "state", "modality", "id"),
    Index("entries_series", "owner", "series", "state", "id"),
    Index("entries_booked", "owner", "booked", "id"),
)
"""`owner` is the workspace and its output folder; `round` counts how often the input was held."""

REASONS = Table(
    "review_reasons", METADATA,
    Column("entry", NUMBER, ForeignKey("review_entries.id", ondelete="CASCADE"), nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("reason", "entry"),
    Index("entry_reasons_entry", "entry"),
    sqlite_with_rowid=False,
)

LOG = Table(
    "review_log", METADATA,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    _text("owner"),
    Column("entry", NUMBER, ForeignKey("review_entries.id"), nullable=True),
    Column("at", Double, nullable=False), Column("who", Text, nullable=False),
    Column("what", Text, nullable=False), Column("detail", Text, nullable=False, server_default="{}"),
    Index("log_entry", "entry"),
)

DRAFTS = Table(
    "review_drafts", METADATA,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("entry", NUMBER, ForeignKey("review_entries.id"), nullable=False),
    _number("round"), _number("parent"),
    Column("at", Double, nullable=False), Column("who", Text, nullable=False),
    Column("content", Text, nullable=False),
    Index("drafts_entry", "entry", "round", "parent"),
)

APPROVALS = Table(
    "review_approvals", METADATA,
    Column("entry", NUMBER, ForeignKey("review_entries.id"), nullable=False),
    _number("round"), _number("draft"),
    Column("who", Text, nullable=False), Column("at", Double, nullable=False),
    PrimaryKeyConstraint("entry", "round", "draft", "who"),
)

POPULATION = Table(
    "review_population", METADATA,
    Column("key", Text, primary_key=True),
    _text("owner"),
    Column("stratum", Text, nullable=False), Column("rank", Text, nullable=False),
    Column("origin", Text, nullable=False), _number("drawn"), _text("verdict"),
    Index("population_rank", "owner", "stratum", "rank"),
)
"""Released Instances from which quality control draws; `rank` is a keyed digest, so the draw is fair.

`verdict` is empty, ``clean`` or ``missed``.
"""

WORDS = Table(
    "review_words", METADATA,
    _text("owner"), Column("word", Text, nullable=False),
    PrimaryKeyConstraint("owner", "word"),
    sqlite_with_rowid=False,
)
"""Keyed digests of the words of all identifiers seen: none of them may become vocabulary."""

LESSONS = Table(
    "review_lessons", METADATA,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    _text("owner"), Column("entry", NUMBER, ForeignKey("review_entries.id"), nullable=True),
    Column("at", Double, nullable=False), Column("kind", Text, nullable=False),
    _text("manufacturer"), _text("model"), _number("rows"), _number("columns"),
    Column("what", Text, nullable=False), _text("series"), _number("dismissed"), _text("patient"),
    Index("review_lessons_owner", "owner", "dismissed", "id"),
    Index("review_lessons_entry", "owner", "entry"),
)
"""What accepted decisions said about devices and words; `series` is of older versions and not read."""

NEW_COLUMNS = ((LESSONS, "patient"),)
"""Columns that queues made by older versions lack."""

GROWING = ("review_log", "review_drafts", "review_approvals")


def create(connection: Connection) -> None:
    """Create what is missing, with the triggers that keep the log from changing."""
    METADATA.create_all(connection)
    for old, name in NEW_COLUMNS:
        if name not in {column["name"] for column in inspect(connection).get_columns(old.name)}:
            connection.execute(text(f"ALTER TABLE {old.name} ADD COLUMN {name} TEXT NOT NULL DEFAULT ''"))
    statements = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    for table in GROWING:
        for statement in statements:
            connection.execute(text(statement.format(table=table)))


_SQLITE = (
    "CREATE TRIGGER IF NOT EXISTS {table}_never_changes BEFORE UPDATE ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'the decision log only grows'); END",
    "CREATE TRIGGER IF NOT EXISTS {table}_never_shrinks BEFORE DELETE ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'the decision log only grows'); END",
)

_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION scrub_pixels_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the decision log only grows'; END $$",
    "CREATE OR REPLACE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION scrub_pixels_only_grows()",
    "CREATE OR REPLACE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION scrub_pixels_only_grows()",
)

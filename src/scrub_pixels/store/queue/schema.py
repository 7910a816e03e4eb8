"""The tables of the review queue, the same in SQLite and PostgreSQL.

The log, the drafts and the approvals can only grow: the database itself refuses to change or
delete a row of them.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    _text("owner"), _text("state"),
    PrimaryKeyConstraint("reason", "entry"),
    Index("entry_reasons_entry", "entry"),
    Index("entry_reasons_state", "owner", "state", "reason", "entry"),
    sqlite_with_rowid=False,
)
"""`owner` and `state` are the entry's own, so that reasons are counted without reading the entries.

Triggers keep them so: older versions of this program, which may write as well, know nothing of them.
"""

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

NEW_COLUMNS = ((LESSONS, "patient"), (REASONS, "owner"), (REASONS, "state"))
"""Columns that queues made by older versions lack."""

NEW_INDEXES = ("entry_reasons_state",)
"""Indexes that they lack."""

GROWING = ("review_log", "review_drafts", "review_approvals")


def create(connection: Connection) -> None:
    """Create what is missing, with the triggers that keep the log from changing and reasons in step."""
    _renew(connection)
    METADATA.create_all(connection)
    if connection.dialect.name == "sqlite":
        for statement in _SQLITE:
            connection.execute(text(statement))
        return
    present = {(row.table, row.name) for row in connection.execute(text(_TRIGGERS_THERE))}
    for trigger in _POSTGRESQL:
        # To replace one would lock its table: whoever opens the queue must not stand in a reviewer's way.
        if (trigger.table, trigger.name) not in present:
            trigger.create(connection)


def _renew(connection: Connection) -> None:
    """Give a queue that an older version made what it lacks."""
    present = set(inspect(connection).get_table_names())
    for old, name in NEW_COLUMNS:
        if old.name not in present:
            continue
        if name not in {column["name"] for column in inspect(connection).get_columns(old.name)}:
            connection.execute(text(f"ALTER TABLE {old.name} ADD COLUMN {name} TEXT NOT NULL DEFAULT ''"))
            if old is REASONS:
                connection.execute(text(_FILLED.format(name=name)))
    for index in REASONS.indexes:
        if index.name in NEW_INDEXES and REASONS.name in present:
            index.create(connection, checkfirst=True)


_FILLED = ("UPDATE review_reasons SET {name} = (SELECT e.{name} FROM review_entries AS e "
           "WHERE e.id = review_reasons.entry)")

_SQLITE = (
    *(f"CREATE TRIGGER IF NOT EXISTS {table}_never_{end} BEFORE {what} ON {table} "
      "BEGIN SELECT RAISE(ABORT, 'the decision log only grows'); END"
      for table in GROWING for end, what in (("changes", "UPDATE"), ("shrinks", "DELETE"))),
    "CREATE TRIGGER IF NOT EXISTS review_reasons_begin AFTER INSERT ON review_reasons BEGIN "
    "UPDATE review_reasons SET (owner, state) = (SELECT e.owner, e.state FROM review_entries AS e "
    "WHERE e.id = NEW.entry) WHERE entry = NEW.entry AND reason = NEW.reason; END",
    "CREATE TRIGGER IF NOT EXISTS review_reasons_follow AFTER UPDATE OF state ON review_entries "
    "WHEN OLD.state <> NEW.state BEGIN "
    "UPDATE review_reasons SET state = NEW.state WHERE entry = NEW.id; END",
)


@dataclass(frozen=True, slots=True)
class _Trigger:
    """A trigger of PostgreSQL: when it fires, and the body of the function it calls."""

    table: str
    name: str
    when: str
    function: str
    body: str

    def create(self, connection: Connection) -> None:
        connection.execute(text(f"CREATE OR REPLACE FUNCTION {self.function}() RETURNS trigger "
                                f"LANGUAGE plpgsql AS $$ BEGIN {self.body} END $$"))
        connection.execute(text(f"CREATE TRIGGER {self.name} {self.when} EXECUTE FUNCTION {self.function}()"))


_TRIGGERS_THERE = ("SELECT c.relname AS table, t.tgname AS name FROM pg_trigger AS t JOIN pg_class AS c "
                   "ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND pg_table_is_visible(c.oid)")

_GROWS = ("scrub_pixels_only_grows", "RAISE EXCEPTION 'the decision log only grows';")

_POSTGRESQL = (
    *(_Trigger(table, f"{table}_only_grows", f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW", *_GROWS)
      for table in GROWING),
    *(_Trigger(table, f"{table}_never_emptied", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT", *_GROWS)
      for table in GROWING),
    _Trigger("review_reasons", "review_reasons_begin", "BEFORE INSERT ON review_reasons FOR EACH ROW",
             "scrub_pixels_reason_begins",
             "SELECT e.owner, e.state INTO NEW.owner, NEW.state FROM review_entries AS e "
             "WHERE e.id = NEW.entry; RETURN NEW;"),
    _Trigger("review_entries", "review_reasons_follow",
             "AFTER UPDATE OF state ON review_entries FOR EACH ROW "
             "WHEN (OLD.state IS DISTINCT FROM NEW.state)",
             "scrub_pixels_reasons_follow",
             "UPDATE review_reasons SET state = NEW.state WHERE entry = NEW.id; RETURN NULL;"),
)
"""The last two keep owner and state of a reason those of its entry, whichever version of us writes."""

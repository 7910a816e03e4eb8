"""Ledger and queue: sums close, crashes are mended, names of any bytes are kept, PHI stays put."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from scrub_pixels.decisions.findings import (
    Decision,
    Disposition,
    Evidence,
    EvidenceKind,
    Finding,
    Redaction,
    Verdict,
)
from scrub_pixels.errors import CorruptInstance, NotDicom, WorkspaceError
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.masks.evidence import FrameRedaction, PixelEvidence
from scrub_pixels.store import database
from scrub_pixels.store.accounts import Account, Outcome, account_refused, evidence_facts
from scrub_pixels.store.atomic import StoreFailed
from scrub_pixels.store.books import open_books
from scrub_pixels.store.ledger import open_ledger
from scrub_pixels.store.queue import State, open_queue
from scrub_pixels.store.workspace import open_workspace
from scrub_pixels.text.lines import TextLine


@dataclass(frozen=True)
class Given:
    """Stands for an input."""

    path: Path
    relative: str = "a"
    member: int | None = None
    size: int = 10
    modified: int = 20


def released(output: str, **more) -> Account:
    return Account(Outcome.RELEASED, output=output, facts={"frames": 3, "text_lines": 2}, **more)


def a_decision(reading: str = "DOE^JANE") -> Decision:
    line = TextLine(Region(1, 2, 3, 4), FrameSpan(0, 2), reading, 0.9, 0.8, 90, ("D0E",))
    finding = Finding(line, Verdict.UNSURE, (Evidence(EvidenceKind.UNKNOWN_WORD, "unknown", True),))
    return Decision((finding,), (Redaction(Region(0, 0, 9, 9), FrameSpan(0, 2), "unreadable"),),
                    Disposition.HOLD, ("unknown word",))


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(tmp_path / "ledger.sqlite", tmp_path / "out") as opened:
        yield opened


def start(ledger) -> int:
    return ledger.runs.begin(Path("/in"), "p1", {"reader": "x"})


def test_sums_close_only_when_every_input_has_ended(ledger):
    run = start(ledger)
    ends = [released("o"), Account(Outcome.HELD, reasons=("r",)),
            account_refused(CorruptInstance("Bad.", stage="decode", tag="(0028,0010) Rows"), time.time()),
            account_refused(NotDicom("No.", stage="open"), time.time())]
    numbers = [ledger.begin(run, Given(Path(f"/in/{i}"))) for i in range(4)]
    assert not ledger.totals().closed and len(list(ledger.pending())) == 4
    for number, account in zip(numbers, ends, strict=True):
        ledger.settle(number, account, "p1")
    totals = ledger.totals()
    assert totals.closed
    assert (totals.released, totals.held, totals.refused, totals.not_dicom) == (1, 1, 1, 1)
    row = list(ledger.rows([Outcome.REFUSED]))[0]
    assert row.code == "corrupt" and row.message.startswith("(0028,0010) Rows: Bad.")
    assert ledger.sums()["frames"] == 3
    assert ledger.runs.last().policy == {"reader": "x"} and "pydicom" in ledger.runs.last().versions


def test_names_that_are_not_unicode_are_kept_byte_for_byte(ledger):
    name = b"/in/\xff\xfe caf\xe9"
    given = Given(Path(os.fsdecode(name)), relative=os.fsdecode(name[4:]))
    ledger.settle(ledger.begin(start(ledger), given), released("o"), "p1")
    row = ledger.find(given)
    assert os.fsencode(row.path) == name and os.fsencode(row.relative) == name[4:]
    assert "caf" not in repr(row)


def test_done_means_same_file_same_policy_and_an_end(ledger):
    run, given = start(ledger), Given(Path("/in/a"))
    assert not ledger.done(given, "p1")
    number = ledger.begin(run, given)
    assert not ledger.done(given, "p1")
    ledger.settle(number, released("o"), "p1")
    assert ledger.done(given, "p1").output == "o"
    assert not ledger.done(given, "p2")
    assert not ledger.done(Given(Path("/in/a"), size=11), "p1")
    assert not ledger.done(Given(Path("/in/a"), modified=21), "p1")
    assert not ledger.done(Given(Path("/in/a"), member=0), "p1")
    assert [row.output for row in ledger.stale("p2")] == ["o"] and not list(ledger.stale("p1"))


def test_second_owner_of_an_output_is_a_duplicate(ledger):
    run = start(ledger)
    first, second = (ledger.begin(run, Given(Path(f"/in/{n}"))) for n in "ab")
    assert ledger.settle(first, released("o"), "p1").outcome is Outcome.RELEASED
    assert ledger.settle(second, released("o", existing=True), "p1").code == "duplicate"
    assert ledger.settle(first, released("o"), "p1").outcome is Outcome.RELEASED
    assert ledger.totals().released == 2 and ledger.totals().closed
    assert [row.output for row in ledger.rows()] == ["o", ""]


def test_two_outputs_of_one_workspace_do_not_mix(tmp_path):
    for out in ("one", "two"):
        with open_ledger(tmp_path / "ledger.sqlite", tmp_path / out) as ledger:
            ledger.settle(ledger.begin(start(ledger), Given(Path("/in/a"))), released("o"), "p1")
            assert ledger.totals().inputs == ledger.totals().released == 1
    with open_ledger(tmp_path / "ledger.sqlite") as last:
        assert last.totals().inputs == 1
    with pytest.raises(WorkspaceError, match="no run"), open_ledger(tmp_path / "new.sqlite"):
        pass


def test_what_a_kill_lost_is_found_again(tmp_path):
    script = textwrap.dedent(f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_store_books import Given, open_ledger, released, start, database
        database.SECONDS_PER_COMMIT = 1e9
        root = Path({str(tmp_path)!r})
        keep = open_ledger(root / "ledger.sqlite", root / "out")
        ledger = keep.__enter__()
        run = start(ledger)
        for name in "abc":
            number = ledger.begin(run, Given(Path("/in") / name))
            if name != "b":
                ledger.settle(number, released(name + ".dcm"), "p1")
            if name == "b":
                ledger.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with open_ledger(tmp_path / "ledger.sqlite", tmp_path / "out") as ledger:
        assert [row.path for row in ledger.pending()] == ["/in/b"]
        assert ledger.done(Given(Path("/in/a")), "p1") and not ledger.done(Given(Path("/in/c")), "p1")
        assert ledger.unaccounted(["a.dcm", "c.dcm"]) == ["c.dcm"]
        ledger.begin(start(ledger), Given(Path("/in/b")))
        assert next(ledger.pending()).attempts == 2


def test_hundred_thousand_rows_are_fast(ledger):
    run, began = start(ledger), time.process_time()  # of this process: others may be busy
    for i in range(100_000):
        ledger.settle(ledger.begin(run, Given(Path(f"/in/{i}"))), released(f"{i}.dcm"), "p1")
    ledger.commit()
    entered = time.process_time()
    assert sum(1 for _ in ledger.rows()) == 100_000
    listed = time.process_time()
    assert ledger.totals().closed and time.process_time() - listed < 2
    assert entered - began < 60 and listed - entered < 20


def test_full_disk_under_the_ledger_is_explained(ledger, monkeypatch):
    run = start(ledger)
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFailed, match="cannot be written"):
        for i in range(10_000):
            ledger.begin(run, Given(Path(f"/in/{i}" + "x" * 100)))


def test_damaged_database_is_a_workspace_error(tmp_path):
    (tmp_path / "ledger.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(WorkspaceError, match="ledger.sqlite"), open_ledger(tmp_path / "ledger.sqlite"):
        pass


def test_books_enter_a_hold_twice_and_close_it_when_it_is_released(tmp_path):
    workspace, given = open_workspace(tmp_path / "ws"), Given(Path("/in/DOE"))
    with open_books(workspace, tmp_path / "out") as books:
        run = start(books.ledger)
        number = books.ledger.begin(run, given)
        books.settle(number, given, Account(Outcome.HELD, reasons=("r",), decision=a_decision()), "p1")
        assert books.queue.get(books.key(given)).state is State.PENDING
        books.settle(books.ledger.begin(run, given), given, released("o"), "p1")
        assert books.queue.get(books.key(given)).state is State.SUPERSEDED
        assert "DOE" not in books.key(given)
        books.commit()
        ledger_bytes = (workspace.root / "ledger.sqlite-wal").read_bytes()
        assert b"DOE^JANE" not in ledger_bytes, "readings belong to the queue alone"
        assert {p.stat().st_mode & 0o777 for p in workspace.root.iterdir()} == {0o600}


def test_ledger_is_never_ahead_of_the_queue(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "ROWS_PER_COMMIT", 1)
    workspace, given = open_workspace(tmp_path / "ws"), Given(Path("/in/a"))
    with open_books(workspace, tmp_path / "out") as books:
        number = books.ledger.begin(start(books.ledger), given)
        books.settle(number, given, Account(Outcome.HELD, reasons=("r",)), "p1")
        queue = open_queue(workspace.queue_file, books.queue.owner)
        with queue as other, open_ledger(workspace.ledger_file) as copy:
            assert copy.totals().held == 1 and other.counts() == {"pending": 1}


def test_neighbouring_frames_with_equal_regions_become_one_span():
    region, other = Region(1, 2, 3, 4), Region(0, 0, 1, 1)
    masked = tuple(FrameRedaction(n, (r,)) for n, r in ((0, region), (1, region), (2, other), (4, other)))
    evidence = PixelEvidence(5, 5, 4, 5, masked, "a", "b", False)
    assert evidence_facts(evidence)["redactions"] == [
        {"start": 0, "stop": 2, "regions": [[1, 2, 3, 4]]},
        {"start": 2, "stop": 3, "regions": [[0, 0, 1, 1]]},
        {"start": 4, "stop": 5, "regions": [[0, 0, 1, 1]]}]
    assert database.ROWS_PER_COMMIT > 1

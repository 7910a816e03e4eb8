"""The review queue in SQLite and in a real PostgreSQL: what it keeps, lists, and never changes."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from databases import postgresql_server
from sqlalchemy import text
from test_store_books import Given, a_decision

from scrub_pixels.decisions.findings import Decision, Disposition
from scrub_pixels.errors import UsageError, WorkspaceError
from scrub_pixels.header import ProjectKey
from scrub_pixels.store.accounts import Account, Origin, Outcome
from scrub_pixels.store.atomic import StoreFailed
from scrub_pixels.store.queue import Draft, Kind, State, Wanted, open_queue
from scrub_pixels.store.queue.leases import Leases
from scrub_pixels.store.queue.sample import Sample
from scrub_pixels.store.queue.verdicts import Drafts


@pytest.fixture(scope="module")
def server():
    with postgresql_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Where a queue may lie: a new SQLite file, or a PostgreSQL database emptied of everything."""
    if request.param == "sqlite":
        return tmp_path / "queue.sqlite"
    return request.getfixturevalue("server").fresh()


def held(*reasons: str, **origin) -> Account:
    return Account(Outcome.HELD, reasons=reasons, decision=a_decision(), origin=Origin(**origin))


def test_queue_gives_back_what_it_took(place):
    with open_queue(place, "mine") as queue:
        number = queue.add("k1", Given(Path("/in/x"), member=3), held("unknown word", "cine", modality="US"))
        queue.add("k2", Given(Path("/in/y")), held("cine"))
        assert queue.decision(number) == Decision(a_decision().findings, a_decision().redactions,
                                                  Disposition.HOLD, ("unknown word", "cine"))
        assert queue.get("k1").member == 3 and queue.get("k1").modality == "US"
        assert queue.get("none") is None
        assert [e.key for e in queue.entries(Wanted(reason="cine"))] == ["k1", "k2"]
        assert [e.key for e in queue.entries(Wanted(reason="unknown word"))] == ["k1"]
        assert [e.key for e in queue.entries(Wanted(after=number, limit=1))] == ["k2"]
        assert queue.entries(Wanted(modality="' OR 1=1 --")) == []
        assert queue.reasons() == {"cine": 2, "unknown word": 1}
        assert "DOE" not in repr(queue.entries()) and "/in" not in repr(queue.entries())
        again = queue.add("k1", Given(Path("/in/x"), member=3), held("cine"))
        assert again == number and queue.reasons() == {"cine": 2}
        queue.supersede("k1")
        assert queue.counts() == {"pending": 1, "superseded": 1}
        assert queue.entries(Wanted(state=State.PENDING))[0].key == "k2"
        assert [line.what for line in queue.history(number)] == ["held", "held", "superseded"]
        with pytest.raises(KeyError):
            queue.decision(99)


@pytest.mark.parametrize("statement", ["DELETE FROM review_log", "UPDATE review_log SET who = 'me'",
                                       "DELETE FROM review_drafts WHERE id > 0"])
def test_log_only_grows(place, statement):
    with open_queue(place) as queue:
        number = queue.add("k", Given(Path("/in/x")), Account(Outcome.HELD))
        with queue.database.writing() as connection:
            draft = "INSERT INTO review_drafts (entry, at, who, content) VALUES (:n, 1, 'me', '{}')"
            connection.execute(text(draft), {"n": number})
        queue.log(number, "reviewer", "accepted", {"n": 1})
        with pytest.raises(StoreFailed), queue.database.writing() as connection:
            connection.execute(text(statement))
        assert [line.who for line in queue.history(number)] == ["pipeline", "reviewer"]


def test_postgresql_log_is_not_emptied_at_once(server):
    with open_queue(server.fresh()) as queue, pytest.raises(StoreFailed), \
            queue.database.writing() as connection:
        connection.execute(text("TRUNCATE review_log"))


def test_two_workspaces_in_one_database_do_not_see_each_other(place):
    with open_queue(place, "one") as one, open_queue(place, "two") as two:
        one.add("k1", Given(Path("/in/x")), held("a", device="D"))
        assert two.entries() == [] and two.get("k1") is None and two.facets().devices == {}
        assert two.counts() == {} and two.reasons() == {}
        assert one.facets().devices == {"D": 1}


def test_filters_and_facets_agree(place):
    with open_queue(place) as queue:
        for index in range(6):
            queue.add(f"k{index}", Given(Path("/in") / str(index)),
                      held("odd" if index % 2 else "even", device=f"D{index % 3}", modality="US", series="s"),
                      Kind.QA if index == 5 else Kind.HELD)
        facets = queue.facets()
        assert facets.devices == {"D0": 2, "D1": 2, "D2": 2} and facets.kinds == {"held": 5, "qa": 1}
        for device, count in facets.devices.items():
            assert len(queue.entries(Wanted(device=device, state=State.PENDING))) == count
        assert [e.key for e in queue.entries(Wanted(kind=Kind.QA, reason="odd", series="s"))] == ["k5"]


def test_failures_tell_neither_values_nor_address(place):
    with open_queue(place) as queue, pytest.raises(StoreFailed) as caught, \
            queue.database.writing() as connection:
        connection.execute(text("INSERT INTO review_log (who) VALUES (:who)"), {"who": "DOE^JANE"})
    assert "DOE" not in str(caught.value) and "postgresql" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_many_reviewers_at_once_never_get_the_same_entry(place):
    with open_queue(place) as queue:
        for index in range(24):
            queue.add(f"k{index}", Given(Path("/in") / str(index)), held("r"))

        def work(who: str) -> list[str]:
            with open_queue(place) as own:
                leases, got = Leases(own), []
                while (entry := leases.claim_next(who, Wanted(), 300)) is not None:
                    got.append(entry.key)
                return got

        with ThreadPoolExecutor(4) as threads:
            taken = [key for keys in threads.map(work, "abcd") for key in keys]
        assert sorted(taken) == sorted(f"k{index}" for index in range(24))


def test_processes_that_claim_one_entry_end_with_one_owner(place, tmp_path):
    with open_queue(place) as queue:
        queue.add("k", Given(Path("/in/x")), held("r"))
    script = (
        "import sys, pathlib\n"
        "from scrub_pixels.store.queue import ReviewConflict, open_queue\n"
        "from scrub_pixels.store.queue.leases import Leases\n"
        "place = sys.argv[2] if '://' in sys.argv[2] else pathlib.Path(sys.argv[2])\n"
        "with open_queue(place) as queue:\n"
        "    print('ready', flush=True); sys.stdin.readline()\n"
        "    try:\n"
        "        Leases(queue).claim('k', sys.argv[1], 300); print('mine')\n"
        "    except ReviewConflict:\n"
        "        print('not mine')\n")
    workers = [subprocess.Popen([sys.executable, "-c", script, who, str(place)], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE) for who in "abc"]
    assert all(worker.stdout.readline() == "ready\n" for worker in workers)
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    assert sorted(worker.communicate()[0].strip() for worker in workers) == ["mine", "not mine", "not mine"]


def test_whoever_works_on_an_entry_goes_on_if_it_is_held_again_unchanged(place):
    with open_queue(place) as queue:
        leases = Leases(queue)
        drafts = Drafts(queue, leases)
        queue.add("k", Given(Path("/in/x")), held("r"))
        leases.claim("k", "ann", 300)
        drafts.save("k", "ann", Draft(()))
        queue.add("k", Given(Path("/in/x")), held("r"))
        same = queue.get("k")
        assert (same.claimed_by, same.round) == ("ann", 0) and same.draft
        queue.supersede("k")
        queue.add("k", Given(Path("/in/x")), held("r"))
        again = queue.get("k")
        assert (again.claimed_by, again.round, again.draft) == ("", 1, same.draft), "approvals are void"
        queue.add("k", Given(Path("/in/x"), size=11), held("r"))
        new = queue.get("k")
        assert (new.claimed_by, new.round, new.draft) == ("", 2, 0)


def test_a_sample_is_even_repeatable_and_at_least_one_of_each(place):
    key = ProjectKey(bytes(32))
    with open_queue(place) as queue:
        def drawn() -> set[str]:
            sample = Sample(queue.database, "mine", key)
            for index in range(60):
                device = "A" if index < 55 else f"B{index}"
                sample.enter(f"k{index}", Origin(device=device, rows=1, columns=1))
            sample.commit()
            return set(sample.draw(0.1))

        first = drawn()
        of_a = [k for k in first if int(k[1:]) < 55]
        assert len(of_a) == 6 and len(first) == 6 + 5
        assert drawn() == first, "entered anew, the same are drawn"
        sample = Sample(queue.database, "mine", key)
        assert sample.draw(0.1) == {}, "what is drawn stays drawn"
        assert len(sample.draw(0.2)) == 5
        for share in (0.0, 1.1, -1.0):
            with pytest.raises(UsageError):
                sample.draw(share)
        assert sum(s.drawn for s in sample.strata()) == 16


def test_a_queue_that_is_no_database_says_so(tmp_path):
    (tmp_path / "queue.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(WorkspaceError, match="cannot be used"), open_queue(tmp_path / "queue.sqlite"):
        pass
    for url in ("mysql://u:secret@h/d", "nonsense", "postgresql+psycopg2://u:secret@h/d"):
        with pytest.raises(UsageError) as caught, open_queue(url):
            pass
        assert "secret" not in str(caught.value)
    unreachable = "postgresql+psycopg://u:secret@/d?host=" + str(tmp_path)
    with pytest.raises(WorkspaceError) as caught, open_queue(unreachable):
        pass
    assert "secret" not in str(caught.value) and caught.value.__cause__ is None


def test_reasons_are_counted_and_filtered_by_what_became_of_their_entries(place):
    with open_queue(place, "mine") as queue:
        for number in range(4):
            queue.add(f"k{number}", Given(Path("/in/x"), member=number), held("cine", f"r{number % 2}"))
        leases, pending = Leases(queue), Wanted(state=State.PENDING, reason="r1")
        assert queue.reasons() == {"cine": 4, "r0": 2, "r1": 2}
        queue.supersede("k1")
        assert queue.facets().reasons == {"cine": 3, "r0": 2, "r1": 1}
        assert queue.reasons(State.SUPERSEDED) == {"cine": 1, "r1": 1}
        assert [e.key for e in queue.entries(pending)] == ["k3"] == [leases.claim_next("me", pending, 60).key]
        assert [e.key for e in queue.entries(Wanted(reason="r1"))] == ["k1", "k3"]
        queue.add("k1", Given(Path("/in/x"), member=1), held("r1"))
        assert queue.reasons() == {"cine": 3, "r0": 2, "r1": 2}


OLD_REASONS = """
CREATE TABLE review_reasons (entry BIGINT NOT NULL REFERENCES review_entries (id) ON DELETE CASCADE,
reason TEXT NOT NULL, PRIMARY KEY (reason, entry)); CREATE INDEX entry_reasons_entry ON review_reasons (entry)
"""


def test_a_queue_of_an_older_version_opens_and_counts(place):
    """Reasons lay in a table of two columns; an older version may go on writing to it."""
    with open_queue(place, "mine") as queue:
        queue.add("k1", Given(Path("/in/x"), member=1), held("cine"))
        queue.add("k2", Given(Path("/in/x"), member=2), held("cine"))
        queue.supersede("k2")
        numbers = [queue.get(key).id for key in ("k1", "k2")]
        with queue.database.writing() as connection:
            for statement in ("DROP TABLE review_reasons", *OLD_REASONS.split(";")):
                connection.execute(text(statement))
            for number in numbers:
                connection.execute(text("INSERT INTO review_reasons (entry, reason) VALUES (:n, 'cine')"),
                                   {"n": number})
    with open_queue(place, "mine") as queue:
        assert queue.reasons() == {"cine": 1} and queue.reasons(State.SUPERSEDED) == {"cine": 1}
        with queue.database.writing() as connection:
            connection.execute(text("INSERT INTO review_reasons (entry, reason) VALUES (:n, 'old')"),
                               {"n": numbers[0]})
        assert queue.reasons() == {"cine": 1, "old": 1}
        queue.supersede("k1")
        assert queue.reasons() == {} and queue.reasons(State.SUPERSEDED) == {"cine": 2, "old": 1}


def test_opening_a_queue_waits_for_nobody_who_writes_to_it(server):
    """What would lock a table (to make a trigger anew) is not done again once it is there."""
    url = server.fresh()
    with open_queue(url, "mine") as queue:
        queue.add("k", Given(Path("/in/x")), held("cine"))
        with queue.database.writing() as connection:
            for table in ("review_entries", "review_reasons", "review_log"):
                connection.execute(text(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE"))
            with ThreadPoolExecutor(1) as other:
                opened = other.submit(lambda: open_queue(url, "mine").__enter__())
                opened.result(60).close()

"""The review queue in SQLite and in a real PostgreSQL: what it keeps, lists, and never changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from databases import postgresql_server
from sqlalchemy import text
from test_store_books import Given, a_decision

from scrub_pixels.decisions.findings import Decision, Disposition
from scrub_pixels.store.accounts import Account, Origin, Outcome
from scrub_pixels.store.atomic import StoreFailed
from scrub_pixels.store.queue import Kind, State, Wanted, open_queue


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

"""The desk: what a person decides is done through the pipeline, once, whatever happens in between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from databases import postgresql_server
from review_cases import SIZE, a_case

from scrub_pixels import Policy, Scrubber
from scrub_pixels.decisions import Redaction
from scrub_pixels.errors import Refusal, WorkspaceError
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.header import PROFILES
from scrub_pixels.policy import from_table
from scrub_pixels.review.desk import open_desk
from scrub_pixels.review.scrubbing import CHANGED
from scrub_pixels.review.views import BadDecision, Form, NoSuchEntry, Rendering, ReviewConflict, Scope, Then
from scrub_pixels.run.campaign import run
from scrub_pixels.store.atomic import PARTIAL_PREFIX
from scrub_pixels.store.ledger import open_ledger
from scrub_pixels.store.queue import REVIEWER, Answer, Draft, Kind, Says, State, Wanted
from scrub_pixels.store.workspace import open_workspace

BOX = Redaction(Region(8, 8, 16, 24), FrameSpan(0, 1), REVIEWER)


@pytest.fixture
def case(tmp_path):
    return a_case(tmp_path)


def ends(case) -> list[str]:
    with open_ledger(case.workspace / "ledger.sqlite") as ledger:
        assert ledger.totals().closed
        return sorted(row.code or row.outcome.value for row in ledger.rows())


def test_a_box_drawn_and_accepted_is_black_in_out_and_nothing_else_changed(case):
    with open_desk(case.workspace) as desk:
        assert desk.left() == 2 and case.released() == []
        claim = desk.claim_next("ann", Wanted(state=State.PENDING))
        view = desk.look(claim.key, "ann")
        assert (view.rows, view.columns, view.frames) == (SIZE, SIZE, 1) and view.window is not None
        view = desk.save_draft(claim.key, "ann", Draft((BOX,)))
        assert view.draft.redactions == (BOX,) and view.can_undo
        assert desk.accept(claim.key, "ann").state is State.ACCEPTED
        assert desk.carry_out() == 1 and desk.carry_out() == 0
        entry = desk.queue.get(claim.key)
        assert entry.state is State.RELEASED and desk.left() == 1
        original = pydicom.dcmread(entry.path).pixel_array
    (file,) = case.released()
    found, expected = pydicom.dcmread(file), original.copy()
    expected[BOX.region.slices] = 0
    assert np.array_equal(found.pixel_array, expected)
    assert "Quixotewski" not in str(found) and found.PatientIdentityRemoved == "YES"
    assert ends(case) == ["held", "released"]


def test_an_original_that_changed_after_the_hold_is_refused_and_held_anew(case):
    with open_desk(case.workspace) as desk:
        claim = desk.claim_next("ann", Wanted())
        desk.look(claim.key, "ann")
        path = Path(desk.queue.get(claim.key).path)
        desk.accept(claim.key, "ann")
        dataset = pydicom.dcmread(path)
        dataset.PixelData = bytes(SIZE * SIZE)
        dataset.save_as(path)
        desk.carry_out()
        entry = desk.queue.get(claim.key)
        assert entry.state is State.PENDING and entry.booked and CHANGED in entry.reasons
        assert case.released() == [] and ends(case) == ["held", "held"]
        desk.claim(claim.key, "ann")
        assert desk.look(claim.key, "ann").draft.redactions == ()
        path.write_bytes(path.read_bytes() + b"\0")
        with pytest.raises(ReviewConflict, match="changed"):
            desk.look(claim.key, "ann")
        path.unlink()
        with pytest.raises(Refusal):
            desk.look(claim.key, "ann")


def test_rejected_stays_out_also_when_the_run_is_repeated_under_another_policy(case):
    with open_desk(case.workspace) as desk:
        key = desk.claim_next("ann", Wanted()).key
        desk.reject(key, "ann", "DOE^JANE is legible everywhere")
        assert desk.carry_out() == 1
    assert ends(case) == ["held", "rejected"] and case.released() == []
    with open_ledger(case.workspace / "ledger.sqlite") as ledger:
        assert "DOE" not in str([row.message for row in ledger.rows()])
    other = from_table({"decisions": {"on_uncertain": "mask"}})
    run(replace(case.campaign, resume=True, policy=other))
    assert "rejected" in ends(case) and case.released() == []


def test_taking_a_release_back_withdraws_it(case):
    with open_desk(case.workspace) as desk:
        key = desk.claim_next("ann", Wanted()).key
        desk.accept(key, "ann")
        desk.carry_out()
        assert len(case.released()) == 1
        assert desk.reopen(key, "ann").state is State.PENDING
        desk.carry_out()
        assert case.released() == [] and ends(case) == ["held", "held"]
        desk.claim(key, "ann")
        desk.accept(key, "ann")
        desk.carry_out()
        assert len(case.released()) == 1
        with pytest.raises(ReviewConflict):
            desk.accept(key, "ann")
        whats = [line.what for line in desk.queue.history(desk.queue.get(key).id)]
        assert whats == ["held", "claimed", "accepted", "released", "opened again", "held again", "claimed",
                         "accepted", "released"]


def test_two_people_have_to_accept_the_same_draft(tmp_path):
    case = a_case(tmp_path, held=1)
    with open_desk(case.workspace, approvals=2) as desk:
        key = desk.claim_next("ann", Wanted()).key
        desk.accept(key, "ann")
        desk.claim(key, "ann")
        assert desk.accept(key, "ann").state is State.PENDING, "the same person twice is one person"
        assert desk.claim_next("ann", Wanted()) is None, "ann has nothing more to say about it"
        assert desk.claim_next("bob", Wanted()).key == key
        view = desk.save_draft(key, "bob", Draft((BOX,)))
        assert view.approvals == (), "another draft needs new approvals"
        desk.accept(key, "bob")
        assert desk.carry_out() == 0 and case.released() == []
        desk.claim(key, "ann")
        assert desk.look(key, "ann").approvals == ("bob",)
        assert desk.accept(key, "ann").state is State.ACCEPTED
        assert desk.carry_out() == 1 and len(case.released()) == 1


def test_undo_and_redo_walk_along_what_was_saved(case):
    with open_desk(case.workspace) as desk:
        key = desk.claim_next("ann", Wanted()).key
        one, two = Draft((BOX,)), Draft((BOX, replace(BOX, region=Region(40, 40, 4, 4))))
        desk.save_draft(key, "ann", one)
        desk.save_draft(key, "ann", two)
        assert desk.undo(key, "ann").draft == one and desk.undo(key, "ann").draft == Draft(())
        assert not desk.undo(key, "ann").can_undo
        assert desk.redo(key, "ann").draft == one and desk.redo(key, "ann").draft == two
        assert not desk.redo(key, "ann").can_redo
        desk.undo(key, "ann")
        three = Draft((replace(BOX, region=Region(0, 0, 3, 3)),))
        desk.save_draft(key, "ann", three)
        assert not desk.look(key, "ann").can_redo and desk.undo(key, "ann").draft == one
        assert desk.redo(key, "ann").draft == three


@pytest.mark.parametrize("draft", [
    Draft((replace(BOX, region=Region(60, 60, 10, 2)),)),
    Draft((replace(BOX, frames=FrameSpan(0, 2)),)),
    Draft((replace(BOX, reason="x" * 1000),)),
    Draft((BOX,) * 10_001),
    Draft((), (Answer(0, Says.KEEP),)),
])
def test_a_draft_the_instance_has_no_place_for_is_refused(case, draft):
    with open_desk(case.workspace) as desk:
        key = desk.claim_next("ann", Wanted()).key
        with pytest.raises(BadDecision):
            desk.save_draft(key, "ann", draft)
        assert desk.look(key, "ann").draft == Draft(())


def test_without_a_lease_nothing_is_decided(case):
    with open_desk(case.workspace) as desk:
        first, second = desk.page(Wanted())
        desk.claim(first.key, "ann")
        for act in (desk.accept, desk.reject, desk.undo, desk.missed):
            with pytest.raises(ReviewConflict):
                act(first.key, "bob")
            with pytest.raises(ReviewConflict):
                act(second.key, "bob")
        with pytest.raises(ReviewConflict, match="Someone else") as caught:
            desk.claim(first.key, "bob")
        assert "ann" not in str(caught.value)
        for key in ("", "../../etc/passwd", "x' OR 1=1", "\0"):
            with pytest.raises(NoSuchEntry):
                desk.look(key, "bob")
        desk.leave(first.key, "ann")
        assert desk.claim(first.key, "bob").who == "bob"


def test_a_lease_ends_by_itself(case):
    with open_desk(case.workspace) as desk:
        key = desk.claim_next("ann", Wanted(), seconds=0).key
        assert desk.claim(key, "bob", seconds=0).who == "bob"
        assert desk.claim(key, "cyd").who == "cyd"
        with pytest.raises(ReviewConflict):
            desk.renew(key, "ann")


def test_every_look_at_a_picture_is_in_the_log_once(case):
    with open_desk(case.workspace) as desk:
        key = desk.page(Wanted())[0].key
        for _ in range(2):
            desk.look(key, "ann")
            desk.frame(key, 0, "ann")
        desk.frame(key, 0, "bob", Rendering(masked=True))
        lines = desk.queue.history(desk.queue.get(key).id)
        assert [(line.who, line.what) for line in lines[1:]] == [
            ("ann", "looked"), ("ann", "viewed"), ("bob", "viewed")]
        with pytest.raises(NoSuchEntry):
            desk.frame(key, 1, "ann")


def test_pictures_show_what_is_there(case):
    with open_desk(case.workspace) as desk:
        entry = desk.page(Wanted())[0]
        stored = pydicom.dcmread(entry.path).pixel_array
        plain = decoded(desk.frame(entry.key, 0, "ann"))
        assert np.array_equal(plain, stored)
        desk.claim(entry.key, "ann")
        desk.save_draft(entry.key, "ann", Draft((BOX,)))
        masked = decoded(desk.frame(entry.key, 0, "ann", Rendering(masked=True)))
        assert not masked[BOX.region.slices].any() and np.array_equal(masked[30:], stored[30:])
        small = desk.frame(entry.key, 0, "ann", Rendering(longest=16, form=Form.JPEG))
        assert decoded(small).shape == (16, 16) and small.form is Form.JPEG
        narrow = decoded(desk.frame(entry.key, 0, "ann", Rendering(window=(100.0, 2.0))))
        assert set(np.unique(narrow)) <= {0, 128, 255} and narrow.max() == 255


def decoded(picture):
    return cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_UNCHANGED)


def test_a_box_is_spread_over_the_series_and_the_layout(tmp_path):
    case = a_case(tmp_path, held=3)
    with open_desk(case.workspace) as desk:
        first, second, third = desk.page(Wanted())
        desk.claim(first.key, "ann")
        view = desk.save_draft(first.key, "ann", Draft((BOX,)))
        assert view.siblings == {Scope.SERIES: 2, Scope.LAYOUT: 2}
        desk.claim(third.key, "bob")
        changes = {change.entry.key: change for change in desk.preview(first.key, Scope.LAYOUT)}
        assert changes[second.key].added == (BOX,) and changes[third.key].leased_to == "bob"
        applied = desk.apply_to(first.key, "ann", list(changes), Then.ACCEPT)
        assert applied.done == (second.key,) and applied.skipped == (third.key,)
        desk.carry_out()
    (file,) = case.released()
    assert not pydicom.dcmread(file).pixel_array[BOX.region.slices].any()


def test_quality_control_passes_what_is_clean_and_withdraws_what_was_missed(tmp_path):
    case = a_case(tmp_path, held=0, clean=4, qa_sample=0.75)
    with open_desk(case.workspace) as desk:
        assert desk.left() == 3 and len(case.released()) == 4
        keys = [entry.key for entry in desk.page(Wanted(kind=Kind.QA))]
        for key in keys:
            desk.claim(key, "ann")
        assert desk.accept(keys[0], "ann").state is State.PASSED
        desk.missed(keys[1], "ann")
        desk.save_draft(keys[2], "ann", Draft((BOX,)))
        assert desk.accept(keys[2], "ann").state is State.ACCEPTED
        desk.carry_out()
        assert len(case.released()) == 3 and ends(case) == ["held", "released", "released", "released"]
        black = [not pydicom.dcmread(f).pixel_array[BOX.region.slices].any() for f in case.released()]
        assert sum(black) == 1
        rate = desk.miss_rate()
        assert (rate.population, rate.sampled, rate.reviewed, rate.missed) == (4, 3, 3, 2)
        assert rate.estimate == pytest.approx(2 / 3) and 0 < rate.low < 2 / 3 < rate.high < 1
        desk.reopen(keys[0], "ann")
        assert desk.miss_rate().reviewed == 2 and len(case.released()) == 3


@pytest.mark.parametrize("which", [0, 1])
def test_copies_of_what_was_missed_are_held_with_it(tmp_path, which):
    case = a_case(tmp_path, held=0, clean=1)
    shutil.copy(case.campaign.source / "DOE-0.dcm", case.campaign.source / "copy.dcm")
    run(replace(case.campaign, resume=True, qa_sample=1.0))
    with open_desk(case.workspace) as desk:
        key = desk.page(Wanted())[which].key
        desk.claim(key, "ann")
        desk.missed(key, "ann")
        desk.carry_out()
    assert case.released() == [] and ends(case) == ["held", "held"]


def test_a_workspace_without_its_output_folder_releases_nothing(case):
    with open_desk(case.workspace) as desk:
        key = desk.claim_next("ann", Wanted()).key
        desk.accept(key, "ann")
        shutil.rmtree(case.out)
        with pytest.raises(WorkspaceError, match="gone"):
            desk.carry_out()
        assert not case.out.exists() and desk.queue.get(key).state is State.ACCEPTED


def test_while_a_run_has_the_workspace_decisions_wait(case):
    with open_desk(case.workspace) as desk:
        desk.accept(desk.claim_next("ann", Wanted()).key, "ann")
        with open_workspace(case.workspace).locked():
            assert desk.carry_out() == 0
        assert desk.carry_out() == 1


def test_a_queue_of_another_run_is_empty_here(tmp_path):
    one, two = a_case(tmp_path / "one", held=1), a_case(tmp_path / "two", held=1)
    shutil.copy(one.workspace / "queue.sqlite", two.workspace / "queue.sqlite")
    with open_desk(two.workspace) as desk:
        assert desk.left() == 0 and desk.carry_out() == 0


def test_pseudonyms_of_the_run_hold_for_what_is_released_later(tmp_path):
    profile = replace(PROFILES["basic"], pseudonyms={"ZQ77310": "CHOSEN-1"})
    case = a_case(tmp_path / "x", held=1)
    campaign = replace(case.campaign, out=tmp_path / "two" / "out", policy=replace(Policy(), profile=profile))
    run(campaign)
    with open_desk(campaign.private) as desk:
        desk.accept(desk.claim_next("ann", Wanted()).key, "ann")
        assert desk.carry_out() == 1
    (file,) = campaign.out.rglob("*.dcm")
    assert pydicom.dcmread(file).PatientID == "CHOSEN-1"
    hidden = [p for p in campaign.private.iterdir() if p.name.startswith("policy-")]
    assert [p.stat().st_mode & 0o777 for p in hidden] == [0o600]


def test_two_desks_do_not_do_the_same_twice(case):
    with open_desk(case.workspace) as one, open_desk(case.workspace) as two:
        key = one.claim_next("ann", Wanted()).key
        one.accept(key, "ann")
        with ThreadPoolExecutor(2) as threads:
            done = list(threads.map(lambda desk: desk.carry_out(), (one, two)))
        assert sum(done) == 1 and len(case.released()) == 1
        assert [line.what for line in one.queue.history(one.queue.get(key).id)].count("released") == 1


def test_an_accident_in_one_release_stops_no_other_and_loses_nothing(case, monkeypatch):
    with open_desk(case.workspace) as desk:
        keys = [desk.claim_next("ann", Wanted()).key for _ in range(2)]
        for key in keys:
            desk.accept(key, "ann")
        real, calls = Scrubber.scrub_instance, []

        def sometimes(self, instance, review=()):
            calls.append(1)
            if len(calls) == 1:
                raise RuntimeError("DOE^JANE")
            return real(self, instance, review)

        monkeypatch.setattr(Scrubber, "scrub_instance", sometimes)
        assert desk.carry_out() == 2 and len(case.released()) == 1
        assert [desk.queue.get(key).state for key in keys] == [State.PENDING, State.RELEASED]
        last = desk.queue.history(desk.queue.get(keys[0]).id)[-1]
        assert last.what == "not released" and "DOE" not in str(last)
        assert ends(case) == ["internal-error", "released"]
        desk.claim(keys[0], "ann")
        desk.accept(keys[0], "ann")
        assert desk.carry_out() == 1 and len(case.released()) == 2


def test_of_two_processes_that_accept_at_once_one_does(case):
    with open_desk(case.workspace) as one, open_desk(case.workspace) as two:
        key = one.claim_next("ann", Wanted()).key

        def accept(desk) -> bool:
            try:
                desk.accept(key, "ann")
            except ReviewConflict:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            assert sorted(threads.map(accept, (one, two))) == [False, True]
        history = one.queue.history(one.queue.get(key).id)
        assert [line.what for line in history].count("accepted") == 1


def test_a_team_with_its_queue_in_postgresql(tmp_path):
    with postgresql_server() as server:
        case = a_case(tmp_path, held=2, queue_url=server.url)
        assert not (case.workspace / "queue.sqlite").exists()
        with open_desk(case.workspace, server.url) as ann, open_desk(case.workspace, server.url) as bob:
            keys = [ann.claim_next("ann", Wanted()).key, bob.claim_next("bob", Wanted()).key]
            assert len(set(keys)) == 2 and ann.claim_next("ann", Wanted()) is None
            ann.save_draft(keys[0], "ann", Draft((BOX,)))
            ann.accept(keys[0], "ann")
            bob.reject(keys[1], "bob", "no\0 \ud800")
            assert ann.carry_out() + bob.carry_out() == 2
            assert ann.look(keys[0], "ann").entry.state is State.RELEASED
        assert len(case.released()) == 1 and ends(case) == ["rejected", "released"]
        run(replace(case.campaign, resume=True))
        assert len(case.released()) == 1
        assert "postgresql" not in (case.out / "scrub-report.json").read_text()


def test_killed_in_the_middle_of_a_release_it_is_done_again(case):
    """Killed at every step that touches a disk: OUT never has more than ends, and nothing is lost."""
    with open_desk(case.workspace) as desk:
        key = desk.claim_next("ann", Wanted()).key
        desk.save_draft(key, "ann", Draft((BOX,)))
        desk.accept(key, "ann")
    for step in ("publish", "settle", "booked"):
        command = [sys.executable, __file__, str(case.workspace), step]
        killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])})
        assert killed.returncode == -signal.SIGKILL, step
        with open_desk(case.workspace) as desk:
            entry = desk.queue.get(key)
            assert entry.state is State.ACCEPTED and not entry.booked
        for file in case.released():
            assert not pydicom.dcmread(file).pixel_array[BOX.region.slices].any()
    with open_desk(case.workspace) as desk:
        assert desk.carry_out() == 1 and desk.queue.get(key).state is State.RELEASED
    assert len(case.released()) == 1 and ends(case) == ["held", "released"]
    assert not [p for p in case.out.iterdir() if p.name.startswith(PARTIAL_PREFIX)]


def _die_after(owner: type, name: str) -> None:
    done = getattr(owner, name)

    def deadly(*given, **named):
        done(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, deadly)


if __name__ == "__main__":
    from scrub_pixels.review.releasing import Desktop
    from scrub_pixels.store.atomic import OutFolder
    from scrub_pixels.store.queue.entries import ReviewQueue

    place, step = sys.argv[1:]
    deaths = {"publish": (OutFolder, "publish"), "settle": (Desktop, "settle"),
              "booked": (ReviewQueue, "write_log")}  # the last within the transaction that enters the end
    _die_after(*deaths[step])
    with open_desk(Path(place)) as opened:
        opened.carry_out()

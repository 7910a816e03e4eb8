"""What an image costs when it is shown costs a worker, never the site, and never the other images."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from fake_desk import entry as an_entry
from instances import Recipe, make_instance
from review_cases import a_case
from site_server import OWNER, TestClient, house_of

from scrub_pixels.errors import Refusal, ScrubError
from scrub_pixels.frames import Limits
from scrub_pixels.review import pictures, showing
from scrub_pixels.review.desk import open_desk
from scrub_pixels.review.pictures import Look
from scrub_pixels.review.shelter import OneWorker, Shelters, ThisProcess
from scrub_pixels.review.showing import LOSSES_OF_AN_INPUT, REST_SECONDS, NotShown, Resting, Showing
from scrub_pixels.review.site.app import build
from scrub_pixels.review.views import PLAIN, Form, Rendering
from scrub_pixels.run.limits import Cost
from scrub_pixels.store.queue import NoSuchEntry, State, Wanted

URL = "http://127.0.0.1:8000"


def crashes(look):
    os.kill(os.getpid(), signal.SIGSEGV)


def hangs(look):
    with look.cost.limited():
        while True:
            time.sleep(0.05)


def worker_of(look):
    return os.getpid()


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves a picture and returns an entry for it."""
    def save(name="x", size=(36, 48), **more):
        samples = [np.full(size, 90 + n, np.uint8) for n in range(more.get("frames", 1))]
        file = tmp_path / f"{name}.dcm"
        make_instance(Recipe(*size, **more), samples).save_as(file, enforce_file_format=True)
        return replace(an_entry(1), key=name, path=str(file), size=file.stat().st_size)
    return save


@pytest.fixture
def sheltered():
    with_workers = Showing(Limits(), OneWorker)
    yield with_workers
    with_workers.close()


def decoded(picture):
    return cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_UNCHANGED)


def test_a_worker_shows_what_this_process_shows(sheltered, saved):
    given, here = saved(frames=3), Showing(Limits())
    for wanted in (PLAIN, Rendering(window=(90, 4)), Rendering(form=Form.JPEG, longest=16)):
        there = sheltered.picture(given, 2, wanted)
        assert there == here.picture(given, 2, wanted) and there.form is wanted.form
    assert sheltered.facts(given) == here.facts(given)
    assert (here.facts(given).rows, here.facts(given).columns, here.facts(given).frames) == (36, 48, 3)
    assert sheltered.window(given) == here.window(given)
    for frame in (-1, 3):
        with pytest.raises(NoSuchEntry):
            sheltered.picture(given, frame, PLAIN)


def test_a_picture_shown_before_asks_no_worker(saved):
    counted = Counted()
    shown, given = Showing(Limits(), lambda share: counted), saved()
    first = shown.picture(given, 0, PLAIN)
    asked = counted.asked
    assert shown.picture(given, 0, PLAIN) is first and counted.asked == asked
    again = saved(size=(20, 30))
    assert decoded(shown.picture(again, 0, PLAIN)).shape == (20, 30), "the file is another one now"


class Counted(ThisProcess):
    """Counts what it was asked."""

    asked = 0

    def run(self, work, task):
        self.asked += 1
        return super().run(work, task)


def test_a_crash_is_said_and_costs_nobody_else_a_picture(sheltered, saved):
    bad, good = saved("bad", frames=6), saved("good")
    first = sheltered.picture(good, 0, PLAIN)
    with pytest.raises(NotShown, match=r"crashed the decoder.*Reject it") as lost:
        sheltered.ask(crashes, sheltered.look(bad))
    assert "bad" not in str(lost.value)
    with pytest.raises(NotShown, match="crashed"):
        sheltered.picture(bad, 0, PLAIN)  # it rests, and is not tried again
    assert sheltered.picture(bad, 1, PLAIN).form is Form.PNG, "other frames are shown"
    assert sheltered.picture(good, 0, Rendering(form=Form.JPEG))
    assert sheltered.picture(good, 0, PLAIN) is first


def test_what_never_ends_is_ended(sheltered, saved, monkeypatch):
    monkeypatch.setattr(showing, "SECONDS_PER_PICTURE", 0.3)
    given = saved()
    quick = replace(sheltered.look(given), cost=Cost(0.3))
    with pytest.raises(NotShown, match="more than 0 seconds"):
        sheltered.ask(hangs, quick)


def test_while_one_image_hangs_another_is_shown(sheltered, saved):
    bad, good = saved("bad"), saved("good")
    ends = []

    def hang():
        try:
            sheltered.ask(hangs, replace(sheltered.look(bad), cost=Cost(60)))
        except ScrubError as error:
            ends.append(error)

    for _ in range(4):  # more than there are workers: one input never takes a second
        threading.Thread(target=hang, daemon=True).start()
    assert sheltered.picture(good, 0, PLAIN).form is Form.PNG
    assert not ends, "the other one still hangs"


def test_memory_is_refused_before_the_machine_runs_out_of_it(sheltered, saved):
    given = saved(size=(3000, 3000))
    small = replace(sheltered.look(given), cost=Cost(0, 1 << 20), wanted=Rendering(window=(90, 9)))
    with pytest.raises(Refusal, match="memory"):
        sheltered.ask(pictures.picture, small)
    assert sheltered.picture(given, 0, PLAIN).form is Form.PNG


def test_a_frame_of_ten_gigabytes_is_refused_before_it_is_decoded(sheltered, tmp_path):
    file = tmp_path / "large.dcm"
    dataset = make_instance(Recipe(8, 8), [np.zeros((8, 8), np.uint8)])
    dataset.Rows = dataset.Columns = 65535
    dataset.SamplesPerPixel, dataset.BitsAllocated = 3, 8
    dataset.save_as(file, enforce_file_format=True)
    given = replace(an_entry(1), path=str(file), size=file.stat().st_size)
    with pytest.raises(Refusal) as refused:
        sheltered.picture(given, 0, PLAIN)
    assert not isinstance(refused.value, NotShown)


def test_an_input_rests_for_a_while():
    now = [0.0]
    resting = Resting(lambda: now[0])
    resting.check("a", 0)
    assert isinstance(resting.lost("a", 4, "Why."), NotShown)
    resting.check("a", 0)
    resting.check("b", 4)
    with pytest.raises(NotShown, match="Why"):
        resting.check("a", 4)
    for frame in range(5, 4 + LOSSES_OF_AN_INPUT):
        resting.lost("a", frame, "Why.")
    with pytest.raises(NotShown, match="Why"):
        resting.check("a", 0)
    now[0] = REST_SECONDS + 1
    resting.check("a", 4)


def test_two_pieces_of_work_about_one_input_never_run_at_once():
    inside, most, lock = [0], [0], threading.Lock()
    shelters = Shelters([ThisProcess(), ThisProcess()])
    meet = threading.Barrier(2, timeout=60)

    def work(thing):
        with shelters.one_for(thing):
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            if thing != "same":
                meet.wait()  # two of different inputs are here together, or the barrier breaks
            with lock:
                inside[0] -= 1

    threads = [threading.Thread(target=work, args=("same",)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most[0] == 1
    pair = [threading.Thread(target=work, args=(thing,)) for thing in ("one", "two")]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join(60)
    assert most[0] == 2 and not meet.broken


def test_an_input_goes_back_to_the_worker_that_has_it_open(sheltered, saved):
    one, two = saved("one"), saved("two")
    first = sheltered.ask(worker_of, sheltered.look(one))
    assert sheltered.ask(worker_of, sheltered.look(two)) == first, "the second is started only when needed"
    assert sheltered.ask(worker_of, sheltered.look(one)) == first != os.getpid()


class Mined(OneWorker):
    """A worker that one input kills."""

    def run(self, work, task):
        hit = isinstance(task, Look) and task.entry.relative.endswith("DOE-0.dcm")
        return super().run(crashes if hit else work, task)


def test_an_entry_whose_input_kills_decoders_is_told_of_and_can_be_rejected(tmp_path):
    case = a_case(tmp_path)
    with open_desk(case.workspace, shelter=Mined) as desk:
        bad, good = (entry.key for entry in desk.page(Wanted(state=State.PENDING)))
        house = house_of(desk)
        cookie, session = house.sessions.open(OWNER)
        page = TestClient(build(house, ["127.0.0.1:8000"], [URL]), base_url=URL,
                          cookies={house.cookie: cookie},
                          headers={"Origin": URL, "X-CSRF-Token": session.csrf})
        taken = page.post(f"/api/entries/{bad}/claim", json={}).json()
        assert "crashed the decoder" in taken["trouble"] and taken["until"] and taken["rows"]
        frame = page.get(f"/api/entries/{bad}/frames/0")
        assert frame.status_code == 422 and "crashed the decoder" in frame.json()["error"]
        assert page.get(f"/api/entries/{bad}/thumbnail").status_code == 422
        assert page.get(f"/api/entries/{good}/frames/0").status_code == 200
        assert desk.queue.get(bad).state is State.PENDING
        assert page.post(f"/api/entries/{bad}/reject", json={"reason": "cannot be seen"}).status_code == 200
        assert desk.carry_out() == 1 and desk.queue.get(bad).state is State.REJECTED
        assert case.released() == []

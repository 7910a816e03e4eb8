"""What an accepted entry costs costs its worker, never the site: crashes, hangs, hunger, and the end."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from review_cases import a_case

from scrub_pixels.errors import ScrubError
from scrub_pixels.review.desk import open_desk
from scrub_pixels.review.scrubbing import Job, scrub_entry
from scrub_pixels.review.shelter import OneWorker, ThisProcess
from scrub_pixels.run.executors import TIME_LIMIT, Casualty
from scrub_pixels.run.limits import Cost
from scrub_pixels.store.queue import State, Wanted


def crashes(task):
    os.kill(os.getpid(), signal.SIGSEGV)


def hangs(seconds):
    with Cost(seconds).limited():
        while True:
            time.sleep(0.05)


def process(task):
    return os.getpid()


def fails(task):
    raise ScrubError("The disk is full.", remedy="Free some space.")


@pytest.fixture
def worker():
    shelter = OneWorker()
    yield shelter
    shelter.close()


def test_a_worker_is_kept_and_one_that_is_lost_is_replaced(worker):
    first = worker.run(process, 0)
    assert first == worker.run(process, 0) != os.getpid()
    lost = worker.run(crashes, 0)
    assert isinstance(lost, Casualty) and lost.code == "crashed"
    second = worker.run(process, 0)
    assert second not in (first, os.getpid())
    assert worker.run(hangs, 0.2) == TIME_LIMIT
    assert worker.run(process, 0) not in (first, second)
    with pytest.raises(ScrubError, match="disk is full"):
        worker.run(fails, 0)


def test_a_worker_that_is_killed_while_it_rests_is_replaced_unnoticed(worker):
    first = worker.run(process, 0)
    os.kill(first, signal.SIGKILL)
    second = worker.run(process, 0)
    assert second not in (first, os.getpid())
    os.kill(second, signal.SIGKILL)
    time.sleep(0.5)  # now it is certainly gone
    assert worker.run(process, 0) not in (first, second, os.getpid())


def test_the_end_of_the_site_ends_what_is_under_way(worker):
    said = []

    def work():
        try:
            worker.run(hangs, 0)
        except ScrubError as error:
            said.append(str(error))

    worker.run(process, 0)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    worker.close()
    thread.join(60)
    assert not thread.is_alive(), "the thread still waits for a worker that is gone"
    assert len(said) == 1
    with pytest.raises(ScrubError, match="ending"):
        worker.run(process, 0)


class Losing(ThisProcess):
    """Loses the worker of the first entry, as a codec that crashes does."""

    lost = 0

    def run(self, work, task):
        assert work is scrub_entry and isinstance(task, Job)
        self.lost += 1
        return TIME_LIMIT if self.lost == 1 else work(task)


def test_an_entry_that_costs_its_worker_waits_again_and_the_next_is_released(tmp_path):
    case = a_case(tmp_path)
    with open_desk(case.workspace, shelter=Losing) as desk:
        keys = [desk.claim_next("ann", Wanted(state=State.PENDING)).key for _ in range(2)]
        for key in keys:
            desk.accept(key, "ann")
        desk.carry_out()
        states = [desk.queue.get(key).state for key in keys]
        assert states == [State.PENDING, State.RELEASED] and len(case.released()) == 1
        (line,) = [x for x in desk.queue.history(desk.queue.get(keys[0]).id) if x.what == "not released"]
        assert line.detail["code"] == "time-limit" and "time limit" in line.detail["message"]
        desk.claim(keys[0], "ann")
        desk.accept(keys[0], "ann")
        assert desk.carry_out() == 1 and len(case.released()) == 2


def test_a_real_worker_releases(tmp_path):
    case = a_case(tmp_path, held=1)
    with open_desk(case.workspace, shelter=OneWorker) as desk:
        key = desk.claim_next("ann", Wanted(state=State.PENDING)).key
        desk.accept(key, "ann")
        assert desk.carry_out() == 1
        assert desk.queue.get(key).state is State.RELEASED and len(case.released()) == 1

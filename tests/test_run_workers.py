"""Worker processes: what a task costs is said of that task, for certain; nothing waits for the dead."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError

import pytest

from scrub_pixels.run.workers import TimeLimitReached, WorkerLost, WorkerPool, WorkersCannotStart

SOON = 60.0


def double(number):
    return number * 2


def dies_at_once(number):
    if number % 2:
        os._exit(number)
    return number


def own_number(_):
    return os.getpid()


def sleeps(seconds):
    time.sleep(seconds)
    return seconds


def fails(text):
    raise ValueError(text)


class Stubborn(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def fails_stubbornly(_):
    raise Stubborn(1, 2)


def cannot_be_pickled(_):
    return threading.Lock()


def leaves_a_child_and_dies(_):
    """Die while a process that was forked still holds all pipes open."""
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    os._exit(3)


def signalled(number):
    os.kill(os.getpid(), number)
    return number


def signals_a_program(_):
    """Return how a program ends that is asked to, as when a decoder is stopped."""
    with subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"],
                          stdout=subprocess.PIPE) as program:
        program.stdout.readline()
        program.terminate()
        return program.wait(SOON)


@pytest.fixture
def pool():
    pool = WorkerPool(2)
    yield pool
    pool.stop()


def test_the_death_of_a_worker_is_blamed_on_its_own_task(pool):
    """Tasks that die as they begin: the death comes as close to the news of it as it can."""
    ended = [pool.submit(dies_at_once, number) for number in range(24)]
    for number, future in enumerate(ended):
        if number % 2:
            with pytest.raises(WorkerLost) as lost:
                future.result(SOON)
            assert lost.value.exitcode == number
        else:
            assert future.result(SOON) == number


def test_an_outcome_larger_than_a_pipe_goes_through(pool):
    much = bytes(8 << 20)
    assert pool.submit(double, much).result(SOON) == 2 * much


def test_what_the_work_raises_is_raised_with_the_place_it_came_from(pool):
    with pytest.raises(ValueError, match="Quux") as raised:
        pool.submit(fails, "Quux").result(SOON)
    assert "in fails" in str(raised.value.__cause__)
    with pytest.raises(RuntimeError, match="Stubborn"):
        pool.submit(fails_stubbornly, 0).result(SOON)
    with pytest.raises(TypeError, match="pickle"):
        pool.submit(cannot_be_pickled, 0).result(SOON)


def test_a_task_that_cannot_be_sent_costs_no_worker(pool):
    first = pool.submit(own_number, 0).result(SOON)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pool.submit(lambda task: task, 0).result(SOON)
    assert pool.submit(own_number, 0).result(SOON) == first


def test_a_task_over_its_time_is_ended_and_the_time_of_others_is_their_own(pool):
    slow, quick = pool.submit(sleeps, 600, 1.0), pool.submit(sleeps, 0.1, 60.0)
    with pytest.raises(TimeLimitReached):
        slow.result(SOON)
    assert quick.result(SOON) == 0.1


def test_a_worker_that_died_while_it_rested_is_replaced_unnoticed(pool):
    for _ in range(10):
        first = pool.submit(own_number, 0).result(SOON)
        os.kill(first, signal.SIGKILL)
        assert pool.submit(own_number, 0).result(SOON) != first


def test_a_process_left_behind_does_not_hide_that_its_worker_died(pool):
    began = time.monotonic()
    with pytest.raises(WorkerLost) as lost:
        pool.submit(leaves_a_child_and_dies, 0).result(SOON)
    assert lost.value.exitcode == 3 and time.monotonic() - began < 20


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_to_the_whole_group_are_for_the_owner(pool, number):
    assert pool.submit(signalled, number).result(SOON) == number
    assert pool.submit(signals_a_program, 0).result(SOON) == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_no_worker_that_just_begins(pool, number):
    """Sent all the time from before it has imported anything."""
    others = {child.pid for child in multiprocessing.active_children()}
    future, signals = pool.submit(own_number, 0), 0
    while not future.done():
        for child in multiprocessing.active_children():
            if child.pid not in others:
                os.kill(child.pid, number)
                signals += 1
        time.sleep(0.002)
    assert future.result(SOON) and signals > 5


def test_a_pool_that_is_stopped_gives_everything_back(pool):
    running = [pool.submit(sleeps, 600) for _ in range(2)]
    waiting = [pool.submit(sleeps, 600) for _ in range(3)]
    deadline = time.monotonic() + SOON
    while not all(future.running() for future in running) and time.monotonic() < deadline:
        time.sleep(0.01)
    pool.stop()
    for future in running + waiting:
        with pytest.raises(CancelledError):
            future.result(SOON)
    with pytest.raises(RuntimeError):
        pool.submit(double, 1)


def test_workers_that_cannot_start_are_told_from_tasks_that_kill(pool, monkeypatch):
    monkeypatch.setattr("scrub_pixels.run.workers._serve", abs)
    with pytest.raises(WorkersCannotStart, match="before they had work"):
        pool.submit(double, 1).result(SOON)


FORGETFUL = """
import os, sys
from scrub_pixels.run.workers import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(1)
    print(pool.submit(abs, -1).result(), flush=True)
    if sys.argv[1] == "dies":
        os._exit(0)
"""


@pytest.mark.parametrize("how", ["ends", "dies"])
def test_no_worker_outlives_its_owner(tmp_path, how):
    """The pipe for what the script prints ends only when its worker, which inherited it, has ended."""
    script = tmp_path / "script.py"
    script.write_text(FORGETFUL)
    said = subprocess.run([sys.executable, str(script), how], capture_output=True, text=True, timeout=SOON)
    assert said.returncode == 0 and said.stdout == "1\n" and not said.stderr

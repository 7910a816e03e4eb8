"""Executors: every task comes back, also those that cost their worker."""

import os
import subprocess
import sys
import time

import pytest

from scrub_pixels.run.executors import Casualty, ProcessExecutor, SerialExecutor


def double(number):
    return number * 2


def fatal_at_three(number):
    if number == 3:
        os.abort()
    return number


def slow_at_one(number):
    if number == 1:
        time.sleep(600)
    return number


def failing(number):
    raise OSError("the run cannot go on")


@pytest.mark.parametrize("executor", [SerialExecutor(), ProcessExecutor(2, 60)], ids=["serial", "processes"])
def test_every_task_comes_back(executor):
    assert dict(executor.run(double, range(20))) == {n: 2 * n for n in range(20)}


def test_a_native_crash_costs_one_task():
    outcomes = dict(ProcessExecutor(2, 60).run(fatal_at_three, range(8)))
    assert isinstance(outcomes.pop(3), Casualty)
    assert outcomes == {n: n for n in range(8) if n != 3}


def test_a_hang_costs_one_task():
    outcomes = dict(ProcessExecutor(2, 6).run(slow_at_one, range(4)))
    assert outcomes.pop(1).code == "time-limit"
    assert outcomes == {0: 0, 2: 2, 3: 3}


def test_an_error_of_the_run_ends_it():
    with pytest.raises(OSError, match="cannot go on"):
        list(ProcessExecutor(1, 60).run(failing, range(3)))


def test_tasks_are_taken_as_they_are_needed():
    taken = []

    def tasks():
        for number in range(100):
            taken.append(number)
            yield number

    next(iter(ProcessExecutor(1, 60).run(double, tasks())))
    assert len(taken) < 20


UNGUARDED = """
from scrub_pixels.errors import ScrubError
from scrub_pixels.run.executors import ProcessExecutor

try:
    list(ProcessExecutor(2, 60).run(abs, [1, 2, 3]))
except ScrubError as error:
    print(error)
"""
"""What a script looks like whose workers begin by running the script itself."""


def test_workers_that_die_as_they_start_end_the_run_with_the_remedy(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    said = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert said.returncode == 0
    assert "before they had work" in said.stdout and "__main__" in said.stdout

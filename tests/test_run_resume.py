"""What a run does with what others left: resumed, changed, vanished, foreign, in another order."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_run_campaign import digests, header_only, plain, rows, saved

from benchmarks.instances import small_instance
from scrub_pixels import Policy
from scrub_pixels.errors import ScrubError, UsageError
from scrub_pixels.policy import from_table
from scrub_pixels.run import feed, limits
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.run.discovery import Source
from scrub_pixels.run.executors import Casualty, ProcessExecutor, SerialExecutor
from scrub_pixels.run.feed import APART, Feed, Grouping, Pace
from scrub_pixels.run.limits import Cost, OutOfMemory
from scrub_pixels.run.stopping import Stop, stop_on_signals
from scrub_pixels.run.work import Layout, Orders, Task, Unit, work_together
from scrub_pixels.store.accounts import Outcome
from scrub_pixels.store.ledger import open_ledger

HEADERS = Policy(header_only=True)


def outputs(campaign) -> dict[str, str]:
    return {name: row.output for name, row in rows(campaign).items()}


def test_foreign_instances_in_out_are_counted_and_never_touched(tmp_path):
    saved(plain(), tmp_path / "in" / "a")
    run(header_only(tmp_path))
    foreign = [saved(plain(), tmp_path / "out" / name) for name in ("x.dcm", "sub/y.dcm")]
    with pytest.raises(UsageError, match="2 DICOM files"):
        run(header_only(tmp_path, resume=True))
    assert all(path.is_file() for path in foreign)


def test_another_layout_is_refused_on_resuming(tmp_path):
    saved(plain(), tmp_path / "in" / "a")
    run(header_only(tmp_path))
    before = digests(tmp_path / "out")
    with pytest.raises(UsageError, match="--layout new"):
        run(header_only(tmp_path, layout=Layout.KEEP, resume=True))
    assert digests(tmp_path / "out") == before


@pytest.mark.parametrize("resume", [False, True])
def test_what_was_deleted_with_out_is_not_counted_any_more(tmp_path, resume):
    saved(plain(), tmp_path / "in" / "a")
    run(header_only(tmp_path))
    for path in sorted((tmp_path / "out").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (tmp_path / "out").rmdir()
    saved(plain(), tmp_path / "other" / "b")
    result = run(Campaign(tmp_path / "other", tmp_path / "out", HEADERS, resume=resume))
    assert (result.totals.inputs, result.totals.released, result.totals.closed) == (1, 1, True)


def test_an_input_that_vanished_before_it_was_finished_closes_the_sums(tmp_path):
    saved(plain(), tmp_path / "in" / "a")
    gone = saved(plain(), tmp_path / "in" / "b")
    campaign = header_only(tmp_path)
    run(campaign)
    with open_ledger(campaign.private / "ledger.sqlite", tmp_path / "out") as ledger:
        row = next(row for row in ledger.rows() if row.relative == "b")
        (tmp_path / "out" / row.output).unlink()
        ledger.reopen(row.id)
    gone.unlink()
    result = run(header_only(tmp_path, resume=True))
    assert result.totals.closed and rows(campaign)["b"].code == "vanished"


def test_in_that_vanishes_ends_the_run_and_refuses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(feed, "MOST_PER_UNIT", 1)
    for number in range(6):
        saved(plain(), tmp_path / "in" / str(number))
    campaign = header_only(tmp_path)

    def remove(account):
        if (tmp_path / "in").exists():
            (tmp_path / "in").rename(tmp_path / "away")

    with pytest.raises(ScrubError, match="IN vanished"):
        run(campaign, remove)
    (tmp_path / "away").rename(tmp_path / "in")
    result = run(header_only(tmp_path, resume=True))
    assert result.totals.released == 6 and result.totals.closed


def test_a_new_time_with_the_old_content_is_not_done_again(tmp_path):
    path = saved(plain(), tmp_path / "in" / "a")
    run(header_only(tmp_path))
    os.utime(path, (1, 1))
    assert run(header_only(tmp_path, resume=True)).skipped == 1
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    result = run(header_only(tmp_path, resume=True))
    assert (result.skipped, result.totals.released) == (0, 1)
    (output,) = digests(tmp_path / "out").values()
    assert output[-1] == content[-1]


def test_a_clock_that_jumps_back_makes_no_negative_time(tmp_path, monkeypatch):
    saved(plain(), tmp_path / "in" / "a")
    clock = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    run(header_only(tmp_path))
    assert 0 <= rows(header_only(tmp_path))["a"].seconds < 60


@pytest.mark.parametrize("first", ["a", "b", "c"])
def test_equal_uids_get_their_names_by_order_not_by_chance(tmp_path, first, monkeypatch):
    """Whoever is finished first: the names are those of the undisturbed run."""
    for name, sample in (("a", 1), ("b", 2), ("c", 1)):
        saved(plain(SOPInstanceUID="1.2.3", SeriesInstanceUID="1.2", StudyInstanceUID="1.1",
                    PixelData=bytes([sample]) * 1024), tmp_path / "in" / name)
    ws = tmp_path / "ws"
    calm = Campaign(tmp_path / "in", tmp_path / "calm", HEADERS, ws)
    run(calm)

    class FirstFirst(SerialExecutor):
        def run(self, work, tasks, stop=None):
            units = [Unit((task,)) for unit in tasks for task in unit.tasks]
            if len({unit.tasks[0].source.relative for unit in units}) == 3 and not self.done:
                units.sort(key=lambda unit: unit.tasks[0].source.relative != first)
                self.done.append(1)
            yield from super().run(work, units, stop)

        done: list[int] = []

    FirstFirst.done = []
    monkeypatch.setattr("scrub_pixels.run.campaign.executor_for", lambda campaign: FirstFirst())
    wild = Campaign(tmp_path / "in", tmp_path / "wild", HEADERS, ws)
    result = run(wild)
    assert digests(tmp_path / "wild") == digests(tmp_path / "calm") and len(digests(tmp_path / "calm")) == 2
    assert outputs(wild) == outputs(calm) and result.totals.closed and result.totals.released == 3


def test_kept_names_are_judged_by_what_any_file_says(tmp_path):
    """The folder is called after a patient whom only the file beside it names."""
    saved(plain(), tmp_path / "in" / "x" / "named.dcm")
    saved(plain(), tmp_path / "in" / "Stranger" / "chest" / "k.dcm")
    saved(plain(PatientName="", PatientID="1"), tmp_path / "in" / "QUIXOTEWSKI" / "thorax" / "k.dcm")
    saved(plain(PatientName="", PatientID="1"), tmp_path / "in" / "1.2.840.99.3.1" / "k.dcm")
    run(header_only(tmp_path, layout=Layout.KEEP_UNKNOWN))
    kept = outputs(header_only(tmp_path))
    assert kept["x/named.dcm"] == "x/named.dcm"
    assert kept["Stranger/chest/k.dcm"] == "Stranger/chest/k.dcm"
    assert kept["QUIXOTEWSKI/thorax/k.dcm"].endswith("/thorax/k.dcm")
    assert "quix" not in kept["QUIXOTEWSKI/thorax/k.dcm"].lower()
    assert "1.2.840" not in kept["1.2.840.99.3.1/k.dcm"]


def test_a_name_learned_later_takes_back_what_it_names(tmp_path):
    saved(plain(PatientName="", PatientID="1"), tmp_path / "in" / "Quixotewski" / "k.dcm")
    run(header_only(tmp_path, layout=Layout.KEEP_UNKNOWN))
    assert outputs(header_only(tmp_path))["Quixotewski/k.dcm"] == "Quixotewski/k.dcm"
    saved(plain(), tmp_path / "in" / "x.dcm")
    run(header_only(tmp_path, layout=Layout.KEEP_UNKNOWN, resume=True))
    assert all("uixotewski" not in str(path) for path in digests(tmp_path / "out"))
    assert len(digests(tmp_path / "out")) == 2


def test_names_of_strangers_do_not_stay_in_paths(tmp_path, caplog):
    """No header names them; what is not plainly technical goes, and how many paths that concerns is said."""
    for name in ("Mueller/chest/k.dcm", "chest/Mueller.dcm", "4711081/img-0001.dcm", "2019/04/12/k.dcm",
                 "thorax/k.dcm"):
        saved(plain(), tmp_path / "in" / name)
    run(header_only(tmp_path, layout=Layout.KEEP))
    kept = outputs(header_only(tmp_path))
    shapes = {name: re.sub("[0-9a-f]{24}", "*", output) for name, output in kept.items()}
    assert shapes == {
        "Mueller/chest/k.dcm": "*/chest/k.dcm", "chest/Mueller.dcm": "chest/*.dcm",
        "4711081/img-0001.dcm": "*/img-0001.dcm", "2019/04/12/k.dcm": "*/*/*/k.dcm",
        "thorax/k.dcm": "thorax/k.dcm"}
    (warned,) = [record.facts for record in caplog.records if record.getMessage() == "unknown-names"]
    assert warned["paths"] == 4 and "--unknown-names keep" in warned["message"]


def test_kept_unknown_names_are_warned_of_and_asked_for_again(tmp_path, caplog):
    saved(plain(), tmp_path / "in" / "Mueller" / "k.dcm")
    run(header_only(tmp_path, layout=Layout.KEEP_UNKNOWN))
    (warned,) = [record.facts for record in caplog.records if record.getMessage() == "unknown-names"]
    assert warned["paths"] == 1 and "stay in OUT" in warned["message"] and "ueller" not in warned["message"]
    with pytest.raises(UsageError, match="--unknown-names keep"):
        run(header_only(tmp_path, layout=Layout.KEEP, resume=True))


def test_names_that_differ_in_case_alone_do_not_collide(tmp_path):
    for name in ("scan.dcm", "SCAN.dcm", "sc an", "sc_an"):
        saved(plain(), tmp_path / "in" / name)
    run(header_only(tmp_path, layout=Layout.KEEP))
    names = [str(path).casefold() for path in digests(tmp_path / "out")]
    assert len(names) == len(set(names)) == 4


# -- stopping

def test_the_first_signal_asks_and_the_second_does_not_wait():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
    assert signal.getsignal(signal.SIGTERM) is before


def test_asked_to_stop_a_run_accounts_for_what_it_finished(tmp_path, monkeypatch):
    monkeypatch.setattr(feed, "MOST_PER_UNIT", 1)
    for number in range(8):
        saved(plain(), tmp_path / "in" / str(number))
    settled = []

    def interrupt(account):
        settled.append(account)
        if len(settled) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(header_only(tmp_path), interrupt)
    assert sum(row.outcome is Outcome.RELEASED for row in rows(header_only(tmp_path)).values()) == 3
    result = run(header_only(tmp_path, resume=True))
    assert (result.skipped, result.totals.released, result.totals.closed) == (3, 8, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_finishes_what_is_under_way_and_says_so(tmp_path, number):
    for index in range(60):
        saved(small_instance(index), tmp_path / "in" / str(index))
    command = [sys.executable, "-m", "scrub_pixels.cli", str(tmp_path / "in"), str(tmp_path / "out"),
               "--header-only", "--jobs", "2", "--events", "-"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)  # a few events fill it: it cannot run to its end
    assert process.stdout.readline().startswith("{")
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130 and "go on with --resume" in said
    assert not [p for p in (tmp_path / "out").glob(".scrub-partial*/*") if "journal" not in p.name]
    result = run(header_only(tmp_path, resume=True))
    assert result.totals.released == 60 and result.totals.closed and result.skipped > 0


def test_nothing_new_is_begun_once_stop_is_asked():
    stop, begun = Stop(), []

    def tasks():
        for number in range(1000):
            begun.append(number)
            yield number

    results = ProcessExecutor(1).run(abs, tasks(), stop)
    next(results)
    stop.ask()
    list(results)
    assert len(begun) < 20


# -- limits

def slow_at_three(unit):
    for task in unit.tasks:
        with task.orders.cost.limited():
            if task.number == 3:
                threading.Event().wait(600)
    return unit.tasks


def units(count, orders):
    return [Task(number, Source(Path("none"), "none"), orders) for number in range(count)]


def test_a_hang_costs_one_instance_even_in_a_unit_of_many():
    orders = Orders(HEADERS, b"k" * 32, cost=Cost(seconds=3.0))
    source = Feed(iter(units(6, orders)), Grouping(whole=True))
    done, lost = [], []
    for unit, outcome in ProcessExecutor(2).run(slow_at_three, source):
        if isinstance(outcome, Casualty) and len(unit.tasks) > 1:
            source.again(unit)
        elif isinstance(outcome, Casualty):
            lost.append((unit.tasks[0].number, outcome.code))
        else:
            done += [task.number for task in outcome]
    assert lost == [(3, "time-limit")] and sorted(done) == [0, 1, 2, 4, 5]


def test_memory_over_the_limit_is_an_account_and_not_a_crash():
    if not limits.data_bytes():
        pytest.skip("this system does not tell how much memory a process has")
    with pytest.raises(MemoryError), Cost(memory=32 << 20).limited():
        np.ones(256 << 20, np.uint8)
    assert np.ones(64 << 20, np.uint8).all(), "the limit is lifted again"
    assert OutOfMemory.code == "memory"


def test_an_instance_that_needs_too_much_memory_is_refused_and_tried_again_with_more(tmp_path):
    if not limits.data_bytes():
        pytest.skip("this system does not tell how much memory a process has")
    saved(plain(), tmp_path / "in" / "small")
    saved(plain(Rows=6000, Columns=6000, PixelData=bytes(36_000_000)), tmp_path / "in" / "zlarge")
    # In a worker of its own: what this process has freed before would count as room.
    run(replace(header_only(tmp_path, memory=24 << 20), jobs=1))
    found = rows(header_only(tmp_path))
    assert (found["small"].code, found["zlarge"].code) == ("", "memory")
    assert run(header_only(tmp_path, resume=True)).totals.released == 2


def test_a_worker_of_another_version_is_not_trusted():
    orders = Orders(HEADERS, b"k" * 32, version="0.0.0")
    with pytest.raises(ScrubError, match="another version"):
        work_together(Unit(tuple(units(1, orders))))


# -- units

def test_units_grow_with_speed_and_shrink_with_cost():
    pace = Pace()
    assert pace.inputs() == 1
    for _ in range(60):
        pace.learn(0.001)
    assert pace.inputs() == feed.MOST_PER_UNIT
    for _ in range(60):
        pace.learn(2.0)
    assert pace.inputs() == 1


def test_a_policy_that_changes_does_again_what_it_must_and_nothing_else(tmp_path):
    saved(plain(), tmp_path / "in" / "a")
    (tmp_path / "in" / "b").write_text("note")
    run(header_only(tmp_path))
    other = from_table({"header_only": True, "profile": {"name": "strict"}})
    first = run(Campaign(tmp_path / "in", tmp_path / "out", other, resume=True))
    again = run(Campaign(tmp_path / "in", tmp_path / "out", other, resume=True))
    assert (first.skipped, again.skipped) == (0, 2)
    assert first.totals == again.totals and again.totals.closed


# -- faults, a few of those in benchmarks/faults.py

def in_a_process_of_its_own(folder: Path, asked: str) -> str:
    """Return what faults gave: they fork, which this process with its many threads must not."""
    code = "import sys, pathlib; from benchmarks.faults import *; here = pathlib.Path(sys.argv[1]); "
    done = subprocess.run([sys.executable, "-c", f"{code}print({asked})", str(folder)],
                          cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=900,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_kills_lose_and_leak_nothing(tmp_path):
    assert in_a_process_of_its_own(tmp_path, "kills(Stage(here, 50), 5, seed=1)['killed']") == "5"


def test_full_disks_lose_and_leak_nothing(tmp_path):
    assert in_a_process_of_its_own(tmp_path, "full_disks(Stage(here, 50), 2, seed=2)['disk full']") == "2"


def test_a_read_only_out_is_told_before_anything_is_done(tmp_path):
    saved(plain(), tmp_path / "in" / "a")
    (tmp_path / "out").mkdir(mode=0o500)
    if os.access(tmp_path / "out", os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(ScrubError, match="permissions"):
        run(header_only(tmp_path))


def sizes_of(count: int, folder: Path, grouping: Grouping | None = None) -> list[int]:
    tasks = (Task(number, Source(folder / str(number), str(number), size=1), Orders(Policy(), b"k" * 16))
             for number in range(count))
    units = list(Feed(tasks, grouping))
    assert [task.number for unit in units for task in unit.tasks] == list(range(count))
    return [len(unit.tasks) for unit in units]


def test_units_of_headers_are_many_from_the_first_on_and_fewer_at_the_end(tmp_path):
    assert sizes_of(200, tmp_path, APART) == [25, 25, 25, 25, 25, 18, 14, 10, 8, 8, 8, 8, 1]
    assert sizes_of(10, tmp_path, APART) == [8, 2]
    assert sizes_of(1, tmp_path, APART) == [1]
    assert sizes_of(0, tmp_path, APART) == []
    assert sizes_of(3, tmp_path) == [1, 1, 1]

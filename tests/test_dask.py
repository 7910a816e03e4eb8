"""A real Dask scheduler and workers as separate processes: the run of local processes, and one killed."""

from __future__ import annotations

import logging
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from test_run_campaign import digests, plain, saved

from benchmarks.clusters import PATIENCE, local_cluster, started_worker
from scrub_pixels import Policy
from scrub_pixels.errors import ScrubError, UsageError
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.run.cluster import Absence, dask_cluster
from scrub_pixels.run.executors import Casualty, ClusterExecutor

distributed = pytest.importorskip("distributed")
HEADERS = Policy(header_only=True)


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    """The address of a scheduler with two workers, and the client to look at it."""
    with local_cluster(tmp_path_factory.mktemp("dask"), search=str(Path(__file__).parent)) as client:
        yield client.scheduler.address, client


def inputs(folder: Path, count: int) -> Path:
    for number in range(count):
        saved(plain(SOPInstanceUID=f"1.2.3.{number}", SeriesInstanceUID="1.2.3", StudyInstanceUID="1.2"),
              folder / f"{number:03}")
    return folder


def test_a_cluster_ends_like_one_process(dask, tmp_path):
    address, _ = dask
    source, ws = inputs(tmp_path / "in", 20), tmp_path / "ws"
    run(Campaign(source, tmp_path / "one", HEADERS, ws))
    result = run(Campaign(source, tmp_path / "many", HEADERS, ws, scheduler=address))
    assert result.totals.released == 20 and result.totals.closed
    assert digests(tmp_path / "many") == digests(tmp_path / "one")
    assert not list((tmp_path / "many").glob(".scrub-partial*"))


def test_a_worker_killed_in_the_middle_costs_nothing(dask, tmp_path):
    address, client = dask
    source, ws = inputs(tmp_path / "in", 60), tmp_path / "ws"
    run(Campaign(source, tmp_path / "one", HEADERS, ws))
    settled = []

    def kill_one(account):
        settled.append(account)
        if len(settled) == 5:
            pids = client.run(os.getpid)
            os.kill(next(iter(pids.values())), signal.SIGKILL)

    result = run(Campaign(source, tmp_path / "many", HEADERS, ws, scheduler=address), kill_one)
    assert result.totals.released == 60 and result.totals.closed
    assert digests(tmp_path / "many") == digests(tmp_path / "one")
    client.wait_for_workers(2, timeout=PATIENCE)  # the nanny brings the killed one back


def fatal_at_three(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_task_that_kills_its_workers_is_a_casualty_and_no_neighbour_of_it(dask):
    address, client = dask
    outcomes = dict(ClusterExecutor(lambda: dask_cluster(address)).run(fatal_at_three, range(6)))
    assert isinstance(outcomes.pop(3), Casualty)
    assert outcomes == {number: number for number in range(6) if number != 3}
    client.wait_for_workers(2, timeout=PATIENCE)


class Lost:
    """A result that kills the worker from which it is fetched."""

    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)
        return Lost, ()


def lost_and_then_fatal(marker):
    """End well once, and kill the worker when done again."""
    if marker.exists():
        os.kill(os.getpid(), signal.SIGKILL)
    marker.touch()
    return Lost()


def test_a_result_that_is_lost_on_the_way_and_fails_when_made_again_ends(dask, tmp_path):
    address, client = dask
    tasks = [tmp_path / "marker"]
    (end,) = ClusterExecutor(lambda: dask_cluster(address)).run(lost_and_then_fatal, tasks)
    assert end[0] == tasks[0] and isinstance(end[1], Casualty)
    client.wait_for_workers(2, timeout=PATIENCE)


def test_what_can_be_taken_apart_comes_back_at_once_to_be(dask):
    address, client = dask
    executor = ClusterExecutor(lambda: dask_cluster(address), divisible=lambda task: True)
    (end,) = executor.run(fatal_at_three, [3])
    assert end[0] == 3 and isinstance(end[1], Casualty)
    client.wait_for_workers(2, timeout=PATIENCE)


POISON = """
import os, signal
from scrub_pixels.run import work

scrub = work._scrub

def deadly(task, *rest):
    if task.source.relative == "025":
        os.kill(os.getpid(), signal.SIGKILL)
    return scrub(task, *rest)

work._scrub = deadly
"""
"""Found by every worker as it starts: one input kills it, as a native crash would."""


def test_one_input_that_kills_workers_is_refused_and_all_others_are_released(tmp_path):
    source = inputs(tmp_path / "in", 40)
    for folder in ("dask", "site"):
        (tmp_path / folder).mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(POISON)
    with local_cluster(tmp_path / "dask", search=str(tmp_path / "site")) as client:
        campaign = Campaign(source, tmp_path / "out", HEADERS, tmp_path / "ws",
                            scheduler=client.scheduler.address)
        settled = []
        totals = run(campaign, settled.append).totals
    assert (totals.released, totals.refused, totals.closed) == (39, 1, True)
    assert [account.code for account in settled if account.code] == ["crashed"]
    healed = run(replace(campaign, scheduler="", resume=True)).totals
    assert healed.released == 40


def test_a_cluster_without_workers_is_waited_for_aloud_and_then_given_up(tmp_path, caplog):
    source, ws, out = inputs(tmp_path / "in", 5), tmp_path / "ws", tmp_path / "out"
    (tmp_path / "dask").mkdir()
    with local_cluster(tmp_path / "dask", workers=0) as client:
        campaign = Campaign(source, out, HEADERS, ws, scheduler=client.scheduler.address, worker_wait=0.5)
        with pytest.raises(ScrubError, match="has had no workers for 0.5 seconds.*--resume"):
            run(campaign)
    assert [r.getMessage() for r in caplog.records if r.name == "scrub_pixels"].count("no-workers") == 1
    assert not list(out.rglob("*.dcm"))
    assert run(replace(campaign, scheduler="", resume=True)).totals.released == 5


def test_workers_that_come_late_are_in_time(tmp_path):
    source = inputs(tmp_path / "in", 3)
    folder, processes = tmp_path / "dask", []
    folder.mkdir()

    class Starts(logging.Handler):
        def emit(self, record):
            if record.getMessage() == "no-workers":
                processes.append(started_worker(folder))

    listener = Starts()
    logging.getLogger("scrub_pixels").addHandler(listener)
    try:
        with local_cluster(folder, workers=0) as client:
            result = run(Campaign(source, tmp_path / "out", HEADERS, tmp_path / "ws",
                                  scheduler=client.scheduler.address))
    finally:
        logging.getLogger("scrub_pixels").removeHandler(listener)
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert len(processes) == 1 and result.totals.released == 3


def test_a_scheduler_that_dies_ends_the_run_and_nothing_else(tmp_path):
    source, ws, out = inputs(tmp_path / "in", 40), tmp_path / "ws", tmp_path / "out"
    (tmp_path / "dask").mkdir()
    settled = []
    with local_cluster(tmp_path / "dask", workers=1) as client:
        pid = client.run_on_scheduler(os.getpid)

        def kill_scheduler(account):
            settled.append(account)
            if len(settled) == 1:
                os.kill(pid, signal.SIGKILL)

        campaign = Campaign(source, out, HEADERS, ws, scheduler=client.scheduler.address)
        with pytest.raises(ScrubError, match="scheduler is gone.*--resume"):
            run(campaign, kill_scheduler)
    totals = run(replace(campaign, scheduler="", resume=True)).totals
    assert totals.released == 40 and totals.closed


def test_patience_begins_anew_when_workers_come_back():
    absence = Absence(10)
    for threads, now in ((0, 0), (0, 9), (1, 10), (0, 15), (0, 24)):
        absence.note(threads, now)
    with pytest.raises(ScrubError, match="no workers"):
        absence.note(0, 25)


def test_bytes_never_travel_through_the_scheduler(dask, tmp_path):
    address, client = dask
    source = inputs(tmp_path / "in", 4)
    big = plain(Rows=1024, Columns=1024, PixelData=bytes(1024 * 1024), SOPInstanceUID="1.2.3.99")
    saved(big, source / "big")
    seen = []
    real = distributed.Client.submit

    def submit(self, function, *arguments, **options):
        seen.append(len(distributed.protocol.pickle.dumps(arguments)))
        return real(self, function, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed.Client, "submit", submit)
        run(Campaign(source, tmp_path / "out", HEADERS, tmp_path / "ws", scheduler=address))
    assert seen and max(seen) < 64_000


def test_no_scheduler_is_wrong_usage(monkeypatch):
    monkeypatch.setattr("scrub_pixels.run.cluster.SECONDS_TO_CONNECT", 1)
    with pytest.raises(UsageError, match="scheduler"), dask_cluster("tcp://127.0.0.1:9"):
        pass


def test_a_campaign_on_a_cluster_may_run_in_a_thread(dask, tmp_path):
    address, _ = dask
    source, results = inputs(tmp_path / "in", 3), []
    campaign = Campaign(source, tmp_path / "out", HEADERS, tmp_path / "ws", scheduler=address)
    thread = threading.Thread(target=lambda: results.append(run(campaign)))
    thread.start()
    thread.join(PATIENCE)
    assert results[0].totals.released == 3

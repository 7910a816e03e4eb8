"""Killed again and again at any moment, a run that is resumed ends like an undisturbed one."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_store_atomic import make_dataset
from test_store_books import Given, a_decision
from test_store_report import Scrubbed

from scrub_pixels.store import database
from scrub_pixels.store.accounts import Account, Outcome, account_released
from scrub_pixels.store.atomic import MARKER, DuplicateUid, Place, open_out
from scrub_pixels.store.books import open_books
from scrub_pixels.store.layout import new_path
from scrub_pixels.store.readback import prove_written
from scrub_pixels.store.workspace import open_workspace

INPUTS, KILLS = 30, 4


def resume(folder: Path) -> None:
    """Do what a run does with its store: sweep, take back what is unaccounted, skip what is done."""
    workspace = open_workspace(folder / "ws", outside=(folder / "out",))
    with workspace.locked(), open_out(folder / "out") as out, open_books(workspace, out.root) as books:
        for name in books.ledger.unaccounted(out.files()):
            out.withdraw(name)
        run = books.ledger.runs.begin(folder / "in", "p", {})
        for index in range(INPUTS):
            source = Given(folder / "in" / str(index))
            row = books.ledger.done(source, "p")
            if row and (not row.output or (out.root / row.output).is_file()):
                continue
            number = books.ledger.begin(run, source)
            books.settle(number, source, _end(out, index), "p")
        books.ledger.runs.finish(run)


def _end(out, index: int) -> Account:
    if index % 10 == 9:
        return Account(Outcome.HELD, reasons=("r",), decision=a_decision())
    if index % 10 == 8:
        index -= 1  # the same Instance again: a duplicate
    scrubbed = Scrubbed(make_dataset(index), a_decision())
    try:
        written = out.write(scrubbed, Place(new_path(scrubbed.dataset, "BCDF")))
    except DuplicateUid:
        return Account(Outcome.REFUSED, code="duplicate-uid")
    return account_released(scrubbed, written, time.time())


def state(folder: Path) -> tuple:
    with open_books(open_workspace(folder / "ws"), folder / "out") as books:
        ends = sorted((row.path.rsplit("/", 1)[1], row.outcome, row.code, row.output)
                      for row in books.ledger.rows())
        held = sorted(Path(entry.path).name for entry in books.queue.entries())
        assert books.ledger.totals().closed
    files = {str(p.relative_to(folder / "out")): p.read_bytes() for p in (folder / "out").rglob("*.dcm")}
    return ends, held, files


def check_out(folder: Path) -> None:
    """Whatever moment it was: every named file is whole."""
    whole = {new_path(make_dataset(i), "BCDF"): make_dataset(i) for i in range(INPUTS)}
    for path in (folder / "out").rglob("*.dcm"):
        prove_written(path, whole[str(path.relative_to(folder / "out"))])


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_and_resumed_equals_undisturbed(tmp_path, seed):
    chance = random.Random(seed)
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    resume(calm)
    killed = 0
    for _ in range(KILLS):
        runner = subprocess.Popen([sys.executable, __file__, str(rough)], stdout=subprocess.PIPE)
        assert runner.stdout.readline() == b"begun\n"
        time.sleep(chance.uniform(0.0, 0.25))
        runner.kill()
        killed += runner.wait() != 0
        check_out(rough)
    assert killed, "no kill came in time to disturb anything"
    resume(rough)
    (ends, held, files), (calm_ends, calm_held, calm_files) = state(rough), state(calm)
    assert ends == calm_ends and held == calm_held and files == calm_files
    others = {p.name for p in (rough / "out").rglob("*") if p.is_file() and p.suffix != ".dcm"}
    assert others == {MARKER}


if __name__ == "__main__":
    database.SECONDS_PER_COMMIT = 0.05
    print("begun", flush=True)
    while True:
        resume(Path(sys.argv[1]))
        time.sleep(60)

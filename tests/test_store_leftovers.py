"""What killed processes left in the folder for temporary files goes; what lives, or is not ours, stays."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile

import pytest

from scrub_pixels.store import leftovers
from scrub_pixels.store.atomic import PARTIAL_PREFIX
from scrub_pixels.store.leftovers import private_folder, sweep_leftovers, swept_folder


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def of_a_dead_process(place):
    """Return a folder that a killed process left, as it would be named."""
    code = "import os, signal; print(os.getpid(), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    folder = place / private_folder().name.replace(f"-{os.getpid()}-", f"-{int(ended.stdout)}-")
    folder.mkdir(mode=0o700)
    (folder / "file").write_bytes(b"de-identified")
    return folder


def test_a_dead_process_s_folder_goes_and_a_living_one_s_stays(place):
    left = of_a_dead_process(place)
    own = [folder for folder in place.iterdir() if folder != left]
    assert sweep_leftovers() == 1
    assert not left.exists() and own and all(folder.is_dir() for folder in own)
    assert sweep_leftovers() == 0


def test_a_folder_is_private_and_gone_after_use(place):
    with swept_folder() as folder:
        assert folder.parent == place and folder.name.startswith(PARTIAL_PREFIX)
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


@pytest.mark.parametrize("name", [PARTIAL_PREFIX + "ab12", PARTIAL_PREFIX + "1-x-y", "other",
                                  PARTIAL_PREFIX + "999999999-" + "0" * 16 + "-abc"])
def test_what_is_named_otherwise_or_from_elsewhere_stays(place, name):
    (place / name).mkdir()
    assert sweep_leftovers() == 0 and (place / name).is_dir()


def test_links_and_files_of_that_name_stay_and_so_does_what_they_lead_to(place):
    left = of_a_dead_process(place)
    target = place / "target"
    left.rename(target)
    left.symlink_to(target)
    file = left.with_name(left.name + "x")
    file.write_text("no folder")
    assert sweep_leftovers() == 0
    assert left.is_symlink() and (target / "file").exists() and file.exists()


def test_another_user_s_folder_stays(place, monkeypatch):
    left = of_a_dead_process(place)
    monkeypatch.setattr(leftovers.os, "geteuid", lambda: left.stat().st_uid + 1)
    assert sweep_leftovers() == 0 and left.is_dir()


def test_a_process_that_cannot_be_asked_after_is_taken_to_live(place, monkeypatch):
    def refuse(pid, number):
        raise PermissionError

    left = of_a_dead_process(place)
    monkeypatch.setattr(leftovers.os, "kill", refuse)
    assert sweep_leftovers() == 0 and left.is_dir()


def sweep_in(place, results):
    tempfile.tempdir = str(place)
    results.put(sweep_leftovers())


def test_two_that_sweep_at_once_do_no_harm(place):
    left = of_a_dead_process(place)
    for number in range(200):
        (left / f"{number}").write_bytes(b"x")
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    others = [context.Process(target=sweep_in, args=(place, results)) for _ in range(3)]
    for other in others:
        other.start()
    assert all(results.get(timeout=60) in (0, 1) for _ in others)
    for other in others:
        other.join(60)
    assert not left.exists() and [other.exitcode for other in others] == [0, 0, 0]


def test_no_folder_for_temporary_files_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert sweep_leftovers() == 0

"""What worker processes of the command are started with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.instances import small_instance

SCRIPT = """
import os
from pathlib import Path

Path(os.environ["SEEN"], __name__).touch()
from scrub_pixels.cli import entry

if __name__ == "__main__":
    entry()
"""
"""What an installer writes as the script of a command, and a note of who has run it."""


def test_workers_do_not_run_the_script_that_started_the_command(tmp_path: Path) -> None:
    for name in ("in", "seen"):
        (tmp_path / name).mkdir()
    small_instance(1).save_as(tmp_path / "in" / "a.dcm", enforce_file_format=True)
    script = tmp_path / "scrub-pixels"
    script.write_text(SCRIPT)
    places = [str(tmp_path / name) for name in ("in", "out")]
    done = subprocess.run([sys.executable, script, *places, "--header-only", "--jobs", "1", "--quiet"],
                          env={**os.environ, "SEEN": str(tmp_path / "seen")}, check=False)
    assert done.returncode == 0
    assert [path.name for path in (tmp_path / "seen").iterdir()] == ["__main__"]
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1


def test_the_command_runs_as_a_module_too(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    small_instance(1).save_as(tmp_path / "in" / "a.dcm", enforce_file_format=True)
    places = [str(tmp_path / name) for name in ("in", "out")]
    done = subprocess.run([sys.executable, "-m", "scrub_pixels", *places, "--header-only", "--jobs", "2",
                           "--quiet"], check=False)
    assert done.returncode == 0
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1

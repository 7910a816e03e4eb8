"""The command line as a person meets it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_run_campaign import plain, saved

from fixtures import make_fixture
from scrub_pixels import Policy, __version__
from scrub_pixels.cli import main
from scrub_pixels.policy import to_toml

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def folder(tmp_path):
    saved(plain(), tmp_path / "in" / "a")
    return tmp_path


def test_one_command_writes_a_clean_copy(folder, capsys):
    assert main([str(folder / "in"), str(folder / "out"), "--jobs", "0"]) == 0
    said = capsys.readouterr().out
    assert "1  released" in re.sub(" +", "  ", said)
    assert "scrub-report.html" in said
    assert len(list((folder / "out").rglob("*.dcm"))) == 1


def test_a_hold_and_a_refusal_have_their_exit_codes(folder, capsys):
    saved(plain(BurnedInAnnotation="YES"), folder / "in" / "b")
    assert main([str(folder / "in"), str(folder / "out"), "--jobs", "0"]) == 10
    assert "held for review" in capsys.readouterr().out
    saved(plain(NumberOfFrames=0), folder / "in" / "c")
    assert main([str(folder / "in"), str(folder / "out"), "--jobs", "0", "--resume"]) == 1


def test_a_dry_run_writes_nothing(folder, capsys):
    before = sorted(folder.rglob("*"))
    assert main([str(folder / "in"), str(folder / "out"), "--jobs", "0", "--dry-run"]) == 0
    assert sorted(folder.rglob("*")) == before
    assert "nothing was written" in capsys.readouterr().out


def test_quiet_is_quiet(folder, capsys):
    assert main([str(folder / "in"), str(folder / "out"), "--jobs", "0", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["only-in"],
        ["nowhere", "out"],
        ["in", "in/out"],
        ["in", "out", "--reader", "telepathy"],
        ["in", "out", "--policy", "nowhere.toml"],
        ["in", "out", "--jobs", "-1"],
        ["in", "out", "--unheard-of"],
        ["in", "out", "--profile", "imaginary"],
        ["ledger", "nowhere"],
        ["explain", "nowhere", "-o", "p.html"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_said_without_a_stack_trace(folder, arguments, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    code = main(arguments)
    shown = "".join(capfd.readouterr())
    assert code in (1, 2) if arguments[:1] == ["explain"] else code == 2 or arguments == []
    assert "Traceback" not in shown
    assert shown.strip()


def test_the_policy_printed_is_the_one_in_effect(tmp_path, capsys):
    assert main(["policy", "show"]) == 0
    assert capsys.readouterr().out == to_toml(Policy())
    (tmp_path / "p.toml").write_text("[decisions]\non_uncertain = 'mask'\n")
    assert main(["policy", "show", "--policy", str(tmp_path / "p.toml"), "--keep", "all-text"]) == 0
    shown = capsys.readouterr().out
    assert 'on_uncertain = "mask"' in shown and 'policy = "all-text"' in shown


@pytest.mark.parametrize("form", ["table", "csv", "jsonl"])
def test_the_ledger_names_every_input(folder, form, capsys):
    main([str(folder / "in"), str(folder / "out"), "--jobs", "0", "-q"])
    assert main(["ledger", str(folder / "out.workspace"), "--format", form]) == 0
    shown = capsys.readouterr().out
    assert "released" in shown
    if form == "jsonl":
        assert json.loads(shown.splitlines()[0])["outcome"] == "released"


@pytest.mark.parametrize("locale", ["utf-8:strict", "ascii:strict"])
@pytest.mark.parametrize("form", ["table", "csv", "jsonl"])
def test_names_that_are_not_unicode_stop_no_ledger(folder, form, locale):
    os.rename(folder / "in" / "a", os.fsencode(folder / "in") + b"/\xff\n\xc3\xa4")
    out = os.fsencode(folder) + b"/out\xff"
    assert main([str(folder / "in"), os.fsdecode(out), "--jobs", "0", "-q"]) == 0
    tool = Path(sys.executable).with_name("scrub-pixels")
    shown = subprocess.run([tool, "ledger", out + b".workspace", "-f", form], capture_output=True,
                           env={**os.environ, "PYTHONIOENCODING": locale}, check=True)
    assert b"released" in shown.stdout and not shown.stderr
    assert form != "csv" or b"\xff\n\xc3\xa4" in shown.stdout


def test_explain_shows_what_was_found_and_keeps_it_private(tmp_path, capsys):
    saved(make_fixture(3, "us_grey").dataset, tmp_path / "a.dcm")
    assert main(["explain", str(tmp_path / "a.dcm"), "-o", str(tmp_path / "page.html")]) == 0
    page = tmp_path / "page.html"
    assert page.stat().st_mode & 0o077 == 0
    assert "data:image" in page.read_text()


def test_explain_never_writes_below_an_output_folder(folder, capsys):
    main([str(folder / "in"), str(folder / "out"), "--jobs", "0", "-q"])
    assert main(["explain", str(folder / "in" / "a"), "-o", str(folder / "out" / "page.html")]) == 2
    assert not (folder / "out" / "page.html").exists()


def test_the_program_runs_as_installed():
    tool = Path(sys.executable).with_name("scrub-pixels")
    shown = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == __version__


def test_help_is_quick_to_load_and_lists_every_command():
    code = (
        "import sys, scrub_pixels.cli as c; c.main(['--help']);"
        "print('cv2' in sys.modules, 'pydicom' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "100"},
    ).stdout
    assert shown.strip().endswith("False False")
    for name in ("explain", "ledger", "policy", "--install-completion", "--dry-run"):
        assert name in shown


def test_every_option_of_the_help_is_in_the_readme(capsys):
    main(["--help"])
    options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert sorted(option for option in options if option not in README.read_text()) == []

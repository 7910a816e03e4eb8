"""The private workspace: permissions, key, lock, and the names files get in OUT."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement
from pydicom.config import IGNORE
from test_store_atomic import make_dataset

from scrub_pixels.errors import ProofFailed, WorkspaceError
from scrub_pixels.store.atomic import open_out
from scrub_pixels.store.layout import LONGEST_PATH, KeptNames, new_path
from scrub_pixels.store.workspace import default_workspace, open_workspace

SECRET = b"k" * 32


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_workspace_is_private_and_its_key_stays(tmp_path):
    old = os.umask(0)
    try:
        first = open_workspace(tmp_path / "ws")
    finally:
        os.umask(old)
    assert mode(first.root) == 0o700
    assert {mode(p) for p in first.root.iterdir()} == {0o600}
    key = (first.root / "key").read_bytes()
    assert len(key) == 32
    again = open_workspace(tmp_path / "ws")
    assert again.key == first.key and (first.root / "key").read_bytes() == key
    assert again.token("a", b"x") == first.token("a", b"x") != first.token("b", b"x")
    assert repr(key)[2:8] not in repr(first)


def test_open_permissions_are_closed_again(tmp_path):
    workspace = open_workspace(tmp_path / "ws")
    workspace.root.chmod(0o755)
    (workspace.root / "key").chmod(0o644)
    open_workspace(tmp_path / "ws")
    assert mode(workspace.root) == 0o700 and mode(workspace.root / "key") == 0o600


def test_permissions_that_do_not_change_are_refused(tmp_path, monkeypatch):
    workspace = open_workspace(tmp_path / "ws")
    workspace.root.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda self, mode: None)
    with pytest.raises(WorkspaceError, match="open to others"):
        open_workspace(tmp_path / "ws")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_damaged_key_is_not_replaced(tmp_path, size):
    key = open_workspace(tmp_path / "ws").root / "key"
    key.write_bytes(b"x" * size)
    with pytest.raises(WorkspaceError, match="damaged"):
        open_workspace(tmp_path / "ws")
    assert key.read_bytes() == b"x" * size


def test_lost_key_beside_a_ledger_is_not_made_anew(tmp_path):
    root = open_workspace(tmp_path / "ws").root
    (root / "ledger.sqlite").touch()
    (root / "key").unlink()
    with pytest.raises(WorkspaceError, match="key"):
        open_workspace(tmp_path / "ws")


def test_places_that_touch_input_or_output_are_refused(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "alias").symlink_to(out)
    for folder in (out, out / "ws", tmp_path / "alias" / "ws", tmp_path):
        with pytest.raises(WorkspaceError, match="apart"):
            open_workspace(folder, outside=(out,))
    with open_out(tmp_path / "other"):
        pass
    with pytest.raises(WorkspaceError, match="below an output folder"):
        open_workspace(tmp_path / "other" / "deep" / "ws")
    assert default_workspace(tmp_path / "alias") == tmp_path / "out.workspace"


@pytest.mark.parametrize("step", range(1, 4))
def test_workspace_whose_making_was_cut_short_is_finished(tmp_path, monkeypatch, step):
    genuine, calls = os.link, []

    def cut(*args):
        calls.append(args)
        if len(calls) == step:
            raise KeyboardInterrupt
        genuine(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", cut)
        patch.setattr(Path, "unlink", lambda *args, **more: None)
        with pytest.raises(KeyboardInterrupt):
            open_workspace(tmp_path / "ws")
    first = open_workspace(tmp_path / "ws")
    assert open_workspace(tmp_path / "ws").key == first.key


def test_folder_with_other_files_other_version_or_links_is_refused(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "letter.txt").touch()
    with pytest.raises(WorkspaceError, match="other files"):
        open_workspace(tmp_path / "docs")
    root = open_workspace(tmp_path / "ws").root
    (root / "ledger.sqlite").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="symbolic link"):
        open_workspace(root)
    (root / "ledger.sqlite").unlink()
    (root / "version").write_text("99")
    with pytest.raises(WorkspaceError, match="another version"):
        open_workspace(root)
    with pytest.raises(WorkspaceError, match="no workspace"):
        open_workspace(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_lock_names_its_holder_and_goes_with_it(tmp_path):
    workspace = open_workspace(tmp_path / "ws")
    script = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from scrub_pixels.store.workspace import open_workspace
        with open_workspace(Path({str(workspace.root)!r})).locked():
            print("held", flush=True)
            sys.stdin.read()
    """)
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(WorkspaceError, match=f"process {holder.pid}"), workspace.locked():
        pass
    holder.kill()
    holder.wait()
    with workspace.locked():
        assert (workspace.root / "lock").read_text() == str(os.getpid())


def test_new_path_is_built_from_uids_only():
    dataset = make_dataset(uid="2.25.77")
    assert new_path(dataset, "BCDF") == "BCDF/2.25.1/2.25.2/2.25.77.dcm"
    dataset.add(DataElement("SeriesInstanceUID", "UI", "../../etc", validation_mode=IGNORE))
    with pytest.raises(ProofFailed):
        new_path(dataset, "BCDF")
    del dataset.SeriesInstanceUID
    with pytest.raises(ProofFailed):
        new_path(dataset, "BCDF")


def names(*identifiers: str) -> KeptNames:
    return KeptNames(SECRET, lambda text: any(word in text.lower() for word in identifiers))


def test_kept_names_lose_their_identifiers():
    place = names("doe", "jane").place("site A/DOE_Jane/scan.0001/IM1")
    parts = place.relative.split("/")
    assert parts[0] == "site_A" and parts[2:] == ["scan.0001", "IM1.dcm"]
    assert "doe" not in place.relative.lower() and "jane" not in place.otherwise.lower()
    folders = {names("doe").place(path).relative.split("/")[0] for path in ("DOE/1", "DOE/2")}
    assert len(folders) == 1


def test_identifier_split_by_separators_is_found():
    assert "DOE" not in names("doe jane").place("DOE_JANE.dcm").relative


@pytest.mark.parametrize(("given_name", "kept"), [
    ("a.dcm", "a.dcm"), ("a.DCM", "a.dcm"), ("a", "a.dcm"), ("a.zip/b", "a.zip/b.dcm"),
    ("x/./b.dcm", "x/b.dcm")])
def test_suffix_is_ensured(given_name, kept):
    assert names().place(given_name).relative == kept


PATHS = st.text(min_size=1, max_size=300) | st.from_regex(r"(\.\.|/|con|a|\udc80|é){1,9}", fullmatch=True)


@given(PATHS)
def test_kept_names_are_always_safe_and_inside(name):
    place = names().place(name)
    for path in (place.relative, *([place.otherwise] if place.otherwise else [])):
        assert path.isascii() and path.endswith(".dcm") and len(path) <= LONGEST_PATH + 40
        parts = path.split("/")
        assert all(p not in ("", ".", "..") and len(p) <= 255 for p in parts)
        assert all(p.split(".")[0].lower() not in ("con", "nul", "aux", "prn") for p in parts)


def test_names_that_differ_only_in_lost_characters_have_second_choices_apart():
    first, second = names().place("ä/x"), names().place("ö/x")
    assert first.otherwise != second.otherwise


def test_originals_that_are_fetched_go_to_nobodys_folder_but_our_own(tmp_path):
    """Its name can be foreseen, and where many may write somebody else may have made it first."""
    pytest.importorskip("httpx")
    from scrub_pixels.gateway.fetch import spool_beside

    spool = spool_beside(tmp_path / "w", "dicomweb+https://host/x?PatientID=1")
    assert mode(spool.parent) == 0o700 and not spool.exists()
    spool.parent.chmod(0o777)
    assert spool_beside(tmp_path / "w", "y").parent == spool.parent and mode(spool.parent) == 0o700
    (tmp_path / "away").mkdir()
    spool.parent.rmdir()
    spool.parent.symlink_to(tmp_path / "away")
    with pytest.raises(WorkspaceError, match="link"):
        spool_beside(tmp_path / "w", "dicomweb+https://host/x?PatientID=1")

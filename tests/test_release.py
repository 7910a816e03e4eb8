"""Releases: made of what is out, immutable, verifiable; later runs add and change nothing."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from scrub_pixels.catalog.formats import open_catalog
from scrub_pixels.catalog.layouts import write_layout
from scrub_pixels.catalog.query import ask
from scrub_pixels.catalog.release import difference, release, releases, told, verify
from scrub_pixels.catalog.released import digest_of, read_manifest
from scrub_pixels.cli import main
from scrub_pixels.errors import UsageError
from scrub_pixels.store.releases import KEPT, MANIFEST, RECORD, is_release_file
from tests.instances import Recipe, make_instance, saved

SENTINELS = (b"SENTINEL", b"Sentinel", b"Hospital of Sentinel")


def add(root: Path, patients: range) -> None:
    root.mkdir(exist_ok=True)
    for n in patients:
        dataset = make_instance(
            Recipe(24, 24), PatientID=f"SENTINEL-{n}", PatientName=f"Sentinel^{n}", Modality="US",
            PatientAge=f"{40 + n:03}Y", PatientSex="F", StudyDate="20240102", StudyTime="120000", StudyID="1",
            InstitutionName="Hospital of Sentinel", SeriesNumber=1, InstanceNumber=1,
            AccessionNumber="SENTINELACC", ReferringPhysicianName="Sentinel^Doctor",
            PatientBirthDate="19800101")
        (root / f"{n}.dcm").write_bytes(saved(dataset))


def run(root: Path, out: Path, *more: str) -> int:
    return main([str(root), str(out), "--jobs", "0", "--header-only", "-q", "--profile", "research", *more])


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """An output folder of four patients, released as v1, and what it was made from."""
    root = tmp_path_factory.mktemp("release")
    add(root / "in", range(4))
    assert run(root / "in", root / "out") == 0
    release(root / "out", "v1", unproven=True)
    return root


@pytest.fixture
def resumable(tmp_path):
    """An output folder that a run can add to."""
    add(tmp_path / "in", range(2))
    assert run(tmp_path / "in", tmp_path / "out") == 0
    release(tmp_path / "out", "v1", unproven=True)
    return tmp_path / "out"


@pytest.fixture
def out(first, tmp_path):
    """A copy of that, to be changed."""
    shutil.copytree(first, tmp_path / "all", symlinks=True)
    return tmp_path / "all" / "out"


def test_a_release_holds_what_is_out_and_nobody(first):
    out = first / "out"
    record = releases(out)[0]
    assert (record.tag, record.instances, record.patients, record.since) == ("v1", 4, 4, "")
    for folder in (out, out / "releases" / "v1"):
        assert all((folder / name).is_file() for name in KEPT)
    for file in (p for p in out.rglob("*") if p.is_file()):
        assert not any(word in file.read_bytes() for word in SENTINELS), file.name
    with ask(open_catalog(out / "catalog.parquet")) as asked:
        rows = asked.rows("SELECT * FROM catalog")
    assert not any("entinel" in str(value) for row in rows for value in row.values())
    assert {row["path"] for row in rows} == set(read_manifest(out / "SHA256SUMS"))
    assert {row["patient_identity_removed"] for row in rows} == {"NO"}, "pixels were not searched here"
    assert open_catalog(out / "catalog.parquet").about.root == ""


def test_the_manifest_is_checked_by_sha256sum(first):
    command = ["sha256sum", "-c", "--quiet", "releases/v1/SHA256SUMS"]
    done = subprocess.run(command, cwd=first / "out", check=False)
    assert done.returncode == 0


def test_a_later_run_adds_and_changes_nothing(resumable):
    """The same key, more inputs: what is out stays byte for byte, and the next release says so."""
    out = resumable
    before = {p: p.read_bytes() for p in out.rglob("*.dcm")}
    kept = {p: digest_of(p) for p in (out / "releases" / "v1").iterdir()}
    root = out.parent / "in"
    add(root, range(2, 4))
    assert run(root, out, "--resume") == 0
    assert all(path.read_bytes() == data for path, data in before.items())
    record = release(out, "v2", unproven=True)
    assert (record.since, record.instances) == ("v1", 4)
    changes = difference(out / "releases" / "v1", out / "releases" / "v2")
    assert len(changes.added) == 2 and changes.only_adds and not changes.columns
    assert {p: digest_of(p) for p in (out / "releases" / "v1").iterdir()} == kept
    assert verify(out, "v1") == verify(out, "v2") == []
    assert set(record.earlier) == {"v1"}
    text = (out / "CHANGES.md").read_text()
    assert "2 instances added" in text and "Compared with v1" in text


def test_a_changed_and_a_gone_file_are_told_with_their_columns(out):
    paths = sorted(out.rglob("*.dcm"))
    paths[0].unlink()
    dataset = dcmread(paths[1])
    dataset.SeriesDescription = "OTHER"
    dataset.save_as(paths[1])
    report = json.loads((out / "scrub-report.json").read_text())
    gone, changed = (str(p.relative_to(out)) for p in paths[:2])
    report["instances"] = [i for i in report["instances"] if i["output"] != gone]
    for entry in report["instances"]:
        if entry["output"] == changed:
            entry["sha256"] = digest_of(paths[1])
    (out / "scrub-report.json").write_text(json.dumps(report))
    assert sorted(verify(out, "v1")) == sorted([f"{gone} is missing", f"{changed} was changed"])
    release(out, "v2", "v1", unproven=True)
    found = difference(out / "releases" / "v1", out / "releases" / "v2")
    assert (found.removed, found.changed, found.columns) == ((gone,), (changed,), {"series_description": 1})
    assert not found.only_adds and "`series_description` differs in 1 instances" in told(found, "v2", "v1")


@pytest.mark.parametrize("name", [*KEPT, RECORD])
def test_every_change_of_a_release_is_found(out, name):
    file = out / "releases" / "v1" / name
    file.chmod(0o644)
    file.write_bytes(file.read_bytes().replace(b"v1", b"v9") + b"\n")
    if name == RECORD:
        with pytest.raises(UsageError, match="record"):
            verify(out, "v1")
        return
    assert verify(out, "v1")


def test_an_earlier_record_cannot_be_exchanged(out):
    release(out, "v2", "", unproven=True)
    record = out / "releases" / "v1" / RECORD
    table = json.loads(record.read_text())
    record.chmod(0o644)
    record.write_text(json.dumps(table | {"instances": 3}))
    assert verify(out, "v2") == ["the earlier release v1 is missing or was changed"]


def test_releases_do_not_change_and_are_read_only(out):
    with pytest.raises(UsageError, match="do not change"):
        release(out, "v1", unproven=True)
    assert {p.stat().st_mode & 0o777 for p in (out / "releases" / "v1").iterdir()} == {0o444}


@pytest.mark.parametrize("tag", ["", "../x", "a/b", ".x", "x" * 65, "v 1"])
def test_tags_that_are_no_tags(out, tag):
    with pytest.raises(UsageError):
        release(out, tag, unproven=True)
    with pytest.raises(UsageError):
        verify(out, tag)
    with pytest.raises(UsageError):
        release(out, "v2", tag or "none", unproven=True)


def test_what_the_report_does_not_know_is_not_released(out):
    stranger = out / "stranger.dcm"
    stranger.write_bytes(saved(make_instance()))
    with pytest.raises(UsageError, match="1 files are unknown"):
        release(out, "v2", unproven=True)
    stranger.unlink()
    file = next(out.rglob("*/*.dcm"))
    file.write_bytes(file.read_bytes() + b"\0\0")
    with pytest.raises(UsageError, match="not what was released"):
        release(out, "v2", unproven=True)
    assert [r.tag for r in releases(out)] == ["v1"] and not list(out.glob(".scrub-partial*/*"))


def test_folders_that_are_no_output_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no output folder"):
        release(tmp_path, "v1", unproven=True)


def test_a_resumed_run_leaves_releases_alone_and_verify_accepts_them(resumable, capsys):
    out = resumable
    before = sorted(str(p) for p in (out / "releases").rglob("*"))
    assert run(out.parent / "in", out, "--resume") == 0
    assert sorted(str(p) for p in (out / "releases").rglob("*")) == before and verify(out, "v1") == []
    main(["verify", str(out), "--jobs", "0"])
    assert "no account names" not in capsys.readouterr().out


def test_names_of_release_files():
    assert is_release_file("catalog.parquet") and is_release_file("releases/v1/release.json")
    for strange in ("release.json", "releases/v1/x.dcm", "a/catalog.parquet", "releases/a/b/CHANGES.md", "x"):
        assert not is_release_file(strange)


def test_bids_like_folders(first, tmp_path):
    target = tmp_path / "bids"
    assert write_layout(first / "out", "v1", target, "bids") == 4
    names = sorted(str(p.relative_to(target)) for p in target.rglob("*.dcm"))
    assert len(names) == 4
    assert all(n.split("/")[1] == "ses-01" and n.endswith("_run-0001_us.dcm") for n in names)
    table = (target / "participants.tsv").read_text().splitlines()
    assert table[0] == "participant_id\tage\tsex" and {line.split("\t")[0] for line in table[1:]} == {
        n.split("/")[0] for n in names}
    assert json.loads((target / "dataset_description.json").read_text())["BIDSVersion"]


def test_a_dicomdir(first, tmp_path):
    target = tmp_path / "medium"
    assert write_layout(first / "out", "v1", target, "dicomdir") == 4
    medium = FileSet(target / "DICOMDIR")
    assert len(medium) == 4
    uids = {dcmread(p, stop_before_pixels=True).SOPInstanceUID for p in (first / "out").rglob("*.dcm")}
    assert {instance.SOPInstanceUID for instance in medium} == uids
    written = {digest_of(Path(instance.path)) for instance in medium}
    assert written == set(read_manifest(first / "out" / "SHA256SUMS").values()), "byte for byte as released"


def test_layouts_go_to_new_folders_outside_of_out(first, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    for target in (tmp_path / "full", first / "out" / "bids"):
        with pytest.raises(UsageError):
            write_layout(first / "out", "v1", target, "bids")
    assert os.listdir(tmp_path) == ["full"]


def test_the_commands(out, capsys):
    assert main(["release", str(out), "--tag", "v2", "--unproven"]) == 0
    assert main(["release", "list", str(out)]) == 0
    assert main(["release", "verify", str(out)]) == 0
    assert main(["release", "diff", str(out), "v1", "v2"]) == 0
    assert main(["release", "diff", str(out), "v1", "no"]) == 2
    assert main(["release", "layout", str(out), str(out.parent / "b"), "--tag", "v1", "--kind", "bids"]) == 0
    next(out.rglob("*/*.dcm")).unlink()
    assert main(["release", "verify", str(out), "--tag", "v1", "-f", "jsonl"]) == 1
    assert "is missing" in capsys.readouterr().out


def test_what_is_not_proven_is_not_released_unasked(out, capsys):
    assert main(["release", str(out), "--tag", "v2"]) == 2
    assert "4 instances do not claim Patient Identity Removed" in capsys.readouterr().err
    assert [r.tag for r in releases(out)] == ["v1"] and not list(out.glob(".scrub-partial*/*"))
    page = (out / "datasheet.html").read_text()
    assert "A de-identified dataset" not in page and "do not claim" in page


def test_a_release_killed_on_its_way_leaves_nothing_of_its_name(out, monkeypatch):
    """Whatever step the process dies at: no tag, or the whole release; and the next try succeeds."""
    import scrub_pixels.catalog.release as module

    for step in ("make_catalog", "datasheet", "_recorded", "_publish"):
        def die(*arguments, **named):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(module, step, die)
            with pytest.raises(KeyboardInterrupt):
                release(out, "v2", unproven=True)
        assert [r.tag for r in releases(out)] == ["v1"] and verify(out, "v1") == []
        assert not list(out.glob(".scrub-partial*/*"))
    assert release(out, "v2", unproven=True).instances == 4


def test_a_run_makes_a_release_when_it_is_through(tmp_path, capsys):
    add(tmp_path / "in", range(2))
    out = tmp_path / "out"
    command = [str(tmp_path / "in"), str(out), "--jobs", "0", "--profile", "research", "--release"]
    assert main([*command, "v1"]) == 0
    assert "Release    v1: 2 instances of 2 patients" in capsys.readouterr().out
    assert [record.tag for record in releases(out)] == ["v1"] and verify(out, "v1") == []
    add(tmp_path / "in", range(3))
    assert main([*command, "v1", "--resume"]) == 2, "what has that name does not change"
    assert len(read_manifest(out / MANIFEST)) == 2
    assert main([*command, "v2", "--resume"]) == 0
    assert [record.instances for record in releases(out)] == [2, 3]


@pytest.mark.parametrize("more", [["--release", "no tag"], ["--release", "v1", "--header-only"]])
def test_releases_that_cannot_be_made_are_refused_before_the_run(tmp_path, more):
    add(tmp_path / "in", range(1))
    assert main([str(tmp_path / "in"), str(tmp_path / "out"), "--jobs", "0", "-q", *more]) == 2
    assert not (tmp_path / "out").exists()

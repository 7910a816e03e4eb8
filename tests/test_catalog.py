"""Catalogs as files: every form, incremental, resumable, private; and questions to them."""

import csv
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from scrub_pixels.catalog import load_columns
from scrub_pixels.catalog.formats import ROWS_A_GROUP, cell, form_of, open_catalog, schema_of, sink
from scrub_pixels.catalog.merging import OutOfOrder, old_folders
from scrub_pixels.catalog.outline import tree
from scrub_pixels.catalog.pages import rendered
from scrub_pixels.catalog.parts import Batch, as_table, read_batch
from scrub_pixels.catalog.query import Question, ask
from scrub_pixels.catalog.rows import File, stored_name
from scrub_pixels.catalog.scan import Order, about_now, make_catalog
from scrub_pixels.catalog.summary import summary_page
from scrub_pixels.catalog.walk import folder_key, walk
from scrub_pixels.cli import main
from scrub_pixels.errors import UsageError, WorkspaceError
from scrub_pixels.run.discovery import discover
from scrub_pixels.store.atomic import MARKER
from tests.instances import make_instance, saved

FORMS = ["c.parquet", "c.duckdb", "c.sqlite", "c.csv", "parts"]
DATA = saved(make_instance(Modality="US", PatientID="SENTINEL-1", StudyDate="20240101"))


@pytest.fixture
def archive(tmp_path):
    """A folder with instances in several places, a zip archive, and other files."""
    root = tmp_path / "in"
    for name in ("b/2.dcm", "b/1.dcm", "a b/x", "a/deep/y.dcm", "top.dcm", "a.c/z"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(saved(make_instance(InstanceNumber=len(name), Modality="US")))
    (root / "notes.txt").write_text("no DICOM")
    with zipfile.ZipFile(root / "a" / "many.zip", "w") as packed:
        packed.writestr("in/1.dcm", DATA)
        packed.writestr("2", DATA)
        packed.writestr("readme", b"x")
    return root


def paths(catalog: Path) -> list[str]:
    return [path for batch in open_catalog(catalog).batches(["path"]) for path in batch.column(0).to_pylist()]


def order(root: Path, name: str = "c.parquet", **more) -> Order:
    return Order(root, root.parent / name, **more)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_holds_the_same_rows_and_types(archive, name):
    made = make_catalog(order(archive, name))
    assert (made.rows, made.read) == (10, 8)
    with ask(open_catalog(archive.parent / name)) as asked:
        rows = asked.rows("SELECT path, modality, rows, study_date, error, member, icon, typeof(rows) AS t, "
                          "typeof(study_date) AS d FROM catalog ORDER BY path")
    assert [row["path"] for row in rows] == sorted(
        ["top.dcm", "notes.txt", "a/many.zip/in/1.dcm", "a/many.zip/2", "a/many.zip/readme", "a/deep/y.dcm",
         "a b/x", "a.c/z", "b/1.dcm", "b/2.dcm"])
    found = {row["path"]: row for row in rows}
    assert found["notes.txt"]["error"] == "not-dicom" and found["notes.txt"]["rows"] is None
    assert found["a/many.zip/2"]["member"] == 1 and found["a/many.zip/2"]["study_date"].year == 2024
    assert found["top.dcm"]["rows"] == 36 and found["top.dcm"]["icon"] is False
    assert {(row["t"], row["d"]) for row in rows} == {("BIGINT", "DATE")}


@pytest.mark.parametrize("name", [name for name in FORMS if name != "c.csv"])
def test_a_second_scan_reads_only_what_has_changed(archive, name):
    make_catalog(order(archive, name))
    stamp = (archive.parent / name).stat().st_mtime_ns
    made = make_catalog(order(archive, name))
    assert (made.read, made.kept, made.rows) == (0, 10, 10)
    assert (archive.parent / name).stat().st_mtime_ns == stamp, "an unchanged catalog is left alone"
    (archive / "b" / "1.dcm").unlink()
    (archive / "b" / "0.dcm").write_bytes(DATA)
    (archive / "a b" / "x").write_bytes(saved(make_instance(Rows=99)))
    (archive / "new").mkdir()
    (archive / "new" / "n.dcm").write_bytes(DATA)
    made = make_catalog(order(archive, name))
    assert (made.read, made.kept, made.rows) == (3, 8, 11)
    fresh = order(archive, "fresh.parquet")
    make_catalog(fresh)
    assert paths(archive.parent / name) == paths(fresh.target)
    with ask(open_catalog(archive.parent / name)) as asked:
        assert asked.rows("SELECT rows FROM catalog WHERE path = 'a b/x'") == [{"rows": 99}]


def test_a_folder_of_parts_set_aside_by_a_killed_scan_is_found_again(archive):
    asked = order(archive, "parts")
    make_catalog(asked)
    asked.parts.mkdir(mode=0o700)
    os.rename(asked.target, asked.parts / "replaced")
    made = make_catalog(asked)
    assert (made.read, made.kept, made.rows) == (0, 10, 10) and not asked.parts.exists()
    assert len(paths(asked.target)) == 10


def test_paths_are_those_of_the_inputs_of_a_run(archive):
    make_catalog(order(archive))
    found = [stored_name(source.relative) for source in discover(archive)]
    assert sorted(found) == sorted(paths(order(archive).target))


def test_a_changed_archive_is_read_again_whole(archive):
    make_catalog(order(archive))
    with zipfile.ZipFile(archive / "a" / "many.zip", "a") as packed:
        packed.writestr("3.dcm", DATA)
    made = make_catalog(order(archive))
    assert (made.read, made.kept, made.rows) == (1, 7, 11)


def test_other_columns_make_a_new_catalog(archive):
    make_catalog(order(archive))
    made = make_catalog(order(archive, own=("ImageComments",)))
    assert made.read == 8 and "image_comments" in open_catalog(order(archive).target).about.columns.names


def test_processes_give_what_one_gives(archive):
    make_catalog(order(archive))
    make_catalog(order(archive, "p.parquet", jobs=2))
    names = [c.name for c in load_columns() if c.name != "made"]
    one, two = ([b.to_pylist() for b in open_catalog(archive.parent / name).batches(names)]
                for name in ("c.parquet", "p.parquet"))
    assert one == two


def test_a_killed_scan_is_gone_on_with(archive):
    """What finished parts hold is not read again, and the result is as if nothing had happened."""
    asked = order(archive)
    asked.parts.mkdir(mode=0o700)
    folder = next(f for f in walk(archive) if f.relative == "b")
    files = [File(f"{folder.path}/{real}", folder.stored(name), size, modified)
             for real, (name, size, modified) in zip(folder.real, folder.entries, strict=True)]
    read_batch(Batch(5, tuple(files), (), str(asked.parts)))
    (asked.parts / "part-000000009.unfinished").write_bytes(b"half")
    made = make_catalog(asked)
    assert (made.read, made.kept, made.rows) == (6, 2, 10)
    make_catalog(order(archive, "fresh.parquet"))
    assert paths(asked.target) == paths(archive.parent / "fresh.parquet") and not asked.parts.exists()


def test_a_scan_killed_for_real_leaves_no_catalog_and_is_gone_on_with(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    for number in range(1500):
        (root / f"{number:04}.dcm").write_bytes(DATA)
    code = ("import sys; from pathlib import Path; from scrub_pixels.catalog.scan import *;"
            "make_catalog(Order(Path(sys.argv[1]), Path(sys.argv[2])))")
    asked = order(root)
    child = subprocess.Popen([sys.executable, "-c", code, str(root), str(asked.target)])
    while child.poll() is None and not list(asked.parts.glob("part-*.arrow")):
        time.sleep(0.001)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not asked.target.exists() or child.returncode == 0
    made = make_catalog(asked)
    assert made.rows == 1500 and made.read < 1500 and not asked.parts.exists()


def test_only_one_scan_at_a_time(archive):
    import fcntl

    asked = order(archive)
    asked.parts.mkdir()
    lock = os.open(asked.parts, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(WorkspaceError, match="Another run"):
        make_catalog(asked)
    os.close(lock)


def test_a_catalog_is_private_and_never_below_an_output_folder(archive):
    make_catalog(order(archive))
    make_catalog(order(archive, "parts"))
    assert order(archive).target.stat().st_mode & 0o777 == 0o600
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in (archive.parent / "parts").iterdir())
    out = archive.parent / "out"
    out.mkdir()
    (out / MARKER).write_text("")
    with pytest.raises(UsageError, match="identifiers"):
        make_catalog(order(archive, "out/c.parquet"))
    with pytest.raises(UsageError, match="output folder"):
        make_catalog(order(archive, "out/c.parquet", released=True))
    assert "SENTINEL" not in repr(File("SENTINEL", "SENTINEL", 1, 1))


@pytest.mark.parametrize("name", ["c.xlsx", "c.parquet/x.csv", "missing/c.csv"])
def test_targets_that_cannot_be_meant(archive, name):
    with pytest.raises(UsageError):
        make_catalog(order(archive, name))


def test_damaged_catalogs_are_refused_as_questions_and_replaced_as_targets(archive):
    target = order(archive).target
    target.write_bytes(b"PAR1 nonsense")
    with pytest.raises(UsageError, match="damaged"):
        open_catalog(target)
    assert make_catalog(order(archive)).rows == 10
    with pytest.raises(UsageError, match="no catalog of that name"):
        open_catalog(target.with_name("none.parquet"))


def test_a_catalog_in_another_order_is_not_built_upon(archive):
    import pyarrow.parquet as pq

    make_catalog(order(archive))
    target = order(archive).target
    table = pq.read_table(target)
    pq.write_table(table.take(list(range(table.num_rows))[::-1]).replace_schema_metadata(table.schema.metadata),
                   target)
    with pytest.raises(OutOfOrder):
        list(old_folders(open_catalog(target)))
    assert make_catalog(order(archive)).read == 8


def test_folders_sort_as_they_are_walked(archive):
    keys = [folder_key(folder.relative) for folder in walk(archive)]
    assert keys == sorted(keys) and len(keys) == 6


def test_names_that_are_not_unicode_and_links(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    with open(os.fsencode(root) + b"/bad\xff.dcm", "wb") as file:
        file.write(DATA)
    (root / "again").symlink_to(root)
    (root / "=cmd.dcm").write_bytes(DATA)
    asked = order(root)
    assert make_catalog(asked).rows == 2 and make_catalog(asked).read == 0
    assert paths(asked.target) == ["=cmd.dcm", "bad\\xff.dcm"]


def test_csv_cells_are_no_formulas(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    (root / "=1+1.dcm").write_bytes(saved(make_instance(SeriesDescription="@SUM(A1)", SeriesNumber="-3")))
    make_catalog(order(root, "c.csv"))
    row = next(csv.DictReader((tmp_path / "c.csv").open(encoding="utf-8")))
    assert (row["path"], row["series_description"], row["series_number"]) == ("'=1+1.dcm", "'@SUM(A1)", "-3")
    assert [cell(x) for x in ("+1", "-1", "a", -1, None)] == ["'+1", "'-1", "a", -1, None]


@pytest.mark.parametrize("bad", [
    "1=1); DROP VIEW catalog; SELECT (1", "path IN (SELECT content FROM read_text('/etc/passwd'))",
    "1=1) UNION ALL SELECT * FROM read_csv('/etc/passwd') WHERE (1=1", "no_such_column = 1",
    "path IN (SELECT file FROM glob('/etc/*'))", "CAST(patient_id AS INT) > 3",
])
def test_questions_cannot_reach_beyond_the_catalog(archive, bad):
    make_catalog(order(archive))
    with ask(open_catalog(order(archive).target)) as asked, pytest.raises(UsageError) as caught:
        list(asked.chosen(Question(where=bad)))
    assert "SENTINEL" not in str(caught.value) and caught.value.exit_code == 2


@pytest.mark.parametrize("statement", [
    "COPY catalog TO 'x.csv'", "ATTACH 'x.db'", "SET enable_external_access = true", "INSTALL httpfs",
    "CREATE TABLE t AS SELECT 1", "EXPORT DATABASE 'x'", "PRAGMA version", "SELECT 1; SELECT 2",
])
def test_only_one_select_is_taken(archive, statement, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_catalog(order(archive))
    before = sorted(tmp_path.rglob("*"))
    with ask(open_catalog(order(archive).target)) as asked, pytest.raises(UsageError):
        asked.run(statement)
    assert sorted(tmp_path.rglob("*")) == before


def test_pages_escape_what_headers_say(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    evil = "<script>alert(1)</script>"
    (root / "x.dcm").write_bytes(saved(make_instance(Manufacturer=evil, BodyPartExamined=evil)))
    make_catalog(order(root))
    with ask(open_catalog(order(root).target)) as asked:
        page = rendered(summary_page(asked))
    assert "<script>alert" not in page and "&lt;script&gt;" in page and "http" not in page.split("<main")[1]


def test_the_commands(archive, capsys, tmp_path):
    target = str(order(archive).target)
    assert main(["catalog", str(archive), "-o", target, "-j", "0", "-q"]) == 0
    assert main(["catalog", "summary", target, "--html", str(tmp_path / "s.html")]) == 0
    assert main(["catalog", "tree", target, "--level", "instance"]) == 0
    assert main(["catalog", "query", target, "--where", "instance_number = 7", "--columns", "path", "-f",
                 "csv"]) == 0
    assert main(["catalog", "columns"]) == 0
    assert main(["catalog", "sql", target, "SELECT error, count(*) AS n FROM catalog GROUP BY ALL", "-f",
                 "jsonl"]) == 0
    assert main(["catalog", "sql", target, "DROP TABLE catalog"]) == 2
    assert main(["catalog", "query", target, "--where", "error = 'not-dicom'", "--columns", "path"]) == 0
    assert main(["catalog", "query", target, "--where", "nonsense"]) == 2
    shown = capsys.readouterr()
    assert "SENTINEL-1" in shown.out and "notes.txt" in shown.out and "KVP" in shown.out
    assert '{"error": "not-dicom", "n": 2}' in shown.out
    assert (tmp_path / "s.html").stat().st_mode & 0o777 == 0o600
    with ask(open_catalog(Path(target))) as asked:
        assert tree(asked, "patient").children


def test_the_form_of_a_name():
    assert [form_of(Path(n)) for n in ("a.parquet", "a.duckdb", "a.db", "a.CSV", "folder")] == [
        "parquet", "duckdb", "sqlite", "csv", "folder"]


@pytest.mark.parametrize("name", ["in/c.parquet", "in/parts", "in/b/c.duckdb"])
def test_a_catalog_among_the_files_does_not_list_itself(archive, name):
    assert make_catalog(order(archive, name)).rows == 10
    made = make_catalog(order(archive, name))
    assert (made.rows, made.read, made.dropped) == (10, 0, 0)


def test_a_missing_library_is_named_with_its_remedy(archive, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["catalog", str(archive), "-o", str(archive.parent / "c.parquet"), "-j", "0"]) == 3
    assert "pip install" in capsys.readouterr().err and not (archive.parent / "c.parquet").exists()


def test_a_catalog_of_an_output_folder_may_stand_in_it(tmp_path):
    out = tmp_path / "out"
    (out / "a").mkdir(parents=True)
    (out / MARKER).write_text("")
    (out / "a" / "1.dcm").write_bytes(DATA)
    (out / "scrub-report.json").write_text("{}")
    assert main(["catalog", str(out), "-o", str(out / "catalog.csv"), "--deidentified", "-j", "0", "-q"]) == 0
    assert len((out / "catalog.csv").read_text().splitlines()) == 2
    assert main(["catalog", str(out), "-o", str(out / "private.csv"), "-j", "0", "-q"]) == 2


def test_rows_do_not_wait_for_one_another_in_memory(tmp_path):
    import pyarrow.parquet as pq

    columns = load_columns()
    rows = [[None] * len(list(columns))] * 700
    path = tmp_path / "c.parquet"
    with sink(path, "parquet", columns, about_now(Order(tmp_path, path))) as written:
        for _ in range(50):
            written.write(as_table(rows, schema_of(columns)))
            assert written._rows < ROWS_A_GROUP
    found = pq.ParquetFile(path).metadata
    sizes = [found.row_group(n).num_rows for n in range(found.num_row_groups)]
    assert sizes == [ROWS_A_GROUP, ROWS_A_GROUP, 700 * 50 - 2 * ROWS_A_GROUP]

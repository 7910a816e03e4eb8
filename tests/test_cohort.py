"""Cohorts: named questions, reproducible samples, and what has changed since."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from scrub_pixels.catalog.cohort import (
    chosen_paths,
    compare,
    folder_of,
    load,
    named,
    question_from,
    save,
    saved,
)
from scrub_pixels.catalog.formats import open_catalog
from scrub_pixels.catalog.query import Question, Sample, ask
from scrub_pixels.catalog.scan import Order, make_catalog
from scrub_pixels.cli import main
from scrub_pixels.errors import UsageError
from tests.instances import make_instance
from tests.instances import saved as file_of

BIG = Question(where="rows >= 40")


@pytest.fixture
def catalog(tmp_path):
    """Forty instances of ten patients, three quarters of them ultrasound."""
    root = tmp_path / "in"
    root.mkdir()
    for n in range(40):
        dataset = make_instance(PatientID=f"P{n % 10}", Modality="US" if n % 4 else "OT", Rows=20 + n,
                                SOPInstanceUID=f"1.2.{n}", StudyInstanceUID=f"1.3.{n % 10}")
        (root / f"{n:02}.dcm").write_bytes(file_of(dataset))
    (root / "notes.txt").write_text("x")
    make_catalog(Order(root, tmp_path / "c.parquet"))
    return tmp_path / "c.parquet"


def chosen(catalog: Path, question: Question) -> list[str]:
    with ask(open_catalog(catalog)) as asked:
        return [row[0] for row in asked.chosen(question)]


def test_a_condition_and_a_query_choose_the_same(catalog):
    by_sql = Question(sql="SELECT path FROM catalog WHERE rows >= 40;")
    assert chosen(catalog, BIG) == chosen(catalog, by_sql) == [f"{n:02}.dcm" for n in range(20, 40)]
    assert len(chosen(catalog, Question())) == 40, "files that are no instances are in no cohort"


def test_samples_repeat_and_depend_on_the_seed_only(catalog):
    first = chosen(catalog, Question(sample=Sample(7)))
    assert len(first) == 7 == len(set(first)) and first == chosen(catalog, Question(sample=Sample(7)))
    assert first != chosen(catalog, Question(sample=Sample(7, seed=1)))
    assert set(first) < set(chosen(catalog, Question(sample=Sample(8)))), "a larger sample holds the smaller"


def test_a_sample_is_the_first_in_the_order_of_a_hash_and_stays_so_in_later_versions(catalog):
    def draw(uid: str) -> str:
        return hashlib.md5(f"3\x1f{uid}".encode(), usedforsecurity=False).hexdigest()

    names = sorted((draw(f"1.2.{n}"), f"{n:02}.dcm") for n in range(40))
    assert chosen(catalog, Question(sample=Sample(9, seed=3))) == sorted(name for _, name in names[:9])
    patients = sorted((draw(f"P{n}"), n) for n in range(10))[:2]
    rows = chosen(catalog, Question(sample=Sample(2, "patient", seed=3)))
    assert {int(name[:2]) % 10 for name in rows} == {n for _, n in patients} and len(rows) == 8


def test_samples_of_patients_are_whole(catalog):
    rows = chosen(catalog, Question(sample=Sample(3, "patient")))
    assert Counter(int(name[:2]) % 10 for name in rows).most_common() and len(rows) == 12


def test_strata_are_represented_in_proportion(catalog):
    rows = chosen(catalog, Question(sample=Sample(12, stratify="modality")))
    assert Counter("US" if int(name[:2]) % 4 else "OT" for name in rows) == {"US": 9, "OT": 3}


def test_samples_that_cannot_be_meant(catalog):
    for bad in (lambda: Sample(0), lambda: Sample(1, "frame"), lambda: Question("a", "b"),
                lambda: chosen(catalog, Question(sample=Sample(1, stratify='x" FROM catalog --')))):
        with pytest.raises(UsageError):
            bad()


def test_a_saved_cohort_tells_what_has_changed(catalog, tmp_path):
    cohort = save(open_catalog(catalog), "big", BIG)
    assert cohort.count == 20 and len(cohort.digest) == 64
    again = compare(open_catalog(catalog), named(catalog, "big"))
    assert again.same and again.now.digest == cohort.digest
    (tmp_path / "in" / "39.dcm").unlink()
    (tmp_path / "in" / "x.dcm").write_bytes(file_of(make_instance(Rows=99, SOPInstanceUID="1.9")))
    (tmp_path / "in" / "38.dcm").write_bytes(file_of(make_instance(Rows=98, SOPInstanceUID="1.2.38")))
    make_catalog(Order(tmp_path / "in", catalog))
    changed = compare(open_catalog(catalog), named(catalog, "big"))
    assert (changed.added, changed.removed, changed.changed) == (("x.dcm",), ("39.dcm",), ("38.dcm",))
    assert changed.now.digest != cohort.digest and not changed.same


def test_cohorts_are_private_files_that_other_tools_can_read(catalog):
    save(open_catalog(catalog), "big", Question("rows >= 40", sample=Sample(5, "patient", 3)))
    folder = folder_of(catalog)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    file = named(catalog, "big")
    assert load(file).question.sample == Sample(5, "patient", 3)
    assert question_from(file) == load(file).question
    with ask(open_catalog(catalog)) as asked:
        assert len(asked.rows(file.read_text())) == load(file).count
    assert [cohort.name for cohort in saved(catalog)] == ["big"]


@pytest.mark.parametrize("name", ["../x", "", "a b", ".hidden", "x" * 65])
def test_names_that_are_no_names(catalog, name):
    with pytest.raises(UsageError):
        save(open_catalog(catalog), name, BIG)
    with pytest.raises(UsageError):
        named(catalog, name or "?")


def test_damaged_cohorts_are_refused(catalog, tmp_path):
    for text in ("", "SELECT 1", "-- {}\n", "-- {\"question\": 3}\n", "\0\xff"):
        (tmp_path / "c.sql").write_text(text)
        with pytest.raises(UsageError):
            load(tmp_path / "c.sql")


def test_the_inputs_of_a_run_are_those_of_its_own_folder(catalog, tmp_path):
    assert len(chosen_paths(catalog, BIG, tmp_path / "in")) == 20
    with pytest.raises(UsageError, match="another folder"):
        chosen_paths(catalog, BIG, tmp_path)
    with pytest.raises(UsageError, match="No instance"):
        chosen_paths(catalog, Question("rows > 10000"), tmp_path / "in")


def test_the_commands(catalog, capsys):
    assert main(["cohort", "save", str(catalog), "us", "--where", "modality = 'US'", "--sample", "5"]) == 0
    assert main(["cohort", "list", str(catalog), "--format", "jsonl"]) == 0
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["name"], line["instances"]) == ("us", 5)
    assert main(["cohort", "show", str(catalog), "us"]) == 0
    assert main(["cohort", "show", str(catalog), "none"]) == 2
    assert main(["cohort", "save", str(catalog), "x", "--where", "1=1", "--sql", "y"]) == 2


def test_a_run_may_be_about_a_cohort_only(catalog, tmp_path, capsys):
    save(open_catalog(catalog), "big", Question("rows >= 57"))
    source, out = str(tmp_path / "in"), str(tmp_path / "out")
    plain = ["--header-only", "--jobs", "0", "--catalog", str(catalog)]
    assert main([source, out, *plain, "--cohort", "big"]) in (0, 1)
    report = json.loads((tmp_path / "out" / "scrub-report.json").read_text())
    assert report["totals"]["inputs"] == 3 and report["totals"]["closed"]
    assert main([source, out, *plain, "--where", "rows = 56", "--resume"]) in (0, 1)
    report = json.loads((tmp_path / "out" / "scrub-report.json").read_text())
    assert report["totals"]["inputs"] == 4 and report["totals"]["closed"]
    assert main([source, str(tmp_path / "o2"), "--where", "rows = 56"]) == 2
    assert main([source, str(tmp_path / "o2"), *plain, "--where", "x", "--cohort", "y"]) == 2
    assert main([source, str(tmp_path / "o2"), *plain, "--where", "rows = 1"]) == 2
    capsys.readouterr()

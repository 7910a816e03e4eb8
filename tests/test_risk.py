"""Residual risk: how many patients share what is kept, and what each option costs."""

import pytest

from scrub_pixels.catalog.formats import open_catalog
from scrub_pixels.catalog.pages import rendered
from scrub_pixels.catalog.query import ask
from scrub_pixels.catalog.risk import COARSER, OPTIONS, assess, option_rows, risk_page
from scrub_pixels.catalog.scan import Order, make_catalog
from scrub_pixels.cli import main
from tests.instances import make_instance, saved


@pytest.fixture
def catalog(tmp_path):
    """Ten patients: six alike, three who differ in their device only, one of 93 years."""
    root = tmp_path / "in"
    root.mkdir()
    for n in range(10):
        dataset = make_instance(PatientID=f"P{n}", PatientSex="F", PatientAge="093Y" if n == 9 else "041Y",
                                Manufacturer="Rare" if n in (6, 7, 8) else "ACME", Modality="US",
                                StudyDate="20240102")
        for copy in range(2):
            dataset.SOPInstanceUID = f"1.2.{n}.{copy}"
            (root / f"{n}-{copy}.dcm").write_bytes(saved(dataset))
    make_catalog(Order(root, tmp_path / "c.parquet"))
    return tmp_path / "c.parquet"


def risk_of(catalog, k=5):
    with ask(open_catalog(catalog)) as asked:
        return assess(asked, k)


def test_patients_are_counted_not_instances(catalog):
    found = risk_of(catalog)
    whole = found.whole
    assert (whole.patients, whole.classes, whole.least, whole.unique, whole.below) == (10, 3, 1, 1, 4)
    assert found.kept == ("age", "sex", "study_date", "manufacturer", "modality")
    assert dict(found.sizes) == {"1": 1, "2–4": 3, "5–10": 6, "11–19": 0, "20 or more": 0}


def test_what_each_option_costs(catalog):
    rows = {(row["what"], row["how"]): row for row in option_rows(risk_of(catalog))}
    assert rows["Device Identity", "without"]["below_5"] == 1
    assert rows["Device Identity", "without"]["fewer_rare_patients"] == 3
    assert rows["Patient Characteristics", "without"]["below_5"] == 3
    assert rows["sex", "without"]["fewer_rare_patients"] == 0
    assert rows["age in bands of 10 years", "coarser"]["unique_patients"] == 1


def test_rare_combinations_are_listed(catalog):
    rare = risk_of(catalog).rare
    assert [(row["patients"], row["manufacturer"]) for row in rare] == [(1, "ACME"), (3, "Rare")]
    assert rare[0]["age"] == "93" and rare[0]["one_of_them"] == "P9"


def test_nobody_is_rare_where_all_are_alike(catalog):
    with ask(open_catalog(catalog)) as asked:
        from scrub_pixels.catalog.query import Question

        found = assess(asked.narrowed(Question("patient_id IN ('P0', 'P1', 'P2', 'P3', 'P4')")), 5)
    assert found.whole.below == 0 and not found.rare and "Every patient shares" in rendered(risk_page(found))


def test_an_empty_catalog_has_a_page(tmp_path):
    (tmp_path / "in").mkdir()
    make_catalog(Order(tmp_path / "in", tmp_path / "c.parquet"))
    assert "0" in rendered(risk_page(risk_of(tmp_path / "c.parquet")))


def test_the_tables_name_columns_that_exist(catalog):
    names = {name for group in OPTIONS.values() for name in group}
    assert {name for name, _ in COARSER.values()} <= names


def test_the_command(catalog, tmp_path, capsys):
    page = tmp_path / "risk.html"
    assert main(["risk", str(catalog), "--html", str(page)]) == 10
    assert main(["risk", str(catalog), "-k", "1"]) == 2 or main(["risk", str(catalog), "--k", "1"]) == 2
    assert page.stat().st_mode & 0o777 == 0o600 and "Rare combinations" in page.read_text()
    assert "4 share what is kept with fewer than 5" in capsys.readouterr().out

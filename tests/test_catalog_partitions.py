"""A catalog by the values of a column: the same rows, in folders that other engines read as one table."""

from __future__ import annotations

from pathlib import Path

import pyarrow.dataset as ds
import pytest

from scrub_pixels.catalog.formats import open_catalog
from scrub_pixels.catalog.scan import Order, make_catalog
from scrub_pixels.cli import main
from tests.instances import make_instance, saved


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    (root / "in").mkdir()
    for number, modality in enumerate(["US", "CT", "US", "", "A/../B"]):
        dataset = make_instance(Modality=modality, InstanceNumber=number)
        (root / "in" / f"{number}.dcm").write_bytes(saved(dataset))
    (root / "in" / "note.txt").write_text("no image")
    make_catalog(Order(root / "in", root / "c.parquet"))
    return root / "c.parquet"


def test_partitions_hold_the_rows_of_the_catalog(catalog, tmp_path, capsys):
    target = tmp_path / "by"
    assert main(["catalog", "partition", str(catalog), str(target)]) == 0
    assert capsys.readouterr().out == "4 partitions written.\n"
    read = ds.dataset(target, partitioning="hive").to_table().to_pylist()
    rows = [row for batch in open_catalog(catalog).batches() for row in batch.to_pylist()]
    assert {(r["path"], r["modality"], r["rows"]) for r in read} == {(r["path"], r["modality"], r["rows"])
                                                                    for r in rows}
    assert len(read) == len(rows) == 6
    assert "modality=US" in {path.name for path in target.iterdir()}
    assert target.stat().st_mode & 0o077 == 0 and list(tmp_path.iterdir()) == [target]


def test_a_selection_can_be_partitioned(catalog, tmp_path):
    assert main(["catalog", "partition", str(catalog), str(tmp_path / "by"), "--where", "modality = 'US'",
                 "--by", "instance_number"]) == 0
    assert {p.name for p in (tmp_path / "by").iterdir()} == {"instance_number=0", "instance_number=2"}


@pytest.mark.parametrize("more", [["--by", "nothing"], ["--by", 'path" FROM catalog --']])
def test_columns_that_are_none_are_refused(catalog, tmp_path, more):
    assert main(["catalog", "partition", str(catalog), str(tmp_path / "by"), *more]) == 2
    assert not list(tmp_path.iterdir())


def test_folders_that_are_there_or_stand_in_out_are_refused(catalog, tmp_path):
    (tmp_path / "there").mkdir()
    assert main(["catalog", "partition", str(catalog), str(tmp_path / "there")]) == 2
    assert not list((tmp_path / "there").iterdir())


def test_a_column_of_too_many_values_is_refused(catalog, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("scrub_pixels.catalog.partitions.MOST_PARTITIONS", 3)
    assert main(["catalog", "partition", str(catalog), str(tmp_path / "by")]) == 2
    assert "4 values" in capsys.readouterr().err and not list(tmp_path.iterdir())

"""A thinned grid: nothing wrong, nothing crashed, whatever syntax, photometric, depth, sign or plane."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from benchmarks import grid
from scrub_pixels.frames import TRANSFER_SYNTAXES, Redact

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
THIN = 41


@pytest.fixture(scope="module")
def found():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return grid.tally(THIN)


def test_nothing_is_wrong_and_nothing_crashes(found) -> None:
    ends, _, faults = found
    assert faults == []
    assert sum(sum(counter.values()) for counter in ends.values()) > 60


def test_what_is_refused_says_why(found) -> None:
    _, reasons, _ = found
    assert all(reason for counter in reasons.values() for reason in counter)


def test_every_syntax_that_is_not_refused_has_cells() -> None:
    there = {cell.recipe.syntax for cell in grid.cells()}
    assert there == set(TRANSFER_SYNTAXES)


def test_a_wrong_sample_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grid itself can fail."""
    cell = next(cell for cell in grid.cells() if cell.recipe.syntax == grid.known.EXPLICIT_LITTLE)
    dataset, truth = cell.build()
    lie = grid.Cell(cell.recipe, "liar", lambda: (dataset, [frame ^ 1 for frame in truth]))
    assert grid.run(cell).kind == "same"
    assert grid.run(lie).kind == "wrong"


def test_the_readme_has_the_grid_with_a_row_for_each_syntax() -> None:
    block = README[README.index(grid.FIRST) : README.index(grid.LAST)]
    rows = [line for line in block.splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) == len(TRANSFER_SYNTAXES)
    for row, line in zip(TRANSFER_SYNTAXES.values(), rows, strict=True):
        cells = [part.strip() for part in line.strip("|").split("|")]
        assert row.name in cells[0]
        done = cells[2] != "0" or not cells[3].startswith("0")
        assert done is (row.redaction is not Redact.REFUSE)
    assert "0 wrong, 0 crashed" in block

"""Turned text, end to end: screens on which name, date and number run up and down the margins."""

from __future__ import annotations

import pytest

from fixtures import make_fixture
from fixtures.scoring import score_fixture
from scrub_pixels import Held, Policy, Scrubber
from scrub_pixels.header import ProjectKey


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    return Scrubber(Policy(), ProjectKey.from_bytes(bytes(range(32))))


@pytest.mark.parametrize(("seed", "kind"), [(303, "us_grey"), (310, "us_linear"), (330, "us_motion")])
def test_turned_lines_side_by_side_are_removed(scrubber: Scrubber, seed: int, kind: str) -> None:
    fixture = make_fixture(seed, kind, layout="sideways")
    assert sum(text.phi for text in fixture.truth) >= 3
    outcome = scrubber.scrub(fixture.dataset)
    assert not isinstance(outcome, Held)
    score = score_fixture(fixture, outcome.dataset)
    assert [text.truth.kind for text in score.identifying if not text.is_removed] == []
    assert sum(text.is_kept for text in score.harmless) * 2 > len(score.harmless)

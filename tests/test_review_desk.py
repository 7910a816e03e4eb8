"""The desk: what a person decides is done through the pipeline, once, whatever happens in between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from review_cases import SIZE, a_case

from scrub_pixels.decisions import Redaction
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.review.desk import open_desk
from scrub_pixels.review.views import BadDecision, NoSuchEntry, ReviewConflict
from scrub_pixels.store.ledger import open_ledger
from scrub_pixels.store.queue import REVIEWER, Draft, State, Wanted

BOX = Redaction(Region(8, 8, 16, 24), FrameSpan(0, 1), REVIEWER)


@pytest.fixture
def case(tmp_path):
    return a_case(tmp_path)


def ends(case) -> list[str]:
    with open_ledger(case.workspace / "ledger.sqlite") as ledger:
        assert ledger.totals().closed
        return sorted(row.code or row.outcome.value for row in ledger.rows())


def test_a_box_drawn_and_accepted_is_black_in_out_and_nothing_else_changed(case):
    with open_desk(case.workspace) as desk:
        assert desk.left() == 2 and case.released() == []
        claim = desk.claim_next("ann", Wanted(state=State.PENDING))
        view = desk.look(claim.key, "ann")
        assert (view.rows, view.columns, view.frames) == (SIZE, SIZE, 1) and view.window is not None
        view = desk.save_draft(claim.key, "ann", Draft((BOX,)))
        assert view.draft.redactions == (BOX,) and view.can_undo
        assert desk.accept(claim.key, "ann").state is State.ACCEPTED
        assert desk.carry_out() == 1 and desk.carry_out() == 0
        entry = desk.queue.get(claim.key)
        assert entry.state is State.RELEASED and desk.left() == 1
        original = pydicom.dcmread(entry.path).pixel_array
    (file,) = case.released()
    found, expected = pydicom.dcmread(file), original.copy()
    expected[BOX.region.slices] = 0
    assert np.array_equal(found.pixel_array, expected)
    assert "Quixotewski" not in str(found) and found.PatientIdentityRemoved == "YES"
    assert ends(case) == ["held", "released"]

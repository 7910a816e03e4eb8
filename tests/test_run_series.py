"""Siblings of one Series: worked on together, taught by each other, whatever the order or the past."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian
from test_run_campaign import plain, rows, saved

from fixtures import make_fixture
from scrub_pixels import Policy
from scrub_pixels.run import series, work
from scrub_pixels.run.campaign import Campaign, run
from scrub_pixels.run.discovery import discover
from scrub_pixels.run.feed import SIBLINGS, Feed
from scrub_pixels.run.series import by_series
from scrub_pixels.run.work import Orders, Task
from scrub_pixels.store.accounts import Outcome


def groups(folder):
    return [[source.relative for source in group] for group in by_series(discover(folder))]


def test_siblings_stand_together_however_their_files_are_called(tmp_path):
    for name, uid in (("a", "1.2.1"), ("b", "1.2.2"), ("c", "1.2.1"), ("sub/d", "1.2.1")):
        saved(plain(SeriesInstanceUID=uid), tmp_path / name)
    (tmp_path / "e").write_text("no DICOM")
    assert groups(tmp_path) == [["a", "c"], ["b"], ["e"], ["sub/d"]]


def test_a_long_series_is_taken_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(series, "MOST_SIBLINGS", 2)
    for name in "abcde":
        saved(plain(SeriesInstanceUID="1.2.1"), tmp_path / name)
    assert groups(tmp_path) == [["a", "b"], ["c", "d"], ["e"]]


def test_a_series_is_one_unit_and_what_is_settled_only_teaches():
    orders = Orders(Policy(), b"k" * 32)
    source = next(discover(Path(__file__)))
    tasks = [Task(1, source, orders, group=1), Task(0, source, orders, group=1, settled=True),
             Task(2, source, orders, group=2)]
    first, second = Feed(iter(tasks), SIBLINGS)
    assert [t.number for t in first.tasks] == [1] and len(first.settled) == 1
    assert [t.number for t in second.tasks] == [2] and second.settled == ()


@pytest.fixture
def pair(tmp_path):
    """Two Instances of one Series and layout: one shows the patient's name, the other has lost it."""
    named = make_fixture(5, "us_grey").dataset
    bare = make_fixture(5, "us_grey").dataset
    bare.SOPInstanceUID = bare.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    return named, bare


def taught(monkeypatch):
    """Record what the pipeline is told of each Instance."""
    seen = []
    real = work.Scrubber.scrub_instance

    def scrub_instance(self, instance, review=(), sight=work.UNSEEN):
        seen.append((str(instance.dataset.SOPInstanceUID), sight.context, sight.search is not None))
        return real(self, instance, review, sight)

    monkeypatch.setattr(work.Scrubber, "scrub_instance", scrub_instance)
    return seen


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_each_knows_what_all_have_shown_and_is_searched_once(tmp_path, pair, names, monkeypatch):
    for name, dataset in zip(names, pair, strict=True):
        saved(dataset, tmp_path / "in" / name)
    seen = taught(monkeypatch)
    run(Campaign(tmp_path / "in", tmp_path / "out", Policy()))
    assert len(seen) == 2 and all(searched for _, _, searched in seen)
    first, second = (context for _, context, _ in seen)
    assert first == second and first.instances == 2 and first.words


def test_a_sibling_that_comes_later_is_taught_by_those_that_are_settled(tmp_path, pair, monkeypatch):
    saved(pair[0], tmp_path / "in" / "a")
    run(Campaign(tmp_path / "in", tmp_path / "out", Policy()))
    saved(pair[1], tmp_path / "in" / "b")
    seen = taught(monkeypatch)
    campaign = Campaign(tmp_path / "in", tmp_path / "out", Policy(), resume=True)
    result = run(campaign)
    assert result.skipped == 1 and [uid for uid, _, _ in seen] == ["1.2.3.4"]
    assert seen[0][1].instances == 2 and result.totals.closed


def test_a_sibling_that_differs_from_the_others_is_held(tmp_path, pair, monkeypatch):
    for name, dataset in zip("ab", pair, strict=True):
        saved(dataset, tmp_path / "in" / name)
    real = work.Scrubber.study

    def study(self, instance):
        """Let the search lose the text of the second one that stands in its upper half."""
        sight = real(self, instance)
        if instance.dataset.SOPInstanceUID != "1.2.3.4":
            return sight
        places = {place.region for place in sight.context.places}
        lost = sorted(places, key=lambda region: region.row)[:1]
        lines = tuple(line for line in sight.search.lines if line.region not in lost)
        return replace(sight, search=replace(sight.search, lines=lines))

    monkeypatch.setattr(work.Scrubber, "study", study)
    campaign = Campaign(tmp_path / "in", tmp_path / "out", Policy())
    run(campaign)
    ends = rows(campaign)
    assert ends["b"].outcome is Outcome.HELD and "siblings" in " ".join(ends["b"].reasons)


def test_an_instance_that_cannot_be_read_teaches_nothing_and_is_refused(tmp_path, pair):
    saved(pair[0], tmp_path / "in" / "a")
    broken = saved(pair[1], tmp_path / "in" / "b")
    broken.write_bytes(broken.read_bytes()[:-3000])
    campaign = Campaign(tmp_path / "in", tmp_path / "out", Policy())
    run(campaign)
    ends = rows(campaign)
    assert ends["b"].outcome is Outcome.REFUSED and ends["a"].outcome is not None


def test_what_was_found_in_other_bytes_says_nothing_about_these(tmp_path, pair, monkeypatch):
    """A file that is replaced between its study and its turn is searched anew."""
    for name, dataset in zip("ab", pair, strict=True):
        saved(dataset, tmp_path / "in" / name)
    other = make_fixture(6, "us_grey").dataset
    other.SeriesInstanceUID = pair[0].SeriesInstanceUID
    seen = taught(monkeypatch)
    real = work.Scrubber.study

    def study(self, instance):
        sight = real(self, instance)
        if instance.dataset.SOPInstanceUID == "1.2.3.4":
            saved(other, tmp_path / "in" / "a")
        return sight

    monkeypatch.setattr(work.Scrubber, "study", study)
    run(Campaign(tmp_path / "in", tmp_path / "out", Policy()))
    assert [searched for _, _, searched in seen] == [False, True]
    assert all(context and context.words for _, context, _ in seen)


def test_what_is_done_again_for_its_name_is_taught_by_its_siblings_again(tmp_path, pair, monkeypatch):
    for name, dataset in zip("ab", pair, strict=True):
        saved(dataset, tmp_path / "in" / name)
    seen = taught(monkeypatch)
    monkeypatch.setattr("scrub_pixels.run.campaign.misplaced",
                        lambda ledger, secret: [[row for row in ledger.rows() if row.relative == "b"]])
    result = run(Campaign(tmp_path / "in", tmp_path / "out", Policy()))
    assert [uid for uid, _, _ in seen[1:]] == ["1.2.3.4", "1.2.3.4"] and result.totals.closed
    assert seen[2][1] == seen[1][1] and seen[2][1].instances == 2


def test_the_series_of_a_deflated_file_is_read_without_inflating_all_of_it(tmp_path):
    """The run itself asks for it: a few kB that inflate to all memory must not end the run."""
    for name in "ab":
        dataset = plain(SeriesInstanceUID="1.2.1", PixelData=bytes(64 << 20))
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        saved(dataset, tmp_path / name)
    del dataset
    tracemalloc.start()
    try:
        assert groups(tmp_path) == [["a", "b"]]
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()

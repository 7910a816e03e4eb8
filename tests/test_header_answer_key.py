"""The answer key of benchmarks.header: the preset for public benchmarks passes it, and it can be failed."""

from __future__ import annotations

import collections

import pytest

from benchmarks.header import PICTURES, _is_readable, hidden, judge, make_case, read, verdicts, written
from fixtures import make_fixture
from scrub_pixels.frames import open_instance
from scrub_pixels.header import PROFILES, Pairs, ProjectKey, deidentify
from scrub_pixels.text import load_reader

CHECKS = {"text removed", "text retained", "tag retained", "not null", "date shifted", "uid changed",
          "uid consistent", "patient id consistent", "pixels retained"}
ENOUGH = 0.9995


def _failed(seeds: range) -> list:
    return [verdict for verdict in verdicts(seeds, PROFILES["basic"]) if not verdict.passed]


def share(found) -> float:
    return sum(verdict.passed for verdict in found) / len(found)


def test_the_preset_for_benchmarks_passes_the_answer_key():
    found = verdicts(range(300, 315))
    assert {verdict.check for verdict in found} == CHECKS and len(found) > 1000
    assert share(found) >= ENOUGH, [v for v in found if not v.passed][:10]


@pytest.mark.parametrize("name", ["basic", "strict", "research"])
def test_no_preset_leaves_an_identifier_or_an_old_uid(name):
    found = verdicts(range(320, 324), PROFILES[name])
    assert share([v for v in found if v.check in ("text removed", "uid changed")]) == 1


def test_basic_is_not_good_enough_for_the_key():
    failed = collections.Counter(v.check for v in _failed(range(330, 333)))
    assert set(failed) == {"text retained", "not null", "date shifted"}


def test_an_input_handed_on_as_it_is_fails_what_it_should():
    case = make_case(340)
    failed = {v.check for v in judge(case, case.dataset, Pairs()) if not v.passed}
    assert failed == CHECKS - {"text retained", "tag retained", "not null", "pixels retained"}


def test_a_change_of_pixels_or_a_lost_tag_is_noticed():
    case, key = make_case(341), ProjectKey(b"a" * 32)
    result = deidentify(read(written(case.dataset)), PROFILES["midi"], key)
    result.dataset.PixelData = result.dataset.PixelData[:-2] + b"\x01\x02"
    del result.dataset.StudyID
    failed = {(v.check, v.path) for v in judge(case, result.dataset, result.pairs) if not v.passed}
    assert failed == {("pixels retained", "PixelData"), ("tag retained", "StudyID")}


def test_nothing_can_be_read_where_a_name_stood_and_everything_could_before():
    seeds = range(9100, 9102)
    found = hidden(seeds)
    assert len(found) >= 4 and share(found) >= ENOUGH
    reader = load_reader("rapidocr", 1)
    before = [_is_readable(text, open_instance(fixture.dataset).views(0)[0].image, reader)
              for fixture in (make_fixture(seed, PICTURES[seed % len(PICTURES)]) for seed in seeds)
              for text in fixture.truth if text.phi and not text.code]
    assert sum(before) > 0.7 * len(before), "the check can be failed"

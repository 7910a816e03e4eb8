"""A small seeded part of the fuzzing campaign: damaged files of every syntax, in a process of their own."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from benchmarks import fuzz

CASES = 120


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(fuzz.seeds(every=10**9))


def test_no_case_crashes_hangs_or_goes_unproven(files: list[bytes]) -> None:
    ends, bad = fuzz.campaign(files, CASES, seed=7, jobs=1)
    assert bad == []
    assert sum(ends.values()) == CASES
    assert ends["proven"] > 0
    assert sum(count for end, count in ends.items() if end.startswith("refused")) > 0


def test_a_case_is_the_same_each_time_and_differs_from_its_file(files: list[bytes]) -> None:
    case = fuzz.Case(5, 7, files[0])
    assert case.mutated() == case.mutated()
    assert any(fuzz.Case(number, 7, files[0]).mutated() != files[0] for number in range(3))


def test_the_campaign_notices_a_picture_that_is_not_black(
    monkeypatch: pytest.MonkeyPatch, files: list[bytes]
) -> None:
    monkeypatch.setattr(fuzz, "_black", lambda candidate, region: False)
    monkeypatch.setattr(fuzz.Case, "mutated", lambda self: self.data)
    assert fuzz.take(fuzz.Case(0, 7, files[0])) == "unproven"


def test_the_campaign_notices_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: fuzz.Case) -> bytes:
        return np.zeros(1)[2]

    monkeypatch.setattr(fuzz.Case, "mutated", broken)
    assert fuzz.take(fuzz.Case(0, 7, b"")).startswith("crash: IndexError")

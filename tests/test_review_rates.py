"""How many misses there are: the limits are those of published tables, and weights count."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrub_pixels.review.commands import miss_rate_lines
from scrub_pixels.review.rates import beta_share, clopper_pearson, miss_rate
from scrub_pixels.store.queue.sample import Stratum


@pytest.mark.parametrize(("hits", "trials", "low", "high"), [
    (0, 100, 0.0, 0.036217), (1, 100, 0.000253, 0.054459), (5, 50, 0.033275, 0.218135),
    (50, 100, 0.398321, 0.601679), (100, 100, 0.963783, 1.0), (0, 1, 0.0, 0.975),
    (3, 100_000, 6.187e-6, 8.767e-5),
])
def test_limits_are_those_of_clopper_and_pearson(hits, trials, low, high):
    assert clopper_pearson(hits, trials) == pytest.approx((low, high), abs=1e-6)


def test_the_beta_function_at_points_that_have_a_closed_form():
    for x in (0.1, 0.5, 0.9):
        assert beta_share(x, 1, 1) == pytest.approx(x)
        assert beta_share(x, 3, 1) == pytest.approx(x**3)
        assert beta_share(x, 1, 4) == pytest.approx(1 - (1 - x) ** 4)
        assert beta_share(x, 2.5, 3.5) == pytest.approx(1 - beta_share(1 - x, 3.5, 2.5))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 400), st.data())
def test_the_share_lies_between_its_limits_and_more_trials_narrow_them(trials, data):
    hits = data.draw(st.integers(0, trials))
    low, high = clopper_pearson(hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1
    narrow = clopper_pearson(4 * hits, 4 * trials)
    assert narrow[1] - narrow[0] < high - low


def test_one_stratum_is_clopper_and_pearson_and_weights_shift_the_estimate():
    one = miss_rate([Stratum(1000, 50, 50, 5)])
    assert one.estimate == 0.1 and (one.low, one.high) == clopper_pearson(5, 50)
    even = miss_rate([Stratum(500, 25, 25, 5), Stratum(500, 25, 25, 0)])
    assert even.estimate == pytest.approx(0.1) and even.high == pytest.approx(one.high)
    uneven = miss_rate([Stratum(900, 25, 25, 5), Stratum(100, 25, 25, 0)])
    assert uneven.estimate == pytest.approx(0.18)
    assert uneven.high - uneven.low > 0.2, "uneven weights make the sample worth less"


def test_what_was_not_looked_at_is_said():
    nothing = miss_rate([Stratum(10, 1, 0, 0)])
    assert nothing.estimate is None and (nothing.low, nothing.high) == (0.0, 1.0)
    assert "nothing is known" in " ".join(miss_rate_lines(nothing))
    part = miss_rate([Stratum(60, 2, 2, 0), Stratum(40, 1, 0, 0)])
    assert (part.covered, part.population, part.estimate) == (60, 100, 0.0)
    assert "other 40 none was looked at" in " ".join(miss_rate_lines(part))
    assert miss_rate([]).estimate is None

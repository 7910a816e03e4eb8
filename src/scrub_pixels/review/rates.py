"""How many releases with text left there are, estimated from a stratified sample, and how sure that is.

The estimate weights each stratum by its size. Its limits are those of Korn and Graubard (Survey
Methodology 24, 1998): the exact binomial limits of Clopper and Pearson (Biometrika 26, 1934) at the
effective sample size, which unequal weights make smaller (Kish 1965). In a proportional sample, or
one stratum, they are Clopper and Pearson's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from scrub_pixels.review.views import MissRate
from scrub_pixels.store.queue.sample import Stratum

CONFIDENCE = 0.95
STEPS = 60
"""Halvings: 2**-60 is finer than anybody reads."""


def miss_rate(strata: Sequence[Stratum]) -> MissRate:
    """Return the estimate and its limits for the strata in which something was reviewed."""
    seen = [s for s in strata if s.reviewed]
    total, reviewed = sum(s.population for s in seen), sum(s.reviewed for s in seen)
    counts = (sum(s.population for s in strata), sum(s.drawn for s in strata), reviewed,
              sum(s.missed for s in strata))
    if not reviewed:
        return MissRate(*counts, covered=0, estimate=None, low=0.0, high=1.0)
    estimate = sum(s.population * s.missed / s.reviewed for s in seen) / total
    squares = sum(s.population**2 / s.reviewed for s in seen)
    effective = min(float(reviewed), total**2 / squares)
    low, high = clopper_pearson(estimate * effective, effective)
    return MissRate(*counts, covered=total, estimate=estimate, low=low, high=high)


def clopper_pearson(hits: float, trials: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact limits of a share; neither number has to be whole.

    Parameters
    ----------
    hits, trials
        ``0 <= hits <= trials``, ``trials > 0``.
    confidence
        Probability that the limits enclose the share, at least.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if hits <= 0 else _root(lambda p: beta_share(p, hits, trials - hits + 1), tail)
    high = 1.0 if hits >= trials else _root(lambda p: beta_share(p, hits + 1, trials - hits), 1 - tail)
    return low, high


def _root(rising: Callable[[float], float], value: float) -> float:
    """Return where a rising function on 0 to 1 takes a value, by halving."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2


def beta_share(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) (DLMF 8.17)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # where the continued fraction converges fast; DLMF 8.17.4
        return 1 - beta_share(1 - x, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log1p(-x)) / a
    return front * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of DLMF 8.17.22, evaluated from its end.

    It converges in about the square root of the larger parameter.
    """
    value = 1.0
    for step in range(100 + 5 * math.isqrt(int(max(a, b))), 0, -1):
        m, odd = divmod(step, 2)
        if odd:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        value = 1 + term / value
    return 1 / value

"""Intervals for one rate, for the difference of two and for their ratio.

Every function takes core Shares and reads a Share as `effective` independent rows of which `value × effective`
are hits, so that weights and repeated units widen each interval alike (Korn & Graubard 1998, Survey Methodology 24).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.core.measure import Blur, Interval, Share
from assay.stats.quantiles import two_sided

Floats = NDArray[np.float64]
FEW = 30
"""With fewer rows than this a score interval is not relied on far out in its tails."""


def rate_of(share: Share, /) -> tuple[float, float]:
    """(value in [0, 1], effective n) of a share that has a denominator."""
    value = share.value
    if value is None or share.effective <= 0:
        raise AssayError(
            "A share without rows in its denominator has no interval.",
            code="empty-denominator",
            hint="Report it as unmeasured, with this reason.",
        )
    return min(1.0, max(0.0, value)), share.effective


def wilson_bounds(rates: Floats, ns: Floats, z: float, /) -> tuple[Floats, Floats]:
    """Wilson's (low, high) for arrays of rates and effective ns, at a normal quantile z (Wilson 1927)."""
    shrink = 1 + z * z / ns
    centre = (rates + z * z / (2 * ns)) / shrink
    half = z * np.sqrt(rates * (1 - rates) / ns + (z / (2 * ns)) ** 2) / shrink
    low = np.where(rates <= 0, 0.0, np.clip(centre - half, 0.0, rates))
    high = np.where(rates >= 1, 1.0, np.clip(centre + half, rates, 1.0))
    return low, high


def guarded_bounds(rates: Floats, ns: Floats, z: float, /) -> tuple[Floats, Floats]:
    """Wilson's (low, high), widened for fewer than 30 rows to the exact limits with Φ(−z) in each tail.

    A score interval of a handful of rows promises far too much far out: of one refused person it says at z = 1.96
    that the rate is under 0.80, which is wrong of every twentieth such person where 95 % are accepted. Exact limits:
    Clopper & Pearson (1934), Biometrika 26:404, as quantiles of beta distributions, for effective ns as for whole.
    """
    low, high = wilson_bounds(rates, ns, z)
    small = np.flatnonzero(ns < FEW)
    if not len(small):
        return low, high
    from scipy.special import betaincinv, ndtr

    p, n, tail = rates[small], ns[small], float(ndtr(-z))
    hits, misses = p * n, (1 - p) * n
    below = np.where(hits > 0, betaincinv(np.maximum(hits, 1e-9), misses + 1, tail), 0.0)
    above = np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1e-9), 1 - tail), 1.0)
    low[small], high[small] = np.minimum(low[small], below), np.maximum(high[small], above)
    return low, high


@dataclass(frozen=True, slots=True)
class Blurs:
    """The Blur of several rates: variances of the noise in hits and misses, and independent rows; 0 where exact."""

    hits: Floats
    misses: Floats
    independent: Floats

    def bounds(self, rates: Floats, z: float, /, *, guarded: bool = False) -> tuple[Floats, Floats]:
        """Score limits (low, high) of rates whose counts are noisy, at a normal quantile z.

        All p with (rate − p)² ≤ z² [p (1 − p) / n + (1 − p)² a + p² b]: the variance is that at p itself, so that a
        noisy denominator needs no linearisation (Fieller 1954; without noise this is Wilson's interval). Everything
        from 0 to 1 where the noise is so large that no p can be told from another. `guarded` as in `guarded_bounds`,
        on the rows that are left when two standard errors of the noise are taken off.
        """
        wide, noise = z * z / self.independent, z * z * self.hits
        a = 1 + wide - noise - z * z * self.misses
        b, c = 2 * rates + wide - 2 * noise, rates**2 - noise
        known = a > 0
        safe = np.where(known, a, 1.0)
        root = np.sqrt(np.maximum(0.0, b * b - 4 * safe * c))
        low = np.where(known, np.clip((b - root) / (2 * safe), 0.0, rates), 0.0)
        high = np.where(known, np.clip((b + root) / (2 * safe), rates, 1.0), 1.0)
        if not guarded:
            return low, high
        fewest = self.independent * np.maximum(0.0, 1 - 2 * np.sqrt(self.hits + self.misses))
        exact = guarded_bounds(rates, np.maximum(1.0, fewest), z)
        return np.minimum(low, exact[0]), np.maximum(high, exact[1])


def blurs_of(shares: Sequence[Share], /) -> Blurs | None:
    """The Blurs of shares that have a denominator; None where none of them is noisy."""
    if all(share.blur is None for share in shares):
        return None
    found = [share.blur or Blur(0.0, 0.0, share.effective) for share in shares]
    columns = ([one.hits for one in found], [one.misses for one in found], [one.independent for one in found])
    return Blurs(*(np.array(column) for column in columns))


WITH_NOISE = ", with the noise"
"""Added to the name of a method that was told how noisy the counts are."""


def _limits(share: Share, z: float) -> tuple[float, float]:
    """(low, high) of one rate at a normal quantile z: Wilson's, or those of noisy counts."""
    rate, n = rate_of(share)
    blurs = blurs_of([share])
    if blurs is None:
        return _wilson(rate, n, z)
    low, high = blurs.bounds(np.array([rate]), z)
    return float(low[0]), float(high[0])


def _wilson(rate: float, n: float, z: float) -> tuple[float, float]:
    shrink = 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / shrink
    half = z * math.sqrt(rate * (1 - rate) / n + (z / (2 * n)) ** 2) / shrink
    low = 0.0 if rate <= 0 else min(max(0.0, centre - half), rate)
    high = 1.0 if rate >= 1 else max(min(1.0, centre + half), rate)
    return low, high


def wilson(share: Share, /, *, level: float = 0.95) -> Interval:
    """Wilson's score interval for a rate; never degenerate, exact at 0 and 1 on the side that is known.

    Source: Wilson (1927), JASA 22:209; Brown, Cai & DasGupta (2001), Statistical Science 16:101, eq. 4.
    Raises AssayError "empty-denominator" for a share without rows.
    """
    z = two_sided(level)
    low, high = _limits(share, z)
    return Interval(low, high, level, "Wilson score" + (WITH_NOISE if share.blur else ""))


def newcombe(a: Share, b: Share, /, *, level: float = 0.95) -> Interval:
    """Newcombe's hybrid score interval for the rate of `a` minus the rate of `b`; independent groups.

    Source: Newcombe (1998), Statistics in Medicine 17:873, method 10 (no continuity correction).
    """
    z = two_sided(level)
    (p, _), (q, _) = rate_of(a), rate_of(b)
    (p_low, p_high), (q_low, q_high) = _limits(a, z), _limits(b, z)
    low = p - q - math.hypot(p - p_low, q_high - q)
    high = p - q + math.hypot(p_high - p, q - q_low)
    method = "Newcombe 10" + (WITH_NOISE if a.blur or b.blur else "")
    return Interval(max(-1.0, low), min(1.0, high), level, method)


def ratio(a: Share, b: Share, /, *, level: float = 0.95) -> Interval | None:
    """The log-normal interval for the rate of `a` over the rate of `b`; None where its variance does not exist.

    exp(ln(p/q) ± z √((1−p)/(n p) + (1−q)/(m q))). None where a rate is 0, or where both are 1 (the method would
    claim certainty): `koopman` still answers there. Source: Katz, Baptista, Azen & Pike (1978), Biometrics 34:469.
    """
    z = two_sided(level)
    (p, n), (q, m) = rate_of(a), rate_of(b)
    if p == 0 or q == 0 or p == q == 1:
        return None
    half = z * math.sqrt((1 - p) / (n * p) + (1 - q) / (m * q))
    return Interval(p / q * math.exp(-half), p / q * math.exp(half), level, "Katz log-ratio")


def koopman(a: Share, b: Share, /, *, level: float = 0.95) -> Interval | None:
    """The score interval for the rate of `a` over the rate of `b`; None where `b` has no hits (no upper end).

    The ratios whose score statistic, with both rates estimated under that ratio, stays within ±z. Source: Koopman
    (1984), Biometrics 40:513; the statistic as in Miettinen & Nurminen (1985), eq. 10, without the factor N/(N−1).
    """
    z = two_sided(level)
    (p, n), (q, m) = rate_of(a), rate_of(b)
    if q == 0:
        return None
    low = _crossing(p, n, q, m, z, downwards=True) if p > 0 else 0.0
    high = _crossing(p, n, q, m, z, downwards=False)
    return None if high is None or low is None else Interval(low, high, level, "Koopman score")


def _crossing(p: float, n: float, q: float, m: float, z: float, *, downwards: bool) -> float | None:
    """The ratio at which |score| = z, below (or above) the observed ratio; None beyond e^±700."""
    step = -1.0 if downwards else 1.0
    near = far = math.log(p / q) if p > 0 else math.log(1e-9 / (n * q))  # p = 0: start where the score is still 0
    while abs(_score(p, n, q, m, math.exp(far))) <= z:
        near, far = far, far + step
        step *= 2
        if abs(far) > 700:
            return None
    for _ in range(80):
        middle = (near + far) / 2
        if abs(_score(p, n, q, m, math.exp(middle))) <= z:
            near = middle
        else:
            far = middle
    return math.exp(near)


def _score(p: float, n: float, q: float, m: float, phi: float) -> float:
    """(p − φ q) over its standard error at the rates that are most likely under ratio φ."""
    a, b, c = (n + m) * phi, -(n * phi + p * n + m + q * m * phi), p * n + q * m
    q_null = 2 * c / (-b + math.sqrt(max(0.0, b * b - 4 * a * c)))
    p_null = min(1.0, phi * q_null)
    variance = p_null * (1 - p_null) / n + phi * phi * q_null * (1 - q_null) / m
    difference = p - phi * q
    return 0.0 if difference == 0 else difference / math.sqrt(variance) if variance > 0 else math.inf

"""Is the difference small enough, and how many rows would settle it."""

from __future__ import annotations

import math

from assay.core.errors import AssayError
from assay.core.measure import Interval, Share
from assay.stats.moments import Estimate, welch
from assay.stats.quantiles import normal_quantile
from assay.stats.rates import rate_of
from assay.stats.tests import TestResult


def tost(a: Share, b: Share, /, *, margin: float) -> TestResult:
    """The test that two rates differ by less than `margin`: a small p says they are equivalent.

    Two one-sided score tests, each with the rates most likely at a difference of ±margin; p is the larger, the
    statistic the z nearer to failing. Sources: Schuirmann (1987), J. Pharmacokinetics 15:657; Farrington & Manning
    (1990), Statistics in Medicine 9:1447.
    """
    _check_margin(margin, 1.0)
    (p, n), (q, m) = rate_of(a), rate_of(b)
    above = (p - q + margin) / _null_error(p, n, q, m, -margin)
    below = (margin - (p - q)) / _null_error(p, n, q, m, margin)
    z = min(above, below)
    return TestResult(z, _upper_tail(z), f"TOST, Farrington–Manning, margin {margin:g}")


def tost_means(a: Estimate, b: Estimate, /, *, margin: float) -> TestResult | None:
    """The test that two means differ by less than `margin`, by Welch's t; None where either has no standard error."""
    from scipy.special import stdtr

    _check_margin(margin, math.inf)
    if a.standard_error is None or b.standard_error is None:
        return None
    error, freedom = welch(a, b)
    t = (margin - abs(a.value - b.value)) / error
    return TestResult(t, float(stdtr(freedom, -t)), f"TOST, Welch t, margin {margin:g}", freedom)


def n_for_equivalence(p: float, q: float, /, *, margin: float, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Rows needed in each of two groups with true rates `p` and `q` for `tost` to find them equivalent.

    The smallest n with P(both one-sided tests reject) >= power for a normal difference of mean p − q, the tests'
    standard errors being those under a difference of ±margin. None where the rates differ by the margin or more.
    Source: Farrington & Manning (1990), Statistics in Medicine 9:1447, eq. 4, for two one-sided tests.
    """
    _check_margin(margin, 1.0)
    if not (0 < alpha < 0.5 and 0 < power < 1):
        raise AssayError(f"alpha {alpha} or power {power} is out of range.", code="level", hint="Like 0.05 and 0.8.")
    variance, d = p * (1 - p) + q * (1 - q), p - q
    if not (0 <= p <= 1 and 0 <= q <= 1 and variance > 0):
        raise AssayError(
            f"Rates {p} and {q} have no variance.", code="value", hint="Give rates within [0, 1], one of them inside."
        )
    if abs(d) >= margin * (1 - 1e-9):
        return None
    z, error = normal_quantile(1 - alpha), math.sqrt(variance)
    above, below = z * _null_error(p, 1, q, 1, -margin) / error, z * _null_error(p, 1, q, 1, margin) / error

    def enough(n: int) -> bool:
        room = math.sqrt(n) / error
        return 1 - _upper_tail((margin - d) * room - below) - _upper_tail((margin + d) * room - above) >= power

    high = 1
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def n_to_settle(value: float, interval: Interval, /, *, limit: float, n: int) -> int | None:
    """The n at which `interval`, shrinking around `value` as 1/√n, no longer straddles `limit`.

    An end at exactly 0 or 1 may have been cut there, so it is taken to reach as far as the other one at least.
    None where the value is on the limit, or so near that no number of rows is worth naming (over 10^15): more rows
    will not say. `n` itself where the interval does not straddle. A guide, not a promise: it takes today's value
    for the truth.
    """
    if not interval.low < limit < interval.high:
        return n
    above, below = interval.high - value, value - interval.low
    cut = interval.high == 1 if limit > value else interval.low == 0
    reach = max(above, below) if cut else above if limit > value else below
    room = abs(limit - value)
    if room == 0 or reach / room > 1e15:
        return None
    needed = n * (reach / room) ** 2
    return max(n, math.ceil(needed)) if needed < 1e15 else None


def _check_margin(margin: float, most: float) -> None:
    if not 0 < margin < most:
        raise AssayError(
            f"margin {margin} is no tolerance.", code="margin", hint=f"Give one above 0 and below {most:g}, like 0.05."
        )


def _upper_tail(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2


def _null_error(p: float, n: float, q: float, m: float, delta: float) -> float:
    """Standard error of p − q at the rates most likely under a true difference of `delta`.

    The root of the likelihood cubic in closed form: Farrington & Manning (1990), appendix; Miettinen & Nurminen (1985).
    """
    t = m / n
    a, b = 1 + t, -(1 + t + p + t * q + delta * (t + 2))
    c, d = delta * delta + delta * (2 * p + t + 1) + p + t * q, -p * delta * (1 + delta)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = math.copysign(math.sqrt(max(0.0, (b / (3 * a)) ** 2 - c / (3 * a))), v)
    w = (math.pi + math.acos(min(1.0, max(-1.0, v / u**3 if u else 0.0)))) / 3
    first = min(1.0, max(0.0, delta, 2 * u * math.cos(w) - b / (3 * a)))
    second = min(1.0, max(0.0, first - delta))
    return math.sqrt(first * (1 - first) / n + second * (1 - second) / m)

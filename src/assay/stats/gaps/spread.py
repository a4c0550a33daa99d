"""How much the groups as a whole differ, with sampling noise taken out, and a test that they do not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.errors import AssayError
from assay.core.measure import Interval, Share
from assay.stats.gaps.pairs import Floats, with_rows
from assay.stats.quantiles import check_level, normal_quantile
from assay.stats.tests import TestResult, chi_square


@dataclass(frozen=True, slots=True)
class Spread:
    """The standard deviation of the groups' true values, each group counting once.

    `value` is √max(0, variance); `variance` is the unbiased (double-corrected) estimate and may be negative; `raw` is
    the standard deviation of the observed values, which sampling noise inflates. `interval` is None where no
    group has sampling noise to go by. `left_out` are the places of groups too small to have a variance.
    """

    value: float
    interval: Interval | None
    variance: float
    raw: float
    left_out: tuple[int, ...]


def spread(shares: Sequence[Share], /, *, level: float = 0.95) -> Spread:
    """The de-biased standard deviation of the groups' rates, with an interval.

    A group's sampling variance is p(1 − p)/(n − 1), which is unbiased; groups with an effective n of 1 or less have
    none and are left out. Fewer than two groups left: AssayError "too-few-groups". The interval takes variances at
    two more hits and two more misses (Agresti & Coull 1998), because a small group without hits is not certain.
    Source: Lum, Zhang & Bower (2022), FAccT, arXiv 2205.05770: the double-corrected variance estimator.
    """
    usable = [i for i, share in enumerate(shares) if share.total > 0 and share.effective > 1]
    groups = with_rows([shares[i] for i in usable])
    variances = groups.rates * (1 - groups.rates) / (groups.ns - 1)
    softened = (groups.rates * groups.ns + 2) / (groups.ns + 4)
    cautious = softened * (1 - softened) / groups.ns
    left_out = tuple(sorted(set(range(len(shares))) - set(usable)))
    return _spread(groups.rates, variances, cautious, level, left_out)


def spread_of_means(means: Sequence[float], errors: Sequence[float], /, *, level: float = 0.95) -> Spread:
    """The de-biased standard deviation of values with standard errors `errors`, one of each a group."""
    centre, error = np.asarray(means, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if len(centre) < 2 or len(centre) != len(error):
        raise AssayError(
            f"{len(centre)} means with {len(error)} errors; a spread needs two groups or more, with one error each.",
            code="too-few-groups",
            hint="Report it as unmeasured, with this reason.",
        )
    return _spread(centre, error**2, error**2, level, ())


def _spread(values: Floats, variances: Floats, cautious: Floats, level: float, left_out: tuple[int, ...]) -> Spread:
    check_level(level)
    raw = float(np.var(values, ddof=1))
    variance = raw - float(variances.mean())
    value = math.sqrt(max(0.0, variance))
    return Spread(value, _interval(raw, value, cautious, level), variance, math.sqrt(raw), left_out)


def _interval(raw: float, value: float, variances: Floats, level: float) -> Interval | None:
    """The interval that inverts the distribution of the observed variance, at and away from equality.

    T = Σ(x − x̄)² is taken as g χ²_ν(R²/g), R² = (k−1) × the true variance, g and ν from the first two moments of
    T at equality, trace((MV)²)/trace(MV) and its partner, M the centring matrix (Satterthwaite 1946; Patnaik 1949).
    Exact for normal values of equal variance. Groups that happen to lie closer than equal ones would on average
    get the upper end of that average, since luck is no evidence.
    """
    k = len(variances)
    first = (1 - 1 / k) * float(variances.sum())
    second = (1 - 2 / k) * float((variances**2).sum()) + (float(variances.sum()) / k) ** 2
    if first <= 0 or second <= 0:
        return None
    unit, freedom = second / first, first**2 / second
    tail = (1 - level) / 2
    x = raw * (k - 1) / unit
    low = _noncentrality(x, freedom, 1 - tail)
    high = _noncentrality(max(x, freedom), freedom, tail)
    low, high = (math.sqrt(end * unit / (k - 1)) for end in (low, high))
    return Interval(min(low, value), max(high, value), level, "non-central chi-square inversion")


def _noncentrality(x: float, freedom: float, p: float) -> float:
    """The non-centrality at which P(χ²_freedom(it) <= x) = p; 0 where there is none."""
    from scipy.special import chndtr, chndtrinc

    if x > 1e7:  # √x is normal about √(it + freedom − 1) to nine digits, and the exact series grows slow
        return float(max(0.0, (math.sqrt(x) - normal_quantile(p)) ** 2 - (freedom - 1)))
    return float(chndtrinc(x, freedom, p)) if float(chndtr(x, freedom, 0.0)) > p else 0.0


def omnibus(shares: Sequence[Share], /) -> TestResult:
    """Pearson's chi-square test that all groups have the same rate, on effective counts.

    Groups without rows are left out; with fewer than two, AssayError "too-few-groups". Rao & Scott (1981), JASA 76:221,
    for the use of effective counts.
    """
    groups = with_rows(shares)
    hits = groups.rates * groups.ns
    return chi_square(np.stack([hits, groups.ns - hits]))

"""Entropy indices of benefits that take the values 0, 1 and 2, in closed form on the counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval, Measure
from assay.data.counts import Counts
from assay.fairness.outcomes import with_benefit
from assay.fairness.words import empty_denominator, left_out_groups, too_few_groups
from assay.stats.quantiles import two_sided

Floats = NDArray[np.float64]
BENEFITS = np.array([0.0, 1.0, 2.0])
NO_BENEFIT = Message("no-benefit", "no row has any benefit, so that its distribution is undefined")


@dataclass(frozen=True, slots=True)
class Benefits:
    """Shares of the benefits 0, 1 and 2 among some rows."""

    shares: Floats
    rows: int
    weight: float
    effective: float

    @property
    def mean(self) -> float:
        """Mean benefit."""
        return float(self.shares @ BENEFITS)

    @property
    def variance(self) -> float:
        """Variance of the benefit of a row."""
        return float(self.shares @ (BENEFITS - self.mean) ** 2)


def benefits(counts: Counts, /) -> Benefits:
    """Benefits of the rows of `with_benefit` Counts; rows without label or prediction are left out."""
    known = {"benefit": ("0", "1", "2")}
    found = [counts.share({"benefit": level}, known) for level in ("0", "1", "2")]
    everyone = counts.share(known, known)
    total = everyone.total
    shares = np.array([share.hits / total if total > 0 else 0.0 for share in found])
    return Benefits(shares, everyone.rows, total, everyone.effective)


def overall(counts: Counts, /, *, level: float) -> Iterator[Measure]:
    """`generalized_entropy` and `theil` of all rows, with delta-method intervals."""
    rest = with_benefit(counts).marginal("benefit")
    found = benefits(rest)
    for name in ("generalized_entropy", "theil"):
        if not found.rows:
            yield Measure(name, None, 0, reason=empty_denominator("label and prediction"))
        elif found.mean <= 0:
            yield Measure(name, None, found.rows, reason=NO_BENEFIT)
        else:
            yield _index(name, found, level)


def _index(name: str, found: Benefits, level: float) -> Measure:
    """GE₂ = E[b²]/(2μ²) − ½ or T = E[b ln b]/μ − ln μ, and their gradients in the shares."""
    mean = found.mean
    if name == "theil":
        logs = np.array([0.0, 0.0, 2 * math.log(2)])
        value = float(found.shares @ logs) / mean - math.log(mean)
        slope = logs / mean - BENEFITS * (float(found.shares @ logs) / mean**2 + 1 / mean)
    else:
        square = float(found.shares @ BENEFITS**2)
        value = (square / mean**2 - 1) / 2
        slope = BENEFITS**2 / (2 * mean**2) - BENEFITS * square / mean**3
    variance = float(found.shares @ slope**2 - (found.shares @ slope) ** 2) / max(found.effective, 1.0)
    interval = None
    if variance > 1e-18:
        reach = two_sided(level) * math.sqrt(variance)
        interval = Interval(max(0.0, value - reach), max(value + reach, 0.0), level, "delta method")
    return Measure(name, max(0.0, value), found.rows, interval=interval, method="of benefits prediction - label + 1")


def between_groups(counts: Counts, over: tuple[str, ...], /, *, level: float) -> Iterator[Measure]:
    """`generalized_entropy_between` and `theil_between` over the groups of some attributes.

    Both are, to second order, half the between-group variance of the mean benefit over its square (Shorrocks 1980,
    eq. 33), so that the same noise is taken off both: Σ s_g (1 − s_g) v_g / (2 μ²), v_g the variance of the group's
    mean. The interval inverts the non-central chi-square of that quadratic form, at the pooled variance of a row.
    """
    groups = with_benefit(counts).groups(over)
    found = [benefits(group.counts) for group in groups]
    kept = [one for one in found if one.rows]
    empty = [group.slice for group, one in zip(groups, found, strict=True) if not one.rows]
    notes = (left_out_groups(empty),) if empty else ()
    rows = sum(one.rows for one in kept)
    weight = np.array([one.weight for one in kept])
    means = np.array([one.mean for one in kept])
    reason = None
    if len(kept) < 2:
        reason = too_few_groups([group.slice for group, one in zip(groups, found, strict=True) if one.rows])
    elif float(weight @ means) <= 0:
        reason = NO_BENEFIT
    for name, raw in zip(("generalized_entropy_between", "theil_between"), (_square, _theil), strict=True):
        if reason is not None:
            yield Measure(name, None, rows, over=over, reason=reason, notes=notes)
            continue
        share = weight / weight.sum()
        mean = float(share @ means)
        plain = float(share @ raw(means / mean))
        yield _between(name, plain, kept, mean, over, level=level, notes=notes)


def _square(ratio: Floats) -> Floats:
    return (ratio**2 - 1) / 2


def _theil(ratio: Floats) -> Floats:
    return ratio * np.log(np.where(ratio > 0, ratio, 1.0))


def _between(
    name: str,
    raw: float,
    kept: list[Benefits],
    mean: float,
    over: tuple[str, ...],
    /,
    *,
    level: float,
    notes: tuple[Message, ...],
) -> Measure:
    weights = np.array([one.weight for one in kept])
    share = weights / weights.sum()
    errors = np.array([one.variance / max(one.effective, 1.0) for one in kept])
    noise = float((share * (1 - share)) @ errors) / (2 * mean**2)
    value = max(0.0, raw - noise)
    text = "without taking the bias of the estimate out it is {raw}"
    return Measure(
        name,
        value,
        sum(one.rows for one in kept),
        over=over,
        interval=_quadratic_interval(raw, value, noise, len(kept), level),
        method=f"of the mean benefits of {len(kept)} groups, de-biased",
        notes=(*notes, Message("plug-in-entropy", text, {"raw": f"{raw:.4g}"})),
    )


def _quadratic_interval(raw: float, value: float, noise: float, groups: int, level: float) -> Interval | None:
    """raw ~ (noise / (k − 1)) χ²_{k−1}(λ): the λ that leave raw in the middle `level` of the distribution."""
    from scipy.special import chndtr, chndtrinc

    if noise <= 0:
        return None
    freedom, tail = groups - 1, (1 - level) / 2
    unit = noise / freedom
    x = max(0.0, raw) / unit
    low, high = (
        float(chndtrinc(x, freedom, p)) * unit if float(chndtr(x, freedom, 0.0)) > p else 0.0 for p in (1 - tail, tail)
    )
    return Interval(min(low, value), max(high, value), level, "non-central chi-square inversion")

"""Averages over classes, and the worst class, of a model that predicts one of several classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval, Share
from assay.data.counts import Counts, N
from assay.quality.confusion import BOTH_KNOWN, accuracy, f1_limits, linearised_variance, outcomes
from assay.quality.disaggregate import Estimate, Quantity, absent
from assay.stats.quantiles import two_sided
from assay.stats.rates import wilson

Floats = NDArray[np.float64]


def quantities(*, level: float) -> tuple[Quantity[Counts], ...]:
    """What is asked of an answer among several classes, of counts by label and prediction."""
    return (
        Quantity("accuracy", lambda counts: accuracy(outcomes(counts, None), level=level), widest=1.0),
        Quantity("macro_precision", lambda counts: macro(precisions(counts), level=level), widest=1.0),
        Quantity("macro_recall", lambda counts: macro(recalls(counts), level=level), widest=1.0),
        Quantity("macro_f1", lambda counts: macro_f1(counts, level=level), widest=1.0),
        Quantity("worst_class_recall", lambda counts: worst(recalls(counts), level=level), gap=False),
    )


def classes(counts: Counts, /) -> tuple[str, ...]:
    """Every class that is a label or a prediction of some row, sorted."""
    seen = {*counts.dim("label").levels, *counts.dim("prediction").levels}
    return tuple(sorted(level for level in seen if level is not None))


def recalls(counts: Counts, /) -> dict[str, Share]:
    """By class: the share of its rows that are predicted to be of it. Rows without a prediction are left out."""
    known = _levels(counts, "prediction")
    return {c: counts.share({"prediction": c}, {"label": c, "prediction": known}) for c in classes(counts)}


def precisions(counts: Counts, /) -> dict[str, Share]:
    """By class: the share of the rows predicted to be of it that are. Rows without a label are left out."""
    known = _levels(counts, "label")
    return {c: counts.share({"label": c}, {"prediction": c, "label": known}) for c in classes(counts)}


def _levels(counts: Counts, role: str) -> tuple[str, ...]:
    return tuple(level for level in counts.dim(role).levels if level is not None)


def macro(shares: Mapping[str, Share], /, *, level: float) -> Estimate:
    """The plain mean over classes of their rates, with an interval that recovers variance from Wilson's limits.

    Given the denominators, the rates are independent, so the distances of the limits from the rates add in squares
    (Zou & Donner 2008, Statistics in Medicine 27:1693-1702). Classes with an empty denominator are left out, which
    a note says.
    """
    known = [share for share in shares.values() if share.value is not None]
    n = sum(share.rows for share in known)
    if not known:
        return absent(n, BOTH_KNOWN)
    mean = _mean([(share.value or 0.0, wilson(share, level=level)) for share in known])
    words = "{count} of {classes} classes have no rows to give a rate and are left out of the mean"
    gone = len(shares) - len(known)
    notes = (Message("classes-left-out", words, {"count": gone, "classes": len(shares)}),) if gone else ()
    return mean.estimate(n, level=level, method="MOVER on Wilson", notes=notes)


@dataclass(frozen=True, slots=True)
class _Mean:
    """A mean of rates and how far its limits lie `below` and `above` it."""

    value: float
    below: float
    above: float

    def estimate(self, n: int, *, level: float, method: str, notes: tuple[Message, ...] = ()) -> Estimate:
        low, high = max(0.0, self.value - self.below), min(1.0, self.value + self.above)
        error = (self.below + self.above) / (2 * two_sided(level))
        return Estimate(self.value, n, Interval(low, high, level, method), standard_error=error, notes=notes)


def _mean(rates: Sequence[tuple[float, Interval]]) -> _Mean:
    k = len(rates)
    below = math.sqrt(sum((value - interval.low) ** 2 for value, interval in rates)) / k
    above = math.sqrt(sum((interval.high - value) ** 2 for value, interval in rates)) / k
    return _Mean(sum(value for value, _ in rates) / k, below, above)


def worst(shares: Mapping[str, Share], /, *, level: float) -> Estimate:
    """The lowest rate of any class, and, in a note, which class it is.

    The least of k rates exceeds a bound only if each of them does, so its lower limit is the least of the classes'
    own lower limits (an intersection–union test, Berger 1982); its upper limit is the least of their upper limits
    at the Bonferroni level, because the class that looks worst was picked from k.
    """
    known = {c: share for c, share in shares.items() if share.value is not None}
    if not known:
        return absent(0, BOTH_KNOWN)
    name = min(known, key=lambda c: (known[c].value, c))
    share = known[name]
    low = min(wilson(s, level=level).low for s in known.values())
    high = min(wilson(s, level=1 - (1 - level) / len(known)).high for s in known.values())
    note = Message("worst-class", "the class is {label}", {"label": name})
    interval = Interval(low, high, level, "least of Wilson limits, upper ones Bonferroni")
    return Estimate(share.value, share.rows, interval, notes=(note,))


def macro_f1(counts: Counts, /, *, level: float) -> Estimate:
    """The mean over classes of F1 = 2TP / (labels + predictions), with an interval by the delta method.

    The derivative with respect to the weight of a row with label i and prediction j is, for K classes with sums
    D = labels + predictions, (2·[i = j] / D_i − F_i / D_i − F_j / D_j) / K (Takahashi et al. 2022, Applied
    Intelligence 52:4961-4972, section 3.2; here for totals, so that weights and repeated units enter). The interval
    is never narrower than that of independent classes by Wilson's limits: the derivatives vanish at F1 = 1.
    """
    names = classes(counts)
    code = {c: i for i, c in enumerate(names)}
    i, j = (_codes(counts, role, code) for role in ("label", "prediction"))
    keep = (i >= 0) & (j >= 0)
    n = int(counts.sums[N][keep].sum())
    if n == 0:
        return absent(0, BOTH_KNOWN)
    weight = np.where(keep, counts.values(), 0.0)
    both = _total(weight * (i == j), i, keep, len(names))
    size = _total(weight, i, keep, len(names)) + _total(weight, j, keep, len(names))
    f, per = _safe(2 * both, size), _safe(np.ones(len(names)), size)
    slope = (2.0 * (i == j) * per[i] - f[i] * per[i] - f[j] * per[j]) / np.count_nonzero(size)
    half = two_sided(level) * math.sqrt(linearised_variance(counts, np.where(keep, slope, 0.0)))
    per_row = counts.share({}).effective / float(counts.values().sum())
    least = _mean(
        [
            (2 * hit / (hit + union), f1_limits(Share(hit, union, n, union * per_row), level=level))
            for hit, union in zip(both, size - both, strict=True)
            if union > 0
        ]
    )
    mean = _Mean(least.value, max(half, least.below), max(half, least.above))
    return mean.estimate(n, level=level, method="delta method")


def _total(values: Floats, at: NDArray[np.int64], keep: NDArray[np.bool_], size: int) -> Floats:
    return np.bincount(at[keep], weights=values[keep], minlength=size).astype(np.float64)


def _safe(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.zeros(len(a)), where=b > 0)


def _codes(counts: Counts, role: str, code: Mapping[str, int]) -> NDArray[np.int64]:
    """The class of each cell as a number, -1 where it is missing."""
    dim = counts.dim(role)
    lookup = np.array([-1 if level is None else code[level] for level in dim.levels], dtype=np.int64)
    found: NDArray[np.int64] = lookup[counts.codes[:, counts.dims.index(dim)]]
    return found

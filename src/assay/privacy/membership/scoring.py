"""How well scores tell members from others: on rows the attack was not fitted on, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from assay.core.measure import Interval, Share
from assay.privacy.membership.answers import Floats
from assay.stats.auc import AUC, auc
from assay.stats.quantiles import check_level
from assay.stats.rates import newcombe

EXPECTED = 10
"""False positives that non-members must be able to give at a false positive rate: 1,000 of them at 1 %."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate and its interval."""

    value: float
    interval: Interval


def area(members: Floats, others: Floats, /, *, level: float = 0.95) -> AUC:
    """P(a member scores above a non-member) + ½ P(they tie), with DeLong's interval: 0.5 is a guess."""
    _, place = np.unique(np.concatenate([members, others]), return_inverse=True)
    size = int(place.max()) + 1
    counts = [np.bincount(part, minlength=size) for part in (place[: len(members)], place[len(members) :])]
    return auc(counts[0], counts[1], level=level)


def best_threshold(members: Floats, others: Floats, /) -> float:
    """The threshold t whose rule "a member where score >= t" has the largest TPR − FPR on these very rows."""
    values, place = np.unique(np.concatenate([members, others]), return_inverse=True)
    size = len(values)
    own, other = (np.bincount(part, minlength=size) for part in (place[: len(members)], place[len(members) :]))
    above = [np.cumsum(counts[::-1])[::-1] / max(1, counts.sum()) for counts in (own, other)]
    best = int(np.argmax(above[0] - above[1]))
    return float(values[best] if best == 0 else (values[best - 1] + values[best]) / 2)


def balanced_accuracy(members: Floats, others: Floats, /, *, threshold: float, level: float = 0.95) -> Rate:
    """½ (TPR + TNR) of the rule "a member where score >= threshold"; 0.5 is a guess.

    The threshold must not come from these rows. It is ½ (1 + TPR − FPR), and the interval Newcombe's for TPR − FPR.
    """
    shares = [Share(float((side >= threshold).sum()), len(side), len(side), len(side)) for side in (members, others)]
    found = newcombe(shares[0], shares[1], level=level)
    difference = shares[0].hits / shares[0].total - shares[1].hits / shares[1].total
    ends = Interval((1 + found.low) / 2, (1 + found.high) / 2, level, f"{found.method}, of TPR - FPR")
    return Rate((1 + difference) / 2, ends)


def needed(fpr: float, /) -> int:
    """Non-members from which a true positive rate at `fpr` is given: 1,000 at 1 %, 10,000 at 0.1 %."""
    return math.ceil(EXPECTED / fpr - 1e-9)


def tpr_at(members: Floats, others: Floats, /, *, fpr: float, level: float = 0.95) -> Rate:
    """The largest true positive rate of a rule "score > t" whose false positive rate is at most `fpr`.

    The value takes t from the non-members at hand: their quantile at 1 − fpr. That this t is not the one of
    all non-members is part of the interval: with the confidence (1 + level)/2 the true quantile lies between two order
    statistics (the distribution-free bounds of a quantile, David & Nagaraja 2003, Order Statistics, section 7.1), and
    at each of these the members have Clopper–Pearson limits with a quarter of 1 − level in the tail; by Bonferroni the
    interval holds at `level` or more, whatever the distributions, ties included.
    """
    check_level(level)
    ranked, n, m = np.sort(others), len(others), len(members)
    tail = (1 - level) / 4
    low, high = _order_statistics(n, 1 - fpr, tail)
    middle = ranked[max(1, math.ceil(n * (1 - fpr) - 1e-9)) - 1]
    most = int((members > ranked[low - 1]).sum()) if low >= 1 else m
    least = int((members > ranked[high - 1]).sum()) if high <= n else 0
    hits = int((members > middle).sum())
    method = "Clopper-Pearson at distribution-free bounds of the threshold"
    ends = Interval(_clopper_pearson(least, m, tail)[0], _clopper_pearson(most, m, tail)[1], level, method)
    return Rate(hits / m, ends)


def _order_statistics(n: int, p: float, tail: float) -> tuple[int, int]:
    """Ranks (from 1; 0 and n + 1 are the ends of the line) between which the quantile at `p` lies, but for `tail` on
    each side."""
    from scipy.special import bdtr

    counts = np.arange(0, n + 1, dtype=np.float64)
    cumulated = bdtr(counts, n, p)
    low = int(np.searchsorted(cumulated, tail, side="right"))  # P(Bin < low) <= tail
    high = int(np.searchsorted(cumulated, 1 - tail, side="left")) + 1  # P(Bin <= high - 1) >= 1 - tail
    return low, high


def _clopper_pearson(hits: int, n: int, tail: float) -> tuple[float, float]:
    """The exact limits of a rate with `tail` outside on each side (Clopper & Pearson 1934, Biometrika 26:404)."""
    from scipy.special import betaincinv

    low = float(betaincinv(hits, n - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return low, high

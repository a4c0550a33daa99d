"""Errors of one-to-one comparisons (is this the same person?) from scores by bin: positive is a mated pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Interval
from assay.data.coding import Favourable
from assay.data.counts import Counts
from assay.fairness.estimates import Estimate
from assay.fairness.scores.histogram import Histogram
from assay.fairness.words import empty_denominator
from assay.stats.quantiles import two_sided
from assay.stats.rates import wilson_bounds

Floats = NDArray[np.float64]
ERRORS = 30
"""Errors that must be expected at a threshold (Doddington's rule of 30: then within 30 % at 90 % confidence)."""


def equal_error_rate(mated: Histogram, nonmated: Histogram, /, *, level: float) -> Estimate:
    """The rate at which false matches and false non-matches are equally frequent, on straight lines between bins.

    The interval lies between the crossings of the lower and of the upper Wilson limits of the two curves. It holds
    `level` for one curve at the true crossing, and is wider than need be (up to 99.4 % for 95 %) where both errors
    count. Source: ISO/IEC 19795-1:2021, equal error rate; Wilson (1927).
    """
    rows = mated.rows + nonmated.rows
    if not mated.rows or not nonmated.rows:
        return Estimate(None, rows, reason=empty_denominator("both mated and other pairs, with score"))
    misses = np.append(0.0, np.cumsum(mated.size)) / mated.size.sum()
    matches = np.append(np.cumsum(nonmated.size[::-1])[::-1], 0.0) / nonmated.size.sum()
    z = two_sided(level)
    low_misses, high_misses = _limits(misses, mated.effective, z)
    low_matches, high_matches = _limits(matches, nonmated.effective, z)
    value = _crossing(misses, matches)
    low, high = min(value, _crossing(low_misses, low_matches)), max(value, _crossing(high_misses, high_matches))
    return Estimate(
        value,
        rows,
        mated.effective + nonmated.effective,
        Interval(low, high, level, "crossing of Wilson limits"),
        (high - low) / (2 * z),
        "equal error rate, on score bins",
    )


def _limits(rates: Floats, n: float, z: float) -> tuple[Floats, Floats]:
    return wilson_bounds(np.clip(rates, 0.0, 1.0), np.full(len(rates), n), z)


def _crossing(rising: Floats, falling: Floats) -> float:
    """Where two monotone curves of straight pieces meet; they start and end on different sides, or touch."""
    over = rising >= falling
    if over[0] or not over.any():
        i = 0 if over[0] else len(rising) - 1
        return float(rising[i] + falling[i]) / 2
    i = int(np.argmax(over))
    before, after = falling[i - 1] - rising[i - 1], rising[i] - falling[i]
    share = before / (before + after)
    return float(rising[i - 1] + share * (rising[i] - rising[i - 1]))


def first_bin(nonmated: Histogram, target: float, /) -> int | Message:
    """The lowest bin from which on at most a share `target` of the `nonmated` pairs score, or why there is none."""
    if nonmated.rows * target < ERRORS:
        words = "{rows} pairs of different people are too few to see a false match rate of {rate} (wanted: {wanted})"
        wanted = int(np.ceil(ERRORS / target))
        return Message("too-few-nonmated", words, {"rows": nonmated.rows, "rate": f"{target:g}", "wanted": wanted})
    above = np.cumsum(nonmated.size[::-1])[::-1] / nonmated.size.sum()
    fitting = np.flatnonzero(above <= target)
    if not len(fitting):
        words = "even the highest score bin has more than a share {rate} of the pairs of different people"
        return Message("bins-too-wide", words, {"rate": f"{target:g}"})
    return int(fitting[0])


def decided(counts: Counts, bins: dict[str, int], first: int, /) -> Counts:
    """The same Counts with a match as prediction "1" from score bin `first` on; a missing score decides nothing."""
    dim = counts.dim("score")
    levels = tuple(None if level is None else "1" if bins[level] >= first else "0" for level in dim.levels)
    made = replace(dim, role="prediction", name="match", coding=Favourable("1"), levels=levels)
    dims = [made if one.key == dim.key else one for one in counts.dims]
    return Counts.from_codes(
        dims, counts.codes, counts.sums, scales=counts.scales, weights=counts.weights, pairs=counts.pairs
    )

"""Errors of a model that predicts a number, from sums over the rows."""

from __future__ import annotations

import math
from fractions import Fraction

from assay.core.errors import Message
from assay.core.measure import Interval
from assay.data.counts import Counts
from assay.quality.disaggregate import Estimate, Quantity, absent, average
from assay.stats.quantiles import two_sided

SUMS = (
    "y",
    "y_squared",
    "error",
    "absolute_error",
    "squared_error",
    "squared_error_squared",
    "squared_error_y",
    "squared_error_y_squared",
    "y_cubed",
    "y_fourth",
)
WHAT = "both a label and a prediction"


def quantities(*, level: float) -> tuple[Quantity[Counts], ...]:
    """What is asked of a predicted number, of counts with the sums `SUMS`."""
    return (
        Quantity("r_squared", lambda counts: r_squared(counts, level=level)),
        Quantity("rmse", lambda counts: root_mean_squared_error(counts, level=level)),
        Quantity("mae", lambda counts: mean_of("absolute_error", "squared_error", counts, level=level)),
        Quantity("mean_error", lambda counts: mean_of("error", "squared_error", counts, level=level)),
    )


def mean_of(name: str, squares: str, counts: Counts, /, *, level: float) -> Estimate:
    """The mean of an error that Counts keep as the sums `name` and `squares`."""
    share = counts.share({})
    return average(
        counts.total(name), counts.total(squares), share.total, share.effective, share.rows, WHAT, level=level
    )


def root_mean_squared_error(counts: Counts, /, *, level: float) -> Estimate:
    """RMSE; its limits are the roots of those of the mean squared error (cut at 0), its standard error by delta."""
    mse = mean_of("squared_error", "squared_error_squared", counts, level=level)
    if mse.value is None:
        return mse
    root = math.sqrt(mse.value)
    interval = mse.interval and Interval(
        math.sqrt(max(0.0, mse.interval.low)), math.sqrt(mse.interval.high), level, f"{mse.interval.method}, root"
    )
    error = mse.standard_error / (2 * root) if mse.standard_error is not None and root > 0 else None
    return Estimate(root, mse.n, interval, standard_error=error)


def r_squared(counts: Counts, /, *, level: float) -> Estimate:
    """R² = 1 − Σe² / Σ(y − ȳ)², with an interval by the delta method; 0 is no better than the mean label.

    R² is a ratio of means, so a row moves it by z = −(e² − (1 − R²)(y − ȳ)²) / Var y, and Var R² = Var z / n (the
    derivative with respect to ȳ is 0). Var z is made from the sums of e⁴, e²y² and y⁴, centred in exact arithmetic;
    where a label lies so far from zero that their rounding would show, there is a value but no interval.
    """
    share = counts.share({})
    if share.value is None:
        return absent(share.rows, WHAT)
    total = Fraction(share.total)
    raw = {name: _exact(counts, name) / total for name in SUMS}
    mean, mse = raw["y"], raw["squared_error"]
    variance = raw["y_squared"] - mean**2
    if variance <= raw["y_squared"] * Fraction(ROUNDING):
        reason = Message("constant-label", "the label is the same in every row of this slice, to within rounding")
        return Estimate(None, share.rows, reason=reason)
    ratio = mse / variance
    value = float(1 - ratio)
    fourth = raw["y_fourth"] - 4 * mean * raw["y_cubed"] + 6 * mean**2 * raw["y_squared"] - 3 * mean**4
    mixed = raw["squared_error_y_squared"] - 2 * mean * raw["squared_error_y"] + mean**2 * mse
    spread = raw["squared_error_squared"] - 2 * ratio * mixed + ratio**2 * fourth
    size = raw["squared_error_squared"] + 2 * ratio * raw["squared_error_y_squared"] + ratio**2 * raw["y_fourth"]
    if share.rows < 3 or spread <= size * Fraction(100 * ROUNDING):
        return Estimate(value, share.rows, notes=(_NO_ERROR,))
    error = math.sqrt(spread / Fraction(share.effective)) / float(variance)
    half = two_sided(level) * error
    interval = Interval(value - half, min(1.0, value + half), level, "delta method")
    return Estimate(value, share.rows, interval, standard_error=error)


ROUNDING = 2.0**-50
"""What rounding the powers of a number to doubles may leave of their sum, relative to it."""
_NO_ERROR = Message("no-standard-error", "the sums do not hold enough digits, or rows, for a standard error")


def _exact(counts: Counts, name: str) -> Fraction:
    return Fraction(int(counts.sums[name].sum()) if len(counts) else 0, counts.scale_of(name))

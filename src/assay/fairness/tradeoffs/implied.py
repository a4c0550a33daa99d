"""Rates that groups would have if other rates were made equal, with delta-method errors from the cells."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.core.errors import Message
from assay.core.measure import Interval
from assay.data.counts import Counts
from assay.fairness.estimates import Estimate
from assay.fairness.rates import KNOWN
from assay.fairness.words import empty_denominator
from assay.stats.quantiles import two_sided

FPR_METHOD = "base-rate odds of the group times FP / P of all rows"
SELECTION_METHOD = "tpr and fpr of all rows, weighted by the group's base rate"
NO_FALSE_POSITIVE = Message(
    "no-false-positive", "no row is wrongly predicted favourable, and without error all these measures hold together"
)


FEWEST = 10
"""Groups with fewer labels of either kind are shown, but not compared: the delta method needs more."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Sums of rows (of weights) by label and prediction; `rows` counts them, `inflation` is the design effect."""

    tp: float
    fp: float
    fn: float
    tn: float
    rows: int
    inflation: float

    @classmethod
    def of(cls, counts: Counts, /) -> Confusion:
        """The cells of Counts by label and prediction; rows that lack either are left out."""
        known = {"label": KNOWN, "prediction": KNOWN}
        cells = [counts.share({"label": y, "prediction": p}, known) for y in "10" for p in "10"]
        whole = counts.share({"label": "1"}, known)
        tp, fn, fp, tn = (cell.hits for cell in cells)
        return cls(tp, fp, fn, tn, whole.rows, whole.total / whole.effective if whole.effective > 0 else 1.0)

    @property
    def favourable(self) -> float:
        """Rows whose label is favourable."""
        return self.tp + self.fn

    @property
    def unfavourable(self) -> float:
        """Rows whose label is unfavourable."""
        return self.fp + self.tn

    @property
    def enough(self) -> bool:
        """True when a comparison may rest on these rows."""
        return min(self.favourable, self.unfavourable) / self.inflation >= FEWEST

    @property
    def total(self) -> float:
        """All rows."""
        return self.favourable + self.unfavourable


def implied_fpr(base_rate: float, ppv: float, fnr: float, /) -> float:
    """The false positive rate that follows: p / (1 − p) · (1 − PPV) / PPV · (1 − FNR).

    Above 1 where no predictions can have that PPV and FNR at that base rate. `base_rate` below 1 and `ppv` above 0.
    Source: Chouldechova (2017), Big Data 5:153, eq. 2.6.
    """
    return base_rate / (1 - base_rate) * (1 - ppv) / ppv * (1 - fnr)


def fpr_of(group: Confusion, whole: Confusion, /, *, level: float) -> Estimate:
    """The group's false positive rate if it had the PPV and FNR of all rows, interval on the log scale.

    With those, (1 − PPV) / PPV · (1 − FNR) is FP / P of all rows, so the log of the rate is log P_g − log N_g +
    log FP − log P. `whole` contains `group`; a row counts in both, and its influence is taken once.
    """
    if whole.fp <= 0 or whole.tp <= 0:
        return Estimate(None, group.rows, reason=NO_FALSE_POSITIVE if whole.tp > 0 else empty_denominator("ppv"))
    if group.unfavourable <= 0:
        return Estimate(None, group.rows, reason=empty_denominator("unfavourable labels"))
    ppv, fnr = whole.tp / (whole.tp + whole.fp), whole.fn / whole.favourable
    value = implied_fpr(group.favourable / group.total, ppv, fnr)
    if group.favourable <= 0:
        return Estimate(value, group.rows, method=FPR_METHOD)
    p, n, fp, everyone = group.favourable, group.unfavourable, whole.fp, whole.favourable
    variance = (
        p * (1 / p - 1 / everyone) ** 2
        + group.tn / n**2
        + group.fp * (1 / fp - 1 / n) ** 2
        + (everyone - p) / everyone**2
        + (fp - group.fp) / fp**2
    )
    error = math.sqrt(variance * whole.inflation)
    reach = math.exp(two_sided(level) * error)
    interval = Interval(value / reach, value * reach, level, "delta method on the log")
    return Estimate(value, group.rows, group.total / group.inflation, interval, value * error, FPR_METHOD)


def selection_of(group: Confusion, whole: Confusion, /, *, level: float) -> Estimate:
    """The group's selection rate if it had the TPR and FPR of all rows: p · TPR + (1 − p) · FPR."""
    if whole.favourable <= 0 or whole.unfavourable <= 0 or group.total <= 0:
        return Estimate(None, group.rows, reason=empty_denominator("both labels"))
    tpr, fpr, p = whole.tp / whole.favourable, whole.fp / whole.unfavourable, group.favourable / group.total
    value = p * tpr + (1 - p) * fpr
    variance = 0.0
    for y, hits, rate, everyone, share in (
        (1, (group.tp, whole.tp), tpr, whole.favourable, p),
        (0, (group.fp, whole.fp), fpr, whole.unfavourable, 1 - p),
    ):
        own = (y - p) * (tpr - fpr) / group.total
        size = group.favourable if y else group.unfavourable
        for selected in (1, 0):
            inside = hits[0] if selected else size - hits[0]
            outside = (hits[1] if selected else everyone - hits[1]) - inside
            common = share * (selected - rate) / everyone
            variance += inside * (own + common) ** 2 + outside * common**2
    error = math.sqrt(variance * whole.inflation)
    if error <= 0:
        return Estimate(value, group.rows, method=SELECTION_METHOD)
    reach = two_sided(level) * error
    interval = Interval(max(0.0, value - reach), min(1.0, value + reach), level, "delta method")
    return Estimate(value, group.rows, group.total / group.inflation, interval, error, SELECTION_METHOD)

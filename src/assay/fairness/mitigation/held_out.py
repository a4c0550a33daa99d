"""How much a gap between groups shrank on rows that nothing was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, unknown
from assay.core.measure import Interval
from assay.fairness.mitigation.groups import Codes
from assay.stats.bootstrap import multinomial, percentile

Floats = NDArray[np.float64]
RATES = ("selection_rate", "tpr", "fpr")


@dataclass(frozen=True, slots=True)
class Reduction:
    """The widest gap of a rate between groups by two rules on the same rows, and by how much it shrank.

    `interval` is that of `value` = `before` − `after`: the gap became smaller where it lies above 0. None where too
    many resamples lack a denominator.
    """

    rate: str
    before: float
    after: float
    value: float
    interval: Interval | None

    @property
    def excludes_zero(self) -> bool:
        """True where the gap became smaller beyond chance."""
        return self.interval is not None and self.interval.low > 0


def gap_reduction(
    before: Any,
    after: Any,
    y: Any,
    codes: Codes,
    /,
    *,
    rate: str = "selection_rate",
    level: float = 0.95,
    replicates: int = 1000,
    rng: np.random.Generator,
) -> Reduction:
    """The Reduction from the decisions `before` to `after`, with the bootstrap interval of paired rows.

    Decisions and outcome are 0 or 1, one a row; `codes` numbers the groups. Rows with equal group, outcome and both
    decisions are one cell, so that a resample is one multinomial draw. A group without a row in the rate's denominator
    is an error.
    """
    if rate not in RATES:
        raise unknown("rate", rate, RATES, code="parameter")
    cells = _cells(np.asarray(before), np.asarray(after), np.asarray(y), codes)
    gaps = _gaps(cells[None], rate)
    if not np.isfinite(gaps).all():
        raise AssayError(
            f"A group has no row in the denominator of {rate}.", code="empty-denominator", hint="Leave that group out."
        )
    draws = multinomial(cells, lambda t: -np.diff(_gaps(t, rate), axis=1)[:, 0], replicates=replicates, rng=rng)
    first, second = float(gaps[0, 0]), float(gaps[0, 1])
    return Reduction(rate, first, second, first - second, percentile(draws, level=level))


def _cells(before: Floats, after: Floats, y: Floats, codes: Codes) -> Floats:
    """(groups, outcome, before, after) rows."""
    groups = int(codes.max()) + 1
    place = ((codes * 2 + y) * 2 + before) * 2 + after
    return np.bincount(place.astype(np.int64), minlength=groups * 8).astype(np.float64).reshape(groups, 2, 2, 2)


def _gaps(tables: Floats, rate: str) -> Floats:
    """(tables, 2) widest gap of the rate before and after; NaN where a group has no denominator."""
    among = {"selection_rate": slice(None), "tpr": slice(1, 2), "fpr": slice(0, 1)}[rate]
    part = tables[:, :, among].sum(axis=2)
    rows = part.sum(axis=(2, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.stack([part[:, :, 1, :].sum(axis=2) / rows, part[:, :, :, 1].sum(axis=2) / rows], axis=2)
    return np.asarray(shares.max(axis=1) - shares.min(axis=1))

"""What decisions do to held-out rows: accuracy and the widest gap between groups, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.measure import Interval, Share
from assay.fairness.frontier.rows import Rows
from assay.fairness.mitigation.groups import shown
from assay.fairness.mitigation.held_out import RATES, Reduction, gap_reduction
from assay.fairness.mitigation.mitigation import Ints
from assay.stats.gaps import widest_gap
from assay.stats.rates import wilson

SMALLEST = 30
"""Rows that a group needs in the rate's denominator to be compared, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Held:
    """A number on held-out rows, its interval and the rows behind it."""

    value: float
    interval: Interval
    n: int

    def to_json(self) -> dict[str, Any]:
        """The number as JSON types."""
        return {"value": self.value, "interval": self.interval.to_json(), "n": self.n}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Accuracy over all rows, and the widest gap of the rate, with its highest and lowest group."""

    accuracy: Held
    gap: Held
    high: Mapping[str, str | None]
    low: Mapping[str, str | None]


@dataclass(frozen=True, eq=False)
class Judge:
    """Compares decisions on some rows by one rate: selection_rate, tpr or fpr.

    `places` are the rows of the groups that are large enough, `left_out` the groups that are not.
    """

    rows: Rows
    rate: str
    level: float
    places: Ints
    left_out: tuple[Mapping[str, str | None], ...]

    @classmethod
    def of(cls, rows: Rows, /, *, rate: str = "selection_rate", level: float = 0.95, smallest: int = SMALLEST) -> Judge:
        """The Judge of some rows; fewer than two groups of `smallest` rows in the denominator are an error."""
        if rate not in RATES:
            raise unknown("rate", rate, RATES, code="parameter")
        sizes = np.bincount(rows.codes[_among(rows, rate)], minlength=len(rows.groups))
        large = np.flatnonzero(sizes >= max(1, smallest))
        if len(large) < 2:
            raise AssayError(
                f"{len(large)} of {len(sizes)} groups ({shown(rows.groups.levels)}) have {smallest} held-out rows in "
                f"the denominator of {rate}; a comparison needs two.",
                code="too-few-groups",
                hint="Hold out more rows, or lower smallest.",
            )
        present = np.bincount(rows.codes, minlength=len(sizes)) > 0
        small = tuple(rows.groups.slice(int(g)) for g in np.flatnonzero((sizes < smallest) & present))
        return cls(rows, rate, level, np.flatnonzero(np.isin(rows.codes, large)), small)

    def outcome(self, decisions: Ints, /) -> Outcome:
        """Accuracy and gap of (rows,) decisions."""
        rows, right = self.rows, int((decisions == self.rows.y).sum())
        there = np.flatnonzero(_among(rows, self.rate) & np.isin(np.arange(len(rows)), self.places))
        groups = np.unique(rows.codes[there])
        shares = [_share(decisions[there][rows.codes[there] == g]) for g in groups]
        found = widest_gap(shares, level=self.level)
        accuracy = Share(right, len(rows), len(rows), len(rows))
        return Outcome(
            accuracy=Held(right / len(rows), wilson(accuracy, level=self.level), len(rows)),
            gap=Held(found.value, found.interval, len(there)),
            high=rows.groups.slice(int(groups[found.high])),
            low=rows.groups.slice(int(groups[found.low])),
        )

    def reduction(self, before: Ints, after: Ints, /, *, seed: int) -> Reduction:
        """By how much the gap shrank, on the same rows."""
        at = self.places
        codes = np.unique(self.rows.codes[at], return_inverse=True)[1].reshape(-1)
        rng = np.random.default_rng(seed)
        return gap_reduction(before[at], after[at], self.rows.y[at], codes, rate=self.rate, level=self.level, rng=rng)


def _among(rows: Rows, rate: str) -> Any:
    """(rows,) True where the row is in the denominator of the rate."""
    return np.ones(len(rows), bool) if rate == "selection_rate" else rows.y == (rate == "tpr")


def _share(decisions: Ints) -> Share:
    return Share(int(decisions.sum()), len(decisions), len(decisions), len(decisions))

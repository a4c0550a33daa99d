"""How large the largest difference of any slice is when the outcome has nothing to do with the columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.fairness.subgroups.confirmation.estimates import Rows, difference
from assay.fairness.subgroups.confirmation.held_out import Confirmation, Confirmed
from assay.fairness.subgroups.confirmation.shuffles import shuffles, summed, upper_quantile
from assay.fairness.subgroups.distinct import distinct
from assay.fairness.subgroups.encoding import Encoded
from assay.fairness.subgroups.lattice import Floats, Table, walk
from assay.fairness.subgroups.ranking import AllRows, permutation_z, support_rows
from assay.fairness.subgroups.search import Search


@dataclass(frozen=True, eq=False)
class Extremes:
    """(shuffles,) the highest and lowest z of any slice of enough rows under each shuffle, and how many slices."""

    highest: Floats
    lowest: Floats
    slices: int

    def p_value(self, z: float, /) -> float:
        """Adjusted for the whole search: how often the highest z of all slices is z or more, this sample counted too.

        Valid for any slice however chosen (Westfall & Young 1993, single-step maxT; Phipson & Smyth 2010, eq. 2).
        """
        beyond = int((self.highest >= z - 1e-9 * abs(z)).sum())
        return (1 + beyond) / (1 + len(self.highest))

    def critical(self, level: float, /) -> float:
        """|z| that no slice exceeds, in `level` of all shuffles."""
        return float(upper_quantile(np.maximum(self.highest, -self.lowest), level))


def extremes(
    encoded: Encoded, values: Floats, /, *, max_depth: int, support: int, permutations: int, seed: int
) -> Extremes:
    """The Extremes over every slice of `support` rows or more up to `max_depth`, not only those that are shown."""
    outcomes = AllRows.of(values)
    parts: list[Extremes] = []
    for shuffled in shuffles(values, permutations, np.random.default_rng([seed, permutations])):
        part = _Largest(outcomes, support, max_depth, shuffled)
        walk(encoded, values, part.visit, max_depth=max_depth)
        parts.append(Extremes(part.highest, part.lowest, part.slices))
    highest, lowest = (np.concatenate([getattr(part, name) for part in parts]) for name in ("highest", "lowest"))
    return Extremes(highest, lowest, parts[0].slices)


class _Largest:
    """Visits every table and keeps the highest and lowest z of each shuffle."""

    def __init__(self, outcomes: AllRows, support: int, max_depth: int, shuffled: NDArray[np.floating[Any]], /) -> None:
        self.outcomes, self.support, self.max_depth, self.shuffled = outcomes, support, max_depth, shuffled
        self.highest = np.full(shuffled.shape[1], -np.inf)
        self.lowest = np.full(shuffled.shape[1], np.inf)
        self.slices = 0

    def visit(self, table: Table, /) -> NDArray[np.intp]:
        n = table.n.ravel()
        enough = np.flatnonzero((n >= self.support) & (n < self.outcomes.rows))
        self.slices += len(enough)
        if len(enough):
            z = self._z(self._sums(table, n.shape[0])[enough], n[enough])
            np.maximum(self.highest, z.max(axis=0), out=self.highest)
            np.minimum(self.lowest, z.min(axis=0), out=self.lowest)
        return np.flatnonzero(n >= self.support) if len(table.columns) < self.max_depth else enough[:0]

    def _z(self, sums: Floats, n: NDArray[np.int64]) -> Floats:
        known = self.outcomes
        sizes = n.astype(np.float64)[:, None]
        return permutation_z(sizes, sums, float(known.rows), known.total, known.variance)

    def _sums(self, table: Table, size: int) -> Floats:
        """(slices, shuffles) sums of the shuffled outcomes."""
        rows = np.arange(len(self.shuffled)) if table.rows is None else table.rows
        parts = 1 + int(table.cells.max()) // size  # rows whose own outcome is 1 may have places of their own
        sums = summed(table.cells, rows, self.shuffled, size=parts * size)
        return np.asarray(sums.reshape(parts, size, -1).sum(axis=0))


def confirm_by_permutation(
    encoded: Encoded, rows: Rows, /, *, search: Search, level: float, seed: int, permutations: int
) -> Confirmation:
    """The best slices of all rows, with p-values and intervals that hold for every slice of the search at once.

    p-values are one-sided for a worse slice and adjusted for the search. Intervals are those of two independent samples
    at the |z| that the largest |z| of all slices stays under in `level` of the shuffles. Rows must be independent
    and alike: AssayError "weighted" where they have weights or units.
    """
    if not rows.plain:
        hint = "Use the held-out half, which takes both."
        raise AssayError("Rows with weights or repeated units cannot be shuffled.", code="weighted", hint=hint)
    support = support_rows(search.support, encoded.rows)
    best = distinct(encoded, rows.values, search=search)
    drawn = extremes(
        encoded, rows.values, max_depth=search.max_depth, support=support, permutations=permutations, seed=seed
    )
    known = AllRows.of(rows.values)
    reach = drawn.critical(level)
    slices = []
    for found in best.found:
        one = difference(rows, encoded.inside(found.conditions), level=level, z=reach)
        z = permutation_z(
            np.array([float(found.n)]), np.array([found.total]), float(known.rows), known.total, known.variance
        )
        tested = replace(one, p_value=drawn.p_value(float(z[0])), method="highest z of all slices")
        slices.append(Confirmed(found, tested))
    method = f"{permutations} permutations of {drawn.slices} slices"
    return Confirmation(tuple(slices), best, method, corrected=True)

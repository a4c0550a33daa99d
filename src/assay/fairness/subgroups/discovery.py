"""The worst slices of a table, told apart, tested where they were not found, as Measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError, Message, unknown
from assay.core.measure import Interval, Measure
from assay.fairness.subgroups.confirmation.estimates import Rows
from assay.fairness.subgroups.confirmation.held_out import Confirmation, Confirmed, confirm_held_out
from assay.fairness.subgroups.confirmation.permutation import confirm_by_permutation
from assay.fairness.subgroups.encoding import Encoded, encode
from assay.fairness.subgroups.lattice import combinations
from assay.fairness.subgroups.outcomes import Outcome
from assay.fairness.subgroups.search import Search
from assay.fairness.words import left_out_rows

Confirm = Literal["held-out", "permutation"]
VISITS, TABLE = 6_000_000_000, 10_000
"""Row visits that a depth chosen here may take (some 20 s), and what a table costs beside its rows, in visits."""


@dataclass(frozen=True, eq=False)
class Discovery:
    """The worst slices by one outcome, best rank first, over the columns of `encoded`.

    `encoded` and `rows` are the rows that have the outcome, as a tree or a map of errors takes them too; `left_out`
    counts the others.
    """

    outcome: Outcome
    encoded: Encoded
    rows: Rows
    search: Search
    confirmation: Confirmation
    left_out: int

    def measures(self, *more: Message) -> Iterator[Measure]:
        """`slice_<outcome>_difference` of every slice, slice minus rest; without a slice, one that says so."""
        notes = (*self._notes(), *more)
        if not self.confirmation.slices:
            text = "no slice of {support} rows or more, of up to {depth} columns, is worse than the rest"
            params = {"support": self.confirmation.best.support, "depth": self.search.max_depth}
            reason = Message("no-slice", text, params)
            yield Measure(self.name, None, self.encoded.rows, reason=reason, notes=notes)
        for confirmed in self.confirmation.slices:
            yield self._measure(confirmed, notes)

    @property
    def name(self) -> str:
        """Name of the Measures."""
        return f"slice_{self.outcome.what}_difference"

    def slice(self, confirmed: Confirmed, /) -> dict[str, str | None]:
        """Column -> level of a slice."""
        return self.encoded.name(confirmed.found.conditions)

    def _measure(self, confirmed: Confirmed, notes: tuple[Message, ...]) -> Measure:
        one, turned = confirmed.difference, self.outcome.complement
        value, interval = one.value, one.interval
        if one.inside is not None and one.outside is not None:
            inside, outside = (1 - mean if turned else mean for mean in (one.inside, one.outside))
            text = "{inside:.4g} in the slice and {outside:.4g} in the rest"
            notes = (Message("slice-and-rest", text, {"inside": inside, "outside": outside}), *notes)
            value = inside - outside
        if turned and interval is not None:
            interval = Interval(-interval.high, -interval.low, interval.level, interval.method)
        return Measure(
            self.name,
            value,
            one.n,
            slice=self.slice(confirmed),
            interval=interval,
            p_value=one.p_value,
            family="" if self.confirmation.corrected else self.name,
            method="; ".join(filter(None, (one.method, self.confirmation.method, self._searched()))),
            reason=one.reason,
            notes=notes,
        )

    def _searched(self) -> str:
        best, search = self.confirmation.best, self.search
        by = f"score with alpha {search.alpha:g}" if search.rank == "score" else search.rank
        return f"found by {by} over up to {search.max_depth} columns, {best.support} rows or more"

    def _notes(self) -> Iterator[Message]:
        if self.left_out:
            yield left_out_rows(self.left_out, f"what {self.outcome.what} takes")
        if self.encoded.left_out:
            names = ", ".join(self.encoded.left_out)
            yield Message(
                "columns-left-out", "columns that say nothing or cannot be compared: {names}", {"names": names}
            )


def find(
    table: Any,
    outcome: Outcome,
    /,
    *,
    columns: Sequence[str] = (),
    weights: NDArray[np.float64] | None = None,
    units: NDArray[np.int64] | None = None,
    search: Search | None = None,
    bins: int = 10,
    confirm: Confirm = "held-out",
    permutations: int = 199,
    level: float = 0.95,
    seed: int = 0,
) -> Discovery:
    """The slices of a `pyarrow.Table` where `outcome` is worst, over `columns` (all), exact, with tests that hold.

    `weights` (sampling weights) and `units` (whose row it is) are one number a row; the search counts rows, the
    estimates weigh them. `bins`: into how many a column of numbers is cut. `confirm`: "held-out" finds slices on one
    half and measures them on the other; "permutation" uses all rows for both, with p-values and intervals that hold
    for all slices of the search together.
    """
    if confirm not in get_args(Confirm):
        raise unknown("way to confirm", confirm, get_args(Confirm))
    search = search or Search()
    known = outcome.known
    if not known.any():
        raise AssayError(f"No row has what {outcome.what} takes.", code="empty-denominator")
    encoded = encode(table, columns or table.column_names, bins=bins).take(known)
    rows = Rows(outcome.values, weights, units).take(known)
    if confirm == "held-out":
        found = confirm_held_out(encoded, rows, search=search, level=level, seed=seed)
    else:
        found = confirm_by_permutation(encoded, rows, search=search, level=level, seed=seed, permutations=permutations)
    return Discovery(outcome, encoded, rows, search, found, int((~known).sum()))


def affordable_depth(columns: int, rows: int, /, *, most: int) -> int:
    """The greatest depth up to `most` at which every combination of columns can be counted in about 20 seconds."""
    cost = rows + TABLE
    return max([1, *(d for d in range(2, most + 1) if combinations(columns, d) * cost <= VISITS)])

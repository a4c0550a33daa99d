"""How far each reason of a table lowered the answers, against the rows of a baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.explain.attribution import Attributions
from assay.explain.columns import Columns, Floats
from assay.explain.words.reasons.codes import CodeTable

Places = NDArray[np.int64]
_STATES = ("low", "high", "missing", "same")
_IN_WORDS = {"low": "below the baseline", "high": "above the baseline", "missing": "missing", "same": "any value"}


@dataclass(frozen=True, eq=False)
class Factors:
    """`amounts` (rows, codes): what the columns of each code added together; below 0 it lowered the answer.

    `assigned` (rows, columns): place of the code that the column has in that row, -1 where the table has none for its
    direction. `states` (rows, columns): place in ("low", "high", "missing", "same") of the value against the baseline.
    `values` (rows, columns): what each column added.
    """

    amounts: Floats
    assigned: Places
    states: Places
    values: Floats

    @property
    def least(self) -> Floats:
        """(rows,) what is not below this is within the rounding of a sum, and lowered nothing."""
        return np.asarray(-1e-9 * (1 + np.abs(self.values).sum(axis=1)))


def check_columns(table: CodeTable, columns: Columns, /) -> None:
    """Raises AssayError that names the columns of the model for which the table has no code at all."""
    coded = {name for code in table.codes for name in code.columns}
    for code in table.codes:
        if code.direction in ("low", "high"):
            for name in (
                name for name in code.columns if name in columns.names and columns.nominal[columns.place(name)]
            ):
                raise AssayError(
                    f"Reason {code.code} is for a {code.direction} {name!r}, whose values are categories.",
                    code="codes",
                    hint='Categories have no order: use direction = "any" or "missing".',
                )
    lacking = [name for name in columns.names if name not in coded]
    if lacking:
        raise AssayError(
            f"The table {table.name!r} has no code for {len(lacking)} of the model's columns: "
            f"{', '.join(map(repr, lacking[:10]))}.",
            code="codes",
            hint="Every column that is scored can be a principal reason: give each a code.",
        )


def factors(table: CodeTable, found: Attributions, baseline: Floats, /) -> Factors:
    """The Factors of every explained row; `baseline` (n, columns) are the rows of the baseline.

    A column belongs to the code for its direction in that row: "low" below the mean of the baseline, "high" above it,
    "missing"; where there is none, to its code for "any". Contributions of the columns of one code are summed, so that
    several columns are one factor, as their author says they are.
    """
    codes = _codes_by_state(table, found.columns)
    states = _states(found.rows, found.columns, baseline)
    assigned = np.take_along_axis(codes, states.T, axis=1).T
    amounts = np.zeros((len(found), len(table.codes)))
    for j in range(len(found.columns)):
        known = np.flatnonzero(assigned[:, j] >= 0)
        amounts[known, assigned[known, j]] += found.values[known, j]
    return Factors(amounts, assigned, states, found.values)


def principal(found: Factors, /, *, count: int) -> NDArray[np.bool_]:
    """(rows, codes) True for the at most `count` codes that lowered the answer most; ties by the order of the table."""
    order = np.argsort(found.amounts, axis=1, kind="stable")[:, :count]
    chosen = np.zeros(found.amounts.shape, dtype=bool)
    np.put_along_axis(chosen, order, True, axis=1)
    return np.asarray(chosen & (found.amounts < found.least[:, None]))


def check_named(found: Factors, columns: Columns, /, *, count: int) -> None:
    """Raises AssayError where a column without a code for its direction is among the principal reasons of a row."""
    chosen = principal(found, count=count)
    weakest = np.where(chosen, found.amounts, -np.inf).max(axis=1, initial=-np.inf)
    bar = np.minimum(np.where(chosen.sum(axis=1) < count, 0.0, weakest), found.least)
    unnamed = np.where(found.assigned < 0, found.values, 0.0)
    rows, places = np.nonzero(unnamed < bar[:, None])
    if len(rows):
        name, state = columns.names[places[0]], _STATES[found.states[rows[0], places[0]]]
        direction = "any" if state == "same" else state
        raise AssayError(
            f"Column {name!r} is among the principal reasons of a row, and the table has no code for it "
            f"where it is {_IN_WORDS[state]}.",
            code="codes",
            hint=f'Give it a reason with direction = "{direction}".',
        )


def _states(rows: Floats, columns: Columns, baseline: Floats) -> Places:
    known = ~np.isnan(baseline)
    total = np.where(known, baseline, 0.0).sum(axis=0)
    mean = total / np.maximum(known.sum(axis=0), 1)
    states = np.where(rows < mean, 0, np.where(rows > mean, 1, 3))
    states[:, columns.nominal | ~known.any(axis=0)] = 3
    return np.where(np.isnan(rows), 2, states).astype(np.int64)


def _codes_by_state(table: CodeTable, columns: Columns) -> Places:
    """(columns, states) place of the code, -1 for none."""
    codes = np.full((len(columns), len(_STATES)), -1, dtype=np.int64)
    for any_first in (True, False):
        for place, code in enumerate(table.codes):
            if (code.direction == "any") != any_first:
                continue
            for name in (name for name in code.columns if name in columns.names):
                where = slice(None) if any_first else _STATES.index(code.direction)
                codes[columns.place(name), where] = place
    return codes

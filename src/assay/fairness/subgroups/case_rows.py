"""What the search for slices takes from a Case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.data.roles.observed import selective
from assay.fairness.subgroups.outcomes import OUTCOMES, Columns, Outcome, outcome

if TYPE_CHECKING:
    from assay.data.case import Case

MOST_PEOPLE = 20_000_000
"""Rows that stand for several people are written out up to so many."""


@dataclass(frozen=True, eq=False)
class CaseRows:
    """A `pyarrow.Table` of the columns to slice by, with the outcome, sampling weight and unit of every row.

    `sampled` says that these are not all rows of the Case.
    """

    table: Any
    outcome: Outcome
    weights: NDArray[np.float64] | None
    units: NDArray[np.int64] | None
    sampled: bool


def case_rows(
    case: Case, /, *, what: str | None = None, columns: Sequence[str] = (), rows: int | None = None, seed: int = 0
) -> CaseRows:
    """The rows of `case`, or a seeded sample of `rows`, by `columns` (the protected attributes and all features).

    `what` names the outcome; by default the first for the task. With the role observed only `selection_rate` is left,
    and any other is an error. Rows with a frequency weight are written out.
    """
    from assay.fairness.proxy.features import code_groups

    roles = case.roles
    if case.task not in OUTCOMES:
        raise AssayError("A case without an outcome has no errors.", code="task", hint="Give a label and a prediction.")
    what = what or OUTCOMES[case.task][0]
    if roles.observed is not None and what != "selection_rate":
        raise selective(f"The search for slices by {what}")
    wanted = tuple(dict.fromkeys(columns or (*roles.protected, *roles.features)))
    single = [roles.label, roles.prediction, roles.weight, roles.unit]
    scores = [*roles.scores.values()] or ([roles.score] if isinstance(roles.score, str) else [])
    needed = dict.fromkeys([*wanted, *(name for name in (*single, *scores) if name)])
    if case.held_out and roles.split:
        needed[roles.split] = None
    table = case.rows(tuple(needed), limit=rows, seed=seed)
    sampled = table.num_rows < case.n
    if case.held_out and roles.split:
        table = table.filter(_held_out(table.column(roles.split), case.held_out))
    if roles.weight is not None and roles.weights == "frequency":
        table = _written_out(table, roles.weight)
    weights = None
    if roles.weight is not None and roles.weights != "frequency":
        weights = np.asarray(table.column(roles.weight).to_numpy(), dtype=np.float64)
    units = code_groups(table.column(roles.unit)) if roles.unit else None
    if units is not None and len(np.unique(units)) == len(units):
        units = None
    made = outcome(_columns(table, case), what, task=case.task)
    return CaseRows(table.select(wanted), made, weights, units, sampled)


def _columns(table: Any, case: Case) -> Columns:
    roles = case.roles
    scores = {level: table.column(name) for level, name in roles.scores.items()}
    one = table.column(roles.score) if isinstance(roles.score, str) else scores.get(roles.favourable or "")
    return Columns(
        label=table.column(roles.label) if roles.label else None,
        prediction=table.column(roles.prediction) if roles.prediction else None,
        score=one,
        scores=scores,
        favourable=roles.favourable,
        threshold=roles.threshold,
    )


def _held_out(split: Any, levels: Sequence[str]) -> Any:
    """True for rows whose split is one of `levels`: the model is not judged on what it was fitted on."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.is_in(pc.cast(split, pa.string()), value_set=pa.array(levels, pa.string()))


def _written_out(table: Any, weight: str) -> Any:
    times = np.asarray(table.column(weight).to_numpy(), dtype=np.float64)
    if (times != np.rint(times)).any() or times.sum() > MOST_PEOPLE:
        raise AssayError(
            f"Rows can be written out for whole weights of up to {MOST_PEOPLE:,} in all; those in {weight!r} come to "
            f"{times.sum():,.6g}.",
            code="weighted",
            hint="Give weights='sampling', or fewer rows.",
        )
    return table.take(np.repeat(np.arange(table.num_rows), times.astype(np.int64)))

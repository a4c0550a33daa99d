"""Rows on which a model is judged, one by one, and the group of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.measure import Slice
from assay.data.rows.columns import column_of, encode, levels_of, numbers_of
from assay.fairness.subgroups.outcomes import Columns, outcome

if TYPE_CHECKING:
    from assay.data.case import Case

Floats = NDArray[np.float64]
MORE = 4
"""Rows read for each one wanted where training rows are then dropped."""


@dataclass(frozen=True, eq=False)
class RowGroups:
    """(rows,) `codes` into `slices`, the groups of the attributes `over`."""

    over: tuple[str, ...]
    slices: tuple[Slice, ...]
    codes: NDArray[np.int64]


def judged_rows(case: Case, columns: Sequence[str], /, *, rows: int, seed: int) -> Any:
    """A `pyarrow.Table` of the columns: all rows, or a seeded sample of at most `rows`.

    Where the split names training rows they are left out: a model is not judged on what it was fitted on.
    """
    import pyarrow as pa

    split = case.roles.split if case.held_out else None
    names = tuple(dict.fromkeys((*columns, *((split,) if split else ()))))
    table = case.rows(names, limit=rows * MORE if split else rows, seed=seed)
    if split:
        coded = encode(table.column(split))
        levels = levels_of(coded.values, column_of(split, table.column(split).type))
        kept = np.array([level in case.held_out for level in levels])[coded.codes]
        table = table.filter(pa.array(kept))
    if table.num_rows > rows:
        table = table.take(np.sort(np.random.default_rng(seed).choice(table.num_rows, rows, replace=False)))
    return table


def outcome_columns(case: Case, /) -> tuple[str, ...]:
    """The columns that prediction and score are read from."""
    roles = case.roles
    named = (roles.prediction, roles.scores.get(roles.favourable or ""), roles.score)
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str)))


def selected(case: Case, table: Any, /) -> Floats:
    """(rows,) 1 where the prediction is favourable, 0 where it is not, NaN where there is none; binary tasks."""
    roles = case.roles
    columns = Columns(
        prediction=table.column(roles.prediction) if roles.prediction else None,
        score=_score_column(case, table),
        favourable=roles.favourable,
        threshold=roles.threshold,
    )
    return 1 - outcome(columns, "selection_rate", task="binary").values


def favourable_labels(case: Case, table: Any, /) -> Floats:
    """(rows,) 1 where the label is favourable, 0 where it is not, NaN where it is missing; binary tasks."""
    name = str(case.roles.label)
    coded = encode(table.column(name))
    levels = levels_of(coded.values, column_of(name, table.column(name).type))
    values = [np.nan if level is None else float(level == case.roles.favourable) for level in levels]
    return np.array(values)[coded.codes]


def scores(case: Case, table: Any, /) -> Floats | None:
    """(rows,) score of the favourable label, NaN where it is missing; None where there is no score."""
    column = _score_column(case, table)
    if column is None:
        return None
    return numbers_of(column.combine_chunks(), column_of("score", column.type))


def _score_column(case: Case, table: Any) -> Any:
    name = case.roles.scores.get(case.roles.favourable or "") or case.roles.score
    return table.column(name) if isinstance(name, str) else None


def row_groups(table: Any, attributes: Sequence[str], /, *, depth: int) -> Iterator[RowGroups]:
    """The groups of every attribute, and of every crossing of up to `depth`; a missing value is a group."""
    levels: dict[str, list[str | None]] = {}
    codes: dict[str, NDArray[np.int64]] = {}
    for name in attributes:
        coded = encode(table.column(name))
        found = levels_of(coded.values, column_of(name, table.column(name).type))
        levels[name] = sorted(dict.fromkeys(found), key=lambda level: (level is None, level or ""))
        place = {level: i for i, level in enumerate(levels[name])}
        codes[name] = np.array([place[level] for level in found], dtype=np.int64)[coded.codes]
    for size in range(1, min(depth, len(attributes)) + 1):
        for over in combinations(attributes, size):
            keys, joint = np.unique(np.stack([codes[name] for name in over], axis=1), axis=0, return_inverse=True)
            slices = tuple({name: levels[name][c] for name, c in zip(over, key, strict=True)} for key in keys)
            yield RowGroups(over, slices, joint.reshape(-1).astype(np.int64))

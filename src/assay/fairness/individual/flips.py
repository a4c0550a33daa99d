"""Decisions of a model on the same rows with a protected attribute set to another group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.data.rows.columns import column_of, encode, levels_of

if TYPE_CHECKING:
    from assay.data.case import Case

MOST_GROUPS = 20
"""Groups that rows are set to, the most frequent."""
BATCH = 1 << 16


@dataclass(frozen=True, eq=False)
class Flips:
    """(rows,) `codes` into `levels`, the group of each row; `changed` (rows, targets): where the decision changes.

    `targets` are the places in `levels` that rows were set to. A row that is in the target already never changes.
    """

    levels: tuple[str | None, ...]
    codes: NDArray[np.int64]
    targets: tuple[int, ...]
    changed: NDArray[np.bool_]


def model_columns(case: Case, /) -> tuple[str, ...]:
    """Names of the columns the model is fed; empty where it is not fed a table."""
    import pyarrow as pa

    first = next(iter(case.batches(1)), None)
    return tuple(first.column_names) if isinstance(first, pa.Table) else ()


def flips(case: Case, table: Any, attribute: str, before: NDArray[Any], /) -> Flips:
    """Every row of `table`, the model's inputs, with `attribute` set to each group in turn.

    `before` are the `decisions` on the table as it is. The missing value is no group to be set to.
    """
    coded = encode(table.column(attribute))
    found = levels_of(coded.values, column_of(attribute, table.column(attribute).type))
    levels = tuple(sorted(dict.fromkeys(found), key=lambda level: (level is None, level or "")))
    place = {level: i for i, level in enumerate(levels)}
    codes = np.array([place[level] for level in found], dtype=np.int64)[coded.codes]
    sizes = np.bincount(codes, minlength=len(levels))
    targets = [int(i) for i in np.argsort(-sizes, kind="stable") if levels[i] is not None][:MOST_GROUPS]
    changed = np.zeros((table.num_rows, len(targets)), dtype=bool)
    for column, target in enumerate(targets):
        # Taking one row's value keeps the type, that of a dictionary too.
        row = int(np.flatnonzero(codes == target)[0])
        values = table.column(attribute).take(np.full(table.num_rows, row))
        moved = table.set_column(table.column_names.index(attribute), table.field(attribute), values)
        changed[:, column] = (decisions(case, moved) != before) & (codes != target)
    return Flips(levels, codes, tuple(targets), changed)


def decisions(case: Case, table: Any, /) -> NDArray[Any]:
    """(rows,) the model's decision: score at or above the threshold where the Case decides by one, else its label."""
    return np.concatenate(list(_decided(case, table)))


def _decided(case: Case, table: Any) -> Iterator[NDArray[Any]]:
    model, roles = case.model, case.roles
    if model is None:
        return
    for start in range(0, table.num_rows, BATCH):
        batch = table.slice(start, BATCH)
        by_score = case.task == "binary" and roles.threshold is not None and roles.favourable in model.classes
        found = model.scores(batch) if by_score else None
        if found is None:
            yield np.asarray(model.predict(batch)).astype(str)
        else:
            place = model.classes.index(str(roles.favourable))
            yield np.asarray(np.asarray(found)[:, place] >= roles.threshold)

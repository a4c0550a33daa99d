"""What the row-wise checks on bias in data take from a Case: groups, outcome, weights and units of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.core.errors import Message
from assay.core.measure import Slice

if TYPE_CHECKING:
    from assay.data.case import Case

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Levels:
    """(rows,) codes of a column into its canonical texts; None is the missing value."""

    codes: Codes
    texts: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Grouping:
    """The groups of one attribute or crossing that have rows: (rows,) codes into `slices`."""

    over: tuple[str, ...]
    codes: Codes
    slices: tuple[Slice, ...]


@dataclass(frozen=True, eq=False)
class CaseRows:
    """Rows of a Case. `label` is 1 where favourable, 0 where not, NaN where missing, and None without a label role.

    `weights` are None where rows count once; with `frequency` a row stands for so many. `units` are None where none
    repeats. `notes` say that the rows are a sample.
    """

    table: Any
    protected: dict[str, Levels]
    label: Floats | None
    weights: Floats | None
    frequency: bool
    units: Codes | None
    notes: tuple[Message, ...]

    def groupings(self, *, depth: int) -> Iterator[Grouping]:
        """Each attribute alone, then crossings of up to `depth`."""
        for size in range(1, min(depth, len(self.protected)) + 1):
            for over in combinations(self.protected, size):
                columns = np.stack([self.protected[name].codes for name in over], axis=1)
                keys, codes = np.unique(columns, axis=0, return_inverse=True)
                slices = [
                    {name: self.protected[name].texts[code] for name, code in zip(over, key, strict=True)}
                    for key in keys
                ]
                yield Grouping(over, codes.reshape(-1).astype(np.int64), tuple(slices))


def case_rows(case: Case, /, *, columns: Sequence[str] = (), limit: int, seed: int, held_out: bool = False) -> CaseRows:
    """Up to `limit` rows of `case`, a seeded sample, with `columns` besides those of the roles.

    `held_out` leaves the training rows out where a split names them: a model is not judged on what it was fitted on.
    """
    roles = case.roles
    split = roles.split if held_out and case.held_out else None
    single = [name for name in (roles.whole_label, roles.weight, roles.unit, split) if name]
    table = case.rows(tuple(dict.fromkeys((*roles.protected, *single, *columns))), limit=limit, seed=seed)
    text = "a seeded sample of {rows} of {all} rows"
    notes = (Message("sampled", text, {"rows": table.num_rows, "all": case.n}),) if table.num_rows < case.n else ()
    if split:
        found = levels_in(table, split)
        kept = [code for code, level in enumerate(found.texts) if level in case.held_out]
        table = table.filter(np.isin(found.codes, kept))
    units = levels_in(table, roles.unit).codes if roles.unit else None
    if units is not None and len(np.unique(units)) == len(units):
        units = None
    return CaseRows(
        table,
        {name: levels_in(table, name) for name in roles.protected},
        _favourable(table, case) if roles.whole_label else None,
        numbers(table.column(roles.weight)) if roles.weight else None,
        roles.weight is not None and roles.weights == "frequency",
        units,
        notes,
    )


def levels_in(table: Any, name: str, /) -> Levels:
    """The levels of a column of a `pyarrow.Table`; NaN and null are one missing value."""
    import pyarrow as pa

    from assay.data.rows.columns import column_of, levels_of

    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    texts = levels_of(encoded.dictionary, column_of(name, column.type))
    order = sorted(set(texts), key=lambda text: (text is None, text or ""))
    where = {text: code for code, text in enumerate(order)}
    place = np.array([where[text] for text in texts], dtype=np.int64)
    codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    return Levels(place[codes] if len(codes) else codes, tuple(order))


def numbers(column: Any, /) -> Floats:
    """(rows,) floats of a column of numbers or booleans; a missing value is NaN."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def _favourable(table: Any, case: Case) -> Floats:
    found = levels_in(table, case.roles.label or "")
    worth = [np.nan if text is None else float(text == case.roles.favourable) for text in found.texts]
    return np.array(worth, dtype=np.float64)[found.codes] if worth else np.zeros(0)

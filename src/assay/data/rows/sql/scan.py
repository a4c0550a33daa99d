"""One scan in SQL: rows in canonical form, grouped and added up by the engine, made into Counts here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.data.cells.arithmetic import Ints, Pairs, as_ints, unique_rows
from assay.data.coding import OTHER, Bins, Favourable, Values
from assay.data.counts import FIXED, WW, Counts, N, W
from assay.data.rows.columns import Coded, Column, encode, levels_of, spellings
from assay.data.rows.exact import MANY_PAIRS, check_size
from assay.data.rows.protocol import Key, Outcomes, Scan
from assay.data.rows.sql.expressions import Expressions, addend, doubtful, log_loss_units, weight_units
from assay.data.rows.sums import LOG_EXPONENT, LOG_LOSSES, scales_of, surprise

if TYPE_CHECKING:
    from assay.data.rows.sql.query import Engine

Index = NDArray[np.int64]
FINE = 64
"""Bins with more edges than this are looked up in a table where the engine keeps one."""


def count(engine: Engine, of: Expressions, scan: Scan, outcomes: Outcomes, /) -> Counts:
    """The Counts of one pass over the rows (and a second one for the rows of repeated units, or doubtful losses)."""
    stage = _stage(engine, of, scan, outcomes)
    names = [f"k{i}" for i in range(len(scan.keys))]
    found = engine.run(_grouped(stage, names, _sums(stage, scan, outcomes, engine.wide_sums)))
    cells = _Cells(scan.keys, [found[name] for name in names], of.columns, found.num_rows)
    sums = {name: _integers(found[f"s_{name}"]) for name in _sum_names(scan, outcomes)}
    if "s_doubt" in found.column_names and any(_integers(found["s_doubt"])):
        doubts = engine.run(_doubtful_rows(stage, names, outcomes))
        sums |= _with_doubtful(doubts, names, cells, sums, outcomes)
    pairs = _pairs(engine, stage, names, cells, outcomes) if outcomes.unit else None
    dims = [replace(key.dim, levels=levels) for key, levels in zip(scan.keys, cells.levels, strict=True)]
    scales = scales_of(scan.sums, outcomes)
    return Counts.from_codes(dims, cells.codes, sums, scales=scales, weights=outcomes.weights, pairs=pairs)


# -- the query -------------------------------------------------------------------------------------


def _stage(engine: Engine, of: Expressions, scan: Scan, outcomes: Outcomes) -> Any:
    """The rows with only what is needed: keys k0, k1, …, y, p, the weight and the unit."""
    needs: dict[str, Any] = {}
    lookups = {}
    for i, key in enumerate(scan.keys):
        coding = key.dim.coding
        lookup = None
        if isinstance(coding, Bins) and len(coding.edges) > FINE and of.columns[key.column].fraction == "binary":
            lookup = engine.lookup(coding.edges)
        if lookup is None:
            needs[f"k{i}"] = of.key(key)
        else:
            lookups[i] = lookup
            double = of.raw(key.column).cast("float64")
            needs |= {f"x{i}": double, f"cell{i}": lookup.cell(double)}
    if scan.sums:
        needs |= {"y": of.label(outcomes)} if outcomes.label else {}
        answer = outcomes.prediction if outcomes.regression else outcomes.score
        needs |= {"p": of.number(answer)} if answer else {}
    if outcomes.weight:
        needs["units_of_weight"] = weight_units(of.number(outcomes.weight))
    if outcomes.unit:
        needs["unit"] = of.known(outcomes.unit)
    table = of.table
    if scan.complete:
        table = table.filter(*[of.number(name).notnull() for name in scan.complete])
    stage = table.select(**(needs or {"nothing": of.table[of.table.columns[0]]}))
    for i, lookup in lookups.items():
        stage = lookup.joined(stage, f"cell{i}", f"x{i}", f"k{i}")
    if set(scan.sums) & set(LOG_LOSSES):
        stage = stage.mutate(units=log_loss_units(stage))
        stage = stage.mutate(doubt=doubtful(stage.units))
    return stage


def _grouped(stage: Any, names: Sequence[str], asked: Mapping[str, Any]) -> Any:
    return stage.group_by(*names).agg(**asked) if names else stage.aggregate(**asked)


def _sum_names(scan: Scan, outcomes: Outcomes) -> list[str]:
    return [N, *((W, WW) if outcomes.weight else ()), *scan.sums]


def _sums(stage: Any, scan: Scan, outcomes: Outcomes, wide_sums: bool) -> dict[str, Any]:
    """The aggregates; sums as text, the one form in which no driver rounds a large integer."""

    def total(values: Any) -> Any:
        return (values if wide_sums else values.cast("decimal(38, 0)")).sum().cast("string")

    asked = {f"s_{N}": stage.count()}
    if outcomes.weight:
        w = stage.units_of_weight
        square = w.cast("decimal(19, 0)") * w.cast("decimal(19, 0)") if outcomes.wide else w * w
        asked |= {f"s_{W}": total(w), f"s_{WW}": square.sum().cast("string") if outcomes.wide else total(square)}
    asked |= {f"s_{name}": total(addend(name, stage, outcomes)) for name in scan.sums}
    if set(scan.sums) & set(LOG_LOSSES):
        asked["s_doubt"] = stage.doubt.cast("int32").sum().cast("string")
    return asked


def _integers(column: Any) -> Ints:
    """The whole numbers of a column of them or of their texts; 0 where missing."""
    import pyarrow as pa

    try:
        return as_ints(column.cast(pa.int64()).fill_null(0).to_numpy())
    except pa.ArrowInvalid:  # beyond 64 bits
        return as_ints([int(value) if value is not None else 0 for value in column.to_pylist()])


# -- cells -----------------------------------------------------------------------------------------


class _Cells:
    """The groups that came back: codes into the levels of each key. Several groups may have the same levels."""

    def __init__(self, keys: Sequence[Key], found: Sequence[Any], columns: Mapping[str, Column], size: int) -> None:
        self._keys, self._found, self._columns = keys, found, columns
        self.size = size
        coded = [encode(column) for column in found]
        self.levels = [_levels(c, key, columns[key.column]) for c, key in zip(coded, keys, strict=True)]
        codes = [c.codes.astype(np.int32) for c in coded]
        self.codes = np.stack(codes, axis=1) if codes else np.zeros((size, 0), dtype=np.int32)

    def place(self, columns: Sequence[Any]) -> Index:
        """The cell of each row of another result with the same keys."""
        import pyarrow as pa

        if not columns:
            return np.zeros(0, dtype=np.int64)
        both = []
        for key, mine, other in zip(self._keys, self._found, columns, strict=True):
            coded = encode(pa.chunked_array([*mine.chunks, *other.cast(mine.type).chunks], mine.type))
            levels = _levels(coded, key, self._columns[key.column])
            number = {level: i for i, level in enumerate(dict.fromkeys(levels))}
            both.append(np.array([number[level] for level in levels], dtype=np.int64)[coded.codes])
        _, where = unique_rows(np.stack(both, axis=1))
        cell = np.zeros(int(where.max(initial=0)) + 1, dtype=np.int64)
        cell[where[: self.size]] = np.arange(self.size)
        return cell[where[self.size :]]


def _levels(coded: Coded, key: Key, column: Column) -> tuple[str | None, ...]:
    """The level of each distinct value that came back for a key."""
    coding, listed = key.dim.coding, coded.values.to_pylist()
    if key.largest:
        return tuple(None if value is None else key.largest[int(value)][0] for value in listed)
    if key.threshold is not None or isinstance(coding, Bins):
        return tuple(None if value is None else str(int(value)) for value in listed)
    if isinstance(coding, Values) and coding.kept is not None:
        known = spellings(coding.kept)
        if not coding.kept:
            return tuple(None if value else OTHER for value in listed)
        return tuple(None if value is None else known.get(value, OTHER) for value in listed)
    levels = levels_of(coded.values, column)
    if isinstance(coding, Favourable):
        return tuple(None if level is None else str(int(level == coding.value)) for level in levels)
    return tuple(levels)


# -- doubtful losses and pairs ---------------------------------------------------------------------


def _doubtful_rows(stage: Any, names: Sequence[str], outcomes: Outcomes) -> Any:
    rows = stage.filter(stage.doubt)
    weight = ("units_of_weight",) if outcomes.weight else ()
    return rows.group_by(*names, "y", "p", *weight).agg(rows=rows.count())


def _with_doubtful(
    found: Any, names: Sequence[str], cells: _Cells, sums: Mapping[str, Ints], outcomes: Outcomes
) -> dict[str, Ints]:
    """The log-losses with those added that only Python rounds rightly."""
    whole = {name: [int(value) for value in sums[name]] for name in LOG_LOSSES if name in sums}
    place = cells.place([found[name] for name in names]) if names else np.zeros(found.num_rows, dtype=np.int64)
    for cell, row in zip(place.tolist(), found.to_pylist(), strict=True):
        loss = surprise(int(row["y"]), row["p"]) / 2.0**LOG_EXPONENT
        weight = row["units_of_weight"] / FIXED if outcomes.weight else 1.0
        for name, value in zip(LOG_LOSSES, (loss, loss * loss), strict=True):
            if name in whole:
                fixed = int(np.floor(value * weight * 2.0 ** outcomes.exponents[name] + 0.5))
                whole[name][cell] += fixed * row["rows"]
    return {name: as_ints(values) for name, values in whole.items()}


def _pairs(engine: Engine, stage: Any, names: Sequence[str], cells: _Cells, outcomes: Outcomes) -> Pairs:
    """Σ over units of (rows or weight of the unit in cell i) × (in cell j)."""
    known = stage.filter(stage.unit.notnull())
    amount = known.units_of_weight.sum() if outcomes.weight else known.count()
    by_unit = known.group_by("unit", *names).agg(m=amount.cast("decimal(19, 0)"))
    other = by_unit.view().rename({"m_": "m", "unit_": "unit", **{f"{name}_": name for name in names}})
    both = by_unit.inner_join(other, by_unit.unit == other.unit_)
    sides = [*names, *(f"{name}_" for name in names)]
    square = (both.m * both.m_).sum().cast("string")
    found = engine.run(_grouped(both, sides, {"square": square}).limit(MANY_PAIRS + 1))
    check_size(found.num_rows)
    alone = stage.filter(stage.unit.isnull())
    own = alone.count()
    if outcomes.weight:
        w = alone.units_of_weight.cast("decimal(19, 0)")
        own = (w * w).sum()
    single = engine.run(_grouped(alone, names, {"square": own.cast("string")}))
    if not names:
        zero = np.zeros(1, dtype=np.int64)
        total = sum(int(value) for part in (found, single) for value in _integers(part["square"]))
        return Pairs(zero, zero, as_ints([total]))
    i, j = (cells.place([found[f"{name}{side}"] for name in names]) for side in ("", "_"))
    diagonal = cells.place([single[name] for name in names])
    square_of: Ints = as_ints([*_integers(found["square"]), *_integers(single["square"])])
    return Pairs(np.concatenate([i, diagonal]), np.concatenate([j, diagonal]), square_of)

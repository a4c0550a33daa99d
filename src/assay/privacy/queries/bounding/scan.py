"""One pass over the rows: keys, contribution bounding and integer sums, all in the engine."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay.core.budget.terms import Bounds as UnitBounds
from assay.core.errors import AssayError
from assay.privacy.queries.bounding.contribution import Contribution
from assay.privacy.queries.bounding.keys import Key
from assay.privacy.queries.bounding.lattice import Edges, Lattice
from assay.privacy.queries.bounding.opening import Opened

Missing = Literal["drop", "impute"]

_WRITTEN = 200
"""Most keys that are written into a query one by one."""
_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Scan:
    """What to add up: the rows with a unit, with keys that count, and with a value (or the middle instead of one).

    `sums` gives the integers that a row adds, from the integer of its value. `by_place` counts the rows at each integer
    instead.
    """

    by: tuple[str, ...]
    public: Mapping[str, tuple[Any, ...]]
    units: UnitBounds
    contribution: Contribution
    column: str | None = None
    places: Lattice | Edges | None = None
    missing: Missing = "drop"
    sums: Callable[[Any], Sequence[Any]] | None = None
    by_place: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The sums of one key, the rows at each place where these were asked, and how many units it has."""

    sums: tuple[int, ...]
    places: Mapping[int, int]
    units: int


def groups(opened: Opened, scan: Scan, /, *, units: bool = False, salt: int | None = None) -> dict[Key, Group]:
    """The Group of every key that has rows. This is private: only a mechanism may look at it."""
    found: dict[Key, Group] = {}
    for row in opened.run(_query(opened, scan, units=units, salt=salt)).to_pylist():
        key = tuple(row[f"k{i}"] for i in range(len(scan.by)))
        sums = tuple(int(row[name] or 0) for name in row if name.startswith("s"))
        if not scan.by_place:
            found[key] = Group(sums or (int(row["n"]),), {}, int(row.get("units") or 0))
            continue
        known = found.get(key, Group((), {}, 0))
        found[key] = Group((), {**known.places, int(row["v"]): int(row["n"])}, 0)
    return found


def _query(opened: Opened, scan: Scan, *, units: bool, salt: int | None) -> Any:
    """Rows `n`, sums `s0` … and units of each key (and place), as an Ibis table."""
    rows = bounded(opened, scan, salt=salt)
    asked: dict[str, Any] = {"n": rows.count()}
    if scan.sums is not None:
        asked |= {f"s{i}": term.sum() for i, term in enumerate(scan.sums(rows["v"]))}
    if units:
        asked["units"] = rows["u"].nunique() if scan.units.unit_column else rows.count()
    grouped = [*(f"k{i}" for i in range(len(scan.by))), *(["v"] if scan.by_place else [])]
    return rows.group_by(grouped).agg(**asked) if grouped else rows.aggregate(**asked)


def bounded(opened: Opened, scan: Scan, /, *, salt: int | None = None) -> Any:
    """The rows that count, as an Ibis table of unit `u`, keys `k0` … and integer `v`.

    Which rows of a unit stay depends on nothing but the rows of that unit and `salt` (random, for each question):
    neighbours that differ by one unit keep the same rows of all others, whatever the hash is worth. First keys are
    chosen, in the order of a salted hash; then rows within a key; then rows of the unit.
    """
    import ibis

    rows, names = _known(opened, scan), [f"k{i}" for i in range(len(scan.by))]
    units, most = scan.units, scan.contribution
    if units.unit_column is None:
        return rows
    chance = ibis.literal(secrets.randbits(62) if salt is None else salt, "int64")
    value = ["v"] if scan.places is not None else []
    by_keys = bool(names) and units.max_keys is not None and most.keys == units.max_keys
    by_key = units.max_rows_per_key is not None and most.per_key == units.max_rows_per_key
    held = by_key and (by_keys or not names) and most.keys * most.per_key <= (units.max_rows or 0)
    if by_keys:
        rows = _some_keys(rows, names, most.keys, chance)
    if by_key:
        rows = _sample(rows, ["u", *names], value, most.per_key, chance)
    if units.max_rows is not None and not held:
        rows = _sample(rows, ["u"], [*value, *names], units.max_rows, chance)
    return rows


def _of_keys(rows: Any, name: str, listed: Sequence[Any] | None) -> Any:
    """The rows whose key is one of `listed`, or any that is not missing."""
    import ibis

    if listed is None:
        return rows.filter(rows[name].notnull())
    texts = [str(value) for value in listed]
    if len(listed) <= _WRITTEN or any(_SEPARATOR in text for text in texts):
        return rows.filter(rows[name].isin(list(listed)))
    # Thousands of literals take seconds to be written into SQL; one long text takes none.
    known = ibis.literal(_SEPARATOR.join(texts)).split(_SEPARATOR).unnest().name("known").as_table()
    known = known.select(known=known["known"].cast(rows[name].type()))
    return rows.semi_join(known, rows[name] == known["known"])


def _some_keys(rows: Any, names: Sequence[str], most: int, chance: Any) -> Any:
    """Rows in at most `most` keys of each unit, the first in the order of a hash."""
    import ibis

    ahead = rows["u"].hash() ^ chance
    for name in names:
        ahead = (ahead ^ rows[name].hash()).hash()
    rows = rows.mutate(ahead=ahead)
    place = ibis.dense_rank().over(ibis.window(group_by="u", order_by=["ahead", *names]))
    rows = rows.mutate(nth_key=place)
    return rows.filter(rows["nth_key"] < most)


def _sample(rows: Any, within: Sequence[str], order: Sequence[str], most: int, chance: Any) -> Any:
    """At most `most` rows of those alike in `within`: a systematic sample of the n in `order`, each with chance most/n.

    Row p stays where ⌊((p + 1) most + t) / n⌋ exceeds ⌊(p most + t) / n⌋, for a start t in [0, n) by a hash of the
    unit: that is so `most` times, or always where n is at most that. Rows that tie in `order` are equal in all that
    is used of them, so which of them is called p does not matter.
    """
    import ibis

    rows = rows.mutate(
        nth=ibis.row_number().over(ibis.window(group_by=list(within), order_by=list(order) or None)),
        n=rows.count().over(ibis.window(group_by=list(within))),
        chance=(rows["u"].hash() ^ chance).hash(),
    )
    n, nth = rows["n"], rows["nth"]
    start = ((rows["chance"] % n) + n) % n
    before, after = _floor_div(nth * most + start, n), _floor_div((nth + 1) * most + start, n)
    return rows.filter((n <= most) | (after > before))


def _floor_div(number: Any, by: Any) -> Any:
    """⌊number / by⌋ of integers from 0 up, in integers."""
    return (number - number % by) // by


def _known(opened: Opened, scan: Scan) -> Any:
    """Rows with a unit, with keys that count, and with a value; texts are compared as they are."""
    import ibis

    from assay.data.rows.sql.expressions import exactly

    columns = {f"k{i}": opened.raw(name) for i, name in enumerate(scan.by)}
    if scan.units.unit_column is not None:
        columns["u"] = opened.raw(scan.units.unit_column)
    if scan.column is not None:
        columns["x"] = opened.number(scan.column)
    rows = opened.engine.table.select(**(columns or {"one": ibis.literal(1)}))
    for i, name in enumerate(scan.by):
        rows = _of_keys(rows, f"k{i}", scan.public.get(name))
    if scan.units.unit_column is not None:
        rows = rows.filter(rows["u"].notnull())
    if scan.places is None:
        return rows
    if scan.missing == "drop":
        rows = rows.filter(rows["x"].notnull())
        number = rows["x"]
    else:
        number = ibis.coalesce(rows["x"], exactly(float(scan.places.bounds.middle)))
    kept = [name for name in rows.columns if name != "x"]
    return rows.select(*kept, v=scan.places.place(number))


def check_engine(opened: Opened, scan: Scan, /) -> None:
    """Raise where the engine of a table cannot express the question: before anything is paid."""
    from ibis.common.exceptions import IbisError

    try:
        backend = opened.engine.table.get_backend()
    except IbisError:  # a table of our own DuckDB
        return
    try:
        backend.compile(_query(opened, scan, units=True, salt=None))
    except IbisError:
        raise AssayError(
            f"The engine {backend.name} cannot bound and add up the rows of this question.",
            code="engine",
            hint="Export the table to Parquet.",
        ) from None

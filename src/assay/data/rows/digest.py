"""Hashes of rows that depend neither on their order nor on the engine: a fingerprint, and seeded samples."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.canonical import digest
from assay.data.rows.columns import encode, levels_of, numbers_of
from assay.data.rows.protocol import Rows

Hashes = NDArray[np.uint64]
BATCH = 1 << 18
HASHED = 1_000_000
"""Rows up to which a sample is the same on every engine."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(x: Hashes) -> Hashes:
    """SplitMix64's finaliser (Steele, Lea & Flood 2014): a bijection in which every bit moves every other."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hashes(rows: Rows, table: Any, /, *, seed: int) -> Hashes:
    """One hash a row of the canonical values of a pyarrow Table's columns."""
    out = np.full(table.num_rows, seed % 2**64, dtype=np.uint64)
    for name in table.column_names:
        out = out * _GOLDEN + _column(rows, name, table[name])
    return _mixed(out)


def _column(rows: Rows, name: str, values: Any) -> Hashes:
    column = rows.columns[name]
    if column.kind == "number":
        numbers = numbers_of(values, column)
        numbers[np.isnan(numbers)] = np.nan
        return _mixed(numbers.view(np.uint64) + _GOLDEN)
    if column.kind == "other":
        texts: list[str | None] = [None if value is None else repr(value) for value in values.to_pylist()]
        return np.array([_text(text) for text in texts], dtype=np.uint64)
    coded = encode(values)
    return np.array([_text(level) for level in levels_of(coded.values, column)], dtype=np.uint64)[coded.codes]


def _text(level: str | None) -> int:
    if level is None:
        return 0
    return int.from_bytes(hashlib.blake2b(level.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def fingerprint(rows: Rows, names: Sequence[str], /) -> str:
    """A digest of the rows' values in the named columns: guards against accident, not against forgery.

    Sums of two hashes of each row, so that neither the order of rows nor that of columns matters.
    """
    ordered, sums = sorted(names), [0, 0]
    for table in rows.stream(ordered, size=BATCH):
        first = hashes(rows, table, seed=0)
        sums = [total + _total(own) for total, own in zip(sums, (first, _mixed(first + _GOLDEN)), strict=True)]
    return digest({"columns": ordered, "rows": rows.n, "sums": [str(total) for total in sums]})


def _total(values: Hashes) -> int:
    """Their exact sum."""
    high, low = values >> np.uint64(32), values & np.uint64(2**32 - 1)
    return (int(high.sum()) << 32) + int(low.sum())


def sample(rows: Rows, names: Sequence[str], /, *, limit: int, seed: int) -> Any:
    """`limit` rows drawn uniformly without replacement.

    Up to HASHED rows, and where rows have no order, the same ones on every engine, in the order of their hashes;
    beyond that by place, in their order, so that memory does not grow with the rows.
    """
    if rows.ordered and rows.n > HASHED:
        return _by_place(rows, names, limit=limit, seed=seed)
    return _by_hash(rows, names, limit=limit, seed=seed)


def _by_place(rows: Rows, names: Sequence[str], *, limit: int, seed: int) -> Any:
    import pyarrow as pa

    wanted = np.sort(np.random.default_rng(seed).choice(rows.n, size=limit, replace=False, shuffle=False))
    parts, done = [], 0
    for table in rows.stream(names, size=BATCH):
        inside = wanted[np.searchsorted(wanted, done) : np.searchsorted(wanted, done + table.num_rows)] - done
        if len(inside):
            parts.append(table.take(pa.array(inside)))
        done += table.num_rows
    return pa.concat_tables(parts)


def _by_hash(rows: Rows, names: Sequence[str], *, limit: int, seed: int) -> Any:
    """Equal rows are numbered as they come, and each gets a place of its own in the draw, so that it is uniform."""
    import pyarrow as pa

    every = [hashes(rows, table, seed=seed) for table in rows.stream(names, size=BATCH)]
    wanted = _drawn(np.concatenate(every), limit)
    parts = []
    for place, table in enumerate(rows.stream(names, size=BATCH)):
        mine = every[place] if rows.ordered else hashes(rows, table, seed=seed)
        keep = wanted.take(mine)
        parts.append((table.take(pa.array(keep)), mine[keep]))
    order = np.argsort(np.concatenate([own for _, own in parts]), kind="stable")
    return pa.concat_tables([table for table, _ in parts]).take(pa.array(order))


class _Drawn:
    """How many rows of each hash to take."""

    def __init__(self, chosen: Hashes) -> None:
        self._rows, self._left = np.unique(chosen, return_counts=True)

    def take(self, rows: Hashes) -> NDArray[np.intp]:
        """Places of the rows to take, the first of equal ones while they are wanted."""
        place = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        known = np.flatnonzero(self._rows[place] == rows)
        group = place[known]
        order = np.argsort(group, kind="stable")
        ranked = group[order]
        nth = np.arange(len(ranked)) - np.searchsorted(ranked, ranked)
        taken = order[nth < self._left[ranked]]
        self._left -= np.bincount(group[taken], minlength=len(self._left))
        return np.sort(known[taken])


def _drawn(every: Hashes, limit: int) -> _Drawn:
    ordered = np.sort(every)
    first = np.searchsorted(ordered, ordered)
    ticket = _mixed(ordered + _GOLDEN * (np.arange(len(ordered)) - first + 1).astype(np.uint64))
    return _Drawn(ordered[np.argpartition(ticket, limit - 1)[:limit]])

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
        out = _mixed(out * _GOLDEN + _column(rows, name, table[name]))
    return out


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
    ordered = sorted(names)
    sums = [0, 0]
    for table in rows.stream(ordered, size=BATCH):
        for i in (0, 1):
            sums[i] += sum(hashes(rows, table, seed=i).tolist())
    return digest({"columns": ordered, "rows": rows.n, "sums": [str(value % 2**128) for value in sums]})


def sample(rows: Rows, names: Sequence[str], /, *, limit: int, seed: int) -> Any:
    """`limit` rows drawn without replacement, the same ones on every engine; in the order of their hashes.

    Equal rows are numbered as they come, and each gets a place of its own in the draw, so that it is uniform.
    """
    import pyarrow as pa

    every = [hashes(rows, table, seed=seed) for table in rows.stream(names, size=BATCH)]
    wanted = _drawn(np.concatenate(every), limit)
    parts = []
    for table in rows.stream(names, size=BATCH):
        mine = hashes(rows, table, seed=seed)
        keep = [place for place in np.flatnonzero(np.isin(mine, wanted.rows)) if wanted.take(mine[place])]
        parts.append((table.take(pa.array(keep, pa.int64())), mine[keep]))
    order = np.argsort(np.concatenate([own for _, own in parts]), kind="stable")
    return pa.concat_tables([table for table, _ in parts]).take(pa.array(order))


class _Drawn:
    """How many rows of each hash to take."""

    def __init__(self, chosen: Hashes) -> None:
        self.rows, counts = np.unique(chosen, return_counts=True)
        self._left = dict(zip(self.rows.tolist(), counts.tolist(), strict=True))

    def take(self, row: np.uint64) -> bool:
        """True while rows with this hash are wanted."""
        left = self._left.get(int(row), 0)
        self._left[int(row)] = left - 1
        return bool(left > 0)


def _drawn(every: Hashes, limit: int) -> _Drawn:
    ordered = np.sort(every)
    first = np.searchsorted(ordered, ordered)
    ticket = _mixed(ordered + _GOLDEN * (np.arange(len(ordered)) - first + 1).astype(np.uint64))
    return _Drawn(ordered[np.argpartition(ticket, limit - 1)[:limit]])

"""A private mean of 10 million rows by 50 keys, beside the same aggregate in DuckDB without privacy, and OpenDP.

`python bench/privacy/queries.py [ROWS]`. OpenDP is asked for what it has too: counts and clamped sums by group with
Laplace noise, given the groups' sums by numpy; it bounds no contributions of units.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from assay import privacy

KEYS = [f"region{i:02d}" for i in range(50)]
PUBLIC: dict[str, Any] = {
    "ledger": None,
    "adjacency": "add-or-remove",
    "epsilon": "0.5",
    "bounds": {"income": "0:200000"},
    "keys": {"region": KEYS},
}


def people(path: Path, rows: int, /) -> None:
    """A Parquet file of `rows` rows of a tenth as many people in 50 regions."""
    duckdb.sql(f"""
        COPY (SELECT (random() * {rows // 10})::BIGINT AS person,
                     'region' || lpad((floor(random() * 50) % 50)::INT::VARCHAR, 2, '0') AS region,
                     exp(10 + 1.5 * random()) AS income
              FROM range({rows})) TO '{path}' (FORMAT parquet)
    """)


def timed(ask: Callable[[], Any], /) -> tuple[Any, float]:
    """The answer, and the fewest seconds of three."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        answer = ask()
        seconds.append(time.perf_counter() - start)
    return answer, min(seconds)


def opendp_means(path: Path) -> dict[str, float]:
    """The mean of each region from a noisy count and a noisy clamped sum, half of epsilon each."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    rows = duckdb.sql(f"SELECT region, income FROM read_parquet('{path}')").fetchnumpy()
    regions, incomes = np.asarray(rows["region"]).astype(str), np.asarray(rows["income"], dtype=np.float64)
    names, codes = np.unique(regions, return_inverse=True)
    cents = np.rint(np.clip(incomes, 0, 200_000)).astype(np.int64)
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    count = dp.m.make_laplace(*space, scale=1 / 0.25)
    total = dp.m.make_laplace(*space, scale=200_000 / 0.25)
    counts = count([int(n) for n in np.bincount(codes)])
    sums = total([int(s) for s in np.bincount(codes, weights=cents)])
    return {str(name): s / max(1, n) for name, s, n in zip(names, sums, counts, strict=True)}


def main() -> None:
    """Print seconds and ratios."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdecimal() else 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.parquet"
        people(path, rows)
        plain = f"SELECT region, avg(least(greatest(income, 0), 200000)) FROM read_parquet('{path}') GROUP BY region"
        truth, base = timed(lambda: dict(duckdb.sql(plain).fetchall()))
        print(f"{rows:,} rows, mean by 50 keys: DuckDB without privacy {base:.2f} s")
        bounded: dict[str, dict[str, Any]] = {
            "a row is a unit": {},
            "5 rows of each person": {"unit_column": "person", "max_rows": 5},
            "3 regions of each person, 2 rows in each": {
                "unit_column": "person", "max_keys": 3, "max_rows_per_key": 2
            },
        }  # fmt: skip
        for name, units in bounded.items():
            answer, seconds = timed(
                lambda units=units: privacy.query(str(path), "mean(income) by region", **PUBLIC, **units)
            )
            off = max(abs(cell.estimate.value - truth[cell.slice["region"]]) for cell in answer.cells)
            print(f"    assay, {name}: {seconds:.2f} s, {seconds / base:.0f} times as long; largest error {off:.2f}")
        _, seconds = timed(lambda: privacy.query(str(path), "median(income) by region", **PUBLIC))
        print(f"    assay, median by region: {seconds:.2f} s")
        try:
            found, seconds = timed(lambda: opendp_means(path))
        except ImportError:
            return
        off = max(abs(value - truth[name]) for name, value in found.items())
        print(f"    OpenDP on sums by numpy, a row is a unit: {seconds:.2f} s; largest error {off:.2f}")


if __name__ == "__main__":
    main()

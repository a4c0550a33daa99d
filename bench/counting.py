"""Counting millions of Parquet rows: against a hand-written DuckDB GROUP BY on the same (binned) keys.

Prints seconds, the ratio, rows per second and peak memory (of this process, so one size a run), and the time
of the whole fairness part of an audit on the file.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

import assay
from assay.core.subject import by

SQL = """
COPY (
  SELECT 'group ' || (hash(i) % 10)::VARCHAR AS g,
         (hash(i * 7 + 1) % 100000) / 100000.0 AS p,
         ((hash(i * 13 + 5) % 100000) / 100000.0 < (hash(i * 7 + 1) % 100000) / 100000.0)::INT AS y,
         ((hash(i * 7 + 1) % 100000) / 100000.0 >= 0.5)::INT AS yhat,
         (hash(i * 3) % 1000) / 10.0 AS a, (hash(i * 5) % 50)::INT AS b,
         'k' || (hash(i * 11) % 8)::VARCHAR AS c, (hash(i * 17) % 100000) / 7.0 AS d
  FROM range({rows}) t(i)
) TO '{path}' (FORMAT parquet)
"""
FIRST = [f"fairness.{n}" for n in ("representation", "label_bias", "proxies", "selection_rates", "error_rates")]
HAND = "SELECT g, y, yhat, floor(p * 512)::INT AS b, count(*) AS n FROM read_parquet('{path}') GROUP BY ALL"


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        duckdb.sql(SQL.format(rows=arguments.rows, path=path))
        roles = {"label": "y", "prediction": "yhat", "score": "p", "protected": ["g"], "features": ["a", "b", "c", "d"]}
        case = assay.Case.from_frame(str(path), **roles)
        freeze = seconds(case.codings)  # levels and score bins are found once and then frozen
        frozen = case.codings()
        request = [by("protected", "label", "prediction", "score")]
        mine, hand = [], []
        for _ in range(arguments.runs):
            hand.append(seconds(lambda: duckdb.sql(HAND.format(path=path)).fetchall()))
            fresh = assay.Case.from_frame(str(path), bins=frozen, **roles)  # nothing counted yet
            mine.append(seconds(lambda case=fresh: case.count(request)))
        every = [id for id in assay.checks() if id.startswith("fairness.")]
        parts = [
            seconds(lambda ids=ids: assay.audit(assay.Case.from_frame(str(path), **roles), checks=ids, progress=False))
            for ids in (FIRST, every)
        ]
    ratio = statistics.median(a / b for a, b in zip(mine, hand, strict=True))
    scan = statistics.median(mine)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"rows {arguments.rows:,}")
    print(f"freezing the score bins, once   {freeze:.2f} s")
    print(f"hand-written GROUP BY           {statistics.median(hand):.3f} s")
    print(f"counting pass                   {scan:.3f} s  ({arguments.rows / scan:,.0f} rows/s)")
    print(f"ratio                           {ratio:.2f}")
    print(f"first five fairness checks      {parts[0]:.2f} s (with their own freezing)")
    print(f"every fairness check            {parts[1]:.2f} s (with their own freezing)")
    print(f"peak memory                     {peak:,.0f} MiB")


if __name__ == "__main__":
    main()

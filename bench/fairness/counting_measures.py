"""Every counting measure of fairness: of 30 intersectional groups on 48,842 rows, and on a Parquet file of 10 million.

Prints medians of several runs after a first one that is not timed, counting included: of the measures alone (scan, and
the functions of the checks; wall clock, and seconds of processor), and of a whole audit with the same checks (judging,
and digests of the Findings, besides). `--by-check` says where the time goes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

import assay
from assay.data import demo
from assay.engine.areas import registry
from assay.engine.plan import plan
from assay.engine.policies import default_policy

SQL = """
COPY (
  SELECT 'sex ' || (hash(i) % 2)::VARCHAR AS sex, 'race ' || (hash(i * 19 + 3) % 15)::VARCHAR AS race,
         (hash(i * 7 + 1) % 100000) / 100000.0 AS p,
         ((hash(i * 13 + 5) % 100000) / 100000.0 < (hash(i * 7 + 1) % 100000) / 100000.0)::INT AS y,
         ((hash(i * 7 + 1) % 100000) / 100000.0 >= 0.5)::INT AS yhat
  FROM range({rows}) t(i)
) TO '{path}' (FORMAT parquet)
"""
AGES = (0, 25, 32, 40, 50, 60, 200)


def checks() -> list[Any]:
    """The fairness checks that see nothing but Counts and can be asked of two classes."""
    return [c for c in registry().checks.values() if c.area == "fairness" and c.counts and "binary" in c.tasks]


def measures(case: Any, by_check: dict[str, list[float]]) -> int:
    """How many Measures the checks yield; the seconds of each check are added to `by_check`."""
    todo = plan(case, checks=checks(), params={}, rules=default_policy().rules, seed=0)
    start = time.perf_counter()
    tables = case.count(todo.requests)
    by_check.setdefault("(counting)", []).append(time.perf_counter() - start)
    found = 0
    for planned, counts in zip(todo.counting, tables, strict=True):
        given = counts if planned.check.counts and planned.check.counts.each else counts[0]
        start = time.perf_counter()
        found += sum(1 for _ in planned.check.function(given, **planned.arguments))
        by_check.setdefault(planned.check.id, []).append(time.perf_counter() - start)
    return found


def report(title: str, make: Callable[[], Any], runs: int, *, by_check: bool) -> None:
    """Medians over fresh Cases, so that nothing is counted yet."""
    alone, audits, processor, times = [], [], [], dict[str, list[float]]()
    ids, found, findings = [c.id for c in checks()], 0, 0
    measures(make(), {})  # imports
    for _ in range(runs):
        case = make()
        start, used = time.perf_counter(), time.process_time()
        found = measures(case, times)
        alone.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
        case = make()
        start = time.perf_counter()
        findings = len(assay.audit(case, checks=ids, progress=False).findings)
        audits.append(time.perf_counter() - start)
    print(f"{title}: {len(ids)} checks, {found:,} measures; medians of {runs}")
    counting, cpu = statistics.median(times["(counting)"]), statistics.median(processor)
    wall = statistics.median(alone)
    print(f"  measures, scan included   {wall:.2f} s  (counting {counting:.2f} s; processor {cpu:.2f} s)")
    print(f"  audit with {findings:,} Findings  {statistics.median(audits):.2f} s", flush=True)
    if by_check:
        for id, seconds in sorted(times.items(), key=lambda item: -statistics.median(item[1])):
            print(f"    {statistics.median(seconds):.3f} s  {id}")


def adult() -> pd.DataFrame:
    """48,842 rows; race (5) × age band (6) are 30 groups."""
    income = demo.load("income")
    frame = pd.read_parquet(income.path)
    band = pd.cut(frame["age"], list(AGES), right=False).astype(str)
    return frame.assign(race=frame["race"].astype(str), age_band=band)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--by-check", action="store_true")
    given = parser.parse_args()
    frame, roles = adult(), demo.load("income").roles
    outcome = {k: v for k, v in roles.items() if k in ("label", "prediction", "score", "favourable")}
    report(
        f"Adult, {len(frame):,} rows, race x age band (30 groups)",
        lambda: assay.Case.from_frame(frame, protected=["race", "age_band"], **outcome),
        given.runs,
        by_check=given.by_check,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        duckdb.sql(SQL.format(rows=given.rows, path=path))
        report(
            f"{given.rows:,} rows in Parquet, sex x race (30 groups)",
            lambda: assay.Case.from_frame(
                str(path), label="y", prediction="yhat", score="p", protected=["sex", "race"]
            ),
            given.runs,
            by_check=given.by_check,
        )


if __name__ == "__main__":
    main()

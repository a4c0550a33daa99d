"""The worst slices of 48,842 adults over all 14 columns: against the package `sliceline`, and by itself.

Both search the same codes by the same score, with 1 % of the rows as support; the scores found must agree. `sliceline`
(`pip install sliceline`) takes 5 GB of memory for three columns at a time, and is run once.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import numpy as np
import pyarrow.parquet as pq

from assay.data import demo
from assay.fairness.subgroups.confirmation.estimates import Rows
from assay.fairness.subgroups.confirmation.held_out import confirm_held_out
from assay.fairness.subgroups.confirmation.permutation import confirm_by_permutation
from assay.fairness.subgroups.encoding import Encoded, encode
from assay.fairness.subgroups.search import Search, best

NOT_COLUMNS = {"income", "prediction", "score", "model_score", "split", "fold"}
TOP = 10


def median_seconds(work: Callable[[], object], *, runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-depth", type=int, default=3, help="columns at a time that sliceline searches")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    table = pq.read_table(demo.load("income").path)
    columns = [name for name in table.column_names if name not in NOT_COLUMNS]
    errors = np.array(
        [y != p for y, p in zip(table["income"].to_pylist(), table["prediction"].to_pylist(), strict=True)]
    )
    values = errors.astype(np.float64)
    print(f"rows {table.num_rows:,}, columns {len(columns)}, errors {errors.mean():.1%}, best {TOP} slices")
    for bins in (10, 32):
        encoded = encode(table, columns, bins=bins)
        print(f"\n{bins} bins a number: {sum(map(len, encoded.levels))} levels")
        for depth, support in itertools.product((2, 3, 4), (0.01, 1e-6)):
            print(counted(encoded, values, Search(max_depth=depth, support=support), runs=arguments.runs))
    encoded = encode(table, columns)
    for depth in (3, 4):
        search = Search(max_depth=depth)
        held_out = median_seconds(
            lambda s=search: confirm_held_out(encoded, Rows(values), search=s, level=0.95, seed=0), runs=arguments.runs
        )
        shuffled = median_seconds(
            lambda s=search: confirm_by_permutation(
                encoded, Rows(values), search=s, level=0.95, seed=0, permutations=199
            ),
            runs=1,
        )
        print(f"depth {depth} with tests: held-out half {held_out:.2f} s, 199 permutations {shuffled:.2f} s")
    against_sliceline(encoded, values, depth=arguments.peer_depth, runs=arguments.runs)


def counted(encoded: Encoded, values: np.ndarray, search: Search, *, runs: int) -> str:
    seconds = median_seconds(lambda: best(encoded, values, search=search, most=TOP), runs=runs)
    found = best(encoded, values, search=search, most=TOP)
    how = f"depth {search.max_depth}, {found.support:>3} rows or more"
    return f"  {how}: {seconds:.3f} s, {found.counted:,} slices counted"


def against_sliceline(encoded: Encoded, values: np.ndarray, *, depth: int, runs: int) -> None:
    from sliceline.slicefinder import Slicefinder

    search = Search(max_depth=depth)
    found = best(encoded, values, search=search, most=TOP)
    mine = median_seconds(lambda: best(encoded, values, search=search, most=TOP), runs=runs)
    start = time.perf_counter()
    peer = Slicefinder(alpha=search.alpha, k=TOP, max_l=depth, min_sup=found.support, verbose=False)
    peer.fit(encoded.codes.T.astype(np.int64), values)
    theirs = time.perf_counter() - start
    scores = sorted((s["slice_score"] for s in peer.top_slices_statistics_), reverse=True)[:TOP]
    off = np.abs(np.array(scores) - [f.rank for f in found.found]).max()
    print(f"\ndepth {depth}: assay {mine:.3f} s, sliceline {theirs:.1f} s, ratio {theirs / mine:,.0f}")
    print(f"largest difference of the {TOP} best scores: {off:.1e}")


if __name__ == "__main__":
    main()

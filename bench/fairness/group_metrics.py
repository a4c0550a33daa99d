"""Selection rate, TPR, FPR, accuracy and precision of 10 groups, with 95 % intervals: against Fairlearn's bootstrap.

Fairlearn is timed with few resamples and scaled to 1,000 (its cost is linear in them); the agreement of the
interval ends is checked with the resamples that were made, in units of their Monte-Carlo error.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import accuracy_score, precision_score

import assay
from assay.core.measure import Share
from assay.core.subject import by
from assay.data import demo
from assay.stats.bootstrap import multinomial
from assay.stats.rates import wilson

RESAMPLES = 1_000
RATES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "selection_rate": ({"prediction": "1"}, {}),
    "tpr": ({"prediction": "1"}, {"label": "1"}),
    "fpr": ({"prediction": "1"}, {"label": "0"}),
    "precision": ({"label": "1"}, {"prediction": "1"}),
}


def precision(y: Any, p: Any) -> float:
    return float(precision_score(y, p, zero_division=0))


PEER = {
    "selection_rate": selection_rate,
    "tpr": true_positive_rate,
    "fpr": false_positive_rate,
    "precision": precision,
    "accuracy": accuracy_score,
}


def ours(frame: pd.DataFrame, roles: dict[str, Any]) -> tuple[dict[tuple[str, str], Share], np.ndarray]:
    """Counts of the frame, closed-form intervals of every rate, and 1,000 multinomial resamples of every rate."""
    case = assay.Case.from_frame(frame, **roles)
    ((counts,),) = case.count([by("protected", "label", "prediction")])
    shares: dict[tuple[str, str], Share] = {}
    for group in counts.groups(("sex", "race")):
        name = "/".join(str(v) for v in group.slice.values())
        for rate, (of, among) in RATES.items():
            shares[name, rate] = group.counts.share(of, among)
        right = group.counts.table("label", "prediction")
        shares[name, "accuracy"] = Share(
            float(np.trace(right)), float(right.sum()), int(right.sum()), float(right.sum())
        )
    for share in shares.values():
        wilson(share, level=0.95)
    cells = counts.table("sex", "race", "label", "prediction").reshape(-1, 2, 2)
    flat = cells[cells.sum(axis=(1, 2)) > 0]
    draws = multinomial(flat.reshape(-1), _rates_of, replicates=RESAMPLES, rng=np.random.default_rng(0))
    return shares, np.asarray(draws)


def _rates_of(cells: np.ndarray) -> np.ndarray:
    """(replicates, cells) -> (replicates, groups, 5) in the order of PEER."""
    t = cells.reshape(len(cells), -1, 2, 2)
    n, hit = t.sum(axis=(2, 3)), t[:, :, :, 1].sum(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack(
            [
                hit / n,
                t[:, :, 1, 1] / t[:, :, 1].sum(axis=2),
                t[:, :, 0, 1] / t[:, :, 0].sum(axis=2),
                t[:, :, 1, 1] / hit,
                (t[:, :, 0, 0] + t[:, :, 1, 1]) / n,
            ],
            axis=2,
        )


def median_seconds(work: Callable[[], object], *, runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resamples", type=int, default=10, help="resamples of Fairlearn that are really made")
    arguments = parser.parse_args()
    income = demo.load("income")
    roles = {k: v for k, v in income.roles.items() if k in ("label", "prediction", "favourable")}
    frame = pd.read_parquet(income.path).assign(race=lambda f: f["race"].astype(str))
    frame = frame[[roles["label"], roles["prediction"], "sex", "race"]]
    roles["protected"] = ("sex", "race")
    y = (frame[roles["label"]].astype(str) == str(roles["favourable"])).astype(int)
    p = (frame[roles["prediction"]].astype(str) == str(roles["favourable"])).astype(int)
    seconds = median_seconds(lambda: ours(frame, roles), runs=5)
    start = time.perf_counter()
    peer = MetricFrame(
        metrics=PEER, y_true=y, y_pred=p, sensitive_features=frame[["sex", "race"]], n_boot=arguments.resamples,
        ci_quantiles=[0.025, 0.5, 0.975], random_state=0,
    )  # fmt: skip
    _ = peer.by_group_ci
    theirs = (time.perf_counter() - start) / arguments.resamples * RESAMPLES
    shares, draws = ours(frame, roles)
    worst = max(
        abs(share.value - peer.by_group.loc[tuple(name.split("/")), rate])
        for (name, rate), share in shares.items()
        if share.value is not None
    )
    middle = peer.by_group_ci[1]
    names = [tuple(name.split("/")) for name, rate in shares if rate == "tpr"]
    spread = np.nanstd(draws, axis=0)
    median = np.array([[middle.loc[name, rate] for rate in PEER] for name in names], dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (median - np.nanmedian(draws, axis=0)) / (1.2533 * spread / np.sqrt(arguments.resamples))
    print(f"rows {len(frame):,}, groups {len(names)}, metrics {len(PEER)}, resamples {RESAMPLES:,}")
    print(f"assay      {seconds:.4f} s (counting, closed-form intervals and {RESAMPLES:,} resamples; median of 5)")
    print(f"Fairlearn  {theirs:,.0f} s (scaled from {arguments.resamples} resamples)")
    print(f"ratio      {theirs / seconds:,.0f}")
    print(f"largest difference of a point estimate: {worst:.1e}")
    off = np.sqrt(np.nanmean(z[np.isfinite(z)] ** 2))
    print(f"medians of the resamples differ by {off:.2f} Monte-Carlo errors (root mean square; 1 is expected)")


if __name__ == "__main__":
    main()

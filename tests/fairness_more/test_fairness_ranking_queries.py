"""Ranking by query: within each query, then averaged, against the definition written out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.case import Case
from assay.engine.areas import registry
from assay.engine.run import measures_of


def frame(queries: int, *, seed: int, lift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for q in range(queries):
        for _ in range(int(rng.integers(4, 12))):
            group = "a" if rng.random() < 0.5 else "b"
            rows.append((f"q{q}", group, float(rng.random() < 0.4), float(rng.random() ** (1 + lift * (group == "b")))))
    return pd.DataFrame(rows, columns=["query", "group", "y", "p"]).sample(frac=1, random_state=seed)


def measures(data: pd.DataFrame, **params: Any) -> dict[tuple[str, str], Measure]:
    case = Case.from_frame(data, label="y", score="p", protected=["group"], features=(), favourable=1)
    found: Iterator[Measure] = measures_of(registry().check("fairness.ranking"), case, **params)
    return {(m.name, "".join(map(str, m.slice.values()))): m for m in found}


def written_out(data: pd.DataFrame, group: str) -> dict[str, float]:
    exposure, merit, ndcg = [], [], []
    for _, one in data.groupby("query"):
        ranked = one.sort_values("p", ascending=False)
        discount = 1 / np.log2(2 + np.arange(len(ranked)))
        own = (ranked["group"] == group).to_numpy()
        if not own.any():
            continue
        exposure.append(discount[own].mean() / discount.mean())
        good = ranked["y"].to_numpy()
        if good[own].sum():
            merit.append(exposure[-1] / (good[own].mean() / good.mean()))
            gains = good[own] / np.log2(2 + np.arange(own.sum()))
            best = (1 / np.log2(2 + np.arange(int(good[own].sum())))).sum()
            ndcg.append(gains.sum() / best)
    return {"exposure": np.mean(exposure), "exposure_per_merit": np.mean(merit), "ndcg": np.mean(ndcg)}


def test_it_is_the_mean_over_queries_of_the_definition() -> None:
    data = frame(40, seed=1)
    found = measures(data, query="query")
    for group in "ab":
        for name, value in written_out(data, group).items():
            assert found[name, group].value == pytest.approx(value, abs=1e-12)
    values = [found["exposure", group].value for group in "ab"]
    assert found["exposure_gap", ""].value == pytest.approx(max(values) - min(values))
    assert not {name for name, _ in found} & {"rkl", "skew_at_k"}


def test_a_group_that_is_always_lower_is_found_and_equal_ones_are_not() -> None:
    equal, lower = (measures(frame(300, seed=3, lift=lift), query="query")["exposure_gap", ""] for lift in (0.0, 2.0))
    assert equal.interval is not None
    assert equal.interval.low == 0.0
    assert lower.interval is not None
    assert lower.interval.low > 0.1


def test_intervals_of_the_mean_cover() -> None:
    known = written_out(frame(4000, seed=99, lift=1.0), "a")["exposure"]
    held = 0
    for seed in range(100):
        interval = measures(frame(30, seed=seed, lift=1.0), query="query")["exposure", "a"].interval
        assert interval is not None
        held += interval.low <= known <= interval.high
    assert 88 <= held <= 99


def test_whole_queries_are_sampled_and_mistakes_are_named() -> None:
    data = frame(60, seed=4)
    few = measures(data, query="query", rows=120)
    rows = few["exposure", "a"].n, few["exposure", "b"].n
    assert 90 <= sum(int(n) for n in rows if isinstance(n, int)) <= 120
    (one,) = measures(data[data["query"] == "q1"], query="query").values()
    assert one.reason is not None
    assert "one query" in one.reason.text()
    gone = data.assign(query=np.where(data["query"] == "q1", None, data["query"]))
    assert measures(gone, query="query")["exposure", "a"].value == pytest.approx(
        written_out(data[data["query"] != "q1"], "a")["exposure"]
    )
    (none,) = measures(data.assign(query=pd.array([None] * len(data), dtype="string")), query="query").values()
    assert none.reason is not None
    with pytest.raises(AssayError, match="search"):
        measures(data, query="search")

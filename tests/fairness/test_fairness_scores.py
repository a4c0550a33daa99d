"""Distances between score distributions: SciPy on raw scores, no bias at equality, coverage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from assay.core.measure import Measure
from assay.data.coding import Bins, Dim, Values
from assay.data.counts import Counts
from assay.fairness.checks.score_distributions import score_distributions
from assay.fairness.scores.histogram import pooled_scores

Find = Callable[..., Measure]
Scored = Callable[..., Counts]


def test_agrees_with_scipy_on_raw_scores(make_scored: Scored, find: Find) -> None:
    rng = np.random.default_rng(0)
    group = rng.choice(["a", "b", "c"], 8000)
    score = rng.beta(np.where(group == "a", 3, 2), 3)
    measures = list(score_distributions(make_scored({"g": group.tolist()}, score, bins=400)))
    for g in "abc":
        own, rest = score[group == g], score[group != g]
        ks, shift = find(measures, "score_ks", {"g": g}, "g"), find(measures, "score_wasserstein", {"g": g}, "g")
        assert float(ks.notes[0].params["raw"]) == pytest.approx(stats.ks_2samp(own, rest).statistic, abs=5e-3)
        assert float(shift.notes[0].params["raw"]) == pytest.approx(stats.wasserstein_distance(own, rest), abs=2e-3)
        assert ks.n == (len(own), len(rest))
        assert find(measures, "mean_score", {"g": g}).value == pytest.approx(own.mean(), abs=1e-5)
    assert find(measures, "score_ks", {"g": "a"}, "g").p_value < 1e-12
    gap = find(measures, "mean_score_gap", over="g")
    means = [score[group == g].mean() for g in "abc"]
    assert gap.value == pytest.approx(max(means) - min(means), abs=1e-5)
    assert gap.interval is not None
    assert gap.interval.low > 0.05


def test_p_value_is_scipys_asymptotic_one_on_the_bins(make_scored: Scored, find: Find) -> None:
    rng = np.random.default_rng(1)
    score = rng.random(400).round(2)
    group = np.where(rng.random(400) < 0.5, "a", "b")
    measures = list(score_distributions(make_scored({"g": group.tolist()}, score, bins=400)))
    ks = find(measures, "score_ks", {"g": "a"}, "g")
    theirs = stats.ks_2samp(score[group == "a"], score[group == "b"], method="asymp")
    assert ks.p_value == pytest.approx(theirs.pvalue, abs=0.04)


@pytest.mark.parametrize(("n", "shift"), [(60, 0.0), (60, 0.15), (400, 0.0), (400, 0.15)])
def test_intervals_cover_and_equality_shows_no_distance(n: int, shift: float, make_scored: Scored, find: Find) -> None:
    rng = np.random.default_rng(2)
    truth = {"score_wasserstein": shift, "score_ks": shift / 0.85}
    covered, values, runs = dict.fromkeys(truth, 0), [], 120
    for _ in range(runs):
        score = np.concatenate([rng.uniform(0, 0.85, n) + shift, rng.uniform(0, 0.85, 2 * n)])
        counts = make_scored({"g": ["a"] * n + ["b"] * 2 * n}, score, bins=100)
        measures = list(score_distributions(counts))
        for name, true in truth.items():
            m = find(measures, name, {"g": "a"}, "g")
            assert m.interval is not None
            # The bins can hide a little of the distance.
            covered[name] += m.interval.low <= true and m.interval.high >= 0.95 * true
        ks = find(measures, "score_ks", {"g": "a"}, "g")
        values.append((ks.value, float(ks.notes[0].params["raw"])))
    assert min(covered.values()) / runs >= 0.90
    if shift == 0:
        value, raw = np.mean(values, axis=0)
        assert value < 0.65 * raw


def test_same_seed_same_answer_and_degenerate_scores(make_scored: Scored, find: Find) -> None:
    counts = make_scored({"g": ["a", "a", "b"]}, [0.5, 0.5, 0.5])
    measures = list(score_distributions(counts))
    assert {m.name for m in measures} == {"mean_score", "mean_score_gap", "mean_score_spread"}
    assert find(measures, "mean_score", {"g": "a"}).value == 0.5
    assert find(measures, "mean_score_gap", over="g").reason is not None
    rng = np.random.default_rng(3)
    counts = make_scored({"g": rng.choice(["a", "b"], 50).tolist()}, rng.random(50))
    assert list(score_distributions(counts)) == list(score_distributions(counts))
    assert list(score_distributions(counts)) != list(score_distributions(counts, seed=1))


def test_pooled_scores_keep_every_row_in_at_most_so_many_runs_of_about_equal_size() -> None:
    rng = np.random.default_rng(5)
    dims = [Dim("protected", "g", Values(), ()), Dim("score", "score", Bins(tuple(np.arange(0.001, 1, 0.001))), ())]
    cells = [(str(g), None if b == 0 else str(b)) for g, b in rng.integers(0, (3, 700), (5000, 2))]
    counts = Counts.from_cells(dims, cells, {"n": [1] * len(cells)})
    coarse = pooled_scores(counts, bins=10)
    assert coarse.n == counts.n
    assert coarse.marginal("protected") == counts.marginal("protected")
    sizes = coarse.table("score")
    assert coarse.dim("score").levels == (*map(str, range(10)), None)
    assert sizes[-1] == sum(level is None for _, level in cells)
    assert sizes[:-1] == pytest.approx(np.full(10, sizes[:-1].mean()), rel=0.1)

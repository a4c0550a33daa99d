"""Consistency and Lipschitz violations: written out, scikit-learn's neighbours, jackknife, coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.neighbors import NearestNeighbors

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.case import Case
from assay.fairness.checks.individual import individual
from assay.fairness.individual.gower import Gower
from assay.fairness.individual.neighbours import compare_pairs, consistency, lipschitz_violations


def case_of(columns: dict[str, Any], **roles: Any) -> Case:
    given = {"prediction": "p", "protected": ["g"], "favourable": 1, "task": "binary"} | roles
    return Case.from_frame(pa.table(columns), **given)


def people(n: int = 300, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x, z = rng.random(n), rng.random(n)
    score = np.clip(0.2 + 0.6 * x + rng.normal(0, 0.15, n), 0, 1)
    g = rng.choice(["a", "b"], n)
    return {"x": x, "z": z, "g": g.tolist(), "p": (score > 0.5).astype(int), "s": score}


def measured(columns: dict[str, Any], params: dict[str, Any] | None = None, **roles: Any) -> list[Measure]:
    return list(individual(case_of(columns, **roles), **(params or {})))


def one(measures: list[Measure], name: str, **slice: str) -> Measure:
    (found,) = [m for m in measures if m.name == name and dict(m.slice) == slice]
    return found


def test_consistency_is_zemels_with_scikit_learns_neighbours():
    columns = people()
    scaled = np.stack([(v - v.min()) / np.ptp(v) for v in (columns["x"], columns["z"])], axis=1)
    near = NearestNeighbors(n_neighbors=6, metric="manhattan").fit(scaled).kneighbors(scaled)[1][:, 1:]
    y, g = columns["p"], np.array(columns["g"])
    off = np.abs(y - y[near].mean(axis=1))
    measures = measured(columns, score="s")
    assert one(measures, "consistency").value == pytest.approx(1 - off.mean())
    for group in "ab":
        assert one(measures, "consistency", g=group).value == pytest.approx(1 - off[g == group].mean())


def test_violations_are_counted_over_all_pairs():
    columns = people(60)
    x, z, s, g = (np.asarray(columns[name]) for name in "xzsg")
    over, of_a = [], []
    for i in range(60):
        for j in range(60):
            if i == j:
                continue
            apart = (abs(x[i] - x[j]) / np.ptp(x) + abs(z[i] - z[j]) / np.ptp(z)) / 2
            over.append(abs(s[i] - s[j]) > 0.7 * apart)
            if g[i] == "a":
                of_a.append(over[-1])
    measures = measured(columns, {"lipschitz": 0.7}, score="s")
    assert one(measures, "lipschitz_violations").value == pytest.approx(np.mean(over))
    assert one(measures, "lipschitz_violations", g="a").value == pytest.approx(np.mean(of_a))


def test_gower_takes_numbers_words_times_and_missing_values():
    table = pa.table({"n": [0.0, 5.0, None], "w": ["u", "v", None], "b": [True, True, False]})
    metric = Gower.of(table)
    expected = np.array([[0, 2, 3], [2, 0, 3], [3, 3, 0]]) / 3
    assert metric.distances(slice(0, 3)) == pytest.approx(expected)
    dated = Gower.of(pa.table({"t": pa.array([0, 10, 5], pa.timestamp("s")), "c": [[1], [2], [3]], "k": [1, 1, 1]}))
    assert dated.left_out == ("c",)
    assert dated.distances(slice(0, 1)) == pytest.approx(np.array([[0, 0.5, 0.25]]))


def test_standard_error_of_consistency_is_the_jackknife_row_by_row():
    columns = people(80)
    table = pa.table({name: columns[name] for name in "xz"})
    # One range for all, as the jackknife leaves rows out and not the metric.
    metric, groups = Gower.of(table), (np.array(columns["g"]) == "a")[:, None]

    def value_of(kept: np.ndarray, place: int) -> tuple[float, float | None]:
        part = Gower(metric.numbers[kept], metric.words[kept], ())
        rng = np.random.default_rng(0)
        pairs = compare_pairs(part, None, groups[kept], k=5, lipschitz=1.0, rng=rng)
        found = consistency(pairs, columns["p"][kept].astype(float), place, level=0.95)
        return found.value or 0.0, found.error

    for place in (0, 1):
        left = np.array([value_of(np.arange(80) != i, place)[0] for i in range(80)])
        expected = np.sqrt(79 / 80 * ((left - left.mean()) ** 2).sum())
        assert value_of(np.arange(80) >= 0, place)[1] == pytest.approx(expected)


def test_same_decisions_are_consistent_and_equal_scores_violate_nothing():
    columns = people(50) | {"p": np.ones(50, dtype=int), "s": np.full(50, 0.7)}
    measures = measured(columns, score="s")
    assert one(measures, "consistency").value == 1
    assert 0.9 < one(measures, "consistency").interval.low < 1
    violations = one(measures, "lipschitz_violations")
    assert violations.value == 0
    assert violations.interval.high > 0.05


def test_order_does_nothing_without_ties_and_a_seed_gives_the_same_answer():
    columns = people(120)
    order = np.random.default_rng(9).permutation(120)
    turned = {name: np.asarray(values)[order].tolist() for name, values in columns.items()}
    plain = measured(columns, score="s")
    for a, b in zip(plain, measured(turned, score="s"), strict=True):
        assert b.value == pytest.approx(a.value)
    assert measured(columns, score="s") == plain


def test_without_scores_only_consistency_and_training_rows_are_left_out():
    columns = people(200)
    columns["half"] = ["train", "test"] * 100
    roles = {"features": ["x", "z"], "split": "half"}
    bare = {name: values for name, values in columns.items() if name != "s"}
    measures = measured(bare, **roles)
    assert one(measures, "lipschitz_violations").reason.id == "no-score"
    assert one(measures, "consistency").n == 100
    with pytest.raises(AssayError, match="do not fit"):
        measured(bare, {"rows": 6_000}, **roles)
    few = {name: values[:4] for name, values in bare.items()}
    assert one(measured(few, **roles), "consistency").reason.id == "no-neighbours"


def test_intervals_cover_what_samples_of_this_size_give_and_no_gap_at_equality():
    runs, n = 150, 150
    found: dict[str, list[Measure]] = {"consistency": [], "lipschitz_violations": []}
    equal = dict.fromkeys(found, 0)
    for seed in range(runs):
        measures = measured(people(n, seed=seed), {"lipschitz": 0.5}, score="s")
        for name, values in found.items():
            values.append(one(measures, name))
            gap = next(m for m in measures if m.name == f"{name}_gap").interval
            equal[name] += gap.low <= 0
    for name, values in found.items():
        truth = np.mean([m.value for m in values])
        assert np.mean([m.interval.low <= truth <= m.interval.high for m in values]) >= 0.91
        assert equal[name] / runs >= 0.92


def test_violations_without_variance_keep_an_interval():
    members = np.ones((40, 1), dtype=bool)
    found = lipschitz_violations(np.ones((40, 1)), members, 0, level=0.95)
    assert found.value == 1
    assert found.interval.low < 0.9

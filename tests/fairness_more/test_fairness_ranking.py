"""Exposure, NDCG, rKL and skew of groups in a ranking: written out, scikit-learn, properties, coverage."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import ndcg_score

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.case import Case
from assay.fairness.checks.ranking import ranking


def people(
    n: int = 240, *, shift: float = 0.5, groups: str = "abc", seed: int = 0, tied: bool = False
) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    g = rng.choice(list(groups), n)
    ability = rng.normal(0, 1, n) + shift * (g == "a")
    score = 1 / (1 + np.exp(-ability))
    y = (rng.random(n) < score).astype(int)
    return {"g": g.tolist(), "s": np.round(score, 1) if tied else score, "y": y}


def measured(columns: dict[str, Any], params: dict[str, Any] | None = None, **roles: Any) -> list[Measure]:
    given = {"label": "y", "score": "s", "protected": ["g"], "favourable": 1, "task": "binary"} | roles
    return list(ranking(Case.from_frame(pa.table(columns), **given), **(params or {})))


def one(measures: list[Measure], name: str, group: str | None = None) -> Measure:
    (found,) = [m for m in measures if m.name == name and dict(m.slice) == ({} if group is None else {"g": group})]
    return found


def discounts(score: np.ndarray) -> np.ndarray:
    """Each row's mean discount over all the places that its equals share."""
    ordered = np.sort(score)[::-1]
    by_place = [1 / math.log2(1 + place) for place in range(1, len(score) + 1)]
    return np.array([np.mean([d for d, other in zip(by_place, ordered, strict=True) if other == s]) for s in score])


@pytest.mark.parametrize("tied", [False, True])
def test_exposure_and_merit_are_those_of_singh_and_joachims(tied: bool):
    columns = people(tied=tied)
    g, y, d = np.array(columns["g"]), columns["y"], discounts(columns["s"])
    measures = measured(columns)
    exposures = {group: d[g == group].mean() / d.mean() for group in "abc"}
    for group, value in exposures.items():
        assert one(measures, "exposure", group).value == pytest.approx(value)
        merit = y[g == group].mean() / y.mean()
        assert one(measures, "exposure_per_merit", group).value == pytest.approx(value / merit)
    gap = one(measures, "exposure_gap")
    assert gap.value == pytest.approx(max(exposures.values()) - min(exposures.values()))
    assert gap.groups[0] == {"g": max(exposures, key=exposures.get)}


@pytest.mark.parametrize("tied", [False, True])
def test_ndcg_is_scikit_learns_on_the_group(tied: bool):
    columns = people(tied=tied)
    g = np.array(columns["g"])
    measures = measured(columns)
    for group in "abc":
        own = g == group
        expected = ndcg_score([columns["y"][own]], [columns["s"][own]])
        assert one(measures, "ndcg", group).value == pytest.approx(expected)


def written_out_rkl(member: list[bool]) -> float:
    """Yang & Stoyanovich (2017), eq. 3, place by place; `member` in the order of the ranking."""
    n, q = len(member), sum(member) / len(member)

    def total(order: list[bool]) -> float:
        out = 0.0
        for i in range(10, n + 1, 10):
            p = sum(order[:i]) / i
            out += sum(a * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0) / math.log2(i)
        return out

    return total(member) / max(total(sorted(member)), total(sorted(member, reverse=True)))


def test_rkl_and_skew_are_the_formulas_written_out():
    columns = people()
    order = np.argsort(-columns["s"])
    g = np.array(columns["g"])[order]
    measures = measured(columns, {"k": 30})
    for group in "abc":
        raw = float(one(measures, "rkl", group).notes[0].params["raw"])
        assert raw == pytest.approx(written_out_rkl((g == group).tolist()), rel=1e-3)
        skew = math.log((g[:30] == group).mean() / (g == group).mean())
        assert one(measures, "skew_at_k", group).value == pytest.approx(skew)


def test_a_group_all_in_front_has_rkl_one_and_one_behind_no_place_at_the_top():
    g = ["a"] * 100 + ["b"] * 100
    columns = {"g": g, "s": np.linspace(1, 0.001, 200), "y": [0, 1] * 100}
    measures = measured(columns, {"k": 50})
    assert float(one(measures, "rkl", "a").notes[0].params["raw"]) == pytest.approx(1)
    assert one(measures, "rkl", "a").p_value == pytest.approx(1 / 500)
    assert one(measures, "skew_at_k", "a").value == pytest.approx(math.log(2))
    behind = one(measures, "skew_at_k", "b")
    assert behind.value is None
    assert behind.reason.id == "none-in-top"
    assert behind.p_value < 1e-12


def test_only_the_order_counts_and_equal_scores_treat_groups_alike():
    columns = people(120)
    squared = columns | {"s": np.asarray(columns["s"]) ** 2}
    assert measured(squared) == measured(columns)
    order = np.random.default_rng(1).permutation(120)
    turned = {name: np.asarray(values)[order].tolist() for name, values in columns.items()}
    for a, b in zip(measured(columns, {"k": 20}), measured(turned, {"k": 20}), strict=True):
        if a.name != "rkl":
            assert b.value == pytest.approx(a.value)
    same = measured(columns | {"s": np.full(120, 0.5)}, {"k": 20})
    assert one(same, "exposure", "a").value == pytest.approx(1)
    assert one(same, "skew_at_k", "a").value == pytest.approx(0)
    assert one(same, "rkl", "a").value == 0


def test_the_seed_decides_the_draws_and_no_number_drawn_from_the_rows():
    columns = people(120)
    first, again, other = measured(columns), measured(columns), measured(columns, {"seed": 1})
    assert first == again
    assert one(first, "exposure", "a").value == one(other, "exposure", "a").value
    assert one(first, "exposure", "a").interval != one(other, "exposure", "a").interval


def test_without_labels_attention_alone_and_what_cannot_be_ranked_says_why():
    columns = people(120)
    bare = measured({name: columns[name] for name in ("g", "s")}, label=None)
    assert {m.name for m in bare} == {"exposure", "exposure_gap", "rkl", "skew_at_k"}
    few = measured({name: values[:8] for name, values in columns.items()})
    assert {m.reason.id for m in few if m.name in ("rkl", "skew_at_k")} == {"short-ranking"}
    alone = measured(columns | {"g": ["a"] * 120})
    assert one(alone, "exposure", "a").value == pytest.approx(1)
    assert one(alone, "exposure_gap").reason.id == "one-group"
    many = measured(columns | {"g": [f"g{i % 40}" for i in range(120)]})
    assert [m.reason.id for m in many] == ["too-many-groups"]
    with pytest.raises(AssayError, match="rank nothing"):
        measured(columns, {"k": 0})


def test_missing_scores_have_no_place_and_missing_labels_no_merit():
    columns = people(120)
    label = [None if i % 3 == 0 else int(value) for i, value in enumerate(columns["y"])]
    measures = measured(columns | {"y": label, "s": [None if i < 20 else s for i, s in enumerate(columns["s"])]})
    assert sum(one(measures, "exposure", group).n for group in "abc") == 100
    rows = [i for i in range(20, 120) if i % 3]
    g, y, s = (np.array(columns[name])[rows] for name in ("g", "y", "s"))
    assert one(measures, "ndcg", "a").value == pytest.approx(ndcg_score([y[g == "a"]], [s[g == "a"]]))


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_intervals_cover_equality_and_the_truth_away_from_it(shift: float):
    runs, names = 40, ("exposure", "exposure_gap", "exposure_per_merit", "rkl", "skew_at_k")
    found: dict[str, list[Measure]] = {name: [] for name in names}
    for seed in range(runs):
        measures = measured(people(120, shift=shift, groups="ab", seed=seed), {"k": 30})
        for name in names:
            found[name].append(one(measures, name, None if name == "exposure_gap" else "a"))
    for name, all_of in found.items():
        equal = 0.0 if name in ("exposure_gap", "rkl", "skew_at_k") else 1.0
        truth = equal if shift == 0 else float(np.mean([m.value for m in all_of]))
        covered = np.mean([m.interval.low <= truth <= m.interval.high for m in all_of])
        assert covered >= 0.87, name
    rejected = [np.mean([m.p_value < 0.05 for m in found[name]]) for name in ("exposure", "rkl", "skew_at_k")]
    assert min(rejected) >= 0.5 if shift else max(rejected) <= 0.15

"""Distances between distributions of predicted numbers: SciPy, exact permutations, coverage at equality."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.case import Case
from assay.fairness.checks.regression_distributions import regression_distributions


def measured(columns: dict[str, Any], params: dict[str, Any] | None = None, **roles: Any) -> list[Measure]:
    given = {"prediction": "p", "protected": ["g"], "task": "regression"} | roles
    return list(regression_distributions(Case.from_frame(pa.table(columns), **given), **(params or {})))


def one(measures: list[Measure], name: str, group: str) -> Measure:
    (found,) = [m for m in measures if m.name == name and dict(m.slice) == {"g": group}]
    return found


def raw(measure: Measure) -> float:
    return float(measure.notes[0].params["raw"])


def rows(n: int = 600, *, shift: float = 5.0) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    g = rng.choice(["a", "b", "c"], n)
    return {"g": g.tolist(), "p": 1e6 + rng.gamma(3, 10, n) + shift * (g == "a")}


@pytest.mark.parametrize("n", [600, 8000])
def test_distances_are_scipys(n: int):
    columns = rows(n)
    measures, g = measured(columns, {"permutations": 20}), np.array(columns["g"])
    for group in "abc":
        own, rest = columns["p"][g == group], columns["p"][g != group]
        shift, ks = one(measures, "prediction_wasserstein", group), one(measures, "prediction_ks", group)
        assert raw(shift) == pytest.approx(stats.wasserstein_distance(own, rest), rel=0.01)
        assert raw(ks) == pytest.approx(stats.ks_2samp(own, rest).statistic, abs=0.002)
        assert shift.n == ks.n == (len(own), len(rest))
        assert shift.interval.low <= shift.value <= shift.interval.high


def test_p_value_is_that_of_all_permutations():
    values, member = np.array([0.3, 1.1, 2.0, 2.2, 3.9, 5.0, 5.1, 7.0]), [0, 1, 2, 4]
    columns = {"g": ["a" if i in member else "b" for i in range(8)], "p": values}
    found = measured(columns, {"permutations": 4000})
    picks = [list(pick) for pick in combinations(range(8), 4)]
    others = [np.setdiff1d(range(8), pick) for pick in picks]
    for name, of in (
        ("prediction_ks", lambda a, b: stats.ks_2samp(a, b).statistic),
        ("prediction_wasserstein", stats.wasserstein_distance),
    ):
        every = np.array([of(values[a], values[b]) for a, b in zip(picks, others, strict=True)])
        observed = of(values[member], values[np.setdiff1d(range(8), member)])
        assert one(found, name, "a").p_value == pytest.approx((every >= observed - 1e-9).mean(), abs=0.03)


def test_a_change_of_unit_moves_the_shift_alone_and_order_nothing():
    columns = rows(300)
    pounds = measured(columns | {"p": columns["p"] * 2})
    order = np.random.default_rng(1).permutation(300)
    turned = measured({name: np.asarray(values)[order].tolist() for name, values in columns.items()})
    for a, b, c in zip(measured(columns), pounds, turned, strict=True):
        assert b.value == pytest.approx(a.value * (2 if a.name == "prediction_wasserstein" else 1), rel=1e-6)
        assert c.value == pytest.approx(a.value)


def test_what_cannot_be_compared_says_why_and_missing_predictions_are_left_out():
    columns = rows(60)
    alone = measured(columns | {"g": ["a"] * 60})
    assert {m.reason.id for m in alone} == {"one-group"}
    same = measured(columns | {"p": [3.0] * 60})
    assert {m.reason.id for m in same} == {"one-number"}
    many = measured(columns | {"g": [f"g{i % 40}" for i in range(60)]})
    assert {m.reason.id for m in many} == {"too-many-groups"}
    some = measured(columns | {"p": [None if i < 20 else p for i, p in enumerate(columns["p"])]})
    assert sum(some[0].n) == 40
    with pytest.raises(AssayError, match="test nothing"):
        measured(columns, {"permutations": 0})


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_intervals_cover_and_the_test_keeps_its_level(shift: float):
    truth = {"prediction_wasserstein": shift, "prediction_ks": shift}
    runs, covered, rejected = 100, dict.fromkeys(truth, 0), dict.fromkeys(truth, 0)
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        # Uniform on [0, 1], and the same moved by `shift`: both distances are `shift`.
        values = np.concatenate([rng.random(80) + shift, rng.random(160)])
        measures = measured({"g": ["a"] * 80 + ["b"] * 160, "p": values}, {"permutations": 99, "seed": seed})
        for name, true in truth.items():
            m = one(measures, name, "a")
            covered[name] += m.interval.low <= true <= m.interval.high
            rejected[name] += m.p_value <= 0.05
    assert min(covered.values()) / runs >= 0.91
    if shift:
        assert min(rejected.values()) / runs >= 0.8
    else:
        assert max(rejected.values()) / runs <= 0.12

"""Means and errors by group of a predicted number: Fairlearn, SciPy, properties, coverage at equality."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairlearn.metrics import MetricFrame
from scipy import stats
from sklearn.metrics import mean_absolute_error

from assay.core.measure import Measure
from assay.data.case import Case
from assay.engine.run import measures_of
from assay.fairness.checks.regression_gaps import regression_gaps


def case_of(columns: dict[str, Any], **roles: Any) -> Case:
    given = {"label": "y", "prediction": "p", "protected": ["g"], "task": "regression"} | roles
    return Case.from_frame(pa.table(columns), **given)


def measured(columns: dict[str, Any], **roles: Any) -> list[Measure]:
    return list(measures_of(regression_gaps, case_of(columns, **roles), depth=1))


def one(measures: list[Measure], name: str, group: str | None = None) -> Measure:
    (found,) = [m for m in measures if m.name == name and dict(m.slice) == ({} if group is None else {"g": group})]
    return found


def rows(n: int = 600) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    g = rng.choice(["a", "b", "c"], n)
    y = rng.normal(10, 3, n) + (g == "a")
    return {"g": g.tolist(), "y": y, "p": y + rng.normal(0, 1 + (g == "b"), n) - 0.5 * (g == "c")}


def test_groups_and_gaps_are_those_of_fairlearn():
    columns = rows()
    measures = measured(columns)
    metrics = {
        "mae": mean_absolute_error,
        "mean_prediction": lambda _, p: np.mean(p),
        "mean_label": lambda y, _: np.mean(y),
        "mean_error": lambda y, p: np.mean(p - y),
    }
    frame = MetricFrame(
        metrics=metrics, y_true=columns["y"], y_pred=columns["p"], sensitive_features=np.array(columns["g"])
    )
    for name in metrics:
        assert one(measures, name).value == pytest.approx(frame.overall[name], abs=1e-5)
        for group in "abc":
            assert one(measures, name, group).value == pytest.approx(frame.by_group[name][group], abs=1e-5)
        gap = next(m for m in measures if m.name == f"{name}_gap")
        assert gap.value == pytest.approx(frame.difference()[name], abs=1e-5)
        assert gap.interval is not None
        assert gap.interval.low <= gap.value <= gap.interval.high


def test_interval_of_a_mean_is_students():
    columns = rows(80)
    values = columns["p"][np.array(columns["g"]) == "a"]
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    found = one(measured(columns), "mean_prediction", "a").interval
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_duplicated_rows_leave_the_values_and_narrow_the_intervals_and_order_does_nothing():
    columns = rows(200)
    order = np.random.default_rng(1).permutation(200)
    turned = {name: np.asarray(values)[order] for name, values in columns.items()}
    twice = {name: np.tile(np.asarray(values), 2) for name, values in columns.items()}
    plain, doubled = measured(columns), measured(twice)
    assert measured(turned) == plain
    for a, b in zip(plain, doubled, strict=True):
        assert (a.name, a.slice) == (b.name, b.slice)
        if not a.name.endswith("_spread"):
            assert b.value == pytest.approx(a.value, abs=1e-4)
            assert b.interval.high - b.interval.low < a.interval.high - a.interval.low


def test_predictions_alone_give_their_means_and_the_rest_says_why():
    columns = {name: values for name, values in rows().items() if name != "y"}
    measures = measured(columns, label=None)
    assert one(measures, "mean_prediction", "a").value is not None
    for name in ("mean_label", "mae", "mean_error"):
        assert one(measures, name).value is None
        assert one(measures, name).reason is not None


def test_equal_predictions_have_no_standard_error_and_are_left_out_of_the_gap():
    columns = {"g": ["a"] * 3 + ["b"] * 3, "y": [1.0, 2, 3, 4, 5, 6], "p": [2.0] * 3 + [1.0, 5, 3]}
    measures = measured(columns)
    assert one(measures, "mean_prediction", "a").value == 2
    gap = next(m for m in measures if m.name == "mean_prediction_gap")
    assert gap.value is None
    assert "a" in gap.notes[0].text()


def test_gaps_cover_zero_at_equality_and_the_truth_away_from_it():
    rng = np.random.default_rng(3)
    runs, zero, away = 120, 0, 0
    for _ in range(runs):
        g = np.repeat(list("abcde"), 60)
        y = rng.normal(0, 1, 300)
        columns = {"g": g.tolist(), "y": y, "p": y + rng.laplace(0, 1, 300) + 0.5 * (g == "a")}
        measures = measured(columns)
        mae = next(m for m in measures if m.name == "mean_label_gap").interval
        error = next(m for m in measures if m.name == "mean_error_gap").interval
        zero += mae.low <= 0 <= mae.high
        away += error.low <= 0.5 <= error.high
    assert zero / runs >= 0.92
    assert away / runs >= 0.92

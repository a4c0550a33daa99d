"""Errors of predicted numbers, against scikit-learn, and the coverage of their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from assay.quality.checks.performance import performance
from assay.quality.regression import r_squared


def find(measures, name, slice=None, over=()):
    (found,) = [m for m in measures if m.name == name and m.slice == (slice or {}) and m.over == over]
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_errors_are_those_of_scikit_learn_overall_and_by_group(counts, weighted, shift):
    rng = np.random.default_rng(4)
    y = rng.normal(shift, 2, 500)
    y_hat = 0.8 * (y - shift) + shift + rng.normal(0.3, 1, 500)
    group = rng.choice(np.array(["a", "b"], dtype=object), 500)
    weight = rng.integers(1, 9, 500) / 4 if weighted else None
    measures = list(performance(counts(y=y, y_hat=y_hat, protected={"g": group}, weight=weight)))
    for slice_ in ({}, {"g": "b"}):
        rows = np.ones(500, dtype=bool) if not slice_ else group == "b"
        w = None if weight is None else weight[rows]
        expected = {
            "r_squared": metrics.r2_score(y[rows], y_hat[rows], sample_weight=w),
            "mae": metrics.mean_absolute_error(y[rows], y_hat[rows], sample_weight=w),
            "rmse": metrics.root_mean_squared_error(y[rows], y_hat[rows], sample_weight=w),
            "mean_error": np.average((y_hat - y)[rows], weights=w),
        }
        for name, value in expected.items():
            found = find(measures, name, slice_)
            assert found.value == pytest.approx(value, abs=1e-6)
            assert found.interval.low < found.value < found.interval.high
    gap = find(measures, "mae_gap", over=("g",))
    assert gap.value == pytest.approx(
        abs(find(measures, "mae", {"g": "a"}).value - find(measures, "mae", {"g": "b"}).value)
    )


@pytest.mark.parametrize("heavy", [False, True])
def test_intervals_cover_at_their_level(counts, heavy):
    rng = np.random.default_rng(8)
    noise = rng.standard_t(6, (400, 300)) if heavy else rng.normal(0, 1, (400, 300))
    variance = 1.5 if heavy else 1.0
    truth = {"r_squared": 1 - variance / 4, "rmse": variance**0.5, "mean_error": 0.0}
    hits = dict.fromkeys(truth, 0)
    for e in noise:
        y = 2 * rng.normal(0, 1, 300)
        y_hat = y + e
        measures = list(performance(counts(y=y, y_hat=y_hat)))
        for name, value in truth.items():
            interval = find(measures, name).interval
            hits[name] += interval.low <= value <= interval.high
    assert all(0.915 <= hit / 400 <= 0.985 for hit in hits.values()), hits


def test_r_squared_standard_error_is_that_of_the_row_bootstrap(counts):
    rng = np.random.default_rng(9)
    y = rng.gamma(2, 1, 800)
    y_hat = 0.6 * y + rng.normal(0.4, 0.5, 800)
    found = r_squared(counts(y=y, y_hat=y_hat), level=0.95)
    draws = rng.integers(0, 800, (1500, 800))
    residual, around = (y_hat - y)[draws] ** 2, y[draws]
    values = 1 - residual.sum(axis=1) / ((around - around.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    assert found.standard_error == pytest.approx(values.std(), rel=0.08)


def test_a_label_far_from_zero_still_gives_an_interval_or_says_that_it_cannot(counts):
    rng = np.random.default_rng(1)
    y = rng.normal(0, 1, 400)
    e = rng.normal(0, 0.5, 400)
    near = r_squared(counts(y=y, y_hat=y + e), level=0.95)
    far = r_squared(counts(y=y + 1e3, y_hat=y + e + 1e3), level=0.95)
    assert far.standard_error == pytest.approx(near.standard_error, rel=1e-3)
    farther = r_squared(counts(y=y + 1e6, y_hat=y + e + 1e6), level=0.95)
    assert farther.value == pytest.approx(near.value, rel=1e-3)
    assert farther.standard_error is None or farther.standard_error == pytest.approx(near.standard_error, rel=0.05)


def test_a_constant_label_has_no_r_squared_and_one_row_no_interval(counts):
    constant = list(performance(counts(y=np.full(5, 3.0), y_hat=np.arange(5.0))))
    assert find(constant, "r_squared").reason.id == "constant-label"
    one = list(performance(counts(y=np.array([3.0]), y_hat=np.array([4.0]))))
    assert find(one, "mae").value == 1.0
    assert find(one, "mae").interval is None


def test_a_model_that_is_always_right_has_no_error(counts):
    y = np.arange(10.0)
    measures = list(performance(counts(y=y, y_hat=y)))
    assert find(measures, "r_squared").value == 1.0
    assert find(measures, "rmse").value == 0.0

"""Calibration against closed forms, a row-level logistic regression, and simulations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.quality import reliability
from assay.quality.checks.calibration import calibration
from assay.quality.checks.performance import performance
from assay.quality.scores import score_bins


def find(measures, name, slice=None, over=()):
    (found,) = [m for m in measures if m.name == name and m.slice == (slice or {}) and m.over == over]
    return found


def drawn(rng, score):
    return np.where(rng.random(len(score)) < score, "1", "0").astype(object)


def test_in_the_large_is_the_mean_error_of_the_scores_with_the_plain_interval_of_a_mean(counts, people):
    from scipy import stats

    rows = {k: v for k, v in people.items() if k not in ("weight", "prediction")}
    measures = list(calibration(counts(**rows)))
    error = people["score"] - (people["label"] == "1")
    found = find(measures, "calibration_in_the_large")
    assert found.value == pytest.approx(error.mean())
    expected = stats.t.interval(0.95, len(error) - 1, error.mean(), stats.sem(error, ddof=1))
    assert (found.interval.low, found.interval.high) == pytest.approx(expected, rel=1e-6)
    female = people["protected"]["sex"] == "Female"
    assert find(measures, "calibration_in_the_large", {"sex": "Female"}).value == pytest.approx(error[female].mean())
    gap = find(measures, "calibration_in_the_large_gap", over=("sex",))
    assert gap.value == pytest.approx(abs(error[female].mean() - error[~female].mean()))


def test_weights_enter(counts, people):
    rows = {k: v for k, v in people.items() if k != "prediction"}
    found = find(calibration(counts(**rows)), "calibration_in_the_large")
    error = people["score"] - (people["label"] == "1")
    assert found.value == pytest.approx(np.average(error, weights=people["weight"]))


def test_in_the_large_covers_at_its_level(counts):
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        score = np.round(rng.beta(1, 3, 200), 2)
        measures = calibration(counts(label=drawn(rng, np.clip(score + 0.05, 0, 1)), score=score))
        interval = find(measures, "calibration_in_the_large").interval
        hits += interval.low <= -0.05 <= interval.high
    assert 0.92 <= hits / 400 <= 0.98


def test_calibrated_scores_pass_and_overconfident_ones_show_error_and_slope(counts):
    rng = np.random.default_rng(1)
    logit = rng.normal(0, 1.5, 20_000)
    true = 1 / (1 + np.exp(-logit))
    label = drawn(rng, true)
    edges = np.quantile(true, np.linspace(0, 1, 257)[1:-1])
    good = list(calibration(counts(label=label, score=true, edges=edges)))
    assert find(good, "calibration_error").interval.low == 0.0
    assert find(good, "calibration_error").value < 0.01
    assert find(good, "calibration_slope").interval.low < 1 < find(good, "calibration_slope").interval.high
    extreme = 1 / (1 + np.exp(-2 * logit))
    edges = np.quantile(extreme, np.linspace(0, 1, 257)[1:-1])
    bad = list(calibration(counts(label=label, score=extreme, edges=edges)))
    truth = np.abs(extreme - true).mean()
    interval = find(bad, "calibration_error").interval
    assert interval.low > 0.05
    assert interval.low <= truth <= interval.high
    assert find(bad, "calibration_slope").value == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.8])
def test_the_slope_from_bins_is_that_of_a_logistic_regression_on_the_rows(counts, factor):
    import statsmodels.api as sm

    rng = np.random.default_rng(2)
    logit = rng.normal(-1, 1.2, 4000)
    label = drawn(rng, 1 / (1 + np.exp(-logit)))
    score = 1 / (1 + np.exp(-factor * logit))
    edges = np.quantile(score, np.linspace(0, 1, 513)[1:-1])
    found = reliability.slope(score_bins(counts(label=label, score=score, edges=edges))[0][1], level=0.95)
    fit = sm.GLM((label == "1").astype(float), sm.add_constant(factor * logit), family=sm.families.Binomial()).fit()
    assert found.value == pytest.approx(fit.params[1], rel=3e-3)
    assert found.standard_error == pytest.approx(fit.bse[1], rel=1e-2)


def test_scores_of_exactly_zero_or_one_and_separated_labels_leave_the_slope_unmeasured(counts):
    certain = counts(label=list("0101"), score=np.array([0.0, 0.3, 0.6, 1.0]))
    assert find(calibration(certain), "calibration_slope").reason.id == "certain-scores"
    separated = counts(label=list("0011"), score=np.array([0.1, 0.3, 0.6, 0.9]))
    assert find(calibration(separated), "calibration_slope").reason.id == "separated"
    alike = counts(label=list("0011"), score=np.full(4, 0.5))
    assert find(calibration(alike), "calibration_slope").reason.id == "separated"


def test_the_curve_has_the_observed_rate_and_mean_score_of_tenths_of_the_rows(counts):
    rng = np.random.default_rng(3)
    score = rng.random(1000)
    label = drawn(rng, score)
    measures = list(calibration(counts(label=label, score=score)))
    order = np.argsort(score)
    for i, rows in enumerate(np.split(order, 10), start=1):
        slice_ = {"score_bin": f"{i} of 10"}
        assert find(measures, "mean_score", slice_).value == pytest.approx(score[rows].mean(), abs=1e-9)
        assert find(measures, "observed_rate", slice_).value == pytest.approx((label[rows] == "1").mean())
        assert find(measures, "observed_rate", slice_).n == 100


def test_few_distinct_scores_make_fewer_bins_and_no_rows_no_numbers(counts):
    two = list(calibration(counts(label=list("0101"), score=np.array([0.2, 0.2, 0.8, 0.8]))))
    assert [m.slice["score_bin"] for m in two if m.name == "observed_rate"] == ["3 of 10", "8 of 10"]
    none = list(calibration(counts(label=[None, None], score=np.array([0.2, 0.8]))))
    assert {m.name: m.reason.id for m in none} == {
        "calibration_error": "empty-denominator",
        "calibration_in_the_large": "empty-denominator",
        "calibration_slope": "empty-denominator",
    }


def test_the_same_seed_gives_the_same_interval_and_a_silly_number_of_bins_is_refused(counts, people):
    rows = {k: v for k, v in people.items() if k not in ("weight", "prediction")}
    made = counts(**rows)
    assert list(calibration(made, seed=5)) == list(calibration(made, seed=5))
    with pytest.raises(AssayError, match="Give bins from 2"):
        list(calibration(made, bins=1))


Row = st.tuples(
    st.sampled_from(["0", "1", None]), st.integers(0, 8), st.sampled_from(["a", "b", None]), st.integers(0, 3)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(Row, max_size=25))
def test_any_small_table_gives_numbers_or_reasons(counts, rows):
    label, score, group, weight = ([row[i] for row in rows] for i in range(4))
    given_rows = {"label": label, "score": np.array(score) / 8, "protected": {"g": group}}
    for extra in ({}, {"weight": np.array(weight, dtype=float)}):
        made = counts(**given_rows, **extra)
        for m in (*calibration(made), *performance(made)):
            assert m.value is not None or m.reason is not None
            assert m.interval is None or m.interval.low - 1e-9 <= m.value <= m.interval.high + 1e-9

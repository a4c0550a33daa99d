"""Means and their differences against scipy; weighted and clustered variances against statsmodels and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t, ttest_ind
from statsmodels.api import WLS

from assay.core.errors import AssayError
from assay.core.measure import Share
from assay.stats.moments import Estimate, difference, mean
from assay.stats.rates import wilson
from assay.stats.weighted import (
    Sums,
    difference_of_ratios,
    kish,
    ratio_of_totals,
    share_of,
    sums_of_rows,
)


def estimate(values: np.ndarray, level: float = 0.95) -> Estimate:
    return mean(values.sum(), (values**2).sum(), len(values), level=level)


@pytest.mark.parametrize("n", [2, 7, 400])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_a_mean_has_students_interval(n: int, level: float) -> None:
    values = np.random.default_rng(n).gamma(2.0, size=n)
    got = estimate(values, level)
    error = values.std(ddof=1) / math.sqrt(n)
    assert got.standard_error == pytest.approx(error, rel=1e-9)
    assert got.interval is not None
    expected = t.interval(level, n - 1, loc=values.mean(), scale=error)
    assert (got.interval.low, got.interval.high) == pytest.approx(expected, rel=1e-9)


def test_a_mean_that_says_nothing_of_its_error_has_no_interval() -> None:
    assert estimate(np.array([3.0])) == Estimate(3.0, None, None, 1)
    assert estimate(np.full(50, 0.1)).standard_error is None
    with pytest.raises(AssayError, match="needs rows"):
        mean(0.0, 0.0, 0)


def test_the_difference_of_means_is_welchs() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 3, 40), rng.normal(0, 1, 15)
    got = difference(estimate(a), estimate(b))
    expected = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert got is not None
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert difference(estimate(a), estimate(np.array([1.0]))) is None


def test_frequency_weights_are_rows_and_kish_widens() -> None:
    values, weights = np.array([1.0, 2.0, 4.0]), np.array([3, 5, 2])
    repeated = estimate(np.repeat(values, weights))
    total, squares = (weights * values).sum(), (weights * values**2).sum()
    got = mean(total, squares, 10)
    assert (got.value, got.standard_error) == pytest.approx((repeated.value, repeated.standard_error))
    assert kish(weights.sum(), (weights**2).sum()) == pytest.approx(100 / 38)
    wide = mean(total, squares, 10, effective=100 / 38)
    assert wide.standard_error is not None
    assert got.standard_error is not None
    assert wide.standard_error > 2 * got.standard_error


@pytest.mark.parametrize("clustered", [False, True])
def test_linearised_variance_is_the_sandwich_of_weighted_least_squares(clustered: bool) -> None:
    rng = np.random.default_rng(2)
    y, w = (rng.uniform(size=300) < 0.3).astype(float), rng.gamma(2.0, size=300)
    units = rng.integers(0, 60, 300)
    got = ratio_of_totals(sums_of_rows(y, np.ones(300), weights=w, units=units if clustered else None))
    how = {"cov_type": "cluster", "cov_kwds": {"groups": units, "use_correction": False}} if clustered else {}
    fit = WLS(y, np.ones(300), weights=w).fit(**(how or {"cov_type": "HC0"}))
    m = got.units
    assert m == (len(np.unique(units)) if clustered else 300)
    assert got.value == pytest.approx(float(fit.params[0]), rel=1e-12)
    assert got.standard_error == pytest.approx(float(fit.bse[0]) * math.sqrt(m / (m - 1)), rel=1e-9)


def test_plain_rows_count_as_themselves() -> None:
    y = np.r_[np.ones(30), np.zeros(70)]
    got = share_of(sums_of_rows(y, np.ones(100)), rows=100)
    assert got == Share(30, 100, 100, pytest.approx(100, rel=1e-12))
    equal = share_of(sums_of_rows(y, np.ones(100), weights=np.full(100, 7.0)), rows=100)
    assert equal.effective == pytest.approx(100, rel=1e-12)
    none = share_of(sums_of_rows(0 * y, np.ones(100), weights=1 + y), rows=100)
    assert none.effective == pytest.approx(130**2 / (30 * 4 + 70))
    assert share_of(Sums(0, 0, 0, 0, 0, 0), rows=0).value is None


def test_rows_said_twice_count_once() -> None:
    rng = np.random.default_rng(3)
    y = (rng.uniform(size=200) < 0.4).astype(float)
    units = np.tile(np.arange(200), 3)
    got = share_of(sums_of_rows(np.tile(y, 3), np.ones(600), units=units), rows=600)
    assert got.effective == pytest.approx(200, rel=1e-9)


def test_a_ratio_without_denominator_is_refused_and_one_unit_has_no_error() -> None:
    with pytest.raises(AssayError, match="needs a denominator"):
        ratio_of_totals(sums_of_rows([0.0], [0.0]))
    with pytest.raises(AssayError, match="weights not negative"):
        sums_of_rows([1.0], [1.0], weights=[-1.0])
    one = ratio_of_totals(sums_of_rows([1.0, 0.0], [1.0, 1.0], units=["a", "a"]))
    assert one.standard_error is None
    assert one.interval() is None
    assert difference_of_ratios(one, one) is None


def clustered_sample(rng: np.random.Generator, units: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, weights and units: 1–9 rows a unit with a common rate, and weights that lean on some units."""
    sizes = rng.integers(1, 10, units)
    rates, weights = rng.beta(1, 2, units), rng.gamma(4.0, size=units)
    unit = np.repeat(np.arange(units), sizes)
    return (rng.uniform(size=len(unit)) < rates[unit]).astype(float), weights[unit], unit


def test_clustered_and_weighted_intervals_cover_where_plain_ones_do_not() -> None:
    rng = np.random.default_rng(4)
    held = {"linearised": 0, "Wilson, effective n": 0, "Wilson, rows": 0}
    for _ in range(800):
        y, w, unit = clustered_sample(rng, 80)
        sums = sums_of_rows(y, np.ones(len(y)), weights=w, units=unit)
        intervals = (
            ratio_of_totals(sums).interval(),
            wilson(share_of(sums, rows=len(y))),
            wilson(Share(y.sum(), len(y), len(y), len(y))),
        )
        for name, interval in zip(held, intervals, strict=True):
            assert interval is not None
            held[name] += interval.low <= 1 / 3 <= interval.high
    assert held["linearised"] / 800 >= 0.94 - 0.024, held
    assert held["Wilson, effective n"] / 800 >= 0.935 - 0.024, held
    assert held["Wilson, rows"] / 800 < 0.85, held


def test_the_difference_of_weighted_ratios_covers_zero() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(500):
        sides = []
        for _ in range(2):
            y, w, unit = clustered_sample(rng, 60)
            sides.append(ratio_of_totals(sums_of_rows(y, np.ones(len(y)), weights=w, units=unit)))
        interval = difference_of_ratios(*sides)
        assert interval is not None
        held += interval.low <= 0 <= interval.high
    assert held / 500 >= 0.94 - 0.029

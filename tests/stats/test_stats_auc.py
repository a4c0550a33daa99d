"""AUC on bins against scikit-learn and a row-wise DeLong, and its intervals by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from assay.core.errors import AssayError
from assay.stats.auc import auc

Floats = NDArray[np.float64]
histograms = st.integers(2, 8).flatmap(
    lambda b: st.tuples(*[arrays(np.int64, b, elements=st.integers(0, 30)) for _ in range(2)])
)


def row_wise_delong(positive: Floats, negative: Floats) -> tuple[float, float]:
    """AUC and standard error from all pairs of rows (DeLong et al. 1988, eq. 3–7)."""
    kernel = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    by_positive, by_negative = kernel.mean(axis=1), kernel.mean(axis=0)
    variance = by_positive.var(ddof=1) / len(positive) + by_negative.var(ddof=1) / len(negative)
    return float(kernel.mean()), math.sqrt(variance)


def counted(scores: Floats, values: Floats) -> NDArray[np.int64]:
    return np.array([int((scores == v).sum()) for v in values])


@pytest.mark.parametrize("decimals", [1, 2, 6])
def test_one_bin_a_value_is_row_wise_delong(decimals: int) -> None:
    rng = np.random.default_rng(decimals)
    positive, negative = rng.beta(3, 2, 150).round(decimals), rng.beta(2, 3, 220).round(decimals)
    values = np.unique(np.r_[positive, negative])
    got = auc(counted(positive, values), counted(negative, values))
    value, error = row_wise_delong(positive, negative)
    labels = np.r_[np.ones(150), np.zeros(220)]
    assert got.value == pytest.approx(roc_auc_score(labels, np.r_[positive, negative]), abs=1e-12)
    assert (got.value, got.standard_error) == pytest.approx((value, error), abs=1e-12)
    assert got.interval is not None
    centre, half = math.log(value / (1 - value)), norm.ppf(0.975) * error / (value * (1 - value))
    ends = [1 / (1 + math.exp(-x)) for x in (centre - half, centre + half)]
    assert [got.interval.low, got.interval.high] == pytest.approx(ends, abs=1e-12)
    assert (got.positives, got.negatives, got.interval.method) == (150, 220, "DeLong, logit")


def test_the_exact_value_lies_within_the_bound_of_the_binned_one() -> None:
    rng = np.random.default_rng(5)
    positive, negative = rng.normal(1, 1, 3000), rng.normal(0, 1, 5000)
    exact = roc_auc_score(np.r_[np.ones(3000), np.zeros(5000)], np.r_[positive, negative])
    for bins in (5, 50, 1000):
        edges = np.quantile(np.r_[positive, negative], np.linspace(0, 1, bins + 1))
        got = auc(np.histogram(positive, edges)[0], np.histogram(negative, edges)[0])
        assert abs(got.value - exact) <= got.bound
        assert got.bound < 1 / bins


@given(histograms)
def test_swapping_the_classes_mirrors(pair: tuple[Floats, Floats]) -> None:
    p, q = pair
    if not (p.any() and q.any()):
        with pytest.raises(AssayError, match="both classes"):
            auc(p, q)
        return
    there, back = auc(p, q), auc(q, p)
    assert there.value == pytest.approx(1 - back.value, abs=1e-12)
    assert there.interval is not None
    assert back.interval is not None
    assert there.interval.low == pytest.approx(1 - back.interval.high, abs=1e-9)
    assert 0 <= there.interval.low <= there.value + 1e-12
    assert there.value - 1e-12 <= there.interval.high <= 1


@pytest.mark.parametrize(("n", "m"), [(10, 10), (5, 200), (300, 300)])
def test_perfect_separation_is_not_certainty(n: int, m: int) -> None:
    got = auc([0, n], [m, 0])
    assert (got.value, got.standard_error) == (1, 0)
    assert got.interval is not None
    assert got.interval.method == "Newcombe AUC method 5"
    assert got.interval.high == 1
    # Newcombe (2006), method 5, at AUC 1: (1 − θ)² = z² V(θ), solved here by Newton's secant from scipy
    from scipy.optimize import brentq

    def equation(t: float) -> float:
        half = (n + m) / 2 - 1
        v = t * (1 - t) * (1 + half * (1 - t) / (2 - t) + half * t / (1 + t)) / (n * m)
        return (1 - t) ** 2 - norm.ppf(0.975) ** 2 * v

    assert got.interval.low == pytest.approx(brentq(equation, 0.01, 1 - 1e-6), abs=1e-9)


def test_one_row_in_a_class_has_an_interval_but_no_standard_error() -> None:
    got = auc([0, 1, 0], [3, 4, 5])
    assert got.standard_error is None
    assert got.interval is not None
    assert got.interval.low < got.value < got.interval.high
    flat = auc([20], [30])
    assert flat.value == 0.5
    assert flat.interval is not None
    assert flat.interval.low < 0.45 < 0.55 < flat.interval.high


def test_weights_scale_the_error_to_the_effective_n() -> None:
    p, q = np.array([5, 20, 40, 60]), np.array([70, 50, 20, 10])
    plain, scaled = auc(p, q), auc(p * 2.5, q * 0.5, effective=(125.0, 150.0))
    assert scaled.value == pytest.approx(plain.value, abs=1e-12)
    assert scaled.standard_error == pytest.approx(plain.standard_error, abs=1e-12)
    assert auc(p, q, effective=(30, 40)).interval.low < plain.interval.low  # type: ignore[union-attr]


@pytest.mark.parametrize("separation", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("n", [15, 100])
def test_the_interval_covers(separation: float, n: int) -> None:
    rng = np.random.default_rng([7, n])
    truth = norm.cdf(separation / math.sqrt(2))
    held = 0
    for _ in range(800):
        scores = np.r_[rng.normal(separation, 1, n), rng.normal(0, 1, 2 * n)]
        positive = np.zeros(3 * n)
        positive[np.argsort(np.argsort(scores))[:n]] = 1
        interval = auc(positive, 1 - positive).interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
    assert held / 800 >= 0.93 - 0.023

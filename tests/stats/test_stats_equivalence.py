"""Equivalence tests against statsmodels, and whether the n they promise keeps the promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from scipy.stats import norm
from statsmodels.stats.weightstats import ttost_ind

from assay.core.errors import AssayError
from assay.core.measure import Interval, Share
from assay.stats.equivalence import n_for_equivalence, n_to_settle, tost, tost_means
from assay.stats.moments import mean
from assay.stats.rates import newcombe


def share(hits: int, rows: int) -> Share:
    return Share(hits, rows, rows, rows)


def score(x: int, n: int, y: int, m: int, delta: float) -> float:
    """(p − q − δ) over its standard error at the likeliest rates with p − q = δ, found by search.

    Not from statsmodels, whose cubic (0.15) has the count where Miettinen and Nurminen have the rows.
    """

    def unlikelihood(p: float) -> float:
        q = p - delta
        return -(xlogy(x, p) + xlogy(n - x, 1 - p) + xlogy(y, q) + xlogy(m - y, 1 - q))

    low, high = max(0.0, delta), min(1.0, 1 + delta)
    p = float(minimize_scalar(unlikelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x)
    q = p - delta
    return (x / n - y / m - delta) / math.sqrt(p * (1 - p) / n + q * (1 - q) / m)


@pytest.mark.parametrize("pair", [(45, 100, 42, 90), (3, 200, 5, 210), (1, 50, 1, 60), (180, 200, 399, 400)])
@pytest.mark.parametrize("margin", [0.05, 0.2])
def test_tost_is_two_score_tests_at_the_likeliest_rates(pair: tuple[int, int, int, int], margin: float) -> None:
    x, n, y, m = pair
    expected = max(norm.sf(score(*pair, -margin)), norm.cdf(score(*pair, margin)))
    got = tost(share(x, n), share(y, m), margin=margin)
    assert got.p_value == pytest.approx(expected, rel=1e-5)
    assert tost(share(y, m), share(x, n), margin=margin).p_value == pytest.approx(got.p_value, rel=1e-9)


def test_tost_at_one_half_is_a_closed_form() -> None:
    # without a difference the likeliest rates under ±margin are mirror images, so both tests say the same
    got = tost(share(50, 100), share(50, 100), margin=0.1)
    error = math.sqrt(2 * 0.45 * 0.55 / 100)
    assert got.statistic == pytest.approx(0.1 / error, rel=1e-9)


def test_tost_of_means_agrees_with_statsmodels() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.02, 1, 80), rng.normal(0, 2, 120)
    got = tost_means(*(mean(v.sum(), (v**2).sum(), len(v)) for v in (a, b)), margin=0.5)
    assert got is not None
    assert got.p_value == pytest.approx(float(ttost_ind(a, b, -0.5, 0.5, usevar="unequal")[0]), rel=1e-9)
    assert tost_means(mean(1, 1, 1), mean(1, 2, 5), margin=0.5) is None


def test_tost_keeps_its_level_at_the_margin() -> None:
    rng = np.random.default_rng(2)
    rejected = sum(
        tost(share(int(x), 300), share(int(y), 300), margin=0.1).p_value < 0.05
        for x, y in rng.binomial(300, [0.4, 0.3], size=(4000, 2))
    )
    assert rejected / 4000 == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize(("p", "q"), [(0.3, 0.3), (0.3, 0.27), (0.05, 0.06)])
def test_the_n_for_equivalence_gives_the_power(p: float, q: float) -> None:
    n = n_for_equivalence(p, q, margin=0.08)
    assert n is not None
    rng = np.random.default_rng(3)
    found = sum(
        tost(share(int(x), n), share(int(y), n), margin=0.08).p_value < 0.05
        for x, y in rng.binomial(n, [p, q], size=(1500, 2))
    )
    assert found / 1500 == pytest.approx(0.8, abs=0.045)


def test_the_n_for_equivalence_is_near_the_textbook_one_at_equality() -> None:
    # Chow et al. (2017), sec. 4.2: n = (z_α + z_{β/2})² 2p(1 − p)/margin²
    expected = (norm.ppf(0.95) + norm.ppf(0.9)) ** 2 * 2 * 0.25 * 0.75 / 0.02**2
    assert n_for_equivalence(0.25, 0.25, margin=0.02) == pytest.approx(expected, rel=0.002)
    assert n_for_equivalence(0.3, 0.2, margin=0.1) is None
    with pytest.raises(AssayError, match="no variance"):
        n_for_equivalence(0.0, 1.0, margin=0.1)
    with pytest.raises(AssayError, match="margin 0"):
        tost(share(1, 2), share(1, 2), margin=0)
    with pytest.raises(AssayError, match="out of range"):
        n_for_equivalence(0.3, 0.3, margin=0.1, power=80)


def test_n_to_settle_is_where_the_shrunk_interval_touches_the_limit() -> None:
    interval = Interval(0.02, 0.14, 0.95, "")
    assert n_to_settle(0.08, interval, limit=0.1, n=400) == math.ceil(400 * (0.06 / 0.02) ** 2 - 1e-6)
    assert n_to_settle(0.08, interval, limit=0.05, n=400) == math.ceil(400 * (0.06 / 0.03) ** 2 - 1e-6)
    assert n_to_settle(0.08, interval, limit=0.2, n=400) == 400
    assert n_to_settle(0.08, interval, limit=0.08, n=400) is None
    cut = Interval(0.0, 0.4, 0.95, "")
    assert n_to_settle(0.15, cut, limit=0.1, n=100) == pytest.approx(100 * (0.25 / 0.05) ** 2, abs=1)
    assert n_to_settle(0.85, Interval(0.6, 1.0, 0.95, ""), limit=0.9, n=100) == pytest.approx(2500, abs=1)
    assert n_to_settle(0.08, interval, limit=0.08 + 1e-14, n=400) is None


@pytest.mark.parametrize("limit", [0.05, 0.25])
def test_n_to_settle_settles_a_real_interval(limit: float) -> None:
    a, b = share(45, 100), share(30, 100)
    before = newcombe(a, b)
    n = n_to_settle(0.15, before, limit=limit, n=100)
    assert n is not None
    after = newcombe(Share(0.45 * n, n, n, n), Share(0.3 * n, n, n, n))
    assert before.low < limit < before.high
    room = min(abs(after.low - limit), abs(after.high - limit))
    assert not after.low + 0.01 < limit < after.high - 0.01
    assert room < 0.02

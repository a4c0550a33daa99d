"""Tests of rates and tables against scipy, statsmodels and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score
from statsmodels.stats.proportion import proportions_ztest

from assay.core.errors import AssayError
from assay.core.measure import Share
from assay.stats.tests import (
    chi_square,
    cramers_v,
    fisher,
    independence_by_permutation,
    mutual_information,
    two_proportions,
)


def share(hits: int, rows: int) -> Share:
    return Share(hits, rows, rows, rows)


shares = st.integers(1, 60).flatmap(lambda n: st.builds(share, st.integers(0, n), st.just(n)))
TABLE = np.array([[12, 5, 20], [30, 8, 9], [7, 7, 7], [0, 4, 16]])


@given(shares, shares)
def test_fisher_agrees_with_scipy(a: Share, b: Share) -> None:
    table = [[int(a.hits), int(a.total - a.hits)], [int(b.hits), int(b.total - b.hits)]]
    got, expected = fisher(a, b), scipy.stats.fisher_exact(table)
    assert got.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    if got.statistic is not None:
        assert got.statistic == pytest.approx(expected.statistic, rel=1e-12)


def test_fisher_on_the_lady_tasting_tea_and_on_many_rows() -> None:
    assert fisher(share(3, 4), share(1, 4)).p_value == pytest.approx(34 / 70, rel=1e-12)
    large = fisher(share(30_300_000, 60_000_000), share(30_280_000, 60_000_000))
    approximate = two_proportions(share(30_300_000, 60_000_000), share(30_280_000, 60_000_000))
    assert large.p_value == pytest.approx(approximate.p_value, rel=0.01)
    assert fisher(share(0, 10_000_000), share(5_000_000, 10_000_000)).p_value == 0


def test_fisher_refuses_weighted_rows() -> None:
    with pytest.raises(AssayError, match="whole, unweighted"):
        fisher(Share(2.5, 5.0, 5, 4.0), share(1, 2))
    with pytest.raises(AssayError, match="without rows"):
        fisher(share(0, 0), share(1, 2))


@pytest.mark.parametrize("pair", [(45, 100, 30, 90), (3, 1000, 9, 900), (1, 2, 1, 3)])
def test_two_proportions_agree_with_statsmodels(pair: tuple[int, int, int, int]) -> None:
    x, n, y, m = pair
    got = two_proportions(share(x, n), share(y, m))
    z, p = proportions_ztest([x, y], [n, m])
    assert (got.statistic, got.p_value) == pytest.approx((float(z), float(p)), rel=1e-10)
    half = two_proportions(Share(x, n, n, n / 2), Share(y, m, m, m / 2))
    assert half.statistic == pytest.approx(float(z) / np.sqrt(2))


def test_two_equal_certainties_do_not_differ() -> None:
    assert two_proportions(share(5, 5), share(9, 9)).p_value == 1


def test_chi_square_agrees_with_scipy_and_drops_empty_lines() -> None:
    got, expected = chi_square(TABLE), scipy.stats.chi2_contingency(TABLE, correction=False)
    assert (got.statistic, got.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-10)
    assert got.df == expected.dof
    padded = np.zeros((6, 5))
    padded[:4, 1:4] = TABLE
    assert chi_square(padded) == got
    assert chi_square([[3, 4, 5]]).p_value == 1
    with pytest.raises(AssayError, match="empty"):
        chi_square([[0, 0], [0, 0]])
    with pytest.raises(AssayError, match="two-way"):
        chi_square([1, -2])


def test_cramers_v_is_bergsmas() -> None:
    n = TABLE.sum()
    phi = scipy.stats.chi2_contingency(TABLE, correction=False).statistic / n
    r, c = TABLE.shape
    r_, c_ = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    assert cramers_v(TABLE) == pytest.approx(
        np.sqrt((phi - (r - 1) * (c - 1) / (n - 1)) / (min(r_, c_) - 1)), rel=1e-12
    )
    assert cramers_v(np.eye(3) * 50) == pytest.approx(1.0, abs=1e-12)
    assert cramers_v([[10, 20], [10, 20]]) == 0
    assert cramers_v([[10, 20]]) is None
    assert cramers_v([[1, 0], [0, 0]]) is None


def test_association_is_not_invented_by_many_levels() -> None:
    rng = np.random.default_rng(1)
    shape = (20, 5)
    tables = rng.multinomial(300, np.full(100, 0.01), size=300).reshape(300, *shape)
    naive = [np.sqrt(scipy.stats.contingency.association(t, method="cramer") ** 2) for t in tables if t.any(1).all()]
    corrected = [cramers_v(t) for t in tables]
    assert np.mean(naive) > 0.2
    assert np.mean([v for v in corrected if v is not None]) < 0.05
    information = [mutual_information(t) for t in tables]
    plug_in = [mutual_info_score(None, None, contingency=t) for t in tables]
    assert abs(np.mean(information)) < 0.2 * np.mean(plug_in)


def test_mutual_information_is_the_plug_in_with_miller_and_madows_correction() -> None:
    plug_in = mutual_info_score(None, None, contingency=TABLE)
    correction = (4 + 3 - 11 - 1) / (2 * TABLE.sum())
    assert mutual_information(TABLE) == pytest.approx(plug_in + correction, abs=1e-12)


def test_the_permutation_test_agrees_with_fisher_and_with_scipys_random_tables() -> None:
    table = np.array([[9, 3], [4, 11]])
    got = independence_by_permutation(table, permutations=20_000, rng=np.random.default_rng(2))
    margins = scipy.stats.random_table(table.sum(axis=1), table.sum(axis=0))
    observed = mutual_info_score(None, None, contingency=table)
    exact = 0.0
    for x in range(13):
        other = np.array([[x, 12 - x], [13 - x, 2 + x]])
        if mutual_info_score(None, None, contingency=other) >= observed - 1e-12:
            exact += float(margins.pmf(other))
    assert got.p_value == pytest.approx(exact, abs=0.005)
    assert got.statistic == pytest.approx(observed, abs=1e-12)


def test_the_permutation_test_keeps_its_level_on_sparse_tables() -> None:
    rng = np.random.default_rng(3)
    rejected = 0
    for _ in range(300):
        table = rng.multinomial(40, np.outer([0.7, 0.2, 0.1], np.full(8, 0.125)).reshape(-1)).reshape(3, 8)
        rejected += independence_by_permutation(table, permutations=99, rng=rng).p_value <= 0.05
    assert rejected / 300 <= 0.05 + 0.038
    with pytest.raises(AssayError, match="whole counts"):
        independence_by_permutation([[1.5, 2], [3, 4]], rng=rng)
    with pytest.raises(AssayError, match="fewer than"):
        independence_by_permutation([[10**9, 2], [3, 4]], rng=rng)

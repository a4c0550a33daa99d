"""The de-biased spread of groups: unbiased, covering, and its test against scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from assay.core.errors import AssayError
from assay.core.measure import Share
from assay.stats.gaps import omnibus, spread, spread_of_means


def share(hits: int, rows: int) -> Share:
    return Share(hits, rows, rows, rows)


def sample(rng: np.random.Generator, n: np.ndarray, rates: np.ndarray) -> list[Share]:
    return [share(int(x), int(m)) for x, m in zip(rng.binomial(n, rates), n, strict=True)]


def test_the_variance_is_the_double_corrected_one() -> None:
    got = spread([share(30, 100), share(50, 100), share(8, 20), share(1, 1), share(0, 0)])
    rates, n = np.array([0.3, 0.5, 0.4]), np.array([100, 100, 20])
    expected = rates.var(ddof=1) - (rates * (1 - rates) / (n - 1)).mean()
    assert got.variance == pytest.approx(expected, abs=1e-12)
    assert got.value == pytest.approx(np.sqrt(max(0.0, expected)), abs=1e-12)
    assert got.raw == pytest.approx(rates.std(ddof=1), abs=1e-12)
    assert got.left_out == (3, 4)


@pytest.mark.parametrize("distance", [0.0, 0.1])
def test_it_is_unbiased_where_the_raw_one_is_not(distance: float) -> None:
    rng = np.random.default_rng(1)
    n, rates = np.resize([30, 60, 200], 8), 0.3 + distance * np.linspace(-1, 1, 8)
    got = [spread(sample(rng, n, rates)) for _ in range(2000)]
    truth, variances = rates.var(ddof=1), np.array([s.variance for s in got])
    assert variances.mean() == pytest.approx(truth, abs=4 * variances.std() / np.sqrt(2000))
    assert np.mean([s.raw**2 for s in got]) > truth + 0.002


@pytest.mark.parametrize("sizes", [(200,), (20, 2000, 200)])
@pytest.mark.parametrize("k", [2, 5, 30])
def test_the_interval_covers(k: int, sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng([2, k])
    n = np.resize(sizes, k)
    for base in (0.06, 0.3):
        for distance in (0.0, 0.05):
            rates = base + distance * np.linspace(-1, 1, k)
            truth, held = rates.std(ddof=1), 0
            for _ in range(300):
                interval = spread(sample(rng, n, rates)).interval
                assert interval is not None
                held += interval.low - 1e-9 <= truth <= interval.high
            assert held / 300 >= 0.94 - 0.041


def test_means_with_equal_errors_give_the_exact_interval() -> None:
    means, error = np.array([0.0, 1.0, 2.5, 0.5]), 0.4
    got = spread_of_means(means, np.full(4, error)).interval
    assert got is not None
    statistic = means.var(ddof=1) * 3 / error**2
    for end, p in ((got.low, 0.975), (got.high, 0.025)):
        assert scipy.stats.ncx2.cdf(statistic, 3, 3 * end**2 / error**2) == pytest.approx(p, abs=1e-9)


def test_many_rows_use_the_same_interval_as_few() -> None:
    # at 1e7 the exact inversion hands over to its limit
    means = np.array([0.0, 1.0, 2.0])
    below, above = (spread_of_means(means, np.full(3, e)).interval for e in (0.000448, 0.000447))
    assert below is not None
    assert above is not None
    assert (1 - below.low) / 0.000448 == pytest.approx((1 - above.low) / 0.000447, rel=1e-4)
    assert (below.high - 1) / 0.000448 == pytest.approx((above.high - 1) / 0.000447, rel=1e-4)


def test_degenerate_spreads() -> None:
    certain = spread_of_means([1.0, 2.0], [0.0, 0.0])
    assert certain.interval is None
    assert certain.value == pytest.approx(np.sqrt(0.5))
    nobody = spread([share(0, 20), share(0, 30)])
    assert nobody.value == 0
    assert nobody.interval is not None
    assert nobody.interval.high > 0.02
    with pytest.raises(AssayError, match="needs two"):
        spread([share(1, 2), share(1, 1)])
    with pytest.raises(AssayError, match="two groups or more"):
        spread_of_means([1.0], [0.1])


def test_the_omnibus_is_pearsons_test_of_all_groups() -> None:
    groups = [share(30, 100), share(45, 90), share(10, 60)]
    expected = scipy.stats.chi2_contingency([[30, 45, 10], [70, 45, 50]], correction=False)
    got = omnibus([*groups, share(0, 0)])
    assert (got.statistic, got.p_value, got.df) == pytest.approx((expected.statistic, expected.pvalue, 2), rel=1e-9)
    halved = omnibus([Share(s.hits, s.total, s.rows, s.effective / 2) for s in groups])
    assert halved.statistic == pytest.approx(expected.statistic / 2)
    assert omnibus([share(0, 5), share(0, 9)]).p_value == 1

"""The bootstrap on counts against the bootstrap on rows (scipy) and by coverage."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from assay.core.errors import AssayError
from assay.stats import bootstrap
from assay.stats.bootstrap import bca, multinomial, percentile

Floats = NDArray[np.float64]
VALUES = np.array([0.0, 1.0, 2.0, 5.0, 20.0])
COUNTS = np.array([40, 25, 20, 12, 3])


def mean_of_values(tables: Floats) -> Floats:
    return tables @ VALUES / tables.sum(axis=1)


def gap(tables: Floats) -> Floats:
    """Difference of the hit rates of two groups: tables are groups × (miss, hit)."""
    rates = tables[:, :, 1] / tables.sum(axis=2)
    return rates[:, 0] - rates[:, 1]


def test_counts_give_the_distribution_of_the_row_bootstrap() -> None:
    rng = np.random.default_rng(1)
    got = multinomial(COUNTS, mean_of_values, replicates=20_000, rng=rng)
    rows = np.repeat(VALUES, COUNTS)
    by_row = rows[rng.integers(0, 100, size=(20_000, 100))].mean(axis=1)
    assert scipy.stats.ks_2samp(got, by_row).pvalue > 0.001
    assert got.std() == pytest.approx(rows.std() / 10, rel=0.02)


def test_bca_agrees_with_scipy_on_rows() -> None:
    rows = np.repeat(VALUES, COUNTS)
    got = bca(COUNTS, mean_of_values, replicates=40_000, rng=np.random.default_rng(2))
    theirs = scipy.stats.bootstrap((rows,), np.mean, n_resamples=40_000, rng=np.random.default_rng(3), method="BCa")
    assert got is not None
    assert got.low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert got.high == pytest.approx(theirs.confidence_interval.high, abs=0.02)
    plain = percentile(multinomial(COUNTS, mean_of_values, replicates=40_000, rng=np.random.default_rng(4)))
    assert plain is not None
    assert got.high > plain.high + 0.05


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.array([[30, 20], [10, 40]])
    whole = multinomial(table, gap, replicates=500, rng=np.random.default_rng(5))
    wide = bca(table, gap, replicates=500, rng=np.random.default_rng(5))
    monkeypatch.setattr(bootstrap, "BLOCK", 8)
    assert np.array_equal(multinomial(table, gap, replicates=500, rng=np.random.default_rng(5)), whole)
    assert bca(table, gap, replicates=500, rng=np.random.default_rng(5)) == wide


def test_undefined_replicates_widen_and_then_end_the_interval() -> None:
    draws = np.linspace(0, 1, 1001)
    whole = percentile(draws)
    assert whole is not None
    assert (whole.low, whole.high) == pytest.approx((0.025, 0.975), abs=2e-3)
    few = draws.copy()
    few[500:510] = np.nan
    wider = percentile(few)
    assert wider is not None
    assert wider.low < whole.low
    assert wider.high > whole.high
    few[500:560] = np.nan
    assert percentile(few) is None
    assert percentile([]) is None


def test_a_group_that_is_often_not_drawn_has_no_interval() -> None:
    table = np.array([[1, 0], [50, 50]])
    draws = multinomial(table, gap, replicates=400, rng=np.random.default_rng(6))
    assert np.isnan(draws).mean() == pytest.approx(np.exp(-1), abs=0.08)
    assert percentile(draws) is None
    assert bca(table, gap, replicates=400, rng=np.random.default_rng(6)) is None


def test_what_is_not_a_bootstrap_of_rows_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(AssayError, match="whole counts"):
        multinomial([1.5, 2.0], mean_of_values, rng=rng)
    with pytest.raises(AssayError, match="whole counts"):
        multinomial([0, 0], mean_of_values, rng=rng)
    with pytest.raises(AssayError, match="one number a replicate"):
        bca(COUNTS, lambda tables: tables, rng=rng)
    with pytest.raises(AssayError, match="one number a replicate"):
        multinomial(COUNTS, lambda tables: tables[0], rng=rng)


def test_several_statistics_come_from_the_same_resamples() -> None:
    both = multinomial(
        COUNTS,
        lambda tables: np.stack([mean_of_values(tables), 2 * mean_of_values(tables)], axis=1),
        replicates=50,
        rng=np.random.default_rng(1),
    )
    assert both.shape == (50, 2)
    assert np.array_equal(both[:, 0], multinomial(COUNTS, mean_of_values, replicates=50, rng=np.random.default_rng(1)))
    assert np.array_equal(both[:, 1], 2 * both[:, 0])


def test_the_intervals_cover() -> None:
    rng = np.random.default_rng(7)
    rates = np.array([[0.4 * 0.7, 0.4 * 0.3], [0.6 * 0.8, 0.6 * 0.2]])
    held = {"percentile": 0, "BCa": 0}
    for _ in range(300):
        table = rng.multinomial(400, rates.reshape(-1)).reshape(2, 2)
        plain = percentile(multinomial(table, gap, replicates=600, rng=rng))
        corrected = bca(table, gap, replicates=600, rng=rng)
        for name, interval in (("percentile", plain), ("BCa", corrected)):
            assert interval is not None
            held[name] += interval.low <= 0.1 <= interval.high
    assert min(held.values()) / 300 >= 0.94 - 0.041, held

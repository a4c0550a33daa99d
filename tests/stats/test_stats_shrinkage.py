"""Partially pooled rates against a brute-force posterior, and what pooling must do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betaln

from assay.core.errors import AssayError
from assay.core.measure import Share
from assay.stats.shrinkage import shrink


def share(hits: int, rows: int) -> Share:
    return Share(hits, rows, rows, rows)


@pytest.mark.parametrize(
    "sample",
    [[(3, 10), (30, 60), (12, 90), (0, 5)], [(50, 200), (52, 190), (49, 210)], [(1, 4), (3, 4)]],
)
def test_the_values_are_the_brute_force_posterior_means(sample: list[tuple[int, int]]) -> None:
    x, n = np.array(sample, dtype=float).T
    spread, mu = np.meshgrid(np.linspace(0.0005, 0.9995, 1000), np.linspace(0.001, 0.999, 500))
    strength = (1 / spread**2 - 1)[..., None]
    alpha, beta = mu[..., None] * strength, (1 - mu[..., None]) * strength
    log = (betaln(x + alpha, n - x + beta) - betaln(alpha, beta)).sum(axis=-1)
    weight = np.exp(log - log.max())[..., None] / np.exp(log - log.max()).sum()
    value = ((x + alpha) / (n + strength) * weight).sum(axis=(0, 1))
    own = (n / (n + strength) * weight).sum(axis=(0, 1))
    got = shrink([share(*pair) for pair in sample])
    assert [g.value for g in got] == pytest.approx(value, abs=0.004)
    assert [g.weight for g in got] == pytest.approx(own, abs=0.012)


def test_small_groups_move_and_large_ones_stay() -> None:
    got = shrink([share(5, 5), share(300, 1000), share(350, 1000), share(280, 1000), share(0, 0)])
    assert got[0].value < 0.75
    assert got[0].weight < 0.5
    assert got[1].value == pytest.approx(0.3, abs=0.01)
    assert got[1].weight > 0.8
    assert got[4].weight == 0
    assert all(g.interval.low <= g.value <= g.interval.high for g in got)
    assert got[0].interval.method == "beta-binomial partial pooling"


def test_equal_groups_pool_and_different_ones_do_not() -> None:
    equal = shrink([share(30, 100)] * 20)
    apart = shrink([share(10, 100), share(90, 100), share(50, 100), share(30, 100)])
    assert equal[0].weight < 0.25
    assert equal[0].interval.high - equal[0].interval.low < 0.12
    assert min(g.weight for g in apart) > 0.9


def test_two_groups_with_rows_are_needed() -> None:
    with pytest.raises(AssayError, match="two groups") as caught:
        shrink([share(1, 2), share(0, 0)])
    assert caught.value.code == "too-few-groups"


def test_intervals_cover_over_groups_and_errors_shrink() -> None:
    rng = np.random.default_rng(1)
    held = total = 0
    pooled_error = raw_error = 0.0
    for strength in (5, 30, 200):
        for _ in range(60):
            rates = rng.beta(0.4 * strength, 0.6 * strength, 12)
            n = rng.choice([15, 60, 300], 12)
            hits = rng.binomial(n, rates)
            got = shrink([share(int(x), int(m)) for x, m in zip(hits, n, strict=True)])
            held += sum(g.interval.low <= p <= g.interval.high for g, p in zip(got, rates, strict=True))
            total += 12
            pooled_error += sum((g.value - p) ** 2 for g, p in zip(got, rates, strict=True))
            raw_error += float(((hits / n - rates) ** 2).sum())
    assert held / total == pytest.approx(0.95, abs=0.02)
    assert pooled_error < 0.7 * raw_error

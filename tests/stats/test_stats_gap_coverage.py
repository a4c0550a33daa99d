"""How often the intervals of widest gaps and ratios hold the truth, and how often the plain ones do not.

`coverage` with more repeats makes the table of docs/why/widest-gap.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.core.measure import Share
from assay.stats.gaps import widest_gap, widest_gap_of_means, widest_ratio
from assay.stats.rates import newcombe

Floats = NDArray[np.float64]
KINDS: dict[str, Callable[[int], Floats]] = {
    "equal": lambda k: np.full(k, 0.3),
    "one apart": lambda k: np.r_[0.4, np.full(k - 1, 0.3)],
    "spread": lambda k: np.linspace(0.2, 0.4, k),
    "rare": lambda k: np.full(k, 0.05),
}


def draws(rates: Floats, n: int, repeats: int, rng: np.random.Generator) -> list[list[Share]]:
    hits = rng.binomial(n, rates, size=(repeats, len(rates))).tolist()
    return [[Share(x, n, n, n) for x in row] for row in hits]


def coverage(kind: str, k: int, n: int, *, repeats: int, seed: int = 0) -> float:
    """Share of `repeats` samples whose widest-gap interval holds the true widest gap."""
    rates = KINDS[kind](k)
    truth = float(rates.max() - rates.min())
    held = 0
    for sample in draws(rates, n, repeats, np.random.default_rng([seed, k, n])):
        interval = widest_gap(sample).interval
        held += interval.low - 1e-12 <= truth <= interval.high + 1e-12
    return held / repeats


@pytest.mark.parametrize("n", [50, 500, 5000])
@pytest.mark.parametrize("k", [2, 5, 10, 60])
def test_the_widest_gap_covers(k: int, n: int) -> None:
    repeats = 700 if k < 60 else 250
    got = {kind: coverage(kind, k, n, repeats=repeats) for kind in KINDS}
    noise = 3 * (0.05 * 0.95 / repeats) ** 0.5
    assert min(got.values()) >= 0.94 - noise, got
    assert np.mean(list(got.values())) >= 0.945 - noise / 2, got


def test_the_extreme_pairs_plain_interval_does_not_cover() -> None:
    misses = 0
    for sample in draws(np.full(10, 0.3), 500, 300, np.random.default_rng(1)):
        high, low = max(sample, key=lambda s: s.hits), min(sample, key=lambda s: s.hits)
        misses += newcombe(high, low).low > 0
    assert misses / 300 > 0.4


@pytest.mark.parametrize("sizes", [(20, 2000, 200), (2000, 2000, 15)])
def test_the_widest_gap_covers_with_unequal_groups(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    n = np.resize(sizes, 9)
    for rates in (np.full(9, 0.2), np.linspace(0.1, 0.4, 9)):
        held = 0
        for hits in rng.binomial(n, rates, size=(600, 9)).tolist():
            interval = widest_gap([Share(x, int(m), int(m), int(m)) for x, m in zip(hits, n, strict=True)]).interval
            held += interval.low <= rates.max() - rates.min() <= interval.high
        assert held / 600 >= 0.94 - 0.027


@pytest.mark.parametrize("k", [2, 5, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_the_widest_ratio_covers(k: int, kind: str) -> None:
    rates = KINDS[kind](k)
    truth = float(rates.min() / rates.max())
    for n in (50, 500):
        held = 0
        for sample in draws(rates, n, 500, np.random.default_rng([3, k, n])):
            interval = widest_ratio(sample).interval
            held += interval is None or interval.low - 1e-12 <= truth <= interval.high + 1e-12
        assert held / 500 >= 0.94 - 0.029


@pytest.mark.parametrize("k", [2, 5, 30])
def test_the_widest_gap_of_means_covers(k: int) -> None:
    rng = np.random.default_rng([4, k])
    errors = np.linspace(0.01, 0.03, k)
    for means in (np.full(k, 0.7), np.linspace(0.65, 0.75, k), np.r_[0.8, np.full(k - 1, 0.7)]):
        held = 0
        for row in means + errors * rng.standard_normal((600, k)):
            interval = widest_gap_of_means(row, errors, np.full(k, 100)).interval
            held += interval.low - 1e-12 <= means.max() - means.min() <= interval.high
        assert held / 600 >= 0.94 - 0.027
